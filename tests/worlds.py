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
World = dict[str, Any]

DATES = sessions.sessions("2015-01-05", "2024-12-30")
#: Ends of 40 years of months.
MONTHS = pd.date_range("1985-01-31", periods=480, freq="ME")
#: Root mean square of `wild`.
MEAN_SPREAD = float(np.exp(-0.2 + 0.25 * 0.09 / (1 - 0.95**2)))


@dataclass(frozen=True)
class Case:
    """A test in one setting, for the claims that are tested so.

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
    claims : str
        Ids of the claims of this setting, a blank between two; empty where the shipped claims have none. They are the
        seeds of the worlds.
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
    claims: str
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


def two(
    n: int, make: Callable[[np.random.Generator, int], tuple[Floats, Floats]], dates: pd.DatetimeIndex = DATES
) -> Callable[..., World]:
    """Return a maker of worlds with two series ``a`` and ``b``, in levels, on the first n dates."""

    def build(rng: np.random.Generator) -> World:
        a, b = make(rng, n)
        return {"a": pd.DataFrame({"close": a}, dates[:n]), "b": pd.DataFrame({"close": b}, dates[:n])}

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


def vol_ahead(share: float) -> Callable[[np.random.Generator], World]:
    """Return a maker of a slow series a and a series b whose wildness is a's, or has nothing to do with it."""

    def build(rng: np.random.Generator) -> World:
        n = 1_000
        a, own = ar(0.3 * rng.standard_normal(n), 0.95), ar(0.3 * rng.standard_normal(n), 0.95)
        moves = 0.01 * np.exp(0.6 * (share * a + (1 - share) * own)) * rng.standard_normal(n)
        levels = 100 * np.exp(np.cumsum(moves))
        return {"a": pd.DataFrame({"close": a}, DATES[:n]), "b": pd.DataFrame({"close": levels}, DATES[:n])}

    return build


def leading(weight: float) -> Callable[[np.random.Generator, int], tuple[Floats, Floats]]:
    """Return a maker of two series that move together at once; a leads b by a row with that weight."""

    def make(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
        x, y = rng.standard_normal((2, n))
        spread = 0.01 * wild(rng, n)
        a, b = spread * x, spread * (0.5 * x + 0.8 * y)
        b[1:] += weight * a[:-1]
        return 100 * np.exp(np.cumsum(a)), 100 * np.exp(np.cumsum(b))

    return make


def same_rows(effect: float) -> Callable[[np.random.Generator], World]:
    """Return a maker of 300 months of a, b and c; where a falls and b rises, c moves by `effect` more."""

    def build(rng: np.random.Generator) -> World:
        moves = 0.03 * wild(rng, 300) * rng.standard_normal((3, 300))
        moves[2] += effect * ((moves[0] < 0) & (moves[1] > 0))
        levels = 100 * np.exp(np.cumsum(moves, axis=1))
        return {name: pd.DataFrame({"close": row}, MONTHS[:300]) for name, row in zip("abc", levels, strict=True)}

    return build


def slow_days(n: int, drift: float) -> Callable[[np.random.Generator], World]:
    """Return a maker of a slow series a, and b which drifts on the days after a stood above 0."""

    def build(rng: np.random.Generator) -> World:
        a = ar(0.3 * rng.standard_normal(n), 0.95)
        moves = 0.01 * wild(rng, n) * rng.standard_normal(n)
        moves[1:] += drift * (a[:-1] > 0)
        levels = 100 * np.exp(np.cumsum(moves))
        return {"a": pd.DataFrame({"close": a}, DATES[:n]), "b": pd.DataFrame({"close": levels}, DATES[:n])}

    return build
