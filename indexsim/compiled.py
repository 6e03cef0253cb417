"""Compiled loops: numba, with a cache that cannot be stale.

numba's own cache watches one file; a kernel that calls a helper in another file would survive a
change of the helper. So the cache folder is named after what decides the machine code: every source
of this package, numba's version and the processor.

Importing numba takes about a third of a second: modules with kernels are imported where they are used.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import llvmlite.binding as llvm
import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

#: A sum in any order, no sign of zero, multiply-add in one: never that there is no NaN.
_FASTMATH = {"reassoc", "nsz", "contract"}


def compiled(kernel: Kernel) -> Kernel:
    """Compile a function of numbers and arrays when it is first called.

    Sums may be taken in any order, so that they use the processor's vector registers; a kernel's
    callers allow for the rounding of a sum, not for one order of it. NaN and infinity stay exact.

    Parameters
    ----------
    kernel : function
        Takes and returns numbers and arrays only.
    """
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_folder())
    try:
        done = numba.njit(kernel, cache=True, nogil=True, error_model="numpy", fastmath=_FASTMATH)
    finally:
        config.CACHE_DIR = before
    return cast(Kernel, done)


@cache
def cache_folder() -> Path:
    """Return the folder of compiled code, made if it is absent: the user's cache, or a temporary one."""
    home = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    try:
        folder = home / "nikkei-backtests" / fingerprint()
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError):  # no home, or one that cannot be written to
        pass
    return Path(tempfile.mkdtemp(prefix="nikkei-backtests-"))


@cache
def fingerprint() -> str:
    """Return a hash of the sources of this package, numba's version and the processor."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    features = sorted(name for name, present in llvm.get_host_cpu_features().items() if present)
    digest.update(" ".join([numba.__version__, llvm.get_host_cpu_name(), *features]).encode())
    return digest.hexdigest()[:16]
