"""Answers as text for a terminal: the same values as the JSON, a screen at most."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

Answer = dict[str, Any]

#: Lines of a long table: ranks of a review, years of the NT ratio.
RANKS = YEARS = 10


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
    costs = sum(r["costs"].values())
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
    lines += _weights(answer)
    points = [f"{r['code']:<20}{r['points']:>12.2f}" for r in answer.get("contributions", [])]
    lines += _section("points", points)
    points = [f"{r['sector']:<20}{r['points']:>12.2f}" for r in answer.get("contributions_by_sector", [])]
    lines += _section("points by sector", points)
    lines += _close(answer) if "on" in answer else []
    levels = [f"{r['date']}  {r['level']:>12.2f}  {_level(r['published']):>12}" for r in answer.get("levels", [])]
    lines += _section("levels, rebuilt and published", levels)
    lines += [
        f"not exact: {w['date']} rebuilt {w['level']:.2f}, published {w['published']:.2f}" for w in answer["worst"]
    ]
    lines += _quotations(answer["sq"]) if "sq" in answer else []
    lines += _compare(answer["compare"]) if "compare" in answer else []
    lines += _carry(answer["carry"]) if "carry" in answer else []
    lines += _section("total return", _total_return(answer["total_return"]) if "total_return" in answer else [])
    lines += _section("what if", _what_if(answer["what_if"]) if "what_if" in answer else [])
    lines += [f"warning: {f['file']}, {f['row']}: {f['found']}" for f in answer["findings"]]
    lines += [f"missing: {text}" for text in answer["data"]["missing"]]
    error = "none" if answer["max_abs_error"] is None else f"{answer['max_abs_error']} points"
    compared = f"{answer['exact_days']} of {answer['days']} days exact; largest error {error}"
    lines.append(compared if answer["days"] else f"not compared: {answer['max_abs_error_why']}")
    return "\n".join(lines)


def _weights(answer: Answer) -> list[str]:
    rows = [f"{r['code']:<20}{r['weight']:>10.4%}{r['one_percent']:>12.2f}" for r in answer.get("weights", [])]
    return _section("weights, and the points of +1 %", rows)


def _close(answer: Answer) -> list[str]:
    """Say what was asked about the index at one close."""
    on = answer["on"]
    since = f", {on['move']:+.2f} since {on['since']}" if on["since"] else ""
    lines = [f"close of {on['date']}: {on['level']:.2f}{since}; {on['names']} names"]
    rows = [["sector", "weight", "names", "points"]]
    rows += [
        [r["sector"], f"{r['weight']:.2%}", str(r["names"]), _signed(r["points"])] for r in answer.get("sectors", [])
    ]
    lines += _table(rows) if len(rows) > 1 else []
    if "points" in answer:
        rows = [["code", "sector", "weight", "points of +1 %"]]
        rows += [[r["code"], r["sector"], f"{r['weight']:.4%}", f"{r['one_percent']:.2f}"] for r in answer["points"]]
        lines += _table(rows, left=2)
    if "concentration" in answer:
        many = answer["concentration"]
        equal = f"as concentrated as {many['effective_number']:.1f} equal names"
        lines.append(f"the ten largest have {many['top_ten']:.2%}; {equal}")
    return lines


def _quotations(rows: list[Answer]) -> list[str]:
    """Say the special quotations; a Q marks the days on which futures settle."""
    if not rows:
        return ["special quotations: no SQ day between the first and the last session"]
    table = [["SQ day", "", "SQ", "open", "gap"]]
    for r in rows:
        cells = [_level(r["sq"]), _level(r["open"]), _signed(r["gap"])]
        table.append([r["date"], "Q" if r["quarterly"] else "", *cells])
    lines = _table(table, left=2)
    whys = ["", *("; ".join(r[k] for k in ("sq_why", "open_why") if k in r) for r in rows)]
    return [f"{line}  {why}".rstrip() for line, why in zip(lines, whys, strict=True)]


def _carry(roots: Answer) -> list[str]:
    """Say how far the carry model is from the closes of futures, and how far the bare index."""
    table = [["future", "closes", "from", "to", "model: mean", "sd, bp", "index: mean", "sd, bp"]]
    for root, r in roots.items():
        sizes = [_number(r[side][part]) for side in ("bp", "cash_bp") for part in ("mean", "sd")]
        table.append([root, str(r["n"]), r["first"] or "-", r["last"] or "-", *sizes])
    return [*_table(table), *(note for r in roots.values() for note in r["notes"])]


def _compare(answer: Answer) -> list[str]:
    """Say the comparison table, why a cell is empty, and the NT ratio of the last ten years."""
    sides = ("n225", "topix")
    table = [["", *sides]]
    whys: dict[tuple[str, str], list[str]] = {}
    for r in (r for r in answer["table"] if r["what"] != "nt_ratio"):
        name = f"volatility, {r['years']} years" if r["what"] == "volatility" else r["what"]
        table.append([name, *(_cell(r["what"], r[side]) for side in sides)])
        for side in (side for side in sides if f"{side}_why" in r):
            whys.setdefault((side, r[f"{side}_why"]), []).append(r["what"])
    lines = _table(table)
    lines += [f"no {' or '.join(cells)} of {side}: {why}" for (side, why), cells in whys.items()]
    if answer["sources"]["n225"] == "rebuilt":
        lines.append("n225 here is the index rebuilt from constituents, there is no file n225")
    ratio = answer["nt_ratio"]
    if ratio is None:
        return [*lines, f"no NT ratio: {answer['nt_ratio_why']}"]
    lines.append(f"NT ratio {ratio['last']:.2f} on {ratio['to']}; {ratio['days']} days since {ratio['from']}")
    years = [["year", "last", "low", "high"]]
    years += [[str(y["year"]), *(f"{y[k]:.2f}" for k in ("last", "low", "high"))] for y in ratio["by_year"][-YEARS:]]
    return [*lines, *_table(years)]


def _cell(what: str, value: Any) -> str:
    return _percent(value) if what == "volatility" else "-" if value is None else str(value)


def _flows(answer: Answer) -> str:
    lines = []
    for e in answer["events"]:
        bought = sum(t["yen"] for t in e["trades"] if t["yen"] > 0)
        lines.append(f"{e['effective']}  {len(e['trades']):>4} trades  {bought:>22,.0f} yen bought  {e['event']}")
    return "\n".join([*lines, "a purchase is paid by sales of as many yen; a split handled by the factor needs none"])


def _review(answer: Answer) -> str:
    dates = answer["review"]
    lines = [f"base {dates['base']}, announced {dates['announced']}, effective {dates['effective']}"]
    if answer["events"] is None:
        lines.append(f"no events yet: {answer['events_why']}")
    for e in answer["events"] or []:
        factor = "" if e["factor"] is None else e["factor"]
        lines.append(f"{e['effective_date']}  {e['code']:<6}{e['event']:<15}{factor:<6}{e['reason']}")
    if answer["events"] == []:
        lines.append("nothing changes")
    lines += _candidates(answer["candidates"])
    ranking = [["rank", "code", "sector", "member", "yen traded"]]
    ranking += [
        [
            str(r["rank"] or "-"),
            r["code"],
            r["sector"],
            "yes" if r["member"] else "no",
            f"{r['trading_value_yen']:,.0f}",
        ]
        for r in (answer["ranking"] or [])[:RANKS]
    ]
    lines += _section("ranking by liquidity", _table(ranking, left=4) if len(ranking) > 1 else [])
    lines += _hit_rate(answer["hit_rate"]) if "hit_rate" in answer else []
    lines += [f"warning: {text}" for text in answer["warnings"]]
    return "\n".join([*lines, *(f"missing: {text}" for text in answer["missing"])])


def _candidates(candidates: Answer) -> list[str]:
    """Say who may come, go and be capped; a runner-up has no reason."""
    lines = []
    for side in ("in", "out"):
        rows = [[c["code"], str(c["rank"] or "-"), c["sector"], c["reason"] or "runner-up"] for c in candidates[side]]
        table = _table([["code", "rank", "sector", "why"], *rows], left=4) if rows else ["no one"]
        lines += _section(f"candidates {side}", table)
    rows = [
        [
            c["code"],
            f"{c['weight']:.2%}",
            f"{c['ratio']:g}",
            "-" if c["ratio_after"] is None else f"{c['ratio_after']:g}",
        ]
        for c in candidates["cap"]
    ]
    table = _table([["code", "weight", "ratio", "ratio after"], *rows]) if rows else ["no one"]
    return [*lines, *_section("candidates for the cap", table)]


def _hit_rate(history: Answer) -> list[str]:
    """Say how many changes of past reviews the rules would have named."""
    rows = [["", "named", "recorded", "both", "hit rate"]]
    for side in ("in", "out", "cap"):
        r = history[side]
        rows.append([side, *(str(r[k]) for k in ("simulated", "recorded", "hits")), _percent(r["hit_rate"])])
    drawn = " (SYNTHETIC market, its changes drawn at random)" if history["synthetic"] else ""
    return _section(f"{len(history['reviews'])} past reviews replayed{drawn}", _table(rows))


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


def _table(rows: list[list[str]], left: int = 1) -> list[str]:
    """Align cells: the first `left` columns to the left, the others to the right."""
    width = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_padded(c, width[at], at < left) for at, c in enumerate(row)).rstrip() for row in rows]


def _padded(cell: str, width: int, left: bool) -> str:
    room = " " * (width - _width(cell))
    return cell + room if left else room + cell


def _width(cell: str) -> int:
    """Return how many columns of a terminal a text takes: Japanese letters take two."""
    return sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in cell)


def _section(head: str, lines: list[str]) -> list[str]:
    return [f"{head}:", *lines] if lines else []


def _level(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f}"


def _sample(answer: Answer) -> str:
    effects = ", ".join(f"{name} {value}" for name, value in answer["effects"].items())
    return f"{answer['path']}: SYNTHETIC, {answer['data']['from']} to {answer['data']['to']}; effects: {effects}"


def _list(answer: Answer) -> str:
    rows = next(value for key, value in answer.items() if key not in ("data", "version"))
    table = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    return "\n".join(_table(table, left=len(rows[0])))


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


def _lookahead(answer: Answer) -> str:
    lines = [f"LEAK by {leak['test']} at {leak['row']}: {leak['what']}" for leak in answer["leaks"][:20]]
    more = len(answer["leaks"]) - 20
    lines += [f"... and {more} more; --json FILE has all"] if more > 0 else []
    lines += [f"cannot be seen: {text}" for text in answer["blind_spots"]]
    tried = ", ".join(f"{test} {rows}" for test, rows in answer["cuts"].items())
    lines.append(f"{answer['rows_checked']} of {answer['rows']} rows checked; {tried}; {len(answer['leaks'])} leaks")
    return "\n".join(lines)


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
    "lookahead": _lookahead,
    "report": _report,
    "review": _review,
}
