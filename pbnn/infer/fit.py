"""`fit`: a model and a method to a `DataTree`."""

import os
from concurrent.futures import Executor
from time import perf_counter

import numpy as np
import pymc as pm
import xarray as xr

from pbnn.errors import MethodError
from pbnn.graph.build import BNN
from pbnn.infer import (  # noqa: F401  (each registers its `run`)
    advi,
    ensemble,
    gauss_newton_vi,
    laplace,
    map,
    mclmc,
    nuts,
    pymc_samplers,
    sgmcmc,
    swag,
)
from pbnn.infer.agreement import warn_of_disagreement
from pbnn.infer.memory import check_limit, check_memory
from pbnn.infer.methods import IN_PIECES, METHODS, Method, as_method
from pbnn.infer.record import record
from pbnn.infer.resume import store_opener
from pbnn.infer.run import Session, run
from pbnn.infer.store import check_free
from pbnn.spec.unknowns import require_closed
from pbnn.target import Target


def fit(
    model: BNN | pm.Model,
    method: str | Method | None = None,
    *,
    seed: int | None = None,
    progress: bool = True,
    store: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    memory: float | None = None,
) -> xr.DataTree:
    """Infer the posterior of a network, or of any `pm.Model` whose free variables are continuous.

    Parameters
    ----------
    model
        What `pbnn.build` returned, or a `pm.Model`.
    method
        `"mclmc"` (the default), `"nuts"`, `"advi"`, `"laplace"`, `"gauss-newton-vi"`, `"ensemble"`, `"swag"`,
        `"sgmcmc"`, `"map"` or `"pymc-advi"`, or options such as `pbnn.NUTS(draws=500)`.
    seed
        The same seed gives the same draws; None takes one at random, and records it.
    progress
        Show a progress bar when somebody looks, and on stderr the size of what is kept. ctrl-C ends the fit and
        returns what there is.
    store
        Where to keep the run while it goes on, such as `"run.zarr"`: killed at any moment, it loses at most a piece of
        work, less than a second of most fits, and `pbnn.resume` goes on. Needs Zarr, `pip install "pbnn[zarr]"`.
    executor
        Any `concurrent.futures.Executor`, such as a `ProcessPoolExecutor` or Dask's `client.get_executor()`: each
        chain is one task, which is run again when it is lost. Workers need pbnn, and the store's path if there is one;
        a process pool must spawn its processes, not fork them. On CPUs draws are the same as without.
    memory
        The most bytes that the result may take; None for no limit.

    Returns
    -------
    xarray.DataTree
        Groups `posterior`, `sample_stats`, `observed_data`, `constant_data`, in ArviZ's layout; draws of an
        approximation are independent draws, in one chain. `attrs["sampling"]` says `"mcmc"` or `"approximate"`;
        method, options, seed, precision, versions, network, wall time (s) and number of gradients are in `attrs`.

    Raises
    ------
    ModelError
        If a free variable is discrete, or the log density is not finite at the start; the message names it.
    MethodError
        If the method is unknown, or not made for this model, for a store or for an executor; or if its draws take
        more than `memory`, with a proposal that does not.
    FileError
        If the store exists already, or cannot be written.

    Examples
    --------
    >>> import numpy as np, pbnn
    >>> from pbnn import likelihoods
    >>> x = np.linspace(-1, 1, 20)[:, None]
    >>> bnn = pbnn.build(pbnn.Network([], likelihoods.Gaussian()), x, 2 * x[:, 0] + np.sin(9 * x[:, 0]))
    >>> idata = pbnn.fit(bnn, pbnn.MAP(), seed=1)
    >>> idata.attrs["method"]
    'map'
    """
    options = as_method(method)
    require_closed(f"fit: {type(options).__name__}", options)
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1)[0] >> 1)
    elif isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**31:
        raise MethodError(f"fit: seed must be a whole number from 0 to 2³¹ - 1; got {seed!r}.")
    _check_in_pieces(options, store, executor)
    check_limit(memory)
    if store is not None:
        check_free(store)
    start = perf_counter()
    target = Target.of(model, options.precision)
    check_memory(options, target, memory, show=progress)
    keeper = None if store is None else store_opener(store, target, options, int(seed))
    found = run(options, target, Session(int(seed), progress, options, keeper, executor))
    tree = record(found, options, target, seed=int(seed), wall_time=perf_counter() - start)
    if target.bnn is None:
        warn_of_disagreement(tree, target.model)
    return tree


def _check_in_pieces(options: Method, store: object, executor: object) -> None:
    """Check that the method can be stored or distributed, if that is asked."""
    if executor is not None and not isinstance(executor, Executor):
        raise MethodError(
            f"fit: executor must be a concurrent.futures.Executor; got {type(executor).__name__}. "
            "Of a Dask client, pass client.get_executor()."
        )
    asked = "store" if store is not None else "executor" if executor is not None else None
    if asked and not isinstance(options, IN_PIECES):
        able = ", ".join(repr(name) for name, cls in METHODS.items() if cls in IN_PIECES)
        raise MethodError(
            f"fit: {type(options).__name__} cannot be run with {asked}=; these methods can: {able}. "
            "Leave it out, or choose another method."
        )
