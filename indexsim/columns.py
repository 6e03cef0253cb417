"""Columns of the files of days, as arrays that every view of a market shares.

A view (`indexsim.market.MarketData.until`) must not serve anything that later data had a part in, and
still be cheap: a run opens one for each row of its look-ahead check. So two things are shared and one is not.

- Shared: the arrays as the gate left them. A view slices off what it does not know *before* it takes a
  value, and no array derived from values is ever kept.
- Shared: row numbers, as long as they follow from dates and the calendar alone. Let n be the rows that
  a view knows. The times are ascending, so among them a moment comes after min(n, as many as among all)
  rows: the number that later rows had no part in.
- Not shared: every answer. It is computed anew from the sliced values, for each view and each call.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from indexsim import known
from indexsim.bars import Bars
from indexsim.known import KnownAt, Moments
from indexsim.schema import FILES

Rows = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


class Columns:
    """The columns of a folder's files, each made when it is first asked for.

    Parameters
    ----------
    frame : function of a file's name
        Gives the file's frame as the gate left it.
    """

    def __init__(self, frame: Callable[[str], pd.DataFrame]) -> None:
        self._frame = frame
        self._known: dict[tuple[str, str], Moments] = {}
        self._columns: dict[tuple[str, ...], Column] = {}

    def known_times(self, name: str, column: str = "*") -> Moments:
        """Return when each row's value in a column is known, datetime64[m]: ascending but where rows are announced."""
        # What one rule serves is known alike: a wide file has one array of moments.
        key = (name, column if (name, column) in known.RULES else "*")
        if key not in self._known:
            self._known[key] = _known_times(*key, self._frame(name))
        return self._known[key]

    def of(self, name: str, column: str) -> Column | None:
        """Return a column of a file of days; None where there is none."""
        key = (name, column)
        if key not in self._columns:
            frame = self._frame(name)
            if column not in frame or not FILES[name].date_indexed:
                return None
            values = frame[column].to_numpy(dtype="float64")
            times = (self.known_times(name, column), self._row_times(name))
            self._columns[key] = Column(_days(frame.index), values, *times, known.rule_of(name, column))
        return self._columns[key]

    def lunch(self, series: str, column: str) -> Column:
        """Return a column of ``halves``, of the rows about one series."""
        key = ("halves", series, column)
        if key not in self._columns:
            frame = self._frame("halves")
            own = (frame["series"] == series).to_numpy()
            values, times = frame[column].to_numpy(dtype="float64")[own], self.known_times("halves", column)[own]
            rule = known.rule_of("halves", column)
            self._columns[key] = Column(_days(frame["date"])[own], values, times, times, rule)
        return self._columns[key]

    def extent(self, name: str, now: np.datetime64) -> tuple[int, dict[str, int]]:
        """Return how many rows of a file are known in part at least, and of which columns how many cells.

        Columns that are known as soon as their rows are left out where one rule serves the whole file.
        """
        cells = {c: count(self.known_times(name, c), now) for c in self._ruled(name)}
        return count(self._row_times(name), now), cells

    def _row_times(self, name: str) -> Moments:
        """Return when the first cell of each row is known, datetime64[m], ascending."""
        key = (name, "")
        if key not in self._known:
            columns = [self.known_times(name, c) for c in self._ruled(name) or ["*"]]
            self._known[key] = np.minimum.reduce(columns)
        return self._known[key]

    def _ruled(self, name: str) -> list[str]:
        """Return the columns of numbers of a file whose columns have rules of their own; else none."""
        frame = self._frame(name)
        columns = [c.name for c in FILES[name].columns if c.name in frame and frame[c.name].dtype.kind == "f"]
        return columns if any((name, c) in known.RULES for c in columns) else []


class Column:
    """One column of a file of days, oldest row first.

    Parameters
    ----------
    days : ndarray of datetime64[D], shape (n_rows,)
        Ascending and distinct.
    values : ndarray of float64, shape (n_rows,)
        NaN where the cell is blank.
    cell_known, row_known : ndarray of datetime64[m], shape (n_rows,)
        When the cell, and when any cell of the row, is known (Japan time); both ascending.
    rule : KnownAt
        Says for how long a value is good.

    Examples
    --------
    >>> days = np.array(["2025-09-26", "2025-09-29"], dtype="datetime64[D]")
    >>> known = days + np.timedelta64(930, "m")
    >>> column = Column(days, np.array([11.0, 13.0]), known, known, KnownAt("close"))
    >>> column.on(days, np.datetime64("2025-09-29T15:29")).tolist()
    [11.0, nan]
    """

    def __init__(self, days: Moments, values: Values, cell_known: Moments, row_known: Moments, rule: KnownAt) -> None:
        self._days, self._values = days, values
        self._cell_known, self._row_known = cell_known, row_known
        self._good_for = np.timedelta64(rule.good_for, "D")
        self._rows_by = _Remembered(lambda moments: np.searchsorted(cell_known, moments, side="right"))
        self._rows_before = _Remembered(lambda sessions: np.searchsorted(days, sessions))

    def on(self, sessions: Moments, now: np.datetime64 | None) -> Values:
        """Return the values of given days as far as they are known at `now`; NaN where there is none.

        Parameters
        ----------
        sessions : ndarray of datetime64[D], shape (n,)
        now : datetime64[m] or None
            None knows everything.
        """
        days, values = self._days[: count(self._cell_known, now)], self._values
        row = self._rows_before.of(sessions)
        return _taken(values[: len(days)], row, _taken_days(days, row) == sessions)

    def last_known(self, bars: Bars, now: np.datetime64 | None) -> Values:
        """Return the value of the last row known at each bar's decision, shape (n_bars,).

        NaN before the first row, where that row's cell is blank or not known at `now`, and where the
        row is older than the rule's ``good_for``.
        """
        days = self._days[: count(self._row_known, now)]
        row = np.minimum(self._rows_by.of(bars.decided), len(days)) - 1
        good = (row >= 0) & (bars.session - _taken_days(days, row) <= self._good_for)
        return _taken(self._values[: count(self._cell_known, now)], row, good)


def count(known: Moments, now: np.datetime64 | None) -> int:
    """Return how many of ascending moments lie at or before `now`; all of them where it is None."""
    return len(known) if now is None else int(known.searchsorted(now, side="right"))


def _taken(values: Values, row: Rows, good: npt.NDArray[np.bool_]) -> Values:
    """Return the values of good rows, NaN for others and for rows behind the last one."""
    if not len(values):
        return np.full(len(row), np.nan)
    return np.where(good & (row < len(values)), values.take(row, mode="clip"), np.nan)


def _taken_days(days: Moments, row: Rows) -> Moments:
    """Return the days of rows, those of the nearest row where there is no such row; NaT where there is none."""
    taken: Moments = days.take(row, mode="clip") if len(days) else np.full(len(row), np.datetime64("NaT", "D"))
    return taken


class _Remembered:
    """Row numbers of moments, kept for the longest array asked for.

    One view after the other asks for a beginning of the same bars, and the number of each moment is its own.
    """

    def __init__(self, find: Callable[[Moments], Rows]) -> None:
        self._find = find
        self._moments: Moments = np.array([], dtype="datetime64[m]")
        self._rows: Rows = np.array([], dtype=np.int64)

    def of(self, moments: Moments) -> Rows:
        n = len(moments)
        if n > len(self._moments):
            self._moments, self._rows = moments.copy(), self._find(moments)
        elif not np.array_equal(self._moments[:n], moments):
            return self._find(moments)
        return self._rows[:n]


def _known_times(name: str, column: str, frame: pd.DataFrame) -> Moments:
    if name == "factors":
        effective, announced = (
            pd.to_datetime(frame[c], format="%Y-%m-%d", errors="coerce")
            if c in frame
            else pd.Series(pd.NaT, frame.index)
            for c in ("effective_date", "announced_date")
        )
        return known.event_moments(pd.DatetimeIndex(effective), pd.DatetimeIndex(announced))
    schema = FILES[name]
    dates = frame.index.to_series() if schema.date_indexed else frame[schema.known_by or schema.columns[0].name]
    if "announced_date" in frame:
        dates = frame["announced_date"].fillna(dates)
    return known.known_at(known.rule_of(name, column), pd.DatetimeIndex(dates))


def _days(dates: pd.Index | pd.Series) -> Moments:
    days: Moments = dates.to_numpy().astype("datetime64[D]")
    return days
