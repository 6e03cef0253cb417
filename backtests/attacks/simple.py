"""Attacks of one way each: a bar later, dearer, without its best days, against the index."""

from __future__ import annotations

from typing import Any

from backtests import benchmarks
from backtests.attacks.case import BEATS, Attack, Case, Figures, later

#: Costs are multiplied by this.
DEARER = 3
#: So many of the best sessions are taken out, and a run needs so many of them to be attacked by that.
BEST, LEAST = 10, 20


def delay(case: Case) -> Attack:
    """Fill every order one bar later than it was decided for."""
    name, what = "delay one bar", "Every order was given one bar later; a gain that is lost by that was one bar's."
    if case.targets is None:
        return Attack(name, what, why=case.why_none)
    return case.attack(name, what, case.traded(later(case.targets)))


def costs(case: Case) -> Attack:
    """Multiply all costs."""
    name, what = f"costs x{DEARER}", "Fees, slippage, spreads, rolls, borrowing and funding were multiplied by three."
    ground = case.ground.costing(DEARER)
    if not ground.is_possible:
        return Attack(name, what, why="slippage would take the whole price")
    return case.attack(name, what, case.figures_of(ground.returns(case.account(ground))))


def best_days(case: Case) -> Attack:
    """Take the best sessions out of the returns."""
    name, what = f"drop the best {BEST} days", f"The {BEST} best sessions returned nothing; the others what they did."
    returns = case.returns
    if len(returns) < LEAST:
        return Attack(name, what, why=f"{len(returns)} sessions are fewer than {LEAST}")
    best = returns.sort_values(ascending=False, kind="stable").index[:BEST]
    return case.attack(name, what, case.figures_of(returns.where(~returns.index.isin(best), 0.0)))


def benchmark(case: Case, against: benchmarks.Benchmark, name: str) -> Attack:
    """Hold the net return against a benchmark's."""
    what = f"The {against.label} was held over the same sessions; the figures are what the run is ahead of it."
    known = case.result.returns[against.name]
    unknown = int(known.isna().sum())
    if unknown:
        why = f"the {against.label} is unknown on {unknown} of {len(known)} sessions"
        return Attack(name, what, BEATS, why=why)
    return _ahead(name, what, case.base, case.figures_of(known))


def _ahead(name: str, what: str, own: Figures, other: Figures) -> Attack:
    parts: tuple[Any, ...] = (own.net, own.yearly, other.net, other.yearly)
    if None in parts:
        return Attack(name, what, BEATS, survives=False, why="the account was lost")
    left = Figures(parts[0] - parts[2], parts[1] - parts[3])
    return Attack(name, what, BEATS, left, parts[0] > parts[2])
