"""The course of trials that are scored step by step: on to the next step, stopped, taken up again, or whole."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, final

import numpy as np
from optuna import Study, Trial
from optuna.trial import FrozenTrial, TrialState

from pbnn.search.attributes import CONTINUES, FAILED, STEPS
from pbnn.search.fidelity import Stepwise
from pbnn.search.gains import gain_of_new, gain_of_stopped
from pbnn.search.inputs import Inputs
from pbnn.search.lives import Lives, carried, void
from pbnn.search.objective import Score
from pbnn.search.prospects import Prospects, prospects
from pbnn.search.steps import Step, as_step


@final
class Courses:
    """What becomes of the trials of a study that are scored in steps.

    Parameters
    ----------
    study, inputs
        The study and its space.
    steps
        How a trial is scored.
    seed
        Of surrogates.
    """

    def __init__(self, study: Study, inputs: Inputs, steps: Stepwise, seed: int) -> None:
        self._study, self._inputs, self._steps, self._seed = study, inputs, steps, seed
        self._done: dict[int, list[Step]] = {}
        self._last: Prospects | None = None

    def next_step(self, trial: Trial) -> int:
        """Return the number of the step that a trial is to do next; one that goes on has done some."""
        if trial.number not in self._done:
            kept = trial.user_attrs.get(STEPS, ())
            self._done[trial.number] = [Step.of_json(values) for values in kept]
        return len(self._done[trial.number])

    def did(self, trial: Trial, found: Any, seconds: float) -> Score:
        """Take in what a step gave, and return the score until now.

        Raises
        ------
        MethodError
            If it is no score.
        """
        step = replace(as_step(found, self.next_step(trial)), seconds=seconds)
        self._done[trial.number].append(step)
        return self._steps.combined(self._done[trial.number])

    def after(self, trial: Trial, score: Score) -> TrialState:
        """Write down the score until now, and return the state of the trial: running, complete or pruned."""
        done = self._done[trial.number]
        whole = len(done) >= self._steps.n
        trial.set_user_attr(STEPS, [step.as_json() for step in done])
        if whole or not score.failed:
            for key, value in score.attrs().items():
                trial.set_user_attr(key, value)
        if math.isfinite(score.value):
            trial.report(score.value, len(done) - 1)
        if whole:
            return TrialState.COMPLETE
        # A fit that does not agree with itself yet may with more draws: that is no reason to end.
        return TrialState.PRUNED if not score.failed and self._stops(trial.number) else TrialState.RUNNING

    def ended(self, number: int) -> None:
        """Forget a trial."""
        self._done.pop(number, None)

    def take_up(self, lives: Lives, *, instead: bool) -> bool:
        """Put a stopped trial into the queue that looks good again; return whether one is there.

        Parameters
        ----------
        lives
            Of the study.
        instead
            Of a new configuration: if it is expected to gain more per second. Otherwise, at the end, if the probability
            that the best is among the stopped ones is above what was promised.
        """
        trials = self._study.get_trials(deepcopy=False)
        if any(t.state == TrialState.WAITING for t in trials):
            return any(CONTINUES in t.user_attrs for t in trials if t.state == TrialState.WAITING)
        open_ones = _not_taken_up(trials)
        if not open_ones or (found := self._prospects()) is None:
            return False
        places = [i for i, t in enumerate(found.trials) if t.number in open_ones]
        gains = [gain_of_stopped(found, i, self._steps.n, trials) for i in places]
        if not gains:
            return False
        best = max(gains, key=lambda gain: gain.per_second)
        if instead:
            rng = np.random.default_rng([self._seed, len(trials)])
            if best.per_second <= gain_of_new(found, trials, rng).per_second:
                return False
        else:
            if found.p_among(found.stopped, self._steps.rule.margin) < self._steps.rule.risk:
                return False
            best = max(gains, key=lambda gain: _p_alone(found, gain.number, self._steps.rule.margin))
        trial = trials[best.number]
        lives.queue(trial.params, {**carried(trial), CONTINUES: trial.number})
        return True

    def _stops(self, number: int) -> bool:
        rule = self._steps.rule
        complete = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return len(complete) >= rule.after and rule.stops(self._prospects(), number)

    def _prospects(self) -> Prospects | None:
        self._last = prospects(self._study, self._inputs, seed=self._seed, last=self._last)
        return self._last


def _not_taken_up(trials: Sequence[FrozenTrial]) -> set[int]:
    """Return the numbers of stopped trials that none goes on with; one whose going on failed is left alone."""
    taken = {t.user_attrs.get(CONTINUES) for t in trials if not void(t)}
    return {
        t.number
        for t in trials
        if t.state == TrialState.PRUNED
        and t.number not in taken
        and t.user_attrs.get(STEPS)
        and FAILED not in t.user_attrs
    }


def _p_alone(found: Prospects, number: int | None, margin: float) -> float:
    return found.p_among(np.array([t.number == number for t in found.trials]), margin)
