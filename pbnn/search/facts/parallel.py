"""All trials at once: where each stands along every parameter."""

from typing import Any

import numpy as np
import xarray as xr
from optuna import Study

from pbnn.search.columns import words
from pbnn.search.fitted import Fitted, How, fitted

TICKS = (0.0, 0.5, 1.0)


def parallel(study: Study | Fitted, *, how: How = "map", seed: int = 0) -> xr.Dataset:
    """Return the trials as places along each parameter, with what is believed of them.

    Parameters
    ----------
    study
        Of Optuna, of one objective.
    how, seed
        How the surrogate's hyperparameters are fitted, `"map"` or `"nuts"`, and from which seed.

    Returns
    -------
    xarray.Dataset
        By `trial`, the best posterior mean first: `score`, `mean` and `sd` of the true score; by `parameter` too,
        `place`, between 0 and 1 on the parameter's scale, NaN where it is not active. By `parameter` and `tick`:
        `tick_place` and its `label`, NaN and empty where there are fewer.

    Raises
    ------
    DataError, MethodError, SpecError
        As of `recommend`.

    Examples
    --------
    >>> import optuna
    >>> from pbnn.search import parallel
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    >>> study.optimize(lambda trial: -(trial.suggest_float("x", -1, 1) ** 2), n_trials=12)
    >>> table = parallel(study)
    >>> bool(abs(table["place"][0, 0] - 0.5) < 0.2), table["label"].values.tolist()
    (True, [['-1', '0', '1']])
    """
    of = fitted(study, how, seed)
    inputs = of.surrogate.inputs
    belief = of.predict(of.points)
    order = np.argsort(-of.sign * belief["mean"], kind="stable")
    top = np.array([max(column.choices - 1, 1) for column in inputs.columns])
    place = np.where(of.points.active, of.points.x / top, np.nan)
    ticks = [_ticks(column) for column in inputs.columns]
    most = max(map(len, ticks))
    at = np.array([[where for where, _ in t] + [np.nan] * (most - len(t)) for t in ticks])
    label = np.array([[text for _, text in t] + [""] * (most - len(t)) for t in ticks])
    table: dict[str, Any] = {
        "place": (("trial", "parameter"), place[order]),
        "score": ("trial", of.score[order]),
        "mean": ("trial", belief["mean"][order]),
        "sd": ("trial", belief["sd"][order]),
        "tick_place": (("parameter", "tick"), at),
        "label": (("parameter", "tick"), label),
    }
    return xr.Dataset(
        table,
        coords={"parameter": list(inputs.names), "trial": of.numbers[order]},
        attrs={"direction": of.direction, "how": of.how},
    )


def _ticks(column: Any) -> list[tuple[float, str]]:
    if column.choices:
        n = column.choices
        return [(i / max(n - 1, 1), words(column.decode(float(i)))) for i in range(n)]
    # Of a grid the ends are cells, whose values stand in their middle.
    values = [column.decode(at) for at in TICKS]
    return [(column.encode(value), words(value)) for value in dict.fromkeys(values)]
