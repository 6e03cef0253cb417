"""Whole sweeps for tests: their specs, strategies of a user's own, and a coordinator in a process of its own.

``python -m tests.sweep_runs SPEC OUT EXECUTOR JOBS`` is a coordinator, to be killed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from backtests.spec import toml_value
from backtests.sweeps.plan import load_plan
from backtests.sweeps.sweep import How, sweep

ROOT = Path(__file__).resolve().parent.parent
#: The decision of `ViGate` once more, in numpy; `{act}` is done in features, where the trial is `params`.
MINE = '''
"""A user's own strategy."""

import os
import time
from dataclasses import dataclass

import numpy as np

from indexsim.errors import SpecError
from strategies.base import Strategy, Targets, no_orders
from strategies.signals import above_average


class Mine(Strategy):
    @dataclass(frozen=True)
    class Params:
        instrument: str = "etf_1321"
        low: float = 20.0
        high: float = 30.0
        calm: float = 1.0
        normal: float = 1.0
        stressed: float = 0.0
        sma: int = 100

        def __post_init__(self):
            if self.low > self.high:
                raise ValueError(f"low {self.low:g} lies above high {self.high:g}")

    @classmethod
    def instruments(cls, params):
        return (params.instrument,)

    @classmethod
    def needs(cls, params):
        return ("n225", "nikkei_vi")

    @staticmethod
    def features(market, params):
        {act}
        bars = market.bars("daily")
        close = market.known("n225", "close", bars)
        return {"vi": market.known("nikkei_vi", "close", bars), "above": above_average(close, params.sma)}

    @staticmethod
    def decide(features, params):
        vi, up = features["vi"], features["above"] == 1.0
        middle = np.where(up, params.normal, 0.0)
        wanted = np.where(vi < params.low, params.calm, np.where(vi < params.high, middle, params.stressed))
        at_open = np.where(np.isnan(vi), 0.0, wanted)[:, None]
        return Targets((params.instrument,), at_open, no_orders(len(vi), 1))
'''
#: Columns that a lane must not change.
FIGURES = (
    "status", "total_return", "cagr", "ann_vol", "sharpe", "max_drawdown", "calmar", "n_trades", "n_fills",
    "n_rejected", "costs", "log_sum", "log_square",
)  # fmt: skip


def written(
    folder: Path,
    market: Path,
    over: Mapping[str, Any],
    *,
    strategy: str = "strategies.vi_gate:ViGate",
    params: Mapping[str, Any] | None = None,
    constraints: Sequence[str] = (),
    select: str = "sharpe",
    chunk: int = 0,
    act: str = "",
    **keys: Any,
) -> Path:
    """Write the spec of a sweep, and with ``act`` a strategy beside it; return its path."""
    if act:
        (folder / "mine.py").write_text(MINE.replace("{act}", act), "utf-8")
        strategy = "mine.py:Mine"
    given = {"name": "trial", "strategy": strategy, "market": [str(market)], "slippage_bps": 2.0, **keys}
    options = {"select": select, "chunk": chunk, "constraints": list(constraints)}
    tables = (("", given), ("[params]", params or {}), ("[sweep]", options), ("[sweep.over]", over))
    lines = [line for head, table in tables for line in (head, *(f"{k} = {_toml(v)}" for k, v in table.items()))]
    path = folder / "sweep.toml"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_value(v)}" for key, v in value.items()) + " }"
    if isinstance(value, list) and value and not isinstance(value[0], (str, int, float)):
        return "[" + ", ".join(toml_value(v) for v in value) + "]"
    return toml_value(value)


def swept(spec: Path, out: Path, executor: str = "serial", jobs: int = 1, told: list[str] | None = None) -> Any:
    """Run a sweep here and return its answer."""
    lines = [] if told is None else told
    return sweep(load_plan(spec), out, How(executor=executor, jobs=jobs, tell=lambda line: lines.append(str(line))))


def rows(answer: Mapping[str, Any], *columns: str) -> list[dict[str, Any]]:
    """Return the trials of a finished sweep, block sums included."""
    folder = Path(answer["folder"])
    parts = [pq.read_table(path) for path in sorted((folder / "chunks").glob("*.parquet"))]
    table = pa.concat_tables([part for part in parts if len(part)])
    found: list[dict[str, Any]] = (table.select(list(columns)) if columns else table).to_pylist()
    return found


def coordinator(spec: Path, out: Path, executor: str, jobs: int = 2, seed: int | str = "random") -> Any:
    """Start a coordinator in a process of its own, with a seed of hashes."""
    command = [sys.executable, "-m", "tests.sweep_runs", str(spec), str(out), executor, str(jobs)]
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": path}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def content(out: Path) -> dict[str, bytes]:
    """Return what a sweep leaves, by name: the table, the chunks, and the answer without its paths."""
    (folder,) = (path for path in out.iterdir() if path.is_dir())
    found = {path.name: path.read_bytes() for path in (folder / "chunks").iterdir()}
    answer = json.loads((folder / "sweep.json").read_text("utf-8"))
    paths = {name: answer.pop(name) for name in ("folder", "table")}
    assert paths == {"folder": str(folder), "table": str(folder / "table.parquet")}
    text = json.dumps(answer)
    assert str(out) not in text
    return {**found, "table.parquet": (folder / "table.parquet").read_bytes(), "sweep.json": text.encode()}


if __name__ == "__main__":
    given = sys.argv[1:]
    sweep(load_plan(given[0]), Path(given[1]), How(executor=given[2], jobs=int(given[3]), tell=print))
