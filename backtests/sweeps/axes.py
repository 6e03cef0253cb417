"""What is varied in a sweep: one axis for each parameter or key of the spec, its values by number.

Decimals stay decimals: an axis from 12 to 21 by 0.1 holds 12.3, the float a reader would type, because
values are quotients of whole numbers, rounded once.
"""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np

from backtests.loading import in_type, wrong
from indexsim.errors import SpecError, unknown_name

#: Whole numbers below this are exact in float64, and so is the quotient of two of them, rounded once.
EXACT = 2**53
#: Values of a log axis, which are worked out one by one.
MOST_LOG_VALUES = 1_000
_RANGE_KEYS, _NUMERIC = ("from", "to", "step", "count", "log"), (int, float)


@dataclass(frozen=True)
class Axis(ABC):
    """One thing that is varied.

    Attributes
    ----------
    name : str
        A parameter of the strategy, or a key of the spec as in TOML.
    kind : type
        Type of its values: int, float, bool, str, date, or tuple (a market: folders layered in order).
    """

    name: str
    kind: type

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of its values; 0 where it is continuous."""

    @abstractmethod
    def drawn(self, uniform: np.ndarray) -> np.ndarray:
        """Return a value for each number drawn uniformly from [0, 1), shape (n,)."""

    @abstractmethod
    def written(self, base: Path | None) -> list[Any] | dict[str, Any]:
        """Return what stands in TOML; folders relative to `base`, or markets numbered where there is none."""


@dataclass(frozen=True)
class Steps(Axis, ABC):
    """An axis whose values can be counted."""

    @abstractmethod
    def values(self, index: np.ndarray) -> np.ndarray:
        """Return the values of some numbers (int64, shape (n,), from 0): int64, float64, bool or object."""

    @abstractmethod
    def index_of(self, value: Any) -> int:
        """Return the number of a value; raise `SpecError` where there is no such value."""

    @abstractmethod
    def beside(self, index: int) -> list[int]:
        """Return the numbers of the next lower and the next higher value; none unless it is numeric."""

    def drawn(self, uniform: np.ndarray) -> np.ndarray:
        return self.values(_cell(uniform, self.size))

    def _lacks(self, value: Any) -> SpecError:
        asked, found = f"find a trial by {self.name}", f"{value!r} is none of its {self.size} values"
        return wrong(asked, found, "a trial takes a value of every axis", "name one of them")


@dataclass(frozen=True)
class Listed(Steps):
    """Values named one by one, in the order given."""

    choices: tuple[Any, ...]

    @property
    def size(self) -> int:
        return len(self.choices)

    def values(self, index: np.ndarray) -> np.ndarray:
        if self.kind in (int, float, bool):
            return cast(np.ndarray, np.array(self.choices, dtype=self.kind)[index])
        # Filled one by one: numpy would take a tuple of folders for a row of its own.
        column: np.ndarray = np.empty(self.size, dtype=object)
        for at, value in enumerate(self.choices):
            column[at] = value
        return cast(np.ndarray, column[index])

    def index_of(self, value: Any) -> int:
        if value not in self.choices:
            raise self._lacks(value)
        return self.choices.index(value)

    def beside(self, index: int) -> list[int]:
        if self.kind not in _NUMERIC:
            return []
        order = sorted(range(self.size), key=self.choices.__getitem__)
        at = order.index(index)
        return order[max(at - 1, 0) : at] + order[at + 1 : at + 2]

    def written(self, base: Path | None) -> list[Any]:
        if self.kind is tuple and base is None:
            return list(range(self.size))
        if self.kind is tuple:
            return [[os.path.relpath(p, base) for p in folders] for folders in self.choices]
        return [v.isoformat() if isinstance(v, date) else v for v in self.choices]


@dataclass(frozen=True)
class Range(Steps):
    """Evenly spaced numbers: ``(start + i * step) / divisor``, `count` of them.

    Examples
    --------
    >>> axis = read_axis("low", {"from": 12, "to": 21, "step": 0.1}, float, float)
    >>> axis.size, axis.values(np.array([0, 3, 90])).tolist()
    (91, [12.0, 12.3, 21.0])
    """

    start: int
    step: int
    divisor: int
    count: int

    @property
    def size(self) -> int:
        return self.count

    def values(self, index: np.ndarray) -> np.ndarray:
        numbers = self.start + np.asarray(index, dtype=np.int64) * self.step
        return numbers if self.kind is int else numbers / self.divisor

    def index_of(self, value: Any) -> int:
        index = int(min(max(round((value * self.divisor - self.start) / self.step), 0), self.count - 1))
        if self.values(np.array([index]))[0] != value:
            raise self._lacks(value)
        return index

    def beside(self, index: int) -> list[int]:
        return [i for i in (index - 1, index + 1) if 0 <= i < self.count]

    def written(self, base: Path | None) -> dict[str, Any]:
        first, last = self.values(np.array([0, self.count - 1])).tolist()
        return {"from": first, "to": last, "count": self.count}


@dataclass(frozen=True)
class Continuous(Axis):
    """All numbers between two bounds, both included; whole ones where the kind is int. For samples, not grids."""

    low: float
    high: float
    log: bool

    @property
    def size(self) -> int:
        return 0

    def drawn(self, uniform: np.ndarray) -> np.ndarray:
        if self.kind is int and not self.log:
            return int(self.low) + _cell(uniform, int(self.high) - int(self.low) + 1)
        # Every whole number has the width of one, the two at the ends as well.
        room = 0.5 if self.kind is int else 0.0
        low, high = self.low - room, self.high + room
        if self.log:
            low, high = math.log(low), math.log(high)
        drawn = low + uniform * (high - low)
        drawn = np.exp(drawn) if self.log else drawn
        # Rounding may step over a bound by a hair.
        drawn = np.clip(np.floor(drawn + 0.5) if self.kind is int else drawn, self.low, self.high)
        return drawn.astype(np.int64) if self.kind is int else drawn

    def written(self, base: Path | None) -> dict[str, Any]:
        return {"from": self.low, "to": self.high, **({"log": True} if self.log else {})}


def _cell(uniform: np.ndarray, size: int) -> np.ndarray:
    """Return which of `size` equal parts of [0, 1) each number lies in."""
    return np.minimum((uniform * size).astype(np.int64), size - 1)


def read_axis(name: str, raw: Any, kind: type, check: Callable[[Any], Any]) -> Axis:
    """Return the axis that a value of ``[sweep.over]`` says.

    Parameters
    ----------
    name, kind
        As in `Axis`.
    raw : list or dict
        A list of values, or a table with ``from``, ``to`` and one of ``step`` (to the last value not above ``to``) and
        ``count``; with neither, all numbers in between. ``log = true`` spaces them by their logarithms.
    check : callable
        Returns a value in its type, or raises `SpecError`.

    Raises
    ------
    SpecError
        No list or range, a value of another type or out of bounds, none at all, or one twice.
    """
    asked = f"sweep over {name}"
    if isinstance(raw, (list, tuple)):
        return _listed(name, kind, [_finite(check(value), asked) for value in raw], asked)
    if not isinstance(raw, Mapping):
        rule = "a list of values, or a range { from = ..., to = ..., step = ... }"
        raise wrong(asked, f"{name} = {raw!r}", rule, "put it in brackets, or into the spec itself")
    _check_range(raw, kind, asked)
    low, high = (_finite(check(in_type(raw[end], kind, f"{end} of {name}", asked)), asked) for end in ("from", "to"))
    count, log = raw.get("count", 0), raw.get("log", False)
    _check_ends(low, high, count, log, asked)
    if "step" not in raw and not count:
        return Continuous(name, kind, low, high, log)
    if log:
        return _listed(name, kind, _log_values(low, high, count, kind), asked)
    first, width = _exact(low), _exact(high) - _exact(low)
    step = _exact(_finite(in_type(raw["step"], kind, "step", asked), asked)) if "step" in raw else width / (count - 1)
    if not 0 < step <= width:
        raise wrong(asked, f"step = {raw['step']!r}", "above zero and no wider than the range", "correct step")
    return _range(name, kind, first, step, width // step + 1, asked)


def _listed(name: str, kind: type, values: Sequence[Any], asked: str) -> Listed:
    if not values:
        raise wrong(asked, "no value", "an axis has at least one", "name values, or leave the axis out")
    twice = [value for value, times in Counter(values).items() if times > 1]
    if twice:
        raise wrong(asked, f"{twice[0]!r} twice", "each value once: a trial is counted once", "leave one out")
    return Listed(name, kind, tuple(values))


def _finite(value: Any, asked: str) -> Any:
    if isinstance(value, (int, float)) and not (math.isfinite(value) and abs(value) < EXACT):
        raise wrong(asked, repr(value), "a finite number below 2**53", "correct it")
    return value


def _check_range(raw: Mapping[str, Any], kind: type, asked: str) -> None:
    """Refuse a table that is no range."""
    for key in raw:
        if key not in _RANGE_KEYS:
            raise unknown_name(f"key of a range ({asked})", key, _RANGE_KEYS)
    if kind not in _NUMERIC:
        raise wrong(asked, f"a range of {kind.__name__} values", "ranges are of numbers", "list the values")
    for key in ("from", "to"):
        if key not in raw:
            raise wrong(asked, f"no {key!r}", "a range has from and to, both included", f"add {key} = ...")
    other = "count" if "count" in raw else "log" if in_type(raw.get("log", False), bool, "log", asked) else ""
    if "step" in raw and other:
        raise wrong(asked, f"step and {other}", "a range has a step or a count; only a count is log", "leave one out")
    if in_type(raw.get("count", 2), int, "count", asked) < 2:
        raise wrong(asked, f"count = {raw['count']}", "count takes in both ends: at least 2", "correct count")


def _check_ends(low: float, high: float, count: int, log: bool, asked: str) -> None:
    if not low < high:
        raise wrong(asked, f"from = {low!r}, to = {high!r}", "from lies below to", "exchange them, or list the values")
    if log and low <= 0:
        raise wrong(asked, f"from = {low!r}", "logarithms need numbers above zero", "raise from, or leave out log")
    if log and count > MOST_LOG_VALUES:
        raise wrong(asked, f"count = {count}", f"at most {MOST_LOG_VALUES} values on a log axis", "lower count")


def _exact(number: float) -> Fraction:
    """Return the decimal that a reader sees: 0.1 is one tenth."""
    return Fraction(Decimal(repr(number)))


def _range(name: str, kind: type, low: Fraction, step: Fraction, count: int, asked: str) -> Range:
    divisor = math.lcm(low.denominator, step.denominator)
    if kind is int and divisor != 1:
        raise wrong(asked, f"a step of {float(step):g}", f"{name} is a whole number", "correct count, or name a step")
    if max(abs(low), abs(low + (count - 1) * step), Fraction(1)) * divisor >= EXACT:
        raise wrong(asked, "more digits than a number holds", "about 15 digits in all", "use a coarser step")
    return Range(name, kind, int(low * divisor), int(step * divisor), divisor, count)


def _log_values(low: float, high: float, count: int, kind: type) -> list[Any]:
    """Return numbers evenly spaced by their logarithms; of a whole number the nearest."""
    with localcontext() as context:
        # More digits than a float holds, so that rounding once gives 0.1.
        context.prec = 40
        first, last = (Decimal(repr(end)).ln() for end in (low, high))
        inner = [(first + (last - first) * i / (count - 1)).exp() for i in range(1, count - 1)]
        return [low, *(kind(v.to_integral_value()) if kind is int else float(v) for v in inner), high]
