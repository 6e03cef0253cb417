"""Levels of a free-float market value index, the TOPIX kind.

Market value over base market value. A split leaves it where it is, because the shares grow as the
price falls; a dividend lowers it, because it is a price index.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from indexsim import rules


def levels(
    closes: pd.DataFrame, shares: pd.DataFrame | pd.Series, ffw: pd.DataFrame | pd.Series, base: float
) -> pd.Series:
    """Return market value / base market value x 100, rounded half-up to 2 decimals.

    Parameters
    ----------
    closes : DataFrame of shape (n_sessions, n_codes)
        Prices of one moment of each session, yen as traded. A code without a price counts nothing.
    shares : DataFrame of shape (n_sessions, n_codes) or Series of shape (n_codes,)
        Listed shares in force on each session; a Series holds throughout.
    ffw : DataFrame or Series, as `shares`
        Free-float weight, a fraction.
    base : float
        Base market value, in yen: the free-float market value at which the level is 100.

    Returns
    -------
    Series of shape (n_sessions,)
        Level, points. Source: B2.

    Examples
    --------
    >>> closes = pd.DataFrame({"1001": [100.0, 110.0], "12A0": [400.0, 200.0]})
    >>> shares = pd.DataFrame({"1001": [10.0, 10.0], "12A0": [5.0, 10.0]})
    >>> levels(closes, shares, pd.Series({"1001": 1.0, "12A0": 0.5}), 2_000.0).tolist()
    [100.0, 105.0]
    """
    floated = shares * ffw if isinstance(shares, pd.DataFrame) else ffw * shares
    value = np.nansum((closes * floated).reindex(columns=closes.columns).to_numpy(dtype=np.float64), axis=1)
    scale = 10.0**rules.LEVEL_DECIMALS
    return pd.Series(np.floor(value / base * 100.0 * scale + 0.5) / scale, index=closes.index, name="level")
