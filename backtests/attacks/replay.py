"""What a plain `backtrader.Strategy` held, as targets: it has none of its own, and an attack changes targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backtests.retrade import Ground
from strategies.base import Targets, no_orders

if TYPE_CHECKING:
    from backtests.engine import Execution


def replayed(execution: Execution, ground: Ground) -> tuple[Targets | None, str]:
    """Return targets in contracts that trade as a run did, or why there are none.

    Returns
    -------
    targets : Targets or None
        On the traded bars: after each order of the strategy what it then held.
    why : str
    """
    n, k = execution.quantity.shape
    parts = (no_orders(n, k), no_orders(n, k))
    held = [0] * k
    for fill in execution.book.fills:
        held[fill.k] += fill.quantity
        if not fill.why:
            parts[fill.at_close][fill.bar - 1, fill.k] = held[fill.k]
    targets = Targets(tuple(i.name for i in ground.instruments), *parts, unit="contracts")
    if np.array_equal(ground.trade(targets).equity, execution.equity):
        return targets, ""
    return None, "a backtrader.Strategy has no targets, and its fills repeated as orders do not give its account"
