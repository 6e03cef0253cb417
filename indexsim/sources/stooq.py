"""Stooq: daily CSV of indexes and currencies. It has no maintained client; since March 2026 it wants a key.

What it says besides data comes with status 200, in words. Its prices of stocks and funds are adjusted for splits and
dividends alike, by factors it does not give, so they cannot be brought back to what was traded: they are not taken.
"""

from __future__ import annotations

from functools import partial

from indexsim.sources.answers import refused, text_of
from indexsim.sources.http import Client
from indexsim.sources.source import Frames, Source, Wanted
from indexsim.sources.tables import read_csv

_BASE = "https://stooq.com"
_ADDRESS = f"{_BASE}/q/d/l/"
_COLUMNS = {"Date": "date", "Open": "open", "High": "high", "Low": "low", "Close": "close", "Volume": ""}
_ADJUSTED = (
    "its prices of funds are adjusted for splits and distributions by factors it does not give; "
    "yahoo and jquants have them as traded"
)


def _read(client: Client, wanted: Wanted) -> Frames:
    params = {"s": wanted.id, "i": "d"}
    if wanted.since:
        params |= {"d1": f"{wanted.since:%Y%m%d}", "d2": f"{wanted.today:%Y%m%d}"}
    read = partial(parse, series=wanted.series, empty=wanted.since is not None)
    return client.ask(_ADDRESS, read, params=params, secret={"apikey": wanted.key} if wanted.key else {})


def parse(body: bytes, series: str, empty: bool = False) -> Frames:
    """Return the rows of a daily file.

    Parameters
    ----------
    body : bytes
    series : str
    empty : bool
        Whether "No data" may be the answer: for the days since the last one known, not for all.

    Raises
    ------
    SourceError
        It is no such file.
    """
    asked = f"fetch {series} from Stooq"
    text = text_of(body, asked, ("utf-8-sig",))
    said = text.strip()
    if empty and said == "No data":
        text = ",".join(_COLUMNS)
    elif not said.startswith(tuple(_COLUMNS)):
        raise refused(asked, text, f"the answer is a table of {', '.join(_COLUMNS)}", _todo(said))
    frame = read_csv(text, asked, _COLUMNS, required=("open", "high", "low", "close"))
    return {series: frame}


def _todo(said: str) -> str:
    if "apikey" in said.lower():
        return "get a key as it says, and set STOOQ_API_KEY"
    if "limit" in said.lower():
        return "the same command tomorrow"
    return "open the address in a browser, or try later"


SOURCE = Source(
    name="stooq",
    about="Stooq, a Polish vendor",
    bases=(_BASE,),
    series={"n225": "^nkx", "topix": "^tpx", "usdjpy": "usdjpy", "sp500": "^spx"},
    read=_read,
    lacks={"etf_1321": _ADJUSTED, "etf_1306": _ADJUSTED},
    key="STOOQ_API_KEY",
)
