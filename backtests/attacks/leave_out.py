"""Attacks that leave something out: a stock, an event or holding, a year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from backtests.attacks.case import Attack, Case, Figures
from strategies.base import Targets

#: The holdings that gained most are left out one by one, so many of them.
HOLDINGS = 50


def stock(case: Case) -> Attack:
    """Leave each stock out that was ever held."""
    name, what = "leave one stock out", "Each stock was left out, one at a time; the worst is shown."
    targets = case.targets
    if targets is None:
        return Attack(name, what, why=case.why_none)
    held = [i.name for i in case.ground.instruments if i.kind == "stock" and i.name in targets.ordered()]
    if len(held) < 2:
        return Attack(name, what, why="no stock was held" if not held else "one stock was held, and nothing is left")
    at = targets.instruments.index
    return case.worst(name, what, [(one, case.traded(_flat(targets, slice(None), at(one)))) for one in held])


def holding(case: Case) -> Attack:
    """Leave each event, or each stretch between flat and flat, out."""
    is_event = "factors" in case.setup.strategy.needs(case.setup.params)
    one, many = ("event", "windows around events") if is_event else ("holding", "holdings")
    name, targets = f"leave one {one} out", case.targets
    what = f"Each of the {many} was flat instead, one at a time; the worst is shown."
    if targets is None:
        return Attack(name, what, why=case.why_none)
    found = stretches(targets)
    if len(found) < 2:
        return Attack(name, what, why="nothing was held" if not found else "one holding was never given up")
    if len(found) > HOLDINGS:
        most = f"Of {len(found):,} {many} the {HOLDINGS} that gained most"
        what = f"{most} were flat instead, one at a time; the worst is shown."
    chosen = sorted(found, key=lambda part: -_gain(case, part))[:HOLDINGS]
    return case.worst(name, what, [(_label(case, part), case.traded(_flat(targets, part))) for part in chosen])


def year(case: Case) -> Attack:
    """Leave each calendar year out."""
    name, targets = "leave one year out", case.targets
    what = "Each calendar year was spent in cash, one at a time; the worst is shown."
    years = np.unique(_years(case))
    if len(years) < 2:
        return Attack(name, what, why="the run lies in one calendar year")
    if targets is None:
        what = "Each calendar year returned nothing, one at a time, what was held staying so; the worst is shown."
        return case.worst(name, what, [(str(one), _without(case, one)) for one in years.tolist()])
    fills = np.append(_years(case)[1:], -1)  # row t fills on bar t + 1
    flat = {str(one): _flat(targets, np.repeat(fills == one, 2)) for one in years.tolist()}
    return case.worst(name, what, [(one, case.traded(wanted)) for one, wanted in flat.items()])


def _years(case: Case) -> np.ndarray:
    years: np.ndarray = case.setup.traded.session.astype("datetime64[Y]").astype(np.int64) + 1970
    return years


def _without(case: Case, year: int) -> Figures:
    returns = case.returns
    return case.figures_of(returns.where(pd.DatetimeIndex(returns.index).year != year, 0.0))


def stretches(targets: Targets) -> list[slice]:
    """Return the instants from flat to flat: instant 2t is the open that row t is for, 2t + 1 its close.

    Examples
    --------
    >>> flat, held = [0.0], [1.0]
    >>> at_open = np.array([flat, held, held, flat, held])
    >>> stretches(Targets(("etf_1321",), at_open, np.full((5, 1), np.nan)))
    [slice(2, 6, None), slice(8, 10, None)]
    """
    wanted = pd.DataFrame(_in_turn(targets)).ffill().fillna(0.0).to_numpy()
    held = np.concatenate(([False], (wanted != 0).any(axis=1), [False]))
    starts, ends = np.flatnonzero(held[1:] & ~held[:-1]), np.flatnonzero(held[:-1] & ~held[1:])
    return [slice(a, b) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]


def _in_turn(targets: Targets) -> np.ndarray:
    """Return the targets of every open and close in turn, shape (2n, k)."""
    n, k = targets.at_open.shape
    return np.stack([targets.at_open, targets.at_close], axis=1).reshape(2 * n, k)


def _flat(targets: Targets, instants: slice | np.ndarray, column: int | slice = slice(None)) -> Targets:
    """Return targets that are flat at some instants."""
    wanted = _in_turn(targets)
    wanted[instants, column] = 0.0
    n, k = targets.at_open.shape
    rows = wanted.reshape(n, 2, k)
    return replace(targets, at_open=rows[:, 0].copy(), at_close=rows[:, 1].copy())


def _gain(case: Case, part: slice) -> float:
    """Return what the account gained from the close before a stretch to the close after it, yen."""
    net, (first, last) = case.result.equity["net"].to_numpy(), _sessions(case, part)
    return float(net[last + 1] - net[first])


def _sessions(case: Case, part: slice) -> tuple[int, int]:
    """Return the places of the sessions of the first fill of a stretch and of the last, the end of the run at most."""
    session = case.setup.traded.session
    ends = np.unique(session)
    bars: Sequence[int] = [min(at // 2 + 1, len(session) - 1) for at in (part.start, part.stop)]
    first, last = (int(np.searchsorted(ends, session[bar])) for bar in bars)
    return first, last


def _label(case: Case, part: slice) -> str:
    days = np.unique(case.setup.traded.session)
    first, last = _sessions(case, part)
    return f"{days[first]} to {days[last]}"
