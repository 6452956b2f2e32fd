"""What a sampler reads and writes of trials besides their scores: constraints, and what others try just now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from pbnn.errors import SpecError
from pbnn.search.attributes import PART
from pbnn.search.inputs import Inputs, Points
from pbnn.search.told import joined, points_of

SUGGESTED = "pbnn:suggested"
"""System attribute of a trial: what was suggested, from the moment on when it was; parameters come one by one."""
CONSTRAINTS = "constraints"
"""Where Optuna looks for the values of a `constraints_func`."""


def constraints_of(trials: Sequence[FrozenTrial]) -> dict[str, np.ndarray]:
    """Return the values of each constraint by name, `(n,)` each; NaN where a trial has none."""
    names = dict.fromkeys(name for trial in trials for name in trial.constraints)
    return {name: np.array([t.constraints.get(name, np.nan) for t in trials], float) for name in names}


def store_constraints(
    study: Study, trial: FrozenTrial, found: Callable[[FrozenTrial], Sequence[float]]
) -> None:
    """Keep the values of a `constraints_func` where Optuna's own samplers keep and look for them."""
    values = tuple(float(v) for v in found(trial))
    if np.isnan(values).any():
        raise ValueError(
            f"GPSampler: constraints_func must return numbers; got {values} for trial {trial.number}."
        )
    _store(study, trial, CONSTRAINTS, values)


def store_part(study: Study, trial: FrozenTrial, part: str) -> None:
    """Say which part a trial is to be scored on."""
    _store(study, trial, PART, part)


def part_of(trial: Trial | FrozenTrial) -> str:
    """Return the part (fold, seed) that a trial of `GPSampler(parts=...)` is to be scored on.

    It is chosen together with the parameters, so the first of these must have been suggested.

    Raises
    ------
    SpecError
        If its sampler chose none.

    Examples
    --------
    >>> import optuna
    >>> from pbnn.search import GPSampler, report_part
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> def loss(trial):
    ...     x, fold = trial.suggest_float("x", -1, 1), part_of(trial)
    ...     score = x**2 + 0.1 * int(fold)
    ...     report_part(trial, fold, score)
    ...     return score
    >>> study = optuna.create_study(sampler=GPSampler(parts=["1", "2"], seed=1))
    >>> study.optimize(loss, n_trials=3)
    >>> [part_of(trial) for trial in study.trials]
    ['1', '2', '1']
    """
    part = chosen_part(trial)
    if part is None:
        raise SpecError(
            f"part_of: trial {trial.number} has no part. Ask for it after the first parameter is suggested, in a study "
            "whose sampler is GPSampler(parts=[...])."
        )
    return part


def chosen_part(trial: Trial | FrozenTrial) -> str | None:
    """Return the part that the sampler chose for a trial; None if it chose none."""
    # What a sampler writes of a running trial is in the storage alone.
    running = isinstance(trial, Trial)
    attrs = (trial.study.get_trials(deepcopy=False)[trial.number] if running else trial).system_attrs
    return str(attrs[PART]) if PART in attrs else None


@final
@dataclass(frozen=True, slots=True)
class Cells:
    """Points `(n, d)`, and the part that each was given to be scored on."""

    points: Points
    parts: Sequence[str]


def given(study: Study, trial: FrozenTrial, inputs: Inputs, space: dict[str, BaseDistribution]) -> Cells:
    """Return what other trials were given to be scored: those that run, and those that ended, well or not."""
    points, parts = [], []
    for other in study.get_trials(deepcopy=False):
        point = _suggested(other, inputs, space)
        if other.number != trial.number and PART in other.system_attrs and point is not None:
            points.append(point)
            parts.append(str(other.system_attrs[PART]))
    return Cells(joined(points, inputs), parts)


def store_suggestion(
    study: Study, trial: FrozenTrial, space: dict[str, BaseDistribution], params: Any
) -> None:
    """Let other workers know at once what this trial will try."""
    _store(study, trial, SUGGESTED, {n: space[n].to_internal_repr(v) for n, v in params.items()})


def _store(study: Study, trial: FrozenTrial, key: str, value: Any) -> None:
    # Optuna has no public way to write to a trial that a sampler is handed; its own samplers write so too.
    study._storage.set_trial_system_attr(trial._trial_id, key, value)


def pending(study: Study, trial: FrozenTrial, inputs: Inputs, space: dict[str, BaseDistribution]) -> Points:
    """Return the points that other trials try just now, as far as their parameters are known."""
    sets = []
    for other in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if other.number == trial.number:
            continue
        point = _suggested(other, inputs, space)
        if point is not None:
            sets.append(point)
    return joined(sets, inputs)


def _suggested(trial: FrozenTrial, inputs: Inputs, space: dict[str, BaseDistribution]) -> Points | None:
    """Return the point of a trial, as far as it is known yet."""
    told = trial.system_attrs.get(SUGGESTED, {})
    params = {n: space[n].to_external_repr(v) for n, v in told.items() if n in space}
    return points_of(inputs, [params | trial.params])[0]
