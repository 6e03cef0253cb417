"""What the values of a file make suspect: slips of the decimal point, stale rows, prices off the tick, jumps.

Each is a pure function of prices, one row a session, one column a code or a field. None changes a
value: whoever reads the data decides, so every error among these may be waived.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Cells = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]

#: Errors that stand for a judgement, not for a fact about the file: ``--waive`` may pass over them.
WAIVABLE = (
    "close-in-range",
    "decimal-slip",
    "high-below-low",
    "open-in-range",
    "split-not-in-price",
    "split-unrecorded",
)

#: A price that is ten or a hundred times its neighbours on both sides, or a tenth or a hundredth.
SLIPS = (10.0, 100.0)
#: How far from that it may lie, and the neighbours from each other: a day's limit.
SLIP_WITHIN = 1.3

#: Largest move of a stock in a session: 30 % of the base price, or, for low prices, 80 yen (G5).
LIMIT_SHARE, LIMIT_YEN = 0.30, 80.0

#: New shares per old in usual splits (a reverse split has the inverse of a whole one), and how near a price comes.
USUAL_SPLITS = (1.5, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0, 25.0, 50.0, 100.0)
SPLIT_WITHIN = 0.10

#: Rows in a run of one price that is suspect; low-priced stocks repeat a close four times without fault.
STALE_PRICES = 10

#: No stock and no fund trades finer than 0.1 yen (G2).
TICKS_PER_YEN = 10.0

# Rows at a time: what is computed of them stays in the cache of the processor.
_ROWS = 64


def _blocks(values: Floats, overlap: int = 0) -> Iterator[tuple[int, Floats]]:
    """Yield blocks of rows with the number of their first row; each ends `overlap` rows into the next."""
    for start in range(0, max(len(values) - overlap, 0), _ROWS):
        yield start, values[start : start + _ROWS + overlap]


def moved(values: Floats, share: float = LIMIT_SHARE) -> Cells:
    """Return the cells that differ from the row before by more than a share of it.

    Parameters
    ----------
    values : ndarray of float64, shape (n, k)

    Returns
    -------
    rows, columns : ndarrays of int, shape (m,)
        Of the later cell; NaN differs from nothing.
    """
    found: list[Cells] = []
    for start, block in _blocks(values, overlap=1):
        before = block[:-1]
        change = block[1:] - before
        np.abs(change, out=change)
        wide = change > share * before
        if wide.any():
            rows, columns = np.nonzero(wide)
            found.append((rows + start + 1, columns))
    return _joined(found)


def slips(values: Floats) -> Cells:
    """Return the cells whose decimal point slipped: off by ten or a hundred, and back in the next row.

    Examples
    --------
    >>> slips(np.array([[1000.0], [1010.0], [10150.0], [1020.0]]))[0].tolist()
    [2]
    """
    rows, columns = moved(values)
    inside = rows < len(values) - 1
    rows, columns = rows[inside], columns[inside]
    before, here, after = (values[rows + step, columns] for step in (-1, 0, 1))
    returned = np.maximum(before, after) <= SLIP_WITHIN * np.minimum(before, after)
    off = np.maximum(here, before) / np.minimum(here, before)
    near = [(off * SLIP_WITHIN >= slip) & (off <= slip * SLIP_WITHIN) for slip in SLIPS]
    bad = returned & np.logical_or.reduce(near)
    return rows[bad], columns[bad]


def off_tick(values: Floats) -> Cells:
    """Return the cells that are no multiple of 0.1 yen: nothing traded there (G2)."""
    found: list[Cells] = []
    for start, block in _blocks(values):
        units = block * TICKS_PER_YEN
        miss = units - np.rint(units)
        np.abs(miss, out=miss)
        odd = miss > 1e-6
        if odd.any():
            rows, columns = np.nonzero(odd)
            # Far from one, the last digit of a float is itself that large.
            real = miss[rows, columns] > 1e-9 * units[rows, columns]
            found.append((rows[real] + start, columns[real]))
    return _joined(found)


def repeated(values: Floats, rows: int = STALE_PRICES) -> list[tuple[int, int, int]]:
    """Return runs of one price as (column, first row, last row), each at least `rows` long."""
    if len(values) < rows:
        return []
    # In a run of n equal rows every (n-1)th row equals the one n-1 before it: a cheap first look.
    step = rows - 1
    columns = np.flatnonzero((values[step:] == values[:-step]).any(axis=0))
    return [(int(column), *run) for column in columns for run in _runs(values[:, column], rows)]


def _runs(prices: Floats, rows: int) -> Iterator[tuple[int, int]]:
    same = np.append(False, prices[1:] == prices[:-1])
    starts = np.flatnonzero(~same)
    ends = np.append(starts[1:], len(prices)) - 1
    long = ends - starts + 1 >= rows
    yield from zip(starts[long].tolist(), ends[long].tolist(), strict=True)


def copied(values: Floats) -> npt.NDArray[np.bool_]:
    """Return which rows repeat the row before in full, shape (n,); rows of one value throughout do not count.

    Parameters
    ----------
    values : ndarray of float64, shape (n, 4)
        Open, high, low and close.
    """
    same: npt.NDArray[np.bool_] = np.append(False, (values[1:] == values[:-1]).all(axis=1))[: len(values)]
    return same & (values.max(axis=1) > values.min(axis=1)) if len(values) else same


def beyond_limit(base: Floats, price: Floats, sessions: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return which prices lie further from their base than so many sessions can bring them (G5)."""
    limit = np.maximum(LIMIT_SHARE * base, LIMIT_YEN) * sessions
    wide: npt.NDArray[np.bool_] = np.abs(price - base) > limit
    return wide


def split_like(base: float, price: float) -> str:
    """Return the usual split that would explain a price after a base, "" for none.

    Examples
    --------
    >>> split_like(6000.0, 1970.0), split_like(300.0, 2950.0), split_like(1000.0, 1400.0)
    ('3:1', '1:10', '')
    """
    for ratio in USUAL_SPLITS:
        if abs(price * ratio / base - 1) <= SPLIT_WITHIN:
            return "3:2" if ratio == 1.5 else f"{ratio:g}:1"
        if ratio >= 2 and abs(price / ratio / base - 1) <= SPLIT_WITHIN:
            return f"1:{ratio:g}"
    return ""


def _joined(found: list[Cells]) -> Cells:
    if not found:
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    rows, columns = (np.concatenate(part) for part in zip(*found, strict=True))
    return rows, columns
