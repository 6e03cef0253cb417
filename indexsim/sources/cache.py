"""Answers kept until the command that asked for them has ended well, so that the same command resumes.

An answer lies under the hash of its address without keys, and carries the hash of its own bytes: one that was damaged,
or is older than an hour, is asked for again. A part of an answer is kept with the mark that its server gave the whole.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_WHOLE, _PART = ".answer", ".part"
#: Seconds after which an answer may have a successor.
KEPT = 3600.0


def user_cache() -> Path:
    """Return the folder of the user's cache in which answers are kept; a temporary one for a user without a home."""
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    except RuntimeError:
        home = Path(tempfile.gettempdir())
    return home / "nikkei-backtests" / "fetch"


@dataclass(frozen=True)
class Part:
    """The beginning of an answer.

    Attributes
    ----------
    body : bytes
    mark : str
        The server's mark of the whole (ETag or Last-Modified); empty where it gave none, and cannot be resumed.
    """

    body: bytes = b""
    mark: str = ""


class Cache:
    """Answers of the last hour in a folder.

    Parameters
    ----------
    folder : Path
        Made when the first answer is kept. What is older in it is removed.
    clock : callable
        Seconds, as files are dated.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.folder, self._clock = folder, clock
        self._used: list[Path] = []
        for path in folder.iterdir() if folder.is_dir() else ():
            if self._is_old(path):
                _remove(path)

    def answer(self, address: str) -> bytes | None:
        """Return the answer kept for an address; None where there is none, or it was damaged."""
        return self._read(self._path(address, _WHOLE))

    def keep(self, address: str, body: bytes) -> None:
        """Keep an answer; what was kept of its beginning goes."""
        self._write(self._path(address, _WHOLE), body)
        _remove(self._path(address, _PART))

    def part(self, address: str) -> Part:
        """Return what was kept of the beginning of an answer."""
        mark, _, body = (self._read(self._path(address, _PART)) or b"").partition(b"\n")
        return Part(body, mark.decode("latin-1"))

    def keep_part(self, address: str, part: Part) -> None:
        """Keep the beginning of an answer, where it can be resumed; else forget it."""
        path = self._path(address, _PART)
        if part.body and part.mark:
            self._write(path, part.mark.encode("latin-1") + b"\n" + part.body)
        else:
            _remove(path)

    @property
    def used(self) -> int:
        """How often answers were looked up."""
        return len(self._used)

    def settle(self, since: int = 0) -> None:
        """Forget the answers used since then: what asked for them is done, and the next command asks anew."""
        for path in self._used[since:]:
            _remove(path)

    def _path(self, address: str, ending: str) -> Path:
        path = self.folder / f"{hashlib.sha256(address.encode()).hexdigest()[:32]}{ending}"
        self._used.append(path)
        return path

    def _is_old(self, path: Path) -> bool:
        try:
            return self._clock() - path.stat().st_mtime > KEPT
        except OSError:
            return True

    def _read(self, path: Path) -> bytes | None:
        try:
            digest, _, body = path.read_bytes().partition(b"\n")
        except OSError:
            return None
        return body if digest == hashlib.sha256(body).hexdigest().encode() else None

    def _write(self, path: Path, body: bytes) -> None:
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        with suppress(OSError):  # a cache that cannot be written keeps nothing; the answer is there all the same
            self.folder.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            fresh.replace(path)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
