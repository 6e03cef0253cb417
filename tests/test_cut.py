"""A part of a market: what counts in it, and an index that is the whole one's to the last digit."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from indexsim.errors import DataError, MissingData, SpecError, ToolError
from indexsim.market import MarketData
from indexsim.rebuild import rebuild
from indexsim.reshape import cut, rowwise
from indexsim.sample import Sample, write_sample
from indexsim.schema import MARKER

CLOSES = """date,A,B,C
2024-05-01,400.0,500.0,
2024-05-02,410.0,520.0,900.0
2024-05-07,205.0,510.0,950.0
2024-05-08,200.0,500.0,930.0
"""
FACTORS = """effective_date,code,factor,event,announced_date
2024-05-01,A,1,initial,
2024-05-01,B,50/3,initial,
2024-05-07,A,2,split 2:1,2024-05-01
2024-05-07,B,,remove,2024-05-02
2024-05-07,C,1/3,add,2024-05-02
2024-05-09,C,2,step,2024-05-08
2024-05-10,A,5,step,2024-05-09
"""


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """Four sessions, a split and a replacement on the third, a step announced on the last."""
    folder = tmp_path / "market"
    folder.mkdir()
    files = {
        "closes": CLOSES,
        "factors": FACTORS,
        "divisors": "effective_date,divisor,note\n2024-05-01,3,start\n",
        "usdjpy": "date,close\n2024-04-29,155.0\n2024-05-06,154.0\n2024-05-08,156.0\n",
        "shares_ffw": "date,code,shares,ffw\n"
        "2024-01-04,A,100,0.5\n2024-01-04,B,1,1\n2024-04-01,A,200,0.5\n2024-05-08,B,2,1\n",
        "dividends": "ex_date,code,yen,announced_date\n"
        "2024-05-01,A,1,\n2024-05-08,A,2,\n2024-06-27,A,3,2024-05-07\n2024-06-27,B,4,2024-06-01\n",
        "constituents": "code,name\nA,one\n",
        "gdp": "date,gdp_bn_yen_saar\n2024-06-01,5.0\n",
    }
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, "utf-8")
    return folder


def rows(folder: Path, name: str) -> list[str]:
    return (folder / f"{name}.csv").read_text("utf-8").splitlines()[1:]


def test_the_basket_at_the_new_start_is_the_one_in_force_there(market: Path, tmp_path: Path) -> None:
    """A: 1, split 2:1; C comes in at 1/3 as B goes out; the step of 05-09 was announced by then, the other not."""
    made = cut(market, date(2024, 5, 6), date(2024, 5, 8), tmp_path / "part")

    assert rows(tmp_path / "part", "factors") == [
        "2024-05-07,A,2,initial,",
        "2024-05-07,C,1/3,initial,",
        "2024-05-09,C,2,step,2024-05-08",
    ]
    assert made.sessions == 2
    whole, part = (rebuild(MarketData.open(f)) for f in (market, tmp_path / "part"))
    assert part.levels.tolist() == whole.levels.tolist()[2:]
    assert str(part.index.ledger.current) == str(whole.index.ledger.current)


def test_other_files_keep_what_counts_in_the_part(market: Path, tmp_path: Path) -> None:
    made = cut(market, date(2024, 5, 7), date(2024, 5, 8), tmp_path / "part")
    part = tmp_path / "part"

    assert rows(part, "usdjpy") == ["2024-05-06,154.0", "2024-05-08,156.0"]
    assert rows(part, "shares_ffw") == ["2024-01-04,B,1.0,1.0", "2024-04-01,A,200.0,0.5", "2024-05-08,B,2.0,1.0"]
    assert [row.split(",")[:2] for row in rows(part, "dividends")] == [["2024-05-08", "A"], ["2024-06-27", "A"]]
    assert rows(part, "constituents") == ["A,one"]
    assert made.left_out == ("gdp",)


def test_a_part_without_an_end_or_a_beginning(market: Path, tmp_path: Path) -> None:
    cut(market, date.min, date(2024, 5, 2), tmp_path / "early")
    cut(market, date(2024, 5, 2), date.max, tmp_path / "late")

    assert [row[:10] for row in rows(tmp_path / "early", "closes")] == ["2024-05-01", "2024-05-02"]
    assert [row[:10] for row in rows(tmp_path / "late", "closes")] == ["2024-05-02", "2024-05-07", "2024-05-08"]
    assert (
        rebuild(MarketData.open(tmp_path / "late")).levels.tolist()
        == rebuild(MarketData.open(market)).levels.tolist()[1:]
    )


def test_days_that_cannot_be_are_refused_and_nothing_is_written(market: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="before the start"):
        cut(market, date(2024, 5, 8), date(2024, 5, 7), tmp_path / "part")
    with pytest.raises(MissingData, match="no row of closes"):
        cut(market, date(2025, 5, 8), date(2025, 5, 9), tmp_path / "part")
    with pytest.raises(ToolError, match="something is in it"):
        cut(market, date(2024, 5, 7), date(2024, 5, 8), market)

    assert not (tmp_path / "part").exists()


def test_a_suspension_over_the_new_start_is_refused_where_its_price_lies_before(market: Path, tmp_path: Path) -> None:
    (market / "closes.csv").write_text(CLOSES.replace("2024-05-07,205.0", "2024-05-07,"), "utf-8")
    (market / "suspensions.csv").write_text("code,first_date,last_date\nA,2024-05-07,2024-05-07\n", "utf-8")
    with pytest.raises(DataError, match="A on 2024-05-07"):
        cut(market, date(2024, 5, 7), date(2024, 5, 8), tmp_path / "part")

    assert cut(market, date(2024, 5, 2), date(2024, 5, 8), tmp_path / "part").sessions == 3


def test_the_sample_is_cut_anywhere_and_joined_again(small: Path, tmp_path: Path) -> None:
    """The first cut begins on the day of a review, the second a session after it ends."""
    whole = rebuild(MarketData.open(small)).levels
    change = rebuild(MarketData.open(small)).index.ledger.entries[-1].session
    after = whole.index[whole.index > pd.Timestamp(change)]
    for name, first, last in (("a", change, after[19].date()), ("b", after[20].date(), after[-1].date())):
        made = cut(small, first, last, tmp_path / name)
        levels = rebuild(MarketData.open(tmp_path / name)).levels
        assert made.sessions == len(levels) >= 20
        assert levels.equals(whole.loc[pd.Timestamp(first) : pd.Timestamp(last)])
    rowwise([tmp_path / "a", tmp_path / "b"], tmp_path / "c")
    joined = MarketData.open(tmp_path / "c")

    assert rebuild(joined).levels.equals(whole.loc[pd.Timestamp(change) :])
    assert joined.synthetic is not None
    assert joined.synthetic["seed"] == 225
    assert json.loads((tmp_path / "a" / MARKER).read_text("utf-8"))["cut"]["from"] == str(change)


def test_a_part_of_a_sample_is_not_taken_for_the_sample(small: Path, tmp_path: Path) -> None:
    cut(small, date(2022, 1, 4), date(2022, 3, 31), tmp_path / "part")
    sample = Sample(start=date(2019, 1, 4), end=date(2022, 12, 30), outsiders=30)

    assert write_sample(tmp_path / "part", sample)["written"]


@pytest.mark.real
@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2017-05-03", "2018-10-30"),
        ("2017-09-27", "2018-11-16"),
        ("2017-10-02", "2018-11-15"),
        ("2017-11-14", "2018-09-30"),
    ],
)
def test_the_real_window_is_cut_without_a_digit_of_difference(
    real: Path, tmp_path: Path, first: str, last: str
) -> None:
    """Before and on reverse splits, on replacements, and on a day without prices."""
    folder = real / "window_2017_2018"
    made = cut(folder, date.fromisoformat(first), date.fromisoformat(last), tmp_path / "part")
    whole, part = (rebuild(MarketData.open(f)).levels for f in (folder, tmp_path / "part"))

    assert made.sessions == len(part) > 190
    assert part.equals(whole.loc[first:last])
