"""The response `y`: its kind, names, classes and standardisation, learned from the training data."""

from dataclasses import dataclass
from functools import singledispatch
from typing import Any, Literal, final

import numpy as np
import pandas as pd
import xarray as xr

from pbnn.errors import DataError, ShapeError, warn
from pbnn.graph.labels import Label, as_label, codes_of
from pbnn.graph.values import as_array, as_numbers, center_and_scale, is_constant, warn_of_outliers
from pbnn.spec import likelihoods

IF_TEXT = "For labels use likelihoods.Bernoulli() or likelihoods.Categorical()."
Kind = Literal["continuous", "counts", "classes"]


@singledispatch
def response_kind(likelihood: object) -> Kind:
    """Say what kind of response a likelihood describes."""
    return "continuous"


@response_kind.register
def _(likelihood: likelihoods.Poisson) -> Kind:
    return "counts"


@response_kind.register
def _(likelihood: likelihoods.Bernoulli | likelihoods.Categorical) -> Kind:
    return "classes"


@final
@dataclass(frozen=True, slots=True)
class Response:
    """What is known of `y`.

    Attributes
    ----------
    kind
        `"continuous"`, `"counts"` or `"classes"`.
    names
        One name for each output; `("y",)` for an unnamed vector.
    vector
        Whether `y` has shape `(obs,)` rather than `(obs, output)`.
    classes
        The labels, in the order of their codes; empty unless `kind == "classes"`.
    loc, scale
        Mean and standard deviation of each output (continuous), or 0 and the mean (counts).
    """

    kind: Kind
    names: tuple[str, ...]
    vector: bool
    classes: tuple[Label, ...]
    loc: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def learn(cls, y: Any, likelihood: object, *, standardize: bool) -> "Response":
        """Read names, classes and scale from the training response."""
        kind = response_kind(likelihood)
        values, names = _as_values(y, "build")
        if kind == "classes":
            values = _one_column(values)
        n, vector = len(names), values.ndim == 1
        loc, scale = (0.0,) * n, (1.0,) * n
        if kind == "classes":
            return cls(kind, names, vector, _classes(y, values, likelihood), loc, scale)
        blank = cls(kind, names, vector, (), loc, scale)
        numbers = blank.encode(y, "build").reshape(-1, n)
        places = list(zip(numbers.T, _places(names, "build"), strict=True))
        centres = [_centre(column, at) for column, at in places]
        if standardize and kind == "continuous":
            for column, at in places:
                warn_of_outliers(column, at, "Correct or drop such rows.")
            loc, scale = zip(*centres, strict=True)
        elif standardize:
            scale = tuple(mean for mean, _ in centres)
        return cls(kind, names, vector, (), loc, scale)

    def encode(self, y: Any, where: str) -> np.ndarray:
        """Return `y` as numbers in the user's units, or as codes of classes.

        Raises
        ------
        ShapeError
            If the number of outputs differs from that of the training data.
        DataError
            If a value is missing, infinite, text, no count, or a label outside the trained classes.
        """
        values, names = _as_values(y, where)
        if len(names) != len(self.names):
            raise ShapeError(
                f"{where}: y must have {len(self.names)} output(s), as in training; got {len(names)}."
            )
        if names != self.names and set(names) == set(self.names):
            raise ShapeError(
                f"{where}: the outputs of y are in another order than in training, {self.names}."
            )
        if self.kind == "classes":
            return codes_of(_one_column(values), self.classes, f"{where}: y", "label")
        table = values.reshape(len(values), -1)
        numbers = np.empty(table.shape)
        for i, at in enumerate(_places(names, where)):
            numbers[:, i] = as_numbers(pd.Series(table[:, i]), at, if_text=IF_TEXT)
        if self.kind == "counts":
            bad = (numbers < 0) | (numbers != np.round(numbers))
            if bad.any():
                row, output = np.argwhere(bad)[0]
                raise DataError(
                    f"{where}: y must hold counts 0, 1, 2, ... for a Poisson likelihood; "
                    f"got {numbers[row, output]:g} in row {row}."
                )
        return numbers[:, 0] if self.vector else numbers


def _as_values(y: Any, where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return `y` as an array of one or two dimensions, and the names of its outputs."""
    if isinstance(y, pd.DataFrame):
        values, names = y.to_numpy(), tuple(str(c) for c in y.columns)
    elif isinstance(y, xr.DataArray) and y.ndim == 2 and y.dims[1] in y.coords:
        values, names = y.values, tuple(str(c) for c in y.coords[y.dims[1]].values)
    else:
        name = getattr(y, "name", None)
        values = as_array(y, f"{where}: y")
        if values.ndim == 2:
            names = tuple(f"y{i}" for i in range(values.shape[1]))
        else:
            names = (str(name) if name is not None else "y",)
    if values.ndim not in (1, 2) or len(names) == 0:
        raise ShapeError(f"{where}: y must have shape (obs,) or (obs, output); got {values.shape}.")
    if len(values) == 0:
        raise DataError(f"{where}: y is empty.")
    if len(set(names)) < len(names):
        raise DataError(f"{where}: two columns of y have the same name, {list(names)}; rename one.")
    return values, names


def _places(names: tuple[str, ...], where: str) -> list[str]:
    """Say where each output is, for errors."""
    return [f"{where}: y"] if len(names) == 1 else [f"{where}: y column {name!r}" for name in names]


def _centre(values: np.ndarray, where: str) -> tuple[float, float]:
    if len(values) > 1 and is_constant(values):
        raise DataError(f"{where} is constant ({values[0]:g}); there is nothing to learn.")
    return center_and_scale(values, where)


def _one_column(values: np.ndarray) -> np.ndarray:
    """Return the column of a table that has only one, as labels often come."""
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def _classes(y: Any, values: np.ndarray, likelihood: object) -> tuple[Label, ...]:
    if values.ndim != 1:
        raise ShapeError(f"build: y must be a vector of labels, shape (obs,); got {values.shape}.")
    missing = pd.isna(values)
    if missing.any():
        raise DataError(f"build: y is missing in row {int(np.argmax(missing))}; drop such rows.")
    present = pd.unique(values)
    dtype = y.dtypes.iloc[0] if isinstance(y, pd.DataFrame) else getattr(y, "dtype", None)
    if isinstance(dtype, pd.CategoricalDtype):
        labels = tuple(as_label(v) for v in dtype.categories if v in set(present))
        empty = [v for v in dtype.categories if v not in set(present)]
        if empty:
            warn(
                f"build: no row of y has the label {', '.join(map(repr, empty))}; the model has no class for it."
            )
    else:
        try:
            labels = tuple(as_label(v) for v in sorted(present))
        except TypeError:
            raise DataError("build: y mixes text and numbers; make its labels one kind.") from None
    if len(labels) < 2:
        raise DataError(f"build: y is constant (all {labels[0]!r}); a classifier needs two classes.")
    if len(labels) > 2 and len(labels) > len(values) / 2 and not isinstance(labels[0], str):
        raise DataError(
            f"build: y has {len(labels)} different values in {len(values)} rows, so it does not hold classes; "
            "use likelihoods.Gaussian()."
        )
    if isinstance(likelihood, likelihoods.Bernoulli) and len(labels) > 2:
        raise DataError(
            f"build: Bernoulli needs two classes; y has {len(labels)}: {list(labels[:8])}. "
            "Use likelihoods.Categorical()."
        )
    return labels
