"""Microcanonical Langevin chains from optimised starts, tuned and watched: what `fit` does by default."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pbnn.errors import MethodError
from pbnn.infer.climb import Climb
from pbnn.infer.methods import MCLMC
from pbnn.infer.microcanonical import Point, adjusted, initial, unadjusted
from pbnn.infer.programs import InMemory, Keeper, Kept, Kernel, State, run_programs
from pbnn.infer.progress import progress_bar
from pbnn.infer.run import Run, Session, alike, run
from pbnn.infer.tune import Tuning
from pbnn.target import Target

DRAWS = 25
"""In a piece of work."""
TUNE_THIN = 4
"""Steps between the positions that tuning looks at."""
CHECK_SHARE = 16
"""One draw in so many is repeated at half the step size."""
WILD = 0.5
"""Mean square energy error of a step, per parameter, of a chain that its step size throws about."""
REFUSED = 0.1
FROZEN = 1e-5
"""A step size, relative to the root of the number of parameters, at which a chain does not move."""


class MclmcChains:
    """The program of a chain: climb, begin, tune, draw, check.

    A chain that is frozen, diverges or gets stuck begins anew, at another start and more carefully; its draws are given
    up. After `method.restarts` of those it ends as failed, without draws.
    """

    def __init__(self, method: MCLMC, target: Target, seed: int) -> None:
        if target.dim < 2:
            raise MethodError("MCLMC: a model of one parameter has no direction to turn to; use pbnn.NUTS().")
        self.method, self.dim, self.seed = method, target.dim, seed
        self.climb, self.tuning = Climb(target), Tuning(method, target.dim)
        self.starts = target.starts(method.chains * (method.restarts + 1), seed)
        self.checks = 0 if method.adjusted else method.draws // CHECK_SHARE
        self.kernels: dict[str, Kernel] = {
            "climb": self.climb.kernel,
            "begin": lambda inputs, data: initial(target, inputs["key"], inputs["z"], data),
            "move": _move(target, method),
        }
        self.pieces = 10 + self.tuning.pieces + -(-method.draws // DRAWS) + -(-self.checks // DRAWS)

    def first(self, index: int) -> State:
        """Return the state in which chain `index` begins."""
        return {"index": index, "n_gradients": 0, **self._afresh(index, 0, "")}

    def _afresh(self, index: int, restarts: int, reason: str) -> State:
        words = np.random.SeedSequence([self.seed, index, restarts]).generate_state(2, np.uint32)
        start = self.starts[index + restarts * self.method.chains]
        return {
            "stage": "climb",
            "key": words,
            "restarts": restarts,
            "reason": reason,
            "drawn_draws": 0,
            "drawn_check": 0,
            **self.climb.first(start),
            **self.tuning.first(restarts),
        }

    def ask(self, state: State) -> tuple[str, Any] | None:
        """Return the name and the inputs of the next piece of work; None when the chain is done."""
        stage, key = state["stage"], state["key"]
        if stage in ("done", "failed"):
            return None
        if stage == "climb":
            return "climb", self.climb.ask(state)
        if stage == "begin":
            return "begin", {"key": key, "z": state["climb_best"]}
        if stage == "tune":
            thin = 1 if self.method.adjusted else TUNE_THIN
            first, n, settings = state["tune_piece"] * DRAWS * thin, DRAWS, self.tuning.settings(state)
            key = key ^ np.uint32(1)
        else:
            # The check goes half as far with each step, and keeps every position after twice as many.
            half = 2 if stage == "check" else 1
            thin, n = self.method.thin * half, min(DRAWS, self._total(stage) - state[f"drawn_{stage}"])
            first = state[f"drawn_{stage}"] * thin
            settings = self.tuning.settings(state, half)
            key = key ^ np.uint32(1 + half)
        counts = {"first": first, "n": n, "thin": thin}
        counts = {name: np.int32(count) for name, count in counts.items()}
        return "move", {"key": key, "point": _point(state), "settings": settings, **counts}

    def tell(self, state: State, outputs: Any) -> tuple[State, Kept | None]:
        """Return the state after that piece, and the draws it gave."""
        stage = state["stage"]
        if stage == "climb":
            new, over = self.climb.tell(state, outputs)
            return (new | {"stage": "begin"} if over else new), None
        if stage == "begin":
            return self._begun(state, outputs), None
        if stage == "tune":
            return self._tuned(state, outputs), None
        return self._drew(state, outputs)

    def _begun(self, state: State, point: Point) -> State:
        if not np.isfinite(point.logdensity) or not np.isfinite(point.logdensity_grad).all():
            return self._restart(state, "its log density is not finite where the optimisation led")
        return state | _unpacked(point) | {"stage": "tune"}

    def _tuned(self, state: State, outputs: Any) -> State:
        point, travel, visited = outputs
        new = self.tuning.tell(state | _unpacked(point), travel, visited)
        new["n_gradients"] += int(travel.n_gradients.sum())
        if not self.tuning.over(new):
            return new
        if not new["step_size"] > FROZEN * self.dim**0.5:
            return self._restart(new, f"it froze: its step size fell to {new['step_size']:.1g}")
        return new | {"stage": "draws"}

    def _drew(self, state: State, outputs: Any) -> tuple[State, Kept | None]:
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
            return self._restart(state, f"it became unstable: {what}"), None
        draws = {"z": z[:n], "lp": lp[:n], "energy_error": energy, "refused": refused}
        state[f"drawn_{stage}"] = done + n
        if done + n == self._total(stage):
            state["stage"] = "check" if stage == "draws" and self.checks else "done"
        return state, Kept(stage, done, draws)

    def _total(self, stage: str) -> int:
        return self.method.draws if stage == "draws" else self.checks

    def _restart(self, state: State, reason: str) -> State:
        restarts = state["restarts"] + 1
        if restarts > self.method.restarts:
            return state | {"stage": "failed", "reason": reason, "drawn_draws": 0, "drawn_check": 0}
        fresh = self._afresh(state["index"], restarts, reason)
        return {**state, **fresh, "n_gradients": state["n_gradients"]}


def _point(state: State) -> Point:
    return Point(state["z"], state["momentum"], state["log_density"], state["gradient"])


def _unpacked(point: Point) -> State:
    names = ("z", "momentum", "log_density", "gradient")
    return dict(zip(names, point, strict=True))


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
    keeper = InMemory()
    chains = range(method.chains)
    with progress_bar("MCLMC", method.chains * program.pieces, show=session.progress) as bar:
        interrupted = run_programs(program, target, chains, keeper, bar.advance)
    return _collect(method, keeper, interrupted)


def _collect(method: MCLMC, keeper: Keeper, interrupted: bool) -> Run:
    states = {i: keeper.state(i) or {} for i in range(method.chains)}
    failed = {i: s["reason"] for i, s in states.items() if s.get("stage") == "failed"}
    drawn = {i: keeper.draws(i, "draws") for i in states if i not in failed}
    drawn = {i: d for i, d in drawn.items() if d}
    if not drawn:
        if failed and not interrupted:
            raise MethodError(
                f"MCLMC: no chain could be run, not after {method.restarts} restarts: {next(iter(failed.values()))}. "
                "Is the posterior proper, and smooth? Are there values of extreme size in the data? Try "
                "precision='float64', a smaller energy_error, or pbnn.NUTS()."
            )
        raise MethodError(
            "fit: interrupted before the first draw, during warm-up; there is nothing to return. "
            "Lower `tune` for a quick look."
        )
    kept = alike([len(d["lp"]) for d in drawn.values()])
    begun = [i for i, d in drawn.items() if len(d["lp"]) >= kept]
    stats = {name: np.stack([drawn[i][name][:kept] for i in begun]) for name in drawn[begun[0]]}
    z = stats.pop("z")
    for name, dtype in (("step_size", float), ("length", float), ("restarts", int)):
        each = np.asarray([states[i][name] for i in begun], dtype)
        stats[name] = np.broadcast_to(each[:, None], stats["lp"].shape).copy()
    restarts = sum(s.get("restarts", 0) for s in states.values())
    words = [f"MCLMC, {len(begun)} chains of {kept} draws after {method.tune} steps of adaptation."]
    if interrupted:
        words = [f"Interrupted: {len(begun)} of {method.chains} chains, {kept} of {method.draws} draws."]
    if restarts:
        reasons = dict.fromkeys(s["reason"] for s in states.values() if s.get("reason"))
        words.append(f"{restarts} restarts: {'; '.join(reasons)}.")
    if failed:
        words.append(f"{len(failed)} of {method.chains} chains could not be run and are left out.")
    checks = {i: keeper.draws(i, "check") for i in begun}
    n_check = min(len(c["lp"]) if c else 0 for c in checks.values())
    return Run(
        z,
        stats,
        "mcmc",
        check=np.stack([checks[i]["z"][:n_check] for i in begun]) if n_check else None,
        n_gradients=sum(s.get("n_gradients", 0) for s in states.values()),
        interrupted=interrupted,
        message=" ".join(words),
    )
