"""One run: spec in, result and report out."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from backtests import benchmarks, lookahead
from backtests.engine import Execution, Terms, execute
from backtests.execution import PER_YEN
from backtests.feeds import Feed, make_feed
from backtests.frames import make_frames
from backtests.instruments import Instrument
from backtests.prepare import Setup, day_of, prepare
from backtests.result import Result
from backtests.spec import FUND_RESERVE, Spec, identity, to_toml
from backtests.version import ROOT, VERSION, code_hash, commit
from indexsim import sessions
from indexsim.errors import SpecError, ToolError
from indexsim.folders import replacing
from indexsim.market import MarketData
from strategies.base import Targets


def run(spec: Spec, out: Path) -> tuple[Result, Path]:
    """Run a spec and write its folder ``out/<run_id>``, replacing an earlier one whole, and the list of all.

    Returns
    -------
    result : Result
    folder : Path
    """
    from backtests.report import write_gallery, write_run

    began, clock = datetime.now(UTC), time.monotonic()
    _refuse_file(out)
    setup = prepare(spec)
    result = compute(setup, out)
    folder = out / str(result.facts["run_id"])
    with replacing(folder) as fresh:
        result.write(fresh)
        write_run(result, fresh)
        log = f"started {began:%Y-%m-%d %H:%M:%S} UTC\nseconds {time.monotonic() - clock:.1f}\nexecutor serial\n"
        (fresh / "run.log").write_text(log, "utf-8")
    write_gallery(out)
    return result, folder


def _refuse_file(out: Path) -> None:
    """Refuse an impossible place for the report before the work, not after it."""
    standing = next(p for p in (out, *out.absolute().parents) if p.exists())
    if not standing.is_dir():
        raise SpecError(
            asked=f"write reports into {out}",
            found=f"{standing} is a file",
            rule="--out takes a folder, which is made if need be",
            todo="name another folder",
        )


def compute(setup: Setup, out: Path) -> Result:
    """Compute the result of a prepared run; nothing is written.

    Parameters
    ----------
    setup : Setup
    out : Path
        Folder the run's folder will lie in: the paths in the stored spec are relative to it.
    """
    targets = _targets(setup)
    if len(targets) != len(setup.bars):
        raise SpecError(
            asked=f"run {setup.spec.name}",
            found=f"{len(targets)} rows of targets on {len(setup.bars)} bars",
            rule=f"a row for every bar of market.bars({setup.strategy.clock!r})",
            todo="correct features() or decide() of the strategy, or its clock",
        )
    rows = lookahead.check_rows(targets, setup.market, setup.bars, setup.span, setup.spec.strict)
    leaks = lookahead.find_leaks(setup.strategy, setup.params, setup.market, setup.bars, targets, rows)
    bars = setup.traded
    feed = make_feed(setup.market, setup.instruments, bars, setup.spec.waive)
    execution = execute(_cut(targets, setup.span), feed, setup.instruments, bars, _terms(setup))
    checked = {
        "rows": setup.span.stop - setup.span.start,
        "rows_checked": len(rows),
        "leaks": leaks,
        "blind_spots": list(lookahead.BLIND_SPOTS),
    }
    return _result(setup, execution, feed, checked, out)


def _targets(setup: Setup) -> Targets:
    try:
        return setup.strategy.targets(setup.market, setup.params)
    except ToolError:
        raise
    except Exception as error:  # code of a user's own may fail in any way
        at = traceback.extract_tb(error.__traceback__)[-1]
        raise SpecError(
            asked=f"compute the targets of {setup.spec.strategy}",
            found=f"{type(error).__name__}: {error} ({Path(at.filename).name}, line {at.lineno}, in {at.name})",
            rule="features() and decide() return without an error",
            todo="mend the strategy",
        ) from error


def _cut(targets: Targets, span: slice) -> Targets:
    return dataclasses.replace(targets, at_open=targets.at_open[span], at_close=targets.at_close[span])


def _terms(setup: Setup) -> Terms:
    spec = setup.spec
    default = [0.0 if i.cash_settled else FUND_RESERVE for i in setup.instruments]
    return Terms(
        cash=spec.cash * PER_YEN,
        reserve=tuple(default if spec.reserve is None else [spec.reserve] * len(default)),
        slippage_rate=round(spec.slippage_bps * 100),
        slippage_ticks=spec.slippage_ticks,
        rebalance=spec.rebalance,
    )


def _result(setup: Setup, execution: Execution, feed: Feed, checked: dict[str, Any], out: Path) -> Result:
    levels = {b.name: benchmarks.levels(setup.market, setup.traded, b) for b in benchmarks.BENCHMARKS}
    frames = make_frames(execution, feed, setup.instruments, setup.traded, setup.spec.cash, levels)
    folder = (out / run_id(setup)).resolve()
    facts = {**_facts(setup, execution, checked), "command": _command(folder)}
    return Result(facts=facts, spec_text=to_toml(setup.spec, setup.params, folder), **frames)


def _command(folder: Path) -> str:
    """Return the one line, for the clone's own folder, that repeats the run."""
    elsewhere = "" if folder.parent == ROOT / "reports" else f" --out {os.path.relpath(folder.parent, ROOT)}"
    return f"python -m backtests run {os.path.relpath(folder, ROOT)}/spec.toml{elsewhere}"


def run_id(setup: Setup) -> str:
    """Return the name of a run's folder: a hash of spec, data and code."""
    parts = {
        "spec": identity(setup.spec, setup.params),
        "data": setup.market.fingerprint,
        "code": code_hash(),
        "strategy_file": _strategy_file_hash(setup.spec.strategy),
    }
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    return f"{setup.spec.name}-{digest[:12]}"


def _strategy_file_hash(strategy: str) -> str:
    path, _, _ = strategy.rpartition(":")
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path.endswith(".py") else ""


def _facts(setup: Setup, execution: Execution, checked: dict[str, Any]) -> dict[str, Any]:
    spec, bars = setup.spec, setup.traded
    first, last = day_of(bars.session[0]), day_of(bars.session[-1])
    return {
        "run_id": run_id(setup),
        "name": spec.name,
        "strategy": spec.strategy if ".py:" not in spec.strategy else Path(spec.strategy).name,
        "doc": (setup.strategy.__doc__ or "").strip().split("\n\n")[0].replace("\n    ", " "),
        "params": dataclasses.asdict(setup.params),
        "claim": spec.claim or None,
        "what_if": spec.what_if,
        "version": VERSION,
        "commit": commit(),
        "code": code_hash(),
        "data": data_facts(setup.market, first, last, setup.missing),
        "index": setup.rebuilt,
        "sessions_per_year": sessions.per_year(first, last),
        "cash": spec.cash,
        "clock": setup.strategy.clock,
        "execution": _assumptions(setup),
        "instruments": [i.terms() for i in setup.instruments],
        "costs": _costs(execution),
        "income": _income(execution),
        "rejected": _rejected(execution),
        "lookahead": checked,
        "findings": [f.as_dict() for f in setup.findings],
        "waived": list(spec.waive),
    }


def data_facts(market: MarketData, first: date, last: date, missing: Sequence[str]) -> dict[str, Any]:
    """Return the ``data`` block every answer has."""
    return {
        "fingerprint": market.fingerprint,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "synthetic": market.synthetic,
        "missing": list(missing),
    }


_CLOCKS = {
    "daily": "one bar a session",
    "halves": "two bars a session, morning and afternoon, and one on a half day",
}


def _assumptions(setup: Setup) -> list[str]:
    spec, reserves = setup.spec, _terms(setup).reserve
    slippage = f"{spec.slippage_bps:g} bp and {spec.slippage_ticks} ticks"
    return [
        f"Clock: {_CLOCKS[setup.strategy.clock]}. "
        "What is decided after a close fills at the open or the close of the next bar.",
        f"Slippage: {slippage} against the trader, then rounded to the tick against the trader.",
        "Orders are whole lots, filled entirely or rejected; a rejected order is not tried again.",
        f"Rebalancing: {spec.rebalance}.",
        "Idle cash earns nothing; there is no tax.",
        *(_terms_of(i, reserve) for i, reserve in zip(setup.instruments, reserves, strict=True)),
    ]


def _terms_of(i: Instrument, reserve: float) -> str:
    terms = i.terms()
    fee = f"{terms['fee_yen']:g} yen a contract" if terms["fee_yen"] else f"{terms['fee_bps']:g} bp"
    bound = f"binds {terms['margin']:.0%} of its notional" if i.cash_settled else "is paid in full"
    return (
        f"{i.name}: {i.multiplier} yen a point, lots of {i.lot}, fee {fee}, {bound}, "
        f"{reserve:.0%} of the equity kept back. {i.source} ({i.confidence})."
    )


def _costs(execution: Execution) -> dict[str, float]:
    """Yen paid, by name: together they are what gross is better than net by."""
    fills = execution.book.fills
    return {"fees": sum(f.fee for f in fills) / PER_YEN, "slippage": sum(f.slippage for f in fills) / PER_YEN}


def _income(execution: Execution) -> dict[str, float]:
    """Yen received on positions, by name; below zero where a short owed it."""
    received = sum(e.sen for e in execution.book.entries if e.kind == "distribution")
    return {"distributions": received / PER_YEN}


def _rejected(execution: Execution) -> list[dict[str, Any]]:
    reasons = [o.reason for o in execution.orders if o.status == "rejected"]
    return [{"reason": reason, "n": reasons.count(reason)} for reason in sorted(set(reasons))]
