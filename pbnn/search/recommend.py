"""Which configuration to take: the best by the posterior of the surrogate, and not the luckiest trial."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, final

import numpy as np
import pandas as pd
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from pbnn.errors import DataError, MethodError
from pbnn.search.inputs import Condition, Inputs, Points
from pbnn.search.objective import FAILED, PARTS, SE
from pbnn.search.observations import Observations

CONDITIONS = "pbnn:conditions"
"""User attribute of a study: when its parameters are active."""
DRAWS = 2000


@final
@dataclass(frozen=True, slots=True)
class Recommendation:
    """A configuration to take, and how sure one can be of it.

    Attributes
    ----------
    params
        The parameters.
    number
        Of the first trial that had them; None of a configuration that was not tried.
    mean, sd
        Posterior of its true score, in the units of the objective; of a loss that is minimised, of the loss.
    p_best
        Probability that none of the candidates is better.
    regret
        Expected amount by which the best candidate is better: what is lost, at most, by stopping here among these.
    table
        All candidates, by trial (`-1`, `-2`, ... of those not tried): `score`, `mean`, `sd`, `p_best`, `regret` of
        each, best first.
    """

    params: dict[str, Any]
    number: int | None
    mean: float
    sd: float
    p_best: float
    regret: float
    table: pd.DataFrame = field(repr=False)

    def __str__(self) -> str:
        which = "a configuration not tried yet" if self.number is None else f"trial {self.number}"
        chosen = ", ".join(f"{name}={_short(value)}" for name, value in self.params.items())
        return (
            f"{which}: {chosen}\nscore {self.mean:.4g} ± {self.sd:.2g}, the best of {len(self.table)} with probability "
            f"{self.p_best:.2f}; the best may be better by {self.regret:.2g} on average"
        )


def recommend(
    study: Study,
    *,
    untried: int = 0,
    draws: int = DRAWS,
    conditions: Mapping[str, Condition] | None = None,
    how: str = "map",
    seed: int = 0,
) -> Recommendation:
    """Recommend the configuration with the best posterior mean.

    The best score belongs, more often than not, to a good configuration that was lucky as well. The surrogate knows how
    noisy scores are, and which of them had luck in common, and its mean corrects for that. Trials whose fit was not to
    be trusted (`pbnn:failed`) do not speak for their configurations, and are left out unless there are no others.

    Parameters
    ----------
    study
        A study of one objective, by `optimize` or any other.
    untried
        How many configurations that were not tried are candidates too.
    draws
        From the joint posterior of all candidates, for `p_best` and `regret`.
    conditions
        When parameters are active; by default what `optimize` has noted in the study.
    how
        `"map"` or `"nuts"`: how the surrogate's hyperparameters are fitted.
    seed
        Of the fit, the draws and the candidates.

    Returns
    -------
    Recommendation

    Raises
    ------
    DataError
        If no trial has a score.
    MethodError
        If the study has several objectives.

    References
    ----------
    Frazier (2018), A tutorial on Bayesian optimization, arXiv:1807.02811, section 4; Wang & Jegelka (2017), Max-value
    entropy search, arXiv:1703.01968, for draws of the best.

    Examples
    --------
    >>> import optuna
    >>> from pbnn.search import recommend
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    >>> study.optimize(lambda trial: -(trial.suggest_float("x", -1, 1) ** 2), n_trials=12)
    >>> found = recommend(study)
    >>> bool(abs(found.params["x"]) < 0.3 and found.regret >= 0)
    True
    """
    if len(study.directions) != 1:
        raise MethodError(
            "recommend: the study has several objectives; its best trials are study.best_trials."
        )
    sign = -1.0 if study.direction == StudyDirection.MINIMIZE else 1.0
    trials = _scored(study)
    distributions = _distributions(trials)
    rng = np.random.default_rng(seed)
    if not distributions:
        return _only(trials, sign)
    inputs = Inputs.of(distributions, _conditions(study, conditions, distributions))
    trials, points = _inside(inputs, trials)
    observations = _observations(study, inputs, trials, points, sign)
    first = _first_of_each(points)
    candidates = points[first]
    names = [trials[i].number for i in first]
    if untried:
        more = _new(inputs, candidates, untried, rng)
        candidates = Points.joined([candidates, more])
        names += [-1 - i for i in range(len(more))]
    means, covariances = _joint(inputs, observations, candidates, how, seed)
    f = _drawn(means, covariances, draws, rng)
    mean = means.mean(0)
    sd = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2).mean(0).clip(0) + means.var(0))
    top = f.max(1, keepdims=True)
    # Candidates between which a draw does not decide share it.
    is_top = f >= top - 1e-12 * np.maximum(np.abs(top), 1)
    scores = {trials[i].number: sign * float(observations.y[i]) for i in first}
    table = pd.DataFrame(
        {
            "score": [scores.get(name, np.nan) for name in names],
            "mean": sign * mean,
            "sd": sd,
            "p_best": (is_top / is_top.sum(1, keepdims=True)).mean(0),
            "regret": (top - f).mean(0),
        },
        index=pd.Index(names, name="trial"),
    )
    # Of equal means the smaller spread, then the earlier trial, so that the answer does not hang on rounding.
    order = np.lexsort((np.arange(len(mean)), sd.round(12), -mean.round(12)))
    best = int(order[0])
    row = table.iloc[best]
    return Recommendation(
        inputs.params(candidates)[best],
        names[best] if names[best] >= 0 else None,
        float(row["mean"]),
        float(row["sd"]),
        float(row["p_best"]),
        float(row["regret"]),
        table.iloc[order],
    )


def _scored(study: Study) -> list[FrozenTrial]:
    trials = [
        t
        for t in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if t.value is not None and np.isfinite(t.value)
    ]
    if not trials:
        raise DataError("recommend: no trial of the study has a score yet; run some first.")
    return [t for t in trials if FAILED not in t.user_attrs] or trials


def _distributions(trials: list[FrozenTrial]) -> dict[str, BaseDistribution]:
    """Return the distributions of the last trial that has each parameter: a space may have been changed."""
    return {name: d for trial in trials for name, d in trial.distributions.items()}


def _conditions(
    study: Study, given: Mapping[str, Condition] | None, distributions: Mapping[str, BaseDistribution]
) -> dict[str, Condition]:
    if given is None:
        noted = study.user_attrs.get(CONDITIONS, {})
        given = {name: Condition(parent, tuple(values)) for name, (parent, values) in noted.items()}
    return {name: c for name, c in given.items() if name in distributions and c.parent in distributions}


def _inside(inputs: Inputs, trials: list[FrozenTrial]) -> tuple[list[FrozenTrial], Points]:
    """Return trials that are points of the space; of a study without known conditions some lack a parameter."""
    found, sets = [], []
    for trial in trials:
        try:
            sets.append(inputs.points([trial.params]))
            found.append(trial)
        except (DataError, ValueError):
            continue
    if not found:
        raise DataError(
            "recommend: no trial has all parameters. If some are active only where others have certain values, pass "
            "conditions={name: pbnn.search.Condition(parent, values)}."
        )
    return found, Points.joined(sets)


def _observations(
    study: Study, inputs: Inputs, trials: list[FrozenTrial], points: Points, sign: float
) -> Observations:
    """Return scores, larger is better, with the covariance of their noise as far as trials tell."""
    from pbnn.search.noise import capped, noise_of_parts

    y = sign * np.array([t.value for t in trials], float)
    parts = [t.user_attrs.get(PARTS) or {} for t in trials]
    names = list(dict.fromkeys(name for part in parts for name in part))
    if names and all(parts):
        table = np.array([[part.get(name, np.nan) for name in names] for part in parts], float)
        found = noise_of_parts(sign * table)
        if found is not None:
            return Observations(points, y, capped(found.covariance, y), found.level)
    errors = np.array([t.user_attrs.get(SE, 0.0) for t in trials], float)
    return Observations(points, y, capped(np.diag(errors**2), y))


def _first_of_each(points: Points) -> np.ndarray:
    """Return the first row of each configuration, in order."""
    _, first = np.unique(np.hstack([points.x, points.active]).round(12), axis=0, return_index=True)
    return np.sort(first)


def _new(inputs: Inputs, tried: Points, n: int, rng: np.random.Generator) -> Points:
    more = inputs.sample(n, rng)
    known = {row.tobytes() for row in tried.x.round(12)}
    return more[np.array([row.tobytes() not in known for row in more.x.round(12)], bool)]


def _joint(
    inputs: Inputs, observations: Observations, candidates: Points, how: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean `(h, m)` and covariance `(h, m, m)` of the true scores of candidates."""
    import jax

    from pbnn.search.gp import fit_surrogate, padding

    surrogate = fit_surrogate(inputs, observations, how, seed)
    m = len(candidates)
    padded = padding(m, candidates)
    with jax.enable_x64(True):
        mean, cov = _posterior()(surrogate.arrays, padded.x, padded.active)
    mean, cov = np.asarray(mean)[:, :m], np.asarray(cov)[:, :m, :m]
    return surrogate.loc + surrogate.scale * mean, surrogate.scale**2 * cov


@lru_cache(maxsize=1)
def _posterior() -> Any:
    import jax

    from pbnn.search.gp import posterior

    return jax.jit(posterior)


def _drawn(means: np.ndarray, covariances: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Draw `(about draws, m)` from a mixture of normal distributions."""
    each = -(-draws // len(means))
    found = []
    for mean, cov in zip(means, covariances, strict=True):
        values, vectors = np.linalg.eigh((cov + cov.T) / 2)
        root = vectors * np.sqrt(values.clip(0))
        found.append(mean + rng.standard_normal((each, len(mean))) @ root.T)
    return np.concatenate(found)


def _only(trials: list[FrozenTrial], sign: float) -> Recommendation:
    """Recommend where there is nothing to choose."""
    y = np.array([t.value for t in trials], float)
    sd = float(y.std(ddof=1) / len(y) ** 0.5) if len(y) > 1 else float("nan")
    row = {"score": y[0], "mean": y.mean(), "sd": sd, "p_best": 1.0, "regret": 0.0}
    table = pd.DataFrame([row], index=pd.Index([trials[0].number], name="trial"))
    return Recommendation({}, trials[0].number, float(y.mean()), sd, 1.0, 0.0, table)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
