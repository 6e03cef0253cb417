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
    f"{'run':<12} {'net':>9} {'gross':>9} {'Sharpe':>7} {'max DD':>8}{'trades':>8}"
    f"{'costs, yen':>14}{'rejected':>10}{'leaks':>7}"
)


def _run_row(name: str, r: Answer) -> str:
    net, gross = r["net"], r["gross"]
    costs = r["costs"]["fees"] + r["costs"]["slippage"]
    rejected = sum(x["n"] for x in r["rejected"])
    returns = f"{_percent(net['total_return']):>9} {_percent(gross['total_return']):>9}"
    risk = f"{_number(net['sharpe']):>7} {_percent(net['max_drawdown']):>8}"
    counts = f"{net['n_trades']:>8}{costs:>14,.0f}{rejected:>10}{len(r['lookahead']['leaks']):>7}"
    return f"{name:<12} {returns} {risk}{counts}"


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
    return "\n".join([*lines, f"errors: {answer['errors']}, warnings: {answer['warnings']}"])


def _index(answer: Answer) -> str:
    lines = [f"{d['date']}  {d['divisor']:>14}  {d['event']}" for d in answer["divisors"]]
    weights = [f"{r['code']:<20}{r['weight']:>10.4%}{r['one_percent']:>12.2f}" for r in answer.get("weights", [])]
    lines += _section("weights, and the points of +1 %", weights)
    points = [f"{r['code']:<20}{r['points']:>12.2f}" for r in answer.get("contributions", [])]
    lines += _section("points", points)
    levels = [f"{r['date']}  {r['level']:>12.2f}  {_level(r['published']):>12}" for r in answer.get("levels", [])]
    lines += _section("levels, rebuilt and published", levels)
    lines += [
        f"not exact: {w['date']} rebuilt {w['level']:.2f}, published {w['published']:.2f}" for w in answer["worst"]
    ]
    lines += _section("total return", _total_return(answer["total_return"]) if "total_return" in answer else [])
    lines += _section("what if", _what_if(answer["what_if"]) if "what_if" in answer else [])
    lines += [f"warning: {f['file']}, {f['row']}: {f['found']}" for f in answer["findings"]]
    error = "none" if answer["max_abs_error"] is None else f"{answer['max_abs_error']} points"
    compared = f"{answer['exact_days']} of {answer['days']} days exact; largest error {error}"
    lines.append(compared if answer["days"] else f"not compared: {answer['max_abs_error_why']}")
    return "\n".join(lines)


def _flows(answer: Answer) -> str:
    lines = []
    for e in answer["events"]:
        bought = sum(t["yen"] for t in e["trades"] if t["yen"] > 0)
        lines.append(f"{e['effective']}  {len(e['trades']):>4} trades  {bought:>22,.0f} yen bought  {e['event']}")
    return "\n".join([*lines, "a purchase is paid by sales of as many yen; a split handled by the factor needs none"])


def _review(answer: Answer) -> str:
    dates = answer["review"]
    lines = [f"base {dates['base']}, announced {dates['announced']}, effective {dates['effective']}"]
    for e in answer["events"]:
        factor = "" if e["factor"] is None else e["factor"]
        lines.append(f"{e['effective_date']}  {e['code']:<6}{e['event']:<15}{factor:<6}{e['reason']}")
    if not answer["events"]:
        lines.append("nothing changes")
    lines += [f"warning: {text}" for text in answer["warnings"]]
    return "\n".join([*lines, *(f"missing: {text}" for text in answer["missing"])])


def _what_if(world: Answer) -> list[str]:
    lines = [
        f"{world['what_if']}: {world['meaning']}; {world['difference']:+.2f} points from the real index at the end"
    ]
    lines += [f"{y['year']}  real {y['real']:>12.2f}  world {y['world']:>12.2f}" for y in world["by_year"]]
    lines += [f"{s['code']:<20}{s['points']:>12.2f}" for s in world["by_stock"]]
    return [*lines, *(f"missing: {text}" for text in world["missing"])]


def _total_return(answer: Answer) -> list[str]:
    error = answer["tr_error_bp_per_year"]
    said = "no published one to compare with" if error is None else f"{error} bp a year from the published one"
    return [f"over {answer['days']} days {said}; dividends known for {answer['coverage']:.1%} of the weight"]


def _section(head: str, lines: list[str]) -> list[str]:
    return [f"{head}:", *lines] if lines else []


def _level(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _sample(answer: Answer) -> str:
    effects = ", ".join(f"{name} {value}" for name, value in answer["effects"].items())
    return f"{answer['path']}: SYNTHETIC, {answer['data']['from']} to {answer['data']['to']}; effects: {effects}"


def _list(answer: Answer) -> str:
    rows = next(value for key, value in answer.items() if key not in ("data", "version"))
    table = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    width = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join("  ".join(f"{c:<{w}}" for c, w in zip(row, width, strict=True)).rstrip() for row in table)


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
    "flows": _flows,
    "index": _index,
    "sample": _sample,
    "list": _list,
    "describe": _describe,
    "report": _report,
    "review": _review,
}
