"""Answers about a market folder's life as text."""

from __future__ import annotations

from collections import Counter
from typing import Any

from backtests.text.cells import grid

Answer = dict[str, Any]

#: Disagreements shown, and letters of what a claim needs; the JSON has all.
SHOWN, WIDTH = 20, 100


def data(answer: Answer) -> str:
    """Say what can run, and what is missing for the rest; claims that lack the same are one line."""
    runnable = answer["runnable"]
    rows = [["name", "kind", "missing"]]
    rows += [[r["name"], r["kind"], "; ".join(r["missing"]) or "-"] for r in runnable if r["kind"] != "claim"]
    lines = grid(rows, left=3)
    claims = [r for r in runnable if r["kind"] == "claim"]
    lines += ["", f"claims: {sum(not r['missing'] for r in claims)} of {len(claims)} can be tested"]
    lacking = Counter("; ".join(r["missing"]) for r in claims if r["missing"])
    for what, count in sorted(lacking.items(), key=lambda each: (-each[1], each[0])):
        lines.append(f"{count:>4} need {what if len(what) <= WIDTH else what[:WIDTH] + '...'}")
    can = sum(not r["missing"] for r in runnable)
    return "\n".join([*lines, "", f"{can} of {len(runnable)} can run; --json FILE says what they run without"])


def convert(answer: Answer) -> str:
    """Say what was converted."""
    names = ", ".join(answer["converted"]) or "nothing: every file is in that format"
    return f"{answer['path']} as {answer['to']}: {names}"


def merge(answer: Answer) -> str:
    """Say where each file is from, and where the folders disagree."""
    lines = []
    for f in answer["files"]:
        unread = f"; left out, as the schema does not name them: {', '.join(f['unread'])}" if f["unread"] else ""
        lines.append(f"{f['file']:<20}{' + '.join(f['from'])}{unread}")
    said = answer["disagreements"]
    for d in said[:SHOWN]:
        lines.append(f"{d['file']}, {d['row']}, {d['column']}: {d['one']}, but {d['other']} in {d['folder']}")
    if len(said) > SHOWN:
        lines.append(f"... and {len(said) - SHOWN} more; --json FILE has all")
    if answer["path"] is None:
        return "\n".join([*lines, f"nothing was written: {answer['why']}. Next: --prefer first or last"])
    return "\n".join([*lines, f"written to {answer['path']}, {len(said)} disagreements"])


def cut(answer: Answer) -> str:
    """Say what the part holds, and that its index is that of the whole."""
    lines = [f"{f['file']:<20}{f['rows']:>8} rows" for f in answer["files"]]
    if answer["left_out"]:
        lines.append(f"no row in the part: {', '.join(answer['left_out'])}")
    same = answer["same_index_on"]
    index = f"index equal on all {same} sessions" if same is not None else f"no index compared: {answer['why']}"
    return "\n".join([*lines, f"written to {answer['path']}; {index}"])


def history(answer: Answer) -> str:
    """Say what happened between the lists, what is open, and how well it rebuilds the index."""
    lines = grid([["date", "code", "event", "before", "after", "by"], *map(_found, answer["found"])], left=3)
    for a in answer["ambiguous"]:
        lines.append(f"AMBIGUOUS: {a['code']} ({a['what']}): {a['why']}")
        lines += [f"  {candidate}" for candidate in a["candidates"][:SHOWN]]
    if answer["misfits"]:
        lines.append(f"no history fits the level of {', '.join(answer['misfits'][:SHOWN])}")
    lines += [f"facts differ: {f['date']} {f['code']}: {_told(f)}" for f in answer["facts"] if f["agree"] is False]
    agreed = sum(f["agree"] is True for f in answer["facts"])
    divisor = answer["divisor"]
    start = f"divisor {divisor['value']}{', fitted to the first level' if divisor['fitted'] else ''}"
    rebuilt = answer["rebuilt"]
    if rebuilt is None:
        return "\n".join([*lines, f"{start}; facts agree on {agreed}; {answer['why']}"])
    exact = f"{rebuilt['exact_days']} of {rebuilt['days']} published levels rebuilt"
    where = f"; written to {answer['path']}" if answer["path"] else ""
    return "\n".join([*lines, f"{start}; {exact}; facts agree on {agreed} of {len(answer['found'])}{where}"])


def _found(row: Answer) -> list[str]:
    ends = ["" if row[end] is None else f"{row[end]:g}" for end in ("before", "after")]
    return [row["date"], row["code"], row["event"], *ends, row["by"]]


def _told(row: Answer) -> str:
    return f"found {row['found'] or 'nothing'}, the facts have {row['facts']}"
