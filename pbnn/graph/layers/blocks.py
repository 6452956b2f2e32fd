"""Layers that hold other layers."""

from dataclasses import replace

import numpy as np
import pytensor.tensor as pt

from pbnn.errors import ShapeError, SpecError, unknown
from pbnn.graph.layers.wire import (
    Place,
    Wire,
    add_dim,
    apply_layer,
    apply_layers,
    unit_labels,
)
from pbnn.spec import layers


@apply_layer.register
def _(layer: layers.Residual, wire: Wire, place: Place) -> Wire:
    inner = apply_layers(layer.layers, wire, place, "")
    if inner.positions != wire.positions:
        raise ShapeError(
            f"{place.stem}: Residual takes values {wire.shape} and its last layer gives {inner.shape}; the two must be "
            'equal. Convolutions keep the positions with padding="same" and stride 1.'
        )
    if inner.width != wire.width:
        raise ShapeError(
            f"{place.stem}: Residual takes {wire.width} units and its last layer gives {inner.width}; the two must "
            f"be equal. Let its last layer have {wire.width} units, or put Dense({inner.width}) before it."
        )
    return replace(wire, value=wire.value + inner.value, affines=inner.affines)


@apply_layer.register
def _(layer: layers.Concat, wire: Wire, place: Place) -> Wire:
    branches = _branches(layer, wire, place)
    labels = unit_labels(sum(branch.width for branch in branches))
    value = pt.concatenate([branch.value for branch in branches], axis=-1)
    dim = add_dim(f"{place.stem}_unit", labels)
    return _joined(wire, branches, replace(branches[0], value=value, dim=dim, labels=labels))


@apply_layer.register
def _(layer: layers.Parallel, wire: Wire, place: Place) -> Wire:
    branches = _branches(layer, wire, place)
    widths = [branch.width for branch in branches]
    if len(set(widths)) > 1:
        raise ShapeError(
            f"{place.stem}: the branches of Parallel are added up and must give the same number of units; got "
            f"{', '.join(map(str, widths))}. End each branch with Dense({max(widths)}, 'identity'), or use Concat."
        )
    total = branches[0].value
    for branch in branches[1:]:
        total = total + branch.value
    labels = unit_labels(widths[0])
    dim = add_dim(f"{place.stem}_unit", labels)
    return _joined(wire, branches, replace(branches[0], value=total, dim=dim, labels=labels))


def _branches(layer: layers.Concat | layers.Parallel, wire: Wire, place: Place) -> list[Wire]:
    branches = [apply_layers(branch, wire, place, f"{i}_") for i, branch in enumerate(layer.branches)]
    if len({branch.positions for branch in branches}) > 1:
        raise ShapeError(
            f"{place.stem}: the branches of {type(layer).__name__} must agree in all axes but the last; got "
            f"{' and '.join(branch.shape for branch in branches)}. Put Flatten() or a pool at the end of each."
        )
    return branches


def _joined(wire: Wire, branches: list[Wire], out: Wire) -> Wire:
    """Return a wire that has passed the affine maps of all branches."""
    before = len(wire.affines)
    theirs = [affine for branch in branches for affine in branch.affines[before:]]
    return replace(out, affines=(*wire.affines, *theirs))


@apply_layer.register
def _(layer: layers.Frozen, wire: Wire, place: Place) -> Wire:
    start = f"{place.stem}_"
    fixed = {f"{start}{name}": np.array(values, dtype=float) for name, values in layer.values}
    out = apply_layer(layer.layer, wire, replace(place, fixed={**place.fixed, **fixed}))
    for name, _ in layer.values:
        if f"{start}{name}" not in place.asked:
            known = [full.removeprefix(start) for full in place.asked if full.startswith(start)]
            raise SpecError(unknown(place.stem, "parameter in values of Frozen", name, known))
    return out
