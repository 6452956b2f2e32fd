"""Curvature of weights that positions share, and of weights that are in no affine map, against an explicit Jacobian."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pbnn.graph.build import build
from pbnn.spec.layers import (
    GRU,
    Concat,
    Conv1D,
    Conv2D,
    Dense,
    Flatten,
    Frozen,
    GroupDense,
    MaxPool,
    SelfAttention,
)
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network
from pbnn.target import Target
from pbnn.target.curvature import Kron, Subset, ggn_diag, ggn_full, ggn_kron, ggn_rows
from pbnn.target.curvature.blocks import rows_of
from tests.tiers import tiers

N = 5
rng = np.random.default_rng(0)
SEQUENCE, IMAGE = rng.normal(size=(N, 5, 2)), rng.normal(size=(N, 4, 4, 1))
TABLE = np.column_stack([rng.normal(size=(N, 2)), [0, 1, 2, 1, 0]])
PAIR = rng.normal(size=(N, 2))
SMALL = 4000
"""Bytes: so little memory that sums go over several blocks."""

CASES = {
    "conv2d": ([Conv2D(2, 2), MaxPool(2, stride=1), Flatten(), Dense(2)], IMAGE),
    "groups of channels": ([Conv1D(4, 2, groups=2), Flatten()], SEQUENCE),
    "gru": ([Conv1D(2, 2), GRU(2)], SEQUENCE),
    "attention": ([SelfAttention(2, 2), Flatten()], SEQUENCE),
    "group dense": ([GroupDense(2, 2)], TABLE),
    "branches": ([Concat([[Dense(2)], [Frozen(Dense(2), {"weight": [[1, 0], [0, 1]]})]])], TABLE[:, :2]),
}
QUICK = ("conv2d",)
NAMES = tiers(CASES, QUICK)


@cache
def at(name):
    layers, X = CASES[name]
    target = Target.of(build(Network(layers, Gaussian(0.5)), X, PAIR))
    z = 0.7 * np.random.default_rng(1).normal(size=target.dim)
    return Subset.of(target, target.weights), z, target.data["x"]


@cache
def jacobian(name):
    """Return the Jacobian `(obs, outputs, dim)` in units of the noise, by JAX's own of the whole network."""
    subset, z, x = at(name)
    with subset.target.scope():
        z = jnp.asarray(z)
        J = jax.jacobian(lambda u: subset.outputs(u, z, x))(subset.take(z))
    return np.asarray(J) * np.asarray(subset.target.bnn.response.scale)[:, None] / 0.5


def evaluate(name, function, **options):
    subset, z, _ = at(name)
    with subset.target.scope():
        return jax.tree.map(
            np.asarray, jax.jit(lambda z: function(subset, z, subset.target.data, **options))(jnp.asarray(z))
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_full_and_diagonal_are_those_of_the_jacobian(name):
    J = jacobian(name)
    G = np.einsum("nkp,nkq->pq", J, J)
    close = {"rtol": 1e-9, "atol": 1e-11 * np.abs(G).max()}
    rows = evaluate(name, ggn_rows)
    np.testing.assert_allclose(rows.T @ rows, G, **close)
    for memory in (2**28, SMALL):
        np.testing.assert_allclose(evaluate(name, ggn_full, memory=memory)[0], G, **close)
        np.testing.assert_allclose(evaluate(name, ggn_diag, memory=memory)[0], np.diagonal(G), **close)


@pytest.mark.parametrize("name", NAMES)
def test_blocks_of_what_is_no_shared_weight_are_exact(name):
    """Biases, recurrent weights and the like have dense blocks; weights of one position are exact for one row."""
    subset, _, _ = at(name)
    J, blocks = jacobian(name), evaluate(name, ggn_kron, memory=SMALL)
    for v in subset.variables:
        if not isinstance(blocks[v.name], Kron):
            own = J[..., subset.slices[v.name]]
            G = np.einsum("nkp,nkq->pq", own, own)
            np.testing.assert_allclose(blocks[v.name][0], G, rtol=1e-8, atol=1e-10 * np.abs(G).max() + 1e-13)
    maps = {a.weight for a in subset.target.bnn.affines}
    kinds = {v.name for v in subset.variables if isinstance(blocks[v.name], Kron)}
    assert kinds == maps & {v.name for v in subset.variables}


@pytest.mark.slow
def test_kronecker_factors_are_those_of_expand():
    """Of Eschenhagen et al. 2023, equation 10: each position is an observation, written out with loops."""
    subset, z, x = at("conv2d")
    target = subset.target
    bnn = target.bnn
    got = evaluate("conv2d", ggn_kron, memory=SMALL)["h0_weight"]
    affine = bnn.affines[0]
    assert affine.positions == (3, 3)
    with target.scope():
        nudges = [jnp.zeros((N, *a.positions, a.n_out)) for a in bnn.affines]
        inputs, _ = target.affine_maps(z, x, nudges)
        back = jax.jacobian(lambda first: target.affine_maps(z, x, [first, *nudges[1:]])[1])(nudges[0])
        scale = target.constrain(z)["h0_weight_scale"]
    back = np.asarray(back) * np.asarray(bnn.response.scale).reshape(-1, *[1] * 4) / 0.5
    A, B = np.zeros((4, 4)), np.zeros((2, 2))
    for n in range(N):
        for i in range(3):
            for j in range(3):
                a = np.asarray(inputs[0])[n, i, j]
                A += np.outer(a, a) / (9 * N)
                for k in range(2):
                    g = back[n, k, n, i, j]
                    B += np.outer(g, g)
    np.testing.assert_allclose(got.input, A, rtol=1e-9)
    np.testing.assert_allclose(got.output[0], float(scale) ** 2 * B, rtol=1e-9)


@pytest.mark.slow
def test_kronecker_factors_are_exact_where_positions_do_not_meet():
    """One output sees one position only, and one observation: `A ⊗ B` is then the matrix itself."""
    X = rng.normal(size=(2, 1, 3))
    target = Target.of(build(Network([Conv1D(2, 1), Flatten()], Gaussian(0.5)), X, rng.normal(size=2)))
    subset = Subset.of(target, ["h0_weight"])
    with target.scope():
        z = jnp.asarray(np.random.default_rng(2).normal(size=target.dim))
        data = {name: values[:1] for name, values in rows_of(target.data).items()}
        kron = jax.jit(lambda z: ggn_kron(subset, z, data))(z)["h0_weight"]
        full = jax.jit(lambda z: ggn_full(subset, z, data))(z)
    np.testing.assert_allclose(np.kron(kron.input, kron.output[0]), full[0], rtol=1e-9)
