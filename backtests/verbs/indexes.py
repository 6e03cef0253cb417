"""The verbs about the index of a market: ``index``, ``flows`` and ``review``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from backtests.prepare import refuse_unknown_rules
from backtests.report.rebuilt.document import Asked
from backtests.report.rebuilt.page import write_page
from backtests.verbs import parts, tickdays
from backtests.verbs.comparison import comparison, lacking
from backtests.verbs.pages import refresh_gallery
from backtests.verbs.quotations import quotations
from backtests.verbs.shared import Answer, Folders, about, paths
from indexsim import answers, boj, dividends, whatif
from indexsim import flows as tracker_flows
from indexsim import review as periodic_review
from indexsim.carry import carry_error
from indexsim.errors import SpecError
from indexsim.market import MarketData
from indexsim.rebuild import FILES, Rebuilt, can_rebuild, rebuild


def index(
    folders: Folders,
    *,
    levels: bool = False,
    weights: date | None = None,
    contributions: tuple[date, date] | None = None,
    on: date | None = None,
    sectors: bool = False,
    concentration: bool = False,
    points: Sequence[str] = (),
    sq: bool = False,
    compare: bool = False,
    carry: bool = False,
    total_return: bool = False,
    what_if: str = "",
    ticks: date | None = None,
    ticks_out: Path | str | None = None,
    waive: Sequence[str] = (),
    report: Path | str | None = None,
    assets: int | None = None,
) -> Answer:
    """Rebuild the index of a market and compare it with the published levels.

    Parameters
    ----------
    on : date, optional
        Session of `sectors`, `concentration` and `points`; None is that of `weights`, or the last one.
    points : sequence of str
        Codes whose +1 % is asked for in points.
    ticks : date, optional
        Session whose ticks are replayed (`indexsim.ticks`).
    ticks_out : path, optional
        CSV or Parquet file that gets the level at each time with a tick.
    waive : sequence of str
        Waivable rules of the gate that may be broken; they stand in ``waived``.
    report : path, optional
        Folder for the page: ``index.html``, its twin ``index.json`` and its tables are written there.
    assets : int, optional
        Yen of the trackers whose trades the page lists.

    Returns
    -------
    dict
        ``days``, ``exact_days``, ``max_abs_error``, ``worst``, ``divisors``, and on request ``levels``,
        ``weights`` (with the points of +1 % in ``one_percent``, ``concentration``, ``sectors``),
        ``contributions`` and ``contributions_by_sector``, ``on`` (the session looked at) with ``sectors``,
        ``concentration`` and ``points``, ``sq``, ``compare``, ``carry``
        (`indexsim.carry.carry_error`), ``total_return``, ``what_if``, ``ticks`` (`backtests.verbs.tickdays.replayed`),
        ``report`` (the page).
        With nothing but `compare`, `carry` and a world without the Bank a market of series will do: then there are
        no days.

    Raises
    ------
    MissingData, DataError
        Where the folder lacks a file or a finding stops the index.
    SpecError
        `on` without anything it is for, or another day than `weights`; a code that is not in the index; `assets`
        without `report`.
    """
    looked = parts.Look(on, weights, sectors, concentration, tuple(points))
    looked.refuse_idle_day()
    tickdays.refuse_idle_file(ticks, ticks_out)
    _refuse_idle_assets(assets, report)
    market = MarketData.open(*paths(folders))
    more = levels or contributions or looked.asked or sq or total_return or ticks or report
    if (compare or carry or what_if) and not more and not can_rebuild(market):
        return _of_series(market, compare, carry, what_if)
    refuse_unknown_rules(waive)
    rebuilt = rebuild(market, waived=waive)
    answer: Answer = {**rebuilt.summary(), "divisors": rebuilt.divisors(), "waived": list(waive)}
    answer["findings"] = [f.as_dict() for f in rebuilt.findings]
    if levels:
        answer["levels"] = parts.levels(rebuilt)
    if contributions is not None:
        answer |= parts.contributions(market, rebuilt, *contributions)
    if looked.asked:
        answer |= looked.answer(market, rebuilt)
    if sq:
        answer["sq"] = quotations(market, rebuilt)
    if compare:
        answer["compare"] = comparison(market)
    if carry:
        answer["carry"] = carry_error(market, rebuilt.index)
    if total_return:
        answer["total_return"] = dividends.answer(market, rebuilt.index)
    if what_if:
        answer["what_if"] = whatif.answer(market, what_if)
    if ticks is not None:
        answer["ticks"] = tickdays.replayed(market, rebuilt, ticks, None if ticks_out is None else Path(ticks_out))
    days, missing = rebuilt.levels.index, _missing(market, rebuilt, answer)
    if report is not None:
        page = Asked(what_if, assets, tuple(missing))
        answer["report"] = str(write_page(market, rebuilt, Path(report), page, tuple(waive)))
        refresh_gallery(Path(report).parent)
    return {**answer, **about(market, days[0].date(), days[-1].date(), missing)}


def _refuse_idle_assets(assets: int | None, report: Path | str | None) -> None:
    if assets is not None and report is None:
        raise SpecError(
            asked=f"the trades of trackers of {assets} yen",
            found="no page to list them on",
            rule="--assets of index is for its page; the verb flows lists the trades as text and JSON",
            todo="add --report, or use flows",
        )


def _missing(market: MarketData, rebuilt: Rebuilt, answer: Answer) -> list[str]:
    """Say by name what the answer would have used and the market does not hold."""
    gaps = [f for f in market.folder.findings("closes") if f.rule == "missing-session"]
    missing = [f"closes: no row on {f.row}" for f in gaps]
    missing += [] if rebuilt.source else ["index, n225: no published level to compare with"]
    unknown = sum(row["names"] for row in answer.get("sectors", []) if row["sector"] == answers.UNKNOWN)
    missing += [f"constituents: no sector of {unknown} names"] if unknown else []
    return [*missing, *(lacking(market) if "compare" in answer else [])]


def _of_series(market: MarketData, compare: bool, carry: bool, what_if: str) -> Answer:
    """Return what a market says that has no constituents to rebuild the index from."""
    return {
        "days": 0,
        "exact_days": 0,
        "max_abs_error": None,
        "max_abs_error_why": f"the index is not rebuilt: {', '.join(n for n in FILES if not market.has(n))} missing",
        "worst": [],
        "divisors": [],
        "findings": [],
        **({"compare": comparison(market)} if compare else {}),
        **({"carry": carry_error(market)} if carry else {}),
        **({"what_if": whatif.answer(market, what_if)} if what_if else {}),
        **about(market, missing=lacking(market) if compare else []),
    }


def flows(folders: Folders, assets: int) -> Answer:
    """Return what trackers of given assets (yen) must trade at each event of a market.

    Returns
    -------
    dict
        ``events`` [{effective, kind, trades [{code, shares, yen, days_of_volume}], turnover}].
    """
    market = MarketData.open(*paths(folders))
    return {**tracker_flows.answer(market, assets), **about(market)}


def bank(folders: Folders) -> Answer:
    """Return what a market says of the Bank of Japan as a buyer and holder of funds (`indexsim.boj.answer`)."""
    market = MarketData.open(*paths(folders))
    answer = boj.answer(market)
    return {**answer, **about(market, missing=answer.pop("missing"))}


def review(folders: Folders, at: date, *, ahead: bool = False, history: bool = False) -> Answer:
    """Return the periodic review of a market as of a base date, or the candidates of the next one on any day.

    Parameters
    ----------
    at : date
        A base date; with `ahead` any day.
    ahead : bool
        The candidates of the review that is announced next after the day, on the closes up to it.
    history : bool
        Also how many changes of past reviews the rules would have named.

    Returns
    -------
    dict
        ``review`` (its dates), ``events``, ``candidates`` (in, out, cap), ``ranking``, ``missing``, ``warnings``;
        with `ahead` also ``as_of``, and events and ranking are null with ``events_why`` and ``ranking_why``;
        with `history` also ``hit_rate``.
    """
    market = MarketData.open(*paths(folders))
    answer = _ahead(market, at) if ahead else periodic_review.answer(market, at)
    if history:
        answer["hit_rate"] = periodic_review.hit_rate(market)
    return {**answer, **about(market)}


def _ahead(market: MarketData, at: date) -> Answer:
    """Return the candidates of the next review in the shape of a review."""
    found = periodic_review.next_candidates(market, at)
    why = f"the closes of {found['review']['base']} decide; these are the candidates on those of {found['as_of']}"
    return {
        "as_of": found["as_of"],
        "review": found["review"],
        "events": None,
        "events_why": why,
        "candidates": {side: found[side] for side in ("in", "out", "cap")},
        "ranking": None,
        "ranking_why": why,
        "missing": found["missing"],
        "warnings": found["warnings"],
    }
