"""What a review sees on the evening of its base date: members, closes, weights, liquidity.

Everything is read through `MarketData.until`, so a replay of a past review cannot know more than the
publisher did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np
import pandas as pd

from indexsim import known, rules
from indexsim.basket import Basket
from indexsim.capping import capping_ratios, published_ratios, published_steps
from indexsim.errors import MissingData
from indexsim.events import CapStep, Event, FactorStep, Split
from indexsim.market import MarketData
from indexsim.review.dates import ReviewDates
from indexsim.review.selection import Liquidity, Standing, rank_names
from indexsim.rounding import exact_price
from indexsim.suspension import prices_used

FILES = ("closes", "volumes", "universe", "factors")
ASKED = "simulate a review"

#: What no market folder says, in every answer.
UNKNOWN = (
    "highs and lows: a market folder has none; the range of the closes over the window stands in for high / low",
    "splits of names outside the index: factors does not have them, and one widens the range of that name",
    "the weighting of the two liquidity measures, how ties fall, and what Nikkei decides after hearing experts",
)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The market on the evening of a base date.

    Attributes
    ----------
    dates : ReviewDates
    standings : tuple of Standing
        Every listed name with a close, ranked.
    closes : dict of str -> Fraction
        Prices used on the base date, yen as traded; of a name without one its last one (A3).
    held : mapping of code to Fraction
        Factors as they will stand on the effective date, but for the review itself.
    events : tuple of Event
        Known that evening and in force by the effective date, without the review itself.
    ratios : dict of str -> Fraction
        Capping ratios below one.
    weights : dict of str -> Fraction
        Of the constituents at the closes of the base date.
    price_sum : Fraction
        Sum of price x factor, yen.
    year_value : mapping of code to float
        Trading value of the year to the base date, yen.
    years : float
        Length of the window that liquidity was measured over.
    missing : tuple of str
        What the answer had to do without.
    """

    dates: ReviewDates
    standings: tuple[Standing, ...]
    closes: dict[str, Fraction]
    held: Mapping[str, Fraction]
    events: tuple[Event, ...]
    ratios: dict[str, Fraction]
    weights: dict[str, Fraction]
    price_sum: Fraction
    year_value: Mapping[str, float]
    years: float
    missing: tuple[str, ...]

    def year_share(self, code: str) -> float:
        """Return the trading value of a name over that of the constituents, in the year to the base date."""
        total = sum(self.year_value[member] for member in self.weights)
        return self.year_value[code] / total if total else 0.0


def take_snapshot(
    market: MarketData, dates: ReviewDates, share: Fraction, ratios: Mapping[str, Fraction] | None
) -> Snapshot:
    """Read what a review needs, as known on the evening of its base date.

    Parameters
    ----------
    market : MarketData
        With ``closes``, ``volumes``, ``universe`` and ``factors``.
    dates : ReviewDates
    share : Fraction
        Share of the rank by trading value in the liquidity score.
    ratios : mapping of code to Fraction, or None
        Capping ratios that the first factors contain; None takes the published ones, but none in a synthetic market.

    Raises
    ------
    MissingData
        A file, the base date, or a close or a sector of a constituent is not there.
    DataError
        A finding in what is used.
    """
    market.require(FILES, ASKED)
    first = (pd.Timestamp(dates.base) - pd.DateOffset(years=rules.LIQUIDITY_YEARS)).date()
    spans = {"closes": first, "volumes": first, "universe": date.min, "factors": date.min}
    market.refuse_errors({name: (since, dates.base) for name, since in spans.items()}, ASKED)
    seen = market.until(f"{dates.base}T18:00")
    basket, held, events = _baskets(seen, dates)
    closes = _closes(prices_used(seen, ASKED), dates.base, basket.codes)
    price_sum = sum((closes[code] * factor for code, factor in basket.factors.items()), Fraction(0))
    listed, without_sector = _listed(seen, dates.base, [code for code in basket.codes if code in held])
    # A name on its way out is no outsider.
    codes = [code for code in listed.index if code in closes and (code in held or code not in basket)]
    measured = _measured(seen, dates, events, list(dict.fromkeys([*codes, *basket.codes])))
    standings = rank_names(_liquidity(codes, listed, held, measured), share)
    begin = seen.table("closes").index[0].date()
    years = min(float(rules.LIQUIDITY_YEARS), (dates.base - begin).days / 365.25)
    return Snapshot(
        dates=dates,
        standings=standings,
        closes=closes,
        held=held,
        events=events,
        ratios=_ratios(market, events, ratios),
        weights={code: closes[code] * factor / price_sum for code, factor in basket.factors.items()},
        price_sum=price_sum,
        year_value=dict(zip(measured.index, measured["year_value"].tolist(), strict=True)),
        years=years,
        missing=_missing(market, dates, years, without_sector, ratios),
    )


def base_prices(
    market: MarketData, events: Sequence[Event], day: date, codes: Sequence[str]
) -> tuple[dict[str, Fraction], Fraction]:
    """Return the closes of codes and the sum of price x factor on an earlier base date; none where it is not held."""
    basket = market.folder.events[0]
    table = prices_used(market, ASKED, day)
    if day < basket.since or pd.Timestamp(day) not in table.index:
        return {}, Fraction(0)
    for event in events:
        basket = basket.apply(event) if event.effective <= day else basket
    closes = _closes(table, day, basket.codes)
    total = sum((closes[code] * factor for code, factor in basket.factors.items()), Fraction(0))
    return {code: closes[code] for code in codes if code in closes}, total


def _baskets(seen: MarketData, dates: ReviewDates) -> tuple[Basket, Mapping[str, Fraction], tuple[Event, ...]]:
    """Return the basket of the base date, the factors of the effective date, and the events behind them."""
    basket: Basket = seen.folder.events[0]
    if dates.base < basket.since:
        raise MissingData(
            asked=f"{ASKED} as of {dates.base}",
            found=f"factors begin on {basket.since}",
            rule="a review starts from the constituents of its base date",
            todo="name a later base date, or give factors that reach back",
        )
    # The steps of this review may be announced on the base date already; they are what is to be found.
    events = tuple(
        event
        for event in seen.events
        if event.effective < dates.effective
        or (event.effective == dates.effective and not isinstance(event, CapStep | FactorStep))
    )
    after = basket
    for event in events:
        after = after.apply(event)
        basket = after if event.effective <= dates.base else basket
    return basket, after.factors, events


def _closes(table: pd.DataFrame, day: date, members: Sequence[str]) -> dict[str, Fraction]:
    """Return the closes of a session; of a suspended name the last one, if it is not stale."""
    at = pd.Timestamp(day)
    if at not in table.index:
        span = f"{table.index[0]:%Y-%m-%d} to {table.index[-1]:%Y-%m-%d}" if len(table) else "none"
        raise MissingData(
            asked=f"{ASKED} as of {day}",
            found=f"closes has no row on that day (it has {span})",
            rule="the closes of the base date decide",
            todo="name a session that closes has",
        )
    row = table.loc[at - pd.Timedelta(days=known.LONGEST_PAUSE) : at].ffill().iloc[-1].dropna()
    if absent := [code for code in members if code not in row.index]:
        raise MissingData(
            asked=f"{ASKED} as of {day}",
            found=f"no close of {', '.join(absent[:5])} ({len(absent)} constituents)",
            rule="every constituent has a price on the base date",
            todo="add the closes",
        )
    return {str(code): exact_price(price) for code, price in row.items()}


def _listed(seen: MarketData, day: date, members: Sequence[str]) -> tuple[pd.DataFrame, int]:
    """Return sector and eligibility by code, ascending, and how many outsiders have no sector."""
    rows = seen.table("universe")
    listed = rows[rows["date"] <= pd.Timestamp(day)].drop_duplicates("code", keep="last").set_index("code").sort_index()
    without = listed["sector"].isna()
    listed = listed[~without]
    if absent := [code for code in members if code not in listed.index]:
        raise MissingData(
            asked=f"{ASKED} as of {day}",
            found=f"universe has no sector of {', '.join(absent[:5])} ({len(absent)} constituents)",
            rule="universe has a row with a sector for every constituent, in force on the base date",
            todo="add the rows",
        )
    segment = rules.ELIGIBLE_SEGMENT.on(day)
    eligible = listed["segment"] == segment
    if not eligible.any():
        raise MissingData(
            asked=f"{ASKED} as of {day}",
            found=f"segments {', '.join(sorted(listed['segment'].dropna().unique())[:5])}",
            rule=f"the names of the segment {segment!r} are ranked",
            todo=f"call it {segment} in universe",
        )
    return listed.assign(eligible=eligible), int(without.sum())


def _measured(seen: MarketData, dates: ReviewDates, events: Sequence[Event], codes: list[str]) -> pd.DataFrame:
    """Return trading value (yen) over the window and the last year, and price fluctuation, float64 by code."""
    closes = _window(seen.table("closes"), dates.base, rules.LIQUIDITY_YEARS).reindex(columns=codes)
    volumes = seen.table("volumes").reindex(index=closes.index, columns=codes)
    traded = closes * volumes
    value = _sums(traded)
    by_value = rules.FLUCTUATION_PER.on(dates.effective) == "value"
    in_force = [e for e in events if isinstance(e, Split) and e.effective <= dates.base]
    for split in (e for e in in_force if e.code in closes):
        before = closes.index < pd.Timestamp(split.effective)
        closes.loc[before, split.code] /= float(split.ratio)
        volumes.loc[before, split.code] *= float(split.ratio)
    prices = closes.to_numpy()
    with np.errstate(divide="ignore"):
        fluctuation = np.nanmax(prices, axis=0) / np.nanmin(prices, axis=0) / (value if by_value else _sums(volumes))
    year = _sums(_window(traded, dates.base, rules.PHASE_IN_YEARS))
    return pd.DataFrame({"value": value, "fluctuation": fluctuation, "year_value": year}, index=codes)


def _window(frame: pd.DataFrame, last: date, years: int) -> pd.DataFrame:
    end = pd.Timestamp(last)
    inside: pd.DataFrame = frame[(frame.index > end - pd.DateOffset(years=years)) & (frame.index <= end)].copy()
    return inside


def _sums(frame: pd.DataFrame) -> np.ndarray:
    """Sum each column over what is there, in an order that does not depend on the other columns."""
    total: np.ndarray = np.nansum(np.ascontiguousarray(frame.to_numpy(np.float64).T), axis=1)
    return total


def _liquidity(
    codes: list[str], listed: pd.DataFrame, held: Mapping[str, Fraction], measured: pd.DataFrame
) -> list[Liquidity]:
    about, values = listed.loc[codes], measured.loc[codes]
    columns = (about["sector"], values["value"], values["fluctuation"], about["eligible"])
    rows = zip(codes, *(column.tolist() for column in columns), strict=True)
    return [
        Liquidity(code, sector, code in held, value, fluctuation, eligible)
        for code, sector, value, fluctuation, eligible in rows
    ]


def _ratios(market: MarketData, events: Sequence[Event], start: Mapping[str, Fraction] | None) -> dict[str, Fraction]:
    """Return the capping ratios below one after events, from those that the first factors contain."""
    basket = market.folder.events[0]
    if start is not None or market.synthetic is not None:
        return capping_ratios(basket, events, start)
    return capping_ratios(basket, events, published_ratios(basket.since, basket.codes), published_steps())


def _missing(
    market: MarketData, dates: ReviewDates, years: float, without_sector: int, ratios: Mapping[str, Fraction] | None
) -> tuple[str, ...]:
    missing = list(UNKNOWN)
    if years < rules.LIQUIDITY_YEARS - 0.05:
        missing.append(f"closes reach back {years:.1f} of {rules.LIQUIDITY_YEARS} years")
    if without_sector:
        missing.append(f"{without_sector} listed names have no sector and were left out")
    since = market.folder.events[0].since
    if ratios is None and rules.CAP_THRESHOLD.on(since) is not None:
        taken = "those of data/facts" if market.synthetic is None else "the first factors are taken as uncapped"
        missing.append(f"capping ratios before {since}: {taken}")
    return tuple(missing)
