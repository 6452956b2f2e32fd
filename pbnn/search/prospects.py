"""Which of the configurations known is the best, how probably: what stops a trial early, and takes it up again."""

from dataclasses import dataclass
from typing import final

import numpy as np
from optuna import Study
from optuna.trial import FrozenTrial, TrialState
from threadpoolctl import threadpool_limits

from pbnn.search.gp import Surrogate, fit_surrogate
from pbnn.search.hyperparameters import unpack
from pbnn.search.inputs import Inputs, Points
from pbnn.search.recommend import compared
from pbnn.search.soften import soften
from pbnn.search.told import read

DRAWS = 4000
"""From the posterior, for probabilities: one of 0.05 is known to 0.0035 (standard error)."""


@final
@dataclass(frozen=True, eq=False)
class Prospects:
    """What is believed of the configurations that a study knows, from whole and partial scores.

    Parameters
    ----------
    trials
        Those that count, by number; trials that run too, once they have been scored on a part.
    points
        Theirs.
    configuration
        `(n,)`: of each trial, which configuration it is; trials with the same parameters have one.
    p_best
        `(m,)`: of each configuration, the probability that none of the others is better.
    noise
        `(n,)`: variance of the noise of each trial's score, in the surrogate's units, without what is common to all.
    surrogate
        Fitted to them, softened.
    """

    trials: list[FrozenTrial]
    points: Points
    configuration: np.ndarray
    p_best: np.ndarray
    noise: np.ndarray
    surrogate: Surrogate

    @property
    def complete(self) -> np.ndarray:
        """Which trials have been scored in full, `(n,)`."""
        return np.array([t.state == TrialState.COMPLETE for t in self.trials], bool)

    @property
    def stopped(self) -> np.ndarray:
        """Which trials were stopped, `(n,)`."""
        return np.array([t.state == TrialState.PRUNED for t in self.trials], bool)

    @property
    def nugget(self) -> float:
        """Variance of what a configuration's scores have beside the function and the noise that is known."""
        theta = self.surrogate.theta
        log = unpack(theta, self.surrogate.inputs.layout).log_nugget
        return float(self.surrogate.scale**2 * np.exp(log).mean())

    def p_among(self, trials: np.ndarray) -> float:
        """Return the probability that the best is one of the configurations that have only these trials `(n,)`."""
        others = set(self.configuration[~trials])
        return float(sum(p for c, p in enumerate(self.p_best) if c not in others))

    def place(self, number: int) -> int | None:
        """Return the place of a trial; None if it does not count."""
        return next((i for i, t in enumerate(self.trials) if t.number == number), None)


def prospects(
    study: Study, inputs: Inputs, *, seed: int = 0, start: Surrogate | None = None
) -> Prospects | None:
    """Return what is believed of the configurations of a study; None if no trial counts.

    The scores that trials have on some parts are adjusted for the parts they lack, with the noise that they share
    (`pbnn.search.told.read`); the surrogate's joint posterior of the true scores is drawn from.

    Parameters
    ----------
    study
        Of one objective.
    inputs
        Its space.
    seed
        Of the fit and the draws.
    start
        An earlier surrogate, at whose hyperparameters the climb begins too.
    """
    told = read(study, inputs, running=True)
    if not told.trials:
        return None
    softened, bend = soften(told.observations[0])
    points = told.points
    key = np.hstack([points.x, points.active]).round(12)
    _, first, configuration = np.unique(key, axis=0, return_index=True, return_inverse=True)
    # One thread of BLAS, for the reason that `mode.climb` gives.
    with threadpool_limits(1, "blas"):
        surrogate = fit_surrogate(inputs, softened, "map", seed, start=start)
        means, covariances = surrogate.joint(points[first])
    p_best, _ = compared(means, covariances, DRAWS, np.random.default_rng(seed), bend.back)
    noise = np.diag(softened.noise)
    return Prospects(list(told.trials), points, configuration.ravel(), p_best, noise, surrogate)


def stops(found: Prospects | None, number: int, *, risk: float, after: int) -> bool:
    """Return whether a trial is to be stopped.

    It is if the best of the configurations known is it, or one of those stopped before, with a probability below
    `risk`: so the promise is one for the whole study, however many trials are stopped.

    Parameters
    ----------
    found
        The prospects of the study in which it runs.
    number
        Of the trial.
    risk
        The probability.
    after
        So many trials have to be scored in full first: fewer do not tell how far scores can be trusted.
    """
    if found is None or found.complete.sum() < after or (place := found.place(number)) is None:
        return False
    which = found.stopped.copy()
    which[place] = True
    return found.p_among(which) < risk
