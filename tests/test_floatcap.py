"""The free-float index: five stocks worked by hand, laws of the base value, the sample, and published values."""

from __future__ import annotations

import csv
from datetime import date
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexsim import floatcap
from indexsim.errors import DataError, EventError, MissingData, SpecError
from indexsim.events import Split
from indexsim.floatcap import FloatCapIndex
from indexsim.market import MarketData

DAYS = pd.DatetimeIndex(["2024-04-01", "2024-04-02", "2024-04-03", "2024-04-04", "2024-04-05"])
NAN = float("nan")

# The worked example. Index shares: A 50 (60 from day 3: an issue of 20 at 0.5), B 50, C 40, D 40 (out on
# day 4), E 10 (50 from day 5: split 5:1). Market values by day, yen:
#   1: 5,000 + 3,000 + 2,000 + 1,000 + 2,000 = 13,000
#   2: 5,500 + 3,000 + 2,000 + 1,200 + 1,900 = 13,600
#   3: 7,200 + 3,300 + 2,000 + 1,200 + 1,900 = 15,600   base x (13,600 + 10 x 110) / 13,600
#   4: 7,200 + 3,300 + 2,200         + 1,900 = 14,600   base x (15,600 - 40 x 30) / 15,600
#   5: 7,200 + 3,300 + 2,200         + 2,000 = 14,700   base as it was
CLOSES = pd.DataFrame(
    {
        "A": [100.0, 110.0, 120.0, 120.0, 120.0],
        "B": [60.0, 60.0, 66.0, 66.0, 66.0],
        "C": [50.0, 50.0, 50.0, 55.0, 55.0],
        "D": [25.0, 30.0, 30.0, NAN, NAN],
        "E": [200.0, 190.0, 190.0, 190.0, 40.0],
    },
    DAYS,
)
SHARES = pd.DataFrame(
    {
        "A": [100.0, 100.0, 120.0, 120.0, 120.0],
        "B": [200.0] * 5,
        "C": [40.0] * 5,
        "D": [80.0, 80.0, 80.0, 0.0, NAN],
        "E": [20.0, 20.0, 20.0, 20.0, 100.0],
    },
    DAYS,
)
FFW = pd.Series({"A": 0.5, "B": 0.25, "C": 1.0, "D": 0.5, "E": 0.5})
SPLIT = Split("E", Fraction(5), effective=date(2024, 4, 5))
BASES = [Fraction(6500), Fraction(6500 * 147, 136), Fraction(6500 * 147, 136) * Fraction(12, 13)]


@pytest.fixture
def five() -> FloatCapIndex:
    return FloatCapIndex.build(CLOSES, SHARES, FFW, [SPLIT], base=6_500)


# By hand


def test_levels_of_the_worked_example(five: FloatCapIndex) -> None:
    """13,000 / 6,500; 13,600 / 6,500; 15,600 / 7,025.7353; 14,600 and 14,700 / 6,485.2941."""
    assert five.levels().tolist() == [200.0, 209.23, 222.04, 225.12, 226.67]


def test_the_ledger_of_the_worked_example_has_the_issue_and_the_exit_but_not_the_split(five: FloatCapIndex) -> None:
    days = [entry.session.isoformat() for entry in five.ledger]

    assert days == ["2024-04-01", "2024-04-03", "2024-04-04"]
    assert [entry.after for entry in five.ledger] == BASES
    assert [entry.before for entry in five.ledger] == [None, *BASES[:2]]
    assert [entry.event for entry in five.ledger] == ["start", "A shares 50 -> 60", "D out"]


def test_weights_of_the_worked_example(five: FloatCapIndex) -> None:
    weights = five.weights("2024-04-05")

    assert list(weights.index) == ["A", "B", "C", "E"]
    assert weights.tolist() == pytest.approx([7200 / 14700, 3300 / 14700, 2200 / 14700, 2000 / 14700], rel=1e-15)


def test_contributions_of_the_worked_example(five: FloatCapIndex) -> None:
    """Each day's gain of each name over the base in force, x 100; the issue, the exit and the split give nothing."""
    first, second, third = (float(base) / 100 for base in BASES)
    by_hand = {
        "A": 500 / first + 600 / second,
        "B": 300 / second,
        "C": 200 / third,
        "D": 200 / first,
        "E": -100 / first + 100 / third,
    }

    found = five.contributions("2024-04-01", "2024-04-05")

    assert found.to_dict() == pytest.approx(by_hand, rel=1e-12)
    assert found.sum() == pytest.approx(14_700 / third - 200, rel=1e-12)


def test_contributions_of_the_day_of_the_split(five: FloatCapIndex) -> None:
    """E rose from 190 / 5 = 38 to 40, with 50 shares."""
    found = five.contributions("2024-04-04", "2024-04-05")

    assert found.to_dict() == pytest.approx({"A": 0, "B": 0, "C": 0, "E": 10_000 / float(BASES[2])}, rel=1e-12)
    assert five.contributions("2024-04-05", "2024-04-05").empty


def test_other_prices_have_levels_too(five: FloatCapIndex) -> None:
    """Opens a tenth above the closes; a member without one leaves its session unknown."""
    opens = CLOSES * 1.1
    opens.loc["2024-04-02", "B"] = NAN

    assert five.levels(opens).tolist() == pytest.approx([220.0, NAN, 244.24, 247.64, 249.33], nan_ok=True)


def test_a_start_level_gives_the_base(five: FloatCapIndex) -> None:
    same = FloatCapIndex.build(CLOSES, SHARES, FFW, [SPLIT], start_level=200.0)

    assert same.ledger == five.ledger
    assert FloatCapIndex.build(CLOSES, SHARES, FFW, [SPLIT]).levels().iloc[0] == 100.0


def test_an_entry_at_the_close_before_moves_the_base() -> None:
    """B comes in worth 3,000 beside 1,000: the base is four times what it was, and B's rise of a tenth gives 7.5 %."""
    closes = pd.DataFrame({"A": [100.0, 100.0], "B": [300.0, 330.0]}, DAYS[:2])
    shares = pd.DataFrame({"A": [10.0, 10.0], "B": [NAN, 10.0]}, DAYS[:2])

    index = FloatCapIndex.build(closes, shares, pd.Series({"A": 1.0, "B": 1.0}))

    assert index.levels().tolist() == [100.0, 107.5]
    assert [(float(entry.after), entry.event) for entry in index.ledger] == [(1_000, "start"), (4_000, "B in")]


def test_a_change_of_free_float_moves_the_base() -> None:
    closes = pd.DataFrame({"A": [100.0, 100.0], "B": [100.0, 50.0]}, DAYS[:2])
    free = pd.DataFrame({"A": [1.0, 1.0], "B": [1.0, 0.5]}, DAYS[:2])

    index = FloatCapIndex.build(closes, pd.Series({"A": 10.0, "B": 10.0}), free, base=2_000)

    assert [float(entry.after) for entry in index.ledger] == [2_000, 1_500]
    assert index.levels().tolist() == [100.0, 83.33]


def test_a_split_taken_for_an_issue_breaks_the_index() -> None:
    """Why a split must be said: 40 new shares taken for an issue at 190 yen leave a level that falls by far."""
    found = FloatCapIndex.build(CLOSES, SHARES, FFW, base=6_500)

    assert found.levels().iloc[-1] < 200


def test_one_session_names_no_more_than_five_changes() -> None:
    closes = pd.DataFrame({code: [10.0, 10.0] for code in "ABCDEFGH"}, DAYS[:2])
    shares = pd.DataFrame({code: [10.0, 20.0] for code in "ABCDEFGH"}, DAYS[:2])

    index = FloatCapIndex.build(closes, shares, pd.Series(1.0, index=list("ABCDEFGH")))

    assert index.ledger[1].event.endswith("E shares 10 -> 20, 3 more")


# Laws


prices = st.floats(1.0, 99_999.0).map(lambda price: round(price, 1))
counts = st.integers(0, 10**9)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    close=st.lists(prices, min_size=4, max_size=4),
    before=st.lists(counts, min_size=4, max_size=4),
    after=st.lists(counts, min_size=4, max_size=4),
    ratio=st.integers(1, 100).map(lambda tenths: Fraction(tenths, 10)),
)
def test_no_change_moves_the_level(close: list[float], before: list[int], after: list[int], ratio: Fraction) -> None:
    """Whatever happens to the shares, and a split besides: prices that stay leave the level where it is."""
    codes = list("ABCD")
    closes = pd.DataFrame([close, [close[0] / float(ratio), *close[1:]]], DAYS[:2], codes)
    shares = pd.DataFrame([[1 + n for n in before], [1 + after[0], *after[1:]]], DAYS[:2], codes, dtype="float64")
    split = Split("A", ratio, effective=date(2024, 4, 2))

    index = FloatCapIndex.build(closes, shares, pd.Series(1.0, codes), [split], start_level=1_992.33)

    assert index.levels().tolist() == [1_992.33, 1_992.33]


def test_the_order_of_codes_is_irrelevant(five: FloatCapIndex) -> None:
    order = ["E", "C", "A", "D", "B"]
    other = FloatCapIndex.build(CLOSES[order[::-1]], SHARES[order], FFW[order[2:] + order[:2]], [SPLIT], base=6_500)

    assert other.levels().equals(five.levels())
    assert [entry.after for entry in other.ledger] == [entry.after for entry in five.ledger]


def test_without_a_change_it_is_the_plain_formula() -> None:
    """Against `levels`, the formula with one base for all."""
    rng = np.random.default_rng(5)
    days = pd.bdate_range("2024-01-04", periods=300)
    closes = pd.DataFrame(np.round(rng.uniform(100, 9_000, (300, 40)), 1), days, [f"{n}" for n in range(1301, 1341)])
    shares = pd.Series(rng.integers(1e6, 1e9, 40).astype(float), closes.columns)
    ffw = pd.Series(np.round(rng.uniform(0.05, 1, 40), 2), closes.columns)

    index = FloatCapIndex.build(closes, shares, ffw, base=1e13)

    assert index.levels().equals(floatcap.levels(closes, shares, ffw, 1e13))
    assert len(index.ledger) == 1


# Refusals


def test_every_missing_close_of_a_member_is_named() -> None:
    closes = CLOSES.drop(columns="C")
    closes.loc["2024-04-02", "B"] = NAN

    with pytest.raises(DataError) as caught:
        FloatCapIndex.build(closes, SHARES, FFW, [SPLIT])

    assert [(f.row, f.column, f.rule) for f in caught.value.findings] == [
        ("", "C", "missing-price"),
        ("2024-04-02", "B", "missing-price"),
    ]


def test_an_entrant_needs_the_close_before() -> None:
    closes = pd.DataFrame({"A": [100.0, 100.0], "B": [NAN, 330.0]}, DAYS[:2])
    shares = pd.DataFrame({"A": [10.0, 10.0], "B": [0.0, 10.0]}, DAYS[:2])

    with pytest.raises(DataError, match="2024-04-01, B"):
        FloatCapIndex.build(closes, shares, pd.Series({"A": 1.0, "B": 1.0}))


def test_a_session_without_members_is_refused() -> None:
    with pytest.raises(DataError, match="2024-04-02: no member"):
        FloatCapIndex.build(
            CLOSES[["A"]], SHARES[["A"]] * pd.Series([1, 0, 1, 1, 1], DAYS).to_numpy()[:, None], FFW[["A"]]
        )


def test_impossible_input_is_refused(five: FloatCapIndex) -> None:
    with pytest.raises(SpecError, match="base is a number above zero"):
        FloatCapIndex.build(CLOSES, SHARES, FFW, base=0.0)
    with pytest.raises(SpecError, match="start_level"):
        FloatCapIndex.build(CLOSES, SHARES, FFW, start_level=NAN)
    with pytest.raises(EventError, match="another split of E"):
        FloatCapIndex.build(CLOSES, SHARES, FFW, [SPLIT, SPLIT])
    with pytest.raises(MissingData, match="no sessions"):
        FloatCapIndex.build(CLOSES[:0], SHARES[:0], FFW)
    with pytest.raises(MissingData, match="2024-04-06"):
        five.weights("2024-04-06")
    with pytest.raises(SpecError, match="before the start"):
        five.contributions("2024-04-05", "2024-04-01")


# Markets


def test_the_sample_is_rebuilt_to_the_last_digit(small_market: MarketData) -> None:
    index = floatcap.rebuild(small_market)
    published = small_market.table("topix")["close"]

    assert len(published) > 900
    assert index.levels().tolist() == published.tolist()
    assert len(index.regimes) > 1
    assert len(index.ledger) == 1, "a sample changes shares by splits alone"


def test_a_market_without_shares_is_refused(tmp_path: Path) -> None:
    (tmp_path / "topix.csv").write_text("date,close\n2024-04-01,2721.22\n")

    with pytest.raises(MissingData, match="shares_ffw"):
        floatcap.rebuild(MarketData.open(tmp_path))


def test_a_market_that_starts_at_its_published_level(tmp_path: Path) -> None:
    """2,721.22 x 1.1 = 2,993.342; then A issues as many shares again at 110, and rises by 10 yen: x 120 / 110."""
    (tmp_path / "topix.csv").write_text("date,close\n2024-04-01,2721.22\n")
    (tmp_path / "closes.csv").write_text("date,A\n2024-03-29,90\n2024-04-01,100\n2024-04-02,110\n2024-04-03,120\n")
    (tmp_path / "shares_ffw.csv").write_text("date,code,shares,ffw\n2024-03-30,A,10,0.5\n2024-04-03,A,20,0.5\n")

    index = floatcap.rebuild(MarketData.open(tmp_path))

    assert index.levels().tolist() == [2721.22, 2993.34, 3265.46]


@pytest.mark.real
def test_the_published_market_values_give_the_published_level(real: Path) -> None:
    """TOPIX on 2021-12-30: 4.38856e14 yen over a base of 2.20273e13, six digits each: 1,992.33 (B2)."""
    with (real / "checks" / "topix_market_values_2021-12-30.csv").open(newline="", encoding="utf-8-sig") as file:
        row = next(row for row in csv.reader(file) if row[2] == "TOPIX")
    closes = pd.DataFrame({"all": [float(row[4])]}, pd.DatetimeIndex(["2021-12-30"]))

    index = FloatCapIndex.build(closes, pd.Series({"all": 1.0}), pd.Series({"all": 1.0}), base=float(row[5]))

    assert index.levels().iloc[0] == float(row[3]) == 1992.33
