"""The gate: what it refuses, with file, row, column and rule; what it leaves out with a warning; how it reads."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests import verbs
from indexsim.errors import DataError, Finding, ToolError
from indexsim.gate import LISTED, read_table, unknown_files
from indexsim.market import MarketData
from indexsim.schema import FILES

CLOSES = "date,1332,285A\n2025-09-26,100,200\n2025-09-29,110,190\n2025-09-30,120,210\n"
FACTORS = "effective_date,code,factor,event\n2025-09-26,1332,1.0,initial\n2025-09-26,285A,0.5,initial\n"
DIVISORS = "effective_date,divisor\n2025-09-26,2.00000000\n"
INDEX = "date,close\n2025-09-26,100.0\n2025-09-29,102.5\n2025-09-30,112.5\n"

#: What stands in the file, what stands there instead, and where the finding points.
DEFECTS = {
    "text price": ("closes", "110,190", "n/a,190", ("closes.csv", "2025-09-29", "1332", "price-is-a-number")),
    "duplicate date": (
        "closes",
        "2025-09-30,120",
        "2025-09-29,120",
        ("closes.csv", "2025-09-29", "date", "duplicate-date"),
    ),
    "missing price": ("closes", "110,190", ",190", ("closes.csv", "2025-09-29", "1332", "missing-price")),
    "unknown code": (
        "factors",
        "0.5,initial\n",
        "0.5,initial\n2025-09-30,9999,,remove\n",
        ("factors.csv", "line 4", "code", "unknown-code"),
    ),
    "zero divisor": (
        "divisors",
        "2.00000000",
        "0.00000000",
        ("divisors.csv", "2025-09-26", "divisor", "divisor-positive"),
    ),
    "text divisor": (
        "divisors",
        "2.00000000",
        "2_0.0",
        ("divisors.csv", "2025-09-26", "divisor", "divisor-positive"),
    ),
    "published text": ("index", "102.5", "n/a", ("index.csv", "2025-09-29", "close", "price-is-a-number")),
}


def folder(where: Path, **texts: str) -> Path:
    """Write a tiny market of two codes; its levels are 100, 102.5 and 112.5."""
    for name, text in {"closes": CLOSES, "factors": FACTORS, "divisors": DIVISORS, "index": INDEX, **texts}.items():
        (where / f"{name}.csv").write_text(text, encoding="utf-8")
    return where


def where(finding: Finding) -> tuple[str, str, str, str]:
    return finding.file, finding.row, finding.column, finding.rule


def read(path: Path, text: str | bytes, name: str = "n225") -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    file = path / f"{name}.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_table(file, FILES[name])


def rules(findings: tuple[Finding, ...]) -> list[str]:
    return [f.rule for f in findings]


def test_the_tiny_market_is_clean(tmp_path: Path) -> None:
    folder(tmp_path)

    assert verbs.check([tmp_path])["findings"] == []
    assert verbs.index([tmp_path], levels=True)["exact_days"] == 3


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_refused_with_the_finding_that_check_lists(tmp_path: Path, defect: str) -> None:
    name, old, new, expected = DEFECTS[defect]
    text = {"closes": CLOSES, "factors": FACTORS, "divisors": DIVISORS, "index": INDEX}[name]
    assert old in text
    folder(tmp_path, **{name: text.replace(old, new)})
    before = sorted(tmp_path.iterdir())

    with pytest.raises(DataError) as refused:
        verbs.index([tmp_path])
    listed = verbs.check([tmp_path])

    assert [where(f) for f in refused.value.findings] == [expected]
    assert all(part in str(refused.value) for part in expected)
    assert refused.value.findings[0].as_dict() in listed["findings"]
    assert listed["errors"] > 0
    assert sorted(tmp_path.iterdir()) == before


def test_the_finding_names_the_file_as_it_is_called(tmp_path: Path) -> None:
    folder(tmp_path, closes=CLOSES.replace("110,190", ",190"))
    pd.read_csv(tmp_path / "closes.csv").to_parquet(tmp_path / "closes.parquet")
    (tmp_path / "closes.csv").unlink()

    with pytest.raises(DataError) as refused:
        verbs.index([tmp_path])

    assert [where(f) for f in refused.value.findings] == [("closes.parquet", "2025-09-29", "1332", "missing-price")]


def test_all_findings_come_at_once(tmp_path: Path) -> None:
    frame, findings = read(tmp_path, "date,open,close\n2025-09-26,x,1\n2025-09-29,2,-3\n2025-09-30,nan,inf\n")

    assert [(f.row, f.column, f.rule) for f in findings] == [
        ("2025-09-26", "open", "price-is-a-number"),
        ("2025-09-30", "open", "price-is-a-number"),
        ("2025-09-30", "close", "price-is-finite"),
        ("2025-09-29", "close", "price-in-range"),
    ]
    assert frame["close"].dropna().tolist() == [1.0]


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        ("nan", "price-is-a-number"),
        ("NaN", "price-is-a-number"),
        ("None", "price-is-a-number"),
        ("#VALUE!", "price-is-a-number"),
        ("True", "price-is-a-number"),
        ("1_000", "price-is-a-number"),
        ("0x1F", "price-is-a-number"),
        ("１２", "price-is-a-number"),
        ("1 2", "price-is-a-number"),
        ('"1,020"', "price-is-a-number"),
        ("inf", "price-is-finite"),
        ("-inf", "price-is-finite"),
        ("1e400", "price-is-finite"),
        ("0", "price-in-range"),
        ("-5", "price-in-range"),
        ("1e300", "price-in-range"),
        ("1e-300", "price-in-range"),
        ("9" * 400, "price-is-finite"),
    ],
)
@pytest.mark.parametrize("others", ["7", "", "True"])
def test_a_cell_that_is_no_price(tmp_path: Path, cell: str, rule: str, others: str) -> None:
    """Whatever stands in the other cells: pandas reads a column by all of them."""
    frame, findings = read(tmp_path, f"date,open,close\n2025-09-26,{cell},1\n2025-09-29,{others},1\n")

    assert ("2025-09-26", "open", rule) in [(f.row, f.column, f.rule) for f in findings]
    assert np.isnan(frame["open"].iloc[0])


def test_booleans_are_no_prices(tmp_path: Path) -> None:
    frame, findings = read(tmp_path, "date,close\n2025-09-26,True\n2025-09-29,False\n2025-09-30,\n")

    assert rules(findings) == ["price-is-a-number"] * 2
    assert frame["close"].isna().all()


def test_an_amount_may_be_zero_and_oil_below(tmp_path: Path) -> None:
    _, bank = read(tmp_path, "date,index_etf\n2020-03-02,0\n2020-03-03,-1\n", "boj_etf_purchases")
    oil, found = read(tmp_path, "date,close\n2020-04-20,-37.63\n", "oil")

    assert [(f.row, f.rule) for f in bank] == [("2020-03-03", "amount-in-range")]
    assert not found
    assert oil["close"].tolist() == [-37.63]


def test_a_blank_cell_is_unknown_never_zero(tmp_path: Path) -> None:
    frame, findings = read(tmp_path, "date,index_etf,j_reit\n2020-03-02,,12\n", "boj_etf_purchases")

    assert not findings
    assert np.isnan(frame["index_etf"].iloc[0])


@pytest.mark.parametrize(
    ("day", "shown"),
    [
        ("2025-09-31", "2025-09-31"),
        ("2025-9-3", "2025-9-3"),
        ("20250930", "20250930"),
        ("2025/09/30", "2025/09/30"),
        ("2025-09-30 09:00", "09:00"),
        ("0000-01-01", "0000"),
        ("tomorrow", "tomorrow"),
        ("", "blank"),
    ],
)
def test_a_bad_date(tmp_path: Path, day: str, shown: str) -> None:
    frame, findings = read(tmp_path, f"date,close\n2025-09-26,1\n{day},2\n2025-09-30,3\n")
    error = findings[0]

    assert where(error) == ("n225.csv", "line 3", "date", "date-is-iso")
    assert shown in error.found
    assert frame["close"].tolist() == [1, 3]


def test_dates_far_away_are_dates(tmp_path: Path) -> None:
    frame, findings = read(tmp_path, "date,close\n0001-01-01,1\n1066-10-14,2\n9999-12-31,3\n", "usdjpy")

    assert not findings
    assert frame.index.is_monotonic_increasing


def test_dates_out_of_order(tmp_path: Path) -> None:
    frame, findings = read(tmp_path, "date,close\n2025-09-29,1\n2025-09-26,2\n2025-09-30,3\n")

    assert [where(f) for f in findings] == [("n225.csv", "2025-09-26", "date", "dates-ascend")]
    assert "line 3" in findings[0].found
    assert frame["close"].tolist() == [2, 1, 3]


def test_a_key_of_several_columns_is_the_whole_of_them(tmp_path: Path) -> None:
    """Day and series, day, root and contract: a part of a key may stand on many rows."""
    (tmp_path / "futures.csv").write_text(
        "date,root,contract,close\n"
        "2025-09-26,nikkei,2025-12,1\n2025-09-26,nikkei,2026-03,1\n2025-09-26,topix,2025-12,1\n"
        "2025-09-29,nikkei,2025-12,1\n2025-09-29,topix,2025-12,1\n2025-09-29,nikkei,2025-12,2\n",
        "utf-8",
    )
    frame, findings = read_table(tmp_path / "futures.csv", FILES["futures"])

    assert [(f.rule, f.row, f.found) for f in findings] == [
        ("duplicate-date", "2025-09-29", "2025-09-29, nikkei, 2025-12 stands a second time (line 7)")
    ]
    assert frame["close"].tolist() == [1.0] * 5


def test_a_duplicate_says_on_which_line_also_after_rows_left_out(tmp_path: Path) -> None:
    text = "date,close\nx,1\n2025-09-26,1\n2025-09-27,1\n2025-09-29,2\n2025-09-29,3\n"
    frame, findings = read(tmp_path, text)
    twice = next(f for f in findings if f.rule == "duplicate-date")

    assert twice.found == "2025-09-29 stands a second time (line 6)"
    assert frame["close"].tolist() == [1, 2]


def test_a_key_of_two_columns(tmp_path: Path) -> None:
    text = "ex_date,code,yen\n2025-03-28,1332,5\n2025-03-28,285A,x\n2025-03-28,1332,6\n"
    frame, findings = read(tmp_path, text, "dividends")

    assert [(f.row, f.column, f.rule) for f in findings] == [
        ("2025-03-28", "yen", "amount-is-a-number"),
        ("2025-03-28", "ex_date", "duplicate-date"),
    ]
    assert findings[0].found == "'x' is not a number (line 3)"
    assert findings[1].found == "2025-03-28, 1332 stands a second time (line 4)"
    assert frame["code"].tolist() == ["1332", "285A"]


def test_a_row_on_a_day_without_trading_is_left_out_with_a_warning(tmp_path: Path) -> None:
    text = "date,open,close\n2020-09-30,1,1\n2020-10-01,#VALUE!,#VALUE!\n2020-10-02,2,2\n"
    frame, findings = read(tmp_path, text, "etf_1321")

    assert [(f.row, f.rule, f.severity) for f in findings] == [("2020-10-01", "not-a-session", "warning")]
    assert frame["close"].tolist() == [1, 2]


def test_such_a_row_does_not_bend_the_numbers_beside_it(tmp_path: Path) -> None:
    """A text cell makes pandas hand over a column of text; what stays must be the floats of the file."""
    draw = random.Random(225)
    prices = [f"{draw.uniform(1, 99_999):.{draw.choice((1, 2, 8))}f}" for _ in range(2)]
    text = f"date,1332\n2020-09-30,{prices[0]}\n2020-10-01,#VALUE!\n2020-10-02,{prices[1]}\n"
    frame, _ = read(tmp_path, text, "closes")

    assert frame["1332"].tolist() == [float(price) for price in prices]


def test_a_number_is_the_decimal_that_was_written(tmp_path: Path) -> None:
    draw = random.Random(2025)
    written = [f"{draw.uniform(0, 10 ** draw.randint(1, 9)):.{draw.randint(1, 10)}f}" for _ in range(5_000)]
    days = pd.date_range("1990-01-01", periods=len(written)).strftime("%Y-%m-%d")
    lines = [f"{day},{number}" for day, number in zip(days, written, strict=True)]
    frame, _ = read(tmp_path, "date,close\n" + "\n".join(lines) + "\n", "oil")

    assert frame["close"].tolist() == [float(number) for number in written]


def test_other_markets_keep_their_own_days(tmp_path: Path) -> None:
    frame, findings = read(
        tmp_path, "date,close\n2025-09-15,1\n2025-09-27,2\n", "usdjpy"
    )  # a Tokyo holiday, a Saturday

    assert not findings
    assert len(frame) == 2


def test_missing_sessions_are_warnings_one_a_gap(tmp_path: Path) -> None:
    """2025-09-23 is a holiday: the 22nd and the 24th are one gap."""
    _, findings = read(tmp_path, "date,close\n2025-09-18,1\n2025-09-19,1\n2025-09-25,1\n2025-09-29,1\n")

    assert [(f.row, f.rule, f.severity) for f in findings] == [
        ("2025-09-22..2025-09-24", "missing-session", "warning"),
        ("2025-09-26", "missing-session", "warning"),
    ]
    assert "2 sessions" in findings[0].found


def test_a_close_outside_high_and_low_is_a_warning(tmp_path: Path) -> None:
    text = "date,open,high,low,close\n2025-09-26,5,6,4,7\n2025-09-29,5,6,4,6\n"
    frame, findings = read(tmp_path, text)

    assert [(f.row, f.rule, f.severity) for f in findings] == [("2025-09-26", "close-in-range", "warning")]
    assert frame["close"].tolist() == [7, 6]


@pytest.mark.parametrize(
    ("text", "row", "column", "rule"),
    [
        ("", "", "", "file-is-readable"),
        ("\n\n", "", "", "file-is-readable"),
        ("date,close\n", "", "", "file-has-rows"),
        ("date,open\n2025-09-26,1\n", "line 1", "close", "column-present"),
        ("date;close\n2025-09-26;1\n", "line 1", "date", "column-present"),
        ("date,close,close\n2025-09-26,1,2\n", "line 1", "close", "column-once"),
        ("date,close,\n2025-09-26,1,2\n", "line 1", "", "column-named"),
        ("date,close\n2025-09-26,1,2\n", "line 2", "", "row-is-whole"),
        ("date,open,close\n2025-09-26,1,2\n2025-09-29,1\n", "line 3", "", "row-is-whole"),
        ("date,close\n2025-09-26,1,\n2025-09-29,2,\n", "line 2", "", "row-is-whole"),
        ("date,close\n2025-09-26,1\n\n2025-09-29,2\n", "line 3", "", "row-is-whole"),
        ('date,close\n2025-09-26,"1\n"\n2025-09-29,2\n', "line 2", "", "row-is-whole"),
        ('date,close\n2025-09-26,"12"34\n', "", "", "file-is-readable"),
        ('date,close\n2025-09-26,"1\n', "", "", "file-is-readable"),
        ("日付,close\n2025-09-26,1\n".encode("cp932"), "", "", "file-is-readable"),
        ("date,close\n2025-09-26,1\n".encode("utf-16"), "", "", "file-is-readable"),
    ],
)
def test_a_file_that_cannot_be_read_safely(tmp_path: Path, text: str | bytes, row: str, column: str, rule: str) -> None:
    frame, findings = read(tmp_path, text)

    assert ("n225.csv", row, column, rule, "error") in [(*where(f), f.severity) for f in findings]
    assert frame.empty
    assert isinstance(frame.index, pd.DatetimeIndex)


def test_what_is_not_utf8_says_where(tmp_path: Path) -> None:
    _, findings = read(tmp_path, b"date,close\n2025-09-26,\x93\n")

    assert findings[0].found == "not UTF-8: byte 0x93 at position 22"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_a_byte_order_mark_do_not_matter(tmp_path: Path, end: str) -> None:
    text = "\ufeffdate,close\n2025-09-26,1\n2025-09-29,2\n\n".replace("\n", end)
    frame, findings = read(tmp_path, text)

    assert not findings
    assert frame["close"].tolist() == [1, 2]


def test_codes_stay_text(tmp_path: Path) -> None:
    closes, _ = read(tmp_path, "date,0012,285A\n2025-09-26,1,2\n", "closes")
    names, _ = read(tmp_path, "code,name\n0012,a\n285A,b\n", "constituents")

    assert closes.columns.tolist() == ["0012", "285A"]
    assert names["code"].tolist() == ["0012", "285A"]


def test_factors_and_divisors_stay_exact(tmp_path: Path) -> None:
    factors, _ = read(tmp_path, "effective_date,code,factor,event\n2017-10-02,6098,50/3,add\n", "factors")
    divisors, _ = read(tmp_path, "effective_date,divisor\n2025-10-01,29.69955560\n", "divisors")

    assert factors["factor"].tolist() == ["50/3"]
    assert divisors["divisor"].tolist() == ["29.69955560"]


def test_what_the_schema_does_not_name_is_not_read(tmp_path: Path) -> None:
    frame, findings = read(tmp_path, "date,close,source\n2025-09-26,1,stooq\n")

    assert not findings
    assert frame.columns.tolist() == ["close"]


def test_texts_have_an_end(tmp_path: Path) -> None:
    text = f"effective_date,code,factor,event\n2025-09-26,1332,{'9' * 5000},initial\n"
    frame, findings = read(tmp_path, text, "factors")

    assert [(f.row, f.column, f.rule) for f in findings] == [("line 2", "factor", "cell-is-short")]
    assert frame["factor"].tolist() == [""]


def test_many_findings_of_a_kind_are_cut_but_none_is_lost(tmp_path: Path) -> None:
    """The last finding stands for the rest and says from when to when."""
    days = pd.bdate_range("2025-01-06", "2025-03-31").strftime("%Y-%m-%d")
    _, findings = read(tmp_path, "date,close\n" + "".join(f"{day},x\n" for day in days), "usdjpy")

    assert len(findings) == LISTED + 1
    assert findings[-1].row == f"{days[LISTED]}..2025-03-31"
    assert findings[-1].found.startswith(f"{len(days) - LISTED} more rows")


class TestParquet:
    """A Parquet file is read like a CSV file, and types of its own are held to the schema."""

    def read(self, path: Path, name: str = "n225", **columns: Any) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
        pd.DataFrame(columns).to_parquet(path / f"{name}.parquet")
        return read_table(path / f"{name}.parquet", FILES[name])

    @pytest.mark.parametrize("dates", ["text", "timestamps", "dates", "index"])
    def test_reads_like_csv(self, tmp_path: Path, dates: str) -> None:
        expected, _ = read(tmp_path, CLOSES, "closes")
        frame = pd.read_csv(tmp_path / "closes.csv")
        days = pd.DatetimeIndex(frame["date"])
        frame["date"] = {"text": frame["date"], "timestamps": days, "dates": days.date, "index": days}[dates]
        frame = frame.set_index("date") if dates == "index" else frame
        frame.to_parquet(tmp_path / "closes.parquet")
        found, findings = read_table(tmp_path / "closes.parquet", FILES["closes"])

        assert not findings
        pd.testing.assert_frame_equal(found, expected)

    def test_a_defect_is_found_as_in_csv(self, tmp_path: Path) -> None:
        _, findings = self.read(tmp_path, date=["2025-09-26", "2025-09-26"], close=["1", "x"])

        assert [(f.row, f.column, f.rule) for f in findings] == [
            ("2025-09-26", "close", "price-is-a-number"),
            ("2025-09-26", "date", "duplicate-date"),
        ]

    @pytest.mark.parametrize(
        "close",
        [
            [True, None],
            pd.array([True, None], dtype="boolean"),
            pd.to_datetime(["2025-09-26", "2025-09-29"]),
            pd.to_timedelta([1, 2], unit="D"),
            [[1.0], [2.0]],
            [b"1", b"2"],
        ],
    )
    def test_what_is_no_number_is_no_price(self, tmp_path: Path, close: Any) -> None:
        frame, findings = self.read(tmp_path, date=["2025-09-26", "2025-09-29"], close=close)

        assert rules(findings)[0] == "price-is-a-number"
        assert frame["close"].isna().all()

    @pytest.mark.parametrize(
        "close",
        [
            np.array([881.8, np.nan], dtype="float32"),  # as written, not 881.7999878
            [Decimal("881.8"), None],
            ["881.8", None],
            pd.array([881.8, None], dtype="Float64"),
            pd.Categorical([881.8, None]),
        ],
    )
    def test_numbers_of_any_type(self, tmp_path: Path, close: Any) -> None:
        frame, findings = self.read(tmp_path, date=["2025-09-26", "2025-09-29"], close=close)

        assert not findings
        assert frame["close"].iloc[0] == 881.8
        assert np.isnan(frame["close"].iloc[1])

    @pytest.mark.parametrize("day", [pd.Timestamp("2025-09-26 15:00"), pd.Timestamp("2025-09-26", tz="Asia/Tokyo")])
    def test_only_naive_days_are_dates(self, tmp_path: Path, day: pd.Timestamp) -> None:
        _, findings = self.read(tmp_path, date=[day], close=[1.0])

        assert rules(findings) == ["date-is-iso"]

    def test_bytes_that_are_no_parquet(self, tmp_path: Path) -> None:
        (tmp_path / "n225.parquet").write_bytes(b"PAR1 no such thing PAR1")
        _, findings = read_table(tmp_path / "n225.parquet", FILES["n225"])

        assert rules(findings) == ["file-is-readable"]


class TestNames:
    """Files are known by exactly their names."""

    def test_a_near_miss_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "closees.csv").write_text(CLOSES)
        found = next(unknown_files(tmp_path))

        assert (found.file, found.rule, found.severity) == ("closees.csv", "file-name", "warning")
        assert "'closes'" in found.found

    @pytest.mark.parametrize("name", ["closes.CSV", "closes.csv.gz", "closes.xlsx", "Closes.csv", "Closes.CSV"])
    def test_a_name_that_is_nearly_right_is_not_passed_over(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_text(CLOSES)

        assert [f.rule for f in unknown_files(tmp_path)] == ["file-name"]

    def test_what_is_no_data_is_nobodys_business(self, tmp_path: Path) -> None:
        (tmp_path / "README.md").write_text("about")
        (tmp_path / "synthetic.json").write_text("{}")
        (tmp_path / "n225.csv").write_text(INDEX)

        assert not list(unknown_files(tmp_path))

    def test_csv_and_parquet_of_one_name(self, tmp_path: Path) -> None:
        folder(tmp_path)
        pd.read_csv(tmp_path / "closes.csv").to_parquet(tmp_path / "closes.parquet")
        with pytest.raises(DataError) as refused:
            verbs.index([tmp_path])

        assert [where(f) for f in refused.value.findings] == [("closes.parquet", "", "", "file-once")]
        assert verbs.check([tmp_path])["errors"] == 1


@pytest.mark.real
def test_the_real_series_have_the_warnings_their_readme_names(real: Path) -> None:
    found = verbs.check([real / "series"])
    rows = {(f["file"], f["rule"], f["row"]) for f in found["findings"]}

    assert found["errors"] == 0
    assert {
        ("n225.csv", "not-a-session", "1997-02-11"),
        ("n225.csv", "not-a-session", "2020-10-01"),
        ("topix.csv", "close-in-range", "2002-02-28"),
        ("topix.csv", "close-in-range", "2002-10-28"),
        ("topix.csv", "missing-session", "2007-06-06"),
        ("etf_1306.csv", "missing-session", "2012-11-19"),
        ("etf_1306.csv", "not-a-session", "2020-10-01"),
        ("etf_1321.csv", "not-a-session", "2020-10-01"),
        ("nikkei_vi.csv", "missing-session", "2018-05-01..2020-12-30"),
    } <= rows
    yen = [f["found"] for f in found["findings"] if f["file"] == "usdjpy.csv"]
    assert len(yen) == LISTED + 1
    assert yen[-1].startswith(f"{81 - LISTED} more")
    # The README is silent on the years before 1990; every warning since then is one it names.
    assert {(f, row) for f, rule, row in rows if f == "n225.csv" and row > "1990"} == {
        ("n225.csv", "1997-02-11"),
        ("n225.csv", "2020-10-01"),
    }
    assert len([row for f, rule, row in rows if f == "n225_morning_approx.csv"]) == 8


@pytest.mark.real
def test_nothing_in_a_real_window_is_in_error(real: Path) -> None:
    early, late = (verbs.check([real / name]) for name in ("window_2017_2018", "window_2025"))

    assert late["findings"] == []
    assert [(f["file"], f["row"], f["rule"]) for f in early["findings"]] == [
        *(("closes.csv", day, "missing-session") for day in ("2017-11-14", "2018-10-29", "2018-10-31")),
        ("index.csv", "2018-03-05", "level-differs"),
    ]


CELLS = ("", "nan", "-1", "0", "1e400", "True", "x", '"', "'", "\0", "1,5", "2025-13-45", "9999-12-31", "remove", "1/0")


@pytest.mark.parametrize("seed", range(60))
def test_no_mutation_gives_a_traceback(tmp_path: Path, seed: int) -> None:
    """Cells, rows and bytes at random: an answer or a refusal, and nothing is written."""
    draw = random.Random(seed)
    path = folder(tmp_path) / f"{draw.choice(('closes', 'factors', 'divisors', 'index'))}.csv"
    rows = [line.split(",") for line in path.read_text().splitlines()]
    for _ in range(draw.randint(1, 3)):
        row = draw.choice(rows)
        if row and draw.random() < 0.7:
            row[draw.randrange(len(row))] = draw.choice(CELLS)
        else:
            rows.insert(draw.randrange(len(rows)), list(draw.choice(rows)))
    data = bytearray("\n".join(",".join(row) for row in rows).encode())
    if draw.random() < 0.3:
        data[draw.randrange(len(data))] = draw.randrange(256)
    path.write_bytes(bytes(data))
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    answer = verbs.check([tmp_path])
    try:
        verbs.index([tmp_path])
        refused = False
    except ToolError:
        refused = True

    assert refused == (answer["errors"] > 0)
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_only_errors_inside_the_span_stop(tmp_path: Path) -> None:
    folder(tmp_path, n225="date,close\n2025-09-26,x\n2025-09-29,2\n2025-09-30,3\n")
    market = MarketData.open(tmp_path)

    market.refuse_errors({"n225": (date(2025, 9, 29), date(2025, 9, 30))}, "run")
    with pytest.raises(DataError):
        market.refuse_errors({"n225": (date(2025, 9, 26), date(2025, 9, 30))}, "run")


def test_an_error_behind_the_listed_ones_still_stops(tmp_path: Path) -> None:
    days = pd.bdate_range("2025-01-06", "2025-03-31").strftime("%Y-%m-%d")
    (tmp_path / "usdjpy.csv").write_text("date,close\n" + "".join(f"{day},x\n" for day in days))

    with pytest.raises(DataError):
        MarketData.open(tmp_path).refuse_errors({"usdjpy": (date(2025, 3, 17), date(2025, 3, 20))}, "run")
