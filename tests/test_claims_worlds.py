"""The truth check of the tests of claims: they find nothing where there is nothing, and what is there.

`tests/cases.py` lists each test in one setting or several, with the claims that are tested so; a null world has nothing
to find, a planted one an effect of stated size. The ids of a case's claims take turns as the seeds of its worlds.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from backtests.claims.catalogue import catalogue
from backtests.claims.evidence import Evidence
from backtests.claims.tests import TESTS
from tests.cases import CASES, EXACT, setting
from tests.conftest import count
from tests.opposite_worlds import opposites

NULL_WORLDS, PLANTED_WORLDS = 1_000, 200
NUMERIC = {claim.id: claim for claim in catalogue() if claim.numeric}
#: Cases of a setting that no claim has yet: their names are their seeds, and they count like claims.
SPARE = [name for name, case in CASES.items() if not case.claims]
#: The bounds of all claims together hold with 99 %.
ERROR = 0.01 / (len(NUMERIC) + len(SPARE))


def seed_of(name: str, number: int) -> str:
    """Return the id of the claim whose turn it is in a case."""
    ids = CASES[name].claims.split() or [name]
    return ids[number % len(ids)]


def measure(name: str, number: int, planted: bool) -> Evidence:
    """Return what a case's test says of one of its worlds."""
    case, seed = CASES[name], seed_of(name, number)
    world = (case.planted if planted else case.null)(np.random.default_rng([number, int(planted), *seed.encode()]))
    return TESTS[case.test](world, {**case.params, "id": f"{seed} {number}"})


def null_figures(name: str, worlds: int) -> tuple[int, int, int, int]:
    """Return how often p is there, and below 5 %; how often an interval is there, and holds the truth."""
    found = [measure(name, number, planted=False) for number in range(worlds)]
    p = [e.p for e in found if e.p is not None]
    covered = [e.low <= CASES[name].truth <= e.high for e in found if e.low is not None and e.high is not None]
    return len(p), sum(x < 0.05 for x in p), len(covered), sum(covered)


def hits(name: str, worlds: int) -> int:
    """Return how many planted effects are found."""
    found = (measure(name, number, planted=True) for number in range(worlds))
    return sum(bool(e.supports) and e.p is not None and e.p < 0.05 for e in found)


def test_every_claim_with_a_p_or_an_interval_belongs_to_one_case() -> None:
    listed = Counter(" ".join(case.claims for case in CASES.values()).split())

    assert listed == Counter(name for name, claim in NUMERIC.items() if claim.test not in EXACT)


def test_a_claim_and_its_case_reckon_alike() -> None:
    apart = {
        name: (setting(claim.test, claim.params), own)
        for case in CASES.values()
        for name in case.claims.split()
        if (claim := NUMERIC[name]) and setting(claim.test, claim.params) != (own := setting(case.test, case.params))
    }

    assert apart == {}


@pytest.mark.parametrize("name", [name for name, claim in NUMERIC.items() if claim.test in EXACT])
def test_a_comparison_with_a_stated_value_gives_neither_p_nor_interval(name: str) -> None:
    found = [TESTS[asked.test](world, asked.arguments()) for asked, world in opposites(NUMERIC[name])]

    assert [(e.p, e.low, e.high) for e in found] == [(None, None, None)] * 2


def test_every_claim_of_a_case_seeds_some_of_its_worlds() -> None:
    planted = count(PLANTED_WORLDS)
    seeds = {seed_of(name, number) for name in CASES for number in range(planted)}

    assert {name for name, claim in NUMERIC.items() if claim.test not in EXACT} | set(SPARE) == seeds


def test_the_bounds_hold_for_all_claims_together() -> None:
    """By hand: 1,000 worlds at 5 % give 50 on the average, with a spread of 6.9; 4.1 spreads are 28."""
    low, high = stats.binom.ppf([ERROR / 2, 1 - ERROR / 2], 1_000, 0.05)

    assert len(NUMERIC) * ERROR <= 0.01 <= 1.1 * len(NUMERIC) * ERROR
    assert abs(low - 22) <= 3
    assert abs(high - 78) <= 4


@pytest.mark.parametrize("name", list(CASES))
def test_a_null_world_is_rarely_called_an_effect_and_its_truth_lies_in_the_interval(name: str) -> None:
    case, worlds = CASES[name], count(NULL_WORLDS)
    tested, false, intervals, covered = null_figures(name, worlds)

    assert tested >= 0.9 * worlds if case.tested else tested == 0
    if case.tested:
        low, high = stats.binom.ppf([ERROR / 2, 1 - ERROR / 2], tested, 0.05)
        assert low <= false <= high
    if intervals:
        # With few worlds the count may stray from 85..95 % by chance; with all of them it must not.
        few = worlds < NULL_WORLDS
        least = stats.binom.ppf(ERROR / 2, intervals, 0.85) if few else 0.85 * intervals
        most = stats.binom.ppf(1 - ERROR / 2, intervals, 0.95) if few else 0.95 * intervals
        assert least <= covered <= most


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.tested])
def test_an_effect_of_the_stated_size_is_found(name: str) -> None:
    worlds = count(PLANTED_WORLDS)
    least = 0.8 * worlds if worlds >= PLANTED_WORLDS else stats.binom.ppf(ERROR, worlds, 0.8)

    assert hits(name, worlds) >= least
