"""`pbnn.nn`: a random function inside anyone's `pm.Model`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from pbnn.errors import DataError, ModelError, ShapeError, SpecError
from pbnn.graph.columns import as_frame, column_name
from pbnn.graph.layers import Place, Wire, add_dim, affine, apply_layer, unit_labels
from pbnn.graph.values import as_numbers
from pbnn.spec.layers import Embedding, Layer, as_layers
from pbnn.spec.priors import DEFAULT_BIASES, DEFAULT_WEIGHTS, Prior, check_prior

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
        Inputs `(obs, feature)`: array, DataFrame, DataArray, `pm.Data` or any tensor. A column that an `Embedding`
        names holds the codes 0, 1, 2, ... of its categories.
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
        If `x` is not of two dimensions, or its width is not known before data are.
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

    labels, value = _as_tensor(f"nn({name!r})", x, layers)
    layers = [_resolve(layer, labels, isinstance(x, pd.DataFrame), name) for layer in layers]
    wire = Wire(value, add_dim(f"{name}_feature", labels), labels)
    for i, layer in enumerate(layers):
        wire = apply_layer(layer, wire, Place(f"{name}_h{i}", weights, biases, f"{name}_"))
    out_labels = unit_labels(outputs)
    dim = add_dim(f"{name}_output", out_labels)
    out = affine(wire, Place(f"{name}_out", weights, biases, f"{name}_"), dim, out_labels, None, True).value
    return pm.Deterministic(name, out[..., 0] if outputs == 1 else out, dims=dims)


def _resolve(layer: Layer, labels: tuple[str, ...], named: bool, name: str) -> Layer:
    """Give an Embedding its column by name: positions change as embeddings replace columns."""
    if not isinstance(layer, Embedding):
        return layer
    return replace(layer, column=column_name(layer.column, labels, named, f"nn({name!r})"))


def _as_tensor(where: str, x: Any, layers: Sequence[Layer]) -> tuple[tuple[str, ...], TensorVariable]:
    """Return a label for each column, and the inputs as a tensor; what is not symbolic yet is checked."""
    if isinstance(x, Variable):
        return tuple(f"x{i}" for i in range(_width(where, x))), x
    frame, named = as_frame(x, where)
    labels = tuple(str(c) for c in frame.columns)
    values = np.empty(frame.shape)
    for i, label in enumerate(labels):
        values[:, i] = as_numbers(frame.iloc[:, i], f"{where}: X column {label!r}", if_text=IF_TEXT)
    for layer in layers:
        if isinstance(layer, Embedding) and layer.categories is not None:
            column = column_name(layer.column, labels, named, where)
            _check_codes(values[:, labels.index(column)], layer.categories, f"{where}: X column {column!r}")
    return labels, pt.as_tensor(values)


def _check_codes(codes: np.ndarray, categories: int, where: str) -> None:
    bad = (codes != np.round(codes)) | (codes < 0) | (codes >= categories)
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(
            f"{where} must hold codes from 0 to {categories - 1}; got {codes[row]:g} in row {row}."
        )


def _width(where: str, x: TensorVariable) -> int:
    if x.ndim != 2:
        raise ShapeError(
            f"{where}: x must have shape (obs, feature); got {x.ndim} dimension(s). For one column pass x[:, None]."
        )
    width = x.type.shape[1]
    if width is None and hasattr(x, "get_value"):
        width = x.get_value(borrow=True).shape[1]
    if width is not None:
        return width
    try:
        return int(x.shape[1].eval())
    except Exception as error:
        raise ShapeError(
            f"{where}: the number of columns of x is not known; fix it with pt.specify_shape(x, (None, n))."
        ) from error
