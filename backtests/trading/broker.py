"""What happens to an account within a bar: the order of rule 4, on the integer book.

`backtests.engine` says when and brings the orders; prices and terms come from `backtests.trading.feeds`, the
arithmetic from `backtests.trading.execution`. Whoever keeps a second set of books is told of every movement
(`Witness`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from backtests.trading import execution, reasons
from backtests.trading.feeds import Feed
from backtests.trading.ledger import MARGIN_CALL, ROLL, SETTLEMENT, Book, Fill

OPEN, CLOSE = 0, 1


@dataclass(frozen=True)
class Terms:
    """What the spec says about money and fills.

    Attributes
    ----------
    cash : int
        Starting cash in sen.
    reserve : tuple of float
        Part of the equity kept back when sizing, per instrument.
    slippage_rate : int
        In 0.01 bp.
    slippage_ticks : int
    rebalance : {"on-change", "every-bar"}
        Whether an unchanged target orders the drift away.
    volume_share : float
        Largest part of a bar's volume that an order takes; 0 = no bound.
    """

    cash: int
    reserve: tuple[float, ...]
    slippage_rate: int
    slippage_ticks: int
    rebalance: str = "on-change"
    volume_share: float = 0.0


@dataclass
class Order:
    """An order waiting for the next bar: decided after bar `bar`; `ticket` is the caller's own."""

    bar: int
    k: int
    phase: int
    quantity: int
    ticket: Any = None


@dataclass(frozen=True)
class OrderRecord:
    """One order: decided after bar `bar`; "filled" on the next one, "partly" or "rejected" with a reason.

    A quantity of zero is a target that became no order: no price to size it by, or less than one lot.
    """

    bar: int
    k: int
    at_close: bool
    quantity: int
    status: str
    reason: str


class Witness(Protocol):
    """A second set of books."""

    def paid(self, sen: int) -> None:
        """Cash moved that is no trade."""

    def marked(self, k: int, price: int) -> None:
        """An instrument is worth another price."""

    def split(self, k: int, quantity: int) -> None:
        """A position was restated."""

    def filled(self, fill: Fill, order: Order | None) -> None:
        """Something was bought or sold, with an order or without."""

    def refused(self, order: Order) -> None:
        """An order was rejected."""


class Broker:
    """Fills, rejections and payments of one account.

    Parameters
    ----------
    book : Book
    feed : Feed
    terms : Terms
    witness : Witness
    deposits : mapping of bar to int, optional
        Sen paid in by the account's owner before the open of a bar; below zero taken out.
    """

    def __init__(
        self, book: Book, feed: Feed, terms: Terms, witness: Witness, deposits: Mapping[int, int] | None = None
    ) -> None:
        self.book, self.feed, self.terms, self.witness = book, feed, terms, witness
        self._deposits = deposits or {}
        self.records: list[OrderRecord] = []
        self.called = False
        # Plain lists, one an instrument: indexing an array cell by cell costs more than the rest of the loop.
        self._prices = (feed.open.T.tolist(), feed.close.T.tolist())
        self._ticks = (feed.open_tick.T.tolist(), feed.close_tick.T.tolist())
        self._days, self._cash_rate = feed.days.tolist(), feed.cash_rate.tolist()
        self._initial, self._maintenance = feed.initial.T.tolist(), feed.maintenance.T.tolist()
        self._before_open, self._after_close = (frozenset(bars.tolist()) for bars in busy(feed))
        self._splits: dict[int, list[tuple[int, int, int]]] = {}
        for (t, k), (new, old) in sorted(feed.splits.items()):
            self._splits.setdefault(t, []).append((k, new, old))

    def bar(self, t: int, orders: Sequence[Order]) -> None:
        """Let bar `t` happen; every order is filled or rejected."""
        if t in self._before_open:
            self._finance(t)
            self._distribute(t)
            self._restate(t, orders)
            self._settle(t)
        self._pay(t, -1, "deposit", self._deposits.get(t, 0))
        self._mark(t, OPEN)
        fallen = self._close_out(t) if self.called else {}
        for order in orders:
            if order.phase not in (OPEN, CLOSE) or order.k < 0:
                self._trade(t, order, {})
        orders = [o for o in orders if o.phase in (OPEN, CLOSE) and o.k >= 0]
        for phase in (OPEN, CLOSE):
            if phase == CLOSE:
                self._mark(t, CLOSE)
            for order in sorted((o for o in orders if o.phase == phase), key=self._rank):
                if not self._trade(t, order, fallen):
                    fallen.setdefault(order.k, reasons.FELL_BEFORE)
        if t in self._after_close:
            self._roll(t)
        self.called = self._is_called(t)

    def _finance(self, t: int) -> None:
        """Pay interest on cash, and funding and borrowing on what was held since the bar before."""
        feed, book, days = self.feed, self.book, self._days[t]
        earned = execution.financing(max(book.cash, 0), self._cash_rate[t], days)
        for k, quantity in enumerate(book.quantity):
            if quantity and days:
                i, rate = book.instruments[k], int((feed.long_rate if quantity > 0 else feed.short_rate)[t, k])
                owed = execution.financing(abs(quantity) * book.marks[k] * i.multiplier, rate, days)
                self._pay(t, k, "funding" if i.cash_settled else "borrowing", -owed)
        self._pay(t, -1, "interest", earned)

    def _distribute(self, t: int) -> None:
        for k, per_share in enumerate(self.feed.distribution[t].tolist()):
            self._pay(t, k, "distribution", self.book.quantity[k] * per_share)

    def _pay(self, t: int, k: int, kind: str, sen: int) -> None:
        if sen:
            self.book.move(t, k, kind, sen, at_close=False)
            self.witness.paid(sen)

    def _restate(self, t: int, orders: Iterable[Order]) -> None:
        """Split positions and the orders waiting for them."""
        for k, new, old in self._splits.get(t, ()):
            before, lot = self.book.quantity[k], self.book.instruments[k].lot
            fraction = self.book.split(t, k, new, old)
            self.witness.split(k, self.book.quantity[k])
            self.witness.paid(fraction)
            for order in orders:
                if order.k == k:
                    after = self.book.quantity[k]
                    order.quantity = execution.split_order(order.quantity, new, old, lot, before, after)

    def _settle(self, t: int) -> None:
        """End contracts that expire at this open."""
        for k, price in enumerate(self.feed.settle[t].tolist()):
            if price and self.book.quantity[k]:
                self._mark_one(t, k, price, OPEN)
                self._fill(t, k, OPEN, -self.book.quantity[k], price, price, SETTLEMENT)

    def _roll(self, t: int) -> None:
        """Close the contract held and open the next one, at their two closes: the gap is no gain or loss."""
        for k, other in enumerate(self.feed.roll[t].tolist()):
            held, close = self.book.quantity[k], self._prices[CLOSE][k][t]
            if not other:
                continue
            if held:
                cost, tick = self.book.instruments[k].roll_ticks, self._ticks[CLOSE][k][t]
                for quantity, reference in ((-held, close), (held, other)):
                    self._mark_one(t, k, reference, CLOSE)
                    price = execution.fill_price(reference, quantity, 0, cost, tick)
                    self._fill(t, k, CLOSE, quantity, reference, price, ROLL)

    def _is_called(self, t: int) -> bool:
        """Say whether the account is below its maintenance margin."""
        book = self.book
        return any(book.quantity) and book.bound(_on(t, self._maintenance), shorts_only=True) > book.equity

    def _close_out(self, t: int) -> dict[int, int]:
        """Close everything that binds margin at the open; what does not print waits for the next one."""
        book, fallen = self.book, dict[int, int]()
        for k, i in enumerate(book.instruments):
            held, reference = book.quantity[k], self._prices[OPEN][k][t]
            if not held or (held > 0 and not i.cash_settled):
                continue
            fallen[k] = reasons.CALLED
            if reference > 0:
                price = self._moved(t, k, OPEN, -held, reference)
                self._fill(t, k, OPEN, -held, reference, price, MARGIN_CALL)
        return fallen

    def _mark(self, t: int, phase: int) -> None:
        """Value everything at one instant; what does not print keeps its mark."""
        for k, prices in enumerate(self._prices[phase]):
            if prices[t] > 0:
                self._mark_one(t, k, prices[t], phase)

    def _mark_one(self, t: int, k: int, price: int, phase: int) -> None:
        self.book.mark(t, k, price, phase == CLOSE)
        self.witness.marked(k, price)

    def _rank(self, order: Order) -> tuple[bool, int]:
        return (not execution.reduces(self.book.quantity[order.k], order.quantity), order.k)

    def _trade(self, t: int, order: Order, fallen: Mapping[int, int]) -> bool:
        """Fill an order or reject it, and write down which."""
        asked = order.quantity
        reason = fallen.get(order.k) or self._impossible(t, order)
        if not reason:
            order.quantity = self._in_volume(t, order)
            reason = self._beyond(t, order) if order.quantity else reasons.NO_VOLUME
        if reason:
            order.quantity = asked
            self.witness.refused(order)
        part = f"volume_share leaves {order.quantity} of {asked}" if order.quantity != asked else ""
        status = "rejected" if reason else "partly" if part else "filled"
        at_close = order.phase == CLOSE
        instrument = self.book.instruments[order.k] if order.k >= 0 else None
        words = reasons.words(reason, instrument) or part
        self.records.append(OrderRecord(order.bar, order.k, at_close, asked, status, words))
        return not reason

    def _impossible(self, t: int, order: Order) -> int:
        """Return why an order cannot trade at all, or `reasons.NONE`."""
        if order.phase not in (OPEN, CLOSE):
            return reasons.KIND
        if order.k < 0:
            return reasons.SERIES
        i = self.book.instruments[order.k]
        if order.quantity % i.lot and (self.book.quantity[order.k] + order.quantity) % i.lot:
            return reasons.ODD_LOT
        if self._prices[order.phase][order.k][t] <= 0:
            return reasons.NO_CLOSE if order.phase == CLOSE else reasons.NO_OPEN
        if i.most and abs(order.quantity) > i.most:
            return reasons.OVERSIZED
        return reasons.NONE if order.quantity else reasons.SPLIT_AWAY

    def _in_volume(self, t: int, order: Order) -> int:
        share, k = self.terms.volume_share, order.k
        if not share:
            return order.quantity
        volume = int(self.feed.volume[t, k])
        return execution.within_volume(order.quantity, volume, share, self.book.instruments[k].lot)

    def _beyond(self, t: int, order: Order) -> int:
        """Fill an order, unless it breaks a price limit or the margin: then return which."""
        k, quantity, book = order.k, order.quantity, self.book
        reference = self._prices[order.phase][k][t]
        price = self._moved(t, k, order.phase, quantity, reference)
        lowest, highest = int(self.feed.lower[t, k]), int(self.feed.upper[t, k])
        if price < lowest or (highest and price > highest):
            return reasons.LIMIT
        if not execution.reduces(book.quantity[k], quantity):
            fee = self._fee(k, quantity, price)
            bound = book.bound_after(k, quantity, price, _on(t, self._initial))
            if execution.rejected(bound, fee, self._equity_at(k, price)):
                return reasons.NO_ROOM
        self._fill(t, k, order.phase, quantity, reference, price, "", order)
        return reasons.NONE

    def _moved(self, t: int, k: int, phase: int, quantity: int, reference: int) -> int:
        """Return the price of a fill after slippage, impact and spread."""
        terms, i = self.terms, self.book.instruments[k]
        impact = float(self.feed.impact[t, k])
        rate = terms.slippage_rate + (round(impact * math.sqrt(abs(quantity))) if impact else 0)
        tick = self._ticks[phase][k][t]
        return execution.fill_price(reference, quantity, rate, terms.slippage_ticks, tick, i.half_spread)

    def _fee(self, k: int, quantity: int, price: int) -> int:
        i = self.book.instruments[k]
        return execution.fee(quantity, price, i.multiplier, i.fee_per_contract, i.fee_rate)

    def _fill(
        self,
        t: int,
        k: int,
        phase: int,
        quantity: int,
        reference: int,
        price: int,
        why: str,
        order: Order | None = None,
    ) -> None:
        slippage = (price - reference) * quantity * self.book.instruments[k].multiplier
        fee = self._fee(k, quantity, price)
        fill = Fill(t, k, phase == CLOSE, quantity, reference, price, fee, slippage, why)
        self.book.fill(fill)
        self.witness.filled(fill, order)

    def _equity_at(self, k: int, price: int) -> int:
        """Account value with instrument k valued at a fill price."""
        i = self.book.instruments[k]
        return self.book.equity + self.book.quantity[k] * (price - self.book.marks[k]) * i.multiplier


def _on(t: int, columns: Sequence[Sequence[int]]) -> list[int]:
    return [column[t] for column in columns]


def busy(feed: Feed) -> tuple[np.ndarray, np.ndarray]:
    """Return the bars on which something happens before the open, and those after whose close a contract is rolled."""
    early = feed.distribution.any(axis=1) | feed.settle.any(axis=1)
    rates = feed.long_rate.any(axis=1) | feed.short_rate.any(axis=1) | (feed.cash_rate != 0)
    early |= rates & (feed.days > 0)
    before = np.unique(np.append(np.flatnonzero(early), np.array([t for t, _ in feed.splits], dtype=np.int64)))
    return before, np.flatnonzero(feed.roll.any(axis=1))
