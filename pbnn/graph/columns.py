"""The columns of `X`: names, categories and standardisation, learned from the training data and checked ever after."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, final

import numpy as np
import pandas as pd
import xarray as xr

from pbnn.errors import DataError, ShapeError, SpecError, unknown, warn
from pbnn.graph.labels import Label, as_label, codes_of
from pbnn.graph.tensors import as_rows, as_tensor, tensor_names
from pbnn.graph.values import as_array, as_numbers, center_and_scale, is_constant, warn_of_outliers

MOST_LEVELS = 10
"""So many numbers with fractions, such as doses, may be categories, whatever the number of rows."""


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
    shape
        Of an observation that is a sequence `(time, channel)` or an image `(row, column, channel)`, whose elements are
        the columns, the last axis fastest; empty for a table.
    """

    names: tuple[str, ...]
    categories: tuple[tuple[Label, ...] | None, ...]
    loc: tuple[float, ...]
    scale: tuple[float, ...]
    named: bool
    shape: tuple[int, ...] = ()

    @classmethod
    def learn(
        cls, X: Any, embedded: Collection[str | int] | Mapping[str | int, str], *, standardize: bool
    ) -> "Columns":
        """Read names, categories and scale from training data.

        `embedded` are the columns that hold categories, and may tell which layer takes each.
        """
        takers = embedded if isinstance(embedded, Mapping) else dict.fromkeys(embedded, "Embedding")
        values = as_tensor(X, "build")
        if values is not None:
            return cls._learn_tensor(values, takers, standardize=standardize)
        frame, named = as_frame(X, "build")
        if frame.shape[1] == 0:
            raise DataError("build: X has no columns.")
        if len(frame) < 2:
            raise DataError(f"build: X has {len(frame)} row(s); a fit needs at least 2.")
        names = tuple(str(c) for c in frame.columns)
        if len(set(names)) < len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise DataError(f"build: column name {twice!r} occurs twice in X; rename one.")
        categorical = {column_name(c, names, named, "build", taker) for c, taker in takers.items()}
        categories = tuple(
            _categories(frame.iloc[:, i], n) if n in categorical else None for i, n in enumerate(names)
        )
        loc, scale = (0.0,) * len(names), (1.0,) * len(names)
        blank = cls(names, categories, loc, scale, named)
        values = blank.encode(frame, "build")
        centres = [
            (0.0, 1.0) if categories[i] is not None else _centre(values[:, i], name)
            for i, name in enumerate(names)
        ]
        if standardize:
            loc, scale = zip(*centres, strict=True)
            for i, name in enumerate(names):
                if categories[i] is None:
                    remedy = "Correct or drop such rows, or take the logarithm of the column."
                    warn_of_outliers(values[:, i], f"build: X column {name!r}", remedy)
        return cls(names, categories, loc, scale, named)

    @classmethod
    def _learn_tensor(
        cls, values: np.ndarray, takers: Mapping[str | int, str], *, standardize: bool
    ) -> "Columns":
        """Read the scale of each channel, over all observations and positions."""
        shape = values.shape[1:]
        refuse_columns(takers, values.shape, "build")
        if len(values) < 2:
            raise DataError(f"build: X has {len(values)} row(s); a fit needs at least 2.")
        channels = as_rows(values, "build").reshape(-1, shape[-1])
        centres = [(0.0, 1.0)] * shape[-1]
        if standardize:
            centres = [_centre(channels[:, i], f"channel {i}") for i in range(shape[-1])]
            for i in range(shape[-1]):
                remedy = "Correct or drop such rows, or take the logarithm of the channel."
                warn_of_outliers(channels[:, i], f"build: X channel {i}", remedy, per_row=prod(shape[:-1]))
        names = tensor_names(shape)
        loc, scale = zip(*(centres * prod(shape[:-1])), strict=True)
        return cls(names, (None,) * len(names), loc, scale, False, shape)

    def encode(self, X: Any, where: str) -> np.ndarray:
        """Return `X` as numbers `(obs, feature)`, categories as codes, in the user's units.

        A model of sequences or images takes these, or a table of their elements.

        Raises
        ------
        ShapeError
            If the number, names or order of the columns differ from those of the training data.
        DataError
            If a value is missing, infinite, text in a numeric column, or an unknown category.
        """
        if self.shape:
            values = as_tensor(X, where)
            if values is not None and values.shape[1:] == self.shape:
                return as_rows(values, where)
            if values is not None or np.ndim(X) != 2:
                shape = np.shape(X) if values is None else values.shape
                one = " For one observation pass X[None]." if shape == self.shape else ""
                raise ShapeError(f"{where}: X must have shape {self._shape_words()}; got {shape}.{one}")
        frame, named = as_frame(X, where)
        self._check_columns(frame, named, where)
        out = np.empty(frame.shape)
        for i, (name, categories) in enumerate(zip(self.names, self.categories, strict=True)):
            column, at = frame.iloc[:, i], f"{where}: X column {name!r}"
            if categories is None:
                out[:, i] = as_numbers(column, at, if_text=_if_text(name))
            else:
                out[:, i] = codes_of(column, categories, at, "category")
        return out

    def standardize(self, values: np.ndarray) -> np.ndarray:
        """Centre and scale encoded values `(obs, feature)`, in float64."""
        return (values - np.asarray(self.loc)) / np.asarray(self.scale)

    def _check_columns(self, frame: pd.DataFrame, named: bool, where: str) -> None:
        got = tuple(str(c) for c in frame.columns)
        if self.named and named and got != self.names:
            missing = [n for n in self.names if n not in got]
            extra = [n for n in got if n not in self.names]
            remedy = "" if missing else " Pass X[list(bnn.columns.names)]."
            if missing or extra:
                raise ShapeError(
                    f"{where}: X must have the columns of the training data, {_some(self.names)}; "
                    f"missing: {_some(missing)}, unknown: {_some(extra)}.{remedy}"
                )
            raise ShapeError(
                f"{where}: the columns of X are in another order than in training, {_some(self.names)}; "
                "pass X[list(bnn.columns.names)]."
            )
        if frame.shape[1] != len(self.names):
            raise ShapeError(f"{where}: X must have shape {self._shape_words()}; got {frame.shape}.")

    def _shape_words(self) -> str:
        shape = self.shape or (len(self.names),)
        return f"(obs, {', '.join(map(str, shape))}), as in training"


def _centre(values: np.ndarray, name: str) -> tuple[float, float]:
    if is_constant(values):
        warn(f"build: column {name!r} is constant ({values[0]:g}); it is kept, and tells nothing.")
        return float(values[0]), 1.0
    return center_and_scale(values, f"build: X column {name!r}")


def _if_text(name: str) -> str:
    return (
        f"If it holds categories, start the network with pbnn.Embedding({name!r}, units=2), or let a GroupDense take "
        "it; else turn it into numbers."
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:12])) + (", ..." if len(names) > 12 else "") if names else "none"


def column_name(
    column: str | int, names: tuple[str, ...], named: bool, where: str, taker: str = "Embedding"
) -> str:
    """Return the name of the column that a layer gives by name or, in data without names, by position."""
    if str(column) in names and (named or isinstance(column, str)):
        return str(column)
    if isinstance(column, int) and -len(names) <= column < len(names):
        return names[column]
    raise DataError(unknown(where, f"column of {taker}", column, names))


def refuse_columns(takers: Mapping[str | int, str], shape: tuple[object, ...], where: str) -> None:
    """Raise `SpecError` if a layer takes a column, for sequences and images have none."""
    for column, taker in takers.items():
        raise SpecError(
            f"{where}: {taker}({column!r}) takes a column of a table; X has shape {shape} and no columns. "
            "Pass a table, with Reshape in the branch of the network that reads the sequence or the image."
        )


def as_frame(X: Any, where: str) -> tuple[pd.DataFrame, bool]:
    """Return `X` as a frame, and whether its columns came with names."""
    if isinstance(X, pd.DataFrame):
        return X, True
    if isinstance(X, pd.Series):
        raise ShapeError(f"{where}: X must have shape (obs, feature); got a Series. Pass X.to_frame().")
    if isinstance(X, xr.DataArray):
        if X.ndim == 2 and X.dims[1] in X.coords:
            return pd.DataFrame(X.values, columns=[str(c) for c in X.coords[X.dims[1]].values]), True
        X = X.values
    values = as_array(X, f"{where}: X")
    if values.ndim != 2:
        hint = "For one column pass X[:, None], for one observation X[None, :]." if values.ndim == 1 else ""
        raise ShapeError(
            f"{where}: X must have shape (obs, feature); got shape {values.shape}. {hint}".rstrip()
        )
    frame = pd.DataFrame(values, columns=[f"x{i}" for i in range(values.shape[1])])
    return frame.infer_objects(), False


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
    categories = tuple(as_label(v) for v in ordered)
    measured = any(isinstance(v, float) and v % 1 for v in categories)
    if measured and len(ordered) > max(MOST_LEVELS, len(column) / 2):
        raise DataError(
            f"build: X column {name!r} is to hold categories, and holds {len(ordered)} different numbers in "
            f"{len(column)} rows; cut it into groups first (pandas.cut), or name another column."
        )
    return categories
