"""`GPSampler`: a Gaussian process over the scores of an Optuna study chooses what is tried next."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, final

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from pbnn.errors import MethodError, SpecError
from pbnn.search.acquisition import ACQUISITIONS, Acquisition, acquisition_of, problem
from pbnn.search.beliefs import Beliefs
from pbnn.search.gp import Surrogate, fit_surrogate
from pbnn.search.hypervolume import pareto
from pbnn.search.inputs import Condition, Inputs, Points
from pbnn.search.maximise import Effort, among, best_free, candidates, enumerated, maximise
from pbnn.search.observations import Observations
from pbnn.search.revisit import again_or_new
from pbnn.search.soften import soften
from pbnn.search.told import Told, read
from pbnn.search.trials import (
    constraints_of,
    given,
    pending,
    store_constraints,
    store_part,
    store_suggestion,
)
from pbnn.threads import one_blas_thread

logger = logging.getLogger("pbnn.search")
GOOD = 5
"""So many of the best points are surrounded with candidates."""
FEWEST, MOST = 5, 10
"""Startup trials, of which a space of few parameters needs fewer."""
STARTUP = 128
"""Points of the sequence that startup trials are taken from; later ones begin again."""


@final
class GPSampler(BaseSampler):
    """Suggest parameters by Bayesian optimisation, for any Optuna study.

    A Gaussian process is fitted to the scores told so far, and the point is suggested where an acquisition function is
    highest. What trials tell of the noise of their scores counts (`pbnn:se`, which is 0 of scores that are exact,
    `pbnn:parts`, `pbnn:inference_se`, see `pbnn.search.told.read`); scores below the median are softened
    (`pbnn.search.soften`), exact ones at every second trial only, and then ripples are taken for noise. Trials that run
    at the same time are pending: what they will score is not known yet. So are trials that failed, or whose fit is
    marked as not to be trusted (`pbnn:failed`): that says nothing of how good the point is, but another trial there is
    of little use. Trials whose parameters lie outside the space are left out. Points already tried are not suggested
    again while there are others, but for `parts`.

    Parameters
    ----------
    acquisition
        A name of `pbnn.search.acquisition.ACQUISITIONS`; None takes `"noisy_ei"`, or `"ehvi"` for several objectives.
    n_startup_trials
        So many trials fill the space evenly before the first surrogate; None: one more than there are parameters, but
        from 5 to 10.
    n_trials
        How many trials the study will have in all, those before and those that fail included, if that is known. It
        matters to `parts` only, and to no trial beyond it.
    seed
        Of everything random; None, another in each process.
    bayes
        `"map"`: hyperparameters of the surrogate by their posterior mode; `"nuts"`: by draws, over which the
        acquisition is averaged; a number: by draws whenever so many more trials are complete, by the mode in between.
    constraints_func
        A function of a finished trial that returns values, feasible where all are at most 0. `Trial.set_constraint`
        does the same without it.
    parts
        Names of the parts (folds, seeds) that a configuration may be scored on, of each trial one; its objective asks
        `pbnn.search.part_of(trial)` which, and says the score in `pbnn:parts` too. The sampler then chooses both: a new
        configuration, on parts in turn, or one that is promising once more, on the part where that tells most of the
        mean over all parts (`pbnn.search.revisit`). It begins to choose when there are twice as many trials as parts.
        Where `n_trials` is known, the last of them only score once more what was tried, as many as that pays. Scored
        twice on a part, a configuration is taken to score the same. For one objective without constraints.
    space, conditions
        All parameters with their distributions, and when those are active that not always are (`Condition`). Then the
        whole space is searched as one. Without them it is what all complete trials have in common, as in Optuna.
    effort
        How hard the best point of the acquisition is looked for.
    warn_independent_sampling
        Whether to log a warning when a parameter has to be drawn at random.

    Raises
    ------
    MethodError
        If an option is none of these; or, when first used, if the acquisition is not for so many objectives.
    SpecError
        If there are conditions and no space, or they contradict it.

    References
    ----------
    Snoek, Larochelle & Adams (2012), Practical Bayesian optimization of machine learning algorithms, arXiv:1206.2944;
    Garnett (2023), Bayesian Optimization, 10.1017/9781108348973.

    Examples
    --------
    >>> import optuna
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(sampler=GPSampler(n_startup_trials=4, seed=1))
    >>> study.optimize(lambda trial: (trial.suggest_float("x", -1, 3) - 1) ** 2, n_trials=8)
    >>> study.best_value < 0.05
    True
    """

    def __init__(
        self,
        *,
        acquisition: str | None = None,
        n_startup_trials: int | None = None,
        n_trials: int | None = None,
        seed: int | None = None,
        bayes: str | int = "map",
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
        parts: Sequence[str] = (),
        space: Mapping[str, BaseDistribution] | None = None,
        conditions: Mapping[str, Condition] | None = None,
        effort: Effort = Effort(),
        warn_independent_sampling: bool = True,
    ) -> None:
        if acquisition is not None:
            acquisition_of(acquisition, 2 if acquisition in _SEVERAL else 1)
        if isinstance(bayes, bool) or (
            bayes not in ("map", "nuts") and not (isinstance(bayes, int) and bayes >= 1)
        ):
            raise MethodError(
                f"GPSampler: bayes must be 'map', 'nuts', or after how many trials to draw anew, >= 1; got {bayes!r}."
            )
        if n_startup_trials is not None and not (isinstance(n_startup_trials, int) and n_startup_trials >= 0):
            raise MethodError(
                f"GPSampler: n_startup_trials must be a whole number >= 0, or None; got {n_startup_trials!r}."
            )
        if n_trials is not None and not (isinstance(n_trials, int) and n_trials >= 1):
            raise MethodError(f"GPSampler: n_trials must be a whole number >= 1, or None; got {n_trials!r}.")
        if (
            isinstance(parts, str)
            or len(set(parts)) != len(parts)
            or not all(isinstance(p, str) for p in parts)
        ):
            raise MethodError(
                f"GPSampler: parts must be names, each once, such as ['fold0', 'fold1']; got {parts!r}."
            )
        if parts and constraints_func is not None:
            raise MethodError(
                "GPSampler: parts are not for searches with constraints; leave one of the two out."
            )
        if conditions and space is None:
            raise SpecError(
                "GPSampler: conditions need the space they are about; pass space={name: distribution, ...} too."
            )
        if space is not None:
            Inputs.of(space, conditions)
        self._acquisition = acquisition
        self._n_startup_trials = n_startup_trials
        self._n_trials = n_trials
        self._bayes = bayes
        self._constraints_func = constraints_func
        self._parts = tuple(parts)
        self._space = None if space is None else dict(space)
        self._conditions = dict(conditions or {})
        self._effort = effort
        self._warn = warn_independent_sampling
        self._rng = np.random.default_rng(seed)
        self._startup_seed = int(self._rng.integers(2**63))
        self._independent = RandomSampler(seed=None if seed is None else int(self._rng.integers(2**32)))
        self._intersection = IntersectionSearchSpace()
        self._last: dict[Any, Surrogate] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave the last surrogates out: they only quicken the next fit."""
        return self.__dict__ | {"_last": {}}

    def reseed_rng(self) -> None:
        """Take another seed, as Optuna asks of samplers that are copied to threads."""
        self._rng = np.random.default_rng()
        self._independent.reseed_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the parameters that are suggested together."""
        if self._space is not None:
            return dict(self._space)
        common = self._intersection.calculate(study)
        return {name: distribution for name, distribution in common.items() if not distribution.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Suggest values of the parameters of `search_space`; none for those that are inactive."""
        if self._parts and len(study.directions) > 1:
            raise MethodError(
                "GPSampler: parts are for one objective; leave them out, or take a study with one."
            )
        if not search_space:
            self._say(study, trial, None)
            return {}
        inputs = Inputs.of(search_space, {n: c for n, c in self._conditions.items() if n in search_space})
        with one_blas_thread():
            told = read(study, inputs)
        # The number of the trial too: of machines that begin with one seed, each looks for another point.
        rng = np.random.default_rng([int(self._rng.integers(2**63)), trial.number])
        if len(told.trials) < self._startups(len(search_space)):
            point, part = self._startup(inputs, trial.number), None
        else:
            with one_blas_thread():
                point, part = self._suggested(study, trial, search_space, inputs, told, rng)
        self._say(study, trial, part)
        params = inputs.params(point)[0]
        store_suggestion(study, trial, search_space, params)
        return params

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw one parameter at random: it is none of those that are suggested together."""
        if self._warn and not param_distribution.single():
            told = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
            if len(told) >= self._startups(len(trial.distributions)):
                logger.warning(
                    "GPSampler: %r of trial %d is drawn at random, for not all complete trials have it with the same "
                    "distribution. Pass space and conditions, or warn_independent_sampling=False.",
                    param_name,
                    trial.number,
                )
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Do nothing but what the random sampler does."""
        self._independent.before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Keep the constraints of a trial that ended."""
        if self._constraints_func is not None and state in (TrialState.COMPLETE, TrialState.PRUNED):
            store_constraints(study, trial, self._constraints_func)
        self._independent.after_trial(study, trial, state, values)

    def _startups(self, parameters: int) -> int:
        """Return how many trials there are before the first surrogate: it needs one."""
        if self._n_startup_trials is None:
            return min(max(parameters + 1, FEWEST), MOST)
        return max(self._n_startup_trials, 1)

    def _say(self, study: Study, trial: FrozenTrial, part: str | None) -> None:
        """Let the objective know which part to score; where none was chosen, all in turn."""
        if self._parts:
            store_part(study, trial, part or self._parts[trial.number % len(self._parts)])

    def _startup(self, inputs: Inputs, number: int) -> Points:
        """Return the point of a trial in a sequence that fills the space, the same for all trials of this sampler."""
        return inputs.sample(STARTUP, np.random.default_rng(self._startup_seed))[number % STARTUP]

    def _suggested(
        self,
        study: Study,
        trial: FrozenTrial,
        space: dict[str, BaseDistribution],
        inputs: Inputs,
        told: Told,
        rng: np.random.Generator,
    ) -> tuple[Points, str | None]:
        """Return the point to try, and the part to score it on, if that matters."""
        scored = among(told.failed, told.points)
        unknown = Points.joined([told.failed[~scored], pending(study, trial, inputs, space)])
        acquisition = acquisition_of(
            self._acquisition or ("noisy_ei" if len(told.observations) == 1 else "ehvi"),
            len(told.observations),
        )
        beliefs = self._believed(
            study.study_name, trial.number, inputs, told, unknown, int(rng.integers(2**31))
        )
        if not (self._parts and beliefs.objectives[0].rows.layout.parts):
            return self._new(acquisition, beliefs, inputs, rng), None
        believer, cells = beliefs.believers[0], given(study, trial, inputs, space)
        new = self._new(acquisition, beliefs, inputs, rng)
        known = self._n_trials is not None and trial.number < self._n_trials
        left = self._n_trials - trial.number if known else None
        return again_or_new(believer, told, new, self._parts, cells, left, rng)

    def _believed(
        self, study: str, number: int, inputs: Inputs, told: Told, unknown: Points, seed: int
    ) -> Beliefs:
        """Return the surrogates of objectives and constraints."""
        limits = constraints_of(told.trials)
        if self._parts and limits:
            raise MethodError(
                f"GPSampler: parts are not for searches with constraints, and trials have {', '.join(limits)}. Go "
                "on with a sampler without parts."
            )
        how = self._how(len(told.trials))
        # Softened scores show what the best differ in, with ripples taken for noise, and exact ones the shape of the
        # whole: trials take turns.
        bare = [o.exact and not o.noise.any() and number % 2 == 1 for o in told.observations]
        objectives = [
            self._fitted((study, j, b), inputs, o if b else replace(soften(o)[0], exact=False), how, seed + j)
            for j, (o, b) in enumerate(zip(told.observations, bare, strict=True))
        ]
        constraints = [
            self._fitted(
                (study, name),
                inputs,
                Observations(told.points[np.isfinite(v)], v[np.isfinite(v)]),
                "map",
                seed,
            )
            for name, v in limits.items()
            if np.isfinite(v).any()
        ]
        # A trial that did not say whether it is feasible is not known to be (NaN compares as false).
        feasible = (
            np.all([v <= 0 for v in limits.values()], axis=0) if limits else np.ones(len(told.points), bool)
        )
        return Beliefs(objectives, constraints, told.points, unknown, feasible)

    def _new(
        self, acquisition: Acquisition, beliefs: Beliefs, inputs: Inputs, rng: np.random.Generator
    ) -> Points:
        """Return the point where the acquisition is highest, of those not tried."""
        good = beliefs.observed[_best(beliefs)]
        pool = enumerated(inputs)
        pool = candidates(inputs, rng, good, self._effort) if pool is None else pool
        pool = pool[rng.permutation(len(pool))]
        score, facts = problem(acquisition, beliefs, pool, rng)
        if score is not None:
            taken = beliefs.known
            return maximise(score, facts, inputs, rng, good=good, taken=taken, effort=self._effort)
        return best_free(pool[: len(facts["values"])], facts["values"], beliefs.known)

    def _how(self, n: int) -> str:
        if isinstance(self._bayes, str):
            return self._bayes
        return "nuts" if n % self._bayes == 0 else "map"

    def _fitted(self, key: Any, inputs: Inputs, told: Observations, how: str, seed: int) -> Surrogate:
        last = self._last.get((key, how))
        if last is not None and last.inputs.layout != inputs.layout:
            last = None
        if last is not None and _same(last.observations, told):
            return last  # several were asked for before one was told
        surrogate = fit_surrogate(inputs, told, how, seed, start=last if how == "map" else None)
        self._last[key, how] = surrogate
        return surrogate


def _same(one: Observations, other: Observations) -> bool:
    pairs = (
        (one.points.x, other.points.x),
        (one.points.active, other.points.active),
        (one.y, other.y),
        (one.noise, other.noise),
        (one.share, other.share),
    )
    return all(np.array_equal(a, b) for a, b in pairs)


def _best(beliefs: Beliefs) -> np.ndarray:
    """Return the rows of the points round which to look: the best by posterior mean, or the front."""
    feasible = beliefs.feasible
    rows = np.flatnonzero(feasible) if feasible.any() else np.arange(len(feasible))
    if len(beliefs.objectives) == 1:
        mean, _ = beliefs.objectives[0].predict(beliefs.observed[rows])
        return rows[np.argsort(-mean)[:GOOD]]
    return rows[pareto(np.stack([s.observations.y[rows] for s in beliefs.objectives], axis=-1))]


_SEVERAL = {name for name, a in ACQUISITIONS.items() if a.several}
