"""The stationary bootstrap (Politis and Romano 1994), as weights of the blocks in each resample.

A resample of a mean is a weighted mean of the same blocks. With the weights of all resamples in one matrix, resampling
a million trials is a matrix product per piece.
"""

from __future__ import annotations

import numpy as np

from backtests.overfit.blocks import Floats, Ints


def indices(t: int, reps: int, length: float, seed: int) -> Ints:
    """Return the rows of each resample.

    A row is followed by the next one, around the end, with probability 1 - 1 / `length`, else by one drawn at random.
    The draws are those of `arch.bootstrap.StationaryBootstrap` for the same seed.

    Parameters
    ----------
    t : int
        Rows of the series.
    reps : int
        Resamples.
    length : float
        Mean length of a run of neighbouring rows, at least 1.
    seed : int

    Returns
    -------
    ndarray of int64, shape (reps, t)
    """
    rng = np.random.default_rng(seed)
    drawn = np.empty((reps, t), dtype=np.int64)
    new = np.empty((reps, t), dtype=np.bool_)
    for rep in range(reps):
        drawn[rep] = rng.integers(t, size=t, dtype=np.int64)
        new[rep] = rng.random(t) <= 1.0 / length
    new[:, 0] = True
    # A row is the one drawn at the start of its run, moved on by its distance from that start.
    places = np.arange(t)
    start = np.maximum.accumulate(np.where(new, places, 0), axis=1)
    return (np.take_along_axis(drawn, start, axis=1) + places - start) % t


def weights(rows: Ints) -> Floats:
    """Return how much each row weighs in each resample's mean.

    Parameters
    ----------
    rows : ndarray of int64, shape (reps, t)

    Returns
    -------
    ndarray of float64, shape (t, reps)
        Every column sums to 1.

    Examples
    --------
    >>> weights(np.array([[0, 0, 1, 2]])).ravel().tolist()
    [0.5, 0.25, 0.25, 0.0]
    """
    reps, t = rows.shape
    flat = (rows + t * np.arange(reps)[:, None]).ravel()
    return np.ascontiguousarray(np.bincount(flat, minlength=reps * t).reshape(reps, t).T / t)


def spread(t: int, length: float) -> Floats:
    """Return the matrix whose quadratic form in a centred series is t times the variance of its resampled mean.

    Politis and Romano (1994), lemma 1: a lag of i rows weighs (1 - i/t) (1 - p)^i + (i/t) (1 - p)^(t - i) with p = 1 /
    `length`; the variance uses every lag twice. It is exact, so no resamples are needed for it.

    Returns
    -------
    ndarray of float64, shape (t, t)
        Already divided by t.

    Examples
    --------
    >>> spread(3, 1.0).tolist() == (np.eye(3) / 3).tolist()
    True
    """
    p, lag = 1.0 / length, np.arange(1, t)
    kappa = (1 - lag / t) * (1 - p) ** lag + (lag / t) * (1 - p) ** (t - lag)
    by_lag = np.concatenate(([1.0], kappa))
    return np.asarray(by_lag[np.abs(np.subtract.outer(np.arange(t), np.arange(t)))] / t)
