"""Microcanonical Langevin chains from optimised starts, tuned and watched: what `fit` does by default."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pbnn.errors import MethodError, count
from pbnn.infer.chains import run_chains
from pbnn.infer.methods import MCLMC
from pbnn.infer.microcanonical import Point, Settings, adjusted, initial, unadjusted
from pbnn.infer.programs import Kept, Kernel, State
from pbnn.infer.run import Run, Session, run
from pbnn.infer.staged import Stage, Staged, Told, what_happened
from pbnn.infer.tune import Tuning
from pbnn.target import Target

DRAWS = 25
"""In a piece of work."""
TUNE_THIN = 4
"""Steps between the positions that tuning looks at."""
THIN, TUNE, MANY_ROWS = 60, 30_000, 1000
"""Steps between draws, and of adaptation, up to so many rows."""
LEAST_TUNE = 6_000
CHECK_SHARE = 16
"""One draw in so many is repeated at half the step size."""
ROUGH, SHORTER = 0.1, 0.8
"""From this mean square energy error of a step on, per parameter, steps become shorter by this factor: a chain that
finds its way into a narrower valley than it was tuned in needs them."""
WILD = 5.0
"""The same, of a chain that its step size throws about."""
REFUSED = 0.1
FROZEN = 1e-5
"""A step size, relative to the root of the number of parameters, at which a chain does not move."""


class MclmcChains(Staged):
    """The program of a chain: climb, begin, tune, draw, check.

    A chain that is frozen, diverges or gets stuck begins anew, at another start and more carefully; its draws are given
    up. After `method.restarts` of those it ends as failed, without draws.
    """

    def __init__(self, method: MCLMC, target: Target, seed: int) -> None:
        if target.dim < 2:
            raise MethodError("MCLMC: a model of one parameter has no direction to turn to; use pbnn.NUTS().")
        super().__init__(target, method.chains, method.restarts, seed, then="begin")
        self.method, self.dim = method, target.dim
        self.tuning = Tuning(method, target.dim, _tune(method, target.n_obs))
        self.thin = method.thin or _thin(method, target.n_obs)
        self.checks = 0 if method.adjusted else method.draws // CHECK_SHARE
        self.kernels |= {
            "begin": target.once("microcanonical start", lambda: jax.jit(_begin(target))),
            "move": target.once(method, lambda: jax.jit(_move(target, method))),
        }
        self.stages |= {
            "begin": Stage(self._ask_begin, self._begun),
            "tune": Stage(self._ask_tune, self._tuned),
            "draws": Stage(self._ask_draws, self._drew),
            "check": Stage(self._ask_draws, self._drew),
        }
        self.tune_thin = 1 if method.adjusted else TUNE_THIN
        taken = self.tuning.pieces * DRAWS * self.tune_thin
        self.tuned = f"{taken:,} {'trajectories' if method.adjusted else 'steps'}"
        # A climb usually ends long before its last piece.
        self.pieces = 10 + self.tuning.pieces + -(-method.draws // DRAWS) + -(-self.checks // DRAWS)

    def _ask_begin(self, state: State) -> tuple[str, Any]:
        return "begin", {"key": state["key"] ^ np.uint32(4), "z": state["climb_best"]}

    def _ask_tune(self, state: State) -> tuple[str, Any]:
        first = state["tune_piece"] * DRAWS * self.tune_thin
        return "move", _inputs(state, 1, self.tuning.settings(state), first, DRAWS, self.tune_thin)

    def _ask_draws(self, state: State) -> tuple[str, Any]:
        """Ask for draws; those of the check go half as far with each step, and take twice as many."""
        stage = state["stage"]
        half = 2 if stage == "check" else 1
        thin, done = self.thin * half, state[f"drawn_{stage}"]
        n = min(DRAWS, self._total(stage) - done)
        return "move", _inputs(state, 1 + half, self.tuning.settings(state, half), done * thin, n, thin)

    def _begun(self, state: State, point: Point) -> Told:
        if not np.isfinite(point.logdensity) or not np.isfinite(point.logdensity_grad).all():
            return self.again(state, "its log density is not finite where the optimisation led")
        tuning = self.tuning.first(state["restarts"])
        return {**state, **_unpacked(point), **tuning, "stage": "tune", "drawn_check": 0}, None

    def _tuned(self, state: State, outputs: Any) -> Told:
        point, travel, visited = outputs
        new = self.tuning.tell(state | _unpacked(point), travel, visited)
        new["n_gradients"] += int(travel.n_gradients.sum())
        if not self.tuning.over(new):
            return new, None
        if not new["step_size"] > FROZEN * self.dim**0.5:
            return self.again(new, f"it froze: its step size fell to {new['step_size']:.1g}")
        return new | {"stage": "draws"}, None

    def _drew(self, state: State, outputs: Any) -> Told:
        point, travel, visited = outputs
        z, lp = visited.position, visited.logdensity
        stage, done = state["stage"], state[f"drawn_{state['stage']}"]
        n = min(DRAWS, self._total(stage) - done)
        energy, refused = travel.energy[:n], travel.refused[:n]
        state = state | _unpacked(point)
        state["n_gradients"] += int(travel.n_gradients[:n].sum())
        wild = not self.method.adjusted and energy.mean() > WILD
        if (
            wild
            or refused.mean() > (0.9 if self.method.adjusted else REFUSED)
            or not np.isfinite(lp[:n]).all()
        ):
            what = f"energy error {energy.mean():.1g}, {100 * refused.mean():.0f} % of its steps refused"
            return self.again(state, f"it became unstable: {what}")
        step = np.full(n, state["step_size"])
        draws = {"z": z[:n], "lp": lp[:n], "energy_error": energy, "refused": refused, "step_size": step}
        if stage == "draws" and not self.method.adjusted and energy.mean() > ROUGH:
            state["step_size"] *= SHORTER
        state[f"drawn_{stage}"] = done + n
        if done + n == self._total(stage):
            state["stage"] = "check" if stage == "draws" and self.checks else "done"
        return state, Kept(stage, done, draws)

    def _total(self, stage: str) -> int:
        return self.method.draws if stage == "draws" else self.checks


def _thin(method: MCLMC, n_obs: int) -> int:
    """Return how many steps to take between draws; with a Metropolis step, how many trajectories."""
    return 1 if method.adjusted else max(1, round(THIN * _share(n_obs)))


def _tune(method: MCLMC, n_obs: int) -> int:
    return method.tune or max(LEAST_TUNE, round(TUNE * _share(n_obs)))


def _share(n_obs: int) -> float:
    """Return the share of the usual number of steps that is taken with so many rows: each step costs more."""
    return min(1.0, (MANY_ROWS / max(n_obs, 1)) ** 0.5)


def _inputs(state: State, stream: int, settings: Settings, first: int, n: int, thin: int) -> dict[str, Any]:
    """Return the inputs of a move, with random numbers of a `stream` of the chain's."""
    counts = {name: np.int32(count) for name, count in (("first", first), ("n", n), ("thin", thin))}
    return {"key": state["key"] ^ np.uint32(stream), "point": _point(state), "settings": settings, **counts}


def _point(state: State) -> Point:
    return Point(state["z"], state["momentum"], state["log_density"], state["gradient"])


def _unpacked(point: Point) -> State:
    names = ("z", "momentum", "log_density", "gradient")
    return dict(zip(names, point, strict=True))


def _begin(target: Target) -> Kernel:
    """Return the kernel that gives a chain its first momentum."""
    return lambda inputs, data: initial(target, inputs["key"], inputs["z"], data)


def _move(target: Target, method: MCLMC) -> Kernel:
    """Return the function that fills a buffer with up to `DRAWS` points, `thin` steps apart."""
    move = (adjusted if method.adjusted else unadjusted)(target)

    def travel(inputs: Any, data: Any) -> Any:
        thin, settings = inputs["thin"], inputs["settings"]

        def one(point: Point, i: jax.Array) -> Any:
            first = inputs["first"] + i * thin
            n = jnp.where(i < inputs["n"], thin, 0)
            point, cost = move(inputs["key"], point, first, n, settings, data)
            return point, (cost, point._replace(momentum=()))

        point, (costs, visited) = jax.lax.scan(one, inputs["point"], jnp.arange(DRAWS, dtype=jnp.int32))
        return point, costs, visited

    return travel


@run.register
def _(method: MCLMC, target: Target, session: Session) -> Run:
    program = MclmcChains(method, target, session.seed)
    chains = run_chains("MCLMC", program, method.chains, target, session)
    stats = dict(chains.draws)
    z = stats.pop("z")
    stats["length"] = chains.of_each("length")
    stats["restarts"] = chains.of_each("restarts", int)
    return chains.run(
        z,
        stats,
        "mcmc",
        f"MCLMC, {count(len(z), 'chain')} of {z.shape[1]} draws after {program.tuned} of adaptation."
        f"{what_happened(chains, method.chains)}",
    )
