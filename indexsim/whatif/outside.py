"""Names that left the index but not the world: their prices beyond the last day ``factors`` speaks of them.

``factors`` tells the splits of constituents only. A name that the `frozen` world holds on to is
followed as long as its prices explain themselves, and dropped by name where they do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from indexsim import rules
from indexsim.events import Event, Replace, is_large_split

#: A close / close of the session before from this on, or its inverse, is taken for a large split that
#: nobody told: hardly a price limit of the exchange lets a stock move as far.
LARGEST_MOVE = float(rules.SPLIT_BY_FACTOR_FROM)

#: Code -> rows [first, stop) of the closes on which it is not in the real index.
Spells = Mapping[str, Sequence[tuple[int, int]]]


def spells(sessions: pd.Index, codes: Iterable[str], events: Iterable[Event]) -> dict[str, list[tuple[int, int]]]:
    """Return when each code is outside the real index."""
    outside: dict[str, list[tuple[int, int]]] = {code: [] for code in codes}
    for event in events:
        if not isinstance(event, Replace):
            continue
        row = int(sessions.searchsorted(pd.Timestamp(event.effective)))
        for code in event.leaving:
            if code in outside:
                outside[code].append((row, len(sessions)))
        for code in event.entering:
            if outside.get(code):
                outside[code][-1] = (outside[code][-1][0], row)
    return {code: rows for code, rows in outside.items() if rows}


def carried(closes: pd.DataFrame, outside: Spells) -> pd.DataFrame:
    """Return the closes with gaps of outside names filled by the last close (A3), but not after their last one."""
    filled = {}
    for code, rows in outside.items():
        column = closes[code].to_numpy(dtype=np.float64, copy=True)
        whole = closes[code].ffill(limit_area="inside").to_numpy()
        for first, stop in rows:
            column[first:stop] = whole[first:stop]
        filled[code] = column
    return closes.assign(**filled)


def drops(closes: pd.DataFrame, outside: Spells) -> dict[str, tuple[int, str]]:
    """Return for each outside name that cannot be held to the end the row it goes on, and why."""
    found = {}
    for code, rows in outside.items():
        price = closes[code].to_numpy(dtype=np.float64)
        move = np.append(np.nan, price[1:] / price[:-1])
        for first, stop in rows:
            odd = (row for row in range(first, stop) if _breaks(price[row], move[row]))
            if (at := next(odd, stop)) < stop:
                why = (
                    "no price"
                    if np.isnan(price[at])
                    else f"its price moved by {move[at] - 1:+.0%}, as no event explains"
                )
                found[code] = (at, why)
                break
    return found


def _breaks(price: float, move: float) -> bool:
    return bool(np.isnan(price)) or is_large_split(move, LARGEST_MOVE)
