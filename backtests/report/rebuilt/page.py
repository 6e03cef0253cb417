"""The page of a rebuilt index: rendered from its twin and nothing else, one file that opens offline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from backtests.report.page import Numbers, templates
from backtests.report.rebuilt.document import Asked, document
from backtests.report.twin import UNREADABLE, as_json, write_page_files
from indexsim.errors import SpecError
from indexsim.market import MarketData
from indexsim.rebuild import Rebuilt

TWIN = "index.json"


def write_page(market: MarketData, rebuilt: Rebuilt, folder: Path, asked: Asked, waived: tuple[str, ...] = ()) -> Path:
    """Write ``index.html``, its twin ``index.json`` and its tables as CSV and Parquet into a folder; return the page.

    The same market gives the same bytes.

    Raises
    ------
    ToolError
        A world that is none, or that this market cannot show; volumes in error. Nothing is written then.
    """
    values, tables = document(market, rebuilt, asked, waived)
    text = as_json(values)
    # From what a reader of the file gets, so that the two cannot differ.
    return write_page_files(folder, render(json.loads(text)), TWIN, text, tables)


def draw(folder: Path) -> Path:
    """Draw the page again from the ``index.json`` of its folder.

    Raises
    ------
    SpecError
        It is not the twin of such a page.
    """
    text = (folder / TWIN).read_text("utf-8")
    try:
        page = render(json.loads(text))
    except UNREADABLE as error:
        raise SpecError(
            asked=f"draw the page of {folder}",
            found=f"{TWIN} is not as `index --report` writes it: {error}",
            rule="a page is drawn from its own twin",
            todo="python -m backtests index DIR --report",
        ) from error
    return write_page_files(folder, page, TWIN, text)


def render(values: dict[str, Any]) -> str:
    """Render the page from its twin."""
    return templates(Numbers(values)).get_template("index.html.j2").render(d=values)
