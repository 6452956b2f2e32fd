"""How the score hangs on each parameter, the others being as in the best configuration."""

from typing import Any

import numpy as np
import xarray as xr
from optuna import Study

from pbnn.search.columns import Category, words
from pbnn.search.fitted import PROB, Fitted, How, fitted
from pbnn.search.inputs import Inputs, Points

PLACES = 41
"""Places along a parameter that has more values."""


def slices(study: Study | Fitted, *, how: How = "map", seed: int = 0) -> xr.Dataset:
    """Return the posterior of the true score along each parameter, through the best configuration, and the trials.

    Parameters
    ----------
    study
        Of Optuna, of one objective.
    how, seed
        How the surrogate's hyperparameters are fitted, `"map"` or `"nuts"`, and from which seed.

    Returns
    -------
    xarray.Dataset
        By `parameter` and `place`: `value`, the number or the number of the choice, with its `label`; `mean`, `sd`,
        `lower` and `upper` of the true score; NaN and empty where a parameter has fewer places. By `trial`: `score`,
        `noise_sd`, and by `parameter` too `trial_value`, NaN where it is not active. By `parameter`: `log`,
        `categorical`, and `base`, the trial that tells the values of the others: the one with the best posterior mean
        in which it is active.

    Raises
    ------
    DataError, MethodError, SpecError
        As of `recommend`.

    Examples
    --------
    >>> import optuna
    >>> from pbnn.search import slices
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    >>> study.optimize(lambda trial: -(trial.suggest_float("x", -1, 1) ** 2), n_trials=12)
    >>> along = slices(study).sel(parameter="x")
    >>> bool(abs(along["value"][along["mean"].argmax("place")]) < 0.2)
    True
    """
    of = fitted(study, how, seed)
    inputs = of.surrogate.inputs
    shape = (len(inputs), max(map(len, (_places(inputs, name) for name in inputs.names))))
    columns = {key: np.full(shape, np.nan) for key in ("value", "mean", "sd", "lower", "upper")}
    label = np.full(shape, "", object)
    bases = []
    for j, name in enumerate(inputs.names):
        base = of.best_of(of.points.active[:, j]) if of.points.active[:, j].any() else of.best_of()
        bases.append(of.trials[base].number)
        points = _along(inputs, of.points[base], j, _places(inputs, name))
        on = points.active[:, j]
        k = int(on.sum())
        if not k:
            continue
        points = points[on]
        taken = [params[name] for params in inputs.params(points)]
        columns["value"][j, :k] = points.x[:, j] if inputs.columns[j].choices else taken
        label[j, :k] = [words(v) for v in taken]
        for key, values in of.predict(points).items():
            columns[key][j, :k] = values
    along = columns | {"label": label.astype(str)}
    table: dict[str, Any] = {key: (("parameter", "place"), v) for key, v in along.items()}
    table |= {
        "log": ("parameter", [bool(getattr(c, "log", False)) for c in inputs.columns]),
        "categorical": ("parameter", [isinstance(c, Category) for c in inputs.columns]),
        "base": ("parameter", bases),
        "score": ("trial", of.score),
        "noise_sd": ("trial", of.noise_sd),
        "trial_value": (("trial", "parameter"), _values(of)),
    }
    return xr.Dataset(
        table,
        coords={"parameter": list(inputs.names), "trial": of.numbers},
        attrs={"direction": of.direction, "how": of.how, "prob": PROB},
    )


def _places(inputs: Inputs, name: str) -> np.ndarray:
    grid = inputs.grid(name)
    if grid is None:
        return np.linspace(0, 1, PLACES)
    if len(grid) > PLACES and not inputs.columns[inputs.names.index(name)].choices:
        return grid[np.unique(np.linspace(0, len(grid) - 1, PLACES).round().astype(int))]
    return grid


def _along(inputs: Inputs, base: Points, j: int, places: np.ndarray) -> Points:
    x = np.repeat(base.x, len(places), axis=0)
    x[:, j] = places
    return inputs.snap(x)


def _values(of: Fitted) -> np.ndarray:
    """Return numbers, or numbers of choices, `(trials, parameters)`; NaN where a parameter is not active."""
    inputs, points = of.surrogate.inputs, of.points
    found = np.where(points.active, points.x, np.nan)
    for i, params in enumerate(inputs.params(points)):
        for j, name in enumerate(inputs.names):
            if name in params and not inputs.columns[j].choices:
                found[i, j] = params[name]
    return found
