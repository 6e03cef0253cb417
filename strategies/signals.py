"""Small causal functions that strategies share: row t of a result depends on rows up to t alone.

An unknown value is NaN and makes unknown whatever is computed from it; windows that are not full yet are unknown.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def above_average(values: np.ndarray, window: int) -> np.ndarray:
    """Return 1.0 where a value stands above the mean of the last `window` values, its own included, else 0.0.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
    window : int
        Rows; 0 asks for nothing and gives 1.0 throughout. While there are fewer: 0.0.

    Returns
    -------
    ndarray of float64, shape (n,)

    Examples
    --------
    >>> above_average(np.array([1.0, 2.0, 3.0, 2.0]), 3).tolist()
    [0.0, 0.0, 1.0, 0.0]
    """
    if window == 0:
        return np.ones(len(values))
    above = np.zeros(len(values))
    if len(values) >= window:
        mean = np.lib.stride_tricks.sliding_window_view(values, window).mean(axis=1)
        above[window - 1 :] = values[window - 1 :] > mean
    return above


def rolling_high(values: np.ndarray, window: int) -> np.ndarray:
    """Return the highest of the last `window` values, the current one included.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
    window : int
        Rows, at least 1.

    Returns
    -------
    ndarray of float64, shape (n,)

    Examples
    --------
    >>> rolling_high(np.array([3.0, 5.0, 4.0, 2.0, 1.0]), 3).tolist()
    [nan, nan, 5.0, 5.0, 4.0]
    """
    high: np.ndarray = pd.Series(values).rolling(window, min_periods=window).max().to_numpy()
    return high


def share_below(values: np.ndarray, window: int) -> np.ndarray:
    """Return the share of the `window` values before each that lie below it: in which quantile it stands.

    A value equal to another one does not lie below it, so that the lowest so far has 0 and the highest 1.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
    window : int
        Rows before the current one, at least 1.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 to 1.

    Examples
    --------
    >>> share_below(np.array([3.0, 1.0, 2.0, 9.0, 2.0]), 2).tolist()
    [nan, nan, 0.5, 1.0, 0.0]
    """
    shares = np.full(len(values), np.nan)
    if len(values) > window:
        before = np.lib.stride_tricks.sliding_window_view(values, window)[:-1]
        below = (before < values[window:, None]).sum(axis=1) / window
        # A comparison with NaN is False, not unknown.
        unknown = np.cumsum(np.append(0, np.isnan(values)))
        shares[window:] = np.where(unknown[window + 1 :] == unknown[: -window - 1], below, np.nan)
    return shares


def before(values: np.ndarray, rows: int) -> np.ndarray:
    """Return the values of `rows` rows before, at least 1.

    Examples
    --------
    >>> before(np.array([1.0, 2.0, 3.0]), 2).tolist()
    [nan, nan, 1.0]
    """
    earlier = np.full(len(values), np.nan)
    earlier[rows:] = values[:-rows]
    return earlier


def lasting(triggered: np.ndarray, rows: int) -> np.ndarray:
    """Return where a trigger stood within the last `rows` rows, the current one included.

    Parameters
    ----------
    triggered : ndarray of bool, shape (n,)
    rows : int
        At least 1, which is the triggers themselves.

    Returns
    -------
    ndarray of bool, shape (n,)

    Examples
    --------
    >>> lasting(np.array([True, False, False, False, True]), 2).tolist()
    [True, True, False, False, True]
    """
    row = np.arange(len(triggered))
    latest = np.maximum.accumulate(np.where(triggered, row, -rows))
    stands: np.ndarray = row - latest < rows
    return stands
