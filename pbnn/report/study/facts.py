"""What the page of a search knows: each fact computed once, when a section first asks for it."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import xarray as xr
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from pbnn.errors import DataError, MethodError, SpecError
from pbnn.report.blocks import NotApplicableError
from pbnn.report.words import plural
from pbnn.search import Recommendation, Search, best, fitted, history, importance, parallel, recommend, slices
from pbnn.search.attributes import FAILED, LOST, OF, SPACE
from pbnn.search.ending import ended
from pbnn.search.fitted import Fitted

WHERE = "report_study"
LEAST = 4
"""Scores without which there is nothing to see in a surrogate."""


@final
@dataclass(frozen=True, eq=False)
class StudyFacts:
    """A study, the search that made it if there is one, and what follows from them.

    Attributes
    ----------
    study
        Of Optuna.
    search
        What `optimize` returned; None of a study alone.
    seed
        Of every fit and draw.
    """

    study: Study
    search: Search | None
    seed: int

    @classmethod
    def of(cls, found: object, seed: int) -> "StudyFacts":
        """Gather what is there.

        Raises
        ------
        MethodError
            If it is no search of one objective.
        DataError
            If no trial has a score.
        """
        search = found if isinstance(found, Search) else None
        study = search.study if search else found
        if not isinstance(study, Study):
            raise MethodError(
                f"{WHERE}: expected what pbnn.search.optimize returns, or a study of Optuna; got a "
                f"{type(found).__name__}."
            )
        facts = cls(study, search, seed)
        _ = facts.recommendation  # says what is wrong before anything is drawn
        return facts

    @cached_property
    def recommendation(self) -> Recommendation:
        """What to take."""
        return self.search.recommendation if self.search else recommend(self.study, seed=self.seed)

    @cached_property
    def fitted(self) -> Fitted:
        """The surrogate, for what is drawn of it."""
        try:
            of = self.search.fitted if self.search else fitted(self.study, seed=self.seed)
        except (DataError, SpecError) as error:
            raise NotApplicableError(str(error)) from error
        if len(of.trials) < LEAST:
            raise NotApplicableError(f"there are only {plural(len(of.trials), 'score')} that count.")
        return of

    @cached_property
    def history(self) -> xr.Dataset:
        """How it went."""
        return history(self.fitted)

    @cached_property
    def importance(self) -> xr.Dataset:
        """Which parameters matter."""
        return importance(self.fitted, seed=self.seed)

    @cached_property
    def slices(self) -> xr.Dataset:
        """The score along each parameter."""
        return slices(self.fitted)

    @cached_property
    def parallel(self) -> xr.Dataset:
        """All trials across all parameters."""
        return parallel(self.fitted)

    @cached_property
    def best(self) -> xr.Dataset:
        """The best few."""
        return best(self.recommendation)

    @cached_property
    def trials(self) -> list[FrozenTrial]:
        """All trials."""
        return self.study.get_trials(deepcopy=False)

    @property
    def finished(self) -> list[FrozenTrial]:
        """Trials that are over."""
        return [t for t in self.trials if t.state.is_finished()]

    @property
    def scored(self) -> list[FrozenTrial]:
        """Trials with a score that counts."""
        return [t for t in self.trials if t.state == TrialState.COMPLETE and FAILED not in t.user_attrs]

    @property
    def troubled(self) -> list[tuple[FrozenTrial, str]]:
        """Trials whose score does not count, and why."""
        return [
            (t, _reason(t)) for t in self.finished if t.state == TrialState.FAIL or FAILED in t.user_attrs
        ]

    @property
    def objective(self) -> str:
        """What is scored, in words."""
        name = str(self.study.user_attrs.get(OF, "the objective"))
        return OBJECTIVES.get(name, name)

    @property
    def ended(self) -> str:
        """Why the search ended before its budget was spent, in words; empty if it did not."""
        return ended(self.study)

    @property
    def seconds(self) -> float:
        """The time that the trials took, all together."""
        return sum(t.duration.total_seconds() for t in self.finished if t.duration is not None)

    @property
    def network(self) -> str | None:
        """The recommended network as JSON; None of a study that is not of networks."""
        return self.search.recommended.to_json() if self.search else None

    def params(self, number: int) -> dict[str, Any]:
        """Return the parameters of a trial."""
        return dict(self.trials[number].params)


OBJECTIVES = {
    "elpd": "the log density of a row that the network has not seen (leave-one-out), in nats",
    "cv_lpd": "the log density of a row that the network has not seen (5-fold cross-validation), in nats",
    "evidence": "the log marginal likelihood of a row (Laplace's approximation), in nats",
}


def _reason(trial: FrozenTrial) -> str:
    for key in (FAILED, LOST):
        if key in trial.user_attrs:
            return str(trial.user_attrs[key])
    return "It ended without a score, and nothing more is known."


def space_of(study: Study) -> dict[str, Any]:
    """Return what was searched, by parameter, as Optuna writes it."""
    if SPACE in study.user_attrs:
        return {name: json.loads(text) for name, text in json.loads(study.user_attrs[SPACE]).items()}
    found = {name: d for t in study.get_trials(deepcopy=False) for name, d in t.distributions.items()}
    return {name: {"name": type(d).__name__, "attributes": d._asdict()} for name, d in found.items()}
