"""What the estimators answer: the same as pbnn's own calls, in the shapes that scikit-learn's users expect."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.exceptions import NotFittedError

import pbnn
from pbnn import likelihoods, priors
from pbnn.errors import DataError
from pbnn.estimators import BNNClassifier, BNNRegressor

MAP = pbnn.MAP(starts=1)
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 2))
SIGNAL = X[:, 0] + 0.3 * rng.normal(size=40)
# Both with noise: of an output without any, the mode is singular, and a point fit lets the other one go.
BOTH = np.stack([SIGNAL, 10 * X[:, 1] + 2 * np.cos(9 * X[:, 0])], axis=1)
LABELS = np.array(["low", "mid", "top"])[np.digitize(SIGNAL, [-0.5, 0.5])]
X_NEW = rng.normal(size=(7, 2))
TABLE = pd.DataFrame({"x": X[:, 0], "kind": pd.Categorical(np.where(X[:, 1] > 0, "b", "a"))})


@pytest.fixture(scope="module")
def regressor():
    return BNNRegressor((), method=pbnn.Laplace("diag", tune=None, draws=300), random_state=1).fit(X, SIGNAL)


@pytest.fixture(scope="module")
def two_outputs():
    return BNNRegressor((), method=MAP, random_state=1).fit(X, BOTH)


@pytest.fixture(scope="module")
def classifier():
    return BNNClassifier((), method=pbnn.Ensemble(members=2), random_state=1).fit(X, LABELS)


@pytest.fixture(scope="module")
def with_categories():
    return BNNRegressor(3, method=MAP, random_state=1).fit(TABLE, pd.Series(SIGNAL, name="heat"))


def predictions(model, **options):
    found = pbnn.predict(model.bnn_, model.idata_, X_NEW, precision="float64", **options)
    return found["predictions"].to_dataset()


# ---------------------------------------------------------------- regression


@pytest.mark.slow
def test_mean_and_std_are_those_of_predict(regressor):
    mean, std = regressor.predict(X_NEW, return_std=True)
    found = predictions(regressor, kind="summary", seed=1)
    np.testing.assert_allclose(mean, found["mean"], rtol=1e-12)
    np.testing.assert_allclose(std, found["sd"], rtol=1e-12)
    np.testing.assert_array_equal(regressor.predict(X_NEW), mean)


def test_mean_and_std_of_a_linear_model_follow_from_its_weights():
    known = pbnn.Network([], likelihoods.Gaussian(noise=0.5), weights=priors.Normal(), biases=priors.Normal())
    model = BNNRegressor(network=known, method=MAP, standardize=False, random_state=1).fit(X, SIGNAL)
    # The posterior of ridge regression with noise 0.5 and prior scale 1; its mode is its mean.
    design = np.column_stack([X, np.ones(len(X))])
    mode = np.linalg.solve(design.T @ design / 0.25 + np.eye(3), design.T @ SIGNAL / 0.25)
    mean, std = model.predict(X_NEW, return_std=True)
    np.testing.assert_allclose(mean, np.column_stack([X_NEW, np.ones(7)]) @ mode, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(std, 0.5)


def test_quantiles_are_of_a_new_observation(regressor):
    levels = (0.1, 0.5, 0.9)
    found = regressor.predict_quantiles(X_NEW, levels)
    assert found.shape == (7, 3)
    assert (np.diff(found, axis=1) > 0).all()
    seed = regressor.idata_.attrs["seed"]
    own = predictions(regressor, kind="summary", quantiles=levels, seed=seed)["quantiles"]
    np.testing.assert_array_equal(found, own.transpose("obs", "quantile"))


@pytest.mark.parametrize(("shift", "fine"), [(0.0, True), (0.2, False)])
def test_samples_have_the_mean_that_is_predicted(regressor, shift, fine):
    n = 6000  # each of the 300 draws of the weights 20 times, so that the noise alone makes an error
    mean, std = regressor.predict(X_NEW, return_std=True)
    draws = regressor.sample_y(X_NEW, n, random_state=1) + shift * std[:, None]
    assert draws.shape == (7, n)
    limit = norm.ppf(1 - 1e-4 / 14) / np.sqrt(n)
    assert (np.abs(draws.mean(axis=1) - mean) / std < limit).all() == fine


def test_samples_repeat_with_their_seed(regressor):
    one, again, other = (regressor.sample_y(X_NEW, 3, random_state=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.isclose(one, other).any()


@pytest.mark.slow
def test_a_single_draw_of_the_weights_gives_many_samples(two_outputs):
    draws = two_outputs.sample_y(X_NEW, 50)
    assert len(np.unique(draws)) == draws.size


@pytest.mark.slow
def test_several_outputs(two_outputs):
    mean, std = two_outputs.predict(X_NEW, return_std=True)
    assert mean.shape == std.shape == (7, 2)
    assert two_outputs.predict_quantiles(X_NEW, [0.5]).shape == (7, 2, 1)
    assert two_outputs.sample_y(X_NEW, 4).shape == (7, 2, 4)
    assert np.corrcoef(mean[:, 1], X_NEW[:, 1])[0, 1] > 0.99
    assert two_outputs.score(X, BOTH) > 0.8


@pytest.mark.slow
def test_a_column_comes_back_as_a_column():
    frame = pd.DataFrame({"heat": SIGNAL})
    one, column, named = (BNNRegressor((), method=MAP, random_state=1) for _ in range(3))
    vector = one.fit(X, SIGNAL).predict(X_NEW)
    for model, y in ((column, SIGNAL[:, None]), (named, frame)):
        np.testing.assert_allclose(model.fit(X, y).predict(X_NEW), vector[:, None], rtol=1e-12)
        assert model.sample_y(X_NEW, 4).shape == (7, 1, 4)
    assert named.bnn_.response.names == ("heat",)


@pytest.mark.nightly
def test_counts_by_their_likelihood():
    y = rng.poisson(np.exp(0.5 * X[:, 0] + 1))
    model = BNNRegressor((), likelihood=likelihoods.Poisson(), method=MAP, random_state=1).fit(X, y)
    mean, std = model.predict(X_NEW, return_std=True)
    np.testing.assert_allclose(
        std**2, mean, rtol=1e-6
    )  # the variance of a Poisson, at one draw of the weights
    assert (model.sample_y(X_NEW, 20) >= 0).all()
    assert np.array_equal(model.predict_quantiles(X_NEW) % 1, np.zeros((7, 3)))


@pytest.mark.nightly
def test_times_known_in_part():
    time = np.exp(0.3 * X[:, 0])
    y = pbnn.right_censored(np.minimum(time, 1.2), event=time <= 1.2)
    model = BNNRegressor((), likelihood=likelihoods.LogNormal(), method=MAP, random_state=1).fit(X, y)
    assert (model.predict(X_NEW) > 0).all()


# ---------------------------------------------------------------- classification


@pytest.mark.slow
def test_probabilities_are_those_of_predict(classifier):
    p = classifier.predict_proba(X_NEW)
    np.testing.assert_allclose(p, predictions(classifier, kind="summary")["p"], rtol=1e-12)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    assert classifier.classes_.tolist() == ["low", "mid", "top"]
    np.testing.assert_array_equal(classifier.predict(X_NEW), classifier.classes_[p.argmax(axis=1)])
    assert classifier.score(X, LABELS) > 0.7


def test_samples_of_labels_come_as_often_as_is_predicted(classifier):
    draws = classifier.sample_y(X_NEW, 4000, random_state=1)
    share = (draws[..., None] == classifier.classes_).mean(axis=1)
    p = classifier.predict_proba(X_NEW)
    assert (np.abs(share - p) < norm.ppf(1 - 1e-4 / 21) * np.sqrt(p * (1 - p) / 4000)).all()


@pytest.mark.slow
def test_ordered_labels_keep_their_probabilities_beside_sorted_classes():
    order = ("small", "medium", "large")  # not in the order of the alphabet
    y = np.array(order)[np.digitize(SIGNAL, [-0.5, 0.5])]
    model = BNNClassifier((), likelihood=likelihoods.Ordinal(order=order), method=MAP, random_state=1)
    model.fit(X, pd.Series(y, dtype=pd.CategoricalDtype(order, ordered=True)))
    assert model.classes_.tolist() == ["large", "medium", "small"]
    p = pd.DataFrame(model.predict_proba(X), columns=model.classes_)
    assert p["large"].corr(pd.Series(X[:, 0]), method="spearman") > 0.9
    assert model.score(X, y) > 0.7
    highest = model.sample_y(X[[X[:, 0].argmax()]], 20)
    assert (highest == "large").mean() > 0.5


@pytest.mark.parametrize("labels", [(0, 1), (1.0, 2.0), (False, True)])
def test_labels_keep_their_type(labels):
    y = np.array(labels)[(SIGNAL > 0).astype(int)]
    model = BNNClassifier((), method=MAP, random_state=1).fit(X, y)
    assert model.classes_.tolist() == list(labels)
    assert model.predict(X_NEW).dtype == y.dtype
    assert isinstance(model.bnn_.network.likelihood, likelihoods.Bernoulli)


# ---------------------------------------------------------------- tables


@pytest.mark.slow
def test_a_categorical_column_gets_an_embedding(with_categories):
    assert with_categories.bnn_.network.layers == (pbnn.Embedding("kind"), pbnn.Dense(3))
    assert with_categories.bnn_.response.names == ("heat",)
    assert with_categories.feature_names_in_.tolist() == ["x", "kind"]
    assert with_categories.predict(TABLE[:4]).shape == (4,)
    with pytest.raises(DataError, match="unknown category 'c'"):
        with_categories.predict(pd.DataFrame({"x": [0.0], "kind": ["c"]}))


@pytest.mark.slow
def test_a_column_that_a_layer_takes_is_left_to_it():
    layers = [pbnn.GroupDense("kind", 3)]
    named = BNNRegressor(layers, method=MAP, random_state=1).fit(TABLE, SIGNAL)
    assert named.bnn_.network.layers == tuple(layers)
    by_place = BNNRegressor([pbnn.Embedding(1), 3], method=MAP, random_state=1)
    by_place.fit(TABLE.to_numpy(dtype=object), SIGNAL)
    assert by_place.bnn_.columns.categories[1] == ("a", "b")


@pytest.mark.slow
def test_images_reach_the_layers_that_take_them():
    images = rng.normal(size=(20, 4, 4, 1))
    model = BNNRegressor([pbnn.Conv2D(2, 2), pbnn.Flatten()], method=MAP, random_state=1)
    assert model.fit(images, images.mean(axis=(1, 2, 3))).predict(images[:3]).shape == (3,)


# ---------------------------------------------------------------- parameters and errors


def test_defaults_are_those_of_pbnn():
    model = BNNRegressor()
    assert model._spec("method") == pbnn.MCLMC()
    assert model._network(X, likelihoods.Gaussian()) == pbnn.Network([pbnn.Dense(20)], likelihoods.Gaussian())


def test_a_prior_scale_is_that_of_all_weights():
    network = BNNRegressor((5, 5), activation="relu", prior_scale=2.0)._network(X, likelihoods.Gaussian())
    assert network.layers == (pbnn.Dense(5, "relu"),) * 2
    assert network.weights == priors.Normal(scale=priors.FanIn(2.0))


def test_fields_of_options_are_parameters():
    model = BNNRegressor()
    assert model.get_params()["method__draws"] == pbnn.MCLMC().draws
    assert "method__draws" not in model.get_params(deep=False)
    model.set_params(method="nuts", method__draws=7, likelihood=likelihoods.StudentT(), likelihood__df=4.0)
    assert model.method == pbnn.NUTS(draws=7)
    assert model.likelihood == likelihoods.StudentT(df=4.0)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("method__draw", r"unknown parameter 'method__draw'; .* Did you mean 'method__draws'\?"),
        ("likelihood__df", "unknown parameter 'likelihood__df'"),
        ("methods__draws", r"unknown parameter 'methods__draws'; .* Did you mean"),
        ("layer", "Invalid parameter 'layer'"),
    ],
)
def test_unknown_parameters_are_named(name, words):
    with pytest.raises(ValueError, match=words):
        BNNRegressor().set_params(**{name: 1})


NET = pbnn.Network([pbnn.Dense(5)], likelihoods.Gaussian())


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (BNNRegressor(network=NET, layers=(5,)), r"network= says it all; leave out layers="),
        (BNNRegressor(network="5"), "network must be a pbnn.Network; got '5'"),
        (BNNRegressor(layers="5"), r"layers\[0\] must be one of"),
        (BNNRegressor(layers=None), "layers must be a list of layers; got None"),
        (BNNRegressor(likelihood=likelihoods.Bernoulli()), "Bernoulli is one for BNNClassifier"),
        (BNNClassifier(likelihood=likelihoods.Poisson()), "Poisson is one for BNNRegressor"),
        (BNNClassifier(network=NET), "Gaussian is one for BNNRegressor"),
        (BNNRegressor(likelihood="poisson"), "likelihood must be one of"),
        (BNNClassifier(likelihood=likelihoods.Ordinal), r"write likelihoods.Ordinal\(\)"),
        (BNNRegressor(method="mclm"), r"unknown method 'mclm'; .*Did you mean 'mclmc'\?"),
        (BNNRegressor(prior_scale=-1.0), "FanIn: gain must be"),
    ],
)
def test_parameters_that_mean_nothing_are_refused_at_fit(model, words):
    y = LABELS if isinstance(model, BNNClassifier) else SIGNAL
    with pytest.raises(ValueError, match=words):
        model.fit(X, y)
    with pytest.raises(NotFittedError):
        model.predict(X)


@pytest.mark.parametrize(
    ("X", "y", "words"),
    [
        (X, SIGNAL[:5], "inconsistent numbers of samples"),
        (X, np.where(SIGNAL > 2, np.nan, SIGNAL) * np.nan, "Input y contains NaN"),
        (X, None, "requires y to be passed"),
        (TABLE.assign(x=np.nan), SIGNAL, "X column 'x'.*missing"),
        (
            TABLE.astype({"kind": str}),
            SIGNAL,
            r"X column 'kind' holds text.*pass X.astype\(\{'kind': 'category'\}\)",
        ),
    ],
)
def test_data_that_cannot_be_used_are_refused(X, y, words):
    with pytest.raises(ValueError, match=words):
        BNNRegressor(method=MAP).fit(X, y)


def test_other_columns_than_in_training_are_refused(with_categories, regressor):
    with pytest.raises(ValueError, match="feature names should match"):
        with_categories.predict(TABLE.rename(columns={"x": "z"}))
    with pytest.raises(ValueError, match="X has 3 features, but BNNRegressor is expecting 2"):
        regressor.predict(np.ones((2, 3)))


@pytest.mark.parametrize("n", [0, 1.5, True])
def test_samples_must_be_a_number_of_them(regressor, n):
    with pytest.raises(DataError, match="n_samples must be a whole number > 0"):
        regressor.sample_y(X_NEW, n)


@pytest.mark.slow
def test_scikit_learn_missing_is_said_with_the_extra():
    code = "import sys; sys.modules['sklearn'] = None\nimport pbnn\nprint(pbnn.fit.__name__)\npbnn.estimators"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "fit\n"
    assert "MissingExtraError: estimators: scikit-learn is not installed." in done.stderr
    assert 'pip install "pbnn[sklearn]"' in done.stderr


def test_missing_labels_and_columns_of_text_say_what_to_do():
    with pytest.raises(DataError, match="BNNClassifier: y is missing in row 1"):
        BNNClassifier((), method=MAP).fit(X[:4], np.array(["a", None, "b", "a"], dtype=object))
    texts = TABLE.astype({"kind": object})
    with pytest.raises(DataError, match=r"'kind' holds text.*pass X\.astype\(\{'kind': 'category'\}\)"):
        BNNRegressor((), method=MAP).fit(texts, SIGNAL)
    model = BNNRegressor((), method=MAP, random_state=1).fit(texts.astype({"kind": "category"}), SIGNAL)
    assert pbnn.Embedding("kind") in model.bnn_.network.layers
