"""Closed forms of what a Gaussian may gain over a threshold, as logarithms that stay finite far in the tail."""

import jax
import jax.numpy as jnp
from jax.scipy.special import log_ndtr

TAIL = -20.0
"""Below, JAX takes a series for the normal tail, too short for the difference that is needed here: ours is longer."""
HALF_LOG_2PI = 0.9189385332046727


@jax.custom_jvp
def log_h(z: jax.Array) -> jax.Array:
    """Return `log(phi(z) + z Phi(z))`, the logarithm of the expected positive part of `z + N(0, 1)`.

    References
    ----------
    Ament, Daulton, Eriksson, Balandat & Bakshy (2023), Unexpected improvements to expected improvement for Bayesian
    optimization, arXiv:2310.20708.
    """
    high, middle, low = jnp.maximum(z, -1.0), jnp.clip(z, TAIL, -1.0), jnp.minimum(z, TAIL)
    near = jnp.log(_density(high) + high * jnp.exp(log_ndtr(high)))
    mills = jnp.exp(log_ndtr(middle) + middle**2 / 2 + HALF_LOG_2PI)
    between = _log_density(middle) + jnp.log1p(middle * mills)
    u = low**-2
    far = (
        _log_density(low)
        + jnp.log(u)
        + jnp.log1p(-3 * u * (1 - 5 * u * (1 - 7 * u * (1 - 9 * u * (1 - 11 * u)))))
    )
    return jnp.where(z > -1.0, near, jnp.where(z > TAIL, between, far))


@log_h.defjvp
def _log_h_jvp(primals: tuple, tangents: tuple) -> tuple:
    """Use `h' = Phi`: the branches would be differentiated one by one, and the middle one loses its digits."""
    (z,), (dz,) = primals, tangents
    value = log_h(z)
    return value, dz * jnp.exp(log_ndtr(z) - value)


def log_ei(mean: jax.Array, sd: jax.Array, best: jax.Array) -> jax.Array:
    """Return the logarithm of the expected improvement `E max(f - best, 0)` of `f ~ N(mean, sd^2)`.

    Its gradient is finite wherever `mean` and `sd` are, also where the improvement itself is below the smallest float.

    References
    ----------
    Ament et al. (2023), arXiv:2310.20708; Jones, Schonlau & Welch (1998), 10.1023/A:1008306431147.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> round(float(log_ei(jnp.array(0.0), jnp.array(1.0), jnp.array(0.0))), 4)  # log(1 / sqrt(2 pi))
    -0.9189
    >>> bool(jnp.isfinite(jax.grad(log_ei)(-60.0, 1.0, 0.0)))
    True
    """
    return log_h((mean - best) / sd) + jnp.log(sd)


def log_ei_between(mean: jax.Array, sd: jax.Array, low: jax.Array, high: jax.Array) -> jax.Array:
    """Return `log E[max(f - low, 0) - max(f - high, 0)]`: how much of `low` to `high` lies below `f`; -inf if none."""
    above, further = log_ei(mean, sd, low), log_ei(mean, sd, jnp.where(jnp.isinf(high), low, high))
    some = jnp.where(jnp.isinf(high), False, high > low)
    step = jnp.where(some, jnp.minimum(further - above, -1e-15), -1.0)
    part = above + jnp.log(-jnp.expm1(step))
    return jnp.where(jnp.isinf(high), above, jnp.where(some, part, -jnp.inf))


def log_pi(mean: jax.Array, sd: jax.Array, best: jax.Array) -> jax.Array:
    """Return the logarithm of the probability of improvement `P(f > best)` (Kushner 1964, 10.1115/1.3653121)."""
    return log_ndtr((mean - best) / sd)


def log_mes(mean: jax.Array, sd: jax.Array, maxima: jax.Array) -> jax.Array:
    """Return the logarithm of the information that a noise-free look at `f` has about the maximum of the function.

    Parameters
    ----------
    mean, sd
        Of `f`, any shape.
    maxima
        Draws of the maximum, one more axis at the end than `mean`.

    References
    ----------
    Wang & Jegelka (2017), Max-value entropy search for efficient Bayesian optimization, arXiv:1703.01968, equation 6.
    """
    gamma = (maxima - mean[..., None]) / sd[..., None]
    log_cdf = log_ndtr(gamma)
    # gamma phi / (2 Phi) - log Phi, which falls to zero like gamma phi / 2 and must not become negative by rounding.
    gain = gamma * jnp.exp(_log_density(gamma) - log_cdf) / 2 - log_cdf
    return jnp.log(jnp.maximum(gain.mean(-1), 1e-300))


def _log_density(z: jax.Array) -> jax.Array:
    return -(z**2) / 2 - HALF_LOG_2PI


def _density(z: jax.Array) -> jax.Array:
    return jnp.exp(_log_density(z))
