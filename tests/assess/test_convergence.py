import json

import jax
import numpy as np
import pytest
import xarray as xr
from arviz_stats.base import array_stats
from scipy.stats import multivariate_normal

from pbnn.assess import diagnose
from pbnn.errors import DataError, ModelError, ShapeError
from pbnn.target import Target


def with_stats(idata, attrs=None, **stats):
    shape = ("chain", "draw")
    tree = xr.DataTree.from_dict(
        {
            "posterior": idata["posterior"].to_dataset(),
            "sample_stats": xr.Dataset({name: (shape, values) for name, values in stats.items()}),
        }
    )
    tree.attrs = attrs or {}
    return tree


def weights_of(linear, chains=4, draws=500, seed=0):
    rng = np.random.default_rng(seed)
    return rng.multivariate_normal(linear.mean, linear.covariance, size=(chains, draws))


@pytest.mark.parametrize(("apart", "trust"), [(0.0, "yes"), (0.5, "caution"), (3.0, "no")])
def test_separated_chains_are_found(linear, apart, trust):
    weights = weights_of(linear)
    weights[1, :, -1] += apart * np.sqrt(linear.covariance[-1, -1])
    got = diagnose(linear.bnn, linear.tree(weights))
    assert got.attrs["trust"] == trust, got.attrs["verdict"]
    assert (got.attrs["r_hat_max"] > 1.01) == (trust != "yes")


def test_statistics_are_those_of_the_predictions(linear):
    got = diagnose(linear.bnn, linear.draws(), linear.X[:7])
    mean, sd = linear.function(linear.X[:7])
    assert (abs(got["mean"] - mean) < 5 * got["mcse_mean"]).all()
    assert (abs(got["sd"] - sd) < 5 * got["mcse_sd"]).all()
    np.testing.assert_allclose(got["mcse_mean"], sd / 2000**0.5, rtol=0.3)
    weights = linear.draws()["posterior"]
    mu = weights["out_weight"].to_numpy()[..., 0] @ linear.X[:7].T + weights["out_bias"].to_numpy()
    np.testing.assert_allclose(got["r_hat"], array_stats.rhat(np.moveaxis(mu, -1, 0)), rtol=1e-5)
    np.testing.assert_allclose(got["ess_bulk"], array_stats.ess(np.moveaxis(mu, -1, 0)), rtol=1e-3)


def test_chains_that_differ_in_weights_but_not_in_function_agree(classifier, scatter):
    idata = scatter(classifier, chains=4, draws=150, spread=0.05)
    swapped = idata["posterior"].to_dataset().copy(deep=True)
    order = [2, 3, 0, 1]
    swapped["h0_weight"][1] = swapped["h0_weight"][1, :, :, order]
    swapped["h0_bias"][1] = swapped["h0_bias"][1][:, order]
    swapped["out_weight"][1] = swapped["out_weight"][1][:, order]
    assert float(np.max(array_stats.rhat(np.moveaxis(swapped["h0_bias"].to_numpy(), -1, 0)))) > 1.5
    got = diagnose(classifier, xr.DataTree.from_dict({"posterior": swapped}))
    assert got["r_hat"].dims == ("obs", "class")
    assert got["class"].values.tolist() == list(classifier.response.classes)
    assert got.attrs["r_hat_max"] < 1.02


def test_inputs_are_training_rows_evenly_spaced_or_those_given(linear):
    idata = linear.draws(draws=20)
    assert diagnose(linear.bnn, idata, max_points=5)["obs"].values.tolist() == [0, 10, 20, 29, 39]
    assert diagnose(linear.bnn, idata, linear.X[:3]).sizes["obs"] == 3
    assert diagnose(linear.bnn, idata, np.tile(linear.X, (10, 1))).sizes["obs"] == 100


@pytest.mark.slow
def test_several_outputs_have_a_dimension(two_outputs, scatter):
    got = diagnose(two_outputs, scatter(two_outputs, chains=4, draws=150))
    assert got["r_hat"].dims == ("obs", "output")
    assert got["noise_r_hat"] < 1.05


def test_noise_that_disagrees_is_found(two_outputs, scatter):
    posterior = scatter(two_outputs, chains=4, draws=150)["posterior"].to_dataset()
    posterior["noise"][1] *= 1.5
    got = diagnose(two_outputs, xr.DataTree.from_dict({"posterior": posterior}))
    assert got.attrs["r_hat_max"] < 1.05 < got["noise_r_hat"]
    assert "disagree on the noise" in got.attrs["verdict"]


def test_a_frozen_chain_is_named(linear):
    weights = weights_of(linear)
    weights[2] = weights[2, :1]
    got = diagnose(linear.bnn, linear.tree(weights))
    assert got.attrs["trust"] == "no"
    assert "chain 2 stands still" in got.attrs["verdict"]


def test_draws_that_are_not_finite_are_counted(linear):
    weights = weights_of(linear)
    weights[0, :3, 0] = np.nan
    got = diagnose(linear.bnn, linear.tree(weights))
    assert got.attrs["trust"] == "no"
    assert "3 of 2,000 draws give predictions that are not finite" in got.attrs["verdict"]


@pytest.mark.parametrize(
    ("chains", "draws", "words"), [(4, 3, "3 draws in a chain are"), (1, 1, "1 draw in a chain is")]
)
def test_too_few_draws_give_no_verdict(linear, chains, draws, words):
    got = diagnose(linear.bnn, linear.draws(chains=chains, draws=draws))
    assert got.attrs["trust"] == "no"
    assert got.attrs["verdict"] == f"No verdict: {words} too few to compute R-hat."
    assert np.isnan(got["r_hat"]).all()


def test_one_chain_is_compared_with_itself(linear):
    weights = weights_of(linear, chains=1, draws=2000)
    assert diagnose(linear.bnn, linear.tree(weights)).attrs["trust"] == "caution"
    weights[:, 1000:, -1] += np.sqrt(linear.covariance[-1, -1])
    got = diagnose(linear.bnn, linear.tree(weights))
    assert got.attrs["trust"] == "no"
    assert "the parts of the chain disagree" in got.attrs["verdict"]


def test_what_the_sampler_tells_is_counted(linear):
    rng = np.random.default_rng(0)
    depth = np.where(np.arange(500) < 100, 8, 4) * np.ones((4, 1))
    idata = with_stats(
        linear.draws(),
        {"sampling": "mcmc", "method": "nuts", "options": '{"max_treedepth": 8}', "interrupted": 1},
        lp=rng.normal(size=(4, 500)),
        diverging=rng.uniform(size=(4, 500)) < 0.02,
        tree_depth=depth,
        energy=np.cumsum(rng.normal(size=(4, 500)), axis=1),
    )
    attrs = diagnose(linear.bnn, idata).attrs
    assert attrs["divergence_share"] == attrs["divergences"] / 2000
    assert attrs["max_treedepth_share"] == 0.2
    assert attrs["bfmi_min"] < 0.3
    assert attrs["log_density_r_hat"] < 1.01
    assert [level for level, _ in json.loads(attrs["findings"])][:3] == ["caution"] * 3
    assert all(isinstance(value, str | int | float) for value in attrs.values())


@pytest.mark.parametrize(("shrink", "trust"), [(1.0, "yes"), (0.4, "caution")])
def test_importance_weights_judge_an_approximation(linear, shrink, trust):
    covariance = shrink**2 * linear.covariance
    rng = np.random.default_rng(1)
    weights = rng.multivariate_normal(linear.mean, covariance, size=(1, 1000))
    target = Target.of(linear.bnn)
    idata = linear.tree(weights)
    z = np.asarray(target.draws(idata["posterior"].to_dataset()))
    log_q = multivariate_normal(linear.mean, covariance).logpdf(weights[0])[None]
    with target.scope():
        lp = np.asarray(jax.jit(jax.vmap(target.log_density))(z[0]))[None]
    attrs = {"sampling": "approximate", "method": "advi", "converged": 1, "message": "It stopped rising."}
    got = diagnose(linear.bnn, with_stats(idata, attrs, lp=lp, log_q=log_q))
    assert got.attrs["trust"] == trust, got.attrs["verdict"]
    assert (got.attrs["k_hat"] < 0.5) == (trust == "yes")
    assert np.isnan(got["r_hat"]).all()
    assert (got["ess_bulk"] > 500).all()


def test_a_point_says_that_it_knows_no_uncertainty(linear):
    idata = with_stats(
        linear.tree(linear.mean[None, None]),
        {"sampling": "approximate", "method": "map", "converged": 1},
        lp=np.zeros((1, 1)),
    )
    got = diagnose(linear.bnn, idata)
    assert got.attrs["trust"] == "caution"
    assert "one point, the mode" in got.attrs["verdict"]
    np.testing.assert_allclose(got["mean"], linear.function(linear.X)[0], rtol=1e-4, atol=1e-5)
    assert np.isnan(got["sd"]).all()


def test_unsuitable_input_is_refused_in_words(linear, classifier):
    idata = linear.draws(draws=5)
    with pytest.raises(ShapeError, match=r"diagnose: X must have shape \(obs, 3\)"):
        diagnose(linear.bnn, idata, linear.X[:, :2])
    with pytest.raises(DataError, match="diagnose: X is empty"):
        diagnose(linear.bnn, idata, linear.X[:0])
    with pytest.raises(ModelError, match="fit of another model"):
        diagnose(classifier, idata)
    with pytest.raises(ModelError, match=r"diagnose: .* must be what pbnn\.build returned"):
        diagnose(linear.bnn.model, idata)
