"""What a strategy is: parameters, features, and a decision that turns features into targets.

Row t of the targets is decided after close(t) and may use rows <= t only. Every run checks this
against `indexsim.market.MarketData.until`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from indexsim.bars import Clock
from indexsim.market import MarketData

Features = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Targets:
    """What to hold after each bar's decision.

    Attributes
    ----------
    instruments : tuple of str
        Names of instruments (``python -m backtests list instruments``), k of them.
    at_open : ndarray of float64, shape (n_bars, k)
        Row t: the position wanted from the open of bar t+1. NaN means no order.
    at_close : ndarray of float64, shape (n_bars, k)
        Row t: the position wanted from the close of bar t+1. NaN means no order.
    unit : {"equity", "notional", "contracts"}
        Share of the account value (1.0 = 100 %, negative = short), yen, or contracts (shares for an
        ETF). A target equal to the one before it is no order: nothing is rebalanced for drift.
    """

    instruments: tuple[str, ...]
    at_open: np.ndarray
    at_close: np.ndarray
    unit: str = "equity"

    UNITS: ClassVar[tuple[str, ...]] = ("equity", "notional", "contracts")

    def __len__(self) -> int:
        return len(self.at_open)


def no_orders(n_bars: int, k: int) -> np.ndarray:
    """Return targets of shape (n_bars, k) that order nothing."""
    return np.full((n_bars, k), np.nan)


class Strategy(ABC):
    """Base of every strategy whose decisions do not depend on its own fills.

    A subclass holds a frozen dataclass ``Params`` (each field with its unit and meaning in the
    docstring), says which clock it trades on, and defines the four methods below. None of them may
    keep state, read files or use anything but its arguments.
    """

    Params: ClassVar[type[Any]]
    clock: ClassVar[Clock] = "daily"

    @classmethod
    @abstractmethod
    def instruments(cls, params: Any) -> tuple[str, ...]:
        """Return the names of the instruments the targets are about."""

    @classmethod
    @abstractmethod
    def needs(cls, params: Any) -> tuple[str, ...]:
        """Return the market files the features read."""

    @staticmethod
    @abstractmethod
    def features(market: MarketData, params: Any) -> Features:
        """Return named arrays, row t known at the decision of bar t."""

    @staticmethod
    @abstractmethod
    def decide(features: Features, params: Any) -> Targets:
        """Return the targets from the features alone: plain loops or array arithmetic."""

    @classmethod
    def targets(cls, market: MarketData, params: Any) -> Targets:
        """Return ``decide(features(market, params), params)``."""
        return cls.decide(cls.features(market, params), params)
