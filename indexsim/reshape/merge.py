"""Several market folders as one: by whole file, as ``--market`` layers them, or row by row."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from indexsim import gate, shelf
from indexsim.errors import DataError, SpecError
from indexsim.market import Folder
from indexsim.reshape.events import continued
from indexsim.schema import FILES, FileSchema
from indexsim.ticks import copy_ticks, tick_files

Prefer = Literal["", "first", "last"]


@dataclass(frozen=True, order=True)
class Disagreement:
    """A cell of which two folders say different things.

    Attributes
    ----------
    file, row, column : str
        The row as its key, dates as ISO days.
    one, other : str
        What stands there in the folders before, and in `folder`.
    folder : str
    """

    file: str
    row: str
    column: str
    one: str
    other: str
    folder: str

    def as_dict(self) -> dict[str, str]:
        """Return the disagreement as plain JSON values."""
        return asdict(self)


def layered(folders: Sequence[Path], out: Path) -> dict[str, Path]:
    """Write a folder of the files in force where some folders are layered: a later one wins by whole file.

    Returns
    -------
    dict of name to Path
        Folder that each file was taken from.

    Raises
    ------
    ToolError
        Fewer than two folders, synthetic and other ones, or an `out` that is not empty.
    """
    market = _opened(folders)
    with shelf.making(out, market) as fresh:
        for path in market.files.values():
            shutil.copyfile(path, fresh / path.name)
        copy_ticks({day: path for folder in folders for day, path in tick_files(folder).items()}, fresh)
    return {name: market.files[name].parent for name in sorted(market.files)}


def rowwise(
    folders: Sequence[Path], out: Path, prefer: Prefer = ""
) -> tuple[dict[str, list[Path]], tuple[Disagreement, ...]]:
    """Write a folder whose files have the rows of all folders.

    A cell that one folder leaves blank is taken from the others. Where two say different things, nothing is written
    unless it is said which one counts.

    Parameters
    ----------
    prefer : {"", "first", "last"}
        Whose value counts where two differ.

    Returns
    -------
    files : dict of name to list of Path
        Folders that each file came from.
    disagreements : tuple of Disagreement
        Every one; with any and no `prefer` there is no folder `out`.

    Raises
    ------
    DataError
        A file of several folders has errors, or events that do not follow on one another.
    ToolError
        As `layered` does.
    """
    _opened(folders)
    layers = {folder: Folder([folder]) for folder in folders}
    names = sorted({name for layer in layers.values() for name in layer.files})
    sources = {name: [folder for folder, layer in layers.items() if name in layer.files] for name in names}
    joined: dict[str, pd.DataFrame] = {}
    found: list[Disagreement] = []
    for name in (name for name in names if len(sources[name]) > 1):
        joined[name], said = _joined(name, {folder: layers[folder] for folder in sources[name]}, prefer)
        found += said
    ticks, said = _ticks(folders, prefer)
    found += said
    if found and not prefer:
        return sources, tuple(sorted(found))
    with shelf.making(out, *layers.values()) as fresh:
        for name in names:
            path = layers[sources[name][0]].files[name]
            if name in joined:
                shelf.write(fresh, name, joined[name], path.suffix)
            else:
                shutil.copyfile(path, fresh / path.name)
        copy_ticks(ticks, fresh)
    return sources, tuple(sorted(found))


def _ticks(folders: Sequence[Path], prefer: Prefer) -> tuple[dict[date, Path], list[Disagreement]]:
    """Return the ticks of all folders: those of a session are one file, and two of one session must be equal."""
    taken: dict[date, Path] = {}
    found = []
    for folder in folders:
        for day, path in tick_files(folder).items():
            if day in taken and not filecmp.cmp(taken[day], path, shallow=False):
                found.append(Disagreement("ticks", day.isoformat(), "", taken[day].name, path.name, str(folder)))
            taken[day] = path if day not in taken or prefer == "last" else taken[day]
    return taken, found


def unread_columns(folder: Path, name: str) -> tuple[str, ...]:
    """Return the columns of a file that the schema does not name: joining rows leaves them out."""
    schema, path = FILES[name], Folder([folder]).files[name]
    rows = gate.read_rows(path, schema)
    return () if schema.wide else tuple(str(c) for c in rows.columns if schema.column(str(c)) is None)


def _opened(folders: Sequence[Path]) -> Folder:
    if len({folder.resolve() for folder in folders}) < 2:
        raise SpecError(
            asked=f"merge {', '.join(map(str, folders))}",
            found=f"{len(set(folders))} folder",
            rule="two folders or more are merged",
            todo="name another folder",
        )
    market = Folder(folders)
    if errors := [f for f in market.about_files if f.severity == "error"]:
        raise DataError(errors, asked="merge folders")
    return market


def _joined(name: str, layers: Mapping[Path, Folder], prefer: Prefer) -> tuple[pd.DataFrame, list[Disagreement]]:
    """Return the rows of all layers of a file, by key, and where they differ."""
    if errors := [f for layer in layers.values() for f in layer.findings(name) if f.severity == "error"]:
        raise DataError(errors, asked=f"join the rows of {name}")
    schema = FILES[name]
    if not schema.key:
        return continued({str(folder): layer.frame(name) for folder, layer in layers.items()}), []
    frames = {str(folder): _keyed(layer.frame(name), schema) for folder, layer in layers.items()}
    whole = frames.pop(next(iter(frames)))
    found: list[Disagreement] = []
    for folder, frame in frames.items():
        found += _differences(name, whole, frame, folder)
        whole = frame.combine_first(whole) if prefer == "last" else whole.combine_first(frame)
    return _plain(whole, schema), found


def _keyed(frame: pd.DataFrame, schema: FileSchema) -> pd.DataFrame:
    """Return the rows by their key; a blank text is unknown, as a blank number is."""
    rows = frame if schema.date_indexed else frame.set_index(list(schema.key))
    texts = [str(c) for c in rows if rows[c].dtype == object or isinstance(rows[c].dtype, pd.StringDtype)]
    return rows.assign(**{c: rows[c].astype(object).where(rows[c] != "", np.nan) for c in texts})


def _plain(rows: pd.DataFrame, schema: FileSchema) -> pd.DataFrame:
    """Return rows as the gate reads them, columns in the order of the schema."""
    if schema.wide:
        return rows.sort_index()
    named = [c.name for c in schema.columns if c.name in rows]
    return rows.sort_index()[named] if schema.date_indexed else _ordered(rows.reset_index(), schema)


def _ordered(rows: pd.DataFrame, schema: FileSchema) -> pd.DataFrame:
    columns = [c.name for c in schema.columns if c.name in rows]
    return rows.sort_values(list(schema.key), kind="stable").reset_index(drop=True)[columns]


def _differences(name: str, one: pd.DataFrame, other: pd.DataFrame, folder: str) -> list[Disagreement]:
    """Return the cells that both frames fill, differently."""
    rows, columns = one.index.intersection(other.index), one.columns.intersection(other.columns)
    first, second = one.loc[rows, columns], other.loc[rows, columns]
    wrong = (first.notna() & second.notna() & (first != second)).to_numpy()
    return [
        Disagreement(
            name,
            _key(rows[row]),
            str(columns[column]),
            _cell(first.iat[row, column]),
            _cell(second.iat[row, column]),
            folder,
        )
        for row, column in zip(*wrong.nonzero(), strict=True)
    ]


def _key(label: object) -> str:
    parts = label if isinstance(label, tuple) else (label,)
    return ", ".join(_cell(part) for part in parts)


def _cell(value: object) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    return str(value)
