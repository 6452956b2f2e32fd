"""Scoring rules for one row, from draws or probabilities: plain NumPy, draws along the last axis."""

import numpy as np


def crps(draws: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the continuous ranked probability score, in the units of `y`; smaller is better.

    The estimate by probability-weighted moments, unbiased for independent draws.

    Parameters
    ----------
    draws
        `(..., draws)`, of the predictive distribution; at least 2.
    y
        `(...)`, what was observed.

    References
    ----------
    Gneiting & Raftery (2007), Strictly proper scoring rules, prediction, and estimation, JASA 102, 359-378,
    10.1198/016214506000001437. Zamo & Naveau (2018), Estimation of the continuous ranked probability score with
    limited information, Mathematical Geosciences 50, 209-234, 10.1007/s11004-017-9709-7.

    Examples
    --------
    >>> import numpy as np
    >>> draws = np.array([[0.0, 1.0], [1.0, 1.0]])  # of two observations
    >>> crps(draws, np.zeros(2))
    array([0., 1.])
    """
    n = draws.shape[-1]
    moment = np.sort(draws, axis=-1) @ np.arange(n) / (n * (n - 1))
    return np.abs(draws - y[..., None]).mean(axis=-1) + draws.mean(axis=-1) - 2 * moment


def pit(draws: np.ndarray, y: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Return the probability integral transform: the rank of `y` among the draws, in (0, 1).

    Uniform if `y` and the draws come from one distribution, continuous or not: a rank is spread over its step, and
    that of ties over all their steps (Czado, Gneiting & Held 2009, 10.1111/j.1541-0420.2009.01191.x).

    Parameters
    ----------
    draws
        `(..., draws)`, of the predictive distribution.
    y
        `(...)`, what was observed.
    within
        `(...)`, uniform in [0, 1): where in its step.
    """
    below, ties = ((draws < y[..., None]).sum(axis=-1), (draws == y[..., None]).sum(axis=-1))
    return (below + within * (ties + 1)) / (draws.shape[-1] + 1)


def pit_between(draws: np.ndarray, bounds: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Return the same of times known in part: anywhere between the transforms of the bounds, given `entry`.

    Uniform if draws and times come from one distribution, and the bounds from another that knows nothing of the times
    beyond them. So known times alone are not judged: they are the shorter ones.

    Parameters
    ----------
    draws
        `(obs, draws)`, of the predictive distribution.
    bounds
        `(obs, 3)`: lower, upper and entry; see `pbnn.censored`.
    within
        `(obs,)`, uniform in [0, 1): where between the bounds.
    """
    n = draws.shape[-1]
    lower, upper, entry = ((draws < bounds[:, [i]]).sum(axis=-1) for i in range(3))
    upper = np.where(np.isinf(bounds[:, 1]), n, upper)
    return (lower - entry + within * (upper - lower + 1)) / (n - entry + 1)


def brier(p: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the Brier score of each row, summed over classes: 0 is perfect, 2 is certain and wrong.

    Parameters
    ----------
    p
        Probabilities `(obs, class)`.
    codes
        The class of each row `(obs,)`.
    """
    return ((p - np.eye(p.shape[1])[codes]) ** 2).sum(axis=1)
