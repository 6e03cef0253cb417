"""Dividends in points of the index, and the total return index they give.

A dividend is worth yen x factor / divisor points on its ex-date, with the basket and divisor of
that session; the total return index puts them back into the price index (A24). The official one
books an estimate on the ex-date and the difference to what was paid later: with dividends as paid
the rebuilt one differs from it by the estimates' errors, even with every name covered.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim.basket import Basket
from indexsim.events import Split
from indexsim.index import PriceWeightedIndex, Regime
from indexsim.market import MarketData
from indexsim.rebuild import rebuild
from indexsim.rounding import exact_price

BP, DAYS_A_YEAR = 1e-4, 365.25

#: Rows of the list of worst days.
WORST = 10


def basket_points(basket: Basket, divisor: Decimal, yen: Mapping[str, Fraction]) -> Fraction:
    """Return dividends of one ex-date in points of the index.

    Parameters
    ----------
    basket : Basket
        In force on the ex-date.
    divisor : Decimal
        In force on the ex-date.
    yen : mapping of code to Fraction
        Yen a share, by code; codes outside the basket count nothing.

    Examples
    --------
    Nippon Steel in 2018: 40 yen at a factor of 0.1 (50 / 500).

    >>> basket = Basket({"5401": Fraction("0.1")}, date(2018, 3, 28))
    >>> round(float(basket_points(basket, Decimal("26.950"), {"5401": Fraction(40)})), 4)
    0.1484
    """
    paid = (yen[code] * factor for code, factor in basket.factors.items() if code in yen)
    return sum(paid, Fraction(0)) / Fraction(divisor)


def points(index: PriceWeightedIndex, dividends: pd.DataFrame) -> pd.Series:
    """Return the dividend points of each session.

    Parameters
    ----------
    index : PriceWeightedIndex
    dividends : DataFrame
        Columns ``ex_date``, ``code`` and ``yen``, as the file ``dividends``: yen a share as paid, before tax. Rows
        without yen are unknown and left out, as are those before the first and after the last
        session; an ex-date without closes acts on the next session.

    Returns
    -------
    Series of float64
        Points by session, zero where nothing goes ex. On the ex-date of a split the yen are taken a
        share as held before, since that is the share the dividend is paid on.
    """
    sessions = pd.DatetimeIndex(index.closes.index)
    rows, known = _placed(dividends, sessions)
    paid = np.zeros(len(sessions))
    for row in np.unique(rows).tolist():
        session = sessions[row].date()
        regime = index.regime(session)
        paid[row] = float(basket_points(regime.basket, regime.divisor, _yen(known[rows == row], regime, session)))
    return pd.Series(paid, index=sessions, name="points")


def total_return(levels: pd.Series, paid: pd.Series, base: float) -> pd.Series:
    """Return the total return index: before x (level + points) / level before (A24).

    Parameters
    ----------
    levels : Series of float64
        Price index by session, points.
    paid : Series of float64
        Dividend points by the same sessions; those of the first one do not matter.
    base : float
        Total return index on the first session.

    Examples
    --------
    >>> total_return(pd.Series([100.0, 99.0, 110.0]), pd.Series([0.0, 2.0, 0.0]), 200.0).tolist()
    [200.0, 202.0, 224.44444444444446]
    """
    level = levels.to_numpy(np.float64)
    growth = (level[1:] + paid.to_numpy(np.float64)[1:]) / level[:-1]
    return pd.Series(base * np.cumprod(np.append(1.0, growth)), index=levels.index, name="tr")


def points_to_go(index: PriceWeightedIndex, dividends: pd.DataFrame, session: date | str, until: date | str) -> float:
    """Return the points that go ex after a session, up to a day: what a future to that day does not receive.

    Parameters
    ----------
    index : PriceWeightedIndex
    dividends : DataFrame
        As for `points`. Give the table of ``market.until(t)`` and only what was announced counts.
    session : date or ISO text
        Its basket and divisor are used throughout, as nobody knows later ones then.
    until : date or ISO text
        Last ex-date that counts.

    Raises
    ------
    MissingData
        There are no closes on the session.
    """
    regime = index.regime(session)
    ex = pd.DatetimeIndex(dividends["ex_date"])
    coming = dividends[(ex > pd.Timestamp(session)) & (ex <= pd.Timestamp(until))].dropna(subset=["yen"])
    return float(basket_points(regime.basket, regime.divisor, _sums(coming)))


@dataclass(frozen=True)
class Year:
    """Twelve months and how much of the index they say something about.

    Attributes
    ----------
    last : Timestamp
        Last session of the twelve months.
    coverage : float
        Weight, at that close, of the constituents with a dividend that went ex in the twelve months; a
        fraction. A name that pays nothing looks like one that is not covered.
    missing : tuple of str
        The other constituents, by falling weight.
    points : float
        Dividend points of the twelve months, as far as the index reaches back.
    """

    last: pd.Timestamp
    coverage: float
    missing: tuple[str, ...]
    points: float


def years(index: PriceWeightedIndex, dividends: pd.DataFrame) -> tuple[Year, ...]:
    """Return the coverage of the full years of an index, counted back from its last session; at least one."""
    sessions, paid = pd.DatetimeIndex(index.closes.index), points(index, dividends)
    known = dividends.dropna(subset=["yen"])
    ex = pd.DatetimeIndex(known["ex_date"])
    found: list[Year] = []
    end = sessions[-1]
    while not found or end - pd.DateOffset(years=1) >= sessions[0]:
        start, last = end - pd.DateOffset(years=1), sessions[sessions <= end][-1]
        having = set(known["code"][(ex > start) & (ex <= end)])
        weights = index.weights(last.date()).sort_values(ascending=False, kind="stable")
        missing = tuple(str(code) for code in weights.index if code not in having)
        inside = paid[(sessions > start) & (sessions <= end)]
        found.append(Year(last, float(1.0 - weights[list(missing)].sum()), missing, float(inside.sum())))
        end = start
    return tuple(reversed(found))


def answer(market: MarketData, index: PriceWeightedIndex | None = None) -> dict[str, object]:
    """Return dividends, total return and its distance from the official one as plain JSON values.

    Parameters
    ----------
    market : MarketData
        With ``dividends`` and what the index is rebuilt from; ``total_return`` is compared with where it is there.
    index : PriceWeightedIndex, optional
        The rebuilt one, where it is at hand already.

    Returns
    -------
    dict
        ``days`` compared with ``first`` and ``last`` of them; ``coverage``: weight with a dividend in the twelve
        months to the last session, and ``missing``: the codes without one; ``years``: coverage and points of
        each twelve months; ``tr_error_bp_per_year``: growth of the rebuilt over the official index, log, from the
        first to the last day; ``worst``: days on which the points differ by more than the rounding of the official
        index explains. A null has its reason beside it under ``..._why``.

    Raises
    ------
    MissingData, DataError
        The files needed are not there or cannot be used.
    """
    asked = "rebuild the total return index"
    market.require(["dividends"], asked)
    index = index or rebuild(market).index
    first, last = index.closes.index[0], index.closes.index[-1]
    used = {"dividends": (min(first, last - pd.DateOffset(years=1)).date(), last.date())}
    if market.has("total_return"):
        used["total_return"] = (first.date(), last.date())
    market.refuse_errors(used, asked)
    dividends = market.table("dividends")
    table = years(index, dividends)
    return {
        **_comparison(market, index.levels(), points(index, dividends)),
        "coverage": round(table[-1].coverage, 6),
        "missing": list(table[-1].missing),
        "years": [
            {"to": f"{y.last:%Y-%m-%d}", "coverage": round(y.coverage, 6), "points": round(y.points, 4)} for y in table
        ],
    }


def _comparison(market: MarketData, levels: pd.Series, paid: pd.Series) -> dict[str, object]:
    """Chain the total return from the first official value and hold it against the official one."""
    official = _official(market)
    official = official[official.index.isin(levels.index)]
    found: dict[str, object] = {"days": len(official)}
    if len(official) < 2:
        why = "no two sessions with an official total return to compare with"
        return {**found, "tr_error_bp_per_year": None, "tr_error_bp_per_year_why": why, "worst": []}
    first, last = official.index[0], official.index[-1]
    levels, paid = levels.loc[first:last], paid.loc[first:last]
    rebuilt = total_return(levels, paid, float(official.iloc[0]))
    apart = math.log(float(rebuilt.iloc[-1]) / float(official.iloc[-1]))
    years_between = (last - first).days / DAYS_A_YEAR
    return {
        **found,
        "first": f"{first:%Y-%m-%d}",
        "last": f"{last:%Y-%m-%d}",
        "tr_error_bp_per_year": round(apart / BP / years_between, 4) + 0.0,  # no "-0.0"
        "worst": _worst(official, levels, paid),
    }


def _official(market: MarketData) -> pd.Series:
    """Return the official gross total return; empty where the market has none."""
    table = market.table("total_return") if market.has("total_return") else pd.DataFrame()
    return table["tr"].dropna() if "tr" in table else pd.Series(dtype="float64", index=pd.DatetimeIndex([]))


def _worst(official: pd.Series, levels: pd.Series, paid: pd.Series) -> list[dict[str, object]]:
    """Return the stretches between two official values whose points differ most."""
    level = levels.reindex(official.index).to_numpy(np.float64)
    tr = official.to_numpy(np.float64)
    # Between two official values the rebuilt growth may span several sessions: its points are summed there.
    ours = paid.cumsum().reindex(official.index).diff().to_numpy()[1:]
    theirs = level[:-1] * tr[1:] / tr[:-1] - level[1:]
    # Both values of the official index are off by up to half a hundredth, both levels too.
    rounding = 0.005 * (level[:-1] / tr[:-1] * (1 + tr[1:] / tr[:-1]) + 1 + tr[1:] / tr[:-1])
    apart = np.abs(ours - theirs)
    order = [int(i) for i in np.argsort(-apart, kind="stable") if apart[i] > rounding[i]][:WORST]
    return [
        {
            "date": f"{official.index[i + 1]:%Y-%m-%d}",
            "points": round(float(ours[i]), 4),
            "official_points": round(float(theirs[i]), 4),
        }
        for i in order
    ]


def _placed(dividends: pd.DataFrame, sessions: pd.DatetimeIndex) -> tuple[NDArray[np.intp], pd.DataFrame]:
    """Return the rows of the sessions on which dividends act, and the dividends that do."""
    ex = pd.DatetimeIndex(dividends["ex_date"])
    acts = (ex >= sessions[0]) & (ex <= sessions[-1]) & dividends["yen"].notna().to_numpy()
    known = dividends[acts]
    return np.asarray(sessions.searchsorted(pd.DatetimeIndex(known["ex_date"]))), known


def _yen(group: pd.DataFrame, regime: Regime, session: date) -> dict[str, Fraction]:
    """Return yen a share as it is from the session on."""
    split = {e.code: e.ratio for e in regime.events if isinstance(e, Split) and regime.session == session}
    return {code: yen / split.get(code, Fraction(1)) for code, yen in _sums(group).items()}


def _sums(dividends: pd.DataFrame) -> dict[str, Fraction]:
    total: dict[str, Fraction] = {}
    for code, yen in zip(dividends["code"], dividends["yen"], strict=True):
        total[str(code)] = total.get(str(code), Fraction(0)) + exact_price(yen)
    return total
