"""Several folders as one: layered by whole file, or joined by rows, and never one value picked in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexsim.errors import DataError, SpecError, ToolError
from indexsim.market import MarketData
from indexsim.reshape import layered, rowwise
from indexsim.schema import MARKER

EARLY = "date,close\n2024-05-01,100.0\n2024-05-02,101.0\n"
LATE = "date,open,close\n2024-05-02,99.0,101.0\n2024-05-07,102.0,103.0\n"
FACTORS = "effective_date,code,factor,event\n2024-05-01,A,1,initial\n2024-05-01,B,2,initial\n2024-05-02,B,4,split 2:1\n"
LATER = "effective_date,code,factor,event\n2024-05-02,A,1,initial\n2024-05-02,B,4,initial\n2024-05-07,A,3,step\n"


def folder(path: Path, **files: str) -> Path:
    path.mkdir()
    for name, text in files.items():
        (path / f"{name}.csv").write_text(text, "utf-8")
    return path


def test_a_later_folder_wins_by_whole_file(tmp_path: Path) -> None:
    a, b = folder(tmp_path / "a", n225=EARLY, topix=EARLY), folder(tmp_path / "b", n225=LATE)
    taken = layered([a, b], tmp_path / "c")

    assert taken == {"n225": b, "topix": a}
    assert (tmp_path / "c" / "n225.csv").read_text("utf-8") == LATE
    assert MarketData.open(tmp_path / "c").fingerprint == MarketData.open(a, b).fingerprint


def test_rows_are_joined_and_a_blank_is_filled_from_the_other(tmp_path: Path) -> None:
    a, b = folder(tmp_path / "a", n225=EARLY), folder(tmp_path / "b", n225=LATE, topix=EARLY)
    sources, said = rowwise([a, b], tmp_path / "c")

    assert said == ()
    assert sources == {"n225": [a, b], "topix": [b]}
    assert (tmp_path / "c" / "n225.csv").read_text("utf-8") == (
        "date,open,close\n2024-05-01,,100.0\n2024-05-02,99.0,101.0\n2024-05-07,102.0,103.0\n"
    )


@pytest.mark.parametrize(("prefer", "close"), [("first", "101.0"), ("last", "101.5")])
def test_a_disagreement_stops_the_merge_until_it_is_said_who_counts(tmp_path: Path, prefer: str, close: str) -> None:
    a, b = folder(tmp_path / "a", n225=EARLY), folder(tmp_path / "b", n225=LATE.replace("99.0,101.0", "99.0,101.5"))
    said = rowwise([a, b], tmp_path / "c")[1]

    assert [(d.file, d.row, d.column, d.one, d.other, d.folder) for d in said] == [
        ("n225", "2024-05-02", "close", "101.0", "101.5", str(b))
    ]
    assert not (tmp_path / "c").exists()
    again = rowwise([a, b], tmp_path / "c", prefer)[1]  # type: ignore[arg-type]
    assert again == said
    assert f"2024-05-02,99.0,{close}\n" in (tmp_path / "c" / "n225.csv").read_text("utf-8")


def test_long_files_are_joined_by_their_keys(tmp_path: Path) -> None:
    head = "date,series,morning_close,afternoon_open\n"
    a = folder(tmp_path / "a", halves=f"{head}2024-05-01,n225,1.0,2.0\n2024-05-01,topix,3.0,\n")
    b = folder(tmp_path / "b", halves=f"{head}2024-05-01,topix,3.5,4.0\n2024-05-02,n225,5.0,6.0\n")
    said = rowwise([a, b], tmp_path / "c", "first")[1]

    assert [(d.row, d.column, d.one, d.other) for d in said] == [("2024-05-01, topix", "morning_close", "3.0", "3.5")]
    assert (tmp_path / "c" / "halves.csv").read_text("utf-8") == (
        f"{head}2024-05-01,n225,1.0,2.0\n2024-05-01,topix,3.0,4.0\n2024-05-02,n225,5.0,6.0\n"
    )


def test_events_follow_on_the_basket_that_is_held(tmp_path: Path) -> None:
    a, b = folder(tmp_path / "a", factors=FACTORS), folder(tmp_path / "b", factors=LATER)
    rowwise([a, b], tmp_path / "c")

    assert (tmp_path / "c" / "factors.csv").read_text("utf-8").splitlines()[1:] == [
        "2024-05-01,A,1,initial",
        "2024-05-01,B,2,initial",
        "2024-05-02,B,4,split 2:1",
        "2024-05-07,A,3,step",
    ]


@pytest.mark.parametrize(
    ("change", "rule"),
    [(("2024-05-02,B,4,initial", "2024-05-02,B,5,initial"), "basket-continues"), (("2024-05-02", "2024-05-01"), "")],
)
def test_events_that_do_not_follow_are_refused(tmp_path: Path, change: tuple[str, str], rule: str) -> None:
    a, b = folder(tmp_path / "a", factors=FACTORS), folder(tmp_path / "b", factors=LATER.replace(*change))
    with pytest.raises(DataError, match=rule or "basket-continues|events-agree"):
        rowwise([a, b], tmp_path / "c")

    assert not (tmp_path / "c").exists()


def test_an_event_that_the_later_folder_does_not_have_is_refused(tmp_path: Path) -> None:
    more = f"{FACTORS}2024-05-07,B,5,step\n"
    a, b = folder(tmp_path / "a", factors=more), folder(tmp_path / "b", factors=LATER)
    with pytest.raises(DataError, match="events-agree"):
        rowwise([a, b], tmp_path / "c")


def test_a_file_with_errors_and_mixed_kinds_and_one_folder_are_refused(tmp_path: Path) -> None:
    a = folder(tmp_path / "a", n225=EARLY)
    b = folder(tmp_path / "b", n225=LATE.replace("103.0", "x"))
    with pytest.raises(DataError, match="price-is-a-number"):
        rowwise([a, b], tmp_path / "c")
    with pytest.raises(SpecError, match="two folders"):
        layered([a, a], tmp_path / "c")
    (b / MARKER).write_text('{"synthetic": true}', "utf-8")
    with pytest.raises(ToolError, match="never mixed"):
        layered([a, b], tmp_path / "c")

    assert not (tmp_path / "c").exists()


def test_ticks_travel_by_whole_file(tmp_path: Path) -> None:
    a, b = folder(tmp_path / "a", n225=EARLY), folder(tmp_path / "b", topix=EARLY)
    for market, text in ((a, "one"), (b, "other")):
        (market / "ticks").mkdir()
        (market / "ticks" / "2024-05-01.csv").write_text(text, "utf-8")
    layered([a, b], tmp_path / "c")
    said = rowwise([a, b], tmp_path / "d")[1]

    assert (tmp_path / "c" / "ticks" / "2024-05-01.csv").read_text("utf-8") == "other"
    assert [(d.file, d.row) for d in said] == [("ticks", "2024-05-01")]
