"""Draws from priors over functions."""

from functools import singledispatch
from typing import Any

import numpy as np

from pbnn.errors import DataError, SpecError, unknown
from pbnn.prior.kernels import covariance, lengthscales, square_root
from pbnn.spec.functions import GP, RBF, FunctionPrior, Lengthscale, Matern, Periodic

GRID = 200
"""Points along a column at which the slope of a monotone function is integrated."""


@singledispatch
def draw_functions(
    target: Any, X: np.ndarray, draws: int, rng: np.random.Generator, names: tuple[str, ...] = ()
) -> np.ndarray:
    """Return functions `(draw, obs)` from a target at inputs `X` `(obs, feature)`, without the target's mean.

    `names` are those of the columns, for a target that names one.
    """
    raise SpecError(
        f"calibrate: target must be priors.GP(...), priors.FunctionPrior(...) or what priors.elicit returns; "
        f"got {target!r}."
    )


@draw_functions.register
def _(
    target: GP, X: np.ndarray, draws: int, rng: np.random.Generator, names: tuple[str, ...] = ()
) -> np.ndarray:
    root = square_root(covariance(target.kernel, X), "GP")
    return rng.normal(size=(draws, root.shape[1])) @ root.T


@draw_functions.register
def _(
    target: FunctionPrior, X: np.ndarray, draws: int, rng: np.random.Generator, names: tuple[str, ...] = ()
) -> np.ndarray:
    if target.monotone is None:
        return draw_functions(GP(_kernel(target, target.lengthscale, target.amplitude)), X, draws, rng)
    at = _column(target, X, names)
    scales = np.broadcast_to(lengthscales(X, target.lengthscale), X.shape[1:])
    rise = _warps(X[:, at], _kernel(target, float(scales[at])), draws, rng)
    others = np.delete(X, at, axis=1)
    if others.shape[1]:
        free = GP(_kernel(target, tuple(np.delete(scales, at).tolist())))
        level = draw_functions(free, others, draws, rng)
    else:
        level = rng.normal(size=(draws, 1))
    size = np.abs(rng.normal(size=(draws, 1))) * np.sqrt(12)
    sign = 1.0 if target.monotone == "increasing" else -1.0
    return target.amplitude / np.sqrt(2) * (level + sign * size * (rise - 0.5))


def _kernel(
    target: FunctionPrior, lengthscale: Lengthscale, amplitude: float = 1.0
) -> RBF | Matern | Periodic:
    if target.period is not None:
        return Periodic(target.period, lengthscale, amplitude)
    return RBF(lengthscale, amplitude) if target.smooth else Matern(1.5, lengthscale, amplitude)


def _column(target: FunctionPrior, X: np.ndarray, names: tuple[str, ...]) -> int:
    if target.column is None:
        if X.shape[1] > 1:
            raise SpecError(
                f"FunctionPrior: X has {X.shape[1]} columns; say in which one functions are {target.monotone}: "
                "column=name or position."
            )
        return 0
    names = names or tuple(f"x{i}" for i in range(X.shape[1]))
    if target.column in names:
        return names.index(str(target.column))
    if isinstance(target.column, int) and -len(names) <= target.column < len(names):
        return target.column % len(names)
    raise SpecError(unknown("FunctionPrior", "column", target.column, names))


def _warps(x: np.ndarray, kernel: Any, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return increasing functions `(draw, obs)` from 0 at the least `x` to 1 at the largest."""
    low, high = x.min(), x.max()
    if not low < high:
        raise DataError("FunctionPrior: the column that functions are monotone in is constant in X.")
    grid = np.linspace(low, high, GRID)
    slope = np.exp(draw_functions(GP(kernel), grid[:, None], draws, rng))
    steps = 0.5 * (slope[:, 1:] + slope[:, :-1])
    climbed = np.concatenate([np.zeros((draws, 1)), np.cumsum(steps, axis=1)], axis=1)
    climbed /= climbed[:, -1:]
    return np.stack([np.interp(x, grid, one) for one in climbed])
