"""What a search maximises: the log score of a network, with what is known of its error."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from pbnn.assess.convergence import diagnose
from pbnn.assess.kfold import kfold
from pbnn.assess.loo import leave_one_out
from pbnn.errors import MethodError, ModelError, unknown
from pbnn.graph.build import BNN, build
from pbnn.infer.curvature_options import Laplace
from pbnn.infer.fit import fit
from pbnn.infer.methods import MAP, Method
from pbnn.search.attributes import FAILED, INFERENCE_SE, PARTS, SE
from pbnn.spec.network import Network

MOST_PARTS = 50
BAD_SHARE = 0.2
"""With more rows than this above the threshold of Pareto's k, a leave-one-out score says little."""
LOSSES = ("rmse", "mse", "mae", "loss", "nll", "error", "deviance", "crps", "brier", "negative_log")


@final
@dataclass(frozen=True, slots=True)
class Score:
    """A score, larger is better, and what is known of its error. What an objective of one's own may return.

    Parameters
    ----------
    value
        The score; the mean log density of a row, in nats, for the objectives that have a name.
    se
        Its standard error: that of the mean over rows or folds, were they drawn anew.
    inference_se
        The part of its error that a longer fit would take away: Monte Carlo error.
    parts
        Scores on parts of the data by name, such as folds, which other trials are scored on too: what these have in
        common tells a better network from one that had lucky rows.
    failed
        Why the fit is not to be trusted, so that its score does not speak for the network.

    Examples
    --------
    >>> from pbnn.search import Score
    >>> Score(-1.2, se=0.1).value
    -1.2
    """

    value: float
    se: float | None = None
    inference_se: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    failed: str | None = None

    def attrs(self) -> dict[str, Any]:
        """Return the user attributes of the trial: what is known and finite."""
        found: dict[str, Any] = {}
        for name, value in ((SE, self.se), (INFERENCE_SE, self.inference_se)):
            if value is not None and math.isfinite(value):
                found[name] = float(value)
        parts = {str(name): float(v) for name, v in self.parts.items() if math.isfinite(v)}
        if parts:
            found[PARTS] = parts
        if self.failed:
            found[FAILED] = self.failed
        return found


Objective = Callable[[Network, Method, Any, Any, int], Any]
"""`(network, method, X, y, seed)` to a number, `(number, standard error)`, or a `Score`; larger is better."""


def score_elpd(network: Network, method: Method, X: Any, y: Any, seed: int) -> Score:
    """Score by leave-one-out predictive density, without fitting again (`pbnn.loo`); the parts are blocks of rows.

    Vehtari, Gelman & Gabry (2017), 10.1007/s11222-016-9696-4.
    """
    return elpd_of(*_fitted(network, method, X, y, seed), seed)


def elpd_of(bnn: BNN, idata: Any, seed: int) -> Score:
    """Return the score by leave-one-out predictive density of a fit that there is."""
    table = leave_one_out(bnn, idata, seed=seed)
    n = table.attrs["n_obs"]
    bad = table.attrs["n_bad"] / n
    failed = _distrust(bnn, idata)
    if failed is None and bad > BAD_SHARE:
        failed = f"{bad:.0%} of the rows have a Pareto k above {table.attrs['k_threshold']:.2g}."
    rows = table["elpd"].to_numpy()
    # Rows that stand side by side are often alike, so each part takes one of every so many.
    part = np.arange(n) % min(MOST_PARTS, n)
    parts = {f"rows{i}": float(rows[part == i].mean()) for i in range(part.max() + 1)}
    return Score(
        float(rows.mean()),
        table.attrs["se_total"] / n,
        error_of_mean(table["mcse"].to_numpy()),
        parts,
        failed,
    )


def score_cv_lpd(network: Network, method: Method, X: Any, y: Any, seed: int) -> Score:
    """Score by cross-validation in 5 folds (`pbnn.kfold`), which are the same for one seed; these are the parts.

    Vehtari & Ojanen (2012), 10.1214/12-SS102.
    """
    bnn = build(network, X, y)
    table = kfold(bnn, method, k=min(5, bnn.n_obs), seed=seed)
    folds = table["elpd"].groupby(table["fold"]).mean().to_numpy()
    parts = {f"fold{i}": float(value) for i, value in enumerate(folds)}
    n = table.attrs["n_obs"]
    return Score(
        float(table["elpd"].mean()),
        table.attrs["se_total"] / n,
        error_of_mean(table["mcse"].to_numpy()),
        parts,
    )


def score_evidence(network: Network, method: Method, X: Any, y: Any, seed: int) -> Score:
    """Score by the log marginal likelihood of a row, in Laplace's approximation.

    MacKay (1992), 10.1162/neco.1992.4.3.448. It has no standard error over rows: it is a property of these data.
    """
    bnn, idata = _fitted(network, method, X, y, seed)
    return Score(
        float(idata["gaussian"].attrs["log_marginal_likelihood"]) / bnn.n_obs, failed=_distrust(bnn, idata)
    )


OBJECTIVES: dict[str, Objective] = {"elpd": score_elpd, "cv_lpd": score_cv_lpd, "evidence": score_evidence}


def as_objective(objective: object, methods: tuple[Method, ...]) -> Objective:
    """Return the objective that a name or a function stands for.

    Raises
    ------
    MethodError
        If the name is unknown or that of a loss, a function is named as one, or the methods cannot be scored so.
    """
    if isinstance(objective, str):
        if objective not in OBJECTIVES and _names_loss(objective):
            raise MethodError(
                f"optimize: {objective!r} is a loss, and a search maximises. Take one of {', '.join(OBJECTIVES)}, or "
                "pass a function that returns the loss negated."
            )
        if objective not in OBJECTIVES:
            raise MethodError(unknown("optimize", "objective", objective, OBJECTIVES))
        if objective == "elpd" and any(isinstance(m, MAP) for m in methods):
            raise MethodError(
                "optimize: 'elpd' reweights draws of the weights, and MAP has one. Pass objective='cv_lpd', which fits "
                "again without some of the rows, or another method."
            )
        if objective == "evidence":
            other = next((m for m in methods if not isinstance(m, Laplace)), None)
            if other is not None:
                raise MethodError(
                    f"optimize: 'evidence' is the marginal likelihood of Laplace's approximation, and "
                    f"{type(other).__name__} has none. Pass method=pbnn.Laplace(), or objective='cv_lpd'."
                )
        return OBJECTIVES[objective]
    if not callable(objective):
        raise MethodError(
            f"optimize: objective must be one of {', '.join(OBJECTIVES)}, or a function of (network, method, X, y, "
            f"seed); got {objective!r}."
        )
    if hasattr(objective, "_score_func") or type(objective).__module__.startswith("sklearn.metrics"):
        raise MethodError(
            "optimize: a scorer of scikit-learn is called with an estimator. Write a function of (network, method, X, "
            "y, seed) that fits pbnn.estimators.BNNRegressor and calls the scorer; larger must be better."
        )
    name = getattr(objective, "__name__", "")
    if _names_loss(name):
        raise MethodError(
            f"optimize: {name!r} is named as a loss, and a search maximises. Return the loss negated, from a function "
            f"whose name says so, such as neg_{name.strip('<>')}."
        )
    return objective


def _names_loss(name: str) -> bool:
    words = name.lower()
    return not words.startswith("neg_") and any(
        word in words if "_" in word else word in words.split("_") for word in LOSSES
    )


def as_score(found: Any) -> Score:
    """Return what an objective returned as a score.

    Raises
    ------
    MethodError
        If it is no number, not finite, or its error is negative.
    """
    if isinstance(found, tuple) and len(found) == 2:
        found = Score(*found)
    elif not isinstance(found, Score):
        found = Score(found)
    try:
        value, se = float(found.value), None if found.se is None else float(found.se)
    except (TypeError, ValueError):
        raise MethodError(
            "optimize: the objective must return a number, (number, standard error) or a pbnn.search.Score; got "
            f"{found.value!r}."
        ) from None
    if not math.isfinite(value):
        raise MethodError(f"optimize: the objective returned {value}, which is no score.")
    if se is not None and se < 0:
        raise MethodError(f"optimize: the objective returned the standard error {se}, which is below 0.")
    return Score(value, se, found.inference_se, found.parts, found.failed)


def _fitted(network: Network, method: Method, X: Any, y: Any, seed: int) -> tuple[BNN, Any]:
    bnn = build(network, X, y)
    idata = fit(bnn, method, seed=seed, progress=False)
    if idata.attrs["interrupted"]:
        raise KeyboardInterrupt  # a fit that was cut short is no score of the network
    return bnn, idata


def _distrust(bnn: BNN, idata: Any) -> str | None:
    try:
        found = diagnose(bnn, idata, max_points=20).attrs
    except ModelError as error:
        return str(error)
    return str(found["verdict"]) if found["trust"] == "no" else None


def error_of_mean(mcse: np.ndarray) -> float | None:
    """Return the Monte Carlo error of a mean over rows, `(n,)`; None if draws do not tell."""
    known = mcse[np.isfinite(mcse)]
    return float(np.sqrt((known**2).sum()) / len(mcse)) if len(known) else None
