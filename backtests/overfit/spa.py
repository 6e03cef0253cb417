"""Does any trial beat holding the index? The SPA test, and StepM: which ones do.

Both look at the mean block log return of every trial over the benchmark, each divided by its own standard error, and
ask how high the highest would be by luck: all trials are resampled together, so that their likeness counts.

- SPA (Hansen 2005, "A test for superior predictive ability", JBES 23): one p-value for the best of all trials, by
  three ways to centre the resamples. `lower` forgives every trial that is worse than the benchmark, `upper` none,
  `consistent` those that are worse beyond doubt; it is the one that decides.
- StepM (Romano and Wolf 2005, "Stepwise multiple testing as formalized data snooping", Econometrica 73): names the
  trials that beat it, with at most 5 % risk that a single name is false.

`arch` computes both, but holds every trial and every resample in memory (8 TB for a million trials), so it is the
oracle in the tests: with ``studentised=False`` on the same data, and as it stands on differences divided beforehand
by their standard errors, which arch leaves out in spite of its ``studentize=True``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backtests.overfit.blocks import NOISE, Blocks, Floats, Piece, stream
from backtests.overfit.bootstrap import indices, spread, weights
from backtests.overfit.kernels import raise_maxima

#: Resamples, and the mean length of their runs of blocks. A block of 20 sessions holds what memory excess returns have;
#: longer runs make the variance of 100 blocks so rough that up to 13 % of noise passes at 5 % (runs of 4).
REPS, LENGTH, SEED = 1000, 1.0, 1
#: Share of sweeps without a better trial in which StepM may name one.
SIZE = 0.05


@dataclass(frozen=True)
class Resampling:
    """How a test resamples.

    Attributes
    ----------
    t : int
        Blocks.
    reps : int
        Resamples.
    length : float
        Mean run of neighbouring blocks in a resample.
    seed : int
    studentised : bool
        Divide each trial's mean by its standard error (Hansen), so that a bold trial does not hide a steady one.
    """

    t: int
    reps: int = REPS
    length: float = LENGTH
    seed: int = SEED
    studentised: bool = True
    weights: Floats = field(init=False, repr=False, compare=False)
    spread: Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Draw the resamples once."""
        object.__setattr__(self, "weights", weights(indices(self.t, self.reps, self.length, self.seed)))
        object.__setattr__(self, "spread", spread(self.t, self.length))


class Highest:
    """Reads trials, keeps the highest mean in each resample.

    Parameters
    ----------
    how : Resampling
    left_out : ndarray of bool, shape (n_trials,), optional
        Trials that StepM named before.

    Attributes
    ----------
    maxima : ndarray, shape (3, reps)
        Highest centred mean of each resample: lower, consistent, upper.
    """

    def __init__(self, how: Resampling, left_out: NDArray[np.bool_] | None = None) -> None:
        self.how, self.left_out = how, left_out
        self.maxima = np.full((3, how.reps), -np.inf)
        self._statistics: list[Floats] = []

    @property
    def statistics(self) -> Floats:
        """Each trial's mean, scaled; -inf for one that never differs from the benchmark, shape (n_trials,)."""
        return np.concatenate([np.empty(0), *self._statistics])

    def add(self, piece: Piece) -> None:
        """Resample some more trials."""
        mean = piece.excess.mean(axis=1)
        centred = piece.excess - mean[:, None]
        variance = np.einsum("ij,ij->i", centred @ self.how.spread, centred)
        live = np.einsum("ij,ij->i", centred, centred) > NOISE**2 * self.how.t
        scale = _scale(variance, live, self.how.studentised)
        self._statistics.append(np.where(live, mean * scale, -np.inf))
        if self.left_out is not None:
            scale[self.left_out[piece.first : piece.first + len(mean)]] = 0.0
        if scale.any():
            raise_maxima(piece.excess @ self.how.weights, scale, _centres(mean, variance, self.how.t), self.maxima)


def _scale(variance: Floats, live: NDArray[np.bool_], studentised: bool) -> Floats:
    """Return what each trial's means are multiplied by; 0 for a trial that does not differ from the benchmark."""
    live &= variance > 0
    divisor = np.sqrt(np.where(live, variance, 1.0)) if studentised else np.ones(len(variance))
    return np.where(live, 1.0 / divisor, 0.0)


def _centres(mean: Floats, variance: Floats, t: int) -> Floats:
    """Return what is taken off each trial's resampled means, shape (3, m); Hansen (2005), section 3.3."""
    worse = mean < -np.sqrt(np.maximum(variance, 0.0) / t * 2.0 * np.log(np.log(t)))
    return np.stack([np.maximum(mean, 0.0), np.where(worse, 0.0, mean), mean])


@dataclass(frozen=True)
class Spa:
    """The p-values of the best trial.

    Attributes
    ----------
    lower, consistent, upper : float
        Share of the resamples whose highest mean is above that of the trials.
    """

    lower: float
    consistent: float
    upper: float


def p_values(highest: Highest) -> Spa:
    """Return the three p-values. There must be a trial that differs from the benchmark."""
    lower, consistent, upper = (highest.maxima > highest.statistics.max()).mean(axis=1)
    return Spa(float(lower), float(consistent), float(upper))


def spa(blocks: Blocks, how: Resampling) -> Spa:
    """Test in one pass whether the best trial beats the benchmark."""
    highest = Highest(how)
    stream(blocks, highest)
    return p_values(highest)


def named(highest: Highest, left_out: NDArray[np.bool_], size: float = SIZE) -> NDArray[np.bool_]:
    """Return the trials whose statistic is above all but `size` of the highest by luck, of those not left out."""
    if not np.isfinite(highest.maxima).all():
        return np.zeros(len(left_out), dtype=np.bool_)
    critical = float(np.percentile(highest.maxima[1], 100.0 * (1.0 - size)))
    return (highest.statistics > critical) & ~left_out


def step_m(blocks: Blocks, highest: Highest, size: float = SIZE) -> NDArray[np.bool_]:
    """Name the trials that beat the benchmark.

    Each step resamples the trials not yet named, in a pass of its own, until a step names none. The pass of the first
    step is the one of the SPA test.

    Parameters
    ----------
    blocks : Blocks
    highest : Highest
        Has read all trials.
    size : float
        Share of sweeps in which one name or more may be false.

    Returns
    -------
    ndarray of bool, shape (n_trials,)
    """
    found = np.zeros(len(highest.statistics), dtype=np.bool_)
    new = named(highest, found, size)
    while new.any():
        found |= new
        if found.all():
            break
        rest = Highest(highest.how, found)
        stream(blocks, rest)
        new = named(rest, found, size)
    return found
