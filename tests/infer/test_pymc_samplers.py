"""Other people's samplers give the same posterior in the same layout."""

import jax
import numpy as np
import pytest
from arviz_stats import mcse

from pbnn.infer import NUTS, PymcADVI, fit
from tests.exact import LinearGaussian

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def linear():
    return LinearGaussian.simulate(n=30, n_in=2)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("pymc", marks=pytest.mark.nightly),
        "nutpie",
        pytest.param("numpyro", marks=pytest.mark.nightly),
    ],
)
def sampled(linear, request):
    pytest.importorskip(request.param)
    method = NUTS(draws=300, tune=300, chains=2, sampler=request.param, max_treedepth=3)
    return method, fit(linear.bnn, method, seed=1, progress=False)


def test_layout(sampled):
    method, tree = sampled
    assert dict(tree["posterior"].sizes) == {"chain": 2, "draw": 300, "feature": 2, "out_unit": 1}
    assert {"lp", "diverging", "energy", "step_size", "n_steps"} <= set(tree["sample_stats"].data_vars)
    assert tree.attrs["method"] == "nuts"
    assert f'"sampler": "{method.sampler}"' in tree.attrs["options"]
    assert tree["posterior"]["out_weight"].dtype == np.float64


def test_options_arrive(sampled):
    assert int(sampled[1]["sample_stats"]["n_steps"].max()) <= 7


@pytest.mark.parametrize(("bias", "ok"), [(0.0, True), (0.4, False)])
def test_posterior(sampled, linear, bias, ok):
    weights = sampled[1]["posterior"]["out_weight"][..., 0]
    sd = np.sqrt(np.diag(linear.covariance))[:2]
    error = (weights.mean(("chain", "draw")) + bias * sd - linear.mean[:2]) / mcse(weights.to_dataset())[
        "out_weight"
    ]
    assert bool((abs(error) < 4.5).all()) == ok


def test_flags_are_left_as_found(sampled):
    assert jax.config.jax_enable_x64 is False


@pytest.mark.parametrize("structure", ["meanfield", pytest.param("fullrank", marks=pytest.mark.nightly)])
def test_pymc_advi(linear, structure):
    tree = fit(linear.bnn, PymcADVI(structure, draws=2000, steps=8000), seed=1, progress=False)
    assert (tree.attrs["method"], tree.attrs["sampling"]) == ("pymc-advi", "approximate")
    assert "converged" not in tree.attrs
    elbo = tree["optimization"]["elbo"].values
    assert elbo.shape == (8000,)
    assert elbo[-1000:].mean() > elbo[:1000].mean()
    # Its default learning rate is small: after 8000 steps it is on its way.
    sd = np.sqrt(np.diag(linear.covariance))[:2]
    weights = tree["posterior"]["out_weight"][0, :, :, 0].mean("draw")
    assert (abs(weights - linear.mean[:2]) < 3 * sd).all()
