"""The truth check of the overfit statistics: sweeps of noise are rarely called real, planted plateaus are found.

The worlds of `tests/overfit_worlds.py` in turn: seven kinds of likeness, 50 to 500 trials, 100 to 245 blocks. The
chosen trial is the one with the highest Sharpe ratio over the benchmark, the choice that flatters most.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from scipy import stats

from backtests.overfit.verdict import Chosen, cries, judge
from tests.conftest import count
from tests.overfit_worlds import KINDS, PER_BLOCK, PER_YEAR, World, noise, planted

NOISE_WORLDS, PLANTED_WORLDS = 1_000, 200
#: Trials and blocks of a world: 8 to 20 years.
SIZES = ((50, 100), (150, 120), (300, 180), (500, 245))
#: What is planted: a yearly Sharpe ratio over the benchmark whose t-statistic is expected here: 1.57 in 100 blocks (8.2
#: years), 1.44 in 120, 1.17 in 180, 1.01 in 245 (20 years).
EVIDENCE = 4.5


def setting(number: int) -> tuple[str, int, int]:
    kinds = list(KINDS)
    return kinds[number % len(kinds)], *SIZES[number // len(kinds) % len(SIZES)]


def sharpe(blocks: int) -> float:
    return float(EVIDENCE / (blocks * PER_BLOCK / PER_YEAR) ** 0.5)


def told(world: World) -> dict[str, Any]:
    best = world.best
    answer = judge(world.blocks, Chosen(best, world.trials[best], world.benchmark))
    return {**cries(answer), "joint": answer["verdict"] == "real"}


def counted(worlds: list[World]) -> Counter[str]:
    return Counter(name for world in worlds for name, real in told(world).items() if real)


def test_noise_is_rarely_called_real() -> None:
    worlds = count(NOISE_WORLDS)
    cried: Counter[str] = Counter()
    for number in range(worlds):
        kind, n, blocks = setting(number)
        cried += counted([noise(kind, n, blocks, np.random.default_rng([number, 0]))])
    # The upper 99 % bound of 5 %: 69 of 1,000, 11 of 100.
    most = {1_000: 69, 100: 11}.get(worlds, int(stats.binom.ppf(0.995, worlds, 0.05)))

    assert {name: cried[name] for name in ("pbo", "spa", "stepm", "dsr", "joint") if cried[name] > most} == {}


def test_a_plateau_of_the_stated_size_is_found() -> None:
    worlds = count(PLANTED_WORLDS)
    cried: Counter[str] = Counter()
    for number in range(worlds):
        kind, n, blocks = setting(number)
        cried += counted([planted(kind, n, blocks, sharpe(blocks), np.random.default_rng([number, 1]))])
    least = 0.8 * worlds if worlds >= PLANTED_WORLDS else stats.binom.ppf(0.01, worlds, 0.8)

    assert {name: cried[name] for name in ("pbo", "spa", "stepm", "dsr", "joint") if cried[name] < least} == {}
