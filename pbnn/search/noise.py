"""How far scores of a search can be trusted: the covariance of their noise, from what trials scored part by part."""

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.special import polygamma, psi
from scipy.stats import chi2

from pbnn.errors import DataError, ShapeError

MOST_ALIKE = 0.99
"""Residuals of two trials are never taken to be correlated more than this."""
LEAST_SPREAD = 1e-8
"""Of the total variance, residuals have so much at least: with less, the level of all is lost in rounding."""
ROUNDS, STILL = 100, 1e-4
"""Of EM for the two variances, which ends when neither moves by more than this part of itself."""


@final
@dataclass(frozen=True, slots=True)
class PartNoise:
    """Scores of trials, each on parts (folds, rows, seeds) of its own choice, made comparable.

    Parameters
    ----------
    score
        `(n,)`: the mean over the parts, less what the parts that a trial happened to be scored on are easier than the
        others.
    covariance
        `(n, n)` of the scores' noise, without what is common to all.
    level
        Variance of what is common to all scores, for all of them know these parts only.
    """

    score: np.ndarray
    covariance: np.ndarray
    level: float


def noise_of_parts(parts: np.ndarray) -> PartNoise | None:
    """Estimate the covariance of trials' mean scores from their scores part by part.

    A score is taken for `trial + part + residual`. What a part adds is common to all trials that were scored on it: it
    moves the level of the scores and leaves their differences alone. It is estimated as a random effect, so trials
    scored on other parts are adjusted for them, as far as the trials that share parts tell. Residuals have a variance
    for each trial, shrunk towards the common one by empirical Bayes (Smyth 2004), for five folds know a variance to
    no better than a factor of two; and where all trials have all parts, correlations between trials, shrunk towards
    none (Ledoit & Wolf 2004): networks that are alike err on the same rows.

    Parameters
    ----------
    parts
        `(n, k)`, NaN where a trial was not scored on a part.

    Returns
    -------
    PartNoise or None
        None if the parts do not tell, for no trial has two of them, or there is one trial only.

    Raises
    ------
    ShapeError
        If `parts` is no matrix.
    DataError
        If a score is infinite, or a trial has none.

    References
    ----------
    Smyth (2004), Linear models and empirical Bayes methods for assessing differential expression in microarray
    experiments, 10.2202/1544-6115.1027; Ledoit & Wolf (2004), A well-conditioned estimator for large-dimensional
    covariance matrices, 10.1016/S0047-259X(03)00096-4; Laird & Ware (1982), Random-effects models for longitudinal
    data, 10.2307/2529876.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> folds, network = rng.normal(size=5), np.array([[0.0], [0.1], [0.2]])
    >>> noise = noise_of_parts(network + folds + 0.01 * rng.normal(size=(3, 5)))
    >>> bool(np.sqrt(noise.level) > 0.1), bool(np.sqrt(noise.covariance[0, 0]) < 0.02)
    (True, True)
    """
    parts = np.asarray(parts, float)
    if parts.ndim != 2:
        raise ShapeError(f"noise_of_parts: expected scores (trials, parts); got shape {parts.shape}.")
    seen = ~np.isnan(parts)
    if np.isinf(parts).any() or not seen.any(1).all():
        raise DataError(
            "noise_of_parts: every trial needs a score on one part at least, and none may be infinite."
        )
    n, k = parts.shape
    if n < 2 or seen.sum(1).max() < 2:
        return None
    centre = parts[seen].mean()
    table = np.where(seen, parts - centre, 0.0)
    spread, shared = _variances(table, seen)
    score, effect, inverse = _two_way(table, seen, spread, shared)
    residual = np.where(seen, table - score[:, None] - effect, 0.0)
    own = _shrunk_variances(residual, seen)
    common = _from_parts(seen, spread, shared, inverse)
    # What all have in common: no more than can be taken away and leave a covariance matrix.
    ridge = 1e-9 * np.trace(common) / n + np.finfo(float).tiny
    level = max(min(common.min(), 1 / np.linalg.inv(common + ridge * np.eye(n)).sum()), 0.0)
    rest = (
        _correlated(residual, own) / k if seen.all() else _from_residuals(seen, spread, shared, inverse, own)
    )
    covariance = rest + common - level
    # Where parts have all trials exactly alike, nothing is left of a variance but rounding.
    np.fill_diagonal(covariance, np.diag(covariance).clip(0.0))
    return PartNoise(score + centre, (covariance + covariance.T) / 2, float(level))


def _variances(table: np.ndarray, seen: np.ndarray) -> tuple[float, float]:
    """Return the variances of residuals and of parts, by EM for trials as fixed and parts as random effects."""
    trials, times = len(table), seen.sum(0)
    total = float(table[seen].var()) or 1.0
    spread, shared = total / 2, total / 2
    for _ in range(ROUNDS):
        score, effect, _ = _two_way(table, seen, spread, shared)
        unknown = shared * spread / (shared * times + spread)
        used = trials + (times * unknown).sum() / spread
        before = spread, shared
        rest = (np.where(seen, table - score[:, None] - effect, 0.0) ** 2).sum()
        spread = max(rest / max(seen.sum() - used, 1.0), LEAST_SPREAD * total)
        # One less: what all parts have in common is not told from the level of the trials.
        shared = max(float((effect**2).sum() + unknown.sum()) / max(len(times) - 1, 1), 1e-12 * total)
        if abs(spread - before[0]) < STILL * spread and abs(shared - before[1]) < STILL * shared:
            break
    return spread, shared


def _two_way(
    table: np.ndarray, seen: np.ndarray, spread: float, shared: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return effects of trials `(n,)` and parts `(k,)`, and the inverse of the trials' normal equations."""
    there = seen.astype(float)
    weight = shared / (shared * there.sum(0) + spread)
    inverse = np.linalg.inv(np.diag(there.sum(1)) - (there * weight) @ there.T)
    score = inverse @ (table.sum(1) - there @ (weight * table.sum(0)))
    return score, weight * (table.sum(0) - there.T @ score), inverse


def _from_parts(seen: np.ndarray, spread: float, shared: float, inverse: np.ndarray) -> np.ndarray:
    """Return the covariance of the trials' effects that the parts cause: `(n, n)`."""
    there = seen.astype(float)
    left = spread / (shared * there.sum(0) + spread)
    half = inverse @ (there * left)
    return shared * half @ half.T


def _from_residuals(
    seen: np.ndarray, spread: float, shared: float, inverse: np.ndarray, own: np.ndarray
) -> np.ndarray:
    """Return the covariance of the trials' effects that independent residuals of variances `own` cause."""
    there = seen.astype(float)
    weight = shared / (shared * there.sum(0) + spread)
    cross = own[:, None] * (there * weight) @ there.T
    middle = np.diag(there.sum(1) * own) - cross - cross.T
    middle += (there * weight**2 * (own @ there)) @ there.T
    return inverse @ middle @ inverse


def _shrunk_variances(residual: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return the residual variance of each trial, shrunk towards the common one by empirical Bayes: `(n,)`."""
    n = len(residual)
    times = seen.sum(1)
    freedom = np.maximum(times - 1.0, 1e-9)
    own = (residual**2).sum(1) / freedom
    # Fitting the parts takes 1 / n of the variance away; what is given back here is given to all pairs alike there.
    own += _taken(own, times)
    known = (times > 1) & (own > 1e-12 * own.max(initial=0.0))
    if not known.any():
        return np.full(n, own[times > 1].mean() if (times > 1).any() else 0.0)
    # Logs of chi-squared variables: their mean tells the common variance, their scatter how much trials differ in it.
    half = freedom[known] / 2
    logs = np.log(own[known]) - psi(half) + np.log(half)
    excess = logs.var(ddof=1) - polygamma(1, half).mean() if known.sum() > 2 else 0.0
    prior = 2 * _inverse_trigamma(excess) if excess > 1e-6 else np.inf
    if np.isinf(prior):
        pooled = (freedom * own)[known].sum() / freedom[known].sum()
        return np.full(n, pooled)
    common = np.exp(logs.mean() + psi(prior / 2) - np.log(prior / 2))
    return (prior * common + freedom * own * (times > 1)) / (prior + freedom * (times > 1))


def _taken(own: np.ndarray, times: np.ndarray) -> float:
    return float(np.average(own, weights=times - 1)) / (len(own) - 1)


def _inverse_trigamma(value: float) -> float:
    """Return `a` with trigamma(a) = value, by Newton's method on its inverse, which is nearly straight."""
    a = 0.5 + 1 / value
    for _ in range(50):
        here = polygamma(1, a)
        a += here * (1 - here / value) / polygamma(2, a)
    return float(a)


def _correlated(residual: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return the residuals' covariance between trials: their own variances, and shrunk correlations."""
    n, k = residual.shape
    sample = residual @ residual.T / (k - 1)
    # Residuals sum to zero over trials, which makes independent ones look opposed by 1 / n; differences between trials
    # do not see what is added to all entries alike.
    sample += np.trace(sample) / n / (n - 1)
    deviation = np.sqrt(np.maximum(np.diag(sample), np.finfo(float).tiny))
    weight = max(shrinkage(residual / deviation[:, None]), 1 - MOST_ALIKE)
    correlation = (1 - weight) * sample / deviation[:, None] / deviation
    np.fill_diagonal(correlation, 1.0)
    return correlation * np.sqrt(own)[:, None] * np.sqrt(own)


def shrinkage(samples: np.ndarray) -> float:
    """Return Ledoit and Wolf's weight of the scaled identity against the covariance of `(n, k)`, known to be centred.

    References
    ----------
    Ledoit & Wolf (2004), 10.1016/S0047-259X(03)00096-4, section 3.3.
    """
    n, k = samples.shape
    s = samples @ samples.T / k
    distance = ((s - np.trace(s) / n * np.eye(n)) ** 2).sum()
    # The sum over samples of |x x' - s|^2, without a matrix for each.
    noise = ((samples**2).sum(0) ** 2).sum() / k**2 - (s**2).sum() / k
    return 1.0 if distance <= 0 else float(min(max(noise, 0.0) / distance, 1.0))


def capped(covariance: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the covariance, less where it claims more noise than the scores scatter: `(n, n)`.

    Scores scatter by their noise and by what there is to find. The variance of that scatter has an upper bound (95 %,
    of normal scores), and the noise in differences between trials, on average, has to stay below it.
    """
    n = len(scores)
    if n < 2:
        return covariance
    bound = scores.var(ddof=1) * (n - 1) / chi2.ppf(0.05, n - 1)
    claimed = (np.trace(covariance) - covariance.sum() / n) / (n - 1)
    return covariance if claimed <= bound else covariance * (bound / claimed)
