"""A curvature of low rank beside the prior's: the leading eigenvectors, or as many rows as there are observations."""

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

Array = np.ndarray


@final
@dataclass(frozen=True, eq=False)
class RootCurvature:
    """`rows' rows`, with `rows` `(k, dim)`; `part` `(k,)` says of which part of the information each is.

    With all rows of the Jacobian this is the dual form of the whole matrix, by the identity of Woodbury.
    """

    rows: Array
    part: Array

    def gaussian(self, c: Array, prior: Array) -> "RootGaussian":
        """Return the Gaussian."""
        return RootGaussian(np.sqrt(c[self.part])[:, None] * self.rows, prior, self.part, len(c))


@final
@dataclass(frozen=True, eq=False)
class RootGaussian:
    """The precision `rows' rows + diag(prior)`."""

    rows: Array
    prior: Array
    _part: Array | None = None
    _n_parts: int = 1

    @cached_property
    def _white(self) -> Array:
        """The rows in units of the prior's standard deviations."""
        return self.rows / np.sqrt(self.prior)

    @cached_property
    def _eigen(self) -> tuple[Array, Array]:
        """Eigenvalues and eigenvectors of the Gram matrix of the rows."""
        values, vectors = np.linalg.eigh((self._white @ self._white.T).astype(float))
        return values.clip(0), vectors

    @property
    def logdet(self) -> float:
        """Logarithm of the determinant of the precision."""
        return float(np.log1p(self._eigen[0]).sum() + np.log(self.prior).sum())

    def _times(self, vectors: Array, power: float) -> Array:
        """Return `(I + white' white) ** power` times vectors `(n, dim)`."""
        values, q = self._eigen
        # ((1 + s) ** power - 1) / s, which tends to power at 0.
        small = values < 1e-8
        safe = np.where(small, 1, values)
        gain = np.where(small, power, ((1 + safe) ** power - 1) / safe)
        return vectors + ((vectors @ self._white.T) @ (q * gain) @ q.T) @ self._white

    def variances(self) -> Array:
        """Return the diagonal of the covariance."""
        values, q = self._eigen
        shrunk = (q / np.sqrt(1 + values)).T @ self._white
        return (1 - (shrunk**2).sum(axis=0)) / self.prior

    def sample(self, noise: Array) -> Array:
        """Turn standard normal numbers into draws."""
        return self._times(noise, -0.5) / np.sqrt(self.prior)

    def whiten(self, rows: Array) -> Array:
        """Turn linear functions into such of independent standard normal variables."""
        return self._times(rows / np.sqrt(self.prior), -0.5)

    def squares(self, vectors: Array) -> Array:
        """Return the squares of vectors in the metric of the precision."""
        return ((vectors @ self.rows.T) ** 2).sum(axis=1) + vectors**2 @ self.prior

    def coupling(self, prior: Array, groups: list[slice]) -> Array:
        """Return the squares of the covariance, in units of the prior's, added up over groups.

        With `B = white' K white`, `K` the inverse of `I + white white'`, the covariance is `I - B` in these units.
        """
        values, q = self._eigen
        shrunk = (q / np.sqrt(1 + values)).T @ self._white
        grams = [shrunk[:, g] @ shrunk[:, g].T for g in groups]
        squares = np.asarray([[float((a * b).sum()) for b in grams] for a in grams])
        return squares + np.diag(
            [g.stop - g.start - 2 * np.trace(m) for g, m in zip(groups, grams, strict=True)]
        )

    def shares(self) -> Array:
        """Return the effective numbers of parameters."""
        assert self._part is not None
        values, q = self._eigen
        hat = ((q**2) * (values / (1 + values))).sum(axis=1)
        return np.bincount(self._part, hat, self._n_parts)

    def arrays(self) -> dict[str, Array]:
        """Return rows and prior."""
        return {"rows": self.rows, "prior": self.prior}
