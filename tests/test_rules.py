"""Compiled rules: every shipped one decides what Python itself would, and their parameters reach them unchanged."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from backtests.verbs.catalogue import ROOT
from indexsim.errors import SpecError
from strategies import rules
from strategies.base import Features
from strategies.boj_assets import BojAssets
from strategies.boj_defence import RAISES, BojDefence
from strategies.boj_dip import EXITS, BojDip
from strategies.boj_dip_daily import BojDipDaily
from strategies.hold import Hold
from strategies.index_events import HEDGED, IndexEvents
from strategies.rules import Ruled, for_features, layout, loop, numeric, records
from strategies.sector_rotation import SectorRotation
from strategies.split_pair import SplitPair
from strategies.top_weights import TopWeights
from strategies.vi_gate import BANDS, ViGate
from strategies.vi_saver import ViSaver
from strategies.yen_beta import YenBeta
from tests.conftest import count

#: Features by strategy: values, a state that is 0.0 or 1.0, flags, a calendar that goes on behind the bars, or a
#: table with a column a name.
SHAPES: dict[type[Ruled], dict[str, str]] = {
    Hold: {"bar": "calendar"},
    YenBeta: {"dollar": "values", "reference": "values", "beta": "values"},
    BojDip: {"signal": "values", "since": "values", "session": "calendar"},
    BojDipDaily: {"signal": "values", "since": "values", "session": "calendar"},
    BojDefence: {"distance": "values", "raised": "flags", "begun": "flags"},
    BojAssets: {"close": "values", "state": "state", "rsi": "values"},
    SplitPair: {"hold": "state", "ratio": "values"},
    ViGate: {"vi": "values", "above": "state", "share_below": "values", "vi_rise": "values", "below_high": "values",
             "yen_rise": "values"},
    ViSaver: {"vi": "values", "month": "calendar"},
    SectorRotation: {"exporters": "table", "banks": "table"},
    TopWeights: {"held": "table", "total": "values", "review": "flags"},
    IndexEvents: {"open_yen": "table", "close_yen": "table", "open_hedged": "values", "close_hedged": "values"},
}  # fmt: skip
#: When parameters ask for a feature that is absent otherwise.
ASKED: dict[str, Callable[[Any], Any]] = {
    "beta": lambda p: p.beta_window,
    "rsi": lambda p: p.rsi,
    "share_below": lambda p: p.band == "quantile",
    "vi_rise": lambda p: p.jump,
    "below_high": lambda p: p.jump,
    "yen_rise": lambda p: p.yen_rise,
}
#: Texts that a rule, or the columns of its targets, depend on.
TEXTS = {
    "exit": EXITS,
    "raises": RAISES,
    "band": BANDS,
    "trend_in": ("normal", "all"),
    "hedge": ("", "nikkei_mini", *HEDGED, "notional"),
    "against": ("", "nikkei_mini"),
}


def drawn(of: type[Any], random: np.random.Generator) -> Any:
    """Return parameters of which about half are not the default, out of those that are allowed."""
    while True:
        changed = {f.name: _value(f.name, f.default, random) for f in fields(of) if random.random() < 0.5}
        try:
            return of(**changed)
        except ValueError:
            continue


def _value(name: str, default: Any, random: np.random.Generator) -> Any:
    if isinstance(default, float):
        return float(random.choice([0.0, 0.5, -0.5, 0.02, 1.0, default * 1.1, default * 0.7]))
    if isinstance(default, int):
        return int(random.choice([0, 1, 2, 3, 5]))
    return str(random.choice(TEXTS[name])) if name in TEXTS else default


def features_of(strategy: type[Ruled], params: Any, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Return features of up to 60 bars, with NaN; their values are bounds that a rule compares them with, or near."""
    n, names = int(random.integers(1, 60)), int(random.integers(0, 5))
    bounds = [v for f in fields(params) if isinstance(v := getattr(params, f.name), float)]
    pool = [0.0, *bounds, *(b * 1.01 for b in bounds), *(b * 0.97 for b in bounds)]

    def among(some: list[float], *shape: int) -> np.ndarray:
        found = random.choice(some, size=shape)
        found[random.random(shape) < random.choice([0.0, 0.1])] = np.nan
        return np.repeat(found, random.choice([1, 3, 8]), axis=0)[:n]

    makers: dict[str, Callable[[], np.ndarray]] = {
        "values": lambda: among(random.choice(pool, size=8).tolist(), n),
        "state": lambda: among([0.0, 1.0, 1.0], n),
        "flags": lambda: random.random(n) < 0.5,
        "calendar": lambda: np.cumsum(random.random(n + int(random.integers(0, 3))) < 0.5),
        "table": lambda: among(pool, n, names),
    }
    found = {
        name: makers[shape]()
        for name, shape in SHAPES[strategy].items()
        if name not in strategy.optional or ASKED[name](params)
    }
    return {**found, "codes": np.array([f"{1000 + k}" for k in range(names)], dtype=str)}


def interpreted(strategy: type[Ruled], features: Features, params: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what the rule fills in when Python runs it."""
    given = numeric(strategy, features)
    at_open, at_close = (np.full((len(given[0]), len(strategy.names(features, params))), np.nan) for _ in range(2))
    deposits = np.zeros(len(given[0]))
    record = records([params])[0]
    by_name = SimpleNamespace(**{name: record[name] for name in record.dtype.names or ()})
    strategy.rule(given, by_name, at_open, at_close, deposits)
    return at_open, at_close, deposits


@pytest.mark.parametrize("strategy", SHAPES, ids=lambda strategy: strategy.__name__)
def test_a_compiled_rule_decides_what_python_would(strategy: type[Ruled]) -> None:
    random, ordered = np.random.default_rng(7), 0
    for _ in range(count(500)):
        params = drawn(strategy.Params, random)
        features = features_of(strategy, params, random)
        targets = strategy.decide(features, params)
        at_open, at_close, deposits = interpreted(strategy, features, params)
        ordered += bool(targets.ordered())

        np.testing.assert_array_equal(targets.at_open, at_open, str(params))
        np.testing.assert_array_equal(targets.at_close, at_close, str(params))
        np.testing.assert_array_equal(0.0 * deposits if targets.deposits is None else targets.deposits, deposits)
    # Features and parameters at random that never order anything would show nothing.
    assert ordered > count(500) / 20


@pytest.mark.parametrize("strategy", [YenBeta, ViSaver, IndexEvents], ids=lambda strategy: strategy.__name__)
def test_trials_in_one_loop_are_those_one_by_one(strategy: type[Ruled]) -> None:
    """Arrays are filled anew: what a trial before left in them is gone."""
    random = np.random.default_rng(11)
    first = drawn(strategy.Params, random)
    features = {**features_of(strategy, first, random), "beta": np.zeros(60)}
    k = len(strategy.names(features, first))
    trials = [p for p in (drawn(strategy.Params, random) for _ in range(200)) if len(strategy.names(features, p)) == k]
    given = numeric(strategy, features)
    at_open, at_close = (np.full((len(trials), k, len(given[0])), 7.0) for _ in range(2))
    deposits = np.full((len(trials), len(given[0])), 7.0)
    loop(strategy)(given, records(trials), at_open, at_close, deposits)

    assert len(trials) > 20
    for i, params in enumerate(trials):
        alone = interpreted(strategy, features, params)
        for found, expected in zip((at_open[i].T, at_close[i].T, deposits[i]), alone, strict=True):
            np.testing.assert_array_equal(found, expected, str(params))


def test_every_shipped_strategy_is_here() -> None:
    stems = {path.stem for path in (ROOT / "strategies").glob("*.py")}

    assert {s.__module__.split(".")[1] for s in SHAPES} == stems - {"__init__", "base", "rules", "members", "signals"}


# What becomes of parameters.


@dataclass(frozen=True)
class Kinds:
    """One field of each kind, and one that is not the rule's."""

    level: float = 0.5
    window: int = 3
    short: bool = True
    name: str = "etf_1321"
    codes: str = for_features("7203")


def test_a_record_has_the_fields_by_name() -> None:
    found = records([Kinds(), Kinds(level=float("nan"), window=-(2**62), short=False, name="x" * 24, codes="9" * 200)])

    assert found.dtype.names == ("level", "window", "short", "name")
    assert found[0].tolist() == (0.5, 3, True, "etf_1321")
    assert found[1].tolist()[1:] == (-(2**62), False, "x" * 24)
    assert np.isnan(found["level"][1])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "x" * 25}, "give the parameter name to a compiled rule: a text of 25 characters"),
        ({"name": "1321\0"}, "parameter name .*: a text of 5 characters"),
        ({"window": 2.5}, "parameter window .*: 2.5"),
        ({"short": 2}, "parameter short .*: 2"),
    ],
)
def test_what_a_record_would_change_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said) as caught:
        records([Kinds(), Kinds(**changes)])

    assert "at most 24 characters" in caught.value.rule
    assert "for_features" in caught.value.todo


def test_fields_of_another_type_are_refused() -> None:
    @dataclass(frozen=True)
    class Many:
        """Several windows."""

        size: float = 1.0
        windows: tuple[int, ...] = (20, 60)

    with pytest.raises(SpecError, match="give the parameter windows to a compiled rule: its type is tuple"):
        layout(Many)


def test_texts_that_only_features_read_may_be_long() -> None:
    codes = ",".join(str(1000 + k) for k in range(100))
    features = {"held": np.ones((2, 1)), "total": np.ones(2), "review": np.zeros(2, bool), "codes": np.array(["1000"])}
    targets = TopWeights.decide(features, TopWeights.Params(pick="codes", codes=codes, against="nikkei_mini"))

    assert targets.instruments == ("stock_1000", "nikkei_mini")
    np.testing.assert_array_equal(targets.at_open, [[0.9, -0.9], [np.nan, np.nan]])


class Flat(Ruled):
    """Orders nothing, and has no parameters."""

    @dataclass(frozen=True)
    class Params:
        """None."""

    @classmethod
    def instruments(cls, params: Any) -> tuple[str, ...]:
        return ("etf_1321",)

    @classmethod
    def needs(cls, params: Any) -> tuple[str, ...]:
        return ()

    @staticmethod
    def features(market: Any, params: Any) -> Features:
        return {"bar": np.arange(3)}

    @staticmethod
    def rule(features: Any, params: Any, at_open: np.ndarray, at_close: np.ndarray, deposits: np.ndarray) -> None:
        at_open[0, 0] = 0.5


def test_a_strategy_may_have_no_parameters() -> None:
    targets = Flat.decide({"bar": np.arange(3)}, Flat.Params())

    np.testing.assert_array_equal(targets.at_open[:, 0], [0.5, np.nan, np.nan])
    assert targets.deposits is None


def test_compiled_code_is_found_again_by_another_process(tmp_path: Path) -> None:
    """And not where the rule, or a function it names, has become another one: it need not lie in `strategies`."""

    def misses(factor: float) -> int:
        (tmp_path / "mine.py").write_text(MINE.replace("FACTOR", str(factor)), "utf-8")
        command = [sys.executable, "-c", "import mine; mine.main()"]
        environ = {
            **os.environ,
            "XDG_CACHE_HOME": str(tmp_path),
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        }
        return int(subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout)

    assert [misses(2.0), misses(2.0), misses(3.0)] == [1, 0, 1]


MINE = """
import numpy as np
from strategies.hold import Hold
from strategies.rules import loop


def helper(share):
    return FACTOR * share


class Mine(Hold):
    @staticmethod
    def rule(features, params, at_open, at_close, deposits):
        at_open[:, 0] = helper(params.share)


def main():
    found = Mine.decide({"bar": np.arange(3)}, Mine.Params())
    assert found.at_open.tolist() == [[FACTOR]] * 3
    print(sum(loop(Mine).stats.cache_misses.values()))
"""


def test_features_are_given_in_one_kind_and_order() -> None:
    """So that a rule is compiled once: 64 bits, contiguous, and absent ones empty."""
    table = np.zeros((3, 4), dtype=np.float32)[:, ::2]
    given = numeric(YenBeta, {"reference": table, "dollar": np.arange(3, dtype=np.int16), "words": np.array(["a"] * 3)})

    assert given._fields == ("reference", "beta", "dollar")
    assert (given.reference.dtype, given.dollar.dtype) == (np.float64, np.int64)
    assert given.reference.flags.c_contiguous
    assert given.beta.shape == (0,)
    assert rules.Ruled.unit == "equity"
