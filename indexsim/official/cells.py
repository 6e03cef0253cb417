"""Cells of publishers' files from text to days and numbers, each as it is written there or not at all."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim import sessions
from indexsim.errors import DataError, Finding

#: What stands in a cell that says nothing.
BLANKS = frozenset({"", "-", "--", "—", "ー", "―", "‐", "null", "nan", "n/a", "na", "none", ".", "...", "***"})
#: What a spreadsheet leaves in a cell it could not fill.
BROKEN = frozenset({"#value!", "#n/a", "#ref!", "#div/0!", "#name?", "#num!", "#null!"})
#: Findings that are listed of one kind before the rest is counted.
_LISTED = 5

_NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)?(\.\d+)?(e[+-]\d+)?")
_PLAIN = r"-?[0-9]+(\.[0-9]+)?"
_YMD = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})日?(.*)")
_COMPACT = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})()")
_ERA = re.compile(r"(令和|平成|昭和|R|H|S)\s*(\d{1,2}|元)\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})日?(.*)")
_SHORT = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})()")
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "R": 2018, "H": 1988, "S": 1925}
#: What may follow a day: midnight with or without a zone, a weekday in brackets.
_AFTER = re.compile(r"\s*([T ]\s*0?0:00(:00(\.0+)?)?\s*(Z|[+-]\d{2}:?\d{2})?)?\s*(\([月火水木金土日]\))?")


def days_of(cells: pd.Series, file: str, column: str = "date") -> NDArray[np.datetime64]:
    """Return a column of text as days, datetime64[D].

    Parameters
    ----------
    cells : Series of str
        Index: the line of each row. Days as 2025-07-03, 2025/7/3, 20250703, 2025年7月3日, 令和7年7月3日, in any width.

    Raises
    ------
    DataError
        Every cell that is no day, or a day of which the month cannot be told from the day of the month.
    """
    codes, words = pd.factorize(cells.to_numpy())
    texts = [unicodedata.normalize("NFKC", str(word)).strip() for word in words]
    days = [day_of(text) for text in texts]
    if any(_SHORT.fullmatch(text) for text in texts):
        days = _short_days(texts, days, file, column)
    bad = np.array([day is None for day in days], dtype=bool)[codes] if len(words) else np.zeros(0, dtype=bool)
    refuse(file, column, "date-is-a-day", cells, bad, "is no day")
    return np.array(days, dtype="datetime64[D]")[codes] if len(words) else np.array([], dtype="datetime64[D]")


def day_of(text: str) -> date | None:
    """Return the day that a text of half-width letters is, None for any other text."""
    if (found := _ERA.fullmatch(text)) and _AFTER.fullmatch(found[5]):
        year = _ERAS[found[1]] + (1 if found[2] == "元" else int(found[2]))
        return _day(year, found[3], found[4])
    found = _YMD.fullmatch(text) or _COMPACT.fullmatch(text)
    if found and _AFTER.fullmatch(found[4]):
        return _day(int(found[1]), found[2], found[3])
    return None


def _day(year: int, month: str, day: str) -> date | None:
    try:
        return date(year, int(month), int(day))
    except ValueError:
        return None


def _short_days(texts: Sequence[str], days: list[date | None], file: str, column: str) -> list[date | None]:
    """Return days written with the year last, where only one order of day and month makes days of all."""
    parts = [_SHORT.fullmatch(text) for text in texts]
    readings = [
        [_day(int(p[3]), p[first], p[second]) if p else day for p, day in zip(parts, days, strict=True)]
        for first, second in ((1, 2), (2, 1))
    ]
    whole = [reading for reading in readings if None not in reading]
    if len(whole) == 2 and whole[0] != whole[1]:
        found = f"{texts[0]!r} can be {whole[0][0]} and {whole[1][0]}, and so can every other cell"
        todo = "write the days as 2025-07-03"
        raise DataError([Finding(file, "", column, "date-is-ambiguous", found)], asked=f"import {file}", todo=todo)
    return whole[0] if whole else days


def numbers_of(
    cells: pd.Series, file: str, column: str, days: NDArray[np.datetime64] | None = None
) -> tuple[NDArray[np.float64], list[Finding]]:
    """Return a column of text as float64, NaN for a blank, and what is to be said of it.

    Parameters
    ----------
    cells : Series of str
        Index: the line of each row. Thousands marks, full width and a percent sign (left as it is) are read.
    days : ndarray of datetime64[D], optional
        Of the rows, to name the day of what a spreadsheet could not fill.

    Raises
    ------
    DataError
        Every cell that is no number and no blank.
    """
    simple = cells.str.fullmatch(_PLAIN).to_numpy(dtype=bool)
    values = np.full(len(cells), np.nan)
    values[simple] = [float(cell) for cell in cells.to_numpy()[simple]]
    rest = np.flatnonzero(~simple)
    texts = [unicodedata.normalize("NFKC", str(cells.iloc[at])).strip() for at in rest]
    values[rest] = [_number(text) for text in texts]
    quiet = np.zeros(len(cells), dtype=bool)
    quiet[rest] = [text.casefold() in BLANKS or text.casefold() in BROKEN for text in texts]
    refuse(file, column, "cell-is-a-number", cells, np.isnan(values) & ~quiet, "is no number")
    broken = rest[[text.casefold() in BROKEN for text in texts]] if len(rest) else rest
    return values, _broken(file, column, cells, broken, days)


def _number(text: str) -> float:
    text = text.replace("−", "-").removesuffix("%").strip()
    if not text or not _NUMBER.fullmatch(text.casefold()) or not re.search(r"\d", text):
        return float("nan")
    value = float(text.replace(",", ""))
    return value if np.isfinite(value) else float("nan")


def _broken(
    file: str, column: str, cells: pd.Series, at: NDArray[np.intp], days: NDArray[np.datetime64] | None
) -> list[Finding]:
    """Return a finding for each day on which a spreadsheet could not fill cells; `merged` joins those of columns."""
    if not len(at):
        return []
    if days is None:
        said = f"{cells.iloc[at[0]]} in {len(at)} cells, unknown"
        return [Finding(file, f"line {cells.index[at[0]]}", column, "cell-not-filled", said, "warning")]
    found = []
    for day in np.unique(days[at]):
        count = int((days[at] == day).sum())
        said = f"{cells.iloc[at[0]]} in {count} cells, unknown"
        found.append(Finding(file, str(day), column, "cell-not-filled", said, "warning"))
    return found


def merged(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings with those of spreadsheet cells as one for each file and day, and the cause where it is known."""
    kept = [finding for finding in findings if finding.rule != "cell-not-filled" or not finding.column]
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        if finding.rule == "cell-not-filled" and finding.column:
            groups.setdefault((finding.file, finding.row), []).append(finding)
    for (file, row), group in groups.items():
        columns = ", ".join(finding.column for finding in group)
        cells = sum(int(finding.found.split(" in ")[1].split()[0]) for finding in group)
        what = group[0].found.split(" in ")[0]
        why = sessions.OUTAGES.get(date.fromisoformat(row)) if row[:4].isdigit() else None
        cause = f"nothing traded that day: {why}" if why else "the cause is not known"
        said = f"{what} in {cells} cells ({columns}), left out as unknown; {cause}"
        kept.append(Finding(file, row, "", "cell-not-filled", said, "warning"))
    return kept


def refuse(file: str, column: str, rule: str, cells: pd.Series, bad: NDArray[np.bool_], what: str) -> None:
    """Raise `DataError` for the cells that are bad, the first few by line."""
    at = np.flatnonzero(bad)
    if not len(at):
        return
    shown = [
        Finding(file, f"line {cells.index[i]}", column, rule, f"{_short(cells.iloc[i])} {what}") for i in at.tolist()
    ]
    if rest := shown[_LISTED:]:
        shown = [*shown[:_LISTED], Finding(file, rest[0].row, column, rule, f"{len(rest)} more like these")]
    raise DataError(shown, asked=f"import {file}", todo="correct the file, or get it again")


def _short(cell: object) -> str:
    text = repr(cell)
    return text if len(text) <= 40 else f"{text[:40]}..."
