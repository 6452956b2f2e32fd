"""Recommendations against closed forms of the best of a few normals, and where there is little to go by."""

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial
from scipy.stats import multivariate_normal, norm

from pbnn.errors import DataError, MethodError
from pbnn.search import recommend
from pbnn.search.recommend import compared

X = {"x": FloatDistribution(0, 1)}
DRAWS = 40_000


def study_of(xs, values, direction="maximize", attrs=()):
    study = optuna.create_study(direction=direction)
    attrs = [*attrs, *[{}] * (len(xs) - len(attrs))]
    for x, value, attr in zip(xs, values, attrs, strict=True):
        study.add_trial(
            create_trial(params={"x": float(x)}, distributions=X, value=float(value), user_attrs=attr)
        )
    return study


def test_of_two_the_chance_and_the_regret_are_those_of_their_difference():
    mean, cov = np.array([0.3, 0.0]), np.array([[1.0, 0.6], [0.6, 0.5]])
    p_best, regret = compared(mean[None], cov[None], DRAWS, np.random.default_rng(0))
    sd = np.sqrt(1.0 + 0.5 - 2 * 0.6)
    exact = norm.cdf(0.3 / sd)
    assert p_best.sum() == pytest.approx(1)
    assert abs(p_best[0] - exact) < 4 * np.sqrt(exact * (1 - exact) / DRAWS)
    # E max(d, 0) of the difference d, either way round; its standard deviation is below that of d.
    gain = [d * norm.cdf(d / sd) + sd * norm.pdf(d / sd) for d in (-0.3, 0.3)]
    np.testing.assert_allclose(regret, gain, atol=4 * sd / np.sqrt(DRAWS))
    # What they share does not matter.
    again = compared(mean[None], cov[None] + 9.0, DRAWS, np.random.default_rng(1))
    np.testing.assert_allclose(again[1], gain, atol=4 * sd / np.sqrt(DRAWS))


def test_of_three_the_chance_is_that_of_an_orthant_and_mixtures_are_averaged():
    rng = np.random.default_rng(2)
    half = rng.normal(size=(3, 3))
    means, covs = np.array([[0.2, 0.0, 0.1], [-0.5, 0.3, 0.0]]), np.stack([half @ half.T, np.eye(3)])
    exact = np.zeros(3)
    for mean, cov in zip(means, covs, strict=True):
        for i in range(3):
            others = [j for j in range(3) if j != i]
            d = np.zeros((2, 3))
            d[[0, 1], others], d[:, i] = 1.0, -1.0
            exact[i] += multivariate_normal(d @ mean, d @ cov @ d.T).cdf(np.zeros(2)) / 2
    p_best, _ = compared(means, covs, DRAWS, rng)
    assert (np.abs(p_best - exact) < 4 * np.sqrt(exact * (1 - exact) / DRAWS)).all()


def test_those_that_draws_do_not_tell_apart_share_the_best():
    p_best, regret = compared(np.zeros((1, 4)), np.ones((1, 4, 4)), 100, np.random.default_rng(3))
    np.testing.assert_allclose(p_best, 0.25)
    np.testing.assert_allclose(regret, 0.0, atol=1e-6)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_luckiest_is_not_taken(direction):
    sign = 1.0 if direction == "maximize" else -1.0
    rng = np.random.default_rng(4)
    xs = np.linspace(0, 1, 24)
    truth = -4 * (xs - 0.7) ** 2
    y = truth + 0.05 * rng.normal(size=24)
    y[4] = y.max() + 0.2  # by luck: it says itself how uncertain it is
    attrs = [{"pbnn:se": 0.05} for _ in xs]
    attrs[4] = {"pbnn:se": 1.0}
    study = study_of(xs, sign * y, direction, attrs)
    assert study.best_trial.number == 4
    found = recommend(study)
    assert found.number != 4
    assert abs(found.params["x"] - 0.7) < 0.15
    assert found.mean == found.table["mean"].iloc[0]
    assert sign * found.table["mean"].iloc[0] == (sign * found.table["mean"]).max()
    assert found.table["score"][4] == sign * y[4]
    assert found.table["p_best"].sum() == pytest.approx(1)


def test_one_trial_or_equal_scores():
    found = recommend(study_of([0.3], [2.0]))
    assert (found.number, found.p_best, found.regret) == (0, 1.0, 0.0)
    assert found.mean == pytest.approx(2.0)
    found = recommend(study_of([0.1, 0.5, 0.9], [2.0, 2.0, 2.0]))
    np.testing.assert_allclose(found.table["mean"], 2.0, atol=0.05)
    assert np.isfinite(found.table.to_numpy()).all()


def test_a_configuration_tried_again_is_one_candidate():
    found = recommend(study_of([0.2, 0.6, 0.6, 0.6], [0.0, 1.3, 1.2, 0.8]))
    assert sorted(found.table.index) == [0, 1]
    assert found.number == 1
    assert 0.6 < found.mean < 1.2
    assert found.table["score"].to_dict() == pytest.approx({0: 0.0, 1: 1.1})


def test_a_distrusted_fit_speaks_only_where_there_is_no_other():
    attrs = [{"pbnn:failed": "R-hat is 3"}]
    found = recommend(study_of([0.5, 0.1, 0.9], [100.0, 0.0, 0.3], attrs=attrs))
    assert found.number == 2
    assert 0 not in found.table.index
    assert recommend(study_of([0.5], [100.0], attrs=attrs)).number == 0


def test_a_failed_trial_is_passed_over():
    study = study_of([0.1, 0.9], [0.0, 1.0])
    study.add_trial(create_trial(params={"x": 0.5}, distributions=X, state=TrialState.FAIL))
    assert sorted(recommend(study).table.index) == [0, 1]


def test_what_was_not_tried_may_be_better():
    xs = np.array([0.0, 0.2, 0.4, 0.9, 1.0])
    found = recommend(study_of(xs, -((xs - 0.65) ** 2)), untried=32)
    assert found.number is None
    assert 0.4 < found.params["x"] < 0.9
    assert len(found.table) == 5 + 32


def test_absurd_scores_do_not_blind():
    xs = np.linspace(0, 1, 16)
    y = np.where(xs < 0.3, -1e9 * (1 + xs), -((xs - 0.7) ** 2))
    found = recommend(study_of(xs, y))
    assert abs(found.params["x"] - 0.7) < 0.05
    assert found.mean == pytest.approx(0.0, abs=0.02)
    assert found.table["mean"][0] < -1e6


def test_a_study_with_parameters_that_come_and_go():
    study = optuna.create_study(direction="maximize")
    n = {"n": IntDistribution(1, 2)}
    study.add_trial(create_trial(params={"n": 1}, distributions=n, value=0.0))
    study.add_trial(create_trial(params={"n": 2, "x": 0.4}, distributions=n | X, value=1.0))
    found = recommend(study)
    assert found.params == {"n": 2, "x": 0.4}


def test_nothing_to_recommend():
    with pytest.raises(DataError, match="no trial with a score"):
        recommend(optuna.create_study())
    with pytest.raises(MethodError, match="several objectives"):
        recommend(optuna.create_study(directions=["minimize", "minimize"]))
    study = optuna.create_study()
    study.optimize(lambda trial: 1.0, n_trials=2)
    assert recommend(study).params == {}
