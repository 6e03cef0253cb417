"""What a run can trade on each bar, and on which terms: integers, from the market and the fact tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from backtests.trading.execution import PER_WHOLE, PER_YEN, round_to_tick
from backtests.trading.instruments import Instrument, with_size_class
from backtests.trading.quotes import ADJUSTED, Conventions, distributions_of, quotes_of, splits_of, volumes_of
from backtests.trading.terms import limit_table, margin_table
from indexsim.bars import Bars
from indexsim.errors import DataError, Finding
from indexsim.index import PriceWeightedIndex
from indexsim.market import MarketData
from indexsim.tick_sizes import TickTable, tick_table

_ABSENT = np.empty((0, 0), dtype=np.int64)


@dataclass(frozen=True)
class Feed:
    """What can be traded on each bar, and on which terms; n bars, k instruments.

    Attributes
    ----------
    open, close : ndarray of int64, shape (n, k)
        In 0.01 yen or points; 0 where there is no print.
    mark : ndarray of int64, shape (n, k)
        What is held is worth after the bar: the close, or the last print before it, 0 before the first; where a
        contract is rolled, the close of the next one.
    open_tick, close_tick : ndarray of int64, shape (n, k)
        Tick in force at each price.
    distribution : ndarray of int64, shape (n, k)
        Sen per share paid to who held before the bar's open.
    initial, maintenance : ndarray of int64, shape (n, k)
        Part of the notional that a position binds, and below which it is closed, in 1e-6.
    splits : mapping of (bar, k) to (new, old)
        New shares per old, before the bar's open.
    settle : ndarray of int64, shape (n, k)
        Price at which a contract ends before the bar's open; 0 = it does not.
    roll : ndarray of int64, shape (n, k)
        Close of the contract that is rolled into after the bar; 0 = no roll.
    lower, upper : ndarray of int64, shape (n, k)
        Price limits of the bar; 0 = none.
    days : ndarray of int64, shape (n,)
        Calendar days since the bar before.
    long_rate, short_rate : ndarray of int64, shape (n, k)
        What holding costs per year, in 1e-6: funding of a CFD, borrowing of a share sold short.
    cash_rate : ndarray of int64, shape (n,)
        What cash earns per year, in 1e-6.
    volume : ndarray of int64, shape (n, k)
        Shares or contracts traded in the bar; 0 = none or unknown.
    impact : ndarray of float64, shape (n, k)
        Slippage in 0.01 bp per square root of the quantity.
    notes : tuple of str
        Where the prices come from and what they leave out.
    """

    open: np.ndarray
    close: np.ndarray
    mark: np.ndarray
    open_tick: np.ndarray
    close_tick: np.ndarray
    distribution: np.ndarray
    initial: np.ndarray
    maintenance: np.ndarray
    splits: Mapping[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    settle: np.ndarray = field(default_factory=lambda: _ABSENT)
    roll: np.ndarray = field(default_factory=lambda: _ABSENT)
    lower: np.ndarray = field(default_factory=lambda: _ABSENT)
    upper: np.ndarray = field(default_factory=lambda: _ABSENT)
    days: np.ndarray = field(default_factory=lambda: _ABSENT)
    long_rate: np.ndarray = field(default_factory=lambda: _ABSENT)
    short_rate: np.ndarray = field(default_factory=lambda: _ABSENT)
    cash_rate: np.ndarray = field(default_factory=lambda: _ABSENT)
    volume: np.ndarray = field(default_factory=lambda: _ABSENT)
    impact: np.ndarray = field(default_factory=lambda: _ABSENT)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Read what is not given as nothing of it."""
        for part in fields(self):
            if getattr(self, part.name) is _ABSENT:
                shape = len(self.mark) if part.name in ("days", "cash_rate") else self.mark.shape
                kind = np.float64 if part.name == "impact" else np.int64
                object.__setattr__(self, part.name, np.zeros(shape, dtype=kind))


def make_feed(
    market: MarketData,
    instruments: Sequence[Instrument],
    bars: Bars,
    conventions: Conventions | None = None,
    index: PriceWeightedIndex | None = None,
) -> Feed:
    """Return the integer prices and terms of instruments on bars.

    Parameters
    ----------
    index : PriceWeightedIndex, optional
        The rebuilt one, where it is at hand: futures are priced with its dividends.

    Raises
    ------
    DataError
        For a fund price that is no multiple of 0.01 yen: it was adjusted, and never traded.
    MissingData
        Volumes are needed and absent, or a future cannot be priced.
    """
    how = conventions or Conventions()
    columns = [_column(market, i, bars, how, index) for i in instruments]
    wide = {name: np.column_stack([c.arrays[name] for c in columns]) for name in columns[0].arrays}
    splits = {(t, k): ratio for k, c in enumerate(columns) for t, ratio in c.splits.items()}
    # By the day a bar opens: what a weekend costs is paid on Monday's day, not on the night that opens on Friday.
    opened = bars.opened.astype("datetime64[D]")
    days = np.diff(opened, prepend=opened[:1]).astype(np.int64)
    cash_rate = np.full(len(bars), round(how.cash_rate * PER_WHOLE), dtype=np.int64)
    notes = tuple(dict.fromkeys(note for c in columns for note in c.notes))
    return Feed(**wide, splits=splits, days=days, cash_rate=cash_rate, notes=notes)


@dataclass(frozen=True)
class _Column:
    """One instrument's part of a feed: arrays of shape (n,) by name, splits by bar, notes."""

    arrays: dict[str, np.ndarray]
    splits: dict[int, tuple[int, int]]
    notes: tuple[str, ...]


def _column(
    market: MarketData, i: Instrument, bars: Bars, how: Conventions, index: PriceWeightedIndex | None
) -> _Column:
    quotes = quotes_of(market, i, bars, how, index)
    table = tick_table(with_size_class(i, market).ticks)
    parts = (_to_units(market, i, p, bars, how) for p in (quotes.open, quotes.close, quotes.rolled))
    opened, closed, rolled = (_on_tick(i, table, bars, units) for units in parts)
    splits = splits_of(market, i, bars)
    # What is rolled is worth the next contract, also on bars without a print after it.
    mark = _last_print(np.where(rolled > 0, rolled, closed), opened, splits)
    initial, maintenance = margin_table(i.margins).rates(bars.session)
    lower, upper = limit_table(i.limits).limits(bars.session, _references(mark, bars, splits))
    rates = (i.funding_long, i.funding_short) if i.cash_settled else (0, i.borrow_rate)
    volume, impact = volumes_of(market, i, bars, how, quotes.close)
    arrays = {
        "open": opened,
        "close": closed,
        "mark": mark,
        "open_tick": table.ticks(bars.session, opened),
        "close_tick": table.ticks(bars.session, closed),
        "distribution": distributions_of(market, i, bars),
        "initial": initial,
        "maintenance": maintenance,
        "settle": np.rint(np.nan_to_num(quotes.settled) * PER_YEN).astype(np.int64),
        "roll": rolled,
        "lower": lower,
        "upper": upper,
        "long_rate": np.full(len(bars), rates[0]),
        "short_rate": np.full(len(bars), rates[1]),
        "volume": volume,
        "impact": impact,
    }
    return _Column(arrays, splits, quotes.notes)


def _to_units(market: MarketData, i: Instrument, prices: np.ndarray, bars: Bars, how: Conventions) -> np.ndarray:
    scaled = np.nan_to_num(prices, nan=0.0) * PER_YEN
    units: np.ndarray = np.rint(scaled).astype(np.int64)
    odd = np.flatnonzero(np.abs(scaled - units) > 1e-4)
    if len(odd) and not i.cash_settled and ADJUSTED not in how.waived:
        at = int(odd[0])
        file = market.folder.files[i.series if i.kind == "etf" else "closes"].name
        found = f"{prices[at]!r} is no multiple of 0.01 yen: an adjusted price was never traded ({len(odd)} rows)"
        finding = Finding(file, str(bars.session[at]), i.series, ADJUSTED, found, waivable=True)
        raise DataError([finding], f"trade {i.name}")
    return units


def _on_tick(i: Instrument, table: TickTable, bars: Bars, units: np.ndarray) -> np.ndarray:
    """Round what is computed, not quoted, to its tick: indexes and the carry model know none."""
    return round_to_tick(units, table.ticks(bars.session, units)) if i.cash_settled else units


def _last_print(closed: np.ndarray, opened: np.ndarray, splits: Mapping[int, tuple[int, int]]) -> np.ndarray:
    """Carry the last print forward: the close, on a bar without one its open, else the bar before."""
    last = np.where(closed > 0, closed, opened)
    row = np.maximum.accumulate(np.where(last > 0, np.arange(len(last)), 0))
    carried: np.ndarray = last[row]
    for t, (new, old) in splits.items():
        stale = (np.arange(len(last)) >= t) & (row < t)
        carried[stale] = carried[stale] * old // new
    return carried


def _references(mark: np.ndarray, bars: Bars, splits: Mapping[int, tuple[int, int]]) -> np.ndarray:
    """Return the price from which each bar's limits count: the last mark of the session before."""
    ends = np.flatnonzero(bars.last_of_session)
    session = np.searchsorted(ends, np.arange(len(mark)), side="left")
    found = np.where(session > 0, mark[ends[np.maximum(session - 1, 0)]], 0)
    for t, (new, old) in splits.items():
        same = bars.session == bars.session[t]
        found[same] = found[same] * old // new
    return found
