"""The verb ``fetch``: new sessions from a source into a market folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path

from backtests.sweeps.progress import Passing
from backtests.verbs.shared import Answer, about
from indexsim import fetching
from indexsim.errors import MissingData
from indexsim.market import MarketData


def fetch(
    source: str,
    into: Path | str,
    *,
    series: Sequence[str] = (),
    since: date | None = None,
    on_conflict: str = "leave",
    tell: Callable[[str], None] = lambda line: None,
) -> Answer:
    """Add to a market folder what a source has and the folder lacks.

    Parameters
    ----------
    source : str
        ``nikkei``, ``fred``, ``stooq``, ``yahoo``, ``boj`` or ``jquants``.
    into : Path or str
        The market; made where it is not there.
    series : sequence of str
        Series or codes; ``codes`` stands for those of the market's closes. Default: every series of the source.
    since : date, optional
        First day. Default: the last one that the folder knows of each series, or all there is.
    on_conflict : str
        ``leave`` a series that differs as it is, ``keep`` what differs and add the rest, or ``take`` the source's.
    tell : callable
        Told how far it is.

    Returns
    -------
    dict
        ``took`` [{file, as, rows, from, to}], ``conflicts`` [{file, date, column, have, given}], ``left_out``
        [{file, date, why}], ``gaps`` [{file, from, to}], ``path``.
    """
    folder = Path(into)
    done = fetching.fetch(
        source,
        folder,
        series=series,
        since=since,
        on_conflict=on_conflict,
        tell=lambda line: tell(Passing(line)),
    )
    return {
        "path": str(into),
        "took": [_took(one) for one in done.took],
        "conflicts": [asdict(conflict) for conflict in done.conflicts],
        "left_out": [dict(zip(("file", "date", "why"), row, strict=True)) for row in done.left_out],
        "gaps": [dict(zip(("file", "from", "to"), row, strict=True)) for row in done.gaps],
        **about(_opened(folder)),
    }


def _took(one: fetching.Took) -> Answer:
    answer: Answer = {"file": one.file, "as": one.into, "rows": len(one.days), "from": None, "to": None}
    if not len(one.days):
        return {**answer, "why": "nothing new"}
    return {**answer, "from": f"{one.days[0]:%Y-%m-%d}", "to": f"{one.days[-1]:%Y-%m-%d}"}


def _opened(folder: Path) -> MarketData | None:
    try:
        return MarketData.open(folder)
    except MissingData:  # a source had nothing for a folder that was not there
        return None
