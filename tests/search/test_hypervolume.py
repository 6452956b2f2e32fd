"""Volumes against counting, and expected gains against Monte Carlo and against boxes cut another way."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from pbnn.search.hypervolume import boxes, hypervolume, log_ehvi, pareto, reference_point


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def front_of(k, n=12, seed=0):
    y = np.random.default_rng(seed).normal(size=(n, k))
    return y[pareto(y)]


def ehvi(mean, sd, front, reference):
    return float(jnp.exp(log_ehvi(jnp.array(mean), jnp.array(sd), *map(jnp.array, boxes(front, reference)))))


def test_pareto_is_what_none_dominates():
    y = np.random.default_rng(3).integers(0, 4, size=(40, 3)).astype(float)
    for row, chosen in zip(y, pareto(y), strict=True):
        dominated = any((other >= row).all() and (other > row).any() for other in y)
        assert not (chosen and dominated)
    assert len(np.unique(y[pareto(y)], axis=0)) == pareto(y).sum()
    assert {tuple(row) for row in y[pareto(y)]} == {
        tuple(row) for row in y if not any((o >= row).all() and (o > row).any() for o in y)
    }


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_volume_is_the_share_of_points_that_are_dominated(k):
    front, reference = front_of(k), np.full(k, -1.0)
    points = np.random.default_rng(1).uniform(-1, 3, size=(40_000, k))
    share = (points[:, None] <= front).all(-1).any(-1)
    error = 4.0**k * share.std() / len(points) ** 0.5
    assert hypervolume(front, reference) == pytest.approx(4.0**k * share.mean(), abs=4 * error)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_boxes_hold_each_undominated_point_once(k):
    front, reference = front_of(k), np.full(k, -1.0)
    lower, upper = boxes(front, reference)
    points = np.random.default_rng(2).uniform(-1, 3, size=(5000, k))
    inside = ((points[:, None] > lower) & (points[:, None] <= upper)).all(-1).sum(1)
    dominated = (points[:, None] <= front).all(-1).any(-1)
    np.testing.assert_array_equal(inside, ~dominated)


@pytest.mark.parametrize("k", [2, pytest.param(3, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_expected_gain_is_that_of_draws(k, shift):
    front, reference = front_of(k), np.full(k, -1.5)
    mean, sd = np.linspace(0.4, 0.7, k), np.linspace(0.5, 0.9, k)
    draws = mean + sd * np.random.default_rng(4).normal(size=(1500, k))
    before = hypervolume(front, reference)
    gains = np.array([hypervolume(np.vstack([front, f]), reference) - before for f in draws])
    error = 4 * gains.std() / len(gains) ** 0.5
    close = abs(ehvi(mean, sd, front, reference) + shift * 5 * gains.std() - gains.mean()) < error
    assert close == (shift == 0.0)


def test_expected_gain_is_that_of_a_grid_of_cells():
    """An independent decomposition: the cells between all coordinates of the front (Emmerich 2005)."""
    front, reference = front_of(2), np.array([-1.5, -1.5])
    mean, sd = np.array([0.3, -0.2]), np.array([0.8, 0.6])
    edges = [np.concatenate([[r], np.sort(front[:, j]), [np.inf]]) for j, r in enumerate(reference)]

    def tail(j, low, high):  # the integral of P(f_j > v) over v from low to high
        z = (np.array([low, min(high, 99.0)]) - mean[j]) / sd[j]
        gain = sd[j] * (stats.norm.pdf(z) - z * stats.norm.sf(z))
        return gain[0] - gain[1]

    total = 0.0
    for a, b in zip(edges[0][:-1], edges[0][1:], strict=True):
        for c, d in zip(edges[1][:-1], edges[1][1:], strict=True):
            if not ((front[:, 0] > a) & (front[:, 1] > c)).any():
                total += tail(0, a, b) * tail(1, c, d)
    assert ehvi(mean, sd, front, reference) == pytest.approx(total, rel=1e-10)


def test_gradient_is_finite_far_below_the_front():
    lower, upper = map(jnp.array, boxes(front_of(2), np.array([-1.5, -1.5])))
    slope = jax.grad(lambda m: log_ehvi(m, jnp.array([0.1, 0.1]), lower, upper))(jnp.array([-40.0, -40.0]))
    assert np.isfinite(slope).all()
    assert (slope > 0).all()


def test_many_objectives_are_thinned():
    rng = np.random.default_rng(0)
    front = rng.normal(size=(300, 5))
    lower, _ = boxes(front, np.full(5, -2.0))
    assert len(lower) <= 4096


def test_empty_front_leaves_all_above_the_reference():
    lower, upper = boxes(np.zeros((0, 2)), np.array([1.0, 2.0]))
    np.testing.assert_array_equal(lower, [[1.0, 2.0]])
    assert np.isinf(upper).all()
    assert (reference_point(np.array([[1.0, 5.0]])) < [1.0, 5.0]).all()
