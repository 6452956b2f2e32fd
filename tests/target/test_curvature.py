"""The curvature equals that which is written out with dense matrices."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pbnn.errors import MethodError
from pbnn.target.curvature import (
    Kron,
    Subset,
    fisher_information,
    fisher_roots,
    ggn_diag,
    ggn_full,
    ggn_kron,
    ggn_product,
    ggn_rows,
    jacobian,
    jacobian_product,
)
from pbnn.target.curvature.blocks import rows_of
from tests.graph.cases import NETS, bnn, point, target
from tests.tiers import tiers

slow = pytest.mark.slow
QUICK = ("noise learned", "two outputs")
LAYERED = ("categorical", "heteroscedastic")
"""Networks of several outputs, all of one part."""
LAYERS = ("image", "sequence", "groups")
CASES = tiers(NETS, QUICK, ["image"])
CHEAP_CASES = tiers(NETS, QUICK)
FISHER_QUICK = ("two outputs", "two heteroscedastic")
SMALL = 2000
"""Bytes: so little memory that sums go over several blocks."""


@cache
def at(name, names=None):
    """Return subset, point and inputs of a case."""
    here = target(name)
    subset = Subset.of(here, names)
    return subset, point(name), here.data["x"]


@cache
def known_information(name):
    """Return the Fisher information about the outputs, from the formulas of textbooks."""
    here, z = target(name), point(name)
    with here.scope():
        f = np.asarray(here.outputs(z, here.data["x"]))
        got = {k: np.asarray(v) for k, v in here.parameters(z, here.data["x"]).items()}
        own = {k: np.asarray(v) for k, v in here.constrain(z).items()}
    _, likelihood, _, _ = NETS[name]
    scale = np.asarray(bnn(name).response.scale)
    n, outputs = f.shape
    kind = type(likelihood).__name__
    if kind in ("Bernoulli", "Categorical"):
        p = got["p"]
        if kind == "Bernoulli":
            return (p[:, 0] * p[:, 1])[:, None, None]
        return np.eye(outputs) * p[:, None] - p[:, :, None] * p[:, None]
    if kind == "Poisson":
        return np.eye(outputs) * got["mu"].reshape(n, 1, -1)
    variance = got["variance"].reshape(n, -1)
    if kind == "StudentT":
        df = own.get("df", getattr(likelihood, "df", None))
        squared_scale = variance * (df - 2) / df
        return np.eye(outputs) * (scale**2 * (df + 1) / (df + 3) / squared_scale)[:, None]
    location = scale**2 / variance
    if likelihood.noise == "heteroscedastic":
        location = np.concatenate([location, np.full_like(location, 2)], axis=1)
    return np.eye(outputs) * location[:, None]


@cache
def dense(name, names=None):
    """Return Jacobian `(obs, outputs, dim)` and Gauss–Newton matrix, by JAX's own Jacobian of the whole network."""
    subset, z, x = at(name, names)
    with subset.target.scope():
        u = subset.take(jnp.asarray(z))
        J = np.asarray(jax.jacobian(lambda u: subset.outputs(u, z, x))(u))
    return J, np.einsum("nap,nab,nbq->pq", J, known_information(name), J)


def evaluate(name, function, *args, names=None, **kwargs):
    subset, z, _ = at(name, names)
    with subset.target.scope():
        compiled = jax.jit(lambda z, data, *args: function(subset, z, data, *args, **kwargs))
        return jax.tree.map(np.asarray, compiled(jnp.asarray(z), subset.target.data, *args))


def of_inputs(function):
    return lambda subset, z, data, *args: function(subset, z, data["x"], *args)


# ---------------------------------------------------------------------------------------------------- information


@pytest.mark.parametrize("name", tiers(NETS, FISHER_QUICK, ["student", "categorical", "poisson"]))
def test_fisher_information_is_that_of_textbooks(name):
    here, z = target(name), point(name)
    with here.scope():
        f = here.outputs(z, here.data["x"])
        got = np.asarray(fisher_information(here, f, z, here.data["y"]))
        roots = np.asarray(fisher_roots(here, f, z, here.data["y"]))
    expected = known_information(name)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())
    np.testing.assert_allclose(np.einsum("nki,nkj->nij", roots, roots), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", tiers(["two outputs", "student df learned"], ["two outputs"]))
def test_information_about_the_noise_is_that_of_a_large_sample(name):
    """Of the score's covariance over responses drawn by the model; a relative error of 10 % is planted and seen."""
    here, z = target(name), point(name)
    repeats = 40_000
    with here.scope():
        f = here.outputs(z, here.data["x"])[:1]
        exact = np.asarray(fisher_information(here, f, z, here.data["y"], own=True))[0]
        many = jnp.repeat(f, repeats, axis=0)
        y = here.draw_response_of(many, jnp.asarray(z), jax.random.PRNGKey(1)) - here._y_loc()
        mine = [v for i, v in enumerate(here.variables) if i in here.own]
        values = here.split(z)

        def log_likelihood(eta, y):
            parts, start = list(values), f.shape[1]
            for i, v in zip(here.own, mine, strict=True):
                parts[i], start = eta[start : start + v.size].reshape(v.shape), start + v.size
            data = {"y": y[None], "y_loc": here.data["y_loc"]}
            return here.log_likelihood_of(eta[None, : f.shape[1]], parts, data).sum()

        eta = jnp.concatenate([f[0], *(jnp.ravel(values[i]) for i in here.own)])
        scores = np.asarray(jax.vmap(jax.grad(log_likelihood), (None, 0))(eta, y))
    assert exact.shape == (len(eta), len(eta))
    products = np.einsum("ni,nj->nij", scores, scores)
    error = products.std(axis=0) / np.sqrt(repeats)
    assert (np.abs(products.mean(axis=0) - exact) < 4 * error).all()
    assert not (np.abs(products.mean(axis=0) - 1.1 * exact) < 4 * error).all()


# ------------------------------------------------------------------------------------------------------- products


@pytest.mark.slow
@pytest.mark.parametrize("name", CHEAP_CASES)
def test_products_are_those_of_the_dense_matrices(name):
    J, G = dense(name)
    vs = np.random.default_rng(0).normal(size=(J.shape[-1], 3))
    np.testing.assert_allclose(
        evaluate(name, of_inputs(jacobian)), J, rtol=1e-7, atol=1e-10 * np.abs(J).max()
    )
    np.testing.assert_allclose(
        evaluate(name, of_inputs(jacobian_product), vs[:, 0]),
        J @ vs[:, 0],
        rtol=1e-7,
        atol=1e-8 * np.abs(J).max(),
    )
    close = {"rtol": 1e-5, "atol": 1e-7 * np.abs(G).max()}
    np.testing.assert_allclose(evaluate(name, ggn_product, vs[:, 0]), G @ vs[:, 0], **close)
    np.testing.assert_allclose(evaluate(name, ggn_product, vs, memory=SMALL), G @ vs, **close)


# ----------------------------------------------------------------------------------------------- explicit matrices


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_matrices_are_the_dense_one(name):
    _, G = dense(name)
    close = {"rtol": 1e-5, "atol": 1e-7 * np.abs(G).max()}
    rows = evaluate(name, ggn_rows)
    np.testing.assert_allclose(rows.T @ rows, G, **close)
    for memory in (2**28, SMALL):
        np.testing.assert_allclose(evaluate(name, ggn_full, memory=memory).sum(axis=0), G, **close)
        np.testing.assert_allclose(
            evaluate(name, ggn_diag, memory=memory).sum(axis=0), np.diagonal(G), **close
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    "names",
    [("out_weight", "out_bias"), ("out_weight",), ("out_bias",), ("h0_weight", "h0_bias"), ("h0_weight",)],
)
@pytest.mark.parametrize("name", LAYERED)
def test_the_matrix_of_one_layer_is_the_dense_one(name, names):
    _, G = dense(name, names)
    for memory in (2**28, SMALL):
        found = evaluate(name, ggn_full, names=names, memory=memory)
        np.testing.assert_allclose(found[0], G, rtol=1e-5, atol=1e-7 * np.abs(G).max())


def test_each_noise_has_a_part_of_its_own():
    """Matrices of the outputs apart: those of a Jacobian with the other output's rows struck out."""
    name = "two outputs"
    J, _ = dense(name)
    information = known_information(name)
    parts = evaluate(name, ggn_full)
    diagonals = evaluate(name, ggn_diag)
    assert len(parts) == 2
    for i, part in enumerate(parts):
        G = np.einsum("np,n,nq->pq", J[:, i], information[:, i, i], J[:, i])
        np.testing.assert_allclose(part, G, rtol=1e-5, atol=1e-7 * np.abs(G).max())
        np.testing.assert_allclose(diagonals[i], np.diagonal(G), rtol=1e-5, atol=1e-7 * np.abs(G).max())


# Weights of a prior that is no location-scale family have no Kronecker factors; those that the positions of one
# observation share are several uses, whose factors are no longer exact.
KRON = [name for name in NETS if name not in ("priors", "only an embedding", "image", "sequence")]


@pytest.mark.parametrize(
    "name",
    tiers(KRON, {*QUICK} & {*KRON}),
)
def test_kronecker_factors_are_exact_for_one_observation(name):
    here = target(name)
    names = here.weights
    subset, z, _ = at(name, names)
    data = {name: values[:1] for name, values in rows_of(here.data).items()}
    with here.scope():
        blocks = jax.tree.map(np.asarray, jax.jit(lambda z: ggn_kron(subset, z, data))(jnp.asarray(z)))
        G = np.asarray(jax.jit(lambda z: ggn_full(subset, z, data))(jnp.asarray(z)))
    for name_, where in subset.slices.items():
        block = blocks[name_]
        if isinstance(block, Kron):
            block = np.stack([np.kron(block.input, output) for output in block.output])
        np.testing.assert_allclose(block, G[:, where, where], rtol=1e-6, atol=1e-8 * np.abs(G).max())


@pytest.mark.parametrize("name", ["linear", "two outputs"])
def test_kronecker_factors_are_exact_where_the_network_is_linear_to_the_end(name):
    subset, z, _ = at(name, ("out_weight", "out_bias"))
    with subset.target.scope():
        small = jax.jit(lambda z: ggn_kron(subset, z, subset.target.data, memory=SMALL))
        blocks = jax.tree.map(np.asarray, small(jnp.asarray(z)))
    G = evaluate(name, ggn_full, names=("out_weight", "out_bias"))
    kron = blocks["out_weight"]
    for part, output in enumerate(kron.output):
        where = subset.slices["out_weight"]
        np.testing.assert_allclose(np.kron(kron.input, output), G[part][where, where], rtol=1e-6, atol=1e-9)
        where = subset.slices["out_bias"]
        np.testing.assert_allclose(blocks["out_bias"][part], G[part][where, where], rtol=1e-6, atol=1e-9)


# --------------------------------------------------------------------------------------------------------- subsets


def test_a_subset_is_a_block():
    names = ("out_weight", "h0_bias")
    whole = Subset.of(target("categorical"))
    subset, _, _ = at("categorical", names)
    G = dense("categorical")[1]
    at_ = np.concatenate([np.arange(whole.dim)[whole.slices[n]] for n in subset.names])
    np.testing.assert_allclose(
        evaluate("categorical", ggn_full, names=names)[0], G[np.ix_(at_, at_)], rtol=1e-5, atol=1e-8
    )


def test_a_subset_names_what_it_knows():
    with pytest.raises(MethodError, match=r"h0_weights.*h0_weight"):
        Subset.of(target("categorical"), ["h0_weights"])


def test_weights_are_what_the_network_applies():
    assert target("noise learned").weights == ("h0_weight", "h0_bias", "out_weight", "out_bias")
    assert [target("noise learned").variables[i].name for i in target("noise learned").own] == ["noise"]
    assert target("categorical").own == ()


def test_nudges_are_added_where_the_affine_maps_end():
    here, z = target("blocks"), point("blocks")
    x = here.data["x"]
    rng = np.random.default_rng(0)
    widths = [next(v.shape[-1] for v in here.variables if v.name == a.weight) for a in bnn("blocks").affines]
    with here.scope():
        zero = [jnp.zeros((len(x), n)) for n in widths]
        _, f = here.affine_maps(z, x, zero)
        np.testing.assert_allclose(f, here.outputs(z, x), rtol=1e-10)
        step = [1e-6 * jnp.asarray(rng.normal(size=n.shape)) for n in zero]
        _, moved = here.affine_maps(z, x, step)
        # A nudge of the last map's output is one of the outputs themselves.
        _, last = here.affine_maps(z, x, [*zero[:-1], step[-1]])
        np.testing.assert_allclose(last - f, step[-1], rtol=1e-6, atol=1e-12)
        assert np.abs(np.asarray(moved - last)).max() > 1e-9


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["two outputs", pytest.param("student df learned", marks=pytest.mark.nightly)]
)
def test_with_its_own_variables_the_curvature_is_that_of_outputs_and_noise_together(name):
    subset, z, x = at(name)
    here = subset.target
    J, _ = dense(name)
    outputs = J.shape[1]
    with here.scope():
        information = np.asarray(fisher_information(here, here.outputs(z, x), z, here.data["y"], own=True))
    mine = np.concatenate([np.arange(here.dim)[subset.slices[here.variables[i].name]] for i in here.own])
    whole = np.concatenate([J, np.zeros((len(J), len(mine), here.dim))], axis=1)
    whole[:, outputs + np.arange(len(mine)), mine] = 1
    G = np.einsum("nap,nab,nbq->pq", whole, information, whole)
    close = {"rtol": 1e-5, "atol": 1e-7 * np.abs(G).max()}
    np.testing.assert_allclose(evaluate(name, ggn_full, own=True, memory=SMALL)[0], G, **close)
    np.testing.assert_allclose(evaluate(name, ggn_diag, own=True)[0], np.diagonal(G), **close)
    blocks = evaluate(name, ggn_kron, own=True)
    last = here.variables[here.own[-1]].name
    np.testing.assert_allclose(blocks[last][0], G[subset.slices[last], subset.slices[last]], **close)
