"""The events of a sample, and the rows of ``factors`` in which they are told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim import rules
from indexsim.review.selection import first_half
from indexsim.sample.days import REVIEW_NOTICE, Days
from indexsim.sample.names import CONSTITUENTS, Names

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

#: The weight cap cuts a factor to this much of it; A17.
CAP_RATIO = 1 - rules.CAP_RATIO_STEP


@dataclass(frozen=True)
class Swap:
    """One replacement of a review; positions are rows of the sessions, stocks rows of the names.

    Attributes
    ----------
    position, base : int
        Effective day and base date.
    entrant, leaver : int
    factor : Fraction
        Of the entrant, in full.
    full : int or None
        Where the entry is phased: the review at which the factor becomes the full one.
    """

    position: int
    base: int
    entrant: int
    leaver: int
    factor: Fraction = Fraction(1)
    full: int | None = None

    @property
    def first_factor(self) -> Fraction:
        """The factor at entry: half of the full one, up to a tenth, where the entry is phased (A9)."""
        return self.factor if self.full is None else first_half(self.factor)


@dataclass(frozen=True)
class SplitAt:
    """A split of a constituent.

    Attributes
    ----------
    position : int
        Ex-date.
    stock : int
    ratio : Fraction
        New shares per old.
    notice : int
        Sessions from its announcement to the ex-date.
    """

    position: int
    stock: int
    ratio: Fraction
    notice: int


@dataclass(frozen=True)
class Plan:
    """Every event of a sample.

    Attributes
    ----------
    swaps : tuple of Swap
    splits : tuple of SplitAt
    cap : (position, stock) or None
    initial : dict of stock -> Fraction
        First factor of each constituent at the start.
    end_price : float array of shape (n,)
        Price of every name at the end, yen, before rounding to its tick.
    """

    swaps: tuple[Swap, ...]
    splits: tuple[SplitAt, ...]
    cap: tuple[int, int] | None
    initial: dict[int, Fraction]
    end_price: Floats


def members(swaps: tuple[Swap, ...], n_sessions: int, n: int) -> Booleans:
    """Return who is a constituent on each session, shape (n_sessions, n)."""
    member = np.zeros((n_sessions, n), dtype=bool)
    member[:, :CONSTITUENTS] = True
    for swap in swaps:
        member[: swap.position, swap.entrant] = False
        member[: swap.position, swap.leaver] = True
    return member


def share_growth(splits: tuple[SplitAt, ...], n_sessions: int, n: int) -> Floats:
    """Return how many shares one share of the start has become, shape (n_sessions, n)."""
    grown = np.ones((n_sessions, n))
    for split in splits:
        grown[split.position :, split.stock] *= float(split.ratio)
    return grown


@dataclass(frozen=True)
class Row:
    """One row of ``factors``; a removal has no factor."""

    position: int
    stock: int
    factor: Fraction | None
    event: str
    announced: date


def factor_rows(plan: Plan, days: Days, names: Names) -> pd.DataFrame:
    """Return the rows of ``factors``: every event with its announcement, and the presumed par while it rules."""
    held = dict(plan.initial)
    rows = [Row(0, stock, factor, "initial", days.day(0)) for stock, factor in held.items()]
    for position in sorted({*(split.position for split in plan.splits), *days.reviews}):
        rows += _split_rows(plan, days, position, held)
        rows += _review_rows(plan, days, position, held)
    return pd.DataFrame(
        {
            "effective_date": [days.day(row.position) for row in rows],
            "code": [names.code[row.stock] for row in rows],
            "factor": ["" if row.factor is None else str(float(row.factor)) for row in rows],
            "event": [row.event for row in rows],
            "announced_date": [row.announced for row in rows],
            "presumed_par_yen": [_par_text(days.day(row.position), row.factor) for row in rows],
        }
    )


def _split_rows(plan: Plan, days: Days, position: int, held: dict[int, Fraction]) -> list[Row]:
    """Return the splits of an ex-date, and move the factors in `held`."""
    rows = []
    for split in (s for s in plan.splits if s.position == position):
        held[split.stock] *= split.ratio
        event = f"split {split.ratio.numerator}:{split.ratio.denominator}"
        rows.append(Row(position, split.stock, held[split.stock], event, days.notice(position, split.notice)))
    return rows


def _review_rows(plan: Plan, days: Days, position: int, held: dict[int, Fraction]) -> list[Row]:
    """Return what a review changes, and change it in `held`."""
    rows = []
    told = days.notice(position, REVIEW_NOTICE)
    for swap in (s for s in plan.swaps if s.position == position):
        held[swap.entrant] = swap.first_factor
        rows.append(Row(position, swap.entrant, swap.first_factor, "add", told))
        rows.append(Row(position, swap.leaver, None, "remove", told))
    for swap in (s for s in plan.swaps if s.full == position):
        held[swap.entrant] = swap.factor
        rows.append(Row(position, swap.entrant, swap.factor, "step phase-in", told))
    if plan.cap and plan.cap[0] == position:
        held[plan.cap[1]] *= CAP_RATIO
        base = days.day(days.base_of(position))  # a cap is announced on the evening of the base date (A17)
        rows.append(Row(position, plan.cap[1], held[plan.cap[1]], "step cap", base))
    return rows


def _par_text(day: date, factor: Fraction | None) -> str:
    if factor is None or rules.FACTOR_REGIME.on(day) != "presumed par":
        return ""
    return str(rules.PAR_UNIT / factor)
