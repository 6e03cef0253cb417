"""When futures and options on the index end: SQ days, last trading days, and which contract is held.

All of it follows from the calendar (D3): the SQ day is the second Friday of the contract month, or
the session before where that Friday is none; trading ends the session before the SQ day. Days are
counted as scheduled: an outage of the cash market moves no expiry. What a contract settles at is in `sq`.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from indexsim import sessions
from indexsim.errors import MissingData, SpecError
from indexsim.sessions import Dates, Day

#: First session of the index futures, of the Nikkei in Osaka and of TOPIX in Tokyo.
LISTED = date(1988, 9, 3)  # D1, H

#: First session of the options, which brought the other months; before it only the quarterly ones had an SQ.
OPTIONS_LISTED = date(1989, 6, 12)  # M, a public list: n225sakimono.com/time.html

#: Contract months: of the large futures and the TOPIX futures, and of everything with an SQ.
QUARTERLY = (3, 6, 9, 12)  # D3, H
MONTHLY = tuple(range(1, 13))

#: Most sessions that a roll may lie before the last trading day; any two SQ days are further apart.
MAX_ROLL_BEFORE = 15

_HELD = f"contracts are known from the listing on {LISTED} to {sessions.LAST_DAY}"


@dataclass(frozen=True, order=True)
class Contract:
    """A contract month, ordered by time.

    Attributes
    ----------
    year, month : int

    Raises
    ------
    SpecError
        There is no such month.

    Examples
    --------
    >>> december = Contract(2025, 12)
    >>> december.name, f"{december.last_trading_day}", f"{december.sq_day}"
    ('2025-12', '2025-12-11', '2025-12-12')
    >>> december < Contract(2026, 3)
    True
    """

    year: int
    month: int

    def __post_init__(self) -> None:
        if self.month not in MONTHLY or not 1 <= self.year <= 9999:
            raise SpecError(
                asked=f"the contract of year {self.year!r} and month {self.month!r}",
                found="there is no such month",
                rule="months are 1 to 12",
                todo="name a month of the calendar, such as Contract(2025, 12)",
            )

    @property
    def name(self) -> str:
        """The month as text, such as ``2025-12``."""
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def sq_day(self) -> date:
        """The day whose first prices settle the contract; `MissingData` outside the table."""
        return sq_day(self.year, self.month)

    @property
    def last_trading_day(self) -> date:
        """The session before the SQ day; `MissingData` outside the table."""
        return last_trading_day(self.year, self.month)


def sq_days(first: Day, last: Day, quarterly: bool = False) -> pd.DatetimeIndex:
    """Return the SQ days from `first` to `last`, both included.

    Parameters
    ----------
    first, last : str, date or Timestamp
        Any days of the session table. Before the listing of 1988 there are no SQ days.
    quarterly : bool
        Only those of March, June, September and December, in which futures and options settle together.

    Returns
    -------
    DatetimeIndex of shape (n_days,)
        Naive midnights, ascending, named ``sq_day``, unit ``us``.

    Raises
    ------
    MissingData
        If a day lies outside the session table.
    SpecError
        If `first` is after `last`, or a day is not a naive midnight.

    Examples
    --------
    The second Friday of August 2023 was Mountain Day:

    >>> [f"{day:%m-%d}" for day in sq_days("2023-06-01", "2023-09-30")]
    ['06-09', '07-14', '08-10', '09-08']
    """
    months = QUARTERLY if quarterly else MONTHLY
    found = [contract.sq_day for contract in contracts(first, last, months)]
    return pd.DatetimeIndex(np.array(found, dtype="datetime64[us]"), name="sq_day")


def sq_day(year: int, month: int) -> date:
    """Return the SQ day of a month: its second Friday, or the session before (D3).

    Raises
    ------
    MissingData
        The month is not between the listing and the end of the session table.
    SpecError
        There is no such month.

    Examples
    --------
    >>> sq_day(2025, 12), sq_day(2023, 8)
    (datetime.date(2025, 12, 12), datetime.date(2023, 8, 10))
    """
    day: date = scheduled()[_sq_position(Contract(year, month))].item()
    return day


def last_trading_day(year: int, month: int) -> date:
    """Return the session before the SQ day (D3); errors as for `sq_day`.

    Examples
    --------
    Friday 12 February 2027 follows Foundation Day, on which futures trade but which is no business day:

    >>> last_trading_day(2025, 12), last_trading_day(2027, 2)
    (datetime.date(2025, 12, 11), datetime.date(2027, 2, 10))
    """
    day: date = scheduled()[_sq_position(Contract(year, month)) - 1].item()
    return day


def contracts(first: Day, last: Day, months: tuple[int, ...] = QUARTERLY) -> tuple[Contract, ...]:
    """Return the contracts whose SQ day lies in [first, last], ascending.

    Parameters
    ----------
    first, last : str, date or Timestamp
        Any days of the session table.
    months : tuple of int
        Contract months, 1 to 12, such as `QUARTERLY` or `MONTHLY`.

    Raises
    ------
    MissingData
        If a day lies outside the session table.
    SpecError
        If `first` is after `last`, a day is not a naive midnight, or `months` is no set of months.

    Examples
    --------
    >>> [contract.name for contract in contracts("2025-06-14", "2026-03-13")]
    ['2025-09', '2025-12', '2026-03']
    """
    sessions.sessions(first, last)  # refuses days that cannot be asked for
    begin, end = pd.Timestamp(first).date(), pd.Timestamp(last).date()
    return tuple(contract for contract in _listed(_checked_months(months)) if begin <= contract.sq_day <= end)


def front(day: Day, months: tuple[int, ...] = QUARTERLY, roll_before: int = 0) -> Contract:
    """Return the contract held on a day up to its close; after the close of a roll day it is the next one.

    Parameters
    ----------
    day : str, date or Timestamp
        Any day between the listing and the end of the session table.
    months : tuple of int
        Contract months, 1 to 12.
    roll_before : int
        Sessions before the last trading day at whose close the position is rolled; 0 is that day itself.

    Raises
    ------
    MissingData, SpecError
        As `held_contracts`.

    Examples
    --------
    Trading in 2025-12 ended on 11 December:

    >>> front("2025-12-11").name, front("2025-12-12").name, front("2025-12-11", roll_before=3).name
    ('2025-12', '2026-03', '2026-03')
    """
    sessions.is_session(day)  # refuses what is no day
    held = held_contracts(pd.DatetimeIndex([day]), months, roll_before)
    return held.contracts[int(held.before[0])]


@dataclass(frozen=True)
class Held:
    """Which contract a rolled position is in, row by row.

    Attributes
    ----------
    contracts : tuple of Contract
        Those of the rows, ascending and without a gap.
    before, after : int array of shape (n_rows,)
        Positions in `contracts`: held up to the close of the row's session, and held after it.
    """

    contracts: tuple[Contract, ...]
    before: npt.NDArray[np.int64]
    after: npt.NDArray[np.int64]

    @property
    def rolls(self) -> npt.NDArray[np.bool_]:
        """True on the rows of a session at whose close the position is rolled, shape (n_rows,)."""
        rolls: npt.NDArray[np.bool_] = self.before != self.after
        return rolls


def held_contracts(days: pd.DatetimeIndex, months: tuple[int, ...] = QUARTERLY, roll_before: int = 0) -> Held:
    """Return the contract held before and after the close of each session.

    The roll is at the close of the roll day, which lies `roll_before` sessions before the last trading
    day. Where the roll day is not among `days`, it is at the close of the first of them after it. What
    is held on a row does not depend on later rows.

    Parameters
    ----------
    days : DatetimeIndex of shape (n_rows,)
        Naive midnights, ascending, between the listing and the end of the session table. They may repeat,
        as in two bars a session: the rows of a session are told the same, and the roll belongs to the bar
        that ends it. Days on which only derivatives trade may be among them.
    months : tuple of int
        Contract months, 1 to 12.
    roll_before : int
        0 to `MAX_ROLL_BEFORE`.

    Returns
    -------
    Held
        Without contracts where there are no rows.

    Raises
    ------
    MissingData
        If a day lies before the listing or outside the session table, or so near its end that the roll
        day of the next contract is not known.
    SpecError
        If days do not ascend, skip from a roll day or earlier to a day after the last trading day, or are
        no naive midnights; if `months` or `roll_before` cannot be used.

    Examples
    --------
    >>> held = held_contracts(pd.DatetimeIndex(["2025-12-10", "2025-12-11", "2025-12-12"]))
    >>> [contract.name for contract in held.contracts], held.before.tolist(), held.after.tolist()
    (['2025-12', '2026-03'], [0, 0, 1], [0, 1, 1])
    """
    dates = _trading_dates(days)
    every = _listed(_checked_months(months))
    rolls = _roll_days(tuple(months), _checked_roll(roll_before))
    if not len(dates):
        return Held((), np.zeros(0, np.int64), np.zeros(0, np.int64))
    session, row = np.unique(dates, return_inverse=True)
    after = np.searchsorted(rolls, session, side="right")
    before = np.append(np.searchsorted(rolls, session[0], side="left"), after[:-1])
    if after[-1] > len(every):
        raise _not_known(f"the contract held after {session[-1]}", "the roll day of the next one is not known")
    _refuse_expired(tuple(months), before, session)
    first, last = int(before[0]), int(after[-1])
    names = (*every, _following(tuple(months)))[first : last + 1]
    return Held(names, before[row] - first, after[row] - first)


@cache
def scheduled() -> Dates:
    """Return the days on which the cash market traded or was to trade, ascending, datetime64[D] of shape (n_days,)."""
    traded = sessions.all_sessions().to_numpy().astype("datetime64[D]")
    return np.union1d(traded, np.array(list(sessions.OUTAGES), dtype="datetime64[D]"))


def _sq_position(contract: Contract) -> int:
    """Return where in the schedule the SQ day of a contract stands."""
    month = date(contract.year, contract.month, 1)
    if not LISTED < month <= sessions.LAST_DAY:
        raise _not_known(f"the expiry of {contract.name}", "it lies outside the table")
    second_friday = month.replace(day=8 + (calendar.FRIDAY - month.replace(day=8).weekday()) % 7)
    return int(np.searchsorted(scheduled(), np.datetime64(second_friday), side="right")) - 1


@cache
def _listed(months: tuple[int, ...]) -> tuple[Contract, ...]:
    """Return every contract that expires between the listing and the end of the session table."""
    years = range(LISTED.year, sessions.LAST_DAY.year + 1)
    every = (date(year, month, 1) for year in years for month in months)
    return tuple(
        Contract(day.year, day.month) for day in every if day > (LISTED if day.month in QUARTERLY else OPTIONS_LISTED)
    )


def _following(months: tuple[int, ...]) -> Contract:
    """Return the contract after the last listed one: it can be held, its expiry is not known."""
    last = _listed(months)[-1]
    later = [month for month in months if month > last.month]
    return Contract(last.year, later[0]) if later else Contract(last.year + 1, months[0])


@cache
def _roll_days(months: tuple[int, ...], roll_before: int) -> Dates:
    """Return the roll days of the listed contracts, and the earliest day that may be that of the one after them."""
    schedule = scheduled()
    beyond = schedule[-roll_before] if roll_before else np.datetime64(sessions.LAST_DAY) + 1
    return np.append(schedule[_last_positions(months) - roll_before], beyond)


@cache
def _last_positions(months: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Return where in the schedule the last trading days of the listed contracts stand."""
    return np.array([_sq_position(contract) - 1 for contract in _listed(months)], dtype=np.int64)


def _checked_months(months: tuple[int, ...]) -> tuple[int, ...]:
    if months and set(months) <= set(MONTHLY) and list(months) == sorted(set(months)):
        return tuple(months)
    raise SpecError(
        asked=f"contracts of the months {months!r}",
        found="that is no set of months",
        rule="months are 1 to 12, ascending, each once, at least one",
        todo="write them like (3, 6, 9, 12)",
    )


def _checked_roll(roll_before: int) -> int:
    if isinstance(roll_before, int) and 0 <= roll_before <= MAX_ROLL_BEFORE:
        return roll_before
    raise SpecError(
        asked=f"roll {roll_before!r} sessions before the last trading day",
        found=f"{roll_before!r}",
        rule=f"a whole number from 0 to {MAX_ROLL_BEFORE}",
        todo="choose one; 0 rolls on the last trading day",
    )


def _trading_dates(days: pd.DatetimeIndex) -> Dates:
    """Return ascending days on which contracts are known as datetime64[D]; refuse anything else."""
    if not len(days):
        return np.zeros(0, "datetime64[D]")
    if not days.is_monotonic_increasing:
        raise SpecError(
            asked=f"the contract held on {len(days)} days",
            found="they do not ascend",
            rule="days come in order of time, and may repeat",
            todo="sort them",
        )
    sessions.is_half_day(days)  # refuses days outside the table, and what is no midnight
    if days[0].date() < LISTED:
        raise _not_known(f"the contract held on {days[0]:%Y-%m-%d}", "nothing was listed yet")
    return days.to_numpy().astype("datetime64[D]")


def _refuse_expired(months: tuple[int, ...], held: npt.NDArray[np.int64], session: Dates) -> None:
    """Refuse days that jump over a last trading day with the expiring contract still held."""
    ends = np.append(scheduled()[_last_positions(months)], np.datetime64(date.max))[held]
    late = np.flatnonzero(session > ends)
    if len(late):
        row = int(late[0])
        raise SpecError(
            asked=f"roll the contract {_listed(months)[held[row]].name}",
            found=f"no day from its roll day to its last trading day, {ends[row]}; the next one is {session[row]}",
            rule="a roll needs a close before the contract ends",
            todo="give every session of the span",
        )


def _not_known(asked: str, found: str) -> MissingData:
    return MissingData(asked=asked, found=found, rule=_HELD, todo="choose days further inside")
