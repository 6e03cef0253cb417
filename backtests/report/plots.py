"""The geometry of small charts: from values of a document to percent of a box, for the templates to draw.

A box is 1000 x 100 units, stretched by the page; labels stand outside it as text, so that they keep their size on a
phone. A template draws what a document holds and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from backtests.report.chart import Scale
from backtests.report.tables import ticks

#: Strongest colour of a cell of a heat map, in percent: text stays readable on it.
STRONGEST = 46
#: Points of a line at most: a page is as wide as that.
POINTS = 600

Values = Sequence[float | None]


def kept(n: int, most: int = POINTS) -> list[int]:
    """Return which of n places a thinned line keeps, evenly, the first and the last among them.

    Examples
    --------
    >>> kept(7, 4), kept(2)
    ([0, 2, 4, 6], [0, 1])
    """
    if n <= most:
        return list(range(n))
    every = -(-n // most)
    return [*range(0, n - 1, every), n - 1]


def spread(n: int, most: int = 5) -> list[int]:
    """Return which of n places get a label under a chart.

    Examples
    --------
    >>> spread(9, 3), spread(1)
    ([0, 4, 8], [0])
    """
    return sorted({round(i * (n - 1) / max(min(n, most) - 1, 1)) for i in range(min(n, most))})


def place(at: int, n: int) -> str:
    """Return the style that puts a label under place `at` of n; those near an end do not stand out over it.

    Examples
    --------
    >>> place(1, 3), place(2, 3)
    ('left: 50.0%; transform: translateX(-50%)', 'left: 100.0%; transform: translateX(-100%)')
    """
    return _under(_left(at, n))


def _under(left: float) -> str:
    shift = 0 if left < 8 else 100 if left > 92 else 50
    return f"left: {left}%; transform: translateX(-{shift}%)"


def axis(lines: Iterable[Values], among: Sequence[float] = (), most: int = 6) -> list[float]:
    """Return the round numbers beside some lines, ascending.

    Parameters
    ----------
    lines : iterable of sequences of float
        None is a gap.
    among : sequence of float
        Numbers that the box must hold as well.
    most : int
        So many at most.

    Examples
    --------
    >>> axis([[0.0, None, 0.4]], among=[1.0])
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    known = [value for line in lines for value in line if value is not None] + list(among)
    if not known:
        return [0.0]
    low, high = min(known), max(known)
    if high - low < 0.01:  # what `ticks` would call flat: scaled, so that small numbers have an axis of their own
        return _small(low, high, most)
    return ticks(low, high, most) or [low]


def _small(low: float, high: float, most: int) -> list[float]:
    """Return the ticks of a range narrower than those of `ticks`; of a flat one its only value."""
    if high <= low:
        return [low]
    factor = 10.0 ** int(np.ceil(-np.log10(high - low)))
    return [round(tick / factor, 16) for tick in ticks(low * factor, high * factor, most)] or [low]


def lines(values: Iterable[Values], marks: Sequence[float], at: int | None = None) -> dict[str, Any]:
    """Return lines of one length, spread evenly over the box.

    Parameters
    ----------
    values : iterable of sequences of float
        None is a gap in its line.
    marks : sequence of float
        The ticks.
    at : int, optional
        Place of the points that are marked.

    Returns
    -------
    dict
        ``lines`` (per line its runs as SVG points), ``tops`` (of the ticks), ``left`` of the mark and ``dots``, the
        height of each line there; all in percent but the points.
    """
    drawn = [list(line) for line in values]
    scale = _scale([*(v for line in drawn for v in line if v is not None), *marks])
    found = {"lines": [_runs(line, scale) for line in drawn], "tops": [scale.y(tick) for tick in marks]}
    if at is None:
        return {**found, "left": None, "dots": []}
    n = max(map(len, drawn))
    dots = [scale.y(value) for line in drawn if (value := line[at]) is not None]
    return {**found, "left": _left(at, n), "dots": dots}


def _runs(line: Values, scale: Scale) -> list[str]:
    """Return the points of a line, one text for each run without a gap."""
    step = 1000.0 / max(len(line) - 1, 1)
    points = [None if value is None else f"{i * step:.1f},{scale.y(value):.2f}" for i, value in enumerate(line)]
    return [" ".join(p for p in run if p) for known, run in groupby(points, key=lambda p: p is not None) if known]


def _left(at: int, n: int) -> float:
    return round(100.0 * at / max(n - 1, 1), 2)


def bars(edges: Sequence[float], counts: Sequence[int], marks: Sequence[float | None] = ()) -> dict[str, Any]:
    """Return the bars of a histogram, and where numbers lie among them.

    Parameters
    ----------
    edges : sequence of float
        Of the bins, one more than `counts`.
    counts : sequence of int
    marks : sequence of float or None
        Drawn as upright lines; the box is as wide as the bins and these together.

    Returns
    -------
    dict
        ``bars`` (x, y and height in units of the box), their ``width``, ``marks`` (x, None where there is no number),
        ``labels``: of five edges the place in `edges` and the style of a label under it.
    """
    known = [*edges, *(mark for mark in marks if mark is not None)]
    low, span, highest = min(known), (max(known) - min(known)) or 1.0, max([*counts, 1])
    x = [round(1000.0 * (edge - low) / span, 2) for edge in edges]
    heights = [round(100.0 * n / highest, 2) for n in counts]
    return {
        "bars": [{"x": at, "y": round(100.0 - height, 2), "h": height} for at, height in zip(x, heights, strict=False)],
        "width": round(0.94 * (x[-1] - x[0]) / len(counts), 2),
        "marks": [None if mark is None else round(1000.0 * (mark - low) / span, 1) for mark in marks],
        "labels": [(at, _under(x[at] / 10)) for at in spread(len(edges))],
    }


def shades(rows: Sequence[Values]) -> list[list[int | None]]:
    """Return how strong the colour of each cell of a heat map is, in percent; None for one without a value."""
    known = [value for row in rows for value in row if value is not None]
    if not known:
        return [[None] * len(row) for row in rows]
    low, span = min(known), (max(known) - min(known)) or 1.0
    return [[None if v is None else round(STRONGEST * (v - low) / span) for v in row] for row in rows]


def _scale(values: Sequence[float]) -> Scale:
    """Return the scale that just holds the values; a flat line lies in the middle."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    room = 0.0 if high > low else abs(high) * 0.01 or 1.0
    return Scale(low - room, high + room)
