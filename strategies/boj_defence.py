"""Accumulate the Nikkei near its 360-month mean, the line that the Bank of Japan is said to have defended.

S002: the four raises of the Bank's yearly purchases came with the Nikkei 225 near its 360-month mean, which
looks like a defence of that line. On the day of the decision the index stood at -1.0 % of it
(2014-10-31), +12.8 % (2015-12-18), -1.7 % (2016-07-29) and +6.0 % (2020-03-16); on the days of the four raises of
2011 and 2012, when the Bank still named a cap on what it held, 40 to 46 % below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from indexsim.boj.facts import Cap, caps
from indexsim.known import announced_at
from indexsim.market import MarketData
from strategies.base import Features
from strategies.rules import Ruled

INDEXES = ("n225", "topix")
MEANS = ("month_end", "daily")
RAISES = ("ignore", "add", "only")


def raises_of(decisions: Sequence[Cap]) -> tuple[date, ...]:
    """Return the days on which a cap or a pace was decided that exceeds the one before.

    Caps on what is held are compared with each other, and yearly paces and ceilings with each other; the
    first of either is no raise.

    Parameters
    ----------
    decisions : sequence of Cap
        In the order of the decisions (E1).
    """
    held = [c for c in decisions if c.kind == "outstanding"]
    yearly = [c for c in decisions if c.kind in ("pace", "ceiling")]
    found = [
        after.decided
        for row in (held, yearly)
        for before, after in pairwise(row)
        if after.decided and (after.trillion_yen or 0.0) > (before.trillion_yen or 0.0)
    ]
    return tuple(sorted(found))


#: Days of decisions that raised a cap, data/facts/boj_caps.csv.
RAISED = raises_of(caps())


class BojDefence(Ruled):
    """Buy the index in tranches as it comes down to its mean of `months` months and below; sell all far above it.

    The first tranche is bought when the close stands at most `near` above the mean, a further one for every `step`
    lower, and none while it stands more than `far` below: a line that far away is not being defended. Tranches are
    kept when the index recovers, until it stands `leave` above the mean. The Bank's raises of its cap can add a
    tranche, or be the only days on which any is bought. Nothing is bought before `since`, the Bank's first purchase.

    The mean is of month ends or of daily closes, over the last `months` calendar months in which the index has a
    close, the running month with what is known of it. UNTIL THERE ARE THAT MANY MONTHS NOTHING IS HELD: 360 months
    are 30 years, so in a shorter market the default never buys. The file may begin before the market's first
    session and counts from its beginning.

    Source: S002, raises E1 (S002 dates that of 2015-12-18 to March 2016, H22). Limits: `near`, `step`, `far` and
    `leave` are conventions, S002 gives no number; raises are taken as known from the evening of their day, because no
    source gives the hour; four raises near the mean are four observations.

    Needs the file of the index and prices of the instrument.
    """

    @dataclass(frozen=True)
    class Params:
        """Parameters of `BojDefence`.

        Attributes
        ----------
        instrument : str
            What is bought: an ETF or a future on the index.
        index : {"n225", "topix"}
            Whose mean it is.
        months : int
            Calendar months in the mean; with fewer known, nothing is held.
        mean : {"month_end", "daily"}
            Mean of the last closes of the months, or of all daily closes in them.
        near : float
            Distance of the close from the mean, as a fraction of the mean, at or below which the first tranche
            is bought.
        step : float
            How much lower each further tranche is bought, as a fraction of the mean.
        tranches : int
            Tranches held at most.
        far : float
            Distance below the mean, as a fraction of it, beyond which nothing is bought.
        leave : float
            Distance above the mean, as a fraction of it, at which everything is sold.
        size : float
            Position of a tranche, as a share of equity.
        raises : {"ignore", "add", "only"}
            What a raise of the Bank's cap does: nothing; one tranche more than the distance calls for, where it
            calls for any; or it is the only day on which the distance counts.
        since : str
            First day on which anything may be bought, as an ISO date: by default that of the Bank's first purchase.
            Empty is any day; a run that starts later begins with what the rule has accumulated by then.
        """

        instrument: str = "etf_1321"
        index: str = "n225"
        months: int = 360
        mean: str = "month_end"
        near: float = 0.10
        step: float = 0.05
        tranches: int = 5
        far: float = 0.25
        leave: float = 0.30
        size: float = 0.2
        raises: str = "ignore"
        since: str = "2010-12-15"  # E1

        def __post_init__(self) -> None:
            for name, known in (("index", INDEXES), ("mean", MEANS), ("raises", RAISES)):
                if getattr(self, name) not in known:
                    raise ValueError(f"{name} {getattr(self, name)!r} is unknown; one of {', '.join(known)}")
            if self.since:
                date.fromisoformat(self.since)
            if self.months < 2:
                raise ValueError(f"months {self.months} is too short; at least 2")
            if self.tranches < 1:
                raise ValueError(f"tranches {self.tranches} is below 1")
            if not self.step > 0.0:
                raise ValueError(f"step {self.step:g} is not above 0")
            if not self.near < self.leave:
                raise ValueError(f"leave {self.leave:g} does not lie above near {self.near:g}")
            lowest = self.near - self.step * (self.tranches - 1)
            if not -self.far < lowest:
                raise ValueError(f"far {self.far:g}: the last tranche, at {lowest:+g}, would never be bought")

    @classmethod
    def instruments(cls, params: Params) -> tuple[str, ...]:
        return (params.instrument,)

    @classmethod
    def needs(cls, params: Params) -> tuple[str, ...]:
        return (params.index,)

    @staticmethod
    def features(market: MarketData, params: Params) -> Features:
        bars = market.bars("daily")
        closes = market.table(params.index)["close"].dropna()
        days = closes.index.to_numpy().astype("datetime64[D]")
        means = np.append(long_mean(days, closes.to_numpy(np.float64), params.months, params.mean), np.nan)
        # A bar is decided at its close, when the closes up to its session are known. Row -1 is the NaN: nothing yet.
        mean = means[np.searchsorted(days, bars.session, side="right") - 1]
        distance = market.known(params.index, "close", bars) / mean - 1.0
        told = announced_at(pd.DatetimeIndex(RAISED))
        count = np.searchsorted(told, bars.decided, side="right")
        return {
            "distance": distance,
            "raised": np.diff(count, prepend=count[:1]) > 0,
            "begun": bars.session >= np.datetime64(params.since or "0001-01-01", "D"),
        }

    @staticmethod
    def rule(features: Any, params: Any, at_open: np.ndarray, at_close: np.ndarray, deposits: np.ndarray) -> None:
        only, add = params.raises == "only", params.raises == "add"
        held = 0.0
        for t in range(len(features.distance)):
            distance, raised = features.distance[t], features.raised[t]
            called = 0.0
            if features.begun[t] and distance >= -params.far and (raised or not only):
                called = max(np.floor((params.near - distance) / params.step) + 1.0, 0.0)
                called = min(called + 1.0 if add and raised and called > 0.0 else called, params.tranches)
            held = called if distance >= params.leave else max(held, called)
            at_open[t, 0] = params.size * held


def long_mean(days: np.ndarray, closes: np.ndarray, months: int, mean: str) -> np.ndarray:
    """Return the mean over the last calendar months that have a close, as known on each day.

    Parameters
    ----------
    days : ndarray of datetime64[D], shape (n,)
        Ascending.
    closes : ndarray of float64, shape (n,)
    months : int
        The running one included, with what is known of it.
    mean : {"month_end", "daily"}
        Of the last close of each month, or of all closes.

    Returns
    -------
    ndarray of float64, shape (n,)
        NaN where there are fewer months.

    Examples
    --------
    >>> days = np.array(["2025-01-30", "2025-01-31", "2025-02-03"], dtype="datetime64[D]")
    >>> long_mean(days, np.array([9.0, 10.0, 12.0]), 2, "month_end").tolist()
    [nan, nan, 11.0]
    """
    begins = np.append(True, np.diff(days.astype("datetime64[M]")) > np.timedelta64(0, "M"))[: len(days)]
    first = np.flatnonzero(begins)
    month = np.cumsum(begins) - 1
    full = month >= months - 1
    from_month = np.maximum(month - (months - 1), 0)
    if mean == "daily":
        sums = np.append(0.0, np.cumsum(closes))
        row = np.arange(len(days))
        found = (sums[1:] - sums[first[from_month]]) / (row + 1 - first[from_month])
    else:
        ends = np.append(0.0, np.cumsum(closes[first[1:] - 1]))
        found = (ends[month] - ends[from_month] + closes) / months
    return np.where(full, found, np.nan)
