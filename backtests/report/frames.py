"""From our frames to pyfolio's conventions: the one place that knows UTC.

pyfolio wants UTC-aware indexes, one column per holding plus ``cash``, and transactions as
(amount, price, symbol); the fee beside them is for those who match them. What it gets is checked first:
positions sum to the account value on every session, or nothing is drawn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from backtests.report.tables import day
from backtests.result import Result
from indexsim.errors import LedgerError

#: Half of the smallest unit of money (0.01 yen), plus what adding floats may lose.
_YEN, _RELATIVE = 0.005, 1e-12

#: More unknown benchmark sessions than this share, and the benchmark is not drawn.
MAX_UNKNOWN = 0.05

#: Names that every font can draw and that matplotlib does not read as mathematics.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .:/_-]{0,30}")


@dataclass(frozen=True)
class Inputs:
    """What the pyfolio sheets are drawn from.

    Attributes
    ----------
    returns : Series of shape (n_sessions + 1,)
        Net, fractions; the first row is the starting day with 0, so that the first loss counts.
    positions : DataFrame of shape (n_sessions + 1, n_instruments + 1)
        Signed notional in yen by label, and ``cash``; each row sums to the account value.
    transactions : DataFrame of shape (n_fills, 4)
        ``amount`` (signed quantity x multiplier), ``price``, ``symbol``, ``fee`` (yen); UTC instants.
    benchmark : Series or None
        Fractions on the index of `returns`.
    notes : tuple of str
        What a reader of the figures must know about these inputs.
    """

    returns: pd.Series
    positions: pd.DataFrame
    transactions: pd.DataFrame
    benchmark: pd.Series | None
    notes: tuple[str, ...]


def adapt(result: Result) -> Inputs:
    """Return a run in pyfolio's conventions.

    Raises
    ------
    LedgerError
        A session whose positions do not sum to the account value.
    """
    names, index = labels(list(_instruments(result))), _labelled_utc(result.equity.index)
    benchmark, why = _benchmark(result)
    renamed = [f"the figures call {name!r} {label!r}" for name, label in names.items() if name != label]
    return Inputs(
        returns=_with_start(result, result.returns["net"]).set_axis(index),
        positions=_positions(result).rename(columns=names).set_axis(index),
        transactions=_transactions(result, names),
        benchmark=None if benchmark is None else benchmark.set_axis(index),
        notes=tuple(renamed + ([why] if why else [])),
    )


def labels(names: list[str]) -> dict[str, str]:
    """Return a drawable label for each name: the name itself if it is plain, else a number.

    Examples
    --------
    >>> labels(["nikkei", "日経225先物"])
    {'nikkei': 'nikkei', '日経225先物': 'instrument 2'}
    """
    return {name: name if _PLAIN.fullmatch(name) else f"instrument {i}" for i, name in enumerate(names, 1)}


def reconcile(positions: pd.DataFrame, equity: pd.Series) -> None:
    """Refuse positions that do not sum to the account value.

    Parameters
    ----------
    positions : DataFrame of shape (n, n_instruments + 1)
        Yen; the last column or any other is ``cash``.
    equity : Series of shape (n,)
        Yen, on the same sessions.

    Raises
    ------
    LedgerError
        Naming the first session that differs, and by how much.
    """
    total = positions.sum(axis=1, skipna=False).to_numpy(dtype=np.float64)
    value = equity.to_numpy(dtype=np.float64)
    allowed = _YEN + _RELATIVE * np.maximum(np.abs(value), positions.abs().max(axis=1).to_numpy(dtype=np.float64))
    # Written so that a NaN counts as a difference.
    wrong = np.flatnonzero(~(np.abs(total - value) <= allowed))
    if len(wrong):
        row = int(wrong[0])
        raise LedgerError(
            asked="draw the positions of the run",
            found=f"positions sum to {total[row]:.2f} yen on {day(equity.index[row])}, the account holds "
            f"{value[row]:.2f} ({len(wrong)} of {len(value)} sessions differ)",
            rule="positions and cash sum to the account value on every session",
            todo="report this as a defect, with the spec of the run",
        )


def _instruments(result: Result) -> pd.Index:
    return result.positions.columns.drop("cash")


def _positions(result: Result) -> pd.DataFrame:
    """Return the positions from the starting day on, reconciled."""
    held = result.positions[[*_instruments(result), "cash"]].astype(np.float64)
    start = result.equity.index[0]
    if start not in held.index:
        first = pd.DataFrame(0.0, index=result.equity.index[:1], columns=held.columns)
        first["cash"] = float(result.equity["net"].iloc[0])
        held = pd.concat([first, held])
    held = held.reindex(result.equity.index)
    reconcile(held, result.equity["net"])
    return held


def _with_start(result: Result, returns: pd.Series) -> pd.Series:
    """Return a series with a zero on the starting day before it."""
    values = np.concatenate(([0.0], returns.to_numpy(dtype=np.float64)))
    return pd.Series(values, index=result.equity.index)


def _benchmark(result: Result) -> tuple[pd.Series | None, str]:
    """Return the price benchmark, or None, and what is to be said about it."""
    series = result.returns["benchmark_price"]
    unknown = int(series.isna().sum())
    if unknown == len(series):
        return None, "no price benchmark: the market holds none for these sessions"
    if unknown > MAX_UNKNOWN * len(series):
        return None, f"no price benchmark: it is unknown on {unknown} of {len(series)} sessions"
    said = f"the benchmark is unknown on {unknown} of {len(series)} sessions and drawn flat there" if unknown else ""
    return _with_start(result, series.fillna(0.0)).rename("price benchmark"), said


def _transactions(result: Result, names: dict[str, str]) -> pd.DataFrame:
    """Return one row per fill, in the order of the fills."""
    fills = result.fills
    frame = pd.DataFrame(
        {
            "amount": (fills["quantity"] * fills["multiplier"]).to_numpy(dtype=np.float64),
            "price": fills["price"].to_numpy(dtype=np.float64),
            "symbol": fills["instrument"].map(names).to_numpy(dtype=object),
            "fee": fills["fee"].to_numpy(dtype=np.float64),
        },
        index=_instants(fills),
    )
    return frame.sort_index(kind="stable")


def _instants(fills: pd.DataFrame) -> pd.DatetimeIndex:
    """Return the fill times in UTC; a fill on another UTC day than its session stands at the session.

    pyfolio groups by UTC day. Tokyo hours (09:00 to 24:00 JST) share the day of their session; a fill
    before 09:00 JST would not.
    """
    times = pd.DatetimeIndex(fills["time"]).tz_localize("Asia/Tokyo").tz_convert("UTC")
    sessions = pd.DatetimeIndex(fills["session"]).tz_localize("UTC").normalize()
    return pd.DatetimeIndex(times.where(times.normalize() == sessions, sessions))


def _labelled_utc(sessions: pd.Index) -> pd.DatetimeIndex:
    """Return naive sessions labelled midnight UTC (a label, not an instant), without a frequency.

    A known frequency would change how pandas draws.
    """
    return pd.DatetimeIndex(sessions.to_numpy(), tz="UTC")
