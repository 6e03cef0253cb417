"""What breaks a result: a stored run attacked in ways that a reviewer would try, each survived or not by a stated rule.

`simple`, `leave_out`, `dates` and `source` hold the attacks, `case` what they attack and the rules, `replay` what a
plain `backtrader.Strategy` wanted. The answer is stored beside the run as ``attacks.json`` and stands on its page.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from backtests.attacks import dates, leave_out, simple
from backtests.attacks.case import RULES, Attack, Case
from backtests.attacks.source import NAME as OTHER_SOURCE
from backtests.attacks.source import Source, other_source
from backtests.benchmarks import PRICE, TOTAL
from backtests.prepare import Setup
from backtests.report import ATTACKS, write_run
from backtests.result import Result
from backtests.stored import made_ready, read_stored
from backtests.sweeps.progress import Passing
from backtests.version import code_hash
from indexsim.errors import MissingData
from indexsim.folders import replacing

#: Every attack, in the order of the table.
PLAN: tuple[tuple[str, Callable[[Case], Attack]], ...] = (
    ("delay", simple.delay),
    ("costs", simple.costs),
    ("best days", simple.best_days),
    ("stocks", leave_out.stock),
    ("events", leave_out.holding),
    ("years", leave_out.year),
    ("price index", lambda case: simple.benchmark(case, PRICE, "against the price index")),
    ("total return", lambda case: simple.benchmark(case, TOTAL, "against total return")),
    ("start", dates.start),
    ("end", dates.end),
    ("placebo", dates.placebo),
)


def attack(
    folder: Path, market: Sequence[Path] = (), what_if: str = "", tell: Callable[[str], object] = lambda _: None
) -> tuple[dict[str, Any], Setup]:
    """Attack a stored run, store the answer in its folder and draw its page again, all of it or nothing.

    Parameters
    ----------
    folder : Path
    market : sequence of Path
        Another source, in layers.
    what_if : str
        A world to run it in.
    tell : callable
        Is told which attack is under way.

    Returns
    -------
    answer : dict
        What ``attacks.json`` holds.
    setup : Setup
        The run, made ready again.

    Raises
    ------
    MissingData
        There is no run, or its data are not there; the missing fingerprint is named.
    SpecError
        Trading it again does not give the stored account.
    """
    stored = read_stored(folder, "attack")
    setup = made_ready(stored, "attack")
    case = Case(setup, stored.result)
    case.refuse_another()
    answer = judged(case, Source(tuple(market), what_if), stored.folder, tell)
    with replacing(stored.folder) as fresh:
        shutil.copytree(stored.folder, fresh, dirs_exist_ok=True)
        _write(answer, fresh)
        write_run(stored.result, fresh)
    return answer, setup


def attacks_in(folder: Path) -> bool:
    """Say whether a run's folder carries attacks."""
    return (folder / ATTACKS).is_file()


def repeat_attacks(folder: Path, setup: Setup, result: Result, fresh: Path) -> None:
    """Attack a repeated run as its report was, and write the answer into another folder.

    Raises
    ------
    MissingData
        The other source of that time is not there; its fingerprint is named.
    """
    given = json.loads((folder / ATTACKS).read_text("utf-8"))["source"]
    source = Source(tuple(folder / place for place in given["market"]), given["what_if"])
    answer = judged(Case(setup, result), source, folder)
    if answer["source"]["fingerprint"] != given["fingerprint"]:
        raise MissingData(
            asked=f"repeat the attacks on {folder}",
            found=f"their other source, fingerprint {given['fingerprint']}, is not where it was",
            rule="a report is repeated on the very data it was made of",
            todo="bring it back, or attack the run again",
        )
    _write(answer, fresh)


def judged(case: Case, source: Source, folder: Path, tell: Callable[[str], object] = lambda _: None) -> dict[str, Any]:
    """Try every attack on a run and return the answer as plain JSON values.

    Parameters
    ----------
    folder : Path
        Of the run: the place of another source is said relative to it.
    """
    found = []
    for at, (name, one) in enumerate(PLAN):
        tell(Passing(f"attack {at + 1} of {len(PLAN) + 1}: {name}"))
        found.append(one(case))
    tell(Passing(f"attack {len(PLAN) + 1} of {len(PLAN) + 1}: {OTHER_SOURCE}"))
    last, fingerprint = other_source(case, source)
    places = [os.path.relpath(path, folder) for path in source.market]
    rows = [one.as_dict(case.base.net) for one in (*found, last)]
    return {
        "rules": RULES,
        "net": case.base.net,
        "yearly": case.base.yearly,
        "gains": case.base.yearly is not None and case.base.yearly > 0,
        "replayed": case.is_plain and case.targets is not None,
        "survived": sum(row["survives"] is True for row in rows),
        "broken": sum(row["survives"] is False for row in rows),
        "undone": sum(row["survives"] is None for row in rows),
        "attacks": rows,
        "source": {
            "market": places,
            "what_if": source.what_if,
            "fingerprint": fingerprint,
            **({} if fingerprint else {"fingerprint_why": last.why}),
        },
        "code": code_hash(),
    }


def _write(answer: dict[str, Any], folder: Path) -> None:
    text = json.dumps(answer, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    (folder / ATTACKS).write_text(text, "utf-8")
