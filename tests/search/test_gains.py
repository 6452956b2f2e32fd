"""What another trial may gain, and the rule that ends a search."""

from dataclasses import replace
from datetime import datetime, timedelta

import jax
import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial
from scipy.integrate import quad
from scipy.stats import norm

from pbnn.errors import MethodError
from pbnn.search.attributes import STOPPED
from pbnn.search.ending import IN_A_ROW, Ending, check_stop_below, ended
from pbnn.search.gains import Gain, gain_of_new, gain_of_stopped, raised, seconds_of_whole
from pbnn.search.gp import condition, rows_of
from pbnn.search.inputs import Inputs, Points
from pbnn.search.observations import Observations
from pbnn.search.outlook import Outlook
from pbnn.search.prospects import prospects

SPACE = {"x": FloatDistribution(0, 1)}
INPUTS = Inputs.of(SPACE)


def finished(x, value, number=0, seconds=2.0, state=TrialState.COMPLETE, **attrs):
    start = datetime(2026, 1, 1)
    return FrozenTrial(
        number=number,
        state=state,
        value=value,
        datetime_start=start,
        datetime_complete=start + timedelta(seconds=seconds),
        params={"x": x},
        distributions=SPACE,
        user_attrs={f"pbnn:{name}": what for name, what in attrs.items()},
        system_attrs={},
        intermediate_values={},
        trial_id=number,
    )


def study_of(*trials):
    study = optuna.create_study(direction="maximize")
    study.add_trials(list(trials))
    return study


def hill(x):
    return -((x - 0.4) ** 2)


@pytest.mark.parametrize(("mean", "sd", "best"), [(0.0, 1.0, 0.5), (2.0, 0.3, 1.0), (-1.0, 0.2, -1.0)])
def test_the_gain_is_the_integral_over_what_may_be_seen(mean, sd, best):
    exact, _ = quad(
        lambda m: max(m, best) * norm.pdf(m, mean, sd), mean - 9 * sd, mean + 9 * sd, points=[best]
    )
    assert raised(np.array([mean]), np.array([sd]), best)[0] == pytest.approx(
        exact - max(mean, best), abs=1e-8
    )


def test_what_is_certain_or_far_off_gains_nothing():
    np.testing.assert_array_equal(raised(np.array([1.0, -1e6]), np.array([0.0, 1.0]), 0.0), 0.0)


def stopped_after(folds, score):
    """Six trials on four folds, and one that was stopped; a fold takes 2 s, the first 6."""
    rng = np.random.default_rng(0)
    step = [{"seconds": s} for s in (6.0, 2.0, 2.0, 2.0)]
    table = hill(np.linspace(0, 1, 6))[:, None] + 0.1 * rng.normal(size=(6, 4)) + rng.normal(size=4)
    trials = [
        finished(x, row.mean(), parts={str(i): v for i, v in enumerate(row.tolist())}, steps=step)
        for x, row in zip(np.linspace(0, 1, 6), table, strict=True)
    ]
    part = {str(i): float(score + table[2, i]) for i in range(folds)}
    trials.append(finished(0.5, None, state=TrialState.PRUNED, parts=part, steps=step[:folds]))
    return study_of(*trials)


def assert_is_mean_rise(amount, found, pair, noise, n=100_000):
    """Hold a gain against scores of the second of two points that are made up, told, and taken in."""
    surrogate = found.surrogate
    mean, _ = surrogate.predict(pair)
    size = len(found.points)
    cov = np.zeros((size + 1, size + 1))
    cov[:size, :size] = surrogate.observations.noise
    cov[-1, -1] = noise - found.nugget  # the surrogate adds it

    def told(y):
        points = Points.joined([found.points, pair[1]])
        more = Observations(points, np.append(surrogate.observations.y, y), cov)
        rows = rows_of(surrogate.inputs, more, surrogate.loc, surrogate.scale)
        with jax.enable_x64(True):
            arrays = condition(surrogate.theta, rows)
        return replace(surrogate, observations=more, rows=rows, arrays=arrays).predict(pair)[0]

    at, slope = told(0.0), told(1.0) - told(0.0)
    sd = np.sqrt(surrogate.joint(pair)[1][0][1, 1] + noise)
    scores = mean[1] + sd * np.random.default_rng(1).normal(size=n)
    after = at[:, None] + slope[:, None] * scores
    np.testing.assert_allclose(after.mean(1), mean, atol=5 * after.std(1).max() / n**0.5)
    rise = after.max(0) - mean[0]
    assert abs(amount - rise.mean()) < 5 * rise.std() / n**0.5 + 1e-6


def test_a_stopped_trial_gains_what_its_missing_folds_tell():
    study = stopped_after(1, -0.05)
    found = prospects(study, INPUTS)
    gain = gain_of_stopped(found, 6, 4, study.trials)
    assert gain.seconds == 6.0
    assert gain.number == 6
    # With independent noise, three folds more are a score with a third of the variance of one.
    now, whole = found.noise[6] + found.nugget, np.median(found.noise[:6]) + found.nugget
    rival = int(found.surrogate.predict(found.points)[0][:6].argmax())
    pair = found.points[[rival, 6]]
    assert_is_mean_rise(gain.amount, found, pair, 1 / (1 / whole - 1 / now))
    hopeless = stopped_after(1, -3.0)
    found = prospects(hopeless, INPUTS)
    assert gain_of_stopped(found, 6, 4, hopeless.trials).amount < gain.amount / 10


def test_time_is_the_median_of_trials_and_of_steps():
    assert seconds_of_whole([finished(0.1, 1.0, seconds=s) for s in (1, 2, 60)]) == 2.0
    assert seconds_of_whole(stopped_after(2, 0.0).trials) == 12.0
    assert Gain(3.0, 2.0).per_second == 1.5
    # Stopped after two steps of four; of two steps, the last is owed.
    study = stopped_after(2, 0.0)
    assert gain_of_stopped(prospects(study, INPUTS), 6, 2, study.trials).seconds == 2.0


def test_of_a_space_that_was_tried_whole_nothing_new_is_to_be_gained():
    three = {"n": IntDistribution(1, 3)}
    study = study_of(*(create_trial(params={"n": n}, distributions=three, value=n) for n in (1, 2, 3)))
    found = prospects(study, Inputs.of(three))
    assert gain_of_new(found, study.trials, np.random.default_rng(0)).amount == 0


def test_a_new_configuration_gains_what_a_look_at_it_tells_on_average():
    """Its true score is tied to that of its neighbour, the best, which the same look moves."""
    rng = np.random.default_rng(5)
    space = {"n": IntDistribution(0, 20)}
    study = study_of()
    for n in set(range(21)) - {11}:
        value = -((n - 11) ** 2) / 60 + 0.3 * rng.normal()
        attrs = {"pbnn:se": 0.3}
        study.add_trial(create_trial(params={"n": n}, distributions=space, value=value, user_attrs=attrs))
    inputs = Inputs.of(space)
    found = prospects(study, inputs)
    gain = gain_of_new(found, study.trials, np.random.default_rng(0))
    mean, _ = found.surrogate.predict(found.points)
    pair = Points.joined([found.points[int(mean.argmax())], inputs.points([{"n": 11}])])
    tied, own = found.surrogate.joint(pair)[1][0][1]
    assert tied > 0.5 * own
    assert_is_mean_rise(gain.amount, found, pair, np.median(found.noise) + found.nugget)


def test_a_new_configuration_gains_what_is_believed_of_it_already():
    """Beside a gap at the top of a parabola, the gain is the parabola's height there."""
    xs = [0.0, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    study = study_of(*(finished(x, hill(x)) for x in xs))
    gain = gain_of_new(prospects(study, INPUTS), study.trials, np.random.default_rng(0))
    assert gain.amount == pytest.approx(hill(0.4) - hill(0.3), rel=0.3)


def test_a_search_ends_where_its_regret_is_known_to_be_small():
    """The hill is seen without noise: once nothing is to be gained, the best tried is at its top."""
    study, limit = study_of(), 1e-3
    ending = Ending(Outlook(study, INPUTS, 0), limit)
    xs = np.random.default_rng(3).permutation(np.linspace(0, 1, 30))
    ends = None
    for i, x in enumerate(xs):
        study.add_trial(finished(x, hill(x), seconds=2.0))
        if ending.reached():
            ends = i + 1
            break
    assert ends is not None
    assert 10 + IN_A_ROW - 1 <= ends < 30
    why = study.user_attrs[STOPPED]
    assert why["trials"] == ends
    assert why["seconds"] == 2.0
    assert why["gain"] < limit * 2.0
    assert -max(hill(x) for x in xs[:ends]) < limit * 2.0  # the regret, for the hill ends at 0
    assert ending.reached()  # without another look
    # With the limit where the gain was, it goes on.
    stricter = Ending(Outlook(study, INPUTS, 0), why["per_second"] / 2)
    assert not stricter.reached()


def test_what_still_ran_when_the_rule_was_reached_does_not_take_its_words_back():
    study = study_of(*(finished(x, hill(x)) for x in np.linspace(0, 1, 12)))
    assert ended(study) == ""
    study.enqueue_trial({"x": 0.35})
    running = study.ask(SPACE)
    ending = Ending(Outlook(study, INPUTS, 0), 10.0)
    for x in (0.41, 0.42):
        assert not ending.reached()
        assert ended(study) == ""
        study.add_trial(finished(x, hill(x)))
    assert ending.reached()
    said = ended(study)
    assert said.startswith("ended after 14 trials: another, of 2 s")
    study.tell(running, -0.1)
    study.add_trial(finished(0.5, -0.01, continues=3))
    assert ended(study) == said
    study.ask(SPACE)
    assert ended(study) == ""


def test_a_search_goes_on_while_a_stopped_trial_may_gain():
    """The space was tried whole: nothing new is left, but of one trial a single fold is known."""
    rng = np.random.default_rng(0)
    folds, space = rng.normal(size=4), {"n": IntDistribution(0, 20)}
    study = study_of()
    for n in range(21):
        k = 1 if n == 6 else 4
        scores = (-((n - 5) ** 2) / 60 + folds + 0.3 * rng.normal(size=4)).tolist()[:k]
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE if k == 4 else TrialState.PRUNED,
                value=float(np.mean(scores)) if k == 4 else None,
                params={"n": n},
                distributions=space,
                user_attrs={
                    "pbnn:parts": {str(i): v for i, v in enumerate(scores)},
                    "pbnn:steps": [{"seconds": 2.0}] * k,
                },
            )
        )
    outlook = Outlook(study, Inputs.of(space), 0)
    assert Ending(outlook, 1.0).gain().amount == 0
    gain = Ending(outlook, 1.0, n_steps=4).gain()
    assert gain.amount > 0
    assert (gain.number, gain.seconds) == (6, 6.0)
    study.add_trial(
        create_trial(params={"n": 6}, distributions=space, value=0.0, user_attrs={"pbnn:continues": 6})
    )
    assert Ending(outlook, 1.0, n_steps=4).gain().number is None


def test_what_is_no_limit():
    for bad in (0, -1.0, float("inf"), "1", True):
        with pytest.raises(MethodError, match="stop_below must be"):
            check_stop_below(bad)
