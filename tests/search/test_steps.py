"""What steps of a trial make together."""

import json

import numpy as np
import pytest

import pbnn
from pbnn import likelihoods
from pbnn.errors import MethodError
from pbnn.search import Score
from pbnn.search.objective import score_cv_lpd
from pbnn.search.steps import Step, as_step, last, pooled, score_draws, score_fold

X = np.linspace(-1, 1, 23)[:, None]
Y = X[:, 0] + np.random.default_rng(0).normal(size=23)
LINEAR = pbnn.Network([], likelihoods.Gaussian())


@pytest.mark.slow
def test_folds_one_by_one_are_the_folds_at_once():
    method = pbnn.MAP(starts=1, steps=100)
    steps = [score_fold(LINEAR, method, X, Y, 4, fold, k=5) for fold in (3, 0, 1, 2, 4)]
    whole, found = score_cv_lpd(LINEAR, method, X, Y, 4), pooled(steps)
    assert sum(step.rows for step in steps) == 23
    assert dict(found.parts) == pytest.approx(dict(whole.parts))
    for name in ("value", "se"):
        assert getattr(found, name) == pytest.approx(getattr(whole, name))


def test_a_pooled_standard_error_is_that_of_all_rows():
    rng = np.random.default_rng(0)
    rows = [rng.normal(i, 1 + i, size=n) for i, n in enumerate((5, 4, 4))]
    steps = [Step(Score(r.mean(), r.std(ddof=1) / len(r) ** 0.5), len(r)) for r in rows]
    together = np.concatenate(rows)
    assert pooled(steps).value == pytest.approx(together.mean())
    assert pooled(steps).se == pytest.approx(together.std(ddof=1) / 13**0.5)
    assert pooled(steps).inference_se is None
    assert pooled([Step(Score(1.0, 0.1)), Step(Score(2.0, 0.1))]).se is None  # of how many rows?


def test_a_step_is_kept_as_it_is():
    step = Step(Score(1.0, 0.1, None, {"fold0": 1.0}, "R-hat 3"), 7, 2.5)
    assert Step.of_json(json.loads(json.dumps(step.as_json()))) == step
    assert last([step, Step(Score(2.0))]).value == 2.0


def test_what_a_function_of_a_fold_returns():
    assert as_step((1.0, 0.2), 3) == Step(Score(1.0, 0.2, parts={"fold3": 1.0}))
    assert dict(as_step(Score(1.0, parts={"a": 1.0}), 3).score.parts) == {"a": 1.0}
    with pytest.raises(MethodError, match="which is no score"):
        as_step(float("nan"), 0)


@pytest.mark.nightly
def test_a_score_of_more_draws_has_less_error_and_a_store(tmp_path):
    method = pbnn.SGMCMC(draws=400, chains=2, thin=5, tune=100)
    steps = [
        score_draws(LINEAR, method, X, Y, 1, i, folder=str(tmp_path / "s"), shares=(0.25,)).score
        for i in (0, 1)
    ]
    assert steps[1].inference_se < steps[0].inference_se
    assert len(list((tmp_path / "s").glob("*.zarr"))) == 1
    assert set(steps[0].parts) == set(steps[1].parts)
