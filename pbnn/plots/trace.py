"""Trace of the log density."""

import arviz_plots
import xarray as xr
from arviz_plots import PlotCollection
from matplotlib.axes import Axes

from pbnn.plots.backends import SIZE, other_backend
from pbnn.plots.expect import expect
from pbnn.plots.panel import panel
from pbnn.plots.style import CLASS_COLOURS, axes_for

LOG_DENSITY = "log density (nats)"


def plot_trace(
    idata: xr.DataTree, *, backend: str | None = None, ax: Axes | None = None
) -> Axes | PlotCollection:
    """Draw the log density against the draw, a line for each chain (`arviz_plots.plot_trace`).

    Weights of a network are not worth tracing, because hidden units permute; the log density does not care.

    Parameters
    ----------
    idata
        A fit with `sample_stats["lp"]`.
    backend
        `"matplotlib"`, `"plotly"` or `"bokeh"`.

    Returns
    -------
    matplotlib.axes.Axes or arviz_plots.PlotCollection
        Chains that converged look like the same noise. Ticks along the bottom are divergent transitions. Of other
        backends than matplotlib ArviZ's collection.
    """
    expect(idata, "plot_trace", "pbnn.fit", "sample_stats/lp")
    other = other_backend("plot_trace", backend, ax)
    stats = idata["sample_stats"].to_dataset().rename(lp=LOG_DENSITY)
    look = {"trace": {"width": 0.7, "alpha": 0.8}}
    tree = xr.DataTree.from_dict({"sample_stats": stats})
    what = {"group": "sample_stats", "var_names": LOG_DENSITY}
    if other:
        return arviz_plots.plot_trace(
            tree, **what, backend=other, figure_kwargs=SIZE, color=list(CLASS_COLOURS), visuals=look
        )
    ax = axes_for(ax)
    by_chain = {"color": ["chain"], "overlay": ["chain"]}
    arviz_plots.plot_trace(
        tree,
        **what,
        plot_collection=panel(ax, stats[[LOG_DENSITY]], by_chain),
        visuals={"title": False, **look},
    )
    ax.set(xlabel="draw", ylabel=LOG_DENSITY)
    return ax
