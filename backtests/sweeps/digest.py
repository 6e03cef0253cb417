"""The JSON twin of a sweep's page: what the sweep found, and what the page draws of its trials.

From ``sweep.json``, the plan and the table of trials: no trial is computed again, and few are read whole.
"""

from __future__ import annotations

import itertools
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from backtests.overfit.deflated import TRUST
from backtests.overfit.shape import histogram
from backtests.overfit.verdict import LEVEL, PBO_LEVEL
from backtests.report.plots import axis as ticks_of
from backtests.report.plots import kept
from backtests.sweeps.axes import Axis, Continuous, Steps
from backtests.sweeps.maps import around
from backtests.sweeps.plan import Plan
from backtests.sweeps.space import GRID, SEARCH
from backtests.sweeps.store import Store
from backtests.sweeps.tables import STATUS, TABLE
from backtests.version import ROOT

#: Raised when a name of the document changes its meaning.
SCHEMA = 1
#: Rows of a table on the page, at most; the files hold all.
SHOWN = 20
#: Trials whose table is also written as CSV.
CSV_TRIALS = 20_000
CSV = "table.csv"
#: Folder of full reports within that of the sweep, and the rank of the middle one.
RUNS, MEDIAN = "runs", "median"

#: Measured on 2026-11-20: what the best of 50 strategies of noise looked like, so that nobody trusts one number.
WARNING = {"strategies": 50, "psr": 0.993, "dsr": 0.456}
BOUNDS = {"dsr": TRUST, "pbo": PBO_LEVEL, "middle": 0.5, "p": LEVEL}

_COPIED = ("sweep_id", "select", "path", "trials", "data", "best", "overfit", "parity", "lookahead", "commit", "code")
_RUN = re.compile(r".*-t(\d+)-[0-9a-f]{12}")

Part = dict[str, Any]


def digest(answer: Mapping[str, Any], plan: Plan, store: Store) -> Part:
    """Build the JSON twin of the page.

    Parameters
    ----------
    answer : mapping
        ``sweep.json``.
    plan : Plan
    store : Store
        Finished.

    Returns
    -------
    dict
        Plain JSON values without NaN: what `answer` says, and ``space``, ``undone`` (why trials failed), ``figures``
        (histogram of the figure selected by), ``slices``, ``maps``, ``top``, ``reports``, ``walk`` (what is drawn of
        the walk forward), ``doubts``, ``files``.
    """
    best, copied = answer["best"], {name: answer[name] for name in _COPIED}
    drawn = around(plan, store, best) if best else {"slices": [], "maps": [], "unmapped": []}
    body: Part = {
        "schema": SCHEMA,
        "kind": "sweep",
        "name": plan.spec.name,
        "strategy": _strategy(plan),
        "claim": plan.spec.claim or None,
        **({} if plan.spec.claim else {"claim_why": "no claim was stated before the sweep"}),
        "version": answer["version"],
        **copied,
        "command": _command(store.folder),
        "space": _space(plan, best),
        "fixed": _fixed(plan),
        "undone": _undone(store),
        "figures": _distribution(plan, store),
        **drawn,
        "top": _top(plan, store),
        "reports": _reports(plan, store),
        "walk": _walk(answer["overfit"]),
        "bounds": BOUNDS,
        "warning": WARNING,
        "files": _files(answer["trials"]),
    }
    body |= {"valid": body["parity"]["equal"] and not body["lookahead"]["leaks"]}
    return body | {"doubts": _doubts(body)}


def _strategy(plan: Plan) -> str:
    """Return the strategy without the folders of this machine."""
    return Path(plan.spec.strategy).name if ".py:" in plan.spec.strategy else plan.spec.strategy


def _command(folder: Path) -> str:
    """Return what resumes or repeats the sweep, from the root of the clone."""
    elsewhere = "" if folder.parent == ROOT / "reports" else f" --out {os.path.relpath(folder.parent, ROOT)}"
    return f"python -m backtests sweep {os.path.relpath(folder, ROOT)}/spec.toml{elsewhere}"


def _space(plan: Plan, best: Mapping[str, Any] | None) -> Part:
    space = plan.space
    axes = [_axis(axis, best) for axis in space.axes]
    return {
        "sample": space.sample,
        "size": space.size,
        "seed": space.seed,
        "constraints": [constraint.text for constraint in space.constraints],
        "axes": axes,
    }


def _axis(axis: Axis, best: Mapping[str, Any] | None) -> Part:
    """Return an axis in brief, with the chosen value and whether it lies at an end."""
    written = axis.written(None)
    chosen = best[axis.name] if best else None
    ends = [written["from"], written["to"]] if isinstance(written, dict) else []
    log = isinstance(axis, Continuous) and axis.log
    between = f"{ends[0]} to {ends[1]}{', by logarithm' if log else ''}" if ends else ", ".join(map(str, written))
    return {
        "name": axis.name,
        "values": between,
        "count": axis.size if isinstance(axis, Steps) else None,
        **({} if isinstance(axis, Steps) else {"count_why": "continuous"}),
        "chosen": chosen,
        "at_end": chosen in ends,
    }


def _fixed(plan: Plan) -> list[Part]:
    """Return what all trials share: the span, the account, the parameters that are not swept."""
    spec, swept = plan.spec, {axis.name for axis in plan.space.axes}
    shared = {"from": str(spec.start), "to": str(spec.end), "cash": spec.cash, **spec.params}
    return [{"name": name, "value": value} for name, value in shared.items() if name not in swept]


def _records(store: Store, sql: str, **params: Any) -> list[Part]:
    found = store.query(sql, **params).to_dict("records")
    return [{str(name): _plain(value) for name, value in row.items()} for row in found]


def _plain(value: Any) -> Any:
    """Return a value of the table as JSON has it."""
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or value != value:
        return None
    if isinstance(value, (bool, int, str)):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else str(value)[:10]


def _undone(store: Store) -> Part:
    """Return why trials have no figures, the commonest reason first."""
    sql = "select status, why, count(*) as n, min(trial) as first from trials where status > 0 group by all"
    rows = _records(store, f"{sql} order by n desc, first")
    shown = [{**row, "status": STATUS[row["status"]]} for row in rows[:SHOWN]]
    return {"reasons": len(rows), "shown": len(shown), "rows": shown}


def _known(plan: Plan) -> str:
    return f"where status = 0 and {plan.select} is not null"


def _distribution(plan: Plan, store: Store) -> Part | None:
    """Return how the figure selected by is distributed over the trials."""
    values = store.query(f"select {plan.select} as figure from trials {_known(plan)}")["figure"].to_numpy(np.float64)
    return histogram(values) if len(values) else None


def _top(plan: Plan, store: Store) -> list[Part]:
    order = f"order by {plan.select} desc, trial limit {SHOWN}"
    return _records(store, f"select * exclude (status, why) from trials {_known(plan)} {order}")


def _numbered(plan: Plan) -> str:
    """Return a query of trials by rank, the best first."""
    order = f"order by {plan.select} desc, trial"
    return f"select trial, row_number() over ({order}) as rank, count(*) over () as of from trials {_known(plan)}"


def chosen(plan: Plan, store: Store, top: int) -> list[tuple[int, int | str]]:
    """Return the best trials with their ranks from 1, and the middle one; of an even number the worse one."""
    sql = f"select *, rank = of // 2 + 1 as middle from ({_numbered(plan)}) where rank <= {top} or middle order by rank"
    rows = _records(store, sql)
    best: list[tuple[int, int | str]] = [(row["trial"], row["rank"]) for row in rows if row["rank"] <= top]
    return [*best, *((row["trial"], MEDIAN) for row in rows if row["middle"])]


def _reports(plan: Plan, store: Store) -> list[Part]:
    """Return the full reports that lie in the folder, the best trial first."""
    pages = sorted(store.folder.glob(f"{RUNS}/*/index.html"))
    there = {int(match[1]): page.parent.name for page in pages if (match := _RUN.fullmatch(page.parent.name))}
    sql = f"select * from ({_numbered(plan)}) where trial in (select unnest($trials)) order by rank"
    rows = _records(store, sql, trials=sorted(there)) if there else []
    return [
        {
            "trial": row["trial"],
            "rank": row["rank"],
            "what": "best" if row["rank"] == 1 else MEDIAN if row["rank"] == row["of"] // 2 + 1 else "",
            "page": f"{RUNS}/{there[row['trial']]}/index.html",
        }
        for row in rows
    ]


def _walk(overfit: Mapping[str, Any]) -> Part:
    """Return what is drawn of each way forward: Sharpe ratios by fold, and the joined record beside the benchmark."""
    walked = overfit.get("walk_forward") or {}
    return {name: _way(walked[name]) for name in ("rolling", "anchored") if walked.get(name)}


def _way(way: Mapping[str, Any]) -> Part:
    folds, joined = way["folds"], way["joined"]
    inside, outside = ([fold[f"sharpe_{side}"] for fold in folds] for side in ("in", "out"))
    curves = {"out": joined["sums"], **({"benchmark": joined["benchmark"]} if joined["benchmark"] else {})}
    grown = {name: [0.0, *(math.expm1(total) for total in itertools.accumulate(sums))] for name, sums in curves.items()}
    places = kept(len(grown["out"]))
    thinned = {name: [line[at] for at in places] for name, line in grown.items()}
    days = [joined["days"][max(at - 1, 0)] for at in places]
    return {
        "mean_in": sum(inside) / len(inside),
        "mean_out": sum(outside) / len(outside),
        "tested": [fold["test_days"][0] for fold in folds],
        "sharpe_ticks": ticks_of([inside, outside], [0.0]),
        "curves": thinned,
        "curve_ticks": ticks_of(thinned.values(), [0.0]),
        "days": days,
    }


def _files(trials: Mapping[str, int]) -> list[Part]:
    small = sum(trials[status] for status in STATUS) <= CSV_TRIALS
    csv = [{"name": CSV, "what": "the same as CSV"}] if small else []
    return [
        {"name": TABLE, "what": "every trial: what it sets, its figures, why it failed"},
        *csv,
        {"name": "report.json", "what": "every number of this page"},
        {"name": "sweep.json", "what": "the answer of the sweep"},
        {"name": "spec.toml", "what": "the spec; sweeping it again gives this page"},
        {"name": "plan.json", "what": "what defines the sweep: its key is the hash of spec, data, code and seed"},
    ]


def _doubts(body: Part) -> list[str]:
    """Return what speaks against the best trial, gravest first."""
    found, trials = body["overfit"], body["trials"]
    ends = [axis["name"] for axis in body["space"]["axes"] if axis["at_end"]]
    dsr, pbo = found.get("dsr"), found.get("pbo")
    reasons = (
        (bool(body["lookahead"]["leaks"]), "The best trial looks ahead: its figures say nothing."),
        (not body["parity"]["equal"], "Trials differ from the engine: no figure here is proved."),
        (not body["lookahead"]["rows_checked"], "Whether the best trial looks ahead was not checked."),
        (body["best"] is None, "No trial has the figure that the best is chosen by."),
        (bool(body["data"]["synthetic"]), "The data are synthetic: the figures show the machinery, not the idea."),
        (dsr is not None and dsr < TRUST, "Luck explains the best Sharpe ratio: the deflated one is below its bound."),
        (pbo is not None and pbo > PBO_LEVEL, "The best of the past came out low in the future too often (PBO)."),
        (found["verdict"] == "too little", "There are too few sessions to judge by."),
        (found["verdict"] is None, f"Nothing is said about luck: {found.get('verdict_why', '')}."),
        ("note" in found, f"Note: {found.get('note', '')}."),
        (trials["failed"] + trials["quarantined"] > 0, "Trials failed: what is left to choose from is chosen already."),
        (bool(ends), f"Chosen at the end of what was tried, {', '.join(ends)}: a better one may lie outside."),
        (body["claim"] is None, "No claim was stated before the sweep, so there is nothing it could have refuted."),
        (bool(body["data"]["missing"]), "Some of the data are missing."),
        (body["space"]["sample"] == SEARCH, "Trials of a search are not independent: each was led by those before."),
        (body["space"]["sample"] != GRID, "Of a sample no neighbours are known: the best has no plateau to show."),
    )  # fmt: skip
    return [text for holds, text in reasons if holds]
