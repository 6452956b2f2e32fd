"""Searches whose trials are scored in steps: none is done twice, whatever happens to a trial."""

import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.trial import TrialState

import pbnn
from pbnn import likelihoods
from pbnn.errors import DataError, MethodError
from pbnn.search import Draws, Folds, Score, optimize
from pbnn.search.attributes import CONTINUES, FAILED, PARTS, STEPS
from pbnn.search.courses import Courses
from pbnn.search.fidelity import stepwise
from pbnn.search.inputs import Inputs
from pbnn.search.lives import LOST, Lives, counts
from pbnn.search.outlook import Outlook
from pbnn.search.steps import Step
from pbnn.search.storage import open_storage
from tests.search.objectives import a_network, nearest_to_8, width_of

X = np.linspace(-1, 1, 10)[:, None]
Y = X[:, 0]
ON = np.array([0.5, -0.3, 0.2, 0.0, -0.4])
"""What folds add to all networks."""


class ByFold:
    """Best at a width of 8; each fold moves all networks, and notes what was asked."""

    def __init__(self, notes, mark=None):
        self.notes, self.mark = str(notes), mark

    def __call__(self, network, method, X, y, seed, fold):
        width = width_of(network)
        with open(self.notes, "a") as file:
            file.write(f"{width} {fold}\n")
        if self.mark and fold == 2:
            try:
                Path(self.mark).touch(exist_ok=False)
                os.kill(os.getpid(), signal.SIGKILL)
            except FileExistsError:
                pass
        return -abs(width - 8) + ON[fold] + 0.05 * np.random.default_rng([width, fold]).normal()


def asked(notes):
    return Counter(Path(notes).read_text().splitlines())


def grid(*widths):
    return optuna.samplers.GridSampler({"h0_units": list(widths)}, seed=0)


def test_hopeless_trials_end_early_and_no_fold_is_scored_twice(tmp_path):
    widths = range(1, 13)
    found = optimize(
        a_network(),
        X,
        Y,
        objective=ByFold(tmp_path / "n"),
        fidelity=Folds(),
        budget=12,
        sampler=grid(*widths),
    )
    trials = found.study.trials
    states = Counter(t.state for t in trials)
    assert states[TrialState.PRUNED] >= 4
    assert width_of(found.recommended) == 8
    notes = asked(tmp_path / "n")
    assert max(notes.values()) == 1
    assert sum(notes.values()) < 45
    for trial in trials:
        assert len(trial.user_attrs[STEPS]) == len(trial.user_attrs[PARTS])
        if trial.state == TrialState.COMPLETE:
            assert trial.value == pytest.approx(np.mean(list(trial.user_attrs[PARTS].values())))
    best = next(t for t in trials if t.params["h0_units"] == 8 and t.state == TrialState.COMPLETE)
    assert len(best.user_attrs[PARTS]) == 5


def planted(study, width, k, state=TrialState.PRUNED):
    """Add a trial with so many folds, or one that waits in the queue with them."""
    scores = (-abs(width - 8) + ON[:k]).tolist()
    steps = [Step(Score(v, parts={f"fold{i}": v}), seconds=0.1).as_json() for i, v in enumerate(scores)]
    attrs = {STEPS: steps, PARTS: {f"fold{i}": v for i, v in enumerate(scores)}}
    if state == TrialState.WAITING:
        study.enqueue_trial({"h0_units": width}, user_attrs=attrs)
        return
    distributions = study.trials[0].distributions
    study.add_trial(
        optuna.trial.create_trial(
            state=state, params={"h0_units": width}, distributions=distributions, user_attrs=attrs
        )
    )


def test_a_stopped_trial_is_taken_up_where_it_stopped(tmp_path):
    """It was stopped by a rule that took more risk; the best, it is owed its other folds."""
    at = f"sqlite:///{tmp_path}/s.db"
    score = ByFold(tmp_path / "n")
    same = {"objective": score, "fidelity": Folds(), "storage": at}
    random = optuna.samplers.RandomSampler(seed=2)
    first = optimize(a_network(), X, Y, budget=5, sampler=random, **same)
    assert 8 not in {t.params["h0_units"] for t in first.study.trials}
    planted(first.study, 8, 2)
    found = optimize(a_network(), X, Y, budget=6, **same)
    on = [t for t in found.study.trials if CONTINUES in t.user_attrs]
    assert [(t.user_attrs[CONTINUES], t.params["h0_units"], t.state) for t in on] == [
        (5, 8, TrialState.COMPLETE)
    ]
    assert [k for k in asked(tmp_path / "n") if k.startswith("8 ")] == ["8 2", "8 3", "8 4"]
    assert width_of(found.recommended) == 8
    assert sum(map(counts, found.study.trials)) == 6


@pytest.mark.slow
def test_a_trial_whose_process_died_keeps_its_folds(tmp_path):
    score = ByFold(tmp_path / "n", mark=tmp_path / "mark")
    found = optimize(
        a_network(), X, Y, objective=score, fidelity=Folds(after=9), budget=2, n_workers=2, seed=3
    )
    trials = found.study.trials
    lost = [t for t in trials if LOST in t.user_attrs]
    assert len(lost) == 1
    assert sum(t.state == TrialState.COMPLETE for t in trials) == 2
    twice = {note: n for note, n in asked(tmp_path / "n").items() if n > 1}
    assert twice == {f"{lost[0].params['h0_units']} 2": 2}  # the fold in which it died


def test_a_promise_is_kept_after_a_search_has_ended_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr("pbnn.search.ending.LEAST", 3)
    monkeypatch.setattr("pbnn.search.ending.IN_A_ROW", 1)
    storage, score = optuna.storages.InMemoryStorage(), ByFold(tmp_path / "n")
    same = {"objective": score, "fidelity": Folds(), "storage": storage}
    first = optimize(a_network(), X, Y, budget=4, sampler=grid(1, 3, 5, 12), **same)
    planted(first.study, 8, 2)
    found = optimize(a_network(), X, Y, budget=40, stop_below=1e9, **same)
    assert [t.user_attrs.get(CONTINUES) for t in found.study.trials] == [None] * 5 + [4]
    assert [k for k in asked(tmp_path / "n") if k.startswith("8 ")] == ["8 2", "8 3", "8 4"]
    assert width_of(found.recommended) == 8
    assert found.ended.startswith("ended after 5 trials")


def test_a_trial_whose_process_died_after_its_last_fold_is_whole(tmp_path):
    storage, score = optuna.storages.InMemoryStorage(), ByFold(tmp_path / "n")
    same = {"objective": score, "fidelity": Folds(), "storage": storage}
    first = optimize(a_network(), X, Y, budget=1, sampler=grid(3), **same)
    planted(first.study, 8, 5, TrialState.WAITING)
    trials = optimize(a_network(), X, Y, budget=2, **same).study.trials
    assert [t.state for t in trials] == [TrialState.COMPLETE] * 2
    assert trials[1].value == pytest.approx(ON.mean())
    assert not [k for k in asked(tmp_path / "n") if k.startswith("8 ")]


def test_a_trial_ends_with_the_fold_that_failed(tmp_path):
    by_fold = ByFold(tmp_path / "n")

    def score(network, method, X, y, seed, fold):
        value = by_fold(network, method, X, y, seed, fold)
        return Score(value, failed="R-hat 3") if width_of(network) == 2 and fold == 1 else value

    found = optimize(a_network(), X, Y, objective=score, fidelity=Folds(3), budget=2, sampler=grid(1, 2))
    trial = next(t for t in found.study.trials if t.params["h0_units"] == 2)
    assert (trial.state, trial.user_attrs[FAILED]) == (TrialState.FAIL, "R-hat 3")
    assert sorted(asked(tmp_path / "n")) == ["1 0", "1 1", "1 2", "2 0", "2 1"]


def test_draws_that_a_study_of_more_steps_has_are_not_all(tmp_path):
    steps = stepwise(Draws(tmp_path, [0.5]), "elpd", [pbnn.MCLMC()], 10)
    study = of_four(open_storage(None), 0.0, 2)
    study.enqueue_trial({"h0_units": 4}, user_attrs=study.trials[3].user_attrs)
    trial, courses = (
        study.ask(),
        Courses(Outlook(study, Inputs.of({"h0_units": IntDistribution(1, 4)}), 0), steps),
    )
    assert steps.n == 2
    assert courses.next_step(trial) == 1
    assert courses.whole(trial) is None


def test_a_search_that_ends_by_itself_says_why(tmp_path):
    def slow(network, method, X, y, seed):
        time.sleep(0.01)
        return -((width_of(network) - 8.0) ** 2) / 10

    random = optuna.samplers.RandomSampler(seed=6)  # it finds a width of 8 among its first dozen
    found = optimize(a_network(), X, Y, objective=slow, budget=40, stop_below=0.1, sampler=random)
    assert 12 <= len(found.study.trials) < 40
    assert found.ended.startswith(f"ended after {len(found.study.trials)} trials: another, of ")
    assert str(found).endswith(found.ended)
    assert width_of(found.recommended) == 8
    with ThreadPoolExecutor(2) as pool:
        by_two = {"n_workers": 2, "executor": pool, "budget": 40, "stop_below": 1e3}
        assert optimize(a_network(), X, Y, objective=slow, sampler=random, **by_two).ended
    other = optimize(a_network(), X, Y, objective=nearest_to_8, budget=3)
    assert other.ended == ""


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"objective": "elpd", "fidelity": Folds()}, MethodError, "'elpd' has no folds"),
        (
            {"objective": nearest_to_8, "fidelity": Folds()},
            MethodError,
            "takes .network, method, X, y, seed, fold",
        ),
        ({"objective": "cv_lpd", "fidelity": Folds(11)}, DataError, "10 rows cannot be cut into 11 folds"),
        ({"objective": "cv_lpd", "fidelity": Draws("s")}, MethodError, "is for objective='elpd'; got cv_lpd"),
        ({"fidelity": Draws("s")}, MethodError, "Laplace leaves nothing that more draws could go on from"),
        ({"fidelity": Draws("s"), "method": "map"}, MethodError, "MAP has one"),
        ({"fidelity": 5}, MethodError, r"fidelity must be pbnn.search.Folds\(\)"),
        ({"stop_below": 0.0}, MethodError, "stop_below must be a number > 0"),
    ],
)
def test_options_that_contradict_each_other(options, error, match):
    with pytest.raises(error, match=match):
        optimize(a_network(), X, Y, **options)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Folds(1), "Folds: k must be"),
        (lambda: Folds(risk=2.0), "Folds: risk must be"),
        (lambda: Draws(3), "Draws: folder must be"),
        (lambda: Draws("s", (0.5, 0.1)), "Draws: shares must be"),
        (lambda: Draws("s", (1.0,)), "Draws: shares must be"),
        (lambda: Draws("s", 0.3), r"sequence of rising numbers between 0 and 1, .*got 0\.3"),
        (lambda: Draws("s", after=0), "Draws: after must be"),
    ],
)
def test_what_is_no_fidelity(make, match):
    with pytest.raises(MethodError, match=match):
        make()


def test_a_study_by_fold_is_not_mixed_with_another_number_of_folds(tmp_path):
    at = f"sqlite:///{tmp_path}/s.db"
    score = ByFold(tmp_path / "n")
    optimize(a_network(), X, Y, objective=score, fidelity=Folds(3), budget=1, storage=at)
    with pytest.raises(MethodError, match="another objective: 'ByFold, 3 folds', not 'ByFold, 4 folds'"):
        optimize(a_network(), X, Y, objective=score, fidelity=Folds(4), budget=2, storage=at)


def test_shares_are_any_sequence():
    assert Draws("s", [0.1, np.float32(0.5)]).shares == (0.1, 0.5)


@pytest.mark.nightly
@pytest.mark.parametrize("objective", ["cv_lpd", "elpd"])
def test_networks_in_steps_from_end_to_end(objective, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (80, 1))
    y = np.sin(5 * x[:, 0]) + 0.1 * rng.normal(size=80)
    network = pbnn.Network([pbnn.Dense(pbnn.search.Int(1, 8))], likelihoods.Gaussian())
    some = {
        "cv_lpd": {"fidelity": Folds(4, after=3), "method": pbnn.MAP(starts=2)},
        "elpd": {
            "fidelity": Draws(tmp_path / "s", after=3),
            "method": pbnn.MCLMC(draws=300, chains=2, thin=4, tune=2000),
        },
    }[objective]
    found = optimize(network, x, y, objective=objective, budget=10, seed=1, n_workers=2, **some)
    assert width_of(found.recommended) >= 2
    taken = [len(t.user_attrs.get(STEPS, ())) for t in found.study.trials]
    assert sum(taken) < len(taken) * max(taken)


def of_four(storage, *stopped):
    """A study of four widths by fold; the last trial, of a level and after so many folds, was stopped."""
    study = optuna.create_study(direction="maximize", storage=storage)
    rng = np.random.default_rng(0)
    for width, level, k in ((1, -1.0, 5), (2, 0.0, 5), (3, -0.1, 5), (4, *stopped)):
        scores = (level + ON + 0.1 * rng.normal(size=5)).tolist()[:k]
        steps = [Step(Score(v, parts={f"fold{i}": v}), seconds=1.0).as_json() for i, v in enumerate(scores)]
        study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.COMPLETE if k == 5 else TrialState.PRUNED,
                value=float(np.mean(scores)) if k == 5 else None,
                params={"h0_units": width},
                distributions={"h0_units": IntDistribution(1, 4)},
                user_attrs={STEPS: steps, PARTS: {f"fold{i}": v for i, v in enumerate(scores)}},
            )
        )
    return study


def test_between_old_and_new_the_faster_gain_decides():
    for level, space, taken in ((-0.05, 4, True), (-0.05, 400, False), (-9.0, 400, False)):
        storage = open_storage(None)
        study = of_four(storage, level, 1)
        inputs = Inputs.of({"h0_units": IntDistribution(1, space)})
        courses = Courses(Outlook(study, inputs, 0), stepwise(Folds(), ByFold("none"), (), 10))
        lives = Lives(study, storage, None)
        assert courses.take_up(lives, instead=True) is taken
        waiting = study.get_trials(states=(TrialState.WAITING,))
        assert [t.user_attrs[CONTINUES] for t in waiting] == [3] * taken
        assert courses.take_up(lives, instead=True) is taken  # it waits already
        assert len(study.get_trials(states=(TrialState.WAITING,))) == taken
