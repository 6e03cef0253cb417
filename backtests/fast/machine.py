"""The compiled path as Python calls it: targets of some trials in, accounts and figures out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from backtests.fast import account as accounts
from backtests.fast import figures
from backtests.fast.account import Account, new_account
from backtests.fast.follow import TRIPS, follow_all
from backtests.fast.lone import STRIDE, new_lone
from backtests.fast.tape import Tape
from backtests.fast.wanted import new_wanted
from backtests.trading.broker import Terms
from indexsim.compiled import exactly
from strategies.base import Targets

_HERE = Path(__file__).resolve().parent
_FOLDERS = (_HERE, _HERE.parent / "trading")

#: What the compiled path reads of a spec's `backtests.trading.broker.Terms`.
TERMS = np.dtype([("cash", "i8"), ("slippage_rate", "i8"), ("slippage_ticks", "i8"), ("every_bar", "?")])
#: Fills and orders there is room for at first.
ROOM = 4096


@dataclass(frozen=True)
class Batch:
    """What came out of m trials.

    Attributes
    ----------
    values : ndarray of float64, shape (m, n)
        Account value after each bar, whole sen; the next batch writes over it. Empty where it is not asked for.
    figures : ndarray of float64, shape (m, 6)
        By `backtests.fast.figures.NAMES`.
    sums, squares : ndarray of float32, shape (m, blocks)
    counts : ndarray of int64, shape (m, 3)
        Closed round trips, fills, rejected orders.
    costs : ndarray of int64, shape (m,)
        Sen.
    beyond : ndarray of bool, shape (m,)
        Whether a trial's numbers outgrew 64 bits: the engine, which has no bound, must run it.
    """

    values: np.ndarray
    figures: np.ndarray
    sums: np.ndarray
    squares: np.ndarray
    counts: np.ndarray
    costs: np.ndarray
    beyond: np.ndarray


@cache
def _trade() -> Callable[..., Any]:
    return exactly(follow_all, *_FOLDERS)


@cache
def _measure() -> Callable[..., Any]:
    return exactly(figures.measure_all, *_FOLDERS, summing=True)


class Ruler:
    """Measures account values, whoever made them.

    Parameters
    ----------
    ends : ndarray of int64, shape (sessions,)
        The last bar of each session.
    per_year : float
        Sessions per year.
    """

    def __init__(self, ends: np.ndarray, per_year: float) -> None:
        self.ends, self.per_year = ends, per_year
        self.blocks = -(-len(ends) // figures.BLOCK)
        self._growth, self._logs = np.empty(len(ends) + 1), np.empty(len(ends))

    @property
    def logs(self) -> np.ndarray:
        """Session log returns of the account measured last, shape (sessions,)."""
        return self._logs

    def gauge(self, m: int) -> figures.Gauge:
        """Return what m accounts are measured with."""
        found = np.empty((m, len(figures.NAMES)))
        log_sums, log_squares = (np.empty((m, self.blocks), dtype=np.float32) for _ in range(2))
        return figures.Gauge(self.ends, self.per_year, self._growth, self._logs, found, log_sums, log_squares)

    def measure(self, values: np.ndarray, deposits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return figures, sums and squares (see `Batch`) of m accounts.

        Parameters
        ----------
        values : ndarray of float64, shape (m, 1 + n)
            What each began with and its value after each bar, sen.
        deposits : ndarray of float64, shape (m, n)
            Yen paid in, row t before the open of bar t + 1.
        """
        gauge = self.gauge(len(values))
        _measure()(values, deposits, gauge)
        return gauge.figures, gauge.log_sums, gauge.log_squares


class Machine:
    """Trades the targets of many trials on one tape.

    Parameters
    ----------
    tape : Tape
    per_year : float
        Sessions per year.
    """

    def __init__(self, tape: Tape, per_year: float) -> None:
        self.tape, self.ruler = tape, Ruler(tape.ends, per_year)
        _, self.k, self.n = tape.prices.shape
        self._heads = np.empty((2, self.k), dtype=np.int64)
        self._lone = new_lone(tape)
        self._values, self._wanted = np.empty((0, 1 + self.n + STRIDE)), new_wanted(0, self.n, self.k)
        self._make_room(ROOM)

    def _make_room(self, room: int) -> None:
        self._account = new_account(self.k, room)
        self._open = np.empty((2, room), dtype=np.int64)

    def trade(
        self,
        terms: np.ndarray,
        reserves: np.ndarray,
        unit: int,
        at_open: Any,
        at_close: Any,
        deposits: Any,
        first: int,
        brief: bool = True,
        valued: bool = True,
    ) -> Batch:
        """Trade the targets of m trials.

        Parameters
        ----------
        terms : array of `TERMS`, shape (m,)
        reserves : ndarray of float64, shape (m, k)
        unit : int
            Of the targets, by its place in ``Targets.UNITS``.
        at_open : ndarray of float64, shape (m, k, n + first), contiguous
        at_close : ndarray of float64, the same shape, or (1, k, n + first) where all trials have the same
        deposits : ndarray of float64, shape (m, n + first), or (1, n + first)
        first : int
            Row of the targets that belongs to the first bar of the tape.
        brief : bool
            Whether fills and orders are only counted; `record` reads them.
        valued : bool
            Whether the values after each bar are kept.
        """
        m = len(terms)
        if at_open.shape != (m, self.k, self.n + first) or at_close.shape[1:] != at_open.shape[1:]:
            raise ValueError(f"targets of shape {at_open.shape} for {m} trials of {self.k} x {self.n} after {first}")
        if m > len(self._wanted.counts):
            self._wanted = new_wanted(m, self.n, self.k)
        if (rows := m if valued else 1) > len(self._values):
            self._values = np.empty((rows, 1 + self.n + STRIDE))
        values, outcomes = self._values[:rows], np.zeros((m, TRIPS + 1), dtype=np.int64)
        gauge = self.ruler.gauge(m)
        _trade()(
            self.tape, terms, reserves, unit, at_open, at_close, deposits, first, brief,
            self._account, self._wanted, self._lone, self._heads, self._open, values, outcomes, gauge,
        )  # fmt: skip
        if (outcomes[:, accounts.STATE] == accounts.NO_SPACE).any():
            self._make_room(4 * len(self._account.fills))
            return self.trade(terms, reserves, unit, at_open, at_close, deposits, first, brief, valued)
        beyond = outcomes[:, accounts.STATE] == accounts.TOO_LARGE
        counts = outcomes[:, [TRIPS, accounts.FILLS, accounts.REJECTED]]
        kept = values[:, 1 : self.n + 1] if valued else values[:0]
        costs = outcomes[:, accounts.COSTS]
        return Batch(kept, gauge.figures, gauge.log_sums, gauge.log_squares, counts, costs, beyond)

    def record(self, terms: Terms, targets: Targets) -> tuple[Batch, Account]:
        """Trade the targets of one trial as a sweep does, and once more to return also every fill and order.

        Where `backtests.fast.lone` trades for a sweep, fills and orders are those of `backtests.fast.follow`: whoever
        compares the values of the one and the fills of the other with the engine's compares both.
        """
        row, reserves = term_rows([terms])
        deposits = np.zeros(len(targets)) if targets.deposits is None else targets.deposits
        at_open, at_close = (np.ascontiguousarray(part.T)[None] for part in (targets.at_open, targets.at_close))
        unit = Targets.UNITS.index(targets.unit)
        given = (row, reserves, unit, at_open, at_close, np.ascontiguousarray(deposits)[None], 0)
        batch = self.trade(*given)
        batch = replace(batch, values=batch.values.copy())
        self.trade(*given, brief=False)
        kept, totals = self._account, self._account.totals
        fills, orders = kept.fills[: totals[accounts.FILLS]], kept.orders[: totals[accounts.ORDERS]]
        return batch, kept._replace(fills=fills.copy(), orders=orders.copy())


def term_rows(terms: Sequence[Terms]) -> tuple[np.ndarray, np.ndarray]:
    """Return the terms of m trials as records, and their reserves, shape (m, k)."""
    rows = [(one.cash, one.slippage_rate, one.slippage_ticks, one.rebalance == "every-bar") for one in terms]
    return np.array(rows, dtype=TERMS), np.array([one.reserve for one in terms], dtype=np.float64)
