"""Attacks on a run: what each does equals a run that does it by itself, and the rules judge as they say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import backtests.attacks
import backtests.report.page
from backtests import metrics
from backtests.__main__ import main
from backtests.attacks import attack, dates, leave_out, simple
from backtests.attacks.case import RULES, Case, Figures, later
from backtests.attacks.replay import replayed
from backtests.attacks.source import Source, other_source
from backtests.benchmarks import PRICE, TOTAL
from backtests.prepare import prepare
from backtests.run import run as write_run
from backtests.run import trade_plain
from backtests.spec import Spec
from indexsim.bars import make_bars
from indexsim.errors import MissingData, SpecError
from indexsim.market import MarketData
from indexsim.sample import Sample, write_sample
from strategies.base import Targets, no_orders
from tests.attacked import PERIOD, patterned, result_of, spec_of
from tests.test_ladder import spec_of as shipped
from tests.test_report import _agree

NAMES = (
    "delay one bar", "costs x3", "drop the best 10 days", "leave one stock out", "leave one holding out",
    "leave one year out", "against the price index", "against total return", "start moved", "end moved",
    "placebo dates", "other source",
)  # fmt: skip


@pytest.fixture(scope="module")
def market(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return patterned(small, tmp_path_factory.mktemp("markets") / "pattern")


def case_of(spec: Spec) -> Case:
    return Case(prepare(spec), result_of(spec))


def net_of(spec: Spec) -> float:
    return metrics.total_return(result_of(spec).returns["net"])


def labelled(found: Any) -> dict[str, float]:
    return {variant.label: variant.figures.net for variant in found.variants}


def test_a_gain_of_one_bar_breaks_by_delay_and_survives_the_rest(market: Path, tmp_path: Path) -> None:
    case = case_of(spec_of(tmp_path, market, "Pattern"))
    found = {one.__name__: one(case) for one in (simple.delay, simple.costs, simple.best_days, leave_out.year)}

    # Bought at 10,010 and sold at 10,190, by the finer ticks of later years at 10,001 and 10,195; 5 bp of each in fees,
    # with 98 % of the account.
    coarse, fine = ((case.result.fills["price"] == price).sum() for price in (10_010, 10_001))
    each = [1 + 0.98 * (gain - fees) / 10_000 for gain, fees in ((180, 10.1), (194, 10.098))]
    assert coarse + fine == len(case.result.round_trips) == 88
    assert case.base.net == pytest.approx(each[0] ** coarse * each[1] ** fine - 1, rel=0.002)
    assert {name: one.survives for name, one in found.items()} == {
        "delay": False, "costs": True, "best_days": True, "year": True,
    }  # fmt: skip
    assert found["delay"].figures.net < 0
    assert dates.start(case).survives
    assert dates.end(case).survives


def test_a_gain_of_one_day_breaks_without_its_best_days(market: Path, tmp_path: Path) -> None:
    case = case_of(spec_of(tmp_path, market, "Pattern", only=PERIOD * 40))
    found = simple.best_days(case)

    assert case.base.net > 0.015
    assert found.survives is False
    assert found.figures.net == pytest.approx(0.0, abs=1e-3)
    assert leave_out.holding(case).why == "one holding was never given up"


def test_a_delay_is_the_run_that_decides_a_bar_later(market: Path, tmp_path: Path) -> None:
    late = net_of(spec_of(tmp_path, market, "Pattern", lag=1))

    assert simple.delay(case_of(spec_of(tmp_path, market, "Pattern"))).figures.net == late


def test_a_delayed_holding_is_the_one_that_begins_a_session_later(small: Path) -> None:
    spec = shipped("hold", small)
    case = case_of(spec)
    second = case.setup.traded.session[1].item()

    assert simple.delay(case).figures.net == net_of(replace(spec, start=second)) != case.base.net


@pytest.mark.parametrize("name", ["vi_gate", "split_pair"])
def test_three_times_the_costs_are_the_ladder_s(name: str, small: Path) -> None:
    case = case_of(shipped(name, small))

    assert simple.costs(case).figures.net == case.result.facts["ladder"][3]["total_return"]


def test_best_days_by_hand(small: Path) -> None:
    case = case_of(shipped("hold", small))
    returns = case.returns.sort_values(ascending=False).to_numpy()
    found = simple.best_days(case)

    assert found.figures.net == pytest.approx(np.prod(1 + returns[10:]) - 1)


def test_without_a_stock_is_the_run_of_the_others(small: Path, tmp_path: Path) -> None:
    names = [f"stock_{code}" for code in MarketData.open(small).table("closes").columns[:3]]
    found = leave_out.stock(case_of(spec_of(tmp_path, small, "Stocks", names=" ".join(names))))

    assert labelled(found) == {
        name: net_of(spec_of(tmp_path, small, "Stocks", names=" ".join(n for n in names if n != name)))
        for name in names
    }
    assert found.figures.net == min(labelled(found).values())


def test_one_stock_leaves_nothing(small: Path) -> None:
    assert leave_out.stock(case_of(shipped("hold", small))).why == "no stock was held"


def test_a_holding_left_out_is_flat_and_the_others_stay(market: Path, tmp_path: Path) -> None:
    case = case_of(spec_of(tmp_path, market, "Pattern"))
    found = leave_out.holding(case)
    gains = len(case.result.round_trips)

    assert gains > leave_out.HOLDINGS
    assert found.what.startswith(f"Of {gains} holdings the 50 that gained most")
    assert len(found.variants) == leave_out.HOLDINGS
    one = case.base.net
    each = (1 + one) ** (1 / gains) - 1
    assert found.figures.net == pytest.approx((1 + one) / (1 + each) - 1, rel=0.02)


def test_an_event_is_called_one(small: Path) -> None:
    case = case_of(shipped("split_pair", small))

    assert leave_out.holding(case).name == "leave one event out"
    assert dates.placebo(case).name == "placebo event dates"
    assert len(dates.placebo(case).variants) == 20


def test_a_year_left_out_of_a_holding_is_that_year_in_cash(small: Path) -> None:
    """2021 in cash: what was earned before it and after it, less one more round trip."""
    case = case_of(shipped("hold", small))
    returns = case.returns
    without = np.prod(1 + returns[pd.DatetimeIndex(returns.index).year != 2021]) - 1

    assert labelled(leave_out.year(case))["2021"] == pytest.approx(without, abs=0.02)


def test_a_year_in_cash_begins_and_ends_with_its_fills(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, wanted = case_of(shipped("hold", small)), list[Targets]()
    monkeypatch.setattr(Case, "traded", lambda self, targets: wanted.append(targets) or self.base)
    leave_out.year(case)
    fills = case.setup.traded.session[1:]  # the orders of a row fill on the next bar

    for year, targets in zip((2019, 2020, 2021, 2022), wanted, strict=True):
        in_cash = fills[targets.at_open[:-1, 0] == 0.0]
        assert in_cash.tolist() == [day for day in fills.tolist() if day.year == year]


def test_against_an_index_a_run_must_be_ahead_of_it(market: Path, small: Path, tmp_path: Path) -> None:
    case = case_of(spec_of(tmp_path, market, "Pattern"))
    total = metrics.total_return(case.result.returns["benchmark_total"])
    found = simple.benchmark(case, TOTAL, "against total return")

    assert found.figures.net == pytest.approx(case.base.net - total)
    assert found.survives == (case.base.net > total)
    unknown = replace(case.result, returns=case.result.returns.assign(benchmark_price=np.nan))
    missing = simple.benchmark(Case(case.setup, unknown), PRICE, "x")
    assert missing.survives is None
    assert "the price benchmark is unknown on" in missing.why


def test_a_moved_start_is_the_run_that_starts_there(small: Path) -> None:
    spec = shipped("vi_gate", small)
    found = labelled(dates.start(case_of(spec)))

    assert len(found) == 3
    for label, net in found.items():
        day = np.datetime64(label.removeprefix("from ")).item()
        assert net == net_of(replace(spec, start=day))


def test_a_moved_end_is_the_run_cut_there(small: Path) -> None:
    case = case_of(shipped("vi_gate", small))

    for label, net in labelled(dates.end(case)).items():
        assert net == pytest.approx(metrics.total_return(case.returns[: label.removeprefix("to ")]))


def test_dates_without_effect_are_told_from_those_that_pay(market: Path, tmp_path: Path) -> None:
    own = dates.placebo(case_of(spec_of(tmp_path, market, "Pattern")))
    late = dates.placebo(case_of(spec_of(tmp_path, market, "Pattern", lag=1)))

    # A turn by a multiple of the period would be no placebo.
    same = [v for v in own.variants if int(v.label.split()[0].replace(",", "")) % PERIOD == 0]
    assert sum(not v.survives for v in own.variants) <= len(same)
    assert late.survives is False


def test_a_run_that_loses_survives_nothing_that_asks_for_a_gain(market: Path, tmp_path: Path) -> None:
    case = case_of(spec_of(tmp_path, market, "Pattern", side=-1.0))

    assert case.base.yearly < 0
    assert not case.keeps(Figures(10.0, 10.0))
    assert dates.placebo(case).survives is False


@pytest.mark.parametrize(("yearly", "survives"), [(0.05, True), (0.0499, False), (None, False), (-0.1, False)])
def test_half_of_the_yearly_growth_must_stay(yearly: float | None, survives: bool, small: Path) -> None:
    case = case_of(shipped("hold", small))
    case.__dict__["base"] = Figures(0.5, 0.1)

    assert case.keeps(Figures(0.1, yearly)) is survives


def test_another_market_is_another_source_and_its_own_is_none(small: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_sample(other, Sample(seed=7, start=pd.Timestamp("2019-01-04").date(), end=pd.Timestamp("2020-12-30").date()))
    spec = shipped("vi_gate", small)
    case = case_of(spec)
    found, fingerprint = other_source(case, Source((other,)))

    assert found.figures.net == net_of(replace(spec, market=(other,)))
    assert fingerprint == prepare(replace(spec, market=(other,))).market.fingerprint
    assert found.what.startswith("The same spec was run on other, 2019-01-07 to 2020-12-30")
    assert other_source(case, Source((small,)))[0].why == "the data given are those of the run"
    assert "no such folder" in other_source(case, Source((tmp_path / "none",)))[0].why
    assert other_source(case, Source())[0].survives is None


def test_a_plain_strategy_is_attacked_by_its_orders(small: Path, tmp_path: Path) -> None:
    case = case_of(spec_of(tmp_path, small, "Plain"))
    late = result_of(spec_of(tmp_path, small, "Plain", lag=1))

    assert case.targets is not None
    assert simple.delay(case).figures.net == metrics.total_return(late.returns["net"])
    assert len(leave_out.holding(case).variants) > 10
    day = case.setup.traded.session[60].item()
    started = labelled(dates.start(case))[f"from {day}"]
    assert started == net_of(spec_of(tmp_path, small, "Plain", spec=f"from = {day}"))


def test_orders_that_do_not_give_the_account_are_not_attacked(small: Path, tmp_path: Path) -> None:
    case = case_of(spec_of(tmp_path, small, "Plain"))
    execution = trade_plain(case.setup, case.setup.strategy, case.ground)  # type: ignore[arg-type]
    found, why = replayed(replace(execution, equity=execution.equity + 1), case.ground)
    case.__dict__["_wanted"] = (found, why)

    assert found is None
    assert simple.delay(case).why == why
    assert [leave_out.stock(case).why, leave_out.holding(case).why, dates.placebo(case).why] == [why] * 3
    assert len(leave_out.year(case).variants) == 4


def test_targets_a_bar_later_and_some_sessions_later() -> None:
    """Halves of 2024-12-26 to 2025-01-06: two bars each (the half days of old are gone)."""
    bars = make_bars(pd.Timestamp("2024-12-26"), pd.Timestamp("2025-01-07"), "halves")
    n = len(bars)
    at_open = np.full((n, 1), np.nan)
    at_open[1], at_open[2] = 1.0, 0.0
    targets = Targets(("etf_1321",), at_open, no_orders(n, 1))

    assert np.flatnonzero(later(targets).at_open[:, 0] == 1.0).tolist() == [2]
    assert np.flatnonzero(dates.moved(targets, bars, 2, turned=False).at_open[:, 0] == 1.0).tolist() == [5]
    assert np.flatnonzero(dates.moved(targets, bars, -1, turned=False).at_open[:, 0] == 1.0).tolist() == []
    assert np.flatnonzero(dates.moved(targets, bars, -1, turned=True).at_open[:, 0] == 1.0).tolist() == [n - 1]


@pytest.fixture(scope="module")
def report(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("reports")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backtests.report.page, "draw", lambda result: ())  # its sheets are not what is attacked
        _, found = write_run(spec_of(folder, market, "Pattern", spec="to = 2020-12-30"), folder / "out")
        yield found


def test_the_page_carries_the_attacks(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (report / "equity.csv").read_bytes()
    assert main(["attack", str(report), "--json", "-"]) == 0
    answer = json.loads(capsys.readouterr().out)
    page = (report / "index.html").read_text("utf-8")
    values = json.loads((report / "report.json").read_text("utf-8"))
    first = {path.name: path.read_bytes() for path in report.iterdir()}

    assert tuple(row["name"] for row in answer["attacks"]) == NAMES
    assert {row["rule"] for row in answer["attacks"]} == set(RULES)
    assert all(row["survives"] is not None or row["why"] for row in answer["attacks"])
    assert answer["survived"] + answer["broken"] + answer["undone"] == len(NAMES)
    assert values["attacks"] == json.loads((report / "attacks.json").read_text("utf-8"))
    assert _agree(page, values) > 100
    assert "breaks" in page
    assert (report / "equity.csv").read_bytes() == before
    assert answer["data"]["fingerprint"]

    attack(report)
    assert {path.name: path.read_bytes() for path in report.iterdir()} == first


def test_an_interrupted_attack_leaves_the_report_as_it_was(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in report.iterdir()}

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backtests.attacks, "write_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        attack(report)

    assert {path.name: path.read_bytes() for path in report.iterdir()} == before
    assert [path.name for path in report.parent.iterdir() if path.name.startswith(".")] == []


def test_a_report_whose_account_is_not_its_run_s_is_refused(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = backtests.attacks.read_stored

    def bent(folder: Path, asked: str) -> Any:
        stored = read(folder, asked)
        equity = stored.result.equity.copy()
        equity.iloc[-1, 0] += 0.01
        return replace(stored, result=replace(stored.result, equity=equity))

    monkeypatch.setattr(backtests.attacks, "read_stored", bent)

    with pytest.raises(SpecError, match="does not give the stored account"):
        attack(report)


def test_what_is_no_report_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MissingData, match="no stored run there"):
        attack(tmp_path)
    assert main(["attack", str(tmp_path)]) == 2
    assert main(["atack", str(tmp_path)]) == 2
    assert "did you mean 'attack'" in capsys.readouterr().err
