"""The test of a claim: what can be written, what a mistake is answered with, which side an interval lies on."""

from __future__ import annotations

import pytest

from backtests.expectation import FIGURES, Expectation, expectation
from indexsim.errors import SpecError
from tests.test_run import spec_of


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("side", "<>")
def test_every_figure_can_be_tested_on_either_side(figure: str, side: str) -> None:
    assert expectation(f" {figure}{side} -0.25 ") == Expectation(figure, side, -0.25)


def test_what_is_no_test_is_refused_with_an_example() -> None:
    for text in ("sharpe", "sharpe > much", "sharpe >= 0", "> 0", "it pays"):
        with pytest.raises(SpecError, match="FIGURE > NUMBER") as refused:
            expectation(text)

        assert 'expects = "sharpe over total > 0"' in str(refused.value)


def test_a_misspelt_figure_is_answered_with_the_nearest() -> None:
    with pytest.raises(SpecError, match="sharpe over total"):
        expectation("sharpe over totl > 0")


def test_a_spec_holds_its_test_in_one_form(small: object) -> None:
    spec = spec_of("vi_gate", small, expects="cagr   >0.050")  # type: ignore[arg-type]

    assert spec.expects == "cagr > 0.05"
    with pytest.raises(SpecError):
        spec_of("vi_gate", small, expects="cagr is good")  # type: ignore[arg-type]


def test_the_whole_interval_decides() -> None:
    assert Expectation("cagr", ">", 0.0).holds(0.01, 0.2)
    assert not Expectation("cagr", ">", 0.0).holds(-0.01, 0.2)
    assert Expectation("cagr", "<", 0.0).holds(-0.2, -0.01)
    assert not Expectation("cagr", "<", 0.0).holds(-0.2, 0.01)
    # Touching the number is not being beyond it.
    assert not Expectation("cagr", ">", 0.0).holds(0.0, 0.0)
