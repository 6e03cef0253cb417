"""Answers about sweeps as text."""

from __future__ import annotations

from typing import Any

from backtests.text.cells import grid, number, percent

Answer = dict[str, Any]
#: Figures of the best trial: column of the table, head, how it is written.
_FIGURES = (
    ("total_return", "return", percent),
    ("cagr", "CAGR", percent),
    ("ann_vol", "volatility", percent),
    ("sharpe", "Sharpe", number),
    ("max_drawdown", "max DD", percent),
    ("calmar", "Calmar", number),
)
_COUNTS = (("n_trades", "trades"), ("n_fills", "fills"), ("n_rejected", "rejected"), ("costs", "costs, yen"))
#: More values of a list than this are shown by their ends.
_SHOWN = 6


def sweep(answer: Answer) -> str:
    """Say what was swept, what the best trial is worth, and where all trials lie."""
    if not answer["finished"]:
        return str(answer["why"])
    lines = [_swept(answer["sweep_id"], answer["sweep"]), _trials(answer)]
    lines += [f"missing: {text}" for text in answer["data"]["missing"]]
    lines += _best(answer)
    lines += _verdict(answer["overfit"])
    lines += _walks(answer["overfit"])
    lines += _proofs(answer)
    if answer["data"]["synthetic"]:
        lines.append("SYNTHETIC market, planted effects")
    lines += [f"report of trial {row['trial']} ({_rank(row)}): {row['report']}" for row in answer["reports"]]
    return "\n".join([*lines, f"all trials: {answer['table']}", f"Open {answer['page']}"])


def _rank(row: Answer) -> str:
    return row["rank"] if isinstance(row["rank"], str) else f"rank {row['rank']}"


def _swept(name: str, about: Answer) -> str:
    axes = " x ".join(f"{axis} {_axis(values)}" for axis, values in about["over"].items())
    sample = "" if about["sample"] == "grid" else f", {about['sample']} sample of {about['trials']:,}"
    return f"{name}: {axes}{sample}" + "".join(f"; {text}" for text in about["constraints"])


def _axis(values: Any) -> str:
    """Return the values of an axis in brief."""
    if isinstance(values, dict):
        kind = f" ({values['count']})" if "count" in values else " (log)" if "log" in values else ""
        return f"{_plain(values['from'])} to {_plain(values['to'])}{kind}"
    if len(values) > _SHOWN:
        return f"{_plain(values[0])}, ..., {_plain(values[-1])} ({len(values)})"
    return ", ".join(map(_plain, values))


def _plain(value: Any) -> str:
    """Return a swept value as a reader would type it."""
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value) if value != "" else '""'


def _trials(answer: Answer) -> str:
    return f"{_counts(answer['trials'])}; {_rate(answer)} ({answer['path']})"


def _counts(trials: Answer) -> str:
    told = ", ".join(f"{trials[name]:,} {name}" for name in ("done", "failed", "quarantined"))
    return f"{trials['planned']:,} trials planned: {told}"


def _rate(answer: Answer) -> str:
    return "rate not known" if answer["rate"] is None else f"{answer['rate']:,.0f} trials a second"


def _best(answer: Answer) -> list[str]:
    best = answer["best"]
    if best is None:
        return [f"best by {answer['select']}: none has that figure"]
    values = ", ".join(f"{name} {_plain(best[name])}" for name in answer["sweep"]["over"])
    figures = [(head, write(best[name])) for name, head, write in _FIGURES]
    figures += [(head, f"{best[name]:,.0f}") for name, head in _COUNTS]
    heads, cells = (list(row) for row in zip(*figures, strict=True))
    return [f"best by {answer['select']}: trial {best['trial']}, {values}", *grid([heads, cells], left=0)]


def _verdict(found: Answer) -> list[str]:
    """Say the joint verdict, its reasons as given, and the figures they leave out."""
    if found["verdict"] is None:
        return [f"VERDICT: none, {found['verdict_why']}"]
    lines = [f"VERDICT: {found['verdict']}", *(f"  {reason}" for reason in found["reasons"])]
    parts = [
        f"effective trials {_figure(found, 'n_effective', '{:.1f}')} of {found['n_trials']:,}",
        f"DSR by all of them {_figure(found, 'dsr_raw_count', '{:.3f}')}",
        f"PSR {_figure(found, 'psr', '{:.3f}')}",
        f"minimum track record {_figure(found, 'min_track_record', '{:,.0f} sessions')}",
    ]
    against = {"benchmark_total": "the Nikkei with dividends", "benchmark_price": "the Nikkei without dividends"}
    held = against.get(str(found["benchmark"]), "no benchmark")
    note = [f"  NOTE: {found['note']}"] if "note" in found else []
    return [*lines, f"  {', '.join(parts)}; against {held}", *note]


def _figure(found: Answer, name: str, form: str) -> str:
    """Return a figure, or a dash where it does not exist."""
    return "-" if found[name] is None else form.format(found[name])


def _walks(found: Answer) -> list[str]:
    """Say a line for each way forward: what was chosen by the past, and what it earned."""
    return [f"walk forward, {name}: {_walk(way)}" for name, way in _ways(found)]


def _ways(found: Answer) -> list[tuple[str, Any]]:
    walked = found.get("walk_forward") or {}
    return [(name, walked[name] or walked[f"{name}_why"]) for name in ("rolling", "anchored") if name in walked]


def _walk(way: Answer | str) -> str:
    if isinstance(way, str):
        return f"none, {way}"
    folds, joined = way["folds"], way["joined"]
    inside, outside = (sum(fold[f"sharpe_{side}"] for fold in folds) / len(folds) for side in ("in", "out"))
    kept = "" if way["kept"] is None else f", {way['kept']:.0%} of it kept"
    excess = "" if joined["excess"] is None else f", {percent(joined['excess'])} a year over the benchmark"
    return f"{len(folds)} folds, Sharpe {inside:.2f} in-sample, {outside:.2f} out-of-sample{kept}{excess}"


def _proofs(answer: Answer) -> list[str]:
    """Say whether the engine agrees, and whether the best trial looks ahead."""
    parity, checked = answer["parity"], answer["lookahead"]
    if parity["equal"]:
        how = "; the engine computes them all" if answer["path"] == "engine" else " to the engine on every bar"
        lines = [f"parity: {parity['checked']} trials run again, equal{how}"]
    else:
        lines = [f"PARITY FAILS: {len(parity['differences'])} of {parity['checked']} trials differ in the engine"]
        lines += [f"  trial {one['trial']}: {one['what']}" for one in parity["differences"][:3]]
    rows = f"{checked['rows_checked']} rows of the best trial checked, {len(checked['leaks'])} leaks"
    lines.append(f"look-ahead: {rows if checked['rows_checked'] else 'not checked'}")
    return lines + [f"LEAK at {leak['row']}: {leak['what']}" for leak in checked["leaks"][:5]]


def status(answer: Answer) -> str:
    """Say how far a sweep is."""
    chunks, who = answer["chunks"], answer["coordinator"]
    state = "finished" if answer["finished"] else "running" if who else "stopped; the same command resumes"
    by = f", by process {who['pid']} on {who['host']} since {who['since']}" if who else ""
    lines = [f"{answer['sweep_id']}: {state}{by}", f"{_counts(answer['trials'])}; {_rate(answer)}"]
    written = f", last {answer['last_write']}" if answer["last_write"] else ""
    lines.append(f"{chunks['done']} of {chunks['of']} chunks stored{written}, {answer['bytes']:,} bytes")
    lines += [f"{answer['damaged']} damaged files are set aside at the next start"] if answer["damaged"] else []
    return "\n".join(lines)
