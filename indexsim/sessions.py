"""The sessions of the Tokyo cash market, 1985-2027: which days traded, and from when to when.

The table follows from dated rules (holiday law, Saturdays, turn of the year, hours) and leaves out
the days that were scheduled and did not trade. Days are naive midnights, times of day are minutes
after midnight, Japan time. A day outside the table is refused, never guessed.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from indexsim.errors import MissingData, SpecError
from indexsim.holidays import public_holidays
from indexsim.rules import Dated

Day = str | date | pd.Timestamp
Dates = npt.NDArray[np.datetime64]
Minutes = npt.NDArray[np.int64]

FIRST_DAY = date(1985, 1, 1)
LAST_DAY = date(2027, 12, 31)
_HELD = f"the session table holds {FIRST_DAY} to {LAST_DAY}"

#: Scheduled sessions on which nothing traded; they are no sessions here.
OUTAGES: dict[date, str] = {
    date(1989, 1, 7): "death of the Showa Emperor, in the early hours of a first Saturday",
    date(2020, 10, 1): "failure of the exchange's trading system, all day",
}

#: Saturdays of the month, counted 1 to 5, without a session; the others had a morning.
SATURDAYS_OFF: Dated[tuple[int, ...]] = Dated(
    ((None, (2,)), (date(1986, 8, 9), (2, 3)), (date(1989, 2, 1), (1, 2, 3, 4, 5))),
    "indexes.nikkei.co.jp/atoz/quiz/2016/08/q08.html, H; the levels of 1985-1989 agree, M",
)

#: First day of the year that can be a session, as (month, day).
FIRST_OF_YEAR = (1, 4)  # D7 [H]

#: Last day of the year that can be a session, as (month, day).
LAST_OF_YEAR: Dated[tuple[int, int]] = Dated(
    ((None, (12, 28)), (date(1989, 1, 1), (12, 30))), "D7, H; before 1989 from the levels, M"
)

#: Whether the first and the last session of the year are mornings only.
TURN_OF_YEAR_HALF: Dated[bool] = Dated(
    ((None, True), (date(2009, 12, 30), False)), "notice of the exchange of 2008-02-28 (no half days from end 2009), H"
)

#: Hours of a full session, in minutes after midnight JST.
OPEN: Dated[int] = Dated(((None, 9 * 60),), "D7, H")
MORNING_CLOSE: Dated[int] = Dated(((None, 11 * 60), (date(2011, 11, 21), 11 * 60 + 30)), "D7, H")
AFTERNOON_OPEN: Dated[int] = Dated(((None, 13 * 60), (date(1991, 4, 30), 12 * 60 + 30)), "D2, M")
CLOSE: Dated[int] = Dated(((None, 15 * 60), (date(2024, 11, 5), 15 * 60 + 30)), "D7, H")


def sessions(start: Day, end: Day) -> pd.DatetimeIndex:
    """Return the sessions from `start` to `end`, both included.

    Parameters
    ----------
    start, end : str, date or Timestamp
        Any days of the table; they need not be sessions.

    Returns
    -------
    DatetimeIndex of shape (n_sessions,)
        Naive midnights, ascending, named ``session``, unit ``us``.

    Raises
    ------
    MissingData
        If a day lies outside the table.
    SpecError
        If `start` is after `end`, or a day is not a naive midnight.

    Examples
    --------
    Ten days off for the accession of the Emperor:

    >>> [f"{day:%m-%d}" for day in sessions("2019-04-25", "2019-05-08")]
    ['04-25', '04-26', '05-07', '05-08']
    """
    first, last = _span(start, end)
    table = _table().session
    within = slice(np.searchsorted(table, first, side="left"), np.searchsorted(table, last, side="right"))
    return pd.DatetimeIndex(table[within].astype("datetime64[us]"), name="session")


@cache
def all_sessions() -> pd.DatetimeIndex:
    """Return every session of the table, as `sessions` does."""
    return sessions(FIRST_DAY, LAST_DAY)


def is_session(day: Day) -> bool:
    """Tell whether the cash market traded on a day.

    Parameters
    ----------
    day : str, date or Timestamp

    Raises
    ------
    MissingData
        If the day lies outside the table.
    SpecError
        If it is not a naive midnight.

    Examples
    --------
    >>> is_session("2020-09-30"), is_session("2020-10-01")
    (True, False)
    """
    return bool(_among(_one_day(day), _table().session))


def shift(days: pd.DatetimeIndex, n: int) -> pd.DatetimeIndex:
    """Move each day `n` sessions on (`n` > 0) or back (`n` < 0).

    A day that is no session counts from the session before it when moving on and from the one
    after it when moving back, so one step always ends on the nearest session in that direction.
    With `n` = 0 a session stays and any other day becomes the session after it.

    Parameters
    ----------
    days : DatetimeIndex of shape (n_days,)
        Naive midnights in any order, repeats allowed.
    n : int
        Number of sessions.

    Returns
    -------
    DatetimeIndex of shape (n_days,)
        Same order, name and unit as `days`.

    Raises
    ------
    MissingData
        If a day or its answer lies outside the table.
    SpecError
        If a day is not a naive midnight.

    Examples
    --------
    A Friday and the Saturday after it:

    >>> week_end = pd.DatetimeIndex(["2025-06-06", "2025-06-07"])
    >>> [f"{day:%m-%d}" for day in shift(week_end, 1)], [f"{day:%m-%d}" for day in shift(week_end, -1)]
    (['06-09', '06-09'], ['06-05', '06-06'])
    """
    dates, table = _dates(days), _table().session
    here = np.searchsorted(table, dates, side="right") - 1 if n > 0 else np.searchsorted(table, dates, side="left")
    there = here + n
    beyond = (there < 0) | (there >= len(table))
    if beyond.any():
        raise MissingData(
            asked=f"the session {n:+d} from {dates[beyond][0]}",
            found="it lies outside the table",
            rule=_HELD,
            todo="choose a day further inside, or fewer sessions",
        )
    return pd.DatetimeIndex(table[there].astype(f"datetime64[{days.unit}]"), name=days.name)


def is_half_day(days: pd.DatetimeIndex) -> npt.NDArray[np.bool_]:
    """Tell which days were mornings only.

    The Saturdays (to 1989-01-28), and the first and the last session of the year (the last such
    day is 2009-01-05). Days without a session are no half days.

    Parameters
    ----------
    days : DatetimeIndex of shape (n_days,)
        Naive midnights.

    Returns
    -------
    bool array of shape (n_days,)

    Raises
    ------
    MissingData
        If a day lies outside the table.
    SpecError
        If a day is not a naive midnight.
    """
    return _among(_dates(days), _table().half_day)


def open_minute(days: pd.DatetimeIndex) -> Minutes:
    """Return when the morning opens.

    Parameters
    ----------
    days : DatetimeIndex of shape (n_days,)
        Sessions, as naive midnights.

    Returns
    -------
    int array of shape (n_days,)
        Minutes after midnight JST; always 540 (9:00). Source: D7.

    Raises
    ------
    MissingData
        If a day lies outside the table.
    SpecError
        If a day is no session, or not a naive midnight.
    """
    return _in_force(OPEN, _session_dates(days))


def morning_close_minute(days: pd.DatetimeIndex) -> Minutes:
    """Return when the morning closes: 11:00, from 2011-11-21 11:30.

    Parameters, result and errors as for `open_minute`. Source: D7.
    """
    return _in_force(MORNING_CLOSE, _session_dates(days))


def afternoon_open_minute(days: pd.DatetimeIndex) -> Minutes:
    """Return when the afternoon opens: 13:00, from 1991-04-30 12:30.

    A half day has no afternoon: it "opens" at the morning close, which is the close, and lasts no time.
    Parameters, result and errors as for `open_minute`. Source: D2.
    """
    return _unless_half_day(AFTERNOON_OPEN, _session_dates(days))


def close_minute(days: pd.DatetimeIndex) -> Minutes:
    """Return when the session closes: 15:00, from 2024-11-05 15:30; on a half day the morning close.

    Parameters, result and errors as for `open_minute`. Source: D7.

    Examples
    --------
    The last half day, the last close at three and the first at half past three:

    >>> close_minute(pd.DatetimeIndex(["2009-01-05", "2024-11-01", "2024-11-05"])).tolist()
    [660, 900, 930]
    """
    return _unless_half_day(CLOSE, _session_dates(days))


def per_year(start: Day, end: Day) -> float:
    """Return the average number of sessions per year over a span.

    Defined as the sessions of all calendar years the span touches, each year taken whole, divided
    by the number of those years: part of a year does not bend the figure used to annualise.

    Parameters
    ----------
    start, end : str, date or Timestamp
        Any days of the table.

    Returns
    -------
    float
        Sessions per year.

    Raises
    ------
    MissingData
        If a day lies outside the table.
    SpecError
        If `start` is after `end`, or a day is not a naive midnight.

    Examples
    --------
    >>> per_year("2019-06-01", "2019-06-30")
    241.0
    """
    first, last = (pd.Timestamp(day).year for day in _span(start, end))
    return len(sessions(date(first, 1, 1), date(last, 12, 31))) / (last - first + 1)


@dataclass(frozen=True)
class _Table:
    """All sessions and, of these, the half days: ascending datetime64[D] arrays."""

    session: Dates
    half_day: Dates


@cache
def _table() -> _Table:
    every_day = pd.date_range(FIRST_DAY, LAST_DAY).date
    session = np.array([day for day in every_day if _scheduled(day) and day not in OUTAGES], dtype="datetime64[D]")
    new_year = np.diff(session.astype("datetime64[Y]")).astype(bool)
    turn = np.append(True, new_year) | np.append(new_year, True)
    short_turn = turn & _in_force(TURN_OF_YEAR_HALF, session)
    saturday = np.array([day.weekday() == calendar.SATURDAY for day in session.tolist()])
    return _Table(session, session[saturday | short_turn])


def _scheduled(day: date) -> bool:
    """Tell whether the rules, outages aside, make a day a session."""
    if day.weekday() == calendar.SUNDAY or day in public_holidays(day.year):
        return False
    if day.weekday() == calendar.SATURDAY and (day.day + 6) // 7 in SATURDAYS_OFF.on(day):
        return False
    return FIRST_OF_YEAR <= (day.month, day.day) <= LAST_OF_YEAR.on(day)


def _in_force(constant: Dated[Any], dates: Dates) -> npt.NDArray[Any]:
    """Return the value of a dated constant on each date."""
    since = np.array([step or FIRST_DAY for step, _ in constant.steps], dtype="datetime64[D]")
    values = np.array([value for _, value in constant.steps])
    return values[np.searchsorted(since, dates, side="right") - 1]


def _unless_half_day(constant: Dated[int], dates: Dates) -> Minutes:
    """Return a time of the full session, or the morning close where there was a morning only."""
    return np.where(_among(dates, _table().half_day), _in_force(MORNING_CLOSE, dates), _in_force(constant, dates))


def _among(dates: Dates | np.datetime64, known: Dates) -> npt.NDArray[np.bool_]:
    """Tell which dates stand in an ascending array; much faster on few dates than `numpy.isin`."""
    at = np.searchsorted(known, dates)
    found: npt.NDArray[np.bool_] = known[np.minimum(at, len(known) - 1)] == dates
    return found


def _span(start: Day, end: Day) -> tuple[np.datetime64, np.datetime64]:
    """Return both ends as datetime64[D]; refuse a span that runs backwards."""
    first, last = _one_day(start), _one_day(end)
    if first > last:
        raise SpecError(
            asked=f"sessions from {first} to {last}",
            found="the start is after the end",
            rule="start <= end",
            todo="swap the two days",
        )
    return first, last


def _one_day(day: Day) -> np.datetime64:
    try:
        index = pd.DatetimeIndex([day])
    except (TypeError, ValueError) as error:
        raise SpecError(
            asked=f"the session table on {day!r}",
            found="that is no day",
            rule="a day is an ISO date, a date or a Timestamp",
            todo="write it like 2024-11-05",
        ) from error
    only: np.datetime64 = _dates(index)[0]
    return only


def _dates(days: pd.DatetimeIndex) -> Dates:
    """Return naive midnights within the table as datetime64[D]; refuse anything else."""
    if days.tz is not None:
        raise _not_midnight(f"days in time zone {days.tz}")
    given = days.to_numpy()
    dates = given.astype("datetime64[D]")
    if (given != dates).any():  # also true of NaT
        raise _not_midnight(f"{days[given != dates][0]}")
    outside = (dates < np.datetime64(FIRST_DAY)) | (dates > np.datetime64(LAST_DAY))
    if outside.any():
        raise MissingData(
            asked=f"the session table on {dates[outside][0]}",
            found=f"{outside.sum()} of {len(dates)} days outside the table",
            rule=_HELD,
            todo="narrow the span",
        )
    return dates


def _session_dates(days: pd.DatetimeIndex) -> Dates:
    """Return sessions as datetime64[D]; refuse a day without hours."""
    dates = _dates(days)
    idle = ~_among(dates, _table().session)
    if idle.any():
        raise SpecError(
            asked=f"the hours of {dates[idle][0]}",
            found=f"no session on {idle.sum()} of {len(dates)} days",
            rule="only a session has hours",
            todo="take the days from `sessions`, or move them onto sessions with `shift`",
        )
    return dates


def _not_midnight(found: str) -> SpecError:
    return SpecError(
        asked="the session table on some days",
        found=found,
        rule="a day is a naive midnight",
        todo="use `.tz_localize(None)`, `.normalize()` and drop missing days",
    )
