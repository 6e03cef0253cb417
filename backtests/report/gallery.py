"""The list of all runs: one page over the report folders, from their ``report.json`` only.

A folder whose report cannot be read is listed with the reason, never left out.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from backtests.report.page import Numbers, templates


def write_gallery(reports: Path) -> Path:
    """Write ``index.html`` into `reports`, listing every run folder by name.

    Parameters
    ----------
    reports : Path
        Folder of run folders; those holding a ``report.json`` are runs.

    Returns
    -------
    Path
        The page. The same folders give the same bytes.
    """
    found = {path.parent.name: _read(path) for path in sorted(reports.glob("[!.]*/report.json"))}
    runs = {name: read for name, read in found.items() if isinstance(read, dict)}
    broken = {name: read for name, read in found.items() if isinstance(read, str)}
    template = templates(Numbers(runs)).get_template("gallery.html.j2")
    page = reports / "index.html"
    links = {name: quote(name, safe="") + "/index.html" for name in runs}
    fresh = reports / f".index.html.{os.getpid()}"
    fresh.write_text(template.render(runs=runs, links=links, broken=broken), "utf-8")
    fresh.replace(page)
    return page


def _read(path: Path) -> dict[str, Any] | str:
    """Return a report, or why it is none."""
    try:
        report = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        return f"report.json cannot be read: {error}"
    needed = {"schema", "name", "net", "gross", "data", "lookahead", "period", "rejected_total"}
    if not isinstance(report, dict) or not needed <= report.keys():
        return "report.json is not the report of a run"
    return report
