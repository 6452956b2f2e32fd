"""Sums over observations, a block at a time, so that no Jacobian is larger than the memory allowed."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

Array = jax.Array

MEMORY = 2**28
"""Bytes that a block of Jacobians may take, unless told otherwise."""


def rows_of(data: Mapping[str, Any]) -> dict[str, Array]:
    """Return what of the data of a target has a row for each observation."""
    return {"x": data["x"], "y": data["y"]}


def block_rows(bytes_per_row: int, memory: int = MEMORY) -> int:
    """Return how many observations a block may have: at least one."""
    return max(1, memory // max(bytes_per_row, 1))


def sum_over_blocks(of_block: Callable[..., Any], arrays: Any, rows: int) -> Any:
    """Return the sum of `of_block(arrays of a block, weights)` over blocks of so many rows.

    The last block is filled up with rows of weight 0, the others have weight 1.
    """
    n = len(jax.tree.leaves(arrays)[0])
    rows = min(rows, n)
    blocks = -(-n // rows)
    if blocks == 1:
        return of_block(arrays, jnp.ones(n))
    # Blocks of equal size: fewer rows that count for nothing.
    rows = -(-n // blocks)

    def cut(values: Array) -> Array:
        filled = jnp.concatenate([values, jnp.repeat(values[-1:], blocks * rows - n, axis=0)])
        return filled.reshape(blocks, rows, *values.shape[1:])

    weights = (jnp.arange(blocks * rows) < n).astype(jnp.result_type(float)).reshape(blocks, rows)
    parts = (jax.tree.map(cut, arrays), weights)
    zero = jax.tree.map(
        lambda s: jnp.zeros(s.shape, s.dtype),
        jax.eval_shape(lambda p: of_block(*jax.tree.map(lambda v: v[0], p)), parts),
    )
    total, _ = jax.lax.scan(lambda sum_, p: (jax.tree.map(jnp.add, sum_, of_block(*p)), None), zero, parts)
    return total
