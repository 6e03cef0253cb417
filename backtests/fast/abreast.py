"""The commonest accounts, side by side: one fund or share, owned or not, without interest, splits or deposits.

Trials of a sweep go abreast: `LANES` of them take each bar together (`backtests.fast.lanes`). What they share, a price
or a payment, is read once, a bar on which none of them orders or holds anything costs nothing, and figures are added up
on the way. It counts and values what `backtests.fast.follow` does with any account, in a fraction of the time; a trial
that does what is not foreseen here is set aside for that. `Machine.record` and the tests hold both against each
other, and against the engine.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backtests.fast.account import CASH, COSTS, FILLS, FINE, REJECTED, STATE, TOO_LARGE
from backtests.fast.figures import BLOCK, lent, part_of
from backtests.fast.lanes import (
    AFTER,
    ASIDE,
    COST,
    DEEP,
    FILLED,
    HELD,
    LANES,
    MONEY,
    NO_FILL,
    PRICE,
    REFUSED,
    ROWS,
    TRIPS,
    VALUE,
    about_of,
    aim,
    begin,
    deepen,
    end_block,
    fill_all,
    forget,
    lanes_of,
    mend,
    pay,
    price_alike,
    size_all,
    some_hold,
    stir,
    stir_both,
    sum_up,
    value,
    value_session,
)
from backtests.fast.tape import (
    CASH_PAYS,
    CASH_SETTLED,
    CLOSE_PRICE,
    CLOSE_TICK,
    DISTRIBUTION,
    HALF_SPREAD,
    INITIAL,
    LONG_PAYS,
    LOWER,
    MARK,
    MULTIPLIER,
    OPEN_PRICE,
    OPEN_TICK,
    UPPER,
    Tape,
)
from backtests.fast.wanted import any_of, some_at_close
from backtests.trading.broker import CLOSE, OPEN
from backtests.trading.execution import PER_WHOLE, fill_price
from indexsim.compiled import borrowed, rarely


class Room(NamedTuple):
    """What accounts that go abreast need, used by one group of lanes after the other.

    Attributes
    ----------
    state : ndarray of float64, shape (ROWS * LANES,)
    moves : ndarray of uint8, shape (2, n)
        Whether any target at the open, or at the close, may order something after a bar.
    held : ndarray of float64, shape (most, LANES)
        What each account holds after each bar on which one of them ordered.
    lots : ndarray of float64, shape (most,)
        What is left of each purchase.
    fills : ndarray of int64, shape (4, n)
        Price of a purchase and of a sale at the open, and at the close; 0 is not worked out yet.
    slippage : ndarray of int64, shape (2,)
        What those prices are for.
    """

    state: np.ndarray
    moves: np.ndarray
    held: np.ndarray
    lots: np.ndarray
    fills: np.ndarray
    slippage: np.ndarray


def new_room(n: int) -> Room:
    """Return room for accounts on n bars."""
    state, held, lots = aligned(ROWS * LANES), np.zeros((n + 1, LANES)), np.zeros(2 * n)
    fills, slippage = np.zeros((4, n), dtype=np.int64), np.zeros(2, dtype=np.int64)
    return Room(state, np.zeros((2, n), dtype=np.uint8), held, lots, fills, slippage)


def aligned(count: int) -> np.ndarray:
    """Return zeros that begin a line of the processor's cache: vectors that straddle two are slow."""
    line = 64
    room = np.zeros(count + line // 8)
    return room[-room.ctypes.data % line // 8 :][:count]


def go_abreast(tape: Tape) -> bool:
    """Say whether accounts on a tape may: one thing to hold, paid in full, without interest or splits."""
    terms = tape.terms
    if terms.shape[1] != 1 or terms[CASH_SETTLED, 0] or terms[LONG_PAYS, 0] or tape.calendar[CASH_PAYS, 0]:
        return False
    return len(tape.splits) == 0 and bool((tape.prices[INITIAL] == PER_WHOLE).all())


def trade_abreast(
    tape: Any, all_terms: Any, all_reserves: Any, unit: int, at_open: Any, at_close: Any, deposits: Any, first: int,
    room: Any, all_values: Any, all_outcomes: Any, all_measures: Any, lo: int, hi: int,
) -> int:  # fmt: skip
    """Trade and measure the trials lo to hi - 1; see `backtests.fast.follow.follow_all`.

    The state of a trial that is set aside is `TOO_LARGE`, and nothing else of it holds.

    Parameters
    ----------
    at_open, at_close, deposits : ndarray of float64
        The targets of trial lo come first.
    room : Room
    all_values : ndarray of float64, shape (m, 1 + n), or (0, 1 + n) where they are only measured
        Filled in.

    Returns
    -------
    aside : int
        Trials that were set aside.
    """
    # What is sliced here costs nothing; before the call it would cost more than the call.
    terms, reserves, values, outcomes = (
        borrowed(all_terms)[lo:hi], borrowed(all_reserves)[lo:hi], borrowed(all_values)[lo:hi],
        borrowed(all_outcomes)[lo:hi],
    )  # fmt: skip
    gauge = part_of(lent(all_measures), lo, hi)
    own = Room(
        borrowed(room.state), borrowed(room.moves), borrowed(room.held), borrowed(room.lots), borrowed(room.fills),
        borrowed(room.slippage),
    )  # fmt: skip
    on = Tape(
        borrowed(tape.prices), borrowed(tape.terms), borrowed(tape.calendar), borrowed(tape.splits), borrowed(tape.ends)
    )
    opens, closes, paid_in = borrowed(at_open), borrowed(at_close), borrowed(deposits)
    n, aside = tape.prices.shape[2], 0
    closing = some_at_close(closes, first, n)
    all_paid_in = len(paid_in) == 1 and any_of(paid_in[0, first:])
    for lead in range(0, len(terms), LANES):
        last = min(lead + LANES, len(terms))
        begin(own.state, lanes_of(last - lead), terms, reserves, lead)
        own.moves[:] = 0
        for i in range(lead, last):
            every_bar, at_open_moves, at_close_moves = terms[i].every_bar, own.moves[OPEN], own.moves[CLOSE]
            wanted = opens[i, 0, first : first + n]
            if closing:
                also = closes[i, 0, first : first + n]
                stir_both(wanted, also, every_bar, at_open_moves, at_close_moves)
            else:
                stir(wanted, every_bar, at_open_moves)
            if all_paid_in or (len(paid_in) > 1 and any_of(paid_in[i, first:])):
                own.state[ASIDE + i - lead] = 1.0
        alike = for_slippage(own, terms, lead, last)
        moved = walk(on, terms, unit, opens, closes, first, own, lead, alike, values, gauge)
        for i in range(lead, last):
            finish(own, i - lead, moved, len(on.ends), terms[i].cash, gauge, i, outcomes[i])
            aside += outcomes[i, STATE] != FINE
    return aside


def for_slippage(room: Any, terms: Any, lead: int, last: int) -> bool:
    """Say whether trials have the same slippage; the prices of fills are forgotten if they were for another."""
    rate, ticks = terms[lead].slippage_rate, terms[lead].slippage_ticks
    for i in range(lead + 1, last):
        if terms[i].slippage_rate != rate or terms[i].slippage_ticks != ticks:
            return False
    if room.slippage[0] != rate or room.slippage[1] != ticks:
        room.slippage[0], room.slippage[1] = rate, ticks
        room.fills[:] = 0
    return True


@rarely
def walk(
    tape: Any, terms: Any, unit: int, at_open: Any, at_close: Any, first: int, room: Any, lead: int, alike: bool,
    values: Any, gauge: Any,
) -> int:  # fmt: skip
    """Let the trials from `lead` on take every bar; return on how many bars one of them ordered something."""
    marks, distributions, ends, multiplier = (
        tape.prices[MARK, 0], tape.prices[DISTRIBUTION, 0], tape.ends, tape.terms[MULTIPLIER, 0]
    )  # fmt: skip
    state, moves, m = room.state, room.moves, lanes_of(len(terms) - lead)
    about = about_of(tape, unit)
    session = moved = 0
    holds = stale = False
    keep(state, lead, 0, values)
    for t in range(len(marks)):
        acts = t > 0 and (moves[OPEN, t - 1] != 0 or moves[CLOSE, t - 1] != 0)
        stale = stale or holds or acts
        if holds and distributions[t]:
            pay(state, m, float(distributions[t]))
        if acts:
            forget(state, m)
            if moves[OPEN, t - 1]:
                order(tape, terms, about, at_open, first, room, lead, alike, OPEN, t)
            if moves[CLOSE, t - 1]:
                order(tape, terms, about, at_close, first, room, lead, alike, CLOSE, t)
        if session == len(ends) or t != ends[session]:
            if holds or acts:
                value(state, m, float(marks[t] * multiplier))
        else:
            if stale:
                deeper, odd = value_session(state, m, float(marks[t] * multiplier))
                if deeper:
                    deepen(state, m)
                if odd:
                    mend(state, m)
            session, stale = session + 1, False
            if session % BLOCK == 0 or session == len(ends):
                end_block(state, m, lead, (session - 1) // BLOCK, gauge.log_sums, gauge.log_squares)
        if acts:
            holds = some_hold(state, m, room.held[moved])
            moved += 1
        keep(state, lead, 1 + t, values)
    return moved


def keep(state: Any, lead: int, column: int, values: Any) -> None:
    """Write down the values after a bar, where there is room for them."""
    for lane in range(min(LANES, len(values) - lead)):
        values[lead + lane, column] = state[VALUE + lane]


def order(
    tape: Any, terms: Any, about: Any, targets: Any, first: int, room: Any, lead: int, alike: bool, phase: int, t: int
) -> None:
    """Order what the targets after the bar before ask for, and fill or refuse it at the open or the close of bar t."""
    state, m = room.state, lanes_of(len(terms) - lead)
    reference = float(tape.prices[CLOSE_PRICE, 0, t] if phase == CLOSE else tape.prices[OPEN_PRICE, 0, t])
    aim(state, targets[lead : lead + LANES, 0, first + t - 1])
    size_all(state, m, about, tape.prices[MARK, 0, t - 1])
    if alike:
        purchase, sale = room.fills[2 * phase, t], room.fills[2 * phase + 1, t]
        if purchase == 0:
            purchase, sale = priced(tape, terms[lead], t, phase, 1), priced(tape, terms[lead], t, phase, -1)
            room.fills[2 * phase, t], room.fills[2 * phase + 1, t] = purchase, sale
        price_alike(state, m, float(purchase), float(sale))
    else:
        for lane in range(m):
            if state[AFTER + lane] != state[HELD + lane]:
                side = 1 if state[AFTER + lane] > state[HELD + lane] else -1
                state[PRICE + lane] = priced(tape, terms[min(lead + lane, len(terms) - 1)], t, phase, side)
    fill_all(state, m, about, reference)


def priced(tape: Any, terms: Any, t: int, phase: int, side: int) -> int:
    """Return the price of a fill, or `NO_FILL` where there is no print, or the price lies beyond its limit."""
    prices = tape.prices
    reference = prices[CLOSE_PRICE, 0, t] if phase == CLOSE else prices[OPEN_PRICE, 0, t]
    if reference <= 0:
        return NO_FILL
    tick = prices[CLOSE_TICK, 0, t] if phase == CLOSE else prices[OPEN_TICK, 0, t]
    price: int = fill_price(
        reference, side, terms.slippage_rate, terms.slippage_ticks, tick, tape.terms[HALF_SPREAD, 0]
    )
    highest = prices[UPPER, 0, t]
    if price < prices[LOWER, 0, t] or (highest and price > highest):
        return NO_FILL
    return price


@rarely
def finish(room: Any, lane: int, moved: int, sessions: int, began: int, gauge: Any, i: int, outcome: Any) -> None:
    """Fill in the figures and the outcome of trial i."""
    state = room.state
    sum_up(state, lane, float(began), sessions, gauge.per_year, gauge.figures[i])
    outcome[:] = 0
    outcome[CASH], outcome[COSTS], outcome[FILLS] = (
        int(state[MONEY + lane]),
        int(state[COST + lane]),
        int(state[FILLED + lane]),
    )
    outcome[REJECTED], outcome[STATE] = int(state[REFUSED + lane]), TOO_LARGE if state[ASIDE + lane] else FINE
    outcome[len(outcome) - 1] = (
        trips_of(room.held[:moved, lane], room.lots) if state[DEEP + lane] else int(state[TRIPS + lane])
    )


def trips_of(held: Any, lots: Any) -> int:
    """Return the number of closed round trips, first in, first out, as `backtests.fast.trips.round_trips`."""
    oldest = newest = closed = 0
    before = 0.0
    for at in range(len(held)):
        quantity = held[at] - before
        before = held[at]
        if quantity > 0.0:
            lots[newest] = quantity
            newest += 1
        while quantity < 0.0:
            quantity += lots[oldest]
            closed += 1
            if quantity > 0.0:
                lots[oldest] = quantity
            else:
                oldest += 1
    return closed
