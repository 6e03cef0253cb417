"""The books of a run: every sen, every bar.

`Book` keeps cash, positions and marks in integers and writes down each movement of cash; `backtests.trading.audit`
recomputes the account value without it. `round_trips` matches fills first in, first out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backtests.trading.execution import split_position, used
from backtests.trading.instruments import Instrument

#: (bar, k) -> (new, old) shares.
Splits = Mapping[tuple[int, int], tuple[int, int]]

#: Why a fill happened that no order of the strategy asked for.
ROLL, SETTLEMENT, MARGIN_CALL, FRACTION = "roll", "settlement", "margin call", "fraction"


@dataclass(frozen=True)
class Entry:
    """One movement of cash.

    Attributes
    ----------
    bar : int
    k : int
        Position of the instrument in the run's list; -1 where none is meant.
    kind : str
        fee, variation, purchase, sale, distribution, funding, borrowing, interest, fraction (of a share, paid
        out after a split) or deposit.
    sen : int
    at_close : bool
    """

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
    why : str
        `ROLL`, `SETTLEMENT`, `MARGIN_CALL` or `FRACTION` (paid out after a split); "" for an order of the strategy.
    """

    bar: int
    k: int
    at_close: bool
    quantity: int
    reference: int
    price: int
    fee: int
    slippage: int
    why: str = ""


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
        self._paid_in_full = [(k, i.multiplier) for k, i in enumerate(self.instruments) if not i.cash_settled]

    @property
    def equity(self) -> int:
        """Account value in sen: cash plus what the funds are worth (futures are settled into cash)."""
        return self.cash + sum(self.quantity[k] * self.marks[k] * multiplier for k, multiplier in self._paid_in_full)

    def bound(self, rates: Sequence[int], shorts_only: bool = False) -> int:
        """Return what all positions bind at given rates (1e-6 of the notional), in sen.

        Parameters
        ----------
        shorts_only : bool
            Whether what is paid in full and owned binds nothing: it cannot be called for margin.
        """
        held = zip(self.instruments, self.quantity, self.marks, rates, strict=True)
        return sum(
            used(q, mark, i.multiplier, rate)
            for i, q, mark, rate in held
            if q and not (shorts_only and q > 0 and not i.cash_settled)
        )

    def bound_after(self, k: int, quantity: int, price: int, rates: Sequence[int]) -> int:
        """Return what all positions would bind, in sen, after a fill of `quantity` at `price`."""
        i = self.instruments[k]
        others = self.bound(rates) - used(self.quantity[k], self.marks[k], i.multiplier, rates[k])
        return others + used(self.quantity[k] + quantity, price, i.multiplier, rates[k])

    def mark(self, bar: int, k: int, price: int, at_close: bool = True) -> None:
        """Value a position at a price of the bar's open or close; a future pays the difference."""
        i = self.instruments[k]
        if self.quantity[k] and i.cash_settled:
            self.move(bar, k, "variation", self.quantity[k] * (price - self.marks[k]) * i.multiplier, at_close)
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
            self.move(fill.bar, k, "variation", slipped, fill.at_close)
        else:
            kind = "purchase" if fill.quantity > 0 else "sale"
            self.move(fill.bar, k, kind, -fill.quantity * fill.price * i.multiplier, fill.at_close)
        self.quantity[k] += fill.quantity
        self.move(fill.bar, k, "fee", -fill.fee, fill.at_close)
        self.fills.append(fill)

    def split(self, bar: int, k: int, new: int, old: int) -> int:
        """Restate a position and its mark after a split, `new` shares per `old`; return the sen paid for a fraction."""
        self.quantity[k], fraction = split_position(self.quantity[k], new, old, self.marks[k])
        self.marks[k] = self.marks[k] * old // new
        self.move(bar, k, "fraction", fraction, at_close=False)
        return fraction

    def costs(self, n_bars: int) -> np.ndarray:
        """Return what was paid on each bar, in sen: fees, slippage, funding, borrowing; shape (n_bars,)."""
        paid = np.zeros(n_bars, dtype=np.int64)
        for fill in self.fills:
            paid[fill.bar] += fill.fee + fill.slippage
        for entry in self.entries:
            if entry.kind in ("funding", "borrowing"):
                paid[entry.bar] -= entry.sen
        return paid

    def move(self, bar: int, k: int, kind: str, sen: int, at_close: bool) -> None:
        """Write down a movement of cash; none is no entry."""
        if sen:
            self.cash += sen
            self.entries.append(Entry(bar, k, kind, sen, at_close))


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


def round_trips(
    fills: Sequence[Fill], instruments: Sequence[Instrument], splits: Splits | None = None
) -> list[RoundTrip]:
    """Match fills first in, first out.

    Fees and costs follow the matched quantity: each fill's are spent over its parts in order, the last part
    taking the rest, so that those of all round trips and open parts sum to what was paid.

    Parameters
    ----------
    splits : mapping of (bar, k) to (new, old), optional
        Restate what is held before the bar's open; its cost stays.
    """
    waiting: list[deque[_Lot]] = [deque() for _ in instruments]
    coming = deque(sorted((splits or {}).items()))
    closed: list[RoundTrip] = []
    for f in fills:
        while coming and coming[0][0][0] <= f.bar:
            (bar, k), (new, old) = coming.popleft()
            closed += _restate(waiting[k], Fill(bar, k, False, 0, 0, 0, 0, 0, FRACTION), new, old)
        closed += _match(f, waiting[f.k], instruments[f.k].multiplier)
    return closed


def _match(f: Fill, waiting: deque[_Lot], multiplier: int) -> Iterator[RoundTrip]:
    """Close the oldest lots with a fill; what is left of it waits."""
    left, fee_left = f.quantity, f.fee
    while left and waiting and (waiting[0].quantity > 0) != (left > 0):
        lot = waiting[0]
        part = min(abs(left), abs(lot.quantity))
        side = 1 if lot.quantity > 0 else -1
        fee_open, fee_close = lot.fee * part // abs(lot.quantity), fee_left * part // abs(left)
        cost = lot.cost * part // abs(lot.quantity)
        gross = side * (part * f.price * multiplier - cost)
        yield RoundTrip(lot.fill, f, side * part, gross, fee_open + fee_close)
        lot.quantity -= side * part
        lot.fee -= fee_open
        lot.cost -= cost
        left += side * part
        fee_left -= fee_close
        if lot.quantity == 0:
            waiting.popleft()
    if left:
        waiting.append(_Lot(f, left, fee_left, abs(left) * f.price * multiplier))


def _restate(lots: deque[_Lot], split: Fill, new: int, old: int) -> Iterator[RoundTrip]:
    """Split lots: together they are the position after the split; one without a whole share was paid out.

    What was paid for the fractions is in the ledger under its own name: such a round trip has its cost alone.
    """
    before = after = 0
    for lot in list(lots):
        held = lot.quantity
        before += held
        reached, _ = split_position(before, new, old, 0)
        lot.quantity = reached - after
        after = reached
        if not lot.quantity:
            lots.remove(lot)
            yield RoundTrip(lot.fill, split, held, -lot.cost if held > 0 else lot.cost, lot.fee)


@dataclass(eq=False)
class _Lot:
    """What is still open of a fill: its quantity, and the part of its fee and cost not yet matched, in sen."""

    fill: Fill
    quantity: int
    fee: int
    cost: int
