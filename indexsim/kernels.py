"""The compiled loops behind `indexsim.onepass`: factors along the events, sums, divisors.

A factor is a pair of integers, so that equality is exact; money is float64, and wherever float64
could decide wrongly the loop stops and its caller decides exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexsim.compiled import compiled

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: What a mark does to its code. A mark is a row, column x KINDS + kind, and the numbers of its kind:
#: LEAVE none; SPLIT_TO a ratio and the factor afterwards; the others one. A number is a fraction.
SET, ENTER, LEAVE, SPLIT, SPLIT_TO, REPRICE, ADD, SPIN_OFF = range(8)
KINDS = 8

#: Parts of a fraction stay below this, so that a product of two of them fits 64 bits.
LARGEST = 2**30

#: Half the distance of neighbouring float64 numbers at one.
UNIT = 2.0**-53


@compiled
def by_column(stretches: Ints, codes: int) -> Ints:
    """Put stretches in the order of their columns, each column in the order it had: memory is read forward."""
    place, ordered = np.zeros(codes + 1, np.int64), np.empty_like(stretches)
    for position in range(len(stretches)):
        place[stretches[position, 0] + 1] += 1
    place = np.cumsum(place)
    for position in range(len(stretches)):
        column = stretches[position, 0]
        ordered[place[column]] = stretches[position]
        place[column] += 1
    return ordered


@compiled
def follow(marks: Ints, numerator: Ints, denominator: Ints, closes: Floats) -> Any:
    """Follow the factors along the marks.

    Parameters
    ----------
    marks : int array of shape (n,)
        One after the other, by row.
    numerator, denominator : int arrays of shape (n_codes,)
        Factors at the start, zero where a code is absent; left as they are at the end.
    closes : float array of shape (n_rows, n_codes), yen

    Returns
    -------
    bool
        Whether every mark could be applied; if not, the rest is empty.
    stretches : int array of shape (n, 5)
        Column, first row, row after the last, factor as numerator and denominator; by column.
    groups : int array of shape (n, 2)
        Row with marks, and whether they can move the sum.
    moves : float array of shape (n, 2)
        New sum on the standard prices minus old sum on the closes, yen; and the size of what was added up.
    """
    codes, most = len(numerator), len(marks) // 2
    since, touched, prices = np.zeros(codes, np.int64), np.full(codes, -1, np.int64), np.zeros(codes)
    stretches, groups = np.empty((codes + most, 5), np.int64), np.empty((most, 2), np.int64)
    moves = np.zeros((most, 2))
    held = int(np.sum(numerator > 0))
    made, group, at, fits = 0, -1, 0, True
    while at < len(marks) and fits:
        row, kind, column = marks[at], marks[at + 1] % KINDS, marks[at + 1] // KINDS
        over, under = (marks[at + 2], marks[at + 3]) if kind != LEAVE else (1, 1)
        at += 2 if kind == LEAVE else 6 if kind == SPLIT_TO else 4
        if row > 0 and (group < 0 or groups[group, 0] != row):
            group += 1
            groups[group, 0], groups[group, 1] = row, 0
        if touched[column] != row:
            touched[column], prices[column] = row, closes[row - 1, column] if row > 0 else 0.0
        old_over, old_under, price = numerator[column], denominator[column], prices[column]
        new_over, new_under, new_price = old_over, old_under, price
        fits = (kind in (ENTER, SPIN_OFF)) == (old_over == 0) and min(over, under) > 0
        fits = fits and max(over, under) < LARGEST
        if not fits:
            break
        if kind in (SPLIT, SPLIT_TO):
            new_over, new_under = old_over * over, old_under * under
            if new_over % new_under == 0:
                new_over, new_under = new_over // new_under, 1
            else:
                shared = np.gcd(new_over, new_under)
                new_over, new_under = new_over // shared, new_under // shared
        if kind in (SPLIT, SPLIT_TO, REPRICE):
            new_price = price * under / over
        elif kind == ADD:
            new_price = price + over / under
        elif kind == SPIN_OFF:
            new_price = 0.0
        still = kind in (SPLIT, SPIN_OFF)
        if kind == SPLIT_TO:
            over, under = marks[at - 2], marks[at - 1]
            still = new_over == over and new_under == under
        elif kind == SET:
            still = old_over == over and old_under == under
        if kind == LEAVE:
            new_over, new_under = 0, 1
        elif kind in (SET, ENTER, SPLIT_TO, SPIN_OFF):
            new_over, new_under = over, under
        held += (new_over > 0) - (old_over > 0)
        fits = held > 0 and max(new_over, new_under) < LARGEST and (kind == LEAVE or min(new_over, new_under) > 0)
        if row > 0 and not still:
            was = price * old_over / old_under if old_over > 0 else 0.0
            now = new_price * new_over / new_under if new_over > 0 else 0.0
            groups[group, 1] = 1
            moves[group, 0] += now - was
            moves[group, 1] += now + was
        prices[column] = new_price
        if new_over != old_over or new_under != old_under:
            if old_over > 0 and since[column] < row:
                stretches[made] = column, since[column], row, old_over, old_under
                made += 1
            since[column] = row
            numerator[column], denominator[column] = new_over, new_under
    if not fits:
        return False, stretches[:0], groups[:0], moves[:0]
    for column in range(codes):
        if numerator[column] > 0:
            stretches[made] = column, since[column], closes.shape[0], numerator[column], denominator[column]
            made += 1
    return True, by_column(stretches[:made], codes), groups[: group + 1], moves[: group + 1]


@compiled
def sums_by_column(closes: Floats, stretches: Ints) -> Floats:
    """Sum price x factor of each row where a column lies together in memory; reads only what is held."""
    sums = np.zeros(closes.shape[0])
    for position in range(len(stretches)):
        column, start, stop, over, under = stretches[position]
        factor = over / under
        values, total = closes[start:stop, column], sums[start:stop]
        for row in range(len(total)):
            total[row] += values[row] * factor
    return sums


@compiled
def sums_by_row(closes: Floats, stretches: Ints, starts: Ints, ends: Ints) -> Floats:
    """Sum price x factor of each row where a row lies together in memory.

    Parameters
    ----------
    starts, ends : int arrays
        Positions of the stretches in the order of their first rows, and of their last.
    """
    rows, codes = closes.shape
    sums, factors = np.empty(rows), np.zeros(codes)
    first, last = 0, 0
    for row in range(rows):
        while last < len(ends) and stretches[ends[last], 2] <= row:
            factors[stretches[ends[last], 0]] = 0.0
            last += 1
        while first < len(starts) and stretches[starts[first], 1] <= row:
            entering = stretches[starts[first]]
            factors[entering[0]] = entering[3] / entering[4]
            first += 1
        values, total = closes[row], 0.0
        for column in range(codes):
            # An absent price is no number, so it must not be multiplied, even with zero.
            total += values[column] * factors[column] if factors[column] > 0.0 else 0.0
        sums[row] = total
    return sums


@compiled
def chain(groups: Ints, moves: Floats, sums: Floats, scales: Floats, terms: int, first: int, divisors: Floats) -> int:
    """Chain the divisors from one group on, and stop where float64 cannot decide.

    Parameters
    ----------
    groups, moves
        Of `follow`.
    sums : float array of shape (n_rows,)
    scales : float array of shape (n_groups,)
        Ten to the decimals of the divisor.
    terms : int
        No more were added up for a sum.
    first : int
        Group to begin with; the one before is decided.
    divisors : float array of shape (n_groups + 1,)
        Divisor at the start, then after each group: filled in.

    Returns
    -------
    int
        The group to be decided exactly, or their number when all are decided.
    """
    for group in range(first, len(groups)):
        before = divisors[group]
        divisors[group + 1] = before
        if groups[group, 1] == 0:
            continue
        old, (move, size) = sums[groups[group, 0] - 1], moves[group]
        scaled = before * ((old + move) / old) * scales[group]
        rounded = np.floor(scaled + 0.5)
        error = UNIT * (4.0 * (terms + 8) * (1.0 + size / (old + move)))
        unsure = abs(scaled - np.floor(scaled) - 0.5) <= error * scaled + 1e-9
        if unsure or rounded < 1.0 or not abs(move) > 2.0 * error * size:
            return group
        divisors[group + 1] = rounded / scales[group]
    return len(groups)
