"""`prior_predict`: weights from the prior, responses by way of the same code as after a fit."""

import logging

import numpy as np
import pytest
import xarray as xr

from pbnn.errors import DataError, MethodError, ShapeError
from pbnn.graph.build import build
from pbnn.predict import predict, prior_predict
from pbnn.spec.likelihoods import Gaussian
from pbnn.spec.network import Network
from pbnn.spec.priors import Normal
from tests.predict.cases import SIGNAL, X_NEW, X, as_posterior, case


@pytest.fixture(scope="module")
def linear():
    net = Network([], Gaussian(noise=0.5), weights=Normal(scale=2.0), biases=Normal(scale=1.0))
    return build(net, X, SIGNAL)


@pytest.fixture(scope="module")
def drawn(linear):
    return prior_predict(linear, draws=2000, seed=1)


def test_groups_and_dims(drawn):
    assert set(drawn.children) == {"prior", "prior_predictive", "constant_data", "observed_data"}
    assert dict(drawn["prior_predictive"].sizes) == {"chain": 1, "draw": 2000, "obs": len(X)}
    assert drawn["prior"]["out_weight"].dims == ("chain", "draw", "feature", "out_unit")
    assert drawn["prior"].coords["feature"].values.tolist() == ["a", "b"]
    np.testing.assert_array_equal(drawn["observed_data"]["y"], SIGNAL)
    np.testing.assert_array_equal(drawn["constant_data"]["X"], X)


@pytest.mark.parametrize(("factor", "ok"), [(1.0, True), (1.2, False)])
def test_variance_is_that_of_the_prior(drawn, factor, ok):
    """A linear network with normal weights: the prior of `mu` is normal, with a variance known at each row."""
    x = (X.to_numpy() - X.mean().to_numpy()) / X.std(ddof=0).to_numpy()
    variance = SIGNAL.var() * (4.0 * (x**2).sum(axis=1) + 1.0)
    found = factor * drawn["prior_predictive"]["mu"].var(("chain", "draw")).values
    z = (found / variance - 1) / np.sqrt(2 / 2000)
    assert (np.abs(z).max() < 5) == ok
    rest = (drawn["prior_predictive"]["y"] - drawn["prior_predictive"]["mu"]).values
    z = (factor * rest.var() / 0.25 - 1) / np.sqrt(2 / rest.size)
    assert (abs(z) < 5) == ok


def test_same_seed_same_draws(linear):
    first, again = (prior_predict(linear, X_NEW, draws=5, seed=3) for _ in range(2))
    xr.testing.assert_identical(first, again)
    other = prior_predict(linear, X_NEW, draws=5, seed=4)
    assert (other["prior"]["out_weight"] != first["prior"]["out_weight"]).all()


def test_agrees_with_predict(linear):
    drawn = prior_predict(linear, X_NEW.set_axis(list("rstuvwx")), draws=6, seed=3)
    assert "observed_data" not in drawn.children
    assert drawn["prior_predictive"].coords["obs"].values.tolist() == list("rstuvwx")
    found = predict(linear, as_posterior(drawn["prior"].to_dataset(), 2), X_NEW, seed=3)["predictions"]
    np.testing.assert_array_equal(found["mu"].values.reshape(6, 7), drawn["prior_predictive"]["mu"].values[0])
    np.testing.assert_array_equal(found["y"].values.reshape(6, 7), drawn["prior_predictive"]["y"].values[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["categorical", "two outputs"])
def test_observed_data_have_the_dims_of_the_response(name):
    drawn = prior_predict(case(name).bnn, draws=8, seed=1)
    observed = drawn["observed_data"]["y"]
    assert observed.dims == drawn["prior_predictive"]["y"].dims[2:]
    np.testing.assert_array_equal(observed, case(name).bnn.model["y_data"].get_value())


def test_pymc_stays_quiet(linear, caplog):
    level = logging.getLogger("pymc.sampling.forward").level
    with caplog.at_level(logging.INFO, "pymc"):
        prior_predict(linear, X_NEW, draws=2, seed=1)
    assert not caplog.records
    assert logging.getLogger("pymc.sampling.forward").level == level


def test_bad_input(linear):
    with pytest.raises(MethodError, match="draws must be a whole number >= 1; got 0"):
        prior_predict(linear, draws=0)
    with pytest.raises(MethodError, match="must be a BNN"):
        prior_predict(linear.model)
    with pytest.raises(ShapeError, match="prior_predict: X must have shape"):
        prior_predict(linear, np.zeros((2, 3)))
    with pytest.raises(DataError, match=r"prior_predict: 100 draws at 7 rows take .* GB"):
        prior_predict(linear, X_NEW, draws=100, memory=100)
