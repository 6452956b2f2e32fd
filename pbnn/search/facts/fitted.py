"""A study and its surrogate, fitted once for all that is said of it."""

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from optuna import Study
from optuna.trial import FrozenTrial

from pbnn.errors import MethodError
from pbnn.search.gp import Surrogate, fit_surrogate
from pbnn.search.hyperparameters import unpack
from pbnn.search.inputs import Points
from pbnn.search.told import counted, inputs_of, observations_of

How = Literal["map", "nuts"]


@final
@dataclass(frozen=True, eq=False)
class Fitted:
    """A study of one objective with its surrogate. Made by `fitted`; the facts of a study take it in its place.

    Parameters
    ----------
    study
        Of Optuna.
    trials
        Those whose score counts, in the order of the surrogate's observations.
    surrogate
        Fitted to them; larger is better in it.
    sign
        -1 of a study that minimises: times it, the surrogate's scores are the study's.
    how, seed
        Of the fit.
    """

    study: Study
    trials: list[FrozenTrial]
    surrogate: Surrogate
    sign: float
    how: str
    seed: int

    @property
    def points(self) -> Points:
        """Where the trials are."""
        return self.surrogate.observations.points

    @property
    def numbers(self) -> np.ndarray:
        """Numbers of the trials."""
        return np.array([t.number for t in self.trials])

    @property
    def direction(self) -> str:
        """`"maximize"` or `"minimize"`."""
        return "minimize" if self.sign < 0 else "maximize"

    @property
    def score(self) -> np.ndarray:
        """Scores in the units of the study, `(n,)`."""
        return self.sign * self.surrogate.observations.y

    @property
    def noise_sd(self) -> np.ndarray:
        """Standard deviation of each score's noise, known or learned, `(n,)`."""
        nugget = np.exp(unpack(self.surrogate.theta, self.surrogate.inputs.layout).log_nugget).mean()
        known = np.diag(self.surrogate.observations.noise)
        return np.sqrt(known + self.surrogate.scale**2 * nugget)

    def predict(self, points: Points) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of the true score, in the units of the study."""
        mean, sd = self.surrogate.predict(points)
        return self.sign * mean, sd

    def best_of(self, which: np.ndarray | None = None) -> int:
        """Return the place, among the trials, of the best posterior mean; of some of them only, where `which` is."""
        mean = self.surrogate.predict(self.points)[0]
        return int(np.argmax(mean if which is None else np.where(which, mean, -np.inf)))


def fitted(study: Study | Fitted, how: How = "map", seed: int = 0) -> Fitted:
    """Fit the surrogate of a study; one that is fitted is returned as it is.

    Raises
    ------
    MethodError
        If the study has several objectives.
    DataError
        If no trial has a score that counts.
    SpecError
        If the trials have no parameter in common.
    """
    if isinstance(study, Fitted):
        return study
    if not isinstance(study, Study):
        raise MethodError(
            f"fitted: expected a study of Optuna, such as the `study` of what optimize returns; got a "
            f"{type(study).__name__}."
        )
    if len(study.directions) != 1:
        raise MethodError(
            "fitted: the study has several objectives, and what is said here is of one. Its best trials are "
            "study.best_trials."
        )
    trials = counted(study)
    inputs = inputs_of(study)
    surrogate = fit_surrogate(inputs, observations_of(study, inputs), how, seed)
    sign = 1.0 if study.directions[0].name == "MAXIMIZE" else -1.0
    return Fitted(study, trials, surrogate, sign, how, seed)
