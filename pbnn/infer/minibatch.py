"""The log density estimated on some of the rows, and how steep and how noisy its gradient is."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from pbnn.infer.programs import Kernel
from pbnn.target import Target

POWER_STEPS = 20
BATCHES = 32
"""On which the noise of the gradient is measured."""

Estimate = Callable[[jax.Array, jax.Array, Any], jax.Array]
"""`(z, key, data)` to an unbiased estimate of the log density, up to a constant."""


def log_density_estimate(target: Target, batch_size: int | None, among: jax.Array | None = None) -> Estimate:
    """Return the estimate on `batch_size` rows, drawn with replacement; None takes all rows, each once.

    The log-likelihood of the rows drawn counts so many times that it stands for all. With `among`, numbers of rows,
    these are all that there are.
    """
    n = target.n_obs if among is None else len(among)
    if batch_size is None:
        if among is None:
            return lambda z, key, data: target.log_density(z, data)
        return lambda z, key, data: target.log_prior(z) + log_likelihood(target, z, data, among).sum()

    def estimate(z: jax.Array, key: jax.Array, data: Any) -> jax.Array:
        rows = jax.random.randint(key, (batch_size,), 0, n)
        rows = rows if among is None else among[rows]
        return target.log_prior(z) + n / batch_size * log_likelihood(target, z, data, rows).sum()

    return estimate


def log_likelihood(target: Target, z: jax.Array, data: Any, rows: jax.Array) -> jax.Array:
    """Return the log-likelihood of some rows `(row,)`."""
    return target.log_likelihood(z, {**data, "x": data["x"][rows], "y": data["y"][rows]})


def measure(target: Target, batch_size: int | None, *, scaled: bool = False) -> Kernel:
    """Return the kernel that measures the estimate at a point `z`.

    Of parameters in units of `scale` it gives `curvature`, the largest absolute eigenvalue of the Hessian (on one
    batch, by power iteration); `noise` and `noise_sum`, the largest eigenvalue and the trace of the covariance of the
    gradient over batches; and `lp`, the log density. `scale` is 1, or if `scaled` the inverse root of the Fisher
    information of each parameter, which the data's gradients show, and the prior's, which is about 1.
    """
    slope = jax.grad(log_density_estimate(target, batch_size))
    rows = batch_size or target.n_obs
    sampled = jax.grad(log_density_estimate(target, rows)) if target.n_obs else None

    def kernel(inputs: Any, data: Any) -> Any:
        z, key = inputs["z"], inputs["key"]
        key_start, key_batch, key_noise = jax.random.split(key, 3)
        scale, noise, noise_sum = jnp.ones_like(z), jnp.zeros((), z.dtype), jnp.zeros((), z.dtype)
        if sampled is not None:
            gradients = jax.lax.map(lambda k: sampled(z, k, data), jax.random.split(key_noise, BATCHES))
            errors = (gradients - gradients.mean(axis=0)) / (BATCHES - 1) ** 0.5
            if scaled:
                fisher = rows / target.n_obs * (errors**2).sum(axis=0)
                scale = 1 / jnp.sqrt(1 + fisher)
            if batch_size is not None:
                errors = errors * scale
                # The other way round the covariance has the same eigenvalues, and is small.
                covariance = errors @ errors.T
                noise, noise_sum = jnp.linalg.eigvalsh(covariance)[-1], jnp.trace(covariance)

        def times_hessian(_: jax.Array, v: jax.Array) -> jax.Array:
            along = scale * v / _norm(v)
            return scale * jax.jvp(lambda z: slope(z, key_batch, data), (z,), (along,))[1]

        v = jax.lax.fori_loop(0, POWER_STEPS, times_hessian, jax.random.normal(key_start, z.shape, z.dtype))
        found = {"curvature": _norm(v), "noise": noise, "noise_sum": noise_sum, "scale": scale}
        return {**found, "lp": target.log_density(z, data)}

    return kernel


def _norm(v: jax.Array) -> jax.Array:
    return jnp.sqrt((v**2).sum())
