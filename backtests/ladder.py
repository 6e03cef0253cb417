"""The cost ladder: a run traded again at none, once, twice and three times what trading costs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from backtests import metrics
from backtests.retrade import Account, Ground
from indexsim.errors import LedgerError

#: Multiples of every cost.
FACTORS = (0, 1, 2, 3)

#: How the sizes of an account react, by the unit of its targets.
SIZES = {
    "equity": "Targets are shares of the account, so that a cheaper account trades larger and a dearer one smaller.",
    "notional": "Targets are yen, so that sizes do not follow the account; what it cannot pay is rejected.",
    "contracts": "Targets are quantities, so that sizes do not follow the account; what it cannot pay is rejected.",
}
#: The same of a strategy that decides bar by bar.
DECIDES_AGAIN = "The strategy decides again at every factor, and may order otherwise where it looks at its account."


def ladder(
    ground: Ground, trade: Callable[[Ground], Account], ran: np.ndarray, sessions_per_year: float
) -> list[dict[str, Any]]:
    """Trade a run at each of `FACTORS` and return a row for each.

    Parameters
    ----------
    ground : Ground
        As the run had it.
    trade : callable
        What the run does on a ground.
    ran : ndarray of int64, shape (n_bars,)
        The run's own account value after each bar, sen.
    sessions_per_year : float

    Returns
    -------
    list of dict
        ``factor``, ``total_return``, ``cagr``, ``sharpe``, ``max_drawdown`` (net, fractions), ``costs`` (yen),
        ``rejected`` (orders); an undefined figure is None with its ``<name>_why``, a factor that cannot be traded
        has None and a ``why``.

    Raises
    ------
    LedgerError
        At a factor of one the account is not the run's own, to the sen.
    """
    return [_rung(ground.costing(factor), factor, trade, ran, sessions_per_year) for factor in FACTORS]


def _rung(
    ground: Ground, factor: int, trade: Callable[[Ground], Account], ran: np.ndarray, per_year: float
) -> dict[str, Any]:
    if not ground.is_possible:
        names = ("total_return", "cagr", "sharpe", "max_drawdown", "costs", "rejected")
        return {"factor": factor, **dict.fromkeys(names), "why": "slippage would take the whole price"}
    account = trade(ground)
    if factor == 1:
        _refuse_difference(account.equity, ran)
    values = ground.returns(account).to_numpy()
    plain = {one.__name__: partial(one, values) for one in (metrics.total_return, metrics.max_drawdown)}
    yearly = {one.__name__: partial(one, values, per_year) for one in (metrics.cagr, metrics.sharpe)}
    row: dict[str, Any] = {"factor": factor}
    for name in ("total_return", "cagr", "sharpe", "max_drawdown"):
        row |= metrics.figure(name, (plain | yearly)[name])
    return row | {"costs": account.costs, "rejected": account.rejected}


def _refuse_difference(equity: np.ndarray, ran: np.ndarray) -> None:
    bars = np.flatnonzero(equity != ran)
    if len(bars):
        t = int(bars[0])
        raise LedgerError(
            asked="trade the run again at its own costs",
            found=f"the account after bar {t} is {equity[t]} sen, in the run {ran[t]}",
            rule="the same costs give the same account",
            todo="report it with the spec: a defect of the tool",
        )
