"""Cheats about the calendar of releases: a row is read on the day it is about, not when it was published."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from indexsim.market import MarketData
from strategies.base import Features
from tests.cheats import OnSignal, days, rises


def of_the_same_day(market: MarketData, file: str, column: str) -> np.ndarray:
    """A column joined by date, as a careless merge does it; the last value stands until the next."""
    own = market.table(file)[column]
    return rises(np.nan_to_num(own.reindex(days(market), method="ffill").to_numpy(dtype="float64")))


class SplitBeforeItsAnnouncement(OnSignal):
    """Holds from twenty sessions before a split on, whenever it was announced."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        bars = market.bars("daily")
        signal = np.zeros(len(bars))
        for event in market.events:
            at = int(np.searchsorted(bars.session, np.datetime64(event.effective, "D")))
            signal[max(at - 20, 0) : at] = 1.0
        return {"signal": signal}


class AccountsOfTheDay(OnSignal):
    """Reads the Bank's accounts on the day they are drawn up; they appear ten days later."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        return {"signal": of_the_same_day(market, "boj_assets", "total_assets_100m_yen")}


class AccountsOnceReleased(OnSignal):
    """Honest: the last accounts that had appeared."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        return {"signal": rises(market.known("boj_assets", "total_assets_100m_yen", market.bars("daily")))}


class DollarOfTheDay(OnSignal):
    """Reads the dollar's close of the same date; New York closes the next morning, Tokyo time."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        return {"signal": of_the_same_day(market, "usdjpy", "close")}


class VolatilityOfTheDay(OnSignal):
    """Reads the VI's close of the same date at the cash close; options trade on."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        return {"signal": of_the_same_day(market, "nikkei_vi", "close")}


class Benchmark(OnSignal):
    """Holds while it will have beaten its benchmark, the total return of the same evening."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        return {"signal": of_the_same_day(market, "total_return", "tr")}


class LastKnown(OnSignal):
    """Honest: dollar, VI and benchmark as far as they were known."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        bars = market.bars("daily")
        named = (("usdjpy", "close"), ("nikkei_vi", "close"), ("total_return", "tr"))
        known = [rises(np.nan_to_num(market.known(file, column, bars))) for file, column in named]
        return {"signal": pd.DataFrame(known).median().to_numpy()}
