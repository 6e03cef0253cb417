"""What no test can see: knowledge that was written into the code by who had seen the history."""

from __future__ import annotations

from typing import Any

import numpy as np

from indexsim.market import MarketData
from strategies.base import Features
from tests.cheats import OnSignal

#: Days somebody picked afterwards.
DAYS = ("2020-03-19", "2020-11-04", "2021-02-26", "2021-08-20", "2022-03-09")


class Hindsight(OnSignal):
    """Holds for twenty sessions from days that turned out well."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        bars = market.bars("daily")
        signal = np.zeros(len(bars))
        for day in DAYS:
            at = int(np.searchsorted(bars.session, np.datetime64(day)))
            signal[at : at + 20] = 1.0
        return {"signal": signal}
