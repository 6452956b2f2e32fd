"""A fit with the groups that ArviZ's checks read: predictive draws and pointwise log-likelihood."""

import xarray as xr

from pbnn.graph.build import BNN


def for_arviz(bnn: BNN, idata: xr.DataTree, *, seed: int | None = None, max_points: int = 500) -> xr.DataTree:
    """Return the fit with `posterior_predictive`, `log_likelihood` and `observed_data` of the training rows.

    Then `arviz_stats.loo(dt)`, `arviz_plots.plot_ppc_dist(dt)`, `plot_loo_pit(dt)` work. Of more than `max_points`
    rows an evenly spaced subset is taken. The groups hold `y` with dims `(chain, draw, obs[, output])`, but
    `log_likelihood` has dims `(chain, draw, obs)`.
    """
    raise NotImplementedError
