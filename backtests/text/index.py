"""Answers about an index as text."""

from __future__ import annotations

from typing import Any

from backtests.text.cells import grid, level, number, percent, section, signed

Answer = dict[str, Any]

#: Years of the NT ratio that are shown.
YEARS = 10


def index(answer: Answer) -> str:
    """Say the divisors, weights, points and levels of a rebuilt index."""
    lines = [f"{d['date']}  {d['divisor']:>14}  {d['event']}" for d in answer["divisors"]]
    lines += _weights(answer)
    points = [f"{r['code']:<20}{r['points']:>12.2f}" for r in answer.get("contributions", [])]
    lines += section("points", points)
    points = [f"{r['sector']:<20}{r['points']:>12.2f}" for r in answer.get("contributions_by_sector", [])]
    lines += section("points by sector", points)
    lines += _close(answer) if "on" in answer else []
    levels = [f"{r['date']}  {r['level']:>12.2f}  {level(r['published']):>12}" for r in answer.get("levels", [])]
    lines += section("levels, rebuilt and published", levels)
    lines += [
        f"not exact: {w['date']} rebuilt {w['level']:.2f}, published {w['published']:.2f}" for w in answer["worst"]
    ]
    lines += _quotations(answer["sq"]) if "sq" in answer else []
    lines += _compare(answer["compare"]) if "compare" in answer else []
    lines += _carry(answer["carry"]) if "carry" in answer else []
    lines += section("total return", _total_return(answer["total_return"]) if "total_return" in answer else [])
    lines += section("what if", _what_if(answer["what_if"]) if "what_if" in answer else [])
    lines += section("ticks", _ticks(answer["ticks"]) if "ticks" in answer else [])
    lines += [f"warning: {f['file']}, {f['row']}: {f['found']}" for f in answer["findings"]]
    lines += [f"missing: {text}" for text in answer["data"]["missing"]]
    error = "none" if answer["max_abs_error"] is None else f"{answer['max_abs_error']} points"
    compared = f"{answer['exact_days']} of {answer['days']} days exact; largest error {error}"
    lines.append(compared if answer["days"] else f"not compared: {answer['max_abs_error_why']}")
    lines += [f"Open {answer['report']}"] if "report" in answer else []
    return "\n".join(lines)


def _weights(answer: Answer) -> list[str]:
    rows = [f"{r['code']:<20}{r['weight']:>10.4%}{r['one_percent']:>12.2f}" for r in answer.get("weights", [])]
    return section("weights, and the points of +1 %", rows)


def _close(answer: Answer) -> list[str]:
    """Say what was asked about the index at one close."""
    on = answer["on"]
    since = f", {on['move']:+.2f} since {on['since']}" if on["since"] else ""
    lines = [f"close of {on['date']}: {on['level']:.2f}{since}; {on['names']} names"]
    rows = [["sector", "weight", "names", "points"]]
    rows += [
        [r["sector"], f"{r['weight']:.2%}", str(r["names"]), signed(r["points"])] for r in answer.get("sectors", [])
    ]
    lines += grid(rows) if len(rows) > 1 else []
    if "points" in answer:
        rows = [["code", "sector", "weight", "points of +1 %"]]
        rows += [[r["code"], r["sector"], f"{r['weight']:.4%}", f"{r['one_percent']:.2f}"] for r in answer["points"]]
        lines += grid(rows, left=2)
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
        cells = [level(r["sq"]), level(r["open"]), signed(r["gap"])]
        table.append([r["date"], "Q" if r["quarterly"] else "", *cells])
    lines = grid(table, left=2)
    whys = ["", *("; ".join(r[k] for k in ("sq_why", "open_why") if k in r) for r in rows)]
    return [f"{line}  {why}".rstrip() for line, why in zip(lines, whys, strict=True)]


def _carry(roots: Answer) -> list[str]:
    """Say how far the carry model is from the closes of futures, and how far the bare index."""
    table = [["future", "closes", "from", "to", "model: mean", "sd, bp", "index: mean", "sd, bp"]]
    for root, r in roots.items():
        sizes = [number(r[side][part]) for side in ("bp", "cash_bp") for part in ("mean", "sd")]
        table.append([root, str(r["n"]), r["first"] or "-", r["last"] or "-", *sizes])
    return [*grid(table), *(note for r in roots.values() for note in r["notes"])]


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
    lines = grid(table)
    lines += [f"no {' or '.join(cells)} of {side}: {why}" for (side, why), cells in whys.items()]
    if answer["sources"]["n225"] == "rebuilt":
        lines.append("n225 here is the index rebuilt from constituents, there is no file n225")
    ratio = answer["nt_ratio"]
    if ratio is None:
        return [*lines, f"no NT ratio: {answer['nt_ratio_why']}"]
    lines.append(f"NT ratio {ratio['last']:.2f} on {ratio['to']}; {ratio['days']} days since {ratio['from']}")
    years = [["year", "last", "low", "high"]]
    years += [[str(y["year"]), *(f"{y[k]:.2f}" for k in ("last", "low", "high"))] for y in ratio["by_year"][-YEARS:]]
    return [*lines, *grid(years)]


def _cell(what: str, value: Any) -> str:
    return percent(value) if what == "volatility" else "-" if value is None else str(value)


def flows(answer: Answer) -> str:
    """Say the trades that each event asks of index funds."""
    lines = []
    for e in answer["events"]:
        bought = sum(t["yen"] for t in e["trades"] if t["yen"] > 0)
        lines.append(f"{e['effective']}  {len(e['trades']):>4} trades  {bought:>22,.0f} yen bought  {e['event']}")
    return "\n".join([*lines, "a purchase is paid by sales of as many yen; a split handled by the factor needs none"])


def _ticks(day: Answer) -> list[str]:
    """Say how the index went tick by tick, and which rows were left out."""
    said = ", ".join(f"{name} {level(day[name])}" for name in ("open", "high", "low", "close"))
    lines = [f"{day['session']}: {said}; before the first tick {level(day['opening'])}"]
    lines.append(f"{day['count']} ticks at {day['times']} times; the closing prices give {level(day['index_close'])}")
    lines += [f"left out: {f['file']}, {f['row']}, {f['column']}: {f['found']}" for f in day["findings"][:40]]
    lines += [f"{day['left_out']} rows left out"] if day["left_out"] else []
    return [*lines, *([f"written to {day['path']}"] if day["path"] else [])]


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
