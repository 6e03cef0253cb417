"""Columns: what a view serves is what a folder cut off at its moment would serve, cell by cell."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from indexsim import sessions
from indexsim.bars import Bars, Clock
from indexsim.columns import Column, count
from indexsim.known import KnownAt, known_at, moment_of, rule_of
from indexsim.market import MarketData
from indexsim.schema import FILES

FIRST, LAST = "2018-12-03", "2019-06-28"  # the turn of the year and the ten days off in spring lie inside
#: Minutes from the first moment at which every file has a row, to a month after the last row.
MINUTES = st.integers(0, 200 * 24 * 60)
EARLIEST = np.datetime64("2019-01-08T00:00")
CLOCKS: tuple[Clock, ...] = ("daily", "halves")


def frames() -> dict[str, pd.DataFrame]:
    """Files of every kind: own calendars, blanks, missing days, rows known late, rows announced."""
    random = np.random.default_rng(4)
    tokyo = sessions.sessions(FIRST, LAST)
    weekdays = pd.bdate_range(FIRST, LAST)

    def numbers(days: pd.DatetimeIndex, columns: str, kept: float = 0.9, filled: float = 0.9) -> pd.DataFrame:
        held = days[random.random(len(days)) < kept]
        cells = random.uniform(10, 99, (len(held), len(columns.split()))).round(2)
        cells[random.random(cells.shape) >= filled] = np.nan
        return pd.DataFrame(cells, columns=columns.split()).assign(date=held.strftime("%Y-%m-%d"))

    payments = numbers(weekdays, "yen", 0.2, 1.0).rename(columns={"date": "ex_date"}).assign(code="1332")
    told = pd.to_datetime(payments["ex_date"]) + pd.to_timedelta(random.integers(-40, 60, len(payments)), "D")
    payments["announced_date"] = told.dt.strftime("%Y-%m-%d").where(random.random(len(payments)) < 0.7)
    lunches = [numbers(tokyo, "morning_close afternoon_open").assign(series=name) for name in ("topix", "n225")]
    return {
        # The clock of the market: a row on every session.
        "n225": numbers(tokyo, "open high low close volume", kept=1.0),
        "topix": numbers(tokyo, "close"),
        "nikkei_vi": numbers(tokyo, "open close"),
        "usdjpy": numbers(weekdays, "open close"),
        "sp500": numbers(weekdays, "close", kept=0.5),
        "closes": numbers(tokyo, "1332 9983"),
        "opens": numbers(tokyo, "1332 9983"),
        "boj_etf_purchases": numbers(tokyo, "index_etf j_reit", kept=0.5),
        "boj_assets": numbers(pd.date_range("2018-10-01", LAST, freq="10D"), "total_assets_100m_yen", 1.0),
        "gdp": numbers(pd.date_range("2018-01-01", LAST, freq="QS"), "gdp_bn_yen_saar", 1.0, 1.0),
        "jgb_yields": numbers(weekdays, "y2 y10"),
        "halves": pd.concat(lunches).sort_values(["date", "series"]),
        "dividends": payments,
        "factors": factors(tokyo, random),
    }


def factors(tokyo: pd.DatetimeIndex, random: np.random.Generator) -> pd.DataFrame:
    """Two names from the start and a step of one of them on every tenth session, half of them announced."""
    acting = tokyo[10::10].strftime("%Y-%m-%d")
    told = (tokyo[10::10] - pd.to_timedelta(random.integers(1, 40, len(acting)), "D")).strftime("%Y-%m-%d")
    rows = [(tokyo[0].strftime("%Y-%m-%d"), code, 1, "initial", None) for code in ("1332", "9983")]
    rows += [(day, "1332", 2 + n % 3, "step", told[n] if n % 2 else None) for n, day in enumerate(acting)]
    return pd.DataFrame(rows, columns=["effective_date", "code", "factor", "event", "announced_date"])


def write(folder: Path, tables: dict[str, pd.DataFrame]) -> MarketData:
    folder.mkdir()
    for name, frame in tables.items():
        leading = [c.name for c in FILES[name].columns if c.name in frame]
        frame[[*leading, *(c for c in frame if c not in leading)]].to_csv(folder / f"{name}.csv", index=False)
    return MarketData.open(folder)


def cut(name: str, frame: pd.DataFrame, now: np.datetime64) -> pd.DataFrame:
    """Blank every cell that is not known at a moment, and leave out every row of which nothing is."""
    if name == "factors":
        days = frame[["effective_date", "announced_date"]].map(lambda d: pd.Timestamp(d).date() if d else None)
        return frame[[moment_of(*pair) <= now for pair in days.itertuples(index=False)]]
    if name == "dividends":
        told = pd.DatetimeIndex(frame["announced_date"].fillna(frame["ex_date"]))
        return frame[known_at(rule_of(name, "yen"), told) <= now]
    cells = [c for c in frame if c not in ("date", "series")]
    seen = {c: known_at(rule_of(name, c), pd.DatetimeIndex(frame["date"])) <= now for c in cells}
    blanked = frame.assign(**{c: frame[c].where(seen[c]) for c in cells})
    return blanked[np.logical_or.reduce(list(seen.values()))]


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return frames()


@pytest.fixture(scope="module")
def whole(tables: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> MarketData:
    """One market for all moments: its views share what the ones before them asked for."""
    return write(tmp_path_factory.mktemp("markets") / "whole", tables)


def severed(tables: dict[str, pd.DataFrame], now: np.datetime64, folder: Path) -> MarketData:
    return write(folder, {name: cut(name, frame, now) for name, frame in tables.items()})


def asked_for(whole: MarketData, then: MarketData, clock: Clock) -> list[Bars]:
    """Bars a strategy may name: those decided, some of them, and bars beyond the moment."""
    decided = then.bars(clock)
    return [decided, decided[len(decided) // 2 :], whole.bars(clock), then.schedule(clock, 5)]


def assert_same_answers(whole: MarketData, then: MarketData, cut_off: MarketData) -> None:
    """Compare every table, event, column and price of two markets, on bars of both clocks."""
    for name in whole.folder.files:
        pd.testing.assert_frame_equal(rows(then, name), rows(cut_off, name))
    assert then.events == cut_off.events
    for clock in CLOCKS:
        for bars in asked_for(whole, then, clock):
            for name, column in columns(whole):
                got, expected = (market.known(name, column, bars) for market in (then, cut_off))
                np.testing.assert_array_equal(got, expected, f"{name} {column} {clock}")
            for name, side in product(("n225", "topix", "usdjpy", "sp500"), ("open", "close")):
                got, expected = (getattr(market.prices(name, bars), side) for market in (then, cut_off))
                np.testing.assert_array_equal(got, expected, f"{side} of {name} {clock}")


def rows(market: MarketData, name: str) -> pd.DataFrame:
    return market.table(name).reset_index(drop=not FILES[name].date_indexed)


def columns(market: MarketData) -> list[tuple[str, str]]:
    files = [name for name in market.folder.files if FILES[name].date_indexed]
    return [(name, column) for name in files for column in market.folder.frame(name)]


# Each example writes and reads a folder: no time is spent on looking for an earlier moment that fails too.
@settings(derandomize=True, max_examples=8, deadline=None, phases=[Phase.generate])
@given(minutes=MINUTES)
def test_a_view_is_a_folder_cut_off(
    whole: MarketData, tables: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory, minutes: int
) -> None:
    """At any moment, whatever was asked of other views before."""
    now = EARLIEST + np.timedelta64(minutes, "m")
    cut_off = severed(tables, now, tmp_path_factory.mktemp("cut") / "market")

    assert_same_answers(whole, whole.until(now), cut_off)


@pytest.mark.parametrize("now", ["2019-02-12T15:00", "2019-04-26T09:00", "2019-05-07T11:30", "2019-06-03T18:00"])
def test_a_view_is_a_folder_cut_off_whoever_asks_first(
    tables: dict[str, pd.DataFrame], tmp_path: Path, now: str
) -> None:
    """At the edges of a session, of a market of which nothing was asked before."""
    fresh, moment = write(tmp_path / "whole", tables), np.datetime64(now)

    assert_same_answers(fresh, fresh.until(moment), severed(tables, moment, tmp_path / "cut"))


@pytest.mark.parametrize("clock", CLOCKS)
def test_the_bars_and_the_schedule_of_a_view_are_those_of_a_folder_cut_off(
    whole: MarketData, tables: dict[str, pd.DataFrame], tmp_path: Path, clock: Clock
) -> None:
    now = np.datetime64("2019-05-09T11:30")
    then, cut_off = whole.until(now), severed(tables, now, tmp_path / "cut").until(now)

    for got, expected in (
        (then.bars(clock), cut_off.bars(clock)),
        (then.schedule(clock, 3), cut_off.schedule(clock, 3)),
    ):
        assert got.decided.tolist() == expected.decided.tolist()
        assert got.half.tolist() == expected.half.tolist()


def test_an_answer_belongs_to_who_asked(whole: MarketData) -> None:
    """Writing to it changes no other answer, of this view or another."""
    bars = whole.bars("halves")
    before = whole.known("n225", "close", bars).tolist()
    for answer in (
        whole.known("n225", "close", bars),
        whole.prices("n225", bars).close,
        whole.prices("n225", bars).open,
    ):
        answer[:] = 0.0

    np.testing.assert_array_equal(whole.known("n225", "close", bars), before)
    assert (whole.prices("n225", bars).close != 0.0).all()


class TestColumn:
    """By hand: Friday 26th and Monday 29th of September 2025, known at 15:30, their rows at 9:00."""

    DAYS = np.array(["2025-09-26", "2025-09-29"], dtype="datetime64[D]")
    BARS = Bars("daily", DAYS, np.zeros(2, np.int8), DAYS + np.timedelta64(540, "m"), DAYS + np.timedelta64(930, "m"))

    def column(self, good_for: int = 14) -> Column:
        days = self.DAYS.copy()
        rule = KnownAt("close", good_for=good_for)
        return Column(days, np.array([11.0, 13.0]), self.BARS.decided, self.BARS.opened, rule)

    def test_a_row_that_has_begun_hides_the_one_before(self) -> None:
        """Its own cell comes later: a bar behind the moment has neither."""
        column = self.column()

        np.testing.assert_array_equal(column.last_known(self.BARS, np.datetime64("2025-09-29T08:59")), [11, 11])
        np.testing.assert_array_equal(column.last_known(self.BARS, np.datetime64("2025-09-29T09:00")), [11, np.nan])
        np.testing.assert_array_equal(column.last_known(self.BARS, np.datetime64("2025-09-29T15:30")), [11, 13])

    def test_before_the_first_row_there_is_no_last_one(self) -> None:
        week_before = self.DAYS - 7
        bars = Bars(
            "daily", week_before, self.BARS.half, week_before + np.timedelta64(540, "m"), self.BARS.decided - 10080
        )

        assert np.isnan(self.column().last_known(bars, None)).all()
        assert np.isnan(self.column().on(week_before, None)).all()

    def test_a_value_that_is_too_old_is_unknown(self) -> None:
        moment = np.datetime64("2025-09-26T15:30")

        np.testing.assert_array_equal(self.column(good_for=3).last_known(self.BARS, moment), [11, 11])
        np.testing.assert_array_equal(self.column(good_for=2).last_known(self.BARS, moment), [11, np.nan])

    def test_other_bars_than_those_remembered_are_found_anew(self) -> None:
        column = self.column()
        column.on(self.DAYS, None)

        assert column.on(self.DAYS[1:], None).tolist() == [13]
        assert np.isnan(column.on(self.DAYS[:1] + 1, None)).all()
        assert column.on(self.DAYS[::-1], None).tolist() == [13, 11]
        assert column.on(np.append(self.DAYS, self.DAYS), None).tolist() == [11, 13, 11, 13]

    def test_what_was_asked_may_change_afterwards(self) -> None:
        column, days = self.column(), self.DAYS.copy()
        column.on(days, None)
        days[:] = days[::-1].copy()

        assert column.on(days, None).tolist() == [13, 11]

    def test_how_many_are_known(self) -> None:
        known_at_close = self.BARS.decided

        assert [count(known_at_close, np.datetime64(t)) for t in ("2025-09-26T15:29", "2025-09-26T15:30")] == [0, 1]
        assert count(known_at_close, None) == 2
