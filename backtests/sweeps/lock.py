"""Several processes, one folder: who coordinates a sweep, and files that are whole or absent.

Both rest on ``flock``: the kernel gives a lock back when its holder dies, however it died, and no clock
and no reused process number can mislead it. The folder must lie where ``flock`` works: a local
disk, or NFS 4.
"""

from __future__ import annotations

import errno
import fcntl
import functools
import itertools
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from indexsim.errors import ToolError

LOCK = "lock"
#: How a file under way is called: ``.<name>.<32 hex>.part``.
PART = ".part"

_POLL = 0.1  # seconds
#: `holder` itself takes a lock for an instant; only who holds it longer than this is a coordinator.
_GLANCE = 0.02
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
_TODO = {
    errno.ENOSPC: "free {needed}",
    errno.EDQUOT: "free {needed} of your quota",
    errno.EFBIG: "allow larger files (`ulimit -f`), {needed} in all,",
    errno.EIO: "check the disk (`dmesg`)",
}


class StoreError(ToolError):
    """A folder of a sweep that cannot be written, read, or had for oneself now."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive the way from a worker to the coordinator: the four parts go by name."""
        return functools.partial(type(self), **{k.replace("next", "todo"): v for k, v in self.as_dict().items()}), ()


@contextmanager
def held(folder: Path, on_wait: Callable[[str], object] | None = None, deadline: float | None = None) -> Iterator[None]:
    """Be the only coordinator of the sweep in `folder` for the length of the block.

    Parameters
    ----------
    folder : Path
        The folder of the sweep; made where it is absent.
    on_wait : callable, optional
        Called once, with who holds the folder, when the block has to wait.
    deadline : float, optional
        Longest wait in seconds; without it the wait has no end.

    Raises
    ------
    StoreError
        If another coordinator still holds the folder at the deadline, or the folder cannot be locked.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = _acquired(folder / LOCK, on_wait, deadline)
    except OSError as error:
        raise disk_error(error, f"lock the sweep in {folder}", folder) from error
    _held.add(handle)
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, _card(), 0)
        yield
    finally:
        if handle in _held:  # not in the child of a fork, which has let go
            _held.remove(handle)
            os.close(handle)


def holder(folder: Path) -> dict[str, Any] | None:
    """Return who coordinates the sweep in `folder` at this moment: pid, host, since; None where nobody does."""
    try:
        handle = os.open(folder / LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return None if _locked(handle, fcntl.LOCK_SH) else _read_card(handle)
    finally:
        os.close(handle)


def _acquired(path: Path, on_wait: Callable[[str], object] | None, deadline: float | None) -> int:
    """Wait for the lock and return its open file."""
    started = time.monotonic()
    for attempt in itertools.count():
        if (handle := _attempt(path)) is not None:
            return handle
        if attempt and deadline is not None and time.monotonic() - started >= deadline:
            break
        if attempt == 1 and on_wait:
            on_wait(_who(path.parent))
        time.sleep(_POLL if attempt else _GLANCE)
    raise _busy(path)


def _attempt(path: Path) -> int | None:
    """Open and lock the file at `path`; None where another has it, or where it has just been removed."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if _locked(handle, fcntl.LOCK_EX) and _is_at(handle, path):
            return handle
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def _locked(handle: int, how: int) -> bool:
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(handle: int, path: Path) -> bool:
    """Say whether the open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _card() -> bytes:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}).encode()


def _read_card(handle: int) -> dict[str, Any]:
    """Return what the holder wrote; nulls in the instant before it has."""
    try:
        card = json.loads(os.pread(handle, 4096, 0))
    except ValueError:
        card = {}
    return {name: card.get(name) for name in ("pid", "host", "since")}


def _who(folder: Path) -> str:
    card = holder(folder)
    return "process {pid} on {host}, since {since}".format(**card) if card else "a process that has just ended"


def _busy(path: Path) -> StoreError:
    return StoreError(
        asked=f"coordinate the sweep in {path.parent}",
        found=f"it is held by {_who(path.parent)}",
        rule="one coordinator works on a sweep at a time",
        todo="wait for it or stop it, then give the same command: finished chunks are kept",
    )


_held: set[int] = set()


def _let_go() -> None:
    """Close the locks in a forked child, which would keep them after the death of its parent."""
    for handle in _held:
        os.close(handle)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of `path`, on the disk, when the block ends well.

    Whoever looks sees the old file or the new one, also after a loss of power. On an error or an interrupt nothing
    is left; what a killed process leaves, `sweep_parts` removes.
    """
    part, file = _opened_part(path)
    try:
        with file:  # locked until it is closed, which says that its writer lives
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(part, path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _opened_part(path: Path) -> tuple[Path, BinaryIO]:
    """Open a file under way and lock it; again where it was taken for a leftover before the lock was on."""
    while True:
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex}{PART}")
        file = open(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666), "wb")  # noqa: SIM115
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
            if _is_at(file.fileno(), part):
                return part, file
            file.close()
        except BaseException:
            file.close()
            part.unlink(missing_ok=True)
            raise


def sweep_parts(folder: Path) -> None:
    """Remove the files under way whose writers are dead; those of the living are locked."""
    for part in folder.glob(f".*{PART}"):
        try:
            handle = os.open(part, os.O_RDWR)
        except OSError:  # it has just been finished, or it is not ours
            continue
        try:
            if _locked(handle, fcntl.LOCK_EX):
                part.unlink(missing_ok=True)
        except OSError:
            continue
        finally:
            os.close(handle)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def as_json(value: Any) -> str:
    """Return JSON as every file and answer has it; keys keep their order, NaN is refused."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write JSON (`as_json`), whole or not at all.

    Raises
    ------
    StoreError
        If the disk is full or the folder cannot be written.
    """
    content = as_json(value).encode()
    try:
        with whole(path) as file:
            file.write(content)
    except OSError as error:
        raise disk_error(error, f"write {path}", path.parent, len(content)) from error


def disk_error(error: OSError, asked: str, folder: Path, needed: int = 1) -> StoreError:
    """Return the four parts for a `folder` that did not take a file; `needed` are the bytes still to be written."""
    todo = _TODO.get(error.errno or 0, "make the folder writable, or give another --out,")
    if error.errno in _NO_LOCKS:
        todo = "give an --out on a file system with locks (local, or NFS 4)"
    return StoreError(
        asked=asked,
        found=f"{error.strerror or error}{_free(folder)}",
        rule="a file is written whole or not at all; nothing half-written is left",
        todo=f"{todo.format(needed=size(needed))} and give the same command: finished chunks are kept",
    )


def _free(folder: Path) -> str:
    try:
        return f" ({size(shutil.disk_usage(folder).free)} free)"
    except OSError:
        return ""


def size(count: int) -> str:
    """Return a number of bytes as people read it, rounded up.

    Examples
    --------
    >>> size(1), size(1_500_001), size(2_000_000_000)
    ('1 kB', '1.6 MB', '2.0 GB')
    """
    for unit, name in ((10**9, "GB"), (10**6, "MB")):
        if count >= unit:
            return f"{-(-count * 10 // unit) / 10:.1f} {name}"
    return f"{-(-count // 1000)} kB"
