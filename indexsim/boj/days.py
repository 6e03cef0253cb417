"""The days on which the Bank bought, and what the market had done by then.

The denominator of every frequency is the sessions from the first row of ``boj_etf_purchases`` to its
last one: a blank cell, or a session without a row, is a day on which the Bank did not buy.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from indexsim import sessions
from indexsim.errors import MissingData
from indexsim.market import MarketData

#: Yen in a unit of ``boj_etf_purchases``.
UNIT = 1e8
#: The Bank's discretionary purchases; the supportive ones are a fixed amount every business day (E1).
DISCRETIONARY, SUPPORTIVE = "index_etf", "supportive_etf"
#: Columns of `days` that hold a return known before the afternoon.
OVERNIGHT, MORNING, LUNCH = "overnight", "morning", "lunch"


def days(market: MarketData) -> pd.DataFrame:
    """Return purchases and returns by session.

    Returns
    -------
    DataFrame of shape (n_sessions, 6)
        ``yen`` (discretionary purchase; 0 where there was none), ``supportive`` (yen), ``bought``
        (bool), ``overnight`` (TOPIX open / close of the session before - 1), ``lunch`` (the same to the
        morning close of ``halves``) and ``morning`` (the approximate Nikkei return from the close before to
        noon), fractions; NaN where the market does not say.

    Raises
    ------
    MissingData
        There are no purchases, or no column of them.
    """
    table = purchases(market)
    index = pd.DatetimeIndex(table.index)
    returns = {OVERNIGHT: _overnight(market, index), LUNCH: _lunch(market, index), MORNING: _morning(market, index)}
    return table.assign(bought=table["yen"] > 0, **returns)


def purchases(market: MarketData) -> pd.DataFrame:
    """Return the purchases in yen by session: columns ``yen`` (discretionary) and ``supportive``.

    Raises
    ------
    MissingData
        There are no purchases, or no column of them.
    """
    market.require(["boj_etf_purchases"], "read the Bank's purchases")
    table = market.table("boj_etf_purchases")
    if DISCRETIONARY not in table or table.empty:
        raise MissingData(
            asked="read the Bank's purchases",
            found=f"columns {', '.join(map(str, table.columns))} and {len(table)} rows",
            rule=f"purchases stand in {DISCRETIONARY}, a row a day (data/README.md)",
            todo="add the column or the rows to boj_etf_purchases",
        )
    index = _sessions_of(table.index)
    columns = {"yen": DISCRETIONARY, "supportive": SUPPORTIVE}
    blank = pd.Series(np.nan, table.index)
    found = {name: table.get(column, blank).reindex(index).fillna(0.0) * UNIT for name, column in columns.items()}
    return pd.DataFrame(found, index=index)


def _sessions_of(dates: pd.Index) -> pd.DatetimeIndex:
    table = sessions.all_sessions()
    return pd.DatetimeIndex(table[(table >= dates[0]) & (table <= dates[-1])])


def _overnight(market: MarketData, index: pd.DatetimeIndex) -> pd.Series:
    if not market.has("topix") or "open" not in market.table("topix"):
        return pd.Series(np.nan, index)
    return _since_close(market, market.table("topix")["open"], index)


def _lunch(market: MarketData, index: pd.DatetimeIndex) -> pd.Series:
    if not market.has("topix") or not market.has("halves"):
        return pd.Series(np.nan, index)
    halves = market.table("halves")
    own = halves[halves["series"] == "topix"].set_index("date")
    return _since_close(market, own["morning_close"], index)


def _since_close(market: MarketData, prices: pd.Series, index: pd.DatetimeIndex) -> pd.Series:
    """Return price / close of the session before - 1, not of the row before: a missing row leaves two days unknown."""
    table = sessions.all_sessions()
    before = market.table("topix")["close"].reindex(table).shift(1)
    returns: pd.Series = (prices.reindex(table) / before - 1.0).reindex(index)
    return returns


def _morning(market: MarketData, index: pd.DatetimeIndex) -> pd.Series:
    if not market.has("n225_morning_approx"):
        return pd.Series(np.nan, index)
    table = market.table("n225_morning_approx")
    return table["am_ret_to_12h"].reindex(index) if "am_ret_to_12h" in table else pd.Series(np.nan, index)
