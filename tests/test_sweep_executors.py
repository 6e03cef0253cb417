"""Executors: the same bytes from each, what they tell of a chunk, and that no process outlives its coordinator."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from backtests.sweeps.drive import drive
from backtests.sweeps.executors import Done, ExecutorError, Failed, cluster, executor, local
from indexsim.errors import DataError, Finding, SpecError
from tests import sweep_tasks as tasks
from tests.conftest import ROOT

HERE = {"python": "3.11", "code": "c" * 64}
ALIKE = ("3.11", "c" * 64, True)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a scheduler with two workers that others started."""
    with cluster.Cluster(2) as started:
        yield started._cluster.scheduler_address


def chunks(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("chunk-*.json"))}


def swept(folder: Path, name: str, jobs: int, scheduler: str | None = None) -> dict[str, bytes]:
    folder.mkdir()
    with executor(name, jobs, scheduler, folder if scheduler else None) as pool:
        assert drive(pool, tasks.Squares(folder), iter(range(8)), lambda event: None, tasks.never)
    return chunks(folder)


def test_every_executor_stores_the_same_bytes(tmp_path: Path, scheduler: str) -> None:
    by_hand = b"[[[0, 0.0], [1, 5.857142857142857], [2, 11.714285714285714], [3, 3.142857142857143], "
    serial = swept(tmp_path / "serial", "serial", 1)
    others = [
        swept(tmp_path / "one", "local", 1),
        swept(tmp_path / "two", "local", 2),
        swept(tmp_path / "dask", "dask", 2, scheduler),
    ]

    assert len(serial) == 8
    assert serial["chunk-0000.json"].startswith(by_hand)
    assert all(other == serial for other in others)


def test_the_hash_seed_changes_nothing(tmp_path: Path) -> None:
    call = """if True:
        import sys
        from pathlib import Path
        from tests import sweep_tasks as tasks
        with tasks.executor("local", 1) as pool:
            tasks.drive(pool, tasks.Squares(Path(sys.argv[1])), iter(range(8)), lambda event: None, tasks.never)
    """
    for seed in "012":
        (tmp_path / seed).mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-c", call, str(tmp_path / seed)], env=environment, cwd=ROOT, check=True)

    assert len(chunks(tmp_path / "0")) == 8
    assert chunks(tmp_path / "0") == chunks(tmp_path / "1") == chunks(tmp_path / "2")


def test_a_worker_computes_on_one_thread(tmp_path: Path) -> None:
    with executor("local", 1) as pool:
        pool.start(tasks.Telling(tmp_path))
        pool.submit(0)
        told = waited(pool)

    assert told == [Done(0, 4)]


def waited(pool: object) -> list[object]:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if found := pool.wait(tasks.never):  # type: ignore[attr-defined]
            return found
    return []


def test_an_error_of_the_tool_keeps_its_parts_and_its_kind(tmp_path: Path) -> None:
    finding = Finding("closes.csv", "2024-01-04", "6857", "price-is-a-number", "nan")
    answer = local._answer(lambda: (_ for _ in ()).throw(DataError([finding], asked="read it")))

    failed = local.told(5, answer)

    assert isinstance(failed, Failed)
    assert isinstance(failed.error, DataError)
    assert failed.error.findings == (finding,)
    assert failed.error.as_dict()["asked"] == "read it"


def test_an_answer_that_cannot_be_pickled_is_an_error_of_the_chunk() -> None:
    failed = local.told(5, local._answer(threading.Lock))

    assert isinstance(failed, Failed)
    assert isinstance(failed.error, TypeError)


def test_workers_of_other_code_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "code_hash", lambda: "another")

    with pytest.raises(ExecutorError, match="runs code"), executor("local", 1) as pool:
        drive(pool, tasks.Squares(tmp_path), iter(range(8)), lambda event: None, tasks.never)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (("3.12", "c" * 64, True), "runs Python 3.12, not 3.11"),
        (("3.11", "d" * 64, True), "runs other code (dddddddddddd, not cccccccccccc)"),
        (("3.11", "c" * 64, False), "does not see the folder of the sweep"),
        (ModuleNotFoundError("distant"), "cannot answer (ModuleNotFoundError: distant)"),
    ],
)
def test_a_worker_unlike_the_coordinator_is_named(answer: object, found: str) -> None:
    cluster.refuse({"tcp://a": ALIKE, "tcp://b": ALIKE}, **HERE)
    with pytest.raises(ExecutorError) as refused:
        cluster.refuse({"tcp://a": ALIKE, "tcp://b": answer}, **HERE)

    assert refused.value.found == f"worker tcp://b {found}"


def test_workers_of_a_running_scheduler_are_asked(
    tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "code_hash", lambda: "e" * 64)

    with pytest.raises(ExecutorError, match=r"runs other code \([0-9a-f]{12}, not eeeeeeeeeeee\)"):
        executor("dask", 1, scheduler, tmp_path).__enter__()


class Lost:
    """A future whose worker died with the answer."""

    status = "lost"


class Giving:
    """A client whose futures are finished at once."""

    status = "finished"

    def submit(self, run: object, payload: bytes, number: int, pure: bool) -> Giving:
        self.number = number
        return self

    def add_done_callback(self, call: Callable[[object], None]) -> None:
        call(self)

    def result(self, timeout: float) -> bytes:
        return local._answer(lambda: self.number + 1)


def test_a_chunk_whose_answer_was_lost_is_asked_for_again() -> None:
    pool, lost = cluster.Cluster(1), Lost()
    pool._client = Giving()
    pool._flying[lost] = 5
    pool._ended.put(lost)

    assert [pool.wait(tasks.never), pool.wait(tasks.never)] == [[], [Done(5, 6)]]
    assert pool._flying == {}


def test_no_scheduler_and_no_worker_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "NO_WORKER", 1.0)
    with pytest.raises(ExecutorError, match=r"no scheduler answers at tcp://127\.0\.0\.1:9"):
        executor("dask", 1, "tcp://127.0.0.1:9").__enter__()

    with pytest.raises(ExecutorError, match="no worker within 1 seconds"):
        cluster.Cluster(0).__enter__()


def test_what_cannot_be_asked_for() -> None:
    with pytest.raises(SpecError, match="did you mean 'local'"):
        executor("locla", 1)
    with pytest.raises(SpecError, match="no worker"):
        executor("local", 0)

    with pytest.raises(SpecError, match="only dask has one"):
        executor("local", 1, "tcp://127.0.0.1:8786")


def test_starting_dask_leaves_the_environment_as_it_was() -> None:
    before = dict(os.environ)
    with cluster.Cluster(1):
        pass

    assert dict(os.environ) == before


@pytest.mark.parametrize("name", ["serial", "local", "dask"])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_its_coordinator(tmp_path: Path, name: str, sent: int) -> None:
    call = [sys.executable, "-m", "tests.sweep_tasks", name, "2", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(call, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        assert started.stdout is not None
        first = started.stdout.readline()
        processes = psutil.Process(started.pid).children(recursive=True)
        started.send_signal(sent)
        begun = time.monotonic()
        status = started.wait(20)
        seconds = time.monotonic() - begun
        _, alive = psutil.wait_procs(processes, timeout=10)

    assert first.startswith(b"Done(")
    assert len(processes) >= {"serial": 0, "local": 3, "dask": 3}[name]
    assert status == -sent
    assert seconds < 5
    assert alive == []
    assert all(b"]]" in chunk for chunk in chunks(tmp_path).values())
