"""Whose index it is: weights of names and sectors over time, concentration, and the constituents at the last close."""

from __future__ import annotations

from typing import Any

import pandas as pd

from backtests.report.plots import axis
from indexsim import answers
from indexsim.index import PriceWeightedIndex
from indexsim.market import MarketData

#: Lines of a chart at most, and dates on which weights are taken.
LINES, DATES = 6, 80
_DIGITS = 8

Part = dict[str, Any]


def names_of(market: MarketData) -> dict[str, str]:
    """Return the name of each code as ``constituents`` has it, in Japanese where it is; none where it is not known."""
    if not market.has("constituents"):
        return {}
    frame = market.table("constituents")[["code", "name"]].dropna()
    return {str(code): str(name) for code, name in zip(frame["code"], frame["name"], strict=True)}


def taken(index: PriceWeightedIndex) -> pd.DataFrame:
    """Return the weights by code at the ends of months, quarters or years, shape (dates, codes); 0 where not held."""
    days = pd.DatetimeIndex(index.closes.index)
    ends = next(e for rule in ("M", "Q", "Y") if len(e := _ends(days, rule)) <= DATES or rule == "Y")
    rows = {day: index.weights(day.date()) for day in ends}
    return pd.DataFrame(rows).T.fillna(0.0)


def _ends(days: pd.DatetimeIndex, rule: str) -> pd.DatetimeIndex:
    """Return the last session of each period."""
    return pd.DatetimeIndex(pd.Series(days, index=days).groupby(days.to_period(rule)).last())


def over_time(market: MarketData, weights: pd.DataFrame) -> Part:
    """Return the largest names and sectors and the concentration on each date.

    Returns
    -------
    dict
        ``dates``; ``largest`` and ``sectors`` {lines [{name, code, weights}], ticks}, those with the highest mean;
        ``concentration`` {top_ten, effective_number, ticks, effective_ticks}.
    """
    names, sectors = names_of(market), answers.sectors_of(market)
    grouped = pd.DataFrame({day: answers.by_sector(row, sectors) for day, row in weights.iterrows()}).T
    shares = [answers.concentration(row[row > 0]) for _, row in weights.iterrows()]
    top, effective = [round(s.top_share, _DIGITS) for s in shares], [round(s.effective_number, 4) for s in shares]
    return {
        "dates": [f"{day:%Y-%m-%d}" for day in weights.index],
        "largest": _lines(weights, names),
        "sectors": _lines(grouped, {}),
        "concentration": {
            "top_ten": top,
            "effective_number": effective,
            "ticks": axis([top], [0.0]),
            "effective_ticks": axis([effective], [0.0]),
        },
    }


def _lines(weights: pd.DataFrame, names: dict[str, str]) -> Part:
    """Return the columns with the highest mean."""
    order = weights.mean().sort_values(ascending=False, kind="stable").index[:LINES]
    shares = [[round(float(w), _DIGITS) for w in weights[code]] for code in order]
    lines = [
        {"code": str(code), "name": names.get(str(code), ""), "weights": line}
        for code, line in zip(order, shares, strict=True)
    ]
    return {"lines": lines, "ticks": axis(shares, [0.0])}


def constituents(market: MarketData, index: PriceWeightedIndex) -> Part:
    """Return the index at its last close, by sector and by name; ``held`` is the number of names."""
    day = pd.DatetimeIndex(index.closes.index)[-1].date()
    said: dict[str, Any] = answers.answer(index, day, answers.sectors_of(market))
    names, factors = names_of(market), index.regime(day).basket.factors
    held = [row for row in said["stocks"] if row["code"] in factors]
    return {
        "on": said["date"],
        "level": said["level"],
        "divisor": said["divisor"],
        "concentration": said["concentration"],
        "sectors": said["sectors"],
        "held": len(held),
        "names": [
            {
                "code": row["code"],
                "name": names.get(row["code"]),
                **({} if row["code"] in names else {"name_why": "constituents has none"}),
                "sector": row["sector"],
                "factor": float(factors[row["code"]]),
                "weight": row["weight"],
                "one_percent": row["effect"],
            }
            for row in held
        ],
    }


def table(weights: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Return the weights over time, a row per date and name held: ``date``, ``code``, ``name``, ``weight``."""
    rows = [
        (f"{day:%Y-%m-%d}", str(code), names.get(str(code), ""), round(float(weight), _DIGITS))
        for day, row in weights.iterrows()
        for code, weight in row[row > 0].items()
    ]
    return pd.DataFrame(rows, columns=["date", "code", "name", "weight"])
