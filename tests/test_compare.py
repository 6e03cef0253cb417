"""The Nikkei beside TOPIX: hand-made series, the sample, and the real ones."""

from __future__ import annotations

import csv
import itertools
import json
import math
import statistics
from pathlib import Path

import pandas as pd
import pytest

from indexsim import compare, sessions
from indexsim.errors import DataError, MissingData, SpecError
from indexsim.market import MarketData


def row(table: list[compare.Row], what: str) -> compare.Row:
    return next(row for row in table if row["what"] == what)


def series(closes: list[float], first: str = "2014-01-06") -> pd.Series:
    return pd.Series(closes, sessions.sessions(first, "2024-12-30")[: len(closes)], dtype="float64")


def write(folder: Path, name: str, closes: pd.Series) -> None:
    lines = [f"{day:%Y-%m-%d},{close}\n" for day, close in closes.items()]
    (folder / f"{name}.csv").write_text("date,close\n" + "".join(lines))


@pytest.fixture
def market(tmp_path: Path) -> MarketData:
    """Six years of a Nikkei that swings between 20,000 and 20,200, and half as much of TOPIX, at 2,000."""
    days = sessions.sessions("2014-01-06", "2019-12-30")
    n225 = pd.Series([20_000.0 + 200 * (n % 2) for n in range(len(days))], days)
    topix = pd.Series([2_000.0 + 10 * (n % 2) for n in range(len(days))], days)
    write(tmp_path, "n225", n225)
    write(tmp_path, "topix", topix[topix.index != "2014-01-07"])
    return MarketData.open(tmp_path)


def test_the_ratio_of_the_days_that_both_have(market: MarketData) -> None:
    ratio = compare.nt_ratio(market)

    assert ratio.iloc[:2].tolist() == [10.0, 10.0]
    assert [f"{day:%m-%d}" for day in ratio.index[:2]] == ["01-06", "01-08"]
    assert ratio.iloc[2] == 20_200 / 2_010


def swings(up: float, down: float, n: int) -> float:
    """Sample deviation of n returns, alternately one and the other, by hand."""
    often, seldom = (n + 1) // 2, n // 2
    return abs(up - down) * math.sqrt(often * seldom / (n * (n - 1)))


def test_volatility_by_hand() -> None:
    """735 returns of +1 % and -1/101 in turn from 2022 to 2024: 244, 246 and 245 sessions, 245 a year."""
    days = sessions.sessions("2021-01-05", "2024-12-30")
    closes = pd.Series([100.0 + n % 2 for n in range(len(days))], days)

    assert compare.volatility(closes, years=3) == pytest.approx(swings(0.01, -1 / 101, 735) * math.sqrt(245), rel=1e-9)


def test_volatility_that_does_not_reach_back_is_unknown() -> None:
    assert compare.volatility(series([100.0 + n % 2 for n in range(1200)]), years=5) is None
    assert compare.volatility(series([])) is None
    with pytest.raises(SpecError, match="at least one year"):
        compare.volatility(series([1.0, 2.0]), years=0)


def test_the_table_of_two_series(market: MarketData) -> None:
    """1,222 returns from 2015 to 2019, 244.4 a year; what needs constituents is not known."""
    table = compare.table(market)
    why = "the market has no closes, factors and divisors to rebuild it from"

    assert [row["what"] for row in table] == ["weighting", "count", "volatility", "nt_ratio"]
    assert row(table, "weighting")["n225"] is None
    assert row(table, "count")["n225_why"] == row(table, "weighting")["n225_why"] == why
    assert row(table, "count")["topix_why"] == "the market has no closes and shares_ffw to rebuild it from"
    measured = row(table, "volatility")
    assert measured["to"] == "2019-12-30"
    assert measured["n225"] == pytest.approx(swings(0.01, -1 / 101, 1222) * math.sqrt(244.4), rel=1e-9)
    assert measured["topix"] == pytest.approx(swings(0.005, -1 / 201, 1222) * math.sqrt(244.4), rel=1e-9)
    assert row(table, "nt_ratio") == {"what": "nt_ratio", "on": "2019-12-30", "value": round(20_200 / 2_010, 4)}


def test_a_short_history_has_no_volatility(market: MarketData) -> None:
    measured = row(compare.table(market, years=6), "volatility")

    assert measured["n225"] is None
    assert measured["n225_why"] == "the first common close is that of 2014-01-06"


def test_the_table_of_a_sample_market(small_market: MarketData) -> None:
    """Both weightings are proved by rebuilding; 225 names, and every name that is listed: the 225, their reserve."""
    table = compare.table(small_market, years=3)
    listed = small_market.table("shares_ffw")["code"].nunique()
    days = len(small_market.table("topix"))

    assert json.loads(json.dumps(table, allow_nan=False)) == table
    assert row(table, "weighting") == {
        "what": "weighting",
        "n225": "price x factor",
        "n225_exact_days": days,
        "n225_days": days,
        "topix": "free-float market value",
        "topix_exact_days": days,
        "topix_days": days,
    }
    assert row(table, "count") == {"what": "count", "n225": 225, "topix": listed}
    assert all(0.05 < float(str(row(table, "volatility")[name])) < 0.5 for name in ("n225", "topix"))


def test_a_weighting_that_does_not_rebuild_the_index_is_not_named(small: Path, tmp_path: Path) -> None:
    """Published levels of a TOPIX that runs otherwise: the shares that are there do not explain it."""
    published = pd.read_csv(small / "topix.csv")[["date", "close"]]
    published["close"] = published["close"][0] + 0.5 * (published.index % 7)
    published.to_csv(tmp_path / "topix.csv", index=False)

    table = compare.table(MarketData.open(small, tmp_path), years=3)

    assert row(table, "count")["topix"] is None
    assert str(row(table, "weighting")["topix_why"]).startswith("rebuilt by free-float market value it equals")
    assert row(table, "weighting")["n225"] == "price x factor"


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "n225", series([20_000.0, 20_100.0], "2014-01-06"))
    with pytest.raises(MissingData, match="topix missing"):
        compare.nt_ratio(MarketData.open(tmp_path))

    write(tmp_path, "topix", series([1_000.0, 1_001.0], "2014-02-03"))
    with pytest.raises(MissingData, match="no day with a close of both"):
        compare.table(MarketData.open(tmp_path))

    (tmp_path / "topix.csv").write_text("date,close\n2014-01-06,-5\n2014-01-07,1001\n")
    with pytest.raises(DataError, match="2014-01-06"):
        compare.nt_ratio(MarketData.open(tmp_path))


@pytest.mark.real
def test_the_real_ratio_of_published_days(real: Path) -> None:
    """B6: 15.07 on 2025-10-16, 15.7 at the end of October 2025, first above 15 around December 2020, 9-11 in the 2000s.

    The end of February 2021 was the highest end of a month until then.
    """
    ratio = compare.nt_ratio(MarketData.open(real / "series"))

    assert round(ratio["2025-10-16"], 2) == 15.07
    assert round(ratio["2025-10-31"], 1) == 15.7
    assert ratio[:"2020-11-27"].max() < 15 < ratio["2020-12-01":"2021-02-28"].max()  # type: ignore[misc]
    assert f"{ratio[:'2025-09-30'].resample('ME').last().idxmax():%Y-%m}" == "2021-02"  # type: ignore[misc]
    assert 9 < ratio["2002":"2009"].mean() < 11  # type: ignore[misc]


@pytest.mark.real
def test_the_real_table(real: Path) -> None:
    """225 names, proved on all 82 days of the window; volatilities against a plain loop over the files."""
    table = compare.table(MarketData.open(real / "series", real / "window_2025"))
    measured = row(table, "volatility")

    assert row(table, "weighting")["n225_exact_days"] == row(table, "weighting")["n225_days"] == 82
    assert row(table, "count")["n225"] == 225
    assert row(table, "count")["topix"] is None
    assert measured["n225"] == pytest.approx(plain_volatility(real / "series" / "n225.csv"), rel=1e-6)
    assert measured["topix"] == pytest.approx(plain_volatility(real / "series" / "topix.csv"), rel=1e-6)


def plain_volatility(path: Path) -> float:
    """Volatility from 2020-10-30 to 2025-10-31 in plain arithmetic: (242 + 245 + 244 + 246 + 245 + 243) / 6 a year."""
    with path.open(newline="", encoding="utf-8") as file:
        closes = [float(line["close"]) for line in csv.DictReader(file) if "2020-10-30" <= line["date"] <= "2025-10-31"]
    returns = [now / before - 1 for before, now in itertools.pairwise(closes)]
    return statistics.stdev(returns) * math.sqrt((242 + 245 + 244 + 246 + 245 + 243) / 6)
