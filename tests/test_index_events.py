"""Trading ahead of the trackers: which closes and opens, how much, what it may know, and a planted effect found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests import lookahead
from backtests.prepare import prepare
from backtests.result import Result
from backtests.run import compute
from backtests.spec import load_spec
from indexsim import sessions
from indexsim.errors import MissingData
from indexsim.market import MarketData
from indexsim.sample import Effects, Sample, write_sample
from strategies.base import Targets
from strategies.index_events import KINDS, IndexEvents
from tests.conftest import ROOT

SPEC = ROOT / "backtests/specs/index_events.toml"
HEADER = "effective_date,code,factor,event,announced_date\n2023-01-04,9001,1,initial,\n2023-01-04,9002,1,initial,\n"
# Announced in the evening of 01-05: decided on 01-06, filled at the open of 01-10. Acts on 01-18: out at
# the close of 01-17, decided on 01-16.
SWAP = ("2023-01-18,9001,,remove,2023-01-05", "2023-01-18,9003,2,add,2023-01-05")
CAP = ("2023-01-18,9002,0.5,step cap,2023-01-05",)
FUND = {"assets_yen": 4_000_000, "share": 0.1}


def market(folder: Path, *events: str, prices: Mapping[str, list[float | None]] | None = None) -> MarketData:
    """Thirteen sessions, 2023-01-04 05 06 | 10 11 12 13 | 16 17 18 19 20 | 23; 9001 100, 9002 300, 9003 50 yen."""
    days = sessions.sessions("2023-01-04", "2023-01-23").rename("date")
    # The closes of 01-06 are the ones that count; before and after they are others.
    closes = {
        code: [1.0, 1.0, price, *[7.0] * 10] for code, price in (("9001", 100.0), ("9002", 300.0), ("9003", 50.0))
    }
    for name in ("closes", "opens"):
        pd.DataFrame({**closes, **(prices or {})}, index=days).to_csv(folder / f"{name}.csv")
    pd.DataFrame({"close": 100.0}, index=days).to_csv(folder / "n225.csv")
    (folder / "factors.csv").write_text(HEADER + "".join(f"{e}\n" for e in events), "utf-8")
    return MarketData.open(folder)


def orders(made: MarketData, targets: Targets) -> list[tuple[str, str, str, float]]:
    """Every order as (instrument, day it fills, where, yen), in order of the instruments."""
    days = [str(d) for d in made.bars("daily").session]
    found = []
    for k, name in enumerate(targets.instruments):
        for t in range(len(days) - 1):
            for where, part in (("open", targets.at_open), ("close", targets.at_close)):
                if part[t, k] == part[t, k]:
                    found.append((name, days[t + 1], where, round(float(part[t, k]), 6)))
    return found


def traded(folder: Path, *events: str, **changes: object) -> list[tuple[str, str, str, float]]:
    made = market(folder, *events)
    return orders(made, IndexEvents.targets(made, IndexEvents.Params(**{**FUND, **changes})))  # type: ignore[arg-type]


def test_additions_are_bought_and_deletions_sold_until_the_close_at_which_trackers_trade(tmp_path: Path) -> None:
    # Of 4 million, 9001 is 100 of 400, and 9003 will be 2 x 50 of 300 + 100: a tenth of a million each.
    assert traded(tmp_path, *SWAP, hedge="none") == [
        ("stock_9003", "2023-01-10", "open", 100_000.0),
        ("stock_9003", "2023-01-17", "close", 0.0),
        ("stock_9001", "2023-01-10", "open", -100_000.0),
        ("stock_9001", "2023-01-17", "close", 0.0),
    ]


def test_a_capped_name_is_sold_short_against_the_future(tmp_path: Path) -> None:
    # 300 of 400 becomes 150 of 250: from 75 % to 60 % of 4 million.
    assert traded(tmp_path, *CAP) == [
        ("stock_9002", "2023-01-10", "open", -60_000.0),
        ("stock_9002", "2023-01-17", "close", 0.0),
        ("nikkei_mini", "2023-01-10", "open", 60_000.0),
        ("nikkei_mini", "2023-01-17", "close", 0.0),
    ]


def test_a_cap_that_is_eased_is_bought(tmp_path: Path) -> None:
    # 300 of 400 becomes 600 of 700.
    bought = (600 / 700 - 300 / 400) * 400_000
    found = traded(tmp_path, "2023-01-18,9002,2,step cap,2023-01-05", future="nikkei_micro")

    assert found[0] == ("stock_9002", "2023-01-10", "open", pytest.approx(bought))
    assert found[2] == ("nikkei_micro", "2023-01-10", "open", pytest.approx(-bought))


@pytest.mark.parametrize(("hedge", "yen"), [("cap", 60_000.0), ("all", 60_000.0 - 80_000.0)])
def test_the_hedge_is_the_sum_of_what_it_stands_against(tmp_path: Path, hedge: str, yen: float) -> None:
    # Without a deletion 9003 is bought for 100 of 400 + 100, a tenth of it 80,000.
    found = traded(tmp_path, "2023-01-18,9003,2,add,2023-01-05", *CAP, hedge=hedge)

    assert [order for order in found if order[0] == "nikkei_mini"] == [
        ("nikkei_mini", "2023-01-10", "open", yen),
        ("nikkei_mini", "2023-01-17", "close", 0.0),
    ]


def test_only_the_kinds_that_are_named_are_traded(tmp_path: Path) -> None:
    names = {kind: {name for name, *_ in traded(tmp_path, *SWAP, *CAP, events=kind)} for kind in KINDS}

    assert names == {
        **{kind: set() for kind in KINDS},
        "additions": {"stock_9003"},
        "deletions": {"stock_9001"},
        "cap": {"stock_9002", "nikkei_mini"},
    }


@pytest.mark.parametrize("row", ["9002,2,step phase-in", "9002,2,step"])
def test_a_second_step_is_bought(tmp_path: Path, row: str) -> None:
    found = traded(tmp_path, f"2023-01-18,{row},2023-01-05", events="phase-in,steps")

    assert found[0] == ("stock_9002", "2023-01-10", "open", pytest.approx((600 / 700 - 300 / 400) * 400_000))


def test_offsets_move_entry_and_exit_by_sessions(tmp_path: Path) -> None:
    # In at the open of 01-11, four sessions after the announcement less one; out at the close of 01-20.
    found = traded(tmp_path, "2023-01-18,9001,,remove,2023-01-05", entry_offset=3, exit_offset=2)

    assert [(day, where) for _, day, where, _ in found] == [("2023-01-11", "open"), ("2023-01-20", "close")]


def test_an_event_that_acts_before_it_could_be_traded_is_left_alone(tmp_path: Path) -> None:
    # Announced on 01-12: the first open is that of 01-16, after the close of 01-13 before it acts.
    assert traded(tmp_path, "2023-01-16,9001,,remove,2023-01-12") == []
    # One session later the two fall on one day: in at its open, out at its close.
    assert [order[1:3] for order in traded(tmp_path, "2023-01-17,9001,,remove,2023-01-12")] == [
        ("2023-01-16", "open"),
        ("2023-01-16", "close"),
    ]


def test_an_event_without_an_announced_date_is_not_traded(tmp_path: Path) -> None:
    assert traded(tmp_path, "2023-01-18,9001,,remove,") == []


def test_two_events_of_one_name_add_up(tmp_path: Path) -> None:
    # Announced on the same evening, the step for 01-18, the exit for 01-20: 60,000 sold, and 75 % of 400,000.
    found = traded(tmp_path, *CAP, "2023-01-20,9002,,remove,2023-01-05", hedge="none")

    assert found == [
        ("stock_9002", "2023-01-10", "open", -360_000.0),
        ("stock_9002", "2023-01-17", "close", -300_000.0),
        ("stock_9002", "2023-01-19", "close", 0.0),
    ]


def test_names_are_those_with_prices_and_grow_as_they_become_known(tmp_path: Path) -> None:
    late = "2023-01-20,9004,1,add,2023-01-10"
    made, params = market(tmp_path, *SWAP, late, "2023-01-20,9001,1,add,2023-01-11"), IndexEvents.Params()
    before = IndexEvents.targets(made.until("2023-01-05T15:00"), params)

    # 9004 has no column: it is not traded.
    assert IndexEvents.tradable(made, params) == ("stock_9003", "stock_9001", "nikkei_mini")
    assert before.instruments == ("nikkei_mini",)


def test_an_event_is_not_traded_while_a_constituent_has_no_close(tmp_path: Path) -> None:
    unknown: list[float | None] = [1.0, 1.0, None, *[7.0] * 10]
    made = market(tmp_path, *SWAP, prices={"9002": unknown})

    assert orders(made, IndexEvents.targets(made, IndexEvents.Params())) == []


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"events": "splits"}, "'splits' is no kind of event"),
        ({"events": "caps"}, "did you mean 'cap'"),
        ({"assets_yen": 0}, "assets_yen 0 is not above zero"),
        ({"share": 0.0}, "share 0 lies outside"),
        ({"share": 1.5}, "share 1.5 lies outside"),
        ({"entry_offset": 1}, "entry_offset 1 comes before"),
        ({"hedge": "some"}, "hedge 'some' is unknown"),
    ],
)
def test_impossible_parameters_are_refused(changes: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        IndexEvents.Params(**changes)  # type: ignore[arg-type]


def test_it_does_not_look_ahead(small: Path) -> None:
    params = {"events": "additions,deletions,cap,phase-in", "hedge": "all"}
    setup = prepare(replace(load_spec(SPEC), market=(small,), params=params))
    targets = IndexEvents.targets(setup.market, setup.params)
    rows = lookahead.check_rows(targets, setup.market, setup.bars, setup.span, "sample")

    assert lookahead.find_leaks(IndexEvents, setup.params, setup.market, setup.bars, targets, rows) == []


@pytest.mark.full
def test_no_row_looks_ahead(small: Path) -> None:
    setup = prepare(replace(load_spec(SPEC), market=(small,)))
    targets = IndexEvents.targets(setup.market, setup.params)
    rows = range(setup.span.start, setup.span.stop)

    assert lookahead.find_leaks(IndexEvents, setup.params, setup.market, setup.bars, targets, rows) == []


def additions(folder: Path, review_bp: float) -> Result:
    """Trade the additions of a world in which they rise by so much from their announcement."""
    effects = Effects(boj_afternoon_bp=0.0, review_bp=review_bp)
    write_sample(folder, Sample(start=date(2013, 1, 4), end=date(2016, 12, 30), outsiders=40, effects=effects))
    params = {"events": "additions", "hedge": "none"}
    return compute(prepare(replace(load_spec(SPEC), market=(folder,), params=params)), folder)


def test_a_planted_rise_of_additions_is_earned_and_only_then(tmp_path: Path) -> None:
    # The same world twice: additions rise by 3 % in 19 nights to the close before they enter, or not. Of the
    # 19 nights the first two are over when the position is taken, at the open two sessions after the announcement.
    earned = []
    for bp in (0.0, 300.0):
        trips = additions(tmp_path / f"{bp:g}", bp).round_trips
        # Gross of fees, per yen bought; by slippage, the same in both worlds, it is less.
        earned.append(trips["gross"].sum() / (trips["quantity"] * trips["open_price"]).sum())
        assert len(trips) >= 3

    # Whole lots and ticks: a tick is up to 0.2 % of a price.
    assert (earned[1] - earned[0]) * 1e4 == pytest.approx((1.03 ** (17 / 19) - 1.0) * 1e4, abs=25.0)


@pytest.mark.real
def test_a_window_without_first_prices_is_refused_by_name(real: Path) -> None:
    with pytest.raises(MissingData, match="opens"):
        prepare(replace(load_spec(SPEC), market=(real / "window_2025",)))


@pytest.mark.real
def test_the_entry_of_shift_is_sized_on_the_real_closes(real: Path, tmp_path: Path) -> None:
    # 3697 in for 7762 on 2025-10-01, announced 2025-09-08 (data/facts/index_events.csv).
    window = real / "window_2025"
    rows = pd.read_csv(window / "factors.csv", dtype=str)
    swap = (rows["effective_date"] == "2025-10-01") & rows["event"].isin(["add", "remove"])
    rows.assign(announced_date=np.where(swap, "2025-09-08", "")).to_csv(tmp_path / "factors.csv", index=False)
    closes = pd.read_csv(window / "closes.csv", index_col="date")
    closes.to_csv(tmp_path / "opens.csv")
    made = MarketData.open(window, tmp_path)
    params = IndexEvents.Params(events="additions,deletions")
    targets = IndexEvents.targets(made, params)
    found = {name: yen for name, day, where, yen in orders(made, targets) if (day, where) == ("2025-09-10", "open")}

    # Decided on 09-09: price x factor over the sum, which is level x divisor (29.61653922, published).
    level = pd.read_csv(window / "index.csv", index_col="date")["close"]["2025-09-09"]
    total, price = level * 29.61653922, closes.loc["2025-09-09"]
    assert found == pytest.approx(
        {
            "stock_3697": 35e12 * 0.0005 * price["3697"] / (total + price["3697"] - price["7762"]),
            "stock_7762": -35e12 * 0.0005 * price["7762"] / total,
        },
        rel=1e-6,
    )
