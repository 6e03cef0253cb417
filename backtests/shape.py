"""The shape of a series of session returns, and its tie to a benchmark: pure functions, as in `backtests.metrics`.

What pyfolio's table of statistics has beyond that module. A figure that does not exist raises `UndefinedError`.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtests.metrics import UndefinedError, checked, deviation, figure


def downside_risk(returns: ArrayLike, sessions_per_year: float, required: float = 0.0) -> float:
    """Return the root mean square of what the sessions lack of a required return, per year, a fraction.

    Parameters
    ----------
    returns : array-like of shape (n_sessions,)
        Fractions. NaN is not skipped.
    sessions_per_year : float
    required : float
        Per session.

    Raises
    ------
    UndefinedError
        No sessions, or an unknown return.
    """
    lacking = np.minimum(checked(returns) - required, 0.0)
    return math.sqrt(float(np.mean(lacking**2)) * sessions_per_year)


def omega(returns: ArrayLike, threshold: float = 0.0) -> float:
    """Return the sum of what sessions have above a threshold over the sum of what they lack of it.

    Raises
    ------
    UndefinedError
        Fewer than 2 sessions, an unknown return, or no session below the threshold.

    Examples
    --------
    >>> round(omega([0.03, -0.01, 0.01, -0.01]), 6)
    2.0
    """
    beyond = checked(returns, 2) - threshold
    lost = -float(beyond[beyond < 0].sum())
    if lost == 0:
        raise UndefinedError("no session below the threshold")
    return float(beyond[beyond > 0].sum()) / lost


def tail_ratio(returns: ArrayLike) -> float:
    """Return the size of the 95th percentile of the session returns over that of the 5th.

    Raises
    ------
    UndefinedError
        No sessions, an unknown return, or a 5th percentile of zero.
    """
    high, low = np.abs(np.percentile(checked(returns), (95, 5)))
    if low == 0:
        raise UndefinedError("the 5th percentile is zero")
    return float(high / low)


def stability(returns: ArrayLike) -> float:
    """Return how straight the logarithm of the account value runs: R squared of a line through it, 0 to 1.

    Raises
    ------
    UndefinedError
        Fewer than 2 sessions, an unknown return, a return of -100 % or less, or a value that never moves.
    """
    values = checked(returns, 2)
    if (values <= -1).any():
        raise UndefinedError("the account was lost")
    grown = np.cumsum(np.log1p(values))
    if np.ptp(grown) == 0:
        raise UndefinedError("the account value never moved")
    return float(np.corrcoef(np.arange(len(grown)), grown)[0, 1] ** 2)


def expected_shortfall(returns: ArrayLike, share: float = 0.05) -> float:
    """Return the mean of the worst `share` of the session returns (at least one of them), a fraction.

    Raises
    ------
    UndefinedError
        No sessions, or an unknown return.
    """
    values = np.sort(checked(returns))
    return float(values[: int((len(values) - 1) * share) + 1].mean())


def beta(returns: ArrayLike, benchmark: ArrayLike) -> float:
    """Return the covariance with a benchmark over the benchmark's variance.

    Parameters
    ----------
    returns, benchmark : array-like of shape (n_sessions,)
        Fractions, of the same sessions.

    Raises
    ------
    UndefinedError
        Fewer than 2 sessions, an unknown return of either, or a benchmark that does not vary.
    """
    own, other = checked(returns, 2), _of_benchmark(benchmark)
    if deviation(other) == 0:
        raise UndefinedError("the benchmark does not vary")
    return float(np.cov(own, other)[0, 1] / np.var(other, ddof=1))


def alpha(returns: ArrayLike, benchmark: ArrayLike, sessions_per_year: float) -> float:
    """Return what the mean session has beyond `beta` times the benchmark's, compounded to a year, a fraction.

    Raises
    ------
    UndefinedError
        As `beta`.
    """
    slope = beta(returns, benchmark)
    rest = checked(returns).mean() - slope * checked(benchmark).mean()
    return float((1.0 + rest) ** sessions_per_year - 1.0)


def _of_benchmark(benchmark: ArrayLike) -> NDArray[np.float64]:
    try:
        return checked(benchmark)
    except UndefinedError as reason:
        raise UndefinedError(f"benchmark: {reason}") from reason


def shape(returns: ArrayLike, benchmark: ArrayLike, sessions_per_year: float) -> dict[str, Any]:
    """Return every figure of this module as plain JSON values; an undefined one is None with its reason beside it."""
    found: dict[str, Any] = {}
    for one in (omega, tail_ratio, stability, expected_shortfall):
        found |= figure(one.__name__, partial(one, returns))
    found |= figure("downside_risk", partial(downside_risk, returns, sessions_per_year))
    found |= figure("beta", partial(beta, returns, benchmark))
    return found | figure("alpha", partial(alpha, returns, benchmark, sessions_per_year))
