"""The parts of the benchmark: what is measured, against what, on which data."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import tempfile
import warnings
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import backtrader as bt
import numpy as np
import pandas as pd

from backtests.prepare import prepare
from backtests.report import report_folder
from backtests.report.frames import Inputs, adapt
from backtests.run import compute
from backtests.spec import Spec, load_spec
from backtests.verbs import SAMPLE, SPECS
from indexsim.basket import Basket
from indexsim.index import PriceWeightedIndex
from indexsim.market import MarketData
from indexsim.rebuild import rebuild
from indexsim.sample import Sample, write_sample
from indexsim.stream import Stream
from tests.bench.history import long_history
from tests.bench.long_market import write_long_market
from tests.bench.measure import Measurement, compare

#: Sessions of the engine's workload.
SESSIONS = 4_894


def index_history() -> Measurement:
    """Levels and divisors of 14,000 sessions x 420 codes ever held and 1,000 events, against reading the array once."""
    closes, basket, events = long_history()
    array = closes.to_numpy()

    def ours() -> None:
        PriceWeightedIndex.build(closes, basket, events, Decimal(225)).levels()

    name = "index: 1,000 events, levels and divisors / numpy.sum"
    return Measurement(name, *compare(ours, lambda: np.sum(array), 31), 1.5)


def index_ledger() -> Measurement:
    """The same, and every line of the ledger written out with its cause."""
    closes, basket, events = long_history()
    array = closes.to_numpy()

    def ours() -> None:
        index = PriceWeightedIndex.build(closes, basket, events, Decimal(225))
        index.levels()
        index.ledger.entries  # noqa: B018 (written out when it is read)

    name = "index: the same, ledger in words / numpy.sum"
    return Measurement(name, *compare(ours, lambda: np.sum(array), 31), 1.5)


def index_tick() -> Measurement:
    """One validated, exact tick called from Python, against one numpy.dot of 225."""
    stream, codes, prices = _stream()
    pairs, factors = list(zip(codes, prices, strict=True)), np.ones(len(prices))
    array, times = np.array(prices), range(5)

    def ours() -> None:
        tick = stream.tick
        for _ in times:
            for code, price in pairs:
                tick(code, price)

    def reference() -> None:
        dot = np.dot
        for _ in times:
            for _code, _price in pairs:
                dot(array, factors)

    per_tick = 1e6 / (len(times) * len(pairs))
    own, peer = compare(ours, reference, 31)
    name = "index: a tick, validated and exact / numpy.dot of 225"
    return Measurement(name, own * per_tick, peer * per_tick, 1.5, unit="us")


def index_replay() -> Measurement:
    """A day of 200,000 ticks in one call, per tick, against one numpy.dot of 225 each."""
    stream, codes, prices = _stream()
    random, count = np.random.default_rng(0), 200_000
    seconds = np.sort(random.integers(9 * 3600, 15 * 3600, count)).astype("timedelta64[s]")
    drawn = random.integers(0, len(codes), count)
    values = np.round(random.uniform(5_000, 90_000, count)) / 10
    day = np.datetime64("2025-07-03", "s")
    ticks = pd.DataFrame({"time": day + seconds, "code": np.array(codes)[drawn], "price": values})
    array, factors = np.array(prices), np.ones(len(prices))
    own, _ = compare(lambda: stream.replay(ticks), lambda: None, 5)
    peer, _ = compare(lambda: [np.dot(array, factors) for _ in range(10_000)], lambda: None, 5)
    name = "index: replay of 200,000 ticks, each / numpy.dot of 225"
    return Measurement(name, own * 1e6 / count, peer * 1e6 / 10_000, 1.5, unit="us")


def _stream() -> tuple[Stream, list[str], list[float]]:
    random = np.random.default_rng(1)
    codes = [str(1300 + position) for position in range(225)]
    prices = (np.round(random.uniform(5_000, 90_000, 225)) / 10).tolist()
    basket = Basket({code: Fraction(int(random.integers(1, 30)), 10) for code in codes}, date(2025, 7, 3))
    return Stream(basket, Decimal("29.61653922"), dict(zip(codes, prices, strict=True))), codes, prices


def index_levels() -> Measurement:
    """Levels and ledger of 20 years x 225 of 725 codes, against reading the array once."""
    market = _sample()
    rebuilt = rebuild(market)
    closes, basket, events = market.table("closes"), market.folder.events[0], market.events
    divisor = rebuilt.index.ledger.entries[0].after
    array = closes.to_numpy()

    def ours() -> None:
        PriceWeightedIndex.build(closes, basket, events, divisor).levels()

    return Measurement(
        "index: the sample's levels and ledger / numpy.sum", *compare(ours, lambda: np.sum(array), 7), 1.5
    )


def engine_run() -> Measurement:
    """Strategy A from a market in memory to result frames, against idiomatic backtrader."""
    market = _sample()
    sessions = market.bars("daily").session[:SESSIONS]
    spec = _strategy_a(sessions[-1].item())
    setup = prepare(spec)
    frame, vi = (market.table(name).loc[: pd.Timestamp(sessions[-1])] for name in ("etf_1321", "nikkei_vi"))
    with tempfile.TemporaryDirectory() as out:
        times = compare(lambda: compute(setup, Path(out)), lambda: _idiomatic(frame, vi), 5)
    return Measurement("engine: strategy A, safe mode / idiomatic backtrader", *times, 0.30)


def _strategy_a(last: object) -> Spec:
    params = {"low": 18.0, "high": 26.0, "calm": 0.98, "normal": 0.49, "stressed": 0.0, "sma": 100, "trend_in": "all"}
    spec = load_spec(SPECS / "vi_gate.toml")
    return dataclasses.replace(spec, params=params, end=last, reserve=0.0, slippage_bps=0.0)


class _VI(bt.feeds.PandasData):  # type: ignore[misc]
    params = (("openinterest", -1), ("volume", -1))


class _StrategyA(bt.Strategy):  # type: ignore[misc]
    """The same rule as a user of backtrader would write it."""

    def __init__(self) -> None:
        self.mean = bt.indicators.SMA(self.data0.close, period=100)
        self.held = -1.0

    def next(self) -> None:
        vi = self.data1.close[0]
        up = self.data0.close[0] > self.mean[0]
        wanted = (0.98 if vi < 18 else 0.49 if vi < 26 else 0.0) if up else 0.0
        if wanted != self.held:
            self.held = wanted
            self.order_target_percent(self.data0, target=wanted)


_ANALYZERS = ("TimeReturn", "Returns", "DrawDown", "TradeAnalyzer", "SharpeRatio", "Transactions")


def _idiomatic(frame: pd.DataFrame, vi: pd.DataFrame) -> float:
    cerebro = bt.Cerebro()
    cerebro.adddata(bt.feeds.PandasData(dataname=frame), name="etf")
    cerebro.adddata(_VI(dataname=vi), name="vi")
    cerebro.addstrategy(_StrategyA)
    cerebro.broker.setcash(1e8)
    cerebro.broker.setcommission(commission=0.0005)
    for name in _ANALYZERS:
        cerebro.addanalyzer(getattr(bt.analyzers, name))
    cerebro.run()
    return float(cerebro.broker.getvalue())


def report_page() -> Measurement:
    """A page from a stored run, every sheet drawn, against pyfolio's full tear sheet of the same inputs, saved."""
    setup = prepare(load_spec(SPECS / "vi_gate.toml"))
    with tempfile.TemporaryDirectory() as out:
        folder = Path(out)
        result = compute(setup, folder)
        result.write(folder)
        inputs = adapt(result)
        times = compare(lambda: report_folder(folder), lambda: _full_sheet(inputs, folder), 2)
        undrawn = [
            s["name"] for s in json.loads((folder / "report.json").read_text("utf-8"))["sheets"] if not s["drawn"]
        ]
    if undrawn:
        raise AssertionError(f"fewer sheets than pyfolio draws: no {', '.join(undrawn)}")
    return Measurement("report: run page / pyfolio full tear sheet", *times, 0.75)


def _full_sheet(inputs: Inputs, folder: Path) -> None:
    """Draw pyfolio's five sheets: returns, interesting times (its own list), positions, transactions, round trips."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    import pyfolio

    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        pyfolio.create_full_tear_sheet(
            inputs.returns,
            positions=inputs.positions,
            transactions=inputs.transactions,
            benchmark_rets=inputs.benchmark,
            round_trips=True,
        )
        drawn = len(plt.get_fignums())
    if drawn != 5:
        raise AssertionError(f"pyfolio drew {drawn} sheets, not 5")
    for number in plt.get_fignums():
        plt.figure(number).savefig(folder / f"{number}.png")
    plt.close("all")


def load_market() -> Measurement:
    """225 names over fifty years, daily and by halves, read and checked, against pandas reading the same files."""
    with tempfile.TemporaryDirectory() as out:
        files = write_long_market(Path(out))

        def ours() -> None:
            folder = MarketData.open(out).folder
            for path in files:
                folder.findings(path.stem)

        times = compare(ours, lambda: [pd.read_parquet(path) for path in files], 5)
    return Measurement("load: 225 names, 50 years, halves / pandas.read_parquet", *times, 4.0)


def _sample() -> MarketData:
    write_sample(SAMPLE, Sample())
    return MarketData.open(SAMPLE)


PARTS: tuple[Callable[[], Measurement], ...] = (
    index_history,
    index_ledger,
    index_levels,
    index_tick,
    index_replay,
    engine_run,
    report_page,
    load_market,
)
