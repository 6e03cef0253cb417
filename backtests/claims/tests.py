"""The tests of claims by name; what each takes stands in its docstring."""

from __future__ import annotations

from backtests.claims import conditional, events, levels, purchases, relations
from backtests.claims.evidence import Test

_ALL: tuple[Test, ...] = (
    levels.level_on_date,
    levels.values_on_dates,
    levels.return_over,
    levels.pair_return,
    levels.record_between,
    levels.new_high,
    levels.level_crossed_count,
    levels.first_passage,
    levels.rsi_on_date,
    levels.drawdown_between,
    levels.monotone,
    levels.sum_between,
    levels.annualised_from_trade,
    levels.contribution_compare,
    levels.weight_of,
    relations.correlation_levels,
    relations.correlation_changes,
    relations.predictive_correlation,
    relations.lead_lag,
    relations.slope,
    relations.volatility_ratio,
    relations.realised_volatility,
    relations.variance_ratio,
    relations.asymmetry,
    conditional.conditional_mean,
    conditional.episode_mean,
    conditional.conditional_probability,
    conditional.share_of_days,
    conditional.band_monotone,
    purchases.quantile_probability,
    purchases.purchase_runs,
    purchases.near_mean,
    events.event_pair,
    events.event_mean,
    events.event_drift,
    events.event_count_per_year,
)

#: Name -> test.
TESTS: dict[str, Test] = {test.__name__: test for test in _ALL}
