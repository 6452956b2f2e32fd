"""Scoring rules for one row, from draws or probabilities: plain NumPy, draws along the last axis."""

import numpy as np
from scipy.special import ndtr

PAIRS = 64
"""Shifts of the draws against themselves from which the energy score takes its pairs, if there are more."""


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


def crps_of_normals(mean: np.ndarray, sd: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the continuous ranked probability score of an equal mixture of normals, exactly; smaller is better.

    Parameters
    ----------
    mean, sd
        `(..., components)`: the response given each draw of the weights.
    y
        `(...)`, what was observed.

    References
    ----------
    Grimit, Gneiting, Berrocal & Johnson (2006), The continuous ranked probability score for circular variables and
    its application to mesoscale forecast ensemble verification, eq. 5, 10.1256/qj.05.235.

    Examples
    --------
    >>> import numpy as np
    >>> float(crps_of_normals(np.zeros(1), np.ones(1), np.array(0.0)).round(4))
    0.2337
    """
    to_y = _mean_distance(y[..., None] - mean, sd).mean(axis=-1)
    n = mean.shape[-1]
    among = _mean_distance(np.zeros_like(mean), np.sqrt(2) * sd).sum(axis=-1) / 2
    for i in range(
        n - 1
    ):  # one component against those after it: what is held grows no faster than the draws
        offset, spread = mean[..., i + 1 :] - mean[..., [i]], np.hypot(sd[..., i + 1 :], sd[..., [i]])
        among += _mean_distance(offset, spread).sum(axis=-1)
    return to_y - among / n**2


def _mean_distance(offset: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Return the mean of the absolute value of a normal variable."""
    z = offset / sd
    return offset * (2 * ndtr(z) - 1) + sd * np.sqrt(2 / np.pi) * np.exp(-(z**2) / 2)


def interval_score(lower: np.ndarray, upper: np.ndarray, y: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return the width of a central interval, plus 2 / (1 - level) for each unit by which it misses `y`.

    Parameters
    ----------
    lower, upper, y, level
        Bounds, what was observed, and the probability of the interval: arrays that broadcast.

    References
    ----------
    Gneiting & Raftery (2007), eq. 43, 10.1198/016214506000001437.

    Examples
    --------
    >>> float(interval_score(0.0, 1.0, 1.5, 0.8).__round__(6))
    6.0
    """
    return (upper - lower) + 2 / (1 - level) * (np.maximum(lower - y, 0) + np.maximum(y - upper, 0))


def quantile_loss(predicted: np.ndarray, y: np.ndarray, quantile: np.ndarray) -> np.ndarray:
    """Return the pinball loss of a predicted quantile; smaller is better.

    Parameters
    ----------
    predicted, y, quantile
        The predicted quantile, what was observed, and the probability of the quantile: arrays that broadcast.

    References
    ----------
    Koenker & Bassett (1978), Regression quantiles, 10.2307/1913643.

    Examples
    --------
    >>> float(quantile_loss(0.0, 2.0, 0.75)), float(quantile_loss(2.0, 0.0, 0.75))
    (1.5, 0.5)
    """
    gap = y - predicted
    return np.maximum(quantile * gap, (quantile - 1) * gap)


def energy_score(draws: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the energy score of a response with several outputs: the CRPS, with Euclidean distances.

    `E|X - y| - E|X - X'| / 2`. The second mean is over all pairs of different draws, or over those at 64 evenly spaced
    distances in their order if there are more draws.

    Parameters
    ----------
    draws
        `(draws, ..., output)`, of the predictive distribution, in units in which outputs may be added; at least 2.
    y
        `(..., output)`, what was observed.

    References
    ----------
    Gneiting & Raftery (2007), eq. 22, 10.1198/016214506000001437.
    """
    n = len(draws)
    to_y = np.linalg.norm(draws - y, axis=-1).mean(axis=0)
    shifts = np.unique(np.linspace(1, n - 1, min(n - 1, PAIRS)).round().astype(int))
    among = [np.linalg.norm(draws - np.roll(draws, s, axis=0), axis=-1).mean(axis=0) for s in shifts]
    return to_y - np.mean(among, axis=0) / 2


def pit_of_weighted(draws: np.ndarray, weights: np.ndarray, y: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Return the weight of the draws below `y`, and a random share of that of its ties.

    Parameters
    ----------
    draws, weights
        `(..., draws)`; weights that sum to about 1.
    y, within
        `(...)`: what was observed, and numbers uniform in [0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> pit_of_weighted(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.3, 0.2]), np.array(2.0), np.array(0.5)).round(2)
    np.float64(0.65)
    """
    below = (weights * (draws < y[..., None])).sum(axis=-1)
    ties = (weights * (draws == y[..., None])).sum(axis=-1)
    return (below + within * ties) / weights.sum(axis=-1)
