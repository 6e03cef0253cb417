"""What can be traded, against the exchange's own figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backtests.trading.instruments import instrument, instruments, stock_ticks, with_size_class
from backtests.trading.terms import margin_table
from indexsim.errors import SpecError
from indexsim.market import MarketData
from indexsim.tick_sizes import tick_table


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


def test_futures_are_held_by_quarter_and_know_their_root() -> None:
    futures = [i for i in instruments().values() if i.kind == "future"]

    assert {i.name: i.root for i in futures} == {
        "nikkei_large": "nikkei",
        "nikkei_mini": "nikkei",
        "nikkei_micro": "nikkei",
        "topix_large": "topix",
        "topix_mini": "topix",
    }
    assert {i.months for i in futures} == {(3, 6, 9, 12)}
    assert {i.roll_ticks for i in futures} == {1}
    assert {i.limits for i in futures} == {"nikkei_future", "topix_future"}


def test_funds_pay_their_notional_in_their_own_lots() -> None:
    first, second = instrument("etf_1321"), instrument("etf_1306")

    assert (first.lot, second.lot) == (1, 10)
    assert all(i.margin_rate == 1_000_000 and i.multiplier == 1 and not i.cash_settled for i in (first, second))
    assert all(i.limits == "tse" and i.borrow_rate == 11_000 and not i.months for i in (first, second))


def test_a_stock_is_named_by_its_code() -> None:
    toyota, letters = instrument("stock_7203"), instrument("stock_285A")

    assert (toyota.name, toyota.kind, toyota.series, toyota.lot) == ("stock_7203", "stock", "7203", 100)
    assert letters.series == "285A"
    assert (toyota.multiplier, toyota.cash_settled, toyota.limits) == (1, False, "tse")
    assert "stock_7203" not in instruments()


@pytest.mark.parametrize("name", ["stock_CODE", "stock_720", "stock_72033", "stock_7203 ", "stock_"])
def test_what_is_no_code_is_refused(name: str) -> None:
    with pytest.raises(SpecError) as caught:
        instrument(name)

    assert "stock_285A" in caught.value.todo


@pytest.mark.parametrize(
    ("size_class", "table"),
    [
        ("TOPIX Core30", "stock_fine"),
        ("TOPIX Large70", "stock_fine"),
        ("TOPIX Mid400", "stock_mid400"),
        ("TOPIX Small 1", "stock"),
        ("-", "stock"),
        ("", "stock_fine"),
    ],
)
def test_ticks_of_a_stock_follow_its_size_class(tmp_path: Path, size_class: str, table: str) -> None:
    rows = f"code,name,size_class\n1301,Other,TOPIX Small 1\n7203,Toyota,{size_class}\n"
    (tmp_path / "constituents.csv").write_text(rows, "utf-8")

    assert stock_ticks(size_class) == table
    assert with_size_class(instrument("stock_7203"), MarketData.open(tmp_path)).ticks == table


def test_without_size_classes_a_stock_has_the_finest_ticks_and_a_fund_keeps_its_own(tmp_path: Path) -> None:
    (tmp_path / "constituents.csv").write_text("code,name\n7203,Toyota\n", "utf-8")
    market = MarketData.open(tmp_path)

    assert with_size_class(instrument("stock_7203"), market).ticks == "stock_fine"
    assert with_size_class(instrument("etf_1321"), market) == instrument("etf_1321")


def test_the_cfd_of_the_article_is_counted_in_hundredths_of_a_lot() -> None:
    """S001: 100 yen a point and lot, lots of 0.01 to 40, margin 1/9."""
    i = instrument("nikkei_cfd")
    largest = i.most * i.multiplier

    assert (i.kind, i.series, i.cash_settled, i.lot) == ("cfd", "n225", True, 1)
    assert largest == 40 * 100, "yen a point of the largest order"
    assert i.margin_rate == 111_112
    assert i.funding_long > 0 < i.funding_short
    assert i.half_spread == 500


@pytest.mark.parametrize(("name", "leverage"), [("5x", 5), ("10x", 10), ("20x", 20), ("100x", 100)])
def test_leverage_of_a_cfd_is_part_of_its_name(name: str, leverage: int) -> None:
    i = instrument(f"nikkei_cfd_{name}")
    initial, _ = margin_table(i.margins).rates(np.array(["2024-01-04"], "datetime64[D]"))

    assert initial.tolist() == [1_000_000 // leverage]


def test_every_instrument_says_where_its_terms_come_from() -> None:
    for name, i in instruments().items():
        assert i.name == name
        assert i.source
        assert i.confidence
        assert i.kind in ("future", "etf", "cfd")
        assert min(i.multiplier, i.lot, i.margin_rate) > 0


def test_terms_are_shown_in_yen_and_shares() -> None:
    shown = instrument("nikkei_cfd").terms()

    assert (shown["half_spread"], shown["funding_long"], shown["most"]) == (5.0, 0.00831, 4000)
    assert instrument("nikkei_mini").terms()["fee_yen"] == 38.5
    assert instrument("nikkei_mini").terms()["months"] == [3, 6, 9, 12]
    assert instrument("etf_1306").terms()["borrow_rate"] == 0.011


def test_a_misspelt_instrument_is_answered_with_the_nearest() -> None:
    with pytest.raises(SpecError) as caught:
        instrument("nikkei_minni")

    assert "nikkei_mini" in str(caught.value)
    assert "stock_CODE" in str(caught.value)
