"""The gallery: every kind of page by name, what is broken with its reason, numbers equal to its twin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from backtests.report import write_gallery
from tests.page_reader import ALERT, whole

DATA = {"fingerprint": "f00", "from": "2019-01-07", "to": "2020-03-31", "synthetic": None, "missing": []}
RUN = {
    "schema": 1,
    "name": "pair",
    "strategy": "strategies.pair:Pair",
    "net": {"total_return": 0.12345, "sharpe": 0.5, "max_drawdown": -0.25, "n_trades": 1_234},
    "gross": {"total_return": 0.2},
    "data": {**DATA, "synthetic": {"seed": 1}},
    "lookahead": {"leaks": [{"row": "2019-02-01", "what": "x"}]},
    "period": {"from": "2019-01-07", "to": "2020-03-31"},
    "rejected_total": 3,
}
SWEEP = {
    "kind": "sweep",
    "name": "gate",
    "strategy": "strategies.gate:Gate",
    "data": DATA,
    "trials": {"planned": 40, "done": 37, "failed": 2, "quarantined": 1},
    "select": "sharpe",
    "best": {"trial": 7, "sharpe": 1.25},
    "overfit": {"verdict": "not shown", "dsr": 0.456, "pbo": 0.125},
    "valid": True,
}
CLAIMS = {"claims": [], "counts": {"claims": 4, "supported": 1, "not supported": 3}, "data": DATA}
INDEX = {
    "title": "Index of sample",
    "data": DATA,
    "days": 250,
    "exact_days": 249,
    "max_abs_error": 0.01,
    "divisors": [{}, {}],
}
COMPARED = {"name": "y", "synthetic": True, "valid": False}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "a run": ("report.json", RUN),
    "b": ("report.json", SWEEP),
    "claims": ("claims.json", CLAIMS),
    "compare-1": ("compare.json", {"schema": 1, "title": "Two", "runs": ["x", COMPARED]}),
    "index": ("index.json", INDEX),
}


def put(reports: Path, folder: str, twin: str, values: Any, page: bool = True) -> Path:
    (reports / folder).mkdir(parents=True)
    (reports / folder / twin).write_text(values if isinstance(values, str) else json.dumps(values), "utf-8")
    if page:
        (reports / folder / "index.html").write_text("<p>page</p>", "utf-8")
    return reports / folder


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    for folder, (twin, values) in KINDS.items():
        put(tmp_path, folder, twin, values)
    write_gallery(tmp_path)
    return tmp_path


def twin_of(reports: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((reports / "gallery.json").read_text("utf-8"))
    return values


def test_every_kind_is_listed_with_its_figures(reports: Path) -> None:
    pages = {row["folder"]: row for row in twin_of(reports)["pages"]}

    assert {name: row["kind"] for name, row in pages.items()} == {
        "a run": "run",
        "b": "sweep",
        "claims": "claims",
        "compare-1": "comparison",
        "index": "index",
    }
    assert pages["a run"]["total_return"] == 0.12345
    assert pages["a run"]["marks"] == ["INVALID", "SYNTHETIC"]
    assert (pages["b"]["best"], pages["b"]["failed"], pages["b"]["verdict"]) == (1.25, 3, "not shown")
    assert pages["claims"]["not_supported"] == 3
    assert pages["index"]["divisors"] == 2
    assert (pages["compare-1"]["names"], pages["compare-1"]["marks"]) == ("x, y", ["INVALID", "SYNTHETIC"])
    # By hand: a run has 6 numbers, a sweep 5, the claims 3, an index 4 and a comparison 1.
    assert whole(reports, "gallery.json") == 6 + 5 + 3 + 4 + 1


def test_the_same_folders_give_the_same_bytes(reports: Path) -> None:
    before = [(reports / name).read_bytes() for name in ("index.html", "gallery.json")]
    write_gallery(reports)

    assert [(reports / name).read_bytes() for name in ("index.html", "gallery.json")] == before
    assert [path.name for path in reports.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("twin", "values", "why"),
    [
        ("report.json", "{", "report.json cannot be read"),
        ("report.json", {"schema": 1}, "report.json is not the twin of a page (run)"),
        ("report.json", [1], "report.json is not the twin of a page (run)"),
        ("report.json", {**RUN, "net": 1}, "report.json lacks what such a page has (run)"),
        ("report.json", {**SWEEP, "kind": "tea"}, "report.json is not the twin of a page (tea)"),
        ("claims.json", {"claims": []}, "claims.json is not the twin of a page (claims)"),
        ("plan.json", {}, "a sweep without a page"),
        ("facts.json", {}, "report.json is missing"),
    ],
)
def test_what_is_broken_is_listed_with_the_reason(reports: Path, twin: str, values: Any, why: str) -> None:
    put(reports, "zeta", twin, values)
    page = write_gallery(reports).read_text("utf-8")
    broken = twin_of(reports)["broken"]

    assert [row["folder"] for row in broken] == ["zeta"]
    assert broken[0]["why"].startswith(why)
    assert page.index('href="b/index.html"') < page.index(">zeta<")


def test_a_page_that_is_missing_is_said(reports: Path) -> None:
    put(reports, "lost", "report.json", RUN, page=False)
    write_gallery(reports)

    assert twin_of(reports)["broken"] == [{"folder": "lost", "why": "index.html is missing"}]


def test_folders_that_hold_no_page_are_no_reports(reports: Path) -> None:
    (reports / "notes").mkdir()
    (reports / "notes" / "a.txt").write_text("x", "utf-8")
    before = (reports / "index.html").read_bytes()

    assert write_gallery(reports).read_bytes() == before


def test_an_empty_folder_has_a_gallery(tmp_path: Path) -> None:
    assert "No run yet." in write_gallery(tmp_path).read_text("utf-8")


def test_what_comes_from_outside_is_escaped(tmp_path: Path) -> None:
    put(tmp_path, "run", "report.json", {**RUN, "name": ALERT, "strategy": ALERT})
    put(tmp_path, "sweep", "report.json", {**SWEEP, "name": ALERT, "overfit": {"verdict": ALERT}})
    put(tmp_path, "compare", "compare.json", {"title": ALERT, "runs": [ALERT]})
    put(tmp_path, "bad & <b>", "report.json", {**RUN, "net": {}})
    page = write_gallery(tmp_path).read_text("utf-8")

    assert page.count("<script") == 1
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 6
    assert "bad &amp; &lt;b&gt;" in page
    assert whole(tmp_path, "gallery.json") > 0
