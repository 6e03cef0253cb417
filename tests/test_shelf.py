"""A market folder is changed whole or not at all, and only to one that passes the gate."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from indexsim.errors import DataError, ToolError
from indexsim.gate import read_table
from indexsim.schema import FILES, MARKER
from indexsim.shelf import changing, put, write

OLD = "date,open,high,low,close\n2024-05-01,100,110,90,105\n"


def stop_half_way(folder: Path) -> None:
    with changing(folder) as fresh:
        put(fresh, {"n225": frame(105.0)})
        raise KeyboardInterrupt


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """A market of one file."""
    folder = tmp_path / "market"
    folder.mkdir()
    (folder / "n225.csv").write_text(OLD, "utf-8")
    return folder


def frame(close: float) -> pd.DataFrame:
    rows = {"open": [100.0], "high": [110.0], "low": [90.0], "close": [close]}
    return pd.DataFrame(rows, index=pd.DatetimeIndex(["2024-05-02"]))


def test_a_frame_is_read_back_as_it_was(market: Path) -> None:
    with changing(market) as fresh:
        put(fresh, {"topix": frame(105.1)})
    read, findings = read_table(market / "topix.csv", FILES["topix"])

    assert not findings
    assert read.to_dict("list") == {"open": [100.0], "high": [110.0], "low": [90.0], "close": [105.1]}
    assert list(read.index) == [pd.Timestamp("2024-05-02")]


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    with changing(tmp_path / "a" / "b") as fresh:
        put(fresh, {"n225": frame(105.0)})

    assert (tmp_path / "a" / "b" / "n225.csv").read_text("utf-8") == (
        "date,open,high,low,close\n2024-05-02,100.0,110.0,90.0,105.0\n"
    )


def test_what_the_gate_refuses_leaves_the_folder_as_it_was(market: Path) -> None:
    with pytest.raises(DataError, match="n225"), changing(market) as fresh:
        put(fresh, {"n225": frame(-5.0)})

    assert (market / "n225.csv").read_text("utf-8") == OLD
    assert [p.name for p in market.parent.iterdir()] == ["market"]


def test_an_error_that_stood_there_before_does_not_stop_a_change_of_another_file(market: Path) -> None:
    (market / "topix.csv").write_text("date,open,high,low,close\n2024-05-01,x,110,90,105\n", "utf-8")
    with changing(market) as fresh:
        put(fresh, {"n225": frame(105.0)})

    assert "2024-05-02" in (market / "n225.csv").read_text("utf-8")


def test_an_error_in_the_block_leaves_the_folder_as_it_was(market: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        stop_half_way(market)

    assert (market / "n225.csv").read_text("utf-8") == OLD


def test_a_file_keeps_its_ending_unless_another_is_asked_for(market: Path) -> None:
    with changing(market) as fresh:
        write(fresh, "n225", frame(105.0), ".parquet")

    assert [p.name for p in market.iterdir()] == ["n225.parquet"]
    with changing(market) as fresh:
        put(fresh, {"n225": frame(106.0)})
    assert [p.name for p in market.iterdir()] == ["n225.parquet"]
    assert read_table(market / "n225.parquet", FILES["n225"])[0]["close"].tolist() == [106.0]


def test_a_synthetic_market_and_a_file_are_left_alone(market: Path) -> None:
    (market / MARKER).write_text("{}", "utf-8")
    with pytest.raises(ToolError, match="synthetic"), changing(market):
        pass
    with pytest.raises(ToolError, match="is a file"), changing(market / "n225.csv"):
        pass
