"""Gauss-Newton variational inference: exact where the posterior is Gaussian, and as good as ADVI elsewhere."""

import numpy as np
import pymc as pm
import pytest

import pbnn
from pbnn.errors import MethodError
from pbnn.infer import ADVI, GaussNewtonVI, fit
from pbnn.infer.precisions import Gaussian
from pbnn.spec import likelihoods
from tests.exact import LinearGaussian

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def linear():
    return LinearGaussian.simulate()


def moments(tree):
    stored = tree["gaussian"].to_dataset()
    white = Gaussian.of(stored).whiten(np.eye(stored.attrs["dim"]))
    return stored["mode"].to_numpy(), white @ white.T


def run(bnn, structure, **options):
    return fit(bnn, GaussNewtonVI(structure, precision="float64", **options), seed=1, progress=False)


@pytest.mark.parametrize(("planted", "ok"), [(0.0, True), (1e-3, False)])
def test_its_optimum_is_the_exact_posterior(linear, planted, ok):
    mean, covariance = moments(run(linear.bnn, "full", draws=10))
    sd = np.sqrt(np.diagonal(linear.covariance))
    close = (np.abs(mean + planted * sd - linear.mean) < 1e-5 * sd).all()
    close &= np.allclose(covariance * (1 + planted), linear.covariance, rtol=1e-6, atol=1e-9)
    assert close == ok


@pytest.mark.parametrize("structure", ["diag", "kron"])
def test_its_mean_is_exact_and_its_precision_a_part_of_the_exact_one(linear, structure):
    """The Gaussian nearest in Kullback-Leibler divergence has the blocks of the precision (MacKay 2003, 33.2)."""
    mean, covariance = moments(run(linear.bnn, structure, draws=10))
    np.testing.assert_allclose(mean, linear.mean, rtol=1e-4, atol=1e-6)
    precision = np.linalg.inv(linear.covariance)
    blocks = [slice(0, 3), slice(3, 4)] if structure == "kron" else [slice(i, i + 1) for i in range(4)]
    for at in blocks:
        np.testing.assert_allclose(np.linalg.inv(covariance[at, at]), precision[at, at], rtol=1e-6)


def test_minibatches_come_to_the_same_place(linear):
    mean, covariance = moments(run(linear.bnn, "full", draws=10, batch_size=10, steps=4000))
    sd = np.sqrt(np.diagonal(linear.covariance))
    # The noise of the last rate: a hundredth of a step's, averaged over the last steps.
    assert (np.abs(mean - linear.mean) < 0.3 * sd).all()
    assert np.abs(np.log(np.diagonal(covariance) / sd**2)).max() < 0.3


@pytest.mark.parametrize(
    ("structure", "peer"),
    [pytest.param("diag", "meanfield", marks=pytest.mark.nightly), ("full", "fullrank")],
)
def test_it_reaches_the_bound_of_advi(structure, peer):
    data = pbnn.datasets.make_sine(120, seed=0)
    bnn = pbnn.build(pbnn.Network([pbnn.Dense(5)], likelihoods.Gaussian()), data.X, data.y)
    bounds = {}
    for name, method in {
        "ours": GaussNewtonVI(structure, draws=4000),
        "advi": ADVI(peer, draws=4000),
    }.items():
        tree = fit(bnn, method, seed=1, progress=False)
        stats = tree["sample_stats"]
        gap = (stats["lp"] - stats["log_q"]).to_numpy()
        bounds[name] = (gap.mean(), gap.std() / np.sqrt(gap.size))
    allowed = 4 * np.hypot(bounds["ours"][1], bounds["advi"][1]) + 1
    assert bounds["ours"][0] > bounds["advi"][0] - allowed


def test_it_goes_through_diagnosis_prediction_and_scores(linear):
    tree = fit(linear.bnn, GaussNewtonVI("full"), seed=1, progress=False)
    assert pbnn.diagnose(linear.bnn, tree).attrs["trust"] == "yes"
    assert pbnn.predict(linear.bnn, tree, linear.X[:5], seed=1)["predictions"].sizes["draw"] == 1000
    assert np.isfinite(pbnn.score(linear.bnn, tree, *linear.new_data(50), seed=1)["lpd"])


def test_errors_name_the_remedy(linear):
    with pytest.raises(MethodError, match=r"known|diag"):
        GaussNewtonVI("block")
    with pytest.raises(MethodError, match="between 0 and 1"):
        GaussNewtonVI(learning_rate=2.0)
    with pytest.raises(MethodError, match="batch_size"):
        fit(linear.bnn, GaussNewtonVI(batch_size=10_000), seed=1, progress=False)
    with pm.Model() as model:
        pm.Normal("x")
    with pytest.raises(MethodError, match=r"pbnn\.build"):
        fit(model, GaussNewtonVI(), seed=1, progress=False)
