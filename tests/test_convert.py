"""CSV to Parquet and back: nothing is lost, and what the gate says stays the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from indexsim.errors import DataError, ToolError
from indexsim.gate import read_table
from indexsim.reshape import convert
from indexsim.schema import FILES, MARKER

N225 = "date,open,high,low,close,source\n2024-05-01,100.5,110.0,90.0,105.1,seen\n2024-05-02,101.0,110.0,90.0,0.1,\n"
FACTORS = "effective_date,code,factor,event,par\n2024-05-01,0012,50/3,initial,3\n2024-05-01,285A,2.40,initial,\n"
CLOSES = "date,0012,285A\n2024-05-01,100,7.5\n2024-05-02,,1234567.8\n"


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """A market of three CSV files, each as `convert` writes it, and a note beside them."""
    folder = tmp_path / "market"
    folder.mkdir()
    files = {
        "n225.csv": N225,
        "factors.csv": FACTORS,
        "closes.csv": CLOSES.replace(",100,", ",100.0,"),
        "notes.txt": "x",
    }
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_there_and_back_is_the_same_bytes(market: Path) -> None:
    before = contents(market)

    assert convert(market, ".parquet") == ("closes", "factors", "n225")
    assert sorted(contents(market)) == ["closes.parquet", "factors.parquet", "n225.parquet", "notes.txt"]
    assert convert(market, ".csv") == ("closes", "factors", "n225")
    assert contents(market) == before


def test_columns_that_the_gate_does_not_read_travel_as_text(market: Path) -> None:
    convert(market, ".parquet")
    frame = pd.read_parquet(market / "factors.parquet")

    assert frame["par"].tolist()[0] == "3"
    assert frame["factor"].tolist() == ["50/3", "2.40"]
    assert pd.read_parquet(market / "n225.parquet")["source"].tolist()[0] == "seen"


def test_other_ways_to_write_a_number_are_written_in_one_way_once(market: Path, tmp_path: Path) -> None:
    (market / "n225.csv").write_text('date,close\n2024-05-01,"1e2"\n2024-05-02,+7.50\n', "utf-8")
    convert(market, ".parquet", tmp_path / "b")
    convert(tmp_path / "b", ".csv", tmp_path / "c")

    assert (tmp_path / "c" / "n225.csv").read_text("utf-8") == "date,close\n2024-05-01,100.0\n2024-05-02,7.5\n"


def test_a_bad_cell_stays_as_it_was_with_its_finding(market: Path, tmp_path: Path) -> None:
    text = "date,close\n2024-05-01,#VALUE!\n2024-05-02,7.5\n"
    (market / "n225.csv").write_text(text, "utf-8")
    convert(market, ".parquet", tmp_path / "b")
    found = read_table(tmp_path / "b" / "n225.parquet", FILES["n225"])[1]
    convert(tmp_path / "b", ".csv", tmp_path / "c")

    assert [(f.row, f.column, f.rule) for f in found] == [("2024-05-01", "close", "price-is-a-number")]
    assert (tmp_path / "c" / "n225.csv").read_text("utf-8") == text


def test_what_csv_cannot_say_is_refused_and_the_folder_stays(market: Path) -> None:
    (market / "n225.csv").unlink()
    late = pd.DataFrame({"date": pd.to_datetime(["2024-05-01 09:00", "2024-05-02 00:00"]), "close": [1.0, 2.0]})
    late.to_parquet(market / "n225.parquet", index=False)
    before = contents(market)
    with pytest.raises(DataError, match="same-in-both"):
        convert(market, ".csv")

    assert contents(market) == before


def test_an_unreadable_file_and_a_name_that_stands_twice_are_refused(market: Path) -> None:
    before = contents(market)
    (market / "topix.csv").write_bytes(b"date,close\n2024-05-01,\xff\n")
    with pytest.raises(DataError, match="not UTF-8"):
        convert(market, ".parquet")
    (market / "topix.csv").unlink()
    pd.DataFrame({"date": ["2024-05-01"], "close": [1.0]}).to_parquet(market / "n225.parquet")
    with pytest.raises(DataError, match="file-once"):
        convert(market, ".parquet")
    (market / "n225.parquet").unlink()

    assert contents(market) == before


def test_an_interrupt_leaves_the_folder_whole(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from indexsim import shelf

    before, written = contents(market), []

    def stop_at_the_second(path: Path, rows: pd.DataFrame) -> None:
        written.append(path.name)
        if len(written) == 2:
            raise KeyboardInterrupt
        rows.to_parquet(path, index=False)

    monkeypatch.setattr(shelf, "save", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        convert(market, ".parquet")

    assert len(written) == 2
    assert contents(market) == before
    assert [path.name for path in market.parent.iterdir()] == ["market"]


def test_a_sample_keeps_its_marker_and_is_not_converted_in_its_place(market: Path, tmp_path: Path) -> None:
    (market / MARKER).write_text('{"synthetic": true, "seed": 1}', "utf-8")
    with pytest.raises(ToolError, match="--out"):
        convert(market, ".parquet")
    convert(market, ".parquet", tmp_path / "b")

    assert (tmp_path / "b" / MARKER).read_bytes() == (market / MARKER).read_bytes()


def test_a_folder_with_something_in_it_is_no_place_for_the_new_one(market: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine.txt").write_text("x", "utf-8")
    with pytest.raises(ToolError, match="something is in it already"):
        convert(market, ".parquet", tmp_path / "b")

    assert contents(tmp_path / "b") == {"mine.txt": b"x"}


@pytest.mark.real
def test_the_real_series_go_there_and_back(real: Path, tmp_path: Path) -> None:
    chosen = ("nikkei_vi", "boj_etf_purchases", "etf_1321", "total_return")
    (tmp_path / "0").mkdir()
    for name in chosen:
        shutil.copyfile(real / "series" / f"{name}.csv", tmp_path / "0" / f"{name}.csv")
    for number, ending in enumerate((".parquet", ".csv", ".parquet", ".csv")):
        convert(tmp_path / str(number), ending, tmp_path / str(number + 1))

    assert contents(tmp_path / "2") == contents(tmp_path / "4")
    assert len(contents(tmp_path / "2")) == len(chosen)
