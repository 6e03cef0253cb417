"""The verbs about a market folder as a whole: ``check`` and ``sample``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from backtests.verbs.shared import Answer, Folders, about, paths
from indexsim.coverage import coverage
from indexsim.errors import DataError, Finding, SpecError, ToolError, unknown_name
from indexsim.market import MarketData
from indexsim.rebuild import can_rebuild, rebuild
from indexsim.sample import Effects, Sample, write_sample


def check(folders: Folders) -> Answer:
    """Read every file of a market and return all findings and the coverage of each series.

    Returns
    -------
    dict
        ``findings`` [{file, row, column, rule, found, severity, waivable}], ``coverage`` of each file
        (`indexsim.coverage.coverage`), ``errors``, ``warnings`` (counts).
    """
    market = MarketData.open(*paths(folders))
    found = list(market.folder.about_files)
    for name in market.folder.files:
        found += market.folder.findings(name)
    found = list(dict.fromkeys([*found, *_constituent_findings(market, found)]))
    errors = [f for f in found if f.severity == "error"]
    return {
        "findings": [f.as_dict() for f in found],
        "errors": len(errors),
        "warnings": len(found) - len(errors),
        "coverage": [coverage(market.folder, name) for name in sorted(market.folder.files)],
        **about(market),
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
    return {"path": str(folder), "effects": marker["effects"], **about(MarketData.open(folder))}


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
