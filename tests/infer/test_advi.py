"""ADVI: an unbiased objective, and the exact posterior where the family holds it."""

import jax
import numpy as np
import pytest

import pbnn
from pbnn import likelihoods, priors
from pbnn.errors import MethodError
from pbnn.infer.advi import elbo
from pbnn.infer.gaussian import FAMILIES
from pbnn.target import Target

NOISE = 0.5


@pytest.fixture(scope="module")
def linear():
    """Return a linear network with known noise, and its exact posterior: mean and covariance of (weights, bias)."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(60, 3))
    y = X @ [1.0, -2.0, 0.5] + 0.3 + NOISE * rng.normal(size=60)
    prior = priors.Normal(scale=1.0)
    net = pbnn.Network([], likelihoods.Gaussian(noise=NOISE), weights=prior, biases=prior)
    design = np.column_stack([X, np.ones(60)])
    covariance = np.linalg.inv(design.T @ design / NOISE**2 + np.eye(4))
    return pbnn.build(net, X, y, standardize=False), covariance @ design.T @ y / NOISE**2, covariance


@pytest.mark.slow
@pytest.mark.parametrize("biased", [False, True])
def test_minibatches_estimate_the_same_elbo(linear, biased):
    bnn, *_ = linear
    method = pbnn.ADVI(batch_size=7, precision="float64")
    target = Target.of(bnn, "float64")
    n = 20_000
    with target.scope():
        family = FAMILIES["meanfield"](method)
        params = family.init(jax.numpy.full(target.dim, 0.3))
        keys = jax.random.split(jax.random.PRNGKey(1), n)
        full, mini = (
            np.asarray(jax.jit(jax.vmap(elbo(m, target, family), (None, 0, None)))(params, keys, target.data))
            for m in (pbnn.ADVI(precision="float64"), method)
        )
    mini = mini * (1.02 if biased else 1.0)
    error = np.hypot(full.std(), mini.std()) / np.sqrt(n)
    assert bool(abs(full.mean() - mini.mean()) < 5 * error) is not biased


@pytest.mark.slow
@pytest.mark.parametrize("structure", ["fullrank", "lowrank"])
def test_finds_the_exact_posterior(linear, structure):
    bnn, mean, covariance = linear
    # Rank 3 beside a diagonal holds any covariance of four weights.
    draws = 20_000
    method = pbnn.ADVI(structure, draws=draws, samples=4, rank=3, precision="float64")
    tree = pbnn.fit(bnn, method, seed=2, progress=False)
    posterior = tree["posterior"]
    z = np.column_stack([posterior["out_weight"].values[0, :, :, 0], posterior["out_bias"].values[0]])
    sd = np.sqrt(np.diag(covariance))
    # Where the approximation is exact, log p - log q is one constant: the evidence.
    assert float((tree["sample_stats"]["lp"] - tree["sample_stats"]["log_q"]).std()) < 0.05
    np.testing.assert_allclose(z.mean(axis=0), mean, atol=0.05 * sd.max())
    np.testing.assert_allclose(z.std(axis=0), sd, rtol=0.02 + 4 / np.sqrt(2 * draws))
    assert tree.attrs["converged"] == 1


@pytest.mark.slow
def test_evidence_is_reached(linear):
    bnn, *_ = linear
    tree = pbnn.fit(bnn, pbnn.ADVI("fullrank", precision="float64"), seed=3, progress=False)
    X, y = bnn.model["X"].get_value(), bnn.model["y_data"].get_value()
    design = np.column_stack([X, np.ones(len(X))])
    marginal = NOISE**2 * np.eye(len(y)) + design @ design.T
    evidence = -0.5 * (y @ np.linalg.solve(marginal, y) + np.linalg.slogdet(2 * np.pi * marginal)[1])
    bound = float((tree["sample_stats"]["lp"] - tree["sample_stats"]["log_q"]).mean())
    assert bound == pytest.approx(evidence, abs=0.05)


@pytest.mark.slow
def test_minibatches_fit(linear):
    bnn, mean, covariance = linear
    tree = pbnn.fit(bnn, pbnn.ADVI("fullrank", batch_size=20, draws=4000), seed=4, progress=False)
    weights = tree["posterior"]["out_weight"].values[0, :, :, 0].mean(axis=0)
    np.testing.assert_allclose(weights, mean[:3], atol=0.5 * np.sqrt(np.diag(covariance)).max())


def test_a_budget_too_small_says_so(linear):
    bnn, *_ = linear
    tree = pbnn.fit(bnn, pbnn.ADVI(steps=500), seed=1, progress=False)
    assert tree.attrs["converged"] == 0
    assert "still be rising" in tree.attrs["message"]
    assert tree["optimization"].sizes["step"] == 500


def test_batch_larger_than_the_data(linear):
    with pytest.raises(MethodError, match=r"batch_size is 61 and there are 60 rows"):
        pbnn.fit(linear[0], pbnn.ADVI(batch_size=61), seed=1, progress=False)
