"""Draws from the families of responses, in JAX: one function for each, of a key and the parameters."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array
STRAIGHT = 1e8
"""Concentration above which a von Mises distribution is normal, to eight digits."""


def _negative_binomial(key: Array, log_mu: Array, log_alpha: Array) -> Array:
    log_mu, log_alpha = jnp.broadcast_arrays(log_mu, log_alpha)
    of_rate, of_count = jax.random.split(key)
    log_rate = log_mu - log_alpha + jax.random.loggamma(of_rate, jnp.exp(log_alpha))
    return jax.random.poisson(of_count, jnp.exp(log_rate))


def _binomial(key: Array, n: Array, logit: Array) -> Array:
    p = jax.nn.sigmoid(logit)
    return jax.random.binomial(key, jnp.asarray(n, p.dtype), p)


def _zero_inflated_poisson(key: Array, log_rate: Array, logit_zero: Array) -> Array:
    of_zero, of_count = jax.random.split(key)
    zero = jax.random.bernoulli(of_zero, jax.nn.sigmoid(logit_zero))
    return jnp.where(zero, 0, jax.random.poisson(of_count, jnp.exp(log_rate)))


def _multinomial(key: Array, n: Array, logits: Array) -> Array:
    """One class after the other: of those left, a binomial number."""
    p = jax.nn.softmax(logits, axis=-1)
    rest = jnp.cumsum(p[..., ::-1], axis=-1)[..., ::-1]
    left = jnp.broadcast_to(jnp.asarray(n, p.dtype), p.shape[:-1])
    counts = []
    for i, own in enumerate(jax.random.split(key, p.shape[-1] - 1)):
        share = jnp.clip(p[..., i] / jnp.maximum(rest[..., i], 1e-30), 0.0, 1.0)
        counts.append(jax.random.binomial(own, left, share))
        left = left - counts[-1]
    return jnp.stack([*counts, left], axis=-1)


def _ordinal(key: Array, f: Array, cutpoints: Array) -> Array:
    noisy = f + jax.random.logistic(key, f.shape, f.dtype)
    return (noisy[..., None] > cutpoints).sum(axis=-1)


def _asymmetric_laplace(key: Array, mu: Array, sigma: Array, quantile: Array) -> Array:
    up, down = jax.random.exponential(key, (2, *mu.shape), mu.dtype)
    return mu + sigma * (up / quantile - down / (1 - quantile))


def _mixture(key: Array, logits: Array, mu: Array, log_sigma: Array) -> Array:
    of_component, of_value = jax.random.split(key)
    chosen = jax.random.categorical(of_component, logits)[..., None]
    mean, spread = (jnp.take_along_axis(v, chosen, axis=-1)[..., 0] for v in (mu, jnp.exp(log_sigma)))
    return mean + spread * jax.random.normal(of_value, mean.shape, mean.dtype)


def _multivariate_gaussian(key: Array, mu: Array, cholesky: Array) -> Array:
    return mu + jax.random.normal(key, mu.shape, mu.dtype) @ cholesky.reshape(cholesky.shape[-2:]).T


def _von_mises(key: Array, a: Array, b: Array) -> Array:
    """By rejection from a wrapped Cauchy distribution (Best & Fisher 1979, 10.2307/2346732)."""
    kappa = jnp.clip(jnp.hypot(a, b), 1e-6, STRAIGHT)
    tau = 1 + jnp.sqrt(1 + 4 * kappa**2)
    rho = (tau - jnp.sqrt(2 * tau)) / (2 * kappa)
    r = jnp.where(kappa < 1e-3, 1 / kappa, (1 + rho**2) / (2 * rho))

    def propose(state: Any) -> Any:
        key, found, done = state
        key, own = jax.random.split(key)
        u = jax.random.uniform(own, (3, *kappa.shape), kappa.dtype, minval=jnp.finfo(kappa.dtype).tiny)
        z = jnp.cos(jnp.pi * u[0])
        f = (1 + r * z) / (r + z)
        c = kappa * (r - f)
        fits = (c * (2 - c) > u[1]) | (jnp.log(c / u[1]) + 1 >= c)
        angle = jnp.where(u[2] > 0.5, 1, -1) * jnp.arccos(jnp.clip(f, -1.0, 1.0))
        return key, jnp.where(done, found, angle), done | fits

    start = (key, jnp.zeros_like(kappa), jnp.isnan(kappa))
    _, turned, _ = jax.lax.while_loop(lambda state: ~state[2].all(), propose, start)
    angle = turned + jnp.arctan2(b, a)
    return jnp.arctan2(jnp.sin(angle), jnp.cos(angle))


def _beta(key: Array, logit: Array, log_precision: Array) -> Array:
    logit, log_precision = jnp.broadcast_arrays(logit, log_precision)
    of_a, of_b = jax.random.split(key)
    a = jax.random.loggamma(of_a, jnp.exp(log_precision + jax.nn.log_sigmoid(logit)))
    b = jax.random.loggamma(of_b, jnp.exp(log_precision + jax.nn.log_sigmoid(-logit)))
    eps = jnp.finfo(a.dtype)
    return jnp.clip(jax.nn.sigmoid(a - b), eps.tiny, 1 - eps.epsneg)


def _gamma(key: Array, log_mu: Array, log_shape: Array) -> Array:
    log_mu, log_shape = jnp.broadcast_arrays(log_mu, log_shape)
    return jnp.exp(log_mu - log_shape + jax.random.loggamma(key, jnp.exp(log_shape)))


def _lognormal(key: Array, mu: Array, log_sigma: Array) -> Array:
    return jnp.exp(mu + jnp.exp(log_sigma) * jax.random.normal(key, mu.shape, mu.dtype))


def _weibull(key: Array, log_scale: Array, log_shape: Array) -> Array:
    hazard = jax.random.exponential(key, log_scale.shape, log_scale.dtype)
    return jnp.exp(log_scale + jnp.log(hazard) * jnp.exp(-log_shape))


def _known(draw: Callable[..., Array]) -> Callable[..., Array]:
    """Return draws as rows `(lower, upper, entry)` of times that are known and were watched from 0."""

    def rows(key: Array, *parameters: Array) -> Array:
        time = draw(key, *parameters)
        return jnp.stack([time, time, jnp.zeros_like(time)], axis=-1)

    return rows


DRAWS: dict[str, Callable[..., Array]] = {
    "negative_binomial": _negative_binomial,
    "binomial": _binomial,
    "zero_inflated_poisson": _zero_inflated_poisson,
    "multinomial": _multinomial,
    "ordinal": _ordinal,
    "asymmetric_laplace": _asymmetric_laplace,
    "mixture": _mixture,
    "multivariate_gaussian": _multivariate_gaussian,
    "von_mises": _von_mises,
    "beta": _beta,
    "gamma": _gamma,
    "lognormal": _lognormal,
    "weibull": _weibull,
    "censored_lognormal": _known(_lognormal),
    "censored_weibull": _known(_weibull),
}


def draw_on_host(
    name: str,
    rng: np.random.Generator,
    parameters: Sequence[np.ndarray],
    ndims: Sequence[int],
    size: tuple[int, ...] | None,
) -> np.ndarray:
    """Draw with NumPy's generator, for PyMC; `ndims` are the numbers of core dims of the parameters."""
    with jax.enable_x64(True):
        key = jax.random.key(rng.integers(2**32))
        if size is None:
            batches = [np.shape(p)[: np.ndim(p) - n] for p, n in zip(parameters, ndims, strict=True)]
            size = np.broadcast_shapes(*batches)
        whole = [
            np.broadcast_to(p, (*size, *np.shape(p)[np.ndim(p) - n :])) if n < 2 else p
            for p, n in zip(parameters, ndims, strict=True)
        ]
        return np.asarray(DRAWS[name](key, *map(jnp.asarray, whole)))
