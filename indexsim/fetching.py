"""Real data from its sources into a market folder: new sessions only, all of them or none.

Everything is asked for before anything is written, so whatever goes wrong, also Ctrl-C, leaves the folder as it was;
the same command then goes on from the answers it has. A number that the folder has already is never replaced unasked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from indexsim import sessions
from indexsim.errors import DataError, SpecError, unknown_name
from indexsim.gate import read_table
from indexsim.schema import FILES
from indexsim.shelf import changing, ending_of, put, refuse_unfit
from indexsim.sources import SOURCES, Source, SourceError, Wanted
from indexsim.sources.answers import NoAnswer
from indexsim.sources.cache import Cache, user_cache
from indexsim.sources.http import Client
from indexsim.sources.merging import ON_CONFLICT, Conflict, Merged, merge
from indexsim.sources.screening import Screened, screen
from indexsim.sources.source import Frames

Tell = Callable[[str], None]

#: The word for every code that the market's `closes` hold.
CODES = "codes"
#: Variable that names another server for a source, after which its name stands.
BASE = "NIKKEI_FETCH_BASE_"
_CODE = re.compile(r"[0-9][0-9A-Z][0-9][0-9A-Z]")
_TOKYO = ZoneInfo("Asia/Tokyo")


@dataclass(frozen=True)
class Took:
    """What a source gave for a file.

    Attributes
    ----------
    file : str
        Source, and its own name of the series.
    into : str
        File of the market; with the code, for one of many stocks.
    days : DatetimeIndex
        Days that were new.
    """

    file: str
    into: str
    days: pd.DatetimeIndex


@dataclass(frozen=True)
class Fetched:
    """What a fetch did to a market folder.

    Attributes
    ----------
    took : tuple of Took
    conflicts : tuple of Conflict
    left_out : tuple of (file, date, why)
        Rows that a source gave and that were not taken.
    gaps : tuple of (file, first, last)
        Days between the last row a file had and the first one given, with sessions in them.
    """

    took: tuple[Took, ...]
    conflicts: tuple[Conflict, ...]
    left_out: tuple[tuple[str, str, str], ...]
    gaps: tuple[tuple[str, str, str], ...]


def fetch(
    source: str,
    into: Path,
    *,
    series: Sequence[str] = (),
    since: date | None = None,
    on_conflict: str = "leave",
    now: datetime | None = None,
    tell: Tell = lambda line: None,
    client: Client | None = None,
) -> Fetched:
    """Add what a source has and a market folder lacks.

    Parameters
    ----------
    source : str
        A name of `indexsim.sources.SOURCES`.
    into : Path
        The market; made where it is not there.
    series : sequence of str
        Series or codes; ``codes`` stands for those of the market's `closes`. Default: every series of the source.
    since : date, optional
        First day asked for. Default: the last one that the market knows of each series, or all there is.
    on_conflict : str
        What is done where both have a number and it differs (`indexsim.sources.merging.ON_CONFLICT`).
    now : datetime, optional
        With its zone. Rows that are not final by then are left out. Default: the clock.
    tell : callable
        Told how far it is.
    client : Client, optional
        Default: `new_client`.

    Raises
    ------
    SpecError
        For an unknown source, series or way with conflicts, with the nearest name.
    SourceError
        The source does not answer as it should, or wants a key.
    DataError
        The folder is in error already, or what the source gave would put it there.
    """
    if source not in SOURCES:
        raise unknown_name("source", source, SOURCES)
    if on_conflict not in ON_CONFLICT:
        raise unknown_name("way with conflicts", on_conflict, ON_CONFLICT)
    chosen, moment = SOURCES[source], (now or datetime.now(_TOKYO)).astimezone(_TOKYO).replace(tzinfo=None)
    refuse_unfit(into)
    market = _Market(into)
    wanted = _wanted(chosen, market, series, since, moment.date())
    client = client or new_client(source, tell=tell)
    try:
        answers = []
        for number, one in enumerate(wanted, 1):
            tell(f"{number} of {len(wanted)}: {one.series} from {source}")
            answers.append(_answer(chosen, client, one, moment))
    except SourceError as error:
        raise _without_keys(error, client.keys) from None
    try:
        fetched = _add(market, chosen, answers, on_conflict)
    except DataError:
        client.cache.settle()
        raise
    client.cache.settle()
    return fetched


def _answer(source: Source, client: Client, wanted: Wanted, now: datetime) -> Screened:
    """Return what may be added of an answer; one that is refused is not kept, so that the next command asks anew."""
    before = client.cache.used
    try:
        return screen(wanted, _within(wanted, source.read(client, wanted)), now)
    except NoAnswer:
        raise
    except SourceError:
        client.cache.settle(before)
        raise


def new_client(source: str, *, base: str | None = None, **how: object) -> Client:
    """Return the client of a source.

    Parameters
    ----------
    source : str
    base : str, optional
        Server that is asked in place of the source. Default: what the variable ``NIKKEI_FETCH_BASE_<SOURCE>`` says.
    **how
        As `Client` takes it.
    """
    base = base or os.environ.get(f"{BASE}{source.upper()}", "")
    bases = {official: base.rstrip("/") for official in SOURCES[source].bases} if base else {}
    keys = [value for one in SOURCES.values() if one.key and (value := os.environ.get(one.key, ""))]
    return Client(Cache(user_cache()), keys=keys, bases=bases, **how)  # type: ignore[arg-type]


def _wanted(source: Source, market: _Market, series: Sequence[str], since: date | None, today: date) -> list[Wanted]:
    """Return what to ask for, each series from the last day that the market knows of it."""
    names = list(dict.fromkeys(_names(source, market, series)))
    ids = {name: source.series.get(name) or source.code(name) for name in names}  # type: ignore[misc]
    key = os.environ.get(source.key, "") if source.key else ""
    if source.needs_key and not key:
        raise SourceError(
            asked=f"fetch from {source.name}",
            found=f"the variable {source.key} is not set",
            rule=f"{source.name} needs a key, which is taken from the environment alone",
            todo=f"export {source.key}=KEY",
        )
    return [Wanted(name, ids[name], since or _last_known(market, name), today, key) for name in names]


def _names(source: Source, market: _Market, series: Sequence[str]) -> Iterable[str]:
    for name in series or source.series:
        if name == CODES and source.code:
            yield from _codes_of(market)
        elif name in source.series or (source.code and _CODE.fullmatch(name)):
            yield name
        elif name in source.lacks:
            raise SpecError(
                asked=f"fetch {name} from {source.name}",
                found=source.lacks[name],
                rule=f"{source.name} gives {', '.join(source.series)}",
                todo="take another source",
            )
        else:
            raise unknown_name(f"series of {source.name}", name, [*source.series, *([CODES] if source.code else [])])


def _codes_of(market: _Market) -> list[str]:
    codes = [str(code) for code in market.frame("closes").columns]
    if not codes:
        raise SpecError(
            asked=f"fetch the codes of {market.folder}",
            found="it has no closes",
            rule="codes are the columns of closes",
            todo="name them with --series, as 7203 6758",
        )
    return codes


class _Market:
    """The files of a market as they are, each read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, pd.DataFrame] = {}

    def frame(self, file: str) -> pd.DataFrame:
        """Return a file; without rows where there is none.

        Raises
        ------
        DataError
            It has errors: to write it anew would remove them unseen.
        """
        if file not in self._read:
            self._read[file] = self._checked(file)
        return self._read[file]

    def _checked(self, file: str) -> pd.DataFrame:
        ending = ending_of(self.folder, file)
        if ending is None:
            return pd.DataFrame(index=pd.DatetimeIndex([], name="date"))
        frame, findings = read_table(self.folder / f"{file}{ending}", FILES[file])
        errors = [finding for finding in findings if finding.severity == "error" and not finding.waivable]
        if errors:
            raise DataError(errors, asked=f"add to {self.folder}")
        return frame


def _last_known(market: _Market, name: str) -> date | None:
    file = name if name in FILES else "closes"
    have = market.frame(file)
    rows = have.dropna(how="all") if name in FILES else have[name].dropna() if name in have else have.iloc[:0]
    return rows.index[-1].date() if len(rows) else None


def _within(wanted: Wanted, frames: Frames) -> Frames:
    """Cut what was not asked for: some sources give whole files."""
    first = pd.Timestamp(wanted.since) if wanted.since else pd.Timestamp.min
    return {file: frame[frame.index >= first] for file, frame in frames.items()}


def _add(market: _Market, source: Source, answers: Sequence[Screened], on_conflict: str) -> Fetched:
    """Merge the answers into the files of the market, and write those that change."""
    took: list[Took] = []
    conflicts: list[Conflict] = []
    gaps: list[tuple[str, str, str]] = []
    left_out = [row for answer in answers for row in answer.left_out]
    changed: dict[str, pd.DataFrame] = {}
    for file in dict.fromkeys(file for answer in answers for file in answer.frames):
        givers = [answer for answer in answers if file in answer.frames]
        given = pd.concat([answer.frames[file] for answer in givers], axis=1).sort_index()
        gaps += _gap(file, market.frame(file), given)
        merged = merge(file, market.frame(file), given, on_conflict, FILES[file].wide)
        took += [_took(source, answer, file, merged) for answer in givers]
        conflicts += merged.conflicts
        if merged.changed.to_numpy().any():
            changed[file] = merged.frame
            left_out += _unread(market.folder, file)
    if changed:
        with changing(market.folder) as fresh:
            put(fresh, changed)
    return Fetched(tuple(took), tuple(conflicts), tuple(left_out), tuple(gaps))


def _unread(into: Path, file: str) -> list[tuple[str, str, str]]:
    """Return the columns and rows of a file that nobody reads, and that are gone when it is written anew."""
    ending = ending_of(into, file)
    if ending is None:
        return []
    path, schema = into / f"{file}{ending}", FILES[file]
    frame = pd.read_parquet(path) if ending == ".parquet" else pd.read_csv(path, nrows=0)
    unread = [] if schema.wide else [str(name) for name in frame if schema.column(str(name)) is None]
    closed = [finding.row for finding in read_table(path, schema)[1] if finding.rule == "not-a-session"]
    return [
        *((file, "", f"the file is written without its column {name}, which nobody reads") for name in unread),
        *((file, day, "the file is written without this row, which is on no session") for day in closed),
    ]


def _took(source: Source, answer: Screened, file: str, merged: Merged) -> Took:
    wanted = answer.wanted
    into = file if file == wanted.series else f"{file} {wanted.series}"
    return Took(f"{source.name} {wanted.id}", into, merged.days(answer.frames[file].columns))


def _gap(file: str, have: pd.DataFrame, given: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return the days between what a daily file had and what was given, where there are sessions in them."""
    if not FILES[file].daily or FILES[file].wide or not len(have) or not len(given) or given.index[0] <= have.index[-1]:
        return []
    table = sessions.all_sessions()
    between = table[(table > have.index[-1]) & (table < given.index[0])]
    return [(file, f"{between[0]:%Y-%m-%d}", f"{between[-1]:%Y-%m-%d}")] if len(between) else []


def _without_keys(error: SourceError, keys: Iterable[str]) -> SourceError:
    """Return an error without keys, which a server may repeat in what it says."""
    parts: Mapping[str, str] = {"asked": error.asked, "found": error.found, "rule": error.rule, "todo": error.todo}
    for key in keys:
        parts = {name: text.replace(key, "(key)") for name, text in parts.items()}
    return SourceError(**parts)
