"""Prices of the instruments a run trades, as integers on its bars."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtests.execution import PER_YEN, round_to_tick
from backtests.instruments import Instrument, tick_table
from indexsim.bars import Bars
from indexsim.errors import DataError, Finding
from indexsim.market import MarketData

#: The rule that a fund's price must be one at which it could trade; may be waived.
ADJUSTED = "price-as-traded"


@dataclass(frozen=True)
class Feed:
    """What can be traded on each bar; n bars, k instruments.

    Attributes
    ----------
    open, close : ndarray of int64, shape (n, k)
        In 0.01 yen or points; 0 where there is no print.
    mark : ndarray of int64, shape (n, k)
        The close, or the last print before it; 0 before the first.
    open_tick, close_tick : ndarray of int64, shape (n, k)
        Tick in force at each price.
    distribution : ndarray of int64, shape (n, k)
        Sen per share paid to who held before the bar's open.
    """

    open: np.ndarray
    close: np.ndarray
    mark: np.ndarray
    open_tick: np.ndarray
    close_tick: np.ndarray
    distribution: np.ndarray


def make_feed(market: MarketData, instruments: Sequence[Instrument], bars: Bars, waived: Collection[str] = ()) -> Feed:
    """Return the integer prices of instruments on bars.

    A future without a price file trades at its index, rounded to its tick: no basis, no roll.

    Parameters
    ----------
    waived : collection of str
        With `ADJUSTED` in it, adjusted prices of funds are rounded to 0.01 yen.

    Raises
    ------
    DataError
        For a fund price that is no multiple of 0.01 yen: it was adjusted, and never traded.
    """
    columns = [_columns(market, i, bars, ADJUSTED in waived) for i in instruments]
    opened, closed, open_tick, close_tick, paid = (np.column_stack(part) for part in zip(*columns, strict=True))
    return Feed(opened, closed, _last_print(closed, opened), open_tick, close_tick, paid)


def _columns(market: MarketData, i: Instrument, bars: Bars, adjusted: bool) -> tuple[np.ndarray, ...]:
    prices = market.prices(i.series, bars)
    table = tick_table(i.ticks)
    opened, closed = (_to_units(market, i, p, bars, adjusted) for p in (prices.open, prices.close))
    open_tick, close_tick = (table.ticks(bars.session, p) for p in (opened, closed))
    if i.cash_settled:
        opened, closed = round_to_tick(opened, open_tick), round_to_tick(closed, close_tick)
    return opened, closed, open_tick, close_tick, _distributions(market, i, bars)


def _to_units(market: MarketData, i: Instrument, prices: np.ndarray, bars: Bars, adjusted: bool) -> np.ndarray:
    scaled = np.nan_to_num(prices, nan=0.0) * PER_YEN
    units: np.ndarray = np.rint(scaled).astype(np.int64)
    odd = np.flatnonzero(np.abs(scaled - units) > 1e-4)
    if len(odd) and not i.cash_settled and not adjusted:
        at = int(odd[0])
        file = market.folder.files[i.series].name
        found = f"{prices[at]!r} is no multiple of 0.01 yen: an adjusted price was never traded ({len(odd)} rows)"
        finding = Finding(file, str(bars.session[at]), "", ADJUSTED, found, waivable=True)
        raise DataError([finding], f"trade {i.name}")
    return units


def _last_print(closed: np.ndarray, opened: np.ndarray) -> np.ndarray:
    """Carry the last print forward: the close, on a bar without one its open, else the bar before."""
    last = np.where(closed > 0, closed, opened)
    row = np.where(last > 0, np.arange(len(last))[:, None], 0)
    carried: np.ndarray = np.take_along_axis(last, np.maximum.accumulate(row, axis=0), axis=0)
    return carried


def _distributions(market: MarketData, i: Instrument, bars: Bars) -> np.ndarray:
    paid = np.zeros(len(bars), dtype=np.int64)
    if i.cash_settled or not market.has("distributions"):
        return paid
    # From the folder, not from what is known: the payment of the last bar's ex-date is made, known or not.
    table = market.folder.frame("distributions")
    own = table[(table["code"] == i.series) & table["yen"].notna()]
    # A payment whose ex-date is no session falls on the first bar after it.
    at = np.searchsorted(bars.session, own["ex_date"].to_numpy().astype("datetime64[D]"), side="left")
    inside = (at < len(bars)) & (own["ex_date"] >= pd.Timestamp(bars.session[0])).to_numpy()
    np.add.at(paid, at[inside], np.rint(own["yen"].to_numpy()[inside] * PER_YEN).astype(np.int64))
    return paid
