"""What a run records of the market of its sessions: known before them, dated by facts, absent by name."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from backtests.prepare import Setup, prepare
from backtests.regimes import COLUMNS, eras, nothing, recorded
from tests.test_run import spec_of


def setup(market: Path) -> Setup:
    return prepare(spec_of("hold", market, start=date(2020, 3, 2), end=date(2021, 4, 30)))


@pytest.fixture(scope="module")
def table(small: Path) -> pd.DataFrame:
    ready = setup(small)
    return recorded(ready.market, ready.traded)


def test_the_vi_is_the_close_of_the_session_before(table: pd.DataFrame, small: Path) -> None:
    published = pd.read_csv(small / "nikkei_vi.csv", index_col="date", parse_dates=True)["close"]
    at = published.index.get_indexer(table.index)

    assert table["vi"].tolist() == published.iloc[at - 1].tolist()
    assert list(table.columns) == list(COLUMNS)


def test_eras_change_on_the_days_of_the_decisions(table: pd.DataFrame) -> None:
    era = table["boj_era"]

    assert era["2020-03-13"] == "6 trillion a year"
    assert era["2020-03-16"] == "up to 12 trillion a year"
    assert era["2021-03-31"] == "up to 12 trillion a year"
    assert era["2021-04-01"] == "2 % rule"


@pytest.mark.parametrize(
    ("day", "era"),
    [
        ("2010-12-14", "before the programme"),
        ("2010-12-15", "outstanding cap"),
        ("2013-04-04", "1 trillion a year"),
        ("2014-10-31", "3 trillion a year"),
        ("2016-07-28", "3 trillion a year"),
        ("2016-07-29", "6 trillion a year"),
        ("2024-03-18", "2 % rule"),
        ("2024-03-19", "no new purchases"),
        ("2025-09-19", "sales decided"),
    ],
)
def test_the_whole_programme(day: str, era: str) -> None:
    """E1, E3 and E6 of the rules."""
    assert eras().on(date.fromisoformat(day)) == era


def test_events_stand_on_the_sessions_they_are_effective_on(table: pd.DataFrame, small: Path) -> None:
    rows = pd.read_csv(small / "factors.csv", dtype=str)
    inside = rows[rows["effective_date"].between("2020-03-02", "2021-04-30")]
    split = set(inside.loc[inside["event"].str.startswith("split"), "effective_date"])
    changed = set(inside.loc[inside["event"].isin(["add", "remove"]), "effective_date"])

    assert split
    assert changed
    assert {f"{day:%Y-%m-%d}" for day in table.index[table["event"].str.contains("split")]} == split
    assert {f"{day:%Y-%m-%d}" for day in table.index[table["event"].str.contains("constituents")]} == changed
    assert (table["event"] == "").sum() > 200


def test_what_the_market_lacks_is_not_there(small: Path, tmp_path: Path) -> None:
    market = Path(shutil.copytree(small, tmp_path / "market"))
    for name in ("nikkei_vi.csv", "factors.csv"):
        (market / name).unlink()
    ready = setup(market)
    table = recorded(ready.market, ready.traded)

    assert table["vi"].isna().all()
    assert table["event"].isna().all()
    assert len(table) == len(ready.traded)


def test_a_run_without_a_record_has_no_row() -> None:
    assert (list(nothing().columns), len(nothing())) == (list(COLUMNS), 0)
