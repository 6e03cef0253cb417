"""A sweep from start to end: killed at any moment, on any executor, by two coordinators, with a damaged file."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from backtests.sweeps.plan import load_plan
from backtests.sweeps.sweep import How, sweep
from backtests.sweeps.tables import status
from tests.conftest import count
from tests.sweep_runs import content, coordinator, rows, swept, written

EXECUTORS = ("serial", "local", "dask")
PARAMS = {"instrument": "etf_1321", "calm": 0.98, "normal": 0.49}
#: 240 trials in 24 chunks.
GRID = {
    "sma": [0, 20, 50],
    "low": {"from": 12.0, "to": 21.0, "count": 10},
    "high": {"from": 22.0, "to": 29.0, "count": 8},
}
#: What a trial of a user's own strategy does besides: it takes its time.
SLOW = "time.sleep(0.004)"

Sweep = tuple[Path, dict[str, bytes]]


@pytest.fixture(scope="module", params=["decided", "compiled"])
def uninterrupted(request: pytest.FixtureRequest, small: Path, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """A spec, and what its sweep leaves where nothing happens to it."""
    folder = tmp_path_factory.mktemp(request.param)
    act = SLOW if request.param == "decided" else ""
    spec = written(folder, small, GRID, params=PARAMS, act=act, chunk=10)
    answer = swept(spec, folder / "out")
    assert answer["trials"] == {"planned": 240, "done": 240, "failed": 0, "quarantined": 0}
    assert answer["parity"] == {"checked": 30, "equal": True, "differences": []}
    return spec, content(folder / "out")


def chunks(out: Path) -> dict[str, tuple[int, int]]:
    """Return the finished chunks with what the file system says of each."""
    found = {path.name: path.stat() for path in out.glob("*/chunks/[0-9]*.parquet")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in sorted(found.items())}


def until(true: Callable[[], bool], process: Any, seconds: float = 120.0) -> None:
    """Wait for something, or for the end of a process."""
    end = time.monotonic() + seconds
    while process.poll() is None and not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def killed(spec: Path, out: Path, executor: str, rng: random.Random) -> None:
    """Start a coordinator and kill it at some moment: before its first chunk, among them, after the last."""
    before = chunks(out)
    process = coordinator(spec, out, executor, seed=rng.randrange(3))
    wanted = rng.randint(len(before), 24)
    until(lambda: len(chunks(out)) >= wanted, process)
    time.sleep(rng.random() * 0.2)
    below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.kill()
    process.communicate()
    # Its workers end on their own.
    assert not psutil.wait_procs(below, timeout=30)[1]
    after = chunks(out)
    assert before.items() <= after.items()


def worker_killed(spec: Path, out: Path, executor: str, rng: random.Random) -> None:
    """Start a coordinator, kill one of its workers at some moment, and let it finish."""
    before = chunks(out)
    process = coordinator(spec, out, executor, seed=rng.randrange(3))
    wanted = rng.randint(min(len(before), 23), 23)
    until(lambda: len(chunks(out)) > wanted, process)
    time.sleep(rng.random() * 0.1)
    if process.poll() is None:
        working = [p for p in psutil.Process(process.pid).children(recursive=True) if "resource_tracker" not in line(p)]
        with suppress(psutil.NoSuchProcess):  # it has just ended
            for chosen in working and [rng.choice(working)]:
                chosen.send_signal(signal.SIGKILL)
    said = process.communicate(timeout=300)[0].decode()
    assert process.returncode == 0, said
    assert before.items() <= chunks(out).items()


def line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return "resource_tracker"


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_sweep_that_is_killed_is_resumed_to_the_same_bytes(
    executor: str, uninterrupted: Sweep, tmp_path: Path
) -> None:
    """Three kills a sweep, one of them of a worker; 30 of each executor with the full counts, 3 in `make test`."""
    spec, whole = uninterrupted
    few = count(10) == 1
    if few and is_compiled(spec):
        pytest.skip("`make test` kills the strategy that leaves time for it")
    rng = random.Random(executor)
    for at in range(1 if few else 5):
        out = tmp_path / str(at)
        for _ in range(2):
            killed(spec, out, executor, rng)
        if executor == "serial":
            killed(spec, out, executor, rng)
            swept(spec, out)
        else:
            worker_killed(spec, out, executor, rng)
        assert content(out) == whole
        assert not [path for path in out.glob("*/chunks/*") if path.suffix != ".parquet"]


def is_compiled(spec: Path) -> bool:
    return "mine" not in spec.read_text("utf-8")


def test_hash_seeds_and_executors_change_no_byte(uninterrupted: Sweep, tmp_path: Path) -> None:
    spec, whole = uninterrupted
    if not is_compiled(spec):
        pytest.skip("tested by the kills, in processes with seeds of their own, which end in the same bytes")
    for executor, jobs, seed in (("local", 1, 1), ("dask", 2, 2)):
        process = coordinator(spec, tmp_path / f"{executor}{jobs}", executor, jobs, seed)
        said = process.communicate(timeout=300)[0].decode()
        assert process.returncode == 0, said

        assert content(tmp_path / f"{executor}{jobs}") == whole, (executor, jobs, seed)


@pytest.mark.full
@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_hash_seed_on_every_executor(executor: str, seed: int, uninterrupted: Sweep, tmp_path: Path) -> None:
    spec, whole = uninterrupted
    process = coordinator(spec, tmp_path, executor, 2, seed)
    said = process.communicate(timeout=300)[0].decode()
    assert process.returncode == 0, said

    assert content(tmp_path) == whole


def test_two_coordinators_compute_each_chunk_once(uninterrupted: Sweep, tmp_path: Path) -> None:
    spec, whole = uninterrupted
    if is_compiled(spec):
        pytest.skip("it is over before the other one begins")
    both = [coordinator(spec, tmp_path, executor) for executor in ("serial", "local")]
    said = [process.communicate(timeout=300)[0].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], said

    (folder,) = tmp_path.iterdir()
    log = (folder / "sweep.log").read_text("utf-8").splitlines()
    assert sorted(int(entry.split(", ")[2].split()[0]) for entry in log) == [0, 24]
    assert sum("waiting for process" in text for text in said) == 1
    assert content(tmp_path) == whole


def test_only_a_damaged_chunk_is_set_aside_and_run_again(uninterrupted: Sweep, tmp_path: Path) -> None:
    spec, whole = uninterrupted
    if not is_compiled(spec):
        pytest.skip("the store does not know who decided")
    answer = swept(spec, tmp_path)
    folder = Path(answer["folder"])
    before = chunks(tmp_path)
    swept(spec, tmp_path)
    assert chunks(tmp_path) == before
    name = sorted(before)[7]
    path = folder / "chunks" / name
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    told: list[str] = []
    swept(spec, tmp_path, told=told)

    assert any(text.startswith(f"set aside {name}: damaged") for text in told)
    assert (folder / "damaged" / name).read_bytes() == damaged
    after = chunks(tmp_path)
    assert after[name] != before[name]
    assert {**after, name: 0} == {**before, name: 0}
    assert content(tmp_path) == whole


@pytest.mark.parametrize("executor", ["local", pytest.param("dask", marks=pytest.mark.full)])
def test_a_trial_that_kills_its_worker_is_quarantined(executor: str, tmp_path: Path, small: Path) -> None:
    """Of six trials in chunks of two, the fourth kills; the others are what they are without it."""
    over = {"low": [13.0, 15.0, 17.0, 19.0, 20.0, 21.0]}
    act = "params.low == 19.0 and os.kill(os.getpid(), 9)"
    guilty, innocent = tmp_path / "guilty", tmp_path / "innocent"
    for folder in (guilty, innocent):
        folder.mkdir()
    answer = swept(written(guilty, small, over, params=PARAMS, act=act, chunk=2), guilty / "out", executor)
    other = swept(written(innocent, small, over, params=PARAMS, act="pass", chunk=2), innocent / "out")
    trials, others = rows(answer), rows(other)

    assert answer["trials"] == {"planned": 6, "done": 5, "failed": 0, "quarantined": 1}
    assert [row["status"] for row in trials] == [0, 0, 0, 2, 0, 0]
    assert trials[3]["why"] == "killed its process in each of 3 attempts: signal 9 (SIGKILL)"
    assert trials[3]["sharpe"] is None
    del trials[3], others[3]
    assert trials == others
    assert answer["overfit"]["n_trials"] == 6
    assert answer["parity"] == {"checked": 5, "equal": True, "differences": []}
    assert status(Path(answer["folder"]))["quarantined"] == 1


def test_a_budget_stops_and_the_same_call_resumes(uninterrupted: Sweep, tmp_path: Path) -> None:
    spec, whole = uninterrupted
    if is_compiled(spec):
        pytest.skip("it is over before any budget")
    plan = load_plan(spec)
    stopped = sweep(plan, tmp_path, How(executor="serial", budget=0.8))
    before = chunks(tmp_path)

    assert stopped["finished"] is False
    assert "best" not in stopped
    assert 0 < len(before) < 24
    assert stopped["trials"]["done"] == 10 * len(before)
    assert swept(spec, tmp_path)["finished"] is True
    assert before.items() <= chunks(tmp_path).items()
    assert content(tmp_path) == whole


def test_the_answer_is_what_the_table_says(uninterrupted: Sweep, tmp_path: Path) -> None:
    spec, whole = uninterrupted
    answer = json.loads(whole["sweep.json"])
    trials = rows({"folder": str(next(path for path in (spec.parent / "out").iterdir() if path.is_dir()))})
    best = max(trials, key=lambda row: (row["sharpe"], -row["trial"]))

    assert [row["trial"] for row in trials] == list(range(240))
    assert answer["best"] == {name: best[name] for name in answer["best"]}
    assert answer["select"] == "sharpe"
    assert answer["path"] == ("compiled" if is_compiled(spec) else "decided in Python")
    assert answer["overfit"]["n_trials"] == 240
    assert answer["overfit"]["verdict"] is not None
    assert answer["lookahead"]["leaks"] == []
    assert answer["lookahead"]["rows_checked"] >= 64
