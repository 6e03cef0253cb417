"""The answer of ``import`` as text."""

from __future__ import annotations

from typing import Any

from backtests.text.cells import grid

Answer = dict[str, Any]

#: Lines of a list before the rest is counted.
_SHOWN = 12


def imported(answer: Answer) -> str:
    """Say what each file was taken for, where sources differ, what was found, and what was written."""
    rows = [[t["file"], t["as"], f"{t['rows']:,} rows", t["from"] or "", t["to"] or ""] for t in answer["took"]]
    lines = grid(rows, left=2)
    lines += _cut([_conflict(c) for c in answer["conflicts"]], "conflict")
    if answer["conflicts"]:
        lines.append(f"kept: {answer['precedence']}")
    worst_first = sorted(answer["findings"], key=lambda finding: str(finding["severity"] != "error"))
    lines += _cut([_finding(f) for f in _first_of_each(worst_first)], "finding")
    if answer["index"]:
        index = answer["index"]
        lines.append(f"index rebuilt: {index['exact_days']} of {index['days']} days equal the published close")
    elif any(f["severity"] == "error" for f in answer["findings"]):
        lines.append("index not rebuilt: see the errors")
    wrote = ", ".join(answer["wrote"]) or "nothing: the folder holds it all"
    return "\n".join([*lines, f"wrote into {answer['path']}: {wrote}"])


def _conflict(c: Answer) -> str:
    where = ", ".join(part for part in (c["file"], c["date"], c["column"]) if part)
    values = ", ".join(f"{value} in {source}" for source, value in c["values"].items())
    return f"conflict: {where}: {values}; kept: {c['kept']}"


def _finding(f: Answer) -> str:
    where = ", ".join(part for part in (f["file"], f["row"], f["column"]) if part)
    return f"{f['severity']}: {where}: {f['found']} [{f['rule']}]"


def _first_of_each(findings: list[Answer]) -> list[Answer]:
    """Return the first finding of each file and rule, with the count of those like it."""
    groups: dict[tuple[str, str], list[Answer]] = {}
    for finding in findings:
        groups.setdefault((finding["file"], finding["rule"]), []).append(finding)
    return [
        {**group[0], "found": group[0]["found"] + (f" (and {len(group) - 1} more)" if len(group) > 1 else "")}
        for group in groups.values()
    ]


def _cut(lines: list[str], what: str) -> list[str]:
    rest = len(lines) - _SHOWN
    return [*lines[:_SHOWN], *([f"... and {rest} more {what}s; --json FILE has all"] if rest > 0 else [])]
