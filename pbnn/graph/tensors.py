"""Sequences `(obs, time, channel)` and images `(obs, row, column, channel)` as arrays, or a clear error."""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from pbnn.errors import ShapeError
from pbnn.graph.values import as_array, as_numbers

KINDS = "(obs, feature), (obs, time, channel) or (obs, row, column, channel)"
IF_TEXT = "Turn it into numbers."


def as_tensor(X: Any, where: str) -> np.ndarray | None:
    """Return `X` if it holds sequences or images, and None if it is a table or something else.

    Raises
    ------
    ShapeError
        If sequences differ in length, have length 0, or there are more than four axes.
    """
    if isinstance(X, pd.DataFrame | pd.Series):
        return None
    if isinstance(X, xr.DataArray):
        X = X.values
    X = _stacked(X, where)
    if np.ndim(X) < 3:
        return None
    values = as_array(X, f"{where}: X")
    if values.ndim > 4:
        raise ShapeError(f"{where}: X must have shape {KINDS}; got {values.shape}.")
    if 0 in values.shape[1:]:
        empty = (
            "a sequence of length 0" if values.ndim == 3 and values.shape[1] == 0 else "an axis of length 0"
        )
        raise ShapeError(
            f"{where}: X has {empty}; got shape {values.shape}. Each axis needs at least one element."
        )
    return values


def _stacked(X: Any, where: str) -> Any:
    """Return a list of arrays as one array; refuse sequences of different lengths."""
    if isinstance(X, np.ndarray) and not (X.dtype == object and X.ndim == 1):
        return X
    if not isinstance(X, list | tuple | np.ndarray) or not _is_nested(X):
        return X if hasattr(X, "ndim") else np.empty(())
    lengths = [len(row) for row in X]
    other = next((i for i, n in enumerate(lengths) if n != lengths[0]), None)
    if other is not None:
        raise ShapeError(
            f"{where}: X holds sequences of different lengths, {lengths[0]} in row 0 and {lengths[other]} in row "
            f"{other}. Pad them to one length, for example with zeros in front, and add a channel that says which "
            "elements are padding."
        )
    return as_array([np.asarray(row) for row in X], f"{where}: X")


def _is_nested(X: Any) -> bool:
    """Whether rows hold rows, so that there are three axes or more."""
    sequence = list | tuple | np.ndarray
    rows = all(isinstance(row, sequence) for row in X)
    return (
        len(X) > 0
        and rows
        and any(np.ndim(row) > 1 or any(isinstance(v, sequence) for v in row) for row in X)
    )


def tensor_names(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Name each element of an observation by its place: `x[2,0]`."""
    return tuple(f"x[{','.join(map(str, at))}]" for at in product(*map(range, shape)))


def as_rows(values: np.ndarray, where: str) -> np.ndarray:
    """Return sequences or images as a table `(obs, feature)` of finite numbers.

    Raises
    ------
    DataError
        If an element is missing, infinite or no number; the message names it.
    """
    rows = values.reshape(len(values), -1)
    if rows.dtype.kind in "iufb" and np.isfinite(rows).all():
        return rows.astype(float)
    out = np.empty(rows.shape)
    for i, name in enumerate(tensor_names(values.shape[1:])):
        out[:, i] = as_numbers(pd.Series(rows[:, i]), f"{where}: X element {name!r}", if_text=IF_TEXT)
    return out
