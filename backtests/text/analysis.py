"""Answers about the Bank, drivers and claims as text."""

from __future__ import annotations

from typing import Any

from backtests.text.cells import grid, percent

Answer = dict[str, Any]


def bank(answer: Answer) -> str:
    """Say when the Bank buys by decile, how well that is foretold, what it holds and what that moved."""
    bought = answer["purchases"]
    when, yen = f"{bought['from']} to {bought['to']}", f"{bought['yen'] / 1e12:.2f} trillion yen"
    lines = [f"{bought['days']} purchases on {bought['sessions']} sessions, {when}: {yen}"]
    for name, part in answer["when"].items():
        if "why" in part:
            continue
        shares = " ".join(f"{row['p']:.3f}" for row in part["deciles"] if row["p"] is not None)
        judged = part["judgement"]
        lines += [f"P(buy) by decile of the return {name} ({part['n']} sessions), lowest first: {shares}"]
        lines += [f"  the seed's 99 % and 0 %: {judged['verdict']}; {judged['can']}; but {judged['cannot']}"]
    lines += [f"missing: {text}" for text in answer["data"]["missing"]]
    return "\n".join([*lines, "--json - has eras, model, scores, caps, allocation, effects and holdings"])


def drivers(answer: Answer) -> str:
    """Say the regression, and how much of the whole return each driver is behind."""
    fit, parts = answer["fit"], answer["attribution"]["parts"]
    lines = [
        f"{answer['of']}, {answer['from']} to {answer['to']}: {fit['n']} observations of {answer['step']} sessions"
    ]
    table = [["", "beta", "se", "t", "p", "part of the return"]]
    for row in fit["coefficients"]:
        numbers = [f"{row['beta']:.4f}", f"{row['se']:.4f}", f"{row['t']:.1f}", f"{row['p']:.3f}"]
        table.append([row["name"], *numbers, percent(parts.get(row["name"]))])
    table += [[name, "", "", "", "", percent(parts[name])] for name in ("residual", "unknown")]
    lines += [*grid(table), f"R2 {fit['r2']:.3f}; errors of Newey and West, {fit['lags']} lags"]
    lines.append(f"whole return {percent(answer['attribution']['total'])}")
    return "\n".join([*lines, *(f"missing: {text}" for text in answer["data"]["missing"])])


def claims(answer: Answer) -> str:
    """Say the verdicts by seed, and what cannot be tested."""
    # Imported here: the words of the claims stand beside their data.
    from backtests.claims.words import as_text as claims_as_text

    return claims_as_text(answer)


def vehicles(answer: Answer) -> str:
    """Say the rows of each vehicle and the table of ruins."""
    # Imported here, as the claims: the words stand beside the figures.
    from backtests.vehicles import lines

    return "\n".join(lines(answer))
