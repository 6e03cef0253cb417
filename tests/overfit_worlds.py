"""Sweeps without a market: noise in which nothing beats the benchmark, or a plateau of stated size.

A world is the session log returns of many trials that resemble each other, and of the benchmark. Volatility comes in
spells shared by all, its shocks have fat tails, and the benchmark drifts upwards. Every number comes from its
generator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backtests.overfit.blocks import ArrayBlocks

Floats = NDArray[np.float64]

PER_BLOCK, PER_YEAR = 20, 245
#: Yearly drift of the benchmark: what a trial earns by merely holding it.
DRIFT = 0.06
#: Trials of the planted plateau: neighbours in a sweep that all see the same effect.
PLATEAU = 5
#: What a session of trading costs a trial that loses by its costs, in log return: about 1.2 % to 2.5 % a year.
COST = (5e-5, 1e-4)


@dataclass(frozen=True)
class World:
    """Session log returns of a sweep.

    Attributes
    ----------
    trials : ndarray, shape (n_trials, n_sessions)
    benchmark : ndarray, shape (n_sessions,)
    """

    trials: Floats
    benchmark: Floats

    @property
    def blocks(self) -> ArrayBlocks:
        """What a sweep stores of it."""
        cut = self.trials.reshape(len(self.trials), -1, PER_BLOCK)
        sessions = np.full(cut.shape[1], PER_BLOCK, dtype=np.int64)
        held = self.benchmark.reshape(-1, PER_BLOCK).sum(axis=1)
        return ArrayBlocks(cut.sum(axis=2), (cut**2).sum(axis=2), sessions, held, float(PER_YEAR))

    @property
    def best(self) -> int:
        """The trial with the highest Sharpe ratio over the benchmark: the choice that flatters most."""
        excess = self.trials - self.benchmark
        deviation = excess.std(axis=1)
        return int(np.argmax(np.where(deviation > 0, excess.mean(axis=1) / np.where(deviation > 0, deviation, 1), 0)))


def spells(sessions: int, rng: np.random.Generator) -> Floats:
    """Return the standard deviation of each session, about 1.2 % on average, in spells of months."""
    shocks = rng.standard_normal(sessions)
    height = np.empty(sessions)
    level = 0.0
    for t, shock in enumerate(shocks):
        level = 0.97 * level + 0.12 * shock
        height[t] = level
    return 0.011 * np.exp(height)


def fat(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Return shocks of variance 1 with the tails of a t distribution of 5 degrees."""
    mixed = np.sqrt(3.0 / rng.chisquare(5, shape[-1:]))
    return rng.standard_normal(shape) * mixed


Excess = Callable[[int, Floats, Floats, np.random.Generator], Floats]


def alike(share: float) -> Excess:
    """Trials with one part in common; `share` is their correlation."""

    def excess(n: int, sigma: Floats, market: Floats, rng: np.random.Generator) -> Floats:
        own, common = fat((n, len(sigma)), rng), fat((1, len(sigma)), rng)
        return 0.5 * sigma * (share**0.5 * common + (1 - share) ** 0.5 * own)

    return excess


def clusters(n: int, sigma: Floats, market: Floats, rng: np.random.Generator) -> Floats:
    """Trials in eight families, correlated 0.9 within and 0.3 between them."""
    family = fat((8, len(sigma)), rng)[np.arange(n) % 8]
    common, own = fat((1, len(sigma)), rng), fat((n, len(sigma)), rng)
    return 0.5 * sigma * (0.3**0.5 * common + 0.6**0.5 * family + 0.1**0.5 * own)


def grid(n: int, sigma: Floats, market: Floats, rng: np.random.Generator) -> Floats:
    """Trials along an axis: neighbours correlated 0.97, distant ones 0.3."""
    common, steps = fat((1, len(sigma)), rng), fat((n, len(sigma)), rng)
    for k in range(1, n):
        steps[k] = 0.95 * steps[k - 1] + (1 - 0.95**2) ** 0.5 * steps[k]
    return 0.5 * sigma * (0.3**0.5 * common + 0.7**0.5 * steps)


def timing(n: int, sigma: Floats, market: Floats, rng: np.random.Generator) -> Floats:
    """Trials in or out of the market by thresholds on one signal that knows nothing; a share never leaves it."""
    noise = rng.standard_normal(len(sigma) + 60)
    slow = np.convolve(noise, np.ones(61) / 61**0.5, mode="valid")
    inside = slow[None, :] > np.linspace(-2.5, 1.0, n)[:, None]
    return (inside - 1.0) * market


def costs(n: int, sigma: Floats, market: Floats, rng: np.random.Generator) -> Floats:
    """As `alike(0.6)`, but every trial loses its own costs: some are truly better than others, none than holding."""
    return alike(0.6)(n, sigma, market, rng) - np.linspace(*COST, n)[:, None]


#: What a noise world may look like; the benchmark's own drift is paid to every trial.
KINDS: dict[str, Excess] = {
    "alike 0.3": alike(0.3),
    "alike 0.6": alike(0.6),
    "alike 0.95": alike(0.95),
    "clusters": clusters,
    "grid": grid,
    "timing": timing,
    "costs": costs,
}


def noise(kind: str, n: int, blocks: int, rng: np.random.Generator) -> World:
    """Return a world in which no trial is better than holding the benchmark."""
    sessions = blocks * PER_BLOCK
    sigma = spells(sessions, rng)
    market = sigma * fat((sessions,), rng)
    benchmark = market + DRIFT / PER_YEAR
    return World(benchmark + KINDS[kind](n, sigma, market, rng), benchmark)


def planted(kind: str, n: int, blocks: int, sharpe: float, rng: np.random.Generator) -> World:
    """Return a noise world in which `PLATEAU` neighbours have a yearly Sharpe ratio of `sharpe` over the benchmark."""
    world = noise(kind, n, blocks, rng)
    trials = world.trials.copy()
    first = int(rng.integers(n // 2, n - PLATEAU + 1))
    excess = trials[first : first + PLATEAU] - world.benchmark
    # The plateau sees one effect: its trials differ in a tenth of their variance.
    shared = 0.9**0.5 * excess[:1] + 0.1**0.5 * (excess - excess.mean(axis=0))
    deviation = shared.std(axis=1, keepdims=True)
    trials[first : first + PLATEAU] = world.benchmark + shared + sharpe / PER_YEAR**0.5 * deviation
    return World(trials, world.benchmark)
