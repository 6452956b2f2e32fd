"""Programs in stages, of which the first is a climb to an optimised start, and which begin anew after a failure."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pbnn.infer.chains import Chains
from pbnn.infer.climb import Climb
from pbnn.infer.programs import Kept, Kernel, State
from pbnn.target import Target

Told = tuple[State, Kept | None]
"""The state after a piece of work, and the draws it gave."""


class Stage(NamedTuple):
    """What a chain asks for in a stage, and what it makes of the answer (see `Program`)."""

    ask: Callable[[State], tuple[str, Any]]
    tell: Callable[[State, Any], Told]


class Staged:
    """A program of which each chain first climbs (`Climb`) from a start of its own, and then enters stage `then`.

    A subclass adds kernels, stages and pieces. A chain in a stage that is not there, such as `"done"`, has ended.

    Parameters
    ----------
    target
        What to climb.
    chains, restarts
        Number of chains, and how often each may begin anew.
    seed
        Of the starts and of everything random in the chains.
    then
        The stage after the climb, in which `climb_best` in the state is where it led.
    same_rows
        All chains set the same rows aside, so that their scores can be compared; otherwise each sets aside its own.
    """

    def __init__(
        self, target: Target, chains: int, restarts: int, seed: int, *, then: str, same_rows: bool = False
    ) -> None:
        self.chains, self.restarts, self.seed, self.same_rows = chains, restarts, seed, same_rows
        self.then = then
        self.climb = Climb(target)
        self.starts = target.starts(chains * (restarts + 1), seed)
        self.kernels: dict[str, Kernel] = {"climb": self.climb.kernel}
        self.stages = {"climb": Stage(lambda state: ("climb", self.climb.ask(state)), self._climbed)}
        self.pieces = self.climb.pieces

    def first(self, index: int) -> State:
        """Return the state in which chain `index` begins."""
        return {"index": index, "n_gradients": 0, "restarts": 0, "reason": "", **self._afresh(index, 0)}

    def ask(self, state: State) -> tuple[str, Any] | None:
        """Return the name and the inputs of the next piece of work; None when the chain is done."""
        stage = self.stages.get(state["stage"])
        return None if stage is None else stage.ask(state)

    def tell(self, state: State, outputs: Any) -> Told:
        """Return the state after that piece, and the draws it gave."""
        return self.stages[state["stage"]].tell(state, outputs)

    def _afresh(self, index: int, restarts: int) -> State:
        source = [self.seed] if self.same_rows else [self.seed, index, restarts]
        return {
            "stage": "climb",
            "key": np.random.SeedSequence(source).generate_state(2, np.uint32),
            "drawn_draws": 0,
            **self.climb.first(self.starts[index + restarts * self.chains]),
        }

    def _climbed(self, state: State, outputs: Any) -> Told:
        new, over = self.climb.tell(state, outputs)
        if not over:
            return new, None
        if not np.isfinite(new["climb_score"]):
            return self.again(new, "its log density is not finite where the optimisation led")
        return new | {"stage": self.then}, None

    def again(self, state: State, reason: str, start: State | None = None) -> Told:
        """Return the state of a chain that begins anew, at another start or as `start` says; or failed for good."""
        restarts = state["restarts"] + 1
        if restarts > self.restarts:
            return state | {"stage": "failed", "reason": reason, "drawn_draws": 0}, None
        if start is None:
            start = self._afresh(state["index"], restarts)
        return {**state, **start, "restarts": restarts, "reason": reason}, None


def what_happened(chains: Chains, wanted: int, noun: str = "chains") -> str:
    """Return sentences on what went wrong, each after a space; none if nothing did."""
    words = []
    if chains.interrupted:
        words.append(f"Interrupted: {len(chains.states)} of {wanted} {noun} are kept.")
    if chains.restarts:
        count = "was 1 restart" if chains.restarts == 1 else f"were {chains.restarts} restarts"
        words.append(f"There {count}: {'; '.join(chains.reasons)}.")
    if chains.failed:
        words.append(f"{len(chains.failed)} of {wanted} {noun} could not be run and are left out.")
    return "".join(f" {sentence}" for sentence in words)
