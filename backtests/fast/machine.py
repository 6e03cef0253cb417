"""The compiled path as Python calls it: targets of some trials in, accounts and figures out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from backtests.fast import account as accounts
from backtests.fast import figures
from backtests.fast.abreast import go_abreast, new_room, trade_abreast
from backtests.fast.account import Account, new_account
from backtests.fast.follow import TRIPS, follow_all
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


class TargetRows(NamedTuple):
    """Targets of some trials, as a rule fills them in.

    Attributes
    ----------
    at_open : ndarray of float64, shape (m, k, rows), contiguous
    at_close : ndarray of float64, the same shape, or (1, k, rows) where no trial orders at a close
    deposits : ndarray of float64, shape (m, rows), or (1, rows) where all trials have the same
    """

    at_open: np.ndarray
    at_close: np.ndarray
    deposits: np.ndarray

    def part(self, lo: int, hi: int | None = None) -> TargetRows:
        """Return those of some of the trials; what is written there is written here."""
        return TargetRows(*(part[lo:hi] if len(part) > 1 else part for part in self))


@dataclass(frozen=True)
class Batch:
    """What came out of m trials.

    Attributes
    ----------
    money : ndarray of float64, shape (m, 1 + n)
        The cash to begin with and the account value after each bar, whole sen; shape (0, 1 + n) where nobody asks.
    outcomes : ndarray of int64, shape (m, 9)
        See `backtests.fast.follow.follow_all`.
    gauge : Gauge
        The figures, and the sums of log returns per block.
    """

    money: np.ndarray
    outcomes: np.ndarray
    gauge: figures.Gauge

    def part(self, lo: int, hi: int) -> Batch:
        """Return the trials lo to hi - 1; what is written there is written here."""
        return Batch(self.money[lo:hi], self.outcomes[lo:hi], figures.part_of(self.gauge, lo, hi))

    @property
    def values(self) -> np.ndarray:
        """The account value after each bar, whole sen, shape (m, n)."""
        return self.money[:, 1:]

    @property
    def figures(self) -> np.ndarray:
        """By `backtests.fast.figures.NAMES`, shape (m, 6)."""
        found: np.ndarray = self.gauge.figures
        return found

    @property
    def counts(self) -> np.ndarray:
        """Closed round trips, fills, rejected orders, shape (m, 3)."""
        return self.outcomes[:, [TRIPS, accounts.FILLS, accounts.REJECTED]]

    @property
    def costs(self) -> np.ndarray:
        """Sen, shape (m,)."""
        return self.outcomes[:, accounts.COSTS]

    @property
    def beyond(self) -> np.ndarray:
        """Whether a trial's numbers outgrew 64 bits, shape (m,): the engine, which has no bound, must run it."""
        return np.asarray(self.outcomes[:, accounts.STATE] == accounts.TOO_LARGE)


@cache
def _trade() -> Callable[..., Any]:
    return exactly(follow_all, *_FOLDERS)


@cache
def _abreast() -> Callable[..., Any]:
    return exactly(trade_abreast, *_FOLDERS)


@cache
def _measure() -> Callable[..., Any]:
    return exactly(figures.measure_all, *_FOLDERS)


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
        self._growth = np.empty(len(ends) + 1)
        self._used = np.empty(len(ends)), np.empty(len(ends))

    @property
    def logs(self) -> np.ndarray:
        """Session log returns of the account measured last, shape (sessions,): `RUIN` where nothing is left, then 0."""
        left = self._growth > 0.0
        stands = int(np.argmin(left)) if not left.all() else len(left)
        logs = np.zeros(len(self.ends))
        logs[: stands - 1] = np.diff(np.log(self._growth[:stands]))
        logs[stands - 1 : stands] = figures.RUIN
        return logs

    def gauge(self, m: int) -> figures.Gauge:
        """Return what m accounts are measured with."""
        wide = (np.empty((m, self.blocks), dtype=np.float32) for _ in range(2))
        return self.over(np.empty((m, len(figures.NAMES))), *wide)

    def over(self, found: np.ndarray, log_sums: np.ndarray, log_squares: np.ndarray) -> figures.Gauge:
        """Return what accounts are measured with, and what is found is written to."""
        return figures.Gauge(self.ends, self.per_year, self._growth, *self._used, found, log_sums, log_squares)

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
        self._abreast = new_room(self.n) if go_abreast(tape) else None
        self._value, self._wanted = np.empty((1, 1 + self.n)), new_wanted(self.n, self.k)
        self._make_room(ROOM)

    def _make_room(self, room: int) -> None:
        self._account = new_account(self.k, room)
        self._open = np.empty((2, room), dtype=np.int64)

    def batch(self, m: int, gauge: figures.Gauge | None = None, valued: bool = True) -> Batch:
        """Return room for what comes out of m trials, with their values after each bar or without."""
        money = np.empty((m if valued else 0, 1 + self.n))
        return Batch(money, np.zeros((m, TRIPS + 1), dtype=np.int64), gauge or self.ruler.gauge(m))

    def trade(
        self,
        terms: np.ndarray,
        reserves: np.ndarray,
        unit: int,
        targets: TargetRows,
        first: int,
        into: Batch,
        lo: int = 0,
        hi: int | None = None,
    ) -> None:
        """Trade the targets of the trials lo to hi - 1 of m.

        Parameters
        ----------
        terms : array of `TERMS`, shape (m,)
        reserves : ndarray of float64, shape (m, k)
        unit : int
            Of the targets, by its place in ``Targets.UNITS``.
        targets : TargetRows
            Of n + first rows; those of trial lo come first, and there may be more than are traded.
        first : int
            Row of the targets that belongs to the first bar of the tape.
        into : Batch
            Of m trials; filled in.
        """
        hi = len(terms) if hi is None else hi
        if targets.at_open.shape[1:] != (self.k, self.n + first):
            raise ValueError(f"targets of shape {targets.at_open.shape} for {self.k} x {self.n} after {first}")
        if self._abreast is None:
            return self._follow(terms, reserves, unit, targets, first, into, lo, range(hi - lo))
        aside = _abreast()(
            self.tape, terms, reserves, unit, *targets, first, self._abreast, into.money, into.outcomes, into.gauge,
            lo, hi,
        )  # fmt: skip
        if aside:
            left = np.flatnonzero(into.outcomes[lo:hi, accounts.STATE])
            self._follow(terms, reserves, unit, targets, first, into, lo, left.tolist())
        return None

    def _follow(
        self,
        terms: np.ndarray,
        reserves: np.ndarray,
        unit: int,
        targets: TargetRows,
        first: int,
        into: Batch,
        lo: int,
        rows: Iterable[int],
        brief: bool = True,
    ) -> None:
        """Trade trials whatever they hold, given by the rows of their targets.

        Where not `brief`, fills and orders are not only counted: `record` reads them.
        """
        for row in rows:
            one = slice(lo + row, lo + row + 1)
            own = targets.part(row, row + 1)
            found = into.part(one.start, one.stop)
            values = found.money if len(found.money) else self._value
            while True:
                _trade()(
                    self.tape, terms[one], reserves[one], unit, *own, first, brief, self._account, self._wanted,
                    self._heads, self._open, values, found.outcomes, found.gauge,
                )  # fmt: skip
                if found.outcomes[0, accounts.STATE] != accounts.NO_SPACE:
                    break
                self._make_room(4 * len(self._account.fills))

    def record(self, terms: Terms, targets: Targets) -> tuple[Batch, Account]:
        """Trade the targets of one trial as a sweep does, and once more to return also every fill and order.

        Where `backtests.fast.abreast` trades for a sweep, fills and orders are those of `backtests.fast.follow`:
        whoever compares the values of the one and the fills of the other with the engine's compares both.
        """
        row, reserves = term_rows([terms])
        deposits = np.zeros(len(targets)) if targets.deposits is None else targets.deposits
        at_open, at_close = (np.ascontiguousarray(part.T)[None] for part in (targets.at_open, targets.at_close))
        unit = Targets.UNITS.index(targets.unit)
        wanted = TargetRows(at_open, at_close, np.ascontiguousarray(deposits)[None])
        batch = self.batch(1)
        self.trade(row, reserves, unit, wanted, 0, batch)
        self._follow(row, reserves, unit, wanted, 0, self.batch(1), 0, range(1), brief=False)
        kept, totals = self._account, self._account.totals
        fills, orders = kept.fills[: totals[accounts.FILLS]], kept.orders[: totals[accounts.ORDERS]]
        return batch, kept._replace(fills=fills.copy(), orders=orders.copy())


def term_rows(terms: Sequence[Terms]) -> tuple[np.ndarray, np.ndarray]:
    """Return the terms of m trials as records, and their reserves, shape (m, k)."""
    rows = [(one.cash, one.slippage_rate, one.slippage_ticks, one.rebalance == "every-bar") for one in terms]
    return np.array(rows, dtype=TERMS), np.array([one.reserve for one in terms], dtype=np.float64)
