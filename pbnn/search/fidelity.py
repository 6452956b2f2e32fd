"""Budgets within a trial: folds, or draws, of which a trial that looks hopeless gets few."""

import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import cast, final

from pbnn.errors import DataError, MethodError
from pbnn.infer.methods import Method
from pbnn.infer.rungs import IN_RUNGS
from pbnn.search.objective import Objective, Score
from pbnn.search.prospects import Rule
from pbnn.search.steps import Step, last, pooled, score_draws, score_fold


@final
@dataclass(frozen=True, slots=True)
class Folds:
    """Score a trial fold by fold, and stop it as soon as it is hardly the best.

    For `optimize(..., objective="cv_lpd", fidelity=Folds())`; or with an objective of one's own that takes
    `(network, method, X, y, seed, fold)`, the number of a fold, and returns the score on that fold; after a
    `Score(failed=...)` the trial has failed, and no other fold is scored.

    After each fold a Gaussian process over the scores of all trials, whole and partial, with the noise that folds
    share, says how probably the best configuration known is this one, or one of those that were stopped. Below `risk`
    the trial is stopped (Optuna calls it pruned). It informs what is tried next, and goes on with the folds that it
    lacks if it looks good again in the light of later trials.

    Parameters
    ----------
    k
        Number of folds, the same for all trials.
    risk
        The probability that the best of the configurations tried is among the stopped ones stays below this. Later
        trials may raise it; so in the end of a search stopped ones are taken up until it is so again, beyond the budget
        of trials and after `stop_below`. A budget of time is kept: when it is over, it may be higher.
    margin
        Better by no more than this, in the units of the objective, counts as no better. A search crowds near the best,
        among trials that nothing tells apart: what is no difference to you is best said here.
    after
        So many trials are scored on all folds before any is stopped.

    Raises
    ------
    MethodError
        If an option is none.

    References
    ----------
    Maron & Moore (1993), Hoeffding races, NeurIPS 6; Swersky, Snoek & Adams (2014), Freeze-thaw Bayesian optimization,
    arXiv:1406.3896. The rule is neither's: it is the posterior probability itself.

    Examples
    --------
    >>> from pbnn.search import Folds
    >>> Folds(k=10, risk=0.1)
    Folds(k=10, risk=0.1, margin=0.0, after=5)
    """

    k: int = 5
    _: KW_ONLY
    risk: float = 0.05
    margin: float = 0.0
    after: int = 5

    def __post_init__(self) -> None:
        if isinstance(self.k, bool) or not isinstance(self.k, int) or self.k < 2:
            raise MethodError(f"Folds: k must be a whole number >= 2; got {self.k!r}.")
        rule_of(self)


@final
@dataclass(frozen=True, slots=True)
class Draws:
    """Judge a trial after some of its draws, and stop it as soon as it is hardly the best.

    For `optimize(..., objective="elpd", method=pbnn.MCLMC(...), fidelity=Draws("stores"))`. Each fit is kept in a store
    (`pbnn.fit(..., store=...)`), and its chains go on from where they are: draws after several steps are the very draws
    of an unbroken fit. A trial whose process died, and a stopped one that looks good again, go on from their store too.
    Scores of few draws have a Monte Carlo error (`pbnn:inference_se`), with which the rule of `Folds` reckons; a trial
    is not stopped while its chains disagree so much that they say nothing.

    Methods are `MCLMC` and `SGMCMC`. Chains of `NUTS`, and the optimisers (`ADVI`, `Laplace`, `MAP`, ...), are in no
    store, so nothing could go on; members of an `Ensemble` and the walk of `SWAG` have no draws before their end.

    Parameters
    ----------
    folder
        Where the stores are kept, which all processes see; made if it is missing. A store is named by its network,
        method, data and seed, and stays until you delete it.
    shares
        Shares of the method's draws after which a trial is judged, rising, below 1; then come the others. Draws come in
        pieces of 25 in each chain.
    risk, margin, after
        As of `Folds`.

    Raises
    ------
    MethodError
        If an option is none.

    Examples
    --------
    >>> from pbnn.search import Draws
    >>> Draws("stores").shares
    (0.1, 0.3)
    """

    folder: str | os.PathLike[str]
    shares: Sequence[float] = (0.1, 0.3)
    _: KW_ONLY
    risk: float = 0.05
    margin: float = 0.0
    after: int = 5

    def __post_init__(self) -> None:
        if not isinstance(self.folder, str | os.PathLike):
            raise MethodError(f"Draws: folder must be the path of a folder; got {self.folder!r}.")
        object.__setattr__(self, "shares", _as_shares(self.shares))
        rule_of(self)


def _as_shares(given: object) -> tuple[float, ...]:
    try:
        shares = tuple(float(share) for share in cast("Sequence[float]", given))
    except (TypeError, ValueError):
        shares = ()
    if not shares or list(shares) != sorted(set(shares)) or not 0 < shares[0] <= shares[-1] < 1:
        raise MethodError(
            f"Draws: shares must be a sequence of rising numbers between 0 and 1, (0.1, 0.3); got {given!r}."
        )
    return shares


Fidelity = Folds | Draws


@final
@dataclass(frozen=True, slots=True)
class Stepwise:
    """How trials are scored step by step.

    Parameters
    ----------
    n
        Number of steps.
    score
        `(network, method, X, y, seed, step)` to a `Step`, or what an objective may return.
    combined
        The score that steps `0, 1, ...` make together.
    rule
        When a trial is stopped.
    label
        What is added to the objective's name: scores of other names are of another kind.
    cumulative
        Whether a step holds those before it, so that it may mend a fit that was not to be trusted.
    """

    n: int
    score: Objective
    combined: Callable[[Sequence[Step]], Score]
    rule: Rule
    label: str
    cumulative: bool = False


def rule_of(fidelity: Fidelity) -> Rule:
    """Return the rule of a fidelity."""
    return Rule(fidelity.risk, fidelity.margin, fidelity.after, type(fidelity).__name__)


def stepwise(fidelity: object, objective: str | Objective, methods: Sequence[Method], n_obs: int) -> Stepwise:
    """Return how trials are scored step by step.

    Raises
    ------
    MethodError
        If the objective has no such steps, or a method nothing that goes on.
    DataError
        If there are fewer rows than folds.
    """
    match fidelity:
        case Folds(k=k):
            if k > n_obs:
                raise DataError(
                    f"optimize: {n_obs} rows cannot be cut into {k} folds; take a smaller Folds(k=...)."
                )
            # "cv_lpd" alone has five folds, so such trials are of one kind.
            label = "" if objective == "cv_lpd" and k == 5 else f", {k} folds"
            return Stepwise(k, _by_fold(objective, k), pooled, rule_of(fidelity), label)
        case Draws(folder=folder, shares=shares):
            if objective != "elpd":
                raise MethodError(
                    f"optimize: fidelity=Draws(...) is for objective='elpd'; got {name_of(objective)}. Of 'cv_lpd' the "
                    "folds are what can be saved: fidelity=pbnn.search.Folds()."
                )
            other = next((m for m in methods if not isinstance(m, IN_RUNGS)), None)
            if other is not None:
                raise MethodError(
                    f"optimize: {type(other).__name__} leaves nothing that more draws could go on from. With "
                    "fidelity=Draws(...) pass method=pbnn.MCLMC() or pbnn.SGMCMC(); or save folds, "
                    "objective='cv_lpd', fidelity=pbnn.search.Folds()."
                )
            score = partial(score_draws, folder=os.path.abspath(folder), shares=shares)
            return Stepwise(len(shares) + 1, score, last, rule_of(fidelity), "", cumulative=True)
    raise MethodError(
        f"optimize: fidelity must be pbnn.search.Folds() or pbnn.search.Draws(folder); got {fidelity!r}."
    )


def _by_fold(objective: str | Objective, k: int) -> Objective:
    if objective == "cv_lpd":
        return partial(score_fold, k=k)
    if not callable(objective):
        raise MethodError(
            f"optimize: {objective!r} has no folds. With fidelity=Folds() pass objective='cv_lpd', or a function of "
            "(network, method, X, y, seed, fold)."
        )
    try:
        inspect.signature(objective).bind(*range(6))
    except TypeError:
        raise MethodError(
            f"optimize: with fidelity=Folds() an objective takes (network, method, X, y, seed, fold) and returns the "
            f"score on that fold; {name_of(objective)} takes {inspect.signature(objective)}."
        ) from None
    return objective


def name_of(objective: object) -> str:
    """Return what an objective is called."""
    return (
        objective if isinstance(objective, str) else getattr(objective, "__name__", type(objective).__name__)
    )
