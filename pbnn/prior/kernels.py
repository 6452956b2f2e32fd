"""Kernels to covariance matrices."""

from functools import singledispatch
from typing import Any

import numpy as np

from pbnn.errors import DataError, ShapeError, SpecError, unknown
from pbnn.spec import functions

TOLERANCE = 1e-8
"""An eigenvalue may be below 0 by this share of the largest one: rounding of the entries."""


@singledispatch
def covariance(kernel: Any, X: np.ndarray) -> np.ndarray:
    """Return the covariance `(obs, obs)` of a function at the rows of `X` `(obs, feature)`.

    Raises
    ------
    DataError
        If what a user supplied is not symmetric and positive semi-definite, or not finite.
    ShapeError
        If it has another shape, or a kernel another number of lengthscales than `X` has columns.
    """
    values = np.asarray(kernel(X) if callable(kernel) else kernel, dtype=float)
    what = "the matrix that kernel returns" if callable(kernel) else "the covariance matrix"
    if values.shape != (len(X), len(X)):
        raise ShapeError(
            f"GP: {what} must have shape ({len(X)}, {len(X)}), one row for each row of X; got {values.shape}."
        )
    if not np.isfinite(values).all():
        raise DataError(f"GP: {what} holds values that are missing or infinite.")
    if not np.allclose(values, values.T, rtol=1e-8, atol=1e-12 * np.abs(values).max()):
        i, j = np.unravel_index(np.argmax(np.abs(values - values.T)), values.shape)
        raise DataError(
            f"GP: {what} is not symmetric: [{i}, {j}] is {values[i, j]:g} and [{j}, {i}] is {values[j, i]:g}."
        )
    return values


@covariance.register
def _(kernel: functions.RBF, X: np.ndarray) -> np.ndarray:
    return kernel.amplitude**2 * np.exp(-0.5 * _squared_distances(X, kernel.lengthscale))


@covariance.register
def _(kernel: functions.Matern, X: np.ndarray) -> np.ndarray:
    d = np.sqrt(2 * kernel.smoothness * _squared_distances(X, kernel.lengthscale))
    polynomial = {0.5: 1.0, 1.5: 1 + d, 2.5: 1 + d + d**2 / 3}[kernel.smoothness]
    return kernel.amplitude**2 * polynomial * np.exp(-d)


@covariance.register
def _(kernel: functions.Periodic, X: np.ndarray) -> np.ndarray:
    turns = np.pi * (X[:, None, :] - X[None, :, :]) / kernel.period
    scaled = np.sin(turns) / lengthscales(X, kernel.lengthscale)
    return kernel.amplitude**2 * np.exp(-2 * (scaled**2).sum(-1))


@covariance.register
def _(kernel: str, X: np.ndarray) -> np.ndarray:
    raise SpecError(unknown("GP", "kernel", kernel, functions.KERNELS))


def square_root(covariance: np.ndarray, where: str) -> np.ndarray:
    """Return `A` with `A @ A.T` equal to a covariance, which may be singular.

    Raises
    ------
    DataError
        If it is not positive semi-definite.
    """
    values, vectors = np.linalg.eigh(covariance)
    if values[-1] <= 0 or values[0] < -TOLERANCE * values[-1]:
        raise DataError(
            f"{where}: the covariance of the target is not positive definite: its eigenvalues go from {values[0]:.3g} "
            f"to {values[-1]:.3g}. Use one of the kernels {', '.join(functions.KERNELS)}, or a sum or product of such."
        )
    return vectors * np.sqrt(np.clip(values, 0, None))


def lengthscales(X: np.ndarray, lengthscale: functions.Lengthscale) -> np.ndarray:
    """Return lengthscales as an array of one, or of one for each column; `ShapeError` if they are of another number."""
    scales = np.atleast_1d(np.asarray(lengthscale, dtype=float))
    if len(scales) not in (1, X.shape[1]):
        raise ShapeError(
            f"lengthscale must be one number, or one for each of the {X.shape[1]} columns of X; got {len(scales)}."
        )
    return scales


def _squared_distances(X: np.ndarray, lengthscale: functions.Lengthscale) -> np.ndarray:
    Z = X / lengthscales(X, lengthscale)
    return ((Z[:, None, :] - Z[None, :, :]) ** 2).sum(-1)
