"""One coordinator at a time, whatever becomes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from backtests.sweeps import lock
from backtests.sweeps.lock import StoreError, held, holder
from backtests.sweeps.store import Store
from tests.conftest import ROOT, count

HOLDER = """
import sys, time
from pathlib import Path
from backtests.sweeps.lock import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""

#: A sweep of 40 chunks of 2 trials each; every chunk run is a line in the file `ran`.
COORDINATOR = """
import os, sys, time
from pathlib import Path
import numpy as np
import pyarrow as pa
from backtests.sweeps.lock import held
from backtests.sweeps.store import Store
folder, ran = Path(sys.argv[1]), Path(sys.argv[2])
print("go", flush=True)
sys.stdin.readline()
with held(folder, lambda who: print("waits for", who, flush=True)):
    store = Store(folder, "k", 40)
    for number in sorted(set(range(40)) - store.done()):
        handle = os.open(ran, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
        os.write(handle, f"{number} {os.getpid()}\\n".encode())
        os.close(handle)
        time.sleep(0.01)
        trials = np.array([2 * number, 2 * number + 1])
        store.write(number, pa.table({"trial": trials, "status": np.zeros(2, np.int8), "square": trials**2}))
    store.finish()
"""


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    pipe, environment = subprocess.PIPE, {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, text=True, stdin=pipe, stdout=pipe)


def ready(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    """Return a coordinator that has been imported and starts with the next line of its input."""
    assert process.stdout
    assert process.stdout.readline() == "go\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


@contextmanager
def other_holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder."""
    with start(HOLDER, folder) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_the_folder_is_made_and_says_who_holds_it(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "sweep"
    assert holder(folder) is None
    with held(folder):
        card = holder(folder)

        assert card is not None
        assert card["pid"] == os.getpid()
        assert card["host"]
        assert card["since"].endswith("+00:00")
    assert holder(folder) is None


def test_an_error_in_the_block_gives_the_folder_back(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), held(tmp_path):
        _ = 1 / 0
    with held(tmp_path, deadline=0):
        assert holder(tmp_path) is not None


def test_the_second_waits_and_is_told_once_for_whom(tmp_path: Path) -> None:
    told: list[str] = []
    with other_holder(tmp_path) as process:
        threading.Timer(0.6, process.kill).start()
        with held(tmp_path, told.append, deadline=30):
            card = holder(tmp_path)

        assert process.poll() is not None  # not before the other was dead
        assert len(told) == 1
        assert told[0].startswith(f"process {process.pid} on ")
        assert card is not None
        assert card["pid"] == os.getpid()


@pytest.mark.parametrize("deadline", [0, 0.3])
def test_a_deadline_ends_the_wait(tmp_path: Path, deadline: float) -> None:
    with other_holder(tmp_path) as process:
        begun = time.monotonic()
        with (
            pytest.raises(StoreError, match=f"held by process {process.pid} .*stop it"),
            held(tmp_path, None, deadline),
        ):
            pass

        assert deadline <= time.monotonic() - begun < deadline + 2
        assert process.poll() is None


def test_the_kernel_gives_back_what_a_killed_holder_held(tmp_path: Path) -> None:
    for _ in range(count(30)):
        with other_holder(tmp_path) as process:
            card = holder(tmp_path)
            assert card is not None
            assert card["pid"] == process.pid
            process.send_signal(signal.SIGKILL)
            process.wait()

            assert holder(tmp_path) is None
            with held(tmp_path, deadline=0):
                pass


def test_a_forked_child_does_not_outlive_its_parents_lock(tmp_path: Path) -> None:
    program = HOLDER.replace(
        "    print", "    import os\n    child = os.fork()\n    if not child: time.sleep(60)\n    print"
    )
    with start(program.replace('"held"', '"held", child'), tmp_path) as process:
        assert process.stdout
        child = int(process.stdout.readline().split()[1])
        process.kill()
        process.wait()
        try:
            os.kill(child, 0)  # it lives

            # It lets go as the first thing it does, which may come after its parent's last.
            with held(tmp_path, deadline=20):
                os.kill(child, 0)
        finally:
            os.kill(child, signal.SIGKILL)


def test_who_only_looks_never_keeps_a_coordinator_out(tmp_path: Path) -> None:
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            holder(tmp_path)

    looker = threading.Thread(target=look)
    with held(tmp_path):
        looker.start()
    try:
        for _ in range(50):
            with held(tmp_path, deadline=5):
                pass
    finally:
        stop.set()
        looker.join()


def test_a_glance_is_not_taken_for_a_coordinator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked, glances = lock._locked, [False]
    monkeypatch.setattr(lock, "_locked", lambda handle, how: glances.pop() if glances else locked(handle, how))
    with held(tmp_path, deadline=0):
        assert glances == []


def test_a_lock_file_that_was_removed_is_not_taken_for_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between opening and locking, somebody removes the file: what was locked is nobody's name."""
    locked, removed = lock._locked, []

    def late(handle: int, how: int) -> bool:
        if not removed:
            removed.append((tmp_path / "lock").unlink())
        return locked(handle, how)

    monkeypatch.setattr(lock, "_locked", late)
    with held(tmp_path, deadline=5):
        monkeypatch.undo()

        assert removed
        assert holder(tmp_path) is not None


def test_a_card_half_written_is_no_error(tmp_path: Path) -> None:
    with held(tmp_path):
        (tmp_path / "lock").write_text('{"pid": 1', "utf-8")

        assert holder(tmp_path) == {"pid": None, "host": None, "since": None}
        with pytest.raises(StoreError, match="held by"), held(tmp_path, deadline=0):
            pass


def test_a_file_system_without_locks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(handle: int, how: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", refusing)
    with pytest.raises(StoreError, match=r"No locks available .*on a file system with locks"), held(tmp_path):
        pass


def chunks_run(ran: Path) -> list[int]:
    return [int(line.split()[0]) for line in ran.read_text("utf-8").splitlines()]


def expected_table(folder: Path) -> None:
    """All 80 trials with their squares, in order, from right files."""
    table = pq.read_table(folder / "table.parquet").to_pydict()

    assert table["trial"] == list(range(80))
    assert table["square"] == [n * n for n in range(80)]
    store = Store(folder, "k", 40)
    assert store.done() == set(range(40))
    assert store.damaged == []


def test_two_coordinators_at_once_run_every_chunk_once(tmp_path: Path) -> None:
    folder, ran = tmp_path / "sweep", tmp_path / "ran"
    both = [ready(process) for process in [start(COORDINATOR, folder, ran) for _ in range(2)]]
    for process in both:
        go(process)
    said = [process.communicate(timeout=60)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert sum("waits for process" in text for text in said) == 1
    assert sorted(chunks_run(ran)) == list(range(40))
    expected_table(folder)


def test_the_second_takes_over_from_a_killed_first(tmp_path: Path) -> None:
    folder, ran = tmp_path / "sweep", tmp_path / "ran"
    with ready(start(COORDINATOR, folder, ran)) as first, ready(start(COORDINATOR, folder, ran)) as second:
        go(first)
        while not ran.exists() or len(chunks_run(ran)) < 10:
            time.sleep(0.005)
        go(second)
        assert second.stdout
        assert second.stdout.readline().startswith(f"waits for process {first.pid} on ")
        first.kill()

        assert second.wait(60) == 0
    runs = Counter(chunks_run(ran))

    assert set(runs) == set(range(40))
    assert sum(runs.values()) <= 41  # only the one the first was at may have begun twice
    expected_table(folder)


def test_the_card_is_json(tmp_path: Path) -> None:
    with held(tmp_path):
        assert set(json.loads((tmp_path / "lock").read_text("utf-8"))) == {"pid", "host", "since"}
