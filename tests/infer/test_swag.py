"""SWAG: Gaussians around the mode, as wide as the posterior where that can be known."""

import numpy as np
import pytest

import pbnn
from pbnn.errors import MethodError
from pbnn.infer.swag import Walks
from pbnn.target import Target
from tests.exact import LinearGaussian, assert_can_be_used

pytestmark = pytest.mark.slow

OPTIONS = {"members": 2, "draws": 300, "batch_size": 20, "rank": 5}


@pytest.fixture(scope="module")
def linear():
    return LinearGaussian.simulate(n=200)


@pytest.fixture(scope="module")
def swag(linear):
    return pbnn.fit(linear.bnn, pbnn.SWAG(iterates=500, **OPTIONS), seed=1, progress=False)


def weights_of(tree):
    posterior = tree["posterior"]
    return np.concatenate([posterior["out_weight"].values[..., 0], posterior["out_bias"].values], axis=-1)


@pytest.mark.parametrize(("bias", "widening", "ok"), [(0.0, 1, True), (0.6, 1, False), (0.0, 1.8, False)])
def test_each_gaussian_is_near_the_posterior(linear, swag, bias, widening, ok):
    # At the default rate, iterates spread as the posterior does, on average over directions (Mandt et al. 2017). They
    # are 50 steps apart and correlated, so 500 of them are worth some hundred: 4 errors of 0.1 sd for the mean.
    z, sd = weights_of(swag), np.sqrt(np.diag(linear.covariance))
    shift = abs(z.mean(axis=1) + bias * sd - linear.mean) / sd
    ratio = widening * z.std(axis=1) / sd
    assert bool((shift < 0.4).all() and (abs(ratio - 1) < 0.4).all()) is ok


def test_layout(swag):
    assert (swag["posterior"].sizes["chain"], swag["posterior"].sizes["draw"]) == (2, 300)
    assert (swag.attrs["method"], swag.attrs["sampling"]) == ("swag", "approximate")
    assert set(swag["sample_stats"].data_vars) == {"lp", "learning_rate", "restarts"}
    assert int(swag["sample_stats"]["restarts"].sum()) == 0


def test_the_gaussian_is_the_one_of_the_paper(linear):
    walks = Walks(pbnn.SWAG(rank=3, iterates=8), Target.of(linear.bnn, "float32"), 1)
    rng = np.random.default_rng(4)
    iterates = rng.normal(size=(10, 4)).astype(np.float32)
    state = {**walks.first(0), "start_lp": -1e9, "climb_best": np.zeros(4)}
    state |= walks._at_start(state, 0.1)
    padded = np.concatenate([iterates, np.zeros((15, 4))])
    state, _ = walks._walked(state, (iterates[-1], padded, np.zeros(25)))
    assert state["stage"] == "draw"
    kept = iterates[2:].astype(float)
    means = np.cumsum(kept, axis=0) / np.arange(1, 9)[:, None]
    mean, sd, columns = walks._gaussian(state)
    np.testing.assert_allclose(mean, kept.mean(axis=0))
    np.testing.assert_allclose(2 * sd**2, kept.var(axis=0))
    deviations = (kept - means)[-3:]
    np.testing.assert_allclose(columns.T @ columns, deviations.T @ deviations / (2 * (3 - 1)))


def test_a_rate_too_large_is_cut_and_told(linear):
    method = pbnn.SWAG(learning_rate=0.1, iterates=100, **OPTIONS)
    tree = pbnn.fit(linear.bnn, method, seed=1, progress=False)
    stats = tree["sample_stats"]
    assert (stats["restarts"] > 0).all()
    np.testing.assert_allclose(stats["learning_rate"], 0.1 / 3.0 ** stats["restarts"])
    assert "diverged at the learning rate" in tree.attrs["message"]
    assert np.isfinite(stats["lp"]).all()


def test_a_rate_that_cannot_be_saved_is_an_error(linear):
    with pytest.raises(MethodError, match=r"SWAG: no chain could be run.*diverged at the learning rate"):
        pbnn.fit(linear.bnn, pbnn.SWAG(learning_rate=1e6, restarts=1, **OPTIONS), seed=1, progress=False)


def test_the_same_seed_gives_the_same_draws(linear):
    first, again, other = (
        weights_of(pbnn.fit(linear.bnn, pbnn.SWAG(iterates=20, **OPTIONS), seed=seed, progress=False))
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_results_can_be_used(linear, swag):
    assert_can_be_used(linear, swag, n_draws=300)


def test_a_network(network):
    tree = pbnn.fit(network, pbnn.SWAG(draws=30), seed=1, progress=False)
    assert np.isfinite(tree["sample_stats"]["lp"]).all()


def test_a_general_model_has_no_minibatches(gaussian):
    with pytest.raises(MethodError, match=r"SWAG: minibatches need a model made by pbnn\.build"):
        pbnn.fit(gaussian, pbnn.SWAG(), seed=1, progress=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        *(
            ({name: 0}, rf"SWAG: {name} must be a whole number >= 1; got 0")
            for name in ("members", "draws", "thin")
        ),
        ({"batch_size": 0.5}, r"SWAG: batch_size must be a whole number >= 1; got 0\.5"),
        ({"rank": 1}, r"SWAG: rank must be a whole number >= 2; got 1"),
        ({"rank": 20, "iterates": 10}, r"SWAG: rank must be at most iterates, 10; got 20"),
        ({"learning_rate": -1}, r"SWAG: learning_rate must be a positive number; got -1"),
        ({"restarts": -1}, r"SWAG: restarts must be a whole number >= 0; got -1"),
    ],
)
def test_mistake_is_named(options, message):
    with pytest.raises(MethodError, match=message):
        pbnn.SWAG(**options)
