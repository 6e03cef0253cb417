"""Bytes of a file as a sheet of text cells: encoding, compression, delimiter, header, footer.

Nothing is guessed: bytes that are no text, a cell that never ends and a row that is too short are refused by
name, and what stands above the header or below the last row is set aside, never read as data.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from indexsim.errors import DataError, Finding, ToolError
from indexsim.official.words import meaning

#: What a file begins with that is no text, and what it is then.
_SIGNATURES = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x89PNG", "a picture"),
    (b"SQLite format 3", "a database"),
)
#: Lines among which the header is looked for.
_HEAD_LINES = 30
#: What a header has a word for.
_HEADED = {"date", "ex_date", "ticker", "close", "code"}
#: Largest size of an unpacked file, in bytes.
_LARGEST = 2_000_000_000


def refused(name: str, found: str, rule: str, todo: str) -> ToolError:
    """Return the error for a file that cannot be read."""
    return ToolError(asked=f"import {name}", found=found, rule=rule, todo=todo)


@dataclass(frozen=True)
class Sheet:
    """A file as cells of text.

    Attributes
    ----------
    name : str
        File name.
    cells : DataFrame of str
        Every row of the file as it stands, numbered columns; NaN where a row has no such cell.
    ends : bool
        Whether the last line has an end: a file that was cut has none.
    """

    name: str
    cells: pd.DataFrame
    ends: bool

    @cached_property
    def header_row(self) -> int:
        """Position of the first row of several cells with a word for days, tickers or fields, else of several cells."""
        head = self.cells.iloc[:_HEAD_LINES].fillna("")
        found = np.flatnonzero((head != "").sum(axis=1).to_numpy() > 1).tolist()
        named = [at for at in found if _HEADED & {meaning(plain(str(cell))) for cell in head.iloc[at]}]
        return next(iter([*named, *found]), -1)

    @cached_property
    def header(self) -> tuple[str, ...]:
        """Names of the columns, `plain`; empty for a file without a header."""
        if self.header_row < 0:
            return ()
        return tuple(plain(cell) if isinstance(cell, str) else "" for cell in self.cells.iloc[self.header_row])

    def body(self, skipped: int = 0) -> pd.DataFrame:
        """Return the rows between header and footer, columns as `header`, index the line of each row.

        Parameters
        ----------
        skipped : int
            Further rows of the header.

        Raises
        ------
        DataError
            A row has fewer or more cells than the header, or there is none.
        """
        start = self.header_row + 1 + skipped
        rows = self.cells.iloc[start : _last_row(self.cells, start) + 1]
        rows = rows[(rows.fillna("") != "").any(axis=1)]
        wide = _width(self.header)
        self._whole(rows, wide)
        body = rows.iloc[:, :wide].set_axis(list(self.header[:wide]), axis=1)
        body.index = body.index + 1
        return body

    def _whole(self, rows: pd.DataFrame, wide: int) -> None:
        names = [name for name in self.header[:wide] if name]
        twice = sorted({name for name in names if names.count(name) > 1})
        findings = [Finding(self.name, "header", name, "column-once", "stands twice in the header") for name in twice]
        short = rows.iloc[:, :wide].isna().any(axis=1).to_numpy()
        long = (rows.iloc[:, wide:].fillna("") != "").any(axis=1).to_numpy()
        for at in np.flatnonzero(short | long).tolist():
            count = int(rows.iloc[at].notna().sum())
            found = f"{count} cells under {wide} columns"
            findings.append(Finding(self.name, f"line {rows.index[at] + 1}", "", "row-is-whole", found))
        if not len(rows):
            findings.append(Finding(self.name, "", "", "file-has-rows", "no rows below the header"))
        if findings:
            raise DataError(findings, asked=f"import {self.name}", todo="get the file again, whole")


def plain(cell: str) -> str:
    """Return a header cell without width, case, spaces, marks and what stands in brackets.

    Examples
    --------
    >>> plain("Date of Data"), plain("終値（円）"), plain("<CLOSE>")
    ('dateofdata', '終値', 'close')
    """
    text = re.sub(r"\(.*?\)", "", unicodedata.normalize("NFKC", cell))
    return re.sub(r"[\s_<>*]", "", text).casefold()


def read_sheet(name: str, data: bytes) -> Sheet:
    """Return the cells of a file.

    Parameters
    ----------
    name : str
    data : bytes
        CSV in UTF-8, UTF-16 or Shift_JIS, also gzipped.

    Raises
    ------
    ToolError
        The bytes are no such text.
    """
    text = _text(name, _unpacked(name, data))
    _refuse_pages(name, text)
    delimiter = _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows: list[list[str | None]] = [[*row] for row in reader]
    except csv.Error as error:
        rule = "rows of cells, every quoted cell closed"
        raise refused(name, str(error), rule, "get the file again, whole") from None
    if reader.line_num != len(rows):
        raise refused(name, "a cell with a line break", "a row is a line", "write it without")
    width = max(len(row) for row in rows)
    for row in rows:
        row += [None] * (width - len(row))
    cells = pd.DataFrame(rows, dtype="str")
    return Sheet(name, cells.apply(lambda column: column.str.strip()), text.endswith(("\n", "\r")))


def _unpacked(name: str, data: bytes) -> bytes:
    if not data.strip():
        raise refused(name, "it is empty", "a file holds a header and rows", "get the file again")
    for mark, what in _SIGNATURES:
        if data.startswith(mark):
            todo = "save the table in it as CSV, or unpack it"
            raise refused(name, f"it is {what}", "text with a header and rows (CSV), or gzip of it", todo)
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            plain_bytes = file.read(_LARGEST)
    except (OSError, EOFError, zlib.error) as error:
        raise refused(name, f"broken gzip: {error}", "a gzip that unpacks", "get the file again, whole") from None
    return plain_bytes


def _text(name: str, data: bytes) -> str:
    utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "cp932"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not re.search(r"[\x00-\x08\x0e-\x1f]", text):
            return text.replace("\r\n", "\n").replace("\r", "\n")
    raise refused(
        name,
        "bytes that are neither UTF-8 nor Shift_JIS",
        "text in UTF-8, UTF-16 with its mark, or Shift_JIS",
        "save the file anew in UTF-8",
    )


def _refuse_pages(name: str, text: str) -> None:
    head = text.lstrip()[:2000].lower()
    if head.startswith(("<!doctype", "<html", "<?xml", "<head", "<body")):
        title = re.search(r"<title>(.*?)</title>", head, re.DOTALL)
        said = f", titled {title[1].strip()!r}" if title else ""
        raise refused(name, f"it is a web page{said}", "a table as CSV", "get the file again: the source sent a page")
    if head.startswith(("{", "[")):
        raise refused(name, "it is JSON, perhaps an error of the source", "a table as CSV", "get the file again")


def _delimiter(text: str) -> str:
    head = text[:20_000].split("\n")[:_HEAD_LINES]
    counts = {mark: sum(line.count(mark) for line in head) for mark in (",", "\t", ";")}
    return max(counts, key=lambda mark: counts[mark])


def _width(header: Sequence[str]) -> int:
    named = [at for at, name in enumerate(header) if name]
    return max(named) + 1 if named else 0


def _last_row(cells: pd.DataFrame, start: int) -> int:
    """Return the position of the last row that is data: a footer has no digit but in its first cell."""
    for at in range(len(cells) - 1, start - 1, -1):
        row = [unicodedata.normalize("NFKC", cell) for cell in cells.iloc[at] if isinstance(cell, str)]
        if not any(row):
            continue
        if row[0][:1].isdigit() or any(re.search(r"\d", cell) for cell in row[1:]):
            return at
    return start - 1
