"""The small picture of a claim: what was measured, with its interval, beside what is asserted. SVG, no script."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

WIDTH, HEIGHT = 180, 26
_PAD, _MIDDLE = 8.0, HEIGHT / 2


def picture(claim: Mapping[str, Any]) -> Markup:
    """Draw a claim of an answer (`backtests.claims.judge.Judgement.answer`).

    A dot is what was measured or is known, the bar its 90 % interval, the dashed line what is asserted, the band how
    far off it may be. A fact in words shows whether the two are equal, a claim without a figure an empty frame.
    """
    found = _number(claim["known"]) if claim["test"] == "fact" else claim["effect"]
    if found is not None:
        return _line(float(found), claim["interval"], claim["reference"], claim["tolerance"])
    if claim["test"] == "fact":
        return _words(claim["verdict"] == "supported")
    return _svg("no figure", _frame())


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _line(found: float, interval: list[float] | None, reference: float | None, tolerance: float | None) -> Markup:
    """Draw a figure on its axis."""
    ends = interval or []
    band = [] if reference is None or tolerance is None else [reference - tolerance, reference + tolerance]
    at = _axis([found, *ends, *band, *([] if reference is None else [reference])])
    parts = [_stroke(f"{_PAD:g}", f"{WIDTH - _PAD:g}", 1, 0.25)]
    parts += [_stroke(at(band[0]), at(band[1]), HEIGHT - 8, 0.12)] if band else []
    parts += [_stroke(at(ends[0]), at(ends[1]), 4, 0.45)] if ends else []
    if reference is not None:
        parts.append(f'<path d="M{at(reference)} 3V{HEIGHT - 3}" stroke="currentColor" stroke-dasharray="3 2"/>')
    parts.append(f'<circle cx="{at(found)}" cy="{_MIDDLE:g}" r="4" fill="currentColor"/>')
    said = f"found {found:.4g}" + (f", interval {ends[0]:.4g} to {ends[1]:.4g}" if ends else "")
    return _svg(said + ("" if reference is None else f", asserted {reference:.4g}"), "".join(parts))


def _axis(marks: Sequence[float]) -> Callable[[float], str]:
    """Return where a number stands on an axis that just holds the marks."""
    low, high = min(marks), max(marks)
    span = (high - low) or 1.0
    start = (low + high - span) / 2
    return lambda number: f"{_PAD + (number - start) / span * (WIDTH - 2 * _PAD):.1f}"


def _stroke(start: str, end: str, width: int, opacity: float) -> str:
    return (
        f'<path d="M{start} {_MIDDLE:g}H{end}" stroke="currentColor" stroke-width="{width}" '
        f'stroke-opacity="{opacity}" fill="none"/>'
    )


def _words(equal: bool) -> Markup:
    """Draw two texts that are the same, or are not."""
    x, y = WIDTH / 2, _MIDDLE
    strokes = f"M{x - 8:g} {y - 3:g}H{x + 8:g}M{x - 8:g} {y + 3:g}H{x + 8:g}"
    strokes += "" if equal else f"M{x - 6:g} {y + 9:g}L{x + 6:g} {y - 9:g}"
    parts = (
        f'<circle cx="{x - 30:g}" cy="{y:g}" r="6" stroke="currentColor" stroke-dasharray="3 2" fill="none"/>',
        f'<circle cx="{x + 30:g}" cy="{y:g}" r="5" fill="currentColor"/>',
        f'<path d="{strokes}" stroke="currentColor"/>',
    )
    return _svg("asserted and known agree" if equal else "asserted and known differ", "".join(parts))


def _frame() -> str:
    return (
        f'<rect x="{_PAD:g}" y="6" width="{WIDTH - 2 * _PAD:g}" height="{HEIGHT - 12}" fill="none" '
        'stroke="currentColor" stroke-opacity="0.35" stroke-dasharray="2 3"/>'
    )


def _svg(said: str, body: str) -> Markup:
    # Everything inside is made of numbers and words of this file.
    return Markup(
        f'<svg role="img" aria-label="{said}" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"{body}</svg>"
    )
