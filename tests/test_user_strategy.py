"""The strategies that README shows, written outside the repository as it stands there: they run, sweep and report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import backtests
from backtests import verbs
from backtests.contract import check
from backtests.sweeps.tables import TABLE
from tests.conftest import ROOT

pytestmark = pytest.mark.usefixtures("no_sheets")

README = (ROOT / "README.md").read_text("utf-8")
#: What the sweep of each varies: a parameter of its own.
SWEEPS = {
    "momentum": '[sweep]\nselect = "sharpe"\n[sweep.over]\ndays = [20, 40, 60, 80, 100, 120]\n',
    "above": '[sweep]\nselect = "sharpe"\n[sweep.over]\nwindow = { from = 10, to = 60, step = 10 }\n',
}
OVER = {"momentum": ("days", [20, 40, 60, 80, 100, 120]), "above": ("window", [10, 20, 30, 40, 50, 60])}


def shown(name: str) -> str:
    """Return the block of README whose first line is a comment with the name of a file."""
    found = re.findall(rf"^```\w+\n(# {re.escape(name)}\b.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"README.md shows {name} in {len(found)} blocks"
    return str(found[0])


@pytest.fixture
def spec(request: pytest.FixtureRequest, tmp_path: Path, small: Path) -> Path:
    """A user's folder: the file of a strategy, and a spec with a sweep; the words are README's.

    The plain strategy's spec is the other's with its name.
    """
    name = request.param
    assert not tmp_path.is_relative_to(ROOT)
    (tmp_path / f"{name}.py").write_text(shown(f"{name}.py"), "utf-8")
    text = shown("momentum.toml").replace("momentum", name).replace("Momentum", name.title())
    assert 'market = "/path/to/market"' in text
    text = text.replace("/path/to/market", small.as_posix())
    (tmp_path / f"{name}.toml").write_text(f"{text}to = 2019-12-30\n{SWEEPS[name]}", "utf-8")
    return tmp_path / f"{name}.toml"


@pytest.mark.parametrize("spec", SWEEPS, indirect=True)
def test_it_runs_and_reports(spec: Path, tmp_path: Path) -> None:
    answer = verbs.run(spec, tmp_path / "out")
    page = Path(answer["report"])

    assert page == tmp_path / "out" / answer["run_id"] / "index.html"
    assert spec.stem in page.read_text("utf-8")
    assert json.loads((page.parent / "report.json").read_text("utf-8"))["name"] == spec.stem
    assert len((page.parent / "fills.csv").read_text("utf-8").splitlines()) > 2


@pytest.mark.parametrize(("spec", "executor"), [("momentum", "local"), ("above", "serial")], indirect=["spec"])
def test_it_sweeps(spec: Path, executor: str, tmp_path: Path) -> None:
    before = {path.name for path in (ROOT / "reports").glob("*")}
    frame = backtests.sweep(spec, tmp_path / "out", executor=executor, jobs=2)
    answer: dict[str, Any] = frame.attrs["answer"]
    axis, values = OVER[spec.stem]

    assert frame[axis].tolist() == values
    assert frame["status"].tolist() == [0] * 6
    assert frame["sharpe"].nunique() > 3
    assert answer["parity"] == {"checked": 6, "equal": True, "differences": []}
    assert answer["best"]["sharpe"] == frame["sharpe"].max()
    assert answer["overfit"]["n_trials"] == 6
    # Of a backtrader.Strategy no row can be repeated, and that is said.
    assert answer["lookahead"].get("unchecked", False) == (spec.stem == "above")
    assert Path(answer["table"]) == tmp_path / "out" / answer["sweep_id"] / TABLE
    assert {path.name for path in (ROOT / "reports").glob("*")} == before


@pytest.mark.parametrize("spec", ["momentum"], indirect=True)
def test_it_holds_to_the_contract(spec: Path, small: Path) -> None:
    """As README says, with one import."""
    check(f"{spec.parent / 'momentum.py'}:Momentum", str(small))
