"""One run: spec in, result and report out."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backtests import benchmarks, lookahead
from backtests.facts import reserves, run_facts
from backtests.frames import make_frames
from backtests.ladder import DECIDES_AGAIN, SIZES, ladder
from backtests.lookahead.purity import pure_targets, stateless
from backtests.plain import UNCHECKED, PlainStrategy
from backtests.prepare import Setup, per_year, prepare
from backtests.residuals import as_rows, residuals
from backtests.result import Result
from backtests.retrade import Account, Ground, account_of
from backtests.spec import Spec, identity, to_toml
from backtests.trading.broker import Terms
from backtests.trading.execution import PER_YEN
from backtests.trading.feeds import Feed, make_feed
from backtests.trading.quotes import Conventions
from backtests.version import ROOT, code_hash
from indexsim.errors import MissingData, SpecError, ToolError
from indexsim.folders import replacing
from indexsim.market import MarketData
from strategies.base import Targets

if TYPE_CHECKING:
    from backtests.engine import Execution


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
    if issubclass(setup.strategy, PlainStrategy):
        return _compute_plain(setup, setup.strategy, out)
    from backtests.engine import execute

    targets = targets_of(setup)
    rows = lookahead.check_rows(targets, setup.market, setup.bars, setup.span, setup.spec.strict)
    leaks = lookahead.find_leaks(setup.strategy, setup.params, setup.market, setup.bars, targets, rows)
    ground, wanted = ground_of(setup), targets.rows(setup.span)
    execution = execute(wanted, ground.feed, setup.instruments, setup.traded, ground.terms)
    rungs = ladder(ground, lambda ground: ground.trade(wanted), execution.equity, per_year(setup))
    checked = {
        "rows": setup.span.stop - setup.span.start,
        "rows_checked": len(rows),
        "leaks": leaks,
        "blind_spots": list(lookahead.BLIND_SPOTS),
    }
    costs = {"ladder": rungs, "ladder_sizes": SIZES[targets.unit]}
    return _result(setup, execution, ground.feed, checked, costs, out)


def ground_of(setup: Setup) -> Ground:
    """Return what a prepared run trades on."""
    feed = make_feed(setup.market, setup.instruments, setup.traded, conventions(setup.spec), setup.index)
    return Ground(feed, setup.instruments, setup.traded, terms_of(setup))


def execution_of(setup: Setup) -> tuple[Feed, Execution]:
    """Return what the engine does with a prepared run, whatever kind of strategy it has; nothing else is checked.

    Raises
    ------
    ToolError
        As `targets_of`, or what a plain `backtrader.Strategy` raises.
    """
    if issubclass(setup.strategy, PlainStrategy):
        ground = ground_of(setup)
        return ground.feed, trade_plain(setup, setup.strategy, ground)
    return trade(setup, targets_of(setup), setup.market, setup.span)


def trade_plain(setup: Setup, strategy: type[PlainStrategy], ground: Ground) -> Execution:
    """Let a plain `backtrader.Strategy` decide and trade on a ground.

    Raises
    ------
    ToolError
        What it raises, as one message.
    """
    from backtests.engine import execute_plain

    bars = ground.bars
    series, params = strategy.series(setup.market, bars), dataclasses.asdict(setup.params)
    try:
        return execute_plain(strategy.plain, params, series, ground.feed, ground.instruments, bars, ground.terms)
    except ToolError:
        raise
    except Exception as error:  # code of a user's own may fail in any way
        raise _mend(setup, "run", error, "it runs without an error") from error


def _compute_plain(setup: Setup, strategy: type[PlainStrategy], out: Path) -> Result:
    ground = ground_of(setup)
    execution = trade_plain(setup, strategy, ground)

    def again(ground: Ground) -> Account:
        return account_of(trade_plain(setup, strategy, ground))

    rungs = ladder(ground, again, execution.equity, per_year(setup))
    blind = [*UNCHECKED, *lookahead.BLIND_SPOTS]
    checked = {"rows": len(setup.traded), "rows_checked": 0, "leaks": [], "blind_spots": blind, "unchecked": True}
    costs = {"ladder": rungs, "ladder_sizes": DECIDES_AGAIN}
    return _result(setup, execution, ground.feed, checked, costs, out)


def targets_of(setup: Setup) -> Targets:
    """Return what the strategy says about every bar, the market being all it can reach.

    Raises
    ------
    SpecError
        The strategy fails, or gives another number of rows.
    LookAheadError
        It reads files, keeps state or holds data (`backtests.lookahead.purity`).
    """
    with stateless(setup.strategy, setup.params):
        targets = _targets(setup)
    if len(targets) != len(setup.bars):
        raise SpecError(
            asked=f"run {setup.spec.name}",
            found=f"{len(targets)} rows of targets on {len(setup.bars)} bars",
            rule=f"a row for every bar of market.bars({setup.strategy.clock!r})",
            todo="correct features() or decide() of the strategy, or its clock",
        )
    return _known(targets, setup)


def _known(targets: Targets, setup: Setup) -> Targets:
    """Return the targets with the columns of the run's instruments."""
    names = tuple(i.name for i in setup.instruments)
    strange = [name for name in targets.ordered() if name not in names]
    if strange:
        raise SpecError(
            asked=f"trade the targets of {setup.spec.strategy}",
            found=f"{strange[0]} is held, and is none of the {len(names)} instruments of the run",
            rule="a strategy holds what its instruments() or tradable() names",
            todo="name it there",
        )
    return targets.on(names)


def trade(setup: Setup, targets: Targets, market: MarketData, span: slice) -> tuple[Feed, Execution]:
    """Trade the targets of some bars of a run at the prices of a market: the run's own, or one it is held against."""
    from backtests.engine import execute  # backtrader takes a while that sweeps need not spend

    bars = setup.bars[span]
    feed = make_feed(market, setup.instruments, bars, conventions(setup.spec), setup.index)
    return feed, execute(targets.rows(span), feed, setup.instruments, bars, terms_of(setup))


def _targets(setup: Setup) -> Targets:
    try:
        return pure_targets(setup.strategy, setup.params, setup.market)
    except ToolError:
        raise
    except Exception as error:  # code of a user's own may fail in any way
        rule = "features() and decide() return without an error"
        raise _mend(setup, "compute the targets of", error, rule) from error


def _mend(setup: Setup, doing: str, error: Exception, rule: str) -> SpecError:
    """Return the error of a strategy as one message, with the line it happened on."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    return SpecError(
        asked=f"{doing} {setup.spec.strategy}",
        found=f"{type(error).__name__}: {error} ({Path(at.filename).name}, line {at.lineno}, in {at.name})",
        rule=rule,
        todo="mend the strategy",
    )


def terms_of(setup: Setup) -> Terms:
    """Return what the spec of a run says about money and fills, in integers."""
    spec = setup.spec
    return Terms(
        cash=spec.cash * PER_YEN,
        reserve=reserves(setup),
        slippage_rate=round(spec.slippage_bps * 100),
        slippage_ticks=spec.slippage_ticks,
        rebalance=spec.rebalance,
        volume_share=spec.volume_share,
    )


def conventions(spec: Spec) -> Conventions:
    """Return what a spec says about prices and terms."""
    return Conventions(
        futures=spec.futures,
        expiry=spec.expiry,
        roll_before=spec.roll_before,
        impact=spec.impact,
        sized_by_volume=spec.volume_share > 0,
        cash_rate=spec.cash_rate,
        waived=spec.waive,
    )


def _result(
    setup: Setup, execution: Execution, feed: Feed, checked: dict[str, Any], costs: dict[str, Any], out: Path
) -> Result:
    levels = {b.name: benchmarks.levels(setup.market, setup.traded, b) for b in benchmarks.BENCHMARKS}
    exchange = _exchange(setup) if setup.spec.base == "USD" else None
    frames = make_frames(execution, feed, setup.instruments, setup.traded, setup.spec.cash, levels, exchange)
    from backtests.regimes import recorded

    frames["regimes"] = recorded(setup.market, setup.traded)
    folder = (out / run_id(setup)).resolve()
    legs = setup.strategy.legs(setup.params)
    pairs = residuals(frames["positions"], frames["equity"]["net"], legs, setup.market) if legs else None
    facts = {
        **run_facts(setup, execution, feed, checked),
        "run_id": run_id(setup),
        "command": _command(folder),
        **costs,
    }
    if pairs is not None:
        facts["pairs"] = as_rows(pairs)
    return Result(facts=facts, spec_text=to_toml(setup.spec, setup.params, folder), **frames)


def _exchange(setup: Setup) -> np.ndarray:
    """Return yen per dollar as known at the decision before the first bar traded, and at each bar's."""
    first = max(setup.span.start - 1, 0)
    rates = setup.market.known("usdjpy", "close", setup.bars[first : setup.span.stop])
    rates = rates if first < setup.span.start else np.append(rates[:1], rates)
    # Where no rate was known before the first bar, the account is exchanged at the first one.
    rates[0] = rates[1] if np.isnan(rates[0]) else rates[0]
    unknown = np.flatnonzero(np.isnan(rates))
    if len(unknown):
        raise MissingData(
            asked=f"show {setup.spec.name} in dollars",
            found=f"no known rate of usdjpy at {setup.bars[setup.span].decided[int(unknown[0]) - 1]}",
            rule="every bar needs the last close known then",
            todo='begin later, add the rows, or leave base = "JPY"',
        )
    return rates


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
        "strategy_file": strategy_file_hash(setup.spec.strategy),
    }
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    return f"{setup.spec.name}-{digest[:12]}"


def strategy_file_hash(strategy: str) -> str:
    """Return the hash of a user's own strategy file, "" for a shipped one."""
    path, _, _ = strategy.rpartition(":")
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path.endswith(".py") else ""
