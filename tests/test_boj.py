"""The Bank of Japan as buyer and holder: days, deciles, the model, allocation and what it holds, by hand.

The hand market has TOPIX at 1,600 and the Nikkei at 20,000 in round numbers; amounts of the file are in 100 million
yen. The tests marked real print what they measured.
"""

from __future__ import annotations

import json
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import optimize

from indexsim import boj
from indexsim.boj import deciles, model
from indexsim.boj.facts import allocation_on, caps
from indexsim.boj.holdings import by_index
from indexsim.boj.judgement import verdict
from indexsim.boj.when import Plan, Stretch
from indexsim.errors import DataError, MissingData
from indexsim.market import MarketData

Rows = dict[str, list[object]]


def market_of(folder: Path, **files: Rows) -> MarketData:
    """Write the named files and open them."""
    folder.mkdir(exist_ok=True)
    for name, rows in files.items():
        pd.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)
    return MarketData.open(folder)


def topix(closes: dict[str, float], opens: dict[str, float] | None = None) -> Rows:
    """Return rows of a series; opens are the closes where not given."""
    opened = [(opens or {}).get(day, close) for day, close in closes.items()]
    return {"date": list(closes), "open": list(opened), "close": list(closes.values())}


# --- days --------------------------------------------------------------------------------------------------------

#: Thursday to Wednesday; 2016-03-21 was a holiday, 2016-03-19 and 20 a weekend.
WEEK = ("2016-03-17", "2016-03-18", "2016-03-22", "2016-03-23")


def week(folder: Path) -> MarketData:
    closes = dict(zip(WEEK, (1600.0, 1616.0, 1600.0, 1584.0), strict=True))
    opens = {"2016-03-18": 1608.0, "2016-03-22": 1599.84, "2016-03-23": 1592.0}
    bought: Rows = {
        "date": ["2016-03-17", "2016-03-18", "2016-03-19", "2016-03-23"],
        "index_etf": [None, None, None, 350.0],
        "supportive_etf": [None, 12.0, None, 12.0],
    }
    halves: Rows = {
        "date": ["2016-03-18", "2016-03-18"],
        "series": ["n225", "topix"],
        "morning_close": [1.0, 1584.0],
        "afternoon_open": [1.0, 1590.0],
    }
    morning: Rows = {"date": ["2016-03-23"], "am_ret_to_11h": [-0.01], "am_ret_to_12h": [-0.02]}
    series = topix(closes, opens)
    return market_of(folder, topix=series, boj_etf_purchases=bought, halves=halves, n225_morning_approx=morning)


def test_blank_and_absent_rows_are_sessions_without_a_purchase(tmp_path: Path) -> None:
    found = boj.days(week(tmp_path / "m"))

    assert [f"{day:%Y-%m-%d}" for day in found.index] == list(WEEK)
    assert found["bought"].tolist() == [False, False, False, True]
    assert found["yen"].tolist() == [0.0, 0.0, 0.0, 35e9]
    assert found["supportive"].tolist() == [0.0, 1.2e9, 0.0, 1.2e9]


def test_returns_run_from_the_close_of_the_session_before(tmp_path: Path) -> None:
    found = boj.days(week(tmp_path / "m"))

    assert found["overnight"].tolist()[1:] == pytest.approx([0.005, -0.01, -0.005])
    assert np.isnan(found["overnight"].iloc[0])
    assert found["lunch"].iloc[1] == pytest.approx(-0.01)
    assert found["lunch"].count() == 1
    assert found["morning"].iloc[3] == -0.02
    assert found["morning"].count() == 1


def test_a_session_without_a_row_of_topix_leaves_two_returns_unknown(tmp_path: Path) -> None:
    closes = {day: 1600.0 for day in WEEK if day != "2016-03-18"}
    bought: Rows = {"date": list(WEEK), "index_etf": [1.0, None, None, None]}
    found = boj.days(market_of(tmp_path / "m", topix=topix(closes), boj_etf_purchases=bought))

    assert found["overnight"].isna().tolist() == [True, True, True, False]


def test_purchases_of_the_evening_are_not_known_at_the_close(tmp_path: Path) -> None:
    market = week(tmp_path / "m")

    assert not boj.days(market.until("2016-03-23T18:59"))["bought"].any()
    assert boj.days(market.until("2016-03-23T19:00"))["bought"].iloc[-1]


def test_a_market_without_purchases_is_refused(tmp_path: Path) -> None:
    market = market_of(tmp_path / "m", topix=topix(dict.fromkeys(WEEK, 1600.0)))

    with pytest.raises(MissingData, match="boj_etf_purchases missing"):
        boj.answer(market)


# --- deciles -----------------------------------------------------------------------------------------------------


def test_deciles_by_hand() -> None:
    returns = np.arange(20, 0, -1) / 1000.0
    bought = returns <= 0.003
    found = boj.by_decile(np.append(returns, np.nan), np.append(bought, True))

    assert found["n"].tolist() == [2] * 10
    assert found["bought"].tolist() == [2, 1] + [0] * 8
    assert found["p"].tolist() == [1.0, 0.5] + [0.0] * 8
    assert found["to"].iloc[9] == 0.020


def test_edges_of_other_days_leave_deciles_empty() -> None:
    inner = deciles.edges(np.arange(1, 21) / 1000.0)
    found = boj.by_decile(np.array([0.0005]), np.array([True]), inner)

    assert found["n"].tolist() == [1] + [0] * 9
    assert np.isnan(found["p"].iloc[1])


def test_the_exact_interval_of_five_in_ten() -> None:
    found = deciles.frequency(np.array([True, False] * 5))

    # Clopper and Pearson's table: 5 of 10 lies within 18.7 and 81.3 %.
    assert (round(found.low, 3), round(found.high, 3)) == (0.187, 0.813)


@pytest.mark.parametrize(
    ("lowest", "upper", "n", "said"),
    [
        ((99, 100), (0, 500), 1000, "supported"),
        ((90, 100), (0, 500), 1000, "not supported"),
        ((99, 100), (50, 500), 1000, "not supported"),
        ((29, 29), (0, 145), 290, "insufficient"),
    ],
)
def test_the_verdict_needs_both_ends_and_days(
    lowest: tuple[int, int], upper: tuple[int, int], n: int, said: str
) -> None:
    low, high = (deciles.frequency(np.arange(days) < times) for times, days in (lowest, upper))

    assert verdict(low, high, n) == said


def test_a_contradiction_within_the_error_of_the_morning_is_none() -> None:
    """1,000 days a basis point apart; the 27 bp error blurs which of them were below the edge at -4 %."""
    returns = (np.arange(1000) - 500) / 10_000.0
    blurred = returns < -0.0425
    wrong = returns < -0.0470

    assert boj.judge(returns, blurred, "morning")["verdict"] == "undecided"
    assert boj.judge(returns, wrong, "morning")["verdict"] == "not supported"
    assert boj.judge(returns, blurred, "overnight")["verdict"] == "not supported"
    assert boj.judge(returns, returns <= -0.04, "morning")["verdict"] == "supported"


# --- the model ---------------------------------------------------------------------------------------------------


def drawn(n: int = 900) -> tuple[np.ndarray, np.ndarray, pd.DatetimeIndex]:
    """Draw days over three eras whose log odds are -2, -1 and 0, with a slope of -2 by percent."""
    random = np.random.default_rng(5)
    days = pd.date_range("2012-06-01", "2015-12-31", periods=n).normalize()
    returns = random.normal(0.0, 0.01, n)
    base = pd.Series(model.era_of(days)).map(
        {"outstanding cap": -2.0, "1 trillion a year": -1.0, "3 trillion a year": 0.0}
    )
    odds = base.to_numpy() - 200.0 * returns
    return returns, random.random(n) < 1 / (1 + np.exp(-odds)), days


def test_the_fit_is_that_of_another_optimiser() -> None:
    returns, bought, days = drawn()
    own = model.fit(returns, bought, days)
    era = pd.Categorical(model.era_of(days), categories=own.eras).codes

    def loss(v: np.ndarray) -> float:
        odds = v[era] + 100.0 * v[3] * returns
        return float(np.sum(np.log1p(np.exp(odds)) - bought * odds))

    other = optimize.minimize(loss, np.zeros(4), method="Nelder-Mead", options={"xatol": 1e-7, "maxiter": 9000}).x

    assert own.eras == ("outstanding cap", "1 trillion a year", "3 trillion a year")
    assert [*own.intercepts, own.slope] == pytest.approx(list(other), abs=2e-3)
    # And not far from what was planted.
    assert [*own.intercepts, own.slope] == pytest.approx([-2.0, -1.0, 0.0, -2.0], abs=0.5)


def test_days_that_part_without_an_error_still_have_a_model() -> None:
    days = pd.date_range("2015-06-01", periods=40)
    returns = np.linspace(-0.02, 0.02, 40)
    found = model.fit(returns, returns < 0, days)
    p = found.probability(returns, days)

    assert np.isfinite(found.slope)
    assert p[:20].min() > 0.5 > p[20:].max()


def test_an_era_the_fit_has_not_seen_takes_the_last_one() -> None:
    own = model.Logistic(("3 trillion a year",), (0.0,), 0.0)

    assert own.probability(np.zeros(1), pd.DatetimeIndex(["2020-04-01"])).tolist() == [0.5]


def test_log_loss_and_calibration_by_hand() -> None:
    p, bought = np.array([0.25, 0.25, 0.25, 0.75]), np.array([False, False, True, True])

    assert model.log_loss(p, bought) == pytest.approx(-(3 * np.log(0.75) + np.log(0.25)) / 4)
    assert model.calibration(p, bought) == (model.Bin(3, 0.25, 1 / 3), model.Bin(1, 0.75, 1.0))
    assert model.gap(model.calibration(p, bought)) == pytest.approx((3 * (1 / 3 - 0.25) + 0.25) / 4)


def test_many_predictions_make_bins_of_equal_numbers() -> None:
    p = np.arange(100) / 100.0

    assert [b.n for b in model.calibration(p, p > 0.5)] == [20] * 5
    assert [b.observed for b in model.calibration(p, p > 0.5)] == [0.0, 0.0, 0.45, 1.0, 1.0]


def test_a_certainty_that_fails_costs_much_but_not_everything() -> None:
    assert model.log_loss(np.array([1.0]), np.array([False])) == pytest.approx(-np.log(1e-6), rel=1e-4)


def test_the_model_is_judged_on_days_it_was_not_fitted_on() -> None:
    returns, bought, days = drawn()
    frame = pd.DataFrame({"overnight": returns, "bought": bought}, index=days)
    fitting = Stretch("fit", date(2012, 6, 1), date(2014, 12, 31))
    judging = Stretch("test", date(2015, 1, 1), date(2015, 12, 31))
    plan = Plan("overnight", fitting, (judging,))
    found = boj.fitted(frame, plan)
    assert found is not None
    flipped = frame.assign(bought=np.where(days.year == 2015, ~bought, bought))
    other = boj.fitted(flipped, plan)
    assert other is not None

    assert other.model == found.model
    assert found.judged[1].best == "logistic"
    assert other.judged[1].best != "logistic"
    assert sum(part.n for part in found.judged) == 900


def test_no_model_without_a_day_of_each_kind() -> None:
    frame = pd.DataFrame({"overnight": [0.0, 0.01], "bought": [False, False]}, pd.DatetimeIndex(WEEK[:2]))

    assert boj.fitted(frame, boj.ON_OVERNIGHT) is None


# --- what, how much, held ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "topix_", "nikkei", "jpx400"),
    [("2016-09-21", 42, 53, 4), ("2016-10-03", 70, 28, 2), ("2021-04-01", 100, 0, 0)],
)
def test_the_allocation_is_the_published_estimate(day: str, topix_: int, nikkei: int, jpx400: int) -> None:
    """Nomura in September 2016: 42, 53 and 4 % (99 in all), afterwards 70, 28 and 2 %; from April 2021 TOPIX."""
    shares = allocation_on(date.fromisoformat(day)).shares

    assert sum(shares.values()) == pytest.approx(1.0)
    assert [100 * share for share in shares.values()] == pytest.approx([topix_, nikkei, jpx400], abs=1.01)


def test_the_caps_rise_to_twelve_and_end_in_sales() -> None:
    rows = {(str(cap.decided), cap.kind): cap.trillion_yen for cap in caps()}

    assert rows["2010-10-28", "outstanding"] == 0.45
    assert rows["2016-07-29", "pace"] == 6
    assert rows["2020-03-16", "ceiling"] == 12
    assert rows["2025-09-19", "sale"] == boj.SALES.book
    # "If it sold at that pace, it would take about 112 years."
    assert int(boj.SALES.years) == 112


def test_a_purchase_is_spread_by_the_rule_of_its_day() -> None:
    days = pd.DatetimeIndex(["2016-03-23", "2016-10-03", "2022-01-14"])
    found = by_index(pd.DataFrame({"yen": 570.0, "supportive": [12.0, 12.0, 0.0]}, index=days))

    assert found["nikkei"].tolist() == pytest.approx([0.53 * 570, 0.53 * 300, 0.0])
    assert found["topix"].tolist() == pytest.approx([0.43 * 570, 270 + 0.43 * 300, 570.0])
    assert found["supportive"].tolist() == [12.0, 12.0, 0.0]


def held(folder: Path, **more: Rows) -> MarketData:
    """100 trillion yen bought on the first of three days; TOPIX rises by a tenth, the Nikkei by a fifth."""
    bought: Rows = {"date": list(WEEK[:3]), "index_etf": [1e6, None, None], "supportive_etf": [None, 12.0, None]}
    n225 = topix(dict(zip(WEEK[:3], (200.0, 200.0, 240.0), strict=True)))
    series = topix(dict(zip(WEEK[:3], (1600.0, 1600.0, 1760.0), strict=True)))
    return market_of(folder, topix=series, n225=n225, boj_etf_purchases=bought, **more)


def test_the_book_follows_the_indexes(tmp_path: Path) -> None:
    found = boj.book(held(tmp_path / "m"))

    assert found.day == date(2016, 3, 22)
    assert found.cost == pytest.approx({"topix": 43e12, "nikkei": 53e12, "jpx400": 4e12, "supportive": 1.2e9})
    assert found.value == pytest.approx(
        {"topix": 43e12 * 1.1, "nikkei": 53e12 * 1.2, "jpx400": 4e12 * 1.1, "supportive": 1.2e9 * 1.1}
    )
    assert boj.book(held(tmp_path / "m"), date(2016, 3, 17)).value["nikkei"] == pytest.approx(53e12)


def test_what_was_bought_before_the_first_level_is_said(tmp_path: Path) -> None:
    bought: Rows = {"date": list(WEEK[:2]), "index_etf": [1e4, 1e4]}
    market = market_of(tmp_path / "m", topix=topix({WEEK[1]: 1600.0}), boj_etf_purchases=bought)
    found = boj.book(market)

    assert found.value["topix"] == pytest.approx(0.43e12)
    assert np.isnan(found.value["nikkei"])
    assert "topix: 0.43 trillion yen bought before the first topix are left out" in found.missing
    assert "nikkei: no n225, so 1.06 trillion yen at cost have no value" in found.missing


def test_no_level_on_the_day_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="no session of topix or n225 on or before 2016-03-16"):
        boj.book(held(tmp_path / "m"), date(2016, 3, 16))


#: Two stocks: 100 and 300 yen on the first day, 120 and 360 on the last; divisor 2.
STOCKS: dict[str, Rows] = {
    "closes": {"date": list(WEEK[:3]), "1001": [100.0, 100.0, 120.0], "1002": [300.0, 300.0, 360.0]},
    "factors": {
        "effective_date": [WEEK[0]] * 2,
        "code": ["1001", "1002"],
        "factor": ["1", "1"],
        "event": ["initial"] * 2,
        "announced_date": [""] * 2,
    },
    "divisors": {"effective_date": [WEEK[0]], "divisor": ["2"], "note": ["start"]},
}


def test_stocks_are_held_by_their_weights(tmp_path: Path) -> None:
    shares: Rows = {"date": [WEEK[0]] * 2, "code": ["1001", "1002"], "shares": [1e12, 1e12], "ffw": [1.0, 0.5]}
    found = boj.look_through(held(tmp_path / "m", **STOCKS, shares_ffw=shares))

    # Nikkei: 63.6 trillion by price, 1 : 3. TOPIX: 47.3 trillion by free float, 120 : 180.
    assert found.stocks["nikkei"].to_dict() == pytest.approx({"1002": 47.7e12, "1001": 15.9e12})
    assert found.stocks["topix"].to_dict() == pytest.approx({"1002": 0.6 * 47.3e12, "1001": 0.4 * 47.3e12})
    assert found.stocks["share"].to_dict() == pytest.approx({"1002": 76.08e12 / 360e12, "1001": 34.82e12 / 120e12})
    assert found.unassigned == pytest.approx({"jpx400": 4.4e12, "supportive": 1.32e9})


def test_without_shares_the_topix_part_is_not_assigned(tmp_path: Path) -> None:
    found = boj.look_through(held(tmp_path / "m", **STOCKS))

    assert found.unassigned["topix"] == pytest.approx(47.3e12)
    assert found.stocks["yen"].sum() == pytest.approx(63.6e12)
    assert found.stocks["share"].isna().all()
    assert "shares_ffw: missing, so that the TOPIX part is not known by stock" in found.missing


def test_without_constituents_nothing_is_assigned(tmp_path: Path) -> None:
    found = boj.look_through(held(tmp_path / "m"))

    assert found.stocks.empty
    assert sum(found.unassigned.values()) == pytest.approx(63.6e12 + 47.3e12 + 4.4e12 + 1.32e9)
    assert any("closes, factors, divisors: missing" in text for text in found.missing)


def test_text_among_the_closes_stops_the_look_through(tmp_path: Path) -> None:
    wrong = STOCKS | {"closes": {"date": list(WEEK[:3]), "1001": [100.0, "x", 120.0], "1002": [300.0] * 3}}

    with pytest.raises(DataError, match="1001"):
        boj.look_through(held(tmp_path / "m", **wrong))


# --- the answer --------------------------------------------------------------------------------------------------


def test_the_answer_is_plain_json(small_market: MarketData) -> None:
    found = boj.answer(small_market)

    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["when"]["lunch"]["n"] > 400
    assert found["when"]["morning"]["why"].startswith("no day with a return (morning)")
    assert [e["name"] for e in found["effect"]["estimates"]] == ["elasticity", "bp", "multiplier"]
    assert len(found["holdings"]["stocks"]) == 10


def test_a_market_of_one_series_is_answered_with_what_is_missing(tmp_path: Path) -> None:
    bought: Rows = {"date": list(WEEK), "index_etf": [None, 62_500.0, None, None]}
    market = market_of(tmp_path / "m", n225=topix(dict.fromkeys(WEEK, 19925.18)), boj_etf_purchases=bought)
    found = boj.answer(market)
    lifts = {each["name"]: each["lift"] for each in found["effect"]["estimates"]}

    # 6.25 trillion of a market worth 625: 1 %; 6.25 x 22 bp; 7.5 %.
    assert lifts == pytest.approx({"elasticity": 0.01, "bp": 0.01375, "multiplier": 0.075})
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert any("no topix" in text for text in found["missing"])


def test_purchases_alone_are_answered_too(tmp_path: Path) -> None:
    bought: Rows = {"date": list(WEEK), "index_etf": [None, 62_500.0, None, None]}
    found = boj.answer(market_of(tmp_path / "m", boj_etf_purchases=bought))

    assert found["purchases"]["days"] == 1
    assert found["holdings"]["parts_why"] == "no session of topix or n225"
    assert "effect: neither topix nor n225, so that no lift is computed" in found["missing"]


# --- the real purchases ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def said(real: Path) -> dict[str, object]:
    return boj.answer(MarketData.open(real / "series"))


def counted(returns: pd.Series, purchases: pd.Series) -> pd.DataFrame:
    """Count by decile with nothing but pandas; sessions without a row bought nothing.

    Edges are interpolated quantiles. The 94 days of a decile of mornings move by 0.0106 with every day: cut by ranks
    instead, one day of the third decile changes sides, and its frequency is 0.543 instead of 0.532.
    """
    frame = pd.DataFrame({"r": returns, "bought": purchases.reindex(returns.index).fillna(0) > 0})
    frame = frame.loc["2010-12-15":"2020-12-31"].dropna()
    edges = [-1.0, *(frame["r"].quantile(k / 10) for k in range(1, 10)), 1.0]
    rows = []
    for low, high in pairwise(edges):
        inside = frame.loc[(frame["r"] > low) & (frame["r"] <= high), "bought"]
        rows.append({"mean": inside.mean(), "size": len(inside)})
    return pd.DataFrame(rows)


@pytest.mark.real
def test_frequencies_by_decile_agree_with_an_independent_count(real: Path, said: dict) -> None:  # type: ignore[type-arg]
    read = {
        name: pd.read_csv(real / "series" / f"{name}.csv", index_col="date", parse_dates=True)
        for name in ("topix", "boj_etf_purchases", "n225_morning_approx")
    }
    series = read["topix"].drop(pd.Timestamp("2020-10-01"))  # the exchange stood still
    overnight = series["open"] / series["close"].shift(1) - 1
    columns = {"overnight": overnight, "morning": read["n225_morning_approx"]["am_ret_to_12h"]}
    for name, returns in columns.items():
        independent = counted(returns, read["boj_etf_purchases"]["index_etf"])
        found = [row["p"] for row in said["when"][name]["deciles"]]
        print(name, "n", independent["size"].sum(), "P(buy) by decile", [round(p, 3) for p in found])

        assert found == pytest.approx(independent["mean"].tolist(), abs=0.01)
        assert sum(row["n"] for row in said["when"][name]["deciles"]) == independent["size"].sum()


@pytest.mark.real
def test_s002_is_judged_on_both_returns(said: dict) -> None:  # type: ignore[type-arg]
    for name, verdict_ in (("overnight", "not supported"), ("morning", "undecided")):
        judged = said["when"][name]["judgement"]
        print(name, judged)

        assert judged["verdict"] == verdict_
        assert judged["lowest_decile"]["high"] < 0.99
        assert judged["above_median"]["low"] > 0.01
    beyond = said["when"]["morning"]["judgement"]["beyond_error"]

    # Farther inside than the approximation errs, 99 % and 0 % can no longer be told apart from what was.
    assert beyond["lowest_decile"]["high"] >= 0.99
    assert beyond["above_median"]["low"] <= 0.01


@pytest.mark.real
def test_the_model_beats_a_constant_and_the_rule_out_of_sample_but_not_its_era(said: dict) -> None:  # type: ignore[type-arg]
    for name in ("overnight", "morning"):
        for part in said["when"][name]["model"]["judged"]:
            scores = {score["name"]: (score["log_loss"], score["calibration_gap"]) for score in part["scores"]}
            print(name, part["stretch"], part["n"], part["bought"], part["best"], scores)
    best = {part["stretch"]: part["best"] for part in said["when"]["overnight"]["model"]["judged"]}

    assert best == {"fit": "logistic", "test": "logistic", "2 % rule": "constant rate"}
    assert said["when"]["morning"]["model"]["judged"][1]["best"] == "logistic"


@pytest.mark.real
def test_the_book_is_what_the_bank_published(real: Path) -> None:
    market = MarketData.open(real / "series")
    now, then, ten = (boj.book(market, date(*day)) for day in ((2025, 9, 30), (2017, 7, 31), (2020, 12, 31)))
    cost, value = sum(now.cost.values()), sum(now.value.values())
    shares = {part: ten.cost[part] / sum(ten.cost.values()) for part in ("topix", "nikkei")}
    print("2025-09-30 cost", cost, "value", value, "2017-07-31 value", sum(then.value.values()), "2020", shares)

    # 37,186.1 billion at cost before the first sale; 83.2 trillion at market on 2025-09-30.
    assert cost == pytest.approx(37_186.1e9, rel=0.002)
    assert value == pytest.approx(83.2e12, rel=0.02)
    # "Just below 20 trillion" at the end of July 2017 (voxeu.org).
    assert 18e12 < sum(then.value.values()) < 20e12
    # S002 after Hattori and Yoshida: by 2020 68 % TOPIX and 26 % Nikkei.
    assert shares == pytest.approx({"topix": 0.68, "nikkei": 0.26}, abs=0.03)


@pytest.mark.real
def test_stocks_behind_the_funds_of_2025(real: Path) -> None:
    market = MarketData.open(real / "series", real / "window_2025")
    found = boj.look_through(market)
    weight = found.stocks["nikkei"] / found.stocks["nikkei"].sum()
    print(found.day, (found.stocks["yen"].head(5) / 1e12).round(2).to_dict(), found.unassigned)

    assert found.day == date(2025, 10, 31)
    assert len(found.stocks) == 225
    assert list(weight.index[:3]) == ["6857", "9984", "9983"]
    assert "topix" in found.unassigned
