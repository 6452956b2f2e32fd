"""The posterior mode of a surrogate's hyperparameters."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_solve
from scipy.optimize import minimize

from pbnn.search.gp import Rows, covariance_of_scores
from pbnn.search.hyperparameters import prior_of_mode, unpack
from pbnn.threads import one_blas_thread

REACH = 5.0
"""The climb stays within so many standard deviations of the prior."""
MOSTLY, ALWAYS = 32, 200
"""From so many observations on the climb from an earlier mode, which one score more moves little, has to do."""
AFRESH = 5
"""As long as it only mostly has to: if their number is a multiple of this, or so many came at once, it does not."""
WALL = 1e10
"""The loss where a covariance cannot be factored."""
ENOUGH = 1e-6
"""A climb ends when a step gains less than this part of the loss: far less than a choice of the next trial notices."""


@jax.custom_vjp
def gaussian_loss(k: jax.Array, residual: jax.Array) -> jax.Array:
    """Return the negative log density of a centred normal, without its constant.

    The slope is written by hand: half the inverse less an outer product, where differentiating a Cholesky factor takes
    twice the time.
    """
    return _loss(k, residual)[0]


def _loss(k: jax.Array, residual: jax.Array) -> tuple[jax.Array, Any]:
    chol = jnp.linalg.cholesky(k)
    alpha = cho_solve((chol, True), residual)
    return 0.5 * residual @ alpha + jnp.log(jnp.diag(chol)).sum(), (chol, alpha)


def _loss_slope(kept: Any, dot: jax.Array) -> tuple[jax.Array, jax.Array]:
    chol, alpha = kept
    inverse = cho_solve((chol, True), jnp.eye(len(alpha)))
    return dot * 0.5 * (inverse - alpha[:, None] * alpha), dot * alpha


gaussian_loss.defvjp(_loss, _loss_slope)


def log_likelihood(theta: jax.Array, rows: Rows) -> jax.Array:
    """Return the log density of the standardised scores, given hyperparameters `(p,)`."""
    _, k = covariance_of_scores(theta, rows)
    residual = jnp.where(rows.mask, rows.y - unpack(theta, rows.layout).mean, 0.0)
    return -gaussian_loss(k, residual) - 0.5 * rows.mask.sum() * jnp.log(2 * jnp.pi)


@jax.jit
def _loss_and_slope(
    u: jax.Array, loc: jax.Array, scale: jax.Array, rows: Rows
) -> tuple[jax.Array, jax.Array]:
    """Return the negative log posterior and its slope in units of the prior."""

    def loss(u: jax.Array) -> jax.Array:
        return 0.5 * (u**2).sum() - log_likelihood(loc + scale * u, rows)

    return jax.value_and_grad(loss)(u)


def climb(
    rows: Rows, seed: int, begin: np.ndarray | None = None, seen: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Climb to the posterior mode by L-BFGS; return it `(1, p)`, and its log posterior `(1,)`.

    The climb begins at the mean of an earlier fit, or else of the prior, and at a place drawn at random, which is left
    out of most fits after earlier ones to nearly as many observations.

    Parameters
    ----------
    rows
        Observations.
    seed
        Of the place drawn at random.
    begin
        Hyperparameters `(h, p)` of an earlier fit, if any.
    seen
        How many observations that had.
    """
    centre, scale = prior_of_mode(rows.layout)
    p, n = len(centre), int(rows.mask.sum())
    last = None
    if begin is not None and begin.shape[-1] == p:
        last = np.clip((begin.mean(0) - centre) / scale, -REACH, REACH)
    first = np.zeros(p) if last is None else last
    afresh = np.random.default_rng(seed).normal(size=p)
    enough = n >= ALWAYS or (n >= MOSTLY and n % AFRESH and n - seen < AFRESH)

    def loss(u: np.ndarray) -> tuple[float, np.ndarray]:
        with jax.enable_x64(True):
            value, slope = _loss_and_slope(u, centre, scale, on_device)
        value, slope = float(value), np.asarray(slope)
        # A wall that the line search steps back from.
        return (value, slope) if np.isfinite(value) and np.isfinite(slope).all() else (WALL, np.zeros(p))

    with jax.enable_x64(True):
        on_device = jax.device_put(rows)
    options = {"maxiter": 100, "ftol": ENOUGH, "gtol": 1e-3}
    bounds = [(-REACH, REACH)] * p
    with one_blas_thread():
        best = minimize(loss, first, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        if last is None or not enough or best.fun >= WALL:
            other = minimize(loss, afresh, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
            best = min(best, other, key=lambda f: f.fun)
    return (centre + scale * best.x)[None], np.array([-best.fun])
