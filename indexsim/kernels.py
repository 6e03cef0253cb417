"""The compiled loops behind `indexsim.onepass`: factors along the events, sums, divisors.

A factor is a pair of integers, so that equality is exact; money is float64, and wherever float64
could decide wrongly the loop stops and its caller decides exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexsim.compiled import compiled
from indexsim.marks import ADD, ENTER, HELD, LEAVE, REPRICE, SET, SPIN_OFF, SPLIT, SPLIT_TO
from indexsim.rounding import NEAR_TIE, NEAR_TIE_RELATIVE

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: Parts of a fraction stay below this, so that a product of two of them fits 64 bits.
LARGEST = 2**30

#: Half the distance of neighbouring float64 numbers at one.
UNIT = 2.0**-53

#: Rows that are summed together: their sums stay in the fastest memory.
BLOCK = 2048


@compiled
def by_lane(stretches: Ints, lanes: int) -> Any:
    """Put stretches in the order of their lanes, each lane in the order it had; and say where each lane begins."""
    place, ordered = np.zeros(lanes + 1, np.int64), np.empty_like(stretches)
    for position in range(len(stretches)):
        place[stretches[position, 5] + 1] += 1
    place = np.cumsum(place)
    begins = place.copy()
    for position in range(len(stretches)):
        lane = stretches[position, 5]
        ordered[place[lane]] = stretches[position]
        place[lane] += 1
    return ordered, begins


@compiled
def lowest(over: int, under: int) -> Any:
    """Return a fraction in lowest terms."""
    if over % under == 0:
        return over // under, 1
    shared = np.gcd(over, under)
    return over // shared, under // shared


@compiled
def factor_after(mark: Ints, over: int, under: int) -> Any:
    """Return the factor of a mark's code after the mark; zero where it leaves."""
    kind = mark[1]
    if kind == SPLIT:
        return lowest(over * mark[2], under * mark[3])
    if kind == SPLIT_TO:
        return mark[4], mark[5]
    if kind in (SET, ENTER, SPIN_OFF):
        return mark[2], mark[3]
    return (0, 1) if kind == LEAVE else (over, under)


@compiled
def price_after(mark: Ints, price: float) -> float:
    """Return the standard price of a mark's code after the mark, yen."""
    kind = mark[1]
    if kind in (SPLIT, SPLIT_TO, REPRICE):
        price *= mark[3] / mark[2]
    elif kind == ADD:
        price += mark[2] / mark[3]
    return 0.0 if kind == SPIN_OFF else price


@compiled
def is_neutral(mark: Ints, over: int, under: int) -> bool:
    """Say whether a mark leaves the sum as it is, to the last digit; a factor before it is given."""
    kind = mark[1]
    if kind == SPLIT_TO:
        over, under = lowest(over * mark[2], under * mark[3])
        return bool(over == mark[4] and under == mark[5])
    return bool(kind in (SPLIT, SPIN_OFF, HELD) or (kind == SET and over == mark[2] and under == mark[3]))


@compiled
def can_follow(mark: Ints, over: int) -> bool:
    """Say whether a mark fits a factor with this numerator, zero for an absent code."""
    small = min(mark[2], mark[3]) > 0 and max(mark[2], mark[3]) < LARGEST
    return bool(small and (mark[1] in (ENTER, SPIN_OFF)) == (over == 0))


@compiled
def follow(
    marks: Ints, rows: Ints, columns: Ints, before: Floats, numerator: Ints, denominator: Ints, sessions: int
) -> Any:
    """Follow the factors along the marks.

    Parameters
    ----------
    marks : int array of shape (n, WIDTH)
        As in `indexsim.marks`.
    rows, columns : int arrays of shape (n,)
        Where they act, by row.
    before : float array of shape (n,)
        Close of each mark's code before its row, yen; of no matter where the row is the first.
    numerator, denominator : int arrays of shape (n_codes,)
        Factors at the start, zero where a code is absent.
    sessions : int
        Rows.

    Returns
    -------
    bool
        Whether every mark could be applied; if not, the rest is empty.
    stretches : int array of shape (n, 6)
        Column, first row, row after the last, factor as numerator and denominator, lane; by lane. A lane
        holds one code at a time: one that comes in takes the lane of one that left, so few rows are empty.
    lanes : int array of shape (n_lanes + 1,)
        Where each lane begins in the stretches, and their number.
    groups : int array of shape (n, 2)
        Row with marks, and whether they can move the sum.
    moves : float array of shape (n, 2)
        New sum on the standard prices minus old sum on the closes, yen; and the size of what was added up.
    """
    codes, most = len(numerator), len(marks)
    numerator, denominator = numerator.copy(), denominator.copy()
    since, touched, prices = np.zeros(codes, np.int64), np.full(codes, -1, np.int64), np.zeros(codes)
    stretches, groups = np.empty((codes + most, 6), np.int64), np.empty((most, 2), np.int64)
    moves, held, made, group = np.zeros((most, 2)), int(np.sum(numerator > 0)), 0, -1
    lane, lanes, free, left = np.cumsum(numerator > 0) - 1, held, np.empty(most, np.int64), 0
    for at in range(most):
        mark, row, column = marks[at], rows[at], columns[at]
        if row > 0 and (group < 0 or groups[group, 0] != row):
            group += 1
            groups[group, 0], groups[group, 1] = row, 0
        if touched[column] != row:
            touched[column], prices[column] = row, before[at]
        old_over, old_under, price = numerator[column], denominator[column], prices[column]
        if not can_follow(mark, old_over):
            return False, stretches[:0], free[:0], groups[:0], moves[:0]
        over, under = factor_after(mark, old_over, old_under)
        held += int(over > 0) - int(old_over > 0)
        if held == 0 or max(over, under) >= LARGEST or under <= 0 or (over <= 0 and mark[1] != LEAVE):
            return False, stretches[:0], free[:0], groups[:0], moves[:0]
        prices[column] = price_after(mark, price)
        if row > 0 and not is_neutral(mark, old_over, old_under):
            was, now = price * old_over / old_under, prices[column] * over / under
            groups[group, 1] = 1
            moves[group, 0] += now - was
            moves[group, 1] += now + was
        if over != old_over or under != old_under:
            if old_over > 0 and since[column] < row:
                stretches[made] = column, since[column], row, old_over, old_under, lane[column]
                made += 1
            if over == 0:
                free[left] = lane[column]
                left += 1
            elif old_over == 0 and left > 0:
                left -= 1
                lane[column] = free[left]
            elif old_over == 0:
                lane[column] = lanes
                lanes += 1
            since[column], numerator[column], denominator[column] = row, over, under
    for column in range(codes):
        if numerator[column] > 0:
            stretches[made] = column, since[column], sessions, numerator[column], denominator[column], lane[column]
            made += 1
    stretches, begins = by_lane(stretches[:made], lanes)
    return True, stretches, begins, groups[: group + 1], moves[: group + 1]


@compiled
def add_one(total: Floats, values: Floats, factor: float) -> None:
    """Add price x factor of a column. A function of its own: within the loop over columns it is not vectorised."""
    for row in range(len(total)):
        total[row] += values[row] * factor


@compiled
def add_eight(total: Floats, columns: Any, factors: Floats) -> None:
    """Add eight columns at once: the total is read once, and memory delivers eight streams side by side."""
    a, b, c, d, e, f, g, h = columns
    i, j, k, m = factors[0], factors[1], factors[2], factors[3]
    n, p, q, s = factors[4], factors[5], factors[6], factors[7]
    for row in range(len(total)):
        first = (a[row] * i + b[row] * j) + (c[row] * k + d[row] * m)
        total[row] += first + ((e[row] * n + f[row] * p) + (g[row] * q + h[row] * s))


@compiled
def add_lanes(closes: Floats, step: int, stretches: Ints, lanes: Ints, low: int, high: int, sums: Floats) -> None:
    """Add up to eight lanes on one block of rows, see `sums_by_column`: side by side from change to change."""
    count, row = len(lanes) - 1, low
    at, places, factors = lanes[:-1].copy(), np.empty(8, np.int64), np.empty(8)
    while row < high:
        stop, held = high, 0
        for lane in range(count):
            while at[lane] < lanes[lane + 1] and stretches[at[lane], 2] <= row:
                at[lane] += 1
            if at[lane] == lanes[lane + 1]:
                continue
            column, start, end, over, under, _ = stretches[at[lane]]
            if start > row:
                stop = min(stop, start)
                continue
            stop = min(stop, end)
            places[held], factors[held] = column * step + row, over / under
            held += 1
        total, size = sums[row:stop], stop - row
        if held == 8:
            a, b, c, d = places[0], places[1], places[2], places[3]
            e, f, g, h = places[4], places[5], places[6], places[7]
            columns = (
                closes[a : a + size],
                closes[b : b + size],
                closes[c : c + size],
                closes[d : d + size],
                closes[e : e + size],
                closes[f : f + size],
                closes[g : g + size],
                closes[h : h + size],
            )
            add_eight(total, columns, factors)
        else:
            for one in range(held):
                add_one(total, closes[places[one] : places[one] + size], factors[one])
        row = stop


@compiled
def sums_by_column(closes: Floats, step: int, stretches: Ints, lanes: Ints, rows: int) -> Floats:
    """Sum price x factor of each row where a column lies together in memory; reads only what is held.

    Parameters
    ----------
    closes : float array of shape (n,)
        Column after column, yen.
    step : int
        From one column to the next.
    stretches, lanes
        Of `follow`.
    rows : int
        Of each column.
    """
    sums = np.zeros(rows)
    for low in range(0, rows, BLOCK):
        for lane in range(0, len(lanes) - 1, 8):
            add_lanes(closes, step, stretches, lanes[lane : lane + 9], low, min(low + BLOCK, rows), sums)
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


@compiled
def round_levels(sums: Floats, divisors: Floats, starts: Ints, scale: float, levels: Floats) -> Any:
    """Divide sums by their divisors and round half-up.

    Parameters
    ----------
    sums : float array of shape (n_rows,)
    divisors : float array of shape (n_groups + 1,)
    starts : int array of shape (n_groups,)
        Row from which on each divisor but the first divides.
    scale : float
        Ten to the decimals of a level.
    levels : float array of shape (n_rows,)
        Filled in; NaN stays NaN.

    Returns
    -------
    int array
        Rows next to a tie, to be decided exactly, as `rounding.half_up_near` does.
    """
    rows = len(sums)
    near, start = np.empty(rows, np.bool_), 0
    for group in range(len(divisors)):
        stop = starts[group] if group < len(starts) else rows
        for row in range(start, stop):
            scaled = sums[row] / divisors[group] * scale
            whole = np.floor(scaled)
            rest = scaled - whole
            levels[row] = (whole + (1.0 if rest >= 0.5 else 0.0)) / scale
            near[row] = abs(rest - 0.5) <= max(NEAR_TIE, NEAR_TIE_RELATIVE * scaled)
        start = stop
    return np.flatnonzero(near)
