"""Rows of closes: which row a session is, and its prices as exact decimals. Both kinds of index look here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction

import pandas as pd

from indexsim.errors import MissingData, SpecError
from indexsim.rounding import exact_price


def exact_row(prices: pd.DataFrame, row: int, codes: Iterable[str]) -> dict[str, Fraction]:
    """Return the prices of some codes in a row, as the decimals they were written as."""
    named = list(codes)
    return {code: exact_price(value) for code, value in zip(named, prices.iloc[row][named].tolist(), strict=True)}


def session_of(closes: pd.DataFrame, row: int) -> date:
    """Return the session of a row."""
    day: date = closes.index[row].date()
    return day


def row_of(closes: pd.DataFrame, session: date | str) -> int:
    """Return the row of a session.

    Raises
    ------
    MissingData
        There are no closes on that day.
    """
    row = int(closes.index.get_indexer(pd.DatetimeIndex([session]))[0])
    if row < 0:
        raise MissingData(
            asked=f"look at {session}",
            found=f"no closes on that day; the index runs from {session_of(closes, 0)} to {session_of(closes, -1)}",
            rule="the day is a session of the index",
            todo="name a session",
        )
    return row


def rows_between(closes: pd.DataFrame, start: date | str, end: date | str) -> tuple[int, int]:
    """Return the rows of two sessions of a period.

    Raises
    ------
    MissingData
        There are no closes on one of the days.
    SpecError
        `end` is before `start`.
    """
    first, last = row_of(closes, start), row_of(closes, end)
    if first > last:
        raise SpecError(
            asked=f"contributions from {start} to {end}",
            found="the end is before the start",
            rule="contributions run forward in time",
            todo="exchange the two days",
        )
    return first, last


def as_points(points: Mapping[str, Fraction]) -> pd.Series:
    """Return exact points by code as a Series of float64."""
    index = pd.Index(list(points), name="code", dtype="str")
    return pd.Series([float(value) for value in points.values()], index=index, name="points", dtype="float64")
