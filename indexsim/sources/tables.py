"""A publisher's CSV as a frame: columns by their names, every cell a number, days that ascend."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import pandas as pd

from indexsim.sources.answers import BrokenOff, SourceError

#: How publishers write that there is no number.
BLANK = ("", ".", "-", "N/A", "null")


def read_csv(
    text: str,
    asked: str,
    columns: Mapping[str, str],
    *,
    required: Collection[str],
    days: Sequence[str] = ("%Y-%m-%d",),
) -> pd.DataFrame:
    """Return a table of days.

    Parameters
    ----------
    text : str
        Header and rows, nothing else.
    asked : str
        For the error.
    columns : mapping of header to column
        Every header that is known; an empty column is passed over. The day is called ``date``.
    required : collection of str
        Columns without which the answer is refused, besides ``date``.
    days : sequence of str
        Formats of a day, as `datetime.strptime` takes them.

    Returns
    -------
    DataFrame
        Columns in the order of `columns`, float64, NaN where the publisher gives no number; indexed by day.

    Raises
    ------
    SourceError
        An unknown or missing header, a cell that is no number or no day, days that do not ascend.
    BrokenOff
        The last row has fewer cells than the header.
    """
    rows = list(csv.reader(io.StringIO(text.strip("\r\n")), strict=False))
    header = [name.strip() for name in rows[0]] if rows else []
    _known(header, asked, columns, required)
    dates: list[datetime] = []
    cells: dict[str, list[float]] = {columns[name]: [] for name in columns if name in header and columns[name]}
    cells.pop("date")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            kind = BrokenOff if number == len(rows) and len(row) < len(header) else SourceError
            found = f"line {number} has {len(row)} cells under {len(header)} columns"
            raise kind(asked=asked, found=found, rule="a row is whole", todo="try again later")
        for name, cell in zip(header, row, strict=True):
            if columns[name] == "date":
                dates.append(_day(cell.strip(), number, asked, days))
            elif columns[name]:
                cells[columns[name]].append(_number(cell.strip(), number, name, asked))
    return in_order(pd.DataFrame(cells, index=pd.DatetimeIndex(dates, name="date"), dtype="float64"), asked)


def in_order(frame: pd.DataFrame, asked: str) -> pd.DataFrame:
    """Return a frame whose days ascend.

    Raises
    ------
    SourceError
        They do not, or one stands twice.
    """
    falls = (frame.index[1:] <= frame.index[:-1]).nonzero()[0]
    if len(falls):
        day, before = frame.index[falls[0] + 1], frame.index[falls[0]]
        raise SourceError(
            asked=asked,
            found=f"the row of {day:%Y-%m-%d} after that of {before:%Y-%m-%d}",
            rule="days ascend, and each stands once",
            todo="the source may have changed its format; open the address in a browser",
        )
    return frame


def _known(header: list[str], asked: str, columns: Mapping[str, str], required: Collection[str]) -> None:
    unknown = [name for name in header if name not in columns]
    present = [columns[name] for name in header if columns.get(name)]
    missing = [name for name in ("date", *required) if name not in present]
    twice = sorted({name for name in present if present.count(name) > 1})
    if unknown or missing or twice:
        found = f"the header {', '.join(header)!r}" if header else "an empty answer"
        what = [f"unknown {name!r}" for name in unknown] + [f"no {name}" for name in missing]
        raise SourceError(
            asked=asked,
            found="; ".join([found, *what, *(f"{name} twice" for name in twice)]),
            rule=f"the columns are {', '.join(name for name in columns if columns[name])}, in any order",
            todo="the source may have changed its format; open the address in a browser",
        )


def _day(cell: str, line: int, asked: str, formats: Sequence[str]) -> datetime:
    for form in formats:
        try:
            return datetime.strptime(cell, form)
        except ValueError:
            continue
    found = f"line {line}: {cell!r} is no day"
    raise SourceError(asked=asked, found=found, rule="a row is a day", todo="try again later")


def _number(cell: str, line: int, name: str, asked: str) -> float:
    try:
        number = math.nan if cell in BLANK else float(cell)
    except ValueError:
        number = math.inf
    if math.isinf(number) or "_" in cell:
        found = f"line {line}, {name}: {cell!r} is no number"
        raise SourceError(asked=asked, found=found, rule="a cell is a number or blank", todo="try again later")
    return number
