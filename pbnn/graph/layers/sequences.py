"""Layers of sequences: recurrent networks, attention, and positions."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from pbnn.graph.layers.wire import (
    Place,
    Wire,
    add_dim,
    affine,
    apply_layer,
    parameter,
    require_axes,
    unit_labels,
)
from pbnn.spec import layers
from pbnn.spec.priors import Prior


@apply_layer.register
def _(layer: layers.GRU, wire: Wire, place: Place) -> Wire:
    n = layer.units

    def step(entering: TensorVariable, h: TensorVariable, u: TensorVariable) -> TensorVariable:
        back = h @ u
        gates = pt.sigmoid(entering[:, : 2 * n] + back[:, : 2 * n])
        reset, update = gates[:, :n], gates[:, n:]
        new = pt.tanh(entering[:, 2 * n :] + reset * back[:, 2 * n :])
        return (1 - update) * new + update * h

    return _recur(layer, wire, place, "run", step, states=1)


@apply_layer.register
def _(layer: layers.LSTM, wire: Wire, place: Place) -> Wire:
    n = layer.units

    def step(
        entering: TensorVariable, h: TensorVariable, c: TensorVariable, u: TensorVariable
    ) -> tuple[TensorVariable, TensorVariable]:
        all_gates = entering + h @ u
        i, f, o = (pt.sigmoid(all_gates[:, k * n : (k + 1) * n]) for k in (0, 1, 3))
        c = f * c + i * pt.tanh(all_gates[:, 2 * n : 3 * n])
        return o * pt.tanh(c), c

    return _recur(layer, wire, place, "ifgo", step, states=2)


def _recur(
    layer: layers.GRU | layers.LSTM,
    wire: Wire,
    place: Place,
    gates: str,
    step: Callable[..., object],
    states: int,
) -> Wire:
    """Take `step(entering, *states, weights)` along the sequence, from states 0; the first state leaves.

    What enters the gates is one affine map at all times. The steps are a `scan`: unrolled, fifty of them take half a
    minute to compile, and in a loop a second, however many.
    """
    require_axes(layer, wire, place, 1)
    labels = unit_labels(layer.units)
    dim = add_dim(f"{place.stem}_unit", labels)
    all_gates = tuple(f"{gate}{label}" for gate in gates for label in labels)
    gate_dim = add_dim(f"{place.stem}_gate", all_gates)
    entering = affine(wire, place, gate_dim, all_gates, layer.weight, layer.bias)
    u = parameter(place, "recurrent", layer.recurrent, (dim, gate_dim), layer.units)
    zero = pt.zeros((wire.value.shape[0], layer.units), dtype=entering.value.dtype)
    found = pytensor.scan(
        step,
        sequences=[entering.value.swapaxes(0, 1)],
        outputs_info=[zero] * states,
        non_sequences=[u],
        strict=True,
        return_updates=False,
    )
    h = found[0] if states > 1 else found
    value = h.swapaxes(0, 1) if layer.return_sequence else h[-1]
    positions = wire.positions if layer.return_sequence else ()
    return replace(entering, value=value, dim=dim, labels=labels, positions=positions)


@apply_layer.register
def _(layer: layers.SelfAttention, wire: Wire, place: Place) -> Wire:
    require_axes(layer, wire, place, 1)
    (n,), labels = wire.positions, unit_labels(layer.heads * layer.units)
    dim = add_dim(f"{place.stem}_unit", labels)

    def project(wire: Wire, name: str, prior: Prior | None, dim: str, labels: tuple[str, ...]) -> Wire:
        return affine(wire, place.inside(name), dim, labels, prior or layer.weight, layer.bias)

    query = project(wire, "query", layer.query, dim, labels)
    key = project(replace(wire, affines=query.affines), "key", layer.key, dim, labels)
    values = project(replace(wire, affines=key.affines), "value", layer.value, dim, labels)
    # Head by head: JAX cannot take the shapes that PyTensor would compute for all of them together.
    mixed = []
    for head in range(layer.heads):
        at = slice(head * layer.units, (head + 1) * layer.units)
        q, k, v = (part.value[..., at] for part in (query, key, values))
        scores = pt.matmul(q, k.swapaxes(1, 2)) / np.sqrt(layer.units)
        if layer.causal:
            scores = pt.where(np.tri(n, dtype=bool), scores, -np.inf)
        mixed.append(pt.matmul(pt.special.softmax(scores, axis=-1), v))
    heads = replace(values, value=pt.concatenate(mixed, axis=-1))
    model = unit_labels(wire.width)
    return project(heads, "out", layer.out, add_dim(f"{place.stem}_model", model), model)


@apply_layer.register
def _(layer: layers.PositionalEncoding, wire: Wire, place: Place) -> Wire:
    require_axes(layer, wire, place, 1)
    at, unit = np.arange(wire.positions[0])[:, None], np.arange(wire.width)
    angle = at / layer.base ** (2 * (unit // 2) / wire.width)
    return replace(wire, value=wire.value + np.where(unit % 2, np.cos(angle), np.sin(angle)))
