"""The verb ``import``: a folder whole or as it was, the same twice, and the real files of the publishers."""

from __future__ import annotations

import gzip
import random
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from backtests import verbs
from backtests.__main__ import main
from indexsim import facts
from indexsim.errors import ToolError
from indexsim.gathering import importing, splits
from indexsim.market import MarketData
from indexsim.official.layout import Hints
from indexsim.official.recognise import read_file
from tests import layouts
from tests.conftest import count

pytestmark = pytest.mark.usefixtures("no_sheets")


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder of publishers' files."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("daily_en", "vi", "topix", "fred", "stooq", "purchases", "jquants"):
        (folder / f"{name}.csv").write_bytes(layouts.FILES[name]().data())
    return folder


def test_a_folder_of_files_becomes_a_market(files: Path, tmp_path: Path) -> None:
    answer = verbs.import_files(files, tmp_path / "market")
    market = MarketData.open(tmp_path / "market")

    assert [took["file"] for took in answer["took"]] == sorted(path.name for path in files.iterdir())
    assert answer["wrote"] == [
        "boj_etf_purchases", "closes", "n225", "nikkei_vi", "opens", "topix", "usdjpy", "volumes",
    ]  # fmt: skip
    assert answer["took"][0] | {"as": ""} == {
        "file": "daily_en.csv", "as": "", "rows": len(layouts.DAYS), "from": "2025-07-03", "to": "2025-08-29",
    }  # fmt: skip
    assert market.table("n225")["close"].iloc[0] == float(layouts.daily_en().rows[0][1])
    assert market.table("boj_etf_purchases")["index_etf"].iloc[1] == 501.0
    assert not answer["conflicts"]  # Stooq's levels are those of the publisher


def test_the_same_import_twice_writes_nothing(files: Path, tmp_path: Path) -> None:
    into = tmp_path / "market"
    verbs.import_files(files, into)
    before = written(into)

    assert verbs.import_files(files, into)["wrote"] == []
    assert written(into) == before


def test_a_conflict_says_both_values_and_which_is_kept(files: Path, tmp_path: Path) -> None:
    table = layouts.stooq()
    table.rows[4][4] = f"{float(table.rows[4][4]) + 5:.2f}"
    table.rows[4][2] = f"{float(table.rows[4][4]) + 100:.2f}"
    (files / "stooq.csv").write_bytes(table.data())
    answer = verbs.import_files(files, tmp_path / "market")
    found = {c["column"]: c for c in answer["conflicts"]}

    assert set(found) == {"close", "high"}
    assert found["close"]["values"]["stooq.csv"] == float(table.rows[4][4])
    assert found["close"]["kept"] == "daily_en.csv"
    assert "publisher before exchange" in answer["precedence"]


def test_sessions_that_a_file_lacks_are_said(files: Path, tmp_path: Path) -> None:
    table = layouts.daily_en()
    (files / "daily_en.csv").write_bytes(replace(table, rows=table.rows[:5] + table.rows[15:]).data())
    said = verbs.import_files(files / "daily_en.csv", tmp_path / "market")["findings"]

    assert [(f["rule"], f["row"], f["found"]) for f in said] == [
        ("missing-session", f"{layouts.DAYS[5]}..{layouts.DAYS[14]}", "no row on 10 sessions")
    ]


def test_an_error_leaves_the_folder_as_it_was(files: Path, tmp_path: Path) -> None:
    into = tmp_path / "market"
    verbs.import_files(files, into)
    before = written(into)
    table = layouts.topix()
    table.rows[20][4] = str(float(table.rows[20][4]) * 10)
    bad = tmp_path / "bad.csv"
    for data in (b"<html>", table.data(), b"Date,Close\n"):
        bad.write_bytes(data)
        assert main(["import", str(bad), str(files), "--into", str(into), "--quiet"]) in (0, 2)
    bad.write_bytes(b"<html>")

    assert main(["import", str(bad), str(files), "--into", str(into)]) == 2
    assert written(into) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.csv", "files", "market"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no/such/file"], "no such file or folder"),
        (["FILES", "--as", "topx"], "did you mean 'topix'"),
        (["FILES", "--as", "x.csv=topix"], "no such file among those"),
        (["FILES", "--splits", "no/such"], "No such file"),
        (["FILES", "--unadjsut"], "did you mean '--unadjust'"),
    ],
)
def test_misuse_is_said_with_what_to_do(
    arguments: list[str], said: str, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(files) if a == "FILES" else a for a in arguments]

    assert main(["import", *given, "--into", str(tmp_path / "market")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "market").exists()


def test_the_command_line_prints_what_it_took(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(files), "--into", str(tmp_path / "market")]) == 0
    out = capsys.readouterr().out

    assert "Nikkei, daily levels: n225" in out
    assert out.strip().endswith("usdjpy, volumes")


def test_a_market_folder_imports_as_it_is_csv_or_parquet(files: Path, tmp_path: Path) -> None:
    verbs.import_files(files, tmp_path / "one")
    for name in ("closes", "n225"):
        frame = pd.read_csv(tmp_path / f"one/{name}.csv", parse_dates=["date"])
        frame.to_parquet(tmp_path / f"one/{name}.parquet", index=False)
        (tmp_path / f"one/{name}.csv").unlink()
    answer = verbs.import_files(tmp_path / "one", tmp_path / "two")
    one, two = MarketData.open(tmp_path / "one"), MarketData.open(tmp_path / "two")

    assert {took["as"] for took in answer["took"]} == {f"file of a market: {name}" for name in one.folder.files}
    for name in one.folder.files:
        pd.testing.assert_frame_equal(one.table(name), two.table(name))


def test_an_ambiguous_file_is_decided_by_its_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("Date,Open,High,Low,Close\n2025-07-03,2500,2510,2490,2505\n2025-07-04,2505,2520,2500,2510\n")
    into = tmp_path / "market"

    assert main(["import", str(path), "--into", str(into)]) == 2
    assert "--as etf_1321 or --as etf_1306 or --as CODE" in capsys.readouterr().err
    assert main(["import", str(path), "--into", str(into), "--as", "prices.csv=7203"]) == 0
    assert (into / "closes.csv").read_text() == "date,7203\n2025-07-03,2505.0\n2025-07-04,2510.0\n"


# --- the real files ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def imported(real: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The market that the real files make, and the answer."""
    into = tmp_path_factory.mktemp("real") / "market"
    folders = [real / "official_formats", real / "series", real / "constituents"]
    return into, verbs.import_files(folders, into, unadjust=True)


@pytest.mark.real
def test_the_real_files_rebuild_every_official_close(imported: tuple[Path, dict[str, Any]], real: Path) -> None:
    into, answer = imported
    rebuilt = verbs.index(into, levels=True)
    official = pd.read_csv(real / "window_2025/index.csv", index_col="date")["close"]
    closes = pd.read_csv(real / "window_2025/closes.csv", index_col="date")
    ours = pd.read_csv(into / "closes.csv", index_col="date").reindex(columns=closes.columns)

    assert (rebuilt["days"], rebuilt["exact_days"]) == (82, 82)
    assert {row["date"]: row["level"] for row in rebuilt["levels"]} == official.to_dict()
    assert ((ours == closes) | closes.isna()).to_numpy().all()
    assert answer["index"]["exact_days"] == 82
    assert not [c for c in answer["conflicts"] if c["file"] in ("weights", "closes")]


@pytest.mark.real
def test_the_basket_of_the_real_files_is_that_of_the_window(imported: tuple[Path, dict[str, Any]], real: Path) -> None:
    names = ["effective_date", "code", "factor"]
    ours = pd.read_csv(imported[0] / "factors.csv", dtype={"code": str})
    true = pd.read_csv(real / "window_2025/factors.csv", dtype={"code": str})
    ours = ours[ours["effective_date"] <= "2025-10-31"]
    both = [set(map(tuple, frame[names].fillna(0).to_numpy().tolist())) for frame in (ours, true)]

    assert both[0] == both[1]


@pytest.mark.real
def test_the_day_of_the_outage_is_one_finding(imported: tuple[Path, dict[str, Any]]) -> None:
    found = [f for f in imported[1]["findings"] if f["rule"] == "cell-not-filled"]

    assert [(f["row"], "896 cells" in f["found"], "failure" in f["found"]) for f in found] == [
        ("2020-10-01", True, True)
    ]


@pytest.mark.real
def test_the_sum_of_gt10_is_that_of_the_imported_closes(imported: tuple[Path, dict[str, Any]]) -> None:
    """GT10: on 2025-07-03 the new basket sums to 1,178,320.69, the old one, with 9613 at 3,931, to 1,196,132.19."""
    market = MarketData.open(imported[0])
    prices = market.table("closes").loc["2025-07-03"]
    total = sum(prices[code] * float(factor) for code, factor in market.folder.events[0].factors.items())

    assert round(total, 2) == 1_178_320.69
    assert round(total - prices["6963"] + 5 * 3_931, 2) == 1_196_132.19


@pytest.mark.real
def test_a_split_that_the_facts_lack_is_inferred_from_the_level(
    real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [s for s in splits.from_facts() if s.code != "8001"]
    monkeypatch.setattr(importing, "from_facts", lambda: known)
    with gzip.open(real / "constituents/ohlcv_2016_2025_split_adjusted.csv.gz", "rt") as file:
        late = [line for line in file if line >= "2025-06-30"]  # the header too: a letter comes after a digit
    (tmp_path / "late.csv").write_text("".join(late))
    folders = [real / "official_formats", tmp_path / "late.csv"]
    answer = verbs.import_files(folders, tmp_path / "market", unadjust=True)
    inferred = [f for f in answer["findings"] if f["rule"] == "ratio-inferred"]

    assert [(f["column"], f["found"][0]) for f in inferred] == [("8001", "5")]
    assert answer["index"]["exact_days"] == 82


@pytest.mark.real
def test_mutated_real_files_are_refused_or_give_the_same_numbers(real: Path, tmp_path: Path) -> None:
    """Cut, doubled or with a byte that is none: the lists and levels of the publisher."""
    paths = sorted((real / "official_formats").iterdir())
    whole = {path.name: read_file(path, Hints(), path.name).frames for path in paths}
    for seed in range(count(600)):
        rng = random.Random(seed)
        path = paths[seed % len(paths)]
        data, at = path.read_bytes(), rng.randrange(path.stat().st_size)
        mutated = (data[:at], data[:at] + bytes([rng.choice([0, 0xFF, ord("x"), ord('"')])]) + data[at + 1 :])[
            seed // 4 % 2
        ]
        (tmp_path / path.name).write_bytes(mutated)
        try:
            read = read_file(tmp_path / path.name, Hints(), path.name)
        except ToolError:
            continue
        for name, frame in read.frames.items():
            true = whole[path.name][name].reindex(frame.index)
            numbers = [c for c in frame.columns if c in ("open", "high", "low", "close", "weight", "factor")]

            assert read.findings or all((frame[c] == true[c]).all() for c in numbers), f"seed {seed}: {path.name}"


def test_the_facts_hold_the_splits_after_the_window() -> None:
    after = {s.code: int(s.ratio) for s in splits.from_facts() if date(2025, 11, 1) <= s.ex <= date(2026, 2, 28)}

    assert after == {"2501": 5, "4062": 2, "4183": 2, "5108": 2, "8001": 5, "8830": 2, "9984": 4}
    assert facts.index_events()
