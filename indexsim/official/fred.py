"""CSV of FRED: a column of days and one for each series, a point or nothing where a day has no value."""

from __future__ import annotations

import pandas as pd

from indexsim.errors import nearest
from indexsim.official.cells import days_of, numbers_of
from indexsim.official.layout import Hints, Layout, out_of_range
from indexsim.official.reading import OTHER, PUBLISHER, Reading, by_day
from indexsim.official.sheet import Sheet, refused
from indexsim.schema import FILES

#: Series whose values are of a whole month or of its end, under its first day.
_MONTHLY = frozenset({"JPNASSETS", "IRLTLT01JPM156N", "IRSTCI01JPM156N", "IR3TIB01JPM156N"})
#: Series of FRED -> file, column, what its numbers are multiplied by.
SERIES: dict[str, tuple[str, str, float]] = {
    "NIKKEI225": ("n225", "close", 1.0),
    "DEXJPUS": ("usdjpy", "close", 1.0),
    "SP500": ("sp500", "close", 1.0),
    "DCOILWTICO": ("oil", "close", 1.0),
    "JPNASSETS": ("boj_assets", "total_assets_100m_yen", 1.0),
    "JPNNGDP": ("gdp", "gdp_bn_yen_saar", 1.0),
    "IRLTLT01JPM156N": ("jgb_yields", "y10", 1.0),
    "IRSTCI01JPM156N": ("rates", "rate", 0.01),
    "IR3TIB01JPM156N": ("rates", "rate", 0.01),
}
_DAYS = ("date", "observationdate")


def _ids(sheet: Sheet) -> list[str]:
    return [name.upper() for name in sheet.header[1:] if name]


def _is_fred(sheet: Sheet) -> bool:
    ids = _ids(sheet)
    return bool(ids) and sheet.header[0] in _DAYS and (sheet.header[0] == "observationdate" or set(ids) <= set(SERIES))


def _fred(sheet: Sheet, hints: Hints) -> Reading:
    ids = _ids(sheet)
    for name in ids:
        if name not in SERIES:
            known = ", ".join(SERIES)
            raise refused(sheet.name, f"the series {name} of FRED", f"{known} have a place", nearest(name, SERIES))
    body = sheet.body()
    days = days_of(body.iloc[:, 0], sheet.name).astype("datetime64[us]")
    frame = pd.DataFrame({"date": days}, index=body.index)
    findings = []
    for name in ids:
        values, found = numbers_of(body[name.casefold()], sheet.name, name)
        frame[name] = values
        findings += found
    frame = by_day(frame, sheet.name, findings)
    frames: dict[str, pd.DataFrame] = {}
    for name in ids:
        file, column, scale = SERIES[name]
        one = frame[[name]].dropna().rename(columns={name: column})
        if name in _MONTHLY:  # at its first day no one knew what a month would bring
            one.index = pd.DatetimeIndex(one.index).to_period("M").to_timestamp(how="end").normalize().as_unit("us")
        one = one if scale == 1.0 else (one * scale).round(12)
        if _kind(file, column) in ("price", "amount") and (one[column] <= 0).any():
            raise refused(sheet.name, f"{one[column].min():g} in {name}", "a price is above zero", "get the file again")
        findings += out_of_range(file, one[column], sheet.name) if column == "close" else []
        if file in frames:
            raise refused(sheet.name, f"two series for {file}", "one source for a column", "leave one of them out")
        frames[file] = one
    # The Bank's assets and the GDP are official figures that FRED repeats; so are its own series of the dollar.
    rank = OTHER if set(frames) & {"n225", "sp500"} else PUBLISHER
    return Reading(sheet.name, f"FRED: {', '.join(ids)}", rank, frames, tuple(findings), "none")


def _kind(file: str, column: str) -> str:
    found = FILES[file].column(column)
    return "" if found is None else found.kind


LAYOUTS = (Layout("fred", "series of FRED", _is_fred, _fred),)
