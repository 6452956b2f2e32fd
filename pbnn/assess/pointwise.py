"""Predictions against observations, row by row: what scores, calibration tables and residual plots are made of."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from arviz_stats.base import array_stats
from scipy.special import logsumexp

from pbnn.assess.scoring_rules import brier, crps, pit
from pbnn.assess.sweep import Draws, spaced
from pbnn.errors import DataError
from pbnn.graph.build import BNN
from pbnn.target import Data, Target

LEVELS = (0.5, 0.8, 0.9, 0.95)
MIN_RESPONSES = 1000
"""A fit with fewer draws of the weights (MAP has one) gives several responses from each."""


def pointwise(
    bnn: BNN,
    idata: xr.DataTree,
    X: Any = None,
    y: Any = None,
    *,
    seed: int | None = None,
    levels: Sequence[float] = LEVELS,
    max_rows: int | None = None,
) -> xr.Dataset:
    """Compare predictions with observations, row by row.

    The result feeds `coverage`, `pit_histogram`, `reliability` and `confusion`, and residual plots.

    Parameters
    ----------
    bnn, idata
        The model and its fit.
    X, y
        Inputs `(obs, feature)` and responses as given to `build`; the training data if both are None.
    seed
        Of the draws of the response.
    levels
        Probabilities of the central intervals.
    max_rows
        Take at most this many rows, evenly spaced.

    Returns
    -------
    xarray.Dataset
        Regression and counts, dims `(obs[, output])`, in the units of `y`: `observed`; `predicted`, the predictive
        mean; `sd` of the predictive distribution, and its parts `epistemic_sd`, `aleatoric_sd`;
        `residual = observed - predicted`; `standardized = residual / sd`; `pit` in (0, 1), the share of the predictive
        distribution below the observation (randomised within ties); `crps`; `lower` and `upper`
        `(level, obs[, output])`, the central intervals. The bounds of counts are counts, so their intervals hold
        somewhat more than `level`.
        Classes: `observed` and `predicted` `(obs,)`, labels, and `observed_code`, `predicted_code`; `p`
        `(obs, class)`; `confidence`, the largest of `p`; `correct` (0 or 1); `brier`.
        Both: `lpd` `(obs,)`, the log predictive density of all outputs together, in nats, with `y` in its own units.
        The coordinate `obs` holds row numbers. attrs: `kind`, `n_obs`, `n_draws` (of the weights), `lpd_mcse` (Monte
        Carlo standard error of the mean of `lpd`; NaN for fewer than 4 draws a chain).

    Raises
    ------
    DataError, ShapeError
        If the data do not match the training data.
    ModelError
        If `idata` is the fit of another model.
    """
    draws = Draws.of(bnn, idata)
    data, observed = _bind(draws.target, X, y)
    at = spaced(len(observed), max_rows)
    with draws.target.scope():
        data = {**data, "x": data["x"][at], "y": data["y"][at]}
    make = _class_rows if bnn.response.kind == "classes" else _number_rows
    table, weight = make(draws, data, observed[at], tuple(levels), seed)
    table.attrs = {
        "kind": bnn.response.kind,
        "n_obs": len(at),
        "n_draws": draws.n,
        # The mean of lpd moves by this share of what a draw weighs in it: the delta method.
        "lpd_mcse": float(array_stats.mcse((weight / len(at)).reshape(draws.shape))),
    }
    return table.assign_coords(obs=at)


def _bind(target: Target, X: Any, y: Any) -> tuple[Data, np.ndarray]:
    """Return the data as the target takes them, and the responses in the user's units or as codes."""
    assert target.bnn is not None
    if (X is None) != (y is None):
        raise DataError("score: pass both X and y, or neither for the training data.")
    if X is None:
        return target.data, target.bnn.model["y_data"].get_value()
    data, observed = target.bind(X, y), target.bnn.response.encode(y, "score")
    if len(data["x"]) != len(observed):
        raise DataError(f"score: X has {len(data['x'])} rows and y has {len(observed)}; they must be equal.")
    return data, observed


def _number_rows(
    draws: Draws, data: Data, observed: np.ndarray, levels: Sequence[float], seed: int | None
) -> tuple[xr.Dataset, np.ndarray]:
    target, response = draws.target, draws.target.bnn.response
    copies = -(-MIN_RESPONSES // draws.n)
    rng = np.random.default_rng(seed)
    discrete = response.kind == "counts"

    def one(z: Any, data: Data, key: Any) -> dict[str, Any]:
        keys = jax.random.split(key, copies)
        y = jax.vmap(lambda k: target.draw_response(z, data["x"], k))(keys)
        given = target.parameters(z, data["x"])
        return {"y": jnp.moveaxis(y, 0, 1), "log_lik": target.log_likelihood(z, data), **given}

    blocks, weight = [], np.zeros(draws.n)
    for at, out in draws.sweep(one, data, copies=copies * len(response.names), seed=seed):
        y = np.moveaxis(out["y"], 2, 1)
        y = y.reshape(-1, *y.shape[2:])
        lpd, share = _log_mean(out["log_lik"])
        weight += share
        blocks.append(
            {
                "lpd": lpd,
                "predicted": out["mu"].mean(axis=0),
                "epistemic_sd": out["mu"].std(axis=0),
                "aleatoric_sd": np.sqrt(out["variance"].mean(axis=0)),
                "crps": crps(y, observed[at]),
                "pit": pit(y, observed[at], rng),
                **_intervals(y, levels, discrete=discrete),
            }
        )
    columns = {name: np.concatenate([b[name] for b in blocks]) for name in blocks[0]}
    dims = ("obs",) if response.vector else ("obs", "output")
    table = xr.Dataset({"observed": (dims, observed)}, coords={"level": list(levels)})
    if not response.vector:
        table = table.assign_coords(output=list(response.names))
    for name, values in columns.items():
        of = ("obs",) if name == "lpd" else (*dims, "level") if name in ("lower", "upper") else dims
        table[name] = (of, values)
    table["sd"] = np.hypot(table["epistemic_sd"], table["aleatoric_sd"])
    table["residual"] = table["observed"] - table["predicted"]
    table["standardized"] = table["residual"] / table["sd"]
    return table.transpose("level", ...), weight


def _class_rows(
    draws: Draws, data: Data, observed: np.ndarray, levels: Sequence[float], seed: int | None
) -> tuple[xr.Dataset, np.ndarray]:
    target, labels = draws.target, np.asarray(draws.target.bnn.response.classes)

    def one(z: Any, data: Data, key: Any) -> dict[str, Any]:
        return {"log_lik": target.log_likelihood(z, data), **target.parameters(z, data["x"])}

    blocks, weight = [], np.zeros(draws.n)
    for _, out in draws.sweep(one, data, copies=len(labels)):
        lpd, share = _log_mean(out["log_lik"])
        weight += share
        blocks.append((lpd, out["p"].mean(axis=0)))
    lpd, p = (np.concatenate(part) for part in zip(*blocks, strict=True))
    observed = observed.astype(int)
    predicted = p.argmax(axis=1)
    columns = {
        "observed": labels[observed],
        "predicted": labels[predicted],
        "observed_code": observed,
        "predicted_code": predicted,
        "confidence": p.max(axis=1),
        "correct": (predicted == observed).astype(float),
        "brier": brier(p, observed),
        "lpd": lpd,
    }
    table = xr.Dataset({name: ("obs", values) for name, values in columns.items()})
    table["p"] = (("obs", "class"), p)
    return table.assign_coords({"class": labels}), weight


def _log_mean(log_lik: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the log of the mean likelihood `(rows,)`, and what each draw weighs in it, summed over rows."""
    lpd = logsumexp(log_lik, axis=0) - np.log(len(log_lik))
    return lpd, np.exp(log_lik - lpd).sum(axis=1)


def _intervals(y: np.ndarray, levels: Sequence[float], *, discrete: bool) -> dict[str, np.ndarray]:
    """Return the bounds of central intervals `(rows[, output], level)`."""
    tails = (1 - np.asarray(levels)) / 2
    method = "inverted_cdf" if discrete else "linear"
    bounds = np.quantile(y, np.concatenate([tails, 1 - tails]), axis=0, method=method)
    lower, upper = np.split(np.moveaxis(bounds, 0, -1), 2, axis=-1)
    return {"lower": lower, "upper": upper}
