"""A fit that stops on the way, at a number of draws, and goes on later from its store."""

import os
from time import perf_counter

import xarray as xr

from pbnn.errors import MethodError
from pbnn.graph.build import BNN
from pbnn.infer.methods import MCLMC, SGMCMC
from pbnn.infer.record import record
from pbnn.infer.resume import check_same, store_opener
from pbnn.infer.run import Session, run
from pbnn.infer.store import Store, as_path
from pbnn.target import Target

IN_RUNGS = (MCLMC, SGMCMC)
"""Methods whose chains go on from where a store has them."""


def fit_up_to(
    bnn: BNN, method: MCLMC | SGMCMC, draws: int | None, *, store: str | os.PathLike[str], seed: int
) -> xr.DataTree:
    """Fit until each chain has so many draws, from where the store has it; return the draws that there are.

    The store is that of an unbroken fit with all of the method's draws, stopped on the way: going on gives the very
    draws that it would have given.

    Parameters
    ----------
    bnn
        The model.
    method
        With the draws of the whole fit.
    draws
        In each chain, rounded up to pieces of work; None goes on to the end.
    store
        Its path, made if it is not there.
    seed
        Of the fit.

    Raises
    ------
    MethodError
        If the method has no draws before its end.
    ModelError, FileError
        If the store is of another model, or cannot be used.

    Examples
    --------
    >>> import numpy as np, pbnn, tempfile
    >>> X = np.linspace(-1, 1, 20)[:, None]
    >>> bnn = pbnn.build(pbnn.Network([], pbnn.likelihoods.Gaussian()), X, X[:, 0] + np.sin(9 * X[:, 0]))
    >>> method = pbnn.SGMCMC(draws=50, chains=1, thin=2, tune=20)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     some = fit_up_to(bnn, method, 25, store=f"{folder}/a.zarr", seed=1)
    ...     all_of_them = fit_up_to(bnn, method, None, store=f"{folder}/a.zarr", seed=1)
    >>> some["posterior"].sizes["draw"], all_of_them["posterior"].sizes["draw"]
    (25, 50)
    """
    if not isinstance(method, IN_RUNGS):
        raise MethodError(
            f"fit_up_to: {type(method).__name__} has no draws before its end; take MCLMC or SGMCMC."
        )
    start = perf_counter()
    target = Target.of(bnn, method.precision)
    there = (as_path(store) / "zarr.json").is_file()
    with Store(store) if there else store_opener(store, target, method, seed)() as kept:
        if there:
            check_same(kept, target)
        found = run(method, target, Session(seed, False, method, lambda: kept, None, draws))
        before = kept.seconds_before
    return record(found, method, target, seed=seed, wall_time=before + perf_counter() - start)
