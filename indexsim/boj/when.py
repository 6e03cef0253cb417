"""The model fitted on one stretch and judged on the next ones, beside a constant rate and the rule of -0.5 %."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from indexsim.boj.days import LUNCH, MORNING, OVERNIGHT
from indexsim.boj.model import Bin, Flags, Floats, Logistic, calibration, fit, gap, log_loss, two_rates

#: First day of the era with a rule of its own (E3), kept apart from the test.
TWO_PERCENT_RULE = date(2021, 4, 1)


@dataclass(frozen=True)
class Stretch:
    """Days from `first` to `last`, both included."""

    name: str
    first: date
    last: date


@dataclass(frozen=True)
class Plan:
    """Which return the model reads, where it is fitted and where it is judged.

    Attributes
    ----------
    column : str
        Of `indexsim.boj.days.days`.
    fitted : Stretch
    judged : tuple of Stretch
    """

    column: str
    fitted: Stretch
    judged: tuple[Stretch, ...]


#: The overnight return of TOPIX, over the whole programme.
ON_OVERNIGHT = Plan(
    OVERNIGHT,
    Stretch("fit", date(2010, 12, 15), date(2016, 12, 31)),
    (
        Stretch("test", date(2017, 1, 1), date(2020, 12, 31)),
        Stretch("2 % rule", TWO_PERCENT_RULE, date(2024, 3, 19)),
    ),
)
#: The same with the morning, for a market that has halves of TOPIX.
ON_LUNCH = replace(ON_OVERNIGHT, column=LUNCH)
#: The approximate Nikkei morning begins in December 2016, so that its own days have to serve for both.
ON_MORNING = Plan(
    MORNING,
    Stretch("fit", date(2016, 12, 1), date(2018, 12, 31)),
    (Stretch("test", date(2019, 1, 1), date(2020, 12, 31)),),
)


@dataclass(frozen=True)
class Score:
    """How one way to predict did on one stretch.

    Attributes
    ----------
    name : str
        ``logistic``, ``constant rate`` or ``-0.5 % rule``.
    log_loss : float
        Nats a day; the smaller the better.
    bins : tuple of Bin
        Predicted and observed, by rising prediction.
    gap : float
        Mean distance of the two.
    """

    name: str
    log_loss: float
    bins: tuple[Bin, ...]
    gap: float


@dataclass(frozen=True)
class Judged:
    """A stretch of days with the scores of all predictors on it.

    Attributes
    ----------
    stretch : Stretch
    n, bought : int
        Sessions with a return, and those with a purchase.
    scores : tuple of Score
    """

    stretch: Stretch
    n: int
    bought: int
    scores: tuple[Score, ...]

    @property
    def best(self) -> str:
        """The predictor with the smallest log-loss."""
        return min(self.scores, key=lambda score: score.log_loss).name


@dataclass(frozen=True)
class Fitted:
    """A model with what it was fitted on and where it was judged; stretches without days are left out."""

    plan: Plan
    model: Logistic
    judged: tuple[Judged, ...]


def fitted(days: pd.DataFrame, plan: Plan) -> Fitted | None:
    """Fit a plan's model and judge it; None where its stretch has no day with, or none without a purchase.

    Parameters
    ----------
    days : DataFrame
        As `indexsim.boj.days.days`.
    plan : Plan
    """
    returns, bought, index = _of(days, plan, plan.fitted)
    if not len(returns) or bought.all() or not bought.any():
        return None
    model, rule, rate = fit(returns, bought, index), two_rates(returns, bought), float(bought.mean())
    judged = []
    for stretch in (plan.fitted, *plan.judged):
        returns, bought, index = _of(days, plan, stretch)
        if not len(returns):
            continue
        predicted = {
            "logistic": model.probability(returns, index),
            "constant rate": np.full(len(returns), rate),
            "-0.5 % rule": rule.probability(returns),
        }
        scores = tuple(_score(name, p, bought) for name, p in predicted.items())
        judged.append(Judged(stretch, len(returns), int(bought.sum()), scores))
    return Fitted(plan, model, tuple(judged))


def _score(name: str, p: Floats, bought: Flags) -> Score:
    bins = calibration(p, bought)
    return Score(name, log_loss(p, bought), bins, gap(bins))


def _of(days: pd.DataFrame, plan: Plan, stretch: Stretch) -> tuple[Floats, Flags, pd.DatetimeIndex]:
    cut = days.loc[pd.Timestamp(stretch.first) : pd.Timestamp(stretch.last)]
    cut = cut[cut[plan.column].notna()]
    return cut[plan.column].to_numpy("float64"), cut["bought"].to_numpy("bool"), pd.DatetimeIndex(cut.index)
