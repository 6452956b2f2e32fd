"""What flows between layers, and the generic that applies one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import singledispatch

import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from pbnn.errors import SpecError, unknown
from pbnn.graph.priors import Site, draw_prior
from pbnn.spec import layers
from pbnn.spec.priors import Prior

ACTIVATIONS: dict[str, Callable[[TensorVariable], TensorVariable]] = {
    "tanh": pt.tanh,
    "relu": lambda x: pt.maximum(x, 0),
    "gelu": lambda x: 0.5 * x * (1 + pt.erf(x / 2**0.5)),
    "silu": lambda x: x * pt.sigmoid(x),
    "softplus": pt.softplus,
    "sin": pt.sin,
    "identity": lambda x: x,
}


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """Where the graph holds `output = input @ weight + bias`: what a Kronecker factorisation needs to know.

    Attributes
    ----------
    weight, bias
        Names of the random variables; the bias may be missing.
    input, output
        Variables of the graph, `(obs, n_in)` and `(obs, n_out)`.
    """

    weight: str
    bias: str | None
    input: TensorVariable
    output: TensorVariable


@dataclass(frozen=True, slots=True)
class Wire:
    """What flows between layers: values `(..., width)`, the dim of the last axis, and its labels.

    `affines` are the affine maps that it has passed, in order.
    """

    value: TensorVariable
    dim: str
    labels: tuple[str, ...]
    affines: tuple[Affine, ...] = ()

    @property
    def width(self) -> int:
        """Number of units."""
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a layer stands: the stem of its names, and the priors of layers that name none."""

    stem: str
    weights: Prior
    biases: Prior

    def inside(self, part: str) -> "Place":
        """Return the place of a layer that stands within this one."""
        return Place(f"{self.stem}_{part}", self.weights, self.biases)


@singledispatch
def apply_layer(layer: object, wire: Wire, place: Place) -> Wire:
    """Draw the parameters of `layer` in the model on the stack, and apply it."""
    raise SpecError(unknown(place.stem, "layer", type(layer).__name__, layers.LAYERS))


def add_dim(name: str, labels: Sequence[str]) -> str:
    """Register a dim with its labels in the model on the stack."""
    pm.modelcontext(None).add_coord(name, list(labels))
    return name


def unit_labels(n: int) -> tuple[str, ...]:
    """Label hidden units by their number."""
    return tuple(str(i) for i in range(n))


def affine(
    wire: Wire,
    place: Place,
    dim: str,
    labels: tuple[str, ...],
    weight: Prior | None,
    bias: Prior | bool,
) -> Wire:
    """Return `wire @ weight + bias`; `dim` must be registered."""
    stem = place.stem
    w = draw_prior(weight or place.weights, Site(f"{stem}_weight", (wire.dim, dim), wire.width))
    value, bias_name = wire.value @ w, None
    if bias is not False:
        prior, bias_name = place.biases if bias is True else bias, f"{stem}_bias"
        value = value + draw_prior(prior, Site(bias_name, (dim,), wire.width))
    here = Affine(f"{stem}_weight", bias_name, wire.value, value)
    return Wire(value, dim, labels, (*wire.affines, here))
