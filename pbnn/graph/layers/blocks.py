"""Layers that hold other layers."""

from pbnn.errors import ShapeError
from pbnn.graph.layers.wire import Place, Wire, apply_layer
from pbnn.spec import layers


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
