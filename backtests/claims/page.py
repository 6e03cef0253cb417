"""The page of the audit: every claim with its verdict, its figure and a small picture; one file that opens offline.

Rendered from ``claims.json`` beside it and nothing else. A claim that failed takes as much room as one that held.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backtests.claims.judge import ALPHA, VERDICTS
from backtests.claims.picture import picture
from backtests.report.page import Numbers, templates

#: Units shown as percent, and those of two decimals; other figures have the decimals they need.
_PERCENT = {"share", "return", "probability", "a year"}
_PLAIN = {"correlation", "ratio", "slope", "sum of correlations"}


def write_page(answer: Mapping[str, Any], folder: Path) -> Path:
    """Write ``claims.json`` and ``index.html`` into a folder, and return the page.

    The same answer gives the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(answer, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    (folder / "claims.json").write_text(text, "utf-8")
    page = folder / "index.html"
    # From what a reader of the file gets, so that the two cannot differ.
    page.write_text(render(json.loads(text)), "utf-8")
    return page


def render(values: dict[str, Any]) -> str:
    """Render the page of an answer."""
    template = templates(Numbers(values)).get_template("claims.html.j2")
    rows = [{"claim": claim, "kind": _kind(claim["unit"]), "picture": picture(claim)} for claim in values["claims"]]
    return template.render(d=values, rows=rows, verdicts=VERDICTS, alpha=ALPHA, percent=_PERCENT)


def _kind(unit: str) -> str:
    """Return how figures of a unit are shown (`backtests.report.page`)."""
    if unit in _PERCENT:
        return "pct"
    return "ratio" if unit in _PLAIN else "price"
