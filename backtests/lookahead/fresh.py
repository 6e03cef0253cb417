"""The targets of a spec from a process of its own: ``python -m backtests.lookahead.fresh SPEC FOLDER MOMENT OUT``.

Nothing another market was read for is there: no cache, no global, no module already imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from backtests.loading import build_params, load_strategy
from backtests.lookahead.purity import pure_targets, stateless
from backtests.spec import load_spec
from backtests.version import ROOT
from indexsim.market import MarketData
from strategies.base import Targets


def fresh_targets(spec: Path, folder: Path, now: np.datetime64) -> Targets | str:
    """Return what a spec's strategy says about a market folder at a moment, from a fresh process; or why it fails.

    Parameters
    ----------
    spec : Path
        Its market and its world are not read: `folder` stands for them.
    folder : Path
    now : datetime64[m]
        Japan time.
    """
    out = folder.with_suffix(".json")
    python_path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, "-m", "backtests.lookahead.fresh", str(spec), str(folder), str(now), str(out)],
        env={**os.environ, "PYTHONPATH": python_path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    said = json.loads(out.read_text("utf-8"))
    at_open, at_close = (np.array(said[name], dtype="float64") for name in ("at_open", "at_close"))
    deposits = None if said["deposits"] is None else np.array(said["deposits"], dtype="float64")
    return Targets(tuple(said["instruments"]), at_open, at_close, said["unit"], deposits)


def main(arguments: Sequence[str]) -> None:
    """Compute the targets and write them to a file: floats in JSON come back as they were."""
    spec_file, folder, now, out = arguments
    spec = load_spec(spec_file)
    strategy = load_strategy(spec.strategy)
    params = build_params(strategy, spec.params)
    with stateless(strategy, params):
        targets = pure_targets(strategy, params, MarketData.open(folder).until(now))
    said = {
        "instruments": targets.instruments,
        "unit": targets.unit,
        "at_open": targets.at_open.tolist(),
        "at_close": targets.at_close.tolist(),
        "deposits": None if targets.deposits is None else targets.deposits.tolist(),
    }
    Path(out).write_text(json.dumps(said), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
