"""Closed round trips, counted: first in, first out, as `backtests.trading.ledger.round_trips` matches them."""

from __future__ import annotations

from typing import Any

from backtests.fast.account import F_BAR, F_K, F_QUANTITY
from backtests.trading.execution import split_position
from indexsim.compiled import rarely


@rarely
def round_trips(tape: Any, fills: Any, heads: Any, tails: Any, left: Any, following: Any) -> int:
    """Return the number of closed round trips, first in, first out, as `backtests.trading.ledger.round_trips`.

    Parameters
    ----------
    fills : ndarray of int64, shape (n, 9)
    heads, tails : ndarray of int64, shape (k,)
    left, following : ndarray of int64, shape (n,)
        Used for what is still open of each fill, and for the fill after it on the same instrument.
    """
    heads[:] = -1
    closed = s = 0
    for f in range(len(fills)):
        while s < len(tape.splits) and tape.splits[s, 0] <= fills[f, F_BAR]:
            closed += split_lots(heads, tails, left, following, tape.splits[s])
            s += 1
        k, quantity = fills[f, F_K], fills[f, F_QUANTITY]
        while quantity and heads[k] >= 0 and (left[heads[k]] > 0) != (quantity > 0):
            lot = heads[k]
            part = min(abs(quantity), abs(left[lot]))
            part = part if quantity > 0 else -part
            left[lot] += part
            quantity -= part
            closed += 1
            if left[lot] == 0:
                heads[k] = following[lot]
        if quantity:
            left[f], following[f] = quantity, -1
            if heads[k] < 0:
                heads[k] = f
            else:
                following[tails[k]] = f
            tails[k] = f
    return closed


def split_lots(heads: Any, tails: Any, left: Any, following: Any, split: Any) -> int:
    """Restate what is open of an instrument; return how many lots lost their last whole share."""
    k, new, old = split[1], split[2], split[3]
    before = after = gone = 0
    lot, kept = heads[k], -1
    while lot >= 0:
        before += left[lot]
        reached, _ = split_position(before, new, old, 0)
        left[lot] = reached - after
        after = reached
        if left[lot] == 0:
            gone += 1
            if kept < 0:
                heads[k] = following[lot]
            else:
                following[kept] = following[lot]
        else:
            kept = lot
        lot = following[lot]
    if kept >= 0:
        tails[k] = kept
    return gone
