"""What `check` says of each file: its days, gaps, columns, codes with holes, and the days it shares."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from indexsim.coverage import coverage
from indexsim.gate import gaps
from indexsim.market import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Sessions of May 2024 are 1, 2, 7, 8, 9, 10, 13, ...; the third to the sixth have no trading."""
    files = {
        "n225": "date,open,close\n2024-05-01,,1.0\n2024-05-02,2.0,3.0\n2024-05-09,,4.0\n2024-05-13,5.0,6.0\n",
        "topix": "date,close\n2024-05-02,1.0\n2024-05-07,1.0\n2024-05-13,1.0\n",
        "closes": "date,A,B\n2024-05-08,1.0,\n2024-05-09,,2.0\n2024-05-10,3.0,4.0\n",
        "halves": "date,series,morning_close,afternoon_open\n"
        "2024-05-01,n225,1,1\n2024-05-02,n225,1,1\n2024-05-02,topix,1,1\n",
        "factors": "effective_date,code,factor,event\n2024-05-01,A,1,initial\n2024-05-09,A,2,split 2:1\n",
        "constituents": "code,name\nA,one\n",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text, "utf-8")
    return Folder([tmp_path])


def test_gaps_are_runs_of_sessions(folder: Folder) -> None:
    said = coverage(folder, "n225")

    assert (said["from"], said["to"], said["rows"]) == ("2024-05-01", "2024-05-13", 4)
    assert said["missing_sessions"] == 3
    assert said["missing_first"] == ["2024-05-07", "2024-05-08", "2024-05-10"]
    first = {"from": "2024-05-07", "to": "2024-05-08", "sessions": 2}
    second = {"from": "2024-05-10", "to": "2024-05-10", "sessions": 1}
    assert said["gaps"] == {"count": 2, "longest": first, "first": [first, second]}
    assert list(gaps(pd.DatetimeIndex([]))) == []


def test_each_column_says_from_when_to_when(folder: Folder) -> None:
    assert coverage(folder, "n225")["columns"] == [
        {"column": "open", "from": "2024-05-02", "to": "2024-05-13", "blank": 1},
        {"column": "close", "from": "2024-05-01", "to": "2024-05-13", "blank": 0},
    ]


def test_a_wide_file_names_its_codes_with_holes(folder: Folder) -> None:
    assert coverage(folder, "closes")["codes"] == {"count": 2, "with_holes": 1, "first": [{"code": "A", "blank": 1}]}


def test_a_long_file_says_what_each_series_has(folder: Folder) -> None:
    assert coverage(folder, "halves")["series"] == [
        {"series": "n225", "rows": 2, "from": "2024-05-01", "to": "2024-05-02"},
        {"series": "topix", "rows": 1, "from": "2024-05-02", "to": "2024-05-02"},
    ]


def test_overlap_counts_the_days_in_common(folder: Folder) -> None:
    assert coverage(folder, "topix")["overlap"] == {"closes": 0, "n225": 2}


def test_events_have_days_and_names_have_none(folder: Folder) -> None:
    assert (coverage(folder, "factors")["from"], coverage(folder, "factors")["to"]) == ("2024-05-01", "2024-05-09")
    assert coverage(folder, "constituents")["why"] == "no dates in it"


def test_stale_findings_are_counted(tmp_path: Path) -> None:
    row = "1.0,3.0,1.0,2.0"
    (tmp_path / "n225.csv").write_text(f"date,open,high,low,close\n2024-05-01,{row}\n2024-05-02,{row}\n", "utf-8")

    assert coverage(Folder([tmp_path]), "n225")["stale"] == 1
