"""Methods that know the prior's curvature know that of every hierarchy: against dense Hessians."""

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

import pbnn
from pbnn import likelihoods, priors
from pbnn.errors import MethodError
from pbnn.infer.laplace.evidence import Hyperparameters, log_evidence
from pbnn.infer.laplace.structures import builder
from pbnn.infer.prior_curvature import LEAST, prior_curvature
from pbnn.target import Target
from pbnn.target.curvature import Subset
from pbnn.target.curvature.explicit import n_parts
from tests.tiers import tiers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
Y = X[:, 0] + 0.1 * RNG.normal(size=30)
PRIORS = {
    "ard": priors.ARD(),
    "horseshoe": priors.Horseshoe(0.5),
    "spike and slab": priors.SpikeSlab(0.5),
    "r2d2": priors.R2D2(),
    "matrix normal": priors.MatrixNormal(),
    "per unit": priors.Normal(scale=priors.HalfNormal(priors.HalfNormal(1.0), per="unit")),
    "network": priors.Normal(scale=priors.LogNormal(priors.FanIn(), per="network")),
    "pretrained": priors.Pretrained(RNG.normal(size=(3, 2)), priors.HalfNormal(0.3)),
}


def target_of(prior):
    first = pbnn.Dense(2, weight=None if prior.__class__ is priors.Normal else prior)
    default = prior if prior.__class__ is priors.Normal else priors.Normal()
    return Target.of(pbnn.build(pbnn.Network([first], likelihoods.Gaussian(0.3), weights=default), X, Y))


@pytest.mark.slow
@pytest.mark.parametrize("name", tiers(PRIORS, ["ard", "pretrained"], ["r2d2"]))
def test_the_prior_of_unconstrained_variables_is_a_product(name):
    """Weights and all their scales together: the Hessian is diagonal, and the diagonal is that of the dense one."""
    target = target_of(PRIORS[name])
    whole = Subset.of(target)
    z = 0.5 * np.random.default_rng(1).normal(size=target.dim)
    with target.scope():
        dense = -np.asarray(jax.hessian(target.log_prior)(jax.numpy.asarray(z)))
    assert_allclose(dense, np.diag(np.diag(dense)), atol=1e-12)
    found = prior_curvature(whole)(z)
    bends = np.diag(dense) >= LEAST
    assert_allclose(found[bends], np.diag(dense)[bends], rtol=1e-10)
    weights = Subset.of(target, target.weights)
    assert_allclose(prior_curvature(weights)(z), 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", tiers([n for n in PRIORS if n != "pretrained"], ["horseshoe"]))
def test_the_scales_are_hyperparameters_of_the_evidence(name):
    """All auxiliary variables are found; what they do to curvature and density is that of a curvature taken anew."""
    target = target_of(PRIORS[name])
    subset = Subset.of(target, target.weights)
    hyper = Hyperparameters(subset, tied=False)
    assert set(hyper.names) == {v.name for v in target.variables} - set(target.weights)
    z = 0.5 * np.random.default_rng(2).normal(size=target.dim)
    theta = hyper.of(z)
    moved = theta + 0.3 * np.random.default_rng(3).normal(size=len(theta))
    build = builder(subset, "full", 1, 10**9)
    prior = prior_curvature(subset)
    ones = np.ones(n_parts(subset))

    def evidence(theta):
        point = hyper.at(z, theta)[0]
        return log_evidence(point, build(z).gaussian(point.c, point.shrink * prior(z)))

    # From there, with a curvature of its own. The two measure volumes on scales that differ by the weights' growth.
    there = hyper.moved(z, moved)
    again = hyper.at(there, moved)[0]
    anew = log_evidence(again, build(there).gaussian(ones, prior(there)))
    assert_allclose(evidence(moved), anew, rtol=1e-8)


def test_kronecker_factors_are_refused_where_inputs_have_scales():
    bnn = target_of(PRIORS["ard"]).bnn
    with pytest.raises(
        MethodError, match=r"structure 'kron': the prior of h0_weight is not one of location and sc"
    ):
        pbnn.fit(bnn, pbnn.Laplace("kron", steps=20), seed=1, progress=False)


@pytest.mark.parametrize("method", [pbnn.MAP(), pbnn.Laplace()], ids=lambda m: type(m).__name__)
def test_a_funnel_has_no_mode(method):
    bnn = target_of(priors.Normal(scale=priors.HalfNormal(1.0, per="input"), centered=True)).bnn
    with pytest.raises(
        MethodError, match=r"h0_weight is centred.* its scale h0_weight_scale is learned, so that"
    ):
        pbnn.fit(bnn, method, seed=1, progress=False)


@pytest.mark.nightly
@pytest.mark.parametrize("structure", ["full", "diag"])
def test_laplace_tunes_the_scales_of_inputs(structure):
    bnn = target_of(PRIORS["ard"]).bnn
    idata = pbnn.fit(bnn, pbnn.Laplace(structure, draws=50), seed=1, progress=False)
    table = pbnn.relevance(bnn, idata)
    assert int(table["rank"][0]) == 1
    assert float(table["mean"][0]) > 0.8


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    [
        pbnn.ADVI(steps=300, draws=20),
        pytest.param(pbnn.GaussNewtonVI(draws=20), marks=pytest.mark.nightly),
        pytest.param(pbnn.NUTS(draws=10, tune=20, chains=1), marks=pytest.mark.nightly),
        pbnn.MCLMC(draws=10, chains=1, tune=400, thin=2),
    ],
    ids=lambda m: type(m).__name__,
)
def test_methods_take_a_hierarchy(method):
    bnn = target_of(PRIORS["horseshoe"]).bnn
    idata = pbnn.fit(bnn, method, seed=1, progress=False)
    assert np.isfinite(idata["posterior"]["h0_weight_local"]).all()
    assert idata["posterior"]["h0_weight_local"].dims == ("chain", "draw", "feature")
