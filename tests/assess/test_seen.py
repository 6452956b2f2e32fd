"""What is refused, or warned of, before rows are judged: training rows, rows in another order, another model's fit."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import pbnn
from pbnn import likelihoods
from pbnn.assess.seen import share_seen
from pbnn.errors import DataError, ModelError, PbnnWarning
from pbnn.graph.texts import as_texts
from tests.exact import LinearGaussian


@pytest.fixture(scope="module")
def short():
    return LinearGaussian.simulate(n=30)


def test_training_rows_are_known_again(short):
    bnn, fit = short.bnn, short.draws(draws=5)
    X, y = short.new_data(30)
    assert share_seen(bnn, fit, short.X, short.y) == 1
    assert share_seen(bnn, fit, short.X[::-1], short.y) < 0.1
    assert share_seen(bnn, fit, X, y) == 0
    both = np.concatenate([short.X[:10], X]), np.concatenate([short.y[:10], y])
    assert share_seen(bnn, fit, *both) == 0.25
    # The fit knows its rows better than the model, which may hold others by now.
    other = fit.copy()
    other["constant_data"] = xr.DataTree(xr.Dataset({"X": (("obs", "feature"), X)}))
    other["observed_data"] = xr.DataTree(xr.Dataset({"y": ("obs", y)}))
    assert share_seen(bnn, other, X, y) == 1
    assert share_seen(bnn, other, short.X, short.y) == 0


def test_twins_in_a_table_of_few_values_are_no_training_rows():
    rng = np.random.default_rng(0)
    X, y = rng.integers(3, size=(200, 2)).astype(float), rng.integers(2, size=200)
    bnn = pbnn.build(pbnn.Network([], likelihoods.Bernoulli()), X[:150], y[:150])
    assert share_seen(bnn, xr.DataTree(), X[150:], y[150:]) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("judge", [pbnn.recalibrate, pbnn.conformal])
def test_training_rows_in_the_place_of_held_out_ones_are_warned_of(short, judge):
    with pytest.warns(PbnnWarning, match="the rows given are those that the model was fitted to"):
        judge(short.bnn, short.draws(draws=20), short.X, short.y)
    judge(short.bnn, short.draws(draws=20), *short.new_data(30))


@pytest.mark.parametrize("judge", [pbnn.recalibrate, pbnn.conformal])
def test_rows_in_another_order_are_refused(judge):
    frame = pd.DataFrame({"a": np.arange(12.0), "y": np.arange(12.0) % 5})
    bnn = pbnn.build(pbnn.Network([], likelihoods.Gaussian(1.0)), frame[["a"]], frame["y"])
    with pytest.raises(DataError, match=f"{judge.__name__}: .* hold the same index in another order"):
        judge(bnn, xr.DataTree.from_dict({"posterior": xr.Dataset()}), frame[["a"]], frame["y"][::-1])


def test_calibration_on_one_class_is_warned_of(classifier, scatter):
    X = np.random.default_rng(0).normal(size=(30, 2))
    with pytest.warns(PbnnWarning, match="y_cal has rows of one class only"):
        pbnn.conformal(classifier, scatter(classifier), X, np.repeat("low", 30))


@pytest.mark.slow
def test_a_fit_that_says_what_it_is_of_is_taken_by_no_other_model(short):
    def build(units=3, X=short.X, names="abc"):
        frame = pd.DataFrame(X, columns=list(names))
        return pbnn.build(pbnn.Network([pbnn.Dense(units)], likelihoods.Gaussian()), frame, short.y)

    bnn = build()
    fit = pbnn.fit(bnn, pbnn.MAP(starts=1, steps=5), seed=1, progress=False)
    frame = pd.DataFrame(short.X, columns=list("abc"))
    for other, words in (
        (build(units=4), r"network, layers\[0\], units is 3 in the fit and 4 in the model"),
        (build(names="acb"), r'columns, names\[1\] is "b" in the fit and "c" in the model'),
        (build(X=short.X + 1), "columns, means of the training rows"),
    ):
        with pytest.raises(ModelError, match=f"predict: idata is the fit of another model: {words}"):
            pbnn.predict(other, fit, frame.iloc[:2])
    pbnn.predict(build(X=short.X * (1 + 1e-9)), fit, frame.iloc[:2])
    fit.attrs = {name: text for name, text in fit.attrs.items() if name not in as_texts(bnn)}
    pbnn.predict(build(names="acb"), fit, frame.iloc[:2][["a", "c", "b"]])
