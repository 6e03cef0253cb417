"""The look-ahead check: targets on the market as it was known, against targets in hindsight.

For a sample of rows t the strategy sees ``market.until(decided[t])`` and must give, on rows 0..t, the
targets it gave on the whole market. A difference is a leak; the run is then INVALID. Every run does
this for `ROWS` rows; `backtests.lookahead.proof` does every row, and every other test there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from backtests.lookahead.guard import LookAheadError
from backtests.lookahead.purity import pure_targets, stateless
from indexsim.bars import Bars
from indexsim.market import MarketData
from strategies.base import Strategy, Targets

#: Rows a run checks, where it has as many.
ROWS = 64
#: Target changes among them, and events, each with the row before it; the first row and the last are two more.
AROUND = (ROWS - 2) // 4
#: Relative tolerance: sums taken over a shorter history may differ in the last bits.
TOLERANCE = 1e-9
#: What no such check can see.
BLIND_SPOTS = (
    "hindsight of the researcher: parameters, dates or names chosen after seeing this history, "
    "also where they are written into the code",
    "data that was revised after its date, or a universe of survivors",
    "release lags that are later in truth than in indexsim.known",
    "files read by compiled code that does not tell Python (pyarrow given a path, ctypes)",
)


def check_rows(targets: Targets, market: MarketData, bars: Bars, span: slice, strict: str) -> np.ndarray:
    """Choose the rows to check: first, last, around events and target changes, then spread evenly.

    Returns
    -------
    ndarray of int, ascending
        `ROWS` rows of `span` (all of them under ``strict = "all"`` or where it has fewer).
    """
    rows = np.arange(span.start, span.stop)
    if strict == "all" or len(rows) <= ROWS:
        return rows
    marked = {span.start, span.stop - 1}
    for part in (spread(_changes(targets, span), AROUND), spread(_event_rows(market, bars, span), AROUND)):
        marked |= {int(r) for row in part for r in (row - 1, row) if span.start <= r < span.stop}
    rest = np.setdiff1d(rows, np.array(sorted(marked)))
    return np.array(sorted(marked | {int(r) for r in spread(rest, max(ROWS - len(marked), 0))}))


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


def spread(rows: np.ndarray, count: int) -> np.ndarray:
    """Return at most `count` of the rows, evenly spread."""
    if len(rows) <= count:
        return rows
    return rows[np.linspace(0, len(rows) - 1, count).round().astype(int)] if count else rows[:0]


def find_leaks(
    strategy: type[Strategy], params: Any, market: MarketData, bars: Bars, targets: Targets, rows: Iterable[int]
) -> list[dict[str, Any]]:
    """Return one entry {row, what} for every checked row whose past targets change with the future.

    Raises
    ------
    LookAheadError
        The strategy reads files, keeps state or holds data: then a comparison proves nothing.
    """
    leaks = []
    with stateless(strategy, params):
        for t in map(int, rows):
            at = bars.decided[t]
            what = repeat(strategy, params, market.until(at), Past(targets, bars, t), t + 1, f"as known at {at}")[1]
            if what:
                leaks.append({"row": str(at), "what": what})
    return leaks


@dataclass(frozen=True)
class Past:
    """What another market must not change: the targets in hindsight up to a row.

    Attributes
    ----------
    targets : Targets
        In hindsight, a row for each bar.
    bars : Bars
    t : int
        The last row that counts.
    """

    targets: Targets
    bars: Bars
    t: int

    def difference(self, then: Targets, rows: int, how: str) -> str:
        """Say what differs in the targets of another market, of which `rows` rows are expected; "" where nothing does.

        Parameters
        ----------
        how : str
            What the other market is, as the end of a sentence.
        """
        targets = self.targets
        if then.unit != targets.unit:
            return f"trades in {targets.unit} in hindsight and in {then.unit} {how}"
        if len(then) != rows:
            return f"gives {len(then)} rows on the {rows} bars {how}"
        return self._names(then, how) or self._values(then, how) or self._deposits(then, how)

    def _names(self, then: Targets, how: str) -> str:
        """A strategy may come to know more names: none that was held before may be among them."""
        up_to = slice(0, self.t + 1)
        now, past = self.targets.rows(up_to), then.rows(up_to)
        for one, other, where in ((now, past, how), (past, now, "in hindsight")):
            absent = [name for name in one.ordered() if name not in other.instruments]
            if absent:
                return f"holds {absent[0]} before {self.bars.decided[self.t]}, which it does not name {where}"
        return ""

    def _deposits(self, then: Targets, how: str) -> str:
        none = np.zeros(self.t + 1)
        now, past = (none if x.deposits is None else x.deposits[: self.t + 1] for x in (self.targets, then))
        differs = np.flatnonzero(~np.isclose(now, past, rtol=TOLERANCE, atol=0.0))
        if not len(differs):
            return ""
        row = int(differs[0])
        return f"the deposit at {self.bars.decided[row]} is {now[row]:g} in hindsight and {past[row]:g} {how}"

    def _values(self, then: Targets, how: str) -> str:
        if then.instruments != self.targets.instruments:
            both = tuple(name for name in self.targets.instruments if name in then.instruments)
            return Past(self.targets.on(both), self.bars, self.t)._values(then.on(both), how)
        return self._column("at_open", then, how) or self._column("at_close", then, how)

    def _column(self, name: str, then: Targets, how: str) -> str:
        now, past = getattr(self.targets, name)[: self.t + 1], getattr(then, name)[: self.t + 1]
        # The same bytes are the rule, and cost a tenth of the comparison by tolerance.
        if now.dtype == past.dtype and now.tobytes() == past.tobytes():
            return ""
        differs = np.argwhere(~np.isclose(now, past, rtol=TOLERANCE, atol=0.0, equal_nan=True))
        if not len(differs):
            return ""
        row, k = (int(v) for v in differs[0])
        return (
            f"{name} of {self.targets.instruments[k]} at {self.bars.decided[row]} is {now[row, k]:g} in hindsight "
            f"and {past[row, k]:g} {how}"
        )


def repeat(
    strategy: type[Strategy], params: Any, market: MarketData, past: Past, rows: int, how: str
) -> tuple[Targets | None, str]:
    """Return the targets on another market, and what they say differently about the past; "" where nothing.

    Raises
    ------
    LookAheadError
        As `find_leaks`.
    """
    try:
        then = pure_targets(strategy, params, market)
    except LookAheadError:
        raise
    except Exception as error:  # a strategy of any kind may fail in any way: that is the finding
        return None, f"fails on the market {how}: {type(error).__name__}: {error}"
    return then, past.difference(then, rows, how)
