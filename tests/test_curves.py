"""Prices of futures on bars: roll, settlement and source, each against an answer made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtests.trading.curves import Curve, make_curve
from backtests.trading.instruments import instrument
from indexsim import sessions
from indexsim.bars import make_bars
from indexsim.errors import DataError, MissingData, SpecError
from indexsim.market import MarketData

MINI = instrument("nikkei_mini")
TOPIX = instrument("topix_large")

#: Trading in 2025-12 ended on Thursday the 11th, the SQ was on Friday; the next SQ day is 2026-03-13.
SESSIONS = ("2025-12-08", "2025-12-09", "2025-12-10", "2025-12-11", "2025-12-12", "2025-12-15")
CASH = (50_000, 50_100, 50_200, 50_300, 50_400, 50_500)
N225 = "date,open,high,low,close\n" + "".join(
    f"{d},{c - 30},{c},{c - 30},{c}\n" for d, c in zip(SESSIONS, CASH, strict=True)
)
RATES = "date,rate\n2025-01-06,0.01\n"


def market_of(folder: Path, **files: str) -> MarketData:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, "utf-8")
    return MarketData.open(folder)


def curve_of(market: MarketData, **choices: Any) -> Curve:
    return make_curve(market, MINI, market.bars("daily"), **choices)


def worth(day: int, contract: str, price: float) -> float:
    """Fair value at 1 % of a day of December 2025: 12 December ends 2025-12, 91 days later 2026-03."""
    left = 12 - day if contract == "2025-12" else 12 - day + 91
    return price * (1 + 0.01 * left / 365)


def test_at_the_index_there_is_no_contract(tmp_path: Path) -> None:
    curve = curve_of(market_of(tmp_path, n225=N225), model="index")

    assert curve.close.tolist() == list(CASH)
    assert curve.open.tolist() == [c - 30 for c in CASH]
    assert np.isnan([curve.next_close, curve.settle]).all()
    assert curve.contract == ("",) * 6
    assert curve.notes == ("futures: nikkei_mini trades at n225 itself, with no basis, roll or expiry",)


def test_a_position_is_rolled_the_session_before_the_last_trading_day(tmp_path: Path) -> None:
    curve = curve_of(market_of(tmp_path, n225=N225, rates=RATES))

    assert curve.contract == ("2025-12",) * 3 + ("2026-03",) * 3
    assert curve.close[:4].tolist() == pytest.approx(
        [worth(8, "2025-12", 50_000), worth(9, "2025-12", 50_100), worth(10, "2025-12", 50_200),
         worth(11, "2026-03", 50_300)], rel=1e-12,
    )  # fmt: skip
    assert curve.open[1] == pytest.approx(worth(9, "2025-12", 50_070), rel=1e-12)
    assert np.flatnonzero(~np.isnan(curve.next_close)).tolist() == [2]
    assert curve.next_close[2] == pytest.approx(worth(10, "2026-03", 50_200), rel=1e-12)
    assert np.isnan(curve.settle).all()
    assert "no prices of nikkei_mini; it trades at the carry model on n225" in curve.notes[0]


@pytest.mark.parametrize(("before", "row"), [(0, 3), (1, 2), (2, 1)])
def test_the_roll_day_is_a_choice(tmp_path: Path, before: int, row: int) -> None:
    curve = curve_of(market_of(tmp_path, n225=N225), roll_before=before)

    assert np.flatnonzero(~np.isnan(curve.next_close)).tolist() == [row]
    assert curve.contract.index("2026-03") == row + 1


def test_an_expiring_contract_settles_before_the_open_of_the_sq_day(tmp_path: Path) -> None:
    curve = curve_of(market_of(tmp_path, n225=N225, rates=RATES), expiry="settle")

    assert curve.contract == ("2025-12",) * 4 + ("2026-03",) * 2
    assert np.flatnonzero(~np.isnan(curve.settle)).tolist() == [4]
    assert curve.settle[4] == 50_370, "the opening level of the SQ day"
    assert curve.close[3] == pytest.approx(worth(11, "2025-12", 50_300), rel=1e-12)
    assert curve.open[4] == pytest.approx(worth(12, "2026-03", 50_370), rel=1e-12)
    assert np.isnan(curve.next_close).all()
    assert (
        "1 of 1 contracts of nikkei_mini (2025-12) settle at the opening level, which is approximate" in curve.notes[-1]
    )


def test_the_sq_comes_from_first_prices_where_there_are_all(tmp_path: Path) -> None:
    """(403 x 1 + 501 x 2.4) / 0.03 = 53,513.33; without the first price of 1302 the opening level stands."""
    prices = "".join(f"{d},400,500\n" for d in SESSIONS)
    files = {
        "n225": N225,
        "closes": "date,1301,1302\n" + prices,
        "factors": "effective_date,code,factor,event\n2025-12-08,1301,1,initial\n2025-12-08,1302,2.4,initial\n",
        "divisors": "effective_date,divisor\n2025-12-08,0.03000000\n",
    }
    full = market_of(tmp_path, **files, opens="date,1301,1302\n2025-12-12,403,501\n")
    curve = curve_of(full, expiry="settle")
    partial = curve_of(market_of(tmp_path, **files, opens="date,1301,1302\n2025-12-12,403,\n"), expiry="settle")

    assert curve.settle[4] == 53_513.33
    assert not any("approximate" in note for note in curve.notes)
    assert partial.settle[4] == 50_370


def test_the_published_settlement_comes_first(tmp_path: Path) -> None:
    futures = "date,root,contract,open,close,settle\n2025-12-11,nikkei,2025-12,50290,50310,50305\n"
    futures += "2025-12-12,nikkei,2025-12,,,50365.12\n2025-12-12,nikkei,2026-03,50400,50410,\n"
    curve = curve_of(market_of(tmp_path, n225=N225, futures=futures), expiry="settle")

    assert curve.settle[4] == 50_365.12
    assert not any("approximate" in note for note in curve.notes)


BY_CONTRACT = (
    "date,root,contract,open,close\n"
    "2025-12-08,nikkei,2025-12,50010,50020\n2025-12-08,topix,2025-12,1,2\n"
    "2025-12-10,nikkei,2025-12,50190,50210\n2025-12-10,nikkei,2026-03,50300,50330\n2025-12-10,nikkei,2033-12,7,7\n"
    "2025-12-11,nikkei,2026-03,50380,50440\n2025-12-12,nikkei,2026-03,50390,50530\n"
)


def test_prices_of_the_file_come_first_and_a_session_without_a_row_has_no_print(tmp_path: Path) -> None:
    curve = curve_of(market_of(tmp_path, n225=N225, rates=RATES, futures=BY_CONTRACT))
    file = [50_020, np.nan, 50_210, 50_440, 50_530]

    assert np.array_equal(curve.close[:5], file, equal_nan=True)
    assert curve.open[3] == 50_380
    assert curve.next_close[2] == 50_330
    assert curve.close[5] == pytest.approx(worth(15, "2026-03", 50_500), rel=1e-12), "after the file: the model"
    assert "futures: 1 of 6 bars of nikkei_mini lie outside; they trade at the carry model" in curve.notes


FRONT = (
    "date,root,contract,open,close\n2025-12-08,nikkei,front,50010,50020\n2025-12-09,nikkei,front,50080,50120\n"
    "2025-12-10,nikkei,front,50190,50210\n2025-12-11,nikkei,front,50280,50290\n"
    "2025-12-12,nikkei,front,50500,50530\n2025-12-15,nikkei,front,50510,50640\n"
)


def test_beside_the_front_month_the_next_contract_is_it_plus_the_spread(tmp_path: Path) -> None:
    """The front is 2025-12 until the 11th. The spread of the model is 91 days of 1 % on the cash index."""
    curve = curve_of(market_of(tmp_path, n225=N225, rates=RATES, futures=FRONT))
    spread = [0.01 * 91 / 365 * price for price in (50_200, 50_300, 50_270)]

    assert curve.close[:3].tolist() == [50_020, 50_120, 50_210]
    assert curve.next_close[2] == pytest.approx(50_210 + spread[0], rel=1e-12)
    assert (curve.close[3], curve.open[3]) == pytest.approx((50_290 + spread[1], 50_280 + spread[2]), rel=1e-12)
    assert curve.close[4:].tolist() == [50_530, 50_640], "the file has moved on too"
    assert any("follows the front month" in note for note in curve.notes)


def test_the_last_close_is_a_price_though_it_comes_after_the_decision(tmp_path: Path) -> None:
    """The cash market closes at 15:30, futures at 15:45."""
    market = market_of(tmp_path, n225=N225, futures=FRONT).until("2025-12-09T15:30")

    assert curve_of(market).close.tolist() == [50_020, 50_120]


def test_a_file_without_opens_takes_them_from_the_model(tmp_path: Path) -> None:
    futures = "date,root,contract,close\n2025-12-08,nikkei,front,50020\n2025-12-09,nikkei,front,50120\n"
    curve = curve_of(market_of(tmp_path, n225=N225, futures=futures))

    assert curve.open[:2].tolist() == [49_970, 50_070]
    assert curve.close[:2].tolist() == [50_020, 50_120]
    assert any("has no opens" in note for note in curve.notes)


def test_around_lunch_the_model_is_scaled_to_the_open_of_the_file(tmp_path: Path) -> None:
    """At the open the file stands 1 % above the cash index, so it does before and after lunch."""
    halves = "date,series,morning_close,afternoon_open\n2025-12-08,n225,50400,50500\n"
    futures = "date,root,contract,open,close\n2025-12-08,nikkei,2025-12,50469.7,50777\n"
    market = market_of(tmp_path, n225=N225, halves=halves, futures=futures)
    curve = make_curve(market, MINI, market.bars("halves")[0:2])

    assert curve.open.tolist() == pytest.approx([50_469.7, 50_500 * 1.01])
    assert curve.close.tolist() == pytest.approx([50_400 * 1.01, 50_777])


def test_in_two_bars_a_session_the_roll_is_at_the_second_close(tmp_path: Path) -> None:
    halves = "date,series,morning_close,afternoon_open\n" + "".join(f"{d},n225,50001,50002\n" for d in SESSIONS)
    market = market_of(tmp_path, n225=N225, halves=halves)
    rolled = make_curve(market, MINI, market.bars("halves"))
    settled = make_curve(market, MINI, market.bars("halves"), expiry="settle")

    assert np.flatnonzero(~np.isnan(rolled.next_close)).tolist() == [5]
    assert rolled.contract[4:7] == ("2025-12", "2025-12", "2026-03")
    assert np.flatnonzero(~np.isnan(settled.settle)).tolist() == [8]


NIGHTS = (
    "date,root,contract,open,close,night_open,night_close\n"
    "2025-12-08,nikkei,front,50010,50020,49900,49950\n2025-12-09,nikkei,front,50080,50120,50030,50060\n"
    "2025-12-10,nikkei,front,50190,50210,50130,50170\n2025-12-11,nikkei,front,50280,50290,50220,50260\n"
    "2025-12-12,nikkei,front,50500,50530,50450,50480\n2025-12-15,nikkei,front,50510,50640,,50600\n"
)


def test_a_night_has_the_prices_of_its_night(tmp_path: Path) -> None:
    """The front is 2025-12 until the 11th and rolled on the 10th: the spread is 91 days of 1 % on that day's close."""
    market = market_of(tmp_path, n225=N225, rates=RATES, futures=NIGHTS)
    curve = make_curve(market, MINI, market.bars("nights"))
    spread = 0.01 * 91 / 365 * 50_200

    assert curve.open[:6].tolist() == [49_900, 50_010, 50_030, 50_080, 50_130, 50_190]
    assert curve.close[:6].tolist() == [49_950, 50_020, 50_060, 50_120, 50_170, 50_210]
    assert (curve.open[6], curve.close[6]) == pytest.approx((50_220 + spread, 50_260 + spread), rel=1e-12)
    assert (curve.open[8], curve.close[8]) == (50_450, 50_480)
    assert np.isnan(curve.open[10]), "the file has no price"
    assert curve.close[10] == 50_600


def test_between_a_night_and_its_day_nothing_is_rolled(tmp_path: Path) -> None:
    market = market_of(tmp_path, n225=N225, rates=RATES, futures=NIGHTS)
    curve = make_curve(market, MINI, market.bars("nights"))

    assert np.flatnonzero(~np.isnan(curve.next_close)).tolist() == [5], "the day of the 10th"
    assert curve.contract[4:8] == ("2025-12", "2025-12", "2026-03", "2026-03")


def test_what_ended_waits_through_the_night_for_its_settlement(tmp_path: Path) -> None:
    """The night booked on the SQ day opens when 2025-12 has ended, and the SQ is made in the morning after it."""
    market = market_of(tmp_path, n225=N225, rates=RATES, futures=NIGHTS)
    curve = make_curve(market, MINI, market.bars("nights"), expiry="settle")

    assert np.flatnonzero(~np.isnan(curve.settle)).tolist() == [9]
    assert curve.settle[9] == 50_370
    assert np.isnan([curve.open[8], curve.close[8]]).all()
    assert curve.contract[7:10] == ("2025-12", "2025-12", "2026-03")
    assert (curve.open[6], curve.close[6]) == (50_220, 50_260), "the last night of 2025-12"


def test_outside_its_nights_the_file_has_none_and_the_model_makes_none(tmp_path: Path) -> None:
    later = "date,root,contract,open,close,night_open,night_close\n2025-12-10,nikkei,front,50190,50210,50130,50170\n"
    market = market_of(tmp_path, n225=N225, rates=RATES, futures=later)
    curve = make_curve(market, MINI, market.bars("nights"))

    assert np.isnan(curve.open[[0, 2, 6, 8, 10]]).all()
    assert np.isfinite(curve.close[1::2]).all(), "by day there is the model"
    assert "futures: 5 of 12 bars of nikkei_mini lie outside; they trade at the carry model" in curve.notes
    assert any("nights of nikkei_mini from futures.csv, 2025-12-10 to 2025-12-10" in note for note in curve.notes)


def test_a_root_without_nights_says_so(tmp_path: Path) -> None:
    topix = N225.replace("50", "25")
    market = market_of(tmp_path, n225=N225, topix=topix, futures=NIGHTS + "2025-12-15,topix,2025-12,25,26,,\n")
    curve = make_curve(market, TOPIX, market.bars("nights"))

    assert np.isnan(curve.close[::2]).all()
    assert "futures: futures.csv has no nights of topix_large; they have no print" in curve.notes


@pytest.mark.parametrize("futures", ["", BY_CONTRACT, NIGHTS.replace("night_close", "late")])
def test_without_night_prices_there_is_no_trading_on_nights(tmp_path: Path, futures: str) -> None:
    market = market_of(tmp_path, n225=N225, **({"futures": futures} if futures else {}))
    bars = make_bars(pd.Timestamp("2025-12-08"), pd.Timestamp("2025-12-09"), "nights")

    for use in (lambda: market.bars("nights"), lambda: make_curve(market, MINI, bars)):
        with pytest.raises(MissingData) as caught:
            use()

        assert "night" in caught.value.asked
        assert "futures" in caught.value.found


def test_where_the_index_falls_by_its_dividend_alone_a_future_earns_nothing(tmp_path: Path) -> None:
    """Two years at no interest; 2 % go ex each March and September, and nothing else moves the index."""
    days = sessions.sessions("2020-01-06", "2021-12-30")
    ex = pd.DatetimeIndex(["2020-03-30", "2020-09-29", "2021-03-30", "2021-09-29"])
    price = 1_000.0 - 20.0 * np.searchsorted(ex, days, side="right")
    text = [f"{d:%Y-%m-%d}" for d in days]
    level = [p / 0.02 for p in price]
    files = {
        "n225": "date,open,close\n" + "".join(f"{d},{v},{v}\n" for d, v in zip(text, level, strict=True)),
        "closes": "date,1301\n" + "".join(f"{d},{p}\n" for d, p in zip(text, price, strict=True)),
        "factors": "effective_date,code,factor,event\n2020-01-06,1301,1,initial\n",
        "divisors": "effective_date,divisor\n2020-01-06,0.02\n",
        "dividends": "ex_date,code,yen\n" + "".join(f"{d:%Y-%m-%d},1301,20\n" for d in ex),
    }
    curve = curve_of(market_of(tmp_path, **files))
    # What a rolled long position of one makes, close to close.
    held = np.where(np.isnan(curve.next_close[:-1]), curve.close[:-1], curve.next_close[:-1])
    made = curve.close[1:] - held

    assert np.count_nonzero(~np.isnan(curve.next_close)) == 8
    assert level[0] - level[-1] == pytest.approx(4_000)
    assert np.abs(made).max() == pytest.approx(0.0, abs=1e-6)


def test_topix_has_contracts_of_its_own(tmp_path: Path) -> None:
    topix = N225.replace("50", "25")
    market = market_of(tmp_path, n225=N225, topix=topix, futures=BY_CONTRACT)
    curve = make_curve(market, TOPIX, market.bars("daily"))

    assert (curve.open[0], curve.close[0]) == (1, 2)


def test_the_sample_rolls_and_settles_four_times_a_year(small_market: MarketData) -> None:
    """2019 to 2022: sixteen expiries, settled at the SQ of the first prices."""
    bars = small_market.bars("daily")
    rolled = make_curve(small_market, MINI, bars)
    settled = make_curve(small_market, MINI, bars, expiry="settle")

    assert np.count_nonzero(~np.isnan(rolled.next_close)) == 16
    assert np.count_nonzero(~np.isnan(settled.settle)) == 16
    assert np.isfinite(rolled.close).all()
    assert not any("approximate" in note for note in settled.notes)


@pytest.mark.parametrize("choice", [{"model": "futures"}, {"expiry": "hold"}, {"roll_before": -1}])
def test_a_choice_there_is_not_is_refused(tmp_path: Path, choice: dict[str, Any]) -> None:
    market = market_of(tmp_path, n225=N225)

    with pytest.raises(SpecError):
        curve_of(market, **choice)


def test_a_contract_that_is_no_month_is_refused(tmp_path: Path) -> None:
    futures = "date,root,contract,open,close\n2025-12-08,nikkei,Dec-25,50010,50020\n"
    market = market_of(tmp_path, n225=N225, futures=futures)

    with pytest.raises(DataError) as caught:
        curve_of(market)

    assert caught.value.findings[0].rule == "contract-is-a-month"
    assert caught.value.findings[0].row == "2025-12-08"


def test_before_the_listing_there_are_no_futures(tmp_path: Path) -> None:
    market = market_of(tmp_path, n225="date,open,close\n1988-09-01,27000,27100\n1988-09-02,27100,27200\n")

    with pytest.raises(MissingData):
        curve_of(market)


@pytest.mark.real
def test_the_gap_of_the_opening_level_is_as_the_note_says(real: Path) -> None:
    sq = pd.read_csv(real / "checks" / "sq_values_2000_2023.csv", parse_dates=["sq_date"])
    opens = pd.read_csv(real / "series" / "n225.csv", parse_dates=["date"], index_col="date")["open"]
    gap = pd.Series((opens.reindex(sq["sq_date"]).to_numpy() / sq["sq_value"] - 1).abs() * 1e4)
    print(f"{len(gap)} SQ days, median {gap.median():.2f} bp, most {gap.max():.1f} bp on {sq['sq_date'][gap.idxmax()]}")

    assert (len(gap), round(gap.median()), round(gap.max())) == (286, 21, 1281)
    assert sq["sq_date"][gap.idxmax()] == pd.Timestamp("2008-10-10")


@pytest.mark.real
def test_over_a_real_roll_the_spread_leads_to_the_next_contract(real: Path, tmp_path: Path) -> None:
    """The file jumps to the next contract on the SQ day, by its dividends; the spread has that jump before.

    On each roll futures trade on after the cash close, which leaves some 45 points of noise, and no mean.
    """
    front = pd.read_csv(real / "futures" / "n225_front_daily_2010_2022.csv").assign(root="nikkei", contract="front")
    front[["date", "root", "contract", "open", "close"]].to_csv(tmp_path / "futures.csv", index=False)
    market = MarketData.open(real / "window_2017_2018", tmp_path, _dividends(real, tmp_path))
    bars = market.bars("daily")
    bars = bars[bars.between(np.datetime64("2017-01-24"), np.datetime64("2018-11-16"))]
    curve = make_curve(market, instrument("nikkei_large"), bars)
    rows = np.flatnonzero(~np.isnan(curve.next_close)) + 1
    cash = market.prices("n225", bars)
    basis = curve.close - cash.close
    quoted = market.table("futures").set_index("date")["close"].reindex(pd.DatetimeIndex(bars.session)).to_numpy()
    jumps, in_file = (values[rows + 1] - values[rows] for values in (basis, quoted - cash.close))
    print(f"on the SQ days {jumps.round(1)}, in the file {in_file.round(1)}")

    assert len(rows) == 7
    assert abs(jumps.mean()) < 30
    assert in_file.mean() < -60


def _dividends(real: Path, folder: Path) -> Path:
    """Write the dividends of 2017 to March 2019 and the series beside the window; few names split after it."""
    beside = folder / "beside"
    beside.mkdir()
    paid = pd.read_csv(real / "constituents" / "dividends_1999_2022.csv", dtype={"code": str})
    paid = paid[paid["ex_date"].between("2017-01-24", "2019-03-31")].rename(columns={"dividend_split_adjusted": "yen"})
    paid.sort_values(["ex_date", "code"])[["ex_date", "code", "yen"]].to_csv(beside / "dividends.csv", index=False)
    (beside / "n225.csv").write_bytes((real / "series" / "n225.csv").read_bytes())
    return beside
