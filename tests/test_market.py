"""A market: layers, one fingerprint, and what may be known at a moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexsim.errors import MissingData, SpecError
from indexsim.market import MarketData
from indexsim.schema import FILES

#: Friday 26th, Monday 29th and Tuesday 30th of September 2025; the close is at 15:30.
TEXTS = {
    "n225": "date,open,close,volume\n2025-09-26,10,11,5\n2025-09-29,12,13,6\n2025-09-30,14,15,7\n",
    "topix": "date,close\n2025-09-26,1\n2025-09-29,2\n2025-09-30,3\n",
    "halves": "date,series,morning_close,afternoon_open\n2025-09-26,n225,10.5,10.6\n2025-09-29,n225,12.5,12.6\n",
    "nikkei_vi": "date,open,close\n2025-09-26,20,21\n2025-09-29,22,23\n2025-09-30,24,25\n",
    "usdjpy": "date,close\n2025-09-26,149\n2025-09-29,148\n2025-09-30,147\n",
    "boj_etf_purchases": "date,index_etf\n2025-09-26,\n2025-09-29,701\n",
    "closes": "date,1332,9983\n2025-09-26,100,200\n2025-09-29,110,190\n2025-09-30,120,210\n",
    "factors": (
        "effective_date,code,factor,event,announced_date\n"
        "2025-09-26,1332,1,initial,\n"
        "2025-09-26,9983,1,initial,\n"
        "2025-09-29,9983,2,step,\n"
        "2025-09-30,1332,3,step,2025-09-26\n"
    ),
    "divisors": "effective_date,divisor\n2025-09-26,3.00000000\n",
    "dividends": (
        "ex_date,code,yen,announced_date\n2025-09-29,1332,5,2025-09-26\n2025-09-29,9983,7,\n2025-09-29,285A,9,2025-11-14\n"
    ),
    "constituents": "code,name\n1332,a\n9983,b\n",
    "universe": "date,code,sector,segment\n2025-09-26,1332,Food,Prime\n2025-09-29,9983,Retail,Prime\n",
}


@pytest.fixture
def market(tmp_path: Path) -> MarketData:
    return MarketData.open(write(tmp_path / "market", TEXTS))


def write(folder: Path, texts: dict[str, str]) -> Path:
    folder.mkdir()
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def last(market: MarketData, name: str, column: str) -> float:
    """Return the last row's value, NaN where it is not known."""
    return float(market.table(name)[column].iloc[-1])


class TestLayers:
    """A later folder wins by whole file; the market has one fingerprint."""

    def test_the_later_file_wins_whole(self, tmp_path: Path) -> None:
        below = write(tmp_path / "below", {"n225": TEXTS["n225"], "topix": TEXTS["topix"]})
        above = write(tmp_path / "above", {"n225": "date,close\n2025-09-30,99\n"})
        market = MarketData.open(below, above)

        assert market.table("n225")["close"].tolist() == [99]
        assert market.table("topix")["close"].tolist() == [1, 2, 3]

    def test_a_parquet_file_wins_over_a_csv_file_below(self, tmp_path: Path) -> None:
        below = write(tmp_path / "below", {"n225": TEXTS["n225"]})
        above = write(tmp_path / "above", {})
        pd.DataFrame({"date": ["2025-09-30"], "close": [99.0]}).to_parquet(above / "n225.parquet")

        assert MarketData.open(below, above).table("n225")["close"].tolist() == [99]

    def test_what_lies_below_is_not_judged(self, tmp_path: Path) -> None:
        below = write(tmp_path / "below", {"n225": "no such table"})
        (below / "n225.parquet").write_bytes(b"twice")
        above = write(tmp_path / "above", {"n225": TEXTS["n225"]})
        market = MarketData.open(below, above)

        assert market.folder.about_files == []
        assert len(market.folder.findings("n225")) == 0

    def test_the_fingerprint_is_that_of_the_files_in_force(self, tmp_path: Path) -> None:
        below = write(tmp_path / "below", {"n225": TEXTS["n225"], "topix": "date,close\n2025-09-30,99\n"})
        above = write(tmp_path / "above", {"topix": TEXTS["topix"]})
        one = write(tmp_path / "one", {"n225": TEXTS["n225"], "topix": TEXTS["topix"]})

        assert MarketData.open(below, above).fingerprint == MarketData.open(one).fingerprint
        assert MarketData.open(above, below).fingerprint != MarketData.open(one).fingerprint

    def test_any_byte_changes_the_fingerprint(self, tmp_path: Path) -> None:
        folder = write(tmp_path / "market", TEXTS)
        prints = {MarketData.open(folder).fingerprint}
        for path in sorted(folder.iterdir()):
            path.write_bytes(path.read_bytes() + b"\n")
            prints.add(MarketData.open(folder).fingerprint)
        (folder / "oil.csv").write_text("date,close\n2025-09-30,60\n")
        prints.add(MarketData.open(folder).fingerprint)
        (folder / "synthetic.json").write_text('{"seed": 1}')
        prints.add(MarketData.open(folder).fingerprint)

        assert len(prints) == len(TEXTS) + 3

    def test_a_file_no_schema_knows_changes_nothing(self, tmp_path: Path) -> None:
        folder = write(tmp_path / "market", TEXTS)
        before = MarketData.open(folder).fingerprint
        (folder / "notes.txt").write_text("x")

        assert MarketData.open(folder).fingerprint == before

    def test_one_sample_makes_all_synthetic(self, tmp_path: Path) -> None:
        below, above = write(tmp_path / "below", {}), write(tmp_path / "above", TEXTS)
        (below / "synthetic.json").write_text('{"seed": 225}')

        assert MarketData.open(below, above).synthetic == {"seed": 225}
        assert MarketData.open(above).synthetic is None

    @pytest.mark.parametrize("marker", [b"", b"{", b"\xff", b"[]", b"{}"])
    def test_a_marker_that_cannot_be_read_still_marks(self, tmp_path: Path, marker: bytes) -> None:
        folder = write(tmp_path / "market", TEXTS)
        (folder / "synthetic.json").write_bytes(marker)

        assert MarketData.open(folder).synthetic == {"synthetic": True}

    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(MissingData, match="no such folder"):
            MarketData.open(tmp_path / "nowhere")
        with pytest.raises(SpecError, match="no folder was named"):
            MarketData.open()


class TestKnown:
    """What `until` serves, on hand-made rows."""

    def test_at_the_morning_close_the_day_is_half_known(self, market: MarketData) -> None:
        then = market.until("2025-09-29T11:30")
        n225, halves = then.table("n225").iloc[-1], then.table("halves").iloc[-1]

        assert (n225.name, n225["open"]) == (pd.Timestamp("2025-09-29"), 12)
        assert np.isnan(n225["close"])
        assert halves["morning_close"] == 12.5
        assert np.isnan(halves["afternoon_open"])

    def test_a_minute_before_the_close_is_before_the_close(self, market: MarketData) -> None:
        assert np.isnan(last(market.until("2025-09-29T15:29"), "n225", "close"))
        assert last(market.until("2025-09-29T15:30"), "n225", "close") == 13
        assert np.isnan(last(market.until("2025-09-29T17:59"), "n225", "volume"))
        assert last(market.until("2025-09-29T18:00"), "n225", "volume") == 6

    def test_the_vi_close_is_unknown_at_the_cash_close(self, market: MarketData) -> None:
        then = market.until("2025-09-29T15:30")

        assert np.isnan(last(then, "nikkei_vi", "close"))
        assert then.known("nikkei_vi", "close", then.bars("daily")).tolist()[-1] == 21

    def test_a_decision_at_the_close_knows_the_close(self, market: MarketData) -> None:
        assert market.known("n225", "close", market.bars("daily")).tolist() == [11, 13, 15]

    def test_the_dollar_is_unknown_until_the_next_morning(self, market: MarketData) -> None:
        assert last(market.until("2025-09-30T06:59"), "usdjpy", "close") == 149
        assert last(market.until("2025-09-30T07:00"), "usdjpy", "close") == 148

    def test_purchases_are_known_that_evening(self, market: MarketData) -> None:
        assert len(market.until("2025-09-29T18:59").table("boj_etf_purchases")) == 1
        assert last(market.until("2025-09-29T19:00"), "boj_etf_purchases", "index_etf") == 701

    def test_constituents_close_with_the_session(self, market: MarketData) -> None:
        assert len(market.until("2025-09-29T15:29").table("closes")) == 1
        assert len(market.until("2025-09-29T15:30").table("closes")) == 2

    def test_an_announced_event_is_hidden_until_its_evening(self, market: MarketData) -> None:
        assert market.until("2025-09-26T17:59").events == ()
        assert [e.effective.day for e in market.until("2025-09-26T18:00").events] == [30]

    def test_an_event_without_announcement_is_hidden_until_it_acts(self, market: MarketData) -> None:
        assert [e.effective.day for e in market.until("2025-09-29T08:59").events] == [30]
        assert [e.effective.day for e in market.until("2025-09-29T09:00").events] == [29, 30]

    def test_the_rows_of_factors_follow_the_events(self, market: MarketData) -> None:
        assert len(market.until("2025-09-26T08:59").table("factors")) == 0
        assert market.until("2025-09-26T18:00").table("factors")["event"].tolist() == ["initial", "initial", "step"]
        assert len(market.until("2025-09-29T09:00").table("factors")) == 4

    def test_a_dividend_is_known_when_announced_even_if_late(self, market: MarketData) -> None:
        def codes(moment: str) -> list[str]:
            return market.until(moment).table("dividends")["code"].tolist()

        assert codes("2025-09-26T18:00") == ["1332"]
        assert codes("2025-09-29T18:00") == ["1332", "9983"]
        assert codes("2025-11-14T18:00") == ["1332", "9983", "285A"]

    def test_the_universe_is_in_force_from_its_date(self, market: MarketData) -> None:
        assert market.until("2025-09-28T23:59").table("universe")["code"].tolist() == ["1332"]

    def test_a_view_never_opens_again(self, market: MarketData) -> None:
        then = market.until("2025-09-29T11:30")

        assert np.isnan(last(then.until("2025-09-30T20:00"), "n225", "close"))
        assert then.until("2025-09-26T15:30").now == np.datetime64("2025-09-26T15:30")

    def test_the_bars_are_those_decided(self, market: MarketData) -> None:
        then = market.until("2025-09-29T12:00")

        assert str(then.bars("halves").decided[-1]) == "2025-09-29T11:30"
        assert str(then.bars("daily").decided[-1]) == "2025-09-26T15:30"

    def test_before_the_first_row_nothing_is_known(self, market: MarketData) -> None:
        then = market.until("2020-01-01")
        bars = market.bars("daily")

        assert len(then.bars("daily")) == 0
        assert np.isnan(then.known("nikkei_vi", "close", bars)).all()
        assert np.isnan(then.prices("n225", bars).close).all()

    def test_a_view_has_the_fingerprint_of_the_market(self, market: MarketData) -> None:
        assert market.until("2025-09-29T12:00").fingerprint == market.fingerprint


class TestAbsent:
    """What is not there is unknown, never zero, and soon no longer the last word."""

    VI = "date,close\n2020-12-30,20\n2021-01-04,\n2021-01-25,30\n"

    def test_a_value_goes_stale(self, tmp_path: Path) -> None:
        n225 = "date,close\n2020-12-30,1\n2021-01-29,1\n"
        market = MarketData.open(write(tmp_path / "m", {"n225": n225, "usdjpy": self.VI.replace("2021-01-04,\n", "")}))
        bars = market.bars("daily")
        value = dict(zip(bars.session.astype(str), market.known("usdjpy", "close", bars), strict=True))

        assert value["2021-01-13"] == 20  # fourteen days old
        assert np.isnan(value["2021-01-14"])
        assert np.isnan(value["2021-01-25"])  # its own close comes the next morning
        assert value["2021-01-26"] == 30

    def test_a_blank_hides_what_was_before(self, tmp_path: Path) -> None:
        n225 = "date,close\n2020-12-30,1\n2021-01-29,1\n"
        market = MarketData.open(write(tmp_path / "m", {"n225": n225, "nikkei_vi": self.VI}))
        bars = market.bars("daily")
        value = dict(zip(bars.session.astype(str), market.known("nikkei_vi", "close", bars), strict=True))

        assert value["2021-01-04"] == 20
        assert np.isnan(value["2021-01-05"])

    def test_a_session_without_a_print_has_no_price(self, market: MarketData) -> None:
        halves = market.bars("halves")
        prices = market.prices("n225", halves)

        np.testing.assert_array_equal(prices.open, [10, 10.6, 12, 12.6, 14, np.nan])
        np.testing.assert_array_equal(prices.close, [10.5, 11, 12.5, 13, np.nan, 15])

    def test_a_series_without_opens_has_none(self, market: MarketData) -> None:
        prices = market.prices("topix", market.bars("daily"))

        assert np.isnan(prices.open).all()
        assert prices.close.tolist() == [1, 2, 3]

    def test_a_missing_file_is_named(self, market: MarketData) -> None:
        with pytest.raises(MissingData, match="oil, sp500 missing"):
            market.require((name for name in ("oil", "n225", "sp500")), "look abroad")

    def test_a_misspelt_file_is_answered_with_the_nearest(self, market: MarketData) -> None:
        with pytest.raises(SpecError, match="'nikkei_vi'"):
            market.table("nikkei_iv")

    @pytest.mark.parametrize(("name", "column"), [("n225", "settle"), ("closes", "7203"), ("halves", "morning_close")])
    def test_a_missing_column_is_named(self, market: MarketData, name: str, column: str) -> None:
        with pytest.raises(MissingData, match=column):
            market.known(name, column, market.bars("daily"))

    def test_halves_need_morning_closes(self, tmp_path: Path) -> None:
        with pytest.raises(MissingData, match="halves"):
            MarketData.open(write(tmp_path / "m", {"n225": TEXTS["n225"]})).bars("halves")


class TestSchedule:
    """The calendar is known before the prices."""

    def test_it_goes_on_behind_the_last_bar(self, market: MarketData) -> None:
        ahead = market.schedule("daily", 2)

        assert [str(day) for day in ahead.session[-3:]] == ["2025-09-30", "2025-10-01", "2025-10-02"]

    def test_a_view_has_the_same_next_bars(self, market: MarketData) -> None:
        then = market.until("2025-09-29T11:30").schedule("halves", 2)

        assert [str(t) for t in then.decided[-3:]] == ["2025-09-29T11:30", "2025-09-29T15:30", "2025-09-30T11:30"]

    def test_it_ends_with_the_session_table(self, tmp_path: Path) -> None:
        market = MarketData.open(write(tmp_path / "m", {"n225": "date,close\n2027-12-29,1\n2027-12-30,1\n"}))

        assert len(market.schedule("daily", 5)) == 2


def test_frames_can_be_written_to_without_harm(market: MarketData) -> None:
    for view in (market, market.until("2025-09-30T20:00")):
        frame = view.table("n225")
        frame["close"] = 0.0
        frame.loc[pd.Timestamp("2025-09-26"), "open"] = 0.0

        assert view.table("n225")["close"].iloc[-1] == 15
        assert view.table("n225")["open"].iloc[0] == 10


def visible(market: MarketData, name: str) -> pd.DataFrame:
    """Return a table with a row key that does not move when rows come in before it."""
    frame = market.table(name)
    keys = [c for c in ("effective_date", "ex_date", "date", "code", "series", "event") if c in frame.columns]
    return frame.set_index(keys, append=not FILES[name].date_indexed) if keys else frame


@pytest.fixture(scope="module")
def opened(small: Path) -> MarketData:
    return MarketData.open(small)


MINUTES = st.integers(0, 4 * 366 * 24 * 60)


@settings(derandomize=True, max_examples=20, deadline=None)
@given(a=MINUTES, b=st.one_of(MINUTES, st.integers(0, 3 * 24 * 60)))
def test_until_never_changes_what_was_visible(opened: MarketData, a: int, b: int) -> None:
    """Every value visible at a moment is the same at any later one, in every file of a market."""
    first, second = (np.datetime64("2019-01-04T00:00") + np.timedelta64(m, "m") for m in (a, a + b))
    before, after = opened.until(first), opened.until(second)
    for name in opened.folder.files:
        early, late = visible(before, name), visible(after, name)
        later = late.reindex(early.index)

        assert early.index.isin(late.index).all(), name
        pd.testing.assert_frame_equal(early.where(early.notna(), later), later)


@settings(derandomize=True, max_examples=15, deadline=None)
@given(row=st.integers(0, 1_900))
def test_the_last_known_value_is_the_same_in_hindsight(opened: MarketData, row: int) -> None:
    """What `known` and `prices` say on a bar does not depend on when they are asked."""
    bars = opened.bars("halves")
    then = opened.until(bars.decided[row])

    assert len(then.bars("halves")) == row + 1
    for name in ("n225", "topix", "nikkei_vi", "usdjpy"):
        hindsight = opened.known(name, "close", bars)[: row + 1]
        np.testing.assert_array_equal(then.known(name, "close", then.bars("halves")), hindsight)
    for side in ("open", "close"):
        hindsight = getattr(opened.prices("topix", bars), side)[: row + 1]
        np.testing.assert_array_equal(getattr(then.prices("topix", then.bars("halves")), side), hindsight)


def test_events_come_in_order_of_time(small_market: MarketData) -> None:
    """The number of events known grows, and all are known in the end."""
    moments = np.arange("2019-01-01", "2023-01-01", 30, dtype="datetime64[D]")
    counts = [len(small_market.until(moment).events) for moment in moments]

    assert counts == sorted(counts)
    assert 0 == counts[0] < counts[-1] == len(small_market.events)


@pytest.mark.real
def test_real_purchases_are_unknown_in_the_afternoon_they_were_made(real: Path) -> None:
    """2020-03-13: the Bank bought for 100.2 bn yen; a decision of that day knows nothing of it."""
    market = MarketData.open(real / "series")
    afternoon, evening = (market.until(f"2020-03-13T{time}") for time in ("15:00", "19:00"))

    assert afternoon.table("boj_etf_purchases").index[-1] == pd.Timestamp("2020-03-12")
    assert last(evening, "boj_etf_purchases", "index_etf") == 1002
