"""Where real data comes from: a small module a source, and one polite HTTP client for all of them.

`indexsim.fetching` asks them and puts the answers into a market folder. The addresses stand in the modules of the
sources; the variable ``NIKKEI_FETCH_BASE_<SOURCE>`` asks another server in their place.
"""

from __future__ import annotations

from indexsim.sources import boj, fred, jquants, nikkei, stooq, yahoo
from indexsim.sources.answers import SourceError
from indexsim.sources.source import Source, Wanted

#: Every source, by name.
SOURCES: dict[str, Source] = {
    module.SOURCE.name: module.SOURCE for module in (nikkei, fred, stooq, yahoo, boj, jquants)
}

__all__ = ["SOURCES", "Source", "SourceError", "Wanted"]
