"""The rows that a fit is used on: new inputs, or the data it was trained on."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from pbnn.errors import DataError, ShapeError
from pbnn.graph.build import BNN


def training_data(bnn: BNN, idata: xr.DataTree, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return encoded inputs `(obs, feature)` and responses that the fit was trained on.

    They are read from the fit, since `pm.set_data` may have put others in the model; from the model if the fit came
    without them, as one of `pm.sample` may.

    Raises
    ------
    DataError
        If none are stored.
    """
    X, _ = encode_rows(bnn, idata, None, where)
    observed = idata.get("observed_data", {})
    y = observed["y"].to_numpy() if "y" in observed else bnn.model["y_data"].get_value()
    if len(X) != len(y):
        raise DataError(f"{where}: the stored X has {len(X)} rows and y has {len(y)}; pass X and y.")
    return X, y


def encode_rows(
    bnn: BNN, idata: xr.DataTree | None, X: Any, where: str = "predict"
) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs as numbers `(obs, feature)`, in the user's units, and a label for each row."""
    if X is not None:
        values, labels = bnn.columns.encode(X, where), _row_labels(X)
    elif idata is not None and "X" in idata.get("constant_data", {}):
        stored = idata["constant_data"]["X"]
        values = stored.to_numpy().astype(float)
        labels = stored.coords["obs"].to_numpy() if "obs" in stored.coords else None
    elif isinstance(bnn, BNN):
        values, labels = bnn.model["X"].get_value(), None
    else:
        raise DataError(f"{where}: the models averaged are fits of different rows; pass X.")
    n = len(bnn.columns.names)
    if values.shape[1:] != (n,):
        raise ShapeError(
            f"{where}: the stored X has shape {values.shape}, and the model has {n} columns; pass X."
        )
    if len(values) == 0:
        raise DataError(
            f"{where}: X is empty." if X is not None else f"{where}: no training data are stored; pass X."
        )
    return values, np.arange(len(values)) if labels is None else labels


def _row_labels(X: Any) -> np.ndarray | None:
    """Return the labels of rows in a form that files keep: numbers, dates, or text."""
    if isinstance(X, pd.DataFrame):
        index = X.index
    elif isinstance(X, xr.DataArray) and X.dims[0] in X.indexes:
        index = X.indexes[X.dims[0]]
    else:
        return None
    labels = np.asarray(index)
    return labels if labels.dtype.kind in "biufMm" else np.asarray([str(label) for label in index])


def inputs_dataset(bnn: BNN, values: np.ndarray, obs: np.ndarray) -> xr.Dataset:
    """Return inputs as ArviZ stores constant data."""
    return xr.Dataset(
        {"X": (("obs", "feature"), values)}, coords={"obs": obs, "feature": list(bnn.columns.names)}
    )
