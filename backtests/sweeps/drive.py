"""The chunks of a sweep, each computed once, whatever happens to the workers.

When a worker dies, the chunks in flight are suspects. Each runs again, alone in a fresh process, so that another
death has one culprit. A chunk that kills its process there is cut in halves, and these again, down to the single
trial that kills in three attempts: it is quarantined and the rest of its chunk is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from backtests.sweeps.executors import Died, Done, Event, Executor, Failed, Outcome, Quarantined, Stop, Task
from backtests.sweeps.executors.local import Death, Stopped, alone

#: How often a single trial must kill its process to be quarantined: once and two retries.
ATTEMPTS = 3


def drive(
    executor: Executor, task: Task[Any], numbers: Iterable[int], on_event: Callable[[Event], None], stop: Stop
) -> bool:
    """Have every chunk computed and stored, or as many as there is time for.

    Parameters
    ----------
    executor : Executor
        Entered; its chunks in flight are killed when this ends before the last chunk.
    task : Task
    numbers : iterable of int
        Chunks to compute, taken as workers become free.
    on_event : callable
        Told of each chunk that is stored, each death and each quarantined trial, in the order they happen.
    stop : callable
        Asked at least every second; once it says so, nothing more is begun and chunks in flight are abandoned.

    Returns
    -------
    bool
        Whether all chunks are stored; False if `stop` said so before.

    Raises
    ------
    BaseException
        What the task raised, and whatever interrupts (Ctrl-C); chunks in flight are killed first.
    """
    try:
        executor.start(task)
        finished = _Drive(executor, task, on_event, stop).all(numbers)
    except BaseException:
        executor.kill()
        raise
    if not finished:
        executor.kill()
    return finished


@dataclass(frozen=True)
class _Drive:
    executor: Executor
    task: Task[Any]
    on_event: Callable[[Event], None]
    stop: Stop

    def all(self, numbers: Iterable[int]) -> bool:
        source, flying = iter(numbers), 0
        while True:
            while flying < self.executor.capacity and not self.stop() and (number := next(source, None)) is not None:
                self.executor.submit(number)
                flying += 1
            if self.stop():
                return False
            if not flying:
                return True
            for outcome in self.executor.wait(self.stop):
                flying -= len(outcome.numbers) if isinstance(outcome, Died) else 1
                try:
                    self.settle(outcome)
                except Stopped:
                    return False

    def settle(self, outcome: Outcome) -> None:
        if isinstance(outcome, Failed):
            raise outcome.error
        self.on_event(outcome)
        if isinstance(outcome, Died):
            for number in outcome.numbers:
                self.on_event(Done(number, self.again(number)))

    def again(self, number: int) -> Any:
        """Run a suspected chunk alone; return its summary."""
        value = alone(self.task, (number,), self.stop)
        return self.without_the_guilty(number) if isinstance(value, Death) else value

    def without_the_guilty(self, number: int) -> Any:
        """Compute a chunk that kills its process in parts, down to the trials that do it."""
        parts: list[Any] = []
        quarantined: list[tuple[int, str]] = []
        spans = _halves(*self.task.range_of(number))
        while spans:
            lo, hi = spans.pop()
            value = self.part(lo, hi)
            if not isinstance(value, Death):
                parts.append(value)
            elif hi - lo > 1:
                spans += _halves(lo, hi)
            else:
                quarantined.append((lo, value.how))
                self.on_event(Quarantined(lo, value.how, value.stderr))
        return self.task.join(number, parts, quarantined)

    def part(self, lo: int, hi: int) -> Any | Death:
        """Run a part alone, a single trial up to three times; return its value, or how it kills."""
        deaths: list[Death] = []
        for _ in range(ATTEMPTS if hi - lo == 1 else 1):
            value = alone(self.task, (lo, hi), self.stop)
            if not isinstance(value, Death):
                return value
            deaths.append(value)
        how = ", ".join(dict.fromkeys(death.how for death in deaths))
        return Death(f"killed its process in each of {len(deaths)} attempts: {how}", deaths[-1].stderr)


def _halves(lo: int, hi: int) -> list[tuple[int, int]]:
    """Return a range of trials in two, the first half last, as a stack gives it back first.

    Examples
    --------
    >>> _halves(10, 15), _halves(3, 4), _halves(3, 3)
    ([(12, 15), (10, 12)], [(3, 4)], [])
    """
    middle = (lo + hi) // 2
    return [(a, b) for a, b in ((middle, hi), (lo, middle)) if a < b]
