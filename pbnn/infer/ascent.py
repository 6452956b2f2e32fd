"""Stochastic ascent of an objective by Adam: at falling learning rates, each until the objective stops rising."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from pbnn.errors import MethodError
from pbnn.infer.progress import Bar

CHUNK = 250
WINDOW = 4
"""Chunks that are averaged when two stretches of the objective are compared."""
STAGES = (1.0, 0.2, 0.04)
"""Learning rates, as parts of the first one."""


@dataclass(frozen=True, slots=True)
class Ascent:
    """Where an ascent ended: the average of its last iterates, and the objective at each step."""

    params: Any
    trace: np.ndarray
    converged: bool
    interrupted: bool


Objective = Callable[[Any, jax.Array, Any], jax.Array]
"""`(params, key, data)` to an unbiased estimate of what is maximised."""
Chunk = Callable[..., Any]
"""`(params, state, rate, key, data)` to parameters, state, the parameters' average, and the objective at each step."""


def ascend(
    chunk: Chunk, params: Any, data: Any, *, steps: int, learning_rate: float, seed: int, bar: Bar
) -> Ascent:
    """Maximise an objective (`steps_of`) from `params`; call it in the scope of the precision that is meant.

    A stage ends when the mean objective of the last `WINDOW` chunks exceeds that of the `WINDOW` before by less than
    twice its standard error. ctrl-C ends the ascent and keeps its last iterates.

    Raises
    ------
    MethodError
        If the objective stays infinite or NaN after the learning rate was cut five times.
    """
    adam = optax.scale_by_adam()
    key = jax.random.PRNGKey(seed)
    state = adam.init(params)
    average, traces = params, []
    stage, stage_start, rate, cuts = 0, 0, learning_rate, 0
    interrupted = False
    try:
        while stage < len(STAGES) and len(traces) * CHUNK < steps:
            at = jnp.int32(len(traces))
            new = chunk(params, state, jnp.asarray(rate * STAGES[stage]), jax.random.fold_in(key, at), data)
            values = np.asarray(new[3])
            if not (np.isfinite(values).all() and _finite(new[0])):
                cuts += 1
                if cuts > 5:
                    raise MethodError(
                        "fit: the objective is not finite, at any learning rate tried. Check the data for values of "
                        "extreme size, or use precision='float64'."
                    )
                rate, state = rate / 5, adam.init(params)
                continue
            params, state, average = new[:3]
            traces.append(values)
            bar.advance(CHUNK, f"{values.mean():.2f}")
            if _flat(traces[stage_start:]):
                stage, stage_start = stage + 1, len(traces)
    except KeyboardInterrupt:
        interrupted = True
    trace = np.concatenate(traces) if traces else np.zeros(0)
    return Ascent(average, trace, stage == len(STAGES), interrupted)


def steps_of(objective: Objective) -> Chunk:
    """Return the function that takes `CHUNK` steps of Adam, to be compiled once for all ascents."""
    adam = optax.scale_by_adam()

    @jax.jit
    def chunk(params: Any, state: Any, rate: jax.Array, key: jax.Array, data: Any) -> Any:
        def step(carry: Any, key: jax.Array) -> Any:
            params, state, total = carry
            value, gradient = jax.value_and_grad(objective)(params, key, data)
            update, state = adam.update(gradient, state)
            params = jax.tree.map(lambda p, u: p + rate.astype(p.dtype) * u, params, update)
            return (params, state, jax.tree.map(jnp.add, total, params)), value

        zero = jax.tree.map(jnp.zeros_like, params)
        (params, state, total), values = jax.lax.scan(
            step, (params, state, zero), jax.random.split(key, CHUNK)
        )
        return params, state, jax.tree.map(lambda t: t / CHUNK, total), values

    return chunk


def _finite(params: Any) -> bool:
    return all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(params))


def _flat(traces: list[np.ndarray]) -> bool:
    """Whether the last window of chunks is no better than the one before, up to its standard error."""
    if len(traces) < 2 * WINDOW:
        return False
    before = np.concatenate(traces[-2 * WINDOW : -WINDOW])
    after = np.concatenate(traces[-WINDOW:])
    error = np.sqrt(before.var() / before.size + after.var() / after.size)
    return bool(after.mean() - before.mean() < 2 * error)
