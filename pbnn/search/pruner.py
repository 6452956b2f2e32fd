"""`GPPruner`: in any study of Optuna, trials that are scored part by part end when they are no more likely the best."""

import math
from collections.abc import Mapping
from typing import Any, final
from weakref import WeakKeyDictionary

from optuna import Study, Trial
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState

from pbnn.errors import DataError, MethodError, SpecError
from pbnn.search.attributes import PARTS
from pbnn.search.inputs import Condition
from pbnn.search.prospects import Prospects, Rule, prospects
from pbnn.search.told import inputs_of
from pbnn.search.trials import chosen_part


@final
class GPPruner(BasePruner):
    """Stop a trial when it is probably not the best, by the posterior of a Gaussian process over partial scores.

    Trials are scored on parts of the data, such as folds, the same for all, and say so by `report_part`. After each
    `trial.should_prune()` asks: how probable is it that the best configuration known is this one, or one of those that
    were stopped before? The answer takes in what parts do to all trials alike (`pbnn.search.noise.noise_of_parts`), how
    far scores on so few parts can be trusted, and what other configurations say of this one. If it is below `risk`, the
    trial ends. It informs the surrogate of `GPSampler` and of `recommend` all the same, as far as it was scored.

    Parameters
    ----------
    risk
        A trial is stopped only where the probability that the best is among it and those stopped before is below this.
        Later trials may raise it again; a pruner cannot take up what it stopped, as `optimize` with `Folds` does.
    margin
        Better by no more than this counts as no better: near the best there are many that nobody can tell apart.
    after
        No trial is stopped before so many have been scored in full, 2 at least.
    conditions
        When parameters are active that not always are; by default what the study says of itself.
    seed
        Of the surrogate and its draws.

    Raises
    ------
    MethodError
        If an option is none; or, when first asked, if the study has several objectives, or a trial reports values and
        not parts: the course of one fit says nothing of the noise.

    References
    ----------
    Maron & Moore (1993), Hoeffding races: accelerating model selection search, NeurIPS 6, on comparing models fold by
    fold; Swersky, Snoek & Adams (2014), Freeze-thaw Bayesian optimization, arXiv:1406.3896, on deciding by a surrogate
    of partial scores.

    Examples
    --------
    >>> import numpy as np, optuna
    >>> from pbnn.search import GPPruner, report_part
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> folds = np.random.default_rng(1).normal(size=5)
    >>> def score(trial):
    ...     x = trial.suggest_float("x", -1, 1)
    ...     for fold in range(5):
    ...         report_part(trial, f"fold{fold}", folds[fold] - x**2)
    ...         if trial.should_prune():
    ...             raise optuna.TrialPruned
    ...     return folds.mean() - x**2
    >>> study = optuna.create_study(
    ...     direction="maximize", pruner=GPPruner(), sampler=optuna.samplers.RandomSampler(seed=1)
    ... )
    >>> study.optimize(score, n_trials=12)
    >>> sum(t.state.name == "PRUNED" for t in study.trials) >= 4
    True
    """

    def __init__(
        self,
        *,
        risk: float = 0.05,
        margin: float = 0.0,
        after: int = 5,
        conditions: Mapping[str, Condition] | None = None,
        seed: int = 0,
    ) -> None:
        self._rule = Rule(risk, margin, after, "GPPruner")
        self._conditions, self._seed = conditions, seed
        # Of each study, for trials of others may have the same numbers.
        self._last: WeakKeyDictionary[Study, Prospects | None] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what was believed last: it only quickens what comes next."""
        return self.__dict__ | {"_last": None}

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Return whether a trial is to be stopped; Optuna asks this for `trial.should_prune()`."""
        if len(study.directions) > 1:
            raise MethodError("GPPruner: the study has several objectives, and trials are stopped by one.")
        if not trial.user_attrs.get(PARTS):
            if trial.intermediate_values:
                raise MethodError(
                    f"GPPruner: trial {trial.number} reports values, and no parts. Call "
                    "pbnn.search.report_part(trial, part, score) in place of trial.report."
                )
            return False
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len(complete) < self._rule.after:
            return False
        try:
            inputs = inputs_of(study, self._conditions)
        except SpecError:  # there is one configuration only, the best
            return False
        if self._last is None:
            self._last = WeakKeyDictionary()
        found = self._last[study] = prospects(study, inputs, seed=self._seed, last=self._last.get(study))
        return self._rule.stops(found, trial.number)


def report_part(trial: Trial, part: str, score: float) -> None:
    """Tell Optuna what a trial scored on a part, and what its mean is so far.

    Parameters
    ----------
    trial
        That runs.
    part
        A fold, a row or a seed, by name; the same name is the same part in all trials.
    score
        On that part.

    Raises
    ------
    DataError
        If the score is not finite: a trial that has none is one that failed. Or if the sampler chose another part for
        this trial.

    Examples
    --------
    >>> import optuna
    >>> study = optuna.create_study()
    >>> trial = study.ask()
    >>> report_part(trial, "fold0", 1.0)
    >>> report_part(trial, "fold1", 2.0)
    >>> study.trials[0].user_attrs, study.trials[0].intermediate_values
    ({'pbnn:parts': {'fold0': 1.0, 'fold1': 2.0}}, {0: 1.0, 1: 1.5})
    """
    if not math.isfinite(score):
        raise DataError(
            f"report_part: trial {trial.number} scored {score} on {part!r}; expected a finite number. Let the trial "
            "fail: raise an error, or return nan."
        )
    chosen = chosen_part(trial)
    if chosen not in (None, str(part)):
        raise DataError(
            f"report_part: trial {trial.number} is to be scored on {chosen!r}, and reports {part!r}. Score the part "
            "that part_of(trial) names, and report it by that name."
        )
    parts = {**trial.user_attrs.get(PARTS, {}), str(part): float(score)}
    trial.set_user_attr(PARTS, parts)
    trial.report(sum(parts.values()) / len(parts), len(parts) - 1)
