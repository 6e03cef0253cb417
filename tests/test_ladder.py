"""The cost ladder of a run: its rung of one is the run, and what a cost is scales."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backtests import metrics
from backtests.engine import execute
from backtests.ladder import DECIDES_AGAIN, SIZES, ladder
from backtests.prepare import per_year, prepare
from backtests.retrade import Ground, account_of
from backtests.run import compute, execution_of, ground_of, targets_of
from backtests.spec import Spec, load_spec
from backtests.trading.broker import Terms
from backtests.trading.instruments import instrument
from indexsim.errors import LedgerError
from strategies.base import Targets, no_orders
from tests.conftest import ROOT
from tests.test_plain import CROSS
from tests.test_plain import spec_of as plain_spec
from tests.trading import MINI, PLAIN, make_feed

CFD = instrument("nikkei_cfd")


def spec_of(name: str, market: Path) -> Spec:
    return replace(load_spec(ROOT / f"backtests/specs/{name}.toml"), market=(market,), start=None, end=None)


@pytest.mark.parametrize("name", ["split_pair", "vi_gate", "boj_dip"])
def test_the_rung_of_one_is_the_run_and_dearer_rungs_cost_more(name: str, small: Path) -> None:
    setup = prepare(spec_of(name, small))
    result = compute(setup, Path("reports"))
    none, one, two, three = result.facts["ladder"]

    assert [rung["factor"] for rung in result.facts["ladder"]] == [0, 1, 2, 3]
    assert one["total_return"] == metrics.total_return(result.returns["net"])
    assert one["sharpe"] == metrics.sharpe(result.returns["net"], per_year(setup))
    assert one["costs"] == sum(result.facts["costs"].values())
    assert one["rejected"] == sum(row["n"] for row in result.facts["rejected"])
    assert none["costs"] == 0.0
    assert none["total_return"] == pytest.approx(metrics.total_return(result.returns["gross"]), rel=0.2)
    assert none["total_return"] != metrics.total_return(result.returns["gross"])
    assert 0.0 < one["costs"] < two["costs"] < three["costs"]
    assert none["total_return"] > one["total_return"] > two["total_return"] > three["total_return"]


@pytest.mark.parametrize("factor", [0, 1, 3])
@pytest.mark.parametrize("name", ["split_pair", "boj_dip"])
def test_compiled_rungs_are_those_of_the_engine(name: str, factor: int, small: Path) -> None:
    setup = prepare(spec_of(name, small))
    ground, wanted = ground_of(setup).costing(factor), targets_of(setup).rows(setup.span)
    account = ground.trade(wanted)
    engine = account_of(execute(wanted, ground.feed, ground.instruments, ground.bars, ground.terms))

    np.testing.assert_array_equal(account.equity, engine.equity)
    assert (account.costs, account.rejected) == (engine.costs, engine.rejected)


def test_without_costs_an_account_is_its_prices_and_sizes_follow_it() -> None:
    """Half a million yen are 5,000 shares at 100; half of 1,050,000 yen are 4,772 at 110."""
    fund = replace(PLAIN, fee_rate=1_000)  # 10 bp
    prices = [[100.0, 100.0, 110.0, 110.5, 110.5]]
    feed, bars = make_feed([fund], prices, prices, [1.0])
    terms = Terms(cash=100_000_000, reserve=(0.0,), slippage_rate=0, slippage_ticks=0, rebalance="every-bar")
    targets = Targets(("plain",), np.array([[0.5], [np.nan], [0.5], [np.nan], [np.nan]]), no_orders(5, 1))
    ground = Ground(feed, (fund,), bars, terms)
    free, own = ground.costing(0).trade(targets), ground.trade(targets)

    assert free.costs == 0.0
    # 228 shares are sold at 110.50, between two ticks.
    assert free.equity.tolist() == [100_000_000, 100_000_000, 105_000_000, 105_250_000, 105_250_000]
    # The fee of 500 yen makes it 4,770 shares; 230 are sold at 110: 115 yen of slippage, a fee of 25.
    assert own.costs == 500.0 + 115.0 + 25.0
    # 1,500 yen of fee make it 4,765 shares; 235 are sold: 117.50 of slippage, 30 bp of 25,850 yen.
    assert ground.costing(3).trade(targets).costs == 1_500.0 + 117.5 + 77.0


def test_what_a_roll_and_a_dealer_take_is_a_cost_and_interest_is_not() -> None:
    """A CFD owes 0.831 % long and 0.836 % short: 0.8335 % is the dealer's, -0.0025 % interest."""
    opens = [[20_000.0] * 3] * 2
    rates = {"long_rate": np.tile([0, 8_310], (3, 1)), "short_rate": np.tile([11_000, 8_360], (3, 1))}
    feed, bars = make_feed([PLAIN, CFD], opens, opens, [1.0, 1.0], **rates)
    terms = Terms(cash=1, reserve=(0.0, 0.0), slippage_rate=100, slippage_ticks=1)
    none, three = (Ground(feed, (PLAIN, CFD), bars, terms).costing(factor) for factor in (0, 3))

    assert none.feed.long_rate[0].tolist() == [0, -25]
    assert none.feed.short_rate[0].tolist() == [0, 25]
    assert three.feed.long_rate[0].tolist() == [0, 24_980]
    assert three.feed.short_rate[0].tolist() == [33_000, 25_030]
    assert three.instruments[1].half_spread == 3 * CFD.half_spread
    assert (none.instruments[0].fee_rate, none.terms.slippage_rate) == (0, 0)
    assert Ground(feed, (MINI,), bars, terms).costing(2).instruments[0].roll_ticks == 2 * MINI.roll_ticks


def test_a_plain_strategy_decides_again_at_every_factor(tmp_path: Path, small: Path) -> None:
    facts = compute(prepare(plain_spec(tmp_path, small, CROSS)), tmp_path).facts
    costs = [rung["costs"] for rung in facts["ladder"]]

    assert facts["ladder_sizes"] == DECIDES_AGAIN
    assert costs[0] < costs[1] == sum(facts["costs"].values()) < costs[2] < costs[3]


def test_impact_scales_and_runs_in_the_engine(small: Path) -> None:
    setup = prepare(replace(spec_of("vi_gate", small), impact=1.0, slippage_bps=0.0))
    facts = compute(setup, Path("reports")).facts
    slipped = [rung["costs"] for rung in facts["ladder"]]

    assert facts["ladder_sizes"] == SIZES["equity"]
    assert ground_of(setup).costing(3).feed.impact.max() == 3 * ground_of(setup).feed.impact.max()
    assert 0.0 == slipped[0] < slipped[1] < slipped[3]


def test_a_rung_of_one_that_is_not_the_run_is_a_defect(small: Path) -> None:
    setup = prepare(spec_of("vi_gate", small))
    wanted = targets_of(setup).rows(setup.span)
    ran = execution_of(setup)[1].equity.copy()
    ran[500] += 1

    with pytest.raises(LedgerError, match="after bar 500"):
        ladder(ground_of(setup), lambda ground: ground.trade(wanted), ran, per_year(setup))


def test_slippage_that_takes_the_whole_price_is_no_rung(small: Path) -> None:
    facts = compute(prepare(replace(spec_of("vi_gate", small), slippage_bps=4_000.0)), Path("reports")).facts

    assert facts["ladder"][1]["total_return"] is not None
    assert facts["ladder"][3]["total_return"] is None
    assert facts["ladder"][3]["why"] == "slippage would take the whole price"
