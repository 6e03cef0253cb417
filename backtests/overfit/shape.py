"""How the trials are distributed: their Sharpe ratios over the benchmark, and any numbers as a histogram."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from backtests.overfit.blocks import Floats, Piece
from backtests.overfit.deflated import block_sharpes

#: Bins of a histogram; an even number, so that one that is even about 0 has an edge there.
BINS = 40


def histogram(values: Floats, bins: int = BINS, even: bool = False) -> dict[str, Any]:
    """Return ``edges`` and ``counts`` of bins of one width over all of the values, as JSON has them.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        At least one.
    bins : int
    even : bool
        Reach as far below 0 as above it.

    Examples
    --------
    >>> histogram(np.array([0.0, 0.1, 1.0]), 2)
    {'edges': [0.0, 0.5, 1.0], 'counts': [2, 1]}
    >>> histogram(np.array([-1.0, 0.5, 2.0]), 2, even=True)
    {'edges': [-2.0, 0.0, 2.0], 'counts': [1, 2]}
    """
    most = float(np.abs(values).max()) or 1.0
    counts, edges = np.histogram(values, bins=bins, range=(-most, most) if even else None)
    return {"edges": [float(edge) + 0.0 for edge in edges], "counts": [int(n) for n in counts]}


class SharpeRatios:
    """Reads trials, keeps the yearly Sharpe ratio over the benchmark of each that differs from it; 4 bytes a trial.

    Parameters
    ----------
    per_block : float
        Sessions of a block, on average.
    per_year : float
        Sessions of a year.
    """

    def __init__(self, per_block: float, per_year: float) -> None:
        self._per_block, self._per_year = per_block, per_year
        self._kept: list[np.ndarray] = []

    def add(self, piece: Piece) -> None:
        """Take some more trials."""
        yearly = block_sharpes(piece, self._per_block) * math.sqrt(self._per_year)
        self._kept.append(yearly.astype(np.float32))

    @property
    def values(self) -> Floats:
        """All of them in trial order, shape (n_trials that differ,)."""
        return np.concatenate([np.empty(0, np.float32), *self._kept]).astype(np.float64)
