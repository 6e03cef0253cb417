"""Sources put together: precedence, splits and ticks, the basket of a list, ratios that no table tells."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from indexsim.basket import Basket
from indexsim.errors import DataError, ToolError
from indexsim.facts import index_events
from indexsim.gathering import inferred, payments
from indexsim.gathering.members import members
from indexsim.gathering.reconcile import Source, decimals, reconcile
from indexsim.gathering.splits import KnownSplit, evidence, from_facts, joined
from indexsim.gathering.stocks import Undo, sources_of
from indexsim.gathering.unadjust import to_ticks, unadjusted
from indexsim.index import PriceWeightedIndex
from indexsim.official.reading import OTHER, PAYMENTS, PUBLISHER, STOCKS, Reading

SPLIT = KnownSplit(date(2025, 9, 29), "7013", Fraction(7), "facts")
LATER = KnownSplit(date(2025, 12, 29), "7013", Fraction(2), "facts")


def series(days: list[str], closes: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"close": closes}, index=pd.DatetimeIndex(days, name="date"))


def stock(days: list[str], closes: list[float], volumes: list[float] | None = None) -> pd.DataFrame:
    rows = {"date": pd.DatetimeIndex(days), "code": "7013", "close": closes}
    return pd.DataFrame(rows if volumes is None else {**rows, "volume": volumes})


def test_the_publisher_is_kept_and_the_difference_is_listed() -> None:
    vendor = Source("vendor.csv", OTHER, series(["2025-07-03", "2025-07-04"], [39_785.0, 39_810.880859]))
    official = Source("nikkei.csv", PUBLISHER, series(["2025-07-03", "2025-07-04"], [39_785.9, 39_810.88]))
    frame, conflicts = reconcile("n225", [vendor, official])

    assert frame["close"].tolist() == [39_785.9, 39_810.88]
    assert [c.as_dict() for c in conflicts] == [
        {
            "file": "n225",
            "date": "2025-07-03",
            "column": "close",
            "values": {"nikkei.csv": 39_785.9, "vendor.csv": 39_785.0},
            "kept": "nikkei.csv",
        }
    ]


def test_of_one_rank_the_first_named_is_kept_and_gaps_are_filled_by_the_next() -> None:
    one = Source("a.csv", OTHER, series(["2025-07-03"], [1.0]))
    other = Source("b.csv", OTHER, series(["2025-07-03", "2025-07-04"], [2.0, 3.0]))
    frame, conflicts = reconcile("topix", [one, other])

    assert frame["close"].tolist() == [1.0, 3.0]
    assert [c.kept for c in conflicts] == ["a.csv"]


def test_decimals_as_written() -> None:
    assert decimals(np.array([18_450.98, 18_374.0, np.nan])) == 2
    assert decimals(np.array([100.0])) == 0
    assert decimals(np.array([1 / 3])) == 6


def test_prices_say_whether_a_split_within_them_is_adjusted() -> None:
    days = ["2025-09-26", "2025-09-29"]

    assert evidence(stock(days, [2_130.0, 2_150.0]), [SPLIT], None).adjusted == (SPLIT,)
    assert evidence(stock(days, [14_910.0, 2_150.0]), [SPLIT], None).as_traded == (SPLIT,)


def test_lots_say_whether_a_later_split_is_in_the_prices() -> None:
    days = [f"{d:%Y-%m-%d}" for d in pd.bdate_range("2025-10-01", periods=12)]
    even = stock(days, [3_000.0] * 12, [200.0 * k for k in range(1, 13)])
    odd = stock(days, [3_000.0] * 12, [100.0 * k for k in range(1, 13)])

    assert evidence(even, [LATER], None).adjusted == (LATER,)
    assert evidence(odd, [LATER], None).as_traded == (LATER,)
    assert evidence(odd[["date", "code", "close"]], [LATER], None).unclear == (LATER,)
    assert evidence(odd, [LATER], date(2026, 1, 1)).adjusted == (LATER,)


def test_a_split_in_two_tables_under_two_days_is_one() -> None:
    twin = KnownSplit(date(2025, 10, 1), "7013", Fraction(7), "list.csv")
    kept, findings = joined([SPLIT], [twin])

    assert kept == [SPLIT]
    assert findings[0].rule == "split-told-twice"
    assert KnownSplit(date(2021, 9, 29), "7203", Fraction(5), "facts") in from_facts()


def test_an_adjusted_price_goes_back_to_the_tick_it_was_traded_on() -> None:
    """14,705 over 7 is printed as 2100.7, and 7 x 2100.7 is 14,704.9: the tick at that price is 5 yen (G2)."""
    frame = stock(["2025-07-03", "2025-07-04", "2025-09-29"], [2_130.0, 2_100.7, 2_150.0], [700, 1_400, 300])
    traded, off, findings = unadjusted(frame, [SPLIT], "f")

    assert traded["close"].tolist() == [14_910.0, 14_705.0, 2_150.0]
    assert traded["volume"].tolist() == [100.0, 200.0, 300.0]
    assert not off
    assert not findings


def test_what_is_on_no_tick_is_said() -> None:
    days = np.array(["2025-07-03"], dtype="datetime64[D]")

    assert [part.tolist() for part in to_ticks(days, np.array([14_704.9]), np.array([0.35]))] == [[14_705.0], [0]]
    assert [part.tolist() for part in to_ticks(days, np.array([14_702.0]), np.array([0.35]))] == [[14_702.0], [2]]
    assert to_ticks(days, np.array([14_704.9]), np.array([50.0]))[1].tolist() == [1]


def test_adjusted_prices_are_refused_unless_they_are_to_be_brought_back() -> None:
    frame = stock(["2025-09-26", "2025-09-29"], [2_130.0, 2_150.0])
    read = Reading("p.csv", "prices", OTHER, {STOCKS: frame})
    with pytest.raises(ToolError, match="--unadjust"):
        sources_of([read], Undo(False, (SPLIT,)), None)
    sources, _ = sources_of([read], Undo(True, (SPLIT,)), None)

    assert sources["closes"][0].frame["7013"].tolist() == [14_910.0, 2_150.0]
    raw = Reading("p.csv", "prices", OTHER, {STOCKS: stock(["2025-09-26", "2025-09-29"], [14_910.0, 2_150.0])})
    assert sources_of([raw], Undo(True, (SPLIT,)), None)[0]["closes"][0].frame["7013"].tolist() == [14_910.0, 2_150.0]


def test_a_split_that_is_read_unlike_most_is_said_and_left_as_traded() -> None:
    """Two of three move by their ratio: the prices are as traded, whatever the third did that day."""
    days = ["2025-09-26", "2025-09-29"]
    parts = [
        stock(days, pair).assign(code=c) for c, pair in zip("ABC", ([500, 250], [500, 251], [500, 490]), strict=True)
    ]
    frame = pd.concat(parts, ignore_index=True)
    known = tuple(KnownSplit(date(2025, 9, 29), code, Fraction(2), "facts") for code in "ABC")
    sources, findings = sources_of([Reading("p.csv", "", OTHER, {STOCKS: frame})], Undo(True, known), None)

    assert sources["closes"][0].frame["C"].tolist() == [500.0, 490.0]
    assert [(f.rule, f.column) for f in findings] == [("split-unlike-others", "C")]


def test_dividends_are_brought_back_and_a_payment_on_the_ex_date_is_for_an_old_share() -> None:
    rows = {"ex_date": pd.DatetimeIndex(["2025-09-29", "2025-09-30"]), "code": "7013", "yen": [10.0, 10.0]}
    read = Reading("d.csv", "dividends", OTHER, {PAYMENTS: pd.DataFrame(rows)})
    sources, _ = payments.sources_of([read], [SPLIT], [SPLIT], True)

    assert sources[0].frame["yen"].tolist() == [70.0, 10.0]
    with pytest.raises(ToolError, match="--unadjust"):
        payments.sources_of([read], [SPLIT], [SPLIT], False)


def test_payments_before_a_later_split_of_which_nothing_tells_are_left_out() -> None:
    rows = {"ex_date": pd.DatetimeIndex(["2025-03-28"]), "code": "7013", "yen": [10.0]}
    read = Reading("d.csv", "dividends", OTHER, {PAYMENTS: pd.DataFrame(rows)})
    sources, findings = payments.sources_of([read], [SPLIT], None, True)

    assert sources[0].frame.empty
    assert findings[0].rule == "adjusted-is-not-told"


def listed(day: str, factors: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame({"date": pd.Timestamp(day), "code": list(factors), "factor": list(factors.values())})


def of_august() -> dict[str, str]:
    """A list of 225 names that has what the facts say of 2025-08-01."""
    told = {
        e.code: str(float(e.factor_before))
        for e in index_events()
        if e.factor_before and str(e.effective) > "2025-08-01"
    }
    told = {code: factor for code, factor in told.items() if code not in ("8729", "4062", "285A", "543A", "7532")}
    told |= {"6963": "1.0", "9983": "2.4", "6857": "8.0", "9984": "6.0"}
    names = iter(f"{code}" for code in range(1000, 1999))
    while len(told) < 225:
        told[next(names)] = "1.0"
    return dict(sorted(told.items()))


def test_a_list_and_the_facts_give_the_basket_from_the_divisor_before_it() -> None:
    found = members(listed("2025-08-01", of_august()), "paf.csv", date(2025, 7, 1), date(2025, 10, 31))
    rows = found.factors.set_index(["effective_date", "code"])

    assert found.start == date(2025, 7, 3)  # one session before the divisor of 2025-07-04
    assert found.divisors["divisor"].tolist()[0] == "29.61653922"
    assert rows.loc[("2025-08-28", "8267"), "event"] == "split 3:1"
    assert rows.loc[("2025-10-01", "6532"), "factor"] == "1"
    assert (found.factors["event"] == "initial").sum() == 225


def test_where_prices_begin_later_the_basket_is_that_of_their_first_day() -> None:
    """From 2025-09-01 the splits of August are in the factors; from 2025-10-06 the divisor is that of 2025-10-01."""
    september = members(listed("2025-08-01", of_august()), "f", date(2025, 9, 1), date(2025, 10, 31))
    october = members(listed("2025-08-01", of_august()), "f", date(2025, 10, 6), date(2025, 10, 31))
    begun = september.factors[september.factors["event"] == "initial"].set_index("code")["factor"]

    assert (september.start, begun["8267"]) == (date(2025, 9, 1), "3")
    assert "2025-08-28" not in set(september.factors["effective_date"])
    assert october.divisors["divisor"].tolist() == ["29.69955560"]
    assert "3697" in set(october.factors["code"])
    assert "7762" not in set(october.factors["code"])


def test_a_list_that_was_cut_is_refused_and_what_the_facts_contradict_is_said() -> None:
    names = of_august()
    with pytest.raises(DataError, match="224 names"):
        members(listed("2025-08-01", dict(list(names.items())[:224])), "f", None, None)
    other = members(listed("2025-08-01", {**names, "6963": "2.0"}), "f", None, None)

    assert [f.column for f in other.findings if f.rule == "list-as-facts" and f.column == "6963"] == ["6963"]
    with pytest.raises(ToolError, match="no divisor is known exactly"):
        members(listed("2014-08-01", dict.fromkeys(map(str, range(1000, 1225)), "1.0")), "f", None, None)


def small_index(closes: dict[str, list[float]]) -> PriceWeightedIndex:
    days = pd.bdate_range("2025-07-07", periods=3)
    factors = {"1001": Fraction(1), "1002": Fraction(2)}
    return PriceWeightedIndex.build(pd.DataFrame(closes, index=days), Basket(factors, None), (), Decimal("2.0"))


def test_a_ratio_that_no_table_tells_is_inferred_where_one_whole_number_fits() -> None:
    """Published: (1000 + 2 x 3000) / 2 = 3500; the prices of 1002 are adjusted for 5:1."""
    index = small_index({"1001": [1000.0, 1010.0, 990.0], "1002": [600.0, 610.0, 620.0]})
    published = pd.Series([3500.0, 3555.0, 3595.0], index=index.closes.index)
    splits, findings = inferred.infer(inferred.lacking(index, published), None, "n225.csv")

    assert [(s.code, s.ratio) for s in splits] == [("1002", Fraction(5))]
    assert findings[0].rule == "ratio-inferred"


def test_a_ratio_that_is_no_whole_number_is_listed() -> None:
    index = small_index({"1001": [1000.0, 1010.0, 990.0], "1002": [600.0, 610.0, 620.0]})
    published = pd.Series([3300.0, 3350.0, 3380.0], index=index.closes.index)
    splits, findings = inferred.infer(inferred.lacking(index, published), None, "n225.csv")

    assert splits == []
    assert findings[0].rule == "ratio-not-told"


def test_two_ratios_that_fit_are_listed() -> None:
    """1000 x 2 and 1000 x 2 bring the same sum: neither is taken."""
    index = small_index({"1001": [1000.0] * 3, "1002": [500.0] * 3})
    published = pd.Series([1500.0] * 3, index=index.closes.index)
    splits, findings = inferred.infer(inferred.lacking(index, published), None, "n225.csv")

    assert splits == []
    assert "2 ratios fit" in findings[0].found
