"""Derivatives of the network's outputs by its weights: products, and rows where they are wanted."""

import jax
import jax.numpy as jnp

from pbnn.target.curvature.blocks import MEMORY, block_rows, rows_of, sum_over_blocks
from pbnn.target.curvature.fisher import fisher_information
from pbnn.target.curvature.subset import Subset
from pbnn.target.data import Data

Array = jax.Array


def jacobian(subset: Subset, z: Array, x: Array) -> Array:
    """Return the derivatives of the outputs at standardised inputs `x`: `(obs, n_outputs, dim)`.

    For a few rows: `jacobian_product` and `ggn_product` do without.
    """
    n_outputs = subset.target.n_outputs
    return pulled_back(subset, z, x, jnp.broadcast_to(jnp.eye(n_outputs), (len(x), n_outputs, n_outputs)))


FEW = 8
"""Variables along which derivatives are taken forwards: cheaper than back from each observation, where they are few."""


def pulled_back(subset: Subset, z: Array, x: Array, seeds: Array) -> Array:
    """Return `seeds @ J` for each observation: `(obs, k, n_outputs)` to `(obs, k, dim)`."""
    u = subset.take(z)
    if subset.dim <= FEW:
        _, push = jax.linearize(lambda u: subset.outputs(u, z, x), u)
        return seeds.astype(u.dtype) @ jax.vmap(push, out_axes=2)(jnp.eye(subset.dim, dtype=u.dtype))

    def of_row(x: Array, seeds: Array) -> Array:
        _, pull = jax.vjp(lambda u: subset.outputs(u, z, x[None])[0], u)
        return jax.vmap(lambda seed: pull(seed)[0])(seeds)

    return jax.vmap(of_row)(x, seeds.astype(u.dtype))


def jacobian_product(subset: Subset, z: Array, x: Array, v: Array) -> Array:
    """Return `J @ v` at inputs `x`: what the outputs change by, to first order, as `u` changes by `v` `(dim,)`."""
    u = subset.take(z)
    return jax.jvp(lambda u: subset.outputs(u, z, x), (u,), (v.astype(u.dtype),))[1]


def ggn_product(
    subset: Subset, z: Array, data: Data, v: Array, memory: int = MEMORY, *, own: bool = False
) -> Array:
    """Return the product of the generalised Gauss–Newton matrix with `v` `(dim,)` or `(dim, k)`.

    `sum_i J_i' F_i J_i v`, with the Fisher information `F_i` of observation `i` about the outputs (Schraudolph 2002,
    10.1162/08997660260028683). No Jacobian is made, and `memory` bounds what is, in bytes. With `own` the response's
    own variables, such as the noise, count as weights do where the subset has them.
    """
    target = subset.target
    u, vs = subset.take(z), v if v.ndim == 2 else v[:, None]
    widest = max(v.shape[-1] for v in subset.target.variables if v.shape)

    def of_block(rows: Data, weights: Array) -> Array:
        x = rows["x"]

        def outputs(u: Array) -> Array:
            parts = subset.put(u, z)
            mine = [jnp.ravel(parts[i]) for i in target.own if own]
            return jnp.concatenate(
                [target.outputs(parts, x), *(jnp.tile(v, (len(x), 1)) for v in mine)], axis=1
            )

        eta, push = jax.linearize(outputs, u)
        f = eta[:, : target.n_outputs]
        information = weights[:, None, None].astype(f.dtype) * fisher_information(
            target, f, z, rows["y"], own=own
        )
        pull = jax.linear_transpose(push, u)

        def one(v: Array) -> Array:
            return pull(jnp.einsum("nij,nj->ni", information, push(v)))[0]

        return jax.vmap(one, 1, 1)(vs.astype(u.dtype))

    product = sum_over_blocks(of_block, rows_of(data), block_rows(8 * widest * vs.shape[1], memory))
    return product.reshape(v.shape)
