"""The audit of a spec: what only another future, a fresh process or the trading shows."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backtests.lookahead import proof
from backtests.lookahead.fresh import fresh_targets
from backtests.lookahead.proof import audit_spec
from backtests.prepare import Setup, prepare
from backtests.run import targets_of
from backtests.spec import Spec, load_spec, to_toml
from indexsim.market import MarketData
from tests.conftest import SPECS


def shipped(path: Path, market: Path) -> Setup:
    return prepare(dataclasses.replace(load_spec(path), market=(market,), start=None, end=None))


#: A fund with a gate, and the one with deposits; the others run with the full counts.
FIRST = ("vi_gate", "vi_saver")


@pytest.mark.parametrize(
    "path", [pytest.param(p, id=p.stem, marks=() if p.stem in FIRST else pytest.mark.full) for p in SPECS]
)
def test_no_alarm_on_what_we_ship(path: Path, small: Path) -> None:
    setup = shipped(path, small)
    found = audit_spec(setup, cuts=4, folders=1)

    assert found["leaks"] == []
    assert found["rows_checked"] == found["rows"] == setup.span.stop - setup.span.start
    assert found["cuts"] == {"perturb": 4, "folder": 1}


def test_a_fresh_process_says_the_same_to_the_bit(small: Path, tmp_path: Path) -> None:
    setup = shipped(SPECS[0], small)
    (tmp_path / "spec.toml").write_text(to_toml(setup.spec, setup.params, tmp_path), "utf-8")
    (tmp_path / "market").symlink_to(small)
    then, now = fresh_targets(tmp_path / "spec.toml", tmp_path / "market", setup.bars.decided[-1]), targets_of(setup)

    assert not isinstance(then, str)
    assert (then.instruments, then.unit) == (now.instruments, now.unit)
    assert then.at_open.tobytes() == now.at_open.tobytes()
    assert then.at_close.tobytes() == now.at_close.tobytes()


def test_a_strategy_that_fails_in_the_fresh_process_is_a_leak(small: Path, tmp_path: Path) -> None:
    """A file that was edited in the meantime: what runs here is no longer what stands there."""
    file = tmp_path / "mine.py"
    file.write_text("from tests.cheats.samples import MeanSoFar\n\n\nclass Mine(MeanSoFar):\n    pass\n")
    setup = prepare(Spec("mine", f"{file}:Mine", (small,)))
    file.write_text("1 / 0\n")
    leaks = audit_spec(setup, cuts=1, folders=1)["leaks"]

    assert [leak["test"] for leak in leaks] == ["folder-truncated", "folder-perturbed"]
    assert all("ZeroDivisionError" in leak["what"] for leak in leaks)


def test_trading_that_knows_the_future_is_a_leak_of_its_own(small: Path, monkeypatch: Any) -> None:
    """An engine whose first equity depends on the last price there is, under targets that do not."""
    setup = prepare(Spec("mine", "tests.cheats.samples:MeanSoFar", (small,)))
    honest = proof.trade

    def trade(setup: Setup, targets: Any, market: MarketData, span: slice) -> Any:
        feed, traded = honest(setup, targets, market, span)
        last = int(market.table("n225")["close"].iloc[-1])
        return feed, dataclasses.replace(traded, equity=np.append(last, traded.equity[1:]))

    monkeypatch.setattr(proof, "trade", trade)
    leaks = audit_spec(setup, cuts=3, folders=1)["leaks"]

    assert {leak["test"] for leak in leaks} == {"perturb", "folder-truncated", "folder-perturbed"}
    assert all("equity at" in leak["what"] for leak in leaks)
