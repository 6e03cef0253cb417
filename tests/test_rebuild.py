"""The index rebuilt from a folder: hand-made levels, what stops it, and the real windows."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from indexsim.errors import DataError, MissingData
from indexsim.market import MarketData
from indexsim.rebuild import can_rebuild, rebuild

#: On the 30th the factor of 9983 goes from 1 to 2 while the price stays: the divisor takes it.
TEXTS = {
    "closes": "date,1332,9983\n2025-09-26,100,200\n2025-09-29,110,190\n2025-09-30,120,210\n",
    "factors": (
        "effective_date,code,factor,event\n"
        "2025-09-26,1332,1,initial\n2025-09-26,9983,1,initial\n2025-09-30,9983,2,step\n"
    ),
    "divisors": "effective_date,divisor,note\n2025-09-26,3.00000000,start\n2025-09-30,4.90000000,step\n",
    "index": "date,close\n2025-09-26,100.00\n2025-09-29,100.00\n2025-09-30,110.21\n",
}


def write(folder: Path, **changed: str) -> MarketData:
    for name, text in {**TEXTS, **changed}.items():
        if text:
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return MarketData.open(folder)


def test_levels_and_ledger_by_hand(tmp_path: Path) -> None:
    """3 x (110 + 2 x 190) / (110 + 190) = 4.9; (120 + 2 x 210) / 4.9 = 110.204..."""
    rebuilt = rebuild(write(tmp_path))

    assert rebuilt.levels.tolist() == [100.0, 100.0, 110.2]
    assert [d["divisor"] for d in rebuilt.divisors()] == ["3.00000000", "4.90000000"]
    assert [f.rule for f in rebuilt.findings] == ["level-differs"]
    assert rebuilt.findings[0].found == "1 of 3 levels differ from the rebuilt ones, here by 0.01 points"


def test_the_summary_names_the_days_that_differ(tmp_path: Path) -> None:
    assert rebuild(write(tmp_path)).summary() == {
        "days": 3,
        "exact_days": 2,
        "max_abs_error": 0.01,
        "worst": [{"date": "2025-09-30", "level": 110.2, "published": 110.21}],
    }


def test_without_published_levels_it_says_so(tmp_path: Path) -> None:
    summary = rebuild(write(tmp_path, index="")).summary()

    assert (summary["days"], summary["max_abs_error"]) == (0, None)
    assert summary["max_abs_error_why"] == "no published level to compare with"


def test_n225_serves_where_there_is_no_index_file(tmp_path: Path) -> None:
    rebuilt = rebuild(write(tmp_path, index="", n225=TEXTS["index"]))

    assert rebuilt.source == "n225"
    assert rebuilt.summary()["exact_days"] == 2


def test_a_published_divisor_that_differs_is_a_finding_and_the_ledger_goes_on(tmp_path: Path) -> None:
    rebuilt = rebuild(write(tmp_path, divisors=TEXTS["divisors"].replace("4.9", "4.8")))

    assert [(f.file, f.row, f.rule, f.severity) for f in rebuilt.findings] == [
        ("divisors.csv", "2025-09-30", "divisor-differs", "warning"),
        ("index.csv", "2025-09-30", "level-differs", "warning"),
    ]
    assert rebuilt.levels.tolist() == [100.0, 100.0, 110.2]


def test_nothing_after_the_last_day_is_used(tmp_path: Path) -> None:
    market = write(tmp_path, closes=TEXTS["closes"].replace("120,", "x,"))

    with pytest.raises(DataError):
        rebuild(market)
    assert rebuild(market, last=date(2025, 9, 29)).levels.tolist() == [100.0, 100.0]


def test_an_index_that_begins_later_cannot_be_rebuilt_up_to_a_day(tmp_path: Path) -> None:
    market = write(tmp_path)

    assert can_rebuild(market, date(2025, 9, 26))
    assert not can_rebuild(market, date(2025, 9, 25))


def test_a_published_level_that_cannot_be_read_stops_it_on_its_days(tmp_path: Path) -> None:
    early = write(tmp_path, index=TEXTS["index"].replace("2025-09-26", "2025-09-25,x\n2025-09-26"))
    assert rebuild(early).summary()["days"] == 3

    with pytest.raises(DataError, match=r"index\.csv, 2025-09-29, close"):
        rebuild(write(tmp_path, index=TEXTS["index"].replace("2025-09-29,100.00", "2025-09-29,n/a")))


def test_a_view_rebuilds_what_was_known(tmp_path: Path) -> None:
    market = write(tmp_path).until("2025-09-29T15:30")

    assert rebuild(market).levels.tolist() == [100.0, 100.0]


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    market = write(tmp_path, divisors="")

    assert not can_rebuild(market)
    with pytest.raises(MissingData, match="divisors missing"):
        rebuild(market)


def test_the_synthetic_market_rebuilds_to_the_cent(small_market: MarketData) -> None:
    summary = rebuild(small_market).summary()

    assert summary["exact_days"] == summary["days"] == 972  # sessions of 2019 to 2022


@pytest.mark.real
def test_the_window_of_2025_is_exact_on_every_day(real: Path) -> None:
    rebuilt = rebuild(MarketData.open(real / "window_2025"))
    summary = rebuilt.summary()

    assert (summary["exact_days"], summary["days"]) == (82, 82)
    assert [d["divisor"] for d in rebuilt.divisors()] == ["29.61653922", "29.59724687", "29.69955560"]
    assert rebuilt.findings == ()


@pytest.mark.real
def test_the_window_of_2017_is_exact_but_on_the_two_days_its_readme_names(real: Path) -> None:
    rebuilt = rebuild(MarketData.open(real / "window_2017_2018"))
    summary = rebuilt.summary()

    assert (summary["exact_days"], summary["days"]) == (446, 448)
    assert {row["date"] for row in summary["worst"]} == {"2018-03-05", "2018-02-06"}  # type: ignore[attr-defined]
    assert [d["divisor"] for d in rebuilt.divisors()] == ["26.301", "26.581", "26.950", "26.993"]
