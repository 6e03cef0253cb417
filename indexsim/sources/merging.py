"""New rows of a file beside those a market has: what is unknown is added, what differs is a conflict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

#: What is done about a series, or a code, that differs where both have it: nothing at all is added to it; its own
#: numbers stay and new ones are added; the source's numbers replace them.
ON_CONFLICT = ("leave", "keep", "take")
#: Relative difference up to which two numbers are the same: they went through text.
_SAME = 1e-9


@dataclass(frozen=True)
class Conflict:
    """A number that the market and a source have differently.

    Attributes
    ----------
    file, date, column : str
    have, given : float
        In the market, at the source.
    """

    file: str
    date: str
    column: str
    have: float
    given: float


@dataclass(frozen=True)
class Merged:
    """A file with what a source adds.

    Attributes
    ----------
    frame : DataFrame
        Ascending by day.
    changed : DataFrame of bool
        Which numbers were not known, or were replaced.
    conflicts : tuple of Conflict
    """

    frame: pd.DataFrame
    changed: pd.DataFrame
    conflicts: tuple[Conflict, ...]

    def days(self, columns: Iterable[str]) -> pd.DatetimeIndex:
        """Return the days on which one of these columns has a number that is new."""
        return pd.DatetimeIndex(self.changed.index[self.changed[list(columns)].any(axis=1)])


def merge(file: str, have: pd.DataFrame, given: pd.DataFrame, on_conflict: str, wide: bool = False) -> Merged:
    """Return a file with the numbers of a source that it does not know.

    Parameters
    ----------
    file : str
        Its name, for the conflicts.
    have, given : DataFrame of float64
        Indexed by ascending days; NaN is unknown.
    on_conflict : str
        One of `ON_CONFLICT`.
    wide : bool
        Whether each column is a series of its own.
    """
    index = have.index.union(given.index).sort_values()
    columns = [*have.columns, *(name for name in given.columns if name not in have.columns)]
    old, new = (frame.reindex(index=index, columns=columns).astype("float64") for frame in (have, given))
    had, got = old.to_numpy(), new.to_numpy()
    close = np.isclose(had, got, rtol=_SAME, atol=0.0)
    differs = (old.notna() & new.notna()).to_numpy() & ~close
    may = np.ones_like(differs) & (on_conflict != "leave" or ~(differs.any(axis=0) if wide else differs.any()))
    fresh = (old.isna() & new.notna()).to_numpy() & may
    changed = fresh | (differs & (on_conflict == "take"))
    frame = pd.DataFrame(np.where(changed, new, old), index, columns).dropna(how="all")
    conflicts = tuple(
        Conflict(file, f"{index[row]:%Y-%m-%d}", str(columns[at]), float(had[row, at]), float(got[row, at]))
        for row, at in np.argwhere(differs)
    )
    return Merged(frame.rename_axis("date"), pd.DataFrame(changed, index, columns), conflicts)
