"""Answers about a review as text."""

from __future__ import annotations

from typing import Any

from backtests.text.cells import grid, percent, section

Answer = dict[str, Any]

#: Lines of a ranking that are shown.
RANKS = 10


def review(answer: Answer) -> str:
    """Say the dates of a review, its events and the rankings behind them."""
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
    lines += section("ranking by liquidity", grid(ranking, left=4) if len(ranking) > 1 else [])
    lines += _hit_rate(answer["hit_rate"]) if "hit_rate" in answer else []
    lines += [f"warning: {text}" for text in answer["warnings"]]
    return "\n".join([*lines, *(f"missing: {text}" for text in answer["missing"])])


def _candidates(candidates: Answer) -> list[str]:
    """Say who may come, go and be capped; a runner-up has no reason."""
    lines = []
    for side in ("in", "out"):
        rows = [[c["code"], str(c["rank"] or "-"), c["sector"], c["reason"] or "runner-up"] for c in candidates[side]]
        table = grid([["code", "rank", "sector", "why"], *rows], left=4) if rows else ["no one"]
        lines += section(f"candidates {side}", table)
    rows = [
        [
            c["code"],
            f"{c['weight']:.2%}",
            f"{c['ratio']:g}",
            "-" if c["ratio_after"] is None else f"{c['ratio_after']:g}",
        ]
        for c in candidates["cap"]
    ]
    table = grid([["code", "weight", "ratio", "ratio after"], *rows]) if rows else ["no one"]
    return [*lines, *section("candidates for the cap", table)]


def _hit_rate(history: Answer) -> list[str]:
    """Say how many changes of past reviews the rules would have named."""
    rows = [["", "named", "recorded", "both", "hit rate"]]
    for side in ("in", "out", "cap"):
        r = history[side]
        rows.append([side, *(str(r[k]) for k in ("simulated", "recorded", "hits")), percent(r["hit_rate"])])
    drawn = " (SYNTHETIC market, its changes drawn at random)" if history["synthetic"] else ""
    return section(f"{len(history['reviews'])} past reviews replayed{drawn}", grid(rows))
