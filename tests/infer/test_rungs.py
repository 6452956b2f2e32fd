"""Fits that stop on the way and go on from their store."""

import numpy as np
import pytest

import pbnn
from pbnn import likelihoods
from pbnn.errors import MethodError, ModelError
from pbnn.infer.rungs import fit_up_to

X = np.linspace(-1, 1, 20)[:, None]
Y = X[:, 0] + 0.3 * np.sin(9 * X[:, 0])


def model(y=Y):
    return pbnn.build(pbnn.Network([], likelihoods.Gaussian()), X, y)


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    [
        pbnn.SGMCMC(draws=60, chains=2, thin=2, tune=20),
        pytest.param(pbnn.MCLMC(draws=80, chains=2, thin=2, tune=600), marks=pytest.mark.nightly),
        pytest.param(
            pbnn.SGMCMC("csgld", draws=60, chains=1, thin=2, tune=20, cycles=3), marks=pytest.mark.nightly
        ),
    ],
)
def test_a_fit_in_rungs_draws_what_an_unbroken_one_draws(method, tmp_path):
    bnn, place = model(), tmp_path / "a.zarr"
    some = fit_up_to(bnn, method, 30, store=place, seed=3)["posterior"]
    assert 30 <= some.sizes["draw"] < method.draws
    # The same rung again does nothing; the next one begins in another process' model.
    again = fit_up_to(bnn, method, 30, store=place, seed=3)["posterior"]
    whole = fit_up_to(model(), method, None, store=place, seed=3)
    unbroken = pbnn.fit(bnn, method, seed=3, progress=False)
    for name, values in unbroken["posterior"].items():
        np.testing.assert_array_equal(again[name], some[name])
        np.testing.assert_array_equal(values[:, : some.sizes["draw"]], some[name])
        np.testing.assert_array_equal(values, whole["posterior"][name])
    assert ("half_step" in whole.children) == ("half_step" in unbroken.children)
    assert whole.attrs["n_gradients"] == unbroken.attrs["n_gradients"]
    resumed = pbnn.resume(place, progress=False)[1]
    np.testing.assert_array_equal(resumed["posterior"]["noise"], whole["posterior"]["noise"])


def test_what_has_no_draws_before_its_end(tmp_path):
    with pytest.raises(MethodError, match="NUTS has no draws before its end"):
        fit_up_to(model(), pbnn.NUTS(), 10, store=tmp_path / "a.zarr", seed=1)


@pytest.mark.nightly
def test_a_store_of_another_model(tmp_path):
    method = pbnn.SGMCMC(draws=50, chains=1, thin=1, tune=1)
    fit_up_to(model(), method, 25, store=tmp_path / "b.zarr", seed=1)
    with pytest.raises(ModelError, match="has another density"):
        fit_up_to(model(Y**2), method, None, store=tmp_path / "b.zarr", seed=1)
