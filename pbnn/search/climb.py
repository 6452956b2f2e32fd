"""Climb a smooth function inside the unit cube from many starts at once, in one compiled program."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

STEPS = 40
LENGTHS = (0.0, 1.0, 0.35, 0.1, 0.01)
"""Of a step along the direction; all are tried together, which on a few starts costs little more than one."""
FIRST = 0.1
"""How far the first step goes in the column that changes most; the cube has width 1."""
STILL = 1e-7
"""A start rests once its steps are shorter than this, or have been so often shortened in vain."""

Score = Callable[[Any, jax.Array, jax.Array], jax.Array]
"""`score(state, x (m, d), active (m, d)) -> (m,)`, the rows independent of each other."""


@partial(jax.jit, static_argnames=("score", "steps"))
def climb(
    score: Score, state: Any, x: jax.Array, active: jax.Array, free: jax.Array, steps: int = STEPS
) -> tuple[jax.Array, jax.Array]:
    """Return where each start ends, `(s, d)`, and its score, `(s,)`, never below that of the start.

    A quasi-Newton method (BFGS) with a dense matrix for each start. A column at the edge of the cube that the gradient
    pushes outwards is left out of the step, as are columns that are not `free`.

    Parameters
    ----------
    score
        Compiled once for each function and shape, so pass a function of a module, not a lambda.
    state
        What `score` needs besides, a pytree.
    x
        `(s, d)`; columns that are free in the unit cube.
    active, free
        `(s, d)`: handed to `score`; columns that may move.
    steps
        At most.

    References
    ----------
    Bertsekas (1982), Projected Newton methods for optimization problems with simple constraints, 10.1137/0320018.
    """
    eye = jnp.eye(x.shape[1], dtype=x.dtype)

    def slope(x: jax.Array) -> jax.Array:
        g = jax.grad(lambda x: score(state, x, active).sum())(x)
        return jnp.where(free & jnp.isfinite(g), g, 0.0)

    # The score stands once in the program, and its gradient once: compiling them is most of a first call.
    def value(x: jax.Array) -> jax.Array:
        rows = x.reshape(-1, x.shape[-1])
        v = score(state, rows, jnp.tile(active, (len(rows) // len(active), 1)))
        return jnp.where(jnp.isfinite(v), v, -jnp.inf).reshape(x.shape[:-1])

    def fresh(g: jax.Array, reach: jax.Array) -> jax.Array:
        return (reach / jnp.maximum(jnp.abs(g).max(-1), 1e-300))[:, None, None] * eye

    def step(carry: tuple) -> tuple:
        i, x, before, _, metric, reach = carry
        g = slope(x)
        moved = (x != before[0]).any(-1)
        # A step in vain: the matrix is wrong here. Begin again with a shorter reach.
        metric = jnp.where(
            moved[:, None, None], _updated(metric, x - before[0], before[1] - g), fresh(g, reach)
        )
        pushed = ((x <= 0.0) & (g < 0.0)) | ((x >= 1.0) & (g > 0.0))
        inside = jnp.where(pushed, 0.0, g)
        p = jnp.where(pushed | ~free, 0.0, jnp.einsum("sij,sj->si", metric, inside))
        uphill = (p * inside).sum(-1, keepdims=True) > 0.0
        p = jnp.where(uphill, p, jnp.einsum("sij,sj->si", fresh(inside, reach), inside))
        p = p / jnp.maximum(
            jnp.abs(p).max(-1, keepdims=True) / 0.5, 1.0
        )  # beyond half the cube nothing is known
        tried = jnp.where(free, jnp.clip(x + jnp.array(LENGTHS)[:, None, None] * p, 0.0, 1.0), x)
        values = value(tried)
        best = values.argmax(0)  # the first is where it stands, so that nothing is gained by standing still
        there = jnp.take_along_axis(tried, best[None, :, None], 0)[0]
        reach = jnp.where(jnp.abs(p).max(-1) < STILL, 0.0, jnp.where(best > 0, reach, reach * 0.1))
        return i + 1, there, (x, g), values.max(0), metric, reach

    def going(carry: tuple) -> jax.Array:
        i, *_, reach = carry
        return (i < steps) & (reach > STILL).any()

    reach = jnp.full(len(x), FIRST, x.dtype)
    nothing = jnp.zeros_like(x)
    carry = (0, x, (x, nothing), jnp.full(len(x), -jnp.inf), jnp.tile(eye, (len(x), 1, 1)), reach)
    _, x, _, f, *_ = jax.lax.while_loop(going, step, carry)
    return x, f


def _updated(metric: jax.Array, s: jax.Array, y: jax.Array) -> jax.Array:
    """Return the inverse curvature after a step `s` along which the gradient fell by `y`; doubled where it did not."""
    sy = (s * y).sum(-1)
    curved = sy > 1e-12 * jnp.sqrt((s**2).sum(-1) * (y**2).sum(-1))
    rho = jnp.where(curved, 1 / jnp.where(curved, sy, 1.0), 0.0)
    hy = jnp.einsum("sij,sj->si", metric, y)
    outer = jnp.einsum("si,sj->sij", s, hy)
    # The first step's matrix is a guess of the scale: where the function curves more, it overshoots.
    grown = (1 + rho * (y * hy).sum(-1)) * rho
    bfgs = metric + grown[:, None, None] * jnp.einsum("si,sj->sij", s, s)
    bfgs = bfgs - rho[:, None, None] * (outer + outer.swapaxes(-1, -2))
    return jnp.where(curved[:, None, None], bfgs, 2.0 * metric)
