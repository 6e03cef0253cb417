"""A cheat that keeps what it saw in the default of an argument."""

from __future__ import annotations

from typing import Any

import numpy as np

from indexsim.market import MarketData
from strategies.base import Features
from tests.cheats import OnSignal, closes, next_row, rises


def longest(close: list[float], seen: list[float] = []) -> np.ndarray:  # noqa: B006 (the cheat)
    """The longest history asked for so far."""
    seen.extend(close[len(seen) :])
    return np.array(seen)


class Defaults(OnSignal):
    """Asks it."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        close = closes(market)
        return {"signal": next_row(rises(longest(close.tolist())))[: len(close)]}
