"""The environment the peers run in: built once, with pinned wheels, beside the project's own."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from tests.conftest import ROOT

PEERS = ROOT / ".venv-peers"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")

#: Seconds the installation may take.
_PATIENCE = 900


class NotMeasuredError(RuntimeError):
    """A peer that could not be measured; the message is the reason."""


def peers_python() -> Path:
    """Return the Python of the peers' environment, made on the first call.

    Raises
    ------
    NotMeasuredError
        It cannot be made: no venv module, no package index, no wheel.
    """
    stamp, python = PEERS / ".made", PEERS / "bin" / "python"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    if not (stamp.exists() and stamp.read_text("utf-8") == wanted):
        _install(python)
        stamp.write_text(wanted, "utf-8")
    return python


def _install(python: Path) -> None:
    """Make the environment anew; without its stamp a half-made one is made again."""
    try:
        venv.create(PEERS, clear=True, with_pip=True)
        (PEERS / ".gitignore").write_text("*\n", "utf-8")
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]
        subprocess.run(pip, check=True, capture_output=True, text=True, timeout=_PATIENCE)
    except subprocess.CalledProcessError as error:
        told = reason(error.stderr or str(error))
        raise NotMeasuredError(f"the peers' environment could not be made: {told}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotMeasuredError(f"the peers' environment could not be made: {error}") from error


def reason(errors: str) -> str:
    """Return the last line of what a process complained about."""
    return (errors.strip().splitlines() or ["no reason given"])[-1]
