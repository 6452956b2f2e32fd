from datetime import timedelta

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

import pbnn
from pbnn import likelihoods
from pbnn.errors import DataError, FileError, MethodError, PbnnWarning, SpecError
from pbnn.search import Int, Repeat, Score, Space, optimize
from pbnn.search.attributes import FAILED, INFERENCE_SE, PARTS, SE
from pbnn.search.objective import as_objective
from pbnn.search.storage import patiently
from tests.search.objectives import a_network, in_trouble, nearest_to_8, width_of
from tests.tiers import tiers

X = np.linspace(-1, 1, 40)[:, None]
Y = np.sin(4 * X[:, 0]) + 0.1 * np.random.default_rng(0).normal(size=40)


def test_the_best_posterior_mean_is_recommended_and_the_seed_decides():
    found = [optimize(a_network(), X, Y, objective=nearest_to_8, budget=12, seed=3) for _ in range(2)]
    assert abs(width_of(found[0].recommended) - 8) <= 1
    assert [t.params for t in found[0].study.trials] == [t.params for t in found[1].study.trials]
    assert len(found[0].summary) == 12
    assert found[0].summary["score"].notna().all()


def test_trouble_is_recorded_and_the_search_goes_on(tmp_path):
    found = optimize(
        a_network(),
        X,
        Y,
        objective=in_trouble,
        budget=7,
        seed=1,
        sampler=optuna.samplers.GridSampler({"h0_units": [1, 3, 4, 5, 6, 7, 8]}),
    )
    assert len(found.study.trials) == 7
    for trial in found.study.trials:
        kind = trial.params["h0_units"] % 4
        if kind == 0:
            assert trial.state == TrialState.FAIL
            assert trial.user_attrs[FAILED] == "ValueError: a width that is divided by 4"
        elif kind == 1:
            assert trial.state == TrialState.FAIL
            assert "returned nan" in trial.user_attrs[FAILED]
        else:
            assert trial.value == trial.params["h0_units"]
    assert {t.state for t in found.study.trials} == {TrialState.FAIL, TrialState.COMPLETE}


def test_a_search_of_failures_says_why():
    def broken(network, method, X, y, seed):
        raise ValueError("nothing works")

    with pytest.raises(MethodError, match="no trial with a score:\n  ValueError: nothing works"):
        optimize(a_network(), X, Y, objective=broken, budget=3)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"objective": "rmse"}, "'rmse' is a loss"),
        ({"objective": "elpdd"}, "Did you mean 'elpd'"),
        ({"objective": lambda *_: 1, "budget": 0}, "budget must be"),
        ({"objective": lambda *_: 1, "budget": 5.0}, "budget must be"),
        ({"objective": lambda *_: 1, "budget": timedelta(0)}, "budget must be"),
        ({"n_workers": 0}, "n_workers must be"),
        ({"time_limit": -1}, "time_limit must be"),
        ({"executor": 3}, "executor must be"),
        ({"objective": "evidence", "method": "map"}, "'evidence' is the marginal likelihood"),
        ({"objective": 3}, "objective must be one of"),
    ],
)
def test_options_that_are_none_are_refused(options, match):
    with pytest.raises(MethodError, match=match):
        optimize(a_network(), X, Y, **options)


def test_losses_are_recognised_by_name_and_scorers_by_kind():
    def my_rmse(*_):
        return 1.0

    def neg_rmse(*_):
        return -1.0

    assert as_objective(neg_rmse, ()) is neg_rmse
    with pytest.raises(MethodError, match="Return the loss negated"):
        as_objective(my_rmse, ())
    with pytest.raises(MethodError, match="MAP has one\\. Pass objective='cv_lpd'"):
        as_objective("elpd", (pbnn.MAP(),))
    sklearn = pytest.importorskip("sklearn.metrics")
    with pytest.raises(MethodError, match="scorer of scikit-learn"):
        as_objective(sklearn.get_scorer("r2"), ())


def test_a_study_goes_on_and_is_not_mixed_with_another(tmp_path):
    at = f"sqlite:///{tmp_path}/s.db"
    first = optimize(a_network(), X, Y, objective=nearest_to_8, budget=3, storage=at)
    again = optimize(a_network(), X, Y, objective=nearest_to_8, budget=5, storage=at)
    assert len(first.study.trials) == 5
    assert [t.params for t in again.study.trials][:3] == [t.params for t in first.study.trials][:3]
    other = pbnn.Network([pbnn.Dense(Int(1, 20))], likelihoods.Gaussian())
    with pytest.raises(SpecError, match="h0_units: was 1…12, is 1…20"):
        optimize(other, X, Y, objective=nearest_to_8, budget=6, storage=at)
    fixed = pbnn.Network([pbnn.Dense(Int(1, 12), "relu")], likelihoods.Gaussian())
    with pytest.raises(SpecError, match="What is fixed differs"):
        optimize(fixed, X, Y, objective=nearest_to_8, budget=6, storage=at)
    with pytest.raises(MethodError, match="another objective: 'nearest_to_8'"):
        optimize(a_network(), X, Y, objective=in_trouble, budget=6, storage=at)
    with pytest.raises(MethodError, match="another data"):  # rather than another space, which it may be too
        optimize(other, X, Y + 1, objective=nearest_to_8, budget=6, storage=at)
    with pytest.raises(FileError, match="exists, with trials"):
        optimize(a_network(), X, Y, objective=nearest_to_8, budget=6, storage=at, resume=False)


def test_data_that_no_trial_can_use_are_refused_before_the_first(tmp_path):
    at = f"sqlite:///{tmp_path}/s.db"
    broken = X.copy()
    broken[3, 0] = np.nan
    with pytest.raises(DataError, match="missing"):
        optimize(a_network(), broken, Y, budget=3, storage=at)
    assert not (tmp_path / "s.db").exists()


def test_storage_that_is_none():
    for bad in ("study.db", "nonsense://x", f"sqlite:////{'no/such' * 3}/s.db"):
        with pytest.raises(FileError, match="storage"):
            optimize(a_network(), X, Y, objective=nearest_to_8, storage=bad)


def test_a_storage_that_comes_back_is_waited_for():
    away = iter([True, True, False])

    def call():
        if next(away):
            raise OSError("gone")
        return "here"

    with pytest.warns(PbnnWarning, match="the storage is away"):
        assert patiently(call, lambda: "", patience=5) == "here"

    def gone():
        raise OSError("gone")

    with (
        pytest.warns(PbnnWarning, match="the storage is away"),
        pytest.raises(FileError, match=r"is kept in it.*Not in it yet: trial 3"),
    ):
        patiently(gone, lambda: " Not in it yet: trial 3.", patience=0.3)


@pytest.mark.slow
def test_time_is_a_budget():
    found = optimize(a_network(), X, Y, objective=nearest_to_8, budget=timedelta(seconds=0.5))
    assert len(found.study.trials) >= 1


@pytest.mark.parametrize("objective", tiers(["elpd", "cv_lpd", "evidence"], []))
def test_scores_of_real_fits_tell_their_errors(objective):
    from pbnn.search.objective import OBJECTIVES

    network = pbnn.Network([], likelihoods.Gaussian())
    score = OBJECTIVES[objective](network, pbnn.Laplace(tune="after", draws=200), X, Y, 1)
    attrs = score.attrs()
    assert np.isfinite(score.value)
    assert (SE in attrs) == (objective != "evidence")
    if objective != "evidence":
        # The standard error of a mean over rows, whichever way the rows are put into parts.
        assert 0 < attrs[INFERENCE_SE] < attrs[SE] < 1
        parts = list(attrs[PARTS].values())
        assert len(parts) == {"elpd": 40, "cv_lpd": 5}[objective]
        assert np.mean(parts) == pytest.approx(score.value)


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore:compare_models. rows of:pbnn.errors.PbnnWarning")  # with so few draws
def test_a_search_from_end_to_end():
    network = pbnn.Network([Repeat(pbnn.Dense(2), Int(0, 1))], likelihoods.Gaussian())
    both = optuna.samplers.GridSampler({"depth": [0, 1]})
    method = pbnn.Laplace(tune="after", draws=100)
    found = optimize(network, X, Y, method=method, budget=2, seed=2, sampler=both)
    assert found.recommended in {found.space.of(t.params)[0] for t in found.study.trials}
    for trial in found.study.trials:
        assert 0 < trial.user_attrs[INFERENCE_SE] < trial.user_attrs[SE] < 1
        assert np.mean(list(trial.user_attrs[PARTS].values())) == pytest.approx(trial.value)
    mix, idata = found.average
    assert idata["weights"]["weight"].sum() == pytest.approx(1)
    assert pbnn.predict(mix, idata, X[:3], seed=1)["predictions"].sizes["obs"] == 3
    assert found.study.best_value > -1.3


def test_a_score_may_speak_for_nothing():
    space = Space(a_network())

    def failed(network, method, X, y, seed):
        return Score(100.0, failed="it did not converge") if width_of(network) < 6 else Score(-1.0, se=0.1)

    found = optimize(space, X, Y, objective=failed, budget=12, seed=1)
    assert width_of(found.recommended) >= 6
    assert found.study.best_value == 100
