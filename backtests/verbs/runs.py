"""The verbs about runs: ``run``, ``report`` and ``demo``."""

from __future__ import annotations

from pathlib import Path

from backtests.contributions import owners_return
from backtests.facts import data_facts
from backtests.lookahead.proof import audit_spec
from backtests.metrics import summary, turnover
from backtests.prepare import day_of, prepare
from backtests.report import write_gallery
from backtests.report.pdf import require, write_pdf
from backtests.result import Result
from backtests.run import run as run_spec
from backtests.spec import Spec, load_spec
from backtests.verbs.audit import claims
from backtests.verbs.indexes import index
from backtests.verbs.pages import redraw
from backtests.verbs.shared import SAMPLE, Answer, Folders, about, paths
from backtests.version import REPORTS, SPECS, VERSION
from indexsim.market import MarketData
from indexsim.sample import Sample, write_sample

DEMO = ("split_pair", "vi_gate", "boj_dip")
#: Yen of the trackers on the index page of the demonstration.
_TRACKERS = 35_000_000_000_000


def run(spec: Spec | Path | str, out: Path | str = REPORTS, *, pdf: bool = False) -> Answer:
    """Run a spec, write its report into `out`, and return what ``run --json`` prints.

    Parameters
    ----------
    spec : Spec, Path or str
        A spec, or the path of its TOML file.
    out : Path or str
        Folder that gets the folder of the run; the clone's ``reports`` by default.
    pdf : bool
        Also write the page as PDF beside it (extra ``pdf``); ``pdf`` of the answer names it.

    Returns
    -------
    dict
        ``run_id``, ``report``, ``net``, ``gross``, ``costs``, ``rejected``, ``lookahead``, ``index``, ...

    Raises
    ------
    SpecError, MissingData, DataError, PdfError
        Before anything is written.
    """
    if pdf:
        require()
    result, folder = run_spec(spec if isinstance(spec, Spec) else load_spec(Path(spec)), Path(out))
    facts, per_year = result.facts, result.facts["sessions_per_year"]
    return {
        "run_id": facts["run_id"],
        "report": str(folder / "index.html"),
        **({"pdf": str(write_pdf(folder / "index.html"))} if pdf else {}),
        **{side: _metrics(result, side, per_year) for side in ("net", "gross")},
        **_in_base(result, per_year),
        "costs": facts["costs"],
        "income": facts["income"],
        "rejected": facts["rejected"],
        "lookahead": facts["lookahead"],
        "index": facts["index"],
        "data": facts["data"],
        "version": VERSION,
    }


def _in_base(result: Result, per_year: float) -> Answer:
    """Return the figures of the account's owner, where the base currency is not the yen."""
    if "net_usd" not in result.returns:
        return {}
    return {"net_usd": dict(summary(result.returns["net_usd"], per_year))}


def _metrics(result: Result, side: str, per_year: float) -> Answer:
    answer = dict(summary(result.returns[side], per_year))
    answer["n_trades"] = len(result.round_trips)
    answer |= owners_return(result.equity, side, per_year)
    answer["turnover"] = turnover(result.fills["notional"], result.equity["net"], per_year)
    return answer


def lookahead(spec: Spec | Path | str) -> Answer:
    """Try every look-ahead test on a spec: every row, changed futures, other folders in a fresh process.

    Returns
    -------
    dict
        ``leaks`` [{test, row, what}], ``rows``, ``rows_checked``, ``cuts``, ``blind_spots``.
    """
    setup = prepare(spec if isinstance(spec, Spec) else load_spec(Path(spec)))
    first, last = (day_of(setup.traded.session[at]) for at in (0, -1))
    return {**audit_spec(setup), "data": data_facts(setup.market, first, last, setup.missing), "version": VERSION}


def report(folders: Folders, *, pdf: bool = False) -> Answer:
    """Draw the pages of stored runs, sweeps, claims and indexes again, also as PDF if so asked, and the gallery."""
    if pdf:
        require()
    pages = []
    for folder in paths(folders):
        pages.append(str(redraw(folder)))
        write_gallery(folder.resolve().parent)
    return {"pages": pages, **({"pdfs": [str(write_pdf(Path(page))) for page in pages]} if pdf else {}), **about(None)}


def demo(out: Path | str = REPORTS) -> Answer:
    """Write the sample market if it is not there, run the shipped specs, judge the claims, draw its index; list all."""
    write_sample(SAMPLE, Sample())
    answers = [{"spec": name, **run(SPECS / f"{name}.toml", out)} for name in DEMO]
    index(SAMPLE, report=Path(out) / "index", what_if="no-cap", assets=_TRACKERS)
    claims(SAMPLE, report=Path(out) / "claims")
    return {"runs": answers, "index": str(Path(out) / "index.html"), **about(MarketData.open(SAMPLE))}
