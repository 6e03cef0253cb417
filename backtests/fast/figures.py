"""What came out of a trial: figures, and sums per block of sessions for the statistics over all trials.

Sums are taken in any order here: these are figures, not money.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backtests.fast.wanted import any_of
from backtests.trading.execution import PER_YEN
from indexsim.compiled import borrowed, rarely, sums

#: Sessions whose log returns are summed together.
BLOCK = 20
#: Values that are looked at together for a new high or a deeper fall.
LANE = 16
#: Log return of a session that leaves an account at zero or below; nothing is counted after it.
RUIN = float(np.log(0.01))
#: Returns of this size or less are turned into log returns by a series: its error is below 1e-17.
SMALL = 0.05
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
    growth, logs : ndarray of float64, shape (sessions + 1,) and (sessions,)
        Used by one trial after the other.
    figures : ndarray of float64, shape (m, 6)
        By `NAMES`; NaN where a figure does not exist.
    log_sums, log_squares : ndarray of float32, shape (m, blocks)
        Sums of the log returns of the sessions of a block, and of their squares.
    """

    ends: np.ndarray
    per_year: float
    growth: np.ndarray
    logs: np.ndarray
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
        borrowed(gauge.ends), gauge.per_year, borrowed(gauge.growth), borrowed(gauge.logs), borrowed(gauge.figures),
        borrowed(gauge.log_sums), borrowed(gauge.log_squares),
    )  # fmt: skip


def part_of(gauge: Any, lo: int, hi: int) -> Any:
    """Return the gauge of the trials lo to hi - 1."""
    return Gauge(
        gauge.ends, gauge.per_year, gauge.growth, gauge.logs, gauge.figures[lo:hi], gauge.log_sums[lo:hi],
        gauge.log_squares[lo:hi],
    )  # fmt: skip


@sums
@rarely
def measure(value: Any, deposits: Any, gauge: Any, i: int) -> None:
    """Measure trial i.

    Parameters
    ----------
    value : ndarray of float64, shape (1 + n + any,)
        What follows the last bar is not read.
    deposits : ndarray of float64, shape (n,), or empty where nothing is paid in
    """
    sessions, growth, all_logs = len(gauge.ends), gauge.growth, gauge.logs
    if gauge.ends[sessions - 1] == sessions - 1 and not any_of(deposits):
        # A bar is a session, and no money but the first came in: the account grows as its value does.
        growth = value[: sessions + 1]
    else:
        grown(gauge.ends, value, deposits, growth)
    end, (fall, lowest) = sessions, deepest(growth, sessions)
    if lowest <= 0.0:
        end = standing(growth)
        fall, _ = deepest(growth, end)
    total, total_square = returns_of(growth, end, all_logs)
    if end < sessions:
        all_logs[end:] = 0.0
        all_logs[end] = RUIN
    block_sums(all_logs, gauge.log_sums[i], gauge.log_squares[i])
    if end < sessions:
        ruined(gauge.figures[i])
    else:
        summarise(growth[end] / growth[0], sessions, total, total_square, fall - 1.0, gauge.per_year, gauge.figures[i])


def block_sums(all_logs: Any, log_sums: Any, log_squares: Any) -> None:
    """Fill in the sums over the sessions of each block; the last may be short."""
    whole = len(all_logs) // BLOCK
    for block in range(whole):
        log_sum = log_square = 0.0
        logs = all_logs[block * BLOCK : (block + 1) * BLOCK]
        for j in range(BLOCK):
            log_sum += logs[j]
            log_square += logs[j] * logs[j]
        log_sums[block], log_squares[block] = log_sum, log_square
    if whole < len(log_sums):
        logs = all_logs[whole * BLOCK :]
        log_sums[whole], log_squares[whole] = logs.sum(), (logs * logs).sum()


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


def returns_of(growth: Any, end: int, logs: Any) -> Any:
    """Fill in the log returns of the sessions up to `end`; return the sums of the returns and of their squares."""
    total = square = 0.0
    large = 0
    now, before = growth[1 : end + 1], growth[:end]
    for j in range(len(now)):
        r = now[j] / before[j] - 1.0
        large += abs(r) > SMALL
        total += r
        square += r * r
        logs[j] = log_of(r)
    if large:
        for j in range(len(now)):
            r = now[j] / before[j] - 1.0
            if abs(r) > SMALL:
                logs[j] = np.log1p(r)
    return total, square


def log_of(r: float) -> float:
    """Return log(1 + r) for a small r: its Taylor series, which needs no function call."""
    s = -1.0 / 12.0
    s = s * r + 1.0 / 11.0
    s = s * r - 1.0 / 10.0
    s = s * r + 1.0 / 9.0
    s = s * r - 1.0 / 8.0
    s = s * r + 1.0 / 7.0
    s = s * r - 1.0 / 6.0
    s = s * r + 1.0 / 5.0
    s = s * r - 1.0 / 4.0
    s = s * r + 1.0 / 3.0
    s = s * r - 1.0 / 2.0
    s = s * r + 1.0
    return s * r


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
