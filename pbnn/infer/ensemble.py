"""A deep ensemble: networks optimised from independent starts."""

from typing import Any

import jax
import numpy as np

from pbnn.errors import MethodError
from pbnn.infer.chains import run_chains
from pbnn.infer.climb import STEPS
from pbnn.infer.methods import Ensemble
from pbnn.infer.programs import Kept, Kernel, State
from pbnn.infer.run import Run, Session, run
from pbnn.infer.staged import Stage, Staged, Told, what_happened
from pbnn.target import Target

RESAMPLED = 20
"""Draws for each member, when members are weighted."""


class Members(Staged):
    """The program of a member: climb, then one draw, where the climb led."""

    def __init__(self, method: Ensemble, target: Target, seed: int) -> None:
        self.weighted = method.weighting == "held_out"
        super().__init__(target, method.members, method.restarts, seed, then="end", same_rows=self.weighted)
        self.held_out = self.climb.held_out
        if self.weighted and not self.held_out:
            raise MethodError(
                "Ensemble: weighting='held_out' needs a model made by pbnn.build, with at least 48 rows, so that some "
                "can be set aside; use weighting='uniform'."
            )
        self.kernels["end"] = target.once("log density", lambda: jax.jit(_log_density(target)))
        self.stages["end"] = Stage(lambda state: ("end", {"z": state["climb_best"]}), self._ended)
        self.pieces += 1

    def _ended(self, state: State, lp: Any) -> Told:
        draw = {"z": state["climb_best"][None], "lp": np.reshape(lp, 1)}
        return state | {"stage": "done", "drawn_draws": 1}, Kept("draws", 0, draw)


def _log_density(target: Target) -> Kernel:
    return lambda inputs, data: target.log_density(inputs["z"], data)


@run.register
def _(method: Ensemble, target: Target, session: Session) -> Run:
    program = Members(method, target, session.seed)
    chains = run_chains("Ensemble", program, method.members, target, session)
    z, lp = chains.draws["z"][:, 0], chains.draws["lp"][:, 0]
    scores = np.array([state["climb_score"] for state in chains.states])
    weights = np.full(len(z), 1 / len(z))
    member = np.arange(len(z))
    if program.weighted:
        weights = held_out_weights(scores, program.held_out)
        n = method.draws or RESAMPLED * method.members
        member = systematic(weights, n, np.random.default_rng([session.seed, method.members]))
    stats = {"lp": lp, "weight": weights, "member": np.arange(len(z))}
    if program.held_out:
        stats["held_out_lpd"] = scores
    return chains.run(
        z[member][None],
        {name: values[member][None] for name, values in stats.items()},
        "approximate",
        f"Deep ensemble of {len(z)} members, each of up to {program.climb.pieces * STEPS} steps of Adam."
        f"{what_happened(chains, method.members, 'members')}",
    )


def held_out_weights(lpd: np.ndarray, n_rows: int) -> np.ndarray:
    """Return weights `(member,)` in proportion to the likelihood of `n_rows` held-out rows (pseudo-BMA).

    The same rows say when each member stops, so the scores are a little too good, of all members alike.

    Parameters
    ----------
    lpd
        Mean log-likelihood of the same held-out rows by each member (nats per row).
    """
    log_weights = n_rows * (lpd - lpd.max())
    weights: np.ndarray = np.exp(log_weights)
    return weights / weights.sum()


def systematic(weights: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return `n` members by systematic resampling: each `n * weight` times, rounded up or down at random."""
    edges = np.cumsum(weights)
    edges[-1] = 1.0  # whatever rounding left of it
    return np.searchsorted(edges, (rng.uniform() + np.arange(n)) / n, side="right").clip(max=len(weights) - 1)
