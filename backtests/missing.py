"""What a market lacks for a run, said by name, with what the run does instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from backtests import benchmarks
from backtests.trading.feeds import Feed
from backtests.trading.instruments import Instrument
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
    if strategy.clock != "nights" and any(i.kind == "future" for i in traded) and not market.has_nights:
        found.append("futures: no night prices; from the close of a day to its next open nothing trades")
    names = dict.fromkeys([*strategy.needs(params), *(name for i in traded for name in i.files)])
    found += _holes(market, names, bars)
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


def of_feed(market: MarketData, traded: Sequence[Instrument], feed: Feed) -> tuple[str, ...]:
    """Return a sentence for everything the traded instruments lack: prices, payments, and what stands in for them."""
    found = list(feed.notes)
    for k, i in enumerate(traded):
        found += _unpaid(market, i) if i.payments else []
        for what, prices in (("open", feed.open), ("close", feed.close)):
            unprinted = int((prices[:, k] == 0).sum())
            if unprinted:
                found.append(f"{i.name}: no {what} on {unprinted} of {len(prices)} bars; orders at it are rejected")
    return tuple(found)


def _unpaid(market: MarketData, i: Instrument) -> list[str]:
    table = market.folder.frame(i.payments) if market.has(i.payments) else None
    amounts = None if table is None else table["yen"][table["code"] == i.series]
    if amounts is None or amounts.empty:
        return [f"{i.payments}: none for {i.series}; its returns are price returns"]
    blank = int(amounts.isna().sum())
    return [f"{i.payments}: {blank} of {i.series} without an amount; they are not paid"] if blank else []


def _unannounced(market: MarketData) -> list[str]:
    count = sum(event.announced is None for event in market.events)
    return [f"factors: {count} events without announced_date; they are known only when they act"] if count else []
