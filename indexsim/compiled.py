"""Compiled loops: numba, with a cache that cannot be stale.

numba's own cache watches one file; a kernel that calls a helper in another file would survive a
change of the helper. So the cache folder is named after what decides the machine code: every source
that a kernel can reach, numba's version and the processor.

Importing numba takes about a third of a second: modules with kernels are imported where they are used.
"""

from __future__ import annotations

import hashlib
import importlib
import operator
import os
import sys
import tempfile
from collections.abc import Callable, Set
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar, cast

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from indexsim.whole import quotient


def _without_blas() -> None:
    """Load numba without SciPy's matrix products: no kernel has one, and they take a fifth of a second to import."""
    name = "scipy.linalg.cython_blas"
    before = sys.modules.get(name, ...)
    sys.modules[name] = None  # type: ignore[assignment]  # an import fails at once
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        del sys.modules[name]
        if before is not ...:
            sys.modules[name] = before


_without_blas()
_CONFIG: Any = numba.config
if llvm.get_host_cpu_features().get("avx512f") and not _CONFIG.CPU_FEATURES:
    # LLVM spares the widest vectors for the sake of whatever runs between them; here they are the work.
    _CONFIG.CPU_FEATURES = llvm.get_host_cpu_features().flatten() + ",-prefer-256-bit"
    _CONFIG.CPU_NAME = _CONFIG.CPU_NAME or llvm.get_host_cpu_name()

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

#: A sum in any order, no sign of zero, multiply-add in one: never that there is no NaN.
_FASTMATH = {"reassoc", "nsz", "contract"}
_APART = "kept_apart"
_HERE = Path(__file__).resolve().parent


def compiled(kernel: Kernel) -> Kernel:
    """Compile a function of numbers and arrays when it is first called.

    Sums may be taken in any order, so that they use the processor's vector registers; a kernel's
    callers allow for the rounding of a sum, not for one order of it. NaN and infinity stay exact.

    Parameters
    ----------
    kernel : function
        Takes and returns numbers and arrays only.
    """
    return cast(Kernel, _kept(kernel, cache_folder(), _FASTMATH))


def exactly(function: Kernel, *folders: Path) -> Kernel:
    """Compile a plain function, with the plain functions it calls, to what Python itself would compute.

    Each float operation is taken as written, so that the compiled and the interpreted function return the same bits.

    Parameters
    ----------
    function : function
        Takes and returns numbers, texts, arrays, records and named tuples of them. Functions it names are compiled
        with it, and so on; they have to be imported by name.
    *folders : Path
        Where it and the functions it names come from, besides this package: their sources name the cache.
    """
    done = {borrowed: _borrowed, quotient: _quotient}
    return cast(Kernel, _kept(_closed(function, done), cache_folder(*folders), frozenset()))


def rarely(function: Kernel) -> Kernel:
    """Mark a function that compiled code seldom calls: it is kept apart, not inlined into every caller."""
    setattr(function, _APART, True)
    return function


def borrowed(array: Any) -> Any:
    """Return the same array uncounted: compiled code need not count who holds it, which costs more than using it.

    Whoever passes it in keeps it alive for as long as the call lasts.
    """
    return array


@intrinsic  # type: ignore[untyped-decorator]
def _borrowed(typing: Any, array: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, args[0])
        for owner in ("meminfo", "parent"):
            setattr(view, owner, context.get_constant_null(types.voidptr))
        return view._getvalue()

    return array(array), code


@intrinsic  # type: ignore[untyped-decorator]
def _quotient(typing: Any, a: Any, b: Any) -> Any:
    kind = types.float64 if isinstance(a, types.Float) or isinstance(b, types.Float) else types.int64

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if kind is types.int64:
            return context.get_function(operator.floordiv, signature)(builder, args)
        floor = builder.module.declare_intrinsic("llvm.floor", [ir.DoubleType()])
        return builder.call(floor, [builder.fdiv(*args)])

    return kind(kind, kind), code


def _kept(function: Callable[..., Any], folder: Path, fastmath: Set[str]) -> Any:
    before = _CONFIG.CACHE_DIR
    _CONFIG.CACHE_DIR = str(folder)
    try:
        return numba.njit(function, cache=True, **_options(fastmath))
    finally:
        _CONFIG.CACHE_DIR = before


def _closed(function: Callable[..., Any], done: dict[Any, Any]) -> FunctionType:
    """Return the function with compiled ones in place of the plain ones it names."""
    assert isinstance(function, FunctionType)
    known = function.__globals__
    names = [name for name in function.__code__.co_names if isinstance(known.get(name), FunctionType)]
    ready = {name: _ready(known[name], done) for name in names}
    closed = FunctionType(function.__code__, {**known, **ready})
    closed.__qualname__, closed.__defaults__ = function.__qualname__, function.__defaults__
    return closed


def _ready(function: FunctionType, done: dict[Any, Any]) -> Any:
    """Return a function that a compiled one names, compiled."""
    if function not in done:
        inner = _closed(function, done)
        # Inlined, or handing over the arrays costs more than what is done with them.
        inlined = not hasattr(function, _APART)
        done[function] = numba.njit(inner, forceinline=inlined, **_options(frozenset()))
    return done[function]


def _options(fastmath: Set[str]) -> dict[str, Any]:
    return {"nogil": True, "error_model": "numpy", "fastmath": set(fastmath) or False}


@cache
def cache_folder(*folders: Path) -> Path:
    """Return the folder of code compiled from sources of these folders and of this package, made if it is absent.

    It lies in the user's cache, or is a temporary one.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    try:
        folder = home / "nikkei-backtests" / fingerprint(*folders)
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError):  # no home, or one that cannot be written to
        pass
    return Path(tempfile.mkdtemp(prefix="nikkei-backtests-"))


@cache
def fingerprint(*folders: Path) -> str:
    """Return a hash of the sources of these folders and of this package, numba's version and the processor."""
    digest = hashlib.sha256()
    for folder in (_HERE, *folders):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    features = sorted(name for name, present in llvm.get_host_cpu_features().items() if present)
    digest.update(" ".join([numba.__version__, llvm.get_host_cpu_name(), *features]).encode())
    return digest.hexdigest()[:16]
