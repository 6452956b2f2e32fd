"""Did the sampler converge? In function space: hidden units permute, so the R-hat of a weight means nothing."""

from typing import Any

import xarray as xr

from pbnn.graph.build import BNN


def diagnose(bnn: BNN, idata: xr.DataTree, X: Any = None, *, max_points: int = 100) -> xr.Dataset:
    """Say whether a fit can be trusted, judged by its predictions.

    Parameters
    ----------
    X
        Inputs at which to judge; training rows, evenly spaced, if None.
    max_points
        At most this many inputs.

    Returns
    -------
    xarray.Dataset
        Of the predictive mean `mu` (or probabilities `p`), dims `(obs[, output | class])`: `mean`, `sd`, `r_hat`,
        `ess_bulk`, `ess_tail`, `mcse_mean`, `mcse_sd`. Scalars `log_density_r_hat`, `log_density_ess`.
        attrs: `verdict` (a sentence), `trust` ("yes" | "caution" | "no"), `findings` (JSON list of [level, sentence],
        level "ok" | "caution" | "no"), `sampling`, `method`, `n_chains`, `n_draws` (per chain), `r_hat_max`,
        `ess_bulk_min`, `ess_tail_min`, `mcse_share_max` (largest MCSE of a mean in sd), and where the method gives
        them `divergences`, `divergence_share`, `max_treedepth_share`, `k_hat`, `interrupted`, `converged`.
    """
    raise NotImplementedError
