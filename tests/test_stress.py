"""Periods of stress: what the table says against published closes, and which of them a run covers."""

from __future__ import annotations

import csv
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.report import tables
from backtests.report.stress import covered, in_words, stress_dates
from backtests.result import Result
from indexsim import sessions
from tests.conftest import ROOT
from tests.test_report import _result as small_result

#: "-7.32 % on 05-23" and "14952.61 on 02-12".
MOVE = re.compile(r"([-+][0-9.]+) % on ([0-9]{2}-[0-9]{2})")
LEVEL = re.compile(r"\b([0-9]{4,5}\.[0-9]{2}) on ([0-9]{2}-[0-9]{2})")


@pytest.fixture(scope="module")
def result() -> Result:
    return small_result()


def test_periods_do_not_overlap_and_begin_and_end_on_sessions() -> None:
    found = stress_dates()

    assert len(found) == len({stress.name for stress in found}) == 12
    for before, after in pairwise(found):
        assert before.last < after.first
    for stress in found:
        days = sessions.sessions(stress.first, stress.last)
        assert (days[0].date(), days[-1].date()) == (stress.first, stress.last)
        assert stress.name.startswith(f"{stress.first:%Y-%m} ")


def test_every_period_has_a_source() -> None:
    with (ROOT / "data/facts/stress_dates.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert row["source"].startswith("http")
            assert row["confidence"] in {"H", "M"}


@pytest.mark.real
def test_every_move_and_level_agrees_with_the_published_closes(real: Path) -> None:
    close = pd.read_csv(real / "series/n225.csv", index_col="date", parse_dates=True)["close"]
    moves = 100 * close.pct_change()
    checked = 0
    for stress in stress_dates():
        for pattern, series in ((MOVE, moves), (LEVEL, close)):
            for number, day in pattern.findall(stress.what):
                checked += 1

                # Some newspapers cut the second decimal off.
                assert series[f"{stress.first.year}-{day}"] == pytest.approx(float(number), abs=0.01)
    assert checked >= 15


def test_a_period_must_lie_wholly_within_the_sessions() -> None:
    whole, parts = covered(pd.DatetimeIndex(["2016-01-29", "2016-06-30", "2018-03-02"]))

    assert [stress.name for stress in whole] == ["2016-01 Negative rates", "2016-06 Brexit"]
    assert [stress.name for stress in parts] == ["2018-02 Short volatility"]
    assert covered(pd.DatetimeIndex([])) == ([], [])
    assert "2018-02 Short volatility" in in_words(parts)[0]


def test_the_table_compounds_the_sessions_of_the_period(result: Result) -> None:
    rows = tables.stress(result)
    days = result.returns.index
    inside = result.returns[(days >= "2018-12-20") & (days <= "2019-01-22")]

    assert [row["name"] for row in rows] == ["2018-12 Christmas"]
    assert rows[0]["sessions"] == len(inside)
    assert rows[0]["net"] == pytest.approx(np.prod(1 + inside["net"]) - 1, rel=1e-12)
    assert rows[0]["benchmark_price"] == pytest.approx(np.prod(1 + inside["benchmark_price"]) - 1, rel=1e-12)
    assert rows[0]["worst"] == inside["net"].min()
