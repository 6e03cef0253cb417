"""The state of trials that go abreast, and what one bar does to it: a loop over `LANES` accounts at a time.

Such a loop becomes vector instructions, each of which computes for four or eight accounts, as long as it takes no
branch and touches one array: so all there is to know of an account lies in one array of floats, a row of lanes for
each quantity. Money and quantities in it are whole numbers; an account that outgrows what a float holds exactly is set
aside (`ASIDE`).
"""

from __future__ import annotations

from typing import Any

from backtests.fast.account import EXACT, LARGEST
from backtests.fast.figures import (
    NEAR_ONE,
    SMALL,
    large_square,
    log_near_one,
    log_of,
    log_square_of,
    summarise,
)
from backtests.fast.tape import FEE_PER_CONTRACT, FEE_RATE, LOT, MARK, MOST, MULTIPLIER
from backtests.trading.execution import EQUITY, PER_WHOLE, PER_YEN, can_size, fee, position, rejected
from indexsim.compiled import rarely

#: Accounts that take a bar together.
LANES = 32
#: Rows of the state: cash and what is held; the target, the one before it, the position it asks for and the price of
#: its fill; sen of costs; counts; the value after the latest bar, after the latest session and after the latest block;
#: the return of that session; sums of returns, of their squares and, in a block, of the squares of their logarithms;
#: the logarithm of what the block made of the money; the highest value, and the lowest as a part of the highest before
#: it; the part kept back; whether every bar orders; whether something was ordered for this bar; whether
#: `backtests.fast.follow` has to trade the account; closed round trips, and what `match` counts them by.
(
    MONEY, HELD, TARGET, LATEST, AFTER, PRICE, COST, FILLED, REFUSED, VALUE, SESSION, BLOCK_BEGAN, RETURN, TOTAL,
    SQUARE, LOG_SQUARE, LOG, PEAK, WORST, KEPT_BACK, EVERY_BAR, ACTED, ASIDE, TRIPS, SOLD,
    PURCHASE_1, PURCHASE_2, PURCHASE_3, PURCHASE_4, DEEP,
) = (LANES * row for row in range(30))  # fmt: skip
ROWS = 30
#: Lanes are used in groups of so many: what is left over of a loop is as slow as without vectors.
WIDTH = 8
#: What a fill costs where there can be none.
NO_FILL = -1


def lanes_of(trials: int) -> int:
    """Return how many lanes trials take up."""
    return -(-min(trials, LANES) // WIDTH) * WIDTH


@rarely
def begin(state: Any, m: int, terms: Any, reserves: Any, first: int) -> None:
    """Open the accounts of the trials from `first` on; there may be fewer of them than m: the last one again."""
    state[:] = 0.0
    for lane in range(m):
        i = min(first + lane, len(terms) - 1)
        cash = float(terms[i].cash)
        for row in (MONEY, VALUE, SESSION, BLOCK_BEGAN, PEAK):
            state[row + lane] = cash
        state[WORST + lane] = 1.0
        state[KEPT_BACK + lane] = reserves[i, 0]
        state[EVERY_BAR + lane] = terms[i].every_bar


def aim(state: Any, targets: Any) -> None:
    """Take over the targets of the first accounts."""
    for lane in range(len(targets)):
        state[TARGET + lane] = targets[lane]


@rarely
def stir(targets: Any, every_bar: bool, moves: Any) -> None:
    """Mark the rows on which a target may order something: it is a number, and not the one of the row before."""
    if every_bar:
        stir_always(targets, moves)
        return
    moves[0] |= (targets[0] == targets[0]) & (targets[0] != 0.0)
    now, before, marks = targets[1:], targets[:-1], moves[1:]
    for t in range(len(now)):
        marks[t] |= (now[t] == now[t]) & (now[t] != before[t])


@rarely
def stir_both(opens: Any, closes: Any, every_bar: bool, at_open: Any, at_close: Any) -> None:
    """The same where there are targets at the close as well: the one before a target may be of the other kind."""
    if every_bar:
        stir_always(opens, at_open)
        stir_always(closes, at_close)
        return
    before = 0.0
    for t in range(len(opens)):
        at_open[t] |= (opens[t] == opens[t]) & (opens[t] != before)
        before = opens[t] if opens[t] == opens[t] else before
        at_close[t] |= (closes[t] == closes[t]) & (closes[t] != before)
        before = closes[t] if closes[t] == closes[t] else before


def stir_always(targets: Any, marks: Any) -> None:
    """Mark the rows that have a target."""
    for t in range(len(targets)):
        marks[t] |= targets[t] == targets[t]


def forget(state: Any, m: int) -> None:
    """Begin a bar for which nothing is ordered yet."""
    for lane in range(m):
        state[ACTED + lane] = 0.0


def price_alike(state: Any, m: int, purchase: float, sale: float) -> None:
    """Let a fill cost every account the same."""
    for lane in range(m):
        state[PRICE + lane] = purchase if state[AFTER + lane] > state[HELD + lane] else sale


def size_all(state: Any, m: int, about: Any, mark: int) -> None:
    """Work out the positions that the targets ask for."""
    if about[0] == EQUITY:
        for lane in range(m):
            size(state, lane, EQUITY, about, mark)
        return
    for lane in range(m):
        size(state, lane, about[0], about, mark)


def fill_all(state: Any, m: int, about: Any, reference: float) -> None:
    """Fill or refuse what leads to them, at the prices in the state."""
    for lane in range(m):
        fill(state, lane, about, reference)


def size(state: Any, lane: int, unit: int, about: Any, mark: int) -> None:
    """Work out the position that a target asks for after a bar (rules 2 and 5), as `backtests.fast.follow.order`."""
    _, multiplier, lot, _, _, _, _, _ = about
    wanted, worth, held = state[TARGET + lane], state[VALUE + lane], state[HELD + lane]
    acts = (wanted == wanted) & ((wanted != state[LATEST + lane]) | (state[EVERY_BAR + lane] != 0.0))
    wanted = wanted if acts else 0.0
    sized = acts & can_size(wanted, unit, mark)
    after = float(position(wanted, unit, worth, mark, multiplier, lot, state[KEPT_BACK + lane]))
    none = acts & ((not sized) | ((after == 0.0) & (wanted != 0.0)))  # no price, or below a lot
    odd = (wanted < 0.0) | (abs(worth) > LARGEST) | (wanted * PER_YEN > LARGEST) | (acts & (state[ACTED + lane] != 0.0))
    state[LATEST + lane] = wanted if acts else state[LATEST + lane]
    state[AFTER + lane] = after if sized else held
    state[REFUSED + lane] += 1.0 if none else 0.0
    state[ACTED + lane] = 1.0 if acts else state[ACTED + lane]
    state[ASIDE + lane] = 1.0 if odd else state[ASIDE + lane]


def fill(state: Any, lane: int, about: Any, reference: float) -> None:
    """Fill or refuse what leads to the position asked for, as `backtests.fast.bars.trade`."""
    _, multiplier, _, per_contract, rate, most, most_units, most_worth = about
    cash, held, after, price = state[MONEY + lane], state[HELD + lane], state[AFTER + lane], state[PRICE + lane]
    quantity = after - held
    charged = fee(quantity, price, multiplier, per_contract, rate)
    no_room = (quantity > 0.0) & rejected(after * price * multiplier, charged, cash + held * price * multiplier)
    refused = no_room | ((most > 0) & (abs(quantity) > most)) | (price == NO_FILL)
    filled = (quantity != 0.0) & (not refused)
    units = max(after, held) * multiplier
    odd = (quantity != 0.0) & ((units > most_units) | (units * price > most_worth))
    state[MONEY + lane] = cash - (quantity * price * multiplier + charged) if filled else cash
    state[HELD + lane] = after if filled else held
    state[COST + lane] += charged + (price - reference) * quantity * multiplier if filled else 0.0
    state[FILLED + lane] += 1.0 if filled else 0.0
    state[REFUSED + lane] += 1.0 if (quantity != 0.0) & refused else 0.0
    state[ASIDE + lane] = 1.0 if odd else state[ASIDE + lane]
    match(state, lane, quantity if filled else 0.0)


def match(state: Any, lane: int, quantity: float) -> None:
    """Count the round trips that a fill closes, first in, first out.

    Units are numbered as they are bought, and sold in that order: a sale of the units up to some number closes a trip
    for each purchase that ends among them, and one for the last. Only the latest purchases are kept at hand; where an
    older one is still open, the account is `DEEP`, and `trips_of` counts.
    """
    first, second = state[PURCHASE_1 + lane], state[PURCHASE_2 + lane]
    third, fourth, sold = state[PURCHASE_3 + lane], state[PURCHASE_4 + lane], state[SOLD + lane]
    buys, upto = quantity > 0.0, sold - min(quantity, 0.0)
    among = 1.0 if (first > sold) & (first < upto) else 0.0
    among += 1.0 if (second > sold) & (second < upto) else 0.0
    among += 1.0 if (third > sold) & (third < upto) else 0.0
    among += 1.0 if (fourth > sold) & (fourth < upto) else 0.0
    state[TRIPS + lane] += 1.0 + among if quantity < 0.0 else 0.0
    state[SOLD + lane] = upto
    state[DEEP + lane] = 1.0 if buys & (fourth > sold) else state[DEEP + lane]
    state[PURCHASE_1 + lane] = first + quantity if buys else first
    state[PURCHASE_2 + lane] = first if buys else second
    state[PURCHASE_3 + lane] = second if buys else third
    state[PURCHASE_4 + lane] = third if buys else fourth


def pay(state: Any, m: int, distribution: float) -> None:
    """Pay what is distributed."""
    for lane in range(m):
        state[MONEY + lane] += state[HELD + lane] * distribution


@rarely
def value(state: Any, m: int, mark: float) -> None:
    """Value a bar that ends no session, at sen per unit."""
    for lane in range(m):
        state[VALUE + lane] = state[MONEY + lane] + state[HELD + lane] * mark


def value_session(state: Any, m: int, mark: float) -> Any:
    """Value the last bar of a session, and add its return to the sums.

    Returns
    -------
    deeper, odd : int
        Accounts that fell deeper than before; accounts with a return that is not small, or nothing left.
    """
    deeper = odd = 0
    for lane in range(m):
        now = state[MONEY + lane] + state[HELD + lane] * mark
        r = now / state[SESSION + lane] - 1.0
        peak = now if now > state[PEAK + lane] else state[PEAK + lane]
        state[VALUE + lane] = now
        state[SESSION + lane] = now
        state[RETURN + lane] = r
        state[PEAK + lane] = peak
        state[TOTAL + lane] += r
        state[SQUARE + lane] += r * r
        state[LOG_SQUARE + lane] += r * r * log_square_of(r)
        deeper += now < state[WORST + lane] * peak
        odd += (abs(r) > SMALL) | (now <= 0.0)
    return deeper, odd


@rarely
def deepen(state: Any, m: int) -> None:
    """Write down the deepest falls."""
    for lane in range(m):
        now, peak, worst = state[VALUE + lane], state[PEAK + lane], state[WORST + lane]
        state[WORST + lane] = now / peak if now < worst * peak else worst


@rarely
def mend(state: Any, m: int) -> None:
    """Put right what a series does not give: returns that are not small, and accounts that have nothing left."""
    for lane in range(m):
        r = state[RETURN + lane]
        if state[VALUE + lane] <= 0.0:
            state[ASIDE + lane] = 1.0
        elif abs(r) > SMALL:
            state[LOG_SQUARE + lane] += large_square(r)


@rarely
def end_block(state: Any, m: int, first: int, block: int, log_sums: Any, log_squares: Any) -> None:
    """Write down the sums of a block: log returns add up to the logarithm of what is left."""
    odd = 0
    for lane in range(m):
        multiple = state[VALUE + lane] / state[BLOCK_BEGAN + lane]
        state[LOG + lane] = log_near_one(multiple)
        odd += abs(multiple - 1.0) > NEAR_ONE
    if odd:
        for lane in range(m):
            if state[VALUE + lane] > 0.0:
                state[LOG + lane] = log_of(state[VALUE + lane] / state[BLOCK_BEGAN + lane])
    for lane in range(min(LANES, len(log_sums) - first)):
        log_sums[first + lane, block], log_squares[first + lane, block] = state[LOG + lane], state[LOG_SQUARE + lane]
    for lane in range(m):
        state[BLOCK_BEGAN + lane], state[LOG_SQUARE + lane] = state[VALUE + lane], 0.0


def some_hold(state: Any, m: int, held: Any) -> bool:
    """Write down what each account holds, and say whether any holds something."""
    count = 0
    for lane in range(m):
        held[lane] = state[HELD + lane]
        count += state[HELD + lane] != 0.0
    return count > 0


@rarely
def sum_up(state: Any, lane: int, began: float, sessions: int, per_year: float, figures: Any) -> None:
    """Fill in the figures of an account."""
    multiple, fall = state[VALUE + lane] / began, state[WORST + lane] - 1.0
    summarise(multiple, sessions, state[TOTAL + lane], state[SQUARE + lane], fall, per_year, figures)


def about_of(tape: Any, unit: int) -> Any:
    """Return what `size` and `fill` have to know of what is traded.

    The last two are the largest units and the largest sen of an order or a position for which they are exact.
    """
    terms, per_fee = tape.terms, EXACT / 2.0
    per_contract, rate = terms[FEE_PER_CONTRACT, 0], terms[FEE_RATE, 0]
    units = min(per_fee / (max(per_contract, 1) * PER_WHOLE), EXACT / max(tape.prices[MARK, 0].max(), 1))
    return (
        unit, terms[MULTIPLIER, 0], terms[LOT, 0], per_contract, rate, terms[MOST, 0], units,
        min(LARGEST, per_fee / max(rate, 1)),
    )  # fmt: skip
