"""The index in one pass: sums and divisors of a long history in the time it takes to read it.

Events become marks (integers), marks become stretches (a code held with one factor from a row to a
row), and compiled loops add up and chain. What does not fit this form, an error first of all, is left
to the plain definition in `indexsim.index`, which says what is wrong; both give the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from operator import attrgetter, itemgetter

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim import rules
from indexsim.basket import Basket
from indexsim.divisor import standard_prices
from indexsim.events import CapStep, Event, ExRights, FactorStep, Replace, SpinOff, Split
from indexsim.kernels import (
    ADD,
    ENTER,
    KINDS,
    LEAVE,
    REPRICE,
    SET,
    SPIN_OFF,
    SPLIT,
    SPLIT_TO,
    chain,
    follow,
    sums_by_column,
    sums_by_row,
)
from indexsim.rounding import exact_price, exact_sum, half_up, half_up_near

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Chain:
    """Sums and divisors of every session, and what they were made of.

    Attributes
    ----------
    closes : float array of shape (n_sessions, n_codes), yen
    placed : sequence of Event
        By date, those within the sessions.
    rows : list of int
        Session of each event.
    stretches : int array of shape (n, 5)
        Column, first row, row after the last, factor as numerator and denominator.
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
    placed: Sequence[Event]
    rows: list[int]
    stretches: Ints
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
        return self._levels(_sums(prices, stretches), prices, stretches, rows[self.groups[:, 0]])

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

    def causes(self) -> Iterator[tuple[int, list[Event]]]:
        """Give each row with events, and these."""
        for row, pairs in groupby(zip(self.rows, self.placed, strict=True), key=itemgetter(0)):
            yield row, [event for _, event in pairs]

    def _levels(self, sums: Floats, prices: Floats, stretches: Ints, starts: Ints) -> Floats:
        divisors = np.repeat(self.divisors, np.diff(starts, prepend=0, append=len(sums)))

        def exact(row: int) -> Fraction:
            group = int(np.searchsorted(starts, row, side="right")) - 1
            return _exact(prices, row, _held(stretches, row)) / Fraction(self.divisor(group))

        return half_up_near(sums / divisors, rules.LEVEL_DECIMALS, exact)


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
    codes = closes.columns.tolist()
    try:
        keys = dict(zip(codes, range(0, len(codes) * KINDS, KINDS), strict=True))
        rows, placed = _placed(closes.index, events)
        marks = _marks(rows, placed, keys)
        factors = _first(basket, keys)
    except (KeyError, OverflowError, NotImplementedError):
        return None
    fits, stretches, groups, moves = follow(marks, *factors, prices)
    if not fits or not np.isfinite(moves).all():
        return None
    sums = _sums(prices, stretches)
    if not np.isfinite(sums).all():
        return None
    decimals = _decimals(closes.index, groups[:, 0])
    divisors = np.empty(len(groups) + 1)
    divisors[0] = float(divisor)
    found = Chain(prices, placed, rows, stretches, groups, decimals, sums, divisors, divisor)
    return found if _decide(found, moves, codes) else None


def _placed(sessions: pd.Index, events: Sequence[Event]) -> tuple[list[int], Sequence[Event]]:
    """Order the events by date and find the session of each; those after the last session are left out."""
    days = np.fromiter(map(date.toordinal, map(attrgetter("effective"), events)), np.int64, len(events))
    if (days[1:] < days[:-1]).any():
        order = np.argsort(days, kind="stable")
        days, events = days[order], [events[position] for position in order.tolist()]
    known = sessions.values
    dates = (days - date(1970, 1, 1).toordinal()).astype("datetime64[D]").astype(known.dtype)
    rows = np.searchsorted(known, dates)
    inside = int(np.searchsorted(rows, len(known)))
    return rows[:inside].tolist(), events[:inside]


def _first(basket: Basket, keys: dict[str, int]) -> tuple[Ints, Ints]:
    """Return the factors at the start as numerators and denominators by column."""
    numerators, denominators = np.zeros(len(keys), np.int64), np.ones(len(keys), np.int64)
    for code, factor in basket.factors.items():
        column = keys[code] // KINDS
        numerators[column], denominators[column] = factor.as_integer_ratio()
    return numerators, denominators


def _marks(rows: list[int], placed: Sequence[Event], keys: dict[str, int]) -> Ints:
    """Write events as the marks that `kernels.follow` reads."""
    marks: list[int] = []
    put = marks.extend
    for row, event in zip(rows, placed, strict=True):
        if isinstance(event, Split):
            key, ratio = keys[event.code], event.ratio.as_integer_ratio()
            if event.by == "divisor":
                put((row, key + REPRICE, *ratio))
            elif event.factor is None:
                put((row, key + SPLIT, *ratio))
            else:
                put((row, key + SPLIT_TO, *ratio, *event.factor.as_integer_ratio()))
        elif isinstance(event, FactorStep | CapStep):
            put((row, keys[event.code] + SET, *event.factor.as_integer_ratio()))
        elif isinstance(event, Replace):
            for code in event.leaving:
                put((row, keys[code] + LEAVE))
            for code, factor in event.entering.items():
                put((row, keys[code] + ENTER, *factor.as_integer_ratio()))
        elif isinstance(event, SpinOff):  # the first mark only tests that the parent is held
            put((row, keys[event.parent] + REPRICE, 1, 1))
            put((row, keys[event.code] + SPIN_OFF, *event.factor.as_integer_ratio()))
        elif isinstance(event, ExRights):
            put(_rights(row, keys[event.code], event))
        else:
            raise NotImplementedError(f"{event} has no marks")
    return np.array(marks, np.int64)


def _rights(row: int, key: int, event: ExRights) -> tuple[int, ...]:
    """Write (P + paid * new/held) / (1 + new/held) as an addition and a division."""
    (new, below), (held, under) = event.new.as_integer_ratio(), event.held.as_integer_ratio()
    over, under = new * under, below * held
    divided = (row, key + REPRICE, over + under, under)
    if not event.paid:
        return divided
    paid, parts = event.paid.as_integer_ratio()
    return (row, key + ADD, paid * over, parts * under, *divided)


def _sums(prices: Floats, stretches: Ints) -> Floats:
    if prices.strides[0] <= prices.strides[1]:
        return sums_by_column(prices, stretches)
    starts, ends = (np.argsort(stretches[:, column], kind="stable") for column in (1, 2))
    return sums_by_row(prices, stretches, starts, ends)


def _decimals(sessions: pd.Index, rows: Ints) -> Ints:
    """Return the decimals of a divisor on each of some sessions."""
    decimals = np.empty(len(rows), np.int64)
    for since, value in rules.DIVISOR_DECIMALS.steps:
        first = 0 if since is None else int(np.searchsorted(sessions.values, np.datetime64(since)))
        decimals[np.searchsorted(rows, first) :] = value
    return decimals


def _decide(found: Chain, moves: Floats, codes: list[str]) -> bool:
    """Chain the divisors, deciding exactly where float64 cannot; say whether it could be done."""
    groups, divisors = found.groups, found.divisors
    scales = np.power(10.0, found.decimals).astype(np.float64)
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


def _exact_sums(found: Chain, group: int, codes: list[str]) -> tuple[Fraction, Fraction]:
    """Return the old sum on the closes and the new one on the standard prices, exactly."""
    row = int(found.groups[group, 0])
    here = [event for at, event in zip(found.rows, found.placed, strict=True) if at == row]
    touched = np.array(sorted(codes.index(code) for code in {code for event in here for code in _named(event)}))
    closes = {codes[column]: found.closes[row - 1, column] for column in touched.tolist()}
    prices = standard_prices({c: exact_price(price) for c, price in closes.items() if price == price}, here)
    after = _held(found.stretches, row)
    moved = np.isin(after[:, 0], touched)
    new = _exact(found.closes, row - 1, after[~moved])
    for position, _, _, over, under in after[moved].tolist():
        new += prices[codes[position]] * Fraction(over, under)
    return _exact(found.closes, row - 1, _held(found.stretches, row - 1)), new


def _named(event: Event) -> tuple[str, ...]:
    return (*event.leaving, *event.entering) if isinstance(event, Replace) else (event.code,)


def _held(stretches: Ints, row: int) -> Ints:
    return stretches[(stretches[:, 1] <= row) & (row < stretches[:, 2])]


def _exact(prices: Floats, row: int, held: Ints) -> Fraction:
    return exact_sum(prices[row, held[:, 0]], held[:, 3].tolist(), held[:, 4].tolist())


def _decimal(divisor: float, decimals: int) -> Decimal:
    return Decimal(f"{round(divisor * 10.0**decimals)}e-{decimals}")
