"""Any number of runs side by side: one page, its JSON twin and the joined returns, from their folders only.

What is compared stands on the sessions that all of the runs have; where their spans differ, the page says so.
"""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from backtests import metrics
from backtests.report import chart
from backtests.report.page import Numbers, templates
from backtests.report.tables import POINTS, day, ticks
from backtests.result import Result
from indexsim import sessions
from indexsim.errors import MissingData, SpecError
from indexsim.folders import replacing

#: Raised when a name of the JSON changes its meaning.
SCHEMA = 1
#: Facts of a run that may differ, beside its spec.
_FACTS = ("version", "commit", "code", "packages", "what_if", "waived")
#: What stands beside values that a run has not.
ABSENT = {"values_why": "the run has no such key"}
#: Keys of a spec that say where things lie: the fingerprint of the data stands for them.
_PLACES = ("market",)


def write_compare(folders: Sequence[Path], out: Path | None = None) -> tuple[Path, dict[str, Any]]:
    """Write the comparison of stored runs into a folder named after them, replacing an earlier one whole.

    Parameters
    ----------
    folders : sequence of Path
        Of runs, at least two; the order is that of the page.
    out : Path, optional
        Folder that gets the folder of the comparison; that of the first run by default.

    Returns
    -------
    page : Path
    values : dict
        The JSON twin. The same runs in the same places give the same bytes.

    Raises
    ------
    SpecError
        Fewer than two runs, one of them twice, or no session that all of them have.
    MissingData
        A folder without a stored run.
    """
    folders = [folder.resolve() for folder in folders]
    results = [_read(folder) for folder in folders]
    names = [str(result.facts["run_id"]) for result in results]
    _refuse(names)
    digest = hashlib.sha256("\0".join(names).encode()).hexdigest()
    folder = (out.resolve() if out else folders[0].parent) / f"compare-{digest[:12]}"
    values = comparison(results)
    links = [quote(os.path.relpath(one / "index.html", folder)) for one in folders]
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    page = _render(json.loads(text), links)
    with replacing(folder) as fresh:
        (fresh / "compare.json").write_text(text, "utf-8")
        joined(results).to_csv(fresh / "returns.csv", lineterminator="\n")
        (fresh / "index.html").write_text(page, "utf-8")
    return folder / "index.html", values


def _read(folder: Path) -> Result:
    try:
        return Result.read(folder)
    except (OSError, ValueError) as error:
        raise MissingData(
            asked=f"compare {folder}",
            found=str(error) if (folder / "facts.json").is_file() else "no stored run there",
            rule="a run's folder holds facts.json and its frames",
            todo="name folders under reports/",
        ) from error


def _refuse(names: Sequence[str]) -> None:
    twice = [name for name, after in pairwise(sorted(names)) if name == after]
    if len(names) < 2 or twice:
        raise SpecError(
            asked="compare runs",
            found=f"{twice[0]} twice" if twice else f"{len(names)} of them",
            rule="a comparison has two runs or more, each once",
            todo="python -m backtests report --compare DIR DIR ...",
        )


def _common(results: Sequence[Result]) -> pd.DatetimeIndex:
    found = reduce(pd.Index.intersection, (result.returns.index for result in results))
    if not len(found):
        spans = ", ".join(_span(result.returns.index) for result in results)
        raise SpecError(
            asked="compare runs",
            found=f"no session that all of them have ({spans})",
            rule="runs are compared on common sessions",
            todo="run them over the same dates",
        )
    return pd.DatetimeIndex(found.sort_values())


def _span(index: pd.Index) -> str:
    return f"{day(index[0])} to {day(index[-1])}" if len(index) else "no session"


def joined(results: Sequence[Result]) -> pd.DataFrame:
    """Return the net and gross returns of runs on their common sessions, columns named after ``run_id``."""
    common = _common(results)
    columns = {
        f"{result.facts['run_id']}.{side}": result.returns[side].reindex(common)
        for result in results
        for side in ("net", "gross")
    }
    return pd.DataFrame(columns, index=common.rename("session"))


def comparison(results: Sequence[Result]) -> dict[str, Any]:
    """Return what the page of a comparison shows, as plain JSON values without NaN."""
    common = _common(results)
    per_year = float(sessions.per_year(common[0].date(), common[-1].date()))
    net = [result.returns["net"].reindex(common).to_numpy(dtype=np.float64) for result in results]
    labels = _labels(results)
    same = all(len(result.returns) == len(common) for result in results)
    differs, agree = _differences(results)
    return {
        "schema": SCHEMA,
        "runs": [_run(r, label, common, per_year) for r, label in zip(results, labels, strict=True)],
        "common": {
            "sessions": len(common),
            "from": day(common[0]),
            "to": day(common[-1]),
            "sessions_per_year": per_year,
            "spans": "the spans are the same" if same else "the spans differ; figures are those of these sessions",
            "same": same,
        },
        "correlation": [[_correlation(one, other) for other in net] for one in net],
        "correlation_why": "one of the two never moved, or is unknown on some sessions",
        "differs": differs,
        "agree": agree,
        "curves": _curves(net, common),
    }


def _labels(results: Sequence[Result]) -> list[str]:
    """Return the names of runs, or, where two have the same, their ``run_id``."""
    names = [str(result.facts["name"]) for result in results]
    return names if len(set(names)) == len(names) else [str(result.facts["run_id"]) for result in results]


def _run(result: Result, label: str, common: pd.DatetimeIndex, per_year: float) -> dict[str, Any]:
    own, facts = result.returns.index, result.facts
    paid = (result.equity["gross"] - result.equity["net"]).diff()
    return {
        "label": label,
        "run_id": facts["run_id"],
        "from": day(own[0]),
        "to": day(own[-1]),
        "sessions": len(own),
        "outside": len(own) - len(common),
        "synthetic": bool(facts["data"]["synthetic"]),
        "valid": not facts["lookahead"]["leaks"],
        **{side: metrics.summary(result.returns[side].reindex(common), per_year) for side in ("net", "gross")},
        "costs_common": round(float(paid.reindex(common).sum()), 2),
        "costs_total": float(sum(facts["costs"].values())),
        "cash": facts["cash"],
        "n_trades": metrics.n_trades(result.round_trips),
        "rejected_total": int(sum(row["n"] for row in facts["rejected"])),
    }


def _correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Return the correlation of two series of returns; None where one never moves or is unknown somewhere."""
    if not np.isfinite([one, other]).all() or len(one) < 2 or min(np.ptp(one), np.ptp(other)) == 0:
        return None
    return float(np.clip(np.corrcoef(one, other)[0, 1], -1.0, 1.0))


def _differences(results: Sequence[Result]) -> tuple[list[dict[str, Any]], int]:
    """Return the keys of spec, data and code in which runs differ, with the text of each; and how many agree."""
    flat = [_keys(result) for result in results]
    keys = sorted({key for one in flat for key in one}, key=lambda key: (key.split(".")[0] != "spec", key))
    rows: list[dict[str, Any]] = [{"key": key, "values": [one.get(key) for one in flat]} for key in keys]
    differing = [row | ABSENT if None in row["values"] else row for row in rows if len(set(row["values"])) > 1]
    return differing, len(rows) - len(differing)


def _keys(result: Result) -> dict[str, str]:
    """Return what identifies a run, as text by key."""
    spec = {key: value for key, value in tomllib.loads(result.spec_text).items() if key not in _PLACES}
    facts = {key: result.facts[key] for key in _FACTS if key in result.facts}
    data = {key: result.facts["data"][key] for key in ("fingerprint", "from", "to", "synthetic")}
    return _flat("spec", spec) | _flat("data", data) | _flat("code", facts)


def _flat(name: str, value: Any) -> dict[str, str]:
    if isinstance(value, Mapping):
        return {k: v for key, part in value.items() for k, v in _flat(f"{name}.{key}", part).items()}
    return {name: str(value) if isinstance(value, str | date) else json.dumps(value, ensure_ascii=False)}


def _curves(net: Sequence[np.ndarray], common: pd.DatetimeIndex) -> dict[str, Any]:
    """Return the growth and drawdown of each run on the common sessions, thinned as the page of a run has them."""
    # An account that was lost returns nothing after that.
    grown = [np.append(1.0, np.cumprod(1.0 + np.nan_to_num(r, nan=0.0, posinf=0.0, neginf=0.0))) for r in net]
    under = [value / np.maximum.accumulate(value) - 1.0 for value in grown]
    every = -(-len(grown[0]) // POINTS)
    kept = [*range(0, len(grown[0]) - 1, every), len(grown[0]) - 1]
    lines = [[float(value[k] - 1.0) for k in kept] for value in grown]
    falls = [[float(one[a + 1 : b + 1].min()) for a, b in pairwise([-1, *kept])] for one in under]
    days = [day(session) for session in common]
    return {
        "every": every,
        "sessions": [f"before {days[0]}", *(days[k - 1] for k in kept[1:])],
        "returns": lines,
        "drawdowns": falls,
        "return_ticks": ticks(min(map(min, lines)), max(map(max, lines))),
        "drawdown_ticks": ticks(min(-0.01, *map(min, falls)), 0.0, most=4),
        "session_ticks": [days[max(0, kept[len(kept) * i // 4 - (i == 4)] - 1)] for i in range(5)],
    }


def _render(values: dict[str, Any], links: Sequence[str]) -> str:
    curves = values["curves"]
    drawn = {
        "returns": chart.together(curves["returns"], curves["return_ticks"]),
        "drawdowns": chart.together(curves["drawdowns"], curves["drawdown_ticks"]),
        "strokes": chart.strokes(len(values["runs"])),
    }
    template = templates(Numbers(values)).get_template("compare.html.j2")
    return template.render(d=values, chart=drawn, links=links)
