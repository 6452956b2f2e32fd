"""Labels of categories and classes: plain values that JSON keeps, and codes for them."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from pbnn.errors import DataError

Label = str | int | float | bool


def as_label(value: Any) -> Label:
    """Turn a NumPy scalar into the plain value that equals it; whole floats become ints."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str | int | float | bool):
        return value
    return str(value)


def codes_of(values: Iterable[Any], labels: tuple[Label, ...], where: str, kind: str) -> np.ndarray:
    """Return the position of each value in `labels`.

    Raises
    ------
    DataError
        If a value is missing or not among the labels; the message names the row.
    """
    lookup = {label: i for i, label in enumerate(labels)}
    codes = np.empty(len(values), dtype=np.int64)
    for row, value in enumerate(values):
        if pd.isna(value):
            raise DataError(f"{where} is missing in row {row}; drop or impute such rows.")
        code = lookup.get(as_label(value))
        if code is None:
            known = ", ".join(repr(label) for label in labels[:12]) + (", ..." if len(labels) > 12 else "")
            raise DataError(
                f"{where}: unknown {kind} {as_label(value)!r} in row {row}; known from training: {known}."
            )
        codes[row] = code
    return codes
