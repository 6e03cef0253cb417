"""The dates on which something happens in a sample: half days, ex-dates, reviews, announcements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim import sessions
from indexsim.rules import REVIEW_MONTHS, Dated

#: Sessions from the ex-date to the record date: settlement took three days, now two.
EX_BEFORE_RECORD: Dated[int] = Dated(((None, 2), (date(2019, 7, 16), 1)), "ex-dates of the real windows, H")

#: Months from the base date (end of that month) to the effective month.
BASE_TO_EFFECTIVE = 3  # A20: end of January for April, end of July for October

#: Sessions from the announcement of a review to its effective day.
REVIEW_NOTICE = 20


@dataclass(frozen=True)
class Days:
    """The sessions of a sample; a position is a row of it.

    Attributes
    ----------
    session : DatetimeIndex of shape (n_sessions,)
    half : bool array of shape (n_sessions,)
        True on half days, which have no afternoon.
    """

    session: pd.DatetimeIndex
    half: NDArray[np.bool_]

    @classmethod
    def between(cls, start: date, end: date) -> Days:
        """Return the sessions from `start` to `end`, both included."""
        days = sessions.sessions(start, end)
        return cls(days, sessions.is_half_day(days))

    def __len__(self) -> int:
        return len(self.session)

    @cached_property
    def dates(self) -> list[date]:
        """The sessions as dates."""
        return [day.date() for day in self.session]

    def day(self, position: int) -> date:
        """Return the date of a position."""
        return self.session[position].date()

    def at_or_after(self, day: date) -> int:
        """Return the position of the first session on or after a day; `len(self)` if there is none."""
        return int(self.session.searchsorted(pd.Timestamp(day)))

    def notice(self, position: int, before: int) -> date:
        """Return the session `before` sessions before a position, which may lie before the sample."""
        return sessions.shift(self.session[[position]], -before)[0].date()

    @cached_property
    def ex_dates(self) -> tuple[int, ...]:
        """Positions of the ex-dates of the quarter ends; a session stands before each."""
        found = (self._ex_of(_month_end(year, month)) for year in self._years for month in (3, 6, 9, 12))
        return tuple(p for p in found if p is not None)

    def distributions(self, day_of_july: int) -> tuple[int, ...]:
        """Return the ex-dates of a fund whose record date is a day of July."""
        found = (self._ex_of(date(year, 7, day_of_july)) for year in self._years)
        return tuple(p for p in found if p is not None)

    @cached_property
    def reviews(self) -> tuple[int, ...]:
        """Positions of the effective days of the reviews; a session stands before each."""
        firsts = (date(year, month, 1) for year in self._years for month in (4, 10))
        found = (self.at_or_after(first) for first in firsts if first.month in REVIEW_MONTHS.on(first))
        return tuple(p for p in found if 0 < p < len(self))

    def base_of(self, review: int) -> int:
        """Return the position of a review's base date; the first session if it lies before the sample."""
        day = self.day(review)
        return max(self.at_or_after(_month_end(day.year, day.month - BASE_TO_EFFECTIVE) + timedelta(days=1)) - 1, 0)

    @property
    def _years(self) -> range:
        return range(self.session[0].year, self.session[-1].year + 1)

    def _ex_of(self, record: date) -> int | None:
        """Return the ex-date for a record date, moved back onto a session; None outside the sample."""
        ex = sessions.sessions(record - timedelta(days=21), record)[-1 - EX_BEFORE_RECORD.on(record)]
        position = int(self.session.searchsorted(ex))
        inside = 0 < position < len(self) and self.session[position] == ex
        return position if inside else None


def _month_end(year: int, month: int) -> date:
    return (pd.Timestamp(year, month, 1) + pd.offsets.MonthEnd(0)).date()
