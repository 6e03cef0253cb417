"""Answers about a rebuilt index: whose weight it is, who moved it, what one stock can do to it.

Everything here follows from the weights and the contributions of a `PriceWeightedIndex`; the
functions above `answer` are plain arithmetic on Series by code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from indexsim.index import DIVISOR_ROUNDING, PriceWeightedIndex
from indexsim.market import MarketData

#: Group of the codes whose sector is not known.
UNKNOWN = "unknown"

#: Names counted in the share of the largest.
TOP = 10

#: Decimals of weights (fractions) and points in the JSON answer: 225 rounded ones still sum to well below 0.01.
WEIGHT_DECIMALS, POINT_DECIMALS = 8, 6


@dataclass(frozen=True)
class Concentration:
    """How much of an index lies in how few names.

    Attributes
    ----------
    top_share : float
        Weight of the `TOP` largest names together, a fraction.
    effective_number : float
        1 / sum of squared weights: as many equal names would be as concentrated.
    """

    top_share: float
    effective_number: float


def sectors_of(market: MarketData) -> dict[str, str]:
    """Return the sector of each code in ``constituents``; codes without one are left out."""
    return _by_code(market, "sector")


def names_of(market: MarketData) -> dict[str, str]:
    """Return the name of each code in ``constituents``, in whatever language it has; codes without one are left out."""
    return _by_code(market, "name")


def _by_code(market: MarketData, column: str) -> dict[str, str]:
    """Return a column of ``constituents`` by code, what is known of it."""
    if not market.has("constituents"):
        return {}
    frame = market.table("constituents")
    if column not in frame:
        return {}
    known = frame[["code", column]].dropna()
    return {str(code): str(value) for code, value in zip(known["code"], known[column], strict=True) if value}


def by_sector(values: pd.Series, sectors: Mapping[str, str]) -> pd.Series:
    """Sum values by code (weights or points) over sectors.

    Parameters
    ----------
    values : Series of float64
        By code.
    sectors : mapping of code to sector
        A code that is not in it counts as "unknown". The row "divisor rounding" of contributions
        belongs to no stock and stays a row of its own.

    Returns
    -------
    Series of float64
        By sector, in alphabetical order; the same total.

    Examples
    --------
    >>> by_sector(pd.Series({"7203": 0.25, "9983": 0.5, "285A": 0.25}), {"7203": "T", "9983": "C"}).to_dict()
    {'C': 0.5, 'T': 0.25, 'unknown': 0.25}
    """
    groups = [str(code) if code == DIVISOR_ROUNDING else sectors.get(str(code), UNKNOWN) for code in values.index]
    return values.groupby(pd.Index(groups, name="sector", dtype="str")).sum()


def effect(weights: pd.Series, level: float, percent: float = 1.0) -> pd.Series:
    """Return by how many points the index moves when one stock moves and nothing else does.

    Parameters
    ----------
    weights : Series of float64
        By code, fractions.
    level : float
        Of the index at the same moment, points.
    percent : float
        Move of the stock, in percent of its price.

    Returns
    -------
    Series of float64
        Points by code: weight x level x percent / 100, since a weight is the stock's part of the
        level (A2).

    Examples
    --------
    Fast Retailing and Toyota at the end of 2025 (H4).

    >>> weights = pd.Series({"9983": 0.090740, "7203": 0.0111})
    >>> effect(weights, 50_339.48).round(1).to_dict()
    {'9983': 45.7, '7203': 5.6}
    """
    return (weights * (level * percent / 100)).rename("points")


def concentration(weights: pd.Series) -> Concentration:
    """Return the share of the largest names and the effective number of names.

    Examples
    --------
    >>> concentration(pd.Series({"A": 0.5, "B": 0.25, "C": 0.25}))
    Concentration(top_share=1.0, effective_number=2.6666666666666665)
    """
    values = np.sort(weights.to_numpy(np.float64))
    return Concentration(float(values[-TOP:].sum()), float(1.0 / (values @ values)))


def answer(
    index: PriceWeightedIndex, day: date | str, sectors: Mapping[str, str], since: date | str | None = None
) -> dict[str, object]:
    """Return weights, contributions and effects of a session as plain JSON values.

    Parameters
    ----------
    index : PriceWeightedIndex
    day : date or ISO text
        A session: weights are those at its close.
    sectors : mapping of code to sector
        As `sectors_of` returns it.
    since : date or ISO text, optional
        Session from whose close the points are counted, so (since, day]. None is the session before;
        on the first session there is none, and the points are null.

    Returns
    -------
    dict
        ``date``, ``level``, ``divisor`` (text, exact), ``names``; ``since``, ``move`` (difference of the
        rounded levels; the points sum to it within 0.01) and ``divisor_rounding`` (what rounding the
        divisor did to the level), both points; ``concentration``; ``sectors`` and ``stocks`` with
        weight (fraction), points and, for stocks, ``effect``: points for +1 % of the price. Stocks by
        falling weight, those that left since then with weight zero; sectors by name.

    Raises
    ------
    MissingData
        There are no closes on one of the days.
    SpecError
        `since` is after `day`.
    """
    regime = index.regime(day)
    weights = index.weights(day)
    level = _level(index, pd.Timestamp(day))
    start = _before(index, day) if since is None else pd.Timestamp(since)
    points = None if start is None else index.contributions(start.date(), day)
    slip = 0.0 if points is None else float(points.get(DIVISOR_ROUNDING, 0.0))
    shares = concentration(weights)
    return {
        "date": f"{pd.Timestamp(day):%Y-%m-%d}",
        "level": level,
        "divisor": f"{regime.divisor}",
        "names": len(regime.basket),
        "since": None if start is None else f"{start:%Y-%m-%d}",
        "move": None if start is None else round(level - _level(index, start), 2),
        "divisor_rounding": round(slip, POINT_DECIMALS),
        "concentration": {
            "top_ten": round(shares.top_share, WEIGHT_DECIMALS),
            "effective_number": round(shares.effective_number, 4),
        },
        "sectors": _sector_rows(weights, points, sectors),
        "stocks": _stock_rows(weights, points, level, sectors),
    }


def _level(index: PriceWeightedIndex, session: pd.Timestamp) -> float:
    return float(index.levels(index.closes.loc[[session]]).iloc[0])


def _before(index: PriceWeightedIndex, day: date | str) -> pd.Timestamp | None:
    row = int(index.closes.index.searchsorted(pd.Timestamp(day)))
    return pd.Timestamp(index.closes.index[row - 1]) if row else None


def _sector_rows(weights: pd.Series, points: pd.Series | None, sectors: Mapping[str, str]) -> list[dict[str, object]]:
    stocks = weights.index if points is None else weights.index.union(points.index, sort=False)
    held = by_sector(weights.reindex(stocks.drop(DIVISOR_ROUNDING, errors="ignore"), fill_value=0.0), sectors)
    moved = None if points is None else by_sector(points, sectors)
    return [
        {
            "sector": str(sector),
            "weight": round(float(weight), WEIGHT_DECIMALS),
            "names": sum(sectors.get(str(code), UNKNOWN) == sector for code in weights.index),
            "points": None if moved is None else round(float(moved.get(str(sector), 0.0)), POINT_DECIMALS),
        }
        for sector, weight in held.items()
    ]


def _stock_rows(
    weights: pd.Series, points: pd.Series | None, level: float, sectors: Mapping[str, str]
) -> list[dict[str, object]]:
    gone = [] if points is None else [str(c) for c in points.index if c not in weights and c != DIVISOR_ROUNDING]
    every = weights.reindex([*map(str, weights.index), *gone], fill_value=0.0)
    effects = effect(every, level)
    return [
        {
            "code": str(code),
            "sector": sectors.get(str(code), UNKNOWN),
            "weight": round(float(weight), WEIGHT_DECIMALS),
            "points": None if points is None else round(float(points.get(str(code), 0.0)), POINT_DECIMALS),
            "effect": round(float(effects[str(code)]), POINT_DECIMALS),
        }
        for code, weight in every.sort_values(ascending=False, kind="stable").items()
    ]
