"""Overlapping sources of one file: what is kept where they differ, and the list of the differences.

Of two values for a cell that of the higher rank is kept: the publisher's, then the exchange's, then any other's;
within a rank that of the source named first, where what the folder holds already comes before everything new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim.schema import FILES

#: The rule, as an answer says it.
RULE = (
    "publisher before exchange before others; within a rank what the folder holds, then the file named first "
    "(of dividends, the one that reaches further)"
)
#: Decimals beyond which a difference is noise of binary numbers.
_MOST_DECIMALS = 6


@dataclass(frozen=True)
class Source:
    """One source of a file.

    Attributes
    ----------
    name : str
        Of the file it came from.
    rank : int
        Lower is believed first.
    frame : DataFrame
        As the gate returns it.
    """

    name: str
    rank: int
    frame: pd.DataFrame


@dataclass(frozen=True)
class Conflict:
    """Two or more values for one cell.

    Attributes
    ----------
    file, date, column : str
        Where; `date` holds the whole key of a row.
    values : mapping of source to value
    kept : str
        The source whose value is kept.
    """

    file: str
    date: str
    column: str
    values: dict[str, float | str]
    kept: str

    def as_dict(self) -> dict[str, object]:
        """Return the conflict as plain JSON values."""
        return {
            "file": self.file,
            "date": self.date,
            "column": self.column,
            "values": self.values,
            "kept": self.kept,
        }


def reconcile(name: str, sources: Sequence[Source]) -> tuple[pd.DataFrame, list[Conflict]]:
    """Return one frame of several sources, and every cell in which they differ.

    Parameters
    ----------
    name : str
        Of the file of a market.
    sources : sequence of Source
        In the order in which they were named.

    Returns
    -------
    frame : DataFrame
        Rows and columns of all sources, a blank cell of one filled by the next.
    conflicts : list of Conflict
    """
    ordered = sorted(sources, key=lambda source: source.rank)
    schema = FILES[name]
    if not schema.key:  # events have an order of their own, and no key
        return _whole(name, ordered)
    key = list(schema.key)
    tables = [source.frame if schema.date_indexed else source.frame.set_index(key) for source in ordered]
    merged, conflicts = tables[0], []
    holders = [ordered[0].name]
    for source, table in zip(ordered[1:], tables[1:], strict=True):
        conflicts += _differences(name, merged, holders, source.name, table)
        merged = merged.combine_first(table)
        holders.append(source.name)
    columns = [*dict.fromkeys(column for table in tables for column in table.columns)]
    if schema.wide:
        columns = sorted(columns)
    merged = merged[columns].sort_index(kind="stable")
    return (merged if schema.date_indexed else merged.reset_index()), conflicts


def _whole(name: str, ordered: Sequence[Source]) -> tuple[pd.DataFrame, list[Conflict]]:
    first = ordered[0]
    others = [s for s in ordered[1:] if not s.frame.reset_index(drop=True).equals(first.frame.reset_index(drop=True))]
    rows = {source.name: f"{len(source.frame)} rows" for source in (first, *others)}
    return first.frame, [Conflict(name, "", "", dict(rows), first.name)] if others else []


def _differences(
    name: str, held: pd.DataFrame, holders: Sequence[str], source: str, table: pd.DataFrame
) -> list[Conflict]:
    """Return the cells in which a further table differs from what is held, at the coarser of the two precisions."""
    rows = held.index.intersection(table.index)
    found = []
    for column in [column for column in held.columns if column in table.columns]:
        ours, theirs = held.loc[rows, column], table.loc[rows, column]
        for at in np.flatnonzero(_differ(ours, theirs)).tolist():
            values = {" and ".join(holders): _plain(ours.iloc[at]), source: _plain(theirs.iloc[at])}
            found.append(Conflict(name, _key(rows[at]), str(column), values, " and ".join(holders)))
    return found


def _differ(ours: pd.Series, theirs: pd.Series) -> NDArray[np.bool_]:
    if ours.dtype.kind != "f" or theirs.dtype.kind != "f":
        one, other = ours.astype(str).to_numpy(dtype=object), theirs.astype(str).to_numpy(dtype=object)
        differ: NDArray[np.bool_] = (one != other) & (one != "") & (other != "")
        return differ
    a, b = ours.to_numpy(), theirs.to_numpy()
    within = 0.5 * 10.0 ** -min(decimals(a), decimals(b)) * (1 + 1e-9) + 1e-9 * np.abs(a)
    apart: NDArray[np.bool_] = np.abs(a - b) > within
    return apart


def decimals(values: NDArray[np.float64]) -> int:
    """Return how many decimals the values were written with, at most six.

    Examples
    --------
    >>> decimals(np.array([18450.98, 18374.0]))
    2
    """
    values = values[np.isfinite(values)]
    for count in range(_MOST_DECIMALS):
        scaled = values * 10.0**count
        if (np.abs(scaled - np.rint(scaled)) < 1e-9 * np.maximum(1.0, np.abs(scaled))).all():
            return count
    return _MOST_DECIMALS


def _key(row: object) -> str:
    parts = row if isinstance(row, tuple) else (row,)
    return ", ".join(f"{p:%Y-%m-%d}" if isinstance(p, pd.Timestamp) else str(p) for p in parts)


def _plain(value: object) -> float | str:
    return float(value) if isinstance(value, (float, int, np.floating)) else str(value)
