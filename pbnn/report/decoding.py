"""Data in the user's terms: rows of tables, and what the model holds as numbers and codes."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from pbnn.graph.build import BNN
from pbnn.graph.censoring import Censored


def take(table: Any, rows: np.ndarray) -> Any:
    """Return some rows of an array, a frame, a series or a DataArray."""
    if isinstance(table, Censored):
        return table[rows]
    if hasattr(table, "iloc"):
        return table.iloc[rows]
    if isinstance(table, xr.DataArray):
        return table[rows]
    return np.asarray(table)[rows]


def decode_inputs(bnn: BNN, values: np.ndarray) -> pd.DataFrame:
    """Return encoded inputs `(obs, feature)` in the user's terms: codes become categories."""
    columns: dict[str, Any] = {}
    for i, (name, categories) in enumerate(zip(bnn.columns.names, bnn.columns.categories, strict=True)):
        columns[name] = values[:, i] if categories is None else _labels(categories, values[:, i])
    return pd.DataFrame(columns)


def decode_response(bnn: BNN, values: np.ndarray) -> np.ndarray | Censored:
    """Return an encoded response in the user's terms: codes become labels, rows of bounds times known in part."""
    if bnn.response.censored:
        return Censored(*values.T, bnn.response.names[0])
    return _labels(bnn.response.classes, values) if bnn.response.kind == "classes" else values


def _labels(known: tuple[Hashable, ...], codes: np.ndarray) -> np.ndarray:
    return np.asarray(known)[np.asarray(codes).astype(int)]
