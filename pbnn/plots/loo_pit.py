"""Leave-one-out probability integral transforms."""

import arviz_plots
import xarray as xr
from arviz_plots import PlotCollection
from matplotlib.axes import Axes

from pbnn.plots.backends import SIZE, other_backend
from pbnn.plots.expect import DRAWN, expect
from pbnn.plots.panel import panel
from pbnn.plots.style import axes_for


def plot_loo_pit(
    idata: xr.DataTree, *, backend: str | None = None, ax: Axes | None = None
) -> Axes | PlotCollection:
    """Draw whether each observation is where the fit to all the others expects it (`arviz_plots.plot_loo_pit`).

    Parameters
    ----------
    idata
        A fit with groups `posterior_predictive`, `log_likelihood` and `observed_data`, as `assess.for_arviz` returns;
        one output, continuous or counts.
    backend
        `"matplotlib"`, `"plotly"` or `"bokeh"`.

    Returns
    -------
    matplotlib.axes.Axes or arviz_plots.PlotCollection
        The line should stay near zero; `p` tests it, and points mark where it strays. Of other backends than
        matplotlib ArviZ's collection.

    References
    ----------
    Vehtari, Gelman and Gabry (2017), 10.1007/s11222-016-9696-4.
    """
    groups = ("posterior_predictive/y", "log_likelihood/y", "observed_data/y", "sample_stats/lp")
    expect(idata, "plot_loo_pit", DRAWN, *groups)
    other = other_backend("plot_loo_pit", backend, ax)
    # ArviZ takes the efficiency of the draws from the group `posterior`. That of weights means nothing.
    lp = idata["sample_stats"].to_dataset()[["lp"]]
    judged = xr.DataTree.from_dict(
        {
            "posterior": lp,
            **{name: idata[name].to_dataset()[["y"]] for name in ("posterior_predictive", "log_likelihood")},
            "observed_data": idata["observed_data"].to_dataset()[["y"]],
        }
    )
    y = judged["observed_data"].to_dataset()
    # "pot_c" fits a Pareto tail to the draws, which fails on ties; "prit_c" makes do with their ranks.
    method = "prit_c" if (y["y"] == y["y"].round()).all() else "pot_c"
    if other:
        return arviz_plots.plot_loo_pit(
            judged, method=method, backend=other, figure_kwargs=SIZE, visuals={"title": False}
        )
    ax = axes_for(ax)
    arviz_plots.plot_loo_pit(judged, method=method, plot_collection=panel(ax, y), visuals={"title": False})
    ax.set(xlabel="leave-one-out PIT", ylabel="difference from uniform")
    return ax
