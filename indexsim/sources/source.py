"""What a source is: its addresses, the series it has, and how one is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from indexsim.sources.http import Client


@dataclass(frozen=True)
class Wanted:
    """A series that is wanted of a source.

    Attributes
    ----------
    series : str
        File name in the market, or the code of a stock.
    id : str
        As the source calls it.
    since : date or None
        First day; None for all there is.
    today : date
        In Japan.
    key : str
        Of the source; empty where none is set.
    """

    series: str
    id: str
    since: date | None
    today: date
    key: str = ""

    @property
    def asked(self) -> str:
        """What an error says was asked."""
        return f"fetch {self.series} ({self.id})"


#: File of a market -> its rows. A file of many stocks holds the columns of those asked for.
Frames = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Source:
    """A source of series.

    Attributes
    ----------
    name : str
        As the command line calls it.
    about : str
        Who it is.
    bases : tuple of str
        Beginnings of its addresses, as of November 2026.
    series : mapping of str to str
        Series of a market it has -> its own name of each.
    read : callable
        Client, what is wanted -> frames.
    code : callable or None
        Code of a stock -> the source's own name; None where it has no stocks.
    lacks : mapping of str to str
        Series it has in some form, but not as a market needs them -> why.
    key : str
        Environment variable that holds its key; empty where it needs none.
    needs_key : bool
        Whether it answers nothing without the key.
    """

    name: str
    about: str
    bases: tuple[str, ...]
    series: Mapping[str, str]
    read: Callable[[Client, Wanted], Frames]
    code: Callable[[str], str] | None = None
    lacks: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    needs_key: bool = False
