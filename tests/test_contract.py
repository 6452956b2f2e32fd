"""The lines of the contract run as written: on a DataFrame, on arrays and on DataArrays.

Only the options of methods differ: a test has no time for a thousand draws.
"""

import json

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr

import pbnn
from pbnn import likelihoods, priors

pytestmark = pytest.mark.slow

QUICK = pbnn.ADVI(draws=100, steps=3000)
MCLMC = pbnn.MCLMC(draws=100, chains=2, thin=4, tune=1600)
FORMS = {
    "frame": (lambda X: X, lambda y: y),
    "array": (lambda X: X.to_numpy(), lambda y: y.to_numpy()),
    "dataarray": (
        lambda X: xr.DataArray(X.to_numpy(), dims=("obs", "feature"), coords={"feature": list(X.columns)}),
        lambda y: xr.DataArray(y.to_numpy(), dims=("obs",), name=y.name),
    ),
}


@pytest.fixture(scope="module")
def table():
    data = pbnn.datasets.make_linear(60, 3, noise=0.3, seed=1)
    return pbnn.datasets.split(data, 0.25, seed=1)


@pytest.mark.parametrize(
    "form", ["array", *(pytest.param(form, marks=pytest.mark.nightly) for form in ("frame", "dataarray"))]
)
def test_public_surface_runs_as_written(form, table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    as_X, as_y = FORMS[form]
    X, y = as_X(table.X_train), as_y(table.y_train)
    X_test, y_test = as_X(table.X_test), as_y(table.y_test)
    X_new = X_test

    net = pbnn.Network(
        layers=[pbnn.Dense(50, "tanh"), pbnn.Dense(50, "tanh")],  # hidden layers
        likelihood=likelihoods.Gaussian(),  # adds the output layer it needs
    )
    bnn = pbnn.build(net, X, y)  # bnn.model is a pm.Model; dims and coords are named
    method = MCLMC if form == "frame" else QUICK
    idata = pbnn.fit(bnn, method, seed=1)
    pred = pbnn.predict(bnn, idata, X_new, seed=2)  # DataTree with a group "predictions"
    diagnosis = pbnn.diagnose(bnn, idata)
    scores = pbnn.score(bnn, idata, X_test, y_test)
    pbnn.report(bnn, idata, "report.html", X_test=X_test, y_test=y_test)
    pbnn.save(bnn, idata, "run.nc")
    bnn, idata = pbnn.load("run.nc")  # reloads without the training data

    assert isinstance(bnn.model, pm.Model)
    assert list(bnn.model.coords["feature"]) == ["x0", "x1", "x2"]
    assert set(idata.children) >= {"posterior", "sample_stats", "observed_data", "constant_data"}
    assert idata.attrs["sampling"] == ("mcmc" if method is MCLMC else "approximate")
    assert {
        "method",
        "options",
        "seed",
        "precision",
        "versions",
        "network",
        "wall_time",
    } <= idata.attrs.keys()
    assert pbnn.Network.from_json(idata.attrs["network"]) == net
    assert json.loads(idata.attrs["options"])["draws"] == 100
    assert pred["predictions"]["y"].dims == pred["predictions"]["mu"].dims == ("chain", "draw", "obs")
    assert {"r_hat", "ess_bulk", "mcse_mean"} <= set(diagnosis)
    assert diagnosis.attrs["verdict"]
    assert {"rmse", "lpd", "crps", "coverage"} <= set(scores)
    assert "<html" in (tmp_path / "report.html").read_text()[:500]
    again = pbnn.predict(bnn, idata, X_new, seed=2)
    xr.testing.assert_equal(again["predictions"].to_dataset(), pred["predictions"].to_dataset())


def test_predictions_come_in_the_units_of_y(table):
    bnn = pbnn.build(pbnn.Network([], likelihoods.Gaussian()), table.X_train, 1000 + 50 * table.y_train)
    idata = pbnn.fit(bnn, pbnn.MAP(), seed=1)
    mu = pbnn.predict(bnn, idata, table.X_test, seed=1)["predictions"]["mu"].mean(("chain", "draw"))
    np.testing.assert_allclose(mu, 1000 + 50 * table.y_test, atol=5 * 50 * 0.3)
    raw = pbnn.build(
        pbnn.Network([], likelihoods.Gaussian()), table.X_train, table.y_train, standardize=False
    )
    assert raw.columns.scale == (1.0, 1.0, 1.0)


def test_classes_have_probabilities():
    data = pbnn.datasets.split(pbnn.datasets.load_penguins(categorical=True), 0.2, seed=1)
    layers = [pbnn.Embedding("island"), pbnn.Embedding("sex"), pbnn.Dense(10)]
    bnn = pbnn.build(pbnn.Network(layers, likelihoods.Categorical()), data.X_train, data.y_train)
    idata = pbnn.fit(bnn, "map", seed=1)
    p = pbnn.predict(bnn, idata, data.X_test, seed=1)["predictions"]["p"]
    assert p.dims == ("chain", "draw", "obs", "class")
    assert list(p["class"].values) == ["Adelie", "Chinstrap", "Gentoo"]
    scores = pbnn.score(bnn, idata, data.X_test, data.y_test)
    assert {"accuracy", "lpd", "brier", "ece"} <= set(scores)
    assert float(scores["accuracy"]) > 0.9


@pytest.mark.filterwarnings("ignore:fit. the chains do not agree")
def test_the_component_runs_in_anyones_model(table):
    x, y = table.X_train.to_numpy(), table.y_train.to_numpy()
    with pm.Model() as model:  # the component, in anyone's model
        f = pbnn.nn("f", x, [pbnn.Dense(20, "tanh")], outputs=1)
        sigma = pm.HalfNormal("sigma", 1.0)
        pm.Normal("y", f, sigma, observed=y)
    idata = pbnn.fit(model, pbnn.NUTS(draws=30, tune=30, chains=2), seed=1)
    assert idata.attrs["sampling"] == "mcmc"
    assert dict(idata["posterior"]["f"].sizes) == {"chain": 2, "draw": 30, "f_dim_0": len(y)}
    assert idata["posterior"]["sigma"].dims == ("chain", "draw")


@pytest.mark.parametrize(
    "noise", [0.1, priors.HalfNormal(1.0), priors.LogNormal(0.3), "heteroscedastic"], ids=str
)
def test_noise_is_a_number_a_prior_or_heteroscedastic(noise, table):
    net = pbnn.Network([pbnn.Dense(5)], likelihoods.Gaussian(noise=noise))
    bnn = pbnn.build(net, table.X_train, table.y_train)
    learned = "noise" in {rv.name for rv in bnn.model.free_RVs}
    assert learned == isinstance(noise, priors.HalfNormal | priors.LogNormal)


def test_defaults_hold_for_every_layer_that_names_none(table):
    net = pbnn.Network(
        [pbnn.Dense(4), pbnn.Dense(4, weight=priors.Laplace())],
        likelihoods.Gaussian(),
        weights=priors.StudentT(),
        biases=priors.Normal(scale=0.1),
    )
    model = pbnn.build(net, table.X_train, table.y_train).model
    kinds = {rv.name: type(rv.owner.op).__name__ for rv in model.free_RVs}
    assert kinds["h0_weight"] == kinds["out_weight"] == "StudentTRV"
    assert kinds["h1_weight"] == "LaplaceRV"


@pytest.mark.parametrize(
    "method",
    ["map", "advi", pytest.param(pbnn.NUTS(draws=20, tune=20, chains=2), id="nuts")],
)
def test_the_same_seed_gives_the_same_draws(method, table):
    bnn = pbnn.build(pbnn.Network([], likelihoods.Gaussian()), table.X_train, pd.Series(table.y_train))
    first, again, other = (pbnn.fit(bnn, method, seed=s)["posterior"].to_dataset() for s in (1, 1, 2))
    xr.testing.assert_equal(first, again)
    assert method == "map" or not np.allclose(first["out_weight"], other["out_weight"])
