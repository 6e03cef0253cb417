"""The Bank of Japan's time-series API, open since February 2026, without a key. Its clients are younger than a year.

Every answer comes with HTTP status 200; the status that counts stands in the body. Errors are JSON in whatever format
was asked for, so JSON is asked for. Its Japanese CSV would be Shift_JIS.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from indexsim.sources.answers import BrokenOff, SourceError, json_of, refused
from indexsim.sources.http import Client
from indexsim.sources.source import Frames, Source, Wanted
from indexsim.sources.tables import in_order

_BASE = "https://www.stat-search.boj.or.jp"
_ADDRESS = f"{_BASE}/api/v1/getDataCode"
#: Series -> database and code, column, unit as the answer states it.
_SERIES = {"boj_assets": ("BS01", "MABJMTA", "total_assets_100m_yen", "100 million yen")}
_PASSING = (500, 503)
_NO_API = (
    "the API does not have its purchases of funds; it gives them as a spreadsheet "
    "(https://www3.boj.or.jp/market/jp/menu_etf.htm), to be saved as CSV and imported"
)


def _read(client: Client, wanted: Wanted) -> Frames:
    database, code, _, _ = _SERIES[wanted.series]
    params = {"format": "json", "lang": "en", "db": database, "code": code}
    params |= {"startDate": f"{wanted.since:%Y%m}"} if wanted.since else {}
    return client.ask(_ADDRESS, partial(parse, series=wanted.series), params=params)


def parse(body: bytes, series: str) -> Frames:
    """Return the rows of a monthly series, dated by the last day of the month.

    Raises
    ------
    SourceError
        The status in the body says so, or it is no such answer.
    BrokenOff
        The JSON ends too early, or the status may pass.
    """
    asked = f"fetch {series} from the Bank of Japan"
    _, code, column, unit = _SERIES[series]
    answer = _answer(body, asked)
    found = [entry for entry in answer.get("RESULTSET") or [] if entry.get("SERIES_CODE") == code]
    if not found and answer.get("MESSAGEID") == "M181030I":
        return {series: pd.DataFrame({column: []}, index=pd.DatetimeIndex([], name="date"), dtype="float64")}
    if len(found) != 1 or answer.get("NEXTPOSITION") is not None:
        raise refused(asked, str(answer), f"the answer holds the series {code}, whole")
    if found[0].get("FREQUENCY") != "MONTHLY" or str(found[0].get("UNIT", unit)).lower() != unit:
        said = f"{found[0].get('FREQUENCY')}, {found[0].get('UNIT')}"
        raise SourceError(asked=asked, found=said, rule=f"the series is monthly, in {unit}", todo="correct the program")
    return {series: _rows(found[0].get("VALUES") or {}, column, asked)}


def _answer(body: bytes, asked: str) -> dict[str, Any]:
    answer = json_of(body, asked)
    status = answer.get("STATUS") if isinstance(answer, dict) else None
    if status == 200:
        return dict(answer)
    if status is None:
        raise refused(asked, str(answer), "the answer has a status")
    found = f"status {status} in the body: {answer.get('MESSAGE')!r}"
    kind = BrokenOff if status in _PASSING else SourceError
    raise kind(asked=asked, found=found, rule="the status in the body is 200", todo="try again later")


def _rows(values: dict[str, Any], column: str, asked: str) -> pd.DataFrame:
    days, numbers = values.get("SURVEY_DATES"), values.get("VALUES")
    if not isinstance(days, list) or not isinstance(numbers, list) or len(days) != len(numbers):
        raise refused(asked, str(values), "a series has a value for each date")
    try:
        dates = pd.DatetimeIndex(pd.to_datetime([str(day) for day in days], format="%Y%m"), name="date")
        cells = [float("nan") if number is None else float(number) for number in numbers]
    except (TypeError, ValueError):
        raise refused(asked, str(values), "dates are months, values numbers") from None
    frame = pd.DataFrame({column: cells}, index=dates + pd.offsets.MonthEnd(0), dtype="float64")
    return in_order(frame.rename_axis("date"), asked).dropna()


SOURCE = Source(
    name="boj",
    about="the Bank of Japan",
    bases=(_BASE,),
    series={name: f"{database}'{code}" for name, (database, code, _, _) in _SERIES.items()},
    read=_read,
    lacks={"boj_etf_purchases": _NO_API},
)
