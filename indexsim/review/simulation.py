"""The periodic review, simulated: from what was known on a base date to events with their reasons.

`simulate` asks the market for nothing that was not known on the evening of the base date. The rules of
choice are in `indexsim.review.selection`, the weight cap in `indexsim.capping`, the measures in
`indexsim.review.snapshot`; `indexsim.review` gives the answers in plain values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from indexsim import rules
from indexsim.capping import CapDecision, cap_test
from indexsim.errors import MissingData, SpecError
from indexsim.events import CapStep, FactorStep, Replace
from indexsim.market import MarketData
from indexsim.review.dates import ReviewDates
from indexsim.review.selection import Selection, entrant_factor, first_half, is_phased, select
from indexsim.review.snapshot import Snapshot, base_prices, take_snapshot

#: Sessions around an effective date within which a recorded change belongs to that review: one was staged
#: over four sessions.
NEAR_SESSIONS = 3


@dataclass(frozen=True)
class Settings:
    """What a review is computed with; each default is a constant of `indexsim.rules`.

    Attributes
    ----------
    eligible, must_have : int
        Ranks beyond which members go and within which outsiders come in.
    most : int
        Most names exchanged.
    trading_value_share : Fraction
        Share of the rank by trading value in the liquidity score (B: not published).
    cap_release_weight : Fraction
        Weight below which a capped name gets a step back (B: not published).
    phase_in_below : Fraction or None
        Share of trading value / coming weight below which an entry is phased; None is the dated default.
    announced_session : int
        Session of March or September on which the review is announced.
    ratios : mapping of code to Fraction, or None
        Capping ratios that the first factors of the market contain already; None takes the published ones
        (``data/facts/cap_steps.csv``), and none in a synthetic market.
    """

    eligible: int = rules.ELIGIBLE_RANK
    must_have: int = rules.MUST_HAVE_RANK
    most: int = rules.MAX_REPLACEMENTS
    trading_value_share: Fraction = rules.TRADING_VALUE_SHARE
    cap_release_weight: Fraction = rules.CAP_RELEASE_WEIGHT
    phase_in_below: Fraction | None = None
    announced_session: int = rules.REVIEW_ANNOUNCED_SESSION
    ratios: Mapping[str, Fraction] | None = field(default=None, hash=False)


@dataclass(frozen=True)
class Reasoned:
    """An event and the reason for each code in it."""

    event: Replace | FactorStep | CapStep
    reasons: Mapping[str, str]

    @property
    def reason(self) -> str:
        """All reasons in one line."""
        return "; ".join(f"{code}: {reason}" for code, reason in self.reasons.items())


@dataclass(frozen=True)
class Review:
    """A simulated review.

    Attributes
    ----------
    dates : ReviewDates
    events : tuple of Reasoned
        At most one `Replace`, then phase-in steps, then cap steps.
    selection : Selection
    caps : dict of str -> CapDecision
        Names whose capping ratio moves.
    snapshot : Snapshot
        What the review saw.
    warnings : tuple of str
        Where a number that is not published decided.
    """

    dates: ReviewDates
    events: tuple[Reasoned, ...]
    selection: Selection
    caps: Mapping[str, CapDecision]
    snapshot: Snapshot
    warnings: tuple[str, ...]


#: What the rulebook says, and the documented default where it says nothing.
DEFAULT = Settings()


def simulate(market: MarketData, dates: ReviewDates, settings: Settings = DEFAULT) -> Review:
    """Review the index as of a base date, with what was known that evening.

    Parameters
    ----------
    market : MarketData
        With ``closes``, ``volumes``, ``universe`` and ``factors``.
    dates : ReviewDates
        The base date must be a session of ``closes``.
    settings : Settings

    Raises
    ------
    MissingData
        A file, the base date, or what a constituent needs is not there.
    DataError
        A finding in what is used.
    """
    seen = take_snapshot(market, dates, settings.trading_value_share, settings.ratios)
    chosen = select(seen.standings, settings.eligible, settings.must_have, settings.most)
    steps, untested = _second_steps(market, seen, chosen, settings)
    events = [*_replacement(seen, chosen, settings), *steps]
    staying = {code: weight for code, weight in seen.weights.items() if code in _staying(seen, chosen)}
    caps = cap_test(staying, seen.ratios, dates.effective, settings.cap_release_weight)
    events += _cap_steps(seen, caps, events)
    warnings = [f"{code}: {decision.warning}" for code, decision in caps.items() if decision.warning]
    return Review(dates, tuple(events), chosen, caps, seen, (*warnings, *untested))


def _staying(seen: Snapshot, chosen: Selection) -> list[str]:
    gone = {pick.code for pick in chosen.leaving}
    return [code for code in seen.held if code not in gone]


def _replacement(seen: Snapshot, chosen: Selection, settings: Settings) -> list[Reasoned]:
    if not chosen.leaving:
        return []
    entering, reasons = {}, {pick.code: pick.reason for pick in chosen.leaving}
    for pick in chosen.entering:
        entering[pick.code], text = _entry(seen, pick.code, _phase_in_below(settings, seen.dates.effective))
        reasons[pick.code] = f"{pick.reason}; {text}"
    leaving = tuple(pick.code for pick in chosen.leaving)
    dates = seen.dates
    return [Reasoned(Replace(entering, leaving, effective=dates.effective, announced=dates.announced), reasons)]


def _phase_in_below(settings: Settings, effective: date) -> Fraction | None:
    dated = rules.PHASE_IN_BELOW.on(effective)
    return dated if dated is None or settings.phase_in_below is None else settings.phase_in_below


def _entry(seen: Snapshot, code: str, below: Fraction | None) -> tuple[Fraction, str]:
    """Return the first factor of an entrant and how it came about."""
    full = entrant_factor(seen.closes[code], seen.price_sum)
    text = f"factor {float(full):g} by the 1 % rule at {float(seen.closes[code]):g} yen"
    weight = seen.closes[code] * full / seen.price_sum
    if not is_phased(seen.year_share(code), weight, below) or first_half(full) == full:
        return full, text
    text += f", phased: {100 * seen.year_share(code):.3g} % of the trading value for {100 * float(weight):.3g} % weight"
    return first_half(full), text


def _second_steps(
    market: MarketData, seen: Snapshot, chosen: Selection, settings: Settings
) -> tuple[list[Reasoned], list[str]]:
    """Complete the entries that the review before phased; second, say what could not be tested."""
    before = seen.dates.previous()
    entered = _entered(seen, chosen, before) if _phase_in_below(settings, before.effective) is not None else {}
    closes, price_sum = base_prices(market, seen.events, before.base, list(entered))
    steps = []
    for code in (code for code in entered if code in closes):
        full = entrant_factor(closes[code], price_sum)
        if entered[code] != full and entered[code] == first_half(full):
            # A split since the entry has moved the factor in force by its ratio.
            factor = seen.held[code] * full / entered[code]
            dates = seen.dates
            event = FactorStep(code, factor, phase_in=True, effective=dates.effective, announced=dates.announced)
            reason = f"entered on {before.effective} with {float(entered[code]):g} of {float(full):g}"
            steps.append(Reasoned(event, {code: reason}))
    untested = [code for code in entered if code not in closes]
    told = f"no closes on {before.base}: whether {', '.join(untested)} entered in full is not known"
    return steps, [told] if untested else []


def _entered(seen: Snapshot, chosen: Selection, before: ReviewDates) -> dict[str, Fraction]:
    """Return who came in at the review before and stays, with the factors at entry."""
    staying = _staying(seen, chosen)
    swaps = [e for e in seen.events if isinstance(e, Replace) and before.is_near(e.effective, NEAR_SESSIONS)]
    return {code: factor for swap in swaps for code, factor in swap.entering.items() if code in staying}


def _cap_steps(seen: Snapshot, caps: Mapping[str, CapDecision], before: Sequence[Reasoned]) -> list[Reasoned]:
    stepped = {r.event.code: r.event.factor for r in before if isinstance(r.event, FactorStep)}
    steps = []
    for code, decision in caps.items():
        factor = stepped.get(code, seen.held[code]) * decision.after / decision.before
        # The cap is announced on the evening of the base date (A17).
        event = CapStep(code, factor, effective=seen.dates.effective, announced=seen.dates.base)
        ratios = f"capping ratio {float(decision.before):g} to {float(decision.after):g}"
        steps.append(Reasoned(event, {code: f"{decision.reason}; {ratios}"}))
    return steps


def substitute(
    market: MarketData,
    leaving: str,
    at: date,
    effective: date,
    settings: Settings = DEFAULT,
) -> Reasoned:
    """Replace a constituent outside the reviews by the most liquid outsider of its sector (A22).

    Parameters
    ----------
    market : MarketData
    leaving : str
        Code of the constituent that is delisted, moves to another segment or is put on alert.
    at : date
        Session on whose evening the replacement is announced; its closes decide.
    effective : date
        First session without the constituent, after `at`.
    settings : Settings

    Returns
    -------
    Reasoned
        One `Replace`. The entry is not phased: no such case is known.

    Raises
    ------
    SpecError
        The code is not held, or `effective` is not after `at`.
    MissingData
        Its sector has no outsider.
    """
    if effective <= at:
        raise SpecError(
            asked=f"replace {leaving} from {effective}",
            found=f"announced on {at}",
            rule="a replacement acts after it was announced",
            todo="name a later effective date",
        )
    seen = take_snapshot(market, ReviewDates(at, at, effective), settings.trading_value_share, settings.ratios)
    if leaving not in seen.held:
        raise SpecError(
            asked=f"replace {leaving} from {effective}",
            found=f"it is not among the {len(seen.held)} constituents of {at}",
            rule="a replacement takes a constituent out",
            todo="correct the code, or the date",
        )
    sector = next(s.name.sector for s in seen.standings if s.code == leaving)
    into = next((s for s in seen.standings if s.name.sector == sector and not s.name.member), None)
    if into is None:
        raise MissingData(
            asked=f"replace {leaving} from {effective}",
            found=f"no outsider of the sector {sector} with a close on {at}",
            rule="the substitute is the most liquid outsider of the same sector",
            todo="add outsiders of that sector to universe, closes and volumes",
        )
    factor, text = _entry(seen, into.code, None)
    reasons = {leaving: "extraordinary", into.code: f"most liquid outsider of {sector}, rank {into.rank}; {text}"}
    return Reasoned(Replace({into.code: factor}, (leaving,), effective=effective, announced=at), reasons)
