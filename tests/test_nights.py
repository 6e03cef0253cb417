"""Runs on nights, from a folder written by hand to fills in yen: who decides when, and on what was known then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests.lookahead.proof import audit_spec
from backtests.prepare import Setup, prepare
from backtests.result import Result
from backtests.run import compute
from backtests.spec import Spec
from backtests.trading.feeds import make_feed
from backtests.trading.instruments import instrument
from backtests.trading.quotes import Conventions
from indexsim.bars import NIGHT
from indexsim.errors import MissingData
from indexsim.market import MarketData

#: Monday 13 October was a holiday with trading: the night booked on the 14th opened on Friday and ended on Tuesday.
N225 = (
    "date,open,close\n2025-10-06,46900,47000\n2025-10-07,47050,47100\n2025-10-08,46950,46900\n"
    "2025-10-09,47100,47200\n2025-10-10,47250,47300\n2025-10-14,47200,47250\n"
)
FUTURES = (
    "date,root,contract,open,close,night_open,night_close\n"
    "2025-10-06,nikkei,2025-12,47010,47020,,\n2025-10-07,nikkei,2025-12,47110,47120,47030,47080\n"
    "2025-10-08,nikkei,2025-12,46950,46910,47130,47000\n2025-10-09,nikkei,2025-12,47150,47210,46920,47060\n"
    "2025-10-10,nikkei,2025-12,47290,47310,47220,47260\n2025-10-14,nikkei,2025-12,47240,47260,47330,47400\n"
)
#: A close is known at 07:00 of the next morning: at the end of a night it is that of the day before the last one.
USDJPY = (
    "date,close\n2025-10-03,149\n2025-10-06,151\n2025-10-07,148\n2025-10-08,152\n2025-10-09,147\n2025-10-10,153\n"
    "2025-10-13,146\n2025-10-14,145\n"
)

HEAD = '''
"""Made by hand."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from indexsim.bars import NIGHT
from strategies.base import Strategy, Targets, no_orders


class OneMini(Strategy):
    """One mini, in or out."""

    @dataclass(frozen=True)
    class Params:
        """None."""

    clock = "nights"

    @classmethod
    def instruments(cls, params):
        return ("nikkei_mini",)

    @classmethod
    def needs(cls, params):
        return ("n225", "usdjpy")
'''
EVENING = '''

class Evening(OneMini):
    """After a day on which the Nikkei rose, hold one mini from the night open to the day open."""

    @staticmethod
    def features(market, params):
        bars = market.bars("nights")
        close = market.known("n225", "close", bars)
        return {"rose": np.append(False, close[1:] > close[:-1]), "night": bars.half == NIGHT}

    @staticmethod
    def decide(features, params):
        wanted = np.where(features["rose"] & ~features["night"], 1.0, 0.0)[:, None]
        return Targets(("nikkei_mini",), wanted, no_orders(len(wanted), 1), "contracts")
'''
YEN = '''

class Yen(OneMini):
    """Where a dollar is above 150 yen at the end of the night, hold one mini from the day's open to its close."""

    @staticmethod
    def features(market, params):
        bars = market.bars("nights")
        return {"rate": market.known("usdjpy", "close", bars), "night": bars.half == NIGHT}

    @staticmethod
    def decide(features, params):
        wanted = np.where(features["night"] & (features["rate"] > 150.0), 1.0, 0.0)[:, None]
        return Targets(("nikkei_mini",), wanted, np.zeros_like(wanted), "contracts")
'''
CHEAT = '''

class Cheat(Yen):
    """The same, with the close of the evening that the night begins on: at 06:00 it is an hour away."""

    @staticmethod
    def features(market, params):
        bars = market.bars("nights")
        close, opened = market.table("usdjpy")["close"], pd.DatetimeIndex(bars.opened).normalize()
        return {"rate": close.reindex(opened).to_numpy(), "night": bars.half == NIGHT}
'''


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, "utf-8")
    return folder


def prepared(tmp_path: Path, name: str, source: str = HEAD + EVENING + YEN + CHEAT, **changed: str) -> Setup:
    file = tmp_path / "by_hand.py"
    file.write_text(source, "utf-8")
    market = write(tmp_path / "market", **{"n225": N225, "usdjpy": USDJPY, "futures": FUTURES, **changed})
    terms: dict[str, Any] = {"cash": 10_000_000, "slippage_bps": 0.0, "strict": "all"}
    return prepare(Spec(name.lower(), f"{file}:{name}", (market,), **terms))


def run(tmp_path: Path, name: str) -> Result:
    return compute(prepared(tmp_path, name), tmp_path / "reports")


def fills(result: Result) -> list[tuple[str, str, int, float]]:
    """(time, session, quantity, price) of each fill."""
    rows = result.fills[["time", "session", "quantity", "price"]].itertuples(index=False)
    return [(f"{r.time:%m-%d %H:%M}", f"{r.session:%m-%d}", int(r.quantity), float(r.price)) for r in rows]


def test_what_is_decided_at_the_day_close_fills_at_the_night_open(tmp_path: Path) -> None:
    """Up on the 7th, 9th and 10th: -180, +70 and -90 points at 100 yen, and six fees of 38."""
    result = run(tmp_path, "Evening")

    assert fills(result) == [
        ("10-07 17:00", "10-08", 1, 47_130),
        ("10-08 09:00", "10-08", -1, 46_950),
        ("10-09 17:00", "10-10", 1, 47_220),
        ("10-10 09:00", "10-10", -1, 47_290),
        ("10-10 17:00", "10-14", 1, 47_330),
        ("10-14 09:00", "10-14", -1, 47_240),
    ]
    assert (result.fills["fee"] == 38).all()
    assert result.equity["net"].tolist() == [
        10_000_000,  # the 6th, the base
        10_000_000,
        10_000_000 - 18_000 - 76,
        10_000_000 - 18_000 - 76,
        10_000_000 - 18_000 + 7_000 - 152,
        10_000_000 - 18_000 + 7_000 - 9_000 - 228,
    ]
    assert result.facts["rejected"] == []


def test_what_comes_at_seven_is_not_known_at_six(tmp_path: Path) -> None:
    """151 of the 6th counts on the 8th, 152 of the 8th on the 10th, 153 of Friday on Tuesday: -40, +20, +20 points."""
    result = run(tmp_path, "Yen")

    assert fills(result) == [
        ("10-08 09:00", "10-08", 1, 46_950),
        ("10-08 15:30", "10-08", -1, 46_910),
        ("10-10 09:00", "10-10", 1, 47_290),
        ("10-10 15:30", "10-10", -1, 47_310),
        ("10-14 09:00", "10-14", 1, 47_240),
        ("10-14 15:30", "10-14", -1, 47_260),
    ]
    assert result.equity["net"].iloc[-1] == 10_000_000 - 6 * 38


def test_at_the_end_of_a_night_the_last_known_rate_is_two_days_old(tmp_path: Path) -> None:
    market = MarketData.open(write(tmp_path / "market", n225=N225, usdjpy=USDJPY, futures=FUTURES))
    bars = market.bars("nights")
    known = market.known("usdjpy", "close", bars)

    assert known[bars.half == NIGHT].tolist() == pytest.approx([np.nan, 149, 151, 148, 152, 153], nan_ok=True)
    assert known[bars.half != NIGHT].tolist() == [149, 151, 148, 152, 147, 146]


@pytest.mark.parametrize("name", ["Evening", "Yen"])
def test_nothing_leaks(tmp_path: Path, name: str) -> None:
    checked = run(tmp_path, name).facts["lookahead"]

    assert checked["rows_checked"] == 10, "a night and a day of five sessions"
    assert checked["leaks"] == []


def test_another_future_changes_nothing(tmp_path: Path) -> None:
    """Also on disk, in a fresh process, where the clock itself is made while the strategy decides."""
    found = audit_spec(prepared(tmp_path, "Evening"), folders=2)

    assert found["cuts"] == {"perturb": 10, "folder": 2}
    assert found["leaks"] == []


def test_a_rate_from_an_hour_later_is_caught(tmp_path: Path) -> None:
    leaks = run(tmp_path, "Cheat").facts["lookahead"]["leaks"]

    assert [leak["row"] for leak in leaks] == ["2025-10-07T06:00", "2025-10-09T06:00"]


def test_the_page_says_what_the_clock_is(tmp_path: Path) -> None:
    facts = run(tmp_path, "Evening").facts

    assert facts["clock"] == "nights"
    assert facts["execution"][0].startswith("Clock: two bars a session, the futures' night booked on it and the day")
    assert any(
        "nights of nikkei_mini from futures.csv, 2025-10-07 to 2025-10-14" in m for m in facts["data"]["missing"]
    )


def test_night_prices_are_seen_when_the_night_is_over(tmp_path: Path) -> None:
    market = MarketData.open(write(tmp_path / "market", n225=N225, usdjpy=USDJPY, futures=FUTURES))
    before = market.until("2025-10-08T05:59").table("futures")
    after = market.until("2025-10-08T06:00").table("futures")

    assert before["date"].iloc[-1] == pd.Timestamp("2025-10-07")
    assert after.iloc[-1][["night_open", "night_close"]].tolist() == [47_130, 47_000]
    assert after.iloc[-1][["open", "close"]].isna().all()


def test_a_market_without_nights_refuses_the_clock(tmp_path: Path) -> None:
    futures = "date,root,contract,open,close\n2025-10-06,nikkei,2025-12,47010,47020\n"

    with pytest.raises(MissingData) as caught:
        prepared(tmp_path, "Evening", futures=futures)

    assert caught.value.found == "no column night_open and night_close in futures.csv"


def test_a_run_by_day_says_that_there_are_no_nights(tmp_path: Path) -> None:
    said = "futures: no night prices; from the close of a day to its next open nothing trades"
    source = (HEAD + EVENING).replace('clock = "nights"', 'clock = "daily"').replace('bars("nights")', 'bars("daily")')
    futures = "date,root,contract,open,close\n2025-10-06,nikkei,2025-12,47010,47020\n"

    assert said in prepared(tmp_path, "Evening", source, futures=futures).missing
    assert said not in prepared(tmp_path, "Evening", source, futures=FUTURES).missing


def test_a_fund_rests_at_night_and_pays_by_day(tmp_path: Path) -> None:
    """It has no print, its mark stays, and what is paid on Monday's ex-date is paid when Monday opens."""
    fund = "date,open,close,volume\n2025-10-03,3000,3010,700\n2025-10-06,2990,2995,800\n2025-10-07,3000,3005,900\n"
    paid = "ex_date,code,yen\n2025-10-06,etf_1306,5\n"
    files = {"n225": N225.replace("date,open,close\n", "date,open,close\n2025-10-03,46800,46850\n"), "futures": FUTURES}
    market = MarketData.open(write(tmp_path / "market", **files, etf_1306=fund, distributions=paid))
    bars = market.bars("nights")
    feed = make_feed(market, [instrument("etf_1306")], bars, Conventions(sized_by_volume=True))

    assert feed.open[:6, 0].tolist() == [0, 300_000, 0, 299_000, 0, 300_000]
    assert feed.close[:6, 0].tolist() == [0, 301_000, 0, 299_500, 0, 300_500]
    assert feed.mark[:6, 0].tolist() == [0, 301_000, 301_000, 299_500, 299_500, 300_500]
    assert feed.distribution[:6, 0].tolist() == [0, 0, 0, 500, 0, 0]
    assert feed.volume[:6, 0].tolist() == [0, 700, 0, 800, 0, 900]
    assert feed.days[:6].tolist() == [0, 1, 0, 3, 0, 1], "a weekend is paid on Monday, not on Friday evening"


def test_a_stock_rests_at_night_and_splits_when_the_day_opens(tmp_path: Path) -> None:
    """On the 8th one share at 1,010 yen becomes two: the night before it is still marked whole."""
    files = {
        "n225": N225,
        "futures": FUTURES,
        "opens": "date,1301\n2025-10-06,990\n2025-10-07,1000\n2025-10-08,505\n",
        "closes": "date,1301\n2025-10-06,995\n2025-10-07,1010\n2025-10-08,500\n",
        "factors": "effective_date,code,factor,event\n2025-10-06,1301,1,initial\n2025-10-08,1301,2,split 2:1\n",
    }
    market = MarketData.open(write(tmp_path / "market", **files))
    bars = market.bars("nights")[:6]
    feed = make_feed(market, [instrument("stock_1301")], bars, Conventions())

    assert feed.open[:, 0].tolist() == [0, 99_000, 0, 100_000, 0, 50_500]
    assert feed.mark[:, 0].tolist() == [0, 99_500, 99_500, 101_000, 101_000, 50_000]
    assert dict(feed.splits) == {(5, 0): (2, 1)}
