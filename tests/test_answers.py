"""Weights by sector, points by stock and sector, effects and concentration: by hand, as published, on real windows."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from indexsim import answers
from indexsim.basket import Basket
from indexsim.errors import MissingData, SpecError
from indexsim.events import Replace
from indexsim.index import DIVISOR_ROUNDING, PriceWeightedIndex
from indexsim.market import MarketData
from indexsim.rebuild import rebuild

D1, D2, D3 = date(2025, 9, 26), date(2025, 9, 29), date(2025, 9, 30)
ONE = Fraction(1)
SECTORS = {"A": "Technology", "B": "Consumer", "C": "Technology"}


@pytest.fixture
def index() -> PriceWeightedIndex:
    """A at factor 1 and B at factor 2; on the third session C (500) replaces A (400)."""
    closes = pd.DataFrame(
        {"A": [300.0, 400.0, 420.0], "B": [600.0, 550.0, 600.0], "C": [480.0, 500.0, 530.0]},
        index=pd.DatetimeIndex([D1, D2, D3]),
    )
    change = Replace({"C": ONE}, ("A",), effective=D3)
    return PriceWeightedIndex.build(closes, Basket({"A": ONE, "B": Fraction(2)}, D1), [change], Decimal(3))


def by_key(rows: Any, key: str) -> dict[str, Mapping[str, Any]]:
    return {row[key]: row for row in rows}


def test_a_day_by_hand(index: PriceWeightedIndex) -> None:
    """(300 + 1200) / 3 = 500; (400 + 1100) / 3 = 500: A gave 100 / 3 and B took 2 x 50 / 3."""
    found = answers.answer(index, D2, SECTORS)
    stocks, sectors = by_key(found["stocks"], "code"), by_key(found["sectors"], "sector")

    assert (found["date"], found["level"], found["since"], found["move"]) == ("2025-09-29", 500.0, "2025-09-26", 0.0)
    assert (found["names"], found["divisor"], found["divisor_rounding"]) == (2, "3", 0.0)
    assert [row["code"] for row in found["stocks"]] == ["B", "A"]  # type: ignore[attr-defined]
    assert (stocks["A"]["weight"], stocks["B"]["weight"]) == (0.26666667, 0.73333333)
    assert (stocks["A"]["points"], stocks["B"]["points"]) == (33.333333, -33.333333)
    assert (stocks["A"]["effect"], stocks["B"]["effect"]) == (1.333333, 3.666667)
    assert sectors["Consumer"] == {"sector": "Consumer", "weight": 0.73333333, "names": 1, "points": -33.333333}
    assert list(sectors) == ["Consumer", "Technology"]


def test_a_period_across_a_replacement_by_hand(index: PriceWeightedIndex) -> None:
    """The divisor becomes 3 x 1600 / 1500 = 3.2: C gives 30 / 3.2, B -100 / 3 + 100 / 3.2, A, which left, 100 / 3."""
    found = answers.answer(index, D3, SECTORS, since=D1)
    stocks, sectors = by_key(found["stocks"], "code"), by_key(found["sectors"], "sector")

    assert (found["level"], found["move"]) == (540.63, 40.63)
    assert stocks["A"]["points"] == 33.333333
    assert stocks["B"]["points"] == -2.083333
    assert stocks["C"]["points"] == 9.375
    assert (stocks["A"]["weight"], stocks["A"]["effect"]) == (0.0, 0.0)
    assert (sectors["Technology"]["points"], sectors["Technology"]["names"]) == (42.708333, 1)


def test_what_rounding_the_divisor_did_is_a_number_of_its_own() -> None:
    """With three decimals: 3 x 1000 / 900 = 3.333; 1000 / 3.333 is 0.03 above 300."""
    closes = pd.DataFrame(
        {"A": [400.0, 400.0], "B": [500.0, 500.0]}, pd.DatetimeIndex([date(2018, 10, 1), date(2018, 10, 2)])
    )
    change = Replace({"B2": Fraction(1)}, ("B",), effective=date(2018, 10, 2))
    basket = Basket({"A": ONE, "B": ONE}, date(2018, 10, 1))
    index = PriceWeightedIndex.build(closes.assign(B2=600.0), basket, [change], Decimal("3.000"))
    found = answers.answer(index, "2018-10-02", {"A": "T"})

    assert (found["move"], found["divisor_rounding"]) == (0.03, 0.030003)
    assert [(row["sector"], row["points"]) for row in found["sectors"]] == [("T", 0.0), ("unknown", 0.0)]  # type: ignore[attr-defined]


def test_on_the_first_session_there_is_no_move(index: PriceWeightedIndex) -> None:
    found = answers.answer(index, D1, {})

    assert (found["since"], found["move"]) == (None, None)
    assert [row["points"] for row in found["stocks"]] == [None, None]  # type: ignore[attr-defined]
    assert found["sectors"] == [{"sector": "unknown", "weight": 1.0, "names": 2, "points": None}]


def test_since_the_same_day_nothing_moved(index: PriceWeightedIndex) -> None:
    found = answers.answer(index, D2, SECTORS, since=D2)

    assert found["move"] == 0.0
    assert [row["points"] for row in found["sectors"]] == [0.0, 0.0]  # type: ignore[attr-defined]


def test_a_day_without_closes_and_a_period_backwards_are_refused(index: PriceWeightedIndex) -> None:
    with pytest.raises(MissingData, match="2025-09-27"):
        answers.answer(index, date(2025, 9, 27), SECTORS)
    with pytest.raises(SpecError, match="before the start"):
        answers.answer(index, D1, SECTORS, since=D2)


def test_one_percent_of_fast_retailing_against_three_of_toyota() -> None:
    """H4: official weights of 2025-12-30 at 50,339.48; S001 has 7 % and 4 %, with which its claim would be false."""
    published = pd.Series({"9983": 0.090740, "7203": 0.0111})
    claimed = pd.Series({"9983": 0.07, "7203": 0.04})
    one, three = answers.effect(published, 50_339.48), answers.effect(published, 50_339.48, percent=3)

    assert round(one["9983"], 1) == 45.7
    assert round(three["7203"], 1) == 16.8
    assert answers.effect(claimed, 50_339.48)["9983"] < answers.effect(claimed, 50_339.48, percent=3)["7203"]


def test_an_effect_is_what_the_level_does(index: PriceWeightedIndex) -> None:
    """B from 550 to 555.5: 2 x 5.5 / 3."""
    moved = index.closes.loc[[pd.Timestamp(D2)]].assign(B=550 * 1.01)
    effect = answers.effect(index.weights(D2), 500.0)["B"]

    assert index.levels(moved).iloc[0] - 500.0 == pytest.approx(effect, abs=0.005)
    assert effect == pytest.approx(11 / 3)


def test_concentration_by_hand() -> None:
    """Twelve names: one of 0.45 and eleven of 0.05; 1 / (0.2025 + 11 x 0.0025) = 1 / 0.23."""
    found = answers.concentration(pd.Series([0.05] * 5 + [0.45] + [0.05] * 6))

    assert found.top_share == pytest.approx(0.9)
    assert found.effective_number == pytest.approx(1 / 0.23)


def test_the_effective_number_of_equal_names_is_their_count() -> None:
    assert answers.concentration(pd.Series([1 / 225] * 225)).effective_number == pytest.approx(225)


def test_sectors_come_from_the_constituents(tmp_path: Path) -> None:
    text = "code,name,industry,sector\n7203,Toyota,Automobiles,Technology\n8729,Sony FG,,\n"
    (tmp_path / "constituents.csv").write_text(text, encoding="utf-8")

    assert answers.sectors_of(MarketData.open(tmp_path)) == {"7203": "Technology"}


def test_without_constituents_no_sector_is_known(tmp_path: Path) -> None:
    (tmp_path / "n225.csv").write_text("date,close\n2025-09-26,45354.99\n", encoding="utf-8")

    assert answers.sectors_of(MarketData.open(tmp_path)) == {}


def test_every_day_of_a_sample_adds_up(small_market: MarketData) -> None:
    index = rebuild(small_market).index
    sectors, days = answers.sectors_of(small_market), index.closes.index[::40]
    found: list[Any] = [answers.answer(index, day.date(), sectors) for day in days[1:]]
    sums = [[sum(row["points"] for row in f[key]) for key in ("stocks", "sectors")] for f in found]

    assert len(found) > 20
    for answer, (stocks, by_sector) in zip(found, sums, strict=True):
        assert stocks + answer["divisor_rounding"] == pytest.approx(answer["move"], abs=0.01)
        assert by_sector == pytest.approx(stocks, abs=1e-4)
    assert json.loads(json.dumps(found[0])) == found[0]


@pytest.mark.real
@pytest.mark.parametrize("window", ["window_2017_2018", "window_2025"])
def test_on_real_days_the_points_sum_to_the_move(real: Path, window: str) -> None:
    index = rebuild(MarketData.open(real / window)).index
    levels, days = index.levels(), list(index.closes.index)
    moves = levels.diff().iloc[1:]
    sums = pd.Series([index.contributions(a.date(), b.date()).sum() for a, b in pairwise(days)])

    assert np.abs(sums.to_numpy() - moves.to_numpy()).max() <= 0.01 + 1e-9


@pytest.mark.real
def test_real_sectors_hold_the_published_number_of_names(real: Path) -> None:
    """The publisher's list of 2025-08-01."""
    market = MarketData.open(real / "window_2025")
    found = answers.answer(rebuild(market).index, "2025-08-01", answers.sectors_of(market))
    rows = by_key(found["sectors"], "sector")

    assert {name: row["names"] for name, row in rows.items()} == {
        "技術": 63,
        "素材": 48,
        "消費": 39,
        "資本財・その他": 35,
        "金融": 20,
        "運輸・公共": 20,
    }
    assert sum(row["points"] for row in rows.values()) == pytest.approx(found["move"], abs=0.01)


@pytest.mark.real
def test_sector_weights_equal_the_official_list(real: Path) -> None:
    """The list rounds each weight to 4 decimals of a percent: a sector of n names is off by n x 0.00005 at most."""
    path = real / "official_formats" / "nikkei_stock_average_weight_en_20250731.csv"
    with path.open(encoding="cp932", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row.get("Weight") or "").endswith("%")]
    sectors = {row["Code"]: row["Sector"] for row in rows}
    official = pd.Series({row["Code"]: float(row["Weight"].rstrip("%")) / 100 for row in rows})
    weights = rebuild(MarketData.open(real / "window_2025")).index.weights("2025-07-31")
    apart = answers.by_sector(weights, sectors) - official.groupby(sectors).sum()
    ours, theirs = answers.concentration(weights), answers.concentration(official)

    assert len(rows) == 225
    assert (apart.abs() <= 63 * 0.5e-6).all()
    assert len(apart) == 6
    assert ours.top_share == pytest.approx(theirs.top_share, abs=10 * 0.5e-6)
    assert ours.effective_number == pytest.approx(theirs.effective_number, rel=1e-4)


def test_the_row_of_the_divisor_belongs_to_no_sector() -> None:
    found = answers.by_sector(pd.Series({"A": 1.0, DIVISOR_ROUNDING: 0.25, "C": 2.0}), SECTORS)

    assert found.to_dict() == {"Technology": 3.0, DIVISOR_ROUNDING: 0.25}
