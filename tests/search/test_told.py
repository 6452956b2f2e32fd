"""What is read off a study: signs, noise, and trials that do not count."""

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from pbnn.errors import DataError, SpecError
from pbnn.search.inputs import Inputs
from pbnn.search.told import inputs_of, observations_of, read

SPACE = {"x": FloatDistribution(0, 1)}


def study_of(*trials, direction="maximize"):
    study = optuna.create_study(direction=direction)
    study.add_trials(list(trials))
    return study


def trial(value, x=0.5, state=TrialState.COMPLETE, **attrs):
    named = {f"pbnn:{name}": what for name, what in attrs.items()}
    return create_trial(params={"x": x}, distributions=SPACE, value=value, state=state, user_attrs=named)


def test_losses_are_negated():
    trials = [trial(1.0, se=0.1), trial(3.0, se=0.2)]
    for direction, sign in (("maximize", 1), ("minimize", -1)):
        told = observations_of(study_of(*trials, direction=direction))
        np.testing.assert_array_equal(told.y, [sign * 1.0, sign * 3.0])
        np.testing.assert_allclose(told.noise, np.diag([0.01, 0.04]))


def test_scores_are_exact_where_trials_say_so_and_do_not_contradict_it():
    def exact(*trials):
        return observations_of(study_of(*trials)).exact

    assert exact(trial(1.0, x=0.1, se=0.0), trial(2.0, x=0.2, se=0.0), trial(2.0, x=0.2, se=0.0))
    assert not exact(trial(1.0, x=0.1, se=0.0), trial(2.0, x=0.2))
    assert not exact(trial(1.0, x=0.1), trial(2.0, x=0.2))
    assert not exact(trial(1.0, x=0.1, se=0.0), trial(-np.inf, x=0.2, se=0.0))
    parts = {"se": 0.0, "parts": {"a": 9.0}}
    assert not exact(trial(1.0, x=0.1, se=0.0), trial(9.0, x=0.2, **parts))
    assert not exact(trial(1.0, x=0.1, se=0.0), trial(None, x=0.2, state=TrialState.PRUNED, **parts))
    assert not exact(trial(1.0, x=0.1, se=0.0), trial(2.0, x=0.2, se=0.1))
    assert not exact(trial(1.0, x=0.2, se=0.0), trial(2.0, x=0.2, se=0.0))


def test_what_says_nothing_does_not_count_but_was_tried():
    study = study_of(
        trial(1.0, x=0.1),
        trial(-90.0, x=0.2, failed="R-hat 3"),
        trial(0.5, state=TrialState.PRUNED),
        trial(None, x=0.3, state=TrialState.FAIL),
        create_trial(params={"x": 3.0}, distributions={"x": FloatDistribution(2, 4)}, value=1.0),
        create_trial(params={"z": 0.5}, distributions={"z": FloatDistribution(0, 1)}, value=1.0),
        trial(2.0, x=0.4),
    )
    told = read(study, Inputs.of(SPACE))
    assert [t.number for t in told.trials] == [0, 6]
    np.testing.assert_array_equal(told.observations[0].y, [1.0, 2.0])
    np.testing.assert_array_equal(told.failed.x, [[0.2], [0.3]])
    told = read(study, Inputs.of(SPACE), distrusted=True)
    np.testing.assert_array_equal(told.observations[0].y, [1.0, -90.0, 2.0])


@pytest.mark.parametrize(
    ("values", "y"),
    [([1, -np.inf, 3, np.inf], [1, 1, 3, 3]), ([np.inf, -np.inf], [1, -1])],
)
def test_endless_values_are_the_worst_or_best_of_the_others(values, y):
    np.testing.assert_array_equal(observations_of(study_of(*map(trial, values))).y, y)


def test_of_several_objectives_each_has_its_direction():
    study = optuna.create_study(directions=["maximize", "minimize"])
    for x in (0.1, 0.7):
        study.add_trial(create_trial(params={"x": x}, distributions=SPACE, values=[x, 2 * x]))
    told = read(study, Inputs.of(SPACE)).observations
    np.testing.assert_array_equal([o.y for o in told], [[0.1, 0.7], [-0.2, -1.4]])


@pytest.mark.parametrize("sign", [1, -1])
def test_parts_are_shared_noise_and_a_pruned_trial_is_put_right(sign):
    rng = np.random.default_rng(1)
    parts = sign * (
        np.array([1.0, 0, 0, 0, -1]) + np.linspace(0, 0.5, 6)[:, None] + 0.01 * rng.normal(size=(6, 5))
    )
    trials = [trial(float(p.mean()), parts={str(i): float(v) for i, v in enumerate(p)}) for p in parts]
    trials.append(trial(float(parts[0, 0]), state=TrialState.PRUNED, parts={"0": float(parts[0, 0])}))
    told = observations_of(study_of(*trials, direction="maximize" if sign == 1 else "minimize"))
    np.testing.assert_allclose(told.y[:6], sign * parts.mean(1))
    assert abs(told.y[6] - told.y[0]) < 0.05
    assert np.sqrt(told.level) > 0.1
    assert np.sqrt(np.diag(told.noise)[:6]).max() < 0.02


def test_a_pruned_trial_counts_by_a_part_that_is_finite():
    nan = float("nan")
    study = study_of(
        trial(1.0, parts={"a": 1.0, "b": 1.2}),
        trial(2.0, parts={"a": 2.0, "b": 2.1}),
        trial(nan, x=0.2, state=TrialState.PRUNED, parts={"a": nan}),
        trial(nan, x=0.3, state=TrialState.PRUNED, parts={"a": nan, "b": 3.0}),
        trial(None, x=0.4, state=TrialState.PRUNED, parts={"a": None}),
    )
    told = read(study, Inputs.of(SPACE))
    assert [t.number for t in told.trials] == [0, 1, 3]
    assert np.isfinite(told.observations[0].y).all()


def test_inference_error_is_the_trials_own_and_silence_is_the_mean():
    told = observations_of(study_of(trial(1.0, se=0.1, inference_se=0.5), trial(2.0, se=0.3), trial(3.0)))
    np.testing.assert_allclose(told.noise, np.diag([0.01 + 0.25, 0.09, 0.05]))


def test_a_study_says_its_conditions():
    study = study_of(
        create_trial(params={"n": 1}, distributions={"n": IntDistribution(1, 2)}, value=0.0),
        create_trial(
            params={"n": 2, "x": 0.5}, distributions={"n": IntDistribution(1, 2), **SPACE}, value=0.0
        ),
    )
    assert inputs_of(study).names == ("n",)
    study.set_user_attr("pbnn:conditions", {"x": ["n", [2]]})
    np.testing.assert_array_equal(observations_of(study).points.active, [[True, False], [True, True]])


def test_attributes_that_cannot_be():
    with pytest.raises(DataError, match="Trial 0: 'pbnn:se' must hold numbers"):
        observations_of(study_of(trial(1.0, se="large")))
    with pytest.raises(DataError, match=r"must be \{part: score\}"):
        observations_of(study_of(trial(1.0, parts=[1.0])))
    with pytest.raises(DataError, match="no trial with a score"):
        observations_of(study_of(), Inputs.of(SPACE))
    with pytest.raises(SpecError, match="no parameter"):
        inputs_of(study_of())
