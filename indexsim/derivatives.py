"""When the index futures trade in Osaka: their days, their day session and their night session.

The futures have hours of their own, and since 2022-09-23 days of their own: they trade on most holidays of
the cash market, when the index has no print. The hours are those of the Nikkei futures and options; those of
TOPIX, in Tokyo until 2014-03-23, differed. Times are minutes after midnight, Japan time; past 1440 is
the next morning. Sources: D2, D5.
"""

from __future__ import annotations

import csv
from datetime import date
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from indexsim import expiry, sessions
from indexsim.errors import MissingData, SpecError
from indexsim.facts import FACTS
from indexsim.rules import Dated
from indexsim.sessions import Dates, Day

#: First holiday with trading.
HOLIDAY_TRADING_FROM = date(2022, 9, 23)  # D5, H

#: Days of the year, as (month, day), without trading whatever day they are.
NEVER_ON = ((1, 1), (1, 2), (12, 31))  # D5, H

#: An outage of the cash market during which the futures traded; the other one stopped both.
FUTURES_TRADED_ON = date(2020, 10, 1)  # H, media-ir.com/news/?p=72909, and the daily prices


def _listed() -> dict[str, frozenset[date]]:
    with (FACTS / "no_trading.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["session"], date.fromisoformat(row["date"])) for row in csv.DictReader(file)]
    return {name: frozenset(day for session, day in rows if session == name) for name in ("holiday", "night")}


#: Holidays and evenings that went without trading. Read at import: a strategy that asks for its bars opens no file.
NO_TRADING = _listed()


class Nights(NamedTuple):
    """The night sessions of every business day that has one, ascending; n of them.

    Attributes
    ----------
    booked : ndarray of datetime64[D], shape (n,)
        The business day that is traded for (`booked_on`).
    opened, closed : ndarray of datetime64[m], shape (n,)
        Japan time. Where a holiday with trading lies before the business day, from the open of the first
        night booked on it to the close of the last one.
    """

    booked: Dates
    opened: Dates
    closed: Dates


class Hours(NamedTuple):
    """From when to when, in minutes after midnight JST of the day it begins; a close past 1440 is the next day's."""

    open: int
    close: int


#: The day session of a full day; unknown before the first step.
DAY_SESSION: Dated[Hours | None] = Dated(
    (
        (None, None),
        (date(1991, 4, 30), Hours(9 * 60, 15 * 60 + 10)),
        (date(1992, 2, 13), Hours(9 * 60, 15 * 60)),
        (date(1997, 5, 16), Hours(9 * 60, 15 * 60 + 10)),
        (date(2011, 2, 14), Hours(9 * 60, 15 * 60 + 15)),
        (date(2016, 7, 19), Hours(8 * 60 + 45, 15 * 60 + 15)),
        (date(2024, 11, 5), Hours(8 * 60 + 45, 15 * 60 + 45)),
    ),
    "D2, M; the last step H",
)

#: The break at noon within it; none on a half day.
LUNCH: Dated[Hours | None] = Dated(
    ((None, None), (date(1991, 4, 30), Hours(11 * 60, 12 * 60 + 30)), (date(2011, 2, 14), None)), "D2, M"
)

#: When a half day ended; the last one was 2009-01-05.
HALF_DAY_CLOSE: Dated[int] = Dated(
    ((None, 11 * 60 + 10), (date(1992, 2, 13), 11 * 60), (date(1997, 5, 16), 11 * 60 + 10)),
    "orange2.net/a_main/reference2/n225f_history.php, M",
)

#: The evening or night session that begins on a day, by that day; None: there was none yet.
NIGHT_SESSION: Dated[Hours | None] = Dated(
    (
        (None, None),
        (date(2007, 9, 18), Hours(16 * 60 + 30, 19 * 60)),
        (date(2008, 10, 14), Hours(16 * 60 + 30, 20 * 60)),
        (date(2010, 7, 20), Hours(16 * 60 + 30, 23 * 60 + 30)),
        (date(2011, 7, 19), Hours(16 * 60 + 30, (24 + 3) * 60)),
        (date(2016, 7, 19), Hours(16 * 60 + 30, (24 + 5) * 60 + 30)),
        (date(2021, 9, 21), Hours(16 * 60 + 30, (24 + 6) * 60)),
        (date(2024, 11, 5), Hours(17 * 60, (24 + 6) * 60)),
    ),
    "D2, M; the last two steps H",
)


def holiday_trading(first: Day, last: Day) -> pd.DatetimeIndex:
    """Return the days from `first` to `last`, both included, on which only derivatives trade.

    Every weekday since 2022-09-23 that is no business day, but for `NEVER_ON` and the days of
    ``data/facts/no_trading.csv`` (D5). Days after 2026 are as planned.

    Parameters
    ----------
    first, last : str, date or Timestamp
        Any days of the session table.

    Returns
    -------
    DatetimeIndex of shape (n_days,)
        Naive midnights, ascending, named ``session``, unit ``us``.

    Raises
    ------
    MissingData
        If a day lies outside the session table.
    SpecError
        If `first` is after `last`, or a day is not a naive midnight.

    Examples
    --------
    >>> [f"{day:%m-%d}" for day in holiday_trading("2022-12-30", "2023-03-31")]
    ['01-03', '02-23', '03-21']
    """
    return _between(_holidays(), first, last)


def trading_days(first: Day, last: Day) -> pd.DatetimeIndex:
    """Return the days from `first` to `last`, both included, with a day session of the futures.

    The sessions of the cash market since the listing of 1988-09-03, the outage of 2020-10-01, and the days of
    `holiday_trading`. Parameters, result and errors as there.

    Examples
    --------
    >>> len(trading_days("2025-05-01", "2025-05-07")), len(sessions.sessions("2025-05-01", "2025-05-07"))
    (5, 3)
    """
    return _between(_trading(), first, last)


def day_session(day: Day) -> Hours:
    """Return the hours of the day session.

    Parameters
    ----------
    day : str, date or Timestamp
        A day of `trading_days`.

    Returns
    -------
    Hours
        From the opening to the closing auction; `lunch_break` lies within.

    Raises
    ------
    MissingData
        The hours before 1991-04-30 are not known, or the day lies outside the session table.
    SpecError
        The futures did not trade, or the day is not a naive midnight.

    Examples
    --------
    >>> day_session("2024-11-01"), day_session("2024-11-05")
    (Hours(open=525, close=915), Hours(open=525, close=945))
    """
    date_ = _trading_day(day)
    hours = DAY_SESSION.on(date_)
    if hours is None:
        raise MissingData(
            asked=f"the hours of the futures on {date_}",
            found="no source tells them",
            rule=f"hours are known from {DAY_SESSION.steps[1][0]}",
            todo="start later, or use the hours of the cash market",
        )
    return Hours(hours.open, HALF_DAY_CLOSE.on(date_)) if date_ in _half_days() else hours


def lunch_break(day: Day) -> Hours | None:
    """Return the break at noon, from 1991-04-30 to 2011-02-10 on full days; errors as for `day_session`.

    Examples
    --------
    >>> lunch_break("2011-02-10"), lunch_break("2011-02-14")
    (Hours(open=660, close=750), None)
    """
    day_session(day)  # refuses days without hours
    date_ = _date(day)
    return None if date_ in _half_days() else LUNCH.on(date_)


def night_session(day: Day) -> Hours | None:
    """Return the hours of the evening or night session that begins on a day.

    What is traded in it is booked on the next business day (`booked_on`). It is not known whether the
    evening of 2011-02-10, before a new trading system, was one.

    Parameters
    ----------
    day : str, date or Timestamp

    Returns
    -------
    Hours or None
        None where no session begins that evening: before 2007-09-18, on days without a day session, on half
        days, and on the nights of ``data/facts/no_trading.csv``.

    Raises
    ------
    MissingData
        The day lies outside the session table.
    SpecError
        The day is not a naive midnight.

    Examples
    --------
    The change of hours followed a weekend and a holiday without trading:

    >>> night_session("2024-11-01"), night_session("2024-11-04"), night_session("2024-11-05")
    (Hours(open=990, close=1800), None, Hours(open=1020, close=1800))
    """
    date_ = _date(day)
    idle = date_ not in _traded() or date_ in _half_days() or date_ in NO_TRADING["night"]
    return None if idle else NIGHT_SESSION.on(date_)


@cache
def nights() -> Nights:
    """Return `night_session` and `booked_on` of all evenings at once, by the day that is booked on.

    Examples
    --------
    The night of a Monday opened on Friday:

    >>> night = nights()
    >>> at = night.booked.searchsorted(np.datetime64("2025-09-29"))
    >>> print(night.booked[at], night.opened[at], night.closed[at])
    2025-09-29 2025-09-26T17:00 2025-09-27T06:00
    """
    idle, business = NO_TRADING["night"] | _half_days(), expiry.scheduled()
    evenings = [day for day in _trading().tolist() if day not in idle]
    hours = {day: found for day in evenings if (found := NIGHT_SESSION.on(day))}
    days = np.array(list(hours), dtype="datetime64[D]")
    at = np.searchsorted(business, days, side="right")
    known = at < len(business)
    booked, first = np.unique(business[at[known]], return_index=True)
    last = np.append(first[1:], known.sum()) - 1
    opened, closed = (days[known] + np.array(list(hours.values()), dtype="timedelta64[m]")[known].T).astype("M8[m]")
    return Nights(booked, opened[first], closed[last])


def booked_on(day: Day, night: bool = False) -> date:
    """Return the business day that a trade is booked on.

    Parameters
    ----------
    day : str, date or Timestamp
        The day on which the session of the trade began, one of `trading_days`.
    night : bool
        Whether it was the evening or night session of that day.

    Returns
    -------
    date
        That day for a day session, the next business day for a night session and for holiday trading (D5).

    Raises
    ------
    MissingData
        The day or the answer lies outside the session table.
    SpecError
        The futures did not trade, or the day is not a naive midnight.

    Examples
    --------
    A Friday before a holiday with trading: day, night, and the holiday itself.

    >>> [str(d) for d in (booked_on("2025-02-21"), booked_on("2025-02-21", night=True), booked_on("2025-02-24"))]
    ['2025-02-21', '2025-02-25', '2025-02-25']
    """
    date_, business = np.datetime64(_trading_day(day)), expiry.scheduled()
    at = int(np.searchsorted(business, date_, side="right" if night else "left"))
    if at == len(business):
        raise MissingData(
            asked=f"the business day after {date_}",
            found="it lies outside the table",
            rule=f"the session table ends on {sessions.LAST_DAY}",
            todo="choose a day further inside",
        )
    booked: date = business[at].item()
    return booked


@cache
def _holidays() -> Dates:
    weekdays = np.arange(np.datetime64(HOLIDAY_TRADING_FROM), np.datetime64(sessions.LAST_DAY) + 1)
    weekdays = np.setdiff1d(weekdays[np.is_busday(weekdays)], expiry.scheduled())
    closed = NO_TRADING["holiday"]
    open_ = [
        day for day in pd.DatetimeIndex(weekdays).date if (day.month, day.day) not in NEVER_ON and day not in closed
    ]
    return np.array(open_, dtype="datetime64[D]")


@cache
def _trading() -> Dates:
    cash = sessions.sessions(expiry.LISTED, sessions.LAST_DAY).to_numpy().astype("datetime64[D]")
    return np.union1d(np.append(cash, np.datetime64(FUTURES_TRADED_ON)), _holidays())


def _between(days: Dates, first: Day, last: Day) -> pd.DatetimeIndex:
    sessions.sessions(first, last)  # refuses days that cannot be asked for
    begin, end = (np.datetime64(pd.Timestamp(day).date()) for day in (first, last))
    within = days[(begin <= days) & (days <= end)]
    return pd.DatetimeIndex(within.astype("datetime64[us]"), name="session")


def _trading_day(day: Day) -> date:
    """Return a day on which the futures traded; refuse any other."""
    traded = _date(day)
    if traded not in _traded():
        raise SpecError(
            asked=f"the session of the futures on {traded}",
            found="they did not trade",
            rule=f"they trade on sessions since {expiry.LISTED} and most holidays since {HOLIDAY_TRADING_FROM}",
            todo="take the days from `trading_days`",
        )
    return traded


def _date(day: Day) -> date:
    """Return a day of the session table as a date; refuse anything else."""
    sessions.is_session(day)
    given: date = pd.Timestamp(day).date()
    return given


@cache
def _traded() -> frozenset[date]:
    return frozenset(pd.DatetimeIndex(_trading()).date)


@cache
def _half_days() -> frozenset[date]:
    table = sessions.all_sessions()
    return frozenset(table[sessions.is_half_day(table)].date)
