"""Execute targets bar by bar in backtrader. The only place that knows Cerebro.

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

from backtests.engine.books import HEADROOM, FloatBooks, TermsOf, disagreement
from backtests.engine.feeds import ArrayFeed, SeriesFeed
from backtests.lookahead.guard import guarded
from backtests.trading import reasons
from backtests.trading.audit import audit
from backtests.trading.broker import CLOSE, OPEN, Broker, OrderRecord, Terms
from backtests.trading.execution import PER_YEN, can_size, position
from backtests.trading.feeds import Feed
from backtests.trading.instruments import Instrument
from backtests.trading.ledger import Book
from indexsim.bars import Bars
from strategies.base import Targets


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
    stage = _Stage(feed, instruments, bars, terms, deposits_of(targets))
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
        stage.cerebro.adddata(guarded(SeriesFeed(bars=bars, values=values)), name=name)
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
        self.books = FloatBooks(checksubmit=False, coc=False, coo=False)
        self.cerebro.broker = self.books
        self.books.setcash(terms.cash / PER_YEN + HEADROOM)
        for k, i in enumerate(instruments):
            self.cerebro.adddata(guarded(ArrayFeed(bars=bars, feed=feed, k=k)), name=i.name)
            terms_of = TermsOf(mult=float(i.multiplier), stocklike=not i.cash_settled, lot=i.lot)
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


def deposits_of(targets: Targets) -> dict[int, int]:
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
        for instant, value in zip(at.tolist(), values.tolist(), strict=True):
            found.setdefault(instant // 2, []).append((instant % 2, k, value))
    found.pop(n - 1, None)  # no orders on the last bar
    return {t: sorted(row) for t, row in found.items()}


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
        expected, unit = list(book.quantity), Targets.UNITS.index(self.p.unit)
        for phase, k, wanted in self.p.wanted[self.t]:
            i, mark = book.instruments[k], self.marks[k][self.t]
            if not can_size(wanted, unit, mark):
                self._lose(k, phase, reasons.NO_PRICE)
                continue
            held = position(wanted, unit, equity, mark, i.multiplier, i.lot, self.p.desk.terms.reserve[k])
            if held == 0 and wanted:
                self._lose(k, phase, reasons.BELOW_A_LOT)
            if held != expected[k]:
                self._submit(k, phase, held - expected[k])
                expected[k] = held

    def _lose(self, k: int, phase: int, reason: int) -> None:
        """Keep a target that became no order."""
        self.p.desk.records.append(OrderRecord(self.t, k, phase == CLOSE, 0, "rejected", reasons.words(reason)))

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
            raise disagreement(self.t, f"backtrader's value is {theirs!r}, the book's {ours!r}")
