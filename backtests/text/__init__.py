"""Answers as text for a terminal: the same values as the JSON, a screen at most."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backtests.text import analysis, folders, importing, index, markets, review, reviews, runs, sweeps

Answer = dict[str, Any]


def as_text(verb: str, answer: Answer) -> str:
    """Return the answer of a verb as lines of text."""
    return _WRITERS[verb](answer)


_WRITERS: dict[str, Callable[[Answer], str]] = {
    "demo": runs.demo,
    "run": runs.run,
    "check": markets.check,
    "fetch": markets.fetch,
    "data": folders.data,
    "convert": folders.convert,
    "merge": folders.merge,
    "cut": folders.cut,
    "history": folders.history,
    "flows": index.flows,
    "import": importing.imported,
    "index": index.index,
    "sample": markets.sample,
    "list": markets.listing,
    "describe": markets.describe,
    "lookahead": runs.lookahead,
    "boj": analysis.bank,
    "claims": analysis.claims,
    "vehicles": analysis.vehicles,
    "drivers": analysis.drivers,
    "report": reviews.report,
    "sweep": sweeps.sweep,
    "sweep status": sweeps.status,
    "review": review.review,
    "verify": reviews.verify,
    "attack": reviews.attack,
}
