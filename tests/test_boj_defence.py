"""Buying near the long mean: the mean, the tranches, the raises, and markets that are too short for it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.__main__ import main
from indexsim import sessions
from indexsim.boj.facts import Cap, caps
from indexsim.market import MarketData
from strategies.boj_defence import RAISED, BojDefence, long_mean, raises_of
from tests.conftest import ROOT
from tests.test_lookahead import leaks_of

pytestmark = pytest.mark.usefixtures("no_sheets")

SPEC = ROOT / "backtests/specs/boj_defence.toml"
NAN = float("nan")
#: Tranches at +10, +5, 0 %; nothing below -20 %; out at +30 %.
OWN = BojDefence.Params(near=0.10, step=0.05, tranches=3, far=0.20, leave=0.30, size=0.25)


def tranches(distance: list[float], params: BojDefence.Params = OWN, raised: tuple[int, ...] = ()) -> list[float]:
    told, begun = np.zeros(len(distance), bool), np.ones(len(distance), bool)
    told[list(raised)] = True
    targets = BojDefence.decide({"distance": np.array(distance), "raised": told, "begun": begun}, params)
    assert np.isnan(targets.at_close).all()
    return (targets.at_open[:, 0] / params.size).tolist()


def test_a_tranche_for_every_step_towards_the_mean_and_below() -> None:
    assert tranches([0.11, 0.09, 0.06, 0.04, 0.01, -0.01, -0.15]) == [0, 1, 1, 2, 2, 3, 3]


def test_tranches_are_kept_until_the_index_stands_far_above() -> None:
    assert tranches([0.04, 0.20, 0.29, 0.30, 0.20, 0.09]) == [2, 2, 2, 0, 0, 1]


def test_a_line_too_far_away_is_not_bought_but_what_is_held_stays() -> None:
    assert tranches([-0.21, -0.19, -0.40]) == [0, 3, 3]


def test_while_the_mean_is_unknown_nothing_is_bought() -> None:
    assert tranches([NAN, NAN, 0.04, NAN]) == [0, 0, 2, 2]


def test_a_raise_adds_a_tranche_where_the_distance_calls_for_one() -> None:
    add = replace(OWN, raises="add")

    assert tranches([0.09, 0.09, 0.20], add, raised=(1,)) == [1, 2, 2]
    assert tranches([0.15, 0.15], add, raised=(1,)) == [0, 0]
    assert tranches([-0.30], add, raised=(0,)) == [0]
    assert tranches([-0.10], add, raised=(0,)) == [3]


def test_raises_can_be_the_only_days_on_which_anything_is_bought() -> None:
    only = replace(OWN, raises="only")

    assert tranches([0.04, 0.04, -0.10, 0.15, 0.31], only, raised=(1, 3)) == [0, 2, 2, 2, 0]


def test_raises_can_be_left_out() -> None:
    assert tranches([0.09, 0.15], raised=(0, 1)) == [1, 1]


# --- the mean ------------------------------------------------------------------------------------------------------

DAYS = np.array(["2025-01-30", "2025-01-31", "2025-02-03", "2025-02-28", "2025-03-03"], dtype="datetime64[D]")
CLOSES = np.array([9.0, 10.0, 12.0, 16.0, 20.0])


def test_the_mean_of_month_ends_has_the_running_month_as_far_as_it_is_known() -> None:
    # (10 + 12) / 2, (10 + 16) / 2, (16 + 20) / 2; with three months (10 + 16 + 20) / 3.
    two, three = (long_mean(DAYS, CLOSES, months, "month_end").tolist() for months in (2, 3))

    np.testing.assert_allclose(two, [NAN, NAN, 11.0, 13.0, 18.0])
    np.testing.assert_allclose(three, [NAN, NAN, NAN, NAN, 46.0 / 3])


def test_the_mean_of_days_has_every_close_of_those_months() -> None:
    # (9 + 10 + 12) / 3, (9 + 10 + 12 + 16) / 4, (12 + 16 + 20) / 3: January has left.
    found = long_mean(DAYS, CLOSES, 2, "daily")

    np.testing.assert_allclose(found, [NAN, NAN, 31.0 / 3, 47.0 / 4, 16.0])


def test_fewer_months_than_asked_for_give_no_mean() -> None:
    assert np.isnan(long_mean(DAYS, CLOSES, 4, "month_end")).all()
    assert np.isnan(long_mean(DAYS, CLOSES, 4, "daily")).all()
    assert len(long_mean(DAYS[:0], CLOSES[:0], 4, "daily")) == 0


def market(folder: Path, closes: pd.Series) -> MarketData:
    pd.DataFrame({"close": closes.to_numpy()}, index=closes.index.rename("date")).to_csv(folder / "n225.csv")
    return MarketData.open(folder)


def test_closes_before_the_first_bar_count(tmp_path: Path) -> None:
    """The session table begins in 1985, the file in 1984: the mean is full on the first bar."""
    before = pd.Series([9.0, 12.0], index=pd.to_datetime(["1984-11-30", "1984-12-28"]))
    days = sessions.sessions("1985-01-04", "1985-01-10")
    made = market(tmp_path, pd.concat([before, pd.Series([15.0] * len(days), index=days)]))
    features = BojDefence.features(made, BojDefence.Params(months=3, since=""))

    # Mean (9 + 12 + 15) / 3 = 12; 15 is a quarter above.
    np.testing.assert_allclose(features["distance"], [0.25] * len(days))
    assert features["begun"].all()


def test_in_a_market_that_is_too_short_nothing_is_ever_held(small_market: MarketData) -> None:
    """Four years are 48 months: 48 have a mean in the last one, 49 and the 360 of S002 never."""
    last = np.isfinite(BojDefence.features(small_market, BojDefence.Params(months=48))["distance"])
    none = BojDefence.features(small_market, BojDefence.Params(months=49))["distance"]
    bars = small_market.bars("daily")

    assert str(bars.session[last][0])[:7] == "2022-12"
    assert np.isnan(none).all()
    assert not BojDefence.targets(small_market, BojDefence.Params()).at_open.any()


def test_a_close_is_known_at_the_close_and_bought_at_the_open_after(tmp_path: Path) -> None:
    # Months of 10, 10 and then 10.5 on the first day of March: (10 + 10 + 10.5) / 3 is 3.3 % below it.
    days = sessions.sessions("2023-01-04", "2023-03-02")
    closes = pd.Series(np.where(days >= "2023-03-01", 10.5, 10.0), index=days)
    targets = BojDefence.targets(market(tmp_path, closes), replace(OWN, months=3))

    assert targets.at_open[:, 0].tolist() == [0.0] * (len(days) - 2) + [0.5, 0.5]


# --- the raises ----------------------------------------------------------------------------------------------------


def test_the_raises_are_four_of_the_cap_and_the_four_of_the_pace_that_s002_names() -> None:
    """S002 dates the second of the pace to March 2016; it was decided on 2015-12-18 (H22)."""
    cap = [date(2011, 3, 14), date(2011, 8, 4), date(2012, 4, 27), date(2012, 10, 30)]
    pace = [date(2014, 10, 31), date(2015, 12, 18), date(2016, 7, 29), date(2020, 3, 16)]

    assert list(RAISED) == [*cap, *pace]


def test_the_amounts_are_those_that_were_decided() -> None:
    rows = [(c.kind, c.trillion_yen) for c in caps()]

    assert [y for kind, y in rows if kind == "outstanding"] == [0.45, 0.9, 1.4, 1.6, 2.1]
    assert [y for kind, y in rows if kind in ("pace", "ceiling")] == [1, 3, 3.3, 6, 12, 12, 0]
    assert [y for kind, y in rows if kind == "sale"] == [0.33]


def test_the_first_of_a_kind_an_equal_one_and_a_cut_are_no_raises() -> None:
    def row(day: int, kind: str, amount: float) -> Cap:
        return Cap(date(2020, 1, day), None, kind, amount, "", "B", "")

    rows = [row(1, "pace", 1), row(2, "outstanding", 5), row(3, "ceiling", 2), row(4, "ceiling", 2), row(5, "pace", 0)]

    assert raises_of(rows) == (date(2020, 1, 3),)


def test_a_raise_is_known_from_the_evening_of_its_day(tmp_path: Path) -> None:
    days = sessions.sessions("2020-03-12", "2020-03-19")
    features = BojDefence.features(market(tmp_path, pd.Series(100.0, index=days)), BojDefence.Params(months=2))
    raised = days[features["raised"]]

    # Decided on Monday 16, so the row of Tuesday 17 is the first to know.
    assert [f"{d:%Y-%m-%d}" for d in raised] == ["2020-03-17"]


def test_nothing_is_bought_before_the_first_day_allowed(tmp_path: Path) -> None:
    days = sessions.sessions("2023-01-04", "2023-03-31")
    made = market(tmp_path, pd.Series(100.0, index=days))
    params = replace(OWN, months=2, since="2023-03-10")
    bought = days[BojDefence.targets(made, params).at_open[:, 0] > 0.0]

    assert f"{bought[0]:%Y-%m-%d}" == "2023-03-10"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"index": "dax"}, "index 'dax' is unknown; one of n225, topix"),
        ({"mean": "weekly"}, "mean 'weekly'"),
        ({"raises": "all"}, "raises 'all'"),
        ({"months": 1}, "months 1"),
        ({"tranches": 0}, "tranches 0"),
        ({"step": 0.0}, "step 0 "),
        ({"leave": 0.1}, "leave 0.1 does not lie above near 0.1"),
        ({"far": 0.1}, "far 0.1: the last tranche, at -0.1"),
        ({"since": "2010-12"}, "Invalid isoformat"),
    ],
)
def test_impossible_parameters_are_refused(changes: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        BojDefence.Params(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("mean", ["month_end", "daily"])
def test_no_row_looks_ahead(small_market: MarketData, mean: str) -> None:
    params = BojDefence.Params(months=12, mean=mean, raises="add")

    assert np.ptp(BojDefence.targets(small_market, params).at_open) > 0
    assert leaks_of(BojDefence, params, small_market, "all") == []


@pytest.mark.real
def test_how_near_the_mean_the_raises_were(real: Path) -> None:
    """By pandas, from the file since 1949: the four of the pace within 13 %, those of the cap 40 to 46 % below."""
    closes = pd.read_csv(real / "series" / "n225.csv", parse_dates=["date"], index_col="date")["close"]
    market_ = MarketData.open(real / "series")
    bars = market_.bars("daily")
    found = BojDefence.features(market_, BojDefence.Params())["distance"]
    distances = []
    for day in RAISED:
        known = closes[: pd.Timestamp(day)]
        mean = known.groupby(known.index.to_period("M")).last().iloc[-360:].mean()
        distances.append(known.iloc[-1] / mean - 1.0)

        assert found[bars.session == np.datetime64(day)][0] == pytest.approx(distances[-1], abs=1e-12)
    assert np.round(distances, 3).tolist() == [-0.406, -0.404, -0.414, -0.457, -0.010, 0.128, -0.017, 0.060]


@pytest.mark.real
def test_it_runs_on_the_real_series(real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ("months=360", "instrument=nikkei_mini", "futures=index")
    arguments = [part for setting in settings for part in ("--set", setting)]
    arguments += ["--from", "2010-12-15", "--market", str(real / "series"), "--out", str(tmp_path), "--json", "-"]
    status = main(["run", str(SPEC), *arguments])
    answer = json.loads(capsys.readouterr().out)

    assert status == 0
    assert answer["lookahead"]["leaks"] == []
    assert answer["net"]["n_trades"] > 0
