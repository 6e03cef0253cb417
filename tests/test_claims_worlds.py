"""The truth check of the tests of claims: they find nothing where there is nothing, and what is there.

`tests/cases.py` lists each test in one setting or several; a null world has nothing to find, a planted one an effect of
stated size. Seeds are the names of the cases and the numbers of the worlds.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from backtests.claims.evidence import Evidence
from backtests.claims.tests import TESTS
from tests.cases import CASES
from tests.conftest import count

NULL_WORLDS, PLANTED_WORLDS = 1_000, 200
#: All cases together hold with 99 %.
ERROR = 0.01 / len(CASES)


def measure(name: str, number: int, planted: bool) -> Evidence:
    """Return what a case's test says of one of its worlds."""
    case = CASES[name]
    world = (case.planted if planted else case.null)(np.random.default_rng([number, int(planted), *name.encode()]))
    return TESTS[case.test](world, {**case.params, "id": f"{name} {number}"})


@pytest.mark.parametrize("name", list(CASES))
def test_a_null_world_is_rarely_called_an_effect_and_its_truth_lies_in_the_interval(name: str) -> None:
    case, worlds = CASES[name], count(NULL_WORLDS)
    found = [measure(name, number, planted=False) for number in range(worlds)]
    p = np.array([e.p for e in found if e.p is not None])
    covered = [e.low <= case.truth <= e.high for e in found if e.low is not None and e.high is not None]

    assert len(p) >= 0.9 * worlds if case.tested else len(p) == 0
    if case.tested:
        false = int(np.sum(p < 0.05))
        low, high = stats.binom.ppf([ERROR / 2, 1 - ERROR / 2], len(p), 0.05)
        assert low <= false <= high
    if covered:
        # With few worlds the count may stray from 85..95 % by chance; with all of them it must not.
        few = worlds < NULL_WORLDS
        least = stats.binom.ppf(ERROR / 2, len(covered), 0.85) if few else 0.85 * len(covered)
        most = stats.binom.ppf(1 - ERROR / 2, len(covered), 0.95) if few else 0.95 * len(covered)
        assert least <= sum(covered) <= most


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.tested])
def test_an_effect_of_the_stated_size_is_found(name: str) -> None:
    worlds = count(PLANTED_WORLDS)
    found = [measure(name, number, planted=True) for number in range(worlds)]
    hits = sum(bool(e.supports) and e.p is not None and e.p < 0.05 for e in found)
    least = 0.8 * worlds if worlds >= PLANTED_WORLDS else stats.binom.ppf(ERROR, worlds, 0.8)

    assert hits >= least
