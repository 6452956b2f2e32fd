"""Scores of predictions on data, with their standard errors."""

from typing import Any

import xarray as xr

from pbnn.graph.build import BNN


def score(bnn: BNN, idata: xr.DataTree, X: Any, y: Any, *, seed: int | None = None) -> xr.Dataset:
    """Score predictions on data, best data that the fit has not seen.

    Returns
    -------
    xarray.Dataset
        Scalars. Regression and counts: `rmse`, `lpd`, `crps`, and by `level`: `coverage`, `width`.
        Classes: `accuracy`, `lpd`, `brier`, `ece`. Each with `<name>_se`, its standard error over rows.
        attrs: `n_obs`, `n_draws`, `lpd_mcse`; each variable's attrs: `units`, `long_name`.
    """
    raise NotImplementedError
