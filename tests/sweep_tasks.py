"""Tasks for the tests of executors: chunks of numbers whose trials do what a test needs.

They stand in a module because workers import them. ``python -m tests.sweep_tasks NAME JOBS FOLDER`` drives a
slow sweep, to be interrupted or killed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from backtests.sweeps.drive import drive
from backtests.sweeps.executors import Event, executor
from indexsim.errors import EventError

SIZE = 8
PARTS = {"asked": "a", "found": "b", "rule": "c", "todo": "d"}


def value(trial: int) -> float:
    """Return the result of a trial."""
    return float((trial * 7919) % 101) / 7.0


@dataclass(frozen=True)
class Squares:
    """Chunks of SIZE trials; each trial leaves a line in a log, each chunk a file.

    Attributes
    ----------
    folder : Path
    trials : int
    """

    folder: Path
    trials: int = 64

    def __call__(self, number: int) -> int:
        if (stored := self.chunk(number)).exists():
            return len(json.loads(stored.read_text("utf-8"))[0])
        rows = self.part(*self.range_of(number))
        self._store(number, rows, [])
        return len(rows)

    def chunk(self, number: int) -> Path:
        """Return the file of a chunk."""
        return self.folder / f"chunk-{number:04}.json"

    def part(self, lo: int, hi: int) -> list[tuple[int, float]]:
        return [(trial, self._one(trial)) for trial in range(lo, hi)]

    def join(self, number: int, parts: list[list[tuple[int, float]]], quarantined: list[tuple[int, str]]) -> int:
        rows = [row for part in parts for row in part]
        self._store(number, rows, quarantined)
        return len(rows)

    def range_of(self, number: int) -> tuple[int, int]:
        return number * SIZE, min((number + 1) * SIZE, self.trials)

    def _one(self, trial: int) -> float:
        self.log("computed", trial)
        self.act(trial)
        return value(trial)

    def act(self, trial: int) -> None:
        """Do nothing: what a trial does besides is for the others."""

    def log(self, name: str, trial: int) -> None:
        """Add a line to a log in one write, which two processes may do at once."""
        with (self.folder / name).open("ab", buffering=0) as file:
            file.write(f"{trial} {os.getpid()}\n".encode())

    def _store(self, number: int, rows: list[tuple[int, float]], quarantined: list[tuple[int, str]]) -> None:
        half = self.folder / f"half-{number}-{os.getpid()}"
        half.write_text(json.dumps([sorted(rows), quarantined]), "utf-8")
        half.replace(self.chunk(number))
        self.log("stored", number)


@dataclass(frozen=True)
class Killing(Squares):
    """Some trials kill their process, by a signal or by leaving it."""

    guilty: tuple[int, ...] = (37,)
    leaves: bool = False

    def act(self, trial: int) -> None:
        if trial in self.guilty:
            os.write(2, f"trial {trial} says goodbye\n".encode())
            os._exit(3) if self.leaves else os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class KillingOnce(Squares):
    """Trials that kill their process when they are first computed."""

    guilty: tuple[int, ...] = (37,)

    def act(self, trial: int) -> None:
        mark = self.folder / f"met-{trial}"
        if trial in self.guilty and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Raising(Squares):
    """A trial refuses, with an error of the tool or another one."""

    plain: bool = False

    def act(self, trial: int) -> None:
        if trial == 37:
            raise KeyError("no such thing") if self.plain else EventError(**PARTS)


@dataclass(frozen=True)
class Slow(Squares):
    """Every trial takes its time."""

    seconds: float = 0.05

    def act(self, trial: int) -> None:
        time.sleep(self.seconds)


@dataclass(frozen=True)
class SlowAfterDeath(KillingOnce):
    """The trial that killed its process takes long from then on."""

    def act(self, trial: int) -> None:
        super().act(trial)
        if trial in self.guilty:
            time.sleep(60)


@dataclass(frozen=True)
class Unborn(Squares):
    """A task that kills the process which unpickles it, but for the coordinator."""

    home: int = field(default_factory=os.getpid)

    def __setstate__(self, state: dict[str, object]) -> None:
        if os.getpid() != state["home"]:
            os._exit(7)


@dataclass(frozen=True)
class Telling(Squares):
    """A chunk says what its process is like."""

    def __call__(self, number: int) -> int:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
        return sum(os.environ.get(name) == "1" for name in names)


def never() -> bool:
    """Never stop."""
    return False


def after(seconds: float) -> Callable[[], bool]:
    """Return a stop that says so after a while."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def main(name: str, jobs: str, folder: str) -> None:
    """Drive a slow sweep, telling each chunk on stdout."""

    def tell(event: Event) -> None:
        print(event, flush=True)

    with executor(name, int(jobs)) as pool:
        drive(pool, Slow(Path(folder), 8_000, 0.2), iter(range(1_000)), tell, never)


if __name__ == "__main__":
    main(*sys.argv[1:])
