"""p-values of many claims at once, so that one of two hundred is not taken for a discovery."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p: Sequence[float]) -> list[float]:
    """Adjust p-values so that the chance of any false rejection stays at the level (Holm 1979).

    Examples
    --------
    >>> [round(x, 6) for x in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p)), key=lambda i: p[i])
    adjusted, largest = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = largest
    return adjusted


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Adjust p-values so that the expected share of false ones among the rejected stays at the level (1995).

    Examples
    --------
    >>> [round(x, 6) for x in benjamini_hochberg([0.01, 0.04, 0.03])]
    [0.03, 0.04, 0.04]
    """
    order = sorted(range(len(p)), key=lambda i: p[i], reverse=True)
    adjusted, least = [0.0] * len(p), 1.0
    for passed, i in enumerate(order):
        least = min(least, len(p) / (len(p) - passed) * p[i])
        adjusted[i] = least
    return adjusted
