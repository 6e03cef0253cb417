"""Attacks that move dates: where a run starts and ends, and when it held what it held."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backtests.attacks.case import TIMES, Attack, Case, Variant
from indexsim.bars import Bars
from strategies.base import Targets

#: Sessions by which the start and the end are moved; at least half of the run must be left.
MOVED = (60, 120, 250)
#: Sessions by which the windows around events are moved, later and earlier.
NEAR = tuple(range(5, 51, 5))
#: Placebos of a run without events: it is turned round by so many equal steps. At most one may be as good.
STEPS, AS_GOOD = 20, 1


def start(case: Case) -> Attack:
    """Begin later."""
    name, what = "start moved", "The run began some sessions later, with the same cash; the worst is shown."
    setup, days = case.setup, np.unique(case.setup.traded.session)
    moves = _moves(len(days))
    if not moves:
        return Attack(name, what, why=_too_short(len(days)))
    found = []
    for move in moves:
        first = setup.span.start + int(np.searchsorted(setup.traded.session, days[move]))
        found.append((f"from {days[move]}", case.on(replace(setup, span=slice(first, setup.span.stop)))))
    return case.worst(name, what, found)


def end(case: Case) -> Attack:
    """End earlier."""
    name, what = "end moved", "The run ended some sessions earlier; the worst is shown."
    moves = _moves(len(case.returns))
    if not moves:
        return Attack(name, what, why=_too_short(len(case.returns)))
    cut = {move: case.returns.iloc[:-move] for move in moves}
    return case.worst(name, what, [(f"to {part.index[-1]:%Y-%m-%d}", case.figures_of(part)) for part in cut.values()])


def _moves(sessions: int) -> list[int]:
    return [move for move in MOVED if move <= sessions // 2]


def _too_short(sessions: int) -> str:
    return f"of {sessions} sessions fewer than half would be left after {MOVED[0]}"


def placebo(case: Case) -> Attack:
    """Hold the same on other dates."""
    is_event = "factors" in case.setup.strategy.needs(case.setup.params)
    name, targets = "placebo event dates" if is_event else "placebo dates", case.targets
    what = (
        f"The windows were moved by {NEAR[0]} to {NEAR[-1]} sessions, earlier and later; the best of them is shown."
        if is_event
        else f"What was held was turned round in time by {STEPS} equal steps, its end put before its beginning; "
        "the best of them is shown."
    )
    if targets is None:
        return Attack(name, what, TIMES, why=case.why_none)
    bars, sessions = case.setup.traded, len(case.returns)
    if sessions < 4 * STEPS:
        return Attack(name, what, TIMES, why=f"{sessions} sessions are fewer than {4 * STEPS}")
    if not _varies(targets):
        return Attack(name, what, TIMES, why="the same is held throughout: there are no dates to move")
    shifts = [sign * n for n in NEAR for sign in (-1, 1)] if is_event else _turns(sessions)
    found = [(f"{n:+,} sessions", case.traded(moved(targets, bars, n, turned=not is_event))) for n in shifts]
    own = case.base.yearly
    variants = [
        Variant(label, one, own is not None and (one.yearly is None or one.yearly < own)) for label, one in found
    ]
    variants.sort(key=lambda v: np.inf if v.figures.yearly is None else -v.figures.yearly)
    good = sum(not variant.survives for variant in variants)
    survives = own is not None and own > 0 and good <= AS_GOOD
    return Attack(name, what, TIMES, variants[0].figures, survives, variants=tuple(variants))


def _turns(sessions: int) -> list[int]:
    return [round(sessions * k / (STEPS + 1)) for k in range(1, STEPS + 1)]


def _varies(targets: Targets) -> bool:
    """Say whether what is wanted changes after it was first wanted."""
    wanted = np.stack([targets.at_open, targets.at_close], axis=1).reshape(-1, len(targets.instruments))
    return any(len(np.unique(line[~np.isnan(line)])) > 1 for line in wanted.T)


def moved(targets: Targets, bars: Bars, by: int, turned: bool) -> Targets:
    """Return targets some sessions later, each row in its half of the session.

    Parameters
    ----------
    by : int
        Sessions; below zero is earlier.
    turned : bool
        Whether what leaves at one end comes in at the other; else nothing is held there.
    """
    first = np.flatnonzero(np.append(True, bars.session[1:] != bars.session[:-1]))
    counts = np.diff(np.append(first, len(bars)))
    place = np.repeat(np.arange(len(first)), counts)
    half = np.arange(len(bars)) - first[place]
    origin = place - by
    outside = (origin < 0) | (origin >= len(first))
    origin = origin % len(first)
    row = first[origin] + np.minimum(half, counts[origin] - 1)
    parts = []
    for part in (targets.at_open, targets.at_close):
        taken = part[row].copy()
        if not turned:
            taken[outside] = 0.0
        parts.append(taken)
    return replace(targets, at_open=parts[0], at_close=parts[1])
