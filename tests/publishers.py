"""Hand-made answers of the sources, in the layout of each; the prices are invented.

Of four sessions: Wednesday 2024-05-01, Thursday 05-02, (holidays until Monday 05-06), Tuesday 05-07, Wednesday 05-08.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

DAYS = ("2024-05-01", "2024-05-02", "2024-05-07", "2024-05-08")
#: Open, high, low, close, volume of an invented fund.
BARS = {
    "2024-05-01": (38000.0, 38100.0, 37900.0, 38010.5, 1000.0),
    "2024-05-02": (38200.0, 38300.0, 38150.0, 38210.5, 1100.0),
    "2024-05-07": (38400.0, 38500.0, 38300.0, 38410.5, 1200.0),
    "2024-05-08": (38300.0, 38400.0, 38200.0, 38310.5, 1300.0),
}
FOOTER = "本資料は日経の著作物であり、無断で複写、複製、転載又は流布することを禁じます。"
PAGE = b"<!DOCTYPE html><html><head><title>Sorry</title></head><body>we are closed</body></html>"
Bars = Mapping[str, Sequence[float]]


def nikkei(days: Sequence[str], bars: Bars = BARS, order: str = "データ日付,終値,始値,高値,安値") -> bytes:
    """Nikkei's daily file: Shift_JIS, quoted, a footer."""
    rows = []
    for day in days:
        open_, high, low, close, _ = bars[day]
        cells = {"始値": open_, "高値": high, "安値": low, "終値": close, "データ日付": day.replace("-", "/")}
        rows.append(",".join(f'"{cells[name]}"' for name in order.split(",")))
    return "\r\n".join([order, *rows, f'"{FOOTER}"', ""]).encode("cp932")


def fred(days: Sequence[str], bars: Bars = BARS, order: str = "observation_date,DEXJPUS") -> bytes:
    """FRED's CSV: a blank on the holidays of New York."""
    rows = []
    for day in days:
        cells = {"observation_date": day, "DEXJPUS": f"{bars[day][3]:.2f}"}
        rows.append(",".join(cells.get(name, "") for name in order.split(",")))
    return "\n".join([order, *rows, ""]).encode()


def stooq(days: Sequence[str], bars: Bars = BARS, order: str = "Date,Open,High,Low,Close,Volume") -> bytes:
    """Stooq's CSV."""
    names = ("Open", "High", "Low", "Close", "Volume")
    rows = []
    for day in days:
        cells = {"Date": day, **{name: f"{cell:g}" for name, cell in zip(names, bars[day], strict=True)}}
        rows.append(",".join(cells.get(name, "") for name in order.split(",")))
    return "\r\n".join([order, *rows, ""]).encode()


def boj(months: Sequence[str], values: Mapping[str, float], **changed: Any) -> bytes:
    """The Bank of Japan's JSON."""
    series = {
        "SERIES_CODE": "MABJMTA",
        "NAME_OF_TIME_SERIES": "Assets/Total",
        "UNIT": "100 million yen",
        "FREQUENCY": "MONTHLY",
        "VALUES": {"SURVEY_DATES": [int(m.replace("-", "")) for m in months], "VALUES": [values[m] for m in months]},
    }
    answer = {"STATUS": 200, "MESSAGEID": "M181000I", "MESSAGE": "Successfully completed", "NEXTPOSITION": None}
    return json.dumps({**answer, "RESULTSET": [series], **changed}).encode()


def jquants(days: Sequence[str], bars: Bars = BARS, code: str = "13210", **changed: Any) -> bytes:
    """J-Quants' bars of a stock: as traded, and adjusted."""
    names = ("O", "H", "L", "C", "Vo")
    data = []
    for day in days:
        raw = dict(zip(names, bars[day], strict=True))
        adjusted = {f"Adj{name}": value * 9 for name, value in raw.items()}  # never to be taken
        data.append(
            {"Date": day, "Code": code, **raw, "UL": "0", "LL": "0", "Va": 1.0, "AdjFactor": 1.0, **adjusted, **changed}
        )
    return json.dumps({"data": data}).encode()


def yahoo(
    days: Sequence[str],
    bars: Bars = BARS,
    splits: Mapping[str, float] | None = None,
    symbol: str = "1321.T",
    **changed: Any,
) -> bytes:
    """Yahoo's chart: times of the open in UTC, prices adjusted for `splits` (day -> new shares for one)."""
    quote: dict[str, list[float | None]] = {name: [] for name in ("open", "high", "low", "close", "volume")}
    for day in days:
        later = 1.0
        for ex_day, ratio in (splits or {}).items():
            later *= ratio if day < ex_day else 1.0
        for name, value in zip(quote, bars[day], strict=True):
            quote[name].append(value * later if name == "volume" else value / later)
    meta = {
        "currency": "JPY",
        "symbol": symbol,
        "exchangeName": "JPX",
        "instrumentType": "ETF",
        "gmtoffset": 32400,
        "timezone": "JST",
        "exchangeTimezoneName": "Asia/Tokyo",
        "dataGranularity": "1d",
        "range": "",
        "validRanges": ["1d", "5d", "1mo", "max"],
    }
    events = {
        str(_nine(day)): {"date": _nine(day), "numerator": ratio, "denominator": 1, "splitRatio": f"{ratio:g}:1"}
        for day, ratio in (splits or {}).items()
        if day in days
    }
    result: dict[str, Any] = {
        "meta": meta,
        "timestamp": [_nine(day) for day in days],
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": [1.0 for _ in days]}]},
    }
    if events:
        result["events"] = {"splits": events}
    return json.dumps({"chart": {"result": [result], "error": None, **changed}}).encode()


def yahoo_error(said: str) -> bytes:
    """Yahoo's error, as a chart."""
    return json.dumps({"chart": {"result": None, "error": {"code": "Bad Request", "description": said}}}).encode()


def _nine(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())  # 00:00 UTC is 09:00 in Tokyo


def _reversed(body: bytes) -> bytes:
    """J-Quants' bars with their names in the opposite order."""
    return json.dumps({"data": [dict(reversed(bar.items())) for bar in json.loads(body)["data"]]}).encode()


@dataclass(frozen=True)
class Publisher:
    """A source, and its hand-made answers.

    Attributes
    ----------
    source, series : str
    path : str
        What is asked for.
    body : callable
        Rows of the first n days -> a good answer.
    column : str
        Whose values are `values`.
    days : tuple of str
        Days in the file of the market.
    values : tuple of float
    swapped : bytes or None
        The first two days with the columns in another order; None where they have no order.
    foreign : bytes
        With a column nobody knows.
    nothing : tuple of bytes and int
        Body and status where there is nothing new.
    in_words : tuple of bytes and str
        An error with status 200, and what of it must be shown.
    other_encoding : bytes
        Text in an encoding that the source does not use.
    passes : bool
        Whether `in_words` is tried again.
    """

    source: str
    series: str
    path: str
    body: Callable[[int], bytes]
    column: str
    values: tuple[float, ...]
    swapped: bytes | None
    foreign: bytes
    nothing: tuple[bytes, int]
    in_words: tuple[bytes, str]
    other_encoding: bytes
    days: tuple[str, ...] = DAYS


_CLOSES = tuple(bar[3] for bar in BARS.values())
_MONTHS = ("2023-12", "2024-01", "2024-02", "2024-03")
_ASSETS = {"2023-12": 7500000.0, "2024-01": 7510000.0, "2024-02": 7520000.0, "2024-03": 7530000.0}
_NO_DATA = {"RESULTSET": [], "MESSAGEID": "M181030I"}
_BAD = {"STATUS": 400, "MESSAGEID": "M181005E", "MESSAGE": "DB名が正しくありません。", "RESULTSET": []}
_APIKEY = b"Get your apikey:\r\n1. Open https://stooq.com/q/d/?s=^nkx&get_apikey\r\n"

PUBLISHERS = (
    Publisher(
        source="nikkei",
        series="n225",
        path="/nkave/historical/nikkei_stock_average_daily_jp.csv",
        body=lambda n: nikkei(DAYS[:n]),
        column="close",
        values=_CLOSES,
        swapped=nikkei(DAYS[:2], order="安値,データ日付,高値,終値,始値"),
        foreign=nikkei(DAYS[:2]).replace("終値".encode("cp932"), "出来高".encode("cp932")),
        nothing=(nikkei([]), 200),
        in_words=("ただいまメンテナンス中です".encode("cp932"), "ただいまメンテナンス中です"),
        other_encoding=nikkei(DAYS[:2]).decode("cp932").encode("utf-16"),
    ),
    Publisher(
        source="fred",
        series="usdjpy",
        path="/graph/fredgraph.csv",
        body=lambda n: fred(DAYS[:n]),
        column="close",
        values=_CLOSES,
        swapped=fred(DAYS[:2], order="DEXJPUS,observation_date"),
        foreign=fred(DAYS[:2]).replace(b"DEXJPUS", b"DEXUSEU"),
        nothing=(fred([]), 200),
        in_words=(b"The series you requested has been moved", "The series you requested has been moved"),
        other_encoding=fred(DAYS[:2]).decode().encode("utf-16"),
    ),
    Publisher(
        source="stooq",
        series="n225",
        path="/q/d/l/",
        body=lambda n: stooq(DAYS[:n]),
        column="close",
        values=_CLOSES,
        swapped=stooq(DAYS[:2], order="Volume,Close,Low,High,Open,Date"),
        foreign=stooq(DAYS[:2]).replace(b"Close", b"Price"),
        nothing=(b"No data", 200),
        in_words=(_APIKEY, "Get your apikey"),
        other_encoding=stooq(DAYS[:2]).decode().encode("utf-16"),
    ),
    Publisher(
        source="yahoo",
        series="etf_1321",
        path="/v8/finance/chart/1321.T",
        body=lambda n: yahoo(DAYS[:n]),
        column="close",
        values=_CLOSES,
        swapped=None,
        foreign=json.dumps({"spark": {"result": []}}).encode(),
        nothing=(yahoo_error("Data doesn't exist for startDate = 1714662000, endDate = 1715180400"), 400),
        in_words=(yahoo_error("Internal trouble"), "Internal trouble"),
        other_encoding=yahoo(DAYS[:2]).decode().encode("utf-16"),
    ),
    Publisher(
        source="boj",
        series="boj_assets",
        path="/api/v1/getDataCode",
        body=lambda n: boj(_MONTHS[:n], _ASSETS),
        column="total_assets_100m_yen",
        values=tuple(_ASSETS.values()),
        swapped=None,
        foreign=boj(_MONTHS[:2], _ASSETS).replace(b"100 million yen", b"billion yen"),
        nothing=(boj([], _ASSETS, **_NO_DATA), 200),
        in_words=(boj([], _ASSETS, **_BAD), "DB名が正しくありません"),
        other_encoding=json.dumps(json.loads(boj([], _ASSETS, **_BAD)), ensure_ascii=False).encode("cp932"),
        days=("2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31"),
    ),
    Publisher(
        source="jquants",
        series="etf_1321",
        path="/v2/equities/bars/daily",
        body=lambda n: jquants(DAYS[:n]),
        column="close",
        values=_CLOSES,
        swapped=_reversed(jquants(DAYS[:2])),
        foreign=jquants(DAYS[:2]).replace(b'"C":', b'"Close":'),
        nothing=(b'{"data": []}', 200),
        in_words=(b'{"message": "Your subscription ended"}', "Your subscription ended"),
        other_encoding=jquants(DAYS[:2]).decode().encode("utf-16"),
    ),
)
