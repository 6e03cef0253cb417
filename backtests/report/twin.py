"""A page with its JSON twin and its tables, on the disk: each file whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

if TYPE_CHECKING:
    import pandas as pd

#: What reading a twin raises that is none, or that lacks what its page shows.
UNREADABLE = (ValueError, KeyError, TypeError, IndexError, jinja2.UndefinedError)


def as_json(values: Mapping[str, Any]) -> str:
    """Return a twin as text: keys keep their order, NaN is refused."""
    return json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_page_files(
    folder: Path, page: str, twin: str, text: str, tables: Mapping[str, pd.DataFrame] | None = None
) -> Path:
    """Write a page, its twin and its tables into a folder, made where it is absent, and return the page.

    Parameters
    ----------
    folder : Path
    page, text : str
        The content of ``index.html``, and of its twin.
    twin : str
        Name of the twin.
    tables : mapping of str to DataFrame, optional
        Each is written as ``<name>.csv`` and ``<name>.parquet``, without its index.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in (tables or {}).items():
        _whole(folder / f"{name}.parquet", partial(frame.to_parquet, index=False))
        _whole(folder / f"{name}.csv", partial(frame.to_csv, index=False, lineterminator="\n"))
    # The page comes last: where it is, what it names is there.
    _whole(folder / twin, lambda path: path.write_text(text, "utf-8"))
    _whole(folder / "index.html", lambda path: path.write_text(page, "utf-8"))
    return folder / "index.html"


def _whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file beside its place, then put it there."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(fresh)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
