"""The broker's rules that need more than a price: each against an answer made by hand, in yen."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from backtests.trading.execution import split_order
from backtests.trading.ledger import round_trips
from tests.trading import MINI, NAN, PLAIN, fills, rejections, trade, units, yen

#: 100 yen a point, tick 5, 38.5 yen a contract; a roll costs one tick a side.
ROLLED = dataclasses.replace(MINI, roll_ticks=1)
#: The dealer's contract: 1 yen a point and 0.01 lot, half a spread of 2.5 points, no fee.
CFD = dataclasses.replace(MINI, name="cfd", kind="cfd", multiplier=1, fee_per_contract=0, half_spread=250)
SHARE = dataclasses.replace(PLAIN, name="share", lot=100)


def test_a_roll_closes_and_opens_at_the_two_closes_and_the_gap_is_no_loss() -> None:
    """Long 2 from 20,000. The old contract closes at 20,100, the next one at 20,050 and then at 20,080."""
    done = trade(
        [ROLLED],
        [[20_000, 20_000, 20_060]],
        [[20_000, 20_100, 20_080]],
        at_open=[[2, NAN, NAN]],
        tick=5,
        feed={"roll": units([[0, 20_050, 0]])},
    )

    # Bar 1: + 2 x 100 x 100; one tick of 5 on each side of the roll is 2 x 1,000; three fees of 77.
    # Bar 2: + 2 x 100 x 30.
    assert fills(done) == [(1, 0, 2, 20_000), (1, 0, -2, 20_095), (1, 0, 2, 20_055)]
    assert [f.why for f in done.book.fills] == ["", "roll", "roll"]
    assert yen(done) == [1_000_000, 1_017_769, 1_023_769]


def test_what_is_sized_after_a_roll_is_sized_by_the_next_contract() -> None:
    done = trade(
        [ROLLED],
        [[20_000, 20_000, 10_000]],
        [[20_000, 20_000, 10_000]],
        at_open=[[NAN, 1.0, NAN]],
        unit="equity",
        cash=10_000_000,
        tick=5,
        feed={"roll": units([[0, 10_000, 0]])},
    )

    assert fills(done) == [(2, 0, 10, 10_000)]  # 10 m over 100 x 10,000, not over 100 x 20,000


def test_a_contract_settles_at_the_first_prices_and_an_unchanged_target_orders_nothing() -> None:
    """Long 2 from 20,000, settled at 20,090.12, which is on no tick: 200 x 90.12, and two fees of 77."""
    done = trade(
        [MINI],
        [[20_000, 20_000, 20_150, 20_000]],
        [[20_000, 20_100, 20_200, 20_000]],
        at_open=[[2, 2, 2, 2]],
        tick=5,
        feed={"settle": units([[0, 0, 20_090.12, 0]])},
    )

    assert fills(done) == [(1, 0, 2, 20_000), (2, 0, -2, 20_090.12)]
    assert done.book.fills[1].why == "settlement"
    assert yen(done) == [1_000_000, 1_019_923, 1_017_870, 1_017_870]


def test_a_split_multiplies_what_is_held() -> None:
    """300 shares at 3,000, split 3:2, are 450 at 2,000; at 2,010 they have gained 4,500 yen."""
    done = trade(
        [SHARE],
        [[3_000, 3_000, 2_000]],
        [[3_000, 3_000, 2_010]],
        at_open=[[300, NAN, NAN]],
        feed={"splits": {(2, 0): (3, 2)}},
    )

    assert done.quantity.tolist() == [[0], [300], [450]]
    assert yen(done) == [1_000_000, 1_000_000, 1_004_500]


@pytest.mark.parametrize("side", [1, -1])
def test_a_fraction_of_a_share_is_paid_at_the_theoretical_price(side: int) -> None:
    """15 shares at 1,100, split 11:10, are 16 and a half; half a share at 1,000 yen. A short owes it."""
    done = trade(
        [PLAIN],
        [[1_100, 1_100, 1_000, 1_000]],
        [[1_100, 1_100, 1_000, 1_000]],
        at_open=[[15 * side, 0, NAN, NAN]],
        feed={"splits": {(2, 0): (11, 10)}},
    )

    paid = [(e.bar, e.kind, e.sen) for e in done.book.entries if e.kind == "fraction"]
    assert paid == [(2, "fraction", 50_000 * side)]
    assert fills(done) == [(1, 0, 15 * side, 1_100), (2, 0, -16 * side, 1_000)]  # the order to flat stays to flat
    assert yen(done) == [1_000_000] * 4


def test_round_trips_over_a_split_keep_the_cost() -> None:
    """15 shares for 16,500 yen become 16; sold for 1,000 each they lose 500, the half share paid out apart."""
    done = trade(
        [PLAIN],
        [[1_100, 1_100, 1_000]],
        [[1_100, 1_100, 1_000]],
        at_open=[[15, 0, NAN]],
        feed={"splits": {(2, 0): (11, 10)}},
    )
    trips = round_trips(done.book.fills, [PLAIN], {(2, 0): (11, 10)})

    assert [(r.quantity, r.gross) for r in trips] == [(16, -50_000)]


def test_a_waiting_order_is_restated_in_whole_lots() -> None:
    assert split_order(300, 3, 2, 100, 100, 150) == 400  # 450 is no whole lot
    assert split_order(-100, 3, 2, 100, 100, 150) == -150  # to flat


def test_a_cfd_pays_for_its_nights_and_is_closed_on_a_margin_call() -> None:
    """4 lots of 100 yen at 20,000 on one million: funded at 3.65 % a year, called below 8 %, closed at the open."""
    done = trade(
        [CFD],
        [[20_000, 20_000, 20_000, 18_800, 18_800]],
        [[20_000, 20_000, 18_900, 18_800, 18_800]],
        at_open=[[400, NAN, 100, NAN, NAN]],
        tick=0.5,
        margins=[(0.1, 0.08)],
        feed={"days": np.array([0, 1, 3, 1, 1]), "long_rate": np.full((5, 1), 36_500)},
    )

    # Bar 1: bought at 20,002.5: - 1,000. Bar 2: three nights of 8 m are 2,400, the fall 440,000; 8 % of 7.56 m is
    # 604,800. Bar 3: a night of 7.56 m is 756, and 400 x (18,900 - 18,797.5) is 41,000.
    assert yen(done) == [1_000_000, 999_000, 556_600, 514_844, 514_844]
    assert [(f.bar, f.quantity, f.price, f.why) for f in done.book.fills] == [
        (1, 400, 2_000_250, ""),
        (3, -400, 1_879_750, "margin call"),
    ]
    assert rejections(done) == [(2, 0, -300, "the position is closed on a margin call")]


def test_a_call_waits_for_a_print() -> None:
    done = trade(
        [CFD],
        [[20_000, 20_000, 20_000, 0, 18_000]],
        [[20_000, 20_000, 18_900, 0, 18_000]],
        at_open=[[400, NAN, NAN, NAN, NAN]],
        tick=0.5,
        margins=[(0.1, 0.08)],
    )

    assert [(f.bar, f.price) for f in done.book.fills] == [(1, 2_000_250), (4, 1_799_750)]


def test_an_account_that_is_wiped_out_owes_and_orders_no_more() -> None:
    """400 yen a point bought at 20,002.5 and closed at 17,000 - 2.5: 1,200,  ... more than the million there was."""
    done = trade(
        [CFD],
        [[20_000, 20_000, 17_000, 17_000, 17_000]],
        [[20_000, 20_000, 17_000, 17_000, 17_000]],
        at_open=[[400, NAN, NAN, 100, NAN]],
        tick=0.5,
        margins=[(0.1, 0.08)],
    )

    assert yen(done)[-1] == 1_000_000 - 400 * 3_005
    assert rejections(done) == [(3, 0, 100, "margin or notional plus fee exceeds the equity")]


def test_a_share_sold_short_is_borrowed_and_idle_cash_earns() -> None:
    """100 shares at 1,000 sold short: 200,000 of cash earn 3.65 %, 100,000 are borrowed at 1.15 %, for 10 days."""
    done = trade(
        [SHARE],
        [[1_000, 1_000, 1_000]],
        [[1_000, 1_000, 1_000]],
        at_open=[[-100, NAN, NAN]],
        cash=100_000,
        feed={
            "days": np.array([0, 1, 10]),
            "short_rate": np.full((3, 1), 11_500),
            "cash_rate": np.full(3, 36_500),
        },
    )

    # Bar 1: 100,000 over a day earn 10. Bar 2: 200,010 earn 200.01, floored; 31.506 are owed, floored.
    moved = [(e.bar, e.kind, e.sen / 100) for e in done.book.entries]
    assert moved == [(1, "interest", 10), (1, "sale", 100_000), (2, "borrowing", -31), (2, "interest", 200)]
    assert yen(done) == [100_000, 100_010, 100_179]


def test_a_fill_beyond_the_price_limit_is_rejected_not_clipped() -> None:
    limits = {"lower": units([[0, 9_500, 9_500]]), "upper": units([[0, 10_500, 10_500]])}
    done = trade(
        [PLAIN],
        [[10_000, 10_500, 10_495]],
        [[10_000] * 3],
        at_open=[[1, 2, NAN]],
        slippage_ticks=1,
        tick=5,
        feed=limits,
    )

    assert fills(done) == [(2, 0, 2, 10_500)]
    assert rejections(done) == [(0, 0, 1, "the fill lies beyond the price limit")]


def test_an_order_takes_no_more_than_its_share_of_the_volume() -> None:
    """A tenth of 12,345 shares are 12 lots of 100; nothing trades in the next bar."""
    volume = np.array([[0], [12_345], [0], [99_999]])
    done = trade(
        [SHARE],
        [[10] * 4],
        [[10] * 4],
        at_open=[[5_000, 9_000, NAN, NAN]],
        volume_share=0.1,
        feed={"volume": volume},
    )

    assert fills(done) == [(1, 0, 1_200, 10)]
    assert [(o.status, o.quantity, o.reason) for o in done.orders] == [
        ("partly", 5_000, "volume_share leaves 1200 of 5000"),
        ("rejected", 7_800, "no volume within volume_share"),
    ]


def test_impact_grows_with_the_square_root_of_the_quantity() -> None:
    """1 bp at one share is 2 bp at four: 10,002 for what costs 10,000."""
    done = trade([PLAIN], [[10_000] * 2], [[10_000] * 2], at_open=[[4, NAN]], feed={"impact": np.full((2, 1), 100.0)})

    assert fills(done) == [(1, 0, 4, 10_002)]


def test_an_order_larger_than_the_largest_is_rejected() -> None:
    done = trade([dataclasses.replace(CFD, most=40)], [[100] * 2], [[100] * 2], at_open=[[41, NAN]])

    assert rejections(done) == [(0, 0, 41, "more than the 40 that one order may have")]


def test_a_deposit_comes_before_the_open_and_is_no_gain() -> None:
    """500,000 yen paid in before bar 2; half of all at 1,000 yen a share is bought before it and after it."""
    done = trade(
        [PLAIN],
        [[1_000] * 4],
        [[1_000] * 4],
        at_open=[[0.5, 0.5, 0.6, NAN]],
        unit="equity",
        deposits=[0, 500_000, 0, 0],
        feed={"cash_rate": np.full(4, 36_500), "days": np.array([0, 1, 1, 1])},
    )

    # Interest of 0.01 % a day: on a million, on 500,100 before the deposit, on 1,000,150 after it.
    assert [(e.bar, e.kind, e.sen / 100) for e in done.book.entries if e.kind in ("deposit", "interest")] == [
        (1, "interest", 100), (2, "interest", 50), (2, "deposit", 500_000), (3, "interest", 100),
    ]  # fmt: skip
    assert yen(done) == [1_000_000, 1_000_100, 1_500_150, 1_500_250]
    assert fills(done) == [(1, 0, 500, 1_000), (3, 0, 400, 1_000)]  # 0.6 of 1,500,150 are 900 shares
