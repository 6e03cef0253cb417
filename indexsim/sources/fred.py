"""FRED of the Federal Reserve Bank of St. Louis: one CSV a series, from its graph, without a key.

Plain HTTP to the address that pandas-datareader asks: its reader throws the header away and names the columns itself,
so that a changed order or a page would become numbers, and it tries again after errors that cannot pass.
"""

from __future__ import annotations

from functools import partial

from indexsim.sources.answers import text_of
from indexsim.sources.http import Client
from indexsim.sources.source import Frames, Source, Wanted
from indexsim.sources.tables import read_csv

_BASE = "https://fred.stlouisfed.org"
_ADDRESS = f"{_BASE}/graph/fredgraph.csv"
_SERIES = {"usdjpy": "DEXJPUS", "oil": "DCOILWTICO", "sp500": "SP500", "n225": "NIKKEI225", "gdp": "JPNNGDP"}
_COLUMN = {"gdp": "gdp_bn_yen_saar"}
_MONTHLY = "it has Japanese yields by month only, and ten-year ones; the Ministry of Finance gives them by day"


def _read(client: Client, wanted: Wanted) -> Frames:
    params = {"id": wanted.id} | ({"cosd": wanted.since.isoformat()} if wanted.since else {})
    return client.ask(_ADDRESS, partial(parse, series=wanted.series), params=params)


def parse(body: bytes, series: str) -> Frames:
    """Return the rows of a series that have a number; FRED writes holidays as blanks.

    Raises
    ------
    SourceError
        It is no such file.
    """
    asked = f"fetch {series} from FRED"
    column = _COLUMN.get(series, "close")
    columns = {"observation_date": "date", "DATE": "date", _SERIES[series]: column}
    frame = read_csv(text_of(body, asked, ("utf-8-sig",)), asked, columns, required=(column,))
    return {series: frame.dropna()}


SOURCE = Source(
    name="fred",
    about="Federal Reserve Bank of St. Louis; usdjpy is the noon rate of New York",
    bases=(_BASE,),
    series=_SERIES,
    read=_read,
    lacks={"jgb_yields": _MONTHLY},
)
