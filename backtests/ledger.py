"""The books of a run: every sen, every bar.

`Book` keeps cash, positions and marks in integers and writes down each movement of cash. `audit`
recomputes the account value from fills and prices alone and fails the run on a difference of one
sen. `round_trips` matches fills first in, first out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backtests.execution import used
from backtests.instruments import Instrument
from indexsim.errors import LedgerError


@dataclass(frozen=True)
class Entry:
    """One movement of cash: `kind` is fee, variation, purchase, sale or distribution."""

    bar: int
    k: int
    kind: str
    sen: int
    at_close: bool = True


@dataclass(frozen=True)
class Fill:
    """One executed order.

    Attributes
    ----------
    bar : int
        Bar of the fill.
    k : int
        Position of the instrument in the run's list.
    at_close : bool
        Filled at the bar's close instead of its open.
    quantity : int
        Signed contracts or shares.
    reference, price : int
        Before and after slippage, in 0.01 yen or points.
    fee, slippage : int
        Sen, both >= 0.
    """

    bar: int
    k: int
    at_close: bool
    quantity: int
    reference: int
    price: int
    fee: int
    slippage: int


class Book:
    """Cash, positions and marks of one account, in integers.

    Parameters
    ----------
    instruments : sequence of Instrument
        Defines the order k of everything else.
    cash : int
        Starting cash in sen.
    """

    def __init__(self, instruments: Sequence[Instrument], cash: int) -> None:
        self.instruments = tuple(instruments)
        self.cash = cash
        self.quantity = [0] * len(self.instruments)
        self.marks = [0] * len(self.instruments)
        self.entries: list[Entry] = []
        self.fills: list[Fill] = []

    @property
    def equity(self) -> int:
        """Account value in sen: cash plus what the funds are worth (futures are settled into cash)."""
        held = zip(self.instruments, self.quantity, self.marks, strict=True)
        return self.cash + sum(q * m * i.multiplier for i, q, m in held if not i.cash_settled)

    def used_after(self, k: int, quantity: int, price: int) -> int:
        """Return what all positions would bind, in sen, after a fill of `quantity` at `price`."""
        total = 0
        for j, i in enumerate(self.instruments):
            position, mark = (self.quantity[k] + quantity, price) if j == k else (self.quantity[j], self.marks[j])
            total += used(position, mark, i.multiplier, i.margin_rate)
        return total

    def mark(self, bar: int, k: int, price: int, at_close: bool = True) -> None:
        """Value a position at a price of the bar's open or close; a future pays the difference."""
        i = self.instruments[k]
        if i.cash_settled and self.quantity[k]:
            self._move(bar, k, "variation", self.quantity[k] * (price - self.marks[k]) * i.multiplier, at_close)
        self.marks[k] = price

    def fill(self, fill: Fill) -> None:
        """Book a fill: change the position, pay the notional (funds) or the slippage (futures), and the fee.

        A future stays marked at the reference, so that slippage is a loss at once and never a gain
        of the contracts held before.
        """
        k, i = fill.k, self.instruments[fill.k]
        if i.cash_settled:
            self.mark(fill.bar, k, fill.reference, fill.at_close)
            slipped = fill.quantity * (fill.reference - fill.price) * i.multiplier
            self._move(fill.bar, k, "variation", slipped, fill.at_close)
        else:
            kind = "purchase" if fill.quantity > 0 else "sale"
            self._move(fill.bar, k, kind, -fill.quantity * fill.price * i.multiplier, fill.at_close)
        self.quantity[k] += fill.quantity
        self._move(fill.bar, k, "fee", -fill.fee, fill.at_close)
        self.fills.append(fill)

    def distribute(self, bar: int, k: int, per_share: int) -> int:
        """Pay a distribution on the position held before the open; a short owes it. Returns the sen moved."""
        paid = self.quantity[k] * per_share
        self._move(bar, k, "distribution", paid, at_close=False)
        return paid

    def _move(self, bar: int, k: int, kind: str, sen: int, at_close: bool) -> None:
        if sen:
            self.cash += sen
            self.entries.append(Entry(bar, k, kind, sen, at_close))


def audit(book: Book, cash: int, marks: np.ndarray, distributions: np.ndarray, equity: np.ndarray) -> None:
    """Recompute the account value of every bar from fills, closes and distributions, and compare.

    Parameters
    ----------
    book : Book
        After the run.
    cash : int
        Starting cash in sen.
    marks : ndarray of int64, shape (n_bars, k)
        Closing mark of every bar.
    distributions : ndarray of int64, shape (n_bars, k)
        Sen per share paid on positions held before the bar's open.
    equity : ndarray of int64, shape (n_bars,)
        Account value the engine recorded.

    Raises
    ------
    LedgerError
        Naming the first bar on which the two differ.
    """
    n_bars, k_all = marks.shape
    multiplier = np.array([i.multiplier for i in book.instruments], dtype=np.int64)
    traded = np.zeros((n_bars, k_all), dtype=np.int64)
    paid = np.zeros(n_bars, dtype=np.int64)
    for f in book.fills:
        traded[f.bar, f.k] += f.quantity
        paid[f.bar] += f.quantity * f.price * int(multiplier[f.k]) + f.fee
    held = np.cumsum(traded, axis=0)
    before = np.vstack([np.zeros((1, k_all), dtype=np.int64), held[:-1]])
    income = (before * distributions).sum(axis=1)
    # Paying the full price for a future and holding it at its mark is the same money as variation.
    expected = cash + np.cumsum(income - paid) + (held * marks * multiplier).sum(axis=1)
    wrong = np.flatnonzero(expected != equity)
    if len(wrong):
        t = int(wrong[0])
        raise LedgerError(
            asked=f"reconcile bar {t}",
            found=f"recorded {equity[t]} sen, fills and prices give {expected[t]}",
            rule="cash + positions = account value on every bar, exactly",
            todo="this is a defect of the tool: please report the spec",
        )


@dataclass(frozen=True)
class RoundTrip:
    """A closed part of a position.

    Attributes
    ----------
    opened, closed : Fill
        The fills whose quantities are matched.
    quantity : int
        Signed as the position was.
    gross, fees : int
        Sen; `gross` is before fees.
    """

    opened: Fill
    closed: Fill
    quantity: int
    gross: int
    fees: int


def round_trips(fills: Sequence[Fill], instruments: Sequence[Instrument]) -> list[RoundTrip]:
    """Match fills first in, first out.

    Fees follow the matched quantity: each fill's fee is spent over its parts in order, the last part
    taking the rest, so that the fees of all round trips and open parts sum to the fees paid.
    """
    open_lots: list[deque[_Lot]] = [deque() for _ in instruments]
    closed: list[RoundTrip] = []
    for f in fills:
        left, fee_left, waiting = f.quantity, f.fee, open_lots[f.k]
        while left and waiting and (waiting[0].quantity > 0) != (left > 0):
            lot = waiting[0]
            part = min(abs(left), abs(lot.quantity))
            side = 1 if lot.quantity > 0 else -1
            fee_open, fee_close = lot.fee * part // abs(lot.quantity), fee_left * part // abs(left)
            gross = side * part * (f.price - lot.fill.price) * instruments[f.k].multiplier
            closed.append(RoundTrip(lot.fill, f, side * part, gross, fee_open + fee_close))
            lot.quantity -= side * part
            lot.fee -= fee_open
            left += side * part
            fee_left -= fee_close
            if lot.quantity == 0:
                waiting.popleft()
        if left:
            waiting.append(_Lot(f, left, fee_left))
    return closed


@dataclass
class _Lot:
    """What is still open of a fill: its quantity, and the part of its fee not yet matched."""

    fill: Fill
    quantity: int
    fee: int
