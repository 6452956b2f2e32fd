"""Rootogram: how often each count occurs, beside what the fit expects."""

import arviz_plots
import xarray as xr
from arviz_plots import PlotCollection
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from pbnn.plots.backends import SIZE, other_backend
from pbnn.plots.expect import DRAWN, expect
from pbnn.plots.panel import panel
from pbnn.plots.style import BLUE, INK, ORANGE, axes_for, percent


def plot_rootogram(
    idata: xr.DataTree,
    *,
    output: str | None = None,
    backend: str | None = None,
    ax: Axes | None = None,
) -> Axes | PlotCollection:
    """Draw how often each count was observed, and how often the fit expects it (`arviz_plots.plot_ppc_rootogram`).

    Parameters
    ----------
    idata
        A fit with groups `posterior_predictive` and `observed_data`, as `assess.for_arviz` returns; counts `y`.
    output
        Which output, if there are several.
    backend
        `"matplotlib"`, `"plotly"` or `"bokeh"`.

    Returns
    -------
    matplotlib.axes.Axes or arviz_plots.PlotCollection
        Frequencies on a square-root scale, on which their sampling error is about the same everywhere. Of other
        backends than matplotlib ArviZ's collection.

    References
    ----------
    Kleiber and Zeileis (2016), 10.1080/00031305.2016.1173590.
    """
    expect(idata, "plot_rootogram", DRAWN, "posterior_predictive/y", "observed_data/y")
    other = other_backend("plot_rootogram", backend, ax)
    groups = {}
    for group in ("posterior_predictive", "observed_data"):
        table = idata[group].to_dataset()[["y"]].astype(int)
        groups[group] = table if output is None else table.sel(output=output)
    tree = xr.DataTree.from_dict(groups)
    look = {
        "title": False,
        "predictive_markers": {"color": BLUE},
        "credible_interval": {"color": BLUE},
        "observed_markers": {"color": ORANGE},
    }
    if other:
        return arviz_plots.plot_ppc_rootogram(
            tree, ci_prob=0.9, backend=other, figure_kwargs=SIZE, visuals=look
        )
    ax = axes_for(ax)
    look["observed_markers"] |= {"marker": "o", "size": 28}
    arviz_plots.plot_ppc_rootogram(
        tree, ci_prob=0.9, plot_collection=panel(ax, groups["posterior_predictive"]), visuals=look
    )
    marks = {"ls": "", "marker": "o"}
    handles = [
        Line2D([], [], color=ORANGE, **marks),
        Line2D([], [], color=BLUE, ls="-", marker="d", alpha=0.7),
    ]
    ax.legend(handles, ["data", f"the fit, {percent(0.9)}"], loc="upper right")
    ax.spines["bottom"].set_color(INK)
    ax.set(xlabel=output or "count", ylabel="number of rows")
    return ax
