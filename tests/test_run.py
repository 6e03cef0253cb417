"""A run from spec to result: what it refuses, what it says is missing, and that its figures close."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests.prepare import prepare
from backtests.result import FRAMES, Result
from backtests.run import compute
from backtests.run import run as write_run
from backtests.spec import Spec, load_spec
from indexsim.errors import DataError, MissingData, SpecError
from indexsim.facts import index_events
from indexsim.market import MarketData
from indexsim.rebuild import rebuild
from strategies.base import Targets
from strategies.vi_gate import ViGate
from tests.conftest import ROOT

pytestmark = pytest.mark.usefixtures("no_sheets")


def spec_of(name: str, market: Path, **changes: Any) -> Spec:
    spec = load_spec(ROOT / f"backtests/specs/{name}.toml")
    return replace(spec, **{"market": (market,), "start": None, "end": None, **changes})


def run(name: str, market: Path, **changes: Any) -> Result:
    return compute(prepare(spec_of(name, market, **changes)), Path("reports"))


@pytest.fixture(params=["vi_gate", "split_pair", "boj_dip"])
def result(request: pytest.FixtureRequest, small: Path) -> Result:
    return run(request.param, small)


@pytest.fixture
def copy(small: Path, tmp_path: Path) -> Path:
    """A copy of the small market that a test may change."""
    return Path(shutil.copytree(small, tmp_path / "market"))


def test_gross_minus_net_is_the_costs_to_the_yen(result: Result) -> None:
    last = result.equity.iloc[-1]

    assert last["gross"] - last["net"] == pytest.approx(sum(result.facts["costs"].values()), abs=1e-6)
    assert sum(result.facts["costs"].values()) > 0


def test_returns_compound_to_the_account_value(result: Result) -> None:
    for side in ("net", "gross"):
        grown = (1.0 + result.returns[side]).prod() * result.facts["cash"]

        assert grown == pytest.approx(result.equity[side].iloc[-1], rel=1e-9)


def test_positions_sum_to_the_account_value_on_every_session(result: Result) -> None:
    total = result.positions.sum(axis=1)

    np.testing.assert_allclose(total, result.equity["net"].iloc[1:], rtol=0, atol=1e-6)


def test_ledger_and_equity_close(result: Result) -> None:
    # Cash at the end = cash at the start + every movement; funds still held are worth the rest.
    funds = {i["name"] for i in result.facts["instruments"] if i["kind"] == "etf"}
    held = result.positions.iloc[-1][[c for c in result.positions if c in funds]].sum()
    cash = result.facts["cash"] + result.ledger["yen"].sum()

    assert cash + held == pytest.approx(result.equity["net"].iloc[-1], abs=1e-6)


def test_round_trips_and_fills_tell_the_same_profit(result: Result) -> None:
    # Flat at the end of these runs or not, closed trips plus open parts are the whole of the fills.
    open_parts = result.fills.groupby("instrument")["quantity"].sum()
    if (open_parts == 0).all():
        gain = -result.fills["notional"].sum() - result.fills["fee"].sum()
        assert result.round_trips["net"].sum() == pytest.approx(gain, abs=1e-3)
    assert result.round_trips["fees"].sum() <= result.fills["fee"].sum() + 1e-9


def test_returns_start_after_a_base_session_and_count_every_one(result: Result, small: Path) -> None:
    published = pd.read_csv(small / "n225.csv", index_col="date", parse_dates=True)["close"]

    assert result.equity["net"].iloc[0] == result.facts["cash"]
    assert result.equity.index[0] == published.index[0]
    assert result.equity.index.equals(published.index.rename("session"))
    np.testing.assert_allclose(result.returns["benchmark_price"], published.pct_change().iloc[1:], rtol=1e-12)
    assert result.returns.notna().all().all()


def test_a_result_survives_its_own_files(result: Result, tmp_path: Path) -> None:
    result.write(tmp_path)
    again = Result.read(tmp_path)

    assert again.facts == result.facts
    assert again.spec_text == result.spec_text
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(again, name), getattr(result, name), check_freq=False)


def test_strict_checks_every_row(small: Path) -> None:
    end = date(2019, 6, 28)
    result = compute(prepare(replace(spec_of("vi_gate", small, strict="all"), end=end)), Path("reports"))

    assert result.facts["lookahead"]["rows_checked"] == len(result.returns)
    assert result.facts["lookahead"]["leaks"] == []


def test_what_is_missing_is_said_by_name(copy: Path) -> None:
    for name in ("halves", "distributions", "total_return"):
        (copy / f"{name}.csv").unlink()
    missing = " | ".join(run("vi_gate", copy).facts["data"]["missing"])

    assert "halves: no morning closes" in missing
    assert "distributions: none for etf_1321" in missing
    assert "total_return: absent; no total-return benchmark" in missing


def test_distributions_of_another_fund_are_none_of_this_one(copy: Path) -> None:
    paid = pd.read_csv(copy / "distributions.csv")
    paid[paid["code"] == "etf_1306"].to_csv(copy / "distributions.csv", index=False)

    assert "distributions: none for etf_1321" in " ".join(run("vi_gate", copy).facts["data"]["missing"])


def test_part_of_a_benchmark_is_said_with_its_dates(copy: Path) -> None:
    total = pd.read_csv(copy / "total_return.csv")
    total.iloc[100:].to_csv(copy / "total_return.csv", index=False)
    missing = " ".join(run("vi_gate", copy).facts["data"]["missing"])

    assert f"total_return: 100 of {len(total)} sessions absent ({total['date'][0]} to {total['date'][99]})" in missing


def test_futures_say_what_stands_in_for_their_prices(small: Path) -> None:
    carried = " ".join(run("split_pair", small).facts["data"]["missing"])
    bare = run("split_pair", small, futures="index").facts
    without = " ".join(bare["data"]["missing"])

    assert "no prices of nikkei_mini; it trades at the carry model on n225" in carried
    assert "carry of topix: dividends weighted by shares_ffw" in carried
    assert "nikkei_mini trades at n225 itself, with no basis, roll or expiry" in without
    assert "carry" not in without
    assert bare["costs"]["rolls"] == 0.0


def test_events_without_announcement_are_counted(copy: Path) -> None:
    factors = pd.read_csv(copy / "factors.csv", dtype=str, keep_default_na=False)
    factors["announced_date"] = ""
    factors.to_csv(copy / "factors.csv", index=False)
    result = run("split_pair", copy)

    assert "without announced_date; they are known only when they act" in " ".join(result.facts["data"]["missing"])
    assert result.fills.empty


def test_an_adjusted_price_is_refused_unless_waived(copy: Path) -> None:
    prices = pd.read_csv(copy / "etf_1321.csv")
    prices.loc[300, "close"] += 0.123
    prices.to_csv(copy / "etf_1321.csv", index=False)

    with pytest.raises(DataError, match=r"no multiple of 0\.01 yen") as refused:
        run("vi_gate", copy)
    assert refused.value.findings[0].row == prices["date"][300]

    result = run("vi_gate", copy, waive=("price-as-traded",))
    assert result.facts["waived"] == ["price-as-traded"]


def test_an_unknown_waiver_is_refused(small: Path) -> None:
    with pytest.raises(SpecError, match="did you mean 'price-as-traded'"):
        run("vi_gate", small, waive=("price-as-trade",))


def test_an_error_outside_the_dates_of_a_run_does_not_stop_it(copy: Path) -> None:
    prices = pd.read_csv(copy / "etf_1321.csv", dtype=str)
    prices.loc[10, "close"] = "n/a"
    prices.to_csv(copy / "etf_1321.csv", index=False)
    spec = spec_of("vi_gate", copy)

    with pytest.raises(DataError, match="'n/a' is not a number"):
        prepare(spec)
    assert prepare(replace(spec, start=date(2020, 1, 6))).findings() == ()


def test_an_error_in_a_file_the_run_does_not_use_does_not_stop_it(copy: Path) -> None:
    prices = pd.read_csv(copy / "usdjpy.csv", dtype=str)
    prices.loc[10, "close"] = "n/a"
    prices.to_csv(copy / "usdjpy.csv", index=False)

    assert prepare(spec_of("vi_gate", copy)).findings() == ()


def test_too_few_rows_of_targets_are_refused(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(features: Any, params: Any) -> Targets:
        return Targets(("etf_1321",), np.zeros((3, 1)), np.zeros((3, 1)))

    monkeypatch.setattr(ViGate, "decide", staticmethod(short))
    with pytest.raises(SpecError, match="3 rows of targets"):
        run("vi_gate", small)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"unit": "lots"}, "unit of targets"),
        ({"at_close": np.zeros((2, 1))}, "shape"),
        ({"at_open": np.full((3, 1), np.inf)}, "infinite"),
        ({"instruments": ("a", "b")}, "shape"),
    ],
)
def test_impossible_targets_are_refused(changes: dict[str, Any], what: str) -> None:
    good = SimpleNamespace(instruments=("a",), at_open=np.zeros((3, 1)), at_close=np.zeros((3, 1)), unit="equity")

    with pytest.raises(SpecError, match=what):
        Targets(**(vars(good) | changes))


def test_run_id_follows_spec_data_and_code_alone(small: Path, copy: Path) -> None:
    here, there = run("vi_gate", small), run("vi_gate", copy)
    other = run("vi_gate", small, cash=50_000_000)

    assert here.facts["run_id"] == there.facts["run_id"]
    assert here.facts["run_id"] != other.facts["run_id"]


def test_run_id_follows_every_byte_of_the_data(copy: Path) -> None:
    before = run("vi_gate", copy).facts["run_id"]
    with (copy / "usdjpy.csv").open("a", encoding="utf-8") as file:
        file.write("2023-01-04,130,131,129,130\n")

    assert run("vi_gate", copy).facts["run_id"] != before


def test_holes_of_a_needed_series_are_said_with_their_dates(copy: Path) -> None:
    vi = pd.read_csv(copy / "nikkei_vi.csv")
    vi.drop(index=range(500, 510)).to_csv(copy / "nikkei_vi.csv", index=False)
    missing = " ".join(run("vi_gate", copy).facts["data"]["missing"])

    span = f"{vi['date'][500]} to {vi['date'][509]}"
    assert f"nikkei_vi: 10 of {len(vi) - 1} sessions absent ({span}); unknown there" in missing


def test_by_default_a_run_covers_what_its_series_cover(copy: Path) -> None:
    vi = pd.read_csv(copy / "nikkei_vi.csv")
    vi.iloc[200:800].to_csv(copy / "nikkei_vi.csv", index=False)
    data = run("vi_gate", copy).facts["data"]

    # The first session the VI covers is the base of the returns; trading begins on the one after it.
    assert (data["from"], data["to"]) == (vi["date"][201], vi["date"][799])


def test_an_account_of_a_holder_in_dollars(small: Path) -> None:
    """Yen over the last rate known at each close: that of the day before, since New York closes later."""
    result = run("vi_gate", small, base="USD", start=date(2020, 1, 6), end=date(2020, 3, 31))
    rates = pd.read_csv(small / "usdjpy.csv", index_col="date", parse_dates=True)["close"]
    day = result.equity.index[10]
    known = rates[rates.index < day].iloc[-1]

    assert result.equity["net_usd"].iloc[10] == round(result.equity["net"].iloc[10] / known, 2)
    assert list(result.ledger.columns) == ["time", "instrument", "kind", "yen", "usd"]
    assert result.facts["base"] == "USD"


def test_dollars_need_a_rate(copy: Path) -> None:
    (copy / "usdjpy.csv").unlink()
    with pytest.raises(MissingData, match="usdjpy"):
        run("split_pair", copy, base="USD")


def test_gross_minus_net_is_the_costs_by_name(small: Path) -> None:
    result = run("split_pair", small, params={"exit_offset": 60})
    last = result.equity.iloc[-1]

    assert result.facts["costs"]["rolls"] > 0
    assert last["gross"] - last["net"] == pytest.approx(sum(result.facts["costs"].values()), abs=0.005)


def test_a_world_needs_nothing_after_the_end_of_the_run(copy: Path) -> None:
    """A hole on the last session stops a world of all sessions, and not one that ends a year before."""
    closes = pd.read_parquet(copy / "closes.parquet")
    code = rebuild(MarketData.open(copy)).index.regime(date(2022, 12, 30)).basket.codes[0]
    closes.loc[closes.index[-1], code] = np.nan
    closes.to_parquet(copy / "closes.parquet")

    run("split_pair", copy, what_if="frozen", end=date(2021, 12, 30))
    with pytest.raises(DataError, match="missing-price"):
        run("split_pair", copy, what_if="frozen")


def write_splits(folder: Path, first: str) -> None:
    """Write ``factors`` with the splits of the fact table from a day on, each of a name that is in from the start."""
    days = {}
    for event in index_events():
        if event.event.startswith("split ") and str(event.effective) > first:
            days.setdefault(event.code, []).append(event)
    rows = [f"{first},{code},{float(own[0].factor_before or 1)},initial," for code, own in days.items()]
    later = sorted((e for own in days.values() for e in own), key=lambda e: (e.effective, e.code))
    rows += [f"{e.effective},{e.code},,{e.event},{e.announced or ''}" for e in later]
    folder.mkdir()
    header = "effective_date,code,factor,event,announced_date"
    (folder / "factors.csv").write_text("\n".join([header, *rows]) + "\n", "utf-8")


@pytest.mark.real
def test_the_real_pair_of_funds_says_that_distributions_are_missing(real: Path, tmp_path: Path) -> None:
    """Each leg is paid in full or borrowed in full, so each may be less than half of the account."""
    write_splits(tmp_path / "events", "2016-01-04")
    spec = load_spec(ROOT / "backtests/specs/split_pair.toml")
    funds = {"nikkei": "etf_1321", "topix": "etf_1306", "share": 0.45, "entry_offset": 1, "exit_offset": 3}
    market = (real / "series", tmp_path / "events")
    spec = replace(spec, market=market, params=funds, start=date(2016, 1, 5), end=None)
    result, folder = write_run(spec, tmp_path / "out")
    missing = result.facts["data"]["missing"]
    page = (folder / "index.html").read_text("utf-8")

    assert len(result.round_trips) > 60
    for name in ("etf_1321", "etf_1306"):
        said = f"distributions: none for {name}; its returns are price returns"
        assert said in missing
        assert said in page
    assert result.facts["costs"]["borrowing"] > 0
