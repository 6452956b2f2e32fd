"""Which curvature a Laplace approximation takes: built from the target, priced before."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from pbnn.errors import MethodError
from pbnn.infer.precisions import (
    Curvature,
    DenseCurvature,
    DiagCurvature,
    KronCurvature,
    RootCurvature,
)
from pbnn.target.curvature import (
    Kron,
    Subset,
    ggn_diag,
    ggn_full,
    ggn_kron,
    ggn_product,
    ggn_rows,
    no_kron,
)
from pbnn.target.curvature.explicit import n_parts

Builder = Callable[[np.ndarray], Curvature]
"""Takes a point `z`, and returns the curvature of the subset's variables there."""


def builder(subset: Subset, structure: str, rank: int, memory: int) -> Builder:
    """Return what builds the curvature; its functions are compiled once, for any point."""
    return _BUILDERS[structure](subset, rank, memory)


def compiled(subset: Subset, function: Callable[..., Any]) -> Callable[[np.ndarray], Any]:
    """Return a function of a point, compiled for the precision and the data of the target."""
    target = subset.target
    with target.scope():
        jitted = jax.jit(lambda z, data: function(subset, z, data))

    def call(z: np.ndarray) -> Any:
        with target.scope():
            return jax.tree.map(np.asarray, jitted(jnp.asarray(z, target.dtype), target.data))

    return call


def is_dual(subset: Subset) -> bool:
    """Whether the observations' rows are fewer than the weights, so that a matrix of rows is the smaller one."""
    return _n_rows(subset) < subset.dim


def _full(subset: Subset, rank: int, memory: int) -> Builder:
    whole = (slice(0, subset.dim),)
    if is_dual(subset):
        rows = compiled(subset, ggn_rows)
        parts = n_parts(subset)
        part = np.arange(_n_rows(subset)) % parts if parts > 1 else np.zeros(_n_rows(subset), int)
        return lambda z: Curvature(subset.dim, whole, (RootCurvature(rows(z), part),))
    matrix = compiled(subset, partial(ggn_full, memory=memory))
    return lambda z: Curvature(subset.dim, whole, (DenseCurvature(matrix(z)),))


def _diag(subset: Subset, rank: int, memory: int) -> Builder:
    diagonal = compiled(subset, partial(ggn_diag, memory=memory))
    # A block for each variable: blocks of one kind cost no more than one.
    places = tuple(subset.slices.values())

    def build(z: np.ndarray) -> Curvature:
        found = diagonal(z)
        return Curvature(subset.dim, places, tuple(DiagCurvature(found[:, at]) for at in places))

    return build


def _kron(subset: Subset, rank: int, memory: int) -> Builder:
    why = no_kron(subset)
    if why:
        raise MethodError(why)
    factors = compiled(subset, partial(ggn_kron, memory=memory))

    def build(z: np.ndarray) -> Curvature:
        found = factors(z)
        blocks = tuple(
            KronCurvature(found[n].input, found[n].output)
            if isinstance(found[n], Kron)
            else DenseCurvature(found[n])
            for n in subset.names
        )
        return Curvature(subset.dim, tuple(subset.slices.values()), blocks)

    return build


def _lowrank(subset: Subset, rank: int, memory: int) -> Builder:
    target = subset.target
    if n_parts(subset) > 1:
        raise MethodError(
            "Laplace: structure 'lowrank' is for one output; with several noises use 'full', 'kron' or 'diag'."
        )
    if rank >= subset.dim:
        raise MethodError(f"Laplace: rank must be less than the number of weights, {subset.dim}; use 'full'.")
    with target.scope():
        product = jax.jit(lambda z, data, v: ggn_product(subset, z, data, v, memory))

    def build(z: np.ndarray) -> Curvature:
        def times(v: np.ndarray) -> np.ndarray:
            with target.scope():
                return np.asarray(
                    product(jnp.asarray(z, target.dtype), target.data, jnp.asarray(v.ravel(), target.dtype))
                )

        operator = LinearOperator((subset.dim, subset.dim), matvec=times, dtype=target.dtype)
        rng = np.random.default_rng(0)
        start = rng.normal(size=subset.dim).astype(target.dtype)
        values, vectors = eigsh(operator, k=rank, v0=start, tol=1e-4, rng=rng)
        rows = np.sqrt(values.clip(0))[:, None] * vectors.T
        return Curvature(subset.dim, (slice(0, subset.dim),), (RootCurvature(rows, np.zeros(rank, int)),))

    return build


_BUILDERS = {"full": _full, "kron": _kron, "diag": _diag, "lowrank": _lowrank}


def require_memory(subset: Subset, structure: str, rank: int, memory: float) -> None:
    """Refuse a structure that does not fit.

    Raises
    ------
    MethodError
        With what it needs, and what to choose.
    """
    size = bytes_needed(subset, structure, rank)
    if size > memory:
        raise MethodError(
            f"Laplace: structure {structure!r} of {subset.dim} weights takes about {size / 1e9:.2g} GB, more than "
            f"memory={memory / 1e9:.2g} GB. Choose structure='auto', 'kron' or 'diag', or a smaller subset."
        )


def bytes_needed(subset: Subset, structure: str, rank: int) -> int:
    """Return about how much memory a structure takes at its largest, in bytes."""
    item, dim = subset.target.dtype.itemsize, subset.dim
    if structure == "full":
        side = min(dim, _n_rows(subset))
        # The curvature of each part, their sum, its factor and its inverse; or the rows, and these.
        # The dual form computes in float64.
        return (
            8 * (2 * side * dim + 3 * side**2) if is_dual(subset) else item * side**2 * (n_parts(subset) + 3)
        )
    if structure == "lowrank":
        return item * 3 * rank * dim
    if structure == "diag":
        return item * 4 * dim * n_parts(subset)
    sides = [side for v in subset.variables for side in (v.shape if len(v.shape) == 2 else (v.size,))]
    return item * (3 + n_parts(subset)) * (sum(side**2 for side in sides) + dim)


def flops_needed(subset: Subset, structure: str) -> float:
    """Return about how many floating-point operations building and factorising take."""
    dim, rows = subset.dim, _n_rows(subset)
    if structure == "full":
        small, large = sorted((dim, rows))
        return 2.0 * small**2 * large + 4.0 * small**3
    if structure == "diag":
        return 4.0 * rows * dim
    sides = [side for v in subset.variables for side in (v.shape if len(v.shape) == 2 else (v.size,))]
    return sum(2.0 * rows * side**2 + 30.0 * side**3 for side in sides)


def choose(subset: Subset, memory: float, flops: float, rank: int) -> tuple[str, str]:
    """Return the richest structure that fits, and a sentence about the choice.

    Raises
    ------
    MethodError
        If none fits.
    """
    passed = []
    for structure in ("full", "diag") if no_kron(subset) else ("full", "kron", "diag"):
        size, work = bytes_needed(subset, structure, rank), flops_needed(subset, structure)
        if size <= memory and work <= flops:
            why = f"; {' and '.join(passed)} would take more" if passed else ""
            return structure, f"structure 'auto' took '{structure}', about {size / 1e6:.3g} MB{why}."
        passed.append(f"'{structure}' ({size / 1e9:.2g} GB, {work / 1e9:.3g} GFLOP)")
    raise MethodError(
        f"Laplace: no structure of {subset.dim} weights fits into memory={memory / 1e9:.3g} GB and a minute or so: "
        f"{', '.join(passed)}. Choose a smaller subset, such as 'last_layer', or more memory."
    )


def _n_rows(subset: Subset) -> int:
    """Return the number of rows of the Jacobian that the observations' information weighs."""
    return subset.target.n_obs * subset.target.n_outputs
