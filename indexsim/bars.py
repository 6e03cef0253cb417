"""The clock of a market: one bar a session, or two where the market has morning closes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from indexsim import sessions
from indexsim.known import stamp

Clock = Literal["daily", "halves"]
WHOLE, MORNING, AFTERNOON = 0, 1, 2


@dataclass(frozen=True)
class Bars:
    """Consecutive bars, oldest first.

    Attributes
    ----------
    clock : {"daily", "halves"}
        Whether full sessions have one bar or two. A half day always has one.
    session : ndarray of datetime64[D], shape (n,)
        The session a bar belongs to.
    half : ndarray of int8, shape (n,)
        `WHOLE`, `MORNING` or `AFTERNOON`.
    opened, decided : ndarray of datetime64[m], shape (n,)
        Japan time of the bar's open and close. A decision on row t is taken at ``decided[t]`` and may
        use what is known by then.
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
    """
    days = sessions.sessions(first, last)
    date = days.to_numpy().astype("datetime64[D]")
    opened = stamp(date, sessions.open_minute(days))
    closed = stamp(date, sessions.close_minute(days))
    if clock == "daily":
        return Bars(clock, date, np.zeros(len(date), np.int8), opened, closed)
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
