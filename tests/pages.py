"""A folder of reports for the tests of pages: small runs, strange runs, the claims, and the gallery over them."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from backtests import verbs
from backtests.report import write_gallery, write_run
from backtests.result import Result
from backtests.run import run
from backtests.spec import load_spec
from tests.test_report import ALERT, _result

#: Instruments of the run with as many as the index has names.
NAMES = 225

#: Shipped specs whose runs are in the folder: a fund, and a pair of futures.
SPECS = ("vi_gate", "split_pair")
SPAN = {"start": date(2020, 1, 6), "end": date(2020, 9, 30)}

#: A sweep of few trials over three years: judged and walked forward.
SWEEP = """
name = "vi_gate_sweep"
strategy = "strategies.vi_gate:ViGate"
market = {market}
from = 2020-01-06
to = 2022-12-30
cash = 100_000_000
claim = "<b>S001</b> & more"
params.instrument = "etf_1321"
sweep.select = "sharpe"
sweep.constraints = ["low < high"]
sweep.over.low = [18.0, 22.0, 26.0]
sweep.over.high = [22.0, 26.0, 30.0]
"""


def shared(place: Path, market: Path) -> Path:
    """Return the folder of reports below `place`, written by the first of the processes that ask for it."""
    with (place / "reports.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder, done = place / "reports", place / "reports.done"
        if not done.exists():
            write_reports(folder, market)
            done.touch()
    return folder


def write_reports(folder: Path, market: Path) -> None:
    """Write every kind of page into a folder."""
    specs = [replace(load_spec(verbs.SPECS / f"{name}.toml"), market=(market,), **SPAN) for name in SPECS]
    ran = [run(spec, folder)[1] for spec in specs]
    verbs.attack(ran[0])
    verbs.compare(ran)
    for name, result in strange().items():
        (folder / name).mkdir()
        result.write(folder / name)
        write_run(result, folder / name)
    verbs.claims(market, report=folder / "claims")
    verbs.index(market, report=folder / "index", what_if="no-cap", assets=10**13)
    sweep(folder, market)
    write_gallery(folder)


def sweep(folder: Path, market: Path) -> None:
    """Write the page of a sweep."""
    spec = folder.parent / "sweep.toml"
    spec.write_text(SWEEP.format(market=json.dumps(str(market))), "utf-8")
    verbs.sweep(spec, folder, executor="serial")


def strange() -> dict[str, Result]:
    """Return runs at the ends of what a run can be, by the name of their folder."""
    idle = _result(40, trade=False, rejected=[])
    return {
        "no-trade": replace(idle, orders=idle.orders.iloc[:0]),
        "one-trade": _result(9),
        "one-session": one_session(),
        "wipe-out": wiped_out(_result(40)),
        "below-zero": wiped_out(_result(40), end=-2_500_000.0),
        "flat": flat(_result(40)),
        "many-instruments": many(_result(9)),
        # Without sheets, which take longest and show no word from outside.
        "alert": wiped_out(alert(_result(40))),
        "日経-name": japanese(_result(9)),
    }


def one_session() -> Result:
    """Return a run of one session that loses a tenth: a fall only for who counts from the start."""
    result = _result(1, trade=False)
    equity, returns, positions = result.equity.copy(), result.returns.copy(), result.positions.copy()
    equity.iloc[1] *= 0.9
    returns[["net", "gross"]] = -0.1
    positions["cash"] = equity["net"].iloc[1:]
    return replace(result, equity=equity, returns=returns, positions=positions)


def wiped_out(result: Result, end: float = 0.0) -> Result:
    """Return a run that loses everything in its last session."""
    equity, returns, positions = result.equity.copy(), result.returns.copy(), result.positions.copy()
    before = equity.iloc[-2]
    equity.iloc[-1] = end
    returns.iloc[-1, :2] = (end / before - 1.0).to_numpy()
    positions.iloc[-1] = 0.0
    positions.iloc[-1, -1] = end
    return replace(result, equity=equity, returns=returns, positions=positions)


def flat(result: Result) -> Result:
    """Return a run that trades and whose account never moves."""
    equity, returns, positions = result.equity.copy(), result.returns.copy(), result.positions.copy()
    equity[:] = equity.iloc[0, 0]
    returns[["net", "gross"]] = 0.0
    positions["cash"] = equity["net"].iloc[1:] - positions.drop(columns="cash").sum(axis=1)
    return replace(result, equity=equity, returns=returns, positions=positions)


def many(result: Result) -> Result:
    """Return a run that holds a share of every name of an index, of each the same."""
    names = [f"stock_{1001 + k}" for k in range(NAMES)]
    held = np.outer(result.positions["nikkei"], np.full(NAMES, 1 / NAMES)) + 1000.0
    positions = pd.DataFrame(held, result.positions.index, names)
    positions["cash"] = result.equity["net"].iloc[1:] - positions.sum(axis=1)
    fills = pd.concat([result.fills.iloc[:1].assign(instrument=name) for name in names], ignore_index=True)
    trips = pd.concat([result.round_trips.iloc[:1].assign(instrument=name) for name in names], ignore_index=True)
    instruments = [{"name": name, "kind": "stock", "multiplier": 1, "lot": 100} for name in names]
    facts = result.facts | {"instruments": instruments, "costs": {"fees": float(fills["fee"].sum())}}
    return replace(result, facts=facts, positions=positions, fills=fills, round_trips=trips)


def alert(result: Result) -> Result:
    """Return a run in which every word from outside is a script."""
    facts = result.facts | {
        "name": ALERT,
        "doc": ALERT,
        "claim": ALERT,
        "command": ALERT,
        "params": {ALERT: ALERT},
        "rejected": [{"reason": ALERT, "n": 1}],
        "execution": [ALERT],
        "findings": [dict.fromkeys(("file", "row", "column", "rule", "found", "severity"), ALERT)],
        "waived": [ALERT],
        "instruments": [{"name": ALERT, "kind": ALERT, "multiplier": 1, "lot": 1}],
        "lookahead": {"rows": 9, "rows_checked": 9, "blind_spots": [ALERT], "leaks": [{"row": ALERT, "what": ALERT}]},
    }
    return _renamed(replace(result, facts=facts), {"nikkei": ALERT, "topix": f"{ALERT}2"})


def japanese(result: Result) -> Result:
    """Return a run whose instruments and claim have Japanese names."""
    names = {"nikkei": "日経225先物", "topix": "ＴＯＰＩＸ先物"}
    return _renamed(replace(result, facts=result.facts | {"name": "日経", "claim": "日経平均は戻る。"}), names)


def _renamed(result: Result, names: dict[str, str]) -> Result:
    """Return a run with other names of its instruments."""
    frames = {
        key: getattr(result, key).assign(instrument=getattr(result, key)["instrument"].replace(names))
        for key in ("fills", "orders", "round_trips", "ledger")
    }
    return replace(result, positions=result.positions.rename(columns=names), **frames)


def place(base: Path) -> Path:
    """Return the folder that all workers of a test run share, given the one of this worker."""
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
