"""The estimators among scikit-learn's own tools: its checks, pipelines, searches, copies and files."""

import os
import pickle
import subprocess
import sys
from copy import deepcopy
from functools import partial

import jax
import joblib
import numpy as np
import pandas as pd
import pytest
from jax.experimental.compilation_cache.compilation_cache import reset_cache
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

import pbnn
from pbnn import likelihoods
from pbnn.estimators import BNNClassifier, BNNRegressor

MAP = pbnn.MAP(starts=1)
rng = np.random.default_rng(0)
N = 40
TABLE = pd.DataFrame({"x": rng.normal(size=N), "kind": np.where(rng.random(N) > 0.5, "b", "a")})
HEAT = pd.Series(3 * TABLE["x"] + (TABLE["kind"] == "b") + 0.1 * rng.normal(size=N), name="heat")
WARM = np.where(HEAT > 0, "yes", "no")
X = TABLE[["x"]].to_numpy()


# ---------------------------------------------------------------- scikit-learn's own checks


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    return str(tmp_path_factory.mktemp("compiled"))


@pytest.fixture
def quick_to_compile(compiled):
    """Compile quickly, and each program once: hundreds of tiny fits take less time than compiling does."""
    settings = {
        "jax_disable_most_optimizations": (True, False),
        "jax_compilation_cache_dir": (compiled, None),
        "jax_persistent_cache_min_compile_time_secs": (0.0, 1.0),
    }
    for name, (here, _) in settings.items():
        jax.config.update(name, here)
    yield
    for name, (_, default) in settings.items():
        jax.config.update(name, default)
    reset_cache()


SMALL = pbnn.MCLMC(draws=50, chains=1, thin=5, tune=500)
"""The default method, made small."""


def checks(kind):
    """Return scikit-learn's checks of an estimator, by name."""
    pairs = estimator_checks_generator(kind((5,), method=SMALL))
    return {getattr(check, "func", check).__name__: partial(check, model) for model, check in pairs}


@pytest.mark.slow
@pytest.mark.usefixtures("quick_to_compile")
def test_what_scikit_learn_asks_of_classifiers_alone_passes():
    both = checks(BNNRegressor)
    own = {name: check for name, check in checks(BNNClassifier).items() if name not in both}
    assert "check_classifiers_train" in own
    for check in own.values():
        check()


@pytest.mark.slow
@pytest.mark.usefixtures("quick_to_compile")
@pytest.mark.parametrize(
    ("kind", "method"),
    [
        (BNNRegressor, SMALL),
        pytest.param(BNNClassifier, SMALL, marks=pytest.mark.nightly),
        pytest.param(BNNRegressor, MAP, marks=pytest.mark.nightly),
        pytest.param(BNNClassifier, MAP, marks=pytest.mark.nightly),
    ],
)
def test_all_checks_of_scikit_learn_pass(kind, method):
    results = check_estimator(kind((5,), method=method), on_skip=None)
    left_out = [result["check_name"] for result in results if result["status"] != "passed"]
    assert left_out == ["check_array_api_input"]  # which is the next test's


@pytest.mark.slow
def test_the_check_that_needs_scipy_in_another_mode_passes():
    code = """
import pbnn
from pbnn.estimators import BNNClassifier, BNNRegressor
from sklearn.utils.estimator_checks import estimator_checks_generator
for kind in (BNNRegressor, BNNClassifier):
    for model, check in estimator_checks_generator(kind((), method=pbnn.MAP(starts=1))):
        if "array_api" in str(check):
            check(model)
            print("checked")
"""
    env = {**os.environ, "SCIPY_ARRAY_API": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.stdout.split() == ["checked"] * 2, done.stderr


# ---------------------------------------------------------------- pipelines and searches


def test_pipeline_with_pandas_output():
    prepare = ColumnTransformer(
        [
            ("number", StandardScaler(), ["x"]),
            ("text", OneHotEncoder(sparse_output=False, drop="if_binary"), ["kind"]),
        ]
    )
    pipeline = make_pipeline(prepare, BNNRegressor((), method=MAP, random_state=1))
    pipeline.set_output(transform="pandas").fit(TABLE, HEAT)
    assert pipeline[-1].feature_names_in_.tolist() == ["number__x", "text__kind_b"]
    assert pipeline[-1].bnn_.columns.names == ("number__x", "text__kind_b")
    assert pipeline.score(TABLE, HEAT) > 0.95
    mean, std = pipeline.predict(TABLE[:3], return_std=True)
    assert mean.shape == std.shape == (3,)


def test_pipeline_hands_on_categories():
    holes = TABLE.assign(x=TABLE["x"].where(np.arange(N) > 2), kind=TABLE["kind"].astype("category"))
    fill = ColumnTransformer(
        [("x", SimpleImputer(), ["x"])], remainder="passthrough", verbose_feature_names_out=False
    )
    pipeline = make_pipeline(
        fill.set_output(transform="pandas"), BNNRegressor((), method=MAP, random_state=1)
    )
    pipeline.fit(holes, HEAT)
    assert pipeline[-1].bnn_.columns.categories == (None, ("a", "b"))


@pytest.mark.slow
def test_grid_search_over_a_likelihood_and_an_option():
    grid = {"likelihood": [likelihoods.Gaussian(), likelihoods.StudentT()], "method__steps": [500]}
    search = GridSearchCV(BNNRegressor((), method=MAP, random_state=1), grid, cv=2).fit(X, HEAT)
    assert search.best_estimator_.method == pbnn.MAP(starts=1, steps=500)
    assert search.best_score_ > 0.9
    assert {type(p["likelihood"]) for p in search.cv_results_["params"]} == {
        likelihoods.Gaussian,
        likelihoods.StudentT,
    }


@pytest.mark.slow
def test_cross_validation_of_a_classifier():
    model = BNNClassifier((), method=MAP, random_state=1)
    assert cross_val_score(model, X, WARM, cv=2, scoring="neg_log_loss").min() > -np.log(2)
    p = cross_val_predict(model, X, WARM, cv=2, method="predict_proba")
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)


def test_inside_another_estimator():
    model = TransformedTargetRegressor(
        BNNRegressor((), method=MAP, random_state=1), func=np.log, inverse_func=np.exp
    )
    model.fit(X, np.exp(HEAT))
    assert (model.predict(X) > 0).all()
    assert model.get_params()["regressor__method__steps"] == MAP.steps


# ---------------------------------------------------------------- copies and files


@pytest.fixture(scope="module")
def fitted():
    """A model of each kind of response, and the inputs that it takes."""
    table = TABLE.assign(kind=TABLE["kind"].astype("category"))
    both = pd.DataFrame({"heat": HEAT, "square": HEAT**2})
    return [
        (BNNRegressor((2,), method=MAP, random_state=1).fit(table, both), table),
        (BNNClassifier((), method=pbnn.Laplace("diag", tune=None, draws=20), random_state=1).fit(X, WARM), X),
    ]


def through_joblib(model, folder):
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib", mmap_mode="r")


@pytest.mark.slow
@pytest.mark.parametrize(
    "again",
    [lambda model, _: pickle.loads(pickle.dumps(model)), through_joblib, lambda model, _: deepcopy(model)],
    ids=["pickle", "joblib", "deepcopy"],
)
def test_copies_of_a_fit_predict_the_same(fitted, again, tmp_path):
    for model, inputs in fitted:
        copy = again(model, tmp_path)
        np.testing.assert_array_equal(copy.predict(inputs[:5]), model.predict(inputs[:5]))
        np.testing.assert_array_equal(copy.sample_y(inputs[:5], 3), model.sample_y(inputs[:5], 3))
        assert copy.bnn_.network == model.bnn_.network
        assert copy.bnn_.n_obs == N


def test_a_fit_given_away_without_its_data_still_predicts(fitted):
    model, inputs = deepcopy(fitted[0][0]), fitted[0][1]
    expected = model.predict(inputs)
    del model.idata_["constant_data"], model.idata_["observed_data"]
    text = pickle.dumps(model)
    np.testing.assert_array_equal(pickle.loads(text).predict(inputs), expected)


def test_clones_have_the_parameters_and_no_fit(fitted):
    for model, _ in fitted:
        copy = clone(model)
        assert copy.get_params() == model.get_params()
        assert not hasattr(copy, "bnn_")
        assert pickle.loads(pickle.dumps(copy)).get_params() == model.get_params()


def test_the_fit_is_there_for_those_who_go_deeper(fitted):
    model, _ = fitted[1]
    assert model.idata_.attrs["method"] == "laplace"
    assert "verdict" in pbnn.diagnose(model.bnn_, model.idata_).attrs
