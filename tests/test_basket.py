"""Baskets: the one before an event stays, and an event that does not fit is refused."""

from __future__ import annotations

import pickle
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexsim.basket import Basket
from indexsim.errors import EventError
from indexsim.events import CapStep, Event, ExRights, FactorStep, Replace, SpinOff, Split

DAY = date(2025, 4, 1)
ONE = Fraction(1)
BASKET = Basket({"6758": Fraction(5), "7762": ONE, "9983": Fraction(27, 10)}, date(2025, 1, 6))


@pytest.mark.parametrize(
    ("event", "after"),
    [
        (Replace({"3697": ONE}, ("7762",), effective=DAY), {"6758": "5", "9983": "2.7", "3697": "1"}),
        (Replace({}, ("7762",), effective=DAY), {"6758": "5", "9983": "2.7"}),
        (FactorStep("7762", Fraction(1, 2), effective=DAY), {"6758": "5", "7762": "0.5", "9983": "2.7"}),
        (CapStep("9983", Fraction("2.4"), effective=DAY), {"6758": "5", "7762": "1", "9983": "2.4"}),
        (Split("7762", Fraction(3), effective=DAY), {"6758": "5", "7762": "3", "9983": "2.7"}),
        (Split("7762", Fraction(1, 5), Fraction("0.2"), effective=DAY), {"6758": "5", "7762": "0.2", "9983": "2.7"}),
        (Split("7762", Fraction("1.1"), by="divisor", effective=DAY), {"6758": "5", "7762": "1", "9983": "2.7"}),
        (ExRights("7762", ONE, ONE, ONE, effective=DAY), {"6758": "5", "7762": "1", "9983": "2.7"}),
        (SpinOff("8729", "6758", Fraction(5), effective=DAY), {"6758": "5", "7762": "1", "9983": "2.7", "8729": "5"}),
    ],
)
def test_each_event_gives_the_next_basket(event: Event, after: dict[str, str]) -> None:
    result = BASKET.apply(event)

    assert {code: Fraction(text) for code, text in after.items()} == dict(result.factors)
    assert result.since == DAY


def test_the_basket_before_still_exists_and_cannot_be_changed() -> None:
    BASKET.apply(Replace({}, ("7762", "9983"), effective=DAY))

    assert BASKET.codes == ("6758", "7762", "9983")
    with pytest.raises(TypeError):
        BASKET.factors["7762"] = ONE  # type: ignore[index]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Replace({}, ("1234",), effective=DAY), "1234 is not among the 3 codes"),
        (Replace({"7762": ONE}, effective=DAY), "7762 is in already"),
        (Replace({}, ("6758", "7762", "9983"), effective=DAY), "no codes"),
        (FactorStep("1234", ONE, effective=DAY), "1234 is not among the 3 codes"),
        (CapStep("9983", Fraction(0), effective=DAY), "'9983': '0'"),
        (Split("1234", ONE, effective=DAY), "1234 is not among the 3 codes"),
        (ExRights("1234", ONE, ONE, ONE, effective=DAY), "1234 is not among the 3 codes"),
        (SpinOff("8729", "1234", ONE, effective=DAY), "1234 is not among the 3 codes"),
        (SpinOff("7762", "6758", ONE, effective=DAY), "7762 is in already"),
    ],
)
def test_an_event_that_does_not_fit_is_refused_with_its_values(event: Event, words: str) -> None:
    with pytest.raises(EventError, match="2025-04-01") as caught:
        BASKET.apply(event)

    assert words in caught.value.found


def test_a_spin_off_makes_226_names_and_its_removal_225_again() -> None:
    basket = Basket({f"{1000 + i}": ONE for i in range(225)}, date(2025, 9, 1))
    inside = basket.apply(SpinOff("8729", "1000", Fraction(5), effective=date(2025, 9, 29)))
    outside = inside.apply(Replace({}, ("8729",), effective=date(2025, 9, 30)))

    assert (len(basket), len(inside), len(outside)) == (225, 226, 225)


def test_a_basket_travels_to_another_process() -> None:
    copy = pickle.loads(pickle.dumps(BASKET))

    assert copy == BASKET
    assert hash(copy) == hash(BASKET)


@settings(derandomize=True, max_examples=50, deadline=None)
@given(ratio=st.fractions(min_value=Fraction(1, 10), max_value=10), data=st.data())
def test_an_event_and_its_inverse_restore_the_factors(ratio: Fraction, data: st.DataObject) -> None:
    factors = data.draw(st.dictionaries(st.text("123A", min_size=4, max_size=4), st.fractions(1, 50), min_size=2))
    before = Basket(factors, DAY)
    code, other = list(factors)[:2]
    there_and_back: list[tuple[Event, Event]] = [
        (Split(code, ratio, effective=DAY), Split(code, 1 / ratio, effective=DAY)),
        (FactorStep(code, ratio, effective=DAY), FactorStep(code, factors[code], effective=DAY)),
        (Replace({"0000": ratio}, (), effective=DAY), Replace({}, ("0000",), effective=DAY)),
        (Replace({}, (other,), effective=DAY), Replace({other: factors[other]}, (), effective=DAY)),
    ]
    for event, inverse in there_and_back:
        after = before.apply(event).apply(inverse)

        assert dict(after.factors) == dict(before.factors)
