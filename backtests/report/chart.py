"""The geometry of the first chart: from the curves of the document to SVG points.

Two boxes of 1000 x 100 units, stretched by the page: returns above, drawdown below. Labels stand
outside the drawing, as text in percent of the height, so that they keep their size on a phone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: Curves in the order they are drawn, the last on top, with their names on the page.
CURVES = {
    "benchmark_total": "Nikkei 225, total return",
    "benchmark_price": "Nikkei 225, price",
    "gross": "Gross",
    "net": "Net",
}


@dataclass(frozen=True)
class Scale:
    """A vertical scale: `low` at the bottom (100), `high` at the top (0).

    Examples
    --------
    >>> Scale(-0.1, 0.3).y(0.1)
    50.0
    """

    low: float
    high: float

    def y(self, value: float) -> float:
        """Return the distance from the top, in percent of the height."""
        return round(100.0 * (self.high - value) / (self.high - self.low), 2)


def geometry(curves: dict[str, Any]) -> dict[str, Any]:
    """Return what the template needs to draw the curves.

    Parameters
    ----------
    curves : dict
        The ``curves`` of the document.

    Returns
    -------
    dict
        ``lines`` [{name, label, points}], ``area`` (closed, the drawdown), and for both boxes the
        heights of the ticks, ``return_tops`` and ``drawdown_tops``, in percent.
    """
    returns = _scale([curves["return_ticks"], *(curves[name] for name in CURVES if name in curves)])
    falls = _scale([curves["drawdown_ticks"], curves["drawdown"]])
    return {
        "lines": [
            {"name": name, "label": label, "points": _points(curves[name], returns)}
            for name, label in CURVES.items()
            if name in curves
        ],
        "area": f"0,0 {_points(curves['drawdown'], falls)} 1000,0",
        "return_tops": [returns.y(tick) for tick in curves["return_ticks"]],
        "drawdown_tops": [falls.y(tick) for tick in curves["drawdown_ticks"]],
    }


def _scale(parts: list[list[float]]) -> Scale:
    """Return the scale that just holds every value; a flat line gets one percent of room."""
    values = [value for part in parts for value in part]
    return Scale(min(values), max(*values, min(values) + 0.01))


def _points(values: list[float], scale: Scale) -> str:
    """Return values as SVG points, spread evenly over the width."""
    step = 1000.0 / max(len(values) - 1, 1)
    return " ".join(f"{i * step:.1f},{scale.y(value):.2f}" for i, value in enumerate(values))


def together(lines: list[list[float]], ticks: list[float]) -> dict[str, Any]:
    """Return several lines on one scale: ``points`` of each, and ``tops``, the heights of the ticks in percent."""
    scale = _scale([ticks, *lines])
    return {"points": [_points(line, scale) for line in lines], "tops": [scale.y(tick) for tick in ticks]}


def strokes(n: int) -> list[dict[str, str]]:
    """Return a colour and a dash for each of n lines: hues around the circle, dashes for who sees no hues.

    Examples
    --------
    >>> [stroke["dash"] for stroke in strokes(5)]
    ['none', '7 3', '2 3', '9 3 2 3', 'none']
    """
    dashes = ("none", "7 3", "2 3", "9 3 2 3")
    hues = [(190 + round(360 * i / n)) % 360 for i in range(n)]
    return [{"colour": f"hsl({hue}, 65%, 40%)", "dash": dashes[i % len(dashes)]} for i, hue in enumerate(hues)]
