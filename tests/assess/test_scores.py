import jax
import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from scipy import stats
from scipy.special import logsumexp

from pbnn.assess import pointwise, score
from pbnn.assess import rows as rows_module
from pbnn.errors import DataError, ModelError, ShapeError
from pbnn.graph.build import build
from pbnn.spec import likelihoods
from pbnn.spec.layers import Dense
from pbnn.spec.network import Network
from pbnn.target import Target


@pytest.fixture(scope="module")
def held_out(linear):
    return linear.new_data(300)


def exact_predictive(linear, X):
    mean, sd = linear.function(X)
    return stats.norm(mean, np.hypot(sd, linear.noise))


def by_draw(bnn, idata, X):
    """Return the response given each draw of the weights, by way of the target alone."""
    target = Target.of(bnn)
    z = target.draws(idata["posterior"].to_dataset()).reshape(-1, target.dim)
    x = target.inputs(X)
    with target.scope():
        return {k: np.asarray(v) for k, v in jax.jit(jax.vmap(lambda w: target.parameters(w, x)))(z).items()}


def crps_of_normal(y, d):
    z = (y - d.mean()) / d.std()
    return d.std() * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))


@pytest.mark.parametrize(("shift", "ok"), [(0.0, True), (1.0, False)])
def test_scores_match_the_closed_form(linear, held_out, shift, ok):
    X, y = held_out
    exact = exact_predictive(linear, X)
    got = score(linear.bnn, linear.draws(shift=shift), X, y, seed=1)
    error = {
        # The difference of two scores, in Monte Carlo standard errors; 2000 independent draws.
        "lpd": (got["lpd"] - exact.logpdf(y).mean()) / got.attrs["lpd_mcse"],
        "rmse": (got["rmse"] - np.sqrt(np.mean((y - exact.mean()) ** 2)))
        / (linear.function(X)[1].max() / 2000**0.5),
        "crps": (got["crps"] - crps_of_normal(y, exact).mean()) / (exact.std().mean() / 2000**0.5),
    }
    assert all(abs(e) < 4 for e in error.values()) == ok, error


@pytest.mark.parametrize(("shift", "ok"), [(0.0, True), (3.0, False)])
def test_intervals_cover_as_often_as_they_say(linear, held_out, shift, ok):
    got = score(linear.bnn, linear.draws(shift=shift), *held_out, seed=1)
    # Rows share the draws, yet noise dominates: about binomial.
    error = (got["coverage"] - got["level"]) / np.sqrt(got["level"] * (1 - got["level"]) / 300)
    assert bool((abs(error) < 4).all()) == ok
    width = exact_predictive(linear, held_out[0]).std().mean() * 2 * stats.norm.isf((1 - got["level"]) / 2)
    np.testing.assert_allclose(got["width"], width, rtol=0.05)


def test_one_draw_of_the_weights_still_gives_intervals(linear, held_out):
    X, y = held_out
    point = linear.tree(linear.mean[None, None])
    got = score(linear.bnn, point, X, y, seed=1)
    mean, _ = linear.function(X)
    np.testing.assert_allclose(got["lpd"], stats.norm.logpdf(y, mean, linear.noise).mean(), rtol=1e-5)
    np.testing.assert_allclose(got["rmse"], np.sqrt(np.mean((y - mean) ** 2)), rtol=1e-5)
    np.testing.assert_allclose(
        got["width"], 2 * linear.noise * stats.norm.isf((1 - got["level"]) / 2), rtol=0.05
    )
    assert np.isnan(got.attrs["lpd_mcse"])


def test_standard_errors_are_over_rows(linear, held_out):
    idata = linear.draws(draws=50)
    rows, got = pointwise(linear.bnn, idata, *held_out, seed=1), score(linear.bnn, idata, *held_out, seed=1)
    n = rows.sizes["obs"]
    np.testing.assert_allclose(got["lpd_se"], rows["lpd"].std(ddof=1) / n**0.5)
    square = rows["residual"] ** 2
    np.testing.assert_allclose(got["rmse_se"], square.std(ddof=1) / n**0.5 / 2 / got["rmse"])
    one = score(linear.bnn, idata, held_out[0][:1], held_out[1][:1], seed=1)
    assert np.isnan(one["lpd_se"])


@pytest.mark.slow
def test_monte_carlo_error_of_lpd_is_its_spread_over_repeats(linear, held_out):
    X, y = held_out[0][:50], held_out[1][:50]
    runs = [score(linear.bnn, linear.draws(draws=100, seed=s), X, y, seed=1) for s in range(20)]
    spread = np.std([r["lpd"] for r in runs], ddof=1)
    told = np.mean([r.attrs["lpd_mcse"] for r in runs])
    low, high = stats.chi2.ppf([0.001, 0.999], 19) / 19
    assert low < (spread / told) ** 2 < high


@pytest.mark.slow
def test_lpd_is_in_the_units_of_y(linear, scatter):
    X, y = linear.X, linear.y
    net = Network([Dense(3)], likelihoods.Gaussian(noise=0.7))
    small, large = build(net, X, y), build(likelihoods_in(1000.0), X, 1000 * y + 5e6)
    idata = scatter(small, draws=5)
    a, b = score(small, idata, X, y, seed=1), score(large, idata, X, 1000 * y + 5e6, seed=1)
    np.testing.assert_allclose(b["lpd"], a["lpd"] - np.log(1000), rtol=1e-5)
    np.testing.assert_allclose(b["rmse"], 1000 * a["rmse"], rtol=1e-5)
    np.testing.assert_allclose(b["crps"], 1000 * a["crps"], rtol=0.05)  # float32 and float64 draw differently


def likelihoods_in(unit):
    return Network([Dense(3)], likelihoods.Gaussian(noise=0.7 * unit))


@pytest.mark.slow
def test_counts_are_scored_with_their_own_distribution(counter, scatter):
    idata = scatter(counter, draws=30)
    X, y = counter.model["X"].get_value(), counter.model["y_data"].get_value()
    rate = by_draw(counter, idata, X)["mu"]
    got = score(counter, idata, X, y.astype(int), seed=1)
    expected = logsumexp(stats.poisson.logpmf(y, rate), axis=0) - np.log(len(rate))
    np.testing.assert_allclose(got["lpd"], expected.mean(), rtol=1e-5)
    np.testing.assert_allclose(got["rmse"], np.sqrt(np.mean((y - rate.mean(axis=0)) ** 2)), rtol=1e-5)
    rows = pointwise(counter, idata, X, y.astype(int), seed=1)
    assert (rows["lower"] == rows["lower"].round()).all()


@pytest.mark.slow
def test_classes_are_scored_by_their_mean_probabilities(classifier, scatter):
    idata = scatter(classifier, draws=30)
    X, codes = classifier.model["X"].get_value(), classifier.model["y_data"].get_value()
    labels = np.array(classifier.response.classes)
    p = by_draw(classifier, idata, X)["p"].mean(axis=0)
    got = score(classifier, idata, X, labels[codes])
    hit = p[np.arange(60), codes]
    np.testing.assert_allclose(got["lpd"], np.log(hit).mean(), rtol=1e-5)
    np.testing.assert_allclose(got["accuracy"], np.mean(p.argmax(axis=1) == codes))
    np.testing.assert_allclose(got["brier"], ((p**2).sum(axis=1) + 1 - 2 * hit).mean(), rtol=1e-5)
    assert {f"{name}_se" for name in ("lpd", "accuracy", "brier", "ece")} < set(got)
    assert got["ece"].attrs["bins"] == 3
    rows = pointwise(classifier, idata, X, labels[codes])
    assert (rows["observed"] == labels[codes]).all()
    np.testing.assert_allclose(rows["p"], p, rtol=1e-5)


@pytest.mark.slow
def test_several_outputs_are_scored_each_in_its_units(two_outputs, scatter):
    idata = scatter(two_outputs, draws=10)
    X, y = two_outputs.model["X"].get_value(), two_outputs.model["y_data"].get_value()
    got = score(two_outputs, idata, X, y, seed=1)
    assert got["rmse"].dims == ("output",)
    assert got["coverage"].dims == ("level", "output")
    assert got["lpd"].dims == ()
    assert got["rmse"].sel(output="y1") > 100 * got["rmse"].sel(output="y0")


def test_the_training_data_are_taken_if_none_are_given(two_outputs, scatter):
    idata = scatter(two_outputs, draws=10)
    X, y = two_outputs.model["X"].get_value(), two_outputs.model["y_data"].get_value()
    given, taken = pointwise(two_outputs, idata, X, y, seed=1), pointwise(two_outputs, idata, seed=1)
    xr.testing.assert_allclose(given, taken)
    some = pointwise(two_outputs, idata, seed=1, max_rows=10)
    assert some.sizes["obs"] == 10
    np.testing.assert_allclose(some["lpd"], given["lpd"].isel(obs=some["obs"]))


def test_the_same_seed_gives_the_same_scores(linear, held_out):
    idata = linear.draws(draws=20)
    a, b, c = (score(linear.bnn, idata, *held_out, seed=s) for s in (1, 1, 2))
    xr.testing.assert_identical(a, b)
    assert a["crps"] != c["crps"]


def test_blocks_of_rows_change_no_score(linear, held_out, monkeypatch):
    idata = linear.draws(draws=25)
    whole = pointwise(linear.bnn, idata, *held_out, seed=1)
    monkeypatch.setattr(rows_module, "BLOCK_BYTES", 1)  # one tile at a time: 256 rows, and 44
    parts = pointwise(linear.bnn, idata, *held_out, seed=1)
    xr.testing.assert_allclose(parts, whole)
    np.testing.assert_allclose(parts.attrs["lpd_mcse"], whole.attrs["lpd_mcse"])


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda X, y: (X[:, :1], y), ShapeError, r"score: X must have shape \(obs, 2\)"),
        (
            lambda X, y: (X, np.where(y == "low", "none", y)),
            DataError,
            "score: y: unknown label 'none' in row",
        ),
        (lambda X, y: (X, y[:-1]), DataError, "X has 60 rows and y has 59"),
        (lambda X, y: (X, y[:0]), DataError, "score: y is empty"),
        (lambda X, y: (np.where(X.max() == X, np.nan, X), y), DataError, "score: X column 'x.' is missing"),
        (lambda X, y: (X, None), DataError, "score: y is missing"),
    ],
)
def test_unsuitable_data_are_refused_in_words(classifier, scatter, change, error, match):
    X = classifier.model["X"].get_value()
    y = np.array(classifier.response.classes)[classifier.model["y_data"].get_value()]
    with pytest.raises(error, match=match):
        score(classifier, scatter(classifier, draws=4), *change(X, y))


def test_columns_are_checked_by_name(scatter):
    frame = pd.DataFrame({"a": np.arange(9.0), "b": np.arange(9.0) ** 2})
    bnn = build(Network([], likelihoods.Gaussian()), frame, frame["a"])
    with pytest.raises(ShapeError, match="score: the columns of X are in another order"):
        score(bnn, scatter(bnn, draws=4), frame[["b", "a"]], frame["a"])


def test_another_fit_is_refused(classifier, linear):
    with pytest.raises(ModelError, match="fit of another model"):
        score(classifier, linear.draws(draws=4), linear.X[:, :2], np.array(["low"] * 40))
    with pytest.raises(ModelError, match="idata must be a DataTree with a group 'posterior'"):
        score(linear.bnn, xr.DataTree(), linear.X, linear.y)
    with pytest.raises(ModelError, match=r"must be what pbnn\.build returned"):
        score(linear.bnn.model, linear.draws(draws=4), linear.X, linear.y)


@pytest.mark.slow
def test_set_data_changes_no_score(scatter):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 2)), rng.normal(size=20)
    bnn = build(Network([], likelihoods.Gaussian()), X, y)
    idata = scatter(bnn)
    idata["constant_data"] = xr.DataTree(xr.Dataset({"X": (("obs", "feature"), X)}))
    idata["observed_data"] = xr.DataTree(xr.Dataset({"y": ("obs", y)}))
    before = pointwise(bnn, idata, seed=1)
    with bnn.model:
        pm.set_data({"X": np.zeros((3, 2)), "y_data": np.zeros(3)})
    xr.testing.assert_identical(before, pointwise(bnn, idata, seed=1))
