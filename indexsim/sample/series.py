"""The series of a sample: index, TOPIX, VI, yen, ETFs, dividends points, total return, trading volume."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim import floatcap
from indexsim.events import parse_events
from indexsim.index import PriceWeightedIndex
from indexsim.rules import Dated
from indexsim.sample.days import Days
from indexsim.sample.effects import Sample
from indexsim.sample.events import Plan
from indexsim.sample.names import Names
from indexsim.sample.prices import BOJ_FROM, BOJ_TO, Prices
from indexsim.sample.ticks import FUND_TICKS, quoted
from indexsim.sample.world import YEAR, World

Floats = NDArray[np.float64]

#: Divisor on the first session, and TOPIX on it.
FIRST_DIVISOR = Decimal("24.000")
FIRST_TOPIX = 1_000.0

#: Dividends after withholding tax; the net total return of `real` windows shows 0.79685.
NET_OF_TAX = 1 - 0.20315

#: Day of July of the record date, fee a year (fraction), and typical shares a session.
FUNDS: dict[str, tuple[int, float, float]] = {"etf_1321": (8, 0.0018, 6e5), "etf_1306": (10, 0.0008, 4e6)}

#: The Bank's purchases on a day it buys, and its fixed daily amount, 100 million yen; round figures, by date as in E1.
BOJ_AMOUNT: Dated[float] = Dated(
    (
        (None, 100.0),
        (date(2013, 4, 4), 200.0),
        (date(2014, 10, 31), 400.0),
        (date(2016, 7, 29), 700.0),
        (date(2020, 3, 16), 1000.0),
        (date(2021, 4, 1), 700.0),
    ),
    "E1, dates H, amounts made up",
)
BOJ_DAILY: Dated[float] = Dated(((None, np.nan), (date(2016, 4, 1), 12.0)), "E1, H")
BOJ_REIT = 10.0

#: How far a bar's high and low reach beyond its prints, as a share of the session's volatility.
WICK = 0.25


@dataclass(frozen=True)
class Levels:
    """An index at four moments of each session, points.

    Attributes
    ----------
    points : float array of shape (n_sessions, 4)
        Open, morning close, afternoon open, close.
    dividends : float array of shape (n_sessions,)
        Dividends of the day in points of the index.
    """

    points: Floats
    dividends: Floats

    @property
    def close(self) -> Floats:
        """The closes."""
        return self.points[:, 3]


def wide(values: Floats, days: Days, names: Names) -> pd.DataFrame:
    """Return an array of shape (n_sessions, n) as date x code."""
    return pd.DataFrame(values, index=days.session, columns=pd.Index(names.code), copy=False)


def nikkei(days: Days, names: Names, prices: Prices, factors: pd.DataFrame) -> tuple[Levels, PriceWeightedIndex]:
    """Build the price-weighted index from the rounded prices."""
    basket, events = parse_events(factors)
    index = PriceWeightedIndex.build(wide(prices.close, days, names), basket, events, FIRST_DIVISOR)
    moments = (prices.open, prices.morning, prices.afternoon)
    points = [index.levels(wide(moment, days, names)).to_numpy() for moment in moments]
    paid = np.zeros(len(days))
    for position, yen in prices.dividends.items():
        regime = index.regime(days.day(position))
        per_code = dict(zip(names.code, yen, strict=True))
        total = sum(per_code[code] * float(factor) for code, factor in regime.basket.factors.items())
        paid[position] = total / float(regime.divisor)
    return Levels(np.column_stack([*points, index.levels().to_numpy()]), paid), index


def topix(days: Days, names: Names, prices: Prices) -> Levels:
    """Build the free-float index over every listed name."""
    floated = prices.shares * names.ffw
    base = float((floated[0] * prices.close[0]).sum()) / FIRST_TOPIX * 100
    shares, ffw = wide(prices.shares, days, names), pd.Series(names.ffw, index=names.code)
    moments = (prices.open, prices.morning, prices.afternoon, prices.close)
    points = [floatcap.levels(wide(moment, days, names), shares, ffw, base).to_numpy() for moment in moments]
    paid = np.zeros(len(days))
    for position, yen in prices.dividends.items():
        paid[position] = (floated[position] * yen).sum() / base * 100
    return Levels(np.column_stack(points), paid)


def bars(sample: Sample, stream: str, points: Floats, reach: Floats, decimals: int) -> dict[str, Floats]:
    """Return open, high, low and close around prints of shape (n_sessions, k), first to last.

    Parameters
    ----------
    reach : float array of shape (n_sessions,)
        Typical distance of the high and the low from the outermost print, as a fraction.
    """
    beyond = np.abs(sample.rng(f"bars {stream}").standard_normal((len(points), 2))) * reach[:, None]
    return {
        "open": points[:, 0],
        "high": np.round(points.max(axis=1) * np.exp(beyond[:, 0]), decimals),
        "low": np.round(points.min(axis=1) * np.exp(-beyond[:, 1]), decimals),
        "close": points[:, -1],
    }


def reach_of(world: World) -> Floats:
    """Return how far highs and lows of an index reach beyond its prints."""
    return np.asarray(world.vi_before / 100 / np.sqrt(YEAR) * WICK)


def vi_bars(sample: Sample, world: World) -> dict[str, Floats]:
    """Return the bars of the VI: it opens near the close before."""
    noise = sample.rng("vi open").standard_normal(len(world.vi))
    opened = np.round(world.vi_before * (world.vi / world.vi_before) ** 0.4 * np.exp(0.01 * noise), 2)
    return bars(sample, "vi", np.column_stack([opened, world.vi]), np.full(len(world.vi), 0.015), 2)


def yen_bars(sample: Sample, world: World) -> dict[str, Floats]:
    """Return the bars of USDJPY: from one New York close to the next."""
    close = world.yen_close
    opened = np.append(close[0] * np.exp(-world.yen_tokyo[0] - world.yen_night[0]), close[:-1])
    tokyo = opened * np.exp(world.yen_tokyo)
    points = np.round(np.column_stack([opened, tokyo, close]), 2)
    return bars(sample, "yen", points, np.full(len(close), 0.0015), 2)


@dataclass(frozen=True)
class Fund:
    """An ETF: prints at four moments in yen, and distributions by ex-date, yen a share."""

    points: Floats
    distributions: dict[int, int]


def fund(days: Days, series: str, levels: Levels) -> Fund:
    """Track an index: its level, plus the dividends received, less the fee and what was distributed in July.

    The fee accrues per session on the level; the distribution is every whole yen of what is left.
    """
    day_of_july, fee, _ = FUNDS[series]
    ex_dates = days.distributions(day_of_july)
    accrued, left, paid = np.empty(len(days)), 0.0, {}
    for t in range(len(days)):
        if t in ex_dates:
            paid[t] = int(max(left, 0.0))
            left -= paid[t]
        left += levels.dividends[t] - fee / YEAR * levels.close[t]
        accrued[t] = left
    return Fund(quoted(levels.points + accrued[:, None], days.dates, FUND_TICKS), paid)


def fund_bars(sample: Sample, days: Days, world: World, series: str, found: Fund) -> dict[str, Floats]:
    """Return the bars of an ETF, in ticks, with its volume in shares."""
    ohlc = bars(sample, series, found.points, reach_of(world), 4)
    for column in ("high", "low"):
        ohlc[column] = quoted(ohlc[column], days.dates, FUND_TICKS)
    busy = sample.rng(f"volume {series}").normal(0, 0.35, len(days)) + np.log(world.vi_before / 20)
    return {**ohlc, "volume": np.round(FUNDS[series][2] * np.exp(busy) / 10) * 10}


def total_return(levels: Levels) -> dict[str, Floats]:
    """Return gross and net total return, equal to the price index on the first session.

    A session's gross return is (level + dividends) / level before - 1; net of tax on the dividends.
    """
    close, before = levels.close, levels.close[:-1]
    columns = {}
    for name, kept in (("tr", 1.0), ("net_tr", NET_OF_TAX)):
        ratio = (close[1:] + kept * levels.dividends[1:]) / before
        columns[name] = np.round(close[0] * np.append(1.0, np.cumprod(ratio)), 2)
    return {**columns, "price_index": close}


def volumes(sample: Sample, days: Days, names: Names, world: World, prices: Prices, plan: Plan) -> NDArray[np.int64]:
    """Return shares traded, in lots of 100: more when the VI is high; entrants gain readers, leavers lose them."""
    float_shares = prices.shares * names.ffw
    log = sample.rng("volumes").normal(0, 0.35, float_shares.shape) + 0.5 * np.log(world.vi_before / 20)[:, None]
    time = np.arange(len(days))
    for swap in plan.swaps:
        years = np.clip((swap.position - time) / YEAR, 0.0, 3.0)  # before the change; three years of drift
        log[:, swap.leaver] -= 0.5 * (3.0 - years) + 0.5
        log[:, swap.entrant] += 0.4 * (3.0 - years)
    traded = float_shares * names.turnover * np.exp(log) * np.where(days.half, 0.5, 1.0)[:, None]
    return np.asarray(np.maximum(np.round(traded / 100), 1.0) * 100, dtype=np.int64)


def purchases(sample: Sample, days: Days, prices: Prices) -> pd.DataFrame:
    """Return the Bank's purchases, 100 million yen, one row per session of the programme; blank is none."""
    inside = (days.session >= pd.Timestamp(BOJ_FROM)) & (days.session <= pd.Timestamp(BOJ_TO))
    kept = days.session[inside]
    bought, reit = prices.bought[inside], sample.rng("reit").random(len(days))[inside] < 0.3
    dates = [day.date() for day in kept]
    columns = {
        "index_etf": np.where(bought, [BOJ_AMOUNT.on(day) for day in dates], np.nan),
        "supportive_etf": np.array([BOJ_DAILY.on(day) for day in dates], dtype=np.float64),
        "j_reit": np.where(bought & reit, BOJ_REIT, np.nan),
        "lending_etf": np.full(len(dates), np.nan),
    }
    return pd.DataFrame(columns, index=kept)
