"""The scales of a network's priors: which of them can be moved, how that moves the weights, and the network after it.

The scale of a layer's weights, or of its biases, is multiplied by a factor. Where it is learned, its prior is: the
median of a `LogNormal`, the scale of a `HalfNormal`. In the coordinates of `Target` weights are in units of their scale
and learned scales are logarithms, so a factor multiplies the ones and its logarithm is added to the others: draws of
the prior can be moved, whatever their distribution, and need not be made again.
"""

from dataclasses import dataclass, fields, is_dataclass, replace
from functools import singledispatch
from typing import Any, Self, final

import jax.numpy as jnp
import numpy as np

from pbnn.graph.build import BNN
from pbnn.graph.priors import NonCentered
from pbnn.prior.inside import each_layer
from pbnn.spec.layers import Layer, SelfAttention, own_priors
from pbnn.spec.network import Network
from pbnn.spec.priors import PRIORS, FanIn, HalfNormal, LogNormal, Normal, Prior, Scale, StudentT
from pbnn.spec.priors import Laplace as LaplacePrior
from pbnn.target import Target

SCALED = (Normal, StudentT, LaplacePrior)
"""Priors whose draws are `loc + scale * z`."""


@final
@dataclass(frozen=True, slots=True)
class Knobs:
    """The scales that can be moved, in the order of a vector `t` of the logarithms of their factors.

    Attributes
    ----------
    names
        Whose scale each is: the layer and the field that holds the prior, such as `h0_weight`.
    kept
        Those whose scale stays as it is, since another prior decides it or other layers share it.
    stretched, shifted
        For each coordinate of `z`, the number of the knob that multiplies it, or adds to it; `len(names)` for none.
    fan_in
        Logarithm of the factor that makes each a weight of variance 1 over the number of inputs, where its scale is a
        number; else 0.
    """

    names: tuple[str, ...]
    kept: tuple[str, ...]
    stretched: np.ndarray
    shifted: np.ndarray
    fan_in: np.ndarray

    @classmethod
    def of(cls, bnn: BNN, target: Target) -> Self:
        """Find them in a network that says all its priors (`spelled_out`)."""
        free = {rv.name: rv for rv in bnn.model.free_RVs}
        known = {
            name: (prior, [v for v in variables if v in free])
            for name, (prior, variables) in priors_of(bnn.network).items()
        }
        known = {name: (prior, variables) for name, (prior, variables) in known.items() if variables}
        moved = {name: found for name, found in known.items() if _movable(*found, bnn)}
        stretched, shifted = (np.full(target.dim, len(moved)) for _ in range(2))
        where, shapes, start = {}, {}, 0
        for v in target.variables:
            where[v.name], shapes[v.name] = slice(start, start + v.size), v.shape
            start += v.size
        fan_in = np.zeros(len(moved))
        for i, (prior, variables) in enumerate(moved.values()):
            for name in variables:
                if isinstance(prior.scale, LogNormal | HalfNormal):
                    shifted[where[f"{name}_scale"]] = i
                else:
                    stretched[where[name]] = i
            number = _innermost(prior.scale)
            if isinstance(number, int | float) and len(shapes[variables[0]]) == 2:
                fan_in[i] = -np.log(number * np.sqrt(shapes[variables[0]][0]))
        return cls(
            tuple(moved), tuple(name for name in known if name not in moved), stretched, shifted, fan_in
        )

    def move(self, z: Any, t: Any) -> Any:
        """Return draws `(draw, dim)` of the prior whose scales are `exp(t)` times as large."""
        padded = jnp.concatenate([jnp.asarray(t, z.dtype), jnp.zeros(1, z.dtype)])
        return z * jnp.exp(padded[self.stretched]) + padded[self.shifted]


def _movable(prior: Prior, variables: list[str], bnn: BNN) -> bool:
    if not isinstance(prior, SCALED) or is_shared(prior):
        return False
    return isinstance(_innermost(prior.scale), int | float | FanIn) and all(
        isinstance(bnn.model.rvs_to_transforms[bnn.model[name]], NonCentered) for name in variables
    )


def _innermost(scale: Scale) -> Scale:
    """Return the number or relative scale that a learned scale is around."""
    return _innermost(scale.scale) if isinstance(scale, LogNormal | HalfNormal) else scale


def is_shared(prior: Any) -> bool:
    """Say whether all layers share a scale of this prior."""
    return is_dataclass(prior) and (
        getattr(prior, "per", "") == "network"
        or any(is_shared(getattr(prior, f.name)) for f in fields(prior))
    )


def priors_of(network: Network) -> dict[str, tuple[Prior, tuple[str, ...]]]:
    """Return the priors of a network by layer and field, each with the variables that have it."""
    found: dict[str, tuple[Prior, tuple[str, ...]]] = {}

    def look(layer: Layer, stem: str) -> Layer:
        for name, own in own_priors(layer).items():
            prior = _default(own, network) or own
            if isinstance(prior, tuple(PRIORS.values())):
                found[f"{stem}_{name}"] = prior, tuple(f"{stem}_{v}" for v in variables_of(layer, name))
        return layer

    each_layer(network, look)
    ends = {"out_weight": network.weights, "out_bias": network.biases}
    return found | {name: (prior, (name,)) for name, prior in ends.items()}


@singledispatch
def variables_of(layer: Any, name: str) -> tuple[str, ...]:
    """Return the variables of a layer, without its stem, whose prior a field holds."""
    return (name,)


@variables_of.register
def _(layer: SelfAttention, name: str) -> tuple[str, ...]:
    parts = ("query", "key", "value", "out")
    if name in parts:
        return (f"{name}_weight",)
    if name == "bias":
        return tuple(f"{part}_bias" for part in parts)
    return tuple(f"{part}_weight" for part in parts if getattr(layer, part) is None)


def spelled_out(network: Network) -> Network:
    """Return the same network with the defaults that layers take written into them.

    What is left as `Network.weights` and `Network.biases` then speaks of the output layer alone; a default with a scale
    that all layers share stays one.
    """

    def fill(layer: Layer, stem: str) -> Layer:
        defaults = {name: _default(own, network) for name, own in own_priors(layer).items()}
        return replace(layer, **{n: prior for n, prior in defaults.items() if prior and not is_shared(prior)})

    return each_layer(network, fill)


def _default(own: Any, network: Network) -> Prior | None:
    """Return the network's prior for which None and True stand, in what `own_priors` says."""
    return network.weights if own is None else network.biases if own is True else None


def rescaled(network: Network, factors: dict[str, float]) -> Network:
    """Return a network that says all its priors with the scales of some of them multiplied."""

    def change(layer: Layer, stem: str) -> Layer:
        named = {name: f"{stem}_{name}" for name in own_priors(layer)}
        return replace(
            layer, **{n: times(getattr(layer, n), factors[at]) for n, at in named.items() if at in factors}
        )

    return replace(
        each_layer(network, change),
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
