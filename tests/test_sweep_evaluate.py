"""What a trial of a sweep says: the same in every lane, what `backtests.metrics` says of the engine's account."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests import metrics
from backtests.facts import _costs
from backtests.fast.machine import Machine, Ruler
from backtests.loading import build_params, load_strategy, parameter_types
from backtests.prepare import per_year, prepare
from backtests.run import compute, execution_of
from backtests.spec import load_spec, with_settings
from backtests.sweeps.evaluate import Evaluator
from backtests.sweeps.plan import load_plan
from backtests.sweeps.proof import prove, setup_of
from backtests.sweeps.sweep import settle
from backtests.trading.ledger import round_trips
from indexsim.errors import SpecError
from tests.conftest import ROOT, SPECS
from tests.sweep_runs import FIGURES, rows, swept, written

GRID = {"sma": [0, 20], "low": [15.0, 18.0, 22.0], "high": [22.0, 26.0]}
#: What a numpy twin of `ViGate` has as well.
BASE = {"instrument": "etf_1321", "calm": 0.98, "normal": 0.49}


def evaluator_of(spec: Path) -> tuple[Evaluator, list[dict[str, Any]]]:
    """Return what computes the trials of a spec, and all of them."""
    plan, setup = settle(load_plan(spec))
    evaluator = Evaluator(plan, -(-int(setup.traded.last_of_session.sum()) // 20))
    return evaluator, evaluator.table(0, plan.space.size).to_pylist()


@pytest.mark.parametrize(
    ("instrument", "keys"),
    [("etf_1321", {}), ("nikkei_mini", {"rebalance": "every-bar", "slippage_ticks": 1, "cash": 20_000_000})],
)
def test_the_lanes_agree(
    tmp_path: Path, small: Path, instrument: str, keys: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A share of the volume that never binds is the engine's alone; a future has no volume on this market.
    bound = {"volume_share": 1e9} if instrument == "etf_1321" else {}
    base = {**BASE, "instrument": instrument}
    found = {}
    for name, more in (
        ("compiled", {}),
        ("decided", {"act": "pass"}),
        ("engine", bound),
        ("engine, decided", {"act": "pass", **bound}),
    ):
        if name.startswith("engine") and not bound:
            monkeypatch.setattr("backtests.sweeps.worlds.can_compile", lambda *given: False)
        folder = tmp_path / name
        folder.mkdir()
        spec = written(folder, small, GRID, params=base, **keys, **more)
        evaluator, trials = evaluator_of(spec)
        found[name] = [{column: trial[column] for column in FIGURES} for trial in trials]
        world = evaluator.world_of(0)
        assert (world.machine is None) == name.startswith("engine")

    assert len(found["compiled"]) == 12
    assert len({trial["costs"] for trial in found["compiled"]}) > 6
    for name, trials in found.items():
        assert trials == found["compiled"], name


def test_a_plain_backtrader_strategy_sweeps_to_the_same_figures(tmp_path: Path, small: Path) -> None:
    """Shares held while the VI is low, once as backtrader's own strategy and once as targets in shares."""
    (tmp_path / "both.py").write_text(PLAIN_AND_TARGETS, "utf-8")
    over = {"low": [16.0, 18.0, 21.0], "size": [100, 1000]}
    plain, targets = (
        evaluator_of(written(tmp_path, small, over, strategy=f"both.py:{name}"))[1] for name in ("Plain", "Wanted")
    )

    assert [{c: row[c] for c in FIGURES} for row in plain] == [{c: row[c] for c in FIGURES} for row in targets]
    assert len({row["total_return"] for row in plain}) == 6


PLAIN_AND_TARGETS = """
from dataclasses import dataclass

import backtrader as bt
import numpy as np

from strategies.base import Strategy, Targets, no_orders


class Plain(bt.Strategy):
    instruments = ("etf_1321",)
    needs = ("nikkei_vi",)
    params = (("low", 20.0), ("size", 100))

    def next(self):
        wanted = self.p.size if self.datas[1].close[0] < self.p.low else 0
        if wanted != self.position.size:
            self.order_target_size(self.datas[0], wanted)


class Wanted(Strategy):
    @dataclass(frozen=True)
    class Params:
        low: float = 20.0
        size: int = 100

    @classmethod
    def instruments(cls, params):
        return ("etf_1321",)

    @classmethod
    def needs(cls, params):
        return ("nikkei_vi",)

    @staticmethod
    def features(market, params):
        return {"vi": market.known("nikkei_vi", "close", market.bars("daily"))}

    @staticmethod
    def decide(features, params):
        wanted = np.where(features["vi"] < params.low, float(params.size), 0.0)[:, None]
        return Targets(("etf_1321",), wanted, no_orders(len(wanted), 1), "contracts")
"""


def test_the_figures_are_those_of_the_run(tmp_path: Path, small: Path) -> None:
    """Daily bars, halves, and money paid in: what a stored trial says is what its own run says."""
    cases: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
        ("strategies.vi_gate:ViGate", {"low": [18.0, 22.0]}, {}, {}),
        ("strategies.boj_dip:BojDip", {"quantile": [0.1, 0.3]}, {"instrument": "etf_1306", "window": 50}, {}),
        ("strategies.vi_saver:ViSaver", {"low": [18.0, 22.0]}, {}, {"rebalance": "every-bar", "cash": 100_000}),
    ]
    for at, (strategy, over, params, keys) in enumerate(cases):
        folder = tmp_path / str(at)
        folder.mkdir()
        evaluator, trials = evaluator_of(written(folder, small, over, strategy=strategy, params=params, **keys))
        for row in trials:
            assert_as_its_run(evaluator, row)
        assert (trials[0]["costs"], trials[0]["sharpe"]) != (trials[1]["costs"], trials[1]["sharpe"])


def assert_as_its_run(evaluator: Evaluator, row: dict[str, Any]) -> None:
    """Compare a row with `backtests.metrics` on the session returns of its run, and blocks with numpy's sums."""
    world = evaluator.world_of(row["trial"])
    setup = setup_of(evaluator, world, row["trial"])
    result = compute(setup, Path("unused"))
    feed, execution = execution_of(setup)
    summary = metrics.summary(result.returns["net"], per_year(setup))
    for name in ("total_return", "cagr", "ann_vol", "sharpe", "max_drawdown", "calmar"):
        assert row[name] == pytest.approx(summary[name], rel=1e-9, abs=1e-9), name
    book = execution.book
    assert row["n_trades"] == len(round_trips(book.fills, book.instruments, feed.splits)) == len(result.round_trips)
    assert row["n_fills"] == len(result.fills) > 0
    assert row["n_rejected"] == (result.orders["status"] == "rejected").sum()
    assert row["costs"] == pytest.approx(sum(_costs(execution).values()), abs=0.01)
    logs = np.log1p(result.returns["net"].to_numpy())
    blocks = [logs[first : first + 20] for first in range(0, len(logs), 20)]
    assert row["log_sum"] == pytest.approx([block.sum() for block in blocks], rel=1e-6, abs=1e-8)
    assert row["log_square"] == pytest.approx([(block * block).sum() for block in blocks], rel=1e-6, abs=1e-10)


def test_a_ruined_account_has_lost_everything_and_has_no_other_figure() -> None:
    """By hand: 100, 120, -5, 40 yen: growth 1.2, then ruin; log(1.2), then log(0.01), then nothing."""
    ruler = Ruler(np.arange(3), 245.0)
    after = ([12_000, -500, 4_000], [12_000, 0, 0], [12_000, 11_000, 12_100])
    values = np.array([[10_000.0, *account] for account in after])
    figures, sums, squares = ruler.measure(values, np.zeros((3, 3)))

    for row in range(2):
        assert figures[row].tolist()[0] == figures[row].tolist()[4] == -1.0
        assert np.isnan(figures[row][[1, 2, 3, 5]]).all()
        assert sums[row, 0] == pytest.approx(np.log(1.2) + np.log(0.01))
        assert squares[row, 0] == pytest.approx(np.log(1.2) ** 2 + np.log(0.01) ** 2)
    assert figures[2].tolist()[0] == pytest.approx(0.21)
    assert figures[2].tolist()[4] == pytest.approx(-1 / 12)


def crashing(folder: Path, small: Path) -> Path:
    """A market of the index and the VI alone, in which the index loses a third overnight."""
    folder.mkdir()
    for name in ("n225", "nikkei_vi"):
        frame = pd.read_csv(small / f"{name}.csv")
        if name == "n225":
            prices = [column for column in frame.columns if column in ("open", "high", "low", "close")]
            frame.loc[60:, prices] = (frame.loc[60:, prices] * 0.67).round(2)
        frame.to_csv(folder / f"{name}.csv", index=False)
    shutil.copy(small / "synthetic.json", folder)
    return folder


def test_a_ruined_trial_is_never_the_best(tmp_path: Path, small: Path) -> None:
    market = crashing(tmp_path / "market", small)
    params = {"instrument": "nikkei_mini", "sma": 0, "low": 200.0, "high": 201.0}
    spec = written(tmp_path, market, {"calm": [0.5, 6.0]}, params=params)
    answer = swept(spec, tmp_path / "out")
    kept, ruined = rows(answer)

    assert answer["best"]["trial"] == 0
    assert (ruined["status"], ruined["total_return"], ruined["max_drawdown"]) == (0, -1.0, -1.0)
    assert [ruined[name] for name in ("cagr", "sharpe", "calmar", "ann_vol")] == [None] * 4
    assert np.isfinite(ruined["log_sum"] + ruined["log_square"]).all()
    assert kept["total_return"] > -0.5
    assert answer["parity"] == {"checked": 2, "equal": True, "differences": []}


def parameter_of(spec: Path) -> tuple[str, list[Any]]:
    """Return a parameter of a shipped spec and two values of it: the first number that may lie a tenth lower."""
    base = load_spec(spec)
    strategy = load_strategy(base.strategy)
    params = build_params(strategy, base.params)
    for name, kind in parameter_types(strategy).items():
        value = getattr(params, name)
        if kind is float and value:
            try:
                build_params(strategy, {**dataclasses.asdict(params), name: value * 0.9})
            except Exception:
                continue
            return name, [value, value * 0.9]
    whole = next(name for name, kind in parameter_types(strategy).items() if kind is int)
    return whole, [getattr(params, whole), getattr(params, whole) + 1]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_shipped_strategy_sweeps_and_equals_the_engine(path: Path, tmp_path: Path, small: Path) -> None:
    name, values = parameter_of(path)
    text = path.read_text("utf-8").replace('["../../data/sample"]', json.dumps([str(small)]))
    lines = [line for line in text.splitlines() if not line.startswith(("from =", "to ="))]
    over = f'[sweep]\nselect = "total_return"\n[sweep.over]\n{name} = {json.dumps(values)}\n'
    (tmp_path / "sweep.toml").write_text("\n".join([*lines, over]), "utf-8")
    answer = swept(tmp_path / "sweep.toml", tmp_path / "out")

    assert answer["trials"] == {"planned": 2, "done": 2, "failed": 0, "quarantined": 0}
    assert answer["parity"] == {"checked": 2, "equal": True, "differences": []}


KEYS: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("slippage_bps", [0.0, 12.5], {}),
    ("slippage_ticks", [0, 3], {}),
    ("rebalance", ["on-change", "every-bar"], {}),
    ("reserve", [0.02, 0.3], {}),
    ("cash", [1_000_000, 100_000_000], {}),
    ("cash_rate", [0.0, 0.02], {}),
    ("volume_share", [0.0, 0.0001], {}),
    ("impact", [0.0, 0.5], {}),
    ("futures", ["carry", "index"], {"instrument": "nikkei_mini"}),
    ("expiry", ["roll", "settle"], {"instrument": "nikkei_mini"}),
    ("roll_before", [1, 3], {"instrument": "nikkei_mini"}),
    ("what_if", ["", "cap=0.10"], {"instrument": "nikkei_mini"}),
    ("instrument", ["etf_1321", "nikkei_mini"], {}),
]


@pytest.mark.parametrize(("key", "values", "params"), KEYS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_key_of_the_spec_is_swept(
    key: str, values: list[Any], params: dict[str, Any], tmp_path: Path, small: Path
) -> None:
    """Each trial is what a run with that setting is, whatever shares its chunk."""
    given = {**BASE, **params}
    given.pop(key, None)
    over = {key: values, "low": [16.0, 20.0]}
    evaluator, trials = evaluator_of(written(tmp_path, small, over, params=given, chunk=4))
    whole = [evaluator.table(at, at + 1).to_pylist()[0] for at in range(4)]

    assert [row["status"] for row in trials] == [0] * 4
    assert trials == whole
    assert prove(evaluator, trials) == []
    differing = [name for name in FIGURES[1:] if trials[0][name] != trials[2][name]]
    assert "total_return" in differing
    alone = dataclasses.replace(with_settings(evaluator.plan.spec, [f"{key}={values[1]}", "low=16.0"]))
    result = compute(prepare(alone), tmp_path)
    assert trials[2]["total_return"] == pytest.approx(metrics.total_return(result.returns["net"]), abs=1e-12)
    assert trials[2]["n_fills"] == len(result.fills)


def test_markets_and_dates_are_swept_and_then_nothing_is_said_of_luck(tmp_path: Path, small: Path) -> None:
    beside = tmp_path / "beside"
    shutil.copytree(small, beside)
    frame = pd.read_csv(beside / "nikkei_vi.csv")
    frame["close"] = frame["close"].to_numpy()[::-1]
    frame.to_csv(beside / "nikkei_vi.csv", index=False)
    days = [date(2020, 1, 6), date(2021, 1, 4)]
    over = {"market": [[str(small)], [str(beside)]], "from": days, "low": [16.0, 20.0]}
    answer = swept(written(tmp_path, small, over, params=BASE, chunk=3), tmp_path / "out")
    trials = rows(answer)

    assert [(row["market"], row["from"]) for row in trials[::2]] == [(m, d) for m in (0, 1) for d in days]
    assert len({row["total_return"] for row in trials}) == 8
    assert answer["parity"] == {"checked": 8, "equal": True, "differences": []}
    overfit = answer["overfit"]
    assert overfit == {
        "verdict": None,
        "verdict_why": "market, from is swept: the trials trade on different sessions",
        "n_trials": 8,
    }
    assert answer["best"]["from"] in ("2020-01-06", "2021-01-04")


@pytest.mark.parametrize("axis", ["market", "from", "instrument"])
def test_a_chunk_that_the_constraints_leave_empty_has_columns_of_the_same_type(
    axis: str, tmp_path: Path, small: Path
) -> None:
    values = {"market": [[str(small)], [str(small)]], "from": [date(2021, 1, 4)], "instrument": ["etf_1321"]}[axis]
    params = {} if axis == "instrument" else BASE
    if axis == "market":
        values = values[:1]
    over = {"low": [22.0, 25.0, 15.0], axis: values}
    spec = written(tmp_path, small, over, params=params, constraints=["low < 20"], chunk=1)
    answer = swept(spec, tmp_path / "out")

    assert answer["trials"] == {"planned": 1, "done": 1, "failed": 0, "quarantined": 0}
    assert answer["best"]["low"] == 15.0


def test_parameters_that_are_refused_fail_with_their_reason(tmp_path: Path, small: Path) -> None:
    for more in ({}, {"act": "pass"}):
        spec = written(tmp_path, small, {"low": [20.0, 30.0], "high": [25.0, 35.0]}, params=BASE, chunk=2, **more)
        answer = swept(spec, tmp_path / f"out{len(more)}")
        trials = rows(answer)

        assert answer["trials"] == {"planned": 4, "done": 3, "failed": 1, "quarantined": 0}
        assert [(row["trial"], row["why"]) for row in trials if row["status"] == 1] == [
            (2, "low 30 lies above high 25" + ("; low <= high" if not more else ""))
        ]
        assert [trials[2][name] for name in ("total_return", "sharpe")] == [None, None]
        assert answer["overfit"]["n_trials"] == 4
        assert answer["parity"] == {"checked": 3, "equal": True, "differences": []}


def test_a_trial_whose_market_lacks_a_file_fails_alone(tmp_path: Path, small: Path) -> None:
    """The first of a chunk lacks usdjpy; the second does not read it, and must not suffer for the first."""
    market = tmp_path / "market"
    shutil.copytree(small, market)
    (market / "usdjpy.csv").unlink()
    spec = written(tmp_path, market, {"yen_rise": [0.02, 0.0, 0.03]}, params={**BASE, "jump": 3.0}, chunk=3)
    answer = swept(spec, tmp_path / "out")
    trials = rows(answer)

    assert [row["status"] for row in trials] == [1, 0, 1]
    assert "usdjpy" in trials[0]["why"]
    assert answer["overfit"]["n_trials"] == 3
    assert answer["best"]["trial"] == 1


ERRORS = """
from dataclasses import dataclass

import numpy as np

from indexsim.errors import DataError, Finding
from strategies.rules import Ruled


class Fails(Ruled):
    @dataclass(frozen=True)
    class Params:
        how: str = ""
        size: float = 0.5

    @classmethod
    def instruments(cls, params):
        if params.how == "instruments":
            raise KeyError("no such instrument")
        return ("nothing" if params.how == "unknown" else "etf_1321",)

    @classmethod
    def needs(cls, params):
        return ("n225",)

    @staticmethod
    def features(market, params):
        close = market.known("n225", "close", market.bars("daily"))
        if params.how == "features":
            raise ZeroDivisionError("a mean of nothing")
        if params.how == "missing":
            market.require(["usdjpy", "jgb_yields"], "read a yield")
        return {"close": close}

    @staticmethod
    def rule(features, params, at_open, at_close, deposits):
        for t in range(len(features.close)):
            at_open[t, 0] = params.size
"""


def test_a_strategy_that_fails_for_some_parameters_fails_these_trials_alone(tmp_path: Path, small: Path) -> None:
    (tmp_path / "fails.py").write_text(ERRORS, "utf-8")
    how = ["features", "missing", "unknown", "instruments", ""]
    spec = written(tmp_path, small, {"how": how, "size": [0.5, 0.9]}, strategy="fails.py:Fails", chunk=10)
    _, trials = evaluator_of(spec)

    assert [row["status"] for row in trials] == [1] * 8 + [0, 0]
    for row, words in zip(
        trials[::2], ("a mean of nothing", "jgb_yields", "nothing", "no such instrument"), strict=False
    ):
        assert words in row["why"]


def test_a_text_too_long_for_a_compiled_rule_fails_alone(tmp_path: Path, small: Path) -> None:
    """A text nobody but the rule reads: a record would cut it, and the trial would pass for another one."""
    (tmp_path / "fails.py").write_text(ERRORS.replace("how: str", 'note: str = ""\n        how: str'), "utf-8")
    over = {"note": ["x", "y" * 99, "z"], "size": [0.5, 0.9]}
    _, trials = evaluator_of(written(tmp_path, small, over, strategy="fails.py:Fails", chunk=6))

    assert [row["status"] for row in trials] == [0, 0, 1, 1, 0, 0]
    assert "99 characters" in trials[2]["why"]


def test_parameters_that_fail_in_another_way_or_have_no_dictionary(tmp_path: Path, small: Path) -> None:
    check = (
        "\n\n        def __post_init__(self):\n            if self.size > 0.8:\n                raise TypeError('no')\n"
    )
    text = ERRORS.replace("frozen=True", "frozen=True, slots=True")
    (tmp_path / "fails.py").write_text(text.replace("size: float = 0.5", "size: float = 0.5" + check), "utf-8")
    _, trials = evaluator_of(written(tmp_path, small, {"size": [0.5, 0.9]}, strategy="fails.py:Fails", chunk=2))

    assert [(row["status"], row["why"]) for row in trials] == [(0, ""), (1, "TypeError: no")]


def test_an_axis_that_differs_from_a_figure_in_its_case_is_refused(tmp_path: Path, small: Path) -> None:
    (tmp_path / "fails.py").write_text(ERRORS.replace("how: str", "Sharpe: float = 1.0\n        how: str"), "utf-8")

    with pytest.raises(SpecError, match="a figure has that name"):
        swept(written(tmp_path, small, {"Sharpe": [0.5, 0.9]}, strategy="fails.py:Fails"), tmp_path / "out")


class TestTheProof:
    """The proof can fail."""

    @pytest.fixture
    def found(self, tmp_path: Path, small: Path) -> tuple[Evaluator, list[dict[str, Any]]]:
        return evaluator_of(written(tmp_path, small, {"low": [15.0, 20.0]}, params=BASE))

    def test_it_passes_what_is_right(self, found: tuple[Evaluator, list[dict[str, Any]]]) -> None:
        assert prove(*found) == []

    @pytest.mark.parametrize("name", ["total_return", "sharpe", "n_fills", "costs"])
    def test_a_stored_figure_that_was_changed_is_named(
        self, found: tuple[Evaluator, list[dict[str, Any]]], name: str
    ) -> None:
        evaluator, trials = found
        trials[1][name] = np.nextafter(trials[1][name], np.inf) if isinstance(trials[1][name], float) else 7

        (difference,) = prove(evaluator, trials)
        assert (difference.trial, difference.what.split()[0]) == (1, name)

    @pytest.mark.parametrize("what", ["account", "fill", "order"])
    def test_an_account_that_is_off_by_one_is_named(
        self, found: tuple[Evaluator, list[dict[str, Any]]], what: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        right = Machine.record

        def wrong(self: Machine, *given: Any) -> Any:
            batch, account = right(self, *given)
            if what == "account":
                batch.values[0, 300] += 1
            else:
                (account.fills if what == "fill" else account.orders)[0, 3] += 1
            return batch, account

        monkeypatch.setattr(Machine, "record", wrong)
        differences = prove(*found)

        assert [difference.trial for difference in differences] == [0, 1]
        assert all(what in difference.what for difference in differences)
        if what == "account":
            assert all("bar 300" in difference.what for difference in differences)

    def test_targets_of_another_rule_are_named(
        self, found: tuple[Evaluator, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        right = Evaluator.targets

        def wrong(self: Evaluator, *given: Any) -> Any:
            targets = right(self, *given)
            assert targets is not None
            targets.at_open[5, 0] += 0.001
            return targets

        monkeypatch.setattr(Evaluator, "targets", wrong)

        assert [d.what for d in prove(*found)] == ["at_open of the targets differs from what decide() says"] * 2

    def test_terms_that_the_compiled_lane_reads_wrongly_are_named(
        self, tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A wrong slippage repeats itself: only the engine's own figures show it."""
        right = Evaluator._terms

        def wrong(self: Evaluator, *given: Any) -> Any:
            terms, reserves = right(self, *given)
            terms["slippage_rate"] += 2_000
            return terms, reserves

        monkeypatch.setattr(Evaluator, "_terms", wrong)
        differences = prove(*evaluator_of(written(tmp_path, small, {"slippage_bps": [1.0, 5.0]}, params=BASE)))

        assert [difference.trial for difference in differences] == [0, 1]
        assert all("in the engine" in difference.what for difference in differences)

    def test_a_trial_that_the_engine_refuses_is_named(
        self, found: tuple[Evaluator, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(setup: Any) -> Any:
            raise SpecError(asked="hold targets", found="an infinite target", rule="none is", todo="mend it")

        monkeypatch.setattr("backtests.sweeps.proof.targets_of", refuse)

        assert ["an infinite target" in difference.what for difference in prove(*found)] == [True, True]

    def test_a_difference_is_part_of_the_answer(
        self, tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("backtests.sweeps.proof._in_engine", lambda *given: "something else")
        answer = swept(written(tmp_path, small, {"low": [15.0, 20.0]}, params=BASE), tmp_path / "out")

        assert answer["parity"]["equal"] is False
        assert answer["parity"]["differences"][0]["what"] == "something else"


TINY = """
from backtests.trading.tiny import price


def total(n):
    found = 0
    for i in range(n):
        found += price(i)
    return found
"""
ASK = """
from pathlib import Path

import numba
from backtests import trading
from backtests.fast.tiny import total
from indexsim.compiled import exactly

kernel = exactly(total, Path(trading.__file__).parent)
print(kernel(4), sum(kernel.stats.cache_hits.values()))
"""


def test_the_compiled_cache_sees_an_edited_helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel whose helper lies in another module: 0+1+2+3 = 6; the helper adds one, 10; and back."""
    for package in ("indexsim", "strategies", "backtests"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "backtests/fast/tiny.py").write_text(TINY, "utf-8")
    helper = tmp_path / "backtests/trading/tiny.py"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    answers = []
    for result in ("i", "i", "i + 1", "i"):
        helper.write_text(f"def price(i):\n    return {result}\n", "utf-8")
        done = subprocess.run([sys.executable, "-c", ASK], cwd=tmp_path, capture_output=True, text=True, check=True)
        answers.append(done.stdout.split())

    # The second and the last are found ready: nothing is compiled twice.
    assert answers == [["6", "0"], ["6", "1"], ["10", "0"], ["6", "1"]]
