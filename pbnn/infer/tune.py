"""Step size, length scale and metric of a microcanonical chain, found while it runs."""

import numpy as np

from pbnn.infer.methods import MCLMC
from pbnn.infer.microcanonical import Point, Settings, Travel
from pbnn.infer.programs import State

FIRST_STEP = 0.005
"""Small: from the bottom of a narrow valley, a large first step throws some chains to where nothing moves."""
TURN_LENGTH = 2.0
"""Length on which momentum turns, relative to the size of the posterior; 1 to 4 do about as well on networks."""
TRAJECTORY_LENGTH = 1.0
"""Of the adjusted dynamics, relative to the same."""
ACCEPTED_ENERGY = 0.14
"""Variance of the energy error at which 85 % of proposals are accepted, if it is normal."""
POWER = 4
"""Of the step size, with which the mean square of the energy error grows."""
WILDEST = 30.0
"""Energy error of a piece, relative to the wanted one, that counts at most; if all are so, the step size is halved."""
WIDEST = 1e4
"""The mean gradients of two parameters count as differing by no more."""
GAINS = (1.0, 0.5, 0.5, 0.5, 0.25)
"""How far the step size follows the energy error of a piece, in each phase: beyond a cliff, a chain is thrown about."""
SHRUNK = 0.75
"""Power of the measured metric that is used, which takes out much of the noise of a short measurement."""


class Tuning:
    """Rules of the adaptation, in five phases of equal length.

    In the first the step size grows from a small one to where the mean square energy error is as wanted; the chain
    leaves its start. In the second the metric is measured: the inverse of the mean square of each gradient, how far a
    parameter may go before its slope turns over. (Variances, the usual choice, say how far it goes in the end, which
    for correlated weights is too far.) In the third it is measured again, in the metric just found, in which the chain
    sees more. In the fourth the step size is found anew; the last step size is the mean of the fifth's, made smaller
    if the error there was too large after all: rare large errors make a mean that most pieces do not show. In these
    two the size of the posterior is measured, the root of the summed variances in that metric.
    """

    def __init__(self, method: MCLMC, dim: int, steps: int) -> None:
        self.adjusted, self.dim = method.adjusted, dim
        self.phase = max(4, steps // 500)
        self.pieces = 5 * self.phase
        self.target = ACCEPTED_ENERGY / dim if method.adjusted else method.energy_error
        self.reach = TRAJECTORY_LENGTH if method.adjusted else TURN_LENGTH

    def first(self, restarts: int) -> State:
        """Return the state in which the adaptation begins: more careful after each restart."""
        return {
            "target": self.target * 10.0**-restarts,
            "tune_piece": 0,
            "step_size": FIRST_STEP,
            "length": self.reach * self.dim**0.5,
            "metric": np.ones(self.dim),
            "tune_log_step": 0.0,
            "tune_energy": 0.0,
            **self._unseen(),
        }

    def _unseen(self) -> State:
        zero = np.zeros(self.dim)
        return {"tune_count": 0, "tune_mean": zero, "tune_square": zero, "tune_force": zero}

    def settings(self, state: State, parts: int = 1) -> Settings:
        """Return how the chain moves, in steps of one of so many `parts`."""
        dtype = state["z"].dtype
        step, length = state["step_size"] / parts, state["length"]
        return Settings(np.asarray(step, dtype), np.asarray(length, dtype), state["metric"].astype(dtype))

    def tell(self, state: State, travel: Travel, visited: Point) -> State:
        """Return the state after a piece that went through the points `visited`."""
        piece = state["tune_piece"] + 1
        now = (piece - 1) // self.phase
        energy = float(np.mean(travel.energy, dtype=float))
        # Without a Metropolis step only what is not finite is refused; with one, half of all is too much.
        refused = float(np.mean(travel.refused)) > 0.5 if self.adjusted else bool(travel.refused.any())
        fine = np.isfinite(energy) and not refused
        factor = np.clip((state["target"] / max(energy, 1e-30)) ** (1 / POWER), 0.25, 2) if fine else 0.5
        new = {**state, "tune_piece": piece}
        new["step_size"] = state["step_size"] * float(factor) ** GAINS[now]
        if now > 0:
            new |= _seen(state, visited)
        if now == 4:
            new["tune_log_step"] = state["tune_log_step"] + np.log(state["step_size"]) / self.phase
            # Of a single piece, so that one bad step does not stop the chain.
            worst = WILDEST * state["target"]
            seen = min(energy, worst) if fine else worst
            new["tune_energy"] = state["tune_energy"] + seen / self.phase
        if piece in (2 * self.phase, 3 * self.phase):
            new |= self._measured(new)
        if piece == self.pieces:
            new |= self._settled(new)
        return new

    def _measured(self, state: State) -> State:
        """Return the metric, and a step size with which no parameter moves farther than before."""
        force = state["tune_force"] / state["tune_count"]
        force = np.clip(force, np.median(force) / WIDEST**2, None) if force.any() else np.ones(self.dim)
        metric = np.maximum(force, force.max() / WIDEST**2) ** -SHRUNK
        step = state["step_size"] / (metric / state["metric"]).max() ** 0.5
        return {"metric": metric, "step_size": step, "length": self._length(state, metric), **self._unseen()}

    def _settled(self, state: State) -> State:
        excess = max(state["tune_energy"] / state["target"], 1.0)
        step = float(np.exp(state["tune_log_step"])) * excess ** (-1 / POWER)
        return {"step_size": step, "length": self._length(state, state["metric"]), **self._unseen()}

    def _length(self, state: State, metric: np.ndarray) -> float:
        variance = state["tune_square"] / state["tune_count"]
        return self.reach * max(float((variance / metric).sum()) ** 0.5, 1e-6)

    def over(self, state: State) -> bool:
        """Return whether the adaptation has ended."""
        return state["tune_piece"] >= self.pieces


def _seen(state: State, visited: Point) -> State:
    """Add points to the running mean and sum of squares, and to the sum of squared gradients."""
    z, force = visited.position.astype(float), visited.logdensity_grad.astype(float)
    before = state["tune_mean"]
    count = state["tune_count"] + len(z)
    mean = before + (z - before).sum(axis=0) / count
    return {
        "tune_count": count,
        "tune_mean": mean,
        "tune_square": state["tune_square"] + ((z - before) * (z - mean)).sum(axis=0),
        "tune_force": state["tune_force"] + (force**2).sum(axis=0),
    }
