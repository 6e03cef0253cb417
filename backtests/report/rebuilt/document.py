"""The JSON twin of an index's page, and the tables beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from backtests.facts import data_facts
from backtests.report.plots import axis, kept
from backtests.report.rebuilt import error, weights
from backtests.version import VERSION, code_hash, commit
from indexsim import flows as tracker_flows
from indexsim import whatif
from indexsim.market import MarketData
from indexsim.rebuild import Rebuilt

#: Raised when a name of the document changes its meaning.
SCHEMA = 1
#: Trades named of an event, findings shown; the tables hold all.
TRADES, FINDINGS = 5, 50

Part = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """What the page of an index is asked for besides.

    Attributes
    ----------
    what_if : str
        A world whose path is drawn; "" is none.
    assets : int or None
        Yen of the trackers whose trades are listed.
    missing : tuple of str
        What the answer lacked, by name.
    """

    what_if: str = ""
    assets: int | None = None
    missing: tuple[str, ...] = ()


def document(
    market: MarketData, rebuilt: Rebuilt, asked: Asked, waived: tuple[str, ...]
) -> tuple[Part, dict[str, pd.DataFrame]]:
    """Build the twin of a page, and its tables by name.

    Raises
    ------
    ToolError
        A world that is none, or that this market cannot show; volumes in error.
    """
    held, days = weights.taken(rebuilt.index), rebuilt.levels.index
    tables = {"levels": error.table(rebuilt), "weights": weights.table(held, weights.names_of(market))}
    body: Part = {
        "schema": SCHEMA,
        "kind": "index",
        "title": f"Index of {' + '.join(path.resolve().name for path in market.folder.paths)}",
        **data_facts_of(market, days[0].date(), days[-1].date(), asked.missing),
        "version": VERSION,
        "commit": commit(),
        "code": code_hash(),
        "waived": list(waived),
        **{name: value for name, value in rebuilt.summary().items() if name != "worst"},
        **error.size(rebuilt),
        "source": rebuilt.source or None,
        **({} if rebuilt.source else {"source_why": "neither index nor n225 is there"}),
        "worst": error.worst(market, rebuilt),
        "curves": error.levels(rebuilt),
        "divisors": _divisors(rebuilt),
        "divisors_total": len(rebuilt.index.ledger.entries),
        "divisor_curve": _divisor_curve(rebuilt),
        "weights": weights.over_time(market, held),
        "last": weights.constituents(market, rebuilt.index),
        "findings": [f.as_dict() for f in rebuilt.findings[:FINDINGS]],
        "findings_total": len(rebuilt.findings),
        **_world(market, asked.what_if, tables),
        **_flows(market, asked.assets, tables),
    }
    tables |= {"constituents": pd.DataFrame(body["last"]["names"]).drop(columns="name_why", errors="ignore")}
    tables |= {"divisors": pd.DataFrame(body["divisors"])}
    return body | {"doubts": _doubts(body), "files": _files(tables)}, tables


def data_facts_of(market: MarketData, first: date, last: date, missing: tuple[str, ...]) -> Part:
    """Return the ``data`` block."""
    return {"data": data_facts(market, first, last, missing)}


def _divisors(rebuilt: Rebuilt) -> list[Part]:
    """Return the ledger: exact divisors as text, the step as a fraction."""
    return [
        {
            "date": entry.session.isoformat(),
            "divisor": f"{entry.after}",
            "step": None if entry.before is None else round(float(entry.after / entry.before - 1), 10),
            **({"step_why": "the first one"} if entry.before is None else {}),
            "event": entry.event,
        }
        for entry in rebuilt.index.ledger.entries
    ]


def _divisor_curve(rebuilt: Rebuilt) -> Part:
    """Return the divisor of each kept session."""
    days = pd.DatetimeIndex(rebuilt.levels.index)
    places, entries = kept(len(days)), rebuilt.index.ledger.entries
    steps = pd.Series([float(e.after) for e in entries], pd.DatetimeIndex([e.session for e in entries]))
    held = steps.groupby(level=0).last().reindex(days[places], method="ffill")
    values = [float(value) for value in held]
    return {"sessions": [f"{day:%Y-%m-%d}" for day in held.index], "values": values, "ticks": axis([values])}


def _world(market: MarketData, text: str, tables: dict[str, pd.DataFrame]) -> Part:
    """Return the path of a counterfactual index beside the real one."""
    if not text:
        return {"what_if": None, "what_if_why": "none was asked for; --what-if W draws one"}
    world, found = whatif.compared(market, text)
    paths = found.levels
    tables["what_if"] = paths.reset_index(names="date").assign(date=[f"{day:%Y-%m-%d}" for day in paths.index])
    places = kept(len(paths))
    real, other = ([float(paths[name].iloc[at]) for at in places] for name in ("real", "world"))
    gap = [round(b - a, 2) for a, b in zip(real, other, strict=True)]
    curve = {
        "sessions": [f"{paths.index[at]:%Y-%m-%d}" for at in places],
        "real": real,
        "world": other,
        "ticks": axis([real, other]),
        "gap": gap,
        "gap_ticks": axis([gap], [0.0], most=4),
    }
    answer = whatif.as_answer(text, world, found)
    years = [{**row, "year": str(row["year"])} for row in answer["by_year"]]
    names = weights.names_of(market)
    stocks = [{**row, "name": names.get(row["code"], "")} for row in answer["by_stock"]]
    return {"what_if": {**answer, "by_year": years, "by_stock": stocks, "curve": curve}}


def _flows(market: MarketData, assets: int | None, tables: dict[str, pd.DataFrame]) -> Part:
    """Return what trackers must trade at each event, the largest trades by name, and at how many there is nothing."""
    if assets is None:
        return {"flows": None, "flows_why": "none was asked for; --assets YEN lists them"}
    answer, names = tracker_flows.answer(market, assets), weights.names_of(market)
    rows = [
        {"effective": event["effective"], "kind": event["kind"], **trade, "name": names.get(trade["code"], "")}
        for event in answer["events"]
        for trade in event["trades"]
    ]
    columns = ["effective", "kind", "code", "name", "shares", "yen", "days_of_volume", "why"]
    tables["flows"] = pd.DataFrame(rows, columns=columns)
    events = [_event(event, names) for event in answer["events"]]
    return {"flows": {**answer, "events": events, "idle": sum(event["names"] == 0 for event in events)}}


def _event(event: Mapping[str, Any], names: Mapping[str, str]) -> Part:
    trades = sorted(event["trades"], key=lambda trade: -abs(trade["yen"]))
    days = [trade["days_of_volume"] for trade in trades if trade["days_of_volume"] is not None]
    return {
        "effective": event["effective"],
        "kind": event["kind"],
        "event": event["event"],
        "turnover": event["turnover"],
        "bought": sum(trade["yen"] for trade in trades if trade["yen"] > 0),
        "names": len(trades),
        "longest": max(days, default=None),
        **({} if days else {"longest_why": "nothing to trade" if not trades else trades[0].get("why", "")}),
        "largest": [{**trade, "name": names.get(trade["code"], "")} for trade in trades[:TRADES]],
    }


def _doubts(body: Part) -> list[str]:
    """Return what speaks against the index, gravest first."""
    unknown = sum(row["names"] for row in body["last"]["sectors"] if row["sector"] == "unknown")
    reasons = (
        (bool(body["data"]["synthetic"]), "The data are synthetic: the page shows the machinery, not the market."),
        (body["source"] is None, "There is no published level to compare with: nothing here is checked."),
        (body["exact_days"] < body["days"], "The constituents do not rebuild the published level on every session."),
        (body["findings_total"] > 0, "Published divisors or levels differ from the rebuilt ones."),
        (bool(body["waived"]), "Checks of the data were waived."),
        (bool(body["data"]["missing"]), "Some of the data are missing."),
        (unknown > 0, "Some names have no sector."),
    )
    return [text for holds, text in reasons if holds]


def _files(tables: Mapping[str, pd.DataFrame]) -> list[Part]:
    what = {
        "levels": "every session: rebuilt, published, error",
        "weights": "weights of all names on the dates of the charts",
        "constituents": "the names at the last close",
        "divisors": "every divisor with its event",
        "what_if": "every session: the real index and the world's",
        "flows": "every trade of the trackers",
    }
    files = [{"name": f"{name}.{kind}", "what": what[name]} for name in tables for kind in ("csv", "parquet")]
    return [{"name": "index.json", "what": "every number of this page"}, *files]
