"""The one pass against the plain definition: same levels, ledger, regimes, errors; where it must give way, it does."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Literal

import numpy as np
import pandas as pd
import pytest

import indexsim.index
from indexsim.basket import Basket
from indexsim.errors import DataError, EventError, ToolError
from indexsim.events import CapStep, Event, ExRights, FactorStep, Replace, SpinOff, Split
from indexsim.index import PriceWeightedIndex
from indexsim.marks import ADD, REPRICE, marks_of
from indexsim.onepass import one_pass

ONE = Fraction(1)
D1, D2, D3 = date(2025, 4, 1), date(2025, 4, 2), date(2025, 4, 3)


def history(
    seed: int, sessions: int = 400, codes: int = 40, events: int = 320
) -> tuple[pd.DataFrame, Basket, list[Event]]:
    """A long history of every kind of event, some on the same day, around the change of the decimals in June 2022."""
    random, numbers = Random(seed), np.random.default_rng(seed)
    days = pd.bdate_range("2021-06-01", periods=sessions)
    names = [f"{1300 + position}" for position in range(codes)]
    prices = np.round(numbers.uniform(1_000, 90_000, (sessions, codes))) / 10
    held = {name: Fraction(random.choice(["1", "0.1", "50/3", "2.4", "15"])) for name in names[: codes // 2]}
    basket, made = Basket(held, days[0].date()), []
    for row in sorted(random.choices(range(1, sessions), k=events)):
        event = _event(random, held, names, days[row].date())
        held = event.change(held)
        made.append(event)
    closes = pd.DataFrame(prices, days, names)
    return closes, basket, made


def _event(random: Random, held: dict[str, Fraction], names: list[str], day: date) -> Event:
    code, ratio = random.choice(list(held)), Fraction(random.choice(["3", "3/2", "11/10", "1/5"]))
    other = random.choice([name for name in names if name not in held])
    small = held[code] < 20 and held[code].denominator < 10_000
    options: list[Event] = [
        Replace({other: Fraction(random.choice(["1", "0.3"]))}, (code,), effective=day),
        FactorStep(code, Fraction(random.randint(1, 40), 10), effective=day),
        CapStep(code, Fraction(random.randint(1, 40), 10), effective=day),
        Split(code, ratio, by="divisor", effective=day),
        ExRights(code, ONE, Fraction(random.randint(2, 9)), Fraction(random.choice(["0", "123.5"])), effective=day),
    ]
    if small:
        options += [Split(code, ratio, effective=day), Split(code, ratio, held[code] * ratio, effective=day)]
        options.append(Split(code, ratio, Fraction(random.randint(1, 40), 10), effective=day))
    if len(held) < len(names) - 5:
        options.append(SpinOff(other, code, ONE, effective=day))
    return random.choice(options)


@pytest.mark.parametrize(("seed", "order"), [(0, "F"), (1, "C"), (2, "F"), (3, "C")])
def test_a_long_history_equals_the_plain_definition(
    seed: int, order: Literal["F", "C"], monkeypatch: pytest.MonkeyPatch
) -> None:
    closes, basket, events = history(seed)
    closes = pd.DataFrame(np.array(closes, order=order), closes.index, closes.columns, copy=False)
    opens = (closes * 1.01).round(1).iloc[3:, ::-1]
    fast = PriceWeightedIndex.build(closes, basket, events, Decimal("27.123"))
    monkeypatch.setattr(indexsim.index, "COMPILED_FROM", 10**9)
    slow = PriceWeightedIndex.build(closes, basket, events, Decimal("27.123"))

    assert type(fast) is not type(slow)
    assert fast.levels().equals(slow.levels())
    assert fast.levels(opens).equals(slow.levels(opens))
    assert fast.ledger == slow.ledger
    assert len(fast.ledger.entries) > 150
    for one, other in zip(fast.regimes, slow.regimes, strict=True):
        assert replace(one, base=dict(one.base)) == replace(other, base=dict(other.base))
    days = closes.index[7], closes.index[-1]
    assert fast.contributions(*days).equals(slow.contributions(*days))


def test_sums_run_over_the_blocks_of_a_frame_cut_out_of_a_longer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """2,497 rows are two blocks and a part of one; the cut leaves gaps in memory between the columns."""
    closes, basket, events = history(4, sessions=2500)
    closes, later = closes.iloc[3:], [event for event in events if event.effective > closes.index[3].date()]
    held = basket
    for event in events[: len(events) - len(later)]:
        held = held.apply(event)
    fast = PriceWeightedIndex.build(closes, held, later, Decimal("27.123"))
    monkeypatch.setattr(indexsim.index, "COMPILED_FROM", 10**9)
    slow = PriceWeightedIndex.build(closes, held, later, Decimal("27.123"))

    assert type(fast) is not type(slow)
    assert fast.levels().equals(slow.levels())
    assert fast.ledger == slow.ledger


def test_marks_are_those_of_the_events_given_and_leave_them_equal() -> None:
    """1.1 new shares for one: the price is divided by it; the same table comes back for the same tuple only."""
    split = (Split("A", Fraction(11, 10), by="divisor", effective=date(1970, 1, 3)),)
    rights = (ExRights("B", ONE, Fraction(10), Fraction(50), effective=date(1970, 1, 2)),)
    first, other = marks_of(split), marks_of(rights)

    assert first.codes == ["A"]
    assert first.numbers.tolist() == [[2, REPRICE, 11, 10, 1, 1]]
    assert other.codes == ["B", "B"]
    assert other.numbers.tolist() == [[1, ADD, 5, 1, 1, 1], [1, REPRICE, 11, 10, 1, 1]]
    assert marks_of(split).numbers.tolist() == first.numbers.tolist()
    assert split[0] == replace(split[0])


def test_what_was_kept_of_one_build_serves_no_other() -> None:
    """Same events, but other sessions, other columns or another basket: twice A is 1,300 yen before the change."""
    days = pd.DatetimeIndex([D1, D2])
    closes = pd.DataFrame({"A": [400.0, 400], "B": [500.0, 500], "D": [1000.0, 1000]}, days)
    events, basket = (Replace({"D": ONE}, ("A",), effective=D2),), Basket({"A": ONE, "B": ONE}, D1)
    late, turned = closes.set_axis(pd.DatetimeIndex([D2, D3])), closes.iloc[:, ::-1]
    twice, same = Basket({"A": 2 * ONE, "B": ONE}, D1), closes.copy(deep=False)

    found = []
    for frame, held in [(same, basket), (turned, basket), (late, basket), (closes, twice)]:
        one_pass(closes, basket, events, Decimal(9))
        chain = one_pass(frame, held, events, Decimal(9))
        assert chain is not None
        found.append((chain.sums.tolist(), chain.steps()))
    step = [(1, Decimal("15.00000000"))]

    assert found[:2] == [([900.0, 1500.0], step)] * 2
    assert found[2] == ([1500.0, 1500.0], [])
    assert found[3] == ([1300.0, 1500.0], [(1, Decimal("10.38461538"))])


def test_names_out_before_others_come_in_leave_lanes_empty_for_a_while() -> None:
    """Nine names at 10 yen; two go, then one, then three come: 90, 70, 60 and 90 yen, always at a level of 10."""
    days = pd.bdate_range("2025-04-01", periods=4)
    codes = [*"ABCDEFGHIJKL"]
    closes = pd.DataFrame(np.full((4, 12), 10.0, order="F"), days, codes, copy=False)
    closes.loc[days[0], ["J", "K", "L"]] = closes.loc[days[3], ["A", "E", "I"]] = np.nan
    d2, d3, d4 = (day.date() for day in days[1:])
    out = [Replace({}, ("A", "I"), effective=d2), Replace({}, ("E",), effective=d3)]
    back = [Replace(dict.fromkeys("JKL", ONE), (), effective=d4)]
    chain = one_pass(closes, Basket(dict.fromkeys("ABCDEFGHI", ONE), D1), [*out, *back], Decimal(9))

    assert chain is not None
    assert chain.sums.tolist() == [90.0, 70.0, 60.0, 90.0]
    assert chain.levels().tolist() == [10.0] * 4
    assert closes.to_numpy().flags.f_contiguous
    assert len(chain.lanes) == 10


def test_an_event_that_does_nothing_is_left_to_the_plain_definition() -> None:
    closes = pd.DataFrame({"A": [1.0, 1.0]}, pd.DatetimeIndex([D1, D2]))

    assert one_pass(closes, Basket({"A": ONE}, D1), [Replace({}, (), effective=D2)], Decimal(1)) is None


def test_absent_prices_of_codes_that_are_not_held_do_not_matter() -> None:
    closes = pd.DataFrame({"A": [400.0, np.nan], "B": [500.0, 500], "D": [1000.0, 1000]}, pd.DatetimeIndex([D1, D2]))
    change = Replace({"D": ONE}, ("A",), effective=D2)
    chain = one_pass(closes, Basket({"A": ONE, "B": ONE}, D1), [change], Decimal(9))

    assert chain is not None
    assert chain.levels().tolist() == [100.0, 100.0]
    assert chain.steps() == [(1, Decimal("15.00000000"))]


def test_a_divisor_on_a_tie_is_decided_exactly() -> None:
    """3 x 6,001 / 6,000 = 3.0005, kept in three decimals: up, where float64 sees 3.00049999..."""
    days = pd.bdate_range("2020-01-06", periods=2)
    closes = pd.DataFrame({"A": [5999.9, 1.0], "B": [0.1, 1.0], "C": [1.1, 1.0]}, days)
    change = Replace({"C": ONE}, ("B",), effective=days[1].date())
    chain = one_pass(closes, Basket({"A": ONE, "B": ONE}, D1), [change], Decimal(3))

    assert chain is not None
    assert chain.steps() == [(1, Decimal("3.001"))]


def test_events_that_cancel_write_no_line_and_a_change_below_the_last_decimal_does() -> None:
    """0.3 yen out and 0.3 in; then 0.1 x 0.001 on 300,000: 2 x (1 + 3.3e-10) is 2.00000000 again, but it is a step."""
    closes = pd.DataFrame({"A": [3e5] * 3, "B": [0.3] * 3, "C": [0.3] * 3}, pd.DatetimeIndex([D1, D2, D3]))
    same = Replace({"C": ONE}, ("B",), effective=D2)
    tiny = FactorStep("C", Fraction(10_003, 10_000), effective=D3)
    chain = one_pass(closes, Basket({"A": ONE, "B": ONE}, D1), [same, tiny], Decimal(2))

    assert chain is not None
    assert chain.steps() == [(2, Decimal("2.00000000"))]


REFUSED: list[tuple[str, list[Event]]] = [
    ("Z is not among", [FactorStep("Z", ONE, effective=D2)]),
    ("N is not among", [Split("N", ONE, effective=D2)]),
    ("B is in already", [Replace({"B": ONE}, ("A",), effective=D2)]),
    ("B is in already", [SpinOff("B", "A", ONE, effective=D2)]),
    ("N is not among", [SpinOff("M", "N", ONE, effective=D2)]),
    ("factors", [FactorStep("A", Fraction(0), effective=D2)]),
    ("no codes", [Replace({}, ("A", "B"), effective=D2)]),
    ("missing-price", [Replace({"M": ONE}, ("A",), effective=D2)]),
    ("missing-price", [Replace({"Y": ONE}, ("A",), effective=D2)]),
]


@pytest.mark.parametrize(("message", "events"), REFUSED)
def test_what_does_not_fit_is_refused_as_the_plain_definition_does(
    message: str, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexsim.index, "COMPILED_FROM", 0)
    prices = {"A": [1.0, 1, 1], "B": [1.0, 1, 1], "N": [1.0, 1, 1], "M": [np.nan, 1, 1]}
    closes = pd.DataFrame(prices, pd.DatetimeIndex([D1, D2, D3]))
    basket = Basket({"A": ONE, "B": ONE}, D1)

    assert one_pass(closes, basket, events, Decimal(1)) is None
    with pytest.raises(ToolError, match=message) as caught:
        PriceWeightedIndex.build(closes, basket, events, Decimal(1))
    assert isinstance(caught.value, DataError if message == "missing-price" else EventError)


def test_a_missing_close_a_long_fraction_and_a_bad_divisor_are_left_to_the_plain_definition() -> None:
    closes = pd.DataFrame({"A": [1.0, np.nan], "B": [1.0, 1]}, pd.DatetimeIndex([D1, D2]))
    basket, long = Basket({"A": ONE, "B": ONE}, D1), FactorStep("B", Fraction(10**12, 10**12 - 1), effective=D2)

    assert one_pass(closes, basket, [], Decimal(1)) is None
    assert one_pass(closes.fillna(1.0), basket, [long], Decimal(1)) is None
    assert one_pass(closes.fillna(1.0), basket, [], Decimal(0)) is None
    assert one_pass(closes.fillna(1.0), basket, [], Decimal(1)) is not None
