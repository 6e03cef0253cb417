"""What every verb shares: folders as text or `Path`, and the part of an answer that all carry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from backtests.facts import data_facts
from backtests.version import ROOT, VERSION
from indexsim.errors import ToolError
from indexsim.market import MarketData

Answer = dict[str, Any]
Folders = Path | str | Sequence[Path | str]
SAMPLE = ROOT / "data" / "sample"


def paths(folders: Folders) -> list[Path]:
    """Return one folder or several as a list of paths."""
    return [Path(folders)] if isinstance(folders, (str, Path)) else [Path(folder) for folder in folders]


def about(
    market: MarketData | None, first: date | None = None, last: date | None = None, missing: Sequence[str] = ()
) -> Answer:
    """Return the ``data`` and ``version`` every answer carries."""
    data: Answer = {"fingerprint": None, "from": None, "to": None, "synthetic": None, "missing": list(missing)}
    if market is None:
        return {"data": {**data, "why": "no market was read"}, "version": VERSION}
    if first is None or last is None:
        first, last = _span(market)
    if first is None or last is None:
        data |= {"fingerprint": market.fingerprint, "synthetic": market.synthetic, "why": "no dated series in it"}
        return {"data": data, "version": VERSION}
    return {"data": data_facts(market, first, last, missing), "version": VERSION}


def _span(market: MarketData) -> tuple[date | None, date | None]:
    try:
        first, last = market.span
    except ToolError:
        return None, None
    return first.date(), last.date()
