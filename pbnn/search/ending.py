"""When a search ends by itself: another trial would gain too little for the time that it takes."""

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from pbnn.errors import MethodError
from pbnn.search.attributes import CONTINUES, STOPPED
from pbnn.search.gains import Gain, gain_of_new, gains_of_stopped
from pbnn.search.lives import RERUN_OF, void
from pbnn.search.outlook import Outlook

LEAST = 10
"""Trials scored in full before the rule is asked: fewer say too little of what there is to find."""
IN_A_ROW = 3
"""Trials after each of which it has to hold: a surrogate that errs once is corrected by the next."""


@final
class Ending:
    """The rule that ends a search: what the best next trial is expected to gain, per second, is below a limit.

    The gain is by how much one more trial is expected to raise the true score of the recommended configuration, that is
    the expected regret that it removes (`pbnn.search.gains`), in the units of the objective; the seconds are the median
    of trials. The next trial is a new configuration, or one that was stopped is taken up: whichever gains faster. So
    the rule is myopic, as the knowledge gradient is: it does not see what only several more would show.
    And it believes the surrogate: of a function rougher than those it was fitted to, it expects too little.

    Parameters
    ----------
    outlook
        On the study.
    stop_below
        The limit, in units of the objective per second of trial time.
    n_steps
        In which trials are scored, so that stopped ones may be taken up; None of trials that are scored whole.

    References
    ----------
    Ishibashi, Karasuyama, Takeuchi & Hino (2023), A stopping criterion for Bayesian optimization by the gap of expected
    minimum simple regrets, AISTATS, PMLR 206; Makarova et al. (2022), Automatic termination for hyperparameter
    optimization, arXiv:2104.08166; per unit of cost: Xie, Cai, Terenin, Frazier & Scully (2025), Cost-aware stopping
    for Bayesian optimization, arXiv:2507.12453.
    """

    def __init__(self, outlook: Outlook, stop_below: float, n_steps: int | None = None) -> None:
        self._outlook, self._stop_below, self._n_steps = outlook, stop_below, n_steps
        self._seen, self._held = 0, 0

    def reached(self) -> bool:
        """Return whether the search is to end; then the study says why."""
        trials = self._outlook.study.get_trials(deepcopy=False)
        finished = sum(t.state in (TrialState.COMPLETE, TrialState.PRUNED) for t in trials)
        if finished == self._seen:
            return self._held >= IN_A_ROW
        self._seen = finished
        gain = self.gain()
        self._held = self._held + 1 if gain is not None and gain.per_second < self._stop_below else 0
        if gain is None or self._held < IN_A_ROW:
            return False
        why = {
            "gain": gain.amount,
            "seconds": gain.seconds,
            "per_second": gain.per_second,
            "stop_below": self._stop_below,
            "number": gain.number,
            "trials": finished,
            "asked": _last_asked(trials),
        }
        self._outlook.study.set_user_attr(STOPPED, why)
        return True

    def gain(self) -> Gain | None:
        """Return what the best next trial may gain; None while too few trials tell."""
        found = self._outlook.now()
        if found is None or found.complete.sum() < LEAST:
            return None
        trials = self._outlook.study.get_trials(deepcopy=False)
        rng = np.random.default_rng([self._outlook.seed, len(found.trials)])
        old = [] if self._n_steps is None else gains_of_stopped(found, trials, self._n_steps)
        return max([gain_of_new(found, trials, rng), *old], key=lambda gain: gain.per_second)


def ended(study: Study) -> str:
    """Return why no more trials were begun, in words; empty if the rule did not end the search, or more were since.

    Those that ran when the rule was reached end after it, and what was stopped or lost may go on then: none is new.
    """
    why = study.user_attrs.get(STOPPED)
    return in_words(why) if why and _last_asked(study.get_trials(deepcopy=False)) <= why["asked"] else ""


def _last_asked(trials: Sequence[FrozenTrial]) -> int:
    """Return the highest number of a trial that is not one more run of another."""
    again = {CONTINUES, RERUN_OF}
    return max((t.number for t in trials if not again & set(t.user_attrs) and not void(t)), default=-1)


def check_stop_below(value: Any) -> None:
    """Check the limit.

    Raises
    ------
    MethodError
        If it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < np.inf:
        raise MethodError(
            "optimize: stop_below must be a number > 0, units of the objective per second of trial time, such as 1e-5; "
            f"got {value!r}."
        )


def in_words(why: Mapping[str, Any]) -> str:
    """Say why a search ended.

    Examples
    --------
    >>> in_words({"gain": 2e-4, "seconds": 20.0, "per_second": 1e-5, "stop_below": 2e-5, "trials": 31, "number": None})
    'ended after 31 trials: another, of 20 s, is expected to gain 0.0002, 1e-05 a second, less than stop_below=2e-05'
    """
    what = "another" if why["number"] is None else f"trial {why['number']} taken up again"
    return (
        f"ended after {why['trials']} trials: {what}, of {why['seconds']:.2g} s, is expected to gain "
        f"{why['gain']:.2g}, {why['per_second']:.2g} a second, less than stop_below={why['stop_below']:.2g}"
    )
