"""What-if worlds: hand-made markets of three stocks, and every world of a synthetic market traded and explained.

The hand market starts with closes 400, 500 and 900 (sum 1,800), factors of one, a divisor of 3 and so a level of
600; its review has the base date 2024-07-31 and takes effect on 2024-10-01.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests.prepare import prepare
from backtests.report.document import document
from backtests.report.page import render
from backtests.run import compute, run_id
from backtests.spec import load_spec, to_toml
from indexsim import whatif
from indexsim.errors import DataError, MissingData, SpecError
from indexsim.events import CapStep, FactorStep, Replace, Split, parse_events
from indexsim.index import PriceWeightedIndex
from indexsim.market import MarketData, known_from
from indexsim.rebuild import rebuild
from indexsim.whatif.difference import Difference, explain
from indexsim.whatif.rows import to_rows
from indexsim.whatif.weighting import capped
from tests.conftest import ROOT

DAYS = ("2024-07-30", "2024-07-31", "2024-09-30", "2024-10-01", "2024-10-02")
FLAT = {"1001": [400.0] * 5, "1002": [500.0] * 5, "1003": [900.0] * 5}
INITIAL = [("2024-07-30", code, "1", "initial", "") for code in FLAT]
ALL = ("no-cap", "cap=0.04", "cap-rule=0.04", "split-by-divisor", "equal", "float", "frozen", "without=1001")

Row = tuple[str, str, str, str, str]


def market_of(
    folder: Path, closes: dict[str, list[float]], events: list[Row] | None = None, **files: pd.DataFrame
) -> MarketData:
    """Write a market of five sessions and open it; further files by name."""
    folder.mkdir(exist_ok=True)
    prices = pd.DataFrame(closes, index=pd.Index(DAYS, name="date"))
    prices.to_csv(folder / "closes.csv")
    columns = ["effective_date", "code", "factor", "event", "announced_date"]
    pd.DataFrame([*INITIAL, *(events or [])], columns=columns).to_csv(folder / "factors.csv", index=False)
    (folder / "divisors.csv").write_text("effective_date,divisor,note\n2024-07-30,3,start\n", "utf-8")
    for name, frame in files.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    return MarketData.open(folder)


def moved(**closes: list[float]) -> dict[str, list[float]]:
    """Return the flat closes with some replaced; c1003 is code 1003."""
    return FLAT | {name[1:]: values for name, values in closes.items()}


def level(market: MarketData) -> list[float]:
    return list(market.table("n225")["close"])


# --- by hand -----------------------------------------------------------------------------------------------------


def split_market(folder: Path) -> MarketData:
    """1003 splits 3:1 on 2024-10-01 and then rises from 300 to 330."""
    closes = moved(c1003=[900.0, 900.0, 900.0, 330.0, 330.0])
    return market_of(folder, closes, [("2024-10-01", "1003", "3", "split 3:1", "2024-08-05")])


def test_split_by_divisor_moves_the_divisor_as_a11_says(tmp_path: Path) -> None:
    market = split_market(tmp_path / "m")
    world = whatif.build(market, "split-by-divisor")

    # A11: D' = D (S - F (P - P/r)) / S = 3 (1800 - (900 - 300)) / 1800 = 2
    assert [Decimal(d) for d in world.table("divisors")["divisor"]] == [3, 2]
    # Really (400 + 500 + 3 x 330) / 3 = 630; by divisor (400 + 500 + 330) / 2 = 615.
    assert list(rebuild(market).levels) == [600.0, 600.0, 600.0, 630.0, 630.0]
    assert level(world) == [600.0, 600.0, 600.0, 615.0, 615.0]


def holdings(index: PriceWeightedIndex, number: int) -> dict[str, Fraction]:
    regime = index.regimes[number]
    return {code: factor / Fraction(regime.divisor) for code, factor in regime.basket.factors.items()}


def test_a_tracker_trades_at_a_split_by_divisor_and_not_at_a_real_one(tmp_path: Path) -> None:
    market = split_market(tmp_path / "m")
    delivered, price = {"1001": 1, "1002": 1, "1003": 3}, {"1001": 400, "1002": 500, "1003": 300}
    trades = {}
    for name, index in (
        ("real", rebuild(market).index),
        ("world", rebuild(whatif.build(market, "split-by-divisor")).index),
    ):
        after = holdings(index, -1)
        trades[name] = {c: (after[c] - n * holdings(index, 0)[c]) * price[c] for c, n in delivered.items()}

    assert trades["real"] == {"1001": 0, "1002": 0, "1003": 0}
    # A unit of the index held 1/3 of each; after the split 1 of 1003. It must hold 1/2 of each: sell 1/2 x 300 yen.
    assert trades["world"] == {"1001": Fraction(400, 6), "1002": Fraction(500, 6), "1003": -150}


def test_the_difference_is_explained_by_stock_and_by_event(tmp_path: Path) -> None:
    market = split_market(tmp_path / "m")
    found = whatif.difference(market, whatif.build(market, "split-by-divisor"))

    # 1003 rises by 30: 30 / 2 in the world, 3 x 30 / 3 really.
    assert found.points == -15.0
    assert found.by_stock.to_dict() == pytest.approx({"1003": -15.0})
    (cause,) = found.by_event.index
    assert cause == "2024-10-01: in reality 1003 split 3:1 by factor; in the world 1003 split 3:1 by divisor"
    assert found.by_event.iloc[0] == pytest.approx(-15.0)


def test_a_later_event_takes_only_what_it_earned(tmp_path: Path) -> None:
    # After the split by divisor 1002 rises by 60: 60/2 - 60/3 = 10. Then it leaves, with 1004 for it at the same price.
    closes = moved(c1002=[500.0, 500.0, 500.0, 560.0, 9000.0], c1003=[900.0, 900.0, 300.0, 300.0, 300.0])
    closes["1004"] = [560.0, 560.0, 560.0, 560.0, 616.0]
    events = [
        ("2024-09-30", "1003", "3", "split 3:1", ""),
        ("2024-10-02", "1002", "", "remove", ""),
        ("2024-10-02", "1004", "1", "add", ""),
    ]
    market = market_of(tmp_path / "m", closes, events)
    found = whatif.difference(market, whatif.build(market, "split-by-divisor"))

    # 1004 rises by 56, held 1/2 and 1/3. What 1002 does after it left counts nowhere.
    assert found.by_stock.to_dict() == pytest.approx({"1002": 10.0, "1004": 56 / 6})
    assert list(found.by_event) == pytest.approx([10.0, 56 / 6])


def test_no_cap_undoes_a_cap_step_of_the_market(tmp_path: Path) -> None:
    closes = moved(c1003=[900.0, 900.0, 900.0, 1000.0, 1000.0])
    market = market_of(tmp_path / "m", closes, [("2024-10-01", "1003", "0.9", "step cap", "2024-07-31")])
    world = whatif.build(market, "no-cap")

    # Really D = 3 (900 + 810) / 1800 = 2.85 and 1800 / 2.85 = 631.58; without the cap 1900 / 3.
    assert list(rebuild(market).levels) == [600.0, 600.0, 600.0, 631.58, 631.58]
    assert level(world) == [600.0, 600.0, 600.0, 633.33, 633.33]
    assert world.events == ()


def test_a_split_of_a_name_once_capped_keeps_the_cap_undone(tmp_path: Path) -> None:
    closes = moved(c1003=[900.0, 900.0, 900.0, 500.0, 500.0])
    events = [("2024-09-30", "1003", "0.9", "step cap", ""), ("2024-10-01", "1003", "1.8", "split 2:1", "")]
    world = whatif.build(market_of(tmp_path / "m", closes, events), "no-cap")

    # (400 + 500 + 2 x 500) / 3
    assert level(world) == [600.0, 600.0, 600.0, 633.33, 633.33]


def test_no_cap_divides_by_the_ratio_that_the_first_factors_contain(tmp_path: Path) -> None:
    # The fact table has 9983 at 0.8 from 2025-04-01: its 2.4 was 3 without the cap. 300 x 3 = 900, so 600 = 1800 / 3.
    folder = tmp_path / "m"
    market_of(folder, {"1001": [400.0] * 5, "1002": [500.0] * 5, "9983": [300.0, 300.0, 300.0, 330.0, 330.0]})
    days = ["2025-07-30", "2025-07-31", "2025-08-01", "2025-08-04", "2025-08-05"]
    for name in ("closes", "factors", "divisors"):
        text = (folder / f"{name}.csv").read_text("utf-8")
        for old, new in zip(DAYS, days, strict=True):
            text = text.replace(old, new)
        (folder / f"{name}.csv").write_text(
            text.replace("1003,1,", "9983,2.4,").replace(",3,start", ",2.7,start"), "utf-8"
        )
    world = whatif.build(MarketData.open(folder), "no-cap")

    # Really (900 + 2.4 x 300) / 2.7 = 600 and 1692 / 2.7 = 626.67; uncapped D = 2.7 x 1800 / 1620 = 3, 1890 / 3 = 630.
    assert level(world) == [600.0, 600.0, 600.0, 630.0, 630.0]
    assert "no-cap: 9983: 2.4 contains a cap of 0.8" in world.folder.missing


def test_hard_cap_acts_at_the_start_and_at_the_review(tmp_path: Path) -> None:
    closes = moved(c1003=[900.0, 990.0, 990.0, 1089.0, 1089.0])
    world = whatif.build(market_of(tmp_path / "m", closes), "cap=0.4")

    # 900 of 1,500 are below the cap, so 1003 counts 600; D = 3 x 1500 / 1800 = 2.5. Up by a tenth: (900 + 660) / 2.5.
    # At the review it counts 600 again: D = 2.5 x 1500 / 1560 = 2.40384615, and (900 + 660) / D = 648.96.
    assert level(world) == [600.0, 624.0, 624.0, 648.96, 648.96]
    (step,) = world.events
    assert isinstance(step, CapStep)
    assert (step.announced, step.effective) == (date(2024, 9, 30), date(2024, 10, 1))
    weights = rebuild(world).index.weights("2024-09-30")
    assert weights["1003"] == pytest.approx(660 / 1560)


def test_the_excess_over_a_hard_cap_may_lift_another_name_above_it() -> None:
    values = {"1001": Fraction(400), "1002": Fraction(500), "1003": Fraction(900)}
    factors = dict.fromkeys(values, Fraction(1))
    ratios = capped(factors, values, Fraction(35, 100))

    # 1003 alone at 35 % leaves 1002 at 500 / 1384.6 = 36.1 %: both are cut, to 35 % of 400 / 0.3.
    counted = {code: float(value * ratios.get(code, 1)) for code, value in values.items()}
    assert counted == pytest.approx({"1001": 400.0, "1002": 466.6666667, "1003": 466.6666667})


def test_a_cap_below_equal_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="X times the number of names"):
        whatif.build(market_of(tmp_path / "m", FLAT), "cap=0.3")


def test_cap_rule_takes_one_step_at_its_threshold(tmp_path: Path) -> None:
    closes = moved(c1003=[900.0, 900.0, 900.0, 1000.0, 1000.0])
    world = whatif.build(market_of(tmp_path / "m", closes), "cap-rule=0.45")

    # 50 % on the base date is above 45 %: 0.9 from the review on, D = 2.85; (900 + 900) / 2.85.
    assert level(world) == [600.0, 600.0, 600.0, 631.58, 631.58]
    (step,) = world.events
    assert (step.announced, step.effective, step.factor) == (date(2024, 7, 31), date(2024, 10, 1), Fraction(9, 10))  # type: ignore[union-attr]


def test_cap_rule_at_a_threshold_that_nobody_reaches_is_the_real_index(tmp_path: Path) -> None:
    closes = moved(c1003=[900.0, 910.0, 930.0, 1000.0, 995.0])
    market = market_of(tmp_path / "m", closes)

    assert level(whatif.build(market, "cap-rule=0.6")) == list(rebuild(market).levels)


def test_equal_weights_at_the_start_and_at_the_review(tmp_path: Path) -> None:
    closes = moved(c1001=[400.0, 440.0, 440.0, 484.0, 484.0])
    world = whatif.build(market_of(tmp_path / "m", closes), "equal")

    # 600 each: up by a tenth is (660 + 1200) / 3 = 620. Reset: a tenth of a third of 620 more, 640.67.
    assert level(world) == [600.0, 620.0, 620.0, 640.67, 640.67]
    index = rebuild(world).index
    assert list(index.weights("2024-07-30")) == pytest.approx([1 / 3] * 3)
    assert all(isinstance(e, FactorStep) and e.announced is None for e in world.events)


def test_an_entrant_comes_into_the_equal_world_with_the_mean_weight(tmp_path: Path) -> None:
    closes = moved(c1001=[400.0, 400.0, 400.0, 400.0, 10.0])
    closes["1004"] = [50.0, 50.0, 50.0, 50.0, 55.0]
    events = [("2024-10-02", "1001", "", "remove", "2024-09-02"), ("2024-10-02", "1004", "2", "add", "2024-09-02")]
    world = whatif.build(market_of(tmp_path / "m", closes, events), "equal")

    # A third of 600 rises by a tenth.
    assert level(world) == [600.0, 600.0, 600.0, 600.0, 620.0]
    (change,) = [e for e in world.events if isinstance(e, Replace)]
    # What was announced says nothing of the closes before the entry: the factor is the published one until then.
    assert (change.announced, change.entering) == (date(2024, 9, 2), {"1004": 2})


def test_float_world_weighs_by_market_value(tmp_path: Path) -> None:
    shares = pd.DataFrame({
        "date": ["2024-07-30"] * 3 + ["2024-10-02"], "code": ["1001", "1002", "1003", "1001"],
        "shares": [100.0, 100.0, 100.0, 200.0], "ffw": [1.0, 0.5, 1.0, 1.0],
    })  # fmt: skip
    closes = moved(c1001=[400.0, 440.0, 440.0, 440.0, 484.0])
    world = whatif.build(market_of(tmp_path / "m", closes, shares_ffw=shares), "float")

    # 40,000 + 25,000 + 90,000 = 155,000 is 600; 159,000 is 615.48. Then 200 shares of 440 yen: 203,000 is 615.48,
    # with the divisor at 8 decimals; up by a tenth of 88,000: 211,800 is 642.17 (642.165).
    assert level(world)[:4] == [600.0, 615.48, 615.48, 615.48]
    assert level(world)[4] == pytest.approx(600 * 159 / 155 * 211_800 / 203_000, abs=0.006)


def test_float_world_names_the_code_without_shares(tmp_path: Path) -> None:
    shares = pd.DataFrame(
        {"date": ["2024-07-30"] * 2, "code": ["1001", "1002"], "shares": [1.0, 1.0], "ffw": [1.0, 1.0]}
    )

    with pytest.raises(MissingData, match="no free float of 1003 on 2024-07-30"):
        whatif.build(market_of(tmp_path / "m", FLAT, shares_ffw=shares), "float")
    with pytest.raises(MissingData, match="shares_ffw missing"):
        whatif.build(market_of(tmp_path / "other", FLAT), "float")


def frozen_market(folder: Path, after: list[float]) -> MarketData:
    """1004 replaces 1001 on 2024-09-30; `after` are the closes of 1001 from then on."""
    closes = moved(c1001=[400.0, 400.0, *after])
    closes["1004"] = [700.0] * 5
    events = [("2024-09-30", "1001", "", "remove", ""), ("2024-09-30", "1004", "1", "add", "")]
    return market_of(folder, closes, events)


def test_frozen_holds_what_left(tmp_path: Path) -> None:
    world = whatif.build(frozen_market(tmp_path / "m", [430.0, np.nan, 460.0]), "frozen")

    # 1830 / 3, carried over the session without a price (A3), 1860 / 3.
    assert level(world) == [600.0, 600.0, 610.0, 610.0, 620.0]
    assert world.events == ()


@pytest.mark.parametrize(
    ("after", "levels", "why"),
    [
        ([430.0, np.nan, np.nan], [610.0, 610.0, 610.0], "dropped on 2024-10-01: no price"),
        ([430.0, 43.0, 43.0], [610.0, 610.0, 610.0], "dropped on 2024-10-01: its price moved by -90%"),
        ([430.0, 645.0, 645.0], [610.0, 610.0, 610.0], "dropped on 2024-10-01: its price moved by +50%"),
        ([430.0, 602.0, 401.0], [610.0, 667.33, 667.33], "dropped on 2024-10-02: its price moved by -33%"),
    ],
)
def test_frozen_drops_by_name_what_it_cannot_follow(
    tmp_path: Path, after: list[float], levels: list[float], why: str
) -> None:
    world = whatif.build(frozen_market(tmp_path / "m", after), "frozen")

    assert level(world) == [600.0, 600.0, *levels]
    assert any(f"1001: held on after it had left, {why}" in text for text in world.folder.missing)
    assert [e.leaving for e in world.events if isinstance(e, Replace)] == [("1001",)]


def test_a_world_that_ends_earlier_uses_nothing_after_its_end(tmp_path: Path) -> None:
    """615 is (400 + 500 + 330) / 2, as without an end; the text in the last close stops only the whole."""
    folder = tmp_path / "m"
    split_market(folder)
    text = (folder / "closes.csv").read_text("utf-8")
    head, last = text.rstrip().rsplit("\n", 1)
    (folder / "closes.csv").write_text(f"{head}\n{last.replace('330', 'n/a')}\n", "utf-8")
    market, end = MarketData.open(folder), date.fromisoformat(DAYS[3])

    with pytest.raises(DataError, match="n/a"):
        whatif.build(market, "split-by-divisor")
    assert level(whatif.build(market, "split-by-divisor", end)) == [600.0, 600.0, 600.0, 615.0]


def test_without_a_code(tmp_path: Path) -> None:
    closes = moved(c1001=[400.0, 440.0, 440.0, 440.0, 440.0], c1003=[900.0, 700.0, 700.0, 700.0, 700.0])
    world = whatif.build(market_of(tmp_path / "m", closes), "without=1003")

    # 900 / 1.5 = 600, 940 / 1.5 = 626.67
    assert level(world) == [600.0, 626.67, 626.67, 626.67, 626.67]


def test_a_spin_off_comes_and_goes_with_its_parent(tmp_path: Path) -> None:
    closes = moved(c1003=[900.0, 900.0, 600.0, 600.0, 660.0])
    closes["1004"] = [np.nan, np.nan, 350.0, 350.0, 350.0]
    events = [("2024-09-30", "1004", "1", "spin-off of 1003", ""), ("2024-10-01", "1004", "", "remove", "")]
    market = market_of(tmp_path / "m", closes, events)
    frozen, without, capped_at = (whatif.build(market, name) for name in ("frozen", "without=1003", "cap=0.4"))

    # (900 + 600 + 350) / 3 = 616.67, as really; the child leaves even the frozen world: D = 3 x 1500 / 1850.
    assert level(frozen) == [600.0, 600.0, 616.67, 616.67, 641.33]
    assert level(without) == [600.0] * 5
    # 1003 counts two thirds, and its child with it: (900 + 400 + 233.33) / 2.5.
    assert level(capped_at)[2] == 613.33


def test_by_event_a_child_comes_along_with_the_trades_in_its_parent(tmp_path: Path) -> None:
    closes = moved(c1003=[900.0, 900.0, 600.0, 600.0, 600.0])
    closes["1004"] = [np.nan, np.nan, 350.0, 350.0, 350.0]
    events = [("2024-09-30", "1004", "1", "spin-off of 1003", ""), ("2024-10-01", "1004", "", "remove", "")]
    market = market_of(tmp_path / "m", closes, events)
    found = whatif.difference(market, whatif.build(market, "cap=0.4"))

    # Parent and child together rise by 50: 2/3 x 50 / 2.5 - 50 / 3, all owed to the cap at the start.
    assert found.by_stock.sum() == pytest.approx(40 / 3 - 50 / 3, abs=1e-6)
    assert found.by_event.to_dict() == pytest.approx({"start": 40 / 3 - 50 / 3}, abs=1e-6)


def test_opens_give_an_open_high_and_low(tmp_path: Path) -> None:
    opens = pd.DataFrame({"date": DAYS} | moved(c1003=[960.0, 810.0, 900.0, 900.0, 900.0]))
    world = whatif.build(market_of(tmp_path / "m", FLAT, opens=opens), "without=1001")
    frame = world.table("n225")

    # D = 3 x 1400 / 1800 = 2.333333333333: opens (500 + 960) / D and (500 + 810) / D.
    assert frame.iloc[0].to_dict() == {"open": 625.71, "high": 625.71, "low": 600.0, "close": 600.0}
    assert frame.iloc[1].to_dict() == {"open": 561.43, "high": 600.0, "low": 561.43, "close": 600.0}


# --- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no-caps", "did you mean 'no-cap'"),
        ("equals", "did you mean 'equal'"),
        ("cap", "cap is written cap=X"),
        ("equal=2", "equal is written equal"),
        ("cap=ten", "above 0 and below 1"),
        ("cap=10", "above 0 and below 1"),
        ("cap-rule=0", "above 0 and below 1"),
        ("without=", "without is written without=CODE"),
    ],
)
def test_a_world_that_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        whatif.parse(text)


def test_a_code_that_never_was_in_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="did you mean '1003'"):
        whatif.build(market_of(tmp_path / "m", FLAT), "without=1103")


# --- every world of a synthetic market ---------------------------------------------------------------------------


@cache
def built(folder: Path, name: str) -> MarketData:
    return whatif.build(MarketData.open(folder), name)


@pytest.fixture(params=ALL)
def world(request: pytest.FixtureRequest, small: Path) -> MarketData:
    return built(small, request.param)


def test_a_world_is_a_market_that_rebuilds_its_own_levels(world: MarketData, small: Path) -> None:
    real = MarketData.open(small)
    summary = rebuild(world).summary()

    assert summary["days"] == summary["exact_days"] == len(real.table("closes"))
    assert world.table("n225")["close"].iloc[0] == real.table("n225")["close"].iloc[0]
    assert list(world.table("n225")) == ["open", "high", "low", "close"]
    pd.testing.assert_frame_equal(world.table("topix"), real.table("topix"))
    assert not world.has("total_return")
    assert "n225" not in set(world.table("halves")["series"])
    said = " | ".join(world.folder.missing)
    for name in ("COUNTERFACTUAL", "halves: no morning close", "total_return: left out", "etf_1321"):
        assert name in said


def test_the_difference_sums_to_the_difference(world: MarketData, small: Path) -> None:
    found = whatif.difference(MarketData.open(small), world)

    assert found.by_stock.sum() == pytest.approx(found.points, abs=0.01)
    assert found.by_event.sum() == pytest.approx(found.points, abs=0.01)


def test_nothing_of_a_world_is_known_before_it_is(world: MarketData) -> None:
    moment = np.datetime64("2020-12-30T18:00")
    then = world.until(moment)

    assert then.table("n225").index[-1] == pd.Timestamp("2020-12-30")
    pd.testing.assert_frame_equal(then.table("n225"), world.table("n225").loc[:"2020-12-30"])
    assert then.fingerprint == world.fingerprint
    assert then.events == tuple(e for e in world.events if known_from(e) <= moment)
    # The world of the past is the past of the world: what came later changes no level and no event before.
    again = rebuild(then)
    pd.testing.assert_series_equal(again.levels, rebuild(world).levels.loc[:"2020-12-30"])


@pytest.mark.parametrize("name", ["equal", "cap-rule=0.04", "frozen"])
def test_a_world_that_ends_earlier_is_the_beginning_of_the_whole_one(small: Path, name: str) -> None:
    whole, end = built(small, name), date(2020, 12, 30)
    part = whatif.build(MarketData.open(small), name, end)

    pd.testing.assert_frame_equal(part.table("n225"), whole.table("n225").loc[:"2020-12-30"])
    pd.testing.assert_series_equal(rebuild(part, end).levels, rebuild(whole, end).levels)


def test_announced_dates_survive(small: Path) -> None:
    dates = {(e.code, e.effective): e.announced for e in MarketData.open(small).events if isinstance(e, Split)}
    there = built(small, "split-by-divisor").events
    found = {(e.code, e.effective): e.announced for e in there if isinstance(e, Split)}

    assert found == dates
    assert None not in dates.values()
    assert {e.by for e in there if isinstance(e, Split)} == {"divisor"}


def test_the_real_market_stays_as_it_is(tmp_path: Path) -> None:
    opens = pd.DataFrame({"date": DAYS} | moved(c1001=[400.0, 400.0, 430.0, np.nan, 460.0]) | {"1004": [700.0] * 5})
    frozen_market(tmp_path / "m", [430.0, np.nan, 460.0])
    opens.to_csv(tmp_path / "m" / "opens.csv", index=False)
    market, untouched = MarketData.open(tmp_path / "m"), MarketData.open(tmp_path / "m")
    frozen = whatif.build(market, "frozen")

    assert frozen.table("opens")["1001"].iloc[3] == 430.0
    assert market.fingerprint == untouched.fingerprint
    assert market.events == untouched.events
    for name in ("closes", "opens", "factors", "divisors"):
        pd.testing.assert_frame_equal(market.table(name), untouched.table(name))
    assert not market.has("n225")
    assert market.folder.missing == ()


def test_every_world_has_a_fingerprint_of_its_own(tmp_path: Path) -> None:
    market = market_of(tmp_path / "m", FLAT)
    prints = {whatif.build(market, name).fingerprint for name in ("no-cap", "cap=0.4", "cap=0.5", "without=1002")}

    assert len(prints | {market.fingerprint}) == 5
    assert whatif.build(market, "cap=0.40").fingerprint in prints


def test_a_world_of_a_market_as_known_then_is_cut_there_too(tmp_path: Path) -> None:
    market = split_market(tmp_path / "m")
    then = whatif.build(market.until("2024-09-30T18:00"), "split-by-divisor")

    assert level(then) == [600.0, 600.0, 600.0]


def test_equal_weights_agree_with_a_plain_portfolio(small: Path) -> None:
    # Another way to the same levels: grow 225 equal amounts by their closes, split by split, up to the first review.
    market = MarketData.open(small)
    closes = market.table("closes").loc[:"2019-09-30"]
    codes = list(market.folder.events[0].codes)
    for event in market.events:
        if isinstance(event, Split) and pd.Timestamp(event.effective) < closes.index[-1]:
            rows = closes.index >= pd.Timestamp(event.effective)
            closes.loc[rows, event.code] *= float(event.ratio)
    grown = (closes[codes] / closes[codes].iloc[0]).mean(axis=1) * market.table("n225")["close"].iloc[0]
    found = built(small, "equal").table("n225")["close"].loc[:"2019-09-30"]

    # Three-decimal divisors move the level by up to 0.5 / 24,000 at each change.
    np.testing.assert_allclose(found, grown, rtol=1e-4)


def test_rows_read_back_as_the_events(small_market: MarketData) -> None:
    basket, events = small_market.folder.events

    assert parse_events(to_rows(basket, events)) == (basket, events)


def test_the_answer_is_plain_and_sums(small_market: MarketData) -> None:
    answer = whatif.answer(small_market, "split-by-divisor")

    assert (answer["what_if"], answer["days"]) == ("split-by-divisor", len(small_market.table("closes")))
    assert [row["year"] for row in answer["by_year"]] == [2019, 2020, 2021, 2022]
    assert answer["by_year"][-1]["difference"] == answer["difference"]
    for part in ("by_stock", "by_event"):
        assert sum(row["points"] for row in answer[part]) == pytest.approx(answer["difference"], abs=0.01)
    assert len(answer["by_stock"]) == 11


def test_different_sessions_cannot_be_compared(tmp_path: Path) -> None:
    market = market_of(tmp_path / "m", FLAT)
    whole, part = rebuild(market).index, rebuild(market.until("2024-09-30T18:00")).index

    with pytest.raises(SpecError, match="the same sessions"):
        explain(whole, part)
    assert isinstance(explain(whole, whole), Difference)


# --- traded ------------------------------------------------------------------------------------------------------


def split_pair(small: Path, **changes: Any) -> Any:
    spec = replace(load_spec(ROOT / "backtests/specs/split_pair.toml"), market=(small,), **changes)
    return prepare(spec)


@pytest.mark.parametrize("name", ["split-by-divisor", "equal"])
def test_split_pair_runs_in_a_world(small: Path, name: str) -> None:
    setup = split_pair(small, what_if=name)
    result = compute(setup, Path("reports"))

    assert result.facts["what_if"] == name
    assert result.facts["lookahead"]["leaks"] == []
    assert result.facts["index"]["exact_days"] == result.facts["index"]["days"]
    assert any("COUNTERFACTUAL" in text for text in result.facts["data"]["missing"])
    assert len(result.fills) > 0
    assert run_id(setup) != run_id(split_pair(small))
    assert f'what_if = "{name}"' in result.spec_text


def test_the_page_says_counterfactual(small: Path) -> None:
    body = document(compute(split_pair(small, what_if="no-cap"), Path("reports")))

    assert "<b>COUNTERFACTUAL</b>" in render(body, {})
    assert "<b>COUNTERFACTUAL</b>" not in render(body | {"what_if": ""}, {})
    assert any("counterfactual" in doubt for doubt in body["doubts"])


def test_one_world_is_one_run_however_it_is_written(small: Path) -> None:
    setup = split_pair(small, what_if="cap=0.10")

    assert setup.spec.what_if == "cap=0.1"
    assert 'what_if = "cap=0.1"' in to_toml(setup.spec, setup.params, ROOT)


def test_a_spec_can_name_a_world_and_a_wrong_one_is_refused(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "there.toml"
    head = (ROOT / "backtests/specs/split_pair.toml").read_text("utf-8")
    path.write_text(f'what_if = "no-capp"\n{head}', "utf-8")
    spec = replace(load_spec(path), market=(small,))

    assert spec.what_if == "no-capp"
    with pytest.raises(SpecError, match="did you mean 'no-cap'"):
        prepare(spec)


# --- real --------------------------------------------------------------------------------------------------------


@pytest.mark.real
def test_the_rule_at_its_own_threshold_is_the_real_index_of_2025(real: Path) -> None:
    market = MarketData.open(real / "window_2025")
    world = whatif.build(market, "cap-rule=0.1")

    # 9983 at 0.8 and 9.15 % on the base date 2025-07-31: no step (A18).
    pd.testing.assert_series_equal(
        world.table("n225")["close"], market.table("index")["close"].loc["2025-07-03":], check_freq=False
    )


@pytest.mark.real
def test_without_its_cap_fast_retailing_would_have_weighed_more(real: Path) -> None:
    market = MarketData.open(real / "window_2025")
    weight = rebuild(whatif.build(market, "no-cap")).index.weights("2025-07-31")["9983"]

    # A19 backwards with q = 3 / 2.4: w q / (1 - w + w q) at the published 9.1513 %.
    assert weight == pytest.approx(0.091513 * 1.25 / (1 - 0.091513 + 0.091513 * 1.25), abs=1e-6)


@pytest.mark.real
def test_frozen_drops_two_reverse_splits_that_factors_do_not_tell(real: Path) -> None:
    world = whatif.build(MarketData.open(real / "window_2017_2018"), "frozen")

    # 6502 (10:1) and 6508 (5:1) were joined on 2018-09-26, after both had left.
    dropped = [e for e in world.events if isinstance(e, Replace)]
    assert [(e.effective, e.leaving) for e in dropped] == [(date(2018, 9, 26), ("6502", "6508"))]
