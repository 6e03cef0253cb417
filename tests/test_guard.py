"""Guarded lines in real runs of backtrader: the future and the end of the array are out of reach."""

from __future__ import annotations

from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from backtests.lookahead.guard import GuardedLines, LookAheadError, guarded

N = 30
#: preload, runonce: the safe mode, and the two in which backtrader itself would give the future away.
MODES = [(False, False), (True, False), (True, True)]


def feed() -> Any:
    days = pd.bdate_range("2024-01-01", periods=N)
    frame = pd.DataFrame({c: np.arange(100.0, 100.0 + N) for c in ("open", "high", "low", "close")}, index=days)
    return bt.feeds.PandasData(dataname=frame)


class Reader(bt.Strategy):  # type: ignore[misc]
    """Reads one index of its close from a given bar on, and keeps what it read."""

    params = (("ago", 0), ("at", 1))

    def __init__(self) -> None:
        self.read: list[float] = []

    def next(self) -> None:
        if len(self) >= self.p.at:
            self.read.append(self.data.close[self.p.ago])


def run(strategy: type, mode: tuple[bool, bool], data: Any, **params: Any) -> Any:
    cerebro = bt.Cerebro(preload=mode[0], runonce=mode[1])
    cerebro.adddata(data)
    cerebro.addstrategy(strategy, **params)
    cerebro.addanalyzer(bt.analyzers.TimeReturn)
    return cerebro.run()[0]


@pytest.mark.parametrize("mode", MODES)
def test_the_future_is_refused_with_the_line_and_the_index(mode: tuple[bool, bool]) -> None:
    with pytest.raises(LookAheadError, match=r"read close\[2\]: it lies 2 bars in the future"):
        run(Reader, mode, guarded(feed()), ago=2)


@pytest.mark.parametrize("mode", MODES)
def test_an_index_before_the_first_bar_is_refused(mode: tuple[bool, bool]) -> None:
    with pytest.raises(LookAheadError, match=r"read close\[-1\]: there are 1 bars so far"):
        run(Reader, mode, guarded(feed()), ago=-1)


class Greedy(Reader):
    """Reads tomorrow's close on every bar but the last."""

    def next(self) -> None:
        if len(self) < N:
            self.read.append(self.data.close[1])


def test_without_the_guard_preloaded_bars_give_both_away() -> None:
    """What the guard is for: tomorrow's close, and on the first bar the last one of all."""
    assert run(Greedy, (True, True), feed()).read[0] == 101.0
    assert run(Reader, (True, True), feed(), ago=-1).read[0] == 100.0 + N - 1


@pytest.mark.parametrize("mode", MODES)
def test_what_is_known_reads_as_before(mode: tuple[bool, bool]) -> None:
    assert run(Reader, mode, guarded(feed())).read == [100.0 + i for i in range(N)]
    assert run(Reader, mode, guarded(feed()), ago=-2, at=3).read == [100.0 + i for i in range(N - 2)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("look", "said"),
    [
        (lambda s: s.data.close(1), r"read close\(1\)"),
        (lambda s: s.data.close.get(ago=1, size=3), r"read close\.get\(ago=1, size=3\)"),
        (lambda s: s.data.open[0], r"read open\[0\]: there are 0 bars so far"),
        (lambda s: s.data.high[3], r"read high\[3\]"),
    ],
)
def test_other_ways_ahead_are_refused_before_the_first_bar_too(mode: tuple[bool, bool], look: Any, said: str) -> None:
    class Early(bt.Strategy):  # type: ignore[misc]
        def __init__(self) -> None:
            look(self)

    with pytest.raises(LookAheadError, match=said):
        run(Early, mode, guarded(feed()))


class Mixed(GuardedLines, bt.Strategy):  # type: ignore[misc]
    """Guards its feeds and its indicators itself."""

    params = (("look", None),)

    def __init__(self) -> None:
        self.mean = bt.indicators.SMA(bt.indicators.EMA(self.data.close, period=3), period=4)
        self.means: list[float] = []

    def next(self) -> None:
        self.means.append(self.mean[0])
        if self.p.look:
            self.p.look(self)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("look", "said"),
    [
        (lambda s: s.data.close[1], r"read close\[1\]"),
        (lambda s: s.mean[1], r"read sma\[1\]"),
        (lambda s: s.mean.data[1], r"read ema\[1\]"),
        (lambda s: s.mean[-40], r"read sma\[-40\]"),
    ],
)
def test_the_mixin_guards_feeds_and_indicators(mode: tuple[bool, bool], look: Any, said: str) -> None:
    with pytest.raises(LookAheadError, match=said):
        run(Mixed, mode, feed(), look=look)


@pytest.mark.parametrize("mode", MODES)
def test_indicators_on_guarded_lines_have_the_values_they_have_without(mode: tuple[bool, bool]) -> None:
    """EMA(3) starts as the mean of three and lags a line of slope 1 by one; SMA(4) of it by another 1.5."""
    strategy = run(Mixed, mode, guarded(feed()))

    assert strategy.means == pytest.approx([100.0 + i - 2.5 for i in range(5, N)])


def test_the_guard_is_put_on_once_and_not_on_the_clock() -> None:
    data = guarded(guarded(feed()))

    assert type(data.close).__name__ == "GuardedLineBuffer"
    assert type(data.datetime).__name__ == "LineBuffer"
