"""What a sampler reads of a study's trials: points, values to be maximised, constraints, and what others try now."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from pbnn.search.inputs import Inputs, Points
from pbnn.search.noise import capped, noise_of_parts
from pbnn.search.observations import Observations

SUGGESTED = "pbnn:suggested"
"""System attribute of a trial: what was suggested, from the moment on when it was; parameters come one by one."""
CONSTRAINTS = "constraints"
"""Where Optuna looks for the values of a `constraints_func`."""
OUTLYING = 10.0
"""Values further below the median than so many times the best is above it are drawn in to there."""
ROUNDING = 1e-9
SE, INFERENCE_SE, PARTS, FAILED = "pbnn:se", "pbnn:inference_se", "pbnn:parts", "pbnn:failed"
"""User attributes in which a trial says how far its score is to be trusted."""


def usable(study: Study, inputs: Inputs) -> tuple[list[FrozenTrial], Points, Points]:
    """Return completed trials whose parameters are points of this space, these points, and points of failed fits.

    A study that goes on with another space has trials outside: they say nothing here. Nor does the score of a fit that
    is not to be trusted say anything of its network; but it need not be tried again.
    """
    trials, sets, failed = [], [], []
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        point = _point(inputs, trial.params)
        if point is None or np.isnan(trial.values).any():
            continue
        if trial.user_attrs.get(FAILED):
            failed.append(point)
            continue
        trials.append(trial)
        sets.append(point)
    return trials, _joined(sets, inputs), _joined(failed, inputs)


def scores_of(study: Study, trials: Sequence[FrozenTrial], points: Points) -> list[Observations]:
    """Return the observations of each objective, with the noise that trials tell of.

    Parts (`pbnn:parts`) are of the first objective; if all trials have them, the noise is that of `noise_of_parts`,
    else each trial's own standard error. The error of the inference comes on top, each trial's by itself.
    """
    y = values_of(study, trials)
    own = np.array([float(t.user_attrs.get(SE) or 0.0) for t in trials]) ** 2
    inference = np.array([float(t.user_attrs.get(INFERENCE_SE) or 0.0) for t in trials]) ** 2
    first, noise, level = y[:, 0], np.diag(own), 0.0
    if (found := _parts(study, trials)) is not None:
        first, noise, level = found.score, capped(found.covariance, found.score), found.level
    elif own.any():
        noise = capped(noise, first)
    told = Observations(points, first, noise + np.diag(inference), level)
    return [told, *(Observations(points, column) for column in y.T[1:])]


def _parts(study: Study, trials: Sequence[FrozenTrial]) -> Any:
    tables = [t.user_attrs.get(PARTS) for t in trials]
    if not all(tables):
        return None
    names = sorted(set().union(*tables))
    sign = -1.0 if study.directions[0] == StudyDirection.MINIMIZE else 1.0
    parts = sign * np.array([[float(t.get(name, np.nan)) for name in names] for t in tables])
    if np.isinf(parts).any() or np.isnan(parts).all(1).any():
        return None
    return noise_of_parts(parts)


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
    return (
        Points.joined(sets) if sets else Points(np.zeros((0, len(inputs))), np.zeros((0, len(inputs)), bool))
    )
