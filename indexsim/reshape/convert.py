"""CSV to Parquet and back: every row and column stays, also what the gate would not read.

A file of the new kind is taken only if the gate says of it what it says of the old one: the same rows, the same
findings.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd

from indexsim import gate, shelf
from indexsim.errors import DataError, Finding, ToolError
from indexsim.market import Folder
from indexsim.schema import FILES, MARKER


def convert(folder: Path, ending: str, out: Path | None = None) -> tuple[str, ...]:
    """Write every file of a market folder as CSV or as Parquet.

    Parameters
    ----------
    folder : Path
    ending : {".csv", ".parquet"}
    out : Path, optional
        A new folder, which gets the files that need no conversion too. None changes `folder` itself.

    Returns
    -------
    tuple of str
        Names of the files that were converted, without ending.

    Raises
    ------
    DataError
        A file cannot be read, stands there twice, or would not be the same in the other format; nothing is written.
    ToolError
        A synthetic market in its own place, or an `out` that is not empty.
    """
    market = Folder([folder])
    if twice := [f for f in market.about_files if f.severity == "error"]:
        raise DataError(twice, asked=f"convert {folder}")
    if out is None and (folder / MARKER).is_file():
        raise ToolError(
            asked=f"convert {folder} in its place",
            found=f"{MARKER} says that it is a sample",
            rule="a sample keeps the files that `sample` writes",
            todo="name a new folder with --out",
        )
    with shelf.changing(folder) if out is None else shelf.making(out, market) as fresh:
        if out is not None:
            shutil.copytree(folder, fresh, dirs_exist_ok=True)
        names = tuple(name for name in sorted(market.files) if market.files[name].suffix != ending)
        for name in names:
            _convert(fresh, name, ending, market)
    return names


def _convert(fresh: Path, name: str, ending: str, market: Folder) -> None:
    old = market.files[name]
    new = fresh / f"{name}{ending}"
    shelf.save(new, _writable(gate.read_rows(old, FILES[name]), name, ending))
    frame, findings = gate.read_table(new, FILES[name])
    known = {replace(f, file=new.name) for f in gate.read_table(old, FILES[name])[1]}
    other = [f for f in findings if f not in known]
    if other or len(known) != len(set(findings)) or not frame.equals(market.frame(name)):
        said = Finding(old.name, "", "", "same-in-both", f"as {new.suffix[1:]} the gate reads something else in it")
        raise DataError([said, *other], asked=f"convert {old} to {new.suffix[1:]}", todo="correct the file first")
    (fresh / old.name).unlink()


def _writable(rows: pd.DataFrame, name: str, ending: str) -> pd.DataFrame:
    """Return the rows with their dates as days where all are days: Parquet has a type for them."""
    if ending == ".csv":
        return rows
    days = {}
    for column in FILES[name].columns:
        if column.kind == "date" and column.name in rows:
            parsed = gate.parse_dates(rows[column.name])
            if parsed.notna().equals(rows[column.name].notna()):
                days[column.name] = parsed
    return rows.assign(**days)
