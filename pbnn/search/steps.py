"""A step of a trial: one fold, or a few draws more; and what steps make together."""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any, final

import numpy as np

from pbnn.assess.kfold import FoldByFold
from pbnn.graph.build import BNN, build
from pbnn.infer.methods import Method
from pbnn.infer.rungs import fit_up_to
from pbnn.search.fingerprint import fingerprint
from pbnn.search.objective import Score, as_score, elpd_of, error_of_mean
from pbnn.spec.network import Network


@final
@dataclass(frozen=True, slots=True)
class Step:
    """What a step gave.

    Parameters
    ----------
    score
        Of the step: on the rows of a fold, or of all draws until now.
    rows
        Of a fold; None if that is not known.
    seconds
        That it took.
    """

    score: Score
    rows: int | None = None
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return it as a storage holds it."""
        return {**asdict(self.score), "rows": self.rows, "seconds": self.seconds}

    @staticmethod
    def of_json(values: Mapping[str, Any]) -> "Step":
        """Return what `as_json` made JSON of."""
        score = {name: value for name, value in values.items() if name not in ("rows", "seconds")}
        return Step(Score(**score), values["rows"], values["seconds"])


def as_step(found: Any, step: int) -> Step:
    """Return what a function of a fold returned as a step; a score without parts is that of its fold.

    Raises
    ------
    MethodError
        If it is no score.
    """
    if isinstance(found, Step):
        return found
    score = as_score(found)
    return Step(score if score.parts else replace(score, parts={f"fold{step}": score.value}))


def pooled(steps: Sequence[Step]) -> Score:
    """Return the score on all rows of some folds: their mean, with the standard error of all rows as one sample.

    Examples
    --------
    >>> steps = [Step(Score(1.0, 0.5, parts={"fold0": 1.0}), 4), Step(Score(3.0, 0.5, parts={"fold1": 3.0}), 4)]
    >>> score = pooled(steps)
    >>> score.value, round(score.se, 3), dict(score.parts)
    (2.0, 0.5, {'fold0': 1.0, 'fold1': 3.0})
    """
    weight = np.array([step.rows or 1 for step in steps], float)
    each = np.array([step.score.value for step in steps])
    n, mean = weight.sum(), float(np.average(each, weights=weight))
    parts = {name: value for step in steps for name, value in step.score.parts.items()}
    failed = next((step.score.failed for step in steps if step.score.failed), None)
    se = None
    if n > 1 and all(step.rows and step.score.se is not None for step in steps):
        own = np.array([step.score.se for step in steps], float)
        squares = (weight * (weight - 1) * own**2).sum() + (weight * (each - mean) ** 2).sum()
        se = math.sqrt(squares / (n - 1) / n)
    errors = [step.score.inference_se for step in steps]
    known = None not in errors
    inference = math.sqrt(((weight * np.array(errors)) ** 2).sum()) / n if known else None
    return Score(mean, se, None if inference is None else float(inference), parts, failed)


def last(steps: Sequence[Step]) -> Score:
    """Return the score of the last step, which holds the others."""
    return steps[-1].score


def score_fold(network: Network, method: Method, X: Any, y: Any, seed: int, fold: int, *, k: int) -> Step:
    """Score the rows of one of the folds of `score_cv_lpd`, by a fit to the others."""
    key = (network.to_json(), repr(method), fingerprint(X, y), seed, k)
    folds = _kept(key, lambda: FoldByFold(build(network, X, y), method, k=k, seed=seed))
    found = folds(fold)
    elpd = found["elpd"]
    n, mean = len(elpd), float(elpd.mean())
    with np.errstate(invalid="ignore"):
        se = float(elpd.std(ddof=1) / n**0.5) if n > 1 else 0.0
    return Step(as_score(Score(mean, se, error_of_mean(found["mcse"]), {f"fold{fold}": mean})), n)


def score_draws(
    network: Network,
    method: Any,
    X: Any,
    y: Any,
    seed: int,
    step: int,
    *,
    folder: str,
    shares: tuple[float, ...],
) -> Step:
    """Score a network by the draws that it has after a step, as `score_elpd` does; the fit goes on from its store."""
    key = (network.to_json(), repr(method), fingerprint(X, y), seed)
    place = Path(folder) / f"{fingerprint(*map(str, key))}.zarr"
    place.parent.mkdir(parents=True, exist_ok=True)
    bnn: BNN = _kept((*key, "draws"), lambda: build(network, X, y))
    draws = None if step >= len(shares) else max(1, math.ceil(shares[step] * method.draws))
    idata = fit_up_to(bnn, method, draws, store=place, seed=seed)
    if idata.attrs["interrupted"]:
        raise KeyboardInterrupt  # as of a whole fit: what was cut short is no score
    return Step(elpd_of(bnn, idata, seed))


_MODELS: dict[Hashable, Any] = {}
_ONE = Lock()


def _kept[T](key: Hashable, make: Callable[[], T]) -> T:
    """Return what was made last in this process, if it was for the same: a trial's steps share what is compiled."""
    with _ONE:
        if key not in _MODELS:
            made = make()
            _MODELS.clear()
            _MODELS[key] = made
        return _MODELS[key]
