import json

import optuna
import pytest

import pbnn
from pbnn import likelihoods, priors
from pbnn.errors import MethodError, SpecError
from pbnn.search import Choice, Float, Inputs, Int, Repeat, Space

optuna.logging.set_verbosity(optuna.logging.WARNING)


def rich_network():
    return pbnn.Network(
        [
            pbnn.Dense(
                Int(8, 64, log=True),
                Choice("tanh", "relu"),
                weight=priors.Normal(scale=Float(0.1, 3, log=True)),
            ),
            Repeat(pbnn.Dense(Int(4, 8)), Int(0, 2)),
            pbnn.Residual([pbnn.Dense(5, Choice("tanh", "relu"))]),
            Choice(
                pbnn.Dense(3), pbnn.Residual([pbnn.Dense(Int(2, 4))]), pbnn.Residual([pbnn.Dense(Int(5, 6))])
            ),
        ],
        Choice(likelihoods.Gaussian(), likelihoods.StudentT(df=Float(3, 10))),
        weights=priors.Normal(scale=priors.FanIn(Float(0.5, 2))),
    )


@pytest.mark.parametrize("how", [json.loads, str])
def test_open_networks_come_back_from_json_and_show_themselves(how):
    net = rich_network()
    assert pbnn.Network.from_json(net.to_json()) == net
    assert how(net.to_json())
    assert "8…64 (log) tanh | relu" in str(net)
    assert "0…2 × Dense 4…8" in str(net)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Int(9, 8), "low must not exceed high"),
        (lambda: Int(1.5, 8), "low must be a whole number"),
        (lambda: Int(0, 8, log=True), "needs positive numbers"),
        (lambda: Int(1, 8, log=True, step=2), "step must be"),
        (lambda: Float(-1, 1, log=True), "needs positive numbers"),
        (lambda: Float(1, float("inf")), "finite"),
        (lambda: Choice(), "at least one"),
        (lambda: Choice(["tanh", "relu"]), "not put into a list"),
        (lambda: Choice("tanh", "tanh"), "twice"),
        (lambda: Repeat(pbnn.Dense(5), Int(-1, 2)), "n must be"),
        (lambda: Repeat("Dense", 2), "must be a layer"),
        (lambda: pbnn.Dense(Int(0, 5)), "units must be a whole number >= 1; got 0"),
        (lambda: pbnn.Dense(Float(1, 2)), "units must be a whole number"),
        (lambda: pbnn.Dense(5, Choice("tanh", "tan")), "Did you mean 'tanh'"),
        (lambda: priors.Normal(scale=Float(-1, 1)), "positive number"),
        (lambda: likelihoods.AsymmetricLaplace(Float(0.5, 1)), "between 0 and 1"),
        (lambda: pbnn.Network([Choice(pbnn.Dense(5), "Dense")], likelihoods.Gaussian()), r"layers\[0\]"),
    ],
)
def test_what_cannot_mean_anything_is_refused(make, match):
    with pytest.raises(SpecError, match=match):
        make()


def test_methods_check_both_ends():
    assert pbnn.MCLMC(draws=Int(100, 200)).draws == Int(100, 200)
    with pytest.raises(MethodError, match="draws must be a whole number >= 1; got 0"):
        pbnn.MCLMC(draws=Int(0, 200))


def test_open_networks_are_not_built_and_open_methods_do_not_fit():
    net = pbnn.Network([pbnn.Dense(Int(1, 3))], likelihoods.Gaussian())
    with pytest.raises(SpecError, match=r"layers\[0\].units = Int.*pbnn.search.optimize"):
        pbnn.build(net, [[1.0], [2.0]], [1.0, 2.0])
    bnn = pbnn.build(pbnn.Network([], likelihoods.Gaussian()), [[1.0], [2.0]], [1.0, 2.0])
    with pytest.raises(SpecError, match="starts = Int"):
        pbnn.fit(bnn, pbnn.MAP(starts=Int(1, 2)))


def test_repeats_of_a_known_number_are_plain_layers():
    net = pbnn.Network([Repeat(pbnn.Dense(5), 2), pbnn.Dense(3)], likelihoods.Gaussian())
    assert net.layers == (pbnn.Dense(5), pbnn.Dense(5), pbnn.Dense(3))


def test_names_and_conditions_of_parameters():
    space = Space(rich_network(), pbnn.MAP(starts=Int(1, 4)))
    assert list(space.distributions) == [
        "h0_units", "h0_activation", "h0_weight_scale", "depth", "h1_units", "h2_units", "h3_layers_0_activation",
        "h4", "h4_residual1_layers_0_units", "h4_residual2_layers_0_units", "likelihood", "likelihood_studentt_df",
        "weights_scale_gain", "method_starts",
    ]  # fmt: skip
    assert space.needs["h1_units"] == ("depth", (1, 2))
    assert space.needs["h2_units"] == ("depth", (2,))
    assert space.needs["likelihood_studentt_df"] == ("likelihood", ("StudentT",))
    assert "h0_units" not in space.needs


def test_a_trial_suggests_what_its_parameters_stand_for():
    space = Space(rich_network(), Choice(pbnn.MAP(starts=Int(1, 4)), pbnn.ADVI()))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    inputs = Inputs.of(space.distributions, space.conditions)
    depths = set()
    for _ in range(40):
        trial = study.ask()
        network, method = space.suggest(trial)
        assert space.of(trial.params) == (network, method)
        # Two ways to say which parameters are active: the walk of the space, and its conditions.
        assert inputs.params(inputs.points([trial.params]))[0].keys() == trial.params.keys()
        assert len(network.layers) == 3 + trial.params["depth"]
        depths.add(trial.params["depth"])
    assert depths == {0, 1, 2}


def test_shared_copies_and_parameters_of_one_name_have_one_value():
    shared = Repeat(pbnn.Dense(Int(4, 8)), Int(1, 3), shared=True)
    net = pbnn.Network(
        [shared, pbnn.Dense(Int(2, 9, name="w")), pbnn.Dense(Int(2, 9, name="w"))], likelihoods.Gaussian()
    )
    space = Space(net)
    assert list(space.distributions) == ["depth", "h0_units", "w"]
    assert [layer.units for layer in space.of({"depth": 2, "h0_units": 5, "w": 3})[0].layers] == [5, 5, 3, 3]
    with pytest.raises(SpecError, match="two parameters have the name 'w'"):
        Space(
            pbnn.Network(
                [pbnn.Dense(Int(2, 9, name="w")), pbnn.Dense(Int(2, 8, name="w"))], likelihoods.Gaussian()
            )
        )


def test_a_space_needs_something_to_search_for_and_values_that_it_has():
    with pytest.raises(SpecError, match="nothing is left open"):
        Space(pbnn.Network([pbnn.Dense(5)], likelihoods.Gaussian()))
    space = Space(pbnn.Network([pbnn.Dense(5, Choice("tanh", "relu"))], likelihoods.Gaussian()))
    with pytest.raises(SpecError, match="no value of 'h0_activation'"):
        space.of({})
    with pytest.raises(SpecError, match="must be one of tanh, relu; got 'gelu'"):
        space.of({"h0_activation": "gelu"})


def test_the_difference_of_two_spaces_in_words():
    was = Space(pbnn.Network([pbnn.Dense(Int(8, 32), Choice("tanh", "relu"))], likelihoods.Gaussian()))
    now = Space(pbnn.Network([pbnn.Dense(Int(8, 64))], likelihoods.Gaussian(Float(0.1, 1))))
    assert now.difference(was.distributions) == [
        "likelihood_noise: is new, 0.1…1",
        "h0_activation: was tanh | relu, is no more",
        "h0_units: was 8…32, is 8…64",
    ]
    assert was.difference(was.distributions) == []
