"""What the Bank holds: at cost, at market, and stock by stock through the funds.

A purchase of an index is so many units of it, which follow its level; the price is the close of the day
of the purchase. A fund holds the basket, so a stock's part of it is the stock's weight today: changes of the
basket are traded within the fund. Distributions are paid out, so no dividend is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from indexsim import floatcap
from indexsim.boj.days import purchases
from indexsim.boj.facts import JPX400, NIKKEI, TOPIX, allocation_on
from indexsim.errors import DataError, MissingData
from indexsim.market import MarketData
from indexsim.rebuild import can_rebuild, rebuild

SUPPORTIVE = "supportive"
#: What stands for the level of each part: there is no series of the last two, and TOPIX moves most like them.
LEVELS = {TOPIX: "topix", NIKKEI: "n225", JPX400: "topix", SUPPORTIVE: "topix"}


@dataclass(frozen=True)
class Book:
    """The Bank's funds on a day.

    Attributes
    ----------
    day : date
        The session at whose close they are valued.
    cost, value : mapping of part to float
        Yen paid and yen worth, by index and ``supportive``; without a level, NaN.
    missing : tuple of str
        What could not be valued, a sentence each.
    """

    day: date
    cost: dict[str, float]
    value: dict[str, float]
    missing: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class LookThrough:
    """The Bank's stocks, through the funds.

    Attributes
    ----------
    day : date or None
        The session of the closes; None where there are none.
    stocks : DataFrame of float64
        By code, largest first: ``nikkei``, ``topix`` and ``yen`` (their sum; NaN counts nothing), and
        ``share`` of the listed shares, a fraction (NaN where they are not known).
    unassigned : mapping of part to float
        Yen of the parts that no basket was there for.
    missing : tuple of str
    """

    day: date | None
    stocks: pd.DataFrame
    unassigned: dict[str, float]
    missing: tuple[str, ...]


def by_index(bought: pd.DataFrame) -> pd.DataFrame:
    """Spread purchases over the indexes by the allocation of their days (E2).

    Parameters
    ----------
    bought : DataFrame of shape (n_sessions, 2)
        As `indexsim.boj.days.purchases`.

    Returns
    -------
    DataFrame of shape (n_sessions, 4)
        Yen: ``topix``, ``nikkei``, ``jpx400``, ``supportive``.
    """
    rules = [allocation_on(day.date()).shares for day in bought.index]
    spread = {index: bought["yen"] * [shares[index] for shares in rules] for index in (TOPIX, NIKKEI, JPX400)}
    return pd.DataFrame(spread | {SUPPORTIVE: bought["supportive"]}, index=bought.index)


def book(market: MarketData, day: date | None = None) -> Book:
    """Return the Bank's funds at the last close on or before a day (None: the last one there is).

    Sales are not in the file of purchases and not taken off.

    Raises
    ------
    MissingData
        There are no purchases, or no session that funds could be valued on.
    """
    yen = by_index(purchases(market))
    last = _last_session(market, day)
    yen = yen.loc[:last]
    cost, value, said = {}, {}, []
    for part, series in LEVELS.items():
        cost[part] = float(yen[part].sum())
        value[part], note = _valued(market, yen[part], series, last)
        said += [f"{part}: {note}"] if note else []
    approximate = [part for part in (JPX400, SUPPORTIVE) if cost[part] and not np.isnan(value[part])]
    said += [f"{' and '.join(approximate)}: no series of their indexes, valued as TOPIX"] if approximate else []
    return Book(last.date(), cost, value, tuple(said))


def look_through(market: MarketData, day: date | None = None) -> LookThrough:
    """Return the Bank's stocks at the last close of the constituents on or before a day.

    Needs a market whose index can be rebuilt for the Nikkei part, and shares_ffw for the TOPIX part; what is
    missing is said, and its yen stand in `LookThrough.unassigned`.

    Raises
    ------
    MissingData
        There are no purchases, or none on or before the day can be valued.
    """
    if not market.has("closes"):
        found = book(market, day)
        said = (*found.missing, "closes, factors, divisors: missing, so that nothing is known by stock")
        return LookThrough(None, _stocks({}), _worth(found), said)
    closes = market.table("closes").index
    closes = closes if day is None else closes[closes <= pd.Timestamp(day)]
    if closes.empty:
        raise MissingData(
            asked="look through the Bank's funds",
            found="no closes on or before that day",
            rule="stocks are valued at a close",
            todo="ask for a later day",
        )
    session = closes[-1].date()
    found = book(market, session)
    parts, notes = _weights(market, session)
    worth = _worth(found)
    yen = {part: weights * worth.get(part, np.nan) for part, weights in parts.items()}
    stocks = _stocks(yen)
    stocks["share"] = stocks["yen"] / _listed_value(market, session).reindex(stocks.index)
    left = {part: value for part, value in worth.items() if part not in parts and value > 0}
    return LookThrough(session, stocks, left, (*found.missing, *notes))


def _last_session(market: MarketData, day: date | None) -> pd.Timestamp:
    have = [market.table(name).index for name in ("topix", "n225") if market.has(name)]
    last = [index[index <= pd.Timestamp(day)] if day else index for index in have]
    last = [index for index in last if len(index)]
    if not last:
        raise MissingData(
            asked="value the Bank's funds",
            found="no session of topix or n225" + (f" on or before {day}" if day else ""),
            rule="funds are worth what their index is",
            todo="add topix and n225, or ask for a later day",
        )
    return pd.Timestamp(max(index[-1] for index in last))


def _valued(market: MarketData, yen: pd.Series, series: str, last: pd.Timestamp) -> tuple[float, str]:
    """Return what purchases of one index are worth at the last close, and what is wrong with it."""
    yen = yen[yen > 0]
    if yen.empty:
        return 0.0, ""
    if not market.has(series):
        return float("nan"), f"no {series}, so {yen.sum() / 1e12:.2f} trillion yen at cost have no value"
    closes = market.table(series)["close"].dropna().loc[:last]
    then = closes.reindex(yen.index, method="ffill")
    lost = float(yen[then.isna()].sum())
    value = float((yen / then).sum() * closes.iloc[-1]) if len(closes) else float("nan")
    return value, f"{lost / 1e12:.2f} trillion yen bought before the first {series} are left out" if lost else ""


def _weights(market: MarketData, session: date) -> tuple[dict[str, pd.Series], list[str]]:
    found: dict[str, pd.Series] = {}
    said = []
    if can_rebuild(market):
        found[NIKKEI] = rebuild(market, session).index.weights(session)
    else:
        said.append("factors, divisors: missing, so that the Nikkei part is not known by stock")
    if lacking := [name for name in ("shares_ffw", "topix") if not market.has(name)]:
        said.append(f"{', '.join(lacking)}: missing, so that the TOPIX part is not known by stock")
    else:
        try:
            found[TOPIX] = floatcap.rebuild(market).weights(session)
            said.append(f"the TOPIX part is spread over the {len(found[TOPIX])} names that have shares_ffw and closes")
        except (MissingData, DataError) as error:
            said.append(f"the TOPIX part is not known by stock: {error.found}")
    said.append("the JPX-Nikkei 400 and supportive parts are not known by stock: no file has their baskets")
    return found, said


def _listed_value(market: MarketData, session: date) -> pd.Series:
    """Return shares x close by code, yen; empty without shares."""
    if not market.has("shares_ffw"):
        return pd.Series(dtype="float64")
    rows = market.table("shares_ffw")
    rows = rows[rows["date"] <= pd.Timestamp(session)].sort_values("date", kind="stable").groupby("code").last()
    value: pd.Series = rows["shares"] * market.table("closes").loc[pd.Timestamp(session)].reindex(rows.index)
    return value


def _stocks(yen: dict[str, pd.Series]) -> pd.DataFrame:
    codes = sorted({str(code) for part in yen.values() for code in part.index})
    empty = pd.Series(dtype="float64")
    frame = pd.DataFrame({part: yen.get(part, empty).reindex(codes) for part in (NIKKEI, TOPIX)}, index=codes)
    frame = frame.rename_axis("code").astype("float64")
    frame["yen"] = frame.sum(axis=1)
    frame["share"] = np.nan
    return frame.sort_values("yen", ascending=False, kind="stable")


def _worth(found: Book) -> dict[str, float]:
    return {part: value for part, value in found.value.items() if not np.isnan(value)}
