"""Cheats about the sample: a statistic of all of it, or a row filled from a later one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from indexsim.market import MarketData
from strategies.base import Features, Targets, no_orders
from tests.cheats import OnSignal, closes, days, rises


class FullQuantile(OnSignal):
    """Sells above the ninth decile of the whole history."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        close = closes(market)
        return {"signal": np.quantile(close, 0.9) - close}


class FullMean(OnSignal):
    """Holds above the mean of the whole history."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        close = closes(market)
        return {"signal": close - close.mean()}


class MeanSoFar(OnSignal):
    """Honest: above the mean of the history so far."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        close = pd.Series(closes(market))
        return {"signal": (close - close.expanding().mean()).to_numpy()}


class Backfill(OnSignal):
    """Fills the days without a signal from the next day that has one."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        moves = pd.Series(rises(closes(market)) / closes(market))
        return {"signal": moves.where(moves.abs() > 0.01).bfill().to_numpy()}


class Forwardfill(OnSignal):
    """Honest: from the last day that had one."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        moves = pd.Series(rises(closes(market)) / closes(market))
        return {"signal": moves.where(moves.abs() > 0.01).ffill().to_numpy()}


class WeekLabelledAtItsStart(OnSignal):
    """Resamples to weeks that carry the date of their first day, and so their result."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        moves = pd.Series(rises(closes(market)), days(market))
        weeks = moves.resample("W-MON", label="left", closed="left").sum()
        return {"signal": weeks.reindex(moves.index, method="ffill").to_numpy()}


class DecideOnTheWhole(OnSignal):
    """Honest features; the decision itself compares with the best day of all."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        return {"signal": rises(closes(market))}

    @staticmethod
    def decide(features: Features, params: Any) -> Targets:
        hold = (features["signal"] > 0.2 * features["signal"].max()).astype(float).reshape(-1, 1)
        return Targets(("nikkei_mini",), hold, no_orders(len(hold), 1))
