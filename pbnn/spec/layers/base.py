"""What all layers share: activations, checks of their fields, and the verbs by which a layer tells about itself."""

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import TYPE_CHECKING, Literal, get_args

from pbnn.errors import SpecError, unknown
from pbnn.spec.numbers import as_number
from pbnn.spec.priors import Prior, Scale, check_prior

if TYPE_CHECKING:
    from pbnn.spec.layers import Layer

Activation = Literal["tanh", "relu", "gelu", "silu", "softplus", "sin", "identity"]
ACTIVATIONS: tuple[str, ...] = get_args(Activation)

LAYERS: dict[str, type] = {}
"""All layers by name, filled in by the package."""
REFUSED: dict[str, str] = {}
"""Layers that others have and this package has not, by name, with the reason."""

Own = Mapping[str, Prior | Scale | bool | None]


@singledispatch
def layer_words(layer: object) -> str:
    """Write a layer short: `Dense 50 tanh`."""
    return type(layer).__name__


@singledispatch
def own_priors(layer: object) -> Own:
    """Return the priors of a layer's parameters by name; None and True stand for the network's defaults."""
    return {}


@singledispatch
def inner_layers(layer: object) -> "tuple[Layer, ...]":
    """Return the layers that a layer holds."""
    return ()


def all_layers(layers: "Sequence[Layer]") -> "list[Layer]":
    """Return layers and all that are inside them, in order."""
    return [found for layer in layers for found in (layer, *all_layers(inner_layers(layer)))]


def check_activation(owner: object) -> None:
    """Raise `SpecError` unless the activation is known."""
    activation = owner.activation  # type: ignore[attr-defined]
    if activation not in ACTIVATIONS:
        raise SpecError(unknown(type(owner).__name__, "activation", activation, ACTIVATIONS))


def check_weights(owner: object, *names: str) -> None:
    """Raise `SpecError` unless the fields hold priors, or None."""
    for name in names:
        value = getattr(owner, name)
        if value is not None:
            check_prior(f"{type(owner).__name__}: {name}", value)


def check_bias(owner: object) -> None:
    """Raise `SpecError` unless `bias` is a prior, True or False."""
    where, bias = type(owner).__name__, owner.bias  # type: ignore[attr-defined]
    if bias is None:
        raise SpecError(f"{where}: bias must be a prior, True, or False for no bias; got None.")
    if not isinstance(bias, bool):
        check_prior(f"{where}: bias", bias)


def check_column(owner: object) -> None:
    """Raise `SpecError` unless `column` is a name or a position."""
    column = owner.column  # type: ignore[attr-defined]
    if not isinstance(column, str):
        position = as_number(column)
        if not isinstance(position, int):
            raise SpecError(f"{type(owner).__name__}: column must be a name or a position; got {column!r}.")
        object.__setattr__(owner, "column", position)


def as_layers(where: str, layers: object) -> "tuple[Layer, ...]":
    """Return `layers` as a tuple, or raise `SpecError` naming the one that is no layer."""
    known = tuple(LAYERS.values())
    if isinstance(layers, known):
        raise SpecError(f"{where}: layers must be a list; write [{layers!r}].")
    if not isinstance(layers, list | tuple):
        raise SpecError(f"{where}: layers must be a list of layers; got {layers!r}.")
    for i, layer in enumerate(layers):
        if not isinstance(layer, known):
            reason = REFUSED.get(getattr(layer, "__name__", ""), "")
            raise SpecError(
                f"{where}: layers[{i}] must be one of {', '.join(sorted(LAYERS))}; got {layer!r}. {reason}".rstrip()
            )
    return tuple(layers)
