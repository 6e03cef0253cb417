"""The page of the audit: every claim with its verdict, its figure and a small picture; one file that opens offline.

Rendered from ``claims.json`` beside it and nothing else. A claim that failed takes as much room as one that held.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from backtests.claims.judge import ALPHA, VERDICTS
from backtests.claims.picture import picture
from backtests.report.page import Numbers, templates
from backtests.report.twin import UNREADABLE, as_json, write_page_files
from indexsim.errors import SpecError

#: Raised when a name of the twin changes its meaning.
SCHEMA = 1
TWIN = "claims.json"

#: Units shown as percent, and those of two decimals; other figures have the decimals they need.
_PERCENT = {"share", "return", "probability", "a year"}
_PLAIN = {"correlation", "ratio", "slope", "sum of correlations"}


def write_page(answer: Mapping[str, Any], folder: Path) -> Path:
    """Write ``index.html``, its twin ``claims.json`` and the table as CSV and Parquet into a folder; return the page.

    The same answer gives the same bytes.
    """
    return _write(twin(answer), folder)


def draw(folder: Path) -> Path:
    """Draw the page again from the ``claims.json`` of its folder.

    Raises
    ------
    SpecError
        It is not the twin of such a page.
    """
    try:
        return write_page(json.loads((folder / TWIN).read_text("utf-8")), folder)
    except UNREADABLE as error:
        raise SpecError(
            asked=f"draw the page of {folder}",
            found=f"{TWIN} is not as `claims --report` writes it: {error}",
            rule="a page is drawn from its own twin",
            todo="python -m backtests claims DIR --report",
        ) from error


def twin(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON twin of the page: the answer of the verb, and what the page says of its rules."""
    return {"schema": SCHEMA, "kind": "claims", "alpha": ALPHA, **answer}


def _write(values: dict[str, Any], folder: Path) -> Path:
    text = as_json(values)
    # From what a reader of the file gets, so that the two cannot differ.
    page = render(json.loads(text))
    return write_page_files(folder, page, TWIN, text, {"claims": table(values)})


def table(values: Mapping[str, Any]) -> pd.DataFrame:
    """Return the claims as a frame, a row each; ranges in two columns, what is a text or a number as text."""
    rows = []
    for claim in values["claims"]:
        low, high = claim["interval"] or (None, None)
        later = claim["later"] or {"effect": None, "n": None}
        row = {name: value for name, value in claim.items() if name not in ("interval", "later", "missing")}
        row |= {name: None if row[name] is None else str(row[name]) for name in ("asserted", "known")}
        row |= {"interval_low": low, "interval_high": high, "missing": "; ".join(claim["missing"])}
        rows.append({**row, "later_effect": later["effect"], "later_n": later["n"]})
    return pd.DataFrame(rows)


def render(values: dict[str, Any]) -> str:
    """Render the page of a twin."""
    template = templates(Numbers(values)).get_template("claims.html.j2")
    rows = [{"claim": claim, "kind": _kind(claim["unit"]), "picture": picture(claim)} for claim in values["claims"]]
    return template.render(d=values, rows=rows, verdicts=VERDICTS)


def _kind(unit: str) -> str:
    """Return how figures of a unit are shown (`backtests.report.page`)."""
    if unit in _PERCENT:
        return "pct"
    return "ratio" if unit in _PLAIN else "price"
