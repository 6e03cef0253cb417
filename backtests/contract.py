"""What every strategy promises, as one function: for one's own tests, by one import.

from backtests.contract import check
check("momentum.py:Momentum", "path/to/market")
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from backtests import lookahead
from backtests.loading import build_params, load_strategy
from backtests.plain import UNCHECKED, PlainStrategy
from backtests.prepare import Setup, prepare
from backtests.run import targets_of
from backtests.spec import Spec
from indexsim.errors import SpecError, ToolError
from strategies.base import Targets


class BrokenPromiseError(AssertionError):
    """What a strategy breaks, a line each."""


def check(
    strategy: str, market: Path | str, params: Mapping[str, Any] | None = None, every_row: bool = False
) -> tuple[str, ...]:
    """Hold a strategy to its contract on a market; return what could not be checked.

    It says what it does and what each parameter means; its parameters are frozen and known by name; its
    targets are finite, one row a bar, only of what can be traded, the same on every call; and no row of
    them changes with the future.

    Parameters
    ----------
    strategy : str
        ``package.module:Class`` or ``path/to/file.py:Class``.
    market : Path or str
        A market folder with what it needs.
    params : mapping, optional
        Where not its defaults.
    every_row : bool
        Whether every row is repeated on the market as it was known, instead of 64.

    Raises
    ------
    BrokenPromiseError
        Naming everything that is broken.
    SpecError, MissingData, DataError
        It cannot be run on this market at all.
    """
    spec = Spec(name="contract", strategy=strategy, market=(Path(market),), params=dict(params or {}))
    setup = prepare(spec)
    broken = [*_words(setup), *_parameters(setup)]
    plain = issubclass(setup.strategy, PlainStrategy)
    broken += [] if plain else _targets(setup, every_row)
    if broken:
        raise BrokenPromiseError("\n".join(f"{strategy}: {text}" for text in broken))
    return UNCHECKED if plain else ()


def _words(setup: Setup) -> Iterator[str]:
    if not (setup.strategy.__doc__ or "").strip():
        yield "the class has no docstring: its first paragraph is the rule, and stands on every page"


def _parameters(setup: Setup) -> Iterator[str]:
    names = [field.name for field in dataclasses.fields(setup.params)]
    described = setup.strategy.Params.__doc__ or ""
    if described.startswith(f"{setup.strategy.Params.__name__}("):  # what dataclass writes where nobody did
        described = ""
    plain = issubclass(setup.strategy, PlainStrategy)
    yield from (f"Params does not say what {name} means" for name in names if not plain and name not in described)
    for name in names[:1]:
        try:
            setattr(setup.params, name, getattr(setup.params, name))
            yield "Params is not frozen: @dataclass(frozen=True)"
        except dataclasses.FrozenInstanceError:
            pass
        try:
            build_params(load_strategy(setup.spec.strategy), {f"{name}x": 0})
            yield f"a parameter {name}x that does not exist is taken"
        except SpecError as error:
            if name not in str(error):
                yield f"the error of a misspelt parameter does not name {name}"


def _targets(setup: Setup, every_row: bool) -> Iterator[str]:
    try:
        targets, again = targets_of(setup), targets_of(setup)
    except ToolError as error:
        yield str(error)
        return
    if not _same(targets, again):
        yield "a second call gives other targets"
    strict = "all" if every_row else "sample"
    chosen = lookahead.check_rows(targets, setup.market, setup.bars, setup.span, strict)
    leaks = lookahead.find_leaks(setup.strategy, setup.params, setup.market, setup.bars, targets, chosen)
    yield from (f"looks ahead at {leak['row']}: {leak['what']}" for leak in leaks[:3])


def _same(one: Targets, other: Targets) -> bool:
    if (one.instruments, one.unit) != (other.instruments, other.unit):
        return False
    pairs = ((one.at_open, other.at_open), (one.at_close, other.at_close), (one.deposits, other.deposits))
    return all(np.array_equal(a, b, equal_nan=True) if a is not None and b is not None else a is b for a, b in pairs)
