"""Which parameters matter: shares of the variance of the score over the space."""

from typing import Any

import numpy as np
import xarray as xr
from optuna import Study
from scipy.stats import qmc

from pbnn.search.fitted import PROB, Fitted, How, fitted
from pbnn.search.inputs import Inputs, Points

SIZE = 1024
"""Points of a design, about: what a joint draw of the function is quick for."""
LEAST = 32
JITTER = 1e-6
"""Of standardised scores. Points that coincide on a grid make a covariance singular."""


def importance(
    study: Study | Fitted,
    *,
    how: How = "map",
    draws: int = 128,
    designs: int = 4,
    softened: bool = True,
    seed: int = 0,
) -> xr.Dataset:
    """Return how much of the variance of the true score, over the whole space, each parameter is behind.

    Sobol's indices of functions drawn from the posterior of the surrogate. Parameters are uniform on their scales, and
    independent; one that is not active moves nothing.

    Parameters
    ----------
    study
        Of Optuna, of one objective.
    how
        `"map"`: functions are drawn with one set of hyperparameters; `"nuts"`: with draws of them too.
    draws
        Functions.
    designs
        Sets of points at which they are drawn: the intervals hold what the choice of points does, too.
    softened
        Whether scores below the median count on a logarithmic scale (`pbnn.search.soften`). Otherwise networks that are
        broken, whose scores may be a hundred times as far away, decide what is important.
    seed
        Of the fit, the points and the draws.

    Returns
    -------
    xarray.Dataset
        By `parameter`, the most important first: `total`, the share of the variance that would be left if all others
        were known; `main`, the share that would go if it alone were known; what total has beyond main comes of
        interactions. Posterior means, with central intervals `total_interval` and `main_interval` by `bound`. `attrs`:
        `prob`, `how`, and `sd`, by how much the score varies over the space.

    Raises
    ------
    DataError, MethodError, SpecError
        As of `recommend`.

    References
    ----------
    Jansen (1999), 10.1016/S0010-4655(98)00154-4, and Saltelli et al. (2010), 10.1016/j.cpc.2009.09.018, for the
    estimators; Marrel, Iooss, Laurent & Roustant (2009), 10.1016/j.ress.2008.07.008, for indices of draws of a Gaussian
    process; Hutter, Hoos & Leyton-Brown (2014), An efficient approach for assessing hyperparameter importance (ICML),
    for their use on hyperparameters.

    Examples
    --------
    >>> import optuna
    >>> from pbnn.search import importance
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    >>> study.optimize(lambda trial: -(trial.suggest_float("x", -1, 1) ** 2), n_trials=12)
    >>> bool(importance(study)["total"].sel(parameter="x") > 0.9)
    True
    """
    of = fitted(study, how, seed)
    inputs, d = of.surrogate.inputs, len(of.surrogate.inputs)
    n = max(2 ** int(np.log2(SIZE / (d + 2))), LEAST)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(designs):
        f = _drawn(of, _design(inputs, n, rng), -(-draws // designs), rng)
        f = f if softened else of.bend.back(f)
        found.append(_indices(f.reshape(-1, d + 2, n)))
    total, main, variance = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(-total.mean(0), kind="stable")
    ends = [(1 - PROB) / 2, (1 + PROB) / 2]
    table: dict[str, Any] = {}
    for name, values in (("total", total), ("main", main)):
        # Both are shares, which the estimator of a few points may leave by a little.
        values = values.clip(0, 1)[:, order]
        table[name] = ("parameter", values.mean(0))
        table[f"{name}_interval"] = (("parameter", "bound"), np.quantile(values, ends, axis=0).T)
    return xr.Dataset(
        table,
        coords={"parameter": np.array(inputs.names, object)[order].astype(str), "bound": ["lower", "upper"]},
        attrs={
            "prob": PROB,
            "how": of.how,
            "sd": float(np.sqrt(variance.mean())),
            "direction": of.direction,
        },
    )


def _design(inputs: Inputs, n: int, rng: np.random.Generator) -> Points:
    """Return points A and B, and A with each column in turn from B: `((d + 2) n, d)`."""
    d = len(inputs)
    u = qmc.Sobol(2 * d, scramble=True, rng=rng).random_base2(int(np.log2(n)))
    a, b = u[:, :d], u[:, d:]
    sets = [a, b]
    for j in range(d):
        mixed = a.copy()
        mixed[:, j] = b[:, j]
        sets.append(mixed)
    places = np.concatenate(sets)
    for j, column in enumerate(inputs.columns):
        if column.choices:
            places[:, j] = np.minimum(np.floor(places[:, j] * column.choices), column.choices - 1)
    return inputs.snap(places)


def _drawn(of: Fitted, points: Points, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return functions at the points, in softened scores: `(about draws, m)`."""
    mean, cov = of.surrogate.joint(points)
    jitter = JITTER * of.surrogate.scale**2 * np.eye(len(points))
    each = -(-draws // len(mean))
    drawn = []
    for centre, matrix in zip(mean, cov, strict=True):
        root = np.linalg.cholesky(matrix + jitter)
        drawn.append(centre + rng.standard_normal((each, len(points))) @ root.T)
    return np.concatenate(drawn)


def _indices(f: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return total and main indices `(s, d)` and variance `(s,)` of functions at A, B and the mixed sets."""
    a, b, mixed = f[:, 0], f[:, 1], f[:, 2:]
    variance = np.maximum(f[:, :2].reshape(len(f), -1).var(1), np.finfo(float).tiny)
    total = ((a[:, None] - mixed) ** 2).mean(2) / 2
    rest = ((b[:, None] - mixed) ** 2).mean(2) / 2
    return total / variance[:, None], 1 - rest / variance[:, None], variance
