"""Which page a folder has, and how it is drawn again from what is stored there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from backtests.report.gallery import TWIN
from backtests.version import REPORTS
from indexsim.errors import MissingData


def redraw(folder: Path) -> Path:
    """Draw the page of a stored run, sweep, audit of claims or index again, and return it.

    Raises
    ------
    MissingData
        Nothing of the kind is stored there.
    SpecError
        It is stored and cannot be drawn: a sweep that is not finished, or what an older version wrote.
    """
    for name, draw in _DRAWN.items():
        if (folder / name).is_file():
            return draw(folder)
    raise MissingData(
        asked=f"report {folder}",
        found="no stored run, sweep, claims or index there",
        rule=f"the folder of a page holds one of {', '.join(_DRAWN)}",
        todo="name a folder under reports/",
    )


def refresh_gallery(reports: Path) -> None:
    """Write the gallery of a folder again where it has one, or is that of the clone.

    A page may go into any folder, whose neighbours are nobody's to list.
    """
    from backtests.report import write_gallery

    if (reports / TWIN).is_file() or reports.resolve() == REPORTS:
        write_gallery(reports)


def _run(folder: Path) -> Path:
    from backtests.report import report_folder

    report_folder(folder)
    return folder / "index.html"


def _sweep(folder: Path) -> Path:
    from backtests.sweeps.page import write_page

    return write_page(folder)


def _claims(folder: Path) -> Path:
    from backtests.claims.page import draw

    return draw(folder)


def _index(folder: Path) -> Path:
    from backtests.report.rebuilt.page import draw

    return draw(folder)


#: File that says what a folder holds -> what draws its page.
_DRAWN: dict[str, Callable[[Path], Path]] = {
    "facts.json": _run,
    "plan.json": _sweep,
    "claims.json": _claims,
    "index.json": _index,
}
