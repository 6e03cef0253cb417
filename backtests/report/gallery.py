"""The list of all pages: runs, sweeps, claims, indexes and comparisons in a folder, from their JSON twins only.

A folder whose twin cannot be read is listed with the reason, never left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from backtests.report.page import Numbers, templates
from backtests.report.twin import as_json, write_page_files

#: Raised when a name of the gallery's twin changes its meaning.
SCHEMA = 1
#: The gallery's own twin.
TWIN = "gallery.json"

Row = dict[str, Any]


class _Kind(NamedTuple):
    """A kind of page: what its twin must hold, and what of it the gallery shows."""

    needed: frozenset[str]
    row: Callable[[Mapping[str, Any]], Row]


def _run(d: Mapping[str, Any]) -> Row:
    lookahead, net = d["lookahead"], d["net"]
    marks = ["INVALID"] if lookahead["leaks"] else []
    marks += ["NOT CHECKED"] if "unchecked" in lookahead else []
    marks += ["COUNTERFACTUAL"] if d.get("what_if") else []
    shown = ("total_return", "sharpe", "max_drawdown", "n_trades")
    figures = {name: net[name] for key in shown for name in (key, f"{key}_why") if name in net}
    return {
        "title": d["name"],
        "marks": [*marks, *_synthetic(d)],
        "strategy": d["strategy"],
        "from": d["period"]["from"],
        "to": d["period"]["to"],
        "gross": d["gross"]["total_return"],
        **figures,
        "rejected": d["rejected_total"],
    }


def _sweep(d: Mapping[str, Any]) -> Row:
    found, best = d["overfit"], d["best"] or {}
    return {
        "title": d["name"],
        "marks": [*([] if d["valid"] else ["INVALID"]), *_synthetic(d)],
        "strategy": d["strategy"],
        "from": d["data"]["from"],
        "to": d["data"]["to"],
        "trials": d["trials"]["planned"],
        "failed": d["trials"]["failed"] + d["trials"]["quarantined"],
        "select": d["select"],
        "best": best.get(d["select"]),
        "verdict": found["verdict"] or "not judged",
        "dsr": found.get("dsr"),
        "pbo": found.get("pbo"),
    }


def _claims(d: Mapping[str, Any]) -> Row:
    counts = {name.replace(" ", "_"): n for name, n in d["counts"].items()}
    return {"title": "Claims", "marks": _synthetic(d), "from": d["data"]["from"], "to": d["data"]["to"], **counts}


def _index(d: Mapping[str, Any]) -> Row:
    names = ("days", "exact_days", "max_abs_error")
    return {
        "title": d.get("title", "Index"),
        "marks": _synthetic(d),
        "from": d["data"]["from"],
        "to": d["data"]["to"],
        **{name: d[name] for name in names},
        "divisors": len(d["divisors"]),
    }


def _comparison(d: Mapping[str, Any]) -> Row:
    runs = d["runs"]
    names = [run if isinstance(run, str) else str(run.get("name", run.get("run_id", "?"))) for run in runs]
    said = [run for run in runs if isinstance(run, dict)]
    marks = [] if all(run.get("valid", True) for run in said) else ["INVALID"]
    marks += ["SYNTHETIC"] if any(run.get("synthetic") for run in said) else []
    return {"title": str(d.get("title") or "Comparison"), "marks": marks, "runs": len(runs), "names": ", ".join(names)}


def _synthetic(d: Mapping[str, Any]) -> list[str]:
    return ["SYNTHETIC"] if d["data"]["synthetic"] else []


#: Kind -> what it is; in the order of the page.
_KINDS = {
    "run": _Kind(
        frozenset({"schema", "name", "net", "gross", "data", "lookahead", "period", "rejected_total", "strategy"}), _run
    ),
    "sweep": _Kind(frozenset({"name", "strategy", "data", "trials", "select", "best", "overfit", "valid"}), _sweep),
    "claims": _Kind(frozenset({"claims", "counts", "data"}), _claims),
    "index": _Kind(frozenset({"days", "exact_days", "max_abs_error", "divisors", "data"}), _index),
    "comparison": _Kind(frozenset({"runs"}), _comparison),
}

#: Twin -> the kind of page it belongs to; a `report.json` says its kind itself, and is a run's where it does not.
_TWINS = {"report.json": "run", "claims.json": "claims", "index.json": "index", "compare.json": "comparison"}
#: What lies in the folder of a page that has no twin (yet) -> what that means.
_TRACES = {
    "plan.json": "a sweep without a page: not finished, or written by an older version",
    "facts.json": "report.json is missing",
    "index.html": "a page without its JSON twin",
}


def write_gallery(reports: Path) -> Path:
    """Write ``index.html`` and ``gallery.json`` into `reports`, listing every page's folder by name.

    Parameters
    ----------
    reports : Path
        Folder of the folders of runs, sweeps, claims, indexes and comparisons.

    Returns
    -------
    Path
        The page. The same folders give the same bytes.
    """
    text = as_json(_contents(reports))
    values = json.loads(text)
    links = {row["folder"]: quote(row["folder"], safe="") + "/index.html" for row in values["pages"]}
    template = templates(Numbers(values)).get_template("gallery.html.j2")
    return write_page_files(reports, template.render(d=values, links=links), TWIN, text)


def _contents(reports: Path) -> Row:
    """Return the gallery's twin."""
    found = {path.name: _read(path) for path in sorted(reports.glob("[!.]*")) if path.is_dir()}
    pages = [row for row in found.values() if isinstance(row, dict)]
    return {
        "schema": SCHEMA,
        "kind": "gallery",
        "counts": {kind: sum(row["kind"] == kind for row in pages) for kind in _KINDS},
        "pages": pages,
        "broken": [{"folder": name, "why": why} for name, why in found.items() if isinstance(why, str)],
    }


def _read(folder: Path) -> Row | str | None:
    """Return what the gallery shows of a folder, why it shows nothing, or None where nothing there is a page."""
    twin = next((name for name in _TWINS if (folder / name).is_file()), None)
    if twin is None:
        return next((why for trace, why in _TRACES.items() if (folder / trace).is_file()), None)
    try:
        read = json.loads((folder / twin).read_text("utf-8"))
    except (OSError, ValueError) as error:
        return f"{twin} cannot be read: {error}"
    kind = str(read.get("kind", _TWINS[twin])) if isinstance(read, dict) else ""
    if kind not in _KINDS or not _KINDS[kind].needed <= read.keys():
        return f"{twin} is not the twin of a page ({kind or _TWINS[twin]})"
    if not (folder / "index.html").is_file():
        return "index.html is missing"
    try:
        return {"folder": folder.name, "kind": kind, **_KINDS[kind].row(read)}
    except (KeyError, TypeError, AttributeError) as error:
        return f"{twin} lacks what such a page has ({kind}): {error}"
