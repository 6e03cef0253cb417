"""The commonest account in short: one fund or share, owned or not, without interest, splits or deposits.

It does what `backtests.fast.follow` does with any account, in a third of the time: what is held stays in
registers. The tests hold both against the engine.
"""

from __future__ import annotations

from typing import Any

from backtests.fast.account import (
    CASH,
    COSTS,
    LARGEST,
    ORDERED,
    STATE,
    TOO_LARGE,
    record,
    write_fill,
)
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
)
from backtests.trading.broker import CLOSE
from backtests.trading.execution import can_size, fee, fill_price, position, rejected, used
from backtests.trading.reasons import BELOW_A_LOT, LIMIT, NO_CLOSE, NO_OPEN, NO_PRICE, NO_ROOM, ODD_LOT, OVERSIZED
from indexsim.compiled import rarely


def is_lone(tape: Any, room: Any, count: int, paid_in: bool) -> bool:
    """Say whether an account is of this kind: its targets are never below zero, and one a row."""
    terms = tape.terms
    if terms.shape[1] != 1 or terms[CASH_SETTLED, 0] or terms[LONG_PAYS, 0] or tape.calendar[CASH_PAYS, 0]:
        return False
    if paid_in or len(tape.splits):
        return False
    odd = 0
    for w in range(count):
        odd += room.wanted[w] < 0.0
        odd += w > 0 and room.rows[w] == room.rows[w - 1]
    return odd == 0


@rarely
def follow_lone(
    tape: Any, terms: Any, reserve: float, unit: int, account: Any, room: Any, count: int, value: Any
) -> None:
    """Trade the targets of one trial; `value` is filled in."""
    n, t, held, cash = len(value), 0, 0, account.totals[CASH]
    marks, due, paid_out = tape.prices[MARK, 0], tape.calendar[DUE], tape.prices[DISTRIBUTION, 0]
    multiplier, lot = tape.terms[MULTIPLIER, 0], tape.terms[LOT, 0]
    for w in range(count):
        row, wanted, phase = room.rows[w], room.wanted[w], room.phases[w]
        cash = hold(marks, due, paid_out, multiplier, held, cash, t, row + 1, value)
        t = row + 1
        worth, mark = value[row], marks[row]
        if abs(float(worth)) > LARGEST:
            account.totals[STATE] = TOO_LARGE
            return
        if not can_size(wanted, unit, mark):
            record(account, row, 0, phase, 0, NO_PRICE)
            continue
        after = position(wanted, unit, worth, mark, multiplier, lot, reserve)
        if after == 0 and wanted != 0.0:
            record(account, row, 0, phase, 0, BELOW_A_LOT)
        if after == held:
            continue
        if due[t] == t:
            cash += held * paid_out[t]
        paid = buy(tape, terms, account, t, phase, held, after - held, cash)
        if account.totals[STATE]:
            return
        if paid != REFUSED:
            cash -= paid
            held = after
        value[t] = cash + held * multiplier * marks[t]
        t += 1
    hold(marks, due, paid_out, multiplier, held, cash, t, n, value)


#: What `buy` returns where the order was refused.
REFUSED = -(2**62)


def hold(
    marks: Any, due: Any, paid_out: Any, multiplier: int, held: int, cash: int, t: int, stop: int, value: Any
) -> int:
    """Value the bars [t, stop), paying what is distributed; return the cash."""
    worth = held * multiplier
    while t < stop:
        if due[t] == t:
            cash += held * paid_out[t]
            value[t] = cash + worth * marks[t]
            t += 1
            continue
        last = min(due[t], stop)
        for j in range(t, last):
            value[j] = cash + worth * marks[j]
        t = last
    return cash


def buy(tape: Any, terms: Any, account: Any, t: int, phase: int, held: int, quantity: int, cash: int) -> int:
    """Buy or sell; return what is paid, or `REFUSED`; `backtests.fast.bars.trade` in short."""
    prices, about = tape.prices, tape.terms
    reference = prices[CLOSE_PRICE, 0, t] if phase == CLOSE else prices[OPEN_PRICE, 0, t]
    multiplier, lot, most = about[MULTIPLIER, 0], about[LOT, 0], about[MOST, 0]
    if lot != 1 and quantity % lot and (held + quantity) % lot:
        return refuse(account, t, phase, quantity, ODD_LOT)
    if reference <= 0:
        return refuse(account, t, phase, quantity, NO_CLOSE if phase == CLOSE else NO_OPEN)
    if most and abs(quantity) > most:
        return refuse(account, t, phase, quantity, OVERSIZED)
    tick = prices[CLOSE_TICK, 0, t] if phase == CLOSE else prices[OPEN_TICK, 0, t]
    price = fill_price(reference, quantity, terms.slippage_rate, terms.slippage_ticks, tick, about[HALF_SPREAD, 0])
    highest = prices[UPPER, 0, t]
    if price < prices[LOWER, 0, t] or (highest and price > highest):
        return refuse(account, t, phase, quantity, LIMIT)
    after = held + quantity
    if float(max(after, held)) * float(price) * float(multiplier) > LARGEST:
        account.totals[STATE] = TOO_LARGE
        return REFUSED
    paid = fee(quantity, price, multiplier, about[FEE_PER_CONTRACT, 0], about[FEE_RATE, 0])
    worth = cash + held * price * multiplier
    if quantity > 0 and rejected(used(after, price, multiplier, prices[INITIAL, 0, t]), paid, worth):
        return refuse(account, t, phase, quantity, NO_ROOM)
    slippage = (price - reference) * quantity * multiplier
    account.totals[COSTS] += paid + slippage
    write_fill(account, t, 0, phase, quantity, reference, price, paid, slippage, ORDERED)
    record(account, t - 1, 0, phase, quantity, 0)
    total: int = quantity * price * multiplier + paid
    return total


def refuse(account: Any, t: int, phase: int, quantity: int, reason: int) -> int:
    """Write down a refused order."""
    record(account, t - 1, 0, phase, quantity, reason)
    return REFUSED
