"""Layers whose weights differ between the groups of a column."""

from dataclasses import replace
from math import prod

import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from pbnn.graph.layers.dense import category_of
from pbnn.graph.layers.wire import (
    ACTIVATIONS,
    Place,
    Wire,
    add_dim,
    affine,
    apply_layer,
    parameter,
    unit_labels,
)
from pbnn.spec import layers
from pbnn.spec.priors import Normal


@apply_layer.register
def _(layer: layers.GroupDense, wire: Wire, place: Place) -> Wire:
    at = category_of(layer, wire, place)
    labels, groups = unit_labels(layer.units), at.labels or ()
    dim = add_dim(f"{place.stem}_unit", labels)
    group = add_dim(f"{place.stem}_group", groups)
    # The affine map of the population; what each group adds to it comes behind.
    out = affine(wire, place, dim, labels, layer.weight, layer.bias)
    deviation = Normal(0.0, layer.spread)
    own = parameter(place, "deviation", deviation, (group, wire.dim, dim), wire.width)
    value = out.value + _times(wire, own[at.codes], layer.units)
    if layer.bias is not False:
        deviation = Normal(0.0, layer.bias_spread)
        own_bias = parameter(place, "bias_deviation", deviation, (group, dim), wire.width)[at.codes]
        value = value + pt.expand_dims(own_bias, tuple(range(1, 1 + len(wire.positions))))
    return replace(out, value=ACTIVATIONS[layer.activation](value))


def _times(wire: Wire, weights: TensorVariable, units: int) -> TensorVariable:
    """Return each row's values times its own matrix `(obs, n_in, units)`."""
    rows = wire.value.reshape((-1, prod(wire.positions), wire.width))
    return pt.matmul(rows, weights).reshape((-1, *wire.positions, units))
