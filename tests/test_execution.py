"""The arithmetic of a fill against answers made by hand. Prices are in 0.01 yen, money in sen."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests.trading.execution import fee, fill_price, lots, reduces, rejected, round_to_tick, used

PROPERTY = settings(derandomize=True, deadline=None, max_examples=100)


@pytest.mark.parametrize(
    ("price", "tick", "expected"),
    [
        (130_463, 50, 130_450),  # 1,304.63 on 0.5: 13 sen above 1,304.50
        (130_475, 50, 130_500),  # half-way goes up
        (3_000_249, 500, 3_000_000),  # 30,002.49 on 5
        (3_000_250, 500, 3_000_500),
        (0, 500, 0),  # no print stays none
    ],
)
def test_an_index_level_becomes_the_nearest_tick(price: int, tick: int, expected: int) -> None:
    assert round_to_tick(price, tick) == expected


def test_arrays_are_rounded_cell_by_cell() -> None:
    rounded = round_to_tick(np.array([130_463, 3_000_250]), np.array([50, 500]))

    assert rounded.tolist() == [130_450, 3_000_500]


@pytest.mark.parametrize(
    ("reference", "quantity", "rate", "ticks", "tick", "expected"),
    [
        # Nothing asked, nothing moved.
        (2_000_000, 1, 0, 0, 500, 2_000_000),
        (2_000_000, -1, 0, 0, 500, 2_000_000),
        # 20,000 * 3 bp = 6 yen: 20,006 -> 20,010 for a buyer, 19,994 -> 19,990 for a seller, on 5.
        (2_000_000, 7, 300, 0, 500, 2_001_000),
        (2_000_000, -7, 300, 0, 500, 1_999_000),
        # 20,000 * 2.5 bp = 5 yen is a whole tick: nothing more is taken.
        (2_000_000, 1, 250, 0, 500, 2_000_500),
        (2_000_000, -1, 250, 0, 500, 1_999_500),
        # Two ticks of 0.5 on 1,304.5.
        (130_450, 100, 0, 2, 50, 130_550),
        (130_450, -100, 0, 2, 50, 130_350),
        # Both: 1,304.5 * 1 bp = 0.13045, plus one tick = 1,305.13045 -> 1,305.5; 1,303.86955 -> 1,303.5.
        (130_450, 100, 100, 1, 50, 130_550),
        (130_450, -100, 100, 1, 50, 130_350),
        # Slip first, tick second: rounding 100.0 to its tick and then adding 0.4 would stay off the grid.
        (10_000, 1, 4_000, 0, 100, 10_100),
    ],
)
def test_a_fill_is_slipped_and_then_rounded_against_the_trader(
    reference: int, quantity: int, rate: int, ticks: int, tick: int, expected: int
) -> None:
    assert fill_price(reference, quantity, rate, ticks, tick) == expected


@PROPERTY
@given(st.integers(100, 80_000), st.sampled_from([10, 50, 100, 500]), st.integers(0, 5_000), st.integers(0, 3))
def test_no_fill_is_better_than_asked_nor_a_tick_worse_than_needed(steps: int, tick: int, rate: int, n: int) -> None:
    reference = steps * tick
    moved = reference * Fraction(rate, 1_000_000) + n * tick
    bought, sold = fill_price(reference, 1, rate, n, tick), fill_price(reference, -1, rate, n, tick)

    assert bought % tick == sold % tick == 0
    assert 0 <= bought - (reference + moved) < tick
    assert 0 <= (reference - moved) - sold < tick


@pytest.mark.parametrize(
    ("quantity", "price", "multiplier", "per_contract", "rate", "yen"),
    [
        (1, 2_000_000, 100, 3_850, 0, 38),  # 38.5
        (2, 2_000_000, 100, 3_850, 0, 77),  # 77.0: floored per fill, not per contract
        (-3, 2_000_000, 100, 3_850, 0, 115),  # 115.5
        (100, 1_234_500, 1, 0, 500, 617),  # 1,234,500 yen * 5 bp = 617.25
        (-100, 1_234_500, 1, 0, 500, 617),  # floored, also when selling
        (10, 100_000, 1, 0, 1_000, 10),  # 10,000 yen * 10 bp = 10, exactly
        (10, 99_990, 1, 0, 1_000, 9),  # 9,999 yen * 10 bp = 9.999
        (10, 100_000, 1, 2_550, 1_000, 265),  # 10 * 25.5 + 10
        (1, 100, 1, 0, 500, 0),  # 1 yen * 5 bp
    ],
)
def test_a_fee_is_floored_to_whole_yen(
    quantity: int, price: int, multiplier: int, per_contract: int, rate: int, yen: int
) -> None:
    assert fee(quantity, price, multiplier, per_contract, rate) == yen * 100


YEN_100M = 10_000_000_000


@pytest.mark.parametrize(
    ("share", "price", "multiplier", "lot", "reserve", "expected"),
    [
        # 50m / 1,234 = 40,518.6 shares; in tens 40,510.
        (0.5, 123_400, 1, 10, 0.0, 40_510),
        (-0.5, 123_400, 1, 10, 0.0, -40_510),  # towards zero on both sides
        # 98m / 28,000 = 3,500 exactly; without the reserve 3,571.4.
        (1.0, 2_800_000, 1, 1, 0.02, 3_500),
        (1.0, 2_800_000, 1, 1, 0.0, 3_571),
        # A mini at 30,000 is 3m yen: 33.3 contracts. A large one is 30m: 3.3.
        (1.0, 3_000_000, 100, 1, 0.0, 33),
        (1.0, 3_000_000, 1000, 1, 0.0, 3),
        (-1.0, 3_000_000, 1000, 1, 0.0, -3),
        (0.29, 3_000_000, 1000, 1, 0.0, 0),  # 29m: less than one
        (0.0, 3_000_000, 1000, 1, 0.0, 0),
        # 1.38 * 100m / 8,000 = 17,250 exactly, though no binary number is 1.38.
        (1.38, 800_000, 1, 1, 0.0, 17_250),
    ],
)
def test_a_share_of_equity_becomes_whole_lots_truncated(
    share: float, price: int, multiplier: int, lot: int, reserve: float, expected: int
) -> None:
    assert lots(share, YEN_100M, price, multiplier, lot, reserve) == expected


@pytest.mark.parametrize("equity", [0, -1, -YEN_100M])
def test_an_account_without_equity_sizes_nothing(equity: int) -> None:
    assert lots(1.0, equity, 100_000, 1, 1, 0.0) == 0


@PROPERTY
@given(
    st.integers(-300, 300),
    st.integers(10**8, 10**11),
    st.integers(100, 4_000_000),
    st.sampled_from([(1, 1), (1, 10), (100, 1), (1000, 1)]),
    st.sampled_from(["0", "0.02", "0.05"]),
)
def test_sizes_are_those_of_decimal_arithmetic(
    percent: int, equity: int, price: int, contract: tuple[int, int], reserve: str
) -> None:
    multiplier, lot = contract
    share = Decimal(percent) / 100
    exact = share * equity * (1 - Decimal(reserve)) / (price * multiplier * lot)

    assert lots(float(share), equity, price, multiplier, lot, float(reserve)) == int(exact) * lot


@pytest.mark.parametrize(
    ("position", "quantity", "expected"),
    [
        *[(5, -5, True), (5, -1, True), (5, -6, False), (5, 1, False), (0, -1, False)],
        *[(-5, 5, True), (-5, 1, True), (-5, 6, False), (-5, -1, False), (0, 1, False)],
    ],
)
def test_a_reduction_goes_towards_flat_and_not_beyond(position: int, quantity: int, expected: bool) -> None:
    assert reduces(position, quantity) is expected


@pytest.mark.parametrize(
    ("position", "price", "multiplier", "margin_rate", "sen"),
    [
        (3, 2_000_000, 100, 100_000, 60_000_000),  # three minis at 20,000: 10 % of 6m yen
        (-3, 2_000_000, 100, 100_000, 60_000_000),  # a short binds as much
        (-10, 130_450, 1, 1_000_000, 1_304_500),  # a fund binds all of it, also short
        (1, 12_345, 1, 100_000, 1_235),  # 1,234.5 sen, rounded up
        (0, 12_345, 1, 100_000, 0),
    ],
)
def test_what_a_position_binds(position: int, price: int, multiplier: int, margin_rate: int, sen: int) -> None:
    assert used(position, price, multiplier, margin_rate) == sen


def test_a_fill_may_bind_the_whole_equity_and_not_one_sen_more() -> None:
    assert not rejected(used_after=999_900, fee_paid=100, equity=1_000_000)
    assert rejected(used_after=999_901, fee_paid=100, equity=1_000_000)
    assert rejected(used_after=999_900, fee_paid=101, equity=1_000_000)
