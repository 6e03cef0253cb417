"""The verb ``sweep``: every trial of a spec's ``[sweep]``, what is luck of the best, and how far a sweep is.

What sweeps is imported when it is asked for: its kernels and stores are no part of the other verbs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backtests.run import run as run_spec
from backtests.verbs.shared import Answer, Folders, about, paths
from backtests.version import REPORTS, VERSION
from indexsim.errors import SpecError

if TYPE_CHECKING:
    import pandas as pd

    from backtests.sweeps.plan import Plan
    from backtests.sweeps.store import Store

_Tell = Callable[[str], None]


def sweep(
    spec: Path | str,
    out: Path | str = REPORTS,
    *,
    settings: Sequence[str] = (),
    executor: str = "local",
    jobs: int | None = None,
    scheduler: str | None = None,
    budget: float | None = None,
    top: int = 0,
    tell: _Tell | None = None,
    start: date | None = None,
    end: date | None = None,
    what_if: str | None = None,
    market: Folders | None = None,
    waive: Sequence[str] | None = None,
) -> Answer:
    """Compute the trials of a sweep that are not stored yet, judge them, and return what ``sweep --json`` prints.

    Parameters
    ----------
    spec : Path or str
        A TOML file with a ``[sweep]`` table.
    out : Path or str
        Folder that gets the folder of the sweep.
    settings : sequence of str
        ``key=value`` of what is not swept.
    executor : {"local", "serial", "dask"}
    jobs : int, optional
        Workers; one for each processor unless given.
    scheduler : str, optional
        Address of a running scheduler of dask.
    budget : float, optional
        Seconds after which it stops; the same call resumes.
    top : int
        So many of the best trials, and the median one, get full reports; 0 is none at all.
    tell : callable, optional
        Told what happens, a line at a time (``print``, for one); how far it is as `backtests.sweeps.progress.Passing`.
    start, end, what_if, market, waive : optional
        Of the spec instead of its own, as on the command line.

    Returns
    -------
    dict
        ``sweep_id``, ``folder``, ``sweep`` (what is varied), ``trials`` {planned, done, failed, quarantined}, ``rate``
        (trials a second), ``path`` (how they are computed), ``best``, ``overfit``, ``parity`` {checked, equal,
        differences}, ``lookahead`` of the best, ``table``, ``reports`` [{trial, rank, report}], ``page``,
        ``finished``, ... Stopped by the budget, what is not known yet is None and ``why`` says how much is stored.

    Raises
    ------
    SpecError, MissingData, DataError
        Before anything is written.
    StoreError, ExecutorError
        The disk is full, a worker is missing; what is stored is kept.
    KeyboardInterrupt
        It was interrupted; the text says how much is stored.
    """
    from backtests.sweeps.plan import load_plan
    from backtests.sweeps.sweep import How
    from backtests.sweeps.sweep import sweep as compute

    _check(executor, jobs, scheduler, top)
    layers = None if market is None else tuple(paths(market))
    given = {"start": start, "end": end, "what_if": what_if, "market": layers}
    plan = load_plan(Path(spec), settings, **given, waive=None if waive is None else tuple(waive))
    tell = tell or (lambda line: None)
    found = compute(plan, Path(out), How(executor, jobs or 0, scheduler, budget, tell))
    folder = Path(found["folder"])
    answer = {**found, "sweep": plan.identity()["sweep"], **_rate(folder)}
    answer |= _pages(folder, top, tell) if found["finished"] else _unknown(folder)
    return {**answer, "version": VERSION}


def _check(executor: str, jobs: int | None, scheduler: str | None, top: int) -> None:
    """Refuse what cannot be asked for before anything is opened or written."""
    from backtests.sweeps.executors import executor as executor_of

    executor_of(executor, (os.cpu_count() or 1) if jobs is None else jobs, scheduler)
    if top < 0:
        raise SpecError(
            asked=f"report the {top} best trials",
            found="a number below 0",
            rule="--top takes the number of best trials that get full reports",
            todo="--top 1",
        )


def _rate(folder: Path) -> Answer:
    from backtests.sweeps.tables import status

    found = status(folder)
    return {"rate": found["rate"], **({"rate_why": found["why"]} if "why" in found else {})}


def _unknown(folder: Path) -> Answer:
    """Return what a sweep that was stopped cannot say yet, and why."""
    from backtests.sweeps.sweep import stored

    nothing = dict.fromkeys(("best", "overfit", "parity", "lookahead", "table"))
    return {
        **nothing,
        "reports": [],
        "page": None,
        "why": f"stopped by the budget: {stored(folder)}; the same command resumes",
    }


def _pages(folder: Path, top: int, tell: _Tell) -> Answer:
    """Write the reports of single trials, the page of the sweep and the gallery beside it; name the first two."""
    from backtests.report import write_gallery
    from backtests.sweeps.page import write_page

    reports = _reports(folder, top, tell)
    page = write_page(folder)
    write_gallery(folder.parent)
    return {"reports": reports, "page": str(page)}


def _reports(folder: Path, top: int, tell: _Tell) -> list[Answer]:
    """Write full reports of the best trials and of the median one, as far as they are not there."""
    if not top:
        return []
    from backtests.sweeps.digest import RUNS, chosen
    from backtests.sweeps.plan import load_plan
    from backtests.sweeps.progress import Passing
    from backtests.sweeps.search import bound

    # The stored spec is the sweep: all that its trials share is fixed in it.
    store, rows = _store(folder), []
    plan = bound(load_plan(folder / "spec.toml"), folder, store.key)
    asked = chosen(plan, store, top)
    for at, (trial, rank) in enumerate(asked, 1):
        tell(Passing(f"report {at} of {len(asked)}: trial {trial}"))
        rows.append({"trial": trial, "rank": rank, "report": str(_report(plan, trial, folder / RUNS))})
    return rows


def _report(plan: Plan, trial: int, runs: Path) -> Path:
    """Return the page of a trial; a run that is there is of the same spec, data and code, as its sweep is."""
    spec = plan.spec_of(trial)
    there = next(runs.glob(f"{spec.name}-{'?' * 12}"), None)
    return (there or run_spec(spec, runs)[1]) / "index.html"


def _store(folder: Path) -> Store:
    from backtests.sweeps.store import Store
    from backtests.sweeps.tables import PLAN

    plan = json.loads((folder / PLAN).read_text("utf-8"))
    return Store(folder, plan["key"], plan["chunks"])


def trials(spec: Path | str, out: Path | str = REPORTS, **how: Any) -> pd.DataFrame:
    """Sweep, and return all trials as a frame: ``backtests.sweep(...)``.

    Parameters
    ----------
    spec, out, **how
        As of `sweep`.

    Returns
    -------
    DataFrame
        A row per trial in the order of their numbers: ``trial``, a column for each thing that is swept (a market by its
        place in the list), ``status`` (0 done, 1 failed, 2 quarantined), ``why``, the figures (fractions, unknown ones
        NaN), ``n_trades``, ``n_fills``, ``n_rejected``, ``costs`` (yen). ``.attrs["answer"]`` holds the JSON answer of
        `sweep`: the best trial, the verdict on it, the parity proof. Stopped by the budget, the trials that are stored.

    Raises
    ------
    ToolError, KeyboardInterrupt
        As `sweep`.

    Examples
    --------
    ::

        import backtests

        frame = backtests.sweep("backtests/specs/sweeps/vi_gate.toml", jobs=2, tell=print)
        frame.pivot_table(values="sharpe", index="low", columns="high")
        frame.attrs["answer"]["overfit"]["verdict"]
    """
    answer = sweep(spec, out, **how)
    frame = _store(Path(answer["folder"])).frame()
    frame.attrs["answer"] = answer
    return frame


def sweep_status(folder: Path | str) -> Answer:
    """Return how far a sweep is, from any process, while it runs or not.

    Parameters
    ----------
    folder : Path or str
        Of the sweep, as it is named when the sweep begins.

    Returns
    -------
    dict
        ``sweep_id``, ``folder``, ``trials`` {planned, done, failed, quarantined}, ``chunks`` {done, of}, ``rate``,
        ``finished``, ``coordinator`` {pid, host, since} or None, ``damaged``, ``bytes``, ``last_write`` (UTC).

    Raises
    ------
    SpecError
        If it is not the folder of a sweep.
    """
    from backtests.sweeps.tables import status

    found = status(Path(folder))
    counts = {name: found.pop(name) for name in ("planned", "done", "failed", "quarantined")}
    rate = {"rate": found.pop("rate"), **({"rate_why": found.pop("why")} if "why" in found else {})}
    where = {"sweep_id": Path(folder).resolve().name, "folder": str(folder)}
    return {**where, "trials": counts, **found, **rate, **about(None)}
