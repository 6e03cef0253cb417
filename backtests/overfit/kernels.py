"""The compiled loops of the overfit statistics: running maxima of resamples, Sharpe ratios of combinations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexsim.compiled import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@compiled
def raise_maxima(means: Floats, scale: Floats, centres: Floats, maxima: Floats) -> Any:
    """Raise the running maxima over trials of scaled and centred resampled means.

    Parameters
    ----------
    means : ndarray, shape (m, reps)
        Resampled means of m trials.
    scale : ndarray, shape (m,)
        What they are multiplied by; 0 leaves a trial out.
    centres : ndarray, shape (3, m)
        What is taken off a trial's means before scaling: three ways of centring.
    maxima : ndarray, shape (3, reps)
        Changed in place.
    """
    m, reps = means.shape
    for i in range(m):
        s = scale[i]
        if s > 0.0:
            one, two, three = centres[0, i], centres[1, i], centres[2, i]
            for r in range(reps):
                mean = means[i, r]
                maxima[0, r] = max(maxima[0, r], (mean - one) * s)
                maxima[1, r] = max(maxima[1, r], (mean - two) * s)
                maxima[2, r] = max(maxima[2, r], (mean - three) * s)


@compiled
def sharpe_of(total: float, squares: float, inverse: float, count: float, least: float) -> Any:
    """Return mean over sample deviation from a sum and a sum of squares; 0 where the variance is at most `least`."""
    mean = total * inverse
    variance = (squares - mean * total) / (count - 1.0)
    return mean / np.sqrt(variance) if variance > least else 0.0


@compiled
def fill_table(values: Floats, table: Floats) -> Any:
    """Set ``table[mask]`` to the sum of the values whose bit is in the mask."""
    for bit in range(len(values)):
        for mask in range(1 << bit):
            table[mask + (1 << bit)] = table[mask] + values[bit]


@compiled
def choose(
    sums: Floats, squares: Floats, masks: Ints, count: Floats, limits: Floats, first: int, best: Floats, row: Ints
) -> Any:
    """Keep for each combination the trial with the highest Sharpe ratio in sample; the first one of equals.

    Parameters
    ----------
    sums, squares : ndarray, shape (m, groups)
        Of m trials' returns per group of blocks.
    masks : ndarray of int64, shape (2, combinations)
        Groups of a combination as bits: of the first half of the groups, and of the second.
    count : ndarray, shape (combinations,)
        Observations in the groups of a combination.
    limits : ndarray, shape (2,)
        A variance at or below the first is none: such a Sharpe ratio counts as 0. Sharpe ratios closer than the second
        are equal: what is left is rounding.
    first : int
        Row of the first of the m trials.
    best : ndarray, shape (combinations,)
        The highest Sharpe ratio so far; changed in place.
    row : ndarray of int64, shape (combinations,)
        The trial that has it; changed in place.
    """
    m, groups = sums.shape
    half, least, tie, inverse = groups // 2, limits[0], limits[1], 1.0 / count
    tables = np.zeros((4, 1 << half))
    for i in range(m):
        fill_table(sums[i, :half], tables[0])
        fill_table(sums[i, half:], tables[1])
        fill_table(squares[i, :half], tables[2])
        fill_table(squares[i, half:], tables[3])
        for c in range(len(count)):
            one, two = masks[0, c], masks[1, c]
            total, squared = tables[0, one] + tables[1, two], tables[2, one] + tables[3, two]
            sharpe = sharpe_of(total, squared, inverse[c], count[c], least)
            better = sharpe > best[c] + tie
            best[c] = sharpe if better else best[c]
            row[c] = first + i if better else row[c]


@compiled
def rank(
    sums: Floats, squares: Floats, masks: Ints, count: Floats, limits: Floats, chosen: Floats, below: Ints, equal: Ints
) -> Any:
    """Count for each combination the trials whose Sharpe ratio is below, or equal to, the chosen one's.

    Parameters
    ----------
    sums, squares, masks, count, limits
        As in `choose`, but of the groups out of sample.
    chosen : ndarray, shape (combinations,)
        Sharpe ratio out of sample of the chosen trial.
    below, equal : ndarray of int64, shape (combinations,)
        Changed in place.
    """
    m, groups = sums.shape
    half, least, tie, inverse = groups // 2, limits[0], limits[1], 1.0 / count
    tables = np.zeros((4, 1 << half))
    for i in range(m):
        fill_table(sums[i, :half], tables[0])
        fill_table(sums[i, half:], tables[1])
        fill_table(squares[i, :half], tables[2])
        fill_table(squares[i, half:], tables[3])
        for c in range(len(count)):
            one, two = masks[0, c], masks[1, c]
            total, squared = tables[0, one] + tables[1, two], tables[2, one] + tables[3, two]
            sharpe = sharpe_of(total, squared, inverse[c], count[c], least)
            below[c] += 1 if sharpe < chosen[c] - tie else 0
            equal[c] += 1 if abs(sharpe - chosen[c]) <= tie else 0
