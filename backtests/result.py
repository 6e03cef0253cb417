"""What came out of a run: frames and facts, written and read without loss.

A `Result` is everything a page, a comparison or a verification needs; the report never looks at
the engine or the market again. Frames are stored as Parquet (exact) and CSV (for people).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from backtests.regimes import nothing as no_regimes

FRAMES = ("equity", "returns", "positions", "fills", "orders", "round_trips", "ledger", "regimes")


@dataclass(frozen=True)
class Result:
    """The outcome of one run.

    Attributes
    ----------
    facts : dict
        Plain JSON values that identify and explain the run: ``run_id``, ``name``, ``strategy``,
        ``doc`` (first lines of the strategy's docstring), ``params`` {name: value}, ``command``
        (the one line that repeats it), ``version``, ``commit``, ``code`` (hash),
        ``data`` {fingerprint, from, to, synthetic, missing: [text]}, ``sessions_per_year``,
        ``cash`` (yen at the start), ``names`` {stock: its name in the market},
        ``clock`` (``daily``, ``halves`` or ``nights``), ``execution`` [text, one assumption each],
        ``instruments`` [{name, kind, multiplier, lot, ...}], ``costs`` {name: yen paid}, ``income``
        {name: yen received}, ``index`` (summary of the rebuilt index, or None),
        ``rejected`` [{reason, n}], ``lookahead`` {rows_checked, leaks: [{row, what}]},
        ``calendar`` [{date, what}], ``divisors`` [{date, divisor, event}], ``packages`` {name: version},
        ``findings`` [{file, row, column, rule, found, severity}], ``waived`` [rule],
        ``claim`` (text or None), ``expects`` (the test of it, or None).
    spec_text : str
        The resolved spec as TOML; running it again gives this result.
    equity : DataFrame
        Index ``session`` (naive dates); the first row is the session before the first bar and holds
        the starting cash. Columns ``net``, ``gross``: account value in yen at the close; ``net_usd`` where
        the spec's base is the dollar; ``deposits`` (yen paid in before the session's open) where there are any.
    returns : DataFrame
        Index ``session`` (without that first row); fractions; columns ``net``, ``gross``,
        ``benchmark_price``, ``benchmark_total``, ``benchmark_topix`` (NaN where the market has none).
    positions : DataFrame
        Index ``session``; one column per instrument (signed notional in yen at the close) and
        ``cash``; every row sums to ``equity.net``. With futures, ``cash`` is the account value minus
        the signed notional.
    fills : DataFrame
        One row per fill, in order: ``time`` (JST, naive), ``session``, ``instrument``, ``quantity``
        (signed contracts or shares), ``price``, ``reference`` (price before slippage), ``multiplier``,
        ``notional`` (signed yen), ``fee``, ``slippage`` (both yen, >= 0), ``why`` (roll, settlement,
        margin call; "" for an order of the strategy).
    orders : DataFrame
        One row per order, also the rejected: ``decided`` (JST), ``instrument``, ``quantity``,
        ``fill`` (``open`` or ``on_close``), ``status`` (``filled`` or ``rejected``), ``reason``.
    round_trips : DataFrame
        Closed round trips, first in first out: ``instrument``, ``opened``, ``closed`` (JST),
        ``quantity``, ``open_price``, ``close_price``, ``gross`` (yen before fees), ``fees``, ``net``.
    ledger : DataFrame
        Every movement of cash in order: ``time``, ``instrument``, ``kind``, ``yen``.
    regimes : DataFrame
        Index ``session``; what the market was like on it (`backtests.regimes.recorded`). Without a row where the run
        is older than this record.
    """

    facts: dict[str, Any]
    spec_text: str
    equity: pd.DataFrame
    returns: pd.DataFrame
    positions: pd.DataFrame
    fills: pd.DataFrame
    orders: pd.DataFrame
    round_trips: pd.DataFrame
    ledger: pd.DataFrame
    regimes: pd.DataFrame = field(default_factory=no_regimes)

    def write(self, folder: Path) -> None:
        """Write the frames (Parquet and CSV), ``facts.json`` and ``spec.toml`` into `folder`."""
        for name in FRAMES:
            frame: pd.DataFrame = getattr(self, name)
            frame.to_parquet(folder / f"{name}.parquet")
            frame.to_csv(folder / f"{name}.csv", lineterminator="\n")
        (folder / "facts.json").write_text(json.dumps(self.facts, indent=1, ensure_ascii=False) + "\n", "utf-8")
        (folder / "spec.toml").write_text(self.spec_text, "utf-8")

    @classmethod
    def read(cls, folder: Path) -> Result:
        """Read what `write` wrote."""
        stored = [name for name in FRAMES if name != "regimes" or (folder / "regimes.parquet").exists()]
        frames = {name: pd.read_parquet(folder / f"{name}.parquet") for name in stored}
        facts = json.loads((folder / "facts.json").read_text("utf-8"))
        return cls(facts=facts, spec_text=(folder / "spec.toml").read_text("utf-8"), **frames)
