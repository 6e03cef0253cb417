"""The random processes of a sample: volatility, yen, market, growth, sectors, single names.

A session of a stock is four log returns: overnight (close to open), morning, lunch and afternoon; a
half day ends with its morning. What is summed over all sessions is tied down (the market and growth factors
end where they began, sectors and single names are drawn back), so that twenty years stay plausible for
every seed and the expected return is the planted one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexsim.sample.days import Days
from indexsim.sample.effects import EQUAL_DRIFT, Effects, Sample
from indexsim.sample.names import SECTORS, Names

Floats = NDArray[np.float64]

OVERNIGHT, MORNING, LUNCH, AFTERNOON = range(4)

#: Share of a session's variance in each part; a half day has an overnight and a morning.
FULL_SHARES = np.array([0.35, 0.30, 0.05, 0.30])
HALF_SHARES = np.array([0.50, 0.50, 0.00, 0.00])
HALF_DAY_VARIANCE = 0.7

#: Sessions a year: turns yearly rates into those of a session.
YEAR = 245

#: Growth of prices a year along the plain path, on which events are chosen.
PLAIN_GROWTH = 0.05

#: VI below the first: calm; above the second: panic (S001, H10).
VI_BANDS = (20.0, 30.0)

VI_MEDIAN, VI_MEMORY, VI_SHOCK, VI_LEVERAGE = 20.5, 0.985, 0.05, -0.7
REALISED_TO_IMPLIED = 0.80  # the market moves less than the VI says
GROWTH_VOL, SECTOR_VOL, OWN_VOL = 0.0035, 0.006, 0.013
SECTOR_PULL, OWN_PULL, YEN_PULL = 1 / 750, 1 / 500, 1 / 1000
YEN_LEVEL, YEN_TOKYO_VOL, YEN_NIGHT_VOL = 115.0, 0.0040, 0.0042


@dataclass(frozen=True)
class World:
    """What was drawn, before any planted effect.

    Attributes
    ----------
    returns : float array of shape (4, n_sessions, n)
        Log returns of the four parts of a session, without drift and dividends.
    shares : float array of shape (n_sessions, 4)
        Share of each part in the session's variance; the rows sum to one.
    vi : float array of shape (n_sessions,)
        VI close, percent a year, 2 decimals.
    vi_before : float array of shape (n_sessions,)
        VI close of the session before.
    yen_tokyo, yen_night : float array of shape (n_sessions,)
        Log returns of USDJPY in Tokyo hours and from then to the New York close.
    """

    returns: Floats
    shares: Floats
    vi: Floats
    vi_before: Floats
    yen_tokyo: Floats
    yen_night: Floats

    @property
    def yen_close(self) -> Floats:
        """USDJPY at the New York close of each session's date, yen."""
        return np.asarray(YEN_LEVEL * np.exp(np.cumsum(self.yen_tokyo + self.yen_night)))

    def plain_path(self) -> Floats:
        """Return the log price of every name against its end with steady growth and nothing planted."""
        path = np.cumsum(self.returns.sum(axis=0) + PLAIN_GROWTH / YEAR, axis=0)
        return np.asarray(path - path[-1])


def make_world(sample: Sample, days: Days, names: Names) -> World:
    """Draw the processes of a sample."""
    shares = np.where(days.half[:, None], HALF_SHARES, FULL_SHARES)
    scale = np.sqrt(shares * np.where(days.half, HALF_DAY_VARIANCE, 1.0)[:, None])
    shock = sample.rng("prices").standard_normal((len(days), 4)) * scale
    vi = _vi(sample, shock.sum(axis=1))
    vi_before = np.append(VI_MEDIAN, vi[:-1])
    sigma = vi_before / 100 / np.sqrt(YEAR) * REALISED_TO_IMPLIED
    market = tied(shock * sigma[:, None])
    growth = tied(sample.rng("growth").standard_normal((len(days), 4)) * scale * GROWTH_VOL)
    sector = drawn_back(_noise(sample, "sectors", scale * SECTOR_VOL, len(SECTORS)), SECTOR_PULL)
    returns = drawn_back(
        _noise(sample, "own", scale * OWN_VOL * np.sqrt(vi_before / VI_MEDIAN)[:, None], len(names)), OWN_PULL
    )
    for part in range(4):
        returns[part] += market[:, part, None] * names.beta + growth[:, part, None] * names.growth
        returns[part] += sector[part][:, names.sector]
    tokyo, night = _yen(sample, len(days))
    return World(returns, shares, vi, vi_before, tokyo, night)


def common_returns(world: World, effects: Effects) -> Floats:
    """Return the log returns every stock has in common: planted drift and yen, shape (n_sessions, 4)."""
    drift = np.array(effects.vi_drift or (EQUAL_DRIFT,) * 3)
    common = (drift[vi_band(world.vi_before)] / YEAR)[:, None] * world.shares
    day = world.shares.copy()
    day[:, OVERNIGHT] = 0.0
    common += effects.yen_beta * world.yen_tokyo[:, None] * day / day.sum(axis=1, keepdims=True)
    common[1:, OVERNIGHT] += effects.yen_beta * world.yen_night[:-1]
    return common


def vi_band(vi: Floats) -> NDArray[np.int64]:
    """Return 0 below 20, 1 from 20 to 30, 2 above 30.

    Examples
    --------
    >>> vi_band(np.array([19.99, 20.0, 30.0, 30.01])).tolist()
    [0, 1, 1, 2]
    """
    return (vi >= VI_BANDS[0]).astype(np.int64) + (vi > VI_BANDS[1])


def tied(returns: Floats) -> Floats:
    """Shift returns of shape (n_sessions, 4), each by its share of the squares, so that they sum to zero."""
    size = returns**2
    return np.asarray(returns - returns.sum() * size / size.sum())


def drawn_back(noise: Floats, pull: float) -> Floats:
    """Pull summed returns towards zero, in place: each overnight gives back `pull` of the sum so far.

    Parameters
    ----------
    noise : float array of shape (4, n_sessions, n)
        Log returns.
    pull : float
        Fraction given back per session.
    """
    total = noise.sum(axis=0)
    level = np.zeros(noise.shape[2])
    for t in range(noise.shape[1]):
        noise[OVERNIGHT, t] -= pull * level
        level = (1 - pull) * level + total[t]
    return noise


def _noise(sample: Sample, stream: str, scale: Floats, n: int) -> Floats:
    noise = sample.rng(stream).standard_normal((4, len(scale), n))
    noise *= scale.T[:, :, None]
    return noise


def _vi(sample: Sample, market: Floats) -> Floats:
    """Return VI closes: they jump when the market falls and fade over months."""
    own = sample.rng("vi").standard_normal(len(market))
    shock = VI_SHOCK * (VI_LEVERAGE * market + np.sqrt(1 - VI_LEVERAGE**2) * own)
    level, path = 0.0, np.empty(len(market))
    for t in range(len(market)):
        level = VI_MEMORY * level + shock[t]
        path[t] = level
    return np.round(VI_MEDIAN * np.exp(path), 2)


def _yen(sample: Sample, n: int) -> tuple[Floats, Floats]:
    rng = sample.rng("yen")
    tokyo, night = rng.normal(0, YEN_TOKYO_VOL, n), rng.normal(0, YEN_NIGHT_VOL, n)
    level = 0.0
    for t in range(n):
        night[t] -= YEN_PULL * level
        level += tokyo[t] + night[t]
    return tokyo, night
