"""For every claim that is tested with numbers: a small world in which it is true, and one in which it is false.

Built from the claim's own parameters, by the kind of its test. `sign` is +1 for the true world and -1 for the false
one. Nothing here reads a result of the tests: what is true is true by construction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from backtests.claims.catalogue import Claim
from backtests.claims.gather import fact_tables
from tests import opposite_relations as relations
from tests import opposite_states as states
from tests.opposite_series import Params, World

#: Claims whose own dates are fewer than they ask for: no world can settle them.
TOO_FEW = {"S002-02"}


def opposites(claim: Claim) -> list[tuple[Claim, World]]:
    """Return the claim in a world where it holds, and in one where it does not.

    A claim of pure arithmetic has no world; its numbers are changed instead.
    """
    if claim.test in _ARITHMETIC:
        return [(replace(claim, params={**claim.params, **p}), fact_tables()) for p in _ARITHMETIC[claim.test]]
    found = []
    for sign in (1, -1):
        made = _MAKERS[claim.test](claim, sign, np.random.default_rng(claim.draw))
        blank = {name: pd.DataFrame({"close": [1.0]}, pd.DatetimeIndex(["2020-01-06"])) for name in claim.inputs}
        found.append((claim, {**fact_tables(), **blank, **made}))
    return found


#: Parameters that make arithmetic come out true, and false.
_ARITHMETIC: dict[str, tuple[Params, Params]] = {
    "contribution_compare": (
        {"a": {"w": 0.2, "move": 0.01}, "b": {"w": 0.01, "move": 0.03}},
        {"a": {"w": 0.01, "move": 0.01}, "b": {"w": 0.2, "move": 0.03}},
    ),
    "annualised_from_trade": ({"trades_low": 28, "trades_high": 29}, {"trades_low": 1, "trades_high": 2}),
}


_MAKERS: dict[str, Callable[[Claim, int, np.random.Generator], World]] = {
    "level_on_date": relations.level_on_date,
    "values_on_dates": relations.values_on_dates,
    "return_over": relations.return_over,
    "pair_return": relations.pair_return,
    "record_between": relations.record_between,
    "new_high": relations.new_high,
    "level_crossed_count": relations.level_crossed_count,
    "first_passage": relations.first_passage,
    "rsi_on_date": relations.rsi_on_date,
    "sum_between": relations.sum_between,
    "correlation_changes": relations.correlation_changes,
    "correlation_levels": relations.correlation_levels,
    "lead_lag": relations.lead_lag,
    "slope": relations.slope,
    "volatility_ratio": relations.volatility_ratio,
    "realised_volatility": relations.realised_volatility,
    "variance_ratio": relations.variance_ratio,
    "asymmetry": relations.asymmetry,
    "predictive_correlation": relations.predictive_correlation,
    "conditional_mean": states.conditional_mean,
    "episode_mean": states.episode_mean,
    "conditional_probability": states.conditional_probability,
    "band_monotone": states.band_monotone,
    "share_of_days": states.share_of_days,
    "quantile_probability": states.quantile_probability,
    "purchase_runs": states.purchase_runs,
    "near_mean": states.near_mean,
    "event_pair": states.event_pair,
    "event_drift": states.event_drift,
    "event_mean": states.event_mean,
    "event_count_per_year": states.event_count,
}
