"""Deep ensembles: members near the mode, weights that the draws already carry."""

import numpy as np
import pytest

import pbnn
from pbnn import likelihoods
from pbnn.errors import MethodError
from pbnn.infer.ensemble import Members, held_out_weights, systematic
from pbnn.target import Target
from tests.exact import LinearGaussian, assert_can_be_used


@pytest.fixture(scope="module")
def linear():
    return LinearGaussian.simulate(n=200)


@pytest.fixture(scope="module")
def ensemble(linear):
    return pbnn.fit(linear.bnn, pbnn.Ensemble(members=4), seed=1, progress=False)


@pytest.fixture(scope="module")
def weighted(linear):
    return pbnn.fit(linear.bnn, pbnn.Ensemble(4, weighting="held_out", draws=30), seed=1, progress=False)


def weights_of(tree):
    posterior = tree["posterior"]
    return np.concatenate([posterior["out_weight"].values[..., 0], posterior["out_bias"].values], axis=-1)


@pytest.mark.parametrize(("bias", "ok"), [(0.0, True), (8.0, False)])
def test_members_lie_near_the_mode(linear, ensemble, bias, ok):
    # A member sees four fifths of the rows, and stops where it predicts the other ones best.
    sd = np.sqrt(np.diag(linear.covariance))
    assert bool((abs(weights_of(ensemble) + bias * sd - linear.mean) < 4 * sd).all()) is ok


def test_each_member_is_a_draw(ensemble):
    assert (ensemble["posterior"].sizes["chain"], ensemble["posterior"].sizes["draw"]) == (1, 4)
    assert (ensemble.attrs["method"], ensemble.attrs["sampling"]) == ("ensemble", "approximate")
    stats = ensemble["sample_stats"]
    np.testing.assert_array_equal(stats["weight"], np.full((1, 4), 0.25))
    np.testing.assert_array_equal(stats["member"], [np.arange(4)])
    assert set(stats.data_vars) == {"lp", "weight", "member", "held_out_lpd"}
    assert len(np.unique(weights_of(ensemble)[0, :, 0])) == 4


def test_weighted_members_occur_in_proportion(weighted):
    stats = weighted["sample_stats"]
    assert weighted["posterior"].sizes["draw"] == 30
    member, weight = stats["member"].values[0], stats["weight"].values[0]
    for m in np.unique(member):
        assert abs((member == m).sum() - 30 * weight[member == m][0]) <= 1


@pytest.mark.parametrize(("weighting", "same"), [("held_out", True), ("uniform", False)])
def test_weighted_members_hold_out_the_same_rows(linear, weighting, same):
    # Rows are chosen by the key; starts are independent all the same.
    members = Members(pbnn.Ensemble(2, weighting=weighting), Target.of(linear.bnn, "float32"), 1)
    one, other = members.first(0), members.first(1)
    assert np.array_equal(one["key"], other["key"]) is same
    assert not np.array_equal(one["climb_z"], other["climb_z"])


def test_held_out_weights_are_likelihoods_of_all_rows():
    weights = held_out_weights(np.array([-1.0, -1.1]), 10)
    np.testing.assert_allclose(weights, np.array([1, np.exp(-1)]) / (1 + np.exp(-1)))


@pytest.mark.parametrize("weights", [[1.0], [0.2, 0.0, 0.8], np.full(7, 1 / 7)])
def test_systematic_resampling_rounds_up_or_down(weights):
    weights = np.array(weights)
    counts = [
        np.bincount(systematic(weights, 25, np.random.default_rng(i)), minlength=len(weights))
        for i in range(50)
    ]
    assert (abs(np.array(counts) - 25 * weights) < 1 + 1e-9).all()
    assert (np.sum(counts, axis=1) == 25).all()


def test_the_same_seed_gives_the_same_members(linear, ensemble):
    again = pbnn.fit(linear.bnn, pbnn.Ensemble(members=4), seed=1, progress=False)
    np.testing.assert_array_equal(weights_of(again), weights_of(ensemble))
    other = pbnn.fit(linear.bnn, pbnn.Ensemble(members=4), seed=2, progress=False)
    assert not np.array_equal(weights_of(other), weights_of(ensemble))


@pytest.mark.slow
def test_results_can_be_used(linear, ensemble):
    assert_can_be_used(linear, ensemble, n_draws=4)


def test_any_model(gaussian):
    tree = pbnn.fit(gaussian, pbnn.Ensemble(members=2), seed=1, progress=False)
    assert dict(tree["posterior"]["x"].sizes)["draw"] == 2
    assert "held_out_lpd" not in tree["sample_stats"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"members": 0}, r"Ensemble: members must be a whole number >= 1; got 0"),
        ({"restarts": -1}, r"Ensemble: restarts must be a whole number >= 0; got -1"),
        ({"weighting": "bma"}, r"unknown weighting 'bma'; known: held_out, uniform"),
        ({"weighting": "held_out", "draws": 0}, r"Ensemble: draws must be a whole number >= 1; got 0"),
        ({"draws": 10}, r"Ensemble: draws must be None where each member is one draw; got 10"),
        ({"precision": "f4"}, r"Ensemble: precision must be"),
    ],
)
def test_mistake_is_named(options, message):
    with pytest.raises(MethodError, match=message):
        pbnn.Ensemble(**options)


def test_weighting_needs_rows_to_hold_out(network):
    with pytest.raises(MethodError, match=r"weighting='held_out' needs .* at least 48 rows"):
        pbnn.fit(network, pbnn.Ensemble(weighting="held_out"), seed=1, progress=False)


def test_fewest_rows_that_can_be_weighted():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(48, 1))
    bnn = pbnn.build(pbnn.Network([], likelihoods.Gaussian()), X, X[:, 0] + rng.normal(size=48))
    tree = pbnn.fit(bnn, pbnn.Ensemble(2, weighting="held_out"), seed=1, progress=False)
    assert tree["posterior"].sizes["draw"] == 40
