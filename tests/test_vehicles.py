"""One exposure through every vehicle: gains, costs and carry by hand, margin calls, and the table of ruin."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.prepare import prepare
from backtests.run import compute
from backtests.spec import Spec
from backtests.trading.instruments import instrument
from backtests.trading.terms import margin_table
from backtests.vehicles import CLOSED_BELOW, DEALT, HOLDINGS, LEVERAGES, lines, ruin, vehicles
from indexsim import sessions
from indexsim.errors import MissingData, SpecError
from indexsim.market import MarketData

FREE = replace(instrument(DEALT), funding_long=0, funding_short=0, half_spread=0)


def prices(values: Sequence[float]) -> pd.Series:
    """Closes of consecutive calendar days."""
    return pd.Series(values, index=pd.date_range("2023-01-01", periods=len(values)), dtype="float64")


def shares(closes: pd.Series, leverage: int, held: int, **terms: object) -> tuple[float | None, float | None]:
    row = ruin(closes, [leverage], [held], **{"terms": FREE, **terms})[0]  # type: ignore[arg-type]
    return row["closed_out"], row["lost_all"]


# Of 100: 5 times is closed below 4 / 4.5 = 88.9, 20 times below 19 / 19.5 = 97.4, 100 times below 99 / 99.5 = 99.5.
FALL = prices([100.0, 89.0, 88.0, 100.0])


@pytest.mark.parametrize(
    ("leverage", "held", "expected"),
    [
        (5, 1, (0.0, 0.0)),  # 89, 98.9 and 113.6 % of the start
        (5, 2, (0.5, 0.0)),  # 88 from the first start, and 0.4 of the equity left
        (20, 1, (0.333333, 0.333333)),  # 89: 20 x 11 % is more than there was
        (100, 1, (0.666667, 0.666667)),  # 98.9 too: a fall of 1.1 % is the whole account
        (100, 3, (1.0, 1.0)),
        (5, 4, (None, None)),
    ],
)
def test_shares_of_starts_by_hand(leverage: int, held: int, expected: tuple[float | None, float | None]) -> None:
    assert shares(FALL, leverage, held) == expected


def test_what_is_closed_out_stays_closed() -> None:
    # 20 times at 97: closed with 0.4 left. It neither comes back at 100 nor loses the rest at 80.
    assert shares(prices([100.0, 97.0, 100.0]), 20, 2) == (1.0, 0.0)
    assert shares(prices([100.0, 97.0, 80.0]), 20, 2) == (1.0, 0.0)


def test_a_short_is_closed_out_by_a_rise() -> None:
    # 5 times short is closed above 6 / 5.5 = 109.1.
    assert shares(prices([100.0, 109.0]), 5, 1, side=-1) == (0.0, 0.0)
    assert shares(prices([100.0, 109.2]), 5, 1, side=-1) == (1.0, 0.0)
    assert shares(prices([100.0, 120.0]), 5, 1, side=-1) == (1.0, 1.0)


def test_margin_that_is_used_in_part_bears_more() -> None:
    # Half of 20 times: 10 x a fall of 3 % leaves 0.7, and 10 x 0.97 / 40 = 0.24 is asked for.
    assert shares(prices([100.0, 97.0]), 20, 1, used=0.5) == (0.0, 0.0)


def test_funding_alone_ends_a_leveraged_account() -> None:
    # 32.85 % a year are 0.09 % a day, 9 % of the equity at 100 times: 0.55 after 5 days, 0.46 after 6, asked for 0.5.
    dear = replace(FREE, funding_long=328_500)
    flat = prices([100.0] * 8)

    assert shares(flat, 100, 5, terms=dear) == (0.0, 0.0)
    assert shares(flat, 100, 6, terms=dear) == (1.0, 0.0)
    assert shares(flat, 100, 6, terms=dear, side=-1) == (0.0, 0.0)


def test_the_spread_is_lost_at_the_entry() -> None:
    # Half a spread of one point at 100 points is all of a hundredfold account.
    assert shares(prices([100.0, 100.0]), 100, 1, terms=replace(FREE, half_spread=100)) == (1.0, 1.0)


def test_weekends_are_paid_for() -> None:
    # Friday to Monday at 0.2 % a day is 0.6 %: 60 % of a hundredfold account.
    days = pd.Series([100.0, 100.0], index=pd.DatetimeIndex(["2023-01-06", "2023-01-09"]))

    assert shares(days, 100, 1, terms=replace(FREE, funding_long=730_000)) == (1.0, 0.0)
    assert shares(prices([100.0, 100.0]), 100, 1, terms=replace(FREE, funding_long=730_000)) == (0.0, 0.0)


def lowest_ahead(closes: pd.Series, held: int) -> np.ndarray:
    """By another road: the lowest close of the coming sessions over that of the start."""
    ahead = np.lib.stride_tricks.sliding_window_view(closes.to_numpy()[1:], held).min(axis=1)
    ratio: np.ndarray = ahead / closes.to_numpy()[: len(ahead)]
    return ratio


def agrees_with_the_lowest_close(closes: pd.Series) -> None:
    for row in ruin(closes, terms=FREE):
        level = (row["leverage"] - 1) / (row["leverage"] - CLOSED_BELOW)
        low = lowest_ahead(closes, row["sessions"])

        assert row["starts"] == len(low) == len(closes) - row["sessions"]
        assert row["closed_out"] == pytest.approx((low < level).mean(), abs=1e-6)


def test_without_costs_it_is_the_lowest_close_that_counts(small_market: MarketData) -> None:
    agrees_with_the_lowest_close(small_market.table("n225")["close"])


def test_more_leverage_and_more_time_are_never_safer(small_market: MarketData) -> None:
    rows = ruin(small_market.table("n225")["close"])
    table = np.array([row["closed_out"] for row in rows]).reshape(len(LEVERAGES), len(HOLDINGS))

    assert (np.diff(table, axis=0) >= 0).all()
    assert table[-1, -1] > table[0, 0]


def test_the_accounts_are_closed_at_the_margins_of_the_fact_table() -> None:
    for leverage in (5, 10, 20, 100):
        initial, maintenance = margin_table(f"cfd_{leverage}x").rates(np.array(["2023-01-04"], "datetime64[D]"))

        assert initial[0] == 1_000_000 / leverage
        assert maintenance[0] == CLOSED_BELOW * initial[0]


def walk(folder: Path) -> pd.Series:
    """A market of 160 sessions whose every open is the close before, so that the engine fills where the table does."""
    days = sessions.sessions("2022-01-04", "2022-09-30")[:160].rename("date")
    moves = 0.012 * np.random.default_rng(5).standard_normal(len(days))
    close = pd.Series((20_000.0 * np.cumprod(1.0 + moves)).round(2), index=days)
    opened = close.shift(1).fillna(close.iloc[0])
    pd.DataFrame({"open": opened, "close": close}).to_csv(folder / "n225.csv")
    return close


@pytest.mark.parametrize("leverage", [5, 10, 20, 100])
def test_the_engine_closes_the_same_accounts(leverage: int, tmp_path: Path) -> None:
    close, used, held, found, expected = walk(tmp_path), 0.9, 20, [], []
    params = {"instrument": f"nikkei_cfd_{leverage}x", "share": used * leverage}
    # An order takes at most 4,000 units of some 20,000 yen.
    spec = Spec("hold", "strategies.hold:Hold", (tmp_path,), params, cash=40_000_000 // leverage, slippage_bps=0.0)
    for begun in range(1, 137, 27):
        # Decided after this close, filled at the next open; a call at the last close is filled one session later.
        span = {"start": close.index[begun].date(), "end": close.index[begun + held + 1].date()}
        fills = compute(prepare(replace(spec, **span)), tmp_path).fills
        found.append("margin call" in fills["why"].tolist())
        expected.append(
            ruin(close.iloc[begun : begun + held + 1], [leverage], [held], used=used)[0]["closed_out"] == 1.0
        )

    assert found == expected
    assert (True in expected) == (leverage > 5)


DAYS = ("2023-01-04", "2023-01-05", "2023-01-06", "2023-01-10", "2023-01-11")


def five_days(folder: Path, *, last: float = 22_000.0, funds: bool = True) -> Path:
    """Flat at 20,000 until the last close; the fund beside the index pays 300 yen."""
    path = (20_000.0, 20_000.0, 20_000.0, 20_000.0, last)
    rows = [f"{day},20000,{close:g}" for day, close in zip(DAYS, path, strict=True)]
    for name in ("n225", "etf_1321") if funds else ("n225",):
        (folder / f"{name}.csv").write_text("\n".join(["date,open,close", *rows]) + "\n", "utf-8")
    (folder / "distributions.csv").write_text("ex_date,code,yen\n2023-01-10,etf_1321,300\n", "utf-8")
    return folder


def test_gains_costs_and_carry_by_hand(tmp_path: Path) -> None:
    answer = vehicles([five_days(tmp_path)], ["etf_1321", "nikkei_mini", "nikkei_cfd"], slippage_bps=0.0)
    fund, future, cfd = answer["vehicles"]

    # 98 % of 50 million are 2,450 shares: 2,000 yen each and the distribution, for 5 bp of 49 million.
    assert (fund["exposure"], fund["gross"], fund["carry"]) == (49e6, 2_450 * 2_300, 2_450 * 300)
    assert fund["costs"] == {"fees": 24_500.0, "slippage": 0.0, "rolls": 0.0, "funding": 0.0, "borrowing": 0.0}
    # 25 minis of 2 million, 38.5 yen each; without rates and dividends the future is the index.
    assert (future["exposure"], future["gross"], future["carry"]) == (50e6, 25 * 100 * 2_000, 0)
    assert future["costs"]["fees"] == 962.0
    # 2,500 units, 5 points each; 0.831 % for four days and for one, of 50 million: 4,553 and 1,138 yen.
    assert (cfd["exposure"], cfd["gross"], cfd["carry"]) == (50e6, 5e6, 0)
    assert cfd["costs"]["slippage"] == 12_500.0
    assert cfd["costs"]["funding"] == 4_553.0 + 1_138.0
    for row in answer["vehicles"]:
        assert row["gross"] - row["net"] == sum(row["costs"].values())
        assert (row["from"], row["to"], row["rejected"], row["margin_calls"]) == ("2023-01-05", "2023-01-11", [], 0)


def test_what_a_leveraged_fall_does_to_each(tmp_path: Path) -> None:
    names = ["etf_1321", "nikkei_cfd_20x", "nikkei_cfd_5x"]
    # 15 times the equity; a fall of 5 % is three quarters of it, on the last day but one to be closed on the last.
    folder = five_days(tmp_path)
    path = (20_000.0, 20_000.0, 20_000.0, 19_000.0, 19_000.0)
    rows = [f"{d},{o:g},{c:g}" for d, o, c in zip(DAYS, (20_000.0, *path[:-1]), path, strict=True)]
    for name in ("n225", "etf_1321"):
        (folder / f"{name}.csv").write_text("\n".join(["date,open,close", *rows]) + "\n", "utf-8")
    fund, high, low = vehicles([folder], names, share=15.0, cash=4_000_000)["vehicles"]

    for refused in (fund, low):
        assert refused["rejected"] == [{"reason": "margin or notional plus fee exceeds the equity", "n": 1}]
        assert (refused["exposure"], refused["net"], refused["carry"], refused["cost_bp_a_year"]) == (
            0.0,
            0.0,
            None,
            None,
        )
    # Left are 0.25 of 4 million less costs; half of 5 % of 57 million is more.
    assert (high["margin_calls"], high["called_on"], high["carry"]) == (1, ["2023-01-11"], None)
    assert -1.0 < high["net_return"] < -0.75
    assert not high["lost_all"]


def test_costs_a_year_are_those_of_the_time_held(small: Path) -> None:
    row = vehicles([small], ["nikkei_cfd"])["vehicles"][0]

    # Funding of 0.831 % a year on what is held, and half a spread of 5 points once.
    assert row["cost_bp_a_year"] == pytest.approx(83.1, abs=2.0)
    assert row["gross"] - row["net"] == sum(row["costs"].values())


def test_what_a_market_lacks_is_said_and_the_others_run(tmp_path: Path) -> None:
    answer = vehicles([five_days(tmp_path, funds=False)], ["etf_1321", "nikkei_micro"])
    fund, future = answer["vehicles"]

    assert fund["instrument"] == "etf_1321"
    assert "etf_1321 missing" in fund["why"]
    assert future["gross"] > 0
    assert fund["why"] in answer["data"]["missing"]


def test_all_are_held_over_the_sessions_that_all_cover(tmp_path: Path) -> None:
    folder = five_days(tmp_path)
    rows = (folder / "etf_1321.csv").read_text("utf-8").splitlines()
    (folder / "etf_1321.csv").write_text("\n".join([rows[0], *rows[2:]]) + "\n", "utf-8")
    found = vehicles([folder], ["nikkei_mini", "etf_1321"])["vehicles"]

    assert [(row["from"], row["to"]) for row in found] == [("2023-01-06", "2023-01-11")] * 2


def test_nothing_to_trade_is_refused(tmp_path: Path) -> None:
    folder = five_days(tmp_path, funds=False)

    with pytest.raises(MissingData, match="etf_1321 missing"):
        vehicles([folder], ["etf_1321"])
    with pytest.raises(SpecError, match="no instrument"):
        vehicles([folder], [])
    with pytest.raises(SpecError, match="nikkei_mini"):
        vehicles([folder], ["nikkei_mni"])
    (folder / "n225.csv").unlink()
    with pytest.raises(MissingData, match="n225"):
        vehicles([folder], ["nikkei_mini"])


@pytest.mark.parametrize(
    "changes", [{"leverages": [1]}, {"leverages": []}, {"holdings": [0]}, {"side": 2}, {"used": 0.0}, {"used": 1.5}]
)
def test_an_account_that_cannot_be_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(SpecError, match="leverages above 1"):
        ruin(FALL, **changes)  # type: ignore[arg-type]


def test_the_answer_is_plain_and_its_lines_say_what_is_missing(small: Path) -> None:
    answer = vehicles([small], ["etf_1321", "nikkei_mini", "nikkei_cfd_10x"])
    text = "\n".join(lines(answer))

    assert json.loads(json.dumps(answer)) == answer
    assert all(name in text for name in ("etf_1321", "nikkei_mini", "nikkei_cfd_10x", "100x", "250 sessions"))
    assert "currency-hedged fund (DXJ, IJPE)" in text
    assert "daily closes only" in text
    assert "missing: carry of nikkei: no rates; the interest is zero" in text
    # 75 columns and a number of each: nothing runs into its neighbour.
    assert all(len(line) == len(text.splitlines()[0]) for line in text.splitlines()[1:4])


@pytest.mark.real
def test_the_real_nikkei_agrees_with_its_lowest_closes(real: Path) -> None:
    closes = MarketData.open(real / "series").table("n225")["close"].loc["1986-01-01":].dropna()  # type: ignore[misc]

    agrees_with_the_lowest_close(closes)
    # 1987-10-20, 2008-10-16 and 2024-08-05 fell by more than 11.1 %: a day that ends a fivefold account alone.
    fivefold = ruin(closes, [5], [1], terms=FREE)[0]
    assert round(fivefold["closed_out"] * fivefold["starts"]) == 3


@pytest.mark.real
def test_the_real_series_hold_one_exposure_in_three_ways(real: Path) -> None:
    found = vehicles([real / "series"], ["etf_1321", "nikkei_mini", "nikkei_cfd_10x"], cash=50_000_000)["vehicles"]

    assert len({(row["from"], row["to"]) for row in found}) == 1
    for row in found:
        assert row["gross"] - row["net"] == pytest.approx(sum(row["costs"].values()), abs=0.01)
        assert row["margin_calls"] == 0
    assert abs(found[2]["carry"]) < 0.001 * found[2]["exposure"]
