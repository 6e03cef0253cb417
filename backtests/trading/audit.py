"""The account value of every bar, recomputed without the book: from fills, prices and terms alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from backtests.trading.execution import financing, split_position
from backtests.trading.feeds import Feed
from backtests.trading.instruments import Instrument
from backtests.trading.ledger import Fill
from indexsim.errors import LedgerError


def audit(
    fills: Sequence[Fill],
    instruments: Sequence[Instrument],
    cash: int,
    feed: Feed,
    equity: np.ndarray,
    deposits: Mapping[int, int] | None = None,
) -> None:
    """Hold the account value the engine recorded against one recomputed from fills, prices and terms.

    Parameters
    ----------
    fills : sequence of Fill
    instruments : sequence of Instrument
    cash : int
        Starting cash in sen.
    feed : Feed
    equity : ndarray of int64, shape (n_bars,)
        Account value the engine recorded, in sen.
    deposits : mapping of bar to int, optional
        Sen paid in before the open of a bar.

    Raises
    ------
    LedgerError
        Naming the first bar on which the two differ, if only by one sen.
    """
    multiplier = np.array([i.multiplier for i in instruments], dtype=np.int64)
    traded = np.zeros_like(feed.mark)
    paid = np.zeros(len(feed.mark), dtype=np.int64)
    for f in fills:
        traded[f.bar, f.k] += f.quantity
        paid[f.bar] += f.quantity * f.price * int(multiplier[f.k]) + f.fee
    held, fractions = _held(traded, feed)
    before = np.vstack([np.zeros_like(held[:1]), held[:-1]])
    income = (before * feed.distribution).sum(axis=1) + fractions
    for t, sen in (deposits or {}).items():
        income[t] += sen
    # Paying the full price for a future and holding it at its mark is the same money as variation.
    value = cash + np.cumsum(income - paid) + (held * feed.mark * multiplier).sum(axis=1)
    expected = value + _financed(feed, instruments, before, value)
    wrong = np.flatnonzero(expected != equity)
    if len(wrong):
        t = int(wrong[0])
        raise LedgerError(
            asked=f"reconcile bar {t}",
            found=f"recorded {equity[t]} sen, fills and prices give {expected[t]}",
            rule="cash + positions = account value on every bar, exactly",
            todo="this is a defect of the tool: please report the spec",
        )


def _held(traded: np.ndarray, feed: Feed) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions after each bar, and the sen paid for fractions of split shares by bar."""
    held, fractions = np.cumsum(traded, axis=0), np.zeros(len(traded), dtype=np.int64)
    for (t, k), (new, old) in sorted(feed.splits.items()):
        before = int(held[t - 1, k]) if t else 0
        if before:
            after, fraction = split_position(before, new, old, int(feed.mark[t - 1, k]))
            held[t:, k] += after - before
            fractions[t] += fraction
    return held, fractions


def _financed(
    feed: Feed,
    instruments: Sequence[Instrument],
    before: np.ndarray,
    value: np.ndarray,
) -> np.ndarray:
    """Return what funding, borrowing and interest have added up to by each bar, in sen."""
    by_bar = np.zeros(len(value), dtype=np.int64)
    rate = np.where(before > 0, feed.long_rate, feed.short_rate) * (before != 0) * (feed.days > 0)[:, None]
    for t, k in np.argwhere(rate).tolist():
        size = abs(int(before[t, k])) * int(feed.mark[t - 1, k]) * instruments[k].multiplier
        by_bar[t] -= financing(size, int(rate[t, k]), int(feed.days[t]))
    if not feed.cash_rate.any():
        return np.cumsum(by_bar)
    in_full = np.array([0 if i.cash_settled else i.multiplier for i in instruments], dtype=np.int64)
    stock = (before[1:] * feed.mark[:-1] * in_full).sum(axis=1)
    total = 0
    for t in range(1, len(value)):
        cash = int(value[t - 1]) + total - int(stock[t - 1])
        by_bar[t] += financing(max(cash, 0), int(feed.cash_rate[t]), int(feed.days[t]))
        total += int(by_bar[t])
    return np.cumsum(by_bar)
