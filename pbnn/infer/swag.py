"""SWAG: a Gaussian from the iterates of stochastic gradient descent, in each of several modes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pbnn.errors import MethodError
from pbnn.infer.chains import run_chains
from pbnn.infer.methods import SWAG
from pbnn.infer.minibatch import BATCHES, log_density_estimate, measure
from pbnn.infer.programs import Kept, Kernel, State
from pbnn.infer.run import Run, Session, run
from pbnn.infer.staged import Stage, Staged, Told, what_happened
from pbnn.target import Target

PIECE = 25
"""Iterates, or draws, in a piece of work."""
SETTLING = 4
"""First, one part in so many of the iterates is not looked at: from the start to where they belong."""
STABLE = 0.5
"""The learning rate times the largest curvature is no more; beyond 2, descent diverges."""
CUT = 3.0
FALL = 10.0
"""Nats per parameter, below the start, at which iterates are taken to diverge; at the best rate they lie 1/2 below."""


class Walks(Staged):
    """The program of a member: climb, measure, walk, draw.

    A walk that leaves the mode goes back to where the climb led, at a third of the learning rate.
    """

    def __init__(self, method: SWAG, target: Target, seed: int) -> None:
        if target.bnn is None:
            raise MethodError(
                "SWAG: minibatches need a model made by pbnn.build; use pbnn.ADVI() or pbnn.MCLMC()."
            )
        super().__init__(target, method.members, method.restarts, seed, then="measure")
        self.method, self.dim, self.dtype = method, target.dim, target.dtype
        self.settling = method.iterates // SETTLING
        batch_size = min(method.batch_size, target.n_obs)
        self.kernels |= {
            "measure": target.once(("measure", batch_size), lambda: jax.jit(measure(target, batch_size))),
            "walk": target.once(("walk", batch_size), lambda: jax.jit(_walk(target, batch_size))),
            "draw": target.once("SWAG draw", lambda: jax.jit(_draw(target))),
        }
        self.stages |= {
            "measure": Stage(self._ask_measure, self._measured),
            "walk": Stage(self._ask_walk, self._walked),
            "draw": Stage(self._ask_draw, self._drew),
        }
        self.pieces += 1 + -(-(self.settling + method.iterates) // PIECE) + -(-method.draws // PIECE)

    def _ask_measure(self, state: State) -> tuple[str, Any]:
        return "measure", {"key": state["key"] ^ np.uint32(1), "z": state["climb_best"]}

    def _ask_walk(self, state: State) -> tuple[str, Any]:
        left = self.settling + self.method.iterates - state["walked"]
        counts = {"first": state["walked"], "n": min(PIECE, left), "thin": self.method.thin}
        counts = {name: np.int32(count) for name, count in counts.items()}
        rate = np.asarray(state["learning_rate"], self.dtype)
        return "walk", {"key": state["key"] ^ np.uint32(2), "z": state["z"], "rate": rate, **counts}

    def _ask_draw(self, state: State) -> tuple[str, Any]:
        gaussian = [np.asarray(a, self.dtype) for a in self._gaussian(state)]
        first = np.int32(state["drawn_draws"])
        return "draw", {"key": state["key"] ^ np.uint32(3), "first": first, "of": gaussian}

    def _drew(self, state: State, outputs: Any) -> Told:
        done = state["drawn_draws"]
        n = min(PIECE, self.method.draws - done)
        state = state | {"drawn_draws": done + n}
        if done + n == self.method.draws:
            state["stage"] = "done"
        return state, Kept("draws", done, {name: values[:n] for name, values in outputs.items()})

    def _measured(self, state: State, found: Any) -> Told:
        if not all(np.isfinite(value).all() for value in found.values()):
            return self.again(state, "its log density or gradient is not finite at its start")
        rate = self.method.learning_rate
        if rate is None:
            rate = STABLE / max(float(found["curvature"]), 1.0)
            if found["noise_sum"] > 0:
                rate = min(rate, 2 * self.dim / float(found["noise_sum"]))
        measured = {"start_lp": float(found["lp"]), "n_gradients": state["n_gradients"] + BATCHES}
        return {**state, **measured, **self._at_start(state, rate)}, None

    def _at_start(self, state: State, rate: float) -> State:
        zero = np.zeros(self.dim)
        return {
            "stage": "walk",
            "z": state["climb_best"],
            "learning_rate": rate,
            "walked": 0,
            "mean": zero,
            "square": zero,
            "deviations": np.zeros((0, self.dim)),
        }

    def _walked(self, state: State, outputs: Any) -> Told:
        z, iterates, lp = outputs
        walked = state["walked"]
        n = min(PIECE, self.settling + self.method.iterates - walked)
        iterates, lp = iterates[:n].astype(float), lp[:n]
        state = state | {"n_gradients": state["n_gradients"] + n * self.method.thin}
        if not np.isfinite(iterates).all() or not lp.min() > state["start_lp"] - FALL * max(self.dim, 10):
            rate = state["learning_rate"]
            reason = f"it diverged at the learning rate {rate:.2g}"
            return self.again(state, reason, self._at_start(state, rate / CUT))
        new = {**state, "z": z, "walked": walked + n}
        for i, iterate in enumerate(iterates):
            count = walked + i + 1 - self.settling
            if count < 1:
                continue
            new["mean"] = new["mean"] + (iterate - new["mean"]) / count
            new["square"] = new["square"] + (iterate**2 - new["square"]) / count
            deviations = [*new["deviations"], iterate - new["mean"]][-self.method.rank :]
            new["deviations"] = np.stack(deviations)
        if new["walked"] == self.settling + self.method.iterates:
            new["stage"] = "draw"
        return new, None

    def _gaussian(self, state: State) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return mean, standard deviations and columns: half of the covariance comes from each of the last two."""
        variance = np.maximum(state["square"] - state["mean"] ** 2, 0)
        columns = state["deviations"] / (2 * (len(state["deviations"]) - 1)) ** 0.5
        return state["mean"], (variance / 2) ** 0.5, columns


def _walk(target: Target, batch_size: int) -> Kernel:
    """Return the kernel that takes up to `PIECE` times `thin` steps of gradient ascent, and gives where each led."""
    slope = jax.grad(log_density_estimate(target, batch_size))

    def walk(inputs: Any, data: Any) -> Any:
        thin, key = inputs["thin"], inputs["key"]

        def one(z: jax.Array, i: jax.Array) -> Any:
            first = (inputs["first"] + i) * thin

            def step(j: jax.Array, z: jax.Array) -> jax.Array:
                return z + inputs["rate"] * slope(z, jax.random.fold_in(key, first + j), data)

            z = jax.lax.fori_loop(0, jnp.where(i < inputs["n"], thin, 0), step, z)
            return z, (z, target.log_density(z, data))

        z, (iterates, lp) = jax.lax.scan(one, inputs["z"], jnp.arange(PIECE, dtype=jnp.int32))
        return z, iterates, lp

    return walk


def _draw(target: Target) -> Kernel:
    """Return the kernel that draws `PIECE` times from a Gaussian."""

    def draw(inputs: Any, data: Any) -> Any:
        mean, sd, columns = inputs["of"]

        def one(i: jax.Array) -> Any:
            key_sd, key_columns = jax.random.split(jax.random.fold_in(inputs["key"], inputs["first"] + i))
            z = mean + sd * jax.random.normal(key_sd, mean.shape, mean.dtype)
            z = z + jax.random.normal(key_columns, columns.shape[:1], mean.dtype) @ columns
            return {"z": z, "lp": target.log_density(z, data)}

        return jax.lax.map(one, jnp.arange(PIECE, dtype=jnp.int32))

    return draw


@run.register
def _(method: SWAG, target: Target, session: Session) -> Run:
    chains = run_chains("SWAG", Walks(method, target, session.seed), method.members, target, session)
    stats = dict(chains.draws)
    z = stats.pop("z")
    stats |= {"learning_rate": chains.of_each("learning_rate"), "restarts": chains.of_each("restarts", int)}
    return chains.run(
        z,
        stats,
        "approximate",
        f"SWAG: {len(z)} Gaussians, each from {method.iterates} iterates."
        f"{what_happened(chains, method.members, 'members')}",
    )
