"""Variance propagation: closed forms, published fixed points, and explicit random networks."""

import numpy as np
import pytest

from pbnn import priors
from pbnn.errors import MethodError, SpecError
from pbnn.prior.mean_field import FUNCTIONS

FAN_IN = priors.Normal(scale=priors.FanIn(1.3))
BIAS = priors.Normal(scale=0.4)


def table(activation="tanh", **options):
    defaults = {"weights": FAN_IN, "biases": BIAS, "depth": 4, "widths": [20, 400], "draws": 2000, "seed": 1}
    return priors.depth_width(activation, **{**defaults, **options})


def test_relu_has_closed_forms():
    """Cho & Saul 2009, 10.5555/2984093.2984132: the arc-cosine kernel."""
    found = table(
        "relu", biases=priors.Normal(scale=1e-12), weights=priors.Normal(scale=priors.FanIn(2**0.5))
    )
    np.testing.assert_allclose(found["variance_limit"], 2.0, rtol=1e-6)
    np.testing.assert_allclose(found["chi"], 1.0, rtol=1e-6)
    c = [0.5]
    for _ in range(3):
        angle = np.arccos(c[-1])
        c.append((np.sin(angle) + (np.pi - angle) * c[-1]) / np.pi)
    np.testing.assert_allclose(found["correlation_limit"].isel(width=0), c, atol=2e-4)
    assert set(found["regime"].values) == {"edge of chaos"}
    assert "saturation" not in found


def test_linear_networks_have_closed_forms():
    found = table("identity")
    q, c = [1.3**2 + 0.16], [1.3**2 * 0.5 + 0.16]
    for _ in range(3):
        q.append(1.3**2 * q[-1] + 0.16)
        c.append(1.3**2 * c[-1] + 0.16)
    np.testing.assert_allclose(found["variance_limit"].isel(width=0), q, rtol=1e-6)
    np.testing.assert_allclose(found["correlation_limit"].isel(width=0), np.divide(c, q), rtol=1e-6)
    assert np.isinf(found["fixed_point"]).all()
    # A product of chi squares: the variance of the second layer over networks is known, and so is its kurtosis.
    second = found["kurtosis"].sel(depth=2)
    share = 1.3**2 * q[0] / q[1]
    np.testing.assert_array_less(
        np.abs(second - 3 * (1 + 2 * share**2 * 0.5 * (1 + (c[0] / q[0]) ** 2) / second["width"])),
        5 * found["kurtosis_mcse"].sel(depth=2) + 1e-12,
    )


def test_sin_has_a_closed_form():
    found = table("sin")
    q = [1.3**2 + 0.16]
    for _ in range(3):
        q.append(1.3**2 * (1 - np.exp(-2 * q[-1])) / 2 + 0.16)
    np.testing.assert_allclose(found["variance_limit"].isel(width=1), q, rtol=1e-6)


@pytest.mark.parametrize(("gain", "regime"), [(0.8, "order"), (1.0, "edge of chaos"), (2.5, "chaos")])
def test_phases_of_tanh(gain, regime):
    """Without biases the edge of chaos of tanh lies at a gain of 1 (Poole et al. 2016)."""
    found = table(weights=priors.Normal(scale=priors.FanIn(gain)), biases=priors.Normal(scale=1e-9), depth=2)
    if gain == 1.0:  # there the fixed point is reached as slowly as 1 / steps
        assert (np.abs(found["chi_fixed_point"] - 1) < 0.02).all()
    else:
        assert set(found["regime"].values) == {regime}
        assert (found["depth_scale"] > 0).all()


@pytest.mark.parametrize("activation", sorted(FUNCTIONS))
def test_wide_networks_agree_with_the_limit(activation):
    """At 400 units corrections of order 1 / width are below the Monte Carlo error of 2000 networks, or allowed for."""
    found = table(activation, biases=BIAS).sel(width=400)
    for name in ("variance", "correlation"):
        gap = np.abs(found[name] - found[f"{name}_limit"])
        room = 4 * found[f"{name}_mcse"] + 3 * found["depth"] * np.abs(found[f"{name}_limit"]) / 400
        assert (gap < room + 1e-12).all()


@pytest.mark.parametrize("factor", [1.0, 1.1])
def test_finite_networks_agree_with_explicit_ones(factor):
    """Weights drawn one by one."""
    n, width, inputs = 4000, 5, 3
    rng = np.random.default_rng(2)
    x = np.array([[1.0, 1, 1], [1, 1, -1]])
    h = x[None] @ rng.normal(size=(n, inputs, width)) + 0.4 * rng.normal(size=(n, 1, width))
    for _ in range(2):
        h = np.tanh(h) @ rng.normal(size=(n, width, width)) + 0.4 * rng.normal(size=(n, 1, width))
    own = factor * (h**2).mean((1, 2))
    options = {"weights": priors.Normal(), "biases": BIAS, "inputs": inputs, "correlation": 1 / 3}
    found = priors.depth_width(depth=3, widths=[width], draws=4000, **options).isel(depth=-1, width=0)
    error = np.hypot(own.std() / np.sqrt(n), found["variance_mcse"])
    assert (abs(own.mean() - found["variance"]) < 4 * error) == (factor == 1.0)
    cross = (h[:, 0] * h[:, 1]).mean(1)
    ratio = factor * cross.mean() / (own / factor).mean()
    rest = cross - ratio * own
    error = np.hypot(rest.std() / own.mean() / np.sqrt(n), found["correlation_mcse"])
    assert abs(ratio / factor - found["correlation"]) < 4 * error


@pytest.mark.parametrize("activation", sorted(FUNCTIONS))
def test_derivatives(activation):
    f, slope = FUNCTIONS[activation]
    x = np.linspace(-3, 3, 31) + 0.01
    np.testing.assert_allclose(slope(x), (f(x + 1e-6) - f(x - 1e-6)) / 2e-6, atol=1e-8)


def test_learned_scales_count_with_their_median():
    learned = priors.Normal(scale=priors.LogNormal(priors.FanIn(1.3), sigma=2.0))
    assert table(weights=learned).equals(table())


def test_same_seed_same_table():
    assert table().identical(table())
    assert not table(seed=2).equals(table())


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"activation": "tan"}, SpecError, "unknown activation 'tan'"),
        ({"weights": priors.Laplace()}, SpecError, "weights must have a Normal prior around 0"),
        ({"biases": priors.Normal(loc=1.0)}, SpecError, "biases must have a Normal prior around 0"),
        ({"weights": priors.Normal(scale=priors.ResponseSD())}, SpecError, "scale of weights must be"),
        ({"depth": 0}, MethodError, "depth must be whole and positive"),
        ({"widths": [3, 0.5]}, MethodError, "widths must be"),
        ({"draws": 1}, MethodError, "draws must be"),
        ({"correlation": 2.0}, MethodError, "between -1 and 1"),
    ],
)
def test_bad_calls(options, error, match):
    with pytest.raises(error, match=match):
        table(**options)
