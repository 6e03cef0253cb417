"""Claims of level and date: what stood in the data on a day or between two days. Exact comparisons, no p."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from backtests.claims.evidence import Evidence, Inputs
from backtests.claims.measure import absent, asserted, claim_test, day, exact
from backtests.claims.series import Params, bounded, column, series, table

#: A date without a row may stand for the last row before it, so many days back; longer in a monthly file.
_STALE, _STALE_MONTHLY = pd.Timedelta(days=14), pd.Timedelta(days=100)


def _outside(values: pd.Series, text: str, *dates: object) -> Evidence | None:
    """Return the evidence that no row is near one of the dates, or None."""
    rows = pd.DatetimeIndex(values.index)
    stale = _STALE if len(rows) > 12 * max(1, rows[-1].year - rows[0].year + 1) * 2 else _STALE_MONTHLY
    for wanted in map(day, dates):
        before = int(rows.searchsorted(wanted, side="right"))
        if before == 0 or wanted - rows[before - 1] > stale:
            file = text.split("/")[0].split(".")[0]
            return absent(f"{file}: rows from {rows[0].date()} to {rows[-1].date()}, none near {wanted.date()}")
    return None


def _on(values: pd.Series, when: object) -> float:
    """Return the level on a date or on the last row before it."""
    found: Any = values.asof(day(when))
    return float(found)


def _date(row: Any) -> str:
    return str(row.date())


def _unit(params: Params, default: str = "points") -> str:
    return str(params.get("unit", default))


@claim_test
def level_on_date(inputs: Inputs, params: Params) -> Evidence:
    """Level of ``series`` on ``date`` against ``value``, within ``tolerance`` (absolute)."""
    values = series(inputs, str(params["series"]))
    if (beyond := _outside(values, str(params["series"]), params["date"])) is not None:
        return beyond
    if day(params["date"]) not in values.index:
        return exact(None, _unit(params), 0, False, f"no session on {params['date']}")
    found = float(values[day(params["date"])])
    return exact(found, _unit(params), 1, asserted(found, params))


@claim_test
def values_on_dates(inputs: Inputs, params: Params) -> Evidence:
    """Largest relative deviation of ``values`` x ``scale`` from the series on ``dates``, within ``tolerance``."""
    text, scale = str(params["series"]), float(params.get("scale", 1.0))
    values = series(inputs, text)
    if (beyond := _outside(values, text, *params["dates"])) is not None:
        return beyond
    found = np.array([_on(values, d) for d in params["dates"]])
    far = float(np.max(np.abs(np.array(params["values"], dtype=np.float64) * scale / found - 1)))
    return exact(far, "share", len(found), far <= float(params["tolerance"]), "largest relative deviation")


def _move(values: pd.Series, params: Params) -> float:
    return _on(values, params["end"]) / _on(values, params["start"]) - 1


@claim_test
def return_over(inputs: Inputs, params: Params) -> Evidence:
    """Return of ``series`` from the last row on or before ``start`` to that of ``end``."""
    values = series(inputs, str(params["series"]))
    if (beyond := _outside(values, str(params["series"]), params["start"], params["end"])) is not None:
        return beyond
    move = _move(values, params)
    return exact(move, "share", 1, asserted(move, params))


@claim_test
def pair_return(inputs: Inputs, params: Params) -> Evidence:
    """Return of ``long`` less that of ``short`` from ``start`` to ``end``."""
    legs = [series(inputs, str(params[leg])) for leg in ("long", "short")]
    for values, leg in zip(legs, ("long", "short"), strict=True):
        if (beyond := _outside(values, str(params[leg]), params["start"], params["end"])) is not None:
            return beyond
    move = _move(legs[0], params) - _move(legs[1], params)
    return exact(move, "share", 1, asserted(move, params))


@claim_test
def record_between(inputs: Inputs, params: Params) -> Evidence:
    """Largest or smallest level (``kind`` max | min) between ``start`` and ``end`` against ``value``."""
    values = series(inputs, str(params["series"]))
    if (beyond := _outside(values, str(params["series"]), params["start"], params["end"])) is not None:
        return beyond
    rows = bounded(values, {"start": params["start"], "end": params["end"]})
    found = float(rows.min() if params["kind"] == "min" else rows.max())
    when = rows.idxmin() if params["kind"] == "min" else rows.idxmax()
    return exact(found, _unit(params), len(rows), asserted(found, params), f"on {_date(when)}")


@claim_test
def new_high(inputs: Inputs, params: Params) -> Evidence:
    """Whether the highest level between ``start`` and ``end`` beats the highest from ``since`` to before ``start``."""
    values = series(inputs, str(params["series"]))
    if (beyond := _outside(values, str(params["series"]), params["since"], params["end"])) is not None:
        return beyond
    now = values.loc[str(params["start"]) : str(params["end"])]
    before = values.loc[str(params["since"]) : day(params["start"]) - pd.Timedelta(days=1)]
    ratio = float(now.max() / before.max() - 1)
    note = f"high {now.max():,.2f} on {_date(now.idxmax())}; before {before.max():,.2f} on {_date(before.idxmax())}"
    return exact(ratio, "share", len(now), ratio > 0, note)


@claim_test
def level_crossed_count(inputs: Inputs, params: Params) -> Evidence:
    """Number of days between ``start`` and ``end`` on which the level lies above or below (``op``) ``level``."""
    values = series(inputs, str(params["series"]))
    if (beyond := _outside(values, str(params["series"]), params["start"], params["end"])) is not None:
        return beyond
    rows = values.loc[str(params["start"]) : str(params["end"])]
    beyond_level = rows > float(params["level"]) if params["op"] == "above" else rows < float(params["level"])
    days = int(beyond_level.sum())
    return exact(float(days), "days", len(rows), asserted(days, params), f"of {len(rows)} rows")


@claim_test
def first_passage(inputs: Inputs, params: Params) -> Evidence:
    """Which level the close meets first after ``date``: ``up`` or ``down``; ``first_met`` is the one asserted."""
    values = series(inputs, str(params["series"]))
    if (beyond := _outside(values, str(params["series"]), params["date"])) is not None:
        return beyond
    rows = values.loc[day(params["date"]) + pd.Timedelta(days=1) : params.get("last")]
    met = (rows >= float(params["up"])) | (rows <= float(params["down"]))
    if not met.any():
        return exact(None, "sessions", len(rows), False, f"neither level met by {values.index[-1].date()}")
    steps = int(np.argmax(met.to_numpy())) + 1
    side = "up" if rows.iloc[steps - 1] >= float(params["up"]) else "down"
    note = f"{side} first, on {rows.index[steps - 1].date()}"
    return exact(float(steps), "sessions", 1, side == params.get("first_met", "up"), note)


def wilder_rsi(closes: pd.Series, window: int) -> pd.Series:
    """Return Wilder's relative strength index, 0..100: his smoothing, begun with a plain mean of the first window.

    Rises of 1 and 1 and a fall of 1 give 100 x 2 / 3.

    >>> round(float(wilder_rsi(pd.Series([1.0, 2.0, 3.0, 2.0]), 3).iloc[-1]), 3)
    66.667
    """
    change = closes.diff().to_numpy()[1:]
    up, down = np.maximum(change, 0), np.maximum(-change, 0)
    found = np.full(len(closes), np.nan)
    rise, fall = up[:window].mean(), down[:window].mean()
    for row in range(window, len(closes)):
        if row > window:
            rise += (up[row - 1] - rise) / window
            fall += (down[row - 1] - fall) / window
        found[row] = 100 * rise / (rise + fall) if rise + fall > 0 else 50.0
    return pd.Series(found, closes.index)


@claim_test
def rsi_on_date(inputs: Inputs, params: Params) -> Evidence:
    """RSI on ``date`` near ``value``, and not above ``low_value`` at its lowest since ``low_since``."""
    values = series(inputs, str(params["series"]))
    if (beyond := _outside(values, str(params["series"]), params["date"])) is not None:
        return beyond
    index = wilder_rsi(values.loc[: str(params["date"])], int(params["window"]))
    found, least = float(index.iloc[-1]), float(index.loc[str(params["low_since"]) :].min())
    met = asserted(found, {"value": params["value"], "tolerance": params["tolerance"]})
    return exact(found, "RSI", 1, met and least <= float(params["low_value"]), f"lowest before {least:.1f}")


@claim_test
def drawdown_between(inputs: Inputs, params: Params) -> Evidence:
    """Deepest fall from a high between ``start`` and ``end``, not positive, against ``value``."""
    values = series(inputs, str(params["series"]))
    if (beyond := _outside(values, str(params["series"]), params["start"], params["end"])) is not None:
        return beyond
    rows = values.loc[str(params["start"]) : str(params["end"])]
    fall = rows / rows.cummax() - 1
    return exact(
        float(fall.min()), "share", len(rows), asserted(float(fall.min()), params), f"on {_date(fall.idxmin())}"
    )


@claim_test
def monotone(inputs: Inputs, params: Params) -> Evidence:
    """Whether the series only rises or only falls (``direction``) over ``dates``; effect: steps that do."""
    values = series(inputs, str(params["series"]))
    if (beyond := _outside(values, str(params["series"]), *params["dates"])) is not None:
        return beyond
    steps = np.diff([_on(values, d) for d in params["dates"]])
    good = int(np.sum(steps < 0 if params["direction"] == "falling" else steps > 0))
    return exact(good / len(steps), "share", len(steps), good == len(steps), f"{good} of {len(steps)} steps")


@claim_test
def sum_between(inputs: Inputs, params: Params) -> Evidence:
    """Sum of ``columns`` of ``file`` between ``start`` and ``end`` against ``value``, ``tolerance`` relative."""
    columns = [column(inputs, f"{params['file']}.{name}") for name in params["columns"]]
    if (beyond := _outside(columns[0], str(params["file"]), params["end"])) is not None:
        return beyond
    columns = [c.loc[str(params["start"]) : str(params["end"])] for c in columns]
    total = float(sum(c.sum() for c in columns))
    value = float(params["value"])
    near = abs(total - value) <= float(params["tolerance"]) * abs(value)
    return exact(total, _unit(params, "100 million yen"), len(columns[0]), near)


@claim_test
def annualised_from_trade(inputs: Inputs, params: Params) -> Evidence:
    """A year of ``trades_high`` trades that earn ``per_trade`` each, compounded, against ``value``."""
    low, high = ((1 + float(params["per_trade"])) ** float(params[k]) - 1 for k in ("trades_low", "trades_high"))
    return exact(high, "share", 1, asserted(high, params), f"{low:.4f} to {high:.4f} a year")


@claim_test
def contribution_compare(inputs: Inputs, params: Params) -> Evidence:
    """Weight ``w`` x ``move`` of ``a`` less that of ``b``, in percent of the index."""
    a, b = (float(params[k]["w"]) * float(params[k]["move"]) * 100 for k in ("a", "b"))
    return exact(a - b, "% of the index", 1, asserted(a - b, params), f"{a:.4f} against {b:.4f}")


#: Constituents without a close may weigh so much; beyond it the figure says which names survived.
MISSING_WEIGHT = 0.02


@claim_test
def weight_of(inputs: Inputs, params: Params) -> Evidence:
    """Weight of ``code`` on ``date`` from closes and factors of the constituents of that day.

    A constituent without a close counts with its last one, without any with the mean of the others; where such names
    weigh more than 2 %, the weight cannot be told.
    """
    closes, factors = table(inputs, "closes"), table(inputs, "factors")
    when = day(params["date"])
    if when not in closes.index:
        return absent(f"closes: no row on {when.date()}", "share")
    acting = factors[pd.to_datetime(factors["effective_date"]) <= when]
    last = acting.groupby(acting["code"].astype(str)).last()
    members = last[last["event"] != "remove"]
    scale = members["factor"].astype(str).map(_number)
    stands: pd.Series = closes.loc[:when].iloc[-1].reindex(scale.index) * scale
    worth: pd.Series = closes.loc[:when].ffill().iloc[-1].reindex(scale.index) * scale
    worth = worth.fillna(worth.mean())
    gap = float(worth[stands.isna()].sum() / worth.sum())
    if gap > MISSING_WEIGHT:
        return absent(f"closes: constituents that weigh {gap:.1%} have none on {when.date()}", "share")
    found = float(worth.get(str(params["code"]), 0.0) / worth.sum())
    return exact(found, "share", len(worth), asserted(found, params), f"names without a close weigh {gap:.2%}")


def _number(text: str) -> float:
    top, _, bottom = text.partition("/")
    return float(top) / float(bottom or 1)
