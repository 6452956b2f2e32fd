"""Optimised starts: members of a deep ensemble, each stopped before it overfits."""

from typing import Any

import jax
import numpy as np
import optax

from pbnn.infer.minibatch import log_density_estimate, log_likelihood
from pbnn.infer.programs import Kernel, State
from pbnn.target import Target

LEARNING_RATE = 0.01
STEPS = 50
"""Of Adam, in a piece of work."""
PIECES = 60
PATIENCE = 6
"""Pieces without progress on the held-out rows before a member stops."""
HELD_OUT = 0.2
FEWEST_HELD_OUT = 10
BATCH = 1000
BLIND_PIECES = 6
"""Where no rows can be held out: enough to leave a bad start, too few to fall into a funnel."""


class Climb:
    """Adam on the log posterior, in pieces.

    A network with learned noise that is optimised to its end explains its data without noise: a region of tiny volume,
    far from where the posterior's mass is, that a sampler needs long to leave. So each member sets some rows aside,
    other ones for each, and keeps the point that predicted them best. Large data are taken in minibatches.
    """

    def __init__(self, target: Target) -> None:
        self.held_out = _held_out(target.n_obs)
        self.pieces = PIECES if self.held_out else BLIND_PIECES
        self.kernel = target.once(("climb", self.held_out), lambda: jax.jit(_kernel(target, self.held_out)))

    def first(self, z: np.ndarray) -> State:
        """Return the state of a climb that begins at `z`."""
        zero = np.zeros_like(z)
        return {
            "climb_z": z,
            "climb_mean": zero,
            "climb_square": zero,
            "climb_piece": 0,
            "climb_best": z,
            "climb_score": -np.inf,
            "climb_best_piece": 0,
        }

    def ask(self, state: State) -> Any:
        """Return the inputs of the kernel."""
        names = ("climb_z", "climb_mean", "climb_square")
        return {"key": state["key"], "piece": np.int32(state["climb_piece"]), "at": [state[n] for n in names]}

    def tell(self, state: State, outputs: Any) -> tuple[State, bool]:
        """Return the state after a piece, and whether the climb is over: then `climb_best` is where it led."""
        (z, mean, square), score = outputs
        piece = state["climb_piece"] + 1
        new = {
            **state,
            "climb_z": z,
            "climb_mean": mean,
            "climb_square": square,
            "climb_piece": piece,
            "n_gradients": state["n_gradients"] + STEPS,
        }
        finite = bool(np.isfinite(score)) and bool(np.isfinite(z).all())
        if finite and float(score) > state["climb_score"]:
            new |= {"climb_best": z, "climb_score": float(score), "climb_best_piece": piece}
        waited = piece - new["climb_best_piece"]
        return new, not finite or piece >= self.pieces or waited >= PATIENCE


def _held_out(n_obs: int) -> int:
    n = round(HELD_OUT * n_obs)
    return n if n >= FEWEST_HELD_OUT else 0


def _kernel(target: Target, held_out: int) -> Kernel:
    """Return the function that takes `STEPS` steps and scores where they led by the rows that were set aside."""
    adam = optax.scale_by_adam()
    batch_size = BATCH if target.n_obs - held_out > 2 * BATCH else None

    def climb(inputs: Any, data: Any) -> Any:
        key, piece, (z, mean, square) = inputs["key"], inputs["piece"], inputs["at"]
        key_rows, key_steps = jax.random.split(key)
        order = jax.random.permutation(key_rows, max(target.n_obs, 1))
        value = log_density_estimate(target, batch_size, order[held_out:] if held_out else None)
        state = optax.ScaleByAdamState(piece * STEPS, mean, square)

        def step(carry: Any, key: jax.Array) -> Any:
            z, state = carry
            update, state = adam.update(jax.grad(value)(z, key, data), state)
            return (z + LEARNING_RATE * update, state), None

        keys = jax.random.split(jax.random.fold_in(key_steps, piece), STEPS)
        (z, state), _ = jax.lax.scan(step, (z, state), keys)
        if held_out:
            score = log_likelihood(target, z, data, order[:held_out]).mean()
        else:
            score = target.log_density(z, data)
        return (z, state.mu, state.nu), score

    return climb
