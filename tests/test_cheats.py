"""Planted cheats are caught, by name: as a leak, by a refusal, or because what they want is not to be had."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests.lookahead import check_rows, find_leaks
from backtests.lookahead.guard import LookAheadError
from backtests.lookahead.proof import audit_spec
from backtests.prepare import Setup, prepare
from backtests.run import compute, targets_of, trade
from backtests.spec import Spec
from indexsim.market import MarketData
from strategies.base import Strategy
from strategies.boj_dip import EXITS, BojDip
from strategies.split_pair import SplitPair
from strategies.vi_gate import ViGate
from tests.cheats import OnSignal
from tests.cheats.early import early_feature, early_series
from tests.conftest import count


@pytest.fixture(scope="module")
def folders(small: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The small market, and the Bank's accounts of every tenth day, as a random walk, laid over it."""
    layer = tmp_path_factory.mktemp("layers") / "accounts"
    layer.mkdir()
    dates = pd.date_range("2018-12-10", "2022-12-30", freq="10D")
    assets = 5e6 + np.random.default_rng(3).normal(0, 1e4, len(dates)).cumsum().round()
    pd.DataFrame({"date": dates, "total_assets_100m_yen": assets}).to_csv(layer / "boj_assets.csv", index=False)
    return str(small), str(layer)


@pytest.fixture(scope="module")
def daily(folders: tuple[str, ...]) -> Setup:
    return prepare(Spec("cheat", "tests.cheats.samples:MeanSoFar", tuple(map(Path, folders))))


@pytest.fixture(scope="module")
def halves(folders: tuple[str, ...]) -> Setup:
    return prepare(Spec("cheat", "tests.cheats.prices:HalfOfTheDay", tuple(map(Path, folders))))


@pytest.fixture
def ready(daily: Setup, halves: Setup) -> Any:
    """From a name in tests/cheats to the setup of its run."""

    def setup(name: str) -> Setup:
        strategy = cheat(name)
        base = halves if strategy.clock == "halves" else daily
        spec = dataclasses.replace(base.spec, strategy=f"tests.cheats.{name}")
        return dataclasses.replace(base, spec=spec, strategy=strategy, params=strategy.Params())

    return setup


def cheat(name: str) -> type[Strategy]:
    module, _, named = name.partition(":")
    found: type[Strategy] = getattr(importlib.import_module(f"tests.cheats.{module}"), named)
    return found


LEAKS = [
    "prices:FutureIndex",
    "prices:WrapAround",
    "prices:OwnCloseABarEarly",
    "prices:CloseForTheOpen",
    "prices:MorningKnowsTheAfternoon",
    "releases:SplitBeforeItsAnnouncement",
    "releases:AccountsOfTheDay",
    "releases:DollarOfTheDay",
    "releases:VolatilityOfTheDay",
    "releases:Benchmark",
    "samples:FullQuantile",
    "samples:FullMean",
    "samples:Backfill",
    "samples:WeekLabelledAtItsStart",
    "samples:DecideOnTheWhole",
]
REFUSED = {
    "files:ReadsAFile": r"open .*__init__\.py while the strategy decides",
    "files:ReadsAFileInSilence": r"open .*answers\.csv while the strategy decides",
    "files:AsksAnotherProcess": "while the strategy decides",
    "files:BehindTheMarket": r"read market\.folder in tests\.cheats\.files",
    "files:BehindTheViewOfTheMarket": r"read market\.folder in tests\.cheats\.files",
    "remembers:Remembers": "LONGEST changed while it decided",
    "memoizes:Memoizes": "history changed while it decided",
    "defaults:Defaults": "longest changed while it decided",
    "holds:Holds": "ANSWERS holds a ndarray",
    "params:ArrayInParams": r"Params\.answers holds a ndarray",
    "params:ListInParams": r"Params\.notes holds a list",
    "params:ThawedParams": "Params is not frozen",
}
HONEST = [
    "prices:OwnClose",
    "prices:HalfOfTheDay",
    "releases:AccountsOnceReleased",
    "releases:LastKnown",
    "samples:MeanSoFar",
    "samples:Forwardfill",
    "files:ReadsLate",
]


@pytest.mark.parametrize("name", LEAKS)
def test_a_run_finds_the_leak_of(name: str, ready: Any, tmp_path: Path) -> None:
    leaks = compute(ready(name), tmp_path).facts["lookahead"]["leaks"]

    assert leaks
    assert "in hindsight" in leaks[0]["what"]


@pytest.mark.parametrize("name", REFUSED)
def test_a_run_refuses(name: str, ready: Any, tmp_path: Path) -> None:
    with pytest.raises(LookAheadError, match=REFUSED[name]):
        compute(ready(name), tmp_path)


def test_a_run_refuses_a_market_opened_beside_its_own(ready: Any, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cheat("files:OpensTheMarketAgain"), "PLACE", str(small))

    with pytest.raises(LookAheadError, match="while the strategy decides"):
        targets_of(ready("files:OpensTheMarketAgain"))


@pytest.mark.parametrize("name", HONEST)
def test_no_alarm_on_the_honest(name: str, ready: Any, tmp_path: Path) -> None:
    setup = ready(name)
    targets = targets_of(setup)

    assert np.ptp(np.nan_to_num(np.hstack([targets.at_open, targets.at_close]))) == 1.0
    assert compute(setup, tmp_path).facts["lookahead"]["leaks"] == []


def test_nothing_fills_at_the_close_it_was_decided_on(ready: Any) -> None:
    """The API has no such fill: a row's earliest one is at the next bar's prices."""
    setup = ready("prices:OwnClose")
    feed, traded = trade(setup, targets_of(setup), setup.market, setup.span)
    close = setup.market.prices("n225", setup.traded).close
    decided = {order.bar for order in traded.orders if order.status == "filled"}
    fills = [fill for fill in traded.book.fills if fill.at_close and not getattr(fill, "why", "")]

    assert len(fills) > 100
    assert {fill.bar - 1 for fill in fills} <= decided
    assert all(fill.reference == feed.close[fill.bar, 0] for fill in fills)
    assert np.mean([fill.reference != feed.close[fill.bar - 1, 0] for fill in fills]) > 0.95
    assert np.isnan(close).sum() == 0


def test_hindsight_in_the_code_is_not_seen_and_every_answer_says_so(ready: Any, tmp_path: Path) -> None:
    setup = ready("hindsight:Hindsight")
    checked = compute(setup, tmp_path).facts["lookahead"]

    assert np.ptp(targets_of(setup).at_open) == 1.0
    assert checked["leaks"] == []
    assert any(
        "hindsight of the researcher" in spot and "written into the code" in spot for spot in checked["blind_spots"]
    )
    assert len(checked["blind_spots"]) >= 4


def test_the_audit_names_the_test_that_caught_it(ready: Any) -> None:
    found = audit_spec(ready("samples:FullMean"), cuts=3, folders=1)

    assert {leak["test"] for leak in found["leaks"]} == {"truncate", "perturb", "folder-truncated", "folder-perturbed"}
    assert found["rows_checked"] == found["rows"] > 900
    assert found["blind_spots"]


# By mutation: one input of a shipped strategy comes one bar early.


def drawn(random: np.random.Generator) -> tuple[type[Strategy], Any, type[Strategy]]:
    """Draw a shipped strategy, its parameters, and the mutant of it. The calendar is known early and no input."""
    which = int(random.integers(5))
    if which < 2:
        params: Any = ViGate.Params(
            low=(low := float(random.uniform(14, 24))),
            high=low + float(random.uniform(0, 10)),
            calm=float(random.choice([0.5, 1.0, 1.5])),
            stressed=float(random.choice([-0.5, 0.0])),
            sma=int(random.choice([0, 5, 20, 60, 100])),
            trend_in=str(random.choice(["normal", "all"])),
        )
        mutants = [early_feature(ViGate, "vi"), early_feature(ViGate, "above")]
        mutants += [early_series(ViGate, "nikkei_vi"), early_series(ViGate, "n225")]
        return ViGate, params, mutants[int(random.integers(4))]
    if which == 2:
        entry = int(random.integers(-5, 3))
        params = SplitPair.Params(entry_offset=entry, exit_offset=entry + int(random.integers(1, 10)))
        return SplitPair, params, early_feature(SplitPair, "hold")
    params = BojDip.Params(
        quantile=float(random.uniform(0.05, 0.3)),
        window=int(random.integers(20, 120)),
        exit=str(random.choice(EXITS)),
        sessions=int(random.integers(1, 6)),
    )
    return BojDip, params, (early_feature(BojDip, "signal"), early_series(BojDip, "topix"))[int(random.integers(2))]


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.array_equal(one, other, equal_nan=True))


def outcomes(market: MarketData, cases: int) -> Iterator[bool]:
    """Yield for each mutant whose targets are other ones whether the check of a run finds a leak."""
    for seed in range(cases):
        strategy, params, mutant = drawn(np.random.default_rng([4, seed]))
        honest, targets = (s.targets(market, params) for s in (strategy, mutant))
        if same(honest.at_open, targets.at_open) and same(honest.at_close, targets.at_close):
            continue
        bars = market.bars(strategy.clock)
        rows = check_rows(targets, market, bars, slice(0, len(bars)), "sample")
        # One leak will do.
        yield any(find_leaks(mutant, params, market, bars, targets, [row]) for row in rows[::-1])


def test_at_least_95_percent_of_the_mutants_are_caught(small_market: MarketData) -> None:
    caught = list(outcomes(small_market, count(1_000)))

    assert len(caught) >= 0.8 * count(1_000)
    assert np.mean(caught) >= 0.95


@pytest.mark.parametrize("strategy", [ViGate, SplitPair, BojDip])
def test_no_alarm_on_any_row_of_what_we_ship(strategy: type[Strategy], small_market: MarketData) -> None:
    params, bars = strategy.Params(), small_market.bars(strategy.clock)
    targets = strategy.targets(small_market, params)
    rows = check_rows(targets, small_market, bars, slice(0, len(bars)), "all")

    assert len(rows) == len(bars)
    assert find_leaks(strategy, params, small_market, bars, targets, rows) == []


def test_the_cheats_differ_from_what_they_share() -> None:
    """At least twelve kinds, each a class of its own."""
    named = [*LEAKS, *REFUSED]

    assert len({cheat(name) for name in named}) == len(named) >= 12
    assert all(issubclass(cheat(name), OnSignal) for name in named)
