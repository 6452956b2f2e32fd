"""Searches whose trials are scored in steps: none is done twice, whatever happens to a trial."""

import os
import signal
import time
from collections import Counter
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
from pbnn.search.attributes import CONTINUES, PARTS, STEPS
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


def test_a_stopped_trial_is_taken_up_where_it_stopped(tmp_path):
    """It was stopped by a rule that took more risk; the best, it is owed its other folds."""
    at = f"sqlite:///{tmp_path}/s.db"
    score = ByFold(tmp_path / "n")
    same = {"objective": score, "fidelity": Folds(), "storage": at}
    random = optuna.samplers.RandomSampler(seed=2)
    first = optimize(a_network(), X, Y, budget=5, sampler=random, **same)
    assert 8 not in {t.params["h0_units"] for t in first.study.trials}
    some = [
        Step(Score(v, parts={f"fold{i}": v}), seconds=0.1).as_json() for i, v in enumerate(ON[:2].tolist())
    ]
    parts = {name: v for one in some for name, v in one["parts"].items()}
    first.study.add_trial(
        optuna.trial.create_trial(
            state=TrialState.PRUNED,
            params={"h0_units": 8},
            distributions=first.study.trials[0].distributions,
            user_attrs={STEPS: some, PARTS: parts},
        )
    )
    found = optimize(a_network(), X, Y, budget=6, **same)
    on = [t for t in found.study.trials if CONTINUES in t.user_attrs]
    assert [(t.user_attrs[CONTINUES], t.params["h0_units"], t.state) for t in on] == [
        (5, 8, TrialState.COMPLETE)
    ]
    assert [k for k in asked(tmp_path / "n") if k.startswith("8 ")] == ["8 2", "8 3", "8 4"]
    assert width_of(found.recommended) == 8
    assert sum(map(counts, found.study.trials)) == 6


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
        ({"fidelity": Draws("s"), "method": "map"}, MethodError, "MAP leaves nothing"),
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
