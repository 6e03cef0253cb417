"""The split pair: which closes it enters and leaves at, what it may know, and a planted effect found."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.prepare import prepare
from backtests.run import compute
from backtests.spec import load_spec
from indexsim import sessions
from indexsim.market import MarketData
from indexsim.sample import Effects, Sample, write_sample
from strategies.split_pair import SplitPair
from tests.conftest import ROOT

HEADER = "effective_date,code,factor,event,announced_date\n2023-01-04,9001,1,initial,\n2023-01-04,9002,1,initial,\n"


def market(folder: Path, *events: str) -> MarketData:
    """Thirteen sessions: 2023-01-04 05 06 | 10 11 12 13 | 16 17 18 19 20 | 23."""
    days = sessions.sessions("2023-01-04", "2023-01-23")
    pd.DataFrame({"close": 100.0}, index=days.rename("date")).to_csv(folder / "n225.csv")
    (folder / "factors.csv").write_text(HEADER + "".join(f"{e}\n" for e in events), "utf-8")
    return MarketData.open(folder)


def held(folder: Path, *events: str, **changes: object) -> list[str]:
    """The decision days whose next close leaves the pair held."""
    made = market(folder, *events)
    params = SplitPair.Params(**changes)  # type: ignore[arg-type]
    targets = SplitPair.targets(made, params)
    assert np.isnan(targets.at_open).all()
    assert (targets.at_close[:, 0] == -targets.at_close[:, 1]).all()
    return [str(d) for d, x in zip(made.bars("daily").session, targets.at_close[:, 1], strict=True) if x > 0]


def test_the_close_before_the_ex_date_is_decided_a_session_earlier(tmp_path: Path) -> None:
    # Ex-date 01-18: in at the close of 01-17, decided on 01-16; out at the close of 01-18, decided on 01-17.
    assert held(tmp_path, "2023-01-18,9001,2,split 2:1,2023-01-05") == ["2023-01-16"]


def test_offsets_move_entry_and_exit_by_sessions(tmp_path: Path) -> None:
    # Entry close 01-13 (three sessions before 01-18), exit close 01-19: decided from 01-12 up to 01-17.
    days = held(tmp_path, "2023-01-18,9001,2,split 2:1,2023-01-05", entry_offset=-3, exit_offset=1)

    assert days == ["2023-01-12", "2023-01-13", "2023-01-16", "2023-01-17"]


def test_share_scales_both_legs(tmp_path: Path) -> None:
    made = market(tmp_path, "2023-01-18,9001,2,split 2:1,2023-01-05")
    targets = SplitPair.targets(made, SplitPair.Params(share=0.25))

    assert targets.at_close.min(axis=0).tolist() == [-0.25, 0.0]
    assert targets.at_close.max(axis=0).tolist() == [0.0, 0.25]


def test_overlapping_windows_are_one(tmp_path: Path) -> None:
    rows = ("2023-01-17,9001,2,split 2:1,2023-01-05", "2023-01-18,9002,2,split 2:1,2023-01-05")

    assert held(tmp_path, *rows) == ["2023-01-13", "2023-01-16"]


def test_a_split_announced_after_its_entry_was_due_is_not_traded(tmp_path: Path) -> None:
    # Announced in the evening of 01-16: too late for a decision at that day's close.
    assert held(tmp_path, "2023-01-18,9001,2,split 2:1,2023-01-16") == []
    assert held(tmp_path, "2023-01-18,9001,2,split 2:1,2023-01-13") == ["2023-01-16"]


def test_a_split_without_an_announced_date_is_not_known_before_it_acts(tmp_path: Path) -> None:
    assert held(tmp_path, "2023-01-18,9001,2,split 2:1,") == []


def test_other_events_are_not_traded(tmp_path: Path) -> None:
    assert held(tmp_path, "2023-01-18,9001,0.5,step cap,2023-01-05") == []


def test_a_split_handled_by_the_divisor_is_traded_too(tmp_path: Path) -> None:
    assert held(tmp_path, "2023-01-18,9001,,split-by-divisor 2:1,2023-01-05") == ["2023-01-16"]


def test_a_split_whose_entry_lies_before_the_market_is_left_alone(tmp_path: Path) -> None:
    assert held(tmp_path, "2023-01-05,9001,2,split 2:1,2022-12-01") == []


def test_an_exit_that_is_not_after_the_entry_is_refused() -> None:
    with pytest.raises(ValueError, match="exit_offset -1 is not after entry_offset -1"):
        SplitPair.Params(exit_offset=-1)


def gross_per_trade(folder: Path, split_bp: float) -> float:
    """Mean gross return of a trade, as a share of the account, in a world with this effect."""
    effects = Effects(boj_afternoon_bp=0.0, split_bp=split_bp)
    write_sample(folder, Sample(start=date(2012, 1, 4), end=date(2016, 12, 30), outsiders=40, effects=effects))
    spec = load_spec(ROOT / "backtests/specs/split_pair.toml")
    result = compute(prepare(replace(spec, market=(folder,))), folder)
    trades = result.round_trips["closed"].nunique()
    assert trades >= 10
    return float(np.log1p(result.returns["gross"]).sum()) / trades


def test_a_planted_split_effect_is_earned_and_only_then(tmp_path: Path) -> None:
    # The same world twice, with and without the Nikkei falling 40 bp against TOPIX on each ex-date.
    difference = gross_per_trade(tmp_path / "with", 40.0) - gross_per_trade(tmp_path / "without", 0.0)

    # Whole contracts and ticks leave a few tenths of a basis point; compounding of the two legs, a little more.
    assert difference * 1e4 == pytest.approx(40.0, abs=2.0)
