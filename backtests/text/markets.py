"""Answers about markets, strategies and instruments as text."""

from __future__ import annotations

from typing import Any

from backtests.text.cells import grid

Answer = dict[str, Any]


def check(answer: Answer) -> str:
    """Say what the gate found, and what each file covers."""
    lines = []
    for f in answer["findings"][:40]:
        where = ", ".join(part for part in (f["file"], f["row"], f["column"]) if part)
        lines.append(f"{f['severity']}: {where}: {f['found']} [{f['rule']}]")
    if len(answer["findings"]) > 40:
        lines.append(f"... and {len(answer['findings']) - 40} more; --json FILE has all")
    for c in answer["coverage"]:
        missing = f", {c['missing_sessions']} sessions missing" if c.get("missing_sessions") else ""
        lines.append(f"{c['file']:<28}{c['rows']:>8} rows  {c['from'] or '':>10} {c['to'] or '':>10}{missing}")
    return "\n".join([*lines, f"errors: {answer['errors']}, warnings: {answer['warnings']}"])


def sample(answer: Answer) -> str:
    """Say where the synthetic market is, and which effects are planted in it."""
    effects = ", ".join(f"{name} {value}" for name, value in answer["effects"].items())
    return f"{answer['path']}: SYNTHETIC, {answer['data']['from']} to {answer['data']['to']}; effects: {effects}"


def listing(answer: Answer) -> str:
    """Return the one list of an answer as a table."""
    rows = next(value for key, value in answer.items() if key not in ("data", "version"))
    table = [[*rows[0]], *([str(value) for value in row.values()] for row in rows)]
    return "\n".join(grid(table, left=len(rows[0])))


def describe(answer: Answer) -> str:
    """Say what an instrument is, or a strategy and its parameters."""
    if "instrument" in answer:
        return "\n".join(f"{key:<18}{value}" for key, value in answer["instrument"].items())
    lines = [
        answer["strategy"],
        "",
        answer["what"],
        "",
        f"clock: {answer['clock']}; needs: {', '.join(answer['needs'])}",
        "",
    ]
    lines += [f"{p['name']:<14}{p['type']:<8}default {p['default']!r}" for p in answer["parameters"]]
    return "\n".join([*lines, "", answer["meaning"]])
