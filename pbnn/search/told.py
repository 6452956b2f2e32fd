"""What a study was told: its trials as inputs, scores and noise. All that asks of a study's scores asks here."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from optuna import Study
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from pbnn.errors import DataError, SpecError
from pbnn.search.attributes import CONDITIONS, CONTINUES, FAILED, INFERENCE_SE, PARTS, SE
from pbnn.search.inputs import Condition, Inputs, Points
from pbnn.search.noise import PartNoise, capped, noise_of_parts
from pbnn.search.observations import Observations

ROUNDING = 1e-9
BAD = (ValueError, TypeError, KeyError)
"""Of parameters that are no point: one is missing, or a choice is none of this space."""
SEVERAL = 0.1
"""If more than this part of the trials was scored on several parts, these tell the noise of all."""


@final
@dataclass(frozen=True, slots=True)
class Told:
    """What a study was told of the points of a space.

    Parameters
    ----------
    trials
        Those whose scores count, by number.
    points
        Theirs.
    observations
        Of each objective, in the order of the trials; larger is better. Empty if no trial counts.
    failed
        Points that were tried, and whose scores are not known: the trial failed, or its fit is not to be trusted.
    parts
        Names of the parts that trials were scored on, in the order of the columns of `Observations.parts`.
    """

    trials: Sequence[FrozenTrial]
    points: Points
    observations: Sequence[Observations]
    failed: Points
    parts: Sequence[str] = ()


def conditions_of(study: Study) -> dict[str, Condition]:
    """Return when parameters are active, as the study says itself in its user attribute `pbnn:conditions`."""
    said = study.user_attrs.get(CONDITIONS, {})
    return {name: Condition(parent, values) for name, (parent, values) in said.items()}


def inputs_of(study: Study, conditions: Mapping[str, Condition] | None = None) -> Inputs:
    """Return the inputs of a study: its parameters that every finished trial has, or that are conditional.

    Parameters
    ----------
    study
        With one finished trial at least.
    conditions
        By default what the study says of itself.

    Raises
    ------
    SpecError
        If there is no parameter.
    """
    conditions = conditions_of(study) if conditions is None else conditions
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    # Of a space that was changed, the last.
    latest = {name: d for t in trials for name, d in t.distributions.items()}
    common = {
        name: d
        for name, d in latest.items()
        if name in conditions or all(name in t.distributions for t in trials)
    }
    if not common:
        raise SpecError(
            f"inputs_of: study {study.study_name!r} has no parameter that all its {len(trials)} finished trials have. "
            "If some are active only where others have certain values, pass "
            "conditions={name: pbnn.search.Condition(parent, values)}."
        )
    return Inputs.of(common, {n: c for n, c in conditions.items() if n in common and c.parent in common})


def read(study: Study, inputs: Inputs, *, distrusted: bool = False, running: bool = False) -> Told:
    """Return the scores of a study's trials at points of a space, and the covariance of their noise.

    Values of an objective that is minimised are negated. A trial counts if it is complete, or pruned after a finite
    score on some part (of one objective); not if a value is NaN, its parameters are no point of the space, for instance
    of one that has been changed, or its user attributes say `pbnn:failed`: then the score speaks of the fit, not of the
    network. Of a trial that goes on with what an earlier one began (`pbnn:continues`), the earlier one is part, and
    counts no more. A value that is infinite is taken for the worst, or the best, of those that are finite. The noise,
    of the first objective, is

    - of trials with `pbnn:parts`, what `noise_of_parts` finds, whose adjustment for parts that were not scored moves
      the value too; or, where nearly all were scored on one part only, which of them: what it adds the surrogate
      learns, as soon as there are twice as many trials as parts, and `pbnn:se` counts no more;
    - of others `pbnn:se` squared; of those that say nothing beside others that do, the mean of what these say; where
      all say 0, none has parts, all are finite, and no point has two scores, scores are exact;
    - no more in all than the values' scatter allows (`capped`);
    - beside it `pbnn:inference_se` squared, which no other trial shares.

    Parameters
    ----------
    study
        Of Optuna.
    inputs
        The space.
    distrusted
        Whether scores of fits that are not to be trusted count all the same.
    running
        Whether trials that run count too, by the parts that they have been scored on.

    Raises
    ------
    DataError
        If a user attribute is not what it should be.
    """
    several = len(study.directions) > 1
    found, sets, failed = [], [], []
    trials = study.get_trials(deepcopy=False)
    counted = {t.number for t in trials if _counts(t, several=several, running=running)}
    earlier = {t.user_attrs.get(CONTINUES) for t in trials if t.number in counted}
    ended = (TrialState.FAIL, TrialState.COMPLETE)
    tried = [t for t in trials if t.number not in earlier and (t.number in counted or t.state in ended)]
    for trial, point in zip(tried, points_of(inputs, [t.params for t in tried]), strict=True):
        if point is None:
            continue
        if trial.number in counted and (distrusted or not trial.user_attrs.get(FAILED)):
            found.append(trial)
            sets.append(point)
        else:
            failed.append(point)
    points, lost = joined(sets, inputs), joined(failed, inputs)
    if not found:
        return Told([], points, [], lost)
    signs = [-1.0 if d == StudyDirection.MINIMIZE else 1.0 for d in study.directions]
    y = [_finite(sign * np.array([_value(t, j) for t in found])) for j, sign in enumerate(signs)]
    first = replace(_with_noise(found, y[0], signs[0], points), exact=_exact(found, points))
    rest = [Observations(points, column) for column in y[1:]]
    return Told(found, points, [first, *rest], lost, _parts(found))


def observations_of(study: Study, inputs: Inputs | None = None, *, objective: int = 0) -> Observations:
    """Return the scores of a study's trials and the covariance of their noise; larger is better. See `read`.

    Parameters
    ----------
    study
        Of Optuna.
    inputs
        By default `inputs_of(study)`.
    objective
        Which one, of several. Noise is known of the first.

    Raises
    ------
    DataError
        If no trial counts, or a user attribute is not what it should be.

    Examples
    --------
    >>> import optuna
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(direction="minimize")
    >>> def loss(trial):
    ...     x = trial.suggest_float("x", 0, 1)
    ...     trial.set_user_attr("pbnn:se", 0.1)
    ...     return x
    >>> study.optimize(loss, n_trials=3)
    >>> told = observations_of(study)
    >>> bool((told.y < 0).all()), told.noise.diagonal().round(3).tolist()
    (True, [0.01, 0.01, 0.01])
    """
    told = read(study, inputs_of(study) if inputs is None else inputs)
    if not told.trials:
        raise no_score(study)
    return told.observations[objective]


def no_score(study: Study) -> DataError:
    """Return the error of a study that was told no score."""
    return DataError(f"Study {study.study_name!r} has no trial with a score that counts; run some first.")


def points_of(inputs: Inputs, params: Sequence[Mapping[str, Any]]) -> list[Points | None]:
    """Return the point that each set of parameters is; None of those that are none of this space."""
    try:
        return _inside(inputs, inputs.points(params))
    except BAD:  # at least one of them
        return [_point_of(inputs, p) for p in params]


def _point_of(inputs: Inputs, params: Mapping[str, Any]) -> Points | None:
    try:
        return _inside(inputs, inputs.points([params]))[0]
    except BAD:
        return None


def _inside(inputs: Inputs, points: Points) -> list[Points | None]:
    top = np.array([max(c - 1, 1) for c in inputs.layout.choices])
    inside = (points.x >= -ROUNDING) & (points.x <= top + ROUNDING) & np.isfinite(points.x)
    points = Points(np.clip(points.x, 0.0, top), points.active)
    return [points[i] if inside[i].all() else None for i in range(len(points))]


def joined(sets: Sequence[Points], inputs: Inputs) -> Points:
    """Return the points of all sets, of which there may be none."""
    if sets:
        return Points.joined(sets)
    return Points(np.zeros((0, len(inputs))), np.zeros((0, len(inputs)), bool))


def _counts(trial: FrozenTrial, *, several: bool, running: bool) -> bool:
    if trial.state == TrialState.PRUNED or (running and trial.state == TrialState.RUNNING):
        parts = trial.user_attrs.get(PARTS)
        # What is no table of parts is reported where it is read.
        known = any(map(_is_finite, parts.values())) if isinstance(parts, Mapping) else bool(parts)
        return known and not several
    return trial.state == TrialState.COMPLETE and not np.isnan(trial.values).any()


def _is_finite(value: Any) -> bool:
    return value is not None and (not isinstance(value, float) or math.isfinite(value))


def _value(trial: FrozenTrial, objective: int) -> float:
    # A pruned trial's value is of its last step, whatever that was; one that runs has none.
    return np.nan if trial.state != TrialState.COMPLETE else trial.values[objective]


def _finite(y: np.ndarray) -> np.ndarray:
    """Return values that are infinite as the worst or best of the others; NaN stays, unless there is nothing else."""
    finite = y[np.isfinite(y)]
    if len(finite) == 0:
        return np.nan_to_num(np.sign(y))
    return np.clip(y, finite.min(), finite.max())


def _with_noise(trials: Sequence[FrozenTrial], y: np.ndarray, sign: float, points: Points) -> Observations:
    y = y.copy()
    variance = np.array([_number(t, SE) for t in trials]) ** 2
    noise, level = np.zeros((len(y), len(y))), 0.0
    table = sign * _table(trials)
    split = np.flatnonzero(~np.isnan(table).all(1))
    learned = _to_be_learned(table)
    found = noise_of_parts(table[split]) if len(split) and learned is None else None
    for row, i in enumerate(split):
        y[i] = _score(y[i], table[i], None if found is None else found.score[row])
    if found is not None:
        noise, variance, level = _of_parts(found, split, variance)
    if learned is not None:
        # Rows of a fold are shared by all trials on it: what they make a score err by is learned of the fold.
        variance[split] = np.nan
    known = ~np.isnan(variance)
    alone = found is None and learned is None
    rest = np.arange(len(y)) if alone else np.setdiff1d(np.arange(len(y)), split)
    if known.any():
        variance[~known] = variance[known].mean()
        noise[rest, rest] = variance[rest]
    noise = capped(noise, y)
    inference = np.array([_number(t, INFERENCE_SE) for t in trials])
    noise[np.diag_indices(len(y))] += np.nan_to_num(inference) ** 2
    return Observations(points, y, noise, level, learned)


def _exact(trials: Sequence[FrozenTrial], points: Points) -> bool:
    """Return whether all trials say that their scores have no error, and none contradicts it."""
    y = np.array([_value(t, 0) for t in trials])
    if any(_number(t, SE) != 0 or t.user_attrs.get(PARTS) for t in trials) or not np.isfinite(y).all():
        return False
    first, point = points.grouped()
    return bool(np.allclose(y, y[first][point], rtol=1e-9, atol=1e-12 * np.ptp(y)))


def _to_be_learned(table: np.ndarray) -> np.ndarray | None:
    """Return which trial was scored on which part, where that is to be learned; else None."""
    seen = ~np.isnan(table)
    times = seen.sum(1)
    few = (times > 1).sum() <= SEVERAL * (times > 0).sum()
    # Before there are two trials a part there is next to nothing to learn, and each new part would be compiled for.
    return seen if few and 2 <= seen.shape[1] <= (times > 0).sum() / 2 else None


def _score(value: float, parts: np.ndarray, adjusted: float | None) -> float:
    """Return the score of a trial with parts: its value, adjusted for the parts that it lacks."""
    mean = float(np.nanmean(parts))
    adjusted = mean if adjusted is None else adjusted
    return adjusted if np.isnan(value) else value + adjusted - mean


def _of_parts(
    found: PartNoise, split: np.ndarray, variance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the noise `(n, n)` where trials have parts, all variances `(n,)`, and what all trials have in common."""
    n = len(variance)
    noise, variance = np.zeros((n, n)), variance.copy()
    noise[np.ix_(split, split)] = found.covariance
    variance[split] = np.diag(found.covariance)
    if len(split) == n:
        return noise, variance, found.level
    # To trials without parts it is no common matter.
    noise[np.ix_(split, split)] += found.level
    return noise, variance, 0.0


def _table(trials: Sequence[FrozenTrial]) -> np.ndarray:
    """Return scores `(trials, parts)`, NaN where a trial has none that is finite."""
    names = _parts(trials)
    rows = [[_float(t.user_attrs.get(PARTS, {}).get(name), t, PARTS) for name in names] for t in trials]
    table = np.array(rows, float).reshape(len(trials), len(names))
    return np.where(np.isfinite(table), table, np.nan)


def _parts(trials: Sequence[FrozenTrial]) -> list[str]:
    """Return the names of all parts, in the order in which trials have them."""
    given = [t.user_attrs.get(PARTS, {}) for t in trials]
    for trial, parts in zip(trials, given, strict=True):
        if not isinstance(parts, Mapping):
            raise DataError(f"Trial {trial.number}: {PARTS!r} must be {{part: score}}; got {parts!r}.")
    return list(dict.fromkeys(name for parts in given for name in parts))


def _number(trial: FrozenTrial, name: str) -> float:
    value = _float(trial.user_attrs.get(name), trial, name)
    if value < 0 or np.isinf(value):
        raise DataError(f"Trial {trial.number}: {name!r} must be a number >= 0; got {value}.")
    return value


def _float(value: Any, trial: FrozenTrial, name: str) -> float:
    if value is None:
        return np.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"Trial {trial.number}: {name!r} must hold numbers; got {value!r}.")
    return float(value)
