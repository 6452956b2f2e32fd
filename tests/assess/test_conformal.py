"""Conformal intervals and sets: their finite-sample coverage, by simulation, and the order statistics behind it."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import pbnn
from pbnn.assess.conformal import Conformal, _class_residuals, _residuals
from pbnn.errors import DataError, MethodError, PbnnWarning
from pbnn.spec import likelihoods
from pbnn.spec.network import Network
from pbnn.spec.priors import Normal

PLAIN = Network([], likelihoods.Categorical(), weights=Normal(scale=1.0), biases=Normal(scale=1.0))


@pytest.fixture(scope="module")
def fit(linear):
    return linear.draws(draws=50)


def skewed(linear, n, seed):
    """Exchangeable rows that the model gets wrong: skewed noise whose size depends on the input."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, linear.function(X)[0] + (0.2 + np.abs(X[:, 0])) * rng.exponential(2.0, n)


@pytest.mark.parametrize("measure", ["standardized", "quantile", "absolute"])
@pytest.mark.parametrize(("gain", "ok"), [(0, True), (3, False)])
def test_split_intervals_cover_exactly_what_ranks_say(linear, fit, measure, gain, ok):
    # Of exchangeable rows the share covered is (k / (n + 1)) on average: here 19 rows, level 0.8, so 16 / 20.
    n, repeats, level = 19, 400, 0.8
    X, y = skewed(linear, (n + 1) * repeats, 0)
    away = _residuals(linear.bnn, fit, X, y, np.arange(len(y)), measure, level, 0).reshape(repeats, n + 1)
    fits = ((linear.bnn, fit),)
    hits = [
        row[n] <= Conformal(fits, np.zeros(n, int), row[:n], measure, "split", level, 0)._threshold() + gain
        for row in away
    ]
    p = stats.binomtest(int(np.sum(hits)), repeats, 0.8).pvalue
    assert (p > 0.0005) == ok


def test_intervals_hold_what_lies_within_the_threshold(linear, fit):
    X, y = skewed(linear, 60, 1)
    for measure in ("standardized", "quantile", "absolute"):
        made = pbnn.conformal(linear.bnn, fit, X[:40], y[:40], level=0.75, measure=measure)
        bands = made.predict(X)
        # ceil(41 * 0.75) = 31 of the 40 rows that taught it are inside.
        inside = (bands["lower"].values <= y + 1e-4) & (y - 1e-4 <= bands["upper"].values)
        assert inside[:40].sum() == 31
        away = _residuals(linear.bnn, fit, X, y, np.arange(60), measure, 0.75, 0)
        np.testing.assert_array_equal(inside[40:], away[40:] <= np.sort(away[:40])[30])
    assert bands.attrs["coverage_at_least"] == 0.75
    np.testing.assert_allclose(bands.attrs["coverage_at_most"], 0.75 + 1 / 41)
    assert bands["lower"].attrs["units"] == "y"


@pytest.mark.parametrize("kind", ["cv+", "jackknife+"])
def test_plus_intervals_are_the_order_statistics_of_their_definition(linear, kind):
    X, y = skewed(linear, 12, 2)
    made = pbnn.conformal(linear.bnn, None, X, y, kind=kind, refit=least_squares(linear), folds=3, level=0.8)
    assert len(made.fits) == (3 if kind == "cv+" else 12)
    new = np.zeros((1, 3))
    low, high = [], []
    for row in range(12):
        kept = made.fold != made.fold[row]
        weights = np.linalg.lstsq(design(X[kept]), y[kept])[0]
        away = abs(y[row] - design(X[[row]]) @ weights)
        centre = design(new) @ weights
        low, high = [*low, (centre - away).item()], [*high, (centre + away).item()]
    bands = made.predict(new)
    # The default measure divides and multiplies by the same constant noise.
    np.testing.assert_allclose(bands["lower"], np.sort(low)[int(13 * 0.2) - 1], rtol=1e-3)
    np.testing.assert_allclose(bands["upper"], np.sort(high)[int(np.ceil(13 * 0.8)) - 1], rtol=1e-3)
    least = 1 - 2 * 0.2 - (min(2 * (2 / 3) / 5, (1 - 3 / 12) / 4) if kind == "cv+" else 0)
    np.testing.assert_allclose(bands.attrs["coverage_at_least"], least)


def design(X):
    return np.column_stack([X, np.ones(len(X))])


def least_squares(linear):
    """Return a fit that is quick and exact: one draw, at the least squares solution."""

    def refit(X, y):
        return linear.bnn, linear.tree(np.linalg.lstsq(design(X), y)[0][None, None])

    return refit


@pytest.mark.nightly
def test_cross_validated_intervals_cover_about_the_level(linear):
    hits = []
    for seed in range(150):
        X, y = skewed(linear, 31, 100 + seed)
        made = pbnn.conformal(
            linear.bnn,
            None,
            X[:30],
            y[:30],
            kind="cv+",
            folds=5,
            level=0.8,
            refit=least_squares(linear),
            seed=seed,
        )
        bands = made.predict(X[30:])
        hits.append(bands["lower"].item() <= y[30] <= bands["upper"].item())
    least = bands.attrs["coverage_at_least"]
    assert stats.binomtest(int(np.sum(hits)), 150, least, "less").pvalue > 0.001
    assert stats.binomtest(int(np.sum(hits)), 150, 0.8).pvalue > 0.001


# ------------------------------------------------------------------------------------------------ classes


@pytest.fixture(scope="module")
def labelled():
    """A classifier that knows nothing of what makes its labels, with rows to spare."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(3000, 2))
    y = np.array(["a", "b", "c"])[np.digitize(X[:, 0] + 0.5 * rng.normal(size=3000), [-0.5, 0.5])]
    bnn = pbnn.build(PLAIN, X[:50], y[:50], standardize=False)
    posterior = xr.Dataset(
        {
            "out_weight": (
                ("chain", "draw", "feature", "out_unit"),
                np.tile([[-1.0, 0, 1], [1, 0, 0]], (2, 5, 1, 1)),
            ),
            "out_bias": (("chain", "draw", "out_unit"), np.zeros((2, 5, 3))),
        }
    )
    return bnn, xr.DataTree.from_dict({"posterior": posterior}), X, y


@pytest.mark.parametrize("measure", ["probability", "cumulative"])
def test_sets_cover_their_level(labelled, measure):
    bnn, idata, X, y = labelled
    made = pbnn.conformal(bnn, idata, X[:1000], y[:1000], level=0.9, measure=measure)
    sets = made.predict(X[1000:])
    codes = np.searchsorted(["a", "b", "c"], y[1000:])
    hits = sets["contains"].values[np.arange(2000), codes]
    # Calibration rows and new ones both vary.
    assert abs(hits.mean() - 0.9) < 4 * np.sqrt(0.09 * (1 / 1000 + 1 / 2000))
    assert sets["size"].max() <= 3
    xr.testing.assert_equal(sets["size"], sets["contains"].sum("class"))


def test_cumulative_distance_is_uniform_for_labels_that_follow_the_probabilities():
    rng = np.random.default_rng(4)
    p = rng.dirichlet([0.5] * 5, size=3000)
    codes = (rng.uniform(size=(3000, 1)) > p.cumsum(axis=1)).sum(axis=1)
    away = _class_residuals(p, rng.uniform(size=(3000, 1)), "cumulative")
    assert stats.kstest(away[np.arange(3000), codes], "uniform").pvalue > 0.001
    assert stats.kstest(away[np.arange(3000), (codes + 1) % 5], "uniform").pvalue < 0.001


def test_cross_validated_sets_are_those_of_split_if_all_fits_are_one(labelled):
    bnn, idata, X, y = labelled
    plus = pbnn.conformal(bnn, None, X[:200], y[:200], kind="cv+", folds=4, refit=lambda X, y: (bnn, idata))
    split = pbnn.conformal(bnn, idata, X[:200], y[:200])
    xr.testing.assert_equal(plus.predict(X[200:260])["contains"], split.predict(X[200:260])["contains"])


# ------------------------------------------------------------------------------------------------ the rest


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*those that the model was fitted to")
def test_counts_and_several_outputs_have_intervals_of_their_own(counter, two_outputs, scatter):
    X, y = counter.model["X"].get_value(), counter.model["y_data"].get_value()
    counts = pbnn.conformal(counter, scatter(counter, draws=20), X, y, measure="quantile").predict(X)
    assert (counts["lower"] == np.round(counts["lower"])).all()
    assert np.mean((counts["lower"] <= y) & (y <= counts["upper"])) >= 0.9
    X, y = two_outputs.model["X"].get_value(), two_outputs.model["y_data"].get_value()
    both = pbnn.conformal(two_outputs, scatter(two_outputs, draws=20), X, y)
    bands = both.predict(X)
    assert bands["lower"].dims == ("obs", "output")
    slack = 1e-4 * np.array(two_outputs.response.scale)  # of float32
    inside = (bands["lower"] - slack <= y) & (y <= bands["upper"] + slack)
    assert (inside.sum("obs") == np.ceil(61 * 0.9)).all()


def test_too_few_rows_give_everything_and_say_so(linear, fit):
    X, y = skewed(linear, 5, 5)
    with pytest.warns(
        PbnnWarning, match=r"5 rows are too few for level=0\.9, so everything is inside; take 9"
    ):
        made = pbnn.conformal(linear.bnn, fit, X, y)
    bands = made.predict(X)
    assert np.isinf(bands["upper"]).all()


@pytest.mark.filterwarnings("ignore:.*those that the model was fitted to")
def test_what_makes_no_sense_is_refused(linear, fit, labelled):
    X, y = skewed(linear, 20, 6)
    for wrong, match in [
        ({"kind": "full"}, "unknown kind 'full'"),
        ({"level": 90}, "level must lie between 0 and 1; got 90"),
        ({"measure": "probability"}, "unknown measure of continuous 'probability'"),
        ({"kind": "cv+"}, r"pass refit, a function \(X, y\)"),
        ({"kind": "cv+", "measure": "quantile"}, "'quantile' is of kind='split' only"),
        ({"kind": "cv+", "folds": 21, "refit": least_squares(linear)}, "folds must lie between 2 and"),
    ]:
        with pytest.raises(MethodError, match=match):
            pbnn.conformal(linear.bnn, fit, X, y, **wrong)
    with pytest.raises(MethodError, match="needs the fit; pass idata"):
        pbnn.conformal(linear.bnn, None, X, y)
    with pytest.raises(DataError, match="X_cal has 20 rows and y_cal has 19"):
        pbnn.conformal(linear.bnn, fit, X, y[:19])
