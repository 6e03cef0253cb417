"""Worlds with a state: what follows a VI, a dollar, a high; the Bank's purchases; dated events."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from backtests.claims import exdividend
from tests.worlds import DATES, MONTHS, Market, World, ar

#: Dates within the 40 years of months, and days of the claims on given days.
MONTH_DATES = ("1990-03-31", "1999-02-28", "2007-06-30", "2021-08-31")
DAYS = [str(day.date()) for day in DATES[list(range(60, 1_450, 93))]]


def after_vi(
    n: int, cut: float, drift: float, horizon: int = 1, jump: int = 0, own: bool = False
) -> Callable[[np.random.Generator], World]:
    """Return a maker of markets; where the VI lies above `cut`, or has risen by it over `jump` rows, drift follows.

    The drift is that of each of the `horizon` sessions after such a row. With `own` the VI lives its own life, apart
    from how wild the market is.
    """

    def build(rng: np.random.Generator) -> World:
        market = Market(n, rng)
        if own:
            market.vi = 20 * np.exp(ar(0.15 * rng.standard_normal(n), 0.95))
        vi = market.vi
        past = np.concatenate([np.full(jump, np.inf), vi[:-jump]]) if jump else np.zeros(n)
        met = (vi / past - 1 > cut) if jump else vi > cut
        if drift:
            due = np.zeros(n)
            for row in np.flatnonzero(met).tolist():
                due[row + 1 : row + 1 + horizon] = drift
            market.n225 += due
        return market.world()

    return build


def below_level(n: int, drift: float) -> Callable[[np.random.Generator], World]:
    """Return a maker of markets with `drift` a day while the dollar, which wanders about 130, stood below it."""

    def build(rng: np.random.Generator) -> World:
        market = Market(n, rng)
        level = 130 * np.exp(0.01 * ar(rng.standard_normal(n), 0.98))
        market.n225[2:] += drift * (level[:-2] < 130.0)
        return market.world(usdjpy=pd.DataFrame({"close": level}, market.dates))

    return build


def after_high(n: int, fall: float) -> Callable[[np.random.Generator], World]:
    """Return a maker of markets that fall by `fall` a day for 20 days after a close within 1 % of the year's high."""

    def build(rng: np.random.Generator) -> World:
        market = Market(n, rng)
        levels, due = np.zeros(n), np.zeros(n + 21)
        for row in range(n):
            market.n225[row] -= due[row]
            levels[row] = levels[row - 1] + market.n225[row]
            if row >= 249 and levels[row] > levels[row - 249 : row + 1].max() - 0.01:
                due[row + 1 : row + 21] = fall
        return market.world()

    return build


def trending(n: int, low: float, high: float, drift: float) -> Callable[[np.random.Generator], World]:
    """Return a maker of markets that go on in the direction of the last 20 days while the VI stands in a band."""

    def build(rng: np.random.Generator) -> World:
        market = Market(n, rng)
        inside = (market.vi >= low) & (market.vi <= high)
        for row in range(21, n):
            past = market.n225[row - 20 : row].sum()
            market.n225[row] += drift * np.sign(past) * inside[row - 1]
        return market.world()

    return build


def chances(
    n: int, count: int, chance: float, horizon: int = 5, held: int = 1, drawdown: bool = False
) -> Callable[[np.random.Generator], World]:
    """Return a maker of a market in which an event follows each of `count` marks with that chance.

    A mark is a run of `held` rows in which the series ``mark`` is 1. The event is "above after `horizon` sessions",
    or a fall by a tenth within them (`drawdown`); it is counted from the first row of the run.
    """

    def build(rng: np.random.Generator) -> World:
        market, apart = Market(n, rng), horizon + held + 6
        apart = max(apart, 27 * (held > 1))  # a run begins an episode once the mark was off for 20 rows
        starts = np.sort(rng.choice(n // apart - 1, count, replace=False)) * apart + 6
        mark = np.zeros(n)
        moves = market.n225 - market.n225.mean()
        for row in starts.tolist():
            mark[row : row + held] = 1.0
            happens = rng.random() < chance
            ahead = moves[row + 1 : row + 1 + horizon]
            if drawdown:
                share = np.abs(ahead) / np.abs(ahead).sum()
                moves[row + 1 : row + 1 + horizon] = (-0.15 if happens else 0.15) * share
            elif (ahead.sum() > 0) != happens:
                moves[row + 1 : row + 1 + horizon] = -ahead
        market.n225 = moves
        return market.world(mark=pd.DataFrame({"close": mark}, market.dates))

    return build


def purchases(n: int, falling: float, rising: float) -> Callable[[np.random.Generator], World]:
    """Return a maker of a market whose Bank buys with these chances when the overnight move is negative or not."""

    def build(rng: np.random.Generator) -> World:
        market = Market(n, rng)
        rate = np.where(ar(0.3 * rng.standard_normal(n), 0.95) > 0, 0.1, -0.1)  # eras of eager and idle buying
        chance = np.where(market.topix < 0, falling, rising) + rate
        bought = np.where(rng.random(n) < chance, 700.0, np.nan)
        frame = pd.DataFrame({"index_etf": bought}, market.dates)
        return market.world(boj_etf_purchases=frame)

    return build


def quiet_purchases(n: int, calm: float) -> Callable[[np.random.Generator], World]:
    """Return a maker of a market whose Bank buys with chance 0.5, by so much more in calm times and less in wild."""

    def build(rng: np.random.Generator) -> World:
        market = Market(n, rng)
        rate = np.where(ar(0.3 * rng.standard_normal(n), 0.95) > 0, 0.2, -0.2)
        chance = 0.5 + (calm * np.sign(np.median(market.sigma) - market.sigma) if calm else rate)
        bought = np.where(rng.random(n) < chance, 700.0, np.nan)
        return market.world(boj_etf_purchases=pd.DataFrame({"index_etf": bought}, market.dates))

    return build


def near(planted: bool) -> Callable[[np.random.Generator], World]:
    """Return a maker of 40 years of month ends that on four dates stand at their mean of 24 months, or anywhere."""

    def build(rng: np.random.Generator) -> World:
        closes = pd.Series(20_000 * np.exp(np.cumsum(0.055 * rng.standard_normal(480))), MONTHS)
        if planted:
            closes.loc[list(MONTH_DATES)] = 1.002 * closes.rolling(24).mean().shift(1).loc[list(MONTH_DATES)]
        return {"n225": pd.DataFrame({"close": closes})}

    return build


def dated(effect: float) -> Callable[[np.random.Generator], World]:
    """Return a maker of a market that moves by `effect` more on the sessions of `DAYS`."""

    def build(rng: np.random.Generator) -> World:
        market = Market(1_500, rng)
        market.n225[market.dates.searchsorted(pd.DatetimeIndex(DAYS))] += effect
        return market.world()

    return build


def events(
    n: int, effect: float, count: int = 22, sessions_long: int = 1, loses: float = 0.003, told: bool = False
) -> Callable[[np.random.Generator], World]:
    """Return a maker of a market with splits, half of them on ex-dividend days, when the Nikkei `loses` anyway.

    On event days (or over the windows from announcement to the day before) the Nikkei moves by `effect` a day more.
    With `told` the market tells the points of these losses, and that TOPIX has none.
    """

    def build(rng: np.random.Generator) -> World:
        market = Market(n, rng)
        month = pd.Series(market.dates.year * 12 + market.dates.month)
        to_end = month.groupby(month).cumcount(ascending=False).to_numpy()
        settle = np.where(market.dates >= pd.Timestamp("2019-07-16"), 1, 2)
        ex_days = np.flatnonzero((to_end == settle) & market.dates.month.isin((3, 9)))
        market.n225[ex_days] -= loses
        free = np.setdiff1d(np.arange(40, n - 10), ex_days)
        usable = ex_days[(ex_days > 40) & (ex_days < n - 10)]
        rows = np.concatenate(
            [rng.choice(usable, len(usable) // 2, replace=False), rng.choice(free, count // 2, False)]
        )
        back = rng.integers(10, 30, len(rows))
        for row, days in zip(rows.tolist(), back.tolist(), strict=True):
            if sessions_long == 1:
                market.n225[row] += effect
            else:
                market.n225[row - days + 1 : row] += effect
        rows, back = np.repeat(rows, 2), np.repeat(back, 2)  # two splits on each day are one event
        frame = pd.DataFrame(
            {
                "effective_date": market.dates[rows].strftime("%Y-%m-%d"),
                "announced_date": market.dates[rows - back].strftime("%Y-%m-%d"),
                "code": "0000",
                "event": "split 2:1",
            }
        )
        world = market.world(index_events=frame)
        if told:
            world[exdividend.INPUT] = _points(world, ex_days, loses)
        return world

    return build


def _points(world: World, ex_days: NDArray[np.int64], loses: float) -> exdividend.Expected:
    closes = world["n225"]["close"]
    gone = pd.Series(0.0, closes.index)
    gone.iloc[ex_days] = loses * closes.iloc[ex_days - 1].to_numpy()
    return exdividend.Expected({"n225": gone, "topix": 0.0 * gone}, {"n225": 0.0, "topix": 0.0}, {})
