"""The page of a sweep: maps and slices by hand, histograms, ranks, numbers equal to the twin, equal bytes.

The trials are made up and stored as a sweep stores them: no market is read, and none needs to be.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from backtests.overfit.blocks import ArrayBlocks
from backtests.overfit.verdict import Chosen, judge
from backtests.spec import Spec
from backtests.sweeps import maps
from backtests.sweeps.digest import chosen
from backtests.sweeps.judgement import _days, _walk
from backtests.sweeps.page import write_page
from backtests.sweeps.plan import Plan, load_plan, make_plan
from backtests.sweeps.store import Store
from backtests.sweeps.sweep import _plain
from indexsim.errors import SpecError
from tests.page_reader import ALERT, whole

#: 3 x 4 x 2 = 24 trials; the last axis is the fastest.
GRID = {"low": [10.0, 12.0, 14.0], "high": {"from": 20.0, "to": 26.0, "step": 2.0}, "band": ["level", "quantile"]}
FAILED, QUARANTINED = 3, 20
BLOCKS = 80


def plan_of(folder: Path, over: dict[str, Any], **sweep: Any) -> Plan:
    spec = Spec(name="made", strategy="strategies.vi_gate:ViGate", market=(folder / "market",), claim=ALERT)
    return make_plan(spec, {"select": "sharpe", "over": over, **sweep}, folder)


def figure_of(low: float, high: float, band: str) -> float:
    """Return a made-up Sharpe ratio: best at low 12, high 24, level."""
    return 2.0 - abs(low - 12.0) / 10 - abs(high - 24.0) / 10 - (0.5 if band == "quantile" else 0.0)


def stored(folder: Path, plan: Plan, figure: Callable[..., float]) -> Store:
    """Store the trials of a plan; two of a grid have no figures."""
    store = Store(folder, "k" * 64, plan.chunks)
    for number in range(plan.chunks):
        lo, hi = plan.range_of(number)
        columns = plan.space.columns(lo, hi)
        sharpe = [figure(**{n: c.tolist()[row] for n, c in columns.items()}) for row in range(hi - lo)]
        status = [1 if t == FAILED else 2 if t == QUARANTINED else 0 for t in range(lo, hi)]
        done = [value if not bad else None for value, bad in zip(sharpe, status, strict=True)]
        names = ("total_return", "cagr", "ann_vol", "max_drawdown", "calmar")
        table = {
            "trial": np.arange(lo, hi),
            **{name: pa.array(_stored(plan, name, column.tolist())) for name, column in columns.items()},
            "status": pa.array(status, pa.int8()),
            "why": [ALERT if bad else "" for bad in status],
            "sharpe": pa.array(done, pa.float64()),
            **{name: pa.array([None if v is None else v / 10 for v in done], pa.float64()) for name in names},
            **{name: pa.array([5] * (hi - lo), pa.int64()) for name in ("n_trades", "n_fills", "n_rejected")},
            "costs": pa.array([1e6] * (hi - lo), pa.float64()),
        }
        store.write(number, pa.table(table))
    store.finish()
    return store


def _stored(plan: Plan, name: str, values: list[Any]) -> list[Any]:
    """Return a column as a sweep stores it: a market by its place in the list."""
    return [plan.markets().index(value) for value in values] if name == "market" else values


def judged() -> dict[str, Any]:
    """Return the overfit statistics of noise."""
    rng = np.random.default_rng(5)
    sums = rng.normal(0.002, 0.02, (22, BLOCKS))
    squares = sums**2 + rng.uniform(0.001, 0.002, sums.shape)
    sessions, benchmark = np.full(BLOCKS, 20), rng.normal(0.002, 0.02, BLOCKS)
    blocks = ArrayBlocks(sums, squares, sessions, benchmark, 245.0)
    returns = rng.normal(0.0002, 0.01, (2, 20 * BLOCKS))
    answer = judge(blocks, Chosen(11, returns[0], returns[1], 2.0, [1.5, 1.9, 1.8]), 24)
    days = [(f"2001-{1 + at // 28:02}-{1 + at % 28:02}",) * 2 for at in range(BLOCKS)]
    walk = _walk(blocks, "sharpe", 24, np.arange(22), days)  # type: ignore[arg-type]
    return {**answer, "benchmark": "benchmark_total", "walk_forward": walk}


def sweep_in(folder: Path, plan: Plan, figure: Callable[..., float], **changed: Any) -> Store:
    """Leave what a finished sweep leaves."""
    folder.mkdir(parents=True)
    store = stored(folder, plan, figure)
    best = store.query("select * from trials where sharpe is not null order by sharpe desc, trial limit 1")
    row = {str(name): value for name, value in best.to_dict("records")[0].items()}
    answer = {
        "sweep_id": folder.name,
        "select": "sharpe",
        "path": "compiled",
        "trials": {"planned": 24, "done": 22, "failed": 1, "quarantined": 1},
        "data": {"fingerprint": "f00", "from": "2001-01-05", "to": "2007-12-30", "synthetic": None, "missing": []},
        "version": "1.0",
        "commit": "abc",
        "code": "def",
        "best": _plain(row),
        "overfit": judged(),
        "parity": {"checked": 22, "equal": True, "differences": []},
        "lookahead": {"rows_checked": 64, "leaks": []},
    }
    (folder / "sweep.json").write_text(json.dumps(answer | changed), "utf-8")
    (folder / "plan.json").write_text(json.dumps({"key": store.key, "chunks": store.chunks}), "utf-8")
    (folder / "spec.toml").write_text(plan.to_toml(folder), "utf-8")
    return store


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sweeps")
    folder = root / "made-0123456789ab"
    sweep_in(folder, plan_of(root, GRID), figure_of)
    for trial in (12, 9):
        run = folder / "runs" / f"made-t{trial}-0123456789ab"
        run.mkdir(parents=True)
        (run / "index.html").write_text("<p>run</p>", "utf-8")
    write_page(folder)
    return folder


@pytest.fixture(scope="module")
def twin(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "report.json").read_text("utf-8"))
    return values


def test_every_number_is_that_of_the_twin_and_nothing_is_loaded(folder: Path) -> None:
    assert whole(folder, "report.json") > 200


def test_the_chosen_trial_is_where_it_must_be(twin: dict[str, Any]) -> None:
    # By hand: low 12 is the second of three, high 24 the third of four, level the first of two: 8 + 2 x 2 + 0.
    assert (twin["best"]["trial"], twin["best"]["sharpe"]) == (12, 2.0)
    assert [axis["chosen"] for axis in twin["space"]["axes"]] == [12.0, 24.0, "level"]


def test_slices_run_through_the_chosen_trial(twin: dict[str, Any]) -> None:
    slices = {found["name"]: found for found in twin["slices"]}

    assert slices["high"]["labels"] == [20.0, 22.0, 24.0, 26.0]
    assert slices["high"]["values"] == pytest.approx([1.6, 1.8, 2.0, 1.8])
    assert slices["low"]["values"] == [pytest.approx(1.8), pytest.approx(2.0), None]  # trial 20 was quarantined
    assert slices["band"]["values"] == pytest.approx([2.0, 1.5])
    assert {name: found["at"] for name, found in slices.items()} == {"low": 1, "high": 2, "band": 0}


def test_maps_hold_the_trials_that_differ_in_two_axes(twin: dict[str, Any]) -> None:
    found = {(one["down"], one["across"]): one for one in twin["maps"]}

    assert set(found) == {("low", "high"), ("low", "band"), ("high", "band")}
    one = found["low", "high"]
    assert one["at"] == [1, 2]
    for i, low in enumerate((10.0, 12.0, 14.0)):
        for j, high in enumerate((20.0, 22.0, 24.0, 26.0)):
            trial = 8 * i + 2 * j
            expected = None if trial == QUARANTINED else pytest.approx(figure_of(low, high, "level"))
            assert one["values"][i][j] == expected


def test_why_trials_have_no_figures_is_said(folder: Path, twin: dict[str, Any]) -> None:
    assert twin["undone"]["rows"] == [
        {"status": "failed", "why": ALERT, "n": 1, "first": FAILED},
        {"status": "quarantined", "why": ALERT, "n": 1, "first": QUARANTINED},
    ]
    page = (folder / "index.html").read_text("utf-8")
    assert page.count("<script") == 1
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 3  # both, and the claim


def test_ranks_of_reports_and_the_middle_trial(folder: Path, twin: dict[str, Any]) -> None:
    store = Store(folder, "k" * 64, load_plan(folder / "spec.toml").chunks)
    frame = store.frame().dropna(subset="sharpe").sort_values(["sharpe", "trial"], ascending=[False, True])
    order = frame["trial"].tolist()

    assert [row["trial"] for row in twin["top"]] == order[:20]
    assert [(row["trial"], row["rank"]) for row in twin["reports"]] == [(12, 1), (9, order.index(9) + 1)]
    # 22 trials have a figure; of the two in the middle the worse one is the twelfth.
    assert chosen(load_plan(folder / "spec.toml"), store, 2) == [(order[0], 1), (order[1], 2), (order[11], "median")]


def test_the_histogram_counts_every_trial_that_has_the_figure(twin: dict[str, Any]) -> None:
    figures = twin["figures"]

    assert sum(figures["counts"]) == 22
    assert (figures["edges"][0], figures["edges"][-1]) == (pytest.approx(0.9), pytest.approx(2.0))


def test_the_logits_below_zero_are_the_pbo(twin: dict[str, Any]) -> None:
    logits = twin["overfit"]["pbo_logits"]
    below = sum(n for n, edge in zip(logits["counts"], logits["edges"][1:], strict=True) if edge <= 0)

    assert below / sum(logits["counts"]) == pytest.approx(twin["overfit"]["pbo"])


def test_folds_are_named_by_their_days(twin: dict[str, Any]) -> None:
    fold = twin["overfit"]["walk_forward"]["rolling"]["folds"][0]

    # Learnt from 60 blocks, one left out, tested on 12; block k of `judged` is day 1 + k % 28 of month 1 + k // 28.
    assert (fold["train_days"], fold["test_days"]) == (["2001-01-01", "2001-03-04"], ["2001-03-06", "2001-03-17"])
    assert len(twin["walk"]["rolling"]["days"]) == len(twin["walk"]["rolling"]["curves"]["out"]) == 13
    grown = np.expm1(np.sum(twin["overfit"]["walk_forward"]["rolling"]["joined"]["sums"]))
    assert twin["walk"]["rolling"]["curves"]["out"][-1] == pytest.approx(grown)


def test_blocks_begin_and_end_with_their_sessions() -> None:
    days = np.arange("2001-01-01", "2001-02-15", dtype="datetime64[D]").astype("datetime64[ns]")
    bars = SimpleNamespace(session=np.repeat(days, 2))  # a morning and an afternoon
    world = SimpleNamespace(
        setup=SimpleNamespace(traded=bars), ruler=SimpleNamespace(ends=np.arange(1, 2 * len(days), 2))
    )

    assert _days(world, 3) == [  # type: ignore[arg-type]
        ("2001-01-01", "2001-01-20"),
        ("2001-01-21", "2001-02-09"),
        ("2001-02-10", "2001-02-14"),
    ]


def test_every_trial_can_be_downloaded(folder: Path) -> None:
    table = pd.read_parquet(folder / "table.parquet")
    text = pd.read_csv(folder / "table.csv", keep_default_na=False, na_values=[""])

    assert len(table) == 24
    assert text["trial"].tolist() == table["trial"].tolist()
    np.testing.assert_array_equal(text["sharpe"], table["sharpe"])


def test_many_trials_have_no_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backtests.sweeps.digest.CSV_TRIALS", 23)
    sweep_in(tmp_path / "many", plan_of(tmp_path, GRID), figure_of)
    write_page(tmp_path / "many")

    assert not (tmp_path / "many" / "table.csv").exists()
    assert whole(tmp_path / "many", "report.json") > 200


def test_the_page_drawn_again_has_equal_bytes(folder: Path) -> None:
    names = ("index.html", "report.json", "table.csv")
    before = [(folder / name).read_bytes() for name in names]
    write_page(folder)

    assert [(folder / name).read_bytes() for name in names] == before
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_doubts_name_what_speaks_against_the_best(twin: dict[str, Any], tmp_path: Path) -> None:
    assert "Trials failed: what is left to choose from is chosen already." in twin["doubts"]
    assert not [text for text in twin["doubts"] if "end of what was tried" in text]
    wrong = {"checked": 22, "equal": False, "differences": [{"trial": 3, "what": ALERT}]}
    sweep_in(tmp_path / "s", plan_of(tmp_path, GRID), lambda low, high, band: high + 0.1 * low, parity=wrong)
    page = write_page(tmp_path / "s").read_text("utf-8")
    values = json.loads((tmp_path / "s" / "report.json").read_text("utf-8"))

    assert "<b>INVALID</b>" in page
    assert values["doubts"][0] == "Trials differ from the engine: no figure here is proved."
    assert "Chosen at the end of what was tried, high: a better one may lie outside." in values["doubts"]


@pytest.mark.parametrize("overfit", [{"verdict": None, "verdict_why": "market is swept", "n_trials": 24}])
def test_a_sweep_that_is_not_judged_has_a_page(tmp_path: Path, overfit: dict[str, Any]) -> None:
    sweep_in(tmp_path / "s", plan_of(tmp_path, GRID), figure_of, overfit=overfit)
    page = write_page(tmp_path / "s").read_text("utf-8")

    assert "market is swept" in page
    assert whole(tmp_path / "s", "report.json") > 50


def test_a_sweep_without_a_best_trial_has_a_page(tmp_path: Path) -> None:
    none = {"verdict": None, "verdict_why": "no trial has the figure", "n_trials": 24}
    sweep_in(tmp_path / "s", plan_of(tmp_path, GRID), figure_of, best=None, overfit=none)

    assert "No trial was chosen." in write_page(tmp_path / "s").read_text("utf-8")
    assert whole(tmp_path / "s", "report.json") > 20


def test_of_few_sessions_what_does_not_exist_has_its_reason(tmp_path: Path) -> None:
    blocks = ArrayBlocks(np.zeros((3, 2)), np.zeros((3, 2)), np.array([20, 20]), None, 245.0)
    found = judge(blocks, Chosen(0, np.zeros(40)))
    walk = {"rolling": None, "rolling_why": "2 blocks", "anchored": None, "anchored_why": "2 blocks"}
    overfit = {**found, "benchmark": None, "walk_forward": walk}
    sweep_in(tmp_path / "s", plan_of(tmp_path, GRID), figure_of, overfit=overfit)
    page = write_page(tmp_path / "s").read_text("utf-8")

    assert "fewer than 4 blocks" in page
    assert "None: " in page
    assert whole(tmp_path / "s", "report.json") > 50


def test_a_long_axis_is_thinned_around_the_chosen_value(tmp_path: Path) -> None:
    over = {"low": {"from": 1.0, "to": 50.0, "step": 1.0}, "sma": {"from": 10, "to": 309, "step": 1}}
    plan = plan_of(tmp_path, over)
    store = stored(tmp_path, plan, lambda low, sma: 3.0 - abs(low - 33.0) / 50 - abs(sma - 100) / 300)
    best = store.query("select * from trials where sharpe is not null order by sharpe desc limit 1").to_dict("records")
    found = maps.around(plan, store, best[0])
    one, (low, sma) = found["maps"][0], found["slices"]

    assert len(low["labels"]) == 50
    assert (low["every"], low["labels"][low["at"]], low["values"][low["at"]]) == (1, 33.0, 3.0)
    # 300 values are more than 201: every second one, 100 among them.
    assert (sma["every"], sma["labels"][:2], sma["labels"][sma["at"]]) == (2, [10, 12], 100)
    # At most 21 a side: every third of 50, every fifteenth of 300.
    assert one["every"] == [3, 15]
    assert (one["rows"][one["at"][0]], one["columns"][one["at"][1]]) == (33.0, 100)
    assert one["values"][one["at"][0]][one["at"][1] + 1] == pytest.approx(3.0 - 15 / 300)


def test_a_sample_is_binned_and_a_cell_is_its_median(tmp_path: Path) -> None:
    over = {"low": {"from": 10.0, "to": 30.0}, "jump": {"from": 0.01, "to": 10.0, "log": True}, "sma": [20, 60, 100]}
    plan = plan_of(tmp_path, over, sample="random", trials=600)
    store = stored(tmp_path, plan, lambda low, jump, sma: low / 10 + jump + sma / 100)
    frame = store.frame()
    best = frame.loc[frame["sharpe"].idxmax()].to_dict()
    found = maps.around(plan, store, best)
    slices = {one["name"]: one for one in found["slices"]}
    done = frame.dropna(subset="sharpe")

    by_value = done.groupby("sma")["sharpe"].agg(["median", "min", "max", "size"])
    assert slices["sma"]["labels"] == [20, 60, 100]
    for name, column in (("values", "median"), ("low", "min"), ("high", "max"), ("n", "size")):
        assert slices["sma"][name] == pytest.approx(by_value[column].tolist())
    low, log = done["low"], np.log(done["jump"])
    edges = [np.linspace(part.min(), part.max(), 11) for part in (frame["low"], np.log(frame["jump"]))]
    cells = [np.clip(np.searchsorted(e, part, "right") - 1, 0, 9) for e, part in zip(edges, (low, log), strict=True)]
    assert slices["low"]["values"] == pytest.approx(done.groupby(cells[0])["sharpe"].median().tolist())
    assert slices["jump"]["n"] == done.groupby(cells[1])["sharpe"].size().tolist()
    one = next(m for m in found["maps"] if (m["down"], m["across"]) == ("low", "jump"))
    pairs = done.groupby([cells[0], cells[1]])["sharpe"].median()
    assert {(i, j): v for i, row in enumerate(one["values"]) for j, v in enumerate(row) if v is not None} == {
        at: pytest.approx(value) for at, value in pairs.items()
    }
    assert slices["sma"]["at"] == [20, 60, 100].index(best["sma"])
    assert slices["low"]["at"] == np.clip(np.searchsorted(edges[0], best["low"], "right") - 1, 0, 9)


@pytest.mark.parametrize("sample", [{}, {"sample": "sobol", "trials": 256}])
def test_axes_of_texts_days_and_markets_have_maps_too(tmp_path: Path, sample: dict[str, Any]) -> None:
    over = {"market": [["a"], ["b"]], "from": ["2020-01-06", "2021-01-04"], "rebalance": ["on-change", "every-bar"]}
    plan = plan_of(tmp_path, {**over, "from": [date(2020, 1, 6), date(2021, 1, 4)]}, **sample)
    places = {folders: at for at, folders in enumerate(plan.markets())}

    def figure(**values: Any) -> float:
        return (
            places[values["market"]] + 2.0 * (values["from"].year - 2020) + 4.0 * (values["rebalance"] == "on-change")
        )

    store = stored(tmp_path, plan, figure)
    row = store.query("select * from trials where sharpe is not null order by sharpe desc, trial limit 1")
    best = _plain({str(name): value for name, value in row.to_dict("records")[0].items()})
    found = maps.around(plan, store, best)
    slices = {one["name"]: one for one in found["slices"]}

    assert slices["market"]["labels"] == [0, 1]
    assert slices["from"]["labels"] == ["2020-01-06", "2021-01-04"]
    assert set(slices["rebalance"]["labels"]) == {"on-change", "every-bar"}
    assert [one["labels"][one["at"]] for one in slices.values()] == [1, "2021-01-04", "on-change"]
    assert len(found["maps"]) == 3
    one = next(m for m in found["maps"] if (m["down"], m["across"]) == ("market", "from"))
    if not sample:  # trial 3, the last market's first day, has failed: only what differs in two axes is shown
        assert one["values"] == [[4.0, 6.0], [5.0, 7.0]]
    assert one["at"] == [1, 1]


@pytest.mark.parametrize("missing", ["sweep.json", "table.parquet"])
def test_a_sweep_that_is_not_finished_is_refused(tmp_path: Path, missing: str) -> None:
    sweep_in(tmp_path / "s", plan_of(tmp_path, GRID), figure_of)
    (tmp_path / "s" / missing).unlink()

    with pytest.raises(SpecError, match="not finished"):
        write_page(tmp_path / "s")
    assert not (tmp_path / "s" / "index.html").exists()


@pytest.mark.parametrize(("text", "found"), [("{", "sweep.json: "), ("{}", "of an older version")])
def test_an_answer_that_cannot_be_drawn_is_refused(tmp_path: Path, text: str, found: str) -> None:
    sweep_in(tmp_path / "s", plan_of(tmp_path, GRID), figure_of)
    (tmp_path / "s" / "sweep.json").write_text(text, "utf-8")

    with pytest.raises(SpecError, match=found):
        write_page(tmp_path / "s")
