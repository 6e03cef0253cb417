"""Sessions without a row between the first and the last day of a file, in runs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from indexsim import sessions


def gaps(days: pd.DatetimeIndex) -> Iterator[tuple[pd.Timestamp, pd.Timestamp, int]]:
    """Yield first session, last session and length of every run of sessions that are not among some days.

    Examples
    --------
    >>> [(f"{a:%m-%d}", f"{b:%m-%d}", n) for a, b, n in gaps(pd.DatetimeIndex(["2024-05-01", "2024-05-08"]))]
    [('05-02', '05-07', 2)]
    """
    if not len(days):
        return
    table = sessions.all_sessions()
    expected = table[(table >= days.min()) & (table <= days.max())]
    absent = ~expected.isin(days)
    starts = np.flatnonzero(absent & ~np.append(False, absent[:-1])[: len(absent)])
    ends = np.flatnonzero(absent & ~np.append(absent[1:], False)[: len(absent)])
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        yield expected[start], expected[end], end - start + 1
