"""Independent variables."""

from dataclasses import dataclass
from typing import final

import numpy as np

Array = np.ndarray


@final
@dataclass(frozen=True, eq=False)
class DiagCurvature:
    """Diagonals `parts` `(part, dim)`."""

    parts: Array

    def gaussian(self, c: Array, prior: Array) -> "DiagGaussian":
        """Return the Gaussian."""
        return DiagGaussian(c @ self.parts.astype(float) + prior, c[:, None] * self.parts)


@final
@dataclass(frozen=True, eq=False)
class DiagGaussian:
    """The diagonal `precision` `(dim,)`."""

    precision: Array
    _parts: Array | None = None

    @property
    def logdet(self) -> float:
        """Logarithm of the determinant of the precision."""
        return float(np.log(self.precision).sum())

    def variances(self) -> Array:
        """Return the variances."""
        return 1 / self.precision

    def sample(self, noise: Array) -> Array:
        """Turn standard normal numbers into draws."""
        return noise / np.sqrt(self.precision)

    def whiten(self, rows: Array) -> Array:
        """Turn linear functions into such of independent standard normal variables."""
        return rows / np.sqrt(self.precision).astype(rows.dtype)

    def squares(self, vectors: Array) -> Array:
        """Return the squares of vectors in the metric of the precision."""
        return vectors**2 @ self.precision

    def coupling(self, prior: Array, groups: list[slice]) -> Array:
        """Return the squared shares of the prior in the precision, added up over groups."""
        square = (prior / self.precision) ** 2
        return np.diag([float(square[g].sum()) for g in groups])

    def shares(self) -> Array:
        """Return the effective numbers of parameters."""
        assert self._parts is not None
        return (self._parts / self.precision).sum(axis=1)

    def arrays(self) -> dict[str, Array]:
        """Return the precision."""
        return {"precision": self.precision}
