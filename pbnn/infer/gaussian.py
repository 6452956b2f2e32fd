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
    """Any covariance, by its Cholesky factor: `log_sd` on the diagonal, `lower` below it."""

    def factor(params: Params) -> jax.Array:
        return jnp.tril(params["lower"], -1) + jnp.diag(jnp.exp(params["log_sd"]))

    def init(mean: jax.Array) -> Params:
        d = mean.shape[0]
        return {
            "mean": mean,
            "log_sd": jnp.full_like(mean, FIRST_LOG_SD),
            "lower": jnp.zeros((d, d), mean.dtype),
        }

    def sample(params: Params, key: jax.Array) -> jax.Array:
        mean = params["mean"]
        return mean + factor(params) @ jax.random.normal(key, mean.shape, mean.dtype)

    def log_density(params: Params, z: jax.Array) -> jax.Array:
        white = solve_triangular(factor(params), z - params["mean"], lower=True)
        return _standard_normal(white) - params["log_sd"].sum()

    return Family(init, sample, log_density)


def lowrank(rank: int) -> Family:
    """Covariance `diag(sd**2) + U U'` with `U` `(d, rank)` (Ong et al. 2018, 10.1080/10618600.2017.1390472)."""

    def init(mean: jax.Array) -> Params:
        d = mean.shape[0]
        # Not zero: at U = 0 the gradient of U is zero as well.
        columns = 0.01 * jax.random.normal(jax.random.PRNGKey(0), (d, min(rank, d)), mean.dtype)
        return {"mean": mean, "log_sd": jnp.full_like(mean, FIRST_LOG_SD), "columns": columns}

    def sample(params: Params, key: jax.Array) -> jax.Array:
        mean, columns = params["mean"], params["columns"]
        key_sd, key_columns = jax.random.split(key)
        noise = jnp.exp(params["log_sd"]) * jax.random.normal(key_sd, mean.shape, mean.dtype)
        return mean + noise + columns @ jax.random.normal(key_columns, columns.shape[1:], mean.dtype)

    def log_density(params: Params, z: jax.Array) -> jax.Array:
        # With V = diag(1/sd) U: the inverse by Woodbury's identity, the determinant by Sylvester's.
        scaled = params["columns"] * jnp.exp(-params["log_sd"])[:, None]
        white = (z - params["mean"]) * jnp.exp(-params["log_sd"])
        inner = jnp.eye(scaled.shape[1], dtype=z.dtype) + scaled.T @ scaled
        chol = jnp.linalg.cholesky(inner)
        projected = solve_triangular(chol, scaled.T @ white, lower=True)
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
