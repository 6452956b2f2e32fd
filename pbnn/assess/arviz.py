"""A fit with the groups that ArviZ's checks read: predictive draws and pointwise log-likelihood."""

from typing import Any

import numpy as np
import xarray as xr

from pbnn.assess.rows import read_draws, spaced
from pbnn.graph.build import BNN
from pbnn.predict.rows import training_data


def for_arviz(bnn: BNN, idata: xr.DataTree, *, seed: int | None = None, max_points: int = 500) -> xr.DataTree:
    """Return the fit with `posterior_predictive`, `log_likelihood` and `observed_data` of the training rows.

    Then `arviz_stats.loo(dt)`, `arviz_plots.plot_ppc_dist(dt)` and `plot_loo_pit(dt)` work.

    Parameters
    ----------
    bnn, idata
        The model and its fit.
    seed
        Of the draws of the response.
    max_points
        At most this many training rows, evenly spaced.

    Returns
    -------
    xarray.DataTree
        Groups `posterior` and `sample_stats` as they are; `posterior_predictive` and `observed_data` with `y`, dims
        `([chain, draw,] obs[, output])`, in the user's units or as codes of the classes; `log_likelihood` with `y`,
        dims `(chain, draw, obs)`, summed over outputs, in nats: that of the model, from which weights of the draws are
        made, also where a recalibration moves the predictions.

    Raises
    ------
    ModelError
        If `idata` is the fit of another model.
    """
    forward, posterior = read_draws(bnn, idata, "for_arviz", seed, mixed=False)
    response = bnn.response
    inputs, observed = training_data(bnn, idata, "for_arviz")
    at = spaced(len(inputs), max_points)
    inputs, observed = inputs[at], observed[at]
    drawn = forward.allocate(["y"], len(at))
    forward.fill(inputs, drawn)
    log_likelihood = forward.unmoved().log_likelihood(forward.bind(inputs, observed))
    sample, row = ("chain", "draw"), ("obs",) if response.vector else ("obs", "output")
    coords: dict[str, Any] = {"obs": at, **{dim: posterior[dim].to_numpy() for dim in sample}}
    labels = {} if response.vector else {"output": list(response.names)}
    if response.censored:
        # ArviZ compares numbers with draws of them: what is not known is missing.
        observed = np.where(observed[:, 0] == observed[:, 1], observed[:, 0], np.nan)

    def by_draw(values: np.ndarray, dims: tuple[str, ...], **labels: Any) -> xr.Dataset:
        shaped = values.reshape(posterior.sizes["chain"], -1, *values.shape[1:])
        return xr.Dataset({"y": ((*sample, *dims), shaped)}, coords={**coords, **labels})

    groups = {
        "posterior": posterior,
        "posterior_predictive": by_draw(drawn["y"], row, **labels),
        "log_likelihood": by_draw(log_likelihood, ("obs",)),
        "observed_data": xr.Dataset({"y": (row, observed)}, coords={"obs": at, **labels}),
    }
    if "sample_stats" in idata.children:
        groups["sample_stats"] = idata["sample_stats"].to_dataset()
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = dict(idata.attrs)
    return tree
