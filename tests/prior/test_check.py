"""`check_prior`: what it counts, against counting by hand, and when it warns."""

import json

import numpy as np
import pytest

import pbnn
from pbnn import likelihoods, priors
from pbnn.errors import MethodError
from pbnn.graph.build import build
from pbnn.predict import prior_predict
from pbnn.prior.check import check_prior
from pbnn.prior.units import activations_of

rng = np.random.default_rng(0)
X = rng.normal(size=(30, 2))
Y = np.exp(X[:, 0])


def both(scale, bias, *layers, likelihood=None, y=Y):
    net = pbnn.Network(
        layers,
        likelihood or likelihoods.Gaussian(noise=0.3),
        priors.Normal(scale=scale),
        priors.Normal(scale=bias),
    )
    return build(net, X, y)


def warned(found):
    return [sentence for level, sentence in json.loads(found.attrs["findings"]) if level == "caution"]


@pytest.fixture(scope="module")
def wild():
    return both(3.0, 30.0, pbnn.Dense(6), pbnn.Residual([pbnn.Dense(6, "relu")]))


@pytest.mark.slow
def test_units_are_counted_as_by_hand(wild):
    found = check_prior(wild, draws=64, seed=1)
    w = prior_predict(wild, draws=64, seed=1)["prior"].isel(chain=0)
    x = (X - X.mean(0)) / X.std(0)
    a = x @ w["h0_weight"].values + w["h0_bias"].values[:, None, :]
    h = np.tanh(a)
    b = h @ w["h1_0_weight"].values + w["h1_0_bias"].values[:, None, :]
    assert found["layer"].values.tolist() == ["h0", "h1_0"]
    beyond = np.abs(h) > 0.99
    assert float(found["saturated"][0]) == pytest.approx(beyond.mean(), abs=1e-6)
    stuck = beyond.all(1) & ((h > 0).all(1) | (h < 0).all(1))
    assert float(found["stuck"][0]) == pytest.approx(stuck.mean(), abs=1e-6)
    assert float(found["dead"][1]) == pytest.approx((b <= 0).all(1).mean(), abs=1e-6)
    assert float(found["unit_sd"][1]) == pytest.approx(np.sqrt((b**2).mean()), rel=1e-5)
    assert np.isnan(found["dead"][0])
    assert np.isnan(found["saturated"][1])


def test_warns_of_all_that_is_wrong(wild):
    found = check_prior(wild, draws=64, seed=1, support=(0, None))
    said = " ".join(warned(found))
    for part in (
        "tanh units of h0 are beyond",
        "relu units of h1_0 are 0",
        "lie outside 0 to inf",
        "farther from",
    ):
        assert part in said
    assert found.attrs["verdict"].startswith("Look at the prior again")


def test_predictions_are_counted_as_by_hand(wild):
    found = check_prior(wild, draws=64, seed=1, support=(0, 5))
    y = prior_predict(wild, draws=64, seed=1)["prior_predictive"]["y"].values[0]
    wide = np.ptp(Y)
    assert float(found["far"]) == pytest.approx(((y < Y.min() - wide) | (y > Y.max() + wide)).mean())
    assert float(found["outside"]) == pytest.approx(((y < 0) | (y > 5)).mean())
    above = (y.std(1) >= Y.std()).sum()
    assert float(found["p_value"].sel(statistic="sd")) == pytest.approx((above + 0.5) / 65)
    assert float(found["observed"].sel(statistic="max")) == Y.max()


@pytest.mark.slow
def test_says_so_when_nothing_is_wrong():
    found = check_prior(both(0.7, 0.3, pbnn.Dense(6)), draws=200, seed=1)
    assert not warned(found)
    assert found.attrs["verdict"] == "Nothing unintended was found."


def test_conflict():
    """A prior of nearly constant functions and data that vary."""
    found = check_prior(both(0.01, 0.01, likelihood=likelihoods.Gaussian(noise=0.01)), draws=200, seed=1)
    assert any("in conflict" in s and "the sd of y is above" in s for s in warned(found))
    assert float(found["p_value"].sel(statistic="sd")) < 0.01


@pytest.mark.nightly
@pytest.mark.parametrize(("shift", "ok"), [(0.0, True), (3.0, False)])
def test_p_values_are_uniform_for_data_from_the_prior(shift, ok):
    """Data drawn from the model itself: the p-value of the mean, over data sets, has mean 1/2 and variance 1/12."""
    net = pbnn.Network([], likelihoods.Gaussian(noise=1.0), priors.Normal(), priors.Normal(scale=0.5))
    local = np.random.default_rng(1)
    p = []
    for i in range(12):
        w, b = local.normal(size=2), 0.5 * local.normal()
        bnn = build(net, X, X @ w + b + local.normal(size=30) + shift, standardize=False)
        p.append(float(check_prior(bnn, draws=100, seed=i)["p_value"].sel(statistic="mean")))
    assert (abs(np.mean(p) - 0.5) < 4 * np.sqrt((1 / 12 + 0.25 / 100) / 12)) == ok


@pytest.mark.slow
def test_classes():
    labels = np.array(["a", "b", "c"])[np.digitize(X[:, 0], [-0.5, 0.5])]
    found = check_prior(
        both(9.0, 1.0, pbnn.Dense(8), likelihood=likelihoods.Categorical(), y=labels), draws=50, seed=1
    )
    assert found["statistic"].values.tolist() == ["share of a", "share of b", "share of c"]
    assert float(found["observed"].sum()) == pytest.approx(1.0)
    assert any("above 0.99" in s for s in warned(found))


def test_several_outputs_and_no_hidden_layer():
    found = check_prior(both(1.0, 1.0, y=np.stack([Y, 100 * Y], axis=1)), draws=50, seed=1, support=(0, None))
    assert found.sizes == {"layer": 0, "statistic": 4, "output": 2}
    assert sum("of y1" in s for s in warned(found)) == 1


@pytest.mark.slow
def test_same_seed_same_findings(wild):
    assert check_prior(wild, draws=20, seed=3).identical(check_prior(wild, draws=20, seed=3))


def test_activations_by_stem():
    net = pbnn.Network(
        [pbnn.Dense(2), pbnn.LayerNorm(), pbnn.Residual([pbnn.Dense(3, "relu"), pbnn.Dense(2, "sin")])],
        likelihoods.Gaussian(),
    )
    assert activations_of(net) == {"h0": "tanh", "h2_0": "relu", "h2_1": "sin"}


@pytest.mark.parametrize("support", [(1, 0), 3, (0,), ("a", "b")])
def test_bad_support(wild, support):
    with pytest.raises(MethodError, match="support must be two numbers"):
        check_prior(wild, support=support)


def test_bad_calls(wild):
    with pytest.raises(MethodError, match="must be a BNN"):
        check_prior(wild.model)
    with pytest.raises(MethodError, match="draws must be a whole number"):
        check_prior(wild, draws=0)


@pytest.mark.slow
def test_what_cannot_be_compared_with_the_data_is_said():
    times = pbnn.right_censored(Y, np.arange(30) % 2 == 0)
    found = check_prior(both(1.0, 1.0, likelihood=likelihoods.Weibull(), y=times), draws=20, seed=1)
    assert "were not compared with y: some of its times are known in part" in found.attrs["verdict"]
    assert np.isnan(found["p_value"]).all()
    assert np.isnan(found["far"])
    counts = rng.multinomial(5, [0.2, 0.8], size=30)
    found = check_prior(both(1.0, 1.0, likelihood=likelihoods.Multinomial(), y=counts), draws=20, seed=1)
    assert "n=1 counts, and some of its rows have other totals" in found.attrs["verdict"]
    found = check_prior(both(1.0, 1.0, likelihood=likelihoods.Multinomial(5), y=counts), draws=20, seed=1)
    assert np.isfinite(found["p_value"]).all()


def test_units_whose_groups_differ_are_left_out():
    net = pbnn.Network([pbnn.GroupDense("g", 2, "relu"), pbnn.Dense(2)], likelihoods.Gaussian())
    assert activations_of(net) == {"h1": "tanh"}
