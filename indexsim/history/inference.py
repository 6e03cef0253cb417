"""From lists of factors, closes and levels to a history: what is sure, and what is not with its candidates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd

from indexsim.errors import MissingData, SpecError
from indexsim.facts import IndexEvent
from indexsim.history.changes import Change, Prices, jumps, pending, splits
from indexsim.history.walk import Hypothesis, Target, Walk, first_divisor

#: How far a level may lie from the published one: half of its last digit, and as much again where the first divisor
#: was fitted to a level itself.
HALF_A_DIGIT = 0.005 + 1e-6

ASKED = "infer the history of the factors"


@dataclass(frozen=True)
class FactorList:
    """An official list: the factor of every constituent on a day.

    Attributes
    ----------
    day : date
    factors : mapping of code to Fraction
        Cap included.
    """

    day: date
    factors: Mapping[str, Fraction]


@dataclass(frozen=True, order=True)
class Placed:
    """A change and the session on which it acts.

    Attributes
    ----------
    session : date
    change : Change
    by : str
        What places it: "closes", "levels" or "facts".
    """

    session: date
    change: Change
    by: str


@dataclass(frozen=True)
class Ambiguous:
    """A change that several histories place differently.

    Attributes
    ----------
    code : str
    what : str
        Factor before and after, as the lists say.
    candidates : tuple of str
        What it can be, each with its session: "2025-08-28 split 2:1 (1 to 2)".
    why : str
    """

    code: str
    what: str
    candidates: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class History:
    """What happened between the lists.

    Attributes
    ----------
    first : FactorList
    divisor : Decimal or None
        In force on the day of the first list; None where no level tells it.
    fitted : bool
        Whether it was fitted to a level, and others fit as well.
    placed : tuple of Placed
        What is sure, by session.
    ambiguous : tuple of Ambiguous
    misfits : tuple of date
        Sessions whose level no history fits.
    """

    first: FactorList
    divisor: Decimal | None
    fitted: bool
    placed: tuple[Placed, ...]
    ambiguous: tuple[Ambiguous, ...]
    misfits: tuple[date, ...]


def infer(
    lists: Sequence[FactorList],
    closes: pd.DataFrame,
    levels: pd.Series,
    divisor: Decimal | None = None,
    source: Sequence[IndexEvent] = (),
) -> History:
    """Infer what happened between lists of factors.

    Parameters
    ----------
    lists : sequence of FactorList
        Two or more, of different days.
    closes : DataFrame of shape (n_sessions, n_codes)
        Yen as traded, of every code of the lists; those of names that were in only in between, if they are to be found.
    levels : Series of float64
        Published close of the index by session; unknown ones are absent or NaN.
    divisor : Decimal, optional
        In force on the day of the first list; None is fitted to the level of that day.
    source : sequence of IndexEvent
        Events known from elsewhere. They place what the levels leave open, and nothing else; it is said of each.

    Raises
    ------
    SpecError
        Fewer than two lists, or two of one day.
    MissingData
        A code of a list has no closes, or there is no session on or before the first list.
    """
    ordered = _ordered(lists)
    prices = Prices.of(closes)
    rows = _rows(prices, ordered)
    published = levels.reindex(closes.index).to_numpy(np.float64)
    start = rows[0]
    fitted = False
    if divisor is None and np.isfinite(published[start]):
        divisor, only = first_divisor(prices, published, ordered[0].factors, start)
        fitted = not only
    within = HALF_A_DIGIT * (2 if fitted else 1)
    walk = Walk(prices, published, within, [Hypothesis(dict(ordered[0].factors), float(divisor or 1))], [])
    targets = [
        _target(prices, one.factors, other.factors, range(low + 1, high + 1))
        for one, other, low, high in zip(ordered, ordered[1:], rows, rows[1:], strict=False)
    ]
    known = np.isfinite(published[start + 1 : rows[-1] + 1]).any() and divisor is not None
    if known:
        for low, target in zip(rows, targets, strict=False):
            if walk.stopped is None and walk.live:
                walk.to(low + 1, target)
    found = walk.live if known and walk.stopped is None else []
    placed, ambiguous = _told(found, prices, targets, source) if found else _untold(prices, ordered, targets, walk)
    misfits = tuple(prices.sessions[row] for row in walk.misfits)
    return History(ordered[0], divisor, fitted, tuple(sorted(placed)), tuple(ambiguous), misfits)


def _ordered(lists: Sequence[FactorList]) -> list[FactorList]:
    days = {each.day for each in lists}
    if len(days) < 2 or len(days) < len(lists):
        raise SpecError(
            asked=ASKED,
            found=f"{len(lists)} lists, of {', '.join(map(str, sorted(days)))}",
            rule="two lists or more, each of a day of its own",
            todo="name the list of another day",
        )
    return sorted(lists, key=lambda each: each.day)


def _rows(prices: Prices, lists: Sequence[FactorList]) -> list[int]:
    """Return the row of the last session up to each list."""
    absent = sorted({code for each in lists for code in each.factors if code not in prices.codes})
    rows = [sum(session <= each.day for session in prices.sessions) - 1 for each in lists]
    if absent or rows[0] < 0:
        found = f"no closes of {', '.join(absent[:5])} ({len(absent)} codes)" if absent else "no session up to its day"
        raise MissingData(
            asked=ASKED,
            found=found,
            rule="closes of every code of the lists, from the day of the first list on",
            todo="add them",
        )
    if len(set(rows)) < len(rows):
        raise MissingData(
            asked=ASKED, found="no session between two lists", rule="closes between the lists", todo="add them"
        )
    return rows


def _target(prices: Prices, one: Mapping[str, Fraction], other: Mapping[str, Fraction], rows: range) -> Target:
    """Return a list to be reached, with the splits that the closes tell."""
    sure: dict[int, list[Change]] = defaultdict(list)
    maybe: dict[int, list[Change]] = defaultdict(list)
    entries: dict[str, list[tuple[int, Fraction]]] = defaultdict(list)
    for code in (code for code in one if one[code] != other.get(code)):
        found = list(splits(prices, code, one[code], other[code], rows)) if code in other else []
        clear = [(row, change) for row, change, beyond in found if beyond]
        if len(clear) == 1:
            sure[clear[0][0]].append(clear[0][1])
            continue
        weak = [(row, change) for row, change, _ in found]
        for row, change in weak or [(row, _split(code, one[code], r)) for row, r in jumps(prices, code, rows)]:
            maybe[row].append(change)
    for code in (code for code in other if code not in one):
        for row, ratio in jumps(prices, code, rows):
            maybe[row].append(_split(code, other[code] / ratio, ratio))
            entries[code].append((row, other[code] / ratio))
    told, possible = ({row: tuple(changes) for row, changes in table.items()} for table in (sure, maybe))
    return Target(rows[-1], other, told, possible, {code: tuple(each) for code, each in entries.items()})


def _split(code: str, before: Fraction, ratio: Fraction) -> Change:
    return Change(code, "split", before, before * ratio, ratio)


def _told(
    found: Sequence[Hypothesis], prices: Prices, targets: Sequence[Target], source: Sequence[IndexEvent]
) -> tuple[list[Placed], list[Ambiguous]]:
    """Return what all histories agree in, and what they do not."""
    told = [{(row, change) for row, changes in h.steps for change in changes} for h in found]
    preferred = [steps for steps in told if all(_is_known(prices.sessions[r], c, source) for r, c in steps)]
    sure = set.intersection(*told)
    splits_told = {(row, change) for target in targets for row, changes in target.sure.items() for change in changes}
    placed = [Placed(prices.sessions[r], c, "closes" if (r, c) in splits_told else "levels") for r, c in sorted(sure)]
    open_ = sorted(set.union(*told) - sure, key=lambda each: (each[1].code, each[0]))
    if open_ and len(preferred) == 1:
        placed += [Placed(prices.sessions[r], c, "facts") for r, c in sorted(preferred[0] - sure)]
        open_ = []
    placed = [_with_parent(p, source) for p in placed]
    orphans = [_orphan(p, prices, found[0]) for p in placed if p.change.kind == "spin-off" and not p.change.parent]
    by_code: dict[str, list[str]] = defaultdict(list)
    for row, change in open_:
        by_code[change.code].append(f"{prices.sessions[row]} {_short(change)}")
    why = f"{len(found)} histories fit every level"
    ambiguous = [Ambiguous(code, _wanted(code, targets[-1]), tuple(said), why) for code, said in by_code.items()]
    return placed, [*ambiguous, *orphans]


def _is_known(session: date, change: Change, source: Sequence[IndexEvent]) -> bool:
    """Say whether a source has a change on a session."""
    words = {"spin-off": ("spin-off", "add")}.get(change.kind, (change.kind,))
    return any(e.effective == session and e.code == change.code and e.event.startswith(words) for e in source)


def _untold(
    prices: Prices, lists: Sequence[FactorList], targets: Sequence[Target], walk: Walk
) -> tuple[list[Placed], list[Ambiguous]]:
    """Return what the closes alone tell, where the levels are not there or fit no history."""
    placed, ambiguous = [], []
    why = "no published levels between the lists"
    if walk.misfits or not walk.live:
        stopped = walk.stopped if walk.stopped is not None else targets[-1].row
        why = f"no history that was tried fits the levels up to {prices.sessions[stopped]}"
    low = prices.sessions.index(max(s for s in prices.sessions if s <= lists[0].day))
    for one, target in zip(lists, targets, strict=False):
        placed += [Placed(prices.sessions[row], c, "closes") for row, cs in target.sure.items() for c in cs]
        span = f"{prices.sessions[low + 1]} to {prices.sessions[target.row]}"
        rest = [c for c in pending(one.factors, target.factors, prices.sessions[low]) if c.code not in target.told]
        for code in dict.fromkeys(c.code for c in rest):
            kinds = [_short(c) for c in rest if c.code == code]
            dated = [
                f"{prices.sessions[r]} {_short(c)}" for r, cs in target.maybe.items() for c in cs if c.code == code
            ]
            said = (*dated, *(f"{kind} on any session from {span}" for kind in kinds))
            ambiguous.append(Ambiguous(code, _wanted(code, target), said, why))
        low = target.row
    return placed, ambiguous


def _short(change: Change) -> str:
    return str(change).partition(" ")[2]


def _wanted(code: str, target: Target) -> str:
    """Say what a list has of a code."""
    factor = target.factors.get(code)
    return f"{'not' if factor is None else f'{float(factor):g}'} in the last list"


def _with_parent(placed: Placed, source: Sequence[IndexEvent]) -> Placed:
    """Return a spin-off with the parent that a source names."""
    words = (e.event for e in source if e.effective == placed.session and e.code == placed.change.code)
    parent = next((word.partition(" of ")[2] for word in words if word.startswith("spin-off of ")), "")
    return replace(placed, change=replace(placed.change, parent=parent)) if placed.change.kind == "spin-off" else placed


def _orphan(placed: Placed, prices: Prices, h: Hypothesis) -> Ambiguous:
    """List the names that a company can have been spun off by: they fell that day, by about its worth first."""
    row = prices.sessions.index(placed.session)
    price = prices.raw[row, prices.codes[placed.change.code]]
    fell = {code: prices.last[row - 1, prices.codes[code]] - prices.last[row, prices.codes[code]] for code in h.factors}
    same = [code for code, fall in fell.items() if fall > 0 and h.factors[code] == placed.change.after]
    nearest = sorted(same, key=lambda code: (abs(fell[code] - price), code))
    candidates = tuple(f"{code}, {fell[code]:g} yen lower" for code in nearest)
    why = f"the levels tell the session and the factor; no level tells the parent, the company closed at {price:g}"
    return Ambiguous(placed.change.code, f"spin-off on {placed.session}", candidates, why)
