"""The columns of `X`: names, categories and standardisation, learned from the training data and checked ever after."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import pandas as pd
import xarray as xr

from pbnn.errors import DataError, ShapeError, unknown, warn
from pbnn.graph.labels import Label, as_label, codes_of


@final
@dataclass(frozen=True, slots=True)
class Columns:
    """What is known of each column of `X`.

    Attributes
    ----------
    names
        Column names; `x0, x1, ...` for arrays.
    categories
        For each column, its categories, or None for a numeric column.
    loc, scale
        What is subtracted from, and what divides, each column; 0 and 1 for categories.
    named
        Whether the training data had column names, so that those of new data can be checked.
    """

    names: tuple[str, ...]
    categories: tuple[tuple[Label, ...] | None, ...]
    loc: tuple[float, ...]
    scale: tuple[float, ...]
    named: bool

    @classmethod
    def learn(cls, X: Any, embedded: Mapping[str | int, object], *, standardize: bool) -> "Columns":
        """Read names, categories and scale from training data; `embedded` are the columns that hold categories."""
        frame, named = _as_frame(X, "build")
        if frame.shape[1] == 0:
            raise DataError("build: X has no columns.")
        if len(frame) < 2:
            raise DataError(f"build: X has {len(frame)} row(s); a fit needs at least 2.")
        names = tuple(str(c) for c in frame.columns)
        if len(set(names)) < len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise DataError(f"build: column name {twice!r} occurs twice in X; rename one.")
        categorical = {_column_name(c, names) for c in embedded}
        categories = tuple(
            _categories(frame.iloc[:, i], n) if n in categorical else None for i, n in enumerate(names)
        )
        blank = cls(names, categories, (0.0,) * len(names), (1.0,) * len(names), named)
        if not standardize:
            return blank
        values = blank.encode(frame, "build")
        loc, scale = values.mean(axis=0), values.std(axis=0)
        for i, name in enumerate(names):
            if categories[i] is not None:
                loc[i], scale[i] = 0.0, 1.0
            elif scale[i] <= 1e-12 * max(1.0, abs(loc[i])):
                warn(f"build: column {name!r} is constant ({values[0, i]:g}); it is kept, and tells nothing.")
                scale[i] = 1.0
        return cls(names, categories, tuple(loc.tolist()), tuple(scale.tolist()), named)

    def encode(self, X: Any, where: str) -> np.ndarray:
        """Return `X` as numbers `(obs, feature)`, categories as codes, in the user's units.

        Raises
        ------
        ShapeError
            If the number, names or order of the columns differ from those of the training data.
        DataError
            If a value is missing, infinite, text in a numeric column, or an unknown category.
        """
        frame, named = _as_frame(X, where)
        self._check_columns(frame, named, where)
        out = np.empty(frame.shape)
        for i, (name, categories) in enumerate(zip(self.names, self.categories, strict=True)):
            column = frame.iloc[:, i]
            if categories is None:
                out[:, i] = _numbers(column, f"{where}: X column {name!r}")
            else:
                out[:, i] = codes_of(column, categories, f"{where}: X column {name!r}", "category")
        return out

    def standardize(self, values: np.ndarray) -> np.ndarray:
        """Centre and scale encoded values `(obs, feature)`, in float64."""
        return (values - np.asarray(self.loc)) / np.asarray(self.scale)

    def _check_columns(self, frame: pd.DataFrame, named: bool, where: str) -> None:
        got = tuple(str(c) for c in frame.columns)
        if self.named and named and got != self.names:
            missing = [n for n in self.names if n not in got]
            extra = [n for n in got if n not in self.names]
            if missing or extra:
                raise ShapeError(
                    f"{where}: X must have the columns of the training data, {list(self.names)}; "
                    f"missing: {missing or 'none'}, unknown: {extra or 'none'}."
                )
            raise ShapeError(
                f"{where}: the columns of X are in another order than in training; pass X[{list(self.names)}]."
            )
        if frame.shape[1] != len(self.names):
            raise ShapeError(
                f"{where}: X must have shape (obs, {len(self.names)}), as in training; got {frame.shape}."
            )


def _column_name(column: str | int, names: tuple[str, ...]) -> str:
    if isinstance(column, int) and -len(names) <= column < len(names):
        return names[column]
    if column in names:
        return str(column)
    raise DataError(unknown("build", "column of Embedding", column, names))


def _as_frame(X: Any, where: str) -> tuple[pd.DataFrame, bool]:
    """Return `X` as a frame, and whether its columns came with names."""
    if isinstance(X, pd.DataFrame):
        return X, True
    if isinstance(X, pd.Series):
        raise ShapeError(f"{where}: X must have shape (obs, feature); got a Series. Pass X.to_frame().")
    if isinstance(X, xr.DataArray):
        if X.ndim == 2 and X.dims[1] in X.coords:
            return pd.DataFrame(X.values, columns=[str(c) for c in X.coords[X.dims[1]].values]), True
        X = X.values
    if hasattr(X, "toarray"):
        raise DataError(f"{where}: X is a sparse matrix; pass X.toarray().")
    values = np.asarray(X)
    if values.ndim != 2:
        hint = "For one column pass X[:, None], for one observation X[None, :]." if values.ndim == 1 else ""
        raise ShapeError(
            f"{where}: X must have shape (obs, feature); got shape {values.shape}. {hint}".rstrip()
        )
    return pd.DataFrame(values, columns=[f"x{i}" for i in range(values.shape[1])]), False


def _numbers(column: pd.Series, where: str) -> np.ndarray:
    if column.dtype.kind in "Mm":
        raise DataError(
            f"{where} holds dates or durations; turn them into numbers, such as days since a start."
        )
    if column.dtype.kind == "c":
        raise DataError(f"{where} holds complex numbers; pass real and imaginary parts as two columns.")
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    text = (
        column.map(lambda v: isinstance(v, str)).to_numpy(dtype=bool)
        if column.dtype.kind not in "iufb"
        else None
    )
    if text is not None and text.any():
        row = int(np.argmax(text))
        raise DataError(
            f"{where} holds text ({column.iloc[row]!r}, row {row}). If it holds categories, start the network with "
            f"pbnn.Embedding({str(column.name)!r}, units=2); else turn it into numbers."
        )
    check_finite(values, where)
    return values


def check_finite(values: np.ndarray, where: str) -> None:
    """Raise `DataError`, naming the row, if a value is missing or infinite."""
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(np.argmax(bad))
        what = "missing (NaN)" if np.isnan(values[row]) else "infinite"
        more = f", and {bad.sum() - 1} more" if bad.sum() > 1 else ""
        raise DataError(f"{where} is {what} in row {row}{more}; drop or impute such rows.")


def _categories(column: pd.Series, name: str) -> tuple[Label, ...]:
    labels = column.dropna().unique()
    if isinstance(column.dtype, pd.CategoricalDtype):
        present = set(labels)
        return tuple(as_label(v) for v in column.dtype.categories if v in present)
    try:
        ordered = sorted(labels)
    except TypeError:
        raise DataError(
            f"build: X column {name!r} mixes text and numbers; make its categories one kind."
        ) from None
    return tuple(as_label(v) for v in ordered)
