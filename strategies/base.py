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
from indexsim.errors import SpecError, unknown_name
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
    deposits : ndarray of float64, shape (n_bars,), optional
        Row t: yen paid in by the account's owner before the open of bar t+1, below zero taken out. Returns are
        time-weighted then.
    """

    instruments: tuple[str, ...]
    at_open: np.ndarray
    at_close: np.ndarray
    unit: str = "equity"
    deposits: np.ndarray | None = None

    UNITS: ClassVar[tuple[str, ...]] = ("equity", "notional", "contracts")

    def __post_init__(self) -> None:
        if self.unit not in self.UNITS:
            raise unknown_name("unit of targets", self.unit, self.UNITS)
        shapes = [np.shape(part) for part in (self.at_open, self.at_close)]
        if shapes[0] != shapes[1] or len(shapes[0]) != 2 or shapes[0][1] != len(self.instruments):
            raise self._refused(f"at_open of shape {shapes[0]}, at_close of shape {shapes[1]}")
        if np.isinf(self.at_open).any() or np.isinf(self.at_close).any():
            raise self._refused("an infinite target")
        if self.deposits is not None and not (
            np.shape(self.deposits) == (len(self.at_open),) and np.isfinite(self.deposits).all()
        ):
            raise self._refused("deposits that are not a finite amount for every row")

    def on(self, instruments: tuple[str, ...]) -> Targets:
        """Return the same targets with the columns of given instruments; one without targets orders nothing."""
        if instruments == self.instruments:
            return self
        columns = [self.instruments.index(name) if name in self.instruments else -1 for name in instruments]
        none = no_orders(len(self), 1)
        at_open, at_close = (np.column_stack([part, none])[:, columns] for part in (self.at_open, self.at_close))
        return Targets(instruments, at_open, at_close, self.unit, self.deposits)

    def ordered(self) -> tuple[str, ...]:
        """Return the instruments that are ever held."""
        held = (np.nan_to_num(self.at_open) != 0).any(axis=0) | (np.nan_to_num(self.at_close) != 0).any(axis=0)
        return tuple(name for name, any_ in zip(self.instruments, held.tolist(), strict=True) if any_)

    def rows(self, span: slice) -> Targets:
        """Return some rows."""
        deposits = None if self.deposits is None else self.deposits[span]
        return Targets(self.instruments, self.at_open[span], self.at_close[span], self.unit, deposits)

    def _refused(self, found: str) -> SpecError:
        rule = f"two finite arrays of shape (n_bars, {len(self.instruments)}), NaN where nothing is ordered"
        return SpecError(asked="hold targets", found=found, rule=rule, todo="correct decide() of the strategy")

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
    def tradable(cls, market: MarketData, params: Any) -> tuple[str, ...]:
        """Return the instruments a run on a market must be able to trade.

        A strategy that picks its names from the market overrides this, and `instruments` returns those
        known without one. What is named here and never held costs time, nothing else.
        """
        return cls.instruments(params)

    @classmethod
    def legs(cls, params: Any) -> tuple[str, str] | None:
        """Return a pair's instruments on the Nikkei and on TOPIX: the page shows what each trade leaves open."""
        return None

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
