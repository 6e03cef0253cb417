"""Opposite worlds: a claim tested with numbers holds where it is true by construction, and falls where it is false."""

from __future__ import annotations

import pytest

from backtests.claims.catalogue import Claim, catalogue
from backtests.claims.judge import CONTRADICTED, INSUFFICIENT, NOT_SUPPORTED, SUPPORTED, judge
from backtests.claims.tests import TESTS
from tests.opposite_worlds import TOO_FEW, opposites

NUMERIC = [claim for claim in catalogue() if claim.numeric]


@pytest.mark.parametrize("claim", [c for c in NUMERIC if c.id not in TOO_FEW], ids=lambda claim: claim.id)
def test_opposite_worlds_get_opposite_verdicts(claim: Claim) -> None:
    true, false = (judge([asked], world, TESTS, {})[0] for asked, world in opposites(claim))

    assert true.verdict == SUPPORTED, true.why
    assert false.verdict in (NOT_SUPPORTED, CONTRADICTED), false.why


@pytest.mark.parametrize("claim", [c for c in NUMERIC if c.id in TOO_FEW], ids=lambda claim: claim.id)
def test_a_claim_with_too_few_dates_of_its_own_is_insufficient_in_any_world(claim: Claim) -> None:
    verdicts = [judge([asked], world, TESTS, {})[0].verdict for asked, world in opposites(claim)]

    assert verdicts == [INSUFFICIENT, INSUFFICIENT]
