"""What a strategy may not do while it decides: read files, keep state, or be handed something that changes.

The look-ahead check compares what a strategy says on two markets. That proves something only if the
market is all it reads. So while ``features`` and ``decide`` run, files, sockets and processes are
refused (an audit hook), the market's folder is out of reach, and what its module and its Params hold
must be the same afterwards as before.
"""

from __future__ import annotations

import copy
import dataclasses
import io
import sys
import threading
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType, FunctionType, ModuleType
from typing import Any

import numpy as np
import pandas as pd

from backtests.lookahead.guard import LookAheadError
from indexsim.market import Folder, MarketData
from strategies.base import Strategy, Targets
from strategies.rules import Ruled

_ARRAYS = (np.ndarray, pd.DataFrame, pd.Series, pd.Index, memoryview, array)
#: What no strategy may hold outside its functions.
_DATA = (*_ARRAYS, MarketData, Folder)
_MUTABLE = (list, dict, set, bytearray, deque, *_ARRAYS)
#: Audit events that bring something in from outside (https://docs.python.org/3/library/audit_events.html).
_READS = (
    *("open", "os.listdir", "os.scandir", "mmap.__new__", "sqlite3.connect", "socket.connect", "urllib.Request"),
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"),
)
#: Modules through which Python itself reads: imports, source lines for a warning, time zones, compiled code.
_IMPORTS = ("importlib._bootstrap", "importlib._bootstrap_external")
_OWN = ("numba.", "llvmlite.", "zoneinfo.", "indexsim.compiled")
_SOURCE_LINES = "linecache"
#: Objects of these modules keep notes for themselves: a compiled function its versions, a logger its levels.
_BUSY = ("numba.", "logging")


class _Door(threading.local):
    """What the current thread's strategy may read through; `folder` is None while no strategy decides."""

    folder: Folder | None = None
    breach: LookAheadError | None = None


_DOOR = _Door()
_HOOKED: list[bool] = []


class _View(MarketData):
    """The market a strategy is given: its folder, which knows no time, opens to `indexsim` alone."""

    @property
    def folder(self) -> Folder:  # type: ignore[override]
        """The files behind the market, for `indexsim` alone."""
        caller = str(sys._getframe(1).f_globals.get("__name__"))
        if not caller.startswith(("indexsim.", __name__)):
            raise _keep(
                asked=f"read market.folder in {caller}",
                found="the folder holds the whole history, whatever the market's moment",
                rule="a strategy reads the market by time: table, known, prices, events, bars, schedule",
                todo="read the same file with market.table(name)",
            )
        held: Folder = self.__dict__["folder"]
        return held

    def until(self, moment: np.datetime64 | str) -> MarketData:
        """Return the market as it was known at a moment, no less guarded."""
        return _view(super().until(moment))


def _view(market: MarketData) -> MarketData:
    view = copy.copy(market)
    view.__class__ = _View
    return view


def pure_targets(strategy: type[Strategy], params: Any, market: MarketData) -> Targets:
    """Return the targets of a strategy that can reach nothing but the market it is given.

    Raises
    ------
    LookAheadError
        Naming the file it opened, even if it went on without it, or the door it tried.
    """
    if not _HOOKED:
        sys.addaudithook(_audit)
        _HOOKED.append(True)
    held = _DOOR.folder, _DOOR.breach
    _DOOR.folder, _DOOR.breach = market.folder, None
    try:
        targets = strategy.targets(_view(market), params)
    except Exception as error:
        # What it made of the refusal does not matter; the refusal does.
        raise _DOOR.breach or error from error.__cause__
    finally:
        breach = _DOOR.breach
        _DOOR.folder, _DOOR.breach = held
    if breach:
        raise breach
    return targets


def _audit(event: str, args: tuple[Any, ...]) -> None:
    folder = _DOOR.folder
    if folder is None or event not in _READS:
        return
    what = str(args[0]) if args else ""
    if not _allowed(what, folder, sys._getframe(1)):
        raise _keep(
            asked=f"{event} {what} while the strategy decides",
            found="features() or decide() reads something besides its market",
            rule="a strategy decides on its market and its Params alone; nothing else is cut off at the decision",
            todo="put the data into a market folder (data/README.md) and read it with market.table",
        )


def _keep(**parts: str) -> LookAheadError:
    """Return the error, remembered: a strategy that catches it is refused all the same."""
    error = LookAheadError(**parts)
    if _DOOR.folder is not None:
        _DOOR.breach = _DOOR.breach or error
    return error


def _allowed(path: str, folder: Folder, frame: FrameType | None) -> bool:
    """Say whether the market reads itself, or Python reads what it is made of."""
    innermost = True
    while frame is not None and frame.f_code is not pure_targets.__code__:
        module = str(frame.f_globals.get("__name__"))
        if module.startswith("indexsim.") and frame.f_locals.get("self") is folder:
            return True
        if module.startswith(_OWN) or (module in _IMPORTS and (innermost or path.startswith(_installed()))):
            return True
        if module == _SOURCE_LINES and path.endswith(".py"):
            return True
        frame, innermost = frame.f_back, False
    return False


def _installed() -> tuple[str, ...]:
    """Return where Python and its packages lie: a package may read its own files when it is first imported."""
    return sys.prefix, sys.base_prefix


@contextmanager
def stateless(strategy: type[Strategy], params: Any) -> Iterator[None]:
    """Refuse a strategy that holds arrays or open files, or whose module is another one after the calls within.

    Raises
    ------
    LookAheadError
        Naming the global, the class attribute, the default argument or the field of Params.
    """
    _refuse_params(strategy, params)
    held = _held(strategy)
    for name, value in held.items():
        _refuse_fixed(strategy, name, value)
    before = {name: _state(value, ()) for name, value in held.items()}
    yield
    after = {name: _state(value, ()) for name, value in _held(strategy).items()}
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if changed:
        raise LookAheadError(
            asked=f"compute the targets of {strategy.__name__}",
            found=f"{', '.join(changed)} changed while it decided",
            rule="a strategy keeps no state: an earlier decision could read what a later one left",
            todo="compute it from the market in features(), in every call",
        )


def _refuse_params(strategy: type[Strategy], params: Any) -> None:
    parts = getattr(type(params), "__dataclass_params__", None)
    if parts is not None and not parts.frozen:
        raise _unfit(strategy, "Params", "is not frozen", "write @dataclass(frozen=True)")
    for field in dataclasses.fields(params) if parts is not None else ():
        kind = next((type(v).__name__ for v in _walk(getattr(params, field.name)) if isinstance(v, _MUTABLE)), "")
        if kind:
            raise _unfit(strategy, f"Params.{field.name}", f"holds a {kind}", "use numbers, texts and tuples of them")


def _refuse_fixed(strategy: type[Strategy], name: str, value: Any) -> None:
    for part in _walk(value):
        if isinstance(part, _DATA):
            todo = "compute it in features(), or put it into a market folder, where every row has its date"
            raise _unfit(strategy, name, f"holds a {type(part).__name__}", todo)
        if isinstance(part, io.IOBase):
            raise _unfit(strategy, name, "is an open file", "put the data into a market folder (data/README.md)")


def _unfit(strategy: type[Strategy], name: str, found: str, todo: str) -> LookAheadError:
    rule = "a strategy holds no data of its own and its Params cannot change: its market is all it knows"
    return LookAheadError(asked=f"use the strategy {strategy.__name__}", found=f"{name} {found}", rule=rule, todo=todo)


def _held(strategy: type[Strategy]) -> dict[str, Any]:
    """Return everything the strategy's modules and classes hold, by name; what was imported whole is left out."""
    held: dict[str, Any] = {}
    for module in _modules(strategy):
        held |= _members(vars(module), module.__name__, "")
    # A class made inside a function is no member of its module.
    return held | _members(vars(strategy), strategy.__module__, f"{strategy.__name__}.")


def _members(values: Mapping[str, Any], module: str, of: str) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in values.items():
        if name.startswith("__") or isinstance(value, ModuleType):
            continue
        members[of + name] = value
        if isinstance(value, type) and value.__module__ == module:
            members |= _members(vars(value), module, f"{of}{name}.")
    return members


def _modules(strategy: type[Strategy]) -> list[ModuleType]:
    """Return the modules of the strategy and of its bases, but not ours."""
    names = dict.fromkeys(c.__module__ for c in strategy.__mro__)
    ours = ("builtins", "abc", Strategy.__module__, Ruled.__module__)
    return [sys.modules[name] for name in names if name not in ours and name in sys.modules]


def _walk(value: Any, depth: int = 4) -> Iterator[Any]:
    """Yield a value and what it contains."""
    yield value
    for part in _parts(value) if depth and not isinstance(value, _DATA) else ():
        yield from _walk(part, depth - 1)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        return list(value)
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, (staticmethod, classmethod)):
        return [value.__func__]
    if isinstance(value, FunctionType):
        given = (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values())
        return [*given, *(_cell(c) for c in value.__closure__ or ()), *vars(value).items()]
    if type(value).__module__.startswith(_BUSY):
        return [getattr(value, "py_func", None)]
    return [] if isinstance(value, type) or not hasattr(value, "__dict__") else list(vars(value).items())


def _state(value: Any, seen: tuple[int, ...]) -> Any:
    """Return something that compares unequal once the value has changed."""
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return repr(value)
    if id(value) in seen or len(seen) > 6:
        return id(value)
    seen = (*seen, id(value))
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, (set, frozenset)):
        return sorted(repr(_state(part, seen)) for part in value)
    if isinstance(value, Mapping):
        return [(repr(k), _state(v, seen)) for k, v in value.items()]
    cache_info: Callable[[], Any] | None = getattr(value, "cache_info", None)
    if cache_info is not None and not isinstance(value, type):
        return ("cached", cache_info().currsize)
    # A container is what it contains; anything else is itself as well.
    itself = type(value).__name__ if isinstance(value, (list, tuple, deque)) else id(value)
    return [itself, *(_state(part, seen) for part in _parts(value))]


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None
