"""Ticks of a session in pieces: the levels of the stream, bad rows by name, and memory that does not grow."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest

from indexsim import ticks
from indexsim.basket import Basket
from indexsim.errors import DataError, MissingData
from indexsim.index import PriceWeightedIndex
from indexsim.ticks import TickDay, tick_file, tick_files
from tests.conftest import ROOT

DAY = date(2024, 5, 2)
ONE = Fraction(1)

#: Writes some ticks, replays them, prints the most memory that the process ever held, in megabytes.
MEASURE = """
import resource, sys
from datetime import date
from pathlib import Path
from indexsim.ticks import TickDay
from tests.test_ticks import index, write_many
path = Path(sys.argv[1])
assert sum(bars["count"].sum() for bars in TickDay(path, index(), date(2024, 5, 2)).bars()) == int(sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def index() -> PriceWeightedIndex:
    """Return A, B and C at 400, 500 and 900 yen over a divisor of 3: a level of 600."""
    closes = pd.DataFrame({"A": 400.0, "B": 500.0, "C": 900.0}, pd.DatetimeIndex(["2024-05-01", DAY]))
    return PriceWeightedIndex.build(closes, Basket(dict.fromkeys("ABC", ONE), date(2024, 5, 1)), [], Decimal(3))


def write(folder: Path, text: str, name: str = "2024-05-02.csv") -> Path:
    (folder / "ticks").mkdir(exist_ok=True)
    path = folder / "ticks" / name
    path.write_text(text, "utf-8")
    return path


def write_many(path: Path, count: int) -> None:
    """Write so many ticks of B at 500 and 503 yen by turns, a thousand at a time."""
    with path.open("w", encoding="utf-8") as file:
        file.write("time,code,price\n")
        for n in range(count // 1000):
            time = f"2024-05-02 09:{n // 1000:02}:00.{n % 1000:03}"
            file.write(f"{time},B,500\n{time},B,503\n" * 500)


GOOD = """code,time,price,venue
B,2024-05-02 09:00:00,800,x
A,2024-05-02 09:00:00,400.5,x
C,2024-05-02 09:00:01.5,899,x
A,2024-05-02T15:00:00,400,x
"""
#: 2,100 / 3 = 700; 2,100.5 / 3 = 700.17; 2,099.5 / 3 = 699.83; 2,099 / 3 = 699.67.
BARS = [
    ["2024-05-02 09:00:00", 700.0, 700.17, 700.0, 700.17, 2],
    ["2024-05-02 09:00:01.500000", 699.83, 699.83, 699.83, 699.83, 1],
    ["2024-05-02 15:00:00", 699.67, 699.67, 699.67, 699.67, 1],
]


def as_rows(bars: pd.DataFrame) -> list[list[object]]:
    return [[str(row[0]), *row[1:]] for row in bars.itertuples(index=False)]


@pytest.mark.parametrize("rows", [1, 2, 3, 50_000])
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_levels_are_those_by_hand_whatever_the_size_of_a_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, ending: str
) -> None:
    monkeypatch.setattr(ticks, "ROWS", rows)
    path = write(tmp_path, GOOD)
    if ending == ".parquet":
        frame = pd.read_csv(path)
        path = path.with_suffix(ending)
        frame.assign(time=pd.to_datetime(frame["time"], format="ISO8601")).to_parquet(path)
    day = TickDay(path, index(), DAY)
    found = pd.concat(list(day.bars()))

    assert as_rows(found) == BARS
    summary = day.summary
    assert (summary.opening, summary.open, summary.high, summary.low, summary.close) == (
        600,
        700,
        700.17,
        699.67,
        699.67,
    )
    assert (summary.count, summary.left_out, day.findings) == (4, 0, [])


BAD = """time,code,price
2024-05-02 09:00:00,B,800
2024-05-02 08:59:59,A,1
2024-05-02 09:00:01,Z,1
2024-05-02 09:00:02,A,0
2024-05-02 09:00:03,A,-5
2024-05-02 09:00:04,A,x
2024-05-02 09:00:05,A,
2024-05-02 09:00:06,A,0.00001
2024-05-03 09:00:07,A,1
noon,A,1
2024-05-02 09:00:08,A,inf
2024-05-02 09:00:09,C,899
"""
FOUND = [
    ("line 3", "time", "ticks-ascend"),
    ("line 4", "code", "unknown-code"),
    ("line 5", "price", "price-in-range"),
    ("line 6", "price", "price-in-range"),
    ("line 7", "price", "price-in-range"),
    ("line 8", "price", "price-in-range"),
    ("line 9", "price", "price-in-range"),
    ("line 10", "time", "tick-of-the-session"),
    ("line 11", "time", "tick-of-the-session"),
    ("line 12", "price", "price-in-range"),
]


@pytest.mark.parametrize("rows", [1, 4, 50_000])
def test_rows_that_cannot_be_taken_are_named_and_move_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(ticks, "ROWS", rows)
    day = TickDay(write(tmp_path, BAD), index(), DAY)
    bars = pd.concat(list(day.bars()))

    assert sorted(((f.row, f.column, f.rule) for f in day.findings), key=lambda f: int(f[0][5:])) == FOUND
    assert {f.file for f in day.findings} == {"ticks/2024-05-02.csv"}
    assert bars["close"].tolist() == [700.0, 699.67]
    assert (day.summary.count, day.summary.left_out) == (2, 10)


def test_many_bad_rows_are_counted_not_listed(tmp_path: Path) -> None:
    rows = "".join("2024-05-02 09:00:00,Z,1\n" for _ in range(100))
    day = TickDay(write(tmp_path, f"time,code,price\n{rows}"), index(), DAY)

    assert list(day.bars()) == []
    assert len(day.findings) == 21
    assert day.findings[-1].found == "80 more rows like these, left out"
    assert day.summary.left_out == 100


@pytest.mark.parametrize("text", ["", "time,code\n2024-05-02 09:00:00,A\n", "time,code,price\n1,2\n"])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="file-is-readable"):
        list(TickDay(write(tmp_path, text), index(), DAY).bars())


def test_a_file_is_found_by_its_day_and_a_later_layer_wins(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    for folder in (a, b):
        folder.mkdir()
        write(folder, GOOD)
    write(a, GOOD, "2024-05-07.csv")
    write(a, GOOD, "notes.csv")

    assert list(tick_files(a)) == [DAY, date(2024, 5, 7)]
    assert tick_file((a, b), DAY).parent.parent == b
    with pytest.raises(MissingData, match=r"ticks/2024-05-08\.csv"):
        tick_file((a, b), date(2024, 5, 8))
    write(a, GOOD, "2024-05-02.parquet")
    with pytest.raises(DataError, match="file-once"):
        tick_files(a)


def test_ten_times_the_ticks_take_no_more_memory(tmp_path: Path) -> None:
    """Of 5 and of 50 megabytes, two at a time: what a reader holds ahead is a part of both."""
    peaks = []
    for count in (150_000, 1_500_000):
        path = tmp_path / f"{count}.csv"
        write_many(path, count)
        shown = subprocess.run(
            [sys.executable, "-c", MEASURE, str(path), str(count)], cwd=ROOT, capture_output=True, text=True, check=True
        )
        peaks.append(int(shown.stdout))
        path.unlink()

    assert peaks[1] < peaks[0] * 1.5
