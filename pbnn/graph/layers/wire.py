"""What flows between layers, and the generic that applies one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import singledispatch
from math import prod
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from pbnn.errors import ShapeError, SpecError, unknown
from pbnn.graph.priors import Site, draw_prior
from pbnn.spec import layers
from pbnn.spec.priors import Prior

ACTIVATIONS: dict[str, Callable[[TensorVariable], TensorVariable]] = {
    "tanh": pt.tanh,
    "relu": lambda x: pt.maximum(x, 0),
    "gelu": lambda x: 0.5 * x * (1 + pt.erf(x / 2**0.5)),
    "silu": lambda x: x * pt.sigmoid(x),
    "softplus": pt.softplus,
    "sin": pt.sin,
    "identity": lambda x: x,
}
AXES = {0: "(obs, unit)", 1: "(obs, time, channel)", 2: "(obs, row, column, channel)"}
"""What the axes of a wire are, by the number of its position axes."""
NOTHING: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """Where the graph holds `output = input @ weight + bias`: what a Kronecker factorisation needs to know.

    Attributes
    ----------
    weight, bias
        Names of the parameters; the bias may be missing, and either may be a frozen array, no random variable.
    input, output
        Variables of the graph, `(obs, *positions, n_in)` and `(obs, *positions, n_out)`: where there are positions, of
        a sequence or an image, they share the weights.
    n_in, n_out
        Widths.
    positions
        Lengths of the position axes.
    """

    weight: str
    bias: str | None
    input: TensorVariable
    output: TensorVariable
    n_in: int
    n_out: int
    positions: tuple[int, ...] = ()

    @property
    def n_positions(self) -> int:
        """How many times an observation uses the weights."""
        return prod(self.positions)


@dataclass(frozen=True, slots=True, eq=False)
class Category:
    """A column of categories: its name, the codes of the rows `(obs,)`, and a label for each category, if known."""

    name: str
    codes: TensorVariable
    labels: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Wire:
    """What flows between layers: values `(obs, *positions, width)`, the dim of the last axis, and its labels.

    `affines` are the affine maps that it has passed, in order. `positions` are the lengths of the axes of a sequence
    or an image. `categories` are the columns of categories, by what a layer calls them (name or position): they run
    beside the values and enter no layer as numbers.
    """

    value: TensorVariable
    dim: str
    labels: tuple[str, ...]
    affines: tuple[Affine, ...] = ()
    positions: tuple[int, ...] = ()
    categories: Mapping[str | int, Category] = field(default_factory=lambda: NOTHING)

    @property
    def width(self) -> int:
        """Number of units."""
        return len(self.labels)

    @property
    def shape(self) -> str:
        """The shape in words, `(obs, 8, 8, 3)`."""
        return f"(obs, {', '.join(map(str, (*self.positions, self.width)))})"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a layer stands: the stem of its names, and the priors of layers that name none.

    `shared` begins the names of scales that these priors share over all layers;
    `fixed` are parameters that are known arrays, by their full names; `asked` collects the names of all parameters.
    """

    stem: str
    weights: Prior
    biases: Prior
    shared: str = ""
    fixed: Mapping[str, np.ndarray] = field(default_factory=lambda: NOTHING)
    asked: set[str] = field(default_factory=set)

    def inside(self, part: str) -> "Place":
        """Return the place of a layer that stands within this one."""
        return replace(self, stem=f"{self.stem}_{part}")


def categorical_columns(parts: Sequence[layers.Layer]) -> dict[str | int, str]:
    """Return the columns of categories that layers name, also those inside others, and which kind of layer does."""
    takers = (layers.Embedding, layers.GroupDense)
    return {part.column: type(part).__name__ for part in layers.all_layers(parts) if isinstance(part, takers)}


@singledispatch
def apply_layer(layer: object, wire: Wire, place: Place) -> Wire:
    """Draw the parameters of `layer` in the model on the stack, and apply it."""
    raise SpecError(unknown(place.stem, "layer", type(layer).__name__, layers.LAYERS))


def apply_layers(parts: Sequence[layers.Layer], wire: Wire, place: Place, stem: str) -> Wire:
    """Apply layers one after the other, at the places `stem0`, `stem1`, ... within this one."""
    for i, part in enumerate(parts):
        wire = apply_layer(part, wire, place.inside(f"{stem}{i}"))
    return wire


def parameter(
    place: Place,
    name: str,
    prior: Prior | bool | None,
    dims: tuple[str, ...],
    fan_in: int | None,
    default: Literal["weight", "bias"] = "weight",
) -> TensorVariable:
    """Return the parameter `name` of the layer at `place`: a random variable, or the array at which it is frozen.

    Without a prior of its own, None or True, it takes the network's `default`.
    """
    full, shared = f"{place.stem}_{name}", None
    place.asked.add(full)
    if full not in place.fixed:
        if prior is None or prior is True:
            prior = place.weights if default == "weight" else place.biases
            shared = f"{place.shared}{default}"
        return draw_prior(prior, Site(full, dims, fan_in, shared=shared))
    values, coords = place.fixed[full], pm.modelcontext(None).coords
    expected = tuple(len(coords[dim]) for dim in dims)
    if values.shape != expected:
        raise ShapeError(
            f"{place.stem}: Frozen expects {name} of shape {expected}, {dims}; got {values.shape}."
        )
    return pt.constant(values, dtype="float64")


def add_dim(name: str, labels: Sequence[str]) -> str:
    """Register a dim with its labels in the model on the stack."""
    pm.modelcontext(None).add_coord(name, list(labels))
    return name


def unit_labels(n: int) -> tuple[str, ...]:
    """Label hidden units by their number."""
    return tuple(str(i) for i in range(n))


def times(value: TensorVariable, w: TensorVariable, wire: Wire, n_out: int) -> TensorVariable:
    """Return `value @ w`, where `value` has the positions and the width of `wire`, as one product of matrices.

    The shapes are written out: JAX cannot take those that PyTensor would compute.
    """
    if not wire.positions:
        return value @ w
    return (value.reshape((-1, wire.width)) @ w).reshape((-1, *wire.positions, n_out))


def affine(
    wire: Wire,
    place: Place,
    dim: str,
    labels: tuple[str, ...],
    weight: Prior | None,
    bias: Prior | bool,
) -> Wire:
    """Return `wire @ weight + bias`, at each position of a sequence or an image; `dim` must be registered."""
    if not wire.width:
        raise ShapeError(
            f"{place.stem}: no number enters this layer, only categories; put Embedding before it."
        )
    w = parameter(place, "weight", weight, (wire.dim, dim), wire.width)
    value, bias_name = times(wire.value, w, wire, len(labels)), None
    if bias is not False:
        bias_name = f"{place.stem}_bias"
        value = value + parameter(place, "bias", bias, (dim,), wire.width, "bias")
    here = Affine(
        f"{place.stem}_weight", bias_name, wire.value, value, wire.width, len(labels), wire.positions
    )
    return replace(wire, value=value, dim=dim, labels=labels, affines=(*wire.affines, here))


def require_axes(layer: object, wire: Wire, place: Place, *axes: int) -> None:
    """Raise `ShapeError` unless the wire has one of these numbers of position axes."""
    if len(wire.positions) not in axes:
        name, wanted = type(layer).__name__, " or ".join(AXES[n] for n in axes)
        raise ShapeError(
            f"{place.stem}: {name} takes values {wanted}; got {wire.shape}. {_remedy(axes, wire)}"
        )


def _remedy(axes: tuple[int, ...], wire: Wire) -> str:
    if axes == (0,):
        return "Put Flatten(), AveragePool() or MaxPool() before it."
    if len(wire.positions) == 0:
        shape = "(time, channel)" if 1 in axes else "(row, column, channel)"
        sequence = (
            " If the layer before it reads a sequence, give that one return_sequence=True."
            if 1 in axes
            else ""
        )
        return f"Put Reshape({shape}) before it, or pass X of shape {AXES[axes[0]]}.{sequence}"
    if axes == (2,):
        return "For images of one channel pass X[..., None]."
    return "Put Flatten() and Reshape((time, channel)) before it."


def require_row(wire: Wire, stem: str) -> None:
    """Raise `ShapeError` unless the wire holds one row of units for each observation, as the output layer needs."""
    if wire.positions:
        raise ShapeError(
            f"{stem}: the output layer takes values {AXES[0]}; the last layer gives {wire.shape}, "
            f"{AXES[len(wire.positions)]}. Put Flatten(), or a pool of all positions, AveragePool() or MaxPool(), "
            "before it."
        )
