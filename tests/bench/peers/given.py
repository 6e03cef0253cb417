"""What every side of the sweep benchmark is given: the grid of strategy A, the account, the series."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from indexsim.market import MarketData
from tests.bench.strategy_a import CASH, FEE, HIGH, LOW, SMA, TRIALS, WEIGHTS

__all__ = ["CASH", "FEE", "HIGH", "LOW", "SMA", "TRIALS", "WEIGHTS", "Inputs"]


@dataclass(frozen=True)
class Inputs:
    """The fund's prices and the two series that are decided on.

    Attributes
    ----------
    prices : DataFrame
        The fund's ``open``, ``high``, ``low``, ``close`` (yen) by session.
    trend, vi : ndarray of float64, shape (sessions,)
        The Nikkei's close and the VI, as known at each session's decision; NaN where unknown.
    """

    prices: pd.DataFrame
    trend: np.ndarray
    vi: np.ndarray

    @classmethod
    def of(cls, market: MarketData, sessions: int) -> Inputs:
        """Take the first `sessions` of a market."""
        bars = market.bars("daily")
        prices = market.table("etf_1321")[["open", "high", "low", "close"]].iloc[:sessions]
        trend, vi = (market.known(name, "close", bars)[:sessions] for name in ("n225", "nikkei_vi"))
        return cls(prices, trend, vi)

    def write(self, path: Path) -> None:
        """Write the file `peers/vectorbt_sweep.py` reads, grid and costs included."""
        axes = {"sma": np.array(SMA), "low": np.array(LOW, float), "high": np.array(HIGH, float)}
        account = {"weights": np.array(WEIGHTS), "cash": np.array(CASH), "fee": np.array(FEE)}
        fund = {name: self.prices[name].to_numpy(float) for name in ("open", "close")}
        np.savez(path, **fund, trend=self.trend, vi=self.vi, **axes, **account)
