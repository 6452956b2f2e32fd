"""`decompose` against the decomposition of each row, and its errors against repeats."""

import numpy as np
import pytest
import xarray as xr

import pbnn
from pbnn.assess import decompose, split_entropy, split_variance
from pbnn.spec import likelihoods

X = np.linspace(-1, 1, 30)[:, None]


@pytest.fixture(scope="module")
def linear():
    bnn = pbnn.build(pbnn.Network([], likelihoods.Gaussian(noise=0.5)), X, X[:, 0])
    return bnn, pbnn.fit(bnn, pbnn.Laplace(draws=400), seed=1, progress=False)


def in_chains(idata: xr.DataTree, chains: int) -> xr.DataTree:
    """Return the same draws, dealt to several chains."""
    posterior = idata["posterior"].to_dataset()
    draws = posterior.sizes["draw"] // chains
    parts = [
        posterior.isel(draw=slice(i * draws, (i + 1) * draws)).assign_coords(draw=range(draws))
        for i in range(chains)
    ]
    return xr.DataTree.from_dict({"posterior": xr.concat(parts, "chain").assign_coords(chain=range(chains))})


@pytest.mark.slow
def test_is_the_mean_over_rows(linear):
    bnn, idata = linear
    found = decompose(bnn, idata, X, seed=1)
    mu = pbnn.predict(bnn, idata, X, seed=1)["predictions"]["mu"].astype(float)
    each = split_variance(mu, 0 * mu + 0.25).mean("obs")
    for name in ("total", "epistemic", "aleatoric"):
        assert float(found[name]) == pytest.approx(float(each[name]), rel=1e-5)
    assert found.attrs["n_obs"] == 30


def test_chains_split_the_epistemic_part(linear):
    bnn, idata = linear
    found = decompose(bnn, in_chains(idata, 4), X, seed=1)
    assert float(found["within"] + found["between"]) == pytest.approx(float(found["epistemic"]), rel=1e-6)
    assert np.isfinite(found["between_mcse"])


@pytest.mark.slow
def test_error_is_that_of_repeats(linear):
    """Over 40 sets of 100 draws from the same Gaussian, the spread is what each says of itself, within chance."""
    bnn, _ = linear
    large = pbnn.fit(bnn, pbnn.Laplace(draws=4000), seed=2, progress=False)
    parts = in_chains(large, 40)["posterior"].to_dataset()
    found = [
        decompose(bnn, xr.DataTree.from_dict({"posterior": parts.isel(chain=[i])}), X, seed=1)
        for i in range(40)
    ]
    spread = np.std([float(f["epistemic"]) for f in found], ddof=1)
    said = np.sqrt(np.mean([float(f["epistemic_mcse"]) ** 2 for f in found]))
    # A standard deviation of 40 is known to 1 / sqrt(80); the jackknife of 8 parts, 40 times, to about as much.
    assert abs(np.log(spread / said)) < 4 * np.sqrt(2 / 80)


@pytest.mark.nightly
def test_classes_and_few_draws():
    y = np.where(X[:, 0] > 0, "b", "a")
    bnn = pbnn.build(pbnn.Network([], likelihoods.Bernoulli()), X, y)
    idata = pbnn.fit(bnn, pbnn.Laplace(draws=60), seed=1, progress=False)
    two = in_chains(idata, 2)
    found = decompose(bnn, two, X, seed=1)
    p = pbnn.predict(bnn, two, X, seed=1)["predictions"]["p"].astype(float)
    assert float(found["epistemic"]) == pytest.approx(float(split_entropy(p)["epistemic"].mean()), rel=1e-4)
    assert float(found["within"] + found["between"]) == pytest.approx(float(found["epistemic"]), rel=1e-6)
    one = xr.DataTree.from_dict({"posterior": two["posterior"].to_dataset().isel(chain=[0], draw=[0])})
    alone = decompose(bnn, one, X, seed=1)
    assert float(alone["epistemic"]) == 0
    assert np.isnan(alone["epistemic_mcse"])
