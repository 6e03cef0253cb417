"""Rows of ``factors`` from text to types: dates, codes, exact factors, the words of the event column.

What a row says on its own is checked here; what it means for the basket, in `indexsim.events.parsing`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import pandas as pd

from indexsim import sessions
from indexsim.errors import DataError, Finding, nearest

COLUMNS = ("effective_date", "code", "factor", "event")

# A positive decimal number, and one that may be zero.
_P = r"(?=[0-9.]*[1-9])([0-9]+(?:\.[0-9]+)?)"
_Z = r"([0-9]+(?:\.[0-9]+)?)"
_FACTOR = re.compile(rf"{_P}(?:/{_P})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

# Word -> rank within its date, pattern: first what changes the shares, then who is in, then steps.
_WORDS = {
    "initial": (0, re.compile("initial")),
    "split": (1, re.compile(rf"split(?: {_P}:{_P})?")),
    "split-by-divisor": (1, re.compile(rf"split-by-divisor {_P}:{_P}")),
    "split-by-rule": (1, re.compile(rf"split-by-rule {_P}:{_P}")),
    "rights": (1, re.compile(rf"rights {_P}:{_P}@{_Z}")),
    "spin-off": (1, re.compile(r"spin-off of (\S+)")),
    "remove": (2, re.compile("remove")),
    "add": (2, re.compile("add")),
    "step": (3, re.compile("step")),
    "step cap": (3, re.compile("step cap")),
    "step phase-in": (3, re.compile("step phase-in")),
}
_MAY_BE_BLANK = ("split", "split-by-divisor", "split-by-rule", "rights", "remove", "")


@dataclass(frozen=True)
class Row:
    """One row of ``factors``.

    Attributes
    ----------
    line : int
        Line in the file, the header being line 1.
    effective : date
    announced : date or None
    code : str
    factor : Fraction or None
        None if blank; zero stands for one that could not be read (a finding says so).
    word : str
        The event without its numbers: ``split`` for ``split 3:1``.
    parts : tuple of str
        Its numbers, or the parent of a spin-off.
    """

    line: int
    effective: date
    announced: date | None
    code: str
    factor: Fraction | None
    word: str
    parts: tuple[str, ...]

    @property
    def rank(self) -> tuple[date, int]:
        """What is applied together has the same rank, what comes first a lower one."""
        return self.effective, _WORDS[self.word][0]


def read_rows(frame: pd.DataFrame, file: str) -> tuple[list[Row], list[Finding]]:
    """Return the rows that can be placed in time, in the order of the file, and all findings.

    Parameters
    ----------
    frame : DataFrame
        Text columns; missing is NaN or "".
    file : str
        Name used in findings.

    Raises
    ------
    DataError
        A column is missing.
    """
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise DataError([Finding(file, "", name, "column-missing", "no such column") for name in missing])
    text = frame.reindex(columns=[*COLUMNS, "announced_date"]).astype(object)
    records = text.where(text.notna(), "").to_dict("records")
    readings = [
        _Reading(file, line, {str(k): str(v).strip() for k, v in cells.items()})
        for line, cells in enumerate(records, 2)
    ]
    rows = [row for reading in readings if (row := reading.row()) is not None]
    return rows, [finding for reading in readings for finding in reading.findings]


class _Reading:
    """One row being read; `findings` grows on the way."""

    def __init__(self, file: str, line: int, cells: dict[str, str]) -> None:
        self.file, self.line, self.cells = file, line, cells
        self.findings: list[Finding] = []

    def row(self) -> Row | None:
        """Return the row, or None if its date, code, word or step cannot be used."""
        cells = self.cells
        effective = self._day("effective_date")
        announced = self._day("announced_date") if cells["announced_date"] else None
        if effective and announced and announced > effective:
            self._flag("announced_date", "announced-first", f"announced {announced}, effective {effective}")
        if not cells["code"]:
            self._flag("code", "code", "no code")
        word, parts = self._word()
        factor = self._factor(word)
        placed = factor != 0 or word in ("initial", "add", "spin-off")
        if effective is None or not cells["code"] or not word or not placed:
            return None
        return Row(self.line, effective, announced, cells["code"], factor, word, parts)

    def _flag(self, column: str, rule: str, found: str) -> None:
        self.findings.append(Finding(self.file, f"line {self.line}", column, rule, found))

    def _day(self, column: str) -> date | None:
        text = self.cells[column]
        try:
            return date.fromisoformat(text if _DAY.fullmatch(text) else "")
        except ValueError:
            self._flag(column, "date", f"{text!r} is not a date YYYY-MM-DD")
            return None

    def _word(self) -> tuple[str, tuple[str, ...]]:
        text = self.cells["event"]
        for word, (_, pattern) in _WORDS.items():
            if match := pattern.fullmatch(text):
                return word, tuple(part for part in match.groups() if part is not None)
        self._flag("event", "event-word", f"{text!r} is no event; {nearest(text.split(' ')[0], _WORDS)}")
        return "", ()

    def _factor(self, word: str) -> Fraction | None:
        text = self.cells["factor"]
        if not text and word in _MAY_BE_BLANK:
            return None
        if match := _FACTOR.fullmatch(text):
            above, below = match.groups(default="1")
            return Fraction(above) / Fraction(below)
        self._flag("factor", "factor-positive", f"{text!r} is not a decimal number above zero")
        return Fraction(0)


def misplaced(rows: list[Row], file: str) -> list[Finding]:
    """Find events that stand before an earlier row's date, act on a day without a session, or stand twice.

    An outage of the exchange is a scheduled day: an event may act on it (2020-10-01 has one).
    """
    found = []
    latest, seen = date.min, set()
    for row in rows:
        if row.word == "initial":
            continue
        if row.effective < latest:
            found.append(_at(row, file, "effective_date", "events-ascend", f"{row.effective} stands below {latest}"))
        if _closed(row.effective):
            found.append(_at(row, file, "effective_date", "event-session", f"no session on {row.effective}"))
        if (key := (row.effective, row.code, row.word)) in seen:
            found.append(_at(row, file, "code", "event-once", f"{row.word} of {row.code} stands twice on that day"))
        seen.add(key)
        latest = max(latest, row.effective)
    return found


def _closed(day: date) -> bool:
    inside = sessions.FIRST_DAY <= day <= sessions.LAST_DAY
    return inside and day not in sessions.OUTAGES and not sessions.is_session(day)


def _at(row: Row, file: str, column: str, rule: str, found: str) -> Finding:
    return Finding(file, f"line {row.line}", column, rule, found)
