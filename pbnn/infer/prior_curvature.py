"""The curvature of the prior, which a structured precision takes as a diagonal."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pbnn.errors import ModelError
from pbnn.target.curvature import Subset

LEAST = 1e-3


def prior_hessian_product(subset: Subset, z: Any, v: Any) -> Any:
    """Return the negative Hessian of the log prior at `z`, of the subset's variables, times `v` `(dim,)`."""
    slope = jax.grad(lambda u: subset.target.log_prior(subset.put(u, z)))
    return -jax.jvp(slope, (subset.take(z),), (v,))[1]


def prior_curvature(subset: Subset) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function of a point `z` that gives the diagonal `(dim,)` of the negative Hessian of the log prior.

    With a normal prior it is 1. Where another prior bends the wrong way, or not at all, its slope towards its centre
    stands in, `-(d log p / du) / u`, at most 1 and at least `LEAST`.

    Raises
    ------
    ModelError
        By that function, if the prior couples weights, as a `pm.Potential` may: no diagonal describes it.
    """
    target = subset.target
    with target.scope():
        probe = jax.random.normal(jax.random.PRNGKey(0), (subset.dim,), target.dtype)

        def derivatives_at(z: Any) -> tuple[Any, ...]:
            u = subset.take(z)
            slope = jax.grad(lambda u: target.log_prior(subset.put(u, z)))(u)
            return u, slope, *(prior_hessian_product(subset, z, v) for v in (jnp.ones_like(u), probe))

        derivatives = target.once(("prior curvature", subset.names), lambda: jax.jit(derivatives_at))

    def diagonal(z: np.ndarray) -> np.ndarray:
        with target.scope():
            found = derivatives(jnp.asarray(z, target.dtype))
        u, slope, curved, probed = (np.asarray(f, dtype=float) for f in found)
        if np.abs(probed - curved * np.asarray(probe)).max() > 1e-3 * max(1.0, np.abs(curved).max()):
            raise ModelError(
                "fit: the prior couples variables with each other (by a pm.Potential, or a learned scale of weights "
                "that are not normal), which Gauss–Newton structures do not know. Use pbnn.ADVI(), or fit the pm.Model "
                "itself: pbnn.fit(bnn.model, pbnn.Laplace())."
            )
        toward = np.divide(-slope, u, out=np.ones_like(slope), where=np.abs(u) > 1e-12)
        return np.where(curved < LEAST, toward.clip(LEAST, 1.0), curved)

    return diagonal
