"""Layers of units: affine maps, normalised units, and vectors for categories."""

import pytensor.tensor as pt

from pbnn.errors import SpecError, unknown
from pbnn.graph.layers.wire import ACTIVATIONS, Place, Wire, add_dim, affine, apply_layer, unit_labels
from pbnn.graph.priors import Site, draw_prior
from pbnn.spec import layers
from pbnn.spec.priors import Normal


@apply_layer.register
def _(layer: layers.Dense, wire: Wire, place: Place) -> Wire:
    labels = unit_labels(layer.units)
    dim = add_dim(f"{place.stem}_unit", labels)
    out = affine(wire, place, dim, labels, layer.weight, layer.bias)
    return Wire(ACTIVATIONS[layer.activation](out.value), dim, labels, out.affines)


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
