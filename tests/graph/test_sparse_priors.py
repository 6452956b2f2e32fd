"""Priors of weights mean what their formulas say: densities, draws, names, and what is refused."""

import jax
import numpy as np
import pymc as pm
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from pbnn.errors import SpecError
from pbnn.graph.build import build
from pbnn.graph.nn import nn
from pbnn.graph.priors import Site, draw_prior
from pbnn.spec.layers import Dense
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network
from pbnn.spec.priors import (
    ARD,
    R2D2,
    FanIn,
    HalfNormal,
    Horseshoe,
    Laplace,
    LogNormal,
    MatrixNormal,
    Normal,
    Pretrained,
    PyMC,
    RelevantInputs,
    SpikeSlab,
)
from pbnn.target import Target
from tests.graph.reference_priors import Density, weights

SHAPE = (4, 3)
MEAN = np.random.default_rng(0).normal(size=SHAPE)
PRIORS = {
    "per input": Normal(0.3, HalfNormal(0.5, per="input")),
    "per unit": Laplace(scale=LogNormal(FanIn(2.0), sigma=0.5, per="unit")),
    "per input around one": Normal(scale=HalfNormal(LogNormal(FanIn(), sigma=0.7), per="input")),
    "per unit around one": Normal(scale=LogNormal(HalfNormal(0.3), sigma=0.7, per="unit")),
    "per input around as many": Normal(scale=HalfNormal(HalfNormal(0.3, per="input"), per="input")),
    "network": Normal(scale=LogNormal(FanIn(0.5), sigma=0.7, per="network")),
    "network, no fan-in": Normal(scale=HalfNormal(0.5, per="network")),
    "centred": Normal(0.2, HalfNormal(0.5, per="input"), centered=True),
    "ard": ARD(),
    "ard, fixed": ARD(LogNormal(0.3, sigma=2.0)),
    "horseshoe": Horseshoe(0.2, slab_scale=None),
    "horseshoe, regularised": Horseshoe(RelevantInputs(2, rows=50), slab_scale=FanIn(2.0), slab_df=3.0),
    "horseshoe, each weight": Horseshoe(FanIn(0.3), each="weight"),
    "spike and slab": SpikeSlab(1.5, spike=0.05, included=0.2),
    "spike and slab, each weight": SpikeSlab(HalfNormal(0.5), sharpness=2.0, each="weight"),
    "r2d2": R2D2(0.3, precision=5.0, concentration=0.4),
    "r2d2, scale learned": R2D2(scale=HalfNormal(2.0)),
    "matrix normal": MatrixNormal(LogNormal(0.4), row=0.7, column=1.3),
    "pretrained": Pretrained(MEAN, 0.2),
    "pretrained, scales": Pretrained(MEAN, 0.1 + MEAN**2),
    "pretrained, scale learned": Pretrained(MEAN, HalfNormal(0.2, per="unit")),
    "gumbel": PyMC("Gumbel", mu=0.2, beta=0.7),
    "gamma": PyMC("Gamma", alpha=2.0, beta=3.0),
}


def model_of(prior, shape=SHAPE, **where):
    coords = {"feature": list("abcdefgh"[: shape[0]]), "unit": list(range(shape[1]))}
    with pm.Model(coords=coords) as model:
        draw_prior(prior, Site("w", ("feature", "unit"), shape[0], **{"shared": "weight"} | where))
    return model


def target_of(name, precision="float64"):
    return Target.of(model_of(PRIORS[name]), precision)


def reference(prior, target, z):
    at = Density({k: np.asarray(v) for k, v in target.unravel(z).items()}, SHAPE)
    value = weights(prior, at)
    assert at.used == set(at.z), "a variable has no meaning"
    return at.value, value


@pytest.mark.slow
@pytest.mark.parametrize("name", PRIORS)
def test_log_density_is_that_of_the_formula(name):
    target = target_of(name)
    z = 0.7 * np.random.default_rng(1).normal(size=target.dim)
    expected, values = reference(PRIORS[name], target, z)
    with target.scope():
        got, found = jax.jit(lambda z: (target.log_prior(z), target.constrain(z)["w"]))(z)
    # PyTensor has PyMC's log(2) of a half-Cauchy in float32: a constant, wrong by 2e-9 for each variable.
    assert_allclose(got, expected, rtol=1e-9 if "horseshoe" in name else 1e-10)
    assert_allclose(found, values, rtol=1e-10, atol=1e-12)
    assert abs(reference(PRIORS[name], target, z + 1e-6)[0] - expected) > 1e-9 * abs(expected)


@pytest.mark.parametrize("name", ["horseshoe, regularised", "spike and slab", "r2d2"])
def test_float32_follows_float64_into_the_tails(name):
    z = 8.0 * np.random.default_rng(2).normal(size=target_of(name).dim)
    z[-SHAPE[0] * SHAPE[1] :] /= 8
    exact, rough = target_of(name), target_of(name, "float32")
    with rough.scope():
        value, slope = jax.value_and_grad(rough.log_prior)(z.astype("float32"))
    with exact.scope():
        expected, expected_slope = jax.value_and_grad(exact.log_prior)(z)
    assert_allclose(value, expected, rtol=1e-4)
    assert_allclose(slope, expected_slope, rtol=1e-3, atol=1e-3)


COVERAGE = np.array([0.25, 0.5, 0.75])


def levels_reached(draws, quantiles):
    """Return by how many standard errors the shares below exact quantiles are off."""
    share = (draws[:, None] < quantiles).mean(0)
    return (share - COVERAGE) / np.sqrt(COVERAGE * (1 - COVERAGE) / len(draws))


DRAWN = {
    "horseshoe": ("w_global", stats.halfcauchy(scale=0.2)),
    "horseshoe, regularised": ("w_slab", stats.invgamma(1.5, scale=1.5)),
    "r2d2": ("w_r2", stats.beta(1.5, 3.5)),
    "ard, fixed": ("w_local", stats.lognorm(2.0, scale=0.3)),
    "spike and slab": ("w_gate", None),
    "gumbel": ("w", stats.gumbel_r(0.2, 0.7)),
}


@pytest.mark.parametrize("name", DRAWN)
def test_draws_have_the_quantiles_of_the_distribution(name):
    variable, exact = DRAWN[name]
    model = model_of(PRIORS[name])
    draws = pm.draw(model[variable], 2000, random_seed=1)
    draws = draws.reshape(2000, -1)[:, 0]  # the first only: others share scales with it
    if exact is None:
        quantiles = 1 / (1 + np.exp(-stats.norm.ppf(COVERAGE, 3.0 * stats.norm.ppf(0.2), 3.0)))
    else:
        quantiles = exact.ppf(COVERAGE)
    assert np.abs(levels_reached(draws, quantiles)).max() < 5
    assert np.abs(levels_reached(draws * 1.5 + 0.1, quantiles)).max() > 5


def test_a_slab_bounds_what_escapes():
    """With a wide global scale the weights are those of the slab, which is a Student t."""
    model = model_of(Horseshoe(1e6, slab_scale=0.5, slab_df=4.0))
    draws = pm.draw(model["w"], 2000, random_seed=2)[:, 0, 0]
    quantiles = stats.t(4.0, scale=0.5).ppf(COVERAGE)
    assert np.abs(levels_reached(draws, quantiles)).max() < 5
    assert np.abs(levels_reached(1.5 * draws, quantiles)).max() > 5


def test_half_the_gates_at_a_half_are_open():
    gates = pm.draw(model_of(SpikeSlab(included=0.2))["w_gate"], 2000, random_seed=3)[:, 0]
    assert abs((gates > 0.5).mean() - 0.2) < 5 * np.sqrt(0.2 * 0.8 / 2000)


def test_shares_are_dirichlet():
    shares = pm.draw(model_of(R2D2(concentration=0.4))["w_share"], 2000, random_seed=4)
    assert_allclose(shares.sum(1), 1)
    exact = stats.beta(0.4, 3 * 0.4)  # the marginal of Dirichlet(0.4, ..., 0.4) with 4 parts
    assert np.abs(levels_reached(shares[:, 0], exact.ppf(COVERAGE))).max() < 5


# ----------------------------------------------------------------------------------------------- in a network

X = np.random.default_rng(0).normal(size=(20, 4))
Y = X[:, 0]


def net(**options):
    return Network([Dense(3)], Gaussian(1.0), **options)


def names_and_dims(bnn):
    return {v.name: bnn.model.named_vars_to_dims.get(v.name, ()) for v in bnn.model.free_RVs}


def test_auxiliary_variables_have_names_and_dims():
    found = names_and_dims(build(net(weights=Horseshoe()), X, Y))
    assert found["h0_weight_local"] == ("feature",)
    assert found["out_weight_local"] == ("h0_unit",)
    assert found["h0_weight_global"] == found["h0_weight_slab"] == ()
    assert found["h0_weight"] == ("feature", "h0_unit")


def test_a_scale_of_the_network_is_one_variable():
    bnn = build(net(weights=Normal(scale=LogNormal(FanIn(), per="network"))), X, Y)
    assert [n for n in names_and_dims(bnn) if "scale" in n] == ["weight_scale"]
    assert "weight_scale" in str(bnn)
    drawn = pm.draw([bnn.model["h0_weight"].owner.inputs[-1], bnn.model["out_weight"].owner.inputs[-1]])
    assert_allclose(drawn[0] * np.sqrt(4), drawn[1] * np.sqrt(3))


def test_a_network_in_a_model_of_yours_shares_under_its_own_name():
    with pm.Model() as model:
        for name in ("f", "g"):
            nn(name, X, [Dense(3)], weights=Normal(scale=HalfNormal(per="network")))
    assert {"f_weight_scale", "g_weight_scale"} <= set(model.named_vars)


@pytest.mark.slow
def test_scales_of_inputs_start_at_their_centres():
    """Draws from a half-Cauchy prior may be huge; weights differ between starts."""
    target = Target.of(build(net(weights=Horseshoe(0.3)), X, Y))
    starts = [target.unravel(z) for z in target.starts(2, seed=1)]
    for start in starts:
        assert_allclose(start["h0_weight_local_log__"], 0, atol=1e-12)
        assert_allclose(start["h0_weight_global_log__"], np.log(0.3))
    assert np.abs(starts[0]["h0_weight_noncentered__"] - starts[1]["h0_weight_noncentered__"]).max() > 0.1


def test_a_layer_may_have_a_prior_of_its_own():
    layers = [
        Dense(3, weight=ARD(), bias=Laplace()),
        Dense(2, weight=Normal(scale=HalfNormal(), centered=True)),
    ]
    found = names_and_dims(build(Network(layers, Gaussian(1.0)), X, Y))
    assert "h0_weight_local" in found
    assert "h1_weight_scale" in found
    assert "out_weight_local" not in found


REFUSED = {
    "network scale in a layer": (
        Dense(3, weight=Normal(scale=HalfNormal(per="network"))),
        r"h0_weight: per='network' is for the priors that layers share, Network\(weights=",
    ),
    "input scale of a bias": (
        Dense(3, bias=Normal(scale=HalfNormal(per="input"))),
        r"h0_bias: a scale for each input needs a matrix of weights",
    ),
    "horseshoe of a bias": (Dense(3, bias=Horseshoe()), r"h0_bias: a scale for each input needs a matrix"),
    "level of what is no scale": (
        Dense(3, weight=HalfNormal(per="unit")),
        r"h0_weight: per='unit' says where a learned scale of weights varies, as in priors\.Normal\(scale=",
    ),
    "too many relevant inputs": (
        Dense(3, weight=Horseshoe(RelevantInputs(4, rows=20))),
        r"h0_weight: RelevantInputs expects 4 inputs that matter, of 4; it must be fewer",
    ),
    "pretrained of another shape": (
        Dense(3, weight=Pretrained(MEAN.T)),
        r"h0_weight: Pretrained holds weights of shape \(3, 4\); this layer has \(4, 3\), feature by h0_unit",
    ),
    "no distribution": (
        Dense(3, weight=PyMC("Gumble", mu=0)),
        r"h0_weight: PyMC has no distribution 'Gumble'\. Did you mean 'Gumbel'\?",
    ),
    "no distribution but a class": (Dense(3, weight=PyMC("Model")), r"PyMC has no distribution 'Model'"),
    "of other distributions": (
        Dense(3, weight=PyMC("LogitNormal", mu=0)),
        r"pm\.LogitNormal is not .* class of",
    ),
    "discrete": (Dense(3, weight=PyMC("Poisson", mu=1)), r"pm\.Poisson is not a continuous distribution"),
    "multivariate": (
        Dense(3, weight=PyMC("MvNormal", mu=1)),
        r"h0_weight: pm\.MvNormal",
    ),
    "unknown parameter": (
        Dense(3, weight=PyMC("Gumbel", mu=0, sigma=1)),
        r"pm\.Gumbel has no parameter 'sigma'; it takes mu, beta",
    ),
    "missing parameter": (Dense(3, weight=PyMC("Gumbel", mu=0)), r"pm\.Gumbel refuses its parameters, mu=0"),
    "negative parameter": (
        Dense(3, weight=PyMC("Gumbel", mu=0, beta=-1)),
        r"pm\.Gumbel refuses its parameters, mu=0, beta=-1: beta > 0",
    ),
}


@pytest.mark.parametrize(("layer", "message"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_named(layer, message):
    with pytest.raises(SpecError, match=message):
        build(Network([layer], Gaussian(1.0)), X, Y)


def test_noise_has_no_level():
    with pytest.raises(SpecError, match=r"noise: per='input' says where a learned scale of weights varies"):
        build(Network([], Gaussian(HalfNormal(1.0, per="input"))), X, Y)
