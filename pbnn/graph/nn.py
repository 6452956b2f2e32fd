"""`pbnn.nn`: a random function inside anyone's `pm.Model`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from pbnn.errors import DataError, ModelError, ShapeError, SpecError
from pbnn.graph.columns import as_frame, column_name, refuse_columns
from pbnn.graph.layers import (
    Category,
    Place,
    Wire,
    add_dim,
    affine,
    apply_layer,
    categorical_columns,
    require_row,
    unit_labels,
)
from pbnn.graph.tensors import KINDS, as_rows, as_tensor
from pbnn.graph.values import as_numbers
from pbnn.spec.layers import Embedding, GroupDense, Layer, all_layers, as_layers
from pbnn.spec.priors import DEFAULT_BIASES, DEFAULT_WEIGHTS, Prior, check_prior
from pbnn.spec.unknowns import require_closed

IF_TEXT = (
    "Turn it into numbers; for categories pass their codes and start with pbnn.Embedding(..., categories=n)."
)


def nn(
    name: str,
    x: Any,
    layers: Sequence[Layer],
    outputs: int = 1,
    *,
    weights: Prior = DEFAULT_WEIGHTS,
    biases: Prior = DEFAULT_BIASES,
    dims: str | tuple[str, ...] | None = None,
) -> TensorVariable:
    """Draw a function from a network prior, and evaluate it at `x`, inside the `pm.Model` on the stack.

    Inputs are used as they are: standardise them first.

    Parameters
    ----------
    name
        Name of the deterministic variable that holds the values, and stem of the names of the weights
        (`f_h0_weight`, `f_out_bias`).
    x
        Inputs `(obs, feature)`: array, DataFrame, DataArray, `pm.Data` or any tensor. A column that an `Embedding` or
        a `GroupDense` names holds the codes 0, 1, 2, ... of its categories. Or sequences `(obs, time, channel)` or
        images `(obs, row, column, channel)`.
    layers
        Hidden layers; `[]` gives a linear function.
    outputs
        Number of outputs.
    weights, biases
        Priors of the layers that name none, the output layer included.
    dims
        Dims of the result, for example `"obs"`.

    Returns
    -------
    TensorVariable
        Values `(obs,)` for one output, `(obs, outputs)` for more.

    Raises
    ------
    ModelError
        If no `pm.Model` is on the stack.
    ShapeError
        If `x` is not of two to four dimensions, its shape is not known before data are, or a layer does not fit.
    DataError
        If `x` holds missing or infinite values or text; `pm.Data` and tensors are not looked at.
    SpecError
        If a layer or prior is not what it should be, or the model has a variable of this name.

    Examples
    --------
    >>> import numpy as np, pymc as pm, pbnn
    >>> with pm.Model() as model:
    ...     f = pbnn.nn("f", np.zeros((10, 2)), [pbnn.Dense(20, "tanh")])
    ...     y = pm.Normal("y", f, 1.0, observed=np.zeros(10))
    """
    if not isinstance(name, str):
        raise SpecError(f"nn: the first argument must be a name; got {type(name).__name__}.")
    require_closed(f"nn({name!r})", (layers, weights, biases))
    layers = as_layers(f"nn({name!r})", layers)
    check_prior(f"nn({name!r}): weights", weights)
    check_prior(f"nn({name!r}): biases", biases)
    if isinstance(outputs, bool) or not isinstance(outputs, int) or outputs < 1:
        raise SpecError(f"nn({name!r}): outputs must be a whole number >= 1; got {outputs!r}.")
    try:
        model = pm.modelcontext(None)
    except TypeError as error:
        raise ModelError(f"nn({name!r}): call it inside `with pm.Model():`.") from error

    if not {model.name_for(name), model.name_for(f"{name}_out_weight")}.isdisjoint(model.named_vars):
        raise SpecError(f"nn({name!r}): the model has a variable of this name already; choose another.")

    wire = _inputs(name, x, layers)
    for i, layer in enumerate(layers):
        wire = apply_layer(layer, wire, Place(f"{name}_h{i}", weights, biases, f"{name}_"))
    require_row(wire, f"{name}_out")
    out_labels = unit_labels(outputs)
    dim = add_dim(f"{name}_output", out_labels)
    out = affine(wire, Place(f"{name}_out", weights, biases, f"{name}_"), dim, out_labels, None, True).value
    return pm.Deterministic(name, out[..., 0] if outputs == 1 else out, dims=dims)


def _inputs(name: str, x: Any, layers: Sequence[Layer]) -> Wire:
    """Return what enters the first layer: numbers, in their shape, and beside them the columns of categories."""
    where, dim, takers = f"nn({name!r})", f"{name}_feature", categorical_columns(layers)
    tensor = None if isinstance(x, Variable) else as_tensor(x, where)
    if tensor is not None:
        x = pt.as_tensor(as_rows(tensor, where).reshape(tensor.shape))
    if isinstance(x, Variable) and x.ndim in (3, 4):
        *positions, width = _shape(where, x)
        refuse_columns(takers, ("obs", *positions, width), where)
        channels = unit_labels(width)
        return Wire(x, add_dim(dim, channels), channels, positions=tuple(positions))
    if isinstance(x, Variable):
        labels, named = tuple(f"x{i}" for i in range(_shape(where, x)[0])), False
    else:
        frame, named = as_frame(x, where)
        labels, x = tuple(str(c) for c in frame.columns), _as_table(where, frame, named, layers)
    found = {column: column_name(column, labels, named, where, taker) for column, taker in takers.items()}
    categories = {
        column: Category(label, x[:, labels.index(label)].astype("int64"), None)
        for column, label in found.items()
    }
    numeric = [i for i, label in enumerate(labels) if label not in found.values()]
    names = tuple(labels[i] for i in numeric)
    value = x[:, numeric] if found else x
    return Wire(value, add_dim(dim, names), names, categories=categories)


def _as_table(where: str, frame: pd.DataFrame, named: bool, layers: Sequence[Layer]) -> TensorVariable:
    """Return a table as a tensor, its values checked."""
    labels = tuple(str(c) for c in frame.columns)
    values = np.empty(frame.shape)
    for i, label in enumerate(labels):
        values[:, i] = as_numbers(frame.iloc[:, i], f"{where}: X column {label!r}", if_text=IF_TEXT)
    for layer in all_layers(layers):
        if isinstance(layer, Embedding | GroupDense) and layer.categories is not None:
            column = column_name(layer.column, labels, named, where, type(layer).__name__)
            _check_codes(values[:, labels.index(column)], layer.categories, f"{where}: X column {column!r}")
    return pt.as_tensor(values)


def _check_codes(codes: np.ndarray, categories: int, where: str) -> None:
    bad = (codes != np.round(codes)) | (codes < 0) | (codes >= categories)
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(
            f"{where} must hold codes from 0 to {categories - 1}; got {codes[row]:g} in row {row}."
        )


def _shape(where: str, x: TensorVariable) -> tuple[int, ...]:
    """Return the shape of an observation, known before data are."""
    if x.ndim not in (2, 3, 4):
        raise ShapeError(
            f"{where}: x must have shape {KINDS}; got {x.ndim} dimension(s). For one column pass x[:, None]."
        )
    shape = x.type.shape[1:]
    if None in shape and hasattr(x, "get_value"):
        shape = x.get_value(borrow=True).shape[1:]
    if None not in shape:
        return shape
    try:
        return tuple(int(n) for n in x.shape[1:].eval())
    except Exception as error:
        what = "the number of columns of x is" if x.ndim == 2 else "the shape of an observation of x is"
        fixed = ", ".join(["None", *"nmk"[: x.ndim - 1]])
        raise ShapeError(f"{where}: {what} not known; fix it with pt.specify_shape(x, ({fixed})).") from error
