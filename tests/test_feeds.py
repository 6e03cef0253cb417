"""Prices as integers on bars, from folders written by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backtests.trading.feeds import Feed, make_feed
from backtests.trading.instruments import instrument
from backtests.trading.quotes import Conventions
from indexsim.errors import DataError, MissingData, SpecError
from indexsim.market import MarketData

#: The first sessions of 2021, a Monday to a Friday; the 11th (Monday) is a holiday, the 12th trades.
WEEK = ["2021-01-04", "2021-01-05", "2021-01-06", "2021-01-07", "2021-01-08"]


def write(folder: Path, name: str, header: str, *rows: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.csv").write_text("\n".join([header, *rows]) + "\n", "utf-8")


def series(folder: Path, name: str, *prices: str, days: list[str] = WEEK) -> None:
    """Write a series of "open,close" texts; an empty text is an absent row."""
    write(folder, name, "date,open,close", *[f"{d},{p}" for d, p in zip(days, prices, strict=True) if p])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A week of the Nikkei."""
    series(tmp_path / "m", "n225", *["27000.12,27002.49", "27002.5,27004.99", "27010,27020", "27030,27040", "27050,1"])
    return tmp_path / "m"


def feed(folder: Path, *names: str, clock: str = "daily", until: str = "", how: Conventions | None = None) -> Feed:
    market = MarketData.open(folder)
    if until:
        market = market.until(until)
    return make_feed(market, [instrument(n) for n in names], market.bars(clock), how or Conventions(futures="index"))  # type: ignore[arg-type]


def column(array: np.ndarray, k: int = 0) -> list[int]:
    return array[:, k].tolist()


def test_a_future_trades_at_its_index_on_its_own_tick(folder: Path) -> None:
    made = feed(folder, "nikkei_mini", "nikkei_large")

    assert made.open.dtype == made.close.dtype == made.mark.dtype == np.int64
    # 27,000.12 -> 27,000; 27,002.5 is half-way and goes up to 27,005; on 10: 27,000.
    assert column(made.open)[:3] == [2_700_000, 2_700_500, 2_701_000]
    assert column(made.open, 1)[:3] == [2_700_000, 2_700_000, 2_701_000]
    assert column(made.close)[:2] == [2_700_000, 2_700_500]
    assert column(made.open_tick) == [500] * 5
    assert column(made.open_tick, 1) == [1_000] * 5
    assert not made.distribution.any()


def test_a_fund_trades_as_printed_with_the_tick_of_its_day_and_price(folder: Path) -> None:
    series(folder, "etf_1306", "1860,1861", "2999,3001", "", "1861,1862", "1863,1864")
    made = feed(folder, "etf_1306")

    assert column(made.open) == [186_000, 299_900, 0, 186_100, 186_300]
    assert column(made.close) == [186_100, 300_100, 0, 186_200, 186_400]
    assert (column(made.open_tick)[1], column(made.close_tick)[1]) == (100, 500)


def test_without_a_print_the_last_one_is_the_mark(folder: Path) -> None:
    series(folder, "etf_1306", "", "1860,1861", "1870,", "", ",1880")
    made = feed(folder, "etf_1306")

    assert column(made.open) == [0, 186_000, 187_000, 0, 0]
    assert column(made.close) == [0, 186_100, 0, 0, 188_000]
    # Nothing before the first print; then the close, the open of a bar without close, that again, the close.
    assert column(made.mark) == [0, 186_100, 187_000, 187_000, 188_000]


def test_an_adjusted_price_is_refused_by_file_day_and_rule(folder: Path) -> None:
    series(folder, "etf_1321", "27000,27010", "27000,27013.3671", "27000,27010", "27000,27010", "27000,27010.123")
    with pytest.raises(DataError) as caught:
        feed(folder, "etf_1321")
    finding = caught.value.findings[0]

    assert (finding.file, finding.row, finding.rule) == ("etf_1321.csv", "2021-01-05", "price-as-traded")
    assert "27013.3671" in finding.found
    assert "2 rows" in finding.found


def funds(folder: Path) -> None:
    for name in ("etf_1306", "etf_1321"):
        series(folder, name, *["1860,1861"] * 5)


def test_a_distribution_is_paid_on_its_ex_date_to_its_own_fund(folder: Path) -> None:
    funds(folder)
    rows = ["2021-01-06,etf_1306,12.5", "2021-01-07,etf_1321,300", "2021-01-07,etf_1306,1.25", "2021-01-08,etf_1306,"]
    write(folder, "distributions", "ex_date,code,yen", *rows)
    made = feed(folder, "etf_1306", "nikkei_mini", "etf_1321")

    assert column(made.distribution) == [0, 0, 1_250, 125, 0]
    assert column(made.distribution, 1) == [0] * 5
    assert column(made.distribution, 2) == [0, 0, 0, 30_000, 0]


def test_an_ex_date_without_a_session_falls_on_the_next_bar_and_none_outside_the_bars_counts(folder: Path) -> None:
    days = ["2021-01-07", "2021-01-08", "2021-01-12"]
    for name in ("n225", "etf_1306"):
        series(folder, name, *["1860,1861"] * 3, days=days)
    rows = [f"{day},etf_1306,{yen}" for day, yen in (("2021-01-06", 1), ("2021-01-11", 2), ("2021-01-13", 4))]
    write(folder, "distributions", "ex_date,code,yen", *rows)

    assert column(feed(folder, "etf_1306").distribution) == [0, 0, 200]


def test_the_payment_of_the_last_bar_is_made_though_nobody_announced_it(folder: Path) -> None:
    """The price falls by it at that open: a market cut at the close of the ex-date still owes it."""
    funds(folder)
    write(folder, "distributions", "ex_date,code,yen", "2021-01-07,etf_1306,12.5")
    made = feed(folder, "etf_1306", until="2021-01-07T15:00")

    assert column(made.distribution) == [0, 0, 0, 1_250]


def test_two_bars_a_session_open_and_close_around_lunch(folder: Path) -> None:
    series(folder, "etf_1306", *["1860,1869"] * 5)
    rows = [f"{day},etf_1306,1863,1866" for day in WEEK[:3]]
    write(folder, "halves", "date,series,morning_close,afternoon_open", *rows)
    write(folder, "distributions", "ex_date,code,yen", "2021-01-05,etf_1306,10")
    made = feed(folder, "etf_1306", clock="halves")

    assert column(made.open)[:4] == [186_000, 186_600, 186_000, 186_600]
    assert column(made.close)[:4] == [186_300, 186_900, 186_300, 186_900]
    # A session without its row has no print around lunch.
    assert column(made.close)[-2:] == [0, 186_900]
    assert column(made.open)[-2:] == [186_000, 0]
    # Paid once, before the morning's open.
    assert column(made.distribution)[:4] == [0, 0, 1_000, 0]


@pytest.mark.real
def test_real_funds_trade_on_their_ticks(real: Path) -> None:
    """Every print of 1306 and 1321 is a multiple of the tick in force: the table fits the market."""
    made = feed(real / "series", "etf_1321", "etf_1306")
    off = [
        int((price % tick != 0).sum()) for price, tick in ((made.open, made.open_tick), (made.close, made.close_tick))
    ]

    assert (made.close > 0).sum() > 5_000
    assert off == [0, 0]


def stock(folder: Path, *prices: str, days: list[str] = WEEK) -> None:
    """Write opens and closes of the code 7203 from "open,close" texts."""
    pairs = [p.split(",") for p in prices]
    for name, at in (("opens", 0), ("closes", 1)):
        write(folder, name, "date,7203", *[f"{d},{p[at]}" for d, p in zip(days, pairs, strict=True)])


def test_a_stock_trades_at_its_opens_and_closes_with_its_splits_and_dividends(folder: Path) -> None:
    """Split 5:1 on the Thursday, on which a dividend of 30 yen a share as held before goes ex."""
    stock(folder, "3000,3010", "3010,3020", "3020,3030", "606,607", "607,608")
    rows = ["2021-01-04,7203,1,initial", "2021-01-07,7203,5,split 5:1"]
    write(folder, "factors", "effective_date,code,factor,event", *rows)
    write(folder, "dividends", "ex_date,code,yen", "2021-01-07,7203,30", "2021-01-07,9983,99")
    made = feed(folder, "stock_7203")

    assert column(made.open) == [300_000, 301_000, 302_000, 60_600, 60_700]
    assert made.splits == {(3, 0): (5, 1)}
    assert column(made.distribution) == [0, 0, 0, 3_000, 0]
    assert column(made.initial) == [1_000_000] * 5


def test_limits_count_from_the_session_before_on_the_basis_of_the_day(folder: Path) -> None:
    """Up to 5,000 yen a stock may move 700, up to 3,000 yen 500, up to 700 yen 100; the 3,030 of before are 606."""
    stock(folder, "3000,3010", "3010,2990", "3020,3030", "606,607", "607,608")
    rows = ["2021-01-04,7203,1,initial", "2021-01-07,7203,5,split 5:1"]
    write(folder, "factors", "effective_date,code,factor,event", *rows)
    made = feed(folder, "stock_7203")

    assert column(made.lower) == [0, 231_000, 249_000, 50_600, 50_700]
    assert column(made.upper) == [0, 371_000, 349_000, 70_600, 70_700]


def test_both_halves_of_a_session_have_the_limits_of_the_session(folder: Path) -> None:
    write(folder, "halves", "date,series,morning_close,afternoon_open", "2021-01-05,n225,27003,27004")
    made = feed(folder, "nikkei_large", clock="halves", how=Conventions(futures="index"))

    # 16 % of Monday's 27,000 are 4,320.
    assert column(made.lower)[2:4] == [2_268_000, 2_268_000]
    assert column(made.upper)[2:4] == [3_132_000, 3_132_000]


def test_a_mark_without_a_print_follows_a_split(folder: Path) -> None:
    stock(folder, "3000,3010", ",", ",", "606,607", "607,608")
    rows = ["2021-01-04,7203,1,initial", "2021-01-05,7203,5,split 5:1"]
    write(folder, "factors", "effective_date,code,factor,event", *rows)

    assert column(feed(folder, "stock_7203").mark) == [301_000, 60_200, 60_200, 60_700, 60_800]


def test_a_roll_marks_the_next_contract(folder: Path) -> None:
    """Rolled on Thursday, a session before the last trading day 2021-03-11: without rates or dividends both are the
    index, so the mark is its close on the tick."""
    days = ["2021-03-08", "2021-03-09", "2021-03-10", "2021-03-11", "2021-03-12"]
    series(folder, "n225", *["29000,29010", "29000,29020", "29000,29032", "29000,29040", "29000,29050"], days=days)
    made = feed(folder, "nikkei_mini", how=Conventions())

    assert column(made.roll) == [0, 0, 2_903_000, 0, 0]
    assert column(made.mark) == [2_901_000, 2_902_000, 2_903_000, 2_904_000, 2_905_000]
    assert any("no rates; the interest is zero" in note for note in made.notes)


def test_a_mark_after_a_roll_is_the_price_of_the_next_contract(folder: Path) -> None:
    """At 5 % a year the June contract is 93 days dearer: 29,032 x (1 + 0.05 x 93 / 365) = 29,401.9, on its tick."""
    days = ["2021-03-08", "2021-03-09", "2021-03-10", "2021-03-11", "2021-03-12"]
    series(folder, "n225", *["29000,29010", "29000,29020", "29000,29032", "29000,29040", "29000,29050"], days=days)
    write(folder, "rates", "date,rate", "2021-01-04,0.05")
    made = feed(folder, "nikkei_mini", how=Conventions())

    assert column(made.close)[2] == 2_904_000  # two days from the end: 29,032 x (1 + 0.05 x 2 / 365) = 29,039.95
    assert column(made.roll) == [0, 0, 2_940_000, 0, 0]
    assert column(made.mark)[2] == 2_940_000


def test_volume_and_impact_follow_the_sessions_before(folder: Path) -> None:
    """1,000 shares a day at 102 and 100 in turn: ten moves of +2 % and ten of -1.96 %, whose deviation is known."""
    free = ("2021-02-11", "2021-02-23")
    days = [str(d) for d in np.arange("2021-02-01", "2021-03-06", dtype="datetime64[D]") if np.is_busday(d)]
    days = [d for d in days if d not in free]
    closes = [100.0 if n % 2 else 102.0 for n in range(len(days))]
    rows = [f"{d},{c},{c},1000" for d, c in zip(days, closes, strict=True)]
    write(folder, "etf_1321", "date,open,close,volume", *rows)
    series(folder, "n225", *["27000,27000"] * len(days), days=days)
    made = feed(folder, "etf_1321", how=Conventions(impact=0.5))
    up, down = 0.02, 100 / 102 - 1
    sigma = (20 / 19) ** 0.5 * (up - down) / 2

    assert column(made.volume) == [1_000] * len(days)
    assert not made.impact[:21].any()  # the first move is that of the second session; 20 of them, of sessions before
    assert made.impact[21:, 0] == pytest.approx([0.5 * sigma / 1_000**0.5 * 1e6] * (len(days) - 21), rel=1e-12)


def test_volumes_that_are_asked_for_and_absent_are_named(folder: Path) -> None:
    series(folder, "etf_1321", *["27000,27010"] * 5)
    with pytest.raises(MissingData, match="no volumes of it"):
        feed(folder, "etf_1321", how=Conventions(sized_by_volume=True))


def test_a_stock_without_a_column_is_named(folder: Path) -> None:
    stock(folder, *["1,1"] * 5)
    with pytest.raises(SpecError, match="7204"):
        feed(folder, "stock_7204")
