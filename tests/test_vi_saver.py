"""Saving by the VI: what is paid in when, when it is invested, and the two returns of it by hand."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.prepare import prepare
from backtests.report.document import document
from backtests.run import compute
from backtests.spec import Spec, load_spec
from indexsim import sessions
from indexsim.market import MarketData
from strategies.base import Targets
from strategies.vi_saver import ViSaver
from tests.conftest import ROOT
from tests.test_lookahead import leaks_of

NAN = float("nan")
SPEC = ROOT / "backtests/specs/vi_saver.toml"
#: Months 0 to 2 of two sessions each, and the first session of month 3.
MONTHS = [0, 0, 1, 1, 2, 2, 3]


def decided(vi: list[float], months: list[int] = MONTHS, **changes: float) -> Targets:
    params = ViSaver.Params(**{"monthly": 1_000.0, **changes})  # type: ignore[arg-type]
    return ViSaver.decide({"vi": np.array(vi), "month": np.array(months)}, params)


def paid(targets: Targets) -> list[float]:
    return [0.0] * len(targets) if targets.deposits is None else targets.deposits.tolist()


def test_the_last_session_of_a_month_decides_what_comes_before_the_next_open() -> None:
    targets = decided([25.0] * 6)

    assert paid(targets) == [0, 1_000, 0, 1_000, 0, 1_000]
    # In hand from rows 2 and 4 on; what comes after row 5 is for the row after it.
    np.testing.assert_array_equal(targets.at_open[:, 0], [NAN, NAN, 1.0, NAN, 1.0, NAN])
    assert np.isnan(targets.at_close).all()
    assert targets.unit == "equity"


def test_a_payment_is_doubled_below_20_and_left_out_from_30_on() -> None:
    for vi, expected in ((19.99, 2_000), (20.0, 1_000), (29.99, 1_000), (30.0, 0), (45.0, 0)):
        assert paid(decided([50.0, vi], [0, 0, 1])) == [0, expected]


def test_a_month_without_a_payment_orders_nothing() -> None:
    targets = decided([25.0, 35.0, 25.0, 25.0, 25.0, 25.0])

    np.testing.assert_array_equal(targets.at_open[:, 0], [NAN, NAN, NAN, NAN, 1.0, NAN])


def test_a_month_without_a_vi_is_paid_by_its_own_factor() -> None:
    assert paid(decided([NAN, NAN], [0, 0, 1])) == [0, 1_000]
    assert paid(decided([NAN, NAN], [0, 0, 1], unknown=0.0)) == [0, 0]


def test_factors_and_share_are_parameters() -> None:
    targets = decided([15.0, 15.0, 15.0, 35.0, 15.0, 25.0], calm=3.0, normal=0.5, stressed=1.5, share=0.9)

    assert paid(targets) == [0, 3_000, 0, 1_500, 0, 500]
    assert np.nanmax(targets.at_open) == 0.9


def test_a_calendar_that_ends_with_the_market_pays_nothing_on_its_last_row() -> None:
    assert paid(decided([25.0] * 3, [0, 0, 1])) == [0, 1_000, 0]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"low": 31.0}, "low 31 lies above high 30"),
        ({"calm": -1.0}, "calm -1 is no factor"),
        ({"unknown": NAN}, "unknown nan is no factor"),
        ({"monthly": 0.0}, "monthly 0 buys nothing"),
        ({"share": float("inf")}, "share inf buys nothing"),
    ],
)
def test_impossible_parameters_are_refused(changes: dict[str, float], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        ViSaver.Params(**changes)  # type: ignore[arg-type]


# On a market: eleven sessions around the first session of February 2023, which is a Wednesday.

FIRST, LAST = "2023-01-20", "2023-02-03"


def market(folder: Path, vi: dict[str, float]) -> Path:
    """A fund at 1,000 yen that ends at 1,100; the VI is 25 but on the named days."""
    days = sessions.sessions(FIRST, LAST).rename("date")
    flat = pd.DataFrame({"open": 1_000.0, "close": 1_000.0}, index=days)
    flat.to_csv(folder / "n225.csv")
    flat.assign(close=[*[1_000.0] * (len(days) - 1), 1_100.0], volume=1_000_000).to_csv(folder / "etf_1321.csv")
    values = [vi.get(f"{day:%Y-%m-%d}", 25.0) for day in days]
    pd.DataFrame({"close": values}, index=days).to_csv(folder / "nikkei_vi.csv")
    return folder


def spec_of(folder: Path, **changes: object) -> Spec:
    """Six sessions, 100,000 yen to begin with, 50,000 a month; no slippage."""
    days = sessions.sessions(FIRST, LAST)
    spec = replace(load_spec(SPEC), market=(folder,), start=days[-6].date(), end=days[-1].date(), slippage_bps=0.0)
    return replace(spec, cash=100_000, params={"monthly": 50_000.0}, **changes)  # type: ignore[arg-type]


def test_the_vi_is_that_of_the_session_before_the_last_of_the_month(tmp_path: Path) -> None:
    made = MarketData.open(market(tmp_path, {"2023-01-30": 15.0, "2023-01-31": 35.0}))
    targets = ViSaver.targets(made, ViSaver.Params(monthly=50_000.0))
    session = made.bars("daily").session

    assert {str(session[t]): v for t, v in enumerate(paid(targets)) if v} == {"2023-01-31": 100_000.0}
    assert [str(day) for day in session[targets.at_open[:, 0] == 1.0]] == ["2023-02-01"]


def test_time_and_money_weighted_returns_by_hand(tmp_path: Path) -> None:
    """100,000 doubled by a payment half-way; 196 shares (98 % of it) bought at 1,000 for 98 yen rise to 1,100.

    The end is 200,000 - 98 + 19,600 = 219,502. Over three sessions money grows by x, and 100,000 x^2 + 100,000 x
    = 219,502. The fund as it was held only knows that 200,000 became as much.
    """
    result = compute(prepare(spec_of(market(tmp_path, {"2023-01-30": 15.0}))), tmp_path)
    net = document(result, ())["net"]
    x = (-1 + sqrt(1 + 4 * 2.19502)) / 2

    assert [(str(f.session.date()), f.quantity, f.price, f.fee) for f in result.fills.itertuples()] == [
        ("2023-02-02", 196, 1_000.0, 98.0)
    ]
    assert result.equity["deposits"].tolist() == [0, 0, 0, 0, 100_000, 0, 0]
    assert result.equity["net"].tolist() == [100_000] * 4 + [200_000, 199_902, 219_502]
    assert net["paid_in"] == 100_000
    assert net["total_return"] == pytest.approx(219_502 / 200_000 - 1, abs=1e-12)
    assert net["money_weighted"] == pytest.approx(x ** (net["sessions_per_year"] / 3) - 1, rel=1e-9)


def test_under_on_change_what_is_paid_in_later_is_not_invested(tmp_path: Path, small: Path) -> None:
    """Why the spec says "every-bar": the target is the same share each month."""
    spec = replace(load_spec(SPEC), market=(small,))
    bought = {
        how: len(compute(prepare(replace(spec, rebalance=how)), tmp_path).fills) for how in ("every-bar", "on-change")
    }

    assert bought["on-change"] == 1
    assert bought["every-bar"] > 20


def test_money_is_invested_one_session_after_it_came(small: Path, tmp_path: Path) -> None:
    result = compute(prepare(replace(load_spec(SPEC), market=(small,))), tmp_path)
    came = result.equity.index[result.equity["deposits"] > 0]
    following = result.equity.index[np.searchsorted(result.equity.index, came) + 1]
    cash = result.positions["cash"] / result.positions.drop(columns="cash").sum(axis=1)

    assert len(came) > 30
    assert set(result.fills["session"]) <= set(following)
    # A reserve of 2 %, less than a share, and what distributions brought.
    assert cash[following[12:]].max() < 0.05


def test_it_does_not_look_ahead(small_market: MarketData) -> None:
    assert leaks_of(ViSaver, ViSaver.Params(), small_market, "all") == []


@pytest.mark.real
def test_months_without_a_vi_are_paid_as_normal_ones(real: Path) -> None:
    """The VI ends on 2018-04-27 and is good for 14 days; it begins again on 2021-01-04."""
    made = MarketData.open(real / "series")
    days = pd.DatetimeIndex(made.bars("daily").session)
    deposits = pd.Series(paid(ViSaver.targets(made, ViSaver.Params())), index=days)
    without = deposits["2018-05-15":"2021-01-04"]  # type: ignore[misc]

    assert without[without > 0].tolist() == [100_000.0] * 32  # June 2018 to January 2021
    # Known on the last session of the month: 34.09 of 2016-02-26, 22.70 of 2024-08-29, 19.91 of 2023-05-30.
    assert deposits[["2016-02-29", "2024-08-30", "2023-05-31"]].tolist() == [0.0, 100_000.0, 200_000.0]


@pytest.mark.real
def test_what_is_paid_in_on_the_real_series_is_an_independent_count(real: Path, tmp_path: Path) -> None:
    result = compute(prepare(replace(load_spec(SPEC), market=(real / "series",))), tmp_path)
    days = pd.DatetimeIndex(result.equity.index)
    vi = pd.read_csv(real / "series/nikkei_vi.csv", index_col="date", parse_dates=True)["close"].reindex(days)
    known = vi.shift(1)[days.month != np.append(days.month[1:], days.month[-1])]
    expected = 100_000 * (len(known) + (known < 20).sum() - (known >= 30).sum())

    assert result.facts["lookahead"]["leaks"] == []
    assert len(known) > 100
    assert result.equity["deposits"].sum() == expected
    assert "nikkei_vi: 649 of 2380 sessions absent" in " ".join(result.facts["data"]["missing"])
