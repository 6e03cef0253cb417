"""Execute targets bar by bar in backtrader. The only file that knows Cerebro.

backtrader drives the clock, carries the orders and keeps a second set of books in floats; what happens
within a bar is decided by `backtests.trading.broker` on the integer book. The two sets of books are compared on
every bar, and `backtests.trading.audit` recomputes them from the fills afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import backtrader as bt
import numpy as np

from backtests.lookahead.guard import guarded
from backtests.trading.audit import audit
from backtests.trading.broker import CLOSE, OPEN, Broker, Order, OrderRecord, Terms, size
from backtests.trading.execution import PER_YEN
from backtests.trading.feeds import Feed
from backtests.trading.instruments import Instrument
from backtests.trading.ledger import Book, Fill
from indexsim.bars import Bars
from indexsim.errors import LedgerError
from strategies.base import Targets

#: Yen more in backtrader's cash than in the book: where a fill takes exactly all of it, a rounding
#: error of a float must not fire backtrader's own cash test.
HEADROOM = 1.0
#: When the kinds of order fill that need no more than an open and a close.
PHASE = {bt.Order.Market: OPEN, bt.Order.Close: CLOSE}


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
    deposits : mapping of bar to int
        Sen paid in before the open of a bar.
    """

    equity: np.ndarray
    quantity: np.ndarray
    book: Book
    orders: tuple[OrderRecord, ...]
    deposits: Mapping[int, int] = field(default_factory=dict)


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
    stage = _Stage(feed, instruments, bars, terms, _deposits(targets))
    return stage.run(wanted=_wanted(targets, terms.rebalance), unit=targets.unit)


def execute_plain(
    strategy: type[Any],
    params: Mapping[str, Any],
    series: Mapping[str, np.ndarray],
    feed: Feed,
    instruments: Sequence[Instrument],
    bars: Bars,
    terms: Terms,
) -> Execution:
    """Run a user's own `backtrader.Strategy`, which decides bar by bar and may look at its fills.

    Its datas are the instruments, then the series; no line of them can be read ahead (`guarded`). Market
    orders fill at the next open and `Order.Close` at the next close; every other kind is rejected, since
    nothing here knows what happened between an open and a close.

    Parameters
    ----------
    strategy : subclass of backtrader.Strategy
    params : mapping
        Its parameters by name.
    series : mapping of name to float array of shape (n_bars,)
        What is known at each bar's decision; NaN where nothing is.

    Raises
    ------
    LedgerError
        As `execute`.
    LookAheadError
        The strategy reads a bar to come, or one before the first.
    """
    stage = _Stage(feed, instruments, bars, terms, {})
    for name, values in series.items():
        stage.cerebro.adddata(guarded(_SeriesFeed(bars=bars, values=values)), name=name)
    stage.cerebro.addstrategy(strategy, **params)
    return stage.run(wanted={}, unit="contracts")


def is_plain(thing: type[Any]) -> bool:
    """Say whether a class is a `backtrader.Strategy`."""
    return issubclass(thing, bt.Strategy)


def plain_params(strategy: type[Any]) -> dict[str, Any]:
    """Return the parameters of a `backtrader.Strategy` with their defaults."""
    return dict(strategy.params._getpairs())


class _Stage:
    """A Cerebro with the instruments, the two books and the one who writes down what they are worth."""

    def __init__(
        self, feed: Feed, instruments: Sequence[Instrument], bars: Bars, terms: Terms, deposits: Mapping[int, int]
    ) -> None:
        # Every feed has every bar, so the first may lead the others (`oldsync`); preloading would let a
        # strategy read bars to come.
        self.cerebro = bt.Cerebro(stdstats=False, preload=False, runonce=False, oldsync=True)
        self.feed, self.deposits = feed, deposits
        self.books = _FloatBooks(checksubmit=False, coc=False, coo=False)
        self.cerebro.broker = self.books
        self.books.setcash(terms.cash / PER_YEN + HEADROOM)
        for k, i in enumerate(instruments):
            self.cerebro.adddata(guarded(_ArrayFeed(bars=bars, feed=feed, k=k)), name=i.name)
            terms_of = _Terms(mult=float(i.multiplier), stocklike=not i.cash_settled, lot=i.lot)
            self.books.addcommissioninfo(terms_of, name=i.name)
        self.broker = Broker(Book(instruments, terms.cash), feed, terms, self.books, deposits)
        self.books.prepare(self.broker, self.cerebro.datas)

    def run(self, wanted: Mapping[int, list[tuple[int, int, float]]], unit: str) -> Execution:
        """Let it happen; the follower orders what is wanted, and writes down every bar."""
        self.cerebro.addstrategy(_Follower, wanted=wanted, unit=unit, desk=self.broker)
        follower = self.cerebro.run()[-1]
        equity = np.array(follower.equity, dtype=np.int64)
        quantity = np.array(follower.quantity, dtype=np.int64).reshape(self.feed.mark.shape)
        book, deposits = self.broker.book, self.deposits
        audit(book.fills, book.instruments, self.broker.terms.cash, self.feed, equity, deposits)
        return Execution(equity, quantity, book, tuple(self.broker.records), deposits)


def _deposits(targets: Targets) -> dict[int, int]:
    """Return bar -> sen paid in before its open: row t of the targets acts on bar t + 1."""
    if targets.deposits is None:
        return {}
    sen = np.rint(targets.deposits[:-1] * PER_YEN).astype(np.int64)
    return {t + 1: int(sen[t]) for t in np.flatnonzero(sen).tolist()}


def _wanted(targets: Targets, rebalance: str) -> dict[int, list[tuple[int, int, float]]]:
    """Return row -> (phase, k, target) of what orders something: rule 2 does not depend on any fill."""
    rows = np.stack([targets.at_open, targets.at_close], axis=1)
    n, _, k_all = rows.shape
    found: dict[int, list[tuple[int, int, float]]] = {}
    for k in range(k_all):
        line = rows[:, :, k].ravel()
        at = np.flatnonzero(~np.isnan(line))
        values = line[at]
        if rebalance == "on-change":
            changed = values != np.concatenate(([0.0], values[:-1])) if len(values) else np.zeros(0, bool)
            at, values = at[changed], values[changed]
        for position, value in zip(at.tolist(), values.tolist(), strict=True):
            found.setdefault(position // 2, []).append((position % 2, k, value))
    found.pop(n - 1, None)  # no orders on the last bar
    return {t: sorted(row) for t, row in found.items()}


class _Terms(bt.CommInfoBase):  # type: ignore[misc]
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


class _Bars(bt.feed.DataBase):  # type: ignore[misc]
    """Bars straight from arrays, each delivered when it is over."""

    params: tuple[tuple[str, Any], ...] = (("bars", None),)

    def prices(self) -> tuple[np.ndarray, np.ndarray]:
        """Return opens and closes, shape (n_bars,)."""
        raise NotImplementedError

    def start(self) -> None:
        super().start()
        opened, close = self.prices()
        stamps = [bt.date2num(t) for t in self.p.bars.decided.astype("datetime64[us]").tolist()]
        columns = {"datetime": stamps, "open": opened.tolist(), "close": close.tolist()}
        columns |= {"high": np.maximum(opened, close).tolist(), "low": np.minimum(opened, close).tolist()}
        zeros = [0.0] * len(stamps)
        self._rows = zip(*(columns.get(name, zeros) for name in self.getlinealiases()), strict=True)

    def load(self) -> bool:
        """Deliver one bar. There is nothing to filter, resample or localise, which is what the base does here."""
        row = next(self._rows, None)
        if row is None:
            return False
        for line, value in zip(self.lines, row, strict=False):
            line.forward(value)
        return True

    def _tick_nullify(self) -> None:
        """Do nothing: a bar comes whole, and nobody reads its ticks."""

    def _tick_fill(self, force: bool = False) -> None:
        """Do nothing, as above."""


class _ArrayFeed(_Bars):
    """One instrument."""

    params = (("feed", None), ("k", 0))

    def prices(self) -> tuple[np.ndarray, np.ndarray]:
        feed, k = self.p.feed, self.p.k
        self.p.feed = None  # what is to come is no parameter that a strategy could read
        close = feed.mark[:, k] / PER_YEN
        return np.where(feed.open[:, k] > 0, feed.open[:, k] / PER_YEN, close), close


class _SeriesFeed(_Bars):
    """What is known of a series at each decision; it cannot be traded."""

    params = (("values", None),)

    def prices(self) -> tuple[np.ndarray, np.ndarray]:
        values, self.p.values = self.p.values, None
        return values, values


class _FloatBooks(bt.brokers.BackBroker):  # type: ignore[misc]
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
            raise _disagreement(fill.bar, "backtrader refused a fill the rules allow")

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


class _Follower(bt.Strategy):  # type: ignore[misc]
    """Turn each row of targets into orders for the next bar."""

    params = (("wanted", None), ("unit", "equity"), ("desk", None))

    def start(self) -> None:
        self.t = -1
        self.equity: list[int] = []
        self.quantity: list[int] = []
        self.marks = self.p.desk.feed.mark.T.tolist()

    def next(self) -> None:
        self.t += 1
        book: Book = self.p.desk.book
        equity = book.equity
        self._compare(equity)
        self.equity.append(equity)
        self.quantity.extend(book.quantity)
        if self.t in self.p.wanted:
            self._decide(book, equity)

    def _decide(self, book: Book, equity: int) -> None:
        expected, terms = list(book.quantity), self.p.desk.terms
        for phase, k, wanted in self.p.wanted[self.t]:
            position = size(book.instruments[k], wanted, self.p.unit, equity, self.marks[k][self.t], terms.reserve[k])
            if position is None:
                self._lose(k, phase, "no print yet to size it by")
                continue
            if position == 0 and wanted:
                self._lose(k, phase, "the target is less than one lot")
            if position != expected[k]:
                self._submit(k, phase, position - expected[k])
                expected[k] = position

    def _lose(self, k: int, phase: int, reason: str) -> None:
        """Keep a target that became no order."""
        self.p.desk.records.append(OrderRecord(self.t, k, phase == CLOSE, 0, "rejected", reason))

    def _submit(self, k: int, phase: int, quantity: int) -> None:
        submit = self.buy if quantity > 0 else self.sell
        kind = bt.Order.Market if phase == OPEN else bt.Order.Close
        submit(data=self.datas[k], size=abs(quantity), exectype=kind)

    def _clk_update(self) -> int:
        """Follow the only clock there is."""
        self.forward()
        return len(self)

    def _notify(self, qorders: Any = (), qtrades: Any = ()) -> None:
        """Tell nobody: there are no analyzers, and the broker keeps the orders."""

    def _compare(self, equity: int) -> None:
        theirs, ours = self.broker.get_value(), equity / PER_YEN
        if abs(theirs - ours) > max(1e-6, 1e-12 * abs(ours)):
            raise _disagreement(self.t, f"backtrader's value is {theirs!r}, the book's {ours!r}")


def _disagreement(t: int, found: str) -> LedgerError:
    return LedgerError(
        asked=f"keep two sets of books on bar {t}",
        found=found,
        rule="the integer book and backtrader agree within 1e-6 yen or 1e-12 of the equity",
        todo="this is a defect of the tool: please report the spec",
    )
