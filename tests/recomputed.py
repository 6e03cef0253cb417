"""The figures of a run from its Parquet files, in plain loops: a second implementation of all that a page shows.

Nothing of `backtests` is imported. ``figures`` returns what the document should hold, in the document's own shape.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

Row = dict[str, Any]


def figures(folder: Path) -> Row:
    """Return every figure that follows from the frames of a run."""
    frames = {path.stem: pd.read_parquet(path) for path in folder.glob("*.parquet")}
    facts = json.loads((folder / "facts.json").read_text("utf-8"))
    year, equity, fills = facts["sessions_per_year"], frames["equity"], frames["fills"]
    paid_in = list(equity["deposits"])[1:] if "deposits" in equity else [0.0] * (len(equity) - 1)
    own = {side: changes(list(equity[side]), paid_in) for side in ("net", "gross")}
    others = [name for name in frames["returns"] if name.startswith("benchmark")]
    returns = own | {name: list(frames["returns"][name]) for name in others}
    days = [day.date().isoformat() for day in equity.index]
    found: Row = {side: performance(own[side], year) for side in own}
    for side in own:
        found[side] |= {
            "n_trades": len(frames["round_trips"]),
            "end": equity[side].iloc[-1],
            "turnover": turnover(fills["notional"], list(equity[side])[1:], year),
        }
    for name in others:
        if all(map(math.isfinite, returns[name])):
            found[name] = performance(returns[name], year)
    found["shape"] = {side: shape(own[side], returns["benchmark_price"], year) for side in own}
    found["period"] = {"sessions": len(days) - 1, "from": days[1], "to": days[-1]}
    found["years"] = by(returns, days[1:], 4)
    found["months"] = by({"net": own["net"]}, days[1:], 7)
    found["drawdowns"] = falls(list(equity["net"]), days)[:5]
    found["exposure"] = exposure(frames["positions"], list(equity["net"])[1:])
    found["holdings"] = [holding(name, frames["positions"][name]) for name in frames["positions"] if name != "cash"]
    found["trading"] = [traded(row["instrument"], fills) for row in found["holdings"]]
    found["trip_groups"] = trip_groups(frames["round_trips"])
    found["costs"] = costs(fills, frames["ledger"], facts["costs"])
    found["costs_total"] = sum(facts["costs"].values())
    found["rejected_total"] = sum(row["n"] for row in facts["rejected"])
    found["profit"] = profit(frames, found["costs"], facts["income"], sum(paid_in))
    money = float(fills["notional"].abs().sum())
    found["slippage_share"] = float(fills["slippage"].sum()) / money if money else None
    return found


def changes(values: Sequence[float], paid_in: Sequence[float]) -> list[float]:
    """Return the session returns of an account into which money was paid before a session's open."""
    return [after / (before + paid) - 1 for before, after, paid in zip(values, values[1:], paid_in, strict=False)]


def grown(returns: Iterable[float]) -> float:
    """Return the compounded return."""
    return math.prod(1 + one for one in returns) - 1


def performance(returns: Sequence[float], year: float) -> Row:
    """Return the figures of a series of session returns; what is left out is undefined."""
    n, mean = len(returns), sum(returns) / len(returns)
    found: Row = {"sessions": n, "total_return": grown(returns), "max_drawdown": deepest(returns)}
    found |= {"worst": min(returns), "best": max(returns), "winning": sum(one > 0 for one in returns) / n}
    found["value_at_risk"] = quantile(sorted(returns), 0.05)
    if found["total_return"] >= -1:
        found["cagr"] = (1 + found["total_return"]) ** (year / n) - 1
        if found["max_drawdown"] < 0:
            found["calmar"] = found["cagr"] / -found["max_drawdown"]
    if n < 2:
        return found
    moments = [sum((one - mean) ** k for one in returns) / n for k in (2, 3, 4)]
    found["ann_vol"] = math.sqrt(moments[0] * n / (n - 1) * year)
    if found["ann_vol"] > 1e-12:
        found["sharpe"] = mean * year / found["ann_vol"]
        found |= {"skew": moments[1] / moments[0] ** 1.5, "kurtosis": moments[2] / moments[0] ** 2 - 3}
    lost = sum(one**2 for one in returns if one < 0) / n
    if lost:
        found["sortino"] = mean * math.sqrt(year) / math.sqrt(lost)
    return found


def shape(returns: Sequence[float], benchmark: Sequence[float], year: float) -> Row:
    """Return tails, straightness and the tie to a benchmark; what is left out is undefined."""
    n, ordered = len(returns), sorted(returns)
    lost, worst = sum(min(one, 0.0) ** 2 for one in returns) / n, ordered[: (n - 1) // 20 + 1]
    found: Row = {"downside_risk": math.sqrt(lost * year), "expected_shortfall": sum(worst) / len(worst)}
    if lost and n > 1:
        found["omega"] = sum(one for one in returns if one > 0) / -sum(one for one in returns if one < 0)
    if low := quantile(ordered, 0.05):
        found["tail_ratio"] = abs(quantile(ordered, 0.95) / low)
    if min(returns) > -1 and n > 1:
        grown_to = [sum(map(math.log1p, returns[: at + 1])) for at in range(n)]
        found["stability"] = line(range(n), grown_to)[1]
    if n > 1 and all(map(math.isfinite, benchmark)):
        found["beta"] = line(benchmark, returns)[0]
        found["alpha"] = (1 + (sum(returns) - found["beta"] * sum(benchmark)) / n) ** year - 1
    return found


def line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Return slope and R squared of a line through points; zeros where they do not vary."""
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    xx, yy = sum((one - middle_x) ** 2 for one in x), sum((one - middle_y) ** 2 for one in y)
    xy = sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True))
    return (xy / xx, xy**2 / xx / yy if yy else 0.0) if xx else (0.0, 0.0)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return a linear quantile of ascending values."""
    rank = share * (len(ordered) - 1)
    low, high = ordered[math.floor(rank)], ordered[math.ceil(rank)]
    return low + (high - low) * (rank - math.floor(rank))


def deepest(returns: Sequence[float]) -> float:
    """Return the deepest fall below the highest value so far, the value before the first session included."""
    value = high = 1.0
    depth = 0.0
    for one in returns:
        value *= 1 + one
        high = max(high, value)
        depth = min(depth, value / high - 1)
    return depth


def falls(values: Sequence[float], days: Sequence[str]) -> list[Row]:
    """Return every fall from a high to the return to it, the deepest first."""
    found: list[Row] = []
    high = low = start = 0
    for at, value in enumerate(values):
        if value >= values[high]:
            if at - high > 1:
                found.append(_fall(values, days, high, low, at))
            high = low = start = at
        elif value < values[low] or low == start:
            low = at
    if high < len(values) - 1:
        found.append({**_fall(values, days, high, low, len(values) - 1), "recovery": None})
    return sorted(found, key=lambda row: (row["depth"], row["peak"]))


def _fall(values: Sequence[float], days: Sequence[str], high: int, low: int, end: int) -> Row:
    depth = values[low] / values[high] - 1
    return {"depth": depth, "peak": days[high], "valley": days[low], "recovery": days[end], "sessions": end - high}


def by(returns: dict[str, list[float]], days: Sequence[str], letters: int) -> list[Row]:
    """Return the compounded returns by the first letters of the day: a year or a month."""
    found: dict[str, Row] = {}
    for part in dict.fromkeys(day[:letters] for day in days):
        rows = [at for at, day in enumerate(days) if day.startswith(part)]
        found[part] = {name: grown(series[at] for at in rows) for name, series in returns.items()}
    return [{"part": part, **row} for part, row in found.items()]


def exposure(positions: pd.DataFrame, value: Sequence[float]) -> Row:
    """Return gross and net exposure over the account, and how often anything was held."""
    held = positions.drop(columns="cash").to_numpy().tolist()
    found: Row = {"invested": sum(any(row) for row in held) / len(held)}
    if min(value) > 0:
        gross = [sum(map(abs, row)) / whole for row, whole in zip(held, value, strict=True)]
        net = [sum(row) / whole for row, whole in zip(held, value, strict=True)]
        found |= {"gross_mean": sum(gross) / len(gross), "gross_max": max(gross), "net_mean": sum(net) / len(net)}
    return found


def holding(name: str, held: pd.Series) -> Row:
    """Return how often and how much of one instrument was held."""
    values = held.tolist()
    largest = {"largest_long": max(0.0, *values), "largest_short": min(0.0, *values)}
    return {"instrument": name, "held": sum(v != 0 for v in values) / len(values), **largest, "last": values[-1]}


def traded(name: str, fills: pd.DataFrame) -> Row:
    """Return what one instrument's fills moved and cost."""
    rows = [row for row in fills.to_dict("records") if row["instrument"] == name]
    return {
        "instrument": name,
        "fills": len(rows),
        "bought": sum(row["notional"] for row in rows if row["notional"] > 0),
        "sold": -sum(row["notional"] for row in rows if row["notional"] < 0),
        "fees": sum(row["fee"] for row in rows),
        "slippage": sum(row["slippage"] for row in rows),
    }


def trip_groups(trips: pd.DataFrame) -> list[Row]:
    """Return the statistics of round trips: all, by side, by instrument; an empty group has its number only."""
    rows = trips.to_dict("records")
    groups = {
        "all": rows,
        "long": [row for row in rows if row["quantity"] > 0],
        "short": [row for row in rows if row["quantity"] < 0],
    }
    groups |= {name: [r for r in rows if r["instrument"] == name] for name in sorted({r["instrument"] for r in rows})}
    return [{"group": name, "n": len(part), **_trips(part)} for name, part in groups.items()]


def _trips(rows: Sequence[Row]) -> Row:
    if not rows:
        return {}
    net = sorted(row["net"] for row in rows)
    won, lost = sum(one for one in net if one > 0), -sum(one for one in net if one < 0)
    middle = (net[(len(net) - 1) // 2] + net[len(net) // 2]) / 2
    days = sum((row["closed"] - row["opened"]).total_seconds() for row in rows) / 86_400 / len(rows)
    found = {"winning": sum(one > 0 for one in net) / len(net), "net": sum(net), "mean": sum(net) / len(net)}
    found |= {"median": middle, "best": net[-1], "worst": net[0], "days_held": days}
    return found | ({"profit_factor": won / lost} if lost else {})


def turnover(notional: Iterable[float], value: Sequence[float], year: float) -> float | None:
    """Return bought plus sold over the mean account, per year."""
    mean = sum(value) / len(value)
    return sum(map(abs, notional)) / mean * year / len(value) if mean > 0 else None


def costs(fills: pd.DataFrame, ledger: pd.DataFrame, named: Iterable[str]) -> Row:
    """Return what was paid, by name, from the fills and the movements of cash."""
    rows, moved = fills.to_dict("records"), ledger.to_dict("records")
    found = {
        "fees": sum(row["fee"] for row in rows if row["why"] != "roll"),
        "slippage": sum(row["slippage"] for row in rows if row["why"] != "roll"),
        "rolls": sum(row["fee"] + row["slippage"] for row in rows if row["why"] == "roll"),
        **{kind: -sum(row["yen"] for row in moved if row["kind"] == kind) for kind in ("funding", "borrowing")},
    }
    return {name: found[name] for name in named}


def profit(frames: dict[str, pd.DataFrame], paid: Row, income: dict[str, float], paid_in: float) -> Row:
    """Return where the profit comes from; what is open is the rest."""
    net = list(frames["equity"]["net"])
    closed, held = sum(frames["round_trips"]["net"]), -sum(paid.get(name, 0.0) for name in ("funding", "borrowing"))
    total = net[-1] - net[0] - paid_in
    found = {"closed": closed, "income": sum(income.values()), "held": held, "total": total}
    return found | {"open": total - closed - found["income"] - held}
