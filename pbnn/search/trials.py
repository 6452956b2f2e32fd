"""What a sampler reads of a study's trials: points, values to be maximised, constraints, and what others try just now."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from pbnn.search.inputs import Inputs, Points

SUGGESTED = "pbnn:suggested"
"""System attribute of a trial: what was suggested, from the moment on when it was; parameters come one by one."""
CONSTRAINTS = "constraints"
"""Where Optuna looks for the values of a `constraints_func`."""
OUTLYING = 10.0
"""Values further below the median than so many times the best is above it are drawn in to there."""
ROUNDING = 1e-9


def usable(study: Study, inputs: Inputs) -> tuple[list[FrozenTrial], Points]:
    """Return completed trials whose parameters are points of this space, and these points.

    A study that goes on with another space has trials outside: they say nothing here.
    """
    trials, sets = [], []
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        point = _point(inputs, trial.params)
        if point is not None and not np.isnan(trial.values).any():
            trials.append(trial)
            sets.append(point)
    return trials, _joined(sets, inputs)


def values_of(study: Study, trials: Sequence[FrozenTrial]) -> np.ndarray:
    """Return the values of trials, negated where they are minimised: `(n, k)`, finite.

    A network that diverged may have a value of -1e12, or none that is finite. Beside it all others would look alike, so
    what lies very far below the median is drawn in.
    """
    sign = np.array([-1.0 if d == StudyDirection.MINIMIZE else 1.0 for d in study.directions])
    return np.stack([_tamed(column) for column in (sign * np.array([t.values for t in trials])).T], axis=-1)


def _tamed(y: np.ndarray) -> np.ndarray:
    finite = y[np.isfinite(y)]
    if len(finite) == 0:
        return np.where(np.isnan(y), 0.0, np.sign(y))
    best, median = finite.max(), float(np.median(finite))
    reach = OUTLYING * (best - median)
    floor = max(finite.min(), median - reach) if reach > 0 else finite.min()
    return np.clip(y, floor, best)


def constraints_of(trials: Sequence[FrozenTrial]) -> dict[str, np.ndarray]:
    """Return the values of each constraint by name, `(n,)` each; NaN where a trial has none."""
    names = dict.fromkeys(name for trial in trials for name in trial.constraints)
    return {name: np.array([t.constraints.get(name, np.nan) for t in trials], float) for name in names}


def store_constraints(study: Study, trial: FrozenTrial, found: Callable[[FrozenTrial], Sequence[float]]) -> None:
    """Keep the values of a `constraints_func` where Optuna's own samplers keep and look for them."""
    values = tuple(float(v) for v in found(trial))
    if np.isnan(values).any():
        raise ValueError(f"GPSampler: constraints_func must return numbers; got {values} for trial {trial.number}.")
    _store(study, trial, CONSTRAINTS, values)


def store_suggestion(study: Study, trial: FrozenTrial, space: dict[str, BaseDistribution], params: Any) -> None:
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
        point = _point(inputs, params | other.params)
        if point is not None:
            sets.append(point)
    return _joined(sets, inputs)


def _point(inputs: Inputs, params: dict[str, Any]) -> Points | None:
    """Return a point if the parameters are one of this space."""
    try:
        point = inputs.points([params])
    except (ValueError, TypeError, KeyError):  # a parameter that is missing, or a choice that is none here
        return None
    top = np.array([max(c - 1, 1) for c in inputs.layout.choices])
    inside = (point.x >= -ROUNDING) & (point.x <= top + ROUNDING) & np.isfinite(point.x)
    return Points(np.clip(point.x, 0.0, top), point.active) if inside.all() else None


def _joined(sets: list[Points], inputs: Inputs) -> Points:
    return Points.joined(sets) if sets else Points(np.zeros((0, len(inputs))), np.zeros((0, len(inputs)), bool))
