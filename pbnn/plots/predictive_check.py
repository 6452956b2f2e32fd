"""Posterior predictive check: data drawn from the fit beside the data."""

import arviz_plots
import xarray as xr
from arviz_plots import PlotCollection
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from pbnn.plots.backends import SIZE, other_backend
from pbnn.plots.expect import DRAWN, expect
from pbnn.plots.panel import panel
from pbnn.plots.style import BLUE, INK, axes_for

SAMPLE_DIMS = ("chain", "draw")


def plot_predictive_check(
    idata: xr.DataTree,
    *,
    output: str | None = None,
    n_draws: int = 40,
    backend: str | None = None,
    ax: Axes | None = None,
) -> Axes | PlotCollection:
    """Draw the density of the response, and of data sets drawn from the fit (`arviz_plots.plot_ppc_dist`).

    Parameters
    ----------
    idata
        A fit with groups `posterior_predictive` and `observed_data`, as `assess.for_arviz` returns; continuous `y`.
    output
        Which output, if there are several.
    n_draws
        Number of data sets.
    backend
        `"matplotlib"`, `"plotly"` or `"bokeh"`.

    Returns
    -------
    matplotlib.axes.Axes or arviz_plots.PlotCollection
        The dark line should look like one of the pale ones. Of other backends than matplotlib ArviZ's collection.
    """
    expect(idata, "plot_predictive_check", DRAWN, "posterior_predictive/y", "observed_data/y")
    other = other_backend("plot_predictive_check", backend, ax)
    drawn, observed = (
        idata[group].to_dataset()[["y"]] for group in ("posterior_predictive", "observed_data")
    )
    if output is not None:
        drawn, observed = drawn.sel(output=output), observed.sel(output=output)
    total = drawn.sizes["chain"] * drawn.sizes["draw"]
    drawn = drawn.isel(draw=slice(None, None, max(1, total // n_draws)))
    n_draws = min(n_draws, drawn.sizes["chain"] * drawn.sizes["draw"])
    name = output or "response"
    drawn, observed = drawn.rename(y=name), observed.rename(y=name)
    tree = xr.DataTree.from_dict({"posterior_predictive": drawn, "observed_data": observed})
    look = {
        "predictive_dist": {"color": BLUE, "alpha": 0.25, "width": 0.8},
        "observed_dist": {"color": INK, "width": 2},
    }
    if other:
        return arviz_plots.plot_ppc_dist(
            tree, kind="kde", num_samples=n_draws, backend=other, figure_kwargs=SIZE, visuals=look
        )
    ax = axes_for(ax)
    arviz_plots.plot_ppc_dist(
        tree,
        kind="kde",
        num_samples=n_draws,
        plot_collection=panel(ax, drawn.stack(sample=SAMPLE_DIMS), {"overlay_ppc": ["sample"]}),
        visuals={"title": False, **look},
    )
    handles = [Line2D([], [], color=INK, lw=2), Line2D([], [], color=BLUE, alpha=0.5, lw=0.8)]
    ax.legend(handles, ["data", "drawn from the fit"], loc="upper right")
    ax.set(xlabel=name)
    return ax
