"""Which of the configurations known is the best, how probably: what stops a trial early, and takes it up again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from pbnn.errors import MethodError
from pbnn.search.gp import Surrogate, condition, fit_surrogate, rows_of
from pbnn.search.hyperparameters import unpack
from pbnn.search.inputs import Inputs, Points
from pbnn.search.observations import Observations
from pbnn.search.recommend import drawn
from pbnn.search.soften import soften
from pbnn.search.told import read
from pbnn.target.jaxify import scope
from pbnn.threads import one_blas_thread

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
    draws
        `(s, m)`: of the configurations' true scores, from their joint posterior, in the units of the objective.
    noise
        `(n,)`: variance of the noise of each trial's score, in the surrogate's units, without what is common to all.
    surrogate
        Fitted to them, softened.
    """

    trials: list[FrozenTrial]
    points: Points
    configuration: np.ndarray
    draws: np.ndarray
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
        log = unpack(theta, self.surrogate.rows.layout).log_nugget
        return 0.0 if log is None else float(self.surrogate.scale**2 * np.exp(log).mean())

    def p_among(self, trials: np.ndarray, margin: float = 0.0) -> float:
        """Return how probably the best, by more than `margin`, has none but these trials, `(n,)`."""
        others = np.unique(self.configuration[~trials])
        these = np.setdiff1d(self.configuration, others)
        if not len(these) or not len(others):
            return float(len(these) > 0)
        return float((self.draws[:, these].max(1) > self.draws[:, others].max(1) + margin).mean())

    def place(self, number: int) -> int | None:
        """Return the place of a trial; None if it does not count."""
        return next((i for i, t in enumerate(self.trials) if t.number == number), None)


def prospects(
    study: Study, inputs: Inputs, *, seed: int = 0, last: Prospects | None = None
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
    last
        What was believed earlier: its hyperparameters are taken while no more trials have finished, for what a trial
        scored on a part more says little of them; later the climb to others begins there too.
    """
    with one_blas_thread():
        told = read(study, inputs, running=True)
        if not told.trials:
            return None
        softened, bend = soften(told.observations[0])
        points = told.points
        first, configuration = points.grouped()
        surrogate = _fitted(inputs, softened, seed, _finished(told.trials), last)
        means, covariances = surrogate.joint(points[first])
        draws = bend.back(drawn(means, covariances, DRAWS, np.random.default_rng(seed)))
    noise = np.diag(softened.noise)
    return Prospects(list(told.trials), points, configuration, draws, noise, surrogate)


def _finished(trials: Sequence[FrozenTrial]) -> list[int]:
    return [t.number for t in trials if t.state.is_finished()]


def _fitted(
    inputs: Inputs, told: Observations, seed: int, finished: list[int], last: Prospects | None
) -> Surrogate:
    """Return the surrogate, with hyperparameters of its own only if more trials have finished than at the last time."""
    before = None if last is None or last.surrogate.inputs.layout != inputs.layout else last.surrogate
    if before is None:
        return fit_surrogate(inputs, told, "map", seed)
    rows = rows_of(inputs, told, before.loc, before.scale)
    if rows.layout != before.rows.layout:  # its hyperparameters are others, once parts are learned
        return fit_surrogate(inputs, told, "map", seed)
    if finished != _finished(last.trials):
        return fit_surrogate(inputs, told, "map", seed, start=before)
    with scope("float64"):
        arrays = condition(before.theta, rows)
    return replace(before, observations=told, rows=rows, arrays=arrays)


@final
@dataclass(frozen=True, slots=True)
class Rule:
    """When a trial is stopped: if the best of the configurations known is hardly it, or one of those stopped before.

    So the promise is one for the whole study, however many trials are stopped.

    Parameters
    ----------
    risk
        The probability that the best is among the stopped ones stays below this.
    margin
        Better by no more than this counts as no better, in the units of the objective.
    after
        So many trials have to be scored in full first: fewer do not tell how far scores can be trusted.
    where
        Whose options these are, for messages.

    Raises
    ------
    MethodError
        If one is none.
    """

    risk: float
    margin: float
    after: int
    where: str

    def __post_init__(self) -> None:
        risk, margin, after = self.risk, self.margin, self.after
        if isinstance(risk, bool) or not isinstance(risk, int | float) or not 0 < risk < 1:
            raise MethodError(f"{self.where}: risk must be a probability, between 0 and 1; got {risk!r}.")
        if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 <= margin < np.inf:
            raise MethodError(f"{self.where}: margin must be a number >= 0; got {margin!r}.")
        if isinstance(after, bool) or not isinstance(after, int) or after < 2:
            raise MethodError(f"{self.where}: after must be a whole number >= 2; got {after!r}.")

    def stops(self, found: Prospects | None, number: int) -> bool:
        """Return whether a trial that runs is to be stopped."""
        if found is None or found.complete.sum() < self.after or (place := found.place(number)) is None:
            return False
        which = found.stopped.copy()
        which[place] = True
        return found.p_among(which, self.margin) < self.risk
