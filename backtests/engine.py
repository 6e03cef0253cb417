"""Execute targets bar by bar in backtrader. The only file that knows Cerebro.

backtrader drives the clock, carries the orders and keeps a second set of books in floats; prices,
fees and rejections come from `backtests.execution`, the truth about money from `backtests.ledger`.
The two sets of books are compared on every bar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import backtrader as bt
import numpy as np

from backtests import execution
from backtests.execution import PER_YEN
from backtests.feeds import Feed
from backtests.instruments import Instrument
from backtests.ledger import Book, Fill, audit
from indexsim.bars import Bars
from indexsim.errors import LedgerError
from strategies.base import Targets

OPEN, CLOSE = 0, 1
#: Yen more in backtrader's cash than in the book: where a fill takes exactly all of it, a rounding
#: error of a float must not fire backtrader's own cash test.
HEADROOM = 1.0


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
    """

    cash: int
    reserve: tuple[float, ...]
    slippage_rate: int
    slippage_ticks: int
    rebalance: str = "on-change"


@dataclass(frozen=True)
class OrderRecord:
    """One order: decided after bar `bar`, filled on the next one or rejected with a reason.

    A quantity of zero is a target that became no order: no price to size it by, or less than one lot.
    """

    bar: int
    k: int
    at_close: bool
    quantity: int
    status: str
    reason: str


@dataclass(frozen=True)
class Execution:
    """What the engine recorded; n bars, k instruments.

    Attributes
    ----------
    equity : ndarray of int64, shape (n,)
        Account value after each close, in sen.
    quantity : ndarray of int64, shape (n, k)
        Position after each close.
    book : Book
        Fills and movements of cash.
    orders : tuple of OrderRecord
    """

    equity: np.ndarray
    quantity: np.ndarray
    book: Book
    orders: tuple[OrderRecord, ...]


def execute(targets: Targets, feed: Feed, instruments: Sequence[Instrument], bars: Bars, terms: Terms) -> Execution:
    """Run targets through backtrader.

    Parameters
    ----------
    targets : Targets
        Rows as many as bars.
    feed : Feed
        Prices on the same bars.
    instruments : sequence of Instrument
        In the order of the targets' columns.
    bars : Bars
    terms : Terms

    Raises
    ------
    LedgerError
        Where the books do not reconcile, to the sen, or backtrader's own differ by more than rounding.
    """
    # Every feed has every bar, so the first may lead the others (`oldsync`); preloading would let a
    # strategy read bars to come.
    cerebro = bt.Cerebro(stdstats=False, preload=False, runonce=False, oldsync=True)
    broker = _Broker(checksubmit=False, coc=False, coo=False)
    cerebro.broker = broker
    broker.setcash(terms.cash / PER_YEN + HEADROOM)
    for k, i in enumerate(instruments):
        cerebro.adddata(_ArrayFeed(bars=bars, feed=feed, k=k), name=i.name)
        broker.addcommissioninfo(_Terms(mult=float(i.multiplier), stocklike=not i.cash_settled), name=i.name)
    broker.prepare(Book(instruments, terms.cash), feed, terms, cerebro.datas)
    cerebro.addstrategy(_Follower, targets=targets, broker_=broker, feed=feed, terms=terms)
    follower = cerebro.run()[0]
    equity = np.array(follower.equity, dtype=np.int64)
    audit(broker.book, terms.cash, feed.mark, feed.distribution, equity)
    return Execution(equity, np.array(follower.quantity, dtype=np.int64), broker.book, tuple(broker.records))


class _Terms(bt.CommInfoBase):  # type: ignore[misc]
    """Futures bind nothing in backtrader's books and fees are booked by the broker: see rule 8."""

    params = (("stocklike", False), ("commtype", bt.CommInfoBase.COMM_FIXED))

    def get_margin(self, price: float) -> float:
        return 0.0

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
        return 0.0


class _ArrayFeed(bt.feed.DataBase):  # type: ignore[misc]
    """One instrument's bars, straight from the arrays."""

    params = (("bars", None), ("feed", None), ("k", 0))

    def start(self) -> None:
        super().start()
        bars, feed, k = self.p.bars, self.p.feed, self.p.k
        closes = feed.mark[:, k] / PER_YEN
        opens = np.where(feed.open[:, k] > 0, feed.open[:, k] / PER_YEN, closes)
        stamps = [bt.date2num(t) for t in bars.decided.astype("datetime64[us]").tolist()]
        self._rows = iter(zip(stamps, opens.tolist(), closes.tolist(), strict=True))

    def _load(self) -> bool:
        row = next(self._rows, None)
        if row is None:
            return False
        lines = self.lines
        lines.datetime[0], lines.open[0], lines.close[0] = row
        lines.high[0], lines.low[0] = max(row[1:]), min(row[1:])
        lines.volume[0] = lines.openinterest[0] = 0.0
        return True


class _Broker(bt.brokers.BackBroker):  # type: ignore[misc]
    """Fill in the order of rule 4, by `execution`, and keep the integer book."""

    def prepare(self, book: Book, feed: Feed, terms: Terms, datas: Sequence[Any]) -> None:
        self.book, self.terms, self.datas = book, terms, list(datas)
        # Plain lists: indexing an array cell by cell costs more than the rest of the loop.
        self.prices = (feed.open.tolist(), feed.close.tolist())
        self.ticks = (feed.open_tick.tolist(), feed.close_tick.tolist())
        self.distributions = feed.distribution.tolist()
        self.records: list[OrderRecord] = []
        self.bar = -1

    def next(self) -> None:
        self.bar += 1
        t = self.bar
        waiting = list(self.pending)
        self.pending.clear()
        self._distribute(t)
        fallen: set[int] = set()
        for phase in (OPEN, CLOSE):
            self._mark(self.prices[phase][t], phase == CLOSE)
            mine = [o for o in waiting if o.info["phase"] == phase]
            for order in sorted(mine, key=self._rank):
                self._settle(order, t, phase, fallen)
        self._get_value()

    def _distribute(self, t: int) -> None:
        for k, per_share in enumerate(self.distributions[t]):
            if per_share:
                self.cash += self.book.distribute(t, k, per_share) / PER_YEN

    def _mark(self, prices: list[int], at_close: bool) -> None:
        """Value everything at one instant; what does not print keeps its mark."""
        for k, price in enumerate(prices):
            if price > 0:
                self.book.mark(self.bar, k, price, at_close)
                self._vary(k, price)

    def _vary(self, k: int, price: int) -> None:
        """Pay the variation of a future in backtrader's books as well.

        backtrader itself does so once a bar, after its cash test: it would refuse to spend what a
        future gained since the last close.
        """
        data = self.datas[k]
        position = self.positions[data]
        if position.size:
            terms = self.getcommissioninfo(data)
            self.cash += terms.cashadjust(position.size, position.adjbase, price / PER_YEN)
            position.adjbase = price / PER_YEN

    def _rank(self, order: Any) -> tuple[bool, int]:
        k = order.info["k"]
        return (not execution.reduces(self.book.quantity[k], _quantity(order)), k)

    def _settle(self, order: Any, t: int, phase: int, fallen: set[int]) -> None:
        """Fill an order or reject it; `fallen` holds the instruments whose order of this row was rejected."""
        k, quantity = order.info["k"], _quantity(order)
        i, terms = self.book.instruments[k], self.terms
        reference, tick = self.prices[phase][t][k], self.ticks[phase][t][k]
        if k in fallen:
            return self._refuse(order, t, "the order before it on the same row was rejected", fallen)
        if reference <= 0:
            return self._refuse(order, t, f"no print at the {'open' if phase == OPEN else 'close'}", fallen)
        price = execution.fill_price(reference, quantity, terms.slippage_rate, terms.slippage_ticks, tick)
        fee = execution.fee(quantity, price, i.multiplier, i.fee_per_contract, i.fee_rate)
        if not execution.reduces(self.book.quantity[k], quantity):
            bound = self.book.used_after(k, quantity, price)
            if execution.rejected(bound, fee, self._equity_at(k, price)):
                return self._refuse(order, t, "margin or notional plus fee exceeds the equity", fallen)
        slippage = (price - reference) * quantity * i.multiplier
        self.book.fill(Fill(t, k, phase == CLOSE, quantity, reference, price, fee, slippage))
        self._fill_theirs(order, t, self.book.fills[-1])
        self._record(order, t, "filled", "")
        return None

    def _fill_theirs(self, order: Any, t: int, fill: Fill) -> None:
        """Book the same fill in backtrader's floats."""
        self.cash -= fill.fee / PER_YEN
        self._execute(order, ago=0, price=fill.price / PER_YEN)
        self._vary(fill.k, fill.reference)
        if order.status != order.Completed:
            raise _disagreement(t, "backtrader refused a fill the rules allow")

    def _equity_at(self, k: int, price: int) -> int:
        """Account value with instrument k valued at a fill price."""
        i = self.book.instruments[k]
        return self.book.equity + self.book.quantity[k] * (price - self.book.marks[k]) * i.multiplier

    def _refuse(self, order: Any, t: int, reason: str, fallen: set[int]) -> None:
        fallen.add(order.info["k"])
        order.reject()
        self.notify(order)
        self._record(order, t, "rejected", reason)

    def _record(self, order: Any, t: int, status: str, reason: str) -> None:
        at_close = order.info["phase"] == CLOSE
        self.records.append(OrderRecord(t - 1, order.info["k"], at_close, _quantity(order), status, reason))


def _quantity(order: Any) -> int:
    return int(order.created.size)


class _Follower(bt.Strategy):  # type: ignore[misc]
    """Turn each row of targets into orders for the next bar."""

    params = (("targets", None), ("broker_", None), ("feed", None), ("terms", None))

    def start(self) -> None:
        self.t = -1
        self.equity: list[int] = []
        self.quantity: list[list[int]] = []
        self.wanted = [0.0] * len(self.datas)
        targets: Targets = self.p.targets
        self.rows = (targets.at_open.tolist(), targets.at_close.tolist())
        self.marks = self.p.feed.mark.tolist()
        self.every_bar = self.p.terms.rebalance == "every-bar"

    def next(self) -> None:
        self.t += 1
        book: Book = self.p.broker_.book
        equity = book.equity
        self._compare(equity)
        self.equity.append(equity)
        self.quantity.append(list(book.quantity))
        if self.t + 1 < len(self.rows[OPEN]):
            self._decide(book, equity)

    def _decide(self, book: Book, equity: int) -> None:
        expected = list(book.quantity)
        for phase in (OPEN, CLOSE):
            for k, wanted in enumerate(self.rows[phase][self.t]):
                # NaN, the value that differs from itself, orders nothing.
                if wanted != wanted or (wanted == self.wanted[k] and not self.every_bar):
                    continue
                self.wanted[k] = wanted
                size = self._size(book.instruments[k], k, wanted, equity)
                if size is None:
                    self._lose(k, phase, "no print yet to size it by")
                    continue
                if size == 0 and wanted:
                    self._lose(k, phase, "the target is less than one lot")
                if size != expected[k]:
                    self._submit(k, phase, size - expected[k])
                    expected[k] = size

    def _lose(self, k: int, phase: int, reason: str) -> None:
        """Keep a target that became no order."""
        self.p.broker_.records.append(OrderRecord(self.t, k, phase == CLOSE, 0, "rejected", reason))

    def _submit(self, k: int, phase: int, quantity: int) -> None:
        submit = self.buy if quantity > 0 else self.sell
        kind = bt.Order.Market if phase == OPEN else bt.Order.Close
        submit(data=self.datas[k], size=abs(quantity), exectype=kind, k=k, phase=phase)

    def _size(self, i: Instrument, k: int, wanted: float, equity: int) -> int | None:
        """Return the position a target asks for; None where no price is there to say."""
        if self.p.targets.unit == "contracts":
            return int(wanted / i.lot) * i.lot
        mark = self.marks[self.t][k]
        if mark <= 0:
            return None if wanted else 0
        if self.p.targets.unit == "notional":
            sign = 1.0 if wanted > 0 else -1.0
            return execution.lots(sign, int(abs(wanted) * PER_YEN), mark, i.multiplier, i.lot, 0.0)
        return execution.lots(wanted, equity, mark, i.multiplier, i.lot, self.p.terms.reserve[k])

    def _compare(self, equity: int) -> None:
        theirs, ours = self.broker.get_value() - HEADROOM, equity / PER_YEN
        if abs(theirs - ours) > max(1e-6, 1e-12 * abs(ours)):
            raise _disagreement(self.t, f"backtrader's value is {theirs!r}, the book's {ours!r}")


def _disagreement(t: int, found: str) -> LedgerError:
    return LedgerError(
        asked=f"keep two sets of books on bar {t}",
        found=found,
        rule="the integer book and backtrader agree within 1e-6 yen or 1e-12 of the equity",
        todo="this is a defect of the tool: please report the spec",
    )
