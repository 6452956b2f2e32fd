"""Rank plot of the log density."""

import arviz_plots
import xarray as xr
from matplotlib.axes import Axes

from pbnn.plots.panel import panel
from pbnn.plots.style import axes_for


def plot_rank(idata: xr.DataTree, *, ax: Axes | None = None) -> Axes:
    """Draw how the ranks of the log density are shared among chains (`arviz_plots.plot_rank`).

    Parameters
    ----------
    idata
        A fit with `sample_stats["lp"]` and two or more chains.

    Returns
    -------
    matplotlib.axes.Axes
        Each line is a chain's empirical distribution of ranks less the uniform one, and should stay near zero; `p`
        tests whether all chains draw from the same distribution, and points mark where they do not.
    """
    ax = axes_for(ax)
    lp = idata["sample_stats"].to_dataset()[["lp"]]
    arviz_plots.plot_rank(
        idata,
        group="sample_stats",
        var_names="lp",
        plot_collection=panel(ax, lp, {"color": ["chain"], "overlay": ["chain"]}),
        visuals={"title": False, "remove_axis": False},
    )
    ax.set(xlabel="fractional rank of the log density", ylabel="difference from uniform")
    return ax
