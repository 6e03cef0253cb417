"""Runs made by hand: prices and targets as columns of numbers, for the tests of the engine and the broker.

Prices are in yen; 0 is a bar without a print.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from backtests.engine import Execution, execute
from backtests.trading.broker import Terms
from backtests.trading.feeds import Feed
from backtests.trading.instruments import Instrument, instrument
from indexsim.bars import Bars, make_bars
from strategies.base import Targets

NAN = float("nan")
NO_ROOM = "margin or notional plus fee exceeds the equity"
BARS = make_bars(pd.Timestamp("2021-01-04"), pd.Timestamp("2021-12-30"), "daily")

#: Multiplier 100, tick 5, 38.5 yen a contract, 10 % margin.
MINI = instrument("nikkei_mini")
#: Lots of 10, fee 5 bp, paid in full.
FUND = instrument("etf_1306")
#: Funds without fees, one share a lot, for arithmetic that fits in a line.
PLAIN = dataclasses.replace(FUND, name="plain", lot=1, fee_rate=0)
OTHER = dataclasses.replace(PLAIN, name="other")

Columns = Sequence[Sequence[float]]


def units(columns: Columns) -> np.ndarray:
    """Columns of yen as an array of 0.01 yen, shape (n_bars, k)."""
    return np.rint(np.array(columns, dtype="float64").T * 100).astype(np.int64)


def make_feed(
    instruments: Sequence[Instrument],
    opens: Columns,
    closes: Columns,
    ticks: Sequence[float],
    distributions: Columns | None = None,
    margins: Sequence[tuple[float, float]] | None = None,
    **more: Any,
) -> tuple[Feed, Bars]:
    """Make a feed of one column per instrument; `margins` are (initial, maintenance) as shares of the notional."""
    opened, closed = units(opens), units(closes)
    tick = np.tile(np.rint(np.array(ticks) * 100).astype(np.int64), (len(opened), 1))
    mark = np.zeros_like(closed)
    for t in range(len(mark)):
        for k in range(mark.shape[1]):
            mark[t, k] = closed[t, k] or opened[t, k] or (mark[t - 1, k] if t else 0)
    paid = np.zeros_like(closed) if distributions is None else units(distributions)
    rates = margins or [(0.1 if i.cash_settled else 1.0, 0.0) for i in instruments]
    parts = np.rint(np.array(rates) * 1_000_000).astype(np.int64)
    initial, maintenance = (np.tile(part, (len(opened), 1)) for part in parts.T)
    mark = np.where(more["roll"], more["roll"], mark) if "roll" in more else mark
    return Feed(opened, closed, mark, tick, tick, paid, initial, maintenance, **more), BARS[: len(opened)]


def trade(
    instruments: Sequence[Instrument],
    opens: Columns,
    closes: Columns,
    *,
    at_open: Columns | None = None,
    at_close: Columns | None = None,
    unit: str = "contracts",
    cash: float = 1_000_000,
    distributions: Columns | None = None,
    tick: float = 1,
    margins: Sequence[tuple[float, float]] | None = None,
    feed: dict[str, Any] | None = None,
    deposits: Sequence[float] | None = None,
    **terms: Any,
) -> Execution:
    """Run targets given as one column per instrument; `feed` holds further fields of the feed."""
    none = [[NAN] * len(opens[0])] * len(instruments)
    rows = [np.array(none if part is None else part, dtype="float64").T for part in (at_open, at_close)]
    targets = Targets(
        tuple(i.name for i in instruments), rows[0], rows[1], unit, None if deposits is None else np.array(deposits)
    )
    ticks = [tick] * len(instruments)
    prices, bars = make_feed(instruments, opens, closes, ticks, distributions, margins, **(feed or {}))
    settled = {"reserve": (0.0,) * len(instruments), "slippage_rate": 0, "slippage_ticks": 0, **terms}
    return execute(targets, prices, instruments, bars, Terms(cash=round(cash * 100), **settled))


def fills(execution: Execution) -> list[tuple[int, int, int, float]]:
    """(bar, instrument, quantity, price in yen) of every fill, in order."""
    return [(f.bar, f.k, f.quantity, f.price / 100) for f in execution.book.fills]


def rejections(execution: Execution) -> list[tuple[int, int, int, str]]:
    """(bar decided, instrument, quantity, reason) of every rejected order, in order."""
    return [(o.bar, o.k, o.quantity, o.reason) for o in execution.orders if o.status == "rejected"]


def yen(execution: Execution) -> list[float]:
    return [e / 100 for e in execution.equity.tolist()]
