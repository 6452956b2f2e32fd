"""The kernel of a search: Matérn-5/2 of one distance between points of any kind."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pbnn.search.hyperparameters import unpack, warped
from pbnn.search.inputs import Layout

EDGE = 1e-6
"""The warping stays this far from 0 and 1, where its slope may be infinite."""
ONE = 1e-14
"""Points at a squared distance of this part of their own are one: more than rounding, and less than a thousandth of the
space at any length scale that a fit may reach."""


def embed(theta: jax.Array, x: jax.Array, active: jax.Array, layout: Layout) -> jax.Array:
    """Map points to a Euclidean space, where their distance is that of the kernel: `(n, d)` to `(n, e)`.

    - A number becomes `(warped(x) - 0.5) / length`; the warping is the distribution function of Kumaraswamy's
      distribution, `1 - (1 - x^a)^b`.
    - A category becomes one coordinate per choice, so that two that differ are `1 / length` apart (Hamming).
    - A parameter that is not active becomes 0, so its value does not matter; columns that are active together have one
      coordinate more, `1 / length` where active: the distance between having them and not.

    So every kernel of this distance that is positive definite in Euclidean space is positive definite on the mixed and
    conditional space.

    References
    ----------
    Snoek, Swersky, Zemel & Adams (2014), arXiv:1402.0929; Swersky, Duvenaud, Snoek, Hutter & Osborne (2014), Raiders of
    the lost architecture: kernels for Bayesian optimization in conditional parameter spaces, arXiv:1409.4011.
    """
    h = unpack(theta, layout)
    rate = jnp.exp(-h.log_length)
    x = jnp.asarray(x)
    on = jnp.asarray(active).astype(x.dtype)
    parts = []
    if numeric := list(layout.numeric):
        columns = x[:, numeric]
        if shaped := np.flatnonzero(np.isin(numeric, warped(layout))).tolist():
            inner = EDGE + (1 - 2 * EDGE) * columns[:, shaped]
            # 1 - (1 - x^a)^b by logarithms, which keep the digits near the ends.
            power = -jnp.expm1(jnp.exp(h.log_a) * jnp.log(inner))
            columns = columns.at[:, shaped].set(-jnp.expm1(jnp.exp(h.log_b) * jnp.log(power)))
        parts.append((columns - 0.5) * rate[jnp.array(numeric)] * on[:, numeric])
    for j in layout.categorical:
        choice = jax.nn.one_hot(jnp.round(x[:, j]).astype(int), layout.choices[j], dtype=x.dtype)
        parts.append(choice * (rate[j] / 2**0.5) * on[:, j, None])
    if layout.gates:
        parts.append(on[:, list(layout.gates)] * rate[len(layout.choices) :])
    return jnp.concatenate(parts, axis=1)


def covariance(theta: jax.Array, a: jax.Array, b: jax.Array, layout: Layout) -> jax.Array:
    """Return the covariance of the function between embedded points `(n, e)` and `(m, e)`: `(n, m)`.

    Where scores are told by parts, the function is the mean score over all parts, and includes the mean of what each
    point has of its own there (`covariance_on_a_part`).
    """
    smooth, same = kernels(theta, a, b, layout)
    if not layout.parts:
        return smooth
    return smooth + jnp.exp(unpack(theta, layout).log_nugget) / layout.parts * same


def kernels(theta: jax.Array, a: jax.Array, b: jax.Array, layout: Layout) -> tuple[jax.Array, jax.Array]:
    """Return the smooth part of the function's covariance, and whether two points are one: `(n, m)` both."""
    # One product rather than n x m differences: the table of those would be e times as large.
    size = (a**2).sum(1)[:, None] + (b**2).sum(1)
    square = jnp.maximum(size - 2 * a @ b.T, 0.0)
    return jnp.exp(unpack(theta, layout).log_amplitude) * matern52(square), square <= ONE * (1 + size)


def variance(theta: jax.Array, layout: Layout) -> jax.Array:
    """Return the variance of the function at any point, before anything is told."""
    h = unpack(theta, layout)
    return jnp.exp(h.log_amplitude) + (jnp.exp(h.log_nugget) / layout.parts if layout.parts else 0.0)


def covariance_on_a_part(theta: jax.Array, a: jax.Array, b: jax.Array, layout: Layout) -> jax.Array:
    """Return the covariance of what one part adds, between embedded points `(n, e)` and `(m, e)`: `(n, m)`.

    A part adds to all scores alike, smoothly by the point (by the kernel of the function, scaled: a model of
    coregionalisation), and to each point by itself. Over all parts this sums to nothing: the function is their mean.

    References
    ----------
    Álvarez, Rosasco & Lawrence (2012), Kernels for vector-valued functions, 10.1561/2200000036, section 4.2; Swersky,
    Snoek & Adams (2013), Multi-task Bayesian optimization, NeurIPS 26, whose tasks may be folds.
    """
    h = unpack(theta, layout)
    smooth, same = kernels(theta, a, b, layout)
    return jnp.exp(h.log_common) + jnp.exp(h.log_own) * smooth + jnp.exp(h.log_nugget) * same


def variance_on_a_part(theta: jax.Array, layout: Layout) -> jax.Array:
    """Return the variance of what one part adds, at any point."""
    h = unpack(theta, layout)
    return jnp.exp(h.log_common) + jnp.exp(h.log_own + h.log_amplitude) + jnp.exp(h.log_nugget)


@jax.custom_jvp
def matern52(square: Any) -> jax.Array:
    """Return the Matérn-5/2 correlation of a squared distance; smooth in it, at zero too, and so are its slopes."""
    r = jnp.sqrt(5 * square)
    return (1 + r + r**2 / 3) * jnp.exp(-r)


@jax.custom_jvp
def _slope(square: Any) -> jax.Array:
    r = jnp.sqrt(5 * square)
    return -5 / 6 * (1 + r) * jnp.exp(-r)


# By hand, for the square root has no derivative at zero, where the correlation has.
matern52.defjvps(lambda dot, _, square: _slope(square) * dot)
_slope.defjvps(lambda dot, _, square: 25 / 12 * jnp.exp(-jnp.sqrt(5 * square)) * dot)
