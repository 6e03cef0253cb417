"""Random books over all instruments and terms: no yen is lost or made, whatever happens to them.

Each book runs through the engine, which audits every bar against fills and prices; here its cash is added up
from the movements written down, and its gain from the closed round trips.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from backtests.engine import Execution, execute
from backtests.trading.broker import Terms
from backtests.trading.feeds import Feed
from backtests.trading.instruments import Instrument, instrument, instruments
from backtests.trading.ledger import Fill, round_trips
from indexsim.bars import Bars
from strategies.base import Targets
from tests.conftest import count
from tests.trading import BARS

EVERY = (*instruments(), "stock_7203")
BOOKS = 2_000
BATCHES = 4
#: A stock's split: most keep whole shares, some leave fractions, one is a reverse split.
RATIOS = ((2, 1), (3, 2), (11, 10), (1, 10), (5, 1))


@pytest.mark.parametrize("batch", range(BATCHES))
def test_no_yen_is_lost_or_made(batch: int) -> None:
    seen = dict.fromkeys(("filled", "rejected", "partly", "roll", "settlement", "margin call", "fraction"), 0)
    for number in range(batch, count(BOOKS), BATCHES):
        random = np.random.default_rng([225, number])
        traded, feed, bars = _market(random)
        targets, terms = _targets(random, traded, len(bars)), _terms(random, len(traded))
        done = execute(targets, feed, traded, bars, terms)
        _reconcile(done, traded, feed, terms.cash)
        for record in done.orders:
            seen[record.status] += 1
        for fill in done.book.fills:
            seen[fill.why or "filled"] += 1
        seen["fraction"] += sum(e.kind == "fraction" for e in done.book.entries)

    assert min(seen.values()) > 0, seen


def _reconcile(done: Execution, traded: tuple[Instrument, ...], feed: Feed, cash: int) -> None:
    """Add the cash up from its movements, and the gain from the round trips, the open ones closed at the marks."""
    book, last = done.book, len(feed.mark) - 1
    assert cash + sum(e.sen for e in book.entries) == book.cash
    rest = [
        Fill(last, k, True, -held, mark, mark, 0, 0)
        for k, (held, mark) in enumerate(zip(book.quantity, feed.mark[last].tolist(), strict=True))
        if held
    ]
    trips = round_trips([*book.fills, *rest], traded, feed.splits)
    besides = {"distribution", "funding", "borrowing", "interest", "fraction"}
    gain = sum(r.gross - r.fees for r in trips) + sum(e.sen for e in book.entries if e.kind in besides)

    assert int(done.equity[-1]) == cash + gain
    assert book.equity == cash + gain


def _market(random: np.random.Generator) -> tuple[tuple[Instrument, ...], Feed, Bars]:
    n, k = int(random.integers(2, 60)), int(random.integers(1, 5))
    traded = tuple(
        dataclasses.replace(instrument(name), name=f"{name}_{position}")
        for position, name in enumerate(random.choice(EVERY, k).tolist())
    )
    tick = np.array([[int(random.choice([10, 50, 100, 500])) for _ in traded]] * n, dtype=np.int64)
    steps = random.choice([0, 1, -1, 5, -5, 40, -40, 300, -300], (2 * n, k)) * tick[0]
    walk = np.maximum(np.cumsum(steps, axis=0) + 4_000 * tick[0], 50 * tick[0])
    walk[random.random((2 * n, k)) < 0.05] = 0
    opened, closed = walk[0::2], walk[1::2]
    more = _happenings(random, traded, opened, closed)
    mark = _marks(opened, closed, more)
    initial = np.array([[int(random.integers(10_000, 300_000)) if i.cash_settled else 1_000_000 for i in traded]] * n)
    maintenance = initial * int(random.integers(0, 100)) // 100
    maintenance[random.random(n) < 0.1] = 0
    return traded, Feed(opened, closed, mark, tick, tick, initial=initial, maintenance=maintenance, **more), BARS[:n]


def _happenings(
    random: np.random.Generator, traded: tuple[Instrument, ...], opened: np.ndarray, closed: np.ndarray
) -> dict[str, Any]:
    shape, tick = closed.shape, 100
    future = np.array([i.kind == "future" for i in traded])
    in_full = np.array([not i.cash_settled for i in traded])
    rare = random.random(shape) < 0.08
    roll = np.where(rare & future & (closed > 0), closed + random.integers(-9, 9, shape) * tick, 0)
    settle = np.where((random.random(shape) < 0.04) & future & (opened > 0), opened + random.integers(0, 99, shape), 0)
    splits = {
        (t, k): RATIOS[int(random.integers(len(RATIOS)))]
        for t, k in np.argwhere((random.random(shape) < 0.1) & in_full).tolist()
        if t and opened[t, k] > 0
    }
    wide = random.random(shape) < 0.1
    return {
        "distribution": np.where((random.random(shape) < 0.05) & in_full, random.integers(1, 9_999, shape), 0),
        "splits": splits,
        "roll": np.maximum(roll, 0),
        "settle": settle,
        "lower": np.where(wide, opened - 50 * tick, 0),
        "upper": np.where(wide, opened + 50 * tick, 0),
        "days": np.append(0, random.integers(0, 5, shape[0] - 1)),
        "long_rate": random.integers(-20_000, 60_000, shape) * (random.random() < 0.5),
        "short_rate": random.integers(-20_000, 60_000, shape) * (random.random() < 0.5),
        "cash_rate": random.integers(0, 20_000, shape[0]) * int(random.random() < 0.3),
        "volume": random.integers(0, 50_000, shape),
        "impact": random.random(shape) * (random.random() < 0.3),
    }


def _marks(opened: np.ndarray, closed: np.ndarray, more: dict[str, Any]) -> np.ndarray:
    """Return what is held is worth after each bar: the contract rolled into, the close, the open, the mark before."""
    mark = np.zeros_like(closed)
    for t in range(len(mark)):
        last = np.where(closed[t] > 0, closed[t], np.where(opened[t] > 0, opened[t], mark[t - 1] if t else 0))
        mark[t] = np.where(more["roll"][t] > 0, more["roll"][t], last)
    return mark


def _targets(random: np.random.Generator, traded: tuple[Instrument, ...], n: int) -> Targets:
    unit = str(random.choice(["equity", "notional", "contracts"]))
    scale = {"equity": 1.0, "notional": 1e7, "contracts": 300.0}[unit]
    shape = (n, len(traded))
    parts = [
        np.where(random.random(shape) < 0.6, np.nan, np.round(random.normal(0, 2, shape), 2) * scale) for _ in "oc"
    ]
    flat = random.random(shape) < 0.1
    parts[0][flat] = 0.0
    return Targets(tuple(i.name for i in traded), parts[0], parts[1], unit)


def _terms(random: np.random.Generator, k: int) -> Terms:
    return Terms(
        cash=int(random.integers(1, 10**6)) * 10_000,
        reserve=(float(random.choice([0.0, 0.02, 0.5])),) * k,
        slippage_rate=int(random.integers(0, 2_000)),
        slippage_ticks=int(random.integers(0, 3)),
        rebalance=str(random.choice(["on-change", "every-bar"])),
        volume_share=float(random.choice([0.0, 0.001, 0.2])),
    )
