"""The stream against hand-made levels, the batch index, and input it must refuse."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexsim.basket import Basket
from indexsim.errors import MissingData
from indexsim.events import Event, ExRights, SpinOff, Split, parse_events
from indexsim.index import PriceWeightedIndex
from indexsim.stream import Stream, TickError, published

DAY, NEXT = date(2025, 4, 1), date(2025, 4, 2)
ONE = Fraction(1)


def teaching(divisor: str = "3") -> Stream:
    basket = Basket({"A": ONE, "B": ONE, "C": ONE}, DAY)
    return Stream(basket, Decimal(divisor), {"A": 400, "B": 500.0, "C": Fraction(900)})


def ticks(*rows: tuple[str, str, object], day: date = DAY) -> pd.DataFrame:
    times = pd.DatetimeIndex([f"{day} {time}" for time, _, _ in rows])
    return pd.DataFrame({"time": times, "code": [row[1] for row in rows], "price": [row[2] for row in rows]})


def two_days(events: list[Event]) -> PriceWeightedIndex:
    closes = pd.DataFrame(
        {"A": [900.0, 310.0], "B": [100.0, 110.0], "N": [np.nan, 20.0]}, pd.DatetimeIndex([DAY, NEXT])
    )
    return PriceWeightedIndex.build(closes, Basket({"A": ONE, "B": ONE}, DAY), events, Decimal(1))


# Levels by hand


def test_every_tick_moves_the_level_by_price_times_factor_over_divisor() -> None:
    """1,800 / 3 = 600; B 500 to 800: 2,100 / 3; A 400 to 400.5: 2,100.5 / 3 = 700.1666...; C to 899: 2,099.5 / 3."""
    stream = teaching()

    assert stream.level == 600.0
    assert [stream.tick("B", 800), stream.tick("A", 400.5), stream.tick("C", 899.0)] == [700.0, 700.17, 699.83]
    assert stream.level == 699.83


def test_a_level_on_a_tie_goes_up_and_a_hair_below_goes_down() -> None:
    stream = Stream(Basket({"A": ONE}, DAY), Decimal(1), {"A": 1})

    assert [stream.tick("A", price) for price in (1.005, 2.675, 0.125, 1.004, 1.115)] == [1.01, 2.68, 0.13, 1.0, 1.12]


def test_factors_may_be_fractions() -> None:
    """3 x 50/3 + 10 x 0.1 = 51; then 3.3 x 50/3 + 1 = 56; / 2.4 = 21.25 and 23.3333."""
    basket = Basket({"A": Fraction(50, 3), "B": Fraction(1, 10)}, DAY)
    stream = Stream(basket, Decimal("2.4"), {"A": 3, "B": 10})

    assert (stream.level, stream.tick("A", 3.3)) == (21.25, 23.33)


def test_a_special_quote_counts_until_a_trade_or_its_end() -> None:
    """A3: special quote, else last price, else standard price."""
    stream = teaching()

    assert stream.quote("A", 430.0) == 610.0
    assert stream.quote("A", 460.0) == 620.0
    assert stream.withdraw("A") == 600.0  # no trade yet: the standard price
    assert stream.tick("A", 415.0) == 605.0
    assert stream.quote("A", 445.0) == 615.0
    assert stream.withdraw("A") == 605.0  # the last price
    assert stream.quote("A", 460.0) == 620.0
    assert stream.tick("A", 430.0) == 610.0
    with pytest.raises(TickError, match="only a special quote"):
        stream.withdraw("A")


# Standard prices


def test_a_stream_opens_on_the_close_before_or_the_special_quote() -> None:
    index = two_days([])

    assert Stream.opening(index, NEXT).level == 1000.0
    assert Stream.opening(index, NEXT, quotes={"B": 130.0, "Z": 5.0}).level == 1030.0


@pytest.mark.parametrize(
    "event",
    [
        Split("A", Fraction(3), effective=NEXT),
        ExRights("A", ONE, Fraction(7), Fraction(123), effective=NEXT),  # a price in eighths
        SpinOff("N", "A", ONE, effective=NEXT),
    ],
)
def test_a_theoretical_price_comes_before_a_special_quote(event: Split | ExRights | SpinOff) -> None:
    stream = Stream.opening(two_days([event]), NEXT, quotes={event.code: 5000.0})

    assert stream.level == 1000.0


def test_a_stream_needs_the_session_before() -> None:
    with pytest.raises(MissingData, match="begins on that day"):
        Stream.opening(two_days([]), DAY)
    with pytest.raises(MissingData, match="2025-04-05"):
        Stream.opening(two_days([]), "2025-04-05")


# Replay and the published grid


def test_a_replay_gives_the_level_after_each_tick() -> None:
    stream = teaching()
    rows = ticks(("09:00:01", "B", 800), ("09:00:01", "A", 400.5), ("09:00:07", "C", 899.0), ("15:30:00", "B", 500.0))

    assert stream.replay(rows).tolist() == [700.0, 700.17, 699.83, 599.83]
    assert stream.level == 599.83
    assert stream.replay(rows.iloc[:0]).empty


def test_levels_are_published_every_five_seconds_with_the_last_tick_at_the_close() -> None:
    rows = ticks(("09:00:01", "B", 800), ("09:00:05", "C", 897.0), ("15:30:02", "A", 403.0), day=date(2025, 7, 3))
    grid = published(teaching().replay(rows), 600.0, date(2025, 7, 3))

    assert len(grid) == (9000 // 5 + 1) + (10800 // 5 + 1)
    assert grid[:3].tolist() == [600.0, 699.0, 699.0]
    assert f"{grid.index[1]:%H:%M:%S} {grid.index[-1]:%H:%M:%S}" == "09:00:05 15:30:00"
    assert grid.iloc[-2:].tolist() == [699.0, 700.0]


@pytest.mark.parametrize(
    ("day", "points"),
    [
        (date(2009, 12, 29), 121 + 151),  # 09:00-11:00 and 12:30-15:00, every minute
        (date(2010, 1, 4), 481 + 601),  # every 15 seconds
        (date(2017, 1, 4), 1801 + 1801),  # 09:00-11:30 and 12:30-15:00, every 5
        (date(2008, 12, 30), 121),  # the last session of the year was a morning
    ],
)
def test_the_grid_follows_the_date(day: date, points: int) -> None:
    levels = teaching().replay(ticks(("10:00", "A", 403.0), day=day))

    grid = published(levels, 600.0, day)
    assert (len(grid), grid.iloc[0], grid.iloc[-1]) == (points, 600.0, 601.0)


def test_a_grid_is_of_one_session() -> None:
    levels = teaching().replay(ticks(("10:00", "A", 403.0)))
    with pytest.raises(TickError, match="of one session"):
        published(levels, 600.0, NEXT)


# Refusals


@pytest.mark.parametrize(
    ("code", "price", "part"),
    [
        ("a", 1.0, "did you mean 'A'|choose one of"),
        (7203, 1.0, "not among the 3 codes"),
        (["A"], 1.0, "not among the 3 codes"),
        ("A", 0.0, "above zero"),
        ("A", -400.0, "above zero"),
        ("A", float("nan"), "above zero"),
        ("A", float("inf"), "above zero"),
        ("A", 400.00004, "above zero"),
        ("A", "400", "above zero"),
        ("A", None, "above zero"),
    ],
)
def test_a_bad_tick_is_refused_and_changes_nothing(code: str, price: float, part: str) -> None:
    stream = teaching()
    with pytest.raises(TickError, match=part):
        stream.tick(code, price)
    with pytest.raises(TickError, match=part):
        stream.quote(code, price)
    with pytest.raises(TickError, match=f"row 1: .*{part.split('|')[-1] if code == 'A' else 'not among'}"):
        stream.replay(ticks(("09:00", "B", 800.0), ("09:01", code, price)))

    assert (stream.level, stream.tick("A", 403.0)) == (600.0, 601.0)


@pytest.mark.parametrize(
    ("rows", "part"),
    [
        (ticks(("09:01", "A", 1.0), ("09:00", "B", 1.0)), "row 1 is of 2025-04-01 09:00"),
        (pd.concat([ticks(("09:00", "A", 1.0)), ticks(("09:00", "A", 1.0), day=NEXT)]), "one day"),
        (ticks(("09:00", "A", 1.0)).assign(time=pd.NaT), "row 0 is of NaT"),
        (ticks(("09:00", "A", 1.0)).drop(columns="code"), "no column code"),
    ],
)
def test_ticks_out_of_order_are_refused(rows: pd.DataFrame, part: str) -> None:
    stream = teaching()
    with pytest.raises(TickError, match=part):
        stream.replay(rows)

    assert stream.level == 600.0


@pytest.mark.parametrize("standard", [{"A": 1.0}, {"A": 1.0, "B": -1.0}, {"A": 1.0, "B": float("nan")}])
def test_a_stream_without_standard_prices_is_refused(standard: dict[str, float]) -> None:
    with pytest.raises(TickError, match="open a stream with B"):
        Stream(Basket({"A": ONE, "B": ONE}, DAY), Decimal(3), standard)


@pytest.mark.parametrize("divisor", ["0", "-1", "NaN", "Infinity"])
def test_a_stream_needs_a_positive_divisor(divisor: str) -> None:
    with pytest.raises(TickError, match="a divisor is positive"):
        teaching(divisor)


# Laws


@settings(derandomize=True, deadline=None, max_examples=80)
@given(st.data())
def test_ticks_in_any_order_end_on_the_level_of_the_closes(data: st.DataObject) -> None:
    codes = "ABCDE"
    tenths = st.integers(1, 1_000_000).map(lambda value: value / 10)
    factors = st.sampled_from([Fraction(text) for text in ("0.1", "2.4", "50/3", "125/6", "15")])
    closes = [[data.draw(tenths) for _ in codes] for _ in range(2)]
    basket = Basket({code: data.draw(factors) for code in codes}, DAY)
    split = Split("A", data.draw(st.sampled_from([Fraction(3), Fraction(11, 10), Fraction(7)])), effective=NEXT)
    frame = pd.DataFrame(closes, pd.DatetimeIndex([DAY, NEXT]), list(codes))
    index = PriceWeightedIndex.build(frame, basket, [split], Decimal(data.draw(st.integers(1, 10**9))).scaleb(-4))
    noise = [(code, data.draw(tenths)) for code in data.draw(st.lists(st.sampled_from(codes), max_size=8))]
    last = data.draw(st.permutations(list(zip(codes, closes[1], strict=True))))
    rows = ticks(*(("15:00", code, price) for code, price in (*noise, *last)), day=NEXT)
    one, many = Stream.opening(index, NEXT), Stream.opening(index, NEXT)

    levels = [one.tick(code, price) for code, price in (*noise, *last)]
    assert levels[-1] == index.levels().iloc[1]
    assert many.replay(rows).tolist() == levels
    assert many.level == one.level


def test_sums_beyond_64_bits_stay_exact() -> None:
    """Standard prices in 97ths, 101sts, ... make units of 1e19 parts of a yen."""
    primes = (97, 101, 103, 107, 109, 113, 127, 131)
    basket = Basket({str(prime): ONE for prime in primes}, DAY)
    stream = Stream(basket, Decimal(1), {str(prime): Fraction(1, prime) for prime in primes})
    levels = stream.replay(ticks(("09:00", "97", 10.0), ("09:01", "101", 20.0)))

    rest = sum((Fraction(1, prime) for prime in primes[2:]), Fraction(0))
    expected = [10 + Fraction(1, 101) + rest, 30 + rest]
    assert levels.tolist() == [int(100 * value + Fraction(1, 2)) / 100 for value in expected]


@pytest.mark.real
def test_a_real_day_streamed_ends_on_the_official_close(real: Path) -> None:
    """2025-09-29, with a split and a spin-off: 226 names, each traded once at its close."""
    folder = real / "window_2025"
    closes = pd.read_csv(folder / "closes.csv", index_col="date", parse_dates=["date"]).astype("float64")
    basket, events = parse_events(pd.read_csv(folder / "factors.csv", dtype=str))
    start = pd.read_csv(folder / "divisors.csv", dtype=str)["divisor"][0]
    index = PriceWeightedIndex.build(closes, basket, events, Decimal(start))
    official = pd.read_csv(folder / "index.csv", index_col="date", parse_dates=["date"])["close"]
    stream = Stream.opening(index, "2025-09-29")

    assert stream.level == official["2025-09-26"]
    prices = closes.loc["2025-09-29", list(index.regime("2025-09-29").basket.codes)]
    assert [stream.tick(code, price) for code, price in prices.items()][-1] == official["2025-09-29"]
