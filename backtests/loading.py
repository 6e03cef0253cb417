"""From names in a spec to a strategy class and its parameters."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import importlib
import importlib.util
import inspect
import sys
import typing
from collections.abc import Hashable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, TypeGuard, cast

import strategies
from backtests.plain import adapted
from indexsim.errors import SpecError, unknown_name
from strategies.base import Strategy


def load_strategy(path: str) -> type[Strategy]:
    """Import the strategy class a spec names.

    Parameters
    ----------
    path : str
        ``package.module:Class`` or ``path/to/file.py:Class``.

    Raises
    ------
    SpecError
        Where the module, the file or the class does not exist, or is no `Strategy`.

    Examples
    --------
    >>> load_strategy("strategies.vi_gate:ViGate").__name__
    'ViGate'
    """
    name, colon, class_name = path.rpartition(":")
    asked = f"load the strategy {path}"
    if not colon:
        raise wrong(asked, "no ':'", "package.module:Class or path/to/file.py:Class", _near(path))
    module = _from_file(Path(name), asked) if name.endswith(".py") else _from_package(name, asked)
    classes = {n: v for n, v in vars(module).items() if isinstance(v, type) and _runs(v)}
    if class_name not in classes:
        raise unknown_name(
            f"strategy of {name}", class_name, [n for n, v in classes.items() if not inspect.isabstract(v)]
        )
    found = classes[class_name]
    if not issubclass(found, Strategy):
        return _adapted(found)
    if not is_strategy(found):
        lacks = ", ".join(sorted(found.__abstractmethods__))
        raise wrong(asked, f"no {lacks} in it", "a strategy defines what its base leaves open", "define it")
    return found


def is_strategy(thing: object) -> TypeGuard[type[Strategy]]:
    """Say whether something is a strategy of ours that can be run, not the base of others."""
    return isinstance(thing, type) and issubclass(thing, Strategy) and not inspect.isabstract(thing)


def _runs(thing: type[Any]) -> bool:
    """Say whether a class is a strategy of ours, or a user's `backtrader.Strategy`."""
    if issubclass(thing, Strategy):
        return True
    # Who wrote one has imported backtrader; nobody else needs to wait for it.
    return "backtrader" in sys.modules and _engine().is_plain(thing) and not thing.__module__.startswith("backtrader")


def _adapted(strategy: type[Any]) -> type[Strategy]:
    return adapted(cast(Hashable, strategy), tuple(_engine().plain_params(strategy).items()))


def _engine() -> ModuleType:
    return importlib.import_module("backtests.engine")


def _from_package(name: str, asked: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise unknown_name("strategy module", name, _shipped()) from error


def _shipped() -> list[str]:
    """Return the modules of strategies; beside them lie modules that several share."""
    names = [f"strategies.{path.stem}" for path in sorted(Path(strategies.__path__[0]).glob("[!_]*.py"))]
    return [name for name in names if any(v.__module__ == name for v in _defined(importlib.import_module(name)))]


def _near(name: str) -> str:
    """Say which shipped strategy a name without a class may be, as ``list`` shows it."""
    paths = {m.rpartition(".")[2]: f"{m}:{_defined(importlib.import_module(m))[0].__name__}" for m in _shipped()}
    close = difflib.get_close_matches(name.rpartition(".")[2], paths, n=1)
    return f"did you mean {paths[close[0]]!r}?" if close else "name the class"


def _defined(module: ModuleType) -> list[type[Strategy]]:
    return [value for value in vars(module).values() if is_strategy(value)]


def _from_file(path: Path, asked: str) -> ModuleType:
    if not path.is_file():
        raise wrong(asked, f"no file {path}", "a path to a Python file", "correct the path")
    # Named by its content: an edited file is another module, and never the stale one.
    label = f"user_strategy_{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    if label not in sys.modules:
        found = importlib.util.spec_from_file_location(label, path)
        assert found is not None
        assert found.loader is not None
        module = importlib.util.module_from_spec(found)
        sys.modules[label] = module
        try:
            found.loader.exec_module(module)
        except Exception as error:
            del sys.modules[label]
            what = f"{type(error).__name__}: {error}"
            raise wrong(asked, what, "the file imports without an error", "mend it") from error
    return sys.modules[label]


def parameter_types(strategy: type[Strategy]) -> dict[str, Any]:
    """Return a strategy's parameters by name, with their types."""
    hints = typing.get_type_hints(strategy.Params)
    return {f.name: hints[f.name] for f in dataclasses.fields(strategy.Params)}


def build_params(strategy: type[Strategy], values: Mapping[str, Any]) -> Any:
    """Return the frozen parameters of a strategy; what is not named keeps its default.

    Raises
    ------
    SpecError
        For an unknown name, a wrong type, or values the strategy refuses.
    """
    types = parameter_types(strategy)
    asked = f"set the parameters of {strategy.__name__}"
    for key in values:
        if key not in types:
            raise unknown_name("parameter", key, types)
    try:
        return strategy.Params(**{key: in_type(value, types[key], key, asked) for key, value in values.items()})
    except ValueError as error:
        raise wrong(asked, str(error), "the parameter's own bound", "correct the value") from error


def in_type(value: Any, wanted: Any, key: str, asked: str) -> Any:
    """Return a value in its type: a whole number will do for a float, nothing else is converted.

    Raises
    ------
    SpecError
        Where the value has another type.
    """
    if wanted is float and type(value) is int:
        return float(value)
    if isinstance(wanted, type) and type(value) is not wanted:
        raise wrong(asked, f"{key} = {value!r}", f"{key} is of type {wanted.__name__}", f"correct {key}")
    return value


def from_text(text: str, wanted: Any, asked: str) -> Any:
    """Return a command-line text in a type: bool, int, float (also ``float | None``) or str."""
    if wanted is bool:
        if text.lower() not in ("true", "false"):
            raise wrong(asked, repr(text), "true or false", "correct the value")
        return text.lower() == "true"
    number = next((t for t in (int, float) if wanted is t or t in typing.get_args(wanted)), None)
    if number is None:
        return text
    try:
        return number(text)
    except ValueError as error:
        raise wrong(asked, repr(text), f"a number ({number.__name__})", "correct the value") from error


def wrong(asked: str, found: str, rule: str, todo: str) -> SpecError:
    """Return the error of a spec or a command line, in its four parts."""
    return SpecError(asked=asked, found=found, rule=rule, todo=todo)
