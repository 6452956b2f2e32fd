"""`fit`: a model and a method to a `DataTree`."""

from time import perf_counter

import numpy as np
import pymc as pm
import xarray as xr

from pbnn.errors import MethodError
from pbnn.graph.build import BNN
from pbnn.infer import (  # noqa: F401  (each registers its `run`)
    advi,
    ensemble,
    map,
    mclmc,
    nuts,
    pymc_samplers,
    sgmcmc,
    swag,
)
from pbnn.infer.methods import Method, as_method
from pbnn.infer.record import record
from pbnn.infer.run import Session, run
from pbnn.target import Target


def fit(
    model: BNN | pm.Model,
    method: str | Method | None = None,
    *,
    seed: int | None = None,
    progress: bool = True,
) -> xr.DataTree:
    """Infer the posterior of a network, or of any `pm.Model` whose free variables are continuous.

    Parameters
    ----------
    model
        What `pbnn.build` returned, or a `pm.Model`.
    method
        `"nuts"` (the default), `"advi"`, `"map"` or `"pymc-advi"`, or options such as `pbnn.NUTS(draws=500)`.
    seed
        The same seed gives the same draws; None takes one at random, and records it.
    progress
        Show a progress bar when somebody looks. ctrl-C ends the fit and returns what there is.

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
        If the method is unknown, or not made for this model.

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
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1)[0] >> 1)
    elif isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**31:
        raise MethodError(f"fit: seed must be a whole number from 0 to 2³¹ - 1; got {seed!r}.")
    start = perf_counter()
    target = Target.of(model, options.precision)
    found = run(options, target, Session(int(seed), progress))
    return record(found, options, target, seed=int(seed), wall_time=perf_counter() - start)
