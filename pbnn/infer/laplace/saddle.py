"""Is a point a mode, or a saddle? By the smallest eigenvalue of the Hessian."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from pbnn.target.curvature import Subset

ITERATIONS = 60
SADDLE = -1e-3
"""Curvatures below this are no rounding: that of the prior of a weight is 1."""


class SmallestCurvature:
    """Finds the smallest eigenvalue of the negative Hessian of the log density, and its direction, about.

    By Lanczos' method from products with the Hessian, which is not made.
    """

    def __init__(self, subset: Subset) -> None:
        self.subset, target = subset, subset.target

        def product(v: jax.Array, z: jax.Array, data: object) -> jax.Array:
            def log_density(u: jax.Array) -> jax.Array:
                return target.log_density(subset.put(u, z), data)

            return -jax.jvp(jax.grad(log_density), (subset.take(z),), (v,))[1]

        with target.scope():
            self._product = jax.jit(product)

    def at(self, z: np.ndarray) -> tuple[float, np.ndarray]:
        """Return eigenvalue and eigenvector `(subset.dim,)`; NaN and zeros if none was found."""
        target, dim = self.subset.target, self.subset.dim

        def times(v: np.ndarray) -> np.ndarray:
            with target.scope():
                return np.asarray(
                    self._product(jnp.asarray(v.ravel(), target.dtype), jnp.asarray(z), target.data)
                )

        if dim < 3:
            matrix = np.stack([times(row) for row in np.eye(dim)])
            values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
            return float(values[0]), vectors[:, 0]
        operator = LinearOperator((dim, dim), matvec=times, dtype=target.dtype)
        rng = np.random.default_rng(0)
        start = rng.normal(size=dim)
        size = min(dim, 40)
        try:
            # SciPy restarts from entropy of the system unless it is given a generator.
            values, vectors = eigsh(
                operator, k=1, which="SA", v0=start, tol=1e-2, maxiter=ITERATIONS, ncv=size, rng=rng
            )
        except ArpackNoConvergence as stopped:
            values, vectors = stopped.eigenvalues, stopped.eigenvectors
        return (float(values[0]), vectors[:, 0]) if len(values) else (float("nan"), np.zeros(dim))
