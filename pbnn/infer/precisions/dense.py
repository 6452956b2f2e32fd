"""Any precision, by its Cholesky factor."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import final

import numpy as np
from scipy.linalg import get_lapack_funcs, solve_triangular

from pbnn.errors import MethodError

Array = np.ndarray

JITTERS = (0.0, 1e-6, 1e-5, 1e-4, 1e-3)
"""What is added to the diagonal, relative to its mean, until the matrix is positive definite."""


@final
@dataclass(frozen=True, eq=False)
class DenseCurvature:
    """Matrices `parts` `(part, dim, dim)`."""

    parts: Array

    def gaussian(self, c: Array, prior: Array) -> "DenseGaussian":
        """Return the Gaussian, in float64 and with jitter where it needs them."""
        factor, note = factorize(c, self.parts, prior)
        return DenseGaussian(factor, note, tuple(c), self.parts)


@final
@dataclass(frozen=True, eq=False)
class DenseGaussian:
    """The lower Cholesky `factor` of the precision; `note` says what it took to find it."""

    factor: Array
    note: str = ""
    _c: tuple[float, ...] = ()
    _parts: Array | None = field(default=None, repr=False)

    @property
    def logdet(self) -> float:
        """Logarithm of the determinant of the precision."""
        return float(2 * np.log(np.diagonal(self.factor).astype(float)).sum())

    @cached_property
    def _inverse(self) -> Array:
        """The covariance."""
        (potri,) = get_lapack_funcs(("potri",), (self.factor,))
        # What is above the diagonal of the factor is 0, and stays so.
        lower, info = potri(self.factor, lower=True)
        assert info == 0
        whole = lower + lower.T
        whole[np.diag_indices(len(whole))] /= 2
        return whole

    def variances(self) -> Array:
        """Return the diagonal of the covariance."""
        return np.diagonal(self._inverse).copy()

    def sample(self, noise: Array) -> Array:
        """Turn standard normal numbers into draws."""
        return solve_triangular(self.factor, noise.T.astype(self.factor.dtype), lower=True, trans="T").T

    def whiten(self, rows: Array) -> Array:
        """Turn linear functions into such of independent standard normal variables."""
        dtype = np.result_type(rows, self.factor)
        return solve_triangular(self.factor.astype(dtype, copy=False), rows.T.astype(dtype), lower=True).T

    def squares(self, vectors: Array) -> Array:
        """Return the squares of vectors in the metric of the precision."""
        return ((vectors.astype(self.factor.dtype) @ self.factor) ** 2).sum(axis=1)

    def coupling(self, prior: Array, groups: list[slice]) -> Array:
        """Return the squares of the covariance, in units of the prior's, added up over groups."""
        columns = np.zeros((len(prior), len(groups)), self._inverse.dtype)
        for i, g in enumerate(groups):
            columns[g, i] = prior[g]
        return (columns.T @ (self._inverse**2 @ columns)).astype(float)

    def shares(self) -> Array:
        """Return the effective numbers of parameters."""
        assert self._parts is not None
        return np.asarray(
            [c * float((self._inverse * g).sum()) for c, g in zip(self._c, self._parts, strict=True)]
        )

    def arrays(self) -> dict[str, Array]:
        """Return the factor."""
        return {"factor": self.factor}


def factorize(c: Array, parts: Array, prior: Array) -> tuple[Array, str]:
    """Return the lower Cholesky factor of `sum_g c_g parts_g + diag(prior)`, and a note if that needed help.

    In float32 rounding may leave a matrix that is not positive definite. It is then factorised in float64, and if that
    does not do, with growing jitter on its diagonal.

    Raises
    ------
    MethodError
        If it is not even then, or not finite.
    """
    if not np.isfinite(parts).all():
        raise MethodError(
            "fit: the curvature is not finite. Check the data for values of extreme size, or use precision='float64'."
        )
    size = float(c @ np.trace(parts, axis1=1, axis2=2)) / len(prior) + np.mean(prior)
    for dtype in dict.fromkeys([parts.dtype, np.dtype(float)]):
        for jitter in JITTERS if dtype == np.float64 else JITTERS[:1]:
            # Made anew each time, since LAPACK overwrites it: there is no second copy of a large matrix.
            matrix = np.tensordot(c.astype(dtype), parts.astype(dtype, copy=False), 1)
            matrix[np.diag_indices(len(matrix))] += (prior + jitter * size).astype(dtype)
            (potrf,) = get_lapack_funcs(("potrf",), (matrix,))
            # Of a symmetric matrix the transpose is the same, and in the order that LAPACK overwrites.
            factor, info = potrf(matrix.T, lower=True, clean=True, overwrite_a=True)
            if info == 0:
                return factor, _note(parts.dtype, dtype, jitter)
    raise MethodError(
        "fit: the precision matrix is not positive definite, even in float64 and with a jitter of "
        f"{JITTERS[-1]:g} of its diagonal: this point is a saddle of the log density, or the prior leaves weights "
        "free. Start elsewhere (seed), or give every weight a proper prior."
    )


def _note(given: np.dtype, used: np.dtype, jitter: float) -> str:
    if jitter:
        return (
            f"a jitter of {jitter:g} of its mean diagonal was added to make the precision positive definite"
        )
    return "" if given == used else "the precision was not positive definite in float32, so float64 was used"
