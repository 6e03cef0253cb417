"""Is the best trial a peak or a plateau: what its neighbours in the sweep earned.

A true effect does not vanish when a parameter moves by one step. This is a hint and no test: it cannot tell luck that
neighbours share from skill.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from backtests.metrics import UndefinedError


@dataclass(frozen=True)
class Plateau:
    """The chosen trial among its neighbours.

    Attributes
    ----------
    score : float
        Median figure of the neighbours over its own: 1 on a plateau, 0 or less on a peak.
    rank : int
        Its place among itself and them, 1 the best; equals share the better place.
    neighbours : int
        How many there are.
    """

    score: float
    rank: int
    neighbours: int


def plateau(own: float, neighbours: Sequence[float]) -> Plateau:
    """Compare the selection figure of the chosen trial with that of its neighbours.

    Parameters
    ----------
    own : float
        Its figure, e.g. its Sharpe ratio; higher is better.
    neighbours : sequence of float
        The same figure of the trials one step away on an axis, as far as they have it.

    Raises
    ------
    UndefinedError
        No neighbours, an unknown figure, or one not above 0: a share of it says nothing.

    Examples
    --------
    >>> plateau(2.0, [1.0, 1.8, 2.2])
    Plateau(score=0.9, rank=2, neighbours=3)
    """
    if not neighbours:
        raise UndefinedError("the chosen trial has no neighbours")
    if not all(math.isfinite(each) for each in (own, *neighbours)):
        raise UndefinedError("a figure of the chosen trial or of a neighbour is unknown")
    if not own > 0:
        raise UndefinedError("the figure of the chosen trial is not above 0")
    return Plateau(median(neighbours) / own, 1 + sum(other > own for other in neighbours), len(neighbours))
