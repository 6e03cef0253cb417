"""A made-up market of 225 names over fifty years, daily and by halves: the workload of the load part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from indexsim import sessions

NAMES, FIRST, LAST = 225, "1976-01-05", "2025-12-30"
WIDE, LONG = ("closes", "opens", "volumes"), "halves"


def write_long_market(folder: Path) -> list[Path]:
    """Write the market as Parquet and return its files.

    Prices wander in ticks of 0.1 yen, and nothing in them is to be found by the gate.
    """
    days = _days()
    random = np.random.default_rng(50)
    codes = [str(1300 + number) for number in range(NAMES)]
    walk = random.normal(0, 0.015, (len(days), NAMES)).clip(-0.05, 0.05).cumsum(axis=0)
    closes = np.round(random.uniform(800, 8_000, NAMES) * np.exp(walk - walk.mean(axis=0)), 1).clip(50)
    opens, noon = (np.round(closes * random.uniform(0.99, 1.01, closes.shape), 1) for _ in range(2))
    volumes = random.integers(100_000, 5_000_000, closes.shape).astype(np.float64)
    for name, values in zip(WIDE, (closes, opens, volumes), strict=True):
        frame = pd.DataFrame(values, columns=pd.Index(codes))
        frame.insert(0, "date", days)
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    halves = pd.DataFrame(
        {
            "date": np.repeat(days.to_numpy(), NAMES),
            "series": np.tile(np.array(codes, dtype=object), len(days)),
            "morning_close": noon.ravel(),
            "afternoon_open": np.round(noon * 1.001, 1).ravel(),
        }
    )
    halves.to_parquet(folder / f"{LONG}.parquet", index=False)
    return [folder / f"{name}.parquet" for name in (*WIDE, LONG)]


def _days() -> pd.DatetimeIndex:
    """Return the sessions, and before the session table begins every weekday."""
    table = sessions.all_sessions()
    early = pd.bdate_range(FIRST, pd.Timestamp(sessions.FIRST_DAY) - pd.Timedelta(days=1), unit="us")
    return early.append(table[table <= pd.Timestamp(LAST)])
