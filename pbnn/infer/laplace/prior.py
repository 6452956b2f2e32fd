"""The curvature of the prior, which a structured precision takes as a diagonal."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pbnn.errors import ModelError
from pbnn.target.curvature import Subset

LEAST = 1e-3


def prior_curvature(subset: Subset, z: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the diagonal `(dim,)` of the negative Hessian of the log prior, and for how many weights it is not that.

    With a normal prior it is 1. Where another prior bends the wrong way, or not at all, its slope towards its centre
    stands in, `-(d log p / du) / u`, at most 1 and at least `LEAST`.

    Raises
    ------
    ModelError
        If the prior couples weights, as a `pm.Potential` may: no diagonal describes it.
    """
    target = subset.target
    with target.scope():
        at = jnp.asarray(z, target.dtype)
        u = subset.take(at)

        def log_prior(u: Any) -> Any:
            return target.log_prior(subset.put(u, at))

        def curved(v: Any) -> Any:
            return -jax.jvp(jax.grad(log_prior), (u,), (v,))[1]

        probe = jax.random.normal(jax.random.PRNGKey(0), u.shape, u.dtype)
        diagonal, probed, slope = (
            np.asarray(f, dtype=float)
            for f in jax.jit(lambda: (curved(jnp.ones_like(u)), curved(probe), jax.grad(log_prior)(u)))()
        )
    if np.abs(probed - diagonal * np.asarray(probe)).max() > 1e-3 * max(1.0, np.abs(diagonal).max()):
        raise ModelError(
            "Laplace: the prior couples weights with each other (a pm.Potential?), which the Gauss–Newton structures "
            "do not know. Fit the pm.Model itself: pbnn.fit(bnn.model, pbnn.Laplace())."
        )
    flat = diagonal < LEAST
    point = np.asarray(u, dtype=float)
    toward = np.divide(-slope, point, out=np.ones_like(slope), where=np.abs(point) > 1e-12)
    return np.where(flat, toward.clip(LEAST, 1.0), diagonal), int(flat.sum())
