"""What came out of a trial: figures, and sums per block of sessions for the statistics over all trials.

Sums are taken in the order of time and as written, so that an account has the same figures, to the bit, whether it is
measured here or in `backtests.fast.lanes`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backtests.fast.wanted import any_of
from backtests.trading.execution import PER_YEN
from indexsim.compiled import borrowed, rarely

#: Sessions whose log returns are summed together.
BLOCK = 20
#: Values that are looked at together for a new high or a deeper fall.
LANE = 16
#: Log return of a session that leaves an account at zero or below; nothing is counted after it.
RUIN = float(np.log(0.01))
#: Returns of this size or less, and multiples this near to 1, are turned into logarithms by a series, which needs no
#: function call. They are summed as 32 bits: an error below 1e-9 is none.
SMALL, NEAR_ONE = 0.05, 0.25
#: Columns of the figures.
NAMES = ("total_return", "cagr", "ann_vol", "sharpe", "max_drawdown", "calmar")
TOTAL_RETURN, CAGR, ANN_VOL, SHARPE, MAX_DRAWDOWN, CALMAR = range(6)
#: A standard deviation below this is rounding noise of a constant series, as in `backtests.metrics`.
NOISE = 1e-15


class Gauge(NamedTuple):
    """What m trials are measured with, and what is found.

    Attributes
    ----------
    ends : ndarray of int64, shape (sessions,)
        The last bar of each session.
    per_year : float
        Sessions per year.
    growth, returns, squares : ndarray of float64, shape (sessions + 1,), (sessions,) and (sessions,)
        Used by one trial after the other: what the first money has become, the returns, and the squares of the log
        returns.
    figures : ndarray of float64, shape (m, 6)
        By `NAMES`; NaN where a figure does not exist.
    log_sums, log_squares : ndarray of float32, shape (m, blocks)
        Sums of the log returns of the sessions of a block, and of their squares.
    """

    ends: np.ndarray
    per_year: float
    growth: np.ndarray
    returns: np.ndarray
    squares: np.ndarray
    figures: np.ndarray
    log_sums: np.ndarray
    log_squares: np.ndarray


def measure_all(values: Any, deposits: Any, gauge: Any) -> None:
    """Measure several trials.

    Parameters
    ----------
    values : ndarray of float64, shape (m, 1 + n)
        What each began with and the account value after each bar, sen.
    deposits : ndarray of float64, shape (m, n)
        Yen paid in, row t before the open of bar t + 1.
    gauge : Gauge
    """
    for i in range(len(values)):
        measure(borrowed(values)[i], borrowed(deposits)[i], lent(gauge), i)


def lent(gauge: Any) -> Any:
    """Return a gauge whose arrays are not counted."""
    return Gauge(
        borrowed(gauge.ends), gauge.per_year, borrowed(gauge.growth), borrowed(gauge.returns), borrowed(gauge.squares),
        borrowed(gauge.figures), borrowed(gauge.log_sums), borrowed(gauge.log_squares),
    )  # fmt: skip


def part_of(gauge: Any, lo: int, hi: int) -> Any:
    """Return the gauge of the trials lo to hi - 1."""
    return Gauge(
        gauge.ends, gauge.per_year, gauge.growth, gauge.returns, gauge.squares, gauge.figures[lo:hi],
        gauge.log_sums[lo:hi], gauge.log_squares[lo:hi],
    )  # fmt: skip


@rarely
def measure(value: Any, deposits: Any, gauge: Any, i: int) -> None:
    """Measure trial i.

    Parameters
    ----------
    value : ndarray of float64, shape (1 + n,)
    deposits : ndarray of float64, shape (n,)
    """
    sessions, growth, returns, squares = len(gauge.ends), gauge.growth, gauge.returns, gauge.squares
    if any_of(deposits[: len(deposits) - 1]):  # no bar is left for those of the last
        grown(gauge.ends, value, deposits, growth)
    else:
        growth[0] = value[0]
        for j in range(sessions):
            growth[j + 1] = value[1 + gauge.ends[j]]
    end, (fall, lowest) = sessions, deepest(growth, sessions)
    if lowest <= 0.0:
        end = standing(growth)
        fall, _ = deepest(growth, end)
    total, total_square = returns_of(growth, end, returns, squares)
    block_sums(growth, end, returns, squares, gauge.log_sums[i], gauge.log_squares[i])
    if end < sessions:
        ruined(gauge.figures[i])
    else:
        summarise(growth[end] / growth[0], sessions, total, total_square, fall - 1.0, gauge.per_year, gauge.figures[i])


def returns_of(growth: Any, end: int, returns: Any, squares: Any) -> Any:
    """Fill in the returns of the sessions up to `end` and the squares of their logarithms; return two sums.

    Returns
    -------
    total, total_square : float
        Of the returns, and of their squares.
    """
    now, before = growth[1 : end + 1], growth[:end]
    for j in range(len(now)):
        returns[j] = now[j] / before[j] - 1.0
    for j in range(len(now)):
        squares[j] = returns[j] * returns[j] * log_square_of(returns[j])
    total = total_square = 0.0
    for j in range(len(now)):
        total += returns[j]
        total_square += returns[j] * returns[j]
    return total, total_square


def block_sums(growth: Any, end: int, returns: Any, squares: Any, log_sums: Any, log_squares: Any) -> None:
    """Fill in the sums over the sessions of each block; the last may be short.

    A session that leaves nothing, the one after `end`, counts as `RUIN`; there is nothing after it.
    """
    for block in range(len(log_sums)):
        first, last = block * BLOCK, min((block + 1) * BLOCK, len(returns))
        log_sum = log_square = 0.0
        for j in range(first, min(last, end)):
            log_square += squares[j]
            if abs(returns[j]) > SMALL:
                log_square += large_square(returns[j])
        if first <= end:
            log_sum = log_of(growth[min(last, end)] / growth[first])
        if first <= end < last:
            log_sum += RUIN
            log_square += RUIN * RUIN
        log_sums[block], log_squares[block] = log_sum, log_square


def log_square_of(r: float) -> float:
    """Return (log(1 + r) / r) ** 2 for a small r: its Taylor series, true to 1e-9 at `SMALL`."""
    s = -761.0 / 1260.0
    s = s * r + 363.0 / 560.0
    s = s * r - 7.0 / 10.0
    s = s * r + 137.0 / 180.0
    s = s * r - 5.0 / 6.0
    s = s * r + 11.0 / 12.0
    s = s * r - 1.0
    return s * r + 1.0


def large_square(r: float) -> float:
    """Return what the series lacks of log(1 + r) ** 2 where r is not small."""
    return float(np.log1p(r) ** 2) - r * r * log_square_of(r)


def log_of(multiple: float) -> float:
    """Return the logarithm."""
    return log_near_one(multiple) if abs(multiple - 1.0) <= NEAR_ONE else float(np.log(multiple))


def log_near_one(x: float) -> float:
    """Return log(x) within `NEAR_ONE` of 1, true to 1e-11: the series of the inverse hyperbolic tangent."""
    z = (x - 1.0) / (x + 1.0)
    square = z * z
    s = 1.0 / 13.0
    s = s * square + 1.0 / 11.0
    s = s * square + 1.0 / 9.0
    s = s * square + 1.0 / 7.0
    s = s * square + 1.0 / 5.0
    s = s * square + 1.0 / 3.0
    s = s * square + 1.0
    return 2.0 * z * s


def grown(ends: Any, value: Any, deposits: Any, growth: Any) -> None:
    """Fill in the value of what there was at first, time-weighted; nothing is left from the session of ruin on."""
    growth[:] = 0.0
    growth[0] = before = value[0]
    first = 0
    for j in range(len(ends)):
        for t in range(first, ends[j] + 1):
            if t and len(deposits):
                before += np.rint(deposits[t - 1] * PER_YEN)
        first = ends[j] + 1
        after = value[1 + ends[j]]
        if after <= 0.0 or before <= 0.0:
            break
        growth[j + 1] = growth[j] * (after / before)
        before = after


def standing(growth: Any) -> int:
    """Return the number of sessions before the first that ends with nothing."""
    j = 1
    while growth[j] > 0.0:
        j += 1
    return j - 1


def deepest(growth: Any, end: int) -> Any:
    """Return the lowest value as a part of the highest before it, and the lowest value."""
    peak, worst, lowest = growth[0], 1.0, growth[0]
    for lane in range(end // LANE):
        now = growth[1 + lane * LANE : 1 + (lane + 1) * LANE]
        low, high = now[0], now[0]
        for j in range(LANE):
            low = now[j] if now[j] < low else low
            high = now[j] if now[j] > high else high
        lowest = low if low < lowest else lowest
        # No value here is a new depth, whatever their order.
        if low >= worst * (high if high > peak else peak):
            peak = high if high > peak else peak
        else:
            peak, worst = fallen(now, peak, worst)
    rest = growth[1 + end // LANE * LANE : end + 1]
    for j in range(len(rest)):
        lowest = rest[j] if rest[j] < lowest else lowest
    return fallen(rest, peak, worst)[1], lowest


def fallen(values: Any, peak: float, worst: float) -> Any:
    """Return the highest value so far, and the lowest as a part of the highest before it, after some more values."""
    for j in range(len(values)):
        peak = values[j] if values[j] > peak else peak
        if values[j] < worst * peak:
            worst = values[j] / peak
    return peak, worst


def ruined(figures: Any) -> None:
    """Fill in the figures of an account that lost all: it has none but its loss."""
    figures[:] = np.nan
    figures[TOTAL_RETURN], figures[MAX_DRAWDOWN] = -1.0, -1.0


def summarise(
    multiple: float, sessions: int, total: float, total_square: float, fall: float, per_year: float, figures: Any
) -> None:
    """Fill in the figures, as `backtests.metrics` defines them.

    Parameters
    ----------
    multiple : float
        What one sen has become.
    total, total_square : float
        Sums of the returns of the sessions, and of their squares.
    fall : float
        The deepest fall from a high, <= 0.
    """
    figures[:] = np.nan
    figures[TOTAL_RETURN] = multiple - 1.0
    figures[CAGR] = multiple ** (per_year / sessions) - 1.0
    figures[MAX_DRAWDOWN] = fall
    if fall < 0.0:
        figures[CALMAR] = figures[CAGR] / -fall
    if sessions > 1:
        mean = total / sessions
        deviation = np.sqrt(max(total_square - sessions * mean * mean, 0.0) / (sessions - 1))
        deviation = deviation if deviation > NOISE else 0.0
        figures[ANN_VOL] = deviation * np.sqrt(per_year)
        if deviation > 0.0:
            figures[SHARPE] = mean / deviation * np.sqrt(per_year)
