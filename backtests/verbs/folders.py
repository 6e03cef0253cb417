"""The verbs of a market folder's life: ``data``, ``convert``, ``merge`` and ``cut``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from backtests.claims.catalogue import catalogue
from backtests.claims.gather import gather
from backtests.runnable import of_claims, of_specs
from backtests.spec import Spec, load_spec
from backtests.verbs.catalogue import shipped
from backtests.verbs.shared import Answer, Folders, about, paths
from backtests.version import SPECS
from indexsim import reshape
from indexsim.errors import SpecError, unknown_name
from indexsim.market import MarketData
from indexsim.official.constituents import read_constituents

#: Formats by the word on the command line.
FORMATS = {"csv": ".csv", "parquet": ".parquet"}
_PREFER: tuple[reshape.Prefer, ...] = ("", "first", "last")


def data(folders: Folders, *, constituents: Path | str | None = None) -> Answer:
    """Return what a market can run: each shipped strategy with its defaults, each spec, each claim.

    Parameters
    ----------
    constituents : path, optional
        A folder of single stocks, which some claims read (`claims`).

    Returns
    -------
    dict
        ``runnable`` [{name, kind, missing, without}]: it can run where ``missing`` is empty; ``without`` says what it
        then does not have.
    """
    market = MarketData.open(*paths(folders))
    long = read_constituents(Path(constituents)) if constituents is not None else None
    where = tuple(market.folder.paths)
    strategies = {
        name: Spec(name.replace(":", "-"), f"{c.__module__}:{c.__name__}", where) for name, c in shipped().items()
    }
    specs = {path.stem: load_spec(path) for path in sorted(SPECS.glob("*.toml"))}
    claims = catalogue()
    held = gather({name for claim in claims for name in claim.inputs}, market, long)
    found = [*of_specs(market, strategies, "strategy"), *of_specs(market, specs, "spec"), *of_claims(claims, held)]
    return {"runnable": [each.answer() for each in found], **about(market)}


def convert(folder: Path | str, to: str, *, out: Path | str | None = None) -> Answer:
    """Write a market folder as CSV or as Parquet, in its place or as a new folder.

    Parameters
    ----------
    to : {"csv", "parquet"}
    out : path, optional
        A new folder; None changes the folder itself, once every new file says what the old one says.

    Returns
    -------
    dict
        ``path``, ``converted`` (names of files).
    """
    if to not in FORMATS:
        raise unknown_name("format", to, FORMATS)
    names = reshape.convert(Path(folder), FORMATS[to], None if out is None else Path(out))
    path = Path(out or folder)
    return {"path": str(path), "to": to, "converted": list(names), **about(MarketData.open(path))}


def merge(folders: Sequence[Path | str], out: Path | str, *, rows: bool = False, prefer: str = "") -> Answer:
    """Write several market folders as one.

    Parameters
    ----------
    rows : bool
        Join the rows of the files of one name, instead of taking the last folder's file whole.
    prefer : {"", "first", "last"}
        With `rows`, whose value counts where two folders differ; "" writes nothing then.

    Returns
    -------
    dict
        ``path`` (null with ``why`` where nothing was written), ``files`` [{file, from, unread}],
        ``disagreements`` [{file, row, column, one, other, folder}].
    """
    if prefer not in _PREFER:
        raise unknown_name("side to prefer", prefer, _PREFER[1:])
    if prefer and not rows:
        raise SpecError(
            asked=f"prefer the {prefer} folder",
            found="folders layered by whole file",
            rule="by whole file the last folder wins; --prefer is for --rows",
            todo="add --rows, or leave --prefer out",
        )
    named = [Path(folder) for folder in folders]
    if not rows:
        taken = reshape.layered(named, Path(out))
        files = [{"file": name, "from": [str(folder)], "unread": []} for name, folder in taken.items()]
        return {"path": str(out), "files": files, "disagreements": [], **about(MarketData.open(out))}
    sources, found = reshape.rowwise(named, Path(out), next(p for p in _PREFER if p == prefer))
    files = [
        {"file": name, "from": list(map(str, each)), "unread": _unread(name, each)} for name, each in sources.items()
    ]
    answer: Answer = {"files": files, "disagreements": [d.as_dict() for d in found]}
    if found and not prefer:
        why = "the folders disagree, and nothing says which one counts"
        return {"path": None, "why": why, **answer, **about(MarketData.open(*named))}
    return {"path": str(out), **answer, **about(MarketData.open(out))}


def _unread(name: str, folders: Sequence[Path]) -> list[str]:
    """Return the columns that joining left out, as the schema does not name them."""
    if len(folders) < 2:
        return []
    return list(dict.fromkeys(column for folder in folders for column in reshape.unread_columns(folder, name)))


def cut(folder: Path | str, out: Path | str, *, start: date | None = None, end: date | None = None) -> Answer:
    """Write the part of a market from a day to a day; the index of the part is that of the whole.

    Parameters
    ----------
    start, end : date, optional
        Both included; None is where the market begins or ends.

    Returns
    -------
    dict
        ``path``, ``from``, ``to``, ``files`` [{file, rows}], ``left_out`` (files without a row in the part),
        ``same_index_on`` (sessions compared; null with ``why`` where there are no constituents).
    """
    if start is None and end is None:
        raise SpecError(
            asked=f"cut {folder}", found="no day", rule="a cut has a first or a last day", todo="give --from or --to"
        )
    made = reshape.cut(Path(folder), start or date.min, end or date.max, Path(out))
    files = [{"file": name, "rows": rows} for name, rows in made.files.items()]
    answer: Answer = {"path": str(out), "files": files, "left_out": list(made.left_out)}
    answer["same_index_on"] = made.sessions
    if made.sessions is None:
        answer["why"] = "no closes, factors and divisors to rebuild the index from"
    return {**answer, **about(MarketData.open(out))}
