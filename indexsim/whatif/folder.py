"""A world as a market folder: the real files, with what the world changes laid over them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from indexsim import suspension
from indexsim.basket import Basket
from indexsim.capping import published_ratios, published_steps
from indexsim.divisor import price_sum
from indexsim.errors import Finding
from indexsim.events import parse_events
from indexsim.index import PriceWeightedIndex
from indexsim.market import Folder, MarketData
from indexsim.rebuild import EXACT, FILES, Rebuilt, rebuild
from indexsim.review.dates import reviews_between
from indexsim.rounding import exact_price, half_up
from indexsim.sessions import FIRST_DAY
from indexsim.whatif.purchases import without_purchases
from indexsim.whatif.rows import to_rows
from indexsim.whatif.walk import Real, Walked, walk
from indexsim.whatif.worlds import World, parse

#: Decimals of a world's first divisor: enough for its first level to be the real one.
START_DECIMALS = 12
#: What is computed from the real index and cannot be computed again.
DROPPED = ("total_return", "n225_morning_approx")
#: What follows the real index in the market, and still does in a world.
FOLLOWERS = ("etf_1321", "nikkei_vi", "distributions")


class Counterfactual(Folder):
    """The folder of a world: some frames computed, some gone, all others those of the real folder.

    Attributes
    ----------
    world : World
    missing : tuple of str
        What the world does not have or takes over unchanged, a sentence each.
    """

    def __init__(
        self,
        real: Folder,
        world: World,
        frames: Mapping[str, pd.DataFrame],
        dropped: Iterable[str],
        missing: Iterable[str],
        scaled: bool = False,
    ) -> None:
        super().__init__(real.paths)
        self.real, self.world, self.missing = real, world, tuple(missing)
        #: Whether the frames have the rows of the real files, so that what is wrong there is wrong here.
        self.scaled = scaled
        self._frames = dict(frames)
        here = {name: Path(f"{name}.csv") for name in frames} | self.files
        self.files = {name: path for name, path in here.items() if name not in dropped}

    @property
    def origin(self) -> Folder:
        return self.real

    def _table(self, name: str) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
        return (self._frames[name], ()) if name in self._frames else self.real._table(name)

    def findings(self, name: str) -> tuple[Finding, ...]:
        """Return what the gate found in the real file; in a frame that was computed anew there is nothing to find."""
        return () if name in self._frames and not self.scaled else self.real.findings(name)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the real folder's fingerprint and the world."""
        return hashlib.sha256(f"{self.real.fingerprint}\0what-if {self.world}".encode()).hexdigest()


def build(market: MarketData, text: str, last: date | None = None) -> MarketData:
    """Return the market of a world; the real one stays as it is.

    Its ``n225`` starts at the level of the first session of ``closes`` and chains from there, by the publisher's
    rules for the divisor. ``factors`` and ``divisors`` are the world's, and rebuild its ``n225``. The world ``no-boj``
    is another kind: it scales the series of a market and needs no constituents (`indexsim.whatif.purchases`).

    Parameters
    ----------
    market : MarketData
        With closes, factors and divisors; ``float`` needs shares_ffw too, ``no-boj`` only boj_etf_purchases and an
        index. The world is built from all of its folder and served until the market's own moment.
    text : str
        One of `worlds`, with its value.
    last : date, optional
        Last session of the world: no price after it is used, and none can stop it. None is the last one there is.
        ``frozen`` cannot see then whether a name without a price on that day has one later, and drops it.

    Raises
    ------
    SpecError
        There is no such world, or it cannot be in this market.
    MissingData
        A file is missing, or a row that the world weighs by.
    DataError
        The real index cannot be rebuilt, or a world's constituent has no close.
    """
    world = parse(text)
    whole = MarketData(market.folder)
    if world.effect:
        made = Counterfactual(market.folder, world, *without_purchases(whole, world, last), scaled=True)
        return MarketData(made, market.now)
    whole.require([*FILES, *(["shares_ffw"] if world.name == "float" else [])], f"build the world {world}")
    base = rebuild(whole, last)
    walked = walk(world, _real(whole, base, world))
    rows = to_rows(walked.basket, walked.events)
    index = PriceWeightedIndex.build(walked.closes, *parse_events(rows), _divisor(base, walked))
    frames = {"factors": rows, "divisors": _divisors(index)}
    stand_ins = [name for name in suspension.FILES if whole.has(name)]
    frames |= _filled(whole, walked.closes) if stand_ins or walked.closes is not base.index.closes else {}
    levels = _levels(whole, index, frames.get("opens"))
    frames |= {name: levels for name in ("n225", "index") if name == "n225" or whole.has(name)}
    frames |= _halves(whole)
    dropped = [name for name in DROPPED if whole.has(name)]
    missing = [*_missing(whole, world, levels, dropped), *_start(base), *(f"{world}: {note}" for note in walked.notes)]
    missing += [f"{name}: gone into the closes" for name in stand_ins]
    return MarketData(Counterfactual(market.folder, world, frames, [*dropped, *stand_ins], missing), market.now)


def _real(market: MarketData, base: Rebuilt, world: World) -> Real:
    closes, first = base.index.closes, base.index.regimes[0]
    known = market.synthetic is None
    return Real(
        closes=closes,
        basket=Basket(first.basket.factors, market.folder.events[0].since),
        events=market.folder.events[1],
        reviews=_reviews(pd.DatetimeIndex(closes.index)),
        ratios=published_ratios(first.session, first.basket.codes) if known else {},
        cap_steps=published_steps() if known else frozenset(),
        shares=_shares(market, first.basket, closes) if world.name == "float" else {},
    )


def _reviews(sessions: pd.DatetimeIndex) -> tuple[tuple[int, int], ...]:
    """Return the rows of base and effective dates of the reviews that act within the sessions (A20)."""
    # The base date of the first review may lie before the first session.
    since = max((sessions[0] - pd.DateOffset(years=1)).date(), FIRST_DAY)
    found = []
    for review in reviews_between(since, sessions[-1].date()):
        base = int(sessions.searchsorted(pd.Timestamp(review.base), side="right")) - 1
        effective = int(sessions.searchsorted(pd.Timestamp(review.effective)))
        if effective:
            found.append((base, effective))
    return tuple(found)


def _shares(market: MarketData, basket: Basket, closes: pd.DataFrame) -> dict[str, dict[int, Fraction]]:
    """Return shares x free-float weight by code and row, in a unit that makes their sum about the real one."""
    frame = market.table("shares_ffw").sort_values("date", kind="stable")
    rows = closes.index.searchsorted(pd.DatetimeIndex(frame["date"]))
    found: dict[str, dict[int, Fraction]] = {}
    for code, row, shares, ffw in zip(frame["code"], rows.tolist(), frame["shares"], frame["ffw"], strict=True):
        if np.isfinite(shares) and np.isfinite(ffw) and row < len(closes):
            found.setdefault(str(code), {})[row] = exact_price(shares) * exact_price(ffw)
    price = closes.iloc[0]
    value = sum(float(found.get(c, {}).get(0, 0)) * price[c] for c in basket.codes)
    total = sum(float(f) * price[c] for c, f in basket.factors.items())
    unit = Fraction(10) ** (round(float(np.log10(value / total))) if value > 0 else 0)
    return {code: {row: each / unit for row, each in own.items()} for code, own in found.items()}


def _divisor(base: Rebuilt, walked: Walked) -> Decimal:
    """Return the divisor with which the world starts where the real index does: the real one for the same sum."""
    first = base.index.regimes[0]
    values = base.index.closes.iloc[0]
    prices = {c: exact_price(values[c]) for c in {**first.basket.factors, **walked.basket.factors}}
    real, own = price_sum(first.basket, prices), price_sum(walked.basket, prices)
    return first.divisor if own == real else half_up(Fraction(first.divisor) * own / real, START_DECIMALS)


def _divisors(index: PriceWeightedIndex) -> pd.DataFrame:
    entries = index.ledger.entries
    return pd.DataFrame({
        "effective_date": pd.DatetimeIndex([e.session for e in entries]),
        "divisor": pd.Series([format(e.after, "f") for e in entries], dtype="object"),
        "note": pd.Series([e.event for e in entries], dtype="object"),
    })  # fmt: skip


def _filled(market: MarketData, closes: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return closes and opens with the carried prices of names that left or were suspended (A3)."""
    frames = {"closes": closes}
    if market.has("opens"):
        # A special quote of the end of the day is no price of its open.
        real, opens = suspension.quoted(market, "fill the opens of a world"), market.table("opens")
        carried = closes.where(real.isna()).reindex(index=opens.index, columns=opens.columns)
        frames["opens"] = opens.fillna(carried)
    return frames


def _levels(market: MarketData, index: PriceWeightedIndex, opens: pd.DataFrame | None) -> pd.DataFrame:
    """Return the world's ``n225``; without an open where the market does not have those of every name."""
    levels = pd.DataFrame({"close": index.levels()}).rename_axis("date")
    opens = market.table("opens") if opens is None and market.has("opens") else opens
    if opens is None or not _held(index) <= set(opens.columns):
        return levels
    opened = index.levels(opens).reindex(levels.index)
    high, low = np.fmax(opened, levels["close"]), np.fmin(opened, levels["close"])
    return pd.DataFrame({"open": opened, "high": high, "low": low, "close": levels["close"]}).rename_axis("date")


def _held(index: PriceWeightedIndex) -> set[str]:
    return {code for regime in index.regimes for code in regime.basket.codes}


def _halves(market: MarketData) -> dict[str, pd.DataFrame]:
    if not market.has("halves"):
        return {}
    halves = market.folder.frame("halves")
    return {"halves": halves[~halves["series"].isin(("n225", "index"))].reset_index(drop=True)}


def _missing(market: MarketData, world: World, levels: pd.DataFrame, dropped: list[str]) -> list[str]:
    said = [f"COUNTERFACTUAL: n225 is that of the world {world} ({world.meaning}); it never was"]
    if "open" in levels:
        said.append("n225: high and low are the larger and smaller of open and close")
    else:
        said.append("n225: no open, high or low; the market does not have the opens of every name")
    if market.has("halves"):
        said.append("halves: no morning close and afternoon open of n225; those of other series are the real ones")
    said += [f"{name}: left out; it belongs to the real index" for name in dropped]
    kept = [name for name in FOLLOWERS if market.has(name)]
    return [*said, f"{', '.join(kept)}: as in the real market, following the real index"] if kept else said


def _start(base: Rebuilt) -> list[str]:
    """Say where the rebuilt index does not start at the published level."""
    level, published = base.levels.iloc[0], base.published.iloc[0]
    if abs(level - published) < EXACT or np.isnan(published):
        return []
    return [f"n225: starts at the rebuilt level {level:.2f}; {published:.2f} was published"]
