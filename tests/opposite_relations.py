"""Worlds for claims of level and date, and of two series that move together, or do not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from backtests.claims.catalogue import Claim
from indexsim import sessions
from tests.opposite_series import World, correlated, days, flat, level, mixed, place, place_changes, way


def level_on_date(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p = claim.params
    rows = pd.bdate_range(
        pd.Timestamp(p["date"]) - pd.Timedelta(days=40), pd.Timestamp(p["date"]) + pd.Timedelta(days=5)
    )
    rows = rows.union([pd.Timestamp(p["date"])])
    return flat(p["series"], rows, p["value"] if sign > 0 else p["value"] + 2 * p["tolerance"])


def values_on_dates(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p = claim.params
    values = np.array(p["values"], dtype=np.float64) * p.get("scale", 1.0)
    if sign < 0:
        values[-1] *= 1 + 2 * p["tolerance"]
    return flat(p["series"], pd.DatetimeIndex(p["dates"]), values)


def _between(claim: Claim) -> pd.DatetimeIndex:
    return pd.bdate_range(claim.params["start"], claim.params["end"]).union(
        pd.DatetimeIndex([claim.params["start"], claim.params["end"]])
    )


def return_over(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p, rows = claim.params, _between(claim)
    move = p["value"] + (0.0 if sign > 0 else 2 * p["tolerance"]) if "value" in p else 0.1 * way(claim, sign)
    return flat(p["series"], rows, np.linspace(100, 100 * (1 + move), len(rows)))


def pair_return(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p, rows = claim.params, _between(claim)
    move = p["value"] + (0.0 if sign > 0 else 2 * p["tolerance"])
    return {**flat(p["long"], rows, np.linspace(100, 100 * (1 + move), len(rows))), **flat(p["short"], rows, 100.0)}


def record_between(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p = claim.params
    return flat(p["series"], _between(claim), p["value"] if sign > 0 else p["value"] + 2 * p["tolerance"])


def new_high(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    rows = pd.bdate_range(claim.params["since"], claim.params["end"])
    return flat(claim.params["series"], rows, np.linspace(100, 100 + 50 * sign, len(rows)))


def level_crossed_count(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p = claim.params
    over = way(claim, sign) * (1 if p["op"] == "above" else -1)
    return flat(p["series"], _between(claim), p["level"] * (1 + 0.1 * over))


def first_passage(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p = claim.params
    rows = pd.bdate_range(p["date"], p["last"])
    middle = (p["up"] + p["down"]) / 2
    end = p["up"] if (p["first_met"] == "up") == (sign > 0) else p["down"]
    return flat(p["series"], rows, np.linspace(middle, 2 * end - middle, len(rows)))


def rsi_on_date(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    # A steady fall of 1 a day leaves a mean fall of 1 and an RSI of 0. One rise of u then gives means of u / window and
    # (window - 1) / window, hence an RSI of u / (u + window - 1).
    p = claim.params
    rows = pd.bdate_range(end=p["date"], periods=200)
    values = 1_000.0 - np.arange(len(rows))
    share = p["value"] / 100
    if sign > 0:
        values[-1] = values[-2] + (p["window"] - 1) * share / (1 - share)
    return flat(p["series"], rows, values)


def sum_between(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p, rows = claim.params, _between(claim)
    total = p["value"] if sign > 0 else 2 * p["value"] + 1
    cells = {column: np.full(len(rows), total / len(rows) / len(p["columns"])) for column in p["columns"]}
    return {p["file"]: pd.DataFrame(cells, rows)}


# Relations.


def correlation_changes(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p, freq = claim.params, str(claim.params.get("freq", "D"))
    rows, lag = days(claim, freq), int(p.get("lag", 0))
    drive = 0.01 * rng.standard_normal(len(rows) + lag)
    threshold = float(p.get("threshold", 0))
    if p["direction"] == "equal":
        world: World = {}
        place(world, p["b"], drive, rows, rng)
        place(world, p["a"], correlated(drive, threshold if sign > 0 else 0.9, rng), rows, rng)
        return world
    if threshold:
        high = way(claim, sign) > 0
        share = (0.99 if threshold > 0.9 else 0.95) if high else 0.1
    else:
        share = 0.7 * way(claim, sign)
    # Row t of a answers row t - lag of b.
    answer, driver = mixed(share, drive, rng)[: len(rows)], drive[lag:]
    world = {}
    place(world, p["a"], answer, rows, rng)
    if p.get("kind_b") == "change":
        place_changes(world, p["b"], driver, rows)
    else:
        place(world, p["b"], driver, rows, rng)
    return world


def correlation_levels(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p = claim.params
    rows = days(claim, p["freq"])
    moves = 0.02 * rng.standard_normal(len(rows))
    world: World = {}
    place(world, p["a"], moves, rows, rng)
    place(world, p["b"], way(claim, sign) * moves, rows, rng)
    return world


def lead_lag(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p = claim.params
    rows = days(claim, p["freq"])
    first = 0.01 * rng.standard_normal(len(rows))
    then = mixed(0.8 * p.get("sign", 1), np.concatenate([[0.0], first[:-1]]), rng)
    leads, follows = (p["a"], p["b"]) if way(claim, sign) > 0 else (p["b"], p["a"])
    world: World = {}
    place(world, leads, first, rows, rng)
    place(world, follows, then, rows, rng)
    return world


def slope(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p = claim.params
    rows = days(claim, str(p.get("freq", "D")))
    drive = 0.01 * rng.standard_normal(len(rows))
    world: World = {}
    slope = float(p["threshold"]) + 0.5 * way(claim, sign)
    place(world, p["a"], slope * drive + 0.001 * rng.standard_normal(len(rows)), rows, rng)
    place(world, p["b"], drive, rows, rng)
    return world


def volatility_ratio(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p = claim.params
    rows = days(claim, str(p.get("freq", "D")))
    world: World = {}
    quiet = 0.005 * rng.standard_normal(len(rows))
    lively = 0.02 * rng.standard_normal(len(rows))
    if "/" in p["a"]:
        # a is b over another series: independent of b it adds to the moves, moving with b it takes them away.
        other = p["a"].split("/")[1]
        place(world, other, lively if sign > 0 else 0.9 * quiet, rows, rng)
        place(world, p["b"], quiet, rows, rng)
        return world
    for text, moves in zip((p["a"], p["b"]), (lively, quiet) if way(claim, sign) > 0 else (quiet, lively), strict=True):
        place(world, text, moves, rows, rng)
    return world


def realised_volatility(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p = claim.params
    rows = sessions.sessions(p["start"], p["end"])
    size = (p["value"] if sign > 0 else 2 * p["value"]) / np.sqrt(245)
    return flat(p["series"], rows, level(size * np.where(np.arange(len(rows)) % 2, 1.0, -1.0)))


def variance_ratio(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    rows = days(claim)
    shocks, moves = 0.01 * rng.standard_normal(len(rows)), np.zeros(len(rows))
    for t in range(1, len(rows)):
        moves[t] = 0.4 * way(claim, sign) * moves[t - 1] + shocks[t]
    return flat(claim.params["series"], rows, level(moves))


def asymmetry(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    rows = days(claim)
    rare = rng.random(len(rows)) < 0.06
    moves = np.where(rare, -0.03, 0.03 * 0.06 / 0.94) + 0.0005 * rng.standard_normal(len(rows))
    return flat(claim.params["series"], rows, level(way(claim, sign) * moves))


def predictive_correlation(claim: Claim, sign: int, rng: np.random.Generator) -> World:
    p, rows = claim.params, days(claim)
    spell = np.repeat(rng.random(len(rows) // 50 + 1) < 0.5, 50)[: len(rows)]
    world = flat(p["a"], rows, np.where(spell, 30.0, 15.0) + 0.1 * rng.standard_normal(len(rows)))
    noise = rng.standard_normal(len(rows))
    if p["b_kind"] == "realised_vol":
        wild = spell if way(claim, sign) > 0 else ~spell
        moves = np.where(wild, 0.03, 0.005) * noise
    elif sign > 0:
        # Nothing is known ahead: an index that turns back every day, and a level that is drawn anew every day.
        world = flat(p["a"], rows, 20 + rng.standard_normal(len(rows)))
        moves = 0.01 * noise
    else:
        moves = np.where(spell, 0.003, -0.003) + 0.002 * noise
    return {**world, **flat(p["b"], rows, level(moves))}
