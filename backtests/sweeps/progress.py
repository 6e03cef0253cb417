"""What a sweep says while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable

from backtests.sweeps.executors import Died, Done, Event, Quarantined

Tell = Callable[[str], None]


class Passing(str):
    """A line that the next one takes the place of: how far something is."""

    __slots__ = ()


class Progress:
    """Says how far a sweep is, twice a second at most.

    Parameters
    ----------
    chunks : int
        To compute.
    tell : callable
    """

    def __init__(self, chunks: int, tell: Tell) -> None:
        self.chunks, self.tell = chunks, tell
        self.began = self.told = time.monotonic()
        self.trials = self.done = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Quarantined):
            self.tell(f"trial {event.trial} quarantined: {event.why} {event.stderr[-500:]}".rstrip())
        elif isinstance(event, Died):
            self.tell(f"a worker died; {len(event.numbers)} chunks run again")
        elif isinstance(event, Done):
            self.trials, self.done = self.trials + event.value, self.done + 1
            self._say()

    def _say(self) -> None:
        now = time.monotonic()
        if now - self.told < 0.5 and self.done < self.chunks:
            return
        self.told = now
        rate = self.trials / max(now - self.began, 1e-9)
        left = (self.chunks - self.done) * (now - self.began) / max(self.done, 1)
        line = f"{self.done} of {self.chunks} chunks, {self.trials} trials, {rate:,.0f} a second, {left:.0f} s left"
        self.tell(Passing(line))
