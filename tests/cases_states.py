"""Cases of the truth check with a state: what follows a condition, the Bank's purchases, dated events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests import worlds as w
from tests import worlds_states as s
from tests.worlds import Case

VI = {"series": "nikkei_vi", "kind": "level", "op": "above", "at": 20.0}
CALM = {"series": "nikkei_vi", "kind": "level", "op": "below", "at": 20.0}
BAND = {"series": "nikkei_vi", "kind": "level", "op": "between", "at": 15.0, "to": 25.0}
JUMP = {"series": "nikkei_vi", "kind": "return", "window": 5, "op": "above", "at": 0.5}
MARK = {"series": "mark", "kind": "level", "op": "above", "at": 0.5}
YEN = {"series": "usdjpy", "kind": "level", "op": "below", "at": 130.0}
HIGH = {"series": "n225", "kind": "gap_to_max", "window": 250, "op": "above", "at": -0.01}
AFTER: Mapping[str, Any] = {"target": "n225", "target_kind": "return", "direction": "above"}
SPLITS: Mapping[str, Any] = {
    "events": ["split"], "anchor": "effective", "long": "n225", "short": "topix", "direction": "below",
}  # fmt: skip
DAY: Mapping[str, Any] = {**SPLITS, "before": 1, "after": 0}
BOUGHT: Mapping[str, Any] = {"proxy": "topix_overnight", "tolerance": 0.1}
RISES = {"series": "n225", "kind": "positive"}
FALLS = {"series": "n225", "kind": "drawdown", "size": 0.1}


def chance(threshold: float, by: str, event: Mapping[str, Any], condition: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a chance above a number."""
    return {"event": event, "conditions": [condition], "by": by, "direction": "above", "threshold": threshold}


CASES: dict[str, Case] = {
    "the same month": Case(
        "conditional_mean",
        {
            "target": "c",
            "horizon": 0,
            "freq": "M",
            "direction": "above",
            "conditions": [
                {"series": "a", "kind": "return", "window": 1, "op": "below", "at": 0.0},
                {"series": "b", "kind": "return", "window": 1, "op": "above", "at": 0.0},
            ],
        },
        w.same_rows(0.0),
        w.same_rows(0.016),
        "160 bp in the months of the conditions, 300 months",
        "S000-23 S001-84",
    ),
    "day after a high VI": Case(
        "conditional_mean",
        {**AFTER, "horizon": 1, "conditions": [VI]},
        s.after_vi(750, 20.0, 0),
        s.after_vi(750, 20.0, 0.006),
        "60 bp a day above VI 20, 750 days",
        "",
    ),
    "20 days after a high VI": Case(
        "conditional_mean",
        {**AFTER, "horizon": 20, "conditions": [VI]},
        s.after_vi(1_500, 20.0, 0),
        s.after_vi(1_500, 20.0, 0.006),
        "60 bp a day after a row above VI 20, 1,500 days",
        "S001-45",
    ),
    "60 days after a calm VI": Case(
        "conditional_mean",
        {**AFTER, "horizon": 60, "conditions": [CALM]},
        s.after_vi(2_400, 20.0, 0),
        s.after_vi(2_400, 20.0, -0.015),
        "-150 bp a day after a row above VI 20, 2,400 days",
        "S001-73",
    ),
    "20 days in a regime": Case(
        "conditional_mean",
        {**AFTER, "horizon": 20, "conditions": [YEN]},
        s.below_level(1_500, 0),
        s.below_level(1_500, 0.003),
        "30 bp a day while the dollar is below 130, 1,500 days",
        "S000-27",
    ),
    "20 days after a high": Case(
        "conditional_mean",
        {**AFTER, "horizon": 20, "direction": "below", "conditions": [HIGH]},
        s.after_high(2_400, 0.0),
        s.after_high(2_400, 0.005),
        "-50 bp a day for 20 days after a high of the year, 2,400 days",
        "S000-30",
    ),
    "a trend goes on": Case(
        "conditional_mean",
        {**AFTER, "target_kind": "trend", "window": 20, "horizon": 1, "against": "zero", "conditions": [BAND]},
        s.trending(1_500, 15.0, 25.0, 0.0),
        s.trending(1_500, 15.0, 25.0, 0.0025),
        "25 bp a day the way of the last 20 days while the VI stands in its band, 1,500 days",
        "S001-74",
    ),
    "20 days against zero": Case(
        "conditional_mean",
        {**AFTER, "horizon": 20, "against": "zero", "conditions": [VI]},
        s.after_vi(1_500, 20.0, 0),
        s.after_vi(1_500, 20.0, 0.006),
        "60 bp a day after a row above VI 20, 1,500 days",
        "",
    ),
    "calm after purchases": Case(
        "conditional_mean",
        {
            "target": "n225",
            "target_kind": "realised_vol",
            "horizon": 20,
            "direction": "below",
            "within": [{"series": "topix.overnight", "kind": "level", "op": "below", "at": -0.001}],
            "conditions": [{"series": "boj_etf_purchases.index_etf", "kind": "level", "op": "above", "at": 0.0}],
        },
        s.quiet_purchases(2_000, 0.0),
        s.quiet_purchases(2_000, 0.4),
        "chance of a purchase 0.9 in the calmer half of the days, 0.1 in the wilder, 2,000 days",
        "S002-40",
    ),
    "episodes": Case(
        "episode_mean",
        {**AFTER, "horizon": 10, "conditions": [JUMP]},
        s.after_vi(1_500, 0.5, 0, 10, 5),
        s.after_vi(1_500, 0.5, 0.005, 10, 5),
        "50 bp a day for 10 days after a VI jump, 1,500 days",
        "S001-79",
    ),
    "episodes against zero": Case(
        "episode_mean",
        {**AFTER, "horizon": 10, "against": "zero", "conditions": [JUMP]},
        s.after_vi(1_500, 0.5, 0, 10, 5),
        s.after_vi(1_500, 0.5, 0.005, 10, 5),
        "50 bp a day for 10 days after a VI jump, 1,500 days",
        "S001-75 S001-77",
    ),
    "episodes, falls": Case(
        "episode_mean",
        {**AFTER, "target_kind": "max_drawdown", "horizon": 10, "direction": "below", "conditions": [JUMP]},
        s.after_vi(1_500, 0.5, 0, 10, 5, own=True),
        s.after_vi(1_500, 0.5, -0.005, 10, 5, own=True),
        "-50 bp a day for 10 days after a jump of a VI apart from the market, 1,500 days",
        "S001-76 S001-80",
    ),
    "chance by episode": Case(
        "conditional_probability",
        chance(0.5, "episode", {**RISES, "horizon": 20}, MARK),
        s.chances(1_500, 32, 0.5, 20, held=3),
        s.chances(1_500, 32, 0.8, 20, held=3),
        "chance 0.8 against 0.5, 32 episodes",
        "S001-82",
        truth=0.5,
    ),
    "drawdown by episode": Case(
        "conditional_probability",
        chance(0.3, "episode", {**FALLS, "horizon": 20}, MARK),
        s.chances(1_500, 26, 0.3, 20, held=3, drawdown=True),
        s.chances(1_500, 26, 0.65, 20, held=3, drawdown=True),
        "chance 0.65 against 0.3 of a fall by a tenth, 26 episodes",
        "S001-44 S001-81",
        truth=0.3,
    ),
    "chance by crossing": Case(
        "conditional_probability",
        chance(0.5, "cross", {**RISES, "horizon": 5}, MARK),
        s.chances(750, 25, 0.5),
        s.chances(750, 25, 0.85),
        "chance 0.85 against 0.5, 25 crossings",
        "",
        truth=0.5,
    ),
    "chance by day": Case(
        "conditional_probability",
        chance(0.5, "day", {"series": "b", "kind": "positive", "horizon": 5}, {**MARK, "series": "a", "at": 0.0}),
        w.slow_days(2_000, 0.0),
        w.slow_days(2_000, 0.002),
        "20 bp a day after days above 0, 2,000 days",
        "",
        truth=0.5,
    ),
    "bands": Case(
        "band_monotone",
        {"target": "b", "target_kind": "realised_vol", "horizon": 20, "condition": "a", "edges": [-0.6, 0.6]}
        | {"direction": "above"},
        w.vol_ahead(0.0),
        w.vol_ahead(1.0),
        "the bands are of the log of the volatility to come, 1,000 days",
        "S001-72",
    ),
    "purchases go on": Case(
        "purchase_runs",
        {"proxy": "topix_overnight", "direction": "above"},
        s.purchases(1_000, 0.4, 0.4),
        s.purchases(1_000, 0.55, 0.25),
        "chance 0.55 after a fall, 0.25 after a rise, 1,000 days",
        "S002-18 S002-19",
    ),
    "purchases by quantile": Case(
        "quantile_probability",
        {**BOUGHT, "side": "below", "quantile": 0.1, "value": 0.9},
        s.purchases(1_000, 0.4, 0.4),
        s.purchases(1_000, 0.9, 0.1),
        "none: only the interval is counted",
        "S002-13 S002-14 S002-17",
        truth=0.4,
        tested=False,
    ),
    "purchases above the median": Case(
        "quantile_probability",
        {**BOUGHT, "side": "above", "quantile": 0.5, "value": 0.0},
        s.purchases(2_000, 0.15, 0.15),
        s.purchases(2_000, 0.4, 0.1),
        "none: only the interval is counted",
        "S002-15 S002-16",
        truth=0.15,
        tested=False,
    ),
    "near its mean": Case(
        "near_mean",
        {"series": "n225", "freq": "M", "window": 24, "dates": list(s.MONTH_DATES), "tolerance": 0.05}
        | {"direction": "below"},
        s.near(False),
        s.near(True),
        "within 0.2 % of the mean on four dates",
        "S002-01",
    ),
    "splits": Case(
        "event_pair",
        DAY,
        s.events(1_500, 0),
        s.events(1_500, -0.004),
        "-40 bp on 17 days, six of them ex-dividend days that lose 30 bp anyway",
        "S001-58 S001-63",
    ),
    "splits, dividends estimated": Case(
        "event_pair",
        {**DAY, "remove_dividends": True},
        s.events(1_500, 0),
        s.events(1_500, -0.004),
        "the same",
        "S001-59",
    ),
    "splits, dividends told": Case(
        "event_pair",
        {**DAY, "remove_dividends": True},
        s.events(1_500, 0, told=True),
        s.events(1_500, -0.004, told=True),
        "the same, and the market tells the points",
        "",
    ),
    "splits as booked": Case(
        "event_pair",
        {**DAY, "direction": "equal", "value": 0.004, "tolerance": 0.001},
        s.events(1_500, 0, loses=0.0),
        s.events(1_500, -0.004, loses=0.0),
        "none: only the interval is counted",
        "S001-62",
        tested=False,
    ),
    "five sessions": Case(
        "event_pair",
        {**SPLITS, "before": 1, "after": 4},
        s.events(1_500, 0),
        s.events(1_500, -0.009),
        "-90 bp on the day, five sessions counted",
        "S001-60",
    ),
    "drift": Case(
        "event_drift",
        SPLITS,
        s.events(1_500, 0),
        s.events(1_500, -0.001, sessions_long=20),
        "-10 bp a session from announcement to the day before, 17 windows",
        "S001-61",
    ),
    "dates": Case(
        "event_mean",
        {"series": "n225", "dates": s.DAYS, "before": 1, "after": 1, "direction": "above"},
        s.dated(0.0),
        s.dated(0.016),
        "160 bp on 15 dates, three sessions counted, 1,500 days",
        "S002-02 S002-34",
    ),
}
