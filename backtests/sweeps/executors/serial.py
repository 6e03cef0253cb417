"""Chunks in this process, one after the other.

A trial that kills its process kills the sweep with it: the same call resumes at that chunk and dies there again,
and the local executor with one job finds the guilty trial.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

from backtests.sweeps.executors import Done, Failed, Outcome, Stop, Task


class Abandoned(BaseException):
    """Raised inside a chunk when the sweep is told to stop."""


class Serial:
    """The executor of one process: this one."""

    name = "serial"
    capacity = 1

    def __init__(self) -> None:
        self._task: Task[Any] | None = None
        self._waiting: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    def start(self, task: Task[Any]) -> None:
        """Take the task that the numbers to come are for."""
        self._task = task

    def submit(self, number: int) -> None:
        """Keep a chunk for `wait`, which computes it."""
        self._waiting.append(number)

    def wait(self, stop: Stop) -> list[Outcome]:
        """Compute the chunk; `stop` is asked every second meanwhile and ends it."""
        assert self._task is not None
        number = self._waiting.pop()
        try:
            with _asked_while_running(stop):
                value = self._task(number)
        except Abandoned:
            return []
        except Exception as error:
            return [Failed(number, error)]
        return [Done(number, value)]

    def kill(self) -> None:
        """Forget what was submitted: nothing runs between two calls of `wait`."""
        self._waiting.clear()


@contextmanager
def _asked_while_running(stop: Stop) -> Iterator[None]:
    """Ask `stop` every second, by an alarm of the system, and raise Abandoned where it says so.

    Alarms reach the main thread only: in another one, a chunk runs to its end.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if stop():
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise Abandoned

    before = signal.signal(signal.SIGALRM, ask)
    signal.setitimer(signal.ITIMER_REAL, 1, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
