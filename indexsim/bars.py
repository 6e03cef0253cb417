"""The clock of a market: one bar a session, or two where the market has morning closes or night prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from indexsim import derivatives, sessions
from indexsim.known import stamp

Clock = Literal["daily", "halves", "nights"]
WHOLE, MORNING, AFTERNOON, NIGHT = 0, 1, 2, 3


@dataclass(frozen=True)
class Bars:
    """Consecutive bars, oldest first.

    Attributes
    ----------
    clock : {"daily", "halves", "nights"}
        Whether full sessions have one bar or two: morning and afternoon, or the night of the futures that is
        booked on the session and the day. A half day has one bar of the day, and so has a session without a night.
    session : ndarray of datetime64[D], shape (n,)
        The session a bar belongs to.
    half : ndarray of int8, shape (n,)
        `WHOLE`, `MORNING`, `AFTERNOON` or `NIGHT`.
    opened, decided : ndarray of datetime64[m], shape (n,)
        Japan time of the bar's open and close. A decision on row t is taken at ``decided[t]`` and may
        use what is known by then. A night opens on an evening before its session.
    """

    clock: Clock
    session: np.ndarray
    half: np.ndarray
    opened: np.ndarray
    decided: np.ndarray

    def __post_init__(self) -> None:
        for values in (self.session, self.half, self.opened, self.decided):
            values.flags.writeable = False

    def __len__(self) -> int:
        return len(self.session)

    @property
    def sessions(self) -> np.ndarray:
        """The distinct sessions, datetime64[D]."""
        return np.unique(self.session)

    @property
    def last_of_session(self) -> np.ndarray:
        """True on the bar that ends its session, shape (n,)."""
        return np.append(self.session[1:] != self.session[:-1], True)[: len(self)]

    def first_of_day(self, days: np.ndarray) -> np.ndarray:
        """Return the row of the first bar of the cash market on or after each day; n where there is none.

        Parameters
        ----------
        days : ndarray of datetime64[D], shape (m,)
        """
        rows = np.flatnonzero(self.half != NIGHT)
        found: np.ndarray = np.append(rows, len(self))[np.searchsorted(self.session[rows], days, side="left")]
        return found

    def until(self, moment: np.datetime64) -> Bars:
        """Return the bars decided at or before a moment (Japan time)."""
        return self[: int(np.searchsorted(self.decided, moment, side="right"))]

    def between(self, first: np.datetime64, last: np.datetime64) -> slice:
        """Return the slice of bars whose sessions lie in [first, last]."""
        start = int(np.searchsorted(self.session, first, side="left"))
        return slice(start, int(np.searchsorted(self.session, last, side="right")))

    def __getitem__(self, part: slice) -> Bars:
        return Bars(self.clock, self.session[part], self.half[part], self.opened[part], self.decided[part])


def make_bars(first: pd.Timestamp, last: pd.Timestamp, clock: Clock) -> Bars:
    """Return the bars of every session in [first, last].

    Examples
    --------
    >>> bars = make_bars(pd.Timestamp("2024-11-01"), pd.Timestamp("2024-11-05"), "halves")
    >>> [str(t) for t in bars.decided]
    ['2024-11-01T11:30', '2024-11-01T15:00', '2024-11-05T11:30', '2024-11-05T15:30']
    >>> bars = make_bars(pd.Timestamp("2024-11-05"), pd.Timestamp("2024-11-05"), "nights")
    >>> [str(t) for t in bars.decided]
    ['2024-11-02T06:00', '2024-11-05T15:30']
    """
    days = sessions.sessions(first, last)
    date = days.to_numpy().astype("datetime64[D]")
    opened = stamp(date, sessions.open_minute(days))
    closed = stamp(date, sessions.close_minute(days))
    if clock == "daily":
        return Bars(clock, date, np.zeros(len(date), np.int8), opened, closed)
    if clock == "nights":
        return _with_nights(date, opened, closed)
    full = ~sessions.is_half_day(days)
    order = np.repeat(np.arange(len(date)), np.where(full, 2, 1))
    half = np.where(full[order], MORNING, WHOLE).astype(np.int8)
    half[1:][(order[1:] == order[:-1])] = AFTERNOON
    lunch_open = stamp(date, sessions.afternoon_open_minute(days))[order]
    lunch_close = stamp(date, sessions.morning_close_minute(days))[order]
    return Bars(
        clock,
        date[order],
        half,
        np.where(half == AFTERNOON, lunch_open, opened[order]),
        np.where(half == MORNING, lunch_close, closed[order]),
    )


def _with_nights(date: np.ndarray, opened: np.ndarray, closed: np.ndarray) -> Bars:
    """Put the night booked on each session before its day; nights booked on days without a session are left out."""
    table = derivatives.nights()
    at = np.searchsorted(table.booked, date)
    there = np.append(table.booked, np.datetime64("NaT"))[at] == date
    order = np.repeat(np.arange(len(date)), np.where(there, 2, 1))
    night = there[order]
    night[1:][order[1:] == order[:-1]] = False
    begun, ended = opened[order], closed[order]
    begun[night], ended[night] = table.opened[at[there]], table.closed[at[there]]
    return Bars("nights", date[order], np.where(night, NIGHT, WHOLE).astype(np.int8), begun, ended)
