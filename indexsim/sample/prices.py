"""The prices of a sample, walked back from the end, with the planted effects in them.

The close before follows from a close by taking out the session's return, adding the dividend and
undoing the split. So the weights at the end are the wanted ones, whatever happened on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim.errors import SpecError
from indexsim.sample.days import REVIEW_NOTICE, Days
from indexsim.sample.effects import Effects, Sample
from indexsim.sample.events import Plan, members, share_growth
from indexsim.sample.names import Names
from indexsim.sample.ticks import STOCK_TICKS, quoted
from indexsim.sample.world import AFTERNOON, LUNCH, MORNING, OVERNIGHT, World, common_returns

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

BP = 1e-4

#: On one ex-date the names outside the basket are worth at least this much of what they would be without the push.
LEAST_LIFT = 0.9

#: Shares are listed in lots of this many, so that a consolidation leaves whole shares.
SHARE_LOT = 1_000

#: First and last day on which the Bank can buy; E1.
BOJ_FROM, BOJ_TO = date(2010, 12, 15), date(2024, 3, 19)
#: Sessions the Bank compares with, and the fewest it needs.
BOJ_MEMORY, BOJ_MEMORY_LEAST = 250, 20
#: How often it buys when TOPIX's overnight and morning return is below the lower quantile, below the upper, above.
BOJ_QUANTILES, BOJ_ODDS = (0.10, 0.50), (0.95, 0.15, 0.0)


@dataclass(frozen=True)
class Prices:
    """Stock prices at four moments of each session, rounded to ticks, yen as traded.

    Attributes
    ----------
    open, morning, afternoon, close : float array of shape (n_sessions, n)
        Open, morning close, afternoon open, close. On a half day the last three are equal.
    dividends : dict of position -> float array of shape (n,)
        Yen per share by ex-date.
    shares : float array of shape (n_sessions, n)
        Listed shares.
    bought : bool array of shape (n_sessions,)
        The days on which the Bank buys.
    """

    open: Floats
    morning: Floats
    afternoon: Floats
    close: Floats
    dividends: dict[int, Floats]
    shares: Floats
    bought: Booleans


@dataclass(frozen=True)
class _Path:
    """What the walk back needs besides the returns.

    `payout` holds the fraction of the price paid on each ex-date, `pressed` the fraction by which the
    Nikkei is to fall against TOPIX by position.
    """

    end: Floats
    grown: Floats
    floated: Floats
    payout: dict[int, Floats]
    pressed: dict[int, float]
    member: Booleans


def make_prices(sample: Sample, days: Days, names: Names, world: World, plan: Plan) -> Prices:
    """Turn the drawn returns into prices, planting the effects."""
    effects = sample.effects
    returns = world.returns + common_returns(world, effects).T[:, :, None]
    _lift_additions(returns, plan, effects)
    shares = listed_shares(names, plan, len(days))
    path = _path(days, names, plan, shares, effects)
    growth = np.exp(returns.sum(axis=0))
    close, _, pushes = _walk_back(growth, path)
    for position, push in pushes.items():
        returns[MORNING, position] += push
        growth[position] *= np.exp(push)
    bought = _boj_days(sample, days, _overnight_and_morning(close, returns, path.floated))
    lift = 1.0 + effects.boj_afternoon_bp * BP
    returns[AFTERNOON, bought] += np.log(lift)
    growth[bought] *= lift
    close, dividends, _ = _walk_back(growth, replace(path, pressed={}))
    return _rounded(days, returns, close, dividends, shares, bought)


def listed_shares(names: Names, plan: Plan, n_sessions: int) -> Floats:
    """Return the listed shares of every name on each session, shape (n_sessions, n)."""
    grown = share_growth(plan.splits, n_sessions, len(names))
    first = names.value / (plan.end_price * names.ffw * grown[-1])
    lots = np.maximum(np.round(first / SHARE_LOT), 1.0) * SHARE_LOT
    return np.asarray(np.round(lots * grown))


def _path(days: Days, names: Names, plan: Plan, shares: Floats, effects: Effects) -> _Path:
    grown = share_growth(plan.splits, len(days), len(names))
    # A name that splits pays nothing on that ex-date: one would have to say on which basis.
    payout = {
        p: np.where(grown[p] == grown[p - 1], names.payout, 0.0) for p in days.ex_dates if days.day(p).month in (3, 9)
    }
    pressed = {split.position: effects.split_bp * BP for split in plan.splits if effects.split_bp}
    member = members(plan.swaps, len(days), len(names))
    return _Path(plan.end_price, grown, shares * names.ffw, payout, pressed, member)


def _lift_additions(returns: Floats, plan: Plan, effects: Effects) -> None:
    """Raise additions overnight, from the session after the announcement to the one before the effective day."""
    steps = REVIEW_NOTICE - 1
    for swap in plan.swaps:
        first = max(swap.position - steps, 0)
        returns[OVERNIGHT, first : swap.position, swap.entrant] += np.log1p(effects.review_bp * BP) / steps


def _walk_back(growth: Floats, path: _Path) -> tuple[Floats, dict[int, Floats], dict[int, Floats]]:
    """Return closes, dividends by ex-date, and the log returns that press the Nikkei by position.

    Parameters
    ----------
    growth : float array of shape (n_sessions, n)
        Close over the close before, on the basis of the day and without the dividend.
    """
    close = np.empty_like(growth)
    close[-1] = path.end
    dividends: dict[int, Floats] = {}
    pushes: dict[int, Floats] = {}
    for t in range(len(growth) - 1, 0, -1):
        before = close[t] / growth[t]
        if t in path.pressed:
            pushes[t] = _push(path.floated[t] * before, path.member[t], path.pressed[t])
            before /= np.exp(pushes[t])
        if t in path.payout:
            dividends[t] = np.round(before * path.payout[t] / (1 - path.payout[t]), 1)
            before += dividends[t]
        close[t - 1] = before * (path.grown[t] / path.grown[t - 1])
    return close, dividends, pushes


def _push(value: Floats, member: Booleans, fall: float) -> Floats:
    """Return log returns that lower every constituent by `fall` and lift the others so that the sum stays.

    Parameters
    ----------
    value : float array of shape (n,)
        Free-float values of the close before, as they would be without the push.
    """
    inside, outside = value[member].sum(), value[~member].sum()
    # Values after the session are given: pushing down today means having been worth more before.
    lift = 1.0 - inside / outside * (1.0 / (1.0 - fall) - 1.0)
    if lift < LEAST_LIFT:
        raise SpecError(
            asked="plant an effect of splits",
            found=f"split_bp = {fall / BP:g} would lift the other names by {1 / lift - 1:.0%} or more on an ex-date",
            rule="the names outside the basket carry the effect of every split, and stay worth something",
            todo="choose a smaller split_bp, or fewer years",
        )
    return np.asarray(np.where(member, np.log1p(-fall), -np.log(lift)))


def _overnight_and_morning(close: Floats, returns: Floats, floated: Floats) -> Floats:
    """Return TOPIX's return from the close before to the morning close; NaN on the first session."""
    morning = close * np.exp(-returns[LUNCH] - returns[AFTERNOON])
    at_noon = np.einsum("ti,ti->t", floated, morning)
    at_close = np.einsum("ti,ti->t", floated, close)
    return np.append(np.nan, at_noon[1:] / at_close[:-1] - 1.0)


def _boj_days(sample: Sample, days: Days, morning_return: Floats) -> Booleans:
    """Return the days on which the Bank buys: it compares with the sessions before."""
    past = pd.Series(morning_return).shift(1).rolling(BOJ_MEMORY, min_periods=BOJ_MEMORY_LEAST)
    low, middle = (past.quantile(q).to_numpy() for q in BOJ_QUANTILES)
    odds = np.select([morning_return < low, morning_return < middle], BOJ_ODDS[:2], BOJ_ODDS[2])
    drawn = sample.rng("bank").random(len(days)) < odds
    buying = (days.session >= pd.Timestamp(BOJ_FROM)) & (days.session <= pd.Timestamp(BOJ_TO))
    return np.asarray(drawn & buying & ~days.half)


def _rounded(
    days: Days, returns: Floats, close: Floats, dividends: dict[int, Floats], shares: Floats, bought: Booleans
) -> Prices:
    afternoon = close * np.exp(-returns[AFTERNOON])
    morning = afternoon * np.exp(-returns[LUNCH])
    opened = morning * np.exp(-returns[MORNING])
    raw = (opened, morning, afternoon, close)
    opened, morning, afternoon, close = (quoted(p, days.dates, STOCK_TICKS) for p in raw)
    return Prices(opened, morning, afternoon, close, dividends, shares, bought)
