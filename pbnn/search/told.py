"""What a study was told: its trials as inputs, scores and noise."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from pbnn.errors import DataError, SpecError
from pbnn.search.inputs import Condition, Inputs
from pbnn.search.noise import PartNoise, capped, noise_of_parts
from pbnn.search.observations import Observations

SE = "pbnn:se"
"""User attribute of a trial: the standard error of its score."""
INFERENCE_SE = "pbnn:inference_se"
"""User attribute of a trial: the error of its score that more draws or steps would take away."""
PARTS = "pbnn:parts"
"""User attribute of a trial: its score on each fold, row or seed, by name; the value of the trial is their mean."""
FAILED = "pbnn:failed"
"""User attribute of a trial: why its fit is not to be trusted, so that its score says nothing of its network."""
CONDITIONS = "pbnn:conditions"
"""User attribute of a study: `{parameter: [parent, values]}`."""


def inputs_of(study: Study, conditions: Mapping[str, Condition] | None = None) -> Inputs:
    """Return the inputs of a study: its parameters that every finished trial has, or that are conditional.

    Parameters
    ----------
    study
        With one finished trial at least.
    conditions
        By default what the study says of itself, in its user attribute `pbnn:conditions`.

    Raises
    ------
    SpecError
        If there is no parameter.
    """
    if conditions is None:
        said = study.user_attrs.get(CONDITIONS, {})
        conditions = {name: Condition(parent, values) for name, (parent, values) in said.items()}
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    latest = {name: d for t in trials for name, d in t.distributions.items()}
    common = {
        name: d
        for name, d in latest.items()
        if name in conditions or all(name in t.distributions for t in trials)
    }
    if not common:
        raise SpecError(
            f"inputs_of: study {study.study_name!r} has no parameter that all its {len(trials)} finished trials have."
        )
    return Inputs.of(common, {name: c for name, c in conditions.items() if name in common})


def observations_of(study: Study, inputs: Inputs | None = None, *, objective: int = 0) -> Observations:
    """Return the scores of a study's trials and the covariance of their noise; larger is better.

    Values of an objective that is minimised are negated. A trial counts if it is complete, or pruned after scores on
    some parts; not if its value is not finite, nor if its user attributes say `pbnn:failed`: then the score speaks of
    the fit, not of the network. The noise is

    - of trials with `pbnn:parts`, what `noise_of_parts` finds, whose adjustment for parts that were not scored moves
      the value too; no more in all than the values' scatter allows (`capped`);
    - of others `pbnn:se` squared; of those that say nothing beside others that do, the mean of what these say;
    - beside it `pbnn:inference_se` squared, which no other trial shares.

    Parameters
    ----------
    study
        Of Optuna.
    inputs
        By default `inputs_of(study)`.
    objective
        Which one, of several. Parts belong to the first.

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
    sign = 1.0 if study.directions[objective].name == "MAXIMIZE" else -1.0
    trials = counted(study, objective)
    if not trials:
        raise DataError(
            f"observations_of: study {study.study_name!r} has no trial with a finite score that counts."
        )
    inputs = inputs_of(study) if inputs is None else inputs
    y = np.array([sign * t.values[objective] if t.values else np.nan for t in trials])
    variance = np.array([_number(t, SE) for t in trials]) ** 2
    noise, level = np.zeros((len(y), len(y))), 0.0
    split = [i for i, t in enumerate(trials) if PARTS in t.user_attrs] if objective == 0 else []
    table = _table([trials[i] for i in split]) * sign
    found = noise_of_parts(table) if split else None
    for row, i in enumerate(split):
        y[i] = _score(trials[i], y[i], table[row], None if found is None else found.score[row])
    if found is not None:
        _put(noise, variance, split, found, y)
        level = found.level if len(split) == len(trials) else 0.0
        if not level:
            noise[np.ix_(split, split)] += found.level
    known = ~np.isnan(variance)
    rest = [i for i in range(len(y)) if found is None or i not in set(split)]
    if known.any():
        variance[~known] = variance[known].mean()
        noise[rest, rest] = variance[rest]
    inference = np.array([_number(t, INFERENCE_SE) for t in trials])
    noise[np.diag_indices(len(y))] += np.nan_to_num(inference) ** 2
    return Observations(inputs.points([t.params for t in trials]), y, noise, level)


def counted(study: Study, objective: int = 0) -> list[FrozenTrial]:
    """Return the trials whose score counts, by number: those that `observations_of` tells of, in its order."""
    return [t for t in study.get_trials(deepcopy=False) if _counts(t, objective)]


def _counts(trial: FrozenTrial, objective: int) -> bool:
    if FAILED in trial.user_attrs:
        return False
    if trial.state == TrialState.PRUNED:
        return bool(trial.user_attrs.get(PARTS)) and objective == 0
    return trial.state == TrialState.COMPLETE and bool(np.isfinite(trial.values[objective]))


def _score(trial: FrozenTrial, value: float, parts: np.ndarray, adjusted: float | None) -> float:
    """Return the score of a trial with parts: its value, adjusted for the parts that it lacks."""
    mean = float(np.nanmean(parts))
    adjusted = mean if adjusted is None else adjusted
    # A pruned trial's value is of its last step, whatever that was.
    return adjusted if trial.state == TrialState.PRUNED else value + adjusted - mean


def _put(
    noise: np.ndarray, variance: np.ndarray, split: Sequence[int], found: PartNoise, y: np.ndarray
) -> None:
    covariance = capped(found.covariance, y[list(split)])
    noise[np.ix_(split, split)] = covariance
    variance[list(split)] = np.diag(covariance)


def _table(trials: Sequence[FrozenTrial]) -> np.ndarray:
    """Return scores `(trials, parts)`, NaN where a trial has none."""
    for t in trials:
        if not isinstance(t.user_attrs[PARTS], Mapping) or not t.user_attrs[PARTS]:
            raise DataError(
                f"observations_of: trial {t.number}: {PARTS!r} must be {{part: score}}; got {t.user_attrs[PARTS]!r}."
            )
    names = list(dict.fromkeys(name for t in trials for name in t.user_attrs[PARTS]))
    return np.array([[_float(t.user_attrs[PARTS].get(name), t, PARTS) for name in names] for t in trials])


def _number(trial: FrozenTrial, name: str) -> float:
    value = _float(trial.user_attrs.get(name), trial, name)
    if value < 0 or np.isinf(value):
        raise DataError(
            f"observations_of: trial {trial.number}: {name!r} must be a number >= 0; got {value}."
        )
    return value


def _float(value: Any, trial: FrozenTrial, name: str) -> float:
    if value is None:
        return np.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"observations_of: trial {trial.number}: {name!r} must hold numbers; got {value!r}.")
    return float(value)
