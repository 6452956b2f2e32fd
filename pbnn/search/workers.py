"""The loop of a search: ask for trials, have them evaluated, tell what came of them, whatever happens to them."""

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, final

import cloudpickle
from optuna import Study, Trial
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from pbnn.errors import FileError, PbnnError, quiet
from pbnn.infer.progress import Bar
from pbnn.search.attributes import FAILED
from pbnn.search.evaluator import Evaluator, first_answers
from pbnn.search.lives import SURPLUS, Lives, counts, is_double
from pbnn.search.objective import Objective, Score, as_score
from pbnn.search.space import Space
from pbnn.search.storage import patiently

LOOK = 0.5
"""Seconds between looks at the clock and at the other processes."""


@final
@dataclass(frozen=True, slots=True)
class Job:
    """What is the same for all trials."""

    objective: Objective
    X: Any
    y: Any
    seed: int

    def __call__(self, network: Any, method: Any) -> Score:
        """Return the score of a network."""
        return as_score(self.objective(network, method, self.X, self.y, self.seed))


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
    """

    budget: int | timedelta
    n_workers: int
    executor: Executor | None
    time_limit: float | None
    beat: float | None


class Lost(Exception):
    """A process died in a trial, through no fault of the trial that we know of."""


def run_trials(study: Study, storage: BaseStorage, space: Space, job: Job, plan: Plan, bar: Bar) -> bool:
    """Run trials until the budget is spent; return whether the user interrupted.

    Raises
    ------
    FileError
        If the storage is away for long; what was told is in it.
    """
    with quiet("optuna"), Lives(study, storage, plan.beat) as lives:
        loop = _Loop(study, space, lives, plan, bar, _bench(job, plan))
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
        self.running: dict[int, tuple[Trial, float]] = {}
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
        if self.exhausted:
            return False
        if self.end is not None:
            return time.monotonic() < self.end
        trials = self._stored(lambda: self.study.get_trials(deepcopy=False))
        return sum(map(counts, trials)) < self.plan.budget

    def _begin(self) -> None:
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
            self.running[trial.number] = (trial, time.monotonic())
            self._tell(trial.number, error)
            return
        self.running[trial.number] = (trial, time.monotonic())
        self.bench.submit(trial.number, network, method)

    def _is_surplus(self, trial: Trial) -> bool:
        if is_double(self.study, trial):
            return True
        if self.end is not None:
            return False
        others = [t for t in self.study.get_trials(deepcopy=False) if counts(t) and t.number != trial.number]
        before = [t for t in others if t.state.is_finished() or t.number < trial.number]
        return len(before) >= self.plan.budget

    def _tell(self, number: int, found: Any) -> None:
        trial, _ = self.running.pop(number)
        if isinstance(found, Lost):
            self._stored(lambda: self.lives.rerun(number, str(found)))
            self.lives.done(number)
            return
        if isinstance(found, BaseException):
            reason = str(found) if isinstance(found, PbnnError) else f"{type(found).__name__}: {found}"
            self._stored(lambda: self._attributes(trial, {FAILED: reason}))
            self._finish(trial, TrialState.FAIL)
        else:
            self.untold[number] = f"trial {number} scored {found.value:.6g}"
            self._stored(lambda: self._attributes(trial, found.attrs()))
            self._finish(trial, TrialState.COMPLETE, found.value)
        self.bar.advance(1, f"{number + 1} trials")

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
        self.lives.done(trial.number)

    def _stop_late(self) -> None:
        limit = self.plan.time_limit
        for number, (_, began) in list(self.running.items()):
            if limit is not None and time.monotonic() - began > limit:
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


# ---------------------------------------------------------------- where trials are evaluated


def _bench(job: Job, plan: Plan) -> "_Here | _Processes | _Tasks":
    if plan.executor is not None:
        return _Tasks(job, plan.executor, plan.n_workers)
    if plan.n_workers > 1 or plan.time_limit is not None:
        return _Processes(job, plan.n_workers)
    return _Here(job)


@final
class _Here:
    """In this process, one at a time."""

    def __init__(self, job: Job) -> None:
        self._job, self._next = job, None

    @property
    def free(self) -> bool:
        return self._next is None

    def wait(self, timeout: float) -> None:
        pass

    def submit(self, number: int, *args: Any) -> None:
        self._next = (number, args)

    def answers(self, timeout: float) -> list[tuple[int, Any]]:
        number, args = self._next
        try:
            found = self._job(*args)
        except Exception as error:
            found = error
        self._next = None
        return [(number, found)]

    def stop(self, number: int) -> None:
        pass

    def close(self) -> None:
        pass


@final
class _Processes:
    """In processes of their own, which can be killed."""

    def __init__(self, job: Job, n: int) -> None:
        self._all = [Evaluator(job) for _ in range(n)]
        self._of: dict[int, Evaluator] = {}

    @property
    def free(self) -> bool:
        return bool(self._idle())

    def _idle(self) -> list[Evaluator]:
        busy = list(self._of.values())
        return [worker for worker in self._all if worker not in busy and worker.ready]

    def wait(self, timeout: float) -> None:
        first_answers(self._all, timeout)

    def submit(self, number: int, *args: Any) -> None:
        self._of[number] = self._idle()[0]
        self._of[number].submit(*args)

    def answers(self, timeout: float) -> list[tuple[int, Any]]:
        ready = first_answers(list(self._of.values()), timeout)
        found = []
        for number, worker in list(self._of.items()):
            if worker in ready:
                del self._of[number]
                try:
                    found.append((number, worker.answer()))
                except EOFError:
                    found.append((number, Lost(f"Its process {worker.pid} {worker.how_it_ended()}.")))
                    worker.replace()
        return found

    def stop(self, number: int) -> None:
        self._of.pop(number).replace()

    def close(self) -> None:
        for worker in self._all:
            worker.close()


@final
class _Tasks:
    """As tasks of an executor, which cannot be killed: what comes too late is not looked at."""

    def __init__(self, job: Job, executor: Executor, n: int) -> None:
        self._job, self._executor, self._n = cloudpickle.dumps(job), executor, n
        self._of: dict[int, Future] = {}

    @property
    def free(self) -> bool:
        return len(self._of) < self._n

    def wait(self, timeout: float) -> None:
        time.sleep(timeout)

    def submit(self, number: int, *args: Any) -> None:
        self._of[number] = self._executor.submit(run_pickled, self._job, cloudpickle.dumps(args))

    def answers(self, timeout: float) -> list[tuple[int, Any]]:
        done, _ = wait(self._of.values(), timeout, return_when=FIRST_COMPLETED)
        found = []
        for number, future in list(self._of.items()):
            if future in done:
                del self._of[number]
                found.append((number, _outcome(future)))
        return found

    def stop(self, number: int) -> None:
        self._of.pop(number).cancel()

    def close(self) -> None:
        for future in self._of.values():
            future.cancel()


def _outcome(future: Future) -> Any:
    try:
        return future.result()
    except BrokenExecutor:
        raise  # it will take no more tasks
    except Exception as error:
        return error


def run_pickled(job: bytes, args: bytes) -> Score:
    """Return the score of a trial, as a task of an executor."""
    return cloudpickle.loads(job)(*cloudpickle.loads(args))
