"""The world ``no-boj``: hand-made series whose market is worth 625 trillion yen, a synthetic market, the real series.

With TOPIX at 1,618.61 all listed shares are worth 625 trillion, so that 62,500 x 100 million yen are 1 %.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.prepare import prepare
from backtests.run import compute
from backtests.spec import load_spec
from indexsim import boj, whatif
from indexsim.boj.effect import market_value
from indexsim.errors import DataError, MissingData, SpecError
from indexsim.market import MarketData
from tests.conftest import ROOT

DAYS = ("2017-08-01", "2017-08-02", "2017-08-03", "2017-08-04")
WORLDS = ("no-boj=elasticity", "no-boj=bp", "no-boj=multiplier")
#: What a purchase of 1 % of 625 trillion lifts the level by, by world.
LIFT = {"no-boj=elasticity": 0.01, "no-boj=bp": 6.25 * 0.0022, "no-boj=multiplier": 0.075}
FLAT = [1618.61] * 4


def series(closes: list[float], wide: float = 0.0) -> pd.DataFrame:
    """Return a series whose opens are its closes, with a high and a low around them."""
    close = np.array(closes)
    frame = {"date": DAYS, "open": close, "high": close * (1 + wide), "low": close * (1 - wide), "close": close}
    return pd.DataFrame(frame)


def purchases(index_etf: list[float | None], supportive: list[float | None] | None = None) -> pd.DataFrame:
    return pd.DataFrame({"date": DAYS, "index_etf": index_etf, "supportive_etf": supportive or [None] * 4, "j_reit": 1})


def market_of(folder: Path, **files: pd.DataFrame) -> MarketData:
    folder.mkdir(exist_ok=True)
    for name, frame in files.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    return MarketData.open(folder)


def hand(folder: Path, bought: list[float | None] | None = None, **files: pd.DataFrame) -> MarketData:
    """Write TOPIX flat at 625 trillion and the Nikkei flat at 20,000; 1 % of the market is bought on the second day."""
    given = {"topix": series(FLAT), "n225": series([20_000.0] * 4)} | files
    return market_of(folder, boj_etf_purchases=purchases(bought or [None, 62_500.0, None, None]), **given)


def closes(market: MarketData, name: str = "n225") -> list[float]:
    return market.table(name)["close"].tolist()


# --- by hand -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("world", WORLDS)
def test_the_lift_is_gone_from_the_close_of_the_purchase_on(tmp_path: Path, world: str) -> None:
    found = whatif.build(hand(tmp_path / "m"), world).table("n225")
    after = round(20_000.0 / (1 + LIFT[world]), 2)

    assert found["close"].tolist() == [20_000.0, after, after, after]
    # The Bank buys in the afternoon: the open of the day is what it was the evening before.
    assert found["open"].tolist() == [20_000.0, 20_000.0, after, after]


def test_every_series_is_scaled_alike(tmp_path: Path) -> None:
    futures = pd.DataFrame({"date": DAYS, "root": "nikkei", "contract": "front", "open": 20_000.0, "close": 20_000.0})
    halves = pd.DataFrame({"date": DAYS, "series": "topix", "morning_close": 1000.0, "afternoon_open": 1010.0})
    total = pd.DataFrame({"date": DAYS, "tr": 40_000.0, "net_tr": 30_000.0, "price_index": 20_000.0})
    etf = series([2020.0] * 4)
    vi = series([20.0] * 4)
    more = {"futures": futures, "halves": halves, "total_return": total, "etf_1306": etf, "nikkei_vi": vi}
    world = whatif.build(hand(tmp_path / "m", **more), "no-boj=elasticity")

    assert closes(world, "etf_1306") == [2020.0, 2000.0, 2000.0, 2000.0]
    assert closes(world, "topix") == [1618.61, *[round(1618.61 / 1.01, 2)] * 3]
    assert world.table("futures")["open"].tolist() == [20_000.0, 20_000.0, 19_801.98, 19_801.98]
    assert world.table("futures")["close"].tolist() == [20_000.0, 19_801.98, 19_801.98, 19_801.98]
    assert world.table("halves")["afternoon_open"].tolist() == [1010.0, 1010.0, 1000.0, 1000.0]
    assert world.table("total_return")["tr"].tolist() == [40_000.0, 39_603.96, 39_603.96, 39_603.96]
    assert closes(world, "nikkei_vi") == [20.0] * 4
    assert "nikkei_vi: as in the real market" in world.folder.missing


def test_high_and_low_hold_open_and_close(tmp_path: Path) -> None:
    found = whatif.build(hand(tmp_path / "m"), "no-boj=multiplier").table("n225")

    assert (found["high"] >= found[["open", "close"]].max(axis=1)).all()
    assert (found["low"] <= found[["open", "close"]].min(axis=1)).all()
    assert found["high"].iloc[1] == 20_000.0
    assert found["low"].iloc[1] == round(20_000.0 / 1.075, 2)


def test_a_purchase_on_the_first_session_is_in_the_published_level(tmp_path: Path) -> None:
    world = whatif.build(hand(tmp_path / "m", [62_500.0, None, None, None]), "no-boj=elasticity")

    assert closes(world) == [20_000.0] * 4


def test_purchases_multiply_and_supportive_ones_count(tmp_path: Path) -> None:
    bought = purchases([None, 62_500.0, None, None], [None, None, 62_500.0, None])
    market = market_of(tmp_path / "m", boj_etf_purchases=bought, topix=series(FLAT), n225=series([20_000.0] * 4))
    world = whatif.build(market, "no-boj=bp")

    assert closes(world)[2:] == [round(20_000.0 / 1.01375**2, 2)] * 2


def test_a_share_is_measured_by_the_close_before(tmp_path: Path) -> None:
    doubled = series([1618.61, 3237.22, 3237.22, 3237.22])
    market = hand(tmp_path / "m", [None, 62_500.0, 62_500.0, None], topix=doubled)
    world = whatif.build(market, "no-boj=elasticity")

    assert market_value(market).loc["2017-08-02":"2017-08-03"].tolist() == pytest.approx([625e12, 1250e12])
    assert closes(world)[2:] == [round(20_000.0 / 1.01 / 1.005, 2)] * 2


def test_a_purchase_between_sessions_of_a_series_counts_from_the_next_row(tmp_path: Path) -> None:
    gone = series([20_000.0] * 4).drop(index=1)
    world = whatif.build(hand(tmp_path / "m", n225=gone), "no-boj=elasticity")

    assert closes(world) == [20_000.0, 19_801.98, 19_801.98]


def test_in_the_world_the_bank_buys_no_funds(tmp_path: Path) -> None:
    market = hand(tmp_path / "m")
    world = whatif.build(market, "no-boj=bp")

    assert world.table("boj_etf_purchases")["index_etf"].isna().all()
    assert world.table("boj_etf_purchases")["j_reit"].tolist() == [1.0] * 4
    assert not boj.days(world)["bought"].any()
    # The real market stays as it is, and the world is another one.
    assert boj.days(market)["bought"].sum() == 1
    assert closes(market) == [20_000.0] * 4
    assert len({market.fingerprint, *(whatif.build(market, each).fingerprint for each in WORLDS)}) == 4


@pytest.mark.parametrize("world", WORLDS)
def test_nothing_later_changes_a_row(tmp_path: Path, world: str) -> None:
    later = {"topix": series([1600.0, 1610.0, 1700.0, 900.0]), "n225": series([20_000.0, 20_100.0, 1.0, 2.0])}
    first = {"topix": series([1600.0, 1610.0, 1500.0, 1500.0]), "n225": series([20_000.0, 20_100.0, 9.0, 9.0])}
    one = whatif.build(hand(tmp_path / "a", [None, 5_000.0, 9_000.0, 9_000.0], **later), world)
    other = whatif.build(hand(tmp_path / "b", [None, 5_000.0, None, None], **first), world)

    assert closes(one)[:2] == closes(other)[:2]
    assert one.until("2017-08-02T20:00").table("n225")["close"].tolist() == closes(one)[:2]


def test_without_topix_the_nikkei_scales_the_market(tmp_path: Path) -> None:
    market = hand(tmp_path / "m", n225=series([19_925.18] * 4))
    (tmp_path / "m" / "topix.csv").unlink()
    world = whatif.build(MarketData.open(*market.folder.paths), "no-boj=elasticity")

    assert closes(world)[1] == round(19_925.18 / 1.01, 2)
    assert any("scaled by n225" in text for text in world.folder.missing)


def test_the_answer_is_the_difference_of_the_series(tmp_path: Path) -> None:
    said = whatif.answer(hand(tmp_path / "m"), "no-boj=elasticity")

    assert said["what_if"] == "no-boj=elasticity"
    assert said["levels"]["end"] == {"real": 20_000.0, "world": 19_801.98}
    assert said["difference"] == -198.02
    assert said["by_stock"] == [{"code": "all", "points": -198.02}]
    assert said["by_event"] == [{"event": "purchases of the Bank of Japan", "points": -198.02}]
    assert said["missing"][0].startswith("COUNTERFACTUAL: every series is that of the world no-boj=elasticity")


# --- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no-boj", r"no-boj is written no-boj=elasticity\|bp\|multiplier"),
        ("no-boj=multiplyer", "did you mean 'multiplier'"),
        ("no-bo", "did you mean 'no-boj"),
    ],
)
def test_an_effect_that_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        whatif.parse(text)


def test_a_world_without_its_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="boj_etf_purchases missing"):
        whatif.build(market_of(tmp_path / "a", n225=series(FLAT)), "no-boj=bp")
    with pytest.raises(MissingData, match="none of n225, index, topix"):
        whatif.build(market_of(tmp_path / "b", boj_etf_purchases=purchases([1.0] * 4)), "no-boj=bp")


def test_errors_of_the_real_files_still_stop(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="boj_etf_purchases"):
        whatif.build(hand(tmp_path / "m", [None, -5.0, None, None]), "no-boj=bp")
    crossed = series([20_000.0] * 4)
    crossed.loc[2, "close"] = -1.0
    market = hand(tmp_path / "n", n225=crossed)
    world = whatif.build(market, "no-boj=bp")

    # The series is not needed to build the world, but what is wrong with it is wrong in the world.
    assert world.folder.findings("n225") == market.folder.findings("n225") != ()


# --- a synthetic market, and the real one ------------------------------------------------------------------------


def test_a_strategy_trades_the_world_without_a_leak(small: Path) -> None:
    spec = load_spec(ROOT / "backtests/specs/boj_dip.toml")
    spec = replace(spec, market=(small,), start=None, end=None, what_if="no-boj=multiplier")
    result = compute(prepare(spec), Path("reports"))

    assert result.facts["lookahead"]["leaks"] == []
    assert result.facts["what_if"] == "no-boj=multiplier"
    assert any("closes, opens: left out" in text for text in result.facts["data"]["missing"])


@pytest.mark.parametrize("world", WORLDS)
def test_a_world_of_a_shorter_market_is_the_beginning_of_the_whole_one(small: Path, tmp_path: Path, world: str) -> None:
    stop = "2020-12-30"
    for name in ("n225", "topix", "etf_1306", "boj_etf_purchases"):
        frame = pd.read_csv(small / f"{name}.csv")
        frame[frame["date"] <= stop].to_csv(tmp_path / f"{name}.csv", index=False)
    whole, part = (whatif.build(MarketData.open(folder), world) for folder in (small, tmp_path))

    for name in ("n225", "topix", "etf_1306"):
        pd.testing.assert_frame_equal(part.table(name), whole.table(name).loc[:stop])
    assert closes(whole)[0] == closes(MarketData.open(small))[0]


@pytest.mark.real
def test_the_estimates_disagree_about_the_real_index(real: Path) -> None:
    market = MarketData.open(real / "series")
    said = {world: whatif.answer(market, world) for world in WORLDS}
    for world, each in said.items():
        at = {row["year"]: row["world"] for row in each["by_year"]}
        print(world, each["levels"]["end"], "end of 2012, 2016, 2020:", at[2012], at[2016], at[2020])
        # No purchase before December 2010, and the same start.
        assert each["levels"]["start"]["real"] == each["levels"]["start"]["world"]
        assert [row["difference"] for row in each["by_year"] if row["year"] < 2010] == [0.0] * 25
    ends = [said[world]["levels"]["end"]["world"] for world in WORLDS]
    real_end = said["no-boj=bp"]["levels"]["end"]["real"]

    # 37.15 trillion in 694 + 1,218 purchases: (1 + 22 bp x each) multiply to nearly exp(37.15 x 22 bp).
    assert ends[1] == pytest.approx(real_end * np.exp(-37.1537 * 0.0022), rel=1e-3)
    # An elasticity of 1 is 22 bp a trillion of a market of 455 trillion; the multiplier is 7.5 times the elasticity.
    assert real_end > ends[0] > ends[1] > ends[2]
    assert np.log(real_end / ends[2]) == pytest.approx(7.5 * np.log(real_end / ends[0]), rel=0.01)


def test_a_run_may_end_before_an_error(tmp_path: Path) -> None:
    market = hand(tmp_path / "m", [None, 1.0, None, -5.0])

    with pytest.raises(DataError):
        whatif.build(market, "no-boj=bp")
    assert closes(whatif.build(market, "no-boj=bp", date(2017, 8, 3)))[0] == 20_000.0
