"""Each source against a server of our own that answers as it does, well or badly, and the market after it."""

from __future__ import annotations

import dataclasses
import json
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
import yfinance

from indexsim.errors import DataError, SpecError, ToolError
from indexsim.fetching import Fetched, fetch, new_client
from indexsim.gate import read_table
from indexsim.schema import FILES, MARKER
from indexsim.sources import SOURCES, SourceError, nikkei
from tests import publishers
from tests.publishers import BARS, DAYS, PAGE, PUBLISHERS, Publisher
from tests.servers import PATIENCE, Says, Server, Time

EVENING = datetime(2024, 5, 9, 20, 0, tzinfo=ZoneInfo("Asia/Tokyo"))
KEY = "planted-key-4711"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in the environment of every source that takes one."""
    for source in SOURCES.values():
        if source.key:
            monkeypatch.setenv(source.key, KEY)


@pytest.fixture(params=PUBLISHERS, ids=lambda publisher: publisher.source)
def publisher(request: pytest.FixtureRequest, server: Server) -> Publisher:
    """A source, and a server that also gives its cookies."""
    server.beside = {path: Says(b"crumb", length=True) for path in ("/", "/v1/test/getcrumb")}
    yfinance.data.YfData.cache_get.cache_clear()  # it remembers days of the past, whoever answered
    one: Publisher = request.param
    return one


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """A market with a file that no fetch of these tests is about."""
    folder = tmp_path / "markets" / "mine"
    folder.mkdir(parents=True)
    (folder / "jgb_yields.csv").write_text("date,y10\n2024-05-01,0.9\n", "utf-8")
    return folder


def fetched(server: Server, source: str, into: Path, *series: str, time: Time | None = None, **how: Any) -> Fetched:
    """Fetch from the server in place of a source, without waiting."""
    time = time or Time()
    now = how.pop("now", EVENING)
    waiting = {"sleep": time.sleep, "clock": time.clock, "timeout": PATIENCE}
    client = new_client(source, base=server.url, **waiting)
    return fetch(source, into, series=series, now=now, client=client, **how)


def of(publisher: Publisher, server: Server, market: Path, **how: Any) -> Fetched:
    return fetched(server, publisher.source, market, publisher.series, **how)


def read(market: Path, file: str) -> pd.DataFrame:
    return read_table(market / f"{file}.csv", FILES[file])[0]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file beside and below a market: names, bytes."""
    files = [path for path in folder.parent.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder.parent)): path.read_bytes() for path in files}


def days_of(done: Fetched) -> list[str]:
    return [f"{day:%Y-%m-%d}" for day in done.took[0].days]


def test_a_good_day(publisher: Publisher, server: Server, market: Path) -> None:
    server.says(publisher.body(2))
    done = of(publisher, server, market)

    rows = read(market, publisher.series)
    assert [f"{day:%Y-%m-%d}" for day in rows.index] == list(publisher.days[:2])
    assert tuple(rows[publisher.column]) == publisher.values[:2]
    assert {heard.path for heard in server.heard} == {publisher.path}
    assert days_of(done) == list(publisher.days[:2])
    assert not done.conflicts


#: What is asked when the folder knows the first two days: nothing of Nikkei, whose files are whole.
SINCE = {
    "nikkei": {},
    "fred": {"cosd": "2024-05-02"},
    "stooq": {"d1": "20240502", "d2": "20240509"},
    "yahoo": {"period1": "1714575600", "period2": "1715266800"},  # 00:00 of 05-02 and of 05-10 in Tokyo
    "boj": {"startDate": "202401"},
    "jquants": {"from": "2024-05-02"},
}


def test_a_second_fetch_adds_the_new_sessions_only(publisher: Publisher, server: Server, market: Path) -> None:
    server.says(publisher.body(2))
    of(publisher, server, market)
    before = (market / f"{publisher.series}.csv").read_bytes()
    server.says(publisher.body(4))
    done = of(publisher, server, market)

    assert days_of(done) == list(publisher.days[2:])
    assert tuple(read(market, publisher.series)[publisher.column]) == publisher.values
    assert (market / f"{publisher.series}.csv").read_bytes().startswith(before)
    assert SINCE[publisher.source].items() <= server.heard[-1].params.items()


def test_a_holiday_is_nothing_new(publisher: Publisher, server: Server, market: Path) -> None:
    server.says(publisher.body(2))
    of(publisher, server, market)
    before = contents(market)
    done = of(publisher, server, market)

    assert days_of(done) == []
    assert not done.conflicts
    assert contents(market) == before


def test_an_empty_answer_is_nothing_new(publisher: Publisher, server: Server, market: Path) -> None:
    server.says(publisher.body(2))
    of(publisher, server, market)
    before = contents(market)
    server.says(Says(*publisher.nothing))
    done = of(publisher, server, market)

    assert days_of(done) == []
    assert contents(market) == before


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param({"status": 429, "headers": {"Retry-After": "3"}}, id="429 with Retry-After"),
        pytest.param({"status": 429}, id="429"),
        pytest.param({"status": 500}, id="500"),
        pytest.param({"sent": 60}, id="partial"),
        pytest.param({"sent": 60, "length": False}, id="truncated"),
        pytest.param({"late": True}, id="time-out"),
    ],
)
def test_what_passes_is_tried_again(
    publisher: Publisher, server: Server, market: Path, trouble: dict[str, Any]
) -> None:
    time = Time()
    server.says(Says(publisher.body(2), **trouble), publisher.body(2))
    done = of(publisher, server, market, time=time)

    assert days_of(done) == list(publisher.days[:2])
    assert (3.0 if "headers" in trouble else 5.0 if trouble.get("status") == 429 else 1.0) in time.slept


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        pytest.param({"status": 429}, "status 429", id="429"),
        pytest.param({"status": 500}, "status 500", id="500"),
        pytest.param({"status": 403}, "status 403", id="403"),
        pytest.param({"sent": 60}, "breaks off", id="partial"),
        pytest.param({"sent": 60, "length": False}, "breaks off|footer", id="truncated"),
    ],
)
def test_what_does_not_pass_leaves_the_folder_as_it_was(
    publisher: Publisher, server: Server, market: Path, trouble: dict[str, Any], said: str
) -> None:
    before = contents(market)
    server.says(Says(publisher.body(2), **trouble))

    with pytest.raises(SourceError, match=said):
        of(publisher, server, market)
    assert contents(market) == before


def test_no_answer_in_time(publisher: Publisher, server: Server, market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexsim.sources.http.WAITS", (1.0,))
    before = contents(market)
    server.says(Says(publisher.body(2), late=True))

    with pytest.raises(SourceError, match="no answer in time, 2 times"):
        of(publisher, server, market)
    assert contents(market) == before


def _bad(publisher: Publisher) -> dict[str, tuple[bytes, str]]:
    return {
        "page": (PAGE, "Sorry we are closed"),
        "in words": publisher.in_words,
        "unknown column": (publisher.foreign, "unknown|no 'C'|DEXUSEU|billion|chart"),
        "other encoding": (publisher.other_encoding, "no text"),
        "nothing at all": (b"", "empty answer"),
    }


@pytest.mark.parametrize("kind", ["page", "in words", "unknown column", "other encoding", "nothing at all"])
def test_what_is_not_what_was_asked_is_refused_with_its_first_words(
    publisher: Publisher, server: Server, market: Path, kind: str
) -> None:
    body, said = _bad(publisher)[kind]
    before = contents(market)
    server.says(body)

    with pytest.raises(SourceError, match=said) as caught:
        of(publisher, server, market)
    assert contents(market) == before
    assert publisher.series in str(caught.value)


def test_columns_in_another_order_are_read_by_their_names(publisher: Publisher, server: Server, market: Path) -> None:
    if publisher.swapped is None:
        pytest.skip(f"the answers of {publisher.source} have names, not an order")
    server.says(publisher.body(2))
    of(publisher, server, market)
    before = contents(market)
    server.says(publisher.swapped)
    done = of(publisher, server, market, since=date(2024, 5, 1))

    assert not done.conflicts
    assert contents(market) == before


def test_a_number_that_differs_is_a_conflict_and_never_replaced_unasked(
    publisher: Publisher, server: Server, market: Path
) -> None:
    server.says(publisher.body(2))
    of(publisher, server, market)
    path = market / f"{publisher.series}.csv"
    have = publisher.values[1] * 0.999
    path.write_text(path.read_text("utf-8").replace(f"{publisher.values[1]}", f"{have}"), "utf-8")
    before = contents(market)
    server.says(publisher.body(4))
    done = of(publisher, server, market)

    [conflict] = done.conflicts
    assert (conflict.file, conflict.date, conflict.column) == (publisher.series, publisher.days[1], publisher.column)
    assert (conflict.have, conflict.given) == (have, publisher.values[1])
    assert contents(market) == before
    of(publisher, server, market, on_conflict="keep")
    kept = (publisher.values[0], have, *publisher.values[2:])
    assert tuple(read(market, publisher.series)[publisher.column]) == kept
    of(publisher, server, market, on_conflict="take", since=date(2023, 12, 1))
    assert tuple(read(market, publisher.series)[publisher.column]) == publisher.values


def test_a_key_is_shown_nowhere(
    publisher: Publisher, server: Server, market: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    server.says(Says(f"no such key: {KEY}".encode(), 403))
    with pytest.raises(SourceError) as caught:
        of(publisher, server, market)
    server.says(publisher.body(2))
    done = of(publisher, server, market)

    assert KEY not in str(caught.value)
    assert KEY not in caplog.text
    assert KEY not in repr(done)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if KEY in path.name or KEY.encode() in path.read_bytes()] == []


def test_a_key_reaches_its_source_alone(server: Server, market: Path) -> None:
    server.says(publishers.jquants(DAYS[:2]))
    fetched(server, "jquants", market, "etf_1321")
    assert server.heard[0].headers["x-api-key"] == KEY

    server.says(publishers.stooq(DAYS[:2]))
    fetched(server, "stooq", market, "n225")
    assert server.heard[0].params["apikey"] == KEY

    server.says(publishers.fred(DAYS[:2]))
    fetched(server, "fred", market, "usdjpy")
    assert KEY not in repr(server.heard)


def test_a_source_that_needs_a_key_says_which(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JQUANTS_API_KEY")

    with pytest.raises(SourceError, match="JQUANTS_API_KEY is not set"):
        fetch("jquants", market)


@pytest.mark.parametrize(
    ("source", "module", "name"),
    [
        ("fred", "requests", "requests"),
        ("yahoo", "yfinance", "yfinance"),
        ("yahoo", "curl_cffi", "yfinance"),
        ("jquants", "jquantsapi", "jquants-api-client"),
    ],
)
def test_an_absent_client_is_named_with_the_line_that_installs_it(
    server: Server, market: Path, monkeypatch: pytest.MonkeyPatch, source: str, module: str, name: str
) -> None:
    for loaded in [module, *(each for each in sys.modules if each.startswith(f"{module}."))]:
        monkeypatch.setitem(sys.modules, loaded, None)
    before = contents(market)

    with pytest.raises(SourceError, match=rf"the package {name} is not installed.*pip install .*\[fetch\]"):
        fetched(server, source, market)
    assert contents(market) == before


def test_an_interrupted_fetch_goes_on_from_what_it_has(
    server: Server, market: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_the_vi(client: Any, wanted: Any) -> Any:
        if wanted.series == "nikkei_vi":
            raise KeyboardInterrupt
        return daily.read(client, wanted)

    daily, before = SOURCES["nikkei"], contents(market)
    server.says(publishers.nikkei(DAYS[:2]))
    monkeypatch.setitem(SOURCES, "nikkei", dataclasses.replace(daily, read=at_the_vi))
    with pytest.raises(KeyboardInterrupt):
        fetched(server, "nikkei", market, "n225", "nikkei_vi")
    assert contents(market) == before
    assert [heard.path for heard in server.heard] == ["/nkave/historical/nikkei_stock_average_daily_jp.csv"]

    monkeypatch.setitem(SOURCES, "nikkei", daily)
    fetched(server, "nikkei", market, "n225", "nikkei_vi")
    assert [heard.path.rpartition("/")[2] for heard in server.heard] == [
        "nikkei_stock_average_daily_jp.csv",
        "nikkei_stock_average_vi_daily_jp.csv",
    ]
    assert len(read(market, "n225")) == len(read(market, "nikkei_vi")) == 2


def test_one_series_that_fails_fails_all(server: Server, market: Path) -> None:
    before = contents(market)
    server.says(publishers.nikkei(DAYS[:2]), PAGE)

    with pytest.raises(SourceError, match="nikkei_vi"):
        fetched(server, "nikkei", market, "n225", "nikkei_vi")
    assert contents(market) == before


def test_a_row_that_is_not_final_waits(server: Server, market: Path) -> None:
    server.says(publishers.jquants(DAYS))
    noon, late = EVENING.replace(day=8, hour=12), EVENING.replace(day=8, hour=16)
    done = fetched(server, "jquants", market, "etf_1321", now=noon)

    assert done.left_out == (("etf_1321", "2024-05-08", "not final yet"),)
    fetched(server, "jquants", market, "etf_1321", now=late)
    row = read(market, "etf_1321").loc["2024-05-08"]
    assert row["close"] == BARS["2024-05-08"][3]
    assert pd.isna(row["volume"])  # known at 18:00
    done = fetched(server, "jquants", market, "etf_1321")
    assert days_of(done) == ["2024-05-08"]
    assert read(market, "etf_1321")["volume"].tolist() == [1000.0, 1100.0, 1200.0, 1300.0]


def test_a_row_on_a_holiday_is_left_out_by_name(server: Server, market: Path) -> None:
    bars = {**BARS, "2024-05-03": BARS["2024-05-02"]}
    server.says(publishers.stooq(sorted(bars), bars))
    done = fetched(server, "stooq", market, "n225")

    assert done.left_out == (("n225", "2024-05-03", "no session of the Tokyo market"),)
    assert len(read(market, "n225")) == 4


def test_swapped_columns_are_caught_by_high_and_low(server: Server, market: Path) -> None:
    body = publishers.stooq(DAYS).replace(b"High", b"X").replace(b"Low", b"High").replace(b"X", b"Low")
    server.says(body)
    before = contents(market)

    with pytest.raises(SourceError, match="4 of 4 closes beyond their high or low, the first on 2024-05-01"):
        fetched(server, "stooq", market, "n225")
    assert contents(market) == before


def test_what_the_gate_refuses_is_not_written(server: Server, market: Path) -> None:
    bars = {**BARS, "2024-05-02": (-1.0, 38300.0, -1.0, 38210.5, 1100.0)}
    server.says(publishers.stooq(DAYS, bars))
    before = contents(market)

    with pytest.raises(DataError, match="n225"):
        fetched(server, "stooq", market, "n225")
    assert contents(market) == before


@pytest.mark.parametrize(
    ("swap", "said"),
    [
        pytest.param((b"2024-05-02", b"2024-05-01"), "the row of 2024-05-01 after that of 2024-05-01", id="twice"),
        pytest.param((b"2024-05-02", b"2024-04-30"), "the row of 2024-04-30 after that of 2024-05-01", id="falls"),
        pytest.param((b"2024-05-02", b"02.05.2024"), "line 3: '02.05.2024' is no day", id="no day"),
        pytest.param((b"38210.5", b"38,210"), "line 3 has 7 cells under 6 columns", id="thousands mark"),
        pytest.param((b"38210.5", b"n.a."), "line 3, Close: 'n.a.' is no number", id="no number"),
        pytest.param((b"38210.5", b"inf"), "'inf' is no number", id="infinite"),
        pytest.param((b"Volume", b"High"), "high twice", id="header twice"),
        pytest.param((b"Volume", b"VWAP"), "unknown 'VWAP'", id="unknown column"),
    ],
)
def test_a_table_is_read_strictly(server: Server, market: Path, swap: tuple[bytes, bytes], said: str) -> None:
    server.says(publishers.stooq(DAYS).replace(*swap))

    with pytest.raises(SourceError, match=said):
        fetched(server, "stooq", market, "n225")


def test_a_blank_is_unknown(server: Server, market: Path) -> None:
    server.says(publishers.fred(DAYS).replace(b"38210.50", b"."))
    fetched(server, "fred", market, "usdjpy")

    assert [f"{day:%d}" for day in read(market, "usdjpy").index] == ["01", "07", "08"]


SPLIT = {"2024-05-07": 10.0}


def traded() -> dict[str, tuple[float, ...]]:
    """Bars as traded around a split of ten for one on 05-07; before it, Yahoo's prices are hundredths."""
    before = {day: (*(price + 0.3 for price in BARS[day][:4]), BARS[day][4]) for day in DAYS[:2]}
    after = (3840.0, 3850.0, 3830.0, 3841.1, 12000.0), (3830.0, 3840.0, 3820.0, 3831.1, 13000.0)
    return before | dict(zip(DAYS[2:], after, strict=True))


def test_split_adjusted_prices_of_yahoo_are_brought_back(server: Server, market: Path) -> None:
    server.beside = {path: Says(b"crumb") for path in ("/", "/v1/test/getcrumb")}
    server.says(publishers.yahoo(DAYS, traded(), SPLIT, "7203.T"))
    (market / "closes.csv").write_text("date,7203\n2024-05-01,38010.8\n", "utf-8")
    done = fetched(server, "yahoo", market, "7203", since=date(2024, 5, 1))

    assert read(market, "closes")["7203"].tolist() == [38010.8, 38210.8, 3841.1, 3831.1]
    assert read(market, "opens")["7203"].tolist() == [38000.3, 38200.3, 3840.0, 3830.0]
    assert read(market, "volumes")["7203"].tolist() == [1000.0, 1100.0, 12000.0, 13000.0]
    assert not done.conflicts


def test_a_split_that_yahoo_lost_is_found_by_the_grid(server: Server, market: Path) -> None:
    server.beside = {path: Says(b"crumb") for path in ("/", "/v1/test/getcrumb")}
    body = publishers.yahoo(DAYS, traded(), {"2024-05-07": 3.0}, "7203.T")
    server.says(body.replace(b'"splits"', b'"lost"'))

    with pytest.raises(SourceError, match="a split is missing or wrong at Yahoo"):
        fetched(server, "yahoo", market, "7203")


@pytest.mark.parametrize(
    ("one", "other"),
    [(b'"1321.T"', b'"1306.T"'), (b'"dataGranularity": "1d"', b'"dataGranularity": "1wk"'), (b'"JPY"', b'"USD"')],
)
def test_a_chart_of_something_else_is_refused(server: Server, market: Path, one: bytes, other: bytes) -> None:
    server.beside = {path: Says(b"crumb") for path in ("/", "/v1/test/getcrumb")}
    yfinance.data.YfData.cache_get.cache_clear()
    server.says(publishers.yahoo(DAYS).replace(one, other))

    with pytest.raises(SourceError, match="the chart is of"):
        fetched(server, "yahoo", market, "etf_1321")


def test_a_refused_answer_is_not_kept(server: Server, market: Path) -> None:
    swapped = "データ日付,終値,始値,安値,高値"
    named = publishers.nikkei(DAYS, order=swapped).decode("cp932").replace("安値,高値", "高値,安値", 1).encode("cp932")
    server.says(named, publishers.nikkei(DAYS))
    with pytest.raises(SourceError, match="mixed up"):
        fetched(server, "nikkei", market, "n225")

    assert days_of(fetched(server, "nikkei", market, "n225")) == list(DAYS)


def test_pages_that_lead_in_a_circle_end(server: Server, market: Path) -> None:
    server.says(json.dumps({**json.loads(publishers.jquants(DAYS)), "pagination_key": "x"}).encode())

    with pytest.raises(SourceError, match="the same page again"):
        fetched(server, "jquants", market, "etf_1321")


def test_codes_are_columns_of_files_of_many_stocks(server: Server, market: Path) -> None:
    server.says(publishers.jquants(DAYS[:2], code="72030"), publishers.jquants(DAYS[:3], code="285A0"))
    done = fetched(server, "jquants", market, "7203", "285A")

    assert [heard.params["code"] for heard in server.heard] == ["72030", "285A0"]
    closes = read(market, "closes")
    assert list(closes.columns) == ["7203", "285A"]
    assert closes["285A"].tolist() == [38010.5, 38210.5, 38410.5]
    assert [one.into for one in done.took[:3]] == ["closes 7203", "closes 285A", "opens 7203"]
    server.says(publishers.jquants(DAYS[1:3], code="72030"), publishers.jquants(DAYS[2:], code="285A0"))
    fetched(server, "jquants", market, "codes")
    assert [heard.params["from"] for heard in server.heard] == ["2024-05-02", "2024-05-07"]
    assert read(market, "closes")["7203"].tolist()[:3] == [38010.5, 38210.5, 38410.5]


def test_a_conflict_of_one_code_holds_up_no_other(server: Server, market: Path) -> None:
    (market / "closes.csv").write_text("date,6758,7203\n2024-05-01,38010.5,1.0\n", "utf-8")
    server.says(publishers.jquants(DAYS[:2], code="67580"), publishers.jquants(DAYS[:2], code="72030"))
    done = fetched(server, "jquants", market, "codes")

    assert [(c.column, c.have, c.given) for c in done.conflicts] == [("7203", 1.0, 38010.5)]
    closes = read(market, "closes")
    assert closes["6758"].tolist() == [38010.5, 38210.5]
    assert closes["7203"].isna().tolist() == [False, True]


def test_bars_of_another_code_are_refused(server: Server, market: Path) -> None:
    server.says(publishers.jquants(DAYS[:2], code="72010"))

    with pytest.raises(SourceError, match="bars of 72010"):
        fetched(server, "jquants", market, "7203")


def test_pages_of_jquants_are_joined(server: Server, market: Path) -> None:
    first = publishers.jquants(DAYS[:2]).replace(b'{"data"', b'{"pagination_key": "next", "data"')
    server.says(first, publishers.jquants(DAYS[2:]))
    fetched(server, "jquants", market, "etf_1321")

    assert server.heard[1].params["pagination_key"] == "next"
    assert len(read(market, "etf_1321")) == 4


def test_topix_of_jquants_has_no_volume(server: Server, market: Path) -> None:
    topix = [{"Date": day, **dict(zip("OHLC", BARS[day], strict=False))} for day in DAYS]
    server.says(publishers.json.dumps({"data": topix}).encode())
    fetched(server, "jquants", market, "topix")

    assert server.heard[0].path == "/v2/indices/bars/daily/topix"
    assert list(read(market, "topix").columns) == ["open", "high", "low", "close"]


def test_an_error_of_the_bank_that_passes_is_tried_again(server: Server, market: Path) -> None:
    busy = publishers.boj([], {}, STATUS=503, MESSAGE="データベースにアクセス中にエラーになりました。")
    server.says(busy, publishers.boj(["2024-03"], {"2024-03": 7530000.0}))
    fetched(server, "boj", market)

    assert read(market, "boj_assets")["total_assets_100m_yen"].tolist() == [7530000.0]


def test_total_return_by_what_its_header_says(server: Server, market: Path) -> None:
    header = "データ日付,日経平均トータルリターン・インデックス,日経平均ネットトータルリターン・インデックス"
    text = f'{header}\r\n"2024/05/01","64000.11","60000.22"\r\n"{publishers.FOOTER}"\r\n'
    server.says(text.encode("cp932"))
    fetched(server, "nikkei", market, "total_return")

    row = read(market, "total_return").loc["2024-05-01"]
    assert (row["tr"], row["net_tr"]) == (64000.11, 60000.22)


def test_sessions_that_a_source_no_longer_has_are_a_gap(server: Server, market: Path) -> None:
    server.says(publishers.nikkei(DAYS[:1]))
    fetched(server, "nikkei", market, "n225")
    server.says(publishers.nikkei(DAYS[3:]))
    done = fetched(server, "nikkei", market, "n225")

    assert done.gaps == (("n225", "2024-05-02", "2024-05-07"),)


def test_what_nobody_reads_of_a_file_goes_by_name(server: Server, market: Path) -> None:
    rows = "date,close,source\n2024-04-29,38000,x\n2024-04-30,38000,x\n"  # the 29th is a holiday
    (market / "n225.csv").write_text(rows, "utf-8")
    server.says(publishers.stooq(DAYS))
    done = fetched(server, "stooq", market, "n225")

    assert [(file, day) for file, day, _ in done.left_out] == [("n225", ""), ("n225", "2024-04-29")]
    assert "column source" in done.left_out[0][2]
    assert len(read(market, "n225")) == 5


def test_a_parquet_file_stays_one(server: Server, market: Path) -> None:
    rows = pd.DataFrame({"date": pd.to_datetime(["2024-04-30"]), "close": [38000.0]})
    rows.to_parquet(market / "n225.parquet", index=False)
    server.says(publishers.stooq(DAYS))
    done = fetched(server, "stooq", market, "n225")

    assert done.left_out == ()
    assert len(read_table(market / "n225.parquet", FILES["n225"])[0]) == 5
    assert not (market / "n225.csv").exists()


def test_a_folder_in_error_is_not_added_to(server: Server, market: Path) -> None:
    (market / "usdjpy.csv").write_text("date,close\n2024-04-30,x\n", "utf-8")
    before = contents(market)
    server.says(publishers.fred(DAYS[:2]))

    with pytest.raises(DataError, match="'x'"):
        fetched(server, "fred", market, "usdjpy")
    assert contents(market) == before


def test_what_cannot_be_asked_is_said_before_anything_is(server: Server, market: Path) -> None:
    for source, series, said in (
        ("fredd", "usdjpy", "did you mean 'fred'"),
        ("fred", "usdjp", "did you mean 'usdjpy'"),
        ("fred", "7203", "no such series"),
        ("fred", "jgb_yields", "by month only"),
        ("stooq", "etf_1321", "adjusted for splits and distributions"),
        ("boj", "boj_etf_purchases", "spreadsheet"),
        ("yahoo", "topix", "jquants and stooq"),
        ("jquants", "codes", "no closes"),
    ):
        with pytest.raises(SpecError, match=said):
            fetch(source, market, series=[series])
    with pytest.raises(SpecError, match="did you mean 'leave'"):
        fetch("fred", market, on_conflict="leav")
    (market / MARKER).write_text("{}", "utf-8")
    with pytest.raises(ToolError, match="synthetic"):
        fetch("fred", market)
    assert server.heard == []


@pytest.mark.real
def test_the_publishers_own_file_is_read_as_another_copy_has_it(real: Path) -> None:
    body = (real / "official_formats" / "nikkei_stock_average_daily_en.csv").read_bytes()
    rows = nikkei.parse(body, "n225")["n225"]
    copy = pd.read_csv(real / "series" / "n225.csv", index_col="date", parse_dates=True).loc[rows.index]

    assert len(rows) > 600
    assert rows[["open", "high", "low", "close"]].equals(copy[["open", "high", "low", "close"]])


def test_every_series_is_a_file_of_the_schema() -> None:
    named = {name for source in SOURCES.values() for name in (*source.series, *source.lacks)}

    assert named <= set(FILES)
