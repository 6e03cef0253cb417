"""A file of a market folder is read once, as CSV or Parquet, and goes through the gate."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from indexsim.errors import DataError, Finding, nearest
from indexsim.gate.cells import is_plain
from indexsim.gate.table import Table
from indexsim.schema import FILES, FileSchema

ENDINGS = (".csv", ".parquet")

_TEXT = ("date", "text", "decimal")
#: Data types whose cells go from CSV to Parquet and back as they are.
_TYPED = "iuf"


def read_table(path: Path, schema: FileSchema) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """Read one file and check it against its schema.

    Returns
    -------
    frame : DataFrame
        Indexed by date where a row is a day, else numbered; number columns float64, text columns str
        with "" for blank. Without rows where the file cannot be read.
    findings : tuple of Finding
        Those of the file, then of its rows, then of its cells column by column.
    """
    raw, findings = _load(path, schema)
    if raw is not None:
        findings += _header(path.name, raw, schema)
    if raw is None or findings:
        table = Table(path.name, schema, _no_rows(schema), findings)
    else:
        table = Table(path.name, schema, raw, findings)
        table.check()
    frame = table.frame.set_index(schema.columns[0].name) if schema.date_indexed else table.frame
    return frame, tuple(findings)


def read_rows(path: Path, schema: FileSchema) -> pd.DataFrame:
    """Read one file with every column and every row in it, each cell as it was written.

    Returns
    -------
    DataFrame
        A column of numbers that holds nothing else is numeric, any other of a CSV file is text.

    Raises
    ------
    DataError
        The file cannot be read at all.
    """
    if path.suffix == ".parquet":
        raw, findings = _load(path, schema)
    else:
        raw, findings = _load(path, schema, listed=False)
    if raw is None or findings:
        raise DataError(findings, asked=f"read {path}")
    return raw


def unknown_files(folder: Path) -> Iterator[Finding]:
    """Report data files whose names no schema knows, and names that stand twice."""
    seen: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        stem = path.name.split(".")[0]
        if not path.is_file() or not (path.suffix.lower() in ENDINGS or stem in FILES):
            continue
        if path.stem not in FILES or path.suffix not in ENDINGS:
            hint = f"write {stem}.csv or {stem}.parquet" if stem in FILES else nearest(path.stem, FILES)
            yield Finding(path.name, "", "", "file-name", f"not a name of the schema, left out; {hint}", "warning")
        elif path.stem in seen:
            found = f"stands beside {seen[path.stem]}; one of the two must go"
            yield Finding(path.name, "", "", "file-once", found)
        else:
            seen[path.stem] = path.name


def _load(path: Path, schema: FileSchema, listed: bool = True) -> tuple[pd.DataFrame | None, list[Finding]]:
    try:
        if path.suffix == ".parquet":
            raw = pd.read_parquet(path)
            # An index is a column that pandas set aside.
            raw = raw if isinstance(raw.index, pd.RangeIndex) else raw.reset_index()
            for position in [n for n, dtype in enumerate(raw.dtypes) if not (is_plain(dtype) or _is_days(dtype))]:
                raw.iloc[:, position].to_numpy(dtype=object)  # bytes that are no text show here, or in any later line
            return raw, []
        text = path.read_bytes().decode("utf-8-sig")
        findings = list(_whole_rows(path.name, text))
        return (None if findings else (_parse_csv if listed else _parse_rows)(text, schema)), findings
    except UnicodeDecodeError as error:
        found = f"not UTF-8: byte {error.object[error.start]:#x} at position {error.start}"
    except Exception as error:  # on bytes of any kind a parser may fail in any way: that is the finding
        found = str(error).splitlines()[0] if str(error) else type(error).__name__
    return None, [Finding(path.name, "", "", "file-is-readable", found)]


def _is_days(dtype: object) -> bool:
    return isinstance(dtype, np.dtype) and dtype.kind == "M"


def _whole_rows(name: str, text: str) -> Iterator[Finding]:
    """Report a header that names its columns badly, and rows with more or fewer cells than it has."""
    rows = csv.reader(io.StringIO(text.rstrip("\r\n"), newline=""), strict=True)
    header = next(rows, [])
    yield from _names(name, header)
    last = 1
    for row in rows:
        if len(row) != len(header):
            yield Finding(name, f"line {last + 1}", "", "row-is-whole", f"{len(row)} cells under {len(header)} columns")
        elif rows.line_num != last + 1:
            yield Finding(name, f"line {last + 1}", "", "row-is-whole", "a cell with a line break")
        last = rows.line_num


def _names(name: str, header: list[str]) -> Iterator[Finding]:
    for column in dict.fromkeys(header):
        if header.count(column) > 1:
            yield Finding(name, "line 1", column, "column-once", f"{column!r} stands twice in the header")
        elif not column.strip():
            yield Finding(name, "line 1", "", "column-named", f"column {header.index(column) + 1} has no name")


def _parse_csv(text: str, schema: FileSchema) -> pd.DataFrame:
    kinds = {column.name: column.kind for column in schema.columns}
    return pd.read_csv(
        io.StringIO(text),
        dtype={name: str for name, kind in kinds.items() if kind in _TEXT},
        index_col=False,
        keep_default_na=False,
        na_values=[""],
        low_memory=False,
    )


def _parse_rows(text: str, schema: FileSchema) -> pd.DataFrame:
    """Parse the cells that the gate reads as it does, and every other one, or what is no number, as text."""
    raw = _parse_csv(text, schema)
    numbers = {c.name for c in schema.columns if c.kind not in _TEXT}
    columns = set(raw.columns) - {schema.columns[0].name} if schema.wide else numbers
    typed = [c for c in raw.columns if c in columns and getattr(raw[c].dtype, "kind", "O") in _TYPED]
    cells = pd.read_csv(io.StringIO(text), dtype=str, index_col=False, keep_default_na=False, na_values=[""])
    return cells.assign(**{c: raw[c] for c in typed})


def _header(name: str, raw: pd.DataFrame, schema: FileSchema) -> list[Finding]:
    header = [str(c) for c in raw.columns]
    raw.columns = pd.Index(header)
    absent = [c.name for c in schema.columns if c.required and c.name not in raw.columns]
    found = f"no such column; the header has {', '.join(raw.columns[:8])}"
    findings = [*_names(name, header), *(Finding(name, "line 1", c, "column-present", found) for c in absent)]
    if raw.empty:
        findings.append(Finding(name, "", "", "file-has-rows", "no rows below the header"))
    return findings


def _no_rows(schema: FileSchema) -> pd.DataFrame:
    kinds = {"date": "datetime64[us]", "text": "object", "decimal": "object"}
    return pd.DataFrame({c.name: pd.Series([], dtype=kinds.get(c.kind, "float64")) for c in schema.columns})
