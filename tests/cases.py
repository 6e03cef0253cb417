"""The cases of the truth check: each test that gives a p or an interval, with a null and a planted effect.

Here those of two series, or one and its past; `tests.cases_states` has the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backtests.claims.measure import is_size
from tests import cases_states
from tests import worlds as w
from tests.worlds import Case

PAIR = {"a": "a", "b": "b", "freq": "D", "direction": "above"}
ANNUAL = 0.01 * 245**0.5 * w.MEAN_SPREAD

#: Tests that compare with a stated value: they give no p and no interval, and a null world has nothing to show.
EXACT = (
    "values_on_dates",
    "level_on_date",
    "return_over",
    "pair_return",
    "record_between",
    "new_high",
    "level_crossed_count",
    "first_passage",
    "rsi_on_date",
    "sum_between",
    "annualised_from_trade",
    "contribution_compare",
    "event_count_per_year",
)


def setting(test: str, params: Mapping[str, Any]) -> dict[str, object]:
    """Return what decides how a test reckons; a claim and its case agree in it."""
    horizon, freq = int(params.get("horizon", 1)), str(params.get("freq", "D"))
    event: Mapping[str, Any] = params.get("event", {}) if test == "conditional_probability" else {}
    return {
        "test": test,
        "daily": freq == "D",
        "lagged": int(params.get("lag", 0)) > 0,
        "rows ahead": min(horizon, 2),
        "against zero": params.get("against") == "zero",
        "against a number": not is_size(params) and params.get("threshold", 0) != 0,
        "of what": params.get("target_kind", params.get("b_kind", event.get("kind", "return"))),
        "by": params.get("by"),
        "among": "within" in params,
        "regime": "regime" in params,
        "side": params.get("side"),
        "as booked": test == "event_pair" and is_size(params),
        "dividends removed": bool(params.get("remove_dividends")),
    }


_RELATIONS: dict[str, Case] = {
    "levels": Case(
        "correlation_levels",
        {**PAIR, "freq": "M"},
        w.two(160, w.walks(0), w.MONTHS),
        w.two(160, w.walks(0.3), w.MONTHS),
        "level + 30 % noise, 160 months",
        "S000-19",
    ),
    "changes": Case(
        "correlation_changes",
        PAIR,
        w.two(500, w.tied(0)),
        w.two(500, w.tied(0.3)),
        "correlation 0.3, 500 days",
        "S001-16",
    ),
    "changes, weekly": Case(
        "correlation_changes",
        {**PAIR, "freq": "W"},
        w.two(1_000, w.tied(0)),
        w.two(1_000, w.tied(0.35)),
        "correlation 0.35, 205 weeks",
        "S000-26 S000-28 S001-04 S001-40 S001-50 S003-23 S003-25",
    ),
    "changes, monthly": Case(
        "correlation_changes",
        {**PAIR, "freq": "M"},
        w.two(2_400, w.tied(0)),
        w.two(2_400, w.tied(0.45)),
        "correlation 0.45, 115 months",
        "S000-20 S001-83 S003-22",
    ),
    "changes, lag": Case(
        "correlation_changes",
        {**PAIR, "lag": 1},
        w.two(500, w.tied(0)),
        w.two(500, w.tied(0.3, lag=1)),
        "correlation 0.3 at lag 1, 500 days",
        "S003-21",
    ),
    "changes, a month's lag": Case(
        "correlation_changes",
        {**PAIR, "freq": "M", "lag": 1},
        w.two(400, w.tied(0), w.MONTHS),
        w.two(400, w.tied(0.3, lag=1), w.MONTHS),
        "correlation 0.3 at lag 1, 400 months",
        "S003-26",
    ),
    "changes against 0.5": Case(
        "correlation_changes",
        {**PAIR, "threshold": 0.5},
        w.two(750, w.tied(0.5)),
        w.two(750, w.tied(0.7)),
        "correlation 0.7 against 0.5, 750 days",
        "S001-47",
        truth=0.5,
    ),
    "changes against 0.5, weekly": Case(
        "correlation_changes",
        {**PAIR, "freq": "W", "threshold": 0.5},
        w.two(2_400, w.tied(0.5)),
        w.two(2_400, w.tied(0.7)),
        "correlation 0.7 against 0.5, 500 weeks",
        "S001-86",
        truth=0.5,
    ),
    "predictive": Case(
        "predictive_correlation",
        {"a": "a", "b": "b", "b_kind": "return", "horizon": 20, "direction": "above"},
        w.foreseen(1_000, 0.0),
        w.foreseen(1_000, 0.003),
        "drift of 30 bp a day per spread of the level, 1,000 days",
        "S001-71",
    ),
    "predictive, volatility": Case(
        "predictive_correlation",
        {"a": "a", "b": "b", "b_kind": "realised_vol", "horizon": 20, "direction": "above"},
        w.vol_ahead(0.0),
        w.vol_ahead(1.0),
        "the level is the log of the volatility to come, 1,000 days",
        "S001-70",
    ),
    "lead": Case(
        "lead_lag",
        {**PAIR, "max_lag": 5},
        w.two(750, w.leading(0.0)),
        w.two(750, w.leading(0.5)),
        "0.5 of a's move a day later, 750 days",
        "S001-37 S001-78",
    ),
    "lead, monthly": Case(
        "lead_lag",
        {**PAIR, "freq": "M", "max_lag": 6},
        w.two(324, w.leading(0.0), w.MONTHS),
        w.two(324, w.leading(0.9), w.MONTHS),
        "0.9 of a's move a month later, 324 months",
        "S000-21 S000-22",
    ),
    "slope": Case(
        "slope",
        {**PAIR, "freq": "W"},
        w.two(1_000, w.tied(0)),
        w.two(1_000, w.tied(0, slope=0.4)),
        "slope 0.4, 205 weeks",
        "S001-39 S003-24",
    ),
    "slope against 1": Case(
        "slope",
        {**PAIR, "threshold": 1.0},
        w.two(500, w.tied(0, slope=1.0)),
        w.two(500, w.tied(0, slope=1.3)),
        "slope 1.3 against 1, 500 days",
        "S001-36",
        truth=1.0,
    ),
    "slope, regime": Case(
        "slope",
        {**PAIR, "regime": [{"series": "b", "kind": "level", "op": "above", "at": 98.0}]},
        w.two(1_000, w.tied(0)),
        w.two(1_000, w.tied(0, slope=0.4)),
        "slope 0.4 while b stands above 98, 1,000 days",
        "",
    ),
    "volatility ratio": Case(
        "volatility_ratio",
        {**PAIR, "threshold": 1.0},
        w.two(1_000, w.spreads(1)),
        w.two(1_000, w.spreads(1.15)),
        "ratio 1.15, 1,000 days",
        "S001-33",
        truth=1.0,
    ),
    "volatility ratio, weekly": Case(
        "volatility_ratio",
        {**PAIR, "freq": "W", "threshold": 1.0},
        w.two(2_400, w.spreads(1)),
        w.two(2_400, w.spreads(1.2)),
        "ratio 1.2, 500 weeks",
        "S001-49 S003-27 S003-28",
        truth=1.0,
    ),
    "variance ratio": Case(
        "variance_ratio",
        {"series": "a", "horizon": 20, "direction": "above", "threshold": 1.0},
        w.one(2_400),
        w.one(2_400, memory=0.3),
        "autocorrelation 0.3, 2,400 days",
        "S001-38",
        truth=1.0,
    ),
    "asymmetry": Case(
        "asymmetry",
        {"series": "a", "horizon": 5, "direction": "above", "threshold": 1.0},
        w.one(2_400),
        w.one(2_400, falls=1.4),
        "falls 1.4 times rises, 2,400 days",
        "S001-46",
        truth=1.0,
    ),
    "share of days": Case(
        "share_of_days",
        {
            "conditions": [{"series": "a", "kind": "level", "op": "above", "at": 0.0}],
            "direction": "above",
            "threshold": 0.5,
        },
        w.slow_share(1_500, 0.0),
        w.slow_share(1_500, 0.8),
        "a slow series above its bound on 80 % of 1,500 days, against 50 %",
        "S001-42 S003-29",
        truth=0.5,
    ),
    "volatility": Case(
        "realised_volatility",
        {"series": "a", "value": 0.2, "tolerance": 0.02},
        w.one(1_500),
        w.one(1_500, falls=1.3),
        "none: only the interval is counted",
        "S001-34 S001-35",
        truth=ANNUAL,
        tested=False,
    ),
}

CASES: dict[str, Case] = _RELATIONS | cases_states.CASES
