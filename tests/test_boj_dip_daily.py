"""The dips on daily bars: overnight returns alone, bought a session late, and it says so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.__main__ import main
from indexsim import sessions
from indexsim.errors import MissingData
from indexsim.market import MarketData
from strategies.boj_dip_daily import BojDipDaily
from tests.conftest import ROOT
from tests.test_lookahead import leaks_of

pytestmark = pytest.mark.usefixtures("no_sheets")

SPEC = ROOT / "backtests/specs/boj_dip_daily.toml"


def market(folder: Path, opens: list[float], closes: list[float], bought: dict[str, float] | None = None) -> MarketData:
    days = sessions.sessions("2023-01-04", "2023-12-29")[: len(opens)]
    pd.DataFrame({"open": opens, "close": closes}, index=days.rename("date")).to_csv(folder / "topix.csv")
    if bought is not None:
        calendar = pd.date_range(days[0], days[-1])
        rows = {"date": calendar, "index_etf": [bought.get(f"{d:%Y-%m-%d}") for d in calendar]}
        pd.DataFrame(rows).to_csv(folder / "boj_etf_purchases.csv", index=False)
    return MarketData.open(folder)


def test_a_weak_open_is_bought_at_the_open_of_the_next_session(tmp_path: Path) -> None:
    # Overnight returns -, 0, -1 %, 0, -0.9 %, 0: the last three before have a lowest decile of -0.8 %.
    opens = [1000.0, 1000.0, 990.0, 1000.0, 991.0, 1000.0]
    params = BojDipDaily.Params(window=3, exit="close")
    targets = BojDipDaily.targets(market(tmp_path, opens, [1000.0] * 6), params)

    # Row 4 is decided at its close, and fills at the open of row 5; sold at that session's close.
    assert targets.at_open[:, 0].tolist() == [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    assert targets.at_close[:, 0].tolist() == [0.0] * 6


def test_the_return_is_that_of_the_night_not_of_the_day(tmp_path: Path) -> None:
    # A fall of 5 % within the day is no signal; its open of 950 the day after lies where it closed.
    made = market(tmp_path, [1000.0, 1000.0, 950.0], [1000.0, 950.0, 950.0])
    params = BojDipDaily.Params(trigger="level", level=-0.01)

    assert BojDipDaily.features(made, params)["signal"].tolist() == [0.0, 0.0, 0.0]


def test_exits_count_from_the_session_bought(tmp_path: Path) -> None:
    opens = [1000.0, 980.0, *[1000.0] * 5]
    made = market(tmp_path, opens, [1000.0] * 7)

    def path(**changes: object) -> list[float]:
        params = BojDipDaily.Params(trigger="level", level=-0.01, none_above=1.0, **changes)  # type: ignore[arg-type]
        targets = BojDipDaily.targets(made, params)
        return np.column_stack([targets.at_open, targets.at_close]).ravel().tolist()

    # Decided on row 1; each pair is an open and a close, of the rows after 0, 1, 2, ...
    assert path(exit="next_open")[:8] == [0, 0, 1, 1, 0, 0, 0, 0]
    assert path(exit="sessions", sessions=1)[:8] == [0, 0, 1, 1, 1, 0, 0, 0]
    assert path(exit="sessions", sessions=2)[:10] == [0, 0, 1, 1, 1, 1, 1, 0, 0, 0]


def test_the_exit_on_a_rise_looks_at_closes(tmp_path: Path) -> None:
    # Weak open of session 1, bought at the open of 2, which closes lower; 3 closes higher: sold at the open of 4.
    opens, closes = [1000.0, 980.0, 990.0, 985.0, 990.0], [1000.0, 990.0, 985.0, 986.0, 990.0]
    params = BojDipDaily.Params(trigger="level", level=-0.01, none_above=1.0, exit="positive")
    targets = BojDipDaily.targets(market(tmp_path, opens, closes), params)

    assert targets.at_open[:, 0].tolist() == [0.0, 1.0, 1.0, 0.0, 0.0]
    assert targets.at_close[:, 0].tolist() == [0.0, 1.0, 1.0, 0.0, 0.0]


def test_following_fills_two_sessions_after_the_purchase(tmp_path: Path) -> None:
    # Bought Friday 2023-01-06 (row 2), known that evening, decided at the close of Tuesday 10 (row 3).
    made = market(tmp_path, [1000.0] * 6, [1000.0] * 6, {"2023-01-06": 701.0})
    targets = BojDipDaily.targets(made, BojDipDaily.Params(mode="follow", exit="close"))

    assert targets.at_open[:, 0].tolist() == [0.0, 0.0, 0.0, 1.0, 0.0, 0.0]


def test_a_topix_without_opens_is_refused(tmp_path: Path) -> None:
    days = sessions.sessions("2023-01-04", "2023-01-13")
    pd.DataFrame({"close": 1000.0}, index=days.rename("date")).to_csv(tmp_path / "topix.csv")

    with pytest.raises(MissingData, match="open"):
        BojDipDaily.features(MarketData.open(tmp_path), BojDipDaily.Params())


def test_it_says_that_it_is_overnight_only_and_needs_no_halves() -> None:
    assert "OVERNIGHT ONLY" in (BojDipDaily.__doc__ or "")
    assert BojDipDaily.needs(BojDipDaily.Params()) == ("topix",)
    assert BojDipDaily.needs(BojDipDaily.Params(mode="follow")) == ("boj_etf_purchases",)


@pytest.mark.parametrize(
    ("changes", "what"), [({"exit": "next_morning"}, "needs morning closes"), ({"quantile": 1.0}, "quantile 1 ")]
)
def test_impossible_parameters_are_refused(changes: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        BojDipDaily.Params(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "params",
    [BojDipDaily.Params(window=60, exit="positive", stack=2, size=0.5), BojDipDaily.Params(mode="follow")],
    ids=["foresee", "follow"],
)
def test_no_row_looks_ahead(small_market: MarketData, params: BojDipDaily.Params) -> None:
    assert np.ptp(BojDipDaily.targets(small_market, params).at_open) > 0
    assert leaks_of(BojDipDaily, params, small_market, "all") == []


@pytest.mark.real
@pytest.mark.parametrize("mode", ["foresee", "follow"])
def test_it_runs_on_the_real_series(real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: str) -> None:
    arguments = ["--market", str(real / "series"), "--set", f"mode={mode}", "--out", str(tmp_path), "--json", "-"]
    status = main(["run", str(SPEC), *arguments])
    answer = json.loads(capsys.readouterr().out)

    assert status == 0
    assert answer["lookahead"]["leaks"] == []
    assert answer["net"]["n_trades"] > 100
