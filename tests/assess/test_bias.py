import numpy as np
import pytest
import xarray as xr

from pbnn.assess import diagnose
from pbnn.assess.bias import Bias


def chains(rng, shape, slowness=0.0, shift=0.0):
    """Return autoregressive draws of unit variance."""
    noise = rng.normal(size=shape)
    out = np.empty(shape)
    out[..., 0] = noise[..., 0]
    for i in range(1, shape[-1]):
        out[..., i] = slowness * out[..., i - 1] + (1 - slowness**2) ** 0.5 * noise[..., i]
    return out + shift


@pytest.mark.parametrize("slowness", [0.0, 0.9])
@pytest.mark.parametrize("shift", [0.0, 0.6])
def test_a_planted_bias_is_found_with_its_error(slowness, shift):
    rng = np.random.default_rng(1)
    modes = 5 * rng.normal(size=(1, 4, 1))  # chains that do not mix
    draws = modes + chains(rng, (300, 4, 960), slowness, shift)
    check = modes + chains(rng, (300, 4, 60), slowness, shift / 4)
    got = Bias.of(draws, check)
    z = (got.mean - shift) / got.mcse
    # Of 300 series the mean of z has a standard error of 0.058. The variance of each comes from 4 × 16 blocks.
    assert abs(z.mean()) < 5 * 0.058
    assert 0.8 < z.std() < 1.3
    size, error = got.overall(np.ones(300))
    assert abs(size - shift) < 5 * error / 300**0.5 + 0.4 * error
    assert error == pytest.approx(np.sqrt((got.mcse**2).mean()))


def test_too_short_to_tell():
    got = Bias.of(np.zeros((3, 2, 10)), np.zeros((3, 2, 5)))
    assert np.isnan(got.mean).all()
    assert np.isnan(got.overall(np.ones(3))).all()


def test_series_that_do_not_move_are_left_out():
    rng = np.random.default_rng(2)
    draws, check = chains(rng, (2, 4, 160)), chains(rng, (2, 4, 20), shift=9.0)
    draws[1], check[1] = 0, 0
    assert Bias.of(draws, check).overall(draws.std((-2, -1)))[0] == pytest.approx(12.0, rel=0.2)


@pytest.mark.parametrize(("shift", "trust"), [(0.0, "yes"), (1.0, "caution")])
def test_diagnose_measures_the_bias_by_draws_at_half_the_step(linear, shift, trust):
    rng = np.random.default_rng(3)

    def drawn(n):
        return rng.multivariate_normal(linear.mean, linear.covariance, size=(4, n))

    weights = drawn(800)
    weights[..., -1] += shift * linear.covariance[-1, -1] ** 0.5
    check = drawn(50)
    check[..., -1] += shift / 4 * linear.covariance[-1, -1] ** 0.5
    tree = linear.tree(weights)
    tree["half_step"] = xr.DataTree(linear.tree(check)["posterior"].to_dataset())
    got = diagnose(linear.bnn, tree)
    mean, _ = linear.function(linear.X[got["obs"].to_numpy()])
    z = (got["mean"] - got["bias"] - mean) / np.hypot(got["bias_mcse"], got["mcse_mean"])
    assert float(abs(z).max()) < 5
    assert got.attrs["trust"] == trust, got.attrs["verdict"]
    assert ("biases the mean response by about" in got.attrs["findings"]) == bool(shift)
    assert got.attrs["bias"] < 0.2 if not shift else got.attrs["bias"] > 0.2
