"""How chains of stochastic methods begin: at an optimised start, and at another one after a failure."""

from typing import Any

import numpy as np

from pbnn.infer.chains import Chains
from pbnn.infer.climb import Climb
from pbnn.infer.programs import State
from pbnn.target import Target


class Beginning:
    """The first stage of a chain: a climb (`Climb`) from a start of its own.

    Parameters
    ----------
    target
        What to climb.
    chains, restarts
        Number of chains, and how often each may begin anew.
    seed
        Of the starts and of everything random in the chains.
    same_rows
        All chains set the same rows aside, so that their scores can be compared; otherwise each sets aside its own.
    """

    def __init__(
        self, target: Target, chains: int, restarts: int, seed: int, *, same_rows: bool = False
    ) -> None:
        self.chains, self.restarts, self.seed, self.same_rows = chains, restarts, seed, same_rows
        self.climb = Climb(target)
        self.starts = target.starts(chains * (restarts + 1), seed)

    def first(self, index: int) -> State:
        """Return the state in which chain `index` begins."""
        return {"index": index, "n_gradients": 0, **self._afresh(index, 0, "")}

    def _afresh(self, index: int, restarts: int, reason: str) -> State:
        source = [self.seed] if self.same_rows else [self.seed, index, restarts]
        return {
            "stage": "climb",
            "key": np.random.SeedSequence(source).generate_state(2, np.uint32),
            "restarts": restarts,
            "reason": reason,
            "drawn_draws": 0,
            **self.climb.first(self.starts[index + restarts * self.chains]),
        }

    def tell(self, state: State, outputs: Any, then: str) -> State:
        """Return the state after a piece of the climb: at its end in stage `then`, with `climb_best` where it led."""
        new, over = self.climb.tell(state, outputs)
        if not over:
            return new
        if not np.isfinite(new["climb_score"]):
            return self.again(new, "its log density is not finite where the optimisation led")
        return new | {"stage": then}

    def again(self, state: State, reason: str) -> State:
        """Return the state of a chain that begins anew, or failed for good."""
        restarts = state["restarts"] + 1
        if restarts > self.restarts:
            return state | {"stage": "failed", "reason": reason, "drawn_draws": 0}
        fresh = self._afresh(state["index"], restarts, reason)
        return {**state, **fresh, "n_gradients": state["n_gradients"]}


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
