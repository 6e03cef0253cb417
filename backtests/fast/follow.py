"""Walk over the bars: full ones where something happens, at a stroke where nothing does."""

from __future__ import annotations

from typing import Any

import numpy as np

from backtests.fast.account import (
    CASH,
    EXACT,
    FILLS,
    LARGEST,
    STATE,
    TOO_LARGE,
    W_K,
    W_PHASE,
    W_QUANTITY,
    WAITING,
    Account,
    equity,
    mark,
    opened,
    record,
)
from backtests.fast.bars import bar, is_called
from backtests.fast.figures import lent as lent_gauge
from backtests.fast.figures import measure
from backtests.fast.tape import (
    CASH_PAYS,
    CASH_SETTLED,
    DUE,
    EARLY,
    LONG_PAYS,
    LOT,
    MARK,
    MULTIPLIER,
    SHORT_PAYS,
    Tape,
)
from backtests.fast.trips import round_trips
from backtests.fast.wanted import any_of, orders_in, some_at_close
from backtests.trading.execution import PER_YEN, can_size, position
from backtests.trading.reasons import BELOW_A_LOT, NO_PRICE
from indexsim.compiled import borrowed, rarely

#: Column of the outcomes after the totals of the account.
TRIPS = 8


def follow_all(
    tape: Any,
    terms: Any,
    reserves: Any,
    unit: int,
    at_open: Any,
    at_close: Any,
    deposits: Any,
    first: int,
    brief: bool,
    account: Any,
    wanted: Any,
    ends: Any,
    lots: Any,
    values: Any,
    outcomes: Any,
    gauge: Any,
) -> None:
    """Trade the targets of several trials, and measure what comes of them.

    Parameters
    ----------
    tape : Tape
    terms : array of records, shape (m,)
        `TERMS` of each trial.
    reserves : ndarray of float64, shape (m, k)
    unit : int
        Unit of the targets, as in `backtests.trading.execution`.
    at_open : ndarray of float64, shape (m, k, n + first)
    at_close : ndarray of float64, shape (m, k, n + first), or (1, k, n + first) where all trials have the same
    deposits : ndarray of float64, shape (m, n + first), or (1, n + first)
    first : int
        Row of the targets that belongs to the first bar of the tape.
    brief : bool
        Whether fills and orders are only counted.
    account : Account
        Used by one trial after the other; it is left as the last one leaves it.
    wanted : Wanted
    ends : ndarray of int64, shape (2, k)
    lots : ndarray of int64, shape (2, most fills)
        Used for the round trips.
    values : ndarray of float64, shape (m, 1 + n), or (1, 1 + n) where they are only measured
        Filled in: the cash to begin with and the account value after each bar, whole sen.
    outcomes : ndarray of int64, shape (m, 9)
        Filled in: `Account.totals` at the end, closed round trips.
    gauge : Gauge
        Of the same sessions as the tape.
    """
    # Counted arrays would be counted in every call below: ten times the time of everything else.
    lent = Tape(
        borrowed(tape.prices), borrowed(tape.terms), borrowed(tape.calendar), borrowed(tape.splits), borrowed(tape.ends)
    )
    own = Account(
        borrowed(account.quantity), borrowed(account.marks), borrowed(account.fallen), borrowed(account.totals),
        borrowed(account.waiting), borrowed(account.fills), borrowed(account.orders),
    )  # fmt: skip
    n, measuring = tape.prices.shape[2], lent_gauge(gauge)
    closes = some_at_close(at_close, first, n)
    for i in range(len(terms)):
        count = orders_in(
            borrowed(at_open)[i], borrowed(at_close)[min(i, len(at_close) - 1)], first, n, terms[i].every_bar, closes,
            wanted,
        )  # fmt: skip
        paid_in = borrowed(deposits)[min(i, len(deposits) - 1), first:]
        value = borrowed(values)[min(i, len(values) - 1)]
        value[0] = terms[i].cash
        follow_any(lent, terms[i], borrowed(reserves)[i], unit, paid_in, brief, own, wanted, count, value[1 : n + 1])
        measure(value, paid_in, measuring, i)
        totals = own.totals
        outcomes[i, : len(totals)] = totals
        outcomes[i, TRIPS] = round_trips(lent, own.fills[: totals[FILLS]], ends[0], ends[1], lots[0], lots[1])


@rarely
def follow_any(
    tape: Any,
    terms: Any,
    reserve: Any,
    unit: int,
    deposits: Any,
    brief: bool,
    account: Any,
    wanted: Any,
    count: int,
    value: Any,
) -> None:
    """Trade the orders of a trial, whatever it holds; `value` is filled in."""
    n, t, at, called = len(value), 0, 0, False
    paid_in = any_of(deposits)
    rows, phases, instruments, targets = (
        borrowed(wanted.rows), borrowed(wanted.phases), borrowed(wanted.instruments), borrowed(wanted.wanted)
    )  # fmt: skip
    opened(account, terms.cash, brief)
    while t < n and account.totals[STATE] == 0:
        decided = rows[at] if at < count else n
        deposit = int(np.rint(deposits[t - 1] * PER_YEN)) if paid_in and t else 0
        stop = t
        if account.totals[WAITING] == 0 and deposit == 0 and not called:
            stop = min(tape.calendar[DUE, t], decided + 1, n)
            if paid_in or pays(tape, account):
                stop = min(stop, t + 1 - tape.calendar[EARLY, t])
        if stop > t:
            t, called = quiet(tape, account, t, stop, value)
        else:
            called = bar(tape, account, terms, t, deposit, called)
            value[t] = equity(tape, account)
            t += 1
        while at < count and rows[at] == t - 1:
            order(tape, account, reserve, unit, t - 1, phases[at], instruments[at], targets[at], int(value[t - 1]))
            at += 1
    if largest(value) > EXACT:
        account.totals[STATE] = TOO_LARGE


def largest(values: Any) -> float:
    """Return the largest size."""
    found = 0.0
    for j in range(len(values)):
        found = max(found, abs(values[j]))
    return found


def pays(tape: Any, account: Any) -> bool:
    """Say whether what is held pays or receives for being held."""
    found: bool = tape.calendar[CASH_PAYS, 0] != 0
    for k in range(len(account.quantity)):
        held = account.quantity[k]
        found = found or (held > 0 and tape.terms[LONG_PAYS, k] != 0) or (held < 0 and tape.terms[SHORT_PAYS, k] != 0)
    return found


def quiet(tape: Any, account: Any, t: int, stop: int, value: Any) -> Any:
    """Value the bars [t, stop) on which nothing can happen but a margin call.

    Returns
    -------
    next : int
        The first bar after them; it is below `stop` where a margin call comes between.
    called : bool
        Whether the account is below its maintenance margin after the bar before `next`.
    """
    free = True
    for k in range(len(account.quantity)):
        held = account.quantity[k]
        free = free and (held == 0 or (held > 0 and tape.terms[CASH_SETTLED, k] == 0))
    if not free:
        return watched(tape, account, t, stop, value)
    values = value[t:stop]
    values[:] = account.totals[CASH]
    for k in range(len(account.quantity)):
        worth, marks = account.quantity[k] * tape.terms[MULTIPLIER, k], tape.prices[MARK, k, t:stop]
        if worth:
            for j in range(len(values)):
                values[j] += worth * marks[j]
        account.marks[k] = marks[-1]
    return stop, False


def watched(tape: Any, account: Any, t: int, stop: int, value: Any) -> Any:
    """The same for an account that may be called for margin, bar by bar."""
    called = False
    while t < stop and not called:
        for k in range(len(account.quantity)):
            mark(tape, account, k, tape.prices[MARK, k, t])
        value[t] = equity(tape, account)
        called = is_called(tape, account, t)
        t += 1
    return t, called


def order(
    tape: Any, account: Any, reserve: Any, unit: int, t: int, phase: int, k: int, wanted: float, worth: int
) -> None:
    """Order what a target asks for: the difference to what is held and already ordered (rule 5)."""
    close = tape.prices[MARK, k, t]
    if abs(float(worth)) > LARGEST or abs(wanted) * PER_YEN > LARGEST:
        account.totals[STATE] = TOO_LARGE
        return
    if not can_size(wanted, unit, close):
        record(account, t, k, phase, 0, NO_PRICE)
        return
    held = position(wanted, unit, worth, close, tape.terms[MULTIPLIER, k], tape.terms[LOT, k], reserve[k])
    if held == 0 and wanted != 0.0:
        record(account, t, k, phase, 0, BELOW_A_LOT)
    expected = account.quantity[k]
    for w in range(account.totals[WAITING]):
        if account.waiting[w, W_K] == k:
            expected += account.waiting[w, W_QUANTITY]
    if held != expected:
        waiting = account.waiting[account.totals[WAITING]]
        waiting[W_PHASE], waiting[W_K], waiting[W_QUANTITY] = phase, k, held - expected
        account.totals[WAITING] += 1
