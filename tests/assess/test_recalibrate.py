"""Recalibration: what it learns, and that predictions, densities and files agree about it."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.special import logsumexp

import pbnn
from pbnn.assess import for_arviz, pointwise, recalibrate, without_recalibration
from pbnn.assess.psis import smooth_weights
from pbnn.assess.rows import read_draws
from pbnn.errors import DataError, MethodError, ModelError
from pbnn.spec import likelihoods
from pbnn.spec.network import Network
from pbnn.spec.priors import Normal

PLAIN = Network([], likelihoods.Categorical(), weights=Normal(scale=1.0), biases=Normal(scale=1.0))


@pytest.fixture(scope="module")
def fit(linear):
    return linear.draws(draws=100)


@pytest.fixture(scope="module")
def noisy(linear):
    """Responses with three times the noise that the model takes for known."""
    X, y = linear.new_data(1200)
    y = y + np.sqrt(8) * linear.noise * np.random.default_rng(5).normal(size=len(y))
    return X, y


def held_out(noisy):
    X, y = noisy
    return X[:600], y[:600]


def test_variance_is_scaled_by_the_mean_square_of_what_was_seen(linear, fit, noisy):
    X, y = held_out(noisy)
    rows = pointwise(linear.bnn, fit, X, y, seed=0)
    found = recalibrate(linear.bnn, fit, X, y)["recalibration"]
    np.testing.assert_allclose(found["factor"], np.sqrt(np.mean(rows["standardized"] ** 2)))
    # The variance of a mean of squared normals, by the delta method.
    np.testing.assert_allclose(found["factor_se"], found["factor"] / np.sqrt(2 * 600), rtol=0.2)
    assert found.attrs["method"] == "variance"
    assert found.attrs["n_obs"] == 600


def test_predictions_and_densities_agree_with_the_stretched_mixture(linear, fit, noisy):
    X, y = held_out(noisy)
    better = recalibrate(linear.bnn, fit, X, y)
    factor = better["recalibration"]["factor"].item()
    before, after = (pbnn.predict(linear.bnn, f, X[:5], seed=1)["predictions"] for f in (fit, better))
    mean = before["mu"].mean(("chain", "draw"))
    for name in ("y", "mu"):
        np.testing.assert_allclose(after[name], (before[name] - mean) * factor + mean, rtol=1e-4, atol=1e-4)
    summary = [
        pbnn.predict(linear.bnn, f, X[:5], seed=1, kind="summary")["predictions"] for f in (fit, better)
    ]
    np.testing.assert_allclose(summary[1]["mean"], summary[0]["mean"], rtol=1e-4)
    for name in ("sd", "epistemic_sd", "aleatoric_sd"):
        np.testing.assert_allclose(summary[1][name], factor * summary[0][name], rtol=1e-4)
    inside = mean.values + (y[:5] - mean.values) / factor
    density = stats.norm.logpdf(inside, before["mu"].values.reshape(-1, 5), linear.noise) - np.log(factor)
    rows = pointwise(linear.bnn, better, X[:5], y[:5], seed=1)
    np.testing.assert_allclose(rows["lpd"], logsumexp(density, axis=0) - np.log(400), rtol=1e-4)


@pytest.mark.parametrize("method", ["variance", "isotonic"])
def test_intervals_cover_what_they_say_after_recalibration(linear, fit, noisy, method):
    X, y = noisy
    better = recalibrate(linear.bnn, fit, *held_out(noisy), method=method)
    before, after = (pbnn.score(linear.bnn, f, X[600:], y[600:], seed=1) for f in (fit, better))
    # Two samples of 600 rows: those that taught it, and those that judge it.
    level = before["level"]
    error = np.sqrt(2 * level * (1 - level) / 600)
    assert (abs(after["coverage"] - level) < 4 * error).all()
    assert not (abs(before["coverage"] - level) < 4 * error).any()
    assert after["lpd"] > before["lpd"]
    assert after["crps"] < before["crps"]


def test_rows_are_left_out_of_the_posterior_not_of_the_correction(linear, fit, noisy):
    """Weights of the draws are those of the model; what they predict is corrected."""
    better = recalibrate(linear.bnn, fit, *held_out(noisy))
    raw, moved = pbnn.loo(linear.bnn, fit), pbnn.loo(linear.bnn, better)
    np.testing.assert_allclose(moved["pareto_k"], raw["pareto_k"])
    trees = [for_arviz(linear.bnn, f, seed=1) for f in (fit, better)]
    xr.testing.assert_identical(trees[0]["log_likelihood"], trees[1]["log_likelihood"])
    log_lik = trees[0]["log_likelihood"]["y"].stack(s=("chain", "draw")).transpose("obs", "s").to_numpy()
    weights, _ = smooth_weights(-log_lik.astype(float))
    forward, _ = read_draws(linear.bnn, better, "test")
    corrected = forward.log_likelihood(forward.bind(linear.X, linear.y)).T
    np.testing.assert_allclose(moved["elpd"], logsumexp(weights + corrected, axis=1), rtol=1e-4)
    with pytest.raises(ModelError, match="the fit is recalibrated"):
        pbnn.loo(linear.bnn, better, refit=True)


@pytest.mark.slow
def test_a_map_of_ranks_leaves_a_density(linear, noisy):
    few = linear.draws(draws=100)
    better = recalibrate(linear.bnn, few, *held_out(noisy), method="isotonic")
    grid = np.linspace(-12, 12, 1500)
    lpd = pointwise(linear.bnn, better, np.tile(linear.X[:1], (1500, 1)), grid, seed=1)["lpd"]
    total = np.exp(lpd.values).sum() * (grid[1] - grid[0])
    # The distribution function is read from 1000 draws, at some twenty knots.
    assert abs(total - 1) < 4 * np.sqrt(20 / 1000)
    drawn = pbnn.predict(linear.bnn, better, linear.X[:3], seed=1)["predictions"]
    told = pbnn.predict(linear.bnn, better, linear.X[:3], seed=1, kind="summary")["predictions"]
    np.testing.assert_allclose(told["mean"], drawn["mu"].mean(("chain", "draw")), rtol=0.1, atol=0.1)
    one = linear.tree(linear.mean[None, None])
    single = recalibrate(linear.bnn, one, *held_out(noisy), method="isotonic")
    spread = pbnn.predict(linear.bnn, single, linear.X[:1], seed=1, kind="summary")["predictions"]
    assert spread["aleatoric_sd"].item() > 1.5 * linear.noise


@pytest.mark.slow
@pytest.mark.parametrize("method", ["isotonic", pytest.param("variance", marks=pytest.mark.nightly)])
def test_a_density_does_not_depend_on_where_the_response_is_zero(method):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(300, 1))
    y = X[:, 0] + 0.3 * rng.normal(size=300)
    lpd = []
    for shift in (-y[:100].mean(), 40.0):
        bnn = pbnn.build(Network([], likelihoods.Gaussian(noise=0.1)), X[:100], y[:100] + shift)
        fit = pbnn.fit(bnn, "laplace", seed=1, progress=False)
        better = recalibrate(bnn, fit, X[100:200], y[100:200] + shift, method=method)
        lpd.append(pointwise(bnn, better, X[200:], y[200:] + shift, seed=1)["lpd"])
    np.testing.assert_allclose(lpd[0], lpd[1], rtol=1e-3, atol=1e-3)


# ------------------------------------------------------------------------------------------------ classes


@pytest.fixture(scope="module")
def sure():
    """A classifier whose logits are twice those that made its labels, and held-out data."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(2000, 2))
    logits = np.stack([X[:, 0], X[:, 1], -X.sum(axis=1)], axis=1)
    y = np.array(["a", "b", "c"])[(logits + rng.gumbel(size=logits.shape)).argmax(axis=1)]
    bnn = pbnn.build(PLAIN, X[:50], y[:50], standardize=False)
    weights = 2 * np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]])
    noise = 0.05 * rng.normal(size=(2, 40, 2, 3))
    posterior = xr.Dataset(
        {
            "out_weight": (("chain", "draw", "feature", "out_unit"), weights + noise),
            "out_bias": (("chain", "draw", "out_unit"), np.zeros((2, 40, 3))),
        }
    )
    return bnn, xr.DataTree.from_dict({"posterior": posterior}), X, y


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_probabilities_are_corrected_and_draws_follow(sure, method, tmp_path):
    bnn, idata, X, y = sure
    better = recalibrate(bnn, idata, X[:1000], y[:1000], method=method)
    before, after = (pbnn.score(bnn, f, X[1000:], y[1000:]) for f in (idata, better))
    # The gain of lpd, in standard errors over rows of the difference.
    rows = [pointwise(bnn, f, X[1000:], y[1000:]) for f in (idata, better)]
    gain = (rows[1]["lpd"] - rows[0]["lpd"]).values
    assert gain.mean() > 4 * gain.std() / 1000**0.5
    assert after["ece"] < before["ece"]
    drawn = pbnn.predict(bnn, better, X[:300], seed=1)["predictions"]
    np.testing.assert_allclose(drawn["p"].sum("class"), 1, rtol=1e-5)
    assert (drawn["p"] >= 0).all()
    summary = pbnn.predict(bnn, better, X[:300], seed=1, kind="summary")["predictions"]
    np.testing.assert_allclose(summary["p"], drawn["p"].mean(("chain", "draw")), rtol=1e-4, atol=1e-5)
    codes = np.searchsorted(["a", "b", "c"], y[:300])
    lpd = pointwise(bnn, better, X[:300], y[:300])["lpd"]
    np.testing.assert_allclose(lpd, np.log(summary["p"].values[np.arange(300), codes]), rtol=1e-3, atol=1e-4)
    share = (drawn["y"] == 0).mean(("chain", "draw"))
    p = summary["p"].sel({"class": "a"})
    assert (abs(share - p) < 5 * np.sqrt(p * (1 - p) / 80) + 0.02).all()
    pbnn.save(bnn, better, tmp_path / "run.nc")
    again = pbnn.load(tmp_path / "run.nc")
    xr.testing.assert_identical(pbnn.predict(*again, X[:300], seed=1)["predictions"], drawn)


def test_rows_of_equal_probability_share_their_frequency(sure):
    bnn, idata, *_ = sure
    where = np.repeat([[-1.0, 0.0], [1.0, 0.5]], 300, axis=0)
    labels = np.r_[np.repeat(["a", "b", "c"], [30, 90, 180]), np.repeat(["a", "b", "c"], [150, 120, 30])]
    # The order of rows that look alike must not matter: here hits stand last, then first.
    for order in (np.arange(600), np.arange(600)[::-1]):
        better = recalibrate(bnn, idata, where[order], labels[order], method="isotonic")
        p = pbnn.predict(bnn, better, where[[0, -1]], kind="summary")["predictions"]["p"]
        np.testing.assert_allclose(p, [[0.1, 0.3, 0.6], [0.5, 0.4, 0.1]], atol=1e-3)


def test_the_temperature_is_found_with_its_error(sure):
    bnn, idata, X, y = sure
    found = recalibrate(bnn, idata, X, y)["recalibration"]
    assert abs(found["temperature"] - 2) < 4 * found["temperature_se"]
    assert 0.02 < found["temperature_se"] < 0.2
    raw = pointwise(bnn, idata, X[:20], y[:20])["p"].values
    tempered = raw ** (1 / found["temperature"].item())
    got = pointwise(bnn, recalibrate(bnn, idata, X, y), X[:20], y[:20])["p"]
    np.testing.assert_allclose(got, tempered / tempered.sum(axis=1, keepdims=True), rtol=1e-4)


def test_recalibrating_again_starts_from_the_fit_itself(sure):
    bnn, idata, X, y = sure
    once = recalibrate(bnn, idata, X, y)
    xr.testing.assert_identical(recalibrate(bnn, once, X, y)["recalibration"], once["recalibration"])
    assert "recalibration" not in idata.children
    assert "recalibration" not in without_recalibration(once).children
    xr.testing.assert_identical(pbnn.diagnose(bnn, once), pbnn.diagnose(bnn, idata))


@pytest.mark.filterwarnings("ignore:.*those that the model was fitted to")
def test_what_cannot_be_recalibrated_is_refused(sure, linear, fit, counter, scatter, two_outputs):
    bnn, idata, X, y = sure
    with pytest.raises(MethodError, match="unknown method 'platt'"):
        recalibrate(bnn, idata, X, y, method="platt")
    with pytest.raises(
        MethodError, match=r"'variance' is not made for Categorical here; use 'temperature' or"
    ):
        recalibrate(bnn, idata, X, y, method="variance")
    with pytest.raises(DataError, match="rows of one class only"):
        recalibrate(bnn, idata, X[y == "a"], y[y == "a"])
    with pytest.raises(DataError, match="at least 10 held-out rows, better hundreds; got 9"):
        recalibrate(linear.bnn, fit, linear.X[:9], linear.y[:9])
    counts = counter.model["X"].get_value(), counter.model["y_data"].get_value()
    with pytest.raises(
        MethodError, match=r"not made for Poisson here; there is none for it; see pbnn\.conformal"
    ):
        recalibrate(counter, scatter(counter, draws=4), *counts)
    both = two_outputs.model["X"].get_value(), two_outputs.model["y_data"].get_value()
    with pytest.raises(MethodError, match="use 'variance'"):
        recalibrate(two_outputs, scatter(two_outputs, draws=4), *both, method="isotonic")
    each = recalibrate(two_outputs, scatter(two_outputs, draws=10), *both)
    assert each["recalibration"]["factor"].shape == (2,)
    z = pointwise(two_outputs, each, *both, seed=0)["standardized"]
    np.testing.assert_allclose((z**2).mean("obs"), 1, rtol=1e-3)
