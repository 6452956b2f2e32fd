"""What users pass as `X` and `y` to plain arrays of finite numbers, or a clear error."""

from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from pbnn.errors import DataError, ShapeError, warn

FAR = 300.0
"""From the median, in distances between quartiles: no normal sample, however large, comes near."""


def as_array(values: Any, where: str) -> np.ndarray:
    """Return `values` as an array; what is masked becomes missing, and numbers in a list with text stay numbers.

    Raises
    ------
    ShapeError
        If the rows are of different lengths, or `values` is no array at all.
    DataError
        If it is a sparse matrix.
    """
    if hasattr(values, "toarray"):
        raise DataError(f"{where} is a sparse matrix; make it dense with .toarray().")
    if np.ma.isMaskedArray(values):
        return np.where(np.ma.getmaskarray(values), None, values.data)
    try:
        array = np.asarray(values)
        if array.dtype.kind in "US" and not isinstance(values, np.ndarray):
            array = np.asarray(values, dtype=object)
    except (TypeError, ValueError) as error:
        raise ShapeError(f"{where} cannot be turned into an array: {error}") from None
    return array


def as_numbers(column: pd.Series, where: str, *, if_text: str) -> np.ndarray:
    """Return a column as finite float64 values.

    Raises
    ------
    DataError
        If a value is missing, infinite or no number; the message names the row, and for text says `if_text`.
    """
    kind = column.dtype.kind
    if kind in "Mm":
        raise DataError(
            f"{where} holds dates or durations; turn them into numbers, such as days since a start."
        )
    if kind == "c":
        raise DataError(f"{where} holds complex numbers; pass real and imaginary parts as two columns.")
    if kind in "iufb":
        values = column.to_numpy(dtype=float, na_value=np.nan)
    else:
        values = np.array([_number(v, row, where, if_text) for row, v in enumerate(column)], dtype=float)
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(np.argmax(bad))
        what = "missing (NaN)" if np.isnan(values[row]) else "infinite"
        more = f", and {bad.sum() - 1} more" if bad.sum() > 1 else ""
        raise DataError(f"{where} is {what} in row {row}{more}; drop or impute such rows.")
    return values


def _number(value: Any, row: int, where: str, if_text: str) -> float:
    if isinstance(value, Real | Decimal | np.bool_):
        return float(value)
    if isinstance(value, str):
        raise DataError(f"{where} holds text ({str(value)!r}, row {row}). {if_text}")
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return float("nan")
    raise DataError(f"{where} holds {value!r} in row {row}, which is no number.")


def is_constant(values: np.ndarray) -> bool:
    """Whether a column varies by no more than rounding, whatever its units."""
    with np.errstate(over="ignore"):
        return bool(np.ptp(values) <= 1e-12 * np.abs(values).max())


def warn_of_outliers(values: np.ndarray, where: str, remedy: str, *, per_row: int = 1) -> None:
    """Warn of values so far from all others that standardisation would make these look alike.

    `per_row` is how many of the values belong to a row of the data.
    """
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    far = np.flatnonzero(np.abs(values - middle) > FAR * (high - low))
    if high > low and far.size:
        row = int(far[np.argmax(np.abs(values[far] - middle))])
        count = "value lies" if far.size == 1 else "values lie"
        warn(
            f"{where}: {far.size} {count} far from all others, such as {values[row]:g} in row {row // per_row}, where "
            f"half of the column is between {low:g} and {high:g}. Standardised by them, the others can hardly be "
            f"told apart. {remedy}"
        )


def center_and_scale(values: np.ndarray, where: str) -> tuple[float, float]:
    """Return mean and standard deviation of a column.

    Raises
    ------
    DataError
        If the standard deviation overflows.
    """
    with np.errstate(over="ignore"):
        loc, scale = float(values.mean()), float(values.std())
    if not np.isfinite(scale):
        raise DataError(f"{where} holds values as large as {np.abs(values).max():.0e}; change its units.")
    return loc, scale
