"""The compiled path against the event-driven engine: the same fills, rejections and integer money on every bar."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from backtests.engine import Execution, execute
from backtests.fast.machine import Batch, Machine, Ruler, TargetRows, term_rows
from backtests.fast.tape import make_tape
from backtests.sweeps.proof import fills_of, orders_of
from backtests.trading import reasons
from backtests.trading.broker import Terms
from backtests.trading.feeds import Feed
from backtests.trading.instruments import Instrument, instrument
from backtests.trading.ledger import round_trips
from indexsim.bars import Bars
from strategies.base import Targets
from tests.conftest import count
from tests.trading import BARS, NAN, PLAIN, make_feed

#: Families: one fund (mostly `backtests.fast.abreast`), several, futures, CFDs, all in one account.
FAMILIES = {
    "fund": ("etf_1306",),
    "funds": ("etf_1321", "etf_1306"),
    "futures": ("nikkei_mini", "topix_mini"),
    "cfds": ("nikkei_cfd",),
    "mixed": ("nikkei_micro", "etf_1306", "stock_7203"),
}


def compare(targets: Targets, feed: Feed, traded: tuple[Instrument, ...], bars: Bars, terms: Terms) -> Execution:
    """Run both, and fail on the first difference; return what the engine did."""
    engine = execute(targets, feed, traded, bars, terms)
    batch, account = Machine(make_tape(feed, traded, bars), 245.0).record(terms, targets)
    assert not batch.beyond[0]
    assert fills_of(account) == [tuple(dataclasses.astuple(f)) for f in engine.book.fills]
    assert orders_of(account, traded) == [(o.bar, o.k, o.at_close, o.quantity, o.reason) for o in engine.orders]
    assert batch.values[0].tolist() == engine.equity.tolist()
    assert_counts(batch, engine, feed, traded, len(bars))
    assert_measured(batch, engine, bars, terms)
    return engine


def assert_counts(batch: Batch, engine: Execution, feed: Feed, traded: tuple[Instrument, ...], n: int) -> None:
    trips = round_trips(engine.book.fills, traded, feed.splits)
    rejected = [o for o in engine.orders if o.status == "rejected"]
    assert batch.counts[0].tolist() == [len(trips), len(engine.book.fills), len(rejected)]
    assert batch.costs[0] == engine.book.costs(n).sum()


def assert_measured(batch: Batch, engine: Execution, bars: Bars, terms: Terms) -> None:
    """The figures of an account are those of its values, to the bit, whoever measures."""
    deposits = np.zeros((1, len(bars)))
    for bar, sen in engine.deposits.items():
        deposits[0, bar - 1] = sen / 100
    values = np.append(float(terms.cash), engine.equity.astype(np.float64))
    measured = Ruler(np.flatnonzero(bars.last_of_session), 245.0).measure(values[None], deposits)
    gauge = batch.gauge
    for own, found in zip((gauge.figures, gauge.log_sums, gauge.log_squares), measured, strict=True):
        np.testing.assert_array_equal(own, found)


def random_market(draw: np.random.Generator, traded: tuple[Instrument, ...], n: int) -> Feed:
    """Prices with gaps, missing prints, splits, payments, limits, rolls, settlements, margins that change."""
    k = len(traded)
    shape = (n, k)
    tick = draw.choice([1, 5, 50, 500], size=k)[None, :] * np.ones(shape, np.int64)
    scale = draw.choice([20_000, 300_000, 2_500_000], size=k)
    walk = scale * np.exp(np.cumsum(draw.normal(0, draw.choice([0.01, 0.05]), (2 * n, k)), axis=0))
    prices = np.maximum(np.rint(walk / tick[0]), 1).astype(np.int64) * tick[0]
    opened, close = prices[0::2].copy(), prices[1::2].copy()
    if draw.random() < 0.5:
        opened[draw.random(shape) < 0.1] = 0
        close[draw.random(shape) < 0.1] = 0
    future = np.array([i.kind == "future" for i in traded])
    paid = np.array([not i.cash_settled for i in traded])
    roll, settle = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    ends = (draw.random(shape) < 0.05) & future
    if draw.random() < 0.5:
        roll[ends & (close > 0)] = (close * 1.01 // tick * tick).astype(np.int64)[ends & (close > 0)]
    else:
        settle[ends] = (np.maximum(opened, close) * 0.99 // 1).astype(np.int64)[ends]
    splitting = 0.03 if k > 1 or draw.random() < 0.2 else 0.0
    splits = {
        (int(t), int(j)): [(2, 1), (3, 2), (11, 10), (1, 10)][int(draw.integers(4))]
        for t, j in np.argwhere((draw.random(shape) < splitting) & paid)
        if t
    }
    mark = np.zeros(shape, np.int64)
    for t in range(n):
        for j in range(k):
            new, old = splits.get((t, j), (1, 1))
            carried = mark[t - 1, j] * old // new if t else 0
            mark[t, j] = roll[t, j] or close[t, j] or opened[t, j] or carried
    initial = np.where(paid, 1_000_000, draw.choice([50_000, 100_000, 900_000], size=shape))
    maintenance = np.where(paid, 1_000_000, initial * draw.choice([5, 8, 10]) // 10)
    limits = draw.random() < 0.3
    reference = np.maximum(mark, 1)
    return Feed(
        open=opened, close=close, mark=mark, open_tick=tick, close_tick=tick,
        distribution=np.where((draw.random(shape) < 0.05) & paid, draw.integers(1, 5_000, shape), 0),
        initial=initial, maintenance=maintenance, splits=splits, settle=settle, roll=roll,
        lower=reference * 9 // 10 if limits else np.zeros(shape, np.int64),
        upper=reference * 11 // 10 if limits else np.zeros(shape, np.int64),
        days=np.append(0, draw.choice([0, 1, 3], size=n - 1)),
        long_rate=np.where(paid, 0, draw.choice([0, 20_000])) * np.ones(shape, np.int64),
        short_rate=np.full(shape, draw.choice([0, 15_000, -10_000])),
        cash_rate=np.full(n, draw.choice([0, 5_000])),
    )  # fmt: skip


def random_targets(draw: np.random.Generator, traded: tuple[Instrument, ...], n: int) -> Targets:
    """Steps of targets at both instants; some rows order nothing, some more than the account can bear."""
    k, unit = len(traded), str(draw.choice(["equity", "notional", "contracts"]))
    sizes = {"equity": 1.5, "notional": 2e7, "contracts": 300.0}
    levels = np.round(draw.uniform(-1, 1, (6, k)) * sizes[unit], 2)
    levels[0] = 0.0
    if k == 1 and draw.random() < 0.8:
        levels = np.abs(levels)
    parts = []
    for _ in range(2):
        chosen = np.repeat(draw.integers(0, 6, n // 3 + 1), 3)[:n]
        part = levels[chosen]
        part[draw.random((n, k)) < draw.choice([0.0, 0.5, 1.0])] = np.nan
        parts.append(part)
    deposits = np.where(draw.random(n) < 0.1, np.round(draw.uniform(-1e5, 1e6, n), 2), 0.0)
    paid_in = deposits if draw.random() < (0.3 if k > 1 else 0.1) else None
    return Targets(tuple(i.name for i in traded), parts[0], parts[1], unit, paid_in)


class Counting(Machine):
    """Counts the trials that do not go abreast."""

    followed = 0

    def _follow(self, *given: Any, **how: Any) -> None:
        self.followed += len(given[-1])
        super()._follow(*given, **how)


def test_trials_of_one_batch_do_not_meddle_with_each_other() -> None:
    """Funds, abreast and otherwise, of one slippage or several: each as if it were alone."""
    traded, abreast = (instrument("etf_1306"),), 0
    for seed in range(count(100)):
        draw = np.random.default_rng([seed, 77])
        n = int(draw.integers(2, 61))
        feed = random_market(draw, traded, n)
        machine = Machine(make_tape(feed, traded, BARS[:n]), 245.0)
        trials = [(random_targets(draw, traded, n), random_terms(draw, 1)) for _ in range(12)]
        trials = [(targets, terms) for targets, terms in trials if targets.unit == trials[0][0].unit]
        alone = [machine.record(terms, targets)[0] for targets, terms in trials]
        rows, reserves = term_rows([terms for _, terms in trials])
        parts = [np.stack([getattr(t, name).T for t, _ in trials]) for name in ("at_open", "at_close")]
        deposits = np.stack([np.zeros(n) if t.deposits is None else t.deposits for t, _ in trials])
        machine, batch = Counting(machine.tape, 245.0), machine.batch(len(trials))
        targets = TargetRows(*parts, deposits)
        machine.trade(rows, reserves, Targets.UNITS.index(trials[0][0].unit), targets, 0, batch)
        abreast += len(trials) - machine.followed

        for i, one in enumerate(alone):
            assert batch.values[i].tolist() == one.values[0].tolist()
            assert batch.counts[i].tolist() == one.counts[0].tolist()
            assert batch.costs[i] == one.costs[0]
            for name in ("figures", "log_sums", "log_squares"):
                np.testing.assert_array_equal(getattr(batch.gauge, name)[i], getattr(one.gauge, name)[0])
    assert abreast >= count(50)


@pytest.mark.parametrize(
    ("held", "closed"),
    [
        ([3, 6, 4, 0], 3),  # 2 of the first, its last with all of the second
        ([3, 6, 3, 0], 2),  # the first to its end, the second
        ([1, 2, 3, 4, 5, 6, 7, 0], 7),  # more purchases open than are kept at hand
        ([2, 4, 6, 8, 10, 12, 5, 0], 7),  # three and a part of the fourth, its rest and two more
        ([4, 8, 12, 16, 20, 2, 0], 6),
    ],
)
def test_round_trips_are_counted_however_many_purchases_are_open(held: list[int], closed: int) -> None:
    n = len(held) + 1
    feed, bars = make_feed((PLAIN,), [[100.0] * n], [[100.0] * n], [1.0])
    targets = Targets(("plain",), np.array([*held, NAN])[:, None], np.full((n, 1), NAN), "contracts")
    machine = Counting(make_tape(feed, (PLAIN,), bars), 245.0)
    batch = machine.batch(1)
    row, reserves = term_rows([Terms(1_000_000, (0.0,), 0, 0, "on-change")])
    wanted = TargetRows(targets.at_open.T[None].copy(), targets.at_close.T[None].copy(), np.zeros((1, n)))
    machine.trade(row, reserves, Targets.UNITS.index("contracts"), wanted, 0, batch)
    assert machine.followed == 0
    assert batch.counts[0].tolist() == [closed, len(held), 0]
    compare(targets, feed, (PLAIN,), bars, Terms(1_000_000, (0.0,), 0, 0, "on-change"))


def test_money_that_comes_after_the_last_bar_is_no_part_of_the_figures() -> None:
    # Forty sessions whose returns, multiplied, miss the last value by a rounding.
    closes = np.random.default_rng(0).integers(80, 120, 40).astype(float).tolist()
    feed, bars = make_feed((PLAIN,), [closes], [closes], [1.0])
    never, held, deposits = np.full((40, 1), NAN), np.full((40, 1), NAN), np.zeros(40)
    held[0], deposits[-1] = 77.0, 500.0
    targets = Targets(("plain",), held, never, "contracts", deposits)
    engine = compare(targets, feed, (PLAIN,), bars, Terms(1_000_000, (0.0,), 0, 0, "on-change"))
    assert not engine.deposits


def random_terms(draw: np.random.Generator, k: int) -> Terms:
    return Terms(
        cash=int(draw.integers(1, 2_000)) * 1_000_000,
        reserve=tuple(draw.choice([0.0, 0.02, 0.35], size=k).tolist()),
        slippage_rate=int(draw.choice([0, 100, 2_500])),
        slippage_ticks=int(draw.choice([0, 1, 3])),
        rebalance=str(draw.choice(["on-change", "every-bar"])),
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_equal_on_random_markets(family: str) -> None:
    traded = tuple(instrument(name) for name in FAMILIES[family])
    seen: set[str] = set()
    for seed in range(count(500)):
        draw = np.random.default_rng([seed, len(family)])
        n = int(draw.integers(2, 61))
        feed = random_market(draw, traded, n)
        engine = compare(random_targets(draw, traded, n), feed, traded, BARS[:n], random_terms(draw, len(traded)))
        seen |= {o.reason for o in engine.orders} | {f.why for f in engine.book.fills}
    assert reasons.words(reasons.NO_ROOM) in seen
