"""Cells of a file from what was written to what they mean: days, numbers, and the bounds of both."""

from __future__ import annotations

import re
from decimal import Decimal

import numpy as np
import pandas as pd

#: Smallest and largest value of a kind: far beyond any market, and small enough for every sum.
BOUNDS = {"price": (1e-6, 1e12), "amount": (0.0, 1e15), "number": (-1e12, 1e12), "decimal": (1e-6, 1e12)}
#: Longest cell of a kind, in characters.
LONGEST = {"text": 250, "decimal": 40}

_ISO = r"(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}"
# As the CSV parser reads numbers: with infinity, which has a rule of its own, without NaN.
_NUMBER = re.compile(r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|inf(inity)?)", re.IGNORECASE | re.ASCII)


def parse_dates(column: pd.Series) -> pd.Series:
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


def is_plain(dtype: object) -> bool:
    """Say whether a column of this type holds numbers that float64 takes as they are."""
    return isinstance(dtype, np.dtype) and (dtype.kind in "iu" or dtype == np.float64)


def to_numbers(column: pd.Series) -> pd.Series:
    """Return a column as float64; NaN for a blank cell and for what is no number."""
    if is_plain(column.dtype):
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


def is_divisor(cell: str) -> bool:
    """Say whether a text is a number that can divide: above zero and within bounds."""
    low, high = BOUNDS["decimal"]
    return bool(_NUMBER.fullmatch(cell)) and low <= float(cell) <= high


def as_written(cells: pd.Series, at: int) -> str:
    """Show a cell as it stands in the file, cut where it is long."""
    cell = cells.iloc[at]
    text = "blank" if pd.api.types.is_scalar(cell) and pd.isna(cell) else repr(cell)
    return text if len(text) <= 40 else f"{text[:40]}..."
