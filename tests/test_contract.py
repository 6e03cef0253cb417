"""The contract suite: every shipped strategy keeps it, and each promise can be broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from backtests.contract import BrokenPromiseError, check
from backtests.spec import load_spec
from backtests.verbs import SPECS
from indexsim.errors import MissingData
from tests.conftest import ROOT

pytestmark = pytest.mark.usefixtures("no_sheets")

SHIPPED = sorted(path.stem for path in SPECS.glob("*.toml"))


@pytest.mark.parametrize("name", SHIPPED)
def test_what_we_ship_keeps_it(name: str, small: Path) -> None:
    spec = load_spec(SPECS / f"{name}.toml")
    try:
        check(spec.strategy, small, spec.params)
    except MissingData as lacking:  # the sample has no such file: the run would exit 2
        pytest.skip(str(lacking))


HONEST = """
from dataclasses import dataclass
import numpy as np
from strategies.base import Strategy, Targets, no_orders


class Mine(Strategy):
    '''Hold the fund while the Nikkei rises.'''

    @dataclass(frozen=True)
    class Params:
        '''days : int, sessions looked back.'''

        days: int = 5

    instruments = classmethod(lambda cls, params: ("etf_1321",))
    needs = classmethod(lambda cls, params: ("n225",))

    @staticmethod
    def features(market, params):
        close = market.known("n225", "close", market.bars("daily"))
        return {"up": np.append(np.zeros(params.days), close[params.days :] > close[: -params.days])[: len(close)]}

    @staticmethod
    def decide(features, params):
        up = features["up"].reshape(-1, 1)
        return Targets(("etf_1321",), at_open=up, at_close=no_orders(len(up), 1))
"""


def mine(folder: Path, *changes: tuple[str, str]) -> str:
    code = HONEST
    for old, new in changes:
        assert old in code
        code = code.replace(old, new)
    (folder / "mine.py").write_text(code, "utf-8")
    return f"{folder / 'mine.py'}:Mine"


def test_an_honest_strategy_keeps_it(tmp_path: Path, small: Path) -> None:
    check(mine(tmp_path), small, {"days": 20})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("'''Hold the fund while the Nikkei rises.'''", "", "no docstring"),
        ("days : int, sessions looked back.", "", "does not say what days means"),
        ("frozen=True", "frozen=False", "frozen"),
        ('"up": np.append(np.zeros(params.days), close[params.days :] > close[: -params.days])[: len(close)]',
         '"up": 1.0 * (close > close.mean())', "looks ahead"),
        ('(("etf_1321",), at_open', '(("etf_1306",), at_open', "etf_1306 is held"),
        ('up = features["up"].reshape(-1, 1)', 'up = features["up"][1:].reshape(-1, 1)', "rows of targets"),
    ],
    ids=["words", "meaning", "frozen", "future", "tradable", "rows"],
)  # fmt: skip
def test_each_promise_can_be_broken(tmp_path: Path, small: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(BrokenPromiseError, match=said):
        check(mine(tmp_path, (old, new)), small)


def test_the_readme_names_it() -> None:
    assert "from backtests.contract import check" in (ROOT / "README.md").read_text("utf-8")
