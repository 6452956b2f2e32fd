"""`ood`: how well uncertainty tells unfamiliar inputs from familiar ones."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from scipy.special import entr, rel_entr

from pbnn.assess.ranking import auroc, average_precision, false_positive_rate, roc
from pbnn.assess.rows import blocks, read_draws, spaced
from pbnn.errors import DataError
from pbnn.graph.build import BNN
from pbnn.predict.angles import around, mean_direction
from pbnn.predict.forward import Forward
from pbnn.predict.mixture import Average
from pbnn.predict.prior import draw_weights
from pbnn.predict.rows import encode_rows, training_data
from pbnn.target import Target

FEATURE_DRAWS = 10
"""Draws of the weights whose features are looked at."""
PRIOR_DRAWS = 200
TRAINING_ROWS = 5000
RESAMPLES = 200
POINTS = 101
"""Of a ROC curve."""
SMALL = 1e-3
"""Share of the mean variance of features that is added to each."""

_MEANING = {
    "entropy": "entropy of the mean probabilities (nats)",
    "mutual_information": "mutual information of response and weights (nats)",
    "variance": "predictive variance, in squared scales of the response, summed over outputs",
    "epistemic_variance": "variance of the mean response over draws, in squared scales, summed over outputs",
    "feature_distance": "squared Mahalanobis distance of the features to those of the training data",
    "near_prior": "minus the divergence of the prediction from the prior predictive (nats)",
}


def ood(
    bnn: BNN | Average,
    idata: xr.DataTree,
    X_in: Any,
    X_out: Any,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> xr.Dataset:
    """Tell how well several measures of uncertainty separate unfamiliar inputs from familiar ones.

    Parameters
    ----------
    bnn, idata
        The model and its fit.
    X_in
        Inputs `(obs, feature)` like those of training, which the fit has not seen.
    X_out
        Inputs that are unlike them.
    seed
        Of the draws from the prior, and of the bootstrap.
    resamples
        Of the bootstrap.

    Returns
    -------
    xarray.Dataset
        By `measure`, each larger for what is thought unfamiliar: `auroc`, the probability that an unfamiliar input has
        the larger value; `aupr`, the area under the precision-recall curve for finding unfamiliar inputs; `fpr95`, the
        share of familiar inputs flagged where 95 % of the unfamiliar ones are; each with `<name>_se`, DeLong's standard
        error or that of the bootstrap, over rows (NaN for sets of one row). The values are `in_score`
        `(measure, obs_in)` and `out_score` `(measure, obs_out)`; `roc` `(measure, flagged)` is the share of unfamiliar
        inputs flagged where this share of the familiar ones is. attrs: `n_in`, `n_out`, `n_draws`.

        Measures of classes: `entropy`, `mutual_information`. Of numbers: `variance`, `epistemic_variance`, and
        `mutual_information`, as if all were normal. Of both: `feature_distance`, to the training data in the space of
        the last hidden layer (of the inputs, if there is none), from the nearest class mean where there are classes,
        averaged over 10 draws of the weights; and `near_prior`: where the data have taught nothing, a prediction is
        that of the prior. An average of models has neither features nor a prior, and so not these two.

    Raises
    ------
    DataError, ShapeError
        If the inputs do not match the training data.
    ModelError
        If `idata` is the fit of another model.

    References
    ----------
    Hendrycks & Gimpel (2017), arXiv:1610.02136; Depeweg et al. (2018), arXiv:1710.07283: mutual information. Lee et al.
    (2018), arXiv:1807.03888: distance of features.
    """
    forward, _ = read_draws(bnn, idata, "ood", seed)
    sets = [encode_rows(bnn, idata, X, "ood")[0] for X in (X_in, X_out)]
    n_in, n_out = map(len, sets)
    inputs = np.concatenate(sets)
    scores = _uncertainty(forward, inputs)
    if isinstance(bnn, BNN):
        scores["feature_distance"] = _distance(bnn, idata, forward, inputs)
        scores["near_prior"] = -_divergence(bnn, forward, inputs, seed)
    positive = np.arange(n_in + n_out) >= n_in
    return separation(scores, positive, seed=seed, resamples=resamples).assign_attrs(n_draws=len(forward.z))


def separation(
    scores: dict[str, np.ndarray], positive: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES
) -> xr.Dataset:
    """Return the table of `ood` for scores from anywhere.

    Parameters
    ----------
    scores
        By name `(obs,)`, larger for what is thought unfamiliar.
    positive
        `(obs,)`: whether it is.
    seed, resamples
        Of the bootstrap, in each set by itself.

    Examples
    --------
    >>> import numpy as np
    >>> from pbnn.assess import separation
    >>> table = separation({"distance": np.array([0.0, 1, 2, 1, 3, 4])}, np.arange(6) >= 3)
    >>> round(float(table["auroc"].sel(measure="distance")), 3)
    0.833
    """
    positive = np.asarray(positive, dtype=bool)
    for name, values in scores.items():
        if values.shape != positive.shape or not np.isfinite(values).all():
            raise DataError(
                f"separation: {name!r} must have {positive.shape} finite values; got {values.shape}."
            )
    inside, outside = np.flatnonzero(~positive), np.flatnonzero(positive)
    rng = np.random.default_rng([seed, 4])
    again = [
        np.r_[rng.choice(inside, len(inside)), rng.choice(outside, len(outside))] for _ in range(resamples)
    ]
    alone = min(len(inside), len(outside)) < 2
    table: dict[str, list[float]] = {}
    for values in scores.values():
        area, influence = auroc(values, positive)
        found = {"auroc": area, "auroc_se": np.nan if alone else np.sqrt((influence**2).sum())}
        for name, measure in (("aupr", average_precision), ("fpr95", false_positive_rate)):
            found[name] = measure(values, positive)
            repeats = [] if alone else [measure(values[rows], positive[rows]) for rows in again]
            found[f"{name}_se"] = np.std(repeats, ddof=1) if len(repeats) > 1 else np.nan
        for name, value in found.items():
            table.setdefault(name, []).append(float(value))
    whole = np.stack(list(scores.values()))
    flagged = np.linspace(0, 1, POINTS)
    made = xr.Dataset(
        {
            **{name: ("measure", values) for name, values in table.items()},
            "in_score": (("measure", "obs_in"), whole[:, inside]),
            "out_score": (("measure", "obs_out"), whole[:, outside]),
            "roc": (("measure", "flagged"), np.stack([roc(values, positive, flagged) for values in whole])),
        },
        coords={
            "measure": list(scores),
            "flagged": flagged,
            "meaning": ("measure", [_MEANING.get(n, n) for n in scores]),
        },
        attrs={"n_in": len(inside), "n_out": len(outside)},
    )
    for name, words in _WORDS.items():
        made[name].attrs = {"long_name": words, "units": "1"}
        made[f"{name}_se"].attrs = {"long_name": f"standard error of {words}", "units": "1"}
    made["roc"].attrs = {"long_name": "share of unfamiliar inputs flagged", "units": "1"}
    return made


_WORDS = {
    "auroc": "area under the ROC curve",
    "aupr": "area under the precision-recall curve",
    "fpr95": "share of familiar inputs flagged where 95 % of the unfamiliar ones are",
}


def _moments(forward: Forward, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Return what measures are made of, input by input: of classes `p` and `aleatoric`, of numbers the moments."""
    classes = "p" in forward.cells
    names = ("p",) if classes else ("mu", "variance")
    parts = []
    for rows in blocks(len(inputs), len(forward.z) * sum(forward.cells[n].itemsize for n in names)):
        drawn = forward.allocate(names, rows.stop - rows.start)
        forward.fill(inputs[rows], drawn, rows.start)
        if classes:
            p = drawn["p"]
            mean = p.mean(axis=0, dtype=float)
            parts.append(
                {
                    "p": mean / mean.sum(axis=1, keepdims=True),
                    "aleatoric": entr(p).sum(axis=-1).mean(axis=0, dtype=float),
                }
            )
            continue
        shape = (len(drawn["mu"]), rows.stop - rows.start, -1)
        scale = np.asarray(forward.bnn.response.scale)
        mu, variance = (drawn[n].reshape(shape).astype(float) for n in names)
        if forward.bnn.response.circular:
            mu = around(mu, mean_direction(mu))
        parts.append(
            {
                "mean": mu.mean(axis=0) / scale,
                "epistemic": mu.var(axis=0) / scale**2,
                "aleatoric": variance.mean(axis=0) / scale**2,
            }
        )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _uncertainty(forward: Forward, inputs: np.ndarray) -> dict[str, np.ndarray]:
    found = _moments(forward, inputs)
    if "p" in found:
        total = entr(found["p"]).sum(axis=1)
        return {"entropy": total, "mutual_information": np.maximum(total - found["aleatoric"], 0)}
    return {
        "variance": (found["epistemic"] + found["aleatoric"]).sum(axis=1),
        "epistemic_variance": found["epistemic"].sum(axis=1),
        "mutual_information": np.log1p(found["epistemic"] / found["aleatoric"]).sum(axis=1) / 2,
    }


def _divergence(bnn: BNN, forward: Forward, inputs: np.ndarray, seed: int) -> np.ndarray:
    """Return the Kullback-Leibler divergence of predictions from those of the prior; of numbers as if normal."""
    prior = _moments(Forward.of(bnn, draw_weights(bnn, PRIOR_DRAWS, seed), seed), inputs)
    fitted = _moments(forward, inputs)
    if "p" in prior:
        return rel_entr(fitted["p"], np.maximum(prior["p"], 1e-12)).sum(axis=1)
    before, after = (part["epistemic"] + part["aleatoric"] for part in (prior, fitted))
    apart = fitted["mean"] - prior["mean"]
    if bnn.response.circular:
        apart = around(apart, np.zeros(()))
    ratio, shift = after / before, apart**2 / before
    return (ratio + shift - 1 - np.log(ratio)).sum(axis=1) / 2


def _distance(bnn: BNN, idata: xr.DataTree, forward: Forward, inputs: np.ndarray) -> np.ndarray:
    known, y = training_data(bnn, idata, "ood")
    at = spaced(len(known), TRAINING_ROWS)
    known, y = known[at], y[at]
    codes = y.astype(int) if bnn.response.kind == "classes" else np.zeros(len(y), dtype=int)
    total = np.zeros(len(inputs))
    draws = forward.z[spaced(len(forward.z), FEATURE_DRAWS)]
    for z in draws:
        seen, new = (features(bnn, z, x, forward.width) for x in (known, inputs))
        used = np.unique(codes)
        centres = np.stack([seen[codes == code].mean(axis=0) for code in used])
        rest = seen - centres[np.searchsorted(used, codes)]
        covariance = rest.T @ rest / len(rest)
        covariance += (SMALL * np.trace(covariance) / len(covariance) + 1e-12) * np.eye(len(covariance))
        half = np.linalg.cholesky(covariance)
        apart = [np.linalg.solve(half, (new - centre).T) for centre in centres]
        total += np.min([(part**2).sum(axis=0) for part in apart], axis=0)
    return total / len(draws)


def features(bnn: BNN, z: np.ndarray, X: np.ndarray, width: int) -> np.ndarray:
    """Return what enters the output layer `(obs, unit)` for one draw of the weights `z` at encoded inputs.

    `width` is how many numbers a row holds at most, for blocks of bounded memory.
    """
    target = Target.of(bnn, "float64")

    def last(z: Any, x: Any) -> Any:
        return target.affine_maps(z, x, [jnp.zeros(())] * len(bnn.affines))[0][-1]

    with target.scope():
        enter = target.once("features", lambda: jax.jit(last))
        found = [
            np.asarray(enter(jnp.asarray(z, "float64"), jnp.asarray(bnn.columns.standardize(X[rows]))))
            for rows in blocks(len(X), 8 * width)
        ]
    whole = np.concatenate(found)
    return whole.reshape(len(X), -1)
