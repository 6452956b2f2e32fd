import numpy as np
import pytest
import xarray as xr

from pbnn.assess import PARETO_K, pareto_k


@pytest.mark.parametrize(("shape", "heavy"), [(0.2, False), (1.2, True)])
def test_finds_rows_whose_weights_have_a_heavy_tail(shape, heavy):
    # The weight that leaves a row out is 1 / likelihood; here its tail is Pareto's, of known shape.
    weights = np.random.default_rng(0).pareto(1 / shape, size=(4, 1000, 3)) + 1
    log_likelihood = xr.Dataset({"y": (("chain", "draw", "obs"), -np.log(weights))})
    k = pareto_k(xr.DataTree.from_dict({"log_likelihood": log_likelihood}))
    assert k.dims == ("obs",)
    # The estimate's standard error is (1 + k) / sqrt(tail draws), of which there are 3 sqrt(4000).
    np.testing.assert_allclose(k, shape, atol=4 * (1 + shape) / np.sqrt(3 * np.sqrt(4000)))
    assert (k > PARETO_K).all() == heavy


def test_degenerate_weights_count_as_heavy():
    log_likelihood = np.zeros((1, 100, 1))
    log_likelihood[0, 0] = -1e6
    tree = xr.DataTree.from_dict(
        {"log_likelihood": xr.Dataset({"y": (("chain", "draw", "obs"), log_likelihood)})}
    )
    assert (pareto_k(tree) > PARETO_K).all()
