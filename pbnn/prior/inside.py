"""Layers inside layers, by the stems of their variables' names."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from pbnn.spec.layers import LAYERS, Layer
from pbnn.spec.network import Network


def each_layer(network: Network, change: Callable[[Layer, str], Layer]) -> Network:
    """Return a network with each layer replaced by `change(layer, its stem)`, those inside others first.

    The stem of an inner layer ends in its places in the field of the outer, `h1_0` or `h1_0_2`; a layer that is a field
    itself has the stem of the outer.
    """
    known = tuple(LAYERS.values())

    def visit(layer: Layer, stem: str) -> Layer:
        return change(
            replace(layer, **{f.name: put(getattr(layer, f.name), stem) for f in fields(layer)}), stem
        )

    def put(value: Any, stem: str) -> Any:
        if isinstance(value, tuple):
            return tuple(put(one, f"{stem}_{i}") for i, one in enumerate(value))
        return visit(value, stem) if isinstance(value, known) else value

    return replace(network, layers=tuple(visit(layer, f"h{i}") for i, layer in enumerate(network.layers)))
