"""Scores of predictions on data, with their standard errors."""

from typing import Any

import numpy as np
import xarray as xr

from pbnn.assess.calibration import reliability
from pbnn.assess.pointwise import pointwise
from pbnn.graph.build import BNN


def score(bnn: BNN, idata: xr.DataTree, X: Any, y: Any, *, seed: int | None = None) -> xr.Dataset:
    """Score predictions on data, best on data that the fit has not seen.

    Parameters
    ----------
    bnn, idata
        The model and its fit.
    X, y
        Inputs `(obs, feature)` and responses, as given to `build`.
    seed
        Of the draws of the response.

    Returns
    -------
    xarray.Dataset
        Regression and counts: `rmse` of the predictive mean and `crps`, in the units of `y`; `lpd`, the mean log
        predictive density in nats per observation, with `y` in its own units; by `level`, `coverage` and mean `width`
        of central intervals. All but `lpd` are given by `output` if there are several.
        Of times known in part, `lpd` is that of what is known: of the density of an event, of the probability to lie
        between the bounds, given that it comes after `entry`; `coverage` is by `pit`. `rmse` and `crps` are of rows
        whose time is known, which are the shorter ones, so they compare fits and no more; attrs `n_exact` says how
        many.
        Classes: `accuracy` of the most probable class; `lpd`; `brier`, summed over classes; `ece`, the expected
        calibration error of the most probable class.
        Each with `<name>_se`, its standard error over rows. It knows nothing of the randomness of the training data.
        attrs: `n_obs`, `n_draws`, and `lpd_mcse`, the Monte Carlo error of `lpd`; each variable has `units` and
        `long_name`.

    Raises
    ------
    DataError, ShapeError
        If the data do not match the training data: columns, categories, outputs, labels.
    ModelError
        If `idata` is the fit of another model.

    References
    ----------
    Gneiting & Raftery (2007), Strictly proper scoring rules, prediction, and estimation,
    10.1198/016214506000001437.
    """
    return score_rows(pointwise(bnn, idata, X, y, seed=seed))


def score_rows(rows: xr.Dataset) -> xr.Dataset:
    """Return the scores of rows that `pointwise` has compared already; see `score`."""
    values = _classes(rows) if rows.attrs["kind"] == "classes" else _numbers(rows)
    scores = xr.Dataset(attrs={name: rows.attrs[name] for name in ("n_obs", "n_draws", "lpd_mcse")})
    if rows.attrs.get("censored"):
        scores.attrs["n_exact"] = int(rows["observed"].notnull().sum())
    for name, (value, se) in values.items():
        long_name, units = _MEANING[name]
        scores[name] = value.assign_attrs(long_name=long_name, units=units)
        scores[f"{name}_se"] = se.assign_attrs(long_name=f"standard error of {long_name}", units=units)
    return scores


Score = tuple[xr.DataArray, xr.DataArray]
"""A value and its standard error over rows."""

_MEANING = {
    "rmse": ("root mean squared error of the predictive mean", "y"),
    "lpd": ("mean log predictive density", "nat"),
    "crps": ("mean continuous ranked probability score", "y"),
    "coverage": ("share of observations within central intervals", "1"),
    "width": ("mean width of central intervals", "y"),
    "accuracy": ("share of observations whose most probable class is right", "1"),
    "brier": ("mean Brier score, summed over classes", "1"),
    "ece": ("expected calibration error of the most probable class", "1"),
}


def _numbers(rows: xr.Dataset) -> dict[str, Score]:
    square, square_se = _mean(rows["residual"] ** 2)
    rmse = np.sqrt(square)
    inside = (rows["lower"] <= rows["observed"]) & (rows["observed"] <= rows["upper"])
    if rows.attrs.get("censored"):
        inside = 2 * np.abs(rows["pit"] - 0.5) <= rows["level"]
    return {
        "rmse": (rmse, square_se / (2 * rmse.where(rmse > 0))),  # delta method
        "lpd": _mean(rows["lpd"]),
        "crps": _mean(rows["crps"]),
        "coverage": _mean(inside.astype(float)),
        "width": _mean(rows["upper"] - rows["lower"]),
    }


def _classes(rows: xr.Dataset) -> dict[str, Score]:
    table = reliability(rows)
    # The ECE of finite data is never 0: say what chance alone would give.
    chance = {"bins": table.attrs["bins"], "if_calibrated": float(table["ece_if_calibrated"])}
    return {
        "accuracy": _mean(rows["correct"]),
        "lpd": _mean(rows["lpd"]),
        "brier": _mean(rows["brier"]),
        "ece": (table["ece"].assign_attrs(chance), table["ece_se"]),
    }


def _mean(values: xr.DataArray) -> Score:
    n = values.notnull().sum("obs")
    mean = values.sum("obs") / n.where(n > 0)
    squares = ((values - mean) ** 2).sum("obs") / (n - 1).where(n > 1)
    return mean, np.sqrt(squares / n.where(n > 0))
