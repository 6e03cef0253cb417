"""The look-ahead check is itself checked: planted cheats are caught, their honest twins and our strategies are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests.lookahead import ROWS, check_rows, find_leaks
from indexsim.market import MarketData
from strategies.base import Features, Strategy, Targets, no_orders
from strategies.boj_dip import EXITS, BojDip
from strategies.split_pair import SplitPair
from strategies.vi_gate import ViGate


class OnSignal(Strategy):
    """Hold the future while a signal is above zero; the signal is the parameter."""

    @dataclass(frozen=True)
    class Params:
        """A function from the market to one value a bar."""

        signal: Callable[[MarketData], np.ndarray]

    @classmethod
    def instruments(cls, params: Params) -> tuple[str, ...]:
        return ("nikkei_mini",)

    @classmethod
    def needs(cls, params: Params) -> tuple[str, ...]:
        return ("n225",)

    @staticmethod
    def features(market: MarketData, params: Params) -> Features:
        return {"signal": params.signal(market)}

    @staticmethod
    def decide(features: Features, params: Params) -> Targets:
        hold = (features["signal"] > 0).astype(float).reshape(-1, 1)
        return Targets(("nikkei_mini",), hold, no_orders(len(hold), 1))


def leaks_of(strategy: type[Strategy], params: Any, market: MarketData, strict: str = "sample") -> list[dict[str, Any]]:
    bars = market.bars(strategy.clock)
    targets = strategy.targets(market, params)
    rows = check_rows(targets, market, bars, slice(0, len(bars)), strict)
    return find_leaks(strategy, params, market, bars, targets, rows)


def signal_leaks(signal: Callable[[MarketData], np.ndarray], market: MarketData) -> list[dict[str, Any]]:
    return leaks_of(OnSignal, OnSignal.Params(signal), market)


def closes(market: MarketData) -> np.ndarray:
    return market.known("n225", "close", market.bars("daily"))


def same_row(market: MarketData, file: str, column: str) -> np.ndarray:
    """Today's value of a column, as a careless join by date gives it."""
    days = pd.DatetimeIndex(market.bars("daily").session)
    return market.table(file)[column].reindex(days).to_numpy(dtype="float64")


def rises(values: np.ndarray) -> np.ndarray:
    return np.append(0.0, np.diff(values))


# Cheats, and beside each the honest strategy that differs from it in the cheat alone.


def test_the_close_of_tomorrow_is_caught(small_market: MarketData) -> None:
    cheat = signal_leaks(lambda m: np.append(rises(closes(m))[1:], 0.0), small_market)

    assert len(cheat) > ROWS / 4
    assert signal_leaks(lambda m: rises(closes(m)), small_market) == []


def test_a_mean_over_the_whole_sample_is_caught(small_market: MarketData) -> None:
    cheat = signal_leaks(lambda m: closes(m) - closes(m).mean(), small_market)

    assert cheat
    assert signal_leaks(lambda m: closes(m) - pd.Series(closes(m)).expanding().mean().to_numpy(), small_market) == []


@pytest.mark.parametrize(
    ("file", "column"),
    [("nikkei_vi", "close"), ("usdjpy", "close"), ("total_return", "tr"), ("boj_etf_purchases", "index_etf")],
)
def test_a_value_of_the_same_date_that_is_published_later_is_caught(
    small_market: MarketData, file: str, column: str
) -> None:
    """The VI ends after the cash close, the dollar's day in New York, the other two in the evening."""
    cheat = signal_leaks(lambda m: rises(np.nan_to_num(same_row(m, file, column))), small_market)
    honest = signal_leaks(lambda m: rises(np.nan_to_num(m.known(file, column, m.bars("daily")))), small_market)

    assert cheat
    assert honest == []


def test_a_split_traded_before_its_announcement_is_caught(small_market: MarketData) -> None:
    def twenty_sessions_early(market: MarketData) -> np.ndarray:
        bars = market.bars("daily")
        signal = np.zeros(len(bars))
        for event in market.events:
            at = int(np.searchsorted(bars.session, np.datetime64(event.effective, "D")))
            signal[max(at - 20, 0) : at] = 1.0
        return signal

    assert signal_leaks(twenty_sessions_early, small_market)


def test_a_leak_names_its_row_and_both_values(small_market: MarketData) -> None:
    bars = small_market.bars("daily")
    first = signal_leaks(lambda m: np.append(rises(closes(m))[1:], 0.0), small_market)[0]

    assert first["row"] in {str(t) for t in bars.decided}
    assert (
        f"at_open of nikkei_mini at {first['row']} is 1 in hindsight and 0 as known at {first['row']}" in first["what"]
    )


def test_a_strategy_that_breaks_on_a_short_history_is_a_leak_not_a_crash(small_market: MarketData) -> None:
    def needs_a_year(market: MarketData) -> np.ndarray:
        values = closes(market)
        values[250]
        return rises(values)

    found = signal_leaks(needs_a_year, small_market)

    assert "IndexError" in found[0]["what"]


@dataclass(frozen=True)
class Shape:
    """Targets of a strategy whose form, not whose values, depends on what comes."""

    rows: int = 0
    instrument: str = "nikkei_mini"
    unit: str = "equity"


class Shifty(OnSignal):
    """Gives targets of one form on the whole market and of another on any part of it."""

    Params = Shape  # type: ignore[assignment]
    whole = 0

    @classmethod
    def targets(cls, market: MarketData, params: Any) -> Targets:
        n = len(market.bars("daily"))
        form = params if n < cls.whole else Shape()
        held = np.ones((n + form.rows, 1))
        return Targets((form.instrument,), held, held, form.unit)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (Shape(rows=1), "rows on the"),
        (Shape(rows=-1), "rows on the"),
        (Shape(instrument="topix_mini"), "which it does not name as known at"),
        (Shape(unit="contracts"), "in equity in hindsight and in contracts as known at"),
    ],
)
def test_another_form_of_targets_is_a_leak(
    small_market: MarketData, monkeypatch: pytest.MonkeyPatch, form: Shape, said: str
) -> None:
    monkeypatch.setattr(Shifty, "whole", len(small_market.bars("daily")))
    found = leaks_of(Shifty, form, small_market)

    assert len(found) >= ROWS - 1
    assert all(said in leak["what"] for leak in found)


# What we ship does not look ahead.


@pytest.mark.parametrize("instrument", ["etf_1321", "nikkei_mini"])
@pytest.mark.parametrize("trend_in", ["normal", "all"])
def test_vi_gate_does_not_look_ahead(small_market: MarketData, instrument: str, trend_in: str) -> None:
    params = ViGate.Params(instrument=instrument, sma=20, trend_in=trend_in)

    assert np.ptp(ViGate.targets(small_market, params).at_open) > 0
    assert leaks_of(ViGate, params, small_market) == []


@pytest.mark.parametrize(("entry", "leave"), [(-1, 0), (-3, 2), (0, 1), (1, 5)])
def test_split_pair_does_not_look_ahead(small_market: MarketData, entry: int, leave: int) -> None:
    params = SplitPair.Params(entry_offset=entry, exit_offset=leave)

    assert np.ptp(SplitPair.targets(small_market, params).at_close) > 0
    assert leaks_of(SplitPair, params, small_market) == []


@pytest.mark.parametrize("leave", EXITS)
def test_boj_dip_does_not_look_ahead(small_market: MarketData, leave: str) -> None:
    params = BojDip.Params(window=60, exit=leave, sessions=3)

    assert np.ptp(BojDip.targets(small_market, params).at_open) > 0
    assert leaks_of(BojDip, params, small_market) == []


# Which rows are checked.


def still(n: int) -> np.ndarray:
    return np.zeros((n, 1))


def rows_for(market: MarketData, at_open: np.ndarray, span: slice, strict: str = "sample") -> list[int]:
    targets = Targets(("nikkei_mini",), at_open, no_orders(len(at_open), 1))
    return check_rows(targets, market, market.bars("daily"), span, strict).tolist()


@pytest.mark.parametrize("span", [slice(0, 500), slice(100, 165), slice(300, 900)])
def test_at_least_64_rows_of_the_span_are_checked_first_and_last_among_them(
    small_market: MarketData, span: slice
) -> None:
    rows = rows_for(small_market, still(len(small_market.bars("daily"))), span)

    assert len(rows) == 64
    assert rows == sorted(set(rows))
    assert (rows[0], rows[-1]) == (span.start, span.stop - 1)


def test_a_change_of_target_is_checked_with_the_row_before_it(small_market: MarketData) -> None:
    at_open = still(len(small_market.bars("daily")))
    changes = [17, 111, 112, 333, 480]
    for row in changes:
        at_open[row:] += 1.0
    at_open[200:210] = np.nan
    rows = rows_for(small_market, at_open, slice(10, 500))

    assert {16, 17, 110, 111, 112, 199, 200, 209, 210, 332, 333, 479, 480} <= set(rows)


def test_many_changes_are_sampled_from_end_to_end(small_market: MarketData) -> None:
    n = len(small_market.bars("daily"))
    at_open = (np.arange(n) % 2).astype(float).reshape(-1, 1)
    rows = rows_for(small_market, at_open, slice(0, n))

    assert len(rows) >= 64
    assert max(np.diff(rows)) < n / 10


def test_first_and_last_are_checked_beside_more_changes_and_events_than_there_are_rows(
    small_market: MarketData,
) -> None:
    """Thirty changes, all in the middle: they and the events fill the 64 rows alone."""
    at_open = still(len(small_market.bars("daily")))
    for row in range(400, 520, 4):
        at_open[row:] += 1.0
    rows = rows_for(small_market, at_open, slice(0, len(at_open)))

    assert (rows[0], rows[-1]) == (0, len(at_open) - 1)
    assert len(rows) == ROWS


def test_events_are_checked_when_announced_and_when_they_act(small_market: MarketData) -> None:
    bars = small_market.bars("daily")
    event = small_market.events[len(small_market.events) // 2]
    acts = int(np.searchsorted(bars.session, np.datetime64(event.effective, "D")))
    rows = rows_for(small_market, still(len(bars)), slice(acts - 40, acts + 40))

    assert {acts - 1, acts} <= set(rows)


def test_strict_all_checks_every_row_and_so_does_a_short_span(small_market: MarketData) -> None:
    n = len(small_market.bars("daily"))

    assert rows_for(small_market, still(n), slice(0, n), "all") == list(range(n))
    assert rows_for(small_market, still(n), slice(50, 50 + ROWS)) == list(range(50, 50 + ROWS))
