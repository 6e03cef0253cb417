"""The Nikkei above a level with the Bank's assets behind it: entry, exit, RSI, and when accounts are known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.__main__ import main
from indexsim import sessions
from indexsim.market import MarketData
from strategies.boj_assets import ASSETS, BojAssets, relative_strength, rolling_correlation
from tests.conftest import ROOT
from tests.test_lookahead import leaks_of

pytestmark = pytest.mark.usefixtures("no_sheets")

SPEC = ROOT / "backtests/specs/boj_assets.toml"
NAN = float("nan")
#: Level 100, support 90, target 120, two closes, nothing else asked for.
PLAIN = BojAssets.Params(level=100.0, support=90.0, target=120.0, closes=2, rsi=0, assets="any")


def held(close: list[float], params: BojAssets.Params = PLAIN, **features: list[float]) -> list[float]:
    given = {"close": close, "state": [1.0] * len(close), **features}
    targets = BojAssets.decide({name: np.array(values) for name, values in given.items()}, params)
    assert np.isnan(targets.at_close).all()
    return targets.at_open[:, 0].tolist()


def test_it_is_bought_after_so_many_closes_above_the_level_in_a_row() -> None:
    # 100 is not above 100 and breaks the row.
    assert held([99.0, 101.0, 100.0, 101.0, 102.0, 103.0]) == [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]


def test_it_is_kept_between_support_and_level_and_sold_below_the_support() -> None:
    assert held([101.0, 102.0, 95.0, 90.0, 89.9, 95.0]) == [0.0, 1.0, 1.0, 1.0, 0.0, 0.0]


def test_it_is_sold_at_the_target_and_not_bought_again_before_a_close_at_the_level() -> None:
    close = [101.0, 102.0, 120.0, 110.0, 111.0, 100.0, 101.0, 102.0]

    assert held(close) == [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]


def test_after_the_support_broke_two_closes_above_the_level_buy_again() -> None:
    assert held([101.0, 102.0, 80.0, 101.0, 102.0]) == [0.0, 1.0, 0.0, 0.0, 1.0]


def test_nothing_is_bought_at_or_above_the_target() -> None:
    assert held([99.0, 121.0, 122.0, 123.0]) == [0.0] * 4


def test_the_state_of_the_assets_is_asked_for_at_the_entry_alone() -> None:
    close = [101.0, 102.0, 103.0, 104.0]

    assert held(close, state=[1.0, 0.0, 1.0, 0.0]) == [0.0, 0.0, 1.0, 1.0]


def test_the_rsi_has_to_recover_and_counts_until_it_is_oversold_again() -> None:
    params = replace(PLAIN, rsi=14, closes=1)
    close = [101.0] * 7
    rsi = [NAN, 54.9, 55.0, 40.0, 29.9, 40.0, 55.0]

    # Bought when recovered; held through the oversold session, which is asked for at the entry alone.
    assert held(close, params, rsi=rsi) == [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert held([99.0] * 4 + [101.0] * 3, params, rsi=rsi) == [0.0] * 6 + [1.0]


def test_size_and_instrument_are_parameters() -> None:
    params = replace(PLAIN, share=0.5, instrument="etf_1321")

    assert BojAssets.instruments(params) == ("etf_1321",)
    assert held([101.0, 102.0], params) == [0.0, 0.5]


def test_wilders_rsi_of_the_textbook_prices() -> None:
    """The usual example of 14 sessions, by hand: rises 3.34, falls 1.40 -> 100 x 3.34 / 4.74 = 70.46.

    The next close falls by 0.28: rises 3.34 x 13 / 14, falls 1.40 x 13 / 14 + 0.28 -> 3.1014 / (3.1014 + 1.58) = 66.25.
    """
    close = "44.34 44.09 44.15 43.61 44.33 44.83 45.10 45.42 45.84 46.08 45.89 46.03 45.61 46.28 46.28 46.00"
    rsi = relative_strength(np.array([float(c) for c in close.split()]), 14)

    assert np.isnan(rsi[:14]).all()
    assert rsi[14:].round(2).tolist() == [70.46, 66.25]


def test_rsi_in_plain_loops() -> None:
    close = 100 * np.cumprod(1 + 0.01 * np.random.default_rng(3).standard_normal(80))
    moves = np.diff(close)
    up, down = moves[:9].clip(0).mean(), (-moves[:9]).clip(0).mean()
    expected = [100 - 100 / (1 + up / down)]
    for move in moves[9:]:
        up, down = (up * 8 + max(move, 0)) / 9, (down * 8 + max(-move, 0)) / 9
        expected.append(100 - 100 / (1 + up / down))

    np.testing.assert_allclose(relative_strength(close, 9)[9:], expected, rtol=1e-12)


@pytest.mark.parametrize(("close", "expected"), [([1.0, 2.0, 3.0], 100.0), ([3.0, 2.0, 1.0], 0.0), ([2.0] * 3, 50.0)])
def test_rsi_of_one_direction_and_of_none(close: list[float], expected: float) -> None:
    assert relative_strength(np.array(close), 2)[2] == expected
    assert np.isnan(relative_strength(np.array(close), 5)).all()


def test_rolling_correlation_is_that_of_numpy() -> None:
    x, y = np.random.default_rng(2).standard_normal((2, 30))
    found = rolling_correlation(x, y, 12)

    assert found[20] == pytest.approx(np.corrcoef(x[9:21], y[9:21])[0, 1], rel=1e-12)
    assert np.isnan(found[:11]).all()
    assert np.isnan(rolling_correlation(np.ones(5), y[:5], 3)).all()


def market(folder: Path, assets: list[float], level: list[float]) -> MarketData:
    """Accounts at month ends of 2022-12, 2023-01, ...; the Nikkei stands at a level throughout each month."""
    ends = pd.date_range("2022-12-31", periods=len(assets), freq="ME", name="date")
    pd.DataFrame({"total_assets_100m_yen": assets}, index=ends).to_csv(folder / "boj_assets.csv")
    days = sessions.sessions("2022-12-01", f"{ends[-1] + pd.Timedelta(days=20):%Y-%m-%d}")
    month = (days.year - 2022) * 12 + days.month - 12
    closes = np.append(level, level[-1])[np.minimum(month, len(level))]
    pd.DataFrame({"close": closes}, index=days.rename("date")).to_csv(folder / "n225.csv")
    return MarketData.open(folder)


def state(market: MarketData, **changes: object) -> pd.Series:
    params = replace(PLAIN, **changes)  # type: ignore[arg-type]
    days = pd.DatetimeIndex(market.bars("daily").session)
    return pd.Series(BojAssets.features(market, params)["state"], index=days)


def test_accounts_count_from_ten_days_after_their_date(tmp_path: Path) -> None:
    """The accounts of 2023-01-31, the first that grew, are out on 2023-02-10 at 10:00: that day's close knows them."""
    growing = state(market(tmp_path, [100.0, 110.0, 105.0], [1.0, 1.0, 1.0]), assets="growing")

    assert growing["2023-01-31":"2023-02-09"].eq(0.0).all()  # type: ignore[misc]
    assert growing["2023-02-10":"2023-03-09"].eq(1.0).all()  # type: ignore[misc]
    assert growing["2023-03-10":].eq(0.0).all()  # type: ignore[misc]


def test_accounts_older_than_45_days_say_nothing(tmp_path: Path) -> None:
    folder = market(tmp_path, [100.0, 110.0], [1.0, 1.0]).folder.paths[0]
    days = sessions.sessions("2022-12-01", "2023-04-28")
    pd.DataFrame({"close": 1.0}, index=days.rename("date")).to_csv(folder / "n225.csv")
    growing = state(MarketData.open(folder), assets="growing")

    # 45 days after 2023-01-31 is 2023-03-17.
    assert growing["2023-02-10":"2023-03-17"].eq(1.0).all()  # type: ignore[misc]
    assert growing["2023-03-18":].eq(0.0).all()  # type: ignore[misc]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        # Assets: -, up, down, down, up. Nikkei: -, up, up, down, up.
        ("growing", [0.0, 1.0, 0.0, 0.0, 1.0]),
        ("shrinking", [0.0, 0.0, 1.0, 1.0, 0.0]),
        ("divergent", [0.0, 0.0, 1.0, 0.0, 0.0]),
    ],
)
def test_growth_and_divergence_over_one_account(tmp_path: Path, asked: str, expected: list[float]) -> None:
    found = state(market(tmp_path, [100, 110, 105, 100, 120], [50, 60, 70, 65, 75]), assets=asked)
    published = ["2023-01-10", "2023-02-10", "2023-03-10", "2023-04-10", "2023-05-10"]

    assert found[published].tolist() == expected


def test_growth_over_several_accounts(tmp_path: Path) -> None:
    # Over two accounts: 105 against 100, then 100 against 110, then 120 against 105.
    found = state(market(tmp_path, [100, 110, 105, 100, 120], [50.0] * 5), assets="growing", change=2)

    assert found[["2023-02-10", "2023-03-10", "2023-04-10", "2023-05-10"]].tolist() == [0.0, 1.0, 0.0, 1.0]


def test_levels_may_go_together_while_changes_go_against_each_other(tmp_path: Path) -> None:
    """H21: both rise throughout, the one fast when the other is slow."""
    assets, level = [100.0], [50.0]
    for step in range(6):
        assets.append(assets[-1] * (1.02, 1.08)[step % 2])
        level.append(level[-1] * (1.08, 1.02)[step % 2])
    known = market(tmp_path, assets, level)

    assert state(known, assets="levels", window=5, correlation_min=0.9)["2023-07-10"] == 1.0
    assert state(known, assets="changes", window=5, correlation_min=0.0)["2023-07-10"] == 0.0
    assert state(known, assets="changes", window=5, correlation_min=-0.9)["2023-07-10"] == 0.0


@pytest.mark.parametrize(("lag", "expected"), [(0, 0.0), (1, 1.0), (-1, 0.0)])
def test_a_lag_finds_assets_that_precede(tmp_path: Path, lag: int, expected: float) -> None:
    growth = [0.01, 0.05, 0.02, 0.09, 0.03, 0.01, 0.08, 0.02]
    assets = 100 * np.cumprod([1.0, *(1 + g for g in growth)])
    level = 50 * np.cumprod([1.0, 1.04, *(1 + g for g in growth[:-1])])  # one account later
    known = market(tmp_path, assets.tolist(), level.tolist())

    assert state(known, assets="changes", window=6, lag=lag, correlation_min=0.99)["2023-09-10":].iloc[0] == expected


def test_the_accounts_are_needed_where_a_state_is_asked_for() -> None:
    assert BojAssets.needs(PLAIN) == ("n225",)
    assert all(BojAssets.needs(replace(PLAIN, assets=a)) == ("n225", "boj_assets") for a in ASSETS if a != "any")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"support": 101.0}, "support 101, level 100"),
        ({"target": 100.0}, "target 100"),
        ({"target": NAN}, "target nan"),
        ({"closes": 0}, "closes 0"),
        ({"rsi": -1}, "rsi -1"),
        ({"rsi_low": 60.0}, "rsi_low 60"),
        ({"assets": "grow"}, "assets 'grow'"),
        ({"change": 0}, "change 0"),
        ({"window": 2}, "window 2"),
        ({"correlation_min": 1.0}, "correlation_min 1"),
        ({"share": NAN}, "share nan"),
    ],
)
def test_impossible_parameters_are_refused(changes: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        replace(PLAIN, **changes)  # type: ignore[arg-type]


@pytest.fixture
def with_accounts(small: Path, tmp_path: Path) -> MarketData:
    """The small market, layered with accounts made up for the test."""
    ends = pd.date_range("2018-06-30", "2022-11-30", freq="ME", name="date")
    walk = np.cumprod(1 + 0.02 * np.random.default_rng(11).standard_normal(len(ends)))
    pd.DataFrame({"total_assets_100m_yen": 5_000_000 * walk}, index=ends).to_csv(tmp_path / "boj_assets.csv")
    return MarketData.open(small, tmp_path)


@pytest.mark.parametrize("asked", ["growing", "divergent", "changes"])
def test_it_does_not_look_ahead(asked: str, with_accounts: MarketData) -> None:
    params = BojAssets.Params(assets=asked, window=6, rsi=5)

    assert np.ptp(BojAssets.targets(with_accounts, params).at_open) > 0
    assert leaks_of(BojAssets, params, with_accounts, "all") == []


def test_on_the_sample_it_exits_2_and_names_the_file(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["run", str(SPEC), "--market", str(small), "--json", "-"])
    error = json.loads(capsys.readouterr().out)["error"]

    assert status == 2
    assert "boj_assets missing" in error["found"]


def test_without_a_state_it_runs_on_the_sample(small: Path, tmp_path: Path) -> None:
    arguments = ["--market", str(small), "--set", "assets=any", "--out", str(tmp_path), "--quiet"]

    assert main(["run", str(SPEC), *arguments]) == 0


@pytest.mark.real
def test_it_runs_on_the_real_series(real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["run", str(SPEC), "--market", str(real / "series"), "--out", str(tmp_path), "--json", "-"])
    answer = json.loads(capsys.readouterr().out)

    assert status == 0
    assert answer["lookahead"]["leaks"] == []
    assert answer["net"]["n_trades"] > 0


@pytest.mark.real
def test_the_trade_of_2024_by_its_closes(real: Path) -> None:
    """38,157.94, 38,487.24, 38,470.38 from 2024-02-15 on are three closes above 38,000; 42,224.02 on 07-11 ends it."""
    market = MarketData.open(real / "series")
    days = pd.DatetimeIndex(market.bars("daily").session)
    exposure = pd.Series(BojAssets.targets(market, BojAssets.Params(rsi=0)).at_open[:, 0], index=days)["2024":]  # type: ignore[misc]
    changes = exposure[exposure.diff() != 0]

    assert changes.index[1:3].strftime("%Y-%m-%d").tolist() == ["2024-02-19", "2024-07-11"]
    assert changes.iloc[1:3].tolist() == [1.0, 0.0]
