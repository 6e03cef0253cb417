"""backtrader's own account, the witness of the integer book."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import backtrader as bt

from backtests.trading.broker import CLOSE, OPEN, Broker, Order
from backtests.trading.execution import PER_YEN
from backtests.trading.ledger import Fill
from indexsim.errors import LedgerError

#: Yen more in backtrader's cash than in the book: where a fill takes exactly all of it, a rounding
#: error of a float must not fire backtrader's own cash test.
HEADROOM = 1.0
#: When the kinds of order fill that need no more than an open and a close.
PHASE = {bt.Order.Market: OPEN, bt.Order.Close: CLOSE}


class TermsOf(bt.CommInfoBase):  # type: ignore[misc]
    """Futures bind nothing in backtrader's books and fees are booked by the broker: see rule 8."""

    params = (("stocklike", False), ("commtype", bt.CommInfoBase.COMM_FIXED), ("lot", 1))

    def getsize(self, price: float, cash: float) -> int:
        """Return the whole lots that some yen are worth at a price: what `order_target_percent` asks for."""
        lot: int = self.p.lot
        lots = int(abs(cash) // (price * self.p.mult * lot))
        return (lots if cash > 0 else -lots) * lot

    def get_margin(self, price: float) -> float:
        return 0.0

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
        return 0.0


class FloatBooks(bt.brokers.BackBroker):  # type: ignore[misc]
    """backtrader's own account, told by the broker what happened: the witness of the integer book."""

    def prepare(self, broker: Broker, datas: Sequence[Any]) -> None:
        self.desk, self.datas = broker, list(datas)
        self.multipliers = [float(i.multiplier) for i in broker.book.instruments]
        self.futures = [i.cash_settled for i in broker.book.instruments]
        self.bar = -1

    def next(self) -> None:
        self.bar += 1
        orders = [self._ours(o) for o in self.pending]
        self.pending.clear()
        self.desk.bar(self.bar, orders)

    def _ours(self, order: Any) -> Order:
        """Return an order of backtrader as the broker reads it."""
        k = next((k for k, data in enumerate(self.datas) if data is order.data), -1)
        phase = PHASE.get(order.exectype, -1)
        return Order(self.bar - 1, k, phase, int(order.created.size), order)

    def get_value(self, datas: Any = None, mkt: bool = False, lever: bool = False) -> float:
        """Return the account value, or with `datas` what these positions are worth: a future its notional."""
        if datas:
            return float(sum(self._notional(data) for data in datas))
        value = float(self.cash) - HEADROOM
        for data, future in zip(self.datas, self.futures, strict=True):
            if not future and (size := self.positions[data].size):
                value += size * data.close[0]
        return value

    getvalue = get_value

    def _notional(self, data: Any) -> float:
        k = next((k for k, known in enumerate(self.datas) if known is data), -1)
        return float(self.positions[data].size * data.close[0] * self.multipliers[k]) if k >= 0 else 0.0

    def getcash(self) -> float:
        """Return the cash there is."""
        return float(self.cash) - HEADROOM

    def paid(self, sen: int) -> None:
        """Book a payment."""
        self.cash += sen / PER_YEN

    def marked(self, k: int, price: int) -> None:
        """Pay the variation of a future.

        backtrader itself does so once a bar, after its cash test: it would refuse to spend what a
        future gained since the last close.
        """
        position = self.positions[self.datas[k]]
        if self.futures[k] and position.size:
            self.cash += position.size * (price / PER_YEN - position.adjbase) * self.multipliers[k]
        position.adjbase = price / PER_YEN

    def split(self, k: int, quantity: int) -> None:
        """Restate a position."""
        self.positions[self.datas[k]].size = quantity

    def filled(self, fill: Fill, order: Order | None) -> None:
        """Book a fill, through an order of backtrader."""
        theirs = order.ticket if order else self._order(fill)
        theirs.created.size = theirs.executed.remsize = fill.quantity
        self.cash -= fill.fee / PER_YEN
        # A roll goes through also where an account is below zero, so for its moment the cash is lent.
        lent = 0.0 if order else max(-self.cash, 0.0) + HEADROOM
        self.cash += lent
        self._execute(theirs, ago=0, price=fill.price / PER_YEN)
        self.cash -= lent
        self.marked(fill.k, fill.reference)
        if theirs.status != theirs.Completed:
            raise disagreement(fill.bar, "backtrader refused a fill the rules allow")

    def refused(self, order: Order) -> None:
        """Take an order out of backtrader."""
        order.ticket.reject()
        self.notify(order.ticket)

    def _order(self, fill: Fill) -> Any:
        """Make the order of a fill that nobody ordered."""
        submit = self.buy if fill.quantity > 0 else self.sell
        owner = self.cerebro.runningstrats[0]
        order = submit(owner, self.datas[fill.k], abs(fill.quantity), exectype=bt.Order.Market)
        self.pending.remove(order)
        return order


def disagreement(t: int, found: str) -> LedgerError:
    """Return the error for two sets of books that differ on a bar; `found` says how."""
    return LedgerError(
        asked=f"keep two sets of books on bar {t}",
        found=found,
        rule="the integer book and backtrader agree within 1e-6 yen or 1e-12 of the equity",
        todo="this is a defect of the tool: please report the spec",
    )
