"""Nikkei's own daily files: the Nikkei 225, its VI, its total return. Shift_JIS, close first, a copyright footer.

They go back about three years. The header of the total return file could not be checked against the publisher: any
column that names a total return, or the close, is taken for it, a net one for the net index.
"""

from __future__ import annotations

from functools import partial

from indexsim.sources.answers import BrokenOff, text_of
from indexsim.sources.http import Client
from indexsim.sources.source import Frames, Source, Wanted
from indexsim.sources.tables import read_csv

_BASE = "https://indexes.nikkei.co.jp"
_FOLDER = f"{_BASE}/nkave/historical"
_DAY = {"データ日付": "date", "日付": "date", "Date of Data": "date", "Date": "date"}
_PRICES = {"始値": "open", "高値": "high", "安値": "low", "終値": "close"} | {
    name: name.lower() for name in ("Open", "High", "Low", "Close")
}
_FOOTER = ("著作", "copyright", "Copyright")


def _read(client: Client, wanted: Wanted) -> Frames:
    return client.ask(f"{_FOLDER}/{wanted.id}", partial(parse, series=wanted.series))


def parse(body: bytes, series: str) -> Frames:
    """Return the rows of a daily file.

    Parameters
    ----------
    body : bytes
    series : str
        ``n225``, ``nikkei_vi`` or ``total_return``: the files of the first two look alike.

    Raises
    ------
    SourceError
        It is no such file.
    BrokenOff
        Its footer is missing.
    """
    asked = f"fetch {series} from Nikkei"
    text = text_of(body, asked).strip()
    table, _, footer = text.rpartition("\n")
    if text and not any(mark in footer for mark in _FOOTER):
        columns = _columns(series, text.partition("\n")[0])
        read_csv(text.partition("\n")[0], asked, columns, required=())  # another header is the graver finding
        raise BrokenOff(asked=asked, found="no footer", rule="the file ends with a footer", todo="try again later")
    required = ("tr",) if series == "total_return" else ("open", "high", "low", "close")
    columns = _columns(series, table.partition("\n")[0])
    frame = read_csv(table, asked, columns, required=required, days=("%Y/%m/%d",))
    return {series: frame[[name for name in dict.fromkeys(columns.values()) if name in frame]]}


def _columns(series: str, header: str) -> dict[str, str]:
    if series != "total_return":
        return _DAY | _PRICES
    names = [name.strip().strip('"') for name in header.split(",")]
    returns = {name: "tr" for name in names if "トータルリターン" in name or "Total Return" in name}
    returns |= {name: "net_tr" for name in returns if "ネット" in name or "Net " in name}
    return _DAY | {"終値": "tr", "Close": "tr"} | returns


SOURCE = Source(
    name="nikkei",
    about="Nikkei Inc., daily files of the last three years",
    bases=(_BASE,),
    series={
        "n225": "nikkei_stock_average_daily_jp.csv",
        "nikkei_vi": "nikkei_stock_average_vi_daily_jp.csv",
        "total_return": "nikkei_225_total_return_index_daily_jp.csv",
    },
    read=_read,
)
