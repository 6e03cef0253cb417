"""What only several files of a market say together: splits without an event, cells nobody holds, missing payments.

`judge` takes what the gate found in one file and sees it in the light of the files beside it: an
error in the price of a stock that the index does not hold that day stops nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from indexsim import sessions
from indexsim.basket import Basket
from indexsim.errors import Finding, ToolError
from indexsim.events import Event, ExRights, SpinOff, Split
from indexsim.gate import suspicions
from indexsim.gate.table import FUND, LISTED

#: Wide files of stocks; the basket of the day says which of their cells are needed.
STOCKS = ("closes", "opens", "volumes", "special_quotes")

#: Days between which a fund goes ex each year: the record days are 8 and 10 July (G3).
EX_FROM, EX_TO = (6, 25), (7, 20)


ONE_DAY = timedelta(days=1)


class Files(Protocol):
    """The files of a market, as far as the gate looks at them together."""

    files: dict[str, Path]

    @property
    def events(self) -> tuple[Basket, tuple[Event, ...]]:
        """The initial basket and every event; raises ToolError where they cannot be read."""

    def frame(self, name: str) -> pd.DataFrame:
        """Return a file's frame."""


def judge(name: str, frame: pd.DataFrame, found: tuple[Finding, ...], market: Files) -> tuple[Finding, ...]:
    """Return the findings of a file in the light of the files beside it.

    Parameters
    ----------
    name : str
        File name without its ending.
    frame : DataFrame
        As the gate left it.
    found : tuple of Finding
        What the file says on its own.
    market : Files
    """
    if name.startswith(FUND) and len(frame):
        return (*found, *_fund_jumps(name, frame, market), *_unpaid(name, frame, market))
    if name not in STOCKS or "factors" not in market.files:
        return found
    try:
        held = Holdings.along(*market.events)
    except ToolError:  # the file of events has the finding
        return found
    return (*held.needed(found), *(_stock_jumps(frame, market, held) if name == "closes" else ()))


def lies_in(finding: Finding, first: date, last: date) -> bool:
    """Say whether a finding lies in [first, last]; one without dates always does."""
    start, _, end = finding.row.partition("..")
    return not start[:4].isdigit() or (start <= last.isoformat() and (end or start) >= first.isoformat())


@dataclass(frozen=True)
class Holdings:
    """Who is in the basket when.

    Attributes
    ----------
    spans : mapping of code to list of (first, after)
        First session in the basket, and the first one no longer in it.
    acts : mapping of code to list of Event
        What changes a stock's price without a trade: splits, rights and spin-offs, in order.
    """

    spans: Mapping[str, list[tuple[date, date]]]
    acts: Mapping[str, list[Event]]

    @classmethod
    def along(cls, basket: Basket, events: Sequence[Event]) -> Holdings:
        """Follow the basket along its events."""
        spans: dict[str, list[tuple[date, date]]] = defaultdict(list)
        acts: dict[str, list[Event]] = defaultdict(list)
        since = dict.fromkeys(basket.factors, date.min)
        factors = dict(basket.factors)
        for day, group in groupby(events, key=lambda event: event.effective):
            for event in group:
                factors = event.change(factors)
                if isinstance(event, (Split, ExRights)):
                    acts[event.code].append(event)
                elif isinstance(event, SpinOff):
                    acts[event.parent].append(event)
            for code in [code for code in since if code not in factors]:
                spans[code].append((since.pop(code), day))
            since |= {code: day for code in factors if code not in since}
        for code, day in since.items():
            spans[code].append((day, date.max))
        return cls(spans, acts)

    def holds(self, code: str, day: date) -> bool:
        """Say whether a code is in the basket on a day."""
        return any(first <= day < after for first, after in self.spans.get(code, ()))

    def needed(self, found: Sequence[Finding]) -> Iterator[Finding]:
        """Yield findings; an error in a cell that the index does not need becomes a warning."""
        for finding in found:
            if finding.severity != "error" or not finding.row[:4].isdigit() or self._needs(finding):
                yield finding
            else:
                said = f"{finding.found}; not in the basket then"
                yield replace(finding, found=said, severity="warning", waivable=False)

    def _needs(self, finding: Finding) -> bool:
        """Say whether a cell counts: of a held stock, or of one that comes in on the next session."""
        spans = self.spans.get(finding.column, ())
        whole = finding.column in ("", "date")
        return whole or any(lies_in(finding, _session_before(since), after - ONE_DAY) for since, after in spans)


def _session_before(day: date) -> date:
    table = sessions.all_sessions()
    at = int(table.searchsorted(pd.Timestamp(day))) if day > sessions.FIRST_DAY else 0
    return table[at - 1].date() if at else date.min


@dataclass(frozen=True)
class _Move:
    """From one close to the next that is known: both days, both prices, and the sessions from one to the other."""

    code: str
    before: date
    day: date
    base: float
    price: float
    sessions: int


def _stock_jumps(frame: pd.DataFrame, market: Files, held: Holdings) -> list[Finding]:
    """Find moves of held stocks that no day's limits allow, and splits that the price did not follow."""
    file = market.files["closes"].name
    said = []
    for move in _moves(frame[[code for code in frame if code in held.spans]], held.acts):
        acts = [act for act in held.acts.get(move.code, ()) if move.before < act.effective <= move.day]
        # What a parent is worth without the company it spun off, no event says.
        if held.holds(move.code, move.day) and not any(isinstance(act, SpinOff) for act in acts):
            said += _of_move(move, acts, file)
    return _cut(said)


def _fund_jumps(name: str, frame: pd.DataFrame, market: Files) -> list[Finding]:
    """Find moves of a fund's close that look like a split: no file can say so, and a position would not follow."""
    moves = _moves(frame[["close"]], {}) if "close" in frame else ()
    return _cut([finding for move in moves for finding in _of_move(move, (), market.files[name].name)])


def _of_move(move: _Move, acts: Sequence[Event], file: str) -> list[Finding]:
    prices = {move.code: Fraction(move.base)}
    for act in acts:
        prices = act.standard(prices)
    base, row = float(prices[move.code]), move.day.isoformat()
    if not suspicions.beyond_limit(np.array(base), np.array(move.price), np.array(move.sessions)):
        return []
    step = f"{move.base:g} to {move.price:g}"
    if acts:
        found = f"{step}, but {', '.join(map(str, acts))} leads to about {base:g}"
        return [Finding(file, row, move.code, "split-not-in-price", found, waivable=True)]
    if split := suspicions.split_like(move.base, move.price):
        found = f"{step}: looks like a split {split}, and no event says so"
        return [Finding(file, row, move.code, "split-unrecorded", found, waivable=True)]
    return [Finding(file, row, move.code, "price-beyond-limit", f"{step}: more than the daily limit", "warning")]


def _moves(frame: pd.DataFrame, acts: Mapping[str, Sequence[Event]]) -> Iterator[_Move]:
    """Yield the moves that are beyond the limit or that an event explains, by day; slips are found on their own."""
    values, days = frame.to_numpy(dtype="float64"), frame.index.to_numpy().astype("datetime64[D]")
    rows, columns = suspicions.moved(frame.ffill().to_numpy(dtype="float64"))
    marked = set(zip(rows.tolist(), columns.tolist(), strict=True)) | set(_acted(frame, values, acts))
    slips = set(zip(*(part.tolist() for part in suspicions.slips(values)), strict=True))
    at = np.searchsorted(sessions.all_sessions().to_numpy().astype("datetime64[D]"), days)
    for row, column in sorted(marked):
        before = row - 1
        while before >= 0 and np.isnan(values[before, column]):
            before -= 1
        if before < 0 or (row, column) in slips or (before, column) in slips:
            continue
        base, price = float(values[before, column]), float(values[row, column])
        passed = max(1, int(at[row] - at[before]))
        yield _Move(str(frame.columns[column]), days[before].item(), days[row].item(), base, price, passed)


def _acted(
    frame: pd.DataFrame, values: suspicions.Floats, acts: Mapping[str, Sequence[Event]]
) -> Iterator[tuple[int, int]]:
    """Yield the first price of a stock on or after each event that changes it."""
    for column, code in enumerate(frame.columns):
        for act in acts.get(code, ()):
            start = int(frame.index.searchsorted(pd.Timestamp(act.effective)))
            known = np.flatnonzero(~np.isnan(values[start:, column]))
            if len(known):
                yield start + int(known[0]), column


def _cut(said: Sequence[Finding]) -> list[Finding]:
    """Keep `LISTED` findings per column and rule; one more stands for the rest."""
    groups: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in said:
        groups[finding.column, finding.rule].append(finding)
    kept = []
    for group in groups.values():
        kept += group[:LISTED]
        if rest := group[LISTED:]:
            row = rest[0].row if len(rest) == 1 else f"{rest[0].row}..{rest[-1].row}"
            kept.append(replace(rest[0], row=row, found=f"{len(rest)} more rows like these"))
    return kept


def _unpaid(name: str, frame: pd.DataFrame, market: Files) -> list[Finding]:
    """Warn of the years in which a fund goes ex and ``distributions`` has no amount (G3)."""
    first, last = frame.index[0].date(), frame.index[-1].date()
    due = [
        year
        for year in range(first.year, last.year + 1)
        if first <= date(year, *EX_FROM) and last >= date(year, *EX_TO)
    ]
    paid: set[int] = set()
    if "distributions" in market.files:
        table = market.frame("distributions")
        paid = set(table["ex_date"][(table["code"] == name) & table["yen"].notna()].dt.year)
    absent = [year for year in due if year not in paid]
    if not absent:
        return []
    row = f"{date(absent[0], *EX_FROM)}..{date(absent[-1], *EX_TO)}"
    years = ", ".join(map(str, absent)) if len(absent) <= 5 else f"{len(absent)} years from {absent[0]} to {absent[-1]}"
    found = f"no distribution in {years}: its returns are price returns"
    return [Finding(market.files[name].name, row, "", "missing-distributions", found, "warning")]
