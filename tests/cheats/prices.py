"""Cheats about the bar: prices that come after the decision, or that are traded at although they are over."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from indexsim.bars import MORNING, Clock
from indexsim.market import MarketData
from strategies.base import Features, Targets, no_orders
from tests.cheats import OnSignal, closes, next_row, rises


class FutureIndex(OnSignal):
    """Holds over the days that will rise."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        return {"signal": next_row(rises(closes(market)))}


class WrapAround(OnSignal):
    """Compares with the close of the day before, which on the first day is the last one there is."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        close = closes(market)
        return {"signal": np.array([close[t] - close[t - 1] for t in range(len(close))])}


class OwnClose(OnSignal):
    """Wants to buy at the very close it decides on. The row it says this in fills a bar later."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        return {"signal": rises(closes(market))}

    @staticmethod
    def decide(features: Features, params: Any) -> Targets:
        hold = (features["signal"] > 0).astype(float).reshape(-1, 1)
        return Targets(("nikkei_mini",), no_orders(len(hold), 1), hold)


class OwnCloseABarEarly(OwnClose):
    """The same, written into the row before, so that it does fill at that close."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        return {"signal": next_row(rises(closes(market)))}


class CloseForTheOpen(OnSignal):
    """Buys at the open of the days whose close lies above their open."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        prices = market.prices("n225", market.bars("daily"))
        return {"signal": next_row(prices.close - prices.open)}


class MorningKnowsTheAfternoon(OnSignal):
    """Decides in the morning on the close of the same day."""

    clock: ClassVar[Clock] = "halves"

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        bars = market.bars("halves")
        close = market.prices("n225", bars).close
        return {"signal": np.where(bars.half == MORNING, next_row(close) - close, 0.0)}


class HalfOfTheDay(MorningKnowsTheAfternoon):
    """Honest: decides in the morning on the morning."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        bars = market.bars("halves")
        return {"signal": np.where(bars.half == MORNING, rises(market.prices("n225", bars).close), 0.0)}
