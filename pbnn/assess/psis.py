"""Pareto-smoothed importance sampling of many rows at once. NumPy only; rows come first, draws last."""

import numpy as np
from scipy.special import logsumexp

from pbnn.target.cores import on_all_cores

ROWS_AT_ONCE = 256
MIN_TAIL = 5
PRIOR_B, PRIOR_K = 3, 10
"""Of the fit: how far scales reach, and how many draws the prior of the shape, 0.5, is worth."""


def smooth_weights(log_ratios: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return smoothed log weights `(rows, draws)`, which sum to one, and the Pareto shape `(rows,)` of their tails.

    The largest ratios are replaced by quantiles of a generalized Pareto distribution that is fitted to them (Vehtari,
    Simpson, Gelman, Yao & Gabry 2024, JMLR 25(72); the fit is that of Zhang & Stephens 2009,
    10.1198/tech.2009.08017). The same as `arviz_stats`, for all rows together.

    Parameters
    ----------
    log_ratios
        `(rows, draws)`, up to a constant for each row.

    Returns
    -------
    tuple
        Where there is no tail to fit, ratios stay as they are; the shape is 0 if they are all equal, and infinite if
        they are too uneven or not finite.
    """
    log_ratios = np.asarray(log_ratios, float)
    parts = on_all_cores(
        lambda start: _smooth(log_ratios[start : start + ROWS_AT_ONCE]),
        range(0, len(log_ratios), ROWS_AT_ONCE),
    )
    return np.concatenate([weights for weights, _ in parts]), np.concatenate([k for _, k in parts])


def tail_length(draws: int) -> int:
    """Return how many of the largest ratios are smoothed."""
    return int(3 * draws**0.5 if draws > 225 else draws / 5)


def _smooth(log_ratios: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(invalid="ignore"):
        x = log_ratios - log_ratios.max(axis=1, keepdims=True)
    finite = ~np.isnan(x).any(axis=1)
    x[~finite] = 0.0
    n, n_tail = x.shape[1], tail_length(x.shape[1])
    k = np.where(finite, 0.0, np.inf)
    if n_tail >= MIN_TAIL:
        # The tail in order, and before it the largest ratio that is not in it.
        at = np.argpartition(x, n - n_tail - 1, axis=1)[:, n - n_tail - 1 :]
        at = np.take_along_axis(at, np.argsort(np.take_along_axis(x, at, axis=1), axis=1), axis=1)
        ordered = np.take_along_axis(x, at, axis=1)
        uneven = finite & (ordered[:, -1] - ordered[:, 1] > np.finfo(float).tiny)
        k[uneven], smoothed = _smoothed_tail(np.exp(ordered[uneven]))
        rows = np.flatnonzero(uneven)[np.isfinite(k[uneven])]
        x[rows[:, None], at[rows, 1:]] = smoothed[np.isfinite(k[uneven])]
    x -= logsumexp(x, axis=1, keepdims=True)
    x[~finite] = np.nan
    return x, k


def _smoothed_tail(ordered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the shape `(rows,)` and the log of the smoothed tail, from the cutoff and the tail `(rows, 1 + tail)`."""
    cutoff, tail = ordered[:, :1], ordered[:, 1:]
    with np.errstate(all="ignore"):  # what is not a number on the way becomes an infinite shape
        k, sigma = fit_pareto(tail - cutoff)
        m = tail.shape[1]
        log_survival = np.log1p(-np.arange(0.5, m) / m)
        shape = k[:, None]
        quantiles = np.where(shape == 0, -log_survival, np.expm1(-shape * log_survival) / shape)
        quantiles = cutoff + sigma[:, None] * quantiles
        k = np.where(np.isfinite(k) & (sigma > 0), k, np.inf)
        return k, np.log(np.minimum(quantiles, tail[:, -1:]))


def fit_pareto(excess: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return shape and scale `(rows,)` of the generalized Pareto distribution of ascending values `(rows, m)`."""
    m = excess.shape[1]
    quartile = excess[:, int(m / 4 + 0.5) - 1]
    grid = np.arange(1, 31 + int(m**0.5)) - 0.5
    b = (1 - np.sqrt(len(grid) / grid)) / (PRIOR_B * quartile[:, None]) + 1 / excess[:, -1:]
    k = np.log1p(-b[:, :, None] * excess[:, None, :]).mean(axis=2)
    profile = m * (np.log(-b / k) - k - 1)
    weight = np.exp(profile - logsumexp(profile, axis=1, keepdims=True))
    weight[weight < 10 * np.finfo(float).eps] = 0.0
    b_mean = (b * weight).sum(axis=1) / weight.sum(axis=1)
    k_mean = np.log1p(-b_mean[:, None] * excess).mean(axis=1)
    sigma = -k_mean / b_mean
    shape = (m * k_mean + PRIOR_K * 0.5) / (m + PRIOR_K)
    # Where the first quartile is no larger than the least value, this is no such distribution.
    return np.where(quartile > excess[:, 0], shape, np.nan), sigma
