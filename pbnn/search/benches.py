"""Where trials are evaluated: in this process, in processes of their own, or as tasks of an executor."""

import time
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from typing import Any, final

import cloudpickle

from pbnn.search.evaluator import Evaluator, first_answers
from pbnn.search.objective import Objective, Score, as_score


@final
@dataclass(frozen=True, slots=True)
class Job:
    """What is the same for all trials."""

    objective: Objective
    X: Any
    y: Any
    seed: int

    def __call__(self, network: Any, method: Any, *step: int) -> Any:
        """Return the score of a network, or what a step of it gave."""
        found = self.objective(network, method, self.X, self.y, self.seed, *step)
        return found if step else as_score(found)


class Lost(Exception):
    """A process died in a trial, through no fault of the trial that we know of."""


def bench_of(
    job: Job, n_workers: int, executor: Executor | None, time_limit: float | None
) -> "Here | Processes | Tasks":
    """Return where trials are evaluated: in this process if one at a time is asked for, and no limit."""
    if executor is not None:
        return Tasks(job, executor, n_workers)
    if n_workers > 1 or time_limit is not None:
        return Processes(job, n_workers)
    return Here(job)


@final
class Here:
    """In this process, one at a time."""

    def __init__(self, job: Job) -> None:
        self._job, self._next = job, None

    @property
    def free(self) -> bool:
        """Whether it takes another trial."""
        return self._next is None

    def wait(self, timeout: float) -> None:
        """Wait until it may be free, or so many seconds."""

    def submit(self, number: int, *args: Any) -> None:
        """Begin a trial, or a step of it."""
        self._next = (number, args)

    def answers(self, timeout: float) -> list[tuple[int, Any]]:
        """Return number and outcome of trials that ended, an exception of one that failed."""
        number, args = self._next
        try:
            found = self._job(*args)
        except Exception as error:
            found = error
        self._next = None
        return [(number, found)]

    def stop(self, number: int) -> None:
        """Give a trial up."""

    def close(self) -> None:
        """Give all up."""


@final
class Processes:
    """In processes of their own, which can be killed."""

    def __init__(self, job: Job, n: int) -> None:
        self._all = [Evaluator(job) for _ in range(n)]
        self._of: dict[int, Evaluator] = {}
        self._last: dict[int, Evaluator] = {}

    @property
    def free(self) -> bool:
        """Whether it takes another trial."""
        return bool(self._idle())

    def _idle(self) -> list[Evaluator]:
        busy = list(self._of.values())
        return [worker for worker in self._all if worker not in busy and worker.ready]

    def wait(self, timeout: float) -> None:
        """Wait until it may be free, or so many seconds."""
        first_answers(self._all, timeout)

    def submit(self, number: int, *args: Any) -> None:
        """Begin a trial, or a step of it."""
        # The one that had it before knows what is compiled for it.
        self._of[number] = next((w for w in self._idle() if w is self._last.get(number)), self._idle()[0])
        self._last = {n: w for n, w in self._last.items() if w is not self._of[number]}
        self._last[number] = self._of[number]
        self._of[number].submit(*args)

    def answers(self, timeout: float) -> list[tuple[int, Any]]:
        """Return number and outcome of trials that ended, an exception of one that failed."""
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
        """Give a trial up."""
        self._of.pop(number).replace()

    def close(self) -> None:
        """Give all up."""
        for worker in self._all:
            worker.close()


@final
class Tasks:
    """As tasks of an executor, which cannot be killed: what comes too late is not looked at."""

    def __init__(self, job: Job, executor: Executor, n: int) -> None:
        self._job, self._executor, self._n = cloudpickle.dumps(job), executor, n
        self._of: dict[int, Future] = {}

    @property
    def free(self) -> bool:
        """Whether it takes another trial."""
        return len(self._of) < self._n

    def wait(self, timeout: float) -> None:
        """Wait until it may be free, or so many seconds."""
        time.sleep(timeout)

    def submit(self, number: int, *args: Any) -> None:
        """Begin a trial, or a step of it."""
        self._of[number] = self._executor.submit(run_pickled, self._job, cloudpickle.dumps(args))

    def answers(self, timeout: float) -> list[tuple[int, Any]]:
        """Return number and outcome of trials that ended, an exception of one that failed."""
        done, _ = wait(self._of.values(), timeout, return_when=FIRST_COMPLETED)
        found = []
        for number, future in list(self._of.items()):
            if future in done:
                del self._of[number]
                found.append((number, _outcome(future)))
        return found

    def stop(self, number: int) -> None:
        """Give a trial up."""
        self._of.pop(number).cancel()

    def close(self) -> None:
        """Give all up."""
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
