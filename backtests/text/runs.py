"""Answers about runs as text."""

from __future__ import annotations

from typing import Any

from backtests.text.cells import number, percent

Answer = dict[str, Any]


def demo(answer: Answer) -> str:
    """Say a line for each run of the demonstration, and which page to open."""
    rows = [_run_row(r["spec"], r) for r in answer["runs"]]
    synthetic = "SYNTHETIC market, planted effects. " if answer["data"]["synthetic"] else ""
    return "\n".join([_HEAD, *rows, f"{synthetic}Open {answer['index']}"])


_HEAD = (
    f"{'run':<12} {'net':>9} {'gross':>9} {'Sharpe':>7} {'max DD':>8}{'trades':>8}"
    f"{'costs, yen':>14}{'rejected':>10}{'leaks':>7}"
)


def _run_row(name: str, r: Answer) -> str:
    net, gross = r["net"], r["gross"]
    costs = sum(r["costs"].values())
    rejected = sum(x["n"] for x in r["rejected"])
    returns = f"{percent(net['total_return']):>9} {percent(gross['total_return']):>9}"
    risk = f"{number(net['sharpe']):>7} {percent(net['max_drawdown']):>8}"
    leaks = "-" if r["lookahead"].get("unchecked") else str(len(r["lookahead"]["leaks"]))
    counts = f"{net['n_trades']:>8} {costs:>13,.0f}{rejected:>10}{leaks:>7}"
    return f"{name:<12} {returns} {risk}{counts}"


def run(answer: Answer) -> str:
    """Say the figures of a run, what it lacked, and what the look-ahead check found."""
    lines = [_HEAD, _run_row(answer["run_id"].rsplit("-", 1)[0], answer)]
    lines += [f"missing: {text}" for text in answer["data"]["missing"]]
    lines += [f"rejected {r['n']}: {r['reason']}" for r in answer["rejected"]]
    checked = answer["lookahead"]
    rows = f"{checked['rows_checked']} rows checked, {len(checked['leaks'])} leaks"
    lines.append(f"look-ahead: {'not checked; ' + checked['blind_spots'][0] if checked.get('unchecked') else rows}")
    lines += [f"LEAK at {leak['row']}: {leak['what']}" for leak in checked["leaks"][:5]]
    if answer["data"]["synthetic"]:
        lines.append("SYNTHETIC market, planted effects")
    lines += [f"PDF {answer['pdf']}"] if "pdf" in answer else []
    return "\n".join([*lines, f"Open {answer['report']}"])


def lookahead(answer: Answer) -> str:
    """Say the leaks of a strategy, and how much was checked."""
    lines = [f"LEAK by {leak['test']} at {leak['row']}: {leak['what']}" for leak in answer["leaks"][:20]]
    more = len(answer["leaks"]) - 20
    lines += [f"... and {more} more; --json FILE has all"] if more > 0 else []
    lines += [f"cannot be seen: {text}" for text in answer["blind_spots"]]
    tried = ", ".join(f"{test} {rows}" for test, rows in answer["cuts"].items())
    lines.append(f"{answer['rows_checked']} of {answer['rows']} rows checked; {tried}; {len(answer['leaks'])} leaks")
    return "\n".join(lines)
