"""A file is taken for the one layout that its content fits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from indexsim.errors import SpecError, nearest
from indexsim.gate import ENDINGS
from indexsim.official import boj, fred, jpx, longs, nikkei, vendors
from indexsim.official.layout import Hints, Layout, ambiguous
from indexsim.official.own import read_own, schema_of
from indexsim.official.reading import Reading, say_cut
from indexsim.official.sheet import Sheet, read_sheet, refused
from indexsim.official.words import CODE
from indexsim.schema import FILES

#: Every layout; where one is a special case of another it stands first in its module.
LAYOUTS: tuple[Layout, ...] = (
    *boj.LAYOUTS,
    *fred.LAYOUTS,
    *nikkei.LAYOUTS,
    *jpx.LAYOUTS,
    *longs.LAYOUTS,
    *vendors.LAYOUTS,
)
#: Layouts that take what no other does.
_LAST = {layout.name for layout in vendors.LAYOUTS}


def check_kind(kind: str) -> None:
    """Raise `SpecError` for a kind that is no layout, no file of a market and no code."""
    known = [*(layout.name for layout in LAYOUTS), *FILES]
    if kind not in known and not CODE.fullmatch(kind):
        raise SpecError(
            asked=f"import as {kind!r}",
            found="there is no such kind",
            rule=f"layouts ({', '.join(known[: len(LAYOUTS)])}), files of a market, or the code of a stock",
            todo=nearest(kind, known) if nearest(kind, known).startswith("did") else "choose one of these",
        )


def read_file(path: Path, hints: Hints, label: str) -> Reading:
    """Return what a file says.

    Parameters
    ----------
    path : Path
    hints : Hints
    label : str
        What the file is called in answers and errors.

    Raises
    ------
    ToolError
        It is no table, no layout fits it, or several do.
    """
    data = _bytes(path)
    if data.startswith(b"PAR1"):
        return replace(_parquet(path), file=label)
    sheet = read_sheet(label, data)
    header = tuple(cell for cell in _header(sheet) if cell)
    schema = schema_of(path, header, hints.chosen if hints.chosen in FILES else "")
    plain_csv = path.suffix in ENDINGS
    if schema is not None and plain_csv:
        return say_cut(replace(read_own(path, schema, sheet), file=label), sheet)
    return say_cut(_layout(sheet, hints).read(sheet, hints), sheet)


def _header(sheet: Sheet) -> list[str]:
    if sheet.header_row < 0:
        return []
    return [cell if isinstance(cell, str) else "" for cell in sheet.cells.iloc[sheet.header_row]]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise refused(path.name, error.strerror or "cannot be read", "a file that can be read", "check it") from None


def _parquet(path: Path) -> Reading:
    stem = path.name.split(".")[0]
    if stem not in FILES or path.suffix != ".parquet":
        rule = "Parquet is read where it is a file of a market by name (data/README.md)"
        raise refused(path.name, "Parquet of a name that is none of a market's", rule, "save it as CSV")
    return read_own(path, FILES[stem], None)


def _layout(sheet: Sheet, hints: Hints) -> Layout:
    fits = [layout for layout in LAYOUTS if layout.recognise(sheet)]
    named = {layout.name: layout for layout in LAYOUTS}.get(hints.chosen)
    if named in fits:
        return named
    if named is not None:
        could = ", ".join(f"--as {layout.name}" for layout in fits) or "correct its header"
        raise refused(sheet.name, f"its columns are not those of a {named.what}", "a kind has its columns", could)
    special = [layout for layout in fits if layout.name not in _LAST] or fits[:1]
    if len(special) == 1:
        return special[0]
    if special:
        raise ambiguous(sheet.name, [layout.what for layout in special], [layout.name for layout in special])
    shown = ", ".join(name for name in sheet.header if name)[:120]
    raise refused(
        sheet.name,
        f"columns {shown}" if shown else "no header",
        "the layouts are those of Nikkei, JPX, the Bank of Japan, FRED, Stooq, Yahoo, J-Quants, long prices, and "
        "data/README.md",
        "name the file with --as KIND if it is one of these, or write it as data/README.md describes",
    )
