"""The verbs of a folder's life as a user calls them: exit status, JSON and text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from backtests.__main__ import INTERRUPTED, NO, OK, UNUSABLE, main
from indexsim.schema import MARKER

N225 = "date,close\n2024-05-01,100.0\n2024-05-02,101.0\n2024-05-07,102.0\n"


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """Three sessions of A and B: A splits 2:1 on the second, C comes in for B on the third."""
    folder = tmp_path / "market"
    (folder / "ticks").mkdir(parents=True)
    days = ("2024-05-01", "2024-05-02", "2024-05-07", "2024-05-08")
    closes = {"A": [1000.0, 510.0, 505.0, 512.0], "B": [700.0, 710.0, 640.0, 700.0], "C": [900.0, 910.0, 950.0, 930.0]}
    pd.DataFrame(closes, pd.Index(days, name="date")).to_csv(folder / "closes.csv")
    # (1000 + 700) / 2; (2 x 510 + 710) / 2 = 865; D' = 2 x (1020 + 910) / 1730 = 2.23121387; 1960 / D'; 1954 / D'.
    levels = [850.0, 865.0, 878.45, 875.76]
    pd.DataFrame({"close": levels}, pd.Index(days, name="date")).to_csv(folder / "index.csv")
    (folder / "divisors.csv").write_text("effective_date,divisor\n2024-05-01,2.00000000\n", "utf-8")
    (folder / "ticks" / "2024-05-08.csv").write_text(
        "time,code,price\n2024-05-08 09:00:00,A,506\n2024-05-08 08:00:00,A,1\n2024-05-08 15:00:00,A,512\n", "utf-8"
    )
    return folder


def answered(*arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    status = main([*map(str, arguments), "--json", "-"])
    shown = capsys.readouterr().out
    return status, json.loads(shown) if shown else {}


def lists(folder: Path) -> list[object]:
    (folder / "one.csv").write_text(
        "対象日付,コード,株価換算係数\n2024/05/01,A,1.0\n2024/05/01,B,1.0\nFooter,,\n", "cp932"
    )
    (folder / "two.csv").write_text("code,factor\nA,2\nC,1\n", "utf-8")
    return ["--factors", folder / "one.csv", "--factors", folder / "two.csv", "2024-05-08"]


def test_history_finds_the_events_and_writes_a_market_that_rebuilds(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, answer = answered("history", market, *lists(tmp_path), "--out", market, capsys=capsys)

    assert status == OK
    assert [(f["date"], f["code"], f["event"], f["by"]) for f in answer["found"]] == [
        ("2024-05-02", "A", "split 2:1", "closes"),
        ("2024-05-07", "B", "remove", "levels"),
        ("2024-05-07", "C", "add", "levels"),
    ]
    assert answer["rebuilt"] == {"days": 4, "exact_days": 4, "max_abs_error": 0.0}
    assert main(["index", str(market), "--exact", "--quiet"]) == OK


def test_history_of_a_source_that_does_not_tell_is_a_no(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (market / "index.csv").write_text("date,close\n2024-05-01,850.0\n", "utf-8")
    status, answer = answered("history", market, *lists(tmp_path), "--out", market, capsys=capsys)

    assert (status, answer["path"], answer["rebuilt"]) == (NO, None, None)
    assert [a["code"] for a in answer["ambiguous"]] == ["B", "C"]
    assert not (market / "factors.csv").exists()
    assert main(["history", str(market), *map(str, lists(tmp_path))]) == NO
    assert "AMBIGUOUS: B" in capsys.readouterr().out


def test_history_of_a_synthetic_market_is_shown_and_not_written(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (market / MARKER).write_text('{"synthetic": true}', "utf-8")
    words = ["history", str(market), *map(str, lists(tmp_path))]

    assert main([*words, "--out", str(tmp_path / "new")]) == UNUSABLE
    assert "synthetic" in capsys.readouterr().err
    assert main(words) == OK
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("text", "day", "said"),
    [
        ("code,weight\nA,1\n", "2024-05-08", "no such column|column-present"),
        ("code,factor\nA,-1\n", "2024-05-08", "factor-positive"),
        ("code,factor\nA,1\nA,2\n", "2024-05-08", "a second time"),
        ("code,factor\nA,1\n", "", "no day"),
        ("code,factor\nA,1\n", "May", "is no date"),
        ("date,code,factor\n2024-05-07,A,1\n", "2024-05-08", "2024-05-07 in the file"),
        ("code,factor\nZ9,1\n", "2024-05-08", "no closes of Z9"),
    ],
)
def test_lists_that_cannot_be_used_are_refused(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, day: str, said: str
) -> None:
    import re

    first = lists(tmp_path)[:2]
    (tmp_path / "bad.csv").write_text(text, "utf-8")
    words = ["history", market, *first, "--factors", tmp_path / "bad.csv", *([day] if day else [])]

    assert main([str(word) for word in words]) == UNUSABLE
    assert re.search(said, capsys.readouterr().err)


def test_ticks_give_the_level_at_each_time_and_bad_rows_are_a_no(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """505 and 950 before: D' = 2.23121387, (2 x 506 + 950) / D' = 879.34, (2 x 512 + 950) / D' = 884.72."""
    main(["history", str(market), *map(str, lists(tmp_path)), "--out", str(market), "--quiet"])
    out = tmp_path / "levels.csv"
    status, answer = answered("index", market, "--ticks", "2024-05-08", "--ticks-out", out, capsys=capsys)
    day = answer["ticks"]

    assert status == NO
    assert (day["opening"], day["open"], day["close"], day["count"], day["left_out"]) == (878.45, 879.34, 884.72, 2, 1)
    assert [(f["row"], f["rule"]) for f in day["findings"]] == [("line 3", "ticks-ascend")]
    assert out.read_text("utf-8").splitlines()[1:] == [
        "2024-05-08 09:00:00,879.34,879.34,879.34,879.34,1",
        "2024-05-08 15:00:00,884.72,884.72,884.72,884.72,1",
    ]
    again = tmp_path / "levels.parquet"
    main(["index", str(market), "--ticks", "2024-05-08", "--ticks-out", str(again)])
    assert "line 3, time" in capsys.readouterr().out
    assert pd.read_parquet(again)["close"].tolist() == [879.34, 884.72]


@pytest.mark.parametrize(
    "words", [["--ticks", "2024-05-07"], ["--ticks-out", "x.csv"], ["--ticks", "2024-05-08", "--ticks-out", "x.txt"]]
)
def test_ticks_that_are_not_there_and_files_that_cannot_be_are_refused(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    main(["history", str(market), *map(str, lists(tmp_path)), "--out", str(market), "--quiet"])

    assert main(["index", str(market), *words]) == UNUSABLE
    assert "ticks" in capsys.readouterr().err


def test_convert_merge_and_cut_say_what_they_did(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(market), "--to", "parquet"]) == OK
    assert "closes, divisors, index" in capsys.readouterr().out
    status, answer = answered("cut", market, "--from", "2024-05-07", "--out", tmp_path / "part", capsys=capsys)
    assert (status, answer["same_index_on"], answer["left_out"]) == (OK, None, [])
    assert (tmp_path / "part" / "ticks" / "2024-05-08.csv").is_file()
    status, answer = answered("merge", market, tmp_path / "part", "--rows", "--out", tmp_path / "both", capsys=capsys)
    assert (status, answer["disagreements"]) == (OK, [])
    assert main(["data", str(tmp_path / "both")]) == OK
    assert "vi_gate" in capsys.readouterr().out


def test_a_disagreement_is_a_no_and_preferring_needs_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (("a", N225), ("b", N225.replace("101.0", "101.5"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "n225.csv").write_text(text, "utf-8")
    words = ["merge", str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(tmp_path / "c")]

    assert main([*words, "--rows"]) == NO
    assert "n225, 2024-05-02, close: 101.0, but 101.5" in capsys.readouterr().out
    assert main([*words, "--prefer", "last"]) == UNUSABLE
    assert main([*words, "--rows", "--prefer", "lst"]) == UNUSABLE
    assert "did you mean 'last'" in capsys.readouterr().err
    assert main([*words, "--rows", "--prefer", "last", "--quiet"]) == OK


def test_an_interrupt_is_said_and_leaves_nothing(market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from indexsim import shelf

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(shelf, "save", stop)
    before = {path.name: path.read_bytes() for path in market.glob("*.csv")}

    assert main(["convert", str(market), "--to", "parquet"]) == INTERRUPTED
    assert main(["cut", str(market), "--from", "2024-05-07", "--out", str(tmp_path / "part")]) == INTERRUPTED
    assert {path.name: path.read_bytes() for path in market.glob("*.csv")} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["market"]


def test_a_part_of_a_synthetic_market_says_so(market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (market / MARKER).write_text('{"synthetic": true, "seed": 3}', "utf-8")
    _, answer = answered("cut", market, "--to", "2024-05-02", "--out", tmp_path / "part", capsys=capsys)

    assert answer["data"]["synthetic"]["seed"] == 3
    assert answer["data"]["synthetic"]["cut"] == {"from": None, "to": "2024-05-02"}
