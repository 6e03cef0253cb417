"""The answer about the Bank as plain JSON values: when, what, how much, with what effect, and what it holds."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from indexsim.boj import deciles
from indexsim.boj.days import LUNCH, MORNING, OVERNIGHT, days
from indexsim.boj.effect import EFFECTS, TRILLION, VALUE_DAY, Effect, market_value, remaining, scale_series
from indexsim.boj.facts import ERAS, SALES, Allocation, Cap, allocations, caps
from indexsim.boj.holdings import book, look_through
from indexsim.boj.judgement import SAMPLE, judge
from indexsim.boj.model import era_of
from indexsim.boj.when import ON_LUNCH, ON_MORNING, ON_OVERNIGHT, TWO_PERCENT_RULE, Fitted, Judged, Plan, fitted
from indexsim.errors import MissingData
from indexsim.market import MarketData

Answer = dict[str, Any]

#: Stocks named in the look-through.
TOP = 10
#: Overnight returns below which the days of the "2 % rule" are counted, fractions.
THRESHOLDS = (-0.005, -0.010, -0.015, -0.020)
_DIGITS = 6
_NO_DAYS = "no day with a return"
_OF = {
    OVERNIGHT: "TOPIX open / close of the session before - 1",
    LUNCH: "TOPIX morning close / close of the session before - 1",
    MORNING: "APPROXIMATE: Nikkei from the close before to noon, from a CFD (n225_morning_approx)",
}


def answer(market: MarketData) -> Answer:
    """Return what a market says about the Bank's purchases of funds.

    Parameters
    ----------
    market : MarketData
        With ``boj_etf_purchases``; topix, n225, halves, n225_morning_approx and constituents are used where they are
        there, and named in ``missing`` where not.

    Returns
    -------
    dict
        Plain JSON values. ``purchases`` (totals); ``when`` by ``overnight``, ``lunch`` and ``morning`` (deciles, eras,
        model, scores, the judgement of S002); ``what`` (allocation by date); ``how_much`` (caps, years,
        sales); ``effect`` (three estimates); ``holdings``; ``missing``. Yen, fractions, nats.

    Raises
    ------
    MissingData
        There are no purchases.
    """
    frame = days(market)
    when = {plan.column: _when(frame, plan) for plan in (ON_OVERNIGHT, ON_LUNCH, ON_MORNING)}
    effect, holdings = _effect(market), _holdings(market)
    said = [f"{name}: {part['why']}" for name, part in when.items() if "why" in part]
    said += [*effect.pop("missing"), *holdings.pop("missing")]
    return {
        "purchases": _totals(frame),
        "when": when,
        "what": [_allocation(each) for each in allocations()],
        "how_much": {"caps": [_cap(each) for each in caps()], "by_year": _years(frame), "sales": _sales()},
        "effect": effect,
        "holdings": holdings,
        "missing": said,
    }


def _totals(frame: pd.DataFrame) -> Answer:
    return {
        "from": f"{frame.index[0]:%Y-%m-%d}",
        "to": f"{frame.index[-1]:%Y-%m-%d}",
        "sessions": len(frame),
        "days": int(frame["bought"].sum()),
        "yen": round(float(frame["yen"].sum())),
        "supportive_yen": round(float(frame["supportive"].sum())),
    }


def _when(frame: pd.DataFrame, plan: Plan) -> Answer:
    sample = frame.loc[pd.Timestamp(SAMPLE.first) : pd.Timestamp(SAMPLE.last)]
    sample = sample[sample[plan.column].notna()]
    head: Answer = {"of": _OF[plan.column], "sample": [SAMPLE.first.isoformat(), SAMPLE.last.isoformat()]}
    if sample.empty:
        return {**head, "n": 0, "why": f"{_NO_DAYS} ({plan.column}) from {SAMPLE.first} to {SAMPLE.last}"}
    returns, bought = sample[plan.column].to_numpy("float64"), sample["bought"].to_numpy("bool")
    inner = deciles.edges(returns)
    found = fitted(frame, plan)
    return {
        **head,
        "n": len(sample),
        "deciles": _deciles(deciles.by_decile(returns, bought)),
        "by_era": _eras(sample, plan.column, inner),
        "judgement": judge(returns, bought, plan.column),
        **({"model": _model(found)} if found else {"model": None, "model_why": _why_no_model(plan)}),
        **({"two_percent_rule": _two_percent(frame)} if plan.column == OVERNIGHT else {}),
    }


def _why_no_model(plan: Plan) -> str:
    return f"no days both with and without purchases from {plan.fitted.first} to {plan.fitted.last}"


def _deciles(table: pd.DataFrame) -> list[Answer]:
    columns = [table[name].tolist() for name in ("above", "to", "n", "bought", "p")]
    return [
        {"decile": number, "above": _number(above), "to": _number(to), "n": n, "bought": bought, **_p(p)}
        for number, above, to, n, bought, p in zip(table.index.tolist(), *columns, strict=True)
    ]


def _eras(sample: pd.DataFrame, column: str, inner: deciles.Floats) -> list[Answer]:
    own = np.array(era_of(pd.DatetimeIndex(sample.index)))
    rows = []
    for since, name in ERAS.steps:
        part = sample[own == name]
        if part.empty:
            continue
        values, bought = part[column].to_numpy("float64"), part["bought"].to_numpy("bool")
        rows.append({
            "era": name,
            "from": since.isoformat() if since else None,
            **({} if since else {"from_why": "from the first purchase"}),
            "n": len(part),
            **_p(float(bought.mean())),
            "deciles": _deciles(deciles.by_decile(values, bought, inner)),
        })  # fmt: skip
    return rows


def _model(found: Fitted) -> Answer:
    return {
        "rule": "P = 1 / (1 + exp(-(intercept of the era + slope x return in percent)))",
        "slope": _number(found.model.slope),
        "intercepts": [
            {"era": e, "log_odds": _number(v)} for e, v in zip(found.model.eras, found.model.intercepts, strict=True)
        ],
        "judged": [_judged(each) for each in found.judged],
    }


def _judged(part: Judged) -> Answer:
    scores = [
        {
            "name": score.name,
            "log_loss": _number(score.log_loss),
            "calibration_gap": _number(score.gap),
            "calibration": [
                {"n": b.n, "predicted": _number(b.predicted), "observed": _number(b.observed)} for b in score.bins
            ],
        }
        for score in part.scores
    ]
    stretch = part.stretch
    head = {"stretch": stretch.name, "from": stretch.first.isoformat(), "to": stretch.last.isoformat()}
    return {**head, "n": part.n, "bought": part.bought, "best": part.best, "scores": scores}


def _two_percent(frame: pd.DataFrame) -> Answer:
    part = frame.loc[pd.Timestamp(TWO_PERCENT_RULE) :].dropna(subset=[OVERNIGHT])
    below = []
    for threshold in THRESHOLDS:
        hit = part[part[OVERNIGHT] < threshold]
        below.append({"below": threshold, "n": len(hit), "bought": int(hit["bought"].sum()), **_p(_mean(hit))})
    return {"from": TWO_PERCENT_RULE.isoformat(), "n": len(part), "bought": int(part["bought"].sum()), "by": below}


def _mean(frame: pd.DataFrame) -> float:
    return float(frame["bought"].mean()) if len(frame) else float("nan")


def _allocation(each: Allocation) -> Answer:
    return {
        "decided": each.decided.isoformat() if each.decided else None,
        **({} if each.decided else {"decided_why": "not known"}),
        "effective": each.effective.isoformat(),
        "shares": {index: _number(share) for index, share in each.shares.items()},
        "net_of_bank": each.net_of_bank,
        "confidence": each.confidence,
        "source": each.source,
    }


def _cap(each: Cap) -> Answer:
    dates = {name: getattr(each, name) for name in ("decided", "effective")}
    why = {f"{name}_why": "not known" for name, day in dates.items() if day is None}
    return {
        **{name: day.isoformat() if day else None for name, day in dates.items()},
        **why,
        "kind": each.kind,
        "trillion_yen": each.trillion_yen,
        **({} if each.trillion_yen is not None else {"trillion_yen_why": "no amount"}),
        "what": each.what,
        "confidence": each.confidence,
        "source": each.source,
    }


def _years(frame: pd.DataFrame) -> list[Answer]:
    rows = []
    for year, part in frame.groupby(pd.DatetimeIndex(frame.index).year):
        sums = {"yen": round(float(part["yen"].sum())), "supportive_yen": round(float(part["supportive"].sum()))}
        rows.append({"year": int(year), "sessions": len(part), "days": int(part["bought"].sum()), **sums})
    return rows


def _sales() -> Answer:
    return {
        "decided": SALES.decided.isoformat(),
        "first": SALES.begun,
        "book_yen_a_year": round(SALES.book * TRILLION),
        "market_yen_a_year": round(SALES.market * TRILLION),
        "years_to_sell_all": round(SALES.years, 1),
    }


def _effect(market: MarketData) -> Answer:
    """Return the three estimates with the lift of all purchases that the market's sessions hold."""
    head: Answer = {"estimates": []}
    try:
        series, value = scale_series(market), market_value(market)
    except MissingData as error:
        head["estimates"] = [_estimate(each) for each in EFFECTS.values()]
        return {**head, "missing": [f"effect: {error.found}, so that no lift is computed"]}
    first, last = value.index[0], market.table(series).index[-1]
    for each in EFFECTS.values():
        lift = {
            name: _number(1.0 / float(remaining(market, each, first, size).loc[:last].iloc[-1]) - 1.0)
            for name, size in (("lift", each.size), ("lift_low", each.low), ("lift_high", each.high))
        }
        head["estimates"].append({**_estimate(each), **lift})
    value_known = f"{VALUE_DAY} scaled by {series}"
    said = [] if series == "topix" else ["effect: no topix, so the value of the market is scaled by n225"]
    return {**head, "from": f"{first:%Y-%m-%d}", "to": f"{last:%Y-%m-%d}", "market_value": value_known, "missing": said}


def _estimate(each: Effect) -> Answer:
    return {"name": each.name, "meaning": each.meaning, "low": each.low, "high": each.high, "source": each.source}


def _holdings(market: MarketData) -> Answer:
    try:
        owned, through = book(market), look_through(market)
    except MissingData as error:
        return {"parts": [], "parts_why": error.found, "missing": [f"holdings: {error.found}"]}
    parts = [
        {"part": part, "cost_yen": round(cost), **_yen(owned.value[part])} for part, cost in owned.cost.items() if cost
    ]
    stocks = [
        {"code": str(code), "yen": round(float(row["yen"])), **_share(float(row["share"]))}
        for code, row in through.stocks.head(TOP).iterrows()
    ]
    return {
        "day": owned.day.isoformat(),
        "cost_yen": sum(part["cost_yen"] for part in parts),
        "parts": parts,
        "stocks_day": _day(through.day),
        "stocks": stocks,
        "unassigned_yen": {part: round(value) for part, value in through.unassigned.items()},
        "missing": [f"holdings: {text}" for text in _once((*owned.missing, *through.missing))],
    }


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _yen(value: float) -> Answer:
    return {"value_yen": None, "why": "no level of its index"} if math.isnan(value) else {"value_yen": round(value)}


def _share(share: float) -> Answer:
    return {"share": None, "why": "listed shares not known"} if math.isnan(share) else {"share": _number(share)}


def _p(p: float) -> Answer:
    return {"p": None, "why": _NO_DAYS} if math.isnan(p) else {"p": _number(p)}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), _DIGITS)
