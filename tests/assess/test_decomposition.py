import numpy as np
import pytest
import xarray as xr

from pbnn.assess import split_entropy, split_variance

DIMS = ("chain", "draw", "obs", "class")


def test_divided_certainty_is_epistemic_and_shared_doubt_aleatoric():
    divided = xr.DataArray([[[[1.0, 0.0]], [[0.0, 1.0]]]], dims=DIMS)
    shared = xr.DataArray([[[[0.5, 0.5]], [[0.5, 0.5]]]], dims=DIMS)
    np.testing.assert_allclose(split_entropy(divided)["epistemic"], np.log(2))
    np.testing.assert_allclose(split_entropy(divided)["aleatoric"], 0)
    np.testing.assert_allclose(split_entropy(shared)["epistemic"], 0)
    np.testing.assert_allclose(split_entropy(shared)["aleatoric"], np.log(2))


def test_parts_of_entropy_are_positive_and_sum_to_the_whole():
    p = xr.DataArray(np.random.default_rng(0).dirichlet([0.3] * 4, size=(2, 50, 7)), dims=DIMS)
    parts = split_entropy(p)
    assert parts["epistemic"].dims == ("obs",)
    assert (parts["epistemic"] > 0).all()
    np.testing.assert_allclose(parts["total"], parts["aleatoric"] + parts["epistemic"])
    np.testing.assert_allclose(split_entropy(p.isel(draw=[0], chain=[0]))["epistemic"], 0, atol=1e-12)


@pytest.mark.parametrize(("forgotten", "ok"), [(0.0, True), (0.5, False)])
def test_parts_of_variance_sum_to_that_of_draws(forgotten, ok):
    rng = np.random.default_rng(1)
    mu = xr.DataArray(rng.normal(size=(4, 5000)), dims=("chain", "draw"))
    variance = xr.full_like(mu, 0.25 + forgotten)
    y = mu + 0.5 * rng.normal(size=mu.shape)
    error = float(y.var() - split_variance(mu, variance)["total"])
    # The variance of a normal variance estimate: 2 sigma^4 / n.
    assert (abs(error) < 4 * np.sqrt(2 / 20_000) * 1.25) == ok
