"""Numbers of every page: in HTML, in its JSON twin and computed again from the run's files, three times the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backtests.report import ATTACKS
from tests.browser import pages
from tests.recomputed import Row, figures
from tests.test_report import ALERT, _agree, _Marked

#: Digits that are no figures of a run: names of things, numbers of rows and of points, windows, words of the text.
NO_FIGURES = re.compile(
    "|".join(
        (
            r"Nikkei 225|95 of 100 sessions|equal the published level to 0\.01|< 0\.0001|at most 5 %",
            r"[Ii]ntervals hold 90 %",
            r"(?<=\n)-?\d+ to -?\d+(?=\n)|effective on \(0\)|(?<=\n)\d{1,2}\.?(?=\n)|and \d+ more",
            r" – (?:run|sweep) [\w-]+|(?<=\n)[\w-]+-[0-9a-f]{12}(?=\n)|--top 1|\+1 %|from returns of 20 sessions",
            re.escape(ALERT),
        )
    )
)

#: Figures of a document that do not follow from the frames, and where they are tested.
ELSEWHERE = {
    "schema": "test_report", "cash": "test_run", "params": "test_run", "data": "test_run", "instruments": "test_run",
    "income": "test_run", "rejected": "test_run", "lookahead": "test_lookahead", "index": "test_rebuild",
    "ended": "test_engine", "pairs": "test_residuals", "pairs_total": "test_residuals", "curves": "test_report",
    "intervals": "test_intervals", "vi_bands": "test_groups", "boj_eras": "test_groups", "around_events": "test_groups",
    "activity": "test_groups", "monitoring": "test_verdict", "verdict": "test_verdict", "n_params": "test_verdict",
    "n_divisors": "test_rebuild", "divisors": "test_rebuild", "ladder": "test_ladder", "attacks": "test_attacks",
    "stress": "test_stress", "trips": "test_report", "rejected_orders": "test_report", "findings": "test_gate",
}  # fmt: skip


def twins(page: Path) -> Any:
    """Return the JSON values of a page: of the file it names, or of every run below it by folder."""
    named = re.findall(r'href="([^"/]+\.json)"', page.read_text("utf-8"))
    if named := [name for name in named if name != ATTACKS]:
        return json.loads((page.parent / named[0]).read_text("utf-8"))
    found = page.parent.glob("*/report.json")
    return {path.parent.name: json.loads(path.read_text("utf-8")) for path in found}


def runs(reports: Path) -> list[Path]:
    """Return the folders of runs."""
    return [path.parent for path in sorted(reports.rglob("facts.json"))]


def leaves(values: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield every value of a document that is no list and no dict, with its path."""
    items = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for key, value in items:
        yield from leaves(value, (*path, key))
    if not isinstance(values, dict | list):
        yield path, values


def test_every_number_of_a_page_is_the_number_of_its_twin(reports: Path) -> None:
    counts = {page: _agree(page.read_text("utf-8"), twins(page)) for page in pages(reports)}

    assert min(counts[folder / "index.html"] for folder in runs(reports)) > 100
    assert sum(counts.values()) > 3_000


def test_no_figure_stands_outside_a_key(reports: Path) -> None:
    loose = {}
    for page in pages(reports):
        text = NO_FIGURES.sub(" ", "\n".join(_Marked(page.read_text("utf-8")).outside))
        if found := re.findall(r".*\d.*", text):
            loose[page.relative_to(reports).as_posix()] = found

    assert loose == {}


def test_what_is_undefined_says_why(reports: Path) -> None:
    silent = []
    for page in pages(reports):
        values = twins(page)
        for path, value in leaves(values):
            if value is None and path[-1] != "why" and not _why(values, path):
                silent.append((page.relative_to(reports).as_posix(), path))

    assert silent == []


#: Values that are undefined with another one, and for its reason.
_SHARED = {"high": "low_why", "folder": "previous_why"}


def _why(values: Any, path: tuple[str | int, ...]) -> str:
    """Return the reason beside an undefined value, or beside the list that holds it."""
    while isinstance(path[-1], int):
        path = path[:-1]
    for part in path[:-1]:
        values = values[part]
    return str(values.get(_SHARED.get(path[-1], f"{path[-1]}_why")) or values.get("why") or "")


def test_every_number_of_a_document_follows_from_the_frames(reports: Path) -> None:
    folders = runs(reports)
    for folder in folders:
        values = json.loads((folder / "report.json").read_text("utf-8"))
        again = flat(figures(folder))
        for path, value in leaves(values):
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if number and path[0] not in ELSEWHERE and path[-1] not in ("sessions_per_year", "unknown_sessions"):
                assert path in again, f"{folder.name}: {path} is computed nowhere else"
                # A figure is a fraction, or the difference of sums of yen in the billions.
                exact = 1e-11 if abs(value) < 1e4 else 1e-2
                assert value == pytest.approx(again[path], rel=1e-9, abs=exact), (folder.name, path)
        for path, value in again.items():
            if isinstance(value, str):
                assert _at(values, path) == value, path
    assert len(folders) >= 11


def flat(found: Row) -> dict[tuple[str | int, ...], Any]:
    """Return the figures by path, years and months as the document has them."""
    shaped = dict(found)
    shaped["years"] = [{"year": row.pop("part"), **row} for row in found["years"]]
    months: dict[str, list[float | None]] = {}
    for row in found["months"]:
        year, month = row["part"].split("-")
        months.setdefault(year, [None] * 12)[int(month) - 1] = row["net"]
    shaped["months"] = [{"year": year, "months": row} for year, row in months.items()]
    return dict(leaves(shaped))


def _at(values: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        values = values[part]
    return values
