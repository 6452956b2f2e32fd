"""Stochastic-gradient MCMC on minibatches: SGHMC and cyclical SGLD, from optimised starts."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from blackjax.sgmcmc import diffusions

from pbnn.errors import count
from pbnn.infer.chains import Chains, run_chains
from pbnn.infer.methods import SGMCMC
from pbnn.infer.minibatch import BATCHES, log_density_estimate, measure
from pbnn.infer.programs import Kept, Kernel, State
from pbnn.infer.run import Run, Session, run
from pbnn.infer.staged import Stage, Staged, Told, what_happened
from pbnn.target import Target

DRAWS = 25
"""In a piece of work."""
REACH = 0.3
"""Of SGHMC: the step size times the root of the largest curvature, the fastest frequency; beyond 2, steps diverge."""
PEAK = 1.0
"""Of cyclical SGLD: the largest step size times the largest curvature; beyond 2, steps diverge."""
HEAT = 0.1
"""By so much, relative to 1, the noise of minibatches may raise the temperature where that noise is largest."""
HOT = 2.0
"""Mean square momentum, between two draws, of a chain that its step size throws about; it should be 1."""
CUT = 3.0
"""Steps are so many times smaller while a chain settles, and after each restart."""

Slope = Callable[[jax.Array, jax.Array], jax.Array]
"""`(u, key)` to the gradient of the estimated log density."""


class SgChains(Staged):
    """The program of a chain: climb, measure, settle with small steps, measure again, and move.

    A chain moves in slots of `thin` steps, each of one step size. After `settling` slots come cycles,
    of `unkept` slots and then `kept` ones, which give a draw each; SGHMC has one cycle, and keeps all of it.
    Parameters are moved in units of `scale`, as measured.
    """

    def __init__(self, method: SGMCMC, target: Target, seed: int) -> None:
        super().__init__(target, method.chains, method.restarts, seed, then="measure")
        self.method, self.dim, self.dtype = method, target.dim, target.dtype
        # Where there are no more rows than in a batch, all of them are as cheap, and without noise.
        batch_size = method.batch_size if target.n_obs > method.batch_size else None
        self.settling = -(-method.tune // method.thin)
        self.kept = method.draws if method.kernel == "sghmc" else -(-method.draws // method.cycles)
        self.unkept = 0 if method.kernel == "sghmc" else self.kept
        self.cycle = self.unkept + self.kept
        # A step size of SGLD is the square of one of SGHMC.
        self.power = 1 if method.kernel == "sghmc" else 2
        self.kernels |= {
            "measure": target.once(
                ("measure", batch_size, "scaled"), lambda: jax.jit(measure(target, batch_size, scaled=True))
            ),
            "move": target.once(method, lambda: jax.jit(_move(target, method, batch_size))),
        }
        self.stages |= {
            "measure": Stage(self._ask_measure, self._measured),
            "move": Stage(self._ask_move, self._moved),
        }
        slots = [self.settling, *[self.unkept, self.kept] * -(-method.draws // self.kept)]
        self.pieces += 2 + sum(-(-n // DRAWS) for n in slots)

    def _ask_measure(self, state: State) -> tuple[str, Any]:
        return "measure", {"key": state["key"] ^ np.uint32(1), "z": state["z"]}

    def _ask_move(self, state: State) -> tuple[str, Any]:
        at = (state["z"], state["momentum"])
        counts = {"first": np.int32(state["slot"]), "n": np.int32(self._slots(state))}
        sizes = {"scale": state["scale"], "step_size": self._step_sizes(state)}
        return "move", {"key": state["key"] ^ np.uint32(2), "at": at, **sizes, **counts}

    def _place(self, state: State) -> int:
        """Return the number of the slot in its cycle; negative while the chain settles."""
        place = state["slot"] - self.settling
        return int(place if place < 0 else place % self.cycle)

    def _slots(self, state: State) -> int:
        """Return how many slots the next piece has: all of them keep their draws, or none."""
        place = self._place(state)
        end = next(end for end in (0, self.unkept, self.cycle) if place < end)
        left = self.method.draws - state["drawn_draws"] if place >= self.unkept else DRAWS
        return min(DRAWS, end - place, left)

    def _step_sizes(self, state: State) -> np.ndarray:
        place = self._place(state) + np.arange(DRAWS)
        if self.method.kernel == "sghmc" or place[0] < 0:
            sizes = np.full(DRAWS, state["step_size"])
        else:
            sizes = state["step_size"] * (np.cos(np.pi * (place + 0.5) / self.cycle) + 1) / 2
        return sizes.astype(self.dtype)

    def _climbed(self, state: State, outputs: Any) -> Told:
        new, _ = super()._climbed(state, outputs)
        return new | {"z": new["climb_best"], "slot": 0}, None

    def _measured(self, state: State, found: Any) -> Told:
        if not all(np.isfinite(value).all() for value in found.values()):
            return self.again(state, "its log density or gradient is not finite where it began")
        step = self.method.step_size or self._step_size(float(found["curvature"]), float(found["noise"]))
        careful = state["restarts"] + (state["slot"] < self.settling)
        new = {
            "stage": "move",
            "scale": found["scale"],
            "momentum": np.zeros(self.dim, self.dtype),
            "step_size": step / CUT ** (careful * self.power),
            "n_gradients": state["n_gradients"] + BATCHES,
        }
        return state | new, None

    def _step_size(self, curvature: float, noise: float) -> float:
        """Return a step size that is stable, and at which the variance `noise` of gradients adds little heat.

        Gradient noise adds `step_size**2 * noise` to the variance `2 * friction` of the noise that SGHMC gives to the
        momentum in a step; and half of `step_size * noise`, relative to 1, to the noise of SGLD.
        """
        # In units of `scale` no more than about 1 is possible by chance; the power iteration may have seen too little.
        curvature, noise = max(curvature, 1.0), max(noise, 1e-30)
        if self.method.kernel == "sghmc":
            return float(min(REACH / curvature**0.5, (2 * HEAT * self.method.friction / noise) ** 0.5))
        # Draws are kept from where the step size is half of the largest.
        return min(PEAK / curvature, 4 * HEAT / noise)

    def _moved(self, state: State, outputs: Any) -> Told:
        (z, momentum), visited = outputs
        n, kept, sizes = self._slots(state), self._place(state) >= self.unkept, self._step_sizes(state)
        visited = {name: values[:n] for name, values in (visited | {"step_size": sizes}).items()}
        state = state | {"z": z, "momentum": momentum, "slot": state["slot"] + n}
        state["n_gradients"] += n * self.method.thin
        hottest = float(visited["temperature"].max()) if "temperature" in visited else 1.0
        if not np.isfinite(visited["lp"]).all() or not hottest < HOT + 20 / self.dim:
            what = f"it became unstable at the step size {state['step_size']:.2g}"
            return self.again(state, what)
        if state["slot"] == self.settling:
            state["stage"] = "measure"
        if not kept:
            return state, None
        first = state["drawn_draws"]
        state["drawn_draws"] = first + n
        if first + n == self.method.draws:
            state["stage"] = "done"
        return state, Kept("draws", first, visited)


def _move(target: Target, method: SGMCMC, batch_size: int | None) -> Kernel:
    """Return the kernel that moves through up to `DRAWS` slots, and gives where each led."""
    estimate, thin = log_density_estimate(target, batch_size), method.thin

    def sghmc(keys: jax.Array, at: Any, step: jax.Array, slope: Slope) -> Any:
        u, momentum = at
        # As in Algorithm 2 of Chen et al., with one batch a step, and the gradient where the step leads, as in
        # leapfrog. BlackJAX's own loop keeps one batch for a whole trajectory, so that its errors add up, and takes
        # the gradient where the step began, which is not stable without friction.
        gradient = slope(u + step * momentum, keys[0])
        alpha = method.friction / step
        # With this beta, friction and noise balance exactly, also where friction is not small.
        u, momentum = diffusions.sghmc(alpha, alpha**2)(keys[1], u, momentum, gradient, step)
        return (u, momentum), (momentum**2).mean()

    # Zhang et al. leave the noise out while they explore. But a network that is optimised so far explains its data
    # with a noise scale near 0, far from where the posterior's mass is: here the noise stays.
    def csgld(keys: jax.Array, at: Any, step: jax.Array, slope: Slope) -> Any:
        u, momentum = at
        u = diffusions.overdamped_langevin()(keys[1], u, slope(u, keys[0]), step)
        return (u, momentum), jnp.zeros((), u.dtype)

    advance = sghmc if method.kernel == "sghmc" else csgld

    def move(inputs: Any, data: Any) -> Any:
        scale = inputs["scale"]

        def slope(u: jax.Array, key: jax.Array) -> jax.Array:
            return jax.grad(lambda u: estimate(scale * u, key, data))(u)

        def one(at: Any, slot: Any) -> Any:
            i, size = slot
            first = (inputs["first"] + i) * thin

            def step(j: jax.Array, carry: Any) -> Any:
                at, total = carry
                keys = jax.random.split(jax.random.fold_in(inputs["key"], first + j))
                at, square = advance(keys, at, size, slope)
                return at, total + square

            zero = jnp.zeros((), scale.dtype)
            at, total = jax.lax.fori_loop(0, jnp.where(i < inputs["n"], thin, 0), step, (at, zero))
            z = scale * at[0]
            visited = {"z": z, "lp": target.log_density(z, data)}
            if method.kernel == "sghmc":
                visited["temperature"] = total / thin
            return at, visited

        z, momentum = inputs["at"]
        slots = (jnp.arange(DRAWS, dtype=jnp.int32), inputs["step_size"])
        (u, momentum), visited = jax.lax.scan(one, (z / scale, momentum), slots)
        return (scale * u, momentum), visited

    return move


@run.register
def _(method: SGMCMC, target: Target, session: Session) -> Run:
    chains = run_chains("SGMCMC", SgChains(method, target, session.seed), method.chains, target, session)
    stats = dict(chains.draws)
    z = stats.pop("z")
    stats["restarts"] = chains.of_each("restarts", int)
    return chains.run(z, stats, "mcmc", _message(method, chains))


def _message(method: SGMCMC, chains: Chains) -> str:
    n_chains, n_draws = chains.draws["lp"].shape
    name = {"sghmc": "SGHMC", "csgld": "Cyclical SGLD"}[method.kernel]
    words = f"{name}, {count(n_chains, 'chain')} of {n_draws} draws"
    if "temperature" in chains.draws:
        words += f", at the temperature {chains.draws['temperature'].mean():.2f} (1 is exact)"
    return f"{words}.{what_happened(chains, method.chains)}"
