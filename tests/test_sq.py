"""The special quotation against hand-made sums, and against 22 real ones from real first prices."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest

from indexsim import sessions
from indexsim.basket import Basket
from indexsim.errors import DataError, MissingData
from indexsim.events import FactorStep
from indexsim.index import PriceWeightedIndex
from indexsim.market import MarketData
from indexsim.rebuild import rebuild
from indexsim.sq import special_quotation

D1, D2 = date(2025, 9, 11), date(2025, 9, 12)


@pytest.fixture
def index() -> PriceWeightedIndex:
    """Factors 1 and 0.1; on the second session the 0.1 becomes 0.2 while the divisor goes from 3 to 3.2."""
    closes = pd.DataFrame({"1332": [1400.0, 999.0], "285A": [1000.0, 1.0]}, pd.DatetimeIndex([D1, D2]))
    basket = Basket({"1332": Fraction(1), "285A": Fraction("0.1")}, D1)
    return PriceWeightedIndex.build(closes, basket, [FactorStep("285A", Fraction("0.2"), effective=D2)], Decimal(3))


def test_basket_and_divisor_are_those_of_the_day(index: PriceWeightedIndex) -> None:
    """(1410 + 0.1 x 1050) / 3 = 505; (1410 + 0.2 x 1050) / 3.2 = 506.25. Other codes count nothing."""
    opens = {"1332": 1410.0, "285A": 1050.0, "9983": 50_000.0}

    assert special_quotation(index, D1, opens) == 505.0
    assert special_quotation(index, D2, opens) == 506.25


def test_a_value_on_a_tie_goes_up(index: PriceWeightedIndex) -> None:
    """(1400 + 0.1 x 1000.15) / 3 = 500.005 exactly; the float sum is below it."""
    assert special_quotation(index, D1, {"1332": 1400.0, "285A": 1000.15}) == 500.01


@pytest.mark.parametrize("price", [float("nan"), 0.0, float("inf"), -1.0])
def test_every_name_without_a_first_price_is_named(index: PriceWeightedIndex, price: float) -> None:
    opens = pd.Series({"285A": price})
    with pytest.raises(DataError) as caught:
        special_quotation(index, D2, opens)

    assert [(f.row, f.column, f.rule) for f in caught.value.findings] == [
        ("2025-09-12", "1332", "missing-price"),
        ("2025-09-12", "285A", "missing-price"),
    ]


def test_a_day_that_is_no_session_is_refused(index: PriceWeightedIndex) -> None:
    with pytest.raises(MissingData, match="2025-09-13"):
        special_quotation(index, "2025-09-13", {})


@pytest.mark.real
def test_the_days_of_every_published_quotation_are_sessions(real: Path) -> None:
    table = pd.read_csv(real / "checks" / "sq_values_2000_2023.csv", parse_dates=["sq_date"])

    assert len(table) == 286
    assert [str(day.date()) for day in table["sq_date"] if not sessions.is_session(day.date())] == []


@pytest.mark.real
def test_first_prices_give_every_quotation_of_2017_and_2018(real: Path) -> None:
    """The list has one decimal in these years, so half of a tenth is all that may lie between."""
    index = rebuild(MarketData.open(real / "window_2017_2018")).index
    raw = pd.read_csv(real / "constituents" / "ohlcv_2015_2018_raw.csv.gz", dtype={"code": str}, parse_dates=["date"])
    opens = raw.pivot(index="date", columns="code", values="open")
    table = pd.read_csv(real / "checks" / "sq_values_2000_2023.csv", parse_dates=["sq_date"]).set_index("sq_date")
    published = table["sq_value"][table.index.isin(index.closes.index)]
    found = [special_quotation(index, day.date(), opens.loc[day]) for day in published.index]

    assert len(published) == 22
    assert (published - found).abs().max() <= 0.05 + 1e-6
