"""The weight cap: dated thresholds, one step a review, release, and the algebra of a step."""

from __future__ import annotations

import csv
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexsim.basket import Basket
from indexsim.capping import (
    cap_decision,
    cap_effect,
    cap_ratio_after,
    cap_test,
    capping_ratios,
    published_ratios,
    published_steps,
)
from indexsim.errors import SpecError
from indexsim.events import CapStep, FactorStep, Replace, Split

OCT_2024, APR_2025, APR_2026 = date(2024, 10, 1), date(2025, 4, 1), date(2026, 4, 1)
F = Fraction

#: Weight and ratio on a base date, effective date, ratio afterwards; the first five are cases that happened.
CASES = [
    ("0.1045", "1", OCT_2024, "0.9"),
    ("0.114", "0.9", APR_2025, "0.8"),
    ("0.127903", "1", APR_2026, "0.9"),
    ("0.091513", "0.8", date(2025, 10, 1), "0.8"),
    ("0.088462", "0.8", APR_2026, "0.8"),
    ("0.1045", "1", date(2024, 9, 30), "1"),
    ("0.115", "1", date(2023, 4, 3), "1"),
    ("0.115", "1", date(2023, 10, 2), "0.9"),
    ("0.121", "1", date(2022, 10, 3), "0.9"),
    ("0.2", "1", date(2021, 10, 1), "1"),
    ("0.1", "1", APR_2025, "1"),
    ("0.3", "0.9", APR_2025, "0.8"),
    ("0.5", "0.1", APR_2025, "0.1"),
    ("0.0499", "0.8", APR_2025, "0.9"),
    ("0.05", "0.8", APR_2025, "0.8"),
    ("0.01", "1", APR_2025, "1"),
]


@pytest.mark.parametrize(("weight", "ratio", "effective", "after"), CASES)
def test_a_weight_moves_the_ratio_by_the_threshold_of_the_effective_date(
    weight: str, ratio: str, effective: date, after: str
) -> None:
    assert cap_ratio_after(F(weight), F(ratio), effective) == F(after)
    assert cap_ratio_after(float(weight), float(ratio), effective) == F(after)


def test_release_and_threshold_are_parameters() -> None:
    assert cap_ratio_after(0.088462, 0.8, APR_2026, cap_release_weight=0.09) == F(9, 10)
    assert cap_ratio_after(0.06, 1, APR_2026, threshold=0.05) == F(9, 10)


def test_the_release_warns_because_its_weight_is_not_published() -> None:
    released, stepped = cap_decision(0.04, 0.9, APR_2025), cap_decision(0.2, 0.9, APR_2025)

    assert "5 % is not published" in released.warning
    assert released.reason == "weight 4 % below the release weight of 5 %"
    assert (stepped.warning, stepped.reason) == ("", "weight 20 % above the threshold of 10 %")


# GT8: sum, new weight in %, trade in % of the assets.
@pytest.mark.parametrize(
    ("weight", "before", "after", "sum_ratio", "new_weight", "trade"),
    [
        (0.1045, 1.0, 0.9, 0.98955, 9.504, 0.946),
        (0.114, 0.9, 0.8, 0.987333, 10.263, 1.137),
        (0.127903, 1.0, 0.9, 0.98721, 11.660, 1.130),
    ],
)
def test_the_algebra_of_a_step(
    weight: float, before: float, after: float, sum_ratio: float, new_weight: float, trade: float
) -> None:
    effect = cap_effect(weight, before, after)

    assert float(effect.sum_ratio) == pytest.approx(sum_ratio, abs=5e-6)
    assert float(100 * effect.weight) == pytest.approx(new_weight, abs=5e-4)
    assert float(100 * effect.trade) == pytest.approx(trade, abs=5e-4)


@given(
    st.lists(st.integers(1, 10**6), min_size=2, max_size=6),
    st.integers(1, 10).map(lambda n: F(n, 10)),
    st.integers(1, 10).map(lambda n: F(n, 10)),
)
@settings(derandomize=True, max_examples=100, deadline=None)
def test_the_algebra_is_what_the_prices_say(values: list[int], before: Fraction, after: Fraction) -> None:
    total = sum(values)
    stepped = values[0] * after / before
    new_total = total - values[0] + stepped
    effect = cap_effect(F(values[0], total), before, after)

    assert effect.sum_ratio == new_total / total
    assert effect.weight == stepped / new_total


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 10))
@settings(derandomize=True, max_examples=200, deadline=None)
def test_one_step_at_most_and_a_larger_weight_never_a_larger_ratio(one: int, other: int, tenths: int) -> None:
    low, high = sorted((F(one, 1000), F(other, 1000)))
    ratio = F(tenths, 10)
    at_low, at_high = (cap_ratio_after(weight, ratio, APR_2025) for weight in (low, high))

    assert at_high <= at_low
    assert max(abs(at_low - ratio), abs(at_high - ratio)) <= F(1, 10)
    assert F(1, 10) <= at_high <= at_low <= 1


@pytest.mark.parametrize(("weight", "ratio"), [(10.45, 1.0), (-0.1, 1.0), (0.1, 0.0), (0.1, 0.85), (float("nan"), 1.0)])
def test_a_weight_in_percent_or_a_ratio_that_is_no_tenth_is_refused(weight: float, ratio: float) -> None:
    with pytest.raises(SpecError, match=r"10 % is 0\.1"):
        cap_ratio_after(weight, ratio, APR_2025)


def test_ratios_are_read_from_the_cap_steps_alone() -> None:
    basket = Basket({"9983": F(1), "6857": F(8), "4000": F(1, 2)}, date(2023, 1, 4))
    events = [
        Split("9983", F(3), effective=date(2023, 2, 27)),
        FactorStep("4000", F(1), effective=date(2023, 4, 3)),
        CapStep("9983", F("2.7"), effective=OCT_2024),
        CapStep("9983", F("2.4"), effective=APR_2025),
        CapStep("6857", F("7.2"), effective=APR_2026),
        Replace({"4062": F(1)}, ("6857",), effective=date(2026, 5, 1)),
    ]

    assert capping_ratios(basket, events[:3]) == {"9983": F(9, 10)}
    assert capping_ratios(basket, events[:5]) == {"9983": F(8, 10), "6857": F(9, 10)}
    assert capping_ratios(basket, events) == {"9983": F(8, 10)}
    assert capping_ratios(basket, events[:3], {"9983": F(9, 10)}) == {"9983": F(81, 100)}


@pytest.mark.parametrize(
    ("day", "ratios"),
    [
        (date(2024, 9, 30), {}),
        (date(2024, 10, 1), {"9983": "0.9"}),
        (date(2025, 3, 31), {"9983": "0.9"}),
        (date(2025, 7, 3), {"9983": "0.8"}),
        (date(2026, 4, 1), {"9983": "0.8", "6857": "0.9"}),
        (date(2026, 10, 1), {"9983": "0.8", "6857": "0.8"}),
    ],
)
def test_the_published_factors_of_a_day_contain_the_caps_announced_before(day: date, ratios: dict[str, str]) -> None:
    expected = {code: F(ratio) for code, ratio in ratios.items()}

    assert published_ratios(day, ["4000", "6857", "9983"]) == expected
    assert published_ratios(day, ["9983"]) == {code: ratio for code, ratio in expected.items() if code == "9983"}
    assert published_ratios(day, []) == {}


def test_a_known_cap_step_counts_whatever_the_file_calls_it() -> None:
    basket = Basket({"9983": F(3)}, date(2024, 1, 4))
    cap, other = ("2.7", OCT_2024), ("5.4", date(2025, 1, 6))
    events = [FactorStep("9983", F(factor), effective=day) for factor, day in (cap, other)]

    assert capping_ratios(basket, events, cap_steps=published_steps()) == {"9983": F(9, 10)}
    assert capping_ratios(basket, events) == {}


def test_only_names_that_move_are_returned() -> None:
    weights = {"9983": F("0.114"), "6857": F("0.099"), "8035": F("0.04"), "9984": F("0.12")}
    moved = cap_test(weights, {"9983": F(9, 10), "8035": F(9, 10)}, APR_2025)

    assert {code: decision.after for code, decision in moved.items()} == {
        "9983": F(8, 10),
        "8035": F(1),
        "9984": F(9, 10),
    }


@pytest.mark.real
def test_the_published_weights_of_2025_07_31_yield_no_step(real: Path) -> None:
    path = real / "official_formats" / "nikkei_stock_average_weight_en_20250731.csv"
    with path.open(encoding="cp932", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["Weight"]]
    weights = {row["Code"]: F(row["Weight"].rstrip("%")) / 100 for row in rows}

    assert len(weights) == 225
    assert weights["9983"] == F("0.091513")
    assert cap_test(weights, {"9983": F(8, 10)}, date(2025, 10, 1)) == {}
