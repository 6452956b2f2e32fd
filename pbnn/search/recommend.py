"""Which configuration to take: the best by the posterior of the surrogate, and not the luckiest trial."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import pandas as pd
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from pbnn.errors import DataError
from pbnn.search.columns import words
from pbnn.search.fitted import Fitted, How, fitted
from pbnn.search.inputs import Condition, Inputs, Points
from pbnn.threads import one_blas_thread

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
        All candidates, by the first trial of each (`-1`, `-2`, ... of those not tried): `score`, the mean of those of
        all its trials, `mean`, `sd`, `p_best`, `regret`; best first.
    """

    params: dict[str, Any]
    number: int | None
    mean: float
    sd: float
    p_best: float
    regret: float
    table: pd.DataFrame = field(repr=False)

    @property
    def which(self) -> str:
        """Its trial, in words."""
        return "a configuration not tried yet" if self.number is None else f"trial {self.number}"

    @property
    def chosen(self) -> str:
        """The parameters, in words."""
        return ", ".join(f"{name}={words(value)}" for name, value in self.params.items())

    def __str__(self) -> str:
        return (
            f"{self.which}: {self.chosen}\nscore {self.mean:.4g} ± {self.sd:.2g}, the best of {len(self.table)} with "
            f"probability {self.p_best:.2f}; the best may be better by {self.regret:.2g} on average"
        )


def recommend(
    study: Study | Fitted,
    *,
    untried: int = 0,
    draws: int = DRAWS,
    conditions: Mapping[str, Condition] | None = None,
    how: How = "map",
    seed: int = 0,
) -> Recommendation:
    """Recommend the configuration with the best posterior mean.

    The best score belongs, more often than not, to a good configuration that was lucky as well. The surrogate knows how
    noisy scores are, and which of them had luck in common, and its mean corrects for that. Trials whose fit was not to
    be trusted (`pbnn:failed`) do not speak for their configurations, and are left out unless there are no others.

    Parameters
    ----------
    study
        A study of one objective, by `optimize` or any other; or what `fitted` returned, whose fit then serves.
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
    if isinstance(study, Study) and len(study.directions) == 1:
        finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
        if finished and not any(t.distributions for t in finished):
            return _only(finished)
    of = fitted(study, how, seed, conditions=conditions)
    told, bend, sign = of.told, of.bend, of.sign
    rng = np.random.default_rng(seed)
    first, point = told.points.grouped()
    scores = sign * np.bincount(point, told.observations[0].y) / np.bincount(point)
    by_trial = np.argsort(first)
    first, scores = first[by_trial], scores[by_trial]
    candidates = told.points[first]
    params = [told.trials[i].params for i in first]
    names = [told.trials[i].number for i in first]
    if untried:
        inputs = of.surrogate.inputs
        more = _new(inputs, candidates, untried, rng)
        candidates = Points.joined([candidates, more])
        params += inputs.params(more)
        names += [-1 - i for i in range(len(more))]
    with one_blas_thread():
        means, covariances = of.surrogate.joint(candidates)
    p_best, regret = compared(means, covariances, draws, rng, bend.back)
    mean = means.mean(0)
    sd = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2).mean(0).clip(0) + means.var(0))
    # Of equal means the smaller spread, then the earlier trial, so that the answer does not hang on rounding.
    order = np.lexsort((np.arange(len(mean)), sd.round(12), -mean.round(12)))
    own = bend.back(mean)
    table = pd.DataFrame(
        {
            "score": np.pad(scores, (0, len(names) - len(scores)), constant_values=np.nan),
            "mean": sign * own,
            "sd": sd / bend.slope(own),
            "p_best": p_best,
            "regret": regret,
        },
        index=pd.Index(names, name="trial"),
    )
    best = int(order[0])
    row = table.iloc[best]
    return Recommendation(
        dict(params[best]),
        names[best] if names[best] >= 0 else None,
        float(row["mean"]),
        float(row["sd"]),
        float(row["p_best"]),
        float(row["regret"]),
        table.iloc[order],
    )


def compared(
    means: np.ndarray,
    covariances: np.ndarray,
    draws: int,
    rng: np.random.Generator,
    back: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return of each candidate how probably it is the best, and by how much the best is better on average.

    Parameters
    ----------
    means, covariances
        `(h, m)` and `(h, m, m)`: a mixture of normal distributions.
    draws
        From it, jointly.
    rng
        Of the draws.
    back
        A rising function from these units to those that the regret is in.

    Returns
    -------
    tuple
        `p_best` and `regret`, `(m,)` both. Candidates that a draw does not tell apart share its best.
    """
    f = back(drawn(means, covariances, draws, rng))
    top = f.max(1, keepdims=True)
    is_top = f >= top - 1e-12 * np.maximum(np.abs(top), 1)
    return (is_top / is_top.sum(1, keepdims=True)).mean(0), (top - f).mean(0)


def _new(inputs: Inputs, tried: Points, n: int, rng: np.random.Generator) -> Points:
    more = inputs.sample(n, rng)
    known = {row.tobytes() for row in tried.x.round(12)}
    return more[np.array([row.tobytes() not in known for row in more.x.round(12)], bool)]


def drawn(means: np.ndarray, covariances: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Draw `(about draws, m)` from a mixture of normal distributions `(h, m)`, `(h, m, m)`."""
    each = -(-draws // len(means))
    found = []
    for mean, cov in zip(means, covariances, strict=True):
        values, vectors = np.linalg.eigh((cov + cov.T) / 2)
        root = vectors * np.sqrt(values.clip(0))
        found.append(mean + rng.standard_normal((each, len(mean))) @ root.T)
    return np.concatenate(found)


def _only(trials: list[FrozenTrial]) -> Recommendation:
    """Recommend where there is nothing to choose."""
    y = np.array([t.value for t in trials if t.value is not None], float)
    y = y[np.isfinite(y)]
    if not len(y):
        raise DataError("recommend: no trial has a finite score; run some first.")
    sd = float(y.std(ddof=1) / len(y) ** 0.5) if len(y) > 1 else float("nan")
    row = {"score": y.mean(), "mean": y.mean(), "sd": sd, "p_best": 1.0, "regret": 0.0}
    table = pd.DataFrame([row], index=pd.Index([trials[0].number], name="trial"))
    return Recommendation({}, trials[0].number, float(y.mean()), sd, 1.0, 0.0, table)
