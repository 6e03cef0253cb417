"""vectorbt, started and timed: warm in a process that stays, and fresh."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from tests.bench.peers.environment import NotMeasuredError, peers_python, reason
from tests.bench.peers.given import TRIALS, Inputs
from tests.bench.strategy_a import FRESH_TRIALS

SCRIPT = Path(__file__).with_name("vectorbt_sweep.py")


@dataclass
class Vectorbt:
    """The grid in vectorbt, in a process that stays: call `sweep` in turn with ours.

    Attributes
    ----------
    figures : dict of str to ndarray, shape (trials,)
        ``total_return``, ``sharpe`` (per session), ``max_drawdown``, ``n_trades`` (a sale is a trade), ``n_orders``.
    seconds : list of float
        Of each sweep, as the peer itself measured it.
    """

    process: subprocess.Popen[str]
    errors: Path
    figures: dict[str, np.ndarray] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def sweep(self) -> float:
        """Sweep the 1,300 trials once more and return the peer's own seconds."""
        assert self.process.stdin
        # A peer that is gone is found out when its answer is missing.
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        self.seconds.append(self.answer()["seconds"])
        return self.seconds[-1]

    def answer(self) -> dict[str, float]:
        """Return the next line the peer writes."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise NotMeasuredError(f"vectorbt: {reason(self.errors.read_text('utf-8'))}")
        answer: dict[str, float] = json.loads(line)
        return answer

    @property
    def rate(self) -> float:
        """Trials per second, the median of the sweeps so far."""
        return TRIALS / median(self.seconds)


@contextlib.contextmanager
def vectorbt_warm(inputs: Inputs, jobs: int = 1) -> Iterator[Vectorbt]:
    """Start vectorbt and let it sweep once, so that it is warm.

    Parameters
    ----------
    inputs : Inputs
    jobs : int
        Processes it sweeps with.

    Raises
    ------
    NotMeasuredError
    """
    python, pipe = peers_python(), subprocess.PIPE
    with tempfile.TemporaryDirectory() as name:
        files, errors = _files(inputs, Path(name)), Path(name, "errors")
        call = [python, "-P", SCRIPT, *files, "--jobs", str(jobs), "--serve"]
        with (
            errors.open("w", encoding="utf-8") as log,
            subprocess.Popen(call, stdin=pipe, stdout=pipe, stderr=log, text=True) as process,
        ):
            # Leaving closes its input, upon which it ends by itself.
            peer = Vectorbt(process, errors)
            peer.answer()
            with np.load(files[1]) as figures:
                peer.figures.update(figures)
            yield peer


def _files(inputs: Inputs, folder: Path) -> tuple[Path, Path]:
    given, figures = folder / "inputs.npz", folder / "figures.npz"
    inputs.write(given)
    return given, figures


def vectorbt_fresh(inputs: Inputs, jobs: int = 1, rounds: int = 3) -> float:
    """Return the median seconds of a fresh process that sweeps 1,000 trials and writes their figures.

    One process before, not counted, leaves whatever it caches on disk.

    Raises
    ------
    NotMeasuredError
    """
    python, spent = peers_python(), []
    with tempfile.TemporaryDirectory() as folder:
        files = _files(inputs, Path(folder))
        call = [python, "-P", SCRIPT, *files, "--jobs", str(jobs), "--trials", str(FRESH_TRIALS)]
        for _ in range(rounds + 1):
            start = time.perf_counter()
            done = subprocess.run(call, capture_output=True, text=True, check=False)
            spent.append(time.perf_counter() - start)
            if done.returncode:
                raise NotMeasuredError(f"vectorbt: {reason(done.stderr)}")
    return median(spent[1:])
