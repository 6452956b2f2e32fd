"""Layers that hold other layers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from pbnn.errors import SpecError
from pbnn.spec.layers.base import as_layers

if TYPE_CHECKING:
    from pbnn.spec.layers import Layer


@final
@dataclass(frozen=True, slots=True)
class Residual:
    """`x + f(x)`, where `f` is a chain of layers that keeps the width (He et al. 2016, 10.1109/CVPR.2016.90).

    Examples
    --------
    >>> import pbnn
    >>> block = pbnn.Residual([pbnn.Dense(50), pbnn.Dense(50, "identity")])
    """

    layers: "tuple[Layer, ...]"

    def __post_init__(self) -> None:
        layers = as_layers("Residual", self.layers)
        if not layers:
            raise SpecError("Residual: needs at least one layer inside.")
        object.__setattr__(self, "layers", layers)
