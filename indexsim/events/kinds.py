"""Events: dated facts that change a basket, a price basis, or both.

Each event says what it does to the factors (`change`) and to the closes of the session before
(`standard`); the divisor follows from the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Literal

from indexsim import rules
from indexsim.errors import EventError

Factors = Mapping[str, Fraction]


@dataclass(frozen=True, kw_only=True)
class _Fact:
    """When an event acts, and when it may be known (None: not before it acts)."""

    effective: date
    announced: date | None = None

    def change(self, factors: Factors) -> dict[str, Fraction]:
        """Return the factors after the event; EventError if it cannot be applied to them."""
        return dict(factors)

    def standard(self, closes: Factors) -> dict[str, Fraction]:
        """Return the closes of the session before on the basis after the event, in yen."""
        return dict(closes)

    def _held(self, factors: Factors, code: str) -> Fraction:
        if code not in factors:
            raise _refused(self, f"{code} is not among the {len(factors)} codes", "the code is in the basket")
        return factors[code]

    def _absent(self, factors: Factors, code: str) -> None:
        if code in factors:
            raise _refused(self, f"{code} is in already", "a code comes in once")


def _refused(event: _Fact, found: str, rule: str) -> EventError:
    asked = f"apply {event} on {event.effective}"
    return EventError(asked=asked, found=found, rule=rule, todo="correct the event or the order of the events")


@dataclass(frozen=True)
class Replace(_Fact):
    """All entries and exits of one date, as one event; an exit needs no entry (A14, A22).

    Attributes
    ----------
    entering : mapping of code to Fraction
        Codes that come in with their factors, in order.
    leaving : tuple of str
        Codes that go out.
    """

    entering: Mapping[str, Fraction] = field(default_factory=dict, hash=False)
    leaving: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "entering", dict(self.entering))

    def change(self, factors: Factors) -> dict[str, Fraction]:
        """Take the leaving codes out, then bring the entering ones in."""
        for code in self.leaving:
            self._held(factors, code)
        after = {code: factor for code, factor in factors.items() if code not in self.leaving}
        for code, factor in self.entering.items():
            self._absent(factors, code)
            after[code] = factor
        return after

    def __str__(self) -> str:
        into = [f"{code} in ({_text(factor)})" for code, factor in self.entering.items()]
        return ", ".join([f"{code} out" for code in self.leaving] + into)


@dataclass(frozen=True)
class _Step(_Fact):
    code: str
    factor: Fraction

    def change(self, factors: Factors) -> dict[str, Fraction]:
        """Set the factor of the code."""
        self._held(factors, self.code)
        return {**factors, self.code: self.factor}

    def __str__(self) -> str:
        return f"{self.code} step to {_text(self.factor)}"


@dataclass(frozen=True)
class FactorStep(_Step):
    """A factor set anew while the price stays, so the divisor moves (A9, A16).

    Attributes
    ----------
    code : str
    factor : Fraction
        The new one.
    phase_in : bool
        Whether it is the second half of a phased entry.
    """

    phase_in: bool = False


@dataclass(frozen=True)
class CapStep(_Step):
    """A factor set anew by the weight cap; the divisor moves (A17, A19).

    Attributes
    ----------
    code : str
    factor : Fraction
        The new cap-adjusted factor, never to be multiplied by the ratio again.
    """


@dataclass(frozen=True)
class Split(_Fact):
    """A split or reverse split, on its ex-date (A10, A11).

    Attributes
    ----------
    code : str
    ratio : Fraction
        New shares per old; below one for a reverse split.
    factor : Fraction or None
        The factor afterwards; None is the old one times `ratio`. A factor that was cut to one decimal
        may differ from that (A7): the difference then goes through the divisor.
    by : {"factor", "divisor"}
        "factor": factor and price move together and the divisor stays. "divisor": the factor stays.
    """

    code: str
    ratio: Fraction
    factor: Fraction | None = None
    by: Literal["factor", "divisor"] = "factor"

    def change(self, factors: Factors) -> dict[str, Fraction]:
        """Move the factor by the ratio, unless the divisor takes the split."""
        old = self._held(factors, self.code)
        if self.by == "divisor":
            return dict(factors)
        return {**factors, self.code: self.factor if self.factor is not None else old * self.ratio}

    def standard(self, closes: Factors) -> dict[str, Fraction]:
        """Divide the close by the ratio."""
        return {**closes, self.code: closes[self.code] / self.ratio}

    def __str__(self) -> str:
        ratio = self.ratio
        return f"{self.code} split {ratio.numerator}:{ratio.denominator} by {self.by}"


def is_large_split(ratio: Fraction | float, by_factor_from: Fraction | float = rules.SPLIT_BY_FACTOR_FROM) -> bool:
    """Tell whether new shares per old, or old per new, reach the cut-off from which the factor takes a split (A11)."""
    return max(ratio, 1 / ratio) >= by_factor_from


def split_by_rule(
    code: str,
    ratio: Fraction,
    effective: date,
    announced: date | None = None,
    by_factor_from: Fraction = rules.SPLIT_BY_FACTOR_FROM,
) -> Split:
    """Return a split that the factor takes if it is large, and else the divisor (A11).

    Parameters
    ----------
    code : str
    ratio : Fraction
        New shares per old; below one for a reverse split.
    effective, announced : date
        Ex-date and announcement; None is unknown.
    by_factor_from : Fraction
        Smallest ratio, or inverse of one, that the factor takes (M: between 1.1 and 1.5).

    Raises
    ------
    EventError
        The ratio is not above zero, or is one.

    Examples
    --------
    >>> print(split_by_rule("2002", Fraction(11, 10), date(2014, 9, 26)))
    2002 split 11:10 by divisor
    """
    if ratio <= 0 or ratio == 1:
        raise EventError(
            asked=f"split {code} on {effective}",
            found=f"a ratio of {_text(ratio)}",
            rule="the ratio, new shares per old, is above zero and not one",
            todo="correct the ratio",
        )
    by: Literal["factor", "divisor"] = "factor" if is_large_split(ratio, by_factor_from) else "divisor"
    return Split(code, ratio, by=by, effective=effective, announced=announced)


@dataclass(frozen=True)
class ExRights(_Fact):
    """The ex-date of a rights issue; the factor stays and the divisor moves (A14, A16).

    Attributes
    ----------
    code : str
    new, held : Fraction
        `new` shares are offered per `held` shares.
    paid : Fraction
        Yen paid in per new share.
    """

    code: str
    new: Fraction
    held: Fraction
    paid: Fraction

    def change(self, factors: Factors) -> dict[str, Fraction]:
        """Leave the factors as they are."""
        self._held(factors, self.code)
        return dict(factors)

    def standard(self, closes: Factors) -> dict[str, Fraction]:
        """Set the theoretical price (P + paid * new/held) / (1 + new/held)."""
        per_share = self.new / self.held
        return {**closes, self.code: (closes[self.code] + self.paid * per_share) / (1 + per_share)}

    def __str__(self) -> str:
        return f"{self.code} rights {_text(self.new)}:{_text(self.held)} at {_text(self.paid)} yen"


@dataclass(frozen=True)
class SpinOff(_Fact):
    """A company spun off by a constituent, in beside its parent from the ex-date (A23).

    It enters with no divisor step: the parent's last close still contains it.

    Attributes
    ----------
    code : str
    parent : str
    factor : Fraction
        Of the spun-off company.
    """

    code: str
    parent: str
    factor: Fraction

    def change(self, factors: Factors) -> dict[str, Fraction]:
        """Bring the company in; the parent keeps its factor."""
        self._held(factors, self.parent)
        self._absent(factors, self.code)
        return {**factors, self.code: self.factor}

    def standard(self, closes: Factors) -> dict[str, Fraction]:
        """Value the company at zero: the parent's close contains it."""
        return {**closes, self.code: Fraction(0)}

    def __str__(self) -> str:
        return f"{self.code} spun off {self.parent} ({_text(self.factor)})"


Event = Replace | FactorStep | CapStep | Split | ExRights | SpinOff


def _text(value: Fraction) -> str:
    return f"{float(value):g}"
