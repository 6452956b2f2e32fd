"""The loop of a search: ask for trials, have them evaluated, tell what came of them, whatever happens to them."""

import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, final

from optuna import Study, Trial
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from pbnn.errors import FileError, PbnnError, quiet
from pbnn.infer.progress import Bar
from pbnn.search.attributes import CONTINUES, FAILED
from pbnn.search.benches import Job, Lost, bench_of
from pbnn.search.courses import Courses
from pbnn.search.ending import Ending
from pbnn.search.lives import RERUN_OF, SURPLUS, Lives, counts, is_double
from pbnn.search.objective import Score
from pbnn.search.space import Space
from pbnn.search.storage import patiently

LOOK = 0.5
"""Seconds between looks at the clock and at the other processes."""


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """How a search is run.

    Attributes
    ----------
    budget
        Trials in all, those of the study before included, or the time that this call may take.
    n_workers, executor, time_limit
        As of `optimize`.
    beat
        Seconds between signs of life; None if nobody else can see the study.
    courses
        Of trials that are scored in steps; None of those that are not.
    ending
        When the search ends by itself; None for when the budget is spent.
    """

    budget: int | timedelta
    n_workers: int
    executor: Executor | None
    time_limit: float | None
    beat: float | None
    courses: Courses | None = None
    ending: Ending | None = None


@final
@dataclass(frozen=True, slots=True)
class Running:
    """A trial that runs: since when, its network and method, and when its present step began."""

    trial: Trial
    began: float
    args: tuple[Any, ...]
    step_began: float


def run_trials(study: Study, storage: BaseStorage, space: Space, job: Job, plan: Plan, bar: Bar) -> bool:
    """Run trials until the budget is spent; return whether the user interrupted.

    Raises
    ------
    FileError
        If the storage is away for long; what was told is in it.
    """
    with quiet("optuna"), Lives(study, storage, plan.beat) as lives:
        loop = _Loop(
            study, space, lives, plan, bar, bench_of(job, plan.n_workers, plan.executor, plan.time_limit)
        )
        try:
            loop.run()
        except KeyboardInterrupt:
            loop.hand_back("The search was interrupted.")
            return True
        finally:
            loop.bench.close()
    return False


@final
class _Loop:
    def __init__(self, study: Study, space: Space, lives: Lives, plan: Plan, bar: Bar, bench: Any) -> None:
        self.study, self.space, self.lives, self.plan, self.bar, self.bench = (
            study,
            space,
            lives,
            plan,
            bar,
            bench,
        )
        self.running: dict[int, Running] = {}
        self.untold: dict[int, str] = {}
        self.exhausted = False
        self.end = (
            time.monotonic() + plan.budget.total_seconds() if isinstance(plan.budget, timedelta) else None
        )

    def run(self) -> None:
        while True:
            for trial in self._stored(self.lives.lost):
                self._stored(lambda t=trial: self.lives.rerun(t.number, "Its process showed no more life."))
            while self.bench.free and self._may_ask():
                self._begin()
            if not self.running:
                if self._may_ask():
                    self.bench.wait(LOOK)
                    continue
                # A trial of another process may be lost yet, and then it is run here.
                if self.end is not None or not self._stored(self.lives.others_run):
                    return
                time.sleep(LOOK)
                continue
            for number, found in self.bench.answers(LOOK):
                self._tell(number, found)
            self._stop_late()

    def _may_ask(self) -> bool:
        if self.end is not None and time.monotonic() >= self.end:
            return False
        return self._may_begin_new() or self._takes_up()

    def _may_begin_new(self) -> bool:
        if not self.exhausted and self.plan.ending is not None and self._stored(self.plan.ending.reached):
            self.exhausted = True
        if self.exhausted or self.end is not None:
            return not self.exhausted
        trials = self._stored(lambda: self.study.get_trials(deepcopy=False))
        return sum(map(counts, trials)) < self.plan.budget

    def _takes_up(self) -> bool:
        """Return whether a stopped trial waits to be taken up although nothing new is to be begun."""
        courses = self.plan.courses
        if courses is None or self.running:
            return False
        return self._stored(lambda: courses.take_up(self.lives, instead=False))

    def _begin(self) -> None:
        if (courses := self.plan.courses) is not None:
            self._stored(lambda: courses.take_up(self.lives, instead=True))
        # If this process stands still for long, another takes the trial for lost and puts it into the queue.
        with suppress(UpdateFinishedTrialError):
            self._begin_with(self._stored(self.lives.ask))

    def _begin_with(self, trial: Trial) -> None:
        if self._stored(lambda: self._is_surplus(trial)):
            self._stored(lambda: trial.set_user_attr(SURPLUS, "Another process took the last place."))
            self._finish(trial, TrialState.FAIL)
            return
        try:
            network, method = self._stored(lambda: self.space.suggest(trial))
        except FileError:
            raise
        except PbnnError as error:
            self.running[trial.number] = Running(trial, time.monotonic(), (), time.monotonic())
            self._tell(trial.number, error)
            return
        courses = self.plan.courses
        if courses is not None and (score := self._stored(lambda: courses.whole(trial))) is not None:
            self._finish_with(trial, score)
            return
        self._submit(trial, time.monotonic(), (network, method))

    def _submit(self, trial: Trial, began: float, args: tuple[Any, ...]) -> None:
        courses = self.plan.courses
        step = () if courses is None else (self._stored(lambda: courses.next_step(trial)),)
        self.running[trial.number] = Running(trial, began, args, time.monotonic())
        self.bench.submit(trial.number, *args, *step)

    def _is_surplus(self, trial: Trial) -> bool:
        if is_double(self.study, trial):
            return True
        if CONTINUES in trial.user_attrs:
            return False
        if self.exhausted and RERUN_OF not in trial.user_attrs:
            return True  # what was to be taken up, another process was quicker to
        if self.end is not None:
            return False
        others = [t for t in self.study.get_trials(deepcopy=False) if counts(t) and t.number != trial.number]
        before = [t for t in others if t.state.is_finished() or t.number < trial.number]
        return len(before) >= self.plan.budget

    def _tell(self, number: int, found: Any) -> None:
        run = self.running.pop(number)
        trial = run.trial
        if self.plan.courses is not None and not isinstance(found, BaseException):
            try:
                found = self._after_step(self.plan.courses, run, found)
            except PbnnError as error:
                if isinstance(error, FileError):
                    raise
                found = error
            if found is None:
                return
        self._finish_with(trial, found)

    def _finish_with(self, trial: Trial, found: Any) -> None:
        """End a trial by its score, its state, or what was raised."""
        number = trial.number
        if isinstance(found, Lost):
            self._stored(lambda: self.lives.rerun(number, str(found)))
            self._forget(number)
            return
        if isinstance(found, BaseException):
            reason = str(found) if isinstance(found, PbnnError) else f"{type(found).__name__}: {found}"
            self._stored(lambda: self._attributes(trial, {FAILED: reason}))
            self._finish(trial, TrialState.FAIL)
        elif isinstance(found, TrialState):
            self._finish(trial, found)
        else:
            self.untold[number] = f"trial {number} scored {found.value:.6g}"
            self._stored(lambda: self._attributes(trial, found.attrs()))
            self._finish(trial, TrialState.COMPLETE, found.value)
        self.bar.advance(1, f"{number + 1} trials")

    def _after_step(self, courses: Courses, run: Running, found: Any) -> Score | TrialState | None:
        """Take in a step; return the score of a trial that is whole, how it ended otherwise, None if it goes on."""
        score = courses.did(run.trial, found, time.monotonic() - run.step_began)
        try:
            state = self._stored(lambda: courses.after(run.trial, score))
        except UpdateFinishedTrialError:
            state = TrialState.FAIL  # taken for lost, and run again elsewhere: that one counts
        if state == TrialState.RUNNING:
            self._submit(run.trial, run.began, run.args)
            return None
        return score if state == TrialState.COMPLETE else state

    def _attributes(self, trial: Trial, attrs: dict[str, Any]) -> None:
        try:
            for key, value in attrs.items():
                trial.set_user_attr(key, value)
        except UpdateFinishedTrialError:
            pass  # taken for lost, and run again elsewhere: that one counts

    def _finish(self, trial: Trial, state: TrialState, value: float | None = None) -> None:
        def tell() -> None:
            try:
                self.study.tell(trial, value, state=state)
            except (UpdateFinishedTrialError, ValueError) as error:
                frozen = self.study.get_trials(deepcopy=False)[trial.number]
                if not frozen.state.is_finished():
                    raise error
            except RuntimeError as error:
                # A sampler that has no more to try, such as a grid, stops the study; Optuna lets only its own loop be.
                if "Study.stop" not in str(error):
                    raise
                self.exhausted = True

        self._stored(tell)
        self.untold.pop(trial.number, None)
        self._forget(trial.number)

    def _forget(self, number: int) -> None:
        self.lives.done(number)
        if self.plan.courses is not None:
            self.plan.courses.ended(number)

    def _stop_late(self) -> None:
        limit = self.plan.time_limit
        for number, run in list(self.running.items()):
            if limit is not None and time.monotonic() - run.began > limit:
                self.bench.stop(number)
                self._tell(number, TimeoutError(f"it took longer than time_limit, {limit:g} s"))

    def hand_back(self, reason: str) -> None:
        """Put what runs back into the queue."""
        for number in list(self.running):
            self._tell(number, Lost(reason))

    def _stored[T](self, call: Callable[[], T]) -> T:
        return patiently(call, self._told)

    def _told(self) -> str:
        return f" Not in it yet: {', '.join(self.untold.values())}." if self.untold else ""
