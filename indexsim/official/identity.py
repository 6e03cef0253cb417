"""Which series a column of closes is: a table of prices rarely says, its values over the years do.

A series fits where every close lies within the range of its year (``data/facts/series_ranges.csv``); a year that
the table does not know says nothing. A fund trades near its index, a share of any company may do so: a fund is
recognised only beside its index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from indexsim.facts import FACTS, Cells, read_table

#: Fund -> its index.
FUNDS = {"etf_1321": "n225", "etf_1306": "topix"}
#: A fund lies within these bounds of its index, and the ratio of the two moves less than so much in a session.
_FUND_RATIO, _FUND_DRIFT = (0.85, 1.15), 0.01
#: Closes from which prices in tenths are taken for prices of something that trades in ticks.
_ENOUGH = 20


@dataclass(frozen=True)
class Range:
    """Where the closes of a series lie in a year, or in every year."""

    series: str
    year: int | None
    low: float
    high: float


@cache
def ranges() -> tuple[Range, ...]:
    """Return the known ranges."""
    return read_table(FACTS / "series_ranges.csv", _range)


def _range(row: Cells) -> Range:
    return Range(row["series"], int(row["year"]) if row["year"] else None, float(row["low"]), float(row["high"]))


def fitting(closes: pd.Series, known: Mapping[str, pd.Series]) -> tuple[str, ...]:
    """Return the series that closes can be.

    Parameters
    ----------
    closes : Series of float64
        Indexed by day; NaN is unknown.
    known : mapping of series to Series
        Closes of series that are certain, to recognise funds by.

    Returns
    -------
    tuple of str
        Sorted; empty where nothing fits, or nothing is known of these years.
    """
    closes = closes.dropna()
    found = [name for name in sorted({r.series for r in ranges()}) if within(name, closes)]
    if in_ticks(closes):
        found = [] if len(closes) >= _ENOUGH else found
        found += [fund for fund, index in FUNDS.items() if index in known and _follows(closes, known[index])]
    return tuple(sorted(found))


def within(series: str, closes: pd.Series) -> bool:
    """Say whether all closes lie in the known ranges of a series, at least one of them in a known year."""
    return known_years(series, closes) and outside(series, closes).empty


def outside(series: str, closes: pd.Series) -> pd.Series:
    """Return the closes beyond the range of a series in their year; none of a year that the table does not know."""
    years = pd.DatetimeIndex(closes.index).year.to_numpy()
    values = closes.to_numpy()
    beyond = np.zeros(len(values), dtype=bool)
    for held in (r for r in ranges() if r.series == series):
        inside = np.ones(len(values), dtype=bool) if held.year is None else years == held.year
        beyond |= inside & ((values < held.low) | (values > held.high))
    return closes[beyond]


def known_years(series: str, closes: pd.Series) -> bool:
    """Say whether the table can judge any of the closes."""
    years = set(pd.DatetimeIndex(closes.index).year.tolist())
    return any(r.series == series and (r.year is None or r.year in years) for r in ranges())


def in_ticks(closes: pd.Series) -> bool:
    """Say whether every price is a multiple of 0.1: an index has hundredths, a share and a fund trade in ticks."""
    tenths = closes.to_numpy() * 10
    return bool((np.abs(tenths - np.rint(tenths)) < 1e-6).all())


def _follows(closes: pd.Series, index: pd.Series) -> bool:
    ratio = (closes / index.reindex(closes.index)).dropna()
    if not len(ratio) or not ratio.between(*_FUND_RATIO).all():
        return False
    steps = np.abs(np.diff(np.log(ratio.to_numpy())))
    return not len(steps) or bool(np.median(steps) < _FUND_DRIFT)
