"""Trials that are stopped fold by fold: what it saves, and what it may cost."""

import pickle
from dataclasses import replace

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.pruners import NopPruner
from optuna.trial import TrialState, create_trial
from scipy.stats import binom, norm

from pbnn.errors import DataError, MethodError
from pbnn.search import GPPruner, report_part
from pbnn.search.inputs import Inputs
from pbnn.search.prospects import DRAWS, Prospects, Rule, prospects
from tests.search.tables import best_was_stopped, regret, searched

SPACE = {"x": FloatDistribution(0, 1)}
optuna.logging.set_verbosity(optuna.logging.WARNING)


def trial(x, parts, state=TrialState.COMPLETE, **attrs):
    named = {f"fold{i}": float(v) for i, v in enumerate(parts)}
    value = float(np.mean(parts)) if state == TrialState.COMPLETE else None
    attrs = {"pbnn:parts": named, **{f"pbnn:{k}": v for k, v in attrs.items()}}
    return create_trial(params={"x": x}, distributions=SPACE, value=value, state=state, user_attrs=attrs)


def study_of(*trials):
    study = optuna.create_study(direction="maximize")
    study.add_trials(list(trials))
    return study


def a_study(worst=-1.0, best=0.0):
    """Six trials in full, and one that is stopped after two folds."""
    rng = np.random.default_rng(0)
    folds = np.array([0.5, -0.2, 0.1, 0.0, -0.4])
    means = np.linspace(worst, best, 6)
    whole = [trial(i / 6, m + folds + 0.05 * rng.normal(size=5)) for i, m in enumerate(means)]
    return study_of(*whole, trial(0.95, -0.2 + folds[:2], TrialState.PRUNED))


def test_the_probability_is_that_of_the_joint_posterior():
    found = prospects(a_study(), Inputs.of(SPACE))
    means, covariances = found.surrogate.joint(found.points)
    for pair in ((4, 5), (5, 6)):
        where = [int(found.configuration[i]) for i in pair]
        share = float((found.draws[:, where[0]] > found.draws[:, where[1]]).mean())
        gap = np.array([1.0, -1.0])
        mean = gap @ means[0][list(pair)]
        sd = np.sqrt(gap @ covariances[0][np.ix_(pair, pair)] @ gap)
        exact = norm.cdf(mean / sd)
        assert abs(share - exact) < 4 * np.sqrt(exact * (1 - exact) / DRAWS) + 1e-3
    everything = np.ones(7, bool)
    assert found.p_among(everything) == 1
    assert found.p_among(~everything) == 0
    total = sum(found.p_among(np.arange(7) == i) for i in range(7))
    assert total == pytest.approx(1)
    assert sum(found.p_among(np.arange(7) == i, margin=0.2) for i in range(7)) < 1


def test_what_folds_do_to_all_is_not_held_against_a_trial():
    """A trial scored on the hardest fold alone has the lowest score, and is the best."""
    rng = np.random.default_rng(1)
    folds = np.array([-3.0, 1.0, 1.0, 0.5, 0.5])
    whole = [trial(i / 8, i / 8 + folds + 0.02 * rng.normal(size=5)) for i in range(7)]
    rule = Rule(0.05, 0.0, 5, "test")
    for score, stops in ((1.2, False), (0.2, True)):
        study = study_of(*whole)
        study.enqueue_trial({"x": 0.99}, user_attrs={"pbnn:parts": {"fold0": score + folds[0]}})
        running = study.ask()
        running.suggest_float("x", 0, 1)
        found = prospects(study, Inputs.of(SPACE))
        assert rule.stops(found, running.number) is stops
        assert not Rule(0.05, 0.0, 8, "test").stops(found, running.number)


def test_the_promise_is_for_all_that_are_stopped_together():
    """Of a hundred draws one trial is the best in three, the other in three more: each may be stopped, not both."""
    states = [TrialState.COMPLETE] * 5 + [TrialState.RUNNING, TrialState.RUNNING]
    study = study_of(*(trial(i / 7, [0.0], state) for i, state in enumerate(states)))
    draws = np.zeros((100, 7))
    draws[:, 0] = 1.0
    draws[:3, 5], draws[3:6, 6] = 2.0, 2.0
    running = Prospects(study.trials, None, np.arange(7), draws, None, None)
    rule = Rule(0.05, 0.0, 5, "test")
    assert rule.stops(running, 5)
    assert rule.stops(running, 6)
    study.tell(5, state=TrialState.PRUNED)
    one_stopped = replace(running, trials=study.trials)
    assert not rule.stops(one_stopped, 6)
    assert Rule(0.07, 0.0, 5, "test").stops(one_stopped, 6)
    assert Rule(0.05, 1.5, 5, "test").stops(one_stopped, 6)  # better by less than the margin


def test_a_trial_that_goes_on_takes_the_place_of_the_stopped_one():
    study = a_study()
    study.add_trial(trial(0.95, [0.6, 0.1, 0.4, 0.3, -0.1], continues=6))
    found = prospects(study, Inputs.of(SPACE))
    assert [t.number for t in found.trials] == [0, 1, 2, 3, 4, 5, 7]
    assert not found.stopped.any()


def savings(seeds, **options):
    kept, pruned = ([searched(seed, p, **options) for seed in seeds] for p in (NopPruner(), GPPruner()))
    spent = sum(n for _, n in kept) / sum(n for _, n in pruned)
    cost = np.array([regret(b) - regret(a) for (a, _), (b, _) in zip(kept, pruned, strict=True)])
    return spent, cost, sum(best_was_stopped(study) for study, _ in pruned)


@pytest.mark.slow
def test_half_of_the_folds_find_as_good_a_trial():
    spent, cost, _ = savings(range(2))
    assert spent > 2
    assert cost.mean() < 0.02  # of a function that spans 1


@pytest.mark.nightly
@pytest.mark.parametrize("noise", [0.05, 0.15])
def test_the_best_is_kept_as_probably_as_was_promised(noise):
    n = 40
    spent, cost, lost = savings(range(n), noise=noise)
    assert spent > (2 if noise < 0.1 else 1.5)
    assert cost.mean() < 3 * cost.std(ddof=1) / n**0.5 + 0.01
    most = binom.ppf(0.999, n, 0.05)
    assert lost <= most
    reckless = [searched(seed, GPPruner(risk=0.9), noise=noise)[0] for seed in range(n)]
    assert sum(map(best_was_stopped, reckless)) > most


def test_what_is_no_option_and_what_reports_no_parts():
    for options in ({"risk": 0}, {"risk": 1.5}, {"after": 1}, {"after": 2.5}, {"margin": -1}):
        with pytest.raises(MethodError, match=f"GPPruner: {next(iter(options))} must be"):
            GPPruner(**options)
    study = optuna.create_study(pruner=GPPruner())
    reporting = study.ask()
    assert not reporting.should_prune()
    reporting.report(1.0, 0)
    with pytest.raises(MethodError, match="reports values, and no parts"):
        reporting.should_prune()
    several = optuna.create_study(directions=["maximize"] * 2)
    with pytest.raises(MethodError, match="several objectives"):
        GPPruner().prune(several, study.get_trials()[0])
    assert pickle.loads(pickle.dumps(GPPruner(risk=0.2)))._rule.risk == 0.2


def test_a_part_without_a_score_is_not_reported():
    study = optuna.create_study()
    running = study.ask()
    for bad in (float("nan"), float("inf")):
        with pytest.raises(DataError, match=r"trial 0 scored (nan|inf) on 'a'.*Let the trial fail"):
            report_part(running, "a", bad)
    assert "pbnn:parts" not in study.trials[0].user_attrs


def test_without_parameters_there_is_nothing_to_stop():
    study = optuna.create_study(pruner=GPPruner(after=2))
    for _ in range(3):
        running = study.ask()
        for fold in range(2):
            report_part(running, f"fold{fold}", fold)
            assert not running.should_prune()
        study.tell(running, 0.5)


def test_a_part_more_is_taken_in_without_another_fit():
    study = a_study()
    study.enqueue_trial({"x": 0.7})
    running = study.ask(SPACE)
    report_part(running, "fold0", 0.4)
    before = prospects(study, Inputs.of(SPACE))
    place = before.configuration[before.place(running.number)]
    report_part(running, "fold1", -1.2)
    after = prospects(study, Inputs.of(SPACE), last=before)
    np.testing.assert_array_equal(after.surrogate.theta, before.surrogate.theta)
    error = before.draws[:, place].std() / DRAWS**0.5
    assert after.draws[:, place].mean() < before.draws[:, place].mean() - 5 * error
    assert (prospects(study, Inputs.of(SPACE)).surrogate.theta != after.surrogate.theta).any()
    study.tell(running, -0.4)
    ended = prospects(study, Inputs.of(SPACE), last=after)
    assert (ended.surrogate.theta != after.surrogate.theta).any()


def test_a_pruner_of_two_studies_keeps_them_apart():
    pruner, fresh = GPPruner(), GPPruner()
    one, other = a_study(), a_study(worst=-0.1, best=3.0)
    for study in (one, other):
        pruner.prune(study, study.trials[-1])
    fresh.prune(other, other.trials[-1])
    np.testing.assert_array_equal(pruner._last[other].surrogate.theta, fresh._last[other].surrogate.theta)
    assert (pruner._last[other].surrogate.theta != pruner._last[one].surrogate.theta).any()
