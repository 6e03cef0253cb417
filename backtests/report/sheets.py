"""The pyfolio sheets of a run as PNG pictures, the same bytes every time.

pyfolio and matplotlib are imported only inside the functions that draw. What pyfolio prints is
thrown away: its tables count 252 days a year, ours stand in the document. A sheet that cannot be
drawn is returned without a picture, with the reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from backtests.report import canvas
from backtests.report.frames import Inputs, adapt
from backtests.report.stress import covered, in_words
from backtests.report.tables import day
from backtests.result import Result

#: Sessions in pyfolio's rolling windows (six of its months), and its days in a year.
_WINDOW, _PYFOLIO_YEAR = 126, 252

#: More shares or contracts than this, and matching them one by one takes too long.
_MOST_UNITS = 2_000_000

_FLAT = "the account value never moved"
_ROLLING = ("Rolling portfolio beta", "Rolling volatility", "Rolling Sharpe")


@dataclass(frozen=True)
class Sheet:
    """One picture of the report.

    Attributes
    ----------
    name : str
        ``returns``, ``stress``, ``positions``, ``transactions`` or ``round_trips``.
    title, alt : str
        Heading, and what the picture shows in words.
    png : bytes or None
        None where it was not drawn.
    why : str or None
        The reason, where it was not drawn.
    notes : tuple of str
        What to know when reading the picture.
    """

    name: str
    title: str
    alt: str
    png: bytes | None
    why: str | None
    notes: tuple[str, ...] = ()


_RETURNS = Sheet(
    "returns",
    "Returns",
    "Cumulative net return beside the price benchmark (plain, volatility-matched, logarithmic), session returns, "
    "rolling beta, volatility and Sharpe ratio, the five deepest drawdowns, the underwater curve, monthly and "
    "annual returns, and their distribution.",
    None,
    None,
)
_STRESS = Sheet(
    "stress",
    "Stress",
    "Cumulative net return beside the price benchmark in each period of stress of the Tokyo market, a panel each.",
    None,
    None,
)
_POSITIONS = Sheet(
    "positions",
    "Positions",
    "Long, short and net exposure over time, the share of each holding, the largest and the median position, "
    "the number of holdings, and gross leverage.",
    None,
    None,
)
_TRANSACTIONS = Sheet(
    "transactions",
    "Transactions",
    "Daily turnover, units traded per day, and the distribution of daily turnover.",
    None,
    None,
)
_ROUND_TRIPS = Sheet(
    "round_trips",
    "Round trips",
    "When each round trip was open and in which direction, the probability of a profitable one, and the "
    "distributions of holding time, profit in yen and return.",
    None,
    None,
)


def draw(result: Result) -> list[Sheet]:
    """Draw the sheets of pyfolio's full tear sheet for a run.

    Returns
    -------
    list of Sheet
        Always five, in pyfolio's order: returns, stress, positions, transactions, round trips; undrawn ones say why.

    Raises
    ------
    LedgerError
        Positions that do not sum to the account value.
    """
    inputs = adapt(result)
    why = _why_nothing(result)
    if why:
        return [replace(sheet, why=why) for sheet in (_RETURNS, _STRESS, _POSITIONS, _TRANSACTIONS, _ROUND_TRIPS)]
    with canvas.surroundings():
        return [
            _returns(inputs, float(result.facts["sessions_per_year"])),
            _stress(inputs),
            _positions(inputs),
            _transactions(inputs),
            _round_trips(inputs),
        ]


def _why_nothing(result: Result) -> str | None:
    """Say why no sheet can be drawn, or None."""
    empty = result.equity.index[result.equity["net"] <= 0]
    if len(empty):
        return f"the account was empty on {day(empty[0])}; shares of it are undefined from there on"
    if len(result.returns) < 2:
        return "a curve needs at least two sessions"
    return None


def _returns(inputs: Inputs, sessions_per_year: float) -> Sheet:
    """Draw the returns sheet, its rolling panels in our year."""
    from pyfolio import tears

    if (inputs.returns == 0).all():
        return replace(_RETURNS, why=_FLAT)
    # Naive: with a time zone, pyfolio shades a drawdown that has not ended from a naive day to an aware one.
    benchmark = None if inputs.benchmark is None else inputs.benchmark.tz_localize(None)
    figure = tears.create_returns_tear_sheet(
        inputs.returns.tz_localize(None), benchmark_rets=benchmark, return_fig=True, set_context=False
    )
    notes = list(inputs.notes)
    if len(inputs.returns) > _WINDOW:
        canvas.rescale(figure, math.sqrt(sessions_per_year / _PYFOLIO_YEAR))
        notes.append(
            f"rolling volatility and Sharpe ratio are rescaled from 252 to {sessions_per_year:g} sessions a year"
        )
    else:
        canvas.remove(figure, _ROLLING)
        notes.append(f"rolling panels are left out: they need more than {_WINDOW} sessions")
    if inputs.benchmark is None:
        canvas.remove(figure, ("Cumulative returns volatility matched",))
    return replace(_RETURNS, png=canvas.png(figure), notes=tuple(notes))


def _stress(inputs: Inputs) -> Sheet:
    """Draw pyfolio's sheet of interesting times over the stress of the Tokyo market."""
    from pyfolio import tears

    if (inputs.returns == 0).all():
        return replace(_STRESS, why=_FLAT)
    whole, parts = covered(pd.DatetimeIndex(inputs.returns.index).tz_localize(None)[1:])
    notes = in_words(parts)
    if not whole:
        return replace(_STRESS, why="; ".join(["no period of stress lies within the run", *notes]))
    periods = {s.name: (pd.Timestamp(s.first, tz="UTC"), pd.Timestamp(s.last, tz="UTC")) for s in whole}
    figure = tears.create_interesting_times_tear_sheet(
        inputs.returns,
        inputs.benchmark,
        periods=periods,
        legend_loc="best",
        return_fig=True,
        set_context=False,
    )
    canvas.name_curves(figure, {"Algo": "net", "benchmark": "price benchmark"})
    canvas.month_days(figure)
    return replace(_STRESS, png=canvas.png(figure), notes=tuple(notes))


def _positions(inputs: Inputs) -> Sheet:
    """Draw the positions sheet."""
    from pyfolio import tears

    if (inputs.positions.drop(columns="cash") == 0).all(axis=None):
        return replace(_POSITIONS, why="nothing was held at any close")
    figure = tears.create_position_tear_sheet(
        inputs.returns, inputs.positions, estimate_intraday=False, return_fig=True, set_context=False
    )
    for panel in figure.axes:
        if panel.get_title().startswith("Portfolio allocation"):
            panel.legend(loc="upper left", ncol=5, frameon=True)
    return replace(_POSITIONS, png=canvas.png(figure), notes=("exposure counts futures and CFDs at full notional",))


def _transactions(inputs: Inputs) -> Sheet:
    """Draw the transactions sheet without the New York histogram of hours."""
    from pyfolio import tears

    if inputs.transactions.empty:
        return replace(_TRANSACTIONS, why="there was no fill")
    if (inputs.positions.drop(columns="cash") == 0).all(axis=None):
        return replace(_TRANSACTIONS, why="nothing was held at any close, and pyfolio divides by what was held")
    figure = tears.create_txn_tear_sheet(
        inputs.returns,
        inputs.positions,
        inputs.transactions,
        estimate_intraday=False,
        return_fig=True,
        set_context=False,
    )
    canvas.remove(figure, ("Transaction time distribution",))
    canvas.relabel(figure, {"Amount of shares traded": "Units traded (x multiplier)"})
    notes = ("pyfolio's turnover is what was traded over gross exposure, not over the account as in the table",)
    return replace(_TRANSACTIONS, png=canvas.png(figure), notes=notes)


def _round_trips(inputs: Inputs) -> Sheet:
    """Draw the round-trip sheet, if pyfolio's matching agrees with what was held."""
    from pyfolio import tears

    if inputs.transactions.empty:
        return replace(_ROUND_TRIPS, why="there was no fill")
    scaled = _in_units(inputs.transactions)
    why = _why_unmatched(inputs, scaled) or _why_no_distribution(inputs, scaled)
    if why:
        return replace(_ROUND_TRIPS, why=why)
    figure = tears.create_round_trip_tear_sheet(
        inputs.returns, inputs.positions, scaled, estimate_intraday=False, return_fig=True, set_context=False
    )
    canvas.relabel(figure, {"PnL per round-trip trade in $": "Profit per round trip [yen]"})
    for panel in figure.axes:
        if panel.get_xlabel().startswith("Profit"):
            panel.xaxis.set_major_formatter("{x:,.0f}")
    notes = (
        "pyfolio's own matching: fills of one direction within 8 hours merged, positions still open closed at the last "
        "close; the tables are ours: closed round trips only; both are after fees",
    )
    return replace(_ROUND_TRIPS, png=canvas.png(figure), notes=notes)


def _in_units(transactions: pd.DataFrame) -> pd.DataFrame:
    """Return the transactions in units of the largest lot that all fills of a symbol are multiples of, fees in prices.

    pyfolio matches share by share; amount / lot at price x lot is the same money in fewer steps. It knows no fees:
    paid with each unit bought, taken off each unit sold, they are in its profits.
    """
    lots = (
        transactions["amount"].abs().astype("int64").groupby(transactions["symbol"]).agg(lambda part: math.gcd(*part))
    )
    lot = transactions["symbol"].map(lots.clip(lower=1)).astype(float)
    paid = transactions["price"] + transactions["fee"] / transactions["amount"]
    return transactions.assign(amount=transactions["amount"] / lot, price=paid * lot).drop(columns="fee")


def _why_unmatched(inputs: Inputs, scaled: pd.DataFrame) -> str | None:
    """Say why matching the fills alone would be wrong or endless, or None."""
    amounts = scaled["amount"]
    if (amounts % 1 != 0).any():
        return "pyfolio matches whole units only, and there are fractional fills"
    if amounts.abs().sum() > _MOST_UNITS:
        return f"pyfolio matches unit by unit, and there are {amounts.abs().sum():,.0f} of them"
    held = inputs.positions.drop(columns="cash")
    bought = scaled.assign(session=pd.DatetimeIndex(scaled.index).normalize()).pivot_table(
        "amount", "session", "symbol", "sum"
    )
    running = bought.reindex(index=held.index, columns=held.columns).fillna(0.0).cumsum()
    differs = (np.sign(running) != np.sign(held)).any()
    if differs.any():
        return f"the fills alone do not explain the position in {differs.idxmax()} (a split or a delivery between them)"
    return None


def _why_no_distribution(inputs: Inputs, scaled: pd.DataFrame) -> str | None:
    """Say why there is nothing to show a distribution of, or None."""
    from pyfolio import round_trips

    trips = round_trips.extract_round_trips(round_trips.add_closing_transactions(inputs.positions, scaled))
    if len(trips) < 5:
        return "fewer than five round trips"
    if (trips["pnl"] > 0).all() or (trips["pnl"] <= 0).all():
        return "every round trip ended on the same side of zero: there is no distribution to show"
    return None
