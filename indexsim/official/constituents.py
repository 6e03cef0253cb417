"""A folder of constituents: long prices, splits and dividends of many stocks, as public copies give them.

| file | columns |
|---|---|
| ``ohlcv_*_split_adjusted.csv[.gz]`` | date, code, open, high, low, close, volume; adjusted for every later split |
| ``ohlcv_*_raw.csv[.gz]`` | the same as traded |
| ``splits_*.csv`` | ex_date, code, ratio (new shares for an old one) |
| ``dividends_*.csv`` | ex_date, code, dividend_split_adjusted (yen a share) |

A kind may be absent, and may come in several files. Where two files of a kind have a row for the same key, that of
the file with the later name counts. A row whose price is no number is left out, and counted in `findings`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from indexsim.errors import DataError, Finding, MissingData

_PRICES = ("open", "high", "low", "close", "volume")
#: Frame -> pattern of its files, date column, columns kept.
_KINDS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "ohlcv": ("ohlcv_*_split_adjusted.csv*", "date", _PRICES),
    "ohlcv_raw": ("ohlcv_*_raw.csv*", "date", _PRICES),
    "splits": ("splits_*.csv*", "ex_date", ("ratio",)),
    "dividends": ("dividends_*.csv*", "ex_date", ("dividend_split_adjusted",)),
}
#: What a spreadsheet leaves in a cell it could not fill.
_NO_NUMBER = ("#VALUE!", "#N/A", "#REF!")
_ENDINGS = (".csv", ".csv.gz")


@dataclass(frozen=True)
class Constituents:
    """What a folder of constituents holds.

    Attributes
    ----------
    ohlcv, ohlcv_raw : DataFrame or None
        ``date``, ``code`` (text), ``open``, ``high``, ``low``, ``close`` (yen), ``volume`` (shares); by date and code.
    splits : DataFrame or None
        ``ex_date``, ``code``, ``ratio``.
    dividends : DataFrame or None
        ``ex_date``, ``code``, ``yen`` (a share, adjusted for later splits), ``file``: up to when it is adjusted
        depends on the file it came from.
    findings : tuple of Finding
        What was left out.
    fingerprint : str
        SHA-256 over names and bytes of the files read.
    """

    ohlcv: pd.DataFrame | None
    ohlcv_raw: pd.DataFrame | None
    splits: pd.DataFrame | None
    dividends: pd.DataFrame | None
    findings: tuple[Finding, ...]
    fingerprint: str

    def frames(self) -> dict[str, pd.DataFrame | None]:
        """Return the frames by name."""
        return {name: getattr(self, name) for name in _KINDS}


def read_constituents(folder: Path) -> Constituents:
    """Read a folder of constituents.

    Raises
    ------
    MissingData
        There is no such folder, or nothing of this layout in it.
    DataError
        A file lacks a column or has a date that is none.
    """
    files = {name: _files(folder, pattern) for name, (pattern, _, _) in _KINDS.items()}
    if not any(files.values()):
        raise MissingData(
            asked=f"read the constituents in {folder}",
            found="no such folder" if not folder.is_dir() else "no file of this layout in it",
            rule=f"the files are named {', '.join(pattern for pattern, _, _ in _KINDS.values())}",
            todo="name the folder that holds them with --constituents",
        )
    findings: list[Finding] = []
    frames = {name: _frame(name, paths, findings) for name, paths in files.items()}
    read = sorted({path for paths in files.values() for path in paths})
    return Constituents(**frames, findings=tuple(findings), fingerprint=_fingerprint(read))


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if path.name.endswith(_ENDINGS))


def _frame(name: str, paths: list[Path], findings: list[Finding]) -> pd.DataFrame | None:
    """Return the rows of every file of a kind, each key once, in the order of its keys."""
    if not paths:
        return None
    _, day, columns = _KINDS[name]
    frame = pd.concat([_one(path, day, columns, findings) for path in paths], ignore_index=True)
    frame = frame.drop_duplicates([day, "code"], keep="last").sort_values([day, "code"], kind="stable")
    if name == "dividends":
        return frame.rename(columns={"dividend_split_adjusted": "yen"}).reset_index(drop=True)
    return frame.drop(columns="file").reset_index(drop=True)


def _one(path: Path, day: str, columns: tuple[str, ...], findings: list[Finding]) -> pd.DataFrame:
    """Return the rows of one file whose numbers are numbers."""
    text = {day: str, "code": str}
    frame = pd.read_csv(path, dtype=text, na_values=list(_NO_NUMBER), keep_default_na=True, encoding="utf-8")
    absent = [column for column in (day, "code", *columns) if column not in frame.columns]
    if absent:
        raise DataError([Finding(path.name, "", ", ".join(absent), "column-is-there", "no such column")])
    dates = pd.to_datetime(frame[day], format="%Y-%m-%d", errors="coerce")
    if dates.isna().any():
        line = int(dates.isna().to_numpy().argmax()) + 2
        found = f"{frame[day].iloc[line - 2]!r} is no day"
        raise DataError([Finding(path.name, f"line {line}", day, "date-is-iso", found)])
    frame[day], frame["file"] = dates, path.name.split(".")[0]
    frame = frame[[day, "code", *columns, "file"]]
    priced = [column for column in columns if column != "volume"]
    numbers = frame[priced].apply(pd.to_numeric, errors="coerce")
    bad = numbers.isna().any(axis=1)
    if bad.any():
        days = ", ".join(sorted({f"{d:%Y-%m-%d}" for d in frame.loc[bad, day]})[:3])
        found = f"{int(bad.sum())} rows left out, on {days}"
        findings.append(Finding(path.name, "", "", "price-is-a-number", found, severity="warning"))
    kept: pd.DataFrame = frame.assign(**{column: numbers[column] for column in priced}).loc[~bad]
    return kept


def _fingerprint(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name}\0".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
