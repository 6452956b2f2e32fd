"""Gaussian families for variational inference: how each starts, draws, and weighs a point."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log, pi
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular

Params = dict[str, jax.Array]
FIRST_LOG_SD = -2.0


@dataclass(frozen=True, slots=True)
class Family:
    """A family of Gaussians on `R^d`.

    Attributes
    ----------
    init
        `mean (d,)` to parameters: a narrow Gaussian around it.
    sample
        `(params, key)` to a draw `(d,)`, differentiable in the parameters.
    log_density
        `(params, z)` to the log density at `z`.
    """

    init: Callable[[jax.Array], Params]
    sample: Callable[[Params, jax.Array], jax.Array]
    log_density: Callable[[Params, jax.Array], jax.Array]


def meanfield() -> Family:
    """Independent components: `mean` and `log_sd`."""

    def init(mean: jax.Array) -> Params:
        return {"mean": mean, "log_sd": jnp.full_like(mean, FIRST_LOG_SD)}

    def sample(params: Params, key: jax.Array) -> jax.Array:
        mean = params["mean"]
        return mean + jnp.exp(params["log_sd"]) * jax.random.normal(key, mean.shape, mean.dtype)

    def log_density(params: Params, z: jax.Array) -> jax.Array:
        white = (z - params["mean"]) * jnp.exp(-params["log_sd"])
        return _standard_normal(white) - params["log_sd"].sum()

    return Family(init, sample, log_density)


def fullrank() -> Family:
    """Any covariance: `sd * (I + C / sqrt(d))` is its Cholesky factor, with `C` strictly lower triangular.

    Relative to the standard deviations, and by `sqrt(d)`, so that a step of the optimiser in all of `C` moves a draw no
    further than one in `log_sd`.
    """

    def unit_factor(params: Params) -> jax.Array:
        lower = params["lower"]
        d = lower.shape[0]
        return jnp.eye(d, dtype=lower.dtype) + jnp.tril(lower, -1) / d**0.5

    def init(mean: jax.Array) -> Params:
        d = mean.shape[0]
        return {
            "mean": mean,
            "log_sd": jnp.full_like(mean, FIRST_LOG_SD),
            "lower": jnp.zeros((d, d), mean.dtype),
        }

    def sample(params: Params, key: jax.Array) -> jax.Array:
        mean = params["mean"]
        white = jax.random.normal(key, mean.shape, mean.dtype)
        return mean + jnp.exp(params["log_sd"]) * (unit_factor(params) @ white)

    def log_density(params: Params, z: jax.Array) -> jax.Array:
        scaled = (z - params["mean"]) * jnp.exp(-params["log_sd"])
        white = solve_triangular(unit_factor(params), scaled, lower=True, unit_diagonal=True)
        return _standard_normal(white) - params["log_sd"].sum()

    return Family(init, sample, log_density)


def lowrank(rank: int) -> Family:
    """Covariance `sd * (I + C C' / d) * sd` with `C` `(d, rank)` (Ong et al. 2018, 10.1080/10618600.2017.1390472)."""

    def scaled_columns(params: Params) -> jax.Array:
        columns = params["columns"]
        return columns / columns.shape[0] ** 0.5

    def init(mean: jax.Array) -> Params:
        d = mean.shape[0]
        # Not zero: at C = 0 the gradient of C is zero as well.
        columns = 0.1 * jax.random.normal(jax.random.PRNGKey(0), (d, min(rank, d)), mean.dtype)
        return {"mean": mean, "log_sd": jnp.full_like(mean, FIRST_LOG_SD), "columns": columns}

    def sample(params: Params, key: jax.Array) -> jax.Array:
        mean, columns = params["mean"], scaled_columns(params)
        key_unit, key_columns = jax.random.split(key)
        noise = jax.random.normal(key_unit, mean.shape, mean.dtype)
        noise = noise + columns @ jax.random.normal(key_columns, columns.shape[1:], mean.dtype)
        return mean + jnp.exp(params["log_sd"]) * noise

    def log_density(params: Params, z: jax.Array) -> jax.Array:
        # The inverse of I + C C' by Woodbury's identity, its determinant by Sylvester's.
        columns = scaled_columns(params)
        white = (z - params["mean"]) * jnp.exp(-params["log_sd"])
        inner = jnp.eye(columns.shape[1], dtype=z.dtype) + columns.T @ columns
        chol = jnp.linalg.cholesky(inner)
        projected = solve_triangular(chol, columns.T @ white, lower=True)
        log_det = jnp.log(jnp.diagonal(chol)).sum()
        return _standard_normal(white) + 0.5 * (projected**2).sum() - log_det - params["log_sd"].sum()

    return Family(init, sample, log_density)


def _standard_normal(white: jax.Array) -> jax.Array:
    return -0.5 * ((white**2).sum() + white.size * log(2 * pi))


FAMILIES: dict[str, Callable[[Any], Family]] = {
    "meanfield": lambda method: meanfield(),
    "fullrank": lambda method: fullrank(),
    "lowrank": lambda method: lowrank(method.rank),
}
