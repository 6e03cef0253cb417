"""Price ticks: the steps in which a sample's prices are quoted."""

from __future__ import annotations

from bisect import bisect_left
from datetime import date

import numpy as np
from numpy.typing import NDArray

from indexsim.rules import Dated

Floats = NDArray[np.float64]

#: Prices up to each bound (yen) move in the tick at the same place; above the last bound, in the last tick.
BOUNDS = np.array([1_000.0, 3_000.0, 5_000.0, 10_000.0, 30_000.0, 50_000.0, 100_000.0])
STANDARD = np.array([1.0, 1.0, 5.0, 10.0, 10.0, 50.0, 100.0, 100.0])
FINE = np.array([0.1, 0.5, 1.0, 1.0, 5.0, 10.0, 10.0, 50.0])

#: Ticks of stocks. Simpler than the market was: large names had finer ticks from 2014 on.
STOCK_TICKS: Dated[tuple[float, ...]] = Dated(
    ((None, tuple(STANDARD)), (date(2023, 6, 5), tuple(FINE))), "G2, H; the sample takes every name as a large one"
)

#: Ticks of ETFs: those of ``data/facts/ticks.csv``.
FUND_TICKS: Dated[tuple[float, ...]] = Dated(((None, tuple(STANDARD)), (date(2021, 11, 29), tuple(FINE))), "G2, M")


def round_to_tick(prices: Floats, ticks: Floats) -> Floats:
    """Round prices to the nearest tick, at least one tick.

    Parameters
    ----------
    prices : float array, yen
    ticks : float array of shape (8,)
        One of `STANDARD` and `FINE`.

    Examples
    --------
    >>> round_to_tick(np.array([812.34, 2_000.3, 4_003.0]), STANDARD).tolist()
    [812.0, 2000.0, 4005.0]
    >>> round_to_tick(np.array([812.34, 2_000.3, 4_003.4]), FINE).tolist()
    [812.3, 2000.5, 4003.0]
    """
    tick = ticks[np.searchsorted(BOUNDS, prices)]
    # Rounded once more: 8123 x 0.1 is not the float that 812.3 is read as.
    return np.round(np.maximum(np.floor(prices / tick + 0.5), 1.0) * tick, 1)


def quoted(prices: Floats, days: list[date], table: Dated[tuple[float, ...]]) -> Floats:
    """Round prices of shape (n_sessions, ...) to the ticks in force on each session."""
    out = np.empty_like(prices)
    bounds = [0, *(bisect_left(days, since) for since, _ in table.steps[1:] if since), len(days)]
    for first, last, (_, ticks) in zip(bounds[:-1], bounds[1:], table.steps, strict=True):
        out[first:last] = round_to_tick(prices[first:last], np.array(ticks))
    return out
