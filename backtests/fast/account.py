"""One account in arrays of integers: what `backtests.trading.ledger.Book` is to the engine.

These are plain Python functions, compiled with whoever calls them (`indexsim.compiled.exactly`). Money is sen,
prices are 0.01 yen, as everywhere in `backtests.trading`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backtests.fast.tape import CASH_SETTLED, FEE_PER_CONTRACT, FEE_RATE, MULTIPLIER
from backtests.trading.execution import fee, used
from backtests.trading.reasons import NONE

#: Entries of `Account.totals`; where BRIEF is set, orders are counted and of fills only the quantity is written down.
CASH, COSTS, FILLS, ORDERS, WAITING, STATE, REJECTED, BRIEF = range(8)
#: Values of STATE: all is well; a number outgrew 64 bits; there was no room to write down a fill or an order.
FINE, TOO_LARGE, NO_SPACE = range(3)
#: Why a fill happened; the words are in `backtests.trading.ledger`.
ORDERED, ROLLED, SETTLED, CLOSED_OUT = range(4)
#: Columns of `Account.fills`.
F_BAR, F_K, F_PHASE, F_QUANTITY, F_REFERENCE, F_PRICE, F_FEE, F_SLIPPAGE, F_WHY = range(9)
#: Columns of `Account.orders`: the last is a reason of `backtests.trading.reasons`, 0 where the order was filled.
O_BAR, O_K, O_PHASE, O_QUANTITY, O_REASON = range(5)
#: Columns of `Account.waiting`.
W_PHASE, W_K, W_QUANTITY = range(3)

#: Largest sum in sen that may be multiplied by a rate in 1e-6: 90 billion yen.
LARGEST = 9e12
#: Largest sum in sen that a float holds exactly, 90 trillion yen: what every bar is valued in.
EXACT = 9e15
#: Largest number of 64 bits, with room to spare.
LARGEST_PRODUCT = 9e18


class Account(NamedTuple):
    """Cash, positions and marks of k instruments, what waits for the next bar, and what happened.

    Attributes
    ----------
    quantity, marks, fallen : ndarray of int64, shape (k,)
        `fallen` is why orders of an instrument are refused in this bar, 0 where they are not.
    totals : ndarray of int64, shape (8,)
        By `CASH` and the constants after it.
    waiting : ndarray of int64, shape (2 k, 3)
        Orders for the next bar, by phase and instrument.
    fills : ndarray of int64, shape (most, 9)
    orders : ndarray of int64, shape (most, 5)
    """

    quantity: np.ndarray
    marks: np.ndarray
    fallen: np.ndarray
    totals: np.ndarray
    waiting: np.ndarray
    fills: np.ndarray
    orders: np.ndarray


def new_account(k: int, room: int) -> Account:
    """Return an empty account of k instruments with room to write down so many fills and orders."""
    three = (np.zeros(k, dtype=np.int64) for _ in range(3))
    wide = (np.zeros(shape, dtype=np.int64) for shape in ((8,), (2 * k, 3), (room, 9), (room, 5)))
    return Account(*three, *wide)


def opened(account: Any, cash: int, brief: bool) -> None:
    """Begin again with some cash."""
    account.quantity[:] = 0
    account.marks[:] = 0
    account.totals[:] = 0
    account.totals[CASH], account.totals[BRIEF] = cash, brief


def equity(tape: Any, account: Any) -> int:
    """Return the account value: cash plus what is paid in full and held."""
    value: int = account.totals[CASH]
    for k in range(len(account.quantity)):
        if account.quantity[k] and not tape.terms[CASH_SETTLED, k]:
            value += account.quantity[k] * account.marks[k] * tape.terms[MULTIPLIER, k]
    return value


def binds(tape: Any, account: Any, k: int, quantity: int, price: int, rate: int) -> int:
    """Return what a position binds at a price; a position beyond the range of these integers ends the account."""
    multiplier = tape.terms[MULTIPLIER, k]
    if abs(float(quantity)) * float(price) * float(multiplier) > LARGEST:
        account.totals[STATE] = TOO_LARGE
        return 0
    return used(quantity, price, multiplier, rate)


def bound(tape: Any, account: Any, field: int, t: int, but: int, shorts_only: bool) -> int:
    """Return what all positions but one bind at the rates of a field of the tape.

    Parameters
    ----------
    but : int
        The instrument left out; -1 leaves out none.
    shorts_only : bool
        Whether what is paid in full and owned binds nothing.
    """
    total = 0
    for k in range(len(account.quantity)):
        held = account.quantity[k]
        if held == 0 or k == but or (shorts_only and held > 0 and not tape.terms[CASH_SETTLED, k]):
            continue
        total += binds(tape, account, k, held, account.marks[k], tape.prices[field, k, t])
    return total


def mark(tape: Any, account: Any, k: int, price: int) -> None:
    """Value a position; a future pays the difference."""
    if account.quantity[k] and tape.terms[CASH_SETTLED, k]:
        account.totals[CASH] += account.quantity[k] * (price - account.marks[k]) * tape.terms[MULTIPLIER, k]
    account.marks[k] = price


def fee_of(tape: Any, k: int, quantity: int, price: int) -> int:
    """Return the fee of a fill."""
    terms = tape.terms
    return fee(quantity, price, terms[MULTIPLIER, k], terms[FEE_PER_CONTRACT, k], terms[FEE_RATE, k])


def fill(
    tape: Any, account: Any, t: int, k: int, phase: int, quantity: int, reference: int, price: int, why: int
) -> None:
    """Book a fill, and write it down."""
    multiplier, totals = tape.terms[MULTIPLIER, k], account.totals
    if abs(float(quantity)) * float(price) * float(multiplier) > LARGEST:
        totals[STATE] = TOO_LARGE
        return
    paid = fee_of(tape, k, quantity, price)
    slippage = (price - reference) * quantity * multiplier
    if tape.terms[CASH_SETTLED, k]:
        mark(tape, account, k, reference)
        totals[CASH] -= slippage
    else:
        totals[CASH] -= quantity * price * multiplier
    account.quantity[k] += quantity
    totals[CASH] -= paid
    totals[COSTS] += paid + slippage
    write_fill(account, t, k, phase, quantity, reference, price, paid, slippage, why)


def write_fill(
    account: Any,
    t: int,
    k: int,
    phase: int,
    quantity: int,
    reference: int,
    price: int,
    paid: int,
    slippage: int,
    why: int,
) -> None:
    """Write down a fill."""
    totals = account.totals
    at = totals[FILLS]
    if at >= len(account.fills):
        totals[STATE] = NO_SPACE
        return
    fills = account.fills
    fills[at, F_BAR], fills[at, F_K], fills[at, F_QUANTITY] = t, k, quantity
    if not totals[BRIEF]:
        fills[at, F_PHASE], fills[at, F_REFERENCE], fills[at, F_PRICE] = phase, reference, price
        fills[at, F_FEE], fills[at, F_SLIPPAGE], fills[at, F_WHY] = paid, slippage, why
    totals[FILLS] = at + 1


def record(account: Any, bar: int, k: int, phase: int, quantity: int, reason: int) -> None:
    """Write down an order."""
    at = account.totals[ORDERS]
    account.totals[ORDERS] = at + 1
    account.totals[REJECTED] += reason != NONE
    if account.totals[BRIEF]:
        return
    if at >= len(account.orders):
        account.totals[STATE] = NO_SPACE
        return
    orders = account.orders
    orders[at, O_BAR], orders[at, O_K], orders[at, O_PHASE] = bar, k, phase
    orders[at, O_QUANTITY], orders[at, O_REASON] = quantity, reason
