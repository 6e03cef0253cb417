"""The divisor: continuity, dated rounding, standard prices, the ledger and its comparison; exact rounding."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from indexsim.divisor import DivisorLedger, standard_prices
from indexsim.errors import DataError
from indexsim.events import Event, ExRights, FactorStep, SpinOff, Split
from indexsim.rounding import exact_price, half_up, half_up_quotient

DAY = date(2025, 4, 1)
THREE = date(2022, 5, 31)
EIGHT = date(2022, 6, 1)


def ledger(divisor: str) -> DivisorLedger:
    return DivisorLedger.start(date(2016, 1, 4), Decimal(divisor))


@pytest.mark.parametrize(
    ("session", "old", "new", "expected"),
    [
        (THREE, 1800, 1801, "3.002"),  # 3 x 1801 / 1800 = 3.00166666...
        (EIGHT, 1800, 1801, "3.00166667"),
        (THREE, 6000, 6001, "3.001"),  # 3.0005: a tie goes up, to even it would be 3.000
        (THREE, 6000, 6003, "3.002"),  # 3.0015
        (EIGHT, 6000, 6001, "3.00050000"),
    ],
)
def test_decimals_are_dated_and_ties_go_up(session: date, old: int, new: int, expected: str) -> None:
    after = ledger("3").step(session, Fraction(old), Fraction(new), "x")

    assert str(after.current) == expected


def test_the_ledger_only_grows() -> None:
    start = ledger("3")
    after = start.step(THREE, Fraction(1800), Fraction(2400), "A out, D in")

    assert len(start.entries) == 1
    assert [(e.session, e.before, e.after, e.event) for e in after.entries] == [
        (date(2016, 1, 4), None, Decimal(3), "start"),
        (THREE, Decimal(3), Decimal(4), "A out, D in"),
    ]


def test_what_does_not_move_the_divisor_writes_no_line() -> None:
    start = ledger("27.769")

    assert start.step(DAY, Fraction(1800), Fraction(1800), "split") is start


def test_the_divisor_of_a_day_is_the_latest_until_then() -> None:
    after = ledger("3").step(THREE, Fraction(1800), Fraction(2400), "x")

    assert [after.on(day) for day in (date(2015, 1, 1), date(2022, 5, 30), THREE, DAY)] == [3, 3, 4, 4]


@pytest.mark.parametrize("divisor", ["0", "-1", "NaN", "Infinity"])
def test_a_divisor_that_is_not_positive_is_refused(divisor: str) -> None:
    with pytest.raises(DataError) as caught:
        ledger(divisor)

    assert [(f.file, f.row, f.rule) for f in caught.value.findings] == [
        ("divisors.csv", "2016-01-04", "divisor-positive")
    ]


def test_a_divisor_that_rounds_to_zero_is_refused() -> None:
    with pytest.raises(DataError, match="divisor-positive"):
        ledger("0.001").step(THREE, Fraction(1000), Fraction(1), "x")


def test_published_divisors_are_compared_from_the_start_to_the_last_session() -> None:
    after = ledger("3").step(THREE, Fraction(1800), Fraction(2400), "x")
    published = [
        (date(2015, 1, 1), Decimal("9"), "before the start"),
        (date(2016, 1, 4), Decimal("3.000"), "start"),
        (THREE, Decimal("4.001"), "by hand"),
        (DAY, Decimal("5"), "after the last session"),
    ]

    (finding,) = after.compare(published, last=date(2022, 6, 30))
    assert (finding.row, finding.rule, finding.severity) == ("2022-05-31", "divisor-differs", "warning")
    assert "4.001" in finding.found
    assert len(after.compare(published)) == 2


@pytest.mark.parametrize(
    ("event", "price"),
    [
        (Split("A", Fraction(3), effective=DAY), Fraction(300)),
        (Split("A", Fraction(1, 5), effective=DAY), Fraction(4500)),
        (Split("A", Fraction(9, 8), by="divisor", effective=DAY), Fraction(800)),
        (ExRights("A", Fraction(1), Fraction(2), Fraction(300), effective=DAY), Fraction(700)),  # (900 + 150) / 1.5
        (ExRights("A", Fraction(1), Fraction(5), Fraction(0), effective=DAY), Fraction(750)),  # free: 900 / 1.2
        (FactorStep("A", Fraction(3), effective=DAY), Fraction(900)),
        (SpinOff("B", "A", Fraction(3), effective=DAY), Fraction(900)),
    ],
)
def test_standard_prices_by_hand(event: Event, price: Fraction) -> None:
    closes = {"A": Fraction(900)}

    assert standard_prices(closes, [event])["A"] == price
    assert closes == {"A": Fraction(900)}


def test_a_price_is_the_decimal_it_was_written_as() -> None:
    assert exact_price(np.float64(881.8)) == Fraction(8818, 10)


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        ("12345.67890", 2, "12345.68"),
        ("0.125", 2, "0.13"),
        ("0.135", 2, "0.14"),
        ("-0.125", 2, "-0.13"),
        ("0.1249999999999999999999999999999999999", 2, "0.12"),
        ("7", 0, "7"),
    ],
)
def test_half_up(value: str, decimals: int, expected: str) -> None:
    assert half_up(Fraction(value), decimals) == Decimal(expected)


def test_a_long_array_is_decided_exactly_where_float64_cannot() -> None:
    exact = [Fraction(text) for text in ("1.005", "2.675", "1.00499", "38062.925", "123456.785", "0.005")]
    expected = [1.01, 2.68, 1.0, 38062.93, 123456.79, 0.01]
    found = half_up_quotient(np.array([float(value) for value in exact]), Decimal(1), 2, exact.__getitem__)

    assert found.tolist() == expected


def test_only_rows_next_to_a_tie_are_asked_for_and_nan_stays() -> None:
    asked: list[int] = []

    def exact(row: int) -> Fraction:
        asked.append(row)
        return Fraction("1.005")

    found = half_up_quotient(np.array([1.002, 1.005, np.nan, 1.0049]), Decimal(1), 2, exact)

    assert asked == [1]
    assert found[[0, 1, 3]].tolist() == [1.0, 1.01, 1.0]
    assert np.isnan(found[2])
