"""The Nikkei 225 beside TOPIX: the NT ratio, and a table of what sets them apart, computed from a market.

Nothing in the table is typed in: a weighting is named only where an index rebuilt with it agrees with
the published levels, a count is that of the basket on the last session, and a volatility is measured.
"""

from __future__ import annotations

import math

import pandas as pd

from indexsim import floatcap, sessions
from indexsim.errors import MissingData, SpecError
from indexsim.market import MarketData
from indexsim.rebuild import EXACT, can_rebuild, rebuild

#: Years over which the volatility is measured (S001).
YEARS = 5
#: Share of the days on which a rebuilt index must be exact for its weighting to be named. Sources
#: of closes have a bad day now and then; an index weighted otherwise is wrong on nearly all.
AGREEMENT = 0.99
#: A weighting, in the words of the rules: price x factor / divisor (A2), market value (B1, B2).
PRICE, MARKET_VALUE = "price x factor", "free-float market value"

Row = dict[str, object]


def nt_ratio(market: MarketData) -> pd.Series:
    """Return the Nikkei's close over that of TOPIX on each day that has both (B6).

    It is not stationary over decades: hold it against a rolling window, never against its whole past.

    Returns
    -------
    Series of float64, shape (n_days,)
        Unrounded.

    Raises
    ------
    MissingData
        One of the two series is missing.
    DataError
        One of them has errors.
    """
    both = _closes(market)
    return (both["n225"] / both["topix"]).rename("nt_ratio")


def volatility(closes: pd.Series, years: int = YEARS) -> float | None:
    """Return the yearly volatility of the daily returns of the last years, a fraction.

    Sample deviation x root of the sessions a year, those of the session table.

    Parameters
    ----------
    closes : Series of shape (n_days,)
        Points, by date, without gaps.
    years : int
        Up to the last day.

    Returns
    -------
    float or None
        None where the closes do not reach back so far.

    Raises
    ------
    SpecError
        Less than one year.
    """
    if years < 1:
        raise SpecError(
            asked=f"the volatility of {years} years", found=f"{years}", rule="at least one year", todo="name more years"
        )
    if closes.empty:
        return None
    last = closes.index[-1]
    start = last - pd.DateOffset(years=years)
    # The close from which the first return counts is that of the last session up to the start.
    base = closes.index.searchsorted(start, side="right") - 1
    if base < 0:
        return None
    returns = closes.iloc[base:].pct_change().iloc[1:]
    if len(returns) < 2:
        return None
    return float(returns.std(ddof=1)) * math.sqrt(sessions.per_year(returns.index[0], last))


def table(market: MarketData, years: int = YEARS) -> list[Row]:
    """Return the comparison of S001 as plain JSON values.

    Parameters
    ----------
    market : MarketData
        Needs the series ``n225`` and ``topix``; for weighting and count also what the indexes are rebuilt
        from: closes, factors and divisors, closes and shares_ffw.
    years : int
        Of the volatility.

    Returns
    -------
    list of dict
        Rows ``weighting``, ``count``, ``volatility`` (a fraction a year) and ``nt_ratio`` under the key
        ``what``, with ``n225`` and ``topix`` (``nt_ratio``: ``value``) beside it and the dates meant. What
        cannot be computed is None, with ``n225_why`` or ``topix_why``.

    Raises
    ------
    MissingData
        A series is missing.
    DataError
        What is there has errors.
    """
    both, ratio = _closes(market), nt_ratio(market)
    if both.empty:
        raise MissingData(
            asked="compare the Nikkei with TOPIX",
            found="no day with a close of both",
            rule="a comparison needs common days",
            todo="give series that overlap",
        )
    last = f"{both.index[-1]:%Y-%m-%d}"
    return [
        *_merged(_nikkei(market), _topix(market)),
        {"what": "volatility", "years": years, "to": last, **_volatilities(both, years)},
        {"what": "nt_ratio", "on": last, "value": round(float(ratio.iloc[-1]), 4)},
    ]


def _closes(market: MarketData) -> pd.DataFrame:
    names = ("n225", "topix")
    market.require(names, "compare the Nikkei with TOPIX")
    closes = {name: market.table(name)["close"] for name in names}
    both = pd.concat(closes, axis=1, join="inner")
    if len(both):
        span = both.index[0].date(), both.index[-1].date()
        market.refuse_errors(dict.fromkeys(names, span), "compare the Nikkei with TOPIX")
    return both.dropna()


def _nikkei(market: MarketData) -> tuple[Row, Row]:
    """Return the cells of the Nikkei: weighting and count."""
    if not can_rebuild(market):
        return _unknown("n225", "the market has no closes, factors and divisors to rebuild it from")
    rebuilt = rebuild(market)
    return _proved("n225", PRICE, rebuilt.errors, len(rebuilt.index.regimes[-1].basket))


def _topix(market: MarketData) -> tuple[Row, Row]:
    """Return the cells of TOPIX: weighting and count."""
    if not (market.has("shares_ffw") and market.has("closes")):
        return _unknown("topix", "the market has no closes and shares_ffw to rebuild it from")
    index = floatcap.rebuild(market)
    errors = (index.levels() - market.table("topix")["close"]).dropna()
    return _proved("topix", MARKET_VALUE, errors, len(index.regimes[-1].shares))


def _proved(name: str, weighting: str, errors: pd.Series, count: int) -> tuple[Row, Row]:
    """Return weighting and count of an index where it agrees with what was published."""
    exact = int((errors.abs() < EXACT).sum())
    if not len(errors) or exact < AGREEMENT * len(errors):
        return _unknown(name, f"rebuilt by {weighting} it equals the published close on {exact} of {len(errors)} days")
    return {name: weighting, f"{name}_exact_days": exact, f"{name}_days": len(errors)}, {name: count}


def _unknown(name: str, why: str) -> tuple[Row, Row]:
    cells: Row = {name: None, f"{name}_why": why}
    return cells, cells


def _merged(nikkei: tuple[Row, Row], topix: tuple[Row, Row]) -> list[Row]:
    words = ("weighting", "count")
    return [{"what": what, **left, **right} for what, left, right in zip(words, nikkei, topix, strict=True)]


def _volatilities(both: pd.DataFrame, years: int) -> Row:
    cells: Row = {}
    for name in both:
        found = volatility(both[name], years)
        cells[str(name)] = found
        if found is None:
            cells[f"{name}_why"] = f"the first common close is that of {both.index[0]:%Y-%m-%d}"
    return cells
