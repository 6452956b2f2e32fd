"""The table of predictive densities, row by row, that `loo` and `kfold` return."""

from typing import Any

import numpy as np
import xarray as xr

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
