"""What a file of a publisher was taken for, and what it says in the terms of a market folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim.errors import DataError, Finding
from indexsim.official.cells import days_of, numbers_of
from indexsim.official.sheet import Sheet
from indexsim.official.words import meaning

#: Who speaks, from the highest rank down: of two values for one cell that of the higher rank is kept.
PUBLISHER, EXCHANGE, OTHER = 0, 1, 2

#: Contents of a reading that are no file of a market yet.
STOCKS, SPLITS, PAYMENTS, FACTORS, WEIGHTS = "@stocks", "@splits", "@payments", "@factors", "@weights"

#: Share of the rows above which a broken order of high, low and close means that columns are exchanged.
_ROWS_OUT_OF_ORDER = 0.05
#: A day's high over its close, and its close over its low, that nothing has reached: a decimal point slipped.
_WIDEST = 3.0
#: Days between rows that are sessions, a weekend and a holiday; and the steps from which they are looked at.
_WEEKEND, _STEPS = 4, 3
#: Rows from which the order of opens and closes in time is looked at.
_ENOUGH = 20


@dataclass(frozen=True)
class Reading:
    """One file, read.

    Attributes
    ----------
    file : str
    kind : str
        What it was taken for, in words.
    rank : int
        `PUBLISHER`, `EXCHANGE` or `OTHER`.
    frames : mapping of name to DataFrame
        Files of a market by name, dated ones indexed by day; or contents that are none yet (`STOCKS`, ...).
    findings : tuple of Finding
        What was left out or is to be said.
    adjusted : str
        Of prices of stocks: ``none`` as traded, ``splits``, ``all`` with dividends, or ``unknown``.
    """

    file: str
    kind: str
    rank: int
    frames: Mapping[str, pd.DataFrame]
    findings: tuple[Finding, ...] = ()
    adjusted: str = "unknown"


def say_cut(reading: Reading, sheet: Sheet) -> Reading:
    """Return a reading with a warning where the last line of its file has no end: it may have been cut."""
    if sheet.ends:
        return reading
    found = "the last line has no end: if the file was cut, its last number is wrong"
    finding = Finding(reading.file, "", "", "file-ends", found, "warning")
    return replace(reading, findings=(*reading.findings, finding))


def typed(
    body: pd.DataFrame, file: str, columns: tuple[str, ...], dated: str = "date"
) -> tuple[pd.DataFrame, list[Finding]]:
    """Return the named columns of a body as days, numbers and text, and what is to be said.

    Parameters
    ----------
    body : DataFrame of str
        As `indexsim.official.sheet.Sheet.body` returns it.
    columns : tuple of str
        House names of number columns; those the body lacks are left out.
    dated : str
        House name of the column of days.

    Returns
    -------
    DataFrame
        ``date`` (datetime64), the number columns, and ``code`` where there is one; index: lines.
    """
    named = {meaning(str(name)): str(name) for name in body.columns if meaning(str(name))}
    _refuse_twice(body, file, (dated, *columns))
    days = days_of(body[named[dated]], file, named[dated])
    frame = pd.DataFrame({"date": pd.Series(days.astype("datetime64[us]"), index=body.index)})
    findings: list[Finding] = []
    for column in columns:
        if column in named:
            values, found = numbers_of(body[named[column]], file, column, days)
            frame[column] = values
            findings += found
    if "code" in named:
        frame["code"] = body[named["code"]].str.normalize("NFKC").str.upper()
    return frame, findings


def _refuse_twice(body: pd.DataFrame, file: str, wanted: tuple[str, ...]) -> None:
    """Refuse two columns for one thing: either may be meant."""
    for column in wanted:
        called = [str(name) for name in body.columns if meaning(str(name)) == column]
        if len(called) > 1:
            found = f"{' and '.join(called)}: which one is meant?"
            todo = "leave one of them out"
            raise DataError([Finding(file, "header", column, "column-once", found)], f"import {file}", todo)


def by_day(frame: pd.DataFrame, file: str, findings: list[Finding]) -> pd.DataFrame:
    """Return rows indexed by day, ascending, each day once.

    A day that stands twice with one content is said; with two, refused.
    """
    return keyed(frame, ["date"], file, findings).set_index("date")


def keyed(frame: pd.DataFrame, key: list[str], file: str, findings: list[Finding]) -> pd.DataFrame:
    """Return rows in the order of a key, each key once, and say what was not so.

    Raises
    ------
    DataError
        A key stands twice with two contents.
    """
    twice = frame.duplicated(key, keep=False)
    if twice.any():
        distinct = frame[twice].drop_duplicates()
        if (again := distinct.duplicated(key)).any():
            shown = [_stands_twice(file, line, distinct, key) for line in distinct.index[again][:5]]
            raise DataError(shown, asked=f"import {file}", todo="say in the file which row is right")
        rows = int(frame.duplicated(key).sum())
        line = frame.index[frame.duplicated(key)][0]
        found = f"{rows} rows stand a second time with the same content, first as line {line}"
        findings.append(Finding(file, "", "", "row-stands-twice", found, "warning"))
        frame = frame.drop_duplicates(key)
    days = frame[key[0]].to_numpy()
    if len(key) == 1 and not ((days[1:] > days[:-1]).all() or (days[1:] < days[:-1]).all()):
        at = int(np.flatnonzero(days[1:] < days[:-1])[0])
        found = f"rows are out of order from line {frame.index[at + 1]} on; they were sorted"
        findings.append(Finding(file, "", key[0], "rows-ascend", found, "warning"))
    return frame.sort_values(key, kind="stable")


def _stands_twice(file: str, line: int, rows: pd.DataFrame, key: list[str]) -> Finding:
    shown = ", ".join(str(value).removesuffix(" 00:00:00") for value in rows.loc[line, key])
    return Finding(file, f"line {line}", "", "row-stands-twice", f"{shown} stands twice with different content")


def in_order(frame: pd.DataFrame, file: str, findings: list[Finding]) -> None:
    """Hold prices against high >= close >= low and against the day before; refuse columns that are exchanged.

    Single rows are said, and kept: publishers and vendors have some. Opens follow the closes of the day before
    more closely than closes follow opens; where it is the other way round, the two are exchanged.

    Parameters
    ----------
    frame : DataFrame
        Columns among ``open``, ``high``, ``low``, ``close``; ascending days, of one series.

    Raises
    ------
    DataError
        More than a twentieth of the rows is out of order, or opens and closes are exchanged.
    """
    wrong = out_of_order(frame)
    if wrong.sum() > min(2, len(frame) - 1) and wrong.mean() > _ROWS_OUT_OF_ORDER:
        found = f"{int(wrong.sum())} of {len(frame)} rows are not high >= close >= low: columns are exchanged"
        raise DataError([Finding(file, "", "", "columns-in-order", found)], f"import {file}", "correct the header")
    if {"open", "close"} <= set(frame) and exchanged(frame["open"].to_numpy(), frame["close"].to_numpy()):
        found = "opens lie further from the closes of the day before than closes from opens: the two are exchanged"
        raise DataError([Finding(file, "", "open", "columns-in-order", found)], f"import {file}", "correct the header")
    for at in np.flatnonzero(wrong).tolist():
        row = frame.iloc[at]
        shown = ", ".join(f"{name} {row[name]:g}" for name in ("open", "high", "low", "close") if name in frame)
        day = f"{frame.index[at]:%Y-%m-%d}" if isinstance(frame.index, pd.DatetimeIndex) else f"{row['date']:%Y-%m-%d}"
        findings.append(
            Finding(file, day, "", "row-in-order", f"not high >= close >= low, or far apart: {shown}", "warning")
        )


def refuse_sparse(days: pd.DatetimeIndex, file: str) -> None:
    """Refuse rows that are weeks, months or years: their prices are not those of the day they stand under.

    Raises
    ------
    DataError
        Most rows lie further apart than a weekend and a holiday.
    """
    steps = np.diff(days.to_numpy().astype("datetime64[D]")).astype(int)
    if len(steps) >= _STEPS and np.median(steps) > _WEEKEND:
        found = f"rows lie {int(np.median(steps))} days apart: weeks, months or years"
        raise DataError([Finding(file, "", "date", "rows-are-days", found)], f"import {file}", "get daily data")


def out_of_order(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows break low <= open, close <= high, or lie far apart; an unknown cell breaks nothing."""
    bad = np.zeros(len(frame), dtype=bool)
    within = [frame[name].to_numpy() for name in ("open", "close") if name in frame]
    if "high" in frame:
        bad |= np.logical_or.reduce([frame["high"].to_numpy() < values for values in within])
    if "low" in frame:
        bad |= np.logical_or.reduce([frame["low"].to_numpy() > values for values in within])
    if {"high", "low"} <= set(frame):
        bad |= (frame["high"] < frame["low"]).to_numpy()
    if {"high", "close"} <= set(frame):
        bad |= (frame["high"] > _WIDEST * frame["close"]).to_numpy()
    if {"low", "close"} <= set(frame):
        bad |= (frame["low"] * _WIDEST < frame["close"]).to_numpy()
    return bad


def exchanged(opens: NDArray[np.float64], closes: NDArray[np.float64]) -> bool:
    """Say whether opens and closes of ascending days are exchanged, seen from how each follows the other."""
    with np.errstate(invalid="ignore", divide="ignore"):
        overnight = np.abs(np.log(opens[1:] / closes[:-1]))
        across = np.abs(np.log(closes[1:] / opens[:-1]))
    known = np.isfinite(overnight) & np.isfinite(across)
    return bool(known.sum() >= _ENOUGH and overnight[known].sum() > across[known].sum())
