"""What the tests of the claims are handed: frames of the markets, of the constituents, and of the fact tables."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

import pandas as pd

from backtests.claims import exdividend
from backtests.claims.evidence import Inputs
from backtests.version import ROOT
from indexsim.market import MarketData
from indexsim.official.constituents import Constituents
from indexsim.schema import FILES

#: Fact tables every test may read, all cells text.
TABLES = ("claims_facts", "index_events", "cap_steps", "reviews")
#: What every test is handed, asked for or not.
ALWAYS = (*TABLES, exdividend.INPUT)


def fact_tables() -> dict[str, pd.DataFrame]:
    """Return the fact tables by name, every cell as text."""
    folder = ROOT / "data" / "facts"
    return {name: pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False) for name in TABLES}


def facts() -> dict[str, dict[str, str]]:
    """Return the rows of ``claims_facts.csv`` by id."""
    table = fact_tables()["claims_facts"]
    rows = (dict(zip(table.columns, row, strict=True)) for row in table.itertuples(index=False))
    return {row["id"]: row for row in rows}


def gather(names: Iterable[str], market: MarketData | None, constituents: Constituents | None) -> Inputs:
    """Return the named inputs, None for what nothing holds, the fact tables and the dividend points of the market."""
    frames: dict[str, Any] = {**fact_tables(), exdividend.INPUT: exdividend.expected_of(market)}
    long = constituents.frames() if constituents else {}
    for name in sorted(set(names)):
        if (name == "dividends" and long.get(name) is not None) or name not in FILES:
            frames[name] = long.get(name)
        else:
            frames[name] = market.table(name) if market is not None and market.has(name) else None
    return MappingProxyType(frames)
