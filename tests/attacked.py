"""A market with one pattern, and strategies that live on it, for the tests of attacks and verification."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from backtests.prepare import prepare
from backtests.result import Result
from backtests.run import compute
from backtests.spec import Spec, load_spec

#: Every so many sessions the fund closes 2 % above its open, and opens at 10,000 yen again; else it stands still.
PERIOD = 11

STRATEGIES = '''
from dataclasses import dataclass

import numpy as np

from strategies.base import Strategy, Targets, no_orders


class Pattern(Strategy):
    """Buy at the open of the one session in `period` that gains, and sell at its close; `lag` bars late."""

    @dataclass(frozen=True)
    class Params:
        """Parameters."""

        period: int = 11
        lag: int = 0
        side: float = 1.0
        only: int = -1

    instruments = classmethod(lambda cls, params: ("etf_1321",))
    needs = classmethod(lambda cls, params: ())

    @staticmethod
    def features(market, params):
        return {"bar": np.arange(len(market.bars("daily")))}

    @staticmethod
    def decide(features, params):
        bar = features["bar"].reshape(-1, 1)
        gains = (bar + 1 - params.lag) % params.period == 0
        if params.only >= 0:
            gains = bar + 1 == params.only
        at_open, at_close = (np.where(gains, held, np.nan) for held in (params.side, 0.0))
        return Targets(("etf_1321",), at_open, at_close)


class Stocks(Strategy):
    """Hold stocks from the tenth bar on, the same share of each."""

    @dataclass(frozen=True)
    class Params:
        """Parameters."""

        names: str = ""
        share: float = 0.3

    instruments = classmethod(lambda cls, params: tuple(params.names.split()))
    needs = classmethod(lambda cls, params: ())

    @staticmethod
    def features(market, params):
        return {"bar": np.arange(len(market.bars("daily")))}

    @staticmethod
    def decide(features, params):
        names = tuple(params.names.split())
        held = np.where(features["bar"] >= 10, params.share, np.nan).reshape(-1, 1).repeat(len(names), axis=1)
        return Targets(names, at_open=held, at_close=no_orders(*held.shape))
'''

PLAIN = '''
import backtrader as bt


class Plain(bt.Strategy):
    """Hold 100 of the fund in every second month; `lag` bars late."""

    instruments = ("etf_1321",)
    params = (("lag", 0),)

    def next(self):
        if len(self) <= self.p.lag:
            return
        wanted = 100 if self.data.datetime.date(-self.p.lag).month % 2 else 0
        if wanted != self.position.size:
            self.order_target_size(self.data, wanted)
'''


def patterned(small: Path, folder: Path) -> Path:
    """Write the market into a folder, and return it."""
    shutil.copytree(small, folder)
    prices = pd.read_csv(folder / "etf_1321.csv")
    gains = np.arange(len(prices)) % PERIOD == 0
    prices["open"], prices["low"] = 10_000.0, 10_000.0
    prices["close"] = prices["high"] = np.where(gains, 10_200.0, 10_000.0)
    prices.to_csv(folder / "etf_1321.csv", index=False)
    (folder / "distributions.csv").unlink()
    return folder


def spec_of(folder: Path, market: Path, name: str, spec: str = "", **params: Any) -> Spec:
    """Write a user's strategy and its spec into a folder, and read the spec."""
    file, code = ("plain", PLAIN) if name == "Plain" else ("mine", STRATEGIES)
    (folder / f"{file}.py").write_text(code, "utf-8")
    lines = [f'name = "{file}"\nstrategy = "{file}.py:{name}"\nmarket = "{market.as_posix()}"\n{spec}\n[params]']
    lines += [f"{key} = {value!r}" for key, value in params.items()]
    (folder / f"{file}.toml").write_text("\n".join(lines).replace("'", '"') + "\n", "utf-8")
    return load_spec(folder / f"{file}.toml")


def result_of(spec: Spec) -> Result:
    """Run a spec; nothing is written."""
    return compute(prepare(spec), Path("reports"))
