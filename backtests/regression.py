"""Least squares with errors that bear heteroskedasticity and autocorrelation (Newey and West, Econometrica 1987)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """A regression with a constant; k coefficients, the constant first.

    Attributes
    ----------
    beta, se : ndarray of float64, shape (k,)
        Coefficients and their Newey-West errors.
    n, lags : int
        Observations, and lags of the errors.
    r2, adjusted_r2 : float
        Share of the variance explained; 0.0 where there is no variance.
    residual_sd : float
        With n - k degrees of freedom, in the unit of y.
    """

    beta: Floats
    se: Floats
    n: int
    lags: int
    r2: float
    adjusted_r2: float
    residual_sd: float

    def coefficient(self, k: int, confidence: float = 0.95) -> dict[str, float | None]:
        """Return coefficient k with its ``se``, ``t``, ``p`` (two-sided, Student with n - k) and interval.

        ``t`` and ``p`` are None where the error is zero: the fit is exact.
        """
        beta, se, free = float(self.beta[k]), float(self.se[k]), self.n - len(self.beta)
        reach = float(stdtrit(free, 0.5 + confidence / 2)) * se
        t = beta / se if se > 0 else None
        p = None if t is None else float(2.0 * stdtr(free, -abs(t)))
        return {"beta": beta, "se": se, "t": t, "p": p, "low": beta - reach, "high": beta + reach}


def default_lags(n: int) -> int:
    """Return 4 (n / 100)^(2/9), cut to a whole number: the rule of thumb of Newey and West (1994).

    Examples
    --------
    >>> [default_lags(n) for n in (50, 100, 1000, 5000)]
    [3, 4, 6, 9]
    """
    return int(4.0 * (n / 100.0) ** (2.0 / 9.0))


def ols(y: Floats, x: Floats, lags: int) -> Fit | None:
    """Regress y on a constant and x; None where the columns cannot be told apart.

    Parameters
    ----------
    y : ndarray of float64, shape (n,)
    x : ndarray of float64, shape (n, k - 1)
        Both known throughout, n above k.
    lags : int
        Of the Newey-West errors; 0 leaves autocorrelation out.

    Examples
    --------
    >>> fit = ols(np.array([1.0, 2.0, 3.0, 5.0]), np.array([[0.0], [1.0], [2.0], [3.0]]), lags=0)
    >>> fit.beta.round(6).tolist(), round(fit.r2, 6)
    ([0.8, 1.3], 0.965714)
    """
    n = len(y)
    design = np.column_stack([np.ones(n), x])
    k = design.shape[1]
    # Columns of like size, so that the rank does not hang on their units; what differs by rounding alone is one.
    size = np.sqrt((design * design).sum(axis=0))
    if (size == 0).any():
        return None
    scaled = design / size
    solution, _, rank, _ = np.linalg.lstsq(scaled, y, rcond=1e-8)
    if rank < k:
        return None
    residual = y - scaled @ solution
    covariance = newey_west(scaled, residual, lags)
    rss, tss = float(residual @ residual), float(((y - y.mean()) ** 2).sum())
    r2 = 1.0 - rss / tss if tss > 0 else 0.0
    return Fit(
        beta=solution / size,
        se=np.sqrt(np.maximum(np.diag(covariance), 0.0)) / size,
        n=n,
        lags=lags,
        r2=r2,
        adjusted_r2=1.0 - (1.0 - r2) * (n - 1) / (n - k),
        residual_sd=float(np.sqrt(rss / (n - k))),
    )


def newey_west(design: Floats, residual: Floats, lags: int) -> Floats:
    """Return the covariance of least-squares coefficients, shape (k, k).

    (X'X)^-1 S (X'X)^-1 n / (n - k), S = sum of u_t^2 x_t x_t' + sum over lags j of (1 - j / (lags + 1)) times the
    sum of u_t u_(t-j) (x_t x_(t-j)' + x_(t-j) x_t'). Zero lags give White's errors.

    Parameters
    ----------
    design : ndarray of float64, shape (n, k)
    residual : ndarray of float64, shape (n,)
    """
    n, k = design.shape
    scores = design * residual[:, None]
    middle = scores.T @ scores
    for j in range(1, min(lags, n - 1) + 1):
        shifted = scores[j:].T @ scores[:-j]
        middle += (1.0 - j / (lags + 1.0)) * (shifted + shifted.T)
    inverse = np.linalg.inv(design.T @ design)
    covariance: Floats = inverse @ middle @ inverse * (n / (n - k))
    return covariance
