"""The calendar of the reviews: base date, announcement, effective date (A20).

Base dates are the last sessions of January and July; what follows takes effect on the first
session of April and October, until 2022 of October only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pandas as pd

from indexsim import rules, sessions
from indexsim.errors import SpecError

#: Months from the base date and from the announcement to the effective date.
BASE_BEFORE, ANNOUNCED_BEFORE = 3, 1
#: Every month has more sessions than this.
LAST_ANNOUNCED_SESSION = 15


@dataclass(frozen=True)
class ReviewDates:
    """The three days of a review.

    Attributes
    ----------
    base : date
        Its closes decide.
    announced : date
        From this evening the result may be known.
    effective : date
        First session with it.
    """

    base: date
    announced: date
    effective: date

    def as_dict(self) -> dict[str, str]:
        """Return the days as ISO text."""
        return {"base": f"{self.base}", "announced": f"{self.announced}", "effective": f"{self.effective}"}

    def previous(self) -> ReviewDates:
        """Return the review before."""
        year, month = self.effective.year, self.effective.month
        earlier = [(y, m) for y in (year, year - 1) for m in (10, 4) if (y, m) < (year, month)]
        return next(_dates(y, m) for y, m in earlier if m in rules.REVIEW_MONTHS.on(date(y, m, 1)))

    def is_near(self, day: date, n: int) -> bool:
        """Tell whether a day lies within `n` sessions of the effective date."""
        here = pd.DatetimeIndex([self.effective])
        low, high = (sessions.shift(here, step)[0].date() for step in (-n, n))
        near: bool = low <= day <= high
        return near


def reviews_between(
    first: date, last: date, announced_session: int = rules.REVIEW_ANNOUNCED_SESSION
) -> list[ReviewDates]:
    """Return the reviews whose base date is not before `first` and whose effective date is not after `last`.

    Parameters
    ----------
    first, last : date
    announced_session : int
        Session of March or September on which a review is announced, from 1.

    Raises
    ------
    SpecError
        `announced_session` is no session of every month.
    MissingData
        A day lies outside the session table.

    Examples
    --------
    >>> [f"{dates.base} {dates.effective}" for dates in reviews_between(date(2022, 1, 1), date(2023, 10, 2))]
    ['2022-07-29 2022-10-03', '2023-01-31 2023-04-03', '2023-07-31 2023-10-02']
    """
    firsts = (date(year, month, 1) for year in range(first.year, last.year + 1) for month in (4, 10))
    # A review whose month has not begun lies beyond `last`, and perhaps beyond the session table.
    planned = (day for day in firsts if day <= last and day.month in rules.REVIEW_MONTHS.on(day))
    found = (_dates(day.year, day.month, announced_session) for day in planned)
    return [dates for dates in found if dates.base >= first and dates.effective <= last]


def next_review(day: date, announced_session: int = rules.REVIEW_ANNOUNCED_SESSION) -> ReviewDates:
    """Return the first review whose base date is not before a day; parameters and errors as `reviews_between`.

    Examples
    --------
    >>> next_review(date(2025, 2, 1)).as_dict()
    {'base': '2025-07-31', 'announced': '2025-09-03', 'effective': '2025-10-01'}
    """
    return next(dates for dates in _of_two_years(day.year, announced_session) if dates.base >= day)


def next_announced(day: date, announced_session: int = rules.REVIEW_ANNOUNCED_SESSION) -> ReviewDates:
    """Return the first review that is announced after a day; parameters and errors as `reviews_between`.

    Examples
    --------
    >>> next_announced(date(2025, 2, 1)).as_dict()
    {'base': '2025-01-31', 'announced': '2025-03-05', 'effective': '2025-04-01'}
    """
    return next(dates for dates in _of_two_years(day.year, announced_session) if dates.announced > day)


def on_base(day: date, announced_session: int = rules.REVIEW_ANNOUNCED_SESSION) -> ReviewDates:
    """Return the review of a base date.

    Raises
    ------
    SpecError
        The day is no base date.
    """
    dates = next_review(day, announced_session)
    if dates.base != day:
        raise SpecError(
            asked=f"review the index as of {day}",
            found="no review has that base date",
            rule="a base date is the last session of July and, from 2023 on, of January",
            todo=f"name {dates.previous().base} or {dates.base}, or ask for the candidates as of {day}",
        )
    return dates


def _of_two_years(year: int, announced_session: int) -> Iterator[ReviewDates]:
    """Yield the reviews of a year and the next, one by one: the session table may end between them."""
    for first in (date(y, month, 1) for y in (year, year + 1) for month in (4, 10)):
        if first.month in rules.REVIEW_MONTHS.on(first):
            yield _dates(first.year, first.month, announced_session)


def _dates(year: int, month: int, announced_session: int = rules.REVIEW_ANNOUNCED_SESSION) -> ReviewDates:
    if not 1 <= announced_session <= LAST_ANNOUNCED_SESSION:
        raise SpecError(
            asked=f"announce reviews on session {announced_session} of the month before",
            found=f"{announced_session}",
            rule=f"a whole number from 1 to {LAST_ANNOUNCED_SESSION}",
            todo=f"choose one; {rules.REVIEW_ANNOUNCED_SESSION} is usual",
        )
    return ReviewDates(
        base=_sessions_of(year, month - BASE_BEFORE)[-1].date(),
        announced=_sessions_of(year, month - ANNOUNCED_BEFORE)[announced_session - 1].date(),
        effective=_sessions_of(year, month)[0].date(),
    )


def _sessions_of(year: int, month: int) -> pd.DatetimeIndex:
    first = pd.Timestamp(year, month, 1)
    return sessions.sessions(first, first + pd.offsets.MonthEnd(0))
