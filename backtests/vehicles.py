"""One exposure through every vehicle, side by side: fund, futures, CFD; and how often leverage ends in a margin call.

S001 and S003 tell funds, futures and CFDs apart by what they cost and what they risk. `vehicles` holds the same
share of an account through each of them, by the engine and its terms, and says what that left, what it cost, and what
was refused or closed out. `ruin` counts over all days of a history how often a leveraged account would have been
closed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from backtests.facts import data_facts
from backtests.prepare import Setup, day_of, prepare
from backtests.result import Result
from backtests.run import compute
from backtests.spec import Spec
from backtests.trading.execution import PER_WHOLE, PER_YEN
from backtests.trading.instruments import Instrument, instrument
from backtests.trading.ledger import MARGIN_CALL
from indexsim.errors import MissingData, SpecError
from indexsim.market import MarketData

Answer = dict[str, Any]

NAMES = (
    "etf_1321",
    "nikkei_large",
    "nikkei_mini",
    "nikkei_micro",
    "nikkei_cfd",
    "nikkei_cfd_5x",
    "nikkei_cfd_10x",
    "nikkei_cfd_20x",
    "nikkei_cfd_100x",
)
LEVERAGES = (5, 10, 20, 50, 100)
HOLDINGS = (1, 5, 20, 60, 250)
#: Maintenance margin of a CFD as a part of the initial one (``data/facts/margins.csv``).
CLOSED_BELOW = 0.5
#: Its spread and funding are those of the ruin table.
DEALT = "nikkei_cfd"

#: What S001 sets beside them and no market folder holds.
ABSENT: tuple[dict[str, str], ...] = (
    {
        "what": "currency-hedged fund (DXJ, IJPE)",
        "why": "Neither follows the Nikkei 225: DXJ a dividend-weighted index of exporters, IJPE MSCI Japan, so beside "
        "1321 the difference would mix index and currency (H23).",
        "missing": "its closes and distributions in its own currency; to build a hedged Nikkei instead: the short rate "
        "of the holder's currency beside usdjpy and rates, and the fund's fee (that of IJPE was not found)",
    },
)

NOTES = (
    "Carry: gross gain less that of the index on the exposure at the entry, from the open of the entry: distributions "
    "of a fund, the basis of a future that runs into the index. Unknown where the position was refused or closed out.",
    "The yearly fee of a fund is inside its price. Distributions and what a future leaves free lie idle as cash.",
    "Ruin: daily closes only. Bought at a close with the margin used as asked, never topped up or reduced; tested and "
    "closed at closes, so the gap from the close before is in the loss and a fall within a day that came back is not.",
    "Ruin: below half of the initial margin the account is closed, the common rule (B); spread and funding of "
    "nikkei_cfd (B), for all dates as they are today. No dividend adjustment, no stop.",
    "An individual in Japan must deposit 10 % since 2011: more than 10 times is not sold there (G7).",
)


def vehicles(
    folders: Sequence[Path | str],
    names: Sequence[str] = NAMES,
    *,
    share: float = 1.0,
    cash: int = 50_000_000,
    start: date | None = None,
    end: date | None = None,
    cash_rate: float = 0.0,
    slippage_bps: float = 1.0,
    used: float = 1.0,
) -> Answer:
    """Hold one exposure through several instruments over the same sessions.

    Parameters
    ----------
    folders : sequence of Path or str
        Market folders, layered in order, with ``n225``.
    names : sequence of str
        Instruments.
    share : float
        Exposure as a share of equity at the entry: 1.0 is all of it, below zero is short.
    cash : int
        Yen at the start. A CFD takes at most 40 lots (4,000 yen a point) in an order, and a large future is 1,000 yen a
        point: with 50 million both fit from 12,500 to 50,000 points.
    start, end : date, optional
        First and last session; by default those that all of the instruments cover.
    cash_rate : float
        What idle cash earns, a fraction a year.
    slippage_bps : float
        Against the trader on every fill.
    used : float
        Part of the equity bound as margin at the entry, for the ruin table.

    Returns
    -------
    dict
        ``vehicles``: a row for each instrument (`_row`), or its ``why`` where the market lacks what it needs.
        ``ruin``: as `ruin`, for long and short. ``absent``: what is not there at all. ``notes``, ``data``, and what was
        asked.

    Raises
    ------
    SpecError, MissingData, DataError
        An instrument that does not exist, no instrument that can be traded, no ``n225``.
    """
    market = MarketData.open(*folders)
    market.require(["n225"], "compare vehicles")
    spec = Spec(
        name="vehicles",
        strategy="strategies.hold:Hold",
        market=tuple(Path(folder) for folder in folders),
        start=start,
        end=end,
        cash=cash,
        cash_rate=cash_rate,
        slippage_bps=slippage_bps,
    )
    specs = {name: replace(spec, params={"instrument": instrument(name).name, "share": share}) for name in names}
    setups, lacking = _prepared(specs)
    rows = [lacking[name] if name in lacking else _row(setups[name], _run(setups[name])) for name in specs]
    traded = next(iter(setups.values())).traded.session
    first, last = day_of(traded[0]), day_of(traded[-1])
    closes = market.table("n225")["close"].loc[start:end].dropna()
    return {
        "share": share,
        "cash": cash,
        "vehicles": rows,
        "ruin": _both_sides(closes, used),
        "absent": [dict(entry) for entry in ABSENT],
        "notes": list(NOTES),
        "data": data_facts(market, first, last, _missing(rows)),
    }


def _prepared(specs: dict[str, Spec]) -> tuple[dict[str, Setup], dict[str, Answer]]:
    """Make specs ready over the sessions that all of them cover; what a market lacks is said instead."""
    if not specs:
        rule, todo = "at least one instrument", "name one, as etf_1321"
        raise SpecError(asked="compare vehicles", found="no instrument", rule=rule, todo=todo)
    setups, lacking = {}, {}
    for name, spec in specs.items():
        try:
            setups[name] = prepare(spec)
        except MissingData as error:
            lacking[name] = {"instrument": name, "why": f"{name}: {error.found}"}
            if len(lacking) == len(specs):
                raise
    spans = [(day_of(s.traded.session[0]), day_of(s.traded.session[-1])) for s in setups.values()]
    common = max(first for first, _ in spans), min(last for _, last in spans)
    for (name, setup), span in zip(list(setups.items()), spans, strict=True):
        if span != common:
            setups[name] = prepare(replace(setup.spec, start=common[0], end=common[1]))
    return setups, lacking


def _run(setup: Setup) -> Result:
    # Nothing is written: the folder only says what the paths of a stored spec would be relative to.
    return compute(setup, Path("reports"))


def _row(setup: Setup, result: Result) -> Answer:
    """Return what one run came to.

    Returns
    -------
    dict
        ``instrument``, ``kind``, ``from``, ``to``; ``exposure`` (yen at the entry, 0 where refused), ``margin`` (part
        of it that is bound), ``net`` and ``gross`` (gains in yen), ``net_return`` and ``gross_return`` (fractions of
        the cash), ``costs`` and ``income`` {name: yen}, ``cost_bp_a_year`` (of the mean exposure while held), ``carry``
        (yen, or None), ``rejected`` [{reason, n}], ``margin_calls``, ``called_on``, ``lost_all``, ``missing`` [text],
        ``terms`` (confidence and source).
    """
    i, facts, fills = setup.instruments[0], result.facts, result.fills
    cash, last = setup.spec.cash, result.equity.iloc[-1]
    exposure = _exposure(fills)
    called = fills[fills["why"] == MARGIN_CALL]
    gross = float(last["gross"]) - cash
    return {
        "instrument": i.name,
        "kind": i.kind,
        "from": facts["data"]["from"],
        "to": facts["data"]["to"],
        "exposure": exposure,
        "margin": i.terms()["margin"] if i.cash_settled else 1.0,
        "net": float(last["net"]) - cash,
        "gross": gross,
        "net_return": round(float(last["net"]) / cash - 1.0, 6),
        "gross_return": round(gross / cash, 6),
        "costs": facts["costs"],
        "income": facts["income"],
        "cost_bp_a_year": _yearly(result, sum(facts["costs"].values())),
        "carry": None if called.shape[0] or not exposure else _carry(setup, result, exposure, gross),
        "rejected": facts["rejected"],
        "margin_calls": len(called),
        "called_on": [f"{day:%Y-%m-%d}" for day in called["session"]],
        "lost_all": bool((result.equity["net"] <= 0.0).any()),
        "missing": facts["data"]["missing"],
        "terms": {"confidence": i.confidence, "source": i.source},
    }


def _yearly(result: Result, cost: float) -> float | None:
    """Return costs as basis points a year of the mean exposure, over the sessions on which there was one."""
    held = result.positions.drop(columns="cash").abs().sum(axis=1)
    held = held[held > 0.0]
    years = len(held) / result.facts["sessions_per_year"]
    return round(cost / float(held.mean()) / years * 1e4, 2) if len(held) else None


def _missing(rows: Sequence[Answer]) -> list[str]:
    """Return what any of the instruments lacked, each once."""
    said = (text for row in rows for text in ([row["why"]] if "why" in row else row["missing"]))
    return list(dict.fromkeys(said))


def _exposure(fills: pd.DataFrame) -> float:
    """Return the signed notional of the first fill at its reference, in yen; 0 where there was none."""
    if fills.empty:
        return 0.0
    entry = fills.iloc[0]
    return float(entry["quantity"] * entry["reference"] * entry["multiplier"])


def _carry(setup: Setup, result: Result, exposure: float, gross: float) -> float | None:
    """Return the gross gain beyond that of the index on the same exposure, in yen; None where the index is unknown."""
    index = setup.market.folder.frame("n225")
    entry, last = result.fills["session"].iloc[0], result.equity.index[-1]
    if "open" not in index or entry not in index.index or last not in index.index:
        return None
    begun, ended = float(index["open"][entry]), float(index["close"][last])
    gained = exposure * (ended / begun - 1.0)
    return round(gross - gained) if np.isfinite(gained) else None


def _both_sides(closes: pd.Series, used: float) -> Answer:
    found = {side: ruin(closes, side=sign, used=used) for side, sign in (("long", 1), ("short", -1))}
    days = pd.DatetimeIndex(closes.index)
    return {"from": f"{days[0]:%Y-%m-%d}", "to": f"{days[-1]:%Y-%m-%d}", "used": used, **found}


def ruin(
    closes: pd.Series,
    leverages: Sequence[int] = LEVERAGES,
    holdings: Sequence[int] = HOLDINGS,
    *,
    side: int = 1,
    used: float = 1.0,
    terms: Instrument | None = None,
) -> list[dict[str, Any]]:
    """Return how often a leveraged holding was closed out, over every day it could have begun on.

    Bought (or sold short) at a close for `used` x leverage x the equity and left alone. After each later close the
    account is closed if its equity is below the maintenance margin, half of 1 / leverage, of what it holds; then
    nothing is held any more.

    Parameters
    ----------
    closes : Series of float64, shape (n,)
        By day, ascending, all known.
    leverages : sequence of int
        Above 1; the initial margin is 1 / leverage.
    holdings : sequence of int
        Sessions held.
    side : {1, -1}
        Long or short.
    used : float
        Part of the equity that is bound as margin at the entry, in (0, 1].
    terms : Instrument, optional
        Whose funding and half spread are paid; None is `DEALT`.

    Returns
    -------
    list of dict
        A row for each leverage and holding: ``leverage``, ``sessions``, ``starts`` (days it could have begun on),
        ``closed_out`` (the share of them on which it was closed out or lost everything), ``lost_all`` (the share on
        which nothing, or a debt, was left at the close of the call). Shares are None without a start.

    Raises
    ------
    SpecError
        For a leverage, a holding, a side or a use that cannot be.
    """
    _refuse(leverages, holdings, side, used)
    terms = instrument(DEALT) if terms is None else terms
    rate = (terms.funding_long if side > 0 else terms.funding_short) / PER_WHOLE / 365.0
    price = closes.to_numpy(dtype="float64")
    days = np.diff(pd.DatetimeIndex(closes.index).to_numpy().astype("datetime64[D]")).astype("float64")
    # Funding of a day is paid on the close before it; of one unit held since day 0.
    paid = rate * np.append(0.0, np.cumsum(price[:-1] * days))
    rows = []
    for leverage in leverages:
        closed, lost = _calls(price, paid, max(holdings), side, used * leverage, leverage, terms.half_spread / PER_YEN)
        for held in holdings:
            starts = max(len(price) - held, 0)
            shares = [round(float((at[:starts] <= held).mean()), 6) if starts else None for at in (closed, lost)]
            row = {"leverage": leverage, "sessions": held, "starts": starts}
            rows.append({**row, "closed_out": shares[0], "lost_all": shares[1]})
    return rows


def _calls(
    price: np.ndarray, paid: np.ndarray, longest: int, side: int, exposure: float, leverage: int, half_spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each start, the sessions until it is closed out, and until then with nothing left.

    Parameters
    ----------
    price : ndarray of float64, shape (n,)
    paid : ndarray of float64, shape (n,)
        Funding of one unit of the index from the first day on.
    longest : int
        Sessions looked ahead.
    exposure : float
        In units of the equity.

    Returns
    -------
    two ndarrays of float64, shape (n,)
        Infinite where it does not happen.
    """
    n = len(price)
    closed, lost = np.full(n, np.inf), np.full(n, np.inf)
    for ahead in range(1, min(longest, n - 1) + 1):
        begun, now = price[: n - ahead], price[ahead:]
        gained = side * (now - begun) - half_spread - (paid[ahead:] - paid[: n - ahead])
        equity = 1.0 + exposure * gained / begun
        called = np.isinf(closed[: n - ahead]) & (equity < CLOSED_BELOW / leverage * exposure * now / begun)
        closed[: n - ahead][called] = ahead
        lost[: n - ahead][called & (equity <= 0.0)] = ahead
    return closed, lost


def _refuse(leverages: Sequence[int], holdings: Sequence[int], side: int, used: float) -> None:
    """Refuse what no account can have."""
    found = ""
    if not leverages or min(leverages) <= 1:
        found = f"leverages {', '.join(map(str, leverages)) or 'none'}"
    elif not holdings or min(holdings) < 1:
        found = f"holdings {', '.join(map(str, holdings)) or 'none'}"
    elif side not in (1, -1):
        found = f"side {side}"
    elif not 0.0 < used <= 1.0:
        found = f"used {used:g}"
    if found:
        rule = "leverages above 1, holdings of a session at least, side 1 or -1, used in (0, 1]"
        raise SpecError(asked="count margin calls", found=found, rule=rule, todo="correct it")


def lines(answer: Answer) -> Iterator[str]:
    """Say the answer in lines of text."""
    amounts = f"{'costs, yen':>13}{'bp/year':>9}{'carry, yen':>13}"
    yield f"{'vehicle':<16}{'net':>9}{'gross':>9}{amounts}{'calls':>7}{'rejected':>10}"
    for row in answer["vehicles"]:
        yield f"{row['instrument']:<16}  missing: {row['why']}" if "why" in row else _line(row)
    for row in answer["vehicles"]:
        named = [f"{name} {yen:,.0f}" for name, yen in {**row.get("costs", {}), **row.get("income", {})}.items() if yen]
        if named:
            yield f"  {row['instrument']}: {', '.join(named)}"
        yield from (f"  {row['instrument']}: rejected {r['n']}: {r['reason']}" for r in row.get("rejected", ()))
        if row.get("called_on"):
            yield f"  {row['instrument']}: closed out on {', '.join(row['called_on'])}"
    table = answer["ruin"]
    for side in ("long", "short"):
        yield f"closed out on margin, share of the starts, {side}, {table['from']} to {table['to']}:"
        yield from _grid(table[side])
    yield from (f"missing: {text}" for text in answer["data"]["missing"])
    yield from (f"not there: {a['what']}. {a['why']} Missing: {a['missing']}." for a in answer["absent"])
    yield from answer["notes"]


def _line(row: Answer) -> str:
    per_year = "" if row["cost_bp_a_year"] is None else f"{row['cost_bp_a_year']:.1f}"
    carry = "unknown" if row["carry"] is None else f"{row['carry']:,.0f}"
    counts = f"{row['margin_calls']:>7}{sum(r['n'] for r in row['rejected']):>10}"
    returns = f"{row['net_return']:>9.2%}{row['gross_return']:>9.2%}"
    return f"{row['instrument']:<16}{returns}{sum(row['costs'].values()):>13,.0f}{per_year:>9}{carry:>13}{counts}"


def _grid(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    holdings = list(dict.fromkeys(row["sessions"] for row in rows))
    yield f"  {'leverage':<10}" + "".join(f"{f'{held} sessions':>14}" for held in holdings)
    for leverage in dict.fromkeys(row["leverage"] for row in rows):
        cells = [row["closed_out"] for row in rows if row["leverage"] == leverage]
        yield f"  {f'{leverage}x':<10}" + "".join(f"{'-' if c is None else f'{c:.1%}':>14}" for c in cells)
