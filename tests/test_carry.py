"""What a future is worth: by hand, against the exact dividend points, and against real closes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from indexsim import dividends
from indexsim.carry import CASH, Carry, carry_error, carry_of, fair_value, nearest_contracts
from indexsim.errors import MissingData
from indexsim.market import MarketData
from indexsim.rebuild import rebuild


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


def write(folder: Path, **files: str) -> MarketData:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, "utf-8")
    return MarketData.open(folder)


#: A + B = 300 yen over a divisor of 0.02: 15,000 points. A pays 2 yen, B 1 yen: 100 and 50 points.
BASKET = {
    "closes": "date,1301,1302\n2021-03-26,100,200\n2021-03-29,100,200\n2021-03-30,98,199\n2021-03-31,98,199\n",
    "factors": "effective_date,code,factor,event\n2021-03-26,1301,1,initial\n2021-03-26,1302,1,initial\n",
    "divisors": "effective_date,divisor\n2021-03-26,0.02\n",
    "n225": "date,open,high,low,close\n"
    "2021-03-26,15000,15000,15000,15000\n2021-03-29,15000,15000,15000,15000\n"
    "2021-03-30,14850,14850,14850,14850\n2021-03-31,14850,14850,14850,14850\n",
    "topix": "date,open,high,low,close\n"
    "2021-03-26,1500,1500,1500,1500\n2021-03-29,1500,1500,1500,1500\n"
    "2021-03-30,1485,1485,1485,1485\n2021-03-31,1485,1485,1485,1485\n",
}
DIVIDENDS = "ex_date,code,yen\n2021-03-30,1301,2\n2021-03-30,1302,1\n2021-06-01,1301,3\n2021-09-28,1301,4\n"


def test_fair_value_is_interest_less_dividends() -> None:
    """20,000 at 1 % for a quarter is 20,050; 130 points go ex."""
    assert fair_value(20_000.0, 0.01, 0.25, 130.0) == 19_920.0


def test_a_curve_is_the_fair_value_of_each_session() -> None:
    """From 2021-03-01 to the SQ day 2021-06-11 are 102 days; the rate changes on the second day."""
    carry = Carry(
        "nikkei", days("2021-03-30", "2021-06-11"), np.array([150.0, 9.0]), days("2021-03-01", "2021-03-02"),
        np.array([0.01, 0.02]), (),
    )  # fmt: skip
    found = carry.curve(
        days("2021-02-26", "2021-03-01", "2021-03-02", "2021-03-30"), np.full(4, 30_000.0), days(*["2021-06-11"] * 4)
    )

    assert found.tolist() == pytest.approx(
        [
            30_000 - 159,
            30_000 * (1 + 0.01 * 102 / 365) - 159,
            30_000 * (1 + 0.02 * 101 / 365) - 159,
            30_000 * (1 + 0.02 * 73 / 365) - 9,
        ]
    )


def test_what_goes_ex_today_is_gone_and_what_goes_ex_on_the_sq_day_is_not_received() -> None:
    carry = Carry(
        "nikkei", days("2021-03-30", "2021-06-11", "2021-06-14"), np.array([150.0, 9.0, 7.0]), days(), np.array([]), ()
    )
    asked = days("2021-03-29", "2021-03-30", "2021-06-10", "2021-06-11")

    assert carry.to_go(asked, days(*["2021-06-11"] * 4)).tolist() == [159.0, 9.0, 9.0, 0.0]


def test_dividends_become_points_of_the_basket(tmp_path: Path) -> None:
    """3 yen over 0.02 on 2021-03-30; 3 and 4 yen of 1301 lie after the last close and use its basket."""
    carry = carry_of(write(tmp_path, **BASKET, dividends=DIVIDENDS, rates="date,rate\n2021-03-26,0.01\n"), "nikkei")

    assert carry.ex_dates.tolist() == days("2021-03-30", "2021-06-01", "2021-09-28").tolist()
    assert carry.points.tolist() == pytest.approx([150.0, 150.0, 200.0])
    assert carry.notes == ("carry of nikkei: dividends from 2021-03-30 to 2021-09-28; none outside",
                           "carry of nikkei: rates begin on 2021-03-26; zero before")  # fmt: skip


def test_a_future_does_not_fall_on_an_ex_date(tmp_path: Path) -> None:
    """The cash index falls by its dividend of 150 points; with no interest the future stays where it was."""
    market = write(tmp_path, **BASKET, dividends=DIVIDENDS)
    cash = market.folder.frame("n225")["close"]
    future = carry_of(market, "nikkei").curve(
        days(*(f"{d:%Y-%m-%d}" for d in cash.index)), cash.to_numpy(), days(*["2021-06-11"] * 4)
    )

    assert future.tolist() == pytest.approx([14_700.0] * 4)


def test_a_dividend_on_the_day_of_a_split_is_paid_on_the_shares_before(tmp_path: Path) -> None:
    """1301 splits 2:1 on its ex-date: 2 yen a share as held before are 1 yen on each of two, times the factor 2."""
    files = BASKET | {
        "closes": "date,1301,1302\n2021-03-26,100,200\n2021-03-29,100,200\n2021-03-30,49,199\n2021-03-31,49,199\n",
        "factors": BASKET["factors"] + "2021-03-30,1301,2,split 2:1\n",
    }
    market = write(tmp_path, **files, dividends=DIVIDENDS)
    exact = dividends.points(rebuild(market).index, market.table("dividends"))

    assert exact["2021-03-30"] == pytest.approx(150.0)
    assert carry_of(market, "nikkei").points[0] == pytest.approx(150.0)


def test_points_in_floats_are_the_exact_ones(small_market: MarketData) -> None:
    index = rebuild(small_market).index
    exact = dividends.points(index, small_market.table("dividends"))
    carry = carry_of(small_market, "nikkei", index)
    inside = carry.ex_dates <= exact.index[-1].to_datetime64()
    mine = pd.Series(carry.points, pd.DatetimeIndex(carry.ex_dates))[inside]

    assert len(mine) > 6
    assert mine[mine > 0].to_numpy() == pytest.approx(exact[exact > 0].to_numpy(), rel=1e-12)


def test_topix_weighs_dividends_by_free_float(tmp_path: Path) -> None:
    """10 x 0.5 shares of 1301 at 100 and 20 x 0.25 of 1302 at 200 are 1,500 yen and pay 15: 1 % of 1,500 points."""
    shares = "date,code,shares,ffw\n2021-03-26,1301,10,0.5\n2021-03-26,1302,20,0.25\n2021-03-30,1301,1000,1\n"
    carry = carry_of(write(tmp_path, **BASKET, dividends=DIVIDENDS, shares_ffw=shares), "topix")

    assert carry.points[0] == pytest.approx(15.0)
    assert carry.notes[0] == "carry of topix: dividends weighted by shares_ffw"


def test_topix_without_shares_has_the_yield_of_the_nikkei(tmp_path: Path) -> None:
    """150 of 15,000 points are 1 %; so are 15 of 1,500."""
    carry = carry_of(write(tmp_path, **BASKET, dividends=DIVIDENDS), "topix")

    assert carry.points[0] == pytest.approx(15.0)
    assert any("no shares_ffw" in note for note in carry.notes)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
    bare = carry_of(write(one, n225=BASKET["n225"]), "nikkei")
    unweighed = carry_of(write(other, n225=BASKET["n225"], dividends=DIVIDENDS), "nikkei")

    assert [len(c.points) + len(c.rates) for c in (bare, unweighed)] == [0, 0]
    assert "no dividends" in bare.notes[0]
    assert "no rates" in bare.notes[1]
    assert "no basket" in unweighed.notes[0]


def test_the_nearest_contract_is_the_one_that_still_trades() -> None:
    """Trading in 2025-12 ended on Thursday 11 December."""
    found = nearest_contracts(days("2025-12-12", "2025-09-12", "2025-12-11"))

    assert [c.name for c in found] == ["2026-03", "2025-12", "2025-12"]


def test_no_contract_is_known_beyond_the_session_table() -> None:
    with pytest.raises(MissingData):
        nearest_contracts(days("2027-12-20"))


def test_the_error_is_model_minus_file(tmp_path: Path) -> None:
    """The model says 14,700 on four days; the file 14,699, 14,702, 14,700 and, of the next contract, anything."""
    futures = (
        "date,root,contract,close\n2021-03-26,nikkei,front,14699\n2021-03-29,nikkei,2021-06,14702\n"
        "2021-03-29,nikkei,2021-09,1\n2021-03-30,nikkei,2021-06,14700\n"
    )
    found = carry_error(write(tmp_path, **BASKET, dividends=DIVIDENDS, futures=futures))["nikkei"]

    assert (found["n"], found["first"], found["last"]) == (3, "2021-03-26", "2021-03-30")
    assert found["points"] == {"mean": -0.3333, "sd": 1.2472, "median_size": 1.0}
    assert found["cash_bp"]["mean"] == pytest.approx((301 / 14_699 + 298 / 14_702 + 150 / 14_700) / 3 * 1e4, abs=1e-3)


def _front(real: Path, name: str, root: str, first: str, last: str) -> pd.DataFrame:
    frame = pd.read_csv(real / "futures" / name).assign(root=root, contract="front")
    return frame[frame["date"].between(first, last)][["date", "root", "contract", "open", "close", "volume"]]


def _dividends(real: Path, first: str, last: str) -> pd.DataFrame:
    """Dividends as paid: the list is adjusted for the splits up to March 2022; 7203 is in it twice."""
    paid = pd.read_csv(real / "constituents" / "dividends_1999_2022.csv", dtype={"code": str})
    splits = pd.read_csv(real / "constituents" / "splits_1999_2022.csv", dtype={"code": str})
    splits = splits[(splits["code"] != "7203") | (splits["ex_date"] == "2021-09-29")]
    paid = paid[paid["ex_date"].between(first, last)]
    ratio = [
        splits["ratio"][(splits["code"] == r.code) & (splits["ex_date"] >= r.ex_date)].prod() for r in paid.itertuples()
    ]
    return paid.assign(yen=paid["dividend_split_adjusted"] * ratio)[["ex_date", "code", "yen"]].sort_values(
        ["ex_date", "code"]
    )


@pytest.mark.real
def test_the_model_against_real_futures_of_2017_and_2018(real: Path, tmp_path: Path) -> None:
    """The bare index lies some 10 bp above the future, by its dividends; the model takes that away.

    What is left, 15 bp, is mostly the 15 minutes for which futures trade after the cash close.
    """
    first, last = "2017-01-24", "2018-11-16"
    files = (("n225_front_daily_2010_2022.csv", "nikkei"), ("topix_front_daily_2010_2024.csv", "topix"))
    rows = pd.concat([_front(real, name, root, first, last) for name, root in files])
    rows.sort_values(["date", "root"]).to_csv(tmp_path / "futures.csv", index=False)
    _dividends(real, first, "2019-03-31").to_csv(tmp_path / "dividends.csv", index=False)
    for series in CASH.values():
        shutil.copy(real / "series" / f"{series}.csv", tmp_path)
    found = carry_error(MarketData.open(real / "window_2017_2018", tmp_path))
    for root, error in found.items():
        print(root, {key: error[key] for key in ("n", "points", "bp", "cash_bp", "notes")})

    assert set(found) == {"nikkei", "topix"}
    for error in found.values():
        assert error["n"] > 440
        assert abs(error["bp"]["mean"]) < 2.0 < 8.0 < error["cash_bp"]["mean"]
        assert error["bp"]["sd"] < 18.0 < 25.0 < error["cash_bp"]["sd"]
