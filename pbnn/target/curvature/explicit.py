"""The generalised Gauss–Newton matrix, written out: in full, as Kronecker factors, or its diagonal.

All three are of `u`, the unconstrained variables of a `Subset`, and hold one matrix for each *part* of the
observations' information: one for classes and counts; one for each output of a continuous response, so that noises that
change need no new matrix. With `own` the response's own variables, such as the noise, count as weights do where the
subset has them, and all is one part. `data` are rows as `Target.bind` makes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import jax
import jax.numpy as jnp
import numpy as np

from pbnn.errors import MethodError
from pbnn.graph.layers import Affine
from pbnn.target.curvature.blocks import MEMORY, block_rows, rows_of, sum_over_blocks
from pbnn.target.curvature.fisher import JOINT, fisher_roots
from pbnn.target.curvature.jacobian import pulled_back
from pbnn.target.curvature.subset import Subset, weight_scales
from pbnn.target.data import Data

Array = jax.Array

LARGEST_DENSE = 1000
"""Of a variable that is no matrix of weights, such as the gains of a `LayerNorm`, in a Kronecker factorisation."""


@final
@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Kron:
    """A Kronecker-factored block for a matrix of weights `(n_in, n_out)`: `input ⊗ output` for each part.

    Attributes
    ----------
    input
        Mean of the outer products of the inputs of the layer `(n_in, n_in)`.
    output
        Sum of those of the derivatives by its outputs `(part, n_out, n_out)`.
    """

    input: Array
    output: Array


Blocks = Mapping[str, Kron | Array]
"""For each variable its Kronecker factors, or a dense block `(part, size, size)`."""


def n_parts(subset: Subset) -> int:
    """Return the number of parts: of outputs that have each a noise of their own, else 1."""
    target = subset.target
    assert target.bnn is not None
    return len(target.bnn.response.names) if target.own and target.family not in JOINT else 1


def ggn_full(subset: Subset, z: Array, data: Data, memory: int = MEMORY, *, own: bool = False) -> Array:
    """Return the matrix `(part, dim, dim)`, `sum_i J_i' F_i J_i`; `memory` bounds the Jacobian in bytes."""
    parts, affines = 1 if own else n_parts(subset), _affines(subset)
    alone = len(affines) == 1 and not affines[0].positions and not _others(subset, affines).names
    if parts == 1 < subset.target.n_outputs and alone:
        return _ggn_of_layer(subset, z, data, affines[0], memory)

    def of_block(rows: Data, weights: Array) -> Array:
        return _outer(_rows(subset, z, rows, weights, own=own), parts)

    return sum_over_blocks(of_block, rows_of(data), _block_rows(subset, subset.dim, memory))


def _ggn_of_layer(subset: Subset, z: Array, data: Data, affine: Affine, memory: int) -> Array:
    """Return the matrix `(1, dim, dim)` of one affine map: outer products of its inputs, each times one of its outputs.

    So it costs as much as that of one output, times the square of their number, whatever the rank of the information.
    """

    def of_block(rows: Data, weights: Array) -> Array:
        ((_, entering, leaving),) = _through_affines(subset, z, rows, weights, [affine])
        entering, leaving = entering[:, 0], leaving[:, :, 0]
        columns = {affine.weight: entering, affine.bias: jnp.ones((len(entering), 1), entering.dtype)}
        h = jnp.concatenate([columns[name] for name in subset.names], axis=1)
        information = jnp.einsum("nrk,nrl->nkl", leaving, leaving)
        return jnp.einsum("ni,nkl->nikl", h, information).reshape(len(h), -1).T @ h

    scales = _scales(subset, z, _others(subset, [affine]))
    scale = jnp.concatenate([jnp.ravel(scales[name]) for name in subset.names])
    n_out = affine.n_out
    n_in = subset.dim // n_out
    total = sum_over_blocks(of_block, rows_of(data), _block_rows(subset, n_in * n_out, memory))
    matrix = total.reshape(n_in, n_out, n_out, n_in).swapaxes(2, 3).reshape(subset.dim, subset.dim)
    return (scale[:, None] * matrix * scale)[None]


def ggn_rows(subset: Subset, z: Array, data: Data) -> Array:
    """Return `W` `(obs * rank, dim)` with `W'W` the matrix, all parts together: the dual form."""
    return _rows(subset, z, data, jnp.ones(len(data["x"]))).reshape(-1, subset.dim)


def ggn_diag(subset: Subset, z: Array, data: Data, memory: int = MEMORY, *, own: bool = False) -> Array:
    """Return the diagonal `(part, dim)`: of an affine map without making its Jacobian."""
    parts, affines = 1 if own else n_parts(subset), _affines(subset)
    others = _others(subset, affines)
    scales = _scales(subset, z, others)

    def of_block(rows: Data, weights: Array) -> Array:
        found = {v.name: jnp.zeros((parts, v.size)) for v in subset.variables}
        for affine, entering, leaving in _through_affines(subset, z, rows, weights, affines):
            if affine.weight in found:
                squares = _weight_squares(affine, entering, leaving, parts)
                found[affine.weight] = squares * scales[affine.weight] ** 2
            if affine.bias in found:
                square = _parts(leaving.sum(axis=2) ** 2, parts)
                found[affine.bias] = square.sum(axis=0) * scales[affine.bias] ** 2
        if others.names:
            rest = _parts(_rows(others, z, rows, weights, own=own) ** 2, parts).sum(axis=0)
            found |= {name: rest[:, where] for name, where in others.slices.items()}
        return jnp.concatenate([found[v.name].reshape(parts, -1) for v in subset.variables], axis=1)

    return sum_over_blocks(
        of_block, rows_of(data), _block_rows(subset, others.dim + _widest(subset, affines), memory)
    )


def _weight_squares(affine: Affine, entering: Array, leaving: Array, parts: int) -> Array:
    """Return the squares of the derivatives by the weights `(part, n_in, n_out)`, summed over observations.

    Weights that positions share have one derivative by all of them together: it is added up before it is squared.
    """
    if affine.n_positions == 1:
        return jnp.einsum("ni,nko->kio", entering[:, 0] ** 2, _parts(leaving[:, :, 0] ** 2, parts))
    rows = jnp.einsum("npi,nkpo->nkio", entering, leaving) ** 2
    return _parts(rows, parts).sum(axis=0)


def no_kron(subset: Subset) -> str:
    """Return why a subset has no Kronecker factors, or nothing if it has."""
    affines = _affines(subset)
    for v in _others(subset, affines).variables:
        if v.size > LARGEST_DENSE:
            return (
                f"structure 'kron': {v.name} has {v.size} values and is not the weight of a dense layer, nor of a "
                "convolution without groups; it has the structures 'diag', 'lowrank' and 'full'."
            )
    weights = [a.weight for a in affines if a.weight in subset.names]
    anywhere = np.random.default_rng(0).normal(size=subset.target.dim)
    with subset.target.scope(), jax.ensure_compile_time_eval():
        scales = weight_scales(subset.target, jnp.asarray(anywhere, subset.target.dtype), weights)
    for name, scale in scales.items():
        if np.ptp(np.asarray(scale)) > 1e-4 * np.abs(np.asarray(scale)).max():
            return (
                f"structure 'kron': the prior of {name} is not one of location and scale, so its weights do not move "
                "alike with their unconstrained values; it has the structures 'diag', 'lowrank' and 'full'."
            )
    return ""


def ggn_kron(
    subset: Subset, z: Array, data: Data, memory: int = MEMORY, *, own: bool = False
) -> dict[str, Kron | Array]:
    """Return Kronecker factors of weights of affine maps, and dense blocks of all else.

    KFAC with the exact Fisher information of the outputs (Martens & Grosse 2015, arXiv:1503.05671; Botev et al. 2017,
    arXiv:1706.03662): exact for one observation, and for a layer that is linear to the end. Where the positions of a
    sequence or an image share weights, each counts as an observation (KFAC-expand: Eschenhagen et al. 2023,
    arXiv:2311.00636, section 3.2): exact where the positions do not meet before the end.

    Raises
    ------
    MethodError
        If a variable is neither weight nor bias of an affine map, and too large for a dense block, or if the prior of
        weights is not one of location and scale.
    """
    parts, affines = 1 if own else n_parts(subset), _affines(subset)
    others = _others(subset, affines)
    why = no_kron(subset)
    if why:
        raise MethodError(why)

    def of_block(rows: Data, weights: Array) -> dict[str, tuple[Array, ...]]:
        found: dict[str, tuple[Array, ...]] = {}
        for affine, entering, leaving in _through_affines(subset, z, rows, weights, affines):
            if affine.weight in subset.names:
                weighted = weights[:, None, None].astype(entering.dtype) * entering / affine.n_positions
                inner = jnp.einsum("npi,npj->ij", weighted, entering)
                by_position = leaving.swapaxes(1, 2).reshape(-1, leaving.shape[1], affine.n_out)
                found[affine.weight] = (inner, _outer(by_position, parts))
            if affine.bias in subset.names:
                found[affine.bias] = (_outer(leaving.sum(axis=2), parts),)
        if others.names:
            rest = _rows(others, z, rows, weights, own=own)
            found |= {name: (_outer(rest[..., where], parts),) for name, where in others.slices.items()}
        return found

    sums = sum_over_blocks(
        of_block, rows_of(data), _block_rows(subset, others.dim + _widest(subset, affines), memory)
    )
    scales = _scales(subset, z, others)
    blocks: dict[str, Kron | Array] = {}
    for v in subset.variables:
        one = sums[v.name]
        if len(one) == 2:
            # The weights of a layer share one scale.
            blocks[v.name] = Kron(one[0] / len(data["x"]), jnp.mean(scales[v.name]) ** 2 * one[1])
        elif v.name in scales:
            each = jnp.ravel(scales[v.name])
            blocks[v.name] = jnp.outer(each, each) * one[0]
        else:
            blocks[v.name] = one[0]
    return blocks


def _rows(subset: Subset, z: Array, data: Data, weights: Array, *, own: bool = False) -> Array:
    """Return the rows `(obs, rank, dim)` whose outer products add up to the matrix."""
    target, x = subset.target, data["x"]
    f = target.outputs(z, x)
    seeds = fisher_roots(target, f, z, data["y"], own=own)
    seeds = jnp.sqrt(weights)[:, None, None].astype(seeds.dtype) * seeds
    rows = pulled_back(subset, z, x, seeds[..., : f.shape[1]])
    start = f.shape[1]
    for v in (target.variables[i] for i in target.own if own):
        if v.name in subset.names:
            rows = rows.at[..., subset.slices[v.name]].add(seeds[..., start : start + v.size])
        start += v.size
    return rows


def _through_affines(
    subset: Subset, z: Array, data: Data, weights: Array, affines: list[Affine]
) -> list[tuple[Affine, Array, Array]]:
    """Return the input `(obs, position, n_in)` of each affine map, and rows pulled back to its output.

    The latter are `(obs, rank, position, n_out)`; without a sequence or an image there is one position.
    """
    target, x = subset.target, data["x"]
    bnn = target.bnn
    assert bnn is not None
    nudges = [jnp.zeros((len(x), *a.positions, a.n_out), x.dtype) for a in bnn.affines]

    def network(nudges: list[Array]) -> tuple[Array, list[Array]]:
        inputs, f = target.affine_maps(z, x, nudges)
        return f, inputs

    f, pull, inputs = jax.vjp(network, nudges, has_aux=True)
    seeds = jnp.sqrt(weights)[:, None, None].astype(f.dtype) * fisher_roots(target, f, z, data["y"])
    (leaving,) = jax.vmap(pull, 1, 1)(seeds)
    found = []
    for a, entering, back in zip(bnn.affines, inputs, leaving, strict=True):
        if a in affines:
            by_position = back.reshape(*back.shape[:2], -1, a.n_out)
            found.append((a, entering.reshape(len(x), -1, a.n_in), by_position))
    return found


def _parts(values: Array, parts: int) -> Array:
    """Keep the rank `(obs, rank, ...)` where each row of the information is a part; else add up over it."""
    return values if parts > 1 else values.sum(axis=1, keepdims=True)


def _outer(rows: Array, parts: int) -> Array:
    if parts > 1:
        return jnp.einsum("nkp,nkq->kpq", rows, rows)
    flat = rows.reshape(-1, rows.shape[-1])
    return (flat.T @ flat)[None]


def _affines(subset: Subset) -> list[Affine]:
    bnn = subset.target.bnn
    assert bnn is not None
    return [a for a in bnn.affines if a.weight in subset.names or a.bias in subset.names]


def _others(subset: Subset, affines: list[Affine]) -> Subset:
    theirs = {name for a in affines for name in (a.weight, a.bias)}
    return Subset(subset.target, tuple(n for n in subset.names if n not in theirs))


def _scales(subset: Subset, z: Array, others: Subset) -> dict[str, Array]:
    return weight_scales(subset.target, z, [n for n in subset.names if n not in others.names])


def _widest(subset: Subset, affines: list[Affine]) -> int:
    """Return how many numbers of an observation stand at the affine maps, and in their weights' derivatives."""
    units = sum(v.shape[-1] for v in subset.target.variables if v.shape)
    shared = [a for a in affines if a.positions]
    return units + sum(a.n_positions * (a.n_in + a.n_out) + a.n_in * a.n_out for a in shared)


def _block_rows(subset: Subset, width: int, memory: int) -> int:
    return block_rows(3 * subset.target.dtype.itemsize * subset.target.n_outputs * width, memory)
