"""The page of a finished sweep: one file that opens offline, its JSON twin, and of few trials all as CSV."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet as pq

from backtests.report.page import Numbers, templates
from backtests.sweeps.digest import CSV, digest
from backtests.sweeps.lock import as_json, disk_error, whole
from backtests.sweeps.plan import load_plan
from backtests.sweeps.store import Store
from backtests.sweeps.tables import PLAN, TABLE
from indexsim.errors import SpecError

#: What a page is drawn from, beside the table of trials.
ANSWER = "sweep.json"

#: Figures shown in percent of the figure they are; the others are ratios or counts.
KINDS = {
    "total_return": "gain",
    "cagr": "gain",
    "ann_vol": "pct",
    "max_drawdown": "pct",
    "sharpe": "ratio",
    "calmar": "ratio",
}


def write_page(folder: Path) -> Path:
    """Write ``index.html``, ``report.json`` and, of few trials, ``table.csv`` into the folder of a finished sweep.

    The same sweep gives the same bytes.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    SpecError
        The sweep is not finished, or an older version wrote it.
    StoreError
        The disk is full.
    """
    answer = _answer(folder)
    plan = json.loads((folder / PLAN).read_text("utf-8"))
    text = as_json(digest(answer, load_plan(folder / "spec.toml"), Store(folder, plan["key"], plan["chunks"])))
    # From what a reader of the file gets, so that the two cannot differ.
    values = json.loads(text)
    page = render(values)
    try:
        if any(file["name"] == CSV for file in values["files"]):
            _write_csv(folder)
        for name, content in (("report.json", text), ("index.html", page)):
            with whole(folder / name) as file:
                file.write(content.encode())
    except OSError as error:
        raise disk_error(error, f"write the page of {folder}", folder, len(text)) from error
    return folder / "index.html"


def render(values: dict[str, Any]) -> str:
    """Render the page from its twin."""
    return templates(Numbers(values)).get_template("sweep.html.j2").render(d=values, kinds=KINDS)


def _answer(folder: Path) -> dict[str, Any]:
    """Return what the sweep found."""
    asked, todo = f"draw the page of {folder}", f"python -m backtests sweep {folder}/spec.toml --out {folder.parent}"
    path = folder / ANSWER
    if not path.is_file() or not (folder / TABLE).is_file():
        raise SpecError(asked=asked, found="a sweep that is not finished", rule="a page shows all trials", todo=todo)
    try:
        answer: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise SpecError(
            asked=asked, found=f"{ANSWER}: {error}", rule="it is as the sweep wrote it", todo=todo
        ) from error
    if "commit" not in answer:
        rule = "a page is drawn from what this version stores"
        raise SpecError(asked=asked, found=f"{ANSWER} of an older version", rule=rule, todo=todo)
    return answer


def _write_csv(folder: Path) -> None:
    """Write the table of trials as CSV."""
    with whole(folder / CSV) as file:
        pyarrow.csv.write_csv(pq.read_table(folder / TABLE), file)
