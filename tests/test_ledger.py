"""The books: every sen of a hand-made account, the audit that must fail, and matching first in first out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests.trading.audit import audit
from backtests.trading.feeds import Feed
from backtests.trading.instruments import instrument
from backtests.trading.ledger import Book, Entry, Fill, round_trips
from indexsim.errors import LedgerError

MINI, FUND = instrument("nikkei_mini"), instrument("etf_1306")
YEN = 100
#: Margin of the two, in 1e-6.
RATES = [100_000, 1_000_000]


def fill(bar: int, quantity: int, price: float, *, k: int = 0, fee: int = 0, reference: float | None = None) -> Fill:
    """A fill with its price in yen and its fee in yen."""
    units, before = round(price * YEN), round((price if reference is None else reference) * YEN)
    slippage = abs(quantity * (units - before)) * (MINI, FUND)[k].multiplier
    return Fill(bar, k, False, quantity, before, units, fee * YEN, slippage)


def account() -> tuple[Book, Feed, np.ndarray]:
    """Two minis and a hundred shares over three bars: book, feed, equity."""
    book = Book([MINI, FUND], 1_000_000 * YEN)
    # Bar 0: buy 2 minis at 20,005 (reference 20,000), fee 77; 100 shares at 1,300, fee 65. Closes 20,100 and 1,310.
    book.mark(0, 0, 20_000 * YEN)
    book.mark(0, 1, 1_300 * YEN)
    book.fill(fill(0, 2, 20_005, reference=20_000, fee=77))
    book.fill(fill(0, 100, 1_300, k=1, fee=65))
    book.mark(0, 0, 20_100 * YEN)
    book.mark(0, 1, 1_310 * YEN)
    first = book.equity
    # Bar 1: 20 yen a share; sell one mini at 20,200, fee 38. Closes 20,200 and 1,290.
    book.move(1, 1, "distribution", 100 * 20 * YEN, at_close=False)
    book.mark(1, 0, 20_200 * YEN)
    book.fill(fill(1, -1, 20_200, fee=38))
    book.mark(1, 1, 1_290 * YEN)
    second = book.equity
    # Bar 2: closes 20,150 and 1,305.
    book.mark(2, 0, 20_150 * YEN)
    book.mark(2, 1, 1_305 * YEN)
    marks = np.array([[20_100, 1_310], [20_200, 1_290], [20_150, 1_305]], dtype=np.int64) * YEN
    paid = np.array([[0, 0], [0, 20], [0, 0]], dtype=np.int64) * YEN
    feed = Feed(marks, marks, marks, marks, marks, paid, marks, marks)
    return book, feed, np.array([first, second, book.equity], dtype=np.int64)


def hold(book: Book, feed: Feed, equity: np.ndarray, cash: int = 1_000_000 * YEN) -> None:
    audit(book.fills, book.instruments, cash, feed, equity)


def test_futures_pay_variation_and_funds_their_notional() -> None:
    book, _, equity = account()

    # Bar 0: minis 2 * (20,100 - 20,005) * 100 = 19,000; shares 100 * 10 = 1,000; fees 142.
    # Bar 1: minis 2 * 100 * 100 = 20,000; shares 100 * -20 = -2,000 and 2,000 paid out; fee 38.
    # Bar 2: one mini -50 * 100 = -5,000; shares 100 * 15 = 1,500.
    assert equity.tolist() == [101_985_800, 103_982_000, 103_632_000]
    # Cash has everything but the shares: 1,036,320 - 100 * 1,305.
    assert book.cash == 90_582_000
    assert book.quantity == [1, 100]


def test_every_movement_of_cash_is_written_down() -> None:
    book, *_ = account()

    opening = {"at_close": False}
    assert book.entries == [
        Entry(0, 0, "variation", -100_000, **opening),  # slippage: 2 * 5 * 100 yen
        Entry(0, 0, "fee", -7_700, **opening),
        Entry(0, 1, "purchase", -13_000_000, **opening),
        Entry(0, 1, "fee", -6_500, **opening),
        Entry(0, 0, "variation", 2_000_000),
        Entry(1, 1, "distribution", 200_000, **opening),
        Entry(1, 0, "variation", 2_000_000),
        Entry(1, 0, "fee", -3_800, **opening),
        Entry(2, 0, "variation", -500_000),
    ]
    assert 1_000_000 * YEN + sum(e.sen for e in book.entries) == book.cash


def test_the_test_of_an_order_binds_all_positions_after_it() -> None:
    book, *_ = account()

    # One mini at 20,150 binds 201,500; 100 + 50 shares at 1,310 bind 196,500.
    assert book.bound_after(1, 50, 1_310 * YEN, RATES) == (201_500 + 196_500) * YEN
    # Two minis short at 20,000 bind 400,000; 100 shares at their mark of 1,305 bind 130,500.
    assert book.bound_after(0, -3, 20_000 * YEN, RATES) == (400_000 + 130_500) * YEN
    # What is paid in full and owned cannot be called for margin: one mini at 20,150 and 8 %.
    assert book.bound([80_000, 300_000], shorts_only=True) == 161_200 * YEN


def test_the_audit_passes_the_books_as_they_are() -> None:
    book, feed, equity = account()

    hold(book, feed, equity)


@pytest.mark.parametrize("bar", [0, 1, 2])
@pytest.mark.parametrize("sen", [1, -1])
def test_the_audit_fails_on_one_sen_of_recorded_equity(bar: int, sen: int) -> None:
    book, feed, equity = account()
    equity[bar] += sen

    with pytest.raises(LedgerError, match=f"reconcile bar {bar}"):
        hold(book, feed, equity)


@pytest.mark.parametrize(
    "change",
    [{"fee": 7_701}, {"price": 2_000_501}, {"quantity": 3}, {"bar": 1}],
    ids=["fee", "price", "quantity", "bar"],
)
def test_the_audit_fails_on_a_tampered_fill(change: dict[str, int]) -> None:
    book, feed, equity = account()
    book.fills[0] = dataclasses.replace(book.fills[0], **change)

    with pytest.raises(LedgerError, match="reconcile bar 0"):
        hold(book, feed, equity)


def test_the_audit_fails_on_a_lost_fill_a_missed_distribution_and_a_sen_of_cash() -> None:
    book, feed, equity = account()
    with pytest.raises(LedgerError, match="reconcile bar 1"):
        hold(book, dataclasses.replace(feed, distribution=0 * feed.distribution), equity)
    with pytest.raises(LedgerError, match="reconcile bar 0"):
        hold(book, feed, equity, 1_000_000 * YEN + 1)
    del book.fills[2]
    with pytest.raises(LedgerError, match="reconcile bar 1"):
        hold(book, feed, equity)


def test_fills_are_matched_first_in_first_out() -> None:
    fills = [fill(0, 3, 20_000, fee=115), fill(1, 2, 20_100, fee=77), fill(2, -4, 20_200, fee=154)]
    first, second = round_trips(fills, [MINI])

    # Three of the first fill: 3 * 200 * 100; its whole fee and three quarters of 154.
    assert (first.quantity, first.gross, first.fees) == (3, 60_000 * YEN, 115 * YEN + 11_550)
    assert (first.opened.bar, first.closed.bar) == (0, 2)
    # One of the second: 1 * 100 * 100; half of its fee of 77 and the last quarter.
    assert (second.quantity, second.gross, second.fees) == (1, 10_000 * YEN, 3_850 + 3_850)
    assert (second.opened.bar, second.closed.bar) == (1, 2)


def test_a_reversal_closes_one_trip_and_opens_the_next_with_the_rest_of_its_fee() -> None:
    fills = [fill(0, 1, 20_000, fee=38), fill(1, -3, 20_100, fee=115), fill(2, 2, 20_050, fee=77)]
    long, short = round_trips(fills, [MINI])

    # A third of 11,500 sen is 3,833; the other 7,667 open the short.
    assert (long.quantity, long.gross, long.fees) == (1, 10_000 * YEN, 3_800 + 3_833)
    # Short 2 from 20,100 to 20,050: 2 * 50 * 100.
    assert (short.quantity, short.gross, short.fees) == (-2, 10_000 * YEN, 7_667 + 7_700)


def test_instruments_are_matched_apart_and_with_their_own_multiplier() -> None:
    fills = [fill(0, 1, 20_000), fill(0, -10, 1_300, k=1), fill(1, 10, 1_290, k=1), fill(2, -1, 20_010)]
    fund, mini = round_trips(fills, [MINI, FUND])

    assert (fund.opened.k, fund.quantity, fund.gross) == (1, -10, 100 * YEN)
    assert (mini.opened.k, mini.quantity, mini.gross) == (0, 1, 1_000 * YEN)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    st.lists(
        st.tuples(st.integers(-7, 7).filter(bool), st.integers(19_900, 20_100), st.integers(0, 300)),
        min_size=1,
        max_size=30,
    )
)
def test_no_fee_and_no_yen_is_lost_between_fills_and_round_trips(orders: list[tuple[int, int, int]]) -> None:
    """The fees of round trips and open lots are the fees paid: a last, free fill closes what is open."""
    fills = [fill(t, quantity, price, fee=paid) for t, (quantity, price, paid) in enumerate(orders)]
    left = sum(f.quantity for f in fills)
    if left:
        fills.append(fill(len(fills), -left, 20_000))
    trips = round_trips(fills, [MINI])

    assert sum(r.fees for r in trips) == sum(f.fee for f in fills)
    assert sum(r.gross for r in trips) == -sum(f.quantity * f.price * MINI.multiplier for f in fills)
    assert all((r.opened.quantity > 0) == (r.quantity > 0) != (r.closed.quantity > 0) for r in trips)
    assert all(r.fees >= 0 for r in trips)


def test_an_open_lot_is_no_round_trip() -> None:
    assert round_trips([fill(0, 3, 20_000, fee=115)], [MINI]) == []
