"""Small worlds for the tests of claims: nothing to find, or an effect of stated size, by construction.

A world is what a test is handed: frames by name. Its returns have what makes real ones hard to test: spells of high
volatility shared by all series, falls that raise it, a VI that follows it. Every number comes from its
generator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim import sessions

Floats = NDArray[np.float64]
World = dict[str, pd.DataFrame]

DATES = sessions.sessions("2015-01-05", "2024-12-30")


@dataclass(frozen=True)
class Case:
    """A test in one setting.

    Attributes
    ----------
    test : str
        Name in `backtests.claims.tests.TESTS`.
    params : mapping
        Its parameters.
    null : callable
        Generator -> a world in which the effect is `truth`.
    planted : callable
        Generator -> a world with an effect in the asserted direction.
    size : str
        What is planted, in words and numbers.
    truth : float
        The effect in a null world.
    tested : bool
        Whether the test gives a p (else only its interval is counted).
    """

    test: str
    params: Mapping[str, Any]
    null: Callable[[np.random.Generator], World]
    planted: Callable[[np.random.Generator], World]
    size: str
    truth: float = 0.0
    tested: bool = True


@dataclass
class Market:
    """Daily moves of a small market, before they are summed up to levels."""

    n: int
    rng: np.random.Generator
    sigma: Floats = field(init=False)
    n225: Floats = field(init=False)
    topix: Floats = field(init=False)
    usdjpy: Floats = field(init=False)
    vi: Floats = field(init=False)

    def __post_init__(self) -> None:
        shocks = self.rng.standard_normal((5, self.n))
        height = ar(0.25 * shocks[0] - 0.1 * np.concatenate([[0.0], shocks[1][:-1]]), 0.95)
        self.sigma = 0.01 * np.exp(0.6 * height - 0.2)
        common = self.sigma * shocks[1]
        self.n225 = common + 0.003 * shocks[2]
        self.topix = common + 0.003 * shocks[3]
        self.usdjpy = 0.5 * self.sigma * shocks[4]
        self.vi = 100 * self.sigma * 245**0.5 * np.exp(ar(0.03 * self.rng.standard_normal(self.n), 0.8))

    @property
    def dates(self) -> pd.DatetimeIndex:
        return DATES[: self.n]

    def world(self, **more: pd.DataFrame) -> World:
        """Return the frames of this market."""
        frames = {name: prices(getattr(self, name), self.dates) for name in ("n225", "topix")}
        frames["usdjpy"] = prices(self.usdjpy, self.dates, 130.0)
        return {**frames, "nikkei_vi": pd.DataFrame({"close": self.vi}, self.dates), **more}


def ar(shocks: Floats, memory: float) -> Floats:
    """Return an autoregression of first order driven by shocks, begun in its long-run state."""
    found = np.empty(len(shocks))
    last = shocks[0] / (1 - memory**2) ** 0.5
    for row, shock in enumerate(shocks.tolist()):
        last = memory * last + shock if row else last
        found[row] = last
    return found


def prices(moves: Floats, dates: pd.DatetimeIndex, start: float = 20_000.0) -> pd.DataFrame:
    """Return opens and closes from moves; the open takes 40 % of the day's move."""
    before = start * np.exp(np.concatenate([[0.0], np.cumsum(moves)[:-1]]))
    return pd.DataFrame({"open": before * np.exp(0.4 * moves), "close": before * np.exp(moves)}, dates)


def two(n: int, make: Callable[[np.random.Generator, int], tuple[Floats, Floats]]) -> Callable[..., World]:
    """Return a maker of worlds with two series ``a`` and ``b``, in levels."""

    def build(rng: np.random.Generator) -> World:
        a, b = make(rng, n)
        return {"a": pd.DataFrame({"close": a}, DATES[:n]), "b": pd.DataFrame({"close": b}, DATES[:n])}

    return build


def wild(rng: np.random.Generator, n: int) -> Floats:
    """Return spreads with memory, mean about one, that two series can share."""
    return np.exp(0.5 * ar(0.3 * rng.standard_normal(n), 0.95) - 0.2)


def tied(
    weight: float, lag: int = 0, slope: float = 0.0
) -> Callable[[np.random.Generator, int], tuple[Floats, Floats]]:
    """Return a maker of two series whose moves share wild spells and have correlation `weight` at a lag.

    With a slope, a moves `slope` for each 1 of b, plus noise.
    """

    def make(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
        spread = 0.01 * wild(rng, n)
        x, y = rng.standard_normal((2, n))
        b = spread * x
        shock = spread * y
        a = slope * b + shock if slope else weight * np.roll(b, lag) + (1 - weight**2) ** 0.5 * shock
        return 100 * np.exp(np.cumsum(a)), 100 * np.exp(np.cumsum(b))

    return make


def walks(share: float) -> Callable[[np.random.Generator, int], tuple[Floats, Floats]]:
    """Return a maker of two random walks; b is a's level plus noise of `share` of its spread, alone with 0."""

    def make(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
        a, b = np.cumsum(rng.standard_normal((2, n)), axis=1)
        return 500 + a, 500 + (a + share * a.std() * rng.standard_normal(n) if share else b)

    return make


def spreads(ratio: float) -> Callable[[np.random.Generator, int], tuple[Floats, Floats]]:
    """Return a maker of two series driven by one factor, the moves of a larger by `ratio`."""

    def make(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
        x, y, z = rng.standard_normal((3, n))
        spread = 0.01 * wild(rng, n)
        a, b = ratio * spread * (0.95 * x + 0.3 * y), spread * (0.95 * x + 0.3 * z)
        return 100 * np.exp(np.cumsum(a)), 100 * np.exp(np.cumsum(b))

    return make


def one(n: int, memory: float = 0.0, falls: float = 1.0) -> Callable[[np.random.Generator], World]:
    """Return a maker of worlds with one series, its moves with memory, its falls that much larger than its rises."""

    def build(rng: np.random.Generator) -> World:
        moves = 0.01 * wild(rng, n) * rng.standard_normal(n)
        moves = ar(moves, memory) if memory else moves
        moves = np.where(moves < 0, falls, 1.0) * moves
        # Simple moves of equal size up and down, not logarithmic ones.
        return {"a": pd.DataFrame({"close": 100 * np.cumprod(1 + moves)}, DATES[:n])}

    return build


def after_vi(
    n: int, cut: float, drift: float, horizon: int = 1, jump: int = 0
) -> Callable[[np.random.Generator], World]:
    """Return a maker of markets; where the VI lies above `cut`, or has risen by it over `jump` rows, drift follows.

    The drift is that of each of the `horizon` sessions after such a row.
    """

    def build(rng: np.random.Generator) -> World:
        market = Market(n, rng)
        vi = market.vi
        past = np.concatenate([np.full(jump, np.inf), vi[:-jump]]) if jump else np.zeros(n)
        met = (vi / past - 1 > cut) if jump else vi > cut
        if drift:
            due = np.zeros(n)
            for row in np.flatnonzero(met).tolist():
                due[row + 1 : row + 1 + horizon] = drift
            market.n225 += due
        return market.world()

    return build


def bands(n: int, step: float) -> Callable[[np.random.Generator], World]:
    """Return a maker of markets whose daily drift rises by `step` from band to band of the VI, 18 and 28."""

    def build(rng: np.random.Generator) -> World:
        market = Market(n, rng)
        band = np.digitize(market.vi, [15.0, 22.0])
        market.n225[1:] += step * (band[:-1] - 1)
        return market.world()

    return build


def below_level(n: int, drift: float) -> Callable[[np.random.Generator], World]:
    """Return a maker of markets with `drift` a day while the dollar, which wanders about 130, stood below it."""

    def build(rng: np.random.Generator) -> World:
        market = Market(n, rng)
        level = 130 * np.exp(0.01 * ar(rng.standard_normal(n), 0.98))
        market.n225[2:] += drift * (level[:-2] < 130.0)
        return market.world(usdjpy=pd.DataFrame({"close": level}, market.dates))

    return build


def foreseen(n: int, weight: float) -> Callable[[np.random.Generator], World]:
    """Return a maker of two series: a slow level a, and b whose daily drift is `weight` times a, plus noise."""

    def build(rng: np.random.Generator) -> World:
        a = ar(0.3 * rng.standard_normal(n), 0.95)
        moves = 0.01 * wild(rng, n) * rng.standard_normal(n)
        moves[1:] += weight * a[:-1]
        levels = 100 * np.exp(np.cumsum(moves))
        return {"a": pd.DataFrame({"close": a}, DATES[:n]), "b": pd.DataFrame({"close": levels}, DATES[:n])}

    return build


def slow_share(n: int, shift: float) -> Callable[[np.random.Generator], World]:
    """Return a maker of one slow series about `shift`; with 0 it lies above 0 half of the time."""

    def build(rng: np.random.Generator) -> World:
        return {"a": pd.DataFrame({"close": shift + ar(0.3 * rng.standard_normal(n), 0.95)}, DATES[:n])}

    return build


def chances(n: int, chance: float) -> Callable[[np.random.Generator], World]:
    """Return a maker of a market in which, after the dollar crosses its first price, it rises with that chance.

    The event is "above after five sessions"; without a crossing it is even.
    """

    def build(rng: np.random.Generator) -> World:
        market = Market(n, rng)
        mark = np.zeros(n)
        mark[np.sort(rng.choice(n // 12 - 1, 25, replace=False)) * 12 + 6] = 1.0
        moves = market.n225 - market.n225.mean()
        for row in np.flatnonzero(mark).tolist():
            up = rng.random() < chance
            ahead = moves[row + 1 : row + 6]
            if (ahead.sum() > 0) != up:
                moves[row + 1 : row + 6] = -ahead
        market.n225 = moves
        return market.world(mark=pd.DataFrame({"close": mark}, market.dates))

    return build


def purchases(n: int, falling: float, rising: float) -> Callable[[np.random.Generator], World]:
    """Return a maker of a market whose Bank buys with these chances when the overnight move is negative or not."""

    def build(rng: np.random.Generator) -> World:
        market = Market(n, rng)
        rate = np.where(ar(0.3 * rng.standard_normal(n), 0.95) > 0, 0.1, -0.1)  # eras of eager and idle buying
        chance = np.where(market.topix < 0, falling, rising) + rate
        bought = np.where(rng.random(n) < chance, 700.0, np.nan)
        frame = pd.DataFrame({"index_etf": bought}, market.dates)
        return market.world(boj_etf_purchases=frame)

    return build


def events(n: int, effect: float, count: int = 22, sessions_long: int = 1) -> Callable[[np.random.Generator], World]:
    """Return a maker of a market with splits, half of them on ex-dividend days, when the Nikkei loses 0.3 % anyway.

    On event days (or over the windows from announcement to the day before) the Nikkei moves by `effect` a day more.
    """

    def build(rng: np.random.Generator) -> World:
        market = Market(n, rng)
        month = pd.Series(market.dates.year * 12 + market.dates.month)
        to_end = month.groupby(month).cumcount(ascending=False).to_numpy()
        settle = np.where(market.dates >= pd.Timestamp("2019-07-16"), 1, 2)
        ex_days = np.flatnonzero((to_end == settle) & market.dates.month.isin((3, 9)))
        market.n225[ex_days] -= 0.003
        free = np.setdiff1d(np.arange(40, n - 10), ex_days)
        usable = ex_days[(ex_days > 40) & (ex_days < n - 10)]
        rows = np.concatenate(
            [rng.choice(usable, len(usable) // 2, replace=False), rng.choice(free, count // 2, False)]
        )
        back = rng.integers(10, 30, len(rows))
        for row, days in zip(rows.tolist(), back.tolist(), strict=True):
            if sessions_long == 1:
                market.n225[row] += effect
            else:
                market.n225[row - days + 1 : row] += effect
        rows, back = np.repeat(rows, 2), np.repeat(back, 2)  # two splits on each day are one event
        frame = pd.DataFrame(
            {
                "effective_date": market.dates[rows].strftime("%Y-%m-%d"),
                "announced_date": market.dates[rows - back].strftime("%Y-%m-%d"),
                "code": "0000",
                "event": "split 2:1",
            }
        )
        return market.world(index_events=frame)

    return build
