"""Which running trials are alive: so that one whose process was killed is run again, once.

Each process writes a new token into its running trials every few seconds. Whoever sees a token stand still for long
takes the trial for lost: it fails, with a reason, and its parameters wait in the queue. How long is measured by the
clock of the one who looks, so clocks need not agree, and it works with every storage. (Optuna's own heartbeat needs a
database, and says nothing of a trial whose process died before the first beat.)

Who looks seldom, being busy with a trial of its own or on a machine that has no time for it, may have stood still
together with the one it looks at. So the time between two looks counts, but of a long one only a part.
"""

import threading
import time
import uuid
from collections.abc import Iterable
from typing import Any, final

from optuna import Study, Trial
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from pbnn.search.attributes import CONTINUES, FAILED, INFERENCE_SE, LOST, PARTS, SE, STEPS

ALIVE, RERUN_OF, SURPLUS = "pbnn:alive", "pbnn:rerun_of", "pbnn:surplus"
GRACE = 6
"""Beats that may be missed."""
RERUNS = 2
"""How often a trial is run again; one that kills every process that runs it must end."""
CARRIED = (STEPS, PARTS, SE, INFERENCE_SE, CONTINUES)
"""User attributes that a trial hands on to the one that goes on with it."""


def counts(trial: FrozenTrial) -> bool:
    """Return whether a trial counts as one of the budget: it has a result, failed for good, or is being run.

    One that takes up a stopped trial does not: the stopped one has counted.
    """
    return trial.state != TrialState.WAITING and CONTINUES not in trial.user_attrs and not void(trial)


def void(trial: FrozenTrial) -> bool:
    """Return whether a trial is to be looked at as if it had not been: it was one too many, or lost and run again."""
    return SURPLUS in trial.user_attrs or (trial.state == TrialState.FAIL and LOST in trial.user_attrs)


def carried(trial: FrozenTrial) -> dict[str, Any]:
    """Return the user attributes with which another trial can go on where this one ended."""
    return {key: trial.user_attrs[key] for key in CARRIED if key in trial.user_attrs}


def is_double(study: Study, trial: Trial) -> bool:
    """Return whether a trial out of the queue has been run, or queued, by another: databases may let two win a race."""
    attrs = trial.user_attrs
    history, stopped = attrs.get(RERUN_OF), attrs.get(CONTINUES)
    if not history and stopped is None:
        return False
    trials = study.get_trials(deepcopy=False)
    others = [t for t in trials if t.number < trial.number and not void(t)]
    if stopped is not None and any(t.user_attrs.get(CONTINUES) == stopped for t in others):
        return True
    if not history:
        return False
    first = next((t for t in trials if t.number == history[-1]), None)
    twin = any(t.number < trial.number and t.user_attrs.get(RERUN_OF) == history for t in trials)
    return twin or (first is not None and first.state == TrialState.COMPLETE)


@final
class Lives:
    """The running trials of this process, kept alive by a thread; and those of others, watched.

    Parameters
    ----------
    study, storage
        The study, and where it is kept.
    beat
        Seconds between tokens; None for a study that is only here.
    """

    def __init__(self, study: Study, storage: BaseStorage, beat: float | None) -> None:
        self.owner = uuid.uuid4().hex[:12]
        self._study, self._storage, self._beat = study, storage, beat
        self._study_id = storage.get_study_id_from_name(study.study_name)
        self._mine: set[int] = set()
        self._asking: str | None = None
        self._seen: dict[int, tuple[str, float]] = {}
        self._looked = -float("inf")
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Lives":
        if self._beat is not None:
            self._thread = threading.Thread(target=self._keep_alive, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    def ask(self) -> Trial:
        """Return a new trial, or one that waits, which is kept alive from now on."""
        if self._beat is None:
            return self._study.ask()
        if not self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            self._asking = f"{self.owner}/{uuid.uuid4().hex[:8]}"
            # A trial that waits has a token from its first moment, and the sampler may take its time.
            self._study.enqueue_trial({}, user_attrs={ALIVE: self._asking})
        try:
            trial = self._study.ask()
            trial.set_user_attr(ALIVE, f"{self.owner}/0")
            self._mine.add(trial.number)
        finally:
            self._asking = None
        return trial

    def done(self, number: int) -> None:
        """Keep a trial alive no more."""
        self._mine.discard(number)

    def write(self, number: int, key: str, value: Any) -> None:
        """Write a user attribute of any running trial; of one that has ended, nothing."""
        try:
            at = self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)
            self._storage.set_trial_user_attr(at, key, value)
        except UpdateFinishedTrialError:
            self.done(number)

    def rerun(self, number: int, reason: str) -> bool:
        """Fail a trial that was lost, and put its parameters into the queue; return whether they are."""
        trial = next(t for t in self._study.get_trials(deepcopy=False) if t.number == number)
        history = [*trial.user_attrs.get(RERUN_OF, []), number]
        again = len(history) <= RERUNS
        self.write(number, LOST if again else FAILED, reason)
        try:
            self._study.tell(number, state=TrialState.FAIL)
        except (ValueError, UpdateFinishedTrialError):
            return False  # it has ended after all, or another process was quicker
        if again:
            self.queue(trial.params, {**carried(trial), RERUN_OF: history})
        return again

    def queue(self, params: dict[str, Any], attrs: dict[str, Any]) -> None:
        """Put parameters into the queue, for whoever asks next."""
        alive = {} if self._beat is None else {ALIVE: f"{self.owner}/queued"}
        self._study.enqueue_trial(params, user_attrs={**attrs, **alive})

    def lost(self) -> list[FrozenTrial]:
        """Return trials of other processes that have shown no life for `GRACE` beats."""
        if self._beat is None:
            return []
        now, grace = time.monotonic(), GRACE * self._beat
        passed = min(now - self._looked, grace / 2)
        self._looked = now
        seen, lost = {}, []
        for trial in self._others():
            token = trial.user_attrs[ALIVE]
            before, still = self._seen.get(trial.number, (None, 0.0))
            seen[trial.number] = (token, still + passed if token == before else 0.0)
            if seen[trial.number][1] > grace:
                lost.append(trial)
        self._seen = seen
        return lost

    def others_run(self) -> bool:
        """Return whether other processes have trials that run."""
        return self._beat is not None and any(True for _ in self._others())

    def _others(self) -> Iterable[FrozenTrial]:
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return [t for t in running if ALIVE in t.user_attrs and t.number not in self._mine]

    def _keep_alive(self) -> None:
        n = 0
        while not self._stop.wait(self._beat):
            n += 1
            try:
                for number in tuple(self._mine):
                    self.write(number, ALIVE, f"{self.owner}/{n}")
                asking = self._asking
                for trial in self._others() if asking else ():
                    if trial.user_attrs[ALIVE].startswith(asking):
                        self.write(trial.number, ALIVE, f"{asking}/{n}")
            except Exception:
                continue  # the storage is away: whoever needs it says so
