"""From what the engine recorded to the frames of a result: integers to yen, bars to sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from backtests.benchmarks import with_start
from backtests.trading.execution import PER_YEN
from backtests.trading.feeds import Feed
from backtests.trading.instruments import Instrument
from backtests.trading.ledger import Entry, Fill, round_trips
from indexsim.bars import Bars

if TYPE_CHECKING:
    from backtests.engine import Execution


def make_frames(
    execution: Execution,
    feed: Feed,
    instruments: Sequence[Instrument],
    bars: Bars,
    cash: int,
    benchmarks: Mapping[str, pd.Series],
    exchange: np.ndarray | None = None,
) -> dict[str, pd.DataFrame]:
    """Return the frames of `backtests.result.Result` by name.

    Parameters
    ----------
    execution, feed, instruments, bars
        As the engine had them.
    cash : int
        Starting cash in yen.
    benchmarks : mapping of name -> Series of float64
        Levels by session, the session before the first included.
    exchange : ndarray of float64, shape (n_bars + 1,), optional
        Yen per dollar, as known at the decision before the first bar and at each bar's: adds columns in dollars.
    """
    days = with_start(bars)
    equity = _equity(execution, bars, days, cash)
    if exchange is not None:
        rates = np.append(exchange[:1], exchange[1:][bars.last_of_session])
        equity["net_usd"] = (equity["net"] / rates).round(2)
    paid_in = equity.get("deposits", pd.Series(0.0, index=equity.index))
    own = {side: _time_weighted(equity[side], paid_in) for side in ("net", "gross")}
    if exchange is not None:
        own["net_usd"] = _time_weighted(equity["net_usd"], paid_in / pd.Series(rates, equity.index).shift(1))
    others = {name: levels.pct_change(fill_method=None) for name, levels in benchmarks.items()}
    returns = pd.DataFrame({**own, **others}).iloc[1:]
    return {
        "equity": equity,
        "returns": returns,
        "positions": _positions(execution, feed, instruments, bars, equity),
        "fills": _fills(execution, instruments, bars),
        "orders": _orders(execution, instruments, bars),
        "round_trips": _round_trips(execution, feed, instruments, bars),
        "ledger": _ledger(execution, instruments, bars, exchange),
    }


def _equity(execution: Execution, bars: Bars, days: pd.Index, cash: int) -> pd.DataFrame:
    """Net is the account; gross adds back every cost paid so far (`Book.costs`)."""
    paid = execution.book.costs(len(bars))
    ends = bars.last_of_session
    net = np.append(cash * PER_YEN, execution.equity[ends])
    gross = net + np.append(0, np.cumsum(paid)[ends])
    frame = pd.DataFrame({"net": net / PER_YEN, "gross": gross / PER_YEN}, index=days)
    if execution.deposits:
        frame["deposits"] = _paid_in(execution.deposits, bars)
    return frame


def account_returns(equity: np.ndarray, deposits: Mapping[int, int], bars: Bars, cash: int) -> pd.Series:
    """Return the session returns of an account, fractions, the first one from the cash it began with.

    Parameters
    ----------
    equity : ndarray of int64, shape (n_bars,)
        Sen, after each bar.
    deposits : mapping of bar to int
        Sen paid in before a bar's open.
    bars : Bars
    cash : int
        Sen at the start.
    """
    days = with_start(bars)
    value = pd.Series(np.append(cash, equity[bars.last_of_session]) / PER_YEN, days)
    return _time_weighted(value, pd.Series(_paid_in(deposits, bars), days)).iloc[1:]


def _paid_in(deposits: Mapping[int, int], bars: Bars) -> np.ndarray:
    """Return the yen paid in before each session's close, a zero before the first session."""
    sen = np.zeros(len(bars), dtype=np.int64)
    sen[list(deposits)] = list(deposits.values())
    paid: np.ndarray = np.diff(np.append(0, np.cumsum(sen)[bars.last_of_session]), prepend=0) / PER_YEN
    return paid


def _time_weighted(value: pd.Series, paid_in: pd.Series) -> pd.Series:
    """Return the returns of an account into which money was paid before a session's open."""
    return value / (value.shift(1) + paid_in) - 1.0


def _positions(
    execution: Execution, feed: Feed, instruments: Sequence[Instrument], bars: Bars, equity: pd.DataFrame
) -> pd.DataFrame:
    ends = bars.last_of_session
    multiplier = np.array([i.multiplier for i in instruments], dtype=np.int64)
    signed = execution.quantity[ends] * feed.mark[ends] * multiplier
    cash = execution.equity[ends] - signed.sum(axis=1)
    names = [i.name for i in instruments]
    return pd.DataFrame(np.column_stack([signed, cash]) / PER_YEN, index=equity.index[1:], columns=[*names, "cash"])


def _fills(execution: Execution, instruments: Sequence[Instrument], bars: Bars) -> pd.DataFrame:
    fills = execution.book.fills
    rows = [
        {
            "time": _time(f, bars),
            "session": bars.session[f.bar],
            "instrument": instruments[f.k].name,
            "quantity": f.quantity,
            "price": f.price / PER_YEN,
            "reference": f.reference / PER_YEN,
            "multiplier": instruments[f.k].multiplier,
            "notional": f.quantity * f.price * instruments[f.k].multiplier / PER_YEN,
            "fee": f.fee / PER_YEN,
            "slippage": f.slippage / PER_YEN,
            "why": f.why,
        }
        for f in fills
    ]
    types = {"time": "T", "session": "T", "instrument": "S", "quantity": "I", "price": "F", "reference": "F"}
    return _frame(rows, {**types, "multiplier": "I", "notional": "F", "fee": "F", "slippage": "F", "why": "S"})


def _orders(execution: Execution, instruments: Sequence[Instrument], bars: Bars) -> pd.DataFrame:
    rows = [
        {
            "decided": bars.decided[o.bar],
            "instrument": instruments[o.k].name if o.k >= 0 else "",
            "quantity": o.quantity,
            "fill": "on_close" if o.at_close else "open",
            "status": o.status,
            "reason": o.reason,
        }
        for o in execution.orders
    ]
    return _frame(rows, {"decided": "T", "instrument": "S", "quantity": "I", "fill": "S", "status": "S", "reason": "S"})


def _round_trips(execution: Execution, feed: Feed, instruments: Sequence[Instrument], bars: Bars) -> pd.DataFrame:
    rows = [
        {
            "instrument": instruments[r.opened.k].name,
            "opened": _time(r.opened, bars),
            "closed": _time(r.closed, bars),
            "quantity": r.quantity,
            "open_price": r.opened.price / PER_YEN,
            "close_price": r.closed.price / PER_YEN,
            "gross": r.gross / PER_YEN,
            "fees": r.fees / PER_YEN,
            "net": (r.gross - r.fees) / PER_YEN,
        }
        for r in round_trips(execution.book.fills, instruments, feed.splits)
    ]
    types = {"instrument": "S", "opened": "T", "closed": "T", "quantity": "I", "open_price": "F", "close_price": "F"}
    return _frame(rows, {**types, "gross": "F", "fees": "F", "net": "F"})


def _ledger(
    execution: Execution, instruments: Sequence[Instrument], bars: Bars, exchange: np.ndarray | None
) -> pd.DataFrame:
    entries = execution.book.entries
    rows = [
        {
            "time": _time(e, bars),
            "instrument": instruments[e.k].name if e.k >= 0 else "",
            "kind": e.kind,
            "yen": e.sen / PER_YEN,
        }
        for e in entries
    ]
    frame = _frame(rows, {"time": "T", "instrument": "S", "kind": "S", "yen": "F"})
    if exchange is not None:
        frame["usd"] = (frame["yen"] / exchange[1:][[e.bar for e in entries]]).round(2)
    return frame


def _time(happened: Fill | Entry, bars: Bars) -> np.datetime64:
    moment: np.datetime64 = (bars.decided if happened.at_close else bars.opened)[happened.bar]
    return moment


_DTYPES = {"T": "datetime64[us]", "S": "str", "I": "int64", "F": "float64"}


def _frame(rows: list[dict[str, object]], types: dict[str, str]) -> pd.DataFrame:
    """Build a frame whose types do not depend on how many rows there are."""
    frame = pd.DataFrame(rows, columns=list(types))
    return frame.astype({name: _DTYPES[kind] for name, kind in types.items()})
