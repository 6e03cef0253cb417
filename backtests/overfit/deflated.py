"""The Sharpe ratio of the best of many: probabilistic, deflated, and how long a record it would need.

Bailey and Lopez de Prado: "The Sharpe ratio efficient frontier" (2012, PSR and minimum track record) and "The deflated
Sharpe ratio" (2014, DSR). All Sharpe ratios here are per session and over the benchmark: against zero, a trial that
merely holds a rising market would pass.

The deflated Sharpe ratio asks whether the ratio of the chosen trial is above the one that the best of N trials
without any effect is expected to have. Two answers:

- With the raw count of trials and the variance of their Sharpe ratios, as published. Right for independent trials; for
  correlated ones too strict, mostly.
- With the effective number of trials: the number of independent ones whose best is expected as high as that of these.
  The best of these comes from the resamples of the SPA test, which keep the correlations of all trials. A number from
  the eigenvalues of the trials' correlations, or from the mean correlation, was tried on noise worlds and rejected:
  of some kind of world 29 % and 12 % passed at 5 %. That eigenvalues give too few, and resampled extremes do not,
  was found before by Dudbridge and Gusnanto (2008), "Estimation of significance thresholds for genomewide association
  scans", Genetic Epidemiology 32, 227-234.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from backtests.metrics import UndefinedError
from backtests.overfit.blocks import NOISE, Floats, Piece

#: Trust in a Sharpe ratio: of `deflated`, `psr` and `min_track_record` alike.
TRUST = 0.95


@dataclass(frozen=True)
class Moments:
    """What the sampling error of a Sharpe ratio depends on.

    Attributes
    ----------
    sharpe : float
        Mean over sample deviation, per session.
    sessions : int
    skew, kurtosis : float
        Standardised third and fourth moments; a normal distribution has 0 and 3.
    """

    sharpe: float
    sessions: int
    skew: float
    kurtosis: float

    @property
    def error(self) -> float:
        """Standard error of the Sharpe ratio times the root of sessions - 1.

        Raises
        ------
        UndefinedError
            Moments for which the published approximation has no variance.
        """
        variance = 1.0 - self.skew * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe**2
        if not variance > 0:
            raise UndefinedError("skew and kurtosis leave the Sharpe ratio no sampling variance")
        return math.sqrt(variance)


def moments(returns: ArrayLike) -> Moments:
    """Return the moments of session log returns, shape (n_sessions,).

    Raises
    ------
    UndefinedError
        Fewer than 3 sessions, a return that is not finite, or no volatility.

    Examples
    --------
    >>> one = moments([0.01, -0.01, 0.02, 0.02])
    >>> round(one.sharpe, 6), one.sessions
    (0.707107, 4)
    """
    values = np.asarray(returns, dtype=np.float64)
    if len(values) < 3:
        raise UndefinedError("fewer than 3 sessions")
    if not np.isfinite(values).all():
        raise UndefinedError("a session return is unknown")
    deviation = float(values.std(ddof=1))
    if deviation <= NOISE:
        raise UndefinedError("no volatility over the benchmark")
    standard = (values - values.mean()) / values.std()
    return Moments(
        float(values.mean()) / deviation, len(values), float((standard**3).mean()), float((standard**4).mean())
    )


def psr(one: Moments, target: float = 0.0) -> float:
    """Return the probability that the true Sharpe ratio is above `target` (per session).

    Examples
    --------
    >>> round(psr(Moments(0.1, 101, 0.0, 3.0)), 4)  # 0.1 * 10 / sqrt(1.005)
    0.8407
    """
    return float(stats.norm.cdf((one.sharpe - target) * math.sqrt(one.sessions - 1) / one.error))


def min_track_record(one: Moments, target: float = 0.0, trust: float = TRUST) -> float:
    """Return the sessions after which a record like this one has `psr` of `trust`.

    Raises
    ------
    UndefinedError
        A Sharpe ratio not above the target: no record is long enough.
    """
    if one.sharpe <= target:
        raise UndefinedError("the Sharpe ratio over the benchmark is not above its target: no record is long enough")
    return 1.0 + (one.error * float(stats.norm.ppf(trust)) / (one.sharpe - target)) ** 2


def expected_maximum(trials: float) -> float:
    """Return the expected highest of so many independent standard normal numbers (approximation of the paper).

    Parameters
    ----------
    trials : float
        At least 1, and not necessarily whole.

    Examples
    --------
    >>> expected_maximum(1), round(expected_maximum(100), 3)
    (0.0, 2.531)
    """
    if trials <= 1.0:
        return 0.0
    gamma = float(np.euler_gamma)
    high, higher = stats.norm.ppf([1.0 - 1.0 / trials, 1.0 - 1.0 / (trials * math.e)])
    return max(0.0, float((1.0 - gamma) * high + gamma * higher))


def deflated(one: Moments, trials: float, variance: float) -> float:
    """Return the deflated Sharpe ratio, a probability.

    Parameters
    ----------
    one : Moments
        Of the chosen trial over the benchmark.
    trials : float
        How many it was chosen from.
    variance : float
        Variance of Sharpe ratios per session: of the trials, or that of a trial without effect.
    """
    return psr(one, threshold(trials, variance))


def threshold(trials: float, variance: float) -> float:
    """Return the Sharpe ratio per session that the best of so many trials without effect is expected to have.

    Parameters
    ----------
    trials, variance : float
        As for `deflated`.

    Examples
    --------
    >>> round(threshold(100, 0.0001), 4)  # a standard deviation of 0.01
    0.0253
    """
    return math.sqrt(variance) * expected_maximum(trials)


def effective_trials(highest: Floats, trials: int) -> float:
    """Return the number of independent trials whose best is expected as high as that of these.

    Parameters
    ----------
    highest : ndarray, shape (reps,)
        Highest t-statistic of the centred trials in each resample: the upper row of `spa.Highest.maxima` times the root
        of the number of blocks.
    trials : int
        How many there are: the most that can be returned.

    Examples
    --------
    >>> round(effective_trials(np.array([2.4, 2.662]), 1000))  # the best of 100 is expected at 2.531
    100
    >>> effective_trials(np.array([0.1, -0.1]), 1000)
    1.0
    """
    expected = float(np.mean(highest))
    if expected <= 0.0 or trials < 2:
        return 1.0
    if expected >= expected_maximum(trials):
        return float(trials)
    return float(optimize.brentq(lambda n: expected_maximum(n) - expected, 1.0, trials))


def block_sharpes(piece: Piece, per_block: float) -> Floats:
    """Return the Sharpe ratios per session over the benchmark of the trials that differ from it, from block returns.

    Parameters
    ----------
    piece : Piece
    per_block : float
        Sessions of a block, on average.
    """
    deviation = piece.excess.std(axis=1, ddof=1)
    live = deviation > NOISE
    sharpes: Floats = piece.excess[live].mean(axis=1) / deviation[live] / math.sqrt(per_block)
    return sharpes


class TrialSharpes:
    """Reads trials, keeps the count, mean and variance of their Sharpe ratios per session over the benchmark.

    They are those of block returns, divided by the root of the sessions of a block.

    Parameters
    ----------
    per_block : float
        Sessions of a block, on average.

    Attributes
    ----------
    count : int
        Trials that have one.
    mean : float
    """

    def __init__(self, per_block: float) -> None:
        self._per_block = per_block
        self.count, self.mean, self._squares = 0, 0.0, 0.0

    def add(self, piece: Piece) -> None:
        """Take some more trials (Welford's sums, joined as by Chan and others)."""
        sharpes = block_sharpes(piece, self._per_block)
        many = len(sharpes)
        if many == 0:
            return
        mean, total = float(sharpes.mean()), self.count + many
        gap = mean - self.mean
        self._squares += float(((sharpes - mean) ** 2).sum()) + gap**2 * self.count * many / total
        self.mean += gap * many / total
        self.count = total

    @property
    def variance(self) -> float:
        """Sample variance.

        Raises
        ------
        UndefinedError
            Fewer than 2 trials that differ from the benchmark.
        """
        if self.count < 2:
            raise UndefinedError("fewer than 2 trials that differ from the benchmark")
        return self._squares / (self.count - 1)
