"""Trace of the log density."""

import arviz_plots
import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.panel import panel
from pbnn.plots.style import axes_for


def plot_trace(idata: xr.DataTree, *, ax: Axes | None = None) -> Axes:
    """Draw the log density against the draw, a line for each chain (`arviz_plots.plot_trace`).

    Weights of a network are not worth tracing, because hidden units permute; the log density does not care.

    Parameters
    ----------
    idata
        A fit with `sample_stats["lp"]`.

    Returns
    -------
    matplotlib.axes.Axes
        Chains that converged look like the same noise. Ticks along the bottom are divergent transitions.
    """
    ax = axes_for(ax)
    lp = idata["sample_stats"].to_dataset()[["lp"]]
    arviz_plots.plot_trace(
        idata,
        group="sample_stats",
        var_names="lp",
        plot_collection=panel(ax, lp, {"color": ["chain"], "overlay": ["chain"]}),
        visuals={"title": False, "trace": {"width": 0.7, "alpha": 0.8}},
    )
    ax.set(xlabel="draw", ylabel="log density (nats)")
    return ax
