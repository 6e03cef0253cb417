"""Layouts of publishers: a file is taken for what stands in it, and its numbers are those that are written there."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from indexsim.errors import DataError, SpecError, ToolError
from indexsim.official.cells import day_of, days_of, numbers_of
from indexsim.official.identity import fitting, within
from indexsim.official.layout import AmbiguousFile, Hints
from indexsim.official.reading import FACTORS, SPLITS, STOCKS, Reading, exchanged
from indexsim.official.recognise import check_kind, read_file
from indexsim.official.sheet import read_sheet
from tests import layouts


def reading(tmp_path: Path, data: bytes | str, hints: Hints | None = None, name: str = "file.csv") -> Reading:
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
    return read_file(path, hints or Hints(), name)


def index_rows(head: str, rows: list[tuple[str, ...]]) -> str:
    return "\n".join([head, *(",".join(row) for row in rows)]) + "\n"


@pytest.mark.parametrize(
    ("make", "file", "kind"),
    [
        ("daily_en", "n225", "Nikkei"),
        ("daily_ja", "n225", "Nikkei"),
        ("vi", "nikkei_vi", "Nikkei"),
        ("total_return", "total_return", "Nikkei"),
        ("topix", "topix", "exchange"),
        ("fred", "usdjpy", "FRED"),
        ("stooq", "n225", "vendor"),
        ("yahoo", "sp500", "Yahoo"),
        ("jquants", STOCKS, "J-Quants"),
        ("long_prices", STOCKS, "long prices"),
        ("purchases", "boj_etf_purchases", "Bank of Japan"),
    ],
)
def test_a_file_is_recognised_whatever_its_name(tmp_path: Path, make: str, file: str, kind: str) -> None:
    read = reading(tmp_path, layouts.FILES[make]().data(), name="topix_or_not.csv")

    assert file in read.frames
    assert kind in read.kind


def test_close_first_is_read_by_its_header(tmp_path: Path) -> None:
    frame = reading(tmp_path, layouts.daily_en().data()).frames["n225"]
    day, close, opened, high, low = layouts.daily_en().rows[0]

    assert frame.index[0] == pd.Timestamp(day)
    assert frame.iloc[0].to_dict() == {
        "open": float(opened),
        "high": float(high),
        "low": float(low),
        "close": float(close),
    }


def test_a_list_of_factors_keeps_them_as_written_and_a_par_becomes_fifty_over_it(tmp_path: Path) -> None:
    head = '"対象日付","コード","銘柄名","{}","業種","セクター"\n'
    row = '"2025/08/01","9983","ファーストリテイリング","2.4","小売業","消費"\n"本資料は日経の著作物です。"\n'
    factors = reading(tmp_path, (head.format("株価換算係数") + row).encode("cp932")).frames[FACTORS]
    par = reading(tmp_path, (head.format("みなし額面") + row.replace("2.4", "50/3")).encode("cp932")).frames[FACTORS]

    assert factors["factor"].tolist() == ["2.4"]
    assert par["factor"].tolist() == ["3"]
    assert factors[["code", "name", "sector"]].iloc[0].tolist() == ["9983", "ファーストリテイリング", "消費"]


def test_weights_that_do_not_add_up_are_refused(tmp_path: Path) -> None:
    head = "Date of Data,Code,Company Name,Nikkei Industrial Classification,Sector,Weight\n"
    with pytest.raises(DataError, match=r"60\.0000 %"):
        reading(tmp_path, head + "2025/07/31,1332,A,Fishery,Consumer,60%\n")


def test_the_accounts_of_ten_days_are_in_thousand_yen(tmp_path: Path) -> None:
    head = "営業毎旬報告(平成28年5月20日現在)\n2016年5月24日\n資産,(単位:千円)\n"
    text = f'{head}国債,"300,000,000"\n貸付金,"100,000,000"\n合計,"400,000,000"\n'
    read = reading(tmp_path, text.encode("cp932"))

    assert read.frames["boj_assets"].to_dict() == {"total_assets_100m_yen": {pd.Timestamp("2016-05-20"): 4000.0}}
    with pytest.raises(DataError, match="items-add-up"):
        reading(tmp_path, text.replace("300,000,000", "200,000,000").encode("cp932"))


def test_yfinance_with_three_lines_of_header(tmp_path: Path) -> None:
    text = (
        "Price,Adj Close,Adj Close,Close,Close,Open,Open\nTicker,^N225,7203.T,^N225,7203.T,^N225,7203.T\nDate,,,,,,\n"
        "2025-07-03,39785.9,2400.1,39785.9,2500,39796.75,2490\n2025-07-04,39810.88,,39810.88,,39994.64,\n"
    )
    read = reading(tmp_path, text)

    assert read.frames["n225"]["close"].tolist() == [39785.9, 39810.88]
    assert read.frames[STOCKS][["code", "close", "open"]].to_numpy().tolist() == [["7203", 2500.0, 2490.0]]
    assert read.adjusted == "splits"


@pytest.mark.parametrize(
    ("text", "file", "values"),
    [
        (
            "データ日付,トータルリターン・インデックス,終値\n2025/07/03,71500.5,39785.9\n",
            "total_return",
            [71500.5, 39785.9],
        ),
        ("Date,Code,O,H,L,C\n2025-07-03,0000,2829,2832.5,2820,2830.11\n", "topix", [2829.0, 2832.5, 2820.0, 2830.11]),
        ("Date,Code,Open,High,Low,Close\n2025-07-03,0000,29,32,20,30.11\n", "topix", [29.0, 32.0, 20.0, 30.11]),
        ("データ日付,日経VI終値,日経VI始値\n2025/07/03 0:00,24.11,24.5\n", "nikkei_vi", [24.5, 24.11]),
        (
            "Date of Data,Nikkei 225 Total Return Index,Nikkei 225 Net Total Return Index\n"
            "2025/07/03,71500.5,64500.25\n",
            "total_return",
            [71500.5, 64500.25],
        ),
        (",Close,Open\nTicker,^N225,^N225\nDate,,\n2025-07-03,39785.9,39796.75\n", "n225", [39796.75, 39785.9]),
        ("Ticker,^N225,^N225\nPrice,Open,Close\nDate,,\n2025-07-03,39796.75,39785.9\n", "n225", [39796.75, 39785.9]),
        ("買入,(単位:百万円)\n年月日,ETF,設備ETF\n2020/3/2,100200,1200\n", "boj_etf_purchases", [1002.0, 12.0]),
        ("<TICKER>,<DATE>,<CLOSE>\n^SPX,20250703,6279.35\n", "sp500", [6279.35]),
        ("DATE,DCOILWTICO\n2025-07-03,67.1\n2025-07-04,.\n", "oil", [67.1]),
        (
            "Bank of Japan Accounts (As of May 10, 2020)\nAssets,(thousand yen)\nBonds,200000\nTotal,200000\n",
            "boj_assets",
            [2.0],
        ),
    ],
)
def test_other_forms_of_the_same_files(tmp_path: Path, text: str, file: str, values: list[float]) -> None:
    frame = reading(tmp_path, text).frames[file]

    assert len(frame) == 1
    assert frame.iloc[0].tolist() == values


@pytest.mark.parametrize("series", ["JPNASSETS", "IRLTLT01JPM156N", "IRSTCI01JPM156N"])
def test_a_month_of_fred_stands_at_its_end_when_it_is_known(tmp_path: Path, series: str) -> None:
    read = reading(tmp_path, f"observation_date,{series}\n2024-01-01,0.5\n2024-02-01,0.75\n")
    (frame,) = read.frames.values()

    assert [f"{day:%Y-%m-%d}" for day in frame.index] == ["2024-01-31", "2024-02-29"]


def test_the_accounts_as_their_page_has_them(tmp_path: Path) -> None:
    head = "営業毎旬報告（令和7年10月20日現在）,,,\n,,,（単位：千円）\n資産,金額,負債および純資産,金額\n"
    items = '国債,"300,000,000",発行銀行券,"400,000,000"\n　うち長期国債,"250,000,000",,\n貸出金,"100,000,000",,\n'
    total = '合　計,"400,000,000",合計,"400,000,000"\n'
    english = "Bank of Japan Accounts (October 20, 2025)\nAssets,(thousand yen)\nBonds,200000\nTotal Assets,200000\n"

    assert reading(tmp_path, head + items + total).frames["boj_assets"].to_numpy().tolist() == [[4000.0]]
    assert reading(tmp_path, english).frames["boj_assets"].index[0] == pd.Timestamp("2025-10-20")


def test_purchases_without_a_unit_are_said_and_unknown_ones_refused(tmp_path: Path) -> None:
    text = "日付,ETF,支援ETF\n2020/3/2,1002,12\n"
    read = reading(tmp_path, text)

    assert read.frames["boj_etf_purchases"].iloc[0].to_dict() == {"index_etf": 1002.0, "supportive_etf": 12.0}
    assert [f.rule for f in read.findings] == ["unit-is-said"]
    with pytest.raises(DataError, match="column-is-known"):
        reading(tmp_path, text.replace("ETF,支援ETF", "ETF,支援ETF,その他").replace("1002,12", "1002,12,7"))


@pytest.mark.parametrize("step", [5, 20])
def test_weeks_and_months_are_no_days(tmp_path: Path, step: int) -> None:
    lines = layouts.daily_ja().text().splitlines()
    rows = [f"{line}\n" for line in lines[1::step]]
    if len(rows) > 3:
        with pytest.raises(DataError, match="rows-are-days"):
            reading(tmp_path, f"{lines[0]}\n{''.join(rows)}")

    assert len(reading(tmp_path, f"{lines[0]}\n{''.join(rows[:2])}").frames["n225"]) == 2


def test_two_columns_for_one_thing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="日経平均終値 and 日経vi終値: which one is meant"):
        reading(tmp_path, "データ日付,日経平均終値,日経VI終値\n2025/07/03,39785.90,24.11\n")


def test_a_cap_beside_the_factors_is_refused(tmp_path: Path) -> None:
    head = "対象日付,コード,銘柄名,{},業種,セクター{}\n2025/08/01,9983,ファーストリテイリング,2.4,小売業,消費{}\n"

    assert reading(tmp_path, head.format("キャップ調整済み株価換算係数", "", "")).frames[FACTORS][
        "factor"
    ].tolist() == ["2.4"]
    with pytest.raises(DataError, match="factor-is-capped"):
        reading(tmp_path, head.format("株価換算係数", ",キャップ調整比率", ",0.8"))


def test_one_wrong_close_is_named_where_it_hides_the_series(tmp_path: Path) -> None:
    table = layouts.daily_ja()
    text = table.text().replace(f",{table.rows[7][1]},", ",139785.90,", 1)

    with pytest.raises(AmbiguousFile, match=rf"n225 \(but for 1 of {len(table.rows)} closes: 139786 on 2025-07-14"):
        reading(tmp_path, text)


def test_the_code_of_an_index_is_no_stock(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'0028' is no code"):
        reading(tmp_path, "Date,Code,O,H,L,C\n2025-07-03,0028,1,1,1,1\n")


def test_jquants_says_splits_and_leaves_other_shares_out(tmp_path: Path) -> None:
    head = "Date,Code,O,H,L,C,Vo,AdjFactor\n"
    rows = "2025-09-26,70130,14000,14100,13900,14050,100,1\n2025-09-29,70130,2000,2010,1990,2005,700,0.142857142857\n"
    read = reading(tmp_path, head + rows + "2025-09-29,25935,1500,1500,1500,1500,100,1\n")

    assert set(read.frames[STOCKS]["code"]) == {"7013"}
    assert read.frames[SPLITS]["ratio"].round(6).tolist() == [7.0]


def test_a_fund_is_recognised_only_beside_its_index(tmp_path: Path) -> None:
    days = pd.DatetimeIndex(layouts.DAYS)
    walk = layouts.prices(39_800, 1)
    rows = [[d, *(str(round(float(v))) for v in w)] for d, w in zip(layouts.DAYS, walk, strict=True)]
    text = index_rows("Date,Open,High,Low,Close", [tuple(row) for row in rows])
    index = pd.Series([float(w[3]) for w in walk], index=days)
    with pytest.raises(AmbiguousFile, match="share of unknown code"):
        reading(tmp_path, text)

    assert "etf_1321" in reading(tmp_path, text, Hints("", {"n225": index})).frames
    assert reading(tmp_path, text, Hints("7203")).frames[STOCKS]["code"].unique().tolist() == ["7203"]


def test_a_name_that_the_values_contradict_is_refused_with_both_readings(tmp_path: Path) -> None:
    text = layouts.stooq().text().replace("Date,Open,High,Low,Close,Volume", "date,open,high,low,close,volume")

    assert "n225" in reading(tmp_path, text, name="n225.csv").frames
    with pytest.raises(AmbiguousFile, match=r"topix \(by its name\), or as n225 \(by its values\)"):
        reading(tmp_path, text, name="topix.csv")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty"),
        (b"%PDF-1.4", "PDF"),
        (b"PK\x03\x04rest", "zip"),
        (b"\x1f\x8bbroken", "gzip"),
        (b"<!DOCTYPE html><html><title>404</title>", "web page, titled '404'"),
        (b'{"STATUS": 400}', "JSON"),
        (bytes(range(256)), "neither UTF-8 nor Shift_JIS"),
        (b"just a line\n", "no header"),
        (b"Date,Close,Open,High,Low\n", "no rows"),
        (b"Date,Close,Open,High,Low\n2025-07-03,1,2\n", "3 cells under 5 columns"),
        (b'Date,Close\n2025-07-03,"1\n', "unexpected end of data"),
        (b"a,b,c\n1,2,3\n", "columns a, b, c"),
    ],
)
def test_what_is_no_table_is_refused_by_what_it_is(tmp_path: Path, data: bytes, what: str) -> None:
    with pytest.raises(ToolError, match=what):
        reading(tmp_path, data)


def test_exchanged_columns_are_refused(tmp_path: Path) -> None:
    text = layouts.daily_en().text()
    for one, other in (("High", "Low"), ("Close", "High"), ("Close", "Open")):
        swapped = text.replace(one, "X").replace(other, one).replace("X", other)
        with pytest.raises(DataError, match="columns-in-order"):
            reading(tmp_path, swapped)


def test_opens_follow_closes_and_not_the_other_way_round() -> None:
    close = np.array([100.0 + 5 * (at % 2) + at for at in range(30)])
    opens = np.append(99.0, close[:-1] + 0.1)

    assert not exchanged(opens, close)
    assert exchanged(close, opens)
    assert not exchanged(close[:10], opens[:10])  # too few to tell


def test_a_row_that_stands_twice_is_said_or_refused(tmp_path: Path) -> None:
    table = layouts.daily_ja()
    again = table.text() + ",".join(table.rows[3]) + "\n"
    other = table.text() + ",".join([*table.rows[3][:4], "1.00"]) + "\n"

    assert "row-stands-twice" in {f.rule for f in reading(tmp_path, again).findings}
    with pytest.raises(DataError, match="stands twice with different content"):
        reading(tmp_path, other)


def test_an_end_that_may_be_cut_is_said(tmp_path: Path) -> None:
    assert "file-ends" in {f.rule for f in reading(tmp_path, layouts.daily_ja().data()[:-1]).findings}
    assert not reading(tmp_path, layouts.daily_ja().data()).findings


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2025-07-03", "2025-07-03"),
        ("2025/7/3", "2025-07-03"),
        ("20250703", "2025-07-03"),
        ("2025年7月3日", "2025-07-03"),
        ("令和7年7月3日", "2025-07-03"),
        ("R7.7.3", "2025-07-03"),
        ("平成元年1月9日", "1989-01-09"),
        ("2025-07-03 00:00:00+09:00", "2025-07-03"),
        ("2025/07/03(木)", "2025-07-03"),
        ("2025-07-02 15:00:00+00:00", None),
        ("2025-02-30", None),
        ("39785.90", None),
    ],
)
def test_days(text: str, day: str | None) -> None:
    assert (str(found) if (found := day_of(text)) else None) == day


def test_days_with_the_year_last_need_one_order() -> None:
    clear = pd.Series(["03/07/2025", "15/07/2025"])

    assert [str(d) for d in days_of(clear, "f")] == ["2025-07-03", "2025-07-15"]
    with pytest.raises(DataError, match="2025-03-07 and 2025-07-03"):
        days_of(clear[:1], "f")


def test_numbers_with_marks_width_and_blanks() -> None:
    cells = pd.Series(["1,234.5", "１２．５", "−3", "", "-", "null", "9.1513%", "1.2e+03"])
    values, findings = numbers_of(cells, "f", "close")

    assert np.nan_to_num(values, nan=-99).tolist() == [1234.5, 12.5, -3.0, -99, -99, -99, 9.1513, 1200.0]
    assert not findings
    for odd in ("1,23", "12a", "1.2.3", "1e5", "0x10", "inf"):
        with pytest.raises(DataError, match="is no number"):
            numbers_of(pd.Series([odd]), "f", "close")


def test_cells_a_spreadsheet_could_not_fill_are_one_finding_with_its_cause(tmp_path: Path) -> None:
    rows = [["2020-09-30", c, "100", "110", "90", "105", "100"] for c in ("7203", "9983")]
    rows += [["2020-10-01", c, *["#VALUE!"] * 4, "0"] for c in ("7203", "9983")]
    text = index_rows("date,code,open,high,low,close,volume", [tuple(row) for row in rows])
    read = reading(tmp_path, text)

    assert [(f.rule, f.row) for f in read.findings] == [("cell-not-filled", "2020-10-01")]
    assert "#VALUE! in 8 cells" in read.findings[0].found
    assert "failure of the exchange's trading system" in read.findings[0].found
    assert len(read.frames[STOCKS]) == 2


def test_values_tell_a_series_by_the_ranges_of_their_years() -> None:
    days = pd.DatetimeIndex(["2023-06-01", "2024-06-03"])

    assert fitting(pd.Series([31_148.01, 38_923.03], index=days), {}) == ("n225",)
    assert fitting(pd.Series([15.23, 17.42], index=days), {}) == ("nikkei_vi",)
    assert not within("n225", pd.Series([31_148.01, 71_000.0], index=days))
    assert fitting(pd.Series([150.5], index=pd.DatetimeIndex(["2031-01-06"])), {}) == ()


def test_gzip_and_encodings_give_the_same_cells() -> None:
    text = layouts.daily_ja().text()
    plain = read_sheet("a", text.encode("utf-8")).cells

    for data in (gzip.compress(text.encode()), text.encode("cp932"), text.encode("utf-8-sig"), text.encode("utf-16")):
        pd.testing.assert_frame_equal(read_sheet("a", data).cells, plain)


def test_a_file_named_as_a_kind_has_its_columns(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"not those of a table of splits.*--as nikkei-daily"):
        reading(tmp_path, layouts.daily_ja().data(), Hints("splits"))


def test_a_kind_is_a_layout_a_file_or_a_code() -> None:
    for kind in ("nikkei-daily", "topix", "7203", "285A"):
        check_kind(kind)
    with pytest.raises(SpecError, match="did you mean 'topix'"):
        check_kind("topx")
