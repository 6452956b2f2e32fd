"""Layers to PyTensor: each takes a `Wire` and gives the next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch

import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from pbnn.errors import ShapeError, SpecError, unknown
from pbnn.graph.priors import Site, draw_prior
from pbnn.spec import layers
from pbnn.spec.priors import Normal, Prior

ACTIVATIONS: dict[str, Callable[[TensorVariable], TensorVariable]] = {
    "tanh": pt.tanh,
    "relu": lambda x: pt.maximum(x, 0),
    "gelu": lambda x: 0.5 * x * (1 + pt.erf(x / 2**0.5)),
    "silu": lambda x: x * pt.sigmoid(x),
    "softplus": pt.softplus,
    "sin": pt.sin,
    "identity": lambda x: x,
}


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """Where the graph holds `output = input @ weight + bias`: what a Kronecker factorisation needs to know.

    Attributes
    ----------
    weight, bias
        Names of the random variables; the bias may be missing.
    input, output
        Variables of the graph, `(obs, n_in)` and `(obs, n_out)`.
    """

    weight: str
    bias: str | None
    input: TensorVariable
    output: TensorVariable


@dataclass(frozen=True, slots=True)
class Wire:
    """What flows between layers: values `(..., width)`, the dim of the last axis, and its labels.

    `affines` are the affine maps that it has passed, in order.
    """

    value: TensorVariable
    dim: str
    labels: tuple[str, ...]
    affines: tuple[Affine, ...] = ()

    @property
    def width(self) -> int:
        """Number of units."""
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a layer stands: the stem of its names, and the priors of layers that name none.

    `shared` begins the names of scales that these priors share over all layers.
    """

    stem: str
    weights: Prior
    biases: Prior
    shared: str = ""

    def inside(self, part: str) -> "Place":
        """Return the place of a layer that stands within this one."""
        return replace(self, stem=f"{self.stem}_{part}")


@singledispatch
def apply_layer(layer: object, wire: Wire, place: Place) -> Wire:
    """Draw the parameters of `layer` in the model on the stack, and apply it."""
    raise SpecError(unknown(place.stem, "layer", type(layer).__name__, layers.LAYERS))


def add_dim(name: str, labels: Sequence[str]) -> str:
    """Register a dim with its labels in the model on the stack."""
    pm.modelcontext(None).add_coord(name, list(labels))
    return name


def unit_labels(n: int) -> tuple[str, ...]:
    """Label hidden units by their number."""
    return tuple(str(i) for i in range(n))


def affine(
    wire: Wire,
    place: Place,
    dim: str,
    labels: tuple[str, ...],
    weight: Prior | None,
    bias: Prior | bool,
) -> Wire:
    """Return `wire @ weight + bias`; `dim` must be registered."""
    stem = place.stem
    shared = None if weight else f"{place.shared}weight"
    w = draw_prior(
        weight or place.weights, Site(f"{stem}_weight", (wire.dim, dim), wire.width, shared=shared)
    )
    value, bias_name = wire.value @ w, None
    if bias is not False:
        prior, bias_name = place.biases if bias is True else bias, f"{stem}_bias"
        shared = f"{place.shared}bias" if bias is True else None
        value = value + draw_prior(prior, Site(bias_name, (dim,), wire.width, shared=shared))
    here = Affine(f"{stem}_weight", bias_name, wire.value, value)
    return Wire(value, dim, labels, (*wire.affines, here))


@apply_layer.register
def _(layer: layers.Dense, wire: Wire, place: Place) -> Wire:
    labels = unit_labels(layer.units)
    dim = add_dim(f"{place.stem}_unit", labels)
    out = affine(wire, place, dim, labels, layer.weight, layer.bias)
    return Wire(ACTIVATIONS[layer.activation](out.value), dim, labels, out.affines)


@apply_layer.register
def _(layer: layers.Residual, wire: Wire, place: Place) -> Wire:
    inner = wire
    for i, part in enumerate(layer.layers):
        inner = apply_layer(part, inner, place.inside(str(i)))
    if inner.width != wire.width:
        raise ShapeError(
            f"{place.stem}: Residual takes {wire.width} units and its last layer gives {inner.width}; the two must "
            f"be equal. Let its last layer have {wire.width} units, or put Dense({inner.width}) before it."
        )
    return Wire(wire.value + inner.value, wire.dim, wire.labels, inner.affines)


@apply_layer.register
def _(layer: layers.LayerNorm, wire: Wire, place: Place) -> Wire:
    centred = wire.value - wire.value.mean(axis=-1, keepdims=True)
    value = centred / pt.sqrt((centred**2).mean(axis=-1, keepdims=True) + layer.epsilon)
    if layer.gain is not None:
        value = value * draw_prior(layer.gain, Site(f"{place.stem}_gain", (wire.dim,), wire.width))
    if layer.offset is not None:
        value = value + draw_prior(layer.offset, Site(f"{place.stem}_offset", (wire.dim,), wire.width))
    return Wire(value, wire.dim, wire.labels, wire.affines)


@apply_layer.register
def _(layer: layers.Embedding, wire: Wire, place: Place) -> Wire:
    if layer.column not in wire.labels:
        raise SpecError(unknown(place.stem, "column of Embedding", layer.column, wire.labels))
    if layer.categories is None:
        raise SpecError(
            f"{place.stem}: Embedding({layer.column!r}) does not know its number of categories; "
            "pass categories=n."
        )
    at = wire.labels.index(layer.column)
    others = [i for i in range(wire.width) if i != at]
    vectors = tuple(f"{layer.column}[{i}]" for i in range(layer.units))
    category = add_dim(f"{place.stem}_category", unit_labels(layer.categories))
    vector = add_dim(f"{place.stem}_vector", vectors)
    table = draw_prior(layer.weight or Normal(), Site(f"{place.stem}_weight", (category, vector), 1))
    looked_up = table[wire.value[..., at].astype("int64")]
    labels = (*(wire.labels[i] for i in others), *vectors)
    value = pt.concatenate([wire.value[..., others], looked_up], axis=-1) if others else looked_up
    return Wire(value, add_dim(f"{place.stem}_unit", labels), labels, wire.affines)
