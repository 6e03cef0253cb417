"""Chase the names that weigh or cost most in a price-weighted index, or hold names given by their codes.

S001 names two pitfalls: to chase the high-priced names, which only move the index more, and to take the five trading
houses that a well-known investor bought for the index. Both are trades here, to be held against the index.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from indexsim.market import MarketData
from strategies import members
from strategies.base import Features
from strategies.rules import Ruled, for_features

PICKS = ("weight", "price", "codes")


class TopWeights(Ruled):
    """Hold the names of the Nikkei that weigh most, or cost most, in equal parts, and choose again every few sessions.

    A review picks among the names in the index at its close: by price x factor, or by the price alone. What was picked
    is bought at the next open and kept to the next review; a name that leaves the index is sold at the open of
    its last session in it, where that was announced, and not replaced before the next review. With
    ``pick = "codes"`` the names are given: the five trading houses of S001. Against them an index future or fund may be
    sold short, yen for yen.

    S001, its second and third pitfall. Reviews are counted from the first session of the market. Sizes drift between
    reviews, and through them too unless the spec says ``rebalance = "every-bar"``. Names without a column in
    ``opens`` and ``closes`` cannot be picked. Given codes are held whether they are in the index or not: one that stops
    trading stays in the books.

    Needs ``closes`` and ``opens``, and ``factors`` unless the codes are given.
    """

    @dataclass(frozen=True)
    class Params:
        """Parameters of `TopWeights`.

        Attributes
        ----------
        pick : {"weight", "price", "codes"}
            The heaviest names, the highest-priced ones (yen a share), or those of `codes`.
        count : int
            Names held after a review; with ``codes`` all of them are.
        every : int
            Sessions from one review to the next.
        codes : str
            Codes separated by commas, for ``pick = "codes"``. The default are the five trading houses.
        share : float
            All names together as a share of equity; below zero they are sold short.
        against : str
            Instrument held the other way round for the same share, as ``nikkei_mini``; "" is none.
        """

        pick: str = "weight"
        count: int = 5
        every: int = 20
        codes: str = for_features("8001,8002,8031,8053,8058")
        share: float = 0.9
        against: str = ""

        def __post_init__(self) -> None:
            if self.pick not in PICKS:
                raise ValueError(f"pick {self.pick!r} is unknown; one of {', '.join(PICKS)}")
            if self.count < 1:
                raise ValueError(f"count {self.count} is below 1")
            if self.every < 1:
                raise ValueError(f"every {self.every} is below 1 session")
            if not isfinite(self.share) or self.share == 0.0:
                raise ValueError(f"share {self.share:g} holds nothing; a number other than 0")
            if not members.codes_in(self.codes) and self.pick == "codes":
                raise ValueError("codes name no stock")

    @classmethod
    def instruments(cls, params: Params) -> tuple[str, ...]:
        named = members.codes_in(params.codes) if params.pick == "codes" else ()
        return (*map(members.stock, named), *((params.against,) if params.against else ()))

    @classmethod
    def tradable(cls, market: MarketData, params: Params) -> tuple[str, ...]:
        # Whatever is missing is named by the run, which asks for it next.
        if not all(market.has(name) for name in cls.needs(params)):
            return cls.instruments(params)
        return cls.names(TopWeights.features(market, params), params)

    @classmethod
    def needs(cls, params: Params) -> tuple[str, ...]:
        return ("closes", "opens") if params.pick == "codes" else ("factors", "closes", "opens")

    @staticmethod
    def features(market: MarketData, params: Params) -> Features:
        bars = market.bars("daily")
        reviews = np.arange(0, len(bars), params.every)
        ends = np.append(reviews[1:], len(bars))
        leaving: members.Leaving = {}
        if params.pick == "codes":
            codes = members.codes_in(params.codes)
            chosen = ~np.isnan(members.prices_of(market, codes, bars, reviews))
        else:
            leaving = members.leaving_rows(market, bars)
            found = members.members(market, bars, reviews, leaving)
            codes = found.codes
            chosen = members.highest(found.value if params.pick == "weight" else found.price, params.count)
            # Only names that are ever held: each costs the run a column.
            ever = np.flatnonzero(chosen.any(axis=0))
            codes, chosen = tuple(codes[k] for k in ever.tolist()), chosen[:, ever]
        review = np.zeros(len(bars), dtype=bool)
        review[reviews] = True
        held = members.equal_parts(len(bars), codes, reviews[: len(ends)], ends[: len(reviews)], chosen, leaving)
        return {"held": held, "total": held.sum(axis=1), "review": review, "codes": np.array(codes, dtype=str)}

    @classmethod
    def names(cls, features: Features, params: Params) -> tuple[str, ...]:
        return (*map(members.stock, features["codes"].tolist()), *((params.against,) if params.against else ()))

    @staticmethod
    def rule(features: Any, params: Any, at_open: np.ndarray, at_close: np.ndarray, deposits: np.ndarray) -> None:
        for t in range(len(at_open)):
            for k in range(at_open.shape[1]):
                share = params.share * part(features, t, k)
                before = params.share * part(features, t - 1, k) if t > 0 else 0.0
                # With ``rebalance = "every-bar"`` a target that is repeated is an order that restores its size.
                if share != before or (features.review[t] and share != 0.0):
                    at_open[t, k] = share


def part(features: Any, t: int, k: int) -> Any:
    """What is held after a decision, of a name or against all of them, as a part of one."""
    return features.held[t, k] if k < features.held.shape[1] else -features.total[t]
