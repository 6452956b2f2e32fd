"""Layers of units: affine maps, normalised units, and vectors for categories."""

from dataclasses import replace

import pytensor.tensor as pt

from pbnn.errors import SpecError, unknown
from pbnn.graph.layers.wire import (
    ACTIVATIONS,
    Category,
    Place,
    Wire,
    add_dim,
    affine,
    apply_layer,
    parameter,
    require_axes,
    unit_labels,
)
from pbnn.spec import layers
from pbnn.spec.priors import Normal


@apply_layer.register
def _(layer: layers.Dense, wire: Wire, place: Place) -> Wire:
    labels = unit_labels(layer.units)
    dim = add_dim(f"{place.stem}_unit", labels)
    out = affine(wire, place, dim, labels, layer.weight, layer.bias)
    return replace(out, value=ACTIVATIONS[layer.activation](out.value))


@apply_layer.register
def _(layer: layers.LayerNorm, wire: Wire, place: Place) -> Wire:
    centred = wire.value - wire.value.mean(axis=-1, keepdims=True)
    value = centred / pt.sqrt((centred**2).mean(axis=-1, keepdims=True) + layer.epsilon)
    if layer.gain is not None:
        value = value * parameter(place, "gain", layer.gain, (wire.dim,), wire.width)
    if layer.offset is not None:
        value = value + parameter(place, "offset", layer.offset, (wire.dim,), wire.width)
    return replace(wire, value=value)


@apply_layer.register
def _(layer: layers.Embedding, wire: Wire, place: Place) -> Wire:
    require_axes(layer, wire, place, 0)
    at = category_of(layer, wire, place)
    vectors = tuple(f"{at.name}[{i}]" for i in range(layer.units))
    if vectors[0] in wire.labels:
        left = {c.name for c in wire.categories.values()} - {at.name}
        raise SpecError(unknown(place.stem, "column of Embedding", at.name, {*wire.labels, *left}))
    category = add_dim(f"{place.stem}_category", unit_labels(len(at.labels or ())))
    vector = add_dim(f"{place.stem}_vector", vectors)
    table = parameter(place, "weight", layer.weight or Normal(), (category, vector), 1)
    value = pt.concatenate([wire.value, table[at.codes]], axis=-1) if wire.width else table[at.codes]
    labels = (*wire.labels, *vectors)
    return replace(wire, value=value, dim=add_dim(f"{place.stem}_unit", labels), labels=labels)


def category_of(layer: layers.Embedding | layers.GroupDense, wire: Wire, place: Place) -> Category:
    """Return the column of categories that a layer names, whose number must be known."""
    name = type(layer).__name__
    if layer.column not in wire.categories:
        known = {*wire.labels, *(c.name for c in wire.categories.values())}
        raise SpecError(unknown(place.stem, f"column of {name}", layer.column, known))
    found = wire.categories[layer.column]
    if found.labels is None:
        if layer.categories is None:
            raise SpecError(
                f"{place.stem}: {name}({layer.column!r}) does not know its number of categories; pass categories=n."
            )
        return replace(found, labels=unit_labels(layer.categories))
    return found
