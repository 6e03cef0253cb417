"""The cases of the truth check: each test that gives a p or an interval, with a null and a planted effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from tests import worlds as w
from tests.worlds import Case, World

PAIR = {"a": "a", "b": "b", "freq": "D", "direction": "above"}
VI = {"series": "nikkei_vi", "kind": "level", "op": "above"}
JUMP = {"series": "nikkei_vi", "kind": "return", "window": 5, "op": "above", "at": 0.5}
MARK = {"series": "mark", "kind": "level", "op": "above", "at": 0.5}
AFTER: Mapping[str, Any] = {"target": "n225", "target_kind": "return", "direction": "above"}
SPLITS: Mapping[str, Any] = {"events": ["split"], "anchor": "effective", "long": "n225", "short": "topix"}
MONTHS = ("1990-03-31", "1999-02-28", "2007-06-30", "2021-08-31")


def vol_ahead(share: float) -> Callable[[np.random.Generator], World]:
    """Return a maker of a slow series a and a series b whose wildness is a's, or has nothing to do with it."""

    def build(rng: np.random.Generator) -> World:
        n = 1_000
        a, own = w.ar(0.3 * rng.standard_normal(n), 0.95), w.ar(0.3 * rng.standard_normal(n), 0.95)
        moves = 0.01 * np.exp(0.6 * (share * a + (1 - share) * own)) * rng.standard_normal(n)
        dates = w.DATES[:n]
        return {
            "a": pd.DataFrame({"close": a}, dates),
            "b": pd.DataFrame({"close": 100 * np.exp(np.cumsum(moves))}, dates),
        }

    return build


def leading(weight: float) -> Callable[[np.random.Generator, int], tuple[w.Floats, w.Floats]]:
    """Return a maker of two series that move together at once; a leads b by a row with that weight."""

    def make(rng: np.random.Generator, n: int) -> tuple[w.Floats, w.Floats]:
        x, y = rng.standard_normal((2, n))
        spread = 0.01 * w.wild(rng, n)
        a, b = spread * x, spread * (0.5 * x + 0.8 * y)
        b[1:] += weight * a[:-1]
        return 100 * np.exp(np.cumsum(a)), 100 * np.exp(np.cumsum(b))

    return make


def near(planted: bool) -> Callable[[np.random.Generator], World]:
    """Return a maker of 40 years of month ends that on four dates stand at their mean of 24 months, or anywhere."""

    def build(rng: np.random.Generator) -> World:
        ends = pd.date_range("1985-01-31", periods=480, freq="ME")
        closes = pd.Series(20_000 * np.exp(np.cumsum(0.055 * rng.standard_normal(480))), ends)
        if planted:
            closes.loc[list(MONTHS)] = 1.002 * closes.rolling(24).mean().shift(1).loc[list(MONTHS)]
        return {"n225": pd.DataFrame({"close": closes})}

    return build


def dated(effect: float) -> Callable[[np.random.Generator], World]:
    """Return a maker of a market that moves by `effect` more on the sessions of `DAYS`."""

    def build(rng: np.random.Generator) -> World:
        market = w.Market(1_500, rng)
        market.n225[market.dates.searchsorted(pd.DatetimeIndex(DAYS))] += effect
        return market.world()

    return build


DAYS = [str(day.date()) for day in w.DATES[list(range(60, 1_450, 93))]]

CASES: dict[str, Case] = {
    "levels": Case(
        "correlation_levels", PAIR, w.two(160, w.walks(0)), w.two(160, w.walks(0.3)), "level + 30 % noise, 160 months"
    ),
    "changes": Case(
        "correlation_changes", PAIR, w.two(500, w.tied(0)), w.two(500, w.tied(0.3)), "correlation 0.3, 500 days"
    ),
    "changes, lag": Case(
        "correlation_changes",
        {**PAIR, "lag": 1},
        w.two(500, w.tied(0)),
        w.two(500, w.tied(0.3, lag=1)),
        "correlation 0.3 at lag 1, 500 days",
    ),
    "changes, monthly": Case(
        "correlation_changes",
        {**PAIR, "freq": "M"},
        w.two(2_400, w.tied(0)),
        w.two(2_400, w.tied(0.4)),
        "correlation 0.4, 115 months",
    ),
    "changes against 0.5": Case(
        "correlation_changes",
        {**PAIR, "threshold": 0.5},
        w.two(750, w.tied(0.5)),
        w.two(750, w.tied(0.7)),
        "correlation 0.7 against 0.5, 750 days",
        truth=0.5,
    ),
    "predictive": Case(
        "predictive_correlation",
        {"a": "a", "b": "b", "b_kind": "return", "horizon": 20, "direction": "above"},
        w.foreseen(1_000, 0.0),
        w.foreseen(1_000, 0.003),
        "drift of 30 bp a day per spread of the level, 1,000 days",
    ),
    "predictive, volatility": Case(
        "predictive_correlation",
        {"a": "a", "b": "b", "b_kind": "realised_vol", "horizon": 20, "direction": "above"},
        vol_ahead(0.0),
        vol_ahead(1.0),
        "the level is the log of the volatility to come, 1,000 days",
    ),
    "lead": Case(
        "lead_lag",
        {**PAIR, "max_lag": 5},
        w.two(750, leading(0.0)),
        w.two(750, leading(0.5)),
        "0.5 of a's move a day later, 750 days",
    ),
    "slope": Case("slope", PAIR, w.two(500, w.tied(0)), w.two(500, w.tied(0, slope=0.3)), "slope 0.3, 500 days"),
    "slope against 1": Case(
        "slope",
        {**PAIR, "threshold": 1.0},
        w.two(500, w.tied(0, slope=1.0)),
        w.two(500, w.tied(0, slope=1.3)),
        "slope 1.3 against 1, 500 days",
        truth=1.0,
    ),
    "slope, regime": Case(
        "slope",
        {**PAIR, "regime": [{"series": "b", "kind": "level", "op": "above", "at": 98.0}]},
        w.two(1_000, w.tied(0)),
        w.two(1_000, w.tied(0, slope=0.4)),
        "slope 0.4 while b stands above 98, 1,000 days",
    ),
    "volatility ratio": Case(
        "volatility_ratio",
        PAIR,
        w.two(1_000, w.spreads(1)),
        w.two(1_000, w.spreads(1.15)),
        "ratio 1.15, 1,000 days",
        1.0,
    ),
    "variance ratio": Case(
        "variance_ratio",
        {"series": "a", "horizon": 5, "direction": "above"},
        w.one(1_000),
        w.one(1_000, memory=0.2),
        "autocorrelation 0.2, 1,000 days",
        1.0,
    ),
    "asymmetry": Case(
        "asymmetry",
        {"series": "a", "horizon": 1, "direction": "above"},
        w.one(1_000),
        w.one(1_000, falls=1.3),
        "falls 1.3 times rises, 1,000 days",
        1.0,
    ),
    "day after a high VI": Case(
        "conditional_mean",
        {**AFTER, "horizon": 1, "conditions": [{**VI, "at": 20.0}]},
        w.after_vi(750, 20.0, 0),
        w.after_vi(750, 20.0, 0.006),
        "60 bp a day above VI 20, 750 days",
    ),
    "20 days after a high VI": Case(
        "conditional_mean",
        {**AFTER, "horizon": 20, "conditions": [{**VI, "at": 20.0}]},
        w.after_vi(1_500, 20.0, 0),
        w.after_vi(1_500, 20.0, 0.006),
        "60 bp a day after a row above VI 20, 1,500 days",
    ),
    "20 days in a regime": Case(
        "conditional_mean",
        {**AFTER, "horizon": 20, "conditions": [{"series": "usdjpy", "kind": "level", "op": "below", "at": 130.0}]},
        w.below_level(1_500, 0),
        w.below_level(1_500, 0.003),
        "30 bp a day while the dollar is below 130, 1,500 days",
    ),
    "days against zero": Case(
        "conditional_mean",
        {**AFTER, "horizon": 1, "against": "zero", "conditions": [{**VI, "at": 20.0}]},
        w.after_vi(750, 20.0, 0),
        w.after_vi(750, 20.0, 0.006),
        "60 bp a day above VI 20, 750 days",
    ),
    "20 days against zero": Case(
        "conditional_mean",
        {**AFTER, "horizon": 20, "against": "zero", "conditions": [{**VI, "at": 20.0}]},
        w.after_vi(1_500, 20.0, 0),
        w.after_vi(1_500, 20.0, 0.006),
        "60 bp a day after a row above VI 20, 1,500 days",
    ),
    "episodes": Case(
        "episode_mean",
        {**AFTER, "horizon": 10, "conditions": [JUMP]},
        w.after_vi(1_500, 0.5, 0, 10, 5),
        w.after_vi(1_500, 0.5, 0.005, 10, 5),
        "50 bp a day for 10 days after a VI jump, 1,500 days",
    ),
    "episodes against zero": Case(
        "episode_mean",
        {**AFTER, "horizon": 10, "against": "zero", "conditions": [JUMP]},
        w.after_vi(1_500, 0.5, 0, 10, 5),
        w.after_vi(1_500, 0.5, 0.005, 10, 5),
        "50 bp a day for 10 days after a VI jump, 1,500 days",
    ),
    "chance by crossing": Case(
        "conditional_probability",
        {
            "event": {"series": "n225", "kind": "positive", "horizon": 5},
            "conditions": [MARK],
            "by": "cross",
            "direction": "above",
            "threshold": 0.5,
        },
        w.chances(750, 0.5),
        w.chances(750, 0.85),
        "chance 0.85 against 0.5, 25 crossings",
        0.5,
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
        0.5,
    ),
    "bands": Case(
        "band_monotone",
        {**AFTER, "horizon": 5, "condition": "nikkei_vi", "edges": [15.0, 22.0]},
        w.bands(1_500, 0),
        w.bands(1_500, 0.006),
        "drift rises by 60 bp a day from band to band, 1,500 days",
    ),
    "purchases go on": Case(
        "purchase_runs",
        {"proxy": "topix_overnight", "direction": "above"},
        w.purchases(1_000, 0.4, 0.4),
        w.purchases(1_000, 0.55, 0.25),
        "chance 0.55 after a fall, 0.25 after a rise, 1,000 days",
    ),
    "purchases by quantile": Case(
        "quantile_probability",
        {"proxy": "topix_overnight", "side": "below", "quantile": 0.1, "value": 0.9, "tolerance": 0.1},
        w.purchases(1_000, 0.4, 0.4),
        w.purchases(1_000, 0.9, 0.1),
        "chance 0.9 after a fall, 1,000 days",
        0.4,
        tested=False,
    ),
    "near its mean": Case(
        "near_mean",
        {"series": "n225", "freq": "M", "window": 24, "dates": list(MONTHS), "tolerance": 0.05, "direction": "below"},
        near(False),
        near(True),
        "within 0.2 % of the mean on four dates",
    ),
    "splits": Case(
        "event_pair",
        {**SPLITS, "before": 1, "after": 0, "direction": "below"},
        w.events(1_500, 0),
        w.events(1_500, -0.004),
        "-40 bp on 17 days, six of them ex-dividend days that lose 30 bp anyway",
    ),
    "splits, dividends removed": Case(
        "event_pair",
        {**SPLITS, "before": 1, "after": 0, "direction": "below", "remove_dividends": True},
        w.events(1_500, 0),
        w.events(1_500, -0.004),
        "the same",
    ),
    "five sessions": Case(
        "event_pair",
        {**SPLITS, "before": 1, "after": 4, "direction": "below"},
        w.events(1_500, 0),
        w.events(1_500, -0.009),
        "-90 bp on the day, five sessions counted",
    ),
    "drift": Case(
        "event_drift",
        {**SPLITS, "direction": "below"},
        w.events(1_500, 0),
        w.events(1_500, -0.001, sessions_long=20),
        "-10 bp a session from announcement to the day before, 17 windows",
    ),
    "dates": Case(
        "event_mean",
        {"series": "n225", "dates": DAYS, "before": 1, "after": 1, "direction": "above"},
        dated(0.0),
        dated(0.016),
        "160 bp on 15 dates, three sessions counted, 1,500 days",
    ),
    "volatility": Case(
        "realised_volatility",
        {"series": "a", "value": 0.2, "tolerance": 0.02},
        w.one(1_500),
        w.one(1_500, falls=1.3),
        "none: only the interval is counted",
        0.01 * 245**0.5 * float(np.exp(-0.2 + 0.25 * 0.09 / (1 - 0.95**2))),
        tested=False,
    ),
}
