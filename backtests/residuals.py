"""What a pair leaves unhedged: whole contracts and whole lots seldom make two legs equal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from indexsim.market import MarketData
from strategies.split_pair import known_beta


def residuals(
    positions: pd.DataFrame, equity: pd.Series, legs: tuple[str, str], market: MarketData, window: int = 250
) -> pd.DataFrame:
    """Return what each trade of a pair held after its entry.

    Parameters
    ----------
    positions, equity
        ``Result.positions`` and ``Result.equity["net"]``.
    legs : (str, str)
        Instruments on the Nikkei and on TOPIX.
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
    pair = positions[[*legs]].set_axis(["nikkei", "topix"], axis=1)
    held = (pair != 0).any(axis=1).to_numpy()
    before, after = np.append(False, held[:-1]), np.append(held[1:], False)
    opened, last = np.flatnonzero(held & ~before), np.flatnonzero(held & ~after)
    days = pair.index.append(pd.DatetimeIndex([pd.NaT]))
    bars = market.bars("daily")
    betas = pd.Series(known_beta(market, bars, window), pd.DatetimeIndex(bars.session))
    table = pair.iloc[opened].reset_index(drop=True)
    table.insert(0, "opened", days[opened])
    table.insert(1, "closed", days[last + 1])
    table["residual"] = table["nikkei"] + table["topix"]
    table["beta"] = betas.reindex(days[opened]).to_numpy()
    at_entry = equity.reindex(days[opened]).to_numpy()
    table["net_beta"] = (table["beta"] * table["nikkei"] + table["topix"]) / at_entry
    return table


def as_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the residuals as plain JSON values; null where a trade is open or a beta unknown."""
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [
        {str(key): f"{value:%Y-%m-%d}" if isinstance(value, pd.Timestamp) else value for key, value in row.items()}
        for row in rows
    ]
