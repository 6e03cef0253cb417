"""A sweep from its plan to its answer: what is missing is computed, all of it is judged, some of it is proved."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from backtests.facts import data_facts
from backtests.fast import figures
from backtests.prepare import Setup, day_of, prepare
from backtests.run import strategy_file_hash
from backtests.sweeps.evaluate import COLUMNS
from backtests.sweeps.executors import executor as executor_of
from backtests.sweeps.lock import held, write_json
from backtests.sweeps.plan import Plan
from backtests.sweeps.progress import Passing, Progress, Tell
from backtests.sweeps.proof import BEST, OTHERS, leaks_of, prove
from backtests.sweeps.search import NOTE, bound, made_by, rounds_of
from backtests.sweeps.space import SEARCH
from backtests.sweeps.store import Store
from backtests.sweeps.tables import PLAN, status
from backtests.sweeps.task import SweepTask
from backtests.sweeps.worlds import SESSIONS, can_compile, is_ruled
from backtests.version import VERSION, code_hash, commit
from indexsim.errors import SpecError
from indexsim.market import Folder, MarketData


@dataclass(frozen=True)
class How:
    """How a sweep is computed: nothing of it changes what is stored.

    Attributes
    ----------
    executor : {"local", "serial", "dask"}
    jobs : int
        Workers; 0 is one for each processor.
    scheduler : str or None
        Address of a running scheduler of dask.
    budget : float or None
        Seconds after which it stops and can be resumed.
    tell : callable
        Told what happens, a line at a time; how far it is as `Passing`.
    """

    executor: str = "local"
    jobs: int = 0
    scheduler: str | None = None
    budget: float | None = None
    tell: Tell = lambda line: None


def settle(plan: Plan) -> tuple[Plan, Setup]:
    """Return the plan with what all its trials share made fixed, and the base run made ready.

    All trials trade the sessions of the base run, unless markets or dates are swept.

    Raises
    ------
    SpecError, MissingData, DataError
        The base run cannot be run, no trial fulfils the constraints, or an axis has the name of a figure.
    """
    # DuckDB's columns know no upper case.
    clash = next((axis.name for axis in plan.space.axes if axis.name.lower() in COLUMNS), None)
    if clash is not None:
        rule = f"{', '.join(COLUMNS)} are columns of the table of trials"
        raise SpecError(asked=f"sweep over {clash}", found="a figure has that name", rule=rule, todo="rename it")
    if plan.space.planned() == 0:
        rule = "at least one trial fulfils every constraint"
        texts = ", ".join(constraint.text for constraint in plan.space.constraints)
        raise SpecError(asked=f"sweep {plan.spec.name}", found="no trial does", rule=rule, todo=f"loosen {texts}")
    first = plan.spec
    if any(axis.name in SESSIONS for axis in plan.space.axes):
        first = dataclasses.replace(plan.spec, market=plan.markets()[0])
        return plan, prepare(first, rebuilt=False)
    setup = prepare(first, rebuilt=False)
    ends = (day_of(setup.traded.session[at]) for at in (0, -1))
    start, end = ends
    return dataclasses.replace(plan, spec=dataclasses.replace(plan.spec, start=start, end=end)), setup


def opened_by(setup: Setup) -> dict[tuple[Path, ...], Folder]:
    """Return the market that a run has opened: trials on it need not read it again."""
    return {setup.spec.market: setup.market.folder.origin}


def key_of(plan: Plan) -> str:
    """Return the content key of a sweep: what is varied, on which data, by which code."""
    parts: dict[str, Any] = {
        "plan": plan.identity(),
        "data": [MarketData.open(*folders).fingerprint for folders in plan.markets()],
        "code": code_hash(),
        "strategy_file": strategy_file_hash(plan.spec.strategy),
    }
    if plan.space.sample == SEARCH:
        parts["optuna"] = made_by()
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()


def sweep(plan: Plan, out: Path, how: How) -> dict[str, Any]:
    """Compute every trial of a plan that is not stored yet, and judge them.

    Returns
    -------
    dict
        What ``sweep --json`` prints, without ``version``; ``finished`` is False where the budget stopped it.

    Raises
    ------
    SpecError, MissingData, DataError
        Before anything is written.
    StoreError, ExecutorError
        The disk is full, a worker is missing; what is stored is kept.
    KeyboardInterrupt
        It was interrupted; the text says how much is stored.
    """
    began = time.monotonic()
    plan, setup = settle(plan)
    key = key_of(plan)
    folder = out / f"{plan.spec.name}-{key[:12]}"
    blocks = -(-int(np.count_nonzero(setup.traded.last_of_session)) // figures.BLOCK)
    plan = bound(plan, folder.absolute(), key)
    task = SweepTask(plan, folder.absolute(), key, blocks, opened_by(setup))
    left = None if how.budget is None else how.budget

    with held(folder, lambda who: how.tell(f"waiting for {who}, who computes this sweep"), left), _resumable(folder):
        _write_plan(plan, folder, key)
        store = Store(folder, key, plan.chunks)
        missing = sorted(set(range(plan.chunks)) - store.done())
        for damaged in store.damaged:
            how.tell(f"set aside {damaged.name}: {damaged.found}; its chunk is computed again")
        how.tell(f"{folder}: {plan.space.planned():,} trials, {stored(folder)}")
        finished = not missing or compute(task, missing, how, began)
        answer = {**_about(plan, folder, setup), "finished": finished}
        if finished:
            answer |= _judged(task, store, folder, how)
            write_json(folder / "sweep.json", answer)
        _log(folder, how, began, len(missing), finished)
    return answer


def stored(folder: Path) -> str:
    """Say how many chunks of a sweep are stored.

    Raises
    ------
    SpecError
        If `folder` is not the folder of a sweep.
    """
    chunks = status(folder)["chunks"]
    return f"{chunks['done']} of {chunks['of']} chunks stored"


@contextmanager
def _resumable(folder: Path) -> Iterator[None]:
    """Let whoever interrupts know what is kept."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        if not (folder / PLAN).exists():
            raise
        raise KeyboardInterrupt(f"interrupted: {stored(folder)}; the same command resumes") from interrupt


def _write_plan(plan: Plan, folder: Path, key: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spec.toml").write_text(plan.to_toml(folder), "utf-8")
    write_json(
        folder / PLAN,
        {
            "key": key,
            "chunks": plan.chunks,
            "planned": plan.space.planned(),
            "chunk": plan.chunk,
            "identity": json.loads(json.dumps(plan.identity(), default=str)),
        },
    )


def compute(task: SweepTask, missing: Sequence[int], how: How, began: float) -> bool:
    """Compute and store chunks; return whether all are stored before the budget, counted from `began`, is spent."""
    from backtests.sweeps.drive import drive  # its joblib is nothing to those who only compute chunks

    progress = Progress(len(missing), how.tell)
    jobs = how.jobs or os.cpu_count() or 1
    where = executor_of(how.executor, jobs, how.scheduler, task.folder)

    def stop() -> bool:
        return how.budget is not None and time.monotonic() - began > how.budget

    with where as running:
        return all(drive(running, task, group, progress, stop) for group in rounds_of(task.plan, missing))


def _about(plan: Plan, folder: Path, setup: Setup) -> dict[str, Any]:
    found = status(folder)
    first, last = (day_of(setup.traded.session[at]) for at in (0, -1))
    strategy = setup.strategy
    lane = "compiled" if is_ruled(strategy) else "decided in Python" if can_compile(strategy, plan.spec) else "engine"
    return {
        "sweep_id": folder.name,
        "folder": str(folder),
        "select": plan.select,
        "path": lane if can_compile(strategy, plan.spec) else "engine",
        "trials": {name: found[name] for name in ("planned", "done", "failed", "quarantined")},
        "data": data_facts(setup.market, first, last, setup.missing),
        "version": VERSION,
        "commit": commit(),
        "code": code_hash(),
    }


def _judged(task: SweepTask, store: Store, folder: Path, how: How) -> dict[str, Any]:
    """Return the best trial, what of it is luck, and whether the engine agrees."""
    from backtests.sweeps.judgement import overfit  # its scipy.stats takes a second that workers need not spend

    path = store.finish()
    plan, evaluator = task.plan, task.evaluator
    order = f"where status = 0 and {plan.select} is not null order by {plan.select} desc, trial limit {BEST}"
    ranked = _rows(store, order)
    best = ranked[0] if ranked else None
    counts = status(folder)
    attempted = counts["done"] + counts["failed"] + counts["quarantined"]
    how.tell(Passing("parity proof: the best trials and others run again in the engine"))
    began, proved = time.monotonic(), [*ranked, *_others(store, plan.seed, [int(row["trial"]) for row in ranked])]
    differences = prove(evaluator, proved)
    how.tell(f"parity proof: {len(proved)} trials in the engine, {time.monotonic() - began:.1f} s")
    checked = {"rows_checked": 0, "leaks": []} if best is None else leaks_of(evaluator, int(best["trial"]))
    judged = overfit(evaluator, store, best, attempted)
    return {
        "best": None if best is None else _plain(best),
        "overfit": {**judged, "note": NOTE} if plan.space.sample == SEARCH else judged,
        "parity": {
            "checked": len(proved),
            "equal": not differences,
            "differences": [dataclasses.asdict(one) for one in differences],
        },
        "lookahead": checked,
        "table": str(path),
    }


def _others(store: Store, seed: int, best: list[int]) -> list[dict[str, Any]]:
    """Return trials that were drawn by the seed, none of them one of the best."""
    done = store.query("select trial from trials where status = 0 order by trial")["trial"].to_numpy()
    trials = np.setdiff1d(done, best)
    if not len(trials):
        return []
    drawn = np.random.default_rng(seed).choice(trials, size=min(OTHERS, len(trials)), replace=False)
    listed = ", ".join(str(int(trial)) for trial in np.sort(drawn))
    return _rows(store, f"where trial in ({listed}) order by trial")


def _rows(store: Store, which: str) -> list[dict[str, Any]]:
    found = store.query(f"select * from trials {which}").to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in found]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of the table as JSON has it."""
    return {name: _value(value) for name, value in row.items() if name not in ("status", "why")}


def _value(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or value != value:
        return None
    value = value.date() if isinstance(value, datetime) else value
    return value if isinstance(value, (int, float, bool, str)) else str(value)


def _log(folder: Path, how: How, began: float, chunks: int, finished: bool) -> None:
    line = (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, executor {how.executor}, {chunks} chunks to compute, "
        f"{time.monotonic() - began:.1f} s, {'finished' if finished else 'stopped by the budget'}, version {VERSION}\n"
    )
    with (folder / "sweep.log").open("a", encoding="utf-8") as log:
        log.write(line)
