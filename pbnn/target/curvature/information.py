"""Fisher information of families of responses about their own parameters, in closed form where there is one.

For each family a function of the parameters of one response, all together `m` numbers, to `S` `(rank, m)`: the
information is `S'S`. The chain rule, by autodiff, makes of it the information about the network's outputs.
"""

from collections.abc import Callable
from math import pi

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import digamma, gammaln, i0e, i1e, polygamma

Array = jax.Array
EULER = float(np.euler_gamma)
COUNTS = 512
"""Counts over which the information about the dispersion is summed."""


def _diagonal(*entries: Array) -> Array:
    """Return roots of entries, which are 0 where a parameter is known: the slope of the root is infinite there."""
    stacked = jnp.stack(entries)
    known = stacked <= 0
    return jnp.diag(jnp.where(known, 0.0, jnp.sqrt(jnp.where(known, 1.0, stacked))))


def _of_two(first: Array, mixed: Array, second: Array) -> Array:
    """Return the Cholesky factor of a symmetric matrix of two rows, which rounding may have made indefinite."""
    a = jnp.sqrt(jnp.maximum(first, jnp.finfo(first.dtype).tiny))
    b = mixed / a
    c = jnp.sqrt(jnp.maximum(second - b**2, 0.0))
    return jnp.stack([jnp.stack([a, b]), jnp.stack([jnp.zeros_like(c), c])])


def _negative_binomial(log_mu: Array, log_alpha: Array) -> Array:
    """About the mean in closed form; about the dispersion as a sum over counts, each for those up to the next.

    The counts are spaced ever wider, so the sum is exact for the first dozens, and to about 1e-3 beyond.
    """
    mu, alpha = jnp.exp(log_mu), jnp.exp(log_alpha)
    last = mu + 20 * jnp.sqrt(mu + mu**2 / alpha) + 40 * (1 + mu / alpha)
    at = jnp.linspace(0.0, 1.0, COUNTS, dtype=mu.dtype)
    k = jnp.floor(COUNTS * at + jnp.maximum(last - COUNTS, 0.0) * at**3)
    width = jnp.diff(k, append=k[-1:] + 1)
    log_p = gammaln(k + alpha) - gammaln(alpha) - gammaln(k + 1)
    log_p = log_p + k * (log_mu - jnp.logaddexp(log_mu, log_alpha)) - alpha * jnp.log1p(mu / alpha)
    weights = jax.nn.softmax(jnp.where(width > 0, log_p + jnp.log(jnp.maximum(width, 1.0)), -jnp.inf))
    slope = alpha * (digamma(k + alpha) - digamma(alpha) - jnp.log1p(mu / alpha) + (mu - k) / (mu + alpha))
    return _diagonal(jnp.exp(log_mu - jnp.log1p(mu / alpha)), (weights * slope**2).sum())


def _binomial(n: Array, logit: Array) -> Array:
    return _diagonal(jnp.zeros_like(logit), n * jax.nn.sigmoid(logit) * jax.nn.sigmoid(-logit))


def _zero_inflated_poisson(log_rate: Array, logit_zero: Array) -> Array:
    """The score is a number of its own at 0, and linear in the count beyond."""
    rate, zero, other = jnp.exp(log_rate), jax.nn.sigmoid(logit_zero), jax.nn.sigmoid(-logit_zero)
    none = jnp.exp(-rate)
    p0 = jnp.maximum(zero + other * none, jnp.finfo(rate.dtype).tiny)
    a, b = -other * none * rate / p0, -zero * other * jnp.expm1(-rate) / p0
    first = p0 * a**2 + other * (rate - none * rate**2)
    mixed = p0 * a * b - other * zero * rate * none
    second = p0 * b**2 - other * zero**2 * jnp.expm1(-rate)
    return _of_two(first, mixed, second)


def _multinomial(n: Array, logits: Array) -> Array:
    p = jax.nn.softmax(logits)
    about = jnp.sqrt(n * p)[:, None] * (jnp.eye(len(p), dtype=p.dtype) - p)
    return jnp.concatenate([jnp.zeros((len(p), 1), p.dtype), about], axis=1)


def _asymmetric_laplace(mu: Array, sigma: Array, quantile: Array) -> Array:
    return _diagonal(quantile * (1 - quantile) / sigma**2, 1 / sigma**2, jnp.zeros_like(sigma))


def _multivariate_gaussian(mu: Array, cholesky: Array) -> Array:
    """Of the mean the inverse covariance; of the factor `L` half the squared norm of `M + M'`, `M = inv(L) dL`."""
    root = cholesky.reshape(cholesky.shape[-2:])
    k = len(mu)
    inverse = jax.scipy.linalg.solve_triangular(root, jnp.eye(k, dtype=mu.dtype), lower=True)
    change = jnp.einsum("ia,bj->ijab", inverse, jnp.eye(k, dtype=mu.dtype))
    both = (change + jnp.swapaxes(change, 0, 1)).reshape(k * k, k * k) / 2**0.5
    return jax.scipy.linalg.block_diag(inverse, both)


def _von_mises(a: Array, b: Array) -> Array:
    """The Hessian of `log I0` of the length: along the direction, and across it."""
    kappa = jnp.maximum(jnp.hypot(a, b), 1e-6)
    along = jnp.where(jnp.hypot(a, b) > 1e-6, jnp.stack([a, b]) / kappa, jnp.asarray([1.0, 0.0], a.dtype))
    ratio = i1e(kappa) / i0e(kappa)
    u = 1 / jnp.maximum(kappa, 50.0)
    series = u**2 * (1 / 2 + u * (1 / 4 + u * (3 / 8 + u * 25 / 32)))
    radial = jnp.where(kappa < 50.0, 1 - ratio**2 - ratio / kappa, series)
    radial = jnp.where(kappa < 1e-2, 0.5, radial)
    across = jnp.stack([-along[1], along[0]])
    return jnp.stack([jnp.sqrt(jnp.maximum(radial, 0.0)) * along, jnp.sqrt(ratio / kappa) * across])


def _beta(logit: Array, log_precision: Array) -> Array:
    precision = jnp.exp(log_precision)
    m, rest = jax.nn.sigmoid(logit), jax.nn.sigmoid(-logit)
    a, b = precision * m, precision * rest
    of_a, of_b, of_both = polygamma(1, a), polygamma(1, b), polygamma(1, precision)
    spread = precision * m * rest
    # d(a, b) by (logit, log precision) is [[spread, a], [-spread, b]].
    first = spread**2 * (of_a + of_b)
    mixed = spread * (a * of_a - b * of_b)
    second = a**2 * of_a + b**2 * of_b - precision**2 * of_both
    return _of_two(first, mixed, second)


def _gamma(log_mu: Array, log_shape: Array) -> Array:
    shape = jnp.exp(log_shape)
    return _diagonal(shape, shape**2 * polygamma(1, shape) - shape)


def _lognormal(mu: Array, log_sigma: Array) -> Array:
    return _diagonal(jnp.exp(-2 * log_sigma), jnp.full_like(log_sigma, 2.0))


def _weibull(log_scale: Array, log_shape: Array) -> Array:
    shape = jnp.exp(log_shape)
    return _of_two(shape**2, -shape * (1 - EULER), jnp.full_like(shape, pi**2 / 6 + (1 - EULER) ** 2))


ROOTS: dict[str, Callable[..., Array]] = {
    "negative_binomial": _negative_binomial,
    "binomial": _binomial,
    "zero_inflated_poisson": _zero_inflated_poisson,
    "multinomial": _multinomial,
    "asymmetric_laplace": _asymmetric_laplace,
    "multivariate_gaussian": _multivariate_gaussian,
    "von_mises": _von_mises,
    "beta": _beta,
    "gamma": _gamma,
    "lognormal": _lognormal,
    "weibull": _weibull,
    "censored_lognormal": _lognormal,
    "censored_weibull": _weibull,
}
