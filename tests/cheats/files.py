"""Cheats about the door: what they read is not the market they are given."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from indexsim.market import MarketData
from strategies.base import Features
from tests.cheats import OnSignal, closes, days, next_row, rises


class ReadsAFile(OnSignal):
    """Reads a file beside itself."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        text = Path(__file__).with_name("__init__.py").read_text("utf-8")
        return {"signal": np.full(len(days(market)), float(len(text)))}


class ReadsAFileInSilence(OnSignal):
    """Tries to, and goes on without it."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        with contextlib.suppress(Exception):
            pd.read_csv(Path(__file__).with_name("answers.csv"))
        return {"signal": rises(closes(market))}


class AsksAnotherProcess(OnSignal):
    """Has another process read it."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        said = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, text=True, check=True)
        return {"signal": np.full(len(days(market)), float(said.stdout))}


class OpensTheMarketAgain(OnSignal):
    """Opens its own market once more, all of it. The folder's place is a text like any other."""

    PLACE = ""

    @classmethod
    def targets(cls, market: MarketData, params: Any) -> Any:
        whole = closes(MarketData.open(cls.PLACE))
        return cls.decide({"signal": next_row(rises(whole))[: len(days(market))]}, params)


class BehindTheMarket(OnSignal):
    """Goes to the folder behind the market, which knows no time: the same answer whatever the moment."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        whole = market.folder.frame("n225")["close"].reindex(days(market)).to_numpy()
        return {"signal": next_row(rises(whole))}


class BehindTheViewOfTheMarket(OnSignal):
    """The same, by way of another view."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        whole = market.until("2100-01-01").folder.frame("n225")["close"].reindex(days(market)).to_numpy()
        return {"signal": next_row(rises(whole))}


class ReadsLate(OnSignal):
    """Honest: reads a file of its market that nobody has read yet, and imports when it needs to."""

    @staticmethod
    def features(market: MarketData, params: Any) -> Features:
        import colorsys

        volumes = market.table("volumes").sum(axis=1).reindex(days(market)).to_numpy()
        return {"signal": rises(np.nan_to_num(np.append(0.0, volumes[:-1]))) * colorsys.ONE_THIRD}
