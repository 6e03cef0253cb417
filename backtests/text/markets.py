"""Answers about markets, strategies and instruments as text."""

from __future__ import annotations

from collections import Counter
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
        lines.append(f"{c['file']:<28}{c['rows']:>8} rows  {c['from'] or '':>10} {c['to'] or '':>10}{_lacking(c)}")
    return "\n".join([*lines, f"errors: {answer['errors']}, warnings: {answer['warnings']}"])


def _lacking(covered: Answer) -> str:
    """Say which sessions, cells and codes of a file are not there, and which rows are stale."""
    said = []
    if covered.get("missing_sessions"):
        longest = covered["gaps"]["longest"]
        said.append(f"{covered['missing_sessions']} sessions missing")
        said.append(f"longest gap {longest['sessions']} from {longest['from']}")
    if covered.get("stale"):
        said.append(f"{covered['stale']} stale")
    if holes := covered.get("codes", {}).get("with_holes"):
        said.append(f"{holes} of {covered['codes']['count']} codes with holes")
    late = [c["column"] for c in covered.get("columns", []) if c["from"] and c["from"] > covered["from"]]
    said += [f"{', '.join(late)} from later on"] if late else []
    return "".join(f", {text}" for text in said)


def fetch(answer: Answer) -> str:
    """Say what a source gave, and what was not taken from it."""
    lines = []
    for (file, into), rows in _taken(answer["took"]).items():
        new = [t for t in rows if t["rows"]]
        span = f"{min(t['from'] for t in new)} to {max(t['to'] for t in new)}" if new else rows[0]["why"]
        lines.append(f"{file:<48}{into:<20}{sum(t['rows'] for t in new):>7} new  {span}")
    for c in answer["conflicts"][:20]:
        where = f"{c['file']}, {c['date']}, {c['column']}"
        lines.append(f"conflict: {where}: the folder has {c['have']:.10g}, the source {c['given']:.10g}")
    if len(answer["conflicts"]) > 20:
        lines.append(f"... and {len(answer['conflicts']) - 20} more; --json FILE has all")
    if answer["conflicts"]:
        lines.append("--on-conflict keep adds the new sessions all the same; take replaces what differs, too")
    for row in answer["left_out"][:20]:
        lines.append(f"left out: {', '.join(filter(None, (row['file'], row['date'])))}: {row['why']}")
    if len(answer["left_out"]) > 20:
        lines.append(f"... and {len(answer['left_out']) - 20} more rows left out")
    lines += [f"gap: {g['file']}: the source has nothing from {g['from']} to {g['to']}" for g in answer["gaps"]]
    return "\n".join(lines)


def _taken(took: list[Answer]) -> dict[tuple[str, str], list[Answer]]:
    """Return what was taken line by line: a series, or all codes of a file of many stocks."""
    codes = Counter(t["as"].partition(" ")[0] for t in took if " " in t["as"])
    lines: dict[tuple[str, str], list[Answer]] = {}
    for t in took:
        into, _, code = t["as"].partition(" ")
        many = code and codes[into] > 1
        file = f"{t['file'].partition(' ')[0]} {codes[into]} codes" if many else t["file"]
        lines.setdefault((file, into if many else t["as"]), []).append(t)
    return lines


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
    """Say what an instrument or a claim is, or a strategy and its parameters."""
    if terms := answer.get("instrument", answer.get("claim")):
        return "\n".join(f"{key:<18}{value}" for key, value in terms.items())
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
