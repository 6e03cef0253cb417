"""The bars of a run traded again with something changed: what trading costs, or what is wanted.

Targets that do not depend on fills go through compiled code (`backtests.fast`), what it cannot do through the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from backtests.fast.account import REJECTED
from backtests.fast.machine import Machine
from backtests.fast.tape import make_tape
from backtests.frames import account_returns
from backtests.trading.broker import Terms
from backtests.trading.execution import PER_WHOLE, PER_YEN
from backtests.trading.feeds import Feed
from backtests.trading.instruments import Instrument
from indexsim.bars import Bars
from strategies.base import Targets

if TYPE_CHECKING:
    from backtests.engine import Execution


@dataclass(frozen=True)
class Account:
    """What an account came to; n bars.

    Attributes
    ----------
    equity : ndarray of int64, shape (n,)
        Sen, after each bar.
    deposits : mapping of bar to int
        Sen paid in before a bar's open.
    costs : float
        Yen: fees, slippage, rolls, funding, borrowing.
    rejected : int
        Orders that were not filled, or in part only.
    """

    equity: np.ndarray
    deposits: Mapping[int, int]
    costs: float
    rejected: int


@dataclass(frozen=True)
class Ground:
    """What a run trades on.

    Attributes
    ----------
    feed : Feed
    instruments : tuple of Instrument
    bars : Bars
    terms : Terms
    """

    feed: Feed
    instruments: tuple[Instrument, ...]
    bars: Bars
    terms: Terms

    def costing(self, factor: int) -> Ground:
        """Return the same ground where everything that trading costs is multiplied: prices and sizes stay rules.

        Fees, slippage before it is rounded to the tick, dealer's spreads, impact, ticks of a roll, borrowing, and of
        the funding what long and short pay together: what one pays and the other receives is interest, no cost. At
        zero nothing is rounded to the tick either, since that is part of the slippage.
        """
        terms = replace(
            self.terms,
            slippage_rate=self.terms.slippage_rate * factor,
            slippage_ticks=self.terms.slippage_ticks * factor,
        )
        instruments = tuple(_costing(i, factor) for i in self.instruments)
        return Ground(_financed(self.feed, self.instruments, factor), instruments, self.bars, terms)

    @property
    def is_possible(self) -> bool:
        """Whether a sale still brings anything: slippage takes less than the price."""
        return self.terms.slippage_rate < PER_WHOLE

    @cached_property
    def _machine(self) -> Machine | None:
        if self.terms.volume_share or self.feed.impact.any():
            return None
        return Machine(make_tape(self.feed, self.instruments, self.bars), per_year=1.0)

    def trade(self, targets: Targets) -> Account:
        """Trade targets, a row for each bar."""
        from backtests.engine import deposits_of, execute

        if self._machine is not None:
            batch, account = self._machine.record(self.terms, targets)
            if not batch.beyond[0]:
                rejected, costs = int(account.totals[REJECTED]), float(batch.costs[0] / PER_YEN)
                return Account(batch.values[0].astype(np.int64), deposits_of(targets), costs, rejected)
        return account_of(execute(targets, self.feed, self.instruments, self.bars, self.terms))

    def returns(self, account: Account) -> pd.Series:
        """Return the session returns of an account, fractions, as `Result.returns` has them."""
        return account_returns(account.equity, account.deposits, self.bars, self.terms.cash)


def account_of(execution: Execution) -> Account:
    """Return what the engine recorded as an account."""
    costs = float(execution.book.costs(len(execution.equity)).sum() / PER_YEN)
    rejected = sum(order.status != "filled" for order in execution.orders)
    return Account(execution.equity, execution.deposits, costs, rejected)


def _costing(i: Instrument, factor: int) -> Instrument:
    names = ("fee_per_contract", "fee_rate", "half_spread", "roll_ticks", "borrow_rate")
    return replace(i, **{name: getattr(i, name) * factor for name in names})


def _financed(feed: Feed, instruments: Sequence[Instrument], factor: int) -> Feed:
    """Return the feed with other rates of holding, and another impact."""
    long, short = feed.long_rate, feed.short_rate
    funded = np.array([i.cash_settled for i in instruments])
    # Exact at a factor of one; elsewhere a half of 1e-6 a year falls.
    long_rate = np.where(funded, (long - short + factor * (long + short)) // 2, long * factor)
    short_rate = np.where(funded, (short - long + factor * (long + short)) // 2, short * factor)
    held = replace(feed, long_rate=long_rate, short_rate=short_rate, impact=feed.impact * factor)
    if factor:
        return held
    finest = np.ones_like(feed.open_tick)
    return replace(held, open_tick=finest, close_tick=finest)
