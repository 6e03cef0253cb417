"""The audit as text for a terminal: counts by seed, and what the data cannot settle."""

from __future__ import annotations

from typing import Any

from backtests.claims.judge import INSUFFICIENT, NOT_TESTABLE, VERDICTS

#: Heads of the columns, as narrow as they are clear.
_HEADS = dict(zip(VERDICTS, ("supported", "not supp.", "too few", "contrad.", "untestable"), strict=True))

#: Claims named for want of a file; a market with little in it lacks something for most.
_SHOWN = 20


def as_text(answer: dict[str, Any]) -> str:
    """Return the answer of the verb ``claims`` as lines of text, a screen at most."""
    claims = answer["claims"]
    lines = [f"{'seed':<6}{'claims':>8}" + "".join(f"{head:>12}" for head in _HEADS.values())]
    for seed in sorted({claim["seed"] for claim in claims}):
        own = [claim["verdict"] for claim in claims if claim["seed"] == seed]
        lines.append(f"{seed:<6}{len(own):>8}" + "".join(f"{own.count(verdict):>12}" for verdict in VERDICTS))
    counts = answer["counts"]
    lines.append(f"{'all':<6}{counts['claims']:>8}" + "".join(f"{counts[verdict]:>12}" for verdict in VERDICTS))
    lines += [f"too few: {c['id']} n = {c['n']} of {c['min_n']}" for c in claims if c["verdict"] == INSUFFICIENT]
    lines += [f"untestable: {c['id']} needs {_file(c)}" for c in claims if c["verdict"] == NOT_TESTABLE][:_SHOWN]
    if counts[NOT_TESTABLE] > _SHOWN:
        lines.append(f"... and {counts[NOT_TESTABLE] - _SHOWN} more; --json FILE has all")
    if answer["data"]["synthetic"]:
        lines.append("SYNTHETIC market: the verdicts show the machinery, not the market")
    lines.append(f"{counts['tested_with_numbers']} tested with numbers, {counts['with_p']} of them with a p-value")
    return "\n".join([*lines, *([f"Open {answer['report']}"] if "report" in answer else [])])


def _file(claim: dict[str, Any]) -> str:
    """Return the file that would settle a claim, without what it should hold."""
    return str(claim["missing"][0].partition(": ")[0])
