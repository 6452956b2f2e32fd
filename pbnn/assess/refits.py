"""One model fitted to many sets of data: in this process, or each as a task of an executor.

All fits are of one copy of the model, to which `pm.set_data` gives one set of data after another: so they share what is
compiled, the prior and the standardisation stay as they are, and the user's model is left alone.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any, final

import cloudpickle
import numpy as np
import pymc as pm
import xarray as xr

from pbnn.errors import MethodError, PbnnError
from pbnn.graph.build import BNN
from pbnn.infer.executors import check_start_method
from pbnn.infer.fit import fit
from pbnn.infer.methods import Method

Read = Callable[[BNN, xr.DataTree, "Refit"], Any]
"""What is to be known of a fit; it must not depend on anything that changes."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Refit:
    """A set of data to fit, and what `read` needs beside.

    Attributes
    ----------
    X, y
        Encoded inputs and responses.
    seed
        Of the fit.
    extra
        Anything.
    """

    X: np.ndarray
    y: np.ndarray
    seed: int
    extra: Any = None


def fit_each(
    bnn: BNN,
    method: Method,
    refits: Sequence[Refit],
    read: Read,
    *,
    executor: Executor | None = None,
    where: str,
) -> list[Any]:
    """Fit the model to each set of data, and return what `read` says of each fit.

    Raises
    ------
    MethodError
        If a fit fails; the message says which.
    """
    if executor is not None and not isinstance(executor, Executor):
        raise MethodError(
            f"{where}: executor must be a concurrent.futures.Executor; got {type(executor).__name__}. "
            "Of a Dask client, pass client.get_executor()."
        )
    job = prepared(bnn, method, read)
    if executor is None:
        own = cloudpickle.loads(job)
        return [_named(lambda one=one: _fit(*own, one), i, where) for i, one in enumerate(refits)]
    check_start_method(executor)
    futures = [executor.submit(run_refit, job, one) for one in refits]
    try:
        return [_named(future.result, i, where) for i, future in enumerate(futures)]
    finally:
        for future in futures:
            future.cancel()


def prepared(bnn: BNN, method: Method, read: Read) -> bytes:
    """Return what `run_refit` needs for all fits of a model."""
    return cloudpickle.dumps((bnn, method, read))


def seeds(seed: int, n: int) -> list[int]:
    """Return a seed for each of `n` fits."""
    return [int(s >> 1) for s in np.random.SeedSequence(seed).generate_state(n)]


def _named(run: Callable[[], Any], number: int, where: str) -> Any:
    try:
        return run()
    except PbnnError as error:
        raise type(error)(f"{where}: fit {number}: {error}") from error
    except Exception as error:
        raise MethodError(f"{where}: fit {number} failed: {type(error).__name__}: {error}") from error


def _fit(bnn: BNN, method: Method, read: Read, one: Refit) -> Any:
    pm.set_data({"X": one.X, "y_data": one.y}, model=bnn.model)
    idata = fit(bnn, method, seed=one.seed, progress=False)
    if idata.attrs["interrupted"]:
        raise KeyboardInterrupt  # `fit` keeps what it has, but some fits are no answer here
    return read(bnn, idata, one)


# ---------------------------------------------------------------- in a worker

_ONE_AT_A_TIME = Lock()


def run_refit(job: bytes, one: Refit) -> Any:
    """Fit one set of data; those of one process take turns, for they share a model and what is compiled for it."""
    with _ONE_AT_A_TIME:
        return _fit(*_prepared(job), one)


@lru_cache(maxsize=1)
def _prepared(job: bytes) -> tuple[BNN, Method, Read]:
    return cloudpickle.loads(job)
