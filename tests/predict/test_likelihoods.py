"""Each likelihood from data to a fit, predictions, scores and a file; draws against SciPy's distributions."""

from functools import cache

import jax
import numpy as np
import pytest
import xarray as xr
from scipy.special import i0, i1

import pbnn
from pbnn.spec.network import Network
from tests.graph.likelihood_cases import CASES, X, bnn, meaning, outputs, point, target

DRAWS = 4000
QUICK = ("NegativeBinomial", "Gamma", "VonMises")
SOME = [name if name in QUICK else pytest.param(name, marks=pytest.mark.nightly) for name in CASES]


@cache
def fit(name):
    return pbnn.fit(bnn(name), pbnn.MAP(), seed=1)


def draws(name, precision="float64"):
    at, z, f = target(name, precision), point(name).astype(precision), outputs(name).astype(precision)
    with at.scope():
        keys = jax.random.split(jax.random.PRNGKey(1), DRAWS)
        return np.asarray(jax.jit(jax.vmap(lambda key: at.draw_response_of(f, z, key)))(keys))


@pytest.mark.slow
@pytest.mark.parametrize("name", SOME)
@pytest.mark.parametrize(("precision", "wrong"), [("float64", False), ("float64", True), ("float32", False)])
def test_draws_are_those_of_scipy(name, precision, wrong):
    """Against the distribution, or its probabilities; `wrong` plants draws of another row."""
    drawn, exact = draws(name, precision), meaning(name, outputs(name), point(name))
    if wrong:
        drawn = np.roll(drawn, 1, axis=1)
    worst = 0.0
    if "p" in exact.parameters:
        p = exact.parameters["p"]
        shares = (drawn[..., None] == np.arange(p.shape[1])).mean(axis=0)
        worst = np.abs((shares - p) / np.sqrt(p * (1 - p) / DRAWS)).max()
    elif name == "VonMises":
        mu, kappa = exact.parameters["mu"], np.hypot(*outputs(name).T)
        sine = np.sin(drawn - mu)
        # E sin^2 = I1 / (kappa I0)
        error = np.sqrt(np.array([i1(k) / (k * i0(k)) for k in kappa]) / DRAWS)
        worst = np.abs(sine.mean(axis=0) / error).max()
        chord = 2 - 2 * np.cos(drawn - mu)
        worst = max(
            worst,
            np.abs((chord.mean(0) - exact.parameters["variance"]) / (chord.std(0) / np.sqrt(DRAWS))).max(),
        )
    elif exact.cdf is not None and bnn(name).response.kind != "counts":
        u = np.stack([exact.cdf(row) for row in drawn])
        z = (u.mean(axis=0) - 0.5) / np.sqrt(1 / 12 / DRAWS)
        z_squares = ((u**2).mean(axis=0) - 1 / 3) / np.sqrt(4 / 45 / DRAWS)
        worst = max(np.abs(z).max(), np.abs(z_squares).max())
    else:
        mu, variance = exact.parameters["mu"], exact.parameters["variance"]
        worst = np.abs((drawn.mean(axis=0) - mu) / np.sqrt(variance / DRAWS)).max()
        squares = (drawn - mu) ** 2
        worst = max(worst, np.abs((squares.mean(0) - variance) / (squares.std(0) / np.sqrt(DRAWS))).max())
    # At most 36 independent numbers in one comparison, two each: 4.5 sd happens once in 2000.
    assert (worst < 4.5) != wrong


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "Gamma" else pytest.mark.nightly) for name in CASES]
)
def test_a_fit_predicts_scores_and_is_saved(name, tmp_path):
    one, idata, y = bnn(name), fit(name), CASES[name][1]
    pred = pbnn.predict(one, idata, X, seed=2)["predictions"]
    again = pbnn.predict(one, idata, X, seed=2)["predictions"]
    xr.testing.assert_identical(pred, again)
    for values in pred.data_vars.values():
        assert np.isfinite(values).all()
    assert pred["y"].shape[2:] == np.shape(y)
    summary = pbnn.predict(one, idata, X, seed=2, kind="summary")["predictions"]
    assert all(np.isfinite(values).all() for values in summary.data_vars.values())
    scores = pbnn.score(one, idata, X, y, seed=3)
    at, z = target(name), np.asarray(target(name).draws(idata["posterior"].to_dataset()))[0, 0]
    lpd = np.asarray(at.log_likelihood(z)).mean()
    np.testing.assert_allclose(scores["lpd"], lpd, rtol=1e-3)
    pbnn.save(one, idata, tmp_path / "run.nc")
    loaded, back = pbnn.load(tmp_path / "run.nc")
    assert loaded.network == one.network == Network.from_json(one.network.to_json())
    assert loaded.response == one.response
    np.testing.assert_array_equal(pbnn.predict(loaded, back, X, seed=2)["predictions"]["y"], pred["y"])


@pytest.mark.nightly
def test_angles_are_averaged_as_directions():
    """Directions about +-pi: their mean is there, not at 0."""
    rng = np.random.default_rng(1)
    x = np.linspace(-1, 1, 60)[:, None]
    y = np.mod(np.pi + 0.3 * x[:, 0] + 0.2 * rng.normal(size=60) + np.pi, 2 * np.pi) - np.pi
    one = pbnn.build(Network([], pbnn.likelihoods.VonMises()), x, y)
    idata = pbnn.fit(one, pbnn.Laplace(draws=50), seed=1)
    found = pbnn.predict(one, idata, x, seed=1, kind="summary")["predictions"]
    assert (np.cos(found["mean"]) < -0.8).all()
    assert (found["sd"] < 0.6).all()
    scores = pbnn.score(one, idata, x, y, seed=1)
    assert scores["rmse"] < 0.4
    assert scores["crps"] < 0.3


def test_pymc_draws_the_same_distribution():
    """`pm.sample_posterior_predictive` has the random variable itself."""
    import pymc as pm

    one, idata = bnn("Gamma"), fit("Gamma")
    with one.model:
        found = pm.sample_posterior_predictive(
            idata, random_seed=1, progressbar=False, compile_kwargs={"mode": "FAST_COMPILE"}
        )
    assert found["posterior_predictive"]["y"].shape[2:] == (len(X),)
    assert (found["posterior_predictive"]["y"] > 0).all()
