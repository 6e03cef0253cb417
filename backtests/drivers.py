"""What moved the index, or a strategy: regression of its returns on the outside series a market holds.

S003 lists what drives the Nikkei: the world economy, growth at home, policy, the exchange rate, oil. Each
series enters with the change of its value *as known* (`indexsim.known`) at the closes of Tokyo: a session's return
stands beside the New York close of the night before, yields published that morning, accounts and GDP from their
release on. Nothing that came after the close explains it.

The numbers tell what went together in one history. They are no forecast (but see `ahead`), and not causes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from backtests.observations import (
    DRIVERS,
    SPARE,
    Driver,
    Observations,
    choose,
    levels_behind,
    observe,
    part,
    too_few,
    without_still,
)
from backtests.regression import Fit, default_lags, ols
from indexsim.errors import MissingData, SpecError, unknown_name
from indexsim.market import MarketData


def drivers(
    market: MarketData,
    returns: pd.Series | None = None,
    *,
    of: str = "n225",
    names: Sequence[str] = (),
    step: int = 1,
    ahead: int = 0,
    lags: int | None = None,
    window: int = 0,
    bands: tuple[str, Sequence[float]] | None = None,
) -> dict[str, Any]:
    """Regress returns on the drivers of a market and attribute them.

    Parameters
    ----------
    market : MarketData
    returns : Series of shape (n_sessions,), optional
        Returns of a strategy by session, fractions, without a gap: ``Result.returns["net"]``. None is the series `of`.
    of : str
        Series whose close-to-close returns count where no `returns` are given: n225, topix, a fund.
    names : sequence of str
        Drivers by name (`DRIVERS`); none takes every one the market holds and the step suits.
    step : int
        Sessions an observation is long, counted back from the last one: 1 a day, 5 a week, 20 a month, 61 a quarter.
    ahead : int
        0 sets a return beside the changes known at its end; 1 beside those known before it began, which is the test
        whether they foretell it.
    lags : int or None
        Of the Newey-West errors; None is `default_lags` of the number of observations.
    window : int
        Observations of a rolling fit, moved on by a quarter of itself; 0 leaves it out.
    bands : (driver, bounds), optional
        Fit again by the level of a driver before each observation, as ``("usdjpy", (110, 130))``.

    Returns
    -------
    dict
        ``of``, ``step``, ``ahead``, ``from`` and ``to`` (base of the first observation, end of the last), ``drivers``
        [{name, file, column, change}], ``fit`` (see `fit_answer`), ``alone`` (each driver as the only one),
        ``attribution`` {total, parts} and ``years`` [{year, n, total, parts}], whose parts sum to the compounded
        return, ``rolling`` [{from, to, n, r2, coefficients}] and ``bands`` [{driver, low, high, n, r2, coefficients}],
        both with null and ``why`` where there is no fit, ``missing`` [text].

    Raises
    ------
    SpecError
        An unknown driver or one the step does not suit, returns with a gap, drivers that cannot be told apart.
    MissingData
        A named driver's file is absent, none is there, or the observations are too few.
    """
    _refuse_numbers(step=(step, 1), ahead=(ahead, 0), window=(window, 0), lags=(0 if lags is None else lags, 0))
    chosen, missing = choose(market, names, step)
    data, bounding = observe(market, levels_behind(market, returns, of), chosen, step, ahead)
    data, chosen, still = without_still(data, chosen)
    missing += bounding + still
    fit = _fit(data, chosen, lags)
    if data.unknown:
        missing.append(
            f"{data.unknown} of {len(data.y)} observations: a driver is unknown; in no fit, apart in the parts"
        )
    return {
        "of": of if returns is None else "returns",
        "step": step,
        "ahead": ahead,
        "from": str(data.begin[0]),
        "to": str(data.end[-1]),
        "drivers": [{"name": d.name, "file": d.file, "column": d.column, "change": d.change} for d in chosen],
        "fit": fit_answer(fit, chosen),
        "alone": [_alone(data, k, driver, lags) for k, driver in enumerate(chosen)],
        "attribution": _attribution(data, fit, chosen, slice(None)),
        "years": _years(data, fit, chosen),
        "rolling": _rolling(data, chosen, lags, window) if window else [],
        "bands": _bands(market, data, chosen, lags, bands) if bands else [],
        "missing": missing,
    }


def _refuse_numbers(**given: tuple[int, int]) -> None:
    for name, (value, low) in given.items():
        if value < low:
            raise SpecError(
                asked=f"take drivers with {name} = {value}",
                found=f"{value} is below {low}",
                rule=f"{name} is {low} or more",
                todo=f"correct {name}",
            )


def _fit(data: Observations, chosen: Sequence[Driver], lags: int | None) -> Fit:
    known = data.known
    n = int(known.sum())
    if n < len(chosen) + 1 + SPARE:
        raise too_few(n, len(chosen))
    fit = ols(data.y[known], data.x[known], default_lags(n) if lags is None else lags)
    if fit is None:
        raise SpecError(
            asked=f"take {', '.join(d.name for d in chosen)} as drivers",
            found="their changes cannot be told apart",
            rule="no driver is a sum of multiples of the others",
            todo="leave one of them out with `names`",
        )
    return fit


def fit_answer(fit: Fit, chosen: Sequence[Driver]) -> dict[str, Any]:
    """Return a fit as plain JSON values.

    Returns
    -------
    dict
        ``n``, ``lags``, ``r2``, ``adjusted_r2``, ``residual_sd`` (a fraction per observation) and ``coefficients``
        [{name, beta, se, t, p, low, high}], the constant first. A beta is the return for a change of 1: of 100 % of
        a relative change, of one percentage point of a difference. ``se`` after Newey and West; ``low`` and ``high``
        bound 95 %.
    """
    return {
        "n": fit.n,
        "lags": fit.lags,
        "r2": fit.r2,
        "adjusted_r2": fit.adjusted_r2,
        "residual_sd": fit.residual_sd,
        "coefficients": _coefficients(fit, chosen),
    }


def _coefficients(fit: Fit, chosen: Sequence[Driver]) -> list[dict[str, Any]]:
    names = ["constant", *(d.name for d in chosen)]
    return [{"name": name, **fit.coefficient(k)} for k, name in enumerate(names)]


def _alone(data: Observations, k: int, driver: Driver, lags: int | None) -> dict[str, Any]:
    """Fit one driver alone, on the observations of the fit of all."""
    fit = _fit(part(Observations(data.begin, data.end, data.y, data.x[:, [k]]), data.known), [driver], lags)
    return {"name": driver.name, "r2": fit.r2, **fit.coefficient(1)}


def _attribution(data: Observations, fit: Fit, chosen: Sequence[Driver], rows: Any) -> dict[str, Any]:
    """Split the compounded return of some observations into parts that sum to it.

    A return in fractions of the value before it is y = constant + sum of beta x change + residual. Times that value
    over the value at the start it is in fractions of the start, and these add up.
    """
    y, x, known = data.y[rows], data.x[rows], data.known[rows]
    before = np.append(1.0, np.cumprod(1.0 + y)[:-1])
    moved = np.where(known[:, None], x, 0.0) * fit.beta[1:]
    constant = np.where(known, fit.beta[0], 0.0)
    parts = {
        "constant": constant,
        **{driver.name: moved[:, k] for k, driver in enumerate(chosen)},
        "residual": np.where(known, y - constant - moved.sum(axis=1), 0.0),
        "unknown": np.where(known, 0.0, y),
    }
    return {
        "total": float(np.prod(1.0 + y) - 1.0),
        "parts": {name: float(before @ each) for name, each in parts.items()},
    }


def _years(data: Observations, fit: Fit, chosen: Sequence[Driver]) -> list[dict[str, Any]]:
    """Attribute each calendar year, by the end of its observations."""
    year = data.end.astype("datetime64[Y]")
    edges = [0, *(np.flatnonzero(year[1:] != year[:-1]) + 1).tolist(), len(year)]
    return [
        {"year": int(str(year[a])), "n": b - a, **_attribution(data, fit, chosen, slice(a, b))}
        for a, b in pairwise(edges)
    ]


def _rolling(data: Observations, chosen: Sequence[Driver], lags: int | None, window: int) -> list[dict[str, Any]]:
    """Fit windows of known observations, counted back from the last one."""
    known = part(data, data.known)
    stride, rows = max(window // 4, 1), []
    for last in _stops(len(known.y), window, stride):
        inside = part(known, slice(last - window, last))
        fit = _try(inside, chosen, lags)
        row = {"from": str(inside.begin[0]), "to": str(inside.end[-1]), "n": window}
        rows.append({**row, **_short(fit, chosen)})
    if not rows:
        raise MissingData(
            asked=f"take drivers over windows of {window} observations",
            found=f"{len(known.y)} observations",
            rule="a window lies within the history",
            todo="shorten the window",
        )
    return rows


def _stops(n: int, window: int, stride: int) -> Iterable[int]:
    return range(n - (n - window) // stride * stride, n + 1, stride) if n >= window else ()


def _try(data: Observations, chosen: Sequence[Driver], lags: int | None) -> Fit | str:
    """Fit, or say why not: in a part of the history drivers may stand still, or be too few."""
    try:
        return _fit(data, chosen, lags)
    except (SpecError, MissingData) as error:
        return error.found


def _short(fit: Fit | str, chosen: Sequence[Driver]) -> dict[str, Any]:
    if isinstance(fit, str):
        return {"r2": None, "coefficients": None, "why": fit}
    return {"r2": fit.r2, "coefficients": _coefficients(fit, chosen)}


def _bands(
    market: MarketData,
    data: Observations,
    chosen: Sequence[Driver],
    lags: int | None,
    bands: tuple[str, Sequence[float]],
) -> list[dict[str, Any]]:
    """Fit the observations of each band of a driver's level, known where the observation begins.

    Observations of a band are taken as if they followed each other: the errors' lags may join episodes.
    """
    name, bounds = bands
    if name not in DRIVERS:
        raise unknown_name("driver", name, DRIVERS)
    driver = DRIVERS[name]
    bars = market.bars("daily")
    level = market.known(driver.file, driver.column, bars)[np.searchsorted(bars.session, data.begin)]
    edges = [-np.inf, *sorted(float(b) for b in bounds), np.inf]
    rows = []
    for low, high in pairwise(edges):
        inside = (level >= low) & (level < high) & data.known
        fit = _try(part(data, inside), chosen, lags)
        band = {"driver": name, "low": low if np.isfinite(low) else None, "high": high if np.isfinite(high) else None}
        rows.append({**band, "n": int(inside.sum()), **_short(fit, chosen)})
    return rows
