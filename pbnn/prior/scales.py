"""The scales of a network's priors: which of them can be moved, how that moves the weights, and the network after it.

The scale of a layer's weights, or of its biases, is multiplied by a factor. Where it is learned, its prior is: the
median of a `LogNormal`, the scale of a `HalfNormal`. In the coordinates of `Target` weights are in units of their scale
and learned scales are logarithms, so a factor multiplies the ones and its logarithm is added to the others: draws of
the prior can be moved, whatever their distribution, and need not be made again.
"""

from dataclasses import dataclass, fields, replace
from functools import singledispatch
from typing import Any, Self, final

import jax.numpy as jnp
import numpy as np

from pbnn.graph.build import BNN
from pbnn.graph.priors import NonCentered
from pbnn.prior.inside import each_layer, inner_layers
from pbnn.spec.layers import Embedding, LayerNorm
from pbnn.spec.network import Network
from pbnn.spec.priors import PRIORS, FanIn, HalfNormal, LogNormal, Normal, StudentT
from pbnn.spec.priors import Laplace as LaplacePrior
from pbnn.target import Target

SCALED = (Normal, StudentT, LaplacePrior)
"""Priors whose draws are `loc + scale * z`."""
WEIGHTS = ("weight", "recurrent")
"""Fields of layers where None stands for the network's default prior of weights."""


@final
@dataclass(frozen=True, slots=True)
class Knobs:
    """The scales that can be moved, in the order of a vector `t` of the logarithms of their factors.

    Attributes
    ----------
    names
        Variables whose scale each is, such as `h0_weight`.
    stretched, shifted
        For each coordinate of `z`, the number of the knob that multiplies it, or adds to it; `len(names)` for none.
    fan_in
        Logarithm of the factor that makes each a weight of variance 1 over the number of inputs, where its scale is a
        number; else 0.
    """

    names: tuple[str, ...]
    stretched: np.ndarray
    shifted: np.ndarray
    fan_in: np.ndarray

    @classmethod
    def of(cls, bnn: BNN, target: Target) -> Self:
        """Find them in a network that says all its priors (`spelled_out`)."""
        priors = {name: p for name, p in priors_of(bnn.network).items() if _movable(name, p, bnn)}
        names = tuple(priors)
        stretched, shifted = (np.full(target.dim, len(names)) for _ in range(2))
        where, shapes, start = {}, {}, 0
        for v in target.variables:
            where[v.name], shapes[v.name] = slice(start, start + v.size), v.shape
            start += v.size
        fan_in = np.zeros(len(names))
        for i, (name, prior) in enumerate(priors.items()):
            if f"{name}_scale" in where:
                shifted[where[f"{name}_scale"]] = i
            else:
                stretched[where[name]] = i
            number = getattr(prior.scale, "scale", prior.scale)
            if isinstance(number, int | float) and len(shapes[name]) == 2:
                fan_in[i] = -np.log(number * np.sqrt(shapes[name][0]))
        return cls(names, stretched, shifted, fan_in)

    def move(self, z: Any, t: Any) -> Any:
        """Return draws `(draw, dim)` of the prior whose scales are `exp(t)` times as large."""
        padded = jnp.concatenate([jnp.asarray(t, z.dtype), jnp.zeros(1, z.dtype)])
        return z * jnp.exp(padded[self.stretched]) + padded[self.shifted]


def _movable(name: str, prior: Any, bnn: BNN) -> bool:
    free = {rv.name: rv for rv in bnn.model.free_RVs}
    if name not in free or not isinstance(prior, SCALED):
        return False
    transform = bnn.model.rvs_to_transforms[free[name]]
    learned = isinstance(prior.scale, LogNormal | HalfNormal)
    return isinstance(transform, NonCentered) and (not learned or f"{name}_scale" in free)


def priors_of(network: Network) -> dict[str, Any]:
    """Return the prior of each variable of a network that says all its priors, by name."""
    found: dict[str, Any] = {}

    def look(layer: Any, stem: str) -> None:
        for field in fields(layer):
            value = getattr(layer, field.name)
            if isinstance(value, tuple(PRIORS.values())):
                found[f"{stem}_{field.name}"] = value

    each_layer(network, look)
    return {**found, "out_weight": network.weights, "out_bias": network.biases}


def spelled_out(network: Network) -> Network:
    """Return the same network with the defaults that layers take written into them.

    What is left as `Network.weights` and `Network.biases` then speaks of the output layer alone.
    """
    return replace(network, layers=tuple(_filled(layer, network) for layer in network.layers))


@singledispatch
def _filled(layer: Any, network: Network) -> Any:
    """Return a layer that names its priors."""
    changes = inner_layers(layer, "", lambda inner, _: _filled(inner, network))
    for name in WEIGHTS:
        if getattr(layer, name, layer) is None:
            changes[name] = network.weights
    if getattr(layer, "bias", None) is True:
        changes["bias"] = network.biases
    return replace(layer, **changes) if changes else layer


@_filled.register
def _(layer: Embedding, network: Network) -> Any:
    return replace(layer, weight=Normal()) if layer.weight is None else layer


@_filled.register
def _(layer: LayerNorm, network: Network) -> Any:
    return layer


def rescaled(network: Network, factors: dict[str, float]) -> Network:
    """Return a network that says all its priors with the scales of some variables multiplied."""

    def change(layer: Any, stem: str) -> Any:
        changes = inner_layers(layer, stem, change)
        changes |= {
            field.name: times(getattr(layer, field.name), factors[f"{stem}_{field.name}"])
            for field in fields(layer)
            if f"{stem}_{field.name}" in factors
        }
        return replace(layer, **changes) if changes else layer

    return replace(
        network,
        layers=tuple(change(layer, f"h{i}") for i, layer in enumerate(network.layers)),
        weights=times(network.weights, factors.get("out_weight", 1.0)),
        biases=times(network.biases, factors.get("out_bias", 1.0)),
    )


@singledispatch
def times(scale: Any, factor: float) -> Any:
    """Multiply a scale, or that of a prior, by a factor."""
    return replace(scale, scale=times(scale.scale, factor)) if factor != 1.0 else scale


@times.register
def _(scale: float | int, factor: float) -> float:
    return float(scale * factor)


@times.register
def _(scale: FanIn, factor: float) -> FanIn:
    return FanIn(float(scale.gain * factor))
