"""Names of the index at a decision: which they are, what they cost and weigh, and holding some of them in equal parts.

Membership is that of the day: the basket in force at the close of a decision, without what is known to leave
it. The columns of ``closes`` know nothing of that; they hold names of all years.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np
import pandas as pd

from indexsim import foreseen
from indexsim.bars import Bars
from indexsim.errors import MissingData
from indexsim.events import parse_events
from indexsim.market import MarketData, known_from

#: Code -> (row from which it is not held any more, first row without it) for each time it leaves the index.
Leaving = Mapping[str, Sequence[tuple[int, int]]]


@dataclass(frozen=True)
class Members:
    """What names cost and weigh at some decisions; r rows, n names.

    Attributes
    ----------
    codes : tuple of str
        Names with a column in both ``opens`` and ``closes``, in the order of ``closes``.
    price : ndarray of float64, shape (r, n)
        Closes in yen; NaN where a name has none, or is not in the index, or is about to leave it.
    value : ndarray of float64, shape (r, n)
        Price x factor, which is proportional to the weight; NaN as above.
    """

    codes: tuple[str, ...]
    price: np.ndarray
    value: np.ndarray


def stock(code: str) -> str:
    """Return the instrument of a code."""
    return f"stock_{code}"


def codes_in(text: str) -> tuple[str, ...]:
    """Return the codes that a text names, separated by commas.

    Raises
    ------
    ValueError
        For an empty name between commas, or one that stands twice.

    Examples
    --------
    >>> codes_in("7203, 6758"), codes_in("")
    (('7203', '6758'), ())
    """
    words = tuple(word.strip() for word in text.split(",")) if text.strip() else ()
    if not all(words) or len(set(words)) < len(words):
        raise ValueError(f"{text!r}: names separated by commas, each once")
    return words


def prices_of(market: MarketData, codes: Sequence[str], bars: Bars, rows: np.ndarray) -> np.ndarray:
    """Return closes of names at the decisions of some rows, in yen, shape (r, n).

    Raises
    ------
    MissingData
        For a name without a column in ``opens`` or ``closes``.
    """
    for name in ("closes", "opens"):
        absent = [code for code in codes if code not in market.table(name).columns]
        if absent:
            raise MissingData(
                asked=f"trade {', '.join(map(stock, codes))}",
                found=f"no column {', '.join(absent)} in {name}",
                rule="a stock is traded at its columns of opens and closes",
                todo="name codes that the market holds, or add the columns",
            )
    return _at(market.table("closes"), codes, bars, rows)


def members(market: MarketData, bars: Bars, rows: np.ndarray, leaving: Leaving) -> Members:
    """Return the names of the index at the decisions of some rows.

    Parameters
    ----------
    market : MarketData
        With closes, opens and factors.
    bars : Bars
        One a session.
    rows : ndarray of int, shape (r,)
        Ascending.
    leaving : mapping
        Of `leaving_rows`: who is about to leave is left out.
    """
    closes, opens = market.table("closes"), set(market.table("opens").columns)
    priced = tuple(code for code in closes.columns if code in opens)
    factors = _factors(market, priced, bars.session[rows])
    # Most columns of a long market are names that never were in it at one of these rows.
    ever = np.flatnonzero(~np.isnan(factors).all(axis=0))
    codes, factors = tuple(priced[k] for k in ever.tolist()), factors[:, ever]
    at = {code: k for k, code in enumerate(codes)}
    for code in leaving:
        for last, gone in leaving[code]:
            if code in at:
                factors[(rows >= last) & (rows < gone), at[code]] = np.nan
    price = np.where(np.isnan(factors), np.nan, _at(closes, codes, bars, rows))
    return Members(codes, price, price * factors)


def _at(closes: pd.DataFrame, codes: Sequence[str], bars: Bars, rows: np.ndarray) -> np.ndarray:
    found = closes.reindex(pd.DatetimeIndex(bars.session[rows]))
    prices: np.ndarray = found[list(codes)].to_numpy(dtype="float64")
    return prices


def _factors(market: MarketData, codes: Sequence[str], days: np.ndarray) -> np.ndarray:
    """Return the factors in force at the closes of ascending days, shape (r, n); NaN where a name is not in."""
    since, factors = _initial(market)
    at = {code: k for k, code in enumerate(codes)}
    numbers = np.full(len(codes), np.nan)
    _write(numbers, at, {}, factors)
    found, coming = np.full((len(days), len(codes)), np.nan), list(market.events)
    # A row takes what is in force on its day; there are far fewer events than cells.
    for row, day in enumerate(days.tolist()):
        while coming and coming[0].effective <= day:
            before, factors = factors, coming.pop(0).change(factors)
            _write(numbers, at, before, factors)
        if day >= since:
            found[row] = numbers
    return found


def _initial(market: MarketData) -> tuple[date, Mapping[str, Fraction]]:
    """Return the first session of the initial basket, and its factors: each distinct one is read once."""
    table = market.table("factors")
    rows = table[table["event"] == "initial"]
    distinct = rows.drop_duplicates("factor")
    basket, _ = parse_events(distinct)
    by_text = {text: basket.factors[code] for text, code in zip(distinct["factor"], distinct["code"], strict=True)}
    return basket.since, {code: by_text[text] for code, text in zip(rows["code"], rows["factor"], strict=True)}


def _write(
    numbers: np.ndarray, at: Mapping[str, int], before: Mapping[str, Fraction], after: Mapping[str, Fraction]
) -> None:
    for code in before:
        if code not in after and code in at:
            numbers[at[code]] = np.nan
    for code, factor in after.items():
        if before.get(code) is not factor and code in at:
            numbers[at[code]] = float(factor)


def leaving_rows(market: MarketData, bars: Bars) -> Leaving:
    """Return when names that leave the index are given up: at the open of their last session in it.

    A name that goes on the day of its announcement, or without one, is given up as soon as it is known; by then it
    may have stopped trading.
    """
    events = [event for event in market.events if foreseen.codes_of(event, ("deletions",))]
    last = foreseen.decision_rows(bars, (event.effective for event in events), -1)
    known = np.searchsorted(bars.decided, np.array([known_from(e) for e in events], dtype="datetime64[m]"))
    gone = np.searchsorted(bars.session, np.array([e.effective for e in events], dtype="datetime64[D]"))
    found: dict[str, list[tuple[int, int]]] = {}
    for event, row, first in zip(events, np.maximum(last, known).tolist(), gone.tolist(), strict=True):
        for code in foreseen.codes_of(event, ("deletions",)):
            found.setdefault(code, []).append((row, first))
    return found


def highest(values: np.ndarray, count: int, among: Collection[int] | None = None) -> np.ndarray:
    """Return which of the values of each row are its `count` highest; the first of equal ones.

    Parameters
    ----------
    values : ndarray of float64, shape (r, n)
        NaN is never among them.
    count : int
    among : collection of int, optional
        Columns that count; None is all.

    Returns
    -------
    ndarray of bool, shape (r, n)

    Examples
    --------
    >>> highest(np.array([[3.0, float("nan"), 5.0, 5.0]]), 2, [0, 1, 2]).tolist()
    [[True, False, True, False]]
    """
    columns = np.zeros(values.shape[1], dtype=bool)
    columns[slice(None) if among is None else sorted(among)] = True
    ranked = np.where(np.isnan(values) | ~columns, -np.inf, values)
    order = np.argsort(-ranked, axis=1, kind="stable")[:, :count]
    chosen = np.zeros(values.shape, dtype=bool)
    np.put_along_axis(chosen, order, True, axis=1)
    kept: np.ndarray = chosen & np.isfinite(ranked)
    return kept


def equal_parts(
    n_bars: int,
    codes: Sequence[str],
    starts: np.ndarray,
    ends: np.ndarray,
    chosen: np.ndarray,
    leaving: Leaving,
) -> np.ndarray:
    """Return what is held after each decision, in equal parts that sum to one, until a name leaves.

    Parameters
    ----------
    n_bars : int
    codes : sequence of str, n of them
    starts, ends : ndarray of int, shape (r,)
        Rows [start, end) of each spell; no two overlap.
    chosen : ndarray of bool, shape (r, n)
        The names of each spell.
    leaving : mapping
        Of `leaving_rows`.

    Returns
    -------
    ndarray of float64, shape (n_bars, n)
    """
    held = np.zeros((n_bars, len(codes)))
    for start, end, names in zip(starts.tolist(), ends.tolist(), chosen, strict=True):
        picked = np.flatnonzero(names)
        if len(picked):
            held[start:end, picked] = 1.0 / len(picked)
        for k in picked.tolist():
            for row, _ in leaving.get(codes[k], ()):
                if start < row < end:
                    held[row:end, k] = 0.0
    return held
