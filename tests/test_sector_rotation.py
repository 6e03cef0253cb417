"""Exporters by the dollar's band, banks by the yield: when each is held, who belongs, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backtests.prepare import prepare
from backtests.run import compute
from backtests.spec import load_spec
from indexsim.errors import MissingData
from indexsim.market import MarketData
from strategies.sector_rotation import SectorRotation
from tests import test_top_weights as top
from tests.conftest import ROOT
from tests.test_lookahead import leaks_of

pytestmark = pytest.mark.usefixtures("no_sheets")

SPEC = ROOT / "backtests/specs/sector_rotation.toml"
NAMES = (
    "code,name,industry,sector\n9001,A,Automobiles,Technology\n9002,B,Banking,Financials\n"
    "9003,C,Electric Machinery,Technology\n9004,D,Banking,Financials\n"
)
#: By date; each is known at the close of the next session.
DOLLAR = {"2023-01-03": 150.0, "2023-01-04": 156.0, "2023-01-05": 160.0, "2023-01-06": 155.0, "2023-01-10": 161.0}
YIELD = {"2023-01-04": 1.0, "2023-01-11": 1.21, "2023-01-12": 1.2}
PARAMS = SectorRotation.Params(stable=2)
DAYS = pd.date_range("2023-01-03", "2023-01-23", freq="B").difference(pd.DatetimeIndex(["2023-01-09"]))


def market(
    folder: Path, *events: str, dollar: Mapping[str, float] = DOLLAR, y10: Mapping[str, float] = YIELD
) -> MarketData:
    """The thirteen sessions, four names and basket of `tests.test_top_weights`; values hold until the next one."""
    top.market(folder, *events)
    (folder / "constituents.csv").write_text(NAMES, "utf-8")
    for name, column, values in (("usdjpy", "close", dollar), ("jgb_yields", "y10", y10)):
        given = pd.Series(values)
        given.index = pd.DatetimeIndex(given.index)
        given.reindex(DAYS).ffill().bfill().rename_axis("date").to_frame(column).to_csv(folder / f"{name}.csv")
    return MarketData.open(folder)


def traded(made: MarketData, params: SectorRotation.Params = PARAMS) -> dict[int, dict[str, float]]:
    return top.orders(SectorRotation.targets(made, params))


def test_exporters_while_the_dollar_is_steady_and_banks_while_the_yield_is_high(tmp_path: Path) -> None:
    # The dollar: known on row 1 156, row 2 160, row 3 155, row 4 161. Two in the band in a row: rows 2 and 3.
    # The yield: 1.21 of 01-11 is known on row 5 (01-12), 1.2 on row 6, which is not above 1.2.
    assert traded(market(tmp_path)) == {
        2: {"stock_9001": 0.225, "stock_9003": 0.225},
        4: {"stock_9001": 0.0, "stock_9003": 0.0},
        5: {"stock_9002": 0.45},
        6: {"stock_9002": 0.0},
    }


@pytest.mark.parametrize(("stable", "rows"), [(1, [1, 4]), (3, [3, 4]), (4, [])])
def test_the_band_has_to_hold_for_so_many_sessions(tmp_path: Path, stable: int, rows: list[int]) -> None:
    assert list(traded(market(tmp_path), replace(PARAMS, stable=stable, bank_share=0.0))) == rows


def test_a_band_that_holds_from_the_first_day_counts_only_known_sessions(tmp_path: Path) -> None:
    steady = market(tmp_path, dollar={"2023-01-03": 157.0})

    # Rows 0, 1 and 2 are the first three that know a dollar.
    assert list(traded(steady, replace(PARAMS, stable=3, bank_share=0.0))) == [2]


def test_only_the_heaviest_of_a_group_are_held(tmp_path: Path) -> None:
    # 9003 weighs 400, 9001 300.
    assert traded(market(tmp_path), replace(PARAMS, count=1))[2] == {"stock_9003": 0.45}


def test_a_sector_will_do_for_an_industry_and_case_does_not_matter(tmp_path: Path) -> None:
    params = replace(PARAMS, exporter_industries="FINANC", bank_share=0.0)

    # 9004 is a bank too, but not in the index.
    assert traded(market(tmp_path), params)[2] == {"stock_9002": 0.45}


def test_a_name_that_leaves_the_index_is_sold_while_the_others_stay(tmp_path: Path) -> None:
    made = market(tmp_path, "2023-01-16,9003,,remove,2023-01-06", dollar={"2023-01-03": 157.0})

    # Last session 01-13, row 6: sold at its open, decided on row 5.
    assert traded(made, replace(PARAMS, bank_share=0.0)) == {
        1: {"stock_9001": 0.225, "stock_9003": 0.225},
        5: {"stock_9003": 0.0},
    }


def test_given_codes_need_neither_basket_nor_industries(tmp_path: Path) -> None:
    made = market(tmp_path)
    params = replace(PARAMS, exporters="9004,9001", banks="9004", exporter_share=0.2, bank_share=0.5)
    for name in ("constituents", "factors"):
        (tmp_path / f"{name}.csv").unlink()

    assert SectorRotation.needs(params) == ("usdjpy", "jgb_yields", "closes", "opens")
    assert SectorRotation.instruments(params) == ("stock_9004", "stock_9001")
    assert traded(MarketData.open(*made.folder.paths), params) == {
        2: {"stock_9004": 0.1, "stock_9001": 0.1},
        4: {"stock_9004": 0.0, "stock_9001": 0.0},
        5: {"stock_9004": 0.5},
        6: {"stock_9004": 0.0},
    }


def test_a_name_in_both_groups_is_held_for_both(tmp_path: Path) -> None:
    made = market(tmp_path, dollar={"2023-01-03": 157.0})
    params = replace(PARAMS, exporters="9001", banks="9001", exporter_share=0.25, bank_share=0.5)

    assert traded(made, params) == {
        1: {"stock_9001": 0.25},
        5: {"stock_9001": 0.75},
        6: {"stock_9001": 0.25},
    }


def test_a_group_without_a_share_asks_for_nothing() -> None:
    assert SectorRotation.needs(replace(PARAMS, bank_share=0.0)) == (
        "usdjpy",
        "factors",
        "constituents",
        "closes",
        "opens",
    )
    assert "usdjpy" not in SectorRotation.needs(replace(PARAMS, exporter_share=0.0))


def test_industries_that_no_name_has_are_refused_with_those_there_are(tmp_path: Path) -> None:
    made = market(tmp_path)

    with pytest.raises(MissingData, match="Automobiles, Banking, Electric Machinery, Financials, Technology"):
        SectorRotation.tradable(made, replace(PARAMS, bank_industries="Shipping"))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"count": 0}, "count 0"),
        ({"stable": 0}, "stable 0"),
        ({"low": 160.0}, "band 160 to 160"),
        ({"high": float("nan")}, "band 155 to nan"),
        ({"yield_above": float("inf")}, "yield_above inf"),
        ({"bank_share": -0.1}, "shares 0.45 and -0.1"),
        ({"bank_share": 0.0, "exporter_share": 0.0}, "shares 0 and 0"),
        ({"exporters": "7203,7203"}, "each once"),
    ],
)
def test_impossible_parameters_are_refused(changes: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        SectorRotation.Params(**changes)  # type: ignore[arg-type]


def test_the_sample_has_no_yields(small: Path) -> None:
    with pytest.raises(MissingData, match="jgb_yields missing"):
        prepare(replace(load_spec(SPEC), market=(small,)))


@pytest.fixture(scope="module")
def with_yields(small: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The small market and a layer with a yield that swings about 1.2 %."""
    folder = tmp_path_factory.mktemp("yields")
    days = pd.bdate_range("2018-12-03", "2022-12-30", name="date")
    swing = 1.2 + 0.3 * np.sin(np.arange(len(days)) / 40.0)
    pd.DataFrame({"y10": swing.round(3)}, index=days).to_csv(folder / "jgb_yields.csv")
    return small, folder


def middle_band(made: MarketData) -> dict[str, float]:
    """A band around the median of the sample's own dollar."""
    middle = float(made.table("usdjpy")["close"].median())
    return {"low": round(middle - 4.0, 2), "high": round(middle + 4.0, 2)}


def test_it_runs_where_there_are_yields_and_does_not_look_ahead(with_yields: tuple[Path, Path], tmp_path: Path) -> None:
    spec = load_spec(SPEC)
    spec = replace(spec, market=with_yields, params={**spec.params, **middle_band(MarketData.open(*with_yields))})
    result = compute(prepare(spec), tmp_path)
    industries = pd.read_csv(with_yields[0] / "constituents.csv", dtype=str).set_index("code")["industry"]
    held = {industries[name.removeprefix("stock_")] for name in result.fills["instrument"]}

    assert result.facts["lookahead"]["leaks"] == []
    assert result.facts["lookahead"]["rows_checked"] >= 64
    assert "Banking" in held
    assert held <= {"Automobiles", "Electric machinery", "Precision instruments", "Banking"}
    assert len(held) > 1


@pytest.mark.full
def test_no_row_looks_ahead(with_yields: tuple[Path, Path]) -> None:
    made = MarketData.open(*with_yields)

    assert leaks_of(SectorRotation, SectorRotation.Params(**middle_band(made)), made, "all") == []  # type: ignore[arg-type]


@pytest.mark.real
def test_a_window_without_first_prices_is_refused_by_name(real: Path) -> None:
    with pytest.raises(MissingData, match="opens"):
        prepare(replace(load_spec(SPEC), market=(real / "series", real / "window_2025")))


@pytest.mark.real
def test_in_the_summer_of_2025_it_holds_banks_and_no_exporters(real: Path, tmp_path: Path) -> None:
    """The 10-year yield stood above 1.2 % throughout, the dollar never at 155 yen: the ten banks of the Nikkei."""
    window = real / "window_2025"
    pd.read_csv(window / "closes.csv", index_col="date").to_csv(tmp_path / "opens.csv")
    series = ("usdjpy", "jgb_yields")
    for name in series:
        (tmp_path / f"{name}.csv").write_bytes((real / f"series/{name}.csv").read_bytes())
    made = MarketData.open(window, tmp_path)
    inside = made.table("jgb_yields")["y10"].loc["2025-07-01":"2025-10-30"]  # type: ignore[misc]
    found = traded(made, SectorRotation.Params())
    banks = pd.read_csv(window / "constituents.csv", dtype=str).query("industry == '銀行'")["code"]

    assert inside.min() > 1.2
    assert found == {0: {f"stock_{code}": 0.045 for code in banks}}
