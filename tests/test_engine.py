"""The engine: each rule of execution against an answer made by hand, then against two other implementations.

Prices in the cases below are in yen; 0 or None is a bar without a print.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests.engine import Execution, execute
from backtests.frames import make_frames
from backtests.trading.broker import Broker, Terms
from backtests.trading.instruments import Instrument
from backtests.trading.ledger import Book, Fill
from indexsim.errors import LedgerError
from strategies.base import Targets
from tests.trading import BARS, FUND, MINI, NAN, NO_ROOM, OTHER, PLAIN, fills, make_feed, rejections, trade, yen

# Rules 2 and 3: what is decided after a close fills at the next open or the next close.

OPENS, CLOSES = [[100, 110, 120, 130]], [[105, 115, 125, 135]]


def test_at_open_fills_at_the_next_open() -> None:
    done = trade([PLAIN], OPENS, CLOSES, at_open=[[10, NAN, NAN, NAN]])

    assert fills(done) == [(1, 0, 10, 110)]
    assert yen(done) == [1_000_000, 1_000_050, 1_000_150, 1_000_250]  # 10 shares from 110 to 115, 125, 135


def test_at_close_fills_at_the_next_close_never_at_this_one() -> None:
    done = trade([PLAIN], OPENS, CLOSES, at_close=[[10, NAN, NAN, NAN]])

    assert fills(done) == [(1, 0, 10, 115)]
    assert yen(done) == [1_000_000, 1_000_000, 1_000_100, 1_000_200]


def test_one_row_buys_the_open_and_sells_the_close_of_the_same_bar() -> None:
    done = trade([PLAIN], OPENS, CLOSES, at_open=[[10, NAN, NAN, NAN]], at_close=[[0, NAN, NAN, NAN]])

    assert fills(done) == [(1, 0, 10, 110), (1, 0, -10, 115)]
    assert yen(done) == [1_000_000, 1_000_050, 1_000_050, 1_000_050]
    assert done.quantity.tolist() == [[0], [0], [0], [0]]


def test_nothing_is_ordered_on_the_last_bar() -> None:
    done = trade([PLAIN], OPENS, CLOSES, at_open=[[NAN, NAN, NAN, 10]], at_close=[[NAN, NAN, NAN, 20]])
    unpriced = trade([PLAIN], [[0, 0]], [[0, 0]], at_open=[[NAN, 0.5]], unit="equity")

    assert done.orders == ()
    assert unpriced.orders == ()


def test_an_unchanged_target_and_nan_order_nothing_and_zero_is_flat() -> None:
    done = trade([PLAIN], [[100] * 7], [[100] * 7], at_open=[[10, 10, NAN, 10, 0, NAN, 0]])

    assert fills(done) == [(1, 0, 10, 100), (5, 0, -10, 100)]
    assert len(done.orders) == 2


def test_the_target_at_the_close_is_the_one_before_the_next_open() -> None:
    """Long from open to close each day: the 10 of the next row is a change, though this row's open said 10, too."""
    done = trade([PLAIN], OPENS, CLOSES, at_open=[[10, 10, NAN, NAN]], at_close=[[0, 0, NAN, NAN]])

    assert fills(done) == [(1, 0, 10, 110), (1, 0, -10, 115), (2, 0, 10, 120), (2, 0, -10, 125)]


def test_drift_is_rebalanced_on_every_bar_only_where_the_spec_says_so() -> None:
    half = {"at_open": [[0.5] * 3], "unit": "equity", "cash": 100_000}
    prices = ([[100, 100, 120]], [[100, 120, 120]])
    still, moved = trade([PLAIN], *prices, **half), trade([PLAIN], *prices, **half, rebalance="every-bar")

    assert fills(still) == [(1, 0, 500, 100)]
    # After bar 1 the account is 50,000 + 500 * 120 = 110,000; half of it is 458.3 shares at 120.
    assert fills(moved) == [(1, 0, 500, 100), (2, 0, -42, 120)]


# Rule 4: the order of things within a bar.


def test_a_distribution_goes_to_who_held_before_the_open() -> None:
    flat, paid = [[100] * 3], [[0, 20, 0]]
    buyer = trade([PLAIN], flat, flat, at_open=[[10, NAN, NAN]], distributions=paid)
    holder = trade([PLAIN], flat, flat, at_open=[[10, NAN, NAN]], distributions=[[0, 0, 20]])
    seller = trade([PLAIN], flat, flat, at_open=[[10, 0, NAN]], distributions=[[0, 0, 20]])
    short = trade([PLAIN], flat, flat, at_open=[[-10, NAN, NAN]], distributions=[[0, 0, 20]])

    assert yen(buyer)[-1] == 1_000_000  # bought on the ex-date itself
    assert yen(holder)[-1] == 1_000_200
    assert yen(seller)[-1] == 1_000_200  # sold at the open of the ex-date
    assert yen(short)[-1] == 999_800  # owes it


def test_a_distribution_can_be_spent_at_the_same_open() -> None:
    """Rule 4 has it before the orders: 10,000 shares of 90 and 100,000 paid buy 1,111 more at 90."""
    prices = ([[100, 100, 90]], [[100, 100, 90]])
    done = trade([PLAIN], *prices, at_open=[[10_000, 11_111, NAN]], distributions=[[0, 0, 10]])

    assert fills(done)[1:] == [(2, 0, 1_111, 90)]
    assert done.book.cash == 10 * 100  # 100,000 - 1,111 * 90


def test_reductions_come_before_increases_whatever_the_order_of_the_spec() -> None:
    """All of the money moves from OTHER to PLAIN, which the spec names first."""
    flat = [[100] * 4] * 2
    done = trade([PLAIN, OTHER], flat, flat, at_open=[[NAN, 10_000, NAN, NAN], [10_000, 0, NAN, NAN]])

    assert fills(done) == [(1, 1, 10_000, 100), (2, 1, -10_000, 100), (2, 0, 10_000, 100)]


def test_a_reversal_counts_as_an_increase() -> None:
    """A mini turning from +1 to -2 waits for the fund's reduction: before it, 990,000 + 40,000 > 1,000,000."""
    opens = [[2_000] * 3, [100] * 3]
    done = trade([MINI, PLAIN], opens, opens, at_open=[[1, -2, NAN], [9_700, 0, NAN]])

    assert fills(done)[2:] == [(2, 1, -9_700, 100), (2, 0, -3, 2_000)]


@pytest.mark.parametrize("names", [(PLAIN, OTHER), (OTHER, PLAIN)])
def test_increases_come_in_the_order_of_the_spec(names: tuple[Instrument, Instrument]) -> None:
    """Each wants 60 % of the account: the first named gets it."""
    flat = [[100] * 2] * 2
    done = trade(names, flat, flat, at_open=[[6_000, NAN], [6_000, NAN]])

    assert fills(done) == [(1, 0, 6_000, 100)]
    assert rejections(done) == [(0, 1, 6_000, NO_ROOM)]


def test_open_orders_come_before_close_orders() -> None:
    flat = [[100] * 2] * 2
    done = trade([PLAIN, OTHER], flat, flat, at_close=[[6_000, NAN], [NAN, NAN]], at_open=[[NAN, NAN], [6_000, NAN]])

    assert fills(done) == [(1, 1, 6_000, 100)]
    assert rejections(done) == [(0, 0, 6_000, NO_ROOM)]


# Rule 5: sizing.


def test_sizes_come_from_the_deciding_close_with_the_reserve_in_whole_lots() -> None:
    # 0.5 * 1,000,000 * 0.98 / 123.4 = 3,970.8 shares, in tens 3,970; bought at 130, whatever that costs.
    done = trade([FUND], [[120, 130]], [[123.4, 130]], at_open=[[0.5, NAN]], unit="equity", reserve=(0.02,), tick=0.1)

    assert fills(done) == [(1, 0, 3_970, 130)]


def test_a_notional_and_a_number_of_contracts_are_truncated_to_lots() -> None:
    # 500,000 yen / 123.4 = 4,051.8 shares, in tens 4,050. Of 4,059 shares 4,050 are whole lots, short as well.
    prices = ([[120, 123]], [[123.4, 123]])
    notional = trade([FUND], *prices, at_open=[[500_000, NAN]], unit="notional", reserve=(0.02,), tick=0.1)
    shares = trade([FUND], *prices, at_open=[[-4_059, NAN]], tick=0.1)

    assert fills(notional) == [(1, 0, 4_050, 123)]
    assert fills(shares) == [(1, 0, -4_050, 123)]


@pytest.mark.parametrize(("gap_open", "filled"), [(102.0, True), (102.1, False)])
def test_a_gap_beyond_the_reserve_is_a_rejection(gap_open: float, filled: bool) -> None:
    """98 % of a million at 100 are 9,800 shares; at 102 they cost 999,600, at 102.1 1,000,580."""
    done = trade(
        [PLAIN], [[100, gap_open]], [[100, 100]], at_open=[[1.0, NAN]], unit="equity", reserve=(0.02,), tick=0.1
    )

    assert bool(fills(done)) is filled
    assert rejections(done) == ([] if filled else [(0, 0, 9_800, NO_ROOM)])


def test_a_reversal_is_one_order_with_one_fee() -> None:
    done = trade([MINI], [[2_000] * 3], [[2_000] * 3], at_open=[[3, -2, NAN]])

    assert fills(done) == [(1, 0, 3, 2_000), (2, 0, -5, 2_000)]
    assert [f.fee for f in done.book.fills] == [11_500, 19_200]  # 115.5 and 192.5 yen, floored


# Rules 6 to 8: price, fee, and what moves cash.


def test_slippage_and_fee_are_booked_and_counted() -> None:
    # 20,000 * 3 bp = 6 yen: bought at 20,010 and sold at 20,090 (20,100 - 6.03 = 20,093.97, down to the tick).
    done = trade([MINI], [[20_000] * 3], [[20_000, 20_000, 20_100]], at_open=[[2, NAN, NAN]], at_close=[[NAN, 0, NAN]],
                 tick=5, slippage_rate=300)  # fmt: skip
    bought, sold = done.book.fills

    assert (bought.price, bought.reference, bought.fee, bought.slippage) == (2_001_000, 2_000_000, 7_700, 200_000)
    assert (sold.price, sold.reference, sold.fee, sold.slippage) == (2_009_000, 2_010_000, 7_700, 200_000)
    # Bar 1: -2 * 10 * 100 - 77. Bar 2: +2 * 90 * 100 - 77 against the mark of 20,000.
    assert yen(done) == [1_000_000, 997_923, 1_015_846]


def test_a_future_s_notional_never_leaves_the_account() -> None:
    done = trade([MINI], [[20_000] * 3], [[20_000] * 3], at_open=[[-4, NAN, NAN]])

    assert yen(done) == [1_000_000, 999_846, 999_846]  # the fee of 4 * 38.5 and nothing else
    assert done.book.cash == 99_984_600


# Rule 9: one rejection test.


def test_a_short_of_ten_billion_on_ten_million_is_rejected() -> None:
    """A plain backtrader broker fills it."""
    done = trade([PLAIN], [[10_000] * 2], [[10_000] * 2], at_open=[[-1_000_000, NAN]], cash=10_000_000)

    assert fills(done) == []
    assert rejections(done) == [(0, 0, -1_000_000, NO_ROOM)]


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(("spare", "filled"), [(0, True), (-0.01, False)])
def test_margin_and_fee_are_tested_to_the_sen(side: int, spare: float, filled: bool) -> None:
    """Five minis at 20,000 bind 10 % of 10m yen and cost 192.5, floored, in fees."""
    done = trade([MINI], [[20_000] * 2], [[20_000] * 2], at_open=[[5 * side, NAN]], cash=1_000_192 + spare)

    assert bool(fills(done)) is filled


def test_the_test_is_at_the_fill_price() -> None:
    """At 20,000 five minis would fit; slipped by a tick they bind 1,000,250 or, sold, 999,750 on 999,750."""
    terms = {"cash": 1_000_192, "slippage_ticks": 1, "tick": 5}
    long = trade([MINI], [[20_000] * 2], [[20_000] * 2], at_open=[[5, NAN]], **terms)
    short = trade([MINI], [[20_000] * 2], [[20_000] * 2], at_open=[[-5, NAN]], **terms)

    assert rejections(long) == [(0, 0, 5, NO_ROOM)]
    assert fills(short) == [(1, 0, -5, 19_995)]


@pytest.mark.parametrize(("more", "filled"), [(4_900, True), (4_901, False)])
def test_what_is_held_counts_at_the_fill_price_on_both_sides(more: int, filled: bool) -> None:
    """5,000 shares at 101 leave 495,000 yen: they buy 4,900 more at 101, not 4,901. At 100 neither would fit."""
    flat = [[100] * 3]
    done = trade([PLAIN], flat, flat, at_open=[[5_000, 5_000 + more, NAN]], slippage_ticks=1)

    assert (fills(done)[1:] == [(2, 0, more, 101)]) is filled


def test_a_fill_may_take_exactly_all_cash() -> None:
    """0.3 - 3 * 0.1 is below zero in floats; the integer book rules."""
    done = trade([PLAIN], [[0.1] * 2], [[0.1] * 2], at_open=[[3, NAN]], cash=0.3, tick=0.1)

    assert fills(done) == [(1, 0, 3, 0.1)]
    assert done.book.cash == 0


def test_what_a_future_gained_since_the_close_can_be_spent_at_the_open() -> None:
    """Short four at 20,000 with 1,000,154 yen; the open at 15,000 brings 4 * 5,000 * 100 = 2m before the order."""
    opens, closes = [[20_000, 20_000, 15_000], [100] * 3], [[20_000, 20_000, 15_000], [100] * 3]
    done = trade([MINI, PLAIN], opens, closes, at_open=[[-4, NAN, NAN], [NAN, 24_000, NAN]], cash=1_000_154)

    # 2.4m for the shares and 600,000 of margin are exactly the 3m there are.
    assert fills(done) == [(1, 0, -4, 20_000), (2, 1, 24_000, 100)]
    assert done.book.cash == 600_000 * 100


def test_slippage_paid_by_one_order_is_gone_for_the_next() -> None:
    """A future bought a tick above its print is worth its print: the contract held before gains nothing by it.

    Of 1,000,000 yen two minis pay 500 of slippage and 38 of fee each: 998,924 are left. They bind 40,000 at
    2,000, and 9,132 shares at 105 bind 958,860: 998,860 together. One share more does not fit.
    """
    opens, terms = [[2_000] * 3, [100] * 3], {"tick": 5, "slippage_ticks": 1}
    fits = trade([MINI, PLAIN], opens, opens, at_open=[[1, 2, NAN], [NAN, 9_132, NAN]], **terms)
    over = trade([MINI, PLAIN], opens, opens, at_open=[[1, 2, NAN], [NAN, 9_133, NAN]], **terms)

    assert fills(fits)[-1] == (2, 1, 9_132, 105)
    assert rejections(over) == [(1, 1, 9_133, NO_ROOM)]


def test_reductions_always_pass() -> None:
    """Nine minis lose 1.8m of 2m yen: what is left covers the margin of one, yet four may stay, then none."""
    prices = [[20_000, 20_000, 18_000, 18_000, 18_000]]
    done = trade([MINI], prices, prices, at_open=[[9, NAN, 4, 0, NAN]], cash=2_000_000)

    assert yen(done)[2] == 2_000_000 - 346 - 1_800_000
    assert fills(done) == [(1, 0, 9, 20_000), (3, 0, -5, 18_000), (4, 0, -4, 18_000)]


def test_an_account_below_zero_can_still_be_brought_to_flat() -> None:
    prices = [[20_000, 20_000, 10_000, 10_000, 10_000]]
    done = trade([MINI, PLAIN], [*prices, [100] * 5], [*prices, [100] * 5],
                 at_open=[[4, NAN, 3, 0, NAN], [1_000, NAN, NAN, 0, NAN]])  # fmt: skip

    assert yen(done)[2] < 0
    assert done.quantity[-1].tolist() == [0, 0]
    assert rejections(done) == [(2, 0, -1, "the position is closed on a margin call")]


def test_a_rejected_order_is_not_tried_again_while_the_target_stands() -> None:
    """Too dear at the first open; it would fit at every later one."""
    done = trade([PLAIN], [[100, 120, 50, 50]], [[100, 100, 50, 50]], at_open=[[10_000] * 4])

    assert fills(done) == []
    assert rejections(done) == [(0, 0, 10_000, NO_ROOM)]


def test_a_rejection_is_whole() -> None:
    """A reversal that does not fit leaves the old position as it was."""
    done = trade([PLAIN], [[100] * 3], [[100] * 3], at_open=[[5_000, -10_001, NAN]])

    assert done.quantity.tolist() == [[0], [5_000], [5_000]]
    assert rejections(done) == [(1, 0, -15_001, NO_ROOM)]


def test_the_close_order_falls_with_the_open_order_of_its_row() -> None:
    done = trade([PLAIN, OTHER], [[100] * 2] * 2, [[100] * 2] * 2,
                 at_open=[[20_000, NAN], [10, NAN]], at_close=[[0, NAN], [0, NAN]])  # fmt: skip

    assert fills(done) == [(1, 1, 10, 100), (1, 1, -10, 100)]
    assert rejections(done) == [
        (0, 0, 20_000, NO_ROOM),
        (0, 0, -20_000, "the order before it on the same row was rejected"),
    ]


# Rule 10: no print.


def test_without_a_print_an_order_is_rejected_and_the_mark_is_carried() -> None:
    done = trade([PLAIN], [[100, 100, 0, 0, 130]], [[100, 110, 0, 0, 130]],
                 at_open=[[10, 0, NAN, NAN, NAN]], at_close=[[NAN, NAN, 20, NAN, NAN]])  # fmt: skip

    assert rejections(done) == [(1, 0, -10, "no print at the open"), (2, 0, 10, "no print at the close")]
    assert yen(done) == [1_000_000, 1_000_100, 1_000_100, 1_000_100, 1_000_300]


def test_a_bar_that_only_opened_is_marked_at_its_open() -> None:
    done = trade([MINI], [[20_000, 20_000, 20_500]], [[20_000, 20_000, 0]], at_open=[[1, NAN, NAN]])

    assert yen(done) == [1_000_000, 999_962, 1_049_962]


def test_a_target_before_the_first_print_is_shown_as_rejected() -> None:
    done = trade([PLAIN], [[0, 100, 100]], [[0, 100, 100]], at_open=[[0.5, NAN, NAN]], unit="equity")

    assert fills(done) == []
    assert rejections(done) == [(0, 0, 0, "no print yet to size it by")]


def test_a_target_of_less_than_one_lot_is_shown_as_rejected() -> None:
    # 1,000 yen buy no lot of a hundred shares at 100 yen; the position before it is still sold.
    done = trade([PLAIN], [[100] * 4], [[100] * 4], at_open=[[10, 0.001, NAN, NAN]], unit="contracts")

    assert [f[2] for f in fills(done)] == [10, -10]
    assert rejections(done) == [(1, 0, 0, "the target is less than one lot")]


def test_a_number_of_contracts_needs_no_price_to_size_by() -> None:
    done = trade([PLAIN], [[0, 100, 100]], [[0, 100, 100]], at_open=[[10, NAN, NAN]])

    assert fills(done) == [(1, 0, 10, 100)]


# Rule 15: two sets of books.


def test_money_is_integer_to_the_last_fill() -> None:
    flat, half = [[20_000] * 3, [123.4] * 3], [[0.5, -0.5, NAN], [0.3, -0.3, NAN]]
    done = trade([MINI, FUND], flat, flat, at_open=half, unit="equity", cash=1e7, tick=0.1, slippage_rate=333)

    assert len(done.book.fills) == 4
    assert done.equity.dtype == done.quantity.dtype == np.int64
    assert all(type(v) is int for f in done.book.fills for v in (f.quantity, f.price, f.fee, f.slippage))
    assert all(type(e.sen) is int for e in done.book.entries)
    assert all(f.fee % 100 == 0 for f in done.book.fills)


def test_a_yen_too_many_in_the_book_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Book.fill

    def tampered(self: Book, fill: Fill) -> None:
        honest(self, fill)
        self.cash += 100

    monkeypatch.setattr(Book, "fill", tampered)
    with pytest.raises(LedgerError, match="keep two sets of books on bar 1"):
        trade([PLAIN], OPENS, CLOSES, at_open=[[10, NAN, NAN, NAN]])


def test_a_sen_too_many_in_both_books_is_found_by_the_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution of one sen that nobody paid reaches both sets of books; fills and prices know nothing of it."""

    def distribute(self: Broker, t: int) -> None:
        self._pay(t, 0, "distribution", 1)

    monkeypatch.setattr(Broker, "_distribute", distribute)
    with pytest.raises(LedgerError, match="reconcile bar 1"):
        trade([PLAIN], OPENS, CLOSES, distributions=[[0, 1, 0, 0]])


def test_frames_say_in_yen_what_the_engine_counted() -> None:
    """Every row of the positions sums to the account value; gross is net before fees and slippage."""
    opens, closes = [[20_000] * 3, [1_300] * 3], [[20_000, 20_100, 20_100], [1_300, 1_310, 1_310]]
    done = trade([MINI, FUND], opens, closes, at_open=[[-2, 0, NAN], [100, NAN, NAN]], tick=5, slippage_ticks=1)
    feed, bars = make_feed([MINI, FUND], opens, closes, [5, 5])
    frames = make_frames(done, feed, [MINI, FUND], bars, 1_000_000, {})

    # Bar 1: sold 2 at 19,995 (-1,000, fee 77), bought 100 at 1,305 (-500, fee 65); -2 * 100 * 100 and +100 * 10.
    # Bar 2: the open of 20,000 brings 20,000 back; bought 2 at 20,005 (-1,000, fee 77).
    assert frames["equity"]["net"].tolist() == [1_000_000, 1_000_000, 979_358, 998_281]
    assert frames["equity"]["gross"].tolist() == [1_000_000, 1_000_000, 981_000, 1_001_000]
    assert frames["positions"].sum(axis=1).tolist() == frames["equity"]["net"].tolist()[1:]
    assert frames["positions"]["nikkei_mini"].tolist() == [0, -4_020_000, 0]
    assert frames["round_trips"][["quantity", "gross", "fees"]].values.tolist() == [[-2, -2_000, 154]]
    assert frames["ledger"]["yen"].sum() == done.book.cash / 100 - 1_000_000


# Against plain backtrader, where the rules coincide.


class OneByOne(bt.Strategy):  # type: ignore[misc]
    """A newcomer's strategy: hold so many shares from the next open."""

    params = (("wanted", ()),)

    def __init__(self) -> None:
        self.values: list[float] = []

    def next(self) -> None:
        t = len(self.values)
        self.values.append(self.broker.getvalue())
        if t + 1 < len(self.p.wanted):
            self.order_target_size(target=self.p.wanted[t])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_plain_backtrader_agrees_where_the_rules_coincide(seed: int) -> None:
    """No slippage, prices of whole hundreds and lots of ten, so that 10 bp are whole yen."""
    rng = np.random.default_rng(seed)
    n = 120
    closes = 100 * rng.integers(150, 250, n)
    opens = closes + 100 * rng.integers(-5, 6, n)
    wanted = rng.choice([-300, 0, 100, 400, 500], n)
    stock = dataclasses.replace(FUND, fee_rate=1_000)
    ours = trade([stock], [opens.tolist()], [closes.tolist()], at_open=[wanted.tolist()], cash=100_000_000, tick=100)

    cerebro = bt.Cerebro()
    frame = pd.DataFrame({"open": opens, "close": closes}, index=pd.DatetimeIndex(BARS.session[:n])).astype(float)
    frame["high"], frame["low"], frame["volume"] = frame.max(axis=1), frame.min(axis=1), 0.0
    cerebro.adddata(bt.feeds.PandasData(dataname=frame))
    cerebro.broker.setcash(100_000_000.0)
    cerebro.broker.setcommission(commission=0.001)
    cerebro.addstrategy(OneByOne, wanted=wanted.tolist())
    theirs = cerebro.run()[0].values

    assert len(ours.book.fills) > 60
    assert yen(ours) == pytest.approx(theirs, rel=0, abs=1e-6)


# Against forty plain lines that share no code with the engine: decimals, yen, full prices.

CONTRACTS = {"fund": (1, 10, Decimal(0), Decimal("0.0005"), Decimal(1)),
           "mini": (100, 1, Decimal("38.5"), Decimal(0), Decimal("0.1"))}  # fmt: skip
TICKS = (Decimal(5), Decimal("0.5"))
MAINTENANCE = (Decimal("0.08"), Decimal("0.2"))


@dataclass(frozen=True)
class Case:
    """A random market and random targets: a future and a fund over n bars; None is no print or no target."""

    prices: tuple[list[tuple[Decimal | None, ...]], list[tuple[Decimal | None, ...]]]
    targets: tuple[list[tuple[Decimal | None, ...]], list[tuple[Decimal | None, ...]]]
    distributions: list[Decimal]
    unit: str
    cash: int
    reserve: Decimal
    slippage_bps: Decimal
    slippage_ticks: int
    rebalance: str


def simulate(case: Case) -> tuple[list[Decimal], list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return equity by bar, fills (bar, k, phase, quantity, price, fee) and lost orders (bar, k, phase, quantity)."""
    n = len(case.distributions)
    mult, lot, per, rate, margin = zip(CONTRACTS["mini"], CONTRACTS["fund"], strict=True)
    cash, held, mark, wanted = Decimal(case.cash), [0, 0], [Decimal(0)] * 2, [Decimal(0)] * 2
    equity, done, lost, waiting, called = [], [], [], [], False

    def moved(price: Decimal, k: int, q: int) -> Decimal:
        price += (1 if q > 0 else -1) * (price * case.slippage_bps / 10_000 + case.slippage_ticks * TICKS[k])
        return (price / TICKS[k]).to_integral_value(ROUND_CEILING if q > 0 else ROUND_FLOOR) * TICKS[k]

    def fee_of(price: Decimal, k: int, q: int) -> int:
        return math.floor(abs(q) * (per[k] + price * mult[k] * rate[k]))

    for t in range(n):
        cash += held[1] * case.distributions[t]
        fallen = set()
        for phase in (0, 1):
            now = case.prices[phase][t]
            mark = [old if new is None else new for old, new in zip(mark, now, strict=True)]
            for k in (0, 1) if called and not phase else ():
                if (q := -held[k]) and (k == 0 or q > 0):
                    fallen.add(k)
                    if now[k] is not None:
                        price = moved(now[k], k, q)
                        fee = fee_of(price, k, q)
                        cash, held[k] = cash - q * price * mult[k] - fee, 0
                        done.append((t, k, 0, q, price, fee))
            orders = [(k, q) for k, at, q in waiting if at == phase]
            easier = [k for k, q in orders if held[k] * q < 0 and abs(q) <= abs(held[k])]
            for k, q in sorted(orders, key=lambda order: (order[0] not in easier, order[0])):
                if k in fallen or now[k] is None:
                    fallen.add(k)
                    lost.append((t - 1, k, phase, q))
                    continue
                price = moved(now[k], k, q)
                fee = fee_of(price, k, q)
                at = [price if j == k else mark[j] for j in (0, 1)]
                worth = cash + sum(held[j] * at[j] * mult[j] for j in (0, 1))
                bound = sum(abs(held[j] + q * (j == k)) * at[j] * mult[j] * margin[j] for j in (0, 1))
                if k not in easier and bound + fee > worth:
                    fallen.add(k)
                    lost.append((t - 1, k, phase, q))
                    continue
                cash, held[k] = cash - q * price * mult[k] - fee, held[k] + q
                done.append((t, k, phase, q, price, fee))
        equity.append(cash + sum(held[j] * mark[j] * mult[j] for j in (0, 1)))
        least = sum(
            abs(held[j]) * mark[j] * mult[j] * m
            for j, m in ((0, MAINTENANCE[0]), (1, MAINTENANCE[1]))
            if j == 0 or held[j] < 0
        )
        called = any(held) and least > equity[t]
        waiting, planned = [], list(held)
        for phase in (0, 1) if t + 1 < n else ():
            for k, x in enumerate(case.targets[phase][t]):
                if x is None or (x == wanted[k] and case.rebalance == "on-change"):
                    continue
                wanted[k] = x
                base = max(equity[t], Decimal(0)) * (1 - case.reserve) if case.unit == "equity" else 1
                per_lot = lot[k] * (1 if case.unit == "contracts" else mark[k] * mult[k])
                if not per_lot and x:
                    lost.append((t, k, phase, 0))
                    continue
                size = int(x * base / per_lot) * lot[k] if x else 0
                if x and not size:
                    lost.append((t, k, phase, 0))
                if size != planned[k]:
                    waiting.append((k, phase, size - planned[k]))
                    planned[k] = size
    return equity, done, lost


def run_engine(case: Case) -> Execution:
    """The same case through the engine."""

    def table(rows: list[tuple[Decimal | None, ...]], absent: float) -> np.ndarray:
        return np.array([[absent if v is None else float(v) for v in row] for row in rows])

    opens, closes = (table(rows, 0.0).T.tolist() for rows in case.prices)
    paid = [[0.0] * len(case.distributions), [float(v) for v in case.distributions]]
    feed, bars = make_feed([MINI, FUND], opens, closes, [float(tick) for tick in TICKS], paid,
                           [(0.1, 0.08), (1.0, 0.2)])  # fmt: skip
    at_open, at_close = (table(rows, NAN) for rows in case.targets)
    targets = Targets(("nikkei_mini", "etf_1306"), at_open, at_close, case.unit)
    terms = Terms(case.cash * 100, (float(case.reserve),) * 2, round(case.slippage_bps * 100), case.slippage_ticks,
                  case.rebalance)  # fmt: skip
    return execute(targets, feed, [MINI, FUND], bars, terms)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Walks on the tick grid with missing prints, jumps, distributions; targets that sometimes do not fit."""
    n = draw(st.integers(2, 60))
    unit = draw(st.sampled_from(["equity", "notional", "contracts"]))
    step = st.sampled_from([0, 1, -1, 2, -2, 7, -7, 30, -30, 60, -60, 400, -400, None])
    share = st.sampled_from([None, None, None, *map(Decimal, ("0", "0.3", "-0.3", "0.57", "1", "-1", "4.5", "-8"))])
    scale = {"equity": Decimal(1), "notional": Decimal(10_000_000), "contracts": Decimal(100)}[unit]
    cells = draw(st.lists(st.tuples(*[step] * 4, *[share] * 4), min_size=n, max_size=n))
    at, prices, targets = [4_000, 2_600], ([], []), ([], [])
    for cell in cells:
        for phase in (0, 1):
            moves = cell[2 * phase : 2 * phase + 2]
            at = [max(a + (m or 0), 100) for a, m in zip(at, moves, strict=True)]
            printed = [None if m is None else a * tick for a, m, tick in zip(at, moves, TICKS, strict=True)]
            prices[phase].append(tuple(printed))
            asked = cell[4 + 2 * phase : 6 + 2 * phase]
            targets[phase].append(tuple(None if x is None else x * scale for x in asked))
    payments = st.sampled_from([Decimal(0)] * 9 + [Decimal("12.5"), Decimal("31.07")])
    return Case(
        prices=prices,
        targets=targets,
        distributions=draw(st.lists(payments, min_size=n, max_size=n)),
        unit=unit,
        cash=10_000_000,
        reserve=draw(st.sampled_from([Decimal(0), Decimal("0.02")])),
        slippage_bps=draw(st.sampled_from([Decimal(0), Decimal(1), Decimal("3.5")])),
        slippage_ticks=draw(st.sampled_from([0, 0, 2])),
        rebalance=draw(st.sampled_from(["on-change", "every-bar"])),
    )


def check(case: Case) -> None:
    equity, done, lost = simulate(case)
    ours = run_engine(case)

    assert [(f.bar, f.k, int(f.at_close), f.quantity, f.price, f.fee) for f in ours.book.fills] == [
        (bar, k, phase, q, price * 100, fee * 100) for bar, k, phase, q, price, fee in done
    ]
    rejected = [(o.bar, o.k, int(o.at_close), o.quantity) for o in ours.orders if o.status == "rejected"]
    assert sorted(rejected) == sorted(lost)
    assert ours.equity.tolist() == [e * 100 for e in equity]


@settings(derandomize=True, deadline=None, max_examples=50)
@given(cases())
def test_random_books_are_those_of_a_plain_simulator(case: Case) -> None:
    check(case)


@pytest.mark.full
@settings(derandomize=True, deadline=None, max_examples=500)
@given(cases())
def test_many_random_books_are_those_of_a_plain_simulator(case: Case) -> None:
    check(case)


def test_the_random_cases_fill_reject_and_pay() -> None:
    """The comparison above would be idle if its cases did nothing: one of them, counted."""
    rng = np.random.default_rng(7)
    n = 60
    walk = np.cumsum(rng.integers(-30, 31, (2 * n, 2)), axis=0) + np.array([4_000, 2_600])
    rows = [tuple(int(a) * tick for a, tick in zip(row, TICKS, strict=True)) for row in walk]
    shares = [Decimal(str(x)) for x in rng.choice([0.0, 0.3, -0.3, 1.0, 4.5, -8.0], (2 * n, 2)).reshape(-1)]
    targets = list(zip(shares[::2], shares[1::2], strict=True))
    case = Case((rows[::2], rows[1::2]), (targets[::2], targets[1::2]), [Decimal("12.5")] * n, "equity", 10_000_000,
                Decimal("0.02"), Decimal("3.5"), 0, "on-change")  # fmt: skip
    equity, done, lost = simulate(case)

    assert len(done) > 50
    assert len(lost) > 20
    assert {k for _, k, *_ in done} == {0, 1}
    assert min(equity) != max(equity)
    check(case)
