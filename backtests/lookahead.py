"""The look-ahead check of every run: targets on the market as it was known, against targets in hindsight.

For a sample of rows t the strategy sees ``market.until(decided[t])`` and must give, on rows 0..t, the
targets it gave on the whole market. A difference is a leak; the run is then INVALID.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from indexsim.bars import Bars
from indexsim.market import MarketData
from strategies.base import Strategy, Targets

#: Rows a run checks at least, where it has as many.
ROWS = 64
#: Relative tolerance: sums taken over a shorter history may differ in the last bits.
TOLERANCE = 1e-9
#: What no such check can see.
BLIND_SPOTS = (
    "hindsight of the researcher: parameters, dates or names chosen after seeing this history",
    "data that was revised after its date, or a universe of survivors",
    "release lags that are later in truth than in indexsim.known",
)


def check_rows(targets: Targets, market: MarketData, bars: Bars, span: slice, strict: str) -> np.ndarray:
    """Choose the rows to check: first, last, around events and target changes, then spread evenly.

    Returns
    -------
    ndarray of int, ascending
        At least `ROWS` rows of `span` (all of them under ``strict = "all"`` or where it has fewer).
    """
    rows = np.arange(span.start, span.stop)
    if strict == "all" or len(rows) <= ROWS:
        return rows
    marked = {span.start, span.stop - 1}
    for part in (_spread(_changes(targets, span), ROWS // 3), _spread(_event_rows(market, bars, span), ROWS // 3)):
        marked |= {int(r) for row in part for r in (row - 1, row) if span.start <= r < span.stop}
    rest = np.setdiff1d(rows, np.array(sorted(marked)))
    return np.array(sorted(marked | {int(r) for r in _spread(rest, max(ROWS - len(marked), 0))}))


def _changes(targets: Targets, span: slice) -> np.ndarray:
    rows = np.hstack([targets.at_open, targets.at_close])[span]
    moved = (rows[1:] != rows[:-1]) & ~(np.isnan(rows[1:]) & np.isnan(rows[:-1]))
    changes: np.ndarray = np.flatnonzero(moved.any(axis=1)) + 1 + span.start
    return changes


def _event_rows(market: MarketData, bars: Bars, span: slice) -> np.ndarray:
    if not market.has("factors"):
        return np.array([], dtype=int)
    acting = np.array([event.effective for event in market.events], dtype="datetime64[D]")
    days = np.append(acting, market.folder.event_times.astype("datetime64[D]"))
    rows = np.unique(np.searchsorted(bars.session, days))
    inside: np.ndarray = rows[(rows >= span.start) & (rows < span.stop)]
    return inside


def _spread(rows: np.ndarray, count: int) -> np.ndarray:
    """Return at most `count` of the rows, evenly spread."""
    if len(rows) <= count:
        return rows
    return rows[np.linspace(0, len(rows) - 1, count).round().astype(int)] if count else rows[:0]


def find_leaks(
    strategy: type[Strategy], params: Any, market: MarketData, bars: Bars, targets: Targets, rows: Iterable[int]
) -> list[dict[str, Any]]:
    """Return one entry {row, what} for every checked row whose past targets change with the future."""
    leaks = []
    for t in rows:
        what = _difference(strategy, params, market, bars, targets, int(t))
        if what:
            leaks.append({"row": str(bars.decided[t]), "what": what})
    return leaks


def _difference(strategy: type[Strategy], params: Any, market: MarketData, bars: Bars, targets: Targets, t: int) -> str:
    try:
        then = strategy.targets(market.until(bars.decided[t]), params)
    except Exception as error:  # a strategy of any kind may fail in any way: that is the finding
        return f"fails on the market as known then: {type(error).__name__}: {error}"
    if (then.instruments, then.unit) != (targets.instruments, targets.unit):
        return (
            f"trades {', '.join(targets.instruments)} in {targets.unit} in hindsight "
            f"and {', '.join(then.instruments)} in {then.unit} as known then"
        )
    if len(then) != t + 1:
        return f"gives {len(then)} rows on the {t + 1} bars known then"
    for name in ("at_open", "at_close"):
        now, past = getattr(targets, name)[: t + 1], getattr(then, name)
        differs = ~np.isclose(now, past, rtol=TOLERANCE, atol=0.0, equal_nan=True)
        if differs.any():
            row, k = (int(v) for v in np.argwhere(differs)[0])
            return (
                f"{name} of {targets.instruments[k]} at {bars.decided[row]} is {now[row, k]:g} in hindsight "
                f"and {past[row, k]:g} as known at {bars.decided[t]}"
            )
    return ""
