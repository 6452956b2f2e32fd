"""Whether rows can be left out by reweighting the draws, without fitting again."""

import numpy as np
import xarray as xr

PARETO_K = 0.7
"""Above it the weights of a row are too uneven (Vehtari et al. 2024, JMLR 25(72))."""


def pareto_k(idata: xr.DataTree) -> xr.DataArray:
    """Return how heavy the tail of the weights is that leave each row out.

    Parameters
    ----------
    idata
        From `for_arviz`.

    Returns
    -------
    xarray.DataArray
        `(obs,)`: the Pareto shape of the importance weights. Above 0.7 (`PARETO_K`) the row is so influential that the
        draws do not represent a fit without it, and its leave-one-out prediction is not to be trusted; infinite where
        it cannot be estimated.

    References
    ----------
    Vehtari, Gelman & Gabry (2017), Practical Bayesian model evaluation using leave-one-out cross-validation and WAIC,
    10.1007/s11222-016-9696-4.
    """
    log_likelihood = idata["log_likelihood"]["y"]
    # Weights of 0 make NaN on the way; what comes out of that is infinite, below.
    with np.errstate(all="ignore"):
        _, k = log_likelihood.azstats.psislw(dim=["chain", "draw"])
    return k.fillna(np.inf).rename("pareto_k")
