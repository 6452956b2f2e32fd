"""Comparisons: what is measured equals what is known of fits whose difference was made by hand."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import pbnn
from pbnn.assess.importance import gaussian_kl, k_hat
from pbnn.errors import DataError, MethodError
from pbnn.infer import Laplace, fit
from tests.exact import LinearGaussian

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def linear():
    return LinearGaussian.simulate(n=20)


@pytest.fixture(scope="module")
def fits(linear):
    """The posterior, another set of draws of it, and such that were shifted, narrowed, or are one point."""
    draws = {"exact": linear.draws(), "again": linear.draws(seed=9), "shifted": linear.draws(shift=3.0)}
    weights = np.random.default_rng(5).multivariate_normal(
        linear.mean, 0.25 * linear.covariance, size=(4, 500)
    )
    return draws | {"narrow": linear.tree(weights), "point": linear.tree(linear.mean[None, None])}


@pytest.fixture(scope="module")
def inputs():
    return np.random.default_rng(7).normal(size=(40, 3)) * np.linspace(0.2, 4, 40)[:, None]


@pytest.fixture(scope="module")
def table(linear, fits, inputs):
    X, y = inputs, np.random.default_rng(8).normal(linear.function(inputs)[0], linear.noise)
    return pbnn.compare(linear.bnn, fits, reference="exact", X=X, y=y)


def test_two_samples_of_one_posterior_differ_by_chance_only(table):
    again = table.sel(fit="again")
    assert abs(float(again["mean_total_variation"] / again["mean_tv_by_chance"]) - 1) < 0.5
    assert float(again["mean_agreement"]) > 0.9
    assert np.abs(again["epistemic_ratio"] - 1).max() < 0.1
    assert "no difference" in table.attrs["verdict"].splitlines()[0]


def test_distances_are_those_of_the_normal_distributions(linear, table, inputs):
    """Both predictive distributions are normal: Wasserstein-2 is known, and total variation too."""
    mean, sd = linear.function(inputs)
    total = np.hypot(sd, linear.noise)
    shifted = linear.draws(shift=3.0)["posterior"]
    other = inputs @ shifted["out_weight"].mean(("chain", "draw")).to_numpy()[:, 0] + float(
        shifted["out_bias"].mean()
    )
    found = table.sel(fit="shifted")
    np.testing.assert_allclose(found["wasserstein"], np.abs(other - mean), atol=0.25 * total.max())
    np.testing.assert_allclose(found["mean_difference"], (other - mean) / total, atol=0.1)
    expected = 2 * stats.norm.cdf(np.abs(other - mean) / total / 2) - 1
    assert np.abs(found["total_variation"] - expected).max() < 0.15


def test_a_narrow_fit_is_called_over_confident(table):
    narrow = table.sel(fit="narrow")
    np.testing.assert_allclose(narrow["epistemic_ratio"], 0.5, atol=0.05)
    words = {line.partition(":")[0]: line for line in table.attrs["verdict"].splitlines()}
    assert "over-confident throughout" in words["narrow"]
    assert "a point" in words["point"]
    assert "exact" not in words


def test_scores_are_differences_to_the_reference(linear, fits, table):
    assert float(table["lpd_difference"].sel(fit="exact")) == 0
    assert float(table["lpd_difference"].sel(fit="shifted")) < -2 * float(
        table["lpd_difference_se"].sel(fit="shifted")
    )
    assert "worse" in table.attrs["verdict"]
    assert 0.5 < float(table["coverage"].sel(fit="exact")) <= 1


def test_the_rows_that_differ_most_are_named(table):
    worst = int(table["total_variation"].sel(fit="shifted").argmax("obs"))
    line = next(line for line in table.attrs["verdict"].splitlines() if line.startswith("shifted"))
    assert str(int(table["obs"][worst])) in line.rpartition("rows")[2]


def test_errors_name_the_remedy(linear, fits):
    with pytest.raises(MethodError, match=r"nuts.*exact"):
        pbnn.compare(linear.bnn, fits, reference="nuts")
    with pytest.raises(MethodError, match="at least one other"):
        pbnn.compare(linear.bnn, {"exact": fits["exact"]}, reference="exact")
    with pytest.raises(DataError, match="X"):
        pbnn.compare(linear.bnn, fits, reference="exact", y=linear.y)


@pytest.mark.nightly
def test_classes_are_compared_by_their_probabilities():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = np.where(X[:, 0] + 0.5 * rng.normal(size=60) > 0, "b", "a")
    bnn = pbnn.build(pbnn.Network([], pbnn.likelihoods.Bernoulli()), X, y)
    fits = {s: fit(bnn, Laplace(s), seed=1, progress=False) for s in ("full", "diag")}
    found = pbnn.compare(bnn, fits, reference="full")
    assert float(found["mean_agreement"].sel(fit="diag")) > 0.8
    assert float(found["mean_total_variation"].sel(fit="full")) == 0
    assert "ece" in found


def test_divergence_of_gaussians_is_the_formula(linear):
    """Of the diagonal structure from the full one, on a model where both are known."""
    trees = {
        s: fit(linear.bnn, Laplace(s, precision="float64", draws=10), seed=1, progress=False)
        for s in ("full", "diag")
    }
    precision = np.linalg.inv(linear.covariance)
    diagonal = np.diagonal(precision)
    # KL(diag || full): the trace of P D^-1 is the dimension.
    expected = 0.5 * (np.log(diagonal).sum() - np.linalg.slogdet(precision)[1])
    assert gaussian_kl(linear.bnn, trees["diag"], trees["full"]) == pytest.approx(expected, rel=1e-6)
    assert gaussian_kl(linear.bnn, trees["full"], trees["full"]) == pytest.approx(0, abs=1e-8)
    assert np.isnan(gaussian_kl(linear.bnn, linear.draws(), trees["full"]))


def test_k_hat_of_an_exact_approximation_is_small():
    lp = np.random.default_rng(0).normal(size=(1, 1000))
    assert k_hat(xr.Dataset({"lp": (("chain", "draw"), lp), "log_q": (("chain", "draw"), lp)})) == 0.0
    assert k_hat(xr.Dataset({"lp": (("chain", "draw"), lp)})) is None
