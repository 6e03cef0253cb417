"""The tables of the report as plain JSON rows: pure functions of a `Result`.

Fractions, yen and ISO dates throughout; None where a figure does not exist.
"""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from backtests import metrics
from backtests.report.stress import covered
from backtests.result import Result
from backtests.shape import shape

Row = dict[str, Any]

#: Rows of a long table that the page shows; the CSV beside it holds all of them.
CAP = 200

#: Points of a curve on the page.
POINTS = 600


def day(value: object) -> str:
    """Return a session as an ISO date."""
    return pd.Timestamp(value).date().isoformat()  # type: ignore[arg-type]


def minute(value: object) -> str:
    """Return a time as ISO to the minute, JST."""
    return pd.Timestamp(value).strftime("%Y-%m-%d %H:%M")  # type: ignore[arg-type]


def drawdowns(result: Result, top: int = 5) -> list[Row]:
    """Return the deepest falls of the net account value, deepest first."""
    return [
        {
            "depth": fall.depth,
            "peak": day(fall.peak),
            "valley": day(fall.valley),
            "recovery": None if fall.recovery is None else day(fall.recovery),
            "sessions": fall.sessions,
            **({"recovery_why": "not by the end of the run"} if fall.recovery is None else {}),
        }
        for fall in metrics.drawdowns(result.equity["net"], top)
    ]


def years(result: Result) -> list[Row]:
    """Return the compounded return of each column by calendar year; None, and why, where a session is unknown."""
    index = pd.DatetimeIndex(result.returns.index)
    rows = []
    for year, part in result.returns.groupby(index.year):
        row: Row = {"year": str(year)}
        for name in part.columns:
            row |= metrics.figure(str(name), partial(metrics.total_return, part[name].to_numpy()))
        rows.append(row)
    return rows


def months(result: Result) -> list[Row]:
    """Return the net return by month: one row per year, twelve values, None in a month without a session."""
    index = pd.DatetimeIndex(result.returns.index)
    net = result.returns["net"].groupby([index.year, index.month])
    cells: dict[Any, float] = {key: metrics.total_return(part.to_numpy()) for key, part in net}
    rows = []
    for year in sorted(set(index.year)):
        row: Row = {"year": str(year), "months": [cells.get((year, month)) for month in range(1, 13)]}
        rows.append(row | ({"why": "no session of the run in that month"} if None in row["months"] else {}))
    return rows


def stress(result: Result) -> list[Row]:
    """Return net, price benchmark and the worst net session in each period of stress that the run covers."""
    rows = []
    for period in covered(result.returns.index)[0]:
        part = result.returns.loc[pd.Timestamp(period.first) : pd.Timestamp(period.last)]
        row = {"name": period.name, "from": day(part.index[0]), "to": day(part.index[-1]), "what": period.what}
        rows.append(
            {
                **row,
                "sessions": len(part),
                **metrics.figure("net", partial(metrics.total_return, part["net"].to_numpy())),
                **metrics.figure("benchmark_price", partial(metrics.total_return, part["benchmark_price"].to_numpy())),
                **metrics.figure("worst", partial(metrics.worst, part["net"].to_numpy())),
            }
        )
    return rows


def shapes(result: Result) -> Row:
    """Return tails, straightness, and alpha and beta against the price benchmark, net and gross."""
    year, benchmark = float(result.facts["sessions_per_year"]), result.returns["benchmark_price"].to_numpy()
    return {side: shape(result.returns[side].to_numpy(), benchmark, year) for side in ("net", "gross")}


def exposure(result: Result) -> Row:
    """Return gross and net exposure over the account value, and the share of sessions with a position."""
    value = result.equity["net"].reindex(result.positions.index).to_numpy(dtype=np.float64)
    held = result.positions.drop(columns="cash").to_numpy(dtype=np.float64)
    invested = float(np.mean(np.any(held != 0, axis=1))) if len(held) else 0.0
    if len(value) == 0 or (value <= 0).any():
        why = "the account was empty" if len(value) else "no sessions"
        return {"invested": invested, "gross_mean": None, "gross_max": None, "net_mean": None, "why": why}
    gross, net = np.abs(held).sum(axis=1) / value, held.sum(axis=1) / value
    return {
        "invested": invested,
        "gross_mean": float(gross.mean()),
        "gross_max": float(gross.max()),
        "net_mean": float(net.mean()),
    }


def holdings(result: Result) -> list[Row]:
    """Return what was held by instrument: share of sessions, largest long and short notional, the last one.

    A stock that the market has a name for bears it as ``title``, in its own language.
    """
    rows, titles = [], result.facts.get("names", {})
    for name in result.positions.columns.drop("cash"):
        held = result.positions[name].to_numpy(dtype=np.float64)
        rows.append(
            {
                "instrument": str(name),
                "held": float(np.mean(held != 0)) if len(held) else 0.0,
                "largest_long": float(max(held.max(initial=0.0), 0.0)),
                "largest_short": float(min(held.min(initial=0.0), 0.0)),
                "last": float(held[-1]) if len(held) else 0.0,
                **({"title": titles[name]} if name in titles else {}),
            }
        )
    return rows


def trading(result: Result) -> list[Row]:
    """Return fills, yen bought and sold, fees and slippage by instrument."""
    rows = []
    for name in result.positions.columns.drop("cash"):
        fills = result.fills[result.fills["instrument"] == name]
        notional = fills["notional"].to_numpy(dtype=np.float64)
        rows.append(
            {
                "instrument": str(name),
                "fills": len(fills),
                "bought": float(notional[notional > 0].sum()),
                "sold": float(-notional[notional < 0].sum()) + 0.0,
                "fees": float(fills["fee"].sum()),
                "slippage": float(fills["slippage"].sum()),
            }
        )
    return rows


def trip_groups(result: Result) -> list[Row]:
    """Return the statistics of closed round trips: all, long, short, and by instrument."""
    trips = result.round_trips
    groups: list[tuple[str, pd.DataFrame]] = [
        ("all", trips),
        ("long", trips[trips["quantity"] > 0]),
        ("short", trips[trips["quantity"] < 0]),
    ]
    groups += [(str(name), part) for name, part in trips.groupby("instrument", sort=True)]
    return [{"group": name, **_trip_figures(part)} for name, part in groups]


def _trip_figures(trips: pd.DataFrame) -> Row:
    """Return number, winners, profit after fees and days held of some round trips."""
    net = trips["net"].to_numpy(dtype=np.float64)
    if len(net) == 0:
        empty = ("winning", "net", "mean", "median", "best", "worst", "profit_factor", "days_held")
        return {"n": 0, **dict.fromkeys(empty), "why": "no closed round trip"}
    lost = float(-net[net < 0].sum())
    days = (pd.DatetimeIndex(trips["closed"]) - pd.DatetimeIndex(trips["opened"])) / pd.Timedelta(days=1)
    return {
        "n": len(net),
        "winning": float(np.mean(net > 0)),
        "net": float(net.sum()),
        "mean": float(net.mean()),
        "median": float(np.median(net)),
        "best": float(net.max()),
        "worst": float(net.min()),
        "profit_factor": float(net[net > 0].sum()) / lost if lost else None,
        **({} if lost else {"profit_factor_why": "no losing round trip"}),
        "days_held": float(np.mean(days)),
    }


def trips(result: Result) -> Row:
    """Return the first `CAP` closed round trips, with the number of all."""
    rows = [
        {
            "instrument": str(row["instrument"]),
            "opened": minute(row["opened"]),
            "closed": minute(row["closed"]),
            "quantity": float(row["quantity"]),
            "open_price": float(row["open_price"]),
            "close_price": float(row["close_price"]),
            "gross": float(row["gross"]),
            "fees": float(row["fees"]),
            "net": float(row["net"]),
        }
        for row in result.round_trips.head(CAP).to_dict("records")
    ]
    return {"n": metrics.n_trades(result.round_trips), "shown": len(rows), "rows": rows}


def rejected_orders(result: Result) -> Row:
    """Return the first `CAP` rejected orders, with the number of all."""
    rejected = result.orders[result.orders["status"] == "rejected"]
    rows = [
        {
            "decided": minute(row["decided"]),
            "instrument": str(row["instrument"]),
            "quantity": float(row["quantity"]),
            "fill": str(row["fill"]),
            "reason": str(row["reason"]),
        }
        for row in rejected.head(CAP).to_dict("records")
    ]
    return {"n": len(rejected), "shown": len(rows), "rows": rows}


def curves(result: Result) -> Row:
    """Return the curves of the first chart: cumulative return and drawdown, thinned to `POINTS` sessions.

    Between two kept sessions the drawdown keeps its lowest value, so that the deepest point stays.
    """
    equity = result.equity
    lines = {name: equity[name] / equity[name].iloc[0] - 1.0 for name in ("net", "gross")}
    for name in ("benchmark_price", "benchmark_total"):
        known = result.returns[name].notna()
        if known.any() and known.iloc[1:].all():
            # The return of the first session is unknown where the market begins with the run.
            grown = (1.0 + result.returns[name].fillna(0.0)).cumprod() - 1.0
            lines[name] = pd.concat([lines["net"].iloc[:1], grown])
    under = (equity["net"] / equity["net"].cummax() - 1.0).to_numpy(dtype=np.float64)
    every = -(-len(under) // POINTS)
    kept = [*range(0, len(under) - 1, every), len(under) - 1]
    drawn = {name: [float(series.iloc[k]) for k in kept] for name, series in lines.items()}
    lowest = [float(under[a + 1 : b + 1].min()) for a, b in pairwise([-1, *kept])]
    return {
        "every": every,
        "sessions": [day(equity.index[k]) for k in kept],
        **drawn,
        "drawdown": lowest,
        "return_ticks": ticks(min(map(min, drawn.values())), max(map(max, drawn.values()))),
        "drawdown_ticks": ticks(min(*lowest, -0.01), 0.0, most=4),
        "session_ticks": list(dict.fromkeys(day(equity.index[kept[len(kept) * i // 4 - (i == 4)]]) for i in range(5))),
    }


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return the round numbers inside a range, ascending.

    Examples
    --------
    >>> ticks(-0.07, 0.21)
    [-0.05, 0.0, 0.05, 0.1, 0.15, 0.2]
    """
    span = max(high - low, 0.01)
    decade = 10.0 ** math.floor(math.log10(span / most))
    step = next(decade * k for k in (1, 2, 5, 10, 20) if span / (decade * k) <= most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(k * step, 10) + 0.0 for k in range(first, last + 1)]
