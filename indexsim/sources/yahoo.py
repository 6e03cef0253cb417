"""Yahoo Finance, by yfinance: indexes, funds, stocks, the dollar. A second source: its Tokyo prices have had errors.

Yahoo's prices are adjusted for every split up to today (not for dividends: ``auto_adjust=False``). Each answer reaches
up to today, so it holds every split that its prices are adjusted for: they are multiplied back, and a price that is
then off the grid of 0.1 yen refuses the answer, as a split is missing in it or wrong.

yfinance asks through a session of ours, which looks like a browser as its own does, since Yahoo turns others away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from indexsim.sources.answers import SourceError, first_words, json_of, refused
from indexsim.sources.clients import package, unwarned
from indexsim.sources.http import Client, Reply
from indexsim.sources.source import Frames, Source, Wanted
from indexsim.sources.tables import in_order

_HOSTS = ("query2.finance.yahoo.com", "query1.finance.yahoo.com", "fc.yahoo.com", "guce.yahoo.com", "consent.yahoo.com")
_CHART = "/v8/finance/chart/"
_PRICES = ("open", "high", "low", "close")
#: Decimals of what is no Tokyo price: Yahoo sends 32-bit floats.
_DECIMALS = {"n225": 2, "sp500": 2, "usdjpy": 3}
_FUNDS = ("etf_1321", "etf_1306")
#: Yahoo's day is before its first; yfinance would ask for a month without one.
_BEGINNING = date(1970, 1, 2)
_NOT_HERE = "Yahoo has no history of TOPIX; jquants and stooq have"


class _NothingThere(Exception):  # noqa: N818 (no error: the days asked for hold nothing)
    """Yahoo's way to say that there is nothing in the days asked for."""


def _read(client: Client, wanted: Wanted) -> Frames:
    yf = package("yfinance")
    yf.set_tz_cache_location(str(client.cache.folder.with_name("yfinance")))
    start, end = wanted.since or _BEGINNING, wanted.today + timedelta(days=1)
    try:
        with _raising(yf):
            ticker = yf.Ticker(wanted.id, session=_session(client, wanted))
            history = ticker.history(start=start.isoformat(), end=end.isoformat(), auto_adjust=False, actions=True)
    except SourceError:
        raise
    except _NothingThere:
        history = pd.DataFrame()
    except Exception as error:  # yfinance fails in many ways on what it does not expect
        found = f"an answer that yfinance cannot read: {first_words(str(error)) or type(error).__name__}"
        raise SourceError(asked=wanted.asked, found=found, rule="a chart has prices", todo="try again later") from None
    return frames(history, wanted.series, wanted.asked)


def frames(history: pd.DataFrame, series: str, asked: str) -> Frames:
    """Return what ``Ticker.history(auto_adjust=False)`` gives as files of a market, as traded.

    Parameters
    ----------
    history : DataFrame
        Up to today: every split that the prices are adjusted for is in it.
    series : str
        Name of a series, or a code: then files of many stocks.
    asked : str

    Raises
    ------
    SourceError
        A missing column, or a price that was never quoted.
    """
    if history.empty:
        history = pd.DataFrame(columns=["Open", "High", "Low", "Close", "Volume", "Stock Splits"], dtype="float64")
        history.index = pd.DatetimeIndex([])
    missing = [name for name in ("Open", "High", "Low", "Close", "Volume", "Stock Splits") if name not in history]
    if missing:
        raise SourceError(asked=asked, found=f"no {', '.join(missing)}", rule="a bar is whole", todo="try again later")
    days = pd.DatetimeIndex(history.index).tz_localize(None).normalize().rename("date")
    table = history[["Open", "High", "Low", "Close", "Volume"]].set_axis([*_PRICES, "volume"], axis=1).set_axis(days)
    table = in_order(table.astype("float64"), asked)
    if series in _DECIMALS:
        return {series: table[list(_PRICES)].round(_DECIMALS[series]).dropna(how="all")}
    table = _as_traded(table, history["Stock Splits"].to_numpy("float64"), asked).dropna(how="all", subset=_PRICES)
    if series in _FUNDS:
        return {series: table}
    wide = {"closes": "close", "opens": "open", "volumes": "volume"}
    return {file: table[[column]].rename(columns={column: series}) for file, column in wide.items()}


def _as_traded(table: pd.DataFrame, splits: np.ndarray, asked: str) -> pd.DataFrame:
    """Multiply back the splits after each day, onto the grid of 0.1 yen."""
    ratios = np.where(splits > 0, splits, 1.0)
    later = np.append(np.cumprod(ratios[::-1])[::-1][1:], 1.0)[: len(ratios)]
    prices = table[list(_PRICES)].mul(later, axis=0)
    traded = prices.round(1)
    off = (prices - traded).abs() > 0.002 + prices * 1e-6
    if off.to_numpy().any():
        row = int(off.any(axis=1).to_numpy().argmax())
        price = prices.iloc[row][off.iloc[row].to_numpy()].iloc[0]
        raise SourceError(
            asked=asked,
            found=f"{price:.4f} yen on {table.index[row]:%Y-%m-%d}, with its splits taken back",
            rule="a price as traded is a multiple of 0.1 yen",
            todo="a split is missing or wrong at Yahoo; take another source, or --since a later day",
        )
    return traded.assign(volume=(table["volume"] / later).round())


@contextmanager
def _raising(yf: Any) -> Iterator[None]:
    """Let yfinance raise what it would otherwise print and pass over."""
    before = yf.config.debug.hide_exceptions
    yf.config.debug.hide_exceptions = False
    try:
        with unwarned():
            yield
    finally:
        yf.config.debug.hide_exceptions = before


def _session(client: Client, wanted: Wanted) -> Any:
    """Return a session for yfinance that asks for charts through our client, and for cookies as it is."""
    curl = package("curl_cffi.requests", "yfinance")

    class Session(curl.Session):  # type: ignore[misc, name-defined]
        def request(self, method: str, url: str, *args: Any, **rest: Any) -> Any:
            plain = super().request
            if _CHART not in url:
                client.pace(url)
                return plain(method, client.rebased(url), *args, **rest)

            def opener(full: str, headers: Mapping[str, str], timeout: float, reply: Reply) -> None:
                response = plain(method, full, timeout=timeout)
                reply.status, reply.body = response.status_code, bytearray(response.content)
                reply.headers = {str(name).lower(): str(value) for name, value in response.headers.items()}

            params = {name: str(value) for name, value in (rest.get("params") or {}).items()}
            crumb = {"crumb": params.pop("crumb")} if "crumb" in params else {}
            body = client.ask(
                url, lambda body: _checked(body, wanted), params=params, secret=crumb, opener=opener, also=(400, 404)
            )
            response = curl.Response()
            response.url, response.content = url, body
            return response

    return Session(impersonate="chrome")


def _checked(body: bytes, wanted: Wanted) -> bytes:
    """Return a chart; raise for an error that comes as one."""
    answer = json_of(body, wanted.asked)
    if not isinstance(answer, dict) or not isinstance(answer.get("chart"), dict):
        raise refused(wanted.asked, body.decode("utf-8"), "the answer is a chart")
    error = answer["chart"].get("error")
    if not error:
        _same_as_asked(answer["chart"], wanted)
        return body
    said = str(error.get("description") if isinstance(error, dict) else error)
    if said.startswith("Data doesn't exist"):
        raise _NothingThere
    raise refused(wanted.asked, said, "the chart has no error")


def _same_as_asked(chart: Mapping[str, Any], wanted: Wanted) -> None:
    """Refuse the chart of another ticker, of weeks, or of a Tokyo price that is not in yen."""
    results = chart.get("result")
    meta = results[0].get("meta") if isinstance(results, list) and results and isinstance(results[0], dict) else None
    expected = {"symbol": wanted.id, "dataGranularity": "1d"}
    if wanted.id.endswith(".T"):
        expected["currency"] = "JPY"
    for name, value in expected.items():
        if isinstance(meta, dict) and meta.get(name, value) != value:
            raise refused(wanted.asked, f"{name} {meta[name]}", f"the chart is of {name} {value}")


SOURCE = Source(
    name="yahoo",
    about="Yahoo Finance, for personal use",
    bases=tuple(f"https://{host}" for host in _HOSTS),
    series={"n225": "^N225", "etf_1321": "1321.T", "etf_1306": "1306.T", "usdjpy": "JPY=X", "sp500": "^GSPC"},
    read=_read,
    code=lambda code: f"{code}.T",
    lacks={"topix": _NOT_HERE},
)
