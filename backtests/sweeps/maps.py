"""Heat maps and slices of a sweep: the figure it selects by, around the trial that was chosen.

Of a grid, a slice holds the trials that differ from the chosen one in one axis, a map those that differ in two. A
sample has no trials in line: there the values of an axis are binned, and a cell is the median of its trials.
Everything is asked of the table of trials; nothing grows with their number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from backtests.report.plots import axis as ticks_of
from backtests.sweeps.axes import Axis, Continuous, Steps
from backtests.sweeps.plan import Plan
from backtests.sweeps.space import GRID
from backtests.sweeps.store import Store

#: Values of an axis in a map and in a slice, at most; of more every second, third, ... is shown.
MAP, SLICE = 21, 201
#: Bins of an axis of a sample.
BINS = 10
#: Axes that maps are drawn of, at most: those along which the figure moves most.
MAPPED = 4
#: Why a place of a map or of a slice is empty.
NO_FIGURE = "no trial there has the figure: the constraints exclude it, it failed, or it is undefined"

Part = dict[str, Any]


@dataclass(frozen=True)
class _Side:
    """An axis of a grid, or a thinned one.

    Attributes
    ----------
    name : str
    labels : list
        Its values as JSON has them.
    offsets : list of int
        What each value adds to the number of the chosen trial.
    at : int
        Place of the chosen value.
    every : int
        Steps from one value to the next.
    """

    name: str
    labels: list[Any]
    offsets: list[int]
    at: int
    every: int


def around(plan: Plan, store: Store, best: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the maps and slices of a finished sweep.

    Parameters
    ----------
    plan : Plan
    store : Store
    best : mapping
        The chosen trial as ``sweep.json`` has it.

    Returns
    -------
    dict
        ``slices`` [{name, labels, values, at, every, ticks}], an axis each; ``maps`` [{down, across, rows, columns,
        values, at, every}], a pair each; ``unmapped``, the axes no map is drawn of. Of a sample both also have ``n``
        (trials behind each value), and slices ``low`` and ``high``. Values are of the figure selected by, None where
        there is none.
    """
    slices, maps = (
        _of_grid(plan, store, int(best["trial"])) if plan.space.sample == GRID else _of_sample(plan, store, best)
    )
    return {"slices": slices, "maps": maps, "unmapped": _unmapped(slices, maps)}


def _unmapped(slices: list[Part], maps: list[Part]) -> list[str]:
    drawn = {found[side] for found in maps for side in ("down", "across")}
    return [found["name"] for found in slices if found["name"] not in drawn]


def _widest(slices: Iterable[Part]) -> list[str]:
    """Return the names of the axes along which the figure moves most, in the order of the axes."""
    slices = list(slices)
    moves = {s["name"]: _span([v for v in s["values"] if v is not None]) for s in slices}
    widest = sorted(moves, key=lambda name: -moves[name])[:MAPPED]
    return [name for name in moves if name in widest]


def _span(values: list[float]) -> float:
    return max(values) - min(values) if values else 0.0


def _of_grid(plan: Plan, store: Store, trial: int) -> tuple[list[Part], list[Part]]:
    axes = [axis for axis in plan.space.axes if isinstance(axis, Steps)]
    strides = [math.prod(axis.size for axis in axes[at + 1 :]) for at in range(len(axes))]
    placed = [(axis, stride) for axis, stride in zip(axes, strides, strict=True) if axis.size > 1]
    long = [_side(axis, stride, trial, SLICE) for axis, stride in placed]
    figures = _figures(plan, store, {trial + offset for side in long for offset in side.offsets})
    slices = [_slice(side, [figures.get(trial + offset) for offset in side.offsets]) for side in long]
    wide = _widest(slices)
    short = [_side(axis, stride, trial, MAP) for axis, stride in placed if axis.name in wide]
    pairs = list(combinations(short, 2))
    figures |= _figures(
        plan, store, {trial + a + b for down, across in pairs for a in down.offsets for b in across.offsets}
    )
    return slices, [_map(down, across, trial, figures) for down, across in pairs]


def _side(axis: Steps, stride: int, trial: int, most: int) -> _Side:
    """Return an axis thinned to about `most` values, the chosen one among them."""
    own, every = trial // stride % axis.size, -(-axis.size // most)
    index = [i for i in range(axis.size) if (i - own) % every == 0]
    labels = [label(value) for value in _values(axis, index)]
    return _Side(axis.name, labels, [(i - own) * stride for i in index], index.index(own), every)


def _values(axis: Steps, index: list[int]) -> list[Any]:
    """Return values of an axis; of markets, which are folders, their places in the list."""
    return index if axis.kind is tuple else list(axis.values(np.array(index, dtype=np.int64)).tolist())


def label(value: Any) -> Any:
    """Return a swept value as JSON has it."""
    return value.isoformat() if isinstance(value, date) else value


def _figures(plan: Plan, store: Store, trials: set[int]) -> dict[int, float]:
    """Return the figure of some trials, as far as they have it."""
    if not trials:
        return {}
    sql = f"select trial, {plan.select} as figure from trials where status = 0 and trial in (select unnest($trials))"
    found = store.query(sql, trials=sorted(trials)).dropna()
    return dict(zip(found["trial"].tolist(), found["figure"].tolist(), strict=True))


def _slice(side: _Side, values: list[float | None], **more: Any) -> Part:
    found = {"name": side.name, "labels": side.labels, "values": values, "at": side.at, "every": side.every}
    ticks = ticks_of([values, *more.values()] if "low" in more else [values])
    return {**found, **more, **_why([values]), "ticks": ticks}


def _map(down: _Side, across: _Side, trial: int, figures: Mapping[int, float]) -> Part:
    values = [[figures.get(trial + a + b) for b in across.offsets] for a in down.offsets]
    return _drawn(down, across, values)


def _drawn(down: _Side, across: _Side, values: list[list[float | None]]) -> Part:
    return {
        "down": down.name,
        "across": across.name,
        "rows": down.labels,
        "columns": across.labels,
        "values": values,
        "at": [down.at, across.at],
        "every": [down.every, across.every],
        **_why(values),
    }


def _why(values: list[list[float | None]]) -> Part:
    """Return the reason that stands beside values of which some are unknown."""
    return {"values_why": NO_FIGURE} if any(None in line for line in values) else {}


@dataclass(frozen=True)
class _Binned:
    """An axis of a sample: an expression that gives the bin of a trial, and what each bin is called."""

    side: _Side
    sql: str


def _of_sample(plan: Plan, store: Store, best: Mapping[str, Any]) -> tuple[list[Part], list[Part]]:
    binned = [_bins(axis, store, best[axis.name]) for axis in plan.space.axes]
    binned = [one for one in binned if len(one.side.labels) > 1]
    known = f"from trials where status = 0 and {plan.select} is not null group by all"
    slices, by = [], plan.select
    for one in binned:
        what = f"median({by}) as middle, min({by}) as low, max({by}) as high, count(*) as n"
        rows = {int(row["bin"]): row for row in _records(store, f"select {one.sql} as bin, {what} {known}")}
        places = range(len(one.side.labels))
        low, high, middle = ([_cell(rows, at, name) for at in places] for name in ("low", "high", "middle"))
        found = _slice(one.side, middle, low=low, high=high)
        slices.append({**found, "n": [int(rows[at]["n"]) if at in rows else 0 for at in places]})
    wide = _widest(slices)
    mapped = [one for one in binned if one.side.name in wide]
    return slices, [_binned_map(plan, store, known, down, across) for down, across in combinations(mapped, 2)]


def _records(store: Store, sql: str) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in store.query(sql).to_dict("records")]


def _cell(rows: Mapping[int, Mapping[str, Any]], at: int, name: str) -> float | None:
    return float(rows[at][name]) if at in rows else None


def _binned_map(plan: Plan, store: Store, known: str, down: _Binned, across: _Binned) -> Part:
    sql = f"select {down.sql} as down, {across.sql} as across, median({plan.select}) as middle, count(*) as n {known}"
    rows = {(int(row["down"]), int(row["across"])): row for row in _records(store, sql)}
    places = [[(i, j) for j in range(len(across.side.labels))] for i in range(len(down.side.labels))]
    values = [[float(rows[at]["middle"]) if at in rows else None for at in line] for line in places]
    counts = [[int(rows[at]["n"]) if at in rows else 0 for at in line] for line in places]
    return {**_drawn(down.side, across.side, values), "n": counts}


def _bins(axis: Axis, store: Store, own: Any) -> _Binned:
    """Return an axis by its values where they are few, else in bins of one width, by its logarithms if it is log."""
    name = f'"{axis.name}"'
    if not isinstance(axis, Continuous):
        values = [
            _text(row["value"]) for row in _records(store, f"select distinct {name} as value from trials order by 1")
        ]
        if len(values) <= MAP or not isinstance(values[0], (int, float)):
            return _by_value(axis.name, values, _text(own))
    ends = _records(store, f"select min({name})::double as low, max({name})::double as high from trials")[0]
    log = isinstance(axis, Continuous) and axis.log
    low, high = (math.log(ends[end]) if log else float(ends[end]) for end in ("low", "high"))
    width = (high - low) / BINS or 1.0
    number = f"ln({name}::double)" if log else f"{name}::double"
    sql = f"least(greatest(floor(({number} - {low!r}) / {width!r}), 0), {BINS - 1})::int"
    edges = [math.exp(low + width * i) if log else low + width * i for i in range(BINS + 1)]
    place = ((math.log(own) if log else float(own)) - low) / width
    labels = [f"{a:.4g} to {b:.4g}" for a, b in pairwise(edges)]
    return _Binned(_Side(axis.name, labels, [], min(max(int(place), 0), BINS - 1), 1), sql)


def _by_value(name: str, values: list[Any], own: Any) -> _Binned:
    """Return an axis whose bins are its values."""
    cases = " ".join(f"when {_literal(value)} then {at}" for at, value in enumerate(values))
    at = values.index(own) if own in values else 0
    return _Binned(_Side(name, values, [], at, 1), f'case "{name}" {cases} end')


def _text(value: Any) -> Any:
    """Return a value of a column as JSON has it; DuckDB gives days as moments."""
    value = value.item() if isinstance(value, np.generic) else value
    return str(value.date()) if hasattr(value, "date") and callable(value.date) else value


def _literal(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "'" + str(value).replace("'", "''") + "'"
    return f"{value!r}::double" if isinstance(value, float) else repr(value)
