"""Strategies whose decision is a loop over arrays, compiled: the same machine code for one run and for a million.

A rule is a plain Python function of features and parameters that fills arrays. It is defined once; `Ruled.decide`
calls it for one run, `backtests.fast` for many trials at a time.
"""

from __future__ import annotations

import dataclasses
import dis
import hashlib
import typing
from abc import abstractmethod
from collections import namedtuple
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any, ClassVar, cast

import numpy as np

from indexsim.errors import SpecError
from strategies.base import Features, Strategy, Targets, no_orders

#: Longest text a rule may read.
_TEXT = 24
_KINDS = {int: "i8", float: "f8", bool: "?", str: f"U{_TEXT}"}
#: Mark of a field of ``Params`` that is not in its record.
_APART = "apart"
_HERE = Path(__file__).resolve().parent


def for_features(default: Any) -> Any:
    """Return a field of ``Params`` that the rule does not read: a list of codes, or whatever a record cannot hold."""
    return dataclasses.field(default=default, metadata={_APART: True})


class Ruled(Strategy):
    """Base of the strategies whose decision is compiled.

    A subclass defines `rule` instead of ``decide``.
    """

    #: Unit of the targets, as of `Targets`.
    unit: ClassVar[str] = "equity"
    #: Features of floats that some parameters do not ask for: the rule finds an empty array then.
    optional: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    @abstractmethod
    def rule(features: Any, params: Any, at_open: np.ndarray, at_close: np.ndarray, deposits: np.ndarray) -> None:
        """Fill in the targets: plain loops, calling plain functions that are imported by name.

        Parameters
        ----------
        features : named tuple of ndarray
            The numeric ones of ``features``, by name: ``features.vi[t]``; the first has a row for each bar.
        params : record
            ``Params`` by name.
        at_open, at_close : ndarray of float64, shape (n_bars, k)
            NaN throughout: no orders.
        deposits : ndarray of float64, shape (n_bars,)
            Zero throughout.
        """

    @classmethod
    def names(cls, features: Features, params: Any) -> tuple[str, ...]:
        """Return the instruments the columns of the targets are about."""
        return cls.instruments(params)

    @classmethod
    def decide(cls, features: Features, params: Any) -> Targets:
        names = cls.names(features, params)
        fields = numeric(cls, features)
        n_bars = len(fields[0])
        at_open, at_close = (no_orders(len(names), n_bars)[None] for _ in range(2))
        deposits = np.zeros((1, n_bars))
        loop(cls)(fields, records([params]), at_open, at_close, deposits)
        paid_in = deposits[0] if deposits.any() else None
        return Targets(names, at_open[0].T, at_close[0].T, cls.unit, paid_in)


def loop(strategy: type[Ruled]) -> Callable[..., None]:
    """Return the compiled rule over m trials: features, records (m,), targets (m, k, n), deposits (m, n).

    Targets at the close and deposits that the rule leaves alone (`left_alone`) may be given once for all trials, in the
    shapes (1, k, n) and (1, n).
    """
    return _compiled(strategy.rule)


@cache
def left_alone(rule: FunctionType) -> frozenset[str]:
    """Return which of ``at_close`` and ``deposits`` a rule does not so much as name."""
    named = {at.argval for at in dis.get_instructions(rule) if at.opname != "MAKE_CELL"}
    third, fourth = rule.__code__.co_varnames[3:5]
    return frozenset(n for n, own in (("at_close", third), ("deposits", fourth)) if own not in named)


@cache
def _compiled(rule: FunctionType) -> Callable[..., None]:
    from indexsim.compiled import exactly

    around = FunctionType(_each.__code__, {**globals(), "_rule": rule}, "_each")
    # The folder of the cache is named after the sources here; a rule may lie elsewhere.
    content = hashlib.sha256("\n".join(_content(rule, set())).encode()).hexdigest()[:16]
    around.__qualname__ = f"{rule.__module__}.{rule.__qualname__}.{content}"
    return exactly(around, _HERE)


def _content(function: FunctionType, seen: set[FunctionType]) -> Iterator[str]:
    """Yield what the machine code depends on: instructions, constants, and the same of the functions it names."""
    code, known = function.__code__, function.__globals__
    seen.add(function)
    yield repr((code.co_code, code.co_consts, code.co_names, function.__defaults__))
    for name in code.co_names:
        value = known.get(name)
        if isinstance(value, (int, float, str, tuple)):
            yield repr((name, value))
        elif isinstance(value, FunctionType) and value not in seen:
            yield from _content(value, seen)


def _rule(features: Any, params: Any, at_open: Any, at_close: Any, deposits: Any) -> None:
    """Stand for the rule in the loop below."""


def _each(features: Any, params: Any, at_open: Any, at_close: Any, deposits: Any) -> None:
    for i in range(len(params)):
        at_open[i] = np.nan
        if i < len(at_close):
            at_close[i] = np.nan
        if i < len(deposits):
            deposits[i] = 0.0
        close, paid_in = at_close[min(i, len(at_close) - 1)], deposits[min(i, len(deposits) - 1)]
        _rule(features, params[i], at_open[i].T, close.T, paid_in)


def numeric(strategy: type[Ruled], features: Features) -> Any:
    """Return the arrays of numbers among the features as a named tuple; the first one has a row for each bar."""
    fields = {name: _plain(values) for name, values in features.items() if np.asarray(values).dtype.kind in "biuf"}
    fields |= {name: np.empty(0) for name in strategy.optional if name not in features}
    fields = dict([next(iter(fields.items())), *sorted(fields.items())])
    return _named(tuple(fields))(*fields.values())


def _plain(values: np.ndarray) -> np.ndarray:
    """Return numbers as 64 bits or bool, contiguous, so that a rule is compiled once."""
    array = np.asarray(values)
    kind = {"b": np.bool_, "f": np.float64}.get(array.dtype.kind, np.int64)
    return np.ascontiguousarray(array, dtype=kind)


@cache
def _named(names: tuple[str, ...]) -> Any:
    kind: Any = namedtuple("features", names, module=__name__)  # type: ignore[misc]  # mypy knows literals alone
    kind.__qualname__ = " ".join(["features", *names])
    return kind


def __getattr__(name: str) -> Any:
    """Return the named tuple of that name: the cache of compiled code asks for it in another process."""
    kind, *names = name.split(" ")
    if kind != "features" or not names:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _named(tuple(names))


@cache
def layout(params: type[Any]) -> np.dtype[Any]:
    """Return what a record of a ``Params`` looks like: its fields but those made by `for_features`.

    Raises
    ------
    SpecError
        For a field that is neither a number nor a text.
    """
    hints = typing.get_type_hints(params)
    fields = {field.name: hints[field.name] for field in dataclasses.fields(params) if _APART not in field.metadata}
    for name, hint in fields.items():
        if hint not in _KINDS:
            raise _unreadable(name, f"its type is {getattr(hint, '__name__', hint)}")
    return np.dtype([(name, _KINDS[hint]) for name, hint in fields.items()])


def records(params: Sequence[Any]) -> np.ndarray:
    """Return several ``Params`` of one strategy as an array of records.

    Raises
    ------
    SpecError
        For a value that a record would change: a text that is too long, an int field that is no whole number.
    """
    kind = layout(cast(Hashable, type(params[0])))
    names = kind.names or ()
    given = [tuple(getattr(one, name) for name in names) for one in params]
    found = np.array(given, dtype=kind)
    for one, kept in zip(given, found.tolist(), strict=True):
        if one != kept:
            _compare(names, one, kept)
    return found


def _compare(names: Sequence[str], given: Sequence[Any], kept: Sequence[Any]) -> None:
    """Refuse the first value that is not the one given; NaN, which equals nothing, is NaN."""
    for name, value, found in zip(names, given, kept, strict=True):
        if value != found and value == value:
            what = f"a text of {len(value)} characters" if isinstance(value, str) else f"{value!r}"
            raise _unreadable(name, what)


def _unreadable(name: str, found: str) -> SpecError:
    return SpecError(
        asked=f"give the parameter {name} to a compiled rule",
        found=found,
        rule=f"a rule reads int, float, bool, and str of at most {_TEXT} characters",
        todo=f"change {name}; if only features read it, declare it with strategies.rules.for_features(default)",
    )
