"""What every method does: take a target, return a `Run`; and the loop in chunks that all of them share."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import singledispatch
from threading import Event
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
import xarray as xr

from pbnn.errors import MethodError, unknown
from pbnn.infer.methods import METHODS
from pbnn.target import Target
from pbnn.target.cores import n_cores

if TYPE_CHECKING:
    from pbnn.infer.programs import Keeper


@final
@dataclass(frozen=True, slots=True)
class Run:
    """What a method found.

    Attributes
    ----------
    z
        Draws `(chain, draw, dim)`, unconstrained.
    stats
        Statistics of each draw `(chain, draw)`; `lp` is the log density.
    sampling
        `"mcmc"`, or `"approximate"` for independent draws of an approximation.
    check
        More draws `(chain, draw, dim)`, at half the step size: their means differ from those of `z` by three quarters
        of the bias that the step size causes.
    gaussian
        The Gaussian that the draws are of, to be kept beside them.
    trace
        Course of an optimisation, `(step,)`, by name.
    n_gradients
        Gradients of the log density that were evaluated.
    converged
        What an optimiser says of itself; None for a sampler, which is judged by its draws.
    interrupted
        Whether the user stopped it.
    lost
        Chains, or members, that could not be run however often they began anew.
    message
        What happened, in a sentence.
    """

    z: np.ndarray
    stats: dict[str, np.ndarray]
    sampling: Literal["mcmc", "approximate"]
    check: np.ndarray | None = None
    gaussian: xr.Dataset | None = None
    trace: dict[str, np.ndarray] = field(default_factory=dict)
    n_gradients: int = 0
    converged: bool | None = None
    interrupted: bool = False
    lost: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """The circumstances of a fit.

    Attributes
    ----------
    seed
        Of everything random.
    progress
        Whether to show progress.
    method
        The options, as workers need them.
    keeper
        Opens what keeps states and draws; None keeps them in memory.
    executor
        What runs the chains; None runs them in this process.
    until
        Where each chain stops for now, a number of draws; None goes on to the end. For programs, in this process.
    """

    seed: int
    progress: bool
    method: Any = None
    keeper: "Callable[[], AbstractContextManager[Keeper]] | None" = None
    executor: Executor | None = None
    until: int | None = None


@singledispatch
def run(method: object, target: Target, session: Session) -> Run:
    """Run a method on a target: one registration for each method."""
    raise MethodError(unknown("fit", "method", type(method).__name__, METHODS))


CHUNK_SECONDS = 0.5


class Pace:
    """Choose the length of the next chunk, so that one takes about half a second."""

    def __init__(self, largest: int):
        self.largest = largest
        self._length = 1

    def next(self, left: int) -> int:
        """Return the length of the next chunk, of which no more than `left` may be."""
        return min(self._length, left, self.largest)

    def took(self, n: int, seconds: float) -> None:
        """Learn that `n` steps took so long."""
        wanted = int(n * CHUNK_SECONDS / max(seconds, 1e-9))
        self._length = max(1, min(wanted, 4 * self._length, self.largest))


def timed_chunks(total: int, largest: int, chunk: Callable[[int, int], Any]) -> Iterator[int]:
    """Run `chunk(first, n)` until `total` steps are done; yield `n` after each."""
    pace, done = Pace(largest), 0
    while done < total:
        n = pace.next(total - done)
        start = perf_counter()
        chunk(done, n)
        pace.took(n, perf_counter() - start)
        done += n
        yield n


def run_side_by_side(chains: Sequence[Iterator[int]], advance: Callable[[int], None]) -> bool:
    """Drive iterators of chunks in threads, one for each core; return whether the user interrupted.

    On ctrl-C every chain stops after its current chunk, and what it has stays.
    """
    stop = Event()

    def drive(chain: Iterator[int]) -> None:
        for n in chain:
            advance(n)
            if stop.is_set():
                return

    interrupted = False
    with ThreadPoolExecutor(max_workers=min(len(chains), n_cores())) as pool:
        futures = [pool.submit(drive, chain) for chain in chains]
        pending = set(futures)
        while pending:
            try:
                _, pending = wait(pending, timeout=0.2)
                failed = next((f for f in futures if f.done() and not f.cancelled() and f.exception()), None)
                if failed is not None:
                    stop.set()
            except KeyboardInterrupt:
                interrupted = True
                stop.set()
                for future in pending:
                    future.cancel()
    for future in futures:
        if not future.cancelled():
            future.result()
    return interrupted


def alike(lengths: Sequence[int]) -> int:
    """Return how many draws to keep of each chain that has so many, so that most draws are kept."""
    return max(lengths, key=lambda n: n * sum(length >= n for length in lengths))
