"""Scores of predictions on data, with their standard errors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import entr

from pbnn.assess.calibration import reliability
from pbnn.assess.pointwise import LEVELS, QUANTILES, Wanted, rows_and_batches
from pbnn.assess.ranking import macro_auroc, macro_f1
from pbnn.assess.scoring_rules import interval_score, quantile_loss
from pbnn.graph.build import BNN


def score(
    bnn: BNN,
    idata: xr.DataTree,
    X: Any,
    y: Any,
    *,
    seed: int | None = None,
    levels: Sequence[float] = LEVELS,
    quantiles: Sequence[float] = QUANTILES,
    exact: bool = False,
) -> xr.Dataset:
    """Score predictions on data, best on data that the fit has not seen.

    Parameters
    ----------
    bnn, idata
        The model and its fit.
    X, y
        Inputs `(obs, feature)` and responses, as given to `build`.
    seed
        Of the draws of the response.
    levels
        Probabilities of the central intervals.
    quantiles
        Probabilities of the quantiles.
    exact
        Also give `crps_exact` of a Gaussian response, without the noise of drawn responses; see `pointwise`.

    Returns
    -------
    xarray.Dataset
        Regression and counts: `rmse` of the predictive mean and `crps`, in the units of `y`; `lpd`, the mean log
        predictive density in nats per observation, with `y` in its own units; `sharpness`, the mean predictive
        standard deviation; by `level`, `coverage`, mean `width` and `interval_score` of central intervals; by
        `quantile`, `quantile_loss`. All but `lpd` are given by `output` if there are several, and then there is
        `energy`, the energy score, each output in units of `bnn.response.scale`.
        Of times known in part, `lpd` is that of what is known: of the density of an event, of the probability to lie
        between the bounds, given that it comes after `entry`; `coverage` is by `pit`. `rmse`, `crps` and the like are
        of rows whose time is known, which are the shorter ones, so they compare fits and no more; attrs `n_exact` says
        how many.
        Classes: `accuracy` of the most probable class; `lpd`; `brier`, summed over classes; `f1`, averaged over
        classes; `auroc` of the second of two classes, or averaged over classes, each against the rest (NaN if the rows
        are of one class; attrs `classes` says how many it averages); `ece`, the expected calibration error of the most
        probable class; `sharpness`, the mean entropy of the probabilities.
        Each with `<name>_se`, its standard error over rows, and `<name>_mcse`, its Monte Carlo error: that of having so
        many draws and no more, from the spread over chains if there are 4 or more, else over stretches of chains; a
        rough number, and NaN for fewer than 4 draws. The first knows nothing of the randomness of the training data.
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
    10.1198/016214506000001437. DeLong et al. (1988), 10.2307/2531595: the error of `auroc`. Attrs of `ece` say what
    chance gives; see `pbnn.assess.reliability`.
    """
    wanted = Wanted(tuple(levels), tuple(quantiles), exact)
    return score_rows(*rows_and_batches(bnn, idata, X, y, seed=seed, wanted=wanted))


def score_rows(rows: xr.Dataset, batches: Sequence[xr.Dataset] | None = None) -> xr.Dataset:
    """Return the scores of rows that `pointwise` has compared already; see `score`.

    With the `batches` that `rows_and_batches` gives beside the rows, Monte Carlo errors come too.
    """
    values = _scores(rows)
    scores = xr.Dataset(attrs={name: rows.attrs[name] for name in ("n_obs", "n_draws", "lpd_mcse")})
    if rows.attrs.get("censored"):
        scores.attrs["n_exact"] = int(rows["observed"].notnull().sum())
    errors = {} if batches is None else _monte_carlo_errors(rows, values, batches)
    for name, (value, se) in values.items():
        long_name, units = _meaning(name, rows)
        scores[name] = value.assign_attrs(long_name=long_name, units=units)
        scores[f"{name}_se"] = se.assign_attrs(long_name=f"standard error of {long_name}", units=units)
        if name in errors:
            about = {"long_name": f"Monte Carlo error of {long_name}", "units": units}
            scores[f"{name}_mcse"] = errors[name].assign_attrs(about)
    return scores


Score = tuple[xr.DataArray, xr.DataArray]
"""A value and its standard error over rows."""

_MEANING = {
    "rmse": ("root mean squared error of the predictive mean", "y"),
    "lpd": ("mean log predictive density", "nat"),
    "crps": ("mean continuous ranked probability score", "y"),
    "crps_exact": ("mean continuous ranked probability score, without drawn responses", "y"),
    "energy": ("mean energy score of all outputs, in units of their scales", "1"),
    "coverage": ("share of observations within central intervals", "1"),
    "width": ("mean width of central intervals", "y"),
    "interval_score": ("mean interval score of central intervals", "y"),
    "quantile_loss": ("mean pinball loss of quantiles", "y"),
    "accuracy": ("share of observations whose most probable class is right", "1"),
    "brier": ("mean Brier score, summed over classes", "1"),
    "f1": ("F1 score, averaged over classes", "1"),
    "auroc": ("area under the ROC curve, averaged over classes", "1"),
    "ece": ("expected calibration error of the most probable class", "1"),
}
_SHARPNESS = {
    "classes": ("mean entropy of the probabilities", "nat"),
    "numbers": ("mean predictive standard deviation", "y"),
}


def _meaning(name: str, rows: xr.Dataset) -> tuple[str, str]:
    if name == "sharpness":
        return _SHARPNESS["classes" if rows.attrs["kind"] == "classes" else "numbers"]
    return _MEANING[name]


def _scores(rows: xr.Dataset) -> dict[str, Score]:
    return _classes(rows) if rows.attrs["kind"] == "classes" else _numbers(rows)


def _monte_carlo_errors(
    rows: xr.Dataset, values: dict[str, Score], batches: Sequence[xr.Dataset]
) -> dict[str, xr.DataArray]:
    """Return the standard error of the mean over batches; that of `lpd` is known better."""
    errors = {"lpd": xr.DataArray(rows.attrs["lpd_mcse"])}
    names = [name for name in values if name != "lpd"]
    if not batches:
        return errors | {name: xr.full_like(values[name][0], np.nan) for name in names}
    parts = [_scores(batch) for batch in batches]
    for name in names:
        spread = xr.concat([part[name][0] for part in parts], "batch", combine_attrs="drop").std(
            "batch", ddof=1
        )
        errors[name] = spread / np.sqrt(len(batches))
    return errors


def _numbers(rows: xr.Dataset) -> dict[str, Score]:
    y, lower, upper = rows["observed"], rows["lower"], rows["upper"]
    square, square_se = mean_and_se(rows["residual"] ** 2)
    rmse = np.sqrt(square)
    inside = ((lower <= y) & (y <= upper)).where(y.notnull())
    if rows.attrs.get("censored") and "pit" in rows:
        inside = 2 * np.abs(rows["pit"] - 0.5) <= rows["level"]
    means = {
        "lpd": rows.get("lpd"),
        "crps": rows["crps"],
        "crps_exact": rows.get("crps_exact"),
        "energy": rows.get("energy"),
        "sharpness": rows["sd"],
        "coverage": inside.astype(float),
        "width": upper - lower,
        "interval_score": interval_score(lower, upper, y, rows["level"]),
        "quantile_loss": quantile_loss(rows["quantiles"], y, rows["quantile"])
        if "quantiles" in rows
        else None,
    }
    rmse_and_se = rmse, square_se / (2 * rmse.where(rmse > 0))  # delta method
    return {"rmse": rmse_and_se} | {name: mean_and_se(v) for name, v in means.items() if v is not None}


def _classes(rows: xr.Dataset) -> dict[str, Score]:
    table = reliability(rows)
    # The ECE of finite data is never 0: say what chance alone would give, and at most.
    chance = {name: float(table[f"ece_{name}"]) for name in ("if_calibrated", "limit")}
    chance["bins"] = table.attrs["bins"]
    found = {name: mean_and_se(rows[name]) for name in ("lpd", "brier") if name in rows}
    p, codes = rows["p"].transpose("obs", "class").to_numpy(), rows["observed_code"].to_numpy()
    area, area_se, averaged = macro_auroc(p, codes)
    f1 = macro_f1(rows["predicted_code"].to_numpy(), codes, p.shape[1])
    return {
        "accuracy": mean_and_se(rows["correct"]),
        **found,
        "f1": (xr.DataArray(f1[0]), xr.DataArray(f1[1])),
        "auroc": (xr.DataArray(area, attrs={"classes": averaged}), xr.DataArray(area_se)),
        "ece": (table["ece"].assign_attrs(chance), table["ece_se"]),
        "sharpness": mean_and_se(xr.apply_ufunc(entr, rows["p"]).sum("class")),
    }


def mean_and_se(values: xr.DataArray) -> Score:
    """Return the mean over rows that are known, and its standard error; NaN for fewer than 2."""
    n = values.notnull().sum("obs")
    mean = values.sum("obs") / n.where(n > 0)
    squares = ((values - mean) ** 2).sum("obs") / (n - 1).where(n > 1)
    return mean, np.sqrt(squares / n.where(n > 0))
