"""What the verbs of the command line do: one function each, returning plain JSON values.

Script, notebook and shell are the same thing: ``python -m backtests check DIR --json -`` prints what
``verbs.check(DIR)`` returns. A market is one folder or several in layers, as text or `Path`.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from backtests.instruments import instrument, instruments
from backtests.loading import load_strategy, parameter_types
from backtests.metrics import summary, turnover
from backtests.report import report_folder, write_gallery
from backtests.result import Result
from backtests.run import data_facts
from backtests.run import run as run_spec
from backtests.spec import Spec, load_spec
from backtests.version import ROOT, VERSION
from indexsim import answers, dividends, sessions, whatif
from indexsim import flows as tracker_flows
from indexsim import review as periodic_review
from indexsim.errors import DataError, Finding, MissingData, SpecError, ToolError, unknown_name
from indexsim.market import MarketData
from indexsim.rebuild import Rebuilt, can_rebuild, rebuild
from indexsim.sample import Effects, Sample, write_sample
from indexsim.schema import FILES
from strategies.base import Strategy

Answer = dict[str, Any]
Folders = Path | str | Sequence[Path | str]
REPORTS = ROOT / "reports"
SPECS = ROOT / "backtests" / "specs"
SAMPLE = ROOT / "data" / "sample"
DEMO = ("split_pair", "vi_gate", "boj_dip")


def check(folders: Folders) -> Answer:
    """Read every file of a market and return all findings and the coverage of each series.

    Returns
    -------
    dict
        ``findings`` [{file, row, column, rule, found, severity, waivable}], ``coverage``
        [{file, rows, from, to, missing_sessions}], ``errors``, ``warnings`` (counts).
    """
    market = MarketData.open(*_paths(folders))
    found = list(market.folder.about_files)
    for name in market.folder.files:
        found += market.folder.findings(name)
    found = list(dict.fromkeys([*found, *_constituent_findings(market, found)]))
    errors = [f for f in found if f.severity == "error"]
    return {
        "findings": [f.as_dict() for f in found],
        "errors": len(errors),
        "warnings": len(found) - len(errors),
        "coverage": [_coverage(market, name) for name in sorted(market.folder.files)],
        **_about(market),
    }


def _constituent_findings(market: MarketData, found: Sequence[Finding]) -> list[Finding]:
    """Findings that only show when the index is put together: unknown codes, missing prices, divisors."""
    if not market.has("factors"):
        return []
    broken = {f.file.rsplit(".", 1)[0] for f in found if f.severity == "error"}
    try:
        if can_rebuild(market) and not broken & {"closes", "factors", "divisors"}:
            return list(rebuild(market).findings)
        if "factors" not in broken:
            _ = market.folder.events
    except DataError as error:
        return list(error.findings)
    except ToolError as error:
        return [Finding("factors", "", "event", "event-applies", f"{error.asked}: {error.found}; {error.rule}")]
    return []


def _coverage(market: MarketData, name: str) -> Answer:
    frame = market.folder.frame(name)
    schema = FILES[name]
    answer: Answer = {"file": market.folder.files[name].name, "rows": len(frame), "from": None, "to": None}
    days = pd.DatetimeIndex(frame.index) if isinstance(frame.index, pd.DatetimeIndex) else None
    if days is None and schema.dated and len(frame):
        days = pd.DatetimeIndex(frame[schema.columns[0].name])
    if days is None or not len(days):
        return {**answer, "why": "no dates in it"}
    table = sessions.all_sessions()
    expected = table[(table >= days.min()) & (table <= days.max())]
    missing = expected.difference(days) if schema.tokyo and name != "halves" else expected[:0]
    shown = [f"{d:%Y-%m-%d}" for d in missing[:10]]
    return {
        **answer,
        "from": f"{days.min():%Y-%m-%d}",
        "to": f"{days.max():%Y-%m-%d}",
        "missing_sessions": len(missing),
        "missing_first": shown,
    }


def index(
    folders: Folders,
    *,
    levels: bool = False,
    weights: date | None = None,
    contributions: tuple[date, date] | None = None,
    total_return: bool = False,
    what_if: str = "",
) -> Answer:
    """Rebuild the index of a market and compare it with the published levels.

    Returns
    -------
    dict
        ``days``, ``exact_days``, ``max_abs_error``, ``worst``, ``divisors``, and on request ``levels``,
        ``weights`` (with the points of +1 % in ``one_percent``, ``concentration``, ``sectors``),
        ``contributions``, ``total_return``, ``what_if``.

    Raises
    ------
    MissingData, DataError
        Where the folder lacks a file or a finding stops the index.
    """
    market = MarketData.open(*_paths(folders))
    rebuilt = rebuild(market)
    answer: Answer = {**rebuilt.summary(), "divisors": rebuilt.divisors()}
    answer["findings"] = [f.as_dict() for f in rebuilt.findings]
    if levels:
        answer["levels"] = _levels(rebuilt)
    if weights is not None:
        shares = rebuilt.index.weights(weights)
        said: Answer = answers.answer(rebuilt.index, weights, answers.sectors_of(market))
        effect = {row["code"]: row["effect"] for row in said["stocks"]}
        answer["weights"] = [
            {"code": c, "weight": float(w), "one_percent": effect[str(c)]} for c, w in _largest(shares).items()
        ]
        answer |= {"concentration": said["concentration"], "sectors": said["sectors"]}
    if contributions is not None:
        points = rebuilt.index.contributions(*contributions)
        answer["contributions"] = [{"code": c, "points": float(p)} for c, p in _largest(points).items()]
    if total_return:
        answer["total_return"] = dividends.answer(market, rebuilt.index)
    if what_if:
        answer["what_if"] = whatif.answer(market, what_if)
    days = rebuilt.levels.index
    gaps = [f for f in market.folder.findings("closes") if f.rule == "missing-session"]
    missing = [f"closes: no row on {f.row}" for f in gaps]
    missing += [] if rebuilt.source else ["index, n225: no published level to compare with"]
    return {**answer, **_about(market, days[0].date(), days[-1].date(), missing)}


def _largest(values: pd.Series) -> pd.Series:
    """Sort by size, largest first; equal ones stay in the order of the basket."""
    return values.sort_values(ascending=False, kind="stable")


def _levels(rebuilt: Rebuilt) -> list[Answer]:
    return [
        {"date": f"{day:%Y-%m-%d}", "level": float(level), "published": None if np.isnan(seen) else float(seen)}
        for day, level, seen in zip(rebuilt.levels.index, rebuilt.levels, rebuilt.published, strict=True)
    ]


def flows(folders: Folders, assets: int) -> Answer:
    """Return what trackers of given assets (yen) must trade at each event of a market.

    Returns
    -------
    dict
        ``events`` [{effective, kind, trades [{code, shares, yen, days_of_volume}], turnover}].
    """
    market = MarketData.open(*_paths(folders))
    return {**tracker_flows.answer(market, assets), **_about(market)}


def review(folders: Folders, at: date) -> Answer:
    """Return the periodic review of a market as of a base date.

    Returns
    -------
    dict
        ``events``, ``candidates``, ``ranking`` and what the review lacked.
    """
    market = MarketData.open(*_paths(folders))
    return {**periodic_review.answer(market, at), **_about(market)}


def sample(
    folder: Path | str,
    *,
    seed: int = 225,
    start: date | None = None,
    end: date | None = None,
    effects: Mapping[str, tuple[float, ...]] | None = None,
) -> Answer:
    """Write a synthetic market; an existing one of the same seed, span, effects and version is kept.

    Parameters
    ----------
    effects : mapping of name -> numbers
        One number each, three for ``vi_drift``; 0 plants none (`indexsim.sample.Effects`).

    Raises
    ------
    SpecError
        For an unknown effect, or a folder that holds something else.
    """
    planted = Effects()
    for name, values in (effects or {}).items():
        planted = _plant(planted, name, values)
    default = Sample()
    chosen = Sample(seed=seed, start=start or default.start, end=end or default.end, effects=planted)
    marker = write_sample(Path(folder), chosen)
    return {"path": str(folder), "effects": marker["effects"], **_about(MarketData.open(folder))}


def _plant(effects: Effects, name: str, values: tuple[float, ...]) -> Effects:
    known = [f.name for f in dataclasses.fields(Effects)]
    if name not in known:
        raise unknown_name("effect", name, known)
    if name == "vi_drift":
        return dataclasses.replace(effects, vi_drift=None if values == (0.0,) else values)  # type: ignore[arg-type]
    if len(values) != 1:
        raise SpecError(
            asked=f"plant the effect {name!r}",
            found=f"{len(values)} numbers",
            rule="one number; only vi_drift takes three",
            todo="correct it",
        )
    return dataclasses.replace(effects, **{name: values[0]})  # type: ignore[arg-type]


def listing(what: str) -> Answer:
    """Return the names of ``strategies``, ``instruments`` or ``specs``, a line each."""
    writers = {"strategies": _strategy_rows, "instruments": _instrument_rows, "specs": _spec_rows}
    if what not in writers:
        raise unknown_name("list", what, writers)
    return {what: writers[what](), **_about(None)}


def _strategy_rows() -> list[Answer]:
    return [
        {"name": n, "path": f"{c.__module__}:{c.__name__}", "what": _first_line(c)} for n, c in _strategies().items()
    ]


def _instrument_rows() -> list[Answer]:
    names = ("name", "kind", "series", "multiplier", "lot")
    return [{name: getattr(i, name) for name in names} for i in instruments().values()]


def _spec_rows() -> list[Answer]:
    return [{"name": p.stem, "path": p.relative_to(ROOT).as_posix()} for p in sorted(SPECS.glob("*.toml"))]


def describe(name: str) -> Answer:
    """Return a strategy's parameters with their defaults and meaning, or an instrument's terms."""
    if name in instruments():
        return {"instrument": instrument(name).terms(), **_about(None)}
    found = _strategies()
    if ":" in name:
        found[name] = load_strategy(name)
    if name not in found:
        raise unknown_name("strategy or instrument", name, [*found, *instruments()])
    strategy = found[name]
    types = parameter_types(strategy)
    params = strategy.Params()
    series = [instrument(i).series for i in strategy.instruments(params)]
    return {
        "strategy": f"{strategy.__module__}:{strategy.__name__}",
        "what": inspect.cleandoc(strategy.__doc__ or ""),
        "clock": strategy.clock,
        "needs": list(dict.fromkeys([*strategy.needs(params), *series])),
        "parameters": [
            {"name": f.name, "type": getattr(types[f.name], "__name__", str(types[f.name])), "default": f.default}
            for f in dataclasses.fields(strategy.Params)
        ],
        "meaning": inspect.cleandoc(strategy.Params.__doc__ or ""),
        **_about(None),
    }


def _strategies() -> dict[str, type[Strategy]]:
    """Return the shipped strategies by module name."""
    found = {}
    for path in sorted((ROOT / "strategies").glob("*.py")):
        module = import_module(f"strategies.{path.stem}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Strategy) and value.__module__ == module.__name__:
                found[path.stem] = value
    del found["base"]
    return found


def _first_line(thing: Any) -> str:
    return (thing.__doc__ or "").strip().splitlines()[0]


def run(spec: Spec | Path | str, out: Path | str = REPORTS) -> Answer:
    """Run a spec, write its report into `out`, and return what ``run --json`` prints.

    Parameters
    ----------
    spec : Spec, Path or str
        A spec, or the path of its TOML file.
    out : Path or str
        Folder that gets the folder of the run; the clone's ``reports`` by default.

    Returns
    -------
    dict
        ``run_id``, ``report``, ``net``, ``gross``, ``costs``, ``rejected``, ``lookahead``, ``index``, ...

    Raises
    ------
    SpecError, MissingData, DataError
        Before anything is written.
    """
    result, folder = run_spec(spec if isinstance(spec, Spec) else load_spec(Path(spec)), Path(out))
    facts, per_year = result.facts, result.facts["sessions_per_year"]
    return {
        "run_id": facts["run_id"],
        "report": str(folder / "index.html"),
        **{side: _metrics(result, side, per_year) for side in ("net", "gross")},
        "costs": facts["costs"],
        "income": facts["income"],
        "rejected": facts["rejected"],
        "lookahead": facts["lookahead"],
        "index": facts["index"],
        "data": facts["data"],
        "version": VERSION,
    }


def _metrics(result: Result, side: str, per_year: float) -> Answer:
    answer = dict(summary(result.returns[side], per_year))
    answer["n_trades"] = len(result.round_trips)
    answer["turnover"] = turnover(result.fills["notional"], result.equity["net"], per_year)
    return answer


def report(folders: Folders) -> Answer:
    """Draw the pages of stored runs again, and the gallery beside them."""
    pages = []
    for folder in _paths(folders):
        if not (folder / "facts.json").is_file():
            raise MissingData(
                asked=f"report {folder}",
                found="no stored run there",
                rule="a run's folder holds facts.json and its frames",
                todo="name a folder under reports/",
            )
        report_folder(folder)
        pages.append(str(folder / "index.html"))
        write_gallery(folder.resolve().parent)
    return {"pages": pages, **_about(None)}


def demo(out: Path | str = REPORTS) -> Answer:
    """Write the sample market if it is not there, run the shipped specs, write the gallery."""
    write_sample(SAMPLE, Sample())
    answers = [{"spec": name, **run(SPECS / f"{name}.toml", out)} for name in DEMO]
    return {"runs": answers, "index": str(Path(out) / "index.html"), **_about(MarketData.open(SAMPLE))}


def _paths(folders: Folders) -> list[Path]:
    return [Path(folders)] if isinstance(folders, (str, Path)) else [Path(folder) for folder in folders]


def _about(
    market: MarketData | None, first: date | None = None, last: date | None = None, missing: Sequence[str] = ()
) -> Answer:
    """Return the ``data`` and ``version`` every answer carries."""
    data: Answer = {"fingerprint": None, "from": None, "to": None, "synthetic": None, "missing": list(missing)}
    if market is None:
        return {"data": {**data, "why": "no market was read"}, "version": VERSION}
    if first is None or last is None:
        first, last = _span(market)
    if first is None or last is None:
        data |= {"fingerprint": market.fingerprint, "synthetic": market.synthetic, "why": "no dated series in it"}
        return {"data": data, "version": VERSION}
    return {"data": data_facts(market, first, last, missing), "version": VERSION}


def _span(market: MarketData) -> tuple[date | None, date | None]:
    try:
        first, last = market.span
    except ToolError:
        return None, None
    return first.date(), last.date()
