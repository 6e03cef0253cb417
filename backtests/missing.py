"""What a market lacks for a run, said by name, with what the run does instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from backtests import benchmarks
from backtests.instruments import Instrument
from indexsim.bars import Bars
from indexsim.market import MarketData
from indexsim.schema import FILES
from strategies.base import Strategy


def of_run(
    market: MarketData,
    strategy: type[Strategy],
    params: Any,
    traded: Sequence[Instrument],
    bars: Bars,
    start: date | None,
) -> tuple[str, ...]:
    """Return a sentence for everything the run would need and the market does not hold.

    Parameters
    ----------
    market : MarketData
        As known at the end of the run.
    strategy, params
        Whose needs count.
    traded : sequence of Instrument
    bars : Bars
        The bars traded.
    start : date or None
        First day that was asked for.
    """
    found = []
    if start and np.datetime64(start, "D") < benchmarks.with_start(bars).to_numpy()[0].astype("datetime64[D]"):
        found.append(f"from {start}: the market begins later; traded from {bars.session[0]}")
    if strategy.clock == "daily" and not market.has("halves"):
        found.append("halves: no morning closes; one bar a session")
    names = dict.fromkeys([*strategy.needs(params), *(i.series for i in traded)])
    found += _holes(market, names, bars)
    for i in traded:
        found += _of_instrument(market, i, bars)
    if "factors" in names:
        found += _unannounced(market)
    found += [text for b in benchmarks.BENCHMARKS if (text := benchmarks.missing(market, bars, b))]
    return tuple(found)


def _holes(market: MarketData, names: Iterable[str], bars: Bars) -> list[str]:
    """Name the sessions of the run on which a file of days has no row: what it says is unknown there."""
    days = pd.DatetimeIndex(bars.sessions)
    found = []
    for name in names:
        if FILES[name].date_indexed and FILES[name].tokyo:
            absent = pd.Series(~days.isin(market.folder.frame(name).index), index=days)
            if absent.any():
                found.append(f"{name}: {benchmarks.absent_spans(absent)}; unknown there")
    return found


def _of_instrument(market: MarketData, i: Instrument, bars: Bars) -> list[str]:
    found = []
    if i.cash_settled:
        found.append(f"futures: no prices of {i.name}; it trades at {i.series} itself, with no basis, roll or expiry")
    else:
        found += _unpaid(market, i)
    prices = market.prices(i.series, bars)
    for what, series in (("open", prices.open), ("close", prices.close)):
        unprinted = int(np.isnan(series).sum())
        if unprinted:
            found.append(f"{i.series}: no {what} on {unprinted} of {len(bars)} bars; orders at it are rejected")
    return found


def _unpaid(market: MarketData, i: Instrument) -> list[str]:
    table = market.folder.frame("distributions") if market.has("distributions") else None
    amounts = None if table is None else table["yen"][table["code"] == i.series]
    if amounts is None or amounts.empty:
        return [f"distributions: none for {i.series}; its returns are price returns"]
    blank = int(amounts.isna().sum())
    return [f"distributions: {blank} of {i.series} without an amount; they are not paid"] if blank else []


def _unannounced(market: MarketData) -> list[str]:
    count = sum(event.announced is None for event in market.events)
    return [f"factors: {count} events without announced_date; they are known only when they act"] if count else []
