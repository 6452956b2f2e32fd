"""The climber against functions whose summits are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pbnn.search.climb import climb


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def bowl(state, x, active):
    middle, shape = state
    d = jnp.where(active, x - middle, 0.0)
    return -jnp.einsum("mi,ij,mj->m", d, shape, d)


def banana(state, x, active):
    u = 4 * x - 2
    return -jnp.log1p(100 * (u[:, 1] - u[:, 0] ** 2) ** 2 + (1 - u[:, 0]) ** 2)


def cliff(state, x, active):
    return jnp.where(x[:, 0] > 0.5, jnp.nan, x[:, 0])


def run(score, state, x, free=True, **options):
    every = jnp.ones(x.shape, bool)
    return jax.tree.map(np.asarray, climb(score, state, jnp.array(x), every, every & free, **options))


def test_finds_the_top_of_a_skewed_bowl():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(6, 6))
    shape = root @ root.T + 0.01 * np.eye(6)
    x, f = run(bowl, (jnp.full(6, 0.4), jnp.array(shape)), rng.uniform(size=(5, 6)), steps=60)
    np.testing.assert_allclose(x, 0.4, atol=1e-4)
    np.testing.assert_allclose(f, 0.0, atol=1e-8)


def test_rests_at_the_edge_where_the_top_lies_outside():
    # Along the edge x0 = 0 the top solves the other column alone: x1 = 0.5 + shape01 / shape11 * (-0.5 - 0) shifted.
    shape = np.array([[2.0, 0.5], [0.5, 1.0]])
    x, _ = run(
        bowl, (jnp.array([-0.5, 0.5]), jnp.array(shape)), np.random.default_rng(1).uniform(size=(4, 2))
    )
    np.testing.assert_allclose(x[:, 0], 0.0, atol=1e-9)
    np.testing.assert_allclose(x[:, 1], 0.5 - 0.5 * 0.5, atol=1e-5)


def test_follows_a_curved_valley():
    x, _ = run(banana, (), np.array([[0.1, 0.9], [0.3, 0.2]]), steps=200)
    np.testing.assert_allclose(x, 0.75, atol=1e-4)


def test_held_columns_stay():
    start = np.random.default_rng(2).uniform(size=(3, 2))
    x, _ = run(bowl, (jnp.full(2, 0.5), jnp.eye(2)), start, free=np.array([True, False]))
    np.testing.assert_allclose(x[:, 0], 0.5, atol=1e-6)
    np.testing.assert_array_equal(x[:, 1], start[:, 1])


def test_held_columns_may_stand_outside_the_cube():
    start = np.array([[0.1, 3.0]])  # the fourth of some categories
    x, _ = run(bowl, (jnp.full(2, 0.5), jnp.eye(2)), start, free=np.array([True, False]))
    np.testing.assert_allclose(x, [[0.5, 3.0]], atol=1e-6)


def test_never_ends_lower_or_where_there_is_no_value():
    x, f = run(cliff, (), np.array([[0.2], [0.45]]))
    assert (x <= 0.5).all()
    assert (f >= [0.2, 0.45]).all()
