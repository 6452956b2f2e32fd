"""Layers inside layers, by the stems of their variables' names."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from pbnn.spec.layers import LAYERS
from pbnn.spec.network import Network


def each_layer(network: Network, look: Callable[[Any, str], None]) -> None:
    """Call `look(layer, stem)` for each layer of a network, also those inside others: `h1`, `h1_0`, ..."""

    def visit(layer: Any, stem: str) -> Any:
        look(layer, stem)
        inner_layers(layer, stem, visit)
        return layer

    for i, layer in enumerate(network.layers):
        visit(layer, f"h{i}")


def inner_layers(layer: Any, stem: str, change: Callable[[Any, str], Any]) -> dict[str, Any]:
    """Return the fields of a layer that hold layers, with each of these replaced by `change(inner, its stem)`.

    An inner layer's stem ends in its place in the field; a layer that is the field itself has the stem of the outer.
    """

    def put(value: Any, stem: str) -> Any:
        if isinstance(value, tuple):
            return tuple(put(one, f"{stem}_{i}") for i, one in enumerate(value))
        return change(value, stem)

    values = {field.name: getattr(layer, field.name) for field in fields(layer)}
    return {name: put(value, stem) for name, value in values.items() if _holds_layers(value)}


def _holds_layers(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(_holds_layers(one) for one in value)
    return isinstance(value, tuple(LAYERS.values()))
