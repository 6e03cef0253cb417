"""Session by session along the published levels: every set of changes that fits them all.

A hypothesis is what happened so far. On each session it goes on in every way that the level published there allows:
with nothing, or with some of the changes that are still to come. What does not fit a later level is dropped, so what is
left at the end is every history that fits, and nothing was guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import combinations
from math import comb

import numpy as np

from indexsim import rules
from indexsim.history.changes import Change, Floats, Prices, pending
from indexsim.rounding import half_up

#: Sets of changes tried on one session; above it, only sets of fewer changes.
TRIED = 5_000
#: Hypotheses carried on; more are no answer.
CARRIED = 6_000
#: Sessions on end whose level no hypothesis fits, before the walk gives up.
MISFITS = 2


@dataclass(frozen=True)
class Hypothesis:
    """What may have happened so far.

    Attributes
    ----------
    factors : mapping of code to Fraction
    divisor : float
    steps : tuple of (row, changes)
    """

    factors: Mapping[str, Fraction]
    divisor: float
    steps: tuple[tuple[int, tuple[Change, ...]], ...] = ()


@dataclass(frozen=True)
class Target:
    """A list of factors that must be reached on a row, and the splits that the closes tell on the way.

    Attributes
    ----------
    row : int
    factors : mapping of code to Fraction
    sure : mapping of row to tuple of Change
        Splits that can have happened on that session only.
    maybe : mapping of row to tuple of Change
        Moves that may be a split.
    entries : mapping of code to tuple of (row, factor)
        Factors of an entry that such a move, on that row, would turn into the one of the list.
    """

    row: int
    factors: Mapping[str, Fraction]
    sure: Mapping[int, tuple[Change, ...]]
    maybe: Mapping[int, tuple[Change, ...]]
    entries: Mapping[str, tuple[tuple[int, Fraction], ...]]

    def early(self, held: Mapping[str, Fraction], row: int) -> list[Change]:
        """Return the entries on a row at a factor that a later split would turn into that of the list."""
        return [
            Change(code, "add", None, factor)
            for code, each in self.entries.items()
            for split, factor in each
            if row < split and code not in held
        ]

    @property
    def told(self) -> frozenset[str]:
        """Codes whose factor a sure split explains."""
        return frozenset(change.code for changes in self.sure.values() for change in changes)


@dataclass
class Walk:
    """The hypotheses along the sessions.

    Attributes
    ----------
    prices : Prices
    levels : ndarray of float64, shape (n_sessions,)
        Published closes; NaN where there is none.
    within : float
        How far a level may lie from the published one, points.
    live : list of Hypothesis
    misfits : list of int
        Rows whose level fits nothing.
    stopped : int or None
        Row on which the walk gave up.
    """

    prices: Prices
    levels: Floats
    within: float
    live: list[Hypothesis]
    misfits: list[int]
    stopped: int | None = None

    def to(self, first: int, target: Target) -> None:
        """Go on from a row to that of a list, which all hypotheses must then agree with."""
        for row in range(first, target.row + 1):
            tried = [each for h in self.live for each in self._on(h, row, target)]
            fitting = self._fitting(tried, row)
            if not fitting:
                self.misfits.append(row)
                if len(tried) > CARRIED or self.misfits[-MISFITS:] == list(range(row - MISFITS + 1, row + 1)):
                    self.stopped = row
                    return
            self.live = [h for h, _ in fitting or tried]
            if len(self.live) > CARRIED:
                self.stopped = row
                return
        self.live = [h for h in self.live if dict(h.factors) == dict(target.factors)]

    def _fitting(self, tried: list[tuple[Hypothesis, float]], row: int) -> list[tuple[Hypothesis, float]]:
        """Return what fits the level of a session, spun-off companies included where nothing else does."""
        published = self.levels[row]
        fitting = [each for each in tried if abs(each[1] - published) <= self.within]
        if fitting or np.isnan(published):
            return fitting
        return [spun for each in tried for spun in self._spun_off(each[0], row)]

    def _on(self, h: Hypothesis, row: int, target: Target) -> Iterator[tuple[Hypothesis, float]]:
        """Yield a hypothesis with every set of changes on a session, and the level that each gives."""
        sure = tuple(c for c in target.sure.get(row, ()) if h.factors.get(c.code) == c.before)
        maybe = [c for c in target.maybe.get(row, ()) if h.factors.get(c.code) == c.before]
        day = self.prices.sessions[row]
        steps = [c for c in pending(h.factors, target.factors, day) if c.code not in target.told or c.kind != "step"]
        options = [c for c in (*maybe, *steps, *target.early(h.factors, row)) if self._priced(c, row)]
        sums, chosen = self._sums(h, row, sure, options)
        levels, divisors = sums[:, 1], np.full(len(sums), h.divisor)
        moved = np.abs(sums[:, 0] - sums[0, 2]) > 1e-9 * sums[0, 2]
        exact = h.divisor * sums[:, 0] / sums[0, 2]
        scale = 10.0 ** rules.DIVISOR_DECIMALS.on(day)
        divisors[moved] = np.floor(exact[moved] * scale + 0.5) / scale
        levels = levels / divisors
        keep = np.abs(levels - self.levels[row]) <= self.within
        for at in np.flatnonzero(keep if keep.any() else np.ones(len(keep), dtype=bool)).tolist():
            changes = (*sure, *(options[k] for k in chosen[at]))
            yield _after(h, row, changes, float(divisors[at])), float(levels[at])

    def _sums(
        self, h: Hypothesis, row: int, sure: Sequence[Change], options: Sequence[Change]
    ) -> tuple[Floats, tuple[tuple[int, ...], ...]]:
        """Return the sums of each set of changes: standard prices after, closes after, closes before."""
        columns = [self.prices.codes[code] for code in h.factors]
        weights = np.array([float(f) for f in h.factors.values()])
        before, now = (self.prices.last[r, columns] @ weights for r in (row - 1, row))
        fixed = np.array([self._move(c, row) for c in sure]).reshape(-1, 2).sum(axis=0)
        moves = np.array([self._move(c, row) for c in options]).reshape(-1, 2)
        chosen, member = _sets(tuple(change.code for change in options))
        sums = np.full((len(chosen), 3), before)
        sums[:, :2] = member @ moves + fixed + (before, now)
        return sums, chosen

    def _move(self, change: Change, row: int) -> tuple[float, float]:
        """Return by how much a change moves the sum of the standard prices and that of the closes."""
        column = self.prices.codes[change.code]
        base, price = self.prices.last[row - 1, column], self.prices.last[row, column]
        old, new = float(change.before or 0), float(change.after or 0)
        standard = base / float(change.ratio) if change.ratio else 0.0 if change.kind == "spin-off" else base
        return standard * new - base * old if old else standard * new, price * (new - old)

    def _priced(self, change: Change, row: int) -> bool:
        column = self.prices.codes[change.code]
        return bool(np.isfinite(self.prices.last[row - 1, column]) and np.isfinite(self.prices.last[row, column]))

    def _spun_off(self, h: Hypothesis, row: int) -> Iterator[tuple[Hypothesis, float]]:
        """Yield a hypothesis with a company that has its first close here, at the factor that the level tells (A23)."""
        columns = [self.prices.codes[code] for code in h.factors]
        held = self.prices.last[row, columns] @ np.array([float(f) for f in h.factors.values()])
        lacking = self.levels[row] * h.divisor - held
        for code, column in self.prices.codes.items():
            price, base = self.prices.raw[row, column], self.prices.last[row - 1, column]
            if code in h.factors or not np.isnan(base) or np.isnan(price):
                continue
            factor = Fraction(round(lacking / price * 10), 10)
            level = (held + price * float(factor)) / h.divisor
            if factor > 0 and abs(level - self.levels[row]) <= self.within:
                yield _after(h, row, (Change(code, "spin-off", None, factor),), h.divisor), level


def _after(h: Hypothesis, row: int, changes: tuple[Change, ...], divisor: float) -> Hypothesis:
    if not changes:
        return h
    factors = dict(h.factors)
    for change in changes:
        if change.after is None:
            del factors[change.code]
        else:
            factors[change.code] = change.after
    steps = h.steps
    if steps and steps[-1][0] == row:
        return Hypothesis(factors, divisor, (*steps[:-1], (row, (*steps[-1][1], *changes))))
    return Hypothesis(factors, divisor, (*steps, (row, changes)))


@cache
def _sets(codes: tuple[str, ...]) -> tuple[tuple[tuple[int, ...], ...], Floats]:
    """Return the sets of options, none first, and which option is in which, as a matrix.

    No set changes a code twice. Where there are too many, those of fewer options only.
    """
    chosen: list[tuple[int, ...]] = []
    for size in range(len(codes) + 1):
        if size > 2 and len(chosen) + comb(len(codes), size) > TRIED:
            break
        chosen += [ks for ks in combinations(range(len(codes)), size) if len({codes[k] for k in ks}) == size]
    member = np.zeros((len(chosen), len(codes)))
    for at, ks in enumerate(chosen):
        member[at, list(ks)] = 1.0
    return tuple(chosen), member


def first_divisor(prices: Prices, levels: Floats, factors: Mapping[str, Fraction], row: int) -> tuple[Decimal, bool]:
    """Return a divisor that fits the level of a session, and whether it is the only one of its decimals."""
    columns = [prices.codes[code] for code in factors]
    total = prices.last[row, columns] @ np.array([float(f) for f in factors.values()])
    decimals = rules.DIVISOR_DECIMALS.on(prices.sessions[row])
    low, high = (total / (levels[row] + half) for half in (0.005, -0.005))
    unit = 10.0**-decimals
    count = int(np.floor(high / unit) - np.ceil(low / unit)) + 1
    return half_up(Fraction(total / levels[row]), decimals), count == 1
