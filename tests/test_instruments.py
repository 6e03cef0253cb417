"""The terms of what is traded, against the exchange's own figures."""

from __future__ import annotations

import numpy as np
import pytest

from backtests.instruments import instrument, instruments, tick_table
from indexsim.errors import SpecError


@pytest.mark.parametrize(
    ("name", "multiplier", "tick_yen", "one_tick_in_yen"),
    # Rulebook D1: multiplier, tick, value of a tick.
    [
        ("nikkei_large", 1000, 10, 10_000),
        ("nikkei_mini", 100, 5, 500),
        ("nikkei_micro", 10, 5, 50),
        ("topix_large", 10_000, 0.5, 5_000),
        ("topix_mini", 1000, 0.25, 250),
    ],
)
def test_futures_have_the_exchange_s_multipliers_and_ticks(
    name: str, multiplier: int, tick_yen: float, one_tick_in_yen: int
) -> None:
    i = instrument(name)
    tick = int(tick_table(i.ticks).ticks(np.array(["2020-01-06"], "datetime64[D]"), np.array([2_000_000]))[0])

    assert (i.multiplier, tick) == (multiplier, tick_yen * 100)
    assert tick * i.multiplier == one_tick_in_yen * 100
    assert i.cash_settled
    assert i.lot == 1


@pytest.mark.parametrize(
    ("name", "fee_sen"), [("nikkei_large", 27_500), ("nikkei_mini", 3_850), ("nikkei_micro", 1_100)]
)
def test_futures_fees_are_yen_a_contract(name: str, fee_sen: int) -> None:
    """Rulebook D6: 275, 38.5 and 11 yen a side."""
    assert (instrument(name).fee_per_contract, instrument(name).fee_rate) == (fee_sen, 0)


def test_funds_pay_their_notional_in_their_own_lots() -> None:
    first, second = instrument("etf_1321"), instrument("etf_1306")

    assert (first.lot, second.lot) == (1, 10)
    assert all(i.margin_rate == 1_000_000 and i.multiplier == 1 and not i.cash_settled for i in (first, second))


def test_every_instrument_says_where_its_terms_come_from_and_has_a_tick_table() -> None:
    for name, i in instruments().items():
        assert i.name == name
        assert i.source
        assert i.confidence
        assert i.kind in ("future", "etf")
        assert tick_table(i.ticks).steps


def test_a_misspelt_instrument_is_answered_with_the_nearest() -> None:
    with pytest.raises(SpecError) as caught:
        instrument("nikkei_minni")

    assert "nikkei_mini" in str(caught.value)


BEFORE, AFTER = "2021-11-26", "2021-11-29"


@pytest.mark.parametrize(
    ("day", "price", "tick"),
    # Prices and ticks in 0.01 yen; the bound of a band belongs to it.
    [
        (BEFORE, 205_000, 100),  # 1306 near 2,050 yen moved by whole yen
        (AFTER, 205_000, 50),  # and by half yen since (rulebook G2)
        (BEFORE, 300_000, 100),
        (BEFORE, 300_500, 500),
        (BEFORE, 2_900_000, 1_000),
        (AFTER, 100_000, 10),
        (AFTER, 100_050, 50),
        (AFTER, 300_000, 50),
        (AFTER, 300_100, 100),
        (AFTER, 1_000_000, 100),
        (AFTER, 1_000_500, 500),
        (AFTER, 3_000_000, 500),
        (AFTER, 3_001_000, 1_000),
        (AFTER, 10_000_000, 1_000),
        (AFTER, 10_005_000, 5_000),
        (AFTER, 40_000_000, 10_000),
    ],
)
def test_the_tick_of_a_fund_depends_on_the_day_and_the_price(day: str, price: int, tick: int) -> None:
    found = tick_table("etf").ticks(np.array([day], "datetime64[D]"), np.array([price]))

    assert found.tolist() == [tick]


def test_ticks_are_looked_up_row_by_row() -> None:
    days = np.array([BEFORE, AFTER, BEFORE], "datetime64[D]")

    assert tick_table("etf").ticks(days, np.array([205_000, 205_000, 310_000])).tolist() == [100, 50, 500]
