"""Split-adjusted prices brought back to what was traded, to the tick where the price is on one.

A price adjusted for later splits is what was traded over their ratios, rounded to the decimals of the file. Times the
ratios it is known to within half a last digit times the ratios; the tick table of the day says which price in there
was possible. Which of the exchange's three tables a stock was on no file says, so the coarsest that its prices of a
stretch are all on is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim.errors import Finding
from indexsim.gathering.reconcile import decimals
from indexsim.gathering.splits import KnownSplit
from indexsim.tick_sizes import PER_YEN, tick_table

#: The tables of the exchange, coarsest first.
TABLES = ("stock", "stock_mid400", "stock_fine")
#: Share of a stretch's prices that must lie on a table's ticks for it to be the table of the stock.
_MOST = 0.98
_PRICES = ("open", "high", "low", "close")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OffTick:
    """Prices of one stock that could not be put on a tick.

    Attributes
    ----------
    code : str
    first, last : Timestamp
    rows : int
    why : str
    """

    code: str
    first: pd.Timestamp
    last: pd.Timestamp
    rows: int
    why: str


def unadjusted(
    prices: pd.DataFrame, splits: Iterable[KnownSplit], file: str
) -> tuple[pd.DataFrame, list[OffTick], list[Finding]]:
    """Return prices and volumes as traded.

    Parameters
    ----------
    prices : DataFrame
        ``date``, ``code``, prices in yen and ``volume`` in shares.
    splits : iterable of KnownSplit
        Those that the prices are adjusted for.
    file : str
        Where they come from, for findings.

    Returns
    -------
    prices : DataFrame
        In the same order; rows of stocks without a split unchanged.
    off : list of OffTick
        What stands on no tick: the nearest one, or the product where none is near, is in the frame.
    findings : list of Finding
        One for each of these, and for volumes that are no whole number of shares.
    """
    by_code: dict[str, list[KnownSplit]] = {}
    for split in splits:
        by_code.setdefault(split.code, []).append(split)
    named = [name for name in _PRICES if name in prices]
    back = {name: prices[name].to_numpy(dtype=np.float64).copy() for name in (*named, "volume") if name in prices}
    dates = prices["date"].to_numpy().astype("datetime64[D]")
    digits = {name: written_to(dates, prices[name].to_numpy()) for name in named}
    off: list[OffTick] = []
    findings: list[Finding] = []
    rows_of = prices.groupby("code", sort=True).indices
    for code, own in sorted(by_code.items()):
        if code not in rows_of:
            continue
        at = np.asarray(rows_of[code])
        days = dates[at]
        ratio = ratios(days, own)
        at, days, ratio = at[ratio != 1], days[ratio != 1], ratio[ratio != 1]
        if not len(at):
            continue
        for name in named:
            adjusted = prices[name].to_numpy()[at]
            traded, state = to_ticks(days, adjusted * ratio, 0.5 * 10.0 ** -digits[name][at] * ratio)
            if (state == 2).mean() > 1 - _MOST:  # the vendor writes this stock to fewer decimals than others
                traded, state = to_ticks(days, adjusted * ratio, 0.5 * 10.0 ** -written_to(days, adjusted) * ratio)
            back[name][at] = traded
            if name == "close":
                off += _off(code, days, state)
        if "volume" in back:
            back["volume"][at], said = _volumes(back["volume"][at], ratio, code, file)
            findings += said
    return prices.assign(**back), off, [*findings, *(_said(o, file) for o in off)]


def ratios(days: NDArray[np.datetime64], splits: Iterable[KnownSplit]) -> Floats:
    """Return what an adjusted price of each day is multiplied by: the ratios of all splits after that day."""
    found = np.ones(len(days))
    for split in splits:
        found[days < np.datetime64(split.ex)] *= float(split.ratio)
    return found


def written_to(days: NDArray[np.datetime64], prices: Floats) -> Floats:
    """Return to how many decimals each price was written: those of its month and its power of ten.

    Vendors round by size, and change how they round.
    """
    found = np.zeros(len(prices))
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.nan_to_num(np.floor(np.log10(prices)))
    group = days.astype("datetime64[M]").astype(np.int64) * 100 + size.astype(np.int64)
    for which in np.unique(group):
        rows = group == which
        found[rows] = decimals(prices[rows])
    return found


def to_ticks(days: NDArray[np.datetime64], values: Floats, half: Floats) -> tuple[Floats, NDArray[np.int8]]:
    """Return prices on ticks, and whether each is certain.

    Parameters
    ----------
    days : ndarray of datetime64[D], shape (n,)
    values : ndarray of float64, shape (n,)
        Yen, known to within `half`; NaN stays.
    half : ndarray of float64, shape (n,)

    Returns
    -------
    prices : ndarray of float64, shape (n,)
    state : ndarray of int8, shape (n,)
        0 certain, 1 several ticks are near (the nearest is taken), 2 none is (the value is kept).
    """
    out, state = values.copy(), np.zeros(len(values), dtype=np.int8)
    known = np.isfinite(values)
    for stretch in _stretches(days):
        rows = stretch[known[stretch]]
        if len(rows):
            out[rows], state[rows] = _on_table(days[rows], values[rows], half[rows])
    return out, state


def _stretches(days: NDArray[np.datetime64]) -> Iterator[NDArray[np.intp]]:
    """Yield rows between two days on which any of the tables changes."""
    starts = sorted({since for name in TABLES for since, _ in tick_table(name).steps})
    number = np.searchsorted(np.array(starts, dtype="datetime64[D]"), days, side="right")
    for which in np.unique(number):
        yield np.flatnonzero(number == which)


def _on_table(days: NDArray[np.datetime64], values: Floats, half: Floats) -> tuple[Floats, NDArray[np.int8]]:
    for name in TABLES:
        ticks = _ticks(name, days, values)
        nearest = np.round(np.rint(values / ticks) * ticks, 2)
        near = np.abs(nearest - values) <= half * (1 + 1e-9) + 1e-9 * values
        # Of two ticks as far apart as two printed prices only one is printed so, but from half-way between them.
        certain = near & (half <= ticks / 2 * (1 + 1e-9)) & (np.abs(nearest - values) < ticks / 2 * (1 - 1e-6))
        if near.mean() >= _MOST and certain.mean() >= _MOST:
            break
    state = np.where(certain, 0, np.where(near, 1, 2)).astype(np.int8)
    return np.where(near, nearest, np.round(values, 2)), state


def _ticks(table: str, days: NDArray[np.datetime64], values: Floats) -> Floats:
    units = np.rint(values * PER_YEN).astype(np.int64)
    ticks: Floats = tick_table(table).ticks(days, units) / PER_YEN
    return ticks


def _off(code: str, days: NDArray[np.datetime64], state: NDArray[np.int8]) -> list[OffTick]:
    found = []
    for which, why in ((1, "several ticks are as near: the nearest is taken"), (2, "no tick is near: kept as it is")):
        rows = np.flatnonzero(state == which)
        if len(rows):
            first, last = pd.Timestamp(days[rows[0]]), pd.Timestamp(days[rows[-1]])
            found.append(OffTick(code, first, last, len(rows), why))
    return found


def _said(off: OffTick, file: str) -> Finding:
    row = f"{off.first:%Y-%m-%d}" + (f"..{off.last:%Y-%m-%d}" if off.last != off.first else "")
    return Finding(file, row, off.code, "not-on-a-tick", f"{off.rows} closes: {off.why}", "warning")


def _volumes(adjusted: Floats, ratio: Floats, code: str, file: str) -> tuple[Floats, list[Finding]]:
    """Return volumes as traded, in whole shares, and say where they were far from whole."""
    shares = adjusted / ratio
    whole = np.rint(shares)
    with np.errstate(invalid="ignore"):
        odd = int((np.abs(shares - whole) > 0.01 + 1e-9 * whole).sum())
    if odd <= len(shares) // 20:
        return whole, []
    return whole, [Finding(file, "", code, "volume-is-whole", f"{odd} volumes are no whole shares: rounded", "warning")]
