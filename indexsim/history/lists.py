"""A list of factors as it is published, or as a table of codes and factors."""

from __future__ import annotations

import csv
import io
from datetime import date
from fractions import Fraction
from pathlib import Path

from indexsim.errors import DataError, Finding, MissingData, SpecError
from indexsim.history.inference import FactorList

#: What the columns are called: in the publisher's file in Japanese, in English, and in a market folder.
CODE = ("code", "コード", "Code", "銘柄コード")
FACTOR = ("factor", "株価換算係数", "Price Adjustment Factor", "PAF", "Price Adjustment Factor (PAF)")
DAY = ("対象日付", "Date", "date", "effective_date", "日付")


def read_list(path: Path, day: date | None = None) -> FactorList:
    """Read a list of factors.

    Parameters
    ----------
    path : Path
        CSV, UTF-8 or Shift_JIS, with a column of codes and one of factors; what else stands in it is not read.
    day : date, optional
        Its day; None is what the file says in its column of dates.

    Raises
    ------
    MissingData
        No such file.
    DataError
        A column is missing, a factor is no number above zero, a code stands twice.
    SpecError
        The file has no day and none is given, or says another one.
    """
    rows = _cells(path)
    header = {name.strip(): name for name in rows[0]} if rows else {}
    code, factor = (next((header[n] for n in names if n in header), None) for names in (CODE, FACTOR))
    if code is None or factor is None:
        found = f"the header has {', '.join(header) or 'nothing'}"
        column = (CODE if code is None else FACTOR)[0]
        raise DataError([Finding(path.name, "line 1", column, "column-present", found)], asked=f"read the list {path}")
    factors: dict[str, Fraction] = {}
    findings = []
    for line, row in enumerate(rows, 2):
        name, text = (row[code] or "").strip(), (row[factor] or "").strip()
        if not text:  # a footer, which names the owner of the list
            continue
        value = _number(text)
        if value is None or not name:
            findings.append(Finding(path.name, f"line {line}", factor, "factor-positive", f"{text!r} of {name!r}"))
        elif name in factors:
            findings.append(Finding(path.name, f"line {line}", code, "code-once", f"{name} stands a second time"))
        else:
            factors[name] = value
    if findings or not factors:
        findings = findings or [Finding(path.name, "", factor, "file-has-rows", "no factor in it")]
        raise DataError(findings, asked=f"read the list {path}")
    return FactorList(_day(path, rows, header, day), factors)


def _cells(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise MissingData(
            asked=f"read the list {path}",
            found="no such file",
            rule="a list of factors is a CSV",
            todo="check the path",
        )
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp932", errors="replace")
    return list(csv.DictReader(io.StringIO(text), restval=""))


def _number(text: str) -> Fraction | None:
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None
    return value if value > 0 else None


def _day(path: Path, rows: list[dict[str, str]], header: dict[str, str], given: date | None) -> date:
    column = next((header[n] for n in DAY if n in header), None)
    said = {row[column].strip().replace("/", "-") for row in rows if row[column]} if column else set()
    days = {date.fromisoformat(text) for text in said if len(text) == len("2025-08-01") and text[:4].isdigit()}
    if len(days) == 1 and given in (None, *days):
        return days.pop()
    if given is not None and not days:
        return given
    raise SpecError(
        asked=f"date the list {path}",
        found=f"{', '.join(map(str, sorted(days))) or 'no day'} in the file, {given or 'none'} given",
        rule="a list is of one day, which the file or the command line says",
        todo="give the day that the file says, or correct the file",
    )
