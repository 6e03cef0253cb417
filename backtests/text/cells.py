"""Tables, signs and units of text answers."""

from __future__ import annotations

import unicodedata


def grid(rows: list[list[str]], left: int = 1) -> list[str]:
    """Align cells: the first `left` columns to the left, the others to the right."""
    width = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_padded(c, width[at], at < left) for at, c in enumerate(row)).rstrip() for row in rows]


def _padded(cell: str, width: int, left: bool) -> str:
    room = " " * (width - _width(cell))
    return cell + room if left else room + cell


def _width(cell: str) -> int:
    """Return how many columns of a terminal a text takes: Japanese letters take two."""
    return sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in cell)


def section(head: str, lines: list[str]) -> list[str]:
    """Return lines under a head, or nothing where there are none."""
    return [f"{head}:", *lines] if lines else []


def level(value: float | None) -> str:
    """Return a level in points with two decimals, a dash for an unknown one."""
    return "-" if value is None else f"{value:.2f}"


def signed(value: float | None) -> str:
    """Return a number with its sign and two decimals, a dash for an unknown one."""
    return "-" if value is None else f"{value:+.2f}"


def percent(value: float | None) -> str:
    """Return a fraction in percent with two decimals, a dash for an unknown one."""
    return "-" if value is None else f"{value:.2%}"


def number(value: float | None) -> str:
    """Return a number with two decimals, a dash for an unknown one."""
    return "-" if value is None else f"{value:.2f}"


def signed_percent(value: float | None) -> str:
    """Return a fraction in percent with its sign and two decimals, a dash for an unknown one."""
    return "-" if value is None else f"{value:+.2%}"
