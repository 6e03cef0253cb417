"""Ticks by date and price, and how a dated table of ``data/facts`` is read."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from indexsim.facts import FACTS

#: Units of a yen: ticks and prices are integers of 0.01 yen.
PER_YEN = 100

T = TypeVar("T")
#: What a table says from a day on, ascending.
Steps = tuple[tuple[np.datetime64, T], ...]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class TickTable:
    """Ticks of one table by date and price.

    Attributes
    ----------
    steps : tuple of (first day, ((highest price, tick), ...))
        Ascending; prices and ticks in integer units of 0.01 yen.
    """

    steps: Steps[tuple[tuple[float, int], ...]]

    def ticks(self, sessions: np.ndarray, prices: np.ndarray) -> Integers:
        """Return the tick in force for each price.

        Parameters
        ----------
        sessions : ndarray of datetime64[D], shape (n,)
        prices : ndarray of int64, shape (n,)

        Returns
        -------
        ndarray of int64, shape (n,)
        """
        found = np.zeros(len(prices), dtype=np.int64)
        for since, bands in self.steps:
            tops = np.array([top for top, _ in bands])
            sizes = np.array([tick for _, tick in bands], dtype=np.int64)
            inside = sessions >= since
            found[inside] = sizes[np.searchsorted(tops, prices[inside], side="left")]
        return found


@cache
def tick_table(name: str) -> TickTable:
    """Return a tick table of ``data/facts/ticks.csv``.

    Examples
    --------
    1321 at 28,000 yen, before and after the fine table:

    >>> days = np.array(["2021-11-26", "2021-11-29"], dtype="datetime64[D]")
    >>> tick_table("etf").ticks(days, np.array([2_800_000, 2_800_000])).tolist()
    [1000, 500]
    """
    return TickTable(steps_of("ticks", name, _band))


def steps_of(file: str, name: str, read: Callable[[dict[str, str]], T]) -> Steps[tuple[T, ...]]:
    """Return the rows of a fact table by the day from which they hold; a row may serve several tables."""
    with (FACTS / f"{file}.csv").open(encoding="utf-8", newline="") as opened:
        rows = [row for row in csv.DictReader(opened) if name in row["table"].split()]
    steps: dict[str, list[T]] = {}
    for row in rows:
        steps.setdefault(row["from_date"] or "0001-01-01", []).append(read(row))
    return tuple((np.datetime64(day, "D"), tuple(found)) for day, found in sorted(steps.items()))


def _band(row: dict[str, str]) -> tuple[float, int]:
    top = row["price_up_to"]
    return float(top) * PER_YEN if top else np.inf, round(float(row["tick"]) * PER_YEN)
