"""The linear network with known noise has a posterior in closed form: each method must find it."""

import numpy as np
import pytest

from pbnn.assess import diagnose
from pbnn.infer import ADVI, MAP, NUTS, fit
from pbnn.predict import predict
from tests.exact import LinearGaussian

pytestmark = pytest.mark.slow

METHODS = {
    "nuts": NUTS(draws=1000, tune=500, chains=4),
    "fullrank": ADVI("fullrank", draws=20_000),
    "map": MAP(),
}


@pytest.fixture(scope="module")
def linear():
    return LinearGaussian.simulate()


@pytest.fixture(scope="module")
def inputs():
    """Some near the training inputs, some far outside."""
    return np.random.default_rng(7).normal(size=(30, 3)) * np.linspace(0.3, 3, 30)[:, None]


@pytest.fixture(scope="module")
def fits(linear):
    return {name: fit(linear.bnn, method, seed=1, progress=False) for name, method in METHODS.items()}


@pytest.mark.parametrize(
    ("bias", "widening", "ok"), [(0.0, 1.0, True), (0.3, 1.0, False), (0.0, 1.15, False)]
)
def test_nuts_is_exact_within_monte_carlo_error(linear, inputs, fits, bias, widening, ok):
    mean, sd = linear.function(inputs)
    got = diagnose(linear.bnn, fits["nuts"], inputs)
    assert got.attrs["trust"] == "yes", got.attrs["verdict"]
    errors = [
        (got["mean"] + bias * sd - mean) / got["mcse_mean"],
        (got["sd"] * widening - sd) / got["mcse_sd"],
    ]
    assert all(bool((abs(e) < 4).all()) for e in errors) == ok


@pytest.mark.parametrize(
    ("bias", "widening", "ok"), [(0.0, 1.0, True), (0.1, 1.0, False), (0.0, 1.05, False)]
)
def test_full_rank_advi_is_exact_within_two_percent(linear, inputs, fits, bias, widening, ok):
    mean, sd = linear.function(inputs)
    got = predict(linear.bnn, fits["fullrank"], inputs, seed=2, kind="summary")["predictions"]
    predictive = np.hypot(sd, linear.noise)
    shift = abs(got["mean"] + bias * predictive - mean) / predictive
    ratio = got["sd"] * widening / predictive
    assert bool((shift < 0.02).all() and (abs(ratio - 1) < 0.02).all()) == ok
    assert diagnose(linear.bnn, fits["fullrank"]).attrs["trust"] == "yes"


def test_mean_field_advi_misses_correlations_and_says_so(linear, inputs):
    mixing = np.array([[1, 0.8, 0], [0, 0.6, 0], [0, 0, 1]])
    correlated = LinearGaussian(linear.X @ mixing, linear.y, linear.noise)
    mean, sd = correlated.function(inputs)
    idata = fit(correlated.bnn, ADVI("meanfield", draws=5000), seed=1, progress=False)
    got = predict(correlated.bnn, idata, inputs, seed=2, kind="summary")["predictions"]
    assert (abs(got["mean"] - mean) < 0.25 * sd).all()
    assert float((got["epistemic_sd"] / sd).min()) < 0.6
    assert diagnose(correlated.bnn, idata).attrs["trust"] == "caution"


@pytest.mark.parametrize(("bias", "ok"), [(0.0, True), (0.01, False)])
def test_the_mode_is_the_mean(linear, inputs, fits, bias, ok):
    mean, sd = linear.function(inputs)
    got = predict(linear.bnn, fits["map"], inputs, seed=2, kind="summary")["predictions"]
    assert bool((abs(got["mean"] + bias * sd - mean) < 1e-3 * sd).all()) == ok
    np.testing.assert_allclose(got["sd"], linear.noise, rtol=1e-5)
