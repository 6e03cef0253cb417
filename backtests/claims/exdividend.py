"""What an ex-dividend day takes off one index against another: in points where a market tells them, else by estimate.

On the ex-date both indexes fall by the dividends of their constituents, the Nikkei not by the same share as TOPIX; half
of the splits act on such a day. `expected_of` reads the points of each index from a market with its basket and its
dividends. Where one of the two is missing there are no points of the pair, and the mean relative move on other
ex-dividend days stands for them, which no event may have shaped (`expected_moves`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from backtests.claims.statistics import Floats, Mask
from indexsim import dividends, floatcap, rebuild
from indexsim.carry import carry_of
from indexsim.errors import ToolError
from indexsim.floatcap import FloatCapIndex
from indexsim.index import PriceWeightedIndex
from indexsim.market import MarketData

#: Name of the input that every test is handed beside the fact tables.
INPUT = "expected_dividends"
#: Index -> its root in `indexsim.carry`, and the files its points are made of.
INDEXES = {
    "n225": ("nikkei", ("closes", "factors", "divisors", "dividends")),
    "topix": ("topix", ("topix", "closes", "shares_ffw", "dividends")),
}
#: Constituents without a dividend may weigh so much in any year; beyond it the points are not those of the index.
MISSING_WEIGHT = 0.02
#: Kinds of ex-dividend days (`backtests.claims.events.kinds_of_days`, its first two bits) in words.
KINDS = {3: "March and September", 2: "June and December", 1: "the other months"}


@dataclass(frozen=True, eq=False)
class Expected:
    """Dividend points of the indexes of a market.

    Attributes
    ----------
    points : mapping of str to Series of float64
        By index (n225, topix): points of every session its basket is known for, zero where nothing goes ex.
    uncovered : mapping of str to float
        By index with points: largest weight without a dividend in a year, a fraction.
    missing : mapping of str to str
        By index without points: what is missing.
    """

    points: Mapping[str, pd.Series]
    uncovered: Mapping[str, float]
    missing: Mapping[str, str]


def expected_of(market: MarketData | None) -> Expected:
    """Return the dividend points that a market tells, and what it lacks for the others; None lacks everything."""
    points: dict[str, pd.Series] = {}
    uncovered: dict[str, float] = {}
    missing: dict[str, str] = {}
    for name, (_, files) in INDEXES.items():
        lacking = [file for file in files if market is None or not market.has(file)]
        if market is None or lacking:
            missing[name] = ", ".join(lacking)
            continue
        try:
            found, weight = _points(market, name)
        except ToolError as error:
            missing[name] = f"a basket ({error.found})"
            continue
        if weight > MISSING_WEIGHT:
            missing[name] = f"dividends of constituents that weigh {weight:.1%} in a year"
        else:
            points[name], uncovered[name] = found, weight
    return Expected(points, uncovered, missing)


def _points(market: MarketData, name: str) -> tuple[pd.Series, float]:
    """Return the points of every session, and the largest weight of a year without a dividend."""
    index = rebuild.rebuild(market).index if name == "n225" else floatcap.rebuild(market)
    carry = carry_of(market, INDEXES[name][0], index if isinstance(index, PriceWeightedIndex) else None)
    sessions = pd.DatetimeIndex(index.closes.index)
    ex = pd.DatetimeIndex(carry.ex_dates)
    inside = (ex >= sessions[0]) & (ex <= sessions[-1])
    paid = np.zeros(len(sessions))
    np.add.at(paid, sessions.searchsorted(ex[inside]), carry.points[inside])
    return pd.Series(paid, sessions), _uncovered(index, market.table("dividends"), sessions)


def _uncovered(index: PriceWeightedIndex | FloatCapIndex, table: pd.DataFrame, sessions: pd.DatetimeIndex) -> float:
    if isinstance(index, PriceWeightedIndex):
        return max(1 - year.coverage for year in dividends.years(index, table))
    ex, codes = pd.DatetimeIndex(table["ex_date"]), table["code"].where(table["yen"].notna())
    shares: list[float] = []
    end = sessions[-1]
    while not shares or end - pd.DateOffset(years=1) >= sessions[0]:
        start, last = end - pd.DateOffset(years=1), sessions[sessions <= end][-1]
        weights = index.weights(last.date())
        shares.append(float(weights[~weights.index.isin(codes[(ex > start) & (ex <= end)])].sum()))
        end = start
    return max(shares)


def expected_moves(
    expected: Expected,
    legs: Sequence[tuple[str, pd.Series]],
    daily: Floats,
    kinds: NDArray[np.int64],
    rows: NDArray[np.int64],
    window: tuple[int, int],
) -> tuple[Floats, str]:
    """Return what ex-dividend days are expected to take off a pair around each session, and how that is known.

    Parameters
    ----------
    expected : Expected
    legs : sequence of (str, Series)
        The long leg and, where there is one, the short leg: name and closes by session.
    daily : ndarray of float64, shape (n_sessions,)
        Return of the long less that of the short leg on each session.
    kinds : ndarray of int64, shape (n_sessions,)
        Kind of ex-dividend day, 0 for none.
    rows : ndarray of int64
        Sessions of the events.
    window : tuple of int
        Sessions from so many before to so many after the event; the return begins at the first one's close.

    Returns
    -------
    tuple
        Expected return around each session, shape (n_sessions,), NaN where it is not known; and a sentence part that
        names what was used and what is missing.
    """
    lacking = {name: _lacking(expected, name, closes, rows) for name, closes in legs}
    if any(lacking.values()):
        missing = "; ".join(f"{name}: {what}" for name, what in lacking.items() if what)
        moves, said = _estimated(daily, kinds, _held(rows, len(daily), window))
        return _summed(moves, window), f"less {said}; expected points would take {missing}"
    gone = np.zeros(len(daily))
    for sign, (name, closes) in zip((-1, 1), legs, strict=False):
        points = expected.points[name].reindex(closes.index).to_numpy(np.float64)
        gone += sign * _summed(points, window) / closes.shift(window[0]).to_numpy(np.float64)
    covered = " and ".join(f"{name} ({expected.uncovered[name]:.1%} of the weight without)" for name, _ in legs)
    return gone, f"less the expected points of {covered}"


def _lacking(expected: Expected, name: str, closes: pd.Series, rows: NDArray[np.int64]) -> str:
    """Return what a leg lacks for its points, empty where nothing."""
    if name not in expected.points:
        return expected.missing.get(name, "the dividends of its members")
    reach, days = expected.points[name].index, closes.index[rows]
    if len(days) and (days[0] < reach[0] or days[-1] > reach[-1]):
        return f"closes beyond {reach[0]:%Y-%m-%d} to {reach[-1]:%Y-%m-%d}"
    return ""


def _held(rows: NDArray[np.int64], n: int, window: tuple[int, int]) -> Mask:
    """Return the sessions whose return lies in the window of an event."""
    held = np.zeros(n, dtype=bool)
    for row in rows.tolist():
        held[max(row - window[0] + 1, 0) : row + window[1] + 1] = True
    return held


def _summed(daily: Floats, window: tuple[int, int]) -> Floats:
    """Return, for each session, the sum over the window around it."""
    found: Floats = pd.Series(daily).rolling(sum(window)).sum().shift(-window[1]).to_numpy(np.float64)
    return found


def _estimated(daily: Floats, kinds: NDArray[np.int64], held: Mask) -> tuple[Floats, str]:
    """Return the mean move of the other ex-dividend days of a kind without an event, for each one; 0 on other days.

    Each day is left out of its own mean: else a placebo would be drawn towards nothing, an event would not.
    """
    moves, said = np.zeros(len(daily)), []
    for kind, months in KINDS.items():
        days = kinds == kind
        free = days & ~held & np.isfinite(daily)
        own = np.where(free, np.nan_to_num(daily), 0.0)
        others = free.sum() - free
        means = np.where(others > 0, (own.sum() - own) / np.maximum(others, 1), np.nan)
        moves[days] = means[days]
        if free.any():
            said.append(f"{daily[free].mean():.5f} on {int(free.sum())} ex-days of {months}")
    return moves, f"the mean of ex-days outside events ({', '.join(said) or 'there are none'})"
