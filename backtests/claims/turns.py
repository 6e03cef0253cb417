"""P-values of relations by turning: one series is moved against the other by every number of rows.

A turn (the rows that fall off one end come back at the other) keeps the memory of both series and breaks only what
ties them together, so the observed statistic is compared with those of all turns. It is studentised: a condition that
picks wild days (a high VI) has a mean that strays more, related or not. All turns cost one Fourier transform.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backtests.claims.statistics import LEVEL, Floats, Mask, percentiles, tail_p


def turned_sums(mask: Floats, values: Floats) -> Floats:
    """Return the sum of mask[i] x values[i + s] for every turn s, shape (n,)."""
    product = np.conj(np.fft.rfft(mask)) * np.fft.rfft(values)
    sums: Floats = np.fft.irfft(product, n=len(mask))
    return sums


def share_as_far(statistics: Floats, freedom: int = 30) -> float:
    """Return the two-sided p of the first statistic among all of them, itself included (`tail_p`)."""
    return tail_p(float(statistics[0]), statistics[1:], freedom)


def shift_means(mask: Mask, values: Floats, studentise: bool = True) -> tuple[float, float, float]:
    """Compare the mean of values on some rows with that on the others.

    Parameters
    ----------
    mask : ndarray of bool, shape (n_rows,)
        The rows of the condition; some, not all.
    values : ndarray of float64, shape (n_rows,)
        Finite.
    studentise : bool
        Divide the difference by its own standard error (for shares, whose spread follows from their mean, do not).

    Returns
    -------
    tuple of float
        Difference of the means (condition minus others), its two-sided p over all turns, and how far it strays in nine
        turns of ten.
    """
    inside = mask.astype(np.float64)
    centred = values - values.mean()
    n, n1 = len(values), float(inside.sum())
    first = turned_sums(inside, centred)
    mean1, mean0 = first / n1, -first / (n - n1)
    scale = np.ones(n)
    if studentise:
        second = turned_sums(inside, centred**2)
        var1 = np.maximum(second / n1 - mean1**2, 0)
        var0 = np.maximum((np.sum(centred**2) - second) / (n - n1) - mean0**2, 0)
        scale = np.maximum(np.sqrt(var1 / max(n1 - 1, 1) + var0 / max(n - n1 - 1, 1)), 1e-15)
    ratios = (mean1 - mean0) / scale
    reach = float(np.quantile(np.abs(ratios), LEVEL)) * float(scale[0])
    freedom = int(min(n1, n - n1, 31)) - 1
    return float(mean1[0] - mean0[0]), share_as_far(ratios, max(freedom, 1)), reach


def shift_windows(mask: Mask, known: Mask, moves: Floats, horizon: int, null: float) -> tuple[float, float]:
    """Test the mean of returns over overlapping windows after some rows against that after the others.

    A window's return is the sum of its days', so the difference is the sum of daily moves, each weighted by how many
    windows of the condition it lies in, less what is usual: days do not overlap, and each brings its own wildness
    (Hodrick 1992).

    Parameters
    ----------
    mask, known : ndarray of bool, shape (n_rows,)
        Rows of the condition, and rows with a window at all, of the whole calendar.
    moves : ndarray of float64, shape (n_rows,)
        Logarithmic returns of one row.
    horizon : int
        Rows of a window, which begins after its row.
    null : float
        Difference under "no effect".

    Returns
    -------
    tuple of float
        Two-sided p over all turns, and how far the difference strays in nine turns of ten.
    """
    share = float(mask[known].mean())
    lean = np.where(known, mask - share, 0.0)
    sums = np.cumsum(np.concatenate([np.zeros(horizon + 1), lean]))
    weights = sums[horizon:-1] - sums[: -horizon - 1]
    rows = np.flatnonzero(known)
    inside = slice(int(rows[0]) + 1, int(rows[-1]) + 1 + horizon)
    weights, centred = weights[inside], moves[inside] - moves[inside].mean()
    scale = float(known.sum()) * share * (1 - share)
    weights = weights - weights.mean()
    errors = np.sqrt(np.maximum(turned_sums(weights**2, centred**2), 1e-30))
    ratios = turned_sums(weights, centred) / errors
    error = float(errors[0]) / scale
    ratios[0] -= null / error
    return share_as_far(ratios), float(np.quantile(np.abs(ratios[1:]), LEVEL)) * error


def shift_correlation(a: Floats, b: Floats) -> tuple[float, float]:
    """Return the correlation of two series of changes and its two-sided p over all turns, shape (n,) each.

    Studentised by the spread of the products: two series that are wild at the same time are not thereby related.
    """
    statistics = turned_t(a, b)
    return correlation(a, b), share_as_far(statistics)


def turned_t(a: Floats, b: Floats) -> Floats:
    """Return the studentised correlation of a[i] with b[i + s] for every turn s, shape (n,)."""
    x, y = standardised(a), standardised(b)
    sums, squares = turned_sums(x, y), turned_sums(x**2, y**2)
    statistics: Floats = sums / np.sqrt(np.maximum(squares - sums**2 / len(x), 1e-12))
    return statistics


def standardised(values: Floats) -> Floats:
    """Return values less their mean, over their standard deviation."""
    spread = values.std()
    scaled: Floats = (values - values.mean()) / (spread if spread > 0 else 1.0)
    return scaled


def correlation(a: Floats, b: Floats) -> float:
    """Return the correlation of two series, 0 where one is constant."""
    return float(np.mean(standardised(a) * standardised(b)))


def smallest_step(
    bands: NDArray[np.int64], values: Floats, count: int, falling: bool
) -> tuple[float, float, tuple[float, float]]:
    """Find the least favourable step between the means of values in neighbouring bands.

    Returns
    -------
    tuple
        That step, the two-sided p of steps as steady either way (studentised, over all turns), its 90 % interval.
    """
    y = values - values.mean()
    inside = [(bands == band).astype(np.float64) for band in range(count)]
    sizes = [float(mask.sum()) for mask in inside]
    means = np.array([turned_sums(mask, y) / size for mask, size in zip(inside, sizes, strict=True)])
    squares = np.array([turned_sums(mask, y**2) / size for mask, size in zip(inside, sizes, strict=True)])
    errors = np.maximum(squares - means**2, 0) / np.maximum(np.array(sizes) - 1, 1)[:, None]
    scales = np.sqrt(np.maximum(errors[1:, 0] + errors[:-1, 0], 1e-30))
    # Turned means are given the errors of the observed ones, band by band: a wild band stays the wild one.
    means = means * np.sqrt(errors[:, :1] / np.maximum(errors, 1e-30))
    ratios = np.diff(means, axis=0) / scales[:, None]
    least, most = ratios.min(axis=0), ratios.max(axis=0)
    steady = np.maximum(least, -most)
    own = float(steady[0])
    p = tail_p(own, np.maximum(steady[1:], 0.0)) if own > 0 else float(np.mean(steady >= own))
    low, high = percentiles(most if falling else least)
    row = int(np.argmax(ratios[:, 0]) if falling else np.argmin(ratios[:, 0]))
    scale = float(scales[row])
    found = float(ratios[row, 0]) * scale
    return found, p, (found - high * scale, found - low * scale)


def apart_turns(n: int, most: int) -> NDArray[np.int64]:
    """Return turn 0 and the turns that bring no lag of up to `most` rows near lag 0 (a tie there is no lead)."""
    return np.concatenate([[0], np.arange(2 * most + 1, n - 2 * most)]).astype(np.int64)


def lead(a: Floats, b: Floats, most: int) -> tuple[float, float, float]:
    """Compare how far a leads b with how far b leads a.

    Returns
    -------
    tuple of float
        Sum of the correlations of a[i] with b[i + k], k = 1..most, less the same sum with the two exchanged; its
        two-sided p over all turns; and how far the sum strays in nine cases of ten when neither leads.
    """
    x, y = standardised(a), standardised(b)
    # What b shares with a at once has no direction and cancels in the sum; left in, it would swell the error.
    y = y - correlation(a, b) * x
    padded = np.concatenate([y[-most:], y, y[:most]])
    later, earlier = (_sums_of(padded, start, len(y), most) for start in (most + 1, 0))
    # The sum is the product of a with what b does after less what it did before, so one studentised turn does it all.
    ahead = later - earlier
    statistics = turned_t(x, ahead)[apart_turns(len(x), most)]
    products = x * ahead
    found, error = float(products.mean()), float(products.std()) / len(x) ** 0.5
    return found, share_as_far(statistics), float(np.quantile(np.abs(statistics[1:]), LEVEL)) * error


def _sums_of(values: Floats, start: int, n: int, count: int) -> Floats:
    found: Floats = np.sum([values[start + k : start + k + n] for k in range(count)], axis=0)
    return found


def best_lag(a: Floats, b: Floats, most: int) -> tuple[int, float, float]:
    """Find the lag at which a leads b most.

    Returns
    -------
    tuple
        Lag (1..most) of the largest studentised correlation of a[i] with b[i + lag], that correlation, and its p
        among the largest of as many lags of every turn: looking for the best lag is paid for.
    """
    n = len(a)
    far = np.abs(turned_t(a, b))
    turns = apart_turns(n, most)
    best = np.max([far[(turns + k) % n] for k in range(1, most + 1)], axis=0)
    lag = 1 + int(np.argmax(far[1 : most + 1]))
    return lag, correlation(a[:-lag], b[lag:]), share_as_far(best)


def turned_reach(statistics: Floats) -> float:
    """Return how many times the observed statistic the turned ones reach in nine cases of ten."""
    far = np.abs(statistics)
    return float(np.quantile(far, LEVEL)) / max(float(far[0]), 1e-12)
