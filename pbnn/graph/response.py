"""The response `y`: its kind, names, classes and standardisation, learned from the training data."""

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import pandas as pd
import xarray as xr

from pbnn.errors import DataError, ShapeError, warn
from pbnn.graph.censoring import Censored, censored
from pbnn.graph.labels import Label, as_label, codes_of
from pbnn.graph.support import Kind, Support, support_of
from pbnn.graph.values import as_array, as_numbers, center_and_scale, is_constant, warn_of_outliers
from pbnn.spec import likelihoods

IF_TEXT = "For labels use likelihoods.Bernoulli() or likelihoods.Categorical()."
TIMED = likelihoods.LogNormal | likelihoods.Weibull
"""Likelihoods that take times known in part."""


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
        Mean and standard deviation of each output (continuous), or 0 and the mean (counts and positive numbers).
    censored
        Whether `y` holds times that are known in part, encoded as rows `(lower, upper, entry)`.
    likelihood
        The name of the likelihood, for errors.
    support
        Which responses it thinks possible.
    """

    kind: Kind
    names: tuple[str, ...]
    vector: bool
    classes: tuple[Label, ...]
    loc: tuple[float, ...]
    scale: tuple[float, ...]
    censored: bool = False
    likelihood: str = ""
    support: Support = field(default_factory=Support)

    @property
    def circular(self) -> bool:
        """Whether it is an angle."""
        return self.support.circular

    @classmethod
    def learn(cls, y: Any, likelihood: object, *, standardize: bool) -> "Response":
        """Read names, classes and scale from the training response."""
        support = support_of(likelihood)
        kind, of = support.kind, (type(likelihood).__name__, support)
        if isinstance(y, Censored):
            return _learn_times(y, likelihood, standardize=standardize)
        values, names = _as_values(y, "build")
        if kind == "classes":
            values = _one_column(values)
        n, vector = len(names), values.ndim == 1
        support.check_outputs(n, "build", of[0])
        loc, scale = (0.0,) * n, (1.0,) * n
        if kind == "classes":
            return cls(kind, names, vector, _classes(y, values, likelihood), loc, scale, False, *of)
        blank = cls(kind, names, vector, (), loc, scale, False, *of)
        numbers = blank.encode(y, "build").reshape(-1, n)
        places = list(zip(numbers.T, _places(names, "build"), strict=True))
        if support.units != "as is" or vector:
            centres = [_centre(column, at) for column, at in places]
        if standardize and support.units == "shift and scale":
            for column, at in places:
                warn_of_outliers(column, at, "Correct or drop such rows.")
            loc, scale = zip(*centres, strict=True)
        elif standardize and support.units == "scale":
            scale = tuple(mean for mean, _ in centres)
        return cls(kind, names, vector, (), loc, scale, False, *of)

    def encode(self, y: Any, where: str) -> np.ndarray:
        """Return `y` as numbers in the user's units, angles between -pi and pi, or as codes of classes.

        Raises
        ------
        ShapeError
            If the number of outputs differs from that of the training data.
        DataError
            If a value is missing, infinite, text, no count, or a label outside the trained classes.
        """
        if self.censored:
            return _as_times(y, where).to_array()
        if isinstance(y, Censored):
            raise DataError(
                f"{where}: y is censored, and that of training was not; build with pbnn.censored."
            )
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
        self.support.check(numbers, where, self.likelihood)
        if self.circular:
            # As draws are: between -pi and pi.
            numbers = np.where(np.abs(numbers) > np.pi, np.arctan2(np.sin(numbers), np.cos(numbers)), numbers)
        return numbers[:, 0] if self.vector else numbers


def _learn_times(y: Censored, likelihood: object, *, standardize: bool) -> Response:
    name, support = type(likelihood).__name__, support_of(likelihood)
    if not isinstance(likelihood, TIMED):
        raise DataError(
            f"build: y is censored, which {name} does not know; use likelihoods.Weibull() or likelihoods.LogNormal()."
        )
    if len(y) == 0:
        raise DataError("build: y is empty.")
    if np.isinf(y.upper).all():
        raise DataError(
            "build: no row of y has an event (all are right-censored); there is nothing to learn."
        )
    middle = np.where(np.isinf(y.upper), y.lower, (y.lower + y.upper) / 2)
    scale = (float(middle.mean()),) if standardize else (1.0,)
    return Response("continuous", (y.name,), True, (), (0.0,), scale, True, name, support)


def _as_times(y: Any, where: str) -> Censored:
    """Return plain times as known ones."""
    if isinstance(y, Censored):
        return y
    values, names = _as_values(y, where)
    if len(names) != 1:
        raise ShapeError(f"{where}: y must be times (obs,), or pbnn.censored(...); got {values.shape}.")
    times = as_numbers(pd.Series(values.reshape(-1)), f"{where}: y", if_text=IF_TEXT)
    return censored(times, times)


def _as_values(y: Any, where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return `y` as an array of one or two dimensions, and the names of its outputs."""
    if y is None:
        raise DataError(f"{where}: y is missing; pass the responses, one for each row of X.")
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
    if isinstance(likelihood, likelihoods.Ordinal) and likelihood.order is not None:
        codes = codes_of(values, likelihood.order, "build: y", "label of Ordinal(order=...)")
        return _counted(likelihood.order, np.bincount(codes, minlength=len(likelihood.order)))
    dtype = y.dtypes.iloc[0] if isinstance(y, pd.DataFrame) else getattr(y, "dtype", None)
    categorical = isinstance(dtype, pd.CategoricalDtype)
    if isinstance(likelihood, likelihoods.Ordinal) and not (categorical and dtype.ordered):
        texts = sorted(v for v in present if isinstance(v, str))
        if texts:
            shown = ", ".join(repr(str(v)) for v in texts[:8])
            raise DataError(
                f"build: Ordinal cannot know the order of {shown}. Name them from the lowest "
                "on: likelihoods.Ordinal(order=(...)), from the command line ordinal:order=low<mid<high; or let y be "
                "an ordered pd.Categorical."
            )
    if categorical:
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
    if isinstance(likelihood, likelihoods.Ordinal) and len(labels) < 3:
        raise DataError(
            f"build: Ordinal needs three classes or more; y has {len(labels)}: {list(labels)}. "
            "Use likelihoods.Bernoulli()."
        )
    if isinstance(likelihood, likelihoods.Bernoulli) and len(labels) > 2:
        raise DataError(
            f"build: Bernoulli needs two classes; y has {len(labels)}: {list(labels[:8])}. "
            "Use likelihoods.Categorical()."
        )
    return _counted(labels, np.bincount(codes_of(values, labels, "build: y", "label"), minlength=len(labels)))


def _counted(labels: tuple[Label, ...], counts: np.ndarray) -> tuple[Label, ...]:
    """Return the labels; warn of those that a single row has, of which little can be learned."""
    lonely = [label for label, count in zip(labels, counts, strict=True) if count == 1]
    if lonely:
        warn(
            f"build: class {', '.join(map(repr, lonely[:8]))} has a single row; its probability comes mostly from the "
            "prior. Join it with another class, or find more rows."
        )
    return labels
