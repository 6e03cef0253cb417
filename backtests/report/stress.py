"""The dated stress of the Tokyo market, in place of pyfolio's list of American and European events."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

import pandas as pd

from indexsim.facts import FACTS


@dataclass(frozen=True)
class Stress:
    """A period of stress (``data/facts/stress_dates.csv``).

    Attributes
    ----------
    name : str
        Month and a word.
    first, last : date
        First session that moved, and the last day of the period.
    what : str
        What happened, with the Nikkei's moves.
    """

    name: str
    first: date
    last: date
    what: str


@cache
def stress_dates() -> tuple[Stress, ...]:
    """Return the periods of stress, in the order of their first days."""
    with (FACTS / "stress_dates.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = [Stress(r["name"], date.fromisoformat(r["from"]), date.fromisoformat(r["to"]), r["what"]) for r in rows]
    return tuple(sorted(found, key=lambda stress: stress.first))


def covered(sessions: pd.Index) -> tuple[list[Stress], list[Stress]]:
    """Return the periods that lie wholly within some sessions, and those that do in part.

    Parameters
    ----------
    sessions : Index of shape (n_sessions,)
        Naive dates, ascending.
    """
    if not len(sessions):
        return [], []
    first, last = (pd.Timestamp(sessions[at]).date() for at in (0, -1))
    touched = [stress for stress in stress_dates() if stress.first <= last and stress.last >= first]
    whole = [stress for stress in touched if first <= stress.first and stress.last <= last]
    return whole, [stress for stress in touched if stress not in whole]


def in_words(left: Sequence[Stress]) -> list[str]:
    """Return what is to be said of the periods that a run covers in part."""
    names = ", ".join(stress.name for stress in left)
    return [f"left out, since the run covers them in part only: {names}"] if left else []
