"""A suspended stock carries its standard price, on the declared days and no others."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from indexsim.basket import Basket
from indexsim.errors import DataError, SpecError
from indexsim.events import ExRights, Split
from indexsim.index import PriceWeightedIndex
from indexsim.suspension import carry

#: Thursday to Thursday, with a weekend between.
DAYS = pd.DatetimeIndex(["2025-09-25", "2025-09-26", "2025-09-29", "2025-09-30", "2025-10-01", "2025-10-02"])
THU, FRI, MON, TUE, WED = (day.date() for day in DAYS[:5])
NAN = float("nan")


def table(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame(columns, index=DAYS, dtype="float64")


def test_only_the_declared_days_of_the_declared_code_are_filled() -> None:
    closes = table(A=[300, NAN, NAN, 310, NAN, 320], B=[500, NAN, 510, 520, 530, 540])
    found = carry(closes, {"A": [(FRI, MON)]})

    np.testing.assert_array_equal(found["A"], [300, 300, 300, 310, NAN, 320])
    np.testing.assert_array_equal(found["B"], [500, NAN, 510, 520, 530, 540])


def test_the_closes_given_stay_as_they_are() -> None:
    closes = table(A=[300, NAN, 305, 310, 315, 320])
    before = closes.copy()
    carry(closes, {"A": [(FRI, FRI)]})

    pd.testing.assert_frame_equal(closes, before)


def test_a_span_may_begin_and_end_on_days_without_trading() -> None:
    closes = table(A=[300, 305, NAN, 310, NAN, 320])
    weekend, holiday = (date(2025, 9, 27), MON), (date(2024, 1, 1), date(2024, 1, 3))
    found = carry(closes, {"A": [weekend, holiday, (WED, WED)]})

    assert found["A"].tolist() == [300, 305, 305, 310, 310, 320]


def test_a_split_within_the_span_puts_the_price_on_the_new_basis() -> None:
    """300 at three for one is 100; the split of another code is not its own."""
    closes = table(A=[300, NAN, NAN, NAN, 110, 111], B=[1, 1, 1, 1, 1, 1])
    events = [Split("A", Fraction(3), effective=MON), Split("B", Fraction(2), effective=FRI)]
    found = carry(closes, {"A": [(FRI, TUE)]}, events)

    assert found["A"].tolist() == [300, 300, 100, 100, 110, 111]


def test_an_ex_date_on_a_day_without_trading_acts_on_the_next_session() -> None:
    closes = table(A=[300, 300, NAN, 100, 100, 100])
    found = carry(closes, {"A": [(MON, MON)]}, [Split("A", Fraction(3), effective=date(2025, 9, 28))])

    assert found["A"].tolist() == [300, 300, 100, 100, 100, 100]


def test_the_standard_price_on_an_ex_rights_date_is_the_theoretical_one() -> None:
    """One new share per two at 400 yen: (1000 + 200) / 1.5 = 800."""
    rights = ExRights("A", Fraction(1), Fraction(2), Fraction(400), effective=FRI)
    found = carry(table(A=[1000, NAN, 810, 810, 810, 810]), {"A": [(FRI, FRI)]}, [rights])

    assert found["A"].tolist()[:3] == [1000, 800, 810]


def test_a_declared_day_with_a_price_is_a_contradiction() -> None:
    closes = table(A=[300, NAN, 305, 310, 315, 320], B=[NAN, NAN, 1, 1, 1, 1])
    with pytest.raises(DataError) as caught:
        carry(closes, {"A": [(FRI, MON)], "B": [(FRI, FRI)]})

    assert [(f.row, f.column, f.rule) for f in caught.value.findings] == [
        ("2025-09-29", "A", "suspended-with-price"),
        ("2025-09-26", "B", "standard-price"),
    ]
    assert "305 yen" in caught.value.found


def test_the_first_session_has_nothing_to_carry() -> None:
    with pytest.raises(DataError, match="without a close on the session before"):
        carry(table(A=[NAN, NAN, 305, 310, 315, 320]), {"A": [(THU, FRI)]})


def test_a_code_that_is_not_there_and_a_span_backwards_are_refused() -> None:
    closes = table(A=[300, NAN, 305, 310, 315, 320])
    with pytest.raises(SpecError, match="no such code"):
        carry(closes, {"B": [(FRI, FRI)]})
    with pytest.raises(SpecError, match="last day is before the first"):
        carry(closes, {"A": [(MON, FRI)]})


def test_the_index_stops_without_the_declaration_and_holds_the_price_with_it() -> None:
    """Friday: (300 + 2 x 600) / 3 = 500 with the carried 300."""
    closes = table(A=[300, NAN, 330, 330, 330, 330], B=[600, 600, 600, 600, 600, 600])
    basket = Basket({"A": Fraction(1), "B": Fraction(2)}, THU)
    with pytest.raises(DataError, match="missing-price"):
        PriceWeightedIndex.build(closes, basket, [], Decimal(3))
    index = PriceWeightedIndex.build(carry(closes, {"A": [(FRI, FRI)]}), basket, [], Decimal(3))

    assert index.levels().tolist() == [500.0, 500.0, 510.0, 510.0, 510.0, 510.0]
