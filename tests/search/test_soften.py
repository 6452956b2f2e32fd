"""Softening of low scores: order, slope and way back; and a surrogate that sees what broken networks would hide."""

import numpy as np
import pytest
from optuna.distributions import FloatDistribution
from scipy.stats import spearmanr

from pbnn.search import Inputs, Observations, fit_surrogate
from pbnn.search.soften import Softening, soften

INPUTS = Inputs.of({"x": FloatDistribution(0, 1), "z": FloatDistribution(0, 1)})


def told(y, noise=None, seed=0):
    return Observations(INPUTS.sample(len(y), np.random.default_rng(seed)), np.asarray(y, float), noise)


def test_order_is_kept_and_the_better_half_as_it_is():
    y = np.random.default_rng(0).standard_t(1, size=200)
    softened, bend = soften(told(y))
    np.testing.assert_array_equal(np.argsort(softened.y), np.argsort(y))
    better = y >= np.median(y)
    np.testing.assert_array_equal(softened.y[better], y[better])
    np.testing.assert_allclose(bend.back(softened.y), y, rtol=1e-9)


def test_noise_is_scaled_by_the_slope():
    y = np.array([-50.0, -3.0, 0.0, 1.0, 2.0])
    half = np.random.default_rng(1).normal(size=(5, 5))
    noise = half @ half.T
    softened, bend = soften(told(y, noise))
    slope = (bend(y + 1e-6) - bend(y - 1e-6)) / 2e-6
    slope[2] = 1.0  # the median, where both sides have one slope
    np.testing.assert_allclose(bend.slope(y), slope, rtol=1e-6)
    np.testing.assert_allclose(softened.noise, slope[:, None] * noise * slope, rtol=1e-6)
    assert bend(-1.0) < bend(-1.0 + 1e-9) <= bend(0.0)


@pytest.mark.parametrize("y", [[3.0], [2.0, 2.0], [1e8, 1e8 + 1e-8], [0.0, 0.0, 0.0, 0.0, 1.0]])
def test_what_has_no_scale_is_left_alone(y):
    softened, bend = soften(told(y))
    np.testing.assert_array_equal(softened.y, y)
    np.testing.assert_array_equal(bend.back(y), y)
    np.testing.assert_array_equal(bend.slope(y), 1.0)


def test_an_absurd_score_has_a_place_and_a_way_back():
    softened, bend = soften(told([-1e12, 0.0, 1.0, 2.0]))
    assert softened.y.min() > -50
    np.testing.assert_allclose(bend.back(softened.y[0]), -1e12, rtol=1e-6)
    assert np.isfinite(Softening(0.0, 1.0).back(-1e9))


def test_broken_networks_do_not_hide_differences_among_the_good():
    """A third of a table is broken, by up to thousands of times what the rest differ in."""
    rng = np.random.default_rng(2)
    points = INPUTS.sample(60, rng)
    new = INPUTS.sample(64, rng)

    def good(x):
        return np.sin(5 * x[:, 0]) + x[:, 1]

    broken = points.x[:, 0] > 0.67
    y = np.where(broken, -(10 ** rng.uniform(1, 4, 60)), good(points.x)) + 0.1 * rng.normal(size=60)
    whole = Observations(points, y)
    new = new[new.x[:, 0] < 0.6]
    rank = [
        spearmanr(fit_surrogate(INPUTS, o).predict(new)[0], good(new.x)).statistic
        for o in (whole, soften(whole)[0])
    ]
    assert rank[1] > 0.9
    assert rank[1] > rank[0] + 0.1
