"""What an index future is worth: the cash index with interest to expiry, less the dividends still to go ex.

Dividends are taken in points on their ex-dates, never as a flat yield: on an ex-date the cash index falls
and the future does not, since its price never held the dividend. They are facts of pricing: the table of the
whole folder is used, whatever was announced when, because the market that prices the future expects them. A
strategy never sees these prices; what it may know is served by `indexsim.market` alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim.errors import MissingData
from indexsim.events import Split
from indexsim.expiry import QUARTERLY, Contract, contracts
from indexsim.index import PriceWeightedIndex
from indexsim.market import MarketData
from indexsim.rebuild import can_rebuild, rebuild
from indexsim.sessions import LAST_DAY

Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]

#: Cash index behind each root of the file ``futures``.
CASH = {"nikkei": "n225", "topix": "topix"}

#: What stands in the file ``futures`` for the nearest contract that still trades, where it names no month.
FRONT = "front"

#: Days of a year in the exchange's own formula: to the day after the last trading day, over 365 (D10).
DAYS_A_YEAR = 365.0

BP = 1e-4


def fair_value(cash: float, rate: float, years: float, dividend_points: float) -> float:
    """Return what a future is worth.

    Parameters
    ----------
    cash : float
        Cash index, points.
    rate : float
        Fraction a year, simple.
    years : float
        To the SQ day.
    dividend_points : float
        Points that go ex after now, up to the SQ day.

    Examples
    --------
    >>> fair_value(20_000.0, 0.01, 0.25, 130.0)
    19920.0
    """
    return cash * (1.0 + rate * years) - dividend_points


@dataclass(frozen=True, eq=False)
class Carry:
    """What carries one index to its expiries.

    Attributes
    ----------
    root : str
    ex_dates : ndarray of datetime64[D], shape (m,)
        Ascending.
    points : ndarray of float64, shape (m,)
        Dividend points of each ex-date.
    rate_dates : ndarray of datetime64[D], shape (r,)
    rates : ndarray of float64, shape (r,)
        Fractions a year, in force from their date.
    notes : tuple of str
        What the market lacks, and what that means.
    """

    root: str
    ex_dates: Days
    points: Floats
    rate_dates: Days
    rates: Floats
    notes: tuple[str, ...]

    def to_go(self, days: Days, expiries: Days) -> Floats:
        """Return the points that go ex after each day, up to its expiry, shape (n,)."""
        total = np.concatenate([[0.0], np.cumsum(self.points)])
        until, gone = (np.searchsorted(self.ex_dates, d, side="right") for d in (expiries, days))
        points: Floats = np.maximum(total[until] - total[gone], 0.0)
        return points

    def rate(self, days: Days) -> Floats:
        """Return the last rate of each day, fraction a year, shape (n,); zero before the first."""
        at = np.searchsorted(self.rate_dates, days, side="right")
        found: Floats = np.concatenate([[0.0], self.rates])[at]
        return found

    def curve(self, days: Days, cash: Floats, expiries: Days) -> Floats:
        """Return `fair_value` for many sessions at once.

        Parameters
        ----------
        days : ndarray of datetime64[D], shape (n,)
            Any time of the session: on an ex-date the cash index is ex from its open on.
        cash : ndarray of float64, shape (n,)
            Points; NaN stays NaN.
        expiries : ndarray of datetime64[D], shape (n,)
            SQ days.

        Returns
        -------
        ndarray of float64, shape (n,)
            Points, not rounded.
        """
        years = (expiries - days).astype(np.float64) / DAYS_A_YEAR
        value: Floats = cash * (1.0 + self.rate(days) * years) - self.to_go(days, expiries)
        return value


def nearest_contracts(days: Days, months: tuple[int, ...] = QUARTERLY) -> list[Contract]:
    """Return the contract that ends next for each day: what a file that follows the front month quotes.

    Parameters
    ----------
    days : ndarray of datetime64[D], shape (n,)
        In any order, with any gaps.
    months : tuple of int
        Contract months.

    Raises
    ------
    MissingData
        A day lies outside the session table, or after its last contract.

    Examples
    --------
    >>> days = np.array(["2025-12-11", "2025-12-12"], dtype="datetime64[D]")
    >>> [contract.name for contract in nearest_contracts(days)]
    ['2025-12', '2026-03']
    """
    if not len(days):
        return []
    last = min(pd.Timestamp(days.max()) + pd.DateOffset(years=1), pd.Timestamp(LAST_DAY))
    listed = contracts(pd.Timestamp(days.min()), max(last, pd.Timestamp(days.max())), months)
    at = np.searchsorted(np.array([c.last_trading_day for c in listed], dtype="datetime64[D]"), days)
    if at.max() == len(listed):
        raise MissingData(
            asked=f"the contract that ends next on {days.max()}",
            found="it ends after the session table",
            rule=f"the session table ends on {LAST_DAY}",
            todo="narrow the span",
        )
    return [listed[k] for k in at]


def carry_of(market: MarketData, root: str, index: PriceWeightedIndex | None = None) -> Carry:
    """Return what carries the index of a root, from the market's ``dividends`` and ``rates``.

    Nikkei: points of the rebuilt index; beyond its last session its last basket and divisor serve. TOPIX:
    weights from ``shares_ffw``, or without it the Nikkei's dividend yield of the same day.

    Parameters
    ----------
    root : {"nikkei", "topix"}
    index : PriceWeightedIndex, optional
        The rebuilt one, where it is at hand already.

    Raises
    ------
    DataError
        The files the index is rebuilt from cannot be used.
    """
    paid, about_dividends = _points(market, root, index)
    rates, about_rates = _rates(market)
    return Carry(
        root=root,
        ex_dates=_days(paid.index),
        points=paid.to_numpy(np.float64),
        rate_dates=_days(rates.index),
        rates=rates.to_numpy(np.float64),
        notes=tuple(f"carry of {root}: {text}" for text in (*about_dividends, *about_rates)),
    )


def _rates(market: MarketData) -> tuple[pd.Series, list[str]]:
    if not market.has("rates"):
        return _none(), ["no rates; the interest is zero"]
    rates = market.folder.frame("rates")["rate"].dropna()
    return rates, ([f"rates begin on {rates.index[0]:%Y-%m-%d}; zero before"] if len(rates) else ["rates are empty"])


def _points(market: MarketData, root: str, index: PriceWeightedIndex | None) -> tuple[pd.Series, list[str]]:
    if not market.has("dividends"):
        return _none(), ["no dividends; the future falls with the cash index on an ex-date, which a real one does not"]
    table = market.folder.frame("dividends").dropna(subset=["yen"])
    if root == "topix" and market.has("shares_ffw") and market.has("closes"):
        return _float_points(market, table)
    if index is None and not can_rebuild(market):
        return _none(), [
            "no basket to weigh the dividends with (closes, factors, divisors); "
            "the future falls with the cash index on an ex-date, which a real one does not"
        ]
    found, notes = _nikkei_points(index or rebuild(market).index, table)
    if root == "nikkei":
        return found, notes
    return _borrowed(market, found), [*notes, "no shares_ffw; its dividend yield is the Nikkei's of the same day"]


def _nikkei_points(index: PriceWeightedIndex, table: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    """Return `indexsim.dividends.points` in plain floats, and those of ex-dates after the last session too."""
    codes, sessions = [str(code) for code in index.closes.columns], _days(index.closes.index)
    found: dict[np.datetime64, float] = {}
    for day, yen in _by_ex_date(table, codes):
        if day < sessions[0]:
            continue
        session: date = sessions[min(int(np.searchsorted(sessions, day)), len(sessions) - 1)].item()
        regime = index.regime(session)
        if regime.session == session and day <= sessions[-1]:  # yen are a share as held before a split
            for split in (e for e in regime.events if isinstance(e, Split)):
                yen[codes.index(split.code)] /= float(split.ratio)
        factors = regime.basket.factors
        weight = np.array([float(factors[code]) if code in factors else 0.0 for code in codes])
        found[day] = float(weight @ yen) / float(regime.divisor)
    ex = pd.DatetimeIndex(table["ex_date"])
    first = max(pd.Timestamp(index.closes.index[0]), ex.min()) if len(ex) else None
    notes = [
        f"dividends from {first:%Y-%m-%d} to {ex.max():%Y-%m-%d}; none outside" if first else "dividends are empty"
    ]
    return _dated(found), notes


def _float_points(market: MarketData, table: pd.DataFrame) -> tuple[pd.Series, list[str]]:
    """Weigh dividends by free float: yen paid on all counted shares over their value before, times the level before."""
    closes, listed = market.folder.frame("closes"), market.folder.frame("shares_ffw")
    wide = listed.assign(count=listed["shares"] * listed["ffw"]).pivot(index="date", columns="code", values="count")
    counted = wide.ffill().reindex(columns=closes.columns).to_numpy(np.float64)
    level = market.folder.frame("topix")["close"].reindex(closes.index).ffill().to_numpy(np.float64)
    prices, sessions, listings = closes.to_numpy(np.float64), _days(closes.index), _days(wide.index)
    found: dict[np.datetime64, float] = {}
    for day, yen in _by_ex_date(table, [str(code) for code in closes.columns]):
        before = int(np.searchsorted(sessions, day)) - 1
        listing = int(np.searchsorted(listings, sessions[max(before, 0)], side="right")) - 1
        if min(before, listing) < 0 or np.isnan(level[before]):
            continue
        shares = np.where(np.isnan(prices[before]), 0.0, np.nan_to_num(counted[listing]))
        worth = float(shares @ np.nan_to_num(prices[before]))
        found[day] = float(shares @ yen) / worth * float(level[before]) if worth else 0.0
    return _dated(found), ["dividends weighted by shares_ffw"]


def _by_ex_date(table: pd.DataFrame, codes: list[str]) -> Iterator[tuple[np.datetime64, Floats]]:
    """Yield each ex-date, ascending, with its yen a share by position in `codes`; other codes count nothing."""
    table = table.sort_values("ex_date", kind="stable")
    days, yen = _days(pd.Index(table["ex_date"])), table["yen"].to_numpy(np.float64)
    at = pd.Index(codes).get_indexer(pd.Index(table["code"]))
    unique, starts = np.unique(days, return_index=True)
    for day, start, end in zip(unique, starts, [*starts[1:], len(days)], strict=True):
        rows = np.arange(start, end)[at[start:end] >= 0]
        yield day, np.bincount(at[rows], weights=yen[rows], minlength=len(codes)).astype(np.float64)


def _dated(found: dict[np.datetime64, float]) -> pd.Series:
    return pd.Series(list(found.values()), index=pd.DatetimeIndex(list(found)), dtype="float64")


def _borrowed(market: MarketData, points: pd.Series) -> pd.Series:
    """Return points of TOPIX with the Nikkei's yield: points over its last close, times the other's."""
    ratio = (market.folder.frame("topix")["close"] / market.folder.frame("n225")["close"]).dropna()
    at = ratio.index.searchsorted(points.index) - 1
    kept = at >= 0
    borrowed: pd.Series = points[kept] * ratio.to_numpy()[at[kept]]
    return borrowed


def carry_error(market: MarketData, index: PriceWeightedIndex | None = None) -> dict[str, Any]:
    """Measure the model against the closes of the file ``futures``.

    Only the nearest contract counts, up to its last trading day.

    Returns
    -------
    dict
        By root: ``n`` closes from ``first`` to ``last``; model minus file in ``points`` and in ``bp`` of the
        file's close, each with mean, sd and median of the size; ``cash_bp`` is the same for the bare cash
        index, so that the model can be seen to help or not; ``notes`` of the carry. The future's close
        comes after the cash close, which is most of the sd.

    Raises
    ------
    MissingData
        The market has no ``futures``.
    """
    market.require(["futures"], "measure the carry model")
    table = market.folder.frame("futures").dropna(subset=["close"])
    roots = [root for root in CASH if (table["root"] == root).any() and market.has(CASH[root])]
    return {root: _error(market, table[table["root"] == root], carry_of(market, root, index)) for root in roots}


def _error(market: MarketData, table: pd.DataFrame, carry: Carry) -> dict[str, Any]:
    days = np.unique(_days(pd.Index(table["date"])))
    nearest = pd.Series([contract.name for contract in nearest_contracts(days)], index=pd.DatetimeIndex(days))
    mine = table[(table["contract"] == FRONT) | (table["contract"] == table["date"].map(nearest))]
    closes = mine.drop_duplicates("date").set_index("date")["close"]
    cash = market.folder.frame(CASH[carry.root])["close"].reindex(closes.index)
    expiries = np.array([c.sq_day for c in nearest_contracts(_days(closes.index))], dtype="datetime64[D]")
    model = pd.Series(carry.curve(_days(closes.index), cash.to_numpy(np.float64), expiries), index=closes.index)
    apart = (model - closes).dropna()
    real = closes[apart.index]
    return {
        "n": len(apart),
        "first": f"{apart.index[0]:%Y-%m-%d}" if len(apart) else None,
        "last": f"{apart.index[-1]:%Y-%m-%d}" if len(apart) else None,
        "points": _size(apart),
        "bp": _size(apart / real / BP),
        "cash_bp": _size((cash[apart.index] - real) / real / BP),
        "notes": list(carry.notes),
    }


def _size(apart: pd.Series) -> dict[str, float | None]:
    if not len(apart):
        return {"mean": None, "sd": None, "median_size": None}
    found = {"mean": apart.mean(), "sd": apart.std(ddof=0), "median_size": apart.abs().median()}
    return {name: round(float(value), 4) for name, value in found.items()}


def _days(index: pd.Index) -> Days:
    days: Days = pd.DatetimeIndex(index).to_numpy().astype("datetime64[D]")
    return days


def _none() -> pd.Series:
    return pd.Series(dtype="float64", index=pd.DatetimeIndex([]))
