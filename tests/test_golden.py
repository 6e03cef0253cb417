"""Golden cases: numbers that others published and the index must reproduce, each with its id in the rules."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest

from indexsim.basket import Basket
from indexsim.events import CapStep, Event, Replace, Split
from indexsim.facts import index_events
from indexsim.index import DIVISOR_ROUNDING, PriceWeightedIndex
from tests.test_index import window

ONE = Fraction(1)
#: All names but those of the case, as one.
REST = "rest"


def build(
    prices: Mapping[str, Sequence[float]],
    factors: Mapping[str, str],
    divisor: str,
    days: Sequence[str],
    events: Sequence[Event] = (),
) -> PriceWeightedIndex:
    """Build an index of the codes that have a factor."""
    closes = pd.DataFrame(prices, index=pd.DatetimeIndex(days), dtype="float64")
    basket = Basket({code: Fraction(text) for code, text in factors.items()}, date.fromisoformat(days[0]))
    return PriceWeightedIndex.build(closes, basket, events, Decimal(divisor))


def divisors(index: PriceWeightedIndex) -> list[str]:
    return [str(entry.after) for entry in index.ledger.entries]


def table(path: Path) -> list[dict[str, str]]:
    # The last line of a publisher's file is a notice, in no particular encoding.
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return [row for row in csv.DictReader(file) if None not in row.values()]


# Levels and divisors


def test_the_teaching_example_of_the_publisher() -> None:
    """GT1: D (1,000 yen) replaces A (400): the level stays 600 while the divisor goes from 3 to 4."""
    prices = {"A": [400, 400], "B": [500, 500], "C": [900, 900], "D": [1000, 1000]}
    change = Replace({"D": ONE}, ("A",), effective=date(2025, 4, 2))
    index = build(prices, dict.fromkeys("ABC", "1"), "3", ["2025-04-01", "2025-04-02"], [change])

    assert index.levels().tolist() == [600.0, 600.0]
    assert divisors(index) == ["3", "4.00000000"]
    assert index.ledger.entries[1].event == "A out, D in (1)"


def test_an_outage_day_moves_by_divisor_rounding_alone() -> None:
    """GT3: 646,163.86 / 27.870 = 23,184.93 after 23,185.12; the sums are published, their split into names is not.

    The sum before follows from the level and 27.859: 645,914.26 within 0.14.
    """
    prices = {REST: [644978.26] * 2, "4272": [936.0] * 2, "9434": [1185.6] * 2}
    change = Replace({"9434": ONE}, ("4272",), effective=date(2020, 10, 1))
    days = ["2020-09-30", "2020-10-01"]
    index = build(prices, {REST: "1", "4272": "1"}, "27.859", days, [change])
    points = index.contributions(*days)

    assert divisors(index) == ["27.859", "27.870"]
    assert index.levels().tolist() == [23185.12, 23184.93]
    assert points[DIVISOR_ROUNDING] == pytest.approx(-0.19, abs=0.01)
    assert points.drop(DIVISOR_ROUNDING).eq(0).all()


#: The exchange of 2025-07-04: sums of price x factor on the closes of 2025-07-03, yen.
SUM_NEW, SUM_OLD = Decimal("1178320.69"), Decimal("1196132.19")


def test_a_divisor_of_eight_decimals_leads_to_the_next() -> None:
    """GT10: 9613 (3,931 yen, factor 5) leaves for 6963 (1,843.5 yen, factor 1)."""
    prices = {REST: [float(SUM_NEW) - 1843.5] * 2, "9613": [3931.0] * 2, "6963": [1843.5] * 2}
    change = Replace({"6963": ONE}, ("9613",), effective=date(2025, 7, 4))
    days = ["2025-07-03", "2025-07-04"]
    index = build(prices, {REST: "1", "9613": "5"}, "30.06422294", days, [change])

    assert SUM_NEW - Decimal("1843.5") + 5 * Decimal("3931") == SUM_OLD
    assert divisors(index) == ["30.06422294", "29.61653922"]
    assert index.levels().tolist() == [39785.90, 39785.90]
    assert "9613" in index.regime("2025-07-03").basket


@pytest.mark.real
def test_the_real_closes_lead_to_the_same_divisor(real: Path) -> None:
    """GT10 from 225 closes: the window's first basket is the new one."""
    index, published = window(real / "window_2025")
    closes, basket = index.closes.iloc[0], index.regimes[0].basket
    after = sum((Fraction(str(closes[code])) * factor for code, factor in basket.factors.items()), Fraction(0))
    frame = pd.DataFrame(
        [{**closes[list(basket.codes)], "9613": 3931.0}] * 2, pd.DatetimeIndex(["2025-07-03", "2025-07-04"])
    )
    old = Basket({**{c: f for c, f in basket.factors.items() if c != "6963"}, "9613": Fraction(5)}, date(2025, 7, 3))
    change = Replace({"6963": ONE}, ("9613",), effective=date(2025, 7, 4))
    rebuilt = PriceWeightedIndex.build(frame, old, [change], Decimal("30.06422294"))

    assert after == Fraction(SUM_NEW)
    assert rebuilt.levels().tolist() == [published.iloc[0]] * 2 == [39785.90] * 2
    assert divisors(rebuilt) == ["30.06422294", "29.61653922"]


# Weights

#: 2026-01-30 at a level of 53,322.85: code, yen, factor, weight in percent.
WEIGHTS = """
6857 25505 8   12.7903 | 9983 58800 2.4 8.8462 | 8035 41310 3  7.7686 | 9984 4253  24 6.3984 | 6954 6269  5  1.9649
6762 1981  15  1.8627  | 4519 8801  3   1.6551 | 4063 5129  5  1.6076 | 6098 8100  3  1.5233 | 9766 22470 1  1.4085
5803 19570 1   1.2268  | 6367 18585 1   1.1650 | 6971 2308  8  1.1574 | 7203 3504  5  1.0982 | 6758 3454  5  1.0826
6988 3426  5   1.0738  | 8015 5606  3   1.0542 | 4062 8229  2  1.0317 | 6920 36390 .4 0.9124 | 6146 66190 .2 0.8298
7741 25870 .5  0.8108  | 8058 4097  3   0.7705
"""
#: The same on 2025-12-30 at 50,339.48.
WEIGHTS_BEFORE = "6857 19635 8 10.4302 | 9983 56940 2.4 9.0740 | 8035 34320 3 6.8366 | 9984 4400 24 7.0119"


def cross_section(text: str) -> dict[str, tuple[str, str, str]]:
    found = (cell.split() for cell in text.replace("\n", "|").split("|") if cell.strip())
    return {code: (yen, factor, weight) for code, yen, factor, weight in found}


@pytest.mark.parametrize(
    ("text", "names", "level", "total"),
    [(WEIGHTS, 22, 53322.85, "1595267.7"), (WEIGHTS_BEFORE, 4, 50339.48, "1506013.8")],
)
def test_a_published_cross_section(text: str, names: int, level: float, total: str) -> None:
    """GT2: the divisor within its range times the level is the sum; with it every weight agrees."""
    cases = cross_section(text)
    held = {code: (Decimal(yen), Decimal(factor)) for code, (yen, factor, _) in cases.items()}
    rest = Decimal(total) - sum(yen * factor for yen, factor in held.values())
    prices = {REST: [float(rest)], **{code: [float(yen)] for code, (yen, _) in held.items()}}
    factors = {REST: "1", **{code: str(factor) for code, (_, factor) in held.items()}}
    index = build(prices, factors, "29.91715", ["2026-01-30"])
    weights = index.weights("2026-01-30").drop(REST)

    assert len(cases) == names
    assert index.levels().tolist() == [level]
    assert {code: f"{100 * weight:.4f}" for code, weight in weights.items()} == {c: w for c, (_, _, w) in cases.items()}


@pytest.mark.parametrize(
    ("text", "level", "low", "high"),
    [(WEIGHTS, "53322.85", "29.91710", "29.91720"), (WEIGHTS_BEFORE, "50339.48", "29.91705", "29.91725")],
)
def test_weights_fix_the_divisor(text: str, level: str, low: str, high: str) -> None:
    """GT2: a weight holds to half its last digit, so each of the four heaviest names leaves a range of sums."""
    cases, half = cross_section(text), Decimal("0.00005")
    ranges = []
    for code in ("6857", "9983", "8035", "9984"):
        yen, factor, weight = map(Decimal, cases[code])
        ranges.append((100 * yen * factor / (weight + half), 100 * yen * factor / (weight - half)))
    least, most = max(range_[0] for range_ in ranges), min(range_[1] for range_ in ranges)

    assert f"{least / Decimal(level):.5f}" == low
    assert f"{most / Decimal(level):.5f}" == high


@pytest.mark.real
def test_weights_equal_the_official_list(real: Path) -> None:
    """All 225 names of 2025-07-31, at the four decimals of the list."""
    index, _ = window(real / "window_2025")
    listed = table(real / "official_formats" / "nikkei_stock_average_weight_en_20250731.csv")
    official = {row["Code"]: row["Weight"] for row in listed}
    weights = index.weights("2025-07-31")

    assert len(official) == 225
    assert {code: f"{100 * weight:.4f}%" for code, weight in weights.items()} == official


# Contributions


@pytest.mark.parametrize(
    ("when", "divisor", "cases"),
    [
        (
            "2024-08-20",
            "30.5895",
            "9983 1550 3 152.01 | 9984 253 6 49.62 | 6857 136 8 35.57 | 8035 350 3 34.33 |"
            "9735 558 1 18.24 | 2413 104 2.4 8.16 | 6920 655 .4 8.57 | 6273 1730 .1 5.66",
        ),
        (
            "2026-02-04",
            "29.917",
            "6857 -555 8 -148.41 | 8035 -860 3 -86.24 | 6098 -843 3 -84.53 | 4062 -1191 2 -79.62 | 9984 -93 24 -74.61",
        ),
    ],
)
def test_contributions_reproduce_published_points(when: str, divisor: str, cases: str) -> None:
    """GT4 and GT5: yen x factor / divisor, each to the published 0.01."""
    expected = cross_section(cases)
    prices = {code: [90000.0, 90000.0 + float(yen)] for code, (yen, _, _) in expected.items()}
    before = (pd.Timestamp(when) - pd.offsets.BDay()).strftime("%Y-%m-%d")
    index = build(prices, {code: factor for code, (_, factor, _) in expected.items()}, divisor, [before, when])
    points = index.contributions(before, when)

    assert {code: f"{value:.2f}" for code, value in points.items()} == {c: p for c, (_, _, p) in expected.items()}


@pytest.mark.parametrize(
    ("when", "code", "yen", "factor", "divisor", "points", "within"),
    [
        ("2026-09-14", "6857", -640, "7.2", "29.83", -154.47, 0.01),
        ("2026-09-24", "4062", 2850, "2", "29.83", 191.08, 0.005),
        ("2026-10-01", "6857", 3350, "6.4", "29.70", 722, 0.5),
        ("2026-10-02", "4062", 105, "4", "29.70", 14.16, 0.03),
    ],
)
def test_contributions_after_the_last_changes(
    when: str, code: str, yen: int, factor: str, divisor: str, points: float, within: float
) -> None:
    """GT6: the factors of these days are known, the divisors only to about two decimals.

    The factor is the one in force by the table of events: the cap of 2026-10-01 and the split of 2026-09-29
    would otherwise give 812 and 7 points.
    """
    day = date.fromisoformat(when)
    in_force = [e.factor_after for e in index_events() if e.code == code and e.effective <= day][-1]
    before = (pd.Timestamp(when) - pd.offsets.BDay()).strftime("%Y-%m-%d")
    index = build({code: [30000, 30000 + yen]}, {code: str(in_force)}, divisor, [before, when])

    assert in_force == Fraction(factor)
    assert index.contributions(before, when)[code] == pytest.approx(points, abs=within)


# Events


@pytest.mark.parametrize(
    ("code", "ex_date", "cum", "before", "ratio", "after"),
    [
        ("9983", "2023-02-27", 83520, "1", 3, "3"),
        ("9432", "2023-06-29", 4300, "0.4", 25, "10"),
        ("9984", "2025-12-29", 17600, "6", 4, "24"),
    ],
)
def test_a_split_by_factor_leaves_level_weight_and_divisor(
    code: str, ex_date: str, cum: float, before: str, ratio: int, after: str
) -> None:
    """GT7: at the base price nothing but the factor moves."""
    day = date.fromisoformat(ex_date)
    last = (pd.Timestamp(day) - pd.offsets.BDay()).strftime("%Y-%m-%d")
    split = Split(code, Fraction(ratio), effective=day)
    prices = {code: [cum, cum / ratio], REST: [800000.0] * 2}
    index = build(prices, {code: before, REST: "1"}, "29.5", [last, ex_date], [split])
    levels, first, second = index.levels(), index.weights(last), index.weights(ex_date)

    assert index.regime(ex_date).basket.factors[code] == Fraction(after)
    assert levels.iloc[0] == levels.iloc[1]
    assert first[code] == pytest.approx(second[code], rel=1e-12)
    assert divisors(index) == ["29.5"]


@pytest.mark.parametrize(
    ("weight", "q", "sum_ratio", "after", "trade"),
    [
        ("0.1045", Fraction(9, 10), "0.98955", 9.504, 0.946),
        ("0.114", Fraction(8, 9), "0.98733333", 10.263, 1.137),
        ("0.127903", Fraction(9, 10), "0.98720970", 11.660, 1.130),
    ],
)
def test_a_cap_step_follows_its_algebra(weight: str, q: Fraction, sum_ratio: str, after: float, trade: float) -> None:
    """GT8 (A19): divisor x S'/S, and the name's weight falls from w to w q / (S'/S)."""
    name = float(1_000_000 * Decimal(weight))
    days = ["2025-03-31", "2025-04-01"]
    step = CapStep("A", q, effective=date(2025, 4, 1))
    index = build({"A": [name] * 2, REST: [1_000_000 - name] * 2}, {"A": "1", REST: "1"}, "1", days, [step])
    first, second = (100 * index.weights(day)["A"] for day in days)

    assert index.ledger.current == Decimal(sum_ratio)
    assert index.levels().tolist() == [1_000_000.0, pytest.approx(1_000_000, abs=0.01)]
    assert round(second, 3) == after
    assert round(first - second, 3) == trade


# The official list of factors

#: What changed between the lists of 2025-08-01 and 2026-01-09.
CHANGED = ["2501", "4183", "5108", "5401", "6532", "7013", "7453", "8001", "8267", "8830", "9843", "9984"]


def test_the_events_between_two_official_lists() -> None:
    """GT9: two names out, two in, twelve factors; a spin-off came and went, an entrant was split."""
    events = [e for e in index_events() if date(2025, 8, 1) < e.effective <= date(2026, 1, 9)]
    changed = {e.code for e in events if e.event.startswith(("split", "step"))}
    entering = [e.code for e in events if e.event == "add"]

    assert sorted(entering) == ["3697", "4062"]
    assert sorted(e.code for e in events if e.event == "remove") == ["6594", "7762", "8729"]
    assert sorted(changed - set(entering)) == CHANGED


@pytest.mark.real
def test_the_official_list_of_factors(real: Path) -> None:
    """GT9: 225 names by sector; the list holds the factor after the cap."""
    listed = table(real / "official_formats" / "nikkei_225_price_adjustment_factor_jp_20250801.csv")
    index, _ = window(real / "window_2025")
    sectors = Counter(row["セクター"] for row in listed)

    assert sectors == {"技術": 63, "素材": 48, "消費": 39, "資本財・その他": 35, "金融": 20, "運輸・公共": 20}
    assert {row["コード"]: Fraction(row["株価換算係数"]) for row in listed} == index.regime("2025-08-01").basket.factors
    assert index.regime("2025-08-01").basket.factors["9983"] == Fraction("2.4")


# Another price-weighted index


@pytest.mark.real
def test_the_dow_from_thirty_closes(real: Path) -> None:
    """2018-10-18: 3742.98 / 0.14748071991788 = 25,379.45, the official close."""
    listed = table(real / "checks" / "djia_components_2018-10.csv")
    closes = {row["Ticker"]: [float(row[" Price:D-1 "])] for row in listed}
    index = build(closes, dict.fromkeys(closes, "1"), "0.14748071991788", ["2018-10-18"])

    assert len(closes) == 30
    assert sum(Decimal(str(close)) for (close,) in closes.values()) == Decimal("3742.98")
    assert index.levels().tolist() == [25379.45]
