"""Exporters while the dollar holds a band, banks while the 10-year yield stands above a level.

S000 calls it a rotation: exporters such as Toyota (7203) and Sony (6758) while the dollar is steady at 155 to 160 yen,
banks once the yield of the 10-year government bond is above 1.2 %, since their margins widen.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from indexsim.errors import MissingData
from indexsim.market import MarketData
from strategies import members
from strategies.base import Features
from strategies.rules import Ruled, for_features
from strategies.signals import lasting

GROUPS = ("exporters", "banks")


class SectorRotation(Ruled):
    """Hold exporters while the dollar holds a band, and banks while the 10-year yield is above a level, as stocks.

    The dollar holds the band once its last `stable` known closes all lie in it. When a condition begins to hold, the
    heaviest names of the group among those then in the Nikkei are bought at the next open, in equal parts; all are
    sold at the open after the first close at which it does not. A name that leaves the index is sold at the open of
    its last session in it, where that was announced. Both groups may be held at once.

    S000, whose numbers are those of spring 2025. The dollar is that of the New York close of the night before, the
    yield that of the day before. Which industry a name belongs to comes from ``constituents``, which is not dated and
    may lack names of the past: those cannot be picked. Codes that are given are held whether they are in the index or
    not, and one that stops trading stays in the books. Positions are not resized while a condition lasts.

    Needs ``closes`` and ``opens``; ``usdjpy`` for exporters and ``jgb_yields`` for banks, unless the share of the group
    is 0; ``factors`` and ``constituents`` where a group is not given by codes.
    """

    @dataclass(frozen=True)
    class Params:
        """Parameters of `SectorRotation`.

        Attributes
        ----------
        exporters, banks : str
            Codes separated by commas, as ``7203,6758``; "" picks the names by industry.
        exporter_industries, bank_industries : str
            Separated by commas: a name belongs to the group if its industry or its sector in ``constituents``
            begins with one of them, whatever the case.
        count : int
            Names held of a group that is picked by industry.
        low, high : float
            Band of the dollar in yen, both included.
        stable : int
            Sessions in a row whose last known dollar lies in the band.
        yield_above : float
            Percent a year of the 10-year government bond, not included.
        exporter_share, bank_share : float
            A whole group as a share of equity, at least 0; 0 leaves it out.
        """

        exporters: str = for_features("")
        banks: str = for_features("")
        exporter_industries: str = for_features(
            "Automobiles,Electric machinery,Precision instruments,自動車,電気機器,精密機器"
        )
        bank_industries: str = for_features("Banking,銀行")
        count: int = 10
        low: float = 155.0
        high: float = 160.0
        stable: int = 5
        yield_above: float = 1.2
        exporter_share: float = 0.45
        bank_share: float = 0.45

        def __post_init__(self) -> None:
            for text in (self.exporters, self.banks, self.exporter_industries, self.bank_industries):
                members.codes_in(text)
            if self.count < 1:
                raise ValueError(f"count {self.count} is below 1")
            if self.stable < 1:
                raise ValueError(f"stable {self.stable} is below 1 session")
            if not 0.0 < self.low < self.high < float("inf"):
                raise ValueError(f"band {self.low:g} to {self.high:g}: 0 < low < high")
            if not isfinite(self.yield_above):
                raise ValueError(f"yield_above {self.yield_above:g} is not finite")
            shares = (self.exporter_share, self.bank_share)
            if not all(isfinite(share) and share >= 0.0 for share in shares) or not any(shares):
                raise ValueError(f"shares {shares[0]:g} and {shares[1]:g}: at least 0, and one of them above")

        @property
        def groups(self) -> tuple[str, ...]:
            """The groups that are not left out."""
            shares = (self.exporter_share, self.bank_share)
            return tuple(group for group, share in zip(GROUPS, shares, strict=True) if share)

    @classmethod
    def instruments(cls, params: Params) -> tuple[str, ...]:
        return tuple(map(members.stock, dict.fromkeys(code for g in params.groups for code in _given(g, params))))

    @classmethod
    def tradable(cls, market: MarketData, params: Params) -> tuple[str, ...]:
        # Whatever is missing is named by the run, which asks for it next.
        if not all(market.has(name) for name in cls.needs(params)):
            return cls.instruments(params)
        return cls.names(SectorRotation.features(market, params), params)

    @classmethod
    def needs(cls, params: Params) -> tuple[str, ...]:
        by_industry = any(not _given(group, params) for group in params.groups)
        return (
            *(("usdjpy",) if params.exporter_share else ()),
            *(("jgb_yields",) if params.bank_share else ()),
            *(("factors", "constituents") if by_industry else ()),
            "closes",
            "opens",
        )

    @staticmethod
    def features(market: MarketData, params: Params) -> Features:
        held = {group: _held(market, group, params) for group in params.groups}
        codes = list(dict.fromkeys(code for names, _ in held.values() for code in names))
        features: dict[str, np.ndarray] = {}
        for group in GROUPS:
            features[group] = np.zeros((len(market.bars("daily")), len(codes)))
            names, parts = held.get(group, ((), None))
            if parts is not None:
                features[group][:, [codes.index(code) for code in names]] = parts
        return {**features, "codes": np.array(codes, dtype=str)}

    @classmethod
    def names(cls, features: Features, params: Params) -> tuple[str, ...]:
        return (*map(members.stock, features["codes"].tolist()),)

    @staticmethod
    def rule(features: Any, params: Any, at_open: np.ndarray, at_close: np.ndarray, deposits: np.ndarray) -> None:
        for t in range(len(at_open)):
            for k in range(at_open.shape[1]):
                share = share_of(features, params, t, k)
                if share != (share_of(features, params, t - 1, k) if t > 0 else 0.0):
                    at_open[t, k] = share


def share_of(features: Any, params: Any, t: int, k: int) -> Any:
    """What is held of a name after a decision, as a share of equity."""
    return params.exporter_share * features.exporters[t, k] + params.bank_share * features.banks[t, k]


def _given(group: str, params: SectorRotation.Params) -> tuple[str, ...]:
    return members.codes_in(params.exporters if group == "exporters" else params.banks)


def _held(market: MarketData, group: str, params: SectorRotation.Params) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the names that a group ever holds, and its parts of one after each decision, shape (n_bars, n)."""
    bars = market.bars("daily")
    on = _condition(market, group, params)
    turns = np.flatnonzero(np.diff(on, prepend=False, append=False))
    starts, ends = turns[0::2], turns[1::2]
    given = _given(group, params)
    if given:
        chosen = ~np.isnan(members.prices_of(market, given, bars, starts))
        return given, members.equal_parts(len(bars), given, starts, ends, chosen, {})
    leaving = members.leaving_rows(market, bars)
    found = members.members(market, bars, starts, leaving)
    belongs = _of_industries(market, group, params)
    among = [k for k, code in enumerate(found.codes) if code in belongs]
    chosen = members.highest(found.value, params.count, among)
    # Only names that are ever held: each costs the run a column.
    ever = np.flatnonzero(chosen.any(axis=0))
    codes = tuple(found.codes[k] for k in ever.tolist())
    return codes, members.equal_parts(len(bars), codes, starts, ends, chosen[:, ever], leaving)


def _condition(market: MarketData, group: str, params: SectorRotation.Params) -> np.ndarray:
    """Return where a group is to be held after a decision, shape (n_bars,); an unknown value fulfils nothing."""
    bars = market.bars("daily")
    if group == "banks":
        above: np.ndarray = market.known("jgb_yields", "y10", bars) > params.yield_above
        return above
    dollar = market.known("usdjpy", "close", bars)
    outside = ~((dollar >= params.low) & (dollar <= params.high))
    steady = ~lasting(outside, params.stable)
    # Sessions before the first one are outside too.
    steady[: params.stable - 1] = False
    return steady


def _of_industries(market: MarketData, group: str, params: SectorRotation.Params) -> frozenset[str]:
    """Return the codes whose industry or sector begins with one of the words of a group."""
    text = params.exporter_industries if group == "exporters" else params.bank_industries
    words = tuple(word.casefold() for word in members.codes_in(text))
    table = market.table("constituents")
    columns = [table[name].fillna("").astype(str) for name in ("industry", "sector") if name in table]
    belongs = [any(c[k].casefold().startswith(words) for c in columns) for k in table.index] if words else []
    found = frozenset(table["code"][belongs].astype(str)) if any(belongs) else frozenset()
    if not found:
        known = ", ".join(sorted({word for c in columns for word in c if word})) or "none"
        raise MissingData(
            asked=f"pick the {group} by industry",
            found=f"no name of constituents in {text or 'no industry'}",
            rule=f"industries and sectors there: {known}",
            todo=f"name some of them, or the codes: --set {group}=7203,6758",
        )
    return found
