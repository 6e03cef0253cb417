"""How often the Bank bought, by decile of what the market had done: counts, without a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

GROUPS = 10
#: Two-sided confidence of an interval of a frequency.
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Frequency:
    """How often something was so.

    Attributes
    ----------
    n, times : int
        Days, and those on which it was so.
    low, high : float
        Exact (Clopper-Pearson) 95 % interval of its probability; 0 and 1 without days.
    """

    n: int
    times: int
    low: float
    high: float

    @property
    def p(self) -> float:
        """The share of the days; NaN without days."""
        return self.times / self.n if self.n else float("nan")


def frequency(flags: Flags) -> Frequency:
    """Count true flags, with the exact interval of their probability.

    Examples
    --------
    Nothing in ten says little: the upper end is 1 - 0.025 ** (1 / 10).

    >>> found = frequency(np.zeros(10, dtype=bool))
    >>> found.p, found.low, round(found.high, 4)
    (0.0, 0.0, 0.3085)
    """
    n, times, tail = len(flags), int(np.count_nonzero(flags)), (1.0 - CONFIDENCE) / 2.0
    from scipy.special import betaincinv  # takes as long to import as pandas

    low = float(betaincinv(times, n - times + 1, tail)) if times else 0.0
    high = float(betaincinv(times + 1, n - times, 1.0 - tail)) if times < n else 1.0
    return Frequency(n, times, low, high)


def edges(returns: Floats) -> Floats:
    """Return the nine inner edges of the deciles of returns: interpolated quantiles; no edges without returns.

    NaN are left out. Deciles by rank differ from these by a day at an edge.
    """
    known = returns[~np.isnan(returns)]
    if not len(known):
        return np.empty(0)
    inner: Floats = np.quantile(known, np.arange(1, GROUPS) / GROUPS)
    return inner


def groups(returns: Floats, inner: Floats) -> npt.NDArray[np.int64]:
    """Return the decile of each return, 0 the lowest; an edge belongs to the decile below it."""
    return np.searchsorted(inner, returns, side="left")


def by_decile(returns: Floats, bought: Flags, inner: Floats | None = None) -> pd.DataFrame:
    """Count purchases by decile of the returns.

    Parameters
    ----------
    returns : ndarray of shape (n_days,)
        Fractions; days with NaN are left out.
    bought : ndarray of bool, shape (n_days,)
    inner : ndarray of shape (9,), optional
        Edges taken from other days; None takes those of `returns`, known only afterwards.

    Returns
    -------
    DataFrame of shape (10, 5)
        By decile, 1 the lowest: ``above`` and ``to`` (its edges; the outermost are the extremes), ``n``,
        ``bought``, ``p`` (NaN without days).
    """
    known = ~np.isnan(returns)
    values, flags = returns[known], bought[known]
    inner = edges(values) if inner is None else inner
    index = pd.RangeIndex(1, GROUPS + 1, name="decile")
    if not len(inner):
        return pd.DataFrame({"above": np.nan, "to": np.nan, "n": 0, "bought": 0, "p": np.nan}, index)
    group = groups(values, inner)
    n = np.bincount(group, minlength=GROUPS)
    times = np.bincount(group, weights=flags.astype("float64"), minlength=GROUPS).astype("int64")
    lowest, highest = (values.min(), values.max()) if len(values) else (np.nan, np.nan)
    with np.errstate(invalid="ignore"):
        p = times / np.where(n > 0, n, np.nan)
    bounds = {"above": np.append(lowest, inner), "to": np.append(inner, highest)}
    return pd.DataFrame({**bounds, "n": n, "bought": times, "p": p}, index)


def ends(returns: Floats, bought: Flags) -> tuple[Frequency, Frequency]:
    """Return how often the Bank bought in the lowest decile, and above the median."""
    known = ~np.isnan(returns)
    values, flags = returns[known], bought[known]
    if not len(values):
        return frequency(flags), frequency(flags)
    return frequency(flags[values <= edges(values)[0]]), frequency(flags[values > np.median(values)])
