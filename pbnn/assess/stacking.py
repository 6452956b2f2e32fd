"""Weights of models from their predictive densities, row by row. NumPy only."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

REPLICATES = 1000
"""Of the Bayesian bootstrap."""


def stacking_weights(lpd: np.ndarray) -> np.ndarray:
    """Return weights `(model,)` whose mixture predicts the rows best: the largest mean log of the mixed density.

    Yao, Vehtari, Simpson & Gelman (2018), 10.1214/17-BA1091, equation 4. The problem is convex.

    Parameters
    ----------
    lpd
        Log predictive density `(obs, model)` of rows that the models have not seen.

    Examples
    --------
    >>> a_good_half = np.log([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9]])
    >>> stacking_weights(a_good_half).round(3).tolist()
    [0.5, 0.5]
    """
    n = lpd.shape[1]
    if n == 1:
        return np.ones(1)
    density = _relative(lpd)

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        mixed = np.maximum(density @ w, 1e-300)
        return -float(np.log(mixed).mean()), -(density / mixed[:, None]).mean(axis=0)

    found = minimize(
        loss,
        np.full(n, 1 / n),
        jac=True,
        method="SLSQP",
        bounds=[(0, 1)] * n,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-12, "maxiter": 1000},
    )
    weights = found.x.clip(0)
    return weights / weights.sum()


def pseudo_bma_weights(lpd: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return weights `(model,)` in proportion to the exponential of the sum of `lpd`, averaged over resampled rows.

    Pseudo-BMA+ (Yao et al. 2018, section 3.4): rows are weighted by the Bayesian bootstrap (Rubin 1981,
    10.1214/aos/1176345338), so that models which differ by chance share the weight.
    """
    n = len(lpd)
    shares = np.random.default_rng(seed).dirichlet(np.ones(n), REPLICATES)
    # A row that no model thinks possible tells nothing; one that some do not takes away their weight.
    relative = np.log(np.maximum(_relative(lpd), 1e-300))
    return softmax(n * shares @ relative, axis=1).mean(axis=0)


def mixed_lpd(lpd: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the log density `(obs,)` of the mixture of models."""
    with np.errstate(divide="ignore"):
        return logsumexp(lpd, b=weights, axis=1)


def _relative(lpd: np.ndarray) -> np.ndarray:
    """Return densities relative to the largest of each row; all 1 where none is above 0."""
    top = lpd.max(axis=1, keepdims=True)
    return np.exp(np.where(np.isfinite(top), lpd - np.where(np.isfinite(top), top, 0), 0.0))
