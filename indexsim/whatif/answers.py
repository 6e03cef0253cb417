"""The answer to ``--what-if`` as plain JSON values."""

from __future__ import annotations

from typing import Any

import pandas as pd

from indexsim.market import MarketData
from indexsim.whatif.difference import Difference, difference, scaled
from indexsim.whatif.folder import build
from indexsim.whatif.worlds import parse

#: Stocks named; the others are summed.
TOP = 10
#: Decimals of points and of fractions.
_POINTS, _FRACTIONS = 6, 6


def answer(market: MarketData, text: str) -> dict[str, Any]:
    """Return what a world made of the index.

    Parameters
    ----------
    market : MarketData
    text : str
        One of `worlds`, with its value.

    Returns
    -------
    dict
        Plain JSON values: the levels at both ends, the difference by year, the ten stocks that made most of it
        ("other" is the rest) and every event; ``by_stock`` and ``by_event`` each sum to ``difference`` to 0.01.
        ``no-boj`` knows no stocks: both have one row, and the index is the first of n225, index and topix.

    Raises
    ------
    ToolError
        As `indexsim.whatif.build`.
    """
    return as_answer(text, *compared(market, text))


def compared(market: MarketData, text: str) -> tuple[MarketData, Difference]:
    """Return a world of a market and its difference to it.

    Raises
    ------
    ToolError
        As `indexsim.whatif.build`.
    """
    world = build(market, text)
    return world, scaled(market, world) if parse(text).effect else difference(market, world)


def as_answer(text: str, world: MarketData, found: Difference) -> dict[str, Any]:
    """Return what `answer` does, of a world that was compared already."""
    first, last = found.levels.iloc[0], found.levels.iloc[-1]
    return {
        "what_if": str(parse(text)),
        "meaning": parse(text).meaning,
        "days": len(found.levels),
        "from": f"{found.levels.index[0]:%Y-%m-%d}",
        "to": f"{found.levels.index[-1]:%Y-%m-%d}",
        "levels": {
            "start": {"real": float(first["real"]), "world": float(first["world"])},
            "end": {"real": float(last["real"]), "world": float(last["world"])},
        },
        "difference": found.points,
        "by_year": _years(found),
        "by_stock": _stocks(found.by_stock),
        "by_event": [{"event": str(k), "points": round(float(v), _POINTS)} for k, v in found.by_event.items()],
        "missing": list(world.folder.missing),
    }


def _years(found: Difference) -> list[dict[str, Any]]:
    """Return the levels at the end of each year, and what the year itself brought."""
    ends = found.levels.groupby(pd.DatetimeIndex(found.levels.index).year).last()
    starts = ends.shift(fill_value=float("nan")).fillna(found.levels.iloc[0])
    returns = ends / starts - 1.0
    gaps = ends["world"] - ends["real"]
    return [
        {
            "year": int(year),
            "real": float(ends.loc[year, "real"]),
            "world": float(ends.loc[year, "world"]),
            "difference": round(float(gaps[year]), 2),
            "return_real": round(float(returns.loc[year, "real"]), _FRACTIONS),
            "return_world": round(float(returns.loc[year, "world"]), _FRACTIONS),
        }
        for year in ends.index
    ]


def _stocks(points: pd.Series) -> list[dict[str, Any]]:
    ordered = points.reindex(points.abs().sort_values(ascending=False, kind="stable").index)
    rows = [{"code": str(code), "points": round(float(value), _POINTS)} for code, value in ordered[:TOP].items()]
    if len(ordered) > TOP:
        rows.append({"code": "other", "points": round(float(ordered[TOP:].sum()), _POINTS)})
    return rows
