"""Predictions against observations, row by row: what scores, calibration tables and residual plots are made of."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from arviz_stats.base import array_stats
from scipy.special import logsumexp

from pbnn.assess.rows import blocks, read_draws, spaced, take
from pbnn.assess.scoring_rules import brier, crps, pit, pit_between
from pbnn.errors import DataError
from pbnn.graph.build import BNN
from pbnn.predict.angles import around, mean_direction
from pbnn.predict.forward import TILE_ROWS, Forward
from pbnn.predict.mixture import Average
from pbnn.predict.rows import training_data
from pbnn.target import Data
from pbnn.target.cores import on_all_cores

LEVELS = (0.5, 0.8, 0.9, 0.95)


def pointwise(
    bnn: BNN | Average,
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
        somewhat more than `level`. Of times known in part, `observed` and what is made of it is NaN, but for `pit`,
        which lies anywhere between those of the bounds; angles are laid out around the predicted mean direction,
        `observed` too.
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
    forward, posterior = read_draws(bnn, idata, "score", seed)
    inputs, observed = _encode(bnn, idata, X, y)
    at = spaced(len(observed), max_rows)
    inputs, observed = inputs[at], observed[at]
    if bnn.response.kind == "classes":
        table = _class_rows(forward, inputs, observed)
    else:
        table = _number_rows(forward, inputs, observed, tuple(levels))
    lpd, weight = _predictive_density(forward, forward.bind(inputs, observed))
    table["lpd"] = ("obs", lpd)
    table.attrs = {
        "kind": bnn.response.kind,
        "censored": int(bnn.response.censored),
        "n_obs": len(at),
        "n_draws": len(forward.z),
        # The mean of lpd moves by this share of what a draw weighs in it: the delta method.
        "lpd_mcse": float(array_stats.mcse(weight.reshape(posterior.sizes["chain"], -1) / len(at))),
    }
    return table.assign_coords(obs=at)


def _encode(bnn: BNN | Average, idata: xr.DataTree, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return encoded inputs, and responses in the user's units or as codes."""
    if (X is None) != (y is None):
        raise DataError("score: pass both X and y, or neither for the training data.")
    if X is None:
        inputs, observed = training_data(bnn, idata, "score")
    else:
        inputs, observed = bnn.columns.encode(X, "score"), bnn.response.encode(y, "score")
    if len(inputs) != len(observed):
        raise DataError(f"score: X has {len(inputs)} rows and y has {len(observed)}; they must be equal.")
    return inputs, observed


def _number_rows(
    forward: Forward, inputs: np.ndarray, observed: np.ndarray, levels: Sequence[float]
) -> xr.Dataset:
    response = forward.bnn.response
    forward = forward.with_many_responses()
    bounds = observed if response.censored else None
    if response.censored:
        # Of an event that was not seen nobody knows how far off a prediction is.
        observed = np.where(observed[:, 0] == observed[:, 1], observed[:, 0], np.nan)
    within = np.random.default_rng(forward.seed).uniform(size=observed.shape)
    names = ("y", "mu", "variance")
    row_bytes = len(forward.z) * sum(forward.cells[name].itemsize for name in names)
    parts: list[dict[str, np.ndarray]] = []
    for rows in blocks(len(observed), row_bytes):
        drawn = forward.allocate(names, rows.stop - rows.start)
        forward.fill(inputs[rows], drawn, rows.start)

        def compare(
            row: int, drawn: dict[str, np.ndarray] = drawn, first: int = rows.start
        ) -> dict[str, np.ndarray]:
            here = slice(row, row + TILE_ROWS)
            there = slice(first + row, first + row + TILE_ROWS)
            y, mu, variance = (drawn[name][:, here].astype(float) for name in names)
            seen = observed[there]
            if response.circular:
                centre = mean_direction(y)
                y, mu, seen = around(y, centre), around(mu, centre), around(seen, centre)
            # NumPy sorts contiguous rows much faster; what follows is quick on sorted ones.
            y = np.sort(np.moveaxis(y, 0, -1).copy(), axis=-1)
            return {
                "predicted": mu.mean(axis=0),
                "epistemic_sd": mu.std(axis=0),
                "aleatoric_sd": np.sqrt(variance.mean(axis=0)),
                "observed": seen,
                "crps": crps(y, seen),
                "pit": (
                    pit(y, seen, within[there])
                    if bounds is None
                    else pit_between(y, bounds[there], within[there])
                ),
                **_intervals(y, levels, discrete=response.kind == "counts"),
            }

        parts += on_all_cores(compare, range(0, rows.stop - rows.start, TILE_ROWS))
    dims = ("obs",) if response.vector else ("obs", "output")
    table = xr.Dataset(coords={"level": list(levels)})
    if not response.vector:
        table = table.assign_coords(output=list(response.names))
    for name in parts[0]:
        of = (*dims, "level") if name in ("lower", "upper") else dims
        table[name] = (of, np.concatenate([part[name] for part in parts]))
    table["sd"] = np.hypot(table["epistemic_sd"], table["aleatoric_sd"])
    table["residual"] = table["observed"] - table["predicted"]
    table["standardized"] = table["residual"] / table["sd"]
    return table.transpose("level", ...)


def _class_rows(forward: Forward, inputs: np.ndarray, observed: np.ndarray) -> xr.Dataset:
    labels = np.asarray(forward.bnn.response.classes)
    p = np.empty((len(observed), len(labels)))
    for rows in blocks(len(observed), len(forward.z) * forward.cells["p"].itemsize):
        drawn = forward.allocate(["p"], rows.stop - rows.start)
        forward.fill(inputs[rows], drawn, rows.start)
        p[rows] = drawn["p"].mean(axis=0, dtype=float)
    p /= p.sum(axis=1, keepdims=True)
    observed, predicted = observed.astype(int), p.argmax(axis=1)
    columns = {
        "observed": labels[observed],
        "predicted": labels[predicted],
        "observed_code": observed,
        "predicted_code": predicted,
        "confidence": p.max(axis=1),
        "correct": (predicted == observed).astype(float),
        "brier": brier(p, observed),
    }
    table = xr.Dataset({name: ("obs", values) for name, values in columns.items()})
    table["p"] = (("obs", "class"), p)
    return table.assign_coords({"class": labels})


def _predictive_density(forward: Forward, data: Data) -> tuple[np.ndarray, np.ndarray]:
    """Return the log of the mean likelihood of each row, and what each draw weighs in them, summed over rows."""
    n_draws, n_rows = len(forward.z), len(data["x"])
    lpd, weight = np.empty(n_rows), np.zeros(n_draws)
    for rows in blocks(n_rows, 8 * n_draws):
        log_lik = forward.log_likelihood(take(data, rows)).astype(float)
        lpd[rows] = logsumexp(log_lik, axis=0) - np.log(n_draws)
        with np.errstate(invalid="ignore"):  # a row that no draw thinks possible
            weight += np.exp(log_lik - lpd[rows]).sum(axis=1)
    return lpd, weight


def _intervals(y: np.ndarray, levels: Sequence[float], *, discrete: bool) -> dict[str, np.ndarray]:
    """Return the bounds `(rows[, output], level)` of central intervals of draws `(rows[, output], draws)`."""
    tails = (1 - np.asarray(levels)) / 2
    method = "inverted_cdf" if discrete else "linear"
    bounds = np.quantile(y, np.concatenate([tails, 1 - tails]), axis=-1, method=method)
    lower, upper = np.split(np.moveaxis(bounds, 0, -1), 2, axis=-1)
    return {"lower": lower, "upper": upper}
