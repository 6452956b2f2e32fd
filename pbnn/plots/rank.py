"""Rank plot of the log density."""

import arviz_plots
import xarray as xr
from arviz_plots import PlotCollection
from matplotlib.axes import Axes

from pbnn.plots.backends import SIZE, other_backend
from pbnn.plots.expect import expect
from pbnn.plots.panel import panel
from pbnn.plots.style import CLASS_COLOURS, axes_for


def plot_rank(
    idata: xr.DataTree, *, backend: str | None = None, ax: Axes | None = None
) -> Axes | PlotCollection:
    """Draw how the ranks of the log density are shared among chains (`arviz_plots.plot_rank`).

    Parameters
    ----------
    idata
        A fit with `sample_stats["lp"]` and two or more chains.
    backend
        `"matplotlib"`, `"plotly"` or `"bokeh"`.

    Returns
    -------
    matplotlib.axes.Axes or arviz_plots.PlotCollection
        Each line is a chain's empirical distribution of ranks less the uniform one, and should stay near zero; `p`
        tests whether all chains draw from the same distribution, and points mark where they do not. Of other backends
        than matplotlib ArviZ's collection.
    """
    expect(idata, "plot_rank", "pbnn.fit", "sample_stats/lp")
    other = other_backend("plot_rank", backend, ax)
    lp = idata["sample_stats"].to_dataset()[["lp"]].rename(lp="log density")
    tree = xr.DataTree.from_dict({"sample_stats": lp})
    if other:
        return arviz_plots.plot_rank(
            tree,
            group="sample_stats",
            backend=other,
            figure_kwargs=SIZE,
            color=list(CLASS_COLOURS),
            visuals={"remove_axis": False},
        )
    ax = axes_for(ax)
    arviz_plots.plot_rank(
        tree,
        group="sample_stats",
        plot_collection=panel(ax, lp, {"color": ["chain"], "overlay": ["chain"]}),
        visuals={"title": False, "remove_axis": False},
    )
    ax.set(xlabel="fractional rank of the log density", ylabel="difference from uniform")
    return ax
