"""What each file of a market covers: days, missing sessions, stale rows, and the days it shares with other files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from indexsim import gate, sessions
from indexsim.market import Folder
from indexsim.schema import FILES, FileSchema

#: Gaps, and codes with holes, that are listed; all are counted.
LISTED = 10
#: Rules of the gate that say a row repeats what came before.
STALE = ("stale-row", "stale-price")
#: Columns that tell the series of a long file apart.
_SERIES = ("series", "root", "code")

Answer = dict[str, Any]


def coverage(folder: Folder, name: str) -> Answer:
    """Return what a file covers.

    Returns
    -------
    dict
        ``file``, ``rows``, ``from``, ``to`` (null with ``why`` where nothing is dated), ``missing_sessions`` and
        ``missing_first`` (the first ten of them), ``gaps`` {count, longest {from, to, sessions}, first [the same]},
        ``stale`` (findings), ``columns`` [{column, from, to, blank}] of a series or ``codes`` {count, with_holes,
        first} of a wide file or ``series`` [{series, rows, from, to}] of a long one, ``overlap`` {file: days in
        common}.
    """
    frame, schema = folder.frame(name), FILES[name]
    answer: Answer = {"file": folder.files[name].name, "rows": len(frame), "from": None, "to": None}
    days = days_of(frame, schema)
    if days is None or not len(days):
        return {**answer, "why": "no dates in it"}
    answer |= {"from": _iso(days.min()), "to": _iso(days.max()), **_gaps(days, schema)}
    answer["stale"] = sum(finding.rule in STALE for finding in folder.findings(name))
    answer |= _parts(frame, schema, days)
    if schema.date_indexed:
        others = (other for other in sorted(folder.files) if other != name and FILES[other].date_indexed)
        answer["overlap"] = {other: int(days.isin(folder.frame(other).index).sum()) for other in others}
    return answer


def days_of(frame: pd.DataFrame, schema: FileSchema) -> pd.DatetimeIndex | None:
    """Return the day of each row; None for a file without days."""
    if isinstance(frame.index, pd.DatetimeIndex):
        return frame.index
    first = frame[schema.columns[0].name]
    if schema.dated:
        return pd.DatetimeIndex(first)
    return pd.DatetimeIndex(gate.parse_dates(first).dropna()) if schema.name == "factors" else None


def _gaps(days: pd.DatetimeIndex, schema: FileSchema) -> Answer:
    """Return the sessions without a row between the first and the last, day by day and in runs."""
    found = list(gate.gaps(days)) if schema.daily else []
    runs = [{"from": _iso(first), "to": _iso(last), "sessions": count} for first, last, count in found]
    table = sessions.all_sessions()
    absent = [day for first, last, _ in found[:LISTED] for day in table[(table >= first) & (table <= last)][:LISTED]]
    return {
        "missing_sessions": sum(count for _, _, count in found),
        "missing_first": [_iso(day) for day in absent[:LISTED]],
        "gaps": {"count": len(runs), "longest": max(runs, key=_length, default=None), "first": runs[:LISTED]},
    }


def _length(run: Answer) -> int:
    return int(run["sessions"])


def _parts(frame: pd.DataFrame, schema: FileSchema, days: pd.DatetimeIndex) -> Answer:
    """Return what the columns, codes or series of a file cover."""
    if schema.wide:
        return {"codes": _codes(frame)}
    if schema.date_indexed:
        return {"columns": [{"column": str(c), **_held(frame[c], days)} for c in frame]}
    key = next((column for column in _SERIES if column in frame and column in schema.key), None)
    if key is None or key == "code":
        return {}
    parts = frame.groupby(key)[schema.columns[0].name].agg(["size", "min", "max"])
    rows = [
        {"series": str(n), "rows": int(r["size"]), "from": _iso(r["min"]), "to": _iso(r["max"])}
        for n, r in parts.iterrows()
    ]
    return {"series": rows}


def _codes(frame: pd.DataFrame) -> Answer:
    """Return how many codes a wide file has, and which have blanks between their first and last cell."""
    held = frame.notna().to_numpy(dtype=bool)
    inside = np.maximum.accumulate(held, axis=0) & np.maximum.accumulate(held[::-1], axis=0)[::-1]
    holes = (inside & ~held).sum(axis=0)
    first = [{"code": str(frame.columns[at]), "blank": int(holes[at])} for at in np.flatnonzero(holes)[:LISTED]]
    return {"count": frame.shape[1], "with_holes": int((holes > 0).sum()), "first": first}


def _held(column: pd.Series, days: pd.DatetimeIndex) -> Answer:
    """Return from when to when a column has cells, and how many are blank in between."""
    filled = np.flatnonzero(column.notna().to_numpy())
    if not len(filled):
        return {"from": None, "to": None, "blank": len(column)}
    blank = int(filled[-1] - filled[0] + 1 - len(filled))
    return {"from": _iso(days[filled[0]]), "to": _iso(days[filled[-1]]), "blank": blank}


def _iso(day: pd.Timestamp) -> str:
    return f"{day:%Y-%m-%d}"
