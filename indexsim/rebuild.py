"""Rebuild the index of a market folder and hold it against what was published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation

import numpy as np
import pandas as pd

from indexsim.errors import DataError, Finding
from indexsim.index import PriceWeightedIndex
from indexsim.market import MarketData
from indexsim.suspension import prices_used, unbuildable

#: A rebuilt level is exact where it differs from the published one by less than this, in points.
EXACT = 0.005
FILES = ("closes", "factors", "divisors")


@dataclass(frozen=True)
class Rebuilt:
    """A rebuilt index beside its published levels.

    Attributes
    ----------
    index : PriceWeightedIndex
    levels : Series of float64
        Rebuilt level by session.
    published : Series of float64
        Published close by session; NaN where there is none.
    source : str
        File the published levels come from, or "" where the market has none.
    findings : tuple of Finding
        Published divisors that differ from the ledger's.
    """

    index: PriceWeightedIndex
    levels: pd.Series
    published: pd.Series
    source: str
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> pd.Series:
        """Rebuilt minus published level, in points, on the sessions that have both."""
        return (self.levels - self.published).dropna()

    def summary(self) -> dict[str, object]:
        """Return days, exact days, largest error and the ten worst days as plain JSON values."""
        errors = self.errors
        size = errors.abs()
        worst = size[size >= EXACT].sort_values(ascending=False, kind="stable").head(10)
        answer: dict[str, object] = {
            "days": len(errors),
            "exact_days": int((size < EXACT).sum()),
            "max_abs_error": round(float(size.max()), 6) if len(size) else None,
            "worst": [
                {"date": f"{day:%Y-%m-%d}", "level": float(self.levels[day]), "published": float(self.published[day])}
                for day in worst.index
            ],
        }
        if not len(size):
            answer["max_abs_error_why"] = "no published level to compare with"
        return answer

    def divisors(self) -> list[dict[str, str]]:
        """Return the divisor ledger: date, divisor (exact, as text) and the event behind it."""
        return [
            {"date": e.session.isoformat(), "divisor": f"{e.after}", "event": e.event}
            for e in self.index.ledger.entries
        ]


def can_rebuild(market: MarketData, last: date | None = None) -> bool:
    """Say whether the market has the files an index is rebuilt from, and closes up to a session."""
    if not all(market.has(name) for name in FILES):
        return False
    days = market.table("closes").index if last else pd.DatetimeIndex([])
    return last is None or not len(days) or bool(days.min() <= pd.Timestamp(last))


def rebuild(market: MarketData, last: date | None = None, waived: Iterable[str] = ()) -> Rebuilt:
    """Rebuild the index from the prices used (`indexsim.suspension`), factors and divisors.

    Parameters
    ----------
    market : MarketData
    last : date, optional
        Nothing after this session is used; None uses all.
    waived : iterable of str
        Waivable rules that may be broken.

    Raises
    ------
    MissingData
        Where one of the three files is missing.
    DataError
        For a finding that stops the index: a text price, a duplicate date, a missing price, ..., also in
        the published levels of its sessions.
    """
    asked, waived = "rebuild the index", tuple(waived)
    market.require(FILES, asked)
    market.refuse_errors(dict.fromkeys(FILES, (date.min, last or date.max)), asked, waived)
    closes = prices_used(market, asked, last)
    divisors = _divisors(market)
    try:
        index = PriceWeightedIndex.build(closes, market.folder.events[0], market.events, divisors[0][1])
    except DataError as error:
        raise unbuildable([_by_its_file(market, f) for f in error.findings], error.asked) from None
    levels = index.levels()
    source = next((name for name in ("index", "n225") if market.has(name)), "")
    if source:
        market.refuse_errors({source: (levels.index[0].date(), levels.index[-1].date())}, asked, waived)
    published = market.table(source)["close"].reindex(levels.index) if source else levels * np.nan
    findings = index.ledger.compare(divisors[1:], last=levels.index[-1].date())
    named = [_by_its_file(market, f) for f in [*findings, *_level_findings(source, levels - published)]]
    return Rebuilt(index, levels, published, source, tuple(named))


def _level_findings(source: str, errors: pd.Series) -> list[Finding]:
    """Warn once of published levels that the constituents do not rebuild."""
    size = errors.abs().dropna()
    wrong = size[size >= EXACT]
    if not len(wrong):
        return []
    found = f"{len(wrong)} of {len(size)} levels differ from the rebuilt ones, here by {wrong.max():.2f} points"
    return [Finding(f"{source}.csv", f"{wrong.idxmax():%Y-%m-%d}", "close", "level-differs", found, "warning")]


def _by_its_file(market: MarketData, finding: Finding) -> Finding:
    """Name the file as the folder holds it: the index knows closes, not whether they are CSV or Parquet."""
    path = market.folder.files.get(finding.file.split(".")[0])
    return finding if path is None else replace(finding, file=path.name)


def _divisors(market: MarketData) -> list[tuple[date, Decimal, str]]:
    frame = market.table("divisors").reset_index()
    notes = frame["note"] if "note" in frame else pd.Series("", index=frame.index)
    days = pd.DatetimeIndex(frame["effective_date"])
    return [(d.date(), _decimal(text), str(note)) for d, text, note in zip(days, frame["divisor"], notes, strict=True)]


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # the gate has a finding; a later row is only compared
        return Decimal("NaN")
