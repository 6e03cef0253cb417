"""Events: dated facts that change a basket, a price basis, or both.

Each event says what it does to the factors (`change`) and to the closes of the session before
(`standard`); the divisor follows from the two. `parse_events` reads them from ``factors``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from itertools import groupby
from typing import Literal

import pandas as pd

from indexsim.basket import Basket
from indexsim.errors import DataError, EventError, Finding
from indexsim.factor_rows import Row, misplaced, read_rows

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

#: A factor cut to one decimal lies less than this below the uncut one (A7), so a split
#: ratio may miss it by as much, scaled by the ratio.
LARGEST_CUT = Fraction(1, 10)


def _text(value: Fraction) -> str:
    return f"{float(value):g}"


def _factor(row: Row) -> Fraction:
    return row.factor or Fraction(0)


def _step(row: Row) -> FactorStep | CapStep:
    if row.word == "step cap":
        return CapStep(row.code, _factor(row), effective=row.effective, announced=row.announced)
    phase_in = row.word == "step phase-in"
    return FactorStep(row.code, _factor(row), phase_in, effective=row.effective, announced=row.announced)


def parse_events(frame: pd.DataFrame, file: str = "factors.csv") -> tuple[Basket, tuple[Event, ...]]:
    """Read the initial basket and the events that follow it from the rows of ``factors``.

    Parameters
    ----------
    frame : DataFrame
        Text columns ``effective_date``, ``code``, ``factor``, ``event`` and optionally
        ``announced_date``; missing is NaN or "". Further columns are ignored.
    file : str
        Name used in findings.

    Returns
    -------
    Basket
        The ``initial`` rows.
    tuple of Event
        By date; within a date splits, rights and spin-offs, then all entries and exits as one
        `Replace`, then steps. A split without a ratio takes it from the factors, one without a factor
        multiplies the old one.

    Raises
    ------
    DataError
        With every finding in the file, not only the first.
    """
    rows, findings = read_rows(frame, file)
    findings += misplaced(rows, file)
    walk = _Walk(file, findings)
    since = walk.begin([row for row in rows if row.word == "initial"])
    first = dict(walk.held)
    later = walk.after(since, rows) if first else []
    events = [event for _, group in groupby(later, key=lambda row: row.rank) for event in walk.events(list(group))]
    if findings:
        raise DataError(findings)
    return Basket(first, since), tuple(events)


class _Walk:
    """The basket along the rows; what does not fit it becomes a finding, and the walk goes on."""

    def __init__(self, file: str, findings: list[Finding]) -> None:
        self.file, self.findings = file, findings
        self.held: dict[str, Fraction] = {}

    def begin(self, rows: list[Row]) -> date:
        """Form the initial basket and return its date."""
        if not rows:
            self.findings.append(Finding(self.file, "", "event", "initial", "no row says initial"))
            return date.min
        for row in rows:
            if row.effective != rows[0].effective:
                self._flag(row, "effective_date", "initial", f"{row.effective}, other rows say {rows[0].effective}")
            self._enter(row)
        return rows[0].effective

    def after(self, since: date, rows: list[Row]) -> list[Row]:
        """Return the other rows in the order in which they act."""
        later = sorted((row for row in rows if row.word != "initial"), key=lambda row: row.rank)
        for row in later:
            if row.effective < since:
                self._flag(row, "effective_date", "initial", f"{row.effective} is before the initial basket of {since}")
        return later

    def events(self, rows: list[Row]) -> list[Event]:
        """Return the events of rows that are applied together."""
        if rows[0].word in ("add", "remove"):
            return [self._replace(rows)]
        return [event for row in rows if (event := self._single(row)) is not None]

    def _replace(self, rows: list[Row]) -> Replace:
        leaving = [row for row in rows if row.word == "remove"]
        for row in leaving:
            if self._holds(row, row.code):
                del self.held[row.code]
        if not self.held:
            self._flag(rows[0], "event", "basket-continues", "no name of the basket before stays: nothing to chain on")
        entering = [row for row in rows if row.word == "add"]
        for row in entering:
            self._enter(row)
        known = [row.announced for row in rows if row.announced is not None]
        return Replace(
            {row.code: _factor(row) for row in entering},
            tuple(row.code for row in leaving),
            effective=rows[0].effective,
            announced=max(known) if len(known) == len(rows) else None,
        )

    def _single(self, row: Row) -> Event | None:
        if row.word == "spin-off":
            return self._spin_off(row)
        if not self._holds(row, row.code):
            return None
        if row.word == "rights":
            return ExRights(
                row.code, *(Fraction(part) for part in row.parts), effective=row.effective, announced=row.announced
            )
        event = self._split(row) if row.word.startswith("split") else _step(row)
        self.held = event.change(self.held)
        return event

    def _spin_off(self, row: Row) -> SpinOff:
        parent = row.parts[0]
        self._holds(row, parent)
        self._enter(row)
        return SpinOff(row.code, parent, _factor(row), effective=row.effective, announced=row.announced)

    def _split(self, row: Row) -> Split:
        old, new = self.held[row.code], row.factor
        by: Literal["factor", "divisor"] = "divisor" if row.word == "split-by-divisor" else "factor"
        if row.parts:
            ratio = Fraction(row.parts[0]) / Fraction(row.parts[1])
            self._check_factor(row, old if by == "divisor" else old * ratio, ratio)
        else:
            ratio = new / old if new and old else Fraction(1)
        if ratio == 1:
            self._flag(row, "event", "split-ratio", "neither the event nor the factor tells a ratio")
        factor = new if by == "factor" else None
        return Split(row.code, ratio, factor, by, effective=row.effective, announced=row.announced)

    def _check_factor(self, row: Row, expected: Fraction, ratio: Fraction) -> None:
        cut = Fraction(0) if row.word == "split-by-divisor" else max(Fraction(1), ratio) * LARGEST_CUT
        if row.factor and expected and abs(row.factor - expected) > cut:
            found = f"{_text(row.factor)}, but {_text(expected)} follows from the factor before"
            self._flag(row, "factor", "split-ratio", found)

    def _holds(self, row: Row, code: str) -> bool:
        if code not in self.held:
            found = f"{row.word} on {row.effective}, but {code} is not in the basket of {len(self.held)} codes"
            self._flag(row, "code", "unknown-code", found)
        return code in self.held

    def _enter(self, row: Row) -> None:
        if row.code in self.held:
            self._flag(row, "code", "code-twice", f"{row.word} on {row.effective}, but {row.code} is in already")
        self.held[row.code] = _factor(row)

    def _flag(self, row: Row, column: str, rule: str, found: str) -> None:
        self.findings.append(Finding(self.file, f"line {row.line}", column, rule, found))
