"""What happens to an account within a bar: rule 4 in compiled code, in the order of `backtests.trading.broker`."""

from __future__ import annotations

from typing import Any

from backtests.fast.account import (
    CASH,
    CLOSED_OUT,
    COSTS,
    LARGEST_PRODUCT,
    ORDERED,
    ROLLED,
    SETTLED,
    STATE,
    TOO_LARGE,
    W_K,
    W_PHASE,
    W_QUANTITY,
    WAITING,
    binds,
    bound,
    equity,
    fee_of,
    fill,
    mark,
    record,
)
from backtests.fast.tape import (
    CASH_RATE,
    CASH_SETTLED,
    CLOSE_PRICE,
    CLOSE_TICK,
    DAYS,
    DISTRIBUTION,
    EARLY,
    HALF_SPREAD,
    INITIAL,
    LATE,
    LONG_RATE,
    LOT,
    LOWER,
    MAINTENANCE,
    MOST,
    MULTIPLIER,
    OPEN_PRICE,
    OPEN_TICK,
    ROLL,
    ROLL_TICKS,
    SETTLE,
    SHORT_RATE,
    UPPER,
)
from backtests.trading.broker import CLOSE, OPEN
from backtests.trading.execution import fill_price, financing, reduces, rejected, split_order, split_position
from backtests.trading.reasons import (
    CALLED,
    FELL_BEFORE,
    LIMIT,
    NO_CLOSE,
    NO_OPEN,
    NO_ROOM,
    NONE,
    ODD_LOT,
    OVERSIZED,
    SPLIT_AWAY,
)
from indexsim.compiled import rarely


def bar(tape: Any, account: Any, slippage: Any, t: int, deposit: int, called: bool) -> bool:
    """Let a bar happen; return whether the account is below its maintenance margin after it.

    Parameters
    ----------
    slippage : record
        ``slippage_rate`` and ``slippage_ticks`` of the spec.
    deposit : int
        Sen paid in before the open.
    called : bool
        Whether it was below after the bar before.
    """
    if tape.calendar[EARLY, t]:
        finance(tape, account, t)
        for k in range(len(account.quantity)):
            account.totals[CASH] += account.quantity[k] * tape.prices[DISTRIBUTION, k, t]
        restate(tape, account, t)
        settle(tape, account, t)
    account.totals[CASH] += deposit
    account.fallen[:] = NONE
    for phase in range(2):
        value_all(tape, account, OPEN_PRICE + phase, t)
        if called and phase == OPEN:
            close_out(tape, account, slippage, t)
        if account.totals[WAITING]:
            trade_all(tape, account, slippage, t, phase)
    account.totals[WAITING] = 0
    if tape.calendar[LATE, t]:
        roll(tape, account, t)
    return is_called(tape, account, t)


def is_called(tape: Any, account: Any, t: int) -> bool:
    """Say whether the account is below its maintenance margin."""
    held = False
    for k in range(len(account.quantity)):
        held = held or account.quantity[k] != 0
    return held and bound(tape, account, MAINTENANCE, t, -1, True) > equity(tape, account)


def financed(account: Any, value: int, rate: int, days: int) -> int:
    """Return what holding a value costs, within the range of these integers."""
    if float(value) * abs(float(rate)) * float(days) > LARGEST_PRODUCT:
        account.totals[STATE] = TOO_LARGE
        return 0
    return financing(value, rate, days)


@rarely
def finance(tape: Any, account: Any, t: int) -> None:
    """Pay interest on cash, and funding and borrowing on what was held since the bar before."""
    days = tape.calendar[DAYS, t]
    earned = financed(account, max(account.totals[CASH], 0), tape.calendar[CASH_RATE, t], days)
    for k in range(len(account.quantity)):
        held = account.quantity[k]
        if held and days:
            rate = tape.prices[LONG_RATE, k, t] if held > 0 else tape.prices[SHORT_RATE, k, t]
            owed = financed(account, abs(held) * account.marks[k] * tape.terms[MULTIPLIER, k], rate, days)
            account.totals[CASH] -= owed
            account.totals[COSTS] += owed
    account.totals[CASH] += earned


@rarely
def restate(tape: Any, account: Any, t: int) -> None:
    """Split positions and the orders waiting for them."""
    for s in range(len(tape.splits)):
        if tape.splits[s, 0] != t:
            continue
        k, new, old = tape.splits[s, 1], tape.splits[s, 2], tape.splits[s, 3]
        before, lot = account.quantity[k], tape.terms[LOT, k]
        after, fraction = split_position(before, new, old, account.marks[k])
        account.quantity[k] = after
        account.marks[k] = account.marks[k] * old // new
        account.totals[CASH] += fraction
        for w in range(account.totals[WAITING]):
            if account.waiting[w, W_K] == k:
                quantity = account.waiting[w, W_QUANTITY]
                account.waiting[w, W_QUANTITY] = split_order(quantity, new, old, lot, before, after)


@rarely
def settle(tape: Any, account: Any, t: int) -> None:
    """End contracts that expire at this open."""
    for k in range(len(account.quantity)):
        price, held = tape.prices[SETTLE, k, t], account.quantity[k]
        if price and held:
            mark(tape, account, k, price)
            fill(tape, account, t, k, OPEN, -held, price, price, SETTLED)


def value_all(tape: Any, account: Any, field: int, t: int) -> None:
    """Value everything at one instant; what does not print keeps its mark."""
    for k in range(len(account.quantity)):
        price = tape.prices[field, k, t]
        if price > 0:
            mark(tape, account, k, price)


@rarely
def close_out(tape: Any, account: Any, slippage: Any, t: int) -> None:
    """Close everything that binds margin at the open; what does not print waits for the next one."""
    for k in range(len(account.quantity)):
        held, reference = account.quantity[k], tape.prices[OPEN_PRICE, k, t]
        if held == 0 or (held > 0 and not tape.terms[CASH_SETTLED, k]):
            continue
        account.fallen[k] = CALLED
        if reference > 0:
            price = moved(tape, slippage, t, k, OPEN, -held, reference)
            fill(tape, account, t, k, OPEN, -held, reference, price, CLOSED_OUT)


def trade_all(tape: Any, account: Any, slippage: Any, t: int, phase: int) -> None:
    """Trade the orders of an instant: reductions first, then in the order of the instruments."""
    waiting, count = account.waiting, account.totals[WAITING]
    for w in range(count):
        # What a reduction is, is settled before the first of them trades.
        if waiting[w, W_PHASE] == phase and reduces(account.quantity[waiting[w, W_K]], waiting[w, W_QUANTITY]):
            waiting[w, W_PHASE] = phase + 2
    for later in range(2):
        for w in range(count):
            if waiting[w, W_PHASE] == phase + 2 - 2 * later:
                trade_one(tape, account, slippage, t, phase, waiting[w, W_K], waiting[w, W_QUANTITY])


def trade_one(tape: Any, account: Any, slippage: Any, t: int, phase: int, k: int, quantity: int) -> None:
    """Fill an order or refuse it, and write down which."""
    reason = account.fallen[k]
    if reason == NONE:
        reason = trade(tape, account, slippage, t, phase, k, quantity)
    if reason != NONE and account.fallen[k] == NONE:
        account.fallen[k] = FELL_BEFORE
    record(account, t - 1, k, phase, quantity, reason)


def trade(tape: Any, account: Any, slippage: Any, t: int, phase: int, k: int, quantity: int) -> int:
    """Fill an order, or return why it cannot be."""
    held, terms = account.quantity[k], tape.terms
    if quantity % terms[LOT, k] and (held + quantity) % terms[LOT, k]:
        return ODD_LOT
    reference = tape.prices[CLOSE_PRICE, k, t] if phase == CLOSE else tape.prices[OPEN_PRICE, k, t]
    if reference <= 0:
        return NO_CLOSE if phase == CLOSE else NO_OPEN
    if terms[MOST, k] and abs(quantity) > terms[MOST, k]:
        return OVERSIZED
    if quantity == 0:
        return SPLIT_AWAY
    price = moved(tape, slippage, t, k, phase, quantity, reference)
    highest = tape.prices[UPPER, k, t]
    if price < tape.prices[LOWER, k, t] or (highest and price > highest):
        return LIMIT
    if not reduces(held, quantity) and not has_room(tape, account, t, k, quantity, price):
        return NO_ROOM
    fill(tape, account, t, k, phase, quantity, reference, price, ORDERED)
    return NONE


def has_room(tape: Any, account: Any, t: int, k: int, quantity: int, price: int) -> bool:
    """Say whether the account can bear a fill (rule 9)."""
    held, rate = account.quantity[k], tape.prices[INITIAL, k, t]
    after = bound(tape, account, INITIAL, t, k, False) + binds(tape, account, k, held + quantity, price, rate)
    if account.totals[STATE]:
        return False
    worth = equity(tape, account)
    worth += held * (price - account.marks[k]) * tape.terms[MULTIPLIER, k]
    return not rejected(after, fee_of(tape, k, quantity, price), worth)


def moved(tape: Any, slippage: Any, t: int, k: int, phase: int, quantity: int, reference: int) -> int:
    """Return the price of a fill after slippage and spread."""
    tick = tape.prices[CLOSE_TICK, k, t] if phase == CLOSE else tape.prices[OPEN_TICK, k, t]
    half_spread = tape.terms[HALF_SPREAD, k]
    return fill_price(reference, quantity, slippage.slippage_rate, slippage.slippage_ticks, tick, half_spread)


@rarely
def roll(tape: Any, account: Any, t: int) -> None:
    """Close the contract held and open the next one, at their two closes: the gap is no gain or loss."""
    for k in range(len(account.quantity)):
        held, other = account.quantity[k], tape.prices[ROLL, k, t]
        if other and held:
            cost, tick = tape.terms[ROLL_TICKS, k], tape.prices[CLOSE_TICK, k, t]
            roll_leg(tape, account, t, k, -held, tape.prices[CLOSE_PRICE, k, t], cost, tick)
            roll_leg(tape, account, t, k, held, other, cost, tick)


@rarely
def roll_leg(tape: Any, account: Any, t: int, k: int, quantity: int, reference: int, cost: int, tick: int) -> None:
    """Trade one side of a roll."""
    mark(tape, account, k, reference)
    price = fill_price(reference, quantity, 0, cost, tick, 0)
    fill(tape, account, t, k, CLOSE, quantity, reference, price, ROLLED)
