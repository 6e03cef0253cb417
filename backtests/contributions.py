"""The return of an account's owner, who pays in and takes out."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from backtests.metrics import UndefinedError, figure


def money_weighted(start: float, paid_in: ArrayLike, end: float, sessions_per_year: float) -> float:
    """Return the yearly rate at which start and payments grow to the end: the owner's own return.

    Parameters
    ----------
    start, end : float
        Account value before the first session and after the last, yen.
    paid_in : array of shape (n_sessions,)
        Yen paid in before each session's open; below zero taken out.

    Raises
    ------
    UndefinedError
        No rate between -99.99 % a session and +100 % a session does it, or one at which a yen grows to 1e250.

    Examples
    --------
    100 yen, and 100 more a year later, are 231 after two years: 10 % a year.

    >>> round(money_weighted(100.0, [0.0, 100.0], 231.0, 1), 12)
    0.1
    """
    flows = np.asarray(paid_in, dtype=np.float64)
    left = np.arange(len(flows), 0, -1, dtype=np.float64)

    def short(rate: float) -> float:
        return float(start * (1 + rate) ** len(flows) + (flows * (1 + rate) ** left).sum() - end)

    # What a yen grows to at the highest rate has to stay a number, also over thousands of sessions.
    low, high = -0.9999, min(1.0, 10.0 ** (250 / max(len(flows), 1)) - 1)
    if not len(flows) or not short(low) < 0 < short(high):
        raise UndefinedError("no one rate leads from what was paid in to the end")
    per_session = float(brentq(short, low, high, xtol=1e-14))
    return float((1 + per_session) ** sessions_per_year - 1)


def owners_return(equity: pd.DataFrame, column: str, sessions_per_year: float) -> dict[str, Any]:
    """Return what was paid in and the money-weighted return, where the account's owner paid anything in.

    Parameters
    ----------
    equity : DataFrame
        Of a result; without the column ``deposits`` there is nothing to say.
    """
    if "deposits" not in equity:
        return {}
    value, paid_in = equity[column], equity["deposits"].iloc[1:]
    rate = partial(money_weighted, float(value.iloc[0]), paid_in, float(value.iloc[-1]), sessions_per_year)
    return {"paid_in": float(paid_in.sum()), **figure("money_weighted", rate)}
