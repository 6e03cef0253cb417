"""Ticks, margins and price limits, against the exchanges' own tables and against real prices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.trading.execution import PER_WHOLE
from backtests.trading.instruments import instrument, instruments
from backtests.trading.terms import FIRST, SECOND, WIDEST, limit_table, margin_table
from indexsim import sessions
from indexsim.facts import FACTS
from indexsim.tick_sizes import tick_table


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


BEFORE, AFTER = "2021-11-26", "2021-11-29"


@pytest.mark.parametrize(
    ("day", "price", "tick"),
    # Prices and ticks in 0.01 yen; the bound of a band belongs to it.
    [
        (BEFORE, 205_000, 100),  # 1306 near 2,050 yen moved by whole yen
        (AFTER, 205_000, 50),  # and by half yen since (rulebook G2)
        (BEFORE, 300_000, 100),
        (BEFORE, 300_500, 500),
        (BEFORE, 2_900_000, 1_000),
        (AFTER, 100_000, 10),
        (AFTER, 100_050, 50),
        (AFTER, 300_000, 50),
        (AFTER, 300_100, 100),
        (AFTER, 1_000_000, 100),
        (AFTER, 1_000_500, 500),
        (AFTER, 3_000_000, 500),
        (AFTER, 3_001_000, 1_000),
        (AFTER, 10_000_000, 1_000),
        (AFTER, 10_005_000, 5_000),
        (AFTER, 40_000_000, 10_000),
    ],
)
def test_the_tick_of_a_fund_depends_on_the_day_and_the_price(day: str, price: int, tick: int) -> None:
    found = tick_table("etf").ticks(days(day), np.array([price]))

    assert found.tolist() == [tick]


def test_ticks_are_looked_up_row_by_row() -> None:
    found = tick_table("etf").ticks(days(BEFORE, AFTER, BEFORE), np.array([205_000, 205_000, 310_000]))

    assert found.tolist() == [100, 50, 500]


@pytest.mark.parametrize(
    ("table", "day", "yen", "tick"),
    # The exchange's tables (G2): a price in yen and its tick on the days around each revision.
    [
        ("stock", "2009-12-30", 2_500, 5),
        ("stock", "2010-01-04", 2_500, 1),
        ("stock", "2008-07-18", 200_000, 1_000),
        ("stock", "2008-07-22", 200_000, 100),
        ("stock", "2025-06-02", 800, 1),
        ("stock", "2025-06-02", 4_000, 5),
        ("stock_fine", "2014-01-10", 4_000, 5),
        ("stock_fine", "2014-01-14", 4_000, 1),
        ("stock_fine", "2014-07-18", 800, 1),
        ("stock_fine", "2014-07-22", 800, 0.1),
        ("stock_fine", "2014-07-22", 4_000, 0.5),
        ("stock_fine", "2015-09-18", 40_000, 5),
        ("stock_fine", "2015-09-24", 40_000, 10),
        ("stock_fine", "2015-09-24", 4_000, 1),
        ("stock_mid400", "2023-06-02", 2_500, 1),
        ("stock_mid400", "2023-06-05", 2_500, 0.5),
    ],
)
def test_the_tick_of_a_stock_depends_on_its_size_too(table: str, day: str, yen: float, tick: float) -> None:
    found = tick_table(table).ticks(days(day), np.array([round(yen * 100)]))

    assert found.tolist() == [round(tick * 100)]


def test_the_fine_table_is_never_coarser() -> None:
    prices = np.array(
        [round(p * 100) for p in (50, 900, 2_500, 4_500, 9_000, 29_000, 45_000, 90_000, 250_000, 900_000)]
    )
    for year in range(1990, 2027):
        same = np.repeat(days(f"{year}-06-15"), len(prices))
        fine, middle, general = (tick_table(t).ticks(same, prices) for t in ("stock_fine", "stock_mid400", "stock"))

        assert (fine <= middle).all()
        assert (middle <= general).all()


def test_margins_follow_the_levels_that_were_published() -> None:
    """1,050,000 yen over 1,000 x 21,244.68 on 2018-02-13 are 4.94 %, 870,000 over 22,714.44 in July 2020 3.83 %."""
    asked = days("2000-01-04", "2018-02-09", "2018-02-13", "2020-07-06", "2021-06-01")
    initial, maintenance = margin_table("futures").rates(asked)

    assert initial.tolist() == [100_000, 44_000, 50_000, 39_000, 39_000]
    assert maintenance.tolist() == initial.tolist()


@pytest.mark.parametrize(
    ("table", "leverage"), [("cfd_5x", 5), ("cfd_9x", 9), ("cfd_10x", 10), ("cfd_20x", 20), ("cfd_100x", 100)]
)
def test_a_cfd_binds_one_over_its_leverage_and_is_closed_below_half_of_it(table: str, leverage: int) -> None:
    initial, maintenance = margin_table(table).rates(days("2020-01-06"))

    assert initial.tolist() == [-(-PER_WHOLE // leverage)]
    assert maintenance.tolist() == [initial[0] // 2]


def test_the_limit_of_futures_is_truncated_to_the_tick() -> None:
    """Golden: 28,780 x 8 % = 2,302.4, so 2,300. By the same rule 12 % are 3,453.6 and 16 % 4,604.8."""
    table, day, reference = limit_table("nikkei_future"), days("2025-06-02"), np.array([2_878_000])
    found = {level: [int(p[0]) for p in table.limits(day, reference, level)] for level in (FIRST, SECOND, WIDEST)}

    assert found[FIRST] == [2_648_000, 3_108_000]
    assert found[SECOND] == [2_878_000 - 345_000, 2_878_000 + 345_000]
    assert found[WIDEST] == [2_878_000 - 460_000, 2_878_000 + 460_000]
    assert [int(p[0]) for p in table.limits(day, reference)] == found[WIDEST]


def test_the_limit_of_topix_futures_has_its_own_tick() -> None:
    """2,731.5 x 8 % = 218.52, truncated to 218.5."""
    lower, upper = limit_table("topix_future").limits(days("2025-06-02"), np.array([273_150]), FIRST)

    assert (lower.tolist(), upper.tolist()) == ([251_300], [295_000])


@pytest.mark.parametrize(
    ("day", "reference", "width"),
    # D4: fixed yen for a quarter; before 2008-12-16 by the level.
    [
        ("2014-03-03", 14_800, 1_170),
        ("2014-05-30", 14_600, 1_170),
        ("2014-06-02", 14_900, 1_140),
        ("2007-06-01", 18_000, 4_000),
    ],
)
def test_limits_of_futures_were_yen_once(day: str, reference: int, width: int) -> None:
    lower, upper = limit_table("nikkei_future").limits(days(day), np.array([reference * 100]), FIRST)

    assert (lower.tolist(), upper.tolist()) == ([(reference - width) * 100], [(reference + width) * 100])


@pytest.mark.parametrize(
    ("day", "reference", "width"),
    # The exchange's table (G5); a bound belongs to the band above it.
    [
        ("2025-06-02", 99, 30),
        ("2025-06-02", 100, 50),
        ("2025-06-02", 499, 80),
        ("2025-06-02", 1_000, 300),
        ("2025-06-02", 2_995, 500),
        ("2025-06-02", 3_000, 700),
        ("2025-06-02", 9_990, 1_500),
        ("2025-06-02", 15_000, 4_000),
        ("2025-06-02", 57_000, 10_000),
        ("2025-06-02", 120_000, 30_000),
        ("2009-12-30", 600, 100),
        ("2009-12-30", 1_200, 200),
        ("2010-01-04", 1_200, 300),
    ],
)
def test_limits_of_stocks_are_yen_by_reference(day: str, reference: int, width: int) -> None:
    lower, upper = limit_table("tse").limits(days(day), np.array([reference * 100]))

    assert lower.tolist() == [(reference - width) * 100]
    assert upper.tolist() == [(reference + width) * 100]


def test_limits_of_stocks_are_rounded_outward_to_the_tick() -> None:
    """2,876 + 500 = 3,376 lies between ticks of 5 yen: 5631 closed at 3,380 on 2017-11-07."""
    lower, upper = limit_table("tse").limits(days("2017-11-07"), np.array([287_600]))

    assert (lower.tolist(), upper.tolist()) == ([237_600], [338_000])


def test_there_is_no_limit_without_a_reference_or_a_table() -> None:
    one, nothing = days("2025-06-02"), np.array([0])

    assert [p.tolist() for p in limit_table("tse").limits(one, nothing)] == [[0], [0]]
    assert [p.tolist() for p in limit_table("").limits(one, np.array([5_000_000]))] == [[0], [0]]


def test_a_price_of_a_few_yen_has_no_lower_limit() -> None:
    """20 - 30 yen is below every price."""
    lower, upper = limit_table("tse").limits(days("2025-06-02"), np.array([2_000]))

    assert (lower.tolist(), upper.tolist()) == ([0], [5_000])


def test_every_instrument_has_the_tables_it_names() -> None:
    for i in [*instruments().values(), instrument("stock_7203")]:
        assert tick_table(i.ticks).steps
        assert margin_table(i.margins).steps
        assert bool(limit_table(i.limits).steps) == bool(i.limits)


@pytest.mark.parametrize("name", ["ticks", "price_limits"])
def test_the_bands_of_a_table_ascend_and_end_open(name: str) -> None:
    frame = pd.read_csv(FACTS / f"{name}.csv", keep_default_na=False)
    top = "price_up_to" if name == "ticks" else "reference_below"
    for (table, day), rows in frame.groupby(["table", "from_date"], sort=False):
        bounds = [float(text) if text else np.inf for text in rows[top]]

        assert bounds == sorted(set(bounds)), f"{table} {day}"
        assert bounds[-1] == np.inf, f"{table} {day}"


def _off_tick(frame: pd.Series, table: str) -> pd.Series:
    units = np.rint(frame.to_numpy() * 100).astype(np.int64)
    tick = tick_table(table).ticks(frame.index.get_level_values(0).to_numpy().astype("datetime64[D]"), units)
    return frame[(units % tick != 0) | (np.abs(frame.to_numpy() * 100 - units) > 1e-6)]


@pytest.mark.real
def test_every_real_price_lies_on_the_finest_table_of_its_day(real: Path) -> None:
    """Opens and closes of 2015-2018, with the revision of 2015-09-24 inside, and the closes of both windows."""
    raw = pd.read_csv(real / "constituents" / "ohlcv_2015_2018_raw.csv.gz", dtype={"code": str}, parse_dates=["date"])
    found = [raw.set_index(["date", "code"])[column].dropna() for column in ("open", "close")]
    for window in ("window_2017_2018", "window_2025"):
        wide = pd.read_csv(real / window / "closes.csv", index_col=0, parse_dates=True)
        found.append(wide.stack().dropna())
    odd = pd.concat([_off_tick(prices, "stock_fine") for prices in found])
    print(f"{sum(map(len, found))} prices, {len(odd)} off the grid\n{odd.head(20)}")

    assert len(odd) == 0


@pytest.mark.real
def test_real_prices_show_the_day_of_the_third_phase(real: Path) -> None:
    """Prices of 3,000 to 5,000 yen on half a yen are seen to 2015-09-18, the last session before, and never after."""
    raw = pd.read_csv(real / "constituents" / "ohlcv_2015_2018_raw.csv.gz", dtype={"code": str}, parse_dates=["date"])
    halves = raw[(raw["close"] > 3_000) & (raw["close"] <= 5_000) & (raw["close"] % 1 == 0.5)]

    assert halves["date"].max() == pd.Timestamp("2015-09-18")


@pytest.mark.real
def test_real_closes_stay_within_the_limits(real: Path) -> None:
    """Consolidations aside (a price that nearly doubles or more), no close of 2015-2018 leaves the limits.

    A pair counts where nothing lies between: the data has no rows on some days.
    """
    raw = pd.read_csv(real / "constituents" / "ohlcv_2015_2018_raw.csv.gz", dtype={"code": str}, parse_dates=["date"])
    raw = raw.sort_values(["code", "date"]).assign(before=lambda d: d["close"].shift())
    day_before = sessions.shift(pd.DatetimeIndex(raw["date"]), -1)
    paired = (raw["code"] == raw["code"].shift()) & (raw["date"].shift() == day_before)
    split = (raw["close"] / raw["adj_close_split"]).round(6).diff().abs() > 1e-6
    pairs = raw[paired & ~split & (raw["close"] / raw["before"] < 1.9)]
    close, before = (np.rint(pairs[c].to_numpy() * 100).astype(np.int64) for c in ("close", "before"))
    lower, upper = limit_table("tse").limits(pairs["date"].to_numpy().astype("datetime64[D]"), before)
    beyond = pairs[(close < lower) | (close > upper)]
    at = int(((close == lower) | (close == upper)).sum())
    print(f"{len(pairs)} closes, {at} at a limit, {len(beyond)} beyond\n{beyond[['date', 'code', 'before', 'close']]}")

    assert len(beyond) == 0
    assert at > 20
