"""The page of a rebuilt index: a market by hand, its worst day with its cause, weights, flows, worlds, equal bytes."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests import verbs
from backtests.__main__ import main
from backtests.report.rebuilt.error import _largest
from backtests.report.rebuilt.page import draw
from indexsim.errors import MissingData, SpecError
from tests.page_reader import ALERT, whole

#: On the 30th the factor of 9983 goes from 1 to 2 while the price stays: the divisor takes it.
TEXTS = {
    "closes": "date,1332,9983\n2025-09-26,100,200\n2025-09-29,110,190\n2025-09-30,120,210\n",
    "factors": (
        "effective_date,code,factor,event\n"
        "2025-09-26,1332,1,initial\n2025-09-26,9983,1,initial\n2025-09-30,9983,2,step\n"
    ),
    "divisors": "effective_date,divisor,note\n2025-09-26,3.00000000,start\n2025-09-30,4.90000000,step\n",
    "index": "date,close\n2025-09-26,100.00\n2025-09-29,100.00\n2025-09-30,110.21\n",
    "constituents": f"code,name,sector\n1332,ニッスイ,消費\n9983,{ALERT},{ALERT}\n",
    "volumes": "date,1332,9983\n2025-09-26,10,10\n2025-09-29,10,10\n2025-09-30,10,10\n",
}


def market(folder: Path, **changed: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {**TEXTS, **changed}.items():
        if text:
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def page_of(out: Path, folder: Path, **how: Any) -> dict[str, Any]:
    verbs.index(folder, report=out, **how)
    values: dict[str, Any] = json.loads((out / "index.json").read_text("utf-8"))
    return values


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    root = tmp_path_factory.mktemp("by_hand")
    return root / "page", page_of(root / "page", market(root / "market"), what_if="equal", assets=3_000)


def test_every_number_is_that_of_the_twin_and_nothing_is_loaded(by_hand: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = by_hand

    assert whole(folder, "index.json") > 60
    page = (folder / "index.html").read_text("utf-8")
    assert "ニッスイ" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_worst_day_has_its_error_and_its_cause(by_hand: tuple[Path, dict[str, Any]]) -> None:
    """3 x (110 + 2 x 190) / (110 + 190) = 4.9; (120 + 2 x 210) / 4.9 = 110.20, published 110.21."""
    (worst,) = by_hand[1]["worst"]

    assert (worst["date"], worst["level"], worst["published"], worst["error"]) == ("2025-09-30", 110.2, 110.21, -0.01)
    assert worst["relative"] == pytest.approx(-0.01 / 110.21)
    assert "9983" in worst["causes"]
    assert "levels differ" not in worst["causes"]
    assert by_hand[1]["rms_error"] == pytest.approx(0.01 / np.sqrt(3), abs=1e-6)
    assert by_hand[1]["curves"]["error"] == [0.0, 0.0, -0.01]


def test_a_thinned_error_keeps_the_largest_of_either_sign() -> None:
    assert _largest(np.array([0.1, -0.5, np.nan])) == -0.5
    assert _largest(np.array([np.nan])) is None


def test_a_day_the_market_says_nothing_of_is_said_so(tmp_path: Path) -> None:
    wrong = TEXTS["index"].replace("2025-09-29,100.00", "2025-09-29,101.00")
    values = page_of(tmp_path / "page", market(tmp_path / "m", index=wrong))

    assert values["worst"][0]["date"] == "2025-09-29"
    assert values["worst"][0]["causes"] is None
    assert "names no event" in values["worst"][0]["causes_why"]
    assert whole(tmp_path / "page", "index.json") > 40


def test_divisors_and_weights_by_hand(by_hand: tuple[Path, dict[str, Any]]) -> None:
    values = by_hand[1]

    assert [(row["date"], row["divisor"]) for row in values["divisors"]] == [
        ("2025-09-26", "3.00000000"),
        ("2025-09-30", "4.90000000"),
    ]
    assert values["divisors"][1]["step"] == pytest.approx(4.9 / 3 - 1)
    assert values["divisor_curve"]["values"] == [3.0, 3.0, 4.9]
    # 120 + 2 x 210 = 540.
    assert [(row["code"], row["weight"], row["factor"]) for row in values["last"]["names"]] == [
        ("9983", pytest.approx(420 / 540), 2.0),
        ("1332", pytest.approx(120 / 540), 1.0),
    ]
    # A stock's +1 % moves the index by its weight of the level.
    assert values["last"]["names"][0]["one_percent"] == pytest.approx(420 / 540 * 110.2 / 100, abs=1e-6)
    assert values["weights"]["dates"] == ["2025-09-30"]
    shares = {row["sector"]: row["weight"] for row in values["last"]["sectors"]}
    assert shares == {"消費": pytest.approx(120 / 540), ALERT: pytest.approx(420 / 540)}


def test_flows_by_hand(by_hand: tuple[Path, dict[str, Any]]) -> None:
    """3,000 yen over 110 + 190 are 10 shares each; over 110 + 2 x 190 = 490 they are 6.122 and 12.245."""
    (event,) = by_hand[1]["flows"]["events"]

    assert event["bought"] == pytest.approx((3_000 * 2 / 490 - 10) * 190)
    assert [trade["code"] for trade in event["largest"]] == ["1332", "9983"]
    assert event["longest"] == pytest.approx((10 - 3_000 / 490) / 10)
    assert event["turnover"] == pytest.approx(2 * event["bought"] / 3_000)


def test_the_tables_hold_every_row(by_hand: tuple[Path, dict[str, Any]]) -> None:
    folder, values = by_hand

    levels = pd.read_csv(folder / "levels.csv")
    assert levels["error"].tolist() == [0.0, 0.0, -0.01]
    assert levels["level"].tolist() == values["curves"]["level"]
    assert pd.read_parquet(folder / "what_if.parquet")["world"].tolist() == values["what_if"]["curve"]["world"]
    assert len(pd.read_csv(folder / "flows.csv")) == 2
    assert {file["name"] for file in values["files"]} == {
        path.name for path in folder.iterdir() if path.name != "index.html"
    }


def test_the_same_market_gives_the_same_bytes_and_so_does_the_twin(
    by_hand: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, _ = by_hand
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    page_of(tmp_path / "again", folder.parent / "market", what_if="equal", assets=3_000)
    (folder / "index.html").unlink()

    assert {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()} == before
    assert draw(folder) == folder / "index.html"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_market_without_names_and_published_levels_has_a_page(tmp_path: Path) -> None:
    values = page_of(tmp_path / "page", market(tmp_path / "m", index="", constituents="", volumes=""))

    assert values["source"] is None
    assert values["max_abs_error_why"] == "no published level to compare with"
    assert values["last"]["names"][0]["name"] is None
    assert whole(tmp_path / "page", "index.json") > 30


def test_a_synthetic_market_says_so_on_top(small: Path, tmp_path: Path) -> None:
    values = page_of(tmp_path / "page", small, assets=10**12)

    assert "<b>SYNTHETIC</b>" in (tmp_path / "page" / "index.html").read_text("utf-8")
    assert values["exact_days"] == values["days"] == len(pd.read_csv(tmp_path / "page" / "levels.csv"))
    assert values["worst"] == []
    assert whole(tmp_path / "page", "index.json") > 1_000
    for event in values["flows"]["events"]:
        sizes = [abs(trade["yen"]) for trade in event["largest"]]
        assert sizes == sorted(sizes, reverse=True)
    assert max(len(event["largest"]) for event in values["flows"]["events"]) == 5
    idle = [event for event in values["flows"]["events"] if not event["names"]]
    assert values["flows"]["idle"] == len(idle)
    for at, row in pd.read_csv(tmp_path / "page" / "weights.csv").groupby("date"):
        assert row["weight"].sum() == pytest.approx(1.0, abs=1e-5), at


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--assets", "3e12"], "no page to list them on"),
        (["--report", "{out}", "--what-if", "no-cup"], "no-cap"),
        (["--report", "{out}", "--assets", "x"], "no amount"),
    ],
)
def test_what_cannot_be_asked_for_writes_nothing(
    tmp_path: Path, words: list[str], found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = market(tmp_path / "m"), tmp_path / "out" / "index"

    assert main(["index", str(folder), *(word.format(out=out) for word in words)]) == 2
    assert found in capsys.readouterr().err
    assert not out.parent.exists()


def test_a_market_of_series_has_no_page(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "n225.csv").write_text("date,close\n2025-09-26,100.00\n2025-09-29,100.00\n", "utf-8")

    with pytest.raises(MissingData, match="closes"):
        verbs.index(folder, report=tmp_path / "page", what_if="no-boj=charoenwong")
    assert not (tmp_path / "page").exists()


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_twin_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "index.json").write_text(text, "utf-8")

    with pytest.raises(SpecError, match=r"index\.json is not as"):
        draw(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index.json"]


def test_report_draws_every_kind_again_and_names_what_it_is_not(
    by_hand: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, _ = by_hand
    before = (folder / "index.html").read_bytes()

    assert verbs.report(folder)["pages"] == [str(folder / "index.html")]
    assert (folder / "index.html").read_bytes() == before
    assert '"kind": "index"' in (folder.parent / "gallery.json").read_text("utf-8")
    with pytest.raises(MissingData, match="no stored run, sweep, claims or index"):
        verbs.report(tmp_path)


def test_only_a_gallery_that_is_there_is_written_again(tmp_path: Path) -> None:
    folder = market(tmp_path / "m")
    page_of(tmp_path / "free" / "index", folder)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "gallery.json").write_text("{}", "utf-8")
    page_of(tmp_path / "kept" / "index", folder)

    assert not (tmp_path / "free" / "index.html").exists()
    assert "Index of m" in (tmp_path / "kept" / "index.html").read_text("utf-8")


@pytest.mark.real
def test_real_names_are_japanese(real: Path, tmp_path: Path) -> None:
    values = page_of(tmp_path / "page", real / "window_2025")
    names = {row["code"]: row["name"] for row in values["last"]["names"]}

    assert values["exact_days"] == values["days"] == 82
    assert names["6857"] == "アドバンテスト"
    assert date.fromisoformat(values["last"]["on"]) == date(2025, 10, 31)
    assert whole(tmp_path / "page", "index.json") > 700
