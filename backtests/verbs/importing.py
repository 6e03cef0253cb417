"""The verb ``import``: real data into a market folder."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from backtests.verbs.shared import Answer, Folders, about, paths
from indexsim.gathering.importing import import_files as _import_files
from indexsim.gathering.reconcile import RULE
from indexsim.market import MarketData


def import_files(
    files: Folders,
    into: Path | str,
    *,
    kinds: Sequence[str] = (),
    unadjust: bool = False,
    splits: Path | str | None = None,
    adjusted_to: date | None = None,
) -> Answer:
    """Import files of publishers, vendors and one's own into a market folder, whole or not at all.

    Parameters
    ----------
    files : path or sequence of paths
        Files, or folders of them. Each is recognised by what stands in it.
    into : path
        The market folder; made if need be.
    kinds : sequence of str
        ``KIND`` or ``NAME=KIND``, for files whose content says too little.
    unadjust : bool
        Bring split-adjusted prices and dividends back to what was traded and paid.
    splits : path, optional
        A table of splits beside those of the facts.
    adjusted_to : date, optional
        Day up to which sources adjust; None lets their volumes tell.

    Returns
    -------
    dict
        ``path``, ``took`` [{file, as, rows, from, to}], ``conflicts`` [{file, date, column, values, kept}] with their
        ``precedence``, ``findings`` [{file, row, column, rule, found, severity, waivable}], ``wrote`` [file], and
        ``index`` {days, exact_days, max_abs_error, worst} where the market rebuilds one.

    Raises
    ------
    ToolError
        A file cannot be used. The folder is as it was.
    """
    extra = None if splits is None else Path(splits)
    done = _import_files(
        paths(files), Path(into), kinds=kinds, unadjust=unadjust, splits=extra, adjusted_to=adjusted_to
    )
    answer: Answer = {
        "path": str(into),
        "took": list(done.took),
        "conflicts": [conflict.as_dict() for conflict in done.conflicts],
        "precedence": RULE,
        "findings": [finding.as_dict() for finding in done.findings],
        "wrote": list(done.wrote),
        "index": None if done.rebuilt is None else done.rebuilt.summary(),
    }
    if done.rebuilt is None:
        answer["index_why"] = "no closes, factors and divisors that rebuild one"
    return {**answer, **about(MarketData.open(Path(into)))}
