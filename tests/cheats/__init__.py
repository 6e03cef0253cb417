"""Strategies that look ahead, each in its own way, and the honest ones beside them: tests of the tester.

They get their market through the same door as any strategy. `OnSignal` is what they share: the mini
future is held from the next open while a signal is above zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from indexsim.market import MarketData
from strategies.base import Features, Strategy, Targets, no_orders


class OnSignal(Strategy):
    """Hold the future while the feature ``signal`` is above zero."""

    @dataclass(frozen=True)
    class Params:
        """None."""

    @classmethod
    def instruments(cls, params: Any) -> tuple[str, ...]:
        return ("nikkei_mini",)

    @classmethod
    def needs(cls, params: Any) -> tuple[str, ...]:
        return ("n225",)

    @staticmethod
    def decide(features: Features, params: Any) -> Targets:
        hold = (features["signal"] > 0).astype(float).reshape(-1, 1)
        return Targets(("nikkei_mini",), hold, no_orders(len(hold), 1))


def closes(market: MarketData) -> np.ndarray:
    """The Nikkei's close on every daily bar."""
    return market.known("n225", "close", market.bars("daily"))


def days(market: MarketData) -> pd.DatetimeIndex:
    """The session of every daily bar."""
    return pd.DatetimeIndex(market.bars("daily").session)


def rises(values: np.ndarray) -> np.ndarray:
    """The change from the bar before; 0 on the first bar."""
    return np.append(0.0, np.diff(values))


def next_row(values: np.ndarray) -> np.ndarray:
    """Every value one row early; 0 at the end."""
    return np.append(values[1:], 0.0)
