"""A feed laid out for compiled code: a few arrays of integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from backtests.trading.broker import busy
from backtests.trading.feeds import Feed
from backtests.trading.instruments import Instrument
from indexsim.bars import Bars
from indexsim.errors import SpecError

#: Rows of `Tape.prices`, in the order of these fields of a `Feed`.
_FIELDS = (
    "open", "close", "mark", "open_tick", "close_tick", "distribution", "initial", "maintenance",
    "settle", "roll", "lower", "upper", "long_rate", "short_rate",
)  # fmt: skip
(
    OPEN_PRICE,
    CLOSE_PRICE,
    MARK,
    OPEN_TICK,
    CLOSE_TICK,
    DISTRIBUTION,
    INITIAL,
    MAINTENANCE,
    SETTLE,
    ROLL,
    LOWER,
    UPPER,
    LONG_RATE,
    SHORT_RATE,
) = range(len(_FIELDS))

#: Rows of `Tape.terms`, in the order of these fields of an `Instrument`.
_TERMS = (
    "multiplier", "lot", "fee_per_contract", "fee_rate", "half_spread", "most", "roll_ticks", "cash_settled",
)  # fmt: skip
MULTIPLIER, LOT, FEE_PER_CONTRACT, FEE_RATE, HALF_SPREAD, MOST, ROLL_TICKS, CASH_SETTLED = range(len(_TERMS))
#: Rows after them: whether a long, or a short position ever pays or receives for being held.
LONG_PAYS, SHORT_PAYS = len(_TERMS), len(_TERMS) + 1

#: Rows of `Tape.calendar`.
DAYS, CASH_RATE, EARLY, LATE, DUE, CASH_PAYS = range(6)


class Tape(NamedTuple):
    """What `backtests.trading.feeds.Feed` says, n bars, k instruments.

    Attributes
    ----------
    prices : ndarray of int64, shape (fields, k, n)
        By `OPEN_PRICE` and the constants after it.
    terms : ndarray of int64, shape (terms, k)
        By `MULTIPLIER` and the constants after it.
    calendar : ndarray of int64, shape (6, n)
        Days since the bar before, interest on cash; whether something happens before the open, and after the close;
        the next bar, itself included, on which something but interest happens (n where there is none); whether cash
        ever earns interest.
    splits : ndarray of int64, shape (splits, 4)
        Bar, instrument, new and old shares, ascending.
    ends : ndarray of int64, shape (sessions,)
        The last bar of each session.
    """

    prices: np.ndarray
    terms: np.ndarray
    calendar: np.ndarray
    splits: np.ndarray
    ends: np.ndarray


def make_tape(feed: Feed, instruments: Sequence[Instrument], bars: Bars) -> Tape:
    """Return a feed as compiled code reads it.

    Raises
    ------
    SpecError
        For a feed with market impact: what depends on the size of an order within a bar is the engine's alone.
    """
    if feed.impact.any():
        raise SpecError(
            asked="trade on the compiled path",
            found="market impact",
            rule="impact and volume_share are the engine's alone",
            todo="leave impact at 0, or let the engine run each trial",
        )
    n = len(feed.mark)
    prices = np.ascontiguousarray([getattr(feed, name).T for name in _FIELDS], dtype=np.int64)
    terms = np.array([[int(getattr(i, name)) for i in instruments] for name in _TERMS], dtype=np.int64)
    pays = [getattr(feed, name).any(axis=0).astype(np.int64) for name in ("long_rate", "short_rate")]
    calendar = np.zeros((6, n), dtype=np.int64)
    calendar[DAYS], calendar[CASH_RATE] = feed.days, feed.cash_rate
    for row, at in zip((EARLY, LATE), busy(feed), strict=True):
        calendar[row, at] = 1
    calendar[CASH_PAYS] = feed.cash_rate.any()
    split = [t for t, _ in feed.splits]
    moved = feed.distribution.any(axis=1) | feed.settle.any(axis=1) | feed.roll.any(axis=1)
    happens = np.union1d(np.flatnonzero(moved), np.array(split, dtype=np.int64))
    calendar[DUE] = np.append(happens, n)[np.searchsorted(happens, np.arange(n))]
    splits = np.array([(t, k, new, old) for (t, k), (new, old) in sorted(feed.splits.items())], dtype=np.int64)
    ends = np.flatnonzero(bars.last_of_session)
    return Tape(prices, np.vstack([terms, *pays]), calendar, splits.reshape(-1, 4), ends)
