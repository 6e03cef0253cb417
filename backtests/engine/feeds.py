"""Bars as backtrader reads them, straight from arrays."""

from __future__ import annotations

from typing import Any

import backtrader as bt
import numpy as np

from backtests.trading.execution import PER_YEN


class _Bars(bt.feed.DataBase):  # type: ignore[misc]
    """Bars straight from arrays, each delivered when it is over."""

    params: tuple[tuple[str, Any], ...] = (("bars", None),)

    def prices(self) -> tuple[np.ndarray, np.ndarray]:
        """Return opens and closes, shape (n_bars,)."""
        raise NotImplementedError

    def start(self) -> None:
        super().start()
        opened, close = self.prices()
        stamps = [bt.date2num(t) for t in self.p.bars.decided.astype("datetime64[us]").tolist()]
        columns = {"datetime": stamps, "open": opened.tolist(), "close": close.tolist()}
        columns |= {"high": np.maximum(opened, close).tolist(), "low": np.minimum(opened, close).tolist()}
        zeros = [0.0] * len(stamps)
        self._rows = zip(*(columns.get(name, zeros) for name in self.getlinealiases()), strict=True)

    def load(self) -> bool:
        """Deliver one bar. There is nothing to filter, resample or localise, which is what the base does here."""
        row = next(self._rows, None)
        if row is None:
            return False
        for line, value in zip(self.lines, row, strict=False):
            line.forward(value)
        return True

    def _tick_nullify(self) -> None:
        """Do nothing: a bar comes whole, and nobody reads its ticks."""

    def _tick_fill(self, force: bool = False) -> None:
        """Do nothing, as above."""


class ArrayFeed(_Bars):
    """One instrument."""

    params = (("feed", None), ("k", 0))

    def prices(self) -> tuple[np.ndarray, np.ndarray]:
        feed, k = self.p.feed, self.p.k
        self.p.feed = None  # what is to come is no parameter that a strategy could read
        close = feed.mark[:, k] / PER_YEN
        return np.where(feed.open[:, k] > 0, feed.open[:, k] / PER_YEN, close), close


class SeriesFeed(_Bars):
    """What is known of a series at each decision; it cannot be traded."""

    params = (("values", None),)

    def prices(self) -> tuple[np.ndarray, np.ndarray]:
        values, self.p.values = self.p.values, None
        return values, values
