"""The names of a sample: constituents and outsiders with their sectors, weights and habits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexsim.sample.effects import Sample

Floats = NDArray[np.float64]

#: Sector, number of constituents, weight at the end in percent; as S001 prints it.
SECTORS: tuple[tuple[str, int, float], ...] = (
    ("Technology", 62, 52.66),
    ("Consumer", 40, 21.95),
    ("Materials", 48, 12.62),
    ("Capital goods", 35, 8.33),
    ("Financials", 20, 2.90),
    ("Transport and utilities", 20, 1.55),
)

#: The ten largest at the end: sector, weight in percent.
TOP: tuple[tuple[str, float], ...] = (
    ("Technology", 10.43),
    ("Consumer", 9.07),
    ("Technology", 7.01),
    ("Technology", 6.84),
    ("Technology", 2.20),
    ("Technology", 2.16),
    ("Technology", 2.02),
    ("Consumer", 1.76),
    ("Technology", 1.64),
    ("Materials", 1.62),
)

INDUSTRIES: dict[str, tuple[str, ...]] = {
    "Technology": ("Electric machinery", "Pharmaceuticals", "Automobiles", "Precision instruments", "Communications"),
    "Consumer": ("Foods", "Retail", "Services", "Fishery"),
    "Materials": ("Chemicals", "Steel", "Nonferrous metals", "Glass and ceramics", "Trading houses", "Textiles", "Oil"),
    "Capital goods": ("Machinery", "Construction", "Real estate", "Other manufacturing", "Shipbuilding"),
    "Financials": ("Banking", "Insurance", "Securities", "Other financial services"),
    "Transport and utilities": ("Railway and bus", "Marine transport", "Electric power", "Gas", "Air transport"),
}

CONSTITUENTS = sum(count for _, count, _ in SECTORS)

#: No constituent outside the top ten weighs more than this at the end, in percent.
LARGEST_OTHER = 1.45

#: Share of the constituents in the free-float market value at the end.
CONSTITUENT_VALUE = 0.65

#: Free-float market value of everything listed at the end, yen.
TOTAL_VALUE = 4.0e14


@dataclass(frozen=True)
class Names:
    """Every listed name. The first 225 are the constituents at the end, sector by sector; the outsiders follow.

    Attributes
    ----------
    code, name, industry : tuple of str, length n
    sector : int array of shape (n,)
        Row of `SECTORS`.
    weight : float array of shape (n,)
        Fraction of the index at the end; of an outsider, what it would have beside them.
    top : int array of shape (10,)
        The ten largest, in order.
    value : float array of shape (n,)
        Free-float market value at the end, yen.
    ffw : float array of shape (n,)
        Free-float weight, fraction.
    beta, growth : float array of shape (n,)
        Loadings on the market and on the growth factor.
    payout : float array of shape (n,)
        Dividend per half-year, fraction of the price.
    turnover : float array of shape (n,)
        Shares traded per session, fraction of the free float.
    """

    code: tuple[str, ...]
    name: tuple[str, ...]
    industry: tuple[str, ...]
    sector: NDArray[np.int64]
    weight: Floats
    top: NDArray[np.int64]
    value: Floats
    ffw: Floats
    beta: Floats
    growth: Floats
    payout: Floats
    turnover: Floats

    def __len__(self) -> int:
        return len(self.code)


def make_names(sample: Sample) -> Names:
    """Draw the names of a sample."""
    rng = sample.rng("names")
    sector = _sectors(sample.outsiders)
    n = len(sector)
    inside = np.arange(n) < CONSTITUENTS
    top = _top(sector)
    weight = np.concatenate([_weights(rng, sector, top), rng.uniform(3e-4, 1.2e-3, sample.outsiders)])
    growth = rng.normal(np.where(sector == 0, 0.5, -0.2), 0.3)
    growth[top] += 0.5
    serial = [int(np.sum(sector[:at] == sector[at])) for at in range(n)]
    return Names(
        code=tuple(_code(at) for at in range(n)),
        name=tuple(f"Synthetic {SECTORS[s][0]} {at + 1:03d}" for s, at in zip(sector, serial, strict=True)),
        industry=tuple(_industry(SECTORS[s][0], at) for s, at in zip(sector, serial, strict=True)),
        sector=sector,
        weight=weight,
        top=top,
        value=_values(rng, inside),
        ffw=np.round(rng.uniform(0.35, 0.95, n) * 20) / 20,
        beta=np.clip(rng.normal(1.0, 0.15, n), 0.6, 1.5),
        growth=growth,
        payout=rng.uniform(0.004, 0.014, n),
        turnover=np.exp(rng.normal(np.log(0.004), 0.4, n)),
    )


def _code(at: int) -> str:
    """Return four characters: a number, or for every 25th and beyond 1299 one with a letter in it."""
    if at % 25 == 12 or at >= 299:
        return f"{10 + at // 260}{chr(ord('A') + at // 10 % 26)}{at % 10}"
    return str(1001 + at)


def _industry(sector: str, serial: int) -> str:
    return INDUSTRIES[sector][serial % len(INDUSTRIES[sector])]


def _sectors(outsiders: int) -> NDArray[np.int64]:
    """Return the sector of every name: the counts of the table, and outsiders in the same proportion."""
    inside = np.repeat(np.arange(len(SECTORS)), [count for _, count, _ in SECTORS])
    return np.concatenate([inside, inside[np.arange(outsiders) * CONSTITUENTS // outsiders]])


def _top(sector: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place the ten largest at the head of their sectors."""
    labels = [label for label, _, _ in SECTORS]
    placed: list[int] = []
    for label, _ in TOP:
        of_sector = np.flatnonzero(sector == labels.index(label))
        placed.append(int(next(at for at in of_sector if at not in placed)))
    return np.array(placed)


def _weights(rng: np.random.Generator, sector: NDArray[np.int64], top: NDArray[np.int64]) -> Floats:
    """Return the weights of the constituents at the end, fractions that sum to one."""
    weight = np.zeros(CONSTITUENTS)
    weight[top] = [percent for _, percent in TOP]
    for row, (_, count, total) in enumerate(SECTORS):
        others = np.flatnonzero((sector[:CONSTITUENTS] == row) & (weight == 0))
        rest = total - weight[sector[:CONSTITUENTS] == row].sum()
        share = np.exp(rng.normal(0.0, 0.5, len(others)))
        for _ in range(count):  # cut and share out again until none is too large
            share = np.minimum(share / share.sum() * rest, LARGEST_OTHER)
        weight[others] = share
    return np.asarray(weight / weight.sum())


def _values(rng: np.random.Generator, inside: NDArray[np.bool_]) -> Floats:
    value = np.exp(rng.normal(0.0, 0.9, len(inside)))
    share = np.where(inside, CONSTITUENT_VALUE, 1 - CONSTITUENT_VALUE)
    group = np.where(inside, value[inside].sum(), value[~inside].sum())
    return np.asarray(TOTAL_VALUE * share * value / group)
