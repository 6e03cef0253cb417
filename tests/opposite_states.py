"""Worlds for claims of what comes after a state of the market, of the Bank's purchases, and of dated events."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from backtests.claims.catalogue import Claim
from backtests.claims.gather import fact_tables
from indexsim import sessions
from tests.opposite_relations import variance_ratio
from tests.opposite_series import Floats, Params, World, days, flat, level, place, way


def _episodes(rows: pd.DatetimeIndex, on: int, apart: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return first rows of episodes, so many rows apart give or take a quarter."""
    starts, at = [], 130
    while at + on + apart < len(rows):
        starts.append(at)
        at += on + int(apart * rng.uniform(0.9, 1.4))
    return np.array(starts)


def _length(conditions: list[Params]) -> int:
    """Return how many rows an episode takes until all its conditions hold for a few days."""
    return max((int(c.get("window", 1)) for c in conditions if c["kind"] == "return"), default=0) + 6


def _meets(conditions: list[Params], starts: NDArray[np.int64], on: int, n: int) -> Floats:
    """Return a series that meets its conditions at the end of every episode and not elsewhere."""
    held = next((c for c in conditions if c["kind"] == "level"), None)
    moved = next((c for c in conditions if c["kind"] == "return"), None)
    if moved is None:
        assert held is not None
        inside = held["at"] * {"above": 1.3, "below": 0.75}.get(held["op"], 1.0)
        inside = (held["at"] + held["to"]) / 2 if held["op"] == "between" else inside
        outside = held["at"] * (0.6 if held["op"] != "below" else 1.6)
        values = np.full(n, outside)
        for start in starts:
            values[start : start + on] = inside
        return values
    base = 100.0 if held is None else held["at"] * 1.05
    growth = (1 + 2.5 * moved["at"]) ** (1 / moved["window"])
    values = np.full(n, base)
    for start in starts:
        values[start : start + on] = base * growth ** np.arange(1, on + 1)
    return values


def _conditioned(claim: Claim, sign: int, rng: np.random.Generator, target: str, size: float, horizon: int) -> World:
    """Return a world whose target rises (or falls, by `size` over the horizon) after episodes."""
    rows = days(claim)
    conditions = [c for c in claim.params["conditions"] if c["kind"] != "gap_to_max"]
    on = _length(conditions)
    # A target that must stand near its high keeps still until the other conditions hold.
    wait = on - 6 if len(conditions) < len(claim.params["conditions"]) else 0
    starts = _episodes(rows, on, 2 * horizon + 25, rng)
    world: World = {}
    for text in sorted({c["series"] for c in conditions}):
        own = [c for c in conditions if c["series"] == text]
        world |= flat(text, rows, _meets(own, starts, on, len(rows)))
    after = np.zeros(len(rows), dtype=bool)
    for start in starts:
        after[start + max(1, wait) : start + on + horizon + 1] = True
    moves = np.where(after, size / horizon, -0.9 * size / horizon * after.mean() / max(1e-9, 1 - after.mean()))
    return world | _target(target, moves + 0.0003 * rng.standard_normal(len(rows)), rows, rng)


def _target(text: str, moves: Floats, rows: pd.DatetimeIndex, rng: np.random.Generator) -> World:
    world: World = {}
    place(world, text, moves, rows, rng)
    return world


def conditional_mean(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p = claim.params
    if int(p["horizon"]) == 0:
        return _at_once(claim, sign, rng)
    if "within" in p:
        return _after_purchases(claim, sign, rng)
    if p["target_kind"] == "trend":
        return _trending(claim, sign, rng)
    if p["conditions"][0]["kind"] == "gap_to_max":
        return _highs(claim, sign, rng)
    return _conditioned(claim, sign, rng, p["target"], 0.03 * way(claim, sign), int(p["horizon"]))


def _trending(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    """Return an index that goes on in its direction, or turns back, and a level inside its band half of the time."""
    c, rows = claim.params["conditions"][0], days(claim)
    inside = np.repeat(rng.random(len(rows) // 30 + 1) < 0.5, 30)[: len(rows)]
    world = flat(c["series"], rows, np.where(inside, (c["at"] + c["to"]) / 2, c["at"] * 0.7))
    return world | variance_ratio(replace(claim, params={**claim.params, "series": claim.params["target"]}), sign, rng)


def _at_once(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    """Return a world at a low frequency whose target moves in the very rows of its conditions, or does not."""
    p = claim.params
    rows = days(claim, p["freq"])
    moves = {c["series"]: 0.02 * rng.standard_normal(len(rows)) for c in p["conditions"]}
    world: World = {}
    meets = np.ones(len(rows), dtype=bool)
    for c in p["conditions"]:
        place(world, c["series"], moves[c["series"]], rows, rng)
        if c["kind"] == "gap_to_max":
            values = pd.Series(level(moves[c["series"]]))
            meets &= (values >= values.rolling(c["window"]).max()).to_numpy()
        else:
            meets &= moves[c["series"]] > c["at"] if c["op"] == "above" else moves[c["series"]] < c["at"]
    equal = p["direction"] == "equal"
    size = (0.0 if sign > 0 else 0.02) if equal else 0.02 * way(claim, sign)
    place(world, p["target"], np.where(meets, size, 0.0) + 0.002 * rng.standard_normal(len(rows)), rows, rng)
    return world


def _highs(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    """Return an index whose new highs are followed by more of them (true), or by falls (false)."""
    p, rows = claim.params, days(claim)
    # True: a rise, a break, a rest below the high, and back to it. False: every rise ends at its high.
    waves = ((120, 0.003), (3, -0.02), (240, 0.0), (3, 0.021)) if sign > 0 else ((25, 0.004), (25, -0.0036))
    moves: list[float] = []
    while len(moves) < len(rows):
        for length, move in waves:
            moves += [move] * (length if length < 10 else int(length * rng.uniform(0.8, 1.25)))
    return flat(p["target"], rows, level(np.array(moves[: len(rows)]) + 0.0005 * rng.standard_normal(len(rows))))


def _after_purchases(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    """Return falls in the night, followed by purchases in some spells, which are quiet ones or wild ones."""
    rows = days(claim)
    spell = np.repeat(rng.random(len(rows) // 80 + 1) < 0.5, 80)[: len(rows)]
    night = np.where(rng.random(len(rows)) < 0.5, -0.01, 0.005)
    closes = np.full(len(rows), 100.0)
    topix = pd.DataFrame({"open": 100 * (1 + night), "high": 102.0, "low": 98.0, "close": closes}, rows)
    bought = pd.DataFrame({"index_etf": np.where(spell & (night < 0), 700.0, np.nan)}, rows)
    wild = spell if way(claim, sign) > 0 else ~spell
    moves = np.where(wild, 0.02, 0.005) * rng.standard_normal(len(rows))
    return {"topix": topix, "boj_etf_purchases": bought, **flat("n225", rows, level(moves))}


def episode_mean(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p = claim.params
    return _conditioned(claim, sign, rng, p["target"], 0.018 * way(claim, sign), int(p["horizon"]))


def conditional_probability(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    event = claim.params["event"]
    size = -1.6 * event["size"] if event["kind"] == "drawdown" else 0.05
    return _conditioned(claim, sign, rng, event["series"], size * way(claim, sign), int(event["horizon"]))


def band_monotone(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p, rows = claim.params, days(claim)
    low, high = p["edges"]
    band = np.repeat(rng.permutation(np.arange(len(rows) // 60 + 1) % 3), 60)[: len(rows)]
    wild = np.array([0.004, 0.012, 0.03])[band if way(claim, sign) > 0 else 2 - band]
    values = np.array([low * 0.7, (low + high) / 2, high * 1.4])[band]
    return {
        **flat(p["condition"], rows, values),
        **flat(p["target"], rows, level(wild * rng.standard_normal(len(rows)))),
    }


def share_of_days(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p, c = claim.params, claim.params["conditions"][0]
    rows = sessions.sessions(max(p["start"], "1990-01-04"), min(p["end"], "2025-10-31"))
    if c["kind"] == "return":
        meets = (rng.random(len(rows)) < 0.3) & (way(claim, sign) > 0)
        return flat(c["series"], rows, level(np.where(meets, 2 * c["at"], 0.005)))
    inside, outside = (c["at"] + c["to"]) / 2, c["to"] * 1.5
    return flat(c["series"], rows, inside if way(claim, sign) > 0 else outside)


# The Bank's purchases.


def _nights(claim: Claim, rng: np.random.Generator) -> tuple[World, Floats, pd.DatetimeIndex]:
    """Return a proxy, its returns, and its rows."""
    rows = sessions.sessions(claim.params["start"], claim.params["end"])
    night = 0.01 * rng.standard_normal(len(rows))
    if claim.params["proxy"] == "topix_overnight":
        cells = {"open": 100 * (1 + night), "high": 110.0, "low": 90.0, "close": 100.0}
        return {"topix": pd.DataFrame(cells, rows)}, night, rows
    return {"n225_morning_approx": pd.DataFrame({"am_ret_to_11h": night, "am_ret_to_12h": night}, rows)}, night, rows


def quantile_probability(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    world, night, rows = _nights(claim, rng)
    bought = night < np.quantile(night, 0.4) if sign > 0 else rng.random(len(rows)) < 0.5
    return world | {"boj_etf_purchases": pd.DataFrame({"index_etf": np.where(bought, 700.0, np.nan)}, rows)}


def purchase_runs(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    world, night, rows = _nights(claim, rng)
    bought = (night * way(claim, sign) < 0) ^ (rng.random(len(rows)) < 0.1)
    return world | {"boj_etf_purchases": pd.DataFrame({"index_etf": np.where(bought, 700.0, np.nan)}, rows)}


def near_mean(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p = claim.params
    dates = pd.DatetimeIndex(p["dates"])
    rows = pd.date_range("1950-01-31", "2025-10-31", freq="ME").union(dates)
    values = np.where(np.arange(len(rows)) % 2, 150.0, 50.0)
    values[rows.isin(dates)] = 100.0 if sign > 0 else 150.0
    return flat(p["series"], rows, values)


# Events.


def _dated(claim: Claim, kind: str, many: int) -> pd.DataFrame:
    """Return a table of so many events: announced 20 rows before they act, each on a day of its own."""
    rows = sessions.sessions("2017-01-04", "2024-12-30")
    at = np.linspace(60, len(rows) - 60, many).astype(int)
    empty = dict.fromkeys(fact_tables()["index_events"].columns, "")
    word = {"split": "split 2:1", "add": "add"}[kind]
    return pd.DataFrame(
        [
            {
                **empty,
                "effective_date": f"{rows[i]:%Y-%m-%d}",
                "announced_date": f"{rows[i - 20]:%Y-%m-%d}",
                "code": str(1000 + number),
                "event": word,
                "factor_before": "1",
                "factor_after": "2",
            }
            for number, i in enumerate(at)
        ]
    )


def _pressed(claim: Claim, sign: int, rng: np.random.Generator, before: int, after: int) -> World:
    """Return a pair whose long side gains or loses against the short side around events."""
    p = claim.params
    events = _dated(claim, "split" if "split" in p["events"] else "add", 24)
    rows = sessions.sessions("2016-01-04", "2025-10-31")
    short = 0.01 * rng.standard_normal(len(rows))
    size = p["value"] if "value" in p and sign > 0 else 0.01 * (-1 if "value" in p else way(claim, sign))
    extra = 0.0005 * rng.standard_normal(len(rows))
    for i in rows.get_indexer(pd.DatetimeIndex(events["effective_date"])):
        extra[i - before + 1 : i + after + 1] += size / (before + after)
    world: World = {"index_events": events}
    place(world, p["short"], short, rows, rng)
    place(world, p["long"], short + extra, rows, rng)
    return world


def event_pair(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    return _pressed(claim, sign, rng, int(claim.params["before"]), int(claim.params["after"]))


def event_drift(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    return _pressed(claim, sign, rng, 20, -1)


def event_mean(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p = claim.params
    rows = sessions.sessions("2009-01-05", "2021-12-30")
    moves = 0.002 * rng.standard_normal(len(rows))
    for i in rows.get_indexer(pd.DatetimeIndex(p["dates"]), method="bfill"):
        moves[i : i + int(p["after"]) + 1] += 0.02 * way(claim, sign)
    return flat(p["series"], rows, level(moves))


def event_count(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    return {"index_events": _dated(claim, "split", 12 if sign > 0 else 60)}
