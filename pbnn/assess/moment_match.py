"""Draws moved to where the posterior without a row is, until they can be reweighted to it."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import xarray as xr
from scipy.special import logsumexp

from pbnn.assess.elpd import error_of_sum
from pbnn.assess.psis import smooth_weights
from pbnn.errors import ModelError
from pbnn.graph.build import BNN
from pbnn.target import Data, Target

ROUNDS = 30
DRAWS_A_VARIABLE = 10
"""With fewer draws a covariance is too noisy to move them by."""
BATCH = 64

Densities = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""The log posterior density of draws `(draw, dim)`, and the log-likelihood of the row in it: `(draw,)` each."""


def matched(
    bnn: BNN, idata: xr.DataTree, X: np.ndarray, y: np.ndarray, rows: np.ndarray, threshold: float
) -> dict[int, dict[str, float]]:
    """Return `elpd`, `mcse` and `pareto_k` of those rows whose k came below the threshold.

    Paananen, Piironen, Bürkner & Vehtari (2021), 10.1007/s11222-020-09982-2, algorithm 2.

    Raises
    ------
    ModelError
        If the draws are those of an approximation.
    """
    if idata.attrs.get("sampling") == "approximate":
        raise ModelError(
            "loo: moment_match moves draws of the posterior, and these are of an approximation to it; pass refit=True."
        )
    target = Target.of(bnn)
    z = np.asarray(target.draws(idata["posterior"].to_dataset())).reshape(-1, target.dim)
    whole = target.bind_encoded(X, y)
    density, likelihood = target.once("matched", lambda: _compiled(target))
    found = {}
    for row in rows:
        one = target.bind_encoded(X[[row]], y[[row]])

        def densities(z: np.ndarray, one: Data = one) -> tuple[np.ndarray, np.ndarray]:
            with target.scope():
                return np.asarray(density(z, whole)), np.asarray(likelihood(z, one))

        best = _match(z, densities, threshold, idata["posterior"].sizes["chain"])
        if best["pareto_k"] <= threshold:
            found[int(row)] = best
    return found


def _compiled(target: Target) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def density(draws: Any, data: Data) -> Any:
        return jax.lax.map(lambda z: target.log_density(z, data), draws, batch_size=BATCH)

    def likelihood(draws: Any, data: Data) -> Any:
        return jax.lax.map(lambda z: target.log_likelihood(z, data).sum(), draws, batch_size=BATCH)

    return jax.jit(density), jax.jit(likelihood)


def _match(z: np.ndarray, densities: Densities, threshold: float, chains: int) -> dict[str, float]:
    """Move draws by affine maps `z -> scale z + shift`, keep each that lowers k, and weigh the result."""
    full = len(z) > DRAWS_A_VARIABLE * z.shape[1]
    scale, shift = (np.eye(z.shape[1]) if full else np.ones(z.shape[1])), np.zeros(z.shape[1])
    moves = (_to_mean, _to_variance, _to_covariance) if full else (_to_mean, _to_variance)
    start, _ = densities(z)
    moved, (weights, k) = z, _weights(*densities(z), start)
    for _ in range(ROUNDS):
        if k <= threshold:
            break
        for move in moves:
            step, offset = move(moved, weights)
            trial = _apply(step, moved) + offset
            trial_weights, trial_k = _weights(*densities(trial), start)
            if trial_k < k:
                moved, weights, k = trial, trial_weights, trial_k
                scale, shift = _compose(step, scale), _apply(step, shift) + offset
                break
        else:
            break
    return _split(z, moved, start, scale, shift, densities, chains)


def _weights(log_density: np.ndarray, own: np.ndarray, log_q: np.ndarray) -> tuple[np.ndarray, float]:
    """Return weights of draws for the posterior without the row, and their k; `log_q` is known up to a constant."""
    log_weights, k = smooth_weights((log_density - own - log_q)[None])
    return np.exp(log_weights[0]), float(k[0])


def _split(
    z: np.ndarray,
    moved: np.ndarray,
    start: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    densities: Densities,
    chains: int,
) -> dict[str, float]:
    """Weigh one half of the draws moved, and the other as it was, by the mixture from which they then come.

    So there are draws where the posterior without the row is, and where its likelihood is largest.
    """
    half = np.arange(len(z)) % 2 == 0
    draws = np.where(half[:, None], moved, z)
    log_density, own = densities(draws)
    back = _apply_inverse(scale, z - shift)
    # The density of a moved draw is that of the draw it came from, divided by the volume that the map makes of one.
    at_source = np.where(half, start, densities(back)[0]) - _log_volume(scale)
    log_weights, k = smooth_weights((log_density - own - np.logaddexp(log_density, at_source))[None])
    elpd = float(logsumexp(log_weights[0] + own))
    error = np.exp(log_weights[0]) * np.expm1(own - elpd)
    mcse = float(error_of_sum(error[None], chains)[0])
    return {"elpd": elpd, "mcse": mcse, "pareto_k": float(k[0])}


# ---------------------------------------------------------------- affine maps, whose scale is a vector or a matrix


def _apply(scale: np.ndarray, z: np.ndarray) -> np.ndarray:
    return scale * z if scale.ndim == 1 else z @ scale.T


def _apply_inverse(scale: np.ndarray, z: np.ndarray) -> np.ndarray:
    return z / scale if scale.ndim == 1 else np.linalg.solve(scale, z.T).T


def _compose(step: np.ndarray, scale: np.ndarray) -> np.ndarray:
    if scale.ndim == 1:
        return step * scale
    return (np.diag(step) if step.ndim == 1 else step) @ scale


def _log_volume(scale: np.ndarray) -> float:
    return float(np.log(np.abs(scale)).sum() if scale.ndim == 1 else np.linalg.slogdet(scale)[1])


def _to_mean(z: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.ones(z.shape[1]), weights @ z - z.mean(axis=0)


def _to_variance(z: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean, target = z.mean(axis=0), weights @ z
    scale = np.sqrt(weights @ (z - target) ** 2 / z.var(axis=0))
    return scale, target - scale * mean


def _to_covariance(z: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean, target = z.mean(axis=0), weights @ z
    ridge = 1e-10 * np.diag(z.var(axis=0))
    wanted = np.linalg.cholesky((z - target).T @ (weights[:, None] * (z - target)) + ridge)
    scale = wanted @ np.linalg.inv(np.linalg.cholesky(np.cov(z.T, bias=True).reshape(ridge.shape) + ridge))
    return scale, target - scale @ mean
