"""The project's own files: what a market folder holds, imported as it is.

A file is known by its columns where no other file has them. Those that have the columns of another (``n225`` and
``topix``, ``closes`` and ``opens``) are known by name, and their values must not speak against it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd

from indexsim import sessions
from indexsim.errors import DataError, Finding
from indexsim.gate import read_table
from indexsim.official import identity
from indexsim.official.layout import ambiguous
from indexsim.official.reading import OTHER, Reading, in_order
from indexsim.official.sheet import Sheet, refused
from indexsim.schema import DATE, FILES, FileSchema

#: Columns that many sources have: they make no file.
_COMMON = {"date", "open", "high", "low", "close", "volume", "code", "name", "ex_date", "yen", "announced_date"}


def schema_of(path: Path, header: tuple[str, ...], chosen: str = "") -> FileSchema | None:
    """Return the schema that a header is written for; None where it is not one of this project's.

    Parameters
    ----------
    header : tuple of str
        As it stands in the file.
    chosen : str
        The kind that the user named.
    """
    stem = chosen or path.name.split(".")[0]
    named = FILES.get(stem)
    if named is not None and _fits(named, header):
        return named
    if not set(header) - _COMMON:
        return None
    own = [s for s in FILES.values() if not s.wide and _fits(s, header) and {c.name for c in s.columns} >= set(header)]
    return own[0] if len(own) == 1 else None


def _fits(schema: FileSchema, header: tuple[str, ...]) -> bool:
    required = {column.name for column in schema.columns if column.required}
    known = {column.name for column in schema.columns}
    if schema.wide:
        return header[:1] == (DATE.name,) and len(header) > 1
    return required <= set(header) and bool(set(header) & (known - {DATE.name}))


def read_own(path: Path, schema: FileSchema, sheet: Sheet | None) -> Reading:
    """Read a file of a market through the gate, and hold its prices against each other.

    Raises
    ------
    DataError
        The gate finds an error.
    ToolError
        Its values say that it is another series than its name.
    """
    frame, findings = read_table(path, schema)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise DataError(errors, asked=f"import {path.name}", todo="correct the file")
    said = [_with_cause(finding) for finding in findings]
    if "close" in frame and schema.date_indexed and not schema.wide:
        _one_series(path, schema, frame, said)
    if sheet is not None:
        said += _unread(sheet, schema)
    return Reading(path.name, f"file of a market: {schema.name}", OTHER, {schema.name: frame}, tuple(said), "none")


def _with_cause(finding: Finding) -> Finding:
    """Add to a row on a day without trading why there was none, where the day was a scheduled one."""
    outage = sessions.OUTAGES.get(date.fromisoformat(finding.row)) if finding.rule == "not-a-session" else None
    return replace(finding, found=f"{finding.found}: {outage}") if outage else finding


def _one_series(path: Path, schema: FileSchema, frame: pd.DataFrame, said: list[Finding]) -> None:
    in_order(frame, path.name, [])
    closes = frame["close"].dropna()
    if not identity.known_years(schema.name, closes) or identity.within(schema.name, closes):
        return
    others = [name for name in identity.fitting(closes, {}) if name != schema.name]
    if others:
        readings = [f"{schema.name} (by its name)", f"{', '.join(others)} (by its values)"]
        raise ambiguous(path.name, readings, [schema.name, *others])
    found = f"closes from {closes.min():g} to {closes.max():g} are not what {schema.name} was in these years"
    raise refused(path.name, found, "values lie in the known range of their year", "check what the file holds")


def _unread(sheet: Sheet, schema: FileSchema) -> list[Finding]:
    header = [str(cell) for cell in sheet.cells.iloc[sheet.header_row] if isinstance(cell, str) and cell]
    known = {column.name for column in schema.columns}
    extra = [] if schema.wide else [name for name in header if name not in known]
    if not extra:
        return []
    found = f"not a column of {schema.name}, left out"
    return [Finding(sheet.name, "", ", ".join(extra), "column-not-read", found, "warning")]
