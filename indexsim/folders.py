"""Write a folder whole or not at all."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexsim.errors import ToolError

_RENAME_EXCHANGE = 2
_AT_FDCWD = -100


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Yield an empty sibling of `folder` that takes its place when the block ends well.

    On an error or an interrupt the sibling is removed and `folder` stays as it was. What killed
    processes left beside it is swept away.

    Raises
    ------
    ToolError
        No folder can be made there.
    """
    _make(folder, folder.parent, parents=True)
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}")
    for left in folder.parent.glob(f".{folder.name}.*"):
        if not _is_running(left.name.rsplit(".", 1)[1]):
            shutil.rmtree(left, ignore_errors=True)
    try:
        _make(folder, fresh)
        yield fresh
        _take_place(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _make(folder: Path, needed: Path, parents: bool = False) -> None:
    """Make a folder that is needed to write another."""
    try:
        needed.mkdir(parents=parents, exist_ok=parents)
    except OSError as error:
        raise ToolError(
            asked=f"write {folder}",
            found=f"{needed.parent if needed.name.startswith('.') else needed}: {error.strerror}",
            rule="a folder is written beside its place, then takes it",
            todo="name a folder where you may write",
        ) from None


def _is_running(pid: str) -> bool:
    """Say whether another process of this number lives; a name that ends in no number is nobody's to sweep."""
    if not pid.isdigit():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return int(pid) != os.getpid()


def _take_place(fresh: Path, folder: Path) -> None:
    if not folder.exists():
        fresh.rename(folder)
    elif not _exchange(fresh, folder):
        old = folder.with_name(f".{folder.name}.old.{os.getpid()}")
        folder.rename(old)
        try:
            fresh.rename(folder)
        except BaseException:
            old.rename(folder)
            raise
        shutil.rmtree(old)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two paths in one step where the system can (Linux); say whether it did."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    done = rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    return bool(done == 0)
