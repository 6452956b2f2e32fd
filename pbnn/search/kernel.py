"""The kernel of a search: Matérn-5/2 of one distance between points of any kind."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pbnn.search.hyperparameters import unpack, warped
from pbnn.search.inputs import Layout

EDGE = 1e-6
"""The warping stays this far from 0 and 1, where its slope may be infinite."""


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
    """Return the covariance of the function between embedded points `(n, e)` and `(m, e)`: `(n, m)`."""
    # One product rather than n x m differences: the table of those would be e times as large.
    square = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return jnp.exp(unpack(theta, layout).log_amplitude) * matern52(jnp.maximum(square, 0.0))


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
