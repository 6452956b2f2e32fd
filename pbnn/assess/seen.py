"""Rows that are given as held-out, and that the fit was trained on."""

import numpy as np
import xarray as xr

from pbnn.errors import DataError, warn
from pbnn.graph.build import BNN
from pbnn.predict.mixture import Average
from pbnn.predict.rows import training_data

NEARLY_ALL = 0.9
"""A share of rows that cannot be chance: held-out rows may have a few twins among those of training."""


def share_seen(bnn: BNN | Average, idata: xr.DataTree, inputs: np.ndarray, observed: np.ndarray) -> float:
    """Return the share of rows that are training rows: equal in every input and in the response.

    Where the training data hold a row several times, as short tables of categories do, a new row that is equal to it
    tells nothing; such rows do not count, unless they are most.

    Parameters
    ----------
    bnn, idata
        The model and its fit. If the training data are not known, the share is 0.
    inputs, observed
        Encoded rows `(obs, feature)` and `(obs[, output])`.
    """
    try:
        X, y = training_data(bnn, idata, "share_seen")
    except DataError:
        return 0.0
    if len(inputs) == 0:
        return 0.0
    keys, times = np.unique(_keys(X, y), return_counts=True)
    given = _keys(inputs, observed)
    once, repeated = np.isin(given, keys[times == 1]), np.isin(given, keys[times > 1])
    return float(once.sum() / max((~repeated).sum(), len(given) / 2))


def all_seen(bnn: BNN | Average, idata: xr.DataTree, inputs: np.ndarray, observed: np.ndarray) -> bool:
    """Return whether (nearly) all rows are training rows; see `share_seen`."""
    return share_seen(bnn, idata, inputs, observed) >= NEARLY_ALL


def warn_if_seen(
    bnn: BNN | Average, idata: xr.DataTree, inputs: np.ndarray, observed: np.ndarray, where: str, what: str
) -> None:
    """Warn that rows which should be new are training rows; `what` says what comes of it."""
    if all_seen(bnn, idata, inputs, observed):
        warn(
            f"{where}: the rows given are those that the model was fitted to, so {what}. Pass held-out rows."
        )


def _keys(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return a number for each row, the same for equal rows."""
    rows = np.column_stack([np.asarray(values, float).reshape(len(X), -1) for values in (X, y)])
    rows = np.ascontiguousarray(rows + 0.0)  # -0.0 and 0.0 are equal
    return np.array([hash(row.tobytes()) for row in rows])
