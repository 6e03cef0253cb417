"""By regime, around events, year by year: every cell by hand from six sessions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests.regimes import nothing
from backtests.report import groups
from backtests.report.monitoring import watched
from backtests.result import Result

DAYS = pd.DatetimeIndex(
    ["2019-12-27", "2019-12-30", "2020-01-06", "2020-01-07", "2020-01-08", "2020-01-09", "2020-01-10"], name="session"
)
NET = [0.10, -0.10, 0.00, 0.20, -0.05, 0.10]


def hand(**regimes: Any) -> Result:
    """Return a run of six sessions, long 50 yen of a fund on three of them, with a record of their regimes."""
    sessions = DAYS[1:]
    net = pd.Series([100.0, *100.0 * np.cumprod(1 + np.array(NET))], DAYS)
    returns = pd.DataFrame({"net": NET, "gross": NET, "benchmark_price": 0.01, "benchmark_total": np.nan}, sessions)
    positions = pd.DataFrame({"fund": [50.0, 0.0, 0.0, 60.0, -30.0, 0.0]}, sessions)
    positions["cash"] = net.iloc[1:] - positions["fund"]
    fills = pd.DataFrame(
        {"session": sessions[[0, 1, 3, 4]], "instrument": "fund", "notional": [50.0, -50.0, 60.0, -90.0],
         "fee": [1.0, 1.0, 0.0, 2.0], "slippage": [0.5, 0.0, 0.6, 0.0]},
    )  # fmt: skip
    orders = pd.DataFrame({"status": ["filled"] * 4 + ["rejected"]})
    record: dict[str, Any] = {
        "vi": [19.9, 20.0, 30.0, 30.1, np.nan, 15.0],
        "boj_era": ["6 trillion a year"] * 3 + ["up to 12 trillion a year"] * 3,
        "event": ["split", "", "", "constituents, split", "", ""],
    }
    frame = pd.DataFrame(record | regimes, index=sessions)
    none = pd.DataFrame()
    facts = {"sessions_per_year": 245.0}
    equity = pd.DataFrame({"net": net, "gross": net})
    return Result(facts, "", equity, returns, positions, fills, orders, none, none, frame)


def test_vi_bands_hold_their_bounds_in_the_middle() -> None:
    rows = {row["group"]: row for row in groups.vi_bands(hand())["rows"]}

    assert {name: row["sessions"] for name, row in rows.items()} == {
        "below 20": 2, "20 to 30": 2, "above 30": 1, "not known": 1,
    }  # fmt: skip
    assert rows["below 20"]["net"] == pytest.approx(1.1 * 1.1 - 1)
    assert rows["20 to 30"]["net"] == pytest.approx(-0.10)
    assert rows["below 20"]["benchmark_price"] == pytest.approx(1.01**2 - 1)
    assert rows["below 20"]["benchmark_total"] is None
    assert rows["20 to 30"]["sharpe"] == pytest.approx(-0.05 / np.std([-0.1, 0.0], ddof=1) * 245**0.5)
    assert rows["above 30"]["sharpe_why"] == "fewer than 2 sessions"


def test_eras_come_in_their_order_with_their_first_days() -> None:
    rows = groups.boj_eras(hand())["rows"]

    assert [(row["group"], row["from"], row["sessions"]) for row in rows] == [
        ("6 trillion a year", "2016-07-29", 3),
        ("up to 12 trillion a year", "2020-03-16", 3),
    ]
    assert rows[1]["net"] == pytest.approx(1.2 * 0.95 * 1.1 - 1)


def test_windows_around_events_lie_within_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "WINDOWS", ((-1, -1), (0, 0), (1, 2), (1, 3)))
    rows = {row["kind"]: row["windows"] for row in groups.around_events(hand())["rows"]}

    assert list(rows) == ["any", "constituents", "split"]
    # Two sessions with events, the first of the run and the fourth.
    assert [window["n"] for window in rows["any"]] == [1, 2, 2, 1]
    assert [window["n"] for window in rows["constituents"]] == [1, 1, 1, 0]
    assert rows["any"][0]["mean"] == pytest.approx(0.0)
    assert rows["any"][1]["mean"] == pytest.approx((0.10 + 0.20) / 2)
    assert rows["any"][2]["mean"] == pytest.approx(((0.9 * 1.0 - 1) + (0.95 * 1.1 - 1)) / 2)
    assert rows["any"][0]["low_why"] == "one event"
    # Student's t of two values 0.1 and 0.2: 0.15 +- 6.314 x 0.05.
    assert rows["any"][1]["low"] == pytest.approx(0.15 - 6.31375 * 0.05, abs=1e-5)


def test_an_event_too_near_the_ends_has_no_window() -> None:
    window = groups.around_events(hand())["rows"][0]["windows"][0]

    assert (window["from"], window["n"], window["mean"]) == (-10, 0, None)


def test_what_is_missing_is_said_by_name() -> None:
    bare = hand(vi=np.nan, event=None)
    old = replace(hand(), regimes=nothing())

    assert groups.vi_bands(bare) == {"rows": [], "why": "nikkei_vi: no close before any session of the run"}
    assert groups.around_events(bare)["why"] == "factors: absent, so no event is known"
    assert groups.around_events(hand(event=""))["why"] == "no event was effective on a session of the run"
    for table in (groups.vi_bands, groups.boj_eras, groups.around_events):
        assert table(old) == {"rows": [], "why": "the run is older than this record; run it again"}


def test_activity_by_year() -> None:
    first, second = groups.activity(hand())
    value = 100 * np.cumprod(1 + np.array(NET))

    assert (first["year"], first["sessions"], first["invested"], first["fills"], first["costs"]) == (
        "2019",
        1,
        1,
        1,
        1.5,
    )
    assert first["gross"] == first["net"] == pytest.approx(50 / 110)
    assert second["invested"] == pytest.approx(2 / 5)
    assert second["gross"] == pytest.approx((60 / value[3] + 30 / value[4]) / 5)
    assert second["net"] == pytest.approx((60 / value[3] - 30 / value[4]) / 5)
    assert second["turnover"] == pytest.approx((50 + 60 + 90) / value[1:].mean())
    assert (second["fills"], second["costs"]) == (3, pytest.approx(3.6))


def test_an_empty_account_has_no_share_of_itself() -> None:
    ruined = hand()
    ruined.equity.loc[DAYS[2], "net"] = 0.0
    row = groups.activity(ruined)[1]

    assert (row["gross"], row["turnover_why"]) == (None, "the account was empty")


def watch(result: Result, **changed: Any) -> dict[str, dict[str, Any]]:
    body: dict[str, Any] = {
        "net": {"max_drawdown": -0.1, "worst": -0.1, "turnover": 3.0},
        "intervals": {"net": {"max_drawdown": {"value": -0.1, "low": -0.3, "high": -0.05}}},
        "activity": [{"turnover": 1.0}, {"turnover": 4.0}, {"turnover": None}],
        "exposure": {"gross_mean": 0.2, "gross_max": 0.5},
        "profit": {"total": 20.0}, "costs_total": 5.0, "index": None,
    }  # fmt: skip
    return {row["what"].split(" [")[0]: row for row in watched(result, body | changed)}


def test_alarms_come_from_the_run() -> None:
    rows = watch(hand(), index={"max_abs_error": 0.004})

    assert {name: row["limit"] for name, row in rows.items() if name not in ("Volatility over a quarter",)} == {
        "Drawdown": -0.3,
        "Return of a session": -0.1,
        "Costs, of the yen traded": pytest.approx(25 / 250),
        # Shares 0.01, 0, 0.01, 0: the 95th percentile is 0.01.
        "Slippage of a fill": pytest.approx(0.01),
        # Wilson, one of five at z = 1.6449: (0.2 + z^2 / 10 + z sqrt(0.032 + z^2 / 100)) / (1 + z^2 / 5).
        "Orders rejected": pytest.approx(0.5647, abs=1e-4),
        "Turnover of a year": 4.0,
        "Gross exposure": 0.5,
        "Error of the rebuilt index": 0.005,
    }
    assert rows["Costs, of the yen traded"]["of_run"] == pytest.approx(5 / 250)
    assert rows["Slippage of a fill"]["of_run"] == pytest.approx(0.005)
    assert rows["Orders rejected"]["of_run"] == 0.2
    assert rows["Volatility over a quarter"]["of_run"] == pytest.approx(np.std(NET, ddof=1) * 245**0.5)


def test_a_run_without_trades_has_alarms_that_say_why_there_are_none() -> None:
    idle = replace(hand(), fills=hand().fills.iloc[:0], orders=hand().orders.iloc[:0])
    rows = watch(idle, intervals={"net": {"max_drawdown": {"value": None, "low": None, "why": "no sessions"}}})

    assert (rows["Slippage of a fill"]["limit"], rows["Slippage of a fill"]["limit_why"]) == (
        None,
        "nothing was traded",
    )
    assert rows["Orders rejected"]["of_run_why"] == "no order"
    assert rows["Drawdown"]["limit_why"] == "no sessions"
    assert rows["Volatility over a quarter"]["limit_why"] == "not defined for this run"
    assert "Error of the rebuilt index" not in rows


def test_a_losing_run_has_no_profit_to_spend_on_costs() -> None:
    assert watch(hand(), profit={"total": -20.0})["Costs, of the yen traded"]["limit"] == 0.0
