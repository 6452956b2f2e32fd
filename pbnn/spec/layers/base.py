"""What all layers share: activations, and the check that a list holds layers."""

from typing import TYPE_CHECKING, Literal, get_args

from pbnn.errors import SpecError

if TYPE_CHECKING:
    from pbnn.spec.layers import Layer

Activation = Literal["tanh", "relu", "gelu", "silu", "softplus", "sin", "identity"]
ACTIVATIONS: tuple[str, ...] = get_args(Activation)

LAYERS: dict[str, type] = {}
"""All layers by name, filled in by the package."""


def as_layers(where: str, layers: object) -> "tuple[Layer, ...]":
    """Return `layers` as a tuple, or raise `SpecError` naming the one that is no layer."""
    if isinstance(layers, tuple(LAYERS.values())):
        raise SpecError(f"{where}: layers must be a list; write [{layers!r}].")
    if not isinstance(layers, list | tuple):
        raise SpecError(f"{where}: layers must be a list of layers; got {layers!r}.")
    dense_seen = False
    for i, layer in enumerate(layers):
        if not isinstance(layer, tuple(LAYERS.values())):
            raise SpecError(
                f"{where}: layers[{i}] must be one of {', '.join(sorted(LAYERS))}; got {layer!r}."
            )
        if isinstance(layer, LAYERS["Embedding"]) and (dense_seen or where == "Residual"):
            raise SpecError(f"{where}: layers[{i}] is an Embedding; embeddings must come first in a network.")
        dense_seen = dense_seen or not isinstance(layer, LAYERS["Embedding"])
    return tuple(layers)
