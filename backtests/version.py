"""Which tool this is: version, hash of the code, git commit."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from functools import cache
from pathlib import Path

VERSION = "0.1.0"
ROOT = Path(__file__).resolve().parent.parent
#: Where runs and pages go unless told otherwise.
REPORTS = ROOT / "reports"
#: The shipped specs.
SPECS = ROOT / "backtests" / "specs"
_SOURCES = (
    "indexsim/**/*.py",
    "strategies/**/*.py",
    "backtests/**/*.py",
    "backtests/report/templates/*",
    "backtests/claims/seeds/*.toml",
    "data/facts/*.csv",
)
_COMPUTING = ("numpy", "pandas", "scipy", "numba", "backtrader", "pyfolio-reloaded", "matplotlib")


@cache
def code_hash() -> str:
    """Return SHA-256 over every source, template, fact table and the locked versions."""
    digest = hashlib.sha256()
    paths = {p for pattern in _SOURCES for p in ROOT.glob(pattern)} | {ROOT / "constraints.txt"}
    for path in sorted(p for p in paths if p.is_file()):
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@cache
def packages() -> dict[str, str]:
    """Return the versions of Python and of the libraries that compute; shown, not hashed (the locked ones are)."""
    from importlib import metadata

    return {"python": platform.python_version(), **{name: metadata.version(name) for name in _COMPUTING}}


@cache
def commit() -> str:
    """Return the git commit of the clone, with ``+changes`` where files differ from it; shown, not hashed."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+changes" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
