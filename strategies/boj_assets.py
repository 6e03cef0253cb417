"""The Nikkei above a level, with its RSI recovered and the central bank's assets in a given state.

S000 puts the assets of the Bank of Japan beside the Nikkei on 20 dates and draws a trade from it: long once the index
stands above 38,000, support at 36,000, target 42,000, RSI(14) back from oversold, assets as a tail wind. Its
text contradicts its own table (H19, H20), and two trending levels correlate whether or not they have to do with
each other (H21): so the correlation of changes is offered beside that of levels.

The calendar of the Bank's meetings and minutes, which S000 points to, is left out: no sourced list of its dates.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from indexsim import known
from indexsim.market import MarketData
from strategies.base import Features
from strategies.rules import Ruled

ASSETS = ("any", "growing", "shrinking", "divergent", "levels", "changes")
FILE, COLUMN = "boj_assets", "total_assets_100m_yen"


class BojAssets(Ruled):
    """Buy the Nikkei once it stands above a level, with its RSI recovered and the central bank's assets as asked for.

    The index stands above the level after `closes` closes in a row above it. The position ends with a close below the
    support, or at or above the target; the next one needs a close at or below the level first. The state of the
    assets is asked for at the entry alone. Orders fill at the next open.

    S000, whose levels are points of 2025: on another market they say little and are parameters. Accounts count from ten
    days after their date; a session on which the last ones are older than 45 days has no state, and nothing is bought.
    Calendar of meetings and minutes: not used, for want of a sourced list.

    Needs ``n225``, and ``boj_assets`` unless ``assets = "any"``.
    """

    optional: ClassVar[tuple[str, ...]] = ("rsi",)

    @dataclass(frozen=True)
    class Params:
        """Parameters of `BojAssets`.

        Attributes
        ----------
        instrument : str
            What is bought: a future on the Nikkei, or an ETF.
        share : float
            Position as a share of equity.
        level : float
            Points of the Nikkei above which it has to stand.
        closes : int
            Closes in a row above `level` that make it stand there.
        support, target : float
            Points of the Nikkei: sold after a close below `support`, or at or above `target`.
        rsi : int
            Sessions of the relative strength index, smoothed after Wilder; 0 means it is not asked for.
        rsi_low, rsi_high : float
            Oversold below `rsi_low` (0 to 100), recovered from `rsi_high` on: bought only between a recovery and the
            next time it is oversold.
        assets : {"any", "growing", "shrinking", "divergent", "levels", "changes"}
            State asked for: none; assets grew or shrank over `change` accounts; they shrank while the Nikkei
            rose; or their correlation with the Nikkei, of levels or of changes, is above `correlation_min`.
        change : int
            Accounts over which growth is measured, for ``growing``, ``shrinking`` and ``divergent``.
        window : int
            Accounts of the rolling correlation.
        lag : int
            Accounts by which the assets precede the Nikkei in the correlation; below zero the Nikkei precedes.
        correlation_min : float
            Lowest correlation, -1 to 1, not included.
        """

        instrument: str = "nikkei_mini"
        share: float = 1.0
        level: float = 38_000.0
        closes: int = 3
        support: float = 36_000.0
        target: float = 42_000.0
        rsi: int = 14
        rsi_low: float = 30.0
        rsi_high: float = 55.0
        assets: str = "growing"
        change: int = 1
        window: int = 24
        lag: int = 0
        correlation_min: float = 0.0

        def __post_init__(self) -> None:
            if not isfinite(self.share):
                raise ValueError(f"share {self.share:g} is not finite")
            if not 0 < self.support <= self.level < self.target < float("inf"):
                found = f"support {self.support:g}, level {self.level:g}, target {self.target:g}"
                raise ValueError(f"{found}: 0 < support <= level < target")
            if self.closes < 1:
                raise ValueError(f"closes {self.closes} is below 1")
            if self.rsi < 0:
                raise ValueError(f"rsi {self.rsi} is negative; 0 or a number of sessions")
            if not 0 <= self.rsi_low <= self.rsi_high <= 100:
                raise ValueError(f"rsi_low {self.rsi_low:g}, rsi_high {self.rsi_high:g}: 0 <= low <= high <= 100")
            if self.assets not in ASSETS:
                raise ValueError(f"assets {self.assets!r} is unknown; one of {', '.join(ASSETS)}")
            if self.change < 1:
                raise ValueError(f"change {self.change} is below 1 account")
            if self.window < 3:
                raise ValueError(f"window {self.window} gives no correlation; at least 3 accounts")
            if not -1 <= self.correlation_min < 1:
                raise ValueError(f"correlation_min {self.correlation_min:g} lies outside [-1, 1)")

    @classmethod
    def instruments(cls, params: Params) -> tuple[str, ...]:
        return (params.instrument,)

    @classmethod
    def needs(cls, params: Params) -> tuple[str, ...]:
        return ("n225",) if params.assets == "any" else ("n225", FILE)

    @staticmethod
    def features(market: MarketData, params: Params) -> Features:
        bars = market.bars("daily")
        close = market.known("n225", "close", bars)
        features = {"close": close, "state": np.ones(len(bars))}
        if params.rsi:
            features["rsi"] = relative_strength(close, params.rsi)
        if params.assets != "any":
            features["state"] = _state(market, params)
        return features

    @staticmethod
    def rule(features: Any, params: Any, at_open: np.ndarray, at_close: np.ndarray, deposits: np.ndarray) -> None:
        holding, armed, standing = False, True, 0
        # Recovered is it from a session at or above `rsi_high` to the next below `rsi_low`, and not before either.
        recovered = params.rsi == 0
        for t in range(len(features.close)):
            close = features.close[t]
            above = close > params.level
            standing = standing + 1 if above else 0
            armed = armed or not above
            if params.rsi > 0:
                rsi = features.rsi[t]
                recovered = rsi >= params.rsi_high or (recovered and not rsi < params.rsi_low)
            if holding:
                if close < params.support or close >= params.target:
                    # The close that ends it may itself be at or below the level, as one below the support is.
                    holding, armed = False, not above
            elif armed and recovered and standing >= params.closes:
                holding = features.state[t] == 1.0 and close < params.target
            at_open[t, 0] = params.share if holding else 0.0


def relative_strength(close: np.ndarray, window: int) -> np.ndarray:
    """Return Wilder's relative strength index, 0 to 100.

    The first one takes the plain means of `window` rises and falls; after it each mean is ((window - 1) x the mean
    before + today's) / window. A price that did not move at all has 50.

    Parameters
    ----------
    close : ndarray of float64, shape (n,)
        A close that is unknown counts as no move.
    window : int
        Sessions, at least 1.

    Returns
    -------
    ndarray of float64, shape (n,)
        NaN on the first `window` rows.

    Examples
    --------
    >>> relative_strength(np.array([10.0, 11.0, 10.5, 11.5]), 2).round(2).tolist()
    [nan, nan, 66.67, 85.71]
    """
    found = np.full(len(close), np.nan)
    moves = np.nan_to_num(np.diff(close))
    if len(moves) < window:
        return found
    rises, falls = (_smoothed(np.maximum(side, 0.0), window) for side in (moves, -moves))
    total = rises + falls
    found[window:] = np.where(total > 0, 100.0 * rises / np.where(total > 0, total, 1.0), 50.0)
    return found


def _smoothed(values: np.ndarray, window: int) -> np.ndarray:
    """Wilder's mean of values from the `window`-th on, shape (n - window + 1,)."""
    start = np.append(values[:window].mean(), values[window:])
    smoothed: np.ndarray = pd.Series(start).ewm(alpha=1.0 / window, adjust=False).mean().to_numpy()
    return smoothed


def _state(market: MarketData, params: BojAssets.Params) -> np.ndarray:
    """1.0 on sessions whose last known accounts are in the state asked for, 0.0 elsewhere, shape (n_bars,)."""
    bars = market.bars("daily")
    frame, index = market.table(FILE)[COLUMN].dropna(), market.table("n225")["close"].dropna()
    if frame.empty or index.empty:
        return np.zeros(len(bars))
    published = known.known_at(known.rule_of(FILE, COLUMN), pd.DatetimeIndex(frame.index))
    latest = np.searchsorted(published, bars.decided, side="right") - 1
    # The Nikkei on the day of the accounts, which was known ten days before they were.
    at = np.searchsorted(index.index.to_numpy(), frame.index.to_numpy(), side="right") - 1
    level = np.where(at >= 0, index.to_numpy()[at], np.nan)
    fulfilled = _fulfilled(frame.to_numpy(dtype="float64"), level, params)
    fresh = ~np.isnan(market.known(FILE, COLUMN, bars))
    state: np.ndarray = np.where(fresh & (latest >= 0), fulfilled[latest], 0.0)
    return state


def _fulfilled(assets: np.ndarray, level: np.ndarray, params: BojAssets.Params) -> np.ndarray:
    """1.0 for the accounts that are in the state asked for; one account a row."""
    if params.assets in ("levels", "changes"):
        x, y = (assets, level) if params.assets == "levels" else (_growth(assets, 1), _growth(level, 1))
        return (
            rolling_correlation(_later(x, params.lag), _later(y, -params.lag), params.window) > params.correlation_min
        ).astype(float)
    grown, risen = _growth(assets, params.change), _growth(level, params.change)
    states = {"growing": grown > 0, "shrinking": grown < 0, "divergent": (grown < 0) & (risen > 0)}
    return states[params.assets].astype(float)


def _growth(values: np.ndarray, steps: int) -> np.ndarray:
    grown = np.full(len(values), np.nan)
    grown[steps:] = values[steps:] / values[:-steps] - 1.0
    return grown


def _later(values: np.ndarray, rows: int) -> np.ndarray:
    """The values of `rows` rows before; the values themselves where `rows` is not above zero."""
    if rows <= 0:
        return values
    return np.append(np.full(min(rows, len(values)), np.nan), values[:-rows])


def rolling_correlation(x: np.ndarray, y: np.ndarray, window: int) -> np.ndarray:
    """Return Pearson's correlation of the last `window` rows; NaN where a value is unknown or does not move.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
    window : int
        Rows, at least 2.

    Examples
    --------
    >>> rolling_correlation(np.array([1.0, 2.0, 4.0]), np.array([3.0, 2.0, 0.0]), 3).round(6).tolist()
    [nan, nan, -1.0]
    """
    found = np.full(len(x), np.nan)
    if len(x) < window:
        return found
    a, b = (np.lib.stride_tricks.sliding_window_view(v, window) for v in (x, y))
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    spread = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    found[window - 1 :] = np.where(spread > 0, (a * b).sum(axis=1) / np.where(spread > 0, spread, 1.0), np.nan)
    return found
