"""Is a point a mode, or a saddle? By the smallest eigenvalue of the Hessian."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from pbnn.target.curvature import Subset

ITERATIONS = 60
SADDLE = -1e-3
"""Curvatures below this are no rounding: that of the prior of a weight is 1."""


def smallest_curvature(subset: Subset, z: np.ndarray) -> float:
    """Return the smallest eigenvalue of the negative Hessian of the log density, about.

    By Lanczos' method from products with the Hessian, which is not made; NaN if that does not converge.
    """
    target = subset.target
    with target.scope():
        at = jnp.asarray(z, target.dtype)
        u = subset.take(at)

        @jax.jit
        def product(v: jax.Array, data: object) -> jax.Array:
            def log_density(u: jax.Array) -> jax.Array:
                return target.log_density(subset.put(u, at), data)

            return -jax.jvp(jax.grad(log_density), (u,), (v,))[1]

    def times(v: np.ndarray) -> np.ndarray:
        with target.scope():
            return np.asarray(product(jnp.asarray(v.ravel(), target.dtype), target.data))

    if subset.dim < 3:
        matrix = np.stack([times(row) for row in np.eye(subset.dim)])
        return float(np.linalg.eigvalsh((matrix + matrix.T) / 2)[0])
    operator = LinearOperator((subset.dim, subset.dim), matvec=times, dtype=target.dtype)
    start = np.random.default_rng(0).normal(size=subset.dim)
    size = min(subset.dim, 40)
    try:
        return float(
            eigsh(
                operator,
                k=1,
                which="SA",
                v0=start,
                tol=1e-2,
                maxiter=ITERATIONS,
                ncv=size,
                return_eigenvectors=False,
            )[0]
        )
    except ArpackNoConvergence as stopped:
        return float(stopped.eigenvalues[0]) if len(stopped.eigenvalues) else float("nan")
