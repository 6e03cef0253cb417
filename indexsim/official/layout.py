"""What a module of layouts offers: which sheets are its own, and how one is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from indexsim.errors import DataError, Finding, ToolError
from indexsim.official import identity
from indexsim.official.reading import STOCKS, Reading, by_day, in_order, refuse_sparse, typed
from indexsim.official.sheet import Sheet
from indexsim.official.words import CODE
from indexsim.schema import FILES

#: Columns of a file of a market that holds one series.
PRICES = ("open", "high", "low", "close", "volume")
#: Share of the closes that may be wrong in a file which a series fits else.
_FEW = 0.02


@dataclass(frozen=True)
class Hints:
    """What helps to tell a series.

    Attributes
    ----------
    chosen : str
        The kind that the user named for the file: a layout, a series or a code; "" for none.
    known : mapping of series to Series
        Closes of series that are certain.
    """

    chosen: str = ""
    known: Mapping[str, pd.Series] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """A layout of files.

    Attributes
    ----------
    name : str
        As ``--as`` takes it.
    what : str
        In words.
    recognise : callable Sheet -> bool
    read : callable (Sheet, Hints) -> Reading
    """

    name: str
    what: str
    recognise: Callable[[Sheet], bool]
    read: Callable[[Sheet, Hints], Reading]


class AmbiguousFile(ToolError):  # noqa: N818 (a refusal named by what it refuses)
    """A file of which one reading is as good as another."""


def ambiguous(file: str, readings: Sequence[str], options: Sequence[str]) -> AmbiguousFile:
    """Return the error for a file with several readings, or with none that is certain."""
    todo = " or ".join(f"--as {option}" for option in options)
    return AmbiguousFile(
        asked=f"import {file}",
        found=f"it can be read as {', or as '.join(readings)}",
        rule="a file is taken for what its content alone says",
        todo=f"say which: {todo}",
    )


def one_series(sheet: Sheet, body: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    """Return the prices of a sheet that holds one series, by day, held against each other.

    Returns
    -------
    frame : DataFrame
        ``open``, ``high``, ``low``, ``close``, ``volume`` as far as there are such columns.
    findings : list of Finding
    """
    frame, findings = typed(body, sheet.name, PRICES)
    frame = by_day(frame.drop(columns="code", errors="ignore"), sheet.name, findings)
    blank = frame["close"].isna()
    findings += blanks(frame[[c for c in PRICES[:4] if c in frame]], sheet.name)
    frame = frame[~blank]
    if frame.empty:
        raise DataError([Finding(sheet.name, "", "close", "file-has-rows", "no close in it")], f"import {sheet.name}")
    refuse_sparse(pd.DatetimeIndex(frame.index), sheet.name)
    in_order(frame, sheet.name, findings)
    return frame, findings


def blanks(frame: pd.DataFrame, file: str) -> list[Finding]:
    """Return a warning for each column with blank cells, which are unknown."""
    found = []
    for column in frame:
        days = frame.index[frame[column].isna()]
        if len(days) and len(days) < len(frame):
            row = f"{days[0]:%Y-%m-%d}" + (f"..{days[-1]:%Y-%m-%d}" if len(days) > 1 else "")
            said = f"blank on {len(days)} of {len(frame)} days: unknown"
            found.append(Finding(file, row, str(column), "cell-blank", said, "warning"))
    return found


def which(sheet: Sheet, closes: pd.Series, hints: Hints, among: Sequence[str] = ()) -> str:
    """Return the series of closes: what the user named, else the only one that fits.

    Parameters
    ----------
    among : sequence of str
        The series that the layout can hold; none is any.

    Raises
    ------
    AmbiguousFile
        Several fit, or none.
    """
    if hints.chosen in FILES or CODE.fullmatch(hints.chosen):
        return hints.chosen
    fits = [name for name in identity.fitting(closes, hints.known) if not among or name in among]
    # What trades in ticks can be any share: only a fund beside its index is certain.
    certain = [name for name in fits if name in identity.FUNDS or among or not identity.in_ticks(closes)]
    if len(certain) == 1:
        return certain[0]
    if identity.in_ticks(closes) and not among:
        could = list(dict.fromkeys([*fits, *identity.FUNDS]))
        raise ambiguous(sheet.name, [*could, "a share of unknown code"], [*could, "CODE, as 7203"])
    if fits:
        raise ambiguous(sheet.name, fits, fits)
    options = among or ("n225", "topix", "nikkei_vi", "usdjpy")
    raise ambiguous(sheet.name, [_why_not(name, closes) for name in options], options)


def _why_not(series: str, closes: pd.Series) -> str:
    """Return a series with what speaks against it: a few closes by day, or all of them."""
    outside = identity.outside(series, closes)
    if not 0 < len(outside) <= max(1, _FEW * len(closes)):
        return f"{series} (its values fit no range that is known of these years)"
    shown = ", ".join(f"{value:g} on {day:%Y-%m-%d}" for day, value in outside.iloc[:3].items())
    return f"{series} (but for {len(outside)} of {len(closes)} closes: {shown})"


def out_of_range(series: str, closes: pd.Series, file: str) -> list[Finding]:
    """Warn of a series whose values are not what it was in these years, as far as that is known."""
    if not identity.known_years(series, closes) or identity.within(series, closes):
        return []
    found = f"from {closes.min():g} to {closes.max():g}: not what {series} was in these years"
    return [Finding(file, "", "close", "series-in-range", found, "warning")]


def as_file(series: str, frame: pd.DataFrame, file: str) -> dict[str, pd.DataFrame]:
    """Return prices of one series as the file of a market, or as contents of one stock.

    Parameters
    ----------
    series : str
        Name of a file, or the code of a stock.
    frame : DataFrame
        As `one_series` returns it.
    file : str
        Where it comes from.

    Raises
    ------
    DataError
        A price is not above zero, where those of the series are.
    """
    if series not in FILES or all(c.kind != "number" for c in FILES[series].columns):
        positive(frame, file)
    if CODE.fullmatch(series):
        return {STOCKS: frame.assign(code=series).reset_index()}
    if series == "total_return":
        return {series: frame[["close"]].rename(columns={"close": "tr"})}
    schema = FILES[series]
    return {series: frame[[c.name for c in schema.columns if c.name in frame]]}


def positive(frame: pd.DataFrame, file: str) -> None:
    """Refuse prices at or below zero."""
    for column in (name for name in PRICES[:4] if name in frame):
        bad = frame[frame[column] <= 0]
        if len(bad):
            found = f"{bad[column].iloc[0]:g} in {len(bad)} rows"
            raise DataError([Finding(file, "", column, "price-above-zero", found)], f"import {file}")
