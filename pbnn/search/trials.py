"""What a sampler reads and writes of trials besides their scores: constraints, and what others try just now."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from pbnn.search.inputs import Inputs, Points
from pbnn.search.told import joined, point_of

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
        told = other.system_attrs.get(SUGGESTED, {})
        params = {n: space[n].to_external_repr(v) for n, v in told.items() if n in space}
        point = point_of(inputs, params | other.params)
        if point is not None:
            sets.append(point)
    return joined(sets, inputs)
