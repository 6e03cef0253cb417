"""While a strategy decides, its market is all there is; and what it holds may not change."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from backtests.lookahead import find_leaks
from backtests.lookahead.guard import LookAheadError
from backtests.lookahead.purity import pure_targets, stateless
from indexsim.market import MarketData
from strategies.base import Features
from strategies.boj_dip import BojDip
from strategies.split_pair import SplitPair
from strategies.vi_gate import ViGate
from tests.cheats import OnSignal, days
from tests.cheats.files import ReadsAFile, ReadsLate


class Does(OnSignal):
    """Does what its parameter does, on its market; then holds."""

    @dataclass(frozen=True)
    class Params:
        """What it does."""

        deed: Callable[[MarketData], Any]

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        params.deed(market)
        return {"signal": np.ones(len(days(market)))}


def does(deed: Callable[[MarketData], Any], market: MarketData) -> None:
    pure_targets(Does, Does.Params(deed), market)


def test_files_not_read_before_and_imports_not_made_before_are_read_and_made(small: Path) -> None:
    targets = pure_targets(ReadsLate, ReadsLate.Params(), MarketData.open(small))

    assert np.ptp(targets.at_open) == 1.0


@pytest.mark.parametrize(
    "read",
    [
        lambda path: path.read_bytes(),
        lambda path: np.fromfile(path),
        lambda path: np.loadtxt(path),
        lambda path: list(path.parent.iterdir()),
        lambda path: path.with_name("left.txt").write_text("for later"),
    ],
)
def test_a_read_of_any_kind_is_refused_and_named(
    read: Callable[[Path], Any], small_market: MarketData, tmp_path: Path
) -> None:
    path = tmp_path / "answers.txt"
    path.write_text("1 2 3")

    with pytest.raises(LookAheadError, match=tmp_path.name):
        does(lambda m: read(path), small_market)
    assert not (tmp_path / "left.txt").exists()


def test_an_import_is_no_door_for_data(small_market: MarketData, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "answers_of_mine.py").write_text("import pathlib\nTEXT = pathlib.Path(__file__).read_text()\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(LookAheadError, match=r"answers_of_mine\.py"):
        does(lambda m: __import__("answers_of_mine"), small_market)


def test_files_may_be_read_when_no_strategy_decides(small_market: MarketData) -> None:
    with pytest.raises(LookAheadError):
        pure_targets(ReadsAFile, ReadsAFile.Params(), small_market)

    assert Path(__file__).read_text("utf-8")


def test_an_error_of_the_strategy_stays_its_own(small_market: MarketData) -> None:
    with pytest.raises(ZeroDivisionError):
        does(lambda m: 1 / 0, small_market)


def test_a_refusal_in_a_checked_row_stops_the_run_and_is_no_leak_among_others(small_market: MarketData) -> None:
    targets = Does.targets(small_market, Does.Params(lambda m: None))
    reads = Does.Params(lambda m: Path(__file__).read_bytes())

    with pytest.raises(LookAheadError, match=r"test_purity\.py"):
        find_leaks(Does, reads, small_market, small_market.bars("daily"), targets, [5])


@pytest.mark.parametrize("strategy", [ViGate, SplitPair, BojDip])
def test_the_market_serves_a_strategy_what_it_serves_anybody(strategy: Any, small_market: MarketData) -> None:
    ours = pure_targets(strategy, strategy.Params(), small_market)
    theirs = strategy.targets(small_market, strategy.Params())

    assert np.array_equal(ours.at_open, theirs.at_open, equal_nan=True)
    assert np.array_equal(ours.at_close, theirs.at_close, equal_nan=True)


def held(**attributes: Any) -> type[Does]:
    """A strategy class with more attributes."""
    return type("Held", (Does,), attributes)


def partial_answers(data: Any) -> Callable[[], Any]:
    """A function that has its data in a closure."""
    return lambda: data


IDLE = Does.Params(lambda m: None)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (np.zeros(2), "ndarray"),
        ({"a": [np.zeros(2)]}, "ndarray"),
        ((memoryview(b"ab"),), "memoryview"),
        (partial_answers(np.zeros(2)), "ndarray"),
    ],
)
def test_data_of_its_own_is_refused_wherever_it_lies(value: Any, kind: str) -> None:
    with pytest.raises(LookAheadError, match=rf"Held\.answers holds a {kind}"), stateless(held(answers=value), IDLE):
        pass


def test_a_market_or_a_file_of_its_own_is_refused(small_market: MarketData, tmp_path: Path) -> None:
    (tmp_path / "answers.txt").write_text("1")
    with (tmp_path / "answers.txt").open() as file:
        for value, said in ((small_market, "holds a MarketData"), (file, "is an open file")):
            with pytest.raises(LookAheadError, match=rf"Held\.own {said}"), stateless(held(own=value), IDLE):
                pass


class Box:
    """Something that can be written to."""

    value = 0


def test_a_change_is_refused_by_name() -> None:
    box, names, numbers = Box(), ["a"], {1}
    strategy = held(box=box, names=names, numbers=numbers, still=("b",), count=0)

    def change() -> None:
        with stateless(strategy, IDLE):
            box.value = 1
            names.append("b")
            numbers.add(2)
            strategy.count = 1  # type: ignore[attr-defined]

    with pytest.raises(LookAheadError, match=r": Held\.box, Held\.names, Held\.numbers, Held\.count changed"):
        change()


def test_what_stays_as_it_is_is_not_refused() -> None:
    with stateless(held(names=["a"], table={"a": (1, 2)}, box=Box()), IDLE):
        pass


def test_a_function_is_compiled_while_the_strategy_decides_and_a_logger_logs(small_market: MarketData) -> None:
    double, logger = numba.njit(lambda x: 2.0 * x), logging.getLogger("strategy")
    strategy = held(double=double, logger=logger)

    with stateless(strategy, IDLE):
        does(lambda m: (double(np.ones(3)), logger.debug("deciding")), small_market)

    assert double.signatures


def test_a_compiled_function_hides_no_data() -> None:
    data = np.zeros(2)
    strategy = held(answers=numba.njit(lambda: data))

    with pytest.raises(LookAheadError, match=r"Held\.answers holds a ndarray"), stateless(strategy, IDLE):
        pass
