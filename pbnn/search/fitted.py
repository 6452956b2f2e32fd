"""A study and its surrogate, fitted once for all that is said of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from optuna import Study
from optuna.trial import FrozenTrial

from pbnn.errors import MethodError
from pbnn.search.gp import Surrogate, fit_surrogate
from pbnn.search.inputs import Condition, Points
from pbnn.search.soften import Softening, soften
from pbnn.search.told import Told, inputs_of, no_score, read
from pbnn.threads import one_blas_thread

How = Literal["map", "nuts"]
PROB, Z = 0.9, 1.6448536269514722
"""Of the central intervals, and half their width in standard deviations."""


@final
@dataclass(frozen=True, eq=False)
class Fitted:
    """A study of one objective with its surrogate. Made by `fitted`; the facts of a study take it in its place.

    Parameters
    ----------
    study
        Of Optuna.
    told
        The trials whose scores count, their points, and their scores with the noise; larger is better.
    surrogate
        Fitted to the scores, softened.
    bend
        The softening.
    sign
        -1 of a study that minimises: times it, the scores told are the study's.
    how, seed
        Of the fit.
    """

    study: Study
    told: Told
    surrogate: Surrogate
    bend: Softening
    sign: float
    how: str
    seed: int

    @property
    def trials(self) -> list[FrozenTrial]:
        """Those whose scores count."""
        return list(self.told.trials)

    @property
    def points(self) -> Points:
        """Where the trials are."""
        return self.told.points

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
        return self.sign * self.told.observations[0].y

    @property
    def noise_sd(self) -> np.ndarray:
        """Standard deviation of each score's noise, known or learned, `(n,)`."""
        noise = self.surrogate.noise_variance
        return np.sqrt(noise) / self.bend.slope(self.told.observations[0].y)

    def predict(self, points: Points) -> dict[str, np.ndarray]:
        """Return what is believed of the true scores at points; see `in_own_units`."""
        return self.in_own_units(*self.surrogate.predict(points))

    def in_own_units(self, mean: np.ndarray, sd: np.ndarray) -> dict[str, np.ndarray]:
        """Return `mean`, `sd`, `lower` and `upper` in the units of the study, of softened scores.

        The ends of the interval are carried over exactly; mean and sd as at the mean, as `recommend` does.
        """
        back = self.bend.back
        own = back(mean)
        ends = np.sort(self.sign * np.stack([back(mean - Z * sd), back(mean + Z * sd)]), axis=0)
        return {"mean": self.sign * own, "sd": sd / self.bend.slope(own), "lower": ends[0], "upper": ends[1]}

    def best_of(self, which: np.ndarray | None = None) -> int:
        """Return the place, among the trials, of the best posterior mean; of some of them only, where `which` is."""
        mean = self.surrogate.predict(self.points)[0]
        return int(np.argmax(mean if which is None else np.where(which, mean, -np.inf)))


def fitted(
    study: Study | Fitted,
    how: How = "map",
    seed: int = 0,
    *,
    conditions: Mapping[str, Condition] | None = None,
) -> Fitted:
    """Fit the surrogate of a study; one that is fitted is returned as it is.

    `conditions` say when parameters are active; by default the study does.

    Raises
    ------
    MethodError
        If the study has several objectives.
    DataError
        If no trial has a score.
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
    if not any(t.state.is_finished() and t.distributions for t in study.get_trials(deepcopy=False)):
        raise no_score(study)
    inputs = inputs_of(study, conditions)
    with one_blas_thread():
        told = read(study, inputs)
        # Of a study in which no fit is to be trusted there is nothing else to show.
        told = told if told.trials else read(study, inputs, distrusted=True)
        if not told.trials:
            raise no_score(study)
        softened, bend = soften(told.observations[0])
        surrogate = fit_surrogate(inputs, softened, how, seed)
    sign = 1.0 if study.directions[0].name == "MAXIMIZE" else -1.0
    return Fitted(study, told, surrogate, bend, sign, how, seed)
