"""What a pair leaves unhedged: whole contracts and whole lots seldom make two legs equal."""

from __future__ import annotations

import numpy as np
import pandas as pd

from backtests.result import Result
from indexsim.market import MarketData
from strategies.split_pair import known_beta


def residuals(result: Result, market: MarketData, window: int = 250) -> pd.DataFrame:
    """Return what each trade of a run of `strategies.split_pair` held after its entry.

    Parameters
    ----------
    result : Result
    market : MarketData
        With n225 and topix: the one the run traded on.
    window : int
        Sessions of returns that the beta of the Nikkei on TOPIX is taken over.

    Returns
    -------
    DataFrame
        One row per trade, in order: ``opened`` and ``closed`` (sessions; NaT while it is open), ``nikkei`` and
        ``topix`` (signed notional in yen at the close it opened at), ``residual`` (their sum, yen), ``beta`` (of
        the Nikkei on TOPIX, known at that close; NaN without enough history), ``net_beta`` (beta of the account
        to TOPIX: beta x nikkei + topix over the equity).
    """
    params = result.facts["params"]
    legs = result.positions[[params["nikkei"], params["topix"]]].set_axis(["nikkei", "topix"], axis=1)
    held = (legs != 0).any(axis=1).to_numpy()
    before, after = np.append(False, held[:-1]), np.append(held[1:], False)
    opened, last = np.flatnonzero(held & ~before), np.flatnonzero(held & ~after)
    days = legs.index.append(pd.DatetimeIndex([pd.NaT]))
    bars = market.bars("daily")
    betas = pd.Series(known_beta(market, bars, window), pd.DatetimeIndex(bars.session))
    table = legs.iloc[opened].reset_index(drop=True)
    table.insert(0, "opened", days[opened])
    table.insert(1, "closed", days[last + 1])
    table["residual"] = table["nikkei"] + table["topix"]
    table["beta"] = betas.reindex(days[opened]).to_numpy()
    equity = result.equity["net"].reindex(days[opened]).to_numpy()
    table["net_beta"] = (table["beta"] * table["nikkei"] + table["topix"]) / equity
    return table
