"""The index against hand-made answers, plain exact loops, laws that hold for any event, and real windows.

What others published and it must reproduce stands in `test_golden`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexsim.basket import Basket
from indexsim.errors import DataError, EventError, MissingData, SpecError
from indexsim.events import CapStep, Event, ExRights, FactorStep, Replace, SpinOff, Split, parse_events
from indexsim.index import DIVISOR_ROUNDING, PriceWeightedIndex

D1, D2, D3 = date(2025, 4, 1), date(2025, 4, 2), date(2025, 4, 3)
ONE = Fraction(1)


def table(columns: Mapping[str, Sequence[float]], first: date = D1) -> pd.DataFrame:
    days = pd.bdate_range(first, periods=len(next(iter(columns.values()))))
    return pd.DataFrame(columns, index=days, dtype="float64")


def equal_basket(codes: str, since: date = D1) -> Basket:
    return Basket(dict.fromkeys(codes, ONE), since)


def build(
    columns: Mapping[str, Sequence[float]], codes: str, events: Sequence[Event], divisor: str, first: date = D1
) -> PriceWeightedIndex:
    return PriceWeightedIndex.build(table(columns, first), equal_basket(codes, first), events, Decimal(divisor))


def divisors(index: PriceWeightedIndex) -> list[str]:
    return [str(entry.after) for entry in index.ledger.entries]


# Levels and divisors by hand


@pytest.mark.parametrize(("first", "expected"), [(date(2022, 5, 26), "3.002"), (date(2022, 6, 1), "3.00166667")])
def test_decimals_of_the_divisor_follow_the_date(first: date, expected: str) -> None:
    prices = {"A": [800, 800], "B": [1000, 1000], "C": [1001, 1001]}
    change = Replace({"C": ONE}, ("B",), effective=(pd.Timestamp(first) + pd.offsets.BDay()).date())
    index = build(prices, "AB", [change], "3", first)

    assert divisors(index) == ["3", expected]


def test_a_level_on_a_tie_goes_up() -> None:
    index = build({"A": [1.005, 2.675, 1.0, 0.125]}, "A", [], "1")

    assert index.levels().tolist() == [1.01, 2.68, 1.0, 0.13]


def test_a_split_by_divisor_follows_the_formula_and_lowers_the_weight() -> None:
    """A11: D' = 2 x (1200 - (300 - 300/1.5)) / 1200."""
    split = Split("A", Fraction(3, 2), by="divisor", effective=D2)
    index = build({"A": [300, 200], "B": [900, 900]}, "AB", [split], "2")

    assert divisors(index) == ["2", "1.83333333"]
    assert index.levels().tolist() == [600.0, 600.0]
    assert index.weights(D2)["A"] == pytest.approx(200 / 1100)


def test_a_factor_cut_at_a_split_sends_the_rest_through_the_divisor() -> None:
    """0.2 x 3 = 0.6, the list says 0.7: (300 x 0.7 + 900) / (900 x 0.2 + 900) = 1110 / 1080."""
    basket = Basket({"A": Fraction(1, 5), "B": ONE}, D1)
    split = Split("A", Fraction(3), Fraction("0.7"), effective=D2)
    index = PriceWeightedIndex.build(table({"A": [900, 300], "B": [900, 900]}), basket, [split], Decimal("1.08"))

    assert index.levels().tolist() == [1000.0, 1000.0]
    assert divisors(index) == ["1.08", "1.11000000"]


def test_a_rights_issue_moves_the_divisor_to_the_theoretical_price() -> None:
    """1 new per 2 at 400 yen: (1000 + 200) / 1.5 = 800, so 2 x 1800 / 2000."""
    rights = ExRights("A", ONE, Fraction(2), Fraction(400), effective=D2)
    index = build({"A": [1000, 800], "B": [1000, 1000]}, "AB", [rights], "2")

    assert divisors(index) == ["2", "1.80000000"]
    assert index.levels().tolist() == [1000.0, 1000.0]


def test_a_spin_off_enters_without_a_step_and_leaves_with_one() -> None:
    spin_off = SpinOff("C", "A", Fraction(5), effective=D2)
    gone = Replace({}, ("C",), effective=D3)
    prices: dict[str, list[float]] = {"A": [500, 400, 400], "B": [500, 500, 500], "C": [np.nan, 20.0, 30.0]}
    index = build(prices, "AB", [spin_off, gone], "10")

    assert [len(regime.basket) for regime in index.regimes] == [2, 3, 2]
    assert [index.regime(day).basket.codes for day in (D1, D2)] == [("A", "B"), ("A", "B", "C")]
    assert divisors(index) == ["10", "9.00000000"]
    assert index.levels().tolist() == [100.0, 100.0, 100.0]


def test_a_code_may_leave_without_a_successor() -> None:
    """224 names: 2,000 falls to 1,500 yen and the divisor by as much."""
    index = build(
        {"A": [500, 500], "B": [500, 600], "C": [1000, 1000]}, "ABC", [Replace({}, ("A",), effective=D2)], "2"
    )

    assert divisors(index) == ["2", "1.50000000"]
    assert index.levels().tolist() == [1000.0, 1066.67]


def test_one_date_is_one_step_of_the_divisor() -> None:
    """Split first, then exit, entry and step on the closes before: (100 x 3 + 400 x 0.5 + 700) / 1000 = 1.2."""
    events: list[Event] = [
        Split("A", Fraction(3), effective=D2),
        Replace({"D": ONE}, ("B",), effective=D2),
        FactorStep("C", Fraction(1, 2), effective=D2),
    ]
    prices = {"A": [300, 100], "B": [300, 300], "C": [400, 400], "D": [700, 700]}
    index = build(prices, "ABC", events, "1")

    assert divisors(index) == ["1", "1.20000000"]
    assert index.levels().tolist() == [1000.0, 1000.0]


# Where events fall


def test_an_event_between_two_sessions_acts_on_the_next() -> None:
    closes = table({"A": [400, 400], "B": [500, 500], "D": [1000, 1000]}).set_axis(
        pd.DatetimeIndex(["2025-04-04", "2025-04-07"])
    )
    change = Replace({"D": ONE}, ("A",), effective=date(2025, 4, 5))
    index = PriceWeightedIndex.build(closes, equal_basket("AB"), [change], Decimal(9))

    assert [entry.session for entry in index.ledger.entries] == [date(2025, 4, 4), date(2025, 4, 7)]
    assert divisors(index) == ["9", "15.00000000"]


def test_events_up_to_the_first_session_shape_its_basket_and_later_ones_are_left_out() -> None:
    events: list[Event] = [
        Replace({}, ("A",), effective=date(2025, 12, 1)),
        FactorStep("A", Fraction(2), effective=D2),
        Replace({"C": ONE}, ("B",), effective=D1),
    ]
    index = PriceWeightedIndex.build(
        table({"A": [1, 1, 1], "B": [1, 1, 1], "C": [3, 3, 3]}), equal_basket("AB"), events, Decimal(1), start=D2
    )

    assert index.levels().tolist() == [5.0, 5.0]
    assert divisors(index) == ["1"]
    assert index.regimes[0].basket.codes == ("A", "C")


def test_other_prices_use_the_same_baskets_and_divisors() -> None:
    prices = {"A": [400, 400], "B": [500, 500], "C": [900, 900], "D": [1000, 1000]}
    index = build(prices, "ABC", [Replace({"D": ONE}, ("A",), effective=D2)], "3")
    opens = table({"A": [100, np.nan, 1], "B": [200, 500, 1], "C": [300, 700, np.nan], "D": [np.nan, 800, 1]})

    found = index.levels(opens).tolist()
    assert found[:2] == [200.0, 500.0]
    assert np.isnan(found[2])
    with pytest.raises(DataError, match="missing-price"):
        index.levels(opens.drop(columns="D"))


# Contributions


def test_contributions_after_a_split_are_taken_from_the_theoretical_price() -> None:
    index = build({"A": [300, 110], "B": [700, 690]}, "AB", [Split("A", Fraction(3), effective=D2)], "10")

    assert index.contributions(D1, D2).to_dict() == {"A": 3.0, "B": -1.0}


def test_contributions_across_a_replacement_and_a_spin_off() -> None:
    """Day 2: B +10/10; day 3: C leaves for D, divisor 10 -> 20, D +40/20; day 4: A -100/20, S +20 x 5/20."""
    events: list[Event] = [
        Replace({"D": ONE}, ("C",), effective=D3),
        SpinOff("S", "A", Fraction(5), effective=date(2025, 4, 4)),
    ]
    prices: dict[str, list[float]] = {
        "A": [500, 500, 500, 400],
        "B": [190, 200, 200, 200],
        "C": [300, 300, 999, 999],
        "D": [1, 1300, 1340, 1340],
        "S": [np.nan, np.nan, np.nan, 20],
    }
    index = build(prices, "ABC", events, "10")

    assert divisors(index) == ["10", "20.00000000"]
    assert index.contributions(D1, date(2025, 4, 4)).to_dict() == {"A": -5.0, "B": 1.0, "C": 0.0, "D": 2.0, "S": 5.0}
    assert index.contributions(D2, D3).to_dict() == {"A": 0.0, "B": 0.0, "D": 2.0}


def test_rounding_of_the_divisor_has_its_own_row() -> None:
    """3 x 1801 / 1800 = 3.001666..., kept as 3.002: the level falls from 600 to 1801 / 3.002."""
    first = date(2022, 5, 26)
    prices = {"A": [800, 800], "B": [1000, 1000], "C": [1001, 1001]}
    index = build(prices, "AB", [Replace({"C": ONE}, ("B",), effective=date(2022, 5, 27))], "3", first)
    points = index.contributions(first, date(2022, 5, 27))

    assert points[DIVISOR_ROUNDING] == pytest.approx(1801 / 3.002 - 600)
    assert points.drop(DIVISOR_ROUNDING).eq(0).all()


# Refusals


def test_every_missing_price_is_named() -> None:
    prices = {"A": [1, np.nan, 1], "B": [np.nan, 1, np.nan], "C": [1, np.nan, 1]}
    with pytest.raises(DataError) as caught:
        build(prices, "AB", [Replace({"C": ONE}, ("B",), effective=D3)], "1")

    assert [(f.row, f.column, f.rule) for f in caught.value.findings] == [
        ("2025-04-01", "B", "missing-price"),
        ("2025-04-02", "A", "missing-price"),
        ("2025-04-02", "C", "missing-price"),
    ]


def test_a_constituent_without_a_column_is_named() -> None:
    with pytest.raises(DataError) as caught:
        build({"A": [1, 1]}, "AZ", [], "1")

    assert [(f.column, f.rule) for f in caught.value.findings] == [("Z", "missing-price")]


def test_impossible_inputs_are_refused() -> None:
    index = build({"A": [1, 1]}, "A", [], "1")
    with pytest.raises(DataError, match="divisor-positive"):
        build({"A": [1, 1]}, "A", [], "0")
    with pytest.raises(EventError, match="Z is not among"):
        build({"A": [1, 1]}, "A", [FactorStep("Z", ONE, effective=D2)], "1")
    with pytest.raises(MissingData, match="2030-01-01"):
        PriceWeightedIndex.build(table({"A": [1]}), equal_basket("A"), [], Decimal(1), start=date(2030, 1, 1))
    with pytest.raises(MissingData, match="2025-04-06"):
        index.weights("2025-04-06")
    with pytest.raises(SpecError, match="before the start"):
        index.contributions(D2, D1)


# Laws, for any market and any event

# Bounds that keep a divisor of three decimals above zero after any of the events.
TENTHS = st.integers(10_000, 100_000).map(lambda tenths: tenths / 10)
FACTORS = st.sampled_from([Fraction(text) for text in ("0.1", "0.5", "1", "2.4", "50/3", "15")])
RATIOS = st.sampled_from([Fraction(text) for text in ("3", "5", "3/2", "1/5", "11/10")])
Market = tuple[pd.DataFrame, Basket, Event, Decimal]
PROPERTY = settings(derandomize=True, deadline=None, max_examples=60)


@st.composite
def markets(draw: st.DrawFn) -> Market:
    codes = "ABCDE"[: draw(st.integers(2, 5))]
    rows = {code: draw(st.lists(TENTHS, min_size=3, max_size=3)) for code in (*codes, "N")}
    basket = Basket({code: draw(FACTORS) for code in codes}, D1)
    factor, ratio = draw(FACTORS), draw(RATIOS)
    options: list[Event] = [
        Replace({"N": factor}, ("A",), effective=D2),
        Replace({}, ("A",), effective=D2),
        Replace({"N": factor}, effective=D2),
        FactorStep("A", factor, effective=D2),
        CapStep("A", factor, effective=D2),
        Split("A", ratio, effective=D2),
        Split("A", ratio, factor, effective=D2),
        Split("A", ratio, by="divisor", effective=D2),
        ExRights("A", ONE, Fraction(7), Fraction(123), effective=D2),
        SpinOff("N", "A", factor, effective=D2),
    ]
    event = draw(st.sampled_from(options))
    first = date(2016, 4, 1) if draw(st.booleans()) else D1
    shifted = replace(event, effective=first + (D2 - D1))
    return table(rows, first), basket, shifted, Decimal(draw(st.integers(10_000, 40_000))) / 1000


def exact_sum(closes: pd.DataFrame, row: int, basket: Basket) -> Fraction:
    return sum((Fraction(str(closes.iloc[row][code])) * factor for code, factor in basket.factors.items()), Fraction(0))


def decimals(day: date) -> int:
    return 3 if day.year < 2022 else 8


@PROPERTY
@given(markets())
def test_an_event_leaves_the_level_but_for_the_rounding_of_the_divisor(
    market: Market,
) -> None:
    closes, basket, event, divisor = market
    index = PriceWeightedIndex.build(closes, basket, [event], divisor)
    after = index.regimes[1]
    before = exact_sum(closes, 0, basket) / Fraction(divisor)
    base = sum((after.base[code] * factor for code, factor in after.basket.factors.items()), Fraction(0))

    half_unit = Fraction(1, 2 * 10 ** decimals(after.session))
    assert abs(base / before - Fraction(after.divisor)) <= half_unit
    if isinstance(event, SpinOff) or (isinstance(event, Split) and event.by == "factor" and event.factor is None):
        assert len(index.ledger.entries) == 1


@PROPERTY
@given(markets())
def test_levels_equal_a_plain_exact_loop(market: Market) -> None:
    closes, basket, event, divisor = market
    index = PriceWeightedIndex.build(closes, basket, [event], divisor)
    expected = []
    for row, day in enumerate(closes.index):
        held = basket if row == 0 else basket.apply(event)
        level = exact_sum(closes, row, held) / Fraction(index.ledger.on(day.date()))
        expected.append(int(100 * level + Fraction(1, 2)) / 100)

    assert index.levels().tolist() == expected


@PROPERTY
@given(markets(), st.randoms(use_true_random=False))
def test_the_order_of_the_codes_does_not_matter(market: Market, random: Random) -> None:
    closes, basket, event, divisor = market
    columns, codes = list(closes.columns), list(basket.codes)
    random.shuffle(columns)
    random.shuffle(codes)
    one = PriceWeightedIndex.build(closes, basket, [event], divisor)
    shuffled = Basket({code: basket.factors[code] for code in codes}, basket.since)
    other = PriceWeightedIndex.build(closes[columns], shuffled, [event], divisor)

    assert other.levels().tolist() == one.levels().tolist()
    assert other.ledger == one.ledger


@PROPERTY
@given(markets(), st.integers(2, 20))
def test_the_level_is_homogeneous_of_degree_one(market: Market, scale: int) -> None:
    closes, basket, event, divisor = market
    if isinstance(event, ExRights):
        event = ExRights(event.code, event.new, event.held, Fraction(0), effective=event.effective)
    one = PriceWeightedIndex.build(closes, basket, [event], divisor)
    scaled = (closes * 10).round() * scale / 10
    other = PriceWeightedIndex.build(scaled, basket, [event], divisor)

    assert other.ledger == one.ledger
    assert np.abs(other.levels() - scale * one.levels()).max() <= 0.005 * (scale + 1) + 1e-4


@PROPERTY
@given(markets())
def test_contributions_sum_to_the_unrounded_move_and_weights_to_one(
    market: Market,
) -> None:
    closes, basket, event, divisor = market
    index = PriceWeightedIndex.build(closes, basket, [event], divisor)
    start, end = closes.index[0].date(), closes.index[2].date()
    last = exact_sum(closes, 2, basket.apply(event)) / Fraction(index.ledger.on(end))
    move = float(last - exact_sum(closes, 0, basket) / Fraction(divisor))

    assert index.contributions(start, end).sum() == pytest.approx(move, rel=1e-9, abs=1e-6)
    assert index.weights(end).sum() == pytest.approx(1)


# Real windows


def window(folder: Path) -> tuple[PriceWeightedIndex, pd.Series]:
    closes = pd.read_csv(folder / "closes.csv", index_col="date", parse_dates=["date"]).astype("float64")
    basket, events = parse_events(pd.read_csv(folder / "factors.csv", dtype=str))
    start = pd.read_csv(folder / "divisors.csv", dtype=str)["divisor"][0]
    index = PriceWeightedIndex.build(closes, basket, events, Decimal(start))
    published = pd.read_csv(folder / "index.csv", index_col="date", parse_dates=["date"])["close"]
    return index, published.reindex(closes.index)


@pytest.mark.real
def test_2025_is_exact_on_every_day(real: Path) -> None:
    index, published = window(real / "window_2025")

    assert (index.levels() == published).sum() == 82
    assert divisors(index) == ["29.61653922", "29.59724687", "29.69955560"]
    assert [len(regime.basket) for regime in index.regimes] == [225, 225, 226, 225, 225]


@pytest.mark.real
def test_2017_2018_is_exact_but_for_two_days_of_bad_prices(real: Path) -> None:
    index, published = window(real / "window_2017_2018")
    differs = published.index[index.levels() != published]

    assert {f"{day:%Y-%m-%d}" for day in differs} <= {"2018-02-06", "2018-03-05"}
    assert len(published) == 448
    assert divisors(index) == ["26.301", "26.581", "26.950", "26.993"]


@pytest.mark.real
def test_contributions_of_a_real_year_and_a_half_sum_to_its_move(real: Path) -> None:
    index, published = window(real / "window_2017_2018")
    points = index.contributions("2017-01-24", "2018-11-16")

    assert points.sum() == pytest.approx(published.iloc[-1] - published.iloc[0], abs=0.01)
