"""A search: led to an optimum that is known, the same again from any point, and counted like every other sweep."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import pickle
import shutil
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from backtests.sweeps import search as module
from backtests.sweeps.page import write_page
from backtests.sweeps.plan import Plan, load_plan
from backtests.sweeps.search import ROUND, SearchError, bound, rounds_of
from backtests.sweeps.store import Store
from backtests.sweeps.sweep import How, key_of, settle, sweep
from backtests.sweeps.tables import CHUNKS, TABLE
from backtests.text.sweeps import _verdict
from indexsim.errors import SpecError
from tests import page_reader

pytest.importorskip("optuna", reason="the extra `search` is not installed")

HEAD = 'name = "gate"\nstrategy = "strategies.vi_gate:ViGate"\nmarket = ["market"]\n'
#: Three numbers of the gate, and where the figure of these tests has its highest point.
OVER = """
sma = { from = 20, to = 200, step = 1 }
low = { from = 12.0, to = 21.0 }
jump = { from = 0.001, to = 1.0, log = true }
"""
PEAK = {"sma": 120, "low": 17.3, "jump": 0.05}
#: Every kind of axis.
ALL = """
market = [["market"], ["market", "../beside"]]
instrument = ["etf_1321", "nikkei_mini"]
rebalance = ["on-change", "every-bar"]
from = [2020-01-06, 2021-01-04]
low = [18.0, 12.0, 15.0]
high = { from = 12.5, to = 13.5, count = 4 }
sma = { from = 1, to = 500, log = true }
jump = { from = 0.01, to = 1.0, count = 3, log = true }
cash = { from = 1_000_000, to = 2_000_000 }
"""
Figure = Callable[[dict[str, Any]], float | None]
Write = Callable[..., Plan]


def make_plan(folder: Path, over: str = OVER, sample: str = "search", **options: Any) -> Plan:
    table = {"select": "sharpe", "sample": sample, "trials": 128, **options}
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    (folder / "gate.toml").write_text("\n".join([HEAD, "[sweep]", *lines, "[sweep.over]", over]), "utf-8")
    return load_plan(folder / "gate.toml")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return what makes a plan of axes and options."""
    return partial(make_plan, tmp_path)


def far(settings: dict[str, Any]) -> float:
    """Return how far a trial lies from the peak, in widths of the axes."""
    shares = (
        (settings["sma"] - PEAK["sma"]) / 180,
        (settings["low"] - PEAK["low"]) / 9,
        math.log(settings["jump"] / PEAK["jump"]) / math.log(1_000),
    )
    return math.hypot(*shares)


def height(settings: dict[str, Any]) -> float:
    return -far(settings)


def settings_of(plan: Plan, lo: int, hi: int) -> list[dict[str, Any]]:
    columns = {name: column.tolist() for name, column in plan.space.columns(lo, hi).items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def played(
    plan: Plan, folder: Path, figure: Figure = height, until: int = 10**9, apart: bool = False
) -> list[dict[str, Any]]:
    """Search with a formula in place of the market: store each missing chunk, or each by another worker (`apart`)."""
    store = Store(folder, "key", plan.chunks)
    searched = bound(plan, folder, "key")
    for chunk in sorted(set(range(min(plan.chunks, until))) - store.done()):
        searched = pickle.loads(pickle.dumps(searched)) if apart else searched
        lo, hi = plan.range_of(chunk)
        rows = settings_of(searched, lo, hi)
        markets = [{**row, "market": plan.markets().index(row["market"])} if "market" in row else row for row in rows]
        table = pa.Table.from_pylist(markets)
        figures = pa.array([figure(row) for row in rows], pa.float64())
        table = table.append_column("trial", pa.array(range(lo, hi), pa.int64())).append_column("sharpe", figures)
        store.write(chunk, table.append_column("status", pa.array([0] * (hi - lo), pa.int8())))
    return settings_of(bound(plan, folder, "key"), 0, min(until * plan.chunk, plan.space.size))


# What it finds.


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_comes_nearer_to_a_known_peak_than_as_many_random_draws(write: Write, tmp_path: Path, seed: int) -> None:
    drawn = write(sample="random", seed=seed)
    searched = played(write(seed=seed), tmp_path / "s")

    assert min(map(far, searched)) < min(map(far, settings_of(drawn, 0, 128))) / 2
    # Not one lucky trial: what comes last lies nearer than what came first.
    assert sum(map(far, searched[-32:])) < sum(map(far, searched[:32])) / 2


def test_the_first_round_is_a_random_sample(write: Write, tmp_path: Path) -> None:
    plan = write(seed=5)
    first = plan.chunk * ROUND

    assert played(plan, tmp_path / "s", until=ROUND) == settings_of(write(sample="random", seed=5), 0, first)


def test_no_trial_comes_twice_and_none_breaks_a_constraint(write: Write, tmp_path: Path) -> None:
    # 100 of the 200 lengths fulfil it at each low: 300 in all, 93 of them within 15 of the best: 16 of 50 draws.
    over = "sma = { from = 20, to = 219, step = 1 }\nlow = [12.0, 13.0, 14.0]"
    plan = write(over, trials=100, constraints=["sma < 120"])
    searched = played(plan, tmp_path / "s", lambda s: -abs(s["sma"] - 70.0))

    assert len({tuple(s.values()) for s in searched}) == 100 == plan.space.planned()
    assert all(s["sma"] < 120 for s in searched)
    assert sum(abs(s["sma"] - 70) <= 15 for s in searched[50:]) > 25


def test_every_kind_of_axis_is_searched(write: Write, tmp_path: Path) -> None:
    plan = write(ALL, trials=96)

    def figure(s: dict[str, Any]) -> float:
        return float(s["instrument"] == "nikkei_mini") + (s["low"] == 15.0) + (s["from"] == date(2021, 1, 4))

    searched = played(plan, tmp_path / "s", figure)
    random = settings_of(write(ALL, "random", trials=96), 0, 96)

    assert [list(map(type, s.values())) for s in searched] == [list(map(type, s.values())) for s in random]
    assert sum(map(figure, searched)) > sum(map(figure, random)) + 48
    assert {s["market"] for s in searched} == set(plan.markets())


# The same again.


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A search that was never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, played(make_plan(folder), folder)


def test_a_seed_gives_the_same_search_whoever_works_it_out(
    write: Write, tmp_path: Path, whole: tuple[Path, list[dict[str, Any]]]
) -> None:
    assert played(write(), tmp_path / "a", apart=True) == whole[1]
    assert played(write(seed=2), tmp_path / "b", until=2 * ROUND) != whole[1][: 2 * ROUND * 4]


@pytest.mark.parametrize("kept", [0, 3, ROUND, 2 * ROUND + 1, 31])
def test_it_goes_on_as_if_it_had_not_stopped(
    write: Write, tmp_path: Path, whole: tuple[Path, list[dict[str, Any]]], kept: int
) -> None:
    files = sorted((whole[0] / CHUNKS).glob("*"))
    (tmp_path / "s" / CHUNKS).mkdir(parents=True)
    for path in files[:kept]:
        shutil.copy2(path, tmp_path / "s" / CHUNKS)

    assert played(write(), tmp_path / "s") == whole[1]
    # The name of a file holds the hash of its bytes.
    assert sorted(p.name for p in (tmp_path / "s" / CHUNKS).glob("*")) == [p.name for p in files]


def test_a_chunk_that_was_lost_is_made_again(
    write: Write, tmp_path: Path, whole: tuple[Path, list[dict[str, Any]]]
) -> None:
    shutil.copytree(whole[0] / CHUNKS, tmp_path / "s" / CHUNKS)
    lost = sorted((tmp_path / "s" / CHUNKS).glob("*"))[9]
    content = lost.read_bytes()
    lost.unlink()

    assert played(write(), tmp_path / "s") == whole[1]
    assert lost.read_bytes() == content


def test_what_failed_is_told_as_the_worst(write: Write, tmp_path: Path) -> None:
    searched = played(write(), tmp_path / "s", lambda s: None if s["low"] < 18.0 else height(s))
    nothing = played(write(trials=64), tmp_path / "n", lambda s: None)

    # A third of the range has a figure; the peak itself has none.
    assert sum(s["low"] >= 18.0 for s in searched[-64:]) > 32
    assert len(nothing) == 64


def test_the_rounds_come_one_after_the_other(write: Write) -> None:
    plan = write()

    # 128 trials in 32 chunks of 4.
    assert (plan.chunk, plan.chunks) == (4, 32)
    assert rounds_of(plan, range(32)) == [list(range(lo, lo + 4)) for lo in range(0, 32, 4)]
    assert rounds_of(plan, [3, 4, 5, 30]) == [[3], [4, 5], [30]]
    assert rounds_of(write(sample="random"), [3, 4, 30]) == [[3, 4, 30]]
    assert load_plan_again(plan) == plan


def load_plan_again(plan: Plan) -> Plan:
    folder = plan.spec.market[0].parent / "again"
    folder.mkdir()
    (folder / "spec.toml").write_text(plan.to_toml(folder), "utf-8")
    return load_plan(folder / "spec.toml")


# What is refused.


@pytest.mark.parametrize(
    ("over", "options", "said"),
    [
        ("sma = [20, 30, 40]", {"trials": 2}, "at most half of what a grid would"),
        (OVER, {"trials": 0}, "trials = 0"),
        (OVER, {"trials": 10_001}, "1 to 10000 trials"),
        (OVER, {"sample": "serch"}, "did you mean 'search'"),
    ],
)
def test_what_cannot_be_searched_is_refused(write: Write, over: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError) as error:
        write(over, **options)

    assert said in str(error.value)


def test_a_trial_is_not_known_before_the_search_has_run(write: Write) -> None:
    with pytest.raises(SpecError, match="follow from each other"):
        write().spec_of(0)


def test_constraints_that_nothing_fulfils_end_it_before_it_begins(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_DRAWN", 2**13)
    with pytest.raises(SearchError, match="loosen low < 12"):
        bound(write(constraints=["low < 12"]), tmp_path / "s", "key")


def test_without_optuna_the_extra_is_named(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = write()
    played(plan, tmp_path / "s", until=ROUND)
    monkeypatch.setattr(module, "find_spec", lambda name: None)

    with pytest.raises(SearchError, match=r"extra `search`.*\[search\]"):
        module.made_by()
    with pytest.raises(SearchError, match="optuna is not installed"):
        played(plan, tmp_path / "s")


# On a market.

PEAKED = """
from dataclasses import dataclass
import numpy as np
from strategies.base import Strategy, Targets, no_orders


class Peaked(Strategy):
    '''Hold a share of the fund, which falls in these months; none of it at a = 3.3 and b = 7.1.'''

    @dataclass(frozen=True)
    class Params:
        '''a, b : float, places.'''

        a: float = 0.0
        b: float = 0.0

    instruments = classmethod(lambda cls, params: ("etf_1321",))
    needs = classmethod(lambda cls, params: ("n225",))

    @staticmethod
    def features(market, params):
        return {"bars": np.zeros(len(market.bars("daily").session))}

    @staticmethod
    def decide(features, params):
        share = (abs(params.a - 3.3) + abs(params.b - 7.1)) / 20
        n = len(features["bars"])
        return Targets(("etf_1321",), at_open=np.full((n, 1), share), at_close=no_orders(n, 1))
"""
SWEEP = """
name = "peaked"
strategy = "peaked.py:Peaked"
market = "{market}"
to = 2019-04-26
[sweep]
select = "total_return"
sample = "search"
trials = 64
[sweep.over]
a = {{ from = 0.0, to = 10.0 }}
b = {{ from = 0.0, to = 10.0 }}
"""


@pytest.fixture
def plan(tmp_path: Path, small: Path) -> Plan:
    (tmp_path / "peaked.py").write_text(PEAKED, "utf-8")
    (tmp_path / "peaked.toml").write_text(SWEEP.format(market=small.as_posix()), "utf-8")
    return load_plan(tmp_path / "peaked.toml")


def prints(folder: Path) -> dict[str, str]:
    paths = [folder / TABLE, *(folder / CHUNKS).glob("*")]
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def test_a_search_on_a_market(plan: Plan, tmp_path: Path) -> None:
    """The peak is found, all trials are counted and proved; stopped or not, here or in processes, the same bytes."""
    answer = sweep(plan, tmp_path / "serial", How("serial"))
    folder, settled = Path(answer["folder"]), settle(plan)[0]
    best = answer["best"]

    assert answer["trials"] == {"planned": 64, "done": 64, "failed": 0, "quarantined": 0}
    assert answer["overfit"]["n_trials"] == 64
    assert "led by the whole span" in answer["overfit"]["note"]
    assert answer["parity"]["equal"]
    # Of 64 draws at random the nearest is 1.1 away, by the mean: the square has 100 / (2 * 1.1**2) = 41 times the room.
    assert abs(best["a"] - 3.3) + abs(best["b"] - 7.1) < 0.6

    # What the statistics of a search cannot know is said in the text, and on the page.
    assert "NOTE: a search is led by the whole span" in "\n".join(_verdict(answer["overfit"]))
    assert "Note: a search is led by the whole span" in write_page(folder).read_text("utf-8")
    assert page_reader.whole(folder, "report.json") > 100

    resumed = tmp_path / "resumed" / folder.name
    shutil.copytree(folder, resumed)
    (resumed / TABLE).unlink()
    for path in itertools.islice(sorted((resumed / CHUNKS).glob("*")), 2 * ROUND + 1, None):
        path.unlink()
    again = sweep(plan, tmp_path / "resumed", How("local", jobs=2))

    # A stored trial is known to the reports of a sweep, with no search running.
    stored = bound(load_plan(folder / "spec.toml"), folder, key_of(settled))
    assert stored.spec_of(best["trial"]).params == {"a": best["a"], "b": best["b"]}
    assert prints(resumed) == prints(folder)
    assert {**again, "folder": "", "table": ""} == {**answer, "folder": "", "table": ""}


def test_the_version_of_optuna_is_part_of_the_key(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    before = key_of(plan)
    monkeypatch.setattr("backtests.sweeps.sweep.made_by", lambda: "another")

    assert key_of(plan) != before
