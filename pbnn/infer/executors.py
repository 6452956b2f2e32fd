"""Chains as tasks of any `concurrent.futures.Executor`: a process pool, or the workers of a cluster.

A chain follows from the model, the method, the seed and its number. So a task carries those, needs no other task, and
can be run again, anywhere, when it is lost.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any, final

import cloudpickle

from pbnn.errors import FileError, MethodError, PbnnError, warn
from pbnn.infer.programs import Draws, InMemory, Keeper, Kept, Program, Single, State, run_programs
from pbnn.infer.run import Session
from pbnn.infer.store import Store
from pbnn.target import Target

TRIES = 3
"""How often a chain is given to the executor before the fit is given up."""
GRACE = 3.0
"""Seconds, after ctrl-C, for tasks that were interrupted too to hand in what they have."""
GROUPS = ("draws", "check")


@final
@dataclass(frozen=True, slots=True)
class Job:
    """What the tasks of a fit have in common.

    Attributes
    ----------
    model
        The `BNN` or `pm.Model`, pickled.
    program
        The class of the program.
    method, seed
        Its options, and the seed.
    store
        The path of the store that chains are kept in, if any.
    """

    model: bytes
    program: type
    method: Any
    seed: int
    store: str | None


@final
@dataclass(frozen=True, slots=True)
class Done:
    """What a task returns: a chain's last state and its draws by group (None if a store has them)."""

    state: State | None
    draws: dict[str, Draws]
    interrupted: bool


def run_on(
    executor: Executor,
    program: Program,
    target: Target,
    session: Session,
    indices: Sequence[int],
    keeper: Keeper,
    advance: Callable[[int], None],
) -> bool:
    """Run chains as tasks of an executor; return whether the user interrupted.

    A task that is lost is submitted again, up to three times in all. If the executor itself breaks, what is missing is
    run in this process, with a warning.

    Raises
    ------
    MethodError
        If a chain failed in every try.
    """
    check_start_method(executor)
    model = target.bnn if target.bnn is not None else target.model
    store = str(keeper.path) if isinstance(keeper, Store) else None
    job = Job(cloudpickle.dumps(model), type(program), session.method, session.seed, store)
    missing = list(indices)

    def take(index: int, done: Done) -> None:
        if done.state is not None:
            _keep(keeper, index, done)
        missing.remove(index)
        advance(program.pieces)

    try:
        return _submit_all(executor, job, indices, take)
    except BrokenExecutor as error:
        chains = ", ".join(map(str, missing))
        warn(
            f"fit: the executor broke down ({_words(error)}); chains {chains} are run in this process. "
            "Did a worker run out of memory?"
        )
    return run_programs(program, target, missing, keeper, advance, batched=False)


def check_start_method(executor: Executor) -> None:
    """Refuse a pool of forked processes: JAX has threads, and a fork of those may wait forever."""
    context = getattr(executor, "_mp_context", None)
    if context is not None and context.get_start_method() == "fork":
        raise MethodError(
            "fit: the executor forks its processes, which can hang with JAX. Make it with "
            "ProcessPoolExecutor(mp_context=multiprocessing.get_context('spawn'))."
        )


def _submit_all(
    executor: Executor, job: Job, indices: Sequence[int], take: Callable[[int, Done], None]
) -> bool:
    """Submit chains until each is done; return whether the user interrupted, in this process or in a worker."""
    tries = dict.fromkeys(indices, 0)
    running: dict[Future[Done], int] = {}
    interrupted = False

    def submit(index: int) -> None:
        tries[index] += 1
        try:
            running[executor.submit(run_task, job, index)] = index
        except RuntimeError as error:  # BrokenExecutor, or an executor that was shut down
            raise BrokenExecutor(_words(error)) from error

    def collect(done: set[Future[Done]]) -> None:
        nonlocal interrupted
        for future in done:
            index = running.pop(future)
            try:
                result = future.result()
            except BaseException as error:
                if interrupted:  # ctrl-C reaches worker processes too, and breaks a pool
                    continue
                if isinstance(error, BrokenExecutor) or not isinstance(error, Exception | CancelledError):
                    raise
                _check_lost(error, index, tries[index])
                submit(index)
            else:
                interrupted |= result.interrupted
                take(index, result)

    try:
        for index in indices:
            submit(index)
        while running:
            # Short waits, so that ctrl-C is heard everywhere.
            collect(wait(running, timeout=0.2, return_when=FIRST_COMPLETED).done)
    except KeyboardInterrupt:
        interrupted = True
        for future in [f for f in running if f.cancel()]:
            del running[future]
        collect(wait(running, timeout=GRACE).done)
    except BaseException:
        for future in running:
            future.cancel()
        raise
    return interrupted


def _check_lost(error: BaseException, index: int, tries: int) -> None:
    """Raise what another try would meet again."""
    if isinstance(error, PbnnError) and not isinstance(error, FileError):
        raise error
    if tries >= TRIES:
        if isinstance(error, FileError):
            raise error
        raise MethodError(
            f"fit: chain {index} failed {tries} times on the executor, the last time with {_words(error)}. Can its "
            "workers import pbnn, and the modules that the model uses?"
        ) from error


def _words(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0].rstrip('.')}" if text else type(error).__name__


def _keep(keeper: Keeper, index: int, done: Done) -> None:
    state = done.state or {}
    for group, draws in done.draws.items():
        keeper.keep(index, state, Kept(group, 0, draws))
    keeper.keep(index, state, None)


# ---------------------------------------------------------------- in a worker

_PREPARING = Lock()


def run_task(job: Job, index: int) -> Done:
    """Run a chain, from where a store has it, or from its start."""
    with _PREPARING:  # or each of several chains in this process would compile its own
        program, target, single = _prepared(job)
    if job.store is None:
        keeper = InMemory()
        interrupted = run_programs(program, target, [index], keeper, _silent, batched=False, single=single)
        draws = {group: found for group in GROUPS if (found := keeper.draws(index, group))}
        return Done(keeper.state(index), draws, interrupted)
    with Store(job.store, whole=False, where="fit") as store:
        return Done(
            None, {}, run_programs(program, target, [index], store, _silent, batched=False, single=single)
        )


@lru_cache(maxsize=2)
def _prepared(job: Job) -> tuple[Program, Target, Single]:
    """Make the model, the program and its kernels, once for all chains of a fit in this process."""
    target = Target.of(cloudpickle.loads(job.model), job.method.precision)
    program = job.program(job.method, target, job.seed)
    return program, target, Single(program, target)


def _silent(n: int) -> None:
    pass
