"""The verb ``claims``: every assertion of the seeds, judged on the data given."""

from __future__ import annotations

from pathlib import Path

from backtests.claims.catalogue import catalogue
from backtests.claims.gather import facts, gather
from backtests.claims.judge import counts, judge
from backtests.claims.page import write_page
from backtests.claims.tests import TESTS
from backtests.verbs.pages import refresh_gallery
from backtests.verbs.shared import Answer, Folders, about, paths
from indexsim.market import MarketData
from indexsim.official.constituents import read_constituents

_NONE = "none were given"


def claims(folders: Folders, *, constituents: Path | str | None = None, report: Path | str | None = None) -> Answer:
    """Judge every claim of the seeds.

    Parameters
    ----------
    folders : path or sequence of paths
        A market, in layers.
    constituents : path, optional
        A folder of constituents (`indexsim.official.constituents`); without it the claims on single stocks cannot
        be tested.
    report : path, optional
        Folder for the page: ``index.html`` and ``claims.json`` are written there.

    Returns
    -------
    dict
        ``claims`` (one entry each, by id, `backtests.claims.judge.Judgement.answer`), ``counts``, ``findings`` of the
        constituents, ``report`` where a page was written, ``data``, ``version``. The same data give the same answer.

    Raises
    ------
    MissingData, DataError
        A folder that is not there or holds nothing, or a file of constituents that cannot be read.
    """
    market = MarketData.open(*paths(folders))
    long = read_constituents(Path(constituents)) if constituents is not None else None
    asked = catalogue()
    inputs = gather({name for claim in asked for name in claim.inputs}, market, long)
    judged = judge(asked, inputs, TESTS, facts())
    answer: Answer = {"claims": [j.answer() for j in judged], "counts": counts(judged)}
    answer["findings"] = [f.as_dict() for f in long.findings] if long else []
    answer |= about(market)
    answer["data"] |= {"constituents": long.fingerprint} if long else {"constituents": None, "constituents_why": _NONE}
    if report is not None:
        answer["report"] = str(write_page(answer, Path(report)))
        refresh_gallery(Path(report).parent)
    return answer
