"""The table of predictive densities, row by row, that `loo` and `kfold` return."""

from typing import Any

import numpy as np
import xarray as xr

STRETCHES = 32
"""Parts of all chains whose sums tell a Monte Carlo error: long enough to hold draws that depend on each other."""

_MEANING = {
    "elpd": ("log predictive density given the other rows", "nat"),
    "lppd": ("log predictive density given all rows", "nat"),
    "p_loo": ("effective number of parameters", "1"),
    "mcse": ("Monte Carlo standard error of elpd", "nat"),
    "pareto_k": ("Pareto shape of the importance weights", "1"),
    "corrected": ("refitted or matched without the row", "1"),
    "fold": ("fold in which the row was left out", "1"),
    "observed": ("observed response", "y"),
}


def summed(table: xr.Dataset, estimator: str) -> xr.Dataset:
    """Add sums over rows, and what each variable is."""
    elpd = table["elpd"].to_numpy()
    n = len(elpd)
    with np.errstate(invalid="ignore"):
        spread = elpd.std(ddof=1) if n > 1 else np.nan
    sums: dict[str, Any] = {"elpd_total": float(elpd.sum()), "se_total": float(n**0.5 * spread)}
    if "p_loo" in table:
        sums["p_loo_total"] = float(table["p_loo"].sum())
    table = table.assign_attrs({"n_bad": 0, **table.attrs, **sums, "n_obs": n, "estimator": estimator})
    for name, values in table.items():
        long_name, units = _MEANING[str(name)]
        values.attrs.update(long_name=long_name, units=units)
    return table


def chains_in(idata: xr.DataTree, posterior: xr.Dataset) -> int:
    """Return in how many chains the draws are; draws of an approximation are independent, and a chain each."""
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    return chains * draws if idata.attrs.get("sampling") == "approximate" else chains


def error_of_sum(terms: np.ndarray, chains: int) -> np.ndarray:
    """Return the Monte Carlo standard error `(obs,)` of sums of draws, whose parts `(obs, chain * draw)` sum to 0.

    By the sums over stretches of chains (batch means), so that draws which depend on each other count for less; NaN for
    one draw.

    References
    ----------
    Flegal & Jones (2010), Batch means and spectral variance estimators in Markov chain Monte Carlo, 10.1214/09-AOS735.

    Examples
    --------
    >>> error_of_sum(np.array([[1.0, -1.0, 1.0, -1.0]]), chains=4).round(3).tolist()
    [2.309]
    """
    n = terms.shape[1]
    length = max(1, n // max(chains, STRETCHES)) if chains < n else 1
    starts = [
        start for first in range(0, n, n // chains) for start in range(first, first + n // chains, length)
    ]
    if len(starts) < 2:
        return np.full(len(terms), np.nan)
    sums = np.add.reduceat(terms, starts, axis=1)
    return np.sqrt((sums**2).sum(axis=1) * len(starts) / (len(starts) - 1))
