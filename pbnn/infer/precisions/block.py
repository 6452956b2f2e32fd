"""A Gaussian given by its precision, for some of the variables: what each structure of the precision offers.

The precision of a block is `sum_g c_g G_g + diag(prior)`: curvature `G_g` of each part of the information, which a
change of the noise multiplies by `c_g`, and that of the prior. `CurvatureBlock`s hold the `G_g` and give, for any `c`
and `prior`, a `GaussianBlock`.
"""

from typing import Protocol

import numpy as np

Array = np.ndarray


class GaussianBlock(Protocol):
    """A Gaussian of mean 0."""

    @property
    def logdet(self) -> float:
        """Logarithm of the determinant of the precision."""

    def variances(self) -> Array:
        """Return the diagonal of the covariance `(dim,)`."""

    def sample(self, noise: Array) -> Array:
        """Turn standard normal numbers `(n, dim)` into draws `(n, dim)`."""

    def whiten(self, rows: Array) -> Array:
        """Turn linear functions `(n, dim)` into such of independent standard normal variables `(n, k)`.

        Their products are the covariances of the functions.
        """

    def squares(self, vectors: Array) -> Array:
        """Return `v' P v` of vectors `(n, dim)`, with the precision `P`: `(n,)`."""

    def coupling(self, prior: Array, groups: list[slice]) -> Array:
        """Return `sum_ij (prior_i S_ij prior_j S_ij)` over each pair of groups, with `S` the covariance."""

    def shares(self) -> Array:
        """Return `c_g tr(S G_g)` for each part `(part,)`: the effective number of parameters that it determines."""

    def arrays(self) -> dict[str, Array]:
        """Return what the block consists of, by name; its class takes the same back."""


class CurvatureBlock(Protocol):
    """The curvature of the log-likelihood for some of the variables."""

    def gaussian(self, c: Array, prior: Array) -> GaussianBlock:
        """Return the Gaussian with precision `sum_g c_g G_g + diag(prior)`."""
