"""Calibration: nearer the target by what is asked, the same network as plain data, in the user's units."""

import numpy as np
import pandas as pd
import pytest

import pbnn
from pbnn import likelihoods, priors
from pbnn.errors import DataError, MethodError, ShapeError, SpecError
from pbnn.graph.build import build
from pbnn.predict import prior_predict
from pbnn.predict.prior import draw_weights
from pbnn.prior.scales import Knobs, priors_of, rescaled, spelled_out, times
from pbnn.target import Target
from tests.tiers import tiers

UNIT = {"weights": priors.Normal(scale=1.0), "biases": priors.Normal(scale=1.0)}
X = np.random.default_rng(0).uniform(0, 10, size=(40, 1))
GOAL = priors.GP(priors.RBF(lengthscale=3.0))


def network(*layers, **options):
    return pbnn.Network(layers, likelihoods.Gaussian(noise=0.1), **{**UNIT, **options})


@pytest.fixture(scope="module")
def found():
    return priors.calibrate(network(pbnn.Dense(20)), X, GOAL, steps=250, seed=1)


@pytest.mark.slow
def test_reduces_the_distance_five_times(found):
    assert found.reduction > 5
    assert found.before.root > 5 * (found.after.root + 4 * found.after.root_se)
    assert found.losses[-20:].mean() < found.losses[:5].mean()


@pytest.mark.slow
@pytest.mark.parametrize("lengthscale", [1.0, pytest.param(3.0, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("depth", [1, pytest.param(2, marks=pytest.mark.nightly), 3])
def test_reduces_it_at_every_depth(depth, lengthscale):
    target = priors.GP(priors.RBF(lengthscale))
    found = priors.calibrate(network(*[pbnn.Dense(30)] * depth), X, target, seed=2)
    assert found.before.root > 5 * (found.after.root + 4 * found.after.root_se)


def test_the_network_is_plain_data(found):
    assert pbnn.Network.from_json(found.network.to_json()) == found.network
    (layer,) = found.network.layers
    assert layer.weight == priors.Normal(scale=found.factors["h0_weight"])
    assert layer.bias == priors.Normal(scale=found.factors["h0_bias"])
    assert found.network.weights == priors.Normal(scale=found.factors["out_weight"])
    assert found.network.biases == priors.Normal(scale=found.factors["out_bias"])
    assert "before" in str(found)


def test_the_network_draws_the_functions_that_were_measured(found):
    """`build` and `prior_predict` know nothing of the calibration, and find functions of the target's size."""
    y = np.linspace(-3, 7, len(X))
    f = prior_predict(build(found.network, X, y), draws=2000, seed=3)["prior_predictive"]["mu"].values[0]
    f = (f - y.mean()) / y.std()
    target = np.random.default_rng(5).multivariate_normal(
        np.zeros(len(X)), np.exp(-0.5 * ((X - X.T) / 3) ** 2) + 1e-9 * np.eye(len(X)), size=2000
    )
    again = pbnn.prior.distance.energy_distance(f, target)
    assert abs(again.squared - found.after.squared) < 5 * np.hypot(again.squared_se, found.after.squared_se)


@pytest.mark.slow
def test_columns_by_name_any_likelihood_and_the_same_seed():
    frame = pd.DataFrame({"age": X[:, 0], "dose": X[::-1, 0] ** 2})
    target = priors.FunctionPrior((3.0, 20.0), monotone="increasing", column="dose")
    net = pbnn.Network([pbnn.Dense(4)], likelihoods.Categorical(), **UNIT)
    found, again = (priors.calibrate(net, frame, target, steps=3, seed=1) for _ in range(2))
    assert found.network == again.network
    assert found.network.likelihood == likelihoods.Categorical()
    assert found.functions["feature"].values.tolist() == ["age", "dose"]
    goal = found.functions["f"].sel(source="target").values
    same_age = np.argsort(frame["dose"].to_numpy())
    assert goal[:, same_age[-1]].mean() > goal[:, same_age[0]].mean()


@pytest.mark.nightly
def test_in_the_units_of_the_response():
    """A target said in the units of y, and one in standard deviations of y around its mean."""
    y = 100 + 20 * np.sin(X[:, 0])
    said = priors.elicit(x_changes_over=3.0, response_between=(80, 160))
    net = network(pbnn.Dense(10))
    in_units = priors.calibrate(net, X, said, y, steps=100, seed=1)
    plain = priors.FunctionPrior(3.0, 20 / y.std(), (120 - y.mean()) / y.std())
    without = priors.calibrate(net, X, plain, steps=100, seed=1)
    assert in_units.network.biases.loc == pytest.approx((120 - y.mean()) / y.std())
    for name, factor in without.factors.items():
        assert in_units.factors[name] == pytest.approx(factor, rel=1e-3)
    goal = in_units.functions["f"].sel(source="target").values
    assert abs(goal.mean() - 120) < 20
    assert abs(goal.std() - 20) < 8
    assert abs(in_units.functions["f"].sel(source="after").values.mean() - 120) < 20


@pytest.mark.nightly
def test_the_mean_counts_in_the_distance_before():
    far = priors.calibrate(network(pbnn.Dense(5)), X, priors.GP(priors.RBF(3.0), mean=5.0), steps=5)
    near = priors.calibrate(network(pbnn.Dense(5)), X, GOAL, steps=5)
    assert far.before.squared > near.before.squared + 3
    assert far.after.squared < near.before.squared


@pytest.mark.nightly
def test_learned_scales_keep_their_spread():
    net = pbnn.Network([pbnn.Dense(20), pbnn.Residual([pbnn.Dense(20)])], likelihoods.Gaussian())
    found = priors.calibrate(net, X, GOAL, seed=1)
    inner = found.network.layers[1].layers[0].weight
    assert inner.scale.sigma == 1.0
    assert inner.scale.scale == priors.FanIn(found.factors["h1_0_weight"])
    assert found.after.root < found.before.root - 4 * found.before.root_se


@pytest.mark.slow
@pytest.mark.parametrize(
    "prior",
    [
        priors.StudentT(df=5.0),
        pytest.param(priors.Laplace(), marks=pytest.mark.nightly),
        pytest.param(priors.Normal(scale=priors.HalfNormal(2.0)), marks=pytest.mark.nightly),
    ],
)
def test_other_priors(prior):
    target = priors.FunctionPrior(3.0, monotone="increasing")
    found = priors.calibrate(network(pbnn.Dense(20, "relu"), weights=prior), X, target, steps=200, seed=1)
    assert found.reduction > 2
    assert type(found.network.weights) is type(prior)


SEQUENCES = np.random.default_rng(1).normal(size=(20, 3, 2))
PER_INPUT = priors.Normal(scale=priors.LogNormal(priors.FanIn(2.0), per="input"))
MOVED = {
    "dense": (
        [
            pbnn.Dense(3, weight=priors.Normal(scale=priors.LogNormal(priors.FanIn(2.0), sigma=0.5))),
            pbnn.Residual([pbnn.Dense(3, "relu", weight=priors.StudentT(loc=0.5, scale=0.3), bias=False)]),
        ],
        X,
        {"h0_weight": 3.0, "h0_bias": 0.5, "h1_0_weight": 2.0},
    ),
    "branches and frozen weights": (
        [
            pbnn.Concat([[], [pbnn.Dense(2), pbnn.Dense(2, bias=False)]]),
            pbnn.Frozen(pbnn.Parallel([pbnn.Dense(2), pbnn.Dense(2)]), {"0_0_weight": np.eye(3)[:, :2]}),
            pbnn.Dense(2, weight=PER_INPUT),
        ],
        X,
        {
            "h0_1_0_weight": 3.0,
            "h0_1_0_bias": 0.5,
            "h0_1_1_weight": 2.0,
            "h1_0_0_bias": 1.5,
            "h1_1_0_weight": 0.7,
            "h1_1_0_bias": 0.3,
            "h2_weight": 0.6,
            "h2_bias": 1.1,
        },
    ),
    "sequences": (
        [pbnn.SelfAttention(1, 2, key=PER_INPUT), pbnn.Conv1D(2, 2), pbnn.GRU(2)],
        SEQUENCES,
        {
            "h0_weight": 3.0,
            "h0_key": 0.5,
            "h0_bias": 2.0,
            "h1_weight": 0.4,
            "h1_bias": 1.5,
            "h2_weight": 0.7,
            "h2_recurrent": 0.3,
            "h2_bias": 0.8,
        },
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", tiers(["dense", "branches and frozen weights", "sequences"], ["dense"]))
def test_moved_draws_are_draws_of_the_moved_prior(case):
    """The heart of it: the same random numbers, through the graph of the rescaled network."""
    layers, inputs, factors = MOVED[case]
    factors = {**factors, "out_weight": 0.1, "out_bias": 4.0}
    net = spelled_out(network(*layers))
    y = inputs.reshape(len(inputs), -1)[:, 0]
    a, b = build(net, inputs, y), build(rescaled(net, factors), inputs, y)
    before, after = Target.of(a), Target.of(b)
    knobs = Knobs.of(a, before)
    assert set(knobs.names) == set(factors)
    assert knobs.kept == ()
    logs = np.log([factors[name] for name in knobs.names])
    z = before.draws(draw_weights(a, 3, 1))[0]
    with before.scope():
        moved = knobs.move(z, logs)
    # In coordinates relative to the prior the same draw is the same vector, but for learned scales, which shift.
    shift = np.append(logs, 0.0)[knobs.shifted]
    for one, there in zip(np.asarray(z), np.asarray(moved), strict=True):
        np.testing.assert_allclose(
            before.outputs(there, before.data["x"]), after.outputs(one + shift, after.data["x"]), rtol=1e-12
        )


@pytest.mark.slow
def test_says_which_priors_stay_as_they_were():
    """Of another kind, centred, or shared by all layers; the other parts of the network are calibrated."""
    shared = priors.Normal(scale=priors.LogNormal(priors.HalfNormal(1.0, per="network")))
    kinds = [priors.ARD(), priors.Horseshoe(), priors.Horseshoe(priors.RelevantInputs(1, rows=40))]
    layers = [pbnn.Dense(2), *(pbnn.Dense(2, weight=prior) for prior in kinds)]
    last = pbnn.Dense(2, weight=priors.Normal(), bias=priors.Normal(centered=True))
    net = network(*layers, last, weights=shared)
    found = priors.calibrate(net, np.hstack([X, X**2]), priors.GP(), steps=2)
    assert found.kept == ("h0_weight", "h1_weight", "h2_weight", "h3_weight", "h4_bias", "out_weight")
    assert set(found.factors) == {"h0_bias", "h1_bias", "h2_bias", "h3_bias", "h4_weight", "out_bias"}
    assert found.network.weights == shared
    assert found.network.layers[0].weight is None
    assert [layer.weight for layer in found.network.layers[1:4]] == kinds
    assert "Left as they were: the priors of h0_weight, h1_weight" in str(found)


def test_layers_that_name_no_prior_keep_the_networks():
    net = spelled_out(network(pbnn.Dense(2), pbnn.LayerNorm(), pbnn.Dense(2, bias=False)))
    known = priors_of(net)
    assert known["h0_weight"] == (UNIT["weights"], ("h0_weight",))
    assert "h2_bias" not in known
    assert known["h1_gain"][0] == priors.LogNormal(1.0, sigma=0.5)
    assert spelled_out(net) == net
    assert rescaled(net, {}) == net


def test_times():
    assert times(priors.Normal(0.5, 2.0), 3.0) == priors.Normal(0.5, 6.0)
    assert times(priors.Normal(scale=priors.HalfNormal(priors.FanIn(2.0))), 0.5).scale == priors.HalfNormal(
        priors.FanIn(1.0)
    )


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda: priors.calibrate(network(), X, X[:, 0], GOAL),
            SpecError,
            r"The order is calibrate\(network, X, target, y\)",
        ),
        (lambda: priors.calibrate("net", X, GOAL), SpecError, "first argument must be a pbnn.Network"),
        (lambda: priors.calibrate(network(), X, GOAL, steps=0), MethodError, "steps must be a whole number"),
        (lambda: priors.calibrate(network(), X, GOAL, points=1.5), MethodError, "points must be"),
        (lambda: priors.calibrate(network(), X, GOAL, learning_rate=0), MethodError, "positive number"),
        (lambda: priors.calibrate(network(), X, priors.RBF()), SpecError, r"target must be priors\.GP"),
        (lambda: priors.calibrate(network(), X, priors.GP(-np.eye(40))), DataError, "not positive definite"),
        (
            lambda: priors.calibrate(network(), X, priors.GP(priors.RBF((1.0, 2.0)))),
            ShapeError,
            "one for each of the 1 columns",
        ),
        (
            lambda: priors.calibrate(
                pbnn.Network([], likelihoods.Gaussian(), priors.LogNormal(), priors.LogNormal()), X, GOAL
            ),
            SpecError,
            "no prior whose scale can be fitted",
        ),
        (
            lambda: priors.calibrate(network(pbnn.Embedding(0), pbnn.Dense(3)), np.round(X), GOAL),
            SpecError,
            "hold categories",
        ),
        (lambda: priors.calibrate(network(), X, GOAL, np.zeros((40, 2)) + X), DataError, "y has 2 outputs"),
        (
            lambda: priors.calibrate(
                pbnn.Network([], likelihoods.Gaussian("heteroscedastic")), X, priors.GP(mean=2.0)
            ),
            SpecError,
            r"would move the prior of all outputs of Gaussian: y, log_noise\[y\]",
        ),
        (lambda: priors.calibrate(network(), X, GOAL, seed=-1), MethodError, "seed must be"),
    ],
)
def test_bad_calls(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_the_door():
    """It offers every prior and scale, and no helper of theirs."""
    of_weights = pbnn.spec.priors
    assert priors.Normal is of_weights.Normal
    functions = {"GP", "FunctionPrior", "Matern", "Periodic", "RBF"}
    verbs = {"Calibration", "Prior", "calibrate", "depth_width", "elicit", "from_preliz"}
    assert set(dir(priors)) == {*of_weights.PRIORS, *of_weights.SCALES, *functions, *verbs}
    assert all(getattr(priors, name) for name in dir(priors))
    with pytest.raises(AttributeError, match=r"no attribute 'Norml'; it has: .*Normal"):
        _ = priors.Norml


def test_a_mean_in_units_of_the_response_needs_the_response():
    X = np.linspace(0, 10, 10)[:, None]
    said = priors.elicit(x_changes_over=3.0, response_between=(0, 40))
    with pytest.raises(SpecError, match="its mean is 20; pass y"):
        priors.calibrate(pbnn.Network([pbnn.Dense(3)], likelihoods.Gaussian()), X, said)
