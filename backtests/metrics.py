"""Performance figures of a series of session returns: pure functions, own definitions.

Returns are fractions (0.01 = 1 %), one per session. Sessions per year is always an argument, taken
from the session table of the market (about 245 in Tokyo), never assumed. The risk-free rate is 0.
A figure that does not exist raises `UndefinedError` with the reason; `summary` turns that into None and
a sibling ``<name>_why``. No function returns NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

#: A standard deviation below this is rounding noise of a constant series.
_NOISE = 1e-15


class UndefinedError(ArithmeticError):
    """A figure that does not exist for this series; the message is the reason."""


def checked(returns: ArrayLike, least: int = 1) -> NDArray[np.float64]:
    """Return a float array of at least `least` finite values."""
    values = np.asarray(returns, dtype=np.float64)
    if len(values) < least:
        raise UndefinedError("no sessions" if len(values) == 0 else f"fewer than {least} sessions")
    unknown = int((~np.isfinite(values)).sum())
    if unknown:
        raise UndefinedError(f"{unknown} of {len(values)} session returns are unknown")
    return values


def deviation(values: NDArray[np.float64]) -> float:
    """Return the sample standard deviation; exactly 0 for a constant series."""
    std = float(np.std(values, ddof=1))
    return std if std > _NOISE else 0.0


def _growth(returns: ArrayLike) -> NDArray[np.float64]:
    """Return the account value before the first session (1) and after each one."""
    return np.concatenate(([1.0], np.cumprod(1.0 + checked(returns))))


def total_return(returns: ArrayLike) -> float:
    """Return the compounded return over all sessions, a fraction.

    Parameters
    ----------
    returns : array-like of shape (n_sessions,)
        Fractions. NaN is not skipped.

    Raises
    ------
    UndefinedError
        No sessions, or a return that is not a finite number.

    Examples
    --------
    >>> round(total_return([0.10, -0.05]), 6)
    0.045
    """
    return float(_growth(returns)[-1] - 1.0)


def cagr(returns: ArrayLike, sessions_per_year: float) -> float:
    """Return the yearly growth rate, a fraction; years = sessions / `sessions_per_year`.

    Raises
    ------
    UndefinedError
        As `total_return`; or the account fell below zero.
    """
    end = _growth(returns)
    if end[-1] < 0:
        raise UndefinedError("the account fell below zero")
    return float(end[-1] ** (sessions_per_year / (len(end) - 1)) - 1.0)


def ann_vol(returns: ArrayLike, sessions_per_year: float) -> float:
    """Return the yearly volatility, a fraction: sample deviation times sqrt(`sessions_per_year`).

    Raises
    ------
    UndefinedError
        Fewer than 2 sessions, or an unknown return.
    """
    return deviation(checked(returns, 2)) * math.sqrt(sessions_per_year)


def sharpe(returns: ArrayLike, sessions_per_year: float) -> float:
    """Return mean over sample deviation, per year, risk-free rate 0.

    Raises
    ------
    UndefinedError
        Fewer than 2 sessions, an unknown return, or zero volatility.

    Examples
    --------
    >>> round(sharpe([0.01, 0.03], sessions_per_year=200), 6)
    20.0
    """
    values = checked(returns, 2)
    spread = deviation(values)
    if spread == 0:
        raise UndefinedError("zero volatility")
    return float(values.mean() / spread * math.sqrt(sessions_per_year))


def sortino(returns: ArrayLike, sessions_per_year: float) -> float:
    """Return mean over downside deviation (root mean square of the losses over all sessions), per year.

    Raises
    ------
    UndefinedError
        Fewer than 2 sessions, an unknown return, or no losing session.
    """
    values = checked(returns, 2)
    downside = math.sqrt(float(np.mean(np.minimum(values, 0.0) ** 2)))
    if downside <= _NOISE:
        raise UndefinedError("no losing session")
    return float(values.mean()) / downside * math.sqrt(sessions_per_year)


def max_drawdown(returns: ArrayLike) -> float:
    """Return the deepest fall from a high, a fraction <= 0; the starting value is the first high.

    Raises
    ------
    UndefinedError
        No sessions, or an unknown return.

    Examples
    --------
    >>> round(max_drawdown([-0.10, 0.05]), 6)
    -0.1
    """
    value = _growth(returns)
    return float(np.min(value / np.maximum.accumulate(value) - 1.0))


def calmar(returns: ArrayLike, sessions_per_year: float) -> float:
    """Return `cagr` over the size of `max_drawdown`.

    Raises
    ------
    UndefinedError
        As both; or there was no drawdown.
    """
    depth = max_drawdown(returns)
    if depth == 0:
        raise UndefinedError("no drawdown")
    return cagr(returns, sessions_per_year) / -depth


def _moment(returns: ArrayLike, order: int) -> float:
    """Return the standardised central moment of an order, divisor n."""
    values = checked(returns, 2)
    if deviation(values) == 0:
        raise UndefinedError("zero volatility")
    centred = values - values.mean()
    return float(np.mean(centred**order) / np.mean(centred**2) ** (order / 2))


def skew(returns: ArrayLike) -> float:
    """Return the third standardised moment (divisor n).

    Raises
    ------
    UndefinedError
        Fewer than 2 sessions, an unknown return, or zero volatility.
    """
    return _moment(returns, 3)


def kurtosis(returns: ArrayLike) -> float:
    """Return the fourth standardised moment minus 3 (divisor n): 0 for a normal distribution.

    Raises
    ------
    UndefinedError
        Fewer than 2 sessions, an unknown return, or zero volatility.
    """
    return _moment(returns, 4) - 3.0


def value_at_risk(returns: ArrayLike, share: float = 0.05) -> float:
    """Return the session return that a `share` of the sessions fell below (linear quantile), a fraction.

    Raises
    ------
    UndefinedError
        No sessions, or an unknown return.
    """
    return float(np.quantile(checked(returns), share))


def worst(returns: ArrayLike) -> float:
    """Return the lowest session return, a fraction."""
    return float(checked(returns).min())


def best(returns: ArrayLike) -> float:
    """Return the highest session return, a fraction."""
    return float(checked(returns).max())


def winning(returns: ArrayLike) -> float:
    """Return the share of sessions with a return above zero."""
    return float(np.mean(checked(returns) > 0))


def turnover(notional: ArrayLike, equity: ArrayLike, sessions_per_year: float) -> float:
    """Return what was traded in a year as a multiple of the account: bought plus sold over the mean value.

    Parameters
    ----------
    notional : array-like of shape (n_fills,)
        Yen, signed; only the size counts.
    equity : array-like of shape (n_sessions,)
        Account value in yen at each close of the run.
    sessions_per_year : float
        Turns the number of sessions into years.

    Raises
    ------
    UndefinedError
        No sessions, an unknown value, or a mean account value that is not above zero.

    Examples
    --------
    >>> turnover([100.0, -100.0], [400.0, 400.0], sessions_per_year=2)
    0.5
    """
    value = checked(equity)
    if value.mean() <= 0:
        raise UndefinedError("the mean account value is not above zero")
    traded = np.abs(np.asarray(notional, dtype=np.float64)).sum()
    return float(traded / value.mean() * sessions_per_year / len(value))


def n_trades(round_trips: pd.DataFrame) -> int:
    """Return the number of closed round trips: one row of ``Result.round_trips`` each."""
    return len(round_trips)


def figure(key: str, function: Callable[[], float]) -> dict[str, Any]:
    """Return ``{key: value}``, or ``{key: None, key_why: reason}`` where the figure is undefined."""
    try:
        return {key: function()}
    except UndefinedError as reason:
        return {key: None, f"{key}_why": str(reason)}


def summary(returns: pd.Series, sessions_per_year: float) -> dict[str, Any]:
    """Return every figure of a series as plain JSON values.

    Parameters
    ----------
    returns : Series of shape (n_sessions,)
        Fractions.
    sessions_per_year : float
        From the session table of the market.

    Returns
    -------
    dict
        Fractions (drawdown <= 0) and ratios by name, with ``sessions`` and ``sessions_per_year``. A
        figure that does not exist is None and has its reason beside it, e.g. ``sharpe_why``.

    Examples
    --------
    >>> flat = summary(pd.Series([0.0, 0.0, 0.0]), 245)
    >>> flat["ann_vol"], flat["sharpe"], flat["sharpe_why"]
    (0.0, None, 'zero volatility')
    """
    plain: tuple[Callable[[ArrayLike], float], ...] = (
        total_return, max_drawdown, skew, kurtosis, value_at_risk, worst, best, winning,
    )  # fmt: skip
    yearly: tuple[Callable[[ArrayLike, float], float], ...] = (cagr, ann_vol, sharpe, sortino, calmar)
    values = returns.to_numpy(dtype=np.float64)
    figures: dict[str, Any] = {"sessions": len(values), "sessions_per_year": float(sessions_per_year)}
    for one in plain:
        figures |= figure(one.__name__, partial(one, values))
    for each in yearly:
        figures |= figure(each.__name__, partial(each, values, sessions_per_year))
    return figures


@dataclass(frozen=True)
class Drawdown:
    """One fall from a high and, if it came, the recovery.

    Attributes
    ----------
    depth : float
        Fraction, < 0.
    peak, valley : Timestamp
        Session of the last high and of the lowest value.
    recovery : Timestamp or None
        First session back at the high; None while it lasts.
    sessions : int
        Sessions from the peak to the recovery, or to the end of the run.
    """

    depth: float
    peak: pd.Timestamp
    valley: pd.Timestamp
    recovery: pd.Timestamp | None
    sessions: int


def drawdowns(equity: pd.Series, top: int = 5) -> list[Drawdown]:
    """Return the deepest falls, deepest first; of equally deep ones the earlier first.

    Parameters
    ----------
    equity : Series of shape (n_sessions + 1,)
        Account value in yen, above zero at the start; the first row is the starting value, so a loss
        on the first session counts.
    top : int
        At most so many.

    Examples
    --------
    >>> days = pd.to_datetime(["2024-01-04", "2024-01-05", "2024-01-09"])
    >>> [fall.sessions for fall in drawdowns(pd.Series([100.0, 90.0, 101.0], days))]
    [2]
    """
    value = equity.to_numpy(dtype=np.float64)
    under = value / np.maximum.accumulate(value) - 1.0
    found = [_drawdown(equity.index, under, first) for first in _starts(under)]
    return sorted(found, key=lambda fall: (fall.depth, fall.peak))[:top]


def _starts(under: NDArray[np.float64]) -> Sequence[int]:
    """Return the rows on which a fall begins (the first row below the last high)."""
    below = under < 0
    return [int(row) for row in np.flatnonzero(below[1:] & ~below[:-1]) + 1]


def _drawdown(index: pd.Index, under: NDArray[np.float64], first: int) -> Drawdown:
    """Return the fall that begins on row `first`."""
    back = np.flatnonzero(under[first:] >= 0)
    end = first + int(back[0]) if len(back) else len(under) - 1
    low = first + int(np.argmin(under[first : end + 1]))
    return Drawdown(
        depth=float(under[low]),
        peak=pd.Timestamp(index[first - 1]),
        valley=pd.Timestamp(index[low]),
        recovery=pd.Timestamp(index[end]) if len(back) else None,
        sessions=end - first + 1,
    )
