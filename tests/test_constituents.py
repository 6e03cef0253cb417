"""The reader of a folder of constituents: which files it takes, what it leaves out, and whose row counts."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from indexsim.errors import DataError, MissingData
from indexsim.official.constituents import read_constituents

HEAD = "date,code,open,high,low,close,volume\n"


def write(folder: Path, name: str, text: str) -> None:
    if name.endswith(".gz"):
        (folder / name).write_bytes(gzip.compress(text.encode(), mtime=0))
    else:
        (folder / name).write_text(text, "utf-8")


def test_prices_are_read_from_plain_and_packed_files_and_codes_stay_text(tmp_path: Path) -> None:
    write(
        tmp_path, "ohlcv_2024_split_adjusted.csv.gz", HEAD + "2024-01-05,285A,2,3,1,2.5,10\n2024-01-04,1332,1,1,1,1,5\n"
    )
    write(tmp_path, "ohlcv_2023_raw.csv", HEAD + "2023-01-04,0001,7,7,7,7,1\n")
    found = read_constituents(tmp_path)

    assert found.ohlcv is not None
    assert found.ohlcv_raw is not None
    assert found.ohlcv[["date", "code", "close"]].values.tolist() == [
        [pd.Timestamp("2024-01-04"), "1332", 1.0],
        [pd.Timestamp("2024-01-05"), "285A", 2.5],
    ]
    assert found.ohlcv_raw["code"].tolist() == ["0001"]
    assert found.splits is None
    assert found.dividends is None


def test_a_row_without_a_number_is_left_out_and_counted(tmp_path: Path) -> None:
    bad = "2020-10-01,7203,#VALUE!,#VALUE!,#VALUE!,#VALUE!,0\n"
    write(tmp_path, "ohlcv_2020_split_adjusted.csv", HEAD + "2020-09-30,7203,1,1,1,1,5\n" + bad)
    found = read_constituents(tmp_path)

    assert found.ohlcv is not None
    assert len(found.ohlcv) == 1
    assert [(f.rule, f.found, f.severity) for f in found.findings] == [
        ("price-is-a-number", "1 rows left out, on 2020-10-01", "warning")
    ]


def test_of_two_files_the_one_with_the_later_name_counts(tmp_path: Path) -> None:
    head = "ex_date,code,dividend_split_adjusted\n"
    write(tmp_path, "dividends_1999_2022.csv", head + "2022-03-30,1803,1.5\n2010-03-29,1803,8\n")
    write(tmp_path, "dividends_2021_2025.csv", "code,ex_date,dividend_split_adjusted\n1803,2022-03-30,11.5\n")
    found = read_constituents(tmp_path).dividends

    assert found is not None
    assert found[["yen", "file"]].values.tolist() == [[8.0, "dividends_1999_2022"], [11.5, "dividends_2021_2025"]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("date,code,open,high,low,volume\n", "close"),
        (HEAD + "2024-01-04,1,1,1,1,1,1\n04/01/24,1,1,1,1,1,1\n", "line 3"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, "ohlcv_x_raw.csv", text)

    with pytest.raises(DataError, match=said):
        read_constituents(tmp_path)


def test_a_folder_without_the_layout_says_what_it_looks_for(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"ohlcv_\*_raw"):
        read_constituents(tmp_path)
    with pytest.raises(MissingData, match="no such folder"):
        read_constituents(tmp_path / "absent")


def test_the_fingerprint_follows_the_bytes(tmp_path: Path) -> None:
    write(tmp_path, "splits_a.csv", "ex_date,code,ratio\n2024-01-04,1,2\n")
    before = read_constituents(tmp_path).fingerprint
    write(tmp_path, "splits_a.csv", "ex_date,code,ratio\n2024-01-04,1,3\n")

    assert read_constituents(tmp_path).fingerprint != before


@pytest.mark.real
def test_the_real_folder_has_the_rows_its_description_counts(real: Path) -> None:
    found = read_constituents(real / "constituents")

    assert found.ohlcv is not None
    assert found.splits is not None
    # README: 228 names; 224 rows on 2020-10-01 that are no numbers.
    assert found.ohlcv["code"].nunique() == 228
    assert [f.found for f in found.findings] == ["224 rows left out, on 2020-10-01"]
    assert ((found.splits["code"] == "7203") & (found.splits["ex_date"] == "2021-09-29")).sum() == 1
