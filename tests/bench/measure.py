"""Timing ours and a reference in turn, so that a machine that drifts slows both."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import ClassVar


@dataclass(frozen=True)
class Measurement:
    """Ours against a reference.

    Attributes
    ----------
    name : str
        Begins with index, engine, sweep, report or load.
    ours, reference : float
        Medians, in `unit`.
    limit : float
        Bound on ours / reference.
    better : {"lower", "higher"}
    """

    name: str
    ours: float
    reference: float
    limit: float
    better: str = "lower"
    unit: str = "s"

    HEAD: ClassVar[str] = f"{'name':<58}{'ours':>12}{'reference':>12}{'ratio':>8}{'limit':>8}  met"

    @property
    def ratio(self) -> float:
        """Ours over the reference."""
        return self.ours / self.reference

    @property
    def met(self) -> bool:
        """Whether the ratio keeps its limit."""
        return self.ratio <= self.limit if self.better == "lower" else self.ratio >= self.limit

    def as_dict(self) -> dict[str, object]:
        """Return the row of ``bench.json``."""
        return {
            "name": self.name,
            "ours": self.ours,
            "reference": self.reference,
            "ratio": self.ratio,
            "limit": self.limit,
            "better": self.better,
            "met": self.met,
            "unit": self.unit,
        }

    def __str__(self) -> str:
        return (
            f"{self.name:<58}{self.ours:>12,.4g} {self.unit}{self.reference:>12,.4g} {self.unit}"
            f"{self.ratio:>8.2f}{self.limit:>8.2f}  {'yes' if self.met else 'NO'}"
        )


def compare(ours: Callable[[], object], reference: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Return the median seconds of each, run in turn `rounds` times after one warm-up."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds + 1):
        for function, spent in zip((ours, reference), times, strict=True):
            gc.collect()
            start = time.perf_counter()
            function()
            if turn:
                spent.append(time.perf_counter() - start)
    return median(times[0]), median(times[1])
