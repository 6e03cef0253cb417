"""Answers as text for a terminal: the same values as the JSON, a screen at most."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Answer = dict[str, Any]


def as_text(verb: str, answer: Answer) -> str:
    """Return the answer of a verb as lines of text."""
    return _WRITERS[verb](answer)


def _demo(answer: Answer) -> str:
    rows = [_run_row(r["spec"], r) for r in answer["runs"]]
    synthetic = "SYNTHETIC market, planted effects. " if answer["data"]["synthetic"] else ""
    return "\n".join([_HEAD, *rows, f"{synthetic}Open {answer['index']}"])


_HEAD = (
    f"{'run':<12}{'net':>9}{'gross':>9}{'Sharpe':>8}{'max DD':>9}{'trades':>8}"
    f"{'costs, yen':>14}{'rejected':>10}{'leaks':>7}"
)


def _run_row(name: str, r: Answer) -> str:
    net, gross = r["net"], r["gross"]
    costs = r["costs"]["fees"] + r["costs"]["slippage"]
    rejected = sum(x["n"] for x in r["rejected"])
    return (
        f"{name:<12}{_percent(net['total_return']):>9}{_percent(gross['total_return']):>9}{_number(net['sharpe']):>8}"
        f"{_percent(net['max_drawdown']):>9}{net['n_trades']:>8}{costs:>14,.0f}{rejected:>10}{len(r['lookahead']['leaks']):>7}"
    )


def _run(answer: Answer) -> str:
    lines = [_HEAD, _run_row(answer["run_id"].rsplit("-", 1)[0], answer)]
    lines += [f"missing: {text}" for text in answer["data"]["missing"]]
    lines += [f"rejected {r['n']}: {r['reason']}" for r in answer["rejected"]]
    checked = answer["lookahead"]
    lines.append(f"look-ahead: {checked['rows_checked']} rows checked, {len(checked['leaks'])} leaks")
    lines += [f"LEAK at {leak['row']}: {leak['what']}" for leak in checked["leaks"][:5]]
    if answer["data"]["synthetic"]:
        lines.append("SYNTHETIC market, planted effects")
    return "\n".join([*lines, f"Open {answer['report']}"])


def _check(answer: Answer) -> str:
    lines = []
    for f in answer["findings"][:40]:
        where = ", ".join(part for part in (f["file"], f["row"], f["column"]) if part)
        lines.append(f"{f['severity']}: {where}: {f['found']} [{f['rule']}]")
    if len(answer["findings"]) > 40:
        lines.append(f"... and {len(answer['findings']) - 40} more; --json FILE has all")
    for c in answer["coverage"]:
        missing = f", {c['missing_sessions']} sessions missing" if c.get("missing_sessions") else ""
        lines.append(f"{c['file']:<28}{c['rows']:>8} rows  {c['from'] or '':>10} {c['to'] or '':>10}{missing}")
    return "\n".join([*lines, f"{answer['errors']} errors, {answer['warnings']} warnings"])


def _index(answer: Answer) -> str:
    lines = [f"{d['date']}  {d['divisor']:>14}  {d['event']}" for d in answer["divisors"]]
    lines += [f"{r['code']:<20}{r['weight']:>10.4%}" for r in answer.get("weights", [])]
    lines += [f"{r['code']:<20}{r['points']:>12.2f}" for r in answer.get("contributions", [])]
    lines += [f"{r['date']}  {r['level']:>12.2f}  published {r['published']}" for r in answer.get("levels", [])]
    lines += [
        f"not exact: {w['date']} rebuilt {w['level']:.2f}, published {w['published']:.2f}" for w in answer["worst"]
    ]
    lines += [f"warning: {f['file']}, {f['row']}: {f['found']}" for f in answer["findings"]]
    error = "none" if answer["max_abs_error"] is None else f"{answer['max_abs_error']} points"
    lines.append(f"{answer['exact_days']} of {answer['days']} days exact; largest error {error}")
    return "\n".join(lines)


def _sample(answer: Answer) -> str:
    effects = ", ".join(f"{name} {value}" for name, value in answer["effects"].items())
    return f"{answer['path']}: SYNTHETIC, {answer['data']['from']} to {answer['data']['to']}; effects: {effects}"


def _list(answer: Answer) -> str:
    rows = next(value for key, value in answer.items() if key not in ("data", "version"))
    return "\n".join("  ".join(f"{value!s:<16}" for value in row.values()).rstrip() for row in rows)


def _describe(answer: Answer) -> str:
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


def _report(answer: Answer) -> str:
    return "\n".join(answer["pages"])


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


_WRITERS: dict[str, Callable[[Answer], str]] = {
    "demo": _demo,
    "run": _run,
    "check": _check,
    "index": _index,
    "sample": _sample,
    "list": _list,
    "describe": _describe,
    "report": _report,
}
