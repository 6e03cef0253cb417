"""When a value may be known: the release lag of every column of every file.

A row carries the date it is about, not the moment it could be read. A decision at a bar may use a
value only if its `known_at` lies at or before the bar's decision time; everything that serves data
by time (`indexsim.market`) asks here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from indexsim import derivatives, sessions

Moments = npt.NDArray[np.datetime64]

EVENING = 18 * 60
MORNING = 7 * 60
#: The market was closed for eleven days at most (2019-04-26 to 05-07): an older value is no "last close".
LONGEST_PAUSE = 14
#: Of what stays in force until it is replaced.
FOR_GOOD = 36_500


@dataclass(frozen=True)
class KnownAt:
    """A release rule.

    Attributes
    ----------
    anchor : str
        ``open``, ``morning_close``, ``afternoon_open`` or ``close`` of the row's session, ``night_close`` of
        the futures' night booked on it, or ``clock``.
    minutes : int
        Minutes after the anchor; after midnight for ``clock``.
    days : int
        Calendar days after the row's date (``clock`` only).
    good_for : int
        Calendar days after the row's date beyond which the value is stale and counts as unknown.
    source : str
        Why, with its confidence.

    Examples
    --------
    >>> print(KnownAt("close", 30), "|", KnownAt("clock", 7 * 60, days=1))
    30 min after the close | 07:00, 1 day later
    """

    anchor: str
    minutes: int = 0
    days: int = 0
    good_for: int = LONGEST_PAUSE
    source: str = ""

    def __str__(self) -> str:
        if self.anchor != "clock":
            after = f"{self.minutes} min after the" if self.minutes else "at the"
            return f"{after} {self.anchor.replace('_', ' ')}"
        later = f", {self.days} day{'s' if self.days > 1 else ''} later" if self.days else ""
        return f"{self.minutes // 60:02d}:{self.minutes % 60:02d}{later}"


_CLOSE = KnownAt("close", source="the official close is the close of the session, H")
_TRADED = KnownAt("clock", EVENING, source="after the close, H")
_TOKYO = {
    "open": KnownAt("open", source="first print, H"),
    "high": _CLOSE,
    "low": _CLOSE,
    "close": _CLOSE,
    "volume": _TRADED,
}
_OVERNIGHT = KnownAt("clock", MORNING, days=1, source="New York close is the next morning in Tokyo, H")
_PAID = KnownAt("clock", EVENING, good_for=FOR_GOOD, source="from its announcement, else the ex-date, M")
_NIGHT = KnownAt("night_close", source="the night booked on the date ends before its day session, D2 M")
_IN_FORCE = KnownAt("clock", good_for=FOR_GOOD, source="in force from its date, M")

#: (file, column) -> rule; column "*" serves the columns not named. ``constituents`` is not dated and
#: ``factors`` has moments of its own (`event_moments`).
RULES: dict[tuple[str, str], KnownAt] = {
    **{(f, c): rule for f in ("n225", "topix", "index", "etf_1321", "etf_1306") for c, rule in _TOKYO.items()},
    ("closes", "*"): _CLOSE,
    ("special_quotes", "*"): _CLOSE,
    ("suspensions", "*"): KnownAt("clock", EVENING, good_for=FOR_GOOD, source="counted from its last day, H"),
    ("opens", "*"): KnownAt("open", source="first print, H"),
    ("volumes", "*"): _TRADED,
    ("futures", "open"): KnownAt("open", source="the day session opens with the cash market or before it, D2 M"),
    ("futures", "close"): KnownAt("close", 15, source="the day session ends 15 minutes after the cash close, D2 M"),
    ("futures", "night_open"): _NIGHT,
    ("futures", "night_close"): _NIGHT,
    ("futures", "settle"): _TRADED,
    ("futures", "volume"): _TRADED,
    ("halves", "morning_close"): KnownAt("morning_close", source="H"),
    ("halves", "afternoon_open"): KnownAt("afternoon_open", source="H"),
    ("nikkei_vi", "open"): KnownAt("open", 15, source="computed from options trading, M"),
    ("nikkei_vi", "*"): KnownAt("close", 30, source="options trade on after the cash close, D2 M"),
    ("usdjpy", "*"): _OVERNIGHT,
    ("sp500", "*"): _OVERNIGHT,
    ("oil", "*"): _OVERNIGHT,
    ("total_return", "*"): KnownAt("clock", EVENING, source="published after the close, M"),
    ("boj_etf_purchases", "*"): KnownAt("clock", 19 * 60, source="the Bank publishes in the evening, M"),
    ("boj_assets", "*"): KnownAt("clock", 10 * 60, days=10, good_for=45, source="accounts follow in ten days, M"),
    ("jgb_yields", "*"): KnownAt("clock", 10 * 60, days=1, source="published the next business morning, M"),
    ("gdp", "*"): KnownAt(
        "clock", 9 * 60, days=140, good_for=260, source="first preliminary 6-7 weeks after the quarter, B"
    ),
    ("rates", "*"): KnownAt("clock", 10 * 60, days=1, source="published the next business morning, B"),
    ("n225_morning_approx", "*"): KnownAt("clock", 12 * 60, source="to noon, by its definition, H"),
    ("universe", "*"): _IN_FORCE,
    ("shares_ffw", "*"): _IN_FORCE,
    ("divisors", "*"): _IN_FORCE,
    ("dividends", "*"): _PAID,
    ("distributions", "*"): _PAID,
}


def rule_of(file: str, column: str) -> KnownAt:
    """Return the release rule of a column.

    Raises
    ------
    KeyError
        Where there is none: ``constituents`` and ``factors``.

    Examples
    --------
    >>> rule_of("usdjpy", "close").days
    1
    """
    return RULES.get((file, column)) or RULES[(file, "*")]


def release_of(file: str, column: str) -> str:
    """Return in words when a cell is known, as the README shows it; empty where nothing says so."""
    if file == "factors" and column == "event":
        return "18:00 of the announcement, else when it acts"
    if file == "suspensions":
        return "18:00 of the last day"
    if file in ("dividends", "distributions") and column == "yen":
        return "18:00 of the announcement, else of the ex-date"
    rule = RULES.get((file, column)) or RULES.get((file, "*"))
    return str(rule) if rule else ""


def known_at(rule: KnownAt, dates: pd.DatetimeIndex) -> Moments:
    """Return when rows of these dates are known: datetime64[m] of shape (n,), Japan time."""
    days = dates.to_numpy().astype("datetime64[D]")
    if rule.anchor == "clock":
        return stamp(days + rule.days, rule.minutes)
    if rule.anchor == "night_close":
        return _night_close(days, dates) + np.timedelta64(rule.minutes, "m")
    return stamp(days, _anchor_minutes(rule.anchor, dates) + rule.minutes)


def announced_at(dates: pd.DatetimeIndex) -> Moments:
    """Return when an announcement of these dates is known: companies and the publisher speak after the close.

    Returns
    -------
    datetime64[m] array of shape (n,)
        Japan time; NaT where there is no date.
    """
    return stamp(dates.to_numpy().astype("datetime64[D]"), EVENING)


def acts_at(dates: pd.DatetimeIndex) -> Moments:
    """Return when events of these dates act: the open of the first session on or after each date.

    Returns
    -------
    datetime64[m] array of shape (n,)
        Japan time; NaT where there is no date. A date outside the session table stands for itself.
    """
    days = dates.to_numpy().astype("datetime64[D]")
    table = sessions.all_sessions().to_numpy().astype("datetime64[D]")
    at = np.searchsorted(table, days)
    inside = (days >= table[0]) & (days <= table[-1])
    acting = np.where(inside, table[np.minimum(at, len(table) - 1)], days)
    return stamp(acting, _anchor_minutes("open", pd.DatetimeIndex(acting)))


def event_moments(effective: pd.DatetimeIndex, announced: pd.DatetimeIndex) -> Moments:
    """Return when events may be known: the evening of the announcement, but not after they act.

    Without an announced date an event is known only when it acts; a strategy that wants to act
    earlier needs the date in ``factors``.

    Parameters
    ----------
    effective, announced : DatetimeIndex of shape (n,)
        NaT where there is no date.

    Returns
    -------
    datetime64[m] array of shape (n,)
        Japan time.
    """
    moments: Moments = np.fmin(announced_at(announced), acts_at(effective))
    return moments


@cache
def moment_of(effective: date, announced: date | None) -> np.datetime64:
    """Return `event_moments` of one event."""
    known = pd.DatetimeIndex([pd.NaT if announced is None else pd.Timestamp(announced)])
    moment: np.datetime64 = event_moments(pd.DatetimeIndex([pd.Timestamp(effective)]), known)[0]
    return moment


def stamp(days: Moments, minutes: npt.NDArray[Any] | int) -> Moments:
    """Join days (datetime64[D]) and minutes after midnight to datetime64[m]."""
    joined: Moments = days.astype("datetime64[m]") + np.asarray(minutes, dtype="timedelta64[m]")
    return joined


def _night_close(days: Moments, dates: pd.DatetimeIndex) -> Moments:
    """Return when the nights booked on days end; a day without one stands for its open, which comes after any."""
    table = derivatives.nights()
    at = np.minimum(np.searchsorted(table.booked, days), len(table.booked) - 1)
    moments: Moments = np.where(table.booked[at] == days, table.closed[at], stamp(days, _anchor_minutes("open", dates)))
    return moments


_MINUTES = {
    "open": sessions.open_minute,
    "morning_close": sessions.morning_close_minute,
    "afternoon_open": sessions.afternoon_open_minute,
    "close": sessions.close_minute,
}
# A row outside the session table has no bar beside it: an end-of-day stamp keeps the rows in order.
_OUTSIDE_TABLE = 15 * 60


def _anchor_minutes(anchor: str, dates: pd.DatetimeIndex) -> npt.NDArray[np.int64]:
    inside = (dates >= pd.Timestamp(sessions.FIRST_DAY)) & (dates <= pd.Timestamp(sessions.LAST_DAY))
    minutes = np.full(len(dates), _OUTSIDE_TABLE, dtype=np.int64)
    minutes[inside] = _MINUTES[anchor](dates[inside])
    return minutes
