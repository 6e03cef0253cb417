"""From the rows of ``factors`` to the initial basket and the events that follow it."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from itertools import groupby
from typing import Literal

import pandas as pd

from indexsim import rules
from indexsim.basket import Basket
from indexsim.errors import DataError, Finding
from indexsim.events.kinds import (
    CapStep,
    Event,
    ExRights,
    FactorStep,
    Replace,
    SpinOff,
    Split,
    is_large_split,
)
from indexsim.factor_rows import Row, misplaced, read_rows

#: A factor cut to one decimal lies less than this below the uncut one (A7), so a split
#: ratio may miss it by as much, scaled by the ratio.
LARGEST_CUT = Fraction(1, 10)


def _factor(row: Row) -> Fraction:
    return row.factor or Fraction(0)


def _step(row: Row) -> FactorStep | CapStep:
    if row.word == "step cap":
        return CapStep(row.code, _factor(row), effective=row.effective, announced=row.announced)
    phase_in = row.word == "step phase-in"
    return FactorStep(row.code, _factor(row), phase_in, effective=row.effective, announced=row.announced)


def parse_events(
    frame: pd.DataFrame, file: str = "factors.csv", by_factor_from: Fraction = rules.SPLIT_BY_FACTOR_FROM
) -> tuple[Basket, tuple[Event, ...]]:
    """Read the initial basket and the events that follow it from the rows of ``factors``.

    Parameters
    ----------
    frame : DataFrame
        Text columns ``effective_date``, ``code``, ``factor``, ``event`` and optionally
        ``announced_date``; missing is NaN or "". Further columns are ignored.
    file : str
        Name used in findings.
    by_factor_from : Fraction
        Cut-off of the rows that say ``split-by-rule``; the others say themselves what takes the split.

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
    walk = _Walk(file, findings, by_factor_from)
    since = walk.begin([row for row in rows if row.word == "initial"])
    first = dict(walk.held)
    later = walk.after(since, rows) if first else []
    events = [event for _, group in groupby(later, key=lambda row: row.rank) for event in walk.events(list(group))]
    if findings:
        raise DataError(findings)
    return Basket(first, since), tuple(events)


class _Walk:
    """The basket along the rows; what does not fit it becomes a finding, and the walk goes on."""

    def __init__(self, file: str, findings: list[Finding], by_factor_from: Fraction) -> None:
        self.file, self.findings, self.by_factor_from = file, findings, by_factor_from
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
        told = Fraction(row.parts[0]) / Fraction(row.parts[1]) if row.parts else None
        ratio = told or (new / old if new and old else Fraction(1))
        small = row.word == "split-by-rule" and not is_large_split(ratio, self.by_factor_from)
        by: Literal["factor", "divisor"] = "divisor" if small or row.word == "split-by-divisor" else "factor"
        if told:
            self._check_factor(row, old, told, by)
        if ratio == 1:
            self._flag(row, "event", "split-ratio", "neither the event nor the factor tells a ratio")
        factor = new if by == "factor" else None
        return Split(row.code, ratio, factor, by, effective=row.effective, announced=row.announced)

    def _check_factor(self, row: Row, old: Fraction, ratio: Fraction, by: Literal["factor", "divisor"]) -> None:
        expected = old if by == "divisor" else old * ratio
        cut = Fraction(0) if by == "divisor" else max(Fraction(1), ratio) * LARGEST_CUT
        if row.factor and expected and abs(row.factor - expected) > cut:
            found = f"{float(row.factor):g}, but {float(expected):g} follows from the factor before"
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
