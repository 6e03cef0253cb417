"""Series, conditions and targets as the claims name them.

A series is text: ``n225`` (its close), ``nikkei_vi.high``, ``n225/topix`` (a ratio, on the rows both have),
``stocks:7203+6758`` (equal-weighted index of these codes), ``stocks:7203+6758/n225``. A condition is a table with
``series``, ``kind``, ``window``, ``op``, ``at`` and ``to``. A target is what happens after a row. Conditions look back,
and only at what was known by the evening of their row; targets look forward.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from backtests.claims.evidence import Inputs
from indexsim import known

SESSIONS_A_YEAR = 245
Params = Mapping[str, Any]


class Unavailable(LookupError):  # noqa: N818  (no error: the claim becomes "not testable here")
    """An input that a claim needs and no folder holds; the message says which."""


def series(inputs: Inputs, text: str) -> pd.Series:
    """Return a series by name, without unknown rows, dates rising.

    Raises
    ------
    Unavailable
        Where its file or column is absent.

    Examples
    --------
    >>> days = pd.to_datetime(["2024-01-04", "2024-01-05"])
    >>> frames = {"n225": pd.DataFrame({"close": [1.0, 4.0]}, days), "topix": pd.DataFrame({"close": [2.0, 2.0]}, days)}
    >>> series(frames, "n225/topix").tolist()
    [0.5, 2.0]
    """
    top, _, bottom = text.partition("/")
    if bottom:
        both = pd.concat([series(inputs, top), series(inputs, bottom)], axis=1, join="inner")
        return both.iloc[:, 0] / both.iloc[:, 1]
    if top.startswith("stocks:"):
        return stocks(inputs, top.removeprefix("stocks:").split("+"))
    values = column(inputs, top)
    # The Bank's rows are calendar days, and a blank is a day without a purchase.
    return (values.fillna(0.0) if top.startswith("boj_etf_purchases") else values).dropna()


def table(inputs: Inputs, name: str) -> pd.DataFrame:
    """Return an input, or raise `Unavailable`."""
    frame = inputs.get(name)
    if frame is None:
        raise Unavailable(f"{name}: no folder holds it")
    found: pd.DataFrame = frame
    return found


def column(inputs: Inputs, text: str) -> pd.Series:
    """Return a column of a file, blanks included: ``file.column``, or ``file`` for its close or only column;
    ``file.overnight`` is the open over the close before, less 1."""
    file, _, wanted = text.partition(".")
    if wanted == "overnight":
        return overnight(inputs, file)
    frame = table(inputs, file)
    wanted = wanted or ("close" if "close" in frame.columns else str(frame.columns[0]))
    if wanted not in frame.columns:
        raise Unavailable(f"{file}: it has no column {wanted}")
    found: pd.Series = frame[wanted].astype(np.float64)
    return found


def stocks(inputs: Inputs, codes: Sequence[str]) -> pd.Series:
    """Return an equal-weighted index of codes: the mean of their returns each day, from 1 on."""
    frame = table(inputs, "ohlcv")
    rows = frame[frame["code"].astype(str).isin(codes)]
    absent = sorted(set(codes) - set(rows["code"].astype(str)))
    if absent:
        raise Unavailable(f"ohlcv: no closes of {', '.join(absent)}")
    closes = rows.pivot(index="date", columns="code", values="close").astype(np.float64).sort_index()
    closes.index = pd.DatetimeIndex(closes.index)
    growth = (1 + closes.pct_change(fill_method=None).mean(axis=1)).fillna(1.0)
    return growth.cumprod()


def overnight(inputs: Inputs, file: str) -> pd.Series:
    """Return the open over the close before, less 1."""
    opens, closes = column(inputs, f"{file}.open"), column(inputs, file)
    return (opens / closes.shift(1) - 1).dropna()


def bounded(values: pd.Series, params: Params) -> pd.Series:
    """Return the rows between ``first`` (or ``start``) and ``last`` (or ``end``), both included."""
    return values.loc[params.get("first", params.get("start")) : params.get("last", params.get("end"))]


_FREQUENCIES = {"W": "W-FRI", "M": "M", "Q": "Q"}


def at_frequency(values: pd.Series, freq: str) -> pd.Series:
    """Return the last value of each week (to Friday), month or quarter, dated by its last day; "D" changes nothing."""
    if freq == "D":
        return values
    last = values.groupby(pd.DatetimeIndex(values.index).to_period(_FREQUENCIES[freq])).last()
    last.index = pd.PeriodIndex(last.index).to_timestamp(how="end").normalize()
    return last


def pair(inputs: Inputs, params: Params) -> tuple[pd.Series, pd.Series]:
    """Return the levels of ``a`` and ``b`` on the rows both have, at the frequency ``freq``."""
    freq = str(params.get("freq", "D"))
    a, b = (at_frequency(bounded(series(inputs, str(params[k])), params), freq) for k in ("a", "b"))
    both = pd.concat([a, b], axis=1, join="inner", keys=["a", "b"]).dropna()
    return both["a"], both["b"]


def changes(levels: pd.Series, kind: str = "return") -> pd.Series:
    """Return row-to-row returns, changes, or the levels themselves (``level``)."""
    if kind == "level":
        return levels
    return levels.diff() if kind == "change" else levels.pct_change(fill_method=None)


def pair_changes(inputs: Inputs, params: Params) -> tuple[pd.Series, pd.Series]:
    """Return the changes of ``a`` and of ``b`` taken ``lag`` rows earlier, on the rows both have."""
    a, b = pair(inputs, params)
    kinds = (params.get("kind_a", "return"), params.get("kind_b", "return"))
    moves = pd.concat([changes(a, kinds[0]), changes(b, kinds[1])], axis=1, keys=["a", "b"])
    moves["b"] = moves["b"].shift(int(params.get("lag", 0)))
    moves = moves.dropna()
    return moves["a"], moves["b"]


def known_on(inputs: Inputs, text: str, values: pd.Series, dates: pd.DatetimeIndex) -> pd.Series:
    """Return what was known of a series by the evening of each date, NaN where nothing fresh was.

    A New York price counts from the day after its date, accounts from their publication (`indexsim.known`).
    """
    file, _, wanted = text.split("/")[0].partition(".")
    try:
        rule = known.rule_of(file, wanted or "close")
        days, fresh = rule.days, rule.good_for
    except KeyError:
        days, fresh = 0, known.LONGEST_PAUSE
    if days == 0 and values.index.equals(dates):
        return values
    moved = values.set_axis(pd.DatetimeIndex(values.index) + pd.Timedelta(days=days))
    return moved.reindex(dates, method="ffill", tolerance=pd.Timedelta(days=fresh))


_KINDS: Mapping[str, Callable[[pd.Series, int], pd.Series]] = {
    "level": lambda s, _: s,
    "return": lambda s, w: s.pct_change(w, fill_method=None),
    "change": lambda s, w: s.diff(w),
    "gap_to_max": lambda s, w: s / s.rolling(w).max() - 1,
    "gap_to_min": lambda s, w: s / s.rolling(w).min() - 1,
}


_OPERATORS: Mapping[str, Callable[[pd.Series, float, float], pd.Series]] = {
    "above": lambda s, at, _: s > at,
    "below": lambda s, at, _: s < at,
    "between": lambda s, at, to: s.between(at, to),
}


def feature(inputs: Inputs, rule: Params, dates: pd.DatetimeIndex, freq: str = "D", now: bool = False) -> pd.Series:
    """Return what a condition looks at, by date; NaN where it is unknown.

    With a frequency, a row is a week, month or quarter. With ``now`` the value of the row itself counts, known or not.
    """
    text = str(rule["series"])
    levels = at_frequency(series(inputs, text), freq)
    values = _KINDS[str(rule.get("kind", "level"))](levels, int(rule.get("window", 1)))
    return values.reindex(dates) if now else known_on(inputs, text, values, dates)


def holds(
    inputs: Inputs, conditions: Sequence[Params], dates: pd.DatetimeIndex, freq: str = "D", now: bool = False
) -> tuple[pd.Series, pd.Series]:
    """Return whether all conditions hold on each date, and whether that is known."""
    every, sure = pd.Series(True, dates), pd.Series(True, dates)
    for one in conditions:
        values, at = feature(inputs, one, dates, freq, now), float(one["at"])
        met = _OPERATORS[str(one["op"])](values, at, float(one.get("to", at)))
        every, sure = every & met, sure & values.notna()
    return every, sure


def target(closes: pd.Series, params: Params) -> pd.Series:
    """Return what follows each row over ``horizon`` rows, by ``target_kind``; NaN where it is not known yet.

    ``return`` (close to close), ``realised_vol`` (a year), ``max_drawdown`` (largest fall below the row's close, not
    positive), ``max_rise``, ``trend`` (the sign of the past ``window`` rows' return times the return to come).
    With a horizon of 0, the return of the row itself.
    """
    horizon, kind = int(params.get("horizon", 1)), str(params.get("target_kind", "return"))
    if horizon == 0:
        return closes.pct_change(fill_method=None)
    ahead = closes.shift(-horizon) / closes - 1
    if kind == "return":
        return ahead
    if kind == "trend":
        past = closes.pct_change(int(params["window"]), fill_method=None)
        return ahead.where(past > 0, -ahead).where(past != 0, 0.0).where(past.notna())
    if kind == "realised_vol":
        squares = pd.Series(np.log(closes.to_numpy(np.float64)), closes.index).diff() ** 2
        return (squares.rolling(horizon).mean() * SESSIONS_A_YEAR).clip(lower=0).pow(0.5).shift(-horizon)
    reversed_ = closes[::-1].shift(1).rolling(horizon, min_periods=horizon)
    if kind == "max_drawdown":
        return (reversed_.min()[::-1] / closes - 1).clip(upper=0)
    if kind == "max_rise":
        return (reversed_.max()[::-1] / closes - 1).clip(lower=0)
    raise ValueError(f"no target_kind {kind!r}; there are return, realised_vol, max_drawdown, max_rise, trend")


def conditioned(inputs: Inputs, params: Params) -> tuple[pd.Series, pd.Series]:
    """Return the target and whether the conditions hold, on the rows where both are known.

    The bound ``last`` cuts the target's closes, so nothing after it enters; ``within`` (conditions too) leaves out the
    rows where it does not hold.
    """
    freq, now = str(params.get("freq", "D")), params.get("horizon") == 0
    closes = at_frequency(series(inputs, str(params["target"])), freq)
    closes = closes.loc[: params.get("last", params.get("end"))]
    met, sure = holds(inputs, params["conditions"], pd.DatetimeIndex(closes.index), freq, now)
    values = target(closes, params)
    rows = sure & values.notna()
    if params.get("within"):
        inside, also = holds(inputs, params["within"], pd.DatetimeIndex(closes.index), freq, now)
        rows &= inside & also
    first = params.get("first", params.get("start"))
    if first is not None:
        rows &= values.index >= pd.Timestamp(first)
    return values[rows], met[rows]
