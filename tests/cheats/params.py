"""Cheats that are handed the answers, or keep them, in their parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from indexsim.market import MarketData
from strategies.base import Features
from tests.cheats import OnSignal, days


class ArrayInParams(OnSignal):
    """An array among the parameters."""

    @dataclass(frozen=True)
    class Params:
        """The answers by row."""

        answers: Any = field(default_factory=lambda: np.tile([1.0, 0.0], 5_000))

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        return {"signal": params.answers[: len(days(market))]}


class ListInParams(ArrayInParams):
    """A list, inside a tuple, that a call could write into."""

    @dataclass(frozen=True)
    class Params:
        """A note to oneself."""

        notes: tuple[list[float], ...] = field(default_factory=lambda: ([],))


class ThawedParams(ArrayInParams):
    """Parameters that can be written to."""

    @dataclass
    class Params:
        """A note to oneself."""

        best: float = 0.0
