"""When a run earned what it earned: by Nikkei VI, by era of the Bank of Japan, around events; how busy each year was.

Pure functions of a `Result`; plain JSON rows of fractions. A table that cannot be made has no rows, and says why.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from backtests import metrics
from backtests.claims.statistics import Floats, generator, studentised_mean
from backtests.regimes import WORDS, eras
from backtests.report.tables import Row
from backtests.result import Result

#: Bounds of the VI bands, percent a year: a convention of the articles, not validated.
BANDS = (20.0, 30.0)

#: Sessions from an event, first and last, over which returns are compounded; 0 is the session it is effective on.
WINDOWS = ((-10, -1), (-5, -1), (0, 0), (1, 5), (1, 10))

_COLUMNS = ("net", "gross", "benchmark_price", "benchmark_total")
_OLD = "the run is older than this record; run it again"


def vi_bands(result: Result) -> Row:
    """Return the figures of the sessions by the close of the Nikkei VI on the session before."""
    vi = result.regimes["vi"]
    if vi.isna().all():
        return _none("nikkei_vi: no close before any session of the run" if len(vi) else _OLD)
    low, high = BANDS
    masks = {
        f"below {low:g}": vi < low,
        f"{low:g} to {high:g}": (vi >= low) & (vi <= high),
        f"above {high:g}": vi > high,
    }
    if vi.isna().any():
        masks["not known"] = vi.isna()
    return {"rows": [_figures(result, name, mask) for name, mask in masks.items()]}


def boj_eras(result: Result) -> Row:
    """Return the figures of the sessions by era of the Bank's purchases, in the order of the eras."""
    era = result.regimes["boj_era"]
    if not len(era):
        return _none(_OLD)
    rows = [
        {"from": since.isoformat() if since else None, **_figures(result, name, era == name)}
        for since, name in eras().steps
        if (era == name).any()
    ]
    first = {"from_why": "from the first session on"}
    return {"rows": [row | (first if row["from"] is None else {}) for row in rows], "source": eras().source}


def _figures(result: Result, name: str, mask: pd.Series) -> Row:
    """Return compounded returns and the net Sharpe ratio of some sessions."""
    part = result.returns[mask.reindex(result.returns.index, fill_value=False).to_numpy()]
    row: Row = {"group": name, "sessions": len(part)}
    for column in _COLUMNS:
        row |= metrics.figure(column, partial(metrics.total_return, part[column].to_numpy()))
    year = float(result.facts["sessions_per_year"])
    return row | metrics.figure("sharpe", partial(metrics.sharpe, part["net"].to_numpy(), year))


def around_events(result: Result) -> Row:
    """Return the mean net return around the sessions on which events are effective, of any kind and by kind.

    Of each window: ``n`` (sessions with an event whose window lies within the run), ``mean``, and a 90 % interval of
    the mean (``low``, ``high``), which takes events for independent; windows of near events overlap.
    """
    events = result.regimes["event"]
    if not len(events) or events.isna().all():
        return _none("factors: absent, so no event is known" if len(events) else _OLD)
    kinds = {"any": (events != "").to_numpy()}
    kinds |= {word: np.array([word in text.split(", ") for text in events]) for word in WORDS.values()}
    net = result.returns["net"].reindex(events.index).to_numpy(dtype=np.float64)
    rows = [
        {"kind": kind, "windows": [_window(net, np.flatnonzero(mask), kind, *window) for window in WINDOWS]}
        for kind, mask in kinds.items()
        if mask.any()
    ]
    return {"rows": rows} if rows else _none("no event was effective on a session of the run")


def _window(net: Floats, at: np.ndarray, kind: str, first: int, last: int) -> Row:
    """Return the mean of the returns compounded from `first` to `last` sessions after events, with its interval."""
    inside = at[(at + first >= 0) & (at + last < len(net))]
    grown = np.prod(1.0 + net[inside[:, None] + np.arange(first, last + 1)], axis=1) - 1.0
    row: Row = {"from": first, "to": last, "n": len(inside)}
    if not len(inside):
        return row | dict.fromkeys(("mean", "low", "high")) | {"mean_why": "no window within the run"}
    mean = float(grown.mean())
    if len(inside) == 1:
        return row | {"mean": mean, "low": None, "high": None, "low_why": "one event"}
    _, low, high = studentised_mean(grown, generator(f"{kind} {first} {last}"))
    return row | {"mean": mean, "low": low, "high": high}


def _none(why: str) -> Row:
    return {"rows": [], "why": why}


def activity(result: Result) -> list[Row]:
    """Return exposure over the account value, turnover, fills and what they cost, by calendar year."""
    index = pd.DatetimeIndex(result.positions.index)
    held = result.positions.drop(columns="cash")
    value = result.equity["net"].reindex(index)
    years = pd.DatetimeIndex(result.fills["session"]).year
    return [
        _year(str(year), held[index.year == year], value[index.year == year], result.fills[years == year])
        for year in sorted(set(index.year))
    ]


def _year(year: str, held: pd.DataFrame, value: pd.Series, fills: pd.DataFrame) -> Row:
    row: dict[str, Any] = {
        "year": year,
        "sessions": len(held),
        "invested": float((held != 0).any(axis=1).mean()),
        "fills": len(fills),
        "costs": float((fills["fee"] + fills["slippage"]).sum()),
    }
    if (value <= 0).any():
        why = {f"{key}_why": "the account was empty" for key in ("gross", "net", "turnover")}
        return row | dict.fromkeys(("gross", "net", "turnover")) | why
    return row | {
        "gross": float((held.abs().sum(axis=1) / value).mean()),
        "net": float((held.sum(axis=1) / value).mean()),
        "turnover": float(fills["notional"].abs().sum() / value.mean()),
    }
