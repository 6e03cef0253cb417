"""J-Quants of the Japan Exchange Group, by its own client: stocks and funds as traded, TOPIX. It needs a key.

The client asks through a session of ours, which is polite and reads what the client passes over: an answer with status
200 that has no data but a message. Its settings are read from no file, so the key comes from the environment alone.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from indexsim.sources.answers import SourceError, first_words, json_of, refused
from indexsim.sources.clients import package, unwarned
from indexsim.sources.http import Client
from indexsim.sources.source import Frames, Source, Wanted
from indexsim.sources.tables import in_order

_BASE = "https://api.jquants.com"
_PRICES = {"O": "open", "H": "high", "L": "low", "C": "close"}
_BARS = _PRICES | {"Vo": "volume"}
#: Columns of a stock's day that are not used: limits, value, adjusted prices, and the same of either half, by plan.
_UNUSED = ("UL", "LL", "Va", "AdjO", "AdjH", "AdjL", "AdjC", "AdjVo")
_HALVES = (f"{half}{name}" for half in "MA" for name in (*_BARS, *_UNUSED))
_KNOWN = ("Date", "Code", "AdjFactor", *_BARS, *_UNUSED, *_HALVES)


def _read(client: Client, wanted: Wanted) -> Frames:
    asking = _client(client, wanted)
    since = f"{wanted.since:%Y-%m-%d}" if wanted.since else ""
    try:
        with unwarned():
            if wanted.series == "topix":
                frame = asking.get_idx_bars_daily_topix(from_yyyymmdd=since)
            else:
                frame = asking.get_eq_bars_daily(code=wanted.id, from_yyyymmdd=since)
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # the client met what it does not expect
        found = f"an answer that its client cannot read: {first_words(str(error))}"
        raise SourceError(asked=wanted.asked, found=found, rule="a bar has a date", todo="try again later") from None
    return frames(frame, wanted.series, wanted.asked, "" if wanted.series == "topix" else wanted.id)


def frames(bars: pd.DataFrame, series: str, asked: str, code: str = "") -> Frames:
    """Return the bars of the client as files of a market.

    Parameters
    ----------
    bars : DataFrame
        Columns as J-Quants names them, in any order.
    series : str
        ``topix``, a fund, or a code: then files of many stocks.
    asked : str
    code : str
        Whose bars they must be; empty for TOPIX.

    Raises
    ------
    SourceError
        An unknown column, a missing one, a value that is no number.
    """
    columns = _PRICES if series == "topix" else _BARS
    known = ("Date", "Code", *_PRICES) if series == "topix" else _KNOWN
    if bars.empty:
        bars = pd.DataFrame(columns=["Date", *columns])
    unknown = [name for name in bars if name not in known]
    missing = [name for name in ("Date", *columns) if name not in bars]
    if unknown or missing:
        found = "; ".join([*(f"unknown {name!r}" for name in unknown), *(f"no {name!r}" for name in missing)])
        raise SourceError(asked=asked, found=found, rule="the columns are known", todo="update the project")
    others = sorted(set(bars["Code"]) - {code}) if "Code" in bars and code else []
    index = pd.DatetimeIndex(pd.to_datetime(bars["Date"]), name="date")
    if others or index.hasnans:
        found = f"bars of {others[0]}" if others else "a bar without a date"
        raise SourceError(asked=asked, found=found, rule="the bars are of the code asked for", todo="try again later")
    try:
        table = pd.DataFrame({new: pd.to_numeric(bars[old]).to_numpy("float64") for old, new in columns.items()}, index)
    except (TypeError, ValueError) as error:
        raise SourceError(asked=asked, found=first_words(str(error)), rule="a cell is a number", todo="later") from None
    table = in_order(table, asked).dropna(how="all", subset=["open", "close"])  # a day without trading has blanks
    if series in SOURCE.series:
        return {series: table}
    wide = {"closes": "close", "opens": "open", "volumes": "volume"}
    return {file: table[[column]].rename(columns={column: series}) for file, column in wide.items()}


def _client(client: Client, wanted: Wanted) -> Any:
    """Return the client of J-Quants, asking through ours."""
    jquants, requests = package("jquantsapi", "jquants-api-client"), package("requests")

    pages: set[tuple[str, str]] = set()

    class Session(requests.Session):  # type: ignore[misc, name-defined]
        def request(self, method: str, url: str, params: Any = None, headers: Any = None, **rest: Any) -> Any:
            params = {name: str(value) for name, value in (params or {}).items()}
            page = (url, params.get("pagination_key", ""))
            if page in pages:
                raise refused(wanted.asked, "the same page again", "each page leads to another")
            pages.add(page)
            body = client.ask(url, lambda body: _checked(body, wanted.asked), params=params, headers=headers)
            response = requests.Response()
            response.status_code, response.url, response._content, response.encoding = 200, url, body, "utf-8"
            return response

    class Asking(jquants.ClientV2):  # type: ignore[misc, name-defined]
        def _load_config(self) -> dict[str, str]:
            return {}

        def _request_session(self, *args: Any, **rest: Any) -> Any:
            return Session()

    return Asking(api_key=wanted.key)


def _checked(body: bytes, asked: str) -> bytes:
    """Return an answer that holds data; the client would take any other for an empty one."""
    answer = json_of(body, asked)
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
        raise refused(asked, body.decode("utf-8"), "the answer has data")
    return body


SOURCE = Source(
    name="jquants",
    about="J-Quants of the Japan Exchange Group; the free plan is twelve weeks late",
    bases=(_BASE,),
    series={"topix": "TOPIX", "etf_1321": "13210", "etf_1306": "13060"},
    read=_read,
    code=lambda code: f"{code}0",
    lacks={"dividends": "they need the Premium plan, whose answers could not be tried"},
    key="JQUANTS_API_KEY",
    needs_key=True,
)
