"""Mutants: a strategy one of whose inputs comes one bar too early."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from indexsim.bars import Bars
from indexsim.market import BarPrices, MarketData
from strategies.base import Features, Strategy


def a_bar_early(values: np.ndarray) -> np.ndarray:
    """Row t has the value of row t+1; the last row, of which the future is not there, keeps its own."""
    return np.append(values[1:], values[-1:])


def early_feature(strategy: type[Strategy], name: str) -> type[Strategy]:
    """Return the strategy with one of its features a bar early."""

    class Early(strategy):  # type: ignore[misc, valid-type]
        """The mutant."""

        @staticmethod
        def features(market: MarketData, params: Any) -> Features:
            found = strategy.features(market, params)
            return {**found, name: a_bar_early(found[name])}

    return Early


def early_series(strategy: type[Strategy], name: str) -> type[Strategy]:
    """Return the strategy with one series of its market a bar early."""

    class Early(strategy):  # type: ignore[misc, valid-type]
        """The mutant."""

        @staticmethod
        def features(market: MarketData, params: Any) -> Features:
            early: Any = EarlyMarket(market, name)
            return strategy.features(early, params)

    return Early


class EarlyMarket:
    """A market of which one series comes a bar early."""

    def __init__(self, market: MarketData, name: str) -> None:
        self._market, self._name = market, name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._market, attribute)

    def known(self, name: str, column: str, bars: Bars) -> np.ndarray:
        """As the market's own."""
        values = self._market.known(name, column, bars)
        return a_bar_early(values) if name == self._name else values

    def prices(self, series: str, bars: Bars) -> BarPrices:
        """As the market's own."""
        prices = self._market.prices(series, bars)
        if series != self._name:
            return prices
        return dataclasses.replace(prices, open=a_bar_early(prices.open), close=a_bar_early(prices.close))
