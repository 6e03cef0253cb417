"""Least squares and Newey-West errors against paper, plain loops and another library."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from backtests.regression import default_lags, newey_west, ols


def test_newey_west_of_a_mean_by_hand() -> None:
    """Residuals 1, -1, 1, -1 about a mean. S = 4 without lags; one lag adds 2 x 1/2 x (-3): S = 1.

    (X'X)^-1 = 1/4, so the variance is S / 16, times 4 / 3 for the one coefficient.
    """
    one, residual = np.ones((4, 1)), np.array([1.0, -1.0, 1.0, -1.0])

    assert newey_west(one, residual, 0)[0, 0] == pytest.approx(4 / 16 * 4 / 3)
    assert newey_west(one, residual, 1)[0, 0] == pytest.approx(1 / 16 * 4 / 3)


def test_newey_west_of_a_slope_by_hand() -> None:
    """X = -1, 0, 1 through the origin, residuals 2, 3, 4: scores -2, 0, 4; X'X = 2.

    Two lags: 4 + 16, then 2 x 2/3 x 0, then 2 x 1/3 x (-2 x 4): S = 20 - 16/3 = 44/3; / 4, times 3 / 2 -> 5.5.
    """
    found = newey_west(np.array([[-1.0], [0.0], [1.0]]), np.array([2.0, 3.0, 4.0]), 2)

    assert found[0, 0] == pytest.approx(5.5)


def plain_newey_west(design: np.ndarray, u: np.ndarray, lags: int) -> np.ndarray:
    """The formula of Newey and West (1987), a pair of observations at a time."""
    n, k = design.shape
    middle = np.zeros((k, k))
    for t in range(n):
        for s in range(n):
            if abs(t - s) <= lags:
                weight = 1 - abs(t - s) / (lags + 1)
                middle += weight * u[t] * u[s] * np.outer(design[t], design[s])
    bread = np.linalg.inv(design.T @ design)
    return np.asarray(bread @ middle @ bread * n / (n - k))


@pytest.mark.parametrize("lags", [0, 1, 5])
def test_errors_are_those_of_plain_loops(lags: int) -> None:
    rng = np.random.default_rng(1)
    x, noise = rng.standard_normal((60, 2)), rng.standard_normal(60)
    x[:, 1] *= 1_000.0  # units must not matter
    y = 0.1 + 2.0 * x[:, 0] + np.convolve(noise, [1.0, 0.6, 0.3])[:60]
    fit = ols(y, x, lags)
    design = np.column_stack([np.ones(60), x])
    beta = np.linalg.solve(design.T @ design, design.T @ y)

    assert fit is not None
    np.testing.assert_allclose(fit.beta, beta, rtol=1e-9)
    np.testing.assert_allclose(fit.se, np.sqrt(np.diag(plain_newey_west(design, y - design @ beta, lags))), rtol=1e-9)


def test_slope_and_r2_are_those_of_scipy() -> None:
    x = np.random.default_rng(4).standard_normal(40)
    y = 0.5 * x + np.random.default_rng(5).standard_normal(40)
    fit, other = ols(y, x[:, None], 0), stats.linregress(x, y)

    assert fit is not None
    assert fit.beta.tolist() == pytest.approx([other.intercept, other.slope], rel=1e-12)
    assert fit.r2 == pytest.approx(other.rvalue**2, rel=1e-12)
    assert fit.adjusted_r2 == pytest.approx(1 - (1 - other.rvalue**2) * 39 / 38, rel=1e-12)


def test_t_p_and_interval_belong_to_the_error() -> None:
    rng = np.random.default_rng(6)
    fit = ols(rng.standard_normal(30), rng.standard_normal((30, 1)), 2)
    assert fit is not None
    found = fit.coefficient(1)
    beta, se, t = found["beta"], found["se"], found["t"]
    assert beta is not None
    assert se is not None
    assert t is not None

    assert t == pytest.approx(beta / se)
    assert found["p"] == pytest.approx(2 * stats.t.sf(abs(t), 28))
    assert found["high"] == pytest.approx(beta + stats.t.ppf(0.975, 28) * se)
    assert found["low"] == pytest.approx(beta - stats.t.ppf(0.975, 28) * se)


def test_columns_that_cannot_be_told_apart_have_no_fit() -> None:
    x = np.arange(20.0)

    assert ols(x, np.column_stack([x, 2 * x + 1]), 0) is None
    assert ols(x, np.zeros((20, 1)), 0) is None
    assert ols(x, np.full((20, 1), 3.0), 0) is None


def test_lags_bear_autocorrelation_that_white_errors_miss() -> None:
    """Of slow series without any tie, White's 5 % test of the slope is wrong far more often than Newey and West's."""
    rng, wrong = np.random.default_rng(7), np.zeros(2)
    for _ in range(200):
        y, x = (np.convolve(rng.standard_normal(259), np.ones(10), "valid") for _ in range(2))
        for k, lags in enumerate((0, 20)):
            fit = ols(y, x[:, None], lags)
            assert fit is not None
            p = fit.coefficient(1)["p"]
            wrong[k] += p is not None and p < 0.05

    assert wrong[0] > 2 * wrong[1]
    assert wrong[1] / 200 < 0.25


def test_the_rule_of_thumb_of_lags() -> None:
    # 4 x (6325 / 100)^(2/9) = 4 x e^(0.2222 x 4.147) = 4 x 2.513 = 10.05.
    assert [default_lags(n) for n in (100, 6325)] == [4, 10]
