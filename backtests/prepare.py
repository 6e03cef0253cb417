"""Make a spec ready to run: open, load and check everything, before anything is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from backtests import missing
from backtests.benchmarks import BENCHMARKS
from backtests.loading import build_params, load_strategy
from backtests.spec import Spec
from backtests.trading.instruments import Instrument, instrument
from backtests.trading.quotes import ADJUSTED
from indexsim import gate, sessions, suspension
from indexsim.bars import Bars
from indexsim.errors import Finding, MissingData, SpecError, unknown_name
from indexsim.index import PriceWeightedIndex
from indexsim.market import Folder, MarketData
from indexsim.rebuild import FILES as INDEX_FILES
from indexsim.rebuild import Rebuilt, can_rebuild, rebuild
from indexsim.schema import FILES
from strategies.base import Strategy

#: Files a run uses where the market has them: prices and payments of what it trades.
BESIDE = ("futures", "distributions", "dividends")

#: Rules of the gate that --waive may pass over.
WAIVABLE = (ADJUSTED, *gate.WAIVABLE)


@dataclass(frozen=True)
class Setup:
    """A spec made ready: everything a run needs, checked.

    Attributes
    ----------
    spec : Spec
    strategy : type of Strategy
    params : the strategy's Params
    market : MarketData
        As known at the close of the last session traded.
    instruments : tuple of Instrument
    bars : Bars
        All bars of the market up to the last one traded.
    span : slice
        The traded bars among them.
    missing : tuple of str
        What the market lacks and what that means, a sentence each.
    warnings : tuple of Finding
        Of the gate, about what the run trades and decides on.
    rebuilding : callable
        Returns the index, rebuilt when it is first asked for, where the market holds constituents.
    """

    spec: Spec
    strategy: type[Strategy]
    params: Any
    market: MarketData
    instruments: tuple[Instrument, ...]
    bars: Bars
    span: slice
    missing: tuple[str, ...]
    warnings: tuple[Finding, ...]
    rebuilding: Callable[[], Rebuilt | None]

    @property
    def rebuilt(self) -> Rebuilt | None:
        """The index beside its published levels, where the market holds constituents."""
        return self.rebuilding()

    @property
    def index(self) -> PriceWeightedIndex | None:
        """The rebuilt index, where a future is traded: nothing else is priced or settled by it."""
        futures = any(i.kind == "future" for i in self.instruments)
        return self.rebuilt.index if futures and self.rebuilt else None

    def findings(self) -> tuple[Finding, ...]:
        """Return the warnings about all that the run uses, the index included."""
        rebuilt = self.rebuilt
        if rebuilt is None:
            return self.warnings
        first, last = (day_of(self.traded.session[at]) for at in (0, -1))
        known = {finding.file.split(".")[0] for finding in self.warnings}
        files = [name for name in (*INDEX_FILES, *suspension.FILES) if name not in known]
        return (*self.warnings, *self.market.warnings(files, first, last), *rebuilt.findings)

    @property
    def traded(self) -> Bars:
        """The bars traded."""
        return self.bars[self.span]


def prepare(spec: Spec, folder: Folder | None = None, rebuilt: bool = True) -> Setup:
    """Open the market, load the strategy and check everything the run will use.

    Parameters
    ----------
    spec : Spec
    folder : Folder, optional
        The files of ``spec.market``, where somebody has opened them before: what was read is not read again.
    rebuilt : bool
        Whether the index is rebuilt now, so that what is wrong with it stops the run here; else when it is asked for.

    Raises
    ------
    SpecError, MissingData, DataError
        Before anything is computed or written.
    """
    refuse_unknown_rules(spec.waive)
    strategy = load_strategy(spec.strategy)
    params = build_params(strategy, spec.params)
    if spec.what_if:
        from indexsim import whatif  # a tenth of a second that few runs need

        # However it is written ("cap=0.10"), one world is one run.
        spec = replace(spec, what_if=str(whatif.parse(spec.what_if)))
    market = open_market(spec, folder)
    use = check_files(market, strategy, params, spec)
    bars, span, spans = use.bars, use.span, use.spans
    first, last = day_of(bars.session[span.start]), day_of(bars.session[span.stop - 1])
    known = market.until(bars.decided[span.stop - 1])

    @cache
    def rebuilding() -> Rebuilt | None:
        return rebuild(market, last, spec.waive) if can_rebuild(market, last) else None

    if rebuilt:
        rebuilding()
    return Setup(
        spec=spec,
        strategy=strategy,
        params=params,
        market=known,
        instruments=use.traded,
        bars=bars[: span.stop],
        span=span,
        missing=(*known.folder.missing, *missing.of_run(known, strategy, params, use.traded, bars[span], spec.start)),
        warnings=tuple(market.warnings(spans, first, last)),
        rebuilding=rebuilding,
    )


@dataclass(frozen=True)
class Use:
    """What a run takes from a market.

    Attributes
    ----------
    traded : tuple of Instrument
    bars : Bars
        Every bar of the market.
    span : slice
        The traded ones.
    spans : dict of file name to (first day, last day)
        The rows whose errors stop the run.
    """

    traded: tuple[Instrument, ...]
    bars: Bars
    span: slice
    spans: dict[str, tuple[date, date]]


def check_files(market: MarketData, strategy: type[Strategy], params: Any, spec: Spec) -> Use:
    """Check the files of a market that a run takes something from.

    Raises
    ------
    MissingData, SpecError, DataError
        A file is missing, fewer than two bars are covered, or an error stands in the rows that count.
    """
    asked = f"run {spec.name}"
    market.require(strategy.needs(params), asked)
    traded = tuple(instrument(name) for name in strategy.tradable(market, params))
    if not traded:
        raise MissingData(
            asked=asked,
            found="the strategy finds nothing to trade in this market",
            rule="a run trades at least one instrument",
            todo="give a market that reaches further back, or other parameters",
        )
    prices = files_traded(traded, spec)
    market.require(prices, asked)
    bars, span = _span(market, strategy, _covered(market, [*strategy.needs(params), *prices]), spec)
    first, last = day_of(bars.session[span.start]), day_of(bars.session[span.stop - 1])
    # Features may look back to the beginning; everything else counts from the first session traded.
    beside = [name for name in (*BESIDE, *(b.file for b in BENCHMARKS)) if market.has(name)]
    spans = dict.fromkeys([*prices, *beside], (first, last))
    spans |= dict.fromkeys(strategy.needs(params), (date.min, last))
    market.refuse_errors(spans, asked, spec.waive)
    return Use(traded, bars, span, spans)


def files_traded(traded: Iterable[Instrument], spec: Spec) -> tuple[str, ...]:
    """Return the files that hold the prices of instruments, and the rate of the account's currency."""
    names = [name for i in traded for name in i.files]
    return tuple(dict.fromkeys([*names, *(["usdjpy"] if spec.base != "JPY" else [])]))


def open_market(spec: Spec, folder: Folder | None = None) -> MarketData:
    """Return the market that a spec names, or that of its world; a folder is what somebody has opened of it before.

    Raises
    ------
    MissingData, DataError
        A folder that is not there, or one that its world cannot be made of.
    """
    market = MarketData(folder or Folder(spec.market))
    if not spec.what_if:
        return market
    from indexsim import whatif

    return whatif.build(market, spec.what_if, spec.end)


def refuse_unknown_rules(waived: Iterable[str]) -> None:
    """Raise `SpecError` for a rule that cannot be waived, with the nearest one that can."""
    for rule in waived:
        if rule not in WAIVABLE:
            raise unknown_name("rule that may be waived", rule, WAIVABLE)


def _span(market: MarketData, strategy: type[Strategy], covered: tuple[date, date], spec: Spec) -> tuple[Bars, slice]:
    """Return the bars and those traded: by default the sessions that every needed file covers."""
    bars = market.bars(strategy.clock)
    # The session before the first one traded is the base of every return, so there must be one.
    begins = np.datetime64(spec.start or covered[0], "D")
    after = bars.session[bars.session > (bars.session[0] if spec.start else max(bars.session[0], begins))]
    first = max(begins, after[0]) if len(after) else begins
    last = np.datetime64(spec.end or covered[1], "D")
    span = bars.between(first, last)
    if span.stop - span.start < 2:
        raise SpecError(
            asked=f"run {spec.name} from {first} to {last}",
            found=f"the market spans {bars.session[0]} to {bars.session[-1]}, no two bars of it lie in between",
            rule="a run needs two bars: one to decide on and one to fill on",
            todo="widen --from and --to",
        )
    return bars, span


def _covered(market: MarketData, names: Iterable[str]) -> tuple[date, date]:
    """Return the days that all of the named files cover, as far as they are files of days."""
    first, last = market.span
    for name in names:
        index = _days(market, name)
        if len(index):
            first, last = max(first, index[0]), min(last, index[-1])
    return first.date(), last.date()


def _days(market: MarketData, name: str) -> pd.DatetimeIndex:
    """Return the days of a file; events reach as far as the closes they act on."""
    if name == "factors" and market.has("closes"):
        name = "closes"
    frame = market.folder.frame(name)
    return pd.DatetimeIndex(frame.index) if FILES[name].date_indexed else pd.DatetimeIndex([])


def day_of(session: np.datetime64) -> date:
    """Return a session as a date."""
    day: date = session.astype("datetime64[D]").item()
    return day


def per_year(setup: Setup) -> float:
    """Return the sessions per year of a run."""
    return sessions.per_year(day_of(setup.traded.session[0]), day_of(setup.traded.session[-1]))
