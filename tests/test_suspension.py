"""The prices an index is built from: special quotes and suspended stocks, in arrays and in a market folder."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from indexsim import floatcap, whatif
from indexsim.basket import Basket
from indexsim.errors import DataError, SpecError
from indexsim.events import ExRights, Split
from indexsim.index import PriceWeightedIndex
from indexsim.market import MarketData
from indexsim.rebuild import rebuild
from indexsim.suspension import carry, prices_used

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


# --- a market folder: A has factor 1 and splits 3:1 on Monday, B has factor 2 and costs 600 yen; the divisor is 3.

ASKED = "test"
CLOSES = """date,A,B
2025-09-25,300,600
2025-09-26,,600
2025-09-29,,600
2025-09-30,110,600
"""
FACTORS = """effective_date,code,factor,event
2025-09-25,A,1,initial
2025-09-25,B,2,initial
2025-09-29,A,3,split 3:1
"""
DIVISORS = "effective_date,divisor,note\n2025-09-25,3,start\n"
SUSPENDED = "code,first_date,last_date,source\nA,2025-09-26,2025-09-29,notice\n"


def market(folder: Path, **changed: str) -> MarketData:
    texts = {"closes": CLOSES, "factors": FACTORS, "divisors": DIVISORS, "suspensions": SUSPENDED, **changed}
    for name, text in texts.items():
        if text:
            (folder / f"{name}.csv").write_text(text, "utf-8")
    return MarketData.open(folder)


def refused(market: MarketData) -> list[tuple[str, str, str, str]]:
    with pytest.raises(DataError) as caught:
        rebuild(market)
    return [(f.file, f.row, f.column, f.rule) for f in caught.value.findings]


def test_an_index_holds_the_level_through_a_suspension_with_a_split(tmp_path: Path) -> None:
    """(300 + 1200) / 3; 300 is carried; after the split 3 x 100 is; then (3 x 110 + 1200) / 3."""
    rebuilt = rebuild(market(tmp_path))

    assert rebuilt.levels.tolist() == [500.0, 500.0, 500.0, 510.0]
    assert rebuilt.index.closes["A"].tolist() == [300.0, 300.0, 100.0, 110.0]


def test_every_day_of_a_suspension_is_as_it_was_known_that_day(tmp_path: Path) -> None:
    then = market(tmp_path).until("2025-09-26T15:30")

    assert rebuild(then).levels.tolist() == [500.0, 500.0]


def test_the_end_of_a_suspension_is_not_told_before_it(tmp_path: Path) -> None:
    texts = SUSPENDED + "B,2025-09-01,2025-09-02,\n"
    told = market(tmp_path, suspensions=texts)

    assert told.until("2025-09-29T17:59").table("suspensions")["code"].tolist() == ["B"]
    assert told.until("2025-09-29T18:00").table("suspensions")["code"].tolist() == ["A", "B"]


def test_a_hole_that_nobody_declared_stops_the_index_and_says_what_to_do(tmp_path: Path) -> None:
    for text in ("", SUSPENDED.replace("09-29", "09-26")):
        (folder := tmp_path / f"{len(text)}").mkdir()
        found = market(folder, suspensions=text)

        assert refused(found)[-1] == ("closes.csv", "2025-09-29", "A", "missing-price")
        with pytest.raises(DataError) as caught:
            rebuild(found)
        assert "`suspensions`" in caught.value.todo


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("A,2025-09-30,2025-09-30,", ("line 3", "code", "suspended-with-price")),
        ("B,2025-09-29,2025-09-29,", ("line 3", "code", "suspended-with-price")),
        ("C,2025-09-29,2025-09-29,", ("line 3", "code", "unknown-code")),
        ("A,2025-09-30,2025-09-26,", ("line 3", "last_date", "span-ascends")),
        ("A,2025-09-31,2025-10-01,", ("line 3", "first_date", "date-is-iso")),
        ("A,2025-09-26,,", ("line 3", "last_date", "date-is-iso")),
        (",2025-09-26,2025-09-29,", ("line 3", "code", "cell-filled")),
        ("A,2025-09-26,2025-09-26,", ("line 3", "code", "duplicate-key")),
    ],
)
def test_a_declaration_that_cannot_be_names_its_file_and_line(
    tmp_path: Path, row: str, expected: tuple[str, str, str]
) -> None:
    found = refused(market(tmp_path, suspensions=f"{SUSPENDED}{row}\n"))

    assert ("suspensions.csv", *expected) in found


def test_a_contradiction_says_the_day_and_the_price(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2, code: A on 2025-09-30: 110 yen, but .* suspended"):
        rebuild(market(tmp_path, suspensions=SUSPENDED.replace("2025-09-29", "2025-09-30")))


def test_what_is_declared_after_the_last_session_does_not_matter(tmp_path: Path) -> None:
    late = SUSPENDED + "B,2025-09-30,2025-09-30,\n"

    assert rebuild(market(tmp_path, suspensions=late), last=MON).levels.tolist() == [500.0, 500.0, 500.0]


def test_a_special_quote_counts_before_the_close(tmp_path: Path) -> None:
    """B closes at 600 on Tuesday and is quoted at 630: (3 x 110 + 2 x 630) / 3 = 530."""
    quoted = market(tmp_path, special_quotes="date,B\n2025-09-30,630\n")

    assert rebuild(quoted).levels.tolist() == [500.0, 500.0, 500.0, 530.0]
    assert rebuild(quoted.until("2025-09-30T15:29")).levels.tolist() == [500.0, 500.0, 500.0]


def test_a_special_quote_stands_for_a_close_that_is_not_there_and_is_the_standard_price_after_it(
    tmp_path: Path,
) -> None:
    """A is quoted at 330 on Friday: (330 + 1200) / 3 = 510, carried as 110 after the split: 510, then the close."""
    quotes, declared = "date,A\n2025-09-26,330\n", SUSPENDED.replace("A,2025-09-26", "A,2025-09-29")
    found = market(tmp_path, special_quotes=quotes, suspensions=declared)

    assert rebuild(found).levels.tolist() == [500.0, 510.0, 510.0, 510.0]


def test_days_without_special_quotes_are_no_gap(tmp_path: Path) -> None:
    quoted = market(tmp_path, special_quotes="date,B\n2025-09-25,600\n2025-09-27,1\n2025-09-30,630\n")

    assert [(f.row, f.rule) for f in quoted.folder.findings("special_quotes")] == [("2025-09-27", "not-a-session")]


def test_a_special_quote_within_a_suspension_contradicts_it(tmp_path: Path) -> None:
    found = refused(market(tmp_path, special_quotes="date,A\n2025-09-26,330\n"))

    assert found == [("suspensions.csv", "line 2", "code", "suspended-with-price")]


@pytest.mark.parametrize(
    ("quotes", "expected"),
    [
        ("date,C\n2025-09-26,330\n", ("special_quotes.csv", "", "C", "unknown-code")),
        ("date,B\n2025-09-26,0\n", ("special_quotes.csv", "2025-09-26", "B", "price-in-range")),
    ],
)
def test_a_special_quote_that_cannot_be_is_refused(
    tmp_path: Path, quotes: str, expected: tuple[str, str, str, str]
) -> None:
    assert refused(market(tmp_path, special_quotes=quotes)) == [expected]


def test_without_either_file_the_closes_are_used_as_they_are(tmp_path: Path) -> None:
    plain = market(tmp_path, suspensions="")

    pd.testing.assert_frame_equal(prices_used(plain, ASKED), plain.table("closes"))


def test_a_world_trades_through_a_suspension(tmp_path: Path) -> None:
    """By divisor: D = 3 (100 + 1200) / (300 + 1200) = 2.6 on Monday; on Tuesday (110 + 1200) / 2.6 = 503.846."""
    opens = "date,A,B\n2025-09-25,300,600\n2025-09-26,,630\n2025-09-29,,600\n2025-09-30,110,600\n"
    real = market(tmp_path, opens=opens)
    world = whatif.build(real, "split-by-divisor")

    assert world.table("n225")["close"].tolist() == [500.0, 500.0, 500.0, 503.85]
    assert world.table("n225")["open"].tolist() == [500.0, 520.0, 500.0, 503.85]  # (300 + 2 x 630) / 3 on Friday
    assert rebuild(world).levels.tolist() == world.table("n225")["close"].tolist()
    assert whatif.difference(real, world).points == -6.15


def test_the_frozen_world_holds_a_suspended_name(tmp_path: Path) -> None:
    rows = FACTORS + "2025-09-30,B,,remove\n"
    world = whatif.build(market(tmp_path, factors=rows), "frozen")

    assert rebuild(world).levels.tolist() == [500.0, 500.0, 500.0, 510.0]


def test_a_free_float_index_carries_the_price_too(tmp_path: Path) -> None:
    """10 x 300 + 5 x 600 = 6,000 yen is 1,000 points; after the split 30 shares of A; 3,300 + 3,000 on Tuesday."""
    found = market(
        tmp_path,
        topix="date,close\n2025-09-25,1000\n",
        shares_ffw="date,code,shares,ffw\n2025-09-25,A,10,1\n2025-09-25,B,5,1\n2025-09-29,A,30,1\n",
    )

    assert floatcap.rebuild(found).levels().tolist() == [1000.0, 1000.0, 1000.0, 1050.0]

    (tmp_path / "suspensions.csv").unlink()
    with pytest.raises(DataError, match="missing-price") as caught:
        floatcap.rebuild(MarketData.open(tmp_path))
    assert "`suspensions`" in caught.value.todo
