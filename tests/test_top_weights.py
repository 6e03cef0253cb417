"""Chasing the heaviest and the dearest names: who is picked when, who leaves, and the houses against the index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.prepare import prepare
from backtests.run import compute
from backtests.spec import Spec, load_spec
from indexsim import sessions
from indexsim.errors import MissingData
from indexsim.market import MarketData
from strategies.base import Targets
from strategies.members import codes_in, highest
from strategies.top_weights import TopWeights
from tests.conftest import ROOT
from tests.test_lookahead import leaks_of

SPEC = ROOT / "backtests/specs/top_weights.toml"
HEADER = "effective_date,code,factor,event,announced_date\n"
BASKET = ("9001,1", "9002,0.1", "9003,2")
#: Price x factor: 300, 100, 400. 9004 costs most of all and is not in the index.
PRICES = {"9001": 300.0, "9002": 1000.0, "9003": 200.0, "9004": 9999.0}
TWO = TopWeights.Params(count=2, every=4, share=0.8)


def market(folder: Path, *events: str, prices: Mapping[str, list[float | None]] | None = None) -> MarketData:
    """Thirteen sessions, rows 0 to 12: 2023-01-04 05 06 | 10 11 12 13 | 16 17 18 19 20 | 23."""
    days = sessions.sessions("2023-01-04", "2023-01-23").rename("date")
    closes = {code: [price] * 13 for code, price in PRICES.items()}
    for name in ("closes", "opens"):
        pd.DataFrame({**closes, **(prices or {})}, index=days).to_csv(folder / f"{name}.csv")
    pd.DataFrame({"open": 100.0, "close": 100.0}, index=days).to_csv(folder / "n225.csv")
    rows = [*(f"2023-01-04,{row},initial," for row in BASKET), *events]
    (folder / "factors.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows), "utf-8")
    return MarketData.open(folder)


def orders(targets: Targets) -> dict[int, dict[str, float]]:
    """Every order at an open by row: instrument -> share of the equity."""
    assert np.isnan(targets.at_close).all()
    rows = (
        {n: v for n, v in zip(targets.instruments, line, strict=True) if v == v} for line in targets.at_open.tolist()
    )
    return {t: {n: round(v, 9) for n, v in row.items()} for t, row in enumerate(rows) if row}


def traded(made: MarketData, params: TopWeights.Params = TWO) -> dict[int, dict[str, float]]:
    return orders(TopWeights.targets(made, params))


def test_the_heaviest_names_are_held_and_reviewed_every_few_sessions(tmp_path: Path) -> None:
    held = {"stock_9001": 0.4, "stock_9003": 0.4}

    assert traded(market(tmp_path)) == {0: held, 4: held, 8: held, 12: held}


def test_the_dearest_names_are_others_and_none_outside_the_index(tmp_path: Path) -> None:
    assert traded(market(tmp_path), replace(TWO, pick="price"))[0] == {"stock_9001": 0.4, "stock_9002": 0.4}


def test_an_announced_exit_is_sold_at_the_open_of_the_last_session_and_replaced_at_the_review(tmp_path: Path) -> None:
    # Out from 01-16 (row 7), last session 01-13 (row 6): sold at its open, decided on row 5.
    found = traded(market(tmp_path, "2023-01-16,9003,,remove,2023-01-06"))

    assert found[4] == {"stock_9001": 0.4, "stock_9003": 0.4}
    assert found[5] == {"stock_9003": 0.0}
    assert found[8] == {"stock_9001": 0.4, "stock_9002": 0.4}


def test_a_review_does_not_pick_a_name_that_is_about_to_leave(tmp_path: Path) -> None:
    # Out from 01-13 (row 6): decided on row 4, which is a review.
    found = traded(market(tmp_path, "2023-01-13,9003,,remove,2023-01-06"))

    assert found[4] == {"stock_9001": 0.4, "stock_9002": 0.4, "stock_9003": 0.0}


def test_an_exit_without_a_date_of_announcement_is_known_when_it_acts(tmp_path: Path) -> None:
    found = traded(market(tmp_path, "2023-01-16,9003,,remove,"))

    assert 5 not in found
    assert found[7] == {"stock_9003": 0.0}


def test_a_name_that_enters_is_picked_from_the_day_it_is_in(tmp_path: Path) -> None:
    # In from 01-17, row 8: a review at whose close it is in the index; announced long before, it was not at row 4.
    found = traded(market(tmp_path, "2023-01-17,9004,0.1,add,2023-01-04"))

    assert found[4] == {"stock_9001": 0.4, "stock_9003": 0.4}
    # 0.1 x 9,999 is the heaviest; 9001 with 300 makes room.
    assert found[8] == {"stock_9003": 0.4, "stock_9004": 0.4, "stock_9001": 0.0}


def test_a_split_makes_a_dear_name_cheap_and_leaves_its_weight(tmp_path: Path) -> None:
    # 9002 is split 10:1 on 01-16: 1,000 yen become 100, the factor 0.1 becomes 1.
    split = [1000.0] * 7 + [100.0] * 6
    made = market(tmp_path, "2023-01-16,9002,1,split 10:1,2023-01-06", prices={"9002": split})

    assert traded(made, replace(TWO, pick="price"))[8] == {"stock_9001": 0.4, "stock_9003": 0.4, "stock_9002": 0.0}
    assert traded(made, replace(TWO, count=3))[8].keys() == {"stock_9001", "stock_9002", "stock_9003"}


def test_a_step_of_a_factor_changes_who_is_heavy(tmp_path: Path) -> None:
    # 9003 is cut from 2 to 0.4: 80, lighter than 9002 with 100.
    found = traded(market(tmp_path, "2023-01-11,9003,0.4,step cap,2023-01-05"))

    assert found[4] == {"stock_9001": 0.4, "stock_9002": 0.4, "stock_9003": 0.0}


def test_a_name_without_a_close_is_not_picked(tmp_path: Path) -> None:
    unknown: list[float | None] = [200.0] * 4 + [None] + [200.0] * 8

    assert traded(market(tmp_path, prices={"9003": unknown}))[4] == {
        "stock_9001": 0.4,
        "stock_9002": 0.4,
        "stock_9003": 0.0,
    }


def test_only_names_that_are_ever_held_are_tradable(tmp_path: Path) -> None:
    made, params = market(tmp_path), replace(TWO, against="nikkei_mini")

    assert TopWeights.tradable(made, params) == ("stock_9001", "stock_9003", "nikkei_mini")
    assert TopWeights.instruments(params) == ("nikkei_mini",)


def test_given_names_are_held_against_the_index(tmp_path: Path) -> None:
    made = market(tmp_path)
    (tmp_path / "factors.csv").unlink()
    params = replace(TWO, pick="codes", codes="9004, 9001", against="nikkei_mini", every=100)

    assert TopWeights.needs(params) == ("closes", "opens")
    assert traded(MarketData.open(*made.folder.paths), params) == {
        0: {"stock_9004": 0.4, "stock_9001": 0.4, "nikkei_mini": -0.8}
    }


def test_the_hedge_follows_what_is_held(tmp_path: Path) -> None:
    made = market(tmp_path, "2023-01-16,9003,,remove,2023-01-06")

    assert traded(made, replace(TWO, against="topix_mini"))[5] == {"stock_9003": 0.0, "topix_mini": -0.4}


def test_a_given_name_that_the_market_lacks_is_refused_by_its_code(tmp_path: Path) -> None:
    made = market(tmp_path)

    with pytest.raises(MissingData, match="no column 8002, 8031, 8053, 8058"):
        TopWeights.tradable(made, TopWeights.Params(pick="codes", codes="9001,8002,8031,8053,8058"))


def test_the_five_trading_houses_are_the_names_of_the_default() -> None:
    names = tuple(f"stock_{code}" for code in ("8001", "8002", "8031", "8053", "8058"))

    assert TopWeights.instruments(TopWeights.Params(pick="codes")) == names


def test_a_run_earns_what_its_names_do(tmp_path: Path) -> None:
    """9001 from 300 to 330 after the purchase: 32 lots of 100 for 980,000 yen, a fee of 5 bp, 3,200 x 30 yen."""
    rising: list[float | None] = [300.0] * 7 + [330.0] * 6
    made = market(tmp_path, prices={"9001": rising})
    params = {"pick": "codes", "codes": "9001", "every": 4, "share": 1.0}
    spec = Spec("top", "strategies.top_weights:TopWeights", made.folder.paths, params, cash=1_000_000, slippage_bps=0.0)
    result = compute(prepare(spec), tmp_path)

    # Decided on row 4, filled on 01-12: the review of row 0 lies before the run.
    assert result.fills["quantity"].tolist() == [3_200]
    assert result.equity["net"].iloc[-1] == 1_000_000 - 480 + 96_000


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"pick": "weights"}, "pick 'weights' is unknown"),
        ({"count": 0}, "count 0"),
        ({"every": 0}, "every 0"),
        ({"share": 0.0}, "share 0 holds nothing"),
        ({"share": float("nan")}, "share nan"),
        ({"pick": "codes", "codes": " "}, "codes name no stock"),
        ({"codes": "8001,,8002"}, "separated by commas"),
        ({"codes": "8001,8001"}, "each once"),
    ],
)
def test_impossible_parameters_are_refused(changes: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        TopWeights.Params(**changes)  # type: ignore[arg-type]


def test_the_highest_of_a_row_are_the_first_of_equals_and_never_unknown() -> None:
    nan = float("nan")

    assert highest(np.array([[1.0, 2.0, 2.0, nan], [nan, nan, 5.0, nan]]), 2).tolist() == [
        [False, True, True, False],
        [False, False, True, False],
    ]
    assert codes_in(" 1301 ,285A") == ("1301", "285A")


@pytest.mark.parametrize("pick", ["weight", "price"])
def test_it_does_not_look_ahead(pick: str, small_market: MarketData) -> None:
    assert leaks_of(TopWeights, TopWeights.Params(pick=pick, against="nikkei_mini"), small_market) == []


@pytest.mark.full
def test_no_row_looks_ahead(small_market: MarketData) -> None:
    assert leaks_of(TopWeights, TopWeights.Params(count=8, every=7), small_market, "all") == []


def test_what_is_held_was_in_the_index_when_it_was_picked(small_market: MarketData) -> None:
    """By another road: the baskets of the rebuilt index."""
    from indexsim.rebuild import rebuild

    regimes = rebuild(small_market).index.regimes
    targets, bars = TopWeights.targets(small_market, TopWeights.Params(pick="price")), small_market.bars("daily")
    for row in range(0, len(bars), 20):
        day = bars.session[row].item()
        basket = next(r.basket for r in reversed(regimes) if r.basket.since <= day)
        held = [n for n, v in zip(targets.instruments, targets.at_open[row].tolist(), strict=True) if v > 0.0]

        assert len(held) == 5
        assert all(name.removeprefix("stock_") in basket.factors for name in held)


@pytest.mark.real
def test_a_window_without_first_prices_is_refused_by_name(real: Path) -> None:
    with pytest.raises(MissingData, match="opens"):
        prepare(replace(load_spec(SPEC), market=(real / "window_2025",)))


@pytest.mark.real
def test_the_ten_heaviest_are_those_of_the_official_list(real: Path, tmp_path: Path) -> None:
    # 2025-07-31 is the twentieth session of the window: row 19.
    window = real / "window_2025"
    pd.read_csv(window / "closes.csv", index_col="date").to_csv(tmp_path / "opens.csv")
    made = MarketData.open(window, tmp_path)
    found = traded(made, TopWeights.Params(count=10, every=19))
    official = pd.read_csv(
        real / "official_formats/nikkei_stock_average_weight_en_20250731.csv", dtype=str, encoding="cp932"
    )
    official = official[official["Code"].str.fullmatch(r"[0-9][0-9A-Z]{3}", na=False)]
    weights = official.set_index("Code")["Weight"].str.rstrip("%").astype(float)

    assert {name for name, share in found[19].items() if share > 0} == {
        f"stock_{c}" for c in weights.nlargest(10).index
    }
