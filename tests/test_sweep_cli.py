"""The verb sweep as a user gives it: what it answers, what it refuses, and that it resumes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import backtests
from backtests import verbs
from backtests.__main__ import main
from backtests.arguments import read
from backtests.sweeps import sweep as engine_room
from backtests.sweeps.plan import load_plan
from backtests.sweeps.progress import Passing
from backtests.sweeps.proof import Difference
from backtests.text import sweeps as wording
from backtests.text.progress import Teller
from indexsim.errors import SpecError
from tests.conftest import ROOT
from tests.page_reader import whole

pytestmark = pytest.mark.usefixtures("no_sheets")

#: 2 x 3 x 6 = 36 numbers; by hand: high 22 leaves 14 and 18 of low, so 2 x (2 + 3 x 5) = 34 trials.
QUICK = """
name = "quick"
strategy = "strategies.vi_gate:ViGate"
market = ["{market}"]

[sweep]
select = "sharpe"
constraints = ["low < high"]

[sweep.over]
sma = [20, 60]
low = [14.0, 18.0, 22.0]
high = {{ from = 22.0, to = 32.0, step = 2.0 }}
"""
#: 60 trials in 30 chunks, each in the engine, because impact cannot be compiled.
SLOW = """
name = "slow"
strategy = "strategies.vi_gate:ViGate"
market = ["{market}"]
impact = 2.0

[sweep]
select = "sharpe"
chunk = 2

[sweep.over]
sma = {{ from = 20, to = 100, step = 20 }}
low = [14.0, 18.0]
high = {{ from = 22.0, to = 32.0, step = 2.0 }}
"""
CHUNKS = 30
#: Stopped after so many of its chunks, SLOW has most of them to go.
SOME = 2


def written(folder: Path, text: str, market: Path) -> Path:
    path = folder / "spec.toml"
    path.write_text(text.format(market=market), "utf-8")
    return path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "backtests", "sweep", *map(str, arguments)]


def shell(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


@dataclass(frozen=True)
class Swept:
    """A finished sweep: where its spec and its answer are."""

    spec: Path
    out: Path
    status: int
    answer: dict[str, Any]

    @property
    def folder(self) -> Path:
        return Path(self.answer["folder"])


@pytest.fixture(scope="module")
def quick(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Swept:
    """QUICK, with reports of the best and the median."""
    folder = tmp_path_factory.mktemp("quick")
    spec, out, answer = written(folder, QUICK, small), folder / "out", folder / "answer.json"
    call = ["sweep", spec, "--out", out, "--executor", "serial", "--top", 1, "--quiet", "--json", answer]
    status = main([str(word) for word in call])
    return Swept(spec, out, status, json.loads(answer.read_text("utf-8")))


# What it answers.


def test_the_answer_is_what_the_command_line_promises(quick: Swept) -> None:
    answer = quick.answer

    assert quick.status == 0
    assert answer["trials"] == {"planned": 34, "done": 34, "failed": 0, "quarantined": 0}
    assert answer["finished"] is True
    assert answer["path"] == "compiled"
    assert (answer["parity"]["checked"], answer["parity"]["equal"]) == (30, True)
    assert answer["lookahead"]["rows_checked"] >= 64
    assert answer["sweep"]["constraints"] == ["low < high"]
    assert {"dsr", "pbo", "spa", "stepm", "verdict"} <= set(answer["overfit"])
    assert {"best", "sweep_id", "table", "data", "version"} <= set(answer)
    assert quick.folder == quick.out / answer["sweep_id"]


def test_the_frame_holds_all_trials_and_the_answer(quick: Swept) -> None:
    frame = backtests.sweep(quick.spec, quick.out, executor="serial")

    assert len(frame) == 34
    assert (frame["low"] < frame["high"]).all()
    assert not {"log_sum", "log_square"} & set(frame)
    best = frame.sort_values(["sharpe", "trial"], ascending=[False, True]).iloc[0]
    assert frame.attrs["answer"]["best"]["trial"] == best["trial"]
    assert frame.attrs["answer"]["best"]["sharpe"] == best["sharpe"]
    assert frame.attrs["answer"]["parity"] == quick.answer["parity"]


def test_top_writes_reports_of_the_best_and_of_the_median(quick: Swept) -> None:
    frame = verbs.sweeps._store(quick.folder).frame()
    order = frame.sort_values(["sharpe", "trial"], ascending=[False, True])["trial"].tolist()
    rows = quick.answer["reports"]

    # By hand: of 34 trials the 17th and the 18th are in the middle, and the worse one is taken.
    assert [(row["trial"], row["rank"]) for row in rows] == [(order[0], 1), (order[17], "median")]
    for row in rows:
        page = Path(row["report"])
        assert page.is_file()
        assert page.parent.parent == quick.folder / "runs"
        facts = json.loads((page.parent / "facts.json").read_text("utf-8"))
        trial = frame.set_index("trial").loc[row["trial"]]
        assert facts["run_id"] == page.parent.name
        run = json.loads((page.parent / "report.json").read_text("utf-8"))
        assert abs(trial["total_return"] - run["net"]["total_return"]) < 1e-12


def test_a_finished_sweep_has_a_page_of_its_own(quick: Swept) -> None:
    values = json.loads((quick.folder / "report.json").read_text("utf-8"))

    assert Path(quick.answer["page"]) == quick.folder / "index.html"
    assert whole(quick.folder, "report.json") > 300
    assert values["best"] == quick.answer["best"]
    assert [row["what"] for row in values["reports"]] == ["best", "median"]
    assert [row["rank"] for row in values["reports"]] == [1, 18]
    gallery = json.loads((quick.out / "gallery.json").read_text("utf-8"))
    assert [(row["kind"], row["folder"], row["trials"]) for row in gallery["pages"]] == [
        ("sweep", quick.folder.name, 34)
    ]


def test_reports_that_are_there_are_not_written_again(quick: Swept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs.sweeps, "run_spec", lambda spec, out: pytest.fail(f"{spec.name} runs again"))

    again = verbs.sweep(quick.spec, quick.out, executor="serial", top=1)

    assert again["reports"] == quick.answer["reports"]


def test_the_text_fits_a_screen_and_says_the_verdict_first(quick: Swept, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["sweep", str(quick.spec), "--out", str(quick.out), "--executor", "serial"])

    said, told = capsys.readouterr()
    lines = said.splitlines()
    best = quick.answer["best"]
    assert status == 0
    assert len(lines) <= 40
    assert lines[0] == f"{quick.answer['sweep_id']}: sma 20, 60 x low 14, 18, 22 x high 22 to 32 (6); low < high"
    assert lines[1].startswith("34 trials planned: 34 done, 0 failed, 0 quarantined")
    values = f"sma {best['sma']}, low {best['low']:g}, high {best['high']:g}"
    assert f"best by sharpe: trial {best['trial']}, {values}" in lines
    verdict = lines.index(f"VERDICT: {quick.answer['overfit']['verdict']}")
    reasons = [f"  {reason}" for reason in quick.answer["overfit"]["reasons"]]
    assert lines[verdict + 1 : verdict + 1 + len(reasons)] == reasons
    assert "parity: 30 trials run again, equal to the engine on every bar" in lines
    assert lines[-2:] == [f"all trials: {quick.answer['table']}", f"Open {quick.answer['page']}"]
    assert [line for line in told.splitlines() if line.startswith("parity proof: 30 trials in the engine")]


def test_json_on_stdout_stands_alone(quick: Swept) -> None:
    done = shell(quick.spec, "--out", quick.out, "--json", "-", "--executor", "serial")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["best"] == quick.answer["best"]
    assert "34 trials, 9 of 9 chunks stored" in done.stderr


def test_quiet_says_nothing(quick: Swept, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["sweep", str(quick.spec), "--out", str(quick.out), "--executor", "serial", "--quiet"])

    assert (status, *capsys.readouterr()) == (0, "", "")


def test_a_trial_that_differs_in_the_engine_fails_the_sweep(
    quick: Swept, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engine_room, "prove", lambda evaluator, rows: [Difference(7, "fill 3 of 9 is another")])

    status = main(["sweep", str(quick.spec), "--out", str(quick.out), "--executor", "serial"])

    said = capsys.readouterr().out
    assert status == 1
    assert "PARITY FAILS: 1 of 30 trials differ in the engine\n  trial 7: fill 3 of 9 is another\n" in said


def test_a_best_trial_that_leaks_fails_the_sweep(
    quick: Swept, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    leak = {"row": "2020-03-02", "what": "its target changes"}
    monkeypatch.setattr(engine_room, "leaks_of", lambda evaluator, trial: {"rows_checked": 64, "leaks": [leak]})

    status = main(["sweep", str(quick.spec), "--out", str(quick.out), "--executor", "serial"])

    assert status == 1
    assert "LEAK at 2020-03-02: its target changes" in capsys.readouterr().out


# Stopped, and resumed.


@dataclass(frozen=True)
class Resumed:
    """SLOW, stopped by its budget, then by Ctrl-C, then finished; and once without a stop."""

    budget: subprocess.CompletedProcess[str]
    running: dict[str, Any]
    interrupted: tuple[int, str]
    kept: dict[str, int]
    folder: Path
    finished: tuple[int, dict[str, Any]]
    straight: Path


@pytest.fixture(scope="module")
def resumed(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Resumed:
    folder = tmp_path_factory.mktemp("slow")
    spec, out = written(folder, SLOW, small), folder / "out"
    call = (spec, "--out", out, "--jobs", 1)
    budget = shell(*call, "--budget", 1, "--json", "-")
    swept = out / json.loads(budget.stdout)["sweep_id"]

    terminal = subprocess.Popen(
        command(*call), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    running = waited(swept)
    # A terminal sends it to every process in front.
    os.killpg(terminal.pid, signal.SIGINT)
    said = terminal.communicate(timeout=60)[1]
    kept = marks(swept)

    answer = folder / "answer.json"
    finished = main([*map(str, ["sweep", *call, "--quiet", "--json", answer])])
    straight = verbs.sweep(spec, folder / "straight", executor="serial")
    return Resumed(
        budget,
        running,
        (terminal.returncode, said),
        kept,
        swept,
        (finished, json.loads(answer.read_text("utf-8"))),
        Path(straight["table"]),
    )


def waited(folder: Path) -> dict[str, Any]:
    """Return how far a sweep is once some of its chunks are stored."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        found = verbs.sweep_status(folder)
        if found["chunks"]["done"] >= SOME:
            return found
        time.sleep(0.02)
    raise AssertionError("no chunk within two minutes")


def marks(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in sorted((folder / "chunks").glob("*.parquet"))}


def test_the_budget_stops_in_time_and_says_how_to_go_on(resumed: Resumed) -> None:
    answer = json.loads(resumed.budget.stdout)

    assert resumed.budget.returncode == 130
    assert answer["finished"] is False
    done = answer["trials"]["done"] // 2
    assert done < CHUNKS
    assert answer["why"] == f"stopped by the budget: {done} of {CHUNKS} chunks stored; the same command resumes"
    assert [answer[name] for name in ("best", "overfit", "parity", "table")] == [None] * 4


def test_another_shell_sees_how_far_it_is(resumed: Resumed) -> None:
    found = resumed.running

    assert found["trials"]["planned"] == 60
    assert found["trials"]["done"] == 2 * found["chunks"]["done"]
    assert SOME <= found["chunks"]["done"] < CHUNKS
    assert found["finished"] is False
    assert found["coordinator"]["pid"]


def test_ctrl_c_says_what_is_kept(resumed: Resumed) -> None:
    status, said = resumed.interrupted

    assert status == 130
    last = said.splitlines()[-1]
    assert last == f"interrupted: {len(resumed.kept)} of {CHUNKS} chunks stored; the same command resumes"
    assert "Traceback" not in said
    assert SOME <= len(resumed.kept) < CHUNKS


def test_the_same_call_resumes_to_the_same_bytes(resumed: Resumed) -> None:
    status, answer = resumed.finished

    assert status == 0
    assert answer["trials"]["done"] == 60
    assert Path(answer["table"]).read_bytes() == resumed.straight.read_bytes()
    after = marks(resumed.folder)
    assert {name: after[name] for name in resumed.kept} == resumed.kept


def test_the_status_of_a_finished_sweep(resumed: Resumed, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "status", str(resumed.folder), "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert found["finished"] is True
    assert found["coordinator"] is None
    assert found["trials"] == {"planned": 60, "done": 60, "failed": 0, "quarantined": 0}
    assert main(["sweep", "status", str(resumed.folder)]) == 0
    assert capsys.readouterr().out.startswith(f"{resumed.folder.name}: finished\n60 trials planned: 60 done")


# What is refused.


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["{plain}"], "no [sweep] in it"),
        (["no/such.toml"], "no such file"),
        ([], "SPEC"),
        (["{spec}", "--set", "low=3"], "low is given and swept"),
        (["{spec}", "--set", "stresed=0.2"], "did you mean 'stressed'"),
        (["{spec}", "--executor", "locla"], "did you mean 'local'"),
        (["{spec}", "--jobs", "0"], "no worker"),
        (["{spec}", "--scheduler", "tcp://127.0.0.1:9"], "only dask has one"),
        (["{spec}", "--budget", "10x"], "is no time like"),
        (["{spec}", "--budget", "0s"], "is no time like"),
        (["{spec}", "--top", "-1"], "below 0"),
        (["{spec}", "--market", "no/such/folder"], "no such folder"),
        (["{spec}", "--from", "2030-01-01"], "no two bars"),
        (["{spec}", "--what-if", "eqal"], "did you mean 'equal'"),
        (["{spec}", "--waive", "no-such-rule"], "no-such-rule"),
        (["{spec}", "--jbos", "2"], "did you mean '--jobs'"),
        (["{none}"], "no trial does"),
        (["status"], "DIR"),
        (["status", "{out}"], "is not there"),
        (["stauts", "{out}"], "did you mean 'status'"),
    ],
)
def test_unusable_input_exits_2_in_four_parts_and_writes_nothing(
    arguments: list[str], hint: str, small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {
        "plain": str(ROOT / "backtests/specs/vi_gate.toml"),
        "spec": str(written(tmp_path, QUICK, small)),
        "none": str(tmp_path / "none.toml"),
        "out": str(tmp_path / "out"),
    }
    impossible = QUICK.replace("low < high", "low > high").format(market=small)
    Path(places["none"]).write_text(impossible, "utf-8")
    words = [word.format(**places) for word in arguments]
    there = [] if "status" in words or "stauts" in words else ["--out", places["out"]]

    status = main(["sweep", *words, *there, "--json", "-"])

    said, error = capsys.readouterr()
    assert status == 2
    assert hint in error
    assert set(json.loads(said)["error"]) == {"asked", "found", "rule", "next"}
    assert not (tmp_path / "out").exists()


def test_a_misspelt_sweep_is_answered_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweeep", "x.toml"]) == 2

    assert "did you mean 'sweep'" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("30s", 30), ("10m", 600), ("1.5h", 5400)])
def test_a_budget_is_seconds_minutes_or_hours(text: str, seconds: float) -> None:
    assert read(["sweep", "spec.toml", "--budget", text]).budget == seconds


def test_a_spec_called_status_is_named_by_its_folder() -> None:
    assert read(["sweep", "./status"]).verb == "sweep"
    assert read(["sweep", "status", "./status"]).verb == "sweep status"


# Beside it.


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, backtests\n"
        "heavy = {'pandas', 'numpy', 'numba', 'backtrader', 'duckdb', 'joblib'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_is_rewritten_on_a_terminal() -> None:
    stream = Terminal()
    tell = Teller(stream, clock=lambda: 0.0)
    for line in (Passing("1 of 2"), Passing("2 of 2"), "done", Passing("report")):
        tell(line)
    tell.end()

    clear = "\r\x1b[K"
    assert stream.getvalue() == f"{clear}1 of 2{clear}2 of 2{clear}done\n{clear}report\n"


def test_progress_elsewhere_is_a_line_every_two_seconds() -> None:
    stream, now = io.StringIO(), 0.0
    tell = Teller(stream, clock=lambda: now)
    for step in range(12):
        now = 0.5 * step
        tell(Passing(f"{now} s"))
    tell("a worker died")

    assert stream.getvalue() == "2.0 s\n4.0 s\na worker died\n"


def test_the_shipped_sweep_has_the_trials_that_its_constraint_leaves() -> None:
    plan = load_plan(ROOT / "backtests/specs/sweeps/vi_gate.toml")

    # By hand, low 12, 14, ..., 30 below high 16, 18, ..., 40: 2 + 3 + ... + 9 + 5 x 10 = 94 pairs, 14 averages.
    assert plan.space.planned() == 14 * 94
    assert plan.spec.market == ((ROOT / "data/sample").resolve(),)


def test_what_strategies_share_is_no_strategy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json", "-"]) == 0
    names = {row["name"] for row in json.loads(capsys.readouterr().out)["strategies"]}

    assert names.isdisjoint({"base", "rules", "members", "signals"})
    assert {"vi_gate", "boj_dip", "hold"} <= names
    with pytest.raises(SpecError, match="defines what its base leaves open"):
        verbs.describe("strategies.rules:Ruled")
    with pytest.raises(SpecError) as unknown:
        verbs.describe("strategies.ruels:Ruled")

    assert "strategies.vi_gate" in unknown.value.rule
    assert "rules" not in unknown.value.rule


def test_what_is_kept_out_of_sample_follows_from_the_two_means_beside_it() -> None:
    folds = [{"sharpe_in": 0.4, "sharpe_out": 0.1}, {"sharpe_in": 0.6, "sharpe_out": 0.3}]
    way = {"folds": folds, "joined": {"sharpe": 0.9, "excess": None}, "kept": 0.4}

    assert wording._walk(way) == "2 folds, Sharpe 0.50 in-sample, 0.20 out-of-sample, 40% of it kept"
