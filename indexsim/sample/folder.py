"""The writing of a sample: a market folder that is there whole or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexsim.errors import ToolError
from indexsim.folders import replacing
from indexsim.index import PriceWeightedIndex
from indexsim.sample import series
from indexsim.sample.days import Days
from indexsim.sample.effects import Sample
from indexsim.sample.events import Plan, factor_rows
from indexsim.sample.names import SECTORS, Names, make_names
from indexsim.sample.plan import make_plan
from indexsim.sample.prices import Prices, make_prices
from indexsim.sample.world import World, make_world
from indexsim.schema import MARKER

Floats = NDArray[np.float64]

#: Files larger than a glance, as Parquet; the others are CSV.
PARQUET = ("closes", "opens", "volumes", "shares_ffw", "dividends")
CSV = (
    "factors", "divisors", "constituents", "universe", "n225", "topix", "nikkei_vi", "etf_1321", "etf_1306",
    "usdjpy", "total_return", "halves", "distributions", "boj_etf_purchases",
)  # fmt: skip

#: What the listed names' market was called, from when.
SEGMENTS = ((date.min, "First Section"), (date(2022, 4, 4), "Prime"))

DIVIDEND_NOTICE, DISTRIBUTION_NOTICE = 30, 3  # sessions before the ex-date


def write_sample(folder: Path, sample: Sample) -> dict[str, Any]:
    """Write a synthetic market folder, whole or not at all.

    Parameters
    ----------
    folder : Path
        Where; its parent is made if need be. A folder that holds this very sample is left alone, one that
        holds another sample is replaced, an empty one is filled.
    sample : Sample
        The same sample gives the same bytes in every file.

    Returns
    -------
    dict
        What `synthetic.json` says (seed, version, dates, effects), with ``path`` and ``written`` (False
        where the folder was left alone).

    Raises
    ------
    ToolError
        If the folder holds something that is not a sample, or is a file; nothing is touched then.
    """
    folder = Path(folder)
    key = sample.key()
    answer = {**key, "path": str(folder)}
    if _held(folder) == key:
        return {**answer, "written": False}
    with replacing(folder) as part:
        _fill(part, sample)
        (part / MARKER).write_text(json.dumps({"synthetic": True, **key}, indent=2) + "\n", encoding="utf-8")
    return {**answer, "written": True}


def _held(folder: Path) -> dict[str, Any] | None:
    """Return the key of the sample in a folder, None for no or an empty folder; refuse anything else.

    A sample folder to which somebody added a file is no longer a sample: it would be lost.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    if (folder / MARKER).is_file():
        try:
            said = json.loads((folder / MARKER).read_text("utf-8"))
        except ValueError:
            said = None
        own = {MARKER, *(f"{name}.parquet" for name in PARQUET), *(f"{name}.csv" for name in CSV)}
        if isinstance(said, dict) and said.pop("synthetic", False) and {p.name for p in folder.iterdir()} <= own:
            return dict(said)
    raise ToolError(
        asked=f"write a sample market to {folder}",
        found="it holds something that is not a sample",
        rule="a sample goes to a new folder, an empty one, or one that holds a sample",
        todo="name another folder",
    )


@dataclass(frozen=True)
class _Market:
    sample: Sample
    days: Days
    names: Names
    world: World
    plan: Plan
    prices: Prices
    factors: pd.DataFrame


def _make(sample: Sample) -> _Market:
    days = Days.between(sample.start, sample.end)
    names = make_names(sample)
    world = make_world(sample, days, names)
    plan = make_plan(sample, days, names, world.plain_path())
    prices = make_prices(sample, days, names, world, plan)
    return _Market(sample, days, names, world, plan, prices, factor_rows(plan, days, names))


def _fill(folder: Path, sample: Sample) -> None:
    """Write every file of the market."""
    market = _make(sample)
    nikkei, index = series.nikkei(market.days, market.names, market.prices, market.factors)
    topix = series.topix(market.days, market.names, market.prices)
    funds = {
        "etf_1321": series.fund(market.days, "etf_1321", nikkei),
        "etf_1306": series.fund(market.days, "etf_1306", topix),
    }
    for name, frame in _stock_frames(market).items():
        _write(folder, name, frame)
    for name, frame in _series_frames(market, nikkei, topix, funds).items():
        _write(folder, name, frame)
    points = {"n225": nikkei.points, "topix": topix.points, **{name: fund.points for name, fund in funds.items()}}
    _write(folder, "halves", _halves(market.days, points))
    _write(folder, "distributions", _distributions(market.days, funds))
    _write(folder, "divisors", _divisors(index))


def _stock_frames(market: _Market) -> dict[str, pd.DataFrame]:
    days, names, prices = market.days, market.names, market.prices
    traded = series.volumes(market.sample, days, names, market.world, prices, market.plan)
    return {
        "closes": _dated(series.wide(prices.close, days, names)),
        "opens": _dated(series.wide(prices.open, days, names)),
        "volumes": _dated(pd.DataFrame(traded, index=days.session, columns=pd.Index(names.code))),
        "factors": market.factors,
        "constituents": _constituents(names, market.plan),
        "universe": _universe(days, names),
        "shares_ffw": _shares(market),
        "dividends": _dividends(market),
    }


def _series_frames(
    market: _Market, nikkei: series.Levels, topix: series.Levels, funds: dict[str, series.Fund]
) -> dict[str, pd.DataFrame]:
    sample, days, world = market.sample, market.days, market.world
    reach = series.reach_of(world)
    columns = {
        "n225": series.bars(sample, "n225", nikkei.points, reach, 2),
        "topix": series.bars(sample, "topix", topix.points, reach, 2),
        "nikkei_vi": series.vi_bars(sample, world),
        "usdjpy": series.yen_bars(sample, world),
        "total_return": series.total_return(nikkei),
        **{name: series.fund_bars(sample, days, world, name, fund) for name, fund in funds.items()},
    }
    frames = {name: _dated(pd.DataFrame(data, index=days.session)) for name, data in columns.items()}
    bank = series.purchases(sample, days, market.prices)
    return {**frames, "boj_etf_purchases": _dated(bank)} if len(bank) else frames


def _constituents(names: Names, plan: Plan) -> pd.DataFrame:
    ever = sorted({*plan.initial, *(swap.entrant for swap in plan.swaps)})
    rows = [(names.code[s], names.name[s], names.industry[s], SECTORS[names.sector[s]][0]) for s in ever]
    return pd.DataFrame(rows, columns=["code", "name", "industry", "sector"])


def _universe(days: Days, names: Names) -> pd.DataFrame:
    """Return every listed name at the start and wherever the segments were renamed."""
    sectors = [SECTORS[row][0] for row in names.sector]
    parts = []
    for at, segment in _segments(days):
        parts.append(
            pd.DataFrame({"date": days.session[at], "code": names.code, "sector": sectors, "segment": segment})
        )
    return pd.concat(parts, ignore_index=True)


def _segments(days: Days) -> list[tuple[int, str]]:
    known = [(max(days.at_or_after(since), 0) if since > date.min else 0, name) for since, name in SEGMENTS]
    inside = [(at, name) for at, name in known if at < len(days)]
    return list(dict(inside).items())  # a later name of the same session is the one in force


def _shares(market: _Market) -> pd.DataFrame:
    """Return the shares of every name at the start and on each session on which some changed."""
    days, names = market.days, market.names
    changed = [0, *sorted({split.position for split in market.plan.splits})]
    frame = {
        "date": np.repeat(days.session[changed].to_numpy(), len(names)),
        "code": np.tile(np.array(names.code, dtype=object), len(changed)),
        "shares": market.prices.shares[changed].ravel().astype(np.int64),
        "ffw": np.tile(np.round(names.ffw, 2), len(changed)),
    }
    return pd.DataFrame(frame)


def _dividends(market: _Market) -> pd.DataFrame:
    days, code = market.days, np.array(market.names.code, dtype=object)
    parts = []
    for at, yen in sorted(market.prices.dividends.items()):
        paid = yen > 0
        told = pd.Timestamp(days.notice(at, DIVIDEND_NOTICE))
        parts.append(
            pd.DataFrame({"ex_date": days.session[at], "code": code[paid], "yen": yen[paid], "announced_date": told})
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _distributions(days: Days, funds: dict[str, series.Fund]) -> pd.DataFrame:
    rows = [
        (days.day(at), name, yen, days.notice(at, DISTRIBUTION_NOTICE))
        for name, fund in funds.items()
        for at, yen in fund.distributions.items()
    ]
    return pd.DataFrame(sorted(rows), columns=["ex_date", "code", "yen", "announced_date"])


def _halves(days: Days, points: dict[str, Floats]) -> pd.DataFrame:
    """Return the prints around lunch, by date and series; none on half days."""
    full = ~days.half
    parts = [
        pd.DataFrame(
            {"date": days.session[full], "series": name, "morning_close": p[full, 1], "afternoon_open": p[full, 2]}
        )
        for name, p in points.items()
    ]
    return pd.concat(parts).sort_values(["date", "series"], kind="stable", ignore_index=True)


def _divisors(index: PriceWeightedIndex) -> pd.DataFrame:
    rows = [(entry.session, str(entry.after), entry.event) for entry in index.ledger.entries]
    return pd.DataFrame(rows, columns=["effective_date", "divisor", "note"])


def _dated(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with its sessions as the first column, ``date``."""
    return frame.rename_axis(index="date", columns=None).reset_index()


def _write(folder: Path, name: str, frame: pd.DataFrame) -> None:
    """Write a file unless it has no rows: what is not there is unknown."""
    if frame.empty:
        return
    if name in PARQUET:
        frame.to_parquet(folder / f"{name}.parquet", index=False, compression="zstd")
    else:
        frame.to_csv(folder / f"{name}.csv", index=False, encoding="utf-8", lineterminator="\n", date_format="%Y-%m-%d")
