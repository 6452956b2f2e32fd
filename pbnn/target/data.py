"""The observations of a BNN as a `Target` takes them."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from pbnn.errors import DataError, ShapeError
from pbnn.graph.build import BNN

Data = Mapping[str, Any]
"""`x` (standardised inputs), `y` and `y_loc` of a set of observations; empty for a general model."""


def current_data(bnn: BNN) -> tuple[np.ndarray, np.ndarray]:
    """Return what the model holds now: the training data, or what `pm.set_data` put in their place.

    PyMC masks missing values, which JAX does not know.
    """
    X, y = bnn.model["X"].get_value(), bnn.model["y_data"].get_value()
    return np.ma.filled(X, np.nan), np.ma.filled(y, np.nan)


def bind(bnn: BNN, X: np.ndarray, y: np.ndarray) -> Data:
    """Centre the response in float64: `y - y_loc` keeps in float32 the digits that a large offset would eat."""
    loc = bnn.y_loc.get_value()
    centred = y if bnn.response.kind == "classes" else y - loc
    return {
        "x": jnp.asarray(bnn.columns.standardize(X)),
        "y": jnp.asarray(centred),
        "y_loc": jnp.zeros_like(jnp.asarray(loc)),
    }


def check_data(bnn: BNN, data: Data) -> None:
    """Raise `DataError` or `ShapeError` if what `pm.set_data` put in place of the training data cannot be fitted."""
    x, y = np.asarray(data["x"]), np.asarray(data["y"])
    if bnn.response.censored:
        y = np.where(y == np.inf, 0.0, y)  # the upper bound of a time whose event was not seen
    for values, label in ((x, "X"), (y, "y_data")):
        if not np.isfinite(values).all():
            raise DataError(f"fit: {label} of the model holds missing or infinite values; set it again.")
    if len(x) != len(y):
        raise ShapeError(
            f"fit: X of the model has {len(x)} rows and y_data has {len(y)}; "
            "set both, pm.set_data({'X': ..., 'y_data': ...})."
        )
