"""The maximiser against spaces that can be looked at whole."""

import jax.numpy as jnp
import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from pbnn.search.inputs import Condition, Inputs, Points
from pbnn.search.maximise import Effort, _climbed, among, best_free, enumerated, maximise, scored

MIXED = Inputs.of(
    {
        "kind": CategoricalDistribution(["a", "b", "c"]),
        "depth": IntDistribution(1, 3),
        "width": IntDistribution(1, 40),
        "rate": FloatDistribution(1e-4, 1.0, log=True),
        "scale": FloatDistribution(0.0, 1.0),
    },
    {"scale": Condition("kind", ("b",))},
)
DISCRETE = Inputs.of(
    {"kind": CategoricalDistribution(["a", "b"]), "n": IntDistribution(1, 5), "m": IntDistribution(1, 4)},
    {"m": Condition("kind", ("b",))},
)
LITTLE = Effort(candidates=64, near=0, starts=8)
NONE = Points(np.zeros((0, 5)), np.zeros((0, 5), bool))


def hills(state, x, active):
    """One hill for each category, narrower where it is higher; only `b` feels `scale`."""
    kind = x[:, 0]
    height = jnp.where(kind == 0, 1.0, jnp.where(kind == 1, 2.0, 0.5))
    middle = 0.2 + 0.3 * kind
    along = jnp.where(active[:, 4], x[:, 4] - 0.77, 0.0)
    distance = (x[:, 1] - 0.5) ** 2 + (x[:, 2] - 0.333) ** 2 + (x[:, 3] - middle) ** 2 + along**2
    return height - (2 + 4 * height) * distance


def ladder(state, x, active):
    """Return no two equal values."""
    return jnp.where(active[:, 2], 0.71 * x[:, 2], 0.93) + 0.37 * x[:, 1] + 0.11 * x[:, 0]


def test_finds_the_top_of_a_mixed_conditional_space():
    found = maximise(hills, (), MIXED, np.random.default_rng(0), good=NONE, taken=NONE, effort=LITTLE)
    params = MIXED.params(found)[0]
    places = MIXED.grid("width")
    assert params["kind"] == "b"
    assert params["depth"] == 2
    assert params["width"] == 1 + np.abs(places - 0.333).argmin()
    np.testing.assert_allclose(found.x[0, 3:], [0.5, 0.77], atol=1e-5)


@pytest.mark.parametrize("columns", [[3, 4], [1, 2, 3, 4]])
def test_a_climb_stays_in_its_category_and_tells_the_values_of_where_it_ends(columns):
    starts = MIXED.sample(16, np.random.default_rng(3))
    values = scored(hills, (), starts)
    ended, reached = _climbed(hills, (), MIXED, starts, values, np.isin(np.arange(5), columns), 20)
    np.testing.assert_array_equal(ended.x[:, 0], starts.x[:, 0])
    np.testing.assert_allclose(reached, scored(hills, (), ended), rtol=1e-9)
    assert (reached >= values).all()
    assert (reached > values).any()


def test_takes_the_best_that_is_left_of_a_discrete_space():
    every = enumerated(DISCRETE)
    assert len(every) == 5 + 5 * 4
    values = np.asarray(ladder((), jnp.array(every.x), every.active))
    order = np.argsort(-values)
    taken, chosen = every[[]], []
    for _ in range(len(every) + 1):
        best = maximise(ladder, (), DISCRETE, np.random.default_rng(1), good=every[[]], taken=taken)
        chosen.append(int(np.flatnonzero(among(every, best))[0]))
        taken = Points.joined([taken, best])
    np.testing.assert_array_equal(chosen, [*order, order[0]])  # once nothing is left, the best again


def test_a_point_whose_inactive_column_differs_is_the_same():
    one = MIXED.points([{"kind": "a", "depth": 1, "width": 3, "rate": 0.1}])
    other = Points(one.x + np.array([0, 0, 0, 0, 0.3]), one.active)
    assert among(one, other).all()
    deeper = MIXED.points([{"kind": "a", "depth": 2, "width": 3, "rate": 0.1}])
    assert not among(one, deeper).any()
    assert (
        best_free(Points.joined([other, deeper]), np.array([2.0, 1.0]), one).x.tolist() == deeper.x.tolist()
    )
    assert (
        best_free(Points.joined([deeper, other]), np.array([1.0, 2.0]), one[[]]).x.tolist()
        == other.x.tolist()
    )
    assert best_free(one, np.array([1.0]), other).x.tolist() == one.x.tolist()
