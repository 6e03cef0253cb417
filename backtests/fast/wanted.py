"""What targets order: of thousands of rows the few on which a target is another than before."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from indexsim.compiled import borrowed, rarely


class Wanted(NamedTuple):
    """What the targets of m trials order, by trial and place.

    Attributes
    ----------
    rows, phases, instruments : ndarray of int64, shape (m, most)
    wanted : ndarray of float64, shape (m, most)
        The target.
    counts : ndarray of int64, shape (m,)
        Orders of each trial.
    alone : ndarray of bool, shape (m,)
        Whether no target is below zero, no row has two orders, and nothing is paid in.
    latest : ndarray of float64, shape (k,)
        Used for the last target of each instrument.
    """

    rows: np.ndarray
    phases: np.ndarray
    instruments: np.ndarray
    wanted: np.ndarray
    counts: np.ndarray
    alone: np.ndarray
    latest: np.ndarray


def new_wanted(m: int, n: int, k: int) -> Wanted:
    """Return room for the orders of m trials on n bars and k instruments."""
    rows, phases, instruments = (np.empty((m, 2 * n * k), dtype=np.int64) for _ in range(3))
    counts, alone = np.empty(m, dtype=np.int64), np.empty(m, dtype=np.bool_)
    return Wanted(rows, phases, instruments, np.empty((m, 2 * n * k)), counts, alone, np.empty(k))


@rarely
def orders_in(
    at_open: Any, at_close: Any, deposits: Any, first: int, n: int, every_bar: bool, closes: bool, room: Any, i: int
) -> None:
    """Write down what the targets of trial i order (rule 2).

    Parameters
    ----------
    at_open, at_close : ndarray of float64, shape (k, n + first)
    deposits : ndarray of float64, shape (n + first,)
    first : int
        Row that belongs to the first bar.
    closes : bool
        Whether any trial has targets at a close.
    """
    rows, phases, instruments, wanted = (
        borrowed(room.rows)[i], borrowed(room.phases)[i], borrowed(room.instruments)[i], borrowed(room.wanted)[i],
    )  # fmt: skip
    opens = at_open[0, first : first + n]
    if len(at_open) == 1 and not closes and not every_bar and all_numbers(opens):
        count = changes_in(opens, rows, phases, instruments, wanted)
    else:
        count = any_in(at_open, at_close, first, n, every_bar, closes, room.latest, rows, phases, instruments, wanted)
    room.counts[i] = count
    odd = 0
    for w in range(count):
        odd += wanted[w] < 0.0
    if closes:
        for w in range(1, count):
            odd += rows[w] == rows[w - 1]
    room.alone[i] = odd == 0 and not any_of(deposits[first:])


def any_in(
    at_open: Any, at_close: Any, first: int, n: int, every_bar: bool, closes: bool, latest: Any,
    rows: Any, phases: Any, instruments: Any, wanted: Any,
) -> int:  # fmt: skip
    """Write down what targets of any kind order; return how many orders there are."""
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


def changes_in(values: Any, rows: Any, phases: Any, instruments: Any, wanted: Any) -> int:
    """The same for targets at the open of a single instrument, all of them numbers.

    Every row is written down and only those that order something are kept: cheaper than to ask first.
    """
    before, count = 0.0, 0
    for t in range(len(values) - 1):
        rows[count] = t
        count += values[t] != before
        before = values[t]
    for w in range(count):
        phases[w], instruments[w], wanted[w] = 0, 0, values[rows[w]]
    return count


def all_numbers(values: Any) -> bool:
    """Say whether no target is missing."""
    count = 0
    for j in range(len(values)):
        count += values[j] == values[j]
    return count == len(values)


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
