"""The sampler in studies: what it suggests, again and elsewhere, and what it makes of trials that went wrong."""

import pickle

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from pbnn.errors import MethodError, SpecError
from pbnn.search import sampler as sampler_module
from pbnn.search.inputs import Condition
from pbnn.search.maximise import Effort
from pbnn.search.sampler import GPSampler
from pbnn.search.soften import soften
from tests.tiers import tiers

LITTLE = Effort(candidates=64, near=16, starts=2)
SQUARE = {"x": FloatDistribution(0, 1), "z": FloatDistribution(0, 1)}


@pytest.fixture(autouse=True)
def _silent():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(before)


def study_of(n=6, space=SQUARE, value=None, directions=("maximize",), **options):
    study = optuna.create_study(
        directions=directions,
        sampler=GPSampler(**({"seed": 0, "n_startup_trials": 0, "effort": LITTLE} | options)),
    )
    rng = np.random.default_rng(0)
    for _ in range(n):
        params = {"x": float(rng.random()), "z": float(rng.random())}
        values = value(params) if value else [-((params["x"] - 0.4) ** 2) - (params["z"] - 0.7) ** 2]
        study.add_trial(create_trial(params=params, distributions=space, values=values))
    return study


def test_a_seed_says_what_is_suggested():
    asked = [
        [study.ask(SQUARE).params for _ in range(2)] for study in (study_of(), study_of(), study_of(seed=1))
    ]
    assert asked[0] == asked[1]
    assert asked[0] != asked[2]
    study = study_of()
    study.sampler = pickle.loads(pickle.dumps(study.sampler))
    assert [study.ask(SQUARE).params for _ in range(2)] == asked[0]
    study.sampler.reseed_rng()
    assert study.ask(SQUARE).params not in asked[0]


def test_running_trials_keep_others_away():
    study = study_of(n=12)
    asked = np.array([list(study.ask(SQUARE).params.values()) for _ in range(4)])
    distances = np.linalg.norm(asked[:, None] - asked, axis=-1)[np.triu_indices(4, 1)]
    assert distances.min() > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("exact", [True, False])
def test_exact_scores_are_looked_at_softened_and_bare_in_turn(exact, monkeypatch):
    softened = []

    def recorded(observations):
        softened[-1] = True
        return soften(observations)

    monkeypatch.setattr(sampler_module, "soften", recorded)
    study = study_of(n=0)
    for i in range(6):
        params, attrs = {"x": i / 6, "z": (i % 4) / 4}, {"pbnn:se": 0.0} if exact else {}
        study.add_trial(
            create_trial(params=params, distributions=SQUARE, value=-1.0 * i**2, user_attrs=attrs)
        )
    for _ in range(4):
        softened.append(False)
        trial = study.ask(SQUARE)
        trial.set_user_attr("pbnn:se", 0.0)
        study.tell(trial, -float(trial.params["x"]))
    assert softened == [True, not exact] * 2


def test_minimising_is_maximising_the_negative():
    up, down = (
        study_of(),
        study_of(directions=("minimize",), value=lambda p: [(p["x"] - 0.4) ** 2 + (p["z"] - 0.7) ** 2]),
    )
    assert up.ask(SQUARE).params == down.ask(SQUARE).params


@pytest.mark.parametrize("acquisition", tiers(["thompson", "mes"], ["thompson"]))
def test_a_drawn_function_is_a_way_too(acquisition):
    study = study_of(n=15, acquisition=acquisition)
    x = np.array([list(study.ask(SQUARE).params.values()) for _ in range(3)])
    assert np.median(np.linalg.norm(x - [0.4, 0.7], axis=1)) < 0.35


@pytest.mark.slow
def test_constraints_are_kept():
    def constraint(trial):
        return (trial.params["x"] - 0.3,)

    with_func = study_of(n=0, n_startup_trials=8, constraints_func=constraint)
    with_func.optimize(lambda t: t.suggest_float("x", 0, 1) + t.suggest_float("z", 0, 1), n_trials=14)
    # The best lies where the constraint begins to hold: there later trials go, some to the wrong side of it.
    later = np.array([list(t.params.values()) for t in with_func.trials[-4:]])
    assert np.abs(later[:, 0] - 0.3).max() < 0.15, later
    assert with_func.trials[0].constraints == {"0": with_func.trials[0].params["x"] - 0.3}
    assert with_func.best_trial.params["x"] <= 0.3
    assert with_func.best_value > 1.1


@pytest.mark.slow
def test_several_objectives_move_the_front():
    def compromise(params):
        return [params["x"], 1 - params["x"] ** 2 - params["z"]]

    study = study_of(n=8, directions=("maximize", "maximize"), value=compromise)
    for _ in range(4):
        trial = study.ask(SQUARE)
        study.tell(trial, compromise(trial.params))
    assert np.mean([t.params["z"] for t in study.trials[-4:]]) < 0.15


@pytest.mark.slow
def test_a_conditional_space_is_searched_as_one():
    space = {
        "act": CategoricalDistribution(["relu", "tanh"]),
        "depth": IntDistribution(1, 2),
        "width": IntDistribution(4, 64, log=True),
        "width2": IntDistribution(4, 64, log=True),
    }
    sampler = GPSampler(
        seed=0,
        space=space,
        conditions={"width2": Condition("depth", (2,))},
        n_startup_trials=4,
        effort=LITTLE,
    )
    study = optuna.create_study(sampler=sampler)

    def objective(trial):
        act = trial.suggest_categorical("act", ["relu", "tanh"])
        depth = trial.suggest_int("depth", 1, 2)
        width = trial.suggest_int("width", 4, 64, log=True)
        width2 = trial.suggest_int("width2", 4, 64, log=True) if depth == 2 else 16
        assert set(trial.relative_params) == {"act", "depth", "width", *(["width2"] if depth == 2 else [])}
        return (act == "relu") + abs(width - 20) / 20 + abs(width2 - 30) / 30

    study.optimize(objective, n_trials=8)
    assert all(t.state == TrialState.COMPLETE for t in study.trials)


def test_a_point_that_failed_is_not_tried_again_and_again():
    study = study_of(n=6)
    where = study.ask(SQUARE)
    study.tell(where, state=TrialState.FAIL)
    again = np.array([list(study.ask(SQUARE).params.values()) for _ in range(2)])
    assert np.linalg.norm(again - list(where.params.values()), axis=1).min() > 0.01


@pytest.mark.parametrize("told", [0, 1])
def test_nothing_or_one_score_is_enough_to_go_on(told):
    study = study_of(n=told, space=SQUARE)
    study.sampler = GPSampler(seed=0, space=SQUARE, n_startup_trials=0, effort=LITTLE)
    assert set(study.ask(SQUARE).params) == {"x", "z"}


def test_bad_options_say_so():
    with pytest.raises(MethodError, match="Did you mean 'log_ei'"):
        GPSampler(acquisition="logei")
    with pytest.raises(MethodError, match=r"bayes must be 'map', 'nuts', or .*; got 0"):
        GPSampler(bayes=0)
    with pytest.raises(MethodError, match="n_startup_trials must be a whole number >= 0, or None; got -1"):
        GPSampler(n_startup_trials=-1)
    with pytest.raises(SpecError, match="conditions need the space"):
        GPSampler(conditions={"x": Condition("z", (1,))})


@pytest.mark.nightly
def test_branin_in_thirty_trials_is_better_than_at_random():
    def branin(trial):
        x, y = trial.suggest_float("x", -5, 10), trial.suggest_float("y", 0, 15)
        bowl = y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6
        return bowl**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10 - 0.397887

    def regret(sampler):
        study = optuna.create_study(sampler=sampler)
        study.optimize(branin, n_trials=30)
        return study.best_value

    ours = [regret(GPSampler(seed=seed)) for seed in range(8)]
    random = [regret(optuna.samplers.RandomSampler(seed=seed)) for seed in range(8)]
    assert np.median(ours) < 0.05
    assert sum(a < b for a, b in zip(ours, random, strict=True)) >= 7  # by chance with probability 0.035
