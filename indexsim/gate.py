"""The gate: a file of a market folder is read and checked once, and every finding is kept.

`read_table` never raises for bad content: it returns the frame it could read and the findings. Who
needs the file decides whether a finding stops it (`indexsim.market`). Nothing is corrected silently:
a cell that cannot be used is unknown (NaN), a row that cannot be placed is left out, and each has a
finding. Whatever stands in the file, the frame has the schema's columns and ascending, distinct keys.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from indexsim import sessions
from indexsim.errors import Finding, nearest
from indexsim.schema import DATE, FILES, Column, FileSchema

ENDINGS = (".csv", ".parquet")
#: Findings listed per column and rule; one more stands for the rest.
LISTED = 20

#: Smallest and largest value of a kind: far beyond any market, and small enough for every sum.
BOUNDS = {"price": (1e-6, 1e12), "amount": (0.0, 1e15), "number": (-1e12, 1e12), "decimal": (1e-6, 1e12)}
#: Longest cell of a kind, in characters.
LONGEST = {"text": 250, "decimal": 40}

_TEXT = ("date", "text", "decimal")
_ISO = r"(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}"
# As the CSV parser reads numbers: with infinity, which has a rule of its own, without NaN.
_NUMBER = re.compile(r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|inf(inity)?)", re.IGNORECASE | re.ASCII)

Mask = npt.NDArray[np.bool_]


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
        table = _Table(path.name, schema, _no_rows(schema), findings)
    else:
        table = _Table(path.name, schema, raw, findings)
        table.check()
    frame = table.frame.set_index(schema.columns[0].name) if schema.date_indexed else table.frame
    return frame, tuple(findings)


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


def _load(path: Path, schema: FileSchema) -> tuple[pd.DataFrame | None, list[Finding]]:
    try:
        if path.suffix == ".parquet":
            raw = pd.read_parquet(path)
            # An index is a column that pandas set aside.
            return (raw if isinstance(raw.index, pd.RangeIndex) else raw.reset_index()), []
        text = path.read_bytes().decode("utf-8-sig")
        findings = list(_whole_rows(path.name, text))
        return (None if findings else _parse_csv(text, schema)), findings
    except UnicodeDecodeError as error:
        found = f"not UTF-8: byte {error.object[error.start]:#x} at position {error.start}"
    except Exception as error:  # on bytes of any kind a parser may fail in any way: that is the finding
        found = str(error).splitlines()[0] if str(error) else type(error).__name__
    return None, [Finding(path.name, "", "", "file-is-readable", found)]


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


class _Table:
    """One file on its way through the checks; `frame` gets better, `findings` grows."""

    def __init__(self, name: str, schema: FileSchema, raw: pd.DataFrame, findings: list[Finding]) -> None:
        self.name, self.schema, self.findings = name, schema, findings
        named = [c.name for c in schema.columns if c.name in raw.columns]
        self.frame = raw if schema.wide else raw[named]
        self.lines = np.arange(2, len(raw) + 2)
        self.labels = np.array([f"line {line}" for line in self.lines], dtype=object)

    def check(self) -> None:
        """Run every check, in the order in which each can rely on the ones before."""
        self.dates()
        if self.schema.tokyo:
            self.only_sessions()
        self.cells()
        if self.schema.key:
            self.keys()
        if {"high", "low", "close"} <= set(self.frame.columns):
            self.high_low()
        if self.schema.tokyo and self.schema.date_indexed:
            self.gaps()

    def dates(self) -> None:
        """Parse the date columns; a row with an unreadable date is left out."""
        good = np.ones(len(self.frame), dtype=bool)
        for column in self.schema.columns:
            if column.kind == "date" and column.name in self.frame:
                good &= self.date_column(column)
        self.keep(good)
        if self.schema.dated:
            days = self.frame[self.schema.columns[0].name].to_numpy()
            self.labels = days.astype("datetime64[D]").astype(str).astype(object)

    def date_column(self, column: Column) -> Mask:
        """Parse one date column and return which rows have a date, or may be blank."""
        raw = self.frame[column.name]
        days = _parse_dates(raw)
        good: Mask = days.notna().to_numpy() | (raw.isna().to_numpy() & column.blank)
        self.flag(column.name, "date-is-iso", ~good, lambda at: f"{_shown(raw, at)} is not a date like 2025-09-30")
        self.frame = self.frame.assign(**{column.name: days})
        return good

    def only_sessions(self) -> None:
        """Leave out rows on days without trading, each day with a warning."""
        days = pd.DatetimeIndex(self.frame[self.schema.columns[0].name])
        held = (days >= pd.Timestamp(sessions.FIRST_DAY)) & (days <= pd.Timestamp(sessions.LAST_DAY))
        closed = held & ~days.isin(sessions.all_sessions())
        found = "no trading that day; the row is left out"
        first_of_day = closed & ~days.duplicated()
        self.flag("", "not-a-session", first_of_day, lambda at: found, severity="warning")
        self.keep(~closed)

    def cells(self) -> None:
        """Make every cell a float64 or a text; what cannot be used is unknown."""
        if self.schema.cells is not None:
            self.block(self.schema.cells)
            return
        for column in self.schema.columns:
            if column.kind == "date" or column.name not in self.frame:
                continue
            raw = self.frame[column.name]
            made = self.text(raw, column) if column.kind in LONGEST else self.numbers(raw, column)
            self.frame = self.frame.assign(**{column.name: made})

    def block(self, spec: Column) -> None:
        """Check the cells of a wide file: one pass over all of them, column by column only where one is bad."""
        codes = [c for c in self.frame.columns if c != DATE.name]
        typed = all(_is_plain(dtype) for dtype in self.frame[codes].dtypes)
        values = self.frame[codes].to_numpy(dtype="float64") if typed else np.empty((0, 0))
        low, high = BOUNDS[spec.kind]
        if not typed or ((values < low) | (values > high)).any():
            columns = [self.numbers(self.frame[c], Column(c, spec.kind)) for c in codes]
            values = np.column_stack(columns)
        block = pd.DataFrame(values, columns=pd.Index(codes))
        block.insert(0, DATE.name, self.frame[DATE.name])
        self.frame = block

    def text(self, raw: pd.Series, column: Column) -> pd.Series:
        """Return a column as text, "" for blank."""
        text = raw.astype(object).where(raw.notna(), "").map(str).astype(object)
        cells = text.to_numpy()
        if not column.blank:
            self.flag(column.name, "cell-filled", cells == "", lambda at: "blank")
        longest = LONGEST[column.kind]
        size = np.array([len(cell) for cell in cells], dtype=np.int64)
        self.flag(column.name, "cell-is-short", size > longest, lambda at: f"{size[at]} characters, at most {longest}")
        if column.name == "divisor":
            self.flag(
                column.name,
                "divisor-positive",
                ~np.array([_is_divisor(cell) for cell in cells], dtype=bool),
                lambda at: f"{_shown(text, at)} is not a number above zero",
            )
        return text.mask(size > longest, "")

    def numbers(self, raw: pd.Series, column: Column) -> pd.Series:
        """Return a column as float64, NaN where a cell is blank or cannot be used."""
        numbers = _numbers(raw)
        values = numbers.to_numpy()
        low, high = BOUNDS[column.kind]
        not_a_number = np.isnan(values) & ~raw.isna().to_numpy()
        infinite = np.isinf(values)
        beyond = ((values < low) | (values > high)) & ~infinite
        name, kind = column.name, column.kind
        self.flag(name, f"{kind}-is-a-number", not_a_number, lambda at: f"{_shown(raw, at)} is not a number")
        self.flag(name, f"{kind}-is-finite", infinite, lambda at: "infinite")
        self.flag(name, f"{kind}-in-range", beyond, lambda at: f"{values[at]:g}, but the range is {low:g} to {high:g}")
        return numbers.mask(infinite | beyond)

    def keys(self) -> None:
        """Leave out rows that repeat a key, and put rows that are out of order in order."""
        key = list(self.schema.key)
        rule = "duplicate-date" if self.schema.dated else "duplicate-key"
        twice = self.frame.duplicated(key).to_numpy()
        shown = self.frame[key].astype(str).agg(", ".join, axis=1) if twice.any() else None
        self.flag(
            key[0], rule, twice, lambda at: f"{'' if shown is None else shown.iloc[at]} stands a second time", line=True
        )
        self.keep(~twice)
        if not self.schema.dated:
            return
        days = self.frame[key[0]].to_numpy()
        back = np.append(False, days[1:] < days[:-1])
        labels = self.labels
        self.flag(key[0], "dates-ascend", back, lambda at: f"comes after {labels[at - 1]}; rows must ascend", line=True)
        if back.any():
            self.take(np.argsort(days, kind="stable"))

    def high_low(self) -> None:
        """Warn where a close lies outside high and low: only closes and opens are used."""
        high, low, close = (self.frame[c].to_numpy() for c in ("high", "low", "close"))
        wrong = (high < low) | (close > high) | (close < low)
        found = "close lies outside high and low; the close is used"
        self.flag("close", "close-in-range", wrong, lambda at: found, severity="warning")

    def gaps(self) -> None:
        """Warn of sessions without a row between the first and the last, one finding a gap."""
        days = pd.DatetimeIndex(self.frame[DATE.name])
        table = sessions.all_sessions()
        expected = table[(table >= days.min()) & (table <= days.max())] if len(days) else table[:0]
        absent = ~expected.isin(days)
        starts = np.flatnonzero(absent & ~np.append(False, absent[:-1]))
        ends = np.flatnonzero(absent & ~np.append(absent[1:], False))
        shown = expected.to_numpy().astype("datetime64[D]").astype(str)
        for start, end in zip(starts, ends, strict=True):
            found = "no row" if start == end else f"no row on {end - start + 1} sessions"
            row = _from_to(shown[start], shown[end])
            self.findings.append(Finding(self.name, row, "", "missing-session", found, "warning"))

    def keep(self, rows: Mask) -> None:
        """Keep some rows of the frame with their lines and labels."""
        if not rows.all():
            self.take(np.flatnonzero(rows))

    def take(self, order: npt.NDArray[np.intp]) -> None:
        """Take rows of the frame with their lines and labels, in an order."""
        self.frame = self.frame.iloc[order].reset_index(drop=True)
        self.lines, self.labels = self.lines[order], self.labels[order]

    def flag(
        self,
        column: str,
        rule: str,
        bad: Mask,
        found: Callable[[int], str],
        severity: str = "error",
        line: bool = False,
    ) -> None:
        """Add one finding for each bad row, at most `LISTED`, and one for the rest.

        The line stands beside the date where a date does not find the row.
        """
        rows = np.flatnonzero(bad)
        line = line or (self.schema.dated and not self.schema.date_indexed)
        for at in rows[:LISTED].tolist():
            where = f" (line {self.lines[at]})" if line and not self.labels[at].startswith("line") else ""
            self.findings.append(Finding(self.name, self.labels[at], column, rule, found(at) + where, severity))
        if len(rest := rows[LISTED:]):
            labels = sorted(self.labels[rest], key=lambda label: (len(label), label))
            row = _from_to(labels[0], labels[-1])
            self.findings.append(Finding(self.name, row, column, rule, f"{len(rest)} more rows like these", severity))


def _from_to(first: str, last: str) -> str:
    return first if first == last else f"{first}..{last}"


def _shown(cells: pd.Series, at: int) -> str:
    """Show a cell as it stands in the file, cut where it is long."""
    cell = cells.iloc[at]
    text = "blank" if pd.api.types.is_scalar(cell) and pd.isna(cell) else repr(cell)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _parse_dates(column: pd.Series) -> pd.Series:
    """Return the days of a column as datetime64[us]; NaT for what is no naive day."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "M":
        moments = column.to_numpy()
        days = moments.astype("datetime64[D]")
        named = (days == moments) & (days >= np.datetime64("0001-01-01")) & (days <= np.datetime64("9999-12-31"))
        days = np.where(named, days, np.datetime64("NaT"))
        return pd.Series(days.astype("datetime64[us]"), index=column.index)
    text = column.astype(object).map(str)
    iso = text.where(text.str.fullmatch(_ISO))
    return pd.to_datetime(iso, format="%Y-%m-%d", errors="coerce").astype("datetime64[us]")


def _is_plain(dtype: object) -> bool:
    """Say whether a column of this type holds numbers that float64 takes as they are."""
    return isinstance(dtype, np.dtype) and (dtype.kind in "iu" or dtype == np.float64)


def _numbers(column: pd.Series) -> pd.Series:
    if _is_plain(column.dtype):
        return column.astype("float64")
    if column.dtype in (np.float32, np.float16):  # 881.8 was written, 881.7999878 is what float32 holds
        column = column.astype(str).where(column.notna())
    return pd.Series([_number(cell) for cell in column.astype(object)], index=column.index, dtype="float64")


def _number(cell: object) -> float:
    """Return a cell as a number, NaN for anything else."""
    if isinstance(cell, str):
        return float(cell) if _NUMBER.fullmatch(cell.strip()) else np.nan
    if isinstance(cell, bool) or not isinstance(cell, (int, float, Decimal, np.integer, np.floating)):
        return np.nan
    try:
        return float(cell)
    except OverflowError:
        return np.inf
    except ValueError:  # a signalling NaN
        return np.nan


def _is_divisor(cell: str) -> bool:
    low, high = BOUNDS["decimal"]
    return bool(_NUMBER.fullmatch(cell)) and low <= float(cell) <= high
