"""What layers compute, and its gradient by weights and inputs, beside Equinox."""

from functools import singledispatch
from operator import attrgetter

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from pbnn.graph.build import build
from pbnn.spec.layers import (
    GRU,
    LSTM,
    AveragePool,
    Conv1D,
    Conv2D,
    Embedding,
    Flatten,
    LayerNorm,
    MaxPool,
    SelfAttention,
)
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network
from pbnn.spec.priors import Normal
from pbnn.target import Target
from tests.tiers import tiers

N = 3
rng = np.random.default_rng(0)
TABLE = rng.normal(size=(N, 4))
SEQUENCE = rng.normal(size=(N, 7, 4))
IMAGE = rng.normal(size=(N, 7, 6, 2))
CODES = pd.DataFrame({"site": list("vuw")})

CASES = {
    "conv1d": (Conv1D(3, 3), SEQUENCE),
    "conv1d causal": (Conv1D(4, 3, padding="causal", dilation=2, groups=2), SEQUENCE),
    "conv2d": (Conv2D(3, (3, 2), stride=(2, 1), padding=(1, 2)), IMAGE),
    "conv2d same": (Conv2D(2, 3, stride=2, padding="same"), IMAGE),
    "conv2d groups": (Conv2D(4, 2, dilation=(2, 1), groups=2), IMAGE),
    "average": (AveragePool((3, 2), stride=2), IMAGE),
    "average sequence": (AveragePool(2), SEQUENCE),
    "max": (MaxPool(2, stride=1), IMAGE),
    "max sequence": (MaxPool(3), SEQUENCE),
    "gru": (GRU(3, return_sequence=True), SEQUENCE),
    "lstm": (LSTM(3, return_sequence=True), SEQUENCE),
    "attention": (SelfAttention(2, 3), SEQUENCE),
    "causal attention": (SelfAttention(2, 3, causal=True), SEQUENCE),
    "layer norm": (LayerNorm(0.1, gain=Normal(), offset=Normal()), TABLE),
    "embedding": (Embedding("site", 2), CODES),
}

# ------------------------------------------------------------------------------------------- one layer of theirs each


@singledispatch
def theirs(layer, w, x):
    """Return what leaves Equinox's layer of this kind for one observation, with our weights `w` in its order.

    Equinox writes weights `(n_out, n_in)` and channels before positions.
    """
    raise TypeError(type(layer))


def filled(module, weight, bias):
    return eqx.tree_at(lambda m: (m.weight, m.bias), module, (weight, bias))


@theirs.register
def _(layer: Conv1D | Conv2D, w, x):
    axes = x.ndim - 1
    size = layer.size if isinstance(layer.size, tuple) else (layer.size,) * axes
    options = {"stride": layer.stride, "dilation": layer.dilation, "groups": layer.groups}
    padding = layer.padding.upper() if isinstance(layer.padding, str) else layer.padding
    if padding == "CAUSAL":
        # Equinox has no name for it: zeros before the sequence, as many as the window reaches back.
        padding = [((layer.size - 1) * layer.dilation, 0)]
    module = eqx.nn.Conv(
        axes, x.shape[-1], layer.filters, size, padding=padding, **options, key=jax.random.key(0)
    )
    kernel = w["weight"].reshape(*size, x.shape[-1] // layer.groups, layer.filters)
    bias = w["bias"].reshape(-1, *[1] * axes)
    out = filled(module, jnp.moveaxis(kernel, (-1, -2), (0, 1)), bias)(jnp.moveaxis(x, -1, 0))
    return jnp.tanh(jnp.moveaxis(out, 0, -1))


@theirs.register
def _(layer: AveragePool | MaxPool, w, x):
    kinds = {AveragePool: (eqx.nn.AvgPool1d, eqx.nn.AvgPool2d), MaxPool: (eqx.nn.MaxPool1d, eqx.nn.MaxPool2d)}
    # Left out, the stride is the size here and 1 in Equinox.
    pool = kinds[type(layer)][x.ndim - 2](layer.size, layer.stride or layer.size)
    return jnp.moveaxis(pool(jnp.moveaxis(x, -1, 0)), 0, -1)


@theirs.register
def _(layer: GRU, w, x):
    cell = eqx.nn.GRUCell(x.shape[-1], layer.units, key=jax.random.key(0))
    # Equinox has one bias more, of the state in the new value: `n = tanh(x W + b + r (h U + b_n))`. Ours is its 0.
    weights = (w["weight"].T, w["recurrent"].T, w["bias"], jnp.zeros(layer.units))
    cell = eqx.tree_at(lambda m: (m.weight_ih, m.weight_hh, m.bias, m.bias_n), cell, weights)
    return jax.lax.scan(lambda h, row: (cell(row, h),) * 2, jnp.zeros(layer.units), x)[1]


@theirs.register
def _(layer: LSTM, w, x):
    cell = eqx.nn.LSTMCell(x.shape[-1], layer.units, key=jax.random.key(0))
    weights = (w["weight"].T, w["recurrent"].T, w["bias"])
    cell = eqx.tree_at(lambda m: (m.weight_ih, m.weight_hh, m.bias), cell, weights)
    start = (jnp.zeros(layer.units),) * 2
    return jax.lax.scan(lambda state, row: (cell(row, state),) * 2, start, x)[1][0]


@theirs.register
def _(layer: SelfAttention, w, x):
    # Left out, Equinox takes no biases, and heads that share the width of the input.
    biases = {f"use_{part}_bias": True for part in ("query", "key", "value", "output")}
    sizes = {"qk_size": layer.units, "vo_size": layer.units}
    module = eqx.nn.MultiheadAttention(layer.heads, x.shape[-1], **sizes, **biases, key=jax.random.key(0))
    parts = {"query_proj": "query", "key_proj": "key", "value_proj": "value", "output_proj": "out"}
    for name, our in parts.items():
        part = filled(getattr(module, name), w[f"{our}_weight"].T, w[f"{our}_bias"])
        module = eqx.tree_at(attrgetter(name), module, part)
    mask = jnp.tri(len(x), dtype=bool) if layer.causal else None
    return module(x, x, x, mask=mask)


@theirs.register
def _(layer: LayerNorm, w, x):
    return filled(eqx.nn.LayerNorm(len(x), layer.epsilon), w["gain"], w["offset"])(x)


@theirs.register
def _(layer: Embedding, w, x):
    return eqx.nn.Embedding(weight=w["weight"])(x[0].astype(int))


# ------------------------------------------------------------------------------------------- both, and their gradients


def target_of(layer, X):
    """Put a linear layer behind; parameters of standard normal priors are their own unconstrained values."""
    layers = [layer] if isinstance(layer, LayerNorm | Embedding) else [layer, Flatten()]
    net = Network(layers, Gaussian(1.0), weights=Normal(), biases=Normal())
    return Target.of(build(net, X, np.arange(float(N))))


def beside(layer, shape, target, z, x):
    """Return the outputs of the network of `target`, with Equinox's layer for observations of `shape` in it."""
    ends = np.cumsum([v.size for v in target.variables])[:-1]
    w = {v.name: part.reshape(v.shape) for v, part in zip(target.variables, jnp.split(z, ends), strict=True)}
    own = {name.removeprefix("h0_"): value for name, value in w.items() if name.startswith("h0_")}
    h = jax.vmap(lambda row: theirs(layer, own, row.reshape(shape)).ravel())(x)
    return h @ w["out_weight"] + w["out_bias"]


@pytest.mark.peer
@pytest.mark.parametrize(
    "name", tiers(CASES, ("conv1d causal", "conv2d same", "gru", "lstm", "causal attention", "layer norm"))
)
def test_layer_and_gradient_are_those_of_equinox(name):
    layer, X = CASES[name]
    target = target_of(layer, X)
    z = 0.7 * np.random.default_rng(1).normal(size=target.dim)
    weights = np.random.default_rng(2).normal(size=(N, 1))

    def answers(outputs):
        def total(z, x):
            f = outputs(z, x)
            return (weights * f).sum(), f

        (_, f), gradients = jax.jit(jax.value_and_grad(total, (0, 1), has_aux=True))(z, target.data["x"])
        return {"outputs": f, "by weights": gradients[0], "by inputs": gradients[1]}

    with target.scope():
        ours = answers(target.outputs)
        equinox = answers(lambda z, x: beside(layer, X.shape[1:], target, z, x))
    for what, value in ours.items():
        assert value.dtype == np.float64
        np.testing.assert_allclose(value, equinox[what], rtol=1e-10, atol=1e-12, err_msg=what)
