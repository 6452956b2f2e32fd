"""Parameters as rows of numbers: there and back, on the grid, and active when they should be."""

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from pbnn.errors import DataError, ShapeError, SpecError
from pbnn.search.inputs import Condition, Inputs, Points

SPACE = {
    "width2": IntDistribution(8, 128, step=5),
    "depth": IntDistribution(1, 3),
    "width": IntDistribution(8, 128, log=True),
    "act": CategoricalDistribution(["relu", None, True]),
    "rate": FloatDistribution(1e-5, 1, log=True),
    "share": FloatDistribution(0, 1, step=0.1),
    "slope": FloatDistribution(-3, 5),
    "vast": FloatDistribution(-1e308, 1e308),
    "one": FloatDistribution(2, 2),
    "scale2": FloatDistribution(0.1, 10, log=True),
}
CONDITIONS = {
    "width2": Condition("depth", (2, 3)),
    "scale2": Condition("width2", (8, 13, 18, 23, 28, 33, 38, 43, 48)),
}


@pytest.fixture
def inputs():
    return Inputs.of(SPACE, CONDITIONS)


def test_there_and_back(inputs):
    points = inputs.sample(200, np.random.default_rng(1))
    params = inputs.params(points)
    again = inputs.points(params)
    np.testing.assert_array_equal(again.active, points.active)
    np.testing.assert_allclose(again.x, points.x, atol=1e-12)
    for p, q in zip(params, inputs.params(again), strict=True):
        assert p.keys() == q.keys()
        for name, value in p.items():
            assert type(value) is type(q[name])
            assert q[name] == (
                value if name not in ("rate", "slope", "vast", "scale2") else pytest.approx(value)
            )


def test_draws_are_admissible_and_activity_follows_the_conditions(inputs):
    for p in inputs.params(inputs.sample(200, np.random.default_rng(2))):
        for name, value in p.items():
            d = SPACE[name]
            assert d._contains(d.to_internal_repr(value)), (name, value)
        assert ("width2" in p) == (p["depth"] >= 2)
        assert ("scale2" in p) == ("width2" in p and p["width2"] <= 48)


def test_every_value_of_a_grid_has_its_share():
    inputs = Inputs.of(
        {"n": IntDistribution(1, 4), "c": CategoricalDistribution("abc"), "u": FloatDistribution(0, 1)}
    )
    drawn = inputs.params(inputs.sample(4096, np.random.default_rng(3)))
    for name, values in {"n": (1, 2, 3, 4), "c": "abc"}.items():
        shares = [np.mean([p[name] == v for p in drawn]) for v in values]
        # A scrambled Sobol column has exactly one draw in each cell of 1 / 4096.
        np.testing.assert_allclose(shares, 1 / len(values), atol=2 / 4096)


def test_ends_of_a_log_grid_have_half_a_step_more():
    inputs = Inputs.of({"n": IntDistribution(1, 8, log=True)})
    assert inputs.params(Points(np.array([[0.0], [1.0]]), np.ones((2, 1), bool))) == [{"n": 1}, {"n": 8}]
    low, high = np.log(0.5), np.log(8.5)
    np.testing.assert_allclose(inputs.grid("n"), (np.log(np.arange(1, 9)) - low) / (high - low))


def test_a_value_of_an_inactive_parameter_is_forgotten(inputs):
    base = {
        "depth": 1,
        "width": 8,
        "act": None,
        "rate": 0.1,
        "share": 0.5,
        "slope": 0.0,
        "vast": 0.0,
        "one": 2.0,
    }
    a, b = inputs.points([base, base | {"width2": 128, "scale2": 5.0}])[0], inputs.points([base])
    np.testing.assert_array_equal(a.x, b.x)
    assert "width2" not in inputs.params(a)[0]


def test_snap_is_idempotent_and_takes_the_nearest(inputs):
    rng = np.random.default_rng(4)
    x = rng.uniform(-0.2, 1.2, (50, len(inputs)))
    once = inputs.snap(x)
    twice = inputs.snap(once)
    np.testing.assert_allclose(once.x, twice.x, atol=1e-15)
    share = inputs.names.index("share")
    grid = inputs.grid("share")
    nearest = grid[np.abs(x[:, share, None] - grid).argmin(1)]
    np.testing.assert_allclose(once.x[:, share], nearest)


def test_neighbours_differ_in_one_parameter_and_its_children(inputs):
    point = inputs.sample(1, np.random.default_rng(5))
    here = inputs.params(point)[0]
    near = inputs.params(inputs.neighbours(point))
    for there in near:
        changed = {n for n in here.keys() & there.keys() if here[n] != there[n]}
        assert len(changed) == 1
        assert here.keys() ^ there.keys() <= {"width2", "scale2"}
    assert {p["depth"] for p in near} == {1, 2, 3}
    assert {p["act"] for p in near} == {"relu", None, True}


def test_a_missing_value_is_named(inputs):
    with pytest.raises(DataError, match="parameter set 0 has no value of 'width'"):
        inputs.points([{"depth": 1}])


@pytest.mark.parametrize(
    ("space", "conditions", "match"),
    [
        ({}, {}, "space is empty"),
        ({"a": FloatDistribution(0, np.inf)}, {}, "bounds of 'a' must be finite"),
        ({"a": IntDistribution(1, 2)}, {"b": Condition("a", (1,))}, "unknown parameter in conditions 'b'"),
        ({"a": IntDistribution(1, 2)}, {"a": Condition("b", (1,))}, "unknown parent 'b'"),
        ({"a": IntDistribution(1, 2), "b": FloatDistribution(0, 1)}, {"b": Condition("a", (3,))}, "never is"),
        ({"a": IntDistribution(1, 2), "b": FloatDistribution(0, 1)}, {"b": Condition("a", ())}, "no values"),
        (
            {"a": IntDistribution(1, 2), "b": FloatDistribution(0, 1)},
            {"a": Condition("b", (0.5,))},
            "continuous",
        ),
        (
            {"a": IntDistribution(1, 2), "b": IntDistribution(1, 2)},
            {"a": Condition("b", (1,)), "b": Condition("a", (1,))},
            "wait for each other",
        ),
    ],
)
def test_contradictory_spaces(space, conditions, match):
    with pytest.raises(SpecError, match=match):
        Inputs.of(space, conditions)


def test_shapes_are_checked(inputs):
    with pytest.raises(ShapeError, match="expected points"):
        inputs.snap(np.zeros((2, 3)))
    with pytest.raises(ShapeError, match="one shape"):
        Points(np.zeros((2, 3)), np.zeros((2, 2), bool))
