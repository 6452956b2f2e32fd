"""What each layer computes, and its gradient, against loops in plain NumPy; and the same through `pbnn.nn`."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pymc as pm
import pytest

from pbnn.graph.build import build
from pbnn.graph.nn import nn
from pbnn.spec.layers import (
    GRU,
    LSTM,
    RBF,
    AveragePool,
    Concat,
    Conv1D,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    FourierFeatures,
    Frozen,
    GroupDense,
    MaxPool,
    Parallel,
    PositionalEncoding,
    Reshape,
    Residual,
    SelfAttention,
)
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network
from pbnn.spec.priors import LogNormal, Normal
from pbnn.target import Target
from tests.graph import reference_layers

N = 4
rng = np.random.default_rng(0)
TABLE = rng.normal(size=(N, 3))
SEQUENCE = rng.normal(size=(N, 6, 2))
IMAGE = rng.normal(size=(N, 5, 4, 2))
GROUPED = pd.DataFrame(TABLE[:, :2], columns=["a", "b"]).assign(site=list("vuwu"))
Y = rng.normal(size=N)

CASES = {
    "conv1d": ([Conv1D(3, 3), Flatten()], SEQUENCE),
    "conv1d causal": ([Conv1D(2, 3, "sin", padding="causal", dilation=2, bias=False), Flatten()], SEQUENCE),
    "conv1d same": ([Conv1D(2, 4, padding="same", stride=2), Flatten()], SEQUENCE),
    "conv1d groups": ([Conv1D(4, 2, groups=2, padding=1, stride=2), Flatten()], SEQUENCE),
    "conv2d": ([Conv2D(3, (3, 2)), Flatten()], IMAGE),
    "conv2d same": ([Conv2D(2, 3, "relu", stride=(2, 1), padding="same", dilation=(1, 2)), Flatten()], IMAGE),
    "conv2d pairs": ([Conv2D(2, 2, padding=(1, 2), stride=2), Flatten()], IMAGE),
    "conv2d depthwise": ([Conv2D(2, (2, 3), groups=2, bias=False), Conv2D(2, 2), Flatten()], IMAGE),
    "pools of an image": ([Concat([[MaxPool(2)], [AveragePool(2)]]), Flatten()], IMAGE),
    "pools that overlap": ([Concat([MaxPool((3, 1), stride=1), AveragePool((3, 1), stride=1)]), AveragePool()], IMAGE),
    "pools of a sequence": ([Concat([MaxPool(2, stride=1), AveragePool(2, stride=1)]), MaxPool()], SEQUENCE),
    "dense at positions": ([Dense(3), MaxPool()], SEQUENCE),
    "reshape": ([Reshape((3, 1)), Conv1D(2, 2), AveragePool()], TABLE),
    "gru": ([GRU(3)], SEQUENCE),
    "gru sequence": ([GRU(2, return_sequence=True, bias=False), AveragePool()], SEQUENCE),
    "lstm": ([LSTM(3)], SEQUENCE),
    "lstm of lstm": ([LSTM(2, return_sequence=True), LSTM(2)], SEQUENCE),
    "attention": ([SelfAttention(2, 3), Flatten()], SEQUENCE),
    "causal attention": (
        [PositionalEncoding(100), Residual([SelfAttention(1, 2, causal=True, bias=False)]), Flatten()],
        SEQUENCE,
    ),
    "fourier": ([FourierFeatures(4, 0.7, seed=3)], TABLE),
    "fourier learned": ([FourierFeatures(4, LogNormal(1.0))], TABLE),
    "rbf": ([RBF([[0.0, 1.0, -1.0], [0.5, 0.0, 2.0]], 1.3)], TABLE),
    "rbf learned": ([RBF(4, LogNormal(2.0), seed=1)], TABLE),
    "wide and deep": ([Parallel([Dense(2, "identity"), [Dense(3), Dense(2)]])], TABLE),
    "skip": ([Concat([[], Dense(2), [Dense(2), Concat([[], Dense(1)])]])], TABLE),
    "groups": ([Dense(2), GroupDense("site", 2, spread=1.0, bias_spread=1.0)], GROUPED),
    "groups without bias": ([GroupDense("site", 2, "sin", bias=False, spread=1.0)], GROUPED),
    "embedding behind": ([Dense(2), Concat([[], Embedding("site", 1)]), Dense(2)], GROUPED),
    "frozen": ([Frozen(Dense(2), {"weight": [[1, -1], [0.5, 2], [0, 1]]}), Dense(2)], TABLE),
    "frozen block": ([Frozen(Residual([Dense(3)]), {"0_bias": [0.1, 0.2, 0.3]})], TABLE),
    "frozen recurrence": ([Frozen(GRU(1), {"recurrent": [[1, 2, 3]]})], SEQUENCE),
}  # fmt: skip
QUICK = ("conv1d causal", "conv2d same", "conv2d depthwise", "gru", "causal attention", "skip", "groups")
NAMES = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in CASES]


@cache
def target(name):
    layers, X = CASES[name]
    return Target.of(build(network(layers), X, Y))


def network(layers):
    """Parameters of standard normal priors are their own unconstrained values."""
    return Network(layers, Gaussian(1.0), weights=Normal(), biases=Normal())


def by_loops(name, z):
    """Return the outputs of the network at parameters `z`, which may be complex."""
    layers, X = CASES[name]
    here, parts, start = target(name), {}, 0
    for v in here.variables:
        value = z[start : start + v.size].reshape(v.shape)
        parts[v.name] = np.exp(value) if v.value_name.endswith("_log__") else value
        start += v.size

    def get(name, prior, shape, n_in):
        assert parts[name].shape == shape, name
        return parts[name]

    codes = {}
    if isinstance(X, pd.DataFrame):
        codes, X = {"site": pd.factorize(X["site"], sort=True)[0]}, X[["a", "b"]].to_numpy()
    axes = tuple(range(X.ndim - 1)) if X.ndim > 2 else 0
    x = (X - X.mean(axis=axes)) / X.std(axis=axes)
    x = reference_layers.chain(layers, x, lambda n, *rest: get(f"h{n}", *rest), here.bnn.network, codes, "")
    return x @ parts["out_weight"] + parts["out_bias"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_values_and_gradients_are_those_of_loops(name):
    here = target(name)
    z = 0.7 * np.random.default_rng(1).normal(size=here.dim)
    coefficients = np.random.default_rng(2).normal(size=(N, 1))
    with here.scope():
        (_, f), gradient = jax.jit(
            jax.value_and_grad(
                lambda z: (lambda f: ((f * coefficients).sum(), f))(here.outputs(z, here.data["x"])),
                has_aux=True,
            )
        )(jnp.asarray(z))
    np.testing.assert_allclose(f, by_loops(name, z).real, rtol=1e-10, atol=1e-12)
    exact = np.empty(here.dim)
    for i in range(here.dim):
        step = z.astype(complex)
        step[i] += 1e-30j
        exact[i] = (by_loops(name, step) * coefficients).sum().imag / 1e-30
    np.testing.assert_allclose(gradient, exact, rtol=1e-10, atol=1e-12)


def test_the_loops_see_a_wrong_weight():
    z = 0.7 * np.random.default_rng(1).normal(size=target("gru").dim)
    changed = z.copy()
    changed[0] += 1e-6
    assert np.abs(by_loops("gru", changed) - by_loops("gru", z)).max() > 1e-9


@pytest.mark.parametrize("name", ["conv2d same", "gru", "causal attention"])
def test_single_precision_gives_the_same(name):
    double = target(name)
    single = Target.of(double.bnn, "float32")
    z = 0.7 * np.random.default_rng(1).normal(size=double.dim)
    with single.scope():
        low = np.asarray(single.outputs(jnp.asarray(z, jnp.float32), single.data["x"]))
    assert low.dtype == np.float32
    with double.scope():
        high = np.asarray(double.outputs(jnp.asarray(z), double.data["x"]))
    np.testing.assert_allclose(low, high, rtol=1e-4, atol=1e-5)


def test_seeded_points_stay_as_they_are():
    """Of a seed, on any machine and with any version of NumPy: a saved network means the same."""
    from pbnn.graph.layers.features import standard_normals

    expected = [[0.31889114, 1.26583434], [0.75770331, -0.75472437]]
    np.testing.assert_allclose(standard_normals(7, (2, 2)), expected, atol=1e-8)


def test_fourier_features_have_the_kernel_of_the_books():
    """The products of features average `cos(w (x - x'))`, whose mean is the kernel: within 5 standard errors."""
    n, scale = 20_000, 0.8
    x = np.array([[-0.7], [0.4]])
    w = reference_layers.standard_normals(0, (n, 1)) / scale
    products = np.cos(w[:, 0] * (x[0] - x[1]))
    kernel = np.exp(-((x[0] - x[1]) ** 2) / (2 * scale**2))
    error = products.std() / np.sqrt(n)
    assert abs(products.mean() - kernel) < 5 * error
    assert abs(products.mean() - 1.1 * kernel) > 5 * error


@pytest.mark.parametrize(("name", "X"), [("conv1d", SEQUENCE), ("conv2d", IMAGE)])
def test_nn_takes_sequences_and_images(name, X):
    layers, _ = CASES[name]
    with pm.Model() as model:
        nn("f", X, layers)
        nn("g", pm.Data("x", X), layers)
    here = Target.of(model)
    point = {v.value_name: np.random.default_rng(len(v.shape)).normal(size=v.shape) for v in here.variables}
    got = here.constrain(here.ravel(point))
    assert got["f"].shape == (N,)
    np.testing.assert_allclose(got["f"], got["g"], rtol=1e-12)
