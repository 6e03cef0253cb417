"""What changed since the previous report of the same spec: ``changes.html`` and ``changes.json`` beside a page.

They stand beside ``index.html`` and ``report.json`` and not in them, because a page must be the same bytes wherever it
is made again, and which run came before depends on what else lies in the folder of reports. Which one that is, is
decided once, when a run is first written there, and kept in its ``changes.json``: writing it again leaves the bytes as
they were. No clock is asked.

The runs of one spec name form a chain by these records; the previous run is the one at its end, which none of the
others names. Where there are several ends (runs written at the same time, or by an older version), it is the one with
the longest chain behind it, then the last by ``run_id``. A folder of another name than its ``run_id`` is a copy and
takes no part.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from backtests.report.page import Numbers, templates

#: What a run's folder holds beside the bytes that repeating it must give again.
BESIDE = ("run.log", "verify.log", "changes.json", "changes.html", "index.pdf")

#: Raised when a name of the JSON changes its meaning.
SCHEMA = 1

#: Figures compared: title, path in ``report.json``, kind of number.
_FIGURES = (
    ("Net return [%]", ("net", "total_return"), "gain"),
    ("Net return per year [%]", ("net", "cagr"), "gain"),
    ("Gross return [%]", ("gross", "total_return"), "gain"),
    ("Volatility per year, net [%]", ("net", "ann_vol"), "pct"),
    ("Sharpe ratio, net", ("net", "sharpe"), "ratio"),
    ("Deepest drawdown, net [%]", ("net", "max_drawdown"), "pct"),
    ("Turnover per year, net [x account]", ("net", "turnover"), "ratio"),
    ("Closed round trips", ("net", "n_trades"), "count"),
    ("Costs [yen]", ("costs_total",), "yen"),
    ("Rejected orders", ("rejected_total",), "count"),
    ("Sessions", ("period", "sessions"), "count"),
    ("Nikkei 225 with dividends [%]", ("benchmark_total", "total_return"), "gain"),
)

#: Keys of a spec that say where things lie, not what they are.
_PLACES = ("market",)


def write_changes(folder: Path) -> None:
    """Write what changed since the previous report of the same spec into the folder of a run, beside its page.

    Parameters
    ----------
    folder : Path
        Holds ``report.json`` and ``spec.toml``; the reports it is compared with lie beside it.
    """
    values = changes(folder)
    (folder / "changes.json").write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", "utf-8")
    link = None if values["folder"] is None else f"../{quote(values['folder'], safe='')}/index.html"
    page = templates(Numbers(values)).get_template("changes.html.j2").render(d=values, link=link)
    (folder / "changes.html").write_text(page, "utf-8")


def changes(folder: Path) -> dict[str, Any]:
    """Return what `write_changes` writes, as plain JSON values."""
    report = _read(folder / "report.json")
    others = _others(folder, report)
    previous = _previous(folder, report, others)
    body = {"schema": SCHEMA, "name": report["name"], "run_id": report["run_id"], "previous": previous}
    if previous is None:
        why = "no other report of this spec lay beside it when it was first written"
        return {**body, "previous_why": why, "folder": None, "causes": [], "spec": [], "figures": []}
    if previous not in others:
        why = f"the report {previous} is no longer beside it"
        return {**body, "folder": None, "folder_why": why, "causes": [], "spec": [], "figures": []}
    beside = others[previous]
    before = _read(beside / "report.json")
    spec = _spec_changes(beside, folder)
    return {
        **body,
        "folder": beside.name,
        "causes": _causes(before, report, bool(spec)),
        "spec": spec,
        "figures": [_figure(title, kind, before, report, path) for title, path, kind in _FIGURES],
    }


def _others(folder: Path, report: Mapping[str, Any]) -> dict[str, Path]:
    """Return the folders of the other reports of the same spec name by ``run_id``."""
    paths = sorted(folder.resolve().parent.glob("[!.]*/report.json"))
    read = ((path.parent, _read(path)) for path in paths)
    return {
        beside.name: beside
        for beside, found in read
        if found.get("name") == report["name"] and beside.name == found.get("run_id") != report["run_id"]
    }


def _previous(folder: Path, report: Mapping[str, Any], others: Mapping[str, Path]) -> str | None:
    """Return the previous run: as recorded, or the end of the chain of the others."""
    run_id = report["run_id"]
    for own in (folder, folder.resolve().parent / run_id):
        stored = _read(own / "changes.json")
        if stored.get("run_id") == run_id and "previous" in stored:
            return None if stored["previous"] is None else str(stored["previous"])
    named = {name: _read(path / "changes.json").get("previous") for name, path in others.items()}
    chains = {name: _chain(name, named) for name in named}
    # One that came after this run, whose folder was taken away meanwhile, is not before it.
    earlier = {name: chain for name, chain in chains.items() if run_id not in chain}
    ends = [name for name in earlier if name not in {named[other] for other in earlier}]
    return max(ends, key=lambda name: (len(earlier[name]), name), default=None)


def _chain(name: str, named: Mapping[str, str | None]) -> list[str]:
    """Return a run and those before it, as far as they are recorded."""
    chain: list[str] = []
    at: str | None = name
    while at is not None and at not in chain:
        chain.append(at)
        at = named.get(at)
    return chain


def _spec_changes(before: Path, after: Path) -> list[dict[str, Any]]:
    """Return the keys of two specs that differ, parameters as ``params.NAME``; None where a spec has none."""
    one, other = (_flat(tomllib.loads((path / "spec.toml").read_text("utf-8"))) for path in (before, after))
    return [
        {"key": key, **_both(one.get(key), other.get(key), "not in that spec")}
        for key in sorted(one.keys() | other.keys())
        if one.get(key) != other.get(key)
    ]


def _flat(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return the keys of a spec with their values as text, places left out."""
    flat = {key: str(value) for key, value in spec.items() if key not in (*_PLACES, "params")}
    return flat | {f"params.{key}": str(value) for key, value in spec.get("params", {}).items()}


def _causes(before: Mapping[str, Any], after: Mapping[str, Any], spec: bool) -> list[str]:
    """Return what the two runs differ in, so that their figures may."""
    found = (
        (spec, "The spec differs."),
        (before["data"]["fingerprint"] != after["data"]["fingerprint"], "The data differ."),
        (before["code"] != after["code"], "The code differs."),
        (before.get("packages") != after.get("packages"), "The versions of the libraries differ."),
    )
    causes = [text for holds, text in found if holds]
    return causes or ["The strategy's own file differs: spec, data and code are the same."]


def _figure(
    title: str, kind: str, before: Mapping[str, Any], after: Mapping[str, Any], path: tuple[str, ...]
) -> dict[str, Any]:
    """Return a figure of both runs and its change."""
    one, other = _at(before, path), _at(after, path)
    change = None if one is None or other is None else other - one
    both = _both(one, other, "not defined for that run")
    return {"figure": title, "kind": kind, **both, "change": change, **_why("change", change, "one of them is missing")}


def _both(before: Any, after: Any, why: str) -> dict[str, Any]:
    return {"before": before, **_why("before", before, why), "after": after, **_why("after", after, why)}


def _why(key: str, value: Any, why: str) -> dict[str, str]:
    return {f"{key}_why": why} if value is None else {}


def _at(report: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = report
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _read(path: Path) -> dict[str, Any]:
    """Return the JSON object of a file, an empty one where there is none that can be read."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
