"""The hidden units of a network given its weights: stuck, dead, or at work."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from pytensor.graph.replace import graph_replace

from pbnn.graph.build import BNN
from pbnn.prior.inside import each_layer
from pbnn.spec.layers import GroupDense, Layer
from pbnn.spec.network import Network
from pbnn.target.jaxify import jaxify

STUCK = 2.6466524123622457
"""The argument at which tanh is 0.99."""


def activations_of(network: Network) -> dict[str, str]:
    """Return the activation of each layer that has one, by the stem of its variables' names, such as `h0`.

    Without `GroupDense`, where what a group adds comes between the affine map and the activation.
    """
    found: dict[str, str] = {}

    def look(layer: Layer, stem: str) -> Layer:
        activation = getattr(layer, "activation", None)
        if activation is not None and not isinstance(layer, GroupDense):
            found[stem] = activation
        return layer

    each_layer(network, look)
    return found


def unit_facts(bnn: BNN) -> tuple[tuple[str, ...], Callable[[Sequence[Any], Any], list[dict[str, Any]]]]:
    """Return the stems of the layers with units, and the JAX function that looks at them.

    The function takes the unconstrained variables of one draw and standardised inputs `(obs, feature)`. For each layer
    it gives shares of units: `saturated` (and `stuck`, at all rows), `dead`; and `unit_sd`, here the mean square before
    the activation. NaN where an activation has no such state.
    """
    known = activations_of(bnn.network)
    affines = {a.weight.removesuffix("_weight"): a.output for a in bnn.affines}
    stems = tuple(stem for stem in affines if stem in known)
    model = bnn.model
    x = bnn.x.type("x")
    values = dict(zip(model.free_RVs, model.replace_rvs_by_values(model.free_RVs), strict=True))
    cut = {**values, bnn.x: x, model["X"]: x}
    before = graph_replace([affines[stem] for stem in stems], cut, strict=False)
    run = jaxify([*model.value_vars, x], before, "float32")

    def facts(z: Sequence[Any], x: Any) -> list[dict[str, Any]]:
        return [_facts(known[stem], a) for stem, a in zip(stems, run(*z, x), strict=True)]

    return stems, facts


def _facts(activation: str, a: Any) -> dict[str, Any]:
    a = a.reshape(-1, a.shape[-1])
    none = jnp.full((), jnp.nan, a.dtype)
    tanh, relu = activation == "tanh", activation == "relu"
    beyond, at_all_rows = jnp.abs(a) > STUCK, (a > STUCK).all(0) | (a < -STUCK).all(0)
    return {
        "saturated": beyond.mean() if tanh else none,
        "stuck": at_all_rows.mean() if tanh else none,
        "dead": (a <= 0).all(0).mean() if relu else none,
        "unit_sd": (a**2).mean(),
    }
