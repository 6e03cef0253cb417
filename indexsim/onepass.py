"""The index in one pass: sums and divisors of a long history in the time it takes to read it.

Events become marks (integers), marks become stretches (a code held with one factor from a row to a
row), and compiled loops add up and chain. What does not fit this form, an error first of all, is left
to the plain definition in `indexsim.index`, which says what is wrong; both give the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache, cached_property
from itertools import chain as joined
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from indexsim import rules
from indexsim.basket import Basket
from indexsim.divisor import standard_prices
from indexsim.events import Event
from indexsim.kernels import chain, follow, round_levels, sums_by_column, sums_by_row
from indexsim.marks import EPOCH, marks_of
from indexsim.rounding import exact_price, exact_sum, half_up
from indexsim.spans import named

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Chain:
    """Sums and divisors of every session, and what they were made of.

    Attributes
    ----------
    closes : float array of shape (n_sessions, n_codes), yen
    sessions : Index
    events : sequence of Event
        In any order; those after the last session do nothing.
    stretches : int array of shape (n, 6)
        Column, first row, row after the last, factor as numerator and denominator, lane.
    lanes : int array of shape (n_lanes + 1,)
        Where each lane begins in the stretches, see `indexsim.kernels.follow`.
    groups : int array of shape (n_groups, 2)
        Row with events, and whether the divisor stepped.
    decimals : int array of shape (n_groups,)
        Decimals of a divisor of that day.
    sums : float array of shape (n_sessions,)
    divisors : float array of shape (n_groups + 1,)
    start : Decimal
        The first divisor, exactly.
    """

    closes: Floats
    sessions: pd.Index
    events: Sequence[Event]
    stretches: Ints
    lanes: Ints
    groups: Ints
    decimals: Ints
    sums: Floats
    divisors: Floats
    start: Decimal

    def levels(self) -> Floats:
        """Return the level of every session, rounded half-up, exactly."""
        return self._levels(self.sums, self.closes, self.stretches, self.groups[:, 0])

    def levels_of(self, prices: Floats, columns: Ints, rows: Ints) -> Floats:
        """Return the levels of other prices with the same factors and divisors.

        Parameters
        ----------
        prices : float array of shape (n_rows, n_codes), yen
        columns : int array
            Column in `prices` of each column of the closes.
        rows : int array of shape (n_sessions + 1,)
            Row in `prices` at which each session begins.
        """
        stretches = self.stretches.copy()
        stretches[:, 0] = columns[stretches[:, 0]]
        stretches[:, 1:3] = rows[stretches[:, 1:3]]
        return self._levels(_sums(prices, stretches, self.lanes), prices, stretches, rows[self.groups[:, 0]])

    def divisor(self, group: int) -> Decimal:
        """Return the exact divisor after a group; -1 is before the first."""
        stepped = np.flatnonzero(self.groups[: group + 1, 1])
        if not len(stepped):
            return self.start
        last = int(stepped[-1])
        return _decimal(self.divisors[last + 1], int(self.decimals[last]))

    def steps(self) -> list[tuple[int, Decimal]]:
        """Return the row and the new divisor of every step."""
        stepped = self.groups[:, 1] > 0
        found = zip(self.groups[stepped, 0], self.divisors[1:][stepped], self.decimals[stepped], strict=True)
        return [(int(row), _decimal(value, int(decimals))) for row, value, decimals in found]

    @cached_property
    def causes(self) -> dict[int, list[Event]]:
        """The events of each row that has some, in the order in which they act."""
        placed = sorted(self.events, key=attrgetter("effective"))
        rows = _rows(self.sessions, np.array([event.effective.toordinal() - EPOCH for event in placed], np.int64))
        pairs = zip(rows.tolist(), placed, strict=True)
        return {row: [event for _, event in here] for row, here in groupby(pairs, key=itemgetter(0))}

    def _levels(self, sums: Floats, prices: Floats, stretches: Ints, starts: Ints) -> Floats:
        levels = np.empty(len(sums))
        for row in round_levels(sums, self.divisors, starts, 10.0**rules.LEVEL_DECIMALS, levels).tolist():
            group = int(np.searchsorted(starts, row, side="right")) - 1
            exact = _exact(prices, row, _held(stretches, row)) / Fraction(self.divisor(group))
            levels[row] = float(half_up(exact, rules.LEVEL_DECIMALS))
        return levels


@dataclass(frozen=True, eq=False)
class Placed:
    """A basket and events, on the rows and columns of closes.

    Attributes
    ----------
    codes : sequence of str
        Of each column.
    marks : int array of shape (n_marks, WIDTH)
        By date, without those after the last session.
    rows, columns : int arrays of shape (n_marks,)
        Where they act.
    numerators, denominators : int arrays of shape (n_codes,)
        Factors of the basket; a numerator is zero where the code is absent.
    decimals : int array of shape (n_groups,)
        Decimals of a divisor on each row with marks but the first row.
    """

    codes: Sequence[str]
    marks: Ints
    rows: Ints
    columns: Ints
    numerators: Ints
    denominators: Ints
    decimals: Ints


_LAST: list[tuple[pd.Index, pd.Index, Basket, tuple[Event, ...], Placed]] = []


def one_pass(closes: pd.DataFrame, basket: Basket, events: Sequence[Event], divisor: Decimal) -> Chain | None:
    """Follow the events along the closes and chain the divisor.

    Returns
    -------
    Chain or None
        None where the plain definition must decide: an event or a price that does not fit, a code without a
        column, a factor whose fraction is too long for integers of 64 bits.
    """
    prices = closes.to_numpy()
    if prices.dtype != np.float64 or not (divisor.is_finite() and divisor > 0):
        return None
    try:
        placed = _placed(closes, basket, events)
    except (KeyError, OverflowError, NotImplementedError, ZeroDivisionError):
        return None
    marks, rows, columns = placed.marks, placed.rows, placed.columns
    before = prices[np.maximum(rows - 1, 0), columns]
    factors = placed.numerators, placed.denominators
    fits, stretches, lanes, groups, moves = follow(marks, rows, columns, before, *factors, len(prices))
    if not fits or not np.isfinite(moves).all():
        return None
    sums = _sums(prices, stretches, lanes)
    if not np.isfinite(sums.sum()):
        return None
    divisors = np.empty(len(groups) + 1)
    divisors[0] = float(divisor)
    found = Chain(prices, closes.index, events, stretches, lanes, groups, placed.decimals, sums, divisors, divisor)
    return found if _decide(found, moves, placed.codes) else None


def _placed(closes: pd.DataFrame, basket: Basket, events: Sequence[Event]) -> Placed:
    """Place a basket and events; the last ones given as a tuple are kept, since nothing of them ever changes.

    A market hands out its frames as shallow copies, which have views of the same index and columns: `Index.is_`.
    """
    sessions, names = closes.index, closes.columns
    for kept in _LAST:
        if kept[0].is_(sessions) and kept[1].is_(names) and kept[2] is basket and kept[3] is events:
            return kept[4]
    placed = _place(sessions, names, basket, events)
    if isinstance(events, tuple):
        _LAST[:] = [(sessions, names, basket, events, placed)]
    return placed


def _place(sessions: pd.Index, names: pd.Index, basket: Basket, events: Sequence[Event]) -> Placed:
    codes = names.tolist()
    at, marks = {code: column for column, code in enumerate(codes)}, marks_of(events)
    numbers = marks.numbers
    columns = np.fromiter(map(at.__getitem__, marks.codes), np.int64, len(numbers))
    days = numbers[:, 0]
    if (days[1:] < days[:-1]).any():
        order = np.argsort(days, kind="stable")
        numbers, columns = numbers[order], columns[order]
    rows = _rows(sessions, numbers[:, 0])
    inside = int(np.searchsorted(rows, len(sessions)))
    decimals = _decimals(sessions, np.unique(rows[:inside][rows[:inside] > 0]))
    return Placed(codes, numbers[:inside], rows[:inside], columns[:inside], *_first(basket, at), decimals)


def _rows(sessions: pd.Index, days: Ints) -> Ints:
    """Return the first session on or after each of some days since 1970-01-01; their number where there is none."""
    values = sessions.values
    return np.searchsorted(values.view(np.int64), days * _per_day(values.dtype))


@cache
def _per_day(stamps: np.dtype[Any]) -> int:
    """Return how many units of the stamps of sessions make a day."""
    return int(np.ones(1, "datetime64[D]").astype(stamps).view(np.int64)[0])


def _first(basket: Basket, codes: dict[str, int]) -> tuple[Ints, Ints]:
    """Return the factors at the start as numerators and denominators by column."""
    factors, count = np.zeros((2, len(codes)), np.int64), len(basket)
    factors[1] = 1
    parts = joined.from_iterable(factor.as_integer_ratio() for factor in basket.factors.values())
    columns = np.fromiter(map(codes.__getitem__, basket.factors), np.int64, count)
    factors[:, columns] = np.fromiter(parts, np.int64, 2 * count).reshape(count, 2).T
    return factors[0], factors[1]


def _sums(prices: Floats, stretches: Ints, lanes: Ints) -> Floats:
    if prices.strides[0] > prices.strides[1]:
        starts, ends = (np.argsort(stretches[:, column], kind="stable") for column in (1, 2))
        return sums_by_row(prices, stretches, starts, ends)
    if prices.strides[0] != prices.itemsize:
        prices = np.asfortranarray(prices)
    rows, step = len(prices), prices.strides[1] // prices.itemsize
    flat = as_strided(prices, ((prices.shape[1] - 1) * step + rows,), (prices.itemsize,), writeable=False)
    return sums_by_column(flat, step, stretches, lanes, rows)


def _decimals(sessions: pd.Index, rows: Ints) -> Ints:
    """Return the decimals of a divisor on each of some sessions."""
    stamps, per_day = sessions.values.view(np.int64)[rows], _per_day(sessions.values.dtype)
    decimals = np.empty(len(rows), np.int64)
    for since, value in rules.DIVISOR_DECIMALS.steps:
        decimals[slice(None) if since is None else stamps >= (since.toordinal() - EPOCH) * per_day] = value
    return decimals


def _decide(found: Chain, moves: Floats, codes: Sequence[str]) -> bool:
    """Chain the divisors, deciding exactly where float64 cannot; say whether it could be done."""
    groups, divisors = found.groups, found.divisors
    scales = np.array([10.0**decimals for decimals in range(int(found.decimals.max(initial=0)) + 1)])[found.decimals]
    group = 0
    while (group := chain(groups, moves, found.sums, scales, len(codes), group, divisors)) < len(groups):
        old, new = _exact_sums(found, group, codes)
        if old <= 0:
            return False
        before = found.divisor(group - 1)
        after = half_up(Fraction(before) * new / old, int(found.decimals[group]))
        if after <= 0:
            return False
        groups[group, 1] = int(new != old)
        divisors[group + 1] = float(after if new != old else before)
        group += 1
    return True


def _exact_sums(found: Chain, group: int, codes: Sequence[str]) -> tuple[Fraction, Fraction]:
    """Return the old sum on the closes and the new one on the standard prices, exactly."""
    row = int(found.groups[group, 0])
    here = found.causes[row]
    touched = np.array(sorted(codes.index(code) for code in {code for event in here for code in named(event)}))
    closes = {codes[column]: found.closes[row - 1, column] for column in touched.tolist()}
    prices = standard_prices({c: exact_price(price) for c, price in closes.items() if price == price}, here)
    after = _held(found.stretches, row)
    moved = np.isin(after[:, 0], touched)
    new = _exact(found.closes, row - 1, after[~moved])
    for position, _, _, over, under, _ in after[moved].tolist():
        new += prices[codes[position]] * Fraction(over, under)
    return _exact(found.closes, row - 1, _held(found.stretches, row - 1)), new


def _held(stretches: Ints, row: int) -> Ints:
    return stretches[(stretches[:, 1] <= row) & (row < stretches[:, 2])]


def _exact(prices: Floats, row: int, held: Ints) -> Fraction:
    return exact_sum(prices[row, held[:, 0]], held[:, 3].tolist(), held[:, 4].tolist())


def _decimal(divisor: float, decimals: int) -> Decimal:
    return Decimal(f"{round(divisor * 10.0**decimals)}e-{decimals}")
