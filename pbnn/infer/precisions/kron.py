"""A matrix of weights whose curvature is a Kronecker product."""

from dataclasses import dataclass
from typing import final

import numpy as np

Array = np.ndarray


@final
@dataclass(frozen=True, eq=False)
class KronCurvature:
    """`input ⊗ output` with factors `(n_in, n_in)` and, for each part, `(part, n_out, n_out)`."""

    input: Array
    output: Array

    def gaussian(self, c: Array, prior: Array) -> "KronGaussian":
        """Return the Gaussian; the prior is taken as its mean, since only a constant keeps the structure."""
        scaled = c[:, None, None] * self.output.astype(float)
        a, q_in = np.linalg.eigh(self.input.astype(float))
        g, q_out = np.linalg.eigh(scaled.sum(axis=0))
        # Rounding leaves eigenvalues of a positive semi-definite matrix slightly below 0.
        eigenvalues = np.outer(a.clip(0), g.clip(0))
        inner = np.einsum("gij,ik,jk->gk", scaled, q_out, q_out)
        return KronGaussian(
            q_in, q_out, eigenvalues + np.mean(prior), a.clip(0)[None, :, None] * inner[:, None]
        )


@final
@dataclass(frozen=True, eq=False)
class KronGaussian:
    """Eigenvectors `q_in` and `q_out` of the factors, and the eigenvalues `(n_in, n_out)` of the precision."""

    q_in: Array
    q_out: Array
    eigenvalues: Array
    _parts: Array | None = None

    @property
    def logdet(self) -> float:
        """Logarithm of the determinant of the precision."""
        return float(np.log(self.eigenvalues).sum())

    def variances(self) -> Array:
        """Return the diagonal of the covariance."""
        return (self.q_in**2 @ (1 / self.eigenvalues) @ (self.q_out**2).T).ravel()

    def sample(self, noise: Array) -> Array:
        """Turn standard normal numbers into draws."""
        white = noise.reshape(-1, *self.eigenvalues.shape) / np.sqrt(self.eigenvalues)
        return (self.q_in @ white @ self.q_out.T).reshape(len(noise), -1)

    def whiten(self, rows: Array) -> Array:
        """Turn linear functions into such of independent standard normal variables."""
        shaped = rows.reshape(-1, *self.eigenvalues.shape)
        return (self.q_in.T @ shaped @ self.q_out / np.sqrt(self.eigenvalues)).reshape(rows.shape)

    def squares(self, vectors: Array) -> Array:
        """Return the squares of vectors in the metric of the precision."""
        shaped = vectors.reshape(-1, *self.eigenvalues.shape)
        return ((self.q_in.T @ shaped @ self.q_out) ** 2 * self.eigenvalues).sum(axis=(1, 2))

    def coupling(self, prior: Array, groups: list[slice]) -> Array:
        """Return the sum of the squares of the covariance, in units of the prior's: of the only group."""
        return np.asarray([[np.mean(prior) ** 2 * (self.eigenvalues**-2).sum()]])

    def shares(self) -> Array:
        """Return the effective numbers of parameters."""
        assert self._parts is not None
        return (self._parts / self.eigenvalues).sum(axis=(1, 2))

    def arrays(self) -> dict[str, Array]:
        """Return eigenvectors and eigenvalues."""
        return {"q_in": self.q_in, "q_out": self.q_out, "eigenvalues": self.eigenvalues}
