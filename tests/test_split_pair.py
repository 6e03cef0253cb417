"""The split pair: which closes it enters and leaves at, what it may know, and a planted effect found."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests import lookahead
from backtests.prepare import prepare
from backtests.run import compute
from backtests.spec import load_spec
from indexsim import sessions
from indexsim.errors import MissingData
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


def test_offsets_count_from_the_announcement_where_it_is_the_anchor(tmp_path: Path) -> None:
    # Announced in the evening of 01-06: decided on 01-10, in at the close of 01-11, out at that of 01-13.
    after = {"anchor": "announced", "entry_offset": 2, "exit_offset": 4}

    assert held(tmp_path, "2023-01-20,9001,2,split 2:1,2023-01-06", **after) == ["2023-01-10", "2023-01-11"]
    assert held(tmp_path, "2023-01-20,9001,2,split 2:1,", **after) == []


ROWS = {
    "splits-by-factor": "2023-01-18,9001,2,split 2:1,2023-01-05",
    "splits-by-divisor": "2023-01-18,9001,,split-by-divisor 11:10,2023-01-05",
    "additions": "2023-01-18,9003,1,add,2023-01-05",
    "deletions": "2023-01-18,9001,,remove,2023-01-05",
    "cap": "2023-01-18,9001,0.5,step cap,2023-01-05",
    "phase-in": "2023-01-18,9001,2,step phase-in,2023-01-05",
    "steps": "2023-01-18,9001,2,step,2023-01-05",
}


@pytest.mark.parametrize("kind", ROWS)
def test_the_kinds_that_are_named_are_traded_and_no_others(tmp_path: Path, kind: str) -> None:
    others = ",".join(other for other in ROWS if other != kind)

    assert held(tmp_path, ROWS[kind], events=kind) == ["2023-01-16"]
    assert held(tmp_path, ROWS[kind], events=others) == []
    assert held(tmp_path, ROWS[kind], events="splits") == (["2023-01-16"] if kind.startswith("splits") else [])


def with_closes(folder: Path, **closes: list[float | None]) -> None:
    """Write closes: three hundred of a thousand are 9001's on 01-16, whose close the entry is decided at."""
    days = sessions.sessions("2023-01-12", "2023-01-18")
    table = {"9001": [900.0, 900.0, 300.0, 900.0, 900.0], "9002": [100.0, 100.0, 700.0, 100.0, 100.0], **closes}
    pd.DataFrame(table, index=days.rename("date")).to_csv(folder / "closes.csv")


def test_the_weight_is_the_one_at_the_decision_to_enter(tmp_path: Path) -> None:
    with_closes(tmp_path)

    assert held(tmp_path, ROWS["splits-by-factor"], minimum_weight=0.3) == ["2023-01-16"]
    assert held(tmp_path, ROWS["splits-by-factor"], minimum_weight=0.31) == []


def test_an_entrant_weighs_what_it_will(tmp_path: Path) -> None:
    # 9003 enters with factor 1 at 100 yen, a tenth of the sum before it.
    with_closes(tmp_path, **{"9003": [1.0, 1.0, 100.0, 1.0, 1.0]})

    assert held(tmp_path, ROWS["additions"], events="additions", minimum_weight=0.1) == ["2023-01-16"]
    assert held(tmp_path, ROWS["additions"], events="additions", minimum_weight=0.11) == []


def test_without_a_close_of_a_constituent_no_weight_is_known(tmp_path: Path) -> None:
    with_closes(tmp_path, **{"9002": [100.0, 100.0, None, 100.0, 100.0]})

    assert held(tmp_path, ROWS["splits-by-factor"], minimum_weight=0.01) == []


def with_betas(folder: Path, *events: str) -> MarketData:
    """Nikkei returns are twice those of TOPIX until 2023-01-13, and five times from then on."""
    made = market(folder, *events)
    days = sessions.sessions("2023-01-04", "2023-01-23")
    moves = np.array([0.0, 0.01, -0.02, 0.03, 0.01, -0.01, 0.02, 0.01, -0.03, 0.02, 0.01, -0.01, 0.02])
    times = np.where(days <= "2023-01-13", 2.0, 5.0)
    for name, returns in (("n225", moves * times), ("topix", moves)):
        pd.DataFrame({"close": 100.0 * np.cumprod(1.0 + returns)}, index=days.rename("date")).to_csv(
            folder / f"{name}.csv"
        )
    return MarketData.open(*made.folder.paths)


def test_a_hedge_by_beta_stays_what_it_was_at_the_entry(tmp_path: Path) -> None:
    # Entry decided on 01-13, at a beta of 2; the beta of 5 from then on does not move the legs.
    made = with_betas(tmp_path, "2023-01-18,9001,2,split 2:1,2023-01-05")
    params = SplitPair.Params(share=0.5, entry_offset=-2, exit_offset=1, hedge="beta", beta_window=5)
    legs = SplitPair.targets(made, params).at_close

    # Rows of 01-13, 01-16, 01-17.
    assert legs[:, 0].tolist() == [0.0] * 6 + [-0.5] * 3 + [0.0] * 4
    assert legs[:, 1] == pytest.approx([0.0] * 6 + [1.0] * 3 + [0.0] * 4, abs=1e-12)


def test_a_window_without_enough_history_for_its_beta_is_not_traded(tmp_path: Path) -> None:
    made = with_betas(tmp_path, "2023-01-18,9001,2,split 2:1,2023-01-05")
    # Six returns are known on 01-13: the first one on 01-05.
    params = {"entry_offset": -2, "exit_offset": 1, "hedge": "beta"}

    assert not SplitPair.targets(made, SplitPair.Params(**params, beta_window=7)).at_close.any()
    assert SplitPair.targets(made, SplitPair.Params(**params, beta_window=6)).at_close.any()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"anchor": "ex"}, "anchor 'ex' is unknown"),
        ({"anchor": "announced", "entry_offset": 1, "exit_offset": 3}, "entry_offset 1 comes before"),
        ({"hedge": "gamma"}, "hedge 'gamma' is unknown"),
        ({"beta_window": 1}, "beta_window 1 is too short"),
        ({"minimum_weight": 1.0}, "minimum_weight 1 lies outside"),
        ({"minimum_weight": -0.1}, "minimum_weight -0.1 lies outside"),
        ({"events": "split"}, "'split' is no kind of event; did you mean 'splits'"),
    ],
)
def test_impossible_parameters_are_refused(changes: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        SplitPair.Params(**changes)  # type: ignore[arg-type]


def test_only_what_is_used_is_needed() -> None:
    assert SplitPair.needs(SplitPair.Params()) == ("factors",)
    assert SplitPair.needs(SplitPair.Params(minimum_weight=0.01, hedge="beta")) == (
        *("factors", "closes"),
        *("n225", "topix"),
    )


OPTIONS = {
    "announced": {"anchor": "announced", "entry_offset": 2, "exit_offset": 6, "events": "splits,additions,cap"},
    "beta": {"hedge": "beta", "beta_window": 60, "events": "splits,deletions,phase-in"},
    "weight": {"minimum_weight": 0.002, "events": "splits,additions"},
}


@pytest.mark.parametrize("option", OPTIONS)
def test_no_option_looks_ahead(small: Path, option: str) -> None:
    spec = replace(load_spec(ROOT / "backtests/specs/split_pair.toml"), market=(small,), params=OPTIONS[option])
    setup = prepare(spec)
    targets = SplitPair.targets(setup.market, setup.params)
    rows = lookahead.check_rows(
        targets, setup.market, setup.bars, setup.span, "sample" if option == "weight" else "all"
    )
    assert np.count_nonzero(np.diff(targets.at_close[:, 0])) >= 4

    assert lookahead.find_leaks(SplitPair, setup.params, setup.market, setup.bars, targets, rows) == []


@pytest.mark.parametrize(
    ("nikkei", "topix", "share"),
    [("nikkei_large", "topix_large", 1.0), ("nikkei_micro", "topix_mini", 1.0), ("etf_1321", "etf_1306", 0.48)],
)
def test_contracts_of_any_size_and_funds_are_traded(small: Path, nikkei: str, topix: str, share: float) -> None:
    params = {"nikkei": nikkei, "topix": topix, "share": share}
    spec = replace(load_spec(ROOT / "backtests/specs/split_pair.toml"), market=(small,), params=params)
    result = compute(prepare(spec), small)

    assert set(result.round_trips["instrument"]) == {nikkei, topix}
    assert (result.orders["status"] == "filled").all()


@pytest.mark.real
def test_the_split_that_s001_names_on_the_real_series(real: Path, tmp_path: Path) -> None:
    # 9983 3:1, announced 2022-12-15, ex-date 2023-02-27 (A10): in at the close of 02-24, out at that of 02-27.
    text = HEADER.replace("2023-01-04", "2022-01-04") + "2023-02-27,9001,3,split 3:1,2022-12-15\n"
    (tmp_path / "factors.csv").write_text(text, "utf-8")
    spec = load_spec(ROOT / "backtests/specs/split_pair.toml")
    changes = {"market": (real / "series", tmp_path), "start": date(2022, 12, 1), "end": date(2023, 3, 31)}
    result = compute(prepare(replace(spec, **changes, futures="index")), tmp_path)  # type: ignore[arg-type]
    n225, topix = (pd.read_csv(real / f"series/{name}.csv", index_col=0)["close"] for name in ("n225", "topix"))
    moved = topix["2023-02-27"] / topix["2023-02-24"] - n225["2023-02-27"] / n225["2023-02-24"]

    assert result.round_trips["opened"].dt.date.unique().tolist() == [date(2023, 2, 24)]
    # Whole contracts and prices rounded to the tick, 5 points of 27,000, cost a few basis points.
    assert float(result.returns["gross"].sum()) == pytest.approx(moved, abs=5e-4)


@pytest.mark.real
def test_without_events_the_real_series_do_not_run(real: Path) -> None:
    spec = load_spec(ROOT / "backtests/specs/split_pair.toml")

    with pytest.raises(MissingData, match="factors"):
        prepare(replace(spec, market=(real / "series",)))


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
