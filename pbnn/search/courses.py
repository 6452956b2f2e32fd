"""The course of trials that are scored step by step: on to the next step, stopped, taken up again, or whole."""

import math
from dataclasses import replace
from typing import Any, final

import numpy as np
from optuna import Trial
from optuna.trial import TrialState

from pbnn.search.attributes import CONTINUES, FAILED, STEPS
from pbnn.search.fidelity import Stepwise
from pbnn.search.gains import gain_of_new, gains_of_stopped
from pbnn.search.lives import Lives, carried
from pbnn.search.objective import Score
from pbnn.search.outlook import Outlook
from pbnn.search.prospects import Prospects
from pbnn.search.steps import Step, as_step


@final
class Courses:
    """What becomes of the trials of a study that are scored in steps.

    Parameters
    ----------
    outlook
        On the study.
    steps
        How a trial is scored.
    """

    def __init__(self, outlook: Outlook, steps: Stepwise) -> None:
        self._outlook, self._study, self._steps = outlook, outlook.study, steps
        self._done: dict[int, list[Step]] = {}

    def next_step(self, trial: Trial) -> int:
        """Return the number of the step that a trial is to do next; one that goes on has done some."""
        done = len(self._done_by(trial))
        # The last of steps that hold each other is all there is, whatever a study of more steps did before.
        return min(done, self._steps.n - 1) if self._steps.cumulative else done

    def whole(self, trial: Trial) -> Score | None:
        """Return the score of a trial that has nothing left to do, for its process died before it said so."""
        done = self._done_by(trial)
        return None if self.next_step(trial) < self._steps.n else self._steps.combined(done)

    def _done_by(self, trial: Trial) -> list[Step]:
        if trial.number not in self._done:
            kept = trial.user_attrs.get(STEPS, ())
            self._done[trial.number] = [Step.of_json(values) for values in kept]
        return self._done[trial.number]

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
        """Write down the score until now, and return the state of the trial: running, complete, pruned or failed."""
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
        if score.failed and not self._steps.cumulative:
            trial.set_user_attr(FAILED, score.failed)
            return TrialState.FAIL
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
        stopped = any(t.state == TrialState.PRUNED for t in trials)
        if not stopped or (found := self._outlook.now()) is None:
            return False
        gains = gains_of_stopped(found, trials, self._steps.n)
        if not gains:
            return False
        best = max(gains, key=lambda gain: gain.per_second)
        if instead:
            rng = np.random.default_rng([self._outlook.seed, len(trials)])
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
        return len(complete) >= rule.after and rule.stops(self._outlook.now(), number)


def _p_alone(found: Prospects, number: int | None, margin: float) -> float:
    return found.p_among(np.array([t.number == number for t in found.trials]), margin)
