"""Walk over the bars: full ones where something happens, at a stroke where nothing does."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backtests.fast.account import (
    CASH,
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
from backtests.fast.lone import follow_lone, is_lone
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
from backtests.trading.execution import PER_YEN, can_size, position
from backtests.trading.reasons import BELOW_A_LOT, NO_PRICE
from indexsim.compiled import borrowed, rarely

#: Column of the outcomes after the totals of the account.
TRIPS = 8


class Wanted(NamedTuple):
    """Room to write down what targets order; see `wanted_in`."""

    rows: np.ndarray
    phases: np.ndarray
    instruments: np.ndarray
    wanted: np.ndarray
    latest: np.ndarray


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
    room: Any,
    ends: Any,
    lots: Any,
    values: Any,
    outcomes: Any,
) -> None:
    """Trade the targets of several trials, one after the other.

    Parameters
    ----------
    tape : Tape
    terms : array of records, shape (m,)
        `TERMS` of each trial.
    reserves : ndarray of float64, shape (m, k)
    unit : int
        Unit of the targets, as in `backtests.trading.execution`.
    at_open, at_close : ndarray of float64, shape (m, k, n + first)
    deposits : ndarray of float64, shape (m, n + first)
    first : int
        Row of the targets that belongs to the first bar of the tape.
    brief : bool
        Whether fills and orders are only counted.
    account : Account
        Used by one trial after the other; it is left as the last one leaves it.
    room : Wanted
    ends : ndarray of int64, shape (2, k)
    lots : ndarray of int64, shape (2, most fills)
        Used in the same way.
    values : ndarray of int64, shape (m, n)
        Filled in: the account value after each bar, sen.
    outcomes : ndarray of int64, shape (m, 9)
        Filled in: `Account.totals` at the end, closed round trips.
    """
    # Counted arrays would be counted in every call below: ten times the time of everything else.
    lent = Tape(
        borrowed(tape.prices), borrowed(tape.terms), borrowed(tape.calendar), borrowed(tape.splits), borrowed(tape.ends)
    )
    own = Account(
        borrowed(account.quantity), borrowed(account.marks), borrowed(account.fallen), borrowed(account.totals),
        borrowed(account.waiting), borrowed(account.fills), borrowed(account.orders),
    )  # fmt: skip
    noted = Wanted(
        borrowed(room.rows), borrowed(room.phases), borrowed(room.instruments), borrowed(room.wanted),
        borrowed(room.latest),
    )  # fmt: skip
    for i in range(len(terms)):
        follow(
            lent, terms[i], borrowed(reserves)[i], unit, borrowed(at_open)[i], borrowed(at_close)[i],
            borrowed(deposits)[i], first, brief, own, noted, borrowed(values)[i],
        )  # fmt: skip
        totals = account.totals
        outcomes[i, : len(totals)] = totals
        fills = account.fills[: totals[FILLS]]
        outcomes[i, TRIPS] = round_trips(tape, fills, ends[0], ends[1], lots[0], lots[1])


def follow(
    tape: Any,
    terms: Any,
    reserve: Any,
    unit: int,
    at_open: Any,
    at_close: Any,
    deposits: Any,
    first: int,
    brief: bool,
    account: Any,
    room: Any,
    value: Any,
) -> None:
    """Trade the targets of one trial; `value` is filled in."""
    n = len(value)
    opened(account, terms.cash, brief)
    count = wanted_in(at_open, at_close, first, n, terms.every_bar, room)
    paid_in = any_of(deposits[first:])
    if is_lone(tape, room, count, paid_in):
        follow_lone(tape, terms, reserve[0], unit, account, room, count, value)
    else:
        follow_any(tape, terms, reserve, unit, deposits[first:], paid_in, account, room, count, value)


@rarely
def follow_any(
    tape: Any,
    terms: Any,
    reserve: Any,
    unit: int,
    deposits: Any,
    paid_in: bool,
    account: Any,
    room: Any,
    count: int,
    value: Any,
) -> None:
    """Trade the targets of one trial, whatever it holds; `value` is filled in."""
    n, t, at, called = len(value), 0, 0, False
    while t < n and account.totals[STATE] == 0:
        decided = room.rows[at] if at < count else n
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
        while at < count and room.rows[at] == t - 1:
            phase, k, wanted = room.phases[at], room.instruments[at], room.wanted[at]
            order(tape, account, reserve, unit, t - 1, phase, k, wanted, value[t - 1])
            at += 1


def pays(tape: Any, account: Any) -> bool:
    """Say whether what is held pays or receives for being held."""
    found: bool = tape.calendar[CASH_PAYS, 0] != 0
    for k in range(len(account.quantity)):
        held = account.quantity[k]
        found = found or (held > 0 and tape.terms[LONG_PAYS, k] != 0) or (held < 0 and tape.terms[SHORT_PAYS, k] != 0)
    return found


@rarely
def wanted_in(at_open: Any, at_close: Any, first: int, n: int, every_bar: bool, room: Any) -> int:
    """Write down which targets order something (rule 2), and return how many do.

    ``room.latest`` is the last target of each instrument.
    """
    k_all = len(at_open)
    closes = False
    for k in range(k_all):
        closes = closes or some(at_close[k, first : first + n])
    if k_all == 1 and not closes and not every_bar:
        return changes_in(at_open[0, first : first + n], room)
    room.latest[:] = 0.0
    count = 0
    for t in range(n - 1):
        for phase in range(2 if closes else 1):
            for k in range(k_all):
                wanted = at_close[k, first + t] if phase else at_open[k, first + t]
                if np.isnan(wanted) or (wanted == room.latest[k] and not every_bar):
                    continue
                room.latest[k] = wanted
                room.rows[count], room.phases[count], room.instruments[count], room.wanted[count] = t, phase, k, wanted
                count += 1
    return count


def changes_in(values: Any, room: Any) -> int:
    """The same for targets at the open of a single instrument, most of which are that of the row before."""
    rows, phases, instruments, wanted = room.rows, room.phases, room.instruments, room.wanted
    n, count, t, latest = len(values), 0, 0, 0.0
    while t < n - 1:
        last = min(t + 32, n - 1)
        lane, other = values[t:last], 0
        for j in range(len(lane)):
            other += (lane[j] < latest) | (lane[j] > latest)
        if other:
            for j in range(len(lane)):
                if lane[j] < latest or lane[j] > latest:
                    latest = lane[j]
                    rows[count], phases[count], instruments[count], wanted[count] = t + j, 0, 0, latest
                    count += 1
        t = last
    return count


def any_of(values: Any) -> bool:
    """Say whether a number is not zero."""
    count = 0
    for j in range(len(values)):
        count += values[j] != 0.0
    return count > 0


def some(values: Any) -> bool:
    """Say whether there is a number among the targets."""
    count = 0
    for j in range(len(values)):
        count += values[j] == values[j]
    return count > 0


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
