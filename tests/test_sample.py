"""The synthetic market: planted effects are found again, books agree, bytes repeat."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from indexsim import floatcap, sample, sessions
from indexsim.errors import SpecError, ToolError
from indexsim.events import parse_events
from indexsim.index import PriceWeightedIndex
from indexsim.market import MarketData
from indexsim.sample import Effects, Sample, folder, prices, write_sample

SMALL = Sample(start=date(2022, 7, 1), end=date(2024, 6, 28), outsiders=30)
EARLY = Sample(start=date(2008, 1, 4), end=date(2009, 12, 30), outsiders=30)

# The two tables of S001, percent.
TOP_TEN = (10.43, 9.07, 7.01, 6.84, 2.20, 2.16, 2.02, 1.76, 1.64, 1.62)
SECTOR_TABLE = {
    "Technology": (52.66, 62),
    "Consumer": (21.95, 40),
    "Materials": (12.62, 48),
    "Capital goods": (8.33, 35),
    "Financials": (2.90, 20),
    "Transport and utilities": (1.55, 20),
}


@dataclass(frozen=True)
class Written:
    """A written sample, read without the tool."""

    path: Path

    def text(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.path / f"{name}.csv", dtype=str, keep_default_na=False)

    def series(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.path / f"{name}.csv", parse_dates=["date"], index_col="date")

    def wide(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.path / f"{name}.parquet").set_index("date")

    def log_return(self, name: str) -> pd.Series:
        return np.log(self.series(name)["close"]).diff()

    def afternoon(self, name: str) -> pd.Series:
        halves = self.text("halves")
        opened = halves[halves["series"] == name].set_index("date")["afternoon_open"].astype(float)
        opened.index = pd.DatetimeIndex(opened.index)
        return np.log(self.series(name)["close"] / opened)

    def events(self, word: str) -> pd.DataFrame:
        factors = self.text("factors")
        return factors[factors["event"].str.fullmatch(word)]

    def ex_dates(self) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(self.events("split .*")["effective_date"].unique())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sample], Written]:
    """Write a sample once per module, whoever asks."""
    done: dict[Sample, Written] = {}

    def get(which: Sample) -> Written:
        if which not in done:
            path = tmp_path_factory.mktemp("market") / "sample"
            write_sample(path, which)
            done[which] = Written(path)
        return done[which]

    return get


def with_effects(of: Sample = SMALL, **changes: object) -> Sample:
    return replace(of, effects=replace(of.effects, **changes))


def factors_at_end(small: Written) -> pd.Series:
    held: dict[str, float] = {}
    for row in small.text("factors").itertuples():
        if row.event == "remove":
            del held[row.code]
        else:
            held[row.code] = float(row.factor)
    return pd.Series(held)


# --- profile -----------------------------------------------------------------------------------


def test_weights_at_the_end_are_those_of_the_seed(written):
    small = written(SMALL)
    factors = factors_at_end(small)
    value = small.wide("closes").iloc[-1][factors.index] * factors
    weight = 100 * value / value.sum()
    sector = small.text("constituents").set_index("code")["sector"][weight.index]

    assert weight.nlargest(10).to_numpy() == pytest.approx(TOP_TEN, abs=0.3)
    for name, (percent, count) in SECTOR_TABLE.items():
        assert weight[sector == name].sum() == pytest.approx(percent, abs=0.3)
        assert (sector == name).sum() == count


@pytest.mark.parametrize(
    "which", [SMALL, EARLY, with_effects(EARLY, boj_afternoon_bp=0.0)], ids=["late", "early", "none"]
)
def test_raw_prices_are_plausible_and_in_ticks(written, which):
    closes = written(which).wide("closes")
    fine = closes.index >= "2023-06-05"
    coarse = closes[~fine].to_numpy()

    assert closes.min().min() >= 100
    assert closes.max().max() <= 60_000
    assert (coarse % 1 == 0).all()
    assert (coarse[(coarse > 3_000) & (coarse <= 5_000)] % 5 == 0).all()
    assert (coarse[(coarse > 30_000) & (coarse <= 50_000)] % 50 == 0).all()
    late = closes[fine].to_numpy()
    assert (late == np.round(late, 1)).all()
    assert (late[(late > 1_000) & (late <= 3_000)] * 2 % 1 == 0).all()


def test_codes_are_text_of_four_characters(written):
    market = MarketData.open(written(SMALL).path)
    codes = list(market.table("closes").columns)

    assert len(codes) == len(set(codes)) == 225 + 30
    assert all(isinstance(code, str) and len(code) == 4 for code in codes)
    assert any(not code.isdigit() for code in codes)
    assert set(market.table("constituents")["code"]) <= set(codes)
    assert set(market.table("dividends")["code"]) <= set(codes)


# --- the books agree -----------------------------------------------------------------------------


def test_gate_finds_nothing(written):
    market = MarketData.open(written(SMALL).path)
    found = [str(f) for name in market.folder.files for f in market.folder.findings(name)]

    assert found == []
    assert market.folder.about_files == []
    assert market.synthetic["seed"] == 225


@pytest.mark.parametrize("which", [SMALL, EARLY], ids=["late", "early"])
def test_index_rebuilt_from_the_files_equals_n225_on_every_day(written, which):
    files = written(which)
    divisors = files.text("divisors")
    basket, events = parse_events(files.text("factors"))
    index = PriceWeightedIndex.build(files.wide("closes"), basket, events, Decimal(divisors["divisor"][0]))

    assert index.levels().tolist() == files.series("n225")["close"].tolist()
    assert index.levels(files.wide("opens")).tolist() == files.series("n225")["open"].tolist()
    assert [str(e.after) for e in index.ledger.entries] == divisors["divisor"].tolist()


def test_index_equals_plain_sums_over_the_divisor(written):
    """The same levels by hand: factors by date, one dot product a day, no code of the tool."""
    small = written(SMALL)
    closes, rows = small.wide("closes"), small.text("factors")
    divisor = small.text("divisors").set_index("effective_date")["divisor"].astype(float)
    divisor.index = pd.DatetimeIndex(divisor.index)
    rows["factor"] = rows["factor"].replace("", "0").astype(float)
    table = rows.pivot(index="effective_date", columns="code", values="factor")
    table.index = pd.DatetimeIndex(table.index)
    factors = table.reindex(closes.index).ffill().fillna(0.0)
    level = (closes[factors.columns] * factors).sum(axis=1) / divisor.reindex(closes.index).ffill()

    assert (level - small.series("n225")["close"]).abs().max() <= 0.005 + 1e-9
    assert (factors > 0).sum(axis=1).eq(225).all()


def test_topix_is_free_float_value_over_its_start(written):
    small = written(SMALL)
    closes = small.wide("closes")
    long = pd.read_parquet(small.path / "shares_ffw.parquet")
    shares = long.pivot(index="date", columns="code", values="shares").reindex(closes.index).ffill()[closes.columns]
    ffw = long.groupby("code")["ffw"].first()[closes.columns]
    value = (closes * shares * ffw).sum(axis=1)

    assert (1_000 * value / value.iloc[0] - small.series("topix")["close"]).abs().max() <= 0.005 + 1e-9


@pytest.mark.parametrize("name", ["n225", "topix", "nikkei_vi", "usdjpy", "etf_1321", "etf_1306"])
def test_highs_and_lows_enclose_every_print(written, name):
    files = written(EARLY)
    bars = files.series(name)
    halves = files.text("halves")
    lunch = halves[halves["series"] == name].set_index("date")[["morning_close", "afternoon_open"]].astype(float)
    lunch.index = pd.DatetimeIndex(lunch.index)
    prints = bars[["open", "close"]].join(lunch)

    assert (bars["high"] >= prints.max(axis=1)).all()
    assert (bars["low"] <= prints.min(axis=1)).all()
    assert (bars["high"] > prints.max(axis=1)).any()


def test_half_days_have_no_row_around_lunch(written):
    files = written(EARLY)
    days = sessions.sessions(EARLY.start, EARLY.end)
    half = sessions.is_half_day(days)
    halves = files.text("halves")

    assert [f"{d:%Y-%m-%d}" for d in days[half]] == ["2008-01-04", "2008-12-30", "2009-01-05"]
    for _, rows in halves.groupby("series"):
        assert rows["date"].tolist() == [f"{d:%Y-%m-%d}" for d in days[~half]]
    assert sorted(halves["series"].unique()) == ["etf_1306", "etf_1321", "n225", "topix"]


# --- events --------------------------------------------------------------------------------------


def test_every_event_is_announced_before_it_acts(written):
    factors = written(SMALL).text("factors")
    later = factors[factors["event"] != "initial"]
    told = pd.to_datetime(later["announced_date"])
    days = (pd.to_datetime(later["effective_date"]) - told).dt.days
    split, review = later["event"].str.startswith("split"), later["event"].isin(["add", "remove", "step phase-in"])

    assert days[split].between(6 * 7, 11 * 7).all()
    assert days[review].between(25, 35).all()
    assert split.sum() >= 4
    assert later.loc[later["event"] == "step cap", ["announced_date", "effective_date"]].to_numpy().tolist() == [
        ["2024-01-31", "2024-04-01"]
    ]


def test_reviews_replace_within_a_sector_and_phase_one_entry_in(written):
    small = written(SMALL)
    sector = small.text("constituents").set_index("code")["sector"]
    added, removed = small.events("add"), small.events("remove")

    assert sorted(added["effective_date"].unique()) == ["2022-10-03", "2023-04-03", "2023-10-02", "2024-04-01"]
    assert sorted(sector[added["code"]]) == sorted(sector[removed["code"]])
    step = small.events("step phase-in").iloc[0]
    entry = added[added["code"] == step["code"]].iloc[0]
    assert (entry["effective_date"], step["effective_date"]) == ("2023-10-02", "2024-04-01")
    assert float(entry["factor"]) == pytest.approx(float(step["factor"]) / 2, abs=0.05)


def test_split_divides_the_price_and_multiplies_factor_and_shares(written):
    small = written(SMALL)
    closes, basis = small.wide("closes"), {}
    shares = pd.read_parquet(small.path / "shares_ffw.parquet").set_index(["date", "code"])["shares"]
    for row in small.text("factors").itertuples():
        if row.event.startswith("split"):
            new, old = map(int, row.event.split()[1].split(":"))
            at = closes.index.get_loc(pd.Timestamp(row.effective_date))
            before = shares[:, row.code][: closes.index[at - 1]].iloc[-1]

            assert closes[row.code].iloc[at] * new / old / closes[row.code].iloc[at - 1] == pytest.approx(1, abs=0.12)
            assert float(row.factor) == pytest.approx(basis[row.code] * new / old)
            assert shares[closes.index[at], row.code] == before * new / old
        basis[row.code] = float(row.factor or 0)


def test_par_is_told_until_factors_rule(written):
    early, late = written(EARLY).text("factors"), written(SMALL).text("factors")
    told = early[early["factor"] != ""]

    assert (late["presumed_par_yen"] == "").all()
    for row in told.itertuples():
        assert Fraction(row.factor) * Fraction(row.presumed_par_yen) == 50


# --- planted effects -----------------------------------------------------------------------------


def test_split_effect_moves_the_nikkei_and_not_topix(written):
    plain, pressed = written(SMALL), written(with_effects(split_bp=40.0))
    on = plain.ex_dates()
    moved = {name: 1e4 * (pressed.log_return(name) - plain.log_return(name)) for name in ("n225", "topix")}
    relative = moved["n225"] - moved["topix"]

    assert relative[on].mean() == pytest.approx(-40, abs=1)
    assert moved["topix"][on].mean() == pytest.approx(0, abs=1)
    assert relative[~relative.index.isin(on)].abs().mean() < 1


def test_without_a_split_effect_ex_dates_are_days_like_others(written):
    plain = written(replace(SMALL, effects=Effects.none()))
    relative = 1e4 * (plain.log_return("n225") - plain.log_return("topix"))
    on = relative[plain.ex_dates()]

    assert abs(on.mean() - relative.mean()) < 3 * relative.std() / np.sqrt(len(on))


@pytest.mark.parametrize("name", ["n225", "topix", "etf_1306"])
def test_bank_lifts_the_afternoon_of_the_days_it_buys(written, name):
    without, lifted = written(with_effects(boj_afternoon_bp=0.0)), written(SMALL)
    bank = lifted.series("boj_etf_purchases")["index_etf"].dropna().index
    moved = 1e4 * (lifted.afternoon(name) - without.afternoon(name)).dropna()

    assert without.series("boj_etf_purchases")["index_etf"].dropna().index.equals(bank)
    assert moved[bank].mean() == pytest.approx(15, abs=1)
    assert moved[~moved.index.isin(bank)].mean() == pytest.approx(0, abs=0.3)


def test_bank_buys_after_weak_mornings(written):
    small = written(SMALL)
    halves = small.text("halves")
    morning = halves[halves["series"] == "topix"].set_index("date")["morning_close"].astype(float)
    morning.index = pd.DatetimeIndex(morning.index)
    weak = morning / small.series("topix")["close"].shift() - 1
    bank = small.series("boj_etf_purchases")
    past = weak.shift().rolling(250, min_periods=20)
    low, middle = past.quantile(0.1)[bank.index], past.quantile(0.5)[bank.index]
    bought, weak = bank["index_etf"].notna(), weak[bank.index]

    assert bank.index[-1] == pd.Timestamp("2024-03-19")
    assert bought[weak < low].mean() == pytest.approx(0.95, abs=0.12)
    assert bought[(weak > low) & (weak < middle)].mean() == pytest.approx(0.15, abs=0.10)
    assert bought[weak > middle].mean() < 0.01


def test_bank_buys_nothing_before_its_programme(written):
    assert not (written(EARLY).path / "boj_etf_purchases.csv").exists()


def test_review_effect_lifts_additions_until_they_enter(written):
    plain, lifted = written(SMALL), written(with_effects(review_bp=300.0))
    gained, given_back = [], []
    for row in plain.events("add").itertuples():
        day = pd.Timestamp(row.effective_date)
        path = np.log(lifted.wide("closes")[row.code] / plain.wide("closes")[row.code])
        eve = path.index[path.index.get_loc(day) - 1]
        gained.append(path[eve] - path[pd.Timestamp(row.announced_date)])
        given_back.append(path.iloc[-1] - path[eve])

    assert 1e4 * np.mean(gained) == pytest.approx(1e4 * np.log(1.03), abs=10)
    assert 1e4 * np.mean(given_back) == pytest.approx(0, abs=10)


def test_drift_follows_the_band_of_the_vi_before(written):
    # The Bank decides on what the market did, drift included: without its effect only the drift differs.
    no_bank = with_effects(boj_afternoon_bp=0.0)
    banded, equal = written(no_bank), written(with_effects(no_bank, vi_drift=None))
    vi = banded.series("nikkei_vi")["close"].shift()
    moved = (banded.log_return("topix") - equal.log_return("topix"))[vi.notna()] * 245
    vi = vi.dropna()

    assert equal.series("nikkei_vi").equals(banded.series("nikkei_vi"))
    for inside, drift in (((vi < 20), 0.08), ((vi >= 20) & (vi <= 30), 0.03), ((vi > 30), -0.10)):
        assert inside.sum() >= 10
        assert moved[inside].mean() == pytest.approx(drift - 0.04, abs=0.003)


def test_yen_moves_stocks_the_same_day_and_the_next(written):
    no_bank = with_effects(boj_afternoon_bp=0.0)
    with_yen, without = written(no_bank), written(with_effects(no_bank, yen_beta=0.0))
    moved = with_yen.log_return("topix") - without.log_return("topix")
    yen = with_yen.log_return("usdjpy")
    table = pd.DataFrame({"moved": moved, "same": yen, "before": yen.shift()}).dropna()
    coefficients = np.linalg.lstsq(table[["same", "before"]].to_numpy(), table["moved"].to_numpy(), rcond=None)[0]

    assert coefficients.sum() == pytest.approx(0.3, abs=0.005)
    assert (coefficients > 0.1).all()


# --- dividends, funds ------------------------------------------------------------------------------


def test_total_return_adds_the_dividends_of_the_basket(written):
    small = written(SMALL)
    closes, rows = small.wide("closes"), small.text("factors")
    paid = pd.read_parquet(small.path / "dividends.parquet")
    divisor = small.text("divisors").astype({"divisor": float})
    total = small.series("total_return")
    for day, group in paid.groupby("ex_date"):
        held = rows[rows["effective_date"] <= f"{day:%Y-%m-%d}"].groupby("code")["factor"].last()
        held = held[held != ""].astype(float)
        yen = group.set_index("code")["yen"].reindex(held.index).fillna(0.0)
        points = (yen * held).sum() / divisor[divisor["effective_date"] <= f"{day:%Y-%m-%d}"]["divisor"].iloc[-1]
        at = closes.index.get_loc(day)
        price = total["price_index"].iloc[at] + points
        net = total["price_index"].iloc[at] + 0.79685 * points

        assert points > 100
        assert total["tr"].iloc[at] / total["tr"].iloc[at - 1] == pytest.approx(
            price / total["price_index"].iloc[at - 1], abs=1e-6
        )
        assert total["net_tr"].iloc[at] / total["net_tr"].iloc[at - 1] == pytest.approx(
            net / total["price_index"].iloc[at - 1], abs=1e-6
        )
    assert sorted(d.strftime("%m-%d") for d in paid["ex_date"].unique()) == ["03-28", "03-30", "09-28", "09-29"]


def test_price_falls_by_the_dividend(written):
    """Names that pay much against names that pay little: their gap at the open is the difference in yield."""
    small = written(SMALL)
    closes, opens = small.wide("closes"), small.wide("opens")
    paid = pd.read_parquet(small.path / "dividends.parquet").pivot(index="ex_date", columns="code", values="yen")
    gaps, yields = [], []
    for day in paid.index:
        before = closes.shift().loc[day]
        gap, rate = opens.loc[day] / before - 1, paid.loc[day].reindex(before.index) / before
        usual = rate.notna() & (gap.abs() < 0.1)
        gaps.append(gap[usual] - gap[usual].mean())
        yields.append(rate[usual] - rate[usual].mean())
    slope = np.polyfit(pd.concat(yields), pd.concat(gaps), 1)[0]

    assert slope == pytest.approx(-1, abs=0.3)


def test_walk_back_by_hand():
    """From 99 and 50: up 10 % with a dividend of 1 % on the last day, a 2:1 split of the second name before it."""
    growth = np.array([[1.0, 1.0], [1.0, 1.0], [1.1, 1.0]])
    path = prices._Path(
        end=np.array([99.0 * 1.1, 50.0]),
        grown=np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 2.0]]),
        floated=np.ones((3, 2)),
        payout={2: np.array([0.01, 0.0])},
        pressed={},
        member=np.ones((3, 2), dtype=bool),
    )
    close, dividends, _ = prices._walk_back(growth, path)

    assert close.tolist() == [[100.0, 100.0], [100.0, 50.0], [99.0 * 1.1, 50.0]]
    assert dividends[2].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(("series", "index"), [("etf_1321", "n225"), ("etf_1306", "topix")])
def test_fund_carries_dividends_until_it_pays_them_out(written, series, index):
    small = written(SMALL)
    carried = small.series(series)["close"] - small.series(index)["close"]
    rows = small.text("distributions").query("code == @series")
    tick = 10.0 if series == "etf_1321" else 0.5

    assert len(rows) == 2
    for row in rows.itertuples():
        at = carried.index.get_loc(pd.Timestamp(row.ex_date))
        assert carried.iloc[at - 1] - carried.iloc[at] == pytest.approx(float(row.yen), abs=2.5 * tick)
        assert carried.iloc[at] < 2.5 * tick
    assert carried.iloc[at - 1] > 5 * tick


def test_shares_traded_tell_entrants_from_leavers(written):
    small = written(SMALL)
    value = (small.wide("closes") * small.wide("volumes")).iloc[:60].median()

    assert value[small.events("add")["code"]].median() > 2 * value[small.events("remove")["code"]].median()


# --- the folder ------------------------------------------------------------------------------------


def test_same_sample_same_bytes_another_seed_others(written, tmp_path):
    first, again = written(SMALL).path, tmp_path / "again"
    write_sample(again, SMALL)
    other = written(replace(SMALL, seed=7)).path

    assert sorted(p.name for p in again.iterdir()) == sorted(p.name for p in first.iterdir())
    assert all((again / p.name).read_bytes() == p.read_bytes() for p in first.iterdir())
    assert all((other / p.name).read_bytes() != p.read_bytes() for p in first.iterdir() if p.stem != "universe")


def test_marker_says_what_was_planted(written):
    said = json.loads((written(SMALL).path / "synthetic.json").read_text("utf-8"))

    assert said == {
        "synthetic": True,
        "version": sample.recipe(),
        "seed": 225,
        "start": "2022-07-01",
        "end": "2024-06-28",
        "outsiders": 30,
        "effects": {
            "boj_afternoon_bp": 15.0,
            "split_bp": 0.0,
            "review_bp": 0.0,
            "vi_drift": [0.08, 0.03, -0.1],
            "yen_beta": 0.3,
        },
    }


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError])
def test_interrupted_write_leaves_nothing(tmp_path, monkeypatch, stop):
    def until_topix(part: Path, name: str, frame: pd.DataFrame) -> None:
        if name == "topix":
            raise stop
        frame.to_csv(part / f"{name}.csv")

    monkeypatch.setattr(folder, "_write", until_topix)
    with pytest.raises(stop):
        write_sample(tmp_path / "sample", SMALL)

    assert list(tmp_path.iterdir()) == []


def test_same_sample_is_left_alone_and_another_takes_its_place(tmp_path):
    tiny = Sample(start=date(2020, 1, 6), end=date(2020, 3, 10), outsiders=20)
    path = tmp_path / "new" / "sample"
    assert write_sample(path, tiny)["written"]
    before = (path / "n225.csv").stat().st_mtime_ns
    assert not write_sample(path, tiny)["written"]
    assert (path / "n225.csv").stat().st_mtime_ns == before

    assert write_sample(path, replace(tiny, seed=1))["written"]
    assert json.loads((path / "synthetic.json").read_text("utf-8"))["seed"] == 1
    assert [p.name for p in path.parent.iterdir()] == ["sample"]


@pytest.mark.parametrize("strange", ["notes.txt", "signals.csv", "synthetic.json"])
def test_folder_with_something_else_is_refused_untouched(tmp_path, strange):
    path = tmp_path / "mine"
    path.mkdir()
    (path / strange).write_text("mine", encoding="utf-8")
    with pytest.raises(ToolError, match="not a sample"):
        write_sample(path, SMALL)

    assert [p.name for p in path.iterdir()] == [strange]
    assert (path / strange).read_text("utf-8") == "mine"


@pytest.mark.parametrize("file", ["futures.csv", "suspensions.csv", "oil.csv", "notes.txt"])
def test_sample_with_a_file_of_the_user_is_not_replaced(tmp_path, file):
    tiny = Sample(start=date(2020, 1, 6), end=date(2020, 3, 10), outsiders=20)
    write_sample(tmp_path / "sample", tiny)
    (tmp_path / "sample" / file).write_text("mine", encoding="utf-8")
    with pytest.raises(ToolError, match="not a sample"):
        write_sample(tmp_path / "sample", replace(tiny, seed=1))

    assert (tmp_path / "sample" / file).read_text("utf-8") == "mine"


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        ({"seed": -1}, "seed = -1"),
        ({"end": date(2005, 2, 1)}, "end = 2005-02-01"),
        ({"outsiders": 3}, "outsiders = 3"),
        ({"effects": Effects(split_bp=900.0)}, "900"),
        ({"effects": Effects(vi_drift=(0.1, 0.2))}, "vi_drift"),
        ({"effects": Effects(yen_beta=9.0)}, "yen_beta = 9.0"),
    ],
)
def test_impossible_sample_is_refused(wrong, found):
    with pytest.raises(SpecError, match=found):
        Sample(**wrong)


def test_split_effect_too_large_for_the_outsiders_is_refused(tmp_path):
    with pytest.raises(SpecError, match="split_bp"):
        write_sample(tmp_path / "sample", with_effects(split_bp=500.0))

    assert list(tmp_path.iterdir()) == []


# --- free-float levels -------------------------------------------------------------------------------


def test_float_levels_by_hand():
    """(10 x 0.5 x 100 + 20 x 50) = 1,500; on day two A splits 2:1 at 60, B is unknown: 20 x 0.5 x 60 = 600."""
    closes = pd.DataFrame({"A": [100.0, 60.0], "B": [50.0, np.nan]})
    shares = pd.DataFrame({"A": [10.0, 20.0], "B": [20.0, 20.0]})

    levels = floatcap.levels(closes, shares, pd.Series({"A": 0.5, "B": 1.0}), base=1_200.0)

    assert levels.tolist() == [125.0, 50.0]


def test_a_folder_of_another_recipe_is_written_again(tmp_path, monkeypatch):
    write_sample(tmp_path / "m", SMALL)
    assert not write_sample(tmp_path / "m", SMALL)["written"]

    monkeypatch.setattr("indexsim.sample.effects.recipe", lambda: "another")
    assert write_sample(tmp_path / "m", SMALL)["written"]
