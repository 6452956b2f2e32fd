"""`pbnn.nn`: a random function inside anyone's `pm.Model`."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pytensor.tensor.variable import TensorVariable

from pbnn.errors import ModelError, ShapeError, SpecError
from pbnn.graph.layers import Place, Wire, add_dim, affine, apply_layer, unit_labels
from pbnn.spec.layers import Layer, as_layers
from pbnn.spec.priors import DEFAULT_BIASES, DEFAULT_WEIGHTS, Prior, check_prior


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
        Inputs `(obs, feature)`: array, DataFrame, DataArray, `pm.Data` or any tensor.
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

    Examples
    --------
    >>> import numpy as np, pymc as pm, pbnn
    >>> with pm.Model() as model:
    ...     f = pbnn.nn("f", np.zeros((10, 2)), [pbnn.Dense(20, "tanh")])
    ...     y = pm.Normal("y", f, 1.0, observed=np.zeros(10))
    """
    layers = as_layers(f"nn({name!r})", layers)
    check_prior(f"nn({name!r}): weights", weights)
    check_prior(f"nn({name!r}): biases", biases)
    if isinstance(outputs, bool) or not isinstance(outputs, int) or outputs < 1:
        raise SpecError(f"nn({name!r}): outputs must be a whole number >= 1; got {outputs!r}.")
    try:
        pm.modelcontext(None)
    except TypeError as error:
        raise ModelError(f"nn({name!r}): call it inside `with pm.Model():`.") from error

    value, labels = _as_tensor(name, x)
    wire = Wire(value, add_dim(f"{name}_feature", labels), labels)
    for i, layer in enumerate(layers):
        wire = apply_layer(layer, wire, Place(f"{name}_h{i}", weights, biases))
    out_labels = unit_labels(outputs)
    dim = add_dim(f"{name}_output", out_labels)
    out = affine(wire, Place(f"{name}_out", weights, biases), dim, out_labels, None, True).value
    return pm.Deterministic(name, out[..., 0] if outputs == 1 else out, dims=dims)


def _as_tensor(name: str, x: Any) -> tuple[TensorVariable, tuple[str, ...]]:
    """Return inputs as a tensor, and a label for each column."""
    if isinstance(x, pd.DataFrame):
        return pt.as_tensor(x.to_numpy(dtype=float)), tuple(str(c) for c in x.columns)
    if isinstance(x, xr.DataArray):
        x = x.values
    value = pt.as_tensor(x)
    if value.ndim != 2:
        raise ShapeError(
            f"nn({name!r}): x must have shape (obs, feature); got {value.ndim} dimension(s). "
            "For one column pass x[:, None]."
        )
    width = value.type.shape[1]
    if width is None and hasattr(value, "get_value"):
        width = value.get_value(borrow=True).shape[1]
    if width is None:
        width = _constant_width(name, value)
    return value, tuple(f"x{i}" for i in range(width))


def _constant_width(name: str, value: TensorVariable) -> int:
    try:
        return int(value.shape[1].eval())
    except Exception as error:
        raise ShapeError(
            f"nn({name!r}): the number of columns of x is not known; fix it with pt.specify_shape(x, (None, n))."
        ) from error
