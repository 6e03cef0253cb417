"""The weight cap: which capping ratio follows from a weight, and what a step does to the index.

The publisher's factors are cap-adjusted already: a ratio is kept beside a factor only to know how far
the cap has gone, and a step multiplies the factor by new / old ratio.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from indexsim import facts, rules
from indexsim.basket import Basket
from indexsim.errors import SpecError
from indexsim.events import CapStep, Event, FactorStep, Replace
from indexsim.rounding import exact_price


@dataclass(frozen=True)
class CapDecision:
    """What the cap test says about one name.

    Attributes
    ----------
    before, after : Fraction
        Capping ratio in force and from the review's effective date on.
    reason : str
        The weight against the number that decided.
    warning : str
        Where a number that is not published decided; else empty.
    """

    before: Fraction
    after: Fraction
    reason: str
    warning: str = ""

    @property
    def changes(self) -> bool:
        """Whether the ratio moves."""
        return self.before != self.after


@dataclass(frozen=True)
class CapEffect:
    """What a step of a capping ratio does to the index and to those who track it.

    Attributes
    ----------
    sum_ratio : Fraction
        New sum of price x factor over the old one; the divisor moves by the same ratio.
    weight : Fraction
        Of the name, afterwards.
    trade : Fraction
        Part of its assets that a tracker shifts: out of the name if positive, into it if negative.
    """

    sum_ratio: Fraction
    weight: Fraction
    trade: Fraction


def cap_decision(
    weight: Fraction | float,
    ratio: Fraction | float,
    effective: date,
    cap_release_weight: Fraction | float = rules.CAP_RELEASE_WEIGHT,
    threshold: Fraction | float | None = None,
) -> CapDecision:
    """Test one name against the cap, and say why the answer is what it is (A17, A18).

    Parameters
    ----------
    weight : Fraction or float
        Fraction of the index at the close of the base date, after the cap in force.
    ratio : Fraction or float
        Capping ratio in force: a tenth from 0.1 to 1.
    effective : date
        Of the review; its threshold is the one that counts.
    cap_release_weight : Fraction or float
        Below it a capped name gets a step back (B: not published).
    threshold : Fraction or float, optional
        Another threshold than the publisher's of that date.

    Raises
    ------
    SpecError
        The weight is no fraction, or the ratio no tenth.
    """
    share, before = _checked(weight, ratio)
    limit = rules.CAP_THRESHOLD.on(effective) if threshold is None else _exact(threshold)
    release = _exact(cap_release_weight)
    if limit is None:
        return CapDecision(before, before, f"no cap is in force on {effective}")
    said = f"weight {_percent(share)}"
    if share > limit:
        after = max(rules.CAP_RATIO_STEP, before - rules.CAP_RATIO_STEP)
        return CapDecision(before, after, f"{said} above the threshold of {_percent(limit)}")
    if before < 1 and share < release:
        unpublished = f"the release weight of {_percent(release)} is not published; it decided here"
        return CapDecision(
            before,
            before + rules.CAP_RATIO_STEP,
            f"{said} below the release weight of {_percent(release)}",
            unpublished,
        )
    return CapDecision(before, before, f"{said} not above the threshold of {_percent(limit)}")


def cap_ratio_after(
    weight: Fraction | float,
    ratio: Fraction | float,
    effective: date,
    cap_release_weight: Fraction | float = rules.CAP_RELEASE_WEIGHT,
    threshold: Fraction | float | None = None,
) -> Fraction:
    """Return the capping ratio from a review on; parameters and errors as `cap_decision`.

    Examples
    --------
    Fast Retailing on 2025-01-31, when it was at 0.9:

    >>> str(cap_ratio_after(0.114, 0.9, date(2025, 4, 1)))
    '4/5'
    """
    return cap_decision(weight, ratio, effective, cap_release_weight, threshold).after


def cap_effect(weight: Fraction | float, before: Fraction | float, after: Fraction | float) -> CapEffect:
    """Return what the step of a ratio does: S'/S = 1 - w (1 - q), w' = w q / (S'/S) with q = after / before (A19).

    Examples
    --------
    >>> effect = cap_effect(0.1045, 1, 0.9)
    >>> float(effect.sum_ratio), round(float(effect.weight), 5)
    (0.98955, 0.09504)
    """
    share, old = _checked(weight, before)
    _, new = _checked(weight, after)
    sum_ratio = 1 - share * (1 - new / old)
    new_weight = share * new / old / sum_ratio
    return CapEffect(sum_ratio, new_weight, share - new_weight)


def cap_test(
    weights: Mapping[str, Fraction],
    ratios: Mapping[str, Fraction],
    effective: date,
    cap_release_weight: Fraction | float = rules.CAP_RELEASE_WEIGHT,
) -> dict[str, CapDecision]:
    """Test every name and return those whose ratio moves.

    Parameters
    ----------
    weights : mapping of code to Fraction
        At the close of the base date.
    ratios : mapping of code to Fraction
        Capping ratios in force; a code that is absent has 1.
    effective : date
        Of the review.
    cap_release_weight : Fraction or float
    """
    tested = {
        code: cap_decision(weight, ratios.get(code, Fraction(1)), effective, cap_release_weight)
        for code, weight in weights.items()
    }
    return {code: decision for code, decision in tested.items() if decision.changes}


def published_ratios(day: date, codes: Iterable[str]) -> dict[str, Fraction]:
    """Return the capping ratios below one that the published factors of a day contain, of some codes (A17).

    Examples
    --------
    >>> {code: float(ratio) for code, ratio in published_ratios(date(2025, 7, 3), ["6857", "9983"]).items()}
    {'9983': 0.8}
    """
    held = frozenset(codes)
    ratios = {n.code: n.ratio_after for n in facts.cap_steps() if n.effective <= day and n.code in held}
    return {code: ratio for code, ratio in ratios.items() if ratio != 1}


def published_steps() -> frozenset[tuple[str, date]]:
    """Return code and effective date of every known step of the cap, whatever ``factors`` calls it."""
    return frozenset((notice.code, notice.effective) for notice in facts.cap_steps())


def capping_ratios(
    basket: Basket,
    events: Sequence[Event],
    start: Mapping[str, Fraction] | None = None,
    cap_steps: Container[tuple[str, date]] = frozenset(),
) -> dict[str, Fraction]:
    """Return the capping ratios below one after events, read from their cap steps.

    Parameters
    ----------
    basket : Basket
        Before the events.
    events : sequence of Event
        In the order in which they act.
    start : mapping of code to Fraction, optional
        Ratios that the first factors contain already; a code that is absent has 1.
    cap_steps : container of (code, effective date)
        Steps that are cap steps, whatever ``factors`` calls them.
    """
    ratios = dict(start or {})
    for event in events:
        after = basket.apply(event)
        if isinstance(event, CapStep) or (isinstance(event, FactorStep) and (event.code, event.effective) in cap_steps):
            step = event.factor / basket.factors[event.code]
            ratios[event.code] = ratios.get(event.code, Fraction(1)) * step
        elif isinstance(event, Replace):
            ratios = {code: ratio for code, ratio in ratios.items() if code not in event.leaving}
        basket = after
    return {code: ratio for code, ratio in ratios.items() if ratio != 1}


def _checked(weight: Fraction | float, ratio: Fraction | float) -> tuple[Fraction, Fraction]:
    usable = 0 <= weight <= 1 and 0 < ratio <= 1  # false for NaN, too
    if not usable or (_exact(ratio) / rules.CAP_RATIO_STEP).denominator != 1:
        raise SpecError(
            asked="test the weight cap",
            found=f"weight {float(weight):g}, ratio {float(ratio):g}",
            rule="a weight is a fraction from 0 to 1 (10 % is 0.1), a capping ratio a tenth from 0.1 to 1",
            todo="correct the two numbers, or the cap steps that the ratio was read from",
        )
    return _exact(weight), _exact(ratio)


def _exact(value: Fraction | float) -> Fraction:
    return value if isinstance(value, Fraction) else exact_price(float(value))


def _percent(value: Fraction) -> str:
    return f"{100 * float(value):.6g} %"
