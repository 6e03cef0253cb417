"""Hold one instrument throughout: the yardstick of every other run.

The Nikkei or TOPIX by instrument, as a price return (a future with ``futures = "index"``) or with what
holders receive (a fund and its distributions, or a future with its carry and interest on the cash).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from indexsim.market import MarketData
from strategies.base import Features
from strategies.rules import Ruled


class Hold(Ruled):
    """Buy an instrument at the first open and hold it to the end.

    Not a claim of a source: what every strategy is compared with. One order is given, after the close of
    the first session of the run; were it rejected for want of a print, nothing would be held. Weights drift unless the
    spec says ``rebalance = "every-bar"``, and distributions lie idle as cash.

    Needs the file of its instrument; a fund without ``distributions`` gives its price return, and the page says so.
    """

    @dataclass(frozen=True)
    class Params:
        """Parameters of `Hold`.

        Attributes
        ----------
        instrument : str
            What is held: ``etf_1321`` or a Nikkei future for the Nikkei, ``etf_1306`` or a TOPIX future for TOPIX.
        share : float
            Position as a share of equity: 1.0 is all of it, below zero is short.
        """

        instrument: str = "etf_1321"
        share: float = 1.0

        def __post_init__(self) -> None:
            if not isfinite(self.share) or self.share == 0.0:
                raise ValueError(f"share {self.share:g} holds nothing; a number other than 0")

    @classmethod
    def instruments(cls, params: Params) -> tuple[str, ...]:
        return (params.instrument,)

    @classmethod
    def needs(cls, params: Params) -> tuple[str, ...]:
        return ()

    @staticmethod
    def features(market: MarketData, params: Params) -> Features:
        return {"bar": np.arange(len(market.bars("daily")))}

    @staticmethod
    def rule(features: Any, params: Any, at_open: np.ndarray, at_close: np.ndarray, deposits: np.ndarray) -> None:
        at_open[:, 0] = params.share
