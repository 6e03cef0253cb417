"""What every shipped strategy must hold: run on the sample, finite targets, no look at the future."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backtests import lookahead
from backtests.loading import build_params, load_strategy
from backtests.prepare import Setup, prepare
from backtests.spec import load_spec
from backtests.trading.instruments import instrument
from indexsim.errors import MissingData
from tests.conftest import LACKING, SPECS


@pytest.fixture(params=SPECS, ids=lambda p: p.stem)
def setup(request: pytest.FixtureRequest, small: Path) -> Setup:
    return prepare(replace(load_spec(request.param), market=(small,), start=None, end=None))


def test_targets_are_finite_rows_on_tradable_instruments(setup: Setup) -> None:
    targets = setup.strategy.targets(setup.market, setup.params)

    assert [instrument(name).name for name in targets.instruments] == list(targets.instruments)
    assert targets.at_open.shape == targets.at_close.shape == (len(setup.bars), len(targets.instruments))
    assert not np.isinf(targets.at_open).any()
    assert not np.isinf(targets.at_close).any()


def test_the_strategy_trades_on_the_sample(setup: Setup) -> None:
    targets = setup.strategy.targets(setup.market, setup.params)

    assert np.nan_to_num(np.hstack([targets.at_open, targets.at_close])).any()


def test_the_future_does_not_matter(setup: Setup) -> None:
    targets = setup.strategy.targets(setup.market, setup.params)
    rows = lookahead.check_rows(targets, setup.market, setup.bars, setup.span, "sample")

    assert len(rows) >= lookahead.ROWS
    assert lookahead.find_leaks(setup.strategy, setup.params, setup.market, setup.bars, targets, rows) == []


def test_parameters_are_frozen_and_documented(setup: Setup) -> None:
    doc = setup.strategy.Params.__doc__ or ""
    for name in setup.strategy.Params.__dataclass_fields__:
        assert name in doc, f"{name} has no meaning in the docstring"

    with pytest.raises(AttributeError):
        setup.params.size = 2.0


@pytest.mark.parametrize("path", LACKING, ids=lambda p: p.stem)
def test_a_spec_that_a_sample_cannot_run_names_the_file_that_is_missing(path: Path, small: Path) -> None:
    spec = load_spec(path)
    needs = load_strategy(spec.strategy).needs(build_params(load_strategy(spec.strategy), spec.params))
    lacks = [
        name for name in needs if not (small / f"{name}.csv").exists() and not (small / f"{name}.parquet").exists()
    ]
    with pytest.raises(MissingData) as refused:
        prepare(replace(spec, market=(small,)))

    assert lacks
    assert all(name in refused.value.found for name in lacks)
