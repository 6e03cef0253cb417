"""The commonest account in short: one fund or share, owned or not, without interest, splits or deposits.

It counts and values what `backtests.fast.follow` does with any account, in a fraction of the time: an account is the
few spans over which it holds the same, valued span by span; the price of a fill is worked out once for all trials of
the same slippage; and two trials go in turn, so that one computes while the other waits for its last result.
`Machine.record` and the tests hold both against each other, and against the engine.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backtests.fast.account import CASH, COSTS, EXACT, FILLS, FINE, LARGEST, REJECTED, STATE, TOO_LARGE
from backtests.fast.figures import measure
from backtests.fast.tape import (
    CASH_PAYS,
    CASH_SETTLED,
    CLOSE_PRICE,
    CLOSE_TICK,
    DISTRIBUTION,
    DUE,
    FEE_PER_CONTRACT,
    FEE_RATE,
    HALF_SPREAD,
    INITIAL,
    LONG_PAYS,
    LOT,
    LOWER,
    MARK,
    MOST,
    MULTIPLIER,
    OPEN_PRICE,
    OPEN_TICK,
    UPPER,
    Tape,
)
from backtests.trading.broker import CLOSE
from backtests.trading.execution import PER_YEN, can_size, fee, fill_price, position, rejected, used
from indexsim.compiled import borrowed, rarely

#: Bars that are valued at a stroke; an account's values have room for as many beyond the last bar.
STRIDE = 8
#: What a fill costs where there can be none.
NO_FILL = -1
#: Place of the state in the tuple that is an account here, and the state in which something comes before an order.
STANDS, ASIDE = 7, 9
#: Columns of `Lone.spans`: the first bar, cash, and what is held.
START, SPAN_CASH, SPAN_HELD = range(3)


class Lone(NamedTuple):
    """What the accounts on a tape share, and room for the two that go in turn.

    Attributes
    ----------
    references : ndarray of int64, shape (2, n)
        Opens and closes.
    marks : ndarray of float64, shape (n + STRIDE,)
    highest : ndarray of float64, shape (1,)
        Of the marks.
    fills : ndarray of int64, shape (2, 4, n)
        Of each account, price of a purchase and of a sale at the open, and at the close; 0 is not worked out yet.
    slippage : ndarray of int64, shape (2, 2)
        What those prices are for.
    spans : ndarray of int64, shape (2, most, 3)
    nothing : ndarray of float64, shape (0,)
        What is paid in.
    """

    references: np.ndarray
    marks: np.ndarray
    highest: np.ndarray
    fills: np.ndarray
    slippage: np.ndarray
    spans: np.ndarray
    nothing: np.ndarray


def new_lone(tape: Tape) -> Lone:
    """Return room for accounts on a tape."""
    n = tape.prices.shape[2]
    marks = tape.prices[MARK, 0].astype(np.float64)
    fills, slippage, spans = (np.zeros(shape, dtype=np.int64) for shape in ((2, 4, n), (2, 2), (2, 3 * n + 2, 3)))
    references = np.ascontiguousarray(tape.prices[[OPEN_PRICE, CLOSE_PRICE], 0])
    return Lone(
        references, np.append(marks, np.zeros(STRIDE)), marks.max(keepdims=True), fills, slippage, spans, np.empty(0)
    )


def holds_one(tape: Any) -> bool:
    """Say whether all there is to hold is one fund or share, without interest or splits."""
    terms = tape.terms
    if terms.shape[1] != 1 or terms[CASH_SETTLED, 0] or terms[LONG_PAYS, 0] or tape.calendar[CASH_PAYS, 0]:
        return False
    return len(tape.splits) == 0


@rarely
def follow_two(
    tape: Any, terms: Any, reserves: Any, unit: int, orders: Any, lone: Any, i: int, j: int, values: Any, outcomes: Any,
    gauge: Any,
) -> None:  # fmt: skip
    """Trade and measure trials i and j, and fill in what comes of them. Where both are one, it goes alone."""
    of = terms_of(tape, unit, lone)
    marks, initial, references = tape.prices[MARK, 0], tape.prices[INITIAL, 0], borrowed(lone.references)
    rows, phases, wanted = borrowed(orders.rows), borrowed(orders.phases), borrowed(orders.wanted)
    fills, spans, counts = borrowed(lone.fills), borrowed(lone.spans), borrowed(orders.counts)
    rows_i, phases_i, wanted_i, fills_i, spans_i = rows[i], phases[i], wanted[i], fills[0], spans[0]
    rows_j, phases_j, wanted_j, fills_j, spans_j = rows[j], phases[j], wanted[j], fills[1], spans[1]
    reserve_i, reserve_j = reserves[i, 0], reserves[j, 0]
    for_slippage(lone, 0, terms[i])
    for_slippage(lone, 1, terms[j])
    a, b = opened(tape, spans_i, terms[i].cash), opened(tape, spans_j, terms[j].cash)
    common = min(counts[i], counts[j]) if i != j else 0
    for w in range(common):
        row, phase, target = rows_i[w], phases_i[w], wanted_i[w]
        a = order(row, phase, target, a, of, reserve_i, marks, initial, references, fills_i, spans_i)
        if a[STANDS] == ASIDE:
            a = aside(tape, lone, 0, terms[i], row, phase, target, a, of, reserve_i)
        row, phase, target = rows_j[w], phases_j[w], wanted_j[w]
        b = order(row, phase, target, b, of, reserve_j, marks, initial, references, fills_j, spans_j)
        if b[STANDS] == ASIDE:
            b = aside(tape, lone, 1, terms[j], row, phase, target, b, of, reserve_j)
    for w in range(common, counts[i]):
        row, phase, target = rows_i[w], phases_i[w], wanted_i[w]
        a = order(row, phase, target, a, of, reserve_i, marks, initial, references, fills_i, spans_i)
        if a[STANDS] == ASIDE:
            a = aside(tape, lone, 0, terms[i], row, phase, target, a, of, reserve_i)
    finish(tape, lone, 0, a, terms[i].cash, borrowed(values)[min(i, len(values) - 1)], borrowed(outcomes)[i], gauge, i)
    for w in range(common, counts[j] if i != j else 0):
        row, phase, target = rows_j[w], phases_j[w], wanted_j[w]
        b = order(row, phase, target, b, of, reserve_j, marks, initial, references, fills_j, spans_j)
        if b[STANDS] == ASIDE:
            b = aside(tape, lone, 1, terms[j], row, phase, target, b, of, reserve_j)
    if i != j:
        finish(
            tape, lone, 1, b, terms[j].cash, borrowed(values)[min(j, len(values) - 1)], borrowed(outcomes)[j], gauge, j
        )


def terms_of(tape: Any, unit: int, lone: Any) -> Any:
    """Return what `order` has to know of what is traded, as numbers: it reads no array that it need not."""
    about = tape.terms
    return (
        unit, about[MULTIPLIER, 0], about[LOT, 0], about[FEE_PER_CONTRACT, 0], about[FEE_RATE, 0], about[MOST, 0],
        lone.highest[0],
    )  # fmt: skip


def for_slippage(lone: Any, place: int, terms: Any) -> None:
    """Forget the prices of fills for another slippage."""
    known = lone.slippage[place]
    if known[0] != terms.slippage_rate or known[1] != terms.slippage_ticks:
        known[0], known[1] = terms.slippage_rate, terms.slippage_ticks
        lone.fills[place] = 0


def opened(tape: Any, spans: Any, cash: int) -> Any:
    """Return a new account: cash, what is held, the next payment, costs, latest span, refused orders, fills, state."""
    write_span(spans, 0, 0, cash, 0)
    return cash, 0, tape.calendar[DUE, 0], 0, 0, 0, 0, FINE


def order(
    row: int, phase: int, wanted: float, account: Any, of: Any, reserve: float, marks: Any, initial: Any,
    references: Any, fills: Any, spans: Any,
) -> Any:  # fmt: skip
    """Order what a target asks for, and fill or refuse it: `backtests.fast.follow.order` and `bars.trade` in short.

    It branches as little as can be: a guess of the processor that fails costs more than all of the arithmetic. Arrays
    are handed over one by one: those in a tuple would be counted at every branch. Where something is
    to be done first, nothing is, and the state is `ASIDE`.
    """
    cash, held, due, costs, last, refused, filled, state = account
    unit, multiplier, lot, _, _, _, highest = of
    t, mark = row + 1, marks[row]
    worth = cash + held * multiplier * mark
    after = position(wanted, unit, worth, mark, multiplier, lot, reserve)
    quantity = after - held
    price = fills[2 * phase + (quantity < 0), t]
    size = float(max(after, held)) * float(multiplier)
    too_large = (abs(float(worth)) > LARGEST) | (abs(wanted) * PER_YEN > LARGEST)
    too_large = too_large | (size * float(price) > LARGEST) | (size * highest > EXACT)
    if (due <= t) | too_large | (not can_size(wanted, unit, mark)) | ((price == 0) & (quantity != 0)):
        return cash, held, due, costs, last, refused, filled, TOO_LARGE if state == TOO_LARGE else ASIDE
    refused += (after == 0) & (wanted != 0.0)  # below a lot
    reference = references[phase, t]
    return traded(
        t, after, price, reference, initial[t], of, spans, (cash, held, due, costs, last, refused, filled, state)
    )


def traded(t: int, after: int, price: int, reference: int, initial: int, of: Any, spans: Any, account: Any) -> Any:
    """Fill or refuse an order that leads to a position."""
    cash, held, due, costs, last, refused, filled, state = account
    _, multiplier, _, per_contract, rate, most, _ = of
    quantity = after - held
    if quantity == 0:
        return account
    charged = fee(quantity, price, multiplier, per_contract, rate)
    no_room = rejected(used(after, price, multiplier, initial), charged, cash + held * price * multiplier)
    if ((quantity > 0) & no_room) | ((most > 0) & (abs(quantity) > most)) | (price == NO_FILL):
        return cash, held, due, costs, last, refused + 1, filled, state
    costs += charged + (price - reference) * quantity * multiplier
    cash -= quantity * price * multiplier + charged
    write_span(spans, last + 1, t, cash, after)
    return cash, after, due, costs, last + 1, refused, filled + 1, state


@rarely
def aside(
    tape: Any, lone: Any, place: int, terms: Any, row: int, phase: int, wanted: float, account: Any, of: Any,
    reserve: float,
) -> Any:  # fmt: skip
    """Do what has to be done before an order, and then order."""
    cash, held, due, costs, last, refused, filled, _ = account
    unit, multiplier, lot, _, _, _, highest = of
    t, mark, spans = row + 1, tape.prices[MARK, 0, row], lone.spans[place]
    cash, due, last = paid(tape, spans, cash, held, due, last, row)
    if not can_size(wanted, unit, mark):
        return cash, held, due, costs, last, refused + 1, filled, FINE
    worth = cash + held * multiplier * mark
    if abs(float(worth)) > LARGEST or abs(wanted) * PER_YEN > LARGEST:
        return cash, held, due, costs, last, refused, filled, TOO_LARGE
    after = position(wanted, unit, worth, mark, multiplier, lot, reserve)
    refused += after == 0 and wanted != 0.0
    cash, due, last = paid(tape, spans, cash, held, due, last, t)
    price = priced(tape, lone.fills[place], terms, t, phase, after - held)
    size = float(max(after, held)) * float(multiplier)
    if size * float(price) > LARGEST or size * highest > EXACT:
        return cash, held, due, costs, last, refused, filled, TOO_LARGE
    ready = (cash, held, due, costs, last, refused, filled, FINE)
    return traded(t, after, price, lone.references[phase, t], tape.prices[INITIAL, 0, t], of, spans, ready)


def write_span(spans: Any, at: int, t: int, cash: int, held: int) -> None:
    """Write down from which bar on an account holds what."""
    spans[at, START], spans[at, SPAN_CASH], spans[at, SPAN_HELD] = t, cash, held


def priced(tape: Any, fills: Any, terms: Any, t: int, phase: int, quantity: int) -> int:
    """Return the price of a fill, or `NO_FILL` where there is no print, or the price lies beyond its limit."""
    prices, kind = tape.prices, 2 * phase + (quantity < 0)
    reference = prices[CLOSE_PRICE, 0, t] if phase == CLOSE else prices[OPEN_PRICE, 0, t]
    price = NO_FILL
    if reference > 0:
        tick = prices[CLOSE_TICK, 0, t] if phase == CLOSE else prices[OPEN_TICK, 0, t]
        spread = tape.terms[HALF_SPREAD, 0]
        price = fill_price(reference, quantity, terms.slippage_rate, terms.slippage_ticks, tick, spread)
        highest = prices[UPPER, 0, t]
        if price < prices[LOWER, 0, t] or (highest and price > highest):
            price = NO_FILL
    fills[kind, t] = price
    return price


@rarely
def paid(tape: Any, spans: Any, cash: int, held: int, due: int, last: int, until: int) -> Any:
    """Pay what is distributed on the bars up to `until`; return cash, the next payment and the latest span."""
    n = tape.prices.shape[2]
    while due <= until:
        if held and tape.prices[DISTRIBUTION, 0, due]:
            cash += held * tape.prices[DISTRIBUTION, 0, due]
            last += 1
            write_span(spans, last, due, cash, held)
        due = tape.calendar[DUE, due + 1] if due + 1 < n else n
    return cash, due, last


@rarely
def finish(
    tape: Any, lone: Any, place: int, account: Any, began: int, value: Any, outcome: Any, gauge: Any, i: int
) -> None:
    """Pay what is still due, value every bar, measure, and fill in the outcome."""
    cash, held, due, costs, last, refused, filled, state = account
    spans = borrowed(lone.spans)[place]
    cash, due, last = paid(tape, spans, cash, held, due, last, tape.prices.shape[2] - 1)
    value[0] = began
    value_spans(borrowed(lone.marks), tape.terms[MULTIPLIER, 0], spans, last, value[1:])
    measure(value, lone.nothing, gauge, i)
    outcome[:] = 0
    outcome[CASH], outcome[COSTS], outcome[FILLS] = cash, costs, filled
    outcome[REJECTED], outcome[STATE] = refused, state
    outcome[len(outcome) - 1] = trips_of(spans, last)


def value_spans(marks: Any, multiplier: int, spans: Any, last: int, value: Any) -> None:
    """Value every bar; what is written beyond a span is written over by the next."""
    n = len(marks) - STRIDE
    for s in range(last + 1):
        cash, worth = float(spans[s, SPAN_CASH]), float(spans[s, SPAN_HELD] * multiplier)
        t, stop = spans[s, START], spans[s + 1, START] if s < last else n
        while t < stop:
            for j in range(STRIDE):
                value[t + j] = cash + worth * marks[t + j]
            t += STRIDE


def trips_of(spans: Any, last: int) -> int:
    """Return the number of closed round trips, first in, first out, as `backtests.fast.trips.round_trips`.

    What is left of each purchase is written over the first bars of the spans, which are done with.
    """
    oldest = newest = closed = 0
    for s in range(1, last + 1):
        quantity = spans[s, SPAN_HELD] - spans[s - 1, SPAN_HELD]
        if quantity > 0:
            spans[newest, START] = quantity
            newest += 1
        while quantity < 0:
            quantity += spans[oldest, START]
            closed += 1
            if quantity > 0:
                spans[oldest, START] = quantity
            else:
                oldest += 1
    return closed
