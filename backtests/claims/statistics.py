"""The arithmetic of the claims: intervals and p-values that stay honest when days depend on each other.

Pure functions of arrays; every random draw comes from a generator the caller seeds. What each is for:

- a relation of two series by day (`shift_means`, `shift_correlation`, `shift_lags`): one series is turned against the
  other by every number of rows, which keeps the memory of both and breaks only what ties them together. The statistic
  is studentised, so that a condition which picks wild days (a high VI) is compared fairly;
- effects of the same kind: blocks of rows are drawn with replacement (`draw_blocks`, a circular block bootstrap);
- two levels that wander: `walk_correlations` says what two unrelated random walks give;
- a mean of a few independent observations, episodes or event dates: `studentised_mean`;
- event dates against days of the same kind: `stratified_sums`;
- a share of days that come in long runs: `batch_interval`.

That each keeps its rate of false positives and its coverage is measured in ``tests/test_claims_worlds.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Draws of every bootstrap and placebo test; odd, so that quantiles fall on a draw.
DRAWS = 999
#: Share of the intervals, two-sided.
LEVEL = 0.90
#: Number of batches of `batch_interval`: few enough that a batch outlasts the memory of the VI.
BATCHES = 8
#: A pool of placebo days larger than this is drawn from with replacement.
_LARGE_POOL = 200
#: Rounding noise of a Fourier sum: a shift that ties with the observed one counts as a tie.
_TIE = 1e-9


def generator(seed: str) -> np.random.Generator:
    """Return a generator seeded by a text, the id of a claim.

    >>> float(generator("a").random()) == float(generator("a").random())
    True
    """
    return np.random.default_rng(list(seed.encode()) or [0])


def block_length(n: int, horizon: int = 1) -> int:
    """Return the length of bootstrap blocks for n rows whose values overlap over `horizon` rows.

    >>> block_length(1000), block_length(1000, 20)
    (10, 40)
    """
    return int(min(max(round(n ** (1 / 3)), 2 * horizon), max(1, n // 4)))


def draw_blocks(moments: Floats, block: int, draws: int, rng: np.random.Generator) -> Floats:
    """Return means of rows over circular blocks drawn with replacement.

    Parameters
    ----------
    moments : ndarray of float64, shape (n_rows, n_moments)
        Whatever a statistic is a function of the means of.
    block : int
        Rows of a block.
    draws : int
        Number of resamples.
    rng : Generator

    Returns
    -------
    ndarray of float64, shape (draws, n_moments)
    """
    n = len(moments)
    sums = np.cumsum(np.vstack([np.zeros(moments.shape[1]), moments, moments[: block - 1]]), axis=0)
    blocks = sums[block : block + n] - sums[:n]
    count = max(1, round(n / block))
    means: Floats = blocks[rng.integers(n, size=(draws, count))].sum(axis=1) / (count * block)
    return means


def percentiles(values: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Return the central interval of a sample of draws, unknown ones left out."""
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def turned_sums(mask: Floats, values: Floats) -> Floats:
    """Return the sum of mask[i] x values[i + s] for every turn s, shape (n,)."""
    product = np.conj(np.fft.rfft(mask)) * np.fft.rfft(values)
    sums: Floats = np.fft.irfft(product, n=len(mask))
    return sums


def share_as_far(statistics: Floats) -> float:
    """Return the two-sided p of the first statistic among all of them, itself included."""
    far = np.abs(statistics)
    return float(np.mean(far >= far[0] - _TIE * max(1.0, far[0])))


def shift_means(mask: Mask, values: Floats, studentise: bool = True) -> tuple[float, float]:
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
        Difference of the means (condition minus others) and its two-sided p over all turns.
    """
    inside = mask.astype(np.float64)
    centred = values - values.mean()
    n, n1 = len(values), inside.sum()
    first, second = turned_sums(inside, centred), turned_sums(inside, centred**2)
    mean1, mean0 = first / n1, -first / (n - n1)
    difference = mean1 - mean0
    if studentise:
        var1 = np.maximum(second / n1 - mean1**2, 0)
        var0 = np.maximum((np.sum(centred**2) - second) / (n - n1) - mean0**2, 0)
        scale = np.sqrt(var1 / max(n1 - 1, 1) + var0 / max(n - n1 - 1, 1))
        return float(difference[0]), share_as_far(difference / np.maximum(scale, 1e-15))
    return float(difference[0]), share_as_far(difference)


def difference_interval(
    mask: Mask, values: Floats, block: int, rng: np.random.Generator, draws: int = DRAWS
) -> tuple[float, float]:
    """Return the 90 % interval of the difference of means, from studentised block resamples.

    The plain standard error that studentises ignores memory in the resample as in the sample, so the error cancels.
    """
    c = mask.astype(np.float64)
    y = values - values.mean()
    moments = np.column_stack([c, c * y, c * y**2, (1 - c), (1 - c) * y, (1 - c) * y**2])
    point, scale = _welch(moments.mean(axis=0)[None], len(y))
    drawn, scales = _welch(draw_blocks(moments, block, draws, rng), len(y))
    ratio = np.abs(drawn - point) / scales
    reach = float(np.nanquantile(ratio[np.isfinite(ratio)], LEVEL)) * float(scale[0])
    return float(point[0]) - reach, float(point[0]) + reach


def _welch(means: Floats, n: int) -> tuple[Floats, Floats]:
    with np.errstate(divide="ignore", invalid="ignore"):
        c, cy, cyy, d, dy, dyy = means.T
        var = (cyy / c - (cy / c) ** 2) / (n * c) + (dyy / d - (dy / d) ** 2) / (n * d)
        return cy / c - dy / d, np.sqrt(np.maximum(var, 0))


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


def shift_lags(a: Floats, b: Floats, most: int) -> tuple[int, float, float, float]:
    """Find the lag at which a leads b most, and what the best of that many lags is worth.

    Returns
    -------
    tuple
        Lag (1..most) of the largest studentised correlation of a[i] with b[i + lag], that correlation, the p of the
        largest over as many lags, and how far a best correlation strays in nine cases of ten when nothing leads.
    """
    far = np.abs(turned_t(a, b))
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([far, far[:most]]), most)
    best = windows.max(axis=1)[1 : len(far) + 1]
    lag = 1 + int(np.argmax(far[1 : most + 1]))
    value = correlation(a[:-lag], b[lag:])
    p = share_as_far(best)
    reach = float(np.quantile(best, LEVEL)) / max(float(far[lag]), 1e-12) * abs(np.arctanh(value))
    return lag, value, p, reach


def moment_interval(
    moments: Floats, statistic: Callable[[Floats], Floats], block: int, rng: np.random.Generator, draws: int = DRAWS
) -> tuple[float, float]:
    """Return the 90 % interval of a function of means by block resamples.

    `statistic` takes means of shape (draws, n_moments) and gives values of shape (draws,).
    """
    return percentiles(statistic(draw_blocks(moments, block, draws, rng)))


def pair_moments(x: Floats, y: Floats) -> Floats:
    """Return what correlation, slope and ratio of spreads are functions of: x, y, xx, yy, xy; shape (n, 5)."""
    x, y = x - x.mean(), y - y.mean()
    return np.column_stack([x, y, x * x, y * y, x * y])


def moment_correlation(means: Floats) -> Floats:
    """Return correlations from means of `pair_moments`."""
    x, y, xx, yy, xy = means.T
    found: Floats = (xy - x * y) / np.sqrt(np.maximum((xx - x * x) * (yy - y * y), 1e-300))
    return found


def moment_slope(means: Floats) -> Floats:
    """Return slopes of y on x from means of `pair_moments`."""
    x, y, xx, _, xy = means.T
    found: Floats = (xy - x * y) / np.maximum(xx - x * x, 1e-300)
    return found


def moment_spreads(means: Floats) -> Floats:
    """Return ratios of the standard deviations of x and y from means of `pair_moments`."""
    x, y, xx, yy, _ = means.T
    found: Floats = np.sqrt(np.maximum(xx - x * x, 0) / np.maximum(yy - y * y, 1e-300))
    return found


def walk_correlations(a: Floats, b: Floats, block: int, rng: np.random.Generator, draws: int = DRAWS) -> Floats:
    """Return correlations that levels without any tie show: random walks of the series' own steps.

    The steps of both, less their means, are drawn anew in blocks and summed up; shape (draws,).
    """
    x, y = (_walks(np.diff(v), block, draws, rng) for v in (a, b))
    x -= x.mean(axis=1, keepdims=True)
    y -= y.mean(axis=1, keepdims=True)
    found: Floats = (x * y).sum(axis=1) / np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    return found


def _walks(steps: Floats, block: int, draws: int, rng: np.random.Generator) -> Floats:
    n = len(steps)
    starts = rng.integers(n, size=(draws, -(-n // block), 1))
    rows = ((starts + np.arange(block)) % n).reshape(draws, -1)[:, :n]
    walks: Floats = np.cumsum((steps - steps.mean())[rows], axis=1)
    return walks


def studentised_mean(values: Floats, rng: np.random.Generator, draws: int = DRAWS) -> tuple[float, float, float]:
    """Test whether the mean of independent observations is zero.

    Returns
    -------
    tuple of float
        Two-sided p and the 90 % interval, from resamples of the t statistic, symmetric; with fewer than eight
        observations, of which too few different resamples exist, from Student's t.
    """
    n, mean = len(values), float(values.mean())
    scale = float(values.std(ddof=1)) / n**0.5
    if n < 8 or scale == 0:
        reach = float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) * scale
        p = float(2 * stats.t.sf(abs(mean) / scale, n - 1)) if scale else float(mean == 0)
        return p, mean - reach, mean + reach
    drawn = values[rng.integers(n, size=(draws, n))]
    spread = drawn.std(axis=1, ddof=1) / n**0.5
    ratio = np.abs(drawn.mean(axis=1) - mean) / np.maximum(spread, 1e-15)
    reach = float(np.quantile(ratio, LEVEL)) * scale
    p = (1 + int(np.sum(ratio >= abs(mean) / scale))) / (draws + 1)
    return p, mean - reach, mean + reach


def stratified_sums(
    pools: Sequence[Floats], counts: Sequence[int], rng: np.random.Generator, draws: int = DRAWS
) -> Floats:
    """Return sums over days drawn at random, so many from each pool of days of one kind; shape (draws,).

    A pool holds the event days too: under "no effect" any of its days could have been the event.
    """
    total = np.zeros(draws)
    for pool, count in zip(pools, counts, strict=True):
        if len(pool) > _LARGE_POOL and count**2 < len(pool):
            rows = rng.integers(len(pool), size=(draws, count))
        else:
            rows = np.argsort(rng.random((draws, len(pool))), axis=1)[:, :count]
        total += pool[rows].sum(axis=1)
    return total


def placebo_p(observed: float, placebos: Floats) -> float:
    """Return the two-sided p of a sum among the sums of placebos, itself counted."""
    centre = float(placebos.mean())
    far = np.abs(placebos - centre)
    return float((1 + np.sum(far >= abs(observed - centre) - 1e-15)) / (len(placebos) + 1))


def batch_interval(values: Floats, null: float, batches: int = BATCHES) -> tuple[float, float, float]:
    """Test the mean of a series with long memory by the means of a few long stretches (Ibragimov and Muller 2010).

    Returns
    -------
    tuple of float
        Two-sided p of "the mean is `null`" and the 90 % interval, Student's t over the stretches.
    """
    means = np.array([part.mean() for part in np.array_split(values, batches)])
    mean, scale = float(means.mean()), float(means.std(ddof=1)) / batches**0.5
    if scale == 0:
        return float(mean == null), mean, mean
    reach = float(stats.t.ppf((1 + LEVEL) / 2, batches - 1)) * scale
    return float(2 * stats.t.sf(abs(mean - null) / scale, batches - 1)), mean - reach, mean + reach


def binomial_p(hits: int, n: int, probability: float) -> float:
    """Return the two-sided mid-p of so many hits in n trials.

    >>> round(binomial_p(5, 10, 0.5), 6)
    1.0
    """
    return _mid_p(hits, stats.binom(n, probability).pmf(np.arange(n + 1)))


def fisher_p(hits: int, n: int, other_hits: int, other_n: int) -> float:
    """Return the two-sided mid-p of Fisher's exact test of two shares.

    >>> fisher_p(0, 5, 0, 5)
    1.0
    """
    total = n + other_n
    return _mid_p(hits, stats.hypergeom(total, hits + other_hits, n).pmf(np.arange(n + 1)))


def _mid_p(hits: int, chances: Floats) -> float:
    """Return twice the smaller tail, half of the observed case counted."""
    below, at = float(chances[:hits].sum()), float(chances[hits])
    return float(min(1.0, 2 * min(below + at / 2, 1 - below - at / 2)))


def wilson(share: float, n: float) -> tuple[float, float]:
    """Return Wilson's 90 % interval of a share of n independent trials.

    >>> tuple(round(x, 3) for x in wilson(1.0, 20))
    (0.881, 1.0)
    """
    z = float(stats.norm.ppf((1 + LEVEL) / 2))
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * float(np.sqrt(max(share * (1 - share), 0) / n + z * z / (4 * n * n)))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def share_interval(
    mask: Mask, hits: Floats, block: int, rng: np.random.Generator, draws: int = DRAWS
) -> tuple[float, float]:
    """Return the 90 % interval of the share of hits among the rows of a condition.

    Wilson's, with as many trials as the block resamples say the rows are worth.
    """
    c = mask.astype(np.float64)
    share, n = float(hits[mask].mean()), float(c.sum())
    means = draw_blocks(np.column_stack([c, c * hits]), block, draws, rng)
    spread = float(np.nanvar(means[:, 1] / np.where(means[:, 0] > 0, means[:, 0], np.nan)))
    plain = share * (1 - share) / n
    return wilson(share, n / max(1.0, spread / plain) if plain > 0 else n)


def episode_starts(mask: Mask, apart: int) -> NDArray[np.int64]:
    """Return the first rows of the episodes of a condition.

    A new episode begins where the condition holds and has not held, nor another episode begun, in the last `apart` rows:
    returns over `apart` rows after two starts do not overlap.

    >>> episode_starts(np.array([0, 1, 1, 0, 1, 0, 0, 0, 1], dtype=bool), 2).tolist()
    [1, 8]
    """
    starts: list[int] = []
    last = -apart - 1
    for row in np.flatnonzero(mask).tolist():
        if row - last > apart:
            starts.append(row)
        last = row
    return np.array(starts, dtype=np.int64)


def clustered_means(values: Floats, keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
    """Return the sorted different keys and the mean of the values of each.

    >>> clustered_means(np.array([1.0, 3.0, 5.0]), np.array([7, 7, 9]))[1].tolist()
    [2.0, 5.0]
    """
    different, of = np.unique(keys, return_inverse=True)
    return different, np.bincount(of, values) / np.bincount(of)
