"""What targets order: of thousands of rows the few on which a target is another than before."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from indexsim.compiled import borrowed, rarely


class Wanted(NamedTuple):
    """What the targets of a trial order, in the order of time; used by one trial after the other.

    Attributes
    ----------
    rows, phases, instruments : ndarray of int64, shape (most,)
    wanted : ndarray of float64, shape (most,)
        The target.
    latest : ndarray of float64, shape (k,)
        Used for the last target of each instrument.
    """

    rows: np.ndarray
    phases: np.ndarray
    instruments: np.ndarray
    wanted: np.ndarray
    latest: np.ndarray


def new_wanted(n: int, k: int) -> Wanted:
    """Return room for the orders of a trial on n bars and k instruments."""
    rows, phases, instruments = (np.empty(2 * n * k, dtype=np.int64) for _ in range(3))
    return Wanted(rows, phases, instruments, np.empty(2 * n * k), np.empty(k))


@rarely
def orders_in(at_open: Any, at_close: Any, first: int, n: int, every_bar: bool, closes: bool, room: Any) -> int:
    """Write down what the targets of a trial order (rule 2); return how many orders there are.

    Parameters
    ----------
    at_open, at_close : ndarray of float64, shape (k, n + first)
    first : int
        Row that belongs to the first bar.
    closes : bool
        Whether any trial has targets at a close.
    """
    rows, phases, instruments, wanted, latest = (
        borrowed(room.rows), borrowed(room.phases), borrowed(room.instruments), borrowed(room.wanted),
        borrowed(room.latest),
    )  # fmt: skip
    latest[:] = 0.0
    count = 0
    for t in range(n - 1):
        for phase in range(2 if closes else 1):
            for k in range(len(at_open)):
                target = at_close[k, first + t] if phase else at_open[k, first + t]
                if np.isnan(target) or (target == latest[k] and not every_bar):
                    continue
                latest[k] = target
                rows[count], phases[count], instruments[count], wanted[count] = t, phase, k, target
                count += 1
    return count


def some_at_close(at_close: Any, first: int, n: int) -> bool:
    """Say whether any of the trials has a target at a close."""
    for i in range(len(at_close)):
        for k in range(at_close.shape[1]):
            if some(borrowed(at_close)[i, k, first : first + n]):
                return True
    return False


def any_of(values: Any) -> bool:
    """Say whether a number is not zero."""
    count = 0
    for j in range(len(values)):
        count += values[j] != 0.0
    return count > 0


def some(values: Any) -> bool:
    """Say whether there is a number among the targets."""
    count = 0
    for j in range(len(values)):
        count += values[j] == values[j]
    return count > 0
