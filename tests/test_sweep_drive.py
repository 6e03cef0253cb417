"""Driving a sweep: the guilty trial is found, the innocent finish, a stop stops."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backtests.sweeps import drive as module
from backtests.sweeps.drive import drive
from backtests.sweeps.executors import Died, Done, Event, ExecutorError, Quarantined, executor
from indexsim.errors import EventError
from tests import sweep_tasks as tasks
from tests.conftest import count

POOLS = ("local", "dask")
WHY = "killed its process in each of 3 attempts: signal 9 (SIGKILL)"


def driven(
    task: tasks.Squares, name: str, stop: Callable[[], bool] = tasks.never, numbers: Iterator[int] | None = None
) -> tuple[bool, list[Event]]:
    events: list[Event] = []
    with executor(name, 2) as pool:
        done = drive(pool, task, numbers or iter(range(8)), events.append, stop)
    return done, events


def lines(folder: Path, name: str) -> list[int]:
    """Return the numbers in a log, in the order they were written."""
    path = folder / name
    return [int(line.split()[0]) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def stored(folder: Path) -> dict[int, float]:
    rows = [json.loads(path.read_text("utf-8"))[0] for path in sorted(folder.glob("chunk-*.json"))]
    return {trial: value for chunk in rows for trial, value in chunk}


@pytest.fixture(scope="module", params=POOLS)
def killed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Event]]:
    """A sweep in which trial 37 kills, and what was told of it."""
    folder = tmp_path_factory.mktemp(request.param)
    done, events = driven(tasks.Killing(folder), request.param)
    assert done
    return folder, events


def test_a_trial_that_kills_is_quarantined_and_the_others_finish(killed: tuple[Path, list[Event]]) -> None:
    folder, events = killed

    assert [e for e in events if isinstance(e, Quarantined)] == [Quarantined(37, WHY, "trial 37 says goodbye\n")]
    assert stored(folder) == {trial: tasks.value(trial) for trial in range(64) if trial != 37}
    assert json.loads((folder / "chunk-0004.json").read_text("utf-8"))[1] == [[37, WHY]]
    assert sorted(e.number for e in events if isinstance(e, Done)) == list(range(8))
    assert sorted(lines(folder, "stored")) == list(range(8))


def test_the_guilty_trial_is_tried_three_times_alone(killed: tuple[Path, list[Event]]) -> None:
    tries = lines(killed[0], "computed")

    # By hand: the pool, the chunk alone, its half 36-39, that one's half 36-37, and three times the trial.
    assert tries.count(37) == 7
    # Those behind it in its chunk are computed once, as parts; those before it whenever their part is tried.
    assert [tries.count(trial) for trial in (38, 39)] == [1, 1]
    assert [tries.count(trial) for trial in (32, 33, 34, 35)] == [3, 3, 3, 3]
    assert tries.count(36) == 5


def test_no_chunk_that_is_stored_is_computed_again(tmp_path: Path) -> None:
    driven(tasks.KillingOnce(tmp_path, guilty=(3, 21, 63)), "local")

    assert stored(tmp_path) == {trial: tasks.value(trial) for trial in range(64)}
    assert sorted(lines(tmp_path, "stored")) == list(range(8))


@pytest.mark.parametrize("name", POOLS)
def test_a_trial_that_kills_once_is_innocent(tmp_path: Path, name: str) -> None:
    done, events = driven(tasks.KillingOnce(tmp_path), name)

    assert done
    assert any(isinstance(event, Died) and 4 in event.numbers for event in events)
    assert not any(isinstance(event, Quarantined) for event in events)
    assert stored(tmp_path) == {trial: tasks.value(trial) for trial in range(64)}


def test_leaving_the_process_is_killing_it(tmp_path: Path) -> None:
    _, events = driven(tasks.Killing(tmp_path, trials=8, guilty=(0, 1), leaves=True), "local", numbers=iter([0]))

    why = "killed its process in each of 3 attempts: exit status 3"
    assert sorted((e.trial, e.why) for e in events if isinstance(e, Quarantined)) == [(0, why), (1, why)]
    assert sorted(stored(tmp_path)) == list(range(2, 8))


@pytest.mark.parametrize("name", ["serial", *POOLS])
def test_an_exception_ends_the_sweep_with_its_parts(tmp_path: Path, name: str) -> None:
    with pytest.raises(EventError) as raised:
        driven(tasks.Raising(tmp_path), name)

    assert raised.value.as_dict() == {"asked": "a", "found": "b", "rule": "c", "next": "d"}
    assert 4 not in lines(tmp_path, "stored")


def test_an_exception_of_another_kind_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="no such thing"):
        driven(tasks.Raising(tmp_path, plain=True), "local")


def test_processes_that_cannot_begin_make_no_trial_guilty(tmp_path: Path) -> None:
    with pytest.raises(ExecutorError) as raised:
        driven(tasks.Unborn(tmp_path), "local")

    assert raised.value.found == "3 processes died before they began: exit status 7"


@pytest.mark.parametrize("name", ["serial", *POOLS])
def test_a_stop_is_heard_within_a_long_chunk(tmp_path: Path, name: str) -> None:
    slow = tasks.Slow(tmp_path, 80, 10.0)
    with executor(name, 2) as pool:
        begun = time.monotonic()
        done = drive(pool, slow, iter(range(10)), lambda event: None, tasks.after(1.5))
        seconds = time.monotonic() - begun

    assert not done
    assert 1.5 <= seconds < 5
    assert stored(tmp_path) == {}


def test_a_stop_is_heard_while_a_suspect_runs_alone(tmp_path: Path) -> None:
    stopped = threading.Event()

    def tell(event: Event) -> None:
        if isinstance(event, Died):
            threading.Timer(0.3, stopped.set).start()

    with executor("local", 1) as pool:
        begun = time.monotonic()
        done = drive(pool, tasks.SlowAfterDeath(tmp_path), iter(range(8)), tell, stopped.is_set)

    assert not done
    assert time.monotonic() - begun < 10


def test_only_a_few_numbers_are_taken_at_a_time(tmp_path: Path) -> None:
    taken: list[int] = []
    ahead: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(40):
            taken.append(number)
            yield number

    with executor("local", 2) as pool:
        task = tasks.Squares(tmp_path, 320)
        finished = iter(range(1, 41))
        drive(pool, task, numbers(), lambda event: ahead.append(len(taken) - next(finished)), tasks.never)

    assert len(ahead) == 40
    assert max(ahead) <= 3


def test_the_halves_of_a_range_are_the_range() -> None:
    assert [sorted(module._halves(0, n)) for n in (0, 1, 2, 5)] == [[], [(0, 1)], [(0, 1), (1, 2)], [(0, 2), (2, 5)]]


@pytest.mark.parametrize("name", POOLS)
def test_workers_killed_at_any_moment_change_nothing(tmp_path: Path, name: str) -> None:
    rng = random.Random(6)
    left = count(30)
    done = []

    def tell(event: Event) -> None:
        nonlocal left
        done.append(event)
        if left and isinstance(event, Done) and rng.random() < 0.2:
            left -= 1
            os.kill(last_worker(tmp_path), signal.SIGKILL)

    with executor(name, 2) as pool:
        numbers = 40 + 10 * left
        assert drive(pool, tasks.Slow(tmp_path, 8 * numbers, 0.005), iter(range(numbers)), tell, tasks.never)

    assert left == 0
    assert any(isinstance(event, Died) for event in done)
    assert stored(tmp_path) == {trial: tasks.value(trial) for trial in range(8 * numbers)}
    assert sorted(lines(tmp_path, "stored")) == list(range(numbers))


def last_worker(folder: Path) -> int:
    """Return the process that computed last."""
    return int((folder / "computed").read_text("utf-8").split()[-1])
