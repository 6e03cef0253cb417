"""Answers about reports under review as text: repeated, attacked."""

from __future__ import annotations

from typing import Any

from backtests.text.cells import grid, signed_percent

Answer = dict[str, Any]


def verify(answer: Answer) -> str:
    """Say whether the bytes agree, which files differ, and whether the code is another."""
    code = answer["code"]
    lines = [f"differs  {row['file']}: {row['how']}" for row in answer["differs"]]
    if not code["same"]:
        lines.append(f"code     {code['stored']} wrote it, {code['now']} repeated it")
    if answer["log"] is None:
        lines.append(f"verify.log was not written: {answer['log_why']}")
    n = len(answer["equal"]) + len(answer["differs"])
    said = f"EQUAL: {n} files" if not answer["differs"] else f"DIFFERS: {len(answer['differs'])} of {n} files"
    return "\n".join([*lines, f"{said}, {answer['run_id']}"])


def attack(answer: Answer) -> str:
    """Say what every attack left of the result, and the rules by which it survives."""
    head = ["attack", "net left", "effect", "a year", ""]
    rows = [[row["name"], *_figures(row), _judged(row)] for row in answer["attacks"]]
    own = [["the run itself", signed_percent(answer["net"]), "", signed_percent(answer["yearly"]), ""]]
    lines = grid([head, *own, *rows])
    lines += [f"{row['name']}: {row['why']}" for row in answer["attacks"] if "why" in row]
    lines.append("survives:")
    lines += [f"  {when}{answer['rules'][rule]}" for rule, when in _WHEN.items()]
    if not answer["gains"]:
        lines.append("The run did not gain: there is nothing for an attack to break.")
    counts = f"{answer['survived']} survived, {answer['broken']} broke it, {answer['undone']} not done"
    return "\n".join([*lines, f"{counts}. Open {answer['report']}"])


#: Rule -> which attacks it is about.
_WHEN = {"keeps": "", "beats": "against an index: ", "times": "on other dates: "}


def _figures(row: Answer) -> list[str]:
    return [signed_percent(row[name]) for name in ("net", "change", "yearly")]


def _judged(row: Answer) -> str:
    if row["survives"] is None:
        return "not done"
    ways = f" ({row['broke']} of {row['tried']})" if row["broke"] else ""
    return "survives" if row["survives"] else f"BREAKS{ways}"


def report(answer: Answer) -> str:
    """Name the pages drawn again, one a line; of a comparison say what it says."""
    return _compared(answer) if "common" in answer else "\n".join([*answer["pages"], *answer.get("pdfs", [])])


def _compared(answer: Answer) -> str:
    """Say the figures of each run side by side, and what differs between them."""
    head = ["run", "net", "gross", "Sharpe", "max DD", "costs, yen"]
    rows = [
        [
            run["label"],
            *(signed_percent(run[side]["total_return"]) for side in ("net", "gross")),
            "-" if run["net"]["sharpe"] is None else f"{run['net']['sharpe']:.2f}",
            signed_percent(run["net"]["max_drawdown"]),
            f"{run['costs_common']:,.0f}",
        ]
        for run in answer["runs"]
    ]
    common = answer["common"]
    lines = grid([head, *rows])
    lines.append(f"common sessions: {common['sessions']:,}, {common['from']} to {common['to']}; {common['spans']}")
    lines += [
        f"differs  {row['key']}: {' | '.join(_value(v) for v in row['values'])}" for row in answer["differs"][:20]
    ]
    more = len(answer["differs"]) - 20
    lines += [f"... and {more} more; --json FILE has all"] if more > 0 else []
    return "\n".join([*lines, f"Open {answer['pages'][0]}"])


def _value(value: str | None) -> str:
    return "-" if value is None else value
