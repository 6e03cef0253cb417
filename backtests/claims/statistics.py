"""The arithmetic of the claims: intervals and p-values that stay honest when days depend on each other.

Pure functions of arrays; every random draw comes from a generator the caller seeds. What each is for:

- effects measured on days: blocks of rows are drawn with replacement (`draw_blocks`, a circular block bootstrap); the
  p-values of relations come from `backtests.claims.turns`;
- two levels that wander: `walk_correlations` says what two unrelated random walks give;
- a mean of a few independent observations, episodes or event dates: `studentised_mean`;
- event dates against days of the same kind: `stratified_draws`;
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
#: Half the width of a 90 % interval in standard errors.
Z90 = float(stats.norm.ppf((1 + LEVEL) / 2))
#: Number of batches of `batch_interval`: few enough that a batch outlasts the memory of the VI.
BATCHES = 8
#: Below this share of the draws the tail is fitted.
_RARE = 0.02
#: Rounding noise of a Fourier sum: a draw that ties with the observed statistic counts as a tie.
_TIE = 1e-9
#: A pool of placebo days larger than this is drawn from with replacement.
_LARGE_POOL = 200


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


def tail_p(observed: float, null: Floats, freedom: int = 30) -> float:
    """Return the two-sided p of a studentised statistic among those of the null, shape (n_null,), itself counted.

    A share of draws cannot be smaller than one of them. Where fewer than one in fifty are as far out, the tail is that
    of Student's t with `freedom` degrees, scaled to the null's own 95th percentile.
    """
    far, own = np.abs(null), abs(observed)
    share = (1 + float(np.sum(far >= own - _TIE * max(1.0, own)))) / (len(far) + 1)
    bound = float(np.quantile(far, 0.95))
    if share >= _RARE or bound <= 0:
        return share
    return float(2 * stats.t.sf(own / bound * stats.t.ppf(0.975, freedom), freedom))


def normal_p(distance: float, interval: tuple[float, float]) -> float:
    """Return the two-sided p of a distance from the stated value, its spread read off a 90 % interval."""
    spread = (interval[1] - interval[0]) / (2 * Z90)
    return float(2 * stats.norm.sf(abs(distance) / spread)) if spread > 0 else float(distance == 0)


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


def moment_asymmetry(means: Floats) -> Floats:
    """Return mean fall over mean rise from means of falls, rises and of the two being there."""
    falls, rises, fell, rose = np.maximum(means, 1e-12).T
    found: Floats = (falls / fell) / (rises / rose)
    return found


def variance_ratio(returns: Floats, horizon: int) -> tuple[float, float]:
    """Return the variance ratio over `horizon` rows and its standard error under "no memory" (Lo and MacKinlay 1988).

    The error allows for returns whose size has memory; the small bias of autocorrelations is taken out.
    """
    x = returns - returns.mean()
    total = float(np.sum(x * x))
    ratio, error = 1.0 + (horizon - 1) / len(x), 0.0
    for k in range(1, horizon):
        weight = 2 * (1 - k / horizon)
        ratio += weight * float(np.sum(x[k:] * x[:-k])) / total
        error += weight**2 * float(np.sum((x[k:] * x[:-k]) ** 2)) / total**2
    return ratio, error**0.5


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


def studentised_mean(
    values: Floats, rng: np.random.Generator, null: float = 0.0, draws: int = DRAWS
) -> tuple[float, float, float]:
    """Test whether the mean of independent observations is a number.

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
        p = float(2 * stats.t.sf(abs(mean - null) / scale, n - 1)) if scale else float(mean == null)
        return p, mean - reach, mean + reach
    drawn = values[rng.integers(n, size=(draws, n))]
    spread = drawn.std(axis=1, ddof=1) / n**0.5
    ratio = np.abs(drawn.mean(axis=1) - mean) / np.maximum(spread, 1e-15)
    reach = float(np.quantile(ratio, LEVEL)) * scale
    return tail_p(abs(mean - null) / scale, ratio, n - 1), mean - reach, mean + reach


def stratified_draws(
    pools: Sequence[Floats], counts: Sequence[int], rng: np.random.Generator, draws: int = DRAWS
) -> Floats:
    """Return values of days drawn at random, so many from each pool of days of one kind; shape (draws, sum of counts).

    A pool holds the event days too: under "no effect" any of its days could have been the event.
    """
    found = []
    for pool, count in zip(pools, counts, strict=True):
        if len(pool) > _LARGE_POOL and count**2 < len(pool):
            rows = rng.integers(len(pool), size=(draws, count))
        else:
            rows = np.argsort(rng.random((draws, len(pool))), axis=1)[:, :count]
        found.append(pool[rows])
    return np.concatenate(found, axis=1)


def placebo_p(observed: Floats, placebos: Floats) -> float:
    """Return the two-sided p of the studentised mean of event days among those of placebos, shape (draws, n_days)."""
    return tail_p(float(_t(observed[None])[0]), _t(placebos), len(observed) - 1)


def _t(rows: Floats) -> Floats:
    found: Floats = rows.mean(axis=1) / np.maximum(rows.std(axis=1), 1e-15)
    return found


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


def _mid_p(hits: int, chances: Floats) -> float:
    """Return twice the smaller tail, half of the observed case counted."""
    below, at = float(chances[:hits].sum()), float(chances[hits])
    return float(min(1.0, 2 * min(below + at / 2, 1 - below - at / 2)))


def wilson(share: float, n: float) -> tuple[float, float]:
    """Return Wilson's 90 % interval of a share of n independent trials.

    >>> tuple(round(x, 3) for x in wilson(1.0, 20))
    (0.881, 1.0)
    """
    z = Z90
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

    A new one begins where the condition holds and has not held in the last `apart` rows: returns over `apart` rows
    after two starts do not overlap.

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


def rows_apart(mask: Mask, horizon: int) -> NDArray[np.int64]:
    """Return rows of a condition, each the first that lies `horizon` rows or more after the one before.

    >>> rows_apart(np.ones(10, dtype=bool), 4).tolist()
    [0, 4, 8]
    """
    rows: list[int] = []
    for row in np.flatnonzero(mask).tolist():
        if not rows or row >= rows[-1] + horizon:
            rows.append(row)
    return np.array(rows, dtype=np.int64)
