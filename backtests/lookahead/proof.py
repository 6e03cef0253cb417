"""Everything there is against one spec: every row, and other futures in memory, on disk, in a fresh process.

Truncating finds a strategy that uses the future its market serves. Changing the future finds one that
has it from elsewhere, and holds orders and equity to the same standard as targets. What no test can
see is said with every answer (`backtests.lookahead.BLIND_SPOTS`).
"""

from __future__ import annotations

import tempfile
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from backtests.lookahead import BLIND_SPOTS, Past, check_rows, find_leaks, perturb, repeat, spread
from backtests.lookahead.fresh import fresh_targets
from backtests.lookahead.purity import stateless
from backtests.prepare import Setup
from backtests.run import targets_of, trade
from backtests.spec import to_toml
from indexsim.bars import NIGHT
from indexsim.market import BASE_SERIES, MarketData
from strategies.base import Targets

#: Rows after which the future is changed in memory, and on disk.
CUTS, FOLDERS = 16, 2

Leak = dict[str, str]


def audit_spec(setup: Setup, cuts: int = CUTS, folders: int = FOLDERS, seed: int = 0) -> dict[str, Any]:
    """Try every test of the look-ahead check on a spec.

    ``truncate`` repeats every row on the market as it was known then. ``perturb`` changes everything
    unknown at a row, and repeats the targets and the trading of what they say. ``folder-truncated`` and
    ``folder-perturbed`` write such markets down and repeat both in a fresh process, where no cache, no
    global and no other file helps.

    Parameters
    ----------
    setup : Setup
    cuts : int
        Rows of ``perturb``: first, last, around events and target changes.
    folders : int
        Rows of each of the two folder tests, evenly spread.
    seed : int
        Of the noise.

    Returns
    -------
    dict
        ``leaks`` [{test, row, what}], ``blind_spots`` [str], ``rows`` of the run, ``rows_checked`` by
        ``truncate``, ``cuts`` {test: rows}.

    Raises
    ------
    LookAheadError
        The strategy reads files, keeps state or holds data: then a comparison proves nothing.
    """
    targets = targets_of(setup)
    every, some = (check_rows(targets, setup.market, setup.bars, setup.span, how) for how in ("all", "sample"))
    truncated = find_leaks(setup.strategy, setup.params, setup.market, setup.bars, targets, every)
    in_memory = [int(t) for t in spread(some, cuts)]
    on_disk = _on_base_days(setup, folders)
    other = _OtherFutures(setup, targets, seed)
    leaks = [{"test": "truncate", **leak} for leak in truncated]
    with stateless(setup.strategy, setup.params):
        leaks += [leak for t in in_memory for leak in other.in_memory(t)]
    leaks += [leak for t in on_disk for leak in other.on_disk(t)]
    return {
        "leaks": leaks,
        "blind_spots": list(BLIND_SPOTS),
        "rows": setup.span.stop - setup.span.start,
        "rows_checked": len(every),
        "cuts": {"perturb": len(in_memory), "folder": len(on_disk)},
    }


def _on_base_days(setup: Setup, count: int) -> list[int]:
    """Return rows that cut the span into even parts, on days of the base series: a truncated folder ends there."""
    base = next(name for name in BASE_SERIES if setup.market.has(name))
    days = setup.market.table(base).index.to_numpy().astype("datetime64[D]")
    # A night belongs to a day whose own bar is still to come.
    there = np.flatnonzero(np.isin(setup.bars.session, days) & (setup.bars.half != NIGHT))
    there = there[(there >= setup.span.start) & (there < setup.span.stop)]
    return sorted({int(there[len(there) * (i + 1) // (count + 1)]) for i in range(count)})


class _OtherFutures:
    """One spec in markets that agree with its own up to a row; its targets and trading are what they are held to."""

    def __init__(self, setup: Setup, targets: Targets, seed: int) -> None:
        self.setup, self.targets, self.seed = setup, targets, seed
        self.traded = trade(setup, targets, setup.market, setup.span)[1]

    def in_memory(self, t: int) -> list[Leak]:
        """Change the future after row t."""
        setup, past = self.setup, Past(self.targets, self.setup.bars, t)
        market = perturb.perturb(setup.market, setup.bars.decided[t], self.seed)
        how = f"with another future after {setup.bars.decided[t]}"
        then, what = repeat(setup.strategy, setup.params, market, past, len(setup.bars), how)
        if then is not None and not what:
            what = self._trading(t, then, market, how)
        return self._leaks("perturb", t, what)

    def on_disk(self, t: int) -> list[Leak]:
        """Cut off, then change, the future after row t in folders that fresh processes read."""
        setup, at = self.setup, self.setup.bars.decided[t]
        with tempfile.TemporaryDirectory() as name:
            scratch = Path(name).resolve()
            (scratch / "spec.toml").write_text(to_toml(setup.spec, setup.params, scratch), "utf-8")
            perturb.write_truncated(setup.market, at, scratch / "truncated")
            perturb.write_perturbed(setup.market, at, self.seed, scratch / "perturbed")
            cut = self._in_folder(t, scratch / "truncated", at, t + 1)
            return cut + self._in_folder(t, scratch / "perturbed", setup.bars.decided[-1], len(setup.bars))

    def _in_folder(self, t: int, folder: Path, now: np.datetime64, rows: int) -> list[Leak]:
        how = f"in a fresh process, its folder {folder.name} after {self.setup.bars.decided[t]}"
        then = fresh_targets(folder.with_name("spec.toml"), folder, now)
        if isinstance(then, str):
            what = f"fails {how}: {then}"
        else:
            what = Past(self.targets, self.setup.bars, t).difference(then, rows, how)
            what = what or self._trading(t, then, MarketData.open(folder).until(now), how)
        return self._leaks(f"folder-{folder.name}", t, what)

    def _trading(self, t: int, then: Targets, market: MarketData, how: str) -> str:
        """Say what differs in orders or equity before row t's session; "" where nothing does.

        What is paid on a day is known only in its evening, so row t's own session is left out.
        """
        setup = self.setup
        span = slice(setup.span.start, t + 1)
        settled = int(np.searchsorted(setup.bars[span].session, setup.bars.session[t]))
        if settled < 2:
            return ""
        # Another market may make a strategy name others: what it names besides is not held up to there.
        traded = trade(setup, then.on(tuple(i.name for i in setup.instruments)), market, span)[1]
        orders, others = ([o for o in made.orders if o.bar + 1 < settled] for made in (self.traded, traded))
        if orders != others:
            first = next((a or b for a, b in zip_longest(orders, others) if a != b))
            return f"orders decided at {setup.bars.decided[span][first.bar]} are others {how}"
        apart = np.flatnonzero(self.traded.equity[:settled] != traded.equity[:settled])
        return f"equity at {setup.bars.decided[span][apart[0]]} is another one {how}" if len(apart) else ""

    def _leaks(self, test: str, t: int, what: str) -> list[Leak]:
        return [{"test": test, "row": str(self.setup.bars.decided[t]), "what": what}] if what else []
