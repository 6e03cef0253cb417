"""The plan of a sweep: read from TOML, cut into chunks, a spec for every trial, the same again from its own text."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from backtests.spec import load_spec, load_sweep
from backtests.sweeps.plan import CHUNK, NOT_SWEPT, Plan, chunk_of, load_plan
from indexsim.errors import SpecError
from strategies.vi_gate import ViGate
from tests.conftest import ROOT

HEAD = """
name = "gate"
strategy = "strategies.vi_gate:ViGate"
market = ["market"]
slippage_bps = 2.0

[params]
instrument = "etf_1321"
high = 26.0
calm = 0.98
"""
#: The 1,300 trials of the issue.
GATE = """
[sweep]
select = "sharpe"

[sweep.over]
sma = { from = 20, to = 200, step = 20 }
low = { from = 12.0, to = 21.0, count = 10 }
high = { from = 22.0, to = 34.0, count = 13 }
"""
#: Every kind of axis.
ALL = """
[sweep]
select = "calmar"
seed = 7
chunk = 10
constraints = ["low < high", 'instrument == "etf_1321" or slippage_bps > 0']

[sweep.over]
market = [["market"], ["market", "../beside"]]
instrument = ["etf_1321", "nikkei_mini"]
low = { from = 12, to = 13, step = 0.1 }
high = { from = 12.5, to = 13.5, count = 4 }
jump = { from = 0.01, to = 1.0, count = 3, log = true }
sma = [50, 0]
slippage_bps = [0.0, 3]
reserve = [0.0, 0.02]
rebalance = ["on-change", "every-bar"]
what_if = ["", "cap=0.10"]
from = [2020-01-06, "2021-01-04"]
"""
LOOSE = """
[sweep]
select = "total_return"
sample = "sobol"
trials = 1000

[sweep.over]
sma = { from = 20, to = 200 }
jump = { from = 0.01, to = 1.0, log = true }
cash = { from = 1_000_000, to = 100_000_000, log = true }
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a spec with a sweep and return its path."""

    def written(sweep: str = GATE, head: str = HEAD, name: str = "spec.toml") -> Path:
        path = tmp_path / "specs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(head + sweep, "utf-8")
        return path

    return written


Write = Callable[..., Path]


def over(axis: str, **options: Any) -> str:
    table = {"select": "sharpe", **options}
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    return "\n".join(["[sweep]", *lines, "[sweep.over]", axis]) + "\n"


def test_a_run_of_a_sweep_is_its_base(write: Write) -> None:
    spec = load_spec(write())

    assert spec == load_spec(write("", name="plain.toml"))
    assert load_sweep(write())[1]["over"]["sma"] == {"from": 20, "to": 200, "step": 20}
    assert load_sweep(write("", name="plain.toml"))[1] == {}


def test_the_grid_of_the_issue(write: Write) -> None:
    plan = load_plan(write())

    assert (plan.space.size, plan.space.planned(), plan.select, plan.seed) == (1_300, 1_300, "sharpe", 1)
    assert plan.space.settings(0) == {"sma": 20, "low": 12.0, "high": 22.0}
    # 1_299 is the last of 10 x 10 x 13; 13 trials before its last low begins.
    assert plan.space.settings(1_286) == {"sma": 200, "low": 20.0, "high": 34.0}
    assert plan.space.settings(1_299) == {"sma": 200, "low": 21.0, "high": 34.0}


def test_a_trial_is_the_base_with_its_settings(write: Write) -> None:
    plan = load_plan(write(over("sma = [50, 70]\ncash = [5_000_000]\nfrom = [2020-01-06]")))
    spec = plan.spec_of(1)

    assert (spec.name, spec.cash, spec.start, spec.slippage_bps) == ("gate-t1", 5_000_000, date(2020, 1, 6), 2.0)
    assert ViGate.Params(**spec.params) == ViGate.Params(sma=70, high=26.0, calm=0.98)
    assert plan.spec_of(plan.space.settings(1)) == replace(spec, name="gate")


def test_a_trial_has_its_own_market_and_world(write: Write, tmp_path: Path) -> None:
    plan = load_plan(write(ALL))
    first, last = plan.spec_of(0), plan.spec_of(plan.space.size - 1)
    market = tmp_path / "specs" / "market"

    assert (first.market, last.market) == ((market,), (market, tmp_path / "beside"))
    assert plan.markets() == (first.market, last.market)
    assert (first.what_if, last.what_if) == ("", "cap=0.1")
    assert (first.reserve, last.reserve, last.rebalance) == (0.0, 0.02, "every-bar")
    assert (first.start, last.start) == (date(2020, 1, 6), date(2021, 1, 4))


def test_without_a_market_axis_there_is_one_market(write: Write) -> None:
    plan = load_plan(write())

    assert plan.markets() == (plan.spec.market,)


def test_constraints_see_what_is_not_swept(write: Write) -> None:
    # high is 26 and slippage 2 in the spec; calm 0.98, stressed 0 by default.
    for rule, expected in [
        ("low < high", 2),
        ("low + slippage_bps < high", 1),
        ("low * calm > 24.5 or stressed > 0", 1),
        ("cash > 1_000", 3),
    ]:
        plan = load_plan(write(over("low = [20.0, 25.0, 26.0]", constraints=[rule])))

        # 20 and 25 below 26; 20 + 2; 26 * 0.98 = 25.48 and 25 * 0.98 = 24.5 itself; the default of 100 million.
        assert plan.space.planned() == expected, rule


# Chunks.


def test_chunks_cover_the_space_once(write: Write) -> None:
    for sweep in (GATE, ALL, LOOSE):
        plan = load_plan(write(sweep))
        ranges = [plan.range_of(number) for number in range(plan.chunks)]

        assert ranges[0][0] == 0
        assert ranges[-1][1] == plan.space.size
        assert all(before[1] == after[0] for before, after in itertools.pairwise(ranges))
        assert {hi - lo for lo, hi in ranges[:-1]} == {plan.chunk}


@pytest.mark.parametrize(("size", "chunk"), [(1, 1), (7, 1), (16, 2), (1_300, 162), (32_768, 4_096), (10**12, CHUNK)])
def test_the_size_of_a_chunk_follows_from_the_space(size: int, chunk: int) -> None:
    assert chunk_of(size) == chunk


def test_a_sweep_of_1300_has_work_for_eight(write: Write) -> None:
    plan = load_plan(write())

    assert plan.chunks >= 8
    assert load_plan(write(ALL)).chunk == 10
    for number in (-1, plan.chunks):
        with pytest.raises(IndexError):
            plan.range_of(number)


# The same again.


@pytest.mark.parametrize("sweep", [GATE, ALL, LOOSE])
def test_a_stored_plan_is_the_same_plan(write: Write, tmp_path: Path, sweep: str) -> None:
    plan = load_plan(write(sweep), ["calm=0.9"])
    elsewhere = tmp_path / "reports" / "deep"
    elsewhere.mkdir(parents=True)
    text = plan.to_toml(elsewhere)
    (elsewhere / "spec.toml").write_text(text, "utf-8")

    again = load_plan(elsewhere / "spec.toml")

    assert again == plan
    assert again.to_toml(elsewhere) == text
    assert again.identity() == plan.identity()
    assert str(tmp_path) not in text


def test_a_strategy_of_ones_own_is_stored_by_its_relative_path(write: Write, tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "mine.py").write_text((ROOT / "strategies/hold.py").read_text("utf-8"), "utf-8")
    head = 'name = "own"\nstrategy = "mine.py:Hold"\nmarket = "m"\n'
    plan = load_plan(write(over("share = [0.5, 1]"), head))
    (tmp_path / "spec.toml").write_text(plan.to_toml(tmp_path), "utf-8")

    assert 'strategy = "specs/mine.py:Hold"' in plan.to_toml(tmp_path)
    assert load_plan(tmp_path / "spec.toml") == plan
    assert plan.identity()["spec"]["strategy"] == "mine.py:Hold"


def test_the_identity_is_json_without_folders(write: Write, tmp_path: Path) -> None:
    plan = load_plan(write(ALL))
    text = json.dumps(plan.identity(), allow_nan=False)

    assert str(tmp_path) not in text
    assert "specs" not in text
    assert plan.identity()["sweep"]["over"]["market"] == [0, 1]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"sharpe"', '"cagr"'),
        ("step = 20", "step = 10"),
        ('select = "sharpe"', 'select = "sharpe"\nseed = 2'),
        ('select = "sharpe"', 'select = "sharpe"\nchunk = 3'),
        ('select = "sharpe"', 'select = "sharpe"\nconstraints = ["low < high"]'),
        ("calm = 0.98", "calm = 0.97"),
        ("slippage_bps = 2.0", "slippage_bps = 1.0"),
        ("sma = { from = 20, to = 200, step = 20 }\n", ""),
    ],
)
def test_another_sweep_has_another_identity(write: Write, old: str, new: str) -> None:
    assert old in HEAD + GATE
    changed = write(GATE.replace(old, new), HEAD.replace(old, new), "changed.toml")

    assert load_plan(changed).identity() != load_plan(write()).identity()


def test_what_means_the_same_has_the_same_identity(write: Write) -> None:
    other = GATE.replace("step = 20", "count = 10").replace("12.0", "12").replace('"sharpe"', '"sharpe"\nseed = 1')

    assert load_plan(write(other)).identity() == load_plan(write(name="other.toml")).identity()


def test_a_plan_goes_to_another_process(write: Write) -> None:
    for sweep in (GATE, ALL, LOOSE):
        plan = load_plan(write(sweep))
        copy: Plan = pickle.loads(pickle.dumps(plan))

        assert copy == plan
        assert copy.spec_of(3) == plan.spec_of(3)


# The command line.


def test_the_command_line_changes_what_is_not_swept(write: Write, tmp_path: Path) -> None:
    plan = load_plan(write(), ["calm=0.5", "cash=7000000"], start=date(2020, 1, 6), end=None, market=(tmp_path,))

    assert (plan.spec.params["calm"], plan.spec.cash, plan.spec.start) == (0.5, 7_000_000, date(2020, 1, 6))
    assert plan.spec.market == (tmp_path.resolve(),)
    assert plan.spec_of(0).params["calm"] == 0.5


@pytest.mark.parametrize(
    ("sweep", "overrides", "given", "said"),
    [
        (GATE, ["low=20"], {}, "low is given and swept"),
        (ALL, ["slippage_bps=1"], {}, "slippage_bps is given and swept"),
        (ALL, [], {"start": date(2020, 1, 6)}, "from is given and swept"),
        (ALL, [], {"what_if": "equal"}, "what_if is given and swept"),
        (ALL, [], {"market": (Path("m"),)}, "market is given and swept"),
        (GATE, ["stresed=0.5"], {}, "did you mean 'stressed'"),
    ],
)
def test_what_is_swept_cannot_be_given(
    write: Write, sweep: str, overrides: list[str], given: dict[str, Any], said: str
) -> None:
    with pytest.raises(SpecError) as error:
        load_plan(write(sweep), overrides, **given)

    assert said in str(error.value)


# What is refused.


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ("", "no [sweep] in it"),
        (over("sam = [1]"), "did you mean 'sma'"),
        (over("slipage_bps = [1.0]"), "did you mean 'slippage_bps'"),
        (over(""), "nothing is varied"),
        (over("sma = []"), "no value"),
        (over("sma = [20, 20]"), "20 twice"),
        (over("sma = [20.5]"), "type int"),
        (over("instrument = [1]"), "type str"),
        (over("slippage_bps = [-1.0]"), "0 <= slippage_bps"),
        (over("reserve = { from = 0.5, to = 1.5, step = 0.5 }"), "0 <= reserve < 1"),
        (over('rebalance = ["evry-bar"]'), "did you mean 'every-bar'"),
        (over('what_if = ["eqal"]'), "did you mean 'equal'"),
        (over('what_if = ["cap=0.1", "cap=0.10"]'), "twice"),
        (over('from = ["yesterday"]'), "dates look like"),
        (over("from = { from = 2020-01-01, to = 2021-01-01, count = 3 }"), "list the values"),
        (over('market = ["a", "b"]'), "list of layered folders"),
        (over('market = [["a"], ["../specs/a"]]'), "twice"),
        (over("sma = { from = 20, to = 200 }"), "no step and no count"),
        (over("sma = [20]", trials=10), "of a grid"),
        (over("sma = [20]", sample="sobol"), "trials = 0"),
        (over("sma = [20]", sample="sobel"), "did you mean 'sobol'"),
        (over("sma = [20]", seed=-1), "seed = -1"),
        (over("sma = [20]", seed=1.5), "type int"),
        (over("sma = [20]", select="sharp"), "did you mean 'sharpe'"),
        (over("sma = [20]", smaple="grid"), "did you mean 'sample'"),
        (over("sma = [20]", constraints=["sma < hihg"]), "did you mean 'high'"),
        (over("sma = [20]", constraints="sma < high"), "type list"),
        ("[sweep]\n[sweep.over]\nsma = [20]\n", "no 'select'"),
        ('[sweep]\nselect = "sharpe"\nover = 3\n', "type dict"),
        *[(over(f'{key} = ["a"]'), f"{key} is swept") for key in NOT_SWEPT],
    ],
)
def test_what_is_no_sweep_is_refused_in_four_parts(write: Write, sweep: str, said: str) -> None:
    with pytest.raises(SpecError) as error:
        load_plan(write(sweep))

    assert said in str(error.value)
    assert all(error.value.as_dict().values())


def test_the_sweep_of_a_spec_is_a_table(write: Write) -> None:
    with pytest.raises(SpecError, match="type dict"):
        load_spec(write("", "sweep = 3\n" + HEAD))


def test_an_invalid_base_is_refused_before_the_sweep(write: Write) -> None:
    with pytest.raises(SpecError, match="core 2 lies outside"):
        load_plan(write(GATE, HEAD + "core = 2.0\n"))


def test_the_text_of_a_plan_reads_well(write: Write, tmp_path: Path) -> None:
    text = load_plan(write(GATE)).to_toml(tmp_path)

    assert 'select = "sharpe"\nsample = "grid"\nseed = 1\nchunk = 162\nconstraints = []\n' in text
    assert "sma = { from = 20, to = 200, count = 10 }\nlow = { from = 12.0, to = 21.0, count = 10 }" in text
    assert tomllib.loads(text)["market"] == [os.path.join("specs", "market")]
