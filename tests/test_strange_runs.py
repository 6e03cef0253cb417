"""Runs at the ends of what a run can be (`tests.pages.strange`): what their pages say, beside that they open."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from backtests.prepare import prepare
from backtests.report import document
from backtests.report.page import render
from backtests.report.sheets import Sheet
from backtests.result import Result
from backtests.run import compute
from backtests.spec import load_spec
from backtests.verbs import SPECS
from tests.pages import NAMES
from tests.test_report import ALERT


def read(reports: Path, name: str) -> tuple[dict[str, Any], str]:
    """Return the document and the page of a strange run."""
    folder = reports / name
    return json.loads((folder / "report.json").read_text("utf-8")), (folder / "index.html").read_text("utf-8")


def test_a_run_without_trades_is_that_of_idle_cash(reports: Path) -> None:
    values, page = read(reports, "no-trade")

    assert values["net"]["total_return"] == 0.0
    assert values["net"]["sharpe"] is None
    assert values["net"]["sharpe_why"] == "zero volatility"
    assert values["trip_groups"][0]["n"] == 0
    assert any(doubt.startswith("Nothing was ever held") for doubt in map(str, values["doubts"]))
    assert "No round trip was closed." in page


def test_one_session_has_no_deviation_and_one_date(reports: Path) -> None:
    values, _ = read(reports, "one-session")

    assert values["period"]["sessions"] == 1
    assert values["net"]["max_drawdown"] == pytest.approx(-0.1)
    assert [row["depth"] for row in values["drawdowns"]] == [pytest.approx(-0.1)]
    assert values["net"]["ann_vol_why"] == "fewer than 2 sessions"
    assert values["curves"]["session_ticks"] == [values["curves"]["sessions"][0], values["period"]["to"]]
    assert "benchmark_total" not in values["curves"]  # never known: no flat line stands for it


@pytest.mark.parametrize(("name", "lost"), [("wipe-out", -1.0), ("below-zero", -1.025)])
def test_a_lost_account_is_the_first_doubt(reports: Path, name: str, lost: float) -> None:
    values, _ = read(reports, name)

    assert values["net"]["total_return"] == pytest.approx(lost)
    assert values["net"]["max_drawdown"] <= -1.0
    assert "The account was lost" in str(values["doubts"][0])
    assert values["exposure"]["why"] == "the account was empty"


def test_an_account_that_never_moves_has_trades_and_no_ratio(reports: Path) -> None:
    values, _ = read(reports, "flat")

    assert values["net"]["total_return"] == 0.0
    assert values["net"]["n_trades"] > 0
    assert values["net"]["calmar_why"] == "no drawdown"
    assert {sheet["why"] for sheet in values["sheets"][:2]} == {"the account value never moved"}


def test_a_table_of_225_names_scrolls_within_its_box(reports: Path) -> None:
    values, page = read(reports, "many-instruments")

    assert len(values["holdings"]) == len(values["trading"]) == NAMES
    for label in ("Holdings by instrument", "Fills by instrument", "Statistics of closed round trips"):
        assert re.search(rf'class="scroll tall"[^>]*aria-label="{label}"', page)
    assert len(page.encode()) < 5_000_000


def test_a_script_from_outside_is_text_everywhere(reports: Path) -> None:
    _, page = read(reports, "alert")

    assert ALERT not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 20


def test_names_of_the_market_stand_beside_the_codes(small: Path, tmp_path: Path) -> None:
    market = Path(shutil.copytree(small, tmp_path / "market"))
    names = pd.read_csv(market / "constituents.csv", dtype=str)
    names["name"] = [f"日本{code} {ALERT}" for code in names["code"]]
    names.to_csv(market / "constituents.csv", index=False)
    span = {"start": date(2020, 1, 6), "end": date(2020, 4, 30)}
    result = compute(prepare(replace(load_spec(SPECS / "top_weights.toml"), market=(market,), **span)), tmp_path)
    undrawn = Sheet("positions", "Positions", "what was held", None, "it is not asked for")
    values = json.loads(json.dumps(document(result, [undrawn])))
    page = render(values, {})
    held = [row for row in values["holdings"] if row["held"]]

    assert held
    for row in held:
        code = row["instrument"].removeprefix("stock_")
        assert row["title"] == f"日本{code} {ALERT}"
        assert f"日本{code} &lt;script&gt;" in page
    assert ALERT not in page


def test_a_result_stored_without_names_still_gives_a_page(reports: Path) -> None:
    stored = Result.read(reports / "one-trade")

    assert "names" not in stored.facts
    assert "title" not in document(stored)["holdings"][0]
