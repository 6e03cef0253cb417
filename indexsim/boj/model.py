"""When the Bank buys: a logistic model of the return before the purchase, by era, and what it is measured by.

P(purchase) = 1 / (1 + exp(-(a[era] + b x return in percent))): the eras differ in how readily the Bank bought,
not in how steeply it answered. Fitted by Newton's method on the exact likelihood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from indexsim.boj.facts import ERAS

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

#: Weight of the squared coefficients: keeps them finite where the days part without an error, and is nothing else.
RIDGE = 1e-4
#: A probability never counts as nearer to 0 or 1: log-loss of a certainty that fails is infinite.
NEAREST = 1e-6
#: The rule of thumb the model is held against (E3): the Bank buys below this return, a fraction.
RULE = -0.005
#: Bins of a calibration.
BINS = 5
_STEPS, _CLOSE = 100, 1e-10


@dataclass(frozen=True)
class Logistic:
    """A fitted model.

    Attributes
    ----------
    eras : tuple of str
        Of the days it was fitted on, in order.
    intercepts : tuple of float
        Log odds at a return of zero, by era.
    slope : float
        Log odds by percent of return.
    """

    eras: tuple[str, ...]
    intercepts: tuple[float, ...]
    slope: float

    def probability(self, returns: Floats, days: pd.DatetimeIndex) -> Floats:
        """Return P(purchase), shape (n_days,): in an era the fit has not seen, that of the last one it has."""
        from scipy.special import expit  # takes as long to import as pandas

        own = np.array([self._intercept(era) for era in era_of(days)], dtype=np.float64)
        found: Floats = expit(own + self.slope * 100.0 * returns)
        return found

    def _intercept(self, era: str) -> float:
        return self.intercepts[self.eras.index(era)] if era in self.eras else self.intercepts[-1]


def era_of(days: pd.DatetimeIndex) -> tuple[str, ...]:
    """Return the era of each day."""
    starts = np.array([np.datetime64(since or date.min, "D") for since, _ in ERAS.steps])
    at = np.searchsorted(starts, days.to_numpy().astype("datetime64[D]"), side="right") - 1
    return tuple(ERAS.steps[number][1] for number in at)


def fit(returns: Floats, bought: Flags, days: pd.DatetimeIndex) -> Logistic:
    """Fit the model to days without NaN.

    Examples
    --------
    One of four bought at no return, three of four at -1 %: log odds ln(1/3) and ln 3.

    >>> days = pd.date_range("2015-06-01", periods=8)
    >>> bought = np.array([1, 0, 0, 0, 1, 1, 1, 0], dtype=bool)
    >>> model = fit(np.repeat([0.0, -0.01], 4), bought, days)
    >>> round(model.intercepts[0], 2), round(model.slope, 2)
    (-1.1, -2.2)
    """
    own = era_of(days)
    eras = tuple(dict.fromkeys(own))
    design = np.column_stack(
        [np.array([[era == each for each in eras] for era in own], dtype="float64"), 100 * returns]
    )
    solved = _newton(design, bought.astype("float64"))
    return Logistic(eras, tuple(float(v) for v in solved[:-1]), float(solved[-1]))


def _newton(design: Floats, bought: Floats) -> Floats:
    """Return the coefficients of the largest likelihood; a step that does not raise it is halved."""
    from scipy.special import expit

    found = np.zeros(design.shape[1])
    best = _likelihood(design, bought, found)
    for _ in range(_STEPS):
        p = expit(design @ found)
        slope = design.T @ (bought - p) - RIDGE * found
        curve = (design * (p * (1.0 - p))[:, None]).T @ design + RIDGE * np.eye(len(found))
        step = np.linalg.solve(curve, slope)
        while (now := _likelihood(design, bought, found + step)) < best and np.abs(step).max() > _CLOSE:
            step = step / 2.0
        found, best = found + step, now
        if np.abs(step).max() <= _CLOSE:
            break
    return found


def _likelihood(design: Floats, bought: Floats, coefficients: Floats) -> float:
    odds = design @ coefficients
    return float(bought @ odds - np.logaddexp(0.0, odds).sum() - RIDGE / 2.0 * coefficients @ coefficients)


@dataclass(frozen=True)
class TwoRates:
    """The rule of thumb as probabilities: how often the Bank bought below `RULE`, and how often otherwise."""

    below: float
    otherwise: float

    def probability(self, returns: Floats) -> Floats:
        """Return P(purchase), shape (n_days,)."""
        return np.where(returns < RULE, self.below, self.otherwise)


def two_rates(returns: Floats, bought: Flags) -> TwoRates:
    """Fit the rule of thumb; on a side without days the rate is that of all."""
    low = returns < RULE
    rates = [float(bought[side].mean() if side.any() else bought.mean()) for side in (low, ~low)]
    return TwoRates(*rates)


def log_loss(p: Floats, bought: Flags) -> float:
    """Return the mean of -ln(probability given to what happened), nats; NaN without days.

    Examples
    --------
    >>> round(log_loss(np.array([0.5, 0.5]), np.array([True, False])), 4)
    0.6931
    """
    if not len(p):
        return float("nan")
    held = np.clip(p, NEAREST, 1.0 - NEAREST)
    return float(-np.where(bought, np.log(held), np.log1p(-held)).mean())


@dataclass(frozen=True)
class Bin:
    """Days with nearly the same predicted probability: how many, predicted mean, and share that happened."""

    n: int
    predicted: float
    observed: float


def calibration(p: Floats, bought: Flags, bins: int = BINS) -> tuple[Bin, ...]:
    """Return predicted and observed frequency in bins of equal numbers of days, by rising prediction.

    Days of one prediction stay together: a constant has one bin, a rule of two rates has two.
    """
    order = np.argsort(p, kind="stable")
    sorted_p = p[order]
    values = np.unique(p)
    if len(values) > bins:
        values = sorted_p[[len(p) * k // bins for k in range(bins)]]
    cuts = np.searchsorted(sorted_p, values).tolist()
    stops = sorted({0, *cuts, len(p)})
    return tuple(
        Bin(stop - start, float(sorted_p[start:stop].mean()), float(bought[order[start:stop]].mean()))
        for start, stop in pairwise(stops)
    )


def gap(bins: Sequence[Bin]) -> float:
    """Return the mean distance of predicted and observed frequency, weighted by days; NaN without days."""
    n = sum(b.n for b in bins)
    return sum(b.n * abs(b.predicted - b.observed) for b in bins) / n if n else float("nan")
